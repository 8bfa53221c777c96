//! `newswatch test-chat`: a test message to a chat, step by step.

use super::output::printable;
use super::screen::screen;
use super::test_email::verdict;
use super::{Exit, load, runtime};
use crate::chat::{self, Address};
use crate::config::Config;
use crate::daemon;
use crate::digest::{CHAT, Note};
use crate::fetch::{Fetcher, Limits};
use crate::mail::{Delivery, whence};
use anyhow::{Context, bail};
use chrono::Utc;
use std::io::{self, Write};
use std::path::Path;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Name of the chat in the list [default: the first]
    name: Option<String>,
}

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let config = load(config)?;
    let list = daemon::chats(&config)?;
    let Some(list) = list else { bail!("no chats: name their list as `urls_file` under `[chat]`") };
    daemon::check_chats(&list, &config)?;
    let (list, _) = list;
    // As `to` has it, or the name alone.
    let given = given.name.as_deref().map(|name| chat::name(name).unwrap_or(name));
    let name = given.or_else(|| list.names().next()).context("the list of chats is empty")?;
    let Some(address) = list.find(name) else {
        let names: Vec<String> = list.names().map(|name| format!("`{name}`")).collect();
        bail!("no chat is called `{name}`; there is {}", names.join(", "));
    };
    let mut out = screen();
    let from = config.chat_urls.as_ref().map(whence).unwrap_or_default();
    step(&mut out, true, "list", &format!("`{}` has {} of them", from.display(), list.names().count()))?;
    step(&mut out, true, "address", &format!("{name}: {} at {}", address.service.name(), address.host()))?;
    let (delivery, status) = tell(&config, address)?;
    match &delivery {
        Delivery::Sent => step(&mut out, true, "post", "it was taken")?,
        Delivery::Deferred(why)
        | Delivery::Later(_, why)
        | Delivery::Unknown(why)
        | Delivery::Refused(why)
        | Delivery::TooLarge(why) => step(&mut out, false, "post", why.trim_start_matches("post: "))?,
    }
    if let (Some(status), true) = (status, delivery != Delivery::Sent) {
        writeln!(out, "       {:<10} {}", "", chat::cure(address.service, status))?;
    }
    verdict(&mut out, &format!("{CHAT}{name}"), &delivery)
}

fn step(out: &mut impl Write, passed: bool, step: &str, detail: &str) -> io::Result<()> {
    let mark = if passed { "ok    " } else { "FAILED" };
    writeln!(out, "{mark} {step:<10} {}", printable(detail))
}

fn tell(config: &Config, address: &Address) -> anyhow::Result<(Delivery, Option<u16>)> {
    let now = Utc::now();
    let note = Note {
        subject: "newswatch: test message".into(),
        head: vec![format!(
            "It watches {} sources for {} watches. Кириллица читается.",
            config.sources.len(),
            config.watches.len()
        )],
        ..Note::default()
    };
    let id = format!("test-{}@newswatch", now.timestamp_micros());
    let runtime = runtime()?;
    let _inside = runtime.enter();
    let daemon = &config.daemon;
    let fetcher = Fetcher::new(daemon.contact.as_deref(), &daemon.private_hosts, Limits::default())?;
    let told = runtime.block_on(daemon::tell_chat(&fetcher, address, &note, &id, now));
    Ok((told.delivery, told.status))
}
