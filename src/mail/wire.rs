//! A digest and an envelope to the bytes that leave.
//!
//! Invariant: the same facts give the same bytes: the date, the Message-ID and
//! the MIME boundary come from the envelope, nothing from a clock or a die.

use super::{MailError, mailbox};
use crate::digest::Digest;
use chrono::{DateTime, TimeZone, Utc};
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Message, MultiPart, SinglePart};
use sha2::{Digest as _, Sha256};

/// Octets of a line without its CRLF (RFC 5322, 2.1.1).
const LINE_BYTES_MAX: usize = 998;
/// Characters of a subject.
const SUBJECT_CHARS_MAX: usize = 300;

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
    /// The https address at which a POST takes the recipient off the list (RFC 8058).
    pub unsubscribe_url: Option<String>,
}

/// Bytes fit for SMTP (RFC 5321, 2.3.8 and 4.5.3.1.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wire(Vec<u8>);

impl Wire {
    /// Checks bytes, from the outbox say. Bare CR or LF are what SMTP smuggling
    /// is made of (RUSTSEC-2026-0561).
    ///
    /// # Errors
    /// The first thing that must not leave.
    pub fn new(bytes: Vec<u8>) -> Result<Wire, MailError> {
        let wrong = |what: &str| Err(MailError::Wire(what.into()));
        let Some(text) = str::from_utf8(&bytes).ok().filter(|text| text.is_ascii() && !text.contains('\0'))
        else {
            return wrong("it has a NUL or an octet over 127");
        };
        let Some(lines) = text.strip_suffix("\r\n") else { return wrong("its last line has no end") };
        for line in lines.split("\r\n") {
            if line.contains('\r') || line.contains('\n') {
                return wrong("it has a bare CR or LF");
            }
            if line.len() > LINE_BYTES_MAX {
                return wrong("a line is longer than 998 octets");
            }
        }
        Ok(Wire(bytes))
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Renders `digest` for one recipient.
///
/// # Errors
/// An address or a Message-ID that is none.
pub fn wire(envelope: &Envelope, digest: &Digest) -> Result<Wire, MailError> {
    let (from, to) = (mailbox(&envelope.from)?, mailbox(&envelope.to)?);
    let message_id = message_id(&envelope.message_id)?;
    let sender = from.email.clone();
    let list = list_label(&envelope.list);
    let mut builder = Message::builder()
        .from(from)
        .to(to)
        .subject(subject(&digest.subject))
        .date(date(envelope.date).into())
        .raw_header(header("List-Id", format!("<{list}.newswatch.{}>", sender.domain())))
        .raw_header(header("List-Unsubscribe", unsubscribe(envelope, sender.as_ref(), &list)))
        .raw_header(header("Auto-Submitted", "auto-generated".into()));
    if envelope.unsubscribe_url.is_some() {
        builder = builder.raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".into()));
    }
    if let Some(answered) = &envelope.in_reply_to {
        let answered = self::message_id(answered)?;
        builder = builder.in_reply_to(answered.clone()).references(answered);
    }
    let parts = MultiPart::alternative()
        .boundary(boundary(&message_id))
        .singlepart(part(ContentType::TEXT_PLAIN, &digest.text))
        .singlepart(part(ContentType::TEXT_HTML, &digest.html));
    let message = builder.message_id(Some(message_id)).multipart(parts).map_err(MailError::Build)?;
    Wire::new(message.formatted())
}

/// In angle brackets, once it is known to hold nothing that could end a header.
fn message_id(id: &str) -> Result<String, MailError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
    match id.split_once('@') {
        Some((left, right))
            if id.len() <= 200
                && !left.is_empty()
                && !right.is_empty()
                && left.bytes().chain(right.bytes()).all(is_plain) =>
        {
            Ok(format!("<{id}>"))
        }
        _ => Err(MailError::MessageId(super::one_line(id))),
    }
}

/// One line, whatever was given: lettre folds and encodes it (RFC 2047), but
/// lets ASCII pass that is an encoded word already, for the reader to decode.
fn subject(subject: &str) -> String {
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let line: String =
        subject.chars().take(SUBJECT_CHARS_MAX).map(|c| if is_break(c) { ' ' } else { c }).collect();
    line.replace("=?", "= ?")
}

/// What lettre can print: it panics on a date before 1970 or past 9999, and a
/// machine without a clock battery starts in 1970.
fn date(at: DateTime<Utc>) -> DateTime<Utc> {
    let least = DateTime::UNIX_EPOCH;
    let most = Utc.with_ymd_and_hms(9000, 1, 1, 0, 0, 0).single().unwrap_or(least);
    at.clamp(least, most)
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

/// The plan's name as a dot-atom (RFC 2919, 2); names that lose a letter on the
/// way keep apart by a fingerprint.
fn list_label(plan: &str) -> String {
    let lower = plan.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let label: String = words.join("-").chars().take(60).collect();
    if lower.chars().all(|c| c.is_ascii_alphanumeric() || " -_".contains(c))
        && !label.is_empty()
        && lower.len() <= 60
    {
        return label;
    }
    let fingerprint = hex(&Sha256::digest(plan.as_bytes()), 8);
    if label.is_empty() { format!("plan-{fingerprint}") } else { format!("{label}-{fingerprint}") }
}

/// Where one is taken off the list by one click, where there is such a place, and a
/// mail to the sender that asks for it (RFC 2369, 3.2; RFC 8058, 3.1).
fn unsubscribe(envelope: &Envelope, sender: &str, list: &str) -> String {
    let mut address = String::new();
    for byte in sender.bytes() {
        if byte.is_ascii_alphanumeric() || b"@.-_+".contains(&byte) {
            address.push(char::from(byte));
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
    }
    let by_mail = format!("<mailto:{address}?subject=unsubscribe%20{list}>");
    match &envelope.unsubscribe_url {
        Some(url) => format!("<{url}>, {by_mail}"),
        None => by_mail,
    }
}

fn boundary(message_id: &str) -> String {
    format!("newswatch-{}", hex(&Sha256::digest(message_id.as_bytes()), 32))
}

fn hex(bytes: &[u8], digits: usize) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().chars().take(digits).collect()
}

/// A part in the shortest encoding. lettre alone would take quoted-printable up
/// to a third of non-ASCII, half again as long as base64.
fn part(content_type: ContentType, text: &str) -> SinglePart {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let plain = Body::new(text.clone());
    let body = match plain.encoding() {
        ContentTransferEncoding::SevenBit => plain,
        _ => shortest(text, plain),
    };
    SinglePart::builder().content_type(content_type).body(body)
}

fn shortest(text: String, fallback: Body) -> Body {
    [ContentTransferEncoding::QuotedPrintable, ContentTransferEncoding::Base64]
        .into_iter()
        .filter_map(|encoding| Body::new_with_encoding(text.clone(), encoding).ok())
        .min_by_key(Body::len)
        .unwrap_or(fallback)
}
