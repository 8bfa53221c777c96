//! The history matched anew: what is stored, owed and kept on record.

use super::*;
use crate::watch::{Watch, WatchList};
use chrono_tz::Tz;

/// What the watches called so find now, put in the place of what is stored.
fn rescore(desk: &Desk, watches: &[(&str, &str)], at_least: f64) -> Vec<Option<Difference>> {
    let verdicts = verdicts(desk, watches);
    let asked = Arc::new(asked(watches, at_least));
    let compared = desk.store.compare(&verdicts, &asked).expect("compare reads");
    let written = desk.store.rescore(verdicts, &asked, minute(90)).expect("rescore writes");
    let told: Vec<_> = written.iter().flatten().collect();
    assert_eq!(compared.iter().collect::<Vec<_>>(), told, "what is told first is what is done");
    written
}

fn verdicts(desk: &Desk, watches: &[(&str, &str)]) -> Vec<Verdict> {
    let watch = |(name, query): &(&str, &str)| Watch {
        name: (*name).into(),
        query: (*query).into(),
        weight: 1.0,
        aliases: true,
        derived: false,
    };
    let watches: Vec<Watch> = watches.iter().map(watch).collect();
    let (list, _) = WatchList::compile(&watches).expect("good watches");
    let page: Vec<Past> = desk.store.history(None).flat_map(|page| page.expect("a page is read")).collect();
    let verdict = |past: Past| Verdict {
        article_id: past.article_id,
        version: past.version,
        matches: list.look(&past.article).matches,
    };
    page.into_iter().map(verdict).collect()
}

fn asked(watches: &[(&str, &str)], at_least: f64) -> Asked {
    let plan = Plan {
        name: "rights desk".into(),
        to: vec!["desk@example.org".into()],
        post_to: Vec::new(),
        chat_to: Vec::new(),
        watches: vec!["*".into()],
        at_least,
        cron: None,
        at_once_from: None,
        quiet: None,
        zone: Tz::UTC,
        burst_max: 5,
        all_is_well: false,
        spike_from: None,
    };
    Asked { watches: watches.iter().map(|(name, _)| (*name).to_string()).collect(), plans: vec![plan] }
}

/// A desk with one story that nobody watched for.
fn unwatched() -> Desk {
    let desk = desk();
    desk.record(RADIO, &[story("t1", "Temirov before the court", "Temirov stands trial in Bishkek.")], 1);
    desk
}

fn watched(desk: &Desk, watch: &str) -> usize {
    let search = Search { watch: Some(watch.into()), ..Search::default() };
    desk.store.search(&search).expect("search reads").len()
}

#[test]
fn a_new_match_is_owed_as_history_and_told_apart() {
    let desk = unwatched();
    let done = rescore(&desk, &[("Temirov", "Temirov")], 0.0);
    let done = done[0].as_ref().expect("nobody revised it");
    assert_eq!((done.new.len(), done.owed.len(), done.gone.len()), (1, 1, 0));
    assert_eq!(watched(&desk, "Temirov"), 1);
    assert_eq!(desk.owed(None).len(), 0, "neither an alert nor the next digest takes it");
    assert_eq!(desk.owed(Some(Urgency::AtOnce)).len(), 0);
    let owed = desk.owed(Some(Urgency::History));
    assert_eq!(owed.len(), 1);
    assert!(desk.tell("history 1", &owed[0].1));
    let again = rescore(&desk, &[("Temirov", "Temirov")], 0.0);
    assert!(
        again[0].as_ref().is_some_and(|again| again.is_empty() && again.same == 1 && again.owed.is_empty())
    );
    assert_eq!(desk.owed(Some(Urgency::History)).len(), 0);
}

#[test]
fn below_the_plans_score_it_is_stored_and_told_once_it_rises() {
    let desk = unwatched();
    rescore(&desk, &[("Temirov", "Temirov")], 9.0);
    assert_eq!((watched(&desk, "Temirov"), desk.owed(Some(Urgency::History)).len()), (1, 0));
    let lower = rescore(&desk, &[("Temirov", "Temirov")], 1.0);
    assert!(lower[0].as_ref().is_some_and(Difference::is_empty), "the same match, and so no news");
    rescore(&desk, &[("Temirov", "Temirov^9")], 9.0);
    let owed = desk.owed(Some(Urgency::History));
    assert_eq!(owed.len(), 1, "it rose above the plan's score");
    rescore(&desk, &[("Temirov", "Temirov")], 9.0);
    assert_eq!(desk.owed(Some(Urgency::History)).len(), 0, "it fell again before it was told");
    assert!(!desk.tell("history 1", &owed[0].1), "a debt that was withdrawn is not told");
    assert_eq!(desk.store.outbox_due(minute(100)).expect("the outbox reads").len(), 0);
}

