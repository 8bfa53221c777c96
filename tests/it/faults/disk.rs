//! A disk that is full or read-only under the data, while mail and web work: the
//! operator is notified at once, and everything goes on by itself when there is room.

use super::{Manager, OPERATOR, Volume, World, must, slow};
use crate::support::{Running, needs, wait_for, wait_within};
use std::time::Duration;

/// How soon the operator has mail of it, once a write was tried.
const NOTIFIED_WITHIN: Duration = Duration::from_secs(60);

/// How soon all is reported once there is room: an interval of the source, and a half.
const RECOVERED_WITHIN: Duration = Duration::from_secs(90);

/// A limit on the size of files is an error like a full disk, and no death (SIGXFSZ).
#[test]
fn a_limit_on_the_size_of_files_is_reported_and_survived() {
    if !needs(&["prlimit"]) {
        return;
    }
    let world = World::new();
    world.publish(1..=3);
    assert_eq!(world.desk.run(&["poll"]).code, Some(0));
    world.desk.query("UPDATE source SET next_poll_at = '1970-01-01T00:00:00Z' RETURNING id");
    let bytes = std::fs::metadata(world.database()).expect("it is there").len() + (64 << 10);
    world.publish(1..=300);
    let limit = format!("--fsize={bytes}:unlimited");
    let mut daemon = Running::start_by(&world.desk, &["prlimit", &limit], &[]);
    let data = world.desk.data().display().to_string();
    wait_within(NOTIFIED_WITHIN, "the operator's mail", || {
        assert_eq!(daemon.ended(), None, "it died: {}", daemon.log());
        world.operator_mails(&data.to_lowercase()) > 0
    });
    assert_eq!(world.kept_for(OPERATOR).len(), 1, "one mail");
    daemon.ends_well_on("TERM");
    world.is_whole("after the limit");
    world.nothing_is_marked_that_was_not_taken();
    assert_eq!(world.desk.run(&["poll"]).code, Some(0));
    world.each_is_reported_once(300);
}

#[test]
fn a_full_disk_in_memory_is_reported_and_recovered_from() {
    if slow(&["root", "mount"]) {
        let world = World::new();
        let volume = Volume::memory(&world.desk.data(), 4 << 20);
        recovers_from_a_full_disk(&world, &volume, 120, 30);
    }
}

/// Without a watchdog: the operator of a daemon that nobody watches is notified as well.
#[test]
fn a_full_disk_with_ext4_is_reported_and_recovered_from() {
    if slow(&["root", "mkfs.ext4", "losetup", "mount"]) {
        let world = World::new();
        let volume = Volume::ext4(&world.desk.data(), &world.desk.path("image"), 12 << 20);
        recovers_from_a_full_disk(&world, &volume, 400, 0);
    }
}

/// `last` stories need more room than the log beside the database has taken already.
fn recovers_from_a_full_disk(world: &World, volume: &Volume, last: u64, watchdog_seconds: u64) {
    let manager = Manager::of(&world.desk);
    world.publish(1..=3);
    let mut daemon = match watchdog_seconds {
        0 => Running::start(&world.desk, &[]),
        seconds => manager.start(&world.desk, &[], seconds, &[]),
    };
    world.wait_for_reports(3);
    wait_for("the marks", || world.desk.query("SELECT DISTINCT state FROM outbox") == ["sent"]);
    volume.fill();
    world.publish(1..=last);
    is_reported(world, &mut daemon, "disk full");
    world.nothing_is_marked_that_was_not_taken();
    if watchdog_seconds > 0 {
        assert!(manager.heard("STATUS="), "systemd is not told what is wrong");
        // An error that comes back at once is no standstill.
        assert!(manager.silence() < Duration::from_secs(watchdog_seconds), "the watchdog starves");
    }
    volume.make_room();
    wait_within(RECOVERED_WITHIN, "all reports", || {
        assert_eq!(daemon.ended(), None, "it ended: {}", daemon.log());
        world.reported().len() as u64 == last
    });
    wait_for("the marks", || world.desk.query("SELECT DISTINCT state FROM outbox") == ["sent"]);
    assert_eq!(world.operator_mails("newswatch is paused"), 1, "one mail");
    wait_within(ENDED_WITHIN, "the end of it", || world.operator_mails("newswatch has resumed") == 1);
    daemon.ends_well_on("TERM");
    world.is_whole("after a full disk");
    world.each_is_reported_once(last);
    world.nothing_is_marked_that_was_not_taken();
}

