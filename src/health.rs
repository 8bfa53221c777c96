//! What a source's polls say of its health.
//!
//! Invariant: silence is never health. A verdict depends on what was seen and
//! the verdict before, nothing else; no clock, no network.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use chrono::{DateTime, TimeDelta, Utc};
use std::fmt;

/// Failures in a row before a source counts as broken: one lost packet is no news.
const BROKEN_FROM: u32 = 3;
/// A source that puts us off for longer does not want us.
const DEFERRED_MOST: TimeDelta = TimeDelta::days(1);
/// Articles that make a habit.
const HABIT_ARTICLES_MIN: usize = 8;
/// Usual gaps of silence that are no habit any more.
const SILENT_GAPS: i32 = 4;
/// No silence shorter than a week-end is remarkable.
const SILENT_LEAST: TimeDelta = TimeDelta::days(3);

/// Health of a source (DESIGN, "The words").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// Not polled yet.
    #[default]
    New,
    Healthy,
    /// Silent for several times its own usual gap.
    Stale,
    /// The server refuses us.
    Blocked,
    /// Permanently redirected; polled at its new address.
    Moved,
    /// 410: the publisher says it is over.
    Gone,
    Broken,
    /// 200, but nothing in it.
    Zombie,
    /// 200, but no feed: a log-in page, a wrong document.
    WrongThing,
    /// Every entry was new: others may have come and gone between two polls.
    RolledOver,
}

const WORDS: [(Health, &str); 10] = [
    (Health::New, "new"),
    (Health::Healthy, "healthy"),
    (Health::Stale, "stale"),
    (Health::Blocked, "blocked"),
    (Health::Moved, "moved"),
    (Health::Gone, "gone"),
    (Health::Broken, "broken"),
    (Health::Zombie, "zombie"),
    (Health::WrongThing, "wrong thing"),
    (Health::RolledOver, "rolled over"),
];

impl Health {
    /// The state a stored word stands for; an unknown word is a source not polled yet.
    pub fn of_word(word: &str) -> Health {
        WORDS.iter().find(|(_, known)| *known == word).map_or(Health::New, |(health, _)| *health)
    }

    /// Whether readers and operator should be told.
    pub fn is_sick(self) -> bool {
        !matches!(self, Health::New | Health::Healthy | Health::Moved)
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = WORDS.iter().find(|(health, _)| health == self).map_or("new", |(_, word)| *word);
        f.pad(word)
    }
}

/// What one poll showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// A feed with this many entries.
    Entries(usize),
    /// A feed none of whose entries was there at the poll before.
    AllNew,
    Unchanged,
    Gone,
    /// Asked to come later: no verdict.
    Deferred,
    /// Refused with 401, 403, 429 or the like.
    Refused,
    Failed,
    /// Not looked for: names do not resolve on this machine.
    Unresolved,
    NotAFeed,
}

/// What a verdict rests on beside what the poll showed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Record {
    /// The verdict before.
    pub before: Health,
    /// Failures in a row, this poll included.
    pub failures: u32,
    /// It has been found at another address than configured for some time.
    pub moved: bool,
    /// It is silent beyond its own habit ([`silent_too_long`]).
    pub silent: bool,
    /// How long nothing was read of it.
    pub unread: TimeDelta,
}

/// The verdict after one more poll.
pub fn judge(seen: Seen, record: &Record) -> Health {
    let well = match () {
        () if record.silent => Health::Stale,
        () if record.moved => Health::Moved,
        () => Health::Healthy,
    };
    match seen {
        Seen::Entries(0) => Health::Zombie,
        Seen::AllNew => Health::RolledOver,
        Seen::Entries(_) => well,
        // A document that was wrong or empty and has not changed is so still.
        Seen::Unchanged if matches!(record.before, Health::Zombie | Health::WrongThing) => record.before,
        Seen::Unchanged => well,
        Seen::Gone => Health::Gone,
        Seen::Deferred if record.unread > DEFERRED_MOST => Health::Blocked,
        Seen::Unresolved if record.unread > DEFERRED_MOST => Health::Broken,
        Seen::Deferred | Seen::Unresolved => record.before,
        Seen::Refused => Health::Blocked,
        Seen::Failed if record.failures >= BROKEN_FROM => Health::Broken,
        Seen::Failed => record.before,
        Seen::NotAFeed => Health::WrongThing,
    }
}

