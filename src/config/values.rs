//! What a string of the file means: addresses, times, names.
//!
//! Invariant: an error quotes what was written and shows what would be right,
//! but never repeats what may be a secret.

use super::Listen;
use crate::chat;
use chrono::NaiveTime;
use chrono_tz::{TZ_VARIANTS, Tz};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use url::{Host, Url};

/// Sources are not polled more often than this: manners.
const INTERVAL_LEAST: Duration = Duration::from_secs(60);
const INTERVAL_MOST: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// RFC 5321, 4.5.3.1.
const LOCAL_PART_BYTES_MAX: usize = 64;
const ADDRESS_BYTES_MAX: usize = 254;
const PUBLIC_URL_BYTES_MAX: usize = 200;

/// Most names that an error lists.
const LISTED_MAX: usize = 20;

/// `; did you mean …?`, or what there is to choose from.
pub fn hint<'n>(written: &str, known: impl Iterator<Item = &'n str> + Clone) -> String {
    if let Some(name) = near(written, known.clone()) {
        return format!("; did you mean `{name}`?");
    }
    let mut names: Vec<String> = known.take(LISTED_MAX + 1).map(|name| format!("`{name}`")).collect();
    names.dedup();
    match names.len() {
        1..=LISTED_MAX => format!("; there is {}", names.join(", ")),
        _ => String::new(),
    }
}

/// The name that `written` is most likely a slip for.
pub fn near<'n>(written: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    known.filter(|name| is_near(written, name)).min_by_key(|name| distance(written, name))
}

/// Whether `written` could be a slip for `name`.
pub fn is_near(written: &str, name: &str) -> bool {
    distance(written, name) <= written.chars().count().div_ceil(3)
}

fn distance(written: &str, name: &str) -> usize {
    strsim::damerau_levenshtein(&written.to_lowercase(), &name.to_lowercase())
}

/// A zone of the tz database.
pub fn zone(name: &str) -> Result<Tz, String> {
    name.parse().map_err(|_| {
        let names = TZ_VARIANTS.iter().map(|zone| zone.name());
        let city = |zone: &&str| zone.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(name));
        let hint = match names.clone().find(city) {
            Some(zone) => format!("; did you mean `{zone}`?"),
            None => hint(name, names),
        };
        let hint = if hint.is_empty() { "; write it like `Europe/Brussels` or `UTC`" } else { &hint };
        format!("unknown time zone `{name}`{hint}")
    })
}

/// `10m`, `1h30m`, `2d`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no interval; write it like `10m`, `1h30m` or `2d`");
    let (mut seconds, mut number) = (0_u64, String::new());
    for character in text.chars() {
        if character.is_ascii_digit() {
            number.push(character);
            continue;
        }
        let unit = match character {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            _ => return Err(wrong()),
        };
        let count: u64 = number.parse().map_err(|_| wrong())?;
        seconds = count.checked_mul(unit).and_then(|more| seconds.checked_add(more)).ok_or_else(wrong)?;
        number.clear();
    }
    if text.is_empty() || !number.is_empty() { Err(wrong()) } else { Ok(Duration::from_secs(seconds)) }
}

/// How often a source is polled.
pub fn interval(text: &str) -> Result<Duration, String> {
    let interval = duration(text).map_err(|error| format!("{error}, or `adaptive`"))?;
    if interval < INTERVAL_LEAST {
        return Err(format!("`{text}` is too often; publishers block below `1m`"));
    }
    if interval > INTERVAL_MOST {
        return Err(format!("`{text}` is too rare; `30d` at most"));
    }
    Ok(interval)
}

/// `22:00-06:00`.
pub fn times(text: &str) -> Result<(NaiveTime, NaiveTime), String> {
    let time = |text: &str| NaiveTime::parse_from_str(text.trim(), "%H:%M").ok();
    let times = text.split_once('-').and_then(|(from, to)| Some((time(from)?, time(to)?)));
    match times {
        Some((from, to)) if from == to => {
            Err(format!("`{text}` begins and ends at the same time; leave it out"))
        }
        Some(times) => Ok(times),
        None => Err(format!("`{text}` is no span of time; write it like `22:00-06:00`")),
    }
}

/// A plain mail address, `desk@example.org`: no display name, ASCII.
pub fn address(text: &str) -> Result<String, String> {
    let is_local = |local: &str| {
        !local.is_empty()
            && local.len() <= LOCAL_PART_BYTES_MAX
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte))
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let right = text.len() <= ADDRESS_BYTES_MAX
        && text
            .split_once('@')
            .is_some_and(|(local, domain)| is_local(local) && domain.split('.').all(is_label));
    if right {
        return Ok(text.into());
    }
    Err(format!("`{text}` is no mail address; write it like `desk@example.org`"))
}

/// The name of a group of users.
pub fn group(text: &str) -> Result<String, String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if !text.is_empty() && text.chars().all(is_name) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is not the name of a group; write e.g. `newsdesk`"))
}

/// Who is told, as `to` and `ops_to` name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    Mail(String),
    /// As written, `chat:newsroom`.
    Chat(String),
}

