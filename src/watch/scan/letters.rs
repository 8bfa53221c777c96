//! The first letters of a word straight from its bytes, without a skeleton.
//!
//! Invariant: what this tells of a word agrees with its skeleton, or it says
//! that the word must be folded.

use super::key::{Beginning, Key, LETTER_BITS, UNKNOWN, code};
use crate::watch::fold::{self, Kind, Span};
use std::sync::LazyLock;

/// What each character folds to by itself.
#[derive(Debug)]
pub struct Letters {
    /// By byte.
    ascii: [Entry; 256],
    /// By the number that the two bytes of a character encode.
    two_bytes: [Entry; 2048],
    /// The code of the first letter of each.
    ascii_first: [u8; 256],
    two_bytes_first: [u8; 2048],
}

/// The codes of one character, the last one lowest; above them how it acts on
/// its neighbours, and how many bits the codes are.
#[derive(Debug, Clone, Copy, Default)]
struct Entry(u16);

/// Bits of a character's codes: it folds to two letters at the most.
const CODES_BITS: u32 = 2 * LETTER_BITS;
/// Set where the next letter may change this one: `kh`, `ye`.
const CHANGED: u16 = 1 << CODES_BITS;
/// Set where the letter may change the one before.
const CHANGES: u16 = 2 << CODES_BITS;
/// Where the number of bits is.
const BITS_SHIFT: u32 = CODES_BITS + 2;

static LETTERS: LazyLock<Letters> = LazyLock::new(|| {
    let ascii =
        std::array::from_fn(|byte| if byte < 0x80 { Entry::of(byte as u32) } else { Entry(UNKNOWN_ENTRY) });
    let two_bytes: [Entry; 2048] = std::array::from_fn(|number| Entry::of(number as u32));
    let (ascii_first, two_bytes_first) = (ascii.map(Entry::first), two_bytes.map(Entry::first));
    Letters { ascii, two_bytes, ascii_first, two_bytes_first }
});

/// What is above the code of a single letter that acts on no other.
const SIMPLE: u16 = (LETTER_BITS as u16) << (BITS_SHIFT - CODES_BITS);

/// Entries of characters that give no code; as one of a word's first letters
/// each is [`UNKNOWN`].
const UNKNOWN_ENTRY: u16 = (LETTER_BITS as u16) << BITS_SHIFT | UNKNOWN as u16;
const SILENT_ENTRY: u16 = UNKNOWN_ENTRY | CHANGED;
const APOSTROPHE_ENTRY: u16 = UNKNOWN_ENTRY | CHANGES;

impl Entry {
    fn of(number: u32) -> Entry {
        let char = char::from_u32(number).unwrap_or_default();
        let folded = fold::folds_to(char).into_iter().filter(|byte| *byte != 0);
        let (codes, bits) = folded.fold((0, 0), |(codes, bits), byte| {
            (codes << LETTER_BITS | u16::from(code(byte)), bits + LETTER_BITS as u16)
        });
        let traits = match char.to_ascii_lowercase() {
            'c' | 'k' | 'z' | 'g' | 'y' => CHANGED,
            'h' | 'e' => CHANGES,
            _ => 0,
        };
        Entry(match fold::kind(char) {
            // Stands for what comes after the word.
            _ if number == 0 => 0,
            Kind::Latin | Kind::Cyrillic if bits > 0 => traits | bits << BITS_SHIFT | codes,
            Kind::Cyrillic => SILENT_ENTRY,
            Kind::Apostrophe => APOSTROPHE_ENTRY,
            _ => UNKNOWN_ENTRY,
        })
    }

    fn codes(self) -> u64 {
        u64::from(self.0) & ((1 << CODES_BITS) - 1)
    }

    /// Whether it folds to one letter, whatever its neighbours are.
    fn is_simple(self) -> bool {
        self.0 >> CODES_BITS == SIMPLE && self.0 != UNKNOWN_ENTRY
    }

    /// The code of its first letter.
    fn first(self) -> u8 {
        let bits = u32::from(self.0 >> BITS_SHIFT);
        (self.codes() >> bits.saturating_sub(LETTER_BITS)) as u8
    }
}

