//! The history matched anew: what the watches find now beside what is stored.
//!
//! Invariant: what changes for an article is one transaction, debts included. A
//! match that no longer holds keeps no evidence; where somebody was told of it the
//! row stays, so that the record stands and nobody is told again.

use super::columns::{Time, at, number};
use super::evidence::{self, Debt};
use super::history::Version;
use crate::digest::{Plan, Urgency};
use crate::watch::{Field, Match};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Result, params};
use std::collections::HashSet;

/// What the present watches find in a stored article.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub article_id: i64,
    /// The text they looked at.
    pub version: Version,
    pub matches: Vec<Match>,
}

/// The watches a verdict speaks for, and the plans that may be told.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Names; stored matches of other watches are left as they are.
    pub watches: HashSet<String>,
    pub plans: Vec<Plan>,
}

/// How an article's matches differ from those stored. Numbers are indexes into
/// [`Verdict::matches`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Difference {
    pub new: Vec<usize>,
    /// With the score before.
    pub changed: Vec<(usize, f64)>,
    /// Other evidence for the same score.
    pub reworded: Vec<usize>,
    pub same: usize,
    /// Watch and score of matches that no longer hold.
    pub gone: Vec<(String, f64)>,
    /// Plan and match it is to be told of.
    pub owed: Vec<(String, usize)>,
    /// Plan and match whose debt is withdrawn: not told yet, and below its score now.
    withdrawn: Vec<(String, usize)>,
}

impl Difference {
    /// Whether there is anything to write.
    pub fn is_empty(&self) -> bool {
        let Difference { new, changed, reworded, gone, .. } = self;
        new.is_empty() && changed.is_empty() && reworded.is_empty() && gone.is_empty()
    }
}

/// Scores that differ by less are one score added up in another order.
const SCORE_STEP: f64 = 1e-6;

struct Stored {
    id: i64,
    watch: String,
    score: f64,
    /// Whether it held when last looked at.
    holds: bool,
}

/// What [`apply`] would change.
pub fn compare(connection: &Connection, verdict: &Verdict, asked: &Asked) -> Result<Difference> {
    let stored = stored(connection, verdict.article_id)?;
    let mut difference = Difference::default();
    for (index, found) in verdict.matches.iter().enumerate() {
        let before = stored.iter().find(|stored| stored.watch == found.watch);
        let score = found.score.total();
        match before.filter(|before| before.holds) {
            None => difference.new.push(index),
            Some(before) if (before.score - score).abs() >= SCORE_STEP => {
                difference.changed.push((index, before.score));
            }
            Some(before) if has_other_hits(connection, before.id, found)? => difference.reworded.push(index),
            Some(_) => difference.same += 1,
        }
        debts(connection, asked, index, found, before, &mut difference)?;
    }
    let found: HashSet<&str> = verdict.matches.iter().map(|found| found.watch.as_str()).collect();
    let gone = stored.into_iter().filter(|stored| {
        stored.holds && asked.watches.contains(&stored.watch) && !found.contains(stored.watch.as_str())
    });
    difference.gone = gone.map(|stored| (stored.watch, stored.score)).collect();
    Ok(difference)
}

/// Writes what the verdict changes; `None` where the article is no longer as it
/// was looked at, or no longer there.
pub fn apply(
    connection: &Connection,
    verdict: &Verdict,
    asked: &Asked,
    now: DateTime<Utc>,
) -> Result<Option<Difference>> {
    if Version::of(connection, verdict.article_id)?.as_ref() != Some(&verdict.version) {
        return Ok(None);
    }
    let difference = compare(connection, verdict, asked)?;
    let written = difference.new.iter().chain(difference.changed.iter().map(|(index, _)| index));
    for index in written.chain(&difference.reworded) {
        let found = &verdict.matches[*index];
        let match_id = evidence::save_match(connection, verdict.article_id, found, now)?;
        let plans = |debts: &[(String, usize)]| -> Vec<String> {
            debts.iter().filter(|(_, of)| of == index).map(|(plan, _)| plan.clone()).collect()
        };
        for plan in plans(&difference.owed) {
            let debt = Debt { plan: &plan, match_id, urgency: Urgency::History, found, is_teaser: false };
            evidence::owe(connection, &debt, now)?;
        }
        for plan in plans(&difference.withdrawn) {
            let sql = "DELETE FROM owed WHERE match_id = ?1 AND plan = ?2 AND digest_id IS NULL";
            connection.prepare_cached(sql)?.execute(params![match_id, plan])?;
        }
    }
    for (watch, _) in &difference.gone {
        withdraw(connection, verdict.article_id, watch, now)?;
    }
    Ok(Some(difference))
}

