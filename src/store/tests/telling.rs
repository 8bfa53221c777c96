//! Who is told what, once; and how things stand.

use super::*;

#[test]
fn copies_of_a_story_are_told_once() {
    let desk = desk();
    let near = 0x0123_4567_89AB_CDEF_u64;
    desk.record(RADIO, &[temirov().near(near)], 1);
    desk.record(PAPER, &[temirov().near(near ^ 0b101)], 2);
    let far = story("far", "Temirov", "Temirov writes a book.").owed("Temirov", Urgency::Digest);
    desk.record(PAPER, &[far.near(near ^ 0xFFFF)], 3);
    let owed = desk.owed(None);
    let items: Vec<_> =
        owed.iter().map(|(item, owed)| (item.article_id, owed.len(), item.also_in.len())).collect();
    assert_eq!(items, [(1, 2, 1), (3, 1, 0)]);
    assert_eq!(owed[0].0.also_in[0].source, PAPER);

    desk.tell("2026-11-23 23:00", &owed.iter().flat_map(|(_, owed)| owed.clone()).collect::<Vec<_>>());
    let third = "A third source";
    desk.record(third, &[temirov().near(near)], 70);
    assert_eq!(desk.owed(None).len(), 0, "a copy of what was told is not told again");
    desk.record("A fourth", &[temirov().near(near).owed("Bishkek", Urgency::Digest)], 71);
    assert_eq!(desk.owed(None).len(), 1, "but a further watch is");
    desk.record("A fifth", &[temirov().near(near)], 60 * 24 * 6);
    assert_eq!(desk.owed(None).len(), 2, "after five days it is news again");
}

#[test]
fn one_source_saying_nearly_the_same_twice_tells_two_things() {
    let desk = desk();
    let near = 0x0123_4567_89AB_CDEF_u64;
    let notice = |number: u32| {
        let text = format!("Temirov notice of {number} November.");
        story(&format!("n{number}"), "Sanctions notice", &text).owed("Temirov", Urgency::Digest).near(near)
    };
    let moved = |guid: &str| {
        let mut article = notice(24);
        article.article.identity = guid.into();
        article.article.link = Some("https://example.org/moved".into());
        article
    };
    assert_eq!(desk.record(RADIO, &[notice(23), notice(24), moved("twice in a poll")], 1), [1, 2]);
    assert_eq!(desk.owed(None).len(), 2);
    assert_eq!(desk.record(RADIO, &[moved("a new guid")], 2), NOTHING, "word for word the same");
    assert!(desk.store.known(RADIO, &["a new guid".into()]).expect("known is read")[0].is_some());
    let mut retitled = notice(24).owed("Gorno-Badakhshan", Urgency::Digest);
    retitled.article.title = "Sanctions notice for Gorno-Badakhshan".into();
    retitled.article.identity = "a third guid".into();
    retitled.entry_hash = 24;
    assert_eq!(desk.record(RADIO, &[retitled], 3), NOTHING, "a new title is a revision");
    assert_eq!(
        desk.owed(None).iter().map(|(item, _)| item.watches.len()).max(),
        Some(2),
        "and what it says is told"
    );
}

#[test]
fn an_alert_takes_the_whole_article_with_it() {
    let desk = desk();
    let both = temirov().owed("Bishkek", Urgency::AtOnce);
    let later = story("s", "Summit", "Summit in Samarkand.").owed("Summit", Urgency::Digest);
    desk.record(RADIO, &[both, later], 1);
    let alerts = desk.owed(Some(Urgency::AtOnce));
    assert_eq!(
        alerts.iter().map(|(item, _)| (item.article_id, item.watches.len())).collect::<Vec<_>>(),
        [(1, 2)]
    );
    desk.tell("alert 1", &alerts[0].1);
    let left: Vec<_> = desk.owed(None).iter().map(|(item, _)| item.article_id).collect();
    assert_eq!(left, [2]);
}

#[test]
fn a_slot_is_told_once() {
    let desk = desk();
    desk.record(RADIO, &[temirov()], 1);
    assert_eq!(desk.store.told_until("rights desk").expect("told_until reads"), None);
    let owed = desk.owed(None)[0].1.clone();
    assert!(desk.tell("2026-11-23 23:00", &owed));
    assert!(!desk.tell("2026-11-23 23:00", &owed), "the slot is taken");
    assert_eq!(desk.store.outbox_due(minute(60)).expect("the outbox reads").len(), 1);
    assert_eq!(desk.store.told_until("rights desk").expect("told_until reads"), Some(minute(60)));
    assert_eq!(desk.owed(None).len(), 0);
}

