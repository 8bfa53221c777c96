//! `newswatch sources test`: what a source answers, before it is trusted.
//!
//! Invariant: nothing is stored, and no database is opened.

use super::{fetcher, language, load_if_any, newest_at, texts};
use crate::cli::output::{count, data_time, local_time, printable};
use crate::cli::screen::{json_text, screen};
use crate::cli::{Exit, runtime};
use crate::config::{Config, FullText, Source};
use crate::daemon::{self, Trial};
use crate::extract::{self, Article};
use crate::feed::{Entry, Feed};
use crate::fetch::{Body, Validators};
use crate::health::Health;
use crate::schedule::Cadence;
use anyhow::{Context, bail};
use chrono::Utc;
use clap::ValueEnum;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::Path;

/// Trials under way at a time where no configuration says how many.
const AT_ONCE_USUALLY: usize = 32;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Names of sources, or addresses; all enabled sources when none is given
    #[arg(value_name = "SOURCE|URL")]
    sources: Vec<String>,
    /// Entries shown of each source
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    entries: usize,
    #[arg(short = 'o', long = "output", value_name = "FORM", value_enum, default_value_t = Form::Text)]
    output: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    /// An array with one object a source, all its entries among them
    Json,
}

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let config = load_if_any(config)?;
    let sources = chosen(config.as_ref(), &given.sources)?;
    let at_once_max = config.as_ref().map_or(AT_ONCE_USUALLY, |config| config.daemon.polls_at_once_max);
    let runtime = runtime()?;
    let _inside = runtime.enter();
    let fetcher = fetcher(config.as_ref())?;
    let (mut exit, mut failed, mut objects) = (Exit::Ok, Ok(()), Vec::new());
    let tested = sources.len();
    runtime.block_on(daemon::try_sources(&fetcher, sources, at_once_max, |trial| {
        exit = worse(exit, verdict(&trial).0);
        match given.output {
            Form::Json => objects.push(object(&trial)),
            Form::Text if failed.is_ok() => failed = text(&mut screen(), &trial, given.entries),
            Form::Text => {}
        }
    }));
    failed.context("failed to write what was found")?;
    if given.output == Form::Json {
        writeln!(io::stdout().lock(), "{}", json_text(&serde_json::to_string_pretty(&objects)?))?;
    }
    Ok(if tested == 0 { Exit::NothingFound } else { exit })
}

fn worse(one: Exit, other: Exit) -> Exit {
    if one == Exit::Unavailable || other == Exit::Ok { one } else { other }
}

fn chosen(config: Option<&Config>, asked: &[String]) -> anyhow::Result<Vec<Source>> {
    let known = config.map_or(&[][..], |config| &config.sources);
    if asked.is_empty() {
        let Some(config) = config else {
            bail!("no configuration, so no sources to test; name an address, or `newswatch init` writes one")
        };
        return Ok(config.sources.iter().filter(|source| source.enabled).flat_map(with_mirrors).collect());
    }
    let find = |asked: &String| {
        let named = known.iter().find(|source| source.name == *asked || source.url == *asked);
        match named {
            Some(source) => Ok(with_mirrors(source)),
            None if asked.contains("://") => Ok(vec![unconfigured(asked)]),
            None => bail!("no source is called `{asked}`; `newswatch sources list` shows their names"),
        }
    };
    let found: anyhow::Result<Vec<_>> = asked.iter().map(find).collect();
    Ok(found?.concat())
}

/// A source, and each of its mirrors as one: all have to be well before they are trusted.
fn with_mirrors(source: &Source) -> Vec<Source> {
    let mirror = |url: &String| {
        let name = format!("{}, mirror", source.name);
        Source { name, url: url.clone(), mirrors: Vec::new(), ..source.clone() }
    };
    std::iter::once(source.clone()).chain(source.mirrors.iter().map(mirror)).collect()
}

/// An address as a `[[feed]]` of which nothing else is said.
fn unconfigured(url: &str) -> Source {
    Source {
        name: url.to_owned(),
        url: url.to_owned(),
        mirrors: Vec::new(),
        cadence: Cadence::ADAPTIVE,
        full_text: FullText::Auto,
        selectors: None,
        enabled: true,
        language: None,
        tags: Vec::new(),
        rules: extract::Rules::default(),
    }
}

