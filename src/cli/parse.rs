//! `newswatch parse`: feed bytes in, one JSON object out.

use super::Exit;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The HTTP header the bytes came with
    #[arg(long, value_name = "CT")]
    content_type: Option<String>,
    /// Where the bytes came from: the base of relative links
    #[arg(long)]
    url: Option<String>,
}

pub fn run(_given: &Arguments) -> anyhow::Result<Exit> {
    Ok(Exit::Ok)
}
