//! One SQLite file: sources, articles, matches, mail owed, and the search over them.
//!
//! Invariant: the only SQL of the program stands here. One thread writes, in
//! durable transactions (`synchronous=FULL`); readers have connections of their
//! own. What is committed survives a crash; nothing is marked before it is so.
//! Calls block until the commit: async callers use `spawn_blocking`.

mod articles;
mod backup;
mod claim;
mod columns;
mod error;
mod evidence;
mod migrate;
mod open;
mod outbox;
mod owed;
mod pages;
mod recent;
mod search;
mod show;
mod sources;
mod status;
mod writer;

#[cfg(test)]
mod tests;

pub use claim::{Claim, claim};
pub use error::StoreError;
pub use pages::{PageMissing, PageOwed};
pub use search::{Found, Search};
pub use show::{Copy, Revision, Shown, ShownMatch, Told};
pub use status::{SourceRow, Status, WatchRow};

use crate::digest::trouble::Refusal;
use crate::digest::{Footer, Item, Plan, Urgency};
use crate::extract::Article;
use crate::fetch::Validators;
use crate::mail::Delivery;
use crate::watch::Match;
use chrono::{DateTime, Utc};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What is known of a source between polls.
#[derive(Debug, Clone, Default)]
pub struct SourceState {
    pub name: String,
    /// As registered. A state of another URL is not written: it belongs to a
    /// poll that was under way while the configuration changed.
    pub url: String,
    pub validators: Validators,
    /// The address that gave the validators, where that is not `url`: a mirror, or where
    /// the source has moved to.
    pub read_from: Option<String>,
    pub next_poll_at: Option<DateTime<Utc>>,
    /// `Retry-After`, kept across restarts.
    pub not_before: Option<DateTime<Utc>>,
    /// Polls in a row that failed.
    pub failures: u32,
    pub last_error: Option<String>,
    pub polled_at: Option<DateTime<Utc>>,
    /// Last poll that brought or confirmed content.
    pub healthy_at: Option<DateTime<Utc>>,
    /// `healthy`, `broken`, `gone`, `zombie` … (DESIGN, "The words").
    pub health: String,
    pub health_since_at: Option<DateTime<Utc>>,
    /// Why its health is what it is.
    pub health_reason: Option<String>,
    /// Where permanent redirects lead, and since when they do.
    pub moved_to: Option<String>,
    pub moved_since_at: Option<DateTime<Utc>>,
}

/// An article to be written, with what it matched and who is to be told.
#[derive(Debug, Clone)]
pub struct NewArticle {
    pub article: Article,
    pub fingerprint: u64,
    /// [`crate::story::entry_hash`] of the entry it was made of.
    pub entry_hash: u64,
    pub matches: Vec<Match>,
    /// Plan, index into `matches`, urgency.
    pub owed: Vec<(String, usize, Urgency)>,
    /// Where its page is to be read for the whole text.
    pub page: Option<PageWanted>,
}

/// The feed gave only the beginning of an article.
#[derive(Debug, Clone)]
pub struct PageWanted {
    /// What the feed gave.
    pub teaser: String,
    /// It came with its source's first poll.
    pub is_backlog: bool,
}

/// A known article whose entry changed and whose text did not.
#[derive(Debug, Clone)]
pub struct Touched {
    pub article_id: i64,
    /// The new entry's.
    pub entry_hash: u64,
    pub page: Option<PageWanted>,
}

/// Everything one poll leaves behind, committed together.
#[derive(Debug, Clone)]
pub struct Recording {
    pub state: SourceState,
    /// `fresh`, `unchanged`, `gone`, `deferred`, `failed`.
    pub outcome: String,
    pub entries: usize,
    pub bytes: usize,
    pub millis: u64,
    pub faults: Vec<String>,
    /// Identities of all entries of the document, known and new.
    pub listed: Vec<String>,
    pub articles: Vec<NewArticle>,
    /// Article rows whose text changed, with the new text.
    pub revisions: Vec<(i64, NewArticle)>,
    pub touched: Vec<Touched>,
}

/// A stored article under an identity that was asked for.
#[derive(Debug, Clone)]
pub struct Known {
    /// 0 where the article was purged since; it stays known.
    pub article_id: i64,
    pub title: String,
    pub text: String,
    pub entry_hash: u64,
    /// Whether the text is all there is, not a feed's beginning of it.
    pub is_whole: bool,
}

