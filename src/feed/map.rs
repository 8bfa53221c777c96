//! One mapping for every XML dialect: elements to fields.
//!
//! Each field takes the best of what is offered: the dialect's own element
//! first, then Dublin Core, Media RSS and iTunes. Dialects are not told apart,
//! because feeds in the wild mix them.

use crate::feed::dates::parse_date;
use crate::feed::tree::{Space, Tree, is_container};
use crate::feed::{Entry, FAULTS_MAX, Fault, Feed, TEXT_BYTES_MAX, base64, charset, truncate};
use chrono::{DateTime, Utc};
use std::borrow::Cow;
use url::Url;

/// Categories or authors kept of one part.
pub const NAMES_MAX: usize = 64;

/// Relative `xml:base` attributes honoured, one inside the other.
const BASES_MAX: usize = 8;

/// A value and how good its source is: 0 is the dialect's own element.
#[derive(Debug)]
struct Best<T>(Option<(u8, T)>);

impl<T> Default for Best<T> {
    fn default() -> Self {
        Best(None)
    }
}

impl<T> Best<T> {
    fn offer(&mut self, rank: u8, value: Option<T>) {
        if let Some(value) = value
            && self.wants(rank)
        {
            self.0 = Some((rank, value));
        }
    }

    /// Whether a value of this rank would be taken; spares the making of one that would not.
    fn wants(&self, rank: u8) -> bool {
        self.0.as_ref().is_none_or(|(held, _)| rank < *held)
    }

    fn holds(&self, rank: u8) -> bool {
        self.0.as_ref().is_some_and(|(held, _)| *held == rank)
    }

    fn take(self) -> Option<T> {
        self.0.map(|(_, value)| value)
    }
}

/// Fields of a feed or an entry, gathered.
#[derive(Debug, Default)]
struct Fields {
    title: Best<String>,
    link: Best<String>,
    id: Best<String>,
    published: Best<DateTime<Utc>>,
    updated: Best<DateTime<Utc>>,
    summary: Best<String>,
    content: Best<String>,
    language: Best<String>,
    authors: Best<Vec<String>>,
    categories: Vec<String>,
    ttl_minutes: Option<u32>,
    update_period_minutes: Option<u32>,
    update_frequency: Option<u32>,
    hubs: Vec<String>,
    own: Option<String>,
    faults: Vec<Fault>,
}

/// Reads one entry. Its link may still be relative, its id may still be missing:
/// the caller knows the feed's own link by then.
pub fn entry(tree: &Tree<'_>, node: usize, number: usize, faults: &mut Vec<Fault>) -> Entry {
    let mut fields = Fields::default();
    fields.attributes(tree, node);
    fields.children(tree, node, &format!("entry {number}"), 0);
    faults.append(&mut fields.faults);
    let language = fields.language.take().or_else(|| inherited_language(tree, node));
    Entry {
        id: fields.id.take(),
        title: fields.title.take(),
        link: fields.link.take(),
        published: fields.published.take(),
        updated: fields.updated.take(),
        summary: fields.summary.take(),
        content: fields.content.take(),
        authors: fields.authors.take().unwrap_or_default(),
        categories: fields.categories,
        language,
    }
}

/// Reads what stands outside the entries.
pub fn feed(tree: &Tree<'_>) -> Feed {
    let mut fields = Fields::default();
    let mut containers = vec![Tree::root()];
    let mut at = 0;
    while let Some(container) = containers.get(at).copied() {
        at += 1;
        let inner =
            tree.children(container).filter(|child| tree.name(*child).is_some_and(|(_, n)| is_container(n)));
        containers.extend(inner);
    }
    // The innermost container is the channel, which speaks for the feed.
    for container in containers.iter().skip(1).rev() {
        fields.attributes(tree, *container);
        fields.children(tree, *container, "feed", 0);
    }
    let language = fields
        .language
        .take()
        .or_else(|| containers.iter().rev().find_map(|container| inherited_language(tree, *container)));
    let sy = fields.update_period_minutes.map(|period| period / fields.update_frequency.unwrap_or(1).max(1));
    Feed {
        title: fields.title.take(),
        link: fields.link.take(),
        language,
        id: fields.id.take(),
        description: fields.summary.take(),
        updated: fields.updated.take(),
        published: fields.published.take(),
        authors: fields.authors.take().unwrap_or_default(),
        categories: fields.categories,
        ttl_minutes: fields.ttl_minutes.or(sy),
        hubs: fields.hubs,
        own: fields.own,
        faults: fields.faults,
        ..Feed::default()
    }
}