/// The verdict in words.
fn verdict(trial: &Trial) -> (Exit, String) {
    if let Some(until) = trial.deferred_until {
        let until = local_time(until);
        return (Exit::TryLater, format!("no verdict: it asks not to be asked before {until}"));
    }
    let reason = trial.reason.as_deref().map_or(String::new(), |reason| format!(": {reason}"));
    match trial.health {
        health if health.is_sick() => (Exit::Unavailable, format!("{health}{reason}")),
        Health::Healthy => (Exit::Ok, "well".into()),
        health => (Exit::Ok, format!("{health}{reason}")),
    }
}

/// What is well, and could be better.
fn remarks(trial: &Trial) -> Vec<String> {
    let mut remarks = Vec::new();
    let Some(body) = &trial.answer else { return remarks };
    if let Some(moved_to) = &body.moved_to {
        remarks.push(format!("it has moved for good: put `{moved_to}` into the configuration"));
    }
    match trial.honours_validators {
        None if body.validators != Validators::default() => {}
        None => remarks.push("it offers no validators: every poll fetches all of it".into()),
        Some(false) => remarks.push("asked again with its own validators it sent all of it once more".into()),
        Some(true) => {}
    }
    match (&trial.page, trial.feed.as_ref().map(|feed| texts(&feed.entries))) {
        (Some((_, Ok(page))), _) if page.text.is_empty() => {
            remarks.push("no text was found on the page: set `page_body` for this source".into());
        }
        (Some((_, Err(_))), Some("teasers" | "titles")) => {
            remarks.push("its pages cannot be read: names are looked for in the feed's teasers only".into());
        }
        _ => {}
    }
    remarks
}

fn text(out: &mut impl Write, trial: &Trial, entries_max: usize) -> io::Result<()> {
    writeln!(out, "{}: {}", printable(&trial.source.name), printable(&verdict(trial).1))?;
    let mut line = |label: &str, text: &str| writeln!(out, "  {label:<11} {}", printable(text));
    line("address", &trial.source.url)?;
    if let Some(body) = &trial.answer {
        line("answer", &answer(trial, body))?;
        line("body", &content(trial, body))?;
        line("validators", &validators(trial, body))?;
    }
    for found in &trial.found {
        let css = if found.css.is_empty() { "not set".into() } else { format!("`{}`", found.css) };
        let first =
            found.first.as_deref().map_or(String::new(), |first| format!(", first {}", shortened(first)));
        let of = if found.key == "item" { "found".into() } else { format!("of {}", trial.found[0].count) };
        line(found.key, &format!("{css}: {} {of}{first}", found.count))?;
    }
    if let Some(feed) = &trial.feed {
        line("kind", &kind(feed))?;
        line("entries", &entries(feed))?;
        for entry in feed.entries.iter().take(entries_max) {
            line("", &one_entry(&trial.source, entry))?;
        }
        if feed.entries.len() > entries_max {
            line("", &format!("… {} more; `--entries` shows them", feed.entries.len() - entries_max))?;
        }
        for fault in &feed.faults {
            line("fault", &format!("{}: {}", fault.place, fault.what))?;
        }
    }
    if let Some((link, page)) = &trial.page {
        line("page", link)?;
        match page {
            Ok(page) => {
                line("", &format!("{} of text", count(page.text.chars().count(), "character", "characters")))?
            }
            Err(why) => line("", &format!("not read: {why}"))?,
        }
    }
    remarks(trial).iter().try_for_each(|remark| line("remark", remark))?;
    writeln!(out)
}

fn answer(trial: &Trial, body: &Body) -> String {
    let way: Vec<_> = body.redirects.iter().map(|hop| format!("{} to {}", hop.status, hop.to)).collect();
    let way = if way.is_empty() { String::new() } else { format!(", after {}", way.join(", ")) };
    format!("200 in {} ms{way}", trial.took.as_millis())
}

fn content(trial: &Trial, body: &Body) -> String {
    let kind = body.content_type.as_deref().unwrap_or("no content type");
    let charset = trial.charset.unwrap_or_default();
    format!("{}, {kind}, read as {charset}", count(body.bytes.len(), "byte", "bytes"))
}