/// A mail that is owed.
#[derive(Debug, Clone)]
pub struct OutboxRow {
    pub id: i64,
    pub message_id: String,
    pub plan: String,
    pub sender: String,
    pub recipient: String,
    pub subject: String,
    pub wire: Vec<u8>,
    pub tries: u32,
    pub created_at: DateTime<Utc>,
}

/// A mail to be written to the outbox.
#[derive(Debug, Clone)]
pub struct NewMail {
    pub message_id: String,
    pub sender: String,
    pub recipient: String,
    pub subject: String,
    pub wire: Vec<u8>,
}

/// The open database. Cheap to clone; the last clone to go ends the writer.
#[derive(Debug, Clone)]
pub struct Store {
    open: Arc<Open>,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    /// Before the writer, so that they close first: only the last connection
    /// takes the log away, and only if it may write.
    readers: Mutex<Vec<Connection>>,
    /// Absent where the file was opened for reading only.
    writer: Option<writer::Writer>,
    recent: Arc<Mutex<recent::Recent>>,
}

/// Stands for a plan's name in digests that tell the operator of trouble.
pub const OPERATOR: &str = "(operator)";

/// Reading connections kept open between calls.
const READERS_KEPT_MAX: usize = 4;

impl Store {
    /// Opens or makes the file, brings it to the current schema (each migration
    /// in a transaction, after a backup).
    ///
    /// # Errors
    /// Not writable, locked, corrupt, or of a newer schema: each with the next step.
    pub fn open(path: &Path) -> Result<Store, StoreError> {
        let connection = open::to_write(path)?;
        let writer = writer::Writer::start(path, connection)?;
        Ok(Store::over(path, Some(writer), Vec::new()))
    }

    /// Opens for reading only, also beside a running daemon.
    ///
    /// # Errors
    /// As [`Store::open`]; also where there is no file yet.
    pub fn open_to_read(path: &Path) -> Result<Store, StoreError> {
        Ok(Store::over(path, None, vec![open::to_read(path)?]))
    }

    fn over(path: &Path, writer: Option<writer::Writer>, readers: Vec<Connection>) -> Store {
        let (readers, recent) = (Mutex::new(readers), Arc::default());
        Store { open: Arc::new(Open { path: path.into(), writer, readers, recent }) }
    }

    /// A random identifier made with the database, part of every Message-ID.
    pub fn instance(&self) -> Result<String, StoreError> {
        self.read(|connection| {
            connection.query_row("SELECT value FROM meta WHERE name = 'instance'", [], |row| row.get(0))
        })
    }

    /// Registers the configured sources (name, URL) and marks the others as
    /// retired. A source under a new name keeps its history by its URL; one
    /// under a new URL loses the validators, which belonged to the old one.
    pub fn register(&self, sources: &[(String, String)], now: DateTime<Utc>) -> Result<(), StoreError> {
        let sources = sources.to_vec();
        self.write(move |connection| sources::register(connection, &sources, now))
    }

    /// State of every registered source, by name.
    pub fn states(&self) -> Result<Vec<SourceState>, StoreError> {
        self.read(sources::states)
    }

    /// Publication, else first-seen times of the newest articles of `source`,
    /// newest first: what its rhythm is learned from.
    pub fn recent_times(&self, source: &str, count: usize) -> Result<Vec<DateTime<Utc>>, StoreError> {
        self.read(|connection| sources::recent_times(connection, source, count))
    }

    /// For each identity of `source`: the stored article, if it was ever seen. One snapshot.
    pub fn known(&self, source: &str, identities: &[String]) -> Result<Vec<Option<Known>>, StoreError> {
        self.read(|connection| articles::known(connection, source, identities))
    }

