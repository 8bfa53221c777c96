//! The store as its callers see it: real files in directories of their own.

use super::*;
use crate::watch::{Field, Hit, Score};
use chrono::{TimeDelta, TimeZone};
use tempfile::TempDir;

/// A store of its own, with two sources registered.
struct Desk {
    directory: TempDir,
    store: Store,
}

const NOTHING: [i64; 0] = [];
const RADIO: &str = "Radio Pamir";
const PAPER: &str = "The Ala-Too Paper";

fn desk() -> Desk {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let store = Store::open(&directory.path().join("newswatch.db")).expect("a new database opens");
    let sources = [RADIO, PAPER].map(|name| (name.to_string(), format!("https://example.org/{name}")));
    store.register(&sources, minute(0)).expect("sources register");
    Desk { directory, store }
}

impl Desk {
    fn path(&self) -> PathBuf {
        self.directory.path().join("newswatch.db")
    }

    /// Another program's look at the file.
    fn sql<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        let connection = Connection::open(self.path()).expect("the file opens");
        connection.query_row(sql, [], |row| row.get(0)).expect("the statement runs")
    }

    fn change(&self, sql: &str) {
        let connection = Connection::open(self.path()).expect("the file opens");
        connection.execute_batch(sql).expect("the statement runs");
    }

    fn record(&self, source: &str, articles: &[NewArticle], minutes: i64) -> Vec<i64> {
        self.store.record(&poll(source, articles), minute(minutes)).expect("a poll is recorded")
    }

    fn owed(&self, urgency: Option<Urgency>) -> Vec<(Item, Vec<i64>)> {
        self.store.owed("rights desk", urgency).expect("what is owed is read")
    }

    fn tell(&self, slot: &str, owed: &[i64]) -> bool {
        let mail = NewMail {
            message_id: format!("{slot}@newswatch"),
            sender: "newswatch@example.org".into(),
            recipient: "desk@example.org".into(),
            subject: "Temirov".into(),
            wire: b"Subject: Temirov\r\n\r\n".to_vec(),
        };
        let enqueued = self.store.enqueue("rights desk", slot, minute(60), owed, &[mail], minute(60));
        enqueued.expect("a digest is enqueued")
    }
}

/// Minutes after 22:00 on 23 November 2026.
fn minute(minutes: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 23, 22, 0, 0).single().expect("one instant") + TimeDelta::minutes(minutes)
}

fn story(identity: &str, title: &str, text: &str) -> NewArticle {
    let article = Article {
        identity: identity.into(),
        link: Some(format!("https://example.org/{identity}")),
        title: title.into(),
        text: text.into(),
        ..Article::default()
    };
    NewArticle { article, fingerprint: 0, matches: Vec::new(), owed: Vec::new() }
}

impl NewArticle {
    fn near(self, fingerprint: u64) -> NewArticle {
        NewArticle { fingerprint, ..self }
    }

    /// Matched by `watch` on its first word, and owed to the rights desk.
    fn owed(mut self, watch: &str, urgency: Urgency) -> NewArticle {
        let end = self.article.text.find(' ').unwrap_or(self.article.text.len());
        let text = self.article.text[..end].to_string();
        let rule = "stem temirov".into();
        let hit = Hit { field: Field::Text, span: 0..end, text, rule, certainty: 1.0 };
        self.owed.push(("rights desk".into(), self.matches.len(), urgency));
        self.matches.push(Match { watch: watch.into(), score: Score::default(), hits: vec![hit] });
        self
    }
}

fn poll(source: &str, articles: &[NewArticle]) -> Recording {
    let validators = Validators { etag: Some("W/\"7\"".into()), last_modified: None };
    let url = format!("https://example.org/{source}");
    Recording {
        state: SourceState { name: source.into(), url, validators, ..SourceState::default() },
        outcome: "fresh".into(),
        entries: articles.len(),
        bytes: 900,
        millis: 12,
        faults: Vec::new(),
        articles: articles.to_vec(),
        revisions: Vec::new(),
    }
}

fn temirov() -> NewArticle {
    story("t1", "Temirov before the court", "Temirov stands trial in Bishkek.")
        .owed("Temirov", Urgency::Digest)
}

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
fn the_last_clone_ends_the_writer_and_leaves_one_file() {
    let desk = desk();
    let clone = desk.store.clone();
    drop(desk.store);
    clone.record(&poll(RADIO, &[temirov()]), minute(1)).expect("a clone goes on writing");
    drop(clone);
    let mut left: Vec<_> = std::fs::read_dir(desk.directory.path())
        .expect("the directory is read")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["newswatch.db"]);
}

