//! Feed bytes to entries.
//!
//! Invariant: parsing cannot fail on a part. What can be read is returned, what
//! cannot is listed as a [`Fault`]; only a document that is no feed at all is
//! refused. No clock, no network, no identity from volatile data. Time and
//! memory are linear in the input and bounded by the limits below.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod charset;
pub mod dates;
pub mod discover;
mod entities;
pub mod header;
pub mod identity;
mod json;
pub mod link;
mod map;
pub mod opml;
mod tokens;
mod tree;

use crate::feed::tree::{Space, Tree};
use charset::Kind;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;
use url::Url;

/// Longer documents are refused, in bytes after decompression.
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Entries read of one document; more are a fault.
pub const ENTRIES_MAX: usize = 20_000;
/// Bytes kept of one text; the rest is cut off.
pub const TEXT_BYTES_MAX: usize = 1024 * 1024;
/// Characters of a headline made from the text of an entry without a title.
const HEADLINE_CHARS_MAX: usize = 100;
/// Faults listed of one document.
pub const FAULTS_MAX: usize = 100;

/// A parsed feed: what it says of itself, its entries, and what was wrong with it.
///
/// Its JSON is the `feed` object of `newswatch parse`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
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
    #[serde(skip)]
    pub ttl_minutes: Option<u32>,
    /// WebSub hubs (`rel=hub`).
    #[serde(skip)]
    pub hubs: Vec<String>,
    /// Where the feed itself says it stands (`rel=self`), absolute: its WebSub topic.
    #[serde(skip)]
    pub own: Option<String>,
    /// Other sitemaps, where the document is a sitemap index.
    #[serde(skip)]
    pub sitemaps: Vec<Sitemap>,
    /// What kind of document it came as.
    #[serde(skip)]
    pub dialect: Dialect,
    /// Whether the document broke off before its end, so that entries may be missing.
    #[serde(skip)]
    pub cut_short: bool,
    /// Items in document order.
    #[serde(skip)]
    pub entries: Vec<Entry>,
    /// What was wrong without stopping us.
    #[serde(skip)]
    pub faults: Vec<Fault>,
}

/// What kind of document a feed came as. Fields are read alike in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// 0.9x or 2.0.
    #[default]
    Rss,
    /// RSS 0.90 or 1.0, which are RDF.
    Rdf,
    Atom,
    Cdf,
    JsonFeed,
    /// A sitemap with titles and dates for news search (`news:`).
    NewsSitemap,
    /// Addresses and dates alone.
    Sitemap,
    SitemapIndex,
    /// A page read with the user's selectors.
    Page,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Dialect::Rss => "RSS",
            Dialect::Rdf => "RSS 1.0",
            Dialect::Atom => "Atom",
            Dialect::Cdf => "CDF",
            Dialect::JsonFeed => "JSON Feed",
            Dialect::NewsSitemap => "news sitemap",
            Dialect::Sitemap => "sitemap",
            Dialect::SitemapIndex => "sitemap index",
            Dialect::Page => "page",
        })
    }
}

/// A sitemap named by a sitemap index (sitemaps.org protocol).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sitemap {
    /// Where it is.
    pub link: String,
    /// Last change, to choose the fresh ones by.
    pub updated: Option<DateTime<Utc>>,
}

/// One item as the source published it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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
/// [`NotAFeed`] when no dialect is recognised, or the body is over [`BODY_BYTES_MAX`].
pub fn parse(body: &[u8], content_type: Option<&str>, url: Option<&str>) -> Result<Feed, NotAFeed> {
    if body.len() > BODY_BYTES_MAX {
        return Err(NotAFeed(format!("the body is larger than {BODY_BYTES_MAX} bytes")));
    }
    let decoded = charset::decode(body, content_type, Kind::Xml);
    let mut feed = if json::is_json(&decoded.text) {
        json::read(&decoded.text, ENTRIES_MAX).ok_or_else(|| NotAFeed("JSON, but not a JSON Feed".into()))?
    } else {
        read_markup(&decoded.text)?
    };
    feed.faults.splice(0..0, decoded.fault.map(|what| document_fault(&what)));
    settle(&mut feed, url);
    feed.faults.truncate(FAULTS_MAX);
    Ok(feed)
}

fn read_markup(text: &str) -> Result<Feed, NotAFeed> {
    let (mut entries, mut faults, mut sitemaps) = (Vec::new(), Vec::new(), Vec::new());
    let (mut is_full, mut is_news) = (false, false);
    let outline = tree::read(text, |tree, node, whole| {
        is_full = entries.len() + sitemaps.len() >= ENTRIES_MAX;
        if is_full {
            return false;
        }
        is_news |= tree.children(node).any(|child| tree.name(child) == Some((Space::News, "news")));
        let entry = map::entry(tree, node, entries.len() + 1, &mut faults);
        faults.truncate(FAULTS_MAX);
        if tree.name(node).is_some_and(|(_, name)| name == "sitemap") {
            sitemaps.extend(entry.link.map(|link| Sitemap { link, updated: entry.updated }));
            return true;
        }
        // Half an entry without its identity would come back as another one.
        if whole || entry.id.is_some() || entry.link.is_some() {
            entries.push(entry);
        }
        true
    });
    let Some(root) = outline.root.as_deref() else { return Err(not_a_feed(text)) };
    let mut feed = map::feed(&outline.tree);
    feed.dialect = dialect(root, is_news, &outline.tree);
    feed.cut_short = outline.truncated;
    // The document's own faults come first: they may explain the others.
    let mut document: Vec<_> = outline.faults.iter().map(|what| document_fault(what)).collect();
    if outline.truncated {
        document.push(document_fault("cut off before its end"));
    }
    if is_full {
        document.push(document_fault(&format!("more than {ENTRIES_MAX} entries; the rest was not read")));
    }
    feed.faults.splice(0..0, document);
    feed.faults.append(&mut faults);
    feed.entries = entries;
    feed.sitemaps = sitemaps;
    Ok(feed)
}

