//! `newswatch watches test`: a watch over the stored history, before it is relied on.
//!
//! Invariant: reads only, and holds counts and a few samples, however long the
//! history is.

use super::output::{Format, Output, printable};
use super::sample::{COLUMNS, Sample, count_row, write_samples, write_table};
use super::screen::screen;
use super::{Exit, load, open_to_read, query, when};
use crate::config::Config;
use crate::digest::{Plan, Urgency};
use crate::store::Past;
use crate::watch::{Match, Missed, Watch, WatchList};
use anyhow::Context;
use chrono::{DateTime, Datelike, Days, Local, NaiveDate, Utc};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::path::Path;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Name of a configured watch
    #[arg(required_unless_present = "query", conflicts_with = "query")]
    name: Option<String>,
    /// A query that is not configured yet
    #[arg(long)]
    query: Option<String>,
    /// Weight of that query
    #[arg(long, value_name = "NUMBER", default_value_t = 1.0, conflicts_with = "name")]
    weight: f64,
    /// That query without the gazetteer's other names
    #[arg(long, conflicts_with = "name")]
    no_aliases: bool,
    /// That query with words derived from its names
    #[arg(long, conflicts_with = "name")]
    derived: bool,
    /// Articles first seen since then: `90d`, `12h`, `2026-11-01` [default: all]
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Samples of each kind at most
    #[arg(long, short = 'n', default_value_t = 5)]
    limit: usize,
    #[command(flatten)]
    output: Output,
}

/// Groups of near misses kept; a query has few terms worth telling apart.
const NEAR_GROUPS_MAX: usize = 64;
/// Columns of the longest bar.
const BAR_COLUMNS: u64 = 40;
/// Sources and languages named to people; the data forms have all.
const NAMES_SHOWN_MAX: usize = 10;

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let config = load(config)?;
    let since = given.since.as_deref().map(|text| when(text, Utc::now())).transpose()?;
    let (watch, list, plans) = chosen(given, &config)?;
    let store = open_to_read(&config)?;
    let mut tally = Tally::new(&plans, given.limit);
    for page in store.history(since) {
        for past in page? {
            tally.add(&past, &list);
        }
    }
    tally.show(&watch, since, &given.output)?;
    Ok(if tally.matched == 0 { Exit::NothingFound } else { Exit::Ok })
}

/// The watch, compiled alone, and the plans that would hear of it: for a query
/// that is not configured, all of them.
fn chosen(given: &Arguments, config: &Config) -> anyhow::Result<(Watch, WatchList, Vec<Plan>)> {
    let named = |watch: &&Watch| Some(&watch.name) == given.name.as_ref();
    let watch = match &given.query {
        Some(written) => Watch {
            weight: given.weight,
            aliases: !given.no_aliases,
            derived: given.derived,
            ..query::watch(written)
        },
        None => config.watches.iter().find(named).cloned().with_context(|| {
            let name = given.name.as_deref().unwrap_or_default();
            format!("no watch is called `{name}`; `newswatch watches list` shows their names, `--query` tries one that is not configured")
        })?,
    };
    let all = || vec!["*".to_owned()];
    let plans = config.plans.iter().map(|plan| match given.query {
        Some(_) => Plan { watches: all(), ..plan.clone() },
        None => plan.clone(),
    });
    let list = query::compile(&watch)?;
    Ok((watch, list, plans.collect()))
}

/// Articles that have the same terms of the query, and not enough of them.
#[derive(Default)]
struct Near {
    count: u64,
    samples: Vec<Sample>,
}

/// What one plan would have been told.
struct Told {
    plan: Plan,
    count: u64,
    at_once: u64,
}

struct Tally {
    limit: usize,
    read: u64,
    matched: u64,
    by_week: BTreeMap<NaiveDate, u64>,
    by_source: HashMap<String, u64>,
    by_language: HashMap<String, u64>,
    told: Vec<Told>,
    /// Articles come newest first.
    newest: Vec<Sample>,
    /// Best first; of equals the newest.
    best: Vec<Sample>,
    near: HashMap<Vec<usize>, Near>,
}

impl Tally {
    fn new(plans: &[Plan], limit: usize) -> Tally {
        let told = plans.iter().map(|plan| Told { plan: plan.clone(), count: 0, at_once: 0 }).collect();
        Tally {
            limit,
            told,
            read: 0,
            matched: 0,
            by_week: BTreeMap::new(),
            by_source: HashMap::new(),
            by_language: HashMap::new(),
            newest: Vec::new(),
            best: Vec::new(),
            near: HashMap::new(),
        }
    }

    fn add(&mut self, past: &Past, list: &WatchList) {
        self.read += 1;
        let look = list.look(&past.article);
        if let Some(found) = look.matches.first() {
            self.add_match(past, found);
        } else if let Some(missed) = look.missed.first() {
            self.add_near(past, missed, list);
        }
    }

