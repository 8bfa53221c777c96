//! A note as one request to its service: what has room, in the service's dialect.
//!
//! Where a service can be told that a text is plain, it is; where not, what its markup
//! is made of is escaped, and an `@` is cut off from the name behind it.

use super::address::{Address, Login, Service};
use crate::digest::{Note, NoteStory};
use serde_json::{Value, json};
use url::Url;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Post,
    Put,
}

/// What a service is asked. Not to be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// How a text has to be written for one service.
struct Dialect {
    /// In what `measure` counts.
    room: usize,
    measure: fn(&str) -> usize,
    escape: fn(&str) -> String,
    link: fn(&str) -> String,
    /// What is to be typed: to the letter, set apart where that can be.
    code: fn(&str) -> String,
}

/// Nothing that separates, and nothing that is seen: behind it no name is meant.
const CUT: &str = "\u{200b}";

/// The request that tells `note`; `message_id` makes a repeat known again where the
/// service can know it.
pub fn request(address: &Address, note: &Note, message_id: &str) -> Request {
    let dialect = dialect(address.service);
    let text = text(note, &dialect, address.service != Service::Ntfy);
    let (url, body) = match address.service {
        Service::Telegram => telegram(address, &text),
        Service::Ntfy => ntfy(address, note, &text),
        Service::Matrix => matrix(address, &text, message_id),
        Service::Slack => {
            let body = json!({"text": text, "mrkdwn": false, "unfurl_links": false, "unfurl_media": false});
            (address.url.clone(), body)
        }
        // 4: no previews of links.
        Service::Discord => {
            let body = json!({"content": text, "allowed_mentions": {"parse": []}, "flags": 4});
            (address.url.clone(), body)
        }
        Service::Mattermost => (address.url.clone(), json!({"text": text})),
    };
    let mut headers = vec![("content-type", "application/json".to_owned())];
    headers.extend(address.login.as_ref().map(|login| ("authorization", authorization(login))));
    let method = if address.service == Service::Matrix { Method::Put } else { Method::Post };
    Request { method, url: url.into(), headers, body: body.to_string().into_bytes() }
}

fn authorization(login: &Login) -> String {
    let scheme = match login {
        Login::Token(_) => "Bearer",
        Login::Password(..) => "Basic",
    };
    format!("{scheme} {}", login.credentials())
}

/// The address with the last `taken` pieces of its path replaced.
fn beside(url: &Url, taken: usize, pieces: &[&str]) -> Url {
    let mut url = url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty();
        (0..taken).for_each(|_| {
            path.pop();
        });
        path.extend(pieces);
    }
    url
}

/// Without `parse_mode` a text has no markup (Bot API, `sendMessage`).
fn telegram(address: &Address, text: &str) -> (Url, Value) {
    let body =
        json!({"chat_id": address.last(), "text": text, "link_preview_options": {"is_disabled": true}});
    (beside(&address.url, 1, &["sendMessage"]), body)
}

/// As JSON, since a title in a header is ASCII; 4 is "high", what rings longer.
fn ntfy(address: &Address, note: &Note, text: &str) -> (Url, Value) {
    let mut body = json!({"topic": address.last(), "title": note.subject, "message": text});
    if note.is_urgent {
        body["priority"] = 4.into();
    }
    if let ([story], 0) = (note.stories.as_slice(), note.more) {
        body["click"] = story.link.clone().into();
    }
    (beside(&address.url, 1, &[]), body)
}

/// `m.mentions` says who is meant: nobody (client-server API, 11.38). A transaction
/// of the same name is the same message.
fn matrix(address: &Address, text: &str, message_id: &str) -> (Url, Value) {
    let path = ["_matrix", "client", "v3", "rooms", &address.last(), "send", "m.room.message", message_id];
    let body = json!({"msgtype": "m.text", "body": text, "m.mentions": {}});
    (beside(&address.url, 1, &path), body)
}

/// The limits as the services document them: Slack's best length of `text`; Discord's
/// `content`; Mattermost's `PostMessageMaxRunesV2`; Telegram's `text` in UTF-16 units;
/// ntfy's message, past which it becomes a file; Matrix's event of 65,536 octets.
fn dialect(service: Service) -> Dialect {
    let dialect = |room, escape, link| Dialect { room, measure: units, escape, link, code: str::to_owned };
    match service {
        Service::Slack => Dialect { code: slack, ..dialect(4_000, slack, slack) },
        Service::Discord => {
            Dialect { code: code_span, ..dialect(2_000, markdown, |link| format!("<{link}>")) }
        }
        Service::Mattermost => {
            Dialect { code: code_span, ..dialect(16_383, markdown, |link| link.replace('@', "%40")) }
        }
        Service::Telegram => dialect(4_096, unmeant, str::to_owned),
        Service::Ntfy => Dialect { measure: octets, ..dialect(4_096, str::to_owned, str::to_owned) },
        Service::Matrix => Dialect { measure: octets, ..dialect(60_000, unmeant, str::to_owned) },
    }
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Octets as JSON has them: never fewer than the text's own.
fn octets(text: &str) -> usize {
    text.chars().map(|c| if matches!(c, '"' | '\\' | '\n') { 2 } else { c.len_utf8() }).sum()
}

/// The three characters that Slack's markup is made of; it knows them again in links.
fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn unmeant(text: &str) -> String {
    text.replace('@', &format!("@{CUT}"))
}

/// Mattermost reads Slack's `<!here>` behind a backslash too, so `<` is cut off as well.
fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        if r"\`*_~|#>[]()!".contains(c) || c == '<' {
            escaped.push('\\');
        }
        escaped.push(c);
        if matches!(c, '@' | '<') {
            escaped.push_str(CUT);
        }
    }
    escaped
}

