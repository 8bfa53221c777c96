//! What a poll brought: articles, their identities, texts and stories.
//!
//! Invariant: all of a poll is one transaction; an identity seen once never
//! comes back as new, though its article be gone. What is passed over says word
//! for word what was stored before.

use super::columns::{Time, at};
use super::recent::Recent;
use super::{Known, NewArticle, PageWanted, Recording, Touched, evidence, pages, search, sources};
use crate::extract::Article;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use std::collections::HashSet;

pub fn known(connection: &Connection, source: &str, identities: &[String]) -> Result<Vec<Option<Known>>> {
    let Some(source_id) = sources::id(connection, source)? else {
        return Ok(vec![None; identities.len()]);
    };
    let sql = "SELECT coalesce(a.id, 0) AS id, coalesce(a.title, '') AS title, coalesce(a.text, '') AS text,
                      a.link, a.published_at, coalesce(s.entry_hash, a.entry_hash, 0) AS entry_hash,
                      iif(p.article_id IS NULL, a.text, p.whole) AS whole
               FROM seen s LEFT JOIN article a ON a.id = s.article_id
               LEFT JOIN page_owed p ON p.article_id = a.id
               WHERE s.source_id = ?1 AND s.identity = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let read = |row: &Row<'_>| {
        Ok(Known {
            article_id: row.get("id")?,
            title: row.get("title")?,
            text: row.get("text")?,
            link: row.get("link")?,
            published_at: at(row, "published_at")?,
            entry_hash: row.get::<_, i64>("entry_hash")?.cast_unsigned(),
            whole: row.get("whole")?,
        })
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
struct Place<'a> {
    source_id: i64,
    now: DateTime<Utc>,
    /// Identities of all entries of the document.
    listed: HashSet<&'a str>,
}

pub fn record(
    connection: &Connection,
    recording: &Recording,
    folded: &Folded,
    recent: &mut Recent,
    now: DateTime<Utc>,
) -> Result<Vec<i64>> {
    let source_id = sources::save(connection, &recording.state, now)?;
    if !recording.articles.is_empty() {
        recent.refresh(connection, now)?;
    }
    let place = Place { source_id, now, listed: recording.listed.iter().map(String::as_str).collect() };
    let mut rows = Vec::new();
    for (new, folded) in recording.articles.iter().zip(&folded.articles) {
        rows.extend(add(connection, &place, recent, new, folded)?);
    }
    for ((article_id, new), folded) in recording.revisions.iter().zip(&folded.revisions) {
        replace(connection, *article_id, new, folded, Keep::Revision, now)?;
        let (identity, entry_hash, page) = (new.article.identity.clone(), new.entry_hash, new.page.clone());
        touch(connection, &place, &Touched { article_id: *article_id, identity, entry_hash, page })?;
    }
    for touched in &recording.touched {
        touch(connection, &place, touched)?;
    }
    sources::note_poll(connection, source_id, recording, rows.len(), now)?;
    Ok(rows)
}

/// Stores an article, unless it was seen before.
fn add(
    connection: &Connection,
    place: &Place<'_>,
    recent: &mut Recent,
    new: &NewArticle,
    folded: &search::Indexed,
) -> Result<Option<i64>> {
    let sql = "SELECT 1 FROM seen WHERE source_id = ?1 AND identity = ?2";
    let mut seen = connection.prepare_cached(sql)?;
    if seen.exists(params![place.source_id, new.article.identity])? {
        return Ok(None);
    }
    if let Some(twin) = recent.twin(connection, place.source_id, new, &place.listed)? {
        note_seen(connection, place, new, twin)?;
        if !is_of_entry(connection, twin, new.entry_hash)? {
            replace(connection, twin, new, folded, Keep::Revision, place.now)?;
            owe_page(connection, place, twin, new.page.as_ref())?;
        }
        return Ok(None);
    }
    let story_id = recent.story(connection, place.source_id, new.fingerprint)?;
    let article_id = insert(connection, place, new, story_id)?;
    note_seen(connection, place, new, article_id)?;
    recent.add(article_id, place.source_id, new.fingerprint);
    search::index(connection, article_id, folded)?;
    evidence::save(connection, article_id, new, place.now)?;
    owe_page(connection, place, article_id, new.page.as_ref())?;
    Ok(Some(article_id))
}

fn insert(
    connection: &Connection,
    place: &Place<'_>,
    new: &NewArticle,
    story_id: Option<i64>,
) -> Result<i64> {
    let sql = "INSERT INTO article (id, source_id, first_seen_at, published_at, title, link, language,
                                    authors, text, fingerprint, entry_hash, story_id)
               SELECT next, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, coalesce(?11, next)
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
            new.entry_hash.cast_signed(),
            story_id,
        ],
        |row| row.get(0),
    )
}

