//! `newswatch sources export`: the configured feeds as OPML.

use crate::cli::output::count;
use crate::cli::{Exit, load};
use crate::config::Source;
use crate::feed::opml::{self, Subscription};
use anyhow::Context;
use std::io::{self, Write};
use std::path::Path;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Also the feeds that are turned off
    #[arg(long)]
    all: bool,
}

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let config = load(config)?;
    let (pages, feeds): (Vec<_>, Vec<_>) =
        config.sources.iter().partition(|source| source.selectors.is_some());
    let listed = feeds.iter().filter(|source| given.all || source.enabled);
    let subscriptions: Vec<_> = listed.map(|source| subscription(source)).collect();
    let xml = opml::write("newswatch sources", &subscriptions);
    io::stdout().lock().write_all(xml.as_bytes()).context("failed to write the list")?;
    let off = feeds.len() - subscriptions.len();
    if off > 0 {
        let off = count(off, "feed that is turned off is", "feeds that are turned off are");
        eprintln!("newswatch: {off} left out; `--all` lists them too");
    }
    if !pages.is_empty() {
        let pages = count(pages.len(), "`[[page]]` is", "`[[page]]` sources are");
        eprintln!("newswatch: {pages} left out: OPML knows feeds only");
    }
    Ok(if subscriptions.is_empty() { Exit::NothingFound } else { Exit::Ok })
}

fn subscription(source: &Source) -> Subscription {
    Subscription {
        title: source.name.clone(),
        url: source.url.clone(),
        language: source.language.clone(),
        tags: source.tags.clone(),
    }
}
