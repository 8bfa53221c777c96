//! How things stand, in counts.
//!
//! Invariant: reads only; every figure is counted from rows, none is kept.

use super::columns::{Time, at, count};
use super::hubs::{self, HubRow};
use super::pages::{self, PagesFailing};
use crate::digest::Footer;
use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, Result, params};

/// The state of the whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Status {
    pub articles: u64,
    pub articles_today: u64,
    pub matches_today: u64,
    /// Matches no digest has taken yet.
    pub untold: u64,
    /// Since when what a rescore found waits: it was cut off before it told it.
    pub history_since_at: Option<DateTime<Utc>>,
    pub mail_owed: u64,
    pub mail_sent: u64,
    /// Refused for good and neither retried nor dropped: somebody was not told.
    pub mail_refused: u64,
    /// When the oldest mail still owed was written.
    pub oldest_owed_at: Option<DateTime<Utc>>,
    /// To whom.
    pub oldest_owed_to: Option<String>,
    pub last_poll_at: Option<DateTime<Utc>>,
    /// Sources whose pages failed in the last seven days.
    pub pages_failing: Vec<PagesFailing>,
    /// Why the daemon's page cannot be shown.
    pub web_trouble: Option<String>,
    /// Why the daemon could not write in the last minutes.
    pub disk_trouble: Option<String>,
}

/// A source as `sources list` shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceRow {
    pub name: String,
    pub url: String,
    pub health: String,
    pub health_since_at: Option<DateTime<Utc>>,
    pub polled_at: Option<DateTime<Utc>>,
    pub next_poll_at: Option<DateTime<Utc>>,
    pub failures: u32,
    pub last_error: Option<String>,
    /// Why its health is what it is.
    pub health_reason: Option<String>,
    pub articles: u64,
    /// Mean of the last seven days.
    pub items_a_day: f64,
    pub moved_to: Option<String>,
    /// The address it is read at, where that is not `url`.
    pub read_from: Option<String>,
    /// The subscription with its hub.
    pub hub: Option<HubRow>,
}

/// A watch as `watches list` shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchRow {
    pub watch: String,
    pub matches: u64,
    pub matches_today: u64,
    /// In the last seven days.
    pub matches_week: u64,
    pub best_score: f64,
    pub newest_at: Option<DateTime<Utc>>,
}

pub fn status(connection: &Connection, now: DateTime<Utc>) -> Result<Status> {
    let sql = "SELECT (SELECT count(*) FROM article) AS articles,
                      (SELECT count(*) FROM article WHERE first_seen_at >= ?1) AS articles_today,
                      (SELECT count(*) FROM match WHERE found_at >= ?1 AND gone_at IS NULL) AS matches_today,
                      (SELECT count(*) FROM owed WHERE digest_id IS NULL) AS untold,
                      (SELECT min(owed_at) FROM owed WHERE digest_id IS NULL AND urgency = 'history')
                          AS history_since_at,
                      (SELECT count(*) FROM outbox WHERE state = 'owed') AS mail_owed,
                      (SELECT count(*) FROM outbox WHERE state = 'sent') AS mail_sent,
                      (SELECT count(*) FROM outbox WHERE state = 'refused') AS mail_refused,
                      (SELECT min(created_at) FROM outbox WHERE state = 'owed') AS oldest_owed_at,
                      (SELECT recipient FROM outbox WHERE state = 'owed' ORDER BY created_at, id LIMIT 1)
                          AS oldest_owed_to,
                      (SELECT polled_at FROM poll ORDER BY id DESC LIMIT 1) AS last_poll_at,
                      (SELECT value FROM meta WHERE name = 'web_trouble') AS web_trouble,
                      (SELECT value FROM meta WHERE name = 'disk_trouble') AS disk_trouble";
    connection.prepare_cached(sql)?.query_row([Time(now - TimeDelta::days(1))], |row| {
        Ok(Status {
            articles: count(row, "articles")?,
            articles_today: count(row, "articles_today")?,
            matches_today: count(row, "matches_today")?,
            untold: count(row, "untold")?,
            history_since_at: at(row, "history_since_at")?,
            mail_owed: count(row, "mail_owed")?,
            mail_sent: count(row, "mail_sent")?,
            mail_refused: count(row, "mail_refused")?,
            oldest_owed_at: at(row, "oldest_owed_at")?,
            oldest_owed_to: row.get("oldest_owed_to")?,
            last_poll_at: at(row, "last_poll_at")?,
            // What is owed since this very second counts too.
            pages_failing: pages::failing(connection, now - TimeDelta::days(7), now + TimeDelta::seconds(1))?,
            web_trouble: row.get("web_trouble")?,
            disk_trouble: row.get("disk_trouble")?,
        })
    })
}

/// Why the daemon's page cannot be shown.
pub const WEB_TROUBLE: &str = "web_trouble";
/// Why the daemon could not write, as far as it could write that.
pub const DISK_TROUBLE: &str = "disk_trouble";

