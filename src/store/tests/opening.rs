//! The file: opened, refused, migrated, shared, copied.

use super::*;

#[test]
fn the_last_clone_ends_the_writer_and_leaves_one_file() {
    let desk = desk();
    let clone = desk.store.clone();
    drop(desk.store);
    clone.record(&poll(RADIO, &[temirov()]), minute(1)).expect("a clone goes on writing");
    assert_eq!(clone.owed("rights desk", None, None).expect("a reader is opened").len(), 1);
    drop(clone);
    let mut left: Vec<_> = std::fs::read_dir(desk.directory.path())
        .expect("the directory is read")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["newswatch.db"]);
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let desk = desk();
    desk.record(RADIO, &[temirov()], 1);
    // The files as they lie while the program runs are those a kill leaves.
    let crashed = tempfile::tempdir().expect("a temporary directory can be made");
    for name in ["newswatch.db", "newswatch.db-wal"] {
        std::fs::copy(desk.directory.path().join(name), crashed.path().join(name)).expect("a copy is made");
    }
    for open in [Store::open_to_read, Store::open] {
        let store = open(&crashed.path().join("newswatch.db")).expect("the database opens");
        assert_eq!(store.owed("rights desk", None, None).expect("owed").len(), 1);
        assert!(store.known(RADIO, &["t1".into()]).expect("known")[0].is_some());
    }
}

/// Prepares what stands at the path before it is opened, and what opening says.
type Trouble = (&'static str, fn(&Path), &'static str);

const TROUBLES: &[Trouble] = &[
    ("garbage", |path| put(path, b"this is a letter, not a database"), "is not an SQLite database"),
    ("a short garbage header", |path| put(path, b"SQL"), "is not an SQLite database"),
    ("a byte", |path| put(path, b"S"), "is not an SQLite database"),
    ("zeros", |path| put(path, &[0; 8192]), "is not an SQLite database"),
    ("an empty file", |path| put(path, b""), "is empty (0 bytes), so its history is lost; move it away"),
    ("cut off", |path| cut(path), "is damaged; move it away with its `-wal`"),
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
            assert!(error.contains(said), "{name}: {error}");
            assert!(error.contains("newswatch.db`"), "{name}: {error}");
        }
        assert_eq!(std::fs::read(&path).unwrap_or_default(), before, "{name} was changed");
    }
}

/// What lies beside a database that is gone.
const REMAINS: &[(&str, &[u8])] = &[
    ("newswatch.db-wal", b"frames"),
    ("newswatch.db-journal", b"pages"),
    ("newswatch.db.lock", b"4711\nhistory\n"),
    ("newswatch.db.v13.backup", b"SQLite"),
    ("mail/9f@example.org.eml", b"Subject: Temirov"),
];

#[test]
fn a_missing_database_is_not_replaced_beside_what_it_left() {
    let check = |name: &str, bytes: &[u8], is_refused: bool| {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let path = directory.path().join("newswatch.db");
        let beside = directory.path().join(name);
        std::fs::create_dir_all(beside.parent().expect("a parent")).expect("a directory is made");
        put(&beside, bytes);
        if !is_refused {
            return drop(Store::open(&path).unwrap_or_else(|error| panic!("{name}: {error}")));
        }
        for open in [Store::open, Store::open_to_read] {
            let error = open(&path).map(drop).expect_err(name).to_string();
            assert!(error.contains("newswatch.db` is missing, but"), "{name}: {error}");
            let named = name.split_once('/').map_or(name, |(directory, _)| directory);
            assert!(error.contains(named), "{name}: {error}");
        }
        assert_eq!(std::fs::read(&beside).expect("readable"), bytes, "{name} was changed");
        assert!(!path.exists(), "{name}: a database was made");
    };
    for (name, bytes) in REMAINS {
        check(name, bytes, true);
    }
    // What a first start that was cut off leaves, and a mail that tries the server.
    check("newswatch.db.lock", b"4711\n", false);
    check("newswatch.db.new", b"SQLite", false);
    check("newswatch.db-wal", b"", false);
    check("mail/test-1785@newswatch.eml", b"Subject: newswatch: test mail", false);
}

