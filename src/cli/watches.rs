//! `newswatch watches`: what must not be missed.

use super::output::{Cell, Output, printable};
use super::screen::screen;
use super::{Exit, load, open_if_made, query, trial};
use crate::config::{self, Config};
use anyhow::ensure;
use chrono::Utc;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

#[derive(Debug, clap::Subcommand)]
pub enum Arguments {
    /// Every configured watch, and how often it was found
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Every form that is accepted for a watch, or for a name not configured yet
    Expand { name: String },
    /// Run a watch, or a query not configured yet, over the stored history
    Test(trial::Arguments),
}

const COLUMNS: [&str; 8] =
    ["watch", "weight", "matches", "matches_week", "matches_today", "best_score", "newest_at", "query"];

/// What no terminal has room for; the configuration and the other forms have it.
const WIDE: [&str; 2] = ["matches_week", "query"];

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    match given {
        Arguments::List { output } => list(&load(config)?, output),
        Arguments::Expand { name } => expand(name, config),
        Arguments::Test(given) => trial::run(given, config),
    }
}

fn list(config: &Config, output: &Output) -> anyhow::Result<Exit> {
    let store = open_if_made(config)?;
    let found = store.map_or(Ok(Vec::new()), |store| store.watch_rows(Utc::now()))?;
    let found: HashMap<_, _> = found.into_iter().map(|row| (row.watch.clone(), row)).collect();
    let rows: Vec<_> = config
        .watches
        .iter()
        .map(|watch| {
            let row = found.get(&watch.name);
            let count = |count: Option<u64>| {
                Cell::Count(count.and_then(|count| i64::try_from(count).ok()).unwrap_or(0))
            };
            vec![
                watch.name.clone().into(),
                Cell::Number(watch.weight),
                count(row.map(|row| row.matches)),
                count(row.map(|row| row.matches_week)),
                count(row.map(|row| row.matches_today)),
                Cell::Number(row.map_or(0.0, |row| row.best_score)),
                Cell::Time(row.and_then(|row| row.newest_at)),
                watch.query.split_whitespace().collect::<Vec<_>>().join(" ").into(),
            ]
        })
        .collect();
    output.print_some(&COLUMNS, &rows, |column| !WIDE.contains(&column))?;
    Ok(if rows.is_empty() { Exit::NothingFound } else { Exit::Ok })
}

fn expand(name: &str, config: Option<&Path>) -> anyhow::Result<Exit> {
    let configured = load(config).ok();
    let names = || configured.iter().flat_map(|config| &config.watches).map(|watch| watch.name.as_str());
    let is_name = names().any(|known| known == name);
    if let (false, Some(hint)) = (is_name, config::near(name, names())) {
        eprintln!("newswatch: no watch is called `{name}`{hint} It is taken for a query");
    }
    let list = match configured {
        Some(config) if is_name => config.watch_list,
        _ => query::compile(&query::watch(name))?,
    };
    let forms = list.expand(name);
    ensure!(!forms.is_empty(), "`{name}` has no forms to show");
    let mut out = screen();
    for (language, forms) in forms {
        writeln!(out, "{language}\t{}", printable(&forms.join(", ")))?;
    }
    Ok(Exit::Ok)
}