impl Letters {
    pub fn table() -> &'static Letters {
        &LETTERS
    }

    /// The codes of a plain word's first four characters, of each its first
    /// letter; none where they are neither all ASCII nor all of two bytes.
    #[inline(always)]
    pub fn first_four(&self, text: &[u8], word: Span) -> Option<u64> {
        let codes = characters(text, word, &self.ascii_first, &self.two_bytes_first)?;
        Some(codes.into_iter().fold(0, |codes, code| codes << LETTER_BITS | u64::from(code)))
    }

    /// What a plain word begins with, where each of its first characters folds
    /// to one letter by itself; none where more must be known.
    pub fn beginning(&self, text: &[u8], word: Span) -> Option<Beginning> {
        let [one, two, three, four] = characters(text, word, &self.ascii, &self.two_bytes)?;
        let single =
            |entry: Entry| entry.0 >> BITS_SHIFT == LETTER_BITS as u16 && entry.codes() != u64::from(UNKNOWN);
        let act = |one: Entry, other: Entry| {
            one.codes() == other.codes() || one.0 & CHANGED != 0 && other.0 & CHANGES != 0
        };
        if ![one, two, three].into_iter().all(single) || act(one, two) || act(two, three) || act(three, four)
        {
            return None;
        }
        let codes = [one, two, three].into_iter().fold(0, |codes, one| codes << LETTER_BITS | one.codes());
        Some(Beginning(codes as u16))
    }

    /// The key of a plain word, of which `letters_max` letters are wanted; none
    /// where its letters act on one another.
    pub fn key(&self, word: &[u8], letters_max: u32) -> Option<Key> {
        let bits_max = LETTER_BITS * letters_max;
        let (mut key, mut bits, mut before) = (0, 0, 0);
        let mut bytes = word.iter();
        while let Some(byte) = bytes.next() {
            let entry = match byte {
                0..0x80 => self.ascii[usize::from(*byte)],
                0..0xE0 => self.two_bytes[usize::from(byte & 0x1F) << 6 | usize::from(bytes.next()? & 0x3F)],
                _ => return None,
            };
            let codes = entry.codes();
            if entry.is_simple() {
                before = 0;
                // A doubled letter counts once.
                if codes != key & 31 {
                    // Only another letter makes sure that nothing changes the last one.
                    if bits == bits_max {
                        break;
                    }
                    key = key << LETTER_BITS | codes;
                    bits += LETTER_BITS;
                }
                continue;
            }
            match entry.0 {
                SILENT_ENTRY => before = 0,
                APOSTROPHE_ENTRY => {}
                UNKNOWN_ENTRY => return None,
                traits if before & CHANGED != 0 && traits & CHANGES != 0 => return None,
                _ if bits == bits_max && codes != key & 31 => break,
                traits => {
                    before = traits;
                    for code in [codes >> LETTER_BITS, codes & 31] {
                        if code != 0 && code != key & 31 && bits < bits_max {
                            key = key << LETTER_BITS | code;
                            bits += LETTER_BITS;
                        }
                    }
                }
            }
        }
        Some(Key::aligned(key, bits))
    }
}

/// The bits that tell whether four characters have two bytes each, and how.
const TWO_BYTES_MASK: u64 = 0xC0E0_C0E0_C0E0_C0E0;
const TWO_BYTES: u64 = 0x80C0_80C0_80C0_80C0;
/// The other bits of the first and of the second byte of each.
const TWO_BYTES_LEAD: u64 = 0x001F_001F_001F_001F;
const TWO_BYTES_NEXT: u64 = 0x003F_003F_003F_003F;

/// What tables say of a plain word's first four characters; none where they are
/// neither all ASCII nor all of two bytes.
#[inline(always)]
fn characters<T: Copy>(text: &[u8], word: Span, ascii: &[T; 256], two_bytes: &[T; 2048]) -> Option<[T; 4]> {
    let (bytes, own) = first_bytes(text, word);
    if bytes & 0x80 == 0 {
        return Some([0, 8, 16, 24].map(|shift| ascii[usize::from((bytes >> shift) as u8)]));
    }
    if bytes & TWO_BYTES_MASK != TWO_BYTES & own {
        return None;
    }
    let numbers = (bytes & TWO_BYTES_LEAD) << 6 | bytes >> 8 & TWO_BYTES_NEXT;
    Some([0, 16, 32, 48].map(|shift| two_bytes[usize::from((numbers >> shift) as u16 & 0x7FF)]))
}

/// The first eight bytes of a word with zeros after its last, and which bits
/// are the word's own.
#[inline(always)]
fn first_bytes(text: &[u8], word: Span) -> (u64, u64) {
    let rest = &text[word.start..];
    let bytes = match rest.first_chunk() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => rest.iter().rev().fold(0, |bytes, byte| bytes << 8 | u64::from(*byte)),
    };
    let own = u64::MAX >> (u64::BITS as usize - 8 * (word.end - word.start).min(8));
    (bytes & own, own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::fold::{fold, words};
    use crate::watch::scan::key::KEY_LETTERS;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_key_is_the_skeletons(
            word in "([cCkKhHzZgGyYeEsşcСкКхзшщчцюяьъъи'ʻé]|ch|kh|zh|ye|gh|sh){1,16}|[а-яё]{1,16}|[A-Za-z]{1,16}"
        ) {
            let skeleton = fold(&word).text;
            let skeleton = skeleton.split(' ').next().unwrap_or_default();
            let first = words(&word).first().filter(|word| word.plain).map(|span| &word[span.range()]);
            let read = |letters| first.and_then(|first| Letters::table().key(first.as_bytes(), letters));
            prop_assert!(read(KEY_LETTERS).is_none_or(|key| key == Key::of(skeleton.as_bytes())));
            let beginning = Key::of(skeleton.as_bytes()).beginning();
            prop_assert!(read(3).is_none_or(|key| key.beginning() == beginning));
            let span = words(&word).first().copied().filter(|word| word.plain);
            let quick = span.and_then(|span| Letters::table().beginning(word.as_bytes(), span));
            prop_assert!(quick.is_none_or(|quick| quick == beginning));
        }
    }

    #[test]
    fn nearly_every_word_is_read_from_its_bytes() {
        for text in
            ["Темировым", "щука", "объяснить", "Temirovning", "Oʻzbekiston", "Қырғызстан", "sanctions"]
        {
            let key = Letters::table().key(text.as_bytes(), KEY_LETTERS);
            assert_eq!(key, Some(Key::of(fold(text).text.as_bytes())), "{text}");
        }
    }
}
