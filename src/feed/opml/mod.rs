//! OPML 2.0: lists of subscriptions, read leniently and written plainly.
//!
//! Folders are tags: a feed in the folder `Asia` inside `Rights` has the tags
//! `Rights` and `Asia`, and is written back there. Invariant: no address is
//! judged here, and none is fetched.

use crate::feed::charset::{self, Kind};
use crate::feed::entities::Entities;
use crate::feed::tokens::{Token, Tokens};
use crate::feed::{NotAFeed, truncate};
use std::fmt::Write;

/// Subscriptions read of one file.
pub const SUBSCRIPTIONS_MAX: usize = 10_000;
/// Folders inside one another that are told apart.
const DEPTH_MAX: usize = 64;
/// Tags of one subscription.
const TAGS_MAX: usize = 16;
/// Bytes kept of one tag: each is copied into every subscription below it.
const TAG_BYTES_MAX: usize = 200;
/// Bytes kept of one attribute.
const VALUE_BYTES_MAX: usize = 8192;

/// One feed of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscription {
    /// As the list calls it, on one line; may be empty.
    pub title: String,
    /// As written.
    pub url: String,
    /// As written; often `unknown`.
    pub language: Option<String>,
    /// Folders, the outermost first, then categories.
    pub tags: Vec<String>,
}

/// Reads the subscriptions of an OPML file in order. Broken markup costs what is
/// broken and no more.
///
/// # Errors
/// There is no `outline` in it: it is something else.
pub fn read(body: &[u8]) -> Result<Vec<Subscription>, NotAFeed> {
    let decoded = charset::decode(body, None, Kind::Xml);
    let mut reader = Reader::default();
    for token in Tokens::new(&decoded.text) {
        match token {
            Token::Doctype(doctype) => reader.entities.declare(doctype),
            Token::Open { name, attributes, closed } if is_outline(name) => reader.open(&attributes, closed),
            Token::Close(name) if is_outline(name) => reader.close(),
            _ => {}
        }
        if reader.subscriptions.len() >= SUBSCRIPTIONS_MAX {
            break;
        }
    }
    match reader.met_outline {
        true => Ok(reader.subscriptions),
        false => Err(NotAFeed("no OPML: there is no `<outline>` in it".into())),
    }
}

#[derive(Default)]
struct Reader<'a> {
    entities: Entities<'a>,
    /// Open outlines: a folder's name, or nothing for a feed with notes in it.
    open: Vec<Option<String>>,
    /// Open outlines beyond [`DEPTH_MAX`].
    deeper: usize,
    met_outline: bool,
    subscriptions: Vec<Subscription>,
}

impl<'a> Reader<'a> {
    fn open(&mut self, attributes: &[(&'a str, &'a str)], closed: bool) {
        self.met_outline = true;
        let value = |name: &str| {
            let (_, value) = attributes.iter().find(|(given, _)| given.eq_ignore_ascii_case(name))?;
            let text = line(&self.entities.decode(value));
            (!text.is_empty()).then_some(text)
        };
        let is_feed =
            value("type").is_some_and(|kind| matches!(&*kind.to_lowercase(), "rss" | "atom" | "feed"));
        let url = value("xmlUrl").or_else(|| value("url").filter(|_| is_feed));
        let title = value("text").or_else(|| value("title"));
        let (language, categories) = (value("language"), value("category"));
        let folder = if url.is_none() { title.clone() } else { None };
        if let Some(url) = url {
            let tags = self.tags(categories.as_deref().unwrap_or_default());
            let title = title.unwrap_or_default();
            self.subscriptions.push(Subscription { title, url, language, tags });
        }
        match () {
            () if closed => {}
            () if self.open.len() >= DEPTH_MAX => self.deeper += 1,
            () => self.open.push(folder),
        }
    }

    fn close(&mut self) {
        match self.deeper {
            0 => drop(self.open.pop()),
            _ => self.deeper -= 1,
        }
    }

    /// Folders, and categories such as `/Rights/Asia,Courts` (OPML 2.0, "category").
    fn tags(&self, categories: &str) -> Vec<String> {
        let categories = categories.split([',', '/']).map(str::trim).filter(|tag| !tag.is_empty());
        let mut tags: Vec<String> = Vec::new();
        let all = self.open.iter().flatten().map(String::as_str).chain(categories);
        for tag in all.map(|tag| truncate(tag, TAG_BYTES_MAX)).take(TAGS_MAX) {
            if !tags.iter().any(|known| known == tag) {
                tags.push(tag.to_owned());
            }
        }
        tags
    }
}

fn is_outline(name: &str) -> bool {
    name.eq_ignore_ascii_case("outline")
}

/// On one line, without control characters and what no document may hold.
fn line(text: &str) -> String {
    let is_gap =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    let words = text.split(is_gap);
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    truncate(&words.join(" "), VALUE_BYTES_MAX).to_owned()
}

/// Writes an OPML 2.0 document; tags become folders, one inside the other.
pub fn write(title: &str, subscriptions: &[Subscription]) -> String {
    let mut sorted: Vec<&Subscription> = subscriptions.iter().collect();
    // What shares its first tags then stands together.
    sorted.sort_by(|a, b| a.tags.cmp(&b.tags));
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<opml version=\"2.0\">\n  <head>\n    \
         <title>{}</title>\n  </head>\n  <body>\n",
        escaped(title)
    );
    let mut open: &[String] = &[];
    for subscription in sorted {
        let tags = &subscription.tags;
        let shared = open.iter().zip(tags).take_while(|(open, tag)| open == tag).count();
        close(&mut xml, open.len(), shared);
        for (depth, tag) in tags.iter().enumerate().skip(shared) {
            let tag = escaped(tag);
            let _ = writeln!(xml, "{}<outline text=\"{tag}\" title=\"{tag}\">", indent(depth));
        }
        open = tags;
        outline(&mut xml, subscription);
    }
    close(&mut xml, open.len(), 0);
    xml + "  </body>\n</opml>\n"
}

fn outline(xml: &mut String, subscription: &Subscription) {
    let title = escaped(&subscription.title);
    let _ = write!(
        xml,
        "{}<outline type=\"rss\" text=\"{title}\" title=\"{title}\" xmlUrl=\"{}\"",
        indent(subscription.tags.len()),
        escaped(&subscription.url)
    );
    if let Some(language) = &subscription.language {
        let _ = write!(xml, " language=\"{}\"", escaped(language));
    }
    xml.push_str("/>\n");
}

fn close(xml: &mut String, from: usize, to: usize) {
    for depth in (to..from).rev() {
        let _ = writeln!(xml, "{}</outline>", indent(depth));
    }
}

fn indent(depth: usize) -> String {
    " ".repeat(4 + 2 * depth)
}

/// For an attribute or a text.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests;
