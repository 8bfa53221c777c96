//! Which terms can begin at a word: a trie of stem skeletons, packed into a
//! sorted array and anchored at word starts.
//!
//! Invariant: the cost of a look-up grows with the logarithm of the terms that
//! share the word's first three letters, not with their number.

use crate::watch::fold;
use std::sync::LazyLock;

/// Letters of a skeleton that a key keeps: 5 bits each in 64.
const KEY_LETTERS: usize = 12;
/// Letters that select the bucket, and so the prefilter.
const BUCKET_LETTERS: usize = 3;
const BUCKET_SHIFT: usize = 64 - 5 * BUCKET_LETTERS;
const BUCKETS: usize = 1 << (5 * BUCKET_LETTERS);

/// Keys of all terms.
#[derive(Debug, Clone, Default)]
pub struct Index {
    /// Sorted and distinct, left-aligned, 0 after the last letter.
    keys: Vec<u64>,
    /// For each key the longest key that is a beginning of it, itself excluded.
    parents: Vec<u32>,
    /// For each key where its terms begin in `terms`; one more at the end.
    starts: Vec<u32>,
    terms: Vec<u32>,
    /// For each bucket where its keys end; empty when there is no key.
    buckets: Vec<u32>,
    /// Whether some word of the bucket can match: one bit each.
    filter: Vec<u64>,
}

/// Bytes of a skeleton that fill a key.
pub const KEY_BYTES: usize = KEY_LETTERS + 1;
/// Bytes that settle the bucket: the last of them may still change.
pub const PROBE_BYTES: usize = BUCKET_LETTERS + 1;

const NONE: u32 = u32::MAX;

/// A skeleton's first letters as a number that sorts like them.
pub fn key(skeleton: &[u8]) -> u64 {
    let letters = skeleton.iter().take(KEY_LETTERS);
    letters.enumerate().fold(0, |key, (index, byte)| key | code(*byte) << (59 - 5 * index))
}

fn code(byte: u8) -> u64 {
    match byte {
        b'a'..=b'z' => u64::from(byte - b'a') + 1,
        _ => 27 + u64::from(byte % 5),
    }
}

/// Bits that a key of this value uses.
fn mask(key: u64) -> u64 {
    let letters = (64 - key.trailing_zeros() as usize).div_ceil(5).min(KEY_LETTERS);
    if letters == 0 { 0 } else { u64::MAX << (64 - 5 * letters) }
}

/// For each character below U+0480 the codes it folds to: 5 bits each, the
/// first one lowest.
static CODES: LazyLock<Vec<u16>> = LazyLock::new(|| {
    let codes = |char| fold::folds_to(char).map(|byte| if byte == 0 { 0 } else { code(byte) as u16 });
    let packed = |[first, second]: [u16; 2]| first | second << 5;
    (0..0x480).map(|number| char::from_u32(number).map_or(0, |char| packed(codes(char)))).collect()
});

