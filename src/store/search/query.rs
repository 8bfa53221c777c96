//! What the user typed to an FTS5 expression over folded words.
//!
//! Invariant: whatever is typed gives an expression FTS5 accepts, nothing, or a
//! sentence for the user; no character of it reaches FTS5 but as a folded word.

use crate::watch::fold::fold;
use crate::watch::query::Scope;
use std::ops::Range;

const QUERY_BYTES_MAX: usize = 4_096;
const WORDS_MAX: usize = 64;
const DEPTH_MAX: usize = 16;
/// Words this long also find what begins like them.
const PREFIX_LETTERS_LEAST: usize = 4;
/// A stem is not cut shorter than this.
const STEM_LETTERS_LEAST: usize = 5;
/// Inflections as the skeleton spells them, longest first; the prefix search
/// finds every other ending of the stem.
const ENDINGS: &[&str] = &[
    "iami", "ning", "aia", "ami", "ego", "emu", "iah", "iam", "imi", "nin", "ogo", "omu", "ah", "am", "ei",
    "em", "ia", "ih", "im", "iu", "oi", "om", "a", "e", "i", "o", "s", "u",
];

/// A folded word to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub letters: String,
    /// Whether what begins like it counts.
    pub prefix: bool,
}

impl Word {
    pub fn fits(&self, folded: &str) -> bool {
        if self.prefix { folded.starts_with(&self.letters) } else { folded == self.letters }
    }

    /// `exact` takes the word as it is, `begins` what starts like it.
    fn new(folded: &str, exact: bool, begins: bool) -> Word {
        let cut = if exact || begins { folded } else { stem(folded) };
        let prefix = begins || (!exact && folded.len() >= PREFIX_LETTERS_LEAST && is_word(folded));
        Word { letters: cut.into(), prefix }
    }
}

/// Years and numbers have no inflected forms.
fn is_word(folded: &str) -> bool {
    !folded.bytes().any(|byte| byte.is_ascii_digit())
}

fn stem(folded: &str) -> &str {
    let long_enough = |stem: &&str| stem.len() >= STEM_LETTERS_LEAST;
    let cut = |ending: &&str| folded.strip_suffix(*ending).filter(long_enough);
    ENDINGS.iter().find_map(cut).unwrap_or(folded)
}

/// Something typed that is taken for plain words and was hardly meant so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// Bytes of the query.
    pub span: Range<usize>,
    pub message: String,
}

/// What of `typed` reads as if it meant more than words: a quote that is never
/// closed, and the language of watches.
///
/// ```
/// # use newswatch::store::doubts;
/// assert_eq!(doubts("Temirov \"the court")[0].span, 8..9);
/// assert!(doubts("Temirov -court").is_empty());
/// ```
pub fn doubts(typed: &str) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    for (at, token) in placed_tokens(typed) {
        let written = typed.get(at..).unwrap_or_default();
        let unquoted = written.strip_prefix('=').unwrap_or(written);
        let at = at + written.len() - unquoted.len();
        match unquoted.chars().next().filter(|first| is_quote(*first)) {
            Some(quote) if !unquoted.get(quote.len_utf8()..).unwrap_or_default().contains(is_quote) => {
                let message = "the quote is not closed; it goes on to the end".into();
                doubts.push(Doubt { span: at..at + quote.len_utf8(), message });
            }
            Some(_) => {}
            None => doubts
                .extend(foreign(&token).map(|(length, message)| Doubt { span: at..at + length, message })),
        }
    }
    doubts
}

/// How many bytes of a word belong to the language of watches, and what to say of them.
fn foreign(token: &Token) -> Option<(usize, String)> {
    let Token::Words { typed, .. } = token else { return None };
    if let Some((scope, value)) = typed.split_once(':') {
        let (_, known) = Scope::ALL.iter().find(|(name, _)| *name == scope)?;
        let instead = match known {
            Scope::Source => format!("; write `{}`", format!("--source {value}").trim_end()),
            Scope::Lang => format!("; write `{}`", format!("--lang {value}").trim_end()),
            _ => String::new(),
        };
        return Some((scope.len() + 1, format!("`{scope}:` belongs to watches{instead}")));
    }
    let (operator, count) = typed.split_once('/')?;
    let is_operator = ["NEAR", "ONEAR", "ATLEAST", "COUNT"].contains(&operator);
    let is_count = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    (is_operator && is_count).then(|| (typed.len(), format!("`{typed}` belongs to watches")))
}

