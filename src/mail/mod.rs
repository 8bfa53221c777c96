//! Outbox rows to deliveries, through lettre.
//!
//! Invariant: what is handed over is a checked [`Wire`]: CRLF line ends only, no
//! line over 998 octets, no header made of unchecked text. The same row is the
//! same bytes on every try. Nothing of the store or of HTTP is known here.

mod local;
mod smtp;
mod wire;

pub use smtp::{Limits, Relay};
pub use wire::{Envelope, Wire, wire};

use crate::config::{Holder, Mail, Secret, Tls, Transport};
use chrono::{DateTime, Utc};
use lettre::message::Mailbox;
use std::path::{Path, PathBuf};

/// What became of one try for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Accepted with a 250.
    Sent,
    /// Try again; the reason.
    Deferred(String),
    /// Try again, but not before this: it asks us to wait; the reason.
    Later(DateTime<Utc>, String),
    /// Never; the reason.
    Refused(String),
    /// Never as it is: the server takes no mail of this size; the reason.
    TooLarge(String),
    /// No answer after the final dot: the same bytes go again.
    Unknown(String),
}

/// How mail leaves.
#[derive(Debug)]
pub enum Mailer {
    Smtp(Relay),
    /// The command, called as `sendmail -i -f FROM -- TO`.
    Sendmail(PathBuf),
    /// The directory `.eml` files are written to.
    File(PathBuf),
}

/// Why no mail, or no mailer, could be made.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("`{0}` is not a mail address; write `desk@example.org` or `Rights desk <desk@example.org>`")]
    Address(String),
    #[error("`{0}` cannot be a Message-ID; it needs the form `unique@domain`")]
    MessageId(String),
    #[error("the mail is not fit for SMTP: {0}; this is a fault in newswatch, please report it")]
    Wire(String),
    #[error("build the mail")]
    Build(#[source] lettre::error::Error),
    #[error("read a secret from `{from}`; check the configuration, and that the file can be read")]
    Secret {
        from: String,
        #[source]
        source: std::io::Error,
    },
    #[error("`{0}` is not set; it should hold a secret")]
    SecretUnset(String),
    #[error("the secret from `{0}` is empty")]
    SecretEmpty(String),
    #[error(
        "a password is never sent without TLS; set `tls = \"starttls\"` or `tls = \"implicit\"` for `{0}`"
    )]
    PasswordInClear(String),
    #[error("`[mail]` has only one of `user` and `password`; set both or neither")]
    HalfLogin,
    #[error("`{0}` is not this machine; set `tls = \"starttls\"` or `tls = \"implicit\"`")]
    MailInClear(String),
    #[error("set up TLS for `{host}`; check that the system's root certificates are installed")]
    Tls {
        host: String,
        #[source]
        source: lettre::transport::smtp::Error,
    },
    #[error("write mail into `{}`; check that the directory exists and is writable", path.display())]
    Directory {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// One step of handing a mail over, as `newswatch test-email` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// `resolve`, `connect`, `greeting`, `tls`, `login`, `sender`, `recipient`, `data`, `message`, `write`, `sendmail`.
    pub step: &'static str,
    pub passed: bool,
    /// What was seen there.
    pub detail: String,
    /// What usually helps, where it failed.
    pub cure: Option<&'static str>,
}

/// Steps that fail for every mail alike: the way out is shut, and nothing was said
/// of the mail itself.
pub const STEPS_OF_THE_WAY: [&str; 6] = ["resolve", "connect", "greeting", "tls", "login", "write"];

/// Where a try ended that was answered with how long to wait: nothing else is handed
/// to this recipient until then.
pub const STEP_OF_WAITING: &str = "wait";

/// Where a try ended that no other side had a part in: what is written here of the
/// recipient is wrong, and only somebody here can mend it.
pub const STEP_OF_OURS: &str = "address";

impl Mailer {
    /// `data` is the data directory, for `.eml` files.
    ///
    /// # Errors
    /// A secret that cannot be read, a directory that cannot be written, TLS that cannot be set up,
    /// and every way to send a mail or a password to another machine unprotected.
    pub fn open(mail: &Mail, data: &Path) -> Result<Mailer, MailError> {
        let from = mailbox(&mail.from)?;
        match &mail.transport {
            Transport::File { directory } => {
                let directory = directory_of(directory.as_deref(), data);
                local::check_directory(&directory)
                    .map_err(|source| MailError::Directory { path: directory.clone(), source })?;
                Ok(Mailer::File(directory))
            }
            Transport::Sendmail { command } => Ok(Mailer::Sendmail(command.clone())),
            Transport::Smtp { host, port, tls, user, password } => {
                if *tls == Tls::None && (user.is_some() || password.is_some()) {
                    return Err(MailError::PasswordInClear(host.clone()));
                }
                if user.is_some() != password.is_some() {
                    return Err(MailError::HalfLogin);
                }
                let password = password.as_ref().map(reveal).transpose()?;
                let login = user.clone().zip(password);
                Ok(Mailer::Smtp(Relay::new(host, *port, *tls, login, from.email.domain())?))
            }
        }
    }

