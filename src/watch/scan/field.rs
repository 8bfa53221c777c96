//! One field of an article as the matcher sees it: its words, and how far its
//! capitals can be trusted.

use crate::watch::fold::{self, Letter, Span};
use crate::watch::forms::language::language;
use crate::watch::forms::word::Capital;
use std::cell::OnceCell;
use std::ops::Range;

/// A text cut into words.
#[derive(Debug)]
pub struct Words<'t> {
    pub text: &'t str,
    pub spans: Vec<Span>,
    casing: Casing,
    /// What the source says of the text's language.
    said: Option<&'t str>,
    /// Found out when the first candidate asks.
    language: OnceCell<Option<&'static str>>,
}

/// How a text uses capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Casing {
    /// Names can be told by their capital.
    Mixed,
    /// No capital anywhere: the source writes without them.
    Lower,
}

/// Certainty of a name in a source that writes without capitals.
const UNCAPITALISED: f64 = 0.7;
/// Certainty of an abbreviation written like a name (Nato).
const ABBREVIATION: f64 = 0.85;

impl<'t> Words<'t> {
    pub fn new(text: &'t str, said: Option<&'t str>) -> Words<'t> {
        let mut words = Words {
            text,
            spans: Vec::with_capacity(text.len() / 8),
            casing: Casing::Lower,
            said,
            language: OnceCell::new(),
        };
        for span in fold::words(text) {
            if span.upper {
                words.casing = Casing::Mixed;
            }
            words.spans.push(span);
        }
        words
    }

    /// The text's language, where it is known.
    pub fn language(&self) -> Option<&'static str> {
        *self.language.get_or_init(|| language(self.text, self.said))
    }

    /// Bytes from the first to the last of `words`.
    pub fn bytes(&self, words: &Range<usize>) -> Range<usize> {
        let start = self.spans.get(words.start).map_or(0, |span| span.start);
        let end =
            words.end.checked_sub(1).and_then(|last| self.spans.get(last)).map_or(start, |span| span.end);
        start..end
    }

    /// Letters of word `index`.
    pub fn letters(&self, index: usize) -> Vec<Letter> {
        self.spans.get(index).map_or_else(Vec::new, |span| fold::letters(self.text, span.range()))
    }

    /// What stands between word `index` and the next.
    pub fn gap(&self, index: usize) -> &'t str {
        match (self.spans.get(index), self.spans.get(index + 1)) {
            (Some(one), Some(next)) => &self.text[one.end..next.start],
            _ => "\n",
        }
    }

    /// Whether two words can belong to one name: nothing between them that ends a thought.
    pub fn adjacent(&self, index: usize) -> bool {
        let gap = self.gap(index);
        gap.chars().count() <= GAP_MAX
            && !gap.contains(|char| ",;:!?…()[]{}|/\\".contains(char))
            && !self.stops(index)
    }

    /// A full stop that is not an abbreviation's.
    fn stops(&self, index: usize) -> bool {
        let letters = self.spans.get(index).map_or(0, |span| self.text[span.range()].chars().count());
        self.gap(index).contains('.') && letters > ABBREVIATION_MAX
    }

    /// Whether word `index` is in lower case where names have capitals.
    pub fn lower_among_capitals(&self, index: usize) -> bool {
        self.casing == Casing::Mixed && self.spans.get(index).is_some_and(|span| !span.upper)
    }

    /// Certainty that a word with these letters can stand for a term's word so
    /// capitalised; none when its case says it cannot.
    pub fn case_evidence(&self, term: Capital, letters: &[Letter]) -> Option<(f64, &'static str)> {
        let upper = letters.first().is_some_and(|letter| letter.upper);
        match term {
            Capital::None => Some((1.0, "")),
            Capital::First if upper => Some((1.0, "")),
            Capital::All if letters.get(1).is_none_or(|letter| letter.upper) && upper => Some((1.0, "")),
            Capital::All if upper => Some((ABBREVIATION, "")),
            _ if self.casing == Casing::Lower => Some((UNCAPITALISED, "no capitals in the source")),
            _ => None,
        }
    }
}

/// Most characters between two words of one name.
const GAP_MAX: usize = 3;
/// Most letters of a word whose full stop does not end the sentence (Дж. Буш).
const ABBREVIATION_MAX: usize = 2;
