//! A digest posted to a program's address, signed as Standard Webhooks have it
//! (<https://www.standardwebhooks.com>): `webhook-id` is the Message-ID and stays
//! the same, `webhook-timestamp` is that of the try, `webhook-signature` is
//! HMAC-SHA256 over `id.timestamp.body`.
//!
//! Invariant: the same outbox row is the same body on every try. Only an answer of
//! 2xx is a delivery; only silence after the body was sent is unknown.

use super::Desk;
use crate::fetch::{Answer, FetchError, Verb};
use crate::mail::{Delivery, STEP_OF_OURS};
use crate::store::OutboxRow;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use ring::hmac;

/// Where a post fails, as the delivery's row says it.
pub const STEP: &str = "post";

/// What marks a key that is written in base64.
const KEY_PREFIX: &str = "whsec_";

/// What posts are signed with; never printed.
pub struct Key(hmac::Key);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// `whsec_` and base64, or the octets themselves.
    pub fn of(text: &str) -> Key {
        let coded = text.strip_prefix(KEY_PREFIX).and_then(|coded| BASE64_STANDARD.decode(coded).ok());
        let octets = coded.unwrap_or_else(|| text.as_bytes().to_vec());
        Key(hmac::Key::new(hmac::HMAC_SHA256, &octets))
    }

    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let signed = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
        format!("v1,{}", BASE64_STANDARD.encode(hmac::sign(&self.0, &signed)))
    }
}

/// Whether a recipient is told by a post.
pub fn is_address(recipient: &str) -> bool {
    recipient.starts_with("https://") || recipient.starts_with("http://")
}

/// Hands one row over; with the step at which it fails.
pub async fn send(desk: &Desk, row: &OutboxRow, now: DateTime<Utc>) -> (Delivery, &'static str) {
    let Some(key) = &desk.post_key else {
        let reason = "`[post]` names no key to sign with any more".into();
        return (Delivery::Deferred(reason), STEP_OF_OURS);
    };
    let timestamp = now.timestamp();
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", row.message_id.clone()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", key.sign(&row.message_id, timestamp, &row.wire)),
    ];
    verdict(desk.fetcher.hand(Verb::Post, &row.recipient, &headers, row.wire.clone()).await, now, |_| None)
}

/// What does not want this post never will (4xx), but for the statuses that ask to
/// come again. A redirect is not followed: the body is for the address configured.
/// `because` is what the answer says of it. With the step at which it fails: an address
/// that is not to be asked, or that is elsewhere now, is ours to mend.
pub(super) fn verdict(
    answer: Result<Answer, FetchError>,
    now: DateTime<Utc>,
    because: impl Fn(&Answer) -> Option<String>,
) -> (Delivery, &'static str) {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let reason = format!("post: failed to {error}");
            return match error {
                FetchError::Silent { .. } | FetchError::Broken { .. } => (Delivery::Unknown(reason), STEP),
                FetchError::Refused(_) => (Delivery::Deferred(reason), STEP_OF_OURS),
                _ => (Delivery::Deferred(reason), STEP),
            };
        }
    };
    let because = because(&answer).map_or_else(String::new, |because| format!(": {because}"));
    let said = format!("post: it answered {}{because}", answer.status);
    let delivery = match (answer.status, answer.wait) {
        (200..=299, _) => Delivery::Sent,
        // The outbox counts in whole seconds, and none too few.
        (429 | 503, Some(wait)) => Delivery::Later(now + wait + TimeDelta::milliseconds(999), said),
        (408 | 425 | 429, _) => Delivery::Deferred(said),
        (400..=499, _) => Delivery::Refused(said),
        _ => Delivery::Deferred(said),
    };
    (delivery, if matches!(answer.status, 300..=399) { STEP_OF_OURS } else { STEP })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reckoned by Python's `hmac`, from the example of the specification.
    #[test]
    fn a_post_is_signed_as_the_specification_has_it() {
        let check = |key: &str, signature: &str| {
            let body = br#"{"test": 2432232314}"#;
            assert_eq!(Key::of(key).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body), signature);
        };
        check("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        check("a key in plain words", "v1,Os0k5k3cD/tec6iM81oZ18sDr62qPhLQ61Jx/qPB6As=");
    }
}
