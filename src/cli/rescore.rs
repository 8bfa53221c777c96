//! `newswatch rescore`: the stored history under the watches as they are now.

use super::output::{Cell, Format, Output, printable};
use super::sample::{COLUMNS, Sample, count_row, write_samples, write_table};
use super::screen::screen;
use super::{Exit, data_directory, database, hand_over, load, open_desk, open_to_read, query, runtime, when};
use crate::config::Config;
use crate::daemon::{self, Rescored};
use crate::store::{Store, StoreError};
use crate::watch::{Match, Watch, WatchList};
use anyhow::Context;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

/// Matches the stored articles anew with the watches as they are now. Matches that are new are
/// stored and told to each plan in one digest that says it is history; what was told before is not
/// told again. A match that no longer holds is taken out of the history; where somebody was told
/// of it, `show` keeps saying so. Runs beside the daemon, and can be cut off and run again.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
    /// Do not ask first, where a terminal could answer
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Articles first seen since then: `30d`, `12h`, `2026-11-01` [default: all]
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only this watch
    #[arg(long)]
    watch: Option<String>,
    /// Samples of each kind and watch at most
    #[arg(long, short = 'n', default_value_t = 3)]
    limit: usize,
    #[command(flatten)]
    output: Output,
}

/// Watches of which samples are shown to people; the data forms have all.
const WATCHES_SAMPLED_MAX: usize = 10;

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let config = load(config)?;
    let since = given.since.as_deref().map(|text| when(text, Utc::now())).transpose()?;
    let asks = !given.yes && io::stdin().is_terminal() && io::stderr().is_terminal();
    let list = chosen(given, &config)?;
    if given.dry_run || asks {
        let tally = Tally::over(&open_to_read(&config)?, &list, &config, since, false, given.limit)?;
        tally.show(given, "would be told")?;
        if given.dry_run || tally.is_empty() || !agreed()? {
            return Ok(Exit::Ok);
        }
    }
    let (tally, exit) = change(config, &list, since, given.limit)?;
    if asks {
        eprintln!("newswatch: stored: {}", tally.total());
    } else {
        tally.show(given, "are told")?;
    }
    Ok(exit)
}

/// The configured watches, or the one that is named.
fn chosen(given: &Arguments, config: &Config) -> anyhow::Result<WatchList> {
    let Some(name) = &given.watch else { return Ok(config.watch_list.clone()) };
    let watch: &Watch = config.watches.iter().find(|watch| watch.name == *name).with_context(|| {
        format!("no watch is called `{name}`; `newswatch watches list` shows their names")
    })?;
    query::compile(watch)
}

fn agreed() -> io::Result<bool> {
    eprint!("newswatch: store this, and tell each plan in one digest? [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    let agreed = matches!(answer.trim(), "y" | "Y" | "yes");
    if !agreed {
        eprintln!("newswatch: nothing was changed");
    }
    Ok(agreed)
}

/// Stores and tells. Beside a running daemon its mail is left to that; otherwise
/// it is handed over here.
fn change(
    config: Config,
    list: &WatchList,
    since: Option<DateTime<Utc>>,
    limit: usize,
) -> anyhow::Result<(Tally, Exit)> {
    let runtime = runtime()?;
    let _inside = runtime.enter();
    match open_desk(config.clone()) {
        Ok((_claim, desk)) => {
            let tally = Tally::over(&desk.store, list, &config, since, true, limit)?;
            daemon::tell_history(&desk.store, &config, Utc::now())?;
            Ok((tally, runtime.block_on(hand_over(&Arc::new(desk)))?))
        }
        Err(error) if matches!(error.downcast_ref(), Some(StoreError::Claimed { .. })) => {
            let store = Store::open_beside(&database(&data_directory(&config)))?;
            let tally = Tally::over(&store, list, &config, since, true, limit)?;
            if daemon::tell_history(&store, &config, Utc::now())? > 0 {
                eprintln!(
                    "newswatch: the running daemon mails what was found; it must be reloaded to use changed watches itself"
                );
            }
            Ok((tally, Exit::Ok))
        }
        Err(error) => Err(error),
    }
}

/// What became of one watch's matches.
#[derive(Default)]
struct Counts {
    new: u64,
    gone: u64,
    changed: u64,
    same: u64,
    samples: Vec<(Kind, Sample)>,
}

/// What an article is a sample of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    New,
    Gone,
    Changed,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::New, Kind::Gone, Kind::Changed];

    fn name(self) -> &'static str {
        match self {
            Kind::New => "new",
            Kind::Gone => "gone",
            Kind::Changed => "changed",
        }
    }
}

impl Counts {
    /// Keeps a sample where there is room for it; articles come newest first.
    fn sample(&mut self, kind: Kind, limit: usize, sample: impl FnOnce() -> Sample) {
        if self.samples.iter().filter(|(other, _)| *other == kind).count() < limit {
            self.samples.push((kind, sample()));
        }
    }
}

