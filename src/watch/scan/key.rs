//! The first letters of a word's skeleton as a number.
//!
//! Invariant: the key of a stem begins the key of each of its forms.

/// A skeleton's first letters, five bits each from the top, 0 after the last:
/// keys sort as their skeletons do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(u64);

/// The first three of them, at the bottom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Beginning(pub u16);

pub const LETTER_BITS: u32 = 5;
pub const KEY_LETTERS: u32 = 12;
pub const BEGINNING_LETTERS: u32 = 3;
pub const BEGINNING_BITS: u32 = LETTER_BITS * BEGINNING_LETTERS;

impl Key {
    pub fn of(skeleton: &[u8]) -> Key {
        let places = (0..KEY_LETTERS).map(|index| u64::BITS - LETTER_BITS * (index + 1));
        let letters = skeleton.iter().zip(places);
        Key(letters.fold(0, |key, (byte, place)| key | u64::from(code(*byte)) << place))
    }

    /// From the codes of a skeleton's first letters, which have `bits` bits.
    pub fn aligned(codes: u64, bits: u32) -> Key {
        Key(codes.checked_shl(u64::BITS - bits).unwrap_or(0))
    }

    /// One number for both, which sorts as the pair does.
    pub fn joined(self, number: u32) -> u128 {
        u128::from(self.0) << u32::BITS | u128::from(number)
    }

    /// Whether its letters are the first ones of `word`.
    pub fn begins(self, word: Key) -> bool {
        (self.0 ^ word.0) & self.mask() == 0
    }

    /// Whether the first `letters` of both are the same.
    pub fn begins_like(self, other: Key, letters: u32) -> bool {
        (self.0 ^ other.0) >> (u64::BITS - LETTER_BITS * letters) == 0
    }

    pub fn beginning(self) -> Beginning {
        Beginning((self.0 >> (u64::BITS - BEGINNING_BITS)) as u16)
    }

    /// First and last beginning of the words it begins.
    pub fn beginnings(self) -> (Beginning, Beginning) {
        (self.beginning(), Key(self.0 | !self.mask()).beginning())
    }

    /// The code of each letter.
    pub fn codes(self) -> Vec<u8> {
        let places = (0..KEY_LETTERS).map(|index| u64::BITS - LETTER_BITS * (index + 1));
        places.map(|place| (self.0 >> place & 31) as u8).take_while(|code| *code != 0).collect()
    }

    /// With one more letter after the first `count`.
    pub fn with(self, code: u8, count: u32) -> Key {
        Key(self.0 | u64::from(code) << (u64::BITS - LETTER_BITS * (count + 1)))
    }

    pub fn without_first(self) -> Key {
        Key(self.0 << LETTER_BITS)
    }

    /// The bits of its letters.
    fn mask(self) -> u64 {
        let used = (u64::BITS - self.0.trailing_zeros()).next_multiple_of(LETTER_BITS);
        u64::MAX.checked_shl(u64::BITS - used.min(LETTER_BITS * KEY_LETTERS)).unwrap_or(0)
    }
}

impl Beginning {
    /// Whether one of the two begins the other.
    pub fn agrees(self, other: Beginning) -> bool {
        (self.0 ^ other.0) & self.mask() & other.mask() == 0
    }

    /// The bits of its letters.
    fn mask(self) -> u16 {
        let unused = self.0.trailing_zeros() / LETTER_BITS * LETTER_BITS;
        u16::MAX.checked_shl(unused).unwrap_or(0)
    }
}

/// A letter or digit of a skeleton in five bits: neither 0 nor [`UNKNOWN`].
pub const fn code(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => byte - b'a' + 1,
        _ => 27 + byte % 4,
    }
}

/// What no letter of a skeleton has for a code.
pub const UNKNOWN: u8 = 31;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_begins_those_of_longer_words() {
        let key = |skeleton: &str| Key::of(skeleton.as_bytes());
        let table = [
            ("temir", "temirov", true),
            ("temirov", "temir", false),
            ("", "temir", true),
            ("badahshangornoj", "badahshangornij", true),
            ("p", "pamir", true),
            ("p", "qamir", false),
        ];
        for (stem, word, begins) in table {
            assert_eq!(key(stem).begins(key(word)), begins, "{stem} {word}");
            assert!(!begins || key(stem).beginning().agrees(key(word).beginning()), "{stem} {word}");
        }
    }
}
