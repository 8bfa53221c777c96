//! A page's tree to its blocks of text, each with what betrays boilerplate.
//!
//! Invariant: linear in the page; every visible text is in one block.

use crate::page::entities::decoded;
use crate::page::tree::{self, NodeId, Tree};

/// A paragraph, heading, list item or another run of text between block tags.
#[derive(Debug, Clone, Default)]
pub struct Block {
    /// The innermost block element around it.
    pub owner: NodeId,
    /// Words with single spaces between.
    pub text: String,
    /// Characters of `text`; one of Chinese, Japanese or Korean counts as two.
    pub chars: usize,
    /// Those of them inside links.
    pub linked: usize,
}

impl Block {
    /// Share of the text inside links, 0 to 1.
    pub fn link_density(&self) -> f32 {
        if self.chars == 0 { 0.0 } else { self.linked as f32 / self.chars as f32 }
    }

    /// Whether it reads as a sentence: long enough, and ended as one.
    pub fn is_sentence(&self) -> bool {
        let end = self.text.trim_end_matches(['"', '”', '“', '»', '’', '\'', ')', ']', '«', '」', '』', ' ']);
        self.chars >= 30 && end.ends_with(['.', '!', '?', '…', ':', '。', '！', '？', ';', '।'])
    }
}

/// The blocks of `tree` outside the subtrees that `skip` names.
pub fn blocks(tree: &Tree, within: NodeId, skip: impl Fn(NodeId) -> bool) -> Vec<Block> {
    let mut run = Run {
        tree,
        done: Vec::new(),
        block: Block::default(),
        open: vec![within],
        links: 0,
        space: false,
        breaks: 0,
    };
    let end = tree.nodes[within].end;
    let mut id = within + 1;
    while id < end {
        run.leave(id);
        let node = &tree.nodes[id];
        if node.name.is_empty() {
            run.text(node.raw);
        } else if skip(id) {
            run.boundary(is_block(&node.name));
            id = node.end;
            continue;
        } else {
            run.enter(id);
        }
        id += 1;
    }
    run.flush();
    run.done
}

fn width(word: &str) -> usize {
    word.chars().map(|c| if c >= '\u{2e80}' { 2 } else { 1 }).sum()
}

/// A table's row is one block; what has blocks of its own in its cells is cut
/// by those.
fn is_block(name: &str) -> bool {
    tree::is_block(name) && !matches!(name, "td" | "th")
}

fn is_link(name: &str) -> bool {
    matches!(name, "a" | "button")
}

struct Run<'a, 'b> {
    tree: &'b Tree<'a>,
    done: Vec<Block>,
    block: Block,
    open: Vec<NodeId>,
    /// How many of `open` are links.
    links: usize,
    space: bool,
    /// `<br>` in a row: two of them part paragraphs.
    breaks: usize,
}

impl Run<'_, '_> {
    fn enter(&mut self, id: NodeId) {
        let name = self.tree.nodes[id].name.as_ref();
        if name == "br" {
            self.breaks += 1;
            self.space = true;
            if self.breaks >= 2 {
                self.flush();
            }
            return;
        }
        self.space |= matches!(name, "td" | "th");
        self.boundary(is_block(name));
        self.open.push(id);
        self.links += usize::from(is_link(name));
    }

    fn leave(&mut self, id: NodeId) {
        while let Some(&last) = self.open.last().filter(|&&last| self.tree.nodes[last].end <= id) {
            self.boundary(is_block(&self.tree.nodes[last].name));
            self.open.pop();
            self.links -= usize::from(is_link(&self.tree.nodes[last].name));
        }
    }

    fn boundary(&mut self, is_block: bool) {
        if is_block {
            self.flush();
        }
    }

    fn text(&mut self, raw: &str) {
        if raw.bytes().all(|byte| byte.is_ascii_whitespace()) {
            self.space = true;
            return;
        }
        let text = if raw.contains('&') { decoded(raw) } else { raw.to_owned() };
        self.space |= text.starts_with(|c: char| c.is_whitespace());
        let before = self.block.chars;
        for word in text.split_whitespace() {
            if self.space && !self.block.text.is_empty() {
                self.block.text.push(' ');
                self.block.chars += 1;
            }
            self.block.text.push_str(word);
            self.block.chars += width(word);
            self.space = true;
        }
        self.space = text.ends_with(|c: char| c.is_whitespace());
        let added = self.block.chars - before;
        self.block.linked += if self.links > 0 { added } else { 0 };
        self.breaks = 0;
    }

    fn flush(&mut self) {
        (self.space, self.breaks) = (false, 0);
        if self.block.text.is_empty() {
            return;
        }
        let owner =
            self.open.iter().rev().find(|&&id| is_block(&self.tree.nodes[id].name)).or(self.open.first());
        self.block.owner = owner.copied().unwrap_or(0);
        self.done.push(std::mem::take(&mut self.block));
    }
}
