//! Tokens to a tree, by descent.
//!
//! Invariant: depth and number of terms are limited, so no query can exhaust
//! the stack here or in what walks the tree later.

use super::check;
use super::lex::{Spanned, Token, tokens};
use super::{DEPTH_MAX, Kind, NEAR_MAX, Node, QueryError, Scope, TERMS_MAX, Term, WEIGHT_MAX};
use crate::watch::gazetteer;
use std::ops::Range;

/// Parses a query.
///
/// # Errors
/// The first thing that cannot be read, or can never fire.
///
/// ```
/// use newswatch::watch::query::parse;
/// let tree = parse("«Болот Темиров» OR (Temirov NEAR/30 journalist)").unwrap();
/// assert_eq!(tree.to_string(), "\"Болот Темиров\" OR Temirov NEAR/30 journalist");
/// assert!(parse("Temirov NEAR journalist").unwrap_err().message.contains("NEAR/5"));
/// ```
pub fn parse(query: &str) -> Result<Node, QueryError> {
    let tokens = tokens(query)?;
    if tokens.is_empty() {
        return Err(QueryError::new(
            0..query.len(),
            "the query is empty; write a name, such as `Bolot Temirov`",
        ));
    }
    let mut parser = Parser { query, tokens: &tokens, at: 0, depth: 0, scope: None, terms: 0 };
    let node = parser.any()?;
    if let Some(left) = parser.peek() {
        let span = left.span.clone();
        return Err(parser.cannot_follow(span));
    }
    check::can_fire(&node)?;
    Ok(node)
}

struct Parser<'a> {
    query: &'a str,
    tokens: &'a [Spanned],
    at: usize,
    depth: usize,
    /// The field of the group we are in.
    scope: Option<Scope>,
    /// Terms so far.
    terms: usize,
}

type Parsed = Result<Node, QueryError>;

