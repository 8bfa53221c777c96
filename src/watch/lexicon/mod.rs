//! What topic words mean in our languages: `topics.txt`; and the adjectives of
//! places: `places.txt`.
//!
//! Invariant: what is found by a translation says so in its rule, and the words
//! in `not` win over every other word of the same concept.

use crate::watch::fold;
use crate::watch::forms::number;
use crate::watch::forms::word::Word;
use crate::watch::gazetteer;
use std::collections::HashMap;
use std::sync::LazyLock;

/// What one topic word stands for.
#[derive(Debug)]
pub struct Concept {
    /// The word that the evidence names.
    pub name: &'static str,
    /// Each with the code of its language.
    pub entries: Vec<Entry>,
    /// Phrases that look like the topic and are not about it.
    pub not: Vec<Vec<Token>>,
    /// Words that give a sentence another meaning.
    pub unless: Vec<Token>,
}

/// A word or a short phrase of one language.
#[derive(Debug)]
pub struct Entry {
    pub language: &'static str,
    pub text: &'static str,
    pub tokens: Vec<Token>,
    /// Whether the words may stand in any order with others between (`a + b`).
    pub loose: bool,
}

/// One word of an entry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Token {
    pub text: &'static str,
    /// `sanct~`: whatever follows, not only the endings of the grammar.
    pub open: bool,
}

struct Table {
    concepts: Vec<Concept>,
    by_head: HashMap<&'static str, usize>,
}

static TOPICS: LazyLock<Table> = LazyLock::new(|| read(include_str!("topics.txt")));
static PLACES: LazyLock<Table> = LazyLock::new(|| read(include_str!("places.txt")));

/// The languages by their code, as a rule names them.
const LANGUAGES: [(&str, &str); 7] = [
    ("en", "English"),
    ("ru", "Russian"),
    ("uk", "Ukrainian"),
    ("kk", "Kazakh"),
    ("ky", "Kyrgyz"),
    ("uz", "Uzbek"),
    ("tg", "Tajik"),
];
/// Letters that may follow an open word for a typed word to be that word.
const TYPED_ENDING_LETTERS_MAX: usize = 6;
/// Letters that two words share before their forms are compared.
const SHARED_LETTERS_MIN: usize = 3;

/// English name of the language with this code.
pub fn language_name(code: &str) -> &'static str {
    LANGUAGES.iter().find(|(known, _)| *known == code).map_or("", |(_, name)| name)
}

/// The concept of a lower-case English or Russian topic word.
///
/// ```
/// # use newswatch::watch::lexicon::topic;
/// assert_eq!(topic("sanction").map(|concept| concept.name), Some("sanctions"));
/// assert_eq!(topic("санкции").map(|concept| concept.name), Some("sanctions"));
/// assert!(topic("Temirov").is_none());
/// ```
pub fn topic(text: &str) -> Option<&'static Concept> {
    let first = text.chars().next()?;
    if !first.is_lowercase() || text.chars().any(char::is_uppercase) {
        return None;
    }
    let heads = &TOPICS.by_head;
    let forms = std::iter::once(text.to_owned()).chain(number::others(text));
    let head = forms.into_iter().find_map(|form| heads.get(form.as_str()).copied());
    let language = if first.is_ascii() { "en" } else { "ru" };
    let concept = match head {
        Some(index) => TOPICS.concepts.get(index),
        None => by_entry(text, language),
    };
    concept.filter(|concept| !concept.not.iter().any(|phrase| is_typed(phrase, text)))
}

/// What a place is called beside its names: adjectives and people.
pub fn adjectives(place: &str) -> Option<&'static Concept> {
    let names = std::iter::once(place).chain(gazetteer::places(place));
    let index = names.into_iter().find_map(|name| PLACES.by_head.get(name).copied());
    index.and_then(|index| PLACES.concepts.get(index))
}

/// The concept with an entry that `text` is a form of; the longest such entry.
fn by_entry(text: &str, language: &str) -> Option<&'static Concept> {
    let entries = TOPICS.concepts.iter().flat_map(|concept| {
        let own = concept.entries.iter().filter(move |entry| entry.language == language);
        own.map(move |entry| (entry, concept))
    });
    let fits = entries.filter(|(entry, _)| is_typed(&entry.tokens, text));
    fits.max_by_key(|(entry, _)| entry.text.len()).map(|(_, concept)| concept)
}

/// Whether the words of `text` are forms of `tokens`, one for one.
fn is_typed(tokens: &[Token], text: &str) -> bool {
    let mut words = text.split_whitespace();
    tokens.iter().all(|token| words.next().is_some_and(|word| token.is_typed(word))) && words.next().is_none()
}

