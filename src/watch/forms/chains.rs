//! Endings added one after another, from `chains.txt`: Turkic plural,
//! possessive and case, Tajik clitics, the English plural.

use super::Form;
use crate::watch::fold::Kind;
use std::sync::LazyLock;

/// One language in one script.
#[derive(Debug)]
struct Chain {
    language: &'static str,
    script: Kind,
    sounds: Vec<(char, Vec<char>)>,
    slots: Vec<Vec<Ending>>,
    /// Last letters of the word that change before a vowel.
    finals: Vec<(char, char)>,
}

#[derive(Debug)]
struct Ending {
    text: String,
    label: &'static str,
    harmony: Harmony,
}

/// Which vowels an ending goes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harmony {
    Any,
    Front,
    Back,
}

static CHAINS: LazyLock<Vec<Chain>> = LazyLock::new(|| read(include_str!("chains.txt")));

/// Certainty of a chain that keeps, or breaks, the vowel harmony of its stem.
const HARMONIOUS: f64 = 0.95;
const DISSONANT: f64 = 0.7;

/// What `rest` is after the whole word `stem`; `softened` when the word's last
/// letter has changed as before a vowel (Ирак, Ирагы).
pub fn form(stem: &[char], rest: &str, script: Kind, softened: bool) -> Option<Form> {
    let mut best: Option<Form> = None;
    for chain in CHAINS.iter().filter(|chain| chain.script == script) {
        if softened && !(chain.softens(stem) && rest.starts_with(super::vowel)) {
            continue;
        }
        let Some((label, harmony)) = chain.walk(0, rest, Harmony::Any) else { continue };
        let own =
            if chain.language == "ky" || chain.language == "kk" { harmony_of(stem) } else { Harmony::Any };
        let certainty = if agree(own, harmony).is_some() { HARMONIOUS } else { DISSONANT };
        if best.as_ref().is_none_or(|best| best.certainty < certainty) {
            best = Some(Form { language: chain.language, ending: rest.into(), label, certainty });
        }
    }
    best
}

/// The letters a last letter can soften to before a vowel.
pub fn softened(last: char) -> Option<char> {
    CHAINS.iter().flat_map(|chain| &chain.finals).find(|(from, _)| *from == last).map(|(_, to)| *to)
}

/// Endings of one slot alone, by language: what `expand` shows.
pub fn plain_endings(script: Kind) -> Vec<(&'static str, Vec<&'static str>)> {
    let of_script = CHAINS.iter().filter(|chain| chain.script == script);
    of_script.map(|chain| (chain.language, chain.plain())).collect()
}

