//! Where in a page the article stands, and which of its blocks belong to it.
//!
//! Invariant: rules hold for every site; none names one.

use super::blocks::{Block, blocks};
use super::kinds::{Kind, kinds};
use super::voters::{self, Reading};
use crate::page::tree::{NodeId, Tree};

/// Nodes of a page that is read a second time by dom_smoothie, whose cost grows
/// faster than the page; no news page that we have seen has more.
const SECOND_NODES_MAX: usize = 60_000;
/// Characters of such a page: a long novel has as many.
const SECOND_CHARS_MAX: usize = 1_000_000;

/// Paragraphs of the article: our own reading, and dom_smoothie's vote on it.
pub fn paragraphs(tree: &Tree, title: &str) -> Vec<String> {
    let kinds = kinds(tree);
    let boxes = boxes(tree, &kinds);
    let all = blocks(tree, 0, |id| boxes[id]);
    let within = container(tree, &kinds, &all);
    let range = within..tree.nodes[within].end;
    let leads = leads(tree, &all, within, title).into_iter().map(|block| (block, Standing::Lead));
    let inside = all.iter().filter(|block| range.contains(&block.owner));
    let is_in =
        |(block, standing): &(&Block, Standing)| *standing != Standing::Out && !is_title(tree, block, title);
    let chosen = leads.chain(inside.map(|block| (block, standing(tree, block)))).filter(is_in);
    let chosen: Vec<(&Block, Standing)> = chosen.collect();
    let chars: usize = all.iter().map(|block| block.chars).sum();
    let second = if tree.nodes.len() <= SECOND_NODES_MAX && chars <= SECOND_CHARS_MAX {
        voters::smoothie(&tree.to_lean_html(|id| boxes[id]))
    } else {
        Reading::default()
    };
    let kept = kept(&chosen, &second);
    if kept.is_empty() { anything(tree, &all, title) } else { kept }
}

/// For pages of a line or two, where nothing reads as prose: what is no link.
fn anything(tree: &Tree, all: &[Block], title: &str) -> Vec<String> {
    let is_text =
        |block: &&Block| block.link_density() < 0.5 && !is_title(tree, block, title) && !in_head(tree, block);
    all.iter().filter(is_text).map(|block| block.text.clone()).collect()
}

fn in_head(tree: &Tree, block: &Block) -> bool {
    tree.nodes[block.owner].name == "title"
}

/// Which elements are boxes beside the article: menus, teasers, comments.
fn boxes(tree: &Tree, kinds: &[Kind]) -> Vec<bool> {
    // A name like `newsletter-page` on an element that holds much of the prose
    // names the page, not a box in it.
    const BOX_SHARE_MAX: f32 = 0.4;
    const REST_CHARS_MIN: f32 = 150.0;
    let prose = masses(tree, &blocks(tree, 0, |_| false));
    let asides: f32 = outermost(tree, |id| kinds[id] == Kind::Aside).map(|id| prose[id]).sum();
    let enough_without = prose[0] - asides >= REST_CHARS_MIN;
    let rest = if enough_without { prose[0] - asides } else { prose[0] };
    let is_box = |id: NodeId| match kinds[id] {
        Kind::Content | Kind::Body => false,
        Kind::Aside if enough_without => true,
        _ => prose[id] <= BOX_SHARE_MAX * rest,
    };
    (0..tree.nodes.len()).map(is_box).collect()
}

/// The elements that are `wanted`, none within another.
fn outermost(tree: &Tree, wanted: impl Fn(NodeId) -> bool) -> impl Iterator<Item = NodeId> {
    let mut id = 0;
    std::iter::from_fn(move || {
        while id < tree.nodes.len() {
            let at = id;
            if wanted(at) {
                id = tree.nodes[at].end;
                return Some(at);
            }
            id += 1;
        }
        None
    })
}

/// Prose within each element.
fn masses(tree: &Tree, all: &[Block]) -> Vec<f32> {
    let mut mass = vec![0.0_f32; tree.nodes.len()];
    for block in all {
        let weight = weight(block);
        let mut id = block.owner;
        mass[0] += weight;
        while id != 0 {
            mass[id] += weight;
            id = tree.nodes[id].parent;
        }
    }
    mass
}

