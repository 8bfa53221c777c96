//! Sources between polls, and the history of their polls.
//!
//! Invariant: validators belong to one URL and are dropped with it.

use super::columns::{Time, at, number, surely};
use super::{OperatorWay, Recording, SourceState};
use crate::fetch::Validators;
use crate::schedule::Habit;
use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Result, params};

/// Polls kept of each source.
const POLLS_KEPT_MAX: u32 = 200;
/// A poll after which something may have been missed is kept longer: a digest has to tell it.
const GAPS_KEPT_DAYS: i64 = 30;

pub fn register(connection: &Connection, sources: &[(String, String)], now: DateTime<Utc>) -> Result<()> {
    connection.execute("UPDATE source SET retired_at = ?1 WHERE retired_at IS NULL", [Time(now)])?;
    for (name, url) in sources {
        adopt_renamed(connection, sources, name, url)?;
        connection
            .prepare_cached(
                "INSERT INTO source (name, url, added_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name) DO UPDATE SET retired_at = NULL",
            )?
            .execute(params![name, url, Time(now)])?;
        forget_old_url(connection, name, url)?;
    }
    Ok(())
}

/// A source known by `url` under a name nobody configures any more now has this one.
fn adopt_renamed(connection: &Connection, sources: &[(String, String)], name: &str, url: &str) -> Result<()> {
    if id(connection, name)?.is_some() {
        return Ok(());
    }
    let mut statement = connection.prepare_cached("SELECT id, name FROM source WHERE url = ?1")?;
    let same_url = statement.query_map([url], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let same_url: Vec<(i64, String)> = same_url.collect::<Result<_>>()?;
    let orphan = same_url.iter().find(|(_, old)| !sources.iter().any(|(name, _)| name == old));
    if let Some((id, _)) = orphan {
        connection.execute("UPDATE source SET name = ?2 WHERE id = ?1", params![id, name])?;
    }
    Ok(())
}

fn forget_old_url(connection: &Connection, name: &str, url: &str) -> Result<()> {
    let sql = "UPDATE source SET url = ?2, etag = NULL, last_modified = NULL, read_from = NULL, next_poll_at = NULL,
                      not_before_at = NULL, failures = 0, last_error = NULL, health = '',
                      health_since_at = NULL, health_reason = NULL, healthy_at = NULL, moved_to = NULL,
                      moved_since_at = NULL, habit = NULL
               WHERE name = ?1 AND url <> ?2";
    connection.prepare_cached(sql)?.execute(params![name, url]).map(drop)
}

pub fn id(connection: &Connection, name: &str) -> Result<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT id FROM source WHERE name = ?1")?;
    statement.query_row([name], |row| row.get(0)).optional()
}

pub fn states(connection: &Connection) -> Result<Vec<SourceState>> {
    let sql = "SELECT * FROM source WHERE retired_at IS NULL ORDER BY name";
    connection.prepare_cached(sql)?.query_map([], state)?.collect()
}

fn state(row: &rusqlite::Row<'_>) -> Result<SourceState> {
    Ok(SourceState {
        name: row.get("name")?,
        url: row.get("url")?,
        validators: Validators { etag: row.get("etag")?, last_modified: row.get("last_modified")? },
        read_from: row.get("read_from")?,
        next_poll_at: at(row, "next_poll_at")?,
        not_before: at(row, "not_before_at")?,
        failures: row.get("failures")?,
        last_error: row.get("last_error")?,
        polled_at: at(row, "polled_at")?,
        healthy_at: at(row, "healthy_at")?,
        health: row.get("health")?,
        health_since_at: at(row, "health_since_at")?,
        health_reason: row.get("health_reason")?,
        moved_to: row.get("moved_to")?,
        moved_since_at: at(row, "moved_since_at")?,
        habit: Habit::of_text(&row.get::<_, Option<String>>("habit")?.unwrap_or_default()),
    })
}

/// Sick sources not told of, and told ones that are well. One that was never told
/// of counts as well; one that is sick in another way is still sick.
pub fn health_changes(
    connection: &Connection,
    way: OperatorWay,
    since: DateTime<Utc>,
) -> Result<Vec<SourceState>> {
    let sql = "SELECT * FROM source WHERE retired_at IS NULL AND health_since_at <= ?1
               AND (health IN ('', 'new', 'healthy', 'moved'))
                   <> (iif(?2 = 1, health_told, health_told_chats) = '') ORDER BY name";
    connection.prepare_cached(sql)?.query_map(params![Time(since), way.bit()], state)?.collect()
}

