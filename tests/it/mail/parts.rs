//! A relay that takes no large mail: a digest goes on in parts, a story that is too
//! large even alone by its headline; nothing is lost, nothing comes twice.

use crate::inside::{Inside, time};
use crate::relay::{Got, Relay};
use chrono::{DateTime, TimeDelta, Utc};
use mail_parser::MessageParser;
use newswatch::mail::Limits;
use std::collections::BTreeSet;

const TOO_LARGE: &str = "552 5.3.4 message too big";

fn desk(relay: &Relay, plan: &str, to: &[&str]) -> Inside {
    let config = format!(
        "[mail]\ntransport = \"smtp\"\nhost = \"127.0.0.1\"\ntls = \"none\"\nport = {}\n\
         from = \"newswatch@example.org\"\n[[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
         [[plan]]\nname = \"desk\"\nto = {to:?}\n{plan}",
        relay.port
    );
    Inside::open(&config, Limits { connect_ms_max: 20_000, reply_ms_max: 20_000, final_reply_ms_max: 20_000 })
}

fn day(day: u32, clock: &str) -> DateTime<Utc> {
    time(&format!("2026-11-{day:02}T{clock}:00Z"))
}

/// A desk whose first digest, of so many stories, is due at seven on the second.
async fn due(relay: &Relay, stories: usize, to: &[&str]) -> Inside {
    let desk = desk(relay, "cron = \"0 7 * * *\"", to);
    desk.round(day(1, "12:00")).await;
    for story in 0..stories {
        let text = format!("Temirov was seen at pass number {story}{story}{story} of the {story}th range.");
        desk.publish(&story.to_string(), &format!("Story {story}: Temirov"), &text, day(1, "13:00"));
    }
    desk
}

/// Subject, Message-ID, and the stories that a mail tells in full or by their line.
fn read(got: &Got) -> (String, String, BTreeSet<String>) {
    let mail = MessageParser::default().parse(&got.bytes).expect("a mail");
    let text = mail.body_text(0).expect("a text part");
    let told = text.lines().filter_map(|line| line.trim_start_matches("* ").strip_prefix("Story "));
    let told = told.filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect();
    (mail.subject().unwrap_or_default().into(), mail.message_id().unwrap_or_default().into(), told)
}

fn kept(relay: &Relay, reader: &str) -> Vec<(String, String, BTreeSet<String>)> {
    relay.got().iter().filter(|got| got.kept && got.recipient == reader).map(read).collect()
}

/// Each story once over all mails, each mail with an id of its own.
fn is_told_once(mails: &[(String, String, BTreeSet<String>)], stories: usize) {
    let ids: BTreeSet<_> = mails.iter().map(|(_, id, _)| id).collect();
    assert_eq!(ids.len(), mails.len(), "{mails:?}");
    let mut told: Vec<_> = mails.iter().flat_map(|(.., told)| told).cloned().collect();
    told.sort_by_key(|number| number.parse::<usize>().unwrap_or_default());
    assert_eq!(told, (0..stories).map(|story| story.to_string()).collect::<Vec<_>>(), "{mails:?}");
}

#[tokio::test]
async fn a_digest_that_is_too_large_goes_on_in_parts() {
    for (octets, stories, parts) in [(30_000, 30, 2), (15_000, 30, 4), (10_000, 30, 8)] {
        let relay = Relay::open(&format!("dot: over {octets} {TOO_LARGE}"));
        let desk = due(&relay, stories, &["ada@example.org", "bek@example.org"]).await;
        desk.round(day(2, "07:00")).await;
        for reader in ["ada@example.org", "bek@example.org"] {
            let mails = kept(&relay, reader);
            is_told_once(&mails, stories);
            assert_eq!(mails.len(), parts, "{octets}: {mails:?}");
            for (number, (subject, ..)) in (1..).zip(&mails) {
                assert!(subject.ends_with(&format!(" (part {number} of {parts})")), "{subject}");
            }
        }
        let states = desk.query("SELECT DISTINCT state FROM outbox ORDER BY state");
        assert_eq!(states, ["dropped", "sent"]);
        let shown = desk.desk.store.show(1).expect("read").expect("stored").told;
        let told: Vec<_> = shown.iter().filter_map(|told| told.recipient.as_deref()).collect();
        assert_eq!(told, ["ada@example.org", "bek@example.org"], "each by one part: {shown:?}");
        let asked = relay.commands().len();
        let ids: Vec<i64> =
            desk.query("SELECT id FROM outbox").iter().map(|id| id.parse().expect("a row")).collect();
        desk.desk.store.retry(&ids, day(2, "08:00")).expect("written");
        desk.round(day(2, "09:00")).await;
        assert_eq!(relay.commands().len(), asked, "nothing is tried again");
    }
}

