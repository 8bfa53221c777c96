//! Character references as HTML reads them, lenient.
//!
//! Names come from the HTML standard's table; numbers 128 to 159 mean
//! windows-1252, as every browser takes them; what is no reference stays as it
//! is, so a bare `&` loses nothing.

use std::borrow::Cow;
use web_atoms::NAMED_ENTITIES;

/// Longest reference looked at, in bytes: the longest HTML name has 33.
const REFERENCE_BYTES_MAX: usize = 40;
/// Longest value a document may give an entity of its own, in bytes.
const OWN_VALUE_BYTES_MAX: usize = 1024;
/// Number of entities a document may declare.
const OWN_ENTITIES_MAX: usize = 256;

/// Entities declared by the document itself (`<!ENTITY name "value">`).
///
/// Only plain text is taken: a value with a reference in it is not expanded
/// again, which rules out expansion bombs, and nothing external is ever read.
#[derive(Debug, Clone, Default)]
pub struct Entities<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Entities<'a> {
    /// Reads the declarations of a DOCTYPE.
    pub fn declare(&mut self, doctype: &'a str) {
        for declaration in doctype.split("<!ENTITY").skip(1).take(OWN_ENTITIES_MAX) {
            let declaration = declaration.trim_start();
            let Some((name, rest)) = declaration.split_once(char::is_whitespace) else { continue };
            let rest = rest.trim_start();
            let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else { continue };
            let value = rest[1..].split(quote).next().unwrap_or_default();
            if value.len() <= OWN_VALUE_BYTES_MAX && !name.is_empty() && !name.starts_with('%') {
                self.0.push((name, value));
            }
        }
    }

    /// Replaces every reference in `text`, once.
    pub fn decode<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(first) = text.find('&') else { return Cow::Borrowed(text) };
        let mut decoded = String::with_capacity(text.len());
        decoded.push_str(&text[..first]);
        let mut rest = &text[first..];
        while let Some(after) = rest.strip_prefix('&') {
            let taken = self.reference(after, &mut decoded);
            if taken == 0 {
                decoded.push('&');
            }
            rest = &after[taken..];
            let next = rest.find('&').unwrap_or(rest.len());
            decoded.push_str(&rest[..next]);
            rest = &rest[next..];
        }
        Cow::Owned(decoded)
    }

    /// Decodes what follows a `&` and returns its length, 0 when it is no reference.
    fn reference(&self, after: &str, decoded: &mut String) -> usize {
        if let Some(number) = after.strip_prefix('#') {
            return numeric(number, decoded).map_or(0, |length| length + 1);
        }
        let window = &after.as_bytes()[..after.len().min(REFERENCE_BYTES_MAX)];
        let end = window
            .iter()
            .position(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'-' | b'.'));
        let name = &after[..end.unwrap_or(window.len()).min(ascii_length(window))];
        if after[name.len()..].starts_with(';') {
            if let Some((_, value)) = self.0.iter().find(|(own, _)| *own == name) {
                decoded.push_str(&Entities::default().decode(value));
                return name.len() + 1;
            }
            let whole = &after[..=name.len()];
            return if named(whole, decoded) { whole.len() } else { 0 };
        }
        // Without a semicolon only the old names count, and never inside a URL's query.
        let in_url = after[name.len()..].starts_with('=');
        if !name.is_empty() && !in_url && named(name, decoded) { name.len() } else { 0 }
    }
}

fn ascii_length(window: &[u8]) -> usize {
    window.iter().position(|byte| !byte.is_ascii()).unwrap_or(window.len())
}

fn named(name: &str, decoded: &mut String) -> bool {
    // (0, 0) stands for the mere beginning of a name.
    let Some((first, second)) = NAMED_ENTITIES.get(name).filter(|points| points.0 != 0) else { return false };
    decoded.extend(char::from_u32(*first));
    decoded.extend(char::from_u32(*second).filter(|c| *c != '\0'));
    true
}

fn numeric(after: &str, decoded: &mut String) -> Option<usize> {
    let (prefix, digits, radix) = match after.strip_prefix(['x', 'X']) {
        Some(digits) => (1, digits, 16),
        None => (0, after, 10),
    };
    let length = digits.bytes().take_while(|byte| char::from(*byte).is_digit(radix)).count();
    if length == 0 {
        return None;
    }
    let point = u32::from_str_radix(&digits[..length], radix).unwrap_or(u32::MAX);
    decoded.extend(character(point));
    let semicolon = usize::from(digits[length..].starts_with(';'));
    Some(prefix + length + semicolon)
}

/// The character a number stands for; nothing for controls.
fn character(point: u32) -> Option<char> {
    match point {
        0x80..=0x9F => {
            let byte = [u8::try_from(point).ok()?];
            encoding_rs::WINDOWS_1252.decode_without_bom_handling(&byte).0.chars().next()
        }
        9 | 10 | 13 => char::from_u32(point),
        0..=0x1F => None,
        _ => Some(char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER)),
    }
}
