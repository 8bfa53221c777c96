//! A plan's feed, as a reader's program takes it.

use super::{PLAN, Shown, ask, get};
use crate::inside::time;
use crate::mail::mutants::{BREAKOUTS, VECTORS};
use chrono::TimeDelta;
use regex::Regex;
use std::collections::BTreeSet;

#[test]
fn a_plans_feed_holds_what_it_told_and_has_yet_to_tell() {
    let plan = format!("{PLAN}cron = \"0 7 * * *\"\nat_once_from = 1.6\n");
    let shown = Shown::open("", &plan, None);
    assert_eq!(shown.feed().entries, [], "nothing was found yet");
    let now = time("2026-11-23T08:00:00Z");
    shown.round(now);
    shown.inside.publish(
        "1",
        "Суд над Темировым отложен",
        "Журналиста Темирова ждут в пятницу. В Оше дождь.",
        now,
    );
    shown.inside.publish(
        "2",
        "A verdict in Osh",
        "Nobody spoke. Then Bolot Temirov rose. He sat down.",
        now + TimeDelta::minutes(1),
    );
    shown.inside.publish("3", "Roads closed", "Snow in Naryn.", now + TimeDelta::minutes(2));
    shown.round(now + TimeDelta::minutes(3));
    let read = shown.feed();
    assert_eq!(read.title.as_deref(), Some("rights desk"));
    let titles: Vec<_> = read.entries.iter().filter_map(|entry| entry.title.as_deref()).collect();
    assert_eq!(titles, ["A verdict in Osh", "Суд над Темировым отложен"], "the newest first");
    let said = |at: usize| read.entries[at].content.clone().unwrap_or_default();
    for (at, words) in [
        (0, "Then Bolot *Temirov* rose."),
        (0, "Why: Temirov, score"),
        (0, "Not told yet."),
        (1, "Журналиста *Темирова* ждут в пятницу."),
        (1, "Told Mon 23 Nov, 08:03 UTC."),
    ] {
        assert!(said(at).contains(words), "no `{words}` in {}", said(at));
    }
    assert_eq!(read.entries[1].link.as_deref(), Some("https://echo.example/1"));
    assert_eq!(read.entries[1].updated, Some(now));
    let id = read.entries[0].id.clone().expect("an id");
    assert!(id.starts_with("tag:localhost,2026:newswatch/"), "{id}");
    shown.round(time("2026-11-24T07:00:00Z"));
    let later = shown.feed();
    assert_eq!(later.entries[0].id.as_ref(), Some(&id), "an entry keeps its id");
    assert!(
        later.entries[0].content.as_ref().is_some_and(|told| told.contains("Told Tue 24 Nov, 07:00 UTC."))
    );
}

#[test]
fn a_feed_that_has_not_changed_is_not_sent_again() {
    let shown = Shown::open("", PLAN, None);
    let now = time("2026-11-23T08:00:00Z");
    shown.inside.publish("1", "Temirov", "Temirov stands trial.", now);
    let path = "/plans/rights%20desk.atom";
    let first = get(&shown.address, path);
    let etag = first.header("etag").expect("an ETag").to_owned();
    for (known, expected) in [
        (etag.clone(), 304),
        (format!("W/{etag}"), 304),
        (format!("\"other\", {etag}"), 304),
        ("*".into(), 304),
        ("\"other\"".into(), 200),
    ] {
        let answer = ask(&shown.address, "GET", path, &format!("if-none-match: {known}\r\n"), "");
        assert_eq!(answer.status, expected, "{known}");
        assert_eq!(answer.header("etag"), Some(etag.as_str()));
        assert_eq!(answer.body.is_empty(), expected == 304);
    }
    shown.inside.publish("2", "Temirov again", "Temirov was freed.", now);
    assert_eq!(ask(&shown.address, "GET", path, &format!("if-none-match: {etag}\r\n"), "").status, 200);
    assert_eq!(get(&shown.address, "/plans/other.atom").status, 404);
}

#[test]
fn hostile_text_is_text_in_the_feed() {
    let shown = Shown::open("", PLAN, None);
    let now = time("2026-11-23T08:00:00Z");
    let elements = Regex::new("<(/?)([^\\s>/]*)").expect("valid");
    let links = Regex::new("href=\"([^\"]*)\"").expect("valid");
    let ours: BTreeSet<&str> =
        "?xml feed id title updated author name generator link entry published category content"
            .split(' ')
            .collect();
    let mut count = 0;
    for (round, breakout) in BREAKOUTS.iter().enumerate() {
        let articles = VECTORS.iter().enumerate().map(|(number, vector)| {
            let id = format!("{round}-{number}{breakout}{vector}");
            let title = format!("Temirov {breakout}{vector}{number} {round}\u{1}\u{b}\u{fffe}");
            let mut article = shown.inside.article(
                &id,
                &title,
                &format!("Temirov {breakout}{vector}\u{0}\u{1b}[2J {round} {number}."),
            );
            article.article.language = Some(format!("en\" {vector}"));
            article
        });
        shown.inside.record(
            articles.collect(),
            Vec::new(),
            now + TimeDelta::minutes(i64::try_from(round).unwrap_or(0)),
        );
        let answer = get(&shown.address, "/plans/rights%20desk.atom");
        let found: BTreeSet<&str> = elements
            .captures_iter(&answer.body)
            .map(|found| found.get(2).expect("a name").as_str())
            .collect();
        assert!(found.is_subset(&ours), "{:?}", found.difference(&ours));
        let forbidden = |c: &char| (c.is_control() && *c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}');
        assert_eq!(answer.body.chars().find(forbidden), None);
        assert!(links.captures_iter(&answer.body).all(|link| link[1].starts_with("https://echo.example/")));
        count += shown.feed().entries.len();
    }
    assert!(count >= 100, "{count} payloads were shown");
}
