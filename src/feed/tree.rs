//! Tokens to a small tree, one entry at a time.
//!
//! Invariants: depth and number of nodes are bounded, nothing recurses, and an
//! entry's nodes are gone once it has been read, so memory does not grow with
//! the number of entries. Tags that do not match are mended: an end tag closes
//! the nearest element of its name, a new entry closes the one before it.

use crate::feed::entities::Entities;
use crate::feed::tokens::{Token, Tokens};
use crate::feed::{TEXT_BYTES_MAX, truncate};
use std::borrow::Cow;

/// Elements nested deeper are flattened: their text stays, their tags go.
pub const DEPTH_MAX: usize = 128;
/// Nodes kept of what stands outside the entries, and of each entry.
pub const NODES_MAX: usize = 50_000;

/// What vocabulary an element belongs to, whatever its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// RSS of any version, CDF, sitemaps, and whatever has no namespace.
    Core,
    Atom,
    Rdf,
    Dc,
    DcTerms,
    Content,
    Media,
    Itunes,
    Syndication,
    Xhtml,
    News,
    Other,
}

/// Namespace URIs by what they contain (lower case), and the usual prefixes.
const SPACES: &[(&str, &[&str], Space)] = &[
    ("purl.org/dc/terms", &["dcterms", "dct"], Space::DcTerms),
    ("purl.org/dc/", &["dc"], Space::Dc),
    ("purl.org/rss/1.0/modules/content", &["content"], Space::Content),
    ("purl.org/rss/1.0/modules/syndication", &["sy", "syn"], Space::Syndication),
    ("purl.org/rss/1.0/modules/dcterms", &[], Space::DcTerms),
    ("purl.org/rss/1.0/modules/", &[], Space::Other),
    ("search.yahoo.com/mrss", &["media"], Space::Media),
    ("/mrss", &[], Space::Media),
    ("itunes.com/dtds/podcast", &["itunes"], Space::Itunes),
    ("google.com/schemas/play-podcasts", &["googleplay"], Space::Itunes),
    ("google.com/schemas/sitemap-news", &["news"], Space::News),
    ("w3.org/1999/02/22-rdf-syntax", &["rdf"], Space::Rdf),
    ("w3.org/1999/xhtml", &["xhtml", "html"], Space::Xhtml),
    ("w3.org/2005/atom", &["atom", "atom10", "a10"], Space::Atom),
    ("purl.org/atom/", &["atom03"], Space::Atom),
    ("purl.org/rss/", &["rss"], Space::Core),
    ("purl.org/net/rss1.1", &["rss11"], Space::Core),
    ("my.netscape.com/", &[], Space::Core),
    ("channel.netscape.com/", &[], Space::Core),
    ("backend.userland.com/", &[], Space::Core),
    ("blogs.law.harvard.edu/", &[], Space::Core),
    ("cyber.law.harvard.edu/", &[], Space::Core),
    ("sitemaps.org/schemas/sitemap", &[], Space::Core),
    ("google.com/schemas/sitemap/", &[], Space::Core),
];

#[derive(Debug)]
pub enum What<'a> {
    Element {
        space: Space,
        /// Local name in lower case.
        name: Cow<'a, str>,
        attributes: Vec<(&'a str, &'a str)>,
    },
    /// Text; literal where it came from a CDATA section.
    Text { text: &'a str, literal: bool },
}

#[derive(Debug)]
struct Node<'a> {
    parent: usize,
    first: usize,
    last: usize,
    next: usize,
    what: What<'a>,
}

/// No node: 0 is the document itself, which is nobody's child.
const NONE: usize = 0;

/// A piece of the document. Nodes are numbers; [`Tree::root`] is the document.
#[derive(Debug)]
pub struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    entities: Entities<'a>,
}

impl<'a> Tree<'a> {
    fn new() -> Self {
        let what = What::Text { text: "", literal: true };
        Tree {
            nodes: vec![Node { parent: 0, first: 0, last: 0, next: 0, what }],
            entities: Entities::default(),
        }
    }

    /// The document itself.
    pub fn root() -> usize {
        NONE
    }

    /// Children in document order.
    pub fn children(&self, node: usize) -> impl Iterator<Item = usize> {
        let mut at = self.nodes[node].first;
        std::iter::from_fn(move || {
            let here = at;
            at = self.nodes[at].next;
            (here != NONE).then_some(here)
        })
    }

    /// Vocabulary and local name; text has none.
    pub fn name(&self, node: usize) -> Option<(Space, &str)> {
        match &self.nodes[node].what {
            What::Element { space, name, .. } => Some((*space, name)),
            What::Text { .. } => None,
        }
    }

