//! What must not be missed, found in articles, with the reason.
//!
//! Invariant: a [`Score`] is made only from [`Hit`]s, every hit points at bytes
//! of the original text, and a language guess may lower a score but never hide
//! a match. No clock, no disk, no network.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod fold;
pub mod query;
pub mod scan;

use crate::extract::Article;
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
    /// `Temirov in the title, weight 3 x 2`.
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

/// All watches compiled into one matcher.
#[derive(Debug, Clone, Default)]
pub struct WatchList {}

impl WatchList {
    /// Compiles `watches`; the findings are warnings (too broad, can hardly fire, collides).
    ///
    /// # Errors
    /// Every query that does not parse or can never fire, with its place.
    pub fn compile(_watches: &[Watch]) -> Result<(WatchList, Vec<Finding>), Vec<Finding>> {
        Ok((WatchList::default(), Vec::new()))
    }

    /// The matches of each article, in order, best score first.
    pub fn scan(&self, articles: &[Article]) -> Vec<Vec<Match>> {
        articles.iter().map(|_| Vec::new()).collect()
    }

    /// Why `watch` did or did not fire on `article`: addends and near misses,
    /// one sentence a line.
    pub fn explain(&self, _watch: &str, _article: &Article) -> Vec<String> {
        Vec::new()
    }
}