impl Fields {
    /// RDF and CDF say some things in attributes of the element itself.
    fn attributes(&mut self, tree: &Tree<'_>, node: usize) {
        let own = |name| tree.attribute(node, name).map(Cow::into_owned).filter(|value| !value.is_empty());
        self.id.offer(3, own("rdf:about").or_else(|| own("about")));
        if matches!(tree.name(node), Some((Space::Core, _))) {
            self.link.offer(4, own("href").map(|href| resolve(tree, node, &href)));
            self.updated.offer(5, own("lastmod").and_then(|date| parse_date(&date)));
        }
    }

    /// Offers every child to every field; an element fills at most one of them.
    fn children(&mut self, tree: &Tree<'_>, node: usize, place: &str, nested: u8) {
        for child in tree.children(node) {
            let Some((space, name)) = tree.name(child) else { continue };
            self.text_field(tree, child, (space, name), nested);
            self.date_field(tree, child, (space, name), place);
            self.name_field(tree, child, (space, name));
            self.plain_field(tree, child, (space, name));
            // `media:group` and `media:content` hold titles and texts of their own.
            let media = space == Space::Media && matches!(name, "group" | "content");
            let news = space == Space::News && matches!(name, "news" | "publication");
            if (media || news) && nested < 3 {
                self.children(tree, child, place, nested + 1);
            }
        }
    }

    /// Texts, most telling first; a teaser never takes the place of a whole text.
    fn text_field(&mut self, tree: &Tree<'_>, node: usize, field: (Space, &str), nested: u8) {
        use Space::{Atom, Content, Core, Dc, DcTerms, Itunes, Media, News, Xhtml};
        let (slot, rank) = match field {
            (Core | Atom | News, "title") => (&mut self.title, 0),
            (Dc, "title") => (&mut self.title, 1),
            (Media, "title") => (&mut self.title, 2 + nested),
            (Itunes, "title") => (&mut self.title, 7),
            // A second text of the same rank is another text: kept, where there is room.
            (Core | Atom, "description" | "summary") if self.summary.holds(0) => (&mut self.content, 9),
            (Core | Atom, "description" | "summary" | "subtitle" | "tagline" | "abstract") => {
                (&mut self.summary, 0)
            }
            (Dc, "description") => (&mut self.summary, 1),
            (DcTerms, "abstract") => (&mut self.summary, 2),
            (Itunes, "summary" | "description") => (&mut self.summary, 3),
            (Media, "description" | "text") => (&mut self.summary, 4 + nested),
            (Itunes, "subtitle") => (&mut self.summary, 9),
            (Content, "encoded") | (Core | Atom, "content") => (&mut self.content, 0),
            (Xhtml | Core, "body") => (&mut self.content, 1),
            (Xhtml, "div") => (&mut self.content, 2),
            // Yandex, Rambler and others: the whole text for aggregators.
            (_, "full-text" | "fulltext" | "fullitem") => (&mut self.content, 3),
            _ => return,
        };
        slot.offer(rank, text_of(tree, node));
    }

