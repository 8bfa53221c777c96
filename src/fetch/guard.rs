//! The address guard: what may be asked, and at which addresses.
//!
//! Invariant: nothing is dialled that was not checked, and what was checked is
//! what is dialled. An address is checked in three places: the text of a URL
//! before anything reads it, its literal host (an IP literal never reaches a
//! resolver), and every answer of the name server, all of which must be public.
//! The allow list is the only way past, host by host, and it holds only for
//! addresses that the configuration or a host on the list names: otherwise any
//! feed could send us to the hosts of the inner network.

use crate::fetch::resolve::Resolver;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use url::{Host, Url};

/// Longest URL that is asked for, in bytes.
pub const URL_BYTES_MAX: usize = 8192;

/// Why the guard refuses. Never quotes the URL, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("not an address; write it as `https://host/path`")]
    NotAUrl,
    #[error("only `http://` and `https://` are fetched, not `{0}:`")]
    Scheme(String),
    #[error("the address holds a control character; copy it again without line breaks")]
    Control,
    #[error("the address holds a backslash; write `/` or `%5C`")]
    Backslash,
    #[error("the address holds a user name or password; take out the part up to `@`")]
    Userinfo,
    #[error("the address names no host; write it as `https://host/path`")]
    NoHost,
    #[error("port 0 cannot be asked; leave the port out or write the real one")]
    PortZero,
    #[error("the address is longer than {URL_BYTES_MAX} bytes")]
    TooLong,
    #[error("`{host}` is {what}, not on the public internet; if it is meant, add it to `private_hosts`")]
    Private { host: String, what: &'static str },
    #[error(
        "`{host}` is on `private_hosts`, but the link comes from a host that is not; to read this address, configure it as a source of its own"
    )]
    ForeignLink { host: String },
    #[error(
        "redirected from https to http, which would drop the protection; ask the publisher, or use the `http://` address"
    )]
    Downgrade,
}

/// Who names an address.
#[derive(Debug, Clone, Copy)]
pub enum NamedBy<'a> {
    /// The configuration, or the user on the command line.
    Config,
    /// A feed, page, sitemap or robots.txt that was read at this URL.
    Document(&'a str),
}

/// A URL that the guard has passed, and whether the allow list holds for it.
#[derive(Debug, Clone)]
pub struct Target {
    pub url: Url,
    /// Named by the configuration or by a host on the allow list.
    is_trusted: bool,
}

impl Target {
    /// Another path of the same host.
    pub fn at_path(&self, path: &str) -> Target {
        let mut target = self.clone();
        target.url.set_path(path);
        target.url.set_query(None);
        target.url.set_fragment(None);
        target
    }
}

/// What may be asked, given the allow list.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Hosts that may have private addresses; the port where only one is meant.
    allowed: Vec<(String, Option<u16>)>,
}

impl Guard {
    /// `private_hosts` are `host` or `host:port`, IPv6 addresses with or without brackets.
    pub fn new(private_hosts: &[String]) -> Guard {
        Guard { allowed: private_hosts.iter().map(|entry| allowed_host(entry)).collect() }
    }