    /// Value of an attribute, references decoded and blanks trimmed. `name` is
    /// compared without case, and without prefix unless it has one itself.
    pub fn attribute(&self, node: usize, name: &str) -> Option<Cow<'a, str>> {
        let What::Element { attributes, .. } = &self.nodes[node].what else { return None };
        let wanted = |given: &str| {
            let local = if name.contains(':') { given } else { given.rsplit(':').next().unwrap_or(given) };
            local.eq_ignore_ascii_case(name) && (name.contains(':') || !given.starts_with("xmlns"))
        };
        let (_, value) = attributes.iter().find(|(given, _)| wanted(given))?;
        let value: &'a str = value;
        Some(match self.entities.decode(value) {
            Cow::Borrowed(value) => Cow::Borrowed(value.trim()),
            Cow::Owned(value) => Cow::Owned(value.trim().to_owned()),
        })
    }

    /// The node and what it stands in, innermost first.
    pub fn ancestors(&self, node: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(node), |at| Some(self.nodes[*at].parent))
            .take_while(|at| *at != NONE)
            .take(DEPTH_MAX + 2)
    }

    /// Whether there are elements inside.
    pub fn has_elements(&self, node: usize) -> bool {
        self.children(node).any(|child| self.name(child).is_some())
    }

    /// All text inside, references decoded once, tags left out.
    pub fn text(&self, node: usize) -> String {
        self.write(node, false, false)
    }

    /// The inside as markup; `escape` where the text is literal (XHTML) and
    /// must not turn into tags when it is read as HTML later.
    pub fn markup(&self, node: usize, escape: bool) -> String {
        self.write(node, true, escape)
    }

    // A walk by links, not by recursion: the depth is the document's choice.
    fn write(&self, top: usize, tags: bool, escape: bool) -> String {
        let mut written = String::new();
        let mut at = self.nodes[top].first;
        // What is over the limit is cut off by the caller; it need not be decoded.
        while at != NONE && written.len() <= TEXT_BYTES_MAX {
            self.write_start(at, tags, escape, &mut written);
            if self.nodes[at].first != NONE {
                at = self.nodes[at].first;
                continue;
            }
            while at != top && at != NONE {
                if tags && let What::Element { name, .. } = &self.nodes[at].what {
                    written.extend(["</", name, ">"]);
                }
                if self.nodes[at].next != NONE {
                    break;
                }
                at = self.nodes[at].parent;
            }
            at = if at == top { NONE } else { self.nodes[at].next };
        }
        written
    }

    fn write_start(&self, node: usize, tags: bool, escape: bool, written: &mut String) {
        match &self.nodes[node].what {
            What::Text { text, literal } => {
                let text = truncate(text, TEXT_BYTES_MAX);
                let text = if *literal { Cow::Borrowed(text) } else { self.entities.decode(text) };
                if escape {
                    written.push_str(&text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
                } else {
                    written.push_str(&text);
                }
            }
            What::Element { name, attributes, .. } if tags => {
                written.extend(["<", name]);
                for (key, value) in attributes.iter().filter(|(key, _)| !key.starts_with("xmlns")) {
                    written.extend([" ", key, "=\"", &value.replace('"', "&quot;"), "\""]);
                }
                written.push('>');
            }
            What::Element { .. } => {}
        }
    }

    fn add(&mut self, parent: usize, linked: bool, what: What<'a>) -> usize {
        let node = self.nodes.len();
        self.nodes.push(Node { parent, first: NONE, last: NONE, next: NONE, what });
        if linked {
            let last = std::mem::replace(&mut self.nodes[parent].last, node);
            if last == NONE {
                self.nodes[parent].first = node;
            } else {
                self.nodes[last].next = node;
            }
        }
        node
    }
}

/// An open element.
struct Open<'a> {
    /// Its node, or its nearest kept ancestor's when the tree was full.
    node: usize,
    name: &'a str,
    /// How many namespace bindings were in force outside it.
    bindings: usize,
    is_entry: bool,
}

/// What a document turned out to hold besides its entries.
#[derive(Debug)]
pub struct Outline<'a> {
    /// Everything outside the entries.
    pub tree: Tree<'a>,
    /// Name of the first element that names a kind of feed; none: no feed.
    pub root: Option<String>,
    /// Whether the document stopped in the middle.
    pub truncated: bool,
    /// Whether markup was mended or dropped.
    pub faults: Vec<&'static str>,
}

