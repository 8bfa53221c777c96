//! Which parts of a term are a person's given name, surname and patronymic, and
//! what may stand between them.
//!
//! Invariant: a person's name is a phrase too; to read it as a person only adds places.

use super::field::Words;
use crate::watch::fold::{Letter, Skeleton};
use crate::watch::forms::chains;
use crate::watch::forms::word::{Capital, capital};
use crate::watch::gazetteer;
use std::ops::Range;

/// A person's name; parts that hyphens join are one name (`Kassym-Jomart`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub given: Range<usize>,
    pub surname: Range<usize>,
    /// In the term; a text may leave it out.
    pub patronymic: Option<usize>,
}

impl Person {
    /// `gaps` is what stands between the parts, trimmed. None for what is none:
    /// a word without a capital, one name, more than two without a patronymic.
    pub fn of(parts: &[Vec<Letter>], gaps: &[&str]) -> Option<Person> {
        // Of two names with capitals the second is a surname, whatever it says.
        let is_pair = parts.len() == 2 && parts.iter().all(|part| named(part));
        let kin = |part: usize| part > 0 && !is_pair && is_kin(&parts[part]);
        let is_name = |part: usize| named(&parts[part]) || kin(part);
        if !(0..parts.len()).all(is_name) || !gaps.iter().all(|gap| is_joint(gap)) {
            return None;
        }
        let mut names: Vec<Range<usize>> = Vec::new();
        for part in 0..parts.len() {
            match names.last_mut() {
                Some(last) if kin(part) || !gaps[part - 1].is_empty() => last.end += 1,
                _ => names.push(part..part + 1),
            }
        }
        let is_surname = |name: &Range<usize>| name.clone().any(|part| surname(&parts[part]) || kin(part));
        match names.as_slice() {
            [first, last] if is_surname(first) && !is_surname(last) => Some(Person::new(last, first, None)),
            [first, last] => Some(Person::new(first, last, None)),
            [given, middle, last] if is_patronymic(parts, middle) => {
                Some(Person::new(given, last, Some(middle.start)))
            }
            [first, given, last] if is_patronymic(parts, last) && leads(parts, first, given) => {
                Some(Person::new(given, first, Some(last.start)))
            }
            _ => None,
        }
    }

    fn new(given: &Range<usize>, surname: &Range<usize>, patronymic: Option<usize>) -> Person {
        Person { given: given.clone(), surname: surname.clone(), patronymic }
    }
}

/// Whether parts with this between them are one name or two.
fn is_joint(gap: &str) -> bool {
    gap.is_empty() || matches!(gap, "-" | "\u{2010}" | "\u{2011}")
}

/// Somebody's son or daughter: one name with the word before (Кадыр уулу).
fn is_kin(letters: &[Letter]) -> bool {
    chains::is_kin(letters.iter().map(|letter| letter.char))
}

/// Whether a word is written as a name.
fn named(letters: &[Letter]) -> bool {
    capital(letters) != Capital::None
}

/// Whether `first` is the surname before `given` and a patronymic, as official papers
/// have it.
fn leads(parts: &[Vec<Letter>], first: &Range<usize>, given: &Range<usize>) -> bool {
    let is_given = |name: &Range<usize>| {
        let skeleton = Skeleton::of(&parts[name.start]);
        gazetteer::spellings(skeleton.as_str()).next().is_some()
    };
    let is_loud = |name: &Range<usize>| capital(&parts[name.start]) == Capital::All;
    // Of two given names the first is no surname (Anna Maria Milošević).
    first.clone().any(|part| surname(&parts[part])) || (is_loud(first) && !is_loud(given)) || !is_given(first)
}

/// Short patronymics; others that end so are words of their own (Москвич).
const SHORT: &[&str] = &["ильич", "кузьмич", "лукич", "фомич", "никитич", "саввич"];

/// Whether a name of a term is a patronymic: `Asanovich`, `Torokul uulu`.
fn is_patronymic(parts: &[Vec<Letter>], name: &Range<usize>) -> bool {
    let last = &parts[name.end - 1];
    let word: String = last.iter().map(|letter| letter.char).collect();
    let is_long = |end: &str| end != "ич" && last.len() >= end.chars().count() + 3;
    let is_one =
        name.len() == 1 && (SHORT.contains(&word.as_str()) || patronymic(&word).is_some_and(is_long));
    is_one || (name.len() == 2 && is_kin(last))
}

/// Endings of surnames, in both scripts.
const SURNAMES: &[&str] = &[
    "ов", "ев", "ёв", "ова", "ева", "ёва", "ин", "ина", "ский", "ская", "енко", "ov", "ev", "ova", "eva",
    "skiy", "sky", "enko", "уулу", "кызы",
];

fn surname(letters: &[Letter]) -> bool {
    let word: String = letters.iter().map(|letter| letter.char).collect();
    SURNAMES.iter().any(|ending| word.ends_with(ending) && word.len() > ending.len() + 2)
}

/// How patronymics end: the bare form, then what their cases add.
const PATRONYMICS: &[(&[&str], &[&str])] = &[
    (&["ович", "евич", "ич"], &["", "а", "у", "ем", "е", "еві"]),
    (&["овн", "евн", "ичн", "івн", "ївн"], &["а", "ы", "е", "у", "ой", "ою", "и", "і"]),
    (&["ұлы", "қызы", "улы", "кызы"], &["", "ның", "нын", "на", "н", "нда", "нан", "мен"]),
    (&["ovich", "evich", "ovych", "evych", "uly", "qyzy", "kyzy"], &[""]),
    (&["ovn", "evn", "ivn", "ichn"], &["a"]),
];

/// What a patronymic ends with, its case apart.
fn patronymic(word: &str) -> Option<&'static str> {
    let ends = |bare: &str, case: &str| word.strip_suffix(case).is_some_and(|rest| rest.ends_with(bare));
    let of = |(bare, cases): &(&'static [&'static str], &'static [&'static str])| {
        bare.iter().copied().find(|bare| cases.iter().any(|case| ends(bare, case)))
    };
    PATRONYMICS.iter().find_map(of)
}

/// Whether the words `given` stand after a surname as in lists of names (`TEMIROV, Bolot
/// Asanovich`): behind a comma, and before no surname of their own.
pub fn listed(words: &Words, given: &Range<usize>) -> bool {
    let Some(surname) = given.start.checked_sub(1) else { return false };
    let next = words.letters(given.end);
    let own = words.adjacent(given.end - 1) && next.first().is_some_and(|letter| letter.upper);
    words.gap(surname).trim() == "," && (!own || between_names(&next))
}

/// Whether a word can stand between a given name and a surname.
pub fn between_names(letters: &[Letter]) -> bool {
    let word: String = letters.iter().map(|letter| letter.char).collect();
    let upper = letters.first().is_some_and(|letter| letter.upper);
    upper && (letters.len() == 1 || patronymic(&word).is_some())
}