/// Reads the first letters of words without folding the whole of them.
#[derive(Clone, Copy)]
pub struct Probe(&'static [u16]);

impl Default for Probe {
    fn default() -> Probe {
        Probe(&CODES)
    }
}

impl Probe {
    /// The bucket bits of a plain word's key; none where its letters act on one
    /// another, or are too few, so that the word must be folded.
    #[inline]
    pub fn key(self, word: &[u8]) -> Option<u64> {
        let (mut at, mut last, mut shift, mut key) = (0, 0, 59u32, 0u64);
        while shift > 59 - 5 * BUCKET_LETTERS as u32 {
            let (number, length) = match word.get(at..)? {
                [byte, next, ..] if byte.is_ascii_alphabetic() && !digraph(*byte, *next) => {
                    (usize::from(*byte), 1)
                }
                [lead @ (0xD0 | 0xD1), next, ..] => {
                    (usize::from(lead & 0x1F) << 6 | usize::from(next & 0x3F), 2)
                }
                _ => return None,
            };
            let codes = self.0[number];
            for code in [u64::from(codes & 31), u64::from(codes >> 5)] {
                if code != 0 && code != last && shift > 59 - 5 * BUCKET_LETTERS as u32 {
                    key |= code << shift;
                    shift -= 5;
                    last = code;
                }
            }
            at += length;
        }
        Some(key)
    }
}

/// Whether the second letter changes what the first one folds to.
fn digraph(first: u8, second: u8) -> bool {
    matches!((first | 0x20, second | 0x20), (b'c' | b'k' | b'z' | b'g', b'h') | (b'y', b'e'))
}

impl Index {
    /// Builds from pairs of key and term.
    pub fn new(mut pairs: Vec<(u64, u32)>) -> Index {
        pairs.sort_unstable();
        pairs.dedup();
        let mut index = Index { filter: vec![0; BUCKETS / 64], ..Index::default() };
        for (key, term) in &pairs {
            if index.keys.last() != Some(key) {
                index.starts.push(index.terms.len() as u32);
                index.parents.push(index.parent_of(*key));
                index.keys.push(*key);
                index.allow(*key);
            }
            index.terms.push(*term);
        }
        index.starts.push(index.terms.len() as u32);
        index.buckets = (0..BUCKETS).map(|bucket| index.bucket_end(bucket)).collect();
        index
    }

    fn bucket_end(&self, bucket: usize) -> u32 {
        self.keys.partition_point(|key| (key >> BUCKET_SHIFT) as usize <= bucket) as u32
    }

    /// The last key before the end that begins `key`.
    fn parent_of(&self, key: u64) -> u32 {
        let mut at = self.keys.len().checked_sub(1).map_or(NONE, |last| last as u32);
        while at != NONE && !self.begins(at, key) {
            at = self.parents[at as usize];
        }
        at
    }

    fn begins(&self, at: u32, word: u64) -> bool {
        let key = self.keys[at as usize];
        (word ^ key) & mask(key) == 0
    }

    /// Opens the filter for every word that begins with `key`.
    fn allow(&mut self, key: u64) {
        let low = (key >> BUCKET_SHIFT) as usize;
        let high = ((key | !mask(key)) >> BUCKET_SHIFT) as usize;
        for bucket in low..=high {
            self.filter[bucket / 64] |= 1 << (bucket % 64);
        }
    }

    /// Whether any term can begin a word with this key.
    pub fn possible(&self, word: u64) -> bool {
        let bucket = (word >> BUCKET_SHIFT) as usize;
        self.filter.get(bucket / 64).is_some_and(|bits| bits >> (bucket % 64) & 1 == 1)
    }

    /// Calls `found` with each term whose key begins `word`.
    pub fn look_up(&self, word: u64, mut found: impl FnMut(u32)) {
        if !self.possible(word) {
            return;
        }
        let bucket = (word >> BUCKET_SHIFT) as usize;
        let start = if bucket == 0 { 0 } else { self.buckets[bucket - 1] } as usize;
        let end = self.buckets[bucket] as usize;
        let after = start + self.keys[start..end].partition_point(|key| *key <= word);
        let mut at = after.checked_sub(1).map_or(NONE, |at| at as u32);
        while at != NONE {
            if self.begins(at, word) {
                let range = self.starts[at as usize] as usize..self.starts[at as usize + 1] as usize;
                self.terms[range].iter().for_each(|term| found(*term));
            }
            at = self.parents[at as usize];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_the_beginning_of_the_key() {
        let table = [
            "Темиров",
            "щука",
            "Temirov",
            "Aarhus",
            "ююю",
            "Иссык",
            "Бишкекке",
            "яя",
            "Shakhrisabz",
            "Zzyzx",
            "оо",
        ];
        for text in table {
            let skeleton = fold::fold(text).text;
            if let Some(probe) = Probe::default().key(text.as_bytes()) {
                assert_eq!(probe >> BUCKET_SHIFT, key(skeleton.as_bytes()) >> BUCKET_SHIFT, "{text}");
            }
        }
        assert!(Probe::default().key("Темиров".as_bytes()).is_some());
    }

    #[test]
    fn finds_every_key_that_begins_a_word() {
        let stems = ["o", "osh", "oshk", "temir", "temirov", "tem", "badahshan", "badahshangornoj"];
        let pairs =
            stems.iter().enumerate().map(|(term, stem)| (key(stem.as_bytes()), term as u32)).collect();
        let index = Index::new(pairs);
        let table: [(&str, &[&str]); 6] = [
            ("temirovdun", &["temirov", "temir", "tem"]),
            ("temur", &["tem"]),
            ("te", &[]),
            ("oshkent", &["oshk", "osh", "o"]),
            ("badahshangarm", &["badahshan"]),
            ("zz", &[]),
        ];
        for (word, expected) in table {
            let mut found = Vec::new();
            index.look_up(key(word.as_bytes()), |term| found.push(stems[term as usize]));
            assert_eq!(found, expected, "{word}");
        }
    }
}
