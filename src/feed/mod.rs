//! Feed bytes to entries.
//!
//! Invariant: parsing cannot fail on a part. What can be read is returned, what
//! cannot is listed as a [`Fault`]; only a document that is no feed at all is
//! refused. No clock, no network, no identity from volatile data.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use chrono::{DateTime, Utc};
use serde::Serialize;

/// A parsed feed: what it says of itself, its entries, and what was wrong with it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Feed {
    /// Title as plain text.
    pub title: Option<String>,
    /// The site's page, absolute where a base is known.
    pub link: Option<String>,
    /// BCP 47 tag as published.
    pub language: Option<String>,
    /// The feed's own identifier.
    pub id: Option<String>,
    /// Description or subtitle, may hold HTML.
    pub description: Option<String>,
    /// Last change.
    pub updated: Option<DateTime<Utc>>,
    /// First publication.
    pub published: Option<DateTime<Utc>>,
    /// Names, with address where only that was given.
    pub authors: Vec<String>,
    /// Category terms.
    pub categories: Vec<String>,
    /// Minutes the publisher asks us to wait between polls (RSS `ttl`, `sy:`).
    pub ttl_minutes: Option<u32>,
    /// WebSub hubs (`rel=hub`).
    pub hubs: Vec<String>,
    /// Items in document order.
    pub entries: Vec<Entry>,
    /// What was wrong without stopping us.
    pub faults: Vec<Fault>,
}

/// One item as the source published it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Entry {
    /// guid, else link, else a hash of title and date; never random.
    pub id: Option<String>,
    /// Title, may hold markup as published.
    pub title: Option<String>,
    /// Absolute address of the story's page.
    pub link: Option<String>,
    /// First publication.
    pub published: Option<DateTime<Utc>>,
    /// Last change.
    pub updated: Option<DateTime<Utc>>,
    /// Teaser, may hold HTML.
    pub summary: Option<String>,
    /// Whole text, may hold HTML.
    pub content: Option<String>,
    /// Names, with address where only that was given.
    pub authors: Vec<String>,
    /// Category terms.
    pub categories: Vec<String>,
    /// Language of this entry where it differs from the feed's (`xml:lang`).
    #[serde(skip)]
    pub language: Option<String>,
}

/// Something wrong in a source that did not stop us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Which part, in words a publisher understands: `entry 3 pubDate`.
    #[serde(rename = "where")]
    pub place: String,
    /// What is wrong with it: ``unreadable date `31 Febtember` ``.
    pub what: String,
}

/// Why a document is no feed: empty, an HTML page, something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAFeed(pub String);

/// Reads `body` as a feed of any dialect.
///
/// `content_type` is the HTTP header's value, `url` the address the bytes came
/// from: the base of relative links.
///
/// # Errors
/// [`NotAFeed`] only when no dialect is recognised.
pub fn parse(_body: &[u8], _content_type: Option<&str>, _url: Option<&str>) -> Result<Feed, NotAFeed> {
    Err(NotAFeed("not built yet".into()))
}