    /// Reads an absolute URL as somebody wrote it (config, feed, link, OPML).
    ///
    /// # Errors
    /// Why it must not be asked for.
    pub fn read(&self, text: &str, named_by: NamedBy<'_>) -> Result<Target, Refusal> {
        let text = text.trim_matches(' ');
        check_text(text)?;
        check_absolute(text)?;
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::EmptyHost => Refusal::NoHost,
            _ => Refusal::NotAUrl,
        })?;
        let is_trusted = match named_by {
            NamedBy::Config => true,
            NamedBy::Document(at) => self.lists(at),
        };
        self.checked(Target { url, is_trusted })
    }

    /// Reads a `Location`, which may be relative to where it was given. A host that is
    /// not on the allow list ends the trust in all that follows.
    ///
    /// # Errors
    /// Why it must not be followed.
    pub fn redirect(&self, target: &Target, location: &str) -> Result<Target, Refusal> {
        let from = &target.url;
        let location = location.trim_matches(' ');
        check_text(location)?;
        if has_scheme(location) {
            check_absolute(location)?;
        } else if location.starts_with("//") {
            check_authority(location)?;
        }
        let url = from.join(location).map_err(|_| Refusal::NotAUrl)?;
        if from.scheme() == "https" && url.scheme() == "http" {
            return Err(Refusal::Downgrade);
        }
        self.checked(Target { url, is_trusted: target.is_trusted && self.is_listed(from) })
    }

    /// Whether `target` may have a private address.
    pub fn may_be_private(&self, target: &Target) -> bool {
        target.is_trusted && self.is_listed(&target.url)
    }

    /// Whether the allow list names the host of the URL `text`.
    pub fn lists(&self, text: &str) -> bool {
        !self.allowed.is_empty() && Url::parse(text).is_ok_and(|url| self.is_listed(&url))
    }

    /// What is said of `target` when it turns out to have a private address.
    pub fn private(&self, target: &Target, what: &'static str) -> Refusal {
        let host = host_name(&target.url);
        match self.is_listed(&target.url) {
            true => Refusal::ForeignLink { host },
            false => Refusal::Private { host, what },
        }
    }

    /// Whether the allow list names the host of `url`, with its port or without.
    fn is_listed(&self, url: &Url) -> bool {
        let host = host_name(url);
        let port = url.port_or_known_default();
        self.allowed.iter().any(|(name, only)| *name == host && only.is_none_or(|only| Some(only) == port))
    }

    fn checked(&self, target: Target) -> Result<Target, Refusal> {
        let url = &target.url;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::Scheme(url.scheme().to_string()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Userinfo);
        }
        if url.port() == Some(0) {
            return Err(Refusal::PortZero);
        }
        let literal = match url.host() {
            None | Some(Host::Domain("")) => return Err(Refusal::NoHost),
            Some(Host::Domain(_)) => return Ok(target),
            Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip),
        };
        match not_public(literal) {
            Some(what) if !self.may_be_private(&target) => Err(self.private(&target, what)),
            _ => Ok(target),
        }
    }
}

/// What a client dials: the addresses of a name, if it may dial all of them.
#[derive(Debug, Clone)]
pub struct GuardedResolver {
    pub resolver: Resolver,
    /// One private address among the answers refuses the name.
    pub is_public_only: bool,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let GuardedResolver { resolver, is_public_only } = self.clone();
        Box::pin(async move {
            let found = resolver.lookup(name.as_str()).await?;
            let answers = found.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect();
            let checked = if is_public_only { public_only(name.as_str(), answers)? } else { answers };
            Ok(Box::new(checked.into_iter()) as Addrs)
        })
    }
}

/// All of `answers`, if all are public: a mixed answer is a rebinding attack or
/// a split name server, and either way the next dial could take the private one.
fn public_only(host: &str, answers: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Refusal> {
    match answers.iter().find_map(|answer| not_public(behind_nat64(answer.ip()))) {
        Some(what) => Err(Refusal::Private { host: host.to_string(), what }),
        None => Ok(answers),
    }
}

/// A network that has IPv6 only reaches IPv4 sites through addresses of its
/// name server's making (RFC 6147); there the address inside decides.
fn behind_nat64(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) if v6.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0] => IpAddr::V4(last_four(v6)),
        other => other,
    }
}

fn last_four(ip: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = ip.octets();
    Ipv4Addr::new(a, b, c, d)
}

/// What an address is, when it is not one of the public internet.
pub fn not_public(ip: IpAddr) -> Option<&'static str> {
    match ip {
        IpAddr::V4(ip) => V4_REFUSED
            .iter()
            .find(|(net, bits, _)| {
                same_prefix(u128::from(ip.to_bits()), u128::from(net.to_bits()), 32 - bits)
            })
            .map(|(_, _, what)| *what),
        // Global unicast is 2000::/3; all else is refused unnamed as well as named.
        IpAddr::V6(ip) => V6_REFUSED
            .iter()
            .find(|(net, bits, _)| same_prefix(ip.to_bits(), net.to_bits(), 128 - bits))
            .map(|(_, _, what)| *what)
            .or_else(|| (ip.segments()[0] >> 13 != 1).then_some("a reserved address")),
    }
}