fn validators(trial: &Trial, body: &Body) -> String {
    let Validators { etag, last_modified } = &body.validators;
    let given = [(etag, "ETag"), (last_modified, "Last-Modified")];
    let given: Vec<_> = given.iter().filter(|(value, _)| value.is_some()).map(|(_, name)| *name).collect();
    match trial.honours_validators {
        None if given.is_empty() => "none".into(),
        None => format!("{}; asked again with them: no answer", given.join(", ")),
        Some(true) => format!("{}; asked again with them: not modified (304)", given.join(", ")),
        Some(false) => format!("{}; asked again with them: no 304", given.join(", ")),
    }
}

fn kind(feed: &Feed) -> String {
    let title = feed.title.as_deref().map_or(String::new(), |title| format!(" “{title}”"));
    let language = match (&feed.language, language(feed)) {
        (Some(said), _) => format!(", language {said}"),
        (None, Some(told)) => format!(", language {told} by its letters, not said"),
        (None, None) => ", language not said".into(),
    };
    let ttl = feed
        .ttl_minutes
        .map_or(String::new(), |minutes| format!(", asks for {minutes} minutes between polls"));
    format!("{}{title}{language}{ttl}", feed.dialect)
}

fn entries(feed: &Feed) -> String {
    let all = &feed.entries;
    let dated = all.iter().filter(|entry| entry.published.or(entry.updated).is_some()).count();
    let newest = newest_at(all).map_or(String::new(), |at| format!(", newest {}", local_time(at)));
    let teasers = all.iter().filter(|entry| extract::teaser_only(entry)).count();
    let whole = all.len() - teasers;
    format!("{}: {dated} dated{newest}; {whole} with whole text, {teasers} with a teaser", all.len())
}

fn article(source: &Source, entry: &Entry) -> Article {
    extract::article(&source.name, entry, source.language.as_deref())
}

fn one_entry(source: &Source, entry: &Entry) -> String {
    let article = article(source, entry);
    let at = article.published_at.map_or_else(|| "undated".into(), local_time);
    let whole = if extract::teaser_only(entry) { "teaser" } else { "whole" };
    let text = article.text.chars().count();
    format!("{at}  {}  [{}; {whole}, {text}]", shortened(&article.title), article.identity)
}

fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    match text.chars().count() > CHARS_MAX {
        true => text.chars().take(CHARS_MAX).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// The same for programs, all entries included.
fn object(trial: &Trial) -> Value {
    let (exit, words) = verdict(trial);
    let body = trial.answer.as_ref().map(|body| {
        json!({
            "millis": u64::try_from(trial.took.as_millis()).unwrap_or(u64::MAX), "url": body.url,
            "redirects": body.redirects.iter().map(|hop| json!({"status": hop.status, "to": hop.to})).collect::<Vec<_>>(),
            "moved_to": body.moved_to, "bytes": body.bytes.len(), "content_type": body.content_type,
            "charset": trial.charset, "etag": body.validators.etag,
            "last_modified": body.validators.last_modified, "honours_validators": trial.honours_validators,
        })
    });
    let found = trial.found.iter().map(
        |found| json!({"key": found.key, "selector": found.css, "count": found.count, "first": found.first}),
    );
    let page = trial.page.as_ref().map(|(link, page)| match page {
        Ok(page) => {
            json!({"url": link, "title": page.title, "text_chars": page.text.chars().count(), "error": null})
        }
        Err(why) => json!({"url": link, "title": null, "text_chars": null, "error": why}),
    });
    json!({
        "source": trial.source.name, "url": trial.source.url, "well": exit == Exit::Ok,
        "health": trial.health.to_string(), "verdict": words, "remarks": remarks(trial),
        "answer": body, "selectors": found.collect::<Vec<_>>(),
        "feed": trial.feed.as_ref().map(|feed| feed_object(&trial.source, feed)), "page": page,
        "tested_at": data_time(Utc::now()),
    })
}

fn feed_object(source: &Source, feed: &Feed) -> Value {
    let entry = |entry: &Entry| {
        let article = article(source, entry);
        json!({
            "identity": article.identity, "title": article.title, "link": article.link,
            "published_at": article.published_at.map(data_time), "whole": !extract::teaser_only(entry),
            "text_chars": article.text.chars().count(),
        })
    };
    json!({
        "kind": feed.dialect.to_string(), "title": feed.title, "language": feed.language,
        "ttl_minutes": feed.ttl_minutes, "newest_at": newest_at(&feed.entries).map(data_time),
        "texts": texts(&feed.entries), "entries": feed.entries.iter().map(entry).collect::<Vec<_>>(),
        "faults": feed.faults,
    })
}
