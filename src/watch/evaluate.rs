//! A query's tree over what was found in one article: is it true, and by what.
//!
//! Invariant: evidence comes only from branches that are true. Cost is near
//! linear in the number of places found, whatever the query.

use super::query::{Node, Scope, Term};
use super::scan::Found;
use super::score::{Evidence, Share};
use super::{Field, Hit};
use crate::extract::Article;
use regex::Regex;
use std::borrow::Cow;
use std::ops::Range;

/// The lead of a text without paragraphs, in characters.
pub const LEAD_CHARS: usize = 300;
/// A first paragraph shorter than this is a dateline, and the lead goes on.
pub const LEAD_CHARS_MIN: usize = 60;
/// Hits of one match; the strongest are kept.
pub const HITS_MAX: usize = 200;
/// Places of one node that are looked at; no story has as many.
const PLACES_MAX: usize = 4_000;
/// Pieces of evidence after which no further alternative is asked.
const PIECES_MAX: usize = 10_000;
/// Pieces of one place: twice what the longest NEAR has operands.
const PLACE_PIECES_MAX: usize = 32;
/// Overlapping places looked through for a free one.
const OVERLAPS_MAX: usize = 64;

/// How a term is answered.
#[derive(Debug, Clone)]
pub(super) enum Probe {
    /// By the scan: index of the pattern.
    Words(usize),
    /// By the address or the name of the source.
    Said(Regex),
    /// By the article's language: the code.
    Language(String),
}

/// One article and what the scan found in it.
pub(super) struct Sight<'a> {
    pub article: &'a Article,
    /// By pattern, field and position.
    found: Vec<Found>,
    /// Where the lead of the text ends, in bytes.
    lead_end: usize,
}

impl Sight<'_> {
    pub fn new(article: &Article, mut found: Vec<Found>) -> Sight<'_> {
        found.sort_by_key(|found| (found.pattern, found.field, found.words.start, found.span.start));
        Sight { article, found, lead_end: lead_end(&article.text) }
    }

    /// The patterns found, each once.
    pub fn patterns(&self) -> impl Iterator<Item = usize> {
        self.found.chunk_by(|a, b| a.pattern == b.pattern).filter_map(|same| Some(same.first()?.pattern))
    }

    fn of(&self, pattern: usize) -> &[Found] {
        let from = self.found.partition_point(|found| found.pattern < pattern);
        let to = self.found.partition_point(|found| found.pattern <= pattern);
        self.found.get(from..to).unwrap_or_default()
    }
}

/// End of the first paragraph, in bytes; of the first [`LEAD_CHARS`] where the
/// text has but one.
fn lead_end(text: &str) -> usize {
    let start = text.len() - text.trim_start().len();
    let nth = |count: usize| {
        let rest = text.get(start..).unwrap_or_default();
        rest.char_indices().nth(count).map_or(text.len(), |(at, _)| start + at)
    };
    let least = nth(LEAD_CHARS_MIN);
    let paragraph = text.get(least..).and_then(|rest| rest.find('\n'));
    paragraph.map_or_else(|| nth(LEAD_CHARS), |length| least + length)
}

/// One place one term stands at.
#[derive(Debug, Clone)]
pub(super) struct Piece<'a> {
    /// Id of the term.
    pub term: usize,
    pub field: Field,
    pub span: Range<usize>,
    pub words: Range<usize>,
    pub rule: Cow<'a, str>,
    pub certainty: f64,
}

/// One place a node stands at: from its first word to its last.
#[derive(Debug, Clone)]
pub(super) struct Place<'a> {
    pub field: Field,
    pub words: Range<usize>,
    pub pieces: Vec<Piece<'a>>,
}

/// One query over one article.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub sight: &'a Sight<'a>,
    /// By term id.
    pub probes: &'a [Probe],
}

