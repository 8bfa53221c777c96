//! Matches to what a plan tells its recipients: who is told, grouping, order,
//! size, text and HTML.
//!
//! Invariant: the same facts give the same bytes. Foreign text is escaped,
//! never rendered; nothing remote is referred to. No clock, no disk, no network.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod atom;
mod changes;
mod headline;
mod note;
mod payload;
mod prose;
mod sheet;
mod spike;
mod story;
pub mod trouble;

pub use atom::{PlanStory, atom};
pub use headline::headline;
pub use note::{CHAT, Note, NoteStory, note};
pub use payload::payload;
pub use prose::{Piece, encoded_len, marked_line, quote, wrap};
pub use sheet::REMOVED_MAX;
pub use spike::Rate;

use crate::schedule::Cron;
use crate::watch::{Hit, Match};
use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use sheet::Matter;
use story::Story;

/// Octets the encoded HTML part may have; mail programs clip near 102,400.
pub const HTML_BYTES_MAX: usize = 90_000;

/// Alert plan: who is told, about which watches, from which score on, when.
#[derive(Debug, Clone)]
pub struct Plan {
    pub name: String,
    /// Recipients' addresses.
    pub to: Vec<String>,
    /// Chats that are told, each as `chat:NAME`.
    pub chat_to: Vec<String>,
    /// Addresses of programs that are told by a signed post.
    pub post_to: Vec<String>,
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
    /// A watch found this many times as often as usual is told at once.
    pub spike_from: Option<f64>,
    /// Also say that nothing was found.
    pub all_is_well: bool,
}

/// Whether a match waits for the digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    AtOnce,
    Digest,
    /// Found in stored articles by a rescore: told in a digest of its own.
    History,
}

impl Plan {
    /// Whether, and how soon, this plan tells of `found`.
    pub fn wants(&self, found: &Match) -> Option<Urgency> {
        self.urgency(&found.watch, found.score.total())
    }

    /// Whether, and how soon, a match of `watch` with this score is told.
    pub fn urgency(&self, watch: &str, score: f64) -> Option<Urgency> {
        if !self.names(watch) || score < self.at_least {
            return None;
        }
        let at_once = self.cron.is_none() || self.at_once_from.is_some_and(|least| score >= least);
        Some(if at_once { Urgency::AtOnce } else { Urgency::Digest })
    }

    /// Whom the plan tells by other ways than mail.
    pub fn beside_mail(&self) -> impl Iterator<Item = &String> {
        self.post_to.iter().chain(&self.chat_to)
    }

    /// Whether the plan is told about `watch` at all.
    pub fn names(&self, watch: &str) -> bool {
        self.watches.iter().any(|name| name == "*" || name == watch)
    }

    /// Whether alerts are held at `now`. The first time belongs to the quiet
    /// hours, the second does not; two equal times make none.
    pub fn is_quiet(&self, now: DateTime<Utc>) -> bool {
        let Some((from, to)) = self.quiet else { return false };
        let time = now.with_timezone(&self.zone).time();
        if from <= to { from <= time && time < to } else { from <= time || time < to }
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
    /// Copies of the same story.
    pub also_in: Vec<Copy>,
    /// How it read when the plan was told of it, where it was and has changed since.
    pub earlier: Option<Earlier>,
    /// Rows of the store that say its edits are owed; telling it settles them.
    pub corrections: Vec<i64>,
}

/// An article as a plan was told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    pub told_at: DateTime<Utc>,
    /// The last edit.
    pub changed_at: DateTime<Utc>,
    pub title: String,
    pub text: String,
}

impl Item {
    /// Whether it says anything it did not say when it was told.
    pub fn is_news(&self) -> bool {
        let Some(earlier) = &self.earlier else { return true };
        self.watches.iter().any(|found| found.is_lost)
            || !changes::same_words(&earlier.title, &self.title)
            || !changes::changes(&earlier.text, &self.text).0.is_empty()
    }
}

/// The same story in another source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    pub source: String,
    pub link: Option<String>,
    /// Its headline, where that says something the story does not.
    pub headline: Option<String>,
}

/// One watch an item matched.
#[derive(Debug, Clone)]
pub struct ItemMatch {
    pub watch: String,
    pub score: f64,
    pub hits: Vec<Hit>,
    /// It had hits, and an edit left none of them: the article no longer names it.
    pub is_lost: bool,
}