    /// Commits what one poll brought. Returns the rows of the articles that are
    /// truly new, in order: one whose identity was seen before is passed over, one
    /// whose text its source told before under another identity is a revision.
    pub fn record(&self, recording: &Recording, now: DateTime<Utc>) -> Result<Vec<i64>, StoreError> {
        // Folding is the dear part, so it is done before the one writer is busy.
        let folded = articles::fold(recording);
        let recording = recording.clone();
        let recent = Arc::clone(&self.open.recent);
        let recorded = self.write(move |connection| {
            let mut recent = recent.lock().unwrap_or_else(PoisonError::into_inner);
            articles::record(connection, &recording, &folded, &mut recent, now)
        });
        if recorded.is_err() {
            self.open.recent.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        recorded
    }

    /// Pages of articles of `source` that are due to be read, newest first, at most `most`.
    pub fn pages_owed(
        &self,
        source: &str,
        now: DateTime<Utc>,
        most: usize,
    ) -> Result<Vec<PageOwed>, StoreError> {
        self.read(|connection| pages::due(connection, source, now, most))
    }

    /// Commits an article with what its page added, its matches and what is owed
    /// for them; the page is owed no more.
    pub fn page_read(&self, page: PageOwed, new: NewArticle, now: DateTime<Utc>) -> Result<(), StoreError> {
        let folded = search::Indexed::of(&new.article);
        let recent = Arc::clone(&self.open.recent);
        let read = self.write(move |connection| {
            let mut recent = recent.lock().unwrap_or_else(PoisonError::into_inner);
            pages::read(connection, &page, &new, &folded, &mut recent, now)
        });
        if read.is_err() {
            self.open.recent.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        read
    }

    /// Notes that a page was not read; without `next_try_at` it is given up.
    pub fn page_missed(
        &self,
        article_id: i64,
        why: &str,
        next_try_at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let why = why.to_owned();
        self.write(move |connection| pages::missed(connection, article_id, &why, next_try_at))
    }

    /// What `plan` owes and no digest has taken yet, best score first; `urgency`
    /// restricts it, and with `untried_since` an article waits whose page is owed
    /// since then and was not tried. Each item comes with the `owed` rows it settles: its own,
    /// and those of copies of its story that say nothing of further watches.
    pub fn owed(
        &self,
        plan: &str,
        urgency: Option<Urgency>,
        untried_since: Option<DateTime<Utc>>,
    ) -> Result<Vec<(Item, Vec<i64>)>, StoreError> {
        self.read(|connection| owed::owed(connection, plan, urgency, untried_since))
    }

    /// What `plan` would have told of the articles first seen since then, told or not.
    pub fn found_since(&self, since: DateTime<Utc>, plan: &Plan) -> Result<Vec<Item>, StoreError> {
        self.read(|connection| {
            let from = search::first_row_since(connection, since)?;
            owed::found_since(connection, from, |watch, score| plan.urgency(watch, score).is_some())
        })
    }

    /// End of the last window `plan` was told about; alerts close none.
    pub fn told_until(&self, plan: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.read(|connection| outbox::told_until(connection, plan))
    }

    /// What a digest's footer says of the time between `from` and `to`; the next
    /// digest's time is the caller's to add.
    pub fn footer(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Footer, StoreError> {
        self.read(|connection| status::footer(connection, from, to))
    }

    /// Writes a digest's mails and marks what they tell as told, in one transaction.
    /// A slot that was written before writes nothing and returns `false`.
    pub fn enqueue(
        &self,
        plan: &str,
        slot: &str,
        until: Option<DateTime<Utc>>,
        owed: &[i64],
        mails: &[NewMail],
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let digest = outbox::NewDigest { plan: plan.into(), slot: slot.into(), until };
        let (owed, mails) = (owed.to_vec(), mails.to_vec());
        self.write(move |connection| outbox::enqueue(connection, &digest, &owed, &mails, now))
    }

    /// Sources that fell sick, or are well again, since the operator was last told,
    /// and that have been so since before `since`: what passes by itself is no news.
    pub fn health_changes(&self, since: DateTime<Utc>) -> Result<Vec<SourceState>, StoreError> {
        self.read(|connection| sources::health_changes(connection, since))
    }

    /// Writes the mails that tell of the healths given (source, health) and of
    /// refused mails by row, and that they were told, in one transaction.
    pub fn enqueue_trouble(
        &self,
        healths: &[(String, String)],
        refused: &[i64],
        slot: &str,
        mails: &[NewMail],
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let digest = outbox::NewDigest { plan: OPERATOR.into(), slot: slot.into(), until: None };
        let (healths, refused, mails) = (healths.to_vec(), refused.to_vec(), mails.to_vec());
        self.write(move |connection| {
            sources::note_told(connection, &healths)?;
            outbox::note_refusals_told(connection, &refused)?;
            outbox::enqueue(connection, &digest, &[], &mails, now)
        })
    }

    /// Mails whose time has come, oldest first.
    pub fn outbox_due(&self, now: DateTime<Utc>) -> Result<Vec<OutboxRow>, StoreError> {
        self.read(|connection| outbox::due(connection, now))
    }

    /// Counts a try that is about to be made. Where this fails nothing may be sent:
    /// a try that cannot be counted would be made again and again.
    pub fn try_now(&self, id: i64, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(move |connection| outbox::try_now(connection, id, now))
    }

    /// Makes mails due whose last try has no outcome; for the start of a process.
    pub fn resume(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(move |connection| outbox::resume(connection, now))
    }

    /// Mails refused for good, by row, that the operator was not told of yet.
    pub fn refused_untold(&self) -> Result<Vec<(i64, Refusal)>, StoreError> {
        self.read(outbox::refused_untold)
    }

    /// Plans that something is owed under and no digest has taken it.
    pub fn plans_owing(&self) -> Result<Vec<String>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT DISTINCT plan FROM owed WHERE digest_id IS NULL";
            connection.prepare_cached(sql)?.query_map([], |row| row.get(0))?.collect()
        })
    }

