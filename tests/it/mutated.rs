//! Mutations of known documents, by a fixed recipe: what `fuzz/` asks of any bytes,
//! without a fuzzer. `NEWSWATCH_MUTATED` says for how many seconds each kind is tried.

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Everyday rounds of each kind; enough to see that the harness works.
const ROUNDS: u64 = 25;

/// Larger documents are cut: their beginnings hold what is worth mutating.
const BYTES_MAX: usize = 48 * 1024;

/// Put in somewhere: what parsers stumble over.
const PIECES: [&str; 40] = [
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<?xml version='1.0' encoding='koi8-r'?>",
    "<!DOCTYPE x [<!ENTITY a '&a;&a;'>]>",
    "&#x0;",
    "&#xD800;",
    "&amp;lt;",
    "&nosuch;",
    "<item>",
    "</item>",
    "<script>",
    "</script>",
    "<table><td>",
    "xml:base='//'",
    "\u{feff}",
    "\u{0}",
    "\u{202e}",
    "\u{301}\u{301}\u{301}",
    "\u{ad}",
    "\u{200d}",
    "İı",
    "Ѐӣӯҷ",
    "ʼ’ʻ",
    "𝕋𝕖𝕞",
    "(((((",
    "NEAR/1000 ",
    "ATLEAST/2(",
    "COUNT/999(",
    "/(a*)*b/",
    "**??",
    "NOT ",
    "title:",
    "^99",
    "\"",
    "[[[[",
    "{\"a\":",
    "1e999",
    "Sat, 31 Feb 99999 25:61:61 +9999",
];

#[test]
fn queries() {
    try_all("query", &[("tests/data/query", "txt"), ("tests/data/watch", "txt")], &[], targets::query);
}

#[test]
fn texts() {
    try_all(
        "text",
        &[("tests/data/watch", "txt"), ("src/newsroom/stories", "txt")],
        &["match"],
        targets::text,
    );
}

#[test]
fn feeds() {
    try_all(
        "feed",
        &[("tests/data/feed", "feed"), ("tests/data/opml", "opml")],
        &["feeds/files"],
        targets::feed,
    );
}

#[test]
fn pages() {
    let ours = [("tests/data/extract", "html"), ("tests/data/discover", "html")];
    try_all("extract", &ours, &["extract/pages"], targets::extract);
}

/// Mutates documents of ours, and of the evaluation data where they are, and tries each.
fn try_all(kind: &str, ours: &[(&str, &str)], others: &[&str], tried: fn(&[u8])) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut corpus: Vec<Vec<u8>> = ours
        .iter()
        .flat_map(|(folder, extension)| files(&root.join(folder), Some(extension)))
        .flat_map(|path| pieces(&path, kind))
        .collect();
    assert!(!corpus.is_empty(), "documents of ours");
    let seconds = std::env::var("NEWSWATCH_MUTATED").ok().and_then(|seconds| seconds.parse().ok());
    if seconds.is_some() {
        let beside = others.iter().flat_map(|folder| files(&root.join("../shared/eval").join(folder), None));
        corpus.extend(beside.flat_map(|path| pieces(&path, kind)));
    }
    let (began, mut dice) = (Instant::now(), Dice(0x9e37_79b9_7f4a_7c15));
    let is_over = |round| match seconds.map(Duration::from_secs) {
        Some(length) => began.elapsed() >= length,
        None => round == ROUNDS,
    };
    let mut round = 0;
    while !is_over(round) {
        round += 1;
        let document = mutated(&corpus, &mut dice);
        let survived = catch_unwind(AssertUnwindSafe(|| tried(&document)));
        assert!(survived.is_ok(), "{kind}, round {round}: {:?}", String::from_utf8_lossy(&document));
    }
    println!("{kind}: {round} mutations of {} documents in {:?}", corpus.len(), began.elapsed());
}

/// The files below a folder, in order.
fn files(folder: &Path, extension: Option<&str>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => found.extend(files(&path, extension)),
            false if extension.is_none_or(|wanted| path.extension().is_some_and(|has| has == wanted)) => {
                found.push(path);
            }
            false => {}
        }
    }
    found.sort();
    found
}

/// A document, or a query or a text a line.
fn pieces(path: &Path, kind: &str) -> Vec<Vec<u8>> {
    let Ok(mut bytes) = std::fs::read(path) else { return Vec::new() };
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut page = Vec::new();
        if flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut page).is_err() {
            return Vec::new();
        }
        bytes = page;
    }
    let is_lines = kind == "query" || path.extension().is_some_and(|extension| extension == "jsonl");
    if !is_lines {
        bytes.truncate(BYTES_MAX);
        return vec![bytes];
    }
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

/// One document of the corpus after a few accidents.
fn mutated(corpus: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut document = dice.one(corpus).clone();
    for _ in 0..=dice.below(6) {
        let at = dice.below(document.len() + 1);
        let most = 1 << dice.below(12);
        let end = (at + 1 + dice.below(most)).min(document.len());
        match dice.below(9) {
            0 => drop(document.drain(at.min(end)..end)),
            1 => document.truncate(at),
            2 if at < document.len() => document[at] ^= 1 << dice.below(8),
            3 if at < document.len() => document[at] = [0, b'<', b'&', b'"', 0x80, 0xff][dice.below(6)],
            4 => {
                let again = document[at.min(end)..end].to_vec();
                drop(document.splice(at..at, again));
            }
            5 => {
                let again = document[at.min(end)..end].repeat(1 + dice.below(64));
                drop(document.splice(at..at, again));
            }
            6 => {
                let other = dice.one(corpus);
                let from = dice.below(other.len() + 1);
                let piece = other[from..(from + dice.below(2_000)).min(other.len())].to_vec();
                drop(document.splice(at..end.max(at), piece));
            }
            _ => {
                let piece =
                    dice.one(&PIECES).repeat(if dice.below(4) == 0 { 1 + dice.below(300) } else { 1 });
                drop(document.splice(at..at, piece.into_bytes()));
            }
        }
        document.truncate(2 * BYTES_MAX);
    }
    document
}

/// Throws that are the same in every run (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap_or(0)
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}
