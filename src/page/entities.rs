//! HTML's character references.
//!
//! Invariant: linear in the input; what is no reference stays as it is.

use web_atoms::NAMED_ENTITIES;

/// Decodes HTML's character references, the windows-1252 numbers among them
/// (HTML, "Numeric character reference end state"); what is none stays as it is.
pub fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        // Of several in a row only the last can begin a reference.
        let at = at + rest[at + 1..].bytes().take_while(|byte| *byte == b'&').count();
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
