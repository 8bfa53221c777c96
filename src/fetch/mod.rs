//! HTTP: conditional, polite, bounded, guarded.
//!
//! Invariant: no packet leaves for an address the guard has not passed;
//! validators are echoed byte for byte; every exchange ends within its limits.
//! Nothing of the store or of mail is known here, and no proxy: one would look
//! names up by itself, behind the guard's back.

mod error;
mod exchange;
pub mod guard;
mod resolve;
pub mod robots;

pub use error::FetchError;
pub use guard::NamedBy;
pub use resolve::Resolver;

use crate::crash::{self, Point};
use crate::fetch::guard::{Guard, GuardedResolver, Refusal, Target, host_of};
use crate::fetch::robots::{ROBOTS_BYTES_MAX, Rules};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use url::Url;

/// The name in the User-Agent, and in robots.txt.
const PRODUCT: &str = "newswatch";

/// Hosts remembered at a time, for their robots.txt and their turn in line.
const HOSTS_MAX: usize = 20_000;

/// RFC 9309, 2.4: rules are not kept longer than a day.
const ROBOTS_KEPT: Duration = Duration::from_secs(24 * 3600);

/// A site that could not give its rules is asked again sooner.
const ROBOTS_CLOSED_KEPT: Duration = Duration::from_secs(600);

/// Limits of one exchange.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Establishing a connection: name, TCP and TLS.
    pub connect: Duration,
    /// Until the status line and headers are there.
    pub first_byte: Duration,
    /// The whole exchange, redirects included.
    pub total: Duration,
    /// Waiting for other exchanges with the same host to end; a source whose
    /// turn does not come is deferred, not failed.
    pub turn: Duration,
    /// Decoded body, counted while it streams.
    pub body_bytes_max: usize,
    /// Names and values of an answer's headers.
    pub header_bytes_max: usize,
    pub redirects_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(30),
            total: Duration::from_secs(60),
            turn: Duration::from_secs(120),
            body_bytes_max: 16 * 1024 * 1024,
            header_bytes_max: 64 * 1024,
            redirects_max: 5,
        }
    }
}

/// What a server gave to recognise a state of a resource by (RFC 9110, 8.8).
/// Echoed byte for byte, never made up. Bytes beyond ASCII are held as the
/// characters of the same numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

/// A body and what came with it.
#[derive(Debug, Clone, Default)]
pub struct Body {
    /// Decoded.
    pub bytes: Vec<u8>,
    pub content_type: Option<String>,
    /// Where it came from after redirects: the base of relative links.
    pub url: String,
    pub validators: Validators,
    /// `Cache-Control: max-age`, where the server gave one.
    pub max_age: Option<Duration>,
    /// The `Link` fields (RFC 8288).
    pub links: Vec<String>,
    /// Where permanent redirects (301, 308) alone led, if they did.
    pub moved_to: Option<String>,
    /// The way there.
    pub redirects: Vec<Redirect>,
}

/// One answer that led elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    pub status: u16,
    /// Absolute.
    pub to: String,
}

/// Outcome of one fetch.
#[derive(Debug)]
pub enum Poll {
    /// 200 with a body, which may be empty.
    Fresh(Body),
    /// 304.
    Unchanged,
    /// 410.
    Gone,
    /// 429 or 503 with Retry-After: not before. Also when this process itself
    /// has no descriptor or no turn to give, which is no fault of the source.
    Deferred(DateTime<Utc>),
    Failed(FetchError),
}

/// How a body is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Post,
    Put,
}

/// What is answered to a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// How long we are asked to wait (`Retry-After`), a day at most.
    pub wait: Option<TimeDelta>,
    /// The beginning of its text, as far as it came in time.
    pub text: String,
}

/// As what a resource is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// What is published to be polled: robots.txt is not for it.
    AsAReader,
    /// Pages made for people: as robots.txt allows.
    AsARobot,
}

/// One HTTP client for all sources; clones share it.
#[derive(Debug, Clone)]
pub struct Fetcher(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Dials public addresses only.
    public: reqwest::Client,
    /// For hosts of the allow list.
    private: reqwest::Client,
    /// False where the system has no root certificates: then http only.
    has_roots: bool,
    guard: Guard,
    resolver: Resolver,
    limits: Limits,
    /// One connection a host at a time.
    lines: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
    robots: Mutex<HashMap<String, (Arc<Robots>, Instant)>>,
}

/// A site's robots.txt.
#[derive(Debug, Default)]
struct Robots {
    rules: Rules,
    /// Where it was read; `None` where there are no rules.
    read_at: Option<String>,
}