    /// Dates; one that cannot be read is a fault and no date, for a guess would lie.
    fn date_field(&mut self, tree: &Tree<'_>, node: usize, field: (Space, &str), place: &str) {
        use Space::{Atom, Core, Dc, DcTerms, News};
        let (slot, rank) = match field {
            (Core, "pubdate") | (Core | Atom, "published" | "issued") => (&mut self.published, 0),
            (News, "publication_date") => (&mut self.published, 0),
            (DcTerms, "issued" | "created" | "available") => (&mut self.published, 1),
            (Dc, "date") => (&mut self.published, 2),
            (Core | Atom, "created" | "date") => (&mut self.published, 3),
            (Core | Atom, "updated" | "modified" | "lastbuilddate" | "lastmod") => (&mut self.updated, 0),
            (DcTerms, "modified") => (&mut self.updated, 1),
            _ => return,
        };
        let written = tree.text(node);
        let written = written.trim();
        let date = parse_date(written);
        if date.is_none() && !written.is_empty() && self.faults.len() < FAULTS_MAX {
            let shown: String = written.chars().take(60).collect();
            let place = format!("{place} {}", as_published(field.1));
            self.faults.push(Fault { place, what: format!("unreadable date `{shown}`") });
        }
        // Of two dates of one kind the later one in the document corrects the earlier.
        if slot.0.as_ref().is_none_or(|(held, _)| rank <= *held)
            && let Some(date) = date
        {
            slot.0 = Some((rank, date));
        }
    }

    /// Authors and categories. At the feed's own level the desk stands in for
    /// an author; entries inherit it only when they name nobody.
    fn name_field(&mut self, tree: &Tree<'_>, node: usize, field: (Space, &str)) {
        use Space::{Atom, Core, Dc, Itunes, Media, News};
        match field {
            (Core | Atom, "author") => self.author(0, person(tree, node)),
            (Dc, "creator" | "author") => self.author(1, plain(tree, node)),
            (Itunes, "author") => self.author(2, plain(tree, node)),
            (Core, "managingeditor") => self.author(3, plain(tree, node).map(name_or_address)),
            (Dc, "publisher") => self.author(4, plain(tree, node)),
            (Media, "credit") if tree.attribute(node, "role").is_none_or(|role| role == "author") => {
                self.author(5, plain(tree, node));
            }
            (Itunes, "owner") => self.author(6, person(tree, node)),
            (Core, "webmaster") => self.author(7, plain(tree, node).map(name_or_address)),
            (Core | Atom | Itunes | Media, "category") => {
                for name in ["term", "label", "text"] {
                    self.category(tree.attribute(node, name).map(Cow::into_owned));
                }
                self.category(own_text(tree, node));
                // iTunes nests the finer category in the coarser one.
                for child in tree.children(node) {
                    self.category(tree.attribute(child, "text").map(Cow::into_owned));
                }
            }
            (Dc, "subject") => self.category(plain(tree, node)),
            (Core | Itunes | Media | News, "keywords") | (Core, "tags") => {
                let words = plain(tree, node).unwrap_or_default();
                words.split(',').for_each(|word| self.category(Some(word.trim().to_owned())));
            }
            _ => {}
        }
    }

    /// Names of the best rank are gathered, those of a worse one left out.
    fn author(&mut self, rank: u8, name: Option<String>) {
        let Some(name) = name.filter(|name| !name.is_empty()) else { return };
        match &mut self.authors.0 {
            Some((held, names)) if *held == rank => {
                if !names.contains(&name) && names.len() < NAMES_MAX {
                    names.push(name);
                }
            }
            _ => self.authors.offer(rank, Some(vec![name])),
        }
    }

