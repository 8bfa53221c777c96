//! What becomes of a story that was told: edits are told once, in the next digest,
//! and an update answers the mail that first told it.

use crate::inside::{Inside, time};
use chrono::{DateTime, TimeDelta, Utc};
use mail_parser::MessageParser;
use newswatch::mail::Limits;

const WATCHES: &str = "[mail]\nfrom = \"newswatch@example.org\"\n\
    [[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
    [[watch]]\nname = \"Khorugh\"\nquery = \"Khorugh\"\n";
const DAILY: &str =
    "[[plan]]\nname = \"desk\"\nto = [\"ada@example.org\", \"bek@example.org\"]\ncron = \"0 7 * * *\"\n";
const AT_ONCE: &str = "[[plan]]\nname = \"desk\"\nto = [\"ada@example.org\"]\n";

const TITLE: &str = "Court frees four men";
const TEXT: &str = "The court freed four men on Friday, Temirov among them. It was raining.";

/// A mail as its reader sees it.
struct Read {
    id: String,
    subject: String,
    text: String,
    answers: Option<String>,
}

fn day(day: u32, clock: &str) -> DateTime<Utc> {
    time(&format!("2026-11-{day:02}T{clock}:00Z"))
}

fn desk(plan: &str) -> Inside {
    Inside::open(&format!("{WATCHES}{plan}"), Limits::default())
}

/// The mails to ada, oldest first.
fn mails(desk: &Inside) -> Vec<Read> {
    let names = desk.query("SELECT message_id FROM outbox WHERE recipient = 'ada@example.org' ORDER BY id");
    let read = |id: String| {
        let path = desk.directory.path().join("mail").join(format!("{id}.eml"));
        let bytes = std::fs::read(path).expect("the mail was sent");
        let mail = MessageParser::default().parse(&bytes).expect("a mail");
        let answers = mail.in_reply_to().as_text().map(String::from);
        assert_eq!(mail.references().as_text().map(String::from), answers, "both or neither");
        Read {
            id,
            subject: mail.subject().unwrap_or_default().into(),
            text: mail.body_text(0).expect("a text part").into(),
            answers,
        }
    };
    names.into_iter().map(read).collect()
}

fn revise(desk: &Inside, title: &str, text: &str, now: DateTime<Utc>) {
    desk.record(Vec::new(), vec![(1, desk.article("1", title, text))], now);
}

/// The daily plan begins, the story is published and told at seven.
async fn told() -> Inside {
    let desk = desk(DAILY);
    desk.round(day(1, "12:00")).await;
    desk.publish("1", TITLE, TEXT, day(1, "13:00"));
    desk.round(day(2, "07:00")).await;
    assert_eq!(mails(&desk).len(), 1);
    desk
}

#[tokio::test]
async fn an_edit_is_told_in_the_next_digest_once() {
    let desk = told().await;
    revise(&desk, "Court frees three men", &TEXT.replace("four", "three"), day(2, "08:00"));
    revise(&desk, "Court frees three men", &TEXT.replace("four", "only three"), day(2, "09:00"));
    desk.round(day(2, "09:01")).await;
    assert_eq!(mails(&desk).len(), 1, "it waits for the digest");
    for days in 3..6 {
        desk.round(day(days, "07:00")).await;
    }
    let mails = mails(&desk);
    assert_eq!(mails.len(), 2, "one mail for both edits, and no other");
    assert_eq!(mails[1].subject, "Corrected: Court frees three men");
    for line in [
        "1 correction · desk",
        "The title was: Court frees four men",
        "Was: The court freed *four* men on Friday, Temirov among them.",
        "Now: The court freed *only three* men on Friday, Temirov among them.",
        "Told Mon 2 Nov, 07:00 UTC, changed Mon 2 Nov, 09:00 UTC.",
    ] {
        assert!(mails[1].text.contains(line), "no `{line}` in {}", mails[1].text);
    }
    assert!(!mails[1].text.contains("It was raining"), "never a second full story: {}", mails[1].text);
    assert_eq!(mails[1].answers.as_ref(), Some(&mails[0].id), "it answers the mail that first told it");
}

