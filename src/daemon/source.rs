//! One source's poll: from its address to what the store keeps.
//!
//! Invariant: entries, matches, what is owed for them and the validators they
//! came with are one commit; a body that could not be read advances no validator.

use super::{Desk, off_thread};
use crate::config::{FullText, Source};
use crate::extract::{self, Article};
use crate::feed::{self, Entry, Fault, Feed, NotAFeed};
use crate::fetch::{Body, FetchError, Poll, Validators};
use crate::health::{self, Health, Seen};
use crate::page;
use crate::schedule::{self, Rhythm};
use crate::store::{Known, NewArticle, Recording, SourceState, StoreError};
use crate::story;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Article pages fetched in one poll; a source that brings more new teasers than
/// this is matched on what its feed says, with a fault.
const PAGES_A_POLL_MAX: usize = 60;

/// Entries read of one poll, newest first as published.
const ENTRIES_A_POLL_MAX: usize = 2_000;

/// Sitemaps read of an index in one poll, newest first.
const SITEMAPS_A_POLL_MAX: usize = 4;

/// Articles that a source's rhythm is learned from.
const RHYTHM_ARTICLES: usize = 30;

/// Between looks at a source that says it is gone.
const GONE_REST: TimeDelta = TimeDelta::days(7);

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
    pub faults: Vec<String>,
    /// Why it failed, with its causes.
    pub error: Option<String>,
    /// Nothing answered at all: the network's fault or the host's.
    pub unreachable: bool,
}

/// Polls `source` and commits what came of it.
///
/// # Errors
/// The database; a source that fails is a [`Polled`] with an error.
pub async fn poll_source(
    desk: &Arc<Desk>,
    source: &Source,
    state: SourceState,
) -> Result<Polled, StoreError> {
    let began = Instant::now();
    let fetched = fetch(desk, source, &state).await;
    let mut reading = {
        let source = source.clone();
        off_thread(move || read(&source, fetched)).await
    };
    follow_sitemaps(desk, &mut reading).await;
    let (fresh, changed) = sift(desk, source, &reading).await?;
    let first = state.polled_at.is_none();
    let (fresh, mut faults) = complete(desk, source, fresh).await;
    let (changed, more) = complete(desk, source, changed).await;
    faults.extend(more);
    let (articles, changed) = {
        let desk = desk.clone();
        off_thread(move || (judge(&desk, fresh, first), judge_changed(&desk, changed))).await
    };
    let now = Utc::now();
    faults.extend(reading.faults());
    let recent = recent(desk, source, &articles).await?;
    let recording = Recording {
        state: next_state(source, state, &reading, recent, now),
        outcome: reading.outcome().into(),
        entries: reading.entries().len(),
        bytes: reading.bytes,
        millis: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        faults,
        articles,
        revisions: changed.revised,
        touched: changed.touched,
    };
    commit(desk, recording, reading, now).await
}

/// Times of the newest articles of a source, newest first: its rhythm.
async fn recent(desk: &Desk, source: &Source, new: &[NewArticle]) -> Result<Vec<DateTime<Utc>>, StoreError> {
    let (store, name) = (desk.store.clone(), source.name.clone());
    let mut times = off_thread(move || store.recent_times(&name, RHYTHM_ARTICLES)).await?;
    times.extend(new.iter().filter_map(|new| new.article.published_at));
    times.sort_unstable_by(|a, b| b.cmp(a));
    times.truncate(RHYTHM_ARTICLES);
    Ok(times)
}

async fn commit(
    desk: &Arc<Desk>,
    recording: Recording,
    reading: Reading,
    now: DateTime<Utc>,
) -> Result<Polled, StoreError> {
    let store = desk.store.clone();
    let (recording, rows) =
        off_thread(move || store.record(&recording, now).map(|rows| (recording, rows))).await?;
    let matches = |articles: &mut dyn Iterator<Item = &NewArticle>| -> usize {
        articles.map(|article| article.matches.len()).sum()
    };
    Ok(Polled {
        outcome: reading.outcome(),
        entries: recording.entries,
        new: rows.len(),
        revised: recording.revisions.len(),
        matches: matches(&mut recording.articles.iter())
            + matches(&mut recording.revisions.iter().map(|(_, article)| article)),
        error: recording.state.last_error.clone(),
        unreachable: reading.is_unreachable(),
        faults: recording.faults,
        state: recording.state,
    })
}

