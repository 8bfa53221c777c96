//! Subscriptions with hubs (W3C WebSub), and the hints they bring.
//!
//! Invariant: a source has one subscription that is wanted at most. What a hub says
//! counts only under the address and for the topic that it was asked with.

use super::columns::{Time, at};
use super::{Store, StoreError, sources};
use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

/// A feed that names another hub at every poll does not make us call on each.
const CHANGE_PAUSE: TimeDelta = TimeDelta::hours(1);
/// Between tries, doubled from the first to the last.
const TRY_SECONDS_LEAST: i64 = 300;
const TRY_SECONDS_MOST: i64 = 24 * 3_600;
/// How long a hub may take to make sure that we asked.
const VERIFY_WITHIN: TimeDelta = TimeDelta::days(1);
/// The lease that is asked for, and taken where a hub names none.
pub const LEASE_SECONDS_ASKED: i64 = 10 * 24 * 3_600;
/// Leases that hubs give, whatever they say.
const LEASE_SECONDS_LEAST: i64 = 300;
const LEASE_SECONDS_MOST: i64 = 30 * 24 * 3_600;
/// What cannot be ended in so many tries ends with its lease.
const END_TRIES_MAX: u32 = 3;
/// A source is polled for hints at most once in so long.
const HINT_PAUSE: TimeDelta = TimeDelta::minutes(1);

/// What a feed says of WebSub: who tells of its news, and under which address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub hub: String,
    pub topic: String,
}

/// Something to be asked of a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubWork {
    pub id: i64,
    pub source: String,
    /// The address that the source is configured with.
    pub source_url: String,
    pub hub: String,
    pub topic: String,
    /// The address that the hub is to call.
    pub callback: String,
    pub secret: String,
    /// Else it is to be ended.
    pub is_wanted: bool,
}

/// What a hub is told by its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    pub secret: String,
    pub is_wanted: bool,
}

/// How a source's subscription stands, as `sources list` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubRow {
    pub hub: String,
    /// `subscribed`, `asked`, else what is wrong.
    pub state: String,
    pub until: Option<DateTime<Utc>>,
}

impl Store {
    /// Takes over the hub and the topic that a source offers now, or that it offers none;
    /// writes only where that is news.
    pub fn note_hub(
        &self,
        source: &str,
        offer: Option<&Offer>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if self.read(|connection| is_known(connection, source, offer))? {
            return Ok(());
        }
        let (source, offer) = (source.to_owned(), offer.cloned());
        self.write(move |connection| offered(connection, &source, offer.as_ref(), now))
    }

    /// Ends the subscriptions of all sources but these.
    pub fn keep_hubs_of(&self, sources: &[String], now: DateTime<Utc>) -> Result<(), StoreError> {
        let sources = sources.to_vec();
        self.write(move |connection| keep_only(connection, &sources, now))
    }

    /// What is to be asked of hubs at `now`; `callbacks` is where they reach us, but for
    /// the last part of the path.
    pub fn hubs_due(
        &self,
        callbacks: Option<&str>,
        now: DateTime<Utc>,
        most: u32,
    ) -> Result<Vec<HubWork>, StoreError> {
        self.read(|connection| due(connection, callbacks, now, most))
    }

    /// Notes that a hub is about to be asked, and when to do so again should nothing follow.
    pub fn hub_is_asked(&self, work: &HubWork, now: DateTime<Utc>) -> Result<(), StoreError> {
        let work = work.clone();
        self.write(move |connection| asks(connection, &work, now))
    }

    /// Notes what was wrong with a hub's answer, if anything was.
    pub fn hub_was_asked(&self, id: i64, error: Option<&str>) -> Result<(), StoreError> {
        let error = error.map(str::to_owned);
        self.write(move |connection| asked(connection, id, error.as_deref()))
    }

    /// Whether a hub at this address was asked to subscribe (else to end) this topic
    /// within a day, and may; then it is so, for the lease.
    pub fn hub_confirms(
        &self,
        path: &str,
        topic: &str,
        lease_seconds: Option<i64>,
        is_wanted: bool,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let (path, topic) = (path.to_owned(), topic.to_owned());
        self.write(move |connection| confirm(connection, &path, &topic, lease_seconds, is_wanted, now))
    }

