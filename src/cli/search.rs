//! `newswatch search QUERY`: the history.

use super::output::{Cell, Format, Output, printable};
use super::{Exit, load, open_to_read, query, when};
use crate::config::Config;
use crate::store::{Found, Search, doubts};
use chrono::Utc;
use std::io::IsTerminal;
use std::ops::Range;
use std::path::Path;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Words in any script, "phrases", OR, -without, begin*, =exactly
    #[arg(required = true)]
    query: Vec<String>,
    /// First seen since then: `30d`, `12h`, `2026-11-01`
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// First seen before then
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Only this source
    #[arg(long)]
    source: Option<String>,
    /// Only articles that this watch matched
    #[arg(long)]
    watch: Option<String>,
    /// Only this language, as `ru`
    #[arg(long, value_name = "CODE")]
    lang: Option<String>,
    /// Results at most
    #[arg(long, short = 'n', default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    output: Output,
}

const COLUMNS: [&str; 9] =
    ["id", "first_seen_at", "published_at", "source", "language", "title", "snippet", "watches", "link"];

/// What fits a terminal; the rest is in `show`.
const NARROW: [&str; 6] = ["id", "first_seen_at", "source", "title", "snippet", "watches"];

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let now = Utc::now();
    let search = Search {
        query: given.query.join(" "),
        since: given.since.as_deref().map(|text| when(text, now)).transpose()?,
        until: given.until.as_deref().map(|text| when(text, now)).transpose()?,
        source: given.source.clone(),
        watch: given.watch.clone(),
        language: given.lang.clone(),
        limit: given.limit,
        ..Search::default()
    };
    let config = load(config)?;
    let found = open_to_read(&config)?.search(&search)?;
    let is_doubtful = say_what_is_doubtful(&search.query);
    if given.output.format() == Format::Table {
        given.output.print(&NARROW, &found.iter().map(narrow).collect::<Vec<_>>())?;
    } else {
        given.output.print(&COLUMNS, &found.iter().map(wide).collect::<Vec<_>>())?;
    }
    if found.is_empty() {
        say_what_is_unknown(given, &config);
        eprintln!(
            "newswatch: nothing found{}",
            if is_doubtful { String::new() } else { format!("; {KNOWN}") }
        );
        return Ok(Exit::NothingFound);
    }
    Ok(Exit::Ok)
}

const KNOWN: &str = "`search` knows words, \"phrases\", OR, -without, begin* and =exactly; \
    `newswatch watches test --query QUERY` reads the language of watches";

/// Whatever is typed is searched for; what hardly meant plain words is said.
fn say_what_is_doubtful(typed: &str) -> bool {
    let doubts = doubts(typed);
    for doubt in &doubts {
        let shown = query::marked(typed, &doubt.span, &doubt.message);
        eprintln!("newswatch: this is searched for as plain words\n{shown}");
    }
    if !doubts.is_empty() {
        eprintln!("newswatch: {KNOWN}");
    }
    !doubts.is_empty()
}

/// A slip in a name finds nothing as quietly as a name without articles. Only
/// then: what was configured once can still be searched.
fn say_what_is_unknown(given: &Arguments, config: &Config) {
    let is_source = |name: &String| config.sources.iter().any(|source| source.name == *name);
    if let Some(name) = given.source.as_ref().filter(|name| !is_source(name)) {
        eprintln!("newswatch: no source is called `{name}`; `newswatch sources list` shows their names");
    }
    let is_watch = |name: &String| config.watches.iter().any(|watch| watch.name == *name);
    if let Some(name) = given.watch.as_ref().filter(|name| !is_watch(name)) {
        eprintln!("newswatch: no watch is called `{name}`; `newswatch watches list` shows their names");
    }
}

fn wide(found: &Found) -> Vec<Cell> {
    vec![
        Cell::Count(found.article_id),
        Cell::Time(Some(found.first_seen_at)),
        Cell::Time(found.published_at),
        found.source.clone().into(),
        found.language.clone().into(),
        found.title.clone().into(),
        found.snippet.clone().into(),
        Cell::Words(found.watches.clone()),
        Cell::Link(found.link.clone()),
    ]
}

fn narrow(found: &Found) -> Vec<Cell> {
    vec![
        Cell::Count(found.article_id),
        Cell::Time(Some(found.first_seen_at)),
        found.source.clone().into(),
        marked(&found.title, &found.title_hits).into(),
        marked(&found.snippet, &found.hits).into(),
        Cell::Words(found.watches.clone()),
    ]
}

/// The text with what was searched for between brackets, as it is read aloud and copied.
fn marked(text: &str, hits: &[Range<usize>]) -> String {
    if !std::io::stdout().is_terminal() {
        return text.into();
    }
    let mut marked = String::new();
    let mut done = 0;
    for hit in hits {
        let (Some(before), Some(inside)) = (text.get(done..hit.start), text.get(hit.clone())) else {
            continue;
        };
        marked += &format!("{before}[{inside}]");
        done = hit.end;
    }
    printable(&(marked + text.get(done..).unwrap_or_default()))
}
