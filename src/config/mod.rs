//! `config.toml` to a checked configuration.
//!
//! Invariant: every error is found in one reading and says file, line, column,
//! what was written and what to do; nothing is read here but the file.

mod reader;
mod sections;
mod syntax;
#[cfg(test)]
mod tests;
mod values;
mod web;
mod write;

pub use values::is_loopback;
pub use write::{NewFeed, Taken};

use crate::chat::List;
use crate::digest::Plan;
use crate::extract::Rules;
use crate::page::Selectors;
use crate::schedule::Cadence;
use crate::watch::{Watch, WatchList};
use chrono_tz::Tz;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A configuration that can be run.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it came from.
    pub path: PathBuf,
    pub daemon: Daemon,
    pub mail: Mail,
    /// `[post]`: what posts are signed with.
    pub post_key: Option<Secret>,
    /// `[chat]`: the list of chats.
    pub chat_urls: Option<Secret>,
    /// The chats that plans and `ops_to` name.
    pub chats: Vec<NamedChat>,
    /// `[web]`; without it nothing listens.
    pub web: Option<Web>,
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
    /// The group that may read the database, backups and mail files.
    pub group: Option<String>,
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
    /// And to these chats, each as `chat:NAME`.
    pub ops_chat_to: Vec<String>,
}

/// A chat that the file names, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedChat {
    pub name: String,
    /// Of the recipient in the file, as in [`Problem`].
    pub line: usize,
    pub column: usize,
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

/// Where a password, key or list of addresses is read from; never printed.
#[derive(Clone)]
pub struct Secret {
    pub holder: Holder,
    /// Of the value in the file, as in [`Problem`].
    pub line: usize,
    pub column: usize,
}

/// What holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A file; before it comes the systemd credential of this name, where there is one.
    File { path: PathBuf, credential: Option<String> },
    /// An environment variable.
    Variable(String),
}

impl Holder {
    /// A file as the configuration in `base` names it: one name alone may be a credential too.
    pub fn file(name: &str, base: &Path) -> Holder {
        let credential = (!name.contains('/')).then(|| name.to_owned());
        Holder::File { path: base.join(name), credential }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// `[web]`.
#[derive(Debug, Clone)]
pub struct Web {
    pub listen: Listen,
    /// What a reader has to show; there is one wherever others can reach the page.
    pub token: Option<Secret>,
    /// The https address under which a reverse proxy shows the page, without a slash at its end.
    pub public_url: Option<String>,
}

/// Where the page is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    Address(SocketAddr),
    /// A Unix socket's path.
    Socket(PathBuf),
}

impl Listen {
    /// Whether only this machine can reach it.
    pub fn is_local(&self) -> bool {
        match self {
            Listen::Address(address) => address.ip().is_loopback(),
            Listen::Socket(_) => true,
        }
    }
}

impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Listen::Address(address) => write!(f, "{address}"),
            Listen::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

/// What is watched: a `[[feed]]` or a `[[page]]`.
#[derive(Debug, Clone)]
pub struct Source {
    pub name: String,
    pub url: String,
    /// Other addresses of it, asked in this order while `url` cannot be read.
    pub mirrors: Vec<String>,
    pub cadence: Cadence,
    pub full_text: FullText,
    /// `Some` for a `[[page]]`.
    pub selectors: Option<Selectors>,
    /// False keeps it configured and unpolled.
    pub enabled: bool,
    /// The source's language where it does not say so itself.
    pub language: Option<String>,
    pub tags: Vec<String>,
    /// How the pages behind its entries are read, where our own reading fails.
    pub rules: Rules,
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

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines: Vec<String> = self.problems.iter().map(|problem| problem.at(&self.path)).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Whether anybody is told of trouble.
    pub fn has_operator(&self) -> bool {
        !self.mail.ops_to.is_empty() || !self.mail.ops_chat_to.is_empty()
    }

    /// The secrets that are used.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let password = match &self.mail.transport {
            Transport::Smtp { password, .. } => password.as_ref(),
            _ => None,
        };
        let token = self.web.as_ref().and_then(|web| web.token.as_ref());
        [password, self.post_key.as_ref(), self.chat_urls.as_ref(), token].into_iter().flatten()
    }

    /// The chats that the file names and the list does not.
    pub fn unknown_chats(&self, list: &List) -> Vec<Problem> {
        let unknown = self.chats.iter().filter(|chat| list.find(&chat.name).is_none());
        let problem = |NamedChat { name, line, column }: &NamedChat| Problem {
            line: *line,
            column: *column,
            message: format!("the list of `[chat]` has no `{name}`{}", values::hint(name, list.names())),
        };
        unknown.map(problem).collect()
    }
}

impl Problem {
    /// ``config.toml:14:9: unknown key `recipents`; did you mean `recipients`?``
    pub fn at(&self, path: &Path) -> String {
        match self.line {
            0 => format!("{}: {}", path.display(), self.message),
            line => format!("{}:{line}:{}: {}", path.display(), self.column, self.message),
        }
    }
}

/// `; did you mean …?` where one of `known` is near to what was `written`.
pub fn near<'n>(written: &str, known: impl Iterator<Item = &'n str>) -> Option<String> {
    values::near(written, known).map(|name| format!("; did you mean `{name}`?"))
}

/// Reads an interval: `10m`, `1h30m`, `2d`.
///
/// ```
/// # use newswatch::config::interval;
/// assert_eq!(interval("1h30m").unwrap().as_secs(), 5_400);
/// assert!(interval("soon").is_err());
/// ```
///
/// # Errors
/// Names what was written and how it should look.
pub fn interval(text: &str) -> Result<Duration, String> {
    values::duration(text)
}

/// Reads and checks the file at `path`.
///
/// # Errors
/// Every problem of the file at once, or why it cannot be read.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            whole(path, "there is no such file; `newswatch init` writes one".to_owned())
        }
        std::io::ErrorKind::InvalidData => whole(path, "the file is not UTF-8; save it as UTF-8".to_owned()),
        _ => whole(path, format!("cannot be read: {error}")),
    })?;
    parse(&text, path)
}

/// Checks `text` as if it stood in the file at `path`.
///
/// # Errors
/// Every problem at once.
pub fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
    // Editors of another system put it there; TOML does not know it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (config, problems, warnings) = reader::read(text, |keys| sections::config(keys, path));
    match config {
        Some(config) if problems.is_empty() => Ok(Config { warnings, ..config }),
        _ => Err(ConfigError { path: path.into(), problems }),
    }
}

/// The file to use: `--config`, `$NEWSWATCH_CONFIG`, `./config.toml`,
/// `$XDG_CONFIG_HOME/newswatch/config.toml`, `/etc/newswatch/config.toml`.
///
/// # Errors
/// Names the places looked at, and `newswatch init`.
pub fn find(given: Option<&Path>) -> Result<PathBuf, ConfigError> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(named) = given.map(PathBuf::from).or_else(|| variable("NEWSWATCH_CONFIG")) {
        return Ok(named);
    }
    let home = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
    let mut places = vec![PathBuf::from("config.toml")];
    places.extend(home.map(|home| home.join("newswatch/config.toml")));
    places.push("/etc/newswatch/config.toml".into());
    places.iter().find(|place| place.is_file()).cloned().ok_or_else(|| {
        let looked: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
        let message = format!(
            "no configuration at {}; `newswatch init` writes one, `--config FILE` names another",
            looked.join(", ")
        );
        whole(Path::new("newswatch"), message)
    })
}

fn whole(path: &Path, message: String) -> ConfigError {
    ConfigError { path: path.into(), problems: vec![Problem { line: 0, column: 0, message }] }
}
