//! Everything stored of one article.
//!
//! Invariant: reads only; what is shown is what was written, in its order.

use super::articles;
use super::columns::{at, surely};
use super::evidence::{self, Fields};
use super::pages::{self, PageMissing};
use crate::extract::Article;
use crate::watch::{Addend, Hit};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Result, Row};

/// An article with all that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    pub article_id: i64,
    pub article: Article,
    pub first_seen_at: DateTime<Utc>,
    /// When its text last changed.
    pub revised_at: Option<DateTime<Utc>>,
    /// Why its text is only the feed's, or not the page's newest.
    pub page_missing: Option<PageMissing>,
    /// Earlier texts, newest first.
    pub revisions: Vec<Revision>,
    /// Articles of other sources that tell the same story, oldest first.
    pub copies: Vec<Copy>,
    /// Best score first, those that no longer hold last.
    pub matches: Vec<ShownMatch>,
    pub told: Vec<Told>,
}

/// A text the article had until it was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    pub replaced_at: DateTime<Utc>,
    pub title: String,
    pub text: String,
}

/// The same story elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    pub article_id: i64,
    pub source: String,
    pub link: Option<String>,
    pub first_seen_at: DateTime<Utc>,
}

/// A watch that fired, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownMatch {
    pub watch: String,
    pub score: f64,
    pub found_at: DateTime<Utc>,
    /// Since when the watch no longer finds it; somebody was told before.
    pub gone_at: Option<DateTime<Utc>>,
    pub addends: Vec<Addend>,
    pub hits: Vec<Hit>,
}

/// Who is told of a watch in this article, and how far that has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub plan: String,
    pub watch: String,
    /// Absent until a digest has taken it, or where the digest had no recipients.
    pub recipient: Option<String>,
    pub subject: Option<String>,
    /// `owed`, `sent` or `refused`, as the mail is; `waiting` for a digest.
    pub state: String,
    /// When it was sent or refused, else when it became owed.
    pub at: DateTime<Utc>,
}

pub fn article_at(connection: &Connection, link: &str) -> Result<Option<i64>> {
    let sql = "SELECT id FROM article WHERE link = ?1 ORDER BY id DESC LIMIT 1";
    connection.prepare_cached(sql)?.query_row([link], |row| row.get(0)).optional()
}

pub fn show(connection: &Connection, article_id: i64) -> Result<Option<Shown>> {
    let sql = "SELECT a.*, s.name AS source,
                      (SELECT identity FROM seen WHERE article_id = a.id LIMIT 1) AS identity
               FROM article a JOIN source s ON s.id = a.source_id WHERE a.id = ?1";
    let found = connection.prepare_cached(sql)?.query_row([article_id], shown).optional()?;
    let Some(mut shown) = found else { return Ok(None) };
    shown.revisions = all(
        connection,
        "SELECT replaced_at, title, text FROM revision WHERE article_id = ?1 ORDER BY id DESC",
        article_id,
        |row| {
            let replaced_at = surely(row, "replaced_at")?;
            Ok(Revision { replaced_at, title: row.get("title")?, text: row.get("text")? })
        },
    )?;
    shown.page_missing = pages::missing(connection, article_id)?;
    shown.copies = copies(connection, article_id)?;
    shown.matches = matches(connection, article_id, &shown.article)?;
    shown.told = told(connection, article_id)?;
    Ok(Some(shown))
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    id: i64,
    read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map([id], read)?.collect()
}

fn shown(row: &Row<'_>) -> Result<Shown> {
    Ok(Shown {
        article_id: row.get("id")?,
        article: articles::article(row)?,
        first_seen_at: surely(row, "first_seen_at")?,
        revised_at: at(row, "revised_at")?,
        page_missing: None,
        revisions: Vec::new(),
        copies: Vec::new(),
        matches: Vec::new(),
        told: Vec::new(),
    })
}

fn copies(connection: &Connection, article_id: i64) -> Result<Vec<Copy>> {
    let sql = "SELECT c.id, s.name AS source, c.link, c.first_seen_at
               FROM article a JOIN article c ON c.story_id = a.story_id AND c.id <> a.id
               JOIN source s ON s.id = c.source_id
               WHERE a.id = ?1 ORDER BY c.id";
    all(connection, sql, article_id, |row| {
        Ok(Copy {
            article_id: row.get("id")?,
            source: row.get("source")?,
            link: row.get("link")?,
            first_seen_at: surely(row, "first_seen_at")?,
        })
    })
}

fn matches(connection: &Connection, article_id: i64, article: &Article) -> Result<Vec<ShownMatch>> {
    let fields = Fields { title: &article.title, text: &article.text };
    let sql = "SELECT id, watch, score, found_at, gone_at FROM match WHERE article_id = ?1
               ORDER BY gone_at IS NOT NULL, score DESC, watch";
    all(connection, sql, article_id, |row| {
        let match_id = row.get("id")?;
        Ok(ShownMatch {
            watch: row.get("watch")?,
            score: row.get("score")?,
            found_at: surely(row, "found_at")?,
            gone_at: at(row, "gone_at")?,
            addends: all(
                connection,
                "SELECT points, reason FROM addend WHERE match_id = ?1 ORDER BY id",
                match_id,
                |row| Ok(Addend { points: row.get("points")?, reason: row.get("reason")? }),
            )?,
            hits: evidence::hits(connection, match_id, &fields)?,
        })
    })
}

fn told(connection: &Connection, article_id: i64) -> Result<Vec<Told>> {
    let sql = "SELECT w.plan, m.watch, o.recipient, o.subject,
                      coalesce(o.state, iif(w.digest_id IS NULL, 'waiting', 'sent')) AS state,
                      coalesce(o.settled_at, o.created_at, w.owed_at) AS at
               FROM match m JOIN owed w ON w.match_id = m.id
               LEFT JOIN outbox o ON o.digest_id = w.digest_id
                   AND o.id NOT IN (SELECT outbox_id FROM replaced)
                   AND NOT EXISTS (SELECT 1 FROM part p WHERE p.outbox_id = o.id
                                   AND w.id NOT IN (SELECT value FROM json_each(p.owed)))
               WHERE m.article_id = ?1 ORDER BY w.id, o.id";
    all(connection, sql, article_id, |row| {
        Ok(Told {
            plan: row.get("plan")?,
            watch: row.get("watch")?,
            recipient: row.get("recipient")?,
            subject: row.get("subject")?,
            state: row.get("state")?,
            at: surely(row, "at")?,
        })
    })
}