fn stored(connection: &Connection, article_id: i64) -> Result<Vec<Stored>> {
    let sql = "SELECT id, watch, score, gone_at FROM match WHERE article_id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let read = statement.query_map([article_id], |row| {
        let holds = at(row, "gone_at")?.is_none();
        Ok(Stored { id: row.get("id")?, watch: row.get("watch")?, score: row.get("score")?, holds })
    })?;
    read.collect()
}

/// What the plans are to be told of one match, and what no longer. A plan that
/// wanted it as it was knows of it, or was not there then: that is no news.
fn debts(
    connection: &Connection,
    asked: &Asked,
    index: usize,
    found: &Match,
    before: Option<&Stored>,
    difference: &mut Difference,
) -> Result<()> {
    for plan in &asked.plans {
        let wants = plan.wants(found).is_some();
        let wanted = before
            .filter(|before| before.holds)
            .is_some_and(|before| plan.urgency(&before.watch, before.score).is_some());
        let known = before.map_or(Ok(false), |before| is_owed(connection, &plan.name, before.id))?;
        match (wants, wanted) {
            (true, false) if !known => difference.owed.push((plan.name.clone(), index)),
            (false, true) if known => difference.withdrawn.push((plan.name.clone(), index)),
            _ => {}
        }
    }
    Ok(())
}

fn is_owed(connection: &Connection, plan: &str, match_id: i64) -> Result<bool> {
    let sql = "SELECT 1 FROM owed WHERE plan = ?1 AND match_id = ?2";
    connection.prepare_cached(sql)?.exists(params![plan, match_id])
}

/// Whether the stored hits are others than those found now.
fn has_other_hits(connection: &Connection, match_id: i64, found: &Match) -> Result<bool> {
    let sql = "SELECT field, first_byte, end_byte, rule FROM hit WHERE match_id = ?1 ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([match_id])?;
    for hit in &found.hits {
        let Some(row) = rows.next()? else { return Ok(true) };
        let (field, start, end) = (row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?);
        let same = Field::named(&field) == Some(hit.field)
            && (start, end) == (number(hit.span.start), number(hit.span.end))
            && row.get::<_, String>(3)? == hit.rule;
        if !same {
            return Ok(true);
        }
    }
    Ok(rows.next()?.is_some())
}

/// Takes back a match that no longer holds.
fn withdraw(connection: &Connection, article_id: i64, watch: &str, now: DateTime<Utc>) -> Result<()> {
    let sql = "SELECT id, EXISTS (SELECT 1 FROM owed WHERE match_id = match.id AND digest_id IS NOT NULL)
               FROM match WHERE article_id = ?1 AND watch = ?2";
    let found = connection
        .prepare_cached(sql)?
        .query_row(params![article_id, watch], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((match_id, told)): Option<(i64, bool)> = found else { return Ok(()) };
    if !told {
        return connection.prepare_cached("DELETE FROM match WHERE id = ?1")?.execute([match_id]).map(drop);
    }
    let sql = "UPDATE match SET gone_at = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![match_id, Time(now)])?;
    for sql in [
        "DELETE FROM hit WHERE match_id = ?1",
        "DELETE FROM addend WHERE match_id = ?1",
        "DELETE FROM owed WHERE match_id = ?1 AND digest_id IS NULL",
    ] {
        connection.prepare_cached(sql)?.execute([match_id])?;
    }
    Ok(())
}
