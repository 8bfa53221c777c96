//! `newswatch match`: articles in, matches out, as JSON lines.
//!
//! Invariant: one line out for each article in, in the same order; a bad line
//! is told with its number and does not stop the rest, a key that is not read is
//! told once.

use super::output::printable;
use super::screen::{complain, json_text};
use super::{Exit, query};
use crate::config;
use crate::extract::{self, Article};
use crate::feed::Entry;
use crate::watch::{Match, WatchList, score};
use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// One query instead of the configured watches
    #[arg(long)]
    query: Option<String>,
}

/// One line in: an article, unless its other keys say that `newswatch parse` wrote it.
#[derive(Debug, Deserialize)]
struct Line {
    #[serde(default, deserialize_with = "present")]
    id: Option<Value>,
    title: Option<String>,
    text: Option<String>,
    lang: Option<String>,
    query: Option<String>,
    #[serde(flatten)]
    others: HashMap<String, Value>,
}

/// An id of `null` is one, too.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// A whole feed in one line, as far as it is matched.
#[derive(Debug, Deserialize)]
struct Parsed {
    feed: Spoken,
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Spoken {
    language: Option<String>,
}

/// One line out.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    id: &'a Value,
    matches: Vec<Matched<'a>>,
}

#[derive(Debug, Serialize)]
struct Matched<'a> {
    watch: &'a str,
    score: f64,
    hits: Vec<Evidence<'a>>,
}

#[derive(Debug, Serialize)]
struct Evidence<'a> {
    field: &'static str,
    /// Characters (Unicode scalar values) of the original field.
    start: usize,
    end: usize,
    text: &'a str,
    rule: &'a str,
}

/// Most queries kept compiled: lines may bring as many as they like.
const COMPILED_MAX: usize = 1_000;

/// Most keys that are told as not read.
const TOLD_KEYS_MAX: usize = 20;

/// The watches, and what was made and said on the way.
struct Matcher {
    watches: Option<WatchList>,
    compiled: HashMap<String, Result<WatchList, String>>,
    told: HashSet<String>,
}

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let watches = configured(given, config)?;
    let mut matcher = Matcher { watches, compiled: HashMap::new(), told: HashSet::new() };
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut exit = Exit::Ok;
    let mut input = BufReader::new(std::io::stdin().lock());
    let mut bytes = Vec::new();
    for number in 1usize.. {
        bytes.clear();
        if input.read_until(b'\n', &mut bytes).context("failed to read the input")? == 0 {
            break;
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        match matcher.answer(&bytes, number) {
            Ok(lines) => {
                if let Err(error) = out.write_all(json_text(&lines).as_bytes()) {
                    return closed(error);
                }
            }
            Err(error) => {
                complain(&format!("newswatch: line {number}: {error:#}"));
                exit = Exit::Failed;
            }
        }
    }
    match out.flush() {
        Ok(()) => Ok(exit),
        Err(error) => closed(error),
    }
}

/// A closed pipe is a quiet end.
fn closed(error: std::io::Error) -> anyhow::Result<Exit> {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => Ok(Exit::Ok),
        _ => Err(error).context("failed to write the matches"),
    }
}

