//! One address of the list: which service it is of, and where that is asked.
//!
//! The spellings are those people have at hand: what the service itself shows
//! (`https://hooks.slack.com/…`), the short form that other notifiers read
//! (`tgram://TOKEN/CHAT`), and, for servers of one's own, the address with the
//! service's name before it (`mattermost+https://chat.example.org/hooks/…`).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use url::{Host, Url};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Slack,
    Discord,
    Mattermost,
    Telegram,
    Ntfy,
    Matrix,
}

/// What may stand before `://`.
const SCHEMES: [(&str, Service); 11] = [
    ("slack", Service::Slack),
    ("discord", Service::Discord),
    ("mattermost", Service::Mattermost),
    ("mmost", Service::Mattermost),
    ("mmosts", Service::Mattermost),
    ("telegram", Service::Telegram),
    ("tgram", Service::Telegram),
    ("ntfy", Service::Ntfy),
    ("ntfys", Service::Ntfy),
    ("matrix", Service::Matrix),
    ("matrixs", Service::Matrix),
];

/// Hosts whose own addresses say which service they are of.
const HOSTS: [(&str, Service); 4] = [
    ("hooks.slack.com", Service::Slack),
    ("discord.com", Service::Discord),
    ("discordapp.com", Service::Discord),
    ("ntfy.sh", Service::Ntfy),
];

/// A piece of an address this long may be a secret.
const SECRET_BYTES_LEAST: usize = 6;

/// Where a chat is reached. Never printed: its path is the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    pub service: Service,
    /// Without user and password.
    pub(super) url: Url,
    /// `Authorization`, ready made.
    pub(super) login: Option<Login>,
    /// Pieces that nobody may read.
    pub(super) secrets: Vec<String>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Login {
    Token(String),
    Password(String, String),
}

impl Login {
    /// What stands behind the scheme in `Authorization`: Bearer's token, or Basic's
    /// user and password (RFC 7617, 2).
    pub(super) fn credentials(&self) -> String {
        match self {
            Login::Token(token) => token.clone(),
            Login::Password(user, password) => BASE64_STANDARD.encode(format!("{user}:{password}")),
        }
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Address").field(&self.service).finish()
    }
}

impl Service {
    /// As it calls itself.
    pub fn name(self) -> &'static str {
        match self {
            Service::Slack => "Slack",
            Service::Discord => "Discord",
            Service::Mattermost => "Mattermost",
            Service::Telegram => "Telegram",
            Service::Ntfy => "ntfy",
            Service::Matrix => "Matrix",
        }
    }

    /// How its addresses are written.
    fn example(self) -> &'static str {
        match self {
            Service::Slack => "`https://hooks.slack.com/services/T…/B…/…` or `slack://T…/B…/…`",
            Service::Discord => "`https://discord.com/api/webhooks/ID/TOKEN` or `discord://ID/TOKEN`",
            Service::Mattermost => "`mattermost://chat.example.org/KEY`",
            Service::Telegram => "`telegram://TOKEN/CHAT`",
            Service::Ntfy => "`ntfy://TOPIC` or `ntfy://ntfy.example.org/TOPIC`",
            Service::Matrix => "`matrix://TOKEN@matrix.example.org/!ROOM:example.org`",
        }
    }
}

impl Address {
    /// Reads one address.
    ///
    /// # Errors
    /// What is wrong and how it is written, without repeating any of it.
    pub fn parse(text: &str) -> Result<Address, String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err("this is no address; write it like `telegram://TOKEN/CHAT`".into());
        };
        if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err("the address has a space, control character or backslash in it".into());
        }
        let scheme = scheme.to_ascii_lowercase();
        let (service, web) = match scheme.split_once('+') {
            None if scheme == "https" => (of_host(rest)?, Some("https")),
            Some((name, web @ ("https" | "http"))) => (of_scheme(name)?, Some(web)),
            _ => (of_scheme(&scheme)?, None),
        };
        let wrong = || format!("write an address of {} like {}", service.name(), service.example());
        let url = match web {
            Some(web) => format!("{web}://{rest}"),
            None => whole(service, rest).ok_or_else(wrong)?,
        };
        let mut url = Url::parse(&url).map_err(|_| wrong())?;
        if url.scheme() == "http" && !is_loopback(&url) {
            return Err("it would be told in clear: only this machine is, others with `+https://`".into());
        }
        let login = login(&url).map_err(|()| wrong())?;
        let takes_login = matches!(service, Service::Ntfy | Service::Matrix);
        if (login.is_some() && !takes_login) || url.fragment().is_some() || url.port() == Some(0) {
            return Err(wrong());
        }
        // Neither fails for an address with a host.
        let _ = (url.set_username(""), url.set_password(None));
        let secrets = secrets(&url, login.as_ref());
        let address = Address { service, url, login, secrets };
        if address.is_whole() { Ok(address) } else { Err(wrong()) }
    }

    /// The host that is asked, which is no secret.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Scheme, host and port, which are no secret.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// What stands last in the path, as it is meant: a chat, a topic or a room.
    pub(super) fn last(&self) -> String {
        decoded(self.pieces().last().copied().unwrap_or_default())
    }

    /// The path's pieces, as written.
    fn pieces(&self) -> Vec<&str> {
        self.url.path().split('/').filter(|piece| !piece.is_empty()).collect()
    }

    /// Whether everything is there that its service needs.
    fn is_whole(&self) -> bool {
        match (self.service, self.pieces().as_slice()) {
            (Service::Slack, pieces) if self.host() == "hooks.slack.com" => pieces.len() == 4,
            (Service::Slack, pieces) => !pieces.is_empty(),
            (Service::Discord, [.., webhooks, _, _]) => *webhooks == "webhooks",
            (Service::Mattermost, [.., hooks, _]) => *hooks == "hooks",
            (Service::Telegram, [.., bot, _]) => {
                bot.strip_prefix("bot").is_some_and(|token| !token.is_empty())
            }
            (Service::Ntfy, [.., _]) => true,
            (Service::Matrix, [.., _]) => {
                matches!(self.login, Some(Login::Token(_))) && self.last().starts_with('!')
            }
            _ => false,
        }
    }
}

