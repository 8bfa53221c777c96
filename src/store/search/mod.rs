//! The history, searched over the folded form: one spelling for every script.
//!
//! Invariant: newest first by row, dates turned into ranges of rows, so the
//! cost follows what is shown and not what is stored. User text reaches SQL
//! only as a bound parameter made of folded words.

mod index;
mod query;
mod snippet;

pub use index::{Indexed, index, refresh, reindex};
pub use query::{Doubt, doubts};

use super::columns::{Time, at, number, surely};
use super::error::{StoreError, explain};
use chrono::{DateTime, Utc};
use query::Query;
use rusqlite::{Connection, OptionalExtension, Result, ToSql};
use std::ops::Range;
use std::path::Path;

/// What is searched for. Everything given must hold.
#[derive(Debug, Clone)]
pub struct Search {
    /// Words in any script, `"phrases"`, `OR`, `-without`, `begin*`, `=exactly`;
    /// empty: everything.
    pub query: String,
    /// First seen at or after.
    pub since: Option<DateTime<Utc>>,
    /// First seen before.
    pub until: Option<DateTime<Utc>>,
    /// Name of a source.
    pub source: Option<String>,
    /// Name of a watch that matched.
    pub watch: Option<String>,
    /// ISO 639-1 code.
    pub language: Option<String>,
    /// Only rows below this one: the last of the page before.
    pub before: Option<i64>,
    /// Results at most.
    pub limit: usize,
}

impl Default for Search {
    fn default() -> Search {
        Search {
            query: String::new(),
            since: None,
            until: None,
            source: None,
            watch: None,
            language: None,
            before: None,
            limit: 50,
        }
    }
}

/// One article found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub article_id: i64,
    pub first_seen_at: DateTime<Utc>,
    pub published_at: Option<DateTime<Utc>>,
    pub source: String,
    pub title: String,
    /// Bytes of `title` that were searched for.
    pub title_hits: Vec<Range<usize>>,
    pub link: Option<String>,
    pub language: Option<String>,
    /// Original words around the hits, on one line.
    pub snippet: String,
    /// Bytes of `snippet` that were searched for.
    pub hits: Vec<Range<usize>>,
    /// The watches it matched.
    pub watches: Vec<String>,
}

pub fn search(
    connection: &Connection,
    path: &Path,
    search: &Search,
) -> std::result::Result<Vec<Found>, StoreError> {
    let query = Query::parse(&search.query).map_err(StoreError::Query)?;
    run(connection, search, query.as_ref()).map_err(|error| explain(path, error))
}

/// The first row seen at `since` or later; where there is none, the next to be written.
pub fn first_row_since(connection: &Connection, since: DateTime<Utc>) -> Result<i64> {
    let sql = "SELECT coalesce(
                   (SELECT id FROM article WHERE first_seen_at >= ?1 ORDER BY first_seen_at, id LIMIT 1),
                   (SELECT max(id) + 1 FROM article),
                   1)";
    connection.prepare_cached(sql)?.query_row([Time(since)], |row| row.get(0))
}

fn last_row_before(connection: &Connection, until: DateTime<Utc>) -> Result<i64> {
    let sql = "SELECT id FROM article WHERE first_seen_at < ?1 ORDER BY first_seen_at DESC, id DESC LIMIT 1";
    let row = connection.prepare_cached(sql)?.query_row([Time(until)], |row| row.get(0)).optional()?;
    Ok(row.unwrap_or(0))
}

/// A statement's text and what is bound to it.
#[derive(Default)]
struct Statement {
    conditions: Vec<String>,
    values: Vec<Box<dyn ToSql>>,
}

impl Statement {
    fn with(&mut self, condition: &str, value: impl ToSql + 'static) {
        self.values.push(Box::new(value));
        self.conditions.push(condition.replace('?', &format!("?{}", self.values.len())));
    }
}

fn run(connection: &Connection, search: &Search, query: Option<&Query>) -> Result<Vec<Found>> {
    let mut statement = Statement::default();
    // CROSS JOIN keeps this order: the rarest first, newest first, until enough is found.
    let (tables, row) = match (query, &search.watch) {
        (Some(_), _) => ("article_search f CROSS JOIN article a ON a.id = f.rowid", "f.rowid"),
        (None, Some(_)) => ("match w CROSS JOIN article a ON a.id = w.article_id", "w.article_id"),
        (None, None) => ("article a", "a.id"),
    };
    if let Some(query) = query {
        statement.with("article_search MATCH ?", query.expression.clone());
    }
    if let Some(watch) = search.watch.clone() {
        let condition = match query {
            None => "w.watch = ? AND w.gone_at IS NULL",
            Some(_) => {
                "EXISTS (SELECT 1 FROM match w WHERE w.article_id = a.id AND w.watch = ? AND w.gone_at IS NULL)"
            }
        };
        statement.with(condition, watch);
    }
    narrow(connection, search, row, &mut statement)?;
    let conditions =
        if statement.conditions.is_empty() { "true".into() } else { statement.conditions.join(" AND ") };
    let sql = format!(
        "SELECT a.*, s.name AS source FROM {tables} CROSS JOIN source s ON s.id = a.source_id
         WHERE {conditions} ORDER BY {row} DESC LIMIT {}",
        number(search.limit)
    );
    let mut prepared = connection.prepare_cached(&sql)?;
    let values = rusqlite::params_from_iter(&statement.values);
    let found: Vec<Found> = prepared.query_map(values, |row| read(row, query))?.collect::<Result<_>>()?;
    found.into_iter().map(|found| add_watches(connection, found)).collect()
}

fn narrow(connection: &Connection, search: &Search, row: &str, statement: &mut Statement) -> Result<()> {
    if let Some(before) = search.before {
        statement.with(&format!("{row} < ?"), before);
    }
    if let Some(since) = search.since {
        statement.with(&format!("{row} >= ?"), first_row_since(connection, since)?);
        // Rows follow the clock but for the time a clock was set back.
        statement.with("a.first_seen_at >= ?", Time(since));
    }
    if let Some(until) = search.until {
        statement.with(&format!("{row} <= ?"), last_row_before(connection, until)?);
        statement.with("a.first_seen_at < ?", Time(until));
    }
    if let Some(source) = search.source.clone() {
        statement.with("a.source_id = (SELECT id FROM source WHERE name = ?)", source);
    }
    if let Some(language) = search.language.clone() {
        statement.with("a.language = ?", language);
    }
    Ok(())
}

fn read(row: &rusqlite::Row<'_>, query: Option<&Query>) -> Result<Found> {
    let (title, text): (String, String) = (row.get("title")?, row.get("text")?);
    let words = query.map_or(&[][..], |query| &query.words);
    let (snippet, hits) = snippet::snippet(&text, words);
    Ok(Found {
        article_id: row.get("id")?,
        first_seen_at: surely(row, "first_seen_at")?,
        published_at: at(row, "published_at")?,
        source: row.get("source")?,
        title_hits: snippet::hits(&title, words),
        title,
        link: row.get("link")?,
        language: row.get("language")?,
        snippet,
        hits,
        watches: Vec::new(),
    })
}

fn add_watches(connection: &Connection, mut found: Found) -> Result<Found> {
    let sql = "SELECT watch FROM match WHERE article_id = ?1 AND gone_at IS NULL ORDER BY score DESC, watch";
    let mut statement = connection.prepare_cached(sql)?;
    found.watches = statement.query_map([found.article_id], |row| row.get(0))?.collect::<Result<_>>()?;
    Ok(found)
}
