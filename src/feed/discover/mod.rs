//! A web page to the feeds it may lead to.
//!
//! Invariant: a lead is a guess; whoever fetches it finds out what it is. Time is
//! linear in the page, what is kept of it bounded, and only addresses of the web
//! leave. The order is that of trust: announced, linked, guessed.

use crate::feed::charset::{self, Kind};
use crate::feed::entities::Entities;
use crate::feed::tokens::{Token, Tokens};
use crate::feed::truncate;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use url::Url;

/// Leads kept of one page.
pub const LEADS_MAX: usize = 500;
/// Bytes kept of what a link or a heading says.
const TITLE_BYTES_MAX: usize = 200;

/// Words of a link's text that may name a feed; what is longer is a headline.
const LABEL_WORDS_MAX: usize = 5;

/// An address that may be a feed's, and what speaks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    /// Absolute, http or https, without a fragment.
    pub url: String,
    /// What the page calls it; may be empty.
    pub title: String,
    pub how: How,
}

/// How an address was come by, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// The user named it.
    Given,
    /// `<link rel="alternate">`.
    Announced,
    /// An ordinary link that looks like a feed's.
    Linked,
    /// A line of robots.txt, or of the sitemap index named there.
    Robots,
    /// Where feeds usually are.
    Guessed,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            How::Given => "given",
            How::Announced => "announced",
            How::Linked => "linked",
            How::Robots => "robots.txt",
            How::Guessed => "usual place",
        })
    }
}

/// Where feeds usually are, below the site's root or a section of it.
const USUAL_PLACES: [&str; 8] =
    ["feed", "rss", "rss.xml", "feed.xml", "atom.xml", "index.xml", "feed.json", "rss/news"];

/// Where sitemaps usually are when robots.txt names none.
const USUAL_SITEMAPS: [&str; 4] =
    ["/news-sitemap.xml", "/sitemap-news.xml", "/sitemap_index.xml", "/sitemap.xml"];

/// Words in the address of a feed, or of a page that lists feeds.
const FEED_WORDS: [&str; 14] = [
    "rss",
    "rss1",
    "rss2",
    "rssfeed",
    "rssfeeds",
    "rdf",
    "atom",
    "feed",
    "feeds",
    "newsfeed",
    "newsfeeds",
    "xmlfeed",
    "feedburner",
    "rssnews",
];

/// Ends of the addresses of feeds, and of what is none.
const FEED_ENDS: [&str; 5] = [".rss", ".rdf", ".atom", ".xml", "feed.json"];
const OTHER_ENDS: [&str; 16] = [
    ".png", ".jpg", ".jpeg", ".gif", ".svg", ".ico", ".webp", ".css", ".js", ".pdf", ".zip", ".mp3", ".mp4",
    ".xsl", ".opml", ".apk",
];

/// What the page at `url` announces or links that may be a feed.
pub fn leads(html: &[u8], content_type: Option<&str>, url: &str) -> Vec<Lead> {
    let Ok(page) = Url::parse(url) else { return Vec::new() };
    let decoded = charset::decode(html, content_type, Kind::Html);
    let mut reader = Reader {
        tokens: Tokens::new(&decoded.text),
        entities: Entities::default(),
        is_list: has_feed_word(page.path()),
        base: page.clone(),
        page,
        heading: None,
        anchor: None,
        found: Found::default(),
    };
    while let Some(token) = reader.tokens.next() {
        reader.token(token);
    }
    reader.close_anchor();
    let Found { announced, linked, listed, .. } = reader.found;
    let listed = if reader.is_list { listed } else { Vec::new() };
    announced.into_iter().chain(linked).chain(listed).take(LEADS_MAX).collect()
}

/// The usual places of feeds on the site of `url`: those of its section first.
pub fn guesses(url: &str) -> Vec<Lead> {
    let Ok(url) = Url::parse(url) else { return Vec::new() };
    let section = url.path_segments().and_then(|mut parts| parts.next()).unwrap_or_default();
    let section = format!("/{section}/");
    let mut places = vec!["/"];
    if section != "//" && !section.contains('.') {
        places.insert(0, &section);
    }
    let paths = places.iter().flat_map(|place| USUAL_PLACES.map(|name| format!("{place}{name}")));
    at_root(&url, paths, How::Guessed)
}

/// The usual places of sitemaps on the site of `url`.
pub fn sitemap_guesses(url: &str) -> Vec<Lead> {
    let Ok(url) = Url::parse(url) else { return Vec::new() };
    at_root(&url, USUAL_SITEMAPS.map(String::from).into_iter(), How::Guessed)
}

