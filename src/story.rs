//! The same news told again: copies across sources, and revisions of one article.
//!
//! Invariant: a verdict depends on the texts (and stated times) alone, so it can
//! be repeated from the store at any time. Fingerprints are stored, so the hash
//! below never changes. No clock, no disk.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use crate::feed::Entry;
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::ops::Range;

/// A text's fingerprint: near-duplicate texts differ in few bits (simhash over
/// word shingles; Charikar 2002).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub u64);

/// One telling of a story: what an article says and when it was published.
#[derive(Debug, Clone, Copy, Default)]
pub struct Telling<'a> {
    pub title: &'a str,
    pub text: &'a str,
    pub published_at: Option<DateTime<Utc>>,
}

/// Words in a shingle: two keep a changed word local, and word order counts.
const SHINGLE_WORDS: usize = 2;
/// Bits by which copies of one story may differ.
const NEAR_BITS_MAX: u32 = 10;
/// Words a text needs before its fingerprint says anything.
const NEAR_WORDS_MIN: usize = 12;
/// How long an article may come again under another guid or link.
const SAME_ARTICLE_HOURS: i64 = 72;

/// Fingerprint of an article's title and text. Case, punctuation, whitespace
/// and boilerplate lines make no difference; 0 stands for a text too short to
/// be told from others.
pub fn fingerprint(title: &str, text: &str) -> Fingerprint {
    let words = news_words(title, text);
    if words.len() < NEAR_WORDS_MIN {
        return Fingerprint(0);
    }
    let mut votes = Votes::default();
    for shingle in shingles(&words) {
        votes.add(shingle);
    }
    Fingerprint(votes.majority())
}

