//! The watch language: what the user wrote to a tree.
//!
//! Invariant: a query either becomes a tree or an error with its place;
//! nothing is guessed silently. Precedence NOT, NEAR, AND, OR, loosest last.
//!
//! A user who knows nothing writes a name and gets it right: bare words side by
//! side are one phrase, so `Bolot Temirov` is the man and `Central Asia summit`
//! the event, as if quoted. Everything else side by side wants an operator
//! between; what other monitors write differently is an error that says what to
//! write here.
//!
//! | written | means |
//! |---|---|
//! | `Temirov`, `Bolot Temirov`, `"Bolot Temirov"`, `«Болот Темиров»` | every form, in every script |
//! | `=GBAO`, `="Central Asia"` | exactly as written |
//! | `Kyrgyz*`, `w?rd`, `/pattern/`, `/pattern/i` | any letters, one letter, a regular expression |
//! | `a AND b`, `a OR b`, `a AND NOT b`, `a NOT b`, `( )` | all, any, without |
//! | `a NEAR/5 b`, `a ONEAR/5 b` | at most 5 words on (the next word is 1 on) in one field; in this order |
//! | `ATLEAST/2(a, b, c)`, `COUNT/3(a)` | two of the three; three times |
//! | `title:` `hlead:` `lead:` `body:` `author:` `url:` `source:` `lang:` | where, before a term or a group; `hlead:` is title or lead |
//! | `a^2` | counts double; on a group, for each of its terms |
//!
//! Coming from Meltwater, Talkwalker or Factiva: `AND OR NOT ( ) "…" NEAR/n
//! ONEAR/n near/n * ?` and `title:` work as they are, `a NOT b` is `a AND NOT b`,
//! and curly quotes and guillemets are quotes. What differs: operators without a
//! number are capitals; an accent, a case ending or another script needs no
//! wildcard; `*` cannot begin a word; NEAR takes words and their alternatives,
//! not AND or NOT; distances of one chain are equal or in parentheses. The rest is
//! in `foreign.rs`; each is an error that says what to write. `lang:` lets stories
//! pass whose language is not known.

mod check;
mod foreign;
mod lex;
mod parse;
#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests read their tables")]
mod tests;

pub use check::{canonical, warnings};
pub use parse::parse;

use std::fmt;
use std::ops::Range;

/// Longest query, in bytes: some ten pages.
pub const QUERY_BYTES_MAX: usize = 64 * 1024;
/// Parentheses within parentheses.
pub const DEPTH_MAX: usize = 50;
/// Terms of one query.
pub const TERMS_MAX: usize = 2_000;
/// Operands of one chain of NEAR.
pub const NEAR_MAX: usize = 16;
/// Words of NEAR and mentions of COUNT.
pub const NUMBER_MAX: usize = 1_000;
/// Greatest `^` weight.
pub const WEIGHT_MAX: f64 = 100.0;

/// A query's tree. Spans are bytes of the query as written.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A word or phrase, and how its words may vary.
    Term(Term),
    And(Vec<Node>),
    Or(Vec<Node>),
    /// Only inside `And`, never alone.
    Not(Box<Node>),
    /// Operands at most `distance` words apart; `ordered` for ONEAR.
    Near {
        nodes: Vec<Node>,
        distance: usize,
        ordered: bool,
    },
    /// At least `count` of the operands (`ATLEAST/2(a, b, c)`).
    AtLeast {
        nodes: Vec<Node>,
        count: usize,
    },
    /// The operand at least `count` times (`COUNT/3(a)`).
    Count {
        node: Box<Node>,
        count: usize,
    },
}

/// What is looked for at one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// Number of the term within its query, from 0 in the order written.
    pub id: usize,
    /// As written, without quotes, prefix and suffix.
    pub text: String,
    pub kind: Kind,
    /// Restricts where it may stand (`title:`, `lead:`, `body:` …).
    pub scope: Option<Scope>,
    /// `^2`; 1 when unset.
    pub weight: f64,
    /// The term with its quotes, without scope and weight.
    pub span: Range<usize>,
}

/// How a term's words may vary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Every inflected form, in every script.
    Inflected,
    /// `="…"`: exactly as written.
    Exact,
    /// `word*`, `w?rd`.
    Wildcard,
    /// `/…/`.
    Regex,
}

impl Kind {
    /// Of words without a sign of their own before them.
    fn of_word(text: &str) -> Kind {
        if text.contains(['*', '?']) { Kind::Wildcard } else { Kind::Inflected }
    }
}

/// Where a term may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    Title,
    /// The title or the first paragraph.
    TitleOrLead,
    /// The first paragraph.
    Lead,
    Body,
    Author,
    Url,
    Source,
    Lang,
}

/// Why a query does not parse, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    pub span: Range<usize>,
    /// Names what was written and the next step.
    pub message: String,
}

