//! Other people's text made fit for a mail: cleaned, cut, quoted with its
//! marks, wrapped.
//!
//! Invariant: what comes out is one line without controls, direction overrides
//! or invisible characters, and never longer than asked. Nothing here escapes
//! for HTML: the template does.

use std::ops::Range;

/// Characters of a sentence kept before the first mark.
const BEFORE_CHARS_MAX: usize = 180;
/// Characters of a sentence kept after the first mark.
const AFTER_CHARS_MAX: usize = 240;

/// A stretch of a quoted sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    /// It is a term that was found.
    pub marked: bool,
}

/// `text` as one clean line of at most `chars_max` characters.
pub fn line(text: &str, chars_max: usize) -> String {
    let pieces = clean(text.chars().map(|c| (c, false)), chars_max);
    pieces.into_iter().map(|piece| piece.text).collect()
}

/// `text` as one clean line with the characters in `marks` set apart.
pub fn marked_line(text: &str, marks: &[Range<usize>], chars_max: usize) -> Vec<Piece> {
    clean(flagged(text, 0..text.len(), marks), chars_max)
}

/// The sentence round the first of `marks` that fits `text`, every mark in it
/// set apart; the beginning of the text where none fits.
pub fn quote(text: &str, marks: &[Range<usize>]) -> Vec<Piece> {
    let first = marks.iter().find(|mark| fits(text, mark)).cloned();
    let sentence = sentence(text, first.unwrap_or(0..0));
    let mut pieces = clean(flagged(text, sentence.range, marks), BEFORE_CHARS_MAX + 2 * AFTER_CHARS_MAX);
    if sentence.cut_before {
        pieces.insert(0, Piece { text: "… ".into(), marked: false });
    }
    if sentence.cut_after {
        pieces.push(Piece { text: " …".into(), marked: false });
    }
    pieces
}

/// The sentences of `text`, in order, without the white space between them.
pub fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = next_sentence(text);
        rest = end.map(|end| &text[end..]);
        Some(text[..end.unwrap_or(text.len())].trim())
    })
}

/// Where the second sentence of `text` begins, if there is one.
fn next_sentence(text: &str) -> Option<usize> {
    let mut preceding_is_space = false;
    text.char_indices().find_map(|(at, c)| {
        let begins = preceding_is_space && !c.is_whitespace() && begins_sentence(text, at);
        preceding_is_space = c.is_whitespace();
        begins.then_some(at)
    })
}

/// Whether `mark` is a stretch of `text` that can be cut out.
fn fits(text: &str, mark: &Range<usize>) -> bool {
    text.get(mark.clone()).is_some_and(|marked| !marked.is_empty())
}

/// The characters of `range`, each with whether a mark covers it.
fn flagged<'a>(
    text: &'a str,
    range: Range<usize>,
    marks: &'a [Range<usize>],
) -> impl Iterator<Item = (char, bool)> + 'a {
    let start = range.start;
    let stretch = text.get(range).unwrap_or_default();
    stretch.char_indices().map(move |(at, c)| (c, marks.iter().any(|mark| mark.contains(&(start + at)))))
}

/// Drops what is invisible, turns breaks into single spaces, cuts with an ellipsis.
fn clean(chars: impl Iterator<Item = (char, bool)>, chars_max: usize) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let (mut count, mut space_owed) = (0, false);
    for (c, marked) in chars.filter(|(c, _)| !is_hidden(*c)) {
        if c.is_whitespace() || c.is_control() {
            space_owed = count > 0;
            continue;
        }
        if count + usize::from(space_owed) >= chars_max {
            push(&mut pieces, '…', false);
            return pieces;
        }
        if std::mem::take(&mut space_owed) {
            let within = marked && pieces.last().is_some_and(|piece| piece.marked);
            push(&mut pieces, ' ', within);
            count += 1;
        }
        push(&mut pieces, c, marked);
        count += 1;
    }
    pieces
}

fn push(pieces: &mut Vec<Piece>, c: char, marked: bool) {
    match pieces.last_mut() {
        Some(last) if last.marked == marked => last.text.push(c),
        _ => pieces.push(Piece { text: c.into(), marked }),
    }
}

/// Characters that reorder, hide or tag what stands round them (Unicode TR 36,
/// 2.5). The joiners of Persian and emoji (U+200C, U+200D) stay.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{FFFE}' | '\u{FFFF}' | '\u{E0000}'..='\u{E0FFF}')
}

