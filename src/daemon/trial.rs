//! Trying a source: one poll as the daemon makes it, of which nothing is kept.
//!
//! Invariant: no database is opened, and a source is judged by the same rules as
//! when it is polled.

use super::off_thread;
use super::source::{self, Chain, HABIT_ARTICLES, Kind, ask};
use super::verdict::{Times, next_state};
use crate::config::{FullText, Source};
use crate::extract::{self, Page};
use crate::feed::Feed;
use crate::feed::charset;
use crate::fetch::{Body, Fetcher, NamedBy, Poll, Validators};
use crate::health::{Health, Seen};
use crate::page::{self, Found};
use crate::store::SourceState;
use chrono::{DateTime, Utc};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What trying a source showed.
#[derive(Debug)]
pub struct Trial {
    pub source: Source,
    /// How long it took to answer.
    pub took: Duration,
    /// Where it answered with a body.
    pub answer: Option<Body>,
    /// WHATWG name of the charset the body was read in.
    pub charset: Option<&'static str>,
    pub feed: Option<Feed>,
    /// Of a `[[page]]`.
    pub found: Vec<Found>,
    /// Whether it said `304` when asked again with the validators it gave; none
    /// where it gave none, or no answer.
    pub honours_validators: Option<bool>,
    /// The page of the first entry that has one.
    pub page: Option<(String, Result<Page, String>)>,
    pub health: Health,
    /// Why its health is what it is.
    pub reason: Option<String>,
    /// It asks not to be asked before then: no verdict.
    pub deferred_until: Option<DateTime<Utc>>,
}

/// Tries each of `sources`, so many at once. Trials come in the order they end.
pub async fn try_sources(
    fetcher: &Fetcher,
    sources: Vec<Source>,
    at_once_max: usize,
    mut tell: impl FnMut(Trial),
) {
    let mut waiting: VecDeque<_> = sources.into();
    let mut trials = JoinSet::new();
    loop {
        while trials.len() < at_once_max {
            let Some(source) = waiting.pop_front() else { break };
            let fetcher = fetcher.clone();
            trials.spawn(async move { try_source(&fetcher, source).await });
        }
        match trials.join_next().await {
            Some(Ok(trial)) => tell(trial),
            Some(Err(death)) => std::panic::resume_unwind(death.into_panic()),
            None => return,
        }
    }
}

async fn try_source(fetcher: &Fetcher, source: Source) -> Trial {
    let began = Instant::now();
    let poll = ask(fetcher, &source, &source.url, NamedBy::Config, &Validators::default()).await;
    let took = began.elapsed();
    let answer = if let Poll::Fresh(body) = &poll { Some(body.clone()) } else { None };
    let deferred_until = if let Poll::Deferred(until) = &poll { Some(*until) } else { None };
    let mut reading = source::read(&source, poll).await;
    let (source, answer, charset, found) = off_thread(move || {
        let (charset, found) = answer.as_ref().map_or((None, Vec::new()), |body| looked_at(&source, body));
        (source, answer, charset, found)
    })
    .await;
    reading.follow_sitemaps(fetcher).await;
    let links_named_by = reading.links_named_by(fetcher, &source).to_owned();
    let seen = reading.seen();
    let now = Utc::now();
    let state = next_state(
        &source,
        SourceState::default(),
        &reading,
        seen,
        Times { recent: times(&reading.kind, now), new: Vec::new() },
        now,
    );
    let health = match seen {
        // One failure condemns no source that was well before; this one is to be trusted yet.
        Seen::Failed => Health::Broken,
        _ => Health::of_word(&state.health),
    };
    let feed = if let Kind::Fresh { feed, .. } = reading.kind { Some(*feed) } else { None };
    let honours_validators = match &answer {
        Some(body) if body.validators != Validators::default() => {
            match ask(fetcher, &source, &source.url, NamedBy::Config, &body.validators).await {
                Poll::Unchanged => Some(true),
                Poll::Fresh(_) => Some(false),
                _ => None,
            }
        }
        _ => None,
    };
    let page = first_page(fetcher, &source, feed.as_ref(), NamedBy::Document(&links_named_by)).await;
    Trial {
        took,
        answer,
        charset,
        feed,
        found,
        honours_validators,
        page,
        health,
        reason: state.health_reason,
        deferred_until,
        source,
    }
}

fn looked_at(source: &Source, body: &Body) -> (Option<&'static str>, Vec<Found>) {
    let content_type = body.content_type.as_deref();
    match &source.selectors {
        None => (Some(charset::decode(&body.bytes, content_type, charset::Kind::Xml).charset), Vec::new()),
        Some(selectors) => (
            Some(charset::decode(&body.bytes, content_type, charset::Kind::Html).charset),
            page::found(&body.bytes, content_type, selectors),
        ),
    }
}

/// Times of the newest entries, newest first.
fn times(kind: &Kind, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let Kind::Fresh { feed, .. } = kind else { return Vec::new() };
    let dated = feed.entries.iter().filter_map(|entry| entry.published.or(entry.updated));
    let mut times: Vec<_> = dated.map(|at| at.min(now)).collect();
    times.sort_unstable_by(|a, b| b.cmp(a));
    times.truncate(HABIT_ARTICLES);
    times
}

/// Reads the page of the first entry that has one, as a poll would.
async fn first_page(
    fetcher: &Fetcher,
    source: &Source,
    feed: Option<&Feed>,
    named_by: NamedBy<'_>,
) -> Option<(String, Result<Page, String>)> {
    if source.full_text == FullText::Never {
        return None;
    }
    let link = feed?.entries.iter().find_map(|entry| entry.link.clone())?;
    let why = match fetcher.page(&link, named_by, &Validators::default()).await {
        Poll::Fresh(body) => {
            let rules = source.rules.clone();
            let read =
                move || extract::page_by(&body.bytes, body.content_type.as_deref(), Some(&body.url), &rules);
            return Some((link, Ok(off_thread(read).await)));
        }
        Poll::Failed(error) => format!("failed to {}", Chain(&error)),
        Poll::Gone => "it is gone (410)".into(),
        Poll::Deferred(until) => format!("the server asks to come back at {until}"),
        Poll::Unchanged => "the server said `304` to an unconditional request".into(),
    };
    Some((link, Err(why)))
}
