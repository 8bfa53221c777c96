//! The one thread that writes.
//!
//! Invariant: a job's caller hears of success only after the commit its rows
//! are part of. Jobs that queue up share one commit, so many sources cost few
//! syncs; each has a savepoint, so one that fails takes nothing else with it.
//! While the disk takes no write, the log is cut back before each try: it must
//! not take the space that is made.

use super::error::{StoreError, explain};
use crate::crash::{self, Point};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Jobs that share one commit at most.
const BATCH_JOBS_MAX: usize = 64;

type Committed = Result<(), StoreError>;
type Answer = Box<dyn FnOnce(Committed) + Send>;
/// Runs on the connection, or not at all where there is an error already;
/// returns what came of it, and how to answer once the commit is known.
type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) -> (Committed, Answer) + Send>;
/// What the disk did to commits.
type Trouble = Arc<Mutex<Disk>>;

#[derive(Debug, Default)]
struct Disk {
    /// Why the last commit failed, where the disk is the reason.
    now: Option<StoreError>,
    /// The last such failure, and when it was.
    last: Option<(StoreError, Instant)>,
}

/// A handle to the thread; ends it when dropped.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    queue: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    trouble: Trouble,
}

impl Writer {
    /// # Errors
    /// The thread cannot be started.
    pub fn start(path: &Path, connection: Connection) -> Result<Writer, StoreError> {
        let (queue, jobs) = channel();
        let (owned, trouble) = (path.to_path_buf(), Trouble::default());
        let noted = trouble.clone();
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || serve(&owned, &connection, &jobs, &noted))
            .map_err(|_| StoreError::GivenUp { path: path.into() })?;
        Ok(Writer { path: path.into(), queue: Some(queue), thread: Some(thread), trouble })
    }

    /// Why nothing can be written at present, where the disk is the reason.
    pub fn trouble(&self) -> Option<StoreError> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).now.clone()
    }

    /// The last failure of the disk, where it is not longer ago than this.
    pub fn trouble_within(&self, time: Duration) -> Option<StoreError> {
        let disk = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        disk.last.as_ref().filter(|(_, at)| at.elapsed() < time).map(|(error, _)| error.clone())
    }

    /// Runs `job` in a transaction and waits for the commit.
    pub fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (tell, told) = sync_channel(1);
        let job: Job = Box::new(move |connection| {
            let done = connection.and_then(job);
            let came = done.as_ref().map(drop).map_err(Clone::clone);
            let answer = move |committed: Committed| {
                // A caller that no longer waits has nobody to tell.
                let _ = tell.send(done.and_then(|value| committed.map(|()| value)));
            };
            (came, Box::new(answer) as Answer)
        });
        let ended = || StoreError::WriterEnded { path: self.path.clone() };
        self.queue.as_ref().ok_or_else(ended)?.send(job).map_err(|_| ended())?;
        told.recv().map_err(|_| ended())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "only the writer knows when a commit failed")]
fn serve(path: &Path, connection: &Connection, jobs: &Receiver<Job>, trouble: &Trouble) {
    let disk = || trouble.lock().unwrap_or_else(PoisonError::into_inner);
    let mut rounds: u32 = 0;
    while let Ok(first) = jobs.recv() {
        rounds += 1;
        crash::stall("writer", rounds);
        if disk().now.is_some() {
            // Where this fails too the next commit says why.
            let _ = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
        }
        let batch = std::iter::once(first).chain(jobs.try_iter()).take(BATCH_JOBS_MAX);
        let (answers, committed, found) = commit(path, connection, batch);
        let mut disk = disk();
        disk.last = found.clone().map(|error| (error, Instant::now())).or(disk.last.take());
        disk.now = found;
        drop(disk);
        for answer in answers {
            answer(committed.clone());
        }
    }
    // Refreshes the planner's statistics where they are stale; losing that is no
    // loss, so nobody's lock is waited for.
    let _ = connection.busy_timeout(Duration::ZERO);
    let _ = connection.execute_batch("PRAGMA optimize");
}

/// Runs the jobs in one transaction: their answers, how it ended, and what the disk did.
fn commit(
    path: &Path,
    connection: &Connection,
    jobs: impl Iterator<Item = Job>,
) -> (Vec<Answer>, Committed, Option<StoreError>) {
    let run = |sql: &str| connection.execute_batch(sql).map_err(|error| explain(path, error));
    let mut whole = run("BEGIN IMMEDIATE");
    let (mut answers, mut of_jobs) = (Vec::new(), None);
    for job in jobs {
        // SQLite itself rolls everything back on a full disk or an I/O error.
        if whole.is_ok() && connection.is_autocommit() {
            whole = Err(StoreError::GivenUp { path: path.into() });
        }
        let ready = whole.clone().and_then(|()| run("SAVEPOINT job")).map(|()| connection);
        let (came, answer) = job(ready);
        answers.push(answer);
        if !connection.is_autocommit() {
            let end = if came.is_ok() { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
            whole = whole.and(run(end));
        }
        of_jobs = of_jobs.or(came.err().filter(StoreError::is_of_disk));
    }
    crash::point(Point::CommitBegins);
    let committed = whole.and_then(|()| run("COMMIT"));
    crash::point(Point::CommitEnds);
    if committed.is_err() && !connection.is_autocommit() {
        let _ = run("ROLLBACK");
    }
    let of_commit = committed.as_ref().err().filter(|error| error.is_of_disk()).cloned();
    (answers, committed, of_commit.or(of_jobs))
}
