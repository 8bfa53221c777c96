//! Terms to where they stand: candidates by a trie over folded text, verified
//! by the grammar of each language.
//!
//! Invariant: spans fall on character boundaries of the original; what a guess
//! of the language would exclude is kept at a lower certainty.

use super::Field;
use super::query::Kind;
use crate::extract::Article;
use std::ops::Range;

/// A term to look for.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    /// One word or several (a phrase, a person's name, a hyphenated place).
    pub text: String,
    pub kind: Kind,
    /// Whether the gazetteer's other names count.
    pub aliases: bool,
    /// Whether words derived from the name count.
    pub derived: bool,
}

/// One place a pattern was found at.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Index of the pattern.
    pub pattern: usize,
    pub field: Field,
    /// Bytes of the original field.
    pub span: Range<usize>,
    /// Word positions within the field, for NEAR.
    pub words: Range<usize>,
    /// Which rule fired, for people.
    pub rule: String,
    /// 0 to 1.
    pub certainty: f64,
}

/// All patterns of all watches, compiled.
#[derive(Debug, Clone, Default)]
pub struct Patterns {}

impl Patterns {
    /// # Errors
    /// Index of the pattern that cannot be used (a bad regex, an empty stem), and why.
    pub fn compile(_patterns: &[Pattern]) -> Result<Patterns, Vec<(usize, String)>> {
        Ok(Patterns {})
    }

    /// Every place of every pattern in one article, by field and position.
    pub fn scan(&self, _article: &Article) -> Vec<Found> {
        Vec::new()
    }

    /// Every form of pattern `index` that would be accepted, by language.
    pub fn expand(&self, _index: usize) -> Vec<(String, Vec<String>)> {
        Vec::new()
    }
}
