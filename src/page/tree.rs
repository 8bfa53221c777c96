//! Any HTML to a small tree, and back to HTML that is safe to hand to a library.
//!
//! html5ever is quadratic in nesting depth, in open formatting elements and in
//! attributes: 200 kB of `<div>` hold a thread for 17 seconds. So documents are
//! read here first, in linear time, and written out again well nested, no
//! deeper than [`DEPTH_MAX`], without scripts and styles.
//!
//! Invariant: reading cannot fail, and nothing recurses on outside input.

use super::tokens::{Token, Tokens, attributes, raw_attribute};
use std::borrow::Cow;

/// Open elements; the tags of deeper ones are dropped, their text is kept. The
/// deepest of a thousand news pages has 60.
pub const DEPTH_MAX: usize = 200;
/// Nodes; what comes after is dropped.
pub const NODES_MAX: usize = 150_000;
/// Attributes of one element.
const ATTRIBUTES_MAX: usize = 64;

/// Index of a node in its tree; the root is 0.
pub type NodeId = usize;

/// An element, or a text when `name` is empty.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    /// In lower case.
    pub name: Cow<'a, str>,
    /// What stands between the name and `>`; of a text: the text as written.
    pub raw: &'a str,
    pub parent: NodeId,
    /// The node after this one's last descendant: a subtree is a range.
    pub end: NodeId,
}

/// A document in order of its start tags.
#[derive(Debug, Clone, Default)]
pub struct Tree<'a> {
    pub nodes: Vec<Node<'a>>,
    /// What stands in `script type=application/ld+json`.
    pub json_ld: Vec<&'a str>,
}

impl<'a> Tree<'a> {
    pub fn of(html: &'a str) -> Tree<'a> {
        let mut builder = Builder::of(html);
        let mut tokens = Tokens::of(html);
        while let Some(token) = tokens.next() {
            if builder.tree.nodes.len() >= NODES_MAX {
                break;
            }
            match token {
                Token::Text(text) => builder.text(text),
                Token::Start { name, attributes } => builder.start(name, attributes, &mut tokens),
                Token::End { name } => builder.end(&lower(name)),
            }
        }
        builder.finished()
    }

    /// Value of an attribute as written.
    pub fn raw_attribute(&self, node: NodeId, name: &str) -> Option<&'a str> {
        let node = &self.nodes[node];
        if node.name.is_empty() { None } else { raw_attribute(node.raw, name) }
    }

    /// The document as HTML that a tree builder reads as this very tree.
    pub fn to_html(&self) -> String {
        self.written(|_| false, |_| true)
    }

    /// The same for a reader of text alone: without the elements to be left
    /// out, without pictures, and of the attributes only what names things.
    pub fn to_lean_html(&self, leave_out: impl Fn(NodeId) -> bool) -> String {
        let is_picture = |id: NodeId| {
            let name = self.nodes[id].name.as_ref();
            is_void(name) && !matches!(name, "br" | "hr")
        };
        self.written(
            |id| is_picture(id) || leave_out(id),
            |name| matches!(name, "class" | "id" | "itemprop" | "role"),
        )
    }

    fn written(&self, leave_out: impl Fn(NodeId) -> bool, wanted: impl Fn(&str) -> bool) -> String {
        let mut html = String::with_capacity(self.nodes.len() * 40);
        let mut references = References::default();
        let mut open: Vec<NodeId> = Vec::new();
        let mut id = 1;
        while id < self.nodes.len() {
            while let Some(&last) = open.last().filter(|&&last| self.nodes[last].end <= id) {
                self.close(last, &mut html);
                open.pop();
            }
            let node = &self.nodes[id];
            if node.name.is_empty() {
                push_text(node.raw, &mut references, &mut html);
            } else if leave_out(id) {
                id = node.end;
                continue;
            } else {
                push_tag(node, &wanted, &mut html);
                open.push(id);
            }
            id += 1;
        }
        while let Some(last) = open.pop() {
            self.close(last, &mut html);
        }
        html
    }

    fn close(&self, node: NodeId, html: &mut String) {
        let name = &self.nodes[node].name;
        if !is_void(name) {
            html.push_str("</");
            html.push_str(name);
            html.push('>');
        }
    }
}