impl Fetcher {
    /// `contact` goes into the User-Agent; `private_hosts` (`host` or
    /// `host:port`) may have private and loopback addresses.
    ///
    /// # Errors
    /// HTTP cannot be set up. A system without root certificates is no error
    /// here: https then fails at its first use and says why.
    pub fn new(
        contact: Option<&str>,
        private_hosts: &[String],
        limits: Limits,
    ) -> Result<Fetcher, FetchError> {
        Fetcher::over(Resolver::default(), contact, private_hosts, limits)
    }

    /// [`Fetcher::new`] over a resolver that knows names already.
    ///
    /// # Errors
    /// As [`Fetcher::new`].
    pub fn over(
        resolver: Resolver,
        contact: Option<&str>,
        private_hosts: &[String],
        limits: Limits,
    ) -> Result<Fetcher, FetchError> {
        // An error only says that there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let agent = user_agent(contact);
        let client = |has_roots| -> reqwest::Result<_> {
            let of_kind = |is_public_only| {
                let resolver = GuardedResolver { resolver: resolver.clone(), is_public_only };
                client(&agent, &limits, has_roots).dns_resolver(Arc::new(resolver)).build()
            };
            Ok((of_kind(true)?, of_kind(false)?))
        };
        let (has_roots, clients) = match client(true) {
            Ok(clients) => (true, Ok(clients)),
            Err(_) => (false, client(false)),
        };
        let (public, private) = clients.map_err(|error| FetchError::Setup(Box::new(error)))?;
        Ok(Fetcher(Arc::new(Shared {
            public,
            private,
            has_roots,
            guard: Guard::new(private_hosts),
            resolver,
            limits,
            lines: Mutex::default(),
            robots: Mutex::default(),
        })))
    }

    /// Fetches a source; conditional whenever `validators` has any.
    pub async fn poll(&self, url: &str, named_by: NamedBy<'_>, validators: &Validators) -> Poll {
        self.fetch(url, named_by, validators, Asks::AsAReader).await
    }

    /// Fetches an article's or a `[[page]]`'s page, as robots.txt allows (RFC 9309).
    pub async fn page(&self, url: &str, named_by: NamedBy<'_>, validators: &Validators) -> Poll {
        self.fetch(url, named_by, validators, Asks::AsARobot).await
    }

    /// Whether robots.txt lets programs read the page at `url`.
    pub async fn allows(&self, url: &str, named_by: NamedBy<'_>) -> bool {
        let Ok(target) = self.guard().read(url, named_by) else { return false };
        self.robots(&target).await.is_ok_and(|robots| robots.rules.allows(&target.url))
    }

    /// The sitemaps that robots.txt of `url`'s site names, absolute, with the URL at
    /// which it was read: that is who names them.
    pub async fn sitemaps(&self, url: &str, named_by: NamedBy<'_>) -> (Vec<String>, String) {
        let Ok(target) = self.guard().read(url, named_by) else { return Default::default() };
        let Ok(robots) = self.robots(&target).await else { return Default::default() };
        let Some(read_at) = &robots.read_at else { return Default::default() };
        let absolute = |named: &String| Some(target.url.join(named).ok()?.into());
        (robots.rules.sitemaps.iter().filter_map(absolute).collect(), read_at.clone())
    }

    /// Whether `private_hosts` names the host of `url`.
    pub fn lists(&self, url: &str) -> bool {
        self.guard().lists(url)
    }

    /// Hands a body to a program's address, which the configuration names; no redirect
    /// is followed.
    ///
    /// # Errors
    /// The address is refused, or nothing answered. Only [`FetchError::Silent`] and
    /// [`FetchError::Broken`] leave open whether the body arrived.
    pub async fn hand(
        &self,
        verb: Verb,
        url: &str,
        with: &[(&str, String)],
        body: Vec<u8>,
    ) -> Result<Answer, FetchError> {
        let target = self.guard().read(url, NamedBy::Config).map_err(FetchError::Refused)?;
        exchange::hand(self, verb, &target, with, body).await
    }

    /// Submits a form, following where the address has moved to (307, 308); what is
    /// answered beside the status is not read.
    ///
    /// # Errors
    /// An address on the way is refused, or nothing answered.
    pub async fn submit(&self, url: &str, named_by: NamedBy<'_>, form: &str) -> Result<u16, FetchError> {
        let target = self.guard().read(url, named_by).map_err(FetchError::Refused)?;
        exchange::submit(self, target, form).await
    }

    async fn fetch(&self, url: &str, named_by: NamedBy<'_>, validators: &Validators, asks: Asks) -> Poll {
        crash::point(Point::FetchBegins);
        let answer = match self.guard().read(url, named_by) {
            Ok(target) => exchange::run(self, target, validators, asks).await,
            Err(refusal) => Poll::Failed(FetchError::Refused(refusal)),
        };
        crash::point(Point::FetchAnswered);
        answer
    }