/// A query FTS5 accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub expression: String,
    /// What is to be marked in the results: the words that are not negated.
    pub words: Vec<Word>,
}

impl Query {
    /// Parses what the user typed; `None` where that is nothing.
    ///
    /// # Errors
    /// In words for the user: nothing that can be looked up, or only what is to be absent.
    pub fn parse(typed: &str) -> Result<Option<Query>, String> {
        if typed.trim().is_empty() {
            return Ok(None);
        }
        if typed.len() > QUERY_BYTES_MAX {
            return Err(format!("the query is longer than {QUERY_BYTES_MAX} bytes; shorten it"));
        }
        let mut parser = Parser { tokens: tokens(typed), next: 0, depth: 0, words: Vec::new(), count: 0 };
        let mut parts = Vec::new();
        while parser.next < parser.tokens.len() {
            parts.extend(parser.any_of(false)?);
            // A bracket that closes nothing is passed over.
            parser.next += 1;
        }
        let expression = join(&parts, " AND ");
        let nothing = || format!("nothing in `{}` can be searched for; type a word", typed.trim());
        let expression = expression.ok_or_else(nothing)?;
        Ok(Some(Query { expression, words: parser.words }))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Or,
    And,
    Not,
    /// The words of a phrase or of one string without blanks.
    Words {
        typed: String,
        exact: bool,
        begins: bool,
    },
}

fn tokens(typed: &str) -> Vec<Token> {
    placed_tokens(typed).into_iter().map(|(_, token)| token).collect()
}

/// Each token, and the byte it begins at.
fn placed_tokens(typed: &str) -> Vec<(usize, Token)> {
    let mut tokens = Vec::new();
    let mut rest = typed.trim_start();
    while let Some(first) = rest.chars().next() {
        let exact = first == '=';
        let after = if exact { rest.get(1..).unwrap_or_default() } else { rest };
        let (token, left) = match (first, after.chars().next()) {
            ('(', _) => (Token::Open, rest.get(1..)),
            (')', _) => (Token::Close, rest.get(1..)),
            ('-', Some(_)) if !rest.get(1..).is_none_or(|left| left.starts_with(char::is_whitespace)) => {
                (Token::Not, rest.get(1..))
            }
            (_, Some(quote)) if is_quote(quote) => phrase(after, quote, exact),
            _ => word(after, exact),
        };
        tokens.push((typed.len() - rest.len(), token));
        rest = left.unwrap_or_default().trim_start();
    }
    tokens
}

fn is_quote(letter: char) -> bool {
    matches!(letter, '"' | '“' | '”' | '„' | '«' | '»')
}

/// A phrase ends at the next quotation mark of any kind, or with the query.
fn phrase(rest: &str, quote: char, exact: bool) -> (Token, Option<&str>) {
    let inside = rest.get(quote.len_utf8()..).unwrap_or_default();
    let end = inside.find(is_quote).unwrap_or(inside.len());
    let after = inside.get(end..).unwrap_or_default();
    let left = after.get(after.chars().next().map_or(0, char::len_utf8)..);
    (Token::Words { typed: inside.get(..end).unwrap_or_default().into(), exact, begins: false }, left)
}

fn word(rest: &str, exact: bool) -> (Token, Option<&str>) {
    let ends = |letter: char| letter.is_whitespace() || is_quote(letter) || matches!(letter, '(' | ')');
    // A lone mark such as `=` before a bracket is a word of its own, so that the lexer moves on.
    let end = rest.find(ends).unwrap_or(rest.len());
    let typed = rest.get(..end).unwrap_or_default();
    let left = rest.get(end..);
    let token = match typed {
        "OR" | "|" | "||" => Token::Or,
        "AND" | "&" | "&&" | "+" => Token::And,
        "NOT" => Token::Not,
        _ => Token::Words { typed: typed.into(), exact, begins: typed.ends_with('*') },
    };
    (token, left)
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    words: Vec<Word>,
    count: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    /// Alternatives up to the closing bracket.
    fn any_of(&mut self, negated: bool) -> Result<Option<String>, String> {
        let mut parts = Vec::new();
        loop {
            parts.extend(self.all_of(negated)?);
            match self.peek() {
                Some(Token::Or) => self.next += 1,
                _ => return Ok(join(&parts, " OR ")),
            }
        }
    }

    /// What must all be there, and what must not.
    fn all_of(&mut self, negated: bool) -> Result<Option<String>, String> {
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        let mut not = false;
        while let Some(token) = self.peek().cloned() {
            match token {
                Token::Or | Token::Close => break,
                Token::And => self.next += 1,
                Token::Not => {
                    self.next += 1;
                    not = !not;
                }
                Token::Open | Token::Words { .. } => {
                    let part = self.operand(negated != not)?;
                    if not {
                        unwanted.extend(part)
                    } else {
                        wanted.extend(part)
                    }
                    not = false;
                }
            }
        }
        match (join(&wanted, " AND "), join(&unwanted, " OR ")) {
            (Some(wanted), Some(unwanted)) => Ok(Some(format!("({wanted} NOT {unwanted})"))),
            (None, Some(_)) => {
                Err("only what must be absent is given; type a word to be found as well".into())
            }
            (wanted, None) => Ok(wanted),
        }
    }

    fn operand(&mut self, negated: bool) -> Result<Option<String>, String> {
        let token = self.peek().cloned();
        self.next += 1;
        match token {
            Some(Token::Open) => {
                self.depth += 1;
                if self.depth > DEPTH_MAX {
                    return Err(format!("brackets stand more than {DEPTH_MAX} deep; take some out"));
                }
                let inside = self.any_of(negated)?;
                self.depth -= 1;
                if self.peek() == Some(&Token::Close) {
                    self.next += 1;
                }
                Ok(inside)
            }
            Some(Token::Words { typed, exact, begins }) => self.words(&typed, exact, begins, negated),
            _ => Ok(None),
        }
    }

    fn words(
        &mut self,
        typed: &str,
        exact: bool,
        begins: bool,
        negated: bool,
    ) -> Result<Option<String>, String> {
        let folded = fold(typed).text;
        let last = folded.split(' ').count().saturating_sub(1);
        let words: Vec<Word> = folded
            .split(' ')
            .filter(|word| !word.is_empty())
            .enumerate()
            .map(|(place, word)| Word::new(word, exact, begins && place == last))
            .collect();
        self.count += words.len();
        if self.count > WORDS_MAX {
            return Err(format!("the query has more than {WORDS_MAX} words; take some out"));
        }
        let expression = expression(&words, exact);
        if !negated {
            self.words.extend(words);
        }
        Ok(expression)
    }
}

/// FTS5 phrases take a prefix only at their end. Inflected names need one in
/// each word: words side by side, in either order, as names are written.
fn expression(words: &[Word], exact: bool) -> Option<String> {
    let star = |word: &Word| if word.prefix { "*" } else { "" };
    let quoted = |word: &Word| format!("\"{}\"{}", word.letters.replace('"', "\"\""), star(word));
    let each: Vec<String> = words.iter().map(quoted).collect();
    match each.len() {
        0 => None,
        1 => Some(each.concat()),
        _ if exact => Some(each.join(" + ")),
        count => Some(format!("NEAR({}, {})", each.join(" "), count - 2)),
    }
}

fn join(parts: &[String], by: &str) -> Option<String> {
    match parts {
        [] => None,
        [one] => Some(one.clone()),
        _ => Some(format!("({})", parts.join(by))),
    }
}
