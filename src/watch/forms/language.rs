//! The letter rule: which language a text's letters give away.
//!
//! A guess only ranks the readings of a form and lowers the certainty of the
//! others; it never refuses one. Detectors made for the big languages call
//! Kyrgyz Russian, so the letters go first.

use std::sync::LazyLock;
use wide::u8x16;

/// Most bytes of a text that are looked at.
const BYTES_MAX: usize = 4_000;

/// Letters that only these languages write, the more telling ones first; the
/// last column is letters that speak against it.
const RULES: &[(&str, &str, &str)] = &[
    ("tg", "ӣӯҷ", ""),
    ("kk", "әұ", ""),
    ("kk", "ғқ", "ў"),
    ("uz", "ўқғҳ", "ыщ"),
    ("ky", "ңөү", "іғқ"),
    ("uk", "їєґ", "ыэ"),
    ("uk", "і", "ыэъ"),
    ("ru", "ыэёъщ", ""),
    ("tk", "ýžňä", "õãç"),
    ("uz", "ʻ", ""),
];

/// For each number that two bytes of UTF-8 encode, the bit of its telling
/// letter, in either case.
static BITS: LazyLock<[u32; 2048]> = LazyLock::new(|| {
    let mut letters: Vec<char> =
        RULES.iter().flat_map(|(_, own, others)| own.chars().chain(others.chars())).collect();
    letters.sort_unstable();
    letters.dedup();
    let bit = |char: char| {
        let lower = char.to_lowercase().next().unwrap_or(char);
        letters.iter().position(|letter| *letter == lower).map_or(0, |at| 1 << (at % 32))
    };
    std::array::from_fn(|code| char::from_u32(code as u32).map_or(0, bit))
});

/// Languages the grammar knows.
const KNOWN: &[&str] = &["ru", "uk", "kk", "ky", "uz", "tg", "tk", "en"];

/// The language of `text`: what its source says, else what its letters say.
pub fn language(text: &str, said: Option<&str>) -> Option<&'static str> {
    let said = said.and_then(|said| said.get(..2)).map(str::to_lowercase);
    if let Some(known) = said.and_then(|said| KNOWN.iter().find(|known| **known == said)) {
        return Some(known);
    }
    let seen = seen(text);
    let has =
        |letters: &str| letters.chars().any(|char| seen & BITS.get(char as usize).copied().unwrap_or(0) != 0);
    RULES.iter().find(|(_, own, others)| has(own) && !has(others)).map(|(language, ..)| *language)
}

/// Bytes looked at together.
const LANES: usize = 16;

/// The bits of all telling letters in the first part of a text.
fn seen(text: &str) -> u32 {
    let bits: &[u32; 2048] = &BITS;
    let bit = |lead: u8, next: u8| bits[usize::from(lead & 0x1F) << 6 | usize::from(next & 0x3F)];
    let mut bytes = &text.as_bytes()[..text.floor_char_boundary(BYTES_MAX)];
    let mut seen = 0;
    while let (Some(leads), Some(nexts)) = (bytes.first_chunk(), bytes.get(1..).and_then(<[u8]>::first_chunk))
    {
        let mut may_tell = may_tell(u8x16::new(*leads), u8x16::new(*nexts));
        while may_tell != 0 {
            let at = may_tell.trailing_zeros() as usize % LANES;
            may_tell &= may_tell - 1;
            seen |= bit(leads[at], nexts[at]);
        }
        bytes = &bytes[LANES..];
    }
    let pairs = bytes.windows(2).filter(|pair| (0xC0..0xE0).contains(&pair[0]));
    pairs.fold(seen, |seen, pair| seen | bit(pair[0], pair[1]))
}

/// Where a character of two bytes begins, one bit for a byte, but for the letters
/// from `а` to `ш`, which are most of any text and tell nothing.
fn may_tell(leads: u8x16, nexts: u8x16) -> u32 {
    let is = |byte: u8| leads.simd_eq(u8x16::splat(byte));
    let pair = (leads & u8x16::splat(0xE0)).simd_eq(u8x16::splat(0xC0));
    let to_p = is(0xD0) & nexts.max(u8x16::splat(0xB0)).simd_eq(nexts);
    let to_sh = is(0xD1) & nexts.min(u8x16::splat(0x88)).simd_eq(nexts);
    (pair & !(to_p | to_sh)).to_bitmask()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever stands around it, and whichever byte of a window it is.
    #[test]
    fn every_telling_letter_is_seen() {
        for letter in RULES.iter().flat_map(|(_, own, others)| own.chars().chain(others.chars())) {
            for letter in letter.to_lowercase().chain(letter.to_uppercase()) {
                for before in 0..40 {
                    let text = format!("{}{letter}абв", " ".repeat(before));
                    assert_eq!(seen(&text), BITS[letter as usize], "{text}");
                }
            }
        }
    }

    #[test]
    fn letters_tell_the_language() {
        let table = [
            ("Ҳукумати Тоҷикистон", None, Some("tg")),
            ("Қазақстан үкіметі", None, Some("kk")),
            ("Өлкөнүн шаарлары", None, Some("ky")),
            ("Новини з Києва", None, Some("uk")),
            ("Новости мы знаем", None, Some("ru")),
            ("Новости", None, None),
            ("Новости", Some("ru-RU"), Some("ru")),
            ("Новости", Some("é"), None),
        ];
        for (text, said, expected) in table {
            assert_eq!(language(text, said), expected, "{text}");
        }
    }
}
