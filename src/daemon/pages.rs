//! Reading the pages of articles of which the feed gave only the beginning.
//!
//! Invariant: every page is a commit of its own, made after the poll's; one that
//! is not read stays owed. A page that says less never replaces what says more.

use super::poll::Waits;
use super::sift::judge_one;
use super::source::Chain;
use super::{Desk, off_thread};
use crate::config::{FullText, Source};
use crate::extract::{self, Page};
use crate::fetch::{FetchError, NamedBy, Poll, Validators};
use crate::schedule;
use crate::store::{Look, PageOwed, Sight, StoreError};
use crate::story;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Pages read after one poll; the others wait for the next.
const PAGES_A_POLL_MAX: usize = 60;

/// Pages looked at again after one poll: a few conditional requests.
const LOOKS_A_POLL_MAX: usize = 3;

/// Time given to the pages of one poll: the source itself is due again.
const PAGES_PATIENCE: Duration = Duration::from_secs(5 * 60);

/// A site that fails this often in a row is left alone until the next poll.
const MISSES_IN_A_ROW_MAX: usize = 3;

/// Tries before a page is given up: with the waits between them a day and a half.
const TRIES_MAX: u32 = 9;
const RETRY_LEAST: Duration = Duration::from_secs(10 * 60);
const RETRY_MOST: Duration = Duration::from_secs(12 * 60 * 60);

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

impl Miss {
    fn later(why: impl Into<String>) -> Miss {
        Miss { why: why.into(), again: Again::Later }
    }
}

/// Reads the pages of `source` that are owed and due, and commits each; then looks
/// again at told ones, unless the site wants no more of us. Returns the matches in the
/// articles completed.
pub(super) async fn read(desk: &Arc<Desk>, source: &Source, waits: &Waits) -> Result<usize, StoreError> {
    let (matches, is_welcome) = read_owed(desk, source, waits).await?;
    if is_welcome && let Err(error) = look_again(desk, source, waits).await {
        let error = &error as &dyn std::error::Error;
        tracing::error!(source = source.name, error, "told pages were not looked at; trying again");
    }
    Ok(matches)
}

/// The matches in the articles completed, and whether the site can be asked for more.
async fn read_owed(desk: &Arc<Desk>, source: &Source, waits: &Waits) -> Result<(usize, bool), StoreError> {
    if source.full_text == FullText::Never {
        return Ok((0, true));
    }
    let (store, name) = (desk.store.clone(), source.name.clone());
    let due = off_thread(move || store.pages_owed(&name, Utc::now(), PAGES_A_POLL_MAX)).await?;
    let (began, mut misses, mut matches, mut faults) = (Instant::now(), 0, 0, Vec::new());
    let mut is_welcome = true;
    for owed in due {
        if began.elapsed() > PAGES_PATIENCE || misses >= MISSES_IN_A_ROW_MAX {
            is_welcome = false;
            break;
        }
        let link = owed.article.link.clone().unwrap_or_default();
        match read_one(desk, source, owed, waits).await? {
            Ok(found) => {
                misses = 0;
                matches += found;
            }
            Err(miss) => {
                misses += 1;
                faults.push(format!("page of `{link}` not read, matched on the feed's text: {}", miss.why));
                if let Again::From(until) = miss.again {
                    let (store, name) = (desk.store.clone(), source.name.clone());
                    off_thread(move || store.pages_rest(&name, until)).await?;
                    is_welcome = false;
                    break;
                }
            }
        }
    }
    if !faults.is_empty() {
        let (store, name) = (desk.store.clone(), source.name.clone());
        off_thread(move || store.note_faults(&name, &faults)).await?;
    }
    Ok((matches, is_welcome))
}

/// Looks again at pages of `source` that somebody was told of. Nothing here fails the
/// poll: what was not seen is looked at another day.
async fn look_again(desk: &Arc<Desk>, source: &Source, waits: &Waits) -> Result<(), StoreError> {
    let (store, name) = (desk.store.clone(), source.name.clone());
    let looks = off_thread(move || store.looks(&name, Utc::now(), LOOKS_A_POLL_MAX)).await?;
    for Look { article_id, link, validators } in looks {
        let named_by = NamedBy::Document(&source.url);
        let sight = sight(waits.on(desk.fetcher.page(&link, named_by, &validators)).await);
        if sight == Sight::Missing {
            look_at_witness(desk, source, article_id, waits).await?;
        }
        let (store, is_known) = (desk.store.clone(), sight != Sight::Unknown);
        if off_thread(move || store.looked(article_id, sight, Utc::now())).await? {
            tracing::info!(source = source.name, link, "the page of a told story is gone");
        }
        if !is_known {
            break;
        }
    }
    Ok(())
}

