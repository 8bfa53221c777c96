//! The watch language: what the user wrote to a tree.
//!
//! Invariant: a query either becomes a tree or an error with its place;
//! nothing is guessed silently. Precedence NOT, NEAR, AND, OR, loosest last.

use std::ops::Range;

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
    /// As written, without quotes, prefix and suffix.
    pub text: String,
    pub kind: Kind,
    /// Restricts where it may stand (`title:`, `lead:`, `body:` …).
    pub scope: Option<Scope>,
    /// `^2`; 1 when unset.
    pub weight: f64,
    pub span: Range<usize>,
}

/// How a term's words may vary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// Where a term may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Title,
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

/// Parses a query.
///
/// # Errors
/// The first thing that cannot be read.
pub fn parse(_query: &str) -> Result<Node, QueryError> {
    Err(QueryError { span: 0..0, message: "not built yet".into() })
}
