//! A text cut into words, 64 bytes at a time.
//!
//! Invariant: [`word_from`] alone says what a word is. Where a window holds
//! nothing but letters that stand for themselves and separators, its words are
//! the runs of a bit mask; a run with an apostrophe, a mark or a letter of a
//! rare script is cut letter by letter.

use super::{GLYPHS, Glyph, Kind, glyph_at};
use std::ops::Range;
use wide::u8x16;

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
        let bytes = Bytes::at(text.as_bytes(), at);
        let (letters, not_ascii) = (bytes.mask(letter), bytes.mask(not_ascii));
        let mut window = Window { word: letters | bytes.mask(digit) | not_ascii, ..Window::default() };
        let latin = window.settle(text, at, bytes.mask(unclear));
        if letters | latin != 0 {
            window.cyrillic = not_ascii & !latin;
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
        let mut runs = Runs::of(self.word);
        let mixed = self.mixed();
        if self.hard | mixed == 0 {
            // A range says how long it is: no word asks whether there is room.
            words.extend((0..runs.count()).map(|_| runs.next().span(at, true)));
        } else {
            for _ in 0..runs.count() {
                let run = runs.next();
                match run.bits() {
                    bits if self.hard & bits != 0 => cut_by_letter(text, run.span(at, false).range(), words),
                    bits => words.push(run.span(at, mixed & bits == 0)),
                }
            }
        }
        match runs.open() {
            0 => cut_one(text, at, words),
            open => at + open,
        }
    }

    /// Where a word goes from one script to the other.
    fn mixed(&self) -> u64 {
        self.word & (self.word << 1) & (self.cyrillic ^ (self.cyrillic << 1))
    }
}

/// The runs of a mask, in order; the last one may be open.
struct Runs {
    starts: u64,
    ends: u64,
}

/// A run that ends in its window.
#[derive(Clone, Copy)]
struct Run {
    start: u32,
    end: u32,
}

impl Runs {
    fn of(mask: u64) -> Runs {
        Runs { starts: mask & !(mask << 1), ends: !mask & (mask << 1) }
    }

    /// Runs that end.
    fn count(&self) -> u32 {
        self.ends.count_ones()
    }

    /// The next run; there must be one.
    fn next(&mut self) -> Run {
        let run = Run { start: self.starts.trailing_zeros(), end: self.ends.trailing_zeros() };
        self.starts &= self.starts.wrapping_sub(1);
        self.ends &= self.ends.wrapping_sub(1);
        run
    }

    /// Where the run begins that does not end, behind all that do; else the
    /// window's length.
    fn open(&self) -> usize {
        self.starts.trailing_zeros() as usize
    }
}

impl Run {
    fn bits(self) -> u64 {
        bits(self.start as usize..self.end as usize)
    }

    fn span(self, at: usize, plain: bool) -> Span {
        Span { start: at + self.start as usize, end: at + self.end as usize, plain }
    }
}

/// A mask of the bits in a range that is not empty.
fn bits(range: Range<usize>) -> u64 {
    u64::MAX >> (WINDOW - range.len()) << range.start
}

/// A window's bytes, sixteen to a vector.
struct Bytes([u8x16; WINDOW / LANES]);

/// Bytes of a vector.
const LANES: usize = 16;

impl Bytes {
    /// The bytes from `at` on, with spaces after the last.
    fn at(text: &[u8], at: usize) -> Bytes {
        let rest = &text[at..];
        rest.first_chunk().map(Bytes::of).unwrap_or_else(|| {
            let mut window = [b' '; WINDOW];
            window[..rest.len()].copy_from_slice(rest);
            Bytes::of(&window)
        })
    }

    fn of(window: &[u8; WINDOW]) -> Bytes {
        let (vectors, _) = window.as_chunks::<LANES>();
        Bytes(std::array::from_fn(|index| u8x16::new(vectors[index])))
    }

    /// One bit for each byte that is such, the first one lowest.
    fn mask(&self, such: impl Fn(u8x16) -> u8x16) -> u64 {
        let masks = self.0.map(|bytes| u64::from(such(bytes).to_bitmask()));
        masks.into_iter().rev().fold(0, |mask, bits| mask << LANES | bits)
    }
}

/// Where a byte is one of the `count` from `first` on.
fn between(bytes: u8x16, first: u8, count: u8) -> u8x16 {
    let offset = bytes - u8x16::splat(first);
    offset.min(u8x16::splat(count - 1)).simd_eq(offset)
}

/// Where a letter of ASCII is.
fn letter(bytes: u8x16) -> u8x16 {
    between(bytes | u8x16::splat(0x20), b'a', 26)
}

fn digit(bytes: u8x16) -> u8x16 {
    between(bytes, b'0', 10)
}

/// Where a byte is not ASCII; its highest bit says so.
fn not_ascii(bytes: u8x16) -> u8x16 {
    bytes
}

/// Where a character must be looked up: apostrophes, and all that begin with
/// such a byte, which is neither ASCII nor of the greater part of Cyrillic.
fn unclear(bytes: u8x16) -> u8x16 {
    let is = |byte| bytes.simd_eq(u8x16::splat(byte));
    between(bytes, 0xC0, 0x10) | between(bytes, 0xD2, 0x2E) & !is(0xD3) | is(b'\'') | is(b'`')
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
