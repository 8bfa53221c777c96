//! `newswatch parse`: feed bytes in, one JSON object out.

use super::Exit;
use crate::feed::{self, Feed};
use anyhow::Context;
use serde_json::{Value, json};
use std::io::{Read, Write};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The HTTP header the bytes came with
    #[arg(long, value_name = "CT")]
    content_type: Option<String>,
    /// Where the bytes came from: the base of relative links
    #[arg(long)]
    url: Option<String>,
}

pub fn run(given: &Arguments) -> anyhow::Result<Exit> {
    let given_text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let mut body = Vec::new();
    // One byte over the limit is enough to be refused.
    let limit = u64::try_from(feed::BODY_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    std::io::stdin().lock().take(limit).read_to_end(&mut body).context("failed to read stdin")?;
    let parsed =
        feed::parse(&body, given_text(&given.content_type).as_deref(), given_text(&given.url).as_deref());
    let (object, exit) = match parsed {
        Ok(feed) => (shown(&feed), Exit::Ok),
        Err(error) => (json!({ "ok": false, "error": error.to_string() }), Exit::Failed),
    };
    print(&object)?;
    Ok(exit)
}

/// The contract with scripts: names and shapes never change.
fn shown(feed: &Feed) -> Value {
    json!({
        "ok": true,
        "feed": {
            "title": feed.title,
            "link": feed.link,
            "language": feed.language,
            "id": feed.id,
            "description": feed.description,
            "updated": feed.updated,
            "published": feed.published,
            "authors": feed.authors,
            "categories": feed.categories,
        },
        "entries": feed.entries,
        "faults": feed.faults,
    })
}

/// Writes one line; a reader that went away is no failure.
fn print(object: &Value) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{object}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("failed to write stdout")
        }
        _ => Ok(()),
    }
}
