//! The least that can be told of a story: its headline and its link.

use super::prose;
use super::sheet::{HEADLINE_CHARS_MAX, web_link};
use super::{Digest, Item};
use askama::Template;

#[derive(Template)]
#[template(path = "headline.html")]
struct Html<'a> {
    subject: &'a str,
    title: &'a str,
    link: Option<&'a str>,
    id: i64,
}

#[derive(Template)]
#[template(path = "headline.txt", escape = "none")]
struct Text<'a> {
    title: &'a str,
    link: Option<&'a str>,
    id: i64,
}

/// Tells one story in a few hundred octets, for a server that takes no more.
pub fn headline(subject: String, item: &Item) -> Digest {
    let title = match prose::line(&item.title, HEADLINE_CHARS_MAX) {
        title if title.is_empty() => "(no title)".into(),
        title => title,
    };
    let (link, id) = (item.link.as_deref().and_then(web_link), item.article_id);
    let html = Html { subject: &subject, title: &title, link: link.as_deref(), id };
    let text = Text { title: &title, link: link.as_deref(), id };
    let html = html.render().expect("a template over strings cannot fail");
    let text = text.render().expect("a template over strings cannot fail");
    Digest { text: text + "\n", html: html + "\n", subject }
}
