//! Words side by side that are not one name: places and topics.
//!
//! Invariant: whatever the gazetteer or the lexicon does not know, and every
//! name of a person or a firm, stays one phrase.

use crate::watch::{gazetteer, lexicon};

/// The words of one sentence that are looked for apart: `Central Asia`, `summit`;
/// none where `text` is one name, one topic or an unknown phrase.
pub(super) fn units(text: &str) -> Option<Vec<String>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let plain = |word: &&str| word.chars().all(|char| char.is_alphabetic() || "-'ʻ’".contains(char));
    let is_one = || lexicon::topic(text).is_some() || !gazetteer::places(text).is_empty();
    if words.len() < 2 || !words.iter().all(plain) || is_one() {
        return None;
    }
    let mut units: Vec<String> = Vec::new();
    let mut known = 0;
    let mut at = 0;
    while at < words.len() {
        let (length, is_known) = unit(&words[at..])?;
        known += usize::from(is_known);
        units.push(words[at..at + length].join(" "));
        at += length;
    }
    let topics = units.iter().any(|unit| is_lower(unit));
    (units.len() > 1 && known > 0 && topics).then_some(units)
}

/// How many of `words` are the first unit, and whether it is known; none for a
/// word in lower case that is not.
fn unit(words: &[&str]) -> Option<(usize, bool)> {
    let longest = (1..=words.len()).rev().find(|length| is_known(&words[..*length].join(" ")));
    if let Some(length) = longest {
        return Some((length, true));
    }
    // A name goes on to the next place or topic.
    let is_name = |index: usize| {
        !is_lower(words[index])
            && !(1..=words.len() - index).any(|length| is_known(&words[index..index + length].join(" ")))
    };
    let length = (0..words.len()).take_while(|index| is_name(*index)).count();
    (length > 0).then_some((length, false))
}

fn is_known(text: &str) -> bool {
    match is_lower(text) {
        true => lexicon::topic(text).is_some(),
        false => !gazetteer::places(text).is_empty() || lexicon::adjectives(text).is_some(),
    }
}

fn is_lower(text: &str) -> bool {
    text.starts_with(char::is_lowercase)
}
