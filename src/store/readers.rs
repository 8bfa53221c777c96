//! The connections that read.
//!
//! Invariant: a connection is opened when it is first needed and kept until the
//! store closes: a busy call waits for one instead of opening more.

use super::error::StoreError;
use super::open;
use rusqlite::Connection;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Connections that read at a time.
const READERS_MAX: usize = 8;

/// The pool of a store.
#[derive(Debug)]
pub struct Readers {
    path: PathBuf,
    pool: Mutex<Pool>,
    freed: Condvar,
}

#[derive(Debug)]
struct Pool {
    idle: Vec<Connection>,
    opened: usize,
}

/// A connection on loan; it goes back when dropped.
pub struct Reader<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Readers {
    /// `idle` are connections that are open already.
    pub fn new(path: &Path, idle: Vec<Connection>) -> Readers {
        let pool = Mutex::new(Pool { opened: idle.len(), idle });
        Readers { path: path.into(), pool, freed: Condvar::new() }
    }

    /// Lends a connection, waiting for one where all are busy.
    ///
    /// # Errors
    /// The first one cannot be opened.
    pub fn lend(&self) -> Result<Reader<'_>, StoreError> {
        let mut pool = self.pool();
        loop {
            if let Some(connection) = pool.idle.pop() {
                return Ok(Reader { readers: self, connection: Some(connection) });
            }
            if pool.opened < READERS_MAX {
                match open::to_read(&self.path) {
                    Ok(connection) => {
                        pool.opened += 1;
                        return Ok(Reader { readers: self, connection: Some(connection) });
                    }
                    Err(error) if pool.opened == 0 => return Err(error),
                    // No descriptor is free, say: one of those on loan comes back.
                    Err(_) => {}
                }
            }
            pool = self.freed.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Reader<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("it is taken only when dropped")
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        self.readers.pool().idle.extend(self.connection.take());
        self.readers.freed.notify_one();
    }
}
