//! A query's characters to tokens.
//!
//! Invariant: every token knows its bytes; a habit from another monitor is an
//! error that says what to write here, never a word to look for.

use super::foreign;
use super::{Kind, NUMBER_MAX, QUERY_BYTES_MAX, QueryError, Scope, WEIGHT_MAX};
use std::ops::Range;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Open,
    Close,
    Comma,
    And,
    Or,
    Not,
    Near { distance: usize, ordered: bool },
    AtLeast(usize),
    Count(usize),
    Scope(Scope),
    Weight(f64),
    Term { text: String, kind: Kind, bare: bool },
}

#[derive(Debug, Clone)]
pub(super) struct Spanned {
    pub token: Token,
    pub span: Range<usize>,
    /// Stands on a later line than what is before it.
    pub new_line: bool,
}

/// Quotes that open a phrase, and what closes each: documents and phones put
/// many kinds into what is pasted.
const QUOTES: [(char, &str); 8] = [
    ('"', "\"”＂"),
    ('＂', "＂\""),
    ('“', "”“\""),
    ('„', "“”\""),
    ('‟', "”\""),
    ('”', "”\""),
    ('«', "»"),
    ('»', "«»"),
];

/// Cuts `query` into tokens.
pub(super) fn tokens(query: &str) -> Result<Vec<Spanned>, QueryError> {
    if query.len() > QUERY_BYTES_MAX {
        let message =
            format!("the query has {} bytes, more than {QUERY_BYTES_MAX}; make it two watches", query.len());
        return Err(QueryError::new(0..0, message));
    }
    let mut tokens: Vec<Spanned> = Vec::new();
    let mut at = 0;
    let mut new_line = false;
    while let Some(next) = query[at..].chars().next() {
        if next.is_whitespace() || is_invisible(next) {
            new_line |= next == '\n';
            at += next.len_utf8();
            continue;
        }
        let (token, end) = token(query, at, next, tokens.last())?;
        tokens.push(Spanned { token, span: at..end, new_line: new_line && !tokens.is_empty() });
        (at, new_line) = (end, false);
    }
    Ok(tokens)
}

/// Marks that copying leaves behind: byte order, zero width, direction.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}')
}

/// The token at `at` and its end.
fn token(query: &str, at: usize, next: char, before: Option<&Spanned>) -> Result<(Token, usize), QueryError> {
    let one = at + next.len_utf8();
    let wrong = |message: String| Err(QueryError::new(at..one, message));
    match next {
        '(' => Ok((Token::Open, one)),
        ')' => Ok((Token::Close, one)),
        ',' => Ok((Token::Comma, one)),
        '^' => weight(query, at),
        '/' => regex(query, at),
        '=' => exact(query, at),
        '~' => wrong("`~` has no meaning here: spellings and forms are found without it; for words near each other write `a NEAR/5 b`".into()),
        ';' => wrong("`;` has no meaning here; write `OR` between names".into()),
        '[' | ']' | '{' | '}' => {
            wrong(format!("`{next}` has no meaning here; group with `(` and `)`, write `=GBAO` for exactly these letters"))
        }
        '|' => wrong("`|` has no meaning here; write `OR`".into()),
        '!' => wrong("`!` has no meaning here; write `NOT`".into()),
        _ if quote_closers(next).is_some() => {
            let (text, end) = quoted(query, at, next)?;
            Ok((phrase(text), end))
        }
        _ => word(query, at, before),
    }
}

pub(super) fn quote_closers(c: char) -> Option<&'static str> {
    QUOTES.iter().find(|(open, _)| *open == c).map(|(_, closers)| *closers)
}

fn phrase(text: String) -> Token {
    let kind = Kind::of_word(&text);
    Token::Term { text, kind, bare: false }
}

/// The text in quotes from `at`, with `\"` and `\\` resolved, and its end.
fn quoted(query: &str, at: usize, open: char) -> Result<(String, usize), QueryError> {
    let closers = quote_closers(open).unwrap_or("\"");
    let mut text = String::new();
    let mut chars = query[at..].char_indices().skip(1).peekable();
    while let Some((offset, c)) = chars.next() {
        match c {
            '\\' => match chars.next_if(|(_, next)| *next == '\\' || quote_closers(*next).is_some()) {
                Some((_, escaped)) => text.push(escaped),
                None => text.push(c),
            },
            _ if closers.contains(c) => return Ok((text.trim().to_string(), at + offset + c.len_utf8())),
            _ => text.push(c),
        }
    }
    let message = format!(
        "the quote `{open}` is not closed; write `{}` after the phrase",
        closers.chars().next().unwrap_or('"')
    );
    Err(QueryError::new(at..at + open.len_utf8(), message))
}

/// `=word` or `="some words"`.
fn exact(query: &str, at: usize) -> Result<(Token, usize), QueryError> {
    let after = at + 1;
    let (text, end) = match query[after..].chars().next() {
        Some(open) if quote_closers(open).is_some() => quoted(query, after, open)?,
        _ => {
            let end = word_end(query, after);
            (query[after..end].to_string(), end)
        }
    };
    if text.is_empty() {
        return Err(QueryError::new(
            at..after,
            "`=` has nothing after it; write `=GBAO` or `=\"Central Asia\"`",
        ));
    }
    if text.contains(['*', '?']) && !query[after..].starts_with(|c| quote_closers(c).is_some()) {
        let message = format!(
            "`={text}` asks for the word exactly as written and for any letters; leave out `=` or the wildcard"
        );
        return Err(QueryError::new(at..end, message));
    }
    Ok((Token::Term { text, kind: Kind::Exact, bare: false }, end))
}