#[test]
fn a_damaged_database_gives_no_backup_and_an_older_one_stays() {
    let desk = desk();
    let text = "The summit in Samarkand ended without an agreement. ".repeat(90);
    for number in 0..40 {
        desk.record(RADIO, &[story(&format!("d{number}"), "Summit", &text)], number);
    }
    let older = desk.directory.path().join("older.db");
    desk.store.backup(&older, false).expect("a backup is made");
    let before = std::fs::read(&older).expect("readable");
    let path = desk.path();
    let Desk { directory, store } = desk;
    drop(store);
    let mut bytes = std::fs::read(&path).expect("readable");
    let middle = bytes.len() / 2 / 4_096 * 4_096;
    bytes[middle..middle + 4_096].fill(0xA5);
    put(&path, &bytes);
    let store = Store::open_to_read(&path).expect("the damage is not seen when it is opened");
    let newer = directory.path().join("newer.db");
    for (target, replaces) in [(&newer, false), (&older, true)] {
        let error = store.backup(target, replaces).expect_err("it is damaged").to_string();
        assert!(error.contains("newswatch.db` is damaged ("), "{error}");
        assert!(error.contains("restore an older backup"), "{error}");
    }
    assert!(!newer.exists(), "no backup is better than a damaged one");
    assert_eq!(std::fs::read(&older).expect("readable"), before, "the older backup stays");
}

/// Whether the system lists a lock of this process on a file. It lists them in several
/// steps, and one may be passed over while others end: it is asked again then. A lock
/// that is dropped does not come back.
fn is_locked(path: &Path) -> bool {
    (0..50).any(|_| !locks(path).is_empty())
}

fn locks(path: &Path) -> Vec<String> {
    let number = format!(":{} ", std::fs::metadata(path).expect("a file").ino());
    let pid = format!(" {} ", std::process::id());
    let locks = std::fs::read_to_string("/proc/locks").expect("the system lists locks");
    locks.lines().filter(|lock| lock.contains(&number) && lock.contains(&pid)).map(str::to_owned).collect()
}

#[test]
fn the_lock_on_the_file_survives_every_use_of_it() {
    let desk = desk();
    desk.record(RADIO, &[temirov()], 1);
    let uses: [(&str, &dyn Fn()); 5] = [
        ("a read", &|| drop(desk.store.states().expect("readable"))),
        ("a store beside it", &|| drop(Store::open_to_read(&desk.path()).expect("it opens"))),
        ("a writer beside it", &|| drop(Store::open_beside(&desk.path()).expect("it opens"))),
        ("a backup", &|| desk.store.backup(&desk.directory.path().join("copy"), true).expect("a copy")),
        ("a probe", &|| desk.store.probe(minute(2)).expect("writable")),
    ];
    for (name, use_it) in uses {
        use_it();
        assert!(is_locked(&desk.path()), "{name} dropped the lock");
    }
}