impl Token {
    fn is_typed(self, word: &str) -> bool {
        if word == self.text {
            return true;
        }
        if self.open {
            let rest = word.strip_prefix(self.text);
            return rest.is_some_and(|rest| rest.chars().count() <= TYPED_ENDING_LETTERS_MAX);
        }
        if word.is_ascii() {
            return number::others(word).iter().any(|other| other == self.text);
        }
        let shared = word.chars().zip(self.text.chars()).take_while(|(one, other)| one == other).count();
        let letters = |text: &str| fold::letters(text, 0..text.len());
        shared >= SHARED_LETTERS_MIN
            && Word::new(&letters(self.text), false).accept(&letters(word), || Some("ru")).is_some()
    }
}

/// Blocks with a blank line between: the English words of the concept, then a
/// line for each language, `not` and `unless`.
fn read(table: &'static str) -> Table {
    let mut read = Table { concepts: Vec::new(), by_head: HashMap::new() };
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match (line.split_once(": "), read.concepts.last_mut()) {
            (Some((key, list)), Some(concept)) => concept.add(key, list),
            _ => read.begin(line),
        }
    }
    read
}

impl Table {
    fn begin(&mut self, line: &'static str) {
        let mut heads = line.split(", ");
        let name = heads.clone().next().unwrap_or_default();
        heads.by_ref().for_each(|head| {
            self.by_head.entry(head).or_insert(self.concepts.len());
        });
        let entries = line.split(", ").map(|head| Entry::new("en", head)).collect();
        self.concepts.push(Concept { name, entries, not: Vec::new(), unless: Vec::new() });
    }
}

impl Concept {
    fn add(&mut self, key: &'static str, list: &'static str) {
        let texts = list.split(", ").map(str::trim).filter(|text| !text.is_empty());
        match key {
            "not" => self.not.extend(texts.map(|text| Entry::new("", text).tokens)),
            "unless" => self.unless.extend(texts.map(Token::new)),
            language => self.entries.extend(texts.map(|text| Entry::new(language, text))),
        }
    }
}

impl Entry {
    fn new(language: &'static str, text: &'static str) -> Entry {
        // A hyphen ends a word, as it does in a text.
        let words = text.split([' ', '-', '+']).filter(|word| !word.is_empty());
        Entry { language, text, tokens: words.map(Token::new).collect(), loose: text.contains(" + ") }
    }

    /// As people read it: `санкц…`.
    pub fn shown(&self) -> String {
        self.text.replace('~', "…").replace(" + ", " … ")
    }
}

impl Token {
    fn new(word: &'static str) -> Token {
        match word.strip_suffix('~') {
            Some(text) => Token { text, open: true },
            None => Token { text: word, open: false },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_concept_has_words_in_every_language() {
        for concept in &TOPICS.concepts {
            let languages: BTreeSet<&str> = concept.entries.iter().map(|entry| entry.language).collect();
            assert_eq!(languages.len(), LANGUAGES.len(), "{}: {languages:?}", concept.name);
            for entry in &concept.entries {
                assert!(!language_name(entry.language).is_empty(), "{}: {}", concept.name, entry.language);
                let letters = |token: &Token| token.text.chars().count();
                assert!(
                    entry.tokens.iter().all(|token| letters(token) > 0),
                    "{}: {}",
                    concept.name,
                    entry.text
                );
                let open = entry.tokens.iter().filter(|token| token.open);
                let short = open.min_by_key(|token| letters(token));
                let fine = entry.tokens.len() > 1 || short.is_none_or(|token| letters(token) >= 4);
                assert!(fine, "{}: `{}` is too short to be open", concept.name, entry.text);
            }
        }
        assert!(TOPICS.concepts.len() >= 150, "only {} concepts", TOPICS.concepts.len());
    }

    #[test]
    fn no_concept_is_there_twice() {
        let mut seen = BTreeSet::new();
        for concept in &TOPICS.concepts {
            assert!(seen.insert(concept.name), "{}", concept.name);
        }
    }

    #[test]
    fn a_typed_word_finds_its_concept_in_any_form() {
        let table = [
            ("sanction", Some("sanctions")),
            ("sanctions", Some("sanctions")),
            ("money laundering", Some("money laundering")),
            ("custody", Some("arrest")),
            ("обыск", Some("search")),
            ("обыски", Some("search")),
            ("отмывание денег", Some("money laundering")),
            ("transition", None),
            ("Sanctions", None),
            ("", None),
        ];
        for (text, name) in table {
            assert_eq!(topic(text).map(|concept| concept.name), name, "{text}");
        }
    }

    #[test]
    fn a_place_has_adjectives_by_any_of_its_names() {
        for name in ["Kyrgyzstan", "Киргизия", "Central Asia", "Середня Азія"] {
            assert!(adjectives(name).is_some(), "{name}");
        }
        assert!(adjectives("Temirov").is_none());
    }
}
