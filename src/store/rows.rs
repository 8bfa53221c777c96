//! What is handed to the store and comes back from it, a row or what makes one.
//!
//! Invariant: nothing here knows SQL.

use crate::digest::trouble::Silence;
use crate::digest::{Rate, Urgency};
use crate::extract::Article;
use crate::fetch::Validators;
use crate::schedule::Habit;
use crate::watch::Match;
use chrono::{DateTime, Utc};

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
    pub habit: Habit,
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
    /// The last whole text there was.
    pub whole: Option<String>,
    /// It came with its source's first poll.
    pub is_backlog: bool,
}

/// A known article whose entry changed and whose text did not.
#[derive(Debug, Clone)]
pub struct Touched {
    pub article_id: i64,
    pub identity: String,
    /// The new entry's.
    pub entry_hash: u64,
    pub page: Option<PageWanted>,
}

/// Everything one poll leaves behind, committed together.
#[derive(Debug, Clone)]
pub struct Recording {
    pub state: SourceState,
    /// `fresh`, `rolled over`, `unchanged`, `gone`, `deferred`, `failed`.
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
    pub link: Option<String>,
    pub published_at: Option<DateTime<Utc>>,
    /// Of the entry as last published under this identity.
    pub entry_hash: u64,
    /// The last whole text there was; none where the text is a feed's beginning of it.
    pub whole: Option<String>,
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

/// Rows that a digest settles, and what it says beside them.
#[derive(Debug, Clone, Default)]
pub struct Debts {
    /// Matches owed.
    pub owed: Vec<i64>,
    /// Edits owed.
    pub corrections: Vec<i64>,
    /// Removals owed.
    pub removals: Vec<i64>,
    /// Watches that it says are found far more often than usual.
    pub spikes: Vec<Rate>,
}

/// What one mail tells the operator of, by row.
#[derive(Debug, Clone, Default)]
pub struct Troubles {
    /// Source and its health.
    pub healths: Vec<(String, String)>,
    /// Mails refused for good.
    pub refused: Vec<i64>,
    /// Readers who left a plan.
    pub departures: Vec<i64>,
    /// By which ways it is told, as bits of [`OperatorWay`].
    pub ways: u8,
}

/// How the operator is told. What was told by one way may still be owed to the other,
/// which may be shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorWay {
    Mail,
    Chats,
}

impl OperatorWay {
    pub const ALL: [OperatorWay; 2] = [OperatorWay::Mail, OperatorWay::Chats];

    /// As the database has it.
    pub fn bit(self) -> u8 {
        match self {
            OperatorWay::Mail => 1,
            OperatorWay::Chats => 2,
        }
    }
}

/// A recipient who hears nothing, and the rows of what waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unheard {
    pub rows: Vec<i64>,
    /// By which ways the operator knows, as bits of [`OperatorWay`].
    pub told: u8,
    pub silence: Silence,
}

impl Unheard {
    /// One more message.
    pub(super) fn add(&mut self, row: i64, created_at: DateTime<Utc>, told: u8) {
        self.rows.push(row);
        self.told |= told;
        self.silence.messages += 1;
        self.silence.since_at = self.silence.since_at.min(created_at);
    }
}

/// A mail in the outbox, owed or settled, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub id: i64,
    pub state: LetterState,
    pub plan: String,
    pub recipient: String,
    pub subject: String,
    pub created_at: DateTime<Utc>,
    pub tries: u32,
    /// While it is owed.
    pub next_try_at: Option<DateTime<Utc>>,
    /// Why the last try failed.
    pub reason: Option<String>,
    /// The mails that tell in its place what was too large in one, by row.
    pub parts: Vec<i64>,
}

/// How far a mail has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterState {
    Owed,
    Sent,
    /// For good: by the server, or after five days of tries.
    Refused,
    /// Somebody decided that it need not arrive.
    Dropped,
}

impl LetterState {
    pub const ALL: [LetterState; 4] =
        [LetterState::Owed, LetterState::Sent, LetterState::Refused, LetterState::Dropped];
    /// What somebody may still want to do something about.
    pub const UNSENT: [LetterState; 2] = [LetterState::Owed, LetterState::Refused];

    /// Its word in the file and in lists.
    pub fn word(self) -> &'static str {
        match self {
            LetterState::Owed => "owed",
            LetterState::Sent => "sent",
            LetterState::Refused => "refused",
            LetterState::Dropped => "dropped",
        }
    }
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