/// Keeps what the daemon says of itself under this name, or that it has nothing to say.
pub fn note(connection: &Connection, name: &str, trouble: Option<&str>) -> Result<()> {
    connection.execute("DELETE FROM meta WHERE name = ?1", [name])?;
    match trouble {
        Some(why) => connection.execute("INSERT INTO meta VALUES (?1, ?2)", [name, why]).map(drop),
        None => Ok(()),
    }
}

pub fn source_rows(connection: &Connection, now: DateTime<Utc>) -> Result<Vec<SourceRow>> {
    let sql = "WITH total AS (SELECT source_id, count(*) AS articles FROM article GROUP BY source_id),
                    week AS (SELECT source_id, count(*) AS articles FROM article
                             WHERE first_seen_at >= ?1 GROUP BY source_id)
               SELECT s.*, coalesce(total.articles, 0) AS articles,
                      coalesce(week.articles, 0) / 7.0 AS items_a_day,
                      h.hub, h.lease_ends_at, h.last_error AS hub_error
               FROM source s
               LEFT JOIN subscription h ON h.source_id = s.id AND h.wanted
               LEFT JOIN total ON total.source_id = s.id
               LEFT JOIN week ON week.source_id = s.id
               WHERE s.retired_at IS NULL ORDER BY s.name";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([Time(now - TimeDelta::days(7))], |row| {
        Ok(SourceRow {
            name: row.get("name")?,
            url: row.get("url")?,
            health: row.get("health")?,
            health_since_at: at(row, "health_since_at")?,
            polled_at: at(row, "polled_at")?,
            next_poll_at: at(row, "next_poll_at")?,
            failures: row.get("failures")?,
            last_error: row.get("last_error")?,
            health_reason: row.get("health_reason")?,
            articles: count(row, "articles")?,
            items_a_day: row.get("items_a_day")?,
            moved_to: row.get("moved_to")?,
            read_from: row.get("read_from")?,
            hub: hubs::row(row, now)?,
        })
    })?;
    rows.collect()
}

pub fn watch_rows(connection: &Connection, now: DateTime<Utc>) -> Result<Vec<WatchRow>> {
    let sql = "SELECT watch, count(*) AS matches, sum(found_at >= ?1) AS matches_today,
                      sum(found_at >= ?2) AS matches_week, max(score) AS best_score,
                      max(found_at) AS newest_at
               FROM match WHERE gone_at IS NULL GROUP BY watch ORDER BY watch";
    let mut statement = connection.prepare_cached(sql)?;
    let days = |count| Time(now - TimeDelta::days(count));
    let rows = statement.query_map([days(1), days(7)], |row| {
        Ok(WatchRow {
            watch: row.get("watch")?,
            matches: count(row, "matches")?,
            matches_today: count(row, "matches_today")?,
            matches_week: count(row, "matches_week")?,
            best_score: row.get("best_score")?,
            newest_at: at(row, "newest_at")?,
        })
    })?;
    rows.collect()
}

/// What was read after `from` and up to `to`, in whole seconds: the second of `to` is
/// the window's own, since a poll and the mail that tells of it often share it.
pub fn footer(connection: &Connection, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Footer> {
    let sql = "SELECT (SELECT count(*) FROM article WHERE first_seen_at > ?1 AND first_seen_at <= ?2),
                      (SELECT count(DISTINCT source_id) FROM poll WHERE polled_at > ?1 AND polled_at <= ?2)";
    let (articles_read, sources_polled) = connection
        .prepare_cached(sql)?
        .query_row(params![Time(from), Time(to)], |row| Ok((count(row, 0)?, count(row, 1)?)))?;
    // A window that rolled over is well again by the next poll, and still a gap to tell of.
    let sql = "SELECT source, health, health_since_at, reason FROM sick_sources WHERE health <> 'rolled over'
               UNION ALL
               SELECT s.name, p.outcome, max(p.polled_at), p.faults ->> '$[#-1]'
               FROM poll p JOIN source s ON s.id = p.source_id
               WHERE p.outcome = 'rolled over' AND p.polled_at > ?1 AND p.polled_at <= ?2 GROUP BY s.id";
    let mut statement = connection.prepare_cached(sql)?;
    let sick = statement.query_map(params![Time(from), Time(to)], |row| {
        let since = at(row, "health_since_at")?.unwrap_or(to);
        let reason = row.get::<_, Option<String>>("reason")?.unwrap_or_default();
        Ok((row.get("source")?, row.get("health")?, since, reason))
    })?;
    let mut sick: Vec<_> = sick.collect::<Result<_>>()?;
    sick.extend(pages::failing(connection, from, to)?.into_iter().map(|failing| {
        let reason =
            format!("{} articles matched on the feed's text alone: {}", failing.articles, failing.why);
        (failing.source, "pages not read".into(), failing.since_at, reason)
    }));
    Ok(Footer { articles_read, sources_polled, sick, next_digest_at: None, ..Footer::default() })
}
