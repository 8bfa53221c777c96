//! What a text says now that it did not say when it was told.
//!
//! Invariant: what only moved, or changed in case, punctuation or spacing, is no
//! change. The cost is bounded however long or repetitive the texts are.

use super::prose::{self, Piece};
use std::collections::HashMap;
use std::ops::Range;

/// Changes told one by one.
const CHANGES_MAX: usize = 4;
/// Changed sentences of either text that are compared with one another.
const PAIRED_MAX: usize = 60;
/// Words of a sentence that are compared one by one.
const WORDS_MAX: usize = 150;
/// Share of its words a sentence must keep to count as the same, reworded.
const LIKENESS_LEAST: f64 = 0.4;

/// One sentence that is not what it was; the marks are on the words that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Reworded { was: Vec<Piece>, now: Vec<Piece> },
    Removed(Vec<Piece>),
    Added(Vec<Piece>),
}

/// Sentence by sentence what became of `was`: corrections first, then what was
/// taken out, then what was added; and how many more there are.
pub fn changes(was: &str, now: &str) -> (Vec<Change>, usize) {
    let (was, now) = (sentences(was), sentences(now));
    let removed = without(&was, &now);
    let mut added = without(&now, &was);
    let (mut pairs, mut gone) = (Vec::new(), Vec::new());
    for (place, sentence) in removed.into_iter().enumerate() {
        let likeliest = if place < PAIRED_MAX { likeliest(&sentence, &added) } else { None };
        match likeliest {
            Some(at) => pairs.push((sentence, added.remove(at))),
            None => gone.push(sentence),
        }
    }
    let count = pairs.len() + gone.len() + added.len();
    let whole = |sentence: &Sentence<'_>| prose::quote(sentence.text, &[]);
    let changes = pairs.iter().map(|(was, now)| reworded(was, now));
    let changes = changes.chain(gone.iter().map(|sentence| Change::Removed(whole(sentence))));
    let changes = changes.chain(added.iter().map(|sentence| Change::Added(whole(sentence))));
    (changes.take(CHANGES_MAX).collect(), count.saturating_sub(CHANGES_MAX))
}

/// Whether two lines say the same, word for word.
pub fn same_words(a: &str, b: &str) -> bool {
    words(a).map(|(_, word)| word).eq(words(b).map(|(_, word)| word))
}

#[derive(Debug, Clone)]
struct Sentence<'a> {
    text: &'a str,
    /// Its words in lower case, where they stand.
    words: Vec<(Range<usize>, String)>,
}

impl Sentence<'_> {
    fn key(&self) -> Vec<&str> {
        self.words.iter().map(|(_, word)| word.as_str()).collect()
    }
}

fn sentences(text: &str) -> Vec<Sentence<'_>> {
    let read = |text| Sentence { text, words: words(text).collect() };
    prose::sentences(text).map(read).filter(|sentence| !sentence.words.is_empty()).collect()
}

/// The words of a text in lower case; a figure keeps its point or comma.
fn words(text: &str) -> impl Iterator<Item = (Range<usize>, String)> + '_ {
    let is_edge = |c: char| !c.is_alphanumeric();
    let mut end = 0;
    let pieces = text.split_inclusive(char::is_whitespace).map(move |piece| {
        end += piece.len();
        let start = end - piece.trim_start_matches(is_edge).len();
        let word = piece.trim_matches(is_edge);
        (start..start + word.len(), word.to_lowercase())
    });
    pieces.filter(|(_, word)| !word.is_empty())
}

/// The sentences of `all` that `others` does not have, one for one.
fn without<'a>(all: &[Sentence<'a>], others: &[Sentence<'_>]) -> Vec<Sentence<'a>> {
    let mut there: HashMap<Vec<&str>, usize> = HashMap::new();
    for other in others {
        *there.entry(other.key()).or_default() += 1;
    }
    let mut left = Vec::new();
    for sentence in all {
        match there.get_mut(&sentence.key()) {
            Some(count) if *count > 0 => *count -= 1,
            _ => left.push(sentence.clone()),
        }
    }
    left
}

/// The sentence of `others` that `sentence` most likely became.
fn likeliest(sentence: &Sentence<'_>, others: &[Sentence<'_>]) -> Option<usize> {
    let scored =
        others.iter().take(PAIRED_MAX).enumerate().map(|(at, other)| (at, likeness(sentence, other)));
    let best = scored.max_by(|(_, a), (_, b)| a.total_cmp(b));
    best.filter(|(_, likeness)| *likeness >= LIKENESS_LEAST).map(|(at, _)| at)
}

