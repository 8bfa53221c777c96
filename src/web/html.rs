//! The pages made for people.
//!
//! Invariant: no script, nothing from elsewhere; the one style sheet is named by its
//! hash in the policy that every answer carries.

use super::{Site, encoded};
use askama::Template;
use axum::http::header::{self, HeaderValue};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};
use std::sync::OnceLock;
use url::form_urlencoded;

/// Of all pages; light and dark by the reader's own setting.
const STYLE: &str = include_str!("../../templates/page.css");

/// Nothing is loaded, run or framed; forms go back to where they came from.
pub fn policy() -> HeaderValue {
    static POLICY: OnceLock<HeaderValue> = OnceLock::new();
    let made = || {
        let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        HeaderValue::from_str(&policy).expect("base64 is fit for a header")
    };
    POLICY.get_or_init(made).clone()
}

#[derive(Template)]
#[template(path = "front.html")]
struct Front<'a> {
    style: &'a str,
    /// Name and address of each plan's feed.
    plans: Vec<(&'a str, String)>,
}

/// What there is: the plans and their feeds, with the token that opened this page.
pub fn front(site: &Site, head: &Parts) -> Response {
    let query = head.uri.query().unwrap_or_default();
    let token = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token");
    let token = token.map_or_else(String::new, |(_, token)| format!("?token={}", encoded(&token)));
    // Whole: relative to `https://host/watch`, without a slash, they would lose its path.
    let root = site.public_url.as_ref().map_or_else(String::new, |url| format!("{url}/"));
    let plans = site
        .plans
        .iter()
        .map(|plan| (plan.name.as_str(), format!("{root}plans/{}.atom{token}", encoded(&plan.name))));
    page(&Front { style: STYLE, plans: plans.collect() })
}

#[derive(Template)]
#[template(path = "leave.html")]
struct Leave<'a> {
    style: &'a str,
    plan: &'a str,
    recipient: &'a str,
    has_left: bool,
}

/// The question whether to leave a plan, or that it is done.
pub fn leave(plan: &str, recipient: &str, has_left: bool) -> Response {
    page(&Leave { style: STYLE, plan, recipient, has_left })
}

fn page(template: &impl Template) -> Response {
    let html = template.render().expect("a template over strings cannot fail");
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}
