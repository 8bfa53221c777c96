//! Other readings of a page, to check our own against.
//!
//! Invariant: a reading may be missing, it never fails.

use dom_smoothie::{Config, Readability, TextMode};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A reading of the article, ready to be asked whether it has a line.
#[derive(Debug, Default)]
pub struct Reading {
    runs: HashSet<u64>,
    /// Characters of the reading.
    pub chars: usize,
}

/// Words in the longest run that is compared.
const RUN_WORDS: usize = 4;
/// Words of one line that are looked at: whole books have hardly more.
const LINE_WORDS_MAX: usize = 200_000;

impl Reading {
    pub fn of<'a>(lines: impl Iterator<Item = &'a str>) -> Reading {
        let mut reading = Reading::default();
        for line in lines {
            let words: Vec<&str> = words(line).collect();
            reading.chars += line.chars().count();
            reading.runs.insert(hash(&words));
            for len in 2..=RUN_WORDS {
                reading.runs.extend(words.windows(len).map(hash));
            }
        }
        reading
    }

    /// Whether at least half of `line` is in the reading.
    pub fn has(&self, line: &str) -> bool {
        let words: Vec<&str> = words(line).collect();
        let len = words.len().min(RUN_WORDS);
        if len == 0 {
            return false;
        }
        let runs = words.len() - len + 1;
        let known = words.windows(len).filter(|run| self.runs.contains(&hash(run))).count();
        known * 2 >= runs
    }
}

/// Words; in scripts without spaces, characters.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let unspaced = |c: char| c >= '\u{2e80}';
    let spaced = line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let words = spaced.flat_map(move |word| {
        let cut = word.contains(unspaced);
        word.split_inclusive(move |_| cut)
    });
    words.take(LINE_WORDS_MAX)
}

fn hash(words: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    words.hash(&mut hasher);
    hasher.finish()
}

/// The article by dom_smoothie.
pub fn smoothie(html: &str) -> Reading {
    let config = Config { disable_json_ld: true, text_mode: TextMode::Formatted, ..Config::default() };
    let Ok(mut readability) = Readability::new(html, None, Some(config)) else { return Reading::default() };
    let Ok(article) = readability.parse() else { return Reading::default() };
    Reading::of(article.text_content.lines())
}
