//! Matches with their hits and addends, and who is owed them.
//!
//! Invariant: a hit that is read back stands in the text beside it; one that a
//! revision of the text moved away is left out, its match is not.

use super::NewArticle;
use super::columns::{Time, number};
use super::edits;
use super::plans;
use crate::crash::{self, Point};
use crate::digest::{ItemMatch, Urgency};
use crate::story::{self, Telling};
use crate::watch::{Field, Hit, Match};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, Result, params};
use std::ops::Range;

/// Writes the matches of an article and what is owed of them, and of its newest
/// edit. A match that is there takes the new evidence; what was told of it stays told.
pub fn save(connection: &Connection, article_id: i64, new: &NewArticle, now: DateTime<Utc>) -> Result<()> {
    let mut match_ids = Vec::new();
    for found in &new.matches {
        match_ids.push(save_match(connection, article_id, found, now)?);
    }
    crash::point(Point::MatchesWritten);
    for (plan, index, urgency) in &new.owed {
        if let (Some(&match_id), Some(found)) = (match_ids.get(*index), new.matches.get(*index)) {
            let is_teaser = new.page.is_some();
            let debt = Debt { plan, match_id, urgency: *urgency, found, is_teaser };
            owe(connection, &debt, now)?;
        }
    }
    edits::owe(connection, article_id, now)?;
    crash::point(Point::OwedWritten);
    Ok(())
}

/// Writes a match with its evidence. Returns its row.
pub fn save_match(
    connection: &Connection,
    article_id: i64,
    found: &Match,
    now: DateTime<Utc>,
) -> Result<i64> {
    let sql = "INSERT INTO match (article_id, watch, score, found_at) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (article_id, watch) DO UPDATE SET score = excluded.score, gone_at = NULL
               RETURNING id";
    let values = params![article_id, found.watch, found.score.total(), Time(now)];
    let match_id: i64 = connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))?;
    connection.prepare_cached("DELETE FROM hit WHERE match_id = ?1")?.execute([match_id])?;
    connection.prepare_cached("DELETE FROM addend WHERE match_id = ?1")?.execute([match_id])?;
    let sql = "INSERT INTO hit (match_id, field, first_byte, end_byte, text, rule, certainty)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut hits = connection.prepare_cached(sql)?;
    for hit in &found.hits {
        let (start, end) = (number(hit.span.start), number(hit.span.end));
        hits.execute(params![match_id, word(hit.field), start, end, hit.text, hit.rule, hit.certainty])?;
    }
    let sql = "INSERT INTO addend (match_id, points, reason) VALUES (?1, ?2, ?3)";
    let mut addends = connection.prepare_cached(sql)?;
    for addend in found.score.addends() {
        addends.execute(params![match_id, addend.points, addend.reason])?;
    }
    Ok(match_id)
}

/// Where a copy that says as much was told to this plan for this watch, the debt
/// is written as settled by that digest. A teaser says too little to know.
pub fn owe(connection: &Connection, debt: &Debt<'_>, now: DateTime<Utc>) -> Result<()> {
    let plan = plans::present(connection, debt.plan)?;
    let debt = &Debt { plan: &plan, ..*debt };
    let told = if debt.is_teaser { None } else { told_before(connection, debt)? };
    let sql = "INSERT INTO owed (plan, match_id, urgency, owed_at, digest_id, is_copy)
               VALUES (?1, ?2, ?3, ?4, ?5, ?5 IS NOT NULL)
               ON CONFLICT (plan, match_id) DO UPDATE SET digest_id = excluded.digest_id,
                   is_copy = excluded.is_copy,
                   urgency = iif(excluded.urgency = 'at once', 'at once', urgency)
               WHERE digest_id IS NULL";
    let values = params![debt.plan, debt.match_id, urgency_word(debt.urgency), Time(now), told];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

/// A match some plan is to be told of.
pub struct Debt<'a> {
    pub plan: &'a str,
    pub match_id: i64,
    pub urgency: Urgency,
    pub found: &'a Match,
    /// Its article has more to say than was read yet.
    pub is_teaser: bool,
}

