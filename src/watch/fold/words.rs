//! A text cut into words, 64 bytes at a time.
//!
//! Invariant: [`word_from`] alone says what a word is. Where a window holds
//! nothing but letters that stand for themselves and separators, its words are
//! the runs of a bit mask; a run with an apostrophe, a mark or a letter of a
//! rare script is cut letter by letter.

use super::{GLYPHS, Glyph, Kind, glyph_at};
use std::ops::Range;

/// A word's place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
    /// Surely letters of one script, digits and apostrophes only: folds letter
    /// by letter.
    pub plain: bool,
}

impl Span {
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// Words of `text` in order.
///
/// A word is a run of letters and digits, with apostrophes and invisible
/// characters inside; a hyphen ends it.
pub fn words(text: &str) -> Vec<Span> {
    let mut words = Vec::with_capacity(text.len() / WORD_BYTES);
    if text.len() <= NAME_BYTES {
        cut_by_letter(text, 0..text.len(), &mut words);
        return words;
    }
    let mut at = 0;
    while at < text.len() {
        at = Window::at(text, at).cut(text, at, &mut words);
    }
    words
}

/// Bytes of a word and what follows it, at the least that is usual.
const WORD_BYTES: usize = 6;
/// Bytes of a text for which a window is not worth its while.
const NAME_BYTES: usize = 24;
/// Bytes of a window: one bit each in a mask.
const WINDOW: usize = 64;

/// The bytes from one place on, one bit for each, the first one lowest.
#[derive(Debug, Default)]
struct Window {
    /// Belongs to a word.
    word: u64,
    /// Belongs to a Cyrillic letter, in a window that has Latin ones too.
    cyrillic: u64,
    /// Belongs to a character that makes its run one to cut letter by letter.
    hard: u64,
}

impl Window {
    fn at(text: &str, at: usize) -> Window {
        let bytes = window(text.as_bytes(), at);
        let mut window = Window { word: mask(&bytes, in_word), ..Window::default() };
        let mut latin = 0;
        if any(&bytes, unclear) {
            latin = window.settle(text, at, mask(&bytes, unclear));
        }
        if latin != 0 || any(&bytes, |byte| byte.is_ascii_alphabetic()) {
            window.cyrillic = mask(&bytes, |byte| byte >= 0x80) & !latin;
        }
        window
    }

    /// Looks up the characters that `unclear` marks; the bytes of those that do
    /// not speak against a word of Latin letters.
    fn settle(&mut self, text: &str, at: usize, mut unclear: u64) -> u64 {
        let glyphs: &[Glyph] = &GLYPHS;
        let (mut latin, mut apostrophes) = (0, 0);
        while unclear != 0 {
            let offset = unclear.trailing_zeros() as usize;
            unclear &= unclear - 1;
            let Some((glyph, after)) = glyph_at(text, at + offset, glyphs) else { break };
            if after - at > WINDOW {
                // Its run reaches the end, and begins the next window.
                break;
            }
            let own = bits(offset..after - at);
            match glyph.kind {
                Kind::Cyrillic => {}
                Kind::Separator => self.word &= !own,
                Kind::Latin => latin |= own,
                Kind::Apostrophe => {
                    self.word &= !own;
                    apostrophes |= 1 << offset;
                }
                Kind::Invisible | Kind::Digit | Kind::Foreign => self.hard |= own,
            }
        }
        latin | self.join(text, at, apostrophes)
    }

    /// Makes those apostrophes that stand between two letters part of a word;
    /// their bytes, but for those among Cyrillic letters.
    fn join(&mut self, text: &str, at: usize, mut apostrophes: u64) -> u64 {
        let mut latin = 0;
        while apostrophes != 0 {
            let offset = apostrophes.trailing_zeros() as usize;
            apostrophes &= apostrophes - 1;
            let after = text[at + offset..].chars().next().map_or(offset, |char| offset + char.len_utf8());
            let letter_before = offset > 0 && self.word >> (offset - 1) & 1 == 1;
            // What comes after the window is seen in the next.
            let letter_after = after == WINDOW || self.word >> after & 1 == 1;
            if letter_before && letter_after {
                self.word |= bits(offset..after);
                if text.as_bytes()[at + offset - 1] < 0x80 {
                    latin |= bits(offset..after);
                }
            }
        }
        latin
    }

