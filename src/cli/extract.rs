//! `newswatch extract`: page HTML in, the article out.

use super::Exit;
use super::screen::{json_text, screen};
use crate::extract::{Page, page};
use anyhow::{Context, bail};
use chrono::SecondsFormat;
use serde::Serialize;
use std::io::{self, IsTerminal, Read, Write};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where the page came from: the base of relative links
    #[arg(long)]
    url: Option<String>,
    /// The HTTP header the page came with
    #[arg(long, value_name = "CT")]
    content_type: Option<String>,
    /// The text alone, or one JSON object with all that the page says
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    Text,
    Json,
}

/// The same limit as for a body from the network.
const BODY_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The contract of `-o json` (DESIGN, "Command line").
#[derive(Serialize)]
struct Shown<'a> {
    title: Option<&'a str>,
    text: &'a str,
    published: Option<String>,
    authors: &'a [String],
    canonical: Option<&'a str>,
    site: Option<&'a str>,
    language: Option<&'a str>,
}

pub fn run(given: &Arguments) -> anyhow::Result<Exit> {
    let mut html = Vec::new();
    io::stdin()
        .lock()
        .take(BODY_BYTES_MAX + 1)
        .read_to_end(&mut html)
        .context("failed to read standard input")?;
    if html.len() as u64 > BODY_BYTES_MAX {
        bail!("page is larger than {} MiB; give one article's page", BODY_BYTES_MAX / 1024 / 1024);
    }
    let page = page(&html, given.content_type.as_deref(), given.url.as_deref());
    let written = match given.output {
        Output::Text if io::stdout().is_terminal() => writeln!(screen(), "{}", page.text),
        Output::Text => writeln!(io::stdout().lock(), "{}", page.text),
        Output::Json => {
            writeln!(io::stdout().lock(), "{}", json_text(&serde_json::to_string(&shown(&page))?))
        }
    };
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Exit::Ok),
        written => written.context("failed to write the text")?,
    }
    if page.text.is_empty() {
        eprintln!("newswatch: no article text on this page");
        return Ok(Exit::NothingFound);
    }
    Ok(Exit::Ok)
}

fn shown(page: &Page) -> Shown<'_> {
    Shown {
        title: page.title.as_deref(),
        text: &page.text,
        published: page.published.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)),
        authors: &page.authors,
        canonical: page.canonical.as_deref(),
        site: page.site.as_deref(),
        language: page.language.as_deref(),
    }
}
