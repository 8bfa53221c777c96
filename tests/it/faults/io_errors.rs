//! Writes and syncs that fail, the k-th or every one from the k-th on, by strace.

use super::{World, rounds, slow};
use crate::support::query;
use std::collections::BTreeSet;
use std::process::Stdio;

const STORIES: u64 = 20;

/// What is injected, and the numbers of the first call that it meets; `+` hits every
/// later call as well, `+4` every fourth.
const PATTERNS: [(&str, &str, &[u32]); 7] = [
    ("fsync,fdatasync:error=EIO", "+", &[1, 2, 3, 5, 8]),
    ("fsync,fdatasync:error=EIO", "", &[1, 2, 3, 4, 6]),
    ("fsync,fdatasync:error=EIO", "+4", &[2]),
    ("pwrite64:error=ENOSPC", "+", &[1, 4, 10, 30, 90]),
    ("pwrite64:error=EIO", "+", &[1, 4, 10, 30, 90]),
    ("pwrite64:error=EIO", "", &[2, 7, 20, 60, 150]),
    ("ftruncate:error=EIO", "+", &[1]),
];

/// `NEWSWATCH_IO_ERRORS` says how many of the injections are tried at most.
#[test]
fn writes_and_syncs_that_fail_lose_nothing_and_mark_nothing() {
    if !slow(&["strace"]) {
        return;
    }
    let injections = PATTERNS.iter().flat_map(|(what, more, calls)| {
        calls.iter().map(move |call| {
            let (kind, _) = what.split_once(':').expect("a list of calls");
            (kind, format!("inject={what}:when={call}{more}"))
        })
    });
    let at_most = usize::try_from(rounds("NEWSWATCH_IO_ERRORS", u64::MAX)).unwrap_or(usize::MAX);
    for (calls, injection) in injections.take(at_most) {
        // In an empty directory, and with a history.
        for has_history in [false, true] {
            check(calls, &injection, has_history);
        }
    }
}

fn check(calls: &str, injection: &str, has_history: bool) {
    let what = format!("{injection}{}", if has_history { ", with a history" } else { "" });
    let world = World::new();
    if has_history {
        world.publish(1..=3);
        assert_eq!(world.desk.run(&["poll"]).code, Some(0));
    }
    world.publish(1..=STORIES);
    let trace = format!("trace={calls}");
    let starter = [
        "strace",
        "-f",
        "-qqq",
        "-o",
        "/dev/null",
        "--seccomp-bpf",
        "-e",
        &trace,
        "-e",
        "signal=none",
        "-e",
        injection,
    ];
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        let mut command = world.desk.command_by(&starter, &["poll"]);
        let output = command.stderr(Stdio::piped()).output().expect("strace runs");
        let code = output.status.code();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(code.is_some_and(|code| code != 101), "{what}: it died: {:?} {said}", output.status);
        if world.database().exists() && std::fs::metadata(world.database()).is_ok_and(|file| file.len() > 0) {
            world.nothing_is_marked_that_was_not_taken();
            // What a reader saw is stored.
            let now: BTreeSet<_> =
                query(&world.database(), "SELECT title FROM article").into_iter().collect();
            assert!(now.is_superset(&seen), "{what}: lost of {seen:?}: {now:?}");
            seen = now;
        }
    }
    // A retry of mail waits a minute: that minute has passed.
    let recovered = world.desk.run(&["poll"]);
    assert_eq!(recovered.code, Some(0), "{what}: {recovered:?}");
    world
        .desk
        .query("UPDATE outbox SET next_try_at = '1970-01-01T00:00:00Z' WHERE state = 'owed' RETURNING id");
    assert_eq!(world.desk.run(&["poll"]).code, Some(0), "{what}");
    world.is_whole(&what);
    let now: BTreeSet<_> = query(&world.database(), "SELECT title FROM article").into_iter().collect();
    assert!(now.is_superset(&seen), "{what}: lost of {seen:?}: {now:?}");
    assert_eq!(now.len() as u64, STORIES, "{what}");
    println!("{what}: {} mails", world.kept_for(super::READER).len());
    world.each_is_reported_once(STORIES);
}
