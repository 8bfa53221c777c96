//! robots.txt (RFC 9309): which pages a site asks us to leave alone.
//!
//! Pure: text in, rules out. Asked for article pages and page sources only; a
//! feed is published to be polled. Reading never fails: what is not understood
//! is skipped, as the RFC wants it.

use url::Url;

/// The RFC asks parsers to read at least 500 KiB.
pub const ROBOTS_BYTES_MAX: usize = 500 * 1024;

/// Sitemaps kept of one robots.txt.
const SITEMAPS_MAX: usize = 100;

/// The rules of one site that bind us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whether it allows, and the path pattern, normalised.
    rules: Vec<(bool, Vec<u8>)>,
    /// Sitemaps it names, as written (sitemaps.org protocol); they are for everybody.
    pub sitemaps: Vec<String>,
}

impl Rules {
    /// The groups that name `product`, all of them together; else those of `*`.
    pub fn parse(text: &str, product: &str) -> Rules {
        let (mut ours, mut everyones) = (None::<Rules>, Rules::default());
        let (mut names_us, mut names_all, mut in_rules) = (false, false, false);
        let mut sitemaps = Vec::new();
        for (key, value) in text.lines().filter_map(record) {
            match key.as_str() {
                "user-agent" => {
                    if std::mem::take(&mut in_rules) {
                        (names_us, names_all) = (false, false);
                    }
                    names_us |= product_token(value).eq_ignore_ascii_case(product);
                    names_all |= value == "*";
                    if names_us {
                        ours.get_or_insert_default();
                    }
                }
                "allow" | "disallow" => {
                    in_rules = true;
                    if value.is_empty() {
                        continue; // `Disallow:` forbids nothing
                    }
                    let rule = (key == "allow", normal(value.as_bytes()));
                    if names_us {
                        ours.get_or_insert_default().rules.push(rule.clone());
                    }
                    if names_all {
                        everyones.rules.push(rule);
                    }
                }
                "sitemap" if sitemaps.len() < SITEMAPS_MAX => sitemaps.push(value.to_owned()),
                _ => {}
            }
        }
        Rules { sitemaps, ..ours.unwrap_or(everyones) }
    }

    /// Forbids everything: what a site that cannot say its rules is taken to mean (2.3.1.4).
    pub fn closed() -> Rules {
        Rules { rules: vec![(false, b"/".to_vec())], ..Rules::default() }
    }

    /// The longest rule that fits decides, and an allowing one wins a tie (2.2.2).
    pub fn allows(&self, url: &Url) -> bool {
        let mut path = normal(url.path().as_bytes());
        if let Some(query) = url.query() {
            path.push(b'?');
            path.extend(normal(query.as_bytes()));
        }
        if path == b"/robots.txt" {
            return true;
        }
        let fitting = self.rules.iter().filter(|(_, pattern)| fits(pattern, &path));
        fitting.max_by_key(|(allow, pattern)| (pattern.len(), *allow)).is_none_or(|(allow, _)| *allow)
    }
}

/// `key: value` without its comment.
fn record(line: &str) -> Option<(String, &str)> {
    let line = line.trim_start_matches('\u{feff}').split('#').next()?;
    let (key, value) = line.split_once(':')?;
    Some((key.trim().to_ascii_lowercase(), value.trim()))
}

/// `newswatch/0.1` names the product `newswatch` (2.2.1).
fn product_token(value: &str) -> &str {
    let end = value.find(|c: char| !(c.is_ascii_alphabetic() || c == '-' || c == '_')).unwrap_or(value.len());
    value.get(..end).unwrap_or_default()
}

/// Paths are compared with other bytes than ASCII encoded, needless encoding
/// undone, and hex in capitals (2.2.2).
fn normal(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [first, after @ ..] = rest {
        rest = after;
        let byte = match (first, hex_pair(after)) {
            (b'%', Some(byte)) => {
                rest = after.get(2..).unwrap_or_default();
                byte
            }
            _ if first.is_ascii() => {
                out.push(*first);
                continue;
            }
            _ => *first,
        };
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else {
            out.extend(format!("%{byte:02X}").bytes());
        }
    }
    out
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (high, low) = (digit(*bytes.first()?)?, digit(*bytes.get(1)?)?);
    u8::try_from(high * 16 + low).ok()
}