#[test]
fn calls_wait_for_a_connection_instead_of_opening_more() {
    let desk = desk();
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| desk.store.states().expect("a reader comes free"));
        }
    });
    let open = std::fs::read_dir("/proc/self/fd").expect("descriptors are listed");
    let path = desk.path().canonicalize().expect("a path");
    let of_database = |fd: &std::fs::DirEntry| std::fs::read_link(fd.path()).is_ok_and(|to| to == path);
    let count = open.filter_map(Result::ok).filter(of_database).count();
    assert!(count <= 9, "{count} connections: a writer and eight readers at most");
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
    let known = i64::try_from(migrate::MIGRATIONS.len()).expect("few");
    let good = "ALTER TABLE source ADD COLUMN country TEXT";
    let broken = "CREATE TABLE half (a); SELECT no_such_column FROM half";
    let migrations = [migrate::MIGRATIONS, &[good, broken]].concat();
    migrate::run(&mut connection, &path, &migrations).expect_err("the last migration is broken");
    let version = |connection: &Connection| -> (i64, i64) {
        let sql = "SELECT (SELECT * FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema WHERE name = 'half')";
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("the version is read")
    };
    assert_eq!(version(&connection), (known + 1, 0), "the good one stays, nothing of the broken one does");
    let kept = desk.directory.path().join(format!("newswatch.db.v{known}.backup"));
    let copy = Connection::open(&kept).expect("the backup opens");
    assert_eq!(version(&copy), (known, 0));
    let articles: i64 =
        copy.query_row("SELECT count(*) FROM article", [], |row| row.get(0)).expect("a count");
    assert_eq!(articles, 1);
    let error = Store::open(&path).map(drop).expect_err("the file is newer now").to_string();
    let said = format!("has schema {}, this newswatch knows {known}", known + 1);
    assert!(error.contains(&said), "{error}");
}

/// Mail of the first version, in every state, with its tries.
#[test]
fn a_file_of_the_first_version_keeps_its_mail() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("newswatch.db");
    let mut connection = Connection::open(&path).expect("a new file opens");
    migrate::run(&mut connection, &path, &migrate::MIGRATIONS[..1]).expect("the first version is made");
    connection
        .execute_batch(
            "INSERT INTO digest VALUES (7, 'rights desk', 'digest 1', NULL, '2026-11-23T22:00:00Z');
             INSERT INTO outbox (id, digest_id, message_id, sender, recipient, subject, wire, state, tries,
                                 next_try_at, created_at, settled_at)
             SELECT value, 7, value || '@a', 'n@example.org', 'desk@example.org', 'Temirov', x'0D0A',
                    iif(value = 1, 'owed', iif(value = 2, 'sent', 'refused')), value,
                    '2026-11-23T22:00:00Z', '2026-11-23T22:00:00Z', iif(value = 1, NULL, '2026-11-23T22:01:00Z')
             FROM json_each('[1, 2, 3]');
             INSERT INTO delivery (outbox_id, tried_at, outcome, reason)
             SELECT value, '2026-11-23T22:00:30Z', iif(value = 2, 'sent', 'refused'), '550 ' || value
             FROM json_each('[1, 2, 3]');",
        )
        .expect("rows of the first version");
    drop(connection);
    let store = Store::open(&path).expect("it is brought up to date");
    let due = store.outbox_due(minute(60)).expect("the outbox reads");
    assert_eq!(due.iter().map(|mail| (mail.id, mail.tries)).collect::<Vec<_>>(), [(1, 1)]);
    assert_eq!(due[0].wire, b"\r\n");
    let status = store.status(minute(60)).expect("a status");
    assert_eq!((status.mail_owed, status.mail_sent, status.mail_refused), (1, 1, 1));
    assert_eq!(store.refused_untold(OperatorWay::Mail).expect("the outbox reads")[0].1.reason, "550 3");
    let connection = Connection::open(&path).expect("the file opens");
    let sql = "SELECT (SELECT count(*) FROM delivery), (SELECT count(*) FROM pragma_foreign_key_check)";
    let counts: (i64, i64) =
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("counts");
    assert_eq!(counts, (3, 0));
}