impl<'a> View<'a> {
    /// The pieces that make `node` true, or `None` where it is false.
    ///
    /// `unknown` is what a question about an unknown language answers: true
    /// outside NOT and false inside, so that not knowing never hides a story.
    pub fn holds(self, node: &Node, unknown: bool) -> Option<Vec<Piece<'a>>> {
        let some = |pieces: Vec<Piece<'a>>| if pieces.is_empty() { None } else { Some(pieces) };
        match node {
            Node::Term(term) if term.scope == Some(Scope::Lang) => self.speaks(term, unknown).then(Vec::new),
            Node::Term(term) => some(self.pieces(term)),
            Node::Not(node) => self.holds(node, !unknown).is_none().then(Vec::new),
            Node::And(nodes) => {
                let mut all = Vec::new();
                for node in nodes {
                    all.append(&mut self.holds(node, unknown)?);
                }
                Some(all)
            }
            Node::Or(nodes) => self.at_least(nodes, 1, unknown),
            Node::AtLeast { nodes, count } => self.at_least(nodes, *count, unknown),
            Node::Near { .. } => some(flatten(self.places(node))),
            Node::Count { node, count } => {
                let places = self.places(node);
                (distinct(&places) >= *count).then(|| flatten(places))
            }
        }
    }

    fn at_least(self, nodes: &[Node], count: usize, unknown: bool) -> Option<Vec<Piece<'a>>> {
        let (mut held, mut pieces) = (0, Vec::new());
        for node in nodes {
            if held >= count && pieces.len() >= PIECES_MAX {
                break;
            }
            if let Some(mut found) = self.holds(node, unknown) {
                held += 1;
                pieces.append(&mut found);
            }
        }
        (held >= count).then_some(pieces)
    }

    fn speaks(self, term: &Term, unknown: bool) -> bool {
        let Some(Probe::Language(code)) = self.probes.get(term.id) else { return unknown };
        match self.sight.article.language.as_deref().filter(|known| !known.is_empty()) {
            // `ru-RU` is `ru`.
            Some(known) => {
                known.split(['-', '_']).next().is_some_and(|known| known.eq_ignore_ascii_case(code))
            }
            None => unknown,
        }
    }

    /// Where a term stands, by field and position.
    pub fn pieces(self, term: &Term) -> Vec<Piece<'a>> {
        match self.probes.get(term.id) {
            Some(Probe::Words(pattern)) => self.found(term, *pattern),
            Some(Probe::Said(regex)) => self.said(term, regex),
            _ => Vec::new(),
        }
    }

    fn found(self, term: &Term, pattern: usize) -> Vec<Piece<'a>> {
        let sight: &'a Sight<'a> = self.sight;
        let allowed =
            sight.of(pattern).iter().filter(|found| self.in_scope(term.scope, found.field, found.span.start));
        let piece = |found: &'a Found| Piece {
            term: term.id,
            field: found.field,
            span: found.span.clone(),
            words: found.words.clone(),
            rule: Cow::Borrowed(found.rule.as_str()),
            certainty: found.certainty,
        };
        allowed.take(PLACES_MAX).map(piece).collect()
    }

    /// A term without scope is looked for in what the story says, not in who
    /// wrote it or where it stands.
    fn in_scope(self, scope: Option<Scope>, field: Field, at: usize) -> bool {
        match scope {
            None => matches!(field, Field::Title | Field::Text),
            Some(Scope::Title) => field == Field::Title,
            Some(Scope::Body) => field == Field::Text,
            Some(Scope::Lead) => field == Field::Text && at < self.sight.lead_end,
            Some(Scope::TitleOrLead) => {
                field == Field::Title || field == Field::Text && at < self.sight.lead_end
            }
            Some(Scope::Author) => field == Field::Author,
            Some(Scope::Url) => field == Field::Url,
            Some(Scope::Source) => field == Field::Source,
            Some(Scope::Lang) => false,
        }
    }

    fn said(self, term: &Term, regex: &Regex) -> Vec<Piece<'a>> {
        let field = if term.scope == Some(Scope::Url) { Field::Url } else { Field::Source };
        let text = field.of(self.sight.article);
        let found = regex.find_iter(&text).filter(|found| !found.is_empty()).take(HITS_MAX);
        let piece = |found: regex::Match<'_>| Piece {
            term: term.id,
            field,
            span: found.range(),
            words: 0..0,
            rule: Cow::Owned(format!("`{term}` in the {field}")),
            certainty: 1.0,
        };
        found.map(piece).collect()
    }

    /// Where a node stands in the words of the story, by field and position.
    pub fn places(self, node: &Node) -> Vec<Place<'a>> {
        let mut places: Vec<Place<'a>> = match node {
            Node::Term(term) => {
                let place = |piece: Piece<'a>| Place {
                    field: piece.field,
                    words: piece.words.clone(),
                    pieces: vec![piece],
                };
                self.pieces(term).into_iter().map(place).collect()
            }
            Node::Or(nodes) => nodes.iter().flat_map(|node| self.places(node)).take(PIECES_MAX).collect(),
            Node::Near { nodes, distance, ordered } => {
                let lists: Vec<Vec<Place<'a>>> = nodes.iter().map(|node| self.places(node)).collect();
                if *ordered { chains(lists, *distance) } else { clusters(&lists, *distance) }
            }
            // The parser lets nothing else stand where places are asked for.
            _ => Vec::new(),
        };
        places.sort_by_key(|place| (place.field, place.words.start, place.words.end));
        places
    }

    /// The pieces as evidence: a hit within a longer one is the same mention,
    /// and adds nothing but its weight where that is greater.
    pub fn evidence(self, mut pieces: Vec<Piece<'a>>, shares: &[Share]) -> Vec<Evidence> {
        pieces.sort_by_key(|piece| {
            (piece.field, piece.span.start, std::cmp::Reverse(piece.span.end), piece.term)
        });
        let mut kept: Vec<Evidence> = Vec::new();
        for piece in pieces {
            let Some(one) = self.one(piece, shares) else { continue };
            match kept.last_mut() {
                Some(last) if last.hit.field == one.hit.field && one.hit.span.end <= last.hit.span.end => {
                    if one.strength() > last.strength() {
                        last.share = one.share;
                    }
                }
                _ => kept.push(one),
            }
        }
        kept
    }

    fn one(self, piece: Piece<'a>, shares: &[Share]) -> Option<Evidence> {
        let Piece { term, field, span, rule, certainty, .. } = piece;
        let text = field.of(self.sight.article).get(span.clone())?.to_string();
        let lead = field == Field::Text && span.start < self.sight.lead_end;
        let hit = Hit { field, span, text, rule: rule.into_owned(), certainty };
        Some(Evidence { hit, share: *shares.get(term)?, lead })
    }
}

