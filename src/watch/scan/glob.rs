//! Words with `*` and `?`: any letters, any one letter.

use super::field::Words;
use crate::watch::fold::{self, Kind, Letter, Skeleton};
use crate::watch::forms::word::{Capital, capital, script};
use std::ops::Range;

/// Words with wildcards, one after the other.
#[derive(Debug, Clone)]
pub struct Globs {
    globs: Vec<Glob>,
    /// The one with the longest beginning before its first wildcard.
    anchor: usize,
}

#[derive(Debug, Clone)]
struct Glob {
    /// Lower case, as written.
    letters: Vec<char>,
    /// The same folded, for texts in the other script.
    skeleton: Vec<char>,
    script: Kind,
    capital: Capital,
    /// Skeleton of what stands before the first wildcard.
    beginning: String,
}

impl Globs {
    /// Compiles `text`; none when there is no letter in it.
    pub fn new(text: &str) -> Option<Globs> {
        let words =
            text.split(|char: char| char.is_whitespace() || char == '-').filter(|word| !word.is_empty());
        let globs: Vec<Glob> = words.map(Glob::new).collect();
        let anchor = (0..globs.len()).max_by_key(|index| globs[*index].beginning.len())?;
        globs.iter().any(|glob| glob.letters.iter().any(|char| !matches!(char, '*' | '?'))).then_some(())?;
        Some(Globs { globs, anchor })
    }

    /// What words to look at begin with; empty: every word.
    pub fn key(&self) -> &str {
        &self.globs[self.anchor].beginning
    }

    /// The words it stands for, with the anchor at word `at`.
    pub fn find(&self, words: &Words, at: usize) -> Option<Range<usize>> {
        let start = at.checked_sub(self.anchor)?;
        for (offset, glob) in self.globs.iter().enumerate() {
            let letters = words.letters(start + offset);
            let in_order = offset == 0 || words.adjacent(start + offset - 1);
            if !in_order
                || letters.is_empty()
                || !glob.fits(&letters)
                || words.case_evidence(glob.capital, &letters).is_none()
            {
                return None;
            }
        }
        Some(start..start + self.globs.len())
    }
}

impl Glob {
    fn new(word: &str) -> Glob {
        let plain = word.replace(['*', '?'], "");
        let letters = fold::letters(&plain, 0..plain.len());
        let cut = word.find(['*', '?']).unwrap_or(word.len());
        // The last letter can still change with what follows it (`s*` finds `sh`).
        let kept =
            word[..cut].char_indices().last().map_or(0, |(at, _)| if cut == word.len() { cut } else { at });
        let lower: Vec<char> =
            word.to_lowercase().chars().filter(|char| fold::kind(*char) != Kind::Apostrophe).collect();
        Glob {
            skeleton: folded_glob(word),
            letters: lower,
            script: script(&letters),
            capital: match capital(&letters) {
                Capital::All => Capital::First,
                other => other,
            },
            beginning: skeleton(&word[..kept]),
        }
    }

    fn fits(&self, word: &[Letter]) -> bool {
        if script(word) == self.script {
            let letters = word.iter().filter(|letter| letter.kind != Kind::Apostrophe);
            let letters: Vec<char> = letters.map(|letter| letter.char).collect();
            return fits(&self.letters, &letters);
        }
        fits(&self.skeleton, &Skeleton::of(word).as_str().chars().collect::<Vec<_>>())
    }
}

fn skeleton(text: &str) -> String {
    Skeleton::of(&fold::letters(text, 0..text.len())).as_str().to_owned()
}

/// A glob with everything but its wildcards folded.
fn folded_glob(word: &str) -> Vec<char> {
    let mut folded = Vec::new();
    for piece in word.split_inclusive(['*', '?']) {
        let wildcard = piece.chars().next_back().filter(|char| matches!(char, '*' | '?'));
        folded.extend(skeleton(piece.trim_end_matches(['*', '?'])).chars());
        folded.extend(wildcard);
    }
    folded
}

/// Whether `glob` covers the whole of `word`; one pass with one place to go back to.
fn fits(glob: &[char], word: &[char]) -> bool {
    let (mut at, mut letter) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while letter < word.len() {
        match glob.get(at) {
            Some('*') => {
                back = Some((at, letter));
                at += 1;
            }
            Some(symbol) if *symbol == '?' || *symbol == word[letter] => {
                at += 1;
                letter += 1;
            }
            _ => {
                let Some((star, from)) = back else { return false };
                back = Some((star, from + 1));
                (at, letter) = (star + 1, from + 1);
            }
        }
    }
    glob[at..].iter().all(|symbol| *symbol == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_covers_the_whole_word() {
        let table = [
            ("kyrgyz*", "kyrgyzstan", true),
            ("kyrgyz*", "kyrgyz", true),
            ("kyrgyz*", "kirgiz", false),
            ("w?rd", "word", true),
            ("w?rd", "wrd", false),
            ("*stan", "kazakhstan", true),
            ("k*a*n", "kazakhstan", true),
            ("k*a*n", "kazakhstani", false),
        ];
        for (glob, word, covers) in table {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(fits(&chars(glob), &chars(word)), covers, "{glob} {word}");
        }
    }
}
