//! Terms to where they stand: candidates by a trie over folded text, verified
//! by the grammar of each language.
//!
//! Invariant: spans fall on character boundaries of the original; what a guess
//! of the language would exclude is kept at a lower certainty.

mod field;
mod filter;
mod glob;
mod index;
mod key;
mod letters;
mod near;
mod person;
mod phrase;
#[cfg(test)]
mod tests;

use super::Field;
use super::fold::{self, Skeleton};
use super::gazetteer;
use super::query::Kind;
use crate::extract::Article;
use field::Words;
use glob::Globs;
use index::Index;
use key::Key;
pub use near::NearMiss;
pub use phrase::Lack;
use phrase::{Phrase, Place};
use regex::{Regex, RegexBuilder};
use std::collections::{BTreeMap, BTreeSet, HashMap};
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
    /// Terms that can begin at any word (`*stan`).
    anywhere: Vec<u32>,
    /// Terms that words do not bound.
    expressions: Vec<(u32, Regex)>,
}

/// One way a pattern can be written: itself or an alias.
#[derive(Debug, Clone)]
struct Term {
    pattern: u32,
    text: Box<str>,
    matcher: Matcher,
}

#[derive(Debug, Clone)]
enum Matcher {
    /// Compiled when a candidate first turns up: most terms never see one.
    Inflected {
        use_of: Use,
        phrase: OnceLock<Option<Box<Phrase>>>,
    },
    /// As written, `lead` bytes before its first word.
    Exact {
        lead: usize,
    },
    Wildcard(Box<Globs>),
}

/// How a term stands to its pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// Another name of the pattern.
    pub alias: bool,
    /// Its given names are looked for in their other spellings too.
    pub given_names: bool,
    /// Words derived from it count.
    pub derived: bool,
}

/// Certainty of another name of a place.
const ALIAS: f64 = 0.9;
/// Certainty from which on other names of the same pattern are not tried, and
/// how many places back to look for it.
const SURE: f64 = 0.9;
const RECENT: usize = 4;
/// Most patterns that are compiled before they are needed.
const EAGER_MAX: usize = 500;
/// Most bytes of memory that one regular expression may compile to.
const EXPRESSION_BYTES_MAX: usize = 1 << 20;
/// Most places one regular expression is told for in one field.
const EXPRESSION_HITS_MAX: usize = 1_000;

impl Patterns {
    /// # Errors
    /// Index of the pattern that cannot be used (a bad regex, an empty stem), and why.
    pub fn compile(patterns: &[Pattern]) -> Result<Patterns, Vec<(usize, String)>> {
        let mut compiled = Patterns::default();
        let mut pairs = Vec::new();
        let mut errors = Vec::new();
        for (index, pattern) in patterns.iter().enumerate() {
            let eager = patterns.len() <= EAGER_MAX;
            if let Err(error) = compiled.add(index as u32, pattern, eager, &mut pairs) {
                errors.push((index, error));
            }
        }
        compiled.terms.shrink_to_fit();
        compiled.index = Index::new(pairs);
        if errors.is_empty() { Ok(compiled) } else { Err(errors) }
    }