/// Tree builders append each character reference by itself, at a cost that
/// grows with the text before it; no article has this many.
const REFERENCES_MAX: usize = 20_000;

/// At each of them html5ever looks through the rest of the text for the next tag:
/// bytes that it may look through so, some tenths of a second's work.
const REFERENCES_BYTES_MAX: usize = 1 << 30;

/// What the character references of a page have cost so far.
#[derive(Default)]
struct References {
    count: usize,
    bytes: usize,
}

impl References {
    /// Whether one more may stand before so many bytes of text.
    fn allows(&mut self, rest_bytes: usize) -> bool {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(rest_bytes);
        self.count <= REFERENCES_MAX && self.bytes <= REFERENCES_BYTES_MAX
    }
}

fn push_text(text: &str, references: &mut References, html: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        html.push_str(&rest[..at]);
        let is_allowed = references.allows(rest.len());
        html.push_str(match rest.as_bytes()[at] {
            _ if !is_allowed && html.ends_with(' ') => "",
            _ if !is_allowed => " ",
            b'<' => "&lt;",
            _ => "&",
        });
        rest = &rest[at + 1..];
    }
    html.push_str(rest);
}

fn push_tag(node: &Node, wanted: impl Fn(&str) -> bool, html: &mut String) {
    html.push('<');
    html.push_str(&node.name);
    for (name, value) in attributes(node.raw).take(ATTRIBUTES_MAX).filter(|(name, _)| wanted(name)) {
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'.'))
        {
            continue;
        }
        html.push(' ');
        html.push_str(name);
        html.push_str("=\"");
        if value.contains('"') {
            html.push_str(&value.replace('"', "&quot;"));
        } else {
            html.push_str(value);
        }
        html.push('"');
    }
    html.push('>');
}

struct Builder<'a> {
    tree: Tree<'a>,
    open: Vec<NodeId>,
    /// How many of [`IMPLIED`] are open: most start tags have nothing to close.
    implied: usize,
    /// Start tags that were dropped for depth and whose end tags are still to come.
    dropped: usize,
}

impl<'a> Builder<'a> {
    fn of(html: &str) -> Builder<'a> {
        let root = Node { name: Cow::Borrowed("#root"), raw: "", parent: 0, end: 0 };
        let mut nodes = Vec::with_capacity((html.len() / 60).min(NODES_MAX));
        nodes.push(root);
        Builder { tree: Tree { nodes, json_ld: Vec::new() }, open: vec![0], implied: 0, dropped: 0 }
    }

    fn parent(&self) -> NodeId {
        self.open.last().copied().unwrap_or(0)
    }

    fn push(&mut self, name: Cow<'a, str>, raw: &'a str) -> NodeId {
        let id = self.tree.nodes.len();
        self.tree.nodes.push(Node { name, raw, parent: self.parent(), end: id + 1 });
        id
    }

    fn text(&mut self, text: &'a str) {
        if !text.is_empty() {
            self.push(Cow::Borrowed(""), text);
        }
    }

    fn start(&mut self, name: &'a str, raw: &'a str, tokens: &mut Tokens<'a>) {
        let name = lower(name);
        if SILENT.contains(&name.as_ref()) {
            // An SVG may be closed in itself; then nothing follows to be skipped.
            if name == "svg" && raw.ends_with('/') {
                return;
            }
            let inner = tokens.skip_element(&name);
            if name == "script" && raw_attribute(raw, "type").is_some_and(|kind| kind.contains("ld+json")) {
                self.tree.json_ld.push(inner);
            }
            return;
        }
        if !is_name(&name) {
            return;
        }
        let void = is_void(&name);
        if self.open.len() >= DEPTH_MAX && !void {
            self.dropped += 1;
            return;
        }
        self.close_implied(&name);
        self.implied += usize::from(IMPLIED.contains(&name.as_ref()));
        let id = self.push(name, raw);
        if !void {
            self.open.push(id);
        }
    }

    /// End tags that HTML lets people leave out (HTML, "Optional tags").
    fn close_implied(&mut self, name: &str) {
        if self.implied == 0 {
            return;
        }
        let (closes, within): (&[&str], &[&str]) = match name {
            "li" => (&["li"], &["ul", "ol", "menu"]),
            "dt" | "dd" => (&["dt", "dd"], &["dl"]),
            "option" | "optgroup" => (&["option"], &["select"]),
            "tr" => (&["tr"], &["table"]),
            "td" | "th" => (&["td", "th"], &["table", "tr"]),
            "thead" | "tbody" | "tfoot" => (&["thead", "tbody", "tfoot"], &["table"]),
            "a" => (&["a"], &["table", "td", "div", "p", "li", "article", "section", "body"]),
            _ if closes_paragraph(name) => (&["p"], &["button", "table", "td", "th", "object"]),
            _ => return,
        };
        let found = self.open.iter().rposition(|&id| {
            let open = self.tree.nodes[id].name.as_ref();
            closes.contains(&open) || within.contains(&open)
        });
        if let Some(at) = found.filter(|&at| closes.contains(&self.tree.nodes[self.open[at]].name.as_ref())) {
            self.close_from(at);
        }
    }

    fn end(&mut self, name: &str) {
        if self.dropped > 0 {
            self.dropped -= 1;
            return;
        }
        let inline = !is_block(name);
        for at in (1..self.open.len()).rev() {
            let open = self.tree.nodes[self.open[at]].name.as_ref();
            if open == name {
                self.close_from(at);
                return;
            }
            // A stray `</b>` closes no block, a stray `</div>` no table cell.
            if inline && is_block(open)
                || matches!(open, "table" | "td" | "th" | "caption" | "object")
                    && name != "table"
                    && name != "tr"
            {
                return;
            }
        }
    }

    fn close_from(&mut self, at: usize) {
        let end = self.tree.nodes.len();
        for id in self.open.drain(at.max(1)..) {
            self.tree.nodes[id].end = end;
            self.implied -= usize::from(IMPLIED.contains(&self.tree.nodes[id].name.as_ref()));
        }
    }

    fn finished(mut self) -> Tree<'a> {
        let end = self.tree.nodes.len();
        for id in self.open {
            self.tree.nodes[id].end = end;
        }
        self.tree
    }
}