    /// What names are looked up with.
    pub fn resolver(&self) -> &Resolver {
        &self.0.resolver
    }

    fn guard(&self) -> &Guard {
        &self.0.guard
    }

    fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The client that may ask for `target`.
    fn client(&self, target: &Target) -> Result<&reqwest::Client, FetchError> {
        if target.url.scheme() == "https" && !self.0.has_roots {
            return Err(FetchError::NoRoots { host: host_of(&target.url) });
        }
        Ok(if self.guard().may_be_private(target) { &self.0.private } else { &self.0.public })
    }

    /// What went wrong below HTTP. The resolver does not know who named the host, so
    /// its refusal is put right here.
    fn transport_error(&self, error: reqwest::Error, target: &Target) -> FetchError {
        let connect_s = self.limits().connect.as_secs();
        match error::of_transport(error, &host_of(&target.url), connect_s) {
            FetchError::Refused(Refusal::Private { what, .. }) => {
                FetchError::Refused(self.guard().private(target, what))
            }
            other => other,
        }
    }

    /// The line in which requests to this host wait for their turn.
    fn line(&self, url: &Url) -> Arc<tokio::sync::Mutex<()>> {
        let mut lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= HOSTS_MAX {
            lines.retain(|_, line| line.strong_count() > 0);
        }
        let waiting = lines.entry(origin(url)).or_default();
        waiting.upgrade().unwrap_or_else(|| {
            let line = Arc::default();
            *waiting = Arc::downgrade(&line);
            line
        })
    }

    /// Whether robots.txt lets us have `url`; what its site answered instead of
    /// rules, where that decides the page too.
    async fn robots_allow(&self, target: &Target) -> Result<bool, Poll> {
        Ok(self.robots(target).await?.rules.allows(&target.url))
    }

    async fn robots(&self, target: &Target) -> Result<Arc<Robots>, Poll> {
        let site = origin(&target.url);
        let known = {
            let robots = self.0.robots.lock().unwrap_or_else(PoisonError::into_inner);
            robots.get(&site).filter(|(_, until)| *until > Instant::now()).map(|(known, _)| known.clone())
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let (asked, kept) = self.ask_robots(target).await?;
        let asked = Arc::new(asked);
        let mut robots = self.0.robots.lock().unwrap_or_else(PoisonError::into_inner);
        if robots.len() >= HOSTS_MAX {
            robots.clear();
        }
        robots.insert(site, (asked.clone(), Instant::now() + kept));
        Ok(asked)
    }

    /// RFC 9309, 2.3.1: 4xx means no rules; a site in trouble is left alone for now.
    async fn ask_robots(&self, target: &Target) -> Result<(Robots, Duration), Poll> {
        let none = Validators::default();
        let robots = target.at_path("/robots.txt");
        match Box::pin(exchange::run(self, robots, &none, Asks::AsAReader)).await {
            Poll::Fresh(body) => {
                let bytes = body.bytes.get(..ROBOTS_BYTES_MAX).unwrap_or(&body.bytes);
                let rules = Rules::parse(&String::from_utf8_lossy(bytes), PRODUCT);
                Ok((Robots { rules, read_at: Some(body.url) }, ROBOTS_KEPT))
            }
            Poll::Unchanged | Poll::Gone => Ok((Robots::default(), ROBOTS_KEPT)),
            Poll::Failed(error) if error.status().is_some_and(|status| status < 500) => {
                Ok((Robots::default(), ROBOTS_KEPT))
            }
            Poll::Failed(FetchError::Redirects { .. } | FetchError::RedirectRefused(_)) => {
                Ok((Robots::default(), ROBOTS_KEPT))
            }
            Poll::Failed(FetchError::Server { .. }) => {
                Ok((Robots { rules: Rules::closed(), read_at: None }, ROBOTS_CLOSED_KEPT))
            }
            other => Err(other),
        }
    }
}

/// `newswatch/0.1 (+desk@example.org)`.
fn user_agent(contact: Option<&str>) -> String {
    let version = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));
    match contact {
        Some(contact) => format!("{PRODUCT}/{version} (+{contact})"),
        None => format!("{PRODUCT}/{version}"),
    }
}

fn client(agent: &str, limits: &Limits, has_roots: bool) -> reqwest::ClientBuilder {
    let client = reqwest::Client::builder()
        .user_agent(agent)
        .connect_timeout(limits.connect)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // An idle connection to each of 10,000 hosts would take all descriptors.
        .pool_max_idle_per_host(0)
        .http2_max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX));
    match has_roots {
        true => client,
        false => client.tls_certs_only([]),
    }
}

/// Scheme, host and port: what has its own robots.txt, and its own line.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}
