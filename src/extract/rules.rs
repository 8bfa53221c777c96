//! What the user says about one site's pages: CSS selectors that overrule our
//! own reading.
//!
//! Invariant: selectors are CSS and nothing else; a rule that finds nothing on
//! a page leaves our own reading as it is.

use super::text::{line_of, text_of};
use super::{Page, page};
use crate::feed::charset::{self, Kind};
use crate::feed::dates::parse_date;
use crate::page::selector;
use crate::page::tree::Tree;
use scraper::{ElementRef, Html, Selector};

/// CSS selectors for the pages of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Elements that hold the text.
    pub body: Option<String>,
    /// Elements within them that do not belong to it.
    pub remove: Option<String>,
    pub title: Option<String>,
    pub author: Option<String>,
    /// Element whose `datetime` attribute or text is the date.
    pub date: Option<String>,
}

/// Checks that every selector is valid CSS.
///
/// # Errors
/// The first bad selector with its key, as `(key, message)`.
pub fn check_rules(rules: &Rules) -> Result<(), (&'static str, String)> {
    let keys = [
        ("page_body", &rules.body),
        ("page_remove", &rules.remove),
        ("page_title", &rules.title),
        ("page_author", &rules.author),
        ("page_date", &rules.date),
    ];
    keys.into_iter().try_for_each(|(key, css)| css.iter().try_for_each(|css| selector(key, css).map(|_| ())))
}

/// Reads a story's page as [`page`] does; what `rules` select overrules it.
pub fn page_by(html: &[u8], content_type: Option<&str>, url: Option<&str>, rules: &Rules) -> Page {
    let mut page = page(html, content_type, url);
    let decoded = charset::decode(html, content_type, Kind::Html);
    let tree = Html::parse_document(&Tree::of(&decoded.text).to_html());
    let chosen = |css: &Option<String>| css.as_deref().and_then(|css| Selector::parse(css).ok());
    let first = |css: &Option<String>| {
        let selector = chosen(css)?;
        tree.select(&selector).next()
    };
    if let Some(body) = chosen(&rules.body) {
        let remove = chosen(&rules.remove);
        let parts: Vec<String> = tree.select(&body).map(|part| text_within(part, remove.as_ref())).collect();
        let text = parts.join("\n");
        page.text = if text.trim().is_empty() { page.text } else { text };
    }
    page.title = first(&rules.title).map(|title| line_of(&title.inner_html())).or(page.title);
    if let Some(author) = first(&rules.author) {
        page.authors = vec![line_of(&author.inner_html())];
    }
    let date = first(&rules.date).and_then(|date| {
        date.attr("datetime").and_then(parse_date).or_else(|| parse_date(&line_of(&date.inner_html())))
    });
    page.published = date.or(page.published);
    page
}

/// Text of an element without what `remove` selects within it.
fn text_within(element: ElementRef, remove: Option<&Selector>) -> String {
    let mut html = element.inner_html();
    for part in remove.into_iter().flat_map(|remove| element.select(remove)) {
        html = html.replacen(&part.html(), " ", 1);
    }
    text_of(&html)
}
