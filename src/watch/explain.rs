//! Why a watch fired, and what was missing where it did not: sentences for people.
//!
//! Invariant: what is said is read off the same evaluation that decides, and
//! near misses off the same grammar; this module decides nothing.

use super::evaluate::{Probe, View, distinct, gap};
use super::query::{Node, Scope, Term};
use super::scan::{Lack, NearMiss, Patterns};
use super::score::{Evidence, shown};
use super::{Field, Score};
use std::collections::HashSet;

/// Near misses told for one term and in all, and characters of one.
const NEAR_A_TERM_MAX: usize = 3;
const NEAR_MAX: usize = 6;
const NEAR_CHARS_MAX: usize = 60;

/// Addends, greatest first, then the rule of each form that was found.
pub(super) fn fired(watch: &str, score: &Score, evidence: &[Evidence]) -> Vec<String> {
    let mut lines = vec![format!("`{watch}` fired: {} points", shown(score.total()))];
    lines.extend(score.addends().iter().map(|addend| addend.reason.clone()));
    let mut told = HashSet::new();
    for Evidence { hit, .. } in evidence {
        if told.insert((&hit.text, &hit.rule)) {
            lines.push(format!("{}: {}", hit.text, hit.rule));
        }
    }
    lines
}

/// What there is of the query and what is missing, with the words that nearly are it.
pub(super) fn missed(watch: &str, node: &Node, view: View<'_>, patterns: &Patterns) -> Vec<String> {
    let mut lines = vec![format!("`{watch}` did not fire")];
    miss(node, view, true, &mut lines);
    lines.extend(nearly(node, view, patterns));
    lines
}

/// The words that come near the terms that are nowhere in the story.
fn nearly(node: &Node, view: View<'_>, patterns: &Patterns) -> Vec<String> {
    let mut missing = Vec::new();
    wanted(node, &mut |term| {
        let is_absent = term.scope.is_none() && view.pieces(term).is_empty();
        if let Some(Probe::Words(pattern)) = view.probes.get(term.id)
            && is_absent
            && !missing.contains(pattern)
        {
            missing.push(*pattern);
        }
    });
    let near = patterns.near_misses(&missing, view.sight.article, NEAR_A_TERM_MAX);
    near.iter().take(NEAR_MAX).map(near_line).collect()
}

fn near_line(near: &NearMiss) -> String {
    let mut words: String = near.words.chars().take(NEAR_CHARS_MAX).collect();
    if words.len() < near.words.len() {
        words.push('…');
    }
    let lack = match &near.lack {
        Lack::Capital => "would fit, but has no capital, as names have in this text".to_owned(),
        Lack::Order => "is there and the other words near it, but not as the phrase has them".to_owned(),
        Lack::Words(missing) => format!("is there without {}", quoted(missing)),
        Lack::Ending => "begins like it, but is not among its forms".to_owned(),
    };
    format!("near `{}`: `{words}` {lack}", near.name)
}

/// Calls `see` with every term that is not to be absent.
fn wanted<'n>(node: &'n Node, see: &mut impl FnMut(&'n Term)) {
    match node {
        Node::Term(term) => see(term),
        Node::Not(_) => {}
        Node::Count { node, .. } => wanted(node, see),
        Node::And(nodes) | Node::Or(nodes) | Node::Near { nodes, .. } | Node::AtLeast { nodes, .. } => {
            nodes.iter().for_each(|node| wanted(node, see));
        }
    }
}

/// `unknown` as in [`View::holds`].
fn miss(node: &Node, view: View<'_>, unknown: bool, lines: &mut Vec<String>) {
    match node {
        Node::Term(term) => lines.push(absent(term, view)),
        Node::Not(inner) => {
            lines.push(format!("the NOT part `{}` is there", culprit(inner, view, !unknown).name()))
        }
        Node::And(nodes) => parts(nodes, view, unknown, lines),
        Node::Or(nodes) => {
            let some: Vec<&Node> = nodes.iter().filter(|node| partly(node, view)).collect();
            if some.is_empty() {
                lines.push(format!("`{}` is not there", node.name()));
            }
            some.into_iter().for_each(|node| miss(node, view, unknown, lines));
        }
        Node::Near { nodes, .. } if nodes.iter().any(|node| view.places(node).is_empty()) => {
            parts(nodes, view, unknown, lines);
        }
        Node::Near { nodes, distance, ordered } => apart(nodes, *distance, *ordered, view, lines),
        Node::AtLeast { nodes, count } => {
            let (there, missing): (Vec<&Node>, Vec<&Node>) =
                nodes.iter().partition(|node| view.holds(node, unknown).is_some());
            let more = count - there.len().min(*count);
            lines.push(match there.len() {
                0 => format!("`ATLEAST/{count}` wants {count} of {}, and none is there", names(&missing)),
                found => format!(
                    "{} {} there, but `ATLEAST/{count}` wants {more} more of {}",
                    names(&there),
                    be(found),
                    names(&missing)
                ),
            });
        }
        Node::Count { node, count } => {
            let times = distinct(&view.places(node));
            lines.push(format!("`{}` is there {} of {count} times", node.name(), times));
        }
    }
}

