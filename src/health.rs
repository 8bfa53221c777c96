//! What a source's polls say of its health.
//!
//! Invariant: silence is never health. A verdict depends on what was seen and
//! the verdict before, nothing else; no clock, no network.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use std::fmt;

/// Failures in a row before a source counts as broken: one lost packet is no news.
const BROKEN_FROM: u32 = 3;

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
}

const WORDS: [(Health, &str); 9] = [
    (Health::New, "new"),
    (Health::Healthy, "healthy"),
    (Health::Stale, "stale"),
    (Health::Blocked, "blocked"),
    (Health::Moved, "moved"),
    (Health::Gone, "gone"),
    (Health::Broken, "broken"),
    (Health::Zombie, "zombie"),
    (Health::WrongThing, "wrong thing"),
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
    Unchanged,
    Gone,
    /// Asked to come later: no verdict.
    Deferred,
    /// Refused with 401, 403, 429 or the like.
    Refused,
    Failed,
    NotAFeed,
}

/// The verdict after one more poll. `failures` counts those in a row, this one
/// included; `moved` says that it was found at another address than configured.
pub fn judge(before: Health, seen: Seen, failures: u32, moved: bool) -> Health {
    let well = if moved { Health::Moved } else { Health::Healthy };
    match seen {
        Seen::Entries(0) => Health::Zombie,
        Seen::Entries(_) => well,
        // A document that was wrong or empty and has not changed is so still.
        Seen::Unchanged if matches!(before, Health::Zombie | Health::WrongThing | Health::Stale) => before,
        Seen::Unchanged => well,
        Seen::Gone => Health::Gone,
        Seen::Deferred => before,
        Seen::Refused => Health::Blocked,
        Seen::Failed if failures >= BROKEN_FROM => Health::Broken,
        Seen::Failed => before,
        Seen::NotAFeed => Health::WrongThing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_poll_moves_the_verdict_as_a_reader_would_expect() {
        let check = |before, seen, failures, moved, after: Health| {
            assert_eq!(judge(before, seen, failures, moved), after, "{before} then {seen:?}");
        };
        check(Health::New, Seen::Entries(30), 0, false, Health::Healthy);
        check(Health::New, Seen::Entries(30), 0, true, Health::Moved);
        check(Health::Healthy, Seen::Entries(0), 0, false, Health::Zombie);
        check(Health::Zombie, Seen::Unchanged, 0, false, Health::Zombie);
        check(Health::WrongThing, Seen::Unchanged, 0, false, Health::WrongThing);
        check(Health::Broken, Seen::Unchanged, 0, false, Health::Healthy);
        check(Health::Healthy, Seen::Failed, 1, false, Health::Healthy);
        check(Health::Healthy, Seen::Failed, BROKEN_FROM, false, Health::Broken);
        check(Health::Healthy, Seen::Refused, 1, false, Health::Blocked);
        check(Health::Blocked, Seen::Deferred, 1, false, Health::Blocked);
        check(Health::Healthy, Seen::Gone, 1, false, Health::Gone);
        check(Health::Healthy, Seen::NotAFeed, 1, false, Health::WrongThing);
        check(Health::WrongThing, Seen::Entries(3), 0, false, Health::Healthy);
    }

    #[test]
    fn every_state_is_read_back_from_its_word() {
        for (health, word) in WORDS {
            assert_eq!(Health::of_word(word), health);
            assert_eq!(health.to_string(), word);
        }
    }
}
