//! One exchange: asking, following redirects, reading the body within its limits.

use crate::fetch::error::{self, FetchError};
use crate::fetch::guard::{Target, host_of};
use crate::fetch::{Answer, Asks, Body, Fetcher, Limits, Poll, Redirect, Validators, Verb};
use crate::schedule;
use chrono::{TimeDelta, Utc};
use flate2::read::MultiGzDecoder;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode};
use std::io::Read;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long a source waits that could not be asked for reasons of our own.
const ASK_AGAIN: TimeDelta = TimeDelta::minutes(1);

/// Between two tries while no descriptor is free.
const DESCRIPTOR_PAUSE: Duration = Duration::from_millis(100);

/// How much of an answer to a body is read, and how long that may take.
const ANSWER_BYTES_MAX: usize = 4 * 1024;
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);

/// RFC 1952, 2.3.1.
const GZIP_MAGIC: &[u8] = b"\x1f\x8b";

/// Where an exchange stands after some redirects.
struct Trail {
    target: Target,
    redirects: Vec<Redirect>,
    /// All redirects so far were permanent ones (301, 308).
    is_permanent: bool,
}

impl From<Target> for Trail {
    fn from(target: Target) -> Trail {
        Trail { target, redirects: Vec::new(), is_permanent: true }
    }
}

impl Trail {
    /// Where it stands, to say in a message.
    fn host(&self) -> String {
        host_of(&self.target.url)
    }
}

/// What one request came to.
enum Step {
    Done(Poll),
    Redirect(Trail),
}

/// Asks for `target` and follows where it leads.
pub async fn run(fetcher: &Fetcher, target: Target, validators: &Validators, asks: Asks) -> Poll {
    let mut trail = Trail::from(target);
    let mut deadline = None;
    loop {
        if asks == Asks::AsARobot {
            match fetcher.robots_allow(&trail.target).await {
                Ok(true) => {}
                Ok(false) => return Poll::Failed(FetchError::Robots { host: trail.host() }),
                Err(poll) => return poll,
            }
        }
        // Waiting for one's turn is no fault of the source and does not count
        // against it, but must not hold the caller for ever either.
        let line = fetcher.line(&trail.target.url);
        let Ok(_turn) = tokio::time::timeout(fetcher.limits().turn, line.lock()).await else {
            return Poll::Deferred(Utc::now() + ASK_AGAIN);
        };
        let deadline = *deadline.get_or_insert_with(|| Instant::now() + fetcher.limits().total);
        match step(fetcher, trail, validators, asks, deadline).await {
            Ok(Step::Done(poll)) => return poll,
            Ok(Step::Redirect(next)) => trail = next,
            Err(error) => return Poll::Failed(error),
        }
    }
}

/// One request with a body, and its answer.
pub async fn hand(
    fetcher: &Fetcher,
    verb: Verb,
    target: &Target,
    with: &[(&str, String)],
    body: Vec<u8>,
) -> Result<Answer, FetchError> {
    let (host, limits) = (host_of(&target.url), fetcher.limits());
    let client = fetcher.client(target)?;
    let request = match verb {
        Verb::Post => client.post(target.url.clone()),
        Verb::Put => client.put(target.url.clone()),
    };
    let mut request = request.body(body);
    for (name, value) in with {
        request = request.header(*name, value);
    }
    let answer = tokio::time::timeout(limits.first_byte, request.send()).await;
    match answer {
        Ok(Ok(response)) => Ok(Answer {
            status: response.status().as_u16(),
            wait: retry_after(response.headers()).map(|at| (at - Utc::now()).max(TimeDelta::zero())),
            text: beginning(response).await,
        }),
        Ok(Err(error)) => Err(fetcher.transport_error(error, target)),
        Err(_) => Err(FetchError::Silent { host, seconds: limits.first_byte.as_secs() }),
    }
}

