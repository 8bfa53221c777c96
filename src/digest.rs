//! Matches to what a plan tells its recipients: who is told, grouping, order,
//! size, text and HTML.
//!
//! Invariant: the same facts give the same bytes. Foreign text is escaped,
//! never rendered; nothing remote is referred to. No clock, no disk, no network.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use crate::schedule::Cron;
use crate::watch::{Hit, Match};
use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;

/// Alert plan: who is told, about which watches, from which score on, when.
#[derive(Debug, Clone)]
pub struct Plan {
    pub name: String,
    /// Recipients' addresses.
    pub to: Vec<String>,
    /// Names of watches; `*` stands for all.
    pub watches: Vec<String>,
    /// Matches below this score are stored, not told.
    pub at_least: f64,
    /// When digests are made; without it every match is told at once.
    pub cron: Option<Cron>,
    /// This score or more does not wait for the digest.
    pub at_once_from: Option<f64>,
    /// Local times between which alerts are held, never dropped.
    pub quiet: Option<(NaiveTime, NaiveTime)>,
    /// Zone of `quiet` and of the times in mail.
    pub zone: Tz,
    /// More alerts at once than this become one mail.
    pub burst_max: usize,
    /// Also say that nothing was found.
    pub all_is_well: bool,
}

/// Whether a match waits for the digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    AtOnce,
    Digest,
}

impl Plan {
    /// Whether, and how soon, this plan tells of `found`.
    pub fn wants(&self, _found: &Match) -> Option<Urgency> {
        None
    }

    /// Whether alerts are held at `now`.
    pub fn is_quiet(&self, _now: DateTime<Utc>) -> bool {
        false
    }
}

/// One article a plan owes its recipients, with everything the mail says of it.
#[derive(Debug, Clone)]
pub struct Item {
    /// Row of the article in the store, for `newswatch show`.
    pub article_id: i64,
    pub title: String,
    pub link: Option<String>,
    pub source: String,
    pub language: Option<String>,
    pub published_at: Option<DateTime<Utc>>,
    pub first_seen_at: DateTime<Utc>,
    /// Plain text, for the sentence around the hit.
    pub text: String,
    /// The watches it matched, best first.
    pub watches: Vec<ItemMatch>,
    /// Copies of the same story: source and link.
    pub also_in: Vec<(String, Option<String>)>,
}

/// One watch an item matched.
#[derive(Debug, Clone)]
pub struct ItemMatch {
    pub watch: String,
    pub score: f64,
    pub hits: Vec<Hit>,
}

/// What the footer says: what was read, what is sick, what comes next.
#[derive(Debug, Clone, Default)]
pub struct Footer {
    pub articles_read: u64,
    pub sources_polled: u64,
    /// Source, state, since when, reason.
    pub sick: Vec<(String, String, DateTime<Utc>, String)>,
    pub next_digest_at: Option<DateTime<Utc>>,
}

/// What is told about one window of time.
#[derive(Debug, Clone)]
pub struct Window {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub urgency: Urgency,
}

/// What one plan tells its recipients about one window of time: a mail without
/// its recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Composes the digest, or nothing where there is nothing to tell and the plan
/// does not ask for "all is well".
pub fn compose(_plan: &Plan, _window: &Window, _items: &[Item], _footer: &Footer) -> Option<Digest> {
    None
}