#[tokio::test]
async fn a_story_too_large_even_alone_is_told_by_headline_and_link() {
    let relay = Relay::open(&format!("dot: over 3000 {TOO_LARGE}"));
    let desk = desk(&relay, "", &["ada@example.org"]);
    desk.publish("7", "Story 7: Temirov & <co>", &"Temirov was seen. ".repeat(40), day(1, "13:00"));
    desk.round(day(1, "13:00")).await;
    let mails = kept(&relay, "ada@example.org");
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].0, "Alert: Story 7: Temirov & <co> \u{2014} Temirov");
    let bytes = relay.got().pop().expect("it was sent").bytes;
    let mail = MessageParser::default().parse(&bytes).expect("a mail");
    let text = mail.body_text(0).expect("a text part").into_owned();
    assert_eq!(text.lines().next(), Some("Story 7: Temirov & <co>"));
    assert!(text.contains("https://echo.example/7") && text.contains("newswatch show 1"), "{text}");
    let html = mail.body_html(0).expect("an HTML part");
    assert!(
        html.contains("<a href=\"https://echo.example/7\">Story 7: Temirov &#38; &#60;co&#62;</a>"),
        "{html}"
    );
}

#[tokio::test]
async fn a_server_that_takes_nothing_is_given_up_and_said() {
    let relay = Relay::open(&format!("dot: over 10 {TOO_LARGE}"));
    let desk = due(&relay, 3, &["ada@example.org"]).await;
    let tries = desk.round(day(2, "07:00")).await;
    assert_eq!(
        desk.query("SELECT state, count(*) FROM outbox GROUP BY state"),
        ["dropped | 6", "refused | 3"]
    );
    assert!(tries.len() < 20, "it ends: {tries:?}");
    let reasons = desk.query("SELECT DISTINCT last_reason FROM mail_refused");
    assert_eq!(reasons, [format!("message: {TOO_LARGE}")]);
}

/// Between parts: the first is gone, the second refused. What is gone stays gone.
#[tokio::test]
async fn a_part_that_left_is_not_composed_anew() {
    let relay = Relay::open(&format!("dot: over 30000 {TOO_LARGE}"));
    let desk = due(&relay, 30, &["ada@example.org"]).await;
    let calls = std::cell::Cell::new(0);
    // The first of two parts, and then no more.
    let go_on = || calls.replace(calls.get() + 1) < 2;
    newswatch::daemon::tell_due(&desk.desk, day(2, "07:00")).await.expect("told");
    newswatch::daemon::deliver_due(&desk.desk, || day(2, "07:00"), go_on, |_| ()).await.expect("the outbox");
    assert_eq!(kept(&relay, "ada@example.org").len(), 1, "{:?}", relay.got().len());
    relay.play(&format!("dot: over 15000 {TOO_LARGE}"));
    desk.round(day(2, "07:01")).await;
    let mails = kept(&relay, "ada@example.org");
    is_told_once(&mails, 30);
    assert!(mails[0].0.ends_with("(part 1 of 2)") && mails[1].0.ends_with("(part 2 of 3)"), "{mails:?}");
}

/// A part that was given up by hand keeps its number: the other one is not lost for it.
#[tokio::test]
async fn a_part_that_was_given_up_does_not_take_the_others_along() {
    let relay = Relay::open(&format!("dot: over 30000 {TOO_LARGE}"));
    let desk = due(&relay, 30, &["ada@example.org"]).await;
    let calls = std::cell::Cell::new(0);
    // The whole, and no part yet.
    let go_on = || calls.replace(calls.get() + 1) < 1;
    newswatch::daemon::tell_due(&desk.desk, day(2, "07:00")).await.expect("told");
    newswatch::daemon::deliver_due(&desk.desk, || day(2, "07:00"), go_on, |_| ()).await.expect("the outbox");
    assert!(desk.desk.store.drop_letter(3, day(2, "07:00")).expect("written"));
    relay.play(&format!("dot: over 15000 {TOO_LARGE}"));
    desk.round(day(2, "07:01")).await;
    let mails = kept(&relay, "ada@example.org");
    let subjects: Vec<_> = mails.iter().map(|(subject, ..)| subject.rsplit(" (").next()).collect();
    assert_eq!(subjects, [Some("part 1 of 3)"), Some("part 3 of 3)")]);
    assert_eq!(mails.iter().map(|(.., told)| told.len()).sum::<usize>(), 15);
    desk.desk.store.retry(&[3], day(2, "07:02")).expect("written");
    relay.play("");
    desk.round(day(2, "07:03")).await;
    is_told_once(&kept(&relay, "ada@example.org"), 30);
}

