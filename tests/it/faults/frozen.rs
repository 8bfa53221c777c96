//! A part of the daemon that stands still is noticed within the watchdog's time; what
//! blocks a reload blocks no signal; a signal at the moment of readiness kills nothing.

use super::{Manager, World, must, slow};
use crate::support::{Desk, Running, wait_for, wait_within};
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

const WATCHDOG_SECONDS: u64 = 6;
const WATCHDOG: Duration = Duration::from_secs(WATCHDOG_SECONDS);

/// By then a loop has begun its second round, for it sleeps five seconds at most.
const SECOND_ROUND: Duration = Duration::from_secs(6);

/// `NEWSWATCH_STALL_AT` names a loop that stands still from its second round, or that round, on.
#[test]
fn a_loop_that_stands_still_starves_the_watchdog() {
    if !slow(&[]) {
        return;
    }
    std::thread::scope(|scope| {
        // The writer has done more than a dozen jobs by the first probes.
        for part in ["poll", "notify", "writer:14"] {
            scope.spawn(move || starves(part));
        }
        scope.spawn(pings_come_while_all_goes_round);
    });
}

fn starves(part: &str) {
    let world = World::new();
    world.publish(1..=3);
    let manager = Manager::of(&world.desk);
    let began = Instant::now();
    let mut daemon = manager.start(&world.desk, &[], WATCHDOG_SECONDS, &[("NEWSWATCH_STALL_AT", part)]);
    // A writer may stand still before the daemon is ready: then there is no ping at all.
    let last_ping = || manager.times("WATCHDOG=1").last().copied().unwrap_or(began);
    wait_within(SECOND_ROUND + 3 * WATCHDOG, &format!("the pings to stop with `{part}` frozen"), || {
        assert_eq!(daemon.ended(), None, "{part}: it ended: {}", daemon.log());
        last_ping().elapsed() > WATCHDOG
    });
    assert!(part.starts_with("writer") || manager.heard("READY=1"), "{part}: it was never ready");
    let after = last_ping() - began;
    assert!(after < SECOND_ROUND + WATCHDOG, "{part}: the last ping came after {after:?}");
}

fn pings_come_while_all_goes_round() {
    let world = World::new();
    world.publish(1..=3);
    let manager = Manager::of(&world.desk);
    let mut daemon = manager.start(&world.desk, &[], WATCHDOG_SECONDS, &[]);
    wait_for("ten pings", || manager.times("WATCHDOG=1").len() >= 10);
    let silence = manager.longest_silence();
    assert!(silence < WATCHDOG, "no ping for {silence:?}");
    daemon.ends_well_on("TERM");
}

/// A pipe that nobody writes to, as a network file system that hangs.
#[test]
fn a_configuration_that_cannot_be_read_to_its_end_blocks_no_signal() {
    let world = World::new();
    world.publish(1..=3);
    let manager = Manager::of(&world.desk);
    let mut daemon = manager.start(&world.desk, &[], WATCHDOG_SECONDS, &[]);
    world.wait_for_reports(3);
    let file = world.desk.path("config.toml");
    std::fs::remove_file(&file).expect("it can be removed");
    must("mkfifo", &[&file.display().to_string()]);
    daemon.signal("HUP");
    wait_for("a word on the configuration", || {
        assert_eq!(daemon.ended(), None, "it ended: {}", daemon.log());
        daemon.log().lines().any(|line| line.contains("configuration") && line.contains("long"))
    });
    assert!(manager.silence() < WATCHDOG, "the watchdog starves");
    daemon.ends_well_on("TERM");
}

/// Without that word: a stop right behind the reload.
#[test]
fn a_stop_right_behind_a_reload_that_blocks_is_in_time() {
    let world = World::new();
    world.publish(1..=3);
    let mut daemon = Running::start(&world.desk, &[]);
    world.wait_for_reports(3);
    let file = world.desk.path("config.toml");
    std::fs::remove_file(&file).expect("it can be removed");
    must("mkfifo", &[&file.display().to_string()]);
    daemon.signal("HUP");
    daemon.ends_well_on("TERM");
}

#[test]
fn a_signal_at_the_moment_of_readiness_is_heard() {
    let starts = if std::env::var_os("NEWSWATCH_FAULTS").is_some() { 20 } else { 10 };
    let world = World::new();
    for start in 0..starts {
        let mut daemon = signalled_when_ready(&world.desk, Signal::TERM);
        wait_for("the end", || daemon.ended().is_some());
        let ended = daemon.ended().and_then(|status| status.code());
        assert_eq!(ended, Some(0), "start {start}: SIGTERM: {:?}", daemon.ended());

        let mut daemon = signalled_when_ready(&world.desk, Signal::HUP);
        wait_for("the reload", || daemon.said("configuration reloaded") || daemon.ended().is_some());
        assert_eq!(daemon.ended(), None, "start {start}: SIGHUP");
        daemon.ends_well_on("TERM");
    }
}

/// A daemon that gets the signal as soon as it says that it is ready.
fn signalled_when_ready(desk: &Desk, signal: Signal) -> Running {
    let path = desk.path("ready");
    let _ = std::fs::remove_file(&path);
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let daemon = Running::start(desk, &[("NOTIFY_SOCKET", &path.display().to_string())]);
    let process = Pid::from_raw(daemon.id().cast_signed()).expect("a process");
    let mut message = [0; 4096];
    loop {
        let length = socket.recv(&mut message).expect("it becomes ready");
        if message[..length].starts_with(b"READY=1") {
            kill_process(process, signal).expect("it can be signalled");
            return daemon;
        }
    }
}
