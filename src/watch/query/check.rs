//! What a query that parses says of itself: that it can never fire, or fires
//! far too often.
//!
//! Invariant: an error here is certain whatever the text; what only smells is
//! a warning.

use super::{Kind, Node, QueryError, Scope, Term};
use crate::watch::{fold, gazetteer};
use regex::Regex;
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
    for node in unwanted {
        let Node::Not(inner) = node else { continue };
        contradiction(inner, &wanted)?;
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
        && let Some(other) = languages.find(|other| canonical(other, false) != canonical(first, false))
    {
        let message =
            format!("`{first} AND {other}` can never fire: an article has one language; write `OR`");
        return Err(QueryError::new(first.span().start..other.span().end, message));
    }
    Ok(())
}

/// `a AND NOT a`, `title:a AND NOT a`.
fn contradiction(unwanted: &Node, wanted: &[&Node]) -> Result<(), QueryError> {
    let denies = |node: &Node, part: &Node| match (node, part) {
        (Node::Term(node), Node::Term(part)) => is_part(node, part),
        _ => canonical(node, false) == canonical(part, false),
    };
    for part in alternatives(unwanted) {
        if let Some(node) = wanted.iter().find(|node| denies(node, part)) {
            let message = format!("`{} AND NOT {}` can never fire; leave out one", node.name(), part.name());
            return Err(QueryError::new(part.span(), message));
        }
    }
    Ok(())
}

/// The operands of an OR, or the node itself.
fn alternatives(node: &Node) -> &[Node] {
    if let Node::Or(nodes) = node { nodes.as_slice() } else { std::slice::from_ref(node) }
}

/// Whether `part` looks for what `whole` does, where `whole` looks too.
fn is_part(part: &Term, whole: &Term) -> bool {
    let same = canonical_term(&Term { scope: whole.scope, ..part.clone() }, false);
    same == canonical_term(whole, false) && scope_covers(whole.scope, part.scope)
}

