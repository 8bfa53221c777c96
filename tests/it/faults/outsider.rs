//! Another program opens the database read-write beside the daemon, looks, and closes.

use super::{World, locks, must, rounds, slow};
use crate::support::{Running, needs, wait_for};
use std::path::Path;

/// Stories in the feed at a time in the long run.
const WINDOW: u64 = 40;

/// A daemon that has read and reported sixty stories.
fn settled(world: &World) -> Running {
    world.publish(1..=60);
    let daemon = Running::start(&world.desk, &[]);
    world.wait_for_reports(60);
    wait_for("the marks", || world.desk.query("SELECT DISTINCT state FROM outbox") == ["sent"]);
    daemon
}

#[test]
fn a_client_that_reads_and_closes_leaves_the_daemon_its_lock_and_its_log() {
    if !needs(&["python3"]) {
        return;
    }
    let world = World::new();
    let mut daemon = settled(&world);
    for sql in ["SELECT count(*) FROM article", "CREATE VIEW outside AS SELECT 1", "DROP VIEW outside"] {
        outside(&world.database(), sql);
        let held = locks(daemon.id(), &world.database());
        assert!(!held.is_empty(), "after `{sql}` the daemon holds no lock on its database");
        assert!(world.database().with_extension("db-wal").exists(), "after `{sql}` the log is gone");
    }
    world.publish(1..=66);
    world.poll_until(&daemon, "the new stories", || world.articles() == 66);
    world.wait_for_reports(66);
    daemon.kill();
    assert_eq!(world.articles(), 66, "what was stored is there after `kill -9`");
    world.is_whole("after `kill -9`");
    assert_eq!(world.desk.run(&["poll"]).code, Some(0));
    world.each_is_reported_once(66);
}

#[test]
fn a_client_and_a_rescore_beside_it_leave_the_file_whole_at_a_clean_stop() {
    if !needs(&["python3"]) {
        return;
    }
    let world = World::new();
    let mut daemon = settled(&world);
    outside(&world.database(), "SELECT count(*) FROM article");
    // A new source is due at once: nobody has to touch the database for it.
    world.publish_at("/more", 61..=66);
    let two_sources = world.config() + &world.feed("/more");
    world.desk.configure(&two_sources);
    daemon.signal("HUP");
    world.wait_for_reports(66);
    // A further watch, so that the rescore has much to write.
    let more = "[[watch]]\nname = \"journalist\"\nquery = \"Журналист\"\n";
    world.desk.configure(&(two_sources + more));
    let rescored = world.desk.run(&["rescore", "--yes"]);
    assert_eq!(rescored.code, Some(0), "{rescored:?}");
    daemon.ends_well_on("TERM");
    world.is_whole("after a clean stop");
    assert_eq!(world.desk.query("SELECT count(*) FROM match"), ["132"], "66 by each watch");
    assert_eq!(world.desk.run(&["poll"]).code, Some(0));
    world.is_whole("after a poll");
}

/// Rounds of an outside client, new stories and a command beside the daemon, with
/// `kill -9` or a clean stop in between. `NEWSWATCH_ROUNDS` says how many.
#[test]
fn many_rounds_beside_other_programs_lose_and_repeat_nothing() {
    if !slow(&["python3"]) {
        return;
    }
    let world = World::new();
    world.publish(1..=1);
    let mut daemon = Running::start(&world.desk, &[]);
    world.wait_for_reports(1);
    let mut last: u64 = 1;
    for round in 0..rounds("NEWSWATCH_ROUNDS", 200) {
        let sql = ["SELECT count(*) FROM article", "CREATE VIEW IF NOT EXISTS o AS SELECT 1; DROP VIEW o"];
        outside(&world.database(), sql[(round % 2) as usize]);
        last += 2;
        world.publish(last.saturating_sub(WINDOW).max(1)..=last);
        world.poll_until(&daemon, "the new stories", || {
            outside(&world.database(), "SELECT count(*) FROM article") == last.to_string()
        });
        beside(&world, round);
        outside(&world.database(), "SELECT count(*) FROM outbox");
        let held = locks(daemon.id(), &world.database());
        assert!(!held.is_empty(), "round {round}: the daemon holds no lock on its database");
        match round % 5 {
            1 => daemon.kill(),
            3 => daemon.ends_well_on("TERM"),
            _ => continue,
        }
        world.is_whole(&format!("after round {round}"));
        assert_eq!(world.articles(), last, "articles after round {round}");
        daemon = Running::start(&world.desk, &[]);
    }
    world.wait_for_reports(last);
    daemon.ends_well_on("TERM");
    world.is_whole("at the end");
    world.each_is_reported_once(last);
    world.nothing_is_marked_that_was_not_taken();
}

/// What another program's SQLite says; it opens read-write, like the `sqlite3` shell.
fn outside(database: &Path, sql: &str) -> String {
    const SCRIPT: &str = "import sqlite3, sys\n\
        client = sqlite3.connect(sys.argv[1], timeout=10, isolation_level=None)\n\
        for statement in sys.argv[2].split(';'):\n    rows = client.execute(statement).fetchall()\n\
        print('\\n'.join(str(row[0]) for row in rows))\n\
        client.close()\n";
    must("python3", &["-c", SCRIPT, &database.display().to_string(), sql]).trim().to_owned()
}

/// A command beside the daemon, another one each round.
fn beside(world: &World, round: u64) {
    let copy = world.desk.path(&format!("copy-{round}.db")).display().to_string();
    let commands: [&[&str]; 4] =
        [&["rescore", "--yes"], &["backup", &copy], &["outbox", "retry", "--all"], &["status"]];
    let command = commands[(round / 2 % 4) as usize];
    let ran = world.desk.run(command);
    // `outbox retry` finds nothing to try again (3), `status` may name what is wrong (1).
    assert!(matches!(ran.code, Some(0 | 1 | 3)), "round {round}: {command:?}: {ran:?}");
    if command[0] == "backup" {
        assert_eq!(ran.code, Some(0), "round {round}: {ran:?}");
        assert_eq!(outside(Path::new(&copy), "PRAGMA integrity_check"), "ok", "round {round}: the copy");
        std::fs::remove_file(&copy).expect("it can be removed");
    }
}