#[test]
fn two_guids_over_one_page_are_two_articles_while_both_are_listed() {
    let desk = desk();
    let page = |guid: &str, title: &str| {
        let mut article = story(guid, title, "Temirov was seen in Osh.").owed("Temirov", Urgency::Digest);
        article.article.link = Some("https://example.org/live".into());
        article
    };
    let both = [page("g1", "Morning: Temirov"), page("g2", "Evening: Temirov")];
    assert_eq!(desk.record(RADIO, &both, 1), [1, 2]);
    assert_eq!(desk.record(RADIO, &both, 2), NOTHING);
    assert_eq!(desk.sql::<i64>("SELECT count(*) FROM revision"), 0, "neither takes the other's place");
    assert_eq!(desk.record(RADIO, &[page("g3", "Night: Temirov")], 3), NOTHING, "the guid has changed");
    assert_eq!(desk.sql::<i64>("SELECT count(*) FROM revision"), 1);
}

/// Items of one digest that has original and copy, the copy's headline in it, and
/// items told of the copy when it comes after that digest.
#[test]
fn a_copy_that_says_something_else_is_not_folded_away() {
    let near = 0x0123_4567_89AB_CDEF_u64;
    let check = |title: &str, text: &str, together: usize, headline: Option<&str>, later: usize| {
        let copy = story("c1", title, text).owed("Temirov", Urgency::Digest).near(near);
        let desk = desk();
        desk.record(RADIO, &[temirov().near(near)], 1);
        let original: Vec<i64> = desk.owed(None).into_iter().flat_map(|(_, rows)| rows).collect();
        desk.record(PAPER, std::slice::from_ref(&copy), 2);
        let owed = desk.owed(None);
        assert_eq!(owed.len(), together, "{title}: {text}");
        assert_eq!(owed[0].0.also_in[0].headline.as_deref(), headline, "{title}: {text}");
        let told = super::desk();
        told.record(RADIO, &[temirov().near(near)], 1);
        told.tell("2026-11-23 23:00", &original);
        told.record(PAPER, &[copy], 70);
        assert_eq!(told.owed(None).len(), later, "{title}: {text}");
    };
    let (title, text) = ("Temirov before the court", "Temirov stands trial in Bishkek.");
    check(title, text, 1, None, 0);
    check("Before the court: Temirov", "TEMIROV STANDS TRIAL IN BISHKEK", 1, None, 0);
    check("Journalist acquitted", text, 1, Some("Journalist acquitted"), 1);
    check(title, "Temirov stands acquitted in Bishkek.", 2, None, 1);
}

/// Deliveries, the minutes between them, and what then stands: state, tries,
/// minutes until the next try.
type Fate = (&'static str, Vec<(Delivery, i64)>, &'static str, u32, Option<i64>);

fn fates() -> Vec<Fate> {
    let later = || Delivery::Deferred("450 greylisted".into());
    let wait = |until| Delivery::Later(minute(until), "429 not so fast".into());
    let unknown = || Delivery::Unknown("no answer after the final dot".into());
    let days = |count: usize, minutes| (0..count).map(|_| (later(), minutes)).collect::<Vec<_>>();
    vec![
        ("sent", vec![(Delivery::Sent, 0)], "sent", 1, None),
        ("refused", vec![(Delivery::Refused("550 no such user".into()), 0)], "refused", 1, None),
        ("deferred once", vec![(later(), 0)], "owed", 1, Some(1)),
        ("deferred four times", days(4, 10), "owed", 4, Some(8)),
        ("asked to wait", vec![(wait(80), 0)], "owed", 1, Some(20)),
        ("asked to wait for no time", vec![(wait(60), 0)], "owed", 1, Some(1)),
        ("asked to wait for a day", vec![(wait(60 + 1_440), 0)], "owed", 1, Some(60)),
        ("no answer", vec![(unknown(), 0)], "owed", 1, Some(1)),
        ("back-off ends at an hour", days(20, 60), "owed", 20, Some(60)),
        ("for four days", days(96, 60), "owed", 96, Some(60)),
        ("for five days", days(122, 60), "refused", 121, None),
        ("a clock that jumped ten years", days(2, 5_000_000), "owed", 2, Some(2)),
        ("sent stays sent", vec![(Delivery::Sent, 0), (later(), 1)], "sent", 1, None),
    ]
}

