//! HTML fragment to plain text by one pass over the string.
//!
//! Invariant: linear in the input, whatever the input; no tree is built, so
//! nesting costs nothing. A tag that is not closed is text, never a loss.

use crate::page::entities::decoded;
use crate::page::tokens::{Token, Tokens};

/// Elements whose content nobody reads as text.
const SILENT: [&str; 9] =
    ["script", "style", "template", "noscript", "svg", "iframe", "object", "textarea", "select"];

/// Elements that stand within a line; every other element breaks it.
const INLINE: &str = "a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark meter nobr \
    o:p output picture q rb rp rt ruby s samp small span strike strong sub sup time tt u var wbr";

/// Visible text of an HTML fragment: entities decoded, scripts and styles
/// gone, one block element a line.
///
/// Text without any tag keeps its own lines; markup that was escaped once too
/// often (`&lt;p&gt;Temirov&lt;/p&gt;`) is read as markup.
pub fn text_of(html: &str) -> String {
    if html.contains('<') {
        return stripped(html);
    }
    let text = decoded(html);
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
    let mut tokens = Tokens::of(html);
    let mut lines = Lines::with_capacity(html.len() / 2);
    while let Some(token) = tokens.next() {
        match token {
            Token::Text(text) if text.contains('&') => lines.push(&decoded(text)),
            Token::Text(text) => lines.push(text),
            Token::Start { name, .. } => {
                lines.tag(name);
                if let Some(silent) = SILENT.iter().find(|silent| name.eq_ignore_ascii_case(silent)) {
                    tokens.skip_element(silent);
                }
            }
            Token::End { name } => lines.tag(name),
        }
    }
    lines.end();
    lines.text
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

    fn tag(&mut self, name: &str) {
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        if is("td") || is("th") {
            self.space_owed = true;
        } else if !INLINE.split(' ').any(is) {
            self.end();
        }
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
