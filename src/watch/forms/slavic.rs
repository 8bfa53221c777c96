//! Russian and Ukrainian declension from `slavic.txt`: a word's dictionary
//! form gives its stems, a stem and its class the endings.

use std::collections::HashMap;
use std::sync::LazyLock;

/// One line of declension: all words that end alike and decline alike.
#[derive(Debug)]
pub struct Class {
    pub language: &'static str,
    pub label: &'static str,
    pub forms: Vec<Ending>,
    when: When,
    last: bool,
    ends: Vec<End>,
    letters_min: usize,
}

/// One ending of a class.
#[derive(Debug)]
pub struct Ending {
    pub text: &'static str,
    /// `genitive`.
    pub case: &'static str,
    /// What the form can also be, for an ambiguous one.
    pub ambiguity: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Any,
    Name,
    Common,
}

/// How the dictionary form ends: what stays, what is cut, what is put instead.
#[derive(Debug)]
struct End {
    keep: Vec<char>,
    cut: Vec<char>,
    add: Vec<char>,
}

/// A stem with the class that declines it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stem {
    pub letters: Vec<char>,
    pub class: usize,
}

pub static CLASSES: LazyLock<Vec<Class>> = LazyLock::new(|| read(include_str!("slavic.txt")));

/// Classes by the last letter a word of theirs can have, to look at few of them.
static BY_LAST: LazyLock<HashMap<char, Vec<(usize, usize)>>> = LazyLock::new(|| {
    let mut by_last: HashMap<char, Vec<(usize, usize)>> = HashMap::new();
    for (class, rows) in CLASSES.iter().enumerate() {
        for (end, row) in rows.ends.iter().enumerate() {
            let Some(last) = row.cut.last().or(row.keep.last()) else { continue };
            let letters = letters_of(*last).map_or_else(|| vec![*last], |all| all.chars().collect());
            for letter in letters {
                by_last.entry(letter).or_default().push((class, end));
            }
        }
    }
    by_last
});

/// The stems of `word` (lower case), for a name or a common noun.
pub fn stems(word: &[char], name: bool) -> Vec<Stem> {
    let mut stems: Vec<Stem> = Vec::new();
    let mut closed: Vec<&str> = Vec::new();
    let Some(rows) = word.last().and_then(|last| BY_LAST.get(last)) else { return stems };
    for (class_index, end) in rows {
        let class = &CLASSES[*class_index];
        let wanted = match class.when {
            When::Any => true,
            // A user in a hurry writes names without capitals too.
            When::Name => true,
            When::Common => !name,
        };
        if !wanted || closed.contains(&class.language) {
            continue;
        }
        if let Some(letters) = class.ends[*end].stem(word, class.letters_min) {
            stems.push(Stem { letters, class: *class_index });
            if class.last && name {
                closed.push(class.language);
            }
        }
    }
    stems
}

impl End {
    fn stem(&self, word: &[char], letters_min: usize) -> Option<Vec<char>> {
        let (rest, closing) = strip(word, &self.cut)?;
        strip(rest, &self.keep)?;
        if rest.len() < letters_min {
            return None;
        }
        let mut stem = rest.to_vec();
        for symbol in &self.add {
            match symbol {
                '~' => stem.extend(closing),
                _ => stem.push(*symbol),
            }
        }
        Some(stem)
    }
}

/// Takes `symbols` off the end of `word`; also what `~` stood for.
fn strip<'w>(word: &'w [char], symbols: &[char]) -> Option<(&'w [char], &'w [char])> {
    let mut rest = word;
    let mut closing: &[char] = &[];
    for symbol in symbols.iter().rev() {
        if *symbol == '~' {
            let vowel_at = rest.iter().rposition(|char| super::vowel(*char))?;
            closing = &rest[vowel_at + 1..];
            if closing.is_empty() {
                return None;
            }
            rest = &rest[..=vowel_at];
        } else {
            let (last, before) = rest.split_last()?;
            if !fits(*symbol, *last) {
                return None;
            }
            rest = before;
        }
    }
    Some((rest, closing))
}

const CONSONANTS: &str = "бвдзлмнпрстфгкхґжчшщцbcdfghjklmnpqrstvwxzçšžčğşñ";

/// Letters a symbol of the table stands for; none: itself.
fn letters_of(symbol: char) -> Option<&'static str> {
    Some(match symbol {
        'Т' => "бвдзлмнпрстф",
        'Г' => "гкхґқғңҳ",
        'Ш' => "жчшщцҷ",
        'L' => "bcdfghjklmnpqrstvwxzçšžčğşñ",
        'C' => CONSONANTS,
        '~' => "бвдзлмнпрстфгкхґжчшщцьbcdfghjklmnpqrstvwxz",
        'V' => "аеёиоуыэюяіїєaeiouy",
        _ => return None,
    })
}

fn fits(symbol: char, letter: char) -> bool {
    symbol == letter || (symbol.is_uppercase() && letters_of(symbol).is_some_and(|all| all.contains(letter)))
}

/// Reads the table; it is ours, and a test reads every line.
fn read(table: &'static str) -> Vec<Class> {
    let mut classes: Vec<Class> = Vec::new();
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (keyword, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (keyword, classes.last_mut()) {
            ("class", _) => classes.push(class_of(rest)),
            ("ends", Some(class)) => class.ends = rest.split_whitespace().map(end_of).collect(),
            ("forms", Some(class)) => class.forms = rest.split("; ").flat_map(endings_of).collect(),
            ("min", Some(class)) => class.letters_min = rest.parse().unwrap_or(2),
            _ => {}
        }
    }
    classes
}

fn class_of(line: &'static str) -> Class {
    let mut parts = line.splitn(3, ' ');
    let language = parts.next().unwrap_or_default();
    let when = match parts.next() {
        Some("name") => When::Name,
        Some("common") => When::Common,
        _ => When::Any,
    };
    let label = parts.next().unwrap_or_default();
    let last = label.ends_with('!');
    let label = label.trim_end_matches('!');
    Class { language, label, when, last, forms: Vec::new(), ends: Vec::new(), letters_min: 2 }
}

fn end_of(text: &str) -> End {
    let (keep, rest) = text.split_once('|').unwrap_or(("", text));
    let (cut, add) = rest.split_once('>').unwrap_or((rest, ""));
    End { keep: keep.chars().collect(), cut: cut.chars().collect(), add: add.chars().collect() }
}

fn endings_of(group: &'static str) -> Vec<Ending> {
    let (case, endings) = group.split_once(": ").unwrap_or(("", group));
    let (case, ambiguity) = match case.split_once(" ? ") {
        Some((case, ambiguity)) => (case, Some(ambiguity)),
        None => (case, None),
    };
    let text = |ending: &'static str| if ending == "-" { "" } else { ending };
    endings.split_whitespace().map(|ending| Ending { text: text(ending), case, ambiguity }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_ends_and_forms() {
        for class in CLASSES.iter() {
            assert!(!class.ends.is_empty() && !class.forms.is_empty(), "{} {}", class.language, class.label);
        }
    }

    #[test]
    fn stems_by_how_a_word_ends() {
        let table = [
            ("темиров", "темиров"),
            ("казанец", "казанц"),
            ("київ", "києв"),
            ("литва", "литв"),
            ("россия", "росси"),
            ("америка", "америц"),
        ];
        for (word, stem) in table {
            let word: Vec<char> = word.chars().collect();
            let stems = stems(&word, true);
            assert!(
                stems.iter().any(|found| found.letters.iter().collect::<String>() == stem),
                "{word:?}: {stems:?}"
            );
        }
    }
}
