//! HTML fragment to plain text by one pass over the string.
//!
//! Invariant: linear in the input, whatever the input; no tree is built, so
//! nesting costs nothing. A tag that is not closed is text, never a loss.

use web_atoms::NAMED_ENTITIES;

/// Elements whose content nobody reads as text.
const SILENT: [&str; 9] =
    ["script", "style", "template", "noscript", "svg", "iframe", "object", "textarea", "select"];

/// Elements that stand within a line; every other element breaks it.
const INLINE: [&str; 43] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font",
    "i", "img", "ins", "kbd", "label", "mark", "meter", "nobr", "o:p", "output", "picture", "q", "rb", "rp",
    "rt", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var",
    "wbr",
];

/// Visible text of an HTML fragment: entities decoded, scripts and styles
/// gone, one block element a line.
///
/// Text without any tag keeps its own lines; markup that was escaped once too
/// often (`&lt;p&gt;Temirov&lt;/p&gt;`) is read as markup.
pub fn text_of(html: &str) -> String {
    if html.contains('<') {
        return stripped(html);
    }
    let text = entities_decoded(html);
    if looks_like_markup(&text) {
        return stripped(&text);
    }
    let mut lines = Lines::with_capacity(text.len());
    for line in text.lines() {
        lines.push(line);
        lines.end();
    }
    lines.text
}

/// The same on one line, for titles and names.
pub fn line_of(html: &str) -> String {
    let text = text_of(html);
    if text.contains('\n') { text.replace('\n', " ") } else { text }
}

fn looks_like_markup(text: &str) -> bool {
    text.contains("</") || text.contains("/>") || text.contains("<p>") || text.contains("<br>")
}

fn stripped(html: &str) -> String {
    let mut scan = Scan { html, at: 0, plain_ends: false, absent: [false; ENDS.len()] };
    let mut lines = Lines::with_capacity(html.len() / 2);
    while let Some(piece) = scan.next() {
        match piece {
            Piece::Text(text) if text.contains('&') => lines.push(&entities_decoded(text)),
            Piece::Text(text) => lines.push(text),
            Piece::Tag { name, closing } => {
                if matches(name, "td") || matches(name, "th") {
                    lines.space();
                } else if !INLINE.iter().any(|inline| matches(name, inline)) {
                    lines.end();
                }
                if !closing && let Some(silent) = SILENT.iter().find(|silent| matches(name, silent)) {
                    scan.skip_element(silent);
                }
            }
        }
    }
    lines.end();
    lines.text
}

fn matches(name: &str, wanted: &str) -> bool {
    name.eq_ignore_ascii_case(wanted)
}

