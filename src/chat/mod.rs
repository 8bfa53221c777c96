//! Chat services: where each is reached, and how a [`Note`] reads there.
//!
//! Looked at before this was written: `pling` and `rnotify` bring an HTTP client of
//! their own, past the guard of `fetch`, and forget a message that was not taken.
//! `shoutrrr` 0.1.0 can be given a client, but its services escape nothing (a headline
//! with `<!here>` or `@everyone` rings every phone), cut nothing to a service's limit,
//! take a redirect for success, and repeat a token in the error that refuses it; and
//! its way to any address cannot give each message an address of its own, which
//! Matrix needs to know a repeat again. What is left is a page of JSON a service.
//!
//! Invariant: the same note to the same address under the same Message-ID is the same
//! request. No text of a story is taken for markup or for a mention. An error never
//! repeats what may be a secret, and nothing here prints an address.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod address;
mod answer;
mod list;
mod shape;

pub use address::{Address, Service};
pub use answer::{cure, said, wait};
pub use list::{List, Wrong, is_name};
pub use shape::{Method, Request, request};

use crate::digest::CHAT;

/// The name of the chat that a recipient is, if it is one.
///
/// ```
/// # use newswatch::chat;
/// assert_eq!(chat::name("chat:newsroom"), Some("newsroom"));
/// assert_eq!(chat::name("desk@example.org"), None);
/// ```
pub fn name(recipient: &str) -> Option<&str> {
    recipient.strip_prefix(CHAT)
}

#[cfg(test)]
mod tests;