/// What the footer says: what was read, what is sick, what comes next.
#[derive(Debug, Clone, Default)]
pub struct Footer {
    pub articles_read: u64,
    pub sources_polled: u64,
    /// Source, state, since when, reason.
    pub sick: Vec<(String, String, DateTime<Utc>, String)>,
    pub next_digest_at: Option<DateTime<Utc>>,
    /// Watches found far more often than usual.
    pub spikes: Vec<Rate>,
    /// Stories told earlier whose pages are gone.
    pub removed: Vec<Removed>,
}

/// A story that was told and whose page is gone since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Row of the store that says it is owed; telling it settles it.
    pub id: i64,
    pub article_id: i64,
    pub title: String,
    pub link: Option<String>,
    pub source: String,
    pub told_at: DateTime<Utc>,
    pub missing_at: DateTime<Utc>,
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

/// Composes the digest of `items` and of what was told before and is `corrected`,
/// or nothing where there is nothing to tell, no watch spikes, and the plan does not
/// ask for "all is well".
pub fn compose(
    plan: &Plan,
    window: &Window,
    items: &[Item],
    corrected: &[Item],
    footer: &Footer,
) -> Option<Digest> {
    let nothing = items.is_empty() && corrected.is_empty() && footer.removed.is_empty();
    let spikes = window.urgency == Urgency::AtOnce && !footer.spikes.is_empty();
    if nothing && !spikes && !(plan.all_is_well && window.urgency == Urgency::Digest) {
        return None;
    }
    let (stories, corrected) = (story::stories(plan, window, items), story::stories(plan, window, corrected));
    let subject = subject(window, &stories, &corrected, footer);
    let matter = Matter { plan, window, footer, stories: &stories, corrected: &corrected, subject: &subject };
    let sheet = matter.fit();
    let (text, html) = (sheet.text(), sheet.html());
    Some(Digest { subject, text, html })
}

/// Characters of a subject; phones show some 40, servers keep 255.
const SUBJECT_CHARS_MAX: usize = 160;
/// Watches a subject counts one by one.
const SUBJECT_WATCHES_MAX: usize = 3;

/// The news itself, in one bounded line: the headline and its watch, or what
/// was found how often and the best headline.
fn subject(window: &Window, stories: &[Story], corrected: &[Story], footer: &Footer) -> String {
    let (prefix, noun, whence) = match window.urgency {
        Urgency::AtOnce => ("Alert: ", "alert", ""),
        Urgency::Digest => ("", "story", ""),
        Urgency::History => ("From the history: ", "story", " from the history"),
    };
    if let (Urgency::AtOnce, Some(spike)) = (window.urgency, footer.spikes.first()) {
        let watch = prose::line(&spike.watch, 50);
        return prose::line(&format!("Spike: {watch}, {}", spike.words()), SUBJECT_CHARS_MAX);
    }
    let subject = match (stories, corrected) {
        ([], [one]) => format!("Corrected: {}", one.headline()),
        ([], [first, ..]) => {
            format!("{}: {}", sheet::count(corrected.len(), "correction"), first.headline())
        }
        ([], []) if !footer.removed.is_empty() => {
            let title = prose::line(&footer.removed[0].title, story::HEADLINE_CHARS_MAX);
            match footer.removed.len() {
                1 => format!("Removed: {title}"),
                more => format!("{more} stories removed: {title}"),
            }
        }
        ([], []) if footer.sick.is_empty() => format!("All is well: no news, {}", sheet::read(footer)),
        ([], []) => {
            format!("No news, {}: {}", sheet::count(footer.sick.len(), "sick source"), sheet::read(footer))
        }
        ([story], _) => {
            let watch = prose::line(&story.watch, 50);
            format!("{prefix}{} — {watch}", prose::line(&story.headline(), 100))
        }
        ([best, ..], _) => {
            let told = sheet::told(stories.len(), corrected.len(), noun);
            format!("{told}{whence}: {} — {}", counted_watches(stories), best.headline())
        }
    };
    prose::line(&subject, SUBJECT_CHARS_MAX)
}

/// `Bolot Temirov (2), sanctions (1)`, most stories first.
fn counted_watches(stories: &[Story]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for story in stories {
        match counts.iter_mut().find(|(watch, _)| *watch == story.watch) {
            Some((_, count)) => *count += 1,
            None => counts.push((&story.watch, 1)),
        }
    }
    // Stable: watches with as many stories stay in the order of their best score.
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let more = counts.len().saturating_sub(SUBJECT_WATCHES_MAX);
    let mut named: Vec<String> = counts
        .iter()
        .take(SUBJECT_WATCHES_MAX)
        .map(|(watch, count)| format!("{} ({count})", prose::line(watch, 30)))
        .collect();
    if more > 0 {
        named.push(format!("{more} more"));
    }
    named.join(", ")
}

#[cfg(test)]
mod tests;
