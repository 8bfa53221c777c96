//! Which words can begin a term, judged by their first bytes alone.
//!
//! Invariant: a word whose skeleton begins with one of the keys always passes.
//! Of each character only the first letter is taken, without a skeleton being
//! built; where characters may act on one another the filter is open.

use super::key::{Beginning, Key, LETTER_BITS, UNKNOWN, code};
use super::letters::Letters;
use crate::watch::fold::Span;

/// How many letters a code can stand for.
const CODES: usize = 1 << LETTER_BITS;

/// Two sieves for words, one behind the other, and one for skeletons.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// For the first three characters of a word.
    first: Sieve,
    /// For its second to fourth.
    second: Sieve,
    /// For the first three letters of a skeleton.
    skeletons: Sieve,
}

/// For each pair of letters, which ones may follow: one bit each; bit 0 where
/// the word ends.
#[derive(Debug, Clone)]
struct Sieve(Box<[u32; CODES * CODES]>);

/// Anything may follow: the pair is no pair, or not the skeleton's.
const OPEN: u32 = u32::MAX;

impl Filter {
    /// Lets every word pass that begins with one of `keys`, which are sorted.
    pub fn new(keys: &[Key]) -> Filter {
        let mut filter = Filter::default();
        // Keys that go on from the same letters open the same.
        for key in keys.chunk_by(|one, other| one.begins_like(*other, READ)).map(|alike| alike[0]) {
            filter.skeletons.open(key);
            read(&key.codes(), Key::default(), 0, &mut |key| {
                filter.first.open(key);
                filter.second.open(key.without_first());
            });
        }
        filter.first.allow_for_neighbours();
        filter.second.allow_for_neighbours();
        filter
    }

    /// Whether a skeleton with this beginning may begin with one of the keys.
    pub fn admits(&self, beginning: Beginning) -> bool {
        self.skeletons.look_up(beginning.0.into()).1 == 1
    }

    /// Indices of the words of `text` that may begin with one of the keys.
    ///
    /// Every word is written down and most of them written over: no branch asks
    /// which is which, for it could not be foreseen.
    pub fn candidates(&self, text: &str, words: &[Span]) -> Vec<usize> {
        let letters = Letters::table();
        let mut candidates = vec![0; words.len()];
        let mut count = 0;
        for (index, word) in words.iter().enumerate() {
            let first = if word.plain { letters.first_four(text.as_bytes(), *word) } else { None };
            candidates[count] = index;
            count += first.map_or(1, |codes| self.passes(codes));
        }
        candidates.truncate(count);
        candidates
    }

    /// 1 where a word's first four characters may be those of a key.
    #[inline(always)]
    fn passes(&self, codes: u64) -> usize {
        let (row, passes) = self.first.look_up(codes >> LETTER_BITS);
        // Behind an open row the characters may be out of step.
        (passes & (u32::from(row == OPEN) | self.second.look_up(codes).1)) as usize
    }
}

/// Characters of a word that the sieves look at.
const CHARACTERS: u32 = 4;
/// Letters that so many characters can stand for.
const READ: u32 = 2 * CHARACTERS;

/// Letters that one character can stand for.
const PAIRS: [&[u8; 2]; 8] = [b"ae", b"ch", b"dj", b"ia", b"iu", b"oe", b"sh", b"ts"];

/// Calls `found` with the first letters of the characters that a skeleton can
/// have been: `shah` is `s-h-a-h` or `ш-a-h`. The first `count` are in `before`.
fn read(codes: &[u8], before: Key, count: u32, found: &mut impl FnMut(Key)) {
    let [first, rest @ ..] = codes else { return found(before) };
    if count == CHARACTERS {
        return found(before);
    }
    let before = before.with(*first, count);
    read(rest, before, count + 1, found);
    let is_pair = |next: u8| PAIRS.iter().any(|pair| pair.map(code) == [*first, next]);
    if let [next, rest @ ..] = rest
        && is_pair(*next)
    {
        read(rest, before, count + 1, found);
    }
}

impl Default for Sieve {
    /// Nothing passes.
    fn default() -> Sieve {
        Sieve(Box::new([0; CODES * CODES]))
    }
}

impl Sieve {
    /// The row of the first two of three letters, and its bit for the last.
    #[inline(always)]
    fn look_up(&self, letters: u64) -> (u32, u32) {
        let row = self.0[(letters >> LETTER_BITS) as usize % (CODES * CODES)];
        (row, row >> (letters % CODES as u64) & 1)
    }

    /// Lets the beginnings of all words pass that begin with `key`.
    fn open(&mut self, key: Key) {
        let (Beginning(first), Beginning(last)) = key.beginnings();
        for letters in usize::from(first)..=usize::from(last) {
            self.0[letters >> LETTER_BITS] |= 1 << (letters % CODES);
        }
    }

    /// Opens it for words whose characters, each taken for itself, differ from
    /// their skeleton's letters.
    fn allow_for_neighbours(&mut self) {
        let code = |letter: u8| usize::from(code(letter));
        let bits = |letters: &[u8]| letters.iter().fold(0, |bits, letter| bits | 1 << code(*letter));
        let changed = [b"kh", b"kk", b"zh", b"gh", b"ie"].map(|[one, other]| (code(*one), code(*other)));
        for (pair, row) in self.0.iter_mut().enumerate() {
            let (one, other) = (pair / CODES, pair % CODES);
            // Doubled letters count once; `kh`, `ch`, `zh` and `ye` change their
            // first letter when the next one is read.
            if *row != 0 {
                *row |= 1 << other | bits(b"kzi");
            }
            // The same of the pair's own second letter; after `gh` is still `g`.
            *row |= 1 << UNKNOWN
                | match other {
                    k if k == code(b'k') => bits(b"hk"),
                    z if z == code(b'z') || z == code(b'g') => bits(b"h"),
                    y if y == code(b'i') => bits(b"e"),
                    _ => 0,
                };
            let unknown = one == usize::from(UNKNOWN) || other == usize::from(UNKNOWN);
            if one == other || unknown || changed.contains(&(one, other)) {
                *row = OPEN;
            }
        }
    }
}

#[cfg(test)]
impl Filter {
    /// Turns no word away.
    pub fn open() -> Filter {
        let open = || Sieve(Box::new([OPEN; CODES * CODES]));
        Filter { first: open(), second: open(), skeletons: open() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::fold::{fold, words};
    use proptest::prelude::*;

    proptest! {
        /// Letters that act on one another, in every order.
        #[test]
        fn a_word_passes_for_what_its_skeleton_begins_with(
            word in "([cCkKhHzZgGyYeEsşСкКхзшщчцюяьъъи'ʻé\u{301}\u{AD}1]|ch|kh|zh|ye|gh|sh){1,6}[a-яһ]{0,4}"
        ) {
            let skeleton = fold(&word).text;
            let skeleton = skeleton.split(' ').next().unwrap_or_default().as_bytes();
            for length in 1..=skeleton.len() {
                let filter = Filter::new(&[Key::of(&skeleton[..length])]);
                prop_assert!(filter.admits(Key::of(skeleton).beginning()));
                let passed = filter.candidates(&word, &words(&word)).starts_with(&[0]);
                prop_assert!(passed, "not for the first {}", length);
            }
        }
    }
}
