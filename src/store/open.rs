//! Opening the file, and refusing what must not be opened.
//!
//! Invariant: a file that is not ours, not whole or not understood is left
//! exactly as it was found. The file, its `-wal` and its `-shm` are read through
//! SQLite alone: on POSIX, closing any other descriptor of them drops every lock
//! that this process holds on the file (SQLite, "How To Corrupt", 2.2).

use super::error::{StoreError, explain, unwritable};
use super::files::{self, has_content, with_suffix};
use super::{claim, migrate, search};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long another program's lock is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// The log beside the file is cut back to this after a checkpoint.
const LOG_BYTES_MAX: u32 = 64 << 20;
/// Page cache of one connection.
const CACHE_KIB_MAX: i32 = 16 << 10;
const STATEMENTS_KEPT_MAX: usize = 64;
/// A database has at least one page, and no page is smaller (SQLite's file format, 1.2).
const PAGE_BYTES_MIN: u64 = 512;

/// Opens or makes the file; brings schema and search index up to date.
pub fn to_write(path: &Path) -> Result<Connection, StoreError> {
    waiting(path, LOCK_WAIT)
}

/// [`to_write`], waiting this long for another program's lock while opening.
pub fn waiting(path: &Path, lock_wait: Duration) -> Result<Connection, StoreError> {
    files::make_directory_of(path)?;
    if !check_file(path)? {
        create(path)?;
    }
    let mut connection = Connection::open(path).map_err(|error| explain(path, error))?;
    if connection.is_readonly("main").map_err(|error| explain(path, error))? {
        return Err(unwritable(path, None));
    }
    connection.busy_timeout(lock_wait).map_err(|error| explain(path, error))?;
    settings(&connection).map_err(|error| explain(path, error))?;
    check_length(&connection, path)?;
    if let Some(backup) = migrate::run(&mut connection, path, migrate::MIGRATIONS)? {
        tracing::info!(backup = %backup.display(), "database brought to the current schema");
    }
    durable(&connection).map_err(|error| explain(path, error))?;
    touch(&connection).map_err(|error| explain(path, error))?;
    let reindexed = search::refresh(&mut connection).map_err(|error| explain(path, error))?;
    if let Some(articles) = reindexed {
        tracing::info!(articles, "search index rebuilt for the current spelling rules");
    }
    connection.busy_timeout(LOCK_WAIT).map_err(|error| explain(path, error))?;
    Ok(connection)
}

/// Opens for reading only, also beside a running daemon.
pub fn to_read(path: &Path) -> Result<Connection, StoreError> {
    if !check_file(path)? {
        return Err(StoreError::Missing { path: path.into() });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| explain(path, error))?;
    connection.busy_timeout(LOCK_WAIT).map_err(|error| explain(path, error))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT_MAX);
    migrate::check(&connection, path, migrate::MIGRATIONS)?;
    Ok(connection)
}

/// Opens for writing what another process has open too: changes neither schema
/// nor index.
pub fn beside(path: &Path) -> Result<Connection, StoreError> {
    drop(to_read(path)?);
    let connection = Connection::open(path).map_err(|error| explain(path, error))?;
    connection.busy_timeout(LOCK_WAIT).map_err(|error| explain(path, error))?;
    settings(&connection).map_err(|error| explain(path, error))?;
    Ok(connection)
}

fn settings(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT_MAX);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB_MAX)?;
    // NORMAL loses acknowledged commits on a power cut in WAL mode.
    connection.pragma_update(None, "synchronous", "FULL")
}

/// The first change to the file, so only after every check of it.
fn durable(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_MAX)
}

/// Makes a new database, whole or not at all, so that an empty file at `path` is
/// always one that lost its content.
fn create(path: &Path) -> Result<(), StoreError> {
    let new = with_suffix(path, ".new");
    for suffix in ["", "-journal"] {
        files::remove(&with_suffix(&new, suffix))?;
    }
    let mut connection = Connection::open(&new).map_err(|error| explain(path, error))?;
    migrate::run(&mut connection, &new, migrate::MIGRATIONS)?;
    connection.close().map_err(|(_, error)| explain(path, error))?;
    files::put_in_place(&new, path)
}

/// Whether there is a file to open. Refuses what is certainly not a whole database
/// of ours, by the size of files alone.
fn check_file(path: &Path) -> Result<bool, StoreError> {
    let file = match std::fs::metadata(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return match remains(path) {
                Some(found) => Err(StoreError::Lost { path: path.into(), found }),
                None => Ok(false),
            };
        }
        Err(error) => return Err(StoreError::Hidden { path: path.into(), source: Arc::new(error) }),
    };
    match file.len() {
        _ if !file.is_file() => Err(StoreError::NotWritable { path: path.into(), source: None }),
        0 => Err(StoreError::Emptied { path: path.into() }),
        // A rollback journal beside the file can still restore it.
        1..PAGE_BYTES_MIN if !has_content(&with_suffix(path, "-journal")) => {
            Err(StoreError::NotADatabase { path: path.into() })
        }
        _ => Ok(true),
    }
}

/// What lies beside the place of a missing database and shows that there was one.
fn remains(path: &Path) -> Option<PathBuf> {
    let logs = ["-wal", "-journal"].map(|suffix| with_suffix(path, suffix));
    let log = logs.into_iter().find(|log| has_content(log));
    let link = || std::fs::symlink_metadata(path).is_ok().then(|| path.to_path_buf());
    log.or_else(link).or_else(|| claim::of_a_history(path)).or_else(|| backup_of(path)).or_else(|| mail(path))
}

/// A backup that a migration made.
fn backup_of(path: &Path) -> Option<PathBuf> {
    let begins = format!("{}.v", path.file_name()?.to_str()?);
    files::within(path.parent()?).find(|file| {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with(&begins) && name.ends_with(".backup")
    })
}

/// The directory of mail written to files, with some in it; a test mail needs no history.
fn mail(path: &Path) -> Option<PathBuf> {
    let directory = path.parent()?.join("mail");
    let is_mail = |file: PathBuf| {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.ends_with(".eml") && !name.starts_with("test-")
    };
    let is_used = files::within(&directory).any(is_mail);
    is_used.then_some(directory)
}

/// A file shorter than its header says was cut off. Only without a log beside
/// it, which may hold the pages that seem to lack.
fn check_length(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    if has_content(&with_suffix(path, "-wal")) {
        return Ok(());
    }
    let sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    let stated: i64 =
        connection.query_row(sql, [], |row| row.get(0)).map_err(|error| explain(path, error))?;
    let found = std::fs::metadata(path).map_or(0, |file| file.len());
    if u64::try_from(stated).is_ok_and(|stated| stated <= found) {
        return Ok(());
    }
    Err(StoreError::Corrupt { path: path.into(), source: None })
}

/// Reads the root and the newest row of every table: damage there shows at once
/// and cheaply. `PRAGMA quick_check` reads the whole file, minutes for gigabytes.
fn touch(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'";
    let mut statement = connection.prepare(sql)?;
    let names: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for name in names {
        let sql = format!("SELECT * FROM \"{name}\" ORDER BY 1 DESC LIMIT 1");
        connection.prepare(&sql)?.query([])?.next()?;
    }
    Ok(())
}
