//! Files beside the database: its directory, its copies, what it left.
//!
//! Invariant: nothing here opens the database itself, its `-wal` or its `-shm`.
#![expect(clippy::disallowed_methods, reason = "the one place of `store` that touches files by itself")]

use super::error::{StoreError, unwritable};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// A page of most file systems.
const PROBE_BYTES: usize = 4096;

/// `path` with `suffix` behind its last part.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes the directory that `path` lies in.
///
/// # Errors
/// It cannot be made.
pub fn make_directory_of(path: &Path) -> Result<(), StoreError> {
    let refused = |error| unwritable(path, Some(error));
    path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(refused)
}

pub fn has_content(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.len() > 0)
}

/// The files of a directory, none where it cannot be read.
pub fn within(directory: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(directory).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}

/// Writes a page beside the database and removes it: whether its disk takes writes.
///
/// # Errors
/// It does not.
pub fn write_beside(path: &Path) -> std::io::Result<()> {
    let probe = with_suffix(path, ".probe");
    let written = std::fs::write(&probe, [0; PROBE_BYTES]);
    let removed = std::fs::remove_file(&probe);
    written.and(removed)
}

/// Whether an older backup begins as a database does (SQLite's file format, 1.3.1).
/// Never asked of the database itself.
pub fn is_database(path: &Path) -> bool {
    let mut head = [0; 16];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head == *b"SQLite format 3\0"
}

/// The text of a lock file.
pub fn read_text(path: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

/// Removes a file that need not be there.
///
/// # Errors
/// It is there and stays.
pub fn remove(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(unwritable(path, Some(error))),
        _ => Ok(()),
    }
}

/// Renames a closed and synced file, and syncs its directory: it is there after a power cut.
///
/// # Errors
/// It cannot be renamed.
pub fn put_in_place(from: &Path, to: &Path) -> Result<(), StoreError> {
    let refused = |error| unwritable(to, Some(error));
    std::fs::rename(from, to).map_err(refused)?;
    let directory = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(refused)
}
