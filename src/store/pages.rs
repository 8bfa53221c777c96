//! Pages of articles of which the feed gave only the beginning.
//!
//! Invariant: an article is stored, searchable and matched on what the feed says
//! before its page is asked for; a page that is owed stays so until it is read or
//! given up, and a page that says less never takes the place of more.

use super::articles::{self, Keep};
use super::columns::{Time, at, count, number, surely};
use super::recent::Recent;
use super::{NewArticle, PageWanted, removals, search};
use crate::extract::Article;
use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

/// A page to be read, with the article as its feed gave it.
#[derive(Debug, Clone)]
pub struct PageOwed {
    pub article_id: i64,
    /// Its text is the feed's own.
    pub article: Article,
    pub entry_hash: u64,
    /// The last whole text there was.
    pub whole: Option<String>,
    pub is_backlog: bool,
    pub owed_at: DateTime<Utc>,
    /// Tries made.
    pub tries: u32,
}

/// No plan lies further ahead: what does was made by a clock that has been set back.
const AHEAD_MOST: TimeDelta = TimeDelta::days(2);

/// Notes that the page of an article is to be read, now. One that is being tried
/// stays at its place in line; one that was given up gets one more try.
pub fn owe(
    connection: &Connection,
    article_id: i64,
    source_id: i64,
    wanted: &PageWanted,
    now: DateTime<Utc>,
) -> Result<()> {
    let sql = "INSERT INTO page_owed (article_id, source_id, teaser, whole, is_backlog, owed_at, next_try_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
               ON CONFLICT (article_id) DO UPDATE SET teaser = excluded.teaser,
                   next_try_at = coalesce(next_try_at, excluded.next_try_at)";
    let PageWanted { teaser, whole, is_backlog } = wanted;
    let values = params![article_id, source_id, teaser, whole, is_backlog, Time(now)];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

/// Pages of `source` whose time has come, the newest articles first.
pub fn due(connection: &Connection, source: &str, now: DateTime<Utc>, most: usize) -> Result<Vec<PageOwed>> {
    let sql = "SELECT p.teaser, p.whole, p.is_backlog, p.owed_at, p.tries, a.*, s.name AS source,
                      (SELECT identity FROM seen WHERE article_id = a.id LIMIT 1) AS identity
               FROM page_owed p JOIN article a ON a.id = p.article_id JOIN source s ON s.id = p.source_id
               WHERE s.name = ?1 AND (p.next_try_at <= ?2 OR p.next_try_at > ?3)
               ORDER BY p.article_id DESC LIMIT ?4";
    let mut statement = connection.prepare_cached(sql)?;
    let values = params![source, Time(now), Time(now + AHEAD_MOST), number(most)];
    statement.query_map(values, page)?.collect()
}

fn page(row: &Row<'_>) -> Result<PageOwed> {
    let article = Article { text: row.get("teaser")?, ..articles::article(row)? };
    Ok(PageOwed {
        article_id: row.get("id")?,
        article,
        entry_hash: row.get::<_, i64>("entry_hash")?.cast_unsigned(),
        whole: row.get("whole")?,
        is_backlog: row.get("is_backlog")?,
        owed_at: surely(row, "owed_at")?,
        tries: row.get("tries")?,
    })
}

/// Counts a try before it is made, so that a page we die of is given up in the end.
pub fn try_now(connection: &Connection, article_id: i64, next_try_at: Option<DateTime<Utc>>) -> Result<()> {
    let sql = "UPDATE page_owed SET tries = tries + 1, next_try_at = ?2 WHERE article_id = ?1";
    connection.prepare_cached(sql)?.execute(params![article_id, next_try_at.map(Time)]).map(drop)
}

/// Notes why a try brought no page; `never_again` gives it up.
pub fn missed(connection: &Connection, article_id: i64, why: &str, never_again: bool) -> Result<()> {
    let sql = "UPDATE page_owed SET last_error = ?2, next_try_at = iif(?3, NULL, next_try_at)
               WHERE article_id = ?1";
    connection.prepare_cached(sql)?.execute(params![article_id, why, never_again]).map(drop)
}

/// The site of `source` asks to be left alone: no page of it is due before `until`.
pub fn rest(connection: &Connection, source: &str, until: DateTime<Utc>) -> Result<()> {
    let sql = "UPDATE page_owed SET next_try_at = max(next_try_at, ?2)
               WHERE source_id = (SELECT id FROM source WHERE name = ?1) AND next_try_at IS NOT NULL";
    connection.prepare_cached(sql)?.execute(params![source, Time(until)]).map(drop)
}

/// Commits what a page added, and that it is owed no more. An article that turns
/// out to be word for word one its source told before becomes that one.
pub fn read(
    connection: &Connection,
    page: &PageOwed,
    new: &NewArticle,
    folded: &search::Indexed,
    recent: &mut Recent,
    now: DateTime<Utc>,
) -> Result<()> {
    let id = page.article_id;
    connection.prepare_cached("DELETE FROM page_owed WHERE article_id = ?1")?.execute([id])?;
    let sql = "SELECT source_id FROM article WHERE id = ?1";
    let source_id = connection.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?;
    let Some(source_id) = source_id else { return Ok(()) };
    recent.refresh(connection, now)?;
    if page.whole.is_some() {
        articles::replace(connection, id, new, folded, Keep::Revision, now)?;
        return removals::seen(connection, id, now);
    }
    if let Some(twin) = recent.twin_by_words(connection, source_id, new, id)?
        && says_nothing_more(connection, id, twin)?
    {
        return merge(connection, id, twin);
    }
    // Whether a copy was told is asked when the matches are written: the story first.
    settle_story(connection, id, source_id, new.fingerprint, recent)?;
    recent.add(id, source_id, new.fingerprint);
    articles::replace(connection, id, new, folded, Keep::Nothing, now)?;
    removals::seen(connection, id, now)
}

/// Whether every match of the article is one of the twin's, and none was told.
fn says_nothing_more(connection: &Connection, article_id: i64, twin: i64) -> Result<bool> {
    let sql = "SELECT 1 FROM match m WHERE m.article_id = ?1 AND (
                   NOT EXISTS (SELECT 1 FROM match o WHERE o.article_id = ?2 AND o.watch = m.watch)
                   OR EXISTS (SELECT 1 FROM owed w WHERE w.match_id = m.id AND w.digest_id IS NOT NULL))";
    connection.prepare_cached(sql)?.exists([article_id, twin]).map(|more| !more)
}

