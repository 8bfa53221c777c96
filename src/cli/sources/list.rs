//! `newswatch sources list`: what is watched, and how each source does.

use crate::cli::output::{Cell, Output};
use crate::cli::{Exit, load, open_if_made};
use crate::config::Source;
use crate::schedule::Cadence;
use crate::store::SourceRow;
use chrono::Utc;
use std::collections::HashMap;
use std::path::Path;

const COLUMNS: [&str; 16] = [
    "source",
    "health",
    "since_at",
    "polled_at",
    "next_poll_at",
    "cadence",
    "failures",
    "articles",
    "items_a_day",
    "tags",
    "reason",
    "error",
    "hub",
    "hub_state",
    "hub_until_at",
    "url",
];

/// What fits a terminal; `status` says what is wrong with a source, the other forms all.
const NARROW: [&str; 5] = ["source", "health", "polled_at", "next_poll_at", "articles"];

pub fn run(output: &Output, config: Option<&Path>) -> anyhow::Result<Exit> {
    let config = load(config)?;
    let store = open_if_made(&config)?;
    let known = store.map_or(Ok(Vec::new()), |store| store.source_rows(Utc::now()))?;
    let known: HashMap<_, _> = known.into_iter().map(|row| (row.name.clone(), row)).collect();
    let rows: Vec<_> = config.sources.iter().map(|source| row(source, known.get(&source.name))).collect();
    let has_hub = known.values().any(|row| row.hub.is_some());
    output.print_some(&COLUMNS, &rows, |column| {
        NARROW.contains(&column) || (column == "hub_state" && has_hub)
    })?;
    Ok(if rows.is_empty() { Exit::NothingFound } else { Exit::Ok })
}

fn row(source: &Source, known: Option<&SourceRow>) -> Vec<Cell> {
    let health = match known {
        _ if !source.enabled => "disabled",
        Some(row) if !row.health.is_empty() => &row.health,
        _ => "new",
    };
    let count =
        |number: Option<u64>| Cell::Count(number.and_then(|number| i64::try_from(number).ok()).unwrap_or(0));
    let hub = known.and_then(|row| row.hub.as_ref());
    vec![
        source.name.clone().into(),
        health.into(),
        Cell::Time(known.and_then(|row| row.health_since_at)),
        Cell::Time(known.and_then(|row| row.polled_at)),
        Cell::Time(known.and_then(|row| row.next_poll_at)),
        cadence(&source.cadence).into(),
        count(known.map(|row| u64::from(row.failures))),
        count(known.map(|row| row.articles)),
        Cell::Number(known.map_or(0.0, |row| row.items_a_day)),
        Cell::Words(source.tags.clone()),
        known.and_then(|row| row.health_reason.clone()).into(),
        known.and_then(|row| row.last_error.clone()).into(),
        hub.map(|hub| hub.hub.clone()).into(),
        hub.map(|hub| hub.state.clone()).into(),
        Cell::Time(hub.and_then(|hub| hub.until)),
        Cell::Link(Some(source.url.clone())),
    ]
}

fn cadence(cadence: &Cadence) -> String {
    match cadence {
        Cadence::Adaptive { .. } => "adaptive".into(),
        Cadence::Every(interval) => format!("{} s", interval.as_secs()),
        Cadence::Cron(cron) => cron.line.clone(),
    }
}