fn weight(block: &Block) -> f32 {
    let prose = block.link_density() < 0.4 && (block.chars >= 80 || block.is_sentence());
    if prose { block.chars as f32 } else { 0.0 }
}

/// The element that holds the article: one whose name says so, else the
/// smallest that holds nearly all of the page's prose.
fn container(tree: &Tree, kinds: &[Kind], all: &[Block]) -> NodeId {
    const NAMED_SHARE_MIN: f32 = 0.25;
    const ARTICLE_SHARE_MIN: f32 = 0.3;
    const PROSE_CHARS_MIN: f32 = 200.0;
    let mass = masses(tree, all);
    let best = |wanted: &dyn Fn(NodeId) -> bool, share: f32| {
        let found = outermost(tree, wanted).max_by(|&a, &b| mass[a].total_cmp(&mass[b]));
        found.filter(|&id| mass[id] >= share * mass[0] && mass[id] >= PROSE_CHARS_MIN)
    };
    if let Some(named) = best(&|id| kinds[id] == Kind::Body, NAMED_SHARE_MIN) {
        return with_siblings(tree, kinds, &mass, named);
    }
    let article = best(&|id| tree.nodes[id].name == "article", ARTICLE_SHARE_MIN);
    let start = article.or_else(|| best(&|id| tree.nodes[id].name == "main", ARTICLE_SHARE_MIN));
    densest(tree, &mass, start.unwrap_or(0))
}

/// A body cut into several elements that all say so: what holds them.
fn with_siblings(tree: &Tree, kinds: &[Kind], mass: &[f32], named: NodeId) -> NodeId {
    let mut at = named;
    for _ in 0..3 {
        if matches!(tree.nodes[at].name.as_ref(), "article" | "body") {
            break;
        }
        at = tree.nodes[at].parent;
        let bodies = outermost_in(tree, at, |id| mass[id] > 0.0 && kinds[id] == Kind::Body);
        let headlines = outermost_in(tree, at, |id| tree.nodes[id].name == "h1");
        if bodies > 1 && headlines <= 1 && kinds[at] != Kind::Body {
            return at;
        }
    }
    named
}

fn outermost_in(tree: &Tree, within: NodeId, wanted: impl Fn(NodeId) -> bool) -> usize {
    let mut id = within + 1;
    let mut count = 0;
    while id < tree.nodes[within].end {
        if wanted(id) {
            count += 1;
            id = tree.nodes[id].end;
        } else {
            id += 1;
        }
    }
    count
}

/// Goes down from `start` as long as one child holds nearly all of the prose.
fn densest(tree: &Tree, mass: &[f32], start: NodeId) -> NodeId {
    const SHARE_MIN: f32 = 0.8;
    let mut at = start;
    loop {
        let mut child = at + 1;
        let mut next = None;
        while child < tree.nodes[at].end {
            let holds = mass[child] >= SHARE_MIN * mass[at] && mass[child] > 0.0;
            if holds && !matches!(tree.nodes[child].name.as_ref(), "p" | "blockquote" | "li") {
                next = Some(child);
            }
            child = tree.nodes[child].end;
        }
        match next {
            Some(next) => at = next,
            None => return at,
        }
    }
}

/// Paragraphs between the headline and the body: the lead.
fn leads<'a>(tree: &Tree, all: &'a [Block], within: NodeId, title: &str) -> Vec<&'a Block> {
    const LEADS_MAX: usize = 3;
    let before: Vec<&Block> = all.iter().filter(|block| block.owner < within).collect();
    let is_headline = |block: &&Block| tree.nodes[block.owner].name == "h1" || same_words(&block.text, title);
    let Some(headline) = before.iter().rposition(is_headline) else { return Vec::new() };
    let is_lead = |block: &&Block| {
        let reads = block.is_sentence() && block.chars >= 60 || block.chars >= 100;
        reads && block.link_density() < 0.3 && !matches!(tree.nodes[block.owner].name.as_ref(), "li" | "tr")
    };
    before.into_iter().skip(headline + 1).filter(is_lead).take(LEADS_MAX).collect()
}