/// The watches for lines without a query of their own. Lines may all bring theirs,
/// so a configuration is needed only where one is named.
fn configured(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Option<WatchList>> {
    if let Some(query) = &given.query {
        return query::compile(&query::watch(query)).map(Some);
    }
    match config::find(config) {
        Ok(path) => Ok(Some(config::load(&path)?.watch_list)),
        Err(_) => Ok(None),
    }
}

fn compile(query: &str) -> Result<WatchList, String> {
    let findings = match WatchList::compile(&[query::watch(query)]) {
        Ok((list, _)) => return Ok(list),
        Err(findings) => findings,
    };
    let messages: Vec<String> = findings.into_iter().map(|finding| finding.message).collect();
    Err(messages.join("; "))
}

impl Matcher {
    /// The lines out for line `number` in.
    fn answer(&mut self, bytes: &[u8], number: usize) -> anyhow::Result<String> {
        let mut line: Line = serde_json::from_slice(bytes).context("not an article as a JSON object")?;
        let query = line.query.take();
        let articles = self.articles(line, bytes, number)?;
        let list = self.list(query)?;
        let mut written = String::new();
        for (id, article) in &articles {
            let matches = list.scan(std::slice::from_ref(article)).into_iter().next().unwrap_or_default();
            let matches = matches.iter().map(|found| matched(found, article)).collect();
            written += &serde_json::to_string(&Answer { id, matches }).context("failed to write JSON")?;
            written.push('\n');
        }
        Ok(written)
    }

    /// The watches of a line with this query of its own.
    fn list(&mut self, query: Option<String>) -> anyhow::Result<&WatchList> {
        let Some(query) = query else {
            let none = || anyhow!("no watches: give the line a `query`, or use --query or --config");
            return self.watches.as_ref().ok_or_else(none);
        };
        if self.compiled.len() >= COMPILED_MAX && !self.compiled.contains_key(&query) {
            self.compiled.clear();
        }
        let list = self.compiled.entry(query.clone()).or_insert_with(|| compile(&query));
        list.as_ref().map_err(|error| anyhow!("query `{query}`: {error}"))
    }

    /// What the line holds: an article, an entry of a feed, or all that `newswatch parse` printed.
    fn articles(&mut self, line: Line, bytes: &[u8], number: usize) -> anyhow::Result<Vec<(Value, Article)>> {
        let has = |key: &str| line.others.contains_key(key);
        let of_entry = |entry: &Entry, language: Option<&str>| {
            let id = entry.id.as_ref().or(entry.link.as_ref());
            (id.map_or(Value::Null, |id| id.as_str().into()), extract::article("", entry, language))
        };
        if line.others.get("ok") == Some(&Value::Bool(false)) {
            let why = line.others.get("error").and_then(Value::as_str).unwrap_or("no reason is given");
            bail!("the feed was not parsed: {}", printable(why));
        }
        if has("entries") {
            let parsed: Parsed =
                serde_json::from_slice(bytes).context("not what `newswatch parse` prints")?;
            let language = line.lang.as_deref().or(parsed.feed.language.as_deref());
            return Ok(parsed.entries.iter().map(|entry| of_entry(entry, language)).collect());
        }
        if line.text.is_none() && (has("content") || has("summary")) {
            let entry =
                serde_json::from_slice(bytes).context("not an entry as `newswatch parse` prints it")?;
            return Ok(vec![of_entry(&entry, line.lang.as_deref())]);
        }
        self.say_what_is_not_read(&line, number);
        let id = line.id.context("not an article as a JSON object: missing field `id`")?;
        let (title, text) = (line.title.unwrap_or_default(), line.text.unwrap_or_default());
        Ok(vec![(id, Article { title, text, language: line.lang, ..Article::default() })])
    }

    fn say_what_is_not_read(&mut self, line: &Line, number: usize) {
        let mut keys: Vec<&String> = line.others.keys().collect();
        keys.sort();
        for key in keys {
            if self.told.len() < TOLD_KEYS_MAX && self.told.insert(key.clone()) {
                eprintln!(
                    "newswatch: line {number}: the key `{}` is not read; \
                     an article has `id`, `title`, `text`, `lang` and `query`",
                    printable(key)
                );
            }
        }
    }
}

fn matched<'a>(found: &'a Match, article: &Article) -> Matched<'a> {
    let hits = found.hits.iter().map(|hit| {
        let start = characters(&hit.field.of(article), hit.span.start);
        let (field, end) = (hit.field.name(), start + hit.text.chars().count());
        Evidence { field, start, end, text: &hit.text, rule: &hit.rule }
    });
    Matched { watch: &found.watch, score: score::rounded(found.score.total()), hits: hits.collect() }
}

/// Characters before byte `at`.
fn characters(text: &str, at: usize) -> usize {
    text.get(..at).map_or(0, |before| before.chars().count())
}
