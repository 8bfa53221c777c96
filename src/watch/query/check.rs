//! What a query that parses says of itself: that it can never fire, or fires
//! far too often.
//!
//! Invariant: an error here is certain whatever the text; what only smells is
//! a warning.

use super::{Kind, Node, QueryError, Scope, Term};
use crate::watch::fold;
use std::collections::HashSet;
use std::ops::Range;

/// Refuses what no text can satisfy, and what only says what must not be there.
pub(super) fn can_fire(node: &Node) -> Result<(), QueryError> {
    walk(node, false)
}

/// `evidence`: whether something beside `node` must be found as well.
fn walk(node: &Node, evidence: bool) -> Result<(), QueryError> {
    match node {
        Node::Term(term) => language(term, evidence),
        Node::Not(inner) => {
            let name = inner.name();
            let message = format!(
                "`NOT {name}` alone fits almost every article; write first what must be there, as in `a AND NOT {name}`"
            );
            Err(QueryError::new(inner.span(), message))
        }
        Node::Count { node, .. } => walk(node, evidence),
        Node::Or(nodes) | Node::AtLeast { nodes, .. } => {
            nodes.iter().try_for_each(|node| walk(node, evidence))
        }
        Node::And(nodes) => conjunction(node, nodes, evidence),
        Node::Near { nodes, .. } => {
            if fields(node) == [false; 3] {
                let message = "`NEAR` can never fire between different fields; write `AND`";
                return Err(QueryError::new(node.span(), message));
            }
            nodes.iter().try_for_each(|node| walk(node, evidence))
        }
    }
}

fn conjunction(node: &Node, nodes: &[Node], evidence: bool) -> Result<(), QueryError> {
    let (unwanted, wanted): (Vec<&Node>, Vec<&Node>) =
        nodes.iter().partition(|node| matches!(node, Node::Not(_)));
    if wanted.is_empty() {
        let message = "only `NOT` fits almost every article; write what must be there first, as in `Temirov AND NOT football`";
        return Err(QueryError::new(node.span(), message));
    }
    languages_agree(&wanted)?;
    let names: HashSet<String> = wanted.iter().map(|node| canonical(node)).collect();
    for node in unwanted {
        let Node::Not(inner) = node else { continue };
        contradiction(inner, &names)?;
        match &**inner {
            Node::Not(twice) => {
                return Err(QueryError::new(twice.span(), "`NOT (NOT a)` says nothing; leave out both"));
            }
            inner => walk(inner, true)?,
        }
    }
    let sure = wanted.iter().filter(|node| gives_evidence(node)).count();
    wanted.iter().try_for_each(|node| walk(node, evidence || sure > usize::from(gives_evidence(node))))
}

/// `lang:ky AND lang:uk`.
fn languages_agree(wanted: &[&Node]) -> Result<(), QueryError> {
    let mut languages =
        wanted.iter().filter(|node| matches!(node, Node::Term(Term { scope: Some(Scope::Lang), .. })));
    if let Some(first) = languages.next()
        && let Some(other) = languages.find(|other| canonical(other) != canonical(first))
    {
        let message =
            format!("`{first} AND {other}` can never fire: an article has one language; write `OR`");
        return Err(QueryError::new(first.span().start..other.span().end, message));
    }
    Ok(())
}

/// `a AND NOT a`.
fn contradiction(unwanted: &Node, wanted: &HashSet<String>) -> Result<(), QueryError> {
    let parts =
        if let Node::Or(nodes) = unwanted { nodes.as_slice() } else { std::slice::from_ref(unwanted) };
    match parts.iter().find(|part| wanted.contains(&canonical(part))) {
        Some(part) => {
            let name = part.name();
            Err(QueryError::new(
                part.span(),
                format!("`{name} AND NOT {name}` can never fire; leave out one"),
            ))
        }
        None => Ok(()),
    }
}

/// Whether the node cannot be true without something found.
fn gives_evidence(node: &Node) -> bool {
    match node {
        Node::Term(term) => term.scope != Some(Scope::Lang),
        Node::Not(_) => false,
        Node::Count { node, .. } => gives_evidence(node),
        Node::Or(nodes) | Node::AtLeast { nodes, .. } => nodes.iter().all(gives_evidence),
        Node::And(nodes) | Node::Near { nodes, .. } => nodes.iter().any(gives_evidence),
    }
}

