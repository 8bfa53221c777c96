//! Why the database cannot be used, and the next step.

use rusqlite::ErrorCode;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The database cannot be used, and what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    #[error("`{}` is not an SQLite database; move it away or name another `data` directory: it is never overwritten", path.display())]
    NotADatabase { path: PathBuf },
    #[error("`{}` is the database of another program; move it away or name another `data` directory: it is never overwritten", path.display())]
    Foreign { path: PathBuf },
    #[error("`{}` does not exist yet; `newswatch run` or `newswatch poll` makes it", path.display())]
    Missing { path: PathBuf },
    #[error("this user may not look for `{}`; run the command as the user whose data it is, or with `sudo`", path.display())]
    Hidden {
        path: PathBuf,
        #[source]
        source: Arc<std::io::Error>,
    },
    #[error("cannot write `{}`; make it and its directory writable for this user, or name another `data` directory", path.display())]
    NotWritable {
        path: PathBuf,
        #[source]
        source: Option<Arc<std::io::Error>>,
    },
    #[error("`{}` is locked by another program; end that program (`fuser {}` names it) and try again", path.display(), path.display())]
    Locked { path: PathBuf },
    #[error("process {pid} already watches with `{}`; stop it first, or use another `data` directory", path.display())]
    Claimed { path: PathBuf, pid: String },
    #[error("`{}` has schema {found}, this newswatch knows {known}; install the newer newswatch that wrote it, or restore a backup", path.display())]
    Newer { path: PathBuf, found: u32, known: u32 },
    #[error("`{}` has schema {found}, this newswatch needs {known}; `newswatch run` brings it up to date", path.display())]
    Older { path: PathBuf, found: u32, known: u32 },
    #[error("`{}` is damaged; move it away and restore a backup, or try `sqlite3 {} .recover`", path.display(), path.display())]
    Corrupt {
        path: PathBuf,
        #[source]
        source: Option<Arc<rusqlite::Error>>,
    },
    #[error("the disk of `{}` is full; make room, what was not stored is fetched again", path.display())]
    Full { path: PathBuf },
    #[error("`{}` exists; name another file for the backup", path.display())]
    Exists { path: PathBuf },
    #[error("`{}` was opened for reading only", path.display())]
    ReadOnly { path: PathBuf },
    /// The search query, in words for the user who wrote it.
    #[error("{0}")]
    Query(String),
    /// The writer ended, or SQLite gave up the transaction this call was part of.
    #[error("the write to `{}` was given up; it is tried again with the next poll", path.display())]
    GivenUp { path: PathBuf },
    #[error("`{}` could not be read or written", path.display())]
    Sqlite {
        path: PathBuf,
        #[source]
        source: Arc<rusqlite::Error>,
    },
}

/// Words `error` for the file at `path`.
pub fn explain(path: &Path, error: rusqlite::Error) -> StoreError {
    let path = path.to_path_buf();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked { path },
        Some(ErrorCode::NotADatabase) => StoreError::NotADatabase { path },
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Corrupt { path, source: Some(Arc::new(error)) },
        Some(ErrorCode::DiskFull) => StoreError::Full { path },
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            StoreError::NotWritable { path, source: None }
        }
        _ => StoreError::Sqlite { path, source: Arc::new(error) },
    }
}
