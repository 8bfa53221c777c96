//! One daemon a database.
//!
//! Invariant: the lock is the system's, so it ends with its process, however
//! that ends; the file beside the database only says whose it is.

use super::error::StoreError;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Held while a daemon works on a database.
#[derive(Debug)]
pub struct Claim {
    _lock: File,
}

/// Claims the database at `path` for this process.
///
/// # Errors
/// Another process has it: the message names its pid. Or the directory is not writable.
pub fn claim(path: &Path) -> Result<Claim, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let beside = PathBuf::from(name);
    let unwritable = |error| StoreError::NotWritable { path: beside.clone(), source: Some(Arc::new(error)) };
    path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(unwritable)?;
    let mut options = File::options();
    let mut lock =
        options.read(true).write(true).create(true).truncate(false).open(&beside).map_err(unwritable)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // A lock whose holder has not written yet is held all the same.
            let _ = (&lock).take(20).read_to_string(&mut pid);
            return Err(StoreError::Claimed { path: path.into(), pid: pid.trim().into() });
        }
        Err(TryLockError::Error(error)) => return Err(unwritable(error)),
    }
    lock.set_len(0).map_err(unwritable)?;
    lock.rewind().map_err(unwritable)?;
    writeln!(lock, "{}", std::process::id()).map_err(unwritable)?;
    Ok(Claim { _lock: lock })
}
