//! A term of one word or several, compiled, and whether it stands at a place.
//!
//! Each part takes its own form. A name of persons may turn round, shorten its
//! other parts to initials and have a patronymic in between.

use super::Use;
use super::field::Words;
use crate::watch::fold::{self, Letter};
use crate::watch::forms::word::{Capital, Word};
use crate::watch::forms::{Form, expand};
use crate::watch::gazetteer;
use std::ops::Range;

#[derive(Debug, Clone)]
pub struct Phrase {
    parts: Vec<Part>,
    /// The part to look for first.
    anchor: usize,
    /// Whether spaces, not hyphens, are between the parts.
    spaced: bool,
    /// Whether the parts may stand as those of a person's name do.
    person: bool,
    /// Whether no form of it stands in lower case in a text that has capitals.
    capital_only: bool,
}

#[derive(Debug, Clone)]
struct Part {
    /// As the term has it.
    written: String,
    spellings: Vec<Word>,
}

/// Where a phrase stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    pub words: Range<usize>,
    pub rule: String,
    pub certainty: f64,
}

/// One part found at a word of the text.
struct Fit {
    word: usize,
    rule: String,
    certainty: f64,
    /// Whether the part's capital is there (or it has none).
    cased: bool,
}

/// Certainty of initials and of a turned order, against the name in full.
const INITIAL: f64 = 0.8;
/// Certainty of another spelling of a given name.
const SPELLING: f64 = 0.9;
/// Certainty of a name of several words that the text writes without any
/// capital (министерства иностранных дел).
const LOWER_CASE: f64 = 0.6;
const TURNED: f64 = 0.95;
const PATRONYMIC: f64 = 0.95;

impl Phrase {
    /// Compiles `text`; none when there is no word in it.
    ///
    /// `use_of` says whether other spellings and derived words count.
    pub fn new(text: &str, use_of: Use) -> Option<Phrase> {
        let words = Words::new(text, None);
        let letters: Vec<Vec<Letter>> = (0..words.spans.len()).map(|index| words.letters(index)).collect();
        let parts: Vec<Part> = letters
            .iter()
            .zip(&words.spans)
            .map(|(letters, span)| Part::new(&text[span.range()], letters, use_of))
            .collect();
        let spaced = (1..parts.len()).all(|index| words.gap(index - 1).trim().is_empty());
        let person = spaced && (2..=3).contains(&parts.len()) && parts.iter().all(Part::named);
        let anchor = anchor(&parts, person)?;
        let capital_only = parts.len() == 1 && parts[0].named() && !use_of.derived;
        Some(Phrase { parts, anchor, spaced, person, capital_only })
    }

    /// Skeletons that the anchor's forms begin with.
    pub fn keys(&self) -> Vec<&str> {
        self.parts[self.anchor].spellings.iter().flat_map(Word::keys).collect()
    }

    /// The phrase with its anchor at word `at`.
    pub fn find(&self, words: &Words, at: usize) -> Option<Place> {
        // Most candidates of a short list end here, before anything is folded.
        if self.capital_only && words.lower_among_capitals(at) {
            return None;
        }
        let fit = self.fit(self.anchor, words, at)?;
        if self.parts.len() == 1 {
            return fit.cased.then(|| Place { words: at..at + 1, rule: fit.rule, certainty: fit.certainty });
        }
        let in_order = self.in_order(words, at);
        if in_order.is_some() || !self.person || self.parts.len() != 2 {
            return in_order;
        }
        self.as_person(words, fit)
    }

    /// All parts one after the other.
    fn in_order(&self, words: &Words, at: usize) -> Option<Place> {
        let start = at.checked_sub(self.anchor)?;
        let mut fits = Vec::with_capacity(self.parts.len());
        for part in 0..self.parts.len() {
            if part > 0 && !words.adjacent(start + part - 1) {
                return None;
            }
            fits.push(self.fit(part, words, start + part)?);
        }
        let cased = self.parts.iter().zip(&fits).any(|(part, fit)| part.named() && fit.cased);
        let cased = cased || self.parts.iter().all(|part| !part.named());
        (cased || self.spaced).then(|| place(fits, if cased { 1.0 } else { LOWER_CASE }, ""))
    }