#[tokio::test]
async fn an_edit_that_says_nothing_new_is_not_told() {
    let check = async |edits: &[&str]| {
        let desk = told().await;
        for (hour, text) in (8..).zip(edits) {
            revise(&desk, TITLE, text, day(2, &format!("{hour:02}:00")));
        }
        for days in 3..6 {
            desk.round(day(days, "07:00")).await;
        }
        assert_eq!(mails(&desk).len(), 1, "{edits:?}");
    };
    check(&["It was raining! The court freed four men on Friday: Temirov among them."]).await;
    check(&[&TEXT.replace("four", "three"), TEXT]).await;
}

#[tokio::test]
async fn a_name_that_an_edit_took_out_is_told() {
    let desk = told().await;
    revise(&desk, TITLE, "The court freed four men on Friday. It was raining.", day(2, "08:00"));
    desk.round(day(3, "07:00")).await;
    let mail = mails(&desk).remove(1);
    for line in ["No longer names Temirov.", "Was: The court freed four men on Friday, *Temirov among them*."]
    {
        assert!(mail.text.contains(line), "no `{line}` in {}", mail.text);
    }
}

#[tokio::test]
async fn an_edit_before_it_was_told_is_no_correction() {
    let desk = desk(DAILY);
    desk.round(day(1, "12:00")).await;
    desk.publish("1", TITLE, TEXT, day(1, "13:00"));
    revise(&desk, "Court frees three men", &TEXT.replace("four", "three"), day(1, "14:00"));
    for days in 2..5 {
        desk.round(day(days, "07:00")).await;
    }
    let mails = mails(&desk);
    assert_eq!(mails.len(), 1);
    assert!(mails[0].text.contains("* Court frees three men") && !mails[0].text.contains("Told "));
}

#[tokio::test]
async fn a_watch_that_an_edit_brings_is_told_with_the_edit_and_in_its_thread() {
    let desk = told().await;
    revise(&desk, TITLE, &format!("{TEXT} He went home to Khorugh."), day(2, "08:00"));
    for days in 3..6 {
        desk.round(day(days, "07:00")).await;
    }
    let mails = mails(&desk);
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[1].subject, "Court frees four men — Khorugh");
    for line in ["He went home to *Khorugh*.", "Told Mon 2 Nov, 07:00 UTC", "Added: He went home to Khorugh."]
    {
        assert!(mails[1].text.contains(line), "no `{line}` in {}", mails[1].text);
    }
    assert!(!mails[1].text.contains("Corrected"), "told once: {}", mails[1].text);
    assert_eq!(mails[1].answers.as_ref(), Some(&mails[0].id));
}

#[tokio::test]
async fn a_digest_of_several_stories_answers_none() {
    let desk = told().await;
    revise(&desk, TITLE, &TEXT.replace("four", "three"), day(2, "08:00"));
    desk.publish("2", "A prize for Temirov", "Temirov wins a prize for his film.", day(2, "09:00"));
    desk.round(day(3, "07:00")).await;
    let mail = mails(&desk).remove(1);
    assert_eq!(mail.answers, None);
    assert!(mail.subject.starts_with("A prize for Temirov"), "{}", mail.subject);
    assert!(mail.text.contains("== Corrected since you were told (1) =="), "{}", mail.text);
}

#[tokio::test]
async fn where_there_is_no_digest_an_edit_is_told_once_it_rests() {
    let desk = desk(AT_ONCE);
    desk.publish("1", TITLE, TEXT, day(1, "13:00"));
    desk.round(day(1, "13:00")).await;
    for minutes in [10, 20, 30, 40] {
        let words = format!("The court freed three men on Friday at {minutes}, Temirov among them.");
        let now = day(1, "14:00") + TimeDelta::minutes(minutes);
        revise(&desk, TITLE, &words, now);
        desk.round(now).await;
        desk.round(now + TimeDelta::minutes(9)).await;
    }
    assert_eq!(mails(&desk).len(), 1, "it is still being written");
    for minute in ["15:09", "15:10", "15:40", "16:40"] {
        desk.round(day(1, minute)).await;
    }
    let mails = mails(&desk);
    assert_eq!(mails.len(), 2, "four edits, one mail");
    assert_eq!(mails[1].subject, "Corrected: Court frees four men");
    assert!(mails[1].text.contains("three* men on Friday *at 40*, Temirov"), "{}", mails[1].text);
    assert_eq!(mails[1].answers.as_ref(), Some(&mails[0].id));
}