struct Tally {
    limit: usize,
    articles: u64,
    /// By name.
    watches: BTreeMap<String, Counts>,
    /// Matches that each plan is told of, in the order of the configuration.
    plans: Vec<(String, u64)>,
}

impl Tally {
    fn over(
        store: &Store,
        list: &WatchList,
        config: &Config,
        since: Option<DateTime<Utc>>,
        write: bool,
        limit: usize,
    ) -> anyhow::Result<Tally> {
        let mut tally = Tally {
            limit,
            articles: 0,
            watches: list.watches().map(|watch| (watch.name.clone(), Counts::default())).collect(),
            plans: config.plans.iter().map(|plan| (plan.name.clone(), 0)).collect(),
        };
        let articles = daemon::rescore(store, list, &config.plans, since, write, |one| tally.add(one, list))?;
        tally.articles = articles;
        Ok(tally)
    }

    fn add(&mut self, one: &Rescored<'_>, list: &WatchList) {
        let Rescored { past, matches, difference } = one;
        let limit = self.limit;
        let found = |found: &Match| Sample::found(past, found.score.total(), &found.hits);
        for index in &difference.new {
            let Some(counts) = self.watches.get_mut(&matches[*index].watch) else { continue };
            counts.new += 1;
            counts.sample(Kind::New, limit, || found(&matches[*index]));
        }
        for (index, before) in &difference.changed {
            let Some(counts) = self.watches.get_mut(&matches[*index].watch) else { continue };
            counts.changed += 1;
            counts.sample(Kind::Changed, limit, || found(&matches[*index]).since(*before));
        }
        for (watch, before) in &difference.gone {
            let Some(counts) = self.watches.get_mut(watch) else { continue };
            counts.gone += 1;
            counts.sample(Kind::Gone, limit, || Sample::missed(past, watch, list).since(*before));
        }
        for (index, found) in matches.iter().enumerate() {
            let is_same = !difference.new.contains(&index)
                && difference.changed.iter().all(|(changed, _)| *changed != index);
            if let Some(counts) = self.watches.get_mut(&found.watch).filter(|_| is_same) {
                counts.same += 1;
            }
        }
        for (plan, count) in &mut self.plans {
            *count += difference.owed.iter().filter(|(owed, _)| owed == plan).count() as u64;
        }
    }

    fn is_empty(&self) -> bool {
        self.watches.values().all(|counts| counts.new + counts.gone + counts.changed == 0)
    }

    /// `4 new, 1 gone, 0 changed`.
    fn total(&self) -> String {
        let sum = |count: fn(&Counts) -> u64| self.watches.values().map(count).sum::<u64>();
        format!(
            "{} new, {} gone, {} changed",
            sum(|counts| counts.new),
            sum(|counts| counts.gone),
            sum(|counts| counts.changed)
        )
    }

    /// `told` says of the plans whether they are told or only would be.
    fn show(&self, given: &Arguments, told: &str) -> io::Result<()> {
        match given.output.format() {
            Format::Table => self.write(told, &mut screen()),
            _ => given.output.print(&COLUMNS, &self.rows()),
        }
    }

    fn rows(&self) -> Vec<Vec<Cell>> {
        let mut rows = vec![count_row("articles", "", self.articles)];
        for (watch, counts) in &self.watches {
            let Counts { new, gone, changed, same, samples } = counts;
            for (part, count) in [("new", new), ("gone", gone), ("changed", changed), ("same", same)] {
                rows.push(count_row(part, watch, *count));
            }
            rows.extend(
                samples.iter().map(|(kind, sample)| sample.row(&format!("{} sample", kind.name()), watch)),
            );
        }
        rows.extend(self.plans.iter().map(|(plan, count)| count_row("plan", plan, *count)));
        rows
    }

    fn write(&self, told: &str, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{} in {} articles", self.total(), self.articles)?;
        let changing = || {
            let changes = |counts: &Counts| counts.new + counts.gone + counts.changed > 0;
            self.watches.iter().filter(move |(_, counts)| changes(counts))
        };
        let watches = changing().map(|(watch, counts)| {
            let Counts { new, gone, changed, same, .. } = counts;
            (watch.as_str(), format!("{new} new, {gone} gone, {changed} changed, {same} as before"))
        });
        write_table(out, "watches", watches)?;
        let plans =
            self.plans.iter().map(|(plan, count)| (plan.as_str(), format!("{count} of the new ones")));
        write_table(out, &format!("plans {told}"), plans)?;
        for (watch, counts) in changing().take(WATCHES_SAMPLED_MAX) {
            for kind in Kind::ALL {
                let samples =
                    counts.samples.iter().filter(|(other, _)| *other == kind).map(|(_, sample)| sample);
                write_samples(out, &format!("{}, {}", printable(watch), kind.name()), samples)?;
            }
        }
        Ok(())
    }
}
