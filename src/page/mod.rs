//! An HTML list without a feed, read with CSS selectors, to entries; and what
//! any reader of pages needs first: tokens, and a tree that cannot stall.
//!
//! Invariant: selectors are CSS and nothing else; parsing cannot fail on a
//! part. No network, no clock.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod entities;
pub mod tokens;
pub mod tree;

use crate::feed::charset::{self, Kind};
use crate::feed::dates::parse_date;
use crate::feed::{Dialect, Entry, Fault, Feed};
use chrono::{DateTime, Utc};
use scraper::{ElementRef, Html, Selector};
use std::collections::HashSet;
use tree::Tree;
use url::Url;

/// What the user configured of a `[[page]]`: CSS selectors, each relative to `item`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selectors {
    /// One match an entry.
    pub item: String,
    /// Element whose text is the title; the link's text when absent.
    pub title: Option<String>,
    /// Element whose `href` is the link; the first `a[href]` when absent.
    pub link: Option<String>,
    /// Element whose `datetime` attribute or text is the date.
    pub date: Option<String>,
    /// Element whose text is the teaser.
    pub summary: Option<String>,
}

/// Items of one page that are read; lists are shorter, and what is longer is
/// an archive.
pub const ITEMS_MAX: usize = 1_000;

/// Checks that every selector is valid CSS.
///
/// # Errors
/// The first bad selector with its key, as `(key, message)`.
pub fn check(selectors: &Selectors) -> Result<(), (&'static str, String)> {
    if selectors.item.trim().is_empty() {
        return Err((
            "item",
            "no selector; give the CSS selector of one list item, such as `li.news`".into(),
        ));
    }
    Compiled::of(selectors).map(|_| ())
}

/// Reads `body` as a list of items. A page in which no item is found has a
/// fault that says so: a changed layout must not look like a quiet day.
pub fn read(body: &[u8], content_type: Option<&str>, url: &str, selectors: &Selectors) -> Feed {
    let compiled = match Compiled::of(selectors) {
        Ok(compiled) => compiled,
        Err((key, what)) => return Feed { faults: vec![fault(key, what)], ..Feed::default() },
    };
    let decoded = charset::decode(body, content_type, Kind::Html);
    let html = Html::parse_document(&Tree::of(&decoded.text).to_html());
    let base = base_of(&html, url);
    let mut feed = Feed {
        title: first_text(&html, "title"),
        link: Some(url.to_owned()),
        language: first_attribute(&html, "html[lang]", "lang"),
        dialect: Dialect::Page,
        ..Feed::default()
    };
    let mut seen = HashSet::new();
    for (at, item) in html.select(&compiled.item).take(ITEMS_MAX).enumerate() {
        let entry = entry(item, &compiled, base.as_ref(), at + 1, &mut feed.faults);
        // A picture and a headline often link to the same story.
        feed.entries.extend(entry.filter(|entry| seen.insert((entry.link.clone(), entry.title.clone()))));
    }
    if feed.entries.is_empty() && feed.faults.is_empty() {
        let what = format!("nothing on the page matches `{}`; has its layout changed?", selectors.item);
        feed.faults.push(fault("item", what));
    }
    feed
}

/// What one selector found on a page, for whoever tries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// `item`, `title`, `link`, `date` or `summary`.
    pub key: &'static str,
    /// The selector; empty where none is set and the usual is taken.
    pub css: String,
    /// Items in which it found something; of `item`: how many there are.
    pub count: usize,
    /// What it found first: text, or an address.
    pub first: Option<String>,
}

/// Says what each selector finds on the page.
pub fn found(body: &[u8], content_type: Option<&str>, selectors: &Selectors) -> Vec<Found> {
    let Ok(compiled) = Compiled::of(selectors) else { return Vec::new() };
    let decoded = charset::decode(body, content_type, Kind::Html);
    let html = Html::parse_document(&Tree::of(&decoded.text).to_html());
    let items: Vec<ElementRef> = html.select(&compiled.item).take(ITEMS_MAX).collect();
    let text = |element: ElementRef| Some(text_of(element)).filter(|text| !text.is_empty());
    let address = |element: ElementRef| element.attr("href").map(str::to_owned);
    let link = compiled.link.as_ref().unwrap_or(&compiled.any_link);
    let title = compiled.title.as_ref().unwrap_or(link);
    let mut found = vec![
        Found {
            key: "item",
            css: selectors.item.clone(),
            count: items.len(),
            first: items.iter().find_map(|item| text(*item)),
        },
        in_items(&items, "title", selectors.title.as_deref(), title, text),
        in_items(&items, "link", selectors.link.as_deref(), link, address),
    ];
    // A date is written in an attribute as often as in the text.
    let date = |element: ElementRef| element.attr("datetime").map(str::to_owned).or_else(|| text(element));
    if let Some(selector) = &compiled.date {
        found.push(in_items(&items, "date", selectors.date.as_deref(), selector, date));
    }
    if let Some(selector) = &compiled.summary {
        found.push(in_items(&items, "summary", selectors.summary.as_deref(), selector, text));
    }
    found
}

fn in_items(
    items: &[ElementRef],
    key: &'static str,
    css: Option<&str>,
    selector: &Selector,
    value: impl Fn(ElementRef) -> Option<String>,
) -> Found {
    let mut values =
        items.iter().filter_map(|item| first_or_self(*item, selector)).filter_map(value).peekable();
    let first = values.peek().cloned();
    Found { key, css: css.unwrap_or_default().to_owned(), count: values.count(), first }
}