/// Whether every place of `part` is one of `whole`.
fn scope_covers(whole: Option<Scope>, part: Option<Scope>) -> bool {
    match (whole, part) {
        (None, part) => part.is_none_or(Scope::in_story),
        (Some(Scope::TitleOrLead), Some(Scope::Title | Scope::Lead))
        | (Some(Scope::Body), Some(Scope::Lead)) => true,
        (whole, part) => whole == part,
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
            Some(Scope::TitleOrLead) => [true, true, false],
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

/// The same for all ways to write the same: letters folded, alternatives sorted,
/// with `aliases` also one for all names of a place or a person.
pub fn canonical(node: &Node, aliases: bool) -> String {
    let list = |nodes: &[Node], sort: bool| {
        let mut parts: Vec<String> = nodes.iter().map(|node| canonical(node, aliases)).collect();
        if sort {
            parts.sort();
            parts.dedup();
        }
        parts.join("|")
    };
    match node {
        Node::Term(term) => canonical_term(term, aliases),
        Node::Or(nodes) => format!("or({})", list(nodes, true)),
        Node::And(nodes) => format!("and({})", list(nodes, true)),
        Node::Not(node) => format!("not({})", canonical(node, aliases)),
        Node::Near { nodes, distance, ordered } => {
            format!("near{distance}{ordered}({})", list(nodes, !ordered))
        }
        Node::AtLeast { nodes, count } => format!("atleast{count}({})", list(nodes, true)),
        Node::Count { node, count } => format!("count{count}({})", canonical(node, aliases)),
    }
}

fn canonical_term(term: &Term, aliases: bool) -> String {
    let folded = fold::fold(&term.text).text;
    let text = match term.kind {
        Kind::Inflected if !folded.is_empty() && aliases => one_name(&term.text),
        Kind::Inflected if !folded.is_empty() => folded,
        _ => term.text.clone(),
    };
    // A capital is asked for where the query has one.
    let capital = term.text.starts_with(char::is_uppercase);
    format!("{:?} {:?} {capital} {text:?}", term.scope, term.kind)
}

/// One of the names that are looked for together with `text`, the same for each.
fn one_name(text: &str) -> String {
    let first = |text: &str, others: Vec<&'static str>| {
        others.into_iter().chain([text]).map(|name| fold::fold(name).text).min().unwrap_or_default()
    };
    let places = gazetteer::places(text);
    if !places.is_empty() {
        return first(text, places);
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut names: Vec<String> =
        words.iter().map(|word| first(word, gazetteer::given_names(&word.to_lowercase()))).collect();
    // Given name and surname are found in either order.
    if words.len() == 2 && words.iter().all(|word| word.starts_with(char::is_uppercase)) {
        names.sort();
    }
    names.join(" ")
}

/// Letters a wildcard wants before it.
const STEM_LETTERS_MIN: usize = 3;

/// Words too common to say anything by themselves.
const COMMON: &str = "a about after all also an and are as at be but by can for from government has have he her his if in into is it its law man more new news not of on one or out over people president report said say state than that the their they this time to was were what when who will with world year \
    а без был в вам во время все год да для до его ее же за и из или их к как ко люди мир мы на не но новости о об он она от по при с сказал со так то только у что это \
    і й та що як це для від до за або не \
    жана менен бул бир эле үчүн деп жыл және мен бұл бір үшін va bilan bu bir uchun deb yil ва бо дар аз ба ки ин";

/// What smells: too broad, or so narrow that it can hardly fire.
pub fn warnings(node: &Node) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    node.each_term(&mut |term| found.extend(short_stem(term)));
    hardly_fires(node, &mut found);
    for term in alone(node).unwrap_or_default() {
        found.extend(broad(term).map(|message| (term.span.clone(), message)));
    }
    found
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

/// `"Bolot Temirov" AND NOT Temirov`.
fn hardly_fires(node: &Node, found: &mut Vec<(Range<usize>, String)>) {
    match node {
        Node::Term(_) => {}
        Node::Not(inner) | Node::Count { node: inner, .. } => hardly_fires(inner, found),
        Node::And(nodes) => {
            let unwanted =
                nodes.iter().filter_map(|node| if let Node::Not(inner) = node { Some(inner) } else { None });
            for part in unwanted.flat_map(|inner| alternatives(inner)) {
                let Node::Term(part) = part else { continue };
                let whole =
                    nodes.iter().find(|node| matches!(node, Node::Term(whole) if has_in_it(whole, part)));
                if let Some(whole) = whole {
                    let message = format!(
                        "`{whole}` has `{part}` in it, so this can hardly fire; leave out one of them"
                    );
                    found.push((part.span.clone(), message));
                }
            }
            nodes.iter().for_each(|node| hardly_fires(node, found));
        }
        Node::Or(nodes) | Node::Near { nodes, .. } | Node::AtLeast { nodes, .. } => {
            nodes.iter().for_each(|node| hardly_fires(node, found));
        }
    }
}

/// Whether `part` is found, as good as always, where `whole` is.
fn has_in_it(whole: &Term, part: &Term) -> bool {
    if !matches!(whole.kind, Kind::Inflected | Kind::Exact) || !scope_covers(part.scope, whole.scope) {
        return false;
    }
    let text = fold::fold(&whole.text).text;
    let mut words = text.split(' ');
    match part.kind {
        Kind::Inflected => {
            fold::fold(&part.text).text.split(' ').all(|own| words.clone().any(|word| word == own))
        }
        Kind::Wildcard => match part.text.split_once(['*', '?']) {
            Some((stem, "")) => words.any(|word| word.starts_with(&fold::fold(stem).text)),
            _ => false,
        },
        _ => false,
    }
}

/// The terms of which one alone makes the node true; `None` where it takes more.
fn alone(node: &Node) -> Option<Vec<&Term>> {
    match node {
        Node::Term(term) => Some(vec![term]),
        Node::Count { node, .. } => alone(node),
        Node::Or(nodes) | Node::AtLeast { nodes, count: 1 } => {
            let terms: Vec<&Term> = nodes.iter().filter_map(alone).flatten().collect();
            (!terms.is_empty()).then_some(terms)
        }
        Node::And(nodes) => {
            let wanted: Vec<&Node> = nodes.iter().filter(|node| !matches!(node, Node::Not(_))).collect();
            // Two words of every article are as good as one.
            let fits_all = |node: &&Node| matches!(node, Node::Term(term) if broad(term).is_some());
            match wanted.as_slice() {
                [only] => alone(only),
                several if several.iter().all(fits_all) => several.first().and_then(|node| alone(node)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// What is wrong with the term as the only condition.
fn broad(term: &Term) -> Option<String> {
    let text = &term.text;
    if term.scope == Some(Scope::Url) && "https://www.".contains(&text.to_lowercase()) {
        return Some(format!("`url:{text}` fits every address; write more of it"));
    }
    if term.scope.is_some_and(|scope| !scope.in_story()) {
        return None;
    }
    let everywhere = format!("`{text}` stands in almost every article; add `AND` and another term");
    match term.kind {
        Kind::Inflected => too_short(text)
            .or_else(|| given_name(text))
            .or_else(|| (text.starts_with(char::is_lowercase) && is_common(text)).then_some(everywhere)),
        Kind::Exact => is_common(&text.to_lowercase()).then_some(everywhere),
        Kind::Wildcard => {
            let stem = text.strip_suffix('*').filter(|stem| stem.starts_with(char::is_lowercase))?;
            let word = COMMON.split_whitespace().find(|word| word.starts_with(stem))?;
            Some(format!(
                "`{text}` fits `{word}`, which stands in almost every article; add `AND` and another term"
            ))
        }
        Kind::Regex => {
            let pattern = Regex::new(text).ok()?;
            let fits = PLAIN_SENTENCES.iter().any(|sentence| pattern.is_match(sentence));
            fits.then(|| format!("`/{text}/` fits almost every article; add `AND` and another term"))
        }
    }
}

/// Sentences that have nothing to look for.
const PLAIN_SENTENCES: [&str; 2] = ["Then it was so, as they say.", "Как они сказали, это было так."];

fn is_common(word: &str) -> bool {
    COMMON.split_whitespace().any(|common| common == word)
}

fn too_short(text: &str) -> Option<String> {
    let letters = text.chars().filter(|c| c.is_alphanumeric()).count();
    (letters < STEM_LETTERS_MIN).then(|| {
        format!("`{text}` is so short that it will fit by chance; write `={text}` for exactly these letters, or add `AND` and another term")
    })
}

/// `Bolot`, of whom there are many.
fn given_name(text: &str) -> Option<String> {
    let many = text.starts_with(char::is_uppercase)
        && !gazetteer::given_names(text).is_empty()
        && gazetteer::places(text).is_empty();
    many.then(|| {
        format!("`{text}` is a given name and fits many people; add the surname, or `AND` and another term")
    })
}
