//! `newswatch match`: articles in, matches out, as JSON lines.
//!
//! Invariant: one line out for each good line in, in the same order; a bad line
//! is told with its number and does not stop the rest.

use super::{Exit, query};
use crate::config;
use crate::extract::Article;
use crate::watch::{Field, Match, WatchList};
use anyhow::{Context, anyhow};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// One query instead of the configured watches
    #[arg(long)]
    query: Option<String>,
}

/// One line in.
#[derive(Debug, Deserialize)]
struct Line {
    id: serde_json::Value,
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: String,
    lang: Option<String>,
    query: Option<String>,
}

/// One line out.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    id: &'a serde_json::Value,
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

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let watches = configured(given, config)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut compiled: HashMap<String, Result<WatchList, String>> = HashMap::new();
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
        match answer(&bytes, watches.as_ref(), &mut compiled) {
            Ok(line) => {
                if let Err(error) = out.write_all(line.as_bytes()) {
                    return closed(error);
                }
            }
            Err(error) => {
                eprintln!("newswatch: line {number}: {error:#}");
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

/// The line out for one line in.
fn answer(
    bytes: &[u8],
    watches: Option<&WatchList>,
    compiled: &mut HashMap<String, Result<WatchList, String>>,
) -> anyhow::Result<String> {
    let line: Line = serde_json::from_slice(bytes).context("not an article as a JSON object")?;
    let list = match &line.query {
        Some(query) => {
            if compiled.len() >= COMPILED_MAX && !compiled.contains_key(query) {
                compiled.clear();
            }
            let list = compiled.entry(query.clone()).or_insert_with(|| compile(query));
            list.as_ref().map_err(|error| anyhow!("query `{query}`: {error}"))?
        }
        None => watches
            .ok_or_else(|| anyhow!("no watches: give the line a `query`, or use --query or --config"))?,
    };
    let article = Article { title: line.title, text: line.text, language: line.lang, ..Article::default() };
    let matches = list.scan(std::slice::from_ref(&article)).into_iter().next().unwrap_or_default();
    let matches = matches.iter().map(|found| matched(found, &article)).collect();
    let mut written =
        serde_json::to_string(&Answer { id: &line.id, matches }).context("failed to write JSON")?;
    written.push('\n');
    Ok(written)
}

fn matched<'a>(found: &'a Match, article: &Article) -> Matched<'a> {
    let hits = found.hits.iter().map(|hit| {
        let (field, text) = match hit.field {
            Field::Title => ("title", article.title.as_str()),
            Field::Text => ("text", article.text.as_str()),
            Field::Author => ("author", ""),
            Field::Url => ("url", ""),
            Field::Source => ("source", ""),
        };
        let start = characters(text, hit.span.start);
        Evidence { field, start, end: start + hit.text.chars().count(), text: &hit.text, rule: &hit.rule }
    });
    Matched { watch: &found.watch, score: found.score.total(), hits: hits.collect() }
}

/// Characters before byte `at`.
fn characters(text: &str, at: usize) -> usize {
    text.get(..at).map_or(0, |before| before.chars().count())
}
