//! `newswatch parse`: feed bytes in, one JSON object out.

use super::Exit;
use super::screen::json_text;
use crate::feed;
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
        Ok(feed) => {
            (json!({ "ok": true, "feed": feed, "entries": feed.entries, "faults": feed.faults }), Exit::Ok)
        }
        Err(error) => (json!({ "ok": false, "error": error.to_string() }), Exit::Failed),
    };
    print(&object)?;
    Ok(exit)
}

/// Writes one line; a reader that went away is no failure.
fn print(object: &Value) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{}", json_text(&object.to_string())) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("failed to write stdout")
        }
        _ => Ok(()),
    }
}