/// How sure we are of a block, before the second reading is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Lead,
    Sure,
    /// Kept where the second reading has it.
    Doubtful,
    /// Links and labels.
    Out,
}

fn standing(tree: &Tree, block: &Block) -> Standing {
    if is_call(block) || is_stamp(tree, block) {
        return Standing::Out;
    }
    let name = tree.nodes[block.owner].name.as_ref();
    let density = block.link_density();
    if density > 0.8 || density > 0.6 && !(block.is_sentence() && block.chars > 100) {
        return Standing::Out;
    }
    if matches!(name, "h2" | "h3" | "h4" | "h5" | "h6" | "li") || block.chars >= 40 || block.is_sentence() {
        return Standing::Sure;
    }
    if matches!(name, "p" | "tr" | "blockquote" | "pre") { Standing::Doubtful } else { Standing::Out }
}

/// Invitations and credits between the paragraphs.
fn is_call(block: &Block) -> bool {
    const CALLS: &str = "advertisement|also read|anzeige|auch interessant|click here to|credit:|follow us|foto:|image:|\
        lea también|lee también|leggi anche|lesen sie auch|lire aussi|à lire aussi|mehr zum thema|photo:|read also|\
        read more|related:|see also|share this|sign up|subscribe to|te puede interesar|©|\
        автор:|заметили ошибку|если вы нашли ошибку|материалы по теме|нашли ошибку|по теме:|подписывайтесь|подпишитесь|\
        поделиться|присоединяйтесь к|реклама|следите за нашими|смотрите также|фото:|читайте по теме|читайте также|читать далее|\
        дагы окуңуз|биздин телеграм|каналга жазылыңыз|ката тапсаңыз|сүрөт:|окшош макалалар|\
        тағы оқыңыз|сондай-ақ оқыңыз|біздің telegram|арнамызға жазылыңыз|қате тапсаңыз|сурет:|\
        bizni telegramda|foto:|muallif:|shuningdek o‘qing|shuningdek, o‘qing|surat:|telegram kanalimiz|\
        муаллиф:|сурат:|шунингдек ўқинг|ҳамчунин хонед|инчунин хонед|акс:|моро дар телеграм";
    const CALL_CHARS_MAX: usize = 160;
    if block.chars > CALL_CHARS_MAX {
        return false;
    }
    let text = block.text.to_lowercase();
    CALLS.split('|').any(|call| text.starts_with(call))
}

/// A date, a time, a counter; in a table figures are news.
fn is_stamp(tree: &Tree, block: &Block) -> bool {
    const STAMP_CHARS_MAX: usize = 40;
    let digits = block.text.chars().filter(char::is_ascii_digit).count();
    let letters = block.text.chars().filter(|c| c.is_alphabetic()).count();
    let most_letters = if tree.nodes[block.owner].name == "tr" { 0 } else { digits };
    block.chars <= STAMP_CHARS_MAX
        && digits > 0
        && letters <= most_letters
        && block.text.contains(['.', ':', '/'])
}

fn is_title(tree: &Tree, block: &Block, title: &str) -> bool {
    tree.nodes[block.owner].name == "h1" || same_words(&block.text, title)
}

/// What both readings have; our own alone where the two have little in common.
fn kept(chosen: &[(&Block, Standing)], second: &Reading) -> Vec<String> {
    let agreed =
        |(block, standing): &&(&Block, Standing)| *standing == Standing::Lead || second.has(&block.text);
    let own = |(_, standing): &&(&Block, Standing)| *standing != Standing::Doubtful;
    let chars = |blocks: &[&(&Block, Standing)]| blocks.iter().map(|(block, _)| block.chars).sum::<usize>();
    let both: Vec<_> = chosen.iter().filter(agreed).collect();
    let ours: Vec<_> = chosen.iter().filter(own).collect();
    let kept = if chars(&both) * 2 >= chars(&ours) { both } else { ours };
    kept.into_iter().map(|(block, _)| block.text.clone()).collect()
}

fn same_words(a: &str, b: &str) -> bool {
    let words = |text: &str| {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect::<Vec<_>>()
    };
    words(a) == words(b)
}
