//! One source's poll: from its address to what the store keeps.
//!
//! Invariant: entries, matches, what is owed for them and the validators they
//! came with are one commit; a body that could not be read advances no validator.

use super::poll::Waits;
use super::sift::{Draft, Sifted, judge, judge_changed, sift};
use super::verdict::{self, Times, next_state};
use super::{Desk, off_thread, pages, websub};
use crate::config::Source;
use crate::feed::discover::is_news_sitemap;
use crate::feed::{self, Dialect, Entry, Fault, Feed, NotAFeed};
use crate::fetch::{Body, FetchError, Fetcher, NamedBy, Poll, Validators};
use crate::health::Seen;
use crate::page;
use crate::store::{NewArticle, Offer, Recording, SourceState, StoreError};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Entries read of one poll, newest first as published.
pub(super) const ENTRIES_A_POLL_MAX: usize = 2_000;

/// Sitemaps read of an index in one poll.
const SITEMAPS_A_POLL_MAX: usize = 4;

/// Articles by which a source's silence is measured.
pub(super) const HABIT_ARTICLES: usize = 30;

/// What a poll came to.
#[derive(Debug, Clone)]
pub struct Polled {
    /// The source's state as it was committed.
    pub state: SourceState,
    /// `fresh`, `unchanged`, `gone`, `deferred`, `failed`.
    pub outcome: &'static str,
    pub entries: usize,
    pub new: usize,
    pub revised: usize,
    pub matches: usize,
    /// Why it failed, with its causes.
    pub error: Option<String>,
    /// Nothing answered at all: the network's fault or the host's.
    pub unreachable: bool,
}

/// Polls `source` and commits what came of it; `waits` is told while the server is
/// waited for.
///
/// # Errors
/// The database; a source that fails is a [`Polled`] with an error.
pub(super) async fn poll_source(
    desk: &Arc<Desk>,
    source: &Source,
    state: SourceState,
    waits: &Waits,
) -> Result<Polled, StoreError> {
    let began = Instant::now();
    if let Some(until) = state.not_before.filter(|until| is_to_come(&state, *until, Utc::now())) {
        return Ok(Polled::put_off(state, until));
    }
    let mut reading = fetch(desk, source, &state, waits).await;
    waits.on(reading.follow_sitemaps(&desk.fetcher)).await;
    let offer = reading.offer(&desk.fetcher, source);
    let (reading, mut sifted) = sift(desk, source, reading, state.healthy_at.is_none()).await?;
    // Another address may number the same entries otherwise: that is no window rolled over.
    sifted.rolled_over &= reading.read_from() == state.read_from.as_deref();
    let recording = {
        let (desk, source) = (desk.clone(), source.clone());
        let times = times(&desk, &source, &sifted.fresh).await?;
        off_thread(move || recording(&desk, &source, state, sifted, reading, times)).await
    };
    let mut polled = commit(desk, recording, began).await?;
    if let Some(offer) = offer {
        websub::note(desk, &source.name, offer).await;
    }
    // A site that failed or put us off is not asked for its pages either.
    if matches!(polled.outcome, "fresh" | "unchanged") {
        match pages::read(desk, source, waits).await {
            Ok(matches) => polled.matches += matches,
            // The poll itself is committed; the pages stay owed.
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(source = source.name, error, "owed pages were not read; trying again");
            }
        }
    }
    Ok(polled)
}

/// Whether what is planned for `at` lies ahead. A plan made by a clock that has
/// been set back since is none.
pub(super) fn is_to_come(state: &SourceState, at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    at > now && state.polled_at.is_none_or(|polled_at| polled_at <= now)
}

/// Commits that a poll of `source` died of a fault of our own.
pub(super) async fn died(
    desk: &Arc<Desk>,
    source: &Source,
    state: SourceState,
) -> Result<Polled, StoreError> {
    let (reading, sifted) = (Reading::of(Kind::Died, 0), Sifted::default());
    let times = Times { recent: Vec::new(), new: Vec::new() };
    let recording = recording(desk, source, state, sifted, reading, times);
    commit(desk, recording, Instant::now()).await
}

/// Everything the poll leaves behind, its duration aside.
fn recording(
    desk: &Desk,
    source: &Source,
    before: SourceState,
    sifted: Sifted,
    reading: Reading,
    times: Times,
) -> (Recording, Reading) {
    let seen = if sifted.rolled_over { Seen::AllNew } else { reading.seen() };
    let state = next_state(source, before, &reading, seen, times, Utc::now());
    let rolled_over = sifted.rolled_over.then(|| state.health_reason.clone()).flatten();
    let articles = judge(desk, sifted.fresh, sifted.is_first);
    let changed = judge_changed(desk, sifted.changed);
    let recording = Recording {
        state,
        outcome: if sifted.rolled_over { "rolled over" } else { reading.outcome() }.into(),
        entries: reading.entries().len(),
        bytes: reading.bytes,
        millis: 0,
        faults: reading.faults().chain(rolled_over).collect(),
        listed: sifted.listed,
        articles,
        revisions: changed.revised,
        touched: changed.touched,
    };
    (recording, reading)
}

