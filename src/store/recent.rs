//! Fingerprints of the last days' articles, to recognise what is told again.
//!
//! Invariant: only a shortcut. Every answer is checked against the database, so
//! a fingerprint left over from a rolled-back write can cost a look, not a
//! wrong answer. Comparing one with 100,000 others takes less than a query.

use super::NewArticle;
use super::search::first_row_since;
use crate::story::{self, Fingerprint};
use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Result, params};
use std::collections::HashSet;

/// Copies of a story are looked for among the articles of the last days.
const STORY_DAYS_MAX: i64 = 5;
/// Fingerprints dropped at a time once they are too old.
const SURPLUS: usize = 10_000;

#[derive(Debug)]
struct Seen {
    article_id: i64,
    source_id: i64,
    fingerprint: u64,
}

/// Made from the database on first use.
#[derive(Debug, Default)]
pub struct Recent {
    seen: Vec<Seen>,
    /// Newest row that was loaded.
    loaded_to: i64,
    /// Rows below are too old to count.
    from: i64,
}

impl Recent {
    /// Loads what was stored since the last time, drops what has become too old.
    pub fn refresh(&mut self, connection: &Connection, now: DateTime<Utc>) -> Result<()> {
        self.from = first_row_since(connection, now - TimeDelta::days(STORY_DAYS_MAX))?;
        let old = self.seen.len() - self.current().len();
        if old >= SURPLUS {
            self.seen.drain(..old);
        }
        let sql = "SELECT id, source_id, fingerprint FROM article WHERE id > ?1 AND id >= ?2 ORDER BY id";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([self.loaded_to, self.from])?;
        while let Some(row) = rows.next()? {
            self.add(row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.cast_unsigned());
        }
        Ok(())
    }

    fn current(&self) -> &[Seen] {
        let old = self.seen.partition_point(|seen| seen.article_id < self.from);
        self.seen.get(old..).unwrap_or_default()
    }

    /// Forgets everything: a write was given up and its rows may go to others.
    pub fn clear(&mut self) {
        *self = Recent::default();
    }

    /// Takes an article in, or its newer fingerprint; by id, as [`Recent::current`] asks.
    pub fn add(&mut self, article_id: i64, source_id: i64, fingerprint: u64) {
        self.loaded_to = self.loaded_to.max(article_id);
        if fingerprint == 0 || article_id < self.from {
            return;
        }
        let seen = Seen { article_id, source_id, fingerprint };
        match self.seen.binary_search_by_key(&article_id, |seen| seen.article_id) {
            Ok(at) => self.seen[at] = seen,
            Err(at) => self.seen.insert(at, seen),
        }
    }

    /// A recent article of the same source with the same words under another
    /// identity: the publisher changed its guid, or moved or retitled it. Anything
    /// less than equal words is stored: notices made from one template differ little.
    /// An article of another title whose identity is still among those `listed` is
    /// another article: the two would take turns at every poll.
    pub fn twin(
        &self,
        connection: &Connection,
        source_id: i64,
        new: &NewArticle,
        listed: &HashSet<&str>,
    ) -> Result<Option<i64>> {
        let article = &new.article;
        // A stored text that was read from the page is no entry's, but its hash is.
        let by_link = "SELECT id, title FROM article WHERE link = ?1 AND source_id = ?2 AND id >= ?5
                       AND (entry_hash = ?6 OR (text = ?3 AND (text <> '' OR title = ?4)))";
        let entry_hash = new.entry_hash.cast_signed();
        let values = params![article.link, source_id, article.text, article.title, self.from, entry_hash];
        let mut statement = connection.prepare_cached(by_link)?;
        let mut found = statement.query(values)?;
        while let Some(row) = found.next()? {
            let (id, title): (i64, String) = (row.get(0)?, row.get(1)?);
            if title == article.title || !is_listed(connection, id, listed)? {
                return Ok(Some(id));
            }
        }
        if new.page.is_some() { Ok(None) } else { self.twin_by_words(connection, source_id, new, 0) }
    }

    /// A recent article of the same source, other than `itself`, with word for word
    /// the same title and text.
    pub fn twin_by_words(
        &self,
        connection: &Connection,
        source_id: i64,
        new: &NewArticle,
        itself: i64,
    ) -> Result<Option<i64>> {
        let article = &new.article;
        if article.text.is_empty() || new.fingerprint == 0 {
            return Ok(None);
        }
        let sql = "SELECT id FROM article WHERE id = ?1 AND source_id = ?2 AND text = ?3 AND title = ?4";
        let mut statement = connection.prepare_cached(sql)?;
        let same = |seen: &&Seen| seen.source_id == source_id && seen.fingerprint == new.fingerprint;
        for seen in self.current().iter().filter(same).filter(|seen| seen.article_id != itself) {
            if statement.exists(params![seen.article_id, source_id, article.text, article.title])? {
                return Ok(Some(seen.article_id));
            }
        }
        Ok(None)
    }

    /// The story that `fingerprint` tells again. Only copies in other sources count:
    /// what one source says twice with a difference is two pieces of news.
    pub fn story(&self, connection: &Connection, source_id: i64, fingerprint: u64) -> Result<Option<i64>> {
        if fingerprint == 0 {
            return Ok(None);
        }
        let sql = "SELECT a.story_id FROM article a WHERE a.id = ?1 AND a.source_id = ?2 AND a.fingerprint = ?3
                   AND NOT EXISTS (SELECT 1 FROM article b WHERE b.story_id = a.story_id AND b.source_id = ?4)";
        let mut statement = connection.prepare_cached(sql)?;
        let near = |seen: &&Seen| story::near(Fingerprint(seen.fingerprint), Fingerprint(fingerprint));
        for seen in self.current().iter().filter(near).filter(|seen| seen.source_id != source_id) {
            let values = params![seen.article_id, seen.source_id, seen.fingerprint.cast_signed(), source_id];
            let story_id = statement.query_row(values, |row| row.get(0)).optional()?;
            if story_id.is_some() {
                return Ok(story_id);
            }
        }
        Ok(None)
    }
}

/// Whether the source still lists the article under an identity it was seen by.
fn is_listed(connection: &Connection, article_id: i64, listed: &HashSet<&str>) -> Result<bool> {
    let mut statement = connection.prepare_cached("SELECT identity FROM seen WHERE article_id = ?1")?;
    let mut identities = statement.query([article_id])?;
    while let Some(row) = identities.next()? {
        if listed.contains(row.get_ref(0)?.as_str()?) {
            return Ok(true);
        }
    }
    Ok(false)
}
