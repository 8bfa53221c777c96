//! The power goes while the daemon polls and mails: what a reader saw stored is stored.

use super::{Manager, Volume, World, must, rounds, slow};
use crate::support::{Running, wait_for};
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ends all writing to the file system at the byte where it is: nothing of what the
/// kernel still holds gets to the disk (EXT4_IOC_SHUTDOWN, NOLOGFLUSH). Ready before
/// it is needed: it waits for a line.
const CUT: &str = "import fcntl, os, struct, sys\n\
    place = os.open(sys.argv[1], os.O_RDONLY)\n\
    print('ready', flush=True)\n\
    sys.stdin.readline()\n\
    fcntl.ioctl(place, 0x8004587d, struct.pack('I', 2))\n";

struct Cut(Child);

impl Cut {
    fn ready(place: &Path) -> Cut {
        let mut command = Command::new("python3");
        command.args(["-c", CUT]).arg(place).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut cut = command.spawn().expect("python3 starts");
        let mut line = String::new();
        BufReader::new(cut.stdout.take().expect("piped")).read_line(&mut line).expect("readable");
        assert_eq!(line.trim(), "ready");
        Cut(cut)
    }

    fn now(mut self) {
        self.0.stdin.take().expect("piped").write_all(b"\n").expect("it waits");
        assert!(self.0.wait().expect("it ends").success(), "the file system cannot be shut down");
    }
}

/// What a reader sees: articles, what is seen, mails marked as sent.
fn seen(database: &Path) -> BTreeSet<String> {
    const SQL: &str = "SELECT 'article ' || title FROM article UNION ALL SELECT 'seen ' || identity FROM seen \
                       UNION ALL SELECT 'sent ' || message_id FROM outbox WHERE state = 'sent'";
    let look = || -> rusqlite::Result<BTreeSet<String>> {
        let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.prepare(SQL)?.query_map([], |row| row.get(0))?.collect()
    };
    look().expect("a reader is never refused")
}

/// `NEWSWATCH_CUTS` says how many.
#[test]
fn what_a_reader_saw_survives_a_power_cut() {
    if !slow(&["root", "mkfs.ext4", "losetup", "mount", "python3"]) {
        return;
    }
    let world = World::new();
    let data = world.desk.data();
    let image = world.desk.path("image");
    let volume = Volume::ext4(&data, &image, 64 << 20);
    let mut last = 3;
    world.publish(1..=last);
    assert_eq!(world.desk.run(&["poll"]).code, Some(0));
    for round in 0..rounds("NEWSWATCH_CUTS", 30) {
        last += 5;
        world.publish(1..=last);
        let cut = Cut::ready(&data);
        world.desk.query("UPDATE source SET next_poll_at = '1970-01-01T00:00:00Z' RETURNING id");
        let mut daemon = Running::start(&world.desk, &[]);
        // From a fixed recipe, over the time of a start, a poll and its mails.
        let instant = Instant::now() + Duration::from_millis(50 + round * 47 % 700);
        let mut before = seen(&world.database());
        while Instant::now() < instant {
            before = seen(&world.database());
        }
        cut.now();
        daemon.kill();
        volume.unmount();
        must("fsck.ext4", &["-p", &image.display().to_string()]);
        volume.mount();
        world.is_whole(&format!("after cut {round}"));
        let after = seen(&world.database());
        let lost: Vec<_> = before.difference(&after).collect();
        assert!(lost.is_empty(), "cut {round} lost {lost:?}");
    }
    assert_eq!(world.desk.run(&["poll"]).code, Some(0));
    let manager = Manager::of(&world.desk);
    let mut daemon = manager.start(&world.desk, &[], 30, &[]);
    wait_for("readiness", || manager.heard("READY=1"));
    world.wait_for_reports(last);
    wait_for("the marks", || world.desk.query("SELECT DISTINCT state FROM outbox") == ["sent"]);
    daemon.ends_well_on("TERM");
    world.is_whole("at the end");
    world.each_is_reported_once(last);
    world.nothing_is_marked_that_was_not_taken();
    println!("{last} stories, {} mails", world.kept_for(super::READER).len());
}