/// Sitemaps somebody named, news first: they are short and have titles.
pub fn sitemaps(named: impl Iterator<Item = String>) -> Vec<Lead> {
    let mut leads: Vec<Lead> =
        named.map(|url| Lead { url, title: String::new(), how: How::Robots }).collect();
    leads.sort_by_key(|lead| !is_news_sitemap(&lead.url));
    leads
}

/// Whether the name of a sitemap says that it is one for news search.
pub fn is_news_sitemap(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| {
        let path = url.path().to_ascii_lowercase();
        path.contains("news") || url.query().is_some_and(|query| query.to_ascii_lowercase().contains("news"))
    })
}

fn at_root(url: &Url, paths: impl Iterator<Item = String>, how: How) -> Vec<Lead> {
    let place = |path: String| {
        let mut url = url.clone();
        url.set_path(&path);
        url.set_query(None);
        url.set_fragment(None);
        Lead { url: url.into(), title: String::new(), how }
    };
    paths.map(place).collect()
}

/// Walks the page once.
struct Reader<'a> {
    tokens: Tokens<'a>,
    entities: Entities<'a>,
    page: Url,
    /// What relative links count from.
    base: Url,
    /// Whether the page is about feeds: then links count that elsewhere say nothing.
    is_list: bool,
    /// Text of the heading being read.
    heading: Option<String>,
    anchor: Option<Anchor>,
    found: Found,
}

/// A link whose text is being read.
struct Anchor {
    url: Url,
    looks_right: bool,
    title: String,
    text: String,
}

#[derive(Default)]
struct Found {
    met: HashSet<Url>,
    announced: Vec<Lead>,
    linked: Vec<Lead>,
    /// Without a word for it, but of the form that feeds have in lists of them.
    listed: Vec<Lead>,
}

impl<'a> Reader<'a> {
    fn token(&mut self, token: Token<'a>) {
        match token {
            Token::Open { name, attributes, closed } => self.open(name, &attributes, closed),
            Token::Close(name) => self.close(name),
            Token::Text(text) => {
                let texts = self.anchor.as_mut().map(|anchor| &mut anchor.text).into_iter();
                for kept in texts.chain(&mut self.heading).filter(|kept| kept.len() < TITLE_BYTES_MAX) {
                    kept.push_str(&self.entities.decode(truncate(text, TITLE_BYTES_MAX)));
                }
            }
            Token::Literal(_) | Token::Doctype(_) => {}
        }
    }

    fn open(&mut self, name: &str, attributes: &[(&'a str, &'a str)], closed: bool) {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match () {
            () if is("script") && !closed => self.tokens.skip_to_close("script"),
            () if is("style") && !closed => self.tokens.skip_to_close("style"),
            () if is("base") => {
                let href = self.attribute(attributes, "href");
                self.base = href.and_then(|href| self.page.join(&href).ok()).unwrap_or(self.base.clone());
            }
            () if is("link") => self.announcement(attributes),
            () if is("a") || is("area") => self.open_anchor(attributes),
            () if is("title") || is("h1") => self.heading = Some(String::new()),
            () => {}
        }
    }

    fn close(&mut self, name: &str) {
        if name.eq_ignore_ascii_case("a") {
            self.close_anchor();
        }
        if (name.eq_ignore_ascii_case("title") || name.eq_ignore_ascii_case("h1"))
            && let Some(heading) = self.heading.take()
        {
            self.is_list |= has_feed_word(&heading);
        }
    }

    fn announcement(&mut self, attributes: &[(&'a str, &'a str)]) {
        let value = |name| self.attribute(attributes, name).unwrap_or_default();
        let rel = value("rel").to_ascii_lowercase();
        let (kind, href) = (value("type").to_ascii_lowercase(), value("href"));
        let mut rels = rel.split_ascii_whitespace();
        let is_feed = rels.clone().any(|rel| rel == "feed")
            || (rels.any(|rel| rel == "alternate") && is_feed_type(&kind, &href));
        let title = line(&value("title"));
        if let Some(url) = self.address(&href).filter(|_| is_feed) {
            let announced = &mut self.found.announced;
            keep(announced, &mut self.found.met, url, title, How::Announced);
        }
    }

