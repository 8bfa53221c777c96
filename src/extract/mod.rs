//! An entry, and its page where that is needed, to an article: title, text,
//! date, authors, canonical link, language.
//!
//! Invariant: other people's HTML ends here; what leaves is plain text. No
//! network, no clock.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod blocks;
mod body;
mod kinds;
mod language;
mod meta;
mod rules;
mod text;
mod voters;

pub use language::language;
pub use rules::{Rules, check_rules, page_by};
pub use text::{line_of, text_of};

use crate::feed::Entry;
use crate::feed::charset::{self, Kind};
use crate::feed::link::canonical;
use crate::page::tree::Tree;
use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest, Sha256};
use std::collections::HashSet;

/// An entry with its identity fixed, its text extracted, its language known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Article {
    /// Stable key within its source: guid, else canonical link, else a hash of
    /// title and date.
    pub identity: String,
    /// Name of the source.
    pub source: String,
    /// Address of the story's page without tracking parameters.
    pub link: Option<String>,
    /// Plain text.
    pub title: String,
    /// Plain text, one paragraph a line.
    pub text: String,
    /// Names.
    pub authors: Vec<String>,
    /// ISO 639-1 code, where known.
    pub language: Option<String>,
    /// Publication as the source states it.
    pub published_at: Option<DateTime<Utc>>,
}

/// What a story's page says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// Plain text.
    pub title: Option<String>,
    /// Plain text, one paragraph a line; empty where none was found.
    pub text: String,
    /// As the page states it; never guessed.
    pub published: Option<DateTime<Utc>>,
    /// Names.
    pub authors: Vec<String>,
    /// The page's own word for its address, absolute.
    pub canonical: Option<String>,
    /// Name of the publication.
    pub site: Option<String>,
    /// ISO 639-1 code.
    pub language: Option<String>,
}

/// Makes an article of an entry of `source` from the feed alone.
///
/// `feed_language` is the feed's own word for its language; the letters of the
/// text may overrule it.
pub fn article(source: &str, entry: &Entry, feed_language: Option<&str>) -> Article {
    let text = text_of_entry(entry);
    let title = match entry.title.as_deref().map(line_of) {
        // A sitemap has no title to give but the address, which is no HTML.
        Some(_) if entry.title == entry.link => entry.title.clone().unwrap_or_default(),
        Some(title) if !title.is_empty() => title,
        _ => title_from(&text),
    };
    let declared = entry.language.as_deref().or(feed_language);
    Article {
        identity: identity(entry),
        source: source.to_owned(),
        link: entry.link.as_deref().map(canonical),
        authors: names(&entry.authors),
        language: language::settled(declared, &format!("{title}\n{text}")),
        published_at: entry.published.or(entry.updated),
        title,
        text,
    }
}

/// Whether the feed gives only the beginning of the story, so that its page
/// must be read too. An entry without a link has no page to read.
pub fn teaser_only(entry: &Entry) -> bool {
    const WHOLE_CHARS_MIN: usize = 1_000;
    if entry.link.is_none() {
        return false;
    }
    let text = text_of_entry(entry);
    let is_cut = is_cut_short(&text);
    match entry.content.as_deref() {
        Some(content) if !content.trim().is_empty() => is_cut || text.chars().count() < WHOLE_CHARS_MIN / 2,
        _ => is_cut || text.chars().count() < WHOLE_CHARS_MIN,
    }
}

/// The article with what its page adds: the whole text, and what the feed left
/// out. Identity and link stay the feed's. A page that says less than the feed
/// (a consent wall, a paywall) changes nothing in the text, and a lead that
/// stands only in the feed is kept: a name in it must not be lost.
pub fn with_page(mut article: Article, page: Page) -> Article {
    if page.text.len() >= article.text.len() && !page.text.is_empty() {
        article.text = joined(&article.text, &page.text);
        article.language = language::settled(page.language.as_deref(), &article.text).or(article.language);
    }
    let is_address = article.link.as_deref().is_some_and(|link| canonical(&article.title) == link);
    if article.title.is_empty() || is_address {
        article.title = page.title.filter(|title| !title.is_empty()).unwrap_or(article.title);
    }
    if article.authors.is_empty() {
        article.authors = page.authors;
    }
    article.published_at = article.published_at.or(page.published);
    article.link = article.link.or(page.canonical.as_deref().map(canonical));
    article
}

/// Content, else summary; both where the summary says something of its own.
fn text_of_entry(entry: &Entry) -> String {
    let content = entry.content.as_deref().map(text_of).unwrap_or_default();
    let summary = entry.summary.as_deref().map(text_of).unwrap_or_default();
    let summary = if content.is_empty() || !is_cut_short(&summary) { summary } else { String::new() };
    without_tail(joined(&summary, &content))
}

