//! When a source publishes, learned from its articles: how many by hour of the day,
//! working days and week-ends apart, the past fading by half a week.
//!
//! Invariant: bounded in size however long it learns; a habit that cannot be read
//! back is none, and no clock step breaks it.

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Hours of working days, then of week-ends, in UTC.
const HOURS: usize = 48;
/// How long it takes until an article counts half.
const HALF_LIFE: TimeDelta = TimeDelta::days(7);
/// Articles older than this say nothing of today's habit.
const PAST_MOST: TimeDelta = TimeDelta::days(28);
/// Hours of average publishing that each hour is believed to have seen beforehand,
/// so that one article makes no habit.
const PRIOR_HOURS: f64 = 1.0;
/// Minutes between polls of a source with a minute between its articles. Polls grow
/// with the root of what is published: that makes the sum of all delays smallest
/// for a number of requests.
const ROOT_MINUTES: f64 = 2.7;

/// Articles by hour.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Habit {
    /// Faded counts, [`HOURS`] of them, or none before the first article.
    counts: Vec<f64>,
    /// Unix seconds that the counts are faded to.
    faded_to: i64,
    /// Unix seconds since when was counted.
    since: i64,
}

impl Habit {
    /// The habit that [`Habit::to_text`] wrote; another text is none.
    pub fn of_text(text: &str) -> Habit {
        let habit: Habit = serde_json::from_str(text).unwrap_or_default();
        let is_sound = habit.counts.len() == HOURS && habit.counts.iter().all(|count| *count >= 0.0);
        if is_sound { habit } else { Habit::default() }
    }

    /// As it is stored: to a thousandth of an article.
    pub fn to_text(&self) -> String {
        let counts = self.counts.iter().map(|count| (count * 1000.0).round() / 1000.0).collect();
        serde_json::to_string(&Habit { counts, ..*self }).unwrap_or_default()
    }

    /// Counts articles published at `times`.
    pub fn learn(&mut self, times: impl IntoIterator<Item = DateTime<Utc>>, now: DateTime<Utc>) {
        let recent = times.into_iter().filter(|at| *at <= now && now - *at < PAST_MOST);
        for at in recent {
            if self.counts.is_empty() {
                *self = Habit { counts: vec![0.0; HOURS], faded_to: now.timestamp(), since: at.timestamp() };
            }
            self.fade(now);
            self.since = self.since.min(at.timestamp());
            self.counts[hour_of(at)] += faded(now.timestamp() - at.timestamp());
        }
    }

    fn fade(&mut self, now: DateTime<Utc>) {
        let share = faded((now.timestamp() - self.faded_to).max(0));
        self.counts.iter_mut().for_each(|count| *count *= share);
        self.faded_to = now.timestamp();
    }

    /// How long to wait from `now` on so that polls fall where articles do, between
    /// the bounds; `None` where nothing is known.
    pub fn wait(&self, now: DateTime<Utc>, least: Duration, most: Duration) -> Option<Duration> {
        let (least, most) = (hours(least), hours(most));
        let rates = self.rates(now)?;
        let overall = weighed(|hour| rates[hour]);
        let every = (ROOT_MINUTES * (60.0 / overall).sqrt() / 60.0).clamp(least, most);
        let polls = |scale: f64, hour: usize| (scale * rates[hour]).clamp(1.0 / most, 1.0 / least);
        let scale = bisected(|scale| weighed(|hour| polls(scale, hour)) < 1.0 / every);
        // Walks on from hour to hour until one poll is due.
        let (mut wait, mut due) = (0.0, 0.0);
        loop {
            let at = now.checked_add_signed(TimeDelta::seconds((wait * 3600.0) as i64))?;
            let rest = 1.0 - f64::from(at.minute() * 60 + at.second()) / 3600.0;
            let rate = polls(scale, hour_of(at));
            if due + rate * rest >= 1.0 {
                return Duration::try_from_secs_f64((wait + (1.0 - due) / rate) * 3600.0).ok();
            }
            due += rate * rest;
            wait += rest;
        }
    }

    /// Articles an hour, by hour, its neighbours smoothed in; none where none were seen.
    fn rates(&self, now: DateTime<Utc>) -> Option<[f64; HOURS]> {
        let share = faded((now.timestamp() - self.faded_to).max(0));
        let total = self.counts.iter().sum::<f64>() * share;
        if total.is_nan() || total < f64::MIN_POSITIVE {
            return None;
        }
        // Days seen, faded like the counts.
        let half_lives = (now.timestamp() - self.since).max(3600) as f64 / HALF_LIFE.num_seconds() as f64;
        let days = HALF_LIFE.num_days() as f64 / std::f64::consts::LN_2 * (1.0 - (-half_lives).exp2());
        let overall = total / (days * 24.0);
        let count = |day: usize, hour: usize| self.counts[day * 24 + hour % 24] * share;
        Some(std::array::from_fn(|at| {
            let (day, hour) = (at / 24, at % 24);
            let near = count(day, hour + 23) / 4.0 + count(day, hour) / 2.0 + count(day, hour + 1) / 4.0;
            (near + PRIOR_HOURS * overall) / (days * DAYS_SHARE[day] + PRIOR_HOURS)
        }))
    }
}

/// Working days and week-ends of a week.
const DAYS_SHARE: [f64; 2] = [5.0 / 7.0, 2.0 / 7.0];

/// Mean over a week of what is so at each hour.
fn weighed(at_hour: impl Fn(usize) -> f64) -> f64 {
    (0..HOURS).map(|hour| at_hour(hour) * DAYS_SHARE[hour / 24] / 24.0).sum()
}

/// The scale up to which `is_too_small` holds, to a thousandth.
fn bisected(is_too_small: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (1e-6_f64, 1e9_f64);
    while high / low > 1.001 {
        let middle = (low * high).sqrt();
        if is_too_small(middle) { low = middle } else { high = middle }
    }
    low
}

fn hour_of(at: DateTime<Utc>) -> usize {
    let is_week_end = at.weekday().num_days_from_monday() >= 5;
    usize::from(is_week_end) * 24 + at.hour() as usize
}

/// What is left of one after so many seconds.
fn faded(seconds: i64) -> f64 {
    (-(seconds as f64) / HALF_LIFE.num_seconds() as f64).exp2()
}

fn hours(span: Duration) -> f64 {
    span.as_secs_f64() / 3600.0
}