/// Code as Markdown has it: nothing in it is markup or a mention. Behind a fence longer
/// than any run of backticks within (CommonMark, 6.1).
fn code_span(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// A text that grows as long as there is room.
struct Page<'d> {
    text: String,
    used: usize,
    dialect: &'d Dialect,
}

impl Page<'_> {
    /// Adds a line, if `room` has it.
    fn add(&mut self, line: &str, room: usize) -> bool {
        let needs = (self.dialect.measure)(line) + (self.dialect.measure)("\n");
        if self.used + needs > room {
            return false;
        }
        if self.used > 0 {
            self.text.push('\n');
        }
        self.text.push_str(line);
        self.used += needs;
        true
    }

    /// Adds as many of `lines` as `room` has, and `left_out` of the rest and of `beside`.
    fn add_some(&mut self, lines: &[String], beside: usize, room: usize, left_out: impl Fn(usize) -> String) {
        let size = |line: &str| (self.dialect.measure)(line) + (self.dialect.measure)("\n");
        let all = self.used + lines.iter().map(|line| size(line)).sum::<usize>();
        let reserved = if all > room || beside > 0 { size(&left_out(usize::MAX)) } else { 0 };
        let told = lines.iter().take_while(|line| self.add(line, room.saturating_sub(reserved))).count();
        let more = lines.len() - told + beside;
        if more > 0 {
            self.add(&left_out(more), room);
        }
    }
}

/// The subject, what stands before the stories, as many of them as have room, how many
/// have not, and the foot.
fn text(note: &Note, dialect: &Dialect, with_subject: bool) -> String {
    let page = |text| Page { text, used: 0, dialect };
    let (mut page, mut foot) = (page(String::new()), page(String::new()));
    let quarter = dialect.room / 4;
    let escaped = |lines: &[String]| lines.iter().map(|line| (dialect.escape)(line)).collect::<Vec<_>>();
    let left_out = |count, command: Option<&str>| match command {
        Some(command) => format!("and {count} more: {}", (dialect.code)(command)),
        None => format!("and {count} more"),
    };
    if let Some((last, sick)) = escaped(&note.foot).split_last() {
        let room = quarter.saturating_sub((dialect.measure)(last));
        foot.add_some(sick, note.foot_more, room, |count| left_out(count, Some("newswatch status")));
        foot.add(last, quarter.max((dialect.measure)(last) + foot.used + 2));
    }
    if with_subject {
        page.add(&(dialect.escape)(&note.subject), dialect.room);
    }
    let left_out = |count| left_out(count, note.command.as_deref());
    page.add_some(&escaped(&note.head), 0, 2 * quarter, left_out);
    let reserved = (dialect.measure)(&left_out(usize::MAX)) + foot.used + 4;
    let room = dialect.room.saturating_sub(reserved);
    // The subject of a single story has its title already.
    let is_said =
        |story: &NoteStory| note.stories.len() == 1 && note.more == 0 && note.subject.contains(&story.title);
    let told = note.stories.iter().take_while(|story| tell(&mut page, story, is_said(story), room)).count();
    let more = note.stories.len() - told + note.more;
    if more > 0 {
        page.add(&format!("\n{}", left_out(more)), dialect.room);
    }
    if !foot.text.is_empty() {
        page.add(&format!("\n{}", foot.text), dialect.room);
    }
    page.text.trim().to_owned()
}

/// One story in full, without its reason, or by its title alone; without the title
/// where that is said.
fn tell(page: &mut Page<'_>, story: &NoteStory, is_said: bool, room: usize) -> bool {
    let dialect = page.dialect;
    let title = if is_said { String::new() } else { format!("\n• {}", (dialect.escape)(&story.title)) };
    let link = story.link.as_ref().map(|link| format!("\n{}", (dialect.link)(link))).unwrap_or_default();
    let detail = if story.detail.is_empty() {
        String::new()
    } else {
        format!("\n{}", (dialect.escape)(&story.detail))
    };
    let command = story.command.as_ref().map(|command| format!("\n{}", (dialect.code)(command)));
    let command = command.unwrap_or_default();
    let blocks = [
        format!("{title}{link}{detail}{command}"),
        format!("{title}{link}{command}"),
        format!("{title}{link}"),
        title,
    ];
    blocks.iter().any(|block| page.add(block, room))
}
