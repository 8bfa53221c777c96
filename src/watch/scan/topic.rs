//! What a topic word means in one language, and whether it stands at a place.
//!
//! Invariant: a word counts only in the script and among the words of its own
//! language; a language is told apart by its commonest words, not guessed.

use super::field::Words;
use super::key::Key;
use super::phrase::Place;
use crate::watch::fold::{self, Kind, Letter, Skeleton};
use crate::watch::forms::number;
use crate::watch::forms::word::{Word, script};
use crate::watch::lexicon::{Concept, Entry, Token, language_name};
use std::ops::Range;

/// One way to write a topic, of one or more languages.
#[derive(Debug, Clone)]
pub struct Topic {
    concept: &'static Concept,
    parts: Vec<Part>,
    /// The part to look for first.
    anchor: usize,
    loose: bool,
    languages: Vec<&'static str>,
    shown: String,
}

#[derive(Debug, Clone)]
struct Part {
    /// The skeleton that open words begin with.
    open: Option<String>,
    /// The words of one with endings.
    words: Vec<Word>,
}

/// Certainty of a translation in a text of its language, and in another.
const OWN_LANGUAGE: f64 = 0.9;
const ANY_LANGUAGE: f64 = 0.85;
/// Most words on either side of the anchor of words in any order.
const LOOSE_WORDS: usize = 7;
/// Words on either side that say which language a sentence is in.
const AROUND_WORDS: usize = 12;

/// Words on each side of a hit among which one of `unless` gives it another meaning.
/// Few: a hit that is dropped without need is a missed story.
const UNLESS_WORDS: usize = 6;

/// Words of every other sentence in Russian or Ukrainian that no other of our
/// languages has.
const SLAVIC: &str = "в и на с по из за для что при или после под над без его её их это как был была были \
    через не к во со про під від після що як щодо із і з й є його їх це але";
/// The same of English, and of Uzbek in Latin letters.
const ENGLISH: &str = "the of and for was is by with from at has were that his her its after";
const UZBEK: &str = "va bilan uchun ham esa bu deb bir boʻlib boʻyicha edi";

impl Topic {
    /// Every way to write `concept`, those of several languages once.
    pub fn all(concept: &'static Concept) -> Vec<Topic> {
        let mut topics: Vec<(&'static str, bool, Topic)> = Vec::new();
        for entry in &concept.entries {
            let is_english = entry.language == "en";
            let known =
                topics.iter_mut().find(|(text, english, _)| *text == entry.text && *english == is_english);
            match known {
                Some((.., topic)) => topic.languages.push(entry.language),
                None => {
                    topics.extend(Topic::new(concept, entry).map(|topic| (entry.text, is_english, topic)))
                }
            }
        }
        topics.into_iter().map(|(.., topic)| topic).collect()
    }

    fn new(concept: &'static Concept, entry: &Entry) -> Option<Topic> {
        let parts: Vec<Part> = entry.tokens.iter().map(|token| Part::new(*token)).collect();
        let anchor = (0..parts.len()).max_by_key(|index| entry.tokens[*index].text.len())?;
        let languages = vec![entry.language];
        Some(Topic { concept, parts, anchor, loose: entry.loose, languages, shown: entry.shown() })
    }

    /// With the code of its language, for people.
    pub fn shown(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.languages.iter().map(|language| (*language, self.shown.as_str()))
    }

    /// What the forms of the anchor begin with.
    pub fn keys(&self) -> Vec<Key> {
        self.parts[self.anchor].keys()
    }

    /// The topic with its anchor at word `at`.
    pub fn find(&self, words: &Words, at: usize) -> Option<Place> {
        if !self.parts[self.anchor].fits(words, at) {
            return None;
        }
        let place = if self.loose { self.around(words, at)? } else { self.in_order(words, at)? };
        let language = self.language(words, at)?;
        let is_own = words.language() == Some(language);
        let certainty = if is_own { OWN_LANGUAGE } else { ANY_LANGUAGE };
        let rule = match language {
            "en" => format!("another word for {}", self.concept.name),
            code => format!("{} for {}", language_name(code), self.concept.name),
        };
        Some(Place { words: place, rule, certainty })
    }

    fn in_order(&self, words: &Words, at: usize) -> Option<Range<usize>> {
        let start = at.checked_sub(self.anchor)?;
        let end = start + self.parts.len();
        let adjacent = end <= words.spans.len() && (start..end - 1).all(|word| words.adjacent(word));
        let fits = |(index, part): (usize, &Part)| index == self.anchor || part.fits(words, start + index);
        (adjacent && self.parts.iter().enumerate().all(fits)).then_some(start..end)
    }

    /// Every part near the anchor in its sentence, each at a word of its own.
    fn around(&self, words: &Words, at: usize) -> Option<Range<usize>> {
        let near = words.sentence(at, LOOSE_WORDS);
        let mut taken = vec![at];
        for (_, part) in self.parts.iter().enumerate().filter(|(index, _)| *index != self.anchor) {
            let free = near.clone().filter(|word| !taken.contains(word) && part.fits(words, *word));
            taken.push(free.min_by_key(|word| word.abs_diff(at))?);
        }
        Some(*taken.iter().min()?..taken.iter().max()? + 1)
    }

    /// The language that the words around can be in; none when they speak against all.
    fn language(&self, words: &Words, at: usize) -> Option<&'static str> {
        let kind = script(&words.letters(at));
        let around = words.sentence(at, AROUND_WORDS);
        let has = |common: &str| {
            let mut own = around.clone().map(|word| words.lower(word));
            own.any(|word| common.split_whitespace().any(|known| known == word))
        };
        let fits = |language: &str| match (language, kind) {
            ("en", Kind::Latin) => !has(UZBEK),
            ("uz", Kind::Latin) => !has(ENGLISH),
            ("ru" | "uk", Kind::Cyrillic) => self.is_long() || !words.is_turkic_or_tajik() || has(SLAVIC),
            ("kk" | "ky" | "uz" | "tg", Kind::Cyrillic) => !has(SLAVIC),
            _ => false,
        };
        let said = self.languages.iter().find(|language| words.language() == Some(**language));
        said.into_iter().chain(&self.languages).copied().find(|language| fits(language))
    }