fn of_scheme(name: &str) -> Result<Service, String> {
    let found = SCHEMES.iter().find(|(scheme, _)| *scheme == name);
    found.map(|(_, service)| *service).ok_or_else(|| {
        let near = SCHEMES.iter().min_by_key(|(scheme, _)| strsim::damerau_levenshtein(name, scheme));
        match near.filter(|(scheme, _)| strsim::damerau_levenshtein(name, scheme) <= 2) {
            Some((scheme, _)) => format!("no service is written so; did you mean `{scheme}://`?"),
            None => "no service is written so; there is `slack://`, `discord://`, `mattermost://`, \
                     `telegram://`, `ntfy://` and `matrix://`"
                .into(),
        }
    })
}

/// The service of an address that was copied from it.
fn of_host(rest: &str) -> Result<Service, String> {
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default();
    let found = HOSTS.iter().find(|(known, _)| host.eq_ignore_ascii_case(known));
    found.map(|(_, service)| *service).ok_or_else(|| {
        "the address does not say which service it is of: write it before, as in `mattermost+https://`".into()
    })
}

/// The address behind a short form. Where a host or a topic may have been forgotten
/// there is none: what is meant for one server must not be told to another.
fn whole(service: Service, rest: &str) -> Option<String> {
    let pieces: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
    match (service, pieces.as_slice()) {
        (Service::Slack, [a, b, c]) if is_key(a, "T") && is_key(b, "B") && is_key(c, "") => {
            Some(format!("https://hooks.slack.com/services/{a}/{b}/{c}"))
        }
        (Service::Discord, [id, token])
            if !token.contains('@') && id.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            Some(format!("https://discord.com/api/webhooks/{id}/{token}"))
        }
        (Service::Telegram, [token, chat]) if !token.contains('@') => {
            // As it stands in the addresses of the Bot API.
            let token = token.strip_prefix("bot").unwrap_or(token);
            Some(format!("https://api.telegram.org/bot{token}/{chat}"))
        }
        (Service::Mattermost, [host, key]) => Some(format!("https://{host}/hooks/{key}")),
        (Service::Mattermost, [_, .., _]) | (Service::Ntfy | Service::Matrix, [_, _, ..]) => {
            Some(format!("https://{rest}"))
        }
        // A topic alone is one of the public server; a host would be read in lower case.
        (Service::Ntfy, [topic]) if topic.chars().all(is_of_topic) => {
            Some(format!("https://ntfy.sh/{topic}"))
        }
        _ => None,
    }
}

/// Letters and digits behind what Slack begins its names of teams and hooks with.
fn is_key(piece: &str, begins: &str) -> bool {
    let rest = piece.strip_prefix(begins).unwrap_or_default();
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// What ntfy's topics are made of; a host has a dot, and a login an `@`.
fn is_of_topic(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// `TOKEN@`, `:TOKEN@` or `USER:PASSWORD@`. An error where it cannot stand in a header.
fn login(url: &Url) -> Result<Option<Login>, ()> {
    let (user, password) = (decoded(url.username()), decoded(url.password().unwrap_or_default()));
    let login = match (user.as_str(), password.as_str()) {
        ("", "") => return Ok(None),
        (token, "") | ("", token) => Login::Token(token.to_owned()),
        _ => Login::Password(user.clone(), password),
    };
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    match &login {
        Login::Token(token) if !is_plain(token) => Err(()),
        _ => Ok(Some(login)),
    }
}

/// Percent-encoding undone (RFC 3986, 2.1).
fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// What an answer might repeat: the path's pieces and their parts, and who logs in.
fn secrets(url: &Url, login: Option<&Login>) -> Vec<String> {
    let pieces = url.path().split('/').flat_map(|piece| {
        let token = piece.strip_prefix("bot").unwrap_or(piece);
        let key = token.split_once(':').map_or(token, |(_, key)| key);
        [piece.to_owned(), decoded(piece), token.to_owned(), key.to_owned()]
    });
    let logins = match login {
        Some(Login::Token(token)) => vec![token.clone()],
        Some(login @ Login::Password(user, password)) => {
            vec![password.clone(), user.clone(), login.credentials()]
        }
        None => Vec::new(),
    };
    let query = url.query().unwrap_or_default().to_owned();
    let all = pieces.chain(logins).chain([query]);
    let mut secrets: Vec<String> = all.filter(|piece| piece.len() >= SECRET_BYTES_LEAST).collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    secrets
}