fn dialect(root: &str, is_news: bool, tree: &Tree<'_>) -> Dialect {
    let channel = |node: &usize| tree.name(*node).is_some_and(|(_, name)| name == "channel");
    match root {
        "rdf" => Dialect::Rdf,
        "feed" | "entry" => Dialect::Atom,
        "sitemapindex" => Dialect::SitemapIndex,
        "urlset" if is_news => Dialect::NewsSitemap,
        "urlset" => Dialect::Sitemap,
        // CDF says in attributes what RSS says in elements.
        "channel" => match tree.children(Tree::root()).find(channel) {
            Some(node) if tree.attribute(node, "href").is_some() => Dialect::Cdf,
            _ => Dialect::Rss,
        },
        _ => Dialect::Rss,
    }
}

fn document_fault(what: &str) -> Fault {
    Fault { place: "document".into(), what: what.to_owned() }
}

fn not_a_feed(text: &str) -> NotAFeed {
    let start = text.trim_start();
    let start = &start[..start.floor_char_boundary(1024)];
    let lower = start.to_ascii_lowercase();
    NotAFeed(match () {
        () if start.is_empty() => "the body is empty".into(),
        () if lower.contains("<html") || lower.contains("<!doctype html") => {
            "an HTML page, not a feed; try `sources discover` with its address".into()
        }
        () => "neither RSS, Atom, RDF, CDF, JSON Feed nor a sitemap".into(),
    })
}

/// Lets the hubs and the own address that stand in an answer's `Link` fields go before
/// those of the document (WebSub, 4).
pub fn announce(feed: &mut Feed, fields: &[String], url: &str) {
    let hubs = header::linked(fields, "hub", Some(url));
    let own = header::linked(fields, "self", Some(url)).into_iter().next();
    if !hubs.is_empty() {
        feed.hubs = hubs;
    }
    feed.own = own.or_else(|| feed.own.take());
}

/// What needs the whole feed: relative links, inherited authors, identities, titles.
fn settle(feed: &mut Feed, url: Option<&str>) {
    let document = url.and_then(|url| Url::parse(url).ok());
    feed.link = feed.link.take().and_then(|link| absolute(link, document.as_ref()));
    feed.own = feed.own.take().and_then(|own| absolute(own, document.as_ref()));
    let hubs = std::mem::take(&mut feed.hubs);
    feed.hubs.extend(hubs.into_iter().filter_map(|hub| absolute(hub, document.as_ref())));
    let site = feed.link.as_deref().and_then(|link| Url::parse(link).ok());
    let base = site.or(document);
    for entry in &mut feed.entries {
        entry.link = entry.link.take().and_then(|link| absolute(link, base.as_ref()));
        if entry.authors.is_empty() {
            entry.authors.clone_from(&feed.authors);
        }
        if entry.language == feed.language {
            entry.language = None;
        }
    }
    feed.faults.extend(identity::settle(&mut feed.entries));
    for entry in &mut feed.entries {
        entry.title = entry.title.take().or_else(|| headline(entry)).or_else(|| entry.link.clone());
    }
    feed.link = feed.link.take().or_else(|| url.map(str::to_owned));
    feed.title = feed.title.take().or_else(|| feed.link.clone());
}

/// A headline for an entry without a title: how its text begins.
fn headline(entry: &Entry) -> Option<String> {
    let text = entry.summary.as_deref().or(entry.content.as_deref())?;
    // Enough for the headline even when much of it is markup.
    let start = truncate(text, HEADLINE_CHARS_MAX * 40);
    let plain = tokens::plain_text(start);
    let mut words = plain.split_whitespace();
    let mut headline = words.next()?.to_owned();
    for word in words {
        if headline.chars().count() + word.chars().count() >= HEADLINE_CHARS_MAX {
            headline.push('…');
            break;
        }
        headline = headline + " " + word;
    }
    Some(map::as_html(truncate(&headline, HEADLINE_CHARS_MAX * 4)))
}

/// An address that stands alone; none for schemes that are no address.
fn absolute(link: String, base: Option<&Url>) -> Option<String> {
    if map::is_absolute(&link) {
        let scheme = link.split(':').next().unwrap_or_default().to_ascii_lowercase();
        return (!matches!(scheme.as_str(), "javascript" | "data" | "vbscript" | "about")).then_some(link);
    }
    match base.and_then(|base| base.join(&link).ok()) {
        Some(joined) => Some(joined.into()),
        None => Some(link),
    }
}

/// The first `bytes_max` bytes, less where that would split a character.
fn truncate(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// Text from base64 (RFC 4648); none when it is no such thing or no UTF-8.
fn base64(text: &str) -> Option<String> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(value)) & 0xFFFF;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xFF).ok()?);
        }
    }
    let is_text = |text: &String| !text.contains(|c: char| c.is_control() && !c.is_whitespace());
    String::from_utf8(bytes).ok().filter(is_text)
}

#[cfg(test)]
mod tests;
