//! Ways to hand a mail over on this machine: a `sendmail` command, a directory.
//!
//! Invariant: a file appears whole or not at all, under a name made of its
//! Message-ID, so a second try replaces it. lettre's own transports hide the
//! exit code and choose a new name for every try.

use super::{Delivery, Tried, Wire, one_line};
use crate::crash::{self, Point};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::process::Command;

/// Time a `sendmail` command may take.
const COMMAND_MS_MAX: u64 = 120_000;

/// Makes the directory and proves that it can be written.
pub fn check_directory(directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let probe = directory.join(format!(".probe-{}", std::process::id()));
    std::fs::write(&probe, b"")?;
    std::fs::remove_file(&probe)
}

pub async fn file(directory: &Path, message_id: &str, wire: Wire) -> (Delivery, Vec<Tried>) {
    let path = directory.join(file_name(message_id));
    let target = path.clone();
    let written = tokio::task::spawn_blocking(move || replace(&target, wire.bytes())).await;
    let error = match written {
        Ok(Ok(())) => {
            return (Delivery::Sent, vec![tried("write", true, path.display().to_string(), None)]);
        }
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    let reason = format!("write `{}`: {error}", path.display());
    let cure = "check that the directory exists, is writable and that the disk is not full";
    (Delivery::Deferred(reason.clone()), vec![tried("write", false, reason, Some(cure))])
}

fn tried(step: &'static str, passed: bool, detail: String, cure: Option<&'static str>) -> Tried {
    Tried { step, passed, detail, cure }
}

/// The Message-ID as a file name; one that had to be changed keeps apart by a fingerprint.
fn file_name(message_id: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_@+.=".contains(c);
    let name: String = message_id.chars().take(150).map(|c| if is_plain(c) { c } else { '_' }).collect();
    if name == message_id && !name.is_empty() && !name.starts_with('.') {
        return format!("{name}.eml");
    }
    let fingerprint: String =
        Sha256::digest(message_id.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{fingerprint}.eml", name.trim_start_matches('.'))
}

/// Writes beside, syncs, renames, syncs the directory.
fn replace(path: &PathBuf, bytes: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("eml.part");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    crash::point(Point::FileWritten);
    std::fs::rename(&beside, path)?;
    crash::point(Point::FileRenamed);
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

pub async fn sendmail(command: &Path, from: &str, to: &str, wire: &Wire) -> (Delivery, Vec<Tried>) {
    let delivery =
        match tokio::time::timeout(Duration::from_millis(COMMAND_MS_MAX), run(command, from, to, wire)).await
        {
            Ok(delivery) => delivery,
            Err(_) => Delivery::Unknown(format!(
                "`{}` did not end within {} s",
                command.display(),
                COMMAND_MS_MAX / 1000
            )),
        };
    let told = match &delivery {
        Delivery::Sent => tried("sendmail", true, command.display().to_string(), None),
        Delivery::Deferred(reason)
        | Delivery::Later(_, reason)
        | Delivery::Refused(reason)
        | Delivery::TooLarge(reason)
        | Delivery::Unknown(reason) => {
            let cure = "run the command by hand with a small mail, and look into the mail log";
            tried("sendmail", false, reason.clone(), Some(cure))
        }
    };
    (delivery, vec![told])
}

async fn run(command: &Path, from: &str, to: &str, wire: &Wire) -> Delivery {
    let named = command.display();
    let spooled = spool(wire).and_then(|mail| Ok((mail.try_clone()?, mail)));
    let (input, mut mail) = match spooled {
        Ok(files) => files,
        Err(error) => return Delivery::Deferred(format!("write the mail for `{named}`: {error}")),
    };
    let started = Command::new(command)
        .args(["-i", "-f", from, "--", to])
        .stdin(Stdio::from(input))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let child = match started {
        Ok(child) => child,
        Err(error) => return Delivery::Deferred(format!("start `{named}`: {error}")),
    };
    crash::point(Point::CommandStarted);
    let ended = child.wait_with_output().await;
    crash::point(Point::CommandEnded);
    // Both sides share the place in the file.
    let read = mail.stream_position().unwrap_or(0);
    match ended {
        Ok(output) => {
            let said = one_line(&String::from_utf8_lossy(&output.stderr));
            match verdict(output.status, &format!("`{named}` {}: {said}", output.status)) {
                Delivery::Sent if read < wire.bytes().len() as u64 => {
                    Delivery::Unknown(format!("`{named}` did not read the whole mail"))
                }
                delivery => delivery,
            }
        }
        Err(error) => Delivery::Unknown(format!("wait for `{named}`: {error}")),
    }
}

/// The mail as a file without a name. Through a pipe a command would take our death
/// for the end of the mail, and deliver half of it.
fn spool(wire: &Wire) -> std::io::Result<File> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("newswatch-{}-{number}", std::process::id()));
    // One left by a process of the same number that died just here is in the way.
    let _ = std::fs::remove_file(&path);
    let mut file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    file.write_all(wire.bytes())?;
    file.rewind()?;
    Ok(file)
}

/// By sysexits(3): trouble of this machine (71 to 75) or its configuration (78)
/// passes, anything else is a verdict on the mail.
fn verdict(status: ExitStatus, reason: &str) -> Delivery {
    match status.code() {
        Some(0) => Delivery::Sent,
        Some(71..=75 | 78) => Delivery::Deferred(reason.into()),
        Some(_) => Delivery::Refused(reason.into()),
        None => Delivery::Unknown(reason.into()),
    }
}
