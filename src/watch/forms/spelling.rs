//! The other ways to spell a name, from `spelling.txt`.

use crate::watch::fold::{Kind, Skeleton};
use std::sync::LazyLock;

/// One reading of a term's letters.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub skeleton: String,
    /// Script of the texts it holds for; none: both.
    pub script: Option<Kind>,
    /// `j read as y`; none for the letters as they are.
    pub rule: Option<&'static str>,
    pub certainty: f64,
}

struct Rule {
    term: Kind,
    script: Option<Kind>,
    certainty: f64,
    text: &'static str,
    changes: Vec<Change>,
    /// Letters that a place to change has first or second, as bits of [`bit`].
    marks: [u64; 2],
}

/// One place to change, and how.
struct Change {
    from: Vec<char>,
    to: Vec<char>,
    /// The first letter it cannot do without, and how many go before it.
    mark: (usize, char),
    /// Letters it cannot do without, as bits of [`bit`].
    needs: u64,
}

/// The bit of a letter; letters may share one.
fn bit(letter: char) -> u64 {
    1 << (letter as u32 % 64)
}

/// Letters as bits.
fn mask(letters: &[char]) -> u64 {
    let own = letters.iter().filter(|char| !matches!(char, '^' | '$' | 'V' | 'C'));
    own.fold(0, |mask, letter| mask | bit(*letter))
}

/// Most readings of one stem: each more is one more key to look up.
const READINGS_MAX: usize = 16;
const READINGS_USUAL: usize = 8;

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let lines = include_str!("spelling.txt").lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).filter_map(rule_of).collect()
});

/// Letters that some rule begins with: words without any are read in one way.
static TRIGGERS: LazyLock<Vec<char>> = LazyLock::new(|| {
    let firsts = RULES
        .iter()
        .flat_map(|rule| &rule.changes)
        .filter_map(|change| change.from.iter().copied().find(|char| !matches!(char, '^' | 'V' | 'C')));
    let mut firsts: Vec<char> = firsts.collect();
    firsts.sort_unstable();
    firsts.dedup();
    firsts
});

/// All readings of a stem; the first is the letters as they are. `whole` when
/// nothing was cut from the word.
pub fn readings(stem: &[char], script: Kind, whole: bool) -> Vec<Reading> {
    let own = Reading { skeleton: skeleton(stem), script: None, rule: None, certainty: 1.0 };
    if !stem.iter().any(|char| TRIGGERS.binary_search(char).is_ok()) {
        return vec![own];
    }
    let mut readings = Vec::with_capacity(READINGS_USUAL);
    readings.push(own);
    let mut spelled: Vec<Vec<char>> = Vec::with_capacity(READINGS_USUAL);
    spelled.push(stem.to_vec());
    let has = mask(stem);
    for rule in RULES.iter().filter(|rule| rule.term == script && rule.possible(has)) {
        for index in 0..spelled.len() {
            let Some(other) = rule.apply(&spelled[index], whole) else { continue };
            let Some(script) = both(readings[index].script, rule.script) else { continue };
            let skeleton = skeleton(&other);
            if readings.len() == READINGS_MAX || readings.iter().any(|known| known.skeleton == skeleton) {
                continue;
            }
            let certainty = readings[index].certainty * rule.certainty;
            readings.push(Reading { skeleton, script, rule: Some(rule.text), certainty });
            spelled.push(other);
        }
    }
    readings
}

/// Script two rules hold for together; none when there is no such script.
fn both(one: Option<Kind>, other: Option<Kind>) -> Option<Option<Kind>> {
    match (one, other) {
        (None, any) | (any, None) => Some(any),
        _ => (one == other).then_some(one),
    }
}

/// Skeleton of letters.
pub fn skeleton(letters: &[char]) -> String {
    let mut skeleton = Skeleton::with_capacity(letters.len() + 2);
    skeleton.push_chars(letters);
    skeleton.into_string()
}

impl Rule {
    /// Whether a word of these letters can have a place to change.
    fn possible(&self, has: u64) -> bool {
        self.changes.iter().any(|change| change.needs & has == change.needs)
    }

    /// `word` with every place changed; none when there is no such place.
    fn apply(&self, word: &[char], whole: bool) -> Option<Vec<char>> {
        let mut at = (0..word.len()).find(|at| self.place(word, *at, whole).is_some())?;
        let mut changed = Vec::with_capacity(word.len() + 2);
        changed.extend(&word[..at]);
        while at < word.len() {
            let Some((length, Change { from, to, .. })) = self.place(word, at, whole) else {
                changed.push(word[at]);
                at += 1;
                continue;
            };
            put(&mut changed, from, to, &word[at..at + length]);
            // A closing vowel may open the next place (Asasov).
            at +=
                if from.last() == Some(&'V') { changed.pop().map_or(length, |_| length - 1) } else { length };
        }
        Some(changed)
    }

