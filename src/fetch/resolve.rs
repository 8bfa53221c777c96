//! Host names to addresses, so that dead names cannot hold up live ones.
//!
//! Invariant: a lookup ends within [`LOOKUP_MOST`], holds no thread, and is cancelled
//! with whoever waits for it. Names that got no answer share half of the lookups at a
//! time, and few of them are asked while no name server answers at all. A name that
//! was found once keeps its addresses for a day where no server answers (RFC 8767).
//! Nothing is known here of which addresses may be dialled: `guard` decides.

use chrono::{DateTime, Utc};
use hickory_resolver::config::{ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, ResolverBuilder, TokioResolver};
use std::collections::{HashMap, HashSet};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::time::timeout;

/// Longest time for one name.
const LOOKUP_MOST: Duration = Duration::from_secs(5);

/// The same while no server answers, and for a name whose addresses are known.
const LOOKUP_SHORT: Duration = Duration::from_secs(2);

/// For one question to one server; it is asked twice.
const QUESTION_MOST: Duration = Duration::from_secs(2);
const QUESTIONS: usize = 2;

/// How long IPv4 addresses wait for IPv6 ones, and IPv6 ones for IPv4 ones, which are
/// those that reach nearly every host.
const V6_PATIENCE: Duration = Duration::from_millis(100);
const V4_PATIENCE: Duration = Duration::from_millis(1500);

/// Lookups in a row without an answer that mean that no server answers.
const SILENT_FROM: u32 = 8;

/// Lookups at a time of names that got no answer before: usually, and while no
/// server answers.
const UNANSWERED_MAX: usize = 128;
const UNANSWERED_SILENT_MAX: usize = 16;

/// How long addresses are used that cannot be looked up again.
const STALE_MOST: Duration = Duration::from_secs(24 * 3600);

/// Names remembered.
const NAMES_MAX: usize = 40_000;

/// Between looks at the system's files.
const FILES_EVERY: Duration = Duration::from_secs(5);
const FILES: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];

/// Why a name has no address.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LookupError {
    #[error("no name server knows it")]
    Unknown,
    #[error("no name server answered")]
    Silent,
    #[error("the name server answered {0}")]
    Failed(String),
    /// Too many names that got no answer are being asked for.
    #[error("too many names are looked up at a time")]
    NoPlace,
    #[error("no descriptor is free")]
    NoDescriptor(#[source] Arc<io::Error>),
}

/// The system's name servers and its hosts file; clones share what is known.
#[derive(Debug, Clone)]
pub struct Resolver(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    system: Mutex<System>,
    state: Mutex<State>,
}

/// What the system's files say.
struct System {
    resolver: Option<TokioResolver>,
    hosts: Arc<Hosts>,
    changed_at: [Option<SystemTime>; 2],
    looked_at: Instant,
}

impl std::fmt::Debug for System {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("System")
    }
}

#[derive(Debug, Default)]
struct State {
    names: HashMap<String, Known>,
    /// Lookups without an answer since the last one with an answer.
    unanswered_in_a_row: u32,
    silent_since: Option<DateTime<Utc>>,
    /// Lookups under way of names that got no answer before.
    unanswered_under_way: usize,
}

#[derive(Debug, Default)]
struct Known {
    addresses: Vec<IpAddr>,
    found_at: Option<Instant>,
    /// Its last lookup got no answer.
    is_unanswered: bool,
}

impl Known {
    fn usable(&self) -> Option<Vec<IpAddr>> {
        let is_fresh = self.found_at.is_some_and(|at| at.elapsed() < STALE_MOST);
        (is_fresh && !self.addresses.is_empty()).then(|| self.addresses.clone())
    }
}

impl State {
    fn known(&mut self, host: &str) -> &mut Known {
        if self.names.len() >= NAMES_MAX && !self.names.contains_key(host) {
            self.names.clear();
        }
        self.names.entry(host.to_owned()).or_default()
    }

    fn learn(&mut self, host: &str, addresses: &[IpAddr]) {
        let known = self.known(host);
        known.addresses = addresses.to_vec();
        known.found_at = Some(Instant::now());
        known.is_unanswered = false;
    }
}

/// Whether, and for how long, a name may be asked for.
struct Turn<'a> {
    patience: Duration,
    /// One of the places of unanswered names, given back when dropped.
    place: Option<&'a Resolver>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(resolver) = self.place {
            resolver.state().unanswered_under_way -= 1;
        }
    }
}

impl Default for Resolver {
    fn default() -> Resolver {
        let system = System::read();
        Resolver(Arc::new(Shared { system: Mutex::new(system), state: Mutex::default() }))
    }
}

