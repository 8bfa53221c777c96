//! How often watches are found, of late and usually.
//!
//! Invariant: stories are counted, not copies, and only what scores enough to be
//! told to whoever asks.

use super::columns::{Time, count};
use crate::digest::Rate;
use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Result, params};

/// Days a watch's usual rate is learned from.
const DAYS_MAX: i64 = 28;
/// Days without which nothing can be called usual.
const DAYS_LEAST: i64 = 7;

/// Rates of the watches that were found at least `today_least` times in the 24
/// hours before `now`; none in the first week of a file.
pub fn rates(
    connection: &Connection,
    at_least: f64,
    today_least: f64,
    now: DateTime<Utc>,
) -> Result<Vec<Rate>> {
    let yesterday = now - TimeDelta::days(1);
    let days = days_known(connection, yesterday)?;
    if days < DAYS_LEAST {
        return Ok(Vec::new());
    }
    let sql = "SELECT m.watch, count(DISTINCT a.story_id) AS today
               FROM match m JOIN article a ON a.id = m.article_id
               WHERE m.found_at > ?1 AND m.found_at <= ?2 AND m.score >= ?3
               GROUP BY m.watch HAVING today >= ?4 ORDER BY today DESC, m.watch";
    let mut statement = connection.prepare_cached(sql)?;
    let values = params![Time(yesterday), Time(now), at_least, today_least];
    let found = statement.query_map(values, |row| Ok((row.get(0)?, count(row, 1)?)))?;
    let found: Vec<(String, u64)> = found.collect::<Result<_>>()?;
    let rate = |(watch, today): (String, u64)| {
        let usual = usual(connection, &watch, at_least, days, yesterday)?;
        Ok(Rate { watch, today, usual })
    };
    found.into_iter().map(rate).collect()
}

/// Whole days between the first article and `until`, as far back as we look.
fn days_known(connection: &Connection, until: DateTime<Utc>) -> Result<i64> {
    let sql = "SELECT CAST(julianday(?1) - julianday(first_seen_at) AS INTEGER) FROM article
               ORDER BY id LIMIT 1";
    let days = connection.prepare_cached(sql)?.query_row([Time(until)], |row| row.get::<_, i64>(0));
    Ok(days.optional()?.unwrap_or(0).min(DAYS_MAX))
}

/// Stories a day in the `days` before `until`, the fullest day left out: the day a
/// source was added brings its past, and a day of much news is not usual either.
fn usual(
    connection: &Connection,
    watch: &str,
    at_least: f64,
    days: i64,
    until: DateTime<Utc>,
) -> Result<f64> {
    let sql = "SELECT coalesce(sum(stories) - max(stories), 0) FROM (
                   SELECT count(DISTINCT a.story_id) AS stories
                   FROM match m JOIN article a ON a.id = m.article_id
                   WHERE m.watch = ?1 AND m.score >= ?2 AND m.found_at > ?3 AND m.found_at <= ?4
                   GROUP BY CAST(julianday(?4) - julianday(m.found_at) AS INTEGER))";
    let from = until - TimeDelta::days(days);
    let values = params![watch, at_least, Time(from), Time(until)];
    let stories: i64 = connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))?;
    Ok(stories as f64 / (days - 1) as f64)
}