    /// A category once, whatever it came from.
    fn category(&mut self, name: Option<String>) {
        let Some(name) = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()) else {
            return;
        };
        if self.categories.len() < NAMES_MAX && !self.categories.contains(&name) {
            self.categories.push(name);
        }
    }

    /// Links, identifiers and what the feed says of itself.
    fn plain_field(&mut self, tree: &Tree<'_>, node: usize, field: (Space, &str)) {
        use Space::{Atom, Core, Dc, News, Syndication};
        match field {
            (Core | Atom, "link" | "loc" | "a") => self.link(tree, node),
            (Core, "guid") => {
                let id = plain(tree, node);
                let permanent = tree.attribute(node, "isPermaLink");
                if permanent.is_none_or(|flag| flag.eq_ignore_ascii_case("true")) {
                    self.link.offer(6, id.clone().filter(|id| is_web(id)));
                }
                self.id.offer(0, id);
            }
            (Core | Atom, "id") => {
                let id = plain(tree, node);
                self.link.offer(7, id.clone().filter(|id| is_web(id)));
                self.id.offer(0, id);
            }
            (Dc, "identifier") => self.id.offer(4, plain(tree, node)),
            (Core | Dc | News, "language") => self.language.offer(0, plain(tree, node)),
            (Core, "ttl") => self.ttl_minutes = self.ttl_minutes.or_else(|| plain(tree, node)?.parse().ok()),
            (Syndication, "updateperiod") => {
                self.update_period_minutes = plain(tree, node).and_then(|period| period_minutes(&period));
            }
            (Syndication, "updatefrequency") => {
                self.update_frequency = plain(tree, node).and_then(|n| n.parse().ok())
            }
            _ => {}
        }
    }

    /// A link of Atom (`href`, `rel`), of RSS (text), or Atom's inside RSS.
    fn link(&mut self, tree: &Tree<'_>, node: usize) {
        let href = tree.attribute(node, "href").filter(|href| !href.is_empty()).map(Cow::into_owned);
        let rel = tree.attribute(node, "rel").unwrap_or_default().to_ascii_lowercase();
        // A rel may be an address of the IANA registry.
        let rel = rel.rsplit('/').next().unwrap_or_default();
        let is_html = tree.attribute(node, "type").is_none_or(|kind| kind.contains("html"));
        let rank = match rel {
            "" | "alternate" if href.is_none() => 1,
            "" | "alternate" if is_html => 2,
            "" | "alternate" => 3,
            "related" | "via" => 8,
            // Better than nothing: it leads to the same place, in another form.
            "self" => 9,
            "hub" if self.hubs.len() < NAMES_MAX => {
                self.hubs.extend(href.map(|href| resolve(tree, node, &href)));
                return;
            }
            _ => return,
        };
        if rel == "self" && self.own.is_none() {
            self.own = href.as_ref().map(|href| resolve(tree, node, href));
        }
        if self.link.wants(rank) {
            let href = href.or_else(|| plain(tree, node));
            self.link.offer(rank, href.map(|href| resolve(tree, node, &href)));
        }
    }
}

/// A text construct as HTML: Atom's types and modes, inline markup, plain RSS.
fn text_of(tree: &Tree<'_>, node: usize) -> Option<String> {
    let kind = tree.attribute(node, "type").unwrap_or_default().to_ascii_lowercase();
    let mode = tree.attribute(node, "mode").unwrap_or_default().to_ascii_lowercase();
    let is_xml = kind == "xhtml" || kind.ends_with("xml") || mode == "xml";
    let text = if tree.has_elements(node) {
        tree.markup(node, is_xml)
    } else {
        let text = tree.text(node);
        let binary = mode == "base64" || is_binary(&kind);
        match binary.then(|| base64(&text)).flatten() {
            Some(decoded) => decoded,
            None if kind == "text" || kind == "text/plain" => as_html(&text),
            None => text,
        }
    };
    if tree.has_elements(node) && tree.text(node).trim().is_empty() && !text.contains("<img") {
        return None;
    }
    let text = match text.rfind("<!--") {
        // A comment never closed would swallow all that follows it.
        Some(at) if !text[at..].contains('>') => [&text[..at], &text[at + "<!--".len()..]].concat(),
        _ => text,
    };
    let text = charset::mend(truncate(text.trim(), TEXT_BYTES_MAX).to_owned());
    (!text.is_empty()).then_some(text)
}

/// Whether Atom wants a MIME type's content in base64 (RFC 4287, 4.1.3.3).
fn is_binary(kind: &str) -> bool {
    kind.contains('/') && !kind.starts_with("text/") && !kind.ends_with("xml")
}

/// Plain text as HTML: only what a reader would take for a tag or a reference changes.
pub fn as_html(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        let (before, after) = rest.split_at(at);
        html.push_str(before);
        let next = after.as_bytes().get(1).copied().unwrap_or(b' ');
        let special = next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?' | b'#');
        html.push_str(match (special, &after[..1]) {
            (true, "<") => "&lt;",
            (true, _) => "&amp;",
            (false, same) => same,
        });
        rest = &after[1..];
    }
    html + rest
}

/// The name of a date's element as the publisher writes it.
fn as_published(name: &str) -> &str {
    match name {
        "pubdate" => "pubDate",
        "lastbuilddate" => "lastBuildDate",
        name => name,
    }
}