impl Parser<'_> {
    fn peek(&self) -> Option<&Spanned> {
        self.tokens.get(self.at)
    }

    fn next_is(&self, token: &Token) -> bool {
        self.peek().is_some_and(|next| next.token == *token)
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.next_is(token);
        self.at += usize::from(found);
        found
    }

    fn written(&self, span: &Range<usize>) -> &str {
        self.query.get(span.clone()).unwrap_or_default()
    }

    /// The token just taken.
    fn before(&self) -> Range<usize> {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(0..0, |token| token.span.clone())
    }

    /// `a OR b`, loosest.
    fn any(&mut self) -> Parsed {
        let mut nodes = vec![self.all()?];
        while self.take(&Token::Or) {
            nodes.push(self.all()?);
        }
        Ok(one_or(nodes, Node::Or))
    }

    /// `a AND b`, `a AND NOT b`, `a NOT b`.
    fn all(&mut self) -> Parsed {
        let mut nodes = vec![self.near()?];
        while self.take(&Token::And) || self.next_is(&Token::Not) {
            nodes.push(self.near()?);
        }
        Ok(one_or(nodes, Node::And))
    }

    /// `a NEAR/5 b NEAR/5 c`.
    fn near(&mut self) -> Parsed {
        let mut nodes = vec![self.not()?];
        let mut operator: Option<(usize, bool)> = None;
        while let Some(&Spanned { token: Token::Near { distance, ordered }, ref span, .. }) = self.peek() {
            if operator.is_some_and(|first| first != (distance, ordered)) {
                let message = format!(
                    "`{}` meets another distance or order; say with parentheses which comes first",
                    self.written(span)
                );
                return Err(QueryError::new(span.clone(), message));
            }
            let span = span.clone();
            if nodes.len() == NEAR_MAX {
                let message = format!(
                    "more than {NEAR_MAX} operands of `{}`; make it several, with `AND`",
                    self.written(&span)
                );
                return Err(QueryError::new(span, message));
            }
            operator = Some((distance, ordered));
            self.at += 1;
            nodes.push(self.not()?);
            // The first is checked once it is known to stand in NEAR.
            nodes
                .iter()
                .skip(nodes.len().saturating_sub(2))
                .try_for_each(|node| self.has_place(node, &span))?;
        }
        match operator {
            Some((distance, ordered)) => Ok(Node::Near { nodes, distance, ordered }),
            None => Ok(one_or(nodes, Node::And)),
        }
    }

    /// NEAR and COUNT ask for places in the words of a story.
    fn has_place(&self, node: &Node, operator: &Range<usize>) -> Result<(), QueryError> {
        let operator = self.written(operator);
        let wrong = |what: &str, instead: &str| {
            let message = format!("{what} cannot be an operand of `{operator}`; {instead}");
            Err(QueryError::new(node.span(), message))
        };
        match node {
            Node::Term(Term { scope: Some(scope), .. }) if scope.filters() => {
                wrong(&format!("`{}:`", scope.name()), "join it with `AND`")
            }
            Node::Term(_) => Ok(()),
            Node::Or(nodes) | Node::Near { nodes, .. } => nodes.iter().try_for_each(|node| {
                self.has_place(node, &(0..0)).map_err(|error| {
                    QueryError::new(error.span, error.message.replace("``", &format!("`{operator}`")))
                })
            }),
            Node::And(_) if operator.contains("NEAR") => {
                wrong("`AND`", &format!("write `a {operator} c AND b {operator} c`"))
            }
            Node::And(_) => wrong("`AND`", &format!("write `{operator}(a) AND {operator}(b)`")),
            Node::Not(_) => wrong("`NOT`", "write `a AND NOT (b NEAR/5 c)`"),
            Node::AtLeast { .. } | Node::Count { .. } => wrong("a count", "join it with `AND`"),
        }
    }

    fn not(&mut self) -> Parsed {
        if !self.take(&Token::Not) {
            return self.primary();
        }
        if self.next_is(&Token::Not) {
            let span = self.before();
            return Err(QueryError::new(span, "`NOT NOT` says nothing; leave out both"));
        }
        let node = self.deeper(Parser::primary)?;
        Ok(Node::Not(Box::new(node)))
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        if self.depth == DEPTH_MAX {
            let message = format!("more than {DEPTH_MAX} groups within groups; make it several watches");
            return Err(QueryError::new(self.before(), message));
        }
        self.depth += 1;
        let node = read(self);
        self.depth -= 1;
        node
    }

    /// A term, a group, or what takes a group; with its weight.
    fn primary(&mut self) -> Parsed {
        let Some(next) = self.peek() else { return Err(self.nothing_after()) };
        let span = next.span.clone();
        let token = next.token.clone();
        let mut node = match token {
            Token::Term { .. } => self.words()?,
            Token::Open => self.deeper(Parser::group)?,
            Token::Scope(scope) => self.scoped(scope, &span)?,
            Token::AtLeast(count) => self.at_least(count, &span)?,
            Token::Count(count) => {
                self.at += 1;
                self.expect_group(&span)?;
                let node = self.deeper(Parser::group)?;
                self.has_place(&node, &span)?;
                Node::Count { node: Box::new(node), count }
            }
            _ => return Err(self.cannot_follow(span)),
        };
        while let Some(&Spanned { token: Token::Weight(weight), ref span, .. }) = self.peek() {
            let span = span.clone();
            self.at += 1;
            if !reweigh(&mut node, weight) {
                return Err(QueryError::new(
                    span,
                    format!("the weights multiply to more than {WEIGHT_MAX}; write smaller ones"),
                ));
            }
        }
        Ok(node)
    }

    fn scoped(&mut self, scope: Scope, span: &Range<usize>) -> Parsed {
        self.at += 1;
        if let Some(outer) = self.scope.filter(|outer| *outer != scope) {
            let message = format!(
                "`{}:` stands inside `{}:`, and nothing can be in both; leave out one",
                scope.name(),
                outer.name()
            );
            return Err(QueryError::new(span.clone(), message));
        }
        if !self.peek().is_some_and(|next| {
            matches!(
                next.token,
                Token::Term { .. } | Token::Open | Token::Scope(_) | Token::AtLeast(_) | Token::Count(_)
            )
        }) {
            let name = scope.name();
            return Err(QueryError::new(
                span.clone(),
                format!("`{name}:` has nothing after it; write `{name}:Temirov` or `{name}:(a OR b)`"),
            ));
        }
        let outer = self.scope.replace(scope);
        let node = self.deeper(Parser::primary);
        self.scope = outer;
        node
    }

    fn expect_group(&self, span: &Range<usize>) -> Result<(), QueryError> {
        if self.next_is(&Token::Open) {
            return Ok(());
        }
        let written = self.written(span);
        Err(QueryError::new(span.clone(), format!("`{written}` wants parentheses; write `{written}(…)`")))
    }

    fn group(&mut self) -> Parsed {
        let open = self.peek().map_or(0..0, |token| token.span.clone());
        self.at += 1;
        if self.take(&Token::Close) {
            return Err(QueryError::new(
                open.start..self.before().end,
                "`()` is empty; write something between the parentheses or leave them out",
            ));
        }
        let node = self.any()?;
        self.close(&open)?;
        Ok(node)
    }

    fn close(&mut self, open: &Range<usize>) -> Result<(), QueryError> {
        if self.take(&Token::Close) {
            return Ok(());
        }
        match self.peek() {
            Some(left) => Err(self.cannot_follow(left.span.clone())),
            None => Err(QueryError::new(open.clone(), "`(` is not closed; write `)` after the group")),
        }
    }

    fn at_least(&mut self, count: usize, span: &Range<usize>) -> Parsed {
        self.at += 1;
        self.expect_group(span)?;
        let open = self.peek().map_or(0..0, |token| token.span.clone());
        let nodes = self.deeper(|parser| {
            parser.at += 1;
            let mut nodes = vec![parser.any()?];
            while parser.take(&Token::Comma) {
                nodes.push(parser.any()?);
            }
            parser.close(&open)?;
            Ok(Node::Or(nodes))
        })?;
        let Node::Or(nodes) = nodes else { return Ok(nodes) };
        let (length, whole) = (nodes.len(), span.start..self.before().end);
        if count <= length {
            return Ok(Node::AtLeast { nodes, count });
        }
        let written = self.written(span);
        let message = match length {
            1 => format!(
                "`{written}` can never fire with one operand; for one thing {count} times write `COUNT/{count}({})`",
                nodes[0]
            ),
            _ => format!(
                "`{written}` can never fire with {length} operands; write `ATLEAST/{length}` or name more, with commas between"
            ),
        };
        Err(QueryError::new(whole, message))
    }

    /// One term; bare words side by side are a phrase.
    fn words(&mut self) -> Parsed {
        let Some(first) = self.peek().cloned() else { return Err(self.nothing_after()) };
        let Token::Term { mut text, mut kind, bare } = first.token else {
            return Err(self.cannot_follow(first.span));
        };
        let mut span = first.span;
        self.at += 1;
        while bare
            && let Some(Spanned {
                token: Token::Term { text: more, kind: next, bare: true },
                span: at,
                new_line,
            }) = self.peek()
        {
            if *new_line {
                return Err(self.side_by_side(span, at.clone()));
            }
            text = format!("{text} {more}");
            kind = if *next == Kind::Wildcard { Kind::Wildcard } else { kind };
            span.end = at.end;
            self.at += 1;
        }
        if let Some(Spanned {
            token: Token::Term { .. } | Token::Open | Token::Scope(_) | Token::Count(_) | Token::AtLeast(_),
            span: at,
            ..
        }) = self.peek()
        {
            return Err(self.side_by_side(span, at.clone()));
        }
        if bare {
            self.no_operators_as_words(&text, &span)?;
        }
        // An address or a source has no word positions: there a phrase stays whole.
        match kind {
            Kind::Wildcard if !self.scope.is_some_and(Scope::filters) => self.wild_phrase(&text, &span),
            // An address has question marks of its own.
            Kind::Wildcard if self.scope == Some(Scope::Url) && !text.contains('*') => {
                self.term(text, Kind::Inflected, span)
            }
            _ => self.term(text, kind, span),
        }
    }

    /// `Temirov and Bishkek`: operators of other monitors, which a phrase without
    /// quotes would look for as words. Names that have them are known, or quoted.
    fn no_operators_as_words(&self, text: &str, span: &Range<usize>) -> Result<(), QueryError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let several = words.len() > 1 || self.next_is(&Token::Open);
        let before_not = self.next_is(&Token::Not);
        let found = words.iter().enumerate().filter(|_| several).find_map(|(at, word)| {
            let is_last = at + 1 == words.len();
            Some((*word, operator_in_words(word, at, is_last && before_not)?))
        });
        let Some((word, operator)) = found.filter(|_| gazetteer::places(text).is_empty()) else {
            return Ok(());
        };
        let written = self.written(span);
        // Marks that the text is rid of may stand before it.
        let at = written.find(&format!(" {word}")).map(|at| at + 1).or_else(|| written.find(word));
        let place = at.map_or(span.clone(), |at| span.start + at..span.start + at + word.len());
        let message = format!(
            "`{word}` is read as a word of the phrase `{}`; write `{operator}` for the operator, or the phrase in quotes",
            one_line(written)
        );
        Err(QueryError::new(place, message))
    }

    /// `"Kyrgyz* journalist"`: each word for itself, the next one on.
    fn wild_phrase(&mut self, text: &str, span: &Range<usize>) -> Parsed {
        let mut nodes = Vec::new();
        let mut at = span.start;
        for piece in text.split_whitespace() {
            let word = piece.trim_matches(|c: char| !c.is_alphanumeric() && c != '*' && c != '?');
            if word.is_empty() {
                continue;
            }
            if nodes.len() == NEAR_MAX {
                let message = format!(
                    "more than {NEAR_MAX} words in a phrase with a wildcard; make it several, with `AND`"
                );
                return Err(QueryError::new(span.clone(), message));
            }
            let kind = Kind::of_word(word);
            // A word with escapes in it stands elsewhere; then the phrase is its place.
            let start = self.written(&(at..span.end)).find(word).map(|offset| at + offset);
            let place = start.map_or(span.clone(), |start| start..start + word.len());
            at = start.map_or(at, |start| start + word.len());
            nodes.push(self.term(word.into(), kind, place)?);
        }
        Ok(match nodes.len() {
            1 => nodes.remove(0),
            _ => Node::Near { nodes, distance: 1, ordered: true },
        })
    }

    fn term(&mut self, text: String, kind: Kind, span: Range<usize>) -> Parsed {
        let written = self.written(&span);
        if !text.contains(char::is_alphanumeric) && kind != Kind::Regex {
            let message = match kind {
                Kind::Wildcard => format!(
                    "`{written}` is any word at all; for words with others between write `a NEAR/2 b`"
                ),
                _ if text.is_empty() => format!("`{written}` is empty; write a name between the quotes"),
                _ => format!("`{written}` has no letter or digit to look for; leave it out"),
            };
            return Err(QueryError::new(span, message));
        }
        if kind == Kind::Wildcard && text.starts_with(['*', '?']) && self.scope != Some(Scope::Url) {
            let tail: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
            let message = format!(
                "`{text}` begins with a wildcard; write the beginning of the word, or the pattern `/\\w+{tail}\\b/`"
            );
            return Err(QueryError::new(span, message));
        }
        if self.terms == TERMS_MAX {
            return Err(QueryError::new(
                span,
                format!("more than {TERMS_MAX} terms; make it several watches"),
            ));
        }
        self.terms += 1;
        Ok(Node::Term(Term { id: self.terms - 1, text, kind, scope: self.scope, weight: 1.0, span }))
    }

    fn side_by_side(&self, first: Range<usize>, second: Range<usize>) -> QueryError {
        let words =
            [self.written(&first).split_whitespace().last(), self.written(&second).split_whitespace().next()];
        let known =
            |word: &str| ["AND", "OR", "NOT"].into_iter().find(|known| word.eq_ignore_ascii_case(known));
        if let Some((word, operator)) =
            words.into_iter().flatten().find_map(|word| Some((word, known(word)?)))
        {
            let message =
                format!("`{word}` is read as a word here; operators are capitals: write `{operator}`");
            return QueryError::new(first.start..second.end, message);
        }
        let message = format!(
            "`{}` and `{}` stand side by side; write `AND`, `OR` or `NEAR/5` between them",
            self.written(&first),
            self.written(&second)
        );
        QueryError::new(first.start..second.end, message)
    }

    /// What is wrong with the token at `span`, which nothing can begin with.
    fn cannot_follow(&self, span: Range<usize>) -> QueryError {
        let written = self.written(&span);
        let token = self.tokens.iter().find(|token| token.span == span).map(|token| &token.token);
        let message = match token {
            Some(Token::Close) if self.depth == 0 => {
                "`)` closes nothing; leave it out or write `(` before the group".into()
            }
            Some(Token::Comma) => {
                "`,` stands only between the operands of `ATLEAST/2(a, b, c)`; write `OR` between names, and a person without it"
                    .into()
            }
            Some(Token::Weight(_)) => {
                format!("`{written}` stands after a term or a group: `Temirov{written}`")
            }
            Some(Token::Near { .. }) if self.before_is_not() => {
                format!("`NOT {written}` has no meaning here; write `a AND NOT (a {written} b)`")
            }
            Some(Token::And | Token::Or | Token::Near { .. } | Token::Close) => {
                format!(
                    "`{written}` has nothing before it; write a term there, or `\"{written}\"` if it is a word to look for"
                )
            }
            _ => {
                let before = self.tokens.iter().take_while(|token| token.span != span).last();
                return self.side_by_side(before.map_or(span.clone(), |token| token.span.clone()), span);
            }
        };
        QueryError::new(span, message)
    }

    /// Whether the token just taken is NOT.
    fn before_is_not(&self) -> bool {
        self.at
            .checked_sub(1)
            .and_then(|at| self.tokens.get(at))
            .is_some_and(|token| token.token == Token::Not)
    }

    /// The query ends where a term should stand.
    fn nothing_after(&self) -> QueryError {
        let span = self.before();
        let written = self.written(&span);
        if written == "(" {
            return QueryError::new(span, "`(` is not closed; write `)` after the group");
        }
        QueryError::new(
            span.clone(),
            format!(
                "`{written}` has nothing after it; write a term there, or `\"{written}\"` if it is a word to look for"
            ),
        )
    }
}

