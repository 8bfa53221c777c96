//! Which entry is which: an identity that is the same at every poll.
//!
//! The guid, else the link without what trackers add to it, else a hash of what
//! the entry says and when. Never random, never the place in the feed.

use crate::feed::{Entry, Fault};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write;

/// Parameters that count readers and change from poll to poll, by how they begin.
const TRACKERS: &[&str] = &[
    "utm_",
    "at_",
    "mc_",
    "pk_",
    "mtm_",
    "fbclid",
    "gclid",
    "yclid",
    "ysclid",
    "dclid",
    "msclkid",
    "igshid",
    "_openstat",
    "wt_mc",
    "wt.mc",
    "xtor",
    "cmpid",
    "ocid",
    "ns_mchannel",
    "ns_source",
    "ns_campaign",
    "ns_linkname",
    "ns_fee",
    "phpsessid",
    "jsessionid",
    "sessionid",
];

/// Gives every entry an id. Guids that stand for several different stories are
/// not believed: these entries go by their links.
pub fn settle(entries: &mut [Entry]) -> Option<Fault> {
    let doubtful = shared_ids(entries);
    for (entry, is_doubtful) in entries.iter_mut().zip(&doubtful) {
        let guid = entry.id.take().filter(|_| !is_doubtful);
        entry.id = guid.or_else(|| entry.link.as_deref().map(stable_link)).or_else(|| fingerprint(entry));
    }
    let count = doubtful.iter().filter(|is_doubtful| **is_doubtful).count();
    (count > 0).then(|| Fault {
        place: "entry id".into(),
        what: format!("{count} different entries share an id; their links are used instead"),
    })
}

/// For each entry, whether its id also belongs to an entry of another link and title.
fn shared_ids(entries: &[Entry]) -> Vec<bool> {
    let mut first: HashMap<&str, &Entry> = HashMap::new();
    let mut shared: HashMap<&str, bool> = HashMap::new();
    for entry in entries {
        let Some(id) = entry.id.as_deref() else { continue };
        let other = *first.entry(id).or_insert(entry);
        let differs = other.link.is_some()
            && entry.link.is_some()
            && other.link != entry.link
            && other.title != entry.title;
        *shared.entry(id).or_default() |= differs;
    }
    let is_shared = |entry: &Entry| entry.id.as_deref().is_some_and(|id| shared.get(id) == Some(&true));
    entries.iter().map(is_shared).collect()
}

/// A link without its tracking parameters.
fn stable_link(link: &str) -> String {
    let (address, fragment) =
        link.split_once('#').map_or((link, None), |(address, fragment)| (address, Some(fragment)));
    let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
    let kept: Vec<_> =
        query.unwrap_or_default().split('&').filter(|part| !part.is_empty() && !is_tracker(part)).collect();
    let mut stable = path.to_owned();
    if !kept.is_empty() {
        stable = stable + "?" + &kept.join("&");
    }
    match fragment.filter(|fragment| !is_tracker(fragment) && !fragment.is_empty()) {
        Some(fragment) => stable + "#" + fragment,
        None => stable,
    }
}

fn is_tracker(parameter: &str) -> bool {
    let lower = parameter.trim_start_matches("amp;").to_ascii_lowercase();
    TRACKERS.iter().any(|tracker| lower.starts_with(tracker))
}

/// Identity of an entry that has neither guid nor link: what it says and when.
fn fingerprint(entry: &Entry) -> Option<String> {
    let said = entry.title.as_ref().or(entry.summary.as_ref()).or(entry.content.as_ref())?;
    let date = entry.published.or(entry.updated).map(|date| date.to_rfc3339()).unwrap_or_default();
    let digest = Sha256::digest(format!("{said}\n{date}"));
    let mut id = "sha256:".to_owned();
    for byte in digest.iter().take(16) {
        let _ = write!(id, "{byte:02x}");
    }
    Some(id)
}
