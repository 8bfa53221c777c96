//! Pages of told stories, looked at again: a page that is gone for a day, while others
//! of its site are there, is owed as removed to every plan that was told the story.
//!
//! Invariant: a removal is owed once to a plan, and told once, unless the page is back
//! before; a site that is gone, shut or moved as a whole removes nothing: it takes
//! another page that is as old and is still there to say so.

use super::columns::{Time, at, number, surely};
use crate::digest::Removed;
use crate::fetch::Validators;
use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

/// How long after it was read a page is looked at again.
const LOOKS_FOR: TimeDelta = TimeDelta::days(7);
/// The first look after a reading; each later one waits as long as all before it.
const LOOK_FIRST: TimeDelta = TimeDelta::days(1);
/// How long a page must be missing, and when that is asked.
const MISSING_FOR: TimeDelta = TimeDelta::days(1);

/// A page to be looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    pub article_id: i64,
    pub link: String,
    pub validators: Validators,
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// It is there; with validators where it gave any.
    There(Option<Validators>),
    /// It is shut to us, which says nothing of the site's other pages.
    Shut,
    /// 404 or 410.
    Missing,
    /// Nothing that says anything of the page.
    Unknown,
}

/// Notes that the page of an article was read.
pub fn seen(connection: &Connection, article_id: i64, now: DateTime<Utc>) -> Result<()> {
    let sql = "INSERT INTO page_seen (article_id, source_id, read_at, found_at, next_look_at)
               SELECT id, source_id, ?2, ?2, ?3 FROM article WHERE id = ?1
               ON CONFLICT (article_id) DO UPDATE SET read_at = ?2, found_at = ?2, missing_at = NULL,
                   next_look_at = ?3, etag = NULL, last_modified = NULL";
    let values = params![article_id, Time(now), Time(now + LOOK_FIRST)];
    connection.prepare_cached(sql)?.execute(values)?;
    let sql = "SELECT source_id FROM page_seen WHERE article_id = ?1";
    let source_id = connection.prepare_cached(sql)?.query_row([article_id], |row| row.get(0)).optional()?;
    is_back(connection, article_id)?;
    source_id.map_or(Ok(()), |source_id| forget(connection, source_id, now))
}

/// Pages of `source` that somebody was told of and whose time has come.
pub fn due(connection: &Connection, source: &str, now: DateTime<Utc>, most: usize) -> Result<Vec<Look>> {
    let sql = "SELECT p.article_id, a.link, p.etag, p.last_modified
               FROM page_seen p JOIN article a ON a.id = p.article_id
               WHERE p.source_id = (SELECT id FROM source WHERE name = ?1) AND p.next_look_at <= ?2
                     AND a.link IS NOT NULL AND EXISTS (
                         SELECT 1 FROM match m JOIN owed w ON w.match_id = m.id
                         WHERE m.article_id = a.id AND w.digest_id IS NOT NULL)
                     AND NOT EXISTS (
                         SELECT 1 FROM removal r WHERE r.article_id = a.id AND r.digest_id IS NOT NULL)
               ORDER BY p.next_look_at LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let looks = statement.query_map(params![source, Time(now), number(most)], look)?;
    looks.collect()
}

/// Commits what a look found, and what is owed for it. True where a removal is owed now.
pub fn looked(connection: &Connection, article_id: i64, sight: &Sight, now: DateTime<Utc>) -> Result<bool> {
    let sql = "SELECT source_id, read_at, missing_at FROM page_seen WHERE article_id = ?1";
    let row = connection.prepare_cached(sql)?.query_row([article_id], |row| {
        Ok((row.get::<_, i64>("source_id")?, surely(row, "read_at")?, at(row, "missing_at")?))
    });
    let Some((source_id, read_at, missing_at)) = row.optional()? else { return Ok(false) };
    let is_gone = match (sight, missing_at) {
        (Sight::Missing, Some(since)) if now - since >= MISSING_FOR => {
            has_witness(connection, article_id, since)? && owe(connection, article_id, since, now)?
        }
        (Sight::There(_) | Sight::Shut, _) => is_back(connection, article_id).map(|()| false)?,
        _ => false,
    };
    let missing_at = match sight {
        Sight::Missing => Some(missing_at.unwrap_or(now)),
        Sight::There(_) | Sight::Shut => None,
        Sight::Unknown => missing_at,
    };
    let later = if *sight == Sight::Missing { MISSING_FOR } else { (now - read_at).max(LOOK_FIRST) };
    let ends_at = missing_at.unwrap_or(read_at) + LOOKS_FOR;
    let next_look_at = Some(now + later).filter(|at| *at <= ends_at);
    let sql = "UPDATE page_seen SET missing_at = ?2, next_look_at = ?3 WHERE article_id = ?1";
    let values = params![article_id, missing_at.map(Time), next_look_at.map(Time)];
    connection.prepare_cached(sql)?.execute(values)?;
    if let Sight::There(validators) = sight {
        found(connection, article_id, validators.as_ref(), now)?;
    }
    forget(connection, source_id, now)?;
    Ok(is_gone)
}

fn found(
    connection: &Connection,
    article_id: i64,
    validators: Option<&Validators>,
    now: DateTime<Utc>,
) -> Result<()> {
    let sql = "UPDATE page_seen SET found_at = ?2 WHERE article_id = ?1";
    connection.prepare_cached(sql)?.execute(params![article_id, Time(now)])?;
    let Some(Validators { etag, last_modified }) = validators else { return Ok(()) };
    let sql = "UPDATE page_seen SET etag = ?2, last_modified = ?3 WHERE article_id = ?1";
    connection.prepare_cached(sql)?.execute(params![article_id, etag, last_modified]).map(drop)
}