/// `/pattern/` or `/pattern/i`; `\/` is a slash.
fn regex(query: &str, at: usize) -> Result<(Token, usize), QueryError> {
    let mut text = String::new();
    let mut chars = query[at..].char_indices().skip(1);
    while let Some((offset, c)) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some((_, '/')) => text.push('/'),
                Some((_, other)) => text.extend([c, other]),
                None => text.push(c),
            },
            '/' => return regex_end(query, at, text, at + offset + 1),
            _ => text.push(c),
        }
    }
    let end = word_end(query, at).max(at + 1);
    if let Some(message) = foreign::slash(&query[at..end]) {
        return Err(QueryError::new(at..end, message));
    }
    Err(QueryError::new(at..at + 1, "the pattern that begins with `/` has no closing `/`; write `/pattern/`"))
}

fn regex_end(query: &str, at: usize, text: String, close: usize) -> Result<(Token, usize), QueryError> {
    let end = word_end(query, close);
    let text = match &query[close..end] {
        "" => text,
        "i" => format!("(?i){text}"),
        flags => {
            let message =
                format!("`{flags}` after the pattern has no meaning; only `i` (any case) may stand there");
            return Err(QueryError::new(close..end, message));
        }
    };
    if text.is_empty() {
        return Err(QueryError::new(
            at..end,
            "`//` is an empty pattern; write `/pattern/`, or put the words in quotes",
        ));
    }
    Ok((Token::Term { text, kind: Kind::Regex, bare: false }, end))
}

/// `^2` or `^0.5`.
fn weight(query: &str, at: usize) -> Result<(Token, usize), QueryError> {
    let digits = query[at + 1..].bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    let end = at + 1 + digits;
    let value = query[at + 1..end].parse::<f64>().ok().filter(|value| *value > 0.0 && *value <= WEIGHT_MAX);
    match value {
        Some(value) => Ok((Token::Weight(value), end)),
        None => {
            let shown = &query[at..word_end(query, end).max(end)];
            let message = format!(
                "`{shown}` is not a weight; write a number above 0 and up to {WEIGHT_MAX}, such as `^2`"
            );
            Err(QueryError::new(at..at + shown.len(), message))
        }
    }
}

/// Where the bare word from `at` ends.
fn word_end(query: &str, at: usize) -> usize {
    let stops = |c: char| {
        c.is_whitespace() || is_invisible(c) || "(),;^~[]{}|".contains(c) || quote_closers(c).is_some()
    };
    query[at..].find(stops).map_or(query.len(), |length| at + length)
}

/// A bare word: an operator, a field, or something to look for.
fn word(query: &str, at: usize, before: Option<&Spanned>) -> Result<(Token, usize), QueryError> {
    let end = word_end(query, at);
    let word = &query[at..end];
    if let Some(found) = operator(word).map_err(|message| QueryError::new(at..end, message))? {
        return Ok((found, end));
    }
    if let Some((name, _)) = word.split_once(':')
        && let Some(scope) = Scope::named(name)
    {
        return Ok((Token::Scope(scope), at + name.len() + 1));
    }
    let in_url = matches!(before, Some(Spanned { token: Token::Scope(Scope::Url), .. }));
    if !in_url && let Some(message) = foreign::word(word, &query[end..]) {
        return Err(QueryError::new(at..end, message));
    }
    let text = word.trim_matches(['\'', '‘', '’']);
    let text = if text.is_empty() { word } else { text };
    Ok((Token::Term { text: text.into(), kind: Kind::of_word(text), bare: true }, end))
}

/// Operators in capitals; those with a number cannot be words, so any case does.
fn operator(word: &str) -> Result<Option<Token>, String> {
    match word {
        "AND" => return Ok(Some(Token::And)),
        "OR" => return Ok(Some(Token::Or)),
        "NOT" => return Ok(Some(Token::Not)),
        "NEAR" | "ONEAR" => {
            return Err(format!("`{word}` without a number; write how many words apart: `{word}/5`"));
        }
        "ATLEAST" => return Err("`ATLEAST` without a number; write `ATLEAST/2(a, b, c)`".into()),
        "COUNT" => return Err("`COUNT` without a number; write `COUNT/3(a)`".into()),
        _ => {}
    }
    let Some((name, number)) = word.split_once('/') else { return Ok(None) };
    let name = name.to_ascii_uppercase();
    if !matches!(name.as_str(), "NEAR" | "ONEAR" | "ATLEAST" | "COUNT") {
        return Ok(None);
    }
    let number = number.parse::<usize>().ok().filter(|number| (1..=NUMBER_MAX).contains(number));
    let Some(number) = number else {
        if let Some(instead) = foreign::forward(word) {
            return Err(format!("`{word}` has no meaning here; write {instead}"));
        }
        return Err(format!(
            "`{word}` wants a whole number from 1 to {NUMBER_MAX} after the `/`, such as `{name}/5`"
        ));
    };
    Ok(Some(match name.as_str() {
        "NEAR" => Token::Near { distance: number, ordered: false },
        "ONEAR" => Token::Near { distance: number, ordered: true },
        "ATLEAST" => Token::AtLeast(number),
        _ => Token::Count(number),
    }))
}

/// Whether the word would not be read as a word.
pub(super) fn looks_like_operator(word: &str) -> bool {
    !matches!(operator(word), Ok(None)) || foreign::word(word, "").is_some()
}
