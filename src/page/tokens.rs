//! HTML to tags and text, without a tree.
//!
//! Invariant: linear in the input and without recursion, whatever the input;
//! slices of the input, nothing is copied. A tag that is not closed is text.

/// A piece of HTML. Comments, doctypes and processing instructions are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// As written, references not decoded; a CDATA section's text too.
    Text(&'a str),
    /// `attributes` is what stands between the name and `>`.
    Start {
        name: &'a str,
        attributes: &'a str,
    },
    End {
        name: &'a str,
    },
}

/// The tokens of a document, one by one.
#[derive(Debug)]
pub struct Tokens<'a> {
    html: &'a str,
    at: usize,
    /// Set once a quote was seen that never closes: from then on a tag ends at
    /// the next `>`, or each such quote would cost a walk to the end.
    plain_ends: bool,
    /// Which of [`ENDS`] do not come any more, for the same reason.
    absent: [bool; ENDS.len()],
}

/// What ends a tag, a comment and a CDATA section.
const ENDS: [&str; 3] = [">", "-->", "]]>"];
const TAG: usize = 0;
const COMMENT: usize = 1;
const CDATA: usize = 2;

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = self.html.get(self.at..).filter(|rest| !rest.is_empty())?;
        let Some(after) = rest.strip_prefix('<') else {
            let end = rest.find('<').unwrap_or(rest.len());
            self.at += end;
            return Some(Token::Text(&rest[..end]));
        };
        Some(self.declaration(after).or_else(|| self.tag(after)).unwrap_or_else(|| {
            self.at += 1;
            Token::Text("<")
        }))
    }
}

impl<'a> Tokens<'a> {
    pub fn of(html: &'a str) -> Tokens<'a> {
        Tokens { html, at: 0, plain_ends: false, absent: [false; ENDS.len()] }
    }

    /// Goes to the end tag of `name`, or past everything when there is none,
    /// and returns what was skipped: for scripts, styles and their like.
    pub fn skip_element(&mut self, name: &str) -> &'a str {
        let rest = &self.html[self.at..];
        let end = rest.match_indices("</").find(|(at, _)| {
            rest.as_bytes()
                .get(at + 2..at + 2 + name.len())
                .is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
        });
        let end = end.map_or(rest.len(), |(at, _)| at);
        self.at += end;
        &rest[..end]
    }

    fn tag(&mut self, after: &'a str) -> Option<Token<'a>> {
        let closing = after.starts_with('/');
        let body = after.strip_prefix('/').unwrap_or(after);
        if !body.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        let end = self.tag_end(body)?;
        let inner = &body[..end];
        self.at += 1 + usize::from(closing) + end + 1;
        let name_len = inner.find(|c: char| c.is_ascii_whitespace() || c == '/').unwrap_or(inner.len());
        let (name, attributes) = inner.split_at(name_len);
        Some(if closing { Token::End { name } } else { Token::Start { name, attributes } })
    }

    /// Comments, CDATA (whose text counts), doctypes and processing instructions.
    fn declaration(&mut self, after: &'a str) -> Option<Token<'a>> {
        let (skip, text) = if let Some(comment) = after.strip_prefix("!--") {
            (self.find(COMMENT, comment).map_or(4, |end| end + 7), "")
        } else if let Some(data) = after.strip_prefix("![CDATA[") {
            match self.find(CDATA, data) {
                Some(end) => (end + 12, &data[..end]),
                None => (9, ""),
            }
        } else if after.starts_with(['!', '?']) {
            (self.find(TAG, after).map_or(1, |end| end + 2), "")
        } else {
            return None;
        };
        self.at += skip;
        Some(Token::Text(text))
    }

    /// Where in `body` the `>` stands that ends its tag.
    fn tag_end(&mut self, body: &str) -> Option<usize> {
        if !self.plain_ends {
            let mut quote = None;
            let mut previous = b' ';
            for (at, &byte) in body.as_bytes().iter().enumerate() {
                match (quote, byte) {
                    (None, b'>') => return Some(at),
                    (None, b'"' | b'\'') if matches!(previous, b'=' | b' ') => quote = Some(byte),
                    (Some(open), _) if open == byte => quote = None,
                    _ => {}
                }
                previous = byte;
            }
            self.plain_ends = true;
        }
        self.find(TAG, body)
    }

    fn find(&mut self, end: usize, rest: &str) -> Option<usize> {
        let found = if self.absent[end] { None } else { rest.find(ENDS[end]) };
        self.absent[end] = found.is_none();
        found
    }
}

/// Names and values of a start tag's attributes, as written; the value of an
/// attribute without one is empty.
pub fn attributes(mut rest: &str) -> impl Iterator<Item = (&str, &str)> {
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let is_end = |c: char| c.is_ascii_whitespace() || c == '=' || c == '/';
        let name_len =
            rest.char_indices().find(|&(at, c)| at > 0 && is_end(c)).map_or(rest.len(), |(at, _)| at);
        let name = &rest[..name_len];
        rest = rest[name_len..].trim_start();
        let Some(after) = rest.strip_prefix('=') else { return Some((name, "")) };
        let (value, left) = value_of(after.trim_start());
        rest = left;
        Some((name, value))
    })
}

fn value_of(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    text.split_at(text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len()))
}

/// The decoded value of attribute `wanted`, if it is there.
pub fn attribute(tag: &str, wanted: &str) -> Option<String> {
    raw_attribute(tag, wanted).map(super::entities::decoded)
}

/// The value of attribute `wanted` as written.
pub fn raw_attribute<'a>(tag: &'a str, wanted: &str) -> Option<&'a str> {
    attributes(tag).find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
}