/// Whether it can be in the title, the text, the authors.
fn fields(node: &Node) -> [bool; 3] {
    let all = |nodes: &[Node], none: bool, join: fn(bool, bool) -> bool| {
        nodes.iter().map(fields).fold([none; 3], |[a, b, c], [x, y, z]| [join(a, x), join(b, y), join(c, z)])
    };
    match node {
        Node::Term(term) => match term.scope {
            Some(Scope::Title) => [true, false, false],
            Some(Scope::Lead | Scope::Body) => [false, true, false],
            Some(Scope::Author) => [false, false, true],
            _ => [true, true, false],
        },
        Node::Or(nodes) => all(nodes, false, |a, b| a || b),
        Node::Near { nodes, .. } => all(nodes, true, |a, b| a && b),
        _ => [true; 3],
    }
}

/// ISO 639-1, two letters each.
const LANGUAGES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu";

/// Countries and names often written for a language.
const MISTAKEN: [(&str, &str); 20] = [
    ("kg", "ky"),
    ("kz", "kk"),
    ("ua", "uk"),
    ("tj", "tg"),
    ("tm", "tk"),
    ("cz", "cs"),
    ("jp", "ja"),
    ("cn", "zh"),
    ("kyrgyz", "ky"),
    ("kazakh", "kk"),
    ("ukrainian", "uk"),
    ("tajik", "tg"),
    ("turkmen", "tk"),
    ("uzbek", "uz"),
    ("russian", "ru"),
    ("english", "en"),
    ("german", "de"),
    ("french", "fr"),
    ("rus", "ru"),
    ("eng", "en"),
];

/// Whether a `lang:` names a language, and something else to look for. `kg` is
/// Kongo, but nobody means it.
fn language(term: &Term, evidence: bool) -> Result<(), QueryError> {
    if term.scope != Some(Scope::Lang) {
        return Ok(());
    }
    let (text, code) = (&term.text, term.text.to_lowercase());
    let meant = MISTAKEN.iter().find(|(mistaken, _)| *mistaken == code);
    let known = code.len() == 2 && LANGUAGES.split(' ').any(|known| known == code);
    let message = match meant {
        Some((_, meant)) => {
            format!("`lang:{text}` is not the code of a language; did you mean `lang:{meant}`?")
        }
        None if !known => {
            format!(
                "`lang:{text}` is not the code of a language; write two letters of ISO 639-1, such as `lang:ky`"
            )
        }
        None if !evidence => {
            format!("`lang:{text}` alone says nothing to look for; write `Temirov AND lang:{text}`")
        }
        None => return Ok(()),
    };
    Err(QueryError::new(term.span.clone(), message))
}

/// The same for all ways to write the same: letters folded, alternatives sorted.
pub fn canonical(node: &Node) -> String {
    let list = |nodes: &[Node], sort: bool| {
        let mut parts: Vec<String> = nodes.iter().map(canonical).collect();
        if sort {
            parts.sort();
            parts.dedup();
        }
        parts.join("|")
    };
    match node {
        Node::Term(term) => canonical_term(term),
        Node::Or(nodes) => format!("or({})", list(nodes, true)),
        Node::And(nodes) => format!("and({})", list(nodes, true)),
        Node::Not(node) => format!("not({})", canonical(node)),
        Node::Near { nodes, distance, ordered } => {
            format!("near{distance}{ordered}({})", list(nodes, !ordered))
        }
        Node::AtLeast { nodes, count } => format!("atleast{count}({})", list(nodes, true)),
        Node::Count { node, count } => format!("count{count}({})", canonical(node)),
    }
}

fn canonical_term(term: &Term) -> String {
    let folded = fold::fold(&term.text).text;
    let text = if term.kind != Kind::Inflected || folded.is_empty() { term.text.clone() } else { folded };
    // A capital is asked for where the query has one.
    let capital = term.text.starts_with(char::is_uppercase);
    format!("{:?} {:?} {capital} {text:?}", term.scope, term.kind)
}