    /// The same mailer with other time limits.
    pub fn with_limits(self, limits: Limits) -> Mailer {
        match self {
            Mailer::Smtp(mut relay) => {
                relay.limits = limits;
                Mailer::Smtp(relay)
            }
            other => other,
        }
    }

    /// Hands one mail over; ends within the [`Limits`] of silence. A future
    /// dropped half-way leaves the outcome unknown: the same bytes go again.
    pub async fn send(&self, from: &str, to: &str, message_id: &str, bytes: &[u8]) -> Delivery {
        self.dialogue(from, to, message_id, bytes).await.0
    }

    /// Hands one mail over and tells every step: which failed, and the usual cure.
    pub async fn dialogue(
        &self,
        from: &str,
        to: &str,
        message_id: &str,
        bytes: &[u8],
    ) -> (Delivery, Vec<Tried>) {
        let (from, to, wire) = match (mailbox(from), mailbox(to), Wire::new(bytes.to_vec())) {
            (Ok(from), Ok(to), Ok(wire)) => (from.email, to.email, wire),
            (Err(error), ..) | (_, Err(error), _) | (_, _, Err(error)) => {
                return (Delivery::Refused(error.to_string()), Vec::new());
            }
        };
        match self {
            Mailer::Smtp(relay) => relay.send(from, to, &wire).await,
            Mailer::Sendmail(command) => local::sendmail(command, from.as_ref(), to.as_ref(), &wire).await,
            Mailer::File(directory) => local::file(directory, message_id, wire).await,
        }
    }
}

/// An address from the configuration, with or without a display name. lettre's
/// own reading ignores what follows the first address, and it panics later on a
/// name with a line end, so neither is let in.
fn mailbox(text: &str) -> Result<Mailbox, MailError> {
    let wrong = || MailError::Address(one_line(text));
    let text = text.trim();
    if text.chars().any(char::is_control) {
        return Err(wrong());
    }
    let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, address)) => (name.trim().trim_matches('"'), address),
        None => ("", text),
    };
    let is_plain = address.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\",;:\\()".contains(&byte));
    let address = address.parse().ok().filter(|_| is_plain).ok_or_else(wrong)?;
    Ok(Mailbox::new((!name.is_empty()).then(|| name.into()), address))
}

/// Where `.eml` files go: the directory named, else `mail` in the data directory.
pub fn directory_of(named: Option<&Path>, data: &Path) -> PathBuf {
    named.map_or_else(|| data.join("mail"), PathBuf::from)
}

/// Whence a secret is read, for people.
pub fn whence(secret: &Secret) -> PathBuf {
    match &secret.holder {
        Holder::Variable(name) => name.into(),
        Holder::File { path, .. } => path.clone(),
    }
}

/// Where systemd puts the credentials of the service that this process is.
pub fn credentials() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

/// The password or key itself. Systemd's credential of that name comes before the file.
///
/// # Errors
/// It cannot be read, or is empty.
pub fn reveal(secret: &Secret) -> Result<String, MailError> {
    let (from, password) = match &secret.holder {
        Holder::Variable(name) => {
            (name.clone(), std::env::var(name).map_err(|_| MailError::SecretUnset(name.clone()))?)
        }
        Holder::File { path, credential } => {
            let credential = credentials().zip(credential.as_ref()).map(|(base, name)| base.join(name));
            let path = credential.filter(|credential| credential.exists()).unwrap_or_else(|| path.clone());
            let from = path.display().to_string();
            let password = std::fs::read_to_string(&path)
                .map_err(|source| MailError::Secret { from: from.clone(), source })?;
            (from, password)
        }
    };
    let password = password.trim_end_matches(['\r', '\n']);
    if password.is_empty() { Err(MailError::SecretEmpty(from)) } else { Ok(password.into()) }
}

/// What a server or a command said, fit for one line of a log: bounded, without controls.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let mut line: String =
        words.iter().filter(|word| !word.is_empty()).flat_map(|word| [word, " "]).take(120).collect();
    line = line.trim_end().into();
    match line.char_indices().nth(300) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests;
