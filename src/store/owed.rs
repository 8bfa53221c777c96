//! What a plan still has to tell.
//!
//! Invariant: every owed row is handed out with exactly one item, so that a
//! digest that settles its items leaves nothing behind and tells nothing twice.

use super::columns::{Time, at, number, surely};
use super::edits;
use super::evidence::{self, Fields};
use crate::digest::{Copy, Item, PlanStory, Urgency};
use crate::story::{self, Telling};
use crate::watch::Field;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, Result, params};
use std::collections::HashMap;
use std::ops::Range;

/// An item, the owed rows it settles, and the story it tells.
struct Debt {
    item: Item,
    owed: Vec<i64>,
    story_id: i64,
}

pub fn owed(
    connection: &Connection,
    plan: &str,
    urgency: Option<Urgency>,
    untried: Option<Range<DateTime<Utc>>>,
) -> Result<Vec<(Item, Vec<i64>)>> {
    let mut told = told_together(connection, rows(connection, plan, urgency, untried)?)?;
    if edits::any(connection, plan)? {
        told.iter_mut().try_for_each(|(item, owed)| edits::fill(connection, plan, (item, owed), None))?;
    }
    Ok(told)
}

/// What a digest told, as items and the rows that it settled by telling them.
pub fn told_by(connection: &Connection, plan: &str, digest_id: i64) -> Result<Vec<(Item, Vec<i64>)>> {
    let sql = "SELECT m.article_id, w.id, m.id
               FROM owed w JOIN match m ON m.id = w.match_id
               WHERE w.digest_id = ?1 AND NOT w.is_copy
               ORDER BY m.article_id, m.score DESC, m.id";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([digest_id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let mut told = told_together(connection, rows.collect::<Result<_>>()?)?;
    for (item, owed) in &mut told {
        edits::fill(connection, plan, (item, owed), Some(digest_id))?;
    }
    Ok(told)
}

/// An article with the matches that `plan` was told of.
pub fn told_item(connection: &Connection, plan: &str, article_id: i64) -> Result<Item> {
    let sql = "SELECT m.id FROM match m JOIN owed w ON w.match_id = m.id
               WHERE m.article_id = ?2 AND w.plan = ?1 AND w.digest_id IS NOT NULL ORDER BY m.score DESC, m.id";
    let mut item = debt(connection, article_id)?.item;
    let mut statement = connection.prepare_cached(sql)?;
    let matches = statement.query_map(params![plan, article_id], |row| row.get(0))?;
    let fields = Fields { title: &item.title, text: &item.text };
    let read = |id: Result<i64>| evidence::item_match(connection, id?, &fields);
    item.watches = matches.map(read).collect::<Result<_>>()?;
    Ok(item)
}

/// What `wanted` watches found since the row `from`, told or not, as items.
pub fn found_since(
    connection: &Connection,
    from: i64,
    wanted: impl Fn(&str, f64) -> bool,
) -> Result<Vec<Item>> {
    let sql = "SELECT article_id, id, watch, score FROM match WHERE article_id >= ?1 AND gone_at IS NULL
               ORDER BY article_id, score DESC, id";
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query([from])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        if wanted(&row.get::<_, String>(2)?, row.get(3)?) {
            rows.push((row.get(0)?, 0, row.get(1)?));
        }
    }
    Ok(told_together(connection, rows)?.into_iter().map(|(item, _)| item).collect())
}

/// What `plan` owes and what it told already, at most so many stories, the newest first.
pub fn stories_of(connection: &Connection, plan: &str, most: usize) -> Result<Vec<PlanStory>> {
    let sql = "WITH newest AS (
                   SELECT DISTINCT article_id FROM (
                       SELECT m.article_id FROM owed w JOIN match m ON m.id = w.match_id
                       WHERE w.plan = ?1 AND m.gone_at IS NULL ORDER BY w.id DESC LIMIT ?2))
               SELECT m.article_id, w.id, m.id
               FROM newest n JOIN match m ON m.article_id = n.article_id AND m.gone_at IS NULL
               JOIN owed w ON w.match_id = m.id AND w.plan = ?1
               ORDER BY m.article_id, m.score DESC, m.id";
    let mut statement = connection.prepare_cached(sql)?;
    // A story may be owed for several watches and in several copies.
    let values = params![plan, number(most.saturating_mul(3))];
    let rows = statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let told = told_together(connection, rows.collect::<Result<_>>()?)?;
    let stories = told.into_iter().map(|(item, owed)| story_of(connection, item, &owed));
    let mut stories: Vec<PlanStory> = stories.collect::<Result<_>>()?;
    stories.sort_by_key(|story| std::cmp::Reverse((story.updated_at, story.item.article_id)));
    stories.truncate(most);
    Ok(stories)
}

fn story_of(connection: &Connection, item: Item, owed: &[i64]) -> Result<PlanStory> {
    let sql = "SELECT min(d.created_at) AS told_at,
                      max(max(w.owed_at), coalesce((SELECT revised_at FROM article WHERE id = ?2), '')) AS updated_at
               FROM owed w LEFT JOIN digest d ON d.id = w.digest_id
               WHERE w.id IN (SELECT value FROM json_each(?1))";
    let ids = serde_json::Value::from(owed).to_string();
    let read = |row: &rusqlite::Row<'_>| Ok((at(row, "told_at")?, surely(row, "updated_at")?));
    let values = params![ids, item.article_id];
    let (told_at, updated_at) = connection.prepare_cached(sql)?.query_row(values, read)?;
    Ok(PlanStory { item, told_at, updated_at })
}