/// The status has said what matters, so an answer that breaks off is as good.
async fn beginning(mut response: Response) -> String {
    let mut bytes = Vec::new();
    let deadline = Instant::now() + ANSWER_PATIENCE;
    while bytes.len() < ANSWER_BYTES_MAX
        && let Ok(Ok(Some(chunk))) = timeout_at(deadline, response.chunk()).await
    {
        bytes.extend_from_slice(&chunk);
    }
    bytes.truncate(ANSWER_BYTES_MAX);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One form, sent again where it is told to go (RFC 9110, 15.4.8 and 15.4.9).
pub async fn submit(fetcher: &Fetcher, target: Target, form: &str) -> Result<u16, FetchError> {
    let mut trail = Trail::from(target);
    let limits = fetcher.limits();
    loop {
        let request = fetcher.client(&trail.target)?.post(trail.target.url.clone());
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = tokio::time::timeout(limits.first_byte, request.body(form.to_owned()).send()).await;
        let seconds = limits.first_byte.as_secs();
        let answer = answer.map_err(|_| FetchError::Silent { host: trail.host(), seconds })?;
        let response = answer.map_err(|error| fetcher.transport_error(error, &trail.target))?;
        match response.status().as_u16() {
            307 | 308 => trail = follow(fetcher, trail, &response)?,
            status => return Ok(status),
        }
    }
}

async fn step(
    fetcher: &Fetcher,
    trail: Trail,
    validators: &Validators,
    asks: Asks,
    deadline: Instant,
) -> Result<Step, FetchError> {
    let host = trail.host();
    let Some(response) = send(fetcher, &trail.target, validators, asks, deadline).await? else {
        return Ok(Step::Done(Poll::Deferred(Utc::now() + ASK_AGAIN)));
    };
    check_headers(response.headers(), &host, fetcher.limits())?;
    let status = response.status();
    match status.as_u16() {
        200 | 203 | 204 => Ok(Step::Done(Poll::Fresh(read(fetcher, response, trail, deadline).await?))),
        304 if *validators != Validators::default() => Ok(Step::Done(Poll::Unchanged)),
        301 | 302 | 303 | 307 | 308 => follow(fetcher, trail, &response).map(Step::Redirect),
        410 => Ok(Step::Done(Poll::Gone)),
        429 | 503 => match retry_after(response.headers()) {
            Some(until) => Ok(Step::Done(Poll::Deferred(until))),
            None => Err(error::of_status(status.as_u16(), &host)),
        },
        other => Err(error::of_status(other, &host)),
    }
}

/// The answer's headers, or `None` where no descriptor came free in time.
async fn send(
    fetcher: &Fetcher,
    target: &Target,
    validators: &Validators,
    asks: Asks,
    deadline: Instant,
) -> Result<Option<Response>, FetchError> {
    let host = host_of(&target.url);
    let limits = fetcher.limits();
    let first_byte = deadline.min(Instant::now() + limits.first_byte);
    loop {
        let request = fetcher.client(target)?.get(target.url.clone());
        let request = request.headers(request_headers(validators, asks));
        let answer = timeout_at(first_byte, request.send()).await;
        match answer
            .map_err(|_| FetchError::Silent { host: host.clone(), seconds: limits.first_byte.as_secs() })?
        {
            Ok(response) => return Ok(Some(response)),
            Err(error) if error::is_out_of_descriptors(&error) => {
                if Instant::now() + DESCRIPTOR_PAUSE >= first_byte {
                    return Ok(None);
                }
                tokio::time::sleep(DESCRIPTOR_PAUSE).await;
            }
            Err(error) => return Err(fetcher.transport_error(error, target)),
        }
    }
}

fn request_headers(validators: &Validators, asks: Asks) -> HeaderMap {
    let accept = match asks {
        Asks::AsAReader => {
            "application/rss+xml, application/atom+xml, application/feed+json, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.8"
        }
        Asks::AsARobot => "text/html, application/xhtml+xml, */*;q=0.8",
    };
    let mut headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
    let conditions =
        [(header::IF_NONE_MATCH, &validators.etag), (header::IF_MODIFIED_SINCE, &validators.last_modified)];
    for (name, value) in conditions {
        if let Some(value) = value.as_deref().and_then(to_wire) {
            headers.insert(name, value);
        }
    }
    headers
}

/// Where a redirect leads, if it may be followed.
fn follow(fetcher: &Fetcher, mut trail: Trail, response: &Response) -> Result<Trail, FetchError> {
    let status = response.status();
    let Some(location) = response.headers().get(header::LOCATION) else {
        return Err(FetchError::RedirectNowhere { host: trail.host(), status: status.as_u16() });
    };
    let target = fetcher.guard().redirect(&trail.target, &location_text(location));
    let target = target.map_err(FetchError::RedirectRefused)?;
    let redirects_max = fetcher.limits().redirects_max;
    if trail.redirects.len() >= redirects_max {
        return Err(FetchError::Redirects { host: host_of(&target.url), redirects_max });
    }
    let is_permanent = matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT);
    trail.redirects.push(Redirect { status: status.as_u16(), to: target.url.to_string() });
    Ok(Trail { target, is_permanent: trail.is_permanent && is_permanent, ..trail })
}

