//! Leaving a plan by one click (RFC 8058).
//!
//! Invariant: an address is one recipient's of one plan, and nobody else can make it.
//! Reading it changes nothing, for whatever scans mail follows its links; only the
//! POST that a mail program or the button makes does.

use super::{Site, html, not_found, plain};
use crate::store::StoreError;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::Utc;
use ring::hmac;

/// Longest body of such a POST.
pub const BODY_BYTES_MAX: usize = 16 * 1024;

/// Where `recipient` leaves `plan`, below the page's public address; `key` is the
/// database's own.
pub fn address(public_url: &str, key: &str, plan: &str, recipient: &str) -> String {
    let tag = hmac::sign(&hmac_key(key), &signed(plan, recipient));
    format!("{public_url}/unsubscribe/{}", BASE64_URL_SAFE_NO_PAD.encode(tag))
}

fn hmac_key(key: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())
}

/// Neither a plan's name nor an address has control characters.
fn signed(plan: &str, recipient: &str) -> Vec<u8> {
    format!("unsubscribe\0{plan}\0{recipient}").into_bytes()
}

/// The plan and the recipient that an address is for.
fn named<'s>(site: &'s Site, written: &str) -> Result<Option<(&'s str, &'s str)>, StoreError> {
    let Ok(tag) = BASE64_URL_SAFE_NO_PAD.decode(written) else { return Ok(None) };
    let key = hmac_key(&site.store.unsubscribe_key()?);
    let pairs = site.plans.iter().flat_map(|plan| plan.to.iter().map(|to| (plan.name.as_str(), to.as_str())));
    // Mail that was sent before the plan was renamed names it as it was.
    let former = site.store.former_names()?;
    let names = |plan: &'s str| {
        let before = former.iter().filter(move |(_, now)| now == plan).map(|(before, _)| before.as_str());
        before.chain([plan]).collect::<Vec<_>>()
    };
    let fits = |name: &str, to: &str| hmac::verify(&key, &signed(name, to), &tag).is_ok();
    let mut fitting = pairs.filter(|(plan, to)| names(plan).iter().any(|name| fits(name, to)));
    Ok(fitting.next())
}

/// Asks; changes nothing.
pub fn ask(site: &Site, written: &str) -> Result<Response, StoreError> {
    let Some((plan, recipient)) = named(site, written)? else { return Ok(not_found()) };
    let departures = site.store.departures()?;
    let has_left = departures.iter().any(|left| left.plan == plan && left.recipient == recipient);
    Ok(html::leave(plan, recipient, has_left))
}

/// Takes the recipient off the plan. No redirect (RFC 8058, 3.1), and the same
/// answer however often it is asked for.
pub fn leave(site: &Site, written: &str, body: &[u8]) -> Result<Response, StoreError> {
    let Some((plan, recipient)) = named(site, written)? else { return Ok(not_found()) };
    let has = |words: &str| body.windows(words.len()).any(|window| window == words.as_bytes());
    if !(has("List-Unsubscribe") && has("One-Click")) {
        return Ok(plain(
            StatusCode::BAD_REQUEST,
            "the body has to be List-Unsubscribe=One-Click (RFC 8058)",
        ));
    }
    if site.store.leave(plan, recipient, Utc::now())? {
        tracing::warn!(
            plan,
            recipient,
            "a reader left the plan; `newswatch plans resubscribe` takes that back"
        );
    }
    Ok(html::leave(plan, recipient, true))
}
