//! JSON Feed 1.0 and 1.1, read leniently.
//!
//! Invariants: depth is bounded, items are read one at a time so memory does
//! not grow with their number, and a document cut off in the middle gives all
//! items before the cut.

use crate::feed::dates::parse_date;
use crate::feed::map::{NAMES_MAX, as_html};
use crate::feed::{Dialect, Entry, FAULTS_MAX, Fault, Feed, TEXT_BYTES_MAX, charset, truncate};

/// Values nested deeper are skipped.
const DEPTH_MAX: usize = 64;
/// Values kept of one item, and of all that stands outside the items.
const VALUES_MAX: usize = 50_000;

/// A JSON value; numbers stay as written, for an id may be one.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Nothing,
    Text(String),
    Number(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl Value {
    fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Object(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// A member as text, trimmed; numbers count, for ids are often numbers; none when empty.
    fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(Value::as_text)
    }

    fn as_text(&self) -> Option<String> {
        match self {
            Value::Text(text) | Value::Number(text) => {
                let text = charset::mend(truncate(text.trim(), TEXT_BYTES_MAX).to_owned());
                (!text.is_empty()).then_some(text)
            }
            _ => None,
        }
    }

    /// The members of a list; a lone value counts as a list of one.
    fn list(&self, name: &str) -> &[Value] {
        match self.get(name) {
            Some(Value::List(list)) => list,
            Some(Value::Nothing) | None => &[],
            Some(one) => std::slice::from_ref(one),
        }
    }
}

/// Whether a document looks like JSON.
pub fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// Reads a JSON Feed; none when the document is no such thing.
pub fn read(text: &str, entries_max: usize) -> Option<Feed> {
    let mut reader = Reader { rest: text, values: 0, broken: false };
    let mut entries = Vec::new();
    let mut faults = Vec::new();
    let mut members = Vec::new();
    let mut has_items = false;
    reader.blanks();
    let bare_list = reader.rest.starts_with('[');
    if bare_list {
        reader.items(entries_max, &mut entries, &mut faults);
        has_items = entries.iter().any(|entry| entry.link.is_some() || entry.id.is_some());
    } else {
        reader.skip('{');
        while let Some(key) = reader.key() {
            if key == "items" {
                has_items = true;
                reader.items(entries_max, &mut entries, &mut faults);
            } else {
                let value = reader.value(1);
                if reader.values <= VALUES_MAX {
                    members.push((key, value));
                }
            }
        }
    }
    let root = Value::Object(members);
    let is_feed = has_items || root.text("version").is_some_and(|version| version.contains("jsonfeed.org"));
    if reader.broken {
        faults.push(Fault { place: "document".into(), what: "the JSON is broken or cut off".into() });
    }
    is_feed.then(|| Feed { cut_short: reader.broken, ..feed(&root, entries, faults) })
}

fn feed(root: &Value, entries: Vec<Entry>, faults: Vec<Fault>) -> Feed {
    // rssCloud, the other type, is another language.
    let hubs = root.list("hubs").iter();
    let hubs = hubs.filter(|hub| hub.text("type").is_none_or(|kind| kind.eq_ignore_ascii_case("websub")));
    let hubs = hubs.filter_map(|hub| hub.text("url")).collect();
    Feed {
        title: root.text("title"),
        link: root.text("home_page_url").or_else(|| root.text("feed_url")),
        language: root.text("language"),
        id: root.text("feed_url"),
        description: root.text("description"),
        authors: authors(root),
        hubs,
        own: root.text("feed_url"),
        dialect: Dialect::JsonFeed,
        entries,
        faults,
        ..Feed::default()
    }
}

fn entry(item: &Value, number: usize, faults: &mut Vec<Fault>) -> Entry {
    let mut date = |name: &str| {
        let written = item.text(name)?;
        let date = parse_date(&written);
        if date.is_none() {
            let shown: String = written.chars().take(60).collect();
            let place = format!("entry {number} {name}");
            faults.push(Fault { place, what: format!("unreadable date `{shown}`") });
        }
        date
    };
    Entry {
        published: date("date_published"),
        updated: date("date_modified"),
        id: item.text("id"),
        title: item.text("title"),
        link: item.text("url").or_else(|| item.text("external_url")),
        summary: item.text("summary"),
        content: item.text("content_html").or_else(|| item.text("content_text").map(|text| as_html(&text))),
        authors: authors(item),
        categories: item.list("tags").iter().filter_map(Value::as_text).collect(),
        language: item.text("language"),
    }
}

/// `authors` (1.1) and `author` (1.0): the name, else the address.
fn authors(value: &Value) -> Vec<String> {
    let name =
        |author: &Value| author.as_text().or_else(|| author.text("name")).or_else(|| author.text("url"));
    let listed = value.list("authors").iter().filter_map(name);
    let mut names: Vec<String> = Vec::new();
    for name in listed.chain(value.list("author").iter().filter_map(name)).take(NAMES_MAX) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A reader of JSON that takes what comes: it knows where it is and whether all was well.
struct Reader<'a> {
    rest: &'a str,
    /// Values read since the item began, for the limit.
    values: usize,
    broken: bool,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn skip(&mut self, c: char) -> bool {
        self.blanks();
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Name of the next member, or none at the end of the object.
    ///
    /// What stands where a name should be is passed over: one unquoted name or
    /// stray quotation mark must not cost the items that follow. A `]` is left
    /// to the list it closes.
    fn key(&mut self) -> Option<String> {
        while self.skip(',') {}
        if self.skip('}') {
            return None;
        }
        if !self.rest.starts_with('"') {
            self.broken = true;
            let next = self.rest.find(['"', '}', ']']).unwrap_or(self.rest.len());
            self.rest = &self.rest[next..];
            if self.skip('}') || !self.rest.starts_with('"') {
                return None;
            }
        }
        let key = self.string();
        self.broken |= !self.skip(':');
        Some(key)
    }

    /// Whether another element of a list follows. A `}` ends the list too, and
    /// is left to the object it closes.
    fn has_element(&mut self) -> bool {
        while self.skip(',') {}
        if self.skip(']') {
            return false;
        }
        let ends = self.rest.is_empty() || self.rest.starts_with('}');
        self.broken |= ends;
        !ends
    }

    /// The list of items, each mapped as soon as it is read.
    fn items(&mut self, entries_max: usize, entries: &mut Vec<Entry>, faults: &mut Vec<Fault>) {
        if !self.skip('[') {
            self.value(1);
            return;
        }
        while self.has_element() {
            self.values = 0;
            let item = self.value(2);
            // Half an item has half an identity; the next poll brings it whole.
            if self.broken && self.rest.is_empty() && item.get("id").is_none() {
                break;
            }
            if entries.len() >= entries_max {
                let what = format!("more than {entries_max} entries; the rest was not read");
                faults.push(Fault { place: "feed".into(), what });
                self.rest = "";
                break;
            }
            if matches!(item, Value::Object(_)) {
                entries.push(entry(&item, entries.len() + 1, faults));
                faults.truncate(FAULTS_MAX);
            }
        }
        self.values = 0;
    }

    fn value(&mut self, depth: usize) -> Value {
        self.blanks();
        self.values += 1;
        match self.rest.as_bytes().first() {
            Some(b'"') => Value::Text(self.string()),
            Some(b'{' | b'[') if depth >= DEPTH_MAX || self.values > VALUES_MAX => {
                self.skip_nested();
                Value::Nothing
            }
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            _ => self.word(),
        }
    }

    // Beyond the limit members are read and dropped, so that the end is found.
    fn object(&mut self, depth: usize) -> Value {
        self.skip('{');
        let mut members = Vec::new();
        while let Some(key) = self.key() {
            let value = self.value(depth + 1);
            if self.values <= VALUES_MAX {
                members.push((key, value));
            }
        }
        Value::Object(members)
    }

    fn list(&mut self, depth: usize) -> Value {
        self.skip('[');
        let mut list = Vec::new();
        while self.has_element() {
            let value = self.value(depth + 1);
            if self.values <= VALUES_MAX {
                list.push(value);
            }
        }
        Value::List(list)
    }

    /// A number, `true`, `false`, `null`, or something that is none of them.
    fn word(&mut self) -> Value {
        let end = self
            .rest
            .find(|c: char| matches!(c, ',' | ']' | '}' | '"' | '{' | '[') || c.is_ascii_whitespace());
        let end = end.unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if word.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            return Value::Number(word.to_owned());
        }
        if !matches!(word, "true" | "false" | "null") {
            self.broken = true;
        }
        Value::Nothing
    }

    /// Passes over a value nested too deeply, by counting brackets.
    fn skip_nested(&mut self) {
        let mut open = 0_usize;
        while let Some(at) = self.rest.find(['{', '[', '}', ']', '"']) {
            let mark = self.rest.as_bytes()[at];
            self.rest = &self.rest[at..];
            if mark == b'"' {
                self.string();
                continue;
            }
            self.rest = &self.rest[1..];
            open = if matches!(mark, b'{' | b'[') { open + 1 } else { open - 1 };
            if open == 0 {
                return;
            }
        }
        self.broken = true;
        self.rest = "";
    }

    /// A string; raw line breaks inside are taken as they are.
    fn string(&mut self) -> String {
        let mut text = String::new();
        self.rest = self.rest.strip_prefix('"').unwrap_or(self.rest);
        while let Some(at) = self.rest.find(['"', '\\']) {
            let (plain, after) = self.rest.split_at(at);
            text.push_str(plain);
            self.rest = &after[1..];
            if after.starts_with('"') {
                return text;
            }
            self.escape(&mut text);
        }
        self.broken = true;
        text.push_str(self.rest);
        self.rest = "";
        text
    }

    fn escape(&mut self, text: &mut String) {
        let Some(c) = self.rest.chars().next() else { return };
        self.rest = &self.rest[c.len_utf8()..];
        match c {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            'b' | 'f' => text.push(' '),
            'u' => text.push(self.unit().map_or(char::REPLACEMENT_CHARACTER, |unit| self.character(unit))),
            other => text.push(other),
        }
    }

    fn unit(&mut self) -> Option<u16> {
        let unit = u16::from_str_radix(self.rest.get(..4)?, 16).ok()?;
        self.rest = &self.rest[4..];
        Some(unit)
    }

    /// Joins surrogate pairs (RFC 8259, 7); a lone half is no character.
    fn character(&mut self, unit: u16) -> char {
        let mut low = None;
        if (0xD800..0xDC00).contains(&unit) && self.rest.starts_with("\\u") {
            let before = self.rest;
            self.rest = &self.rest[2..];
            low = self.unit().filter(|low| (0xDC00..0xE000).contains(low));
            if low.is_none() {
                self.rest = before;
            }
        }
        let decoded = char::decode_utf16([unit].into_iter().chain(low)).next();
        decoded.and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}
