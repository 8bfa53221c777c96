//! What a poll brought: articles, their identities, texts and stories.
//!
//! Invariant: all of a poll is one transaction; an identity seen once never
//! comes back as new, though its article be gone. What is passed over says word
//! for word what was stored before.

use super::columns::Time;
use super::{Known, NewArticle, Recording, evidence, search, sources};
use crate::extract::Article;
use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Result, params};

/// Copies of a story are looked for among the articles of the last days.
const STORY_DAYS_MAX: i64 = 5;
/// Bits in which the fingerprints of near-duplicates may differ.
const NEAR_BITS_MAX: u32 = 3;
/// Articles that share 16 bits of a fingerprint by chance are looked at up to here.
const CANDIDATES_MAX: u32 = 1_000;

pub fn known(connection: &Connection, source: &str, identities: &[String]) -> Result<Vec<Option<Known>>> {
    let Some(source_id) = sources::id(connection, source)? else {
        return Ok(vec![None; identities.len()]);
    };
    let sql = "SELECT coalesce(a.id, 0), coalesce(a.title, ''), coalesce(a.text, '')
               FROM seen s LEFT JOIN article a ON a.id = s.article_id
               WHERE s.source_id = ?1 AND s.identity = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Known { article_id: row.get(0)?, title: row.get(1)?, text: row.get(2)? })
    };
    let found = |identity| statement.query_row(params![source_id, identity], read).optional();
    identities.iter().map(found).collect()
}

/// The searchable form of everything `recording` writes.
pub fn fold(recording: &Recording) -> Folded {
    let fold = |new: &NewArticle| search::Indexed::of(&new.article);
    Folded {
        articles: recording.articles.iter().map(fold).collect(),
        revisions: recording.revisions.iter().map(|(_, new)| fold(new)).collect(),
    }
}

/// Made by [`fold`], in the order of the recording.
pub struct Folded {
    articles: Vec<search::Indexed>,
    revisions: Vec<search::Indexed>,
}

/// Where and when a recording takes place.
struct Place {
    source_id: i64,
    now: DateTime<Utc>,
    /// Rows below are too old to tell the same story.
    recent_from: i64,
}

pub fn record(
    connection: &Connection,
    recording: &Recording,
    folded: &Folded,
    now: DateTime<Utc>,
) -> Result<Vec<i64>> {
    let source_id = sources::save(connection, &recording.state, now)?;
    let recent_from = search::first_row_since(connection, now - TimeDelta::days(STORY_DAYS_MAX))?;
    let place = Place { source_id, now, recent_from };
    let mut rows = Vec::new();
    for (new, folded) in recording.articles.iter().zip(&folded.articles) {
        rows.extend(add(connection, &place, new, folded)?);
    }
    for ((article_id, new), folded) in recording.revisions.iter().zip(&folded.revisions) {
        revise(connection, *article_id, new, folded, now)?;
    }
    sources::note_poll(connection, source_id, recording, rows.len(), now)?;
    Ok(rows)
}

/// Stores an article, unless it was seen before.
fn add(
    connection: &Connection,
    place: &Place,
    new: &NewArticle,
    folded: &search::Indexed,
) -> Result<Option<i64>> {
    let sql = "SELECT 1 FROM seen WHERE source_id = ?1 AND identity = ?2";
    let mut seen = connection.prepare_cached(sql)?;
    if seen.exists(params![place.source_id, new.article.identity])? {
        return Ok(None);
    }
    if let Some(twin) = twin(connection, place, new)? {
        note_seen(connection, place, &new.article.identity, twin)?;
        return Ok(None);
    }
    let story_id = story(connection, place, new.fingerprint)?;
    let article_id = insert(connection, place, new, story_id)?;
    note_seen(connection, place, &new.article.identity, article_id)?;
    note_bands(connection, article_id, new.fingerprint)?;
    search::index(connection, article_id, folded)?;
    evidence::save(connection, article_id, new, place.now)?;
    Ok(Some(article_id))
}

fn insert(connection: &Connection, place: &Place, new: &NewArticle, story_id: Option<i64>) -> Result<i64> {
    let sql = "INSERT INTO article (id, source_id, first_seen_at, published_at, title, link, language,
                                    authors, text, fingerprint, story_id)
               SELECT next, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, coalesce(?10, next)
               FROM (SELECT coalesce(max(id), 0) + 1 AS next FROM article)
               RETURNING id";
    let article = &new.article;
    connection.prepare_cached(sql)?.query_row(
        params![
            place.source_id,
            Time(place.now),
            article.published_at.map(Time),
            article.title,
            article.link,
            article.language,
            authors(article),
            article.text,
            new.fingerprint.cast_signed(),
            story_id,
        ],
        |row| row.get(0),
    )
}

fn authors(article: &Article) -> String {
    serde_json::to_string(&article.authors).unwrap_or_default()
}

