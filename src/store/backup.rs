//! A consistent copy of the database, also under full write load.
//!
//! Invariant: the copy appears under its name only when it is whole.

use super::error::{StoreError, explain};
use rusqlite::Connection;
use rusqlite::backup::Backup;
use std::path::Path;
use std::sync::Arc;

/// Copies the whole database behind `connection` to `target`, replacing it.
/// One step under one read transaction: in WAL mode writers go on meanwhile.
pub fn copy(connection: &Connection, target: &Path) -> Result<(), StoreError> {
    let unwritable = |error| StoreError::NotWritable { path: target.into(), source: Some(Arc::new(error)) };
    let mut name = target.as_os_str().to_owned();
    name.push(".partial");
    let partial = Path::new(&name);
    match std::fs::remove_file(partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(unwritable(error)),
        _ => {}
    }
    fill(connection, partial).map_err(|error| explain(target, error))?;
    std::fs::rename(partial, target).map_err(unwritable)
}

fn fill(connection: &Connection, partial: &Path) -> rusqlite::Result<()> {
    let mut copy = Connection::open(partial)?;
    Backup::new(connection, &mut copy)?.step(-1)?;
    // One file, without a log beside it.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    copy.close().map_err(|(_, error)| error)
}
