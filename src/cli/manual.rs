//! `newswatch completions` and `newswatch man`: made from the same definitions
//! as the command line itself.

use super::{Arguments, Exit};
use clap::{Args, Command, CommandFactory};
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
    chapters(&mut page, "newswatch", &command)?;
    io::stdout().write_all(&page)?;
    Ok(Exit::Ok)
}

/// A chapter for each command of `command`, and for theirs.
fn chapters(page: &mut Vec<u8>, above: &str, command: &Command) -> io::Result<()> {
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let name = format!("{above} {}", sub.get_name());
        let man = clap_mangen::Man::new(sub.clone().disable_help_flag(true));
        writeln!(page, ".SH \"{}\"", name.to_uppercase())?;
        man.render_description_section(page)?;
        man.render_options_section(page)?;
        chapters(page, &name, sub)?;
    }
    Ok(())
}
