//! Markup to tokens: a reader of tags that cannot fail.
//!
//! Invariant: every call moves forward, no search is ever repeated over bytes
//! already searched in vain, so time is linear whatever the input. Anything
//! that is no tag is text. Names and values are slices of the document.

use crate::feed::entities::Entities;

/// Attributes kept of one tag; more are skipped.
const ATTRIBUTES_MAX: usize = 100;

/// One piece of markup, borrowed from the document, references not decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token<'a> {
    /// `<name a="b">`; `closed` for `<name/>`.
    Open { name: &'a str, attributes: Vec<(&'a str, &'a str)>, closed: bool },
    /// `</name>`.
    Close(&'a str),
    /// Text between tags.
    Text(&'a str),
    /// The inside of a CDATA section: taken literally.
    Literal(&'a str),
    /// A whole DOCTYPE with its internal subset.
    Doctype(&'a str),
}

/// Walks a document token by token.
#[derive(Debug)]
pub struct Tokens<'a> {
    rest: &'a str,
    /// Terminators known to occur no more: each is searched in vain only once.
    absent: Vec<&'static str>,
    /// Bytes left of the document where the last `]]>` found begins.
    literal_end: Option<usize>,
    /// Whether some construct was left open, for the fault list.
    pub broken: bool,
}

impl<'a> Tokens<'a> {
    pub fn new(document: &'a str) -> Self {
        Tokens { rest: document, absent: Vec::new(), literal_end: None, broken: false }
    }

    /// Goes to the end tag of `name`: what a script or a style holds is no markup.
    /// Where there is none, nothing is skipped.
    pub fn skip_to_close(&mut self, name: &'static str) {
        if self.absent.contains(&name) {
            return;
        }
        let is_end = |at: &usize| {
            let found = self.rest.as_bytes().get(at + 2..at + 2 + name.len());
            found.is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
        };
        match self.rest.match_indices("</").map(|(at, _)| at).find(is_end) {
            Some(at) => self.rest = &self.rest[at..],
            None => self.absent.push(name),
        }
    }

    /// Length of text up to `end`, or none once it is known to be absent.
    fn until(&mut self, from: usize, end: &'static str) -> Option<usize> {
        if self.absent.contains(&end) {
            return None;
        }
        let found = self.rest.get(from..).and_then(|rest| rest.find(end));
        if found.is_none() {
            self.absent.push(end);
            self.broken = true;
        }
        found.map(|length| from + length)
    }

    /// Moves past `length` bytes, which end at a character's end.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// Text up to the next tag.
    fn text(&mut self) -> Token<'a> {
        // At least one character, so that a `<` that opens nothing is text.
        let first = self.rest.chars().next().map_or(0, char::len_utf8);
        let mut end = first;
        loop {
            let Some(at) = self.rest[end..].find('<') else { return Token::Text(self.take(self.rest.len())) };
            end += at;
            if opens(&self.rest.as_bytes()[end..]) {
                return Token::Text(self.take(end));
            }
            end += 1;
        }
    }

    /// `<!…` and `<?…`: a token, or nothing where it is skipped.
    fn declaration(&mut self) -> Option<Token<'a>> {
        if self.rest.starts_with("<![CDATA[") {
            return Some(self.literal());
        }
        if self.rest.starts_with("<!--") {
            let end = self.until("<!--".len(), "-->").map_or("<!--".len(), |end| end + "-->".len());
            self.take(end);
            return None;
        }
        if self.rest.starts_with("<?") {
            let end = self.until("<?".len(), ">").map_or("<?".len(), |end| end + 1);
            self.take(end);
            return None;
        }
        Some(self.doctype())
    }

    /// A CDATA section.
    fn literal(&mut self) -> Token<'a> {
        const MARK: usize = "<![CDATA[".len();
        let Some(end) = self.literal_end_from(MARK) else {
            // Never closed: what follows is read as markup, or it would be lost.
            self.take(MARK);
            return Token::Text("");
        };
        let inside = &self.rest[MARK..end];
        if let Some(next) = inside.find("<![CDATA[")
            && ["</item>", "</entry>", "<item>", "<entry>"].iter().any(|tag| inside[..next].contains(tag))
        {
            // The end belongs to a later entry's section; this one was never closed.
            self.broken = true;
            self.take(MARK);
            return Token::Text("");
        }
        let taken = self.take(end + "]]>".len());
        Token::Literal(&taken[MARK..end])
    }

    /// Where the next `]]>` begins, found once for all sections before it.
    fn literal_end_from(&mut self, from: usize) -> Option<usize> {
        let known = self.literal_end.and_then(|left| self.rest.len().checked_sub(left));
        let end = match known {
            Some(end) if end >= from => Some(end),
            _ => self.until(from, "]]>"),
        };
        self.literal_end = end.map(|end| self.rest.len() - end);
        end
    }

    /// A DOCTYPE; its internal subset has tags of its own inside brackets.
    fn doctype(&mut self) -> Token<'a> {
        let close = self.until(0, ">").map_or(self.rest.len(), |end| end + 1);
        let close = if self.rest[..close].contains('[') {
            self.until(0, "]>").map_or(close, |end| end + "]>".len())
        } else {
            close
        };
        Token::Doctype(self.take(close))
    }

    fn close(&mut self) -> Token<'a> {
        self.take("</".len());
        let name_end = name_length(self.rest);
        let name = self.take(name_end);
        let end = self.rest.find(['>', '<']).unwrap_or(self.rest.len());
        self.take(end);
        self.skip('>');
        Token::Close(name)
    }

    fn skip(&mut self, c: char) -> bool {
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// A start tag, or as much of it as there is.
    fn open(&mut self) -> Token<'a> {
        self.take(1);
        let name_end = name_length(self.rest);
        let name = self.take(name_end);
        let (mut attributes, mut closed) = (Vec::new(), false);
        loop {
            self.rest = self.rest.trim_ascii_start();
            match self.rest.as_bytes().first() {
                // A new tag starts inside this one: its `>` is missing.
                None | Some(b'<') => {
                    self.broken = true;
                    break;
                }
                Some(b'>') => {
                    self.skip('>');
                    break;
                }
                Some(b'/') => closed = self.skip('/'),
                Some(_) => {
                    let attribute = self.attribute();
                    closed = false;
                    if attributes.len() < ATTRIBUTES_MAX {
                        attributes.push(attribute);
                    }
                }
            }
        }
        Token::Open { name, attributes, closed }
    }

    /// `name`, `name=value` or `name="value"`.
    fn attribute(&mut self) -> (&'a str, &'a str) {
        let stop = |c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/' | '<');
        let name_end = self.rest.find(stop).unwrap_or(self.rest.len());
        let name = self.take(name_end);
        let after = self.rest.trim_ascii_start();
        let Some(value) = after.strip_prefix('=') else {
            return (name, "");
        };
        self.rest = value.trim_ascii_start();
        (name, self.value())
    }

    /// A value; a quote that is never closed is no quote.
    fn value(&mut self) -> &'a str {
        let quote = match self.rest.as_bytes().first() {
            Some(b'"') => "\"",
            Some(b'\'') => "'",
            _ => return self.bare(),
        };
        match self.until(1, quote) {
            Some(end) => &self.take(end + 1)[1..end],
            None => {
                self.take(1);
                self.bare()
            }
        }
    }

    /// A value without quotes, to the next blank or the tag's end.
    fn bare(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '<'));
        let value = self.take(end.unwrap_or(self.rest.len()));
        match value.strip_suffix('/').filter(|_| self.rest.starts_with('>')) {
            Some(value) => value,
            None => value,
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            if !opens(self.rest.as_bytes()) {
                return Some(self.text());
            }
            match self.rest.as_bytes().get(1) {
                Some(b'!' | b'?') => {
                    if let Some(token) = self.declaration() {
                        return Some(token);
                    }
                }
                Some(b'/') => return Some(self.close()),
                _ => return Some(self.open()),
            }
        }
    }
}

