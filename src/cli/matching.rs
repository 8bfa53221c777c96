//! `newswatch match`: articles in, matches out, as JSON lines.

use super::Exit;
use std::path::Path;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// One query instead of the configured watches
    #[arg(long)]
    query: Option<String>,
}

pub fn run(_given: &Arguments, _config: Option<&Path>) -> anyhow::Result<Exit> {
    Ok(Exit::Ok)
}
