//! When: cron lines in a zone, polling intervals, back-off, Retry-After.
//!
//! Invariant: a pure function of its arguments; `now` comes in, an instant in
//! UTC goes out. A scheduled instant is never lost to daylight saving and never
//! doubled by it.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod cron;
mod habit;
#[cfg(test)]
mod tests;

pub use cron::{Cron, CronError};
pub use habit::Habit;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use std::time::Duration;

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

/// `every = "adaptive"` never polls more often than this.
pub const ADAPTIVE_LEAST: Duration = Duration::from_secs(5 * 60);
/// `every = "adaptive"` never polls less often than this: a feed of 30 items
/// that fills in a busy hour must not roll over unseen.
pub const ADAPTIVE_MOST: Duration = Duration::from_secs(60 * 60);
/// Of a source whose rhythm is not known yet.
const UNKNOWN_RHYTHM: Duration = Duration::from_secs(15 * 60);
/// A source is tried again this soon after its first failure, however rarely it is polled.
const RETRY_FIRST_MOST: Duration = Duration::from_secs(10 * 60);
/// However often it failed, a source is tried again after this long.
const BACK_OFF_MOST: Duration = Duration::from_secs(2 * 60 * 60);
/// Longest stay `Retry-After` can ask for.
const RETRY_AFTER_MOST: TimeDelta = TimeDelta::hours(24);
/// Share of an interval that `jitter` adds at most.
const JITTER_SHARE: f64 = 0.1;

impl Cadence {
    /// [`Cadence::Adaptive`] between the bounds that suit news.
    pub const ADAPTIVE: Cadence = Cadence::Adaptive { least: ADAPTIVE_LEAST, most: ADAPTIVE_MOST };
}

/// What the next poll's time is reckoned from.
#[derive(Debug, Clone, Default)]
pub struct Rhythm {
    /// Polls in a row that failed.
    pub failures: u32,
    /// When it publishes.
    pub habit: Habit,
    /// What the publisher asked for: `ttl`, `Cache-Control`.
    pub asked: Option<Duration>,
    /// `Retry-After`, already absolute and capped.
    pub not_before: Option<DateTime<Utc>>,
}

/// When to poll next. `jitter` is 0 to 1 and spreads sources apart; it comes
/// from the source's name ([`jitter`]), so a restart does not bunch them.
///
/// A fixed interval or cron line is the user's word; what the publisher asks
/// for slows an adaptive source only. `not_before` holds for all.
pub fn next_poll(cadence: &Cadence, rhythm: &Rhythm, now: DateTime<Utc>, jitter: f64) -> DateTime<Utc> {
    let regular_at = match cadence {
        Cadence::Every(interval) => later(now, spread(*interval, jitter)),
        Cadence::Adaptive { least, most } => later(now, spread(learned(rhythm, now, *least, *most), jitter)),
        Cadence::Cron(cron) => cron.next_after(now).unwrap_or_else(|| later(now, BACK_OFF_MOST)),
    };
    let poll_at = if rhythm.failures == 0 {
        regular_at
    } else {
        let interval = (regular_at - now).to_std().unwrap_or_default();
        let wait = back_off(rhythm.failures, interval.min(RETRY_FIRST_MOST), BACK_OFF_MOST);
        let retry_at = later(now, spread(wait, jitter));
        // A rare source is retried before its next turn; a frequent one is given rest.
        if interval > BACK_OFF_MOST { retry_at.min(regular_at) } else { retry_at }
    };
    rhythm.not_before.map_or(poll_at, |not_before| poll_at.max(not_before))
}

/// As the source's habit asks, and no sooner than its publisher does.
fn learned(rhythm: &Rhythm, now: DateTime<Utc>, least: Duration, most: Duration) -> Duration {
    let wait = rhythm.habit.wait(now, least, most).unwrap_or(UNKNOWN_RHYTHM);
    wait.max(rhythm.asked.unwrap_or_default()).min(most).max(least)
}

/// A number from 0 to 1 that belongs to `name` for ever: FNV-1a, its high bits mixed.
pub fn jitter(name: &str) -> f64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    mixed as f64 / f64::from(u32::MAX)
}

fn spread(interval: Duration, jitter: f64) -> Duration {
    let share = JITTER_SHARE * if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 0.0 };
    Duration::try_from_secs_f64(interval.as_secs_f64() * (1.0 + share)).unwrap_or(Duration::MAX)
}

fn later(now: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(wait)
        .ok()
        .and_then(|wait| now.checked_add_signed(wait))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// How long to wait after `failures` failures in a row: doubling from `least`, never past `most`.
///
/// ```
/// # use newswatch::schedule::back_off;
/// # use std::time::Duration;
/// let (least, most) = (Duration::from_secs(60), Duration::from_secs(600));
/// let waits: Vec<u64> = (1..=5).map(|failures| back_off(failures, least, most).as_secs()).collect();
/// assert_eq!(waits, [60, 120, 240, 480, 600]);
/// ```
pub fn back_off(failures: u32, least: Duration, most: Duration) -> Duration {
    let doublings = failures.saturating_sub(1).min(31);
    least.saturating_mul(1 << doublings).min(most)
}

/// `Retry-After` in seconds or as an HTTP date (RFC 9110, 10.2.3), absolute and
/// never more than a day away. A date that has passed is `now`.
pub fn retry_after(header: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let header = header.trim();
    let latest = now.checked_add_signed(RETRY_AFTER_MOST)?;
    let asked = if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = header.parse().ok().and_then(TimeDelta::try_seconds);
        seconds.and_then(|wait| now.checked_add_signed(wait)).unwrap_or(latest)
    } else {
        http_date(header, now)?
    };
    Some(asked.clamp(now, latest))
}

/// The three forms of RFC 9110, 5.6.7. The name of the weekday is not looked
/// at: servers get it wrong, and it adds nothing.
fn http_date(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let (_, date) = text.split_once(' ')?;
    let date = date.trim();
    let exact = |form| NaiveDateTime::parse_from_str(date, form).ok();
    let naive = exact("%d %b %Y %H:%M:%S GMT").or_else(|| exact("%b %e %H:%M:%S %Y"));
    naive.or_else(|| rfc_850(date, now)).map(|naive| naive.and_utc())
}

/// `06-Nov-94 08:49:37 GMT`. A year more than 50 years ahead is the one a
/// century before (RFC 9110, 5.6.7).
fn rfc_850(date: &str, now: DateTime<Utc>) -> Option<NaiveDateTime> {
    let (day, time) = date.split_once(' ')?;
    let mut parts = day.split('-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let time = NaiveTime::parse_from_str(time, "%H:%M:%S GMT").ok()?;
    let year: i32 = year.parse().ok().filter(|year| (0..100).contains(year))?;
    let this_century = now.year() - now.year().rem_euclid(100) + year;
    let year = if this_century > now.year() + 50 { this_century - 100 } else { this_century };
    let date = NaiveDate::parse_from_str(&format!("{day} {month} {year}"), "%d %b %Y").ok()?;
    Some(date.and_time(time))
}
