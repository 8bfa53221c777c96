//! `newswatch backup`: a copy of the database, also under full write load.

use super::{Exit, load, open_to_read, process};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// File to write
    file: PathBuf,
    /// Replace an older file, once the new copy is written and sound
    #[arg(long)]
    replace: bool,
}

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let file = &given.file;
    let config = load(config)?;
    open_to_read(&config)?.backup(file, given.replace)?;
    if let Some(group) = &config.daemon.group {
        process::share_file(file, group)?;
    }
    eprintln!("newswatch: database copied to `{}`", file.display());
    Ok(Exit::Ok)
}
