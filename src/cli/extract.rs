//! `newswatch extract`: page HTML in, the article out.

use super::Exit;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where the page came from: the base of relative links
    #[arg(long)]
    url: Option<String>,
    /// The HTTP header the page came with
    #[arg(long, value_name = "CT")]
    content_type: Option<String>,
}

pub fn run(_given: &Arguments) -> anyhow::Result<Exit> {
    Ok(Exit::Ok)
}
