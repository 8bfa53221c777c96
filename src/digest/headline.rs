//! The least that can be told: headlines and links, of a story and of removed ones.

use super::prose;
use super::story::{HEADLINE_CHARS_MAX, web_link};
use super::{Digest, Item, Removed};
use askama::Template;

#[derive(Template)]
#[template(path = "headline.html")]
struct Html<'a> {
    subject: &'a str,
    title: &'a str,
    link: Option<&'a str>,
    id: i64,
    removed: &'a [(String, Option<String>)],
}

#[derive(Template)]
#[template(path = "headline.txt", escape = "none")]
struct Text<'a> {
    title: &'a str,
    link: Option<&'a str>,
    id: i64,
    removed: &'a [(String, Option<String>)],
}

/// Tells one story, and which ones are removed, in a few hundred octets each, for a
/// server that takes no more.
pub fn headline(subject: String, item: &Item, removed: &[Removed]) -> Digest {
    let (title, link) = named(&item.title, item.link.as_deref());
    let removed: Vec<_> =
        removed.iter().map(|removed| named(&removed.title, removed.link.as_deref())).collect();
    let (link, id, removed) = (link.as_deref(), item.article_id, removed.as_slice());
    let html = Html { subject: &subject, title: &title, link, id, removed };
    let text = Text { title: &title, link, id, removed };
    let html = html.render().expect("a template over strings cannot fail");
    let text = text.render().expect("a template over strings cannot fail");
    Digest { text: text + "\n", html: html + "\n", subject }
}

/// A story's headline and link, as they may stand in a mail.
fn named(title: &str, link: Option<&str>) -> (String, Option<String>) {
    let title = match prose::line(title, HEADLINE_CHARS_MAX) {
        title if title.is_empty() => "(no title)".into(),
        title => title,
    };
    (title, link.and_then(web_link))
}