    fn open_anchor(&mut self, attributes: &[(&'a str, &'a str)]) {
        self.close_anchor();
        let value = |name| self.attribute(attributes, name).unwrap_or_default();
        let Some(url) = self.address(&value("href")) else { return };
        let path = url.path().to_ascii_lowercase();
        if OTHER_ENDS.iter().any(|end| path.ends_with(end)) || url == self.page {
            return;
        }
        let kind = value("type").to_ascii_lowercase();
        let says_so = has_feed_word(&value("class")) || has_feed_word(&value("title"));
        let looks_right = if self.is_own_site(&url) {
            is_feed_address(&url) || says_so || is_feed_type(&kind, "")
        } else {
            is_certain(&url)
        };
        self.anchor = Some(Anchor { url, looks_right, title: line(&value("title")), text: String::new() });
    }

    fn close_anchor(&mut self) {
        let Some(anchor) = self.anchor.take() else { return };
        let text = line(&anchor.text);
        let is_own = self.is_own_site(&anchor.url);
        let says_so = is_own && text.split(' ').count() <= LABEL_WORDS_MAX && has_feed_word(&text);
        let title = if text.is_empty() { anchor.title } else { text };
        let Found { met, linked, listed, .. } = &mut self.found;
        if anchor.looks_right || says_so {
            keep(linked, met, anchor.url, title, How::Linked);
        } else if is_own && is_listed_address(&anchor.url) {
            keep(listed, met, anchor.url, title, How::Linked);
        }
    }

    /// Whether `url` is of the page's own site, or of another part of it.
    fn is_own_site(&self, url: &Url) -> bool {
        let bare = |url: &Url| url.host_str().unwrap_or_default().trim_start_matches("www.").to_owned();
        let (own, other) = (bare(&self.page), bare(url));
        let within = |inner: &str, outer: &str| {
            inner.strip_suffix(outer).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        within(&own, &other) || within(&other, &own)
    }

    fn attribute(&self, attributes: &[(&'a str, &'a str)], name: &str) -> Option<Cow<'a, str>> {
        let (_, value) = attributes.iter().find(|(given, _)| given.eq_ignore_ascii_case(name))?;
        Some(self.entities.decode(value))
    }

    /// An address of the web, absolute; `feed:` is an old word for one.
    fn address(&self, href: &str) -> Option<Url> {
        let href = href.trim();
        let scheme = href.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("feed:"));
        let rest = scheme.map_or(href, |scheme| &href[scheme.len()..]);
        let mut url = match scheme {
            Some(_) if rest.starts_with("//") => Url::parse(&format!("http:{rest}")),
            _ => self.base.join(rest),
        }
        .ok()?;
        url.set_fragment(None);
        matches!(url.scheme(), "http" | "https").then_some(url)
    }
}

fn keep(leads: &mut Vec<Lead>, met: &mut HashSet<Url>, url: Url, title: String, how: How) {
    if leads.len() < LEADS_MAX && met.insert(url.clone()) {
        leads.push(Lead { url: url.into(), title, how });
    }
}

/// Whether a type names a feed. `application/json` is WordPress's interface too.
fn is_feed_type(kind: &str, href: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim();
    match kind {
        "text/xml" | "application/xml" | "application/feed+json" => true,
        "application/json" => has_feed_word(href),
        _ => ["rss", "atom", "rdf"].iter().any(|word| kind.contains(word)),
    }
}

fn is_feed_address(url: &Url) -> bool {
    is_certain(url) || has_feed_word(url.path()) || url.query().is_some_and(has_feed_word)
}

/// What convinces even on another site.
fn is_certain(url: &Url) -> bool {
    let path = url.path().to_ascii_lowercase();
    let host = url.host_str().unwrap_or_default();
    let host_says = host.split('.').any(|part| matches!(part, "feeds" | "feed" | "rss" | "feedburner"));
    // A site's own map is asked for where robots.txt names it.
    FEED_ENDS.iter().any(|end| path.ends_with(end)) && !path.contains("sitemap") || host_says
}

/// RFE/RL and its sisters number their feeds: `/api/zpiirl-vomx-tpe_gmr`.
fn is_listed_address(url: &Url) -> bool {
    let mut parts = url.path().trim_matches('/').split('/');
    parts.next() == Some("api") && parts.next().is_some_and(|name| !name.is_empty()) && parts.next().is_none()
}

fn has_feed_word(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| FEED_WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)))
}

fn line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    truncate(&words.join(" "), TITLE_BYTES_MAX).to_owned()
}

#[cfg(test)]
mod tests;