impl Resolver {
    /// The addresses of `host`, IPv4 first.
    ///
    /// # Errors
    /// It has none, or nobody could say.
    pub async fn lookup(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        let (resolver, hosts) = self.system();
        if let Some(found) = of_hosts(&hosts, host) {
            self.state().learn(host, &found);
            return Ok(found);
        }
        let Some(resolver) = resolver else { return Err(LookupError::Silent) };
        let turn = match self.turn(host) {
            Ok(turn) => turn,
            Err(Some(known)) => return Ok(known),
            Err(None) if self.silent_since().is_none() => return Err(LookupError::NoPlace),
            Err(None) => return Err(LookupError::Silent),
        };
        let found = timeout(turn.patience, ask(&resolver, host)).await.unwrap_or(Err(LookupError::Silent));
        drop(turn);
        match found.map_err(or_no_descriptor) {
            Err(LookupError::NoDescriptor(error)) => Err(LookupError::NoDescriptor(error)),
            Err(error) => self.note(host, Err(&error)).ok_or_else(|| self.of_one_name(error)),
            Ok(addresses) => {
                self.note(host, Ok(&addresses));
                Ok(addresses)
            }
        }
    }

    /// Silence about one name is no silence about all.
    fn of_one_name(&self, error: LookupError) -> LookupError {
        match error {
            LookupError::Silent if self.silent_since().is_none() => {
                LookupError::Failed("nothing in time".into())
            }
            LookupError::Failed(_) if self.silent_since().is_some() => LookupError::Silent,
            other => other,
        }
    }

    /// Since when no name server has answered, where that is so.
    pub fn silent_since(&self) -> Option<DateTime<Utc>> {
        self.state().silent_since
    }