impl QueryError {
    fn new(span: Range<usize>, message: impl Into<String>) -> QueryError {
        QueryError { span, message: message.into() }
    }
}

impl Scope {
    /// Each as written before the colon.
    pub const ALL: [(&str, Scope); 8] = [
        ("title", Scope::Title),
        ("hlead", Scope::TitleOrLead),
        ("lead", Scope::Lead),
        ("body", Scope::Body),
        ("author", Scope::Author),
        ("url", Scope::Url),
        ("source", Scope::Source),
        ("lang", Scope::Lang),
    ];

    /// As written before the colon.
    pub fn name(self) -> &'static str {
        Scope::ALL.iter().find(|(_, scope)| *scope == self).map_or("", |(name, _)| name)
    }

    /// As a person calls the place.
    pub fn place(self) -> &'static str {
        match self {
            Scope::TitleOrLead => "title or the lead",
            scope => scope.name(),
        }
    }

    fn named(name: &str) -> Option<Scope> {
        Scope::ALL.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, scope)| *scope)
    }

    /// Whether the scope is read in the words of the story, where positions count.
    pub fn in_story(self) -> bool {
        matches!(self, Scope::Title | Scope::TitleOrLead | Scope::Lead | Scope::Body)
    }

    /// Whether the scope says where a story comes from rather than what it is about.
    pub fn filters(self) -> bool {
        matches!(self, Scope::Url | Scope::Source | Scope::Lang)
    }
}

impl Node {
    /// Calls `see` with every term, in the order written.
    pub fn each_term<'a>(&'a self, see: &mut impl FnMut(&'a Term)) {
        match self {
            Node::Term(term) => see(term),
            Node::Not(node) | Node::Count { node, .. } => node.each_term(see),
            Node::And(nodes) | Node::Or(nodes) | Node::Near { nodes, .. } | Node::AtLeast { nodes, .. } => {
                nodes.iter().for_each(|node| node.each_term(see));
            }
        }
    }

    /// All terms, in the order written.
    pub fn terms(&self) -> Vec<&Term> {
        let mut terms = Vec::new();
        self.each_term(&mut |term| terms.push(term));
        terms
    }

    /// From the first term to the end of the last.
    pub fn span(&self) -> Range<usize> {
        let terms = self.terms();
        match (terms.first(), terms.last()) {
            (Some(first), Some(last)) => first.span.start..last.span.end,
            _ => 0..0,
        }
    }

    /// The node named to a person: a phrase alone needs no quotes.
    pub fn name(&self) -> String {
        match self {
            Node::Term(Term { text, kind: Kind::Inflected, scope: None, .. }) => text.clone(),
            _ => self.to_string(),
        }
    }
}

/// The query again, with as few parentheses as it can have.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Term(term) => write!(f, "{term}"),
            Node::Or(nodes) => join(f, nodes, " OR ", 0),
            Node::And(nodes) => join(f, nodes, " AND ", 1),
            Node::Near { nodes, distance, ordered } => {
                join(f, nodes, &format!(" {}NEAR/{distance} ", if *ordered { "O" } else { "" }), 2)
            }
            Node::Not(node) => {
                f.write_str("NOT ")?;
                operand(f, node, 2)
            }
            Node::AtLeast { nodes, count } => {
                write!(f, "ATLEAST/{count}(")?;
                for (index, node) in nodes.iter().enumerate() {
                    write!(f, "{}{node}", if index > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
            Node::Count { node, count } => write!(f, "COUNT/{count}({node})"),
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, nodes: &[Node], operator: &str, level: u8) -> fmt::Result {
    for (index, node) in nodes.iter().enumerate() {
        f.write_str(if index > 0 { operator } else { "" })?;
        operand(f, node, level)?;
    }
    Ok(())
}

/// In parentheses where `node` binds no tighter than what it stands in.
fn operand(f: &mut fmt::Formatter<'_>, node: &Node, level: u8) -> fmt::Result {
    let own = match node {
        Node::Or(_) => 0,
        Node::And(_) => 1,
        Node::Near { .. } => 2,
        _ => 3,
    };
    if own > level { write!(f, "{node}") } else { write!(f, "({node})") }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scope) = self.scope {
            write!(f, "{}:", scope.name())?;
        }
        match self.kind {
            Kind::Regex => write!(f, "/{}/", self.text.replace('/', "\\/"))?,
            Kind::Exact => write!(f, "={}", quoted(&self.text))?,
            Kind::Wildcard | Kind::Inflected => f.write_str(&quoted(&self.text))?,
        }
        if self.weight == 1.0 { Ok(()) } else { write!(f, "^{}", self.weight) }
    }
}

/// In quotes unless it is one plain word.
fn quoted(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_alphanumeric() || "-*?".contains(c));
    let operator = matches!(text, "AND" | "OR" | "NOT") || lex::looks_like_operator(text);
    if plain && !operator && !text.starts_with('-') && !text.is_empty() {
        return text.into();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
