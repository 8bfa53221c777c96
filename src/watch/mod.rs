//! What must not be missed, found in articles, with the reason.
//!
//! Invariant: a [`Score`] is made only from [`Hit`]s, every hit points at bytes
//! of the original text, and a language guess may lower a score but never hide
//! a match. No clock, no disk, no network.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod evaluate;
mod explain;
pub mod fold;
pub mod forms;
pub mod gazetteer;
mod list;
pub mod query;
pub mod scan;
pub mod score;
#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests read their tables")]
mod tests;

pub use list::{Look, Missed, WatchList};

use crate::extract::Article;
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// What must not be missed: a name, a query, a weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    /// What the user calls it.
    pub name: String,
    /// The query as the user wrote it.
    pub query: String,
    /// Multiplies every hit's points; 1 when unset.
    pub weight: f64,
    /// Whether the gazetteer's other names count (`aliases = false` turns it off).
    pub aliases: bool,
    /// Whether words derived from a name count (бадахшанский).
    pub derived: bool,
}

/// The part of an article a hit was found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    Title,
    Text,
    Author,
    Url,
    Source,
}

impl Field {
    /// Every field, in the order of a story.
    pub const ALL: [Field; 5] = [Field::Title, Field::Text, Field::Author, Field::Url, Field::Source];

    /// The one word for it in JSON, SQL and mail.
    pub fn name(self) -> &'static str {
        match self {
            Field::Title => "title",
            Field::Text => "text",
            Field::Author => "author",
            Field::Url => "url",
            Field::Source => "source",
        }
    }

    /// The field called `name`.
    pub fn named(name: &str) -> Option<Field> {
        Field::ALL.into_iter().find(|field| field.name() == name)
    }

    /// What the field holds; spans of hits are bytes of this. Authors stand one
    /// after the other with `, ` between.
    pub fn of(self, article: &Article) -> Cow<'_, str> {
        match self {
            Field::Title => Cow::Borrowed(&article.title),
            Field::Text => Cow::Borrowed(&article.text),
            Field::Author => match article.authors.as_slice() {
                [one] => Cow::Borrowed(one),
                several => Cow::Owned(several.join(", ")),
            },
            Field::Url => Cow::Borrowed(article.link.as_deref().unwrap_or_default()),
            Field::Source => Cow::Borrowed(&article.source),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Evidence: where a watch's term stands, and which rule says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub field: Field,
    /// Bytes of the original field, on character boundaries.
    pub span: Range<usize>,
    /// The words as they stand there.
    pub text: String,
    /// Which rule fired: `stem temirov + ым (ru, masculine instrumental), Cyrillic for Latin`.
    pub rule: String,
    /// 0 to 1: how sure the rule is; an ambiguous form stays a hit below 1.
    pub certainty: f64,
}

/// A number that explains itself: made only from hits.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Score {
    addends: Vec<Addend>,
}

/// One line of a score's explanation.
#[derive(Debug, Clone, PartialEq)]
pub struct Addend {
    pub points: f64,
    /// `Темировым in the title: 2.0 (weight 1, title x 2)`.
    pub reason: String,
}

impl Score {
    /// Sum of the addends.
    pub fn total(&self) -> f64 {
        self.addends.iter().map(|addend| addend.points).sum()
    }

    /// What the total is made of, greatest first.
    pub fn addends(&self) -> &[Addend] {
        &self.addends
    }
}

/// One watch found in one article.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The watch's name.
    pub watch: String,
    pub score: Score,
    pub hits: Vec<Hit>,
}

/// Something about a watch that the user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The watch's name.
    pub watch: String,
    /// Bytes of the query it is about.
    pub span: Range<usize>,
    pub message: String,
}