    /// The other part before or after the anchor, in full or as an initial, a
    /// patronymic or an initial between.
    fn as_person(&self, words: &Words, anchor: Fit) -> Option<Place> {
        let other = 1 - self.anchor;
        let before = |steps: usize| anchor.word.checked_sub(steps);
        let after = |steps: usize| Some(anchor.word + steps);
        let turned = |is_before: bool| if is_before == (other < self.anchor) { 1.0 } else { TURNED };
        let ways = [(before(1), 1, true), (before(2), 2, true), (after(1), 1, false), (after(2), 2, false)];
        for (word, steps, is_before) in ways {
            let Some(word) = word.filter(|word| *word < words.spans.len()) else { continue };
            let low = word.min(anchor.word);
            if !(low..low + steps).all(|index| words.adjacent(index)) {
                continue;
            }
            if steps == 2 && !between_names(&words.letters(low + 1)) {
                continue;
            }
            let between = if steps == 2 { PATRONYMIC } else { 1.0 };
            let fit = self.fit(other, words, word).filter(|fit| fit.cased);
            let Some(fit) = fit.or_else(|| self.initial(other, words, word)) else { continue };
            let how = match (turned(is_before) < 1.0, steps == 2) {
                (true, _) => "name turned round",
                (_, true) => "patronymic between",
                _ => "",
            };
            let certainty = turned(is_before) * between;
            let fits = if is_before { vec![fit, anchor] } else { vec![anchor, fit] };
            return Some(place(fits, certainty, how));
        }
        None
    }

    /// Every form of the term `text` with its language: each part inflected, the
    /// others as written, all in one script.
    pub fn expand(&self, text: &str) -> Vec<(String, String)> {
        let spans: Vec<fold::Span> = fold::words(text).collect();
        let gaps: Vec<&str> = spans.windows(2).map(|pair| &text[pair[0].end..pair[1].start]).collect();
        let forms = |part: &Part| part.spellings.iter().flat_map(expand::forms).collect();
        let parts: Vec<Vec<(&str, String)>> = self.parts.iter().map(forms).collect();
        let mut shown = Vec::new();
        for (index, forms) in parts.iter().enumerate() {
            for (language, form) in forms {
                let mut whole = String::new();
                for (at, part) in self.parts.iter().enumerate() {
                    whole.push_str(if at > 0 { gaps.get(at - 1).unwrap_or(&" ") } else { "" });
                    whole.push_str(if at == index { form } else { part.like(form, &parts[at]) });
                }
                shown.push(((*language).to_owned(), whole));
            }
        }
        shown
    }

    /// One part at one word.
    fn fit(&self, part: usize, words: &Words, at: usize) -> Option<Fit> {
        let letters = words.letters(at);
        let several = self.parts.len() > 1;
        let mut best: Option<Fit> = None;
        for (index, word) in self.parts[part].spellings.iter().enumerate() {
            let Some(form) = word.accept(&letters, words.language()) else { continue };
            let capital = if form.derived { Capital::None } else { word.capital };
            let case = words.case_evidence(capital, &letters);
            if case.is_none() && !several {
                continue;
            }
            let (factor, note) = case.unwrap_or((0.9, "in lower case"));
            let certainty = form.certainty * factor * if index > 0 { SPELLING } else { 1.0 };
            if best.as_ref().is_none_or(|best| best.certainty < certainty) {
                let mut rule = rule(word, &letters, &form, note);
                if index > 0 {
                    rule = format!("{rule}; other spelling of {}", self.parts[part].name());
                }
                best = Some(Fit { word: at, rule, certainty, cased: case.is_some() });
            }
        }
        best
    }

    /// One letter that stands for a part.
    fn initial(&self, part: usize, words: &Words, at: usize) -> Option<Fit> {
        let letters = words.letters(at);
        let is_initial = letters.len() == 1 || (letters.len() == 2 && words.gap(at).starts_with('.'));
        if !is_initial || !letters.first()?.upper {
            return None;
        }
        let skeleton = fold::Skeleton::of(&letters);
        let fits = |word: &Word| word.keys().iter().any(|key| key.starts_with(skeleton.as_str()));
        let word = self.parts[part].spellings.iter().find(|word| fits(word))?;
        let rule = format!("initial of {}", word.letters.iter().collect::<String>());
        Some(Fit { word: at, rule, certainty: INITIAL, cased: true })
    }
}

impl Part {
    fn new(written: &str, letters: &[Letter], use_of: Use) -> Part {
        let mut spellings = vec![Word::new(letters, use_of.derived)];
        if use_of.given_names && spellings[0].capital == Capital::First {
            let name: String = spellings[0].letters.iter().collect();
            spellings.extend(gazetteer::given_names(&name).into_iter().map(spelling_of));
        }
        Part { written: written.to_owned(), spellings }
    }