/// Bytes beyond ASCII are taken as they are, whatever charset they are in.
fn location_text(location: &HeaderValue) -> String {
    let encoded = |byte: &u8| match byte {
        0x80.. => format!("%{byte:02X}"),
        _ => char::from(*byte).to_string(),
    };
    location.as_bytes().iter().map(encoded).collect()
}

async fn read(
    fetcher: &Fetcher,
    mut response: Response,
    trail: Trail,
    deadline: Instant,
) -> Result<Body, FetchError> {
    let (host, limits) = (trail.host(), fetcher.limits());
    let mut bytes = Vec::new();
    loop {
        let chunk = timeout_at(deadline, response.chunk())
            .await
            .map_err(|_| FetchError::Slow { host: host.clone(), seconds: limits.total.as_secs() })?
            .map_err(|error| fetcher.transport_error(error, &trail.target))?;
        let Some(chunk) = chunk else { break };
        if bytes.len() + chunk.len() > limits.body_bytes_max {
            return Err(FetchError::TooLarge { host, bytes_max: limits.body_bytes_max });
        }
        bytes.extend_from_slice(&chunk);
    }
    // A `.gz` file as such, `x-gzip`, or packed twice.
    if bytes.starts_with(GZIP_MAGIC) {
        bytes = unpack(&bytes, &host, limits.body_bytes_max)?;
    }
    let headers = response.headers();
    Ok(Body {
        bytes,
        content_type: text(headers, header::CONTENT_TYPE),
        validators: Validators {
            etag: text(headers, header::ETAG),
            last_modified: text(headers, header::LAST_MODIFIED),
        },
        max_age: max_age(headers),
        links: headers.get_all(header::LINK).iter().map(from_wire).collect(),
        moved_to: (!trail.redirects.is_empty() && trail.is_permanent).then(|| trail.target.url.to_string()),
        redirects: trail.redirects,
        url: trail.target.url.into(),
    })
}

fn unpack(packed: &[u8], host: &str, bytes_max: usize) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    let one_more = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(packed)
        .take(one_more)
        .read_to_end(&mut bytes)
        .map_err(|error| FetchError::Broken { host: host.to_string(), source: Box::new(error) })?;
    match bytes.len() > bytes_max {
        true => Err(FetchError::TooLarge { host: host.to_string(), bytes_max }),
        false => Ok(bytes),
    }
}

fn check_headers(headers: &HeaderMap, host: &str, limits: &Limits) -> Result<(), FetchError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    match bytes > limits.header_bytes_max {
        true => {
            Err(FetchError::HeadersTooLarge { host: host.to_string(), bytes_max: limits.header_bytes_max })
        }
        false => Ok(()),
    }
}

fn retry_after(headers: &HeaderMap) -> Option<chrono::DateTime<Utc>> {
    schedule::retry_after(headers.get(header::RETRY_AFTER)?.to_str().ok()?, Utc::now())
}

/// `max-age` in seconds (RFC 9111, 5.2.2.1), unless the answer is not to be kept at all.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|line| line.to_str().ok());
    let directives: Vec<String> =
        lines.flat_map(|line| line.split(',')).map(|one| one.trim().to_ascii_lowercase()).collect();
    if directives.iter().any(|one| one == "no-cache" || one == "no-store") {
        return None;
    }
    let seconds = directives.iter().find_map(|one| one.strip_prefix("max-age="))?.trim_matches('"');
    seconds.parse().ok().map(Duration::from_secs)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).map(from_wire).filter(|value| !value.is_empty())
}

/// A header's bytes as text that can be stored and turned back: each byte is
/// the character of that number, so that not even a broken ETag changes.
fn from_wire(value: &HeaderValue) -> String {
    value.as_bytes().iter().copied().map(char::from).collect()
}

fn to_wire(value: &str) -> Option<HeaderValue> {
    let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    HeaderValue::from_bytes(&bytes?).ok()
}
