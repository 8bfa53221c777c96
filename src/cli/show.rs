//! `newswatch show ID`: everything stored of one article.

use super::output::{data_time, local_time, printable};
use super::screen::{json_text, screen};
use super::{Exit, load, open_to_read};
use crate::store::{PageMissing, Shown, Store};
use crate::watch::score;
use anyhow::Context;
use clap::ValueEnum;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::Path;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Number of the article, or its address
    #[arg(value_name = "ID")]
    article: String,
    #[arg(short = 'o', long = "output", value_name = "FORM", value_enum, default_value_t = Form::Text)]
    output: Form,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    Text,
    Json,
}

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let store = open_to_read(&load(config)?)?;
    let Some(shown) = find(&store, &given.article)? else {
        eprintln!("newswatch: no article `{}`; `newswatch search` finds their numbers", given.article);
        return Ok(Exit::NothingFound);
    };
    let mut out = screen();
    match given.output {
        Form::Text => text(&mut out, &shown)?,
        Form::Json => writeln!(out, "{}", json_text(&serde_json::to_string_pretty(&object(&shown))?))?,
    }
    Ok(Exit::Ok)
}

/// The article with this number or address.
pub fn find(store: &Store, article: &str) -> anyhow::Result<Option<Shown>> {
    let id = match article.parse() {
        Ok(id) => Some(id),
        Err(_) if article.contains("://") => store.article_at(article)?,
        Err(_) => {
            return Err(anyhow::anyhow!("`{article}` is neither the number of an article nor its address"));
        }
    };
    let show = |id| store.show(id).context("failed to read the history");
    Ok(id.map(show).transpose()?.flatten())
}

fn text(out: &mut impl Write, shown: &Shown) -> io::Result<()> {
    let article = &shown.article;
    writeln!(out, "{}", printable(&article.title))?;
    let published = article.published_at.map_or("without a date".into(), local_time);
    let language = article.language.as_deref().unwrap_or("language unknown");
    writeln!(
        out,
        "{} · {published} · {language} · first seen {}",
        printable(&article.source),
        local_time(shown.first_seen_at)
    )?;
    if !article.authors.is_empty() {
        writeln!(out, "by {}", printable(&article.authors.join(", ")))?;
    }
    writeln!(out, "{}\n", printable(article.link.as_deref().unwrap_or("no link")))?;
    for line in article.text.lines() {
        writeln!(out, "{}", printable(line))?;
    }
    if let Some(missing) = &shown.page_missing {
        writeln!(out, "\n{}", printable(&page_missing(missing)))?;
    }
    for found in &shown.matches {
        let (watch, found_at) = (printable(&found.watch), local_time(found.found_at));
        let points = score::shown(found.score);
        match found.gone_at {
            None => writeln!(out, "\n{watch} scores {points}, found {found_at}")?,
            Some(gone_at) => writeln!(
                out,
                "\n{watch} scored {points}, found {found_at}, no longer found since {}",
                local_time(gone_at)
            )?,
        }
        for addend in &found.addends {
            writeln!(out, "  {:>6}  {}", score::shown(addend.points), printable(&addend.reason))?;
        }
        for hit in &found.hits {
            writeln!(out, "  `{}` in the {}: {}", printable(&hit.text), hit.field, printable(&hit.rule))?;
        }
    }
    for copy in &shown.copies {
        let link = copy.link.as_deref().unwrap_or_default();
        writeln!(
            out,
            "\nalso in {} (article {}) {}",
            printable(&copy.source),
            copy.article_id,
            printable(link)
        )?;
    }
    for told in &shown.told {
        let who = told.recipient.as_deref().unwrap_or("nobody yet");
        writeln!(
            out,
            "\n{}: {} of {}, {} {}",
            printable(&told.plan),
            told.state,
            printable(&told.watch),
            who,
            local_time(told.at)
        )?;
    }
    for revision in &shown.revisions {
        writeln!(
            out,
            "\nuntil {} it read: {}",
            local_time(revision.replaced_at),
            printable(&revision.title)
        )?;
        for line in revision.text.lines() {
            writeln!(out, "  {}", printable(line))?;
        }
    }
    Ok(())
}

fn page_missing(missing: &PageMissing) -> String {
    let why = missing.why.as_deref().unwrap_or("not asked for yet");
    let next = missing.next_try_at.map_or("given up".into(), |at| format!("next try {}", local_time(at)));
    format!("its page is not read: {why} (tries: {}; {next}); this is what the feed says", missing.tries)
}

fn object(shown: &Shown) -> Value {
    let article = &shown.article;
    let matches = shown.matches.iter().map(|found| {
        let addends = found.addends.iter().map(|addend| json!({"points": score::rounded(addend.points), "reason": addend.reason}));
        let hits = found.hits.iter().map(|hit| {
            json!({"field": hit.field.to_string(), "text": hit.text, "rule": hit.rule, "certainty": hit.certainty})
        });
        json!({
            "watch": found.watch, "score": score::rounded(found.score), "found_at": data_time(found.found_at),
            "gone_at": found.gone_at.map(data_time),
            "addends": addends.collect::<Vec<_>>(), "hits": hits.collect::<Vec<_>>(),
        })
    });
    let copies = shown.copies.iter().map(|copy| {
        json!({"id": copy.article_id, "source": copy.source, "link": copy.link, "first_seen_at": data_time(copy.first_seen_at)})
    });
    let revisions = shown.revisions.iter().map(|revision| {
        json!({"replaced_at": data_time(revision.replaced_at), "title": revision.title, "text": revision.text})
    });
    let told = shown.told.iter().map(|told| {
        json!({"plan": told.plan, "watch": told.watch, "recipient": told.recipient, "state": told.state, "at": data_time(told.at)})
    });
    json!({
        "id": shown.article_id, "source": article.source, "title": article.title, "link": article.link,
        "language": article.language, "authors": article.authors,
        "published_at": article.published_at.map(data_time), "first_seen_at": data_time(shown.first_seen_at),
        "text": article.text, "page_missing": shown.page_missing.as_ref().map(page_missing), "matches": matches.collect::<Vec<_>>(), "copies": copies.collect::<Vec<_>>(),
        "revisions": revisions.collect::<Vec<_>>(), "told": told.collect::<Vec<_>>(),
    })
}
