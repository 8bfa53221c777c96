//! TOML that does not parse: every mistake, and what can be read all the same.
//!
//! Invariant: what is blanked out keeps its length, so places in the mended text
//! are places in the file.

use std::ops::Range;
use toml::de::{DeTable, Error};

/// A text that parses as far as it can, and what was wrong with it.
pub struct Mended {
    pub text: String,
    /// Where, and what.
    pub errors: Vec<(usize, String)>,
    /// Sections whose body was blanked: what is missing there is not missing.
    pub damaged: Vec<Range<usize>>,
}

/// Reads each section (a header and what follows it) by itself, so that one
/// mistake does not hide the next section, then blanks the damaged ones.
pub fn mend(text: &str) -> Mended {
    let mut mended = Mended { text: text.into(), errors: Vec::new(), damaged: Vec::new() };
    if DeTable::parse(text).is_ok() {
        return mended;
    }
    for section in sections(text) {
        let errors = mistakes(&text[section.clone()]);
        if !errors.is_empty() {
            mended.errors.extend(errors.into_iter().map(|(at, message)| (section.start + at, message)));
            let header = text[section.clone()].find('\n').unwrap_or(section.len());
            let has_header = text[section.clone()].starts_with('[');
            blank(&mut mended.text, section.start + if has_header { header } else { 0 }..section.end);
            mended.damaged.push(section);
        }
    }
    // Headers that do not parse, tables defined twice.
    let (_, rest) = DeTable::parse_recoverable(&mended.text);
    mended.errors.extend(rest.iter().map(place));
    mended
}

/// From one line that starts with `[` to the next.
fn sections(text: &str) -> Vec<Range<usize>> {
    let starts = text.match_indices('\n').map(|(at, _)| at + 1).filter(|at| text[*at..].starts_with('['));
    let mut bounds: Vec<usize> = std::iter::once(0).chain(starts).chain([text.len()]).collect();
    bounds.dedup();
    bounds.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

/// The mistakes of one section: a line that has one is blanked, the rest read
/// again, unless the mistake runs on over the lines after it.
fn mistakes(section: &str) -> Vec<(usize, String)> {
    let (mut text, mut mistakes) = (section.to_owned(), Vec::new());
    for _ in section.lines() {
        let Err(error) = DeTable::parse(&text) else { break };
        let (at, message) = place(&error);
        let runs_on = ["array", "table", "multi-line"].iter().any(|word| message.contains(word));
        mistakes.push((at, message));
        if runs_on {
            break;
        }
        let start = line_start(&text, at);
        let end = text.as_bytes()[start..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(text.len(), |end| start + end);
        if text[start..end].trim().is_empty() {
            break;
        }
        blank(&mut text, start..end);
    }
    mistakes
}

fn place(error: &Error) -> (usize, String) {
    let plain = match error.message() {
        message if UNQUOTED.iter().any(|start| message.starts_with(start)) => {
            "a string needs quotes round it"
        }
        message if message.starts_with("invalid basic string, expected `\"`") => UNCLOSED,
        message if message.starts_with("invalid literal string") => UNCLOSED,
        message => message,
    };
    (error.span().map_or(0, |span| span.start), format!("not TOML: {plain}"))
}

/// How the parser begins where a string has no quotes, by what it took it for.
const UNQUOTED: [&str; 4] = [
    "string values must be quoted",
    "invalid boolean",
    "invalid float, expected nothing",
    "missing opening quote",
];

const UNCLOSED: &str = "the string has no closing quote on its line";

/// The first byte of the line that byte `at` stands on.
pub fn line_start(text: &str, at: usize) -> usize {
    let before = &text.as_bytes()[..at.min(text.len())];
    before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1)
}

fn blank(text: &mut String, range: Range<usize>) {
    let blanks: String =
        text[range.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    text.replace_range(range, &blanks);
}
