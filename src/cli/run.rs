//! `newswatch run`: the daemon.

use super::{Exit, data_directory, load, nobody_is_mailed, open_desk, runtime};
use crate::daemon;
use std::path::{Path, PathBuf};

pub fn run(given: Option<&Path>) -> anyhow::Result<Exit> {
    let config = load(given)?;
    let path: PathBuf = config.path.clone();
    for warning in &config.warnings {
        tracing::warn!("{}", warning.at(&path));
    }
    if let Some(said) = nobody_is_mailed(&config) {
        tracing::warn!("{said}");
    }
    tracing::info!(
        config = %path.display(),
        data = %data_directory(&config).display(),
        sources = config.sources.iter().filter(|source| source.enabled).count(),
        watches = config.watches.len(),
        plans = config.plans.len(),
        "newswatch {} starts",
        env!("CARGO_PKG_VERSION"),
    );
    let runtime = runtime()?;
    let _inside = runtime.enter();
    let (_claim, desk) = open_desk(config)?;
    runtime.block_on(daemon::run(desk, || load(Some(&path))))?;
    Ok(Exit::Ok)
}