    fn name(&self) -> String {
        self.spellings.first().map_or_else(String::new, |word| word.letters.iter().collect())
    }

    /// The part as written, in the script of `other`; `forms` are its own.
    fn like<'f>(&'f self, other: &str, forms: &'f [(&str, String)]) -> &'f str {
        let kind = |text: &str| text.chars().next().map(fold::kind);
        let mut written = forms.iter().filter(|(language, _)| *language == "as written");
        match written.find(|(_, form)| kind(form) == kind(other)) {
            Some((_, form)) if kind(&self.written) != kind(other) => form,
            _ => &self.written,
        }
    }

    fn named(&self) -> bool {
        self.spellings.first().is_some_and(|word| word.capital != Capital::None)
    }
}

fn spelling_of(name: &str) -> Word {
    Word::new(&fold::letters(name, 0..name.len()), false)
}

/// Which part to look for: a person's last, else the longest.
fn anchor(parts: &[Part], person: bool) -> Option<usize> {
    let letters = |part: &Part| part.spellings.first().map_or(0, |word| word.letters.len());
    if person {
        let surname = |part: &Part| part.spellings.first().is_some_and(|word| surname(&word.letters));
        let last = parts.len().checked_sub(1)?;
        return match parts.first().is_some_and(surname) && !surname(&parts[last]) {
            true => Some(0),
            false => Some(last),
        };
    }
    (0..parts.len()).max_by_key(|index| letters(&parts[*index]))
}

/// Endings of surnames, in both scripts.
const SURNAMES: &[&str] = &[
    "ов", "ев", "ёв", "ова", "ева", "ёва", "ин", "ина", "ский", "ская", "енко", "ov", "ev", "ova", "eva",
    "skiy", "sky", "enko", "уулу", "кызы",
];

fn surname(letters: &[char]) -> bool {
    let word: String = letters.iter().collect();
    SURNAMES.iter().any(|ending| word.ends_with(ending) && word.len() > ending.len() + 2)
}

/// Endings of patronymics.
const PATRONYMICS: &[&str] = &[
    "ович",
    "евич",
    "ич",
    "овна",
    "евна",
    "ична",
    "овича",
    "евича",
    "овичу",
    "овны",
    "евны",
    "ович",
    "ovich",
    "evich",
    "ovna",
    "evna",
    "ович",
    "івна",
    "івни",
    "йовича",
    "евичем",
    "овичем",
    "ұлы",
    "қызы",
    "uly",
    "qyzy",
];

/// Whether a word can stand between a given name and a surname.
fn between_names(letters: &[Letter]) -> bool {
    let word: String = letters.iter().map(|letter| letter.char).collect();
    let upper = letters.first().is_some_and(|letter| letter.upper);
    upper && (letters.len() == 1 || PATRONYMICS.iter().any(|ending| word.ends_with(ending)))
}

/// A place from its parts, in the order of the text.
fn place(fits: Vec<Fit>, factor: f64, how: &str) -> Place {
    let start = fits.iter().map(|fit| fit.word).min().unwrap_or_default();
    let end = fits.iter().map(|fit| fit.word + 1).max().unwrap_or_default();
    let certainty = fits.iter().map(|fit| fit.certainty).fold(1.0, f64::min) * factor;
    let mut rule = fits.into_iter().map(|fit| fit.rule).collect::<Vec<_>>().join("; ");
    if !how.is_empty() {
        rule = format!("{rule}; {how}");
    }
    Place { words: start..end, rule, certainty }
}

/// `temirov + ым (ru, surname of a man, instrumental)`.
fn rule(word: &Word, letters: &[Letter], form: &Form, note: &str) -> String {
    let written: String = letters.iter().map(|letter| letter.char).collect();
    let stem = written.strip_suffix(form.ending.as_str()).unwrap_or(&written);
    let mut rule = match (form.language, form.ending.as_str()) {
        ("", _) => format!("{} ({})", word.letters.iter().collect::<String>(), form.label),
        (language, "") => format!("stem {stem} ({language}, {})", form.label),
        (language, ending) => format!("stem {stem} + {ending} ({language}, {})", form.label),
    };
    if !note.is_empty() {
        rule = format!("{rule}; {note}");
    }
    rule
}
