//! A plan's stories as a feed.

use super::{Site, not_found};
use crate::digest;
use crate::store::StoreError;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

/// Stories of one feed, the newest.
const STORIES_MAX: usize = 100;

pub fn plan(site: &Site, name: &str, head: &Parts) -> Result<Response, StoreError> {
    // Under an earlier name too: who reads it there is told nothing of the new one.
    let former = site.store.former_names()?;
    let now = former.iter().filter(|(before, _)| before == name).map(|(_, now)| now.as_str());
    let mut names = std::iter::once(name).chain(now);
    let plan = names.find_map(|name| site.plans.iter().find(|plan| plan.name == name));
    let Some(plan) = plan else { return Ok(not_found()) };
    let stories = site.store.stories_of(&plan.name, STORIES_MAX)?;
    let own = site.public_url.as_ref().map(|url| format!("{url}/plans/{}.atom", super::encoded(name)));
    let document = digest::atom(plan, &stories, &site.store.instance()?, own.as_deref());
    Ok(conditional(head, document))
}

/// The document, or that it has not changed (RFC 9110, 13.1.2).
fn conditional(head: &Parts, document: String) -> Response {
    let hash: String = Sha256::digest(&document).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{hash}\"");
    let known = head.headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|known| known.to_str().ok());
    let mut known = known.flat_map(|known| known.split(',')).map(str::trim);
    let is_known = known.any(|one| one == "*" || one.trim_start_matches("W/") == etag);
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(header::CONTENT_TYPE, "application/atom+xml; charset=utf-8")], document).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, HeaderValue::from_str(&etag).expect("hexadecimal is fit for a header"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}