/// The digest that told `debt.plan` of a copy with the same words about the same watch.
fn told_before(connection: &Connection, debt: &Debt<'_>) -> Result<Option<i64>> {
    let sql = "SELECT told.digest_id, copy.title, copy.text, mine.title, mine.text
               FROM match this
               JOIN article mine ON mine.id = this.article_id
               JOIN article copy ON copy.story_id = mine.story_id AND copy.id <> mine.id
               JOIN match other ON other.article_id = copy.id AND other.watch = this.watch
               JOIN owed told ON told.match_id = other.id AND told.plan = ?1
               WHERE this.id = ?2 AND told.digest_id IS NOT NULL";
    let mut statement = connection.prepare_cached(sql)?;
    let mut copies = statement.query(params![debt.plan, debt.match_id])?;
    while let Some(copy) = copies.next()? {
        let (title, text): (String, String) = (copy.get(1)?, copy.get(2)?);
        let (my_title, my_text): (String, String) = (copy.get(3)?, copy.get(4)?);
        let told = Telling { title: &title, text: &text, published_at: None };
        let hits = debt.found.hits.iter().filter(|hit| hit.field == Field::Text).map(|hit| hit.span.clone());
        if story::repeats_headline(&told, &my_title) && story::repeats(&told, &my_text, hits) {
            return copy.get(0).map(Some);
        }
    }
    Ok(None)
}

/// Takes away what an article was matched by on its teaser and is not on its whole
/// text, unless it was told.
pub fn drop_unborne(connection: &Connection, article_id: i64, new: &NewArticle) -> Result<()> {
    let sql = "SELECT id, watch FROM match m WHERE article_id = ?1 AND NOT EXISTS (
                   SELECT 1 FROM owed w WHERE w.match_id = m.id AND w.digest_id IS NOT NULL)";
    let mut statement = connection.prepare_cached(sql)?;
    let untold = statement.query_map([article_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let untold: Vec<(i64, String)> = untold.collect::<Result<_>>()?;
    let unborne = untold.iter().filter(|(_, watch)| new.matches.iter().all(|found| found.watch != *watch));
    let mut delete = connection.prepare_cached("DELETE FROM match WHERE id = ?1")?;
    unborne.map(|(id, _)| id).try_for_each(|id| delete.execute([id]).map(drop))
}

/// The parts of an article that hits point into.
pub struct Fields<'a> {
    pub title: &'a str,
    pub text: &'a str,
}

/// One match as the mail tells it.
pub fn item_match(connection: &Connection, match_id: i64, fields: &Fields<'_>) -> Result<ItemMatch> {
    let sql = "SELECT watch, score FROM match WHERE id = ?1";
    let (watch, score) =
        connection.prepare_cached(sql)?.query_row([match_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let hits = hits(connection, match_id, fields)?;
    let had_any = || connection.prepare_cached("SELECT 1 FROM hit WHERE match_id = ?1")?.exists([match_id]);
    let is_lost = hits.is_empty() && had_any()?;
    Ok(ItemMatch { watch, score, hits, is_lost })
}

/// The hits of a match that still stand in the article.
pub fn hits(connection: &Connection, match_id: i64, fields: &Fields<'_>) -> Result<Vec<Hit>> {
    let sql = "SELECT field, first_byte, end_byte, text, rule, certainty FROM hit
               WHERE match_id = ?1 ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let hits = statement.query_map([match_id], |row| {
        Ok(Hit {
            field: field(&row.get::<_, String>(0)?),
            span: offset(row, 1)?..offset(row, 2)?,
            text: row.get(3)?,
            rule: row.get(4)?,
            certainty: row.get(5)?,
        })
    })?;
    let standing = |hit: &Result<Hit>| hit.as_ref().map_or(true, |hit| stands(hit, fields));
    hits.filter(standing).collect()
}

/// An offset no text reaches fits none, so its hit is left out.
fn offset(row: &rusqlite::Row<'_>, column: usize) -> Result<usize> {
    Ok(usize::try_from(row.get::<_, i64>(column)?).unwrap_or(usize::MAX))
}

fn stands(hit: &Hit, fields: &Fields<'_>) -> bool {
    let words = |text: &str, span: Range<usize>| text.get(span) == Some(hit.text.as_str());
    match hit.field {
        Field::Title => words(fields.title, hit.span.clone()),
        Field::Text => words(fields.text, hit.span.clone()),
        Field::Author | Field::Url | Field::Source => true,
    }
}

/// How an urgency is written in the file.
pub fn urgency_word(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::AtOnce => "at once",
        Urgency::Digest => "digest",
        Urgency::History => "history",
    }
}

fn word(field: Field) -> &'static str {
    match field {
        Field::Title => "title",
        Field::Text => "text",
        Field::Author => "author",
        Field::Url => "url",
        Field::Source => "source",
    }
}

fn field(word: &str) -> Field {
    match word {
        "title" => Field::Title,
        "author" => Field::Author,
        "url" => Field::Url,
        "source" => Field::Source,
        _ => Field::Text,
    }
}