    /// Adds the words that end in the window, which begins at byte `at`; where
    /// the next one begins.
    fn cut(&self, text: &str, at: usize, words: &mut Vec<Span>) -> usize {
        let mut starts = self.word & !(self.word << 1);
        let mut ends = !self.word & (self.word << 1);
        let plain = self.cyrillic | self.hard == 0;
        while ends != 0 {
            let run = starts.trailing_zeros() as usize..ends.trailing_zeros() as usize;
            (starts, ends) = (starts & (starts - 1), ends & (ends - 1));
            let (start, end) = (at + run.start, at + run.end);
            if plain {
                words.push(Span { start, end, plain });
            } else if self.hard & bits(run.clone()) != 0 {
                cut_by_letter(text, start..end, words);
            } else {
                let cyrillic = self.cyrillic & bits(run.clone());
                words.push(Span { start, end, plain: cyrillic == 0 || cyrillic == bits(run) });
            }
        }
        match starts.trailing_zeros() as usize {
            0 => cut_one(text, at, words),
            open => at + open,
        }
    }
}

/// A mask of the bits in a range that is not empty.
fn bits(range: Range<usize>) -> u64 {
    u64::MAX >> (WINDOW - range.len()) << range.start
}

/// The bytes from `at` on, with spaces after the last.
fn window(bytes: &[u8], at: usize) -> [u8; WINDOW] {
    let rest = &bytes[at..];
    match rest.first_chunk() {
        Some(window) => *window,
        None => {
            let mut window = [b' '; WINDOW];
            window[..rest.len()].copy_from_slice(rest);
            window
        }
    }
}

/// Whether a byte belongs to a word: of a letter, a digit, or not ASCII.
fn in_word(byte: u8) -> bool {
    (byte | 0x20).wrapping_sub(b'a') < 26 || byte.wrapping_sub(b'0') < 10 || byte >= 0x80
}

/// Whether a character must be looked up: apostrophes, and all that begin with
/// such a byte, which is neither ASCII nor of the greater part of Cyrillic.
fn unclear(byte: u8) -> bool {
    (byte >= 0xC0 && byte & 0xFE != 0xD0 && byte != 0xD3) || byte == b'\'' || byte == b'`'
}

/// Whether any byte is such; without a branch, for the vector unit.
fn any(bytes: &[u8; WINDOW], such: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(false, |any, byte| any | such(*byte))
}

/// One bit for each byte that is such.
///
/// Eight times eight bytes are laid over each other, which leaves an 8 x 8
/// matrix of bits to be turned about its diagonal (Hacker's Delight, 7-3).
fn mask(bytes: &[u8; WINDOW], such: impl Fn(u8) -> bool) -> u64 {
    let such = bytes.map(|byte| u8::from(such(byte)));
    let (rows, _) = such.as_chunks::<8>();
    let rows = rows.iter().enumerate();
    let laid = rows.fold(0, |laid, (row, bytes)| laid | u64::from_le_bytes(*bytes) << row);
    let turned = [(7, 0x00AA_00AA_00AA_00AA), (14, 0x0000_CCCC_0000_CCCC), (28, 0x0000_0000_F0F0_F0F0)];
    turned.iter().fold(laid, |bits, (shift, half)| {
        let moved = (bits ^ (bits >> shift)) & half;
        bits ^ moved ^ (moved << shift)
    })
}

/// Adds the words of a run that separators bound.
fn cut_by_letter(text: &str, run: Range<usize>, words: &mut Vec<Span>) {
    let mut at = run.start;
    while let Some(word) = word_from(text, at).filter(|word| word.start < run.end) {
        at = word.end;
        words.push(word);
    }
}

/// Adds the word at or after `at`, for a run longer than a window; where it ends.
fn cut_one(text: &str, at: usize, words: &mut Vec<Span>) -> usize {
    let Some(word) = word_from(text, at) else { return text.len() };
    words.push(word);
    word.end
}

/// The first word at or after byte `at`.
fn word_from(text: &str, mut at: usize) -> Option<Span> {
    let glyphs: &[Glyph] = &GLYPHS;
    let (first, mut end) = loop {
        let (glyph, after) = glyph_at(text, at, glyphs)?;
        match glyph.kind {
            Kind::Latin | Kind::Cyrillic | Kind::Foreign | Kind::Digit => break (glyph, after),
            _ => at = after,
        }
    };
    let start = at;
    let mut scripts = bit(first.kind);
    let mut apostrophes = 0;
    at = end;
    while let Some((glyph, after)) = glyph_at(text, at, glyphs) {
        match glyph.kind {
            Kind::Separator => break,
            Kind::Apostrophe if apostrophes > 0 => break,
            Kind::Apostrophe => apostrophes += 1,
            Kind::Invisible => {
                scripts |= bit(Kind::Foreign);
                end = if apostrophes == 0 { after } else { end };
            }
            kind => {
                scripts |= bit(kind);
                end = after;
                apostrophes = 0;
            }
        }
        at = after;
    }
    Some(Span { start, end, plain: scripts != 3 && scripts < 4 })
}

/// Bits of the scripts a word has; what is not plain is above 3.
fn bit(kind: Kind) -> u8 {
    match kind {
        Kind::Latin => 1,
        Kind::Cyrillic => 2,
        Kind::Foreign => 4,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Words as [`word_from`] has them, one after the other.
    fn by_letter(text: &str) -> Vec<Range<usize>> {
        let mut at = 0;
        std::iter::from_fn(|| {
            let word = word_from(text, at)?;
            at = word.end;
            Some(word.range())
        })
        .collect()
    }

    proptest! {
        #[test]
        fn windows_do_not_show(
            text in "([ -~]|[а-яёқһә]{1,9}|[’ʻ`'´]|[\u{AD}\u{200B}\u{301}\u{483}]|[«—éß×҂ᵸ²\u{10FFFF}]|\\PC|[a-z]{70}){0,40}"
        ) {
            let found = words(&text);
            prop_assert_eq!(found.iter().map(|word| word.range()).collect::<Vec<_>>(), by_letter(&text));
            for word in found.iter().filter(|word| word.plain) {
                let thorough = word_from(&text, word.start).filter(|thorough| thorough.end == word.end);
                prop_assert!(thorough.is_some_and(|thorough| thorough.plain), "{:?}", word);
            }
        }
    }

    #[test]
    fn words_end_at_windows_only_where_they_end() {
        let long = "ю".repeat(100);
        let table = [
            (" ".repeat(63) + "слово’s ё", vec!["слово’s", "ё"]),
            ("слово — ".repeat(9) + "’", vec!["слово"; 9]),
            (format!("{long} да"), vec![long.as_str(), "да"]),
            (format!("{}об'єкт", "-".repeat(59)), vec!["об'єкт"]),
        ];
        for (text, expected) in &table {
            let found: Vec<&str> = words(text).iter().map(|word| &text[word.range()]).collect();
            assert_eq!(&found, expected);
        }
    }
}
