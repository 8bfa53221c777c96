//! What each element of a page is for, by its kind, role and name.
//!
//! Invariant: names are judged by what they say on any site; one pass over an
//! element's attributes, one over its names.

use crate::page::tokens::attributes;
use crate::page::tree::{Node, NodeId, Tree};
use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// What an element is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Content,
    /// Says that it holds the article's text.
    Body,
    /// A box, if it is small.
    Box,
    /// Comments, footers and notices: no article however long they are.
    Aside,
}

/// The kind of every element, by its place in the tree.
pub fn kinds(tree: &Tree) -> Vec<Kind> {
    (0..tree.nodes.len()).map(|id| kind(tree, id)).collect()
}

fn kind(tree: &Tree, id: NodeId) -> Kind {
    let node = &tree.nodes[id];
    match node.name.as_ref() {
        "" | "#root" | "html" | "body" => return Kind::Content,
        "article" if within_article(tree, id) => return Kind::Box,
        "nav" | "footer" | "head" | "menu" | "dialog" => return Kind::Aside,
        "aside" | "button" | "figure" | "figcaption" | "label" | "time" => return Kind::Box,
        _ if node.raw.is_empty() => return Kind::Content,
        _ => {}
    }
    let said = Said::by(node);
    let is_main = matches!(node.name.as_ref(), "main" | "article");
    let can_hold = is_main || matches!(node.name.as_ref(), "div" | "section" | "span" | "td");
    if is_main {
        return if said.body { Kind::Body } else { Kind::Content };
    }
    // Paywalls hide paragraphs that are there all the same.
    if node.name == "p" {
        return if said.names & PARAGRAPH != 0 { Kind::Box } else { Kind::Content };
    }
    if said.hidden {
        return Kind::Box;
    }
    match said.names {
        _ if said.role != Kind::Content => said.role,
        names if names & EMBED == 0 && names & ASIDE != 0 => Kind::Aside,
        names if names & EMBED == 0 && names & BOX != 0 => Kind::Box,
        _ if said.body && can_hold => Kind::Body,
        _ => Kind::Content,
    }
}

fn within_article(tree: &Tree, id: NodeId) -> bool {
    let mut at = tree.nodes[id].parent;
    while at != 0 {
        if tree.nodes[at].name == "article" {
            return true;
        }
        at = tree.nodes[at].parent;
    }
    false
}

/// What an element's attributes say.
struct Said {
    names: u8,
    role: Kind,
    hidden: bool,
    body: bool,
}

impl Said {
    fn by(node: &Node) -> Said {
        let mut said = Said { names: 0, role: Kind::Content, hidden: false, body: false };
        for (name, value) in attributes(node.raw) {
            match name {
                "class" | "id" => said.names |= names(value),
                "role" => said.role = role(value),
                "hidden" => said.hidden = true,
                "aria-hidden" => said.hidden |= value == "true",
                "style" => {
                    said.hidden |=
                        value.contains("display") && value.replace(' ', "").contains("display:none")
                }
                "itemprop" => said.body |= value.eq_ignore_ascii_case("articleBody"),
                _ => {}
            }
        }
        said.body |= said.names & BODY != 0;
        said
    }
}

fn role(role: &str) -> Kind {
    match role {
        "navigation" | "contentinfo" | "dialog" | "alertdialog" | "menu" | "search" => Kind::Aside,
        "complementary" | "banner" | "alert" => Kind::Box,
        _ => Kind::Content,
    }
}

const BODY: u8 = 1;
const ASIDE: u8 = 2;
const BOX: u8 = 4;
/// Boxes that are single paragraphs.
const PARAGRAPH: u8 = 8;
const EMBED: u8 = 16;

/// Parts of class names and ids, by what they say.
const PARTS: [(u8, &str); 6] = [
    (
        BODY,
        "article-body articlebody article__body article_body article-content article__content article_content \
        articlecontent article-text article__text articletext story-body storybody story__body story-content \
        storycontent entry-content entry__content entrycontent post-content post__content post_content postcontent \
        post-body postbody post__body news-text newstext news__text news-content news_content content-body \
        content__body field-name-body",
    ),
    (ASIDE, "comment- comments commentlist cookie consent gdpr privacy footer disqus respond"),
    (
        BOX,
        "recommend share sharing social newsletter subscri promo sidebar breadcrumb author- tags advert sponsor \
        teaser read-also read-more banner popup modal toolbar menu navigation pagination disclaimer outbrain \
        taboola most-read popular trending signup sign-up factbox fact-box infobox affiliate author_ \
        authorprofile biography info-box widget-area widget_ autor-",
    ),
    (BOX | PARAGRAPH, "caption byline copyright readmore related"),
    (PARAGRAPH, "credit"),
    (EMBED, "embed"),
];

/// The parts in one automaton, with the meaning of each.
static NAMES: LazyLock<(Option<AhoCorasick>, Vec<u8>)> = LazyLock::new(|| {
    let parts = || {
        PARTS.iter().flat_map(|(meaning, parts)| parts.split_whitespace().map(move |part| (part, *meaning)))
    };
    let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(parts().map(|(part, _)| part));
    (automaton.ok(), parts().map(|(_, meaning)| meaning).collect())
});

/// All that a class or an id says.
fn names(value: &str) -> u8 {
    let (automaton, meanings) = &*NAMES;
    let Some(automaton) = automaton else { return 0 };
    automaton.find_overlapping_iter(value).fold(0, |said, found| said | meanings[found.pattern().as_usize()])
}
