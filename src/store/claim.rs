//! One daemon a database.
//!
//! Invariant: the lock is the system's, so it ends with its process, however
//! that ends. The file beside the database names the process, and says on a
//! second line whether there has been a database.

use super::error::{StoreError, unwritable};
use super::files::{make_directory_of, read_text, with_suffix};
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The second line of a lock file whose database was made.
const HAS_HISTORY: &str = "history";

/// More than a process number and that line.
const LOCK_BYTES_MAX: u64 = 64;

/// Held while a daemon works on a database.
#[derive(Debug)]
pub struct Claim {
    lock: File,
    path: PathBuf,
}

/// Claims the database at `path` for this process.
///
/// # Errors
/// Another process has it: the message names its pid. Or the directory is not writable.
pub fn claim(path: &Path) -> Result<Claim, StoreError> {
    let beside = with_suffix(path, ".lock");
    let refused = |error| unwritable(&beside, Some(error));
    make_directory_of(path)?;
    let mut options = File::options();
    let lock = options.read(true).write(true).create(true).truncate(false).open(&beside).map_err(refused)?;
    let mut text = String::new();
    // A lock whose holder has not written yet is held all the same.
    let _ = (&lock).take(LOCK_BYTES_MAX).read_to_string(&mut text);
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let pid = text.lines().next().unwrap_or_default().trim().into();
            return Err(StoreError::Claimed { path: path.into(), pid });
        }
        Err(TryLockError::Error(error)) => return Err(refused(error)),
    }
    let mut claim = Claim { lock, path: beside };
    claim.write(text.lines().nth(1) == Some(HAS_HISTORY))?;
    Ok(claim)
}

impl Claim {
    /// Notes that the database is there, so that it is missed should it vanish.
    ///
    /// # Errors
    /// The lock file cannot be written.
    pub fn has_history(&mut self) -> Result<(), StoreError> {
        self.write(true)
    }

    fn write(&mut self, has_history: bool) -> Result<(), StoreError> {
        let second = if has_history { HAS_HISTORY } else { "" };
        let text = format!("{}\n{second}\n", std::process::id());
        let written = self.lock.rewind().and_then(|()| self.lock.write_all(text.as_bytes()));
        let written = written.and_then(|()| self.lock.set_len(text.len() as u64));
        written.map_err(|error| unwritable(&self.path, Some(error)))
    }
}

/// The lock file beside `path`, where it says that there has been a database.
pub fn of_a_history(path: &Path) -> Option<PathBuf> {
    let beside = with_suffix(path, ".lock");
    let text = read_text(&beside).unwrap_or_default();
    (text.lines().nth(1) == Some(HAS_HISTORY)).then_some(beside)
}
