//! Why the database cannot be used, and the next step.

use super::files;
use rusqlite::ErrorCode;
use std::io::{self, ErrorKind};
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
    #[error("this user cannot access `{}`; run the command as the user whose data it is, or with `sudo`", path.display())]
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
    #[error("`{}` is damaged; move it away with its `-wal` and `-shm`, then restore a backup; or try `sqlite3 {} .recover`", path.display(), path.display())]
    Corrupt {
        path: PathBuf,
        #[source]
        source: Option<Arc<rusqlite::Error>>,
    },
    #[error("`{}` is missing, but `{}` shows that there was one; move its `-wal`, if there is one, away and restore a backup; or move `{}` away to begin a new history", path.display(), found.display(), found.display())]
    Lost { path: PathBuf, found: PathBuf },
    #[error("`{}` is empty (0 bytes), so its history is lost; move it away with its `-wal` and `-shm`, then restore a backup or begin a new history", path.display())]
    Emptied { path: PathBuf },
    #[error("disk full: `{}` cannot be written; free some space, and newswatch continues by itself", path.display())]
    Full { path: PathBuf },
    #[error("read-only file system: `{}` cannot be written; mount it writable again, and newswatch continues by itself", path.display())]
    ReadOnlyDisk { path: PathBuf },
    #[error("disk error: `{}` cannot be written; check the disk, its quota and file size limits, and newswatch continues by itself", path.display())]
    Disk {
        path: PathBuf,
        #[source]
        source: Option<Arc<rusqlite::Error>>,
    },
    #[error("`{}` was moved, replaced or deleted while newswatch works with it; put it back, or restart newswatch", path.display())]
    Replaced { path: PathBuf },
    #[error("`{}` is damaged ({damage}), and so would be its copy; `{}` was not written; restore an older backup, or try `sqlite3 {} .recover`", path.display(), target.display(), path.display())]
    DamagedCopy { path: PathBuf, target: PathBuf, damage: String },
    #[error("`{}` exists; name another file, or replace it with `--replace`", path.display())]
    Exists { path: PathBuf },
    #[error("`{}` is not an SQLite database, so it is not replaced; name another file for the backup", path.display())]
    NotReplaced { path: PathBuf },
    #[error("`{}` belongs to the database itself; name another file for the backup", path.display())]
    NotABackup { path: PathBuf },
    #[error("the part of newswatch that writes `{}` has ended; restart newswatch, and please report it", path.display())]
    WriterEnded { path: PathBuf },
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

impl StoreError {
    /// The database is sound, and its disk takes no write: this passes without us.
    pub fn is_of_disk(&self) -> bool {
        use StoreError::{Disk, Full, ReadOnlyDisk, Replaced};
        matches!(self, Full { .. } | ReadOnlyDisk { .. } | Disk { .. } | Replaced { .. })
    }

    /// What the system's error about another file of the same disk means for the database.
    pub fn of_system(path: &Path, error: &io::Error) -> Option<StoreError> {
        let error = error.raw_os_error().map(io::Error::from_raw_os_error)?;
        Some(unwritable(path, Some(error))).filter(StoreError::is_of_disk)
    }

    /// What is wrong with the disk, in two or three words.
    pub fn in_short(&self) -> &'static str {
        match self {
            StoreError::Full { .. } => "disk full",
            StoreError::ReadOnlyDisk { .. } => "read-only file system",
            StoreError::Disk { .. } => "disk error",
            StoreError::Replaced { .. } => "database file replaced",
            StoreError::Locked { .. } => "database locked",
            StoreError::Corrupt { .. } | StoreError::NotADatabase { .. } => "database damaged",
            StoreError::NotWritable { .. } => "no right to write",
            _ => "database error",
        }
    }
}

/// Words `error` for the file at `path`.
pub fn explain(path: &Path, error: rusqlite::Error) -> StoreError {
    let of_path = path.to_path_buf();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked { path: of_path },
        Some(ErrorCode::NotADatabase) => StoreError::NotADatabase { path: of_path },
        Some(ErrorCode::DatabaseCorrupt) => {
            StoreError::Corrupt { path: of_path, source: Some(Arc::new(error)) }
        }
        Some(ErrorCode::DiskFull) => StoreError::Full { path: of_path },
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            of_its_disk(path).unwrap_or(StoreError::NotWritable { path: of_path, source: None })
        }
        Some(ErrorCode::SystemIoFailure) => {
            of_its_disk(path).unwrap_or(StoreError::Disk { path: of_path, source: Some(Arc::new(error)) })
        }
        _ => StoreError::Sqlite { path: of_path, source: Arc::new(error) },
    }
}

/// Words that a file at or beside `path` could not be written, where the system gave
/// a reason.
pub fn unwritable(path: &Path, error: Option<io::Error>) -> StoreError {
    let of_path = path.to_path_buf();
    match error.as_ref().map(io::Error::kind) {
        Some(ErrorKind::StorageFull) => StoreError::Full { path: of_path },
        Some(ErrorKind::ReadOnlyFilesystem) => StoreError::ReadOnlyDisk { path: of_path },
        Some(ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge) => {
            StoreError::Disk { path: of_path, source: None }
        }
        None if let Some(of_disk) = of_its_disk(path) => of_disk,
        _ => StoreError::NotWritable { path: of_path, source: error.map(Arc::new) },
    }
}

/// What the system says of a new file beside it, where SQLite gives no more than "I/O
/// error": it hides the system's own error code.
fn of_its_disk(path: &Path) -> Option<StoreError> {
    let error = files::write_beside(path).err()?;
    Some(unwritable(path, Some(error))).filter(StoreError::is_of_disk)
}