    /// Notes that a hub will not have a subscription; `false` where none was asked for.
    pub fn hub_denies(
        &self,
        path: &str,
        topic: &str,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let (path, topic, reason) = (path.to_owned(), topic.to_owned(), reason.to_owned());
        self.write(move |connection| deny(connection, &path, &topic, &reason, now))
    }

    /// The subscription that a hub was given this address for.
    pub fn subscription(&self, path: &str) -> Result<Option<Subscription>, StoreError> {
        self.read(|connection| subscription(connection, path))
    }

    /// Keeps a hint that a source has news.
    pub fn hint(&self, path: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let path = path.to_owned();
        self.write(move |connection| hint(connection, &path, now))
    }

    /// Sources that hubs hinted at and that were not polled in the last minute; they
    /// are due with that, and their hints are gone.
    pub fn take_hints(&self, now: DateTime<Utc>) -> Result<Vec<String>, StoreError> {
        let hinted = self.read(|connection| hinted(connection, now))?;
        if hinted.is_empty() {
            return Ok(hinted);
        }
        self.write(move |connection| take_hints(connection, &hinted, now).map(|()| hinted))
    }
}

fn offered(connection: &Connection, source: &str, offer: Option<&Offer>, now: DateTime<Utc>) -> Result<()> {
    let Some(source_id) = sources::id(connection, source)? else { return Ok(()) };
    let sql = "SELECT hub, topic, made_at FROM subscription WHERE source_id = ?1 AND wanted";
    let read = |row: &Row<'_>| Ok((offer_in(row)?, at(row, "made_at")?));
    let known = connection.prepare_cached(sql)?.query_row([source_id], read).optional()?;
    match &known {
        Some((known, made_at)) => {
            let is_young = made_at.is_some_and(|made_at| made_at <= now && now - made_at < CHANGE_PAUSE);
            if offer == Some(known) || is_young {
                return Ok(());
            }
        }
        None if offer.is_none() => return Ok(()),
        None => {}
    }
    end(connection, source_id, now)?;
    let Some(Offer { hub, topic }) = offer else { return Ok(()) };
    let sql = "INSERT INTO subscription (source_id, hub, topic, path, secret, made_at, next_try_at)
               VALUES (?1, ?2, ?3, lower(hex(randomblob(20))), lower(hex(randomblob(32))), ?4, ?4)
               ON CONFLICT (source_id, hub, topic) DO UPDATE SET
                   wanted = 1, tries = 0, made_at = excluded.made_at, next_try_at = excluded.next_try_at";
    connection.prepare_cached(sql)?.execute(params![source_id, hub, topic, Time(now)]).map(drop)
}

fn offer_in(row: &Row<'_>) -> Result<Offer> {
    Ok(Offer { hub: row.get("hub")?, topic: row.get("topic")? })
}

/// Whether this is what the source was last known to offer.
fn is_known(connection: &Connection, source: &str, offer: Option<&Offer>) -> Result<bool> {
    let sql = "SELECT h.hub, h.topic FROM subscription h JOIN source s ON s.id = h.source_id
               WHERE s.name = ?1 AND h.wanted";
    let known = connection.prepare_cached(sql)?.query_row([source], offer_in).optional()?;
    Ok(known.as_ref() == offer)
}

/// What was never asked for is forgotten; the rest is to be ended.
fn end(connection: &Connection, source_id: i64, now: DateTime<Utc>) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM subscription WHERE source_id = ?1 AND wanted AND asked_at IS NULL")?
        .execute([source_id])?;
    let sql =
        "UPDATE subscription SET wanted = 0, tries = 0, next_try_at = ?2 WHERE source_id = ?1 AND wanted";
    connection.prepare_cached(sql)?.execute(params![source_id, Time(now)]).map(drop)
}

/// Ends the subscriptions of all sources but these.
fn keep_only(connection: &Connection, sources: &[String], now: DateTime<Utc>) -> Result<()> {
    let sql = "SELECT DISTINCT s.id FROM subscription h JOIN source s ON s.id = h.source_id
               WHERE h.wanted AND s.name NOT IN (SELECT value FROM json_each(?1))";
    let names = serde_json::Value::from(sources).to_string();
    let mut statement = connection.prepare_cached(sql)?;
    let others: Vec<i64> = statement.query_map([names], |row| row.get(0))?.collect::<Result<_>>()?;
    others.into_iter().try_for_each(|source_id| end(connection, source_id, now))
}