fn authors(article: &Article) -> String {
    serde_json::to_string(&article.authors).unwrap_or_default()
}

fn note_seen(connection: &Connection, place: &Place<'_>, new: &NewArticle, article_id: i64) -> Result<()> {
    let sql = "INSERT INTO seen (source_id, identity, article_id, first_seen_at, entry_hash)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let entry_hash = new.entry_hash.cast_signed();
    let values = params![place.source_id, new.article.identity, article_id, Time(place.now), entry_hash];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

/// Whether the article was last made of an entry with this hash.
fn is_of_entry(connection: &Connection, article_id: i64, entry_hash: u64) -> Result<bool> {
    let sql = "SELECT 1 FROM article WHERE id = ?1 AND entry_hash = ?2";
    connection.prepare_cached(sql)?.exists([article_id, entry_hash.cast_signed()])
}

/// Notes which form of the entry was last looked at, and whether its page is to be
/// read again.
fn touch(connection: &Connection, place: &Place<'_>, touched: &Touched) -> Result<()> {
    let Touched { article_id, identity, entry_hash, page } = touched;
    let entry_hash = entry_hash.cast_signed();
    let sql = "UPDATE article SET entry_hash = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute([*article_id, entry_hash])?;
    let sql = "UPDATE seen SET entry_hash = ?3 WHERE source_id = ?1 AND identity = ?2";
    connection.prepare_cached(sql)?.execute(params![place.source_id, identity, entry_hash])?;
    owe_page(connection, place, *article_id, page.as_ref())
}

fn owe_page(
    connection: &Connection,
    place: &Place<'_>,
    article_id: i64,
    page: Option<&PageWanted>,
) -> Result<()> {
    // It may be gone since it was looked up.
    let sql = "SELECT 1 FROM article WHERE id = ?1";
    match page {
        Some(wanted) if connection.prepare_cached(sql)?.exists([article_id])? => {
            pages::owe(connection, article_id, place.source_id, wanted, place.now)
        }
        _ => Ok(()),
    }
}

/// What becomes of a text that another takes the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It was the article's text, and is kept as it was.
    Revision,
    /// It was the beginning of this one.
    Nothing,
}

/// Puts a new text in the old one's place, with its matches.
pub fn replace(
    connection: &Connection,
    article_id: i64,
    new: &NewArticle,
    folded: &search::Indexed,
    keep: Keep,
    now: DateTime<Utc>,
) -> Result<()> {
    let article = &new.article;
    let revised = match keep {
        Keep::Nothing => None,
        Keep::Revision => {
            let sql = "INSERT INTO revision (article_id, replaced_at, title, text)
                       SELECT id, ?2, title, text FROM article WHERE id = ?1 AND (title <> ?3 OR text <> ?4)";
            let values = params![article_id, Time(now), article.title, article.text];
            if connection.prepare_cached(sql)?.execute(values)? == 0 {
                // Told before, or gone since: there is nothing to keep.
                return Ok(());
            }
            Some(Time(now))
        }
    };
    let sql = "UPDATE article SET revised_at = coalesce(?2, revised_at), title = ?3, text = ?4,
                      fingerprint = ?5, authors = ?6, language = coalesce(?7, language),
                      link = coalesce(?8, link), published_at = coalesce(?9, published_at)
               WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![
        article_id,
        revised,
        article.title,
        article.text,
        new.fingerprint.cast_signed(),
        authors(article),
        article.language,
        article.link,
        article.published_at.map(Time),
    ])?;
    search::reindex(connection, article_id, folded)?;
    evidence::save(connection, article_id, new, now)?;
    if keep == Keep::Nothing { evidence::drop_unborne(connection, article_id, new) } else { Ok(()) }
}

/// The article of a row of `article` that has the name of its `source` beside it, and
/// its `identity` where that is asked for.
pub fn article(row: &Row<'_>) -> Result<Article> {
    let authors: String = row.get("authors")?;
    Ok(Article {
        identity: row.get::<_, Option<String>>("identity").ok().flatten().unwrap_or_default(),
        source: row.get("source")?,
        link: row.get("link")?,
        title: row.get("title")?,
        text: row.get("text")?,
        authors: serde_json::from_str(&authors).unwrap_or_default(),
        language: row.get("language")?,
        published_at: at(row, "published_at")?,
    })
}