/// Prepares what stands at the path before it is opened, and what opening says.
type Trouble = (&'static str, fn(&Path), &'static str);

const TROUBLES: &[Trouble] = &[
    ("garbage", |path| put(path, b"this is a letter, not a database"), "is not an SQLite database"),
    ("a short garbage header", |path| put(path, b"SQL"), "is not an SQLite database"),
    ("cut off", |path| cut(path), "is damaged; move it away and restore a backup"),
    (
        "a newer schema",
        |path| make(path, "PRAGMA user_version = 900"),
        "has schema 900, this newswatch knows",
    ),
    (
        "another program's",
        |path| put_sql(path, "CREATE TABLE bookmarks (url TEXT)"),
        "is the database of another program",
    ),
    ("a directory", |path| std::fs::create_dir(path).expect("a directory is made"), "cannot write"),
    ("scribbled over", |path| scribble(path), "is damaged; move it away"),
];

fn put(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("the file is written");
}

fn put_sql(path: &Path, sql: &str) {
    Connection::open(path).and_then(|connection| connection.execute_batch(sql)).expect("the statement runs");
}

fn make(path: &Path, sql: &str) {
    Store::open(path).expect("a new database opens");
    put_sql(path, sql);
}

fn cut(path: &Path) {
    make(path, "");
    let bytes = std::fs::read(path).expect("the file is read");
    put(path, &bytes[..bytes.len() / 2]);
}

fn scribble(path: &Path) {
    make(path, "");
    let mut bytes = std::fs::read(path).expect("the file is read");
    bytes[4_096..].fill(0xA5);
    put(path, &bytes);
}

#[test]
fn what_cannot_be_opened_is_said_and_left_alone() {
    for (name, prepare, said) in TROUBLES {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let path = directory.path().join("newswatch.db");
        prepare(&path);
        let before = std::fs::read(&path).unwrap_or_default();
        for open in [Store::open, Store::open_to_read] {
            let error = open(&path).map(drop).expect_err(name).to_string();
            assert!(error.contains(said) || error.contains("cannot write"), "{name}: {error}");
            assert!(error.contains("newswatch.db`"), "{name}: {error}");
        }
        assert_eq!(std::fs::read(&path).unwrap_or_default(), before, "{name} was changed");
    }
}

#[test]
fn a_lock_a_missing_file_and_a_bad_directory_are_said() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let missing = directory.path().join("newswatch.db");
    let error = Store::open_to_read(&missing).map(drop).expect_err("no file").to_string();
    assert!(error.contains("does not exist yet; `newswatch run`"), "{error}");
    put(&directory.path().join("file"), b"");
    let error = Store::open(&directory.path().join("file/newswatch.db")).map(drop).expect_err("no directory");
    assert!(error.to_string().contains("cannot write"), "{error}");

    make(&missing, "");
    let holder = Connection::open(&missing).expect("the file opens");
    holder.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").expect("the lock is taken");
    let error = open::waiting(&missing, std::time::Duration::from_millis(20)).map(drop).expect_err("locked");
    assert!(error.to_string().contains("is locked by another program; end that program"), "{error}");
}

#[test]
fn an_older_database_is_copied_before_it_is_migrated() {
    let desk = desk();
    desk.record(RADIO, &[temirov()], 1);
    let path = desk.path();
    drop(desk.store);
    let mut connection = Connection::open(&path).expect("the file opens");
    let good = [migrate::MIGRATIONS[0], "ALTER TABLE source ADD COLUMN country TEXT"];
    let broken = [good[0], good[1], "CREATE TABLE half (a); SELECT no_such_column FROM half"];
    migrate::run(&mut connection, &path, &broken).expect_err("the third migration is broken");
    let version = |connection: &Connection| -> (u32, i64) {
        let sql = "SELECT (SELECT * FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema WHERE name = 'half')";
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("the version is read")
    };
    assert_eq!(version(&connection), (2, 0), "the second stays, nothing of the third does");
    let kept = desk.directory.path().join("newswatch.db.v1.backup");
    let copy = Connection::open(&kept).expect("the backup opens");
    assert_eq!(version(&copy), (1, 0));
    let articles: i64 =
        copy.query_row("SELECT count(*) FROM article", [], |row| row.get(0)).expect("a count");
    assert_eq!(articles, 1);
    let error = Store::open(&path).map(drop).expect_err("the file is newer now").to_string();
    assert!(error.contains("has schema 2, this newswatch knows 1"), "{error}");
}

