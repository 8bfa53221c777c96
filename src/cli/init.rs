//! `newswatch init`: writes the shipped, commented `config.toml`; never over a file.

use super::Exit;
use anyhow::{Context, bail};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// The shipped configuration, which is also the manual of every key.
pub const CONFIG: &str = include_str!("../../config.toml");

pub fn run(given: Option<&Path>) -> anyhow::Result<Exit> {
    let path = given.unwrap_or(Path::new("config.toml"));
    let name = path.display();
    let mut file = match std::fs::File::create_new(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("`{name}` is there already and stays as it is; `--config FILE` writes another")
        }
        Err(error) => return Err(error).with_context(|| format!("cannot write `{name}`")),
    };
    file.write_all(CONFIG.as_bytes()).with_context(|| format!("cannot write `{name}`"))?;
    eprintln!("wrote `{name}`: set `contact`, the plan's `to` and `ops_to` in it");
    eprintln!("then `newswatch check-config` says what is wrong, and `newswatch run` starts");
    Ok(Exit::Ok)
}
