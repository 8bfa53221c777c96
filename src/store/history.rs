//! The stored articles from the newest back, a page at a time.
//!
//! Invariant: reads only, and holds no more than a page: the history may be
//! greater than memory. Each page is one snapshot, so what is stored meanwhile
//! is not part of the walk.

use super::articles;
use super::columns::{Time, at, surely};
use super::search::first_row_since;
use crate::extract::Article;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

/// Articles of a page.
pub const PAGE_ROWS: u32 = 200;

/// A stored article as it reads now.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    pub article_id: i64,
    pub first_seen_at: DateTime<Utc>,
    pub version: Version,
    /// Without its identity, which only its source needs.
    pub article: Article,
}

/// Which text of an article was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    revised_at: Option<DateTime<Utc>>,
    entry_hash: i64,
}

impl Version {
    /// The present one; none where the article is gone.
    pub fn of(connection: &Connection, article_id: i64) -> Result<Option<Version>> {
        let sql = "SELECT revised_at, entry_hash FROM article WHERE id = ?1";
        connection.prepare_cached(sql)?.query_row([article_id], Version::read).optional()
    }

    fn read(row: &Row<'_>) -> Result<Version> {
        Ok(Version { revised_at: at(row, "revised_at")?, entry_hash: row.get("entry_hash")? })
    }
}

/// The newest [`PAGE_ROWS`] articles below the row `before`, newest first.
pub fn page(connection: &Connection, since: Option<DateTime<Utc>>, before: i64) -> Result<Vec<Past>> {
    let first = since.map_or(Ok(i64::MIN), |since| first_row_since(connection, since))?;
    // Rows follow the clock but for the time a clock was set back.
    let sql = "SELECT a.*, s.name AS source FROM article a JOIN source s ON s.id = a.source_id
               WHERE a.id >= ?1 AND a.id < ?2 AND (?3 IS NULL OR a.first_seen_at >= ?3)
               ORDER BY a.id DESC LIMIT ?4";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map(params![first, before, since.map(Time), PAGE_ROWS], past)?.collect()
}

/// One article as it reads now.
pub fn one(connection: &Connection, article_id: i64) -> Result<Option<Past>> {
    let sql =
        "SELECT a.*, s.name AS source FROM article a JOIN source s ON s.id = a.source_id WHERE a.id = ?1";
    connection.prepare_cached(sql)?.query_row([article_id], past).optional()
}

fn past(row: &Row<'_>) -> Result<Past> {
    Ok(Past {
        article_id: row.get("id")?,
        first_seen_at: surely(row, "first_seen_at")?,
        version: Version::read(row)?,
        article: articles::article(row)?,
    })
}
