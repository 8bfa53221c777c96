//! From evidence to a number that explains itself.
//!
//! Invariant: a [`Score`] is made only from [`Hit`]s; what is not found in the
//! article cannot add to it, and the same hits give the same score.
//!
//! The scale, by which users set `at_least`:
//!
//! | points | what it takes, at weight 1 |
//! |---|---|
//! | 1 | found once in the text, in a form that can be nothing else |
//! | 1.5 | found in the lead |
//! | 2 | found in the title |
//! | up to 2 / 3 / 4 | found again and again in the text / the lead / the title: each further mention counts half of the one before |
//!
//! A hit's points are the watch's weight, times the term's (`^2`), times the
//! field (title 2, lead 1.5, else 1), times the certainty of its rule, halved
//! for each better mention. What `AND` and `NEAR` join shares the points of one
//! find, so that asking for more gives no more: `Temirov AND journalist` once
//! each in the text is 1 point as `Temirov` is. Alternatives joined by `OR`
//! count as mentions of one thing. A watch of weight 3 thus scores 3 for a
//! mention in the text, 6 in the title, at most 12.

use super::query::{Node, Scope};
use super::{Addend, Field, Hit, Score};

/// A hit in the title says what the story is about.
pub const TITLE_FACTOR: f64 = 2.0;
/// Newswriting puts the news into its first paragraph.
pub const LEAD_FACTOR: f64 = 1.5;
/// Each further mention counts this much of the one before.
pub const REPEAT_FACTOR: f64 = 0.5;
/// Mentions that count; the next would add less than a hundredth.
pub const MENTIONS_MAX: usize = 8;

/// What a term's hits are worth within its query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share {
    /// `^2`.
    pub weight: f64,
    /// One of so many parts joined by AND or NEAR; 0 for what only filters.
    pub parts: usize,
    /// Terms of one group are mentions of one thing.
    pub group: usize,
}

/// A hit with what its place in the query makes of it.
#[derive(Debug, Clone)]
pub(super) struct Evidence {
    pub hit: Hit,
    pub share: Share,
    /// Whether it stands in the lead.
    pub lead: bool,
}

impl Evidence {
    /// Points before the watch's weight and before damping.
    pub fn strength(&self) -> f64 {
        let parts = if self.share.parts == 0 { return 0.0 } else { self.share.parts };
        self.share.weight * self.field_factor().0 * self.hit.certainty.clamp(0.0, 1.0) / parts as f64
    }

    fn field_factor(&self) -> (f64, &'static str) {
        match self.hit.field {
            Field::Title => (TITLE_FACTOR, "title"),
            Field::Text if self.lead => (LEAD_FACTOR, "lead"),
            _ => (1.0, ""),
        }
    }
}

/// The share of each term, by its id.
pub(super) fn shares(node: &Node) -> Vec<Share> {
    let mut shares = Vec::new();
    let mut groups = 0;
    share(node, 1, 0, &mut groups, &mut shares);
    shares
}

/// The most points that hits of these shares can come to, at weight 1.
pub(super) fn most(shares: &[Share]) -> f64 {
    let mut groups: Vec<(usize, f64)> = Vec::new();
    for share in shares.iter().filter(|share| share.parts > 0) {
        let best = share.weight / share.parts as f64;
        match groups.iter_mut().find(|(group, _)| *group == share.group) {
            Some((_, known)) => *known = known.max(best),
            None => groups.push((share.group, best)),
        }
    }
    let mentions: f64 = (0..MENTIONS_MAX as i32).map(|earlier| REPEAT_FACTOR.powi(earlier)).sum();
    groups.into_iter().map(|(_, best)| best * TITLE_FACTOR * mentions).sum()
}

