//! A database that is damaged, cut to nothing or gone is reported, left as it is, and
//! never becomes a backup.

use super::World;
use crate::support::{Desk, Ran, Running, finish, query, wait_for};
use std::collections::BTreeMap;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// A desk whose history has sixty stories, and whose mail went into files.
fn with_history() -> World {
    let world = World::new();
    let plan = "[[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
                [[plan]]\nname = \"desk\"\nto = [\"ada@example.org\"]\n";
    world.desk.configure(&(plan.to_owned() + &world.feed("/feed")));
    world.publish(1..=60);
    let ran = world.desk.run(&["poll"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!world.desk.mails().is_empty(), "nobody was notified");
    world
}

/// Overwrites a page in the middle of the articles.
fn damage_a_page(database: &Path) {
    let leaves = "SELECT pageno FROM dbstat WHERE name = 'article' AND pagetype = 'leaf' ORDER BY pageno";
    let leaves = query(database, leaves);
    let page: u64 = leaves[leaves.len() / 2].parse().expect("a number");
    let size: u64 = query(database, "PRAGMA page_size")[0].parse().expect("a number");
    let file = std::fs::File::options().write(true).open(database).expect("writable");
    file.write_all_at(&vec![0xa5; size as usize], (page - 1) * size).expect("writable");
}

/// Exit 1 and one line that names the file.
fn is_refused(ran: &Ran, file: &Path, what: &str) {
    assert_eq!(ran.code, Some(1), "{what}: {ran:?}");
    let lines: Vec<_> = ran.err.lines().filter(|line| line.contains(&file.display().to_string())).collect();
    assert_eq!(lines.len(), 1, "{what}: one line names `{}`: {ran:?}", file.display());
}

#[test]
fn a_damaged_database_becomes_no_backup() {
    let world = with_history();
    let (new, kept) = (world.desk.path("new.db"), world.desk.path("kept.db"));
    let backup = |file: &Path, more: &[&str]| {
        let file = file.display().to_string();
        world.desk.run(&[&["backup", &file][..], more].concat())
    };
    assert_eq!(backup(&kept, &[]).code, Some(0));
    let older = std::fs::read(&kept).expect("readable");
    damage_a_page(&world.database());
    let damaged = std::fs::read(world.database()).expect("readable");

    for (file, more) in [(&new, &[][..]), (&new, &["--replace"]), (&kept, &["--replace"])] {
        let ran = backup(file, more);
        is_refused(&ran, &world.database(), "backup");
        assert!(ran.err.contains("damaged"), "it names the damage: {ran:?}");
    }
    let left = std::fs::read_dir(world.desk.directory.path()).expect("readable");
    let left = left.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"));
    let copies: Vec<_> = left.filter(|name| name.starts_with("new.db")).collect();
    assert!(copies.is_empty(), "a damaged copy lies there: {copies:?}");
    assert_eq!(std::fs::read(&kept).expect("readable"), older, "the older copy is kept");
    assert_eq!(std::fs::read(world.database()).expect("readable"), damaged, "the source is left alone");
}

#[test]
fn a_backup_replaces_an_older_one_only_when_asked_to() {
    let world = with_history();
    let file = world.desk.path("kept.db");
    let name = file.display().to_string();
    assert_eq!(world.desk.run(&["backup", &name]).code, Some(0));
    let older = std::fs::read(&file).expect("readable");
    world.publish(1..=66);
    assert_eq!(world.desk.run(&["poll"]).code, Some(0));
    assert_eq!(world.desk.run(&["backup", &name]).code, Some(1), "it exists already");
    assert_eq!(std::fs::read(&file).expect("readable"), older);
    let ran = world.desk.run(&["backup", &name, "--replace"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(query(&file, "SELECT count(*) FROM article"), ["66"]);
    assert_eq!(query(&file, "PRAGMA integrity_check"), ["ok"]);
}

/// What happened to the file, and what is left beside it.
type Accident = (&'static str, fn(&World));

const ACCIDENTS: [Accident; 6] = [
    ("cut to 0 bytes", |world| std::fs::write(world.database(), "").expect("writable")),
    ("cut to 0 bytes, and nothing beside it", |world| {
        remove_mail(world);
        let _ = std::fs::remove_file(lock(world));
        std::fs::write(world.database(), "").expect("writable");
    }),
    ("gone beside its lock and mail", |world| remove(&world.database())),
    ("gone beside mail", |world| {
        remove(&world.database());
        remove(&lock(world));
    }),
    ("gone beside its log", |world| {
        let copy = std::fs::read(world.database()).expect("readable");
        std::fs::write(world.database().with_extension("db-wal"), copy).expect("writable");
        remove_mail(world);
        remove(&lock(world));
        remove(&world.database());
    }),
    ("with another header", |world| {
        let file = std::fs::File::options().write(true).open(world.database()).expect("writable");
        file.write_all_at(b"Osh Echo archive", 0).expect("writable");
    }),
];

fn lock(world: &World) -> PathBuf {
    world.database().with_extension("db.lock")
}

fn remove(file: &Path) {
    std::fs::remove_file(file).expect("it can be removed");
}

fn remove_mail(world: &World) {
    std::fs::remove_dir_all(world.desk.data().join("mail")).expect("it can be removed");
}

#[test]
fn a_lost_database_is_reported_and_not_replaced() {
    for (what, accident) in ACCIDENTS {
        let world = with_history();
        accident(&world);
        let before = everything(&world.desk);
        for command in ["poll", "status"] {
            let what = format!("{command} with a database {what}");
            let ran = world.desk.run(&[command]);
            is_refused(&ran, &world.database(), &what);
            names_a_next_step(&ran.err, &what);
            assert_eq!(names(&everything(&world.desk)), names(&before), "{what}");
            assert!(everything(&world.desk) == before, "{what}: a file has changed");
        }
        let what = format!("run with a database {what}");
        let mut daemon = Running::start(&world.desk, &[]);
        wait_for(&format!("the end of {what}"), || daemon.ended().is_some());
        let again = finish(world.desk.command(&["run"]).spawn().expect("the binary starts"));
        assert_eq!(again.code, Some(1), "{what}: {again:?}");
        names_a_next_step(&again.err, &what);
        assert!(again.err.contains(&world.database().display().to_string()), "{what}: {again:?}");
        assert!(everything(&world.desk) == before, "{what}: a file has changed");
    }
}

/// A next step is to bring back a copy, or to move something away.
fn names_a_next_step(text: &str, what: &str) {
    assert!(
        ["backup", "restore", "move"].iter().any(|word| text.contains(word)),
        "{what}: no next step: {text}"
    );
}

/// The files of the data directory; the lock is anybody's to write.
fn everything(desk: &Desk) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![desk.data()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_none_or(|extension| extension != "lock") {
                found.insert(path.clone(), std::fs::read(path).expect("readable"));
            }
        }
    }
    found
}

fn names(files: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<&PathBuf> {
    files.keys().collect()
}
