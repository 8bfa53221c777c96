//! `newswatch demo`: the whole job on this machine alone. A newsroom on loopback,
//! real polls, a real database, real mail in files.

use super::output::{count, printable};
use super::screen::screen;
use super::{Exit, database, init, runtime};
use crate::config::{self, Config};
use crate::daemon::{self, Desk};
use crate::newsroom::{self, Newsroom, Outlet};
use crate::store::{self, Search, Store};
use anyhow::{Context, ensure};
use chrono::Utc;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where the demo leaves its files; must be empty or new [default: a new directory for temporary files]
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
}

pub fn run(given: &Arguments) -> anyhow::Result<Exit> {
    let usual = || std::env::temp_dir().join(format!("newswatch-demo-{}", std::process::id()));
    let directory = given.directory.clone().unwrap_or_else(usual);
    let in_use = directory.read_dir().is_ok_and(|mut files| files.next().is_some());
    ensure!(!in_use, "`{}` is not empty; name a new directory", directory.display());
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("failed to make `{}`", directory.display()))?;
    let directory = directory.canonicalize()?;
    runtime()?.block_on(tour(&directory))?;
    Ok(Exit::Ok)
}

async fn tour(directory: &Path) -> anyhow::Result<()> {
    let newsroom = Newsroom::open().await.context("failed to open the newsroom")?;
    let outlets = newsroom.outlets();
    say(&format!("A newsroom with {} made-up outlets opens at {}", outlets.len(), newsroom.url("/")))?;
    let config = write_config(directory, &newsroom, &outlets)?;
    let _claim = store::claim(&database(directory))?;
    let store = Store::open(&database(directory))?;
    let desk = Arc::new(Desk::new(config, store, directory.to_path_buf())?);
    say("\nFirst poll: everything is new")?;
    daemon::tell_due(&desk, Utc::now()).await?;
    poll(&desk).await?;
    tell_digest(&desk).await?;
    say("\nA story breaks, and the second poll finds just that one")?;
    let (outlet, story) = newsroom::late_story();
    newsroom.publish(outlet, story);
    poll(&desk).await?;
    daemon::tell_due(&desk, Utc::now()).await?;
    deliver(&desk).await?;
    search(&desk)?;
    newsroom.close().await;
    say(&farewell(directory))
}

/// The tour's configuration, left behind as an example of a real one.
fn write_config(directory: &Path, newsroom: &Newsroom, outlets: &[Outlet]) -> anyhow::Result<Config> {
    let mut text = format!(
        "# The configuration of the demo; its newsroom is gone, the history is there.\n\
         [daemon]\ndata = {data:?}\ncontact = \"demo@newswatch.example\"\nprivate_hosts = [\"{host}\"]\n\n\
         [mail]\ntransport = \"file\"\nfrom = \"newswatch@newswatch.example\"\n",
        data = directory.display().to_string(),
        host = newsroom.address(),
    );
    for outlet in outlets {
        text.push_str(&source_table(outlet)?);
    }
    let shipped = config::parse(init::CONFIG, Path::new("config.toml"))?;
    for watch in &shipped.watches {
        let (name, query, weight) = (&watch.name, &watch.query, watch.weight);
        write!(text, "\n[[watch]]\nname = {name:?}\nquery = '''{query}'''\nweight = {weight:?}\n")?;
    }
    text.push_str(
        "\n[[plan]]\nname = \"demo desk\"\nto = [\"desk@newswatch.example\"]\nwatches = [\"*\"]\n\
         cron = \"0 7 * * *\"\nat_once_from = 2.0\n",
    );
    let path = directory.join("config.toml");
    std::fs::write(&path, &text).with_context(|| format!("failed to write `{}`", path.display()))?;
    Ok(config::parse(&text, &path)?)
}

fn source_table(outlet: &Outlet) -> anyhow::Result<String> {
    let kind = if outlet.selectors.is_some() { "page" } else { "feed" };
    let (name, url, language) = (&outlet.name, &outlet.url, &outlet.language);
    let mut table =
        format!("\n[[{kind}]]\nname = {name:?}\nurl = {url:?}\nlanguage = {language:?}\nevery = \"10m\"\n");
    if let Some(selectors) = &outlet.selectors {
        writeln!(table, "item = {:?}", selectors.item)?;
        let optional = [
            ("title", &selectors.title),
            ("link", &selectors.link),
            ("date", &selectors.date),
            ("summary", &selectors.summary),
        ];
        for (key, selector) in optional {
            if let Some(selector) = selector {
                writeln!(table, "{key} = {selector:?}")?;
            }
        }
    }
    Ok(table)
}

async fn poll(desk: &Arc<Desk>) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    let (mut new, mut matches) = (0, 0);
    daemon::poll_once(desk, desk.config.sources.clone(), |name, polled| {
        let outcome = match polled {
            Ok(polled) => {
                new += polled.new;
                matches += polled.matches;
                match &polled.error {
                    Some(error) => printable(error),
                    None => format!("{}, {} new", polled.outcome, polled.new),
                }
            }
            Err(error) => error.to_string(),
        };
        lines.push(format!("  {name:<26} {outcome}"));
    })
    .await?;
    lines.sort();
    say(&lines.join("\n"))?;
    say(&format!("  {}, {}", count(new, "new article", "new articles"), count(matches, "match", "matches")))
}

async fn tell_digest(desk: &Arc<Desk>) -> anyhow::Result<()> {
    for plan in &desk.config.plans {
        daemon::tell_now(desk, plan, Utc::now()).await?;
    }
    deliver(desk).await
}

async fn deliver(desk: &Arc<Desk>) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    daemon::deliver_due(
        desk,
        Utc::now,
        || true,
        |told| {
            lines.push(format!("  mail to {}: {}", told.recipient, printable(&told.subject)));
        },
    )
    .await?;
    say(&lines.join("\n"))
}

fn search(desk: &Desk) -> anyhow::Result<()> {
    let query = "Temirov";
    let found = desk.store.search(&Search { query: query.into(), ..Search::default() })?;
    say(&format!("\nThe history knows {} articles for `{query}`, in every script:", found.len()))?;
    let lines: Vec<_> = found
        .iter()
        .take(5)
        .map(|one| format!("  {:>4}  {}", one.article_id, printable(&one.title)))
        .collect();
    say(&lines.join("\n"))
}

fn farewell(directory: &Path) -> String {
    let directory = directory.display();
    // As it was called: nothing says that it is in the path yet.
    let newswatch = std::env::args().next().unwrap_or_else(|| "newswatch".into());
    format!(
        "\nEverything lies in {directory}\n\
         \x20 mail/          the mails as .eml files: open them in any mail program\n\
         \x20 newswatch.db   the history: sqlite3 {directory}/newswatch.db 'SELECT * FROM recent_matches'\n\
         \x20 config.toml    what was configured\n\n\
         Try next:\n\
         \x20 {newswatch} --config {directory}/config.toml search Gorno-Badakhshan\n\
         \x20 {newswatch} --config {directory}/config.toml explain 1\n\
         \x20 {newswatch} --config {directory}/config.toml status\n\
         \x20 {newswatch} init        your own config.toml, then: {newswatch} run"
    )
}

fn say(line: &str) -> anyhow::Result<()> {
    writeln!(screen(), "{line}")?;
    Ok(())
}
