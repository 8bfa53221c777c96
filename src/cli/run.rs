//! `newswatch run`: the daemon.

use super::{Exit, claim, data_directory, database, load, nobody_is_mailed, open_claimed, runtime};
use crate::config::Config;
use crate::daemon::{self, Desk, Heard, Start};
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
    let mut start = Start::new()?;
    let Some((claim, desk)) = open_when_possible(&runtime, &mut start, config, &path)? else {
        return Ok(Exit::Ok);
    };
    let ended = runtime.block_on(daemon::run(desk, start, move || load(Some(&path))));
    drop(inside);
    runtime.shutdown_timeout(LEFT_BEHIND);
    drop(claim);
    ended?;
    Ok(Exit::Ok)
}

/// Opens the desk, waiting for a disk that cannot be written at present; nothing where
/// a signal asked to stop meanwhile.
fn open_when_possible(
    runtime: &Runtime,
    start: &mut Start,
    mut config: Config,
    path: &Path,
) -> anyhow::Result<Option<(Claim, Desk)>> {
    let mut claimed = None;
    loop {
        let data = data_directory(&config);
        let error = match claimed.take().map_or_else(|| claim(&config), Ok) {
            // Kept while we wait: a second process is to be refused as ever.
            Ok(mut claim) => match open_claimed(config.clone(), &mut claim) {
                Ok(desk) => return Ok(Some((claim, desk))),
                Err(error) => {
                    claimed = Some(claim);
                    error
                }
            },
            Err(error) => error,
        };
        let Some(of_disk) = of_disk(&error, &database(&data)) else { return Err(error) };
        let places = (&*data, &*database(&data));
        match runtime.block_on(start.wait_after(&of_disk, &config, places))? {
            None => {}
            Some(Heard::Stop) => {
                tracing::info!("stopping");
                return Ok(None);
            }
            Some(Heard::Reload) => match load(Some(path)) {
                // Its data directory may be another one.
                Ok(read) => (config, claimed) = (read, None),
                Err(error) => tracing::error!("configuration not reloaded, the old one stays: {error:#}"),
            },
        }
    }
}

/// What the disk has to do with a failed start, where it has.
fn of_disk(error: &anyhow::Error, database: &Path) -> Option<StoreError> {
    error
        .chain()
        .find_map(|cause| match cause.downcast_ref::<StoreError>() {
            Some(error) => Some(error.clone()),
            None => StoreError::of_system(database, cause.downcast_ref()?),
        })
        .filter(StoreError::is_of_disk)
}