fn be(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// The operand of an OR that is there, so that the user sees the very word.
fn culprit<'n>(node: &'n Node, view: View<'_>, unknown: bool) -> &'n Node {
    match node {
        Node::Or(nodes) => nodes.iter().find(|node| view.holds(node, unknown).is_some()).unwrap_or(node),
        _ => node,
    }
}

/// `` `a` and `b` ``.
fn names(nodes: &[&Node]) -> String {
    quoted(&nodes.iter().map(|node| node.name()).collect::<Vec<_>>())
}

/// The same of names at hand.
fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// Operands that must all be there.
fn parts(nodes: &[Node], view: View<'_>, unknown: bool, lines: &mut Vec<String>) {
    let (unwanted, wanted): (Vec<&Node>, Vec<&Node>) =
        nodes.iter().partition(|node| matches!(node, Node::Not(_)));
    let (there, missing): (Vec<&Node>, Vec<&Node>) =
        wanted.into_iter().partition(|node| view.holds(node, unknown).is_some());
    let (told, plain): (Vec<&Node>, Vec<&Node>) = missing.into_iter().partition(|node| tells(node, view));
    let there: Vec<&Node> = there
        .into_iter()
        .filter(|node| !matches!(node, Node::Term(Term { scope: Some(Scope::Lang), .. })))
        .collect();
    if !plain.is_empty() {
        let missing = format!("{} {}", names(&plain), be(plain.len()));
        lines.push(match there.len() {
            0 => format!("{missing} not there"),
            count => format!("{} {} there, but {missing} not", names(&there), be(count)),
        });
    }
    told.into_iter().for_each(|node| miss(node, view, unknown, lines));
    for node in unwanted {
        if view.holds(node, unknown).is_none() {
            miss(node, view, unknown, lines);
        }
    }
}

/// Whether a missing operand has more to say than that it is missing.
fn tells(node: &Node, view: View<'_>) -> bool {
    match node {
        Node::Term(term) => {
            term.scope.is_some_and(|scope| scope.filters() || !elsewhere(term, scope, view).is_empty())
        }
        node => partly(node, view),
    }
}

/// Whether anything of the node is there.
fn partly(node: &Node, view: View<'_>) -> bool {
    node.terms().into_iter().any(|term| match term.scope {
        Some(Scope::Lang) => false,
        Some(scope) if !scope.filters() && !elsewhere(term, scope, view).is_empty() => true,
        _ => !view.pieces(term).is_empty(),
    })
}

/// The fields of the story where a scoped term stands though it should not.
fn elsewhere(term: &Term, scope: Scope, view: View<'_>) -> Vec<Field> {
    let anywhere = Term { scope: None, ..term.clone() };
    let mut fields: Vec<Field> = if scope.in_story() { view.pieces(&anywhere) } else { Vec::new() }
        .into_iter()
        .map(|piece| piece.field)
        .collect();
    fields.dedup();
    fields
}

fn absent(term: &Term, view: View<'_>) -> String {
    let article = view.sight.article;
    let text = &term.text;
    match term.scope {
        Some(Scope::Lang) => {
            format!("the language is `{}`, not `{text}`", article.language.as_deref().unwrap_or("unknown"))
        }
        Some(Scope::Source) => format!("the source is `{}`, not `{text}`", article.source),
        Some(Scope::Url) => {
            format!("the address is `{}`, without `{text}`", article.link.as_deref().unwrap_or_default())
        }
        Some(scope) if !elsewhere(term, scope, view).is_empty() => {
            format!("`{text}` is there, but not in the {}", scope.place())
        }
        _ => format!("`{}` is not there", Node::Term(term.clone()).name()),
    }
}

/// Operands that are all there, but not near enough.
fn apart(nodes: &[Node], distance: usize, ordered: bool, view: View<'_>, lines: &mut Vec<String>) {
    let mut near = None;
    for (index, pair) in nodes.windows(2).enumerate() {
        let [left, right] = pair else { continue };
        match nearest(left, right, view) {
            None => {
                lines.push(format!("`{}` and `{}` are not in the same field", left.name(), right.name()));
                return;
            }
            Some((gap, reversed)) if gap > distance || (ordered && reversed) => {
                near = Some((index, gap, reversed));
                break;
            }
            Some(_) => {}
        }
    }
    let Some((index, gap, reversed)) = near else {
        lines.push(format!("the parts are there, but not all within {distance} words of one another"));
        return;
    };
    let (left, right) = (nodes[index].name(), nodes[index + 1].name());
    let words = if gap == 1 { "word" } else { "words" };
    lines.push(match ordered && reversed {
        true => format!("`{right}` stands before `{left}`; `ONEAR` wants it after"),
        false => format!("`{left}` is there, but `{right}` is {gap} {words} away; limit {distance}"),
    });
}

/// The least distance between two nodes in one field, and whether the right
/// one stands first there.
fn nearest(left: &Node, right: &Node, view: View<'_>) -> Option<(usize, bool)> {
    let (left, right) = (view.places(left), view.places(right));
    let mut merged: Vec<_> =
        left.iter().map(|place| (place, false)).chain(right.iter().map(|place| (place, true))).collect();
    merged.sort_by_key(|(place, _)| (place.field, place.words.start));
    let pairs = merged.windows(2).filter_map(|pair| {
        let [(one, first), (other, second)] = pair else { return None };
        (first != second && one.field == other.field).then(|| (gap(&one.words, &other.words), *first))
    });
    pairs.min()
}
