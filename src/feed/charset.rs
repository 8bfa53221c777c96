//! Bytes to one string, whatever the labels say.
//!
//! Order of belief: byte order mark, pattern of NUL bytes, valid UTF-8 with
//! letters beyond ASCII, HTTP header, the document's own declaration, and last
//! a guess from the bytes. A label is believed only when the bytes decode under
//! it without an error; one stray byte never turns a whole UTF-8 page to noise.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    Encoding, IBM866, ISO_2022_JP, ISO_8859_5, KOI8_R, KOI8_U, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1251,
    WINDOWS_1252,
};
use std::borrow::Cow;

/// Where a document may declare its own charset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `<?xml encoding="…"?>` at the start.
    Xml,
    /// `<meta charset>` or `http-equiv` near the start, or an XML declaration.
    Html,
}

/// Decoded text and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The text without byte order mark and without characters XML forbids.
    pub text: Cow<'a, str>,
    /// WHATWG name of the charset used.
    pub charset: &'static str,
    /// What was wrong: a label that lied, bytes that did not decode.
    pub fault: Option<String>,
}

/// How far into a document its own declaration may stand (HTML says 1,024).
const DECLARATION_BYTES_MAX: usize = 4096;
/// Bytes shown to the charset guesser; more changes no answer and costs time.
const GUESS_BYTES_MAX: usize = 64 * 1024;

/// Words in letters beyond ASCII that make the label `ISO-8859-1` doubtful.
const CYRILLIC_RUNS_MIN: usize = 3;
const CYRILLIC: [&Encoding; 5] = [WINDOWS_1251, KOI8_U, KOI8_R, ISO_8859_5, IBM866];

/// Decodes `bytes` that came with the HTTP header `content_type`.
pub fn decode<'a>(bytes: &'a [u8], content_type: Option<&str>, kind: Kind) -> Decoded<'a> {
    let mut decoded = choose(bytes, content_type, kind);
    decoded.text = clean(decoded.text);
    decoded
}

fn choose<'a>(bytes: &'a [u8], content_type: Option<&str>, kind: Kind) -> Decoded<'a> {
    if let Some(decoded) = marked(bytes) {
        return decoded;
    }
    let head = &bytes[..bytes.len().min(DECLARATION_BYTES_MAX)];
    let labels = labels(head, content_type, kind);
    // ISO-2022-JP is ASCII with escapes, so it passes for UTF-8: there the label decides.
    let escaped = labels.contains(&ISO_2022_JP) && bytes.contains(&0x1B);
    if let Ok(text) = std::str::from_utf8(bytes)
        && !escaped
    {
        return Decoded { text: Cow::Borrowed(text), charset: UTF_8.name(), fault: None };
    }
    for charset in &labels {
        if *charset == WINDOWS_1252
            && runs_of_letters(bytes) >= CYRILLIC_RUNS_MIN
            && CYRILLIC.contains(&guessed(bytes))
        {
            // The label of servers that know nothing, over words no Latin script has.
            break;
        }
        if let Some(text) = charset.decode_without_bom_handling_and_without_replacement(bytes) {
            return Decoded { text, charset: charset.name(), fault: None };
        }
    }
    guess(bytes, &labels)
}

/// Byte order marks and the NUL patterns of UTF-16 and UTF-32.
fn marked(bytes: &[u8]) -> Option<Decoded<'_>> {
    let wide = |text: String, charset| Some(Decoded { text: Cow::Owned(text), charset, fault: None });
    match bytes {
        [0xFF, 0xFE, 0, 0, rest @ ..] => wide(utf32(rest, u32::from_le_bytes), "UTF-32LE"),
        [0, 0, 0xFE, 0xFF, rest @ ..] => wide(utf32(rest, u32::from_be_bytes), "UTF-32BE"),
        [first, 0, 0, 0, ..] if *first != 0 => wide(utf32(bytes, u32::from_le_bytes), "UTF-32LE"),
        [0, 0, 0, last, ..] if *last != 0 => wide(utf32(bytes, u32::from_be_bytes), "UTF-32BE"),
        [0xFF, 0xFE, rest @ ..] => Some(lossy(rest, UTF_16LE)),
        [0xFE, 0xFF, rest @ ..] => Some(lossy(rest, UTF_16BE)),
        [first, 0, third, 0, ..] if *first != 0 && *third != 0 => Some(lossy(bytes, UTF_16LE)),
        [0, second, 0, fourth, ..] if *second != 0 && *fourth != 0 => Some(lossy(bytes, UTF_16BE)),
        [0xEF, 0xBB, 0xBF, rest @ ..] if mostly_utf8(rest) => Some(lossy(rest, UTF_8)),
        _ => None,
    }
}

fn lossy<'a>(bytes: &'a [u8], charset: &'static Encoding) -> Decoded<'a> {
    let (text, broken) = charset.decode_without_bom_handling(bytes);
    let fault = broken.then(|| format!("some bytes are not {}", charset.name()));
    Decoded { text, charset: charset.name(), fault }
}

