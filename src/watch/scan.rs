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
pub struct Patterns {
    patterns: Vec<(Pattern, Option<regex::Regex>)>,
}

impl Patterns {
    /// # Errors
    /// Index of the pattern that cannot be used (a bad regex, an empty stem), and why.
    pub fn compile(patterns: &[Pattern]) -> Result<Patterns, Vec<(usize, String)>> {
        let mut bad = Vec::new();
        let mut good = Vec::new();
        for (index, pattern) in patterns.iter().enumerate() {
            let regex = match pattern.kind {
                Kind::Regex => Some(pattern.text.clone()),
                Kind::Wildcard => {
                    let body = regex::escape(&pattern.text).replace("\\*", "\\w*").replace("\\?", "\\w");
                    Some(format!("(?i)\\b{body}\\b"))
                }
                _ => None,
            };
            match regex.map(|regex| regex::Regex::new(&regex)).transpose() {
                Ok(regex) => good.push((pattern.clone(), regex)),
                Err(_) => {
                    bad.push((index, format!("`/{}/` is not a pattern that can be used", pattern.text)))
                }
            }
        }
        if bad.is_empty() { Ok(Patterns { patterns: good }) } else { Err(bad) }
    }

    /// Every place of every pattern in one article, by field and position.
    pub fn scan(&self, article: &Article) -> Vec<Found> {
        let mut all = Vec::new();
        for (field, text) in [(Field::Title, &article.title), (Field::Text, &article.text)] {
            let words = words(text);
            for (index, (pattern, regex)) in self.patterns.iter().enumerate() {
                let found = |words: Range<usize>, span: Range<usize>| Found {
                    pattern: index,
                    field,
                    span,
                    words,
                    rule: format!("as written: {}", pattern.text),
                    certainty: 1.0,
                };
                if let Some(regex) = regex {
                    for hit in regex.find_iter(text) {
                        let from = words.iter().filter(|(span, _)| span.end <= hit.start()).count();
                        let to = words.iter().filter(|(span, _)| span.start < hit.end()).count();
                        all.push(found(from..to, hit.range()));
                    }
                    continue;
                }
                let wanted: Vec<String> =
                    self::words(&pattern.text).into_iter().map(|(_, word)| word).collect();
                for (at, window) in words.windows(wanted.len().max(1)).enumerate() {
                    if window.iter().map(|(_, word)| word).eq(&wanted) {
                        let span = window[0].0.start..window[window.len() - 1].0.end;
                        if pattern.kind != Kind::Exact || text[span.clone()] == pattern.text {
                            all.push(found(at..at + wanted.len(), span));
                        }
                    }
                }
            }
        }
        all
    }

    /// Every form of pattern `index` that would be accepted, by language.
    pub fn expand(&self, index: usize) -> Vec<(String, Vec<String>)> {
        vec![("en".into(), vec![self.patterns[index].0.text.clone()])]
    }
}

fn words(text: &str) -> Vec<(Range<usize>, String)> {
    let mut words: Vec<(Range<usize>, String)> = Vec::new();
    let mut at = 0;
    for piece in text.split(|c: char| !c.is_alphanumeric()) {
        if !piece.is_empty() {
            words.push((at..at + piece.len(), piece.to_lowercase()));
        }
        at += piece.len();
        at += text[at..].chars().next().map_or(0, char::len_utf8);
    }
    words
}
