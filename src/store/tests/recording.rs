//! What a poll leaves behind.

use super::*;

#[test]
fn what_was_recorded_once_is_not_new_again() {
    let desk = desk();
    assert_eq!(desk.record(RADIO, &[temirov()], 1), [1]);
    assert_eq!(desk.record(RADIO, &[temirov(), temirov()], 2), NOTHING, "the same poll again");
    assert_eq!(desk.record(PAPER, &[temirov()], 3), [2], "identities belong to their source");
    desk.change("PRAGMA foreign_keys = ON; DELETE FROM article WHERE id = 1");
    assert_eq!(desk.record(RADIO, &[temirov()], 4), NOTHING, "what was purged stays seen");
    let known = desk.store.known(RADIO, &["t1".into(), "t2".into()]).expect("known is read");
    assert_eq!(
        known.iter().map(|known| known.as_ref().map(|k| k.article_id)).collect::<Vec<_>>(),
        [Some(0), None]
    );
}

#[test]
fn a_poll_is_recorded_whole_or_not_at_all() {
    let desk = desk();
    desk.change("CREATE TRIGGER full BEFORE INSERT ON owed BEGIN SELECT raise(ABORT, 'no room'); END");
    desk.store.record(&poll(RADIO, &[temirov()]), minute(1)).expect_err("the disk is full");
    let left =
        "SELECT (SELECT count(*) FROM article) + (SELECT count(*) FROM seen) + (SELECT count(*) FROM match)
                + (SELECT count(*) FROM poll) + (SELECT count(*) FROM source WHERE etag IS NOT NULL)";
    assert_eq!(desk.sql::<i64>(left), 0, "nothing of it stays, and the next request is unconditional");
    desk.change("DROP TRIGGER full");
    assert_eq!(desk.record(RADIO, &[temirov()], 2), [1]);
    assert_eq!(desk.sql::<String>("SELECT etag FROM source WHERE name = 'Radio Pamir'"), "W/\"7\"");
    assert_eq!(desk.owed(None).len(), 1);
}

#[test]
fn polls_that_share_a_commit_fail_each_alone() {
    let desk = desk();
    desk.change(
        "CREATE TRIGGER bad BEFORE INSERT ON article WHEN new.title = 'bad' BEGIN SELECT raise(ABORT, 'bad'); END",
    );
    let one = |number: usize| {
        let title = if number.is_multiple_of(5) { "bad" } else { "Summit in Samarkand" };
        let article = story(&format!("s{number}"), title, &format!("Summit number {number}."));
        desk.store.record(&poll(RADIO, &[article]), minute(1)).is_ok()
    };
    let kept = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..40).map(|number| scope.spawn(move || one(number))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).filter(|ok| *ok).count()
    });
    assert_eq!(kept, 32);
    assert_eq!(desk.sql::<i64>("SELECT count(*) FROM article"), 32);
}

#[test]
fn sources_keep_their_history_by_name_or_by_url() {
    let desk = desk();
    desk.record(RADIO, &[temirov()], 1);
    let register = |sources: &[(&str, &str)]| {
        let sources: Vec<_> = sources.iter().map(|(name, url)| (name.to_string(), url.to_string())).collect();
        desk.store.register(&sources, &[], minute(2)).expect("sources register");
        desk.store.states().expect("states are read")
    };
    let renamed = register(&[("Pamir FM", "https://example.org/Radio Pamir")]);
    assert_eq!(renamed.len(), 1, "the other is retired");
    assert_eq!(renamed[0].validators.etag.as_deref(), Some("W/\"7\""));
    assert!(desk.store.known("Pamir FM", &["t1".into()]).expect("known is read")[0].is_some());
    let moved = register(&[("Pamir FM", "https://example.org/new")]);
    assert_eq!(moved[0].validators, Validators::default(), "validators belong to a URL");
    assert!(desk.store.known("Pamir FM", &["t1".into()]).expect("known is read")[0].is_some());
    desk.store.record(&poll("Pamir FM", &[]), minute(3)).expect("a poll of the old URL ends");
    let states = desk.store.states().expect("states are read");
    assert_eq!(states[0].validators, Validators::default(), "an old URL's validators are not kept");
}

#[test]
fn a_changed_text_becomes_a_revision_and_owes_only_what_is_new() {
    let desk = desk();
    desk.record(RADIO, &[temirov()], 1);
    let told: Vec<i64> = desk.owed(None).into_iter().flat_map(|(_, owed)| owed).collect();
    desk.tell("2026-11-23 23:00", &told);
    let mut changed = temirov().owed("Gorno-Badakhshan", Urgency::Digest);
    changed.article.text = "Temirov was freed in Khorog.".into();
    let recording = Recording { revisions: vec![(1, changed.clone()), (77, changed)], ..poll(RADIO, &[]) };
    for minutes in [70, 80] {
        assert_eq!(desk.store.record(&recording, minute(minutes)).expect("a revision is recorded"), NOTHING);
    }
    let owed = desk.owed(None);
    let watches: Vec<_> = owed.iter().flat_map(|(item, _)| &item.watches).map(|found| &found.watch).collect();
    assert_eq!(watches, ["Gorno-Badakhshan"]);
    let shown = desk.store.show(1).expect("show reads").expect("the article is there");
    assert_eq!(shown.article.text, "Temirov was freed in Khorog.");
    assert_eq!(shown.revised_at, Some(minute(70)));
    let texts: Vec<_> = shown.revisions.iter().map(|revision| revision.text.as_str()).collect();
    assert_eq!(texts, ["Temirov stands trial in Bishkek."]);
    assert_eq!(shown.matches.len(), 2);
    let told: Vec<_> = shown.told.iter().map(|told| (told.watch.as_str(), told.state.as_str())).collect();
    assert_eq!(told, [("Temirov", "owed"), ("Gorno-Badakhshan", "waiting")]);
    for (query, found) in [("Khorog", 1), ("trial", 0)] {
        assert_eq!(desk.titles(query).len(), found, "{query}");
    }
}

#[test]
fn a_hit_that_a_revision_moved_away_is_left_out_and_its_match_is_not() {
    let desk = desk();
    desk.record(RADIO, &[temirov()], 1);
    let changed = story("t1", "The court", "A journalist stands trial.");
    let recording = Recording { revisions: vec![(1, changed)], ..poll(RADIO, &[]) };
    desk.store.record(&recording, minute(2)).expect("a revision is recorded");
    let owed = desk.owed(None);
    assert_eq!(owed[0].0.watches.len(), 1);
    assert_eq!(owed[0].0.watches[0].hits, []);
}