async fn times(desk: &Desk, source: &Source, new: &[Draft]) -> Result<Times, StoreError> {
    let (store, name) = (desk.store.clone(), source.name.clone());
    let mut recent = off_thread(move || store.recent_times(&name, HABIT_ARTICLES)).await?;
    let now = Utc::now();
    // A date in the future says when it was written, not when it comes out.
    let new: Vec<_> = new.iter().map(|new| new.article.published_at.unwrap_or(now).min(now)).collect();
    recent.iter_mut().for_each(|time| *time = (*time).min(now));
    recent.extend(&new);
    recent.sort_unstable_by(|a, b| b.cmp(a));
    recent.truncate(HABIT_ARTICLES);
    Ok(Times { recent, new })
}

async fn commit(
    desk: &Arc<Desk>,
    (mut recording, reading): (Recording, Reading),
    began: Instant,
) -> Result<Polled, StoreError> {
    recording.millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let store = desk.store.clone();
    let (recording, rows) =
        off_thread(move || store.record(&recording, Utc::now()).map(|rows| (recording, rows))).await?;
    // What waits for its page is counted when that is read.
    let matches = |new: &NewArticle| if new.page.is_some() { 0 } else { new.matches.len() };
    Ok(Polled {
        outcome: reading.outcome(),
        entries: recording.entries,
        new: rows.len(),
        revised: recording.revisions.len(),
        matches: recording.articles.iter().map(matches).sum::<usize>()
            + recording.revisions.iter().map(|(_, new)| matches(new)).sum::<usize>(),
        error: recording.state.last_error.clone(),
        unreachable: reading.is_unreachable(),
        state: recording.state,
    })
}

impl Polled {
    /// Why it was read at another address than the configured one, where it was.
    pub fn read_elsewhere(&self) -> Option<String> {
        self.state.health_reason.clone().filter(|_| self.state.read_from.is_some())
    }

    /// The server asked not to be asked before `until`, and is not.
    fn put_off(state: SourceState, until: DateTime<Utc>) -> Polled {
        let next_poll_at = state.next_poll_at.max(Some(until));
        Polled {
            state: SourceState { next_poll_at, ..state },
            outcome: "deferred",
            entries: 0,
            new: 0,
            revised: 0,
            matches: 0,
            error: None,
            unreachable: false,
        }
    }
}

/// What a source answered, read.
#[derive(Debug)]
pub(super) struct Reading {
    pub kind: Kind,
    bytes: usize,
    /// Where it was read, when that was not at the configured address.
    pub elsewhere: Option<Elsewhere>,
    /// Where its documents were read, after redirects.
    read_at: Vec<String>,
    /// What was wrong beside what the feed's own faults say.
    pub(super) notes: Vec<String>,
}

/// Another address of a source at which it was read.
#[derive(Debug)]
pub(super) struct Elsewhere {
    pub url: String,
    /// A configured mirror, not where the source has moved to.
    pub is_mirror: bool,
    /// What is wrong at the configured address.
    pub why: String,
}

#[derive(Debug)]
pub(super) enum Kind {
    Fresh {
        feed: Box<Feed>,
        validators: Validators,
        max_age: Option<Duration>,
        moved_to: Option<String>,
    },
    Wrong(NotAFeed),
    Unchanged,
    Gone,
    Deferred(DateTime<Utc>),
    Failed(FetchError),
    /// We died of what it sent.
    Died,
}

/// Asks the configured address; where it cannot be read there, the one it has
/// moved to, then its mirrors. The first that is well wins.
async fn fetch(desk: &Desk, source: &Source, state: &SourceState, waits: &Waits) -> Reading {
    let own = read_at(desk, source, state, &source.url, NamedBy::Config, waits).await;
    if own.is_well() || matches!(own.kind, Kind::Deferred(_)) {
        return own;
    }
    // Where a source has moved to is the word of its server, not of the configuration.
    let learned = verdict::learned_address(state, Utc::now());
    let learned = learned.map(|url| (url, NamedBy::Document(&source.url), false));
    let mirrors = source.mirrors.iter().map(|url| (url.as_str(), NamedBy::Config, true));
    for (url, named_by, is_mirror) in learned.into_iter().chain(mirrors) {
        let found = read_at(desk, source, state, url, named_by, waits).await;
        if found.is_well() {
            let why = own.error().or_else(|| own.emptiness()).unwrap_or_default();
            let elsewhere = Some(Elsewhere { url: url.to_owned(), is_mirror, why });
            return Reading { elsewhere, ..found };
        }
    }
    own
}

