//! `newswatch backup`: a copy of the database, also under full write load.

use super::{Exit, load, open_to_read};
use anyhow::ensure;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// File to write; must not exist yet
    file: PathBuf,
}

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let file = &given.file;
    ensure!(!file.exists(), "`{}` exists already; name a new file", file.display());
    open_to_read(&load(config)?)?.backup(file)?;
    eprintln!("newswatch: database copied to `{}`", file.display());
    Ok(Exit::Ok)
}
