//! Schema versions: `migrations/NNNN_*.sql`, applied in order, never edited once shipped.
//!
//! Invariant: each migration is one transaction; a file that holds data is
//! copied beside itself first; a schema newer than the program is not touched.

use super::error::{StoreError, explain};
use rusqlite::{Connection, TransactionBehavior};
use std::path::{Path, PathBuf};

/// Says in the file's header whose it is: `NWTC`.
pub const APPLICATION_ID: u32 = 0x4E57_5443;

/// The shipped migrations; the version a file has is the number applied to it.
pub const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_begin.sql"),
    include_str!("../../migrations/0002_pages.sql"),
    include_str!("../../migrations/0003_notices.sql"),
    include_str!("../../migrations/0004_history.sql"),
    include_str!("../../migrations/0005_mirrors.sql"),
    include_str!("../../migrations/0006_departures.sql"),
    include_str!("../../migrations/0007_hubs.sql"),
    include_str!("../../migrations/0008_parts.sql"),
    include_str!("../../migrations/0009_removals.sql"),
    include_str!("../../migrations/0010_owed_plan.sql"),
    include_str!("../../migrations/0011_plans.sql"),
    include_str!("../../migrations/0012_splits.sql"),
    include_str!("../../migrations/0013_two_ways.sql"),
];

/// Brings the file to the newest of `migrations`. Returns the backup's path
/// where one was made.
pub fn run(
    connection: &mut Connection,
    path: &Path,
    migrations: &[&str],
) -> Result<Option<PathBuf>, StoreError> {
    let found = version(connection, path)?;
    check_owner(connection, path, found)?;
    let known = number(migrations.len());
    if found > known {
        return Err(StoreError::Newer { path: path.into(), found, known });
    }
    if found == known {
        return Ok(None);
    }
    let backup = if found > 0 { Some(keep(connection, path, found)?) } else { None };
    for (target, sql) in (1..).zip(migrations).skip(found as usize) {
        apply(connection, target, sql).map_err(|error| explain(path, error))?;
    }
    Ok(backup)
}

/// Refuses a file that [`run`] would have to change.
pub fn check(connection: &Connection, path: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    let found = version(connection, path)?;
    check_owner(connection, path, found)?;
    let known = number(migrations.len());
    match found.cmp(&known) {
        std::cmp::Ordering::Less => Err(StoreError::Older { path: path.into(), found, known }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(StoreError::Newer { path: path.into(), found, known }),
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("migrations are few")
}

fn version(connection: &Connection, path: &Path) -> Result<u32, StoreError> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(|error| explain(path, error))
}

/// A file with tables that we did not make is somebody else's.
fn check_owner(connection: &Connection, path: &Path, version: u32) -> Result<(), StoreError> {
    let sql = "SELECT (SELECT * FROM pragma_application_id), EXISTS (SELECT 1 FROM sqlite_schema)";
    let (owner, filled): (u32, bool) = connection
        .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(|error| explain(path, error))?;
    let ours = owner == APPLICATION_ID || (owner == 0 && version == 0 && !filled);
    if ours { Ok(()) } else { Err(StoreError::Foreign { path: path.into() }) }
}

fn apply(connection: &mut Connection, target: u32, sql: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    // Another program may have come first while we waited for the lock.
    if found < target {
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", target)?;
    }
    transaction.commit()
}

/// Copies the file to `NAME.vN.backup` before its schema changes.
fn keep(connection: &Connection, path: &Path, version: u32) -> Result<PathBuf, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".v{version}.backup"));
    let kept = PathBuf::from(name);
    super::backup::copy(connection, path, &kept)?;
    Ok(kept)
}