/// The operator that a word at this place of a phrase is elsewhere.
fn operator_in_words(word: &str, at: usize, before_not: bool) -> Option<&'static str> {
    let operator = match word.to_lowercase().as_str() {
        "and" => "AND",
        "or" | "или" | "або" => "OR",
        "not" => "NOT",
        "but" if before_not => "AND NOT",
        "near" => "NEAR/5",
        _ => return None,
    };
    // `Not` begins titles, `not` begins nothing.
    (at > 0 || word == "not").then_some(operator)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The only node itself, or all under one operator.
fn one_or(mut nodes: Vec<Node>, operator: impl FnOnce(Vec<Node>) -> Node) -> Node {
    match nodes.len() {
        1 => nodes.remove(0),
        _ => operator(nodes),
    }
}

/// Multiplies the weight of each term; false where one grows too great.
fn reweigh(node: &mut Node, weight: f64) -> bool {
    match node {
        Node::Term(term) => {
            term.weight *= weight;
            term.weight <= WEIGHT_MAX
        }
        Node::Not(node) | Node::Count { node, .. } => reweigh(node, weight),
        Node::And(nodes) | Node::Or(nodes) | Node::Near { nodes, .. } | Node::AtLeast { nodes, .. } => {
            nodes.iter_mut().all(|node| reweigh(node, weight))
        }
    }
}