fn share(node: &Node, parts: usize, group: usize, groups: &mut usize, shares: &mut Vec<Share>) {
    match node {
        // Terms are numbered in the order written, the order of this walk.
        Node::Term(term) => shares.push(Share { weight: term.weight, parts, group }),
        Node::Not(node) => share(node, 0, group, groups, shares),
        Node::Count { node, .. } => share(node, parts, group, groups, shares),
        Node::Or(nodes) => nodes.iter().for_each(|node| share(node, parts, group, groups, shares)),
        Node::AtLeast { nodes, count } => {
            for node in nodes {
                *groups += 1;
                share(node, parts * count, *groups, groups, shares);
            }
        }
        Node::And(nodes) | Node::Near { nodes, .. } => {
            let counted = nodes.iter().filter(|node| counts(node)).count();
            let mut first = true;
            for node in nodes {
                let parts = match counted {
                    0 => parts * nodes.len(),
                    _ if counts(node) => parts * counted,
                    _ => 0,
                };
                // The first operand goes on with the group: a name alone and
                // the name near a word are mentions of one thing.
                let group = if std::mem::take(&mut first) {
                    group
                } else {
                    *groups += 1;
                    *groups
                };
                share(node, parts, group, groups, shares);
            }
        }
    }
}

/// Whether the operand is about the story, not about where it comes from.
fn counts(node: &Node) -> bool {
    match node {
        Node::Not(_) => false,
        node => node.terms().iter().any(|term| !term.scope.is_some_and(Scope::filters)),
    }
}

impl Score {
    /// The score of a watch of `weight` from its hits, whatever their order.
    pub(super) fn of(weight: f64, evidence: &[Evidence]) -> Score {
        let mut order: Vec<(f64, &Evidence)> = evidence
            .iter()
            .map(|one| (one.strength(), one))
            .filter(|(strength, _)| *strength > 0.0)
            .collect();
        order.sort_by(|(a, one), (b, other)| {
            let place = |one: &Evidence| (one.hit.field, one.hit.span.start);
            b.total_cmp(a).then_with(|| place(one).cmp(&place(other)))
        });
        let mut mentions: Vec<(usize, usize)> = Vec::new();
        let mut addends = Vec::new();
        for (strength, one) in order {
            let index =
                mentions.iter().position(|(group, _)| *group == one.share.group).unwrap_or_else(|| {
                    mentions.push((one.share.group, 0));
                    mentions.len() - 1
                });
            let earlier = mentions[index].1;
            mentions[index].1 += 1;
            if earlier < MENTIONS_MAX {
                let points =
                    weight * strength * REPEAT_FACTOR.powi(i32::try_from(earlier).unwrap_or(i32::MAX));
                addends.push(Addend { points, reason: reason(weight, one, earlier, points) });
            }
        }
        addends.sort_by(|a, b| b.points.total_cmp(&a.points));
        Score { addends }
    }
}

/// `Темировым in the title: 2.0 (weight 1, title x 2)`.
fn reason(weight: f64, one: &Evidence, earlier: usize, points: f64) -> String {
    let Evidence { hit, share, .. } = one;
    let mut factors = vec![format!("weight {weight}")];
    if share.weight != 1.0 {
        factors.push(format!("term x {}", share.weight));
    }
    if let (factor, name @ ("title" | "lead")) = one.field_factor() {
        factors.push(format!("{name} x {factor}"));
    }
    if hit.certainty < 1.0 {
        factors.push(format!("certainty x {:.2}", hit.certainty));
    }
    if share.parts > 1 {
        factors.push(format!("one of {} parts", share.parts));
    }
    if earlier > 0 {
        factors.push(format!("mention {} x 1/{}", earlier + 1, 1u64 << earlier.min(63)));
    }
    let place = match hit.field {
        Field::Title => "title",
        Field::Text if one.lead => "lead",
        Field::Text => "text",
        Field::Author => "authors",
        Field::Url => "address",
        Field::Source => "name of the source",
    };
    format!("{} in the {place}: {} ({})", hit.text, shown(points), factors.join(", "))
}

/// Points as they are shown everywhere: no more exact than hundredths.
///
/// ```
/// # use newswatch::watch::score::rounded;
/// assert_eq!(rounded(1.8049999999999997), 1.8);
/// assert_eq!(rounded(1.805), 1.81);
/// ```
pub fn rounded(points: f64) -> f64 {
    (points * 100.0).round() / 100.0
}

/// Two decimals at most, one at least: `2.0`, `0.25`.
pub fn shown(points: f64) -> String {
    let text = format!("{:.2}", rounded(points));
    text.strip_suffix('0').map(str::to_string).unwrap_or(text)
}
