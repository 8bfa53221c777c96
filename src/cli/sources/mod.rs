//! `newswatch sources`: what is watched, how each source does, and what else
//! could be watched.

mod discover;
mod export;
mod import;
mod list;
mod test;

use super::Exit;
use super::output::Output;
use crate::config::{self, Config, Daemon};
use crate::extract;
use crate::feed::{Entry, Feed};
use crate::fetch::{Fetcher, Limits};
use chrono::{DateTime, Utc};
use std::path::Path;

#[derive(Debug, clap::Subcommand)]
pub enum Arguments {
    /// Every configured source with its health
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Poll without storing anything, and say all there is to say; exits with 69 where one is sick
    Test(test::Arguments),
    /// Find the feeds and news sitemaps of a site; each is read before it is shown
    Discover(discover::Arguments),
    /// Turn the feeds of an OPML file into `[[feed]]` tables; folders become tags
    Import(import::Arguments),
    /// The configured feeds as OPML on stdout; tags become folders
    Export(export::Arguments),
}

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    match given {
        Arguments::List { output } => list::run(output, config),
        Arguments::Test(given) => test::run(given, config),
        Arguments::Discover(given) => discover::run(given, config),
        Arguments::Import(given) => import::run(given, config),
        Arguments::Export(given) => export::run(given, config),
    }
}

/// The configuration, if there is one anywhere: an address can be looked at without.
fn load_if_any(given: Option<&Path>) -> anyhow::Result<Option<Config>> {
    match config::find(given) {
        Ok(path) => Ok(Some(config::load(&path)?)),
        Err(_) => Ok(None),
    }
}

fn fetcher(config: Option<&Config>) -> anyhow::Result<Fetcher> {
    let usual = Daemon::default();
    let daemon = config.map_or(&usual, |config| &config.daemon);
    Ok(Fetcher::new(daemon.contact.as_deref(), &daemon.private_hosts, Limits::default())?)
}

/// Whether the entries hold the stories' whole texts, as a poll judges it.
fn texts(entries: &[Entry]) -> &'static str {
    let has_text = |entry: &Entry| entry.content.is_some() || entry.summary.is_some();
    let teasers = entries.iter().filter(|entry| extract::teaser_only(entry)).count();
    match () {
        () if !entries.iter().any(has_text) => "titles",
        () if teasers * 2 > entries.len() => "teasers",
        () => "whole",
    }
}

/// The feed's own word for its language, else what its titles are written in.
fn language(feed: &Feed) -> Option<String> {
    let titles: Vec<&str> = feed.entries.iter().filter_map(|entry| entry.title.as_deref()).take(50).collect();
    let told = || extract::language(&titles.join("\n")).map(str::to_owned);
    feed.language.clone().or_else(told)
}

fn newest_at(entries: &[Entry]) -> Option<DateTime<Utc>> {
    entries.iter().filter_map(|entry| entry.published.or(entry.updated)).max()
}
