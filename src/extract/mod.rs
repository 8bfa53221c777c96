//! An entry, and its page where that is needed, to an article: title, text,
//! date, authors, canonical link, language.
//!
//! Invariant: other people's HTML ends here; what leaves is plain text. No
//! network, no clock.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use crate::feed::Entry;
use chrono::{DateTime, Utc};

/// An entry with its identity fixed, its text extracted, its language known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Article {
    /// Stable key within its source: guid, else canonical link, else a hash of
    /// title and date.
    pub identity: String,
    /// Name of the source.
    pub source: String,
    /// Address of the story's page without tracking parameters.
    pub link: Option<String>,
    /// Plain text.
    pub title: String,
    /// Plain text, one paragraph a line.
    pub text: String,
    /// Names.
    pub authors: Vec<String>,
    /// ISO 639-1 code, where known.
    pub language: Option<String>,
    /// Publication as the source states it.
    pub published_at: Option<DateTime<Utc>>,
}

/// Makes an article of an entry of `source` from the feed alone.
///
/// `feed_language` is the feed's own word for its language.
pub fn article(_source: &str, _entry: &Entry, _feed_language: Option<&str>) -> Article {
    Article::default()
}

/// Visible text of an HTML fragment: entities decoded, scripts and styles
/// gone, one block element a line.
pub fn text_of(_html: &str) -> String {
    String::new()
}
