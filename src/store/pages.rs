//! Pages of articles of which the feed gave only the beginning.
//!
//! Invariant: an article is stored, searchable and matched on what the feed says
//! before its page is asked for; a page that is owed stays so until it is read or
//! given up, and a page that says less never takes the place of more.

use super::articles::{self, Keep};
use super::columns::{Time, at, number, surely};
use super::recent::Recent;
use super::{NewArticle, PageWanted, search};
use crate::extract::Article;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

/// A page to be read, with the article as its feed gave it.
#[derive(Debug, Clone)]
pub struct PageOwed {
    pub article_id: i64,
    /// Its text is the feed's own.
    pub article: Article,
    pub entry_hash: u64,
    /// The stored text: the feed's own, or an earlier reading of the page.
    pub stored: String,
    /// Whether `stored` is an earlier reading of the page.
    pub is_whole: bool,
    pub is_backlog: bool,
    pub owed_at: DateTime<Utc>,
    /// Tries made.
    pub tries: u32,
}

/// Notes that the page of an article is to be read, now.
pub fn owe(
    connection: &Connection,
    article_id: i64,
    source_id: i64,
    wanted: &PageWanted,
    is_whole: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    // Of one that was never read the stored text is a teaser still.
    let sql =
        "INSERT INTO page_owed (article_id, source_id, teaser, is_whole, is_backlog, owed_at, next_try_at)
               SELECT id, ?2, ?3, ?4, ?5, ?6, ?6 FROM article WHERE id = ?1
               ON CONFLICT (article_id) DO UPDATE SET teaser = excluded.teaser, owed_at = excluded.owed_at,
                   tries = 0, next_try_at = excluded.next_try_at, last_error = NULL";
    let values = params![article_id, source_id, wanted.teaser, is_whole, wanted.is_backlog, Time(now)];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

/// Pages of `source` whose time has come, the newest articles first.
pub fn due(connection: &Connection, source: &str, now: DateTime<Utc>, most: usize) -> Result<Vec<PageOwed>> {
    let sql = "SELECT p.teaser, p.is_whole, p.is_backlog, p.owed_at, p.tries, a.*, s.name AS source,
                      (SELECT identity FROM seen WHERE article_id = a.id LIMIT 1) AS identity
               FROM page_owed p JOIN article a ON a.id = p.article_id JOIN source s ON s.id = p.source_id
               WHERE s.name = ?1 AND p.next_try_at <= ?2 ORDER BY p.article_id DESC LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map(params![source, Time(now), number(most)], page)?.collect()
}

fn page(row: &Row<'_>) -> Result<PageOwed> {
    let article = articles::article(row)?;
    Ok(PageOwed {
        article_id: row.get("id")?,
        stored: article.text.clone(),
        article: Article { text: row.get("teaser")?, ..article },
        entry_hash: row.get::<_, i64>("entry_hash")?.cast_unsigned(),
        is_whole: row.get("is_whole")?,
        is_backlog: row.get("is_backlog")?,
        owed_at: surely(row, "owed_at")?,
        tries: row.get("tries")?,
    })
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
    if !page.is_whole
        && let Some(twin) = recent.twin_by_words(connection, source_id, new, id)?
        && !is_told(connection, id)?
    {
        return merge(connection, id, twin);
    }
    let keep = if page.is_whole { Keep::Revision } else { Keep::Nothing };
    articles::replace(connection, id, new, folded, keep, now)?;
    if !page.is_whole {
        settle_story(connection, id, source_id, new.fingerprint, recent)?;
    }
    recent.add(id, source_id, new.fingerprint);
    Ok(())
}

fn is_told(connection: &Connection, article_id: i64) -> Result<bool> {
    let sql = "SELECT 1 FROM owed w JOIN match m ON m.id = w.match_id
               WHERE m.article_id = ?1 AND w.digest_id IS NOT NULL";
    connection.prepare_cached(sql)?.exists([article_id])
}

/// An article that was stored on its teaser joins the one it is.
fn merge(connection: &Connection, article_id: i64, twin: i64) -> Result<()> {
    connection
        .prepare_cached("UPDATE seen SET article_id = ?2 WHERE article_id = ?1")?
        .execute([article_id, twin])?;
    let sql =
        "UPDATE article SET story_id = (SELECT story_id FROM article WHERE id = ?2) WHERE story_id = ?1";
    connection.prepare_cached(sql)?.execute([article_id, twin])?;
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

/// Notes a try that brought no page; without `next_try_at` it was the last one.
pub fn missed(
    connection: &Connection,
    article_id: i64,
    why: &str,
    next_try_at: Option<DateTime<Utc>>,
) -> Result<()> {
    let sql =
        "UPDATE page_owed SET tries = tries + 1, last_error = ?2, next_try_at = ?3 WHERE article_id = ?1";
    let values = params![article_id, why, next_try_at.map(Time)];
    connection.prepare_cached(sql)?.execute(values).map(drop)
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
