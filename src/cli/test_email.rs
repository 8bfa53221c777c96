//! `newswatch test-email`: the dialogue with the mail server, step by step.

use super::output::printable;
use super::screen::screen;
use super::{Exit, data_directory, load, runtime};
use crate::config::Config;
use crate::digest::Digest;
use crate::mail::{self, Delivery, Envelope, Mailer};
use anyhow::Context;
use chrono::{SubsecRound, Utc};
use std::io::Write;
use std::path::Path;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Recipient [default: the first of `ops_to`, else of the first plan]
    to: Option<String>,
}

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let config = load(config)?;
    let to = recipient(given, &config)
        .context("nobody to write to: name a recipient, or set `ops_to` under `[mail]`")?;
    let data = data_directory(&config);
    let now = Utc::now();
    let envelope = Envelope {
        from: config.mail.from.clone(),
        to,
        message_id: format!("test-{}@newswatch", now.timestamp_micros()),
        date: now.trunc_subsecs(0),
        list: "test".into(),
        in_reply_to: None,
        unsubscribe_url: None,
    };
    let wire = mail::wire(&envelope, &test_mail(&config))?;
    let runtime = runtime()?;
    let _inside = runtime.enter();
    let mailer = Mailer::open(&config.mail, &data)?;
    let dialogue = mailer.dialogue(&envelope.from, &envelope.to, &envelope.message_id, wire.bytes());
    let (delivery, steps) = runtime.block_on(dialogue);
    let mut out = screen();
    for step in steps {
        let mark = if step.passed { "ok    " } else { "FAILED" };
        writeln!(out, "{mark} {:<10} {}", step.step, printable(&step.detail))?;
        if let Some(cure) = step.cure {
            writeln!(out, "       {:<10} {cure}", "")?;
        }
    }
    verdict(&mut out, &envelope.to, &delivery)
}

fn recipient(given: &Arguments, config: &Config) -> Option<String> {
    let planned = || config.plans.iter().flat_map(|plan| &plan.to).next();
    given.to.as_ref().or_else(|| config.mail.ops_to.first()).or_else(planned).cloned()
}

fn test_mail(config: &Config) -> Digest {
    let text = format!(
        "This is newswatch, trying whether its mail arrives.\n\
         It watches {} sources for {} watches. Кириллица читается.\n",
        config.sources.len(),
        config.watches.len(),
    );
    let html = format!("<!DOCTYPE html>\n<html lang=\"en\"><body><p>{}</p></body></html>\n", text.trim());
    Digest { subject: "newswatch: test mail".into(), text, html }
}

/// What became of it, in a line.
pub(super) fn verdict(out: &mut impl Write, to: &str, delivery: &Delivery) -> anyhow::Result<Exit> {
    let (line, exit) = match delivery {
        Delivery::Sent => (format!("sent to {to}"), Exit::Ok),
        Delivery::Deferred(reason) | Delivery::Later(_, reason) => {
            (format!("not sent for now: {reason}"), Exit::Unavailable)
        }
        Delivery::Unknown(reason) => (format!("perhaps sent: {reason}"), Exit::TryLater),
        Delivery::Refused(reason) | Delivery::TooLarge(reason) => {
            (format!("refused: {reason}"), Exit::Failed)
        }
    };
    writeln!(out, "{}", printable(&line))?;
    Ok(exit)
}