    fn add(
        &mut self,
        index: u32,
        pattern: &Pattern,
        eager: bool,
        pairs: &mut Vec<(Key, u32)>,
    ) -> Result<(), String> {
        let text = pattern.text.as_str();
        let nothing = || format!("`{text}` has no letter or digit to look for");
        match pattern.kind {
            Kind::Inflected => {
                let own = Use { alias: false, given_names: pattern.aliases, derived: pattern.derived };
                self.add_inflected(index, text, own, eager, pairs).ok_or_else(nothing)?;
                let aliases = if pattern.aliases { gazetteer::places(text) } else { Vec::new() };
                for name in aliases {
                    let _ = self.add_inflected(index, name, Use { alias: true, ..own }, eager, pairs);
                }
            }
            Kind::Exact => {
                let first = *fold::words(text).first().ok_or_else(nothing)?;
                let skeleton = Skeleton::of(&fold::letters(text, first.range()));
                pairs.push((Key::of(skeleton.as_bytes()), self.terms.len() as u32));
                self.push(index, text, Matcher::Exact { lead: first.start });
            }
            Kind::Wildcard => {
                let globs = Globs::new(text).ok_or_else(nothing)?;
                match globs.key() {
                    "" => self.anywhere.push(self.terms.len() as u32),
                    key => pairs.push((Key::of(key.as_bytes()), self.terms.len() as u32)),
                }
                self.push(index, text, Matcher::Wildcard(Box::new(globs)));
            }
            Kind::Regex => {
                let expression = RegexBuilder::new(text).size_limit(EXPRESSION_BYTES_MAX).build();
                let expression =
                    expression.map_err(|error| format!("`/{text}/` is not a regular expression: {error}"))?;
                self.expressions.push((index, expression));
            }
        }
        Ok(())
    }

    fn add_inflected(
        &mut self,
        index: u32,
        text: &str,
        use_of: Use,
        eager: bool,
        pairs: &mut Vec<(Key, u32)>,
    ) -> Option<()> {
        let phrase = if eager { Some(Phrase::new(text, use_of)?) } else { None };
        let keys =
            phrase.as_ref().map_or_else(|| Phrase::keys_of(text, use_of), |phrase| Some(phrase.keys()))?;
        pairs.extend(keys.into_iter().map(|key| (key, self.terms.len() as u32)));
        let phrase = phrase.map_or_else(OnceLock::new, |phrase| OnceLock::from(Some(Box::new(phrase))));
        self.push(index, text, Matcher::Inflected { use_of, phrase });
        Some(())
    }

    fn push(&mut self, pattern: u32, text: &str, matcher: Matcher) {
        self.terms.push(Term { pattern, text: text.into(), matcher });
    }

    /// Every place of every pattern in one article, by field and position.
    ///
    /// [`Field::Author`] is the authors joined by `, `.
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
        for (field, text) in fields.into_iter().filter(|(_, text)| !text.is_empty()) {
            self.scan_field(field, Words::new(text, article.language.as_deref()), &mut found);
        }
        found
    }

    fn scan_field(&self, field: Field, words: Words, found: &mut Vec<Found>) {
        let first = found.len();
        for at in self.candidates(&words) {
            let mut verify = |term: u32| self.verify(term, field, &words, at, found, first);
            let key = words.key(at);
            if self.index.filter.admits(key.beginning()) {
                self.index.look_up(key, &mut verify);
            }
            self.anywhere.iter().for_each(|term| verify(*term));
        }
        for (pattern, expression) in &self.expressions {
            found.extend(expressed(*pattern as usize, expression, field, &words));
        }
        if found.len() > first + 1 {
            tidy(&mut found[first..]);
            let kept = deduplicated(found.split_off(first));
            found.extend(kept);
        }
    }

    /// Adds the place of one term at word `at`; those from `first` on are of
    /// the same field.
    fn verify(
        &self,
        term: u32,
        field: Field,
        words: &Words,
        at: usize,
        found: &mut Vec<Found>,
        first: usize,
    ) {
        let Some(term) = self.terms.get(term as usize) else { return };
        let sure = |found: &Found| {
            found.pattern == term.pattern as usize && found.words.contains(&at) && found.certainty > SURE
        };
        // Another name of what is surely there has nothing to add.
        if !found[first..].iter().rev().take(RECENT).any(sure) {
            found.extend(term.verify(field, words, at));
        }
    }

    /// Words that a term may begin at.
    fn candidates(&self, words: &Words) -> Vec<usize> {
        if self.anywhere.is_empty() {
            self.index.filter.candidates(words.text, &words.spans)
        } else {
            (0..words.spans.len()).collect()
        }
    }

    /// Every form of pattern `index` that would be accepted, by language.
    pub fn expand(&self, index: usize) -> Vec<(String, Vec<String>)> {
        let mut forms = BTreeMap::<String, BTreeSet<String>>::new();
        for term in self.terms.iter().filter(|term| term.pattern as usize == index) {
            let Matcher::Inflected { use_of, .. } = &term.matcher else {
                forms.entry("as written".into()).or_default().insert(term.text.clone().into());
                continue;
            };
            let Some(phrase) = Phrase::new(&term.text, *use_of) else { continue };
            for (language, form) in phrase.expand(&term.text) {
                forms.entry(language).or_default().insert(form);
            }
        }
        forms.into_iter().map(|(language, forms)| (language, forms.into_iter().collect())).collect()
    }
}