/// Whether a source whose newest articles came at `times` (newest first) has been
/// silent for several times its own usual gap. One with few articles has no habit.
pub fn silent_too_long(times: &[DateTime<Utc>], now: DateTime<Utc>) -> bool {
    let Some(gap) = usual_gap(times) else { return false };
    times.first().is_some_and(|newest| now - *newest > (gap * SILENT_GAPS).max(SILENT_LEAST))
}

/// What nine of ten gaps between the articles of a source do not exceed. What comes
/// within an hour is one batch: undated articles all came with one poll.
pub fn usual_gap(times: &[DateTime<Utc>]) -> Option<TimeDelta> {
    let mut times = times.to_vec();
    times.dedup_by(|older, newer| *newer - *older < TimeDelta::hours(1));
    let mut gaps: Vec<TimeDelta> = times.windows(2).map(|pair| (pair[0] - pair[1]).abs()).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() * 9 / 10).copied().filter(|_| times.len() >= HABIT_ARTICLES_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_poll_moves_the_verdict_as_a_reader_would_expect() {
        let check = |before, seen, record: Record, after: Health| {
            assert_eq!(judge(seen, &Record { before, ..record }), after, "{before} then {seen:?}");
        };
        let none = Record::default();
        let moved = Record { moved: true, ..none };
        let silent = Record { silent: true, ..none };
        let failures = |failures| Record { failures, ..none };
        let unread = |hours| Record { unread: TimeDelta::hours(hours), ..none };
        check(Health::New, Seen::Entries(30), none, Health::Healthy);
        check(Health::New, Seen::Entries(30), moved, Health::Moved);
        check(Health::Healthy, Seen::Entries(0), none, Health::Zombie);
        check(Health::Zombie, Seen::Unchanged, none, Health::Zombie);
        check(Health::WrongThing, Seen::Unchanged, none, Health::WrongThing);
        check(Health::Broken, Seen::Unchanged, none, Health::Healthy);
        check(Health::Healthy, Seen::Unchanged, silent, Health::Stale);
        check(Health::Moved, Seen::Entries(30), silent, Health::Stale);
        check(Health::Stale, Seen::Entries(30), none, Health::Healthy);
        check(Health::Healthy, Seen::AllNew, none, Health::RolledOver);
        check(Health::RolledOver, Seen::Unchanged, none, Health::Healthy);
        check(Health::Healthy, Seen::Failed, failures(1), Health::Healthy);
        check(Health::Healthy, Seen::Failed, failures(BROKEN_FROM), Health::Broken);
        check(Health::Healthy, Seen::Refused, failures(1), Health::Blocked);
        check(Health::Healthy, Seen::Deferred, unread(23), Health::Healthy);
        check(Health::Healthy, Seen::Deferred, unread(25), Health::Blocked);
        check(Health::Blocked, Seen::Deferred, unread(1), Health::Blocked);
        check(Health::Healthy, Seen::Unresolved, Record { failures: 40, ..unread(23) }, Health::Healthy);
        check(Health::Healthy, Seen::Unresolved, unread(25), Health::Broken);
        check(Health::Healthy, Seen::Gone, failures(1), Health::Gone);
        check(Health::Healthy, Seen::NotAFeed, failures(1), Health::WrongThing);
        check(Health::WrongThing, Seen::Entries(3), none, Health::Healthy);
    }

    #[test]
    fn silence_is_measured_by_the_sources_own_habit() {
        let now = DateTime::from_timestamp(1_780_000_000, 0).expect("an instant");
        let check = |every_hours: i64, articles: i64, silent_hours: i64, expected: bool| {
            let at = |n| now - TimeDelta::hours(silent_hours + n * every_hours);
            let times: Vec<_> = (0..articles).map(at).collect();
            let case = format!("every {every_hours} h, silent for {silent_hours} h, {articles} articles");
            assert_eq!(silent_too_long(&times, now), expected, "{case}");
        };
        check(1, 30, 71, false);
        check(1, 30, 73, true);
        check(24, 30, 95, false);
        check(24, 30, 97, true);
        check(24 * 7, 30, 24 * 27, false);
        check(24 * 7, 30, 24 * 29, true);
        check(1, 7, 24 * 365, false);
        check(0, 30, 24 * 365, false);
        check(1, 0, 0, false);
    }

    #[test]
    fn every_state_is_read_back_from_its_word() {
        for (health, word) in WORDS {
            assert_eq!(Health::of_word(word), health);
            assert_eq!(health.to_string(), word);
        }
    }
}