#[test]
fn a_database_of_the_first_schema_keeps_everything() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("newswatch.db");
    let mut connection = Connection::open(&path).expect("the file opens");
    migrate::run(&mut connection, &path, &migrate::MIGRATIONS[..1]).expect("the first schema is made");
    let sql = "INSERT INTO source (id, name, url, added_at) VALUES (1, 'Radio Pamir', 'https://example.org/', '2026-11-23T22:00:00Z');
               INSERT INTO article VALUES (1, 1, '2026-11-23T22:01:00Z', NULL, NULL, 'Temirov', NULL, NULL, '[]', 1, 0, 0, 'Temirov');
               INSERT INTO match VALUES (1, 1, 'Temirov', 2.0, '2026-11-23T22:01:00Z');
               INSERT INTO owed VALUES (7, 'rights desk', 1, 'digest', '2026-11-23T22:01:00Z', NULL);";
    connection.execute_batch(sql).expect("rows are written");
    drop(connection);
    let store = Store::open(&path).expect("it is brought up to date");
    let owed = store.owed("rights desk", None, None).expect("owed reads");
    assert_eq!(
        owed.iter().map(|(item, rows)| (item.article_id, rows.as_slice())).collect::<Vec<_>>(),
        [(1, &[7][..])]
    );
    let search = Search { watch: Some("Temirov".into()), ..Search::default() };
    assert_eq!(store.search(&search).expect("search reads").len(), 1);
}

#[test]
fn shipped_migrations_never_change() {
    let pinned = [
        "a7fbbcf234b01e96c3dff2eec791e3b3b609643daeca019bcb794db56a41ab71",
        "7c1f656c0cc437743036c1a4c2911718a8b68421621e7fd3395ed9c71867d145",
        "7b6b44a01cccc8866817289ba48a0afd750b26e80a693234890804b8105775e8",
        "100d314199d5e269812f7c305be4580fd20dc6aa13747382a0f28e0474fff0f1",
        "119524df0570a495bcf2663baa6de372343c1ed4ffd37c97ac29d0ef3dff8af7",
        "fb0b4098d70c93bd3f3b0bda53cc92b0b80e7b6b482b78382ed7a38036495903",
        "c3228a80433e30b9d656b76757910495b844161daf5ce0eb0af4739b4c72803c",
        "ab1b2c1af5999b32c8d1a3d71500fdd5c670601f4f94ffe619690acfe755832f",
        "841fda737986f1be01810a7133ee7fee124d036bb15c2a193d4b19845c80ef59",
        "728f371280381017f25f0dbdc05aa1c40c448b456cb84672fc7468b6d9059db7",
        "35d8687366183d5060decb32a1c7fd7a3aad880c4c472f5550e96d1898762d8a",
        "8effcf2980bafcb2a0612520f419ae032b5e18b48deaeea2038ce9fe16e1ff38",
        "29671dead1724a98d93f79b16934398b802ee7a30642fe06ed99401ec54d2ab4",
    ];
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
    for view in ["mail_owed", "mail_refused", "pages_not_read", "sick_sources", "replaced"] {
        assert_eq!(desk.sql::<i64>(&format!("SELECT count(*) FROM {view}")), 0, "{view}");
    }
    assert_eq!(desk.sql::<String>("SELECT first_seen_at FROM article"), "2026-11-23T22:01:00Z");
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
        desk.store.backup(&target, false).expect("a backup is made");
        writing.join().expect("no panic");
    });
    let copy = Connection::open(&target).expect("the copy opens");
    let check: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(check, "ok");
    let sql = "SELECT (SELECT count(*) FROM article) = (SELECT count(*) FROM seen)";
    assert!(copy.query_row::<bool, _, _>(sql, [], |row| row.get(0)).expect("a count"));
    let error = desk.store.backup(&target, false).expect_err("the file is there").to_string();
    assert!(error.contains("name another file"), "{error}");
    desk.store.backup(&target, true).expect("an older backup is replaced");
    let error = desk.store.backup(&desk.path(), true).expect_err("it is no backup of itself").to_string();
    assert!(error.contains("belongs to the database itself; name another file"), "{error}");
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
fn a_store_is_shared_among_threads() {
    fn shared<T: Clone + Send + Sync>() {}
    shared::<Store>();
}

#[test]
fn a_second_daemon_is_told_the_pid_of_the_first() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("data/newswatch.db");
    let held = claim(&path).expect("nobody has it");
    let error = claim(&path).map(drop).expect_err("somebody has it").to_string();
    assert!(error.contains(&format!("process {} already watches", std::process::id())), "{error}");
    drop(held);
    claim(&path).expect("it is free again");
}
