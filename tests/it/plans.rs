//! What a plan asks for beside its digests: silence that is proven, many alerts
//! as one, and a word when a watch is found far more often than usual.

use crate::inside::{Inside, time};
use chrono::{DateTime, TimeDelta, Utc};
use mail_parser::MessageParser;
use newswatch::mail::Limits;

const WATCHES: &str = "[mail]\nfrom = \"newswatch@example.org\"\n\
    [[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
    [[watch]]\nname = \"sanctions\"\nquery = \"sanctions\"\n\
    [[plan]]\nname = \"desk\"\nto = [\"ada@example.org\"]\n";

fn desk(plan: &str) -> Inside {
    Inside::open(&format!("{WATCHES}{plan}"), Limits::default())
}

/// Subject and text of each mail, oldest first.
fn mails(desk: &Inside) -> Vec<(String, String)> {
    let read = |id: String| {
        let path = desk.directory.path().join("mail").join(format!("{id}.eml"));
        let bytes = std::fs::read(path).expect("the mail was sent");
        let mail = MessageParser::default().parse(&bytes).expect("a mail");
        let text = mail.body_text(0).expect("a text part").replace("\r\n", "\n");
        (mail.subject().unwrap_or_default().into(), text)
    };
    desk.query("SELECT message_id FROM outbox ORDER BY id").into_iter().map(read).collect()
}

fn subjects(desk: &Inside) -> Vec<String> {
    mails(desk).into_iter().map(|(subject, _)| subject).collect()
}

fn headlines(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("* ")).collect()
}

/// Stories `from` to `to` of a watch, in one poll.
fn publish(desk: &Inside, watch: &str, numbers: std::ops::Range<u32>, now: DateTime<Utc>) {
    let articles = numbers.map(|number| {
        let text = format!("{watch} again, as report {number} has it.");
        desk.article(&format!("{watch}-{number}"), &format!("{watch}, report {number}"), &text)
    });
    desk.record(articles.collect(), Vec::new(), now);
}

#[tokio::test]
async fn silence_is_proven_where_the_plan_asks_for_it() {
    let seven = time("2026-11-02T07:00:00Z");
    for (plan, expected) in [
        (
            "cron = \"0 7 * * *\"\nall_is_well = true\n",
            vec!["All is well: no news, 1 article read from 1 source"],
        ),
        ("cron = \"0 7 * * *\"\n", vec![]),
    ] {
        let desk = desk(plan);
        desk.round(seven - TimeDelta::hours(9)).await;
        desk.publish("1", "Weather", "It rains in Osh.", seven - TimeDelta::hours(8));
        for minutes in [-1, 0, 1, 600] {
            desk.round(seven + TimeDelta::minutes(minutes)).await;
        }
        assert_eq!(subjects(&desk), expected, "{plan}");
    }
}

#[tokio::test]
async fn more_alerts_than_the_burst_are_one_mail_that_says_so() {
    let now = time("2026-11-02T12:00:00Z");
    for (count, mails_expected) in [(3, 3), (4, 1), (40, 1)] {
        let desk = desk("burst_max = 3\n");
        publish(&desk, "Temirov", 0..count, now);
        for _ in 0..3 {
            desk.round(now).await;
        }
        let mails = mails(&desk);
        assert_eq!(mails.len(), mails_expected, "{count} alerts");
        let told: usize = mails.iter().map(|(_, text)| headlines(text).len()).sum();
        assert_eq!(told, count as usize);
        let says = "More than 3 alerts came at once, so they are told in one mail.";
        assert_eq!(mails[0].1.contains(says), mails_expected == 1, "{}", mails[0].1);
    }
}

#[tokio::test]
async fn alerts_of_the_quiet_hours_come_after_them() {
    let desk = desk("quiet = \"22:00-06:00\"\ntimezone = \"Asia/Bishkek\"\n");
    let evening = time("2026-11-02T16:00:00Z");
    publish(&desk, "Temirov", 0..2, evening);
    for minutes in [0, 60, 479] {
        desk.round(evening + TimeDelta::minutes(minutes)).await;
        assert!(mails(&desk).is_empty(), "22:00 to 06:00 in Bishkek, {minutes} minutes in");
    }
    desk.round(evening + TimeDelta::minutes(480)).await;
    assert_eq!(subjects(&desk), ["Alert: Temirov, report 0 — Temirov", "Alert: Temirov, report 1 — Temirov"]);
}

/// Four weeks of one story of Temirov a day, told each morning.
async fn usual(plan: &str) -> (Inside, DateTime<Utc>) {
    let desk = desk(&format!("cron = \"0 7 * * *\"\n{plan}"));
    let first = time("2026-10-01T12:00:00Z");
    for day in 0..28 {
        let noon = first + TimeDelta::days(day.into());
        publish(&desk, "Temirov", day..day + 1, noon);
        desk.round(noon).await;
        desk.round(noon + TimeDelta::hours(19)).await;
    }
    (desk, first + TimeDelta::days(28))
}

