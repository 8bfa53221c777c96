//! `newswatch sources import`: the feeds of an OPML file for the configuration.
//!
//! Invariant: nothing is fetched, and no address gets in that a poll would refuse
//! by its form: a list of subscriptions is somebody else's text.

use super::load_if_any;
use crate::cli::Exit;
use crate::cli::output::{count, printable};
use crate::cli::screen::screen;
use crate::config::{self, Config, NewFeed, Taken};
use crate::feed::BODY_BYTES_MAX;
use crate::feed::opml::{self, Subscription};
use crate::fetch::NamedBy;
use crate::fetch::guard::{Guard, Refusal};
use anyhow::{Context, ensure};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// OPML file; `-` reads standard input
    file: PathBuf,
    /// Append the tables to the configuration instead of printing them
    #[arg(long)]
    write: bool,
}

/// What became of the subscriptions.
#[derive(Default)]
struct Sorted {
    new: Vec<NewFeed>,
    /// Configured already, or listed twice.
    known: usize,
    refused: Vec<(Subscription, Refusal)>,
}

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let body = read(&given.file)?;
    let config = if given.write { Some(config::load(&config::find(config)?)?) } else { load_if_any(config)? };
    let listed = opml::read(&body).with_context(|| format!("failed to read `{}`", given.file.display()))?;
    let sorted = sort(listed, config.as_ref());
    let tables: Vec<String> = sorted.new.iter().map(NewFeed::table).collect();
    match &config {
        Some(config) if given.write && !tables.is_empty() => append(&config.path, &tables.join("\n"))?,
        _ => screen().write_all(tables.join("\n").as_bytes()).context("failed to write the tables")?,
    }
    say(&sorted, config.as_ref().filter(|_| given.write));
    Ok(match () {
        () if !sorted.new.is_empty() || sorted.known > 0 => Exit::Ok,
        () if !sorted.refused.is_empty() => Exit::Failed,
        () => Exit::NothingFound,
    })
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    let limit = u64::try_from(BODY_BYTES_MAX).unwrap_or(u64::MAX);
    let read = |from: &mut dyn Read, body: &mut Vec<u8>| from.take(limit + 1).read_to_end(body);
    let done = match file.as_os_str() == "-" {
        true => read(&mut io::stdin().lock(), &mut body),
        false => File::open(file).and_then(|mut file| read(&mut file, &mut body)),
    };
    done.with_context(|| format!("failed to read `{}`", file.display()))?;
    ensure!(body.len() <= BODY_BYTES_MAX, "`{}` is larger than {BODY_BYTES_MAX} bytes", file.display());
    Ok(body)
}

fn sort(listed: Vec<Subscription>, config: Option<&Config>) -> Sorted {
    let mut taken = config.map(|config| Taken::of(&config.sources)).unwrap_or_default();
    let guard = Guard::new(config.map_or(&[], |config| &config.daemon.private_hosts));
    let mut sorted = Sorted::default();
    for subscription in listed {
        match guard.read(&subscription.url, NamedBy::Config).map(|target| target.url) {
            Err(refusal) => sorted.refused.push((subscription, refusal)),
            Ok(url) if taken.by(url.as_str()).is_some() => sorted.known += 1,
            Ok(url) => sorted.new.push(NewFeed {
                name: taken.name(&subscription.title, url.as_str()),
                url: url.into(),
                language: subscription.language,
                tags: subscription.tags,
                note: String::new(),
            }),
        }
    }
    sorted
}

/// Appends `tables` to the file, unless that would make it one that does not work.
fn append(path: &Path, tables: &str) -> anyhow::Result<()> {
    let name = path.display();
    let before = std::fs::read_to_string(path).with_context(|| format!("failed to read `{name}`"))?;
    let gap = if before.is_empty() || before.ends_with('\n') { "\n" } else { "\n\n" };
    let more = format!("{gap}{tables}");
    config::parse(&format!("{before}{more}"), path)
        .with_context(|| format!("failed to add to `{name}`; it stays as it is"))?;
    let file = OpenOptions::new().append(true).open(path);
    file.and_then(|mut file| file.write_all(more.as_bytes()).and_then(|()| file.sync_all()))
        .with_context(|| format!("failed to write `{name}`"))
}

/// Says on stderr what became of them all.
fn say(sorted: &Sorted, written: Option<&Config>) {
    for (subscription, refusal) in &sorted.refused {
        // What stands before an `@` may be a password.
        let url = Some(&subscription.url).filter(|url| !url.contains('@'));
        let url = url.map_or_else(|| "address not shown".into(), |url| format!("`{url}`"));
        eprintln!("newswatch: refused {} ({}): {refusal}", printable(&subscription.title), printable(&url));
    }
    let place = written.map_or(String::new(), |config| format!(" to `{}`", config.path.display()));
    eprintln!(
        "{} added{place}, {} configured already, {} refused",
        count(sorted.new.len(), "feed", "feeds"),
        sorted.known,
        sorted.refused.len()
    );
    if written.is_some() && !sorted.new.is_empty() {
        eprintln!("`newswatch sources test` reads them; a running daemon takes them in on SIGHUP");
    }
}
