//! Who may look: the host that was asked for, and the token that was shown.
//!
//! Invariant: a name that leads here by somebody else's DNS shows nothing; the token
//! itself is not kept, and comparing takes as long whatever was shown.

use crate::config::{Listen, Web};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use ring::hmac;
use ring::rand::SystemRandom;
use std::collections::HashSet;
use std::net::IpAddr;
use url::{Url, form_urlencoded};

/// A token that is tried from afar has to have some length.
const TOKEN_BYTES_MIN: usize = 16;

/// The token of `[web]` could be guessed.
#[derive(Debug, thiserror::Error)]
#[error(
    "the token of `[web]` is shorter than {TOKEN_BYTES_MIN} characters; `openssl rand -hex 16` prints a good one"
)]
pub struct TokenTooShort;

/// Hosts the page is shown under, whatever the port: it may be a tunnel's.
#[derive(Debug)]
pub struct Hosts {
    names: HashSet<String>,
    /// Listening at every address, each is good; an address is nobody's DNS name.
    any_address: bool,
}

impl Hosts {
    pub fn of(web: &Web) -> Hosts {
        let mut names = HashSet::from(["localhost".to_owned()]);
        let mut any_address = false;
        if let Listen::Address(address) = &web.listen {
            names.insert(address.ip().to_string());
            any_address = address.ip().is_unspecified();
        }
        let public = web.public_url.as_deref().and_then(|url| Url::parse(url).ok());
        names.extend(public.and_then(|url| Some(bare(url.host_str()?))));
        Hosts { names, any_address }
    }

    /// Whether every host that a request names is one of them, and it names one.
    pub fn has(&self, head: &Parts) -> bool {
        let in_address = head.uri.host().map(Some);
        let in_headers =
            head.headers.get_all(header::HOST).iter().map(|host| host.to_str().ok().and_then(host_of));
        let mut asked = in_address.into_iter().chain(in_headers).peekable();
        asked.peek().is_some() && asked.all(|host| host.is_some_and(|host| self.is_one(host)))
    }

    fn is_one(&self, host: &str) -> bool {
        let host = bare(host);
        self.names.contains(&host) || (self.any_address && host.parse::<IpAddr>().is_ok())
    }
}

/// Without brackets, in lower case.
fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase()
}

/// The host of `host:port`; a user name before it is somebody's trick.
fn host_of(text: &str) -> Option<&str> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (text, "0"),
    };
    (!host.contains('@') && port.parse::<u16>().is_ok()).then_some(host)
}

/// What a reader has to show, under a key of this process.
#[derive(Debug)]
pub struct Token {
    key: hmac::Key,
    tag: hmac::Tag,
}

impl Token {
    /// # Errors
    /// It could be guessed.
    pub fn new(token: &str) -> Result<Token, TokenTooShort> {
        if token.len() < TOKEN_BYTES_MIN {
            return Err(TokenTooShort);
        }
        let key = random_key();
        let tag = hmac::sign(&key, token.as_bytes());
        Ok(Token { key, tag })
    }

    /// Whether a request shows it, as `?token=` or as a bearer's.
    pub fn is_shown(&self, head: &Parts) -> bool {
        let query = head.uri.query().unwrap_or_default();
        let in_query = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "token");
        let in_query = in_query.map(|(_, value)| value.into_owned());
        in_query.chain(bearer(&head.headers)).any(|shown| self.is(&shown))
    }

    fn is(&self, shown: &str) -> bool {
        hmac::verify(&self.key, shown.as_bytes(), self.tag.as_ref()).is_ok()
    }
}

/// Whether two values are the same, as long in coming whatever they are.
pub fn same(shown: &[u8], expected: &[u8]) -> bool {
    let key = random_key();
    hmac::verify(&key, shown, hmac::sign(&key, expected).as_ref()).is_ok()
}

fn random_key() -> hmac::Key {
    hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).expect("the system has random numbers")
}

/// RFC 6750, 2.1.
fn bearer(headers: &HeaderMap) -> Option<String> {
    let (scheme, shown) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| shown.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_of_ours_or_nothing_is_shown() {
        let site = |listen: &str| {
            let listen = match listen.starts_with('/') {
                true => Listen::Socket(listen.into()),
                false => Listen::Address(listen.parse().expect("an address")),
            };
            Hosts::of(&Web { listen, token: None, public_url: Some("https://News.example.org/watch".into()) })
        };
        let check = |listen: &str, hosts: &[&str], expected: bool| {
            for host in hosts {
                let request = axum::http::Request::builder().uri("/").header("host", *host);
                let (head, ()) = request.body(()).expect("a request").into_parts();
                assert_eq!(site(listen).has(&head), expected, "`{host}` at {listen}");
            }
        };
        let everywhere = ["localhost", "LOCALHOST:9", "news.example.org", "NEWS.example.org:443"];
        check("127.0.0.1:8808", &everywhere, true);
        check("/run/newswatch/web.sock", &everywhere, true);
        check("127.0.0.1:8808", &["127.0.0.1", "127.0.0.1:8808"], true);
        check("[::1]:8808", &["[::1]", "[::1]:8808"], true);
        check("0.0.0.0:8808", &["192.0.2.7:8808", "[2001:db8::7]:8808"], true);
        let others = [
            "",
            "evil.example",
            "localhost.evil.example",
            "a@localhost",
            "localhost:",
            "localhost:x",
            "127.0.0.1.evil.example",
            "127.0.0.2",
            "news.example.org@evil.example",
            "[::1",
            "0x7f000001",
            "evil.example:8808",
        ];
        check("127.0.0.1:8808", &others, false);
        check("0.0.0.0:8808", &["evil.example", "192.0.2.7.evil.example", ""], false);
        let (head, ()) = axum::http::Request::builder().uri("/").body(()).expect("a request").into_parts();
        assert!(!site("127.0.0.1:8808").has(&head), "no host at all");
    }
}