/// Reads `document` and calls `entry` with each entry's node as it ends, and
/// whether it was whole. `entry` returns false to stop.
pub fn read<'a>(document: &'a str, entry: impl FnMut(&Tree<'a>, usize, bool) -> bool) -> Outline<'a> {
    let mut reader = Reader {
        tree: Tree::new(),
        open: Vec::new(),
        bindings: Vec::new(),
        flattened: 0,
        entry_from: None,
        root: None,
        is_page: false,
        faults: Vec::new(),
        entry,
    };
    let mut tokens = Tokens::new(document);
    let mut running = true;
    while running && let Some(token) = tokens.next() {
        running = reader.token(token);
    }
    let truncated = running && reader.finish();
    if tokens.broken {
        reader.fault("some markup is broken and was mended");
    }
    Outline { tree: reader.tree, root: reader.root, truncated, faults: reader.faults }
}

/// Builds the tree from the tokens and gives entries away as they end.
struct Reader<'a, F> {
    tree: Tree<'a>,
    open: Vec<Open<'a>>,
    /// Prefixes and what they stand for here, the innermost last.
    bindings: Vec<(&'a str, Space)>,
    /// Open elements beyond the depth limit.
    flattened: usize,
    /// First node of the entry being read.
    entry_from: Option<usize>,
    root: Option<String>,
    /// Whether the document began as a web page.
    is_page: bool,
    faults: Vec<&'static str>,
    entry: F,
}

impl<'a, F: FnMut(&Tree<'a>, usize, bool) -> bool> Reader<'a, F> {
    fn token(&mut self, token: Token<'a>) -> bool {
        match token {
            Token::Doctype(doctype) => self.tree.entities.declare(doctype),
            Token::Text(text) => self.text(text, false),
            Token::Literal(text) => self.text(text, true),
            Token::Close(name) => return self.close(name),
            Token::Open { name, attributes, closed } => return self.start(name, attributes, closed),
        }
        true
    }

    fn fault(&mut self, what: &'static str) {
        if !self.faults.contains(&what) {
            self.faults.push(what);
        }
    }

    fn parent(&self) -> usize {
        self.open.last().map_or(NONE, |open| open.node)
    }

    /// Whether the entry, or what stands outside the entries, may have another node.
    fn has_room(&mut self) -> bool {
        let room = self.tree.nodes.len() - self.entry_from.unwrap_or(0) < NODES_MAX;
        if !room {
            self.fault("more elements than an entry may have; the rest was not read");
        }
        room
    }

    fn text(&mut self, text: &'a str, literal: bool) {
        // Blanks that only lay out the document would cost more nodes than all the rest.
        let between_fields = self.open.last().is_none_or(|open| open.is_entry || is_container(open.name));
        if (between_fields && text.trim_ascii().is_empty()) || text.is_empty() || !self.has_room() {
            return;
        }
        let parent = self.parent();
        if parent != NONE {
            self.tree.add(parent, true, What::Text { text, literal });
        }
    }

    fn start(&mut self, name: &'a str, attributes: Vec<(&'a str, &'a str)>, closed: bool) -> bool {
        let bindings = self.bindings.len();
        self.bind(&attributes);
        let (space, local) = self.resolve(name);
        self.note_root(space, &local);
        let is_entry = self.is_entry(space, &local);
        if is_entry {
            // An entry is an entry at any depth; one still open ends here.
            self.flattened = 0;
            if !self.end_entry(true) {
                return false;
            }
        } else if self.ends_leaf(space, &local) {
            self.pop();
        }
        if !is_entry && self.open.len() >= DEPTH_MAX {
            self.fault("nested too deeply; the inner tags were ignored");
            self.bindings.truncate(bindings);
            self.flattened += usize::from(!closed);
            return true;
        }
        let parent = self.parent();
        if is_entry {
            self.entry_from = Some(self.tree.nodes.len());
        }
        let node = if self.has_room() {
            self.tree.add(parent, !is_entry, What::Element { space, name: local, attributes })
        } else {
            parent
        };
        self.open.push(Open { node, name, bindings, is_entry });
        !closed || self.pop()
    }

    /// Notes what kind of document this is. A web page is none of ours, whatever
    /// its scripts have between their quotes.
    fn note_root(&mut self, space: Space, local: &str) {
        if self.root.is_some() || self.is_page || !matches!(space, Space::Core | Space::Atom | Space::Rdf) {
            return;
        }
        self.is_page = self.open.is_empty() && matches!(local, "html" | "head" | "body");
        if is_root(local) {
            self.root = Some(local.to_owned());
        }
    }

    /// Whether this element starts an entry of any dialect.
    fn is_entry(&self, space: Space, local: &str) -> bool {
        match local {
            "item" | "entry" => matches!(space, Space::Core | Space::Atom | Space::Rdf),
            "url" | "sitemap" => {
                space == Space::Core && matches!(self.root.as_deref(), Some("urlset" | "sitemapindex"))
            }
            _ => false,
        }
    }

    /// Whether a field that holds only text was left open: another field starts.
    fn ends_leaf(&self, space: Space, local: &str) -> bool {
        let Some(top) = self.open.last() else { return false };
        let Some((top_space, top_name)) = self.tree.name(top.node) else { return false };
        matches!(space, Space::Core | Space::Atom)
            && space == top_space
            && matches!(
                top_name,
                "title" | "link" | "guid" | "id" | "pubdate" | "updated" | "published" | "category"
            )
            && is_field(local)
    }

    /// Takes over the namespaces an element declares.
    fn bind(&mut self, attributes: &[(&'a str, &'a str)]) {
        for (key, uri) in attributes {
            let prefix = match key.strip_prefix("xmlns") {
                Some("") => "",
                Some(prefix) => match prefix.strip_prefix(':') {
                    Some(prefix) => prefix,
                    None => continue,
                },
                None => continue,
            };
            let uri = uri.to_ascii_lowercase();
            let space = SPACES.iter().find(|(pattern, ..)| uri.contains(pattern)).map(|(_, _, space)| *space);
            // An unknown default namespace is some feed's idea of its own name.
            let fallback =
                if prefix.is_empty() { Some(Space::Core) } else { usual(prefix).or(Some(Space::Other)) };
            self.bindings.extend(space.or(fallback).map(|space| (prefix, space)));
        }
    }

    /// Vocabulary and lower-case local name of an element.
    fn resolve(&self, name: &'a str) -> (Space, Cow<'a, str>) {
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let local = if local.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(local.to_ascii_lowercase())
        } else {
            Cow::Borrowed(local)
        };
        let bound = self.bindings.iter().rev().find(|(bound, _)| *bound == prefix).map(|(_, space)| *space);
        let default = if prefix.is_empty() { Space::Core } else { usual(prefix).unwrap_or(Space::Other) };
        (bound.unwrap_or(default), local)
    }

    /// An end tag closes the nearest element of its name and all inside it; one
    /// that closes nothing is passed over.
    fn close(&mut self, name: &'a str) -> bool {
        let structural = is_container(name) || matches!(local_of(name), "item" | "entry");
        if self.flattened > 0 && !structural {
            self.flattened -= 1;
            return true;
        }
        let Some(at) = self.open.iter().rposition(|open| open.name.eq_ignore_ascii_case(name)) else {
            return true;
        };
        self.flattened = 0;
        while self.open.len() > at {
            if !self.pop() {
                return false;
            }
        }
        true
    }

    /// Closes the innermost element; hands it over when it is an entry.
    fn pop(&mut self) -> bool {
        let Some(open) = self.open.pop() else { return true };
        self.bindings.truncate(open.bindings);
        !open.is_entry || self.hand_over(open.node, true)
    }

    /// Gives an entry away and forgets its nodes, which are the last of the tree.
    fn hand_over(&mut self, node: usize, whole: bool) -> bool {
        let Some(from) = self.entry_from.take() else { return true };
        let running = (self.entry)(&self.tree, node, whole);
        self.tree.nodes.truncate(from);
        running
    }

    /// Closes the entry being read, if any, and all it left open.
    fn end_entry(&mut self, whole: bool) -> bool {
        let Some(at) = self.open.iter().rposition(|open| open.is_entry) else { return true };
        self.fault("an entry is not closed");
        let node = self.open[at].node;
        self.bindings.truncate(self.open[at].bindings);
        self.open.truncate(at);
        self.hand_over(node, whole)
    }

    /// At the end of the document; returns whether it was cut off.
    fn finish(&mut self) -> bool {
        let truncated = !self.open.is_empty();
        self.end_entry(false);
        truncated
    }
}

fn usual(prefix: &str) -> Option<Space> {
    let same =
        |(_, prefixes, _): &&(&str, &[&str], Space)| prefixes.iter().any(|p| p.eq_ignore_ascii_case(prefix));
    SPACES.iter().find(same).map(|(_, _, space)| *space)
}

fn local_of(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// Elements whose presence makes a document a feed.
fn is_root(local: &str) -> bool {
    matches!(local, "rss" | "rdf" | "feed" | "channel" | "item" | "entry" | "urlset" | "sitemapindex")
}

/// Elements that hold entries.
pub fn is_container(name: &str) -> bool {
    const CONTAINERS: [&str; 6] = ["rss", "rdf", "feed", "channel", "items", "urlset"];
    CONTAINERS.iter().any(|container| local_of(name).eq_ignore_ascii_case(container))
}

fn is_field(local: &str) -> bool {
    matches!(
        local,
        "title"
            | "link"
            | "guid"
            | "id"
            | "description"
            | "pubdate"
            | "author"
            | "category"
            | "comments"
            | "enclosure"
            | "content"
            | "summary"
            | "updated"
            | "published"
            | "source"
    )
}