fn flatten(places: Vec<Place<'_>>) -> Vec<Piece<'_>> {
    places.into_iter().flat_map(|place| place.pieces).take(PIECES_MAX).collect()
}

/// How many places do not overlap.
pub(super) fn distinct(places: &[Place<'_>]) -> usize {
    let mut last: Option<(Field, usize)> = None;
    let mut count = 0;
    for place in places {
        if last.is_none_or(|(field, end)| field != place.field || place.words.start >= end) {
            count += 1;
            last = Some((place.field, place.words.end));
        }
    }
    count
}

/// Words from `left` on to `right`: the next word is 1 on.
pub(super) fn gap(left: &Range<usize>, right: &Range<usize>) -> usize {
    right.start.saturating_sub(left.end).saturating_add(1)
}

/// ONEAR: one place of each list, each at most `distance` words after the one
/// before. Each place goes back to the nearest that can reach it.
fn chains(lists: Vec<Vec<Place<'_>>>, distance: usize) -> Vec<Place<'_>> {
    let mut lists = lists.into_iter();
    let mut reached = lists.next().unwrap_or_default();
    for list in lists {
        reached.sort_by_key(|place| (place.field, place.words.end));
        reached = list.into_iter().filter_map(|place| follow(&reached, place, distance)).collect();
    }
    reached
}

fn follow<'a>(reached: &[Place<'a>], mut place: Place<'a>, distance: usize) -> Option<Place<'a>> {
    let before =
        reached.partition_point(|left| (left.field, left.words.end) <= (place.field, place.words.start));
    let left = reached.get(before.checked_sub(1)?)?;
    if left.field != place.field || gap(&left.words, &place.words) > distance {
        return None;
    }
    let mut pieces = left.pieces.clone();
    pieces.append(&mut place.pieces);
    pieces.truncate(PLACE_PIECES_MAX);
    Some(Place { field: place.field, words: left.words.start..place.words.end, pieces })
}

/// NEAR: from each place of the first list, a cluster that has a place of each
/// other list within `distance` words of what it already holds.
fn clusters<'a>(lists: &[Vec<Place<'a>>], distance: usize) -> Vec<Place<'a>> {
    let Some((seeds, others)) = lists.split_first() else { return Vec::new() };
    if others.iter().any(Vec::is_empty) {
        return Vec::new();
    }
    seeds.iter().filter_map(|seed| cluster(seed, others, distance)).take(PLACES_MAX).collect()
}