#[test]
fn a_match_that_no_longer_holds_goes_unless_it_was_told() {
    let narrower = [("Temirov", "Temirov AND Tokayev")];
    let desk = desk();
    desk.record(RADIO, &[temirov()], 1);
    let waiting = desk.owed(None)[0].1.clone();
    let done = rescore(&desk, &narrower, 0.0);
    assert_eq!(done[0].as_ref().map(|done| done.gone.len()), Some(1));
    assert_eq!(desk.sql::<i64>("SELECT count(*) FROM match"), 0);
    assert!(!desk.tell("2026-11-23 23:00", &waiting), "what waited is not told any more");

    let desk = super::desk();
    desk.record(RADIO, &[temirov()], 1);
    assert!(desk.tell("2026-11-23 23:00", &desk.owed(None)[0].1.clone()));
    rescore(&desk, &narrower, 0.0);
    assert_eq!(watched(&desk, "Temirov"), 0);
    assert_eq!(desk.sql::<i64>("SELECT count(*) FROM hit"), 0);
    assert_eq!(desk.sql::<i64>("SELECT count(*) FROM recent_matches"), 0);
    assert!(desk.store.watch_rows(minute(99)).expect("watches are read").is_empty());
    let shown = desk.store.show(1).expect("show reads").expect("the article stays");
    assert_eq!(shown.matches[0].gone_at, Some(minute(90)));
    assert_eq!(shown.told.iter().map(|told| told.watch.as_str()).collect::<Vec<_>>(), ["Temirov"]);
    let again = rescore(&desk, &narrower, 0.0);
    assert!(again[0].as_ref().is_some_and(Difference::is_empty), "it goes once");

    let back = rescore(&desk, &[("Temirov", "Temirov")], 0.0);
    let back = back[0].as_ref().expect("nobody revised it");
    assert_eq!((back.new.len(), back.owed.len()), (1, 0), "it holds again, and was told before");
    assert_eq!((watched(&desk, "Temirov"), desk.owed(Some(Urgency::History)).len()), (1, 0));
}

#[test]
fn matches_of_watches_that_are_not_asked_stay() {
    let desk = desk();
    desk.record(RADIO, &[temirov()], 1);
    let done = rescore(&desk, &[("Court", "court")], 0.0);
    assert_eq!(done[0].as_ref().map(|done| (done.new.len(), done.gone.len())), Some((1, 0)));
    assert_eq!((watched(&desk, "Temirov"), watched(&desk, "Court")), (1, 1));
}

#[test]
fn an_article_revised_meanwhile_wants_another_look() {
    let desk = unwatched();
    let watches = [("Temirov", "Temirov")];
    let verdicts = verdicts(&desk, &watches);
    let mut revision = poll(RADIO, &[]);
    revision.revisions =
        vec![(1, story("t1", "A journalist before the court", "He stands trial in Bishkek."))];
    desk.store.record(&revision, minute(2)).expect("a poll is recorded");
    let done = desk.store.rescore(verdicts, &Arc::new(asked(&watches, 0.0)), minute(3)).expect("it writes");
    assert_eq!((done, watched(&desk, "Temirov")), (vec![None], 0));
}

#[test]
fn a_copy_of_what_was_told_is_not_told_as_history() {
    let near = 0x0123_4567_89AB_CDEF_u64;
    let desk = desk();
    desk.record(RADIO, &[temirov().near(near)], 1);
    assert!(desk.tell("2026-11-23 23:00", &desk.owed(None)[0].1.clone()));
    let copy = story("copy", "Temirov before the court", "Temirov stands trial in Bishkek.");
    desk.record(PAPER, &[copy.near(near)], 2);
    rescore(&desk, &[("Temirov", "Temirov")], 0.0);
    assert_eq!((watched(&desk, "Temirov"), desk.owed(Some(Urgency::History)).len()), (2, 0));
}

#[test]
fn pages_of_the_history_are_whole_and_in_order() {
    let desk = desk();
    let stories: Vec<_> =
        (0..450).map(|number| story(&format!("s{number}"), &format!("Story {number}"), "")).collect();
    desk.record(RADIO, &stories[..300], 1);
    desk.record(RADIO, &stories[300..], 100);
    let rows = |since: Option<i64>| -> Vec<i64> {
        let pages = desk.store.history(since.map(minute));
        pages.flat_map(|page| page.expect("a page is read")).map(|past| past.article_id).collect()
    };
    assert_eq!(rows(None), (1..=450).rev().collect::<Vec<i64>>());
    assert_eq!(rows(Some(50)), (301..=450).rev().collect::<Vec<i64>>());
    assert_eq!(rows(Some(101)), NOTHING);
}
