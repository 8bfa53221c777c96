//! `newswatch digest PLAN`: shows the mail a plan would get, or sends it now.

use super::screen::screen;
use super::{Exit, hand_over, load, open_desk, open_to_read, runtime, when};
use crate::config::Config;
use crate::daemon;
use crate::digest::{self, Digest, Item, Plan, Urgency, Window};
use crate::mail::{self, Envelope};
use anyhow::Context;
use chrono::{SubsecRound, Utc};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Name of the plan
    plan: String,
    /// Put it into the outbox and send it now, instead of showing it
    #[arg(long)]
    send: bool,
    /// Show it; the default
    #[arg(long, conflicts_with = "send")]
    dry_run: bool,
    /// What was found since then, told or not: `30d`, `12h`, `2026-11-01`
    #[arg(long, value_name = "WHEN", conflicts_with = "send")]
    since: Option<String>,
    /// Also write digest.eml and digest.html there
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "send")]
    write: Option<PathBuf>,
}

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let config = load(config)?;
    let plan = plan(&config, &given.plan)?;
    if given.send { send(config, &plan) } else { show(given, &config, &plan) }
}

fn plan(config: &Config, name: &str) -> anyhow::Result<Plan> {
    let names: Vec<_> = config.plans.iter().map(|plan| format!("`{}`", plan.name)).collect();
    let found = config.plans.iter().find(|plan| plan.name == name).cloned();
    found.with_context(|| format!("no plan is called `{name}`; there are {}", names.join(", ")))
}

/// Composes what the plan would be told now, and changes nothing.
fn show(given: &Arguments, config: &Config, plan: &Plan) -> anyhow::Result<Exit> {
    let now = Utc::now();
    let store = open_to_read(config)?;
    let (from, items, edited) = match &given.since {
        Some(since) => {
            let since = when(since, now)?;
            (since, store.found_since(since, plan)?, Vec::new())
        }
        None => {
            let owed = store.owed(&plan.name, None, None)?.into_iter().map(|(item, _)| item).collect();
            let mut edited = store.corrections(&plan.name)?;
            edited.retain(Item::is_news);
            (store.told_until(&plan.name)?.unwrap_or(now), owed, edited)
        }
    };
    let window = Window { from, to: now, urgency: Urgency::Digest };
    let mut footer = store.footer(from, now)?;
    if given.since.is_none() {
        footer.removed = store.removed(&plan.name)?;
    }
    footer.next_digest_at = plan.cron.as_ref().and_then(|cron| cron.next_after(now));
    let Some(digest) = digest::compose(plan, &window, &items, &edited, &footer) else {
        eprintln!("newswatch: nothing to tell `{}`", plan.name);
        return Ok(Exit::NothingFound);
    };
    let mut out = screen();
    writeln!(out, "Subject: {}\n\n{}", digest.subject, digest.text)?;
    if let Some(directory) = &given.write {
        write(directory, config, plan, &digest)?;
    }
    Ok(Exit::Ok)
}

/// Leaves the mail as `.eml` and its page as `.html`, to look at in their programs.
fn write(directory: &Path, config: &Config, plan: &Plan, digest: &Digest) -> anyhow::Result<()> {
    let envelope = Envelope {
        from: config.mail.from.clone(),
        to: plan.to.first().cloned().unwrap_or_else(|| config.mail.from.clone()),
        message_id: "dry-run@newswatch".into(),
        date: Utc::now().trunc_subsecs(0),
        list: plan.name.clone(),
        in_reply_to: None,
        unsubscribe_url: None,
    };
    let wire = mail::wire(&envelope, digest)?;
    std::fs::create_dir_all(directory)?;
    for (name, bytes) in [("digest.eml", wire.bytes()), ("digest.html", digest.html.as_bytes())] {
        let path = directory.join(name);
        std::fs::write(&path, bytes).with_context(|| format!("failed to write `{}`", path.display()))?;
        eprintln!("newswatch: wrote `{}`", path.display());
    }
    Ok(())
}

/// Puts what is owed into the outbox and hands it over.
fn send(config: Config, plan: &Plan) -> anyhow::Result<Exit> {
    let runtime = runtime()?;
    let _inside = runtime.enter();
    let (_claim, desk) = open_desk(config)?;
    let desk = Arc::new(desk);
    runtime.block_on(async {
        if daemon::tell_now(&desk, plan, Utc::now()).await? == 0 {
            eprintln!(
                "newswatch: nothing new to tell `{}`, or nobody left to tell it: `newswatch plans list`",
                plan.name
            );
        }
        hand_over(&desk).await
    })
}