/// Looks at another page of the site before a missing one is called removed.
async fn look_at_witness(
    desk: &Arc<Desk>,
    source: &Source,
    article_id: i64,
    waits: &Waits,
) -> Result<(), StoreError> {
    let store = desk.store.clone();
    let Some(witness) = off_thread(move || store.witness(article_id, Utc::now())).await? else {
        return Ok(());
    };
    let named_by = NamedBy::Document(&source.url);
    let seen = sight(waits.on(desk.fetcher.page(&witness.link, named_by, &witness.validators)).await);
    let store = desk.store.clone();
    off_thread(move || store.looked(witness.article_id, seen, Utc::now())).await.map(drop)
}

/// What an answer says of the page itself. What stands behind a log-in is there.
fn sight(poll: Poll) -> Sight {
    match poll {
        Poll::Fresh(body) => Sight::There(Some(body.validators)),
        Poll::Unchanged => Sight::There(None),
        Poll::Gone | Poll::Failed(FetchError::NotFound { .. }) => Sight::Missing,
        Poll::Failed(FetchError::Blocked { .. }) => Sight::Shut,
        Poll::Deferred(_) | Poll::Failed(_) => Sight::Unknown,
    }
}

/// One try of one page, counted before it is made; its matches, or why it was missed.
async fn read_one(
    desk: &Arc<Desk>,
    source: &Source,
    owed: PageOwed,
    waits: &Waits,
) -> Result<Result<usize, Miss>, StoreError> {
    let (store, id, tries) = (desk.store.clone(), owed.article_id, owed.tries + 1);
    off_thread(move || store.page_try(id, next_try(tries, Utc::now()))).await?;
    let completed = match page_of(desk, source, &owed, waits).await {
        Ok(page) => complete(desk, owed, page).await?,
        Err(miss) => Err(miss),
    };
    if let Err(miss) = &completed {
        let (store, why, gives_up) =
            (desk.store.clone(), miss.why.clone(), matches!(miss.again, Again::Never));
        off_thread(move || store.page_missed(id, &why, gives_up)).await?;
    }
    Ok(completed)
}

/// When a page is tried again after so many tries; `None`: never.
fn next_try(tries: u32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let wait = TimeDelta::from_std(schedule::back_off(tries, RETRY_LEAST, RETRY_MOST)).ok()?;
    (tries < TRIES_MAX).then_some(now + wait)
}

async fn page_of(desk: &Desk, source: &Source, owed: &PageOwed, waits: &Waits) -> Result<Page, Miss> {
    let Some(link) = owed.article.link.as_deref() else {
        return Err(Miss { why: "it has no address".into(), again: Again::Never });
    };
    let (rules, named_by) = (source.rules.clone(), NamedBy::Document(&source.url));
    let body = match waits.on(desk.fetcher.page(link, named_by, &Validators::default())).await {
        Poll::Fresh(body) => body,
        Poll::Failed(error) => return Err(Miss::later(format!("failed to {}", Chain(&error)))),
        Poll::Gone => return Err(Miss { why: "it is gone (410)".into(), again: Again::Never }),
        Poll::Deferred(until) => {
            let why = format!("the server asks to come back at {until}");
            return Err(Miss { why, again: Again::From(until) });
        }
        Poll::Unchanged => return Err(Miss::later("the server said `304` to an unconditional request")),
    };
    let read = move || extract::page_by(&body.bytes, body.content_type.as_deref(), Some(&body.url), &rules);
    // Foreign HTML and other people's parsers: what dies of it is this page, not the poll.
    let page = tokio::task::spawn_blocking(read).await;
    let page = page.map_err(|_| Miss::later("newswatch failed to read it; please report it"))?;
    let known = owed.whole.as_deref().unwrap_or(&owed.article.text);
    // A script's shell, a consent wall or a challenge where the story should be.
    match page.text.is_empty() || page.text.len() * 2 < known.len() {
        true => Err(Miss::later("it holds far less text than is known of the story")),
        false => Ok(page),
    }
}

/// Matches the article with its whole text and commits it; its matches.
async fn complete(desk: &Arc<Desk>, owed: PageOwed, page: Page) -> Result<Result<usize, Miss>, StoreError> {
    let desk = desk.clone();
    off_thread(move || {
        let mut article = extract::with_page(owed.article.clone(), page);
        if let Some(whole) = &owed.whole
            && !story::revised(&article.title, whole, &article.title, &article.text)
        {
            article.text.clone_from(whole);
        }
        let new = judge_one(&desk, article, owed.entry_hash, owed.is_backlog);
        let matches = new.matches.len();
        desk.store.page_read(owed, new, Utc::now()).map(|()| Ok(matches))
    })
    .await
}