/// Asks one address; validators go only to the one that gave them.
async fn read_at(
    desk: &Desk,
    source: &Source,
    state: &SourceState,
    url: &str,
    named_by: NamedBy<'_>,
    waits: &Waits,
) -> Reading {
    let gave_them = state.read_from.as_deref().unwrap_or(&source.url) == url;
    let validators = if gave_them { state.validators.clone() } else { Validators::default() };
    let answer = waits.on(ask(&desk.fetcher, source, url, named_by, &validators)).await;
    read(source, answer).await
}

pub(super) async fn ask(
    fetcher: &Fetcher,
    source: &Source,
    url: &str,
    named_by: NamedBy<'_>,
    validators: &Validators,
) -> Poll {
    match source.selectors {
        None => fetcher.poll(url, named_by, validators).await,
        Some(_) => fetcher.page(url, named_by, validators).await,
    }
}

pub(super) async fn read(source: &Source, poll: Poll) -> Reading {
    let source = source.clone();
    let read = move || {
        let body = if let Poll::Fresh(body) = &poll { Some(body) } else { None };
        let bytes = body.map_or(0, |body| body.bytes.len());
        let read_at = body.map(|body| body.url.clone()).into_iter().collect();
        let kind = match poll {
            Poll::Fresh(body) => read_body(&source, body),
            Poll::Unchanged => Kind::Unchanged,
            Poll::Gone => Kind::Gone,
            Poll::Deferred(until) => Kind::Deferred(until),
            Poll::Failed(error) => Kind::Failed(error),
        };
        Reading { read_at, ..Reading::of(kind, bytes) }
    };
    off_thread(read).await
}

fn read_body(source: &Source, body: Body) -> Kind {
    let content_type = body.content_type.as_deref();
    let feed = match &source.selectors {
        None => feed::parse(&body.bytes, content_type, Some(&body.url)),
        Some(selectors) => Ok(page::read(&body.bytes, content_type, &body.url, selectors)),
    };
    match feed {
        Ok(mut feed) => {
            if source.selectors.is_none() {
                feed::announce(&mut feed, &body.links, &body.url);
            }
            Kind::Fresh {
                feed: Box::new(feed),
                validators: body.validators,
                max_age: body.max_age,
                moved_to: body.moved_to,
            }
        }
        Err(error) => Kind::Wrong(error),
    }
}

impl Reading {
    fn of(kind: Kind, bytes: usize) -> Reading {
        Reading { kind, bytes, elsewhere: None, read_at: Vec::new(), notes: Vec::new() }
    }

    /// Reads the sitemaps that it lists, where it is an index.
    pub(super) async fn follow_sitemaps(&mut self, fetcher: &Fetcher) {
        if let (Kind::Fresh { feed, .. }, Some(index)) = (&mut self.kind, self.read_at.first()) {
            let read_at = follow_sitemaps(fetcher, feed, index).await;
            self.read_at.extend(read_at);
        }
    }

    /// Who names the links of its entries: the configured address, unless a document
    /// was read at a host that is not on `private_hosts`, by a redirect, a mirror or
    /// an index.
    pub(super) fn links_named_by<'a>(&'a self, fetcher: &Fetcher, source: &'a Source) -> &'a str {
        self.read_at.iter().find(|url| !fetcher.lists(url)).unwrap_or(&source.url)
    }

    /// Whether only a host that is not on `private_hosts` names `link`, which leads to
    /// one that is, though `source` lies on one that is too: later requests would take
    /// the source for the one who names it.
    pub(super) fn is_foreign(&self, fetcher: &Fetcher, source: &Source, link: &str) -> bool {
        let is_named_by_ours = || fetcher.lists(self.links_named_by(fetcher, source));
        fetcher.lists(link) && fetcher.lists(&source.url) && !is_named_by_ours()
    }

    /// Whether there is something in it, or nothing has changed.
    fn is_well(&self) -> bool {
        match &self.kind {
            Kind::Fresh { feed, .. } => !feed.entries.is_empty() || !feed.sitemaps.is_empty(),
            Kind::Unchanged => true,
            _ => false,
        }
    }

    /// Where it was read, when that was not at the configured address.
    pub(super) fn read_from(&self) -> Option<&str> {
        self.elsewhere.as_ref().map(|elsewhere| elsewhere.url.as_str())
    }