impl Term {
    /// None where its words have no endings.
    fn phrase(&self) -> Option<&Phrase> {
        let Matcher::Inflected { use_of, phrase } = &self.matcher else { return None };
        phrase.get_or_init(|| Phrase::new(&self.text, *use_of).map(Box::new)).as_deref()
    }

    /// The term with its anchor at word `at`.
    fn verify(&self, field: Field, words: &Words, at: usize) -> Option<Found> {
        let place = match &self.matcher {
            Matcher::Inflected { use_of, .. } => {
                let mut place = self.phrase()?.find(words, at)?;
                if use_of.alias {
                    place.rule = format!("alias {}: {}", self.text, place.rule);
                    place.certainty *= ALIAS;
                }
                place
            }
            Matcher::Exact { lead } => self.exact(*lead, words, at)?,
            Matcher::Wildcard(globs) => {
                let words = globs.find(words, at)?;
                Place { words, rule: format!("wildcard {}", self.text), certainty: 1.0 }
            }
        };
        let span = words.bytes(&place.words);
        let pattern = self.pattern as usize;
        Some(Found { pattern, field, span, words: place.words, rule: place.rule, certainty: place.certainty })
    }

    /// The text as written, from a word's beginning to a word's end.
    fn exact(&self, lead: usize, words: &Words, at: usize) -> Option<Place> {
        let start = words.spans.get(at)?.start.checked_sub(lead)?;
        let end = start.checked_add(self.text.len())?;
        if words.text.get(start..end)? != &*self.text {
            return None;
        }
        let inside = words.spans[at..].iter().take_while(|span| span.start < end);
        let last = at + inside.count();
        (words.spans.get(last - 1)?.end <= end).then(|| Place {
            words: at..last,
            rule: "exactly as written".into(),
            certainty: 1.0,
        })
    }
}

/// Where an expression fits, with the words it touches.
fn expressed(pattern: usize, expression: &Regex, field: Field, words: &Words) -> Vec<Found> {
    let places = expression.find_iter(words.text).filter(|place| !place.is_empty()).take(EXPRESSION_HITS_MAX);
    let found = places.map(|place| {
        let first = words.spans.partition_point(|span| span.end <= place.start());
        let last = words.spans.partition_point(|span| span.start < place.end());
        let rule = format!("expression /{}/", expression.as_str());
        Found { pattern, field, span: place.range(), words: first..last.max(first), rule, certainty: 1.0 }
    });
    found.collect()
}

/// By position, then pattern, the surest first.
fn tidy(found: &mut [Found]) {
    found.sort_by(|one, other| {
        let place = |found: &Found| (found.span.start, found.pattern);
        place(one).cmp(&place(other)).then(other.certainty.total_cmp(&one.certainty))
    });
}

/// Of the places of one pattern that overlap the first, and so the surest, stays.
fn deduplicated(found: Vec<Found>) -> Vec<Found> {
    let mut ends: HashMap<usize, usize> = HashMap::new();
    let mut kept = Vec::with_capacity(found.len());
    for place in found {
        let end = ends.entry(place.pattern).or_default();
        if place.span.start >= *end {
            *end = place.span.end;
            kept.push(place);
        }
    }
    kept
}
