//! `config.toml` to a checked configuration.
//!
//! Invariant: every error is found in one reading and says file, line, column,
//! what was written and what to do; nothing is read here but the file.

use crate::digest::Plan;
use crate::page::Selectors;
use crate::schedule::Cadence;
use crate::watch::{Watch, WatchList};
use chrono_tz::Tz;
use std::path::{Path, PathBuf};

/// A configuration that can be run.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it came from.
    pub path: PathBuf,
    pub daemon: Daemon,
    pub mail: Mail,
    pub sources: Vec<Source>,
    pub watches: Vec<Watch>,
    /// `watches`, compiled.
    pub watch_list: WatchList,
    pub plans: Vec<Plan>,
    /// Not wrong, but worth saying: a watch dangerously broad, a plan that no watch feeds.
    pub warnings: Vec<Problem>,
}

/// `[daemon]`.
#[derive(Debug, Clone)]
pub struct Daemon {
    /// Zone of cron lines and of times in mail.
    pub zone: Tz,
    /// Goes into the User-Agent, so that publishers can reach somebody.
    pub contact: Option<String>,
    /// Data directory; `None`: `$STATE_DIRECTORY`, else `$XDG_DATA_HOME/newswatch`.
    pub data: Option<PathBuf>,
    /// Polls under way at a time.
    pub polls_at_once_max: usize,
    /// Hosts that may have private or loopback addresses.
    pub private_hosts: Vec<String>,
}

/// `[mail]`.
#[derive(Debug, Clone)]
pub struct Mail {
    pub transport: Transport,
    pub from: String,
    /// Trouble goes here, not to readers.
    pub ops_to: Vec<String>,
}

/// How mail leaves.
#[derive(Debug, Clone)]
pub enum Transport {
    /// `.eml` files; `None`: `mail/` in the data directory.
    File {
        directory: Option<PathBuf>,
    },
    Sendmail {
        command: PathBuf,
    },
    Smtp {
        host: String,
        port: u16,
        tls: Tls,
        user: Option<String>,
        password: Option<Secret>,
    },
}

/// How a connection to the relay is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// TLS from the first byte (port 465).
    Implicit,
    /// STARTTLS, refused if the server does not offer it (port 587).
    StartTls,
    /// None: only to a loopback relay.
    None,
}

/// Where a password is read from, or the password; never printed.
#[derive(Clone)]
pub enum Secret {
    /// A file, or a systemd credential under `$CREDENTIALS_DIRECTORY`.
    File(PathBuf),
    /// Name of an environment variable.
    Environment(String),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// What is watched: a `[[feed]]` or a `[[page]]`.
#[derive(Debug, Clone)]
pub struct Source {
    pub name: String,
    pub url: String,
    pub cadence: Cadence,
    pub full_text: FullText,
    /// `Some` for a `[[page]]`.
    pub selectors: Option<Selectors>,
    /// False keeps it configured and unpolled.
    pub enabled: bool,
    /// The source's language where it does not say so itself.
    pub language: Option<String>,
    pub tags: Vec<String>,
}

/// Whether article pages are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FullText {
    /// Where the feed has only a teaser.
    Auto,
    Always,
    Never,
}

/// One thing wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// 1-based; 0 where the file as a whole is meant.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    pub message: String,
}

/// Everything wrong with the file, at once. Displays one line a problem:
/// ``config.toml:14:9: unknown key `recipents`; did you mean `recipients`?``
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    pub path: PathBuf,
    pub problems: Vec<Problem>,
}

/// Reads and checks the file at `path`.
///
/// # Errors
/// Every problem of the file at once, or why it cannot be read.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    Err(ConfigError { path: path.into(), problems: Vec::new() })
}

/// Checks `text` as if it stood in the file at `path`.
///
/// # Errors
/// Every problem at once.
pub fn parse(_text: &str, path: &Path) -> Result<Config, ConfigError> {
    Err(ConfigError { path: path.into(), problems: Vec::new() })
}

/// The file to use: `--config`, `$NEWSWATCH_CONFIG`, `./config.toml`,
/// `$XDG_CONFIG_HOME/newswatch/config.toml`, `/etc/newswatch/config.toml`.
///
/// # Errors
/// Names the places looked at, and `newswatch init`.
pub fn find(_given: Option<&Path>) -> Result<PathBuf, ConfigError> {
    Err(ConfigError { path: PathBuf::new(), problems: Vec::new() })
}