#[test]
fn mail_is_tried_until_its_fate_is_known() {
    for (name, deliveries, state, tries, next) in fates() {
        let desk = desk();
        desk.tell("2026-11-23 23:00", &[]);
        let first = desk.store.outbox_due(minute(60)).expect("the outbox reads").remove(0);
        let mut minutes = 60;
        for (place, (delivery, pause)) in deliveries.iter().enumerate() {
            minutes += if place == 0 { 0 } else { *pause };
            desk.store.try_now(first.id, minute(minutes)).expect("a try is counted");
            desk.store.settle(first.id, delivery, None, minute(minutes)).expect("a delivery is settled");
        }
        assert_eq!(desk.sql::<String>("SELECT state FROM outbox"), state, "{name}");
        assert_eq!(desk.sql::<u32>("SELECT tries FROM outbox"), tries, "{name}");
        assert_eq!(
            desk.sql::<i64>("SELECT count(*) FROM delivery"),
            columns::number(deliveries.len()),
            "{name}"
        );
        let due = |minutes| desk.store.outbox_due(minute(minutes)).expect("the outbox reads");
        if let Some(next) = next {
            assert_eq!(due(minutes + next - 1).len(), 0, "{name}: too early");
            let again = due(minutes + next);
            assert_eq!((&again[0].wire, &again[0].message_id), (&first.wire, &first.message_id), "{name}");
            assert_eq!(due(minutes - 10_000_000).len(), 1, "{name}: a clock set back holds nothing up");
        } else {
            assert_eq!(due(minutes + 600).len(), 0, "{name}");
        }
    }
}

#[test]
fn a_try_without_an_outcome_is_made_again_after_a_pause_or_a_restart() {
    let desk = desk();
    desk.tell("2026-11-23 23:00", &[]);
    let due = |minutes| desk.store.outbox_due(minute(minutes)).expect("the outbox reads");
    let mail = due(60).remove(0);
    desk.store.try_now(mail.id, minute(60)).expect("a try is counted");
    assert_eq!(due(60).len(), 0, "its outcome could not be written: not at once again");
    assert_eq!(due(61)[0].wire, mail.wire);
    desk.store.resume(minute(60)).expect("a process starts");
    assert_eq!(due(60)[0].wire, mail.wire, "the process died: the same bytes go again");
    desk.store.settle(mail.id, &Delivery::Deferred("450 later".into()), None, minute(60)).expect("settled");
    desk.store.resume(minute(60)).expect("a process starts");
    assert_eq!(due(60).len(), 0, "a deferred mail keeps its pause");
}

#[test]
fn mail_refused_for_good_is_told_to_the_operator_once() {
    let desk = desk();
    desk.tell("2026-11-23 23:00", &[]);
    let mail = desk.store.outbox_due(minute(60)).expect("the outbox reads").remove(0);
    desk.store
        .settle(mail.id, &Delivery::Refused("550 no such user".into()), None, minute(60))
        .expect("settled");
    let (rows, refusals): (Vec<_>, Vec<_>) =
        desk.store.refused_untold(OperatorWay::Mail).expect("the outbox reads").into_iter().unzip();
    assert_eq!(refusals[0].reason, "550 no such user");
    let troubles = Troubles { refused: rows, ways: OperatorWay::Mail.bit(), ..Troubles::default() };
    assert!(desk.store.enqueue_trouble(&troubles, "trouble 1", &[], minute(61)).expect("written"));
    assert!(desk.store.refused_untold(OperatorWay::Mail).expect("the outbox reads").is_empty());
    assert_eq!(desk.store.refused_untold(OperatorWay::Chats).expect("the outbox reads").len(), 1);
}