fn cluster<'a>(seed: &Place<'a>, others: &[Vec<Place<'a>>], distance: usize) -> Option<Place<'a>> {
    let mut whole = seed.clone();
    let mut taken = vec![seed.words.clone()];
    let mut left: Vec<&Vec<Place<'a>>> = others.iter().collect();
    while !left.is_empty() {
        let near =
            left.iter().enumerate().map(|(index, list)| (index, neighbours(list, &whole, &taken, distance)));
        let (index, found) =
            near.filter_map(|(index, found)| Some((index, found?))).min_by_key(|(_, (gap, _))| *gap)?;
        left.swap_remove(index);
        for place in found.1 {
            whole.words = whole.words.start.min(place.words.start)..whole.words.end.max(place.words.end);
            whole.pieces.extend(place.pieces.iter().take(PLACE_PIECES_MAX - whole.pieces.len()).cloned());
            taken.push(place.words.clone());
        }
    }
    Some(whole)
}

/// The nearest places of `list` on either side of `whole`, or one within it,
/// and how far the nearer is.
fn neighbours<'b, 'a>(
    list: &'b [Place<'a>],
    whole: &Place<'a>,
    taken: &[Range<usize>],
    distance: usize,
) -> Option<(usize, Vec<&'b Place<'a>>)> {
    let key = |place: &Place<'_>| (place.field, place.words.start);
    let from = list.partition_point(|place| key(place) < (whole.field, whole.words.start));
    let to = list.partition_point(|place| key(place) < (whole.field, whole.words.end));
    let free = |place: &Place<'_>| {
        taken.iter().all(|one| place.words.end <= one.start || one.end <= place.words.start)
    };
    let within = list.get(from..to)?.iter().take(OVERLAPS_MAX).find(|place| free(place));
    if let Some(place) = within {
        return Some((0, vec![place]));
    }
    let here = |place: &&&Place<'_>| place.field == whole.field;
    let after = list.get(to).filter(|place| here(&place));
    let before = list.get(..from)?.iter().rev().take(OVERLAPS_MAX).take_while(|place| here(&place));
    let before = before.into_iter().find(|place| place.words.end <= whole.words.start);
    let sides = [
        before.map(|place| (gap(&place.words, &whole.words), place)),
        after.map(|place| (gap(&whole.words, &place.words), place)),
    ];
    let near: Vec<(usize, &Place<'a>)> =
        sides.into_iter().flatten().filter(|(gap, _)| *gap <= distance).collect();
    let nearest = near.iter().map(|(gap, _)| *gap).min()?;
    Some((nearest, near.into_iter().map(|(_, place)| place).collect()))
}
