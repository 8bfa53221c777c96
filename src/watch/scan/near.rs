//! What comes near a pattern that is not in a story, and what it lacks.
//!
//! Invariant: the index and the grammar that decide what is found say what is near.

use super::field::Words;
use super::phrase::Lack;
use super::{Patterns, Term};
use crate::extract::Article;
use crate::watch::{Field, fold};
use std::ops::Range;

/// Words that come near a pattern that is not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    pub pattern: usize,
    pub field: Field,
    /// Bytes of the original field.
    pub span: Range<usize>,
    /// The name it comes near: the pattern's own or another.
    pub name: String,
    /// As the text has them.
    pub words: String,
    pub lack: Lack,
}

/// Near misses told apart in one story.
const NEAR_MAX: usize = 200;

impl Patterns {
    /// Words of a story that come near `missing`, which are not found there; for each
    /// those first that lack least, at most `max`. Only words with their endings can.
    pub fn near_misses(&self, missing: &[usize], article: &Article, max: usize) -> Vec<NearMiss> {
        let mut near = self.near(missing, article);
        // Stable: what is as near stays in the order of the text.
        near.sort_by_cached_key(|found| {
            let is_other = fold::fold(&found.words).text != fold::fold(&found.name).text;
            (found.lack.clone(), is_other)
        });
        let mut told: Vec<NearMiss> = Vec::new();
        for pattern in missing {
            let first = told.len();
            for found in near.iter().filter(|found| found.pattern == *pattern) {
                // Another name of the pattern has nothing to add at the same place.
                let is_free = !told[first..].iter().any(|known| known.overlaps(found));
                if is_free && told.len() < first + max {
                    told.push(found.clone());
                }
            }
        }
        told
    }

    /// All of them, each once, in the order of the text.
    fn near(&self, missing: &[usize], article: &Article) -> Vec<NearMiss> {
        let mut near: Vec<NearMiss> = Vec::new();
        for (field, story) in [(Field::Title, &article.title), (Field::Text, &article.text)] {
            let words = Words::new(story, article.language.as_deref());
            for at in 0..words.spans.len() {
                self.index.look_up(words.key(at), |term| {
                    let Some(term) = self.terms.get(term as usize) else { return };
                    let Some(found) = term.near_miss(field, &words, at, missing) else { return };
                    let is_same = |known: &NearMiss| {
                        (known.pattern, &known.name, &known.words)
                            == (found.pattern, &found.name, &found.words)
                    };
                    if near.len() < NEAR_MAX && !near.iter().any(is_same) {
                        near.push(found);
                    }
                });
            }
        }
        near
    }
}

impl NearMiss {
    fn overlaps(&self, other: &NearMiss) -> bool {
        self.field == other.field && self.span.start < other.span.end && other.span.start < self.span.end
    }
}

impl Term {
    /// What comes near the term at word `at`, where it is of one of `patterns`.
    fn near_miss(&self, field: Field, words: &Words, at: usize, patterns: &[usize]) -> Option<NearMiss> {
        let pattern = self.pattern as usize;
        let phrase = if patterns.contains(&pattern) { self.phrase()? } else { return None };
        let (place, lack) = phrase.lack(words, at)?;
        let span = words.bytes(&place);
        let (name, words) = (self.text.to_string(), words.text[span.clone()].to_owned());
        Some(NearMiss { pattern, field, span, name, words, lack })
    }
}
