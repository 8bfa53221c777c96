//! `newswatch check-config`: everything wrong with the configuration, at once.

use super::output::count;
use super::screen::{Screen, complain};
use super::status::Left;
use super::{Exit, nobody_is_mailed, open_if_made, process};
use crate::config::{self, Config, ConfigError, Holder, Problem, Secret};
use crate::daemon;
use crate::mail::{self, MailError};
use std::io::Write;
use std::path::Path;

pub fn run(given: Option<&Path>) -> anyhow::Result<Exit> {
    match config::find(given).and_then(|path| config::load(&path)) {
        Ok(config) => {
            let unread = match secrets(&config).and_then(|unread| chats(&config).map(|()| unread)) {
                Ok(unread) => unread,
                Err(error) => {
                    report(&error);
                    return Ok(Exit::Configuration);
                }
            };
            writeln!(std::io::stdout(), "{}", summary(&config))?;
            for warning in config.warnings.iter().chain(&unread) {
                complain(&warning.at(&config.path));
            }
            if let Some(said) = nobody_is_mailed(&config) {
                eprintln!("{}: {said}", config.path.display());
            }
            if let Some(Err(error)) = config.daemon.group.as_deref().map(process::check_group) {
                complain(&format!("{}: {error:#}", config.path.display()));
            }
            // Who left is not in the file, but matters as much as what is.
            let left = open_if_made(&config).and_then(|store| match store {
                Some(store) => Ok(store.departures()?),
                None => Ok(Vec::new()),
            });
            match left {
                Ok(left) => Left::of(&config, left).text(&mut Screen::of(std::io::stderr()))?,
                Err(error) => eprintln!("newswatch: who left a plan is not known: {error:#}"),
            }
            Ok(Exit::Ok)
        }
        Err(error) => {
            report(&error);
            Ok(Exit::Configuration)
        }
    }
}

/// The secrets that cannot be read here and that the daemon may have all the same.
///
/// # Errors
/// Those that nobody can have.
fn secrets(config: &Config) -> Result<Vec<Problem>, ConfigError> {
    let (mut problems, mut warnings) = (Vec::new(), Vec::new());
    for secret in config.secrets() {
        let Err(error) = mail::reveal(secret) else { continue };
        let place = match &secret.holder {
            Holder::Variable(name) => format!("the variable `{name}`"),
            Holder::File { .. } => format!("`{}`", mail::whence(secret).display()),
        };
        let (is_warning, why) = unread(secret, &error);
        let message = format!("the secret cannot be read from {place}: {why}");
        let problem = Problem { line: secret.line, column: secret.column, message };
        if is_warning { &mut warnings } else { &mut problems }.push(problem);
    }
    problems.sort_by_key(|problem| problem.line);
    match problems.is_empty() {
        true => Ok(warnings),
        false => Err(ConfigError { path: config.path.clone(), problems }),
    }
}

/// Whether the daemon may have what this process has not, why, and what to do.
fn unread(secret: &Secret, error: &MailError) -> (bool, String) {
    use std::io::ErrorKind::{NotFound, PermissionDenied};
    match (error, &secret.holder) {
        (MailError::SecretUnset(_), _) => {
            (true, "it is not set here; set it, unless it is set for the daemon alone".into())
        }
        (MailError::SecretEmpty(_), _) => (false, "it is empty; write the secret into it".into()),
        (MailError::Secret { source, .. }, Holder::File { credential: Some(name), .. })
            if source.kind() == NotFound && mail::credentials().is_none() =>
        {
            let handed = format!("unless systemd hands it over as the credential `{name}`");
            (true, format!("there is no such file; write it, {handed}"))
        }
        (MailError::Secret { source, .. }, _) => match source.kind() {
            NotFound => (false, "there is no such file; write it, or name another file".into()),
            PermissionDenied => (true, "this user may not; let the daemon's user read it".into()),
            _ => (false, format!("{source}; name a file that holds the secret alone")),
        },
        (error, _) => (false, error.to_string()),
    }
}

/// The list of chats; where it cannot be read, `secrets` says so.
fn chats(config: &Config) -> Result<(), ConfigError> {
    match daemon::chats(config) {
        Ok(Some(list)) => daemon::check_chats(&list, config),
        Ok(None) | Err(_) => Ok(()),
    }
}

fn report(error: &ConfigError) {
    complain(&error.to_string());
    if error.problems.len() > 1 {
        eprintln!("{}: {} problems", error.path.display(), error.problems.len());
    }
}

/// `config.toml: ok: 18 sources, 4 watches, 1 plan`.
fn summary(config: &Config) -> String {
    let off = config.sources.iter().filter(|source| !source.enabled).count();
    let off = if off == 0 { String::new() } else { format!(" ({off} off)") };
    format!(
        "{}: ok: {}{off}, {}, {}",
        config.path.display(),
        count(config.sources.len(), "source", "sources"),
        count(config.watches.len(), "watch", "watches"),
        count(config.plans.len(), "plan", "plans"),
    )
}
