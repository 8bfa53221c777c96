//! `newswatch status`: how everything stands, for people and for monitors.

use super::output::{data_time, fitted, local_time, printable};
use super::screen::{json_text, screen};
use super::{Exit, data_directory, database, load, mail_ends_in, nobody_is_mailed, open_to_read};
use crate::chat;
use crate::config::Config;
use crate::digest::Plan;
use crate::health::Health;
use crate::store::{Departure, SourceRow, Status, Store, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use clap::ValueEnum;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::Path;

/// A poll or a mail that is due for so long is late.
const LATE_FROM: TimeDelta = TimeDelta::hours(1);

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[arg(short = 'o', long = "output", value_name = "FORM", value_enum, default_value_t = Form::Text)]
    output: Form,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    Text,
    Json,
}

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let config = load(config)?;
    let store = open_to_read(&config)?;
    let now = Utc::now();
    let mut status = store.status(now)?;
    // What was said of a page that is no longer configured.
    status.web_trouble = status.web_trouble.filter(|_| config.web.is_some());
    let mut sources = store.source_rows(now)?;
    let enabled = |name: &str| config.sources.iter().any(|source| source.enabled && source.name == name);
    sources.retain(|row| enabled(&row.name));
    let late = late(&status, &sources, now);
    let healths = healths(&sources);
    let hubs = hubs(&sources);
    let left = Left::of(&config, store.departures()?);
    let is_sick = |row: &SourceRow| Health::of_word(&row.health).is_sick() || row.failures > 0;
    let (sources, mut elsewhere): (Vec<_>, Vec<_>) = sources.into_iter().partition(is_sick);
    elsewhere.retain(|row| row.read_from.is_some());
    let unwritable = unwritable(&config).or_else(|| status.disk_trouble.clone());
    let mut out = screen();
    match given.output {
        Form::Text => {
            let mut page = Vec::new();
            if let Some(error) = &unwritable {
                writeln!(page, "{}\n", printable(error))?;
            }
            figures(&mut page, &status, &healths, &hubs)?;
            if let Some(said) = nobody_is_mailed(&config) {
                writeln!(page, "          {said}")?;
            }
            troubles(&mut page, &status, &sources, &elsewhere, &late)?;
            left.text(&mut page)?;
            out.write_all(fitted(&String::from_utf8_lossy(&page)).as_bytes())?;
        }
        Form::Json => {
            let mut object = object(&status, &healths, &hubs, &sources, &elsewhere, &late, &left);
            let directory = mail_ends_in(&config).map(|directory| directory.display().to_string());
            object["mail"]["only_files_in"] = directory.into();
            object["database_trouble"] = unwritable.clone().into();
            writeln!(out, "{}", json_text(&serde_json::to_string_pretty(&object)?))?;
        }
    }
    let well = unwritable.is_none()
        && sources.is_empty()
        && late.is_empty()
        && status.pages_failing.is_empty()
        && status.mail_refused == 0
        && status.web_trouble.is_none()
        && left.empty.is_empty();
    Ok(if well { Exit::Ok } else { Exit::Failed })
}

/// Why the database takes no write, where that is not for want of this user's rights:
/// the daemon may run as another user.
fn unwritable(config: &Config) -> Option<String> {
    let store = Store::open_beside(&database(&data_directory(config)));
    match store.and_then(|store| store.probe(Utc::now())) {
        Ok(()) | Err(StoreError::NotWritable { .. } | StoreError::Hidden { .. }) => None,
        Err(error) => Some(error.to_string()),
    }
}

/// Who has left the plans that are configured, and plans that tell nobody any more.
pub(super) struct Left {
    departures: Vec<Departure>,
    empty: Vec<String>,
}

impl Left {
    pub(super) fn of(config: &Config, mut departures: Vec<Departure>) -> Left {
        let plan = |left: &Departure| config.plans.iter().find(|plan| plan.name == left.plan);
        departures.retain(|left| plan(left).is_some_and(|plan| plan.to.contains(&left.recipient)));
        let has_left = |plan: &Plan, to: &str| {
            departures.iter().any(|left| left.plan == plan.name && left.recipient == to)
        };
        let empty =
            |plan: &&Plan| plan.beside_mail().next().is_none() && plan.to.iter().all(|to| has_left(plan, to));
        let empty = config.plans.iter().filter(empty).map(|plan| plan.name.clone()).collect();
        Left { departures, empty }
    }