fn utf32(bytes: &[u8], unit: fn([u8; 4]) -> u32) -> String {
    let points = bytes.as_chunks::<4>().0.iter().map(|chunk| unit(*chunk));
    points.map(|point| char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Charsets claimed for the bytes, the more trustworthy first.
///
/// Many servers say Latin-1 for everything they send, so that claim yields to
/// the document's own. UTF-16 was ruled out by the bytes before we come here.
fn labels(head: &[u8], content_type: Option<&str>, kind: Kind) -> Vec<&'static Encoding> {
    let header = content_type.and_then(header_label).and_then(|label| named(label.as_bytes()));
    let own = declared(head, kind).and_then(named);
    let mut labels: Vec<_> = match (header, own) {
        (Some(header), Some(own)) if header == WINDOWS_1252 => vec![own, header],
        (header, own) => header.into_iter().chain(own).collect(),
    };
    labels.retain(|label| *label != UTF_16LE && *label != UTF_16BE);
    labels
}

/// The `charset` parameter of a Content-Type.
fn header_label(content_type: &str) -> Option<&str> {
    let lower = content_type.to_ascii_lowercase();
    let start = lower.find("charset")?.checked_add("charset".len())?;
    let value = content_type.get(start..)?.trim_start().strip_prefix('=')?.trim_start();
    let value = value.trim_start_matches(['"', '\'']);
    Some(value.split(['"', '\'', ';', ',', ' ']).next().unwrap_or(value))
}

/// The charset a document declares in its own head.
fn declared(head: &[u8], kind: Kind) -> Option<&[u8]> {
    let own = find(head, b"<?xml").and_then(|at| {
        let end = find(&head[at..], b">").map_or(head.len(), |length| at + length);
        attribute(&head[at..end], b"encoding")
    });
    if own.is_some() || kind == Kind::Xml {
        return own;
    }
    let mut rest = head;
    while let Some(at) = find(rest, b"<meta") {
        rest = &rest[at + b"<meta".len()..];
        let tag = &rest[..find(rest, b">").unwrap_or(rest.len())];
        if let Some(label) = attribute(tag, b"charset") {
            return Some(label);
        }
    }
    None
}

/// The value after `name =`, quoted or bare.
fn attribute<'a>(tag: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let after = &tag[find(tag, name)? + name.len()..];
    let value = after.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let value = match value {
        [b'"' | b'\'', rest @ ..] => rest,
        value => value,
    };
    let end = value.iter().position(|byte| matches!(byte, b'"' | b'\'' | b';' | b'>' | b'?' | b' ' | b'\n'));
    Some(&value[..end.unwrap_or(value.len())])
}

/// First place of `needle`, ASCII case ignored.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window.eq_ignore_ascii_case(needle))
}

/// A charset by any of the names people give it.
fn named(label: &[u8]) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label).or_else(|| {
        let label = std::str::from_utf8(label).ok()?.trim().to_ascii_lowercase().replace(['_', ' '], "-");
        let number = label.trim_start_matches(|c: char| !c.is_ascii_digit());
        let family = label.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
        match family {
            "cp" | "win" | "windows" | "ms" | "x-cp" | "codepage" if number == "866" => {
                Encoding::for_label(b"ibm866")
            }
            "cp" | "win" | "windows" | "ms" | "x-cp" | "codepage" => {
                Encoding::for_label(format!("windows-{number}").as_bytes())
            }
            "koi8r" | "koi8" => Encoding::for_label(b"koi8-r"),
            "koi8u" => Encoding::for_label(b"koi8-u"),
            "utf" => Some(UTF_8),
            _ => None,
        }
    })
}

/// Whether broken sequences are rare among the multi-byte ones.
fn mostly_utf8(bytes: &[u8]) -> bool {
    let (mut whole, mut broken) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        whole += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    whole >= broken.saturating_mul(4)
}

/// What the bytes look like, by the letters' frequencies.
fn guessed(bytes: &[u8]) -> &'static Encoding {
    // ASCII says nothing, so start where the letters start.
    let start = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(0);
    let end = bytes.len().min(start.saturating_add(GUESS_BYTES_MAX));
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(&bytes[start..end], end == bytes.len());
    detector.guess(None, Utf8Detection::Deny)
}

/// Number of words of four and more bytes beyond ASCII, up to the number that matters.
fn runs_of_letters(bytes: &[u8]) -> usize {
    let words = bytes.split(u8::is_ascii);
    words.filter(|word| word.len() >= 4).take(CYRILLIC_RUNS_MIN).count()
}

fn guess<'a>(bytes: &'a [u8], labels: &[&'static Encoding]) -> Decoded<'a> {
    if mostly_utf8(bytes) {
        return lossy(bytes, UTF_8);
    }
    let charset = guessed(bytes);
    let mut decoded = lossy(bytes, charset);
    decoded.fault = Some(match labels.first() {
        Some(label) => format!("the bytes are not {}, read as {}", label.name(), charset.name()),
        None => format!("no charset given, read as {}", charset.name()),
    });
    decoded
}

/// Takes out what XML 1.0 forbids in a document, and stray byte order marks.
fn clean(text: Cow<'_, str>) -> Cow<'_, str> {
    let suspicious = |byte: u8| byte == 0xEF || (byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r'));
    if !text.bytes().any(suspicious) {
        return text;
    }
    let forbidden = |c: char| matches!(c, '\0'..='\x08' | '\x0B' | '\x0C' | '\x0E'..='\x1F' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}');
    if text.contains(forbidden) { Cow::Owned(text.replace(forbidden, "")) } else { text }
}

/// What windows-1252 has beyond U+00FF.
const WINDOWS_1252_BEYOND_LATIN_1: &str = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ";

/// Undoes UTF-8 that was read as windows-1252 and encoded once more (`Ð¢ÐµÐ¼Ð¸Ñ€Ð¾Ð²`).
///
/// Only text that is wholly valid when read back is changed, which ordinary
/// text in a Latin script never is.
pub fn mend(text: String) -> String {
    // Cheap for the usual case: the first Cyrillic letter settles it.
    if text.is_ascii() || !text.chars().all(|c| c <= '\u{FF}' || WINDOWS_1252_BEYOND_LATIN_1.contains(c)) {
        return text;
    }
    let (bytes, _, unmappable) = WINDOWS_1252.encode(&text);
    if unmappable {
        return text;
    }
    std::str::from_utf8(&bytes).map(str::to_owned).unwrap_or(text)
}
