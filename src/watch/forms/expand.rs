//! Every form of a word, for people who want to see what will be found.
//!
//! Invariant: a form is shown only if [`Word::accept`] takes it.

use super::slavic::CLASSES;
use super::word::{Capital, Word};
use super::{chains, slavic};
use crate::watch::fold::{self, Kind};
use std::collections::BTreeSet;

/// Forms of `word` with their language, the word itself first.
pub fn forms(word: &Word) -> Vec<(&'static str, String)> {
    let mut shown = BTreeSet::new();
    let other = match word.script {
        Kind::Cyrillic => latin(&word.letters),
        _ => cyrillic(&word.letters),
    };
    for letters in [word.letters.clone(), other.chars().collect()] {
        shown.extend(in_script(&letters, word));
    }
    let accepted = |form: &String| word.accept(&fold::letters(form, 0..form.len()), || None).is_some();
    shown.into_iter().filter(|(_, form)| accepted(form)).collect()
}

/// Candidates in the script of `letters`.
fn in_script(letters: &[char], word: &Word) -> Vec<(&'static str, String)> {
    let text: String = letters.iter().collect();
    let script = letters.first().map_or(Kind::Digit, |char| fold::kind(*char));
    let mut forms = vec![("as written", capitalised(&text, word.capital))];
    if script == Kind::Cyrillic {
        for stem in slavic::stems(letters, word.capital != Capital::None) {
            let class = &CLASSES[stem.class];
            let stem: String = stem.letters.iter().collect();
            let endings = class.forms.iter();
            forms.extend(endings.map(|ending| {
                (class.language, capitalised(&format!("{stem}{}", ending.text), word.capital))
            }));
        }
    }
    for (language, endings) in chains::plain_endings(script) {
        let fits = |ending: &&str| {
            chains::form(letters, ending, script, false)
                .is_some_and(|form| form.certainty >= chains::HARMONIOUS)
        };
        let endings = endings.into_iter().filter(fits);
        forms.extend(endings.map(|ending| (language, capitalised(&format!("{text}{ending}"), word.capital))));
    }
    forms
}

fn capitalised(text: &str, capital: Capital) -> String {
    let mut chars = text.chars();
    match (capital, chars.next()) {
        (Capital::None, _) | (_, None) => text.to_owned(),
        (_, Some(first)) => first.to_uppercase().chain(chars).collect(),
    }
}

/// Cyrillic letters in Latin, after BGN/PCGN.
const ROMAN: &[(&str, &str)] = &[
    ("щ", "shch"),
    ("ж", "zh"),
    ("х", "kh"),
    ("ц", "ts"),
    ("ч", "ch"),
    ("ш", "sh"),
    ("ю", "yu"),
    ("я", "ya"),
    ("ё", "yo"),
    ("а", "a"),
    ("б", "b"),
    ("в", "v"),
    ("г", "g"),
    ("д", "d"),
    ("е", "e"),
    ("з", "z"),
    ("и", "i"),
    ("й", "y"),
    ("к", "k"),
    ("л", "l"),
    ("м", "m"),
    ("н", "n"),
    ("о", "o"),
    ("п", "p"),
    ("р", "r"),
    ("с", "s"),
    ("т", "t"),
    ("у", "u"),
    ("ф", "f"),
    ("ы", "y"),
    ("э", "e"),
    ("ь", ""),
    ("ъ", ""),
    ("і", "i"),
    ("ї", "yi"),
    ("є", "ye"),
    ("ґ", "g"),
    ("ә", "a"),
    ("ғ", "gh"),
    ("қ", "q"),
    ("ң", "ng"),
    ("ө", "o"),
    ("ү", "u"),
    ("ұ", "u"),
    ("һ", "h"),
    ("ў", "oʻ"),
    ("ҳ", "h"),
    ("ӣ", "i"),
    ("ӯ", "u"),
    ("ҷ", "j"),
];

fn latin(letters: &[char]) -> String {
    let roman = |char: &char| {
        ROMAN.iter().find(|(cyrillic, _)| cyrillic.starts_with(*char)).map_or("", |(_, latin)| latin)
    };
    letters.iter().map(roman).collect()
}

/// Latin letters in Cyrillic: the longest spelling first.
fn cyrillic(letters: &[char]) -> String {
    let text: String = letters.iter().collect();
    let mut rest = text.as_str();
    let mut made = String::new();
    while let Some(first) = rest.chars().next() {
        let row = ROMAN.iter().find(|(_, latin)| !latin.is_empty() && rest.starts_with(latin));
        let taken = row.map_or(first.len_utf8(), |(_, latin)| latin.len());
        made.push_str(row.map_or("", |(cyrillic, _)| cyrillic));
        rest = &rest[taken..];
    }
    made
}