/// `body`, led by those lines of `lead` that it does not contain.
pub fn joined(lead: &str, body: &str) -> String {
    if lead.is_empty() || body.is_empty() {
        return format!("{lead}{body}");
    }
    let known: HashSet<&str> = words(body).collect();
    let adds = |line: &&str| {
        let total = words(line).count();
        let new = words(line).filter(|word| !known.contains(word)).count();
        new > 0 && (new * 5 > total || !body.contains(line.get(..line.len() / 2).unwrap_or(line)))
    };
    let mut lines: Vec<&str> = lead.lines().filter(|line| !is_invitation(line)).filter(adds).collect();
    lines.push(body);
    lines.join("\n")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// Invitations to read on, at the end of a teaser.
const READ_ON: [&str; 22] = [
    "read more",
    "continue reading",
    "read the full story",
    "read full article",
    "full story",
    "more »",
    "more…",
    "[…]",
    "[...]",
    "подробнее",
    "читать далее",
    "читать дальше",
    "читать полностью",
    "толугу менен",
    "кененирээк",
    "окуу",
    "толығырақ",
    "оқу",
    "batafsil",
    "батафсил",
    "муфассал",
    "бештар",
];

/// Whether a text ends in an ellipsis or an invitation to read on.
fn is_cut_short(text: &str) -> bool {
    let end = text.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '»' | '>' | '→' | ']' | ')'));
    if end.ends_with('…') || end.ends_with("...") {
        return true;
    }
    let last = end.lines().last().unwrap_or_default().to_lowercase();
    READ_ON.iter().any(|phrase| last.ends_with(phrase.trim_end_matches([']', '»', ' '])))
}

/// Whether a line says nothing but "read on".
fn is_invitation(line: &str) -> bool {
    let line = line.trim().to_lowercase();
    READ_ON
        .iter()
        .any(|phrase| line.strip_prefix(phrase).is_some_and(|rest| !rest.contains(char::is_alphanumeric)))
}

/// Without the lines that feed software puts under every text.
fn without_tail(text: String) -> String {
    let is_tail = |line: &str| line.starts_with("The post ") && line.contains(" appeared first on ");
    let Some((body, last)) = text.rsplit_once('\n') else { return text };
    if is_tail(last) { body.to_owned() } else { text }
}

/// Stands in for a missing title, as in microblogs: the first words of the text.
fn title_from(text: &str) -> String {
    const TITLE_CHARS_MAX: usize = 80;
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= TITLE_CHARS_MAX {
        return line.to_owned();
    }
    let cut: String = line.chars().take(TITLE_CHARS_MAX).collect();
    let whole = cut.rsplit_once(' ').map_or(cut.as_str(), |(words, _)| words);
    format!("{whole}…")
}

/// The entry's id, which every parsed entry with a word in it has (`feed::identity`);
/// one that was made by hand goes by its link, else by title and date.
fn identity(entry: &Entry) -> String {
    let guid = entry.id.as_deref().map(str::trim).filter(|id| !id.is_empty());
    match (guid, entry.link.as_deref()) {
        (Some(guid), _) => canonical(guid),
        (None, Some(link)) => canonical(link),
        (None, None) => hash(entry),
    }
}

fn hash(entry: &Entry) -> String {
    let date = entry.published.or(entry.updated);
    let date = date.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default();
    let title = entry.title.as_deref().map(line_of).unwrap_or_default();
    let mut hasher = Sha256::new();
    hasher.update(title.as_bytes());
    hasher.update(b"\n");
    hasher.update(date.as_bytes());
    if title.is_empty() {
        hasher.update(text_of_entry(entry).as_bytes());
    }
    let hex: String = hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

fn names(raw: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in raw.iter().map(|name| line_of(name)).filter(|name| !name.is_empty()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Reads a story's page. `content_type` is the HTTP header's value, `url` the
/// page's address: the base of relative links.
pub fn page(html: &[u8], content_type: Option<&str>, url: Option<&str>) -> Page {
    let decoded = charset::decode(html, content_type, Kind::Html);
    let tree = Tree::of(&decoded.text);
    let meta = meta::meta(&tree, url);
    let title = meta.title.as_deref().unwrap_or_default();
    let mut text = body::paragraphs(&tree, title).join("\n");
    // Pages that build their text by script still carry it for search engines.
    if let Some(stated) = meta.body.filter(|stated| stated.len() > 2 * text.len()) {
        text = stated;
    }
    Page {
        language: language::settled(meta.language.as_deref(), &text),
        title: meta.title,
        text,
        published: meta.published,
        authors: meta.authors,
        canonical: meta.canonical,
        site: meta.site,
    }
}

#[cfg(test)]
mod tests;
