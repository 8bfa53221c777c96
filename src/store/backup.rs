//! A consistent copy of the database, also under full write load.
//!
//! Invariant: the copy appears under its name only when it is whole and sound; an
//! older file of that name stays until then.

use super::error::{StoreError, explain};
use super::files::{put_in_place, remove, with_suffix};
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::path::Path;

/// Copies the whole database at `source`, behind `connection`, to `target`, replacing it.
/// One step under one read transaction: in WAL mode writers go on meanwhile.
///
/// # Errors
/// The copy cannot be written, or is damaged because the source is.
pub fn copy(connection: &Connection, source: &Path, target: &Path) -> Result<(), StoreError> {
    let partial = with_suffix(target, ".partial");
    for suffix in ["", "-journal", "-wal", "-shm"] {
        remove(&with_suffix(&partial, suffix))?;
    }
    let filled = fill(connection, &partial);
    if let Ok(None) = filled {
        return put_in_place(&partial, target);
    }
    remove(&partial)?;
    match filled {
        Ok(damage) => Err(StoreError::DamagedCopy {
            path: source.into(),
            target: target.into(),
            damage: damage.unwrap_or_default(),
        }),
        Err(error) => Err(explain(target, error)),
    }
}

/// Fills the copy; what is wrong with it, where something is.
fn fill(connection: &Connection, partial: &Path) -> rusqlite::Result<Option<String>> {
    let mut copy = Connection::open(partial)?;
    let step = Backup::new(connection, &mut copy)?.step(-1)?;
    if step != StepResult::Done {
        return Ok(Some("it is locked by another program".into()));
    }
    // One file, without a log beside it.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    let damage = damage(&copy);
    copy.close().map_err(|(_, error)| error)?;
    Ok(damage)
}

/// What SQLite finds wrong with a database, in its own words.
fn damage(connection: &Connection) -> Option<String> {
    let checked = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    match checked {
        Ok(said) if said == "ok" => None,
        Ok(said) => Some(said.lines().collect::<Vec<_>>().join("; ")),
        Err(error) => Some(error.to_string()),
    }
}
