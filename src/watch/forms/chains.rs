//! Endings added one after another, from `chains.txt`: Turkic plural,
//! possessive and case, Tajik clitics, the English plural.

use super::{Form, Label};
use crate::watch::fold::Kind;
use std::sync::LazyLock;

/// One language in one script.
#[derive(Debug)]
struct Chain {
    language: &'static str,
    script: Kind,
    sounds: Vec<(char, Vec<char>)>,
    slots: Vec<Slot>,
    /// Last letters of the word that change before a vowel.
    finals: Vec<(char, char)>,
    /// Whether the sounds of an ending go by those before it.
    assimilates: bool,
}

/// Endings of which one word takes at most one.
#[derive(Debug)]
struct Slot {
    name: &'static str,
    /// Stands only after an attributive ending.
    again: bool,
    endings: Vec<Ending>,
}

#[derive(Debug)]
struct Ending {
    text: String,
    first: char,
    label: &'static str,
    harmony: Harmony,
    /// Stands only after a possessive ending.
    possessive_before: bool,
}

/// What is known of the word so far.
#[derive(Debug, Clone, Copy)]
struct State {
    slot: usize,
    last: char,
    harmony: Harmony,
    possessive: bool,
    attributive: bool,
}

/// Which vowels an ending goes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harmony {
    Any,
    Front,
    Back,
}

static CHAINS: LazyLock<Vec<Chain>> = LazyLock::new(|| read(include_str!("chains.txt")));

/// Somebody's son or daughter in a name (Тажибек кызы): possessive as it stands.
const KIN: &[&str] = &[
    "уулу", "кызы", "ұлы", "қызы", "улы", "оглы", "кизи", "ўғли", "қизи", "uulu", "kyzy", "uly", "qyzy",
    "ogli", "o'g'li", "ugli", "qizi", "kizi",
];

/// Whether a word of a name says whose son or daughter somebody is.
pub fn is_kin(word: impl Iterator<Item = char> + Clone) -> bool {
    KIN.iter().any(|kin| word.clone().eq(kin.chars()))
}

/// Certainty of a chain that keeps, or breaks, the vowel harmony of its stem.
pub const HARMONIOUS: f64 = 0.95;
const DISSONANT: f64 = 0.5;
/// Certainty that a form of a man's surname is one, where it looks like a woman's.
const WOMAN: f64 = 0.4;

/// What `rest` is after the whole word `stem`; `softened` when the word's last
/// letter has changed as before a vowel (Ирак, Ирагы).
pub fn form(stem: &[char], rest: &str, script: Kind, softened: bool) -> Option<Form> {
    let mut best: Option<Form> = None;
    for chain in CHAINS.iter().filter(|chain| chain.script == script) {
        if softened && !(chain.softens(stem) && rest.starts_with(super::vowel)) {
            continue;
        }
        let last = stem.iter().rev().find(|char| **char != 'ь').copied().unwrap_or_default();
        let possessive = is_kin(stem.iter().copied());
        let state = State { slot: 0, last, harmony: Harmony::Any, possessive, attributive: false };
        let Some((endings, harmony)) = chain.walk(state, rest) else { continue };
        let own = if chain.assimilates { stem_harmony(stem) } else { Harmony::Any };
        let certainty = match agree(own, harmony) {
            Some(_) => HARMONIOUS,
            None if rest.starts_with(super::vowel) => continue,
            None => DISSONANT,
        };
        if best.as_ref().is_none_or(|best| best.certainty < certainty) {
            let (label, certainty) = match chain.language == "tk" && is_woman(stem, rest) {
                true => (Label::Woman(endings), WOMAN),
                false => (Label::Chained(endings), certainty),
            };
            best = Some(Form { language: chain.language, label, certainty, derived: false });
        }
    }
    best
}

/// Whether a Turkmen ending makes a woman's surname (Nurlanova) of a man's that is not
/// spelled as Turkmen has it (Nurlanow).
fn is_woman(stem: &[char], rest: &str) -> bool {
    rest.starts_with('a') && matches!(stem, [.., 'o' | 'e', 'v'])
}