/// What is to be asked now, the longest due first; without an address of ours to
/// call, only ends are. A time further ahead than any lease is a clock's that was.
fn due(
    connection: &Connection,
    callbacks: Option<&str>,
    now: DateTime<Utc>,
    most: u32,
) -> Result<Vec<HubWork>> {
    let sql = "SELECT h.id, s.name AS source, s.url AS source_url, h.hub, h.topic, h.secret, h.wanted,
                      coalesce(?3 || h.path, h.callback) AS callback
               FROM subscription h JOIN source s ON s.id = h.source_id
               WHERE (h.next_try_at <= ?1 OR h.next_try_at > ?2 OR (h.wanted AND h.callback <> ?3 || h.path))
                     AND (NOT h.wanted OR ?3 IS NOT NULL)
               ORDER BY h.next_try_at LIMIT ?4";
    let furthest = now + TimeDelta::seconds(LEASE_SECONDS_MOST);
    let mut statement = connection.prepare_cached(sql)?;
    let work = statement.query_map(params![Time(now), Time(furthest), callbacks, most], |row| {
        Ok(HubWork {
            id: row.get("id")?,
            source: row.get("source")?,
            source_url: row.get("source_url")?,
            hub: row.get("hub")?,
            topic: row.get("topic")?,
            callback: row.get::<_, Option<String>>("callback")?.unwrap_or_default(),
            secret: row.get("secret")?,
            is_wanted: row.get("wanted")?,
        })
    })?;
    work.collect()
}

/// Notes that a hub is about to be asked: it may make sure before it answers.
fn asks(connection: &Connection, work: &HubWork, now: DateTime<Utc>) -> Result<()> {
    let sql = "UPDATE subscription SET asked_at = ?2, callback = ?3, tries = tries + 1, last_error = NULL
               WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![work.id, Time(now), work.callback])?;
    set_next(connection, work.id, now)
}

fn set_next(connection: &Connection, id: i64, now: DateTime<Utc>) -> Result<()> {
    let sql = "SELECT tries FROM subscription WHERE id = ?1";
    let tries = connection.prepare_cached(sql)?.query_row([id], |row| row.get::<_, u32>(0)).optional()?;
    let doubled = TRY_SECONDS_LEAST << tries.unwrap_or(1).saturating_sub(1).min(16);
    let next_try_at = now + TimeDelta::seconds(doubled.min(TRY_SECONDS_MOST));
    let sql = "UPDATE subscription SET next_try_at = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![id, Time(next_try_at)]).map(drop)
}

/// Notes what was wrong with a hub's answer, where it did not take the request.
fn asked(connection: &Connection, id: i64, error: Option<&str>) -> Result<()> {
    // One that made sure while it was asked has said all there is to say.
    let sql = "UPDATE subscription SET last_error = ?2
               WHERE id = ?1 AND ?2 IS NOT NULL AND (verified_at IS NULL OR verified_at < asked_at)";
    connection.prepare_cached(sql)?.execute(params![id, error])?;
    let sql = "DELETE FROM subscription WHERE id = ?1 AND NOT wanted AND tries >= ?2";
    connection.prepare_cached(sql)?.execute(params![id, END_TRIES_MAX]).map(drop)
}

