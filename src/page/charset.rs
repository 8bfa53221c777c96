//! Bytes of an HTML page to text.
//!
//! Invariant: always an answer. A label is believed only where the bytes bear
//! it out; UTF-8 that is valid beats every label of a single-byte charset.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Bytes in which `<meta charset>` is looked for; the standard says 1,024, and
/// pages put it later.
const META_BYTES_MAX: usize = 8 * 1024;
/// Bytes a guess is made from.
const GUESS_BYTES_MAX: usize = 64 * 1024;

/// Decodes a page: byte order mark, valid UTF-8, the HTTP header, `<meta>`,
/// nearly valid UTF-8, and then a guess.
pub fn decode(bytes: &[u8], content_type: Option<&str>) -> String {
    let text = decoded(bytes, content_type);
    // HTML has no NUL, and tree builders stumble over each.
    if text.contains('\0') { text.replace('\0', " ") } else { text }
}

fn decoded(bytes: &[u8], content_type: Option<&str>) -> String {
    if let Some((encoding, mark_len)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark_len..]).0.into_owned();
    }
    if let Some(encoding) = utf_16(bytes) {
        return encoding.decode_without_bom_handling(bytes).0.into_owned();
    }
    let labels = [content_type.and_then(label_in), meta_label(bytes)];
    let labels = labels.into_iter().flatten().filter_map(|label| Encoding::for_label(label.as_bytes()));
    let labels: Vec<&'static Encoding> = labels.collect();
    // ISO-2022-JP is written in ASCII bytes, so it is valid UTF-8 as well.
    if let Ok(text) = std::str::from_utf8(bytes)
        && !labels.first().is_some_and(|label| !label.is_ascii_compatible() && !utf_16_family(label))
    {
        return text.to_owned();
    }
    for encoding in labels.iter().filter(|encoding| !utf_16_family(encoding)) {
        let (text, bad) = encoding.decode_without_bom_handling(bytes);
        if !bad {
            return text.into_owned();
        }
    }
    let text = String::from_utf8_lossy(bytes);
    if mostly_good(&text) { text.into_owned() } else { guessed(bytes, labels.first().copied()) }
}

fn utf_16_family(encoding: &'static Encoding) -> bool {
    encoding == UTF_16LE || encoding == UTF_16BE
}

/// UTF-16 without a mark, by the zero bytes of its ASCII part.
fn utf_16(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes.get(..64)?;
    let zeros = |odd: usize| head.iter().skip(odd).step_by(2).filter(|&&byte| byte == 0).count();
    match (zeros(0), zeros(1)) {
        (0..=2, 20..) => Some(UTF_16LE),
        (20.., 0..=2) => Some(UTF_16BE),
        _ => None,
    }
}

/// The value of `charset=` in a header or a `<meta>`.
fn label_in(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let after = lower.split("charset").nth(1)?.trim_start().strip_prefix('=')?;
    let label = after.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    let end = label.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';' | '>' | '/' | ','));
    let label = &label[..end.unwrap_or(label.len())];
    Some(label.to_owned()).filter(|label| !label.is_empty())
}

fn meta_label(bytes: &[u8]) -> Option<String> {
    let head = &bytes[..bytes.len().min(META_BYTES_MAX)];
    let (head, _) = WINDOWS_1252.decode_without_bom_handling(head);
    let head = head.to_ascii_lowercase();
    head.match_indices("<meta").find_map(|(at, _)| {
        let tag = head[at..].split('>').next().unwrap_or_default();
        label_in(tag)
    })
}

/// A page cut in the middle of a letter, or with one bad byte, is still UTF-8.
fn mostly_good(text: &str) -> bool {
    let bad = text.chars().filter(|&c| c == '\u{fffd}').count();
    let good = text.chars().filter(|&c| !c.is_ascii() && c != '\u{fffd}').count();
    bad * 20 <= good
}

fn guessed(bytes: &[u8], label: Option<&'static Encoding>) -> String {
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(&bytes[..bytes.len().min(GUESS_BYTES_MAX)], true);
    let guess = detector.guess(None, chardetng::Utf8Detection::Allow);
    let encoding = label.filter(|label| *label != UTF_8 && !utf_16_family(label)).unwrap_or(guess);
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}
