//! What a service answered, said so that somebody can act on it.

use super::address::{Address, Service};
use crate::digest;
use chrono::TimeDelta;
use serde_json::Value;

/// Characters of an answer that are repeated.
const SAID_CHARS_MAX: usize = 160;
/// No service asks for more than a day.
const WAIT_SECONDS_MOST: f64 = 86_400.0;

/// What the service says of it, without any piece of the address.
pub fn said(address: &Address, body: &str) -> Option<String> {
    let json: Option<Value> = serde_json::from_str(body).ok();
    let told = json.as_ref().and_then(|json| {
        ["description", "error", "message"].iter().find_map(|key| json.get(key).and_then(Value::as_str))
    });
    let text = match (told, &json) {
        (Some(told), _) => told,
        // A page for people says nothing in a line.
        (None, None) if !body.trim_start().starts_with('<') => body,
        _ => return None,
    };
    // What cleaning takes out may have stood within a secret, and the cut may fall there.
    let clean = one_line(&hidden(address, text), text.len());
    let line = one_line(&hidden(address, &clean), SAID_CHARS_MAX);
    (!line.is_empty()).then_some(line)
}

fn hidden(address: &Address, text: &str) -> String {
    address.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
}

fn one_line(text: &str, chars_max: usize) -> String {
    digest::marked_line(text, &[], chars_max).into_iter().map(|piece| piece.text).collect()
}

/// How long it asks us to wait, where it says so in the body: seconds (Telegram's
/// `parameters`, Discord) or milliseconds (Matrix).
pub fn wait(body: &str) -> Option<TimeDelta> {
    let json: Value = serde_json::from_str(body).ok()?;
    let number = |place: &str| json.pointer(place).and_then(Value::as_f64);
    let seconds = number("/parameters/retry_after")
        .or_else(|| number("/retry_after"))
        .or_else(|| number("/retry_after_ms").map(|millis| millis / 1000.0))?;
    Some(TimeDelta::milliseconds((seconds.clamp(0.0, WAIT_SECONDS_MOST) * 1000.0).ceil() as i64))
}

/// What usually helps against a status.
pub fn cure(service: Service, status: u16) -> &'static str {
    match (service, status) {
        (_, 408 | 425 | 429 | 500..) => "nothing is wrong with the address: try again later",
        (_, 300..=399) => "the server is elsewhere: write the address that it sends to into the list",
        (Service::Telegram, 400 | 403) => {
            "write to the bot first, or add it to the group or channel; a channel is `@name`, a group a negative number"
        }
        (Service::Matrix, 403) => "let the user whose token it is join the room",
        (Service::Slack | Service::Discord | Service::Mattermost, _) => {
            "the hook is gone or its address is not whole: make a new one and put its address into the list"
        }
        (_, 401 | 403) => "the token is wrong or was taken back: put a new one into the list",
        (_, 404) => "look whether host, token and what stands last are written as the service shows them",
        (_, _) => "compare the address with what the service shows",
    }
}