/// Whether `a` and `b` agree above their lowest `host_bits`, which is never a whole address.
fn same_prefix(a: u128, b: u128, host_bits: u32) -> bool {
    a >> host_bits == b >> host_bits
}

/// From the IANA registry of special-purpose IPv4 addresses, and what clouds add to it.
const V4_REFUSED: &[(Ipv4Addr, u32, &str)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, "an address of this host"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "a private address"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "an address of a provider's inner network"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "a loopback address"),
    (Ipv4Addr::new(168, 63, 129, 16), 32, "a cloud's metadata address"),
    (Ipv4Addr::new(169, 254, 169, 254), 32, "a cloud's metadata address"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "a link-local address"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "a private address"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "a reserved address"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "an address for documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "a 6to4 relay address"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "a private address"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "an address for benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "an address for documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "an address for documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "a multicast address"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "a reserved address"),
];

/// Named so that the message helps; each also hides an IPv4 address or a local one.
const V6_REFUSED: &[(Ipv6Addr, u32, &str)] = &[
    (Ipv6Addr::UNSPECIFIED, 128, "an address of this host"),
    (Ipv6Addr::LOCALHOST, 128, "a loopback address"),
    (Ipv6Addr::UNSPECIFIED, 96, "an IPv4 address in IPv6 form"),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, "an IPv4 address in IPv6 form"),
    (Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96, "an IPv4 address in IPv6 form"),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 32, "a NAT64 address"),
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64, "a discard address"),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "a tunnel or protocol address"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "an address for documentation"),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "a 6to4 address"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "an address for documentation"),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "a private address"),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "a link-local address"),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, "a private address"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "a multicast address"),
];

/// What a URL parser would forgive in silence (it drops line breaks and turns
/// `\` into `/`), so that two parsers could read two hosts.
fn check_text(text: &str) -> Result<(), Refusal> {
    if text.len() > URL_BYTES_MAX {
        return Err(Refusal::TooLong);
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::Control);
    }
    if text.contains('\\') {
        return Err(Refusal::Backslash);
    }
    Ok(())
}

/// `scheme://authority`, nothing less: `http:/host` and `http:///host` are
/// addresses to a browser and something else to other programs.
fn check_absolute(text: &str) -> Result<(), Refusal> {
    let Some((scheme, rest)) = text.split_once(':').filter(|_| has_scheme(text)) else {
        return Err(Refusal::NotAUrl);
    };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(Refusal::Scheme(scheme.to_ascii_lowercase()));
    }
    check_authority(rest)
}

fn check_authority(text: &str) -> Result<(), Refusal> {
    let rest = text.strip_prefix("//").ok_or(Refusal::NoHost)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(Refusal::Userinfo);
    }
    if authority.is_empty() || authority.starts_with(':') {
        return Err(Refusal::NoHost);
    }
    Ok(())
}

/// RFC 3986, 3.1.
fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// The host, and the port where it is not the scheme's own, to say in a message.
pub fn host_of(url: &Url) -> String {
    match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => url.host_str().unwrap_or_default().to_string(),
    }
}

/// The host as a user writes it: lower case, no brackets.
fn host_name(url: &Url) -> String {
    url.host_str().unwrap_or_default().trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase()
}

/// `host`, `host:port`, `[v6]:port`, `[v6]` or a bare IPv6 address, in the form `host_name` gives.
fn allowed_host(entry: &str) -> (String, Option<u16>) {
    let entry = entry.trim();
    let (host, port) = match entry.parse::<Ipv6Addr>() {
        Ok(_) => (format!("[{entry}]"), None),
        Err(_) => match entry.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?))) {
            Some((host, port)) => (host.to_string(), Some(port)),
            None => (entry.to_string(), None),
        },
    };
    // Through the same parser as the URLs, so that both sides spell alike.
    let name =
        Url::parse(&format!("http://{host}/")).map_or_else(|_| host.to_lowercase(), |url| host_name(&url));
    (name, port)
}

#[cfg(test)]
mod tests;
