//! Edits of what was told: owed to every plan that the article is owed to, until a
//! digest tells what changed, or tells the new text as a whole.
//!
//! Invariant: a revision is written with what is owed for it, in one transaction,
//! and is told to a plan once.

use super::columns::{Time, surely};
use super::owed;
use crate::digest::{Earlier, Item};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Result, params};

/// Notes that the newest revision of an article is owed to the plans that the
/// article itself is owed to, or that were shown it. A debt that was settled when
/// it was written is that of a copy, which nobody was shown.
pub fn owe(connection: &Connection, article_id: i64, now: DateTime<Utc>) -> Result<()> {
    let sql = "INSERT INTO correction (plan, revision_id, owed_at)
               SELECT DISTINCT w.plan, newest.id, ?2
               FROM (SELECT id FROM revision WHERE article_id = ?1 ORDER BY id DESC LIMIT 1) newest
               JOIN match m ON m.article_id = ?1
               JOIN owed w ON w.match_id = m.id
               WHERE NOT w.is_copy
               ON CONFLICT (plan, revision_id) DO NOTHING";
    connection.prepare_cached(sql)?.execute(params![article_id, Time(now)]).map(drop)
}

pub fn settle(connection: &Connection, digest_id: i64, corrections: &[i64]) -> Result<()> {
    let sql = "UPDATE correction SET digest_id = ?1 WHERE id = ?2 AND digest_id IS NULL";
    let mut statement = connection.prepare_cached(sql)?;
    corrections.iter().try_for_each(|id| statement.execute([digest_id, *id]).map(drop))
}

/// Whether the plan is owed any edit.
pub fn any(connection: &Connection, plan: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM correction WHERE plan = ?1 AND digest_id IS NULL";
    connection.prepare_cached(sql)?.exists([plan])
}

/// Adds to an item that is about to be told as a whole the edits this settles, of
/// every article whose owed rows it takes; and how it read where it was told before.
/// Where a digest has told it already, what that settled.
pub fn fill(
    connection: &Connection,
    plan: &str,
    (item, owed): (&mut Item, &[i64]),
    digest_id: Option<i64>,
) -> Result<()> {
    let sql = "SELECT DISTINCT c.id
               FROM json_each(?2) given
               JOIN owed w ON w.id = given.value
               JOIN match m ON m.id = w.match_id
               JOIN revision r ON r.article_id = m.article_id
               JOIN correction c ON c.revision_id = r.id AND c.plan = ?1 AND c.digest_id IS ?3
               ORDER BY c.id";
    let rows = serde_json::Value::from(owed).to_string();
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map(params![plan, rows, digest_id], |row| row.get(0))?;
    item.corrections = found.collect::<Result<_>>()?;
    item.earlier = earlier(connection, plan, item.article_id, digest_id)?;
    Ok(())
}

/// What `plan` was told of and has changed since, the longest owed first: one of
/// each story, that of its first article.
pub fn corrections(connection: &Connection, plan: &str) -> Result<Vec<Item>> {
    let sql = "SELECT a.story_id, a.id, c.id
               FROM correction c
               JOIN revision r ON r.id = c.revision_id
               JOIN article a ON a.id = r.article_id
               WHERE c.plan = ?1 AND c.digest_id IS NULL AND NOT EXISTS (
                   SELECT 1 FROM match m JOIN owed w ON w.match_id = m.id
                   WHERE m.article_id = a.id AND w.plan = ?1 AND w.digest_id IS NULL)
               ORDER BY a.story_id, a.id, c.id";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([plan], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let rows: Vec<(i64, i64, i64)> = rows.collect::<Result<_>>()?;
    one_a_story(connection, plan, &rows, None)
}

/// The same of those that a digest has told.
pub fn told_by(connection: &Connection, plan: &str, digest_id: i64) -> Result<Vec<Item>> {
    let sql = "SELECT a.story_id, a.id, c.id
               FROM correction c
               JOIN revision r ON r.id = c.revision_id
               JOIN article a ON a.id = r.article_id
               WHERE c.digest_id = ?1 AND NOT EXISTS (
                   SELECT 1 FROM match m JOIN owed w ON w.match_id = m.id
                   WHERE m.article_id = a.id AND w.digest_id = ?1)
               ORDER BY a.story_id, a.id, c.id";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([digest_id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    one_a_story(connection, plan, &rows.collect::<Result<Vec<_>>>()?, Some(digest_id))
}

/// Rows of story, article and correction as items.
fn one_a_story(
    connection: &Connection,
    plan: &str,
    rows: &[(i64, i64, i64)],
    digest_id: Option<i64>,
) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for story in rows.chunk_by(|(a, ..), (b, ..)| a == b) {
        let article_id = story[0].1;
        let earlier = earlier(connection, plan, article_id, digest_id)?;
        if earlier.is_none() {
            continue;
        }
        let corrections = story.iter().map(|(.., correction_id)| *correction_id).collect();
        items.push(Item { earlier, corrections, ..owed::told_item(connection, plan, article_id)? });
    }
    items.sort_by_key(|item| item.corrections.first().copied());
    Ok(items)
}

/// When the plan was first shown the article, before this digest where one is given.
fn told_at(
    connection: &Connection,
    plan: &str,
    article_id: i64,
    digest_id: Option<i64>,
) -> Result<Option<DateTime<Utc>>> {
    let sql = "SELECT d.created_at
               FROM match m JOIN owed w ON w.match_id = m.id JOIN digest d ON d.id = w.digest_id
               WHERE m.article_id = ?2 AND w.plan = ?1 AND NOT w.is_copy AND (?3 IS NULL OR d.id < ?3)
               ORDER BY d.id LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row(params![plan, article_id, digest_id], |row| surely(row, "created_at")).optional()
}

/// How it read when the plan was told of it: the text that the first edit still owed,
/// or told by this digest, took the place of.
fn earlier(
    connection: &Connection,
    plan: &str,
    article_id: i64,
    digest_id: Option<i64>,
) -> Result<Option<Earlier>> {
    let Some(told_at) = told_at(connection, plan, article_id, digest_id)? else { return Ok(None) };
    let sql = "SELECT r.title, r.text,
                      (SELECT max(replaced_at) FROM revision WHERE article_id = ?2) AS changed_at
               FROM revision r JOIN correction c ON c.revision_id = r.id
               WHERE c.plan = ?1 AND c.digest_id IS ?3 AND r.article_id = ?2 ORDER BY r.id LIMIT 1";
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Earlier {
            told_at,
            changed_at: surely(row, "changed_at")?,
            title: row.get("title")?,
            text: row.get("text")?,
        })
    };
    connection.prepare_cached(sql)?.query_row(params![plan, article_id, digest_id], read).optional()
}
