//! The words around what was found, as the source wrote them.
//!
//! Invariant: spans fall on character boundaries of what they point into.

use super::query::Word;
use crate::watch::fold::fold;
use std::ops::Range;

/// Words shown, and how many of them stand before the first hit.
const SNIPPET_WORDS: usize = 32;
const WORDS_BEFORE: usize = 8;

/// Spans of `text` that fit one of `words`.
pub fn hits(text: &str, words: &[Word]) -> Vec<Range<usize>> {
    places(text, words).1.into_iter().map(|(_, span, _)| span).collect()
}

/// A hit: place among the words of the text, span, and which word it fits.
type Hit = (usize, Range<usize>, usize);

fn places(text: &str, words: &[Word]) -> (Vec<Range<usize>>, Vec<Hit>) {
    let folded = fold(text);
    let fitting = |(place, (letters, span)): (usize, (&str, &Range<usize>))| {
        let word = words.iter().position(|word| word.fits(letters))?;
        Some((place, span.clone(), word))
    };
    let hits = folded.text.split(' ').zip(&folded.words).enumerate().filter_map(fitting).collect();
    (folded.words, hits)
}

/// The part of `text` with the greatest variety of hits, the beginning where
/// there are none; and the hits in it.
pub fn snippet(text: &str, words: &[Word]) -> (String, Vec<Range<usize>>) {
    let (spans, hits) = places(text, words);
    let first = best(&hits).saturating_sub(WORDS_BEFORE);
    let last = first.saturating_add(SNIPPET_WORDS).min(spans.len());
    let start = if first == 0 { 0 } else { spans.get(first).map_or(0, |span| span.start) };
    let end = if last == spans.len() { text.len() } else { spans.get(last - 1).map_or(0, |span| span.end) };
    let (head, tail) = (if start == 0 { "" } else { "…" }, if end == text.len() { "" } else { "…" });
    let shown = text.get(start..end).unwrap_or_default().trim_end();
    // One blank for one line end keeps every span where it is.
    let one_line: String =
        shown.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let inside = |span: &Range<usize>| span.start >= start && span.end <= start + one_line.len();
    let moved = |span: Range<usize>| span.start - start + head.len()..span.end - start + head.len();
    let hits = hits.into_iter().map(|(_, span, _)| span).filter(inside).map(moved).collect();
    (format!("{head}{one_line}{tail}"), hits)
}

/// Place of the hit from which on most different words are found near each other.
fn best(hits: &[Hit]) -> usize {
    let variety = |from: usize| {
        let near = hits.iter().filter(|(place, ..)| (from..from + SNIPPET_WORDS / 2).contains(place));
        let mut words: Vec<usize> = near.map(|(.., word)| *word).collect();
        words.sort_unstable();
        words.dedup();
        words.len()
    };
    // The first of equals: `max_by_key` would take the last.
    hits.iter().rev().map(|(place, ..)| *place).max_by_key(|place| variety(*place)).unwrap_or(0)
}