/// Selectors ready for use.
struct Compiled {
    item: Selector,
    title: Option<Selector>,
    link: Option<Selector>,
    date: Option<Selector>,
    summary: Option<Selector>,
    any_link: Selector,
}

impl Compiled {
    fn of(selectors: &Selectors) -> Result<Compiled, (&'static str, String)> {
        let optional = |key, css: &Option<String>| css.as_deref().map(|css| selector(key, css)).transpose();
        Ok(Compiled {
            item: selector("item", &selectors.item)?,
            title: optional("title", &selectors.title)?,
            link: optional("link", &selectors.link)?,
            date: optional("date", &selectors.date)?,
            summary: optional("summary", &selectors.summary)?,
            any_link: selector("link", "a[href]")?,
        })
    }
}

/// A selector of the user's, or its key and what is wrong with it.
pub(crate) fn selector(key: &'static str, css: &str) -> Result<Selector, (&'static str, String)> {
    Selector::parse(css).map_err(|error| {
        let what = error.to_string();
        (key, format!("`{css}` is no CSS selector: {}", what.trim_end_matches('.').to_lowercase()))
    })
}

fn entry(
    item: ElementRef,
    selectors: &Compiled,
    base: Option<&Url>,
    number: usize,
    faults: &mut Vec<Fault>,
) -> Option<Entry> {
    let anchor = match &selectors.link {
        Some(link) => first_or_self(item, link),
        None => first_or_self(item, &selectors.any_link),
    };
    let href = anchor.and_then(|anchor| anchor.attr("href"));
    let link = href.and_then(|href| absolute(href, base));
    if let (Some(href), None) = (href, &link) {
        faults.push(fault(format!("item {number} link"), format!("`{href}` leads nowhere")));
    }
    let title = match &selectors.title {
        Some(title) => first_or_self(item, title).map(text_of),
        None => anchor.map(text_of),
    };
    let title = title.filter(|title| !title.is_empty());
    let summary = selectors.summary.as_ref().and_then(|summary| first_or_self(item, summary)).map(text_of);
    if title.is_none() && link.is_none() {
        faults.push(fault(format!("item {number}"), "it has neither title nor link".into()));
        return None;
    }
    if link.is_none() && href.is_none() {
        faults.push(fault(format!("item {number} link"), "it has no link".into()));
    }
    if title.is_none() {
        faults.push(fault(format!("item {number} title"), "it has no title".into()));
    }
    let published = selectors.date.as_ref().and_then(|date| date_of(item, date, number, faults));
    Some(Entry {
        id: link.clone(),
        title,
        link,
        published,
        summary: summary.filter(|summary| !summary.is_empty()),
        ..Entry::default()
    })
}

/// The first match within `item`, or `item` where it is the match.
fn first_or_self<'a>(item: ElementRef<'a>, selector: &Selector) -> Option<ElementRef<'a>> {
    item.select(selector).next().or_else(|| selector.matches(&item).then_some(item))
}

fn date_of(
    item: ElementRef,
    selector: &Selector,
    number: usize,
    faults: &mut Vec<Fault>,
) -> Option<DateTime<Utc>> {
    let element = first_or_self(item, selector)?;
    let nested = Selector::parse("[datetime]").ok().and_then(|stamp| first_or_self(element, &stamp));
    let stated =
        ["datetime", "content", "title"].iter().find_map(|name| nested.unwrap_or(element).attr(name));
    let text = text_of(element);
    let found = stated.and_then(parse_date).or_else(|| parse_date(&text));
    if found.is_none() {
        let shown = if text.is_empty() { stated.unwrap_or_default() } else { &text };
        faults.push(fault(format!("item {number} date"), format!("unreadable date `{shown}`")));
    }
    found
}

fn absolute(href: &str, base: Option<&Url>) -> Option<String> {
    let href = href.trim();
    let url = match base {
        Some(base) => base.join(href).ok()?,
        None => Url::parse(href).ok()?,
    };
    matches!(url.scheme(), "http" | "https").then(|| url.to_string())
}

fn base_of(html: &Html, url: &str) -> Option<Url> {
    let own = Url::parse(url).ok();
    let Some(href) = first_attribute(html, "base[href]", "href") else { return own };
    match &own {
        Some(own) => own.join(&href).ok().or_else(|| Some(own.clone())),
        None => Url::parse(&href).ok(),
    }
}

fn first_text(html: &Html, css: &str) -> Option<String> {
    let selector = Selector::parse(css).ok()?;
    html.select(&selector).next().map(text_of).filter(|text| !text.is_empty())
}

fn first_attribute(html: &Html, css: &str, name: &str) -> Option<String> {
    let selector = Selector::parse(css).ok()?;
    html.select(&selector).next()?.attr(name).map(str::to_owned)
}

/// Text on one line.
fn text_of(element: ElementRef) -> String {
    let mut text = String::new();
    for word in element.text().flat_map(|piece| piece.split_inclusive(char::is_whitespace)) {
        text.push_str(word);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn fault(place: impl Into<String>, what: String) -> Fault {
    Fault { place: place.into(), what }
}

#[cfg(test)]
mod tests;