    fn add_match(&mut self, past: &Past, found: &Match) {
        self.matched += 1;
        let language = past.article.language.as_deref().unwrap_or("unknown");
        *self.by_week.entry(monday(past.first_seen_at)).or_default() += 1;
        *self.by_source.entry(past.article.source.clone()).or_default() += 1;
        *self.by_language.entry(language.to_owned()).or_default() += 1;
        for told in &mut self.told {
            let urgency = told.plan.wants(found);
            told.count += u64::from(urgency.is_some());
            told.at_once += u64::from(urgency == Some(Urgency::AtOnce));
        }
        let score = found.score.total();
        let place = self.best.partition_point(|other| other.score >= Some(score));
        if self.newest.len() < self.limit || place < self.limit {
            let sample = Sample::found(past, score, &found.hits);
            if self.newest.len() < self.limit {
                self.newest.push(sample.clone());
            }
            self.best.insert(place, sample);
            self.best.truncate(self.limit);
        }
    }

    fn add_near(&mut self, past: &Past, missed: &Missed<'_>, list: &WatchList) {
        if self.near.len() >= NEAR_GROUPS_MAX && !self.near.contains_key(&missed.part) {
            return;
        }
        let near = self.near.entry(missed.part.clone()).or_default();
        near.count += 1;
        if near.samples.len() < self.limit {
            near.samples.push(Sample::missed(past, missed.watch, list));
        }
    }

    /// Samples of near misses, those with the rarest terms first: a name without
    /// its company says more than the company without the name.
    fn nearest(&self) -> Vec<(&Sample, u64)> {
        let mut groups: Vec<&Near> = self.near.values().collect();
        groups.sort_by_key(|near| {
            (near.count, std::cmp::Reverse(near.samples.first().map(|sample| sample.article_id)))
        });
        let samples =
            groups.into_iter().flat_map(|near| near.samples.iter().map(|sample| (sample, near.count)));
        samples.take(self.limit).collect()
    }

    fn show(&self, watch: &Watch, since: Option<DateTime<Utc>>, output: &Output) -> io::Result<()> {
        match output.format() {
            Format::Table => self.write(watch, since, &mut screen()),
            _ => output.print(&COLUMNS, &self.rows(watch)),
        }
    }

    fn rows(&self, watch: &Watch) -> Vec<Vec<super::output::Cell>> {
        let mut rows = vec![
            count_row("articles", &watch.name, self.read),
            count_row("matches", &watch.name, self.matched),
        ];
        rows.extend(
            self.by_week.iter().rev().map(|(week, count)| count_row("week", &week.to_string(), *count)),
        );
        for (part, counts) in [("source", &self.by_source), ("language", &self.by_language)] {
            rows.extend(most_first(counts).into_iter().map(|(name, count)| count_row(part, name, count)));
        }
        for told in &self.told {
            rows.push(count_row("plan", &told.plan.name, told.count));
            rows.push(count_row("plan at once", &told.plan.name, told.at_once));
        }
        rows.extend(self.newest.iter().map(|sample| sample.row("newest", &watch.name)));
        rows.extend(self.best.iter().map(|sample| sample.row("best", &watch.name)));
        rows.extend(self.nearest().into_iter().map(|(sample, _)| sample.row("near miss", &watch.name)));
        rows
    }

    fn write(&self, watch: &Watch, since: Option<DateTime<Utc>>, out: &mut impl Write) -> io::Result<()> {
        let since = since.map_or(String::new(), |since| {
            format!(" first seen since {}", since.with_timezone(&Local).format("%Y-%m-%d"))
        });
        writeln!(
            out,
            "{}: found in {} of {} articles{since}",
            printable(&watch.name),
            self.matched,
            self.read
        )?;
        self.write_counts(out)?;
        write_samples(out, "newest", self.newest.iter())?;
        write_samples(out, "best", self.best.iter())?;
        write_samples(out, "near misses", self.nearest().into_iter().map(|(sample, _)| sample))
    }

    fn write_counts(&self, out: &mut impl Write) -> io::Result<()> {
        let weeks: Vec<(String, u64)> =
            self.by_week.iter().rev().map(|(week, count)| (week.to_string(), *count)).collect();
        let most = weeks.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
        write_table(
            out,
            "by week",
            weeks.iter().map(|(week, count)| {
                let bar = "█".repeat(usize::try_from((count * BAR_COLUMNS).div_ceil(most)).unwrap_or(0));
                (week.as_str(), format!("{count:>6}  {bar}"))
            }),
        )?;
        for (title, counts) in [("by source", &self.by_source), ("by language", &self.by_language)] {
            let counts = most_first(counts);
            let shown =
                counts.iter().take(NAMES_SHOWN_MAX).map(|(name, count)| (*name, format!("{count:>6}")));
            write_table(out, title, shown)?;
            if counts.len() > NAMES_SHOWN_MAX {
                writeln!(out, "  and {} more", counts.len() - NAMES_SHOWN_MAX)?;
            }
        }
        let told = self.told.iter().map(|told| {
            let Told { plan, count, at_once } = told;
            (
                plan.name.as_str(),
                format!("{count:>6}, {at_once} of them at once (at_least = {})", plan.at_least),
            )
        });
        write_table(out, "each plan would have been told", told)
    }
}

fn most_first(counts: &HashMap<String, u64>) -> Vec<(&str, u64)> {
    let mut counts: Vec<(&str, u64)> = counts.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    counts.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    counts
}

/// The Monday of the week, in the zone of whoever reads.
fn monday(at: DateTime<Utc>) -> NaiveDate {
    let day = at.with_timezone(&Local).date_naive();
    day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into())).unwrap_or(day)
}
