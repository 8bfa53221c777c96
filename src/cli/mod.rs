//! The command line: one file a command.
//!
//! Invariant: data goes to stdout, everything else to stderr; a closed pipe is
//! a quiet end; exit codes are those of [`Exit`].

mod backup;
mod check_config;
mod demo;
mod digest;
mod explain;
mod extract;
mod init;
mod manual;
mod matching;
mod outbox;
mod output;
mod parse;
mod plans;
mod poll;
mod process;
mod query;
mod rescore;
mod run;
mod sample;
mod screen;
mod search;
mod show;
mod sources;
mod status;
mod test_chat;
mod test_email;
mod trial;
mod watches;

use crate::config::{self, Config, ConfigError, Transport};
use crate::daemon::{self, Desk};
use crate::mail::{self, Delivery};
use crate::store::{self, Claim, LetterState, Store, StoreError};
use anyhow::Context;
use chrono::{DateTime, Local, NaiveDate, NaiveTime, TimeDelta, Utc};
use clap::{Parser, Subcommand};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tracing_subscriber::EnvFilter;

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

/// Watches news sources for names that must not be missed, keeps what it finds, and mails it
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
    /// Run the daemon: poll, match, store, mail, until stopped
    Run,
    /// Poll once, mail what is due, then exit
    Poll(poll::Arguments),
    /// Search the history
    Search(search::Arguments),
    /// Show one article: text, revisions, copies, matches, who was told
    Show(show::Arguments),
    /// Explain why an article matched, or how nearly
    Explain(explain::Arguments),
    /// Match the stored history anew with the present watches
    Rescore(rescore::Arguments),
    /// Show, or send now, the digest of a plan
    Digest(digest::Arguments),
    /// What is watched, and how each source does
    #[command(subcommand)]
    Sources(sources::Arguments),
    /// What must not be missed, and how often it was found
    #[command(subcommand)]
    Watches(watches::Arguments),
    /// Who is told of what, and who has left
    #[command(subcommand)]
    Plans(plans::Arguments),
    /// Mail that is owed or was refused: list it, try it again, give it up
    #[command(subcommand)]
    Outbox(outbox::Arguments),
    /// How everything stands; exits with 1 where something needs attention
    Status(status::Arguments),
    /// Check the configuration and say everything that is wrong with it
    CheckConfig,
    /// Send a test mail, step by step
    TestEmail(test_email::Arguments),
    /// Send a test message to a chat, step by step
    TestChat(test_chat::Arguments),
    /// Write a commented config.toml
    Init,
    /// A tour in under a minute: no internet, no mail server
    Demo(demo::Arguments),
    /// Copy the database, also while the daemon runs
    Backup(backup::Arguments),
    /// Feed bytes on stdin, one JSON object on stdout
    Parse(parse::Arguments),
    /// Page HTML on stdin, the article's text or JSON on stdout
    Extract(extract::Arguments),
    /// Articles as JSON lines, or what `parse` prints, on stdin; their matches as JSON lines on stdout
    Match(matching::Arguments),
    /// Shell completions on stdout
    Completions(manual::Completions),
    /// The manual page on stdout
    Man,
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let usual = process::prepare();
    let arguments = Arguments::parse();
    if matches!(arguments.command, Command::Init) {
        process::share_as(usual);
    }
    log_to_stderr(matches!(arguments.command, Command::Run));
    let exit = run_command(&arguments).unwrap_or_else(|error| report(&error));
    ExitCode::from(exit as u8)
}

fn run_command(arguments: &Arguments) -> anyhow::Result<Exit> {
    let config = arguments.config.as_deref();
    match &arguments.command {
        Command::Run => run::run(config),
        Command::Poll(given) => poll::run(given, config),
        Command::Search(given) => search::run(given, config),
        Command::Show(given) => show::run(given, config),
        Command::Explain(given) => explain::run(given, config),
        Command::Rescore(given) => rescore::run(given, config),
        Command::Digest(given) => digest::run(given, config),
        Command::Sources(given) => sources::run(given, config),
        Command::Watches(given) => watches::run(given, config),
        Command::Plans(given) => plans::run(given, config),
        Command::Outbox(given) => outbox::run(given, config),
        Command::Status(given) => status::run(given, config),
        Command::CheckConfig => check_config::run(config),
        Command::TestEmail(given) => test_email::run(given, config),
        Command::TestChat(given) => test_chat::run(given, config),
        Command::Init => init::run(config),
        Command::Demo(given) => demo::run(given),
        Command::Backup(given) => backup::run(given, config),
        Command::Parse(given) => parse::run(given),
        Command::Extract(given) => extract::run(given),
        Command::Match(given) => matching::run(given, config),
        Command::Completions(given) => manual::completions(given),
        Command::Man => manual::page(),
    }
}