    /// The hub it offers, or that it offers none; nothing where it did not say, or
    /// another address did.
    fn offer(&self, fetcher: &Fetcher, source: &Source) -> Option<Option<Offer>> {
        match &self.kind {
            Kind::Fresh { feed, .. } if self.elsewhere.is_none() => {
                let is_ours = |offer: &Offer| !self.is_foreign(fetcher, source, &offer.hub);
                Some(websub::offer(feed).filter(is_ours))
            }
            _ => None,
        }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Fresh { feed, .. } => &feed.entries[..feed.entries.len().min(ENTRIES_A_POLL_MAX)],
            _ => &[],
        }
    }

    pub(super) fn language(&self) -> Option<&str> {
        if let Kind::Fresh { feed, .. } = &self.kind { feed.language.as_deref() } else { None }
    }

    fn faults(&self) -> impl Iterator<Item = String> {
        let faults = if let Kind::Fresh { feed, .. } = &self.kind { feed.faults.as_slice() } else { &[] };
        let faults = faults.iter().map(|fault| format!("{}: {}", fault.place, fault.what));
        faults.chain(self.notes.iter().cloned())
    }

    fn outcome(&self) -> &'static str {
        match self.kind {
            Kind::Fresh { .. } => "fresh",
            Kind::Unchanged => "unchanged",
            Kind::Gone => "gone",
            Kind::Deferred(_) => "deferred",
            Kind::Failed(_) | Kind::Wrong(_) | Kind::Died => "failed",
        }
    }

    pub(super) fn seen(&self) -> Seen {
        match &self.kind {
            Kind::Fresh { feed, .. } => Seen::Entries(feed.entries.len()),
            Kind::Unchanged => Seen::Unchanged,
            Kind::Gone => Seen::Gone,
            Kind::Deferred(_) => Seen::Deferred,
            Kind::Wrong(_) => Seen::NotAFeed,
            Kind::Failed(error) if error.is_blocked() => Seen::Refused,
            Kind::Failed(error) if error.is_of_this_machine() => Seen::Unresolved,
            Kind::Failed(_) | Kind::Died => Seen::Failed,
        }
    }

    /// The name of its host could not be looked up.
    pub(super) fn is_of_names(&self) -> bool {
        matches!(&self.kind, Kind::Failed(error) if error.is_of_names())
    }

    pub(super) fn error(&self) -> Option<String> {
        match &self.kind {
            Kind::Wrong(error) => Some(error.to_string()),
            Kind::Failed(error) => Some(format!("failed to {}", Chain(error))),
            Kind::Died => Some("failed to read what it sends: a fault of newswatch; please report it".into()),
            Kind::Gone => {
                Some("the server says it is gone for good (410); remove it or find its successor".into())
            }
            _ => None,
        }
    }

    /// Why there is nothing in it; nothing where it said no more than that it has not changed.
    pub(super) fn emptiness(&self) -> Option<String> {
        let Kind::Fresh { feed, .. } = &self.kind else { return None };
        Some(match feed.faults.first().filter(|_| feed.dialect == Dialect::Page) {
            Some(fault) if fault.place == "item" => fault.what.clone(),
            Some(fault) => format!("nothing could be read of its items: {}: {}", fault.place, fault.what),
            None => "it answers with a feed that has nothing in it".into(),
        })
    }

    fn is_unreachable(&self) -> bool {
        matches!(&self.kind, Kind::Failed(error) if error.is_unreachable())
    }
}

/// Reads the sitemaps that an index lists, those for news first, then the newest;
/// the index alone holds no entries. `read_at` is where the index was read. Returns
/// where the sitemaps were.
pub async fn follow_sitemaps(fetcher: &Fetcher, feed: &mut Feed, read_at: &str) -> Vec<String> {
    let (named_by, none, mut urls) = (NamedBy::Document(read_at), Validators::default(), Vec::new());
    let mut sitemaps = std::mem::take(&mut feed.sitemaps);
    sitemaps.sort_by_key(|sitemap| (!is_news_sitemap(&sitemap.link), std::cmp::Reverse(sitemap.updated)));
    for sitemap in sitemaps.into_iter().take(SITEMAPS_A_POLL_MAX) {
        let what = match fetcher.poll(&sitemap.link, named_by, &none).await {
            Poll::Fresh(body) => {
                urls.push(body.url.clone());
                let read = move || feed::parse(&body.bytes, body.content_type.as_deref(), Some(&body.url));
                match off_thread(read).await {
                    Ok(listed) => {
                        feed.entries.extend(listed.entries);
                        feed.faults.extend(listed.faults);
                        continue;
                    }
                    Err(error) => error.to_string(),
                }
            }
            Poll::Failed(error) => format!("failed to {}", Chain(&error)),
            other => format!("no sitemap came: {other:?}"),
        };
        feed.faults.push(Fault { place: format!("sitemap `{}`", sitemap.link), what });
    }
    urls
}

/// An error with its first cause on one line; what lies between the two is the
/// plumbing of libraries.
pub struct Chain<'a>(pub &'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let causes = std::iter::successors(self.0.source(), |cause| cause.source());
        match causes.last() {
            Some(first) => write!(f, "{} ({first})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}