/// Notes what the operator is told of each source by `ways`, bits of [`OperatorWay`];
/// a healthy one is told of as ''.
pub fn note_told(connection: &Connection, healths: &[(String, String)], ways: u8) -> Result<()> {
    let sql = "WITH news (health) AS (SELECT iif(?2 IN ('new', 'healthy', 'moved'), '', ?2))
               UPDATE source SET health_told = iif(?3 & 1, news.health, health_told),
                                 health_told_chats = iif(?3 & 2, news.health, health_told_chats)
               FROM news WHERE name = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    healths.iter().try_for_each(|(name, health)| statement.execute(params![name, health, ways]).map(drop))
}

pub fn recent_times(connection: &Connection, source: &str, count: usize) -> Result<Vec<DateTime<Utc>>> {
    let sql = "SELECT coalesce(published_at, first_seen_at) AS at FROM article
               WHERE source_id = (SELECT id FROM source WHERE name = ?1) ORDER BY id DESC LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let times = statement.query_map(params![source, number(count)], |row| surely(row, "at"))?;
    let mut times: Vec<_> = times.collect::<Result<_>>()?;
    times.sort_unstable_by(|a, b| b.cmp(a));
    Ok(times)
}

/// Writes the state a poll left the source in; returns the source's row.
pub fn save(connection: &Connection, state: &SourceState, now: DateTime<Utc>) -> Result<i64> {
    let time = |at: Option<DateTime<Utc>>| at.map(Time);
    let sql = "INSERT INTO source (name, url, etag, last_modified, next_poll_at, not_before_at, failures,
                                   last_error, polled_at, healthy_at, health, health_since_at, health_reason,
                                   moved_to, moved_since_at, habit, added_at, read_from)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
               ON CONFLICT (name) DO UPDATE SET
                   etag = excluded.etag, last_modified = excluded.last_modified,
                   read_from = excluded.read_from,
                   next_poll_at = excluded.next_poll_at, not_before_at = excluded.not_before_at,
                   failures = excluded.failures, last_error = excluded.last_error,
                   polled_at = excluded.polled_at, healthy_at = excluded.healthy_at,
                   health = excluded.health, health_since_at = excluded.health_since_at,
                   health_reason = excluded.health_reason, moved_to = excluded.moved_to,
                   moved_since_at = excluded.moved_since_at, habit = excluded.habit
               WHERE source.url = excluded.url
               RETURNING id";
    let saved = connection.prepare_cached(sql)?.query_row(
        params![
            state.name,
            state.url,
            state.validators.etag,
            state.validators.last_modified,
            time(state.next_poll_at),
            time(state.not_before),
            state.failures,
            state.last_error,
            time(state.polled_at),
            time(state.healthy_at),
            state.health,
            time(state.health_since_at),
            state.health_reason,
            state.moved_to,
            time(state.moved_since_at),
            state.habit.to_text(),
            Time(now),
            state.read_from,
        ],
        |row| row.get(0),
    );
    // A poll that was under way while the URL was changed: its state is of the old one.
    match saved {
        Err(rusqlite::Error::QueryReturnedNoRows) => {
            id(connection, &state.name)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
        }
        saved => saved,
    }
}

/// Adds a poll to the source's history and drops what is too old of it.
pub fn note_poll(
    connection: &Connection,
    source_id: i64,
    recording: &Recording,
    new_articles: usize,
    now: DateTime<Utc>,
) -> Result<()> {
    let faults = serde_json::to_string(&recording.faults).unwrap_or_default();
    let sql = "INSERT INTO poll (source_id, polled_at, outcome, entries, new_articles, revisions, bytes,
                                 millis, faults, error)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    connection.prepare_cached(sql)?.execute(params![
        source_id,
        Time(now),
        recording.outcome,
        number(recording.entries),
        number(new_articles),
        number(recording.revisions.len()),
        number(recording.bytes),
        number(recording.millis),
        faults,
        recording.state.last_error,
    ])?;
    let sql =
        "DELETE FROM poll WHERE source_id = ?1 AND (outcome <> 'rolled over' OR polled_at < ?3) AND id <=
               (SELECT id FROM poll WHERE source_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    let gaps_kept_from = Time(now - TimeDelta::days(GAPS_KEPT_DAYS));
    connection.prepare_cached(sql)?.execute(params![source_id, POLLS_KEPT_MAX, gaps_kept_from]).map(drop)
}

/// Adds to the newest poll of `source` what was wrong with its pages.
pub fn note_faults(connection: &Connection, source: &str, faults: &[String]) -> Result<()> {
    let sql = "SELECT id, faults FROM poll WHERE source_id = (SELECT id FROM source WHERE name = ?1)
               ORDER BY id DESC LIMIT 1";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
    let newest = connection.prepare_cached(sql)?.query_row([source], read).optional()?;
    let Some((id, known)) = newest else { return Ok(()) };
    let mut all: Vec<String> = serde_json::from_str(&known).unwrap_or_default();
    all.extend_from_slice(faults);
    let all = serde_json::to_string(&all).unwrap_or(known);
    let sql = "UPDATE poll SET faults = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![id, all]).map(drop)
}
