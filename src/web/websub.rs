//! What hubs say (W3C WebSub): that they want to make sure, that they will not, and
//! that there is news.
//!
//! Invariant: a hub is answered only for what it was asked, at the address it was
//! given. What it sends is a hint and no more: a hub may be late, wrong or taken over,
//! the source itself is what is believed, so it is polled as ever and the body is only
//! looked at for its signature.

use super::{Site, guard, not_found, off_thread, plain};
use crate::store::StoreError;
use axum::body::{Body, HttpBody};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use ring::hmac;
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use url::form_urlencoded;

/// A hub sends the feed as it is now; as much is read of it as of a feed.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
const CHALLENGE_BYTES_MAX: usize = 4 * 1024;
const REASON_CHARS_MAX: usize = 200;

/// A hub makes sure that we asked, or says that it will not (5.2 and 5.3).
pub fn asked(site: &Site, path: &str, head: &Parts) -> Result<Response, StoreError> {
    let query = head.uri.query().unwrap_or_default();
    let said: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let value = |name: &str| said.get(name).map(String::as_str);
    let (Some(mode), Some(topic)) = (value("hub.mode"), value("hub.topic")) else { return Ok(not_found()) };
    // A stranger's guess takes no turn of the writer's.
    if site.store.subscription(path)?.is_none() {
        return Ok(not_found());
    }
    let is_known = match mode {
        "subscribe" | "unsubscribe" => {
            let challenge =
                value("hub.challenge").filter(|text| (1..=CHALLENGE_BYTES_MAX).contains(&text.len()));
            let Some(challenge) = challenge else { return Ok(not_found()) };
            let lease = value("hub.lease_seconds").and_then(|seconds| seconds.parse().ok());
            if site.store.hub_confirms(path, topic, lease, mode == "subscribe", Utc::now())? {
                return Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], challenge.to_owned())
                    .into_response());
            }
            false
        }
        "denied" => {
            let reason = value("hub.reason").unwrap_or("no reason was given");
            let reason: String = reason.chars().filter(|c| !c.is_control()).take(REASON_CHARS_MAX).collect();
            site.store.hub_denies(path, topic, &format!("denied: {reason}"), Utc::now())?
        }
        _ => false,
    };
    Ok(if is_known { StatusCode::OK.into_response() } else { not_found() })
}

/// There is news (7): with the right signature the source is polled now. A wrong one is
/// thanked for as well (7.1), so that nobody learns which was right.
pub async fn news(site: Arc<Site>, path: String, head: Parts, body: Body) -> Result<Response, StoreError> {
    let (store, at) = (site.store.clone(), path.clone());
    let Some(subscription) = off_thread(move || store.subscription(&at)).await? else {
        return Ok(not_found());
    };
    if !subscription.is_wanted {
        return Ok(plain(StatusCode::GONE, "this is not subscribed to any more"));
    }
    if is_signed(&head.headers, &subscription.secret, body).await {
        let store = site.store.clone();
        off_thread(move || store.hint(&path, Utc::now())).await?;
    }
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Whether `X-Hub-Signature: method=hex` is that of the body under the secret (7.1).
async fn is_signed(headers: &HeaderMap, secret: &str, body: Body) -> bool {
    let shown = headers.get("x-hub-signature").and_then(|shown| shown.to_str().ok()).and_then(signature);
    let Some((algorithm, shown)) = shown else { return false };
    let key = hmac::Key::new(algorithm, secret.as_bytes());
    let Some(tag) = signed(&key, body).await else { return false };
    guard::same(&shown, tag.as_ref())
}

fn signature(shown: &str) -> Option<(hmac::Algorithm, Vec<u8>)> {
    let (method, digits) = shown.split_once('=')?;
    let algorithm = match method.trim() {
        "sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => hmac::HMAC_SHA256,
        "sha384" => hmac::HMAC_SHA384,
        "sha512" => hmac::HMAC_SHA512,
        _ => return None,
    };
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let octets: Option<Vec<u8>> = digits.trim().as_bytes().chunks(2).map(pair).collect();
    Some((algorithm, octets?))
}

/// The body's tag, made while it comes in; none where it breaks off or is too long.
async fn signed(key: &hmac::Key, mut body: Body) -> Option<hmac::Tag> {
    let (mut context, mut length) = (hmac::Context::with_key(key), 0);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        length += data.len();
        if length > BODY_BYTES_MAX {
            return None;
        }
        context.update(&data);
    }
    Some(context.sign())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    /// Reckoned by Python's `hmac`.
    #[tokio::test]
    async fn a_signature_is_that_of_the_body_under_the_secret() {
        let check = async |shown: &str, expected: bool| {
            let shown_as = HeaderValue::from_str(shown).expect("fit for a header");
            let headers =
                HeaderMap::from_iter([(header::HeaderName::from_static("x-hub-signature"), shown_as)]);
            let is_right = is_signed(&headers, "kg-secret", Body::from("Суд над Темировым")).await;
            assert_eq!(is_right, expected, "{shown}");
        };
        check("sha1=271d9d13eba0aba253aa475c3fbffd96b658afa4", true).await;
        check("sha256=a7400b61422c9bf4c5a66c7c6f69d02aaead0478c95bd37602ce36fb6a25f0fb", true).await;
        check("sha384=13fbf6506e55ea0186efa3d9a1b6111597a681fba0bf3b1cd06183b6d9c70fc4b4a10ab0d6fe172a9b2516d1102c6676", true).await;
        check("sha512=70df3dc46843a2b480ff1d7188330fd1b1fb570e4f9f192fa6cb34411c1f9838c8fad96872534fc699f636a2ad080e0138ea85d502cd31bff38482c439303a37", true).await;
        let right = "a7400b61422c9bf4c5a66c7c6f69d02aaead0478c95bd37602ce36fb6a25f0fb";
        check(&format!("sha256={}", right.to_uppercase()), true).await;
        check(&format!("sha256={}", &right[..62]), false).await;
        check(&format!("sha1={right}"), false).await;
        for wrong in ["", "sha256", "sha256=", "=", "md5=00", "sha256=0", "sha256=zz", "sha256=+1"] {
            check(wrong, false).await;
        }
    }
}
