//! Reading the pages of articles of which the feed gave only the beginning.
//!
//! Invariant: every page is a commit of its own, made after the poll's; one that
//! is not read stays owed. A page that says less never replaces what says more.

use super::source::{Chain, judge_one};
use super::{Desk, off_thread};
use crate::config::{FullText, Source};
use crate::extract::{self, Page};
use crate::fetch::{FetchError, Poll, Validators};
use crate::schedule;
use crate::store::{PageOwed, StoreError};
use crate::story;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Pages read after one poll; the others wait for the next.
const PAGES_A_POLL_MAX: usize = 60;

/// Time given to the pages of one poll: the source itself is due again.
const PAGES_PATIENCE: Duration = Duration::from_secs(5 * 60);

/// A site that fails this often in a row is left alone until the next poll.
const MISSES_IN_A_ROW_MAX: usize = 3;

/// Tries before a page is given up: with the waits between them a day and a half.
const TRIES_MAX: u32 = 8;
const RETRY_LEAST: Duration = Duration::from_secs(10 * 60);
const RETRY_MOST: Duration = Duration::from_secs(12 * 60 * 60);

/// What reading the owed pages of a source came to.
#[derive(Debug, Default)]
pub(super) struct Pages {
    /// Matches in the articles completed.
    pub matches: usize,
    pub faults: Vec<String>,
}

/// Why there is no page, and whether asking again can help.
struct Miss {
    why: String,
    again: Again,
}

enum Again {
    Later,
    /// The site as a whole asks to be left alone until then.
    From(DateTime<Utc>),
    Never,
}

/// Reads the pages of `source` that are owed and due, and commits each.
pub(super) async fn read_owed(desk: &Arc<Desk>, source: &Source) -> Result<Pages, StoreError> {
    let mut pages = Pages::default();
    if source.full_text == FullText::Never {
        return Ok(pages);
    }
    let (store, name) = (desk.store.clone(), source.name.clone());
    let due = off_thread(move || store.pages_owed(&name, Utc::now(), PAGES_A_POLL_MAX)).await?;
    let (began, mut misses) = (Instant::now(), 0);
    for owed in due {
        if began.elapsed() > PAGES_PATIENCE || misses >= MISSES_IN_A_ROW_MAX {
            break;
        }
        match page_of(desk, source, &owed).await {
            Ok(page) => {
                misses = 0;
                pages.matches += complete(desk, owed, page).await?;
            }
            Err(miss) => {
                misses += usize::from(matches!(miss.again, Again::Later));
                let link = owed.article.link.as_deref().unwrap_or_default();
                pages
                    .faults
                    .push(format!("page of `{link}` not read, matched on the feed's text: {}", miss.why));
                let site_rests = matches!(miss.again, Again::From(_));
                note(desk, &owed, miss).await?;
                if site_rests {
                    break;
                }
            }
        }
    }
    Ok(pages)
}

async fn page_of(desk: &Desk, source: &Source, owed: &PageOwed) -> Result<Page, Miss> {
    let miss = |why: String, again| Err(Miss { why, again });
    let Some(link) = owed.article.link.as_deref() else {
        return miss("it has no address".into(), Again::Never);
    };
    let rules = source.rules.clone();
    match desk.fetcher.page(link, &Validators::default()).await {
        Poll::Fresh(body) => Ok(off_thread(move || {
            extract::page_by(&body.bytes, body.content_type.as_deref(), Some(&body.url), &rules)
        })
        .await),
        Poll::Failed(error @ (FetchError::Robots { .. } | FetchError::Refused(_))) => {
            miss(format!("failed to {}", Chain(&error)), Again::Never)
        }
        Poll::Failed(error) => miss(format!("failed to {}", Chain(&error)), Again::Later),
        Poll::Gone => miss("it is gone (410)".into(), Again::Never),
        Poll::Deferred(until) => miss(format!("the server asks to come back at {until}"), Again::From(until)),
        Poll::Unchanged => miss("the server said `304` to an unconditional request".into(), Again::Later),
    }
}

/// Matches the article with its whole text and commits it. Returns its matches.
async fn complete(desk: &Arc<Desk>, owed: PageOwed, page: Page) -> Result<usize, StoreError> {
    let desk = desk.clone();
    off_thread(move || {
        let mut article = extract::with_page(owed.article.clone(), page);
        // A consent wall where the story was: what was read before stays.
        if owed.is_whole && article.text.len() * 2 < owed.stored.len() {
            article.text = extract::joined(&owed.article.text, &owed.stored);
        }
        if owed.is_whole && !story::revised(&article.title, &owed.stored, &article.title, &article.text) {
            article.text.clone_from(&owed.stored);
        }
        let new = judge_one(&desk, article, owed.entry_hash, owed.is_backlog);
        let matches = new.matches.len();
        desk.store.page_read(owed, new, Utc::now()).map(|()| matches)
    })
    .await
}

async fn note(desk: &Arc<Desk>, owed: &PageOwed, miss: Miss) -> Result<(), StoreError> {
    let (store, id, now) = (desk.store.clone(), owed.article_id, Utc::now());
    let wait = schedule::back_off(owed.tries + 1, RETRY_LEAST, RETRY_MOST);
    let later = now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::hours(12));
    let next_try_at = match miss.again {
        Again::Later if owed.tries + 1 < TRIES_MAX => Some(later),
        Again::From(until) => Some(until),
        Again::Later | Again::Never => None,
    };
    off_thread(move || store.page_missed(id, &miss.why, next_try_at)).await
}