/// What a source answered, read.
#[derive(Debug)]
struct Reading {
    kind: Kind,
    bytes: usize,
}

#[derive(Debug)]
enum Kind {
    Fresh { feed: Box<Feed>, validators: Validators, max_age: Option<Duration>, moved_to: Option<String> },
    Wrong(NotAFeed),
    Unchanged,
    Gone,
    Deferred(DateTime<Utc>),
    Failed(FetchError),
}

async fn fetch(desk: &Desk, source: &Source, state: &SourceState) -> Poll {
    let url = state.moved_to.as_deref().unwrap_or(&source.url);
    match source.selectors {
        None => desk.fetcher.poll(url, &state.validators).await,
        Some(_) => desk.fetcher.page(url, &state.validators).await,
    }
}

fn read(source: &Source, poll: Poll) -> Reading {
    let bytes = if let Poll::Fresh(body) = &poll { body.bytes.len() } else { 0 };
    let kind = match poll {
        Poll::Fresh(body) => read_body(source, body),
        Poll::Unchanged => Kind::Unchanged,
        Poll::Gone => Kind::Gone,
        Poll::Deferred(until) => Kind::Deferred(until),
        Poll::Failed(error) => Kind::Failed(error),
    };
    Reading { kind, bytes }
}

fn read_body(source: &Source, body: Body) -> Kind {
    let content_type = body.content_type.as_deref();
    let feed = match &source.selectors {
        None => feed::parse(&body.bytes, content_type, Some(&body.url)),
        Some(selectors) => Ok(page::read(&body.bytes, content_type, &body.url, selectors)),
    };
    match feed {
        Ok(feed) => Kind::Fresh {
            feed: Box::new(feed),
            validators: body.validators,
            max_age: body.max_age,
            moved_to: body.moved_to,
        },
        Err(error) => Kind::Wrong(error),
    }
}

impl Reading {
    fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Fresh { feed, .. } => &feed.entries[..feed.entries.len().min(ENTRIES_A_POLL_MAX)],
            _ => &[],
        }
    }

    fn language(&self) -> Option<&str> {
        if let Kind::Fresh { feed, .. } = &self.kind { feed.language.as_deref() } else { None }
    }

    fn faults(&self) -> impl Iterator<Item = String> {
        let faults = if let Kind::Fresh { feed, .. } = &self.kind { feed.faults.as_slice() } else { &[] };
        faults.iter().map(|fault| format!("{}: {}", fault.place, fault.what))
    }

    fn outcome(&self) -> &'static str {
        match self.kind {
            Kind::Fresh { .. } => "fresh",
            Kind::Unchanged => "unchanged",
            Kind::Gone => "gone",
            Kind::Deferred(_) => "deferred",
            Kind::Failed(_) | Kind::Wrong(_) => "failed",
        }
    }

    fn seen(&self) -> Seen {
        match &self.kind {
            Kind::Fresh { feed, .. } => Seen::Entries(feed.entries.len()),
            Kind::Unchanged => Seen::Unchanged,
            Kind::Gone => Seen::Gone,
            Kind::Deferred(_) => Seen::Deferred,
            Kind::Wrong(_) => Seen::NotAFeed,
            Kind::Failed(error) if error.is_blocked() => Seen::Refused,
            Kind::Failed(_) => Seen::Failed,
        }
    }

    fn error(&self) -> Option<String> {
        match &self.kind {
            Kind::Wrong(error) => Some(error.to_string()),
            Kind::Failed(error) => Some(format!("failed to {}", Chain(error))),
            Kind::Gone => {
                Some("the server says it is gone for good (410); remove it or find its successor".into())
            }
            _ => None,
        }
    }

    fn is_unreachable(&self) -> bool {
        matches!(&self.kind, Kind::Failed(error) if error.is_unreachable())
    }
}