/// Text of an element with nothing but text, trimmed; none when empty.
fn plain(tree: &Tree<'_>, node: usize) -> Option<String> {
    let text = tree.text(node);
    let text = charset::mend(truncate(text.trim(), TEXT_BYTES_MAX).to_owned());
    (!text.is_empty()).then_some(text)
}

/// Text directly inside, without that of nested elements.
fn own_text(tree: &Tree<'_>, node: usize) -> Option<String> {
    (!tree.has_elements(node)).then(|| plain(tree, node)).flatten()
}

/// `<author>` of Atom (name, email) or of RSS (`address (name)` and variants).
fn person(tree: &Tree<'_>, node: usize) -> Option<String> {
    let part = |wanted: &str| {
        let found =
            tree.children(node).find(|child| tree.name(*child).is_some_and(|(_, name)| name == wanted));
        found.and_then(|found| plain(tree, found))
    };
    if !tree.has_elements(node) {
        return plain(tree, node).map(name_or_address);
    }
    part("name")
        .or_else(|| part("email"))
        .or_else(|| part("title"))
        .or_else(|| part("uri"))
        .or_else(|| plain(tree, node))
}

/// The name in `desk@example.org (Desk)` or `Desk <desk@example.org>`; else all of it.
pub fn name_or_address(written: String) -> String {
    let address = |text: &str| text.contains('@') && !text.trim().contains(char::is_whitespace);
    let name = |text: &str| {
        let text = text.trim().trim_matches('"');
        (!text.is_empty() && !text.contains('@')).then(|| text.to_owned())
    };
    if let Some((before, after)) = written.split_once('(') {
        let inside = after.split(')').next().unwrap_or_default();
        if address(before) {
            return name(inside).unwrap_or(written);
        }
        if address(inside) {
            return name(before).unwrap_or(written);
        }
    }
    if let Some((before, after)) = written.split_once('<')
        && address(after.trim_end().trim_end_matches('>'))
    {
        return name(before).unwrap_or(written);
    }
    written
}

fn inherited_language(tree: &Tree<'_>, node: usize) -> Option<String> {
    let language = tree.ancestors(node).find_map(|at| tree.attribute(at, "xml:lang"));
    language.map(Cow::into_owned).filter(|language| !language.is_empty())
}

/// An address against the `xml:base` in force; relative where there is none.
fn resolve(tree: &Tree<'_>, node: usize, href: &str) -> String {
    let href: String = href.trim().chars().filter(|c| !matches!(c, '\n' | '\r' | '\t')).collect();
    if is_absolute(&href) {
        return href;
    }
    let mut bases = Vec::new();
    for base in tree.ancestors(node).filter_map(|at| tree.attribute(at, "xml:base")).take(BASES_MAX) {
        let is_whole = is_absolute(&base);
        bases.push(base);
        if is_whole {
            break;
        }
    }
    let base = bases.iter().rev().fold(None, |base: Option<Url>, next| match &base {
        Some(outer) => outer.join(next).ok().or(base),
        None => Url::parse(next).ok(),
    });
    match base.and_then(|base| base.join(&href).ok()) {
        Some(joined) => joined.into(),
        None => href,
    }
}

/// Whether an address stands alone: it has a scheme (RFC 3986, 3.1).
pub fn is_absolute(href: &str) -> bool {
    href.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

/// Whether an identifier is also an address of the web.
pub fn is_web(id: &str) -> bool {
    let scheme = id.get(..id.len().min(8)).unwrap_or_default().to_ascii_lowercase();
    scheme.starts_with("http://") || scheme.starts_with("https://")
}

/// Minutes of an RSS `sy:updatePeriod`.
fn period_minutes(period: &str) -> Option<u32> {
    const HOUR: u32 = 60;
    match period.to_ascii_lowercase().as_str() {
        "hourly" => Some(HOUR),
        "daily" => Some(24 * HOUR),
        "weekly" => Some(7 * 24 * HOUR),
        "monthly" => Some(30 * 24 * HOUR),
        "yearly" => Some(365 * 24 * HOUR),
        _ => None,
    }
}
