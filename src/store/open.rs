//! Opening the file, and refusing what must not be opened.
//!
//! Invariant: a file that is not ours, not whole or not understood is left
//! exactly as it was found.

use super::error::{StoreError, explain};
use super::{migrate, search};
use rusqlite::{Connection, OpenFlags};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long another program's lock is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// The log beside the file is cut back to this after a checkpoint.
const LOG_BYTES_MAX: u32 = 64 << 20;
/// Page cache of one connection.
const CACHE_KIB_MAX: i32 = 16 << 10;
const STATEMENTS_KEPT_MAX: usize = 64;
/// First bytes of every SQLite file (the file format's section 1.3.1).
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Opens or makes the file; brings schema and search index up to date.
pub fn to_write(path: &Path) -> Result<Connection, StoreError> {
    waiting(path, LOCK_WAIT)
}

/// [`to_write`], waiting this long for another program's lock while opening.
pub fn waiting(path: &Path, lock_wait: Duration) -> Result<Connection, StoreError> {
    make_directory(path)?;
    check_magic(path)?;
    let mut connection = Connection::open(path).map_err(|error| explain(path, error))?;
    if connection.is_readonly("main").map_err(|error| explain(path, error))? {
        return Err(StoreError::NotWritable { path: path.into(), source: None });
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
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => return Err(StoreError::Missing { path: path.into() }),
        Err(error) => return Err(StoreError::Hidden { path: path.into(), source: Arc::new(error) }),
    }
    check_magic(path)?;
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

fn make_directory(path: &Path) -> Result<(), StoreError> {
    let unwritable = |error| StoreError::NotWritable { path: path.into(), source: Some(Arc::new(error)) };
    path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(unwritable)
}

/// SQLite takes an unreadable header for an empty file in some cases; we do not.
/// A rollback journal beside the file can still mend it.
fn check_magic(path: &Path) -> Result<(), StoreError> {
    if has_beside(path, "-journal") {
        return Ok(());
    }
    let mut head = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(16).read_to_end(&mut head));
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::NotWritable { path: path.into(), source: Some(Arc::new(error)) }),
        Ok(0) => Ok(()),
        Ok(_) if head == MAGIC => Ok(()),
        Ok(_) => Err(StoreError::NotADatabase { path: path.into() }),
    }
}

/// A file shorter than its header says was cut off. Only without a log beside
/// it, which may hold the pages that seem to lack.
fn check_length(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    if has_beside(path, "-wal") {
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

/// Whether a log of this kind with anything in it lies beside the file.
fn has_beside(path: &Path, suffix: &str) -> bool {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    std::fs::metadata(Path::new(&name)).is_ok_and(|log| log.len() > 0)
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
