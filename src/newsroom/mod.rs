//! A newsroom on loopback: the site that `newswatch demo` reads, and the tests.
//!
//! Its press is made up, outlets and stories alike, and nothing of it leaves the
//! machine. Invariant: what stands under a path changes only through the calls
//! below, so two polls without one between them see the same bytes, the same
//! ETag and the same Last-Modified, byte for byte.

mod press;
mod render;

pub use press::{Outlet, Story, late_story};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use chrono::{DateTime, SubsecRound, Utc};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Requests remembered; the oldest go first.
const REQUESTS_MAX: usize = 100_000;

/// How long `close` waits for answers under way.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// A running newsroom; it ends with `close`, or abruptly when dropped.
#[derive(Debug)]
pub struct Newsroom {
    address: SocketAddr,
    desk: Arc<Mutex<Desk>>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

/// One request as it came in, and the status it was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// With its query.
    pub path: String,
    pub if_none_match: Option<String>,
    pub if_modified_since: Option<String>,
    pub user_agent: Option<String>,
    pub status: u16,
}

#[derive(Debug, Default)]
struct Desk {
    shelves: HashMap<String, Shelf>,
    delays: HashMap<String, Duration>,
    requests: VecDeque<Request>,
    outlets: Vec<press::Desk>,
}

/// What stands under one path.
#[derive(Debug, Clone)]
struct Shelf {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    /// Its validators; an answer given word for word has none but its own headers.
    state: Option<(String, DateTime<Utc>)>,
}

