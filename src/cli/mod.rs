//! The command line: one file a command.
//!
//! Invariant: data goes to stdout, everything else to stderr; a closed pipe is
//! a quiet end; exit codes are those of [`Exit`].

mod check_config;
mod extract;
mod init;
mod matching;
mod parse;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit codes, a contract with scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Ok = 0,
    Failed = 1,
    Usage = 2,
    NothingFound = 3,
    /// A source or a server cannot be reached (sysexits `EX_UNAVAILABLE`).
    Unavailable = 69,
    /// Try later (`EX_TEMPFAIL`).
    TryLater = 75,
    /// The configuration is wrong (`EX_CONFIG`).
    Configuration = 78,
}

/// Watches news sources for names that must not be missed, and mails what it finds.
#[derive(Debug, Parser)]
#[command(name = "newswatch", version, max_term_width = 100)]
pub struct Arguments {
    /// Configuration file [default: ./config.toml, then the usual places]
    #[arg(long, global = true, value_name = "FILE", env = "NEWSWATCH_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Feed bytes on stdin, one JSON object on stdout
    Parse(parse::Arguments),
    /// Page HTML on stdin, the article's text or JSON on stdout
    Extract(extract::Arguments),
    /// Articles as JSON lines on stdin, their matches as JSON lines on stdout
    Match(matching::Arguments),
    /// Says everything that is wrong with the configuration, with line and column
    CheckConfig,
    /// Writes a commented config.toml; never over a file
    Init,
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.command {
        Command::Parse(given) => parse::run(given),
        Command::Extract(given) => extract::run(given),
        Command::Match(given) => matching::run(given, arguments.config.as_deref()),
        Command::CheckConfig => check_config::run(arguments.config.as_deref()),
        Command::Init => init::run(arguments.config.as_deref()),
    };
    match done {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(error) => {
            eprintln!("newswatch: {error:#}");
            ExitCode::from(Exit::Failed as u8)
        }
    }
}