enum Piece<'a> {
    Text(&'a str),
    Tag { name: &'a str, closing: bool },
}

struct Scan<'a> {
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

impl<'a> Scan<'a> {
    fn next(&mut self) -> Option<Piece<'a>> {
        let rest = self.html.get(self.at..).filter(|rest| !rest.is_empty())?;
        let Some(after) = rest.strip_prefix('<') else {
            let end = rest.find('<').unwrap_or(rest.len());
            self.at += end;
            return Some(Piece::Text(&rest[..end]));
        };
        if let Some(piece) = self.declaration(after) {
            return Some(piece);
        }
        let closing = after.starts_with('/');
        let name_and_rest = after.strip_prefix('/').unwrap_or(after);
        let name_len = name_and_rest
            .find(|c: char| c.is_whitespace() || matches!(c, '>' | '/' | '<'))
            .unwrap_or(name_and_rest.len());
        let starts_a_name = name_and_rest.starts_with(|c: char| c.is_ascii_alphabetic());
        match self.tag_end(after).filter(|_| starts_a_name) {
            Some(len) => {
                self.at += 1 + len;
                Some(Piece::Tag { name: &name_and_rest[..name_len], closing })
            }
            None => {
                self.at += 1;
                Some(Piece::Text("<"))
            }
        }
    }

    /// Comments, CDATA (whose text counts), doctypes and processing instructions.
    fn declaration(&mut self, after: &'a str) -> Option<Piece<'a>> {
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
        Some(Piece::Text(text))
    }

    /// Bytes of `after` up to and with the `>` that ends its tag.
    fn tag_end(&mut self, after: &str) -> Option<usize> {
        if !self.plain_ends {
            let mut quote = None;
            let mut previous = b' ';
            for (at, &byte) in after.as_bytes().iter().enumerate() {
                match (quote, byte) {
                    (None, b'>') => return Some(at + 1),
                    (None, b'"' | b'\'') if matches!(previous, b'=' | b' ') => quote = Some(byte),
                    (Some(open), _) if open == byte => quote = None,
                    _ => {}
                }
                previous = byte;
            }
            self.plain_ends = true;
        }
        self.find(TAG, after).map(|end| end + 1)
    }

    fn find(&mut self, end: usize, rest: &str) -> Option<usize> {
        let found = if self.absent[end] { None } else { rest.find(ENDS[end]) };
        self.absent[end] = found.is_none();
        found
    }

    /// Goes to the end tag of `name`, or past everything when there is none.
    fn skip_element(&mut self, name: &str) {
        let rest = &self.html[self.at..];
        let end = rest.match_indices("</").find(|(at, _)| {
            rest.as_bytes()
                .get(at + 2..at + 2 + name.len())
                .is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
        });
        self.at += end.map_or(rest.len(), |(at, _)| at);
    }
}

/// Lines with single spaces between words and no empty line.
struct Lines {
    text: String,
    space_owed: bool,
    break_owed: bool,
}

impl Lines {
    fn with_capacity(bytes: usize) -> Lines {
        Lines { text: String::with_capacity(bytes), space_owed: false, break_owed: false }
    }

    fn push(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let word_len = rest.find(is_gap).unwrap_or(rest.len());
            if word_len > 0 {
                self.word(&rest[..word_len]);
            }
            rest = &rest[word_len..];
            let gap_len = rest.find(|c| !is_gap(c)).unwrap_or(rest.len());
            self.space_owed |= gap_len > 0;
            rest = &rest[gap_len..];
        }
    }

    fn word(&mut self, word: &str) {
        if !self.text.is_empty() {
            if self.break_owed {
                self.text.push('\n');
            } else if self.space_owed {
                self.text.push(' ');
            }
        }
        (self.space_owed, self.break_owed) = (false, false);
        self.text.push_str(word);
    }

    fn space(&mut self) {
        self.space_owed = true;
    }

    fn end(&mut self) {
        self.break_owed = true;
    }
}

/// Control characters separate words too: none of them may reach a mail header
/// or a terminal.
fn is_gap(c: char) -> bool {
    c.is_whitespace() || c.is_control() || c == '\u{feff}'
}

/// Decodes HTML's character references, the windows-1252 numbers among them
/// (HTML, "Numeric character reference end state"); what is none stays as it is.
pub fn entities_decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let len = match after.strip_prefix('#') {
            Some(digits) => numeric(digits, &mut out).map(|len| len + 1),
            None => named(after, &mut out),
        };
        if len.is_none() {
            out.push('&');
        }
        rest = &after[len.unwrap_or(0)..];
    }
    out.push_str(rest);
    out
}

/// Bytes taken of `after` (what follows `&#`), or nothing.
fn numeric(after: &str, out: &mut String) -> Option<usize> {
    let hex = after.strip_prefix(['x', 'X']);
    let digits = hex.unwrap_or(after);
    let radix = if hex.is_some() { 16 } else { 10 };
    let len = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    if len == 0 {
        return None;
    }
    let number = u32::from_str_radix(&digits[..len], radix).unwrap_or(u32::MAX);
    out.push(character(number));
    let semicolon = digits[len..].starts_with(';');
    Some(after.len() - digits.len() + len + usize::from(semicolon))
}

fn character(number: u32) -> char {
    match number {
        0x80..=0x9f => {
            let byte = [u8::try_from(number).unwrap_or(b'?')];
            let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&byte);
            text.chars().next().unwrap_or('\u{fffd}')
        }
        0 => '\u{fffd}',
        _ => char::from_u32(number).unwrap_or('\u{fffd}'),
    }
}

/// Bytes taken of `after` (what follows `&`): the longest known name, with its
/// semicolon or, for the old names, without.
fn named(after: &str, out: &mut String) -> Option<usize> {
    const NAME_BYTES_MAX: usize = 33;
    let bytes = after.as_bytes();
    let name_len = bytes.iter().take(NAME_BYTES_MAX).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let full_len = name_len + usize::from(bytes.get(name_len) == Some(&b';'));
    for len in (2..=full_len).rev() {
        let Some(&(first, second)) = NAMED_ENTITIES.get(&after[..len]) else { continue };
        if first == 0 {
            continue;
        }
        out.extend(char::from_u32(first));
        out.extend(char::from_u32(second).filter(|&c| c != '\0'));
        return Some(len);
    }
    None
}