/// `*` is any run of bytes, a closing `$` the end; else the pattern is a prefix.
/// The leftmost match of each piece is enough, so no pattern is slow.
fn fits(pattern: &[u8], path: &[u8]) -> bool {
    let (pattern, anchored) = match pattern {
        [body @ .., b'$'] => (body, true),
        _ => (pattern, false),
    };
    let mut pieces = pattern.split(|byte| *byte == b'*');
    let Some(mut rest) = path.strip_prefix(pieces.next().unwrap_or_default()) else {
        return false;
    };
    let mut pieces = pieces.peekable();
    if anchored && pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if anchored && pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match find(rest, piece) {
            Some(at) => rest = rest.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() {
        return Some(0);
    }
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A robots.txt and what it says of some paths: `+` allowed, `-` not.
    fn check(text: &str, verdicts: &str) {
        let rules = Rules::parse(text, "newswatch");
        for verdict in verdicts.split_whitespace() {
            let (allowed, path) = (verdict.starts_with('+'), &verdict[1..]);
            let url = Url::parse(&format!("https://issyk-gazette.example{path}")).expect("a path of ours");
            assert_eq!(rules.allows(&url), allowed, "{path} under\n{text}");
        }
    }

    #[test]
    fn groups() {
        let table = [
            ("", "+/ +/temirov"),
            ("<html><body>no robots here</body></html>", "+/temirov"),
            ("User-agent: *\nDisallow: /", "-/ -/temirov +/robots.txt"),
            ("User-agent: *\nDisallow:", "+/ +/temirov"),
            ("User-agent: otherbot\nDisallow: /", "+/temirov"),
            (
                "User-agent: *\nDisallow: /\n\nUser-agent: newswatch\nDisallow: /private",
                "+/temirov -/private/1",
            ),
            ("User-agent: NewsWatch/0.1\nDisallow: /a", "-/a +/b"),
            ("User-agent: newswatcher\nDisallow: /a", "+/a"),
            (
                "User-agent: newswatch\nDisallow: /a\nUser-agent: x\nDisallow: /b\nUser-agent: newswatch\nDisallow: /c",
                "-/a +/b -/c",
            ),
            ("User-agent: x\nUser-agent: newswatch\nDisallow: /a", "-/a +/b"),
            ("User-agent: newswatch\nAllow:\n\nUser-agent: *\nDisallow: /", "+/temirov"),
            ("User-agent: newswatch\n\nUser-agent: *\nDisallow: /a", "-/a"),
            ("user-agent:*\ndisallow:/a # the archive", "-/a"),
            ("\u{feff}User-agent: *\nDisallow: /a", "-/a"),
            (
                "User-agent: *\r\nSitemap: https://x.example/s.xml\r\nCrawl-delay: 5\r\nDisallow: /a\r\n",
                "-/a +/b",
            ),
            ("Disallow: /a", "+/a"),
        ];
        for (text, verdicts) in table {
            check(text, verdicts);
        }
    }

    #[test]
    fn paths() {
        let table = [
            ("Disallow: /news\nAllow: /news/temirov", "-/news -/newsroom -/news/1 +/news/temirov/2"),
            ("Disallow: /a\nAllow: /a", "+/a"),
            ("Disallow: /*.pdf$", "-/x.pdf +/x.pdf?v=1 +/x.pdfs"),
            ("Disallow: /*print", "-/a/print -/print/b +/a"),
            ("Disallow: /a*b*c", "-/a1b2c3 +/a1c2b3"),
            ("Disallow: /a*c$", "-/abc -/acbc +/abcd"),
            ("Disallow: /$", "-/ +/a"),
            ("Disallow: /?s=", "-/?s=temirov +/?q=temirov"),
            ("Disallow: /новости", "-/новости -/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8"),
            ("Disallow: /%d0%bd", "-/н +/d"),
            ("Disallow: /%7Edesk", "-/~desk -/%7edesk"),
            ("Disallow: /a%2Fb", "-/a%2fb +/a/b"),
            ("Disallow: /%", "-/% +/a"),
            ("Disallow: /A", "-/A +/a"),
        ];
        for (rules, verdicts) in table {
            check(&format!("User-agent: *\n{rules}"), verdicts);
        }
    }

    #[test]
    fn sitemaps_stand_anywhere_and_bind_nobody() {
        let text = "Sitemap: https://x.example/a.xml # all\nUser-agent: otherbot\nDisallow: /\n\
                    sitemap:https://x.example/news.xml\nDisallow: /a\n";
        let rules = Rules::parse(text, "newswatch");
        assert_eq!(rules.sitemaps, ["https://x.example/a.xml", "https://x.example/news.xml"]);
        assert!(rules.rules.is_empty(), "{rules:?}");
        let many = "Sitemap: https://x.example/a.xml\n".repeat(1000);
        assert_eq!(Rules::parse(&many, "newswatch").sitemaps.len(), SITEMAPS_MAX);
    }

    #[test]
    fn a_thousand_stars_are_not_slow() {
        let text = format!("User-agent: *\nDisallow: /{}b$", "a*".repeat(1000));
        let path = format!("+/{}", "a".repeat(5000));
        check(&text, &path);
    }
}