struct Sentence {
    range: Range<usize>,
    cut_before: bool,
    cut_after: bool,
}

/// The sentence that holds `span`, which falls on character boundaries.
fn sentence(text: &str, span: Range<usize>) -> Sentence {
    let (start, cut_before) = sentence_start(text, span.start);
    let (end, cut_after) = sentence_end(text, span.end);
    Sentence { range: start..end, cut_before, cut_after }
}

fn sentence_start(text: &str, from: usize) -> (usize, bool) {
    let mut word = from;
    let mut following = None;
    for (seen, (at, c)) in text[..from].char_indices().rev().enumerate() {
        let after = at + c.len_utf8();
        if c.is_whitespace() && following.is_none_or(|c: char| !c.is_whitespace()) {
            if begins_sentence(text, after) {
                return (after, false);
            }
            word = after;
        }
        if seen >= BEFORE_CHARS_MAX {
            return (word, true);
        }
        following = Some(c);
    }
    (0, false)
}

fn sentence_end(text: &str, from: usize) -> (usize, bool) {
    let mut word = from;
    let mut preceding_is_space = false;
    for (seen, (offset, c)) in text[from..].char_indices().enumerate() {
        let at = from + offset;
        if preceding_is_space && !c.is_whitespace() && begins_sentence(text, at) {
            return (at, false);
        }
        if c.is_whitespace() && !preceding_is_space {
            word = at;
        }
        if seen >= AFTER_CHARS_MAX {
            return (if word > from { word } else { at }, true);
        }
        preceding_is_space = c.is_whitespace();
    }
    (text.len(), false)
}

/// Whether a sentence begins at `at`, which follows white space: a paragraph
/// ended, or a sentence did that is not an initial or a short abbreviation.
fn begins_sentence(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end();
    if text[before.len()..at].contains('\n') {
        return true;
    }
    let stop = before.trim_end_matches(['"', '»', '”', '’', ')']);
    let next_is_lower = text[at..].chars().next().is_some_and(char::is_lowercase);
    match stop.chars().next_back() {
        Some('!' | '?' | '…' | '。') => !next_is_lower,
        Some('.') => {
            let word = stop.trim_end_matches('.').chars().rev().take_while(|c| c.is_alphanumeric());
            !next_is_lower && word.take(3).count() == 3
        }
        _ => false,
    }
}

/// Breaks lines at spaces so that none has more than `columns` characters where
/// a space allows it; what follows is indented like its line. Commands stay
/// whole, to be copied. Of several empty lines one stays.
pub fn wrap(text: &str, columns: usize) -> String {
    let mut wrapped = String::with_capacity(text.len() + text.len() / 16);
    for line in text.lines().map(str::trim_end) {
        let is_command = line.trim_start().starts_with("newswatch ");
        if is_command {
            wrapped.push_str(line);
            wrapped.push('\n');
        } else if !line.is_empty() || !wrapped.ends_with("\n\n") {
            wrap_line(line, columns, &mut wrapped);
        }
    }
    wrapped
}

fn wrap_line(line: &str, columns: usize, wrapped: &mut String) {
    let spaces = line.len() - line.trim_start_matches(' ').len();
    let indent = if line[spaces..].starts_with("* ") { spaces + 2 } else { spaces };
    let (margin, body) = line.split_at(indent);
    wrapped.push_str(margin);
    let mut column = indent;
    for word in body.split(' ') {
        let width = word.chars().count();
        if column > indent && column + 1 + width > columns {
            wrapped.push('\n');
            wrapped.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if column > indent {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += width;
    }
    wrapped.push('\n');
}

/// Octets `text` takes in a mail, line ends included: the shorter of base64 and
/// quoted-printable (RFC 2045, 6.7 and 6.8), the latter as an upper bound.
pub fn encoded_len(text: &str) -> usize {
    let line_ends = text.bytes().filter(|byte| *byte == b'\n').count();
    let octets = text.len() + line_ends;
    let base64 = octets.div_ceil(3) * 4;
    let quoted: usize = text.split('\n').map(quoted_line_len).sum();
    (base64 + base64.div_ceil(76) * 2).min(quoted)
}

fn quoted_line_len(line: &str) -> usize {
    let octets: usize =
        line.bytes().map(|byte| if matches!(byte, b' '..=b'<' | b'>'..=b'~') { 1 } else { 3 }).sum();
    octets + octets / 73 * 3 + 4
}

#[cfg(test)]
#[path = "prose_tests.rs"]
mod tests;