impl Chain {
    fn plain(&'static self) -> Vec<&'static str> {
        self.slots.iter().flatten().map(|ending| ending.text.as_str()).collect()
    }

    fn softens(&self, stem: &[char]) -> bool {
        stem.last().is_some_and(|last| self.finals.iter().any(|(_, to)| to == last))
    }

    /// Labels of the endings that make up `rest` from slot `at` on.
    fn walk(&self, at: usize, rest: &str, harmony: Harmony) -> Option<(String, Harmony)> {
        if rest.is_empty() {
            return Some((String::new(), harmony));
        }
        for (offset, slot) in self.slots.get(at..)?.iter().enumerate() {
            for ending in slot {
                let Some(after) = rest.strip_prefix(ending.text.as_str()) else { continue };
                let Some(joined) = agree(harmony, ending.harmony) else { continue };
                if let Some((label, harmony)) = self.walk(at + offset + 1, after, joined) {
                    let label = if label.is_empty() {
                        ending.label.into()
                    } else {
                        format!("{} {label}", ending.label)
                    };
                    return Some((label, harmony));
                }
            }
        }
        None
    }

    /// All spellings of a slot's ending, `(x)` there or not.
    fn endings(&self, template: &str, label: &'static str) -> Vec<Ending> {
        let mut made = vec![(String::new(), Harmony::Any)];
        let mut optional = false;
        for char in template.chars() {
            match char {
                '(' => optional = true,
                ')' => optional = false,
                _ => made = self.extended(&made, char, optional),
            }
        }
        made.into_iter().map(|(text, harmony)| Ending { text, label, harmony }).collect()
    }

    fn extended(&self, made: &[(String, Harmony)], char: char, optional: bool) -> Vec<(String, Harmony)> {
        let sounds = self.sounds.iter().find(|(symbol, _)| *symbol == char);
        let letters = sounds.map_or_else(|| vec![char], |(_, letters)| letters.clone());
        let mut next = if optional { made.to_vec() } else { Vec::new() };
        for letter in letters {
            let own = if sounds.is_some() { harmony_of(&[letter]) } else { Harmony::Any };
            for (text, harmony) in made {
                if let Some(harmony) = agree(*harmony, own) {
                    next.push((format!("{text}{letter}"), harmony));
                }
            }
        }
        next
    }
}

/// The harmony of both together; none when they clash.
fn agree(one: Harmony, other: Harmony) -> Option<Harmony> {
    match (one, other) {
        (Harmony::Any, any) | (any, Harmony::Any) => Some(any),
        _ => (one == other).then_some(one),
    }
}

/// Harmony by the last vowel.
fn harmony_of(letters: &[char]) -> Harmony {
    match letters.iter().rev().find(|char| super::vowel(**char)) {
        Some('а' | 'о' | 'ы' | 'у' | 'ұ' | 'я' | 'ю' | 'a' | 'y') => Harmony::Back,
        Some('е' | 'ө' | 'и' | 'і' | 'ү' | 'э' | 'ә' | 'e' | 'i' | 'ü') => Harmony::Front,
        _ => Harmony::Any,
    }
}

fn read(table: &'static str) -> Vec<Chain> {
    let mut chains: Vec<Chain> = Vec::new();
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (keyword, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (keyword, chains.last_mut()) {
            ("chain", _) => chains.push(chain_of(rest)),
            ("sounds", Some(chain)) => chain.sounds = rest.split("; ").filter_map(sounds_of).collect(),
            ("final", Some(chain)) => chain.finals = rest.split_whitespace().filter_map(final_of).collect(),
            ("slot", Some(chain)) => {
                let slot = slot_of(chain, rest);
                chain.slots.push(slot);
            }
            _ => {}
        }
    }
    chains
}

fn chain_of(line: &'static str) -> Chain {
    let (language, script) = line.split_once(' ').unwrap_or((line, ""));
    let script = if script == "latin" { Kind::Latin } else { Kind::Cyrillic };
    Chain { language, script, sounds: Vec::new(), slots: Vec::new(), finals: Vec::new() }
}

fn sounds_of(text: &str) -> Option<(char, Vec<char>)> {
    let (symbol, letters) = text.split_once(": ")?;
    Some((symbol.chars().next()?, letters.chars().filter(|char| *char != ' ').collect()))
}

fn final_of(text: &str) -> Option<(char, char)> {
    let (from, to) = text.split_once('>')?;
    Some((from.chars().next()?, to.chars().next()?))
}

fn slot_of(chain: &Chain, line: &'static str) -> Vec<Ending> {
    let (name, endings) = line.split_once(": ").unwrap_or((line, ""));
    let mut label = name.trim_end_matches(" again");
    let mut slot = Vec::new();
    for ending in endings.split_whitespace() {
        let template = match ending.split_once('=') {
            Some((named, template)) => {
                label = named;
                template
            }
            None => ending,
        };
        slot.extend(chain.endings(template, label).into_iter().filter(|ending| !ending.text.is_empty()));
    }
    slot
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_read_ending_by_ending() {
        let table = [
            ("темиров", "дун", Kind::Cyrillic, Some("genitive")),
            ("кыргызстан", "дагы", Kind::Cyrillic, Some("attributive")),
            ("бишкек", "те", Kind::Cyrillic, Some("locative")),
            ("қазақстан", "дықтар", Kind::Cyrillic, None),
            ("toshkent", "dagilar", Kind::Latin, Some("attributive plural")),
            ("эрон", "иву", Kind::Cyrillic, Some("link and")),
            ("temirov", "'s", Kind::Latin, Some("possessive")),
            ("temirov", "ization", Kind::Latin, None),
        ];
        for (stem, rest, script, label) in table {
            let stem: Vec<char> = stem.chars().collect();
            let form = form(&stem, rest, script, false);
            assert_eq!(form.as_ref().map(|form| form.label.as_str()), label, "{rest}");
        }
    }
}
