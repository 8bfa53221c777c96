//! When: cron lines in a zone, polling intervals, back-off, Retry-After.
//!
//! Invariant: a pure function of its arguments; `now` comes in, an instant in
//! UTC goes out. A scheduled instant is never lost to daylight saving and never
//! doubled by it.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::time::Duration;

/// A cron line read in a time zone.
///
/// Five fields as crontab(5) has them, or six with seconds first. A local time
/// that daylight saving skips runs at the first valid instant after it; one
/// that it doubles runs once, the first time.
#[derive(Debug, Clone)]
pub struct Cron {
    /// As the user wrote it.
    pub line: String,
    pub zone: Tz,
}

/// Why a cron line cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CronError(pub String);

impl Cron {
    /// # Errors
    /// Names the field that is wrong and what it may hold.
    pub fn parse(line: &str, zone: Tz) -> Result<Cron, CronError> {
        Ok(Cron { line: line.into(), zone })
    }

    /// The first instant after `after`, `None` if there is none (30 February).
    pub fn next_after(&self, _after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        None
    }

    /// The last instant at or before `at`, looking back at most 400 days: the slot that is due.
    pub fn last_at_or_before(&self, _at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        None
    }
}

/// How often a source is polled.
#[derive(Debug, Clone)]
pub enum Cadence {
    /// Learned from the source's own rhythm, between the bounds.
    Adaptive { least: Duration, most: Duration },
    /// A fixed interval.
    Every(Duration),
    /// At the times of a cron line.
    Cron(Cron),
}

/// What the next poll's time is reckoned from.
#[derive(Debug, Clone, Default)]
pub struct Rhythm {
    /// Polls in a row that failed.
    pub failures: u32,
    /// Publication or first-seen times of the newest entries, newest first.
    pub recent: Vec<DateTime<Utc>>,
    /// What the publisher asked for: `ttl`, `Cache-Control`.
    pub asked: Option<Duration>,
    /// `Retry-After`, already absolute and capped.
    pub not_before: Option<DateTime<Utc>>,
}

/// When to poll next. `jitter` is 0 to 1 and spreads sources apart; it comes
/// from the source's name, so a restart does not bunch them.
pub fn next_poll(_cadence: &Cadence, _rhythm: &Rhythm, now: DateTime<Utc>, _jitter: f64) -> DateTime<Utc> {
    now
}

/// How long to wait after `failures` failures in a row: doubling from `least`, never past `most`.
pub fn back_off(_failures: u32, least: Duration, _most: Duration) -> Duration {
    least
}

/// `Retry-After` in seconds or as an HTTP date (RFC 9110, 10.2.3), absolute and
/// never more than a day away.
pub fn retry_after(_header: &str, _now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    None
}
