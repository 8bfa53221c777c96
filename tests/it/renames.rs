//! A plan under another name in the file: the same where nothing else can be meant,
//! and told to the operator, never to others, where it can.

use crate::inside::{Inside, time};
use chrono::{DateTime, Utc};
use newswatch::daemon;
use newswatch::digest::Urgency;
use newswatch::mail::Limits;
use newswatch::store::Debts;
use std::sync::Arc;

const HEAD: &str = "[mail]\nfrom = \"newswatch@example.org\"\nops_to = [\"admin@example.org\"]\n\
    [[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
    [[watch]]\nname = \"sanctions\"\nquery = \"sanctions\"\n";

/// The plans of a file: each its name, whom it tells, and its watch.
type Reading<'a> = &'a [(&'a str, &'a str, &'a str)];

fn file(plans: Reading<'_>) -> String {
    let table = |(name, to, watch): &(&str, &str, &str)| {
        let to: Vec<String> = to.split(' ').map(|name| format!("{name}@example.org")).collect();
        format!("[[plan]]\nname = {name:?}\nto = {to:?}\nwatches = [{watch:?}]\ncron = \"0 7 * * *\"\n")
    };
    HEAD.to_owned() + &plans.iter().map(table).collect::<String>()
}

fn at(day: u32, clock: &str) -> DateTime<Utc> {
    time(&format!("2026-11-{day:02}T{clock}:00Z"))
}

/// A desk whose plans have begun, and wait for seven with a story of each watch.
async fn waiting(plans: Reading<'_>) -> Inside {
    let desk = Inside::open(&file(plans), Limits::default());
    desk.round(at(1, "12:00")).await;
    desk.publish("1", "Temirov walks free", "Temirov walks free.", at(1, "13:00"));
    desk.publish("2", "More sanctions", "More sanctions are near.", at(1, "13:00"));
    desk
}

/// Who was told what under which plan.
fn told(desk: &Inside) -> Vec<String> {
    desk.query(
        "SELECT substr(o.recipient, 1, instr(o.recipient, '@') - 1) || ', ' || d.plan || ': ' || o.subject
         FROM outbox o JOIN digest d ON d.id = o.digest_id ORDER BY 1",
    )
}

const FREE: &str = "Temirov walks free — Temirov";
const MORE: &str = "More sanctions — sanctions";

#[tokio::test]
async fn a_plan_is_known_again_only_where_nothing_else_can_be_meant() {
    // Readings of the file, a round after each, and who is told by the next morning.
    let check = async |readings: &[Reading<'_>], expected: &[String]| {
        let mut desk = waiting(readings[0]).await;
        for reading in &readings[1..] {
            desk = desk.reload(&file(reading));
            desk.round(at(1, "14:00")).await;
        }
        desk.round(at(2, "07:00")).await;
        let mut expected = expected.to_vec();
        expected.sort();
        assert_eq!(told(&desk), expected, "{readings:?}");
        assert_eq!(desk.query("SELECT id FROM owed WHERE digest_id IS NULL"), [""; 0], "{readings:?}");
    };
    let by = |plan: &str, story: &str, readers: &[&str]| -> Vec<String> {
        readers.iter().map(|reader| format!("{reader}, {plan}: {story}")).collect()
    };
    let orphan = |plan: &str, story: &str| vec![format!("admin, {plan}: Alert: {story}")];
    let desk: Reading<'_> = &[("desk", "ada bek", "Temirov")];
    let night: Reading<'_> = &[("night", "bek ada", "Temirov")];
    check(&[desk, night], &by("night", FREE, &["ada", "bek"])).await;
    check(&[desk, night, desk], &by("desk", FREE, &["ada", "bek"])).await;
    check(&[desk, &[("night", "ada bek", "sanctions")]], &by("night", FREE, &["ada", "bek"])).await;
    // One of the same people, one fewer, one more: another plan.
    for others in ["chief cara", "ada", "ada bek cara"] {
        check(&[desk, &[("courts", others, "Temirov")]], &orphan("desk", FREE)).await;
    }
    // Two that could be meant.
    let one: Reading<'_> = &[("desk", "ada", "Temirov")];
    let two: Reading<'_> = &[("osh", "ada", "Temirov"), ("all", "ada", "Temirov")];
    check(&[one, two], &orphan("desk", FREE)).await;
    check(&[two, one], &[orphan("all", FREE), orphan("osh", FREE)].concat()).await;
    // A name that stays is the plan it was, whomever it tells now.
    let pair: Reading<'_> = &[("a", "ada ed", "Temirov"), ("b", "bek ed", "sanctions")];
    let swapped: Reading<'_> = &[("b", "ada ed", "Temirov"), ("a", "bek ed", "sanctions")];
    let moved: Reading<'_> = &[("b", "ada ed", "Temirov"), ("c", "bek ed", "sanctions")];
    let more = by("b", MORE, &["ada", "ed"]);
    check(&[pair, swapped], &[by("a", FREE, &["bek", "ed"]), more.clone()].concat()).await;
    check(&[pair, moved], &[orphan("a", FREE), more].concat()).await;
    // A name that was in use before, and its story told to the operator then.
    let both: Reading<'_> = &[("desk", "ada bek", "Temirov"), ("night", "cara", "sanctions")];
    let earlier = orphan("night (earlier 2)", MORE);
    for (readings, name) in [(&[both, desk, night][..], "night"), (&[both, desk, night, desk], "desk")] {
        check(readings, &[earlier.clone(), by(name, FREE, &["ada", "bek"])].concat()).await;
    }
}

#[tokio::test]
async fn a_plan_taken_out_earlier_has_nothing_to_do_with_one_that_takes_its_name() {
    let both: Reading<'_> = &[("desk", "ada", "Temirov"), ("night", "ada", "sanctions")];
    let desk = waiting(both).await;
    assert!(desk.desk.store.leave("night", "ada@example.org", at(1, "13:30")).expect("written"));
    let desk = desk.reload(&file(&both[..1])).reload(&file(&[("night", "ada", "Temirov")]));
    for days in 2..4 {
        desk.round(at(days, "07:00")).await;
    }
    let expected = [
        format!("ada, night: {FREE}"),
        "admin, (operator): Left the plan night (earlier 2): ada@example.org".to_owned(),
        format!("admin, night (earlier 2): Alert: {MORE}"),
    ];
    assert_eq!(told(&desk), expected);
}

/// A file of a version that did not note whom its plans tell.
#[tokio::test]
async fn after_an_upgrade_a_new_name_is_known_again_from_the_second_reading_on() {
    let upgraded = async |readings: &[Reading<'_>]| {
        let mut desk = waiting(&[("desk", "ada", "Temirov")]).await;
        let connection = rusqlite::Connection::open(desk.database()).expect("a database");
        connection.execute("UPDATE plan SET is_configured = 0, recipients = '[]'", []).expect("writable");
        for reading in readings {
            desk = desk.reload(&file(reading));
            desk.round(at(1, "14:00")).await;
        }
        desk.round(at(2, "07:00")).await;
        told(&desk)
    };
    let night: Reading<'_> = &[("night", "ada", "Temirov")];
    assert_eq!(upgraded(&[night]).await, [format!("admin, desk: Alert: {FREE}")]);
    assert_eq!(upgraded(&[&[("desk", "ada", "Temirov")], night]).await, [format!("ada, night: {FREE}")]);
}

/// By an address in a mail of old, or through a page that still has the old file.
#[tokio::test]
async fn who_leaves_by_a_former_name_leaves_the_plan_that_had_it_last() {
    let check = async |readings: &[Reading<'_>], plan: &str| {
        let mut desk = waiting(&[("a", "ada", "Temirov")]).await;
        for reading in readings {
            desk = desk.reload(&file(reading));
        }
        assert!(desk.desk.store.leave("a", "ada@example.org", at(1, "14:00")).expect("written"));
        assert_eq!(desk.query("SELECT plan FROM departure"), [plan], "{readings:?}");
    };
    let b = ("b", "ada", "Temirov");
    check(&[&[b]], "b").await;
    check(&[&[b], &[b, ("a", "ada ed", "Temirov")]], "a").await;
    check(&[&[b], &[b, ("a", "ada ed", "Temirov")], &[b, ("c", "ada ed", "Temirov")]], "c").await;
    check(&[&[b], &[("c", "ada", "Temirov")]], "c").await;
}

#[tokio::test]
async fn a_round_under_way_takes_no_renamed_plan_for_an_orphan_nor_closes_its_window() {
    for old in [&[("desk", "ada", "Temirov")][..], &[("desk", "ada", "Temirov"), ("osh", "bek", "sanctions")]]
    {
        let desk = waiting(old).await;
        let night = [&[("night", "ada", "Temirov")], &old[1..]].concat();
        let new = Arc::new(desk.read(&file(&night)).expect("a desk"));
        // The round that began with the file as it was.
        desk.round(at(1, "14:00")).await;
        desk.round(at(2, "07:00")).await;
        let due = at(2, "07:00");
        let store = &desk.desk.store;
        let written = store.enqueue("desk", "digest", Some(due), &Debts::default(), &[], due);
        assert!(!written.expect("the database answers"), "what was read before is void");
        let expected = told(&desk).len();
        assert_eq!(expected, old.len() - 1, "only who has the same name is told: {:?}", told(&desk));
        assert_eq!(desk.query("SELECT id FROM digest WHERE plan = 'desk'"), [""; 0]);
        daemon::tell_due(&new, due).await.expect("told");
        assert_eq!(told(&desk)[0], format!("ada, night: {FREE}"));
        assert_eq!(told(&desk).len(), old.len());
    }
}

/// A full disk, say, at any step of taking the file in.
#[tokio::test]
async fn a_reading_that_fails_leaves_sources_and_plans_as_they_were() {
    for event in ["UPDATE ON outbox", "INSERT ON source", "UPDATE ON digest", "INSERT ON plan"] {
        let desk = waiting(&[("desk", "ada", "Temirov")]).await;
        desk.round(at(2, "07:00")).await;
        desk.publish("3", "Temirov speaks", "Temirov speaks at noon.", at(2, "08:00"));
        // A mail whose process died.
        let connection = rusqlite::Connection::open(desk.database()).expect("a database");
        let sql = format!(
            "UPDATE outbox SET state = 'owed', tries = tries + 1;
             CREATE TRIGGER full BEFORE {event} BEGIN SELECT RAISE(ABORT, 'full'); END"
        );
        connection.execute_batch(&sql).expect("writable");
        let rows =
            || desk.query("SELECT name, is_configured FROM plan UNION SELECT name, retired_at FROM source");
        let before = rows();
        let source = "[[feed]]\nname = \"Naryn Courier\"\nurl = \"http://127.0.0.1:9/naryn\"\n";
        let read = desk.read(&(file(&[("night", "ada", "Temirov")]) + source));
        assert!(read.is_err(), "{event}");
        assert_eq!(rows(), before, "{event}");
        connection.execute_batch("DROP TRIGGER full").expect("writable");
        for days in 2..4 {
            desk.round(at(days, "09:00")).await;
        }
        let subjects = ["Temirov speaks — Temirov", FREE];
        assert_eq!(told(&desk), subjects.map(|subject| format!("ada, desk: {subject}")), "{event}");
    }
}

/// A rescore with the new file, beside a daemon that has not read it yet, told it.
#[tokio::test]
async fn what_was_told_under_the_new_name_too_early_is_told_no_more() {
    let desk = waiting(&[("desk", "ada", "Temirov")]).await;
    let mut article = desk.article("3", "Temirov speaks", "Temirov speaks at noon.");
    article.owed.push(("night".into(), 0, Urgency::Digest));
    desk.record(vec![article], Vec::new(), at(1, "13:00"));
    let owed = desk.desk.store.owed("night", None, None).expect("the database answers").remove(0).1;
    let debts = Debts { owed, ..Debts::default() };
    let store = &desk.desk.store;
    assert!(store.enqueue("night", "history 3", None, &debts, &[], at(1, "13:30")).expect("written"));
    let desk = desk.reload(&file(&[("night", "ada", "Temirov")]));
    desk.round(at(1, "14:00")).await;
    desk.round(at(2, "07:00")).await;
    assert_eq!(told(&desk), [format!("ada, night: {FREE}")]);
    assert_eq!(desk.query("SELECT id FROM owed WHERE digest_id IS NULL"), [""; 0]);
}
