//! `newswatch poll`: one pass over the sources, mail for what is due, exit.

use super::output::{Cell, Output, local_time, printable};
use super::{Exit, hand_over, load, nobody_is_mailed, open_desk, runtime};
use crate::config::{Config, Source};
use crate::daemon::{self, Desk, Polled};
use anyhow::bail;
use chrono::Utc;
use std::path::Path;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Names of sources; all enabled ones when none is given
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    #[command(flatten)]
    output: Output,
}

const COLUMNS: [&str; 6] = ["source", "outcome", "entries", "new", "matches", "error"];

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let config = load(config)?;
    let sources = chosen(&config, &given.sources)?;
    if let Some(said) = nobody_is_mailed(&config) {
        eprintln!("newswatch: {said}");
    }
    let runtime = runtime()?;
    let _inside = runtime.enter();
    let (_claim, desk) = open_desk(config)?;
    let desk = Arc::new(desk);
    let (rows, polled) = runtime.block_on(poll(&desk, sources))?;
    given.output.print(&COLUMNS, &rows)?;
    let mailed = runtime.block_on(mail(&desk))?;
    Ok(if polled == Exit::Ok { mailed } else { polled })
}

fn chosen(config: &Config, names: &[String]) -> anyhow::Result<Vec<Source>> {
    if names.is_empty() {
        return Ok(config.sources.iter().filter(|source| source.enabled).cloned().collect());
    }
    let find = |name: &String| match config.sources.iter().find(|source| source.name == *name) {
        Some(source) => Ok(source.clone()),
        None => bail!("no source is called `{name}`; `newswatch sources list` shows their names"),
    };
    names.iter().map(find).collect()
}

/// Polls, and says whether any source failed, or put us off.
async fn poll(desk: &Arc<Desk>, sources: Vec<Source>) -> anyhow::Result<(Vec<Vec<Cell>>, Exit)> {
    daemon::start_plans(desk, Utc::now()).await?;
    let (mut rows, mut failure, mut exit) = (Vec::new(), None, Exit::Ok);
    let asked = sources.len();
    let mut unreachable = 0;
    daemon::poll_once(desk, sources, |name, polled| match polled {
        Ok(polled) => {
            unreachable += usize::from(polled.unreachable);
            if let Some(error) = &polled.error {
                exit = Exit::Unavailable;
                eprintln!("newswatch: {}: {}", printable(name), printable(error));
            } else if let Some(until) = polled.state.not_before {
                exit = if exit == Exit::Ok { Exit::TryLater } else { exit };
                let until = local_time(until);
                eprintln!("newswatch: {}: it asks not to be asked before {until}", printable(name));
            } else if let Some(reason) = polled.read_elsewhere() {
                eprintln!("newswatch: {}: {}", printable(name), printable(&reason));
            }
            rows.push(row(name, polled));
        }
        Err(error) => failure = Some(anyhow::anyhow!("{name}: {error}")),
    })
    .await?;
    if asked > 0 && unreachable == asked {
        eprintln!("newswatch: none of the sources can be reached; `newswatch demo` needs no network");
    }
    failure.map_or(Ok((rows, exit)), Err)
}

fn row(name: &str, polled: &Polled) -> Vec<Cell> {
    let count = |number| Cell::Count(i64::try_from(number).unwrap_or(i64::MAX));
    vec![
        name.into(),
        polled.outcome.into(),
        count(polled.entries),
        count(polled.new),
        count(polled.matches),
        polled.error.clone().into(),
    ]
}

/// Writes and hands over the mail that is due.
async fn mail(desk: &Arc<Desk>) -> anyhow::Result<Exit> {
    daemon::tell_due(desk, Utc::now()).await?;
    hand_over(desk).await
}
