//! Terms to where they stand: candidates by a trie over folded text, verified
//! by the grammar of each language.
//!
//! Invariant: spans fall on character boundaries of the original; what a guess
//! of the language would exclude is kept at a lower certainty.

mod field;
mod index;
mod phrase;

use super::Field;
use super::fold::{Kind as Script, Skeleton};
use super::gazetteer;
use super::query::Kind;
use crate::extract::Article;
use field::Words;
use index::Index;
use phrase::Phrase;
use std::ops::Range;
use std::sync::OnceLock;

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
pub struct Patterns {
    terms: Vec<Term>,
    index: Index,
}

/// One way a pattern can be written: itself or an alias.
#[derive(Debug, Clone)]
struct Term {
    pattern: u32,
    text: Box<str>,
    /// Whether the text is another name of the pattern.
    alias: bool,
    given_names: bool,
    /// Compiled when a candidate first turns up: most terms never see one.
    phrase: OnceLock<Option<Box<Phrase>>>,
}

impl Patterns {
    /// # Errors
    /// Index of the pattern that cannot be used (a bad regex, an empty stem), and why.
    pub fn compile(patterns: &[Pattern]) -> Result<Patterns, Vec<(usize, String)>> {
        let mut compiled = Patterns::default();
        let mut pairs = Vec::new();
        let mut errors = Vec::new();
        let eager = patterns.len() <= EAGER_MAX;
        for (index, pattern) in patterns.iter().enumerate() {
            let aliases = if pattern.aliases { gazetteer::places(&pattern.text) } else { Vec::new() };
            for (text, alias) in std::iter::once((pattern.text.as_str(), false))
                .chain(aliases.into_iter().map(|name| (name, true)))
            {
                let Some(phrase) = Phrase::new(text, pattern.aliases) else {
                    errors.push((index, format!("`{}` has no letter or digit to look for", pattern.text)));
                    continue;
                };
                let number = compiled.terms.len() as u32;
                pairs.extend(
                    phrase.keys().into_iter().map(|skeleton| (index::key(skeleton.as_bytes()), number)),
                );
                let phrase = if eager { OnceLock::from(Some(Box::new(phrase))) } else { OnceLock::new() };
                compiled.terms.push(Term {
                    pattern: index as u32,
                    text: text.into(),
                    alias,
                    given_names: pattern.aliases,
                    phrase,
                });
            }
        }
        compiled.index = Index::new(pairs);
        if errors.is_empty() { Ok(compiled) } else { Err(errors) }
    }

    /// Every place of every pattern in one article, by field and position.
    pub fn scan(&self, article: &Article) -> Vec<Found> {
        let authors = article.authors.join(", ");
        let fields = [
            (Field::Title, article.title.as_str()),
            (Field::Text, article.text.as_str()),
            (Field::Author, authors.as_str()),
            (Field::Url, article.link.as_deref().unwrap_or_default()),
            (Field::Source, article.source.as_str()),
        ];
        let mut found = Vec::new();
        for (field, text) in fields {
            self.scan_field(field, text, &mut found);
        }
        found
    }

    fn scan_field(&self, field: Field, text: &str, found: &mut Vec<Found>) {
        let words = Words::new(text);
        let first = found.len();
        for at in 0..words.spans.len() {
            let skeleton = Skeleton::of(&words.letters(at));
            self.index.look_up(index::key(skeleton.as_str().as_bytes()), |term| {
                found.extend(self.verify(&self.terms[term as usize], field, &words, at));
            });
        }
        found[first..].sort_by(|one, other| {
            let place = |found: &Found| (found.span.start, found.pattern);
            place(one).cmp(&place(other)).then(other.certainty.total_cmp(&one.certainty))
        });
        found.dedup_by(|later, kept| {
            later.field == kept.field && later.pattern == kept.pattern && later.span.start < kept.span.end
        });
    }

    fn verify(&self, term: &Term, field: Field, words: &Words, at: usize) -> Option<Found> {
        let phrase =
            term.phrase.get_or_init(|| Phrase::new(&term.text, term.given_names).map(Box::new)).as_deref()?;
        let mut place = phrase.find(words, at)?;
        if term.alias {
            place.rule = format!("alias {}: {}", term.text, place.rule);
            place.certainty *= ALIAS;
        }
        let span = words.spans[place.words.start].start..words.spans[place.words.end - 1].end;
        let pattern = term.pattern as usize;
        Some(Found { pattern, field, span, words: place.words, rule: place.rule, certainty: place.certainty })
    }

    /// Every form of pattern `index` that would be accepted, by language.
    pub fn expand(&self, _index: usize) -> Vec<(String, Vec<String>)> {
        let _ = Script::Latin;
        Vec::new()
    }
}

/// Certainty of another name of a place.
const ALIAS: f64 = 0.9;
/// Most patterns that are compiled before they are needed.
const EAGER_MAX: usize = 2_000;