/// Whether another page of the same host, read before `since`, was there after it:
/// else it is the site that is sick, or has moved all its pages.
fn has_witness(connection: &Connection, article_id: i64, since: DateTime<Utc>) -> Result<bool> {
    let sql = "SELECT a.link, own.link AS own FROM page_seen p JOIN article a ON a.id = p.article_id
               JOIN article own ON own.id = ?1 AND own.source_id = p.source_id
               WHERE p.article_id <> ?1 AND p.read_at <= ?2 AND p.found_at > ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![article_id, Time(since)])?;
    while let Some(row) = rows.next()? {
        if is_same_host(row)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The page that can bear witness, for one that has been missing long enough: the
/// youngest of its host that was read before it went. None where it has one already.
pub fn witness(connection: &Connection, article_id: i64, now: DateTime<Utc>) -> Result<Option<Look>> {
    let sql = "SELECT missing_at FROM page_seen WHERE article_id = ?1";
    let since = connection.prepare_cached(sql)?.query_row([article_id], |row| at(row, "missing_at"));
    let Some(since) = since.optional()?.flatten().filter(|since| now - *since >= MISSING_FOR) else {
        return Ok(None);
    };
    if has_witness(connection, article_id, since)? {
        return Ok(None);
    }
    let sql = "SELECT p.article_id, a.link, own.link AS own, p.etag, p.last_modified
               FROM page_seen p JOIN article a ON a.id = p.article_id
               JOIN article own ON own.id = ?1 AND own.source_id = p.source_id
               WHERE p.article_id <> ?1 AND p.read_at <= ?2 AND p.missing_at IS NULL
               ORDER BY p.read_at DESC";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![article_id, Time(since)])?;
    while let Some(row) = rows.next()? {
        if is_same_host(row)? {
            return look(row).map(Some);
        }
    }
    Ok(None)
}

/// Whether `link` and `own` of a row lie on one host.
fn is_same_host(row: &Row<'_>) -> Result<bool> {
    let host = |link: Option<String>| link.and_then(|link| Some(link.split('/').nth(2)?.to_lowercase()));
    Ok(match (host(row.get("link")?), host(row.get("own")?)) {
        (Some(host), Some(own)) => host == own,
        _ => false,
    })
}

fn look(row: &Row<'_>) -> Result<Look> {
    let validators = Validators { etag: row.get("etag")?, last_modified: row.get("last_modified")? };
    Ok(Look { article_id: row.get("article_id")?, link: row.get("link")?, validators })
}

/// What is not told yet need not be: the page is back.
fn is_back(connection: &Connection, article_id: i64) -> Result<()> {
    let sql = "DELETE FROM removal WHERE article_id = ?1 AND digest_id IS NULL";
    connection.prepare_cached(sql)?.execute([article_id]).map(drop)
}

/// Owes the removal to every plan that was shown the article.
fn owe(
    connection: &Connection,
    article_id: i64,
    missing_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let sql = "INSERT INTO removal (plan, article_id, missing_at, owed_at)
               SELECT DISTINCT w.plan, m.article_id, ?2, ?3
               FROM match m JOIN owed w ON w.match_id = m.id
               WHERE m.article_id = ?1 AND w.digest_id IS NOT NULL AND NOT w.is_copy
               ON CONFLICT (plan, article_id) DO NOTHING";
    Ok(connection.prepare_cached(sql)?.execute(params![article_id, Time(missing_at), Time(now)])? > 0)
}

/// What is owed to `plan` and not told, or what this digest has told.
pub fn removed(connection: &Connection, plan: &str, digest_id: Option<i64>) -> Result<Vec<Removed>> {
    let sql = "SELECT r.id, a.id AS article_id, a.title, a.link, s.name AS source, r.missing_at,
                      (SELECT min(d.created_at) FROM match m JOIN owed w ON w.match_id = m.id
                       JOIN digest d ON d.id = w.digest_id
                       WHERE m.article_id = a.id AND w.plan = ?1) AS told_at
               FROM removal r JOIN article a ON a.id = r.article_id JOIN source s ON s.id = a.source_id
               WHERE r.plan = ?1 AND r.digest_id IS ?2 ORDER BY r.id";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![plan, digest_id], |row| {
        Ok(Removed {
            id: row.get("id")?,
            article_id: row.get("article_id")?,
            title: row.get("title")?,
            link: row.get("link")?,
            source: row.get("source")?,
            told_at: surely(row, "told_at")?,
            missing_at: surely(row, "missing_at")?,
        })
    })?;
    rows.collect()
}

pub fn settle(connection: &Connection, digest_id: i64, removals: &[i64]) -> Result<()> {
    let sql = "UPDATE removal SET digest_id = ?1 WHERE id = ?2 AND digest_id IS NULL";
    let mut statement = connection.prepare_cached(sql)?;
    removals.iter().try_for_each(|id| statement.execute([digest_id, *id]).map(drop))
}

/// Forgets pages that nobody looks at any more. One that nobody was told of is due
/// for ever, and goes by its age.
fn forget(connection: &Connection, source_id: i64, now: DateTime<Utc>) -> Result<()> {
    let sql = "DELETE FROM page_seen WHERE source_id = ?1 AND read_at < ?2 AND coalesce(missing_at, '') < ?2";
    connection.prepare_cached(sql)?.execute(params![source_id, Time(now - LOOKS_FOR * 2)]).map(drop)
}