const RENAMED: &str =
    "[[plan]]\nname = \"news desk\"\nto = [\"bek@example.org\", \"ada@example.org\"]\ncron = \"0 7 * * *\"\n";

/// One name is written for another in the file, and the file is read again.
#[tokio::test]
async fn a_renamed_plan_goes_on_as_if_it_had_always_been_called_so() {
    let desk = told().await;
    desk.publish("2", "A prize for Temirov", "Temirov wins a prize for his film.", day(2, "09:00"));
    let desk = desk.reload(&format!("{WATCHES}{RENAMED}"));
    desk.round(day(2, "09:01")).await;
    assert_eq!(mails(&desk).len(), 1, "what waits for the digest waits on, and is nobody else's");
    desk.round(day(3, "07:00")).await;
    assert_eq!(mails(&desk)[1].subject, "A prize for Temirov — Temirov");
    // A copy of what was told under the old name, and an edit of that.
    desk.publish("3", TITLE, TEXT, day(3, "08:00"));
    revise(&desk, "Court frees three men", &TEXT.replace("four", "three"), day(3, "09:00"));
    for days in 4..6 {
        desk.round(day(days, "07:00")).await;
    }
    let mails = mails(&desk);
    assert_eq!(mails.len(), 3, "nothing is told twice");
    assert_eq!(mails[2].subject, "Corrected: Court frees three men");
    assert!(mails[2].text.contains("Told Mon 2 Nov, 07:00 UTC, changed"), "{}", mails[2].text);
    assert_eq!(mails[2].answers.as_ref(), Some(&mails[0].id), "in the thread of the first mail");
    assert_eq!(desk.query("SELECT DISTINCT plan FROM digest"), ["news desk"]);
    assert_eq!(
        desk.query("SELECT recipient, count(*) FROM outbox GROUP BY recipient"),
        ["ada@example.org | 3", "bek@example.org | 3"]
    );
}

/// A poll that began before the file was read again ends after it.
#[tokio::test]
async fn what_a_poll_under_way_finds_is_told_under_the_new_name() {
    let desk = told().await;
    let late = desk.article("2", "A prize for Temirov", "Temirov wins a prize for his film.");
    let desk = desk.reload(&format!("{WATCHES}{RENAMED}"));
    desk.record(vec![late], Vec::new(), day(2, "09:00"));
    desk.round(day(2, "09:01")).await;
    desk.round(day(3, "07:00")).await;
    assert_eq!(mails(&desk)[1].subject, "A prize for Temirov — Temirov");
    assert_eq!(mails(&desk).len(), 2);
}

/// A rescore with the new file, beside a daemon that has not read it yet.
#[tokio::test]
async fn what_was_written_under_the_new_name_too_early_is_not_told_again() {
    let desk = told().await;
    let mut again = desk.article("1", "Court frees three men", &TEXT.replace("four", "three"));
    again.owed.iter_mut().for_each(|(plan, ..)| *plan = "news desk".into());
    desk.record(Vec::new(), vec![(1, again)], day(2, "08:00"));
    assert_eq!(desk.query("SELECT plan FROM owed WHERE digest_id IS NULL"), ["news desk"]);
    let desk = desk.reload(&format!("{WATCHES}{RENAMED}"));
    for days in 2..5 {
        desk.round(day(days, "09:00")).await;
    }
    let subjects: Vec<String> = mails(&desk).into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects[1..], ["Corrected: Court frees three men"], "no story told anew");
    assert_eq!(desk.query("SELECT plan, count(*) FROM owed"), ["news desk | 1"]);
}
