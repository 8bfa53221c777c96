//! One field of an article as the matcher sees it: its words, and how far its
//! capitals can be trusted.

use super::key::{BEGINNING_LETTERS, Beginning, KEY_LETTERS, Key};
use super::letters::Letters;
use crate::watch::fold::{self, Letter, Skeleton, Span};
use crate::watch::forms::language::language;
use crate::watch::forms::word::Capital;
use std::cell::{Cell, OnceCell};
use std::ops::Range;

/// A text cut into words.
#[derive(Debug)]
pub struct Words<'t> {
    pub text: &'t str,
    pub spans: Vec<Span>,
    /// What each word begins with, as far as that was asked.
    beginnings: Vec<Cell<Option<Beginning>>>,
    /// What the source says of the text's language.
    said: Option<&'t str>,
    /// Found out when the first candidate asks, both of them.
    casing: OnceCell<Casing>,
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
        let spans = fold::words(text);
        let beginnings = vec![Cell::new(None); spans.len()];
        Words { text, spans, beginnings, said, casing: OnceCell::new(), language: OnceCell::new() }
    }

    fn casing(&self) -> Casing {
        let upper = |span: &Span| fold::capital_at(self.text, span.start);
        let casing = || if self.spans.iter().any(upper) { Casing::Mixed } else { Casing::Lower };
        *self.casing.get_or_init(casing)
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

    /// What word `index` begins with.
    pub fn beginning(&self, index: usize) -> Option<Beginning> {
        let known = self.beginnings.get(index)?;
        if known.get().is_none() {
            let word = self.spans[index];
            let quick = word.plain.then(|| Letters::table().beginning(self.text.as_bytes(), word)).flatten();
            known.set(quick.or_else(|| Some(self.read(word, BEGINNING_LETTERS).beginning())));
        }
        known.get()
    }

    /// The key of word `index`.
    pub fn key(&self, index: usize) -> Key {
        self.spans.get(index).map_or_else(Key::default, |word| self.read(*word, KEY_LETTERS))
    }

    /// The key of a word's first letters, as many as are wanted or more.
    fn read(&self, word: Span, letters: u32) -> Key {
        let table = Letters::table();
        let quick = word.plain.then(|| table.key(self.text.as_bytes(), word, letters)).flatten();
        quick.unwrap_or_else(|| {
            let mut skeleton = Skeleton::default();
            // The last letter of a skeleton can still change.
            skeleton.set(self.text, word, letters as usize + 1);
            Key::of(skeleton.as_bytes())
        })
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
        let upper = |span: &Span| fold::capital_at(self.text, span.start);
        self.casing() == Casing::Mixed && !self.spans.get(index).is_some_and(upper)
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
            _ if self.casing() == Casing::Lower => Some((UNCAPITALISED, "no capitals in the source")),
            _ => None,
        }
    }
}

/// Most characters between two words of one name.
const GAP_MAX: usize = 3;
/// Most letters of a word whose full stop does not end the sentence (Дж. Буш).
const ABBREVIATION_MAX: usize = 2;
