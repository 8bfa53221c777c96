//! The letter rule: which language a text's letters give away.
//!
//! A guess only ranks the readings of a form and lowers the certainty of the
//! others; it never refuses one. Detectors made for the big languages call
//! Kyrgyz Russian, so the letters go first.

/// Most characters of a text that are looked at.
const CHARACTERS_MAX: usize = 2_000;

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

/// Languages the grammar knows.
const KNOWN: &[&str] = &["ru", "uk", "kk", "ky", "uz", "tg", "tk", "en"];

/// The language of `text`: what its source says, else what its letters say.
pub fn language(text: &str, said: Option<&str>) -> Option<&'static str> {
    let said = said.and_then(|said| said.get(..2)).map(str::to_lowercase);
    if let Some(known) = said.and_then(|said| KNOWN.iter().find(|known| **known == said)) {
        return Some(known);
    }
    let has = |letters: &str| {
        let mut chars = text.chars().take(CHARACTERS_MAX).flat_map(char::to_lowercase);
        !letters.is_empty() && chars.any(|char| letters.contains(char))
    };
    RULES.iter().find(|(_, own, others)| has(own) && !has(others)).map(|(language, ..)| *language)
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
