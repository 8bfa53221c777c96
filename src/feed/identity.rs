//! Which entry is which: an identity that is the same at every poll.
//!
//! The guid, else the link without what trackers add to it, else a hash of what
//! the entry says. Never random, never the place in the feed; a guid or link
//! that stands for several stories is not believed.

use crate::feed::link::canonical;
use crate::feed::{Entry, Fault};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write;

/// Gives every entry an id. Guids that stand for several different stories are
/// not believed: these entries go by their links; and where one link stands for
/// several as well, by what they say.
pub fn settle(entries: &mut [Entry]) -> Vec<Fault> {
    let guids = entries.iter().map(|entry| entry.id.clone()).collect();
    let doubtful = forget_shared(entries, guids);
    let links =
        entries.iter().map(|entry| entry.link.as_deref().filter(|_| entry.id.is_none()).map(canonical));
    let links: Vec<_> = links.collect();
    let shared = shared(entries, &links);
    for ((entry, link), is_shared) in entries.iter_mut().zip(links).zip(&shared) {
        let guid = entry.id.take();
        entry.id = guid.or_else(|| link.filter(|_| !is_shared)).or_else(|| fingerprint(entry));
    }
    let count = |marks: &[bool]| marks.iter().filter(|mark| **mark).count();
    let fault = |count: usize, what: &str| {
        (count > 0).then(|| Fault {
            place: "entry id".into(),
            what: format!("{count} different entries share {what} are used instead"),
        })
    };
    let faults =
        [fault(count(&doubtful), "an id; their links"), fault(count(&shared), "a link; their titles")];
    faults.into_iter().flatten().collect()
}

/// Takes away ids that belong to several stories; says which.
fn forget_shared(entries: &mut [Entry], ids: Vec<Option<String>>) -> Vec<bool> {
    let doubtful = shared(entries, &ids);
    for (entry, is_doubtful) in entries.iter_mut().zip(&doubtful) {
        entry.id = entry.id.take().filter(|_| !is_doubtful);
    }
    doubtful
}

/// For each entry, whether its `key` also stands for another story.
fn shared(entries: &[Entry], keys: &[Option<String>]) -> Vec<bool> {
    let mut first: HashMap<&str, &Entry> = HashMap::new();
    let mut shared: HashMap<&str, bool> = HashMap::new();
    for (entry, key) in entries.iter().zip(keys) {
        let Some(key) = key.as_deref() else { continue };
        let other = *first.entry(key).or_insert(entry);
        *shared.entry(key).or_default() |= tells_another(other, entry);
    }
    keys.iter().map(|key| key.as_deref().is_some_and(|key| shared.get(key) == Some(&true))).collect()
}

/// Whether two entries are two stories. Two versions of one carry the same link
/// and the same date of publication (RFC 4287, 4.1.1, lists them under one id).
fn tells_another(one: &Entry, other: &Entry) -> bool {
    let is_one_publication =
        one.link == other.link && one.published.is_some() && one.published == other.published;
    said(one) != said(other) && !is_one_publication
}

/// What names an entry where nothing else does.
fn said(entry: &Entry) -> Option<&String> {
    entry.title.as_ref().or(entry.summary.as_ref()).or(entry.content.as_ref())
}

/// Identity of an entry that has no guid or link of its own: what it says, and
/// the link it shares or else the date it gives.
fn fingerprint(entry: &Entry) -> Option<String> {
    let said = said(entry)?;
    let date = || entry.published.or(entry.updated).map(|date| date.to_rfc3339()).unwrap_or_default();
    let rest = entry.link.as_deref().map_or_else(date, canonical);
    let digest = Sha256::digest(format!("{said}\n{rest}"));
    let mut id = "sha256:".to_owned();
    for byte in digest.iter().take(16) {
        let _ = write!(id, "{byte:02x}");
    }
    Some(id)
}