/// How soon the operator reads that it has passed: what comes and goes has not.
const ENDED_WITHIN: Duration = Duration::from_secs(240);

/// The operator has one mail that names the trouble, `status` names it and fails.
fn is_reported(world: &World, daemon: &mut Running, trouble: &str) {
    wait_within(NOTIFIED_WITHIN, "the operator's mail", || {
        assert_eq!(daemon.ended(), None, "it ended: {}", daemon.log());
        world.operator_mails(trouble) > 0
    });
    let status = world.desk.run(&["status"]);
    assert_eq!(status.code, Some(1), "{status:?}");
    let said = (status.out.clone() + &status.err).to_lowercase();
    assert!(said.contains(trouble), "{status:?}");
    assert_eq!(world.operator_mails(trouble), 1, "one mail");
}

/// After an error ext4 takes no more writes until it is mounted again.
#[test]
fn a_disk_that_turns_read_only_is_reported() {
    if !slow(&["root", "mkfs.ext4", "losetup", "mount"]) {
        return;
    }
    let world = World::new();
    let volume = Volume::ext4(&world.desk.data(), &world.desk.path("image"), 12 << 20);
    world.publish(1..=3);
    let mut daemon = Running::start(&world.desk, &[]);
    world.wait_for_reports(3);
    wait_for("the marks", || world.desk.query("SELECT DISTINCT state FROM outbox") == ["sent"]);
    let at = volume.at.display().to_string();
    let device = must("findmnt", &["-n", "-o", "SOURCE", &at]);
    let device = device.trim().trim_start_matches("/dev/");
    std::fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "1").expect("an error can be made");
    world.publish(1..=40);
    is_reported(&world, &mut daemon, "read-only");
    daemon.ends_well_on("TERM");
    volume.unmount();
    volume.mount();
    let ran = world.desk.run(&["poll"]);
    assert!(ran.code == Some(0) || ran.code == Some(75), "a new start finds it well: {ran:?}");
    wait_within(RECOVERED_WITHIN, "all reports", || {
        world.desk.run(&["poll"]);
        world.reported().len() == 40
    });
    world.is_whole("after a read-only disk");
    world.each_is_reported_once(40);
}

#[test]
fn a_first_start_on_a_full_disk_waits_for_room() {
    if slow(&["root", "mount"]) {
        let world = World::new();
        let volume = Volume::memory(&world.desk.data(), 4 << 20);
        starts_when_there_is_room(&world, &volume);
    }
}

#[test]
fn a_start_with_a_history_on_a_full_disk_waits_for_room() {
    if slow(&["root", "mkfs.ext4", "losetup", "mount"]) {
        let world = World::new();
        let volume = Volume::ext4(&world.desk.data(), &world.desk.path("image"), 12 << 20);
        world.publish(1..=3);
        assert_eq!(world.desk.run(&["poll"]).code, Some(0));
        starts_when_there_is_room(&world, &volume);
    }
}

fn starts_when_there_is_room(world: &World, volume: &Volume) {
    let manager = Manager::of(&world.desk);
    volume.fill();
    world.publish(1..=6);
    let mut daemon = manager.start(&world.desk, &[], 30, &[]);
    wait_within(NOTIFIED_WITHIN, "a longer time to start", || {
        assert_eq!(daemon.ended(), None, "it does not wait: {}", daemon.log());
        manager.times("EXTEND_TIMEOUT_USEC=").len() > 1 && manager.heard("STATUS=")
    });
    assert!(!manager.heard("READY=1"), "ready, and cannot store anything");
    volume.make_room();
    wait_within(NOTIFIED_WITHIN, "readiness", || manager.heard("READY=1"));
    wait_within(RECOVERED_WITHIN, "all reports", || world.reported().len() == 6);
    daemon.ends_well_on("TERM");
    world.is_whole("after a start on a full disk");
    world.each_is_reported_once(6);
}
