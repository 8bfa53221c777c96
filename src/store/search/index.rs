//! The full-text index: the folded words of each article under its row.
//!
//! Invariant: made by one version of the fold; another version makes it anew.

use crate::extract::Article;
use crate::watch::fold;
use rusqlite::{Connection, OptionalExtension, Result, TransactionBehavior, params};

/// An article's words as they are indexed.
pub struct Indexed {
    title: String,
    text: String,
}

impl Indexed {
    pub fn of(article: &Article) -> Indexed {
        Indexed::from_parts(&article.title, &article.text, &article.authors)
    }

    fn from_parts(title: &str, text: &str, authors: &[String]) -> Indexed {
        let mut folded = fold::fold(text).text;
        for author in authors {
            folded.push(' ');
            folded.push_str(&fold::fold(author).text);
        }
        Indexed { title: fold::fold(title).text, text: folded }
    }
}

pub fn index(connection: &Connection, article_id: i64, indexed: &Indexed) -> Result<()> {
    let sql = "INSERT INTO article_search (rowid, title, text) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(sql)?.execute(params![article_id, indexed.title, indexed.text]).map(drop)
}

pub fn reindex(connection: &Connection, article_id: i64, indexed: &Indexed) -> Result<()> {
    connection.prepare_cached("DELETE FROM article_search WHERE rowid = ?1")?.execute([article_id])?;
    index(connection, article_id, indexed)
}

/// Makes the index anew where another fold made it. Returns the number of
/// articles it then holds, or `None` where all was well.
pub fn refresh(connection: &mut Connection) -> Result<Option<usize>> {
    let found: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE name = 'fold_version'", [], |row| row.get(0))
        .optional()?;
    let version = fold::VERSION.to_string();
    if found.as_ref() == Some(&version) {
        return Ok(None);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let articles = rebuild(&transaction)?;
    let sql = "INSERT INTO meta VALUES ('fold_version', ?1)
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    transaction.execute(sql, [version])?;
    transaction.commit()?;
    Ok(found.map(|_| articles))
}

fn rebuild(connection: &Connection) -> Result<usize> {
    connection.execute("INSERT INTO article_search (article_search) VALUES ('delete-all')", [])?;
    let mut statement = connection.prepare("SELECT id, title, text, authors FROM article ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut articles = 0;
    while let Some(row) = rows.next()? {
        let (title, text, authors): (String, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let authors: Vec<String> = serde_json::from_str(&authors).unwrap_or_default();
        index(connection, row.get(0)?, &Indexed::from_parts(&title, &text, &authors))?;
        articles += 1;
    }
    Ok(articles)
}