/// One line an event, whatever is in it; `NEWSWATCH_LOG` takes tracing's filter syntax.
fn log_to_stderr(is_daemon: bool) {
    let usual = if is_daemon { "newswatch=info" } else { "newswatch=warn" };
    let filter = EnvFilter::try_from_env("NEWSWATCH_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let ansi = io::IsTerminal::is_terminal(&io::stderr()) && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| screen::Log(io::stderr()))
        .with_ansi(ansi)
        .with_target(false)
        .init();
}

/// Says what went wrong, and picks the exit code by what it was.
fn report(error: &anyhow::Error) -> Exit {
    let mut causes = error.chain();
    if causes.any(|cause| cause.downcast_ref::<io::Error>().is_some_and(is_closed_pipe)) {
        return Exit::Ok;
    }
    if let Some(config) = error.chain().find_map(|cause| cause.downcast_ref::<ConfigError>()) {
        screen::complain(&config.to_string());
        return Exit::Configuration;
    }
    screen::complain(&format!("newswatch: {error:#}"));
    error.chain().find_map(exit_of).unwrap_or(Exit::Failed)
}

fn is_closed_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

fn exit_of(cause: &(dyn std::error::Error + 'static)) -> Option<Exit> {
    let locked = matches!(cause.downcast_ref()?, StoreError::Claimed { .. } | StoreError::Locked { .. });
    locked.then_some(Exit::TryLater)
}

/// The configuration that `given`, or else the usual places, name.
fn load(given: Option<&Path>) -> anyhow::Result<Config> {
    Ok(config::load(&config::find(given)?)?)
}

/// `$STATE_DIRECTORY` under systemd, else `$XDG_DATA_HOME/newswatch`.
fn data_directory(config: &Config) -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || set("HOME").map(|home| home.join(".local/share")).unwrap_or_default();
    let usual = || set("XDG_DATA_HOME").unwrap_or_else(home).join("newswatch");
    config.daemon.data.clone().or_else(|| set("STATE_DIRECTORY")).unwrap_or_else(usual)
}

/// Where mail ends in files though somebody is meant to receive it.
fn mail_ends_in(config: &Config) -> Option<PathBuf> {
    let Transport::File { directory } = &config.mail.transport else { return None };
    let has_readers = !config.mail.ops_to.is_empty() || config.plans.iter().any(|plan| !plan.to.is_empty());
    has_readers.then(|| mail::directory_of(directory.as_deref(), &data_directory(config)))
}

/// The default spares a new user a mail server; that nobody is mailed must not go unsaid.
fn nobody_is_mailed(config: &Config) -> Option<String> {
    let directory = mail_ends_in(config)?;
    Some(format!(
        "mail goes to `.eml` files in `{}` and nobody receives it until a server is named: \
         set `transport` and `host` in `[mail]`",
        directory.display()
    ))
}

fn database(data: &Path) -> PathBuf {
    data.join("newswatch.db")
}

/// The history, for reading, also beside a running daemon.
fn open_to_read(config: &Config) -> anyhow::Result<Store> {
    Ok(Store::open_to_read(&database(&data_directory(config)))?)
}

/// The history, where there is one: before the first poll there is none, and that is no error.
fn open_if_made(config: &Config) -> anyhow::Result<Option<Store>> {
    match Store::open_to_read(&database(&data_directory(config))) {
        Err(StoreError::Missing { .. }) => Ok(None),
        opened => Ok(Some(opened?)),
    }
}

/// The desk to work at, with the claim that keeps others from it.
fn open_desk(config: Config) -> anyhow::Result<(Claim, Desk)> {
    let mut claim = claim(&config)?;
    let desk = open_claimed(config, &mut claim)?;
    Ok((claim, desk))
}

/// Keeps other processes from the data directory, and lets its group read it.
fn claim(config: &Config) -> anyhow::Result<Claim> {
    let data = data_directory(config);
    if let Some(group) = &config.daemon.group {
        process::share_directory(&data, group)?;
    }
    Ok(store::claim(&database(&data))?)
}

/// The desk of whoever has the claim.
fn open_claimed(config: Config, claim: &mut Claim) -> anyhow::Result<Desk> {
    let data = data_directory(&config);
    let store = Store::open(&database(&data))?;
    claim.has_history()?;
    Ok(Desk::new(config, store, data)?)
}

/// The runtime of commands that touch the network.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Hands over the mail that is due, and says what stays in the outbox.
async fn hand_over(desk: &Arc<Desk>) -> anyhow::Result<Exit> {
    let (mut refused, mut later) = (0, 0);
    let mut tell = |told: &daemon::Told| {
        let (reason, next) = match &told.delivery {
            Delivery::Sent => return,
            Delivery::TooLarge(reason) => (reason, "it goes on in smaller parts"),
            Delivery::Deferred(reason) | Delivery::Later(_, reason) | Delivery::Unknown(reason) => {
                later += 1;
                (reason, "it stays in the outbox and goes out later")
            }
            Delivery::Refused(reason) => {
                refused += 1;
                (reason, "it is not tried again")
            }
        };
        let said = format!("newswatch: mail to {} is not sent: {reason}; {next}", told.recipient);
        eprintln!("{}", output::printable(&said));
    };
    // Where the way out was shut one mail tries it, and the others follow.
    while daemon::deliver_due(desk, Utc::now, || true, &mut tell).await? > 0 {}
    if desk.store.is_shut()? {
        let more = desk.store.letters(&[LetterState::Owed])?.len().saturating_sub(later);
        if later > 0 && more > 0 {
            eprintln!("newswatch: {more} more wait for the same reason: `newswatch outbox list`");
        }
    }
    Ok(match (refused, later) {
        (0, 0) => Exit::Ok,
        (0, _) => Exit::TryLater,
        _ => Exit::Failed,
    })
}

/// A time as a user writes it: so long ago (`30d`, `12h`), a day, or an instant.
fn when(text: &str, now: DateTime<Utc>) -> anyhow::Result<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        let midnight = day.and_time(NaiveTime::MIN).and_local_timezone(Local).earliest();
        return Ok(midnight.map_or_else(|| day.and_time(NaiveTime::MIN).and_utc(), |at| at.to_utc()));
    }
    let ago =
        config::interval(text).ok().and_then(|ago| now.checked_sub_signed(TimeDelta::from_std(ago).ok()?));
    ago.with_context(|| {
        format!("`{text}` is no time; write `30d`, `12h`, `2026-11-01` or `2026-11-01T07:00:00Z`")
    })
}