    /// Whether it is too long to be a word of another language by chance.
    fn is_long(&self) -> bool {
        self.shown.chars().count() > SHORT_LETTERS_MAX
    }
}

/// Letters of words that several languages have with other meanings.
const SHORT_LETTERS_MAX: usize = 5;

impl Part {
    fn new(token: Token) -> Part {
        let letters = |text: &str| fold::letters(text, 0..text.len());
        if token.open {
            let skeleton = Skeleton::of(&letters(token.text)).into_string();
            return Part { open: Some(skeleton), words: Vec::new() };
        }
        let mut words = vec![Word::new(&letters(token.text), false)];
        words.extend(number::others(token.text).iter().map(|other| Word::new(&letters(other), false)));
        Part { open: None, words }
    }

    fn keys(&self) -> Vec<Key> {
        // The last letter of an open word can still change with what follows it.
        let open = self.open.iter().map(|skeleton| &skeleton.as_bytes()[..skeleton.len().saturating_sub(1)]);
        let whole = self.words.iter().flat_map(Word::skeletons).map(str::as_bytes);
        let mut keys: Vec<Key> = open.chain(whole).map(Key::of).collect();
        keys.sort_unstable();
        keys.dedup_by(|longer, shorter| shorter.begins(*longer));
        keys
    }

    fn fits(&self, words: &Words, at: usize) -> bool {
        let letters = words.letters(at);
        match &self.open {
            Some(open) => Skeleton::of(&letters).as_str().starts_with(open.as_str()),
            None => self.words.iter().any(|word| word.accept(&letters, || words.language()).is_some()),
        }
    }
}

/// Whether what stands at `place` is not about the concept, by the words there
/// and around.
pub fn is_denied(concept: &Concept, words: &Words, place: &Range<usize>) -> bool {
    let fits = |token: &Token, at: usize| at < words.spans.len() && is_word(*token, &words.letters(at));
    let covers = |phrase: &Vec<Token>| {
        let from = place.start.saturating_sub(phrase.len() - 1);
        (from..place.end)
            .any(|start| phrase.iter().enumerate().all(|(index, token)| fits(token, start + index)))
    };
    if concept.not.iter().any(covers) {
        return true;
    }
    !concept.unless.is_empty() && {
        let mut around = words.sentence(place.start, UNLESS_WORDS);
        around.any(|at| concept.unless.iter().any(|token| fits(token, at)))
    }
}

/// Letter by letter: what is like a word of the concept differs in its letters.
fn is_word(token: Token, letters: &[Letter]) -> bool {
    let mut own = fold::letters(token.text, 0..token.text.len()).into_iter().map(|letter| letter.char);
    let mut text = letters.iter().map(|letter| letter.char);
    own.by_ref().all(|char| text.next() == Some(char)) && (token.open || text.next().is_none())
}