/// Elements whose end tag may be left out.
const IMPLIED: [&str; 12] =
    ["p", "li", "dt", "dd", "option", "tr", "td", "th", "thead", "tbody", "tfoot", "a"];

/// Elements whose content is no text of the page. `title` is read as text.
const SILENT: [&str; 12] = [
    "script", "style", "template", "noscript", "svg", "math", "iframe", "textarea", "select", "xmp",
    "noembed", "noframes",
];

fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// Names a tree builder reads as they are; `plaintext` would swallow the rest.
fn is_name(name: &str) -> bool {
    const NAME_BYTES_MAX: usize = 40;
    name.len() <= NAME_BYTES_MAX
        && !matches!(name, "plaintext" | "frameset" | "frame")
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b':' | b'_'))
}

pub fn is_void(name: &str) -> bool {
    matches!(
        name,
        "br" | "img"
            | "meta"
            | "link"
            | "input"
            | "hr"
            | "source"
            | "wbr"
            | "area"
            | "base"
            | "col"
            | "embed"
            | "param"
            | "track"
    )
}

fn closes_paragraph(name: &str) -> bool {
    is_block(name)
        && !matches!(
            name,
            "td" | "th" | "tr" | "tbody" | "thead" | "tfoot" | "caption" | "html" | "body" | "head"
        )
}

/// Elements that break a line.
pub fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "section"
            | "article"
            | "main"
            | "header"
            | "footer"
            | "aside"
            | "nav"
            | "ul"
            | "ol"
            | "li"
            | "dl"
            | "dt"
            | "dd"
            | "table"
            | "tr"
            | "td"
            | "th"
            | "tbody"
            | "thead"
            | "tfoot"
            | "caption"
            | "blockquote"
            | "pre"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "figure"
            | "figcaption"
            | "form"
            | "fieldset"
            | "address"
            | "hr"
            | "details"
            | "summary"
            | "center"
            | "html"
            | "body"
            | "head"
            | "title"
            | "menu"
            | "hgroup"
            | "dialog"
            | "search"
            | "option"
            | "optgroup"
            | "legend"
    )
}
