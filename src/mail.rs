//! Outbox rows to deliveries, through lettre.
//!
//! Invariant: what is handed over is a checked [`Wire`]: CRLF line ends only, no
//! line over 998 octets, no header made of unchecked text. The same row is the
//! same bytes on every try. Nothing of the store or of HTTP is known here.

use crate::config::Mail;
use crate::digest::Digest;
use chrono::{DateTime, Utc};
use std::path::Path;

/// What a mail is addressed and identified with.
#[derive(Debug, Clone)]
pub struct Envelope {
    pub from: String,
    pub to: String,
    /// Without angle brackets; stable for one digest and recipient.
    pub message_id: String,
    /// Fixed when the row is written.
    pub date: DateTime<Utc>,
    /// Name for List-Id: the plan.
    pub list: String,
    /// Message-ID this mail answers, for an updated story.
    pub in_reply_to: Option<String>,
}

/// Bytes fit for SMTP (RFC 5321, 2.3.8 and 4.5.3.1.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wire(Vec<u8>);

impl Wire {
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What became of one try for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Accepted with a 250.
    Sent,
    /// Try again; the reason.
    Deferred(String),
    /// Never; the reason.
    Refused(String),
    /// No answer after the final dot: the same bytes go again.
    Unknown(String),
}

/// How mail leaves.
#[derive(Debug)]
pub struct Mailer {}

/// Why no mailer could be made.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("{0}")]
    Setup(String),
}

/// Renders `digest` for one recipient.
///
/// # Errors
/// An address that is none.
pub fn wire(_envelope: &Envelope, _digest: &Digest) -> Result<Wire, MailError> {
    Ok(Wire(Vec::new()))
}

impl Mailer {
    /// `data` is the data directory, for `.eml` files.
    ///
    /// # Errors
    /// A secret that cannot be read, a directory that cannot be written, TLS that cannot be set up.
    pub fn open(_mail: &Mail, _data: &Path) -> Result<Mailer, MailError> {
        Ok(Mailer {})
    }

    /// Hands one mail over; ends within `reply_ms_max` of silence.
    pub async fn send(&self, _from: &str, _to: &str, _message_id: &str, _bytes: &[u8]) -> Delivery {
        Delivery::Sent
    }
}
