//! One SQLite file: sources, articles, matches, mail owed, and the search over them.
//!
//! Invariant: the only SQL of the program stands here. One thread writes, in
//! durable transactions (`synchronous=FULL`); readers have connections of their
//! own. What is committed survives a crash; nothing is marked before it is so.
//! The file is read and written through SQLite alone: closing it in any other way
//! would drop the locks on it. Calls block until the commit: async callers use
//! `spawn_blocking`.
#![deny(clippy::disallowed_methods)]

mod articles;
mod backup;
mod claim;
mod columns;
mod departures;
mod edits;
mod error;
mod evidence;
mod files;
mod history;
mod hubs;
mod migrate;
mod open;
mod outbox;
mod owed;
mod pages;
mod parts;
mod plans;
mod rates;
mod readers;
mod recent;
mod removals;
mod rescore;
mod rows;
mod search;
mod show;
mod sources;
mod status;
mod writer;

#[cfg(test)]
mod tests;

pub use claim::{Claim, claim};
pub use departures::Departure;
pub use error::StoreError;
pub use history::Past;
pub use hubs::{HubRow, HubWork, LEASE_SECONDS_ASKED, Offer, Subscription};
pub use pages::{PageMissing, PageOwed};
pub use parts::{Part, Whole};
pub use removals::{Look, Sight};
pub use rescore::{Asked, Difference, Verdict};
pub use rows::{
    Debts, Known, Letter, LetterState, NewArticle, NewMail, OperatorWay, OutboxRow, PageWanted, Recording,
    SourceState, Touched, Troubles, Unheard,
};
pub use search::{Doubt, Found, Search, doubts};
pub use show::{Copy, Revision, Shown, ShownMatch, Told};
pub use status::{SourceRow, Status, WatchRow};

use crate::crash::{self, Point};
use crate::digest::trouble::Refusal;
use crate::digest::{Footer, Item, Plan, PlanStory, Rate, Removed, Urgency};
use crate::mail::Delivery;
use chrono::{DateTime, Utc};
use rusqlite::Connection;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The open database. Cheap to clone; the last clone to go ends the writer.
#[derive(Debug, Clone)]
pub struct Store {
    /// Before the writer, so that they close first: only the last connection takes the
    /// log away, and only if it may write.
    readers: Arc<readers::Readers>,
    open: Arc<Open>,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    /// Absent where the file was opened for reading only.
    writer: Option<writer::Writer>,
    recent: Arc<Mutex<recent::Recent>>,
    /// Device and number of the file that was opened.
    file: Option<(u64, u64)>,
    /// Another file, or none, has its name: nothing more is to be written.
    is_replaced: AtomicBool,
}