/// A woman's surname (Жапаровадан) for a man's: sources in Kazakh and Kyrgyz mix
/// them, so it stays, and says so.
pub fn woman(stem: &[char], rest: &str) -> Option<Form> {
    let surname = matches!(stem, [.., 'о' | 'е' | 'ё', 'в'] | [.., 'и', 'н']);
    let after = rest.strip_prefix('а').filter(|after| surname && !after.is_empty())?;
    let form = form(&[stem, &['а']].concat(), after, Kind::Cyrillic, false)?;
    let Label::Chained(endings) = form.label else { return None };
    let label = Label::Woman(endings);
    matches!(form.language, "kk" | "ky").then_some(Form { label, certainty: WOMAN, ..form })
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
        let endings = self.slots.iter().filter(|slot| !slot.again).flat_map(|slot| &slot.endings);
        endings.filter(|ending| !ending.possessive_before).map(|ending| ending.text.as_str()).collect()
    }

    fn softens(&self, stem: &[char]) -> bool {
        // The apostrophe of gʻ is a letter of its own.
        let last = stem.iter().rev().find(|letter| **letter != '\'');
        last.is_some_and(|last| self.finals.iter().any(|(_, to)| to == last))
    }

    /// Names of the endings that make up `rest`, the last one first, and their
    /// harmony.
    fn walk(&self, state: State, rest: &str) -> Option<(Vec<&'static str>, Harmony)> {
        let Some(first) = rest.chars().next() else { return Some((Vec::new(), state.harmony)) };
        for (index, slot) in self.slots.iter().enumerate().skip(state.slot) {
            if slot.again && !state.attributive {
                continue;
            }
            for ending in slot.endings.iter().filter(|ending| ending.first == first) {
                let Some(after) = rest.strip_prefix(ending.text.as_str()) else { continue };
                let Some(next) = self.step(state, index, slot, ending) else { continue };
                if let Some((mut endings, harmony)) = self.walk(next, after) {
                    endings.push(ending.label);
                    return Some((endings, harmony));
                }
            }
        }
        None
    }

    /// The word with one more ending; none when the ending cannot stand there.
    fn step(&self, state: State, index: usize, slot: &Slot, ending: &Ending) -> Option<State> {
        let bare =
            ending.label == "possessive" && !ending.text.contains(super::vowel) && ending.first != '\'';
        if (ending.possessive_before && !state.possessive)
            || (bare && !super::vowel(state.last))
            || (self.assimilates && !follows(state.last, ending))
        {
            return None;
        }
        Some(State {
            slot: index + 1,
            last: ending.text.chars().last()?,
            harmony: agree(state.harmony, ending.harmony)?,
            possessive: slot.name == "possessive",
            attributive: state.attributive || ending.label == "attributive",
        })
    }

    /// All spellings of a slot's ending, `(x)` there or not, but the empty one.
    fn endings(&self, template: &str, label: &'static str) -> Vec<Ending> {
        let possessive_before = template.starts_with('+');
        let mut made = vec![(String::new(), Harmony::Any)];
        let mut optional = false;
        for char in template.trim_start_matches('+').chars() {
            match char {
                '(' => optional = true,
                ')' => optional = false,
                _ => made = self.extended(&made, char, optional),
            }
        }
        let ending = |(text, harmony): (String, Harmony)| {
            let first = text.chars().next()?;
            Some(Ending { text, first, label, harmony, possessive_before })
        };
        made.into_iter().filter_map(ending).collect()
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

/// Whether an ending's first sound can stand after `last`.
fn follows(last: char, ending: &Ending) -> bool {
    let open = "аеоыіөүәэя".contains(last);
    match ending.first {
        'т' | 'к' | 'қ' | 'п' => "пкқтсшщчцфхһбвгд".contains(last),
        'с' if ending.text.chars().count() == 2 => open || "иую".contains(last),
        _ if super::vowel(ending.first) => !open,
        _ => true,
    }
}

/// Harmony that a stem asks for: loans leave it open.
fn stem_harmony(stem: &[char]) -> Harmony {
    let open = ["ов", "ев", "ёв", "ин", "ь"];
    let word: String = stem.iter().collect();
    match stem.iter().rev().find(|char| super::vowel(**char)) {
        Some('и' | 'у' | 'ю' | 'ё') => Harmony::Any,
        _ if open.iter().any(|ending| word.ends_with(ending)) => Harmony::Any,
        _ => harmony_of(stem),
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
            ("assimilates", Some(chain)) => chain.assimilates = true,
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
    Chain { language, script, sounds: Vec::new(), slots: Vec::new(), finals: Vec::new(), assimilates: false }
}

fn sounds_of(text: &str) -> Option<(char, Vec<char>)> {
    let (symbol, letters) = text.split_once(": ")?;
    Some((symbol.chars().next()?, letters.chars().filter(|char| *char != ' ').collect()))
}

fn final_of(text: &str) -> Option<(char, char)> {
    let (from, to) = text.split_once('>')?;
    Some((from.chars().next()?, to.chars().next()?))
}

fn slot_of(chain: &Chain, line: &'static str) -> Slot {
    let (name, templates) = line.split_once(": ").unwrap_or((line, ""));
    let again = name.ends_with(" again");
    let name = name.trim_end_matches(" again");
    let mut label = name;
    let mut endings = Vec::new();
    for template in templates.split_whitespace() {
        let template = match template.split_once('=') {
            Some((named, template)) => {
                label = named;
                template
            }
            None => template,
        };
        endings.extend(chain.endings(template, label));
    }
    Slot { name, again, endings }
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
            ("марк", "ин", Kind::Cyrillic, None),
            ("брикс", "тона", Kind::Cyrillic, None),
            ("биримдик", "инин", Kind::Cyrillic, Some("possessive genitive")),
            ("temirov", "'s", Kind::Latin, Some("possessive")),
            ("кызы", "на", Kind::Cyrillic, Some("dative")),
            ("уулу", "н", Kind::Cyrillic, Some("accusative")),
            ("қызы", "нда", Kind::Cyrillic, Some("locative")),
            ("кызыл", "на", Kind::Cyrillic, None),
            ("temirov", "ization", Kind::Latin, None),
            ("temirov", "a", Kind::Latin, Some("dative; by its form a woman's surname")),
            ("temirow", "a", Kind::Latin, Some("dative")),
            ("temirov", "am", Kind::Latin, Some("particle")),
        ];
        for (stem, rest, script, label) in table {
            let stem: Vec<char> = stem.chars().collect();
            let told = form(&stem, rest, script, false).map(|form| {
                let mut told = String::new();
                form.label.tell(&mut told);
                told
            });
            assert_eq!(told.as_deref(), label, "{rest}");
        }
    }
}