/// Letters a wildcard wants before it.
const STEM_LETTERS_MIN: usize = 3;

/// Words too common to say anything by themselves.
const COMMON: &str = "a about after all also an and are as at be but by can for from government has have he her his if in into is it its law man more new news not of on one or out over people president report said say state than that the their they this time to was were what when who will with world year \
    а без был в вам во время все год да для до его ее же за и из или их к как ко люди мир мы на не но новости о об он она от по при с сказал со так то только у что это \
    і й та що як це для від до за або не \
    жана менен бул бир эле үчүн деп жыл және мен бұл бір үшін va bilan bu bir uchun deb yil ва бо дар аз ба ки ин";

/// What smells: too broad, or an operator that is read as a word.
pub fn warnings(node: &Node, query: &str) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    node.each_term(&mut |term| {
        found.extend(word_for_operator(term, query));
        found.extend(short_stem(term));
    });
    if let Some(terms) = alone(node) {
        found.extend(terms.into_iter().filter_map(broad));
    }
    found
}

/// `Temirov and Bishkek`: a phrase with the word "and" in it, probably not meant.
fn word_for_operator(term: &Term, query: &str) -> Option<(Range<usize>, String)> {
    let written = query.get(term.span.clone())?;
    let bare = term.kind == Kind::Inflected && written.starts_with(char::is_alphanumeric);
    let words: Vec<&str> = written.split_whitespace().collect();
    let inner = words.get(1..words.len().max(2) - 1)?;
    let word = inner
        .iter()
        .find(|word| ["and", "or", "not", "near"].iter().any(|known| word.eq_ignore_ascii_case(known)))?;
    let start = term.span.start + written.find(&format!(" {word} ")).map_or(0, |at| at + 1);
    let operator = word.to_ascii_uppercase();
    let operator = if operator == "NEAR" { "NEAR/5".into() } else { operator };
    bare.then(|| {
        let message = format!("`{word}` is read as a word of the phrase `{written}`; write `{operator}` for the operator, or the phrase in quotes");
        (start..start + word.len(), message)
    })
}

fn short_stem(term: &Term) -> Option<(Range<usize>, String)> {
    let stem = term.text.split('*').next().unwrap_or_default();
    let short = term.kind == Kind::Wildcard
        && term.scope != Some(Scope::Url)
        && stem.chars().filter(|c| c.is_alphanumeric()).count() < STEM_LETTERS_MIN;
    short.then(|| {
        let message = format!("`{}` has fewer than {STEM_LETTERS_MIN} letters before the wildcard and fits very many words; write more letters", term.text);
        (term.span.clone(), message)
    })
}

/// The terms of which one alone makes the node true; `None` where it takes more.
fn alone(node: &Node) -> Option<Vec<&Term>> {
    match node {
        Node::Term(term) => Some(vec![term]),
        Node::Or(nodes) | Node::AtLeast { nodes, count: 1 } => {
            let terms: Vec<&Term> = nodes.iter().filter_map(alone).flatten().collect();
            (!terms.is_empty()).then_some(terms)
        }
        Node::And(nodes) => {
            let mut wanted = nodes.iter().filter(|node| !matches!(node, Node::Not(_)));
            let only = wanted.next()?;
            if wanted.next().is_none() { alone(only) } else { None }
        }
        _ => None,
    }
}

fn broad(term: &Term) -> Option<(Range<usize>, String)> {
    if term.kind != Kind::Inflected || term.scope.is_some_and(|scope| !scope.in_story()) {
        return None;
    }
    let text = &term.text;
    let letters = text.chars().filter(|c| c.is_alphanumeric()).count();
    let message = if letters < STEM_LETTERS_MIN {
        format!(
            "`{text}` is so short that it will fit by chance; write `={text}` for exactly these letters, or add `AND` and another term"
        )
    } else if text.starts_with(char::is_lowercase) && COMMON.split_whitespace().any(|common| common == text) {
        format!("`{text}` stands in almost every article; add `AND` and another term")
    } else {
        return None;
    };
    Some((term.span.clone(), message))
}
