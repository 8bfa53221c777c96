//! An HTML list without a feed, read with CSS selectors, to entries.
//!
//! Invariant: selectors are CSS and nothing else; parsing cannot fail on a
//! part. No network, no clock.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use crate::feed::Feed;

/// What the user configured of a `[[page]]`: CSS selectors, each relative to `item`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selectors {
    /// One match an entry.
    pub item: String,
    /// Element whose text is the title; the link's text when absent.
    pub title: Option<String>,
    /// Element whose `href` is the link; the first `a[href]` when absent.
    pub link: Option<String>,
    /// Element whose `datetime` attribute or text is the date.
    pub date: Option<String>,
    /// Element whose text is the teaser.
    pub summary: Option<String>,
}

/// Checks that every selector is valid CSS.
///
/// # Errors
/// The first bad selector with its key, as `(key, message)`.
pub fn check(_selectors: &Selectors) -> Result<(), (&'static str, String)> {
    Ok(())
}

/// Reads `body` as a list of items.
pub fn read(_body: &[u8], _content_type: Option<&str>, _url: &str, _selectors: &Selectors) -> Feed {
    Feed::default()
}