/// Whether we asked a hub for this, and it may go ahead (WebSub, 5.3).
fn confirm(
    connection: &Connection,
    path: &str,
    topic: &str,
    lease_seconds: Option<i64>,
    is_wanted: bool,
    now: DateTime<Utc>,
) -> Result<bool> {
    let sql = "SELECT id FROM subscription
               WHERE path = ?1 AND topic = ?2 AND wanted = ?3 AND asked_at > ?4 AND asked_at <= ?5";
    let values = params![path, topic, is_wanted, Time(now - VERIFY_WITHIN), Time(now)];
    let id = connection.prepare_cached(sql)?.query_row(values, |row| row.get::<_, i64>(0)).optional()?;
    let Some(id) = id else { return Ok(false) };
    if !is_wanted {
        connection.prepare_cached("DELETE FROM subscription WHERE id = ?1")?.execute([id])?;
        return Ok(true);
    }
    let lease = lease_seconds.unwrap_or(LEASE_SECONDS_ASKED).clamp(LEASE_SECONDS_LEAST, LEASE_SECONDS_MOST);
    let sql = "UPDATE subscription SET verified_at = ?2, lease_ends_at = ?3, next_try_at = ?4, tries = 0,
                      last_error = NULL WHERE id = ?1";
    // Renewed while it still holds: a fifth of it is left for tries.
    let (ends, renewed) = (now + TimeDelta::seconds(lease), now + TimeDelta::seconds(lease / 5 * 4));
    connection.prepare_cached(sql)?.execute(params![id, Time(now), Time(ends), Time(renewed)])?;
    Ok(true)
}

/// Notes that a hub will not have it (WebSub, 5.2); it is asked again in a day.
fn deny(connection: &Connection, path: &str, topic: &str, reason: &str, now: DateTime<Utc>) -> Result<bool> {
    let sql =
        "UPDATE subscription SET verified_at = NULL, lease_ends_at = NULL, last_error = ?3, next_try_at = ?4
               WHERE path = ?1 AND topic = ?2 AND wanted AND asked_at IS NOT NULL";
    let next_try_at = Time(now + TimeDelta::seconds(TRY_SECONDS_MOST));
    Ok(connection.prepare_cached(sql)?.execute(params![path, topic, reason, next_try_at])? > 0)
}

fn subscription(connection: &Connection, path: &str) -> Result<Option<Subscription>> {
    let sql = "SELECT secret, wanted FROM subscription WHERE path = ?1 AND asked_at IS NOT NULL";
    let read = |row: &Row<'_>| Ok(Subscription { secret: row.get(0)?, is_wanted: row.get(1)? });
    connection.prepare_cached(sql)?.query_row([path], read).optional()
}

/// Keeps a hint until its source is polled.
fn hint(connection: &Connection, path: &str, now: DateTime<Utc>) -> Result<()> {
    let sql = "UPDATE subscription SET hinted_at = ?2 WHERE path = ?1 AND wanted";
    connection.prepare_cached(sql)?.execute(params![path, Time(now)]).map(drop)
}

/// Sources with a hint whose last poll is a minute ago: hints that come sooner wait,
/// and are one poll.
fn hinted(connection: &Connection, now: DateTime<Utc>) -> Result<Vec<String>> {
    let sql = "SELECT s.name FROM subscription h JOIN source s ON s.id = h.source_id
               WHERE h.hinted_at IS NOT NULL AND s.retired_at IS NULL
                     AND (s.polled_at IS NULL OR s.polled_at <= ?1 OR s.polled_at > ?2)";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map([Time(now - HINT_PAUSE), Time(now)], |row| row.get(0))?.collect()
}

/// Makes these sources due in the place of their hints.
fn take_hints(connection: &Connection, sources: &[String], now: DateTime<Utc>) -> Result<()> {
    for source in sources {
        let sql = "UPDATE source SET next_poll_at = ?2 WHERE name = ?1";
        connection.prepare_cached(sql)?.execute(params![source, Time(now)])?;
        let sql = "UPDATE subscription SET hinted_at = NULL
                   WHERE source_id = (SELECT id FROM source WHERE name = ?1)";
        connection.prepare_cached(sql)?.execute([source])?;
    }
    Ok(())
}

/// How the wanted subscription in a row of `subscription` stands; none where there is none.
pub fn row(row: &Row<'_>, now: DateTime<Utc>) -> Result<Option<HubRow>> {
    let Some(hub) = row.get("hub")? else { return Ok(None) };
    let until = at(row, "lease_ends_at")?.filter(|until| *until > now);
    let error = row.get::<_, Option<String>>("hub_error")?;
    let state = match (error, until) {
        (Some(error), _) => error,
        (None, Some(_)) => "subscribed".into(),
        (None, None) => "asked".into(),
    };
    Ok(Some(HubRow { hub, state, until }))
}