/// What says that the mail is too large, and what only sounds like it.
#[tokio::test]
async fn only_size_splits_a_mail() {
    for (script, is_split) in [
        ("MAIL: 552 message size exceeds fixed maximum message size", true),
        ("DATA: 552 too much mail data", true),
        ("dot: 552 too big", true),
        ("dot: 552-5.2.3 your message\\n552 5.2.3 is too long", true),
        ("dot: 554 5.3.4 message too big for system", true),
        ("RCPT: 550 5.2.3 message too long for this mailbox", true),
        ("RCPT: 552 mailbox full", false),
        ("dot: 552 5.2.2 mailbox full", false),
        ("dot: 554 5.7.1 no", false),
        ("dot: 452 4.3.4 later", false),
    ] {
        let relay = Relay::open(script);
        let desk = due(&relay, 2, &["ada@example.org"]).await;
        desk.round(day(2, "07:00")).await;
        let split = desk.query("SELECT count(*) FROM outbox WHERE state = 'dropped'").remove(0) != "0";
        assert_eq!(split, is_split, "{script}");
    }
}

/// An update of a story whose first mail went in parts answers the part that told it.
#[tokio::test]
async fn an_edit_answers_the_part_that_told_the_story() {
    let relay = Relay::open(&format!("dot: over 30000 {TOO_LARGE}"));
    let desk = due(&relay, 30, &["ada@example.org"]).await;
    desk.round(day(2, "07:00")).await;
    let mails = kept(&relay, "ada@example.org");
    let told_in = mails.iter().find(|(.., told)| told.contains("29")).expect("it was told").1.clone();
    let text = "Temirov was seen at another pass altogether, two witnesses said.";
    desk.record(Vec::new(), vec![(30, desk.article("29", "Story 29: Temirov", text))], day(2, "08:00"));
    desk.round(day(3, "07:00") + TimeDelta::seconds(1)).await;
    let got = relay.got().pop().expect("the correction");
    let mail = MessageParser::default().parse(&got.bytes).expect("a mail");
    assert_eq!(mail.in_reply_to().as_text(), Some(told_in.as_str()));
}

/// Found by a clock that was a day ahead, and told once it was set right.
#[tokio::test]
async fn a_clock_that_was_set_back_leaves_no_story_out_of_the_parts() {
    let relay = Relay::open(&format!("dot: over 15000 {TOO_LARGE}"));
    let desk = desk(&relay, "cron = \"0 7 * * *\"", &["ada@example.org"]);
    desk.round(day(1, "12:00")).await;
    for story in 0..30 {
        let text = format!("Temirov was seen at pass number {story}{story}{story} of the {story}th range.");
        desk.publish(&story.to_string(), &format!("Story {story}: Temirov"), &text, day(3, "06:00"));
    }
    desk.round(day(2, "07:00")).await;
    is_told_once(&kept(&relay, "ada@example.org"), 30);
    // And who was told is told of an edit.
    desk.record(
        Vec::new(),
        vec![(30, desk.article("29", "Story 29: Temirov", "Temirov was seen nowhere, two said."))],
        day(2, "08:00"),
    );
    desk.round(day(3, "07:00")).await;
    let got = relay.got().pop().expect("the correction");
    assert_eq!(read(&got).0, "Corrected: Story 29: Temirov");
}

#[tokio::test]
async fn each_part_of_a_spike_says_that_it_is_one() {
    let relay = Relay::open(&format!("dot: over 30000 {TOO_LARGE}"));
    let desk = desk(&relay, "cron = \"0 7 * * *\"\nspike_from = 5", &["ada@example.org"]);
    desk.round(day(1, "12:00")).await;
    desk.publish("old", "Temirov at home", "Temirov was at home all day long.", day(1, "13:00"));
    for days in 2..=10 {
        desk.round(day(days, "07:00")).await;
    }
    let before = kept(&relay, "ada@example.org").len();
    for story in 0..30 {
        let text = format!("Temirov was seen at pass number {story}{story}{story} of the {story}th range.");
        desk.publish(&story.to_string(), &format!("Story {story}: Temirov"), &text, day(10, "12:00"));
    }
    desk.round(day(10, "12:00")).await;
    let mails = kept(&relay, "ada@example.org").split_off(before);
    is_told_once(&mails, 30);
    let spike = "Spike: Temirov, 30 stories in 24 hours, usually none";
    let subjects: Vec<&str> = mails.iter().map(|(subject, ..)| subject.as_str()).collect();
    assert_eq!(subjects, [format!("{spike} (part 1 of 2)"), format!("{spike} (part 2 of 2)")]);
    let text = String::from_utf8_lossy(&relay.got().pop().expect("a part").bytes).into_owned();
    assert!(text.contains("Mon 9 Nov, 12:00"), "of the last 24 hours: {text}");
}
