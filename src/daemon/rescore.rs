//! The stored history matched anew, and what is new in it told as history.
//!
//! Invariant: works beside a running daemon, in transactions of a page each; cut
//! off anywhere, what is stored is owed, and the next run tells it. Each plan gets
//! one digest, however much was found.

use super::tell::{News, TellError, tell};
use crate::config::Config;
use crate::digest::{Plan, Urgency, Window};
use crate::store::{Asked, Difference, Past, Store, StoreError, Verdict};
use crate::watch::{Match, WatchList};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// Looks at an article that is revised meanwhile, and tries to tell what others
/// tell from: beyond that something is wrong, and the next run goes on.
const TRIES_MAX: usize = 5;

/// An article with what the watches find in it now.
#[derive(Debug)]
pub struct Rescored<'a> {
    pub past: &'a Past,
    pub matches: &'a [Match],
    pub difference: &'a Difference,
}

/// Matches the articles first seen since then, else all, with `list`, and shows
/// each to `see`, newest first. With `write` the store follows. Returns how many
/// articles there were.
///
/// # Errors
/// The database; what was written until then stays.
pub fn rescore(
    store: &Store,
    list: &WatchList,
    plans: &[Plan],
    since: Option<DateTime<Utc>>,
    write: bool,
    mut see: impl FnMut(&Rescored<'_>),
) -> Result<u64, StoreError> {
    let watches = list.watches().map(|watch| watch.name.clone()).collect();
    let asked = Arc::new(Asked { watches, plans: plans.to_vec() });
    let mut articles = 0;
    for page in store.history(since) {
        let mut page = page?;
        articles += page.len() as u64;
        for _ in 0..TRIES_MAX {
            let revised = judge(store, list, &asked, &page, write, &mut see)?;
            page =
                revised.into_iter().filter_map(|id| store.past(id).transpose()).collect::<Result<_, _>>()?;
            if page.is_empty() {
                break;
            }
        }
    }
    Ok(articles)
}

/// One page. Returns the articles that were revised since they were read.
fn judge(
    store: &Store,
    list: &WatchList,
    asked: &Arc<Asked>,
    page: &[Past],
    write: bool,
    see: &mut impl FnMut(&Rescored<'_>),
) -> Result<Vec<i64>, StoreError> {
    let verdict = |past: &Past| Verdict {
        article_id: past.article_id,
        version: past.version.clone(),
        matches: list.look(&past.article).matches,
    };
    let verdicts: Vec<Verdict> = page.iter().map(verdict).collect();
    let compared = store.compare(&verdicts, asked)?;
    // Most pages change nothing, and the writer is not asked for them.
    let differences: Vec<Option<Difference>> = match write && compared.iter().any(|one| !one.is_empty()) {
        true => store.rescore(verdicts.clone(), asked, Utc::now())?,
        false => compared.into_iter().map(Some).collect(),
    };
    let mut revised = Vec::new();
    for ((past, verdict), difference) in page.iter().zip(&verdicts).zip(differences) {
        match difference {
            Some(difference) => see(&Rescored { past, matches: &verdict.matches, difference: &difference }),
            None => revised.push(past.article_id),
        }
    }
    Ok(revised)
}

/// Writes one mail a recipient for everything that each plan is owed as history.
/// Returns how many mails.
///
/// # Errors
/// The database, or an address that cannot be mailed to.
pub fn tell_history(store: &Store, config: &Config, now: DateTime<Utc>) -> Result<usize, TellError> {
    let mut mails = 0;
    for plan in &config.plans {
        // Another teller may have taken some of it between reading and writing.
        for _ in 0..TRIES_MAX {
            let owed = store.owed(&plan.name, Some(Urgency::History), None)?;
            let Some(first) = owed.iter().flat_map(|(_, rows)| rows).min() else { break };
            let from = owed.iter().map(|(item, _)| item.first_seen_at).min().unwrap_or(now);
            let window = Window { from, to: now, urgency: Urgency::History };
            let slot = format!("history {first}");
            let news =
                News { slot, window, owed: &owed, edited: &[], removed: Vec::new(), spikes: Vec::new() };
            mails += tell((config, store), plan, news, now)?;
        }
    }
    Ok(mails)
}