/// Share of their first words two sentences have in common, 0 to 1.
fn likeness(a: &Sentence<'_>, b: &Sentence<'_>) -> f64 {
    let (a, b) = (&a.words[..a.words.len().min(WORDS_MAX)], &b.words[..b.words.len().min(WORDS_MAX)]);
    let mut there: HashMap<&str, usize> = HashMap::new();
    for (_, word) in a {
        *there.entry(word).or_default() += 1;
    }
    let mut both = 0;
    for (_, word) in b {
        if let Some(count) = there.get_mut(word.as_str()).filter(|count| **count > 0) {
            *count -= 1;
            both += 1;
        }
    }
    f64::from(both) / a.len().max(b.len()) as f64
}

fn reworded(was: &Sentence<'_>, now: &Sentence<'_>) -> Change {
    let (kept_was, kept_now) = common(&was.key(), &now.key());
    let marks = |sentence: &Sentence<'_>, kept: &[bool]| -> Vec<Range<usize>> {
        let changed = sentence.words.iter().zip(kept).filter(|(_, kept)| !**kept);
        changed.map(|((place, _), _)| place.clone()).collect()
    };
    Change::Reworded {
        was: prose::quote(was.text, &marks(was, &kept_was)),
        now: prose::quote(now.text, &marks(now, &kept_now)),
    }
}

/// For each word of either whether it belongs to their longest common
/// subsequence; words past [`WORDS_MAX`] count as kept.
fn common(a: &[&str], b: &[&str]) -> (Vec<bool>, Vec<bool>) {
    let (rows, columns) = (a.len().min(WORDS_MAX), b.len().min(WORDS_MAX));
    let mut lengths = vec![vec![0_u16; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            lengths[row][column] = if a[row] == b[column] {
                lengths[row + 1][column + 1] + 1
            } else {
                lengths[row + 1][column].max(lengths[row][column + 1])
            };
        }
    }
    let (mut kept_a, mut kept_b) = (vec![true; a.len()], vec![true; b.len()]);
    let (mut row, mut column) = (0, 0);
    while row < rows || column < columns {
        if row < rows && column < columns && a[row] == b[column] {
            (row, column) = (row + 1, column + 1);
        } else if column == columns || row < rows && lengths[row + 1][column] >= lengths[row][column + 1] {
            kept_a[row] = false;
            row += 1;
        } else {
            kept_b[column] = false;
            column += 1;
        }
    }
    (kept_a, kept_b)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the text part shows it: `-` taken out, `+` added, `~` reworded.
    fn shown(was: &str, now: &str) -> Vec<String> {
        let star = |pieces: &[Piece]| -> String {
            pieces.iter().map(|p| if p.marked { format!("*{}*", p.text) } else { p.text.clone() }).collect()
        };
        let line = |change: &Change| match change {
            Change::Reworded { was, now } => format!("~ {} | {}", star(was), star(now)),
            Change::Removed(pieces) => format!("- {}", star(pieces)),
            Change::Added(pieces) => format!("+ {}", star(pieces)),
        };
        let (changes, more) = changes(was, now);
        let more = (more > 0).then(|| format!("{more} more"));
        changes.iter().map(line).chain(more).collect()
    }

    #[test]
    fn a_reader_sees_what_was_corrected_taken_out_and_added() {
        let check = |was: &str, now: &str, expected: &[&str]| {
            assert_eq!(shown(was, now), expected, "{was:?} then {now:?}");
        };
        check("The court freed four men.", "The court freed four men.", &[]);
        check("The court freed four men. It rained.", "It rained.\n  The court freed FOUR men!", &[]);
        check(
            "It rained. The court freed four men on Friday.",
            "It rained. The court freed three men on Friday.",
            &["~ The court freed *four* men on Friday. | The court freed *three* men on Friday."],
        );
        check(
            "Суд освободил Болота Темирова. Он дома.",
            "Суд не освободил Болота Темирова. Он дома.",
            &["~ Суд освободил Болота Темирова. | Суд *не* освободил Болота Темирова."],
        );
        check(
            "Losses were 3.5 million.",
            "Losses were 35 million.",
            &["~ Losses were *3.5* million. | Losses were *35* million."],
        );
        check("One thing. Temirov was named here once.", "One thing.", &["- Temirov was named here once."]);
        check("One thing.", "One thing. Another thing came to light.", &["+ Another thing came to light."]);
        check("", "A first text.", &["+ A first text."]);
        check("a. b. c. d. e. f.", "", &["- a. b. c. d. e. f."]);
        check("Aaa.\nBbb.\nCcc.\nDdd.\nEee.\nFff.", "", &["- Aaa.", "- Bbb.", "- Ccc.", "- Ddd.", "2 more"]);
    }

    #[test]
    fn long_and_repetitive_texts_are_compared_at_once() {
        let began = std::hint::black_box("word ".repeat(200_000));
        let other = "word ".repeat(199_999) + "other.\n" + &"Same again.\n".repeat(50_000);
        let (changes, more) = changes(&began, &other);
        assert!(!changes.is_empty() && more > 1_000, "{more}");
    }
}