/// Hash of an entry as published: while it stays, there is nothing to look at
/// again. The first 64 bits of a SHA-256, stored, so it never changes.
pub fn entry_hash(entry: &Entry) -> u64 {
    let mut hash = Sha256::new();
    for part in [&entry.title, &entry.summary, &entry.content] {
        hash.update(part.as_deref().unwrap_or_default());
        hash.update([0]);
    }
    hash.finalize().iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

/// Whether two fingerprints are of copies of one story.
pub fn near(a: Fingerprint, b: Fingerprint) -> bool {
    a.0 != 0 && b.0 != 0 && (a.0 ^ b.0).count_ones() <= NEAR_BITS_MAX
}

/// Whether the newer text says something the older did not: any word changed,
/// added or taken away outside boilerplate. A text that was merely cut short
/// (a feed that went from whole texts to teasers) is none.
pub fn revised(old_title: &str, old_text: &str, new_title: &str, new_text: &str) -> bool {
    if words_of(old_title) != words_of(new_title) {
        return true;
    }
    let (old, new) = (news_words("", old_text), news_words("", new_text));
    let cut_short = new.len() * 2 <= old.len() && old.starts_with(&new);
    old != new && !cut_short
}

/// Whether two articles of one source are the same one under a changed guid,
/// link or title. `old` and `new` must lie within 72 hours.
pub fn same_article(old: &Telling, new: &Telling) -> bool {
    if let (Some(before), Some(after)) = (old.published_at, new.published_at)
        && (after - before).abs() > TimeDelta::hours(SAME_ARTICLE_HOURS)
    {
        return false;
    }
    // Bulletins of a series ("Rates for 5 November") differ in figures alone.
    if figures(old.title) != figures(new.title) {
        return false;
    }
    let titles = likeness(&words_of(old.title), &words_of(new.title));
    let (old_words, new_words) = (news_words("", old.text), news_words("", new.text));
    if old_words.is_empty() && new_words.is_empty() {
        return titles == 1.0 && words_of(old.title).len() >= 4;
    }
    let texts = likeness(&old_words, &new_words);
    let begins_alike = starts_alike(&old_words, &new_words);
    (titles >= 0.99 && (texts >= 0.6 || begins_alike)) || (texts >= 0.85 && (titles >= 0.2 || texts >= 0.97))
}

/// Whether a copy of a told story says nothing that the reader was not told:
/// each of its paragraphs that `hits` (bytes of its text) stand in is there word
/// for word. Near copies differ in little, and that little can be the verdict.
pub fn repeats(told: &Telling, text: &str, hits: impl IntoIterator<Item = Range<usize>>) -> bool {
    let said = words_of(&format!("{}\n{}", told.title, told.text));
    let paragraphs: HashSet<&str> = hits.into_iter().map(|hit| paragraph(text, hit)).collect();
    paragraphs.into_iter().all(|paragraph| {
        let words = words_of(paragraph);
        words.is_empty() || said.windows(words.len()).any(|stretch| stretch == words)
    })
}

/// Whether every word of a copy's headline stands in the told story.
pub fn repeats_headline(told: &Telling, headline: &str) -> bool {
    let said: HashSet<String> = words_of(told.title).into_iter().chain(words_of(told.text)).collect();
    words_of(headline).iter().all(|word| said.contains(word))
}

/// The line of `text` that `span` begins in.
fn paragraph(text: &str, span: Range<usize>) -> &str {
    let at = text.floor_char_boundary(span.start);
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    &text[start..end]
}

/// Whether one text is the other cut short, after at least a paragraph's words.
fn starts_alike(a: &[String], b: &[String]) -> bool {
    let shared = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    shared >= 15 && shared + 2 >= a.len().min(b.len())
}

fn figures(title: &str) -> Vec<String> {
    words_of(title).into_iter().filter(|word| word.chars().any(|c| c.is_ascii_digit())).collect()
}

/// Share of word pairs two texts have in common (Jaccard), 0 to 1.
fn likeness(a: &[String], b: &[String]) -> f64 {
    let a: HashSet<u64> = shingles(a).collect();
    let b: HashSet<u64> = shingles(b).collect();
    let both = a.intersection(&b).count();
    let either = a.len() + b.len() - both;
    if either == 0 { 1.0 } else { both as f64 / either as f64 }
}

fn news_words(title: &str, text: &str) -> Vec<String> {
    let mut words = words_of(title);
    for line in text.lines().filter(|line| !is_boilerplate(line)) {
        words.extend(words_of(line));
    }
    words
}

/// Words in lower case; punctuation, quotes and spacing are no news.
fn words_of(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// Lines that change while the story does not: times, counters, calls to read
/// on or to share.
fn is_boilerplate(line: &str) -> bool {
    const STARTS: [&str; 30] = [
        "read more",
        "read also",
        "continue reading",
        "share",
        "subscribe",
        "follow us",
        "advertisement",
        "the post ",
        "updated",
        "last updated",
        "comments",
        "views",
        "подробнее",
        "читать далее",
        "читайте также",
        "поделиться",
        "подписывайтесь",
        "реклама",
        "обновлено",
        "комментарии",
        "просмотров",
        "бөлүшүү",
        "дагы окуңуз",
        "жарнама",
        "бөлісу",
        "тағы оқыңыз",
        "реклома",
        "batafsil",
        "батафсил",
        "муфассал",
    ];
    const LINE_CHARS_MAX: usize = 80;
    if line.chars().count() > LINE_CHARS_MAX {
        return false;
    }
    let letters = line.chars().filter(|c| c.is_alphabetic()).count();
    let digits = line.chars().filter(|c| c.is_ascii_digit()).count();
    let lower = line.trim_start().to_lowercase();
    letters == 0 && digits == 0
        || digits > letters && line.contains(':')
        || STARTS.iter().any(|start| lower.starts_with(start))
}

fn shingles(words: &[String]) -> impl Iterator<Item = u64> {
    let width = SHINGLE_WORDS.min(words.len()).max(1);
    words.windows(width).map(|shingle| {
        let mut hash = FNV_OFFSET;
        for word in shingle {
            hash = fnv(fnv(hash, word.as_bytes()), b" ");
        }
        mixed(hash)
    })
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a (draft-eastlake-fnv): written out because it must stay the same for ever.
fn fnv(mut hash: u64, bytes: &[u8]) -> u64 {
    for &byte in bytes {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash
}

/// Spreads FNV's weak high bits (the finaliser of MurmurHash3).
fn mixed(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// How often each bit was set.
struct Votes {
    set: [u32; 64],
    total: u32,
}

impl Default for Votes {
    fn default() -> Votes {
        Votes { set: [0; 64], total: 0 }
    }
}

impl Votes {
    fn add(&mut self, hash: u64) {
        self.total = self.total.saturating_add(1);
        for (bit, set) in self.set.iter_mut().enumerate() {
            *set = set.saturating_add(u32::from(hash >> bit & 1 == 1));
        }
    }

    fn majority(&self) -> u64 {
        let is_set = |bit: &usize| u64::from(self.set[*bit]) * 2 > u64::from(self.total);
        (0..64).filter(is_set).fold(0, |bits, bit| bits | 1 << bit)
    }
}

#[cfg(test)]
mod tests;