impl Newsroom {
    /// Opens on a free port of 127.0.0.1, with the whole press in place.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn open() -> std::io::Result<Newsroom> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let desk = Arc::new(Mutex::new(Desk::default()));
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new().fallback(respond).with_state(desk.clone());
        let server = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            // It serves until it is stopped; there is nobody to tell of an error.
            let _ = axum::serve(listener, router).with_graceful_shutdown(stopped).await;
        });
        let newsroom = Newsroom { address, desk, stop: Some(stop), server };
        newsroom.lock().outlets = press::open(&newsroom.url(""), Utc::now().trunc_subsecs(0));
        newsroom.print_all();
        Ok(newsroom)
    }

    /// Where it listens; its text belongs into `private_hosts`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of `path`, which begins with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The outlets of the press, the ones that are shut or slow among them.
    pub fn outlets(&self) -> Vec<Outlet> {
        self.lock().outlets.iter().map(press::Desk::outlet).collect()
    }

    /// Prints a story at the head of an outlet's feed, with a page of its own.
    /// Returns the page's URL, `None` when there is no outlet of that slug.
    pub fn publish(&self, outlet: &str, story: Story) -> Option<String> {
        let mut desk = self.lock();
        let outlet = desk.outlets.iter_mut().find(|one| one.slug == outlet)?;
        let url = outlet.page_url(&story.slug);
        outlet.stories.insert(0, story);
        let prints = render::outlet(outlet);
        drop(desk);
        self.print(prints);
        Some(url)
    }

    /// Changes a story where it stands, in feed and page. Returns the page's
    /// URL, `None` when there is no such outlet or story.
    pub fn edit(&self, outlet: &str, slug: &str, change: impl FnOnce(&mut Story)) -> Option<String> {
        let mut desk = self.lock();
        let outlet = desk.outlets.iter_mut().find(|one| one.slug == outlet)?;
        let url = outlet.page_url(slug);
        change(outlet.stories.iter_mut().find(|story| story.slug == slug)?);
        let prints = render::outlet(outlet);
        drop(desk);
        self.print(prints);
        Some(url)
    }

    /// Puts a document under `path`, with a strong ETag and a Last-Modified that
    /// change when the bytes do; conditional requests are answered with 304.
    pub fn serve(&self, path: &str, content_type: &str, bytes: impl Into<Vec<u8>>) {
        let bytes = bytes.into();
        let etag = etag(&bytes);
        let mut desk = self.lock();
        let standing = desk.shelves.get(path).and_then(|shelf| shelf.state.clone());
        let state = match standing {
            Some(standing) if standing.0 == etag => standing,
            _ => (etag, Utc::now().trunc_subsecs(0)),
        };
        let headers = headers(&[
            ("content-type", content_type),
            ("etag", &state.0),
            ("last-modified", &http_date(state.1)),
        ]);
        let shelf = Shelf { status: StatusCode::OK, headers, body: bytes.into(), state: Some(state) };
        desk.shelves.insert(path.to_string(), shelf);
    }

    /// Answers `path` with exactly this, whatever the request says.
    pub fn answer(&self, path: &str, status: u16, with: &[(&str, &str)], body: impl Into<Vec<u8>>) {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let shelf = Shelf { status, headers: headers(with), body: body.into().into(), state: None };
        self.lock().shelves.insert(path.to_string(), shelf);
    }

    /// Lets answers for `path` wait that long.
    pub fn delay(&self, path: &str, wait: Duration) {
        self.lock().delays.insert(path.to_string(), wait);
    }

    /// What was asked so far, in order of the answers.
    pub fn requests(&self) -> Vec<Request> {
        self.lock().requests.iter().cloned().collect()
    }

    /// Starts the list of requests anew.
    pub fn forget_requests(&self) {
        self.lock().requests.clear();
    }

    /// Ends it; answers under way may finish.
    pub async fn close(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let _ = tokio::time::timeout(CLOSE_WAIT, &mut self.server).await;
    }

    fn print_all(&self) {
        let (prints, front) = {
            let desk = self.lock();
            let prints: Vec<_> = desk.outlets.iter().flat_map(render::outlet).collect();
            (prints, render::front(&desk.outlets))
        };
        self.serve("/", "text/html; charset=utf-8", front);
        self.serve("/robots.txt", "text/plain", "User-agent: *\nDisallow: /private/\n");
        self.print(prints);
    }

    fn print(&self, prints: Vec<render::Print>) {
        for print in prints {
            match print.status {
                200 => self.serve(&print.path, &print.content_type, print.bytes),
                shut => self.answer(&print.path, shut, &[("content-type", &print.content_type)], print.bytes),
            }
            if let Some(wait) = print.delay {
                self.delay(&print.path, wait);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Desk> {
        lock(&self.desk)
    }
}

impl Drop for Newsroom {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn respond(State(desk): State<Arc<Mutex<Desk>>>, request: axum::extract::Request) -> Response<Body> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_string();
    let wait = lock(&desk).delays.get(&path).copied();
    if let Some(wait) = wait {
        tokio::time::sleep(wait).await;
    }
    let mut desk = lock(&desk);
    let shelf = desk.shelves.get(&path).cloned().unwrap_or_else(not_here);
    let response = shelf.answer(request.headers());
    let asked = |name| request.headers().get(name).map(text);
    if desk.requests.len() >= REQUESTS_MAX {
        desk.requests.pop_front();
    }
    desk.requests.push_back(Request {
        path,
        if_none_match: asked(header::IF_NONE_MATCH),
        if_modified_since: asked(header::IF_MODIFIED_SINCE),
        user_agent: asked(header::USER_AGENT),
        status: response.status().as_u16(),
    });
    response
}

fn not_here() -> Shelf {
    let headers = headers(&[("content-type", "text/plain")]);
    Shelf { status: StatusCode::NOT_FOUND, headers, body: "no such page here".into(), state: None }
}

impl Shelf {
    fn answer(self, asked: &HeaderMap) -> Response<Body> {
        let unchanged = self.state.as_ref().is_some_and(|state| is_unchanged(asked, state));
        let (status, body) = match unchanged {
            true => (StatusCode::NOT_MODIFIED, Body::empty()),
            false => (self.status, Body::from(self.body)),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// RFC 9110, 13.2.2: where both conditions are given, the ETag decides.
fn is_unchanged(asked: &HeaderMap, (etag, modified_at): &(String, DateTime<Utc>)) -> bool {
    if let Some(known) = asked.get(header::IF_NONE_MATCH) {
        return text(known).split(',').any(|one| one.trim() == "*" || one.trim() == etag);
    }
    let since = asked.get(header::IF_MODIFIED_SINCE).map(text);
    let since = since.and_then(|since| DateTime::parse_from_rfc2822(&since).ok());
    since.is_some_and(|since| *modified_at <= since)
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let read = |(name, value): &(&str, &str)| {
        Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in pairs.iter().filter_map(read) {
        headers.append(name, value);
    }
    headers
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn etag(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// RFC 9110, 5.6.7.
fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests;