#[test]
fn shipped_migrations_never_change() {
    let pinned = ["0458a0a9cb4fe7e3969fe5850c406963cea5b806d233f452f67d0ed406ad379a"];
    for (sql, pinned) in migrate::MIGRATIONS.iter().zip(pinned) {
        let digest: String =
            <sha2::Sha256 as sha2::Digest>::digest(sql).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(digest, pinned, "add a migration instead of changing one");
    }
    assert_eq!(migrate::MIGRATIONS.len(), pinned.len(), "pin the hash of the new migration here");
}

#[test]
fn every_view_answers() {
    let desk = desk();
    desk.record(RADIO, &[temirov()], 1);
    for view in ["recent_matches", "articles_by_source", "matches_by_watch", "not_yet_told"] {
        assert!(desk.sql::<i64>(&format!("SELECT count(*) FROM {view}")) > 0, "{view}");
    }
    for view in ["mail_owed", "mail_refused", "sick_sources"] {
        assert_eq!(desk.sql::<i64>(&format!("SELECT count(*) FROM {view}")), 0, "{view}");
    }
    assert_eq!(desk.sql::<String>("SELECT first_seen_at FROM article"), "2026-11-23T22:01:00Z");
}

#[test]
fn sources_keep_their_history_by_name_or_by_url() {
    let desk = desk();
    desk.record(RADIO, &[temirov()], 1);
    let register = |sources: &[(&str, &str)]| {
        let sources: Vec<_> = sources.iter().map(|(name, url)| (name.to_string(), url.to_string())).collect();
        desk.store.register(&sources, minute(2)).expect("sources register");
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
        assert_eq!(titles(&desk, query).len(), found, "{query}");
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
    assert_eq!(owed[0].0.also_in[0].0, PAPER);

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
    assert_eq!(desk.record(RADIO, &[notice(23), notice(24)], 1), [1, 2]);
    assert_eq!(desk.owed(None).len(), 2);
    let mut moved = notice(24);
    moved.article.identity = "a new guid".into();
    moved.article.link = Some("https://example.org/moved".into());
    assert_eq!(desk.record(RADIO, &[moved], 2), NOTHING, "word for word the same under another guid");
    assert!(desk.store.known(RADIO, &["a new guid".into()]).expect("known is read")[0].is_some());
    let mut retitled = notice(24).owed("Gorno-Badakhshan", Urgency::Digest);
    retitled.article.title = "Sanctions notice for Gorno-Badakhshan".into();
    retitled.article.identity = "a third guid".into();
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

/// Deliveries, the minutes between them, and what then stands: state, tries,
/// minutes until the next try.
type Fate = (&'static str, Vec<(Delivery, i64)>, &'static str, u32, Option<i64>);

fn fates() -> Vec<Fate> {
    let later = || Delivery::Deferred("450 greylisted".into());
    let unknown = || Delivery::Unknown("no answer after the final dot".into());
    let days = |count: usize, minutes| (0..count).map(|_| (later(), minutes)).collect::<Vec<_>>();
    vec![
        ("sent", vec![(Delivery::Sent, 0)], "sent", 1, None),
        ("refused", vec![(Delivery::Refused("550 no such user".into()), 0)], "refused", 1, None),
        ("deferred once", vec![(later(), 0)], "owed", 1, Some(1)),
        ("deferred four times", days(4, 10), "owed", 4, Some(8)),
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
            desk.store.settle(first.id, delivery, minute(minutes)).expect("a delivery is settled");
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

fn titles(desk: &Desk, query: &str) -> Vec<String> {
    let search = Search { query: query.into(), ..Search::default() };
    let found = desk.store.search(&search).unwrap_or_else(|error| panic!("`{query}`: {error}"));
    found.into_iter().map(|found| found.title).collect()
}

fn library() -> Desk {
    let desk = desk();
    let stories = [
        story("1", "Суд над журналистом", "Болоту Темирову предъявили обвинение в Бишкеке."),
        story("2", "Temirov appeals", "The journalist Bolot Temirov appeals against his expulsion."),
        story("3", "Iron prices", "Prices of temir rose in Gorno-Badakhshan."),
        story("4", "Выборы", "Выборы прошли спокойно."),
        story("5", "Санкции", "Новые санкции против банков в 2026 году."),
    ];
    for (place, article) in (1..).zip(stories) {
        let source = if place % 2 == 0 { PAPER } else { RADIO };
        desk.record(source, &[article], place * 10);
    }
    desk
}

#[test]
fn search_finds_every_script_and_form() {
    let desk = library();
    let table: &[(&str, &[i64])] = &[
        ("", &[5, 4, 3, 2, 1]),
        ("Temirov", &[2, 1]),
        ("Темиров", &[2, 1]),
        ("Темировым", &[2, 1]),
        ("\"Bolot Temirov\"", &[2, 1]),
        ("«Темиров Болот»", &[2, 1]),
        ("=\"bolot temirov\"", &[2]),
        ("=temir", &[3]),
        ("temir*", &[3, 2, 1]),
        ("горно-бадахшан", &[3]),
        ("Temirov -expulsion", &[1]),
        ("Temirov NOT expulsion", &[1]),
        ("temir -(Bolot OR journalist)", &[3]),
        ("iron OR выборы", &[4, 3]),
        ("(iron OR выборы) spokoino", &[4]),
        ("sanktsii 2026", &[5]),
        ("2025", &[]),
        ("Temirov prices", &[]),
        (")Temirov(", &[2, 1]),
        ("\"unclosed Temirov", &[]),
        ("AND Temirov OR", &[2, 1]),
    ];
    for (query, expected) in table {
        let search = Search { query: (*query).into(), ..Search::default() };
        let found = desk.store.search(&search).unwrap_or_else(|error| panic!("`{query}`: {error}"));
        let rows: Vec<i64> = found.iter().map(|found| found.article_id).collect();
        assert_eq!(rows, *expected, "`{query}`");
    }
}

#[test]
fn search_narrows_and_pages() {
    let desk = library();
    desk.record(RADIO, &[temirov()], 100);
    let rows = |search: Search| -> Vec<i64> {
        desk.store.search(&search).expect("search").iter().map(|found| found.article_id).collect()
    };
    let all =
        || Search { query: "Temirov OR Выборы OR iron OR санкции".into(), ..Search::default() };
    assert_eq!(rows(Search { since: Some(minute(30)), ..all() }), [6, 5, 4, 3]);
    assert_eq!(rows(Search { until: Some(minute(30)), ..all() }), [2, 1]);
    assert_eq!(rows(Search { since: Some(minute(900)), ..all() }), NOTHING);
    assert_eq!(rows(Search { until: Some(minute(0)), ..all() }), NOTHING);
    assert_eq!(rows(Search { source: Some(PAPER.into()), ..all() }), [4, 2]);
    assert_eq!(rows(Search { source: Some("nobody".into()), ..all() }), NOTHING);
    assert_eq!(rows(Search { watch: Some("Temirov".into()), ..all() }), [6]);
    assert_eq!(rows(Search { watch: Some("Temirov".into()), ..Search::default() }), [6]);
    assert_eq!(rows(Search { language: Some("ky".into()), ..all() }), NOTHING);
    assert_eq!(rows(Search { limit: 2, ..all() }), [6, 5]);
    assert_eq!(rows(Search { limit: 2, before: Some(5), ..all() }), [4, 3]);
    assert_eq!(rows(Search { limit: usize::MAX, ..all() }).len(), 6);
    let found = desk.store.search(&Search { watch: Some("Temirov".into()), ..all() }).expect("search");
    assert_eq!(found[0].watches, ["Temirov"]);
}

/// Text, query, snippet with the hits in brackets.
const SNIPPETS: &[(&str, &str, &str)] = &[
    ("Болоту Темирову предъявили\nобвинение.", "Bolot Temirov", "[Болоту] [Темирову] предъявили обвинение."),
    ("Nothing of note.", "Temirov", "Nothing of note."),
    ("", "Temirov", ""),
    (
        "one two three four five six seven eight nine ten Temirov a b c d e f g h i j k l m n o p q r s t u v w x y z",
        "temirov",
        "…three four five six seven eight nine ten [Temirov] a b c d e f g h i j k l m n o p q r s t u v w…",
    ),
    (
        "Court. Court. Then long after that the Supreme Court freed Temirov.",
        "court temirov",
        "[Court]. [Court]. Then long after that the Supreme [Court] freed [Temirov].",
    ),
];

#[test]
fn snippets_show_the_original_words() {
    for (text, query, expected) in SNIPPETS {
        let desk = desk();
        desk.record(RADIO, &[story("1", "Temirov", text)], 1);
        let found =
            desk.store.search(&Search { query: (*query).into(), ..Search::default() }).expect("search");
        let Some(found) = found.first() else {
            assert!(!query.contains("emirov"), "`{query}` is not found");
            continue;
        };
        let mut marked = found.snippet.clone();
        for hit in found.hits.iter().rev() {
            marked.insert(hit.end, ']');
            marked.insert(hit.start, '[');
        }
        assert_eq!(marked, *expected, "`{query}`");
        if query.contains("emirov") {
            assert_eq!(found.title_hits.first(), Some(&(0..7)));
        }
    }
}

#[test]
fn a_query_that_finds_nothing_by_nature_is_explained() {
    let desk = library();
    let deep = "(".repeat(100) + "Temirov";
    let long = "Temirov ".repeat(100);
    let huge = "a".repeat(5_000);
    let table = [
        ("-Temirov", "only what must be absent is given"),
        ("Temirov OR -summit", "only what must be absent is given"),
        ("!!! ***", "nothing in `!!! ***` can be searched for"),
        (&deep, "brackets stand more than 16 deep"),
        (&long, "more than 64 words"),
        (&huge, "longer than 4096 bytes"),
    ];
    for (query, said) in table {
        let error = desk.store.search(&Search { query: query.into(), ..Search::default() }).expect_err(query);
        assert!(error.to_string().contains(said), "`{query}`: {error}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, cases: 400, ..Default::default() })]

    #[test]
    fn no_query_is_an_error_of_sqlite(query in r#"([-=()"*^:+{}'«» ]|OR|AND|NOT|NEAR/3|Temirov|[а-яё]{1,3}|\PC){0,12}"#) {
        static DESK: std::sync::LazyLock<Desk> = std::sync::LazyLock::new(library);
        let found = DESK.store.search(&Search { query: query.clone(), ..Search::default() });
        if let Err(error) = found {
            assert!(matches!(error, StoreError::Query(_)), "`{query}`: {error:?}");
        }
    }
}

#[test]
fn another_spelling_rule_makes_the_index_anew() {
    let desk = library();
    desk.change("UPDATE meta SET value = '0' WHERE name = 'fold_version'");
    desk.change("INSERT INTO article_search (article_search) VALUES ('delete-all')");
    assert_eq!(titles(&desk, "Temirov").len(), 0);
    let path = desk.path();
    drop(desk.store);
    let store = Store::open(&path).expect("the database opens");
    let found = store.search(&Search { query: "Temirov".into(), ..Search::default() }).expect("search");
    assert_eq!(found.len(), 2);
}

#[test]
fn a_backup_is_whole_while_the_store_is_written_to() {
    let desk = desk();
    let target = desk.directory.path().join("copy.db");
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for number in 0..60 {
                desk.record(
                    RADIO,
                    &[story(&format!("w{number}"), "Summit", &"Summit in Samarkand. ".repeat(200))],
                    number,
                );
            }
        });
        desk.store.backup(&target).expect("a backup is made");
        writing.join().expect("no panic");
    });
    let copy = Connection::open(&target).expect("the copy opens");
    let check: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(check, "ok");
    let sql = "SELECT (SELECT count(*) FROM article) = (SELECT count(*) FROM seen)";
    assert!(copy.query_row::<bool, _, _>(sql, [], |row| row.get(0)).expect("a count"));
    let error = desk.store.backup(&target).expect_err("the file is there").to_string();
    assert!(error.contains("name another file"), "{error}");
    assert!(Store::open_to_read(&target).is_ok());
}

#[test]
fn readers_see_what_the_writer_commits_and_write_nothing() {
    let desk = desk();
    let reader = Store::open_to_read(&desk.path()).expect("the database opens to read");
    desk.record(RADIO, &[temirov()], 1);
    assert!(reader.show(1).expect("show reads").is_some());
    assert_eq!(reader.show(2).expect("show reads"), None);
    assert_eq!(reader.article_at("https://example.org/t1").expect("a look-up"), Some(1));
    assert_eq!(reader.instance().expect("an instance"), desk.store.instance().expect("an instance"));
    assert_eq!(reader.instance().expect("an instance").len(), 16);
    let error = reader.record(&poll(RADIO, &[]), minute(2)).expect_err("reading only").to_string();
    assert!(error.contains("was opened for reading only"), "{error}");
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
    assert_eq!(status.sources, [("broken".into(), 1), ("new".into(), 1)]);
    assert_eq!((status.articles, status.articles_today, status.matches_today), (2, 1, 0));
    assert_eq!((status.mail_owed, status.mail_sent, status.mail_refused, status.untold), (1, 0, 0, 0));
    assert_eq!((status.oldest_owed_at, status.last_poll_at), (Some(minute(60)), Some(minute(3 * day + 1))));

    let rows = desk.store.source_rows(now).expect("sources");
    assert_eq!(
        rows.iter().map(|row| (row.name.as_str(), row.articles)).collect::<Vec<_>>(),
        [(RADIO, 1), (PAPER, 1)]
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
fn a_store_is_shared_among_threads() {
    fn shared<T: Clone + Send + Sync>() {}
    shared::<Store>();
}