/// Rows of article, owed row and match, by article, as items and the rows they settle.
fn told_together(connection: &Connection, rows: Vec<(i64, i64, i64)>) -> Result<Vec<(Item, Vec<i64>)>> {
    let mut debts: Vec<Debt> = Vec::new();
    for (article_id, owed_id, match_id) in rows {
        if debts.last().is_none_or(|debt| debt.item.article_id != article_id) {
            debts.push(debt(connection, article_id)?);
        }
        let Some(debt) = debts.last_mut() else { continue };
        let fields = Fields { title: &debt.item.title, text: &debt.item.text };
        let found = evidence::item_match(connection, match_id, &fields)?;
        debt.item.watches.push(found);
        debt.owed.push(owed_id);
    }
    let mut told = one_a_story(debts);
    told.sort_by(|a, b| best(&b.item).total_cmp(&best(&a.item)));
    Ok(told.into_iter().map(|debt| (debt.item, debt.owed)).collect())
}

fn best(item: &Item) -> f64 {
    item.watches.iter().map(|found| found.score).fold(0.0, f64::max)
}

/// Article, owed row and match of all that is untold, without an urgency of all
/// that waits for no history digest. An article with one match of the wanted
/// urgency comes with all its matches: it is told once.
fn rows(
    connection: &Connection,
    plan: &str,
    urgency: Option<Urgency>,
    untried: Option<Range<DateTime<Utc>>>,
) -> Result<Vec<(i64, i64, i64)>> {
    let sql = "SELECT m.article_id, w.id, m.id
               FROM owed w JOIN match m ON m.id = w.match_id
               WHERE w.plan = ?1 AND w.digest_id IS NULL AND m.article_id IN (
                   SELECT n.article_id FROM owed v JOIN match n ON n.id = v.match_id
                   WHERE v.plan = ?1 AND v.digest_id IS NULL
                   AND iif(?2 IS NULL, v.urgency <> 'history', v.urgency = ?2))
               AND (?3 IS NULL OR NOT EXISTS (
                   SELECT 1 FROM page_owed p
                   WHERE p.article_id = m.article_id AND p.last_error IS NULL
                   AND p.owed_at > ?3 AND p.owed_at <= ?4))
               ORDER BY m.article_id, m.score DESC, m.id";
    let mut statement = connection.prepare_cached(sql)?;
    let (from, to) =
        (untried.as_ref().map(|span| Time(span.start)), untried.as_ref().map(|span| Time(span.end)));
    let values = params![plan, urgency.map(evidence::urgency_word), from, to];
    statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
}

fn debt(connection: &Connection, article_id: i64) -> Result<Debt> {
    let sql = "SELECT a.*, s.name AS source FROM article a JOIN source s ON s.id = a.source_id
               WHERE a.id = ?1";
    let mut debt = connection.prepare_cached(sql)?.query_row([article_id], |row| {
        let item = Item {
            article_id,
            title: row.get("title")?,
            link: row.get("link")?,
            source: row.get("source")?,
            language: row.get("language")?,
            published_at: at(row, "published_at")?,
            first_seen_at: surely(row, "first_seen_at")?,
            text: row.get("text")?,
            watches: Vec::new(),
            also_in: Vec::new(),
            earlier: None,
            corrections: Vec::new(),
        };
        Ok(Debt { item, owed: Vec::new(), story_id: row.get("story_id")? })
    })?;
    debt.item.also_in = copies(connection, &debt)?;
    Ok(debt)
}

fn copies(connection: &Connection, debt: &Debt) -> Result<Vec<Copy>> {
    let sql = "SELECT s.name, a.link, a.title FROM article a JOIN source s ON s.id = a.source_id
               WHERE a.story_id = ?1 AND a.id <> ?2 ORDER BY a.id";
    let mut statement = connection.prepare_cached(sql)?;
    let told = telling(&debt.item);
    let copies = statement.query_map([debt.story_id, debt.item.article_id], |row| {
        let headline = Some(row.get::<_, String>(2)?).filter(|title| !story::repeats_headline(&told, title));
        Ok(Copy { source: row.get(0)?, link: row.get(1)?, headline })
    })?;
    copies.collect()
}

fn telling(item: &Item) -> Telling<'_> {
    Telling { title: &item.title, text: &item.text, published_at: item.published_at }
}

/// Folds a copy into the item of the same story, unless it matched a watch that
/// the other did not, or says something else where it matched.
fn one_a_story(debts: Vec<Debt>) -> Vec<Debt> {
    let mut told: Vec<Debt> = Vec::new();
    let mut by_story: HashMap<i64, Vec<usize>> = HashMap::new();
    let mut by_watches = debts;
    // Most watches first, so that a copy with fewer finds the one that says it all.
    by_watches.sort_by_key(|debt| (std::cmp::Reverse(debt.item.watches.len()), debt.item.article_id));
    for debt in by_watches {
        let says_it_all = |other: &&usize| {
            let other = &told[**other].item;
            let has = |watch: &str| other.watches.iter().any(|found| found.watch == watch);
            debt.item.watches.iter().all(|found| has(&found.watch))
                && story::repeats(&telling(other), &debt.item.text, spans(&debt.item))
        };
        let of_story = by_story.entry(debt.story_id).or_default();
        match of_story.iter().find(says_it_all).copied() {
            Some(other) => told[other].owed.extend(debt.owed),
            None => {
                of_story.push(told.len());
                told.push(debt);
            }
        }
    }
    told
}

/// Where in its text an item was matched.
fn spans(item: &Item) -> impl Iterator<Item = Range<usize>> {
    let hits = item.watches.iter().flat_map(|found| &found.hits);
    hits.filter(|hit| hit.field == Field::Text).map(|hit| hit.span.clone())
}
