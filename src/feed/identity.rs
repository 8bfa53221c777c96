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
    // As the store will compare them: what only counts clicks tells nothing apart.
    let guids: Vec<_> = entries.iter().map(|entry| entry.id.as_deref().map(canonical)).collect();
    let doubtful =
        shared(entries, &guids, |one, other| tells_another(one, other) && !are_versions(one, other));
    for (entry, is_doubtful) in entries.iter_mut().zip(&doubtful) {
        entry.id = entry.id.take().filter(|_| !is_doubtful);
    }
    let links =
        entries.iter().map(|entry| entry.link.as_deref().filter(|_| entry.id.is_none()).map(canonical));
    let links: Vec<_> = links.collect();
    let shared = shared(entries, &links, tells_another);
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

/// For each entry, whether its `key` also stands for one that `differs`.
fn shared(entries: &[Entry], keys: &[Option<String>], differs: impl Fn(&Entry, &Entry) -> bool) -> Vec<bool> {
    let mut first: HashMap<&str, &Entry> = HashMap::new();
    let mut shared: HashMap<&str, bool> = HashMap::new();
    for (entry, key) in entries.iter().zip(keys) {
        let Some(key) = key.as_deref() else { continue };
        let other = *first.entry(key).or_insert(entry);
        *shared.entry(key).or_default() |= differs(other, entry);
    }
    keys.iter().map(|key| key.as_deref().is_some_and(|key| shared.get(key) == Some(&true))).collect()
}

/// Whether two entries are two stories: another title, or another day's text under
/// the same one.
fn tells_another(one: &Entry, other: &Entry) -> bool {
    let text = |entry: &Entry| (entry.summary.clone(), entry.content.clone());
    one.title != other.title || (one.published != other.published && text(one) != text(other))
}

/// Whether two entries of one id are versions of one story, which Atom lists side
/// by side, each with the time of its change (RFC 4287, 4.1.1).
fn are_versions(one: &Entry, other: &Entry) -> bool {
    one.link == other.link && one.updated.is_some() && other.updated.is_some() && one.updated != other.updated
}

/// Identity of an entry that has no guid or link of its own: what it says, the
/// link it shares, and the date it gives.
pub fn fingerprint(entry: &Entry) -> Option<String> {
    let said = entry.title.as_ref().or(entry.summary.as_ref()).or(entry.content.as_ref())?;
    let link = entry.link.as_deref().map(canonical).unwrap_or_default();
    // A link holds an entry together over its edits, so only a publication counts.
    let date = if link.is_empty() { entry.published.or(entry.updated) } else { entry.published };
    let date = date.map(|date| date.to_rfc3339()).unwrap_or_default();
    let digest = Sha256::digest(format!("{said}\n{link}\n{date}"));
    let mut id = "sha256:".to_owned();
    for byte in digest.iter().take(16) {
        let _ = write!(id, "{byte:02x}");
    }
    Some(id)
}