/// Reads the newest sitemaps that an index lists; the index alone holds no entries.
async fn follow_sitemaps(desk: &Desk, reading: &mut Reading) {
    let Kind::Fresh { feed, .. } = &mut reading.kind else { return };
    let mut sitemaps = std::mem::take(&mut feed.sitemaps);
    sitemaps.sort_by_key(|sitemap| std::cmp::Reverse(sitemap.updated));
    for sitemap in sitemaps.into_iter().take(SITEMAPS_A_POLL_MAX) {
        let what = match desk.fetcher.poll(&sitemap.link, &Validators::default()).await {
            Poll::Fresh(body) => {
                let read = move || feed::parse(&body.bytes, body.content_type.as_deref(), Some(&body.url));
                match off_thread(read).await {
                    Ok(listed) => {
                        feed.entries.extend(listed.entries);
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
}

/// An error with its causes on one line.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// An entry on its way to become a stored article.
struct Draft {
    entry: Entry,
    article: Article,
    /// The stored article it is a new version of.
    known: Option<Known>,
}

/// The entries never seen before, and those whose published text has changed.
async fn sift(
    desk: &Arc<Desk>,
    source: &Source,
    reading: &Reading,
) -> Result<(Vec<Draft>, Vec<Draft>), StoreError> {
    let language = source.language.as_deref().or(reading.language());
    let mut met = HashSet::new();
    let drafts: Vec<(Entry, Article)> = reading
        .entries()
        .iter()
        .map(|entry| (entry.clone(), extract::article(&source.name, entry, language)))
        .filter(|(_, article)| met.insert(article.identity.clone()))
        .collect();
    let identities: Vec<_> = drafts.iter().map(|(_, article)| article.identity.clone()).collect();
    let (store, name) = (desk.store.clone(), source.name.clone());
    let known = off_thread(move || store.known(&name, &identities)).await?;
    let mut fresh = Vec::new();
    let mut changed = Vec::new();
    for ((entry, article), known) in drafts.into_iter().zip(known) {
        match known {
            None => fresh.push(Draft { entry, article, known: None }),
            Some(known) if known.article_id != 0 && known.entry_hash != story::entry_hash(&entry) => {
                changed.push(Draft { entry, article, known: Some(known) });
            }
            Some(_) => {}
        }
    }
    Ok((fresh, changed))
}

/// Fetches the article's page where the feed does not hold the whole text.
async fn complete(desk: &Desk, source: &Source, drafts: Vec<Draft>) -> (Vec<Draft>, Vec<String>) {
    let mut done = Vec::with_capacity(drafts.len());
    let mut faults = Vec::new();
    let mut pages = 0;
    for mut draft in drafts {
        let wanted = match source.full_text {
            FullText::Never => false,
            FullText::Always => true,
            FullText::Auto => extract::teaser_only(&draft.entry),
        };
        if let Some(link) = draft.article.link.clone().filter(|_| wanted && pages < PAGES_A_POLL_MAX) {
            pages += 1;
            match page_of(desk, source, &link).await {
                Ok(page) => draft.article = extract::with_page(draft.article, page),
                Err(why) => {
                    faults.push(format!("page of `{link}` not read, matched on the feed's text: {why}"))
                }
            }
        }
        done.push(draft);
    }
    (done, faults)
}

async fn page_of(desk: &Desk, source: &Source, link: &str) -> Result<extract::Page, String> {
    let rules = source.rules.clone();
    match desk.fetcher.page(link, &Validators::default()).await {
        Poll::Fresh(body) => Ok(off_thread(move || {
            extract::page_by(&body.bytes, body.content_type.as_deref(), Some(&body.url), &rules)
        })
        .await),
        Poll::Failed(error) => Err(format!("failed to {}", Chain(&error))),
        Poll::Gone => Err("it is gone (410)".into()),
        Poll::Deferred(until) => Err(format!("the server asks to come back at {until}")),
        Poll::Unchanged => Err("the server said `304` to an unconditional request".into()),
    }
}

/// Matches the drafts and says who is owed what.
fn judge(desk: &Desk, drafts: Vec<Draft>, first: bool) -> Vec<NewArticle> {
    let (entries, articles): (Vec<_>, Vec<_>) =
        drafts.into_iter().map(|draft| (draft.entry, draft.article)).unzip();
    let matches = desk.config.watch_list.scan(&articles);
    let judged = entries.iter().zip(articles).zip(matches);
    judged
        .map(|((entry, article), matches)| NewArticle {
            fingerprint: story::fingerprint(&article.title, &article.text).0,
            entry_hash: story::entry_hash(entry),
            owed: owed(desk, &matches, first),
            article,
            matches,
        })
        .collect()
}

/// Known articles whose entry has changed, by row.
struct Changed {
    revised: Vec<(i64, NewArticle)>,
    /// Another teaser over the same text: noted, so that it is not looked at
    /// again, but no revision.
    touched: Vec<(i64, u64)>,
}

fn judge_changed(desk: &Desk, drafts: Vec<Draft>) -> Changed {
    let (mut ids, mut revised, mut touched) = (Vec::new(), Vec::new(), Vec::new());
    for draft in drafts {
        let Some(known) = &draft.known else { continue };
        let article = &draft.article;
        if story::revised(&known.title, &known.text, &article.title, &article.text) {
            ids.push(known.article_id);
            revised.push(draft);
        } else {
            touched.push((known.article_id, story::entry_hash(&draft.entry)));
        }
    }
    Changed { revised: ids.into_iter().zip(judge(desk, revised, false)).collect(), touched }
}

/// What each plan owes its recipients. The first poll of a source brings its past:
/// that goes into the digest, where there is one, and wakes nobody.
fn owed(
    desk: &Desk,
    matches: &[crate::watch::Match],
    first: bool,
) -> Vec<(String, usize, crate::digest::Urgency)> {
    use crate::digest::Urgency;
    let mut owed = Vec::new();
    for (index, found) in matches.iter().enumerate() {
        for plan in &desk.config.plans {
            let Some(urgency) = plan.wants(found) else { continue };
            let urgency = if first && plan.cron.is_some() { Urgency::Digest } else { urgency };
            owed.push((plan.name.clone(), index, urgency));
        }
    }
    owed
}

/// What is known of the source after this poll.
fn next_state(
    source: &Source,
    before: SourceState,
    reading: &Reading,
    recent: Vec<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> SourceState {
    let seen = reading.seen();
    let failed = matches!(seen, Seen::Failed | Seen::Refused | Seen::NotAFeed | Seen::Gone);
    let mut state = before.clone();
    state.failures = match seen {
        Seen::Deferred => before.failures,
        _ if failed => before.failures.saturating_add(1),
        _ => 0,
    };
    state.polled_at = Some(now);
    state.not_before = None;
    state.last_error = reading.error();
    let mut rhythm = Rhythm { failures: state.failures, recent, ..Rhythm::default() };
    match &reading.kind {
        Kind::Fresh { feed, validators, max_age, moved_to } => {
            state.validators = validators.clone();
            state.moved_to = moved_to.clone().or(before.moved_to);
            let ttl = feed.ttl_minutes.map(|minutes| Duration::from_secs(u64::from(minutes) * 60));
            rhythm.asked = ttl.max(*max_age);
        }
        Kind::Deferred(until) => state.not_before = Some(*until),
        _ => {}
    }
    rhythm.not_before = state.not_before;
    let health = Health::of_word(&before.health);
    let verdict = health::judge(health, seen, state.failures, state.moved_to.is_some());
    if verdict != health || before.health_since_at.is_none() {
        state.health_since_at = Some(now);
    }
    state.health = verdict.to_string();
    if !verdict.is_sick() && !failed {
        state.healthy_at = Some(now);
    }
    let next = schedule::next_poll(&source.cadence, &rhythm, now, schedule::jitter(&source.name));
    state.next_poll_at = Some(if seen == Seen::Gone { now + GONE_REST } else { next });
    state
}
