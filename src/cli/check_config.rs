//! `newswatch check-config`: everything wrong with the configuration, at once.

use super::output::count;
use super::status::Left;
use super::{Exit, nobody_is_mailed, open_to_read};
use crate::config::{self, Config, ConfigError};
use crate::daemon;
use std::io::Write;
use std::path::Path;

pub fn run(given: Option<&Path>) -> anyhow::Result<Exit> {
    match config::find(given).and_then(|path| config::load(&path)) {
        Ok(config) => {
            if let Err(error) = chats(&config) {
                report(&error);
                return Ok(Exit::Configuration);
            }
            writeln!(std::io::stdout(), "{}", summary(&config))?;
            for warning in &config.warnings {
                eprintln!("{}", warning.at(&config.path));
            }
            if let Some(said) = nobody_is_mailed(&config) {
                eprintln!("{}: {said}", config.path.display());
            }
            // Who left is not in the file, but matters as much as what is.
            if let Ok(left) = open_to_read(&config).and_then(|store| Ok(store.departures()?)) {
                Left::of(&config, left).text(&mut std::io::stderr())?;
            }
            Ok(Exit::Ok)
        }
        Err(error) => {
            report(&error);
            Ok(Exit::Configuration)
        }
    }
}

/// The list of chats. Where only the service can read it, that is said and no error.
fn chats(config: &Config) -> Result<(), ConfigError> {
    match daemon::chats(config) {
        Ok(None) => Ok(()),
        Ok(Some(list)) => daemon::check_chats(&list, config),
        Err(error) => {
            let why =
                std::error::Error::source(&error).map_or_else(String::new, |source| format!(" ({source})"));
            let path = config.path.display();
            eprintln!("{path}: the list of chats is not checked: {error}{why}; the service may have it");
            Ok(())
        }
    }
}

fn report(error: &ConfigError) {
    eprintln!("{error}");
    if error.problems.len() > 1 {
        eprintln!("{}: {} problems", error.path.display(), error.problems.len());
    }
}

/// `config.toml: ok: 18 sources, 4 watches, 1 plan`.
fn summary(config: &Config) -> String {
    let off = config.sources.iter().filter(|source| !source.enabled).count();
    let off = if off == 0 { String::new() } else { format!(" ({off} off)") };
    format!(
        "{}: ok: {}{off}, {}, {}",
        config.path.display(),
        count(config.sources.len(), "source", "sources"),
        count(config.watches.len(), "watch", "watches"),
        count(config.plans.len(), "plan", "plans"),
    )
}
