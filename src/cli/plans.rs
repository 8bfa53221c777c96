//! `newswatch plans`: who is told of what, and who has left.

use super::output::{Cell, Output};
use super::{Exit, data_directory, database, load, open_if_made};
use crate::config::Config;
use crate::digest::Plan;
use crate::store::{Departure, Store};
use anyhow::bail;
use chrono::Utc;
use std::path::Path;

#[derive(Debug, clap::Subcommand)]
pub enum Arguments {
    /// Every plan with each of its recipients, those who have left among them
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Put a recipient back who left a plan by one click; what waits is told again
    Resubscribe {
        /// Name of the plan
        plan: String,
        /// The recipient's address
        address: String,
    },
}

const COLUMNS: [&str; 8] =
    ["plan", "recipient", "state", "since_at", "waits", "next_digest_at", "cron", "watches"];

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let config = load(config)?;
    match given {
        Arguments::List { output } => list(&config, output),
        Arguments::Resubscribe { plan, address } => resubscribe(&config, plan, address),
    }
}

fn list(config: &Config, output: &Output) -> anyhow::Result<Exit> {
    let store = open_if_made(config)?;
    let left = store.as_ref().map(Store::departures).transpose()?.unwrap_or_default();
    let mut rows = Vec::new();
    for plan in &config.plans {
        let waits = store.as_ref().map(|store| store.waiting(&plan.name)).transpose()?.unwrap_or(0);
        let told = |to: &'static str| move |recipient| (recipient, to);
        let recipients = plan.to.iter().map(told("mail")).chain(plan.chat_to.iter().map(told("chat")));
        let recipients = recipients.chain(plan.post_to.iter().map(told("post")));
        rows.extend(recipients.map(|(to, way)| row(plan, to, way, &left, waits)));
    }
    output.print(&COLUMNS, &rows)?;
    Ok(if rows.is_empty() { Exit::NothingFound } else { Exit::Ok })
}

fn row(plan: &Plan, recipient: &str, way: &str, left: &[Departure], waits: u64) -> Vec<Cell> {
    let departure = left.iter().find(|left| left.plan == plan.name && left.recipient == recipient);
    let cron = plan.cron.as_ref();
    vec![
        plan.name.clone().into(),
        recipient.into(),
        departure.map_or(way, |_| "left").into(),
        Cell::Time(departure.map(|left| left.left_at)),
        Cell::Count(i64::try_from(waits).unwrap_or(i64::MAX)),
        Cell::Time(cron.and_then(|cron| cron.next_after(Utc::now()))),
        cron.map(|cron| cron.line.clone()).into(),
        Cell::Words(plan.watches.clone()),
    ]
}

fn resubscribe(config: &Config, plan: &str, address: &str) -> anyhow::Result<Exit> {
    let named = config.plans.iter().find(|one| one.name == plan);
    let Some(named) = named else { bail!("no plan is called `{plan}`; `newswatch plans list` shows them") };
    // Beside a running daemon too, as `outbox retry` does.
    let store = Store::open(&database(&data_directory(config)))?;
    if !store.take_back(plan, address, Utc::now())? {
        eprintln!("newswatch: `{address}` has not left `{plan}`");
        return Ok(Exit::NothingFound);
    }
    match named.to.iter().any(|to| to == address) {
        true => eprintln!("newswatch: `{address}` gets mail of `{plan}` again"),
        false => eprintln!("newswatch: `{address}` is back, but `to` of `{plan}` does not name it any more"),
    }
    Ok(Exit::Ok)
}