/// Whether a tag, comment or declaration starts here.
fn opens(bytes: &[u8]) -> bool {
    match bytes {
        [b'<', b'!', next, ..] => matches!(next, b'-' | b'[') || next.is_ascii_alphabetic(),
        [b'<', b'?', ..] => true,
        [b'<', b'/', next, ..] => name_starts(*next),
        [b'<', next, ..] => name_starts(*next),
        _ => false,
    }
}

fn name_starts(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':') || !byte.is_ascii()
}

fn name_length(rest: &str) -> usize {
    rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/' | '<' | '=' | '"' | '\''))
        .unwrap_or(rest.len())
}

/// Text of an HTML fragment: tags, comments, scripts and styles left out.
pub fn plain_text(html: &str) -> String {
    let entities = Entities::default();
    let mut text = String::new();
    let mut hidden = false;
    for token in Tokens::new(html) {
        match token {
            Token::Open { name, closed, .. } => {
                hidden |= !closed && is_hidden(name);
                text.push(' ');
            }
            Token::Close(name) => {
                hidden &= !is_hidden(name);
                text.push(' ');
            }
            Token::Text(part) | Token::Literal(part) if !hidden => text.push_str(&entities.decode(part)),
            _ => {}
        }
    }
    text
}

fn is_hidden(name: &str) -> bool {
    name.eq_ignore_ascii_case("script") || name.eq_ignore_ascii_case("style")
}
