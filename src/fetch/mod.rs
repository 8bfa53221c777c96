//! HTTP: conditional, polite, bounded, guarded.
//!
//! Invariant: no packet leaves for an address the guard has not passed;
//! validators are echoed byte for byte; every exchange ends within its limits.
//! Nothing of the store or of mail is known here.

use chrono::{DateTime, Utc};
use std::time::Duration;

/// Limits of one exchange.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Establishing a connection.
    pub connect: Duration,
    /// Until the status line and headers are there.
    pub first_byte: Duration,
    /// The whole exchange, redirects included.
    pub total: Duration,
    /// Decoded body, counted while it streams.
    pub body_bytes_max: usize,
    pub redirects_max: usize,
}

/// What a server gave to recognise a state of a resource by (RFC 9110, 8.8).
/// Echoed byte for byte, never made up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

/// A body and what came with it.
#[derive(Debug, Clone, Default)]
pub struct Body {
    /// Decoded.
    pub bytes: Vec<u8>,
    pub content_type: Option<String>,
    /// Where it came from after redirects: the base of relative links.
    pub url: String,
    pub validators: Validators,
    /// `Cache-Control: max-age`, where the server gave one.
    pub max_age: Option<Duration>,
    /// Where permanent redirects (301, 308) alone led, if they did.
    pub moved_to: Option<String>,
}

/// Outcome of one fetch.
#[derive(Debug)]
pub enum Poll {
    /// 200 with a body.
    Fresh(Body),
    /// 304.
    Unchanged,
    /// 410.
    Gone,
    /// 429 or 503 with Retry-After: not before.
    Deferred(DateTime<Utc>),
    Failed(FetchError),
}

/// Why a fetch failed. Messages are for the operator.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("{0}")]
    Other(String),
}

/// One HTTP client for all sources.
#[derive(Debug, Clone)]
pub struct Fetcher {}

impl Fetcher {
    /// `contact` goes into the User-Agent; `private_hosts` may have private and
    /// loopback addresses.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(
        _contact: Option<&str>,
        _private_hosts: &[String],
        _limits: Limits,
    ) -> Result<Fetcher, FetchError> {
        Ok(Fetcher {})
    }

    /// Fetches a source; conditional whenever `validators` has any.
    pub async fn poll(&self, _url: &str, _validators: &Validators) -> Poll {
        Poll::Unchanged
    }

    /// Fetches an article's or a `[[page]]`'s page, as robots.txt allows (RFC 9309).
    pub async fn page(&self, _url: &str, _validators: &Validators) -> Poll {
        Poll::Unchanged
    }
}
