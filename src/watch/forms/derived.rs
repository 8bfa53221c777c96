//! Words derived from a name (бадахшанский, Қырғызстандық), from `derived.txt`.

use super::{Form, Label, chains};
use crate::watch::fold::Kind;
use std::sync::LazyLock;

struct Row {
    language: &'static str,
    script: Kind,
    declension: &'static str,
    endings: Vec<&'static str>,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let lines = include_str!("derived.txt").lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).filter_map(row_of).collect()
});

/// Certainty of a derived word.
const DERIVED: f64 = 0.7;

const ADJECTIVE: &[&str] = &[
    "ий", "ая", "ое", "ие", "ого", "ому", "им", "ом", "ой", "ую", "их", "ими", "ою", "а", "е", "і", "ої",
    "ій", "у",
];
const NOUN: &[&str] = &[
    "", "а", "у", "ем", "ом", "е", "ы", "и", "ев", "ов", "ам", "ами", "ах", "ин", "ина", "ину", "ином",
    "ине", "s", "'s",
];

/// What `rest` makes of `stem` as a derived word; the stem lacks the vowel the
/// name may end in.
pub fn form(stem: &[char], rest: &str, script: Kind) -> Option<Form> {
    for row in ROWS.iter().filter(|row| row.script == script) {
        for ending in &row.endings {
            let Some(after) = rest.strip_prefix(ending) else { continue };
            let declined = match row.declension {
                "adjective" => ADJECTIVE.contains(&after),
                "noun" => NOUN.contains(&after),
                _ => {
                    after.is_empty() || {
                        let word: Vec<char> = stem.iter().copied().chain(ending.chars()).collect();
                        chains::form(&word, after, script, false).is_some()
                    }
                }
            };
            if declined {
                let label = Label::Derived(ending);
                return Some(Form { language: row.language, label, certainty: DERIVED, derived: true });
            }
        }
    }
    None
}

fn row_of(line: &'static str) -> Option<Row> {
    let (head, endings) = line.split_once(": ")?;
    let mut head = head.split(' ');
    let language = head.next()?;
    let script = if head.next()? == "latin" { Kind::Latin } else { Kind::Cyrillic };
    Some(Row { language, script, declension: head.next()?, endings: endings.split(' ').collect() })
}