/// Stands for a plan's name in digests that tell the operator of trouble.
pub const OPERATOR: &str = "(operator)";

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

    /// Opens for writing beside a running daemon, whose schema it has to be.
    ///
    /// # Errors
    /// As [`Store::open`]; also where the file is of another schema.
    pub fn open_beside(path: &Path) -> Result<Store, StoreError> {
        let connection = open::beside(path)?;
        Ok(Store::over(path, Some(writer::Writer::start(path, connection)?), Vec::new()))
    }

    fn over(path: &Path, writer: Option<writer::Writer>, readers: Vec<Connection>) -> Store {
        let readers = Arc::new(readers::Readers::new(path, readers));
        let recent = Arc::default();
        let file = file_number(path);
        Store {
            readers,
            open: Arc::new(Open {
                path: path.into(),
                writer,
                recent,
                file,
                is_replaced: AtomicBool::new(false),
            }),
        }
    }

    /// The same store with reading connections of its own, for callers whose slow reads
    /// must keep nobody else waiting.
    pub fn apart(&self) -> Store {
        let readers = Arc::new(readers::Readers::new(&self.open.path, Vec::new()));
        Store { readers, open: self.open.clone() }
    }

    /// A random identifier made with the database, part of every Message-ID.
    pub fn instance(&self) -> Result<String, StoreError> {
        self.read(|connection| {
            connection.query_row("SELECT value FROM meta WHERE name = 'instance'", [], |row| row.get(0))
        })
    }

    /// Registers the configured sources (name, URL) and plans, all or nothing, and
    /// marks the others as retired. A source under a new name keeps its history by its
    /// URL; one under a new URL loses the validators, which belonged to the old one.
    /// Returns the old and the new name of each plan that is known again.
    pub fn register(
        &self,
        sources: &[(String, String)],
        plans: &[Plan],
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let (sources, plans) = (sources.to_vec(), plans.to_vec());
        self.write(move |connection| {
            sources::register(connection, &sources, now)?;
            let renamed = plans::register(connection, &plans)?;
            crash::point(Point::RegisterUncommitted);
            Ok(renamed)
        })
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
        crash::point(Point::RecordBegins);
        // Folding is the dear part, so it is done before the one writer is busy.
        let folded = articles::fold(recording);
        let recording = recording.clone();
        let recent = Arc::clone(&self.open.recent);
        let recorded = self.write(move |connection| {
            let mut recent = recent.lock().unwrap_or_else(PoisonError::into_inner);
            let rows = articles::record(connection, &recording, &folded, &mut recent, now)?;
            crash::point(Point::RecordUncommitted);
            Ok(rows)
        });
        crash::point(Point::RecordCommitted);
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

    /// Counts a try of a page that is about to be made; without `next_try_at` it is
    /// the last one.
    pub fn page_try(&self, article_id: i64, next_try_at: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        self.write(move |connection| pages::try_now(connection, article_id, next_try_at))
    }

    /// Notes why a page was not read; `never_again` gives it up.
    pub fn page_missed(&self, article_id: i64, why: &str, never_again: bool) -> Result<(), StoreError> {
        let why = why.to_owned();
        self.write(move |connection| pages::missed(connection, article_id, &why, never_again))
    }

    /// Asks for no page of `source` before `until`.
    pub fn pages_rest(&self, source: &str, until: DateTime<Utc>) -> Result<(), StoreError> {
        let source = source.to_owned();
        self.write(move |connection| pages::rest(connection, &source, until))
    }

    /// Pages of `source` that somebody was told of and that are to be looked at again.
    pub fn looks(&self, source: &str, now: DateTime<Utc>, most: usize) -> Result<Vec<Look>, StoreError> {
        self.read(|connection| removals::due(connection, source, now, most))
    }

    /// The page to look at before a missing one is called removed, where one is wanted.
    pub fn witness(&self, article_id: i64, now: DateTime<Utc>) -> Result<Option<Look>, StoreError> {
        self.read(|connection| removals::witness(connection, article_id, now))
    }

    /// Commits what a look at a page found. True where it is owed as removed from now on.
    pub fn looked(&self, article_id: i64, sight: Sight, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.write(move |connection| removals::looked(connection, article_id, &sight, now))
    }

    /// Stories that `plan` was told, whose pages are gone, and that it was not told of
    /// as such.
    pub fn removed(&self, plan: &str) -> Result<Vec<Removed>, StoreError> {
        self.read(|connection| removals::removed(connection, plan, None))
    }

    /// Adds to the history of `source` what was wrong with its pages.
    pub fn note_faults(&self, source: &str, faults: &[String]) -> Result<(), StoreError> {
        let (source, faults) = (source.to_owned(), faults.to_vec());
        self.write(move |connection| sources::note_faults(connection, &source, &faults))
    }

    /// What `plan` owes and no digest has taken yet, best score first; `urgency`
    /// restricts it, without it all counts but what only a rescore found, and an
    /// article waits whose page became owed `untried` and was not tried yet.
    /// Each item comes with the `owed` rows it settles: its own,
    /// and those of copies of its story that say nothing of further watches.
    pub fn owed(
        &self,
        plan: &str,
        urgency: Option<Urgency>,
        untried: Option<Range<DateTime<Utc>>>,
    ) -> Result<Vec<(Item, Vec<i64>)>, StoreError> {
        self.read(|connection| owed::owed(connection, plan, urgency, untried))
    }

    /// What `plan` would have told of the articles first seen since then, told or not.
    pub fn found_since(&self, since: DateTime<Utc>, plan: &Plan) -> Result<Vec<Item>, StoreError> {
        self.read(|connection| {
            let from = search::first_row_since(connection, since)?;
            owed::found_since(connection, from, |watch, score| plan.urgency(watch, score).is_some())
        })
    }

    /// What `plan` told and has yet to tell, at most so many stories, the newest first.
    pub fn stories_of(&self, plan: &str, most: usize) -> Result<Vec<PlanStory>, StoreError> {
        self.read(|connection| owed::stories_of(connection, plan, most))
    }

    /// Notes why the page cannot be shown, or that it is.
    pub fn note_web(&self, trouble: Option<&str>) -> Result<(), StoreError> {
        let trouble = trouble.map(str::to_owned);
        self.write(move |connection| status::note(connection, status::WEB_TROUBLE, trouble.as_deref()))
    }

    /// End of the last window `plan` was told about; alerts close none.
    pub fn told_until(&self, plan: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.read(|connection| outbox::told_until(connection, plan))
    }

    /// Takes back the windows of `plan` that close after `now`, made by a clock that was ahead.
    pub fn void_ahead(&self, plan: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let plan = plan.to_owned();
        self.write(move |connection| outbox::void_ahead(connection, &plan, now))
    }

    /// How often watches that were found at least `today_least` times in the 24 hours
    /// before `now`, with `at_least` points, usually are; none in the first week.
    pub fn rates(
        &self,
        at_least: f64,
        today_least: f64,
        now: DateTime<Utc>,
    ) -> Result<Vec<Rate>, StoreError> {
        self.read(|connection| rates::rates(connection, at_least, today_least, now))
    }

    /// Whether `plan` was told, since then, in a slot that begins so.
    pub fn told_since(&self, plan: &str, slot: &str, since: DateTime<Utc>) -> Result<bool, StoreError> {
        self.read(|connection| outbox::told_since(connection, plan, slot, since))
    }

    /// What a digest's footer says of the time between `from` and `to`; the next
    /// digest's time and spikes are the caller's to add.
    pub fn footer(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Footer, StoreError> {
        self.read(|connection| status::footer(connection, from, to))
    }

    /// Writes a digest's mails and marks what they tell as told, in one transaction.
    /// A slot that was written before, or a debt that was settled or withdrawn since
    /// it was read, or a plan that has another name since, writes nothing and returns
    /// `false`.
    pub fn enqueue(
        &self,
        plan: &str,
        slot: &str,
        until: Option<DateTime<Utc>>,
        debts: &Debts,
        mails: &[NewMail],
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let digest = outbox::NewDigest { plan: plan.into(), slot: slot.into(), until };
        let (debts, mails) = (debts.clone(), mails.to_vec());
        self.write(move |connection| outbox::enqueue(connection, &digest, &debts, &mails, now))
    }

    /// What `plan` was told of and has changed since, the longest owed first: each
    /// with how it read when it was told.
    pub fn corrections(&self, plan: &str) -> Result<Vec<Item>, StoreError> {
        self.read(|connection| edits::corrections(connection, plan))
    }

    /// Message-ID of the mail that first told `recipient` of the story of an article.
    pub fn first_told(
        &self,
        plan: &str,
        recipient: &str,
        article_id: i64,
    ) -> Result<Option<String>, StoreError> {
        self.read(|connection| outbox::first_told(connection, plan, recipient, article_id))
    }

    /// Sources that fell sick, or are well again, since the operator was last told,
    /// by `way`, and that have been so since before `since`: what passes by itself is no
    /// news.
    pub fn health_changes(
        &self,
        way: OperatorWay,
        since: DateTime<Utc>,
    ) -> Result<Vec<SourceState>, StoreError> {
        self.read(|connection| sources::health_changes(connection, way, since))
    }

    /// Writes the mails that tell of troubles, and that they were told, in one
    /// transaction.
    pub fn enqueue_trouble(
        &self,
        troubles: &Troubles,
        slot: &str,
        mails: &[NewMail],
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let digest = outbox::NewDigest { plan: OPERATOR.into(), slot: slot.into(), until: None };
        let (troubles, mails) = (troubles.clone(), mails.to_vec());
        self.write(move |connection| {
            sources::note_told(connection, &troubles.healths, troubles.ways)?;
            outbox::note_refusals_told(connection, &troubles.refused, troubles.ways)?;
            departures::note_told(connection, &troubles.departures, troubles.ways)?;
            let written = outbox::enqueue(connection, &digest, &Debts::default(), &mails, now)?;
            crash::point(Point::TroubleUncommitted);
            Ok(written)
        })
    }

    /// Whether the last try of all found the way out shut (the relay is down, say):
    /// no other mail would get out either.
    pub fn is_shut(&self) -> Result<bool, StoreError> {
        self.read(|connection| Ok(outbox::probe(connection)?.is_some()))
    }

    /// Mails whose time has come, oldest first; one at most while the way out is shut.
    pub fn outbox_due(&self, now: DateTime<Utc>) -> Result<Vec<OutboxRow>, StoreError> {
        self.read(|connection| outbox::due(connection, now))
    }

    /// Counts a try that is about to be made; `false` where the mail is not owed any
    /// more. Where this fails nothing may be sent: a try that cannot be counted would
    /// be made again and again.
    pub fn try_now(&self, id: i64, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.write(move |connection| outbox::try_now(connection, id, now))
    }

    /// The mail that is in one of these states, oldest first.
    pub fn letters(&self, states: &[LetterState]) -> Result<Vec<Letter>, StoreError> {
        self.read(|connection| outbox::letters(connection, states))
    }

    /// Makes mails due, their tries counted anew; what was sent stays sent.
    pub fn retry(&self, ids: &[i64], now: DateTime<Utc>) -> Result<(), StoreError> {
        let ids = ids.to_vec();
        self.write(move |connection| outbox::retry(connection, &ids, now))
    }

    /// Gives a mail up that is owed or refused; `false` where it was sent.
    pub fn drop_letter(&self, id: i64, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.write(move |connection| outbox::give_up(connection, id, now))
    }

    /// Makes mails due whose last try has no outcome; for the start of a process.
    pub fn resume(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(move |connection| outbox::resume(connection, now))
    }

    /// Mails refused for good, by row, that the operator was not told of yet by `way`.
    pub fn refused_untold(&self, way: OperatorWay) -> Result<Vec<(i64, Refusal)>, StoreError> {
        self.read(|connection| outbox::refused_untold(connection, way))
    }

    /// Recipients who hear nothing before somebody mends what is written of them.
    pub fn unheard(&self, now: DateTime<Utc>) -> Result<Vec<Unheard>, StoreError> {
        self.read(|connection| outbox::unheard(connection, now))
    }

    /// Writes what became of a try, and the step it failed at; a deferred mail's next
    /// try backs off from one minute to one hour (ten minutes where the way out is
    /// shut), and is refused for good after five days.
    pub fn settle(
        &self,
        id: i64,
        delivery: &Delivery,
        failed_at: Option<&'static str>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let delivery = delivery.clone();
        self.write(move |connection| outbox::settle(connection, id, &delivery, failed_at, now))
    }

    /// What the digest of a mail told, read again from what it settled, and how far
    /// its parts have come; `None` where there is no such mail.
    pub fn whole(&self, outbox_id: i64) -> Result<Option<Whole>, StoreError> {
        self.read(|connection| parts::whole(connection, outbox_id))
    }

    /// Settles a mail as too large and puts `parts` into the place of it and of
    /// `replaced`, in one transaction. False, and nothing written, where one of them
    /// was tried or settled since it was read.
    pub fn split(
        &self,
        id: i64,
        (delivery, failed_at): (Delivery, Option<&'static str>),
        replaced: Vec<i64>,
        parts: Vec<(NewMail, Part)>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            parts::split(connection, id, (&delivery, failed_at), &replaced, &parts, now)
        })
    }

    /// Searches the history, newest first.
    ///
    /// # Errors
    /// [`StoreError::Query`] where nothing can be searched for, in words for the user.
    pub fn search(&self, search: &Search) -> Result<Vec<Found>, StoreError> {
        self.with_reader(|connection| search::search(connection, &self.open.path, search))
    }

    /// The articles first seen since then, else all, newest first, page by page;
    /// ends with the first error.
    pub fn history(
        &self,
        since: Option<DateTime<Utc>>,
    ) -> impl Iterator<Item = Result<Vec<Past>, StoreError>> + '_ {
        let mut before = Some(i64::MAX);
        std::iter::from_fn(move || {
            let below = before?;
            let page = self.read(|connection| history::page(connection, since, below));
            before = page.as_ref().ok().and_then(|page| page.last()).map(|past| past.article_id);
            page.map(|page| (!page.is_empty()).then_some(page)).transpose()
        })
    }

    /// One article of the history as it reads now.
    pub fn past(&self, article_id: i64) -> Result<Option<Past>, StoreError> {
        self.read(|connection| history::one(connection, article_id))
    }

    /// How the verdicts differ from what is stored, in order; writes nothing.
    pub fn compare(&self, verdicts: &[Verdict], asked: &Asked) -> Result<Vec<Difference>, StoreError> {
        self.read(|connection| {
            verdicts.iter().map(|verdict| rescore::compare(connection, verdict, asked)).collect()
        })
    }

    /// Puts the verdicts in the place of what is stored, in one transaction, and
    /// owes the plans what is new to them as history. `None` for an article that
    /// was revised since it was read: it wants another look.
    pub fn rescore(
        &self,
        verdicts: Vec<Verdict>,
        asked: &Arc<Asked>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Option<Difference>>, StoreError> {
        let asked = Arc::clone(asked);
        self.write(move |connection| {
            verdicts.iter().map(|verdict| rescore::apply(connection, verdict, &asked, now)).collect()
        })
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

    /// Copies the database to a file of its own, also while it is written to; with
    /// `replaces` over an older file, which stays until the copy is known to be sound.
    ///
    /// # Errors
    /// The file exists or cannot be written, or the database is damaged.
    pub fn backup(&self, target: &Path, replaces: bool) -> Result<(), StoreError> {
        let own = ["", "-wal", "-shm", "-journal", ".lock"];
        let is_own = |suffix: &&str| file_number(&files::with_suffix(&self.open.path, suffix));
        if let Some(file) = file_number(target) {
            if own.iter().filter_map(is_own).any(|own| own == file) {
                return Err(StoreError::NotABackup { path: target.into() });
            }
            if replaces && !files::is_database(target) {
                return Err(StoreError::NotReplaced { path: target.into() });
            }
            if !replaces {
                return Err(StoreError::Exists { path: target.into() });
            }
        }
        self.with_reader(|connection| backup::copy(connection, &self.open.path, target))
    }

    /// Why nothing can be written at present, where the disk is the reason: as the last
    /// commit found it.
    pub fn trouble(&self) -> Option<StoreError> {
        if self.open.is_replaced.load(Ordering::Relaxed) {
            return Some(StoreError::Replaced { path: self.open.path.clone() });
        }
        self.open.writer.as_ref().and_then(writer::Writer::trouble)
    }

    /// The last commit that failed because of the disk, where it is not longer ago than
    /// this: a small one may succeed where a larger one does not.
    pub fn trouble_within(&self, time: Duration) -> Option<StoreError> {
        self.open.writer.as_ref().and_then(|writer| writer.trouble_within(time))
    }

    /// Notes what keeps the database from taking writes, or that nothing does.
    pub fn note_trouble(&self, trouble: Option<&str>) -> Result<(), StoreError> {
        let trouble = trouble.map(str::to_owned);
        self.write(move |connection| status::note(connection, status::DISK_TROUBLE, trouble.as_deref()))
    }

    /// Commits nothing of note, durably: the watchdog's proof that writing works, and
    /// that it is the file of that name which is written.
    ///
    /// # Errors
    /// Why no write succeeds.
    pub fn probe(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let is_replaced = file_number(&self.open.path) != self.open.file;
        self.open.is_replaced.store(is_replaced, Ordering::Relaxed);
        if is_replaced {
            return Err(StoreError::Replaced { path: self.open.path.clone() });
        }
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
        let connection = self.readers.lend()?;
        let explain = |error| error::explain(&self.open.path, error);
        let transaction = connection.unchecked_transaction().map_err(explain)?;
        let done = job(&transaction);
        transaction.finish().map_err(explain)?;
        done
    }
}

/// Device and number of the file at `path`, which the system keeps for as long as it
/// is open.
fn file_number(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}
