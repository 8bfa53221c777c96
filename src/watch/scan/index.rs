//! Which terms can begin at a word: a trie of stem skeletons, packed into a
//! sorted array and anchored at word starts.
//!
//! Invariant: the cost of a look-up grows with the logarithm of the terms that
//! share the word's beginning, not with their number.

use super::filter::Filter;
use super::key::{BEGINNING_BITS, Key};

/// Keys of all terms.
#[derive(Debug, Clone, Default)]
pub struct Index {
    /// Sorted and distinct.
    keys: Vec<Key>,
    /// For each key the longest key that is a beginning of it, itself excluded.
    parents: Vec<u32>,
    /// For each key where its terms begin in `terms`; one more at the end.
    starts: Vec<u32>,
    terms: Vec<u32>,
    /// For each beginning where its keys end; empty when there is no key.
    ends: Vec<u32>,
    /// Turns nearly all words away before they are folded.
    pub filter: Filter,
}

const NONE: u32 = u32::MAX;

impl Index {
    /// Builds from pairs of key and term.
    pub fn new(mut pairs: Vec<(Key, u32)>) -> Index {
        // One number is compared faster than two.
        pairs.sort_unstable_by_key(|(key, term)| key.joined(*term));
        pairs.dedup();
        let mut index = Index::default();
        for (key, term) in &pairs {
            if index.keys.last() != Some(key) {
                index.starts.push(index.terms.len() as u32);
                index.parents.push(index.parent_of(*key));
                index.keys.push(*key);
            }
            index.terms.push(*term);
        }
        index.starts.push(index.terms.len() as u32);
        for (at, key) in index.keys.iter().enumerate() {
            index.ends.resize(usize::from(key.beginning().0), at as u32);
        }
        index.ends.resize(1 << BEGINNING_BITS, index.keys.len() as u32);
        index.filter = Filter::new(&index.keys);
        index
    }

    /// The last key before the end that begins `key`.
    fn parent_of(&self, key: Key) -> u32 {
        let mut at = self.keys.len().checked_sub(1).map_or(NONE, |last| last as u32);
        while at != NONE && !self.keys[at as usize].begins(key) {
            at = self.parents[at as usize];
        }
        at
    }

    /// Calls `found` with each term whose key begins `word`.
    pub fn look_up(&self, word: Key, mut found: impl FnMut(u32)) {
        let beginning = usize::from(word.beginning().0);
        let start = if beginning == 0 { 0 } else { self.ends[beginning - 1] } as usize;
        let end = self.ends[beginning] as usize;
        let after = start + self.keys[start..end].partition_point(|key| *key <= word);
        let mut at = after.checked_sub(1).map_or(NONE, |at| at as u32);
        while at != NONE {
            if self.keys[at as usize].begins(word) {
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
    fn finds_every_key_that_begins_a_word() {
        let stems = ["o", "osh", "oshk", "temir", "temirov", "tem", "badahshan", "badahshangornoj"];
        let pairs =
            stems.iter().enumerate().map(|(term, stem)| (Key::of(stem.as_bytes()), term as u32)).collect();
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
            let word = Key::of(word.as_bytes());
            let mut found = Vec::new();
            index.look_up(word, |term| found.push(stems[term as usize]));
            assert_eq!(found, expected, "{word:?}");
        }
    }
}