#[test]
fn counts_say_how_things_stand() {
    let desk = desk();
    let day = 60 * 24;
    desk.record(RADIO, &[temirov()], 1);
    desk.record(PAPER, &[story("s", "Summit", "Summit in Samarkand.")], 3 * day);
    let mut broken = poll(RADIO, &[]);
    broken.state.health = "broken".into();
    broken.state.health_since_at = Some(minute(2 * day));
    broken.state.last_error = Some("503".into());
    desk.store.record(&broken, minute(3 * day + 1)).expect("a poll is recorded");
    let owed = desk.owed(None)[0].1.clone();
    desk.tell("2026-11-23 23:00", &owed);
    let now = minute(3 * day + 10);

    let status = desk.store.status(now).expect("a status");
    assert_eq!((status.articles, status.articles_today, status.matches_today), (2, 1, 0));
    assert_eq!((status.mail_owed, status.mail_sent, status.mail_refused, status.untold), (1, 0, 0, 0));
    assert_eq!((status.oldest_owed_at, status.last_poll_at), (Some(minute(60)), Some(minute(3 * day + 1))));

    let rows = desk.store.source_rows(now).expect("sources");
    assert_eq!(
        rows.iter().map(|row| (row.name.as_str(), row.health.as_str(), row.articles)).collect::<Vec<_>>(),
        [(RADIO, "broken", 1), (PAPER, "", 1)]
    );
    assert!((rows[0].items_a_day - 1.0 / 7.0).abs() < 1e-9);
    let watches = desk.store.watch_rows(now).expect("watches");
    let watches: Vec<_> =
        watches.iter().map(|row| (row.watch.as_str(), row.matches, row.matches_week)).collect();
    assert_eq!(watches, [("Temirov", 1, 1)]);

    let footer = desk.store.footer(minute(0), now).expect("a footer");
    assert_eq!((footer.articles_read, footer.sources_polled), (2, 2));
    assert_eq!(footer.sick, [(RADIO.into(), "broken".into(), minute(2 * day), "503".into())]);
    assert_eq!(desk.store.recent_times(RADIO, 9).expect("times"), [minute(1)]);
}

#[test]
fn an_edit_is_owed_to_whoever_was_shown_the_article_and_copies_share_theirs() {
    let desk = desk();
    let near = 0x0123_4567_89AB_CDEF_u64;
    let edited = |text: &str| story("t1", "Temirov before the court", text).owed("Temirov", Urgency::Digest);
    let revise = |source: &str, row: i64, text: &str, minutes: i64| {
        let recording = Recording { revisions: vec![(row, edited(text).near(near))], ..poll(source, &[]) };
        desk.store.record(&recording, minute(minutes)).expect("a poll is recorded");
    };
    let corrections = || desk.store.corrections("rights desk").expect("corrections are read");
    desk.record(RADIO, &[temirov().near(near)], 1);
    desk.record(PAPER, &[temirov().near(near)], 2);
    revise(RADIO, 1, "Temirov stands trial in Osh.", 3);
    revise(PAPER, 2, "Temirov stands trial in Osh.", 4);
    assert!(corrections().is_empty(), "nobody was told yet");
    let owed = desk.owed(None);
    let debts =
        Debts { owed: owed[0].1.clone(), corrections: owed[0].0.corrections.clone(), ..Debts::default() };
    assert_eq!((debts.owed.len(), debts.corrections.len()), (2, 2), "the telling settles the edits");
    assert_eq!(owed[0].0.earlier, None);
    desk.store.enqueue("rights desk", "1", None, &debts, &[], minute(60)).expect("a digest is enqueued");
    assert!(corrections().is_empty());

    desk.record("A third source", &[edited("Temirov stands trial in Osh.").near(near)], 61);
    revise("A third source", 3, "Temirov stands trial in Batken.", 62);
    assert!(corrections().is_empty(), "a copy that came after the telling was shown to nobody");
    revise(PAPER, 2, "Temirov stands trial in Naryn.", 63);
    revise(RADIO, 1, "Temirov stands trial in Naryn.", 64);
    let told = corrections();
    assert_eq!(told.iter().map(|item| item.article_id).collect::<Vec<_>>(), [1], "one of the story");
    assert_eq!(told[0].corrections.len(), 2, "which settles that of its copy");
    let earlier = told[0].earlier.as_ref().expect("it was told");
    assert_eq!((earlier.text.as_str(), earlier.told_at), ("Temirov stands trial in Osh.", minute(60)));
    let debts = Debts { corrections: told[0].corrections.clone(), ..Debts::default() };
    desk.store.enqueue("rights desk", "2", None, &debts, &[], minute(70)).expect("a digest is enqueued");
    assert!(corrections().is_empty());
}