#[tokio::test]
async fn a_watch_found_far_more_often_than_usual_is_told_at_once_and_once_a_day() {
    let (desk, noon) = usual("spike_from = 5\n").await;
    let before = mails(&desk).len();
    publish(&desk, "Temirov", 100..103, noon);
    publish(&desk, "sanctions", 0..3, noon);
    desk.round(noon).await;
    assert_eq!(mails(&desk).len(), before, "three of each are no spike");
    publish(&desk, "Temirov", 103..107, noon + TimeDelta::hours(1));
    for minutes in [60, 61, 120] {
        desk.round(noon + TimeDelta::minutes(minutes)).await;
    }
    publish(&desk, "Temirov", 107..109, noon + TimeDelta::hours(3));
    desk.round(noon + TimeDelta::hours(3)).await;
    let told = mails(&desk).split_off(before);
    let (subject, text) = &told[0];
    assert_eq!(told.len(), 1, "once a day");
    assert_eq!(subject, "Spike: Temirov, 7 stories in 24 hours, usually 1 a day");
    assert!(text.starts_with("7 stories · desk\n"), "{text}");
    assert!(
        text.contains(
            "\nTemirov: 7 stories in 24 hours, usually 1 a day. What you were not told yet\nfollows.\n"
        ),
        "{text}"
    );
    assert_eq!(text.matches("usually").count(), 1, "said once: {text}");
    assert!(!text.contains("sanctions"), "the rest waits for its digest: {text}");

    desk.round(noon + TimeDelta::hours(19)).await;
    let (subject, text) = mails(&desk).remove(before + 1);
    assert!(subject.starts_with("5 stories: "), "never twice: {subject}");
    assert!(text.contains("== Temirov (2) ==\n9 stories in 24 hours, usually 1 a day\n"), "{text}");
    publish(&desk, "Temirov", 200..206, noon + TimeDelta::hours(30));
    desk.round(noon + TimeDelta::hours(30)).await;
    assert!(mails(&desk)[before + 2].0.starts_with("Spike: Temirov, 6 stories in 24 hours"), "a day later");
}

#[tokio::test]
async fn no_spike_is_told_unasked_nor_in_the_first_week() {
    let (unasked, noon) = usual("").await;
    let before = mails(&unasked).len();
    publish(&unasked, "Temirov", 100..150, noon);
    unasked.round(noon).await;
    assert_eq!(mails(&unasked).len(), before);

    let fresh = desk("cron = \"0 7 * * *\"\nspike_from = 5\n");
    let first = time("2026-10-01T12:00:00Z");
    fresh.round(first).await;
    // The first poll brings the past.
    publish(&fresh, "Temirov", 0..60, first);
    for days in 0..9 {
        let noon = first + TimeDelta::days(days);
        fresh.round(noon).await;
        fresh.round(noon + TimeDelta::hours(19)).await;
    }
    assert_eq!(subjects(&fresh).len(), 1, "a digest: {:?}", subjects(&fresh));
    publish(&fresh, "sanctions", 0..6, first + TimeDelta::days(9));
    fresh.round(first + TimeDelta::days(9)).await;
    assert_eq!(subjects(&fresh)[1], "Spike: sanctions, 6 stories in 24 hours, usually none");
}

/// A plan that everybody has left, and that the operator then takes out for another.
#[tokio::test]
async fn what_waits_under_a_plan_taken_out_is_told_to_whom_the_log_says() {
    for (ops_to, told) in
        [("", "cara@example.org"), ("ops_to = [\"admin@example.org\"]\n", "admin@example.org")]
    {
        let named = |name: &str| {
            let config = WATCHES.replacen("[mail]\n", &format!("[mail]\n{ops_to}"), 1);
            config.replacen("name = \"desk\"", &format!("name = {name:?}"), 1)
        };
        let old = Inside::open(&named("desk"), Limits::default());
        let now = time("2026-11-02T07:00:00Z");
        for reader in ["ada@example.org", "admin@example.org"] {
            assert!(old.desk.store.leave("desk", reader, now).expect("written"));
        }
        publish(&old, "Temirov", 1..2, now);
        old.round(now).await;
        let mails =
            "SELECT o.recipient FROM outbox o JOIN digest d ON d.id = o.digest_id WHERE d.plan = 'desk'";
        assert_eq!(old.query(mails), [""; 0]);
        let other = named("news desk").replace("ada@example.org", "cara@example.org");
        let new = std::sync::Arc::new(old.read(&other).expect("a desk"));
        for minutes in 1..3 {
            let then = now + TimeDelta::minutes(minutes);
            newswatch::daemon::tell_due(&new, then).await.expect("told");
        }
        assert_eq!(old.query(mails), [told], "{ops_to}");
    }
}
