//! The letter rule: which language a text's letters give away.
//!
//! A guess only ranks the readings of a form and lowers the certainty of the
//! others; it never refuses one. Detectors made for the big languages call
//! Kyrgyz Russian, so the letters go first.

use std::sync::LazyLock;

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

/// The bits of all telling letters in the first part of a text.
fn seen(text: &str) -> u32 {
    let bits: &[u32; 2048] = &BITS;
    let mut bytes = text.as_bytes()[..text.floor_char_boundary(BYTES_MAX)].iter();
    let mut seen = 0;
    while let Some(lead) = bytes.next() {
        // All telling letters have two bytes.
        if (0xC0..0xE0).contains(lead) {
            let next = bytes.next().copied().unwrap_or_default();
            seen |= bits[usize::from(lead & 0x1F) << 6 | usize::from(next & 0x3F)];
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

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
