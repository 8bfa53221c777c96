//! Why a fetch failed, said so that the operator knows the next step.

use crate::fetch::guard::Refusal;
use crate::fetch::resolve::{LookupError, is_of_descriptors};
use std::error::Error;
use std::io;

/// What travels as the cause of a failure.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Why a fetch failed. Messages are for the operator and quote nothing secret:
/// hosts and statuses, never a whole URL, which may hold a key.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("set up HTTP")]
    Setup(#[source] Cause),
    #[error("ask for this address: {0}")]
    Refused(Refusal),
    #[error("follow its redirect: {0}")]
    RedirectRefused(Refusal),
    #[error("find `{host}`: no name server knows it; check its spelling, then the network")]
    Name {
        host: String,
        #[source]
        source: Cause,
    },
    #[error(
        "find `{host}`: names do not resolve, because no name server answers; check this machine's network and `/etc/resolv.conf`"
    )]
    NamesSilent { host: String },
    #[error("find `{host}`: its name servers gave no address; it is tried again later")]
    NameFailed {
        host: String,
        #[source]
        source: Cause,
    },
    #[error("connect to `{host}`; it may be down, or this machine may be offline")]
    Connect {
        host: String,
        #[source]
        source: Cause,
    },
    #[error("connect to `{host}` within {seconds} s; it may be down, or a firewall may swallow what we send")]
    ConnectSlow { host: String, seconds: u64 },
    #[error("speak TLS with `{host}`; open it in a browser to see whether its certificate is good")]
    Tls {
        host: String,
        #[source]
        source: Cause,
    },
    #[error(
        "check the certificate of `{host}`: this system has no root certificates; install `ca-certificates`"
    )]
    NoRoots { host: String },
    #[error("hear from `{host}`: no answer within {seconds} s; it is tried again later")]
    Silent { host: String, seconds: u64 },
    #[error("read all of `{host}`'s answer within {seconds} s; it is tried again later")]
    Slow { host: String, seconds: u64 },
    #[error(
        "read `{host}`'s answer: more than {bytes_max} bytes once unpacked; ask for a shorter feed, or name another"
    )]
    TooLarge { host: String, bytes_max: usize },
    #[error(
        "read `{host}`'s answer: more than {bytes_max} bytes of headers; see whether the address is right"
    )]
    HeadersTooLarge { host: String, bytes_max: usize },
    #[error("read `{host}`'s answer, which broke off or is garbled; it is tried again later")]
    Broken {
        host: String,
        #[source]
        source: Cause,
    },
    #[error(
        "get to the end of its redirects: more than {redirects_max}, the last to `{host}`; open it in a browser and use the address it ends at"
    )]
    Redirects { host: String, redirects_max: usize },
    #[error("follow `{host}`: it answered {status} without saying where to; open it in a browser")]
    RedirectNowhere { host: String, status: u16 },
    #[error(
        "read `{host}`: blocked, it answered {status}; ask the publisher to let `newswatch` in, with a `contact` in the configuration that says who asks"
    )]
    Blocked { host: String, status: u16 },
    #[error("find this address at `{host}`: it answered 404; look on its site for the new address")]
    NotFound { host: String },
    #[error("read `{host}`: too many requests, it answered 429; poll less often with a longer `every`")]
    TooMany { host: String },
    #[error("read `{host}`: trouble on its side, it answered {status}; it is tried again later")]
    Server { host: String, status: u16 },
    #[error("read `{host}`: it answered {status}; see in a browser whether the address is right")]
    Status { host: String, status: u16 },
    #[error(
        "read this page: robots.txt of `{host}` asks robots to leave it alone; ask the publisher, or use a feed"
    )]
    Robots { host: String },
}

impl FetchError {
    /// Nothing was heard from the host at all. Of one source that says little;
    /// when every source of a round says so, this machine is offline.
    pub fn is_unreachable(&self) -> bool {
        use FetchError::{Connect, ConnectSlow, Name, NameFailed, NamesSilent};
        matches!(
            self,
            Name { .. } | NamesSilent { .. } | NameFailed { .. } | Connect { .. } | ConnectSlow { .. }
        )
    }

    /// The name of its host could not be looked up, for whatever reason.
    pub fn is_of_names(&self) -> bool {
        matches!(self, FetchError::NamesSilent { .. } | FetchError::NameFailed { .. })
    }

    /// The source could not even be looked for, for a reason that holds for all of them.
    pub fn is_of_this_machine(&self) -> bool {
        matches!(self, FetchError::NamesSilent { .. })
    }

    /// The host answered, and does not want us.
    pub fn is_blocked(&self) -> bool {
        matches!(self, FetchError::Blocked { .. } | FetchError::TooMany { .. } | FetchError::Robots { .. })
    }

    /// The status the server gave, where it gave one that explains the failure.
    pub fn status(&self) -> Option<u16> {
        match self {
            FetchError::Blocked { status, .. }
            | FetchError::Server { status, .. }
            | FetchError::Status { status, .. }
            | FetchError::RedirectNowhere { status, .. } => Some(*status),
            FetchError::NotFound { .. } => Some(404),
            FetchError::TooMany { .. } => Some(429),
            _ => None,
        }
    }
}

/// A status that is neither an answer nor a redirect.
pub fn of_status(status: u16, host: &str) -> FetchError {
    let host = host.to_string();
    match status {
        401 | 402 | 403 | 407 | 451 => FetchError::Blocked { host, status },
        404 => FetchError::NotFound { host },
        429 => FetchError::TooMany { host },
        500..=599 => FetchError::Server { host, status },
        _ => FetchError::Status { host, status },
    }
}

/// What went wrong below HTTP: before the headers came, or within the body.
pub fn of_transport(error: reqwest::Error, host: &str, connect_s: u64) -> FetchError {
    if let Some(refusal) = causes(&error).find_map(|cause| cause.downcast_ref::<Refusal>()) {
        return FetchError::Refused(refusal.clone());
    }
    let host = host.to_string();
    let lookup = lookup_error(&error).cloned();
    let (is_connect, is_timeout) = (error.is_connect(), error.is_timeout());
    let is_tls = causes(&error).any(|cause| cause.is::<rustls::Error>());
    // Its own text repeats the URL, which may hold a key; what lies below says what happened.
    let source: Cause = Box::new(error.without_url());
    match () {
        () if is_tls => FetchError::Tls { host, source },
        () if let Some(error) = lookup => match error {
            LookupError::Unknown => FetchError::Name { host, source: Box::new(error) },
            LookupError::Silent => FetchError::NamesSilent { host },
            LookupError::Failed(_) | LookupError::NoPlace | LookupError::NoDescriptor(_) => {
                FetchError::NameFailed { host, source: Box::new(error) }
            }
        },
        () if is_connect && is_timeout => FetchError::ConnectSlow { host, seconds: connect_s },
        () if is_connect => FetchError::Connect { host, source },
        () => FetchError::Broken { host, source },
    }
}

/// All descriptors of this process or machine are in use, for the connection or for
/// asking a name server, or all places for such a question are: no fault of the source's.
pub fn is_out_of_descriptors(error: &reqwest::Error) -> bool {
    causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).any(is_of_descriptors)
        || matches!(lookup_error(error), Some(LookupError::NoDescriptor(_) | LookupError::NoPlace))
}

fn lookup_error(error: &reqwest::Error) -> Option<&LookupError> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The chain of causes, the error itself first.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| below(*error))
}

/// An `io::Error` hides what it wraps from `source`, so it is opened.
fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    }
}