    /// Writes what became of a try; a deferred mail's next try backs off from
    /// one minute to one hour, and is refused for good after five days.
    pub fn settle(&self, id: i64, delivery: &Delivery, now: DateTime<Utc>) -> Result<(), StoreError> {
        let delivery = delivery.clone();
        self.write(move |connection| outbox::settle(connection, id, &delivery, now))
    }

    /// Searches the history, newest first.
    ///
    /// # Errors
    /// [`StoreError::Query`] where nothing can be searched for, in words for the user.
    pub fn search(&self, search: &Search) -> Result<Vec<Found>, StoreError> {
        self.with_reader(|connection| search::search(connection, &self.open.path, search))
    }

    /// Everything stored of one article.
    pub fn show(&self, article_id: i64) -> Result<Option<Shown>, StoreError> {
        self.read(|connection| show::show(connection, article_id))
    }

    /// The newest article at this address.
    pub fn article_at(&self, link: &str) -> Result<Option<i64>, StoreError> {
        self.read(|connection| show::article_at(connection, link))
    }

    /// How things stand; matches and articles "today" are those of the 24 hours before `now`.
    pub fn status(&self, now: DateTime<Utc>) -> Result<Status, StoreError> {
        self.read(|connection| status::status(connection, now))
    }

    /// A row a registered source, by name.
    pub fn source_rows(&self, now: DateTime<Utc>) -> Result<Vec<SourceRow>, StoreError> {
        self.read(|connection| status::source_rows(connection, now))
    }

    /// A row a watch that ever matched, by name.
    pub fn watch_rows(&self, now: DateTime<Utc>) -> Result<Vec<WatchRow>, StoreError> {
        self.read(|connection| status::watch_rows(connection, now))
    }

    /// Copies the database to a file of its own, also while it is written to.
    ///
    /// # Errors
    /// The file exists, or cannot be written.
    pub fn backup(&self, target: &Path) -> Result<(), StoreError> {
        if target.exists() {
            return Err(StoreError::Exists { path: target.into() });
        }
        self.with_reader(|connection| backup::copy(connection, target))
    }

    /// Commits nothing of note, durably: the watchdog's proof that writing works.
    pub fn probe(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(move |connection| {
            let sql = "INSERT INTO meta VALUES ('probed_at', ?1)
                       ON CONFLICT (name) DO UPDATE SET value = excluded.value";
            connection.execute(sql, [columns::Time(now)]).map(drop)
        })
    }

    fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let path = self.open.path.clone();
        let writer = self.open.writer.as_ref().ok_or(StoreError::ReadOnly { path: path.clone() })?;
        writer.run(move |connection| job(connection).map_err(|error| error::explain(&path, error)))
    }

    fn read<T>(&self, job: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        self.with_reader(|connection| job(connection).map_err(|error| error::explain(&self.open.path, error)))
    }

    /// One read transaction, so that a call sees one state of the file.
    fn with_reader<T>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let pool = || self.open.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let pooled = pool().pop();
        let connection = pooled.map_or_else(|| open::to_read(&self.open.path), Ok)?;
        let explain = |error| error::explain(&self.open.path, error);
        let transaction = connection.unchecked_transaction().map_err(explain)?;
        let done = job(&transaction);
        transaction.finish().map_err(explain)?;
        let mut pool = pool();
        if pool.len() < READERS_KEPT_MAX {
            pool.push(connection);
        }
        done
    }
}
