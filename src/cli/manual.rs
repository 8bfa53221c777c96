//! `newswatch completions` and `newswatch man`: made from the same definitions
//! as the command line itself.

use super::{Arguments, Exit};
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::io::{self, Write};

#[derive(Debug, Args)]
pub struct Completions {
    shell: Shell,
}

pub fn completions(given: &Completions) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(given.shell, &mut Arguments::command(), "newswatch", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Exit::Ok)
}

/// One page for the program and all its commands.
pub fn page() -> anyhow::Result<Exit> {
    let mut page = Vec::new();
    let command = Arguments::command();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let man = clap_mangen::Man::new(sub.clone().disable_help_flag(true));
        writeln!(page, ".SH \"NEWSWATCH {}\"", sub.get_name().to_uppercase())?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
    }
    io::stdout().write_all(&page)?;
    Ok(Exit::Ok)
}
