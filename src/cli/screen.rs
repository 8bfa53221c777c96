//! Foreign text on its way to a terminal or a log.
//!
//! Invariant: no control character of foreign text gets there, and no invisible one
//! that makes one text look like another. JSON keeps its values: what could steer a
//! terminal is escaped in it.

use std::io::{self, Write};

/// On one line: control characters and line breaks are spaces, and characters that
/// nobody sees are left out.
pub fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // What breaks a line in a terminal or an editor (Unicode, annex 14).
            '\u{2028}' | '\u{2029}' => printable.push(' '),
            _ if c.is_control() => printable.push(' '),
            '\u{200c}' | '\u{200d}' if !printable.chars().next_back().is_some_and(joins) => {}
            _ if is_invisible(c) => {}
            _ => printable.push(c),
        }
    }
    printable
}

/// The same of a text of several lines, which stay so; tabs stay too.
fn printable_lines(text: &str) -> String {
    let cells = |line: &str| line.split('\t').map(printable).collect::<Vec<_>>().join("\t");
    text.split('\n').map(cells).collect::<Vec<_>>().join("\n")
}

/// Characters without a look of their own: marks that turn text round, spaces of no
/// width, fillers, tags. Variation selectors stay: they choose the look of a character.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// Whether a joiner (U+200D) or non-joiner (U+200C) after `c` shows. Persian is misspelt
/// without it (می‌خواهد), scripts of India and Mongolian form other letters, and emoji
/// fall apart. Between Latin or Cyrillic letters it does nothing but make a name differ
/// from another that looks the same.
fn joins(c: char) -> bool {
    matches!(c,
        '\u{600}'..='\u{8ff}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
        | '\u{900}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{1800}'..='\u{18af}'
        | '\u{2190}'..='\u{2bff}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}')
}

/// JSON with what could steer a terminal as escapes: the same values, in other letters.
/// The characters stand in strings alone, and the rest of those below U+0020 are
/// escaped already (RFC 8259, 7).
pub fn json_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                escaped += &format!("\\u{:04x}", u32::from(c));
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Stdout for texts that people read, whatever they are made of.
pub fn screen() -> Screen<io::StdoutLock<'static>> {
    Screen::of(io::stdout().lock())
}

/// Passes on whole lines, as far as they are printable.
pub struct Screen<W: Write> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> Screen<W> {
    pub fn of(out: W) -> Screen<W> {
        Screen { out, line: Vec::new() }
    }
}

impl<W: Write> Write for Screen<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n') else { return Ok(bytes.len()) };
        let lines: Vec<u8> = self.line.drain(..=end).collect();
        self.out.write_all(printable_lines(&String::from_utf8_lossy(&lines)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.line);
        self.out.write_all(printable_lines(&String::from_utf8_lossy(&rest)).as_bytes())?;
        self.out.flush()
    }
}

/// What is left of a line goes out too. Whoever wants to know of an error flushes.
impl<W: Write> Drop for Screen<W> {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

/// Writes to stderr what may hold foreign text.
pub fn complain(text: &str) {
    eprintln!("{}", printable_lines(text));
}

/// A log: what is written at once is one event, and goes out as one line, whole.
pub struct Log<W: Write>(pub W);

impl<W: Write> Write for Log<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_all(one_line(&String::from_utf8_lossy(event)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// `problem one; problem two`, with the colours that the log itself gives.
fn one_line(event: &str) -> String {
    let mut lines = event.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
    let first = lines.next().unwrap_or_default().to_owned();
    let lines = lines.map(str::trim).filter(|line| !line.is_empty());
    let line = lines.fold(first, |line, next| format!("{line}; {next}"));
    let mut pieces = line.split('\u{1b}');
    let mut shown = pieces.next().map(printable).unwrap_or_default();
    for piece in pieces {
        shown += if is_colour(piece) { "\u{1b}" } else { " " };
        shown += &printable(piece);
    }
    shown + "\n"
}

/// Whether `[1;31m` or the like follows an escape character (ECMA-48, 8.3.117).
fn is_colour(piece: &str) -> bool {
    let parameters =
        piece.strip_prefix('[').map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';'));
    parameters.is_some_and(|rest| rest.starts_with('m'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_left_out() {
        let table = [
            ("Temirov", "Temirov"),
            ("Te\u{200b}mi\u{200d}ro\u{200c}v\u{feff}", "Temirov"),
            ("Те\u{ad}ми\u{200c}ров", "Темиров"),
            ("\u{202e}voremiT\u{202c} \u{2066}x\u{2069}\u{200e}\u{200f}\u{61c}", "voremiT x"),
            ("Temirov\u{e0041}\u{e007f}\u{2060}\u{180e}", "Temirov"),
            ("a\u{1b}[2Jb\u{7}c\r\nd\te\u{9b}31m\u{7f}f\u{85}g\u{2028}h", "a [2Jb c  d e 31m f g h"),
            ("می\u{200c}خواهد", "می\u{200c}خواهد"),
            ("می\u{200c}\u{200c}خواهد", "می\u{200c}خواهد"),
            ("क्\u{200d}ष", "क्\u{200d}ष"),
            ("👩\u{200d}🚀 ❤\u{fe0f}\u{200d}🔥", "👩\u{200d}🚀 ❤\u{fe0f}\u{200d}🔥"),
            ("ёлка, café, o\u{308}", "ёлка, café, o\u{308}"),
        ];
        for (text, expected) in table {
            assert_eq!(printable(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_screen_shows_lines_and_nothing_that_steers_it() {
        let mut shown = Vec::new();
        let mut screen = Screen::of(&mut shown);
        for piece in ["Тем", "иров\u{1b}[2J\tis\nheard\u{202e}", " today\r\nrest"] {
            let (head, tail) = piece.as_bytes().split_at(1);
            screen.write_all(head).and_then(|()| screen.write_all(tail)).expect("memory");
        }
        drop(screen);
        assert_eq!(String::from_utf8_lossy(&shown), "Темиров [2J\tis\nheard today \nrest");
    }

    #[test]
    fn an_event_is_one_line() {
        let table = [
            ("INFO page opened\n", "INFO page opened\n"),
            (
                "ERROR not reloaded: c.toml:1:1: no\nc.toml:2:1: neither\n",
                "ERROR not reloaded: c.toml:1:1: no; c.toml:2:1: neither\n",
            ),
            ("ERROR no\r\n\r\n   ^ here\u{2028}INFO forged\n", "ERROR no; ^ here; INFO forged\n"),
            (
                "\u{1b}[31mERROR\u{1b}[0m \u{1b}[2Jx\u{1b}]0;t\u{7}\n",
                "\u{1b}[31mERROR\u{1b}[0m  [2Jx ]0;t \n",
            ),
            ("  padded\u{202e}", "  padded\n"),
        ];
        for (event, expected) in table {
            assert_eq!(one_line(event), expected, "{event:?}");
        }
    }

    #[test]
    fn json_keeps_its_values() {
        let text = "Temirov\u{1b}\u{7f}\u{9b}31m\u{202e}\u{2028} \u{e9} \"quoted\"\u{200b}";
        let shown = json_text(&serde_json::to_string(text).expect("a text"));
        assert!(!shown.chars().any(|c| c.is_control() || c == '\u{202e}'), "{shown:?}");
        assert_eq!(serde_json::from_str::<String>(&shown).expect("JSON"), text);
    }
}
