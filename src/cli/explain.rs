//! `newswatch explain ID|URL|-`: why an article matched, or how nearly.

use super::output::printable;
use super::screen::screen;
use super::{Exit, load, open_to_read, show};
use crate::config::Config;
use crate::extract::{self, Article};
use anyhow::bail;
use std::io::{self, Read, Write};
use std::path::Path;

/// What `-` reads at most.
const STDIN_BYTES_MAX: u64 = 16 * 1024 * 1024;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Number or address of a stored article, or `-`: a text on stdin, its first line the title
    #[arg(value_name = "ID|URL|-")]
    article: String,
    /// Only this watch
    #[arg(long)]
    watch: Option<String>,
}

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let config = load(config)?;
    let Some(article) = article(&given.article, &config)? else {
        eprintln!("newswatch: no article `{}`; `newswatch search` finds their numbers", given.article);
        return Ok(Exit::NothingFound);
    };
    let watches: Vec<_> = config.watches.iter().map(|watch| watch.name.as_str()).collect();
    let chosen = match &given.watch {
        Some(name) if !watches.contains(&name.as_str()) => {
            bail!("no watch is called `{name}`; `newswatch watches list` shows their names")
        }
        Some(name) => vec![name.as_str()],
        None => watches,
    };
    let mut out = screen();
    writeln!(out, "{}", printable(&article.title))?;
    for watch in chosen {
        writeln!(out, "\n{}", printable(watch))?;
        for line in config.watch_list.explain(watch, &article) {
            writeln!(out, "  {}", printable(&line))?;
        }
    }
    Ok(Exit::Ok)
}

fn article(which: &str, config: &Config) -> anyhow::Result<Option<Article>> {
    if which != "-" {
        return Ok(show::find(&open_to_read(config)?, which)?.map(|shown| shown.article));
    }
    let mut bytes = Vec::new();
    io::stdin().lock().take(STDIN_BYTES_MAX).read_to_end(&mut bytes)?;
    let input = String::from_utf8_lossy(&bytes);
    let (title, text) = input.trim_start().split_once('\n').unwrap_or((input.trim(), ""));
    let language = extract::language(&input).map(String::from);
    let (title, text) = (title.trim().to_owned(), text.trim().to_owned());
    Ok(Some(Article { title, text, language, ..Article::default() }))
}