/// An article that was stored on its teaser joins the one it is.
fn merge(connection: &Connection, article_id: i64, twin: i64) -> Result<()> {
    let run = |sql: &str| connection.prepare_cached(sql)?.execute([article_id, twin]);
    run("UPDATE seen SET article_id = ?2 WHERE article_id = ?1")?;
    run("UPDATE article SET story_id = (SELECT story_id FROM article WHERE id = ?2) WHERE story_id = ?1")?;
    connection.prepare_cached("DELETE FROM article_search WHERE rowid = ?1")?.execute([article_id])?;
    connection.prepare_cached("DELETE FROM article WHERE id = ?1")?.execute([article_id]).map(drop)
}

/// The whole text may be a copy where the teaser was not.
fn settle_story(
    connection: &Connection,
    article_id: i64,
    source_id: i64,
    fingerprint: u64,
    recent: &Recent,
) -> Result<()> {
    let sql = "SELECT 1 FROM article WHERE story_id = ?1 AND id <> ?1
               UNION SELECT 1 FROM article WHERE id = ?1 AND story_id <> ?1";
    if connection.prepare_cached(sql)?.exists([article_id])? {
        return Ok(());
    }
    let Some(story_id) = recent.story(connection, source_id, fingerprint)? else { return Ok(()) };
    let sql = "UPDATE article SET story_id = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute([article_id, story_id]).map(drop)
}

/// Why the page of an article is not in its text: the last error, tries made, and
/// when it is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageMissing {
    pub why: Option<String>,
    pub tries: u32,
    pub next_try_at: Option<DateTime<Utc>>,
}

pub fn missing(connection: &Connection, article_id: i64) -> Result<Option<PageMissing>> {
    let sql = "SELECT last_error, tries, next_try_at FROM page_owed WHERE article_id = ?1";
    let read = |row: &Row<'_>| {
        Ok(PageMissing {
            why: row.get("last_error")?,
            tries: row.get("tries")?,
            next_try_at: at(row, "next_try_at")?,
        })
    };
    connection.prepare_cached(sql)?.query_row([article_id], read).optional()
}

/// A source whose pages are not read: how many of them, since when, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagesFailing {
    pub source: String,
    pub articles: u64,
    pub since_at: DateTime<Utc>,
    pub why: String,
}

/// Pages that fail make a source worth a word from this number on.
const FAILING_MIN: u32 = 3;
/// Tries after which a page counts as failing though it is not given up yet.
const FAILING_TRIES: u32 = 3;

/// Sources of whose articles owed between `from` and `to` several pages failed.
pub fn failing(connection: &Connection, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<PagesFailing>> {
    let sql = "SELECT s.name, count(*) AS articles, min(p.owed_at) AS since_at, max(p.last_error) AS why
               FROM page_owed p JOIN source s ON s.id = p.source_id
               WHERE p.owed_at >= ?1 AND p.owed_at < ?2 AND s.retired_at IS NULL
               AND (p.next_try_at IS NULL OR p.tries >= ?3)
               GROUP BY s.id HAVING count(*) >= ?4 ORDER BY s.name";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![Time(from), Time(to), FAILING_TRIES, FAILING_MIN], |row| {
        Ok(PagesFailing {
            source: row.get("name")?,
            articles: count(row, "articles")?,
            since_at: surely(row, "since_at")?,
            why: row.get::<_, Option<String>>("why")?.unwrap_or_default(),
        })
    })?;
    rows.collect()
}