/// A mail address, or a chat by its name in the list.
pub fn recipient(text: &str) -> Result<Recipient, String> {
    match chat::name(text) {
        Some(name) if chat::is_name(name) => Ok(Recipient::Chat(text.into())),
        // Not repeated: it may be a password.
        _ if text.contains("://") => Err("the address of a chat is a secret and stands in the list that `urls_file` under `[chat]` names; \
             write the chat's name here, `chat:newsroom`"
            .into()),
        Some(_) => Err(format!("`{text}` names no chat; write it like `chat:newsroom`")),
        None => address(text).map(Recipient::Mail),
    }
}

/// Where a source lies: http or https, nothing hidden in it.
pub fn url(text: &str) -> Result<String, String> {
    if text
        .contains(|character: char| character.is_control() || character.is_whitespace() || character == '\\')
    {
        return Err("the address has a space, control character or backslash in it".into());
    }
    let url = Url::parse(text).map_err(|error| {
        format!("`{text}` is no address ({error}); write it like `https://eurasianet.org/rss.xml`")
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("`{}:` addresses are not read; only `http:` and `https:` are", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Not repeated: it may be a password.
        return Err("the address has a user name or password in it; take out what stands before `@`".into());
    }
    if url.port() == Some(0) {
        return Err(format!("`{text}` names port 0, which does not exist"));
    }
    Ok(text.into())
}

/// Where a program is told; in clear only on this machine.
pub fn post_address(text: &str) -> Result<String, String> {
    let address = url(text).map_err(|why| match Url::parse(text) {
        Ok(_) => why,
        Err(_) => format!("`{text}` is no address; write it like `https://hooks.example.org/newswatch`"),
    })?;
    let host = Url::parse(text).ok().and_then(|url| url.host_str().map(String::from)).unwrap_or_default();
    if text.starts_with("https:") || is_loopback(&host) {
        return Ok(address);
    }
    Err(format!("a post to `{host}` would go in clear: write `https://`"))
}

/// Where the page is served: an address with its port, or a Unix socket's path.
pub fn listen(text: &str) -> Result<Listen, String> {
    if text.starts_with('/') && !text.ends_with('/') && !text.contains(char::is_control) {
        return Ok(Listen::Socket(text.into()));
    }
    if let Some(port) = text.strip_prefix("localhost:").and_then(|port| port.parse().ok()) {
        return Ok(Listen::Address(SocketAddr::from((Ipv4Addr::LOCALHOST, port))));
    }
    text.parse().map(Listen::Address).map_err(|_| {
        format!(
            "`{text}` is no address to listen at; write it like `127.0.0.1:8808`, `[::1]:8808` or `/run/newswatch/web.sock`"
        )
    })
}

/// The address under which a reverse proxy shows the page; goes into headers of mail.
pub fn public_url(text: &str) -> Result<String, String> {
    let address = url(text).map_err(|why| match Url::parse(text) {
        Ok(_) => why,
        Err(_) => format!("`{text}` is no address; write it like `https://news.example.org`"),
    })?;
    let parsed = Url::parse(&address).map_err(|error| error.to_string())?;
    if parsed.scheme() != "https" {
        return Err(format!("`{text}` would show the page in clear: write `https://`"));
    }
    if parsed.query().is_some() || parsed.fragment().is_some() || parsed.as_str().len() > PUBLIC_URL_BYTES_MAX
    {
        return Err(format!(
            "`{text}` is too much of an address: host and path alone, such as `https://news.example.org`"
        ));
    }
    Ok(parsed.as_str().trim_end_matches('/').into())
}

/// A way for publishers to reach somebody; goes into a header.
pub fn contact(text: &str) -> Result<String, String> {
    if text.starts_with("http") { url(text) } else { address(text) }
        .map_err(|_| format!("`{text}` is neither a mail address nor an http address publishers could use"))
}

/// A host, or one port of it: `intranet.example.org`, `127.0.0.1:8080`, `[::1]:8080`.
pub fn host_or_port(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok_and(|port| port > 0) && host(name).is_ok() => {
            Ok(text.into())
        }
        _ => host(text),
    }
}

/// A host's name or address alone.
pub fn host(text: &str) -> Result<String, String> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let right = bare.parse::<IpAddr>().is_ok() || (!text.is_empty() && Host::parse(text).is_ok());
    right
        .then(|| text.to_owned())
        .ok_or_else(|| format!("`{text}` is no host; write the name alone, such as `intranet.example.org`"))
}

/// Whether a connection to `host` stays on this machine, by the name alone.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A name for people: something, on one line.
pub fn name(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("the name is empty".into()),
        _ if text.contains(char::is_control) => Err("the name has a control character in it".into()),
        trimmed => Ok(trimmed.into()),
    }
}

/// A language tag such as `ky` or `uz-Latn` (RFC 5646, loosely).
pub fn language(text: &str) -> Result<String, String> {
    let mut parts = text.split('-');
    let first = parts.next().is_some_and(|part| {
        (2..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase())
    });
    let right = first
        && parts.all(|part| {
            (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    right
        .then(|| text.to_owned())
        .ok_or_else(|| format!("`{text}` is no language; write it like `ky` or `uz-Latn`"))
}

/// A string that may hold anything but control characters.
pub fn line(text: &str) -> Result<String, String> {
    match text {
        "" => Err("the value is empty; leave the key out instead".into()),
        _ if text.contains(char::is_control) => Err("the value has a control character in it".into()),
        _ => Ok(text.into()),
    }
}
