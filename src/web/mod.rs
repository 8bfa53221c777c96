//! The page: read-only addresses over the store, and the few that others call.
//!
//! Invariant: every request passes [`answer`], which looks at the host, then at the
//! table [`ROUTES`], then at the token, before anything else sees it; GET changes
//! nothing, but where a hub's own question is one (WebSub has it so); no input is a
//! fault of ours. Nothing of the web's other sides is known here: no mail, no
//! fetching. What is foreign is escaped, never rendered.

mod door;
mod feed;
mod guard;
mod html;
pub mod unsubscribe;
mod websub;

pub use door::{Door, Limits, serve};
pub use guard::TokenTooShort;

use crate::config::{Config, Web};
use crate::digest::Plan;
use crate::store::{Store, StoreError};
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use door::HeadArrived;
use guard::{Hosts, Token};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use url::form_urlencoded;

/// Longest time from the head of a request to its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What the page shows, and to whom; replaced as a whole on reload.
#[derive(Debug)]
pub struct Site {
    store: Store,
    plans: Vec<Plan>,
    hosts: Hosts,
    token: Option<Token>,
    public_url: Option<String>,
}

impl Site {
    /// The page that `[web]` asks for; `token` is what its secret holds.
    ///
    /// # Errors
    /// A token that could be guessed.
    pub fn new(web: &Web, config: &Config, store: Store, token: Option<&str>) -> Result<Site, TokenTooShort> {
        Ok(Site {
            store,
            plans: config.plans.clone(),
            hosts: Hosts::of(web),
            token: token.map(Token::new).transpose()?,
            public_url: web.public_url.clone(),
        })
    }
}

/// What opens a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The token of `[web]`, where there is one.
    Token,
    /// Its own address, which nobody can guess.
    Address,
}

/// One address that is answered.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// GET is HEAD too.
    pub method: &'static str,
    /// With `*` for what is asked for.
    pub path: &'static str,
    pub key: Key,
    place: Place,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Front,
    PlanFeed,
    LeavingAsked,
    Leaving,
    HubAsks,
    HubTells,
}

/// All there is.
pub const ROUTES: &[Route] = &[
    Route { method: "GET", path: "/", key: Key::Token, place: Place::Front },
    Route { method: "GET", path: "/plans/*.atom", key: Key::Token, place: Place::PlanFeed },
    Route { method: "GET", path: "/unsubscribe/*", key: Key::Address, place: Place::LeavingAsked },
    Route { method: "POST", path: "/unsubscribe/*", key: Key::Address, place: Place::Leaving },
    Route { method: "GET", path: "/websub/*", key: Key::Address, place: Place::HubAsks },
    Route { method: "POST", path: "/websub/*", key: Key::Address, place: Place::HubTells },
];

/// Answers one request, whatever it is.
async fn answer(
    State(sites): State<watch::Receiver<Arc<Site>>>,
    ConnectInfo(arrived): ConnectInfo<HeadArrived>,
    request: axum::extract::Request,
) -> Response {
    arrived.note();
    let site = sites.borrow().clone();
    let (head, body) = request.into_parts();
    let answered = tokio::time::timeout(ANSWER_WITHIN, guarded(&site, &head, body)).await;
    let mut response = answered
        .unwrap_or_else(|_| plain(StatusCode::SERVICE_UNAVAILABLE, "this took too long; try again later"));
    harden(&mut response);
    response
}

/// Host, address, method and token, in this order: a stranger learns no more than he must.
async fn guarded(site: &Arc<Site>, head: &Parts, body: Body) -> Response {
    if !site.hosts.has(head) {
        return plain(
            StatusCode::MISDIRECTED_REQUEST,
            "nothing is shown under this host; `public_url` in `[web]` names one more",
        );
    }
    let found: Vec<_> =
        ROUTES.iter().filter_map(|route| Some((route, wanted(route.path, head.uri.path())?))).collect();
    let Some((first, _)) = found.first() else { return not_found() };
    if first.key == Key::Token && site.token.as_ref().is_some_and(|token| !token.is_shown(head)) {
        let mut refused = plain(
            StatusCode::UNAUTHORIZED,
            "show the token as `?token=` or in an `Authorization: Bearer` header",
        );
        refused.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return refused;
    }
    let method = if head.method == Method::HEAD { "GET" } else { head.method.as_str() };
    match found.into_iter().find(|(route, _)| route.method == method) {
        Some((route, wanted)) => placed(site, route.place, wanted, head, body).await,
        None => plain(StatusCode::METHOD_NOT_ALLOWED, "this address is not for that"),
    }
}

async fn placed(site: &Arc<Site>, place: Place, wanted: String, head: &Parts, body: Body) -> Response {
    let (site, head) = (site.clone(), head.clone());
    let answered = match place {
        Place::Front => Ok(html::front(&site, &head)),
        Place::PlanFeed => off_thread(move || feed::plan(&site, &wanted, &head)).await,
        Place::LeavingAsked => off_thread(move || unsubscribe::ask(&site, &wanted)).await,
        Place::Leaving => match axum::body::to_bytes(body, unsubscribe::BODY_BYTES_MAX).await {
            Ok(body) => off_thread(move || unsubscribe::leave(&site, &wanted, &body)).await,
            Err(_) => Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "this is too much")),
        },
        Place::HubAsks => off_thread(move || websub::asked(&site, &wanted, &head)).await,
        Place::HubTells => websub::news(site, wanted, head, body).await,
    };
    answered.unwrap_or_else(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "the page could not be shown");
        plain(StatusCode::SERVICE_UNAVAILABLE, "the database did not answer; try again later")
    })
}

/// What a path asks for where the pattern has `*`; nothing where it is another path.
fn wanted(pattern: &str, path: &str) -> Option<String> {
    let Some((before, after)) = pattern.split_once('*') else { return (pattern == path).then(String::new) };
    let written = path.strip_prefix(before)?.strip_suffix(after)?;
    (!written.is_empty() && !written.contains('/')).then(|| decoded(written))
}

/// Percent-encoding taken off (RFC 3986, 2.1); what is no UTF-8 then matches nothing.
fn decoded(written: &str) -> String {
    let literal = written.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(literal.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

/// A part of a path.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

fn plain(status: StatusCode, words: &str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{words}\n")).into_response()
}

fn not_found() -> Response {
    plain(StatusCode::NOT_FOUND, "there is no such page")
}

/// What every answer carries: nothing is guessed, framed, referred to, kept by others
/// or run; one request a connection, so that none is held.
fn harden(response: &mut Response) {
    let headers = response.headers_mut();
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-robots-tag", "noindex"),
        ("connection", "close"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, html::policy());
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Runs what waits for the database on a thread of its own kind.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.expect("the work neither panics nor is cancelled")
}