fn note_seen(connection: &Connection, place: &Place, identity: &str, article_id: i64) -> Result<()> {
    let sql = "INSERT INTO seen (source_id, identity, article_id, first_seen_at) VALUES (?1, ?2, ?3, ?4)";
    let values = params![place.source_id, identity, article_id, Time(place.now)];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

/// A recent article of the same source with the same words under another
/// identity: the publisher changed its guid, or moved or retitled it. Anything
/// less than equal words is stored: notices made from one template differ little.
fn twin(connection: &Connection, place: &Place, new: &NewArticle) -> Result<Option<i64>> {
    let article = &new.article;
    let by_link = "SELECT id FROM article WHERE link = ?1 AND id >= ?2 AND source_id = ?3 AND text = ?4
                   AND (text <> '' OR title = ?5) LIMIT 1";
    let values = params![article.link, place.recent_from, place.source_id, article.text, article.title];
    let found = connection.prepare_cached(by_link)?.query_row(values, |row| row.get(0)).optional()?;
    if found.is_some() || article.text.is_empty() || new.fingerprint == 0 {
        return Ok(found);
    }
    let by_words = "SELECT a.id FROM story_band b JOIN article a ON a.id = b.article_id
                    WHERE b.band = ?1 AND b.article_id >= ?2 AND a.source_id = ?3 AND a.text = ?4
                    AND a.title = ?5 LIMIT 1";
    let values =
        params![bands(new.fingerprint)[0], place.recent_from, place.source_id, article.text, article.title];
    connection.prepare_cached(by_words)?.query_row(values, |row| row.get(0)).optional()
}

/// The story that `fingerprint` tells again. Only copies in other sources count:
/// what one source says twice with a difference is two pieces of news.
fn story(connection: &Connection, place: &Place, fingerprint: u64) -> Result<Option<i64>> {
    if fingerprint == 0 {
        return Ok(None);
    }
    let [first, second, third, fourth] = bands(fingerprint);
    let sql = "SELECT a.story_id, a.fingerprint FROM story_band b JOIN article a ON a.id = b.article_id
               WHERE b.band IN (?1, ?2, ?3, ?4) AND b.article_id >= ?5 AND a.source_id <> ?6
               ORDER BY a.id LIMIT ?7";
    let values = params![first, second, third, fourth, place.recent_from, place.source_id, CANDIDATES_MAX];
    let mut statement = connection.prepare_cached(sql)?;
    let candidates = statement.query_map(values, |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
    for candidate in candidates {
        let (story_id, other) = candidate?;
        let near = (other.cast_unsigned() ^ fingerprint).count_ones() <= NEAR_BITS_MAX;
        if near && !has_source(connection, story_id, place.source_id)? {
            return Ok(Some(story_id));
        }
    }
    Ok(None)
}

fn has_source(connection: &Connection, story_id: i64, source_id: i64) -> Result<bool> {
    let sql = "SELECT 1 FROM article WHERE story_id = ?1 AND source_id = ?2";
    connection.prepare_cached(sql)?.exists([story_id, source_id])
}

/// The four quarters of a fingerprint, each marked with its place. Of two that
/// differ in three bits at least one quarter is equal.
fn bands(fingerprint: u64) -> [i64; 4] {
    [0, 1, 2, 3].map(|place| {
        let bits = (fingerprint >> (16 * place)) & 0xFFFF;
        ((place << 16) | bits).cast_signed()
    })
}

fn note_bands(connection: &Connection, article_id: i64, fingerprint: u64) -> Result<()> {
    if fingerprint == 0 {
        return Ok(());
    }
    let mut statement =
        connection.prepare_cached("INSERT INTO story_band (band, article_id) VALUES (?1, ?2)")?;
    for band in bands(fingerprint) {
        statement.execute([band, article_id])?;
    }
    Ok(())
}

/// Keeps the old text as a revision and puts the new one in its place.
fn revise(
    connection: &Connection,
    article_id: i64,
    new: &NewArticle,
    folded: &search::Indexed,
    now: DateTime<Utc>,
) -> Result<()> {
    let article = &new.article;
    let sql = "INSERT INTO revision (article_id, replaced_at, title, text)
               SELECT id, ?2, title, text FROM article WHERE id = ?1 AND (title <> ?3 OR text <> ?4)";
    let values = params![article_id, Time(now), article.title, article.text];
    if connection.prepare_cached(sql)?.execute(values)? == 0 {
        // Told before, or gone since: there is nothing to keep.
        return Ok(());
    }
    let old: i64 = connection
        .prepare_cached("SELECT fingerprint FROM article WHERE id = ?1")?
        .query_row([article_id], |row| row.get(0))?;
    let sql = "UPDATE article SET revised_at = ?2, title = ?3, text = ?4, fingerprint = ?5, authors = ?6,
                      language = coalesce(?7, language), link = coalesce(?8, link),
                      published_at = coalesce(?9, published_at)
               WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![
        article_id,
        Time(now),
        article.title,
        article.text,
        new.fingerprint.cast_signed(),
        authors(article),
        article.language,
        article.link,
        article.published_at.map(Time),
    ])?;
    let mut drop_band =
        connection.prepare_cached("DELETE FROM story_band WHERE band = ?1 AND article_id = ?2")?;
    for band in bands(old.cast_unsigned()) {
        drop_band.execute([band, article_id])?;
    }
    note_bands(connection, article_id, new.fingerprint)?;
    search::reindex(connection, article_id, folded)?;
    evidence::save(connection, article_id, new, now)
}