    /// Those of `hosts` whose addresses are not at hand while no server answers; none
    /// while one does.
    pub fn hopeless<'a>(&self, hosts: impl Iterator<Item = &'a str>) -> HashSet<&'a str> {
        let state = self.state();
        let is_known = |host: &str| state.names.get(host).is_some_and(|known| known.usable().is_some());
        match state.silent_since {
            Some(_) => hosts.filter(|host| !is_known(host)).collect(),
            None => HashSet::new(),
        }
    }

    /// A turn to ask, else what is known of the name.
    fn turn(&self, host: &str) -> Result<Turn<'_>, Option<Vec<IpAddr>>> {
        let mut state = self.state();
        let known = state.names.get(host);
        let usable = known.and_then(Known::usable);
        let is_silent = state.silent_since.is_some();
        let is_short = is_silent || usable.is_some();
        let patience = if is_short { LOOKUP_SHORT } else { LOOKUP_MOST };
        if !known.is_some_and(|known| known.is_unanswered) {
            return Ok(Turn { patience, place: None });
        }
        let most = if is_silent { UNANSWERED_SILENT_MAX } else { UNANSWERED_MAX };
        if state.unanswered_under_way >= most {
            return Err(usable);
        }
        state.unanswered_under_way += 1;
        Ok(Turn { patience, place: Some(self) })
    }

    /// Learns from what came of a lookup. Returns the addresses to use instead where
    /// nobody could say.
    fn note(&self, host: &str, found: Result<&[IpAddr], &LookupError>) -> Option<Vec<IpAddr>> {
        let mut state = self.state();
        // A server that fails for one name after another has no way out itself.
        let is_answered = matches!(found, Ok(_) | Err(LookupError::Unknown));
        if is_answered {
            state.unanswered_in_a_row = 0;
            if let Some(since) = state.silent_since.take() {
                tracing::info!(%since, "names resolve again");
                // That they got no answer said nothing about them.
                state.names.values_mut().for_each(|known| known.is_unanswered = false);
            }
        } else {
            state.unanswered_in_a_row = state.unanswered_in_a_row.saturating_add(1);
            if state.unanswered_in_a_row == SILENT_FROM {
                state.silent_since = Some(Utc::now());
                tracing::warn!("names do not resolve: no name server answers; will retry");
            }
        }
        if let Ok(addresses) = found {
            state.learn(host, addresses);
            return None;
        }
        let known = state.known(host);
        known.is_unanswered = !is_answered;
        match found {
            Err(LookupError::Unknown) => {
                known.addresses.clear();
                None
            }
            _ => known.usable(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the system's files say now: they change while a daemon runs.
    fn system(&self) -> (Option<TokioResolver>, Arc<Hosts>) {
        let mut system = self.0.system.lock().unwrap_or_else(PoisonError::into_inner);
        if system.looked_at.elapsed() > FILES_EVERY {
            system.looked_at = Instant::now();
            if changed_at() != system.changed_at {
                *system = System::read();
            }
        }
        (system.resolver.clone(), system.hosts.clone())
    }
}

impl System {
    fn read() -> System {
        let changed_at = changed_at();
        let hosts = Arc::new(Hosts::from_system().unwrap_or_default());
        System { resolver: servers(), hosts, changed_at, looked_at: Instant::now() }
    }
}

fn changed_at() -> [Option<SystemTime>; 2] {
    FILES.map(|file| std::fs::metadata(file).and_then(|file| file.modified()).ok())
}

/// The servers of `/etc/resolv.conf`; without one, the server on this machine, as the
/// C library has it.
fn servers() -> Option<TokioResolver> {
    let builder = TokioResolver::builder_tokio().unwrap_or_else(|_| {
        let local = ResolverConfig::from_parts(
            None,
            Vec::new(),
            vec![hickory_resolver::config::NameServerConfig::udp_and_tcp(IpAddr::from([127, 0, 0, 1]))],
        );
        TokioResolver::builder_with_config(local, TokioRuntimeProvider::default())
    });
    resolver(builder)
}

/// A resolver that asks, and remembers nothing itself.
fn resolver(mut builder: ResolverBuilder<TokioRuntimeProvider>) -> Option<TokioResolver> {
    let options = builder.options_mut();
    options.timeout = QUESTION_MOST;
    options.attempts = QUESTIONS;
    // A daemon asks for a name every few minutes. What is kept answers in the place of a
    // server that is dead, and keeps a name that does not exist for hours.
    options.cache_size = 0;
    // Read by us, before a server is asked.
    options.use_hosts_file = ResolveHosts::Never;
    builder.build().ok()
}

/// What the hosts file says of a name: it comes before every server.
fn of_hosts(hosts: &Hosts, host: &str) -> Option<Vec<IpAddr>> {
    let name = Name::from_utf8(host).ok()?;
    let families = [RecordType::A, RecordType::AAAA];
    let lines = families
        .iter()
        .filter_map(|family| hosts.lookup_static_host(&Query::query(name.clone(), *family)))
        .flat_map(|lookup| {
            lookup.answers().iter().filter_map(|record| record.data.ip_addr()).collect::<Vec<_>>()
        });
    let found: Vec<IpAddr> = lines.collect();
    (!found.is_empty()).then_some(found)
}

/// Asks for both families at once. The first that has addresses waits a moment for the
/// other; a server that answers for one family alone is common.
async fn ask(resolver: &TokioResolver, host: &str) -> Result<Vec<IpAddr>, LookupError> {
    let mut v4 = std::pin::pin!(family(resolver, host, RecordType::A));
    let mut v6 = std::pin::pin!(family(resolver, host, RecordType::AAAA));
    let (first, second) = tokio::select! {
        first = &mut v4 => {
            let second = if first.is_ok() { timeout(V6_PATIENCE, v6).await.ok() } else { Some(v6.await) };
            (first, second)
        }
        second = &mut v6 => {
            let first = if second.is_ok() { timeout(V4_PATIENCE, v4).await.ok() } else { Some(v4.await) };
            (first.unwrap_or_else(|| Ok(Vec::new())), Some(second))
        }
    };
    let second = second.unwrap_or_else(|| Ok(Vec::new()));
    match (first, second) {
        (Ok(first), Ok(second)) => Ok([first, second].concat()),
        (Ok(found), Err(_)) | (Err(_), Ok(found)) => Ok(found),
        // That there is none in one family says nothing where the other is unknown.
        (Err(LookupError::Unknown), Err(error)) | (Err(error), Err(_)) => Err(error),
    }
}

async fn family(
    resolver: &TokioResolver,
    host: &str,
    family: RecordType,
) -> Result<Vec<IpAddr>, LookupError> {
    let found = match family {
        RecordType::A => resolver.ipv4_lookup(host).await,
        _ => resolver.ipv6_lookup(host).await,
    };
    let found = found.map_err(in_words)?;
    let addresses: Vec<_> = found.answers().iter().filter_map(|record| record.data.ip_addr()).collect();
    if addresses.is_empty() { Err(LookupError::Unknown) } else { Ok(addresses) }
}

fn in_words(error: NetError) -> LookupError {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(_)) => LookupError::Unknown,
        NetError::Dns(DnsError::ResponseCode(code)) => LookupError::Failed(code.to_string()),
        NetError::Proto(_) => LookupError::Failed("with something that is not DNS".into()),
        // Timeouts, refused and unreachable servers: nobody answered.
        _ => LookupError::Silent,
    }
}

/// A lookup hides that it had no descriptor to ask with, so it is found out by opening one.
fn or_no_descriptor(error: LookupError) -> LookupError {
    match (&error, std::net::UdpSocket::bind("127.0.0.1:0")) {
        (LookupError::Silent, Err(opening)) if is_of_descriptors(&opening) => {
            LookupError::NoDescriptor(Arc::new(opening))
        }
        _ => error,
    }
}

/// All descriptors of this process or machine are in use.
pub fn is_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

/// The same on every Unix.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

#[cfg(test)]
mod tests;
