//! One SQLite file: sources, articles, matches, mail owed, and the search over them.
//!
//! Invariant: the only SQL of the program stands here. One thread writes, in
//! durable transactions (`synchronous=FULL`); readers have connections of their
//! own. What is committed survives a crash; nothing is marked before it is so.

use crate::digest::{Item, Urgency};
use crate::extract::Article;
use crate::fetch::Validators;
use crate::mail::Delivery;
use crate::watch::Match;
use chrono::{DateTime, Utc};
use std::path::Path;

/// What is known of a source between polls.
#[derive(Debug, Clone, Default)]
pub struct SourceState {
    pub name: String,
    pub url: String,
    pub validators: Validators,
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
    /// Where permanent redirects lead, once stable.
    pub moved_to: Option<String>,
}

/// An article to be written, with what it matched and who is to be told.
#[derive(Debug, Clone)]
pub struct NewArticle {
    pub article: Article,
    pub fingerprint: u64,
    pub matches: Vec<Match>,
    /// Plan, index into `matches`, urgency.
    pub owed: Vec<(String, usize, Urgency)>,
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
    pub articles: Vec<NewArticle>,
    /// Article rows whose text changed, with the new text.
    pub revisions: Vec<(i64, NewArticle)>,
}

/// A stored article under an identity that was asked for.
#[derive(Debug, Clone)]
pub struct Known {
    pub article_id: i64,
    pub title: String,
    pub text: String,
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

/// The database cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{0}")]
    Other(String),
}

/// The open database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {}

impl Store {
    /// Opens or makes the file, brings it to the current schema (each migration
    /// in a transaction, after a backup).
    ///
    /// # Errors
    /// Not writable, locked, corrupt, or of a newer schema: each with the next step.
    pub fn open(_path: &Path) -> Result<Store, StoreError> {
        Ok(Store {})
    }

    /// Opens for reading only, also beside a running daemon.
    ///
    /// # Errors
    /// As [`Store::open`]; also where there is no file yet.
    pub fn open_to_read(_path: &Path) -> Result<Store, StoreError> {
        Ok(Store {})
    }

    /// A random identifier made with the database, part of every Message-ID.
    pub fn instance(&self) -> Result<String, StoreError> {
        Ok(String::new())
    }

    /// Registers the configured sources (name, URL) and marks the others as retired.
    pub fn register(&self, _sources: &[(String, String)], _now: DateTime<Utc>) -> Result<(), StoreError> {
        Ok(())
    }

    /// State of every registered source, by name.
    pub fn states(&self) -> Result<Vec<SourceState>, StoreError> {
        Ok(Vec::new())
    }

    /// For each identity of `source`: the stored article, if it was ever seen. One query.
    pub fn known(&self, _source: &str, _identities: &[String]) -> Result<Vec<Option<Known>>, StoreError> {
        Ok(Vec::new())
    }

    /// Commits what one poll brought. Returns the new articles' rows, in order.
    pub fn record(&self, _recording: &Recording, _now: DateTime<Utc>) -> Result<Vec<i64>, StoreError> {
        Ok(Vec::new())
    }

    /// What `plan` owes and no digest has taken yet; `at_once` restricts it to alerts.
    /// Each item comes with the `owed` rows it settles.
    pub fn owed(&self, _plan: &str, _urgency: Option<Urgency>) -> Result<Vec<(Item, Vec<i64>)>, StoreError> {
        Ok(Vec::new())
    }

    /// End of the last window `plan` was told about.
    pub fn told_until(&self, _plan: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(None)
    }

    /// Writes a digest's mails and marks what they tell as told, in one transaction.
    /// A slot that was written before writes nothing and returns `false`.
    pub fn enqueue(
        &self,
        _plan: &str,
        _slot: &str,
        _until: DateTime<Utc>,
        _owed: &[i64],
        _mails: &[NewMail],
        _now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Mails whose time has come, oldest first.
    pub fn outbox_due(&self, _now: DateTime<Utc>) -> Result<Vec<OutboxRow>, StoreError> {
        Ok(Vec::new())
    }

    /// Writes what became of a try; a deferred mail's next try backs off from
    /// one minute to one hour, and is refused for good after five days.
    pub fn settle(&self, _id: i64, _delivery: &Delivery, _now: DateTime<Utc>) -> Result<(), StoreError> {
        Ok(())
    }
}
