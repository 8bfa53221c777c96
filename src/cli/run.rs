//! `newswatch run`: the daemon.

use super::{Exit, data_directory, load, nobody_is_mailed, open_desk, runtime};
use crate::config::Config;
use crate::daemon::{self, Desk, Waiting};
use crate::store::{Claim, StoreError};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::Runtime;

/// What a call that cannot be cancelled (a lookup of the relay's name, a file that
/// does not answer) may take once everything else has ended.
const LEFT_BEHIND: Duration = Duration::from_millis(200);

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
    let inside = runtime.enter();
    let (claim, desk) = open_when_possible(&runtime, &config)?;
    let ended = runtime.block_on(daemon::run(desk, move || load(Some(&path))));
    drop(inside);
    runtime.shutdown_timeout(LEFT_BEHIND);
    drop(claim);
    ended?;
    Ok(Exit::Ok)
}

/// Opens the desk, waiting for a disk that takes no write at present.
fn open_when_possible(runtime: &Runtime, config: &Config) -> anyhow::Result<(Claim, Desk)> {
    let mut waiting = Waiting::default();
    loop {
        let error = match open_desk(config.clone()) {
            Ok(opened) => return Ok(opened),
            Err(error) => error,
        };
        let of_disk = error.chain().find_map(|cause| cause.downcast_ref::<StoreError>());
        match of_disk.filter(|error| error.is_of_disk()) {
            Some(of_disk) => runtime.block_on(waiting.after(of_disk, config, &data_directory(config)))?,
            None => return Err(error),
        }
    }
}