    pub(super) fn text(&self, out: &mut impl Write) -> io::Result<()> {
        for Departure { plan, recipient, left_at, .. } in &self.departures {
            let (plan, left_at) = (printable(plan), local_time(*left_at));
            writeln!(
                out,
                "\n{recipient} left the plan `{plan}` on {left_at}; `newswatch plans resubscribe` takes that back"
            )?;
        }
        for plan in &self.empty {
            writeln!(
                out,
                "\nNobody is left on the plan `{}`: what it finds waits until somebody is back.",
                printable(plan)
            )?;
        }
        Ok(())
    }
}

/// How many of the sources are in which health, the most first.
fn healths(sources: &[SourceRow]) -> Vec<(String, usize)> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for row in sources {
        let health = Health::of_word(&row.health).to_string();
        match counts.iter_mut().find(|(known, _)| *known == health) {
            Some((_, count)) => *count += 1,
            None => counts.push((health, 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// How many of the sources' hubs are in which state.
fn hubs(sources: &[SourceRow]) -> Vec<(&'static str, usize)> {
    let states = sources.iter().filter_map(|row| row.hub.as_ref()).map(|hub| hub.state.as_str());
    let (mut subscribed, mut asked, mut failing) = (0, 0, 0);
    for state in states {
        *match state {
            "subscribed" => &mut subscribed,
            "asked" => &mut asked,
            _ => &mut failing,
        } += 1;
    }
    let all = [("subscribed", subscribed), ("asked", asked), ("failing", failing)];
    all.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// What should have happened an hour ago and did not.
fn late(status: &Status, sources: &[SourceRow], now: DateTime<Utc>) -> Vec<String> {
    let due_at = now - LATE_FROM;
    let mut late = Vec::new();
    if let Some(at) = sources.iter().filter_map(|row| row.next_poll_at).min().filter(|at| *at < due_at) {
        late.push(format!("polls are overdue since {}: is `newswatch run` running?", local_time(at)));
    }
    if let Some(at) = status.oldest_owed_at.filter(|at| *at < due_at) {
        let since = local_time(at);
        let to = status.oldest_owed_to.as_deref().unwrap_or_default();
        let test = match chat::name(to) {
            Some(name) => format!(", `newswatch test-chat {name}` what stands in its way"),
            // A program, which has no such test.
            None if to.contains(':') => String::new(),
            None => ", `newswatch test-email` what stands in its way".into(),
        };
        late.push(format!("mail waits since {since}: `newswatch outbox list` says why{test}"));
    }
    if let Some(at) = status.history_since_at.filter(|at| *at < due_at) {
        let since = local_time(at);
        late.push(format!(
            "a rescore was cut off and what it found waits since {since}: `newswatch rescore` goes on"
        ));
    }
    late
}

fn figures(
    out: &mut impl Write,
    status: &Status,
    healths: &[(String, usize)],
    hubs: &[(&str, usize)],
) -> io::Result<()> {
    let sources: Vec<_> = healths.iter().map(|(health, count)| format!("{count} {health}")).collect();
    writeln!(out, "sources   {}", if sources.is_empty() { "none".into() } else { sources.join(", ") })?;
    if !hubs.is_empty() {
        let hubs: Vec<_> = hubs.iter().map(|(state, count)| format!("{count} {state}")).collect();
        writeln!(out, "hubs      {}; `newswatch sources list` says which", hubs.join(", "))?;
    }
    writeln!(out, "polled    {}", status.last_poll_at.map_or("never".into(), local_time))?;
    writeln!(out, "articles  {}, {} in the last 24 hours", status.articles, status.articles_today)?;
    writeln!(
        out,
        "matches   {} in the last 24 hours, {} wait for a digest",
        status.matches_today, status.untold
    )?;
    let oldest =
        status.oldest_owed_at.map_or(String::new(), |at| format!(", the oldest since {}", local_time(at)));
    writeln!(
        out,
        "mail      {} sent, {} owed{oldest}, {} refused",
        status.mail_sent, status.mail_owed, status.mail_refused
    )
}

/// What needs attention, a paragraph each.
fn troubles(
    out: &mut impl Write,
    status: &Status,
    sick: &[SourceRow],
    elsewhere: &[SourceRow],
    late: &[String],
) -> io::Result<()> {
    for line in late {
        writeln!(out, "\n{line}")?;
    }
    if let Some(why) = &status.web_trouble {
        writeln!(out, "\nThe page is not shown: {}", printable(why))?;
    }
    for row in sick {
        let since = row.health_since_at.map_or(String::new(), |at| format!(" since {}", local_time(at)));
        let why = row.last_error.as_ref().or(row.health_reason.as_ref());
        let why = why.map_or("no reason was given", String::as_str);
        let failed = match row.failures {
            0 => String::new(),
            1 => ", failed once".into(),
            failures => format!(", failed {failures} times in a row"),
        };
        writeln!(out, "\n{}: {}{since}{failed}\n  {}", printable(&row.name), row.health, printable(why))?;
    }
    for row in elsewhere {
        let why = row.health_reason.as_deref().unwrap_or("its own address fails");
        writeln!(
            out,
            "\n{}: {}, read at another address\n  {}",
            printable(&row.name),
            row.health,
            printable(why)
        )?;
    }
    for failing in &status.pages_failing {
        let (source, why) = (printable(&failing.source), printable(&failing.why));
        writeln!(
            out,
            "\n{source}: pages of {} articles were not read in the last seven days",
            failing.articles
        )?;
        writeln!(out, "  they are matched on the feed's text alone: {why}")?;
    }
    if status.mail_refused > 0 {
        writeln!(
            out,
            "\nMail was refused for good ({}): somebody was not told.\n  \
             `newswatch outbox list` says who and why, `outbox retry` tries again, `outbox drop` lets it go",
            status.mail_refused
        )?;
    }
    Ok(())
}

fn object(
    status: &Status,
    healths: &[(String, usize)],
    hubs: &[(&str, usize)],
    sick: &[SourceRow],
    elsewhere: &[SourceRow],
    late: &[String],
    left: &Left,
) -> Value {
    let departures = left.departures.iter().map(
        |left| json!({"plan": left.plan, "recipient": left.recipient, "left_at": data_time(left.left_at)}),
    );
    let elsewhere = elsewhere.iter().map(|row| {
        json!({"source": row.name, "url": row.url, "read_from": row.read_from, "reason": row.health_reason})
    });
    let sick = sick.iter().map(|row| {
        json!({
            "source": row.name, "health": row.health, "since_at": row.health_since_at.map(data_time),
            "failures": row.failures, "reason": row.health_reason, "error": row.last_error, "url": row.url,
        })
    });
    let pages_failing = status.pages_failing.iter().map(|failing| {
        json!({
            "source": failing.source, "articles": failing.articles,
            "since_at": data_time(failing.since_at), "error": failing.why,
        })
    });
    let sources: serde_json::Map<_, _> =
        healths.iter().map(|(health, count)| (health.clone(), Value::from(*count))).collect();
    json!({
        "sources": sources, "last_poll_at": status.last_poll_at.map(data_time),
        "articles": status.articles, "articles_today": status.articles_today,
        "matches_today": status.matches_today, "untold": status.untold,
        "mail": {
            "sent": status.mail_sent, "owed": status.mail_owed, "refused": status.mail_refused,
            "oldest_owed_at": status.oldest_owed_at.map(data_time),
        },
        "pages_failing": pages_failing.collect::<Vec<_>>(), "late": late, "sick": sick.collect::<Vec<_>>(),
        "hubs": hubs.iter().map(|(state, count)| ((*state).to_owned(), Value::from(*count))).collect::<serde_json::Map<_, _>>(),
        "web_trouble": status.web_trouble,
        "departures": departures.collect::<Vec<_>>(), "plans_without_readers": left.empty,
        "read_elsewhere": elsewhere.collect::<Vec<_>>(),
    })
}
