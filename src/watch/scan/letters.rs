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
    /// By the number of a character of at most two bytes.
    entries: [Entry; NUMBERS],
    /// The code of the first letter of each.
    first: [u8; NUMBERS],
}

/// Characters of at most two bytes have the numbers below.
const NUMBERS: usize = 0x800;

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
    let entries: [Entry; NUMBERS] = std::array::from_fn(|number| Entry::of(number as u32));
    let first = entries.map(Entry::first);
    Letters { entries, first }
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
        let numbers = numbers(text, word)?;
        Some(
            numbers.into_iter().fold(0, |codes, number| codes << LETTER_BITS | u64::from(self.first[number])),
        )
    }

    /// What a plain word begins with, where each of its first characters folds
    /// to one letter by itself; none where more must be known.
    pub fn beginning(&self, text: &[u8], word: Span) -> Option<Beginning> {
        let [one, two, three, four] = numbers(text, word)?.map(|number| self.entries[number]);
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
    pub fn key(&self, text: &[u8], word: Span, letters_max: u32) -> Option<Key> {
        let bits_max = LETTER_BITS * letters_max;
        let (mut key, mut bits, mut before) = (0, 0, 0);
        let mut bytes = text[word.range()].iter();
        while let Some(byte) = bytes.next() {
            let number = match byte {
                0..0x80 => usize::from(*byte),
                0..0xE0 => usize::from(byte & 0x1F) << 6 | usize::from(bytes.next()? & 0x3F),
                _ => return None,
            };
            let entry = self.entries[number];
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
/// The bits that tell whether one of four bytes is not ASCII.
const NOT_ASCII: u64 = 0x8080_8080;
/// The other bits of the first and of the second byte of each.
const TWO_BYTES_LEAD: u64 = 0x001F_001F_001F_001F;
const TWO_BYTES_NEXT: u64 = 0x003F_003F_003F_003F;

/// The numbers of a plain word's first four characters; none where they are
/// neither all ASCII nor all of two bytes.
#[inline(always)]
fn numbers(text: &[u8], word: Span) -> Option<[usize; 4]> {
    let (bytes, own) = first_bytes(text, word);
    let numbers = if bytes & NOT_ASCII == 0 {
        spread(bytes)
    } else if bytes & TWO_BYTES_MASK == TWO_BYTES & own {
        (bytes & TWO_BYTES_LEAD) << 6 | bytes >> 8 & TWO_BYTES_NEXT
    } else {
        return None;
    };
    Some([0, 16, 32, 48].map(|shift| (numbers >> shift) as usize % NUMBERS))
}

/// The lowest four bytes, sixteen bits each.
#[inline(always)]
fn spread(bytes: u64) -> u64 {
    let four = bytes & 0xFFFF_FFFF;
    let pairs = (four | four << 16) & 0x0000_FFFF_0000_FFFF;
    (pairs | pairs << 8) & 0x00FF_00FF_00FF_00FF
}

/// The bits of so many bytes, the first one lowest.
const FIRST_BYTES: [u64; 9] = {
    let mut bits = [0; 9];
    let mut bytes = 1;
    while bytes < bits.len() {
        bits[bytes] = bits[bytes - 1] << 8 | 0xFF;
        bytes += 1;
    }
    bits
};

/// The first eight bytes of a word with zeros after its last, and which bits
/// are the word's own.
#[inline(always)]
fn first_bytes(text: &[u8], word: Span) -> (u64, u64) {
    let rest = &text[word.start..];
    let bytes = match rest.first_chunk() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => rest.iter().rev().fold(0, |bytes, byte| bytes << 8 | u64::from(*byte)),
    };
    let own = FIRST_BYTES[(word.end - word.start).min(8)];
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
            let span = words(&word).first().copied().filter(|word| word.plain);
            let read = |letters| span.and_then(|span| Letters::table().key(word.as_bytes(), span, letters));
            prop_assert!(read(KEY_LETTERS).is_none_or(|key| key == Key::of(skeleton.as_bytes())));
            let beginning = Key::of(skeleton.as_bytes()).beginning();
            prop_assert!(read(3).is_none_or(|key| key.beginning() == beginning));
            let quick = span.and_then(|span| Letters::table().beginning(word.as_bytes(), span));
            prop_assert!(quick.is_none_or(|quick| quick == beginning));
        }
    }

    #[test]
    fn nearly_every_word_is_read_from_its_bytes() {
        for text in
            ["Темировым", "щука", "объяснить", "Temirovning", "Oʻzbekiston", "Қырғызстан", "sanctions"]
        {
            let word = words(text)[0];
            let key = Letters::table().key(text.as_bytes(), word, KEY_LETTERS);
            assert_eq!(key, Some(Key::of(fold(text).text.as_bytes())), "{text}");
        }
    }
}