    /// The change that fits at `at`, and how many letters it covers.
    #[inline]
    fn place(&self, word: &[char], at: usize, whole: bool) -> Option<(usize, &Change)> {
        let marked = |offset: usize| {
            word.get(at + offset).is_some_and(|letter| self.marks[offset] & bit(*letter) != 0)
        };
        if marked(0) || marked(1) { self.fitting(word, at, whole) } else { None }
    }

    #[inline(never)]
    fn fitting(&self, word: &[char], at: usize, whole: bool) -> Option<(usize, &Change)> {
        let marked = |change: &&Change| word.get(at + change.mark.0) == Some(&change.mark.1);
        let mut changes = self.changes.iter().filter(marked);
        changes.find_map(|change| Some((taken(&change.from, word, at, whole)?, change)))
    }
}

/// Letters that `from` covers at `at`.
fn taken(from: &[char], word: &[char], at: usize, whole: bool) -> Option<usize> {
    let mut length = 0;
    for symbol in from {
        let letter = word.get(at + length);
        let fits = match symbol {
            '^' => at == 0,
            '$' => whole && letter.is_none(),
            'V' => letter.is_some_and(|letter| super::vowel(*letter)),
            'C' => letter.is_some_and(|letter| letter.is_lowercase() && !super::vowel(*letter)),
            _ => letter == Some(symbol),
        };
        if !fits {
            return None;
        }
        length += usize::from(!matches!(symbol, '^' | '$'));
    }
    (length > 0).then_some(length)
}

/// Writes `to`, its V and C standing for the letters that were there.
fn put(changed: &mut Vec<char>, from: &[char], to: &[char], letters: &[char]) {
    let from = from.iter().filter(|symbol| **symbol != '^');
    let mut kept =
        from.zip(letters).filter(|(symbol, _)| matches!(symbol, 'V' | 'C')).map(|(_, letter)| *letter);
    for symbol in to.iter().filter(|symbol| !matches!(symbol, '^' | '$')) {
        match symbol {
            'V' | 'C' => changed.extend(kept.next()),
            // A capital marks what no later rule may change again.
            _ => changed.extend(symbol.to_uppercase()),
        }
    }
}

fn rule_of(line: &'static str) -> Option<Rule> {
    let mut parts = line.splitn(4, ' ');
    let term = script_of(parts.next()?)?;
    let script = script_of(parts.next()?);
    let certainty = parts.next()?.parse().ok()?;
    let text = parts.next()?;
    let changes = text.split(' ').filter_map(|change| change.split_once('>'));
    let changes: Vec<Change> = changes.filter_map(change_of).collect();
    let mut marks = [0; 2];
    for Change { mark: (offset, letter), .. } in &changes {
        *marks.get_mut(*offset)? |= bit(*letter);
    }
    Some(Rule { term, script, certainty, text, changes, marks })
}

fn change_of((from, to): (&str, &str)) -> Option<Change> {
    let from: Vec<char> = from.chars().collect();
    let mut letters = from.iter().filter(|symbol| **symbol != '^').copied().enumerate();
    let mark = letters.find(|(_, symbol)| !matches!(symbol, 'V' | 'C' | '$'))?;
    Some(Change { needs: mask(&from), mark, from, to: to.chars().collect() })
}

fn script_of(name: &str) -> Option<Kind> {
    match name {
        "latin" => Some(Kind::Latin),
        "cyrillic" => Some(Kind::Cyrillic),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_rule() {
        let lines = include_str!("spelling.txt").lines();
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        for line in lines {
            let changes = line.matches('>').count();
            assert_eq!(rule_of(line).map(|rule| rule.changes.len()), Some(changes), "{line}");
        }
    }

    #[test]
    fn a_term_is_read_in_every_way() {
        let table = [
            ("japarov", Kind::Latin, "djaparov"),
            ("jegorov", Kind::Latin, "egorov"),
            ("хасан", Kind::Cyrillic, "hasan"),
            ("жапаров", Kind::Cyrillic, "djaparov"),
            ("hrojsman", Kind::Latin, "groisman"),
            ("asia", Kind::Latin, "azia"),
            ("johnson", Kind::Latin, "djonson"),
            ("hunt", Kind::Latin, "hant"),
            ("gates", Kind::Latin, "geits"),
            ("maxim", Kind::Latin, "maksim"),
            ("temiroff", Kind::Latin, "temirov"),
        ];
        for (word, script, skeleton) in table {
            let word: Vec<char> = word.chars().collect();
            let readings = readings(&word, script, true);
            assert!(readings.iter().any(|reading| reading.skeleton == skeleton), "{word:?}: {readings:?}");
        }
    }
}
