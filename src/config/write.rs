//! Tables of `config.toml` as newswatch itself writes them.
//!
//! Invariant: what is written here, `config::parse` reads back as the same.

use super::{Source, values};
use std::collections::HashMap;
use std::fmt::Write;
use toml::Value;
use url::Url;

/// Characters of a name that is made from a title.
const NAME_CHARS_MAX: usize = 80;

/// A `[[feed]]` to be added to the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewFeed {
    /// Not taken yet, see [`Taken`].
    pub name: String,
    /// http or https.
    pub url: String,
    /// Left out where it is no language tag.
    pub language: Option<String>,
    pub tags: Vec<String>,
    /// A comment above the table.
    pub note: String,
}

impl NewFeed {
    /// The table, ready to stand in the file.
    pub fn table(&self) -> String {
        let mut table = String::from("[[feed]]\n");
        if !self.note.is_empty() {
            table.insert_str(0, &format!("# {}\n", one_line(&self.note)));
        }
        let _ = writeln!(table, "name = {}", string(&self.name));
        let _ = writeln!(table, "url = {}", string(&self.url));
        if let Some(Ok(language)) = self.language.as_deref().map(values::language) {
            let _ = writeln!(table, "language = {}", string(&language));
        }
        let tags: Vec<String> =
            self.tags.iter().map(|tag| one_line(tag)).filter(|tag| !tag.is_empty()).collect();
        if !tags.is_empty() {
            let tags: Vec<String> = tags.iter().map(|tag| string(tag)).collect();
            let _ = writeln!(table, "tags = [{}]", tags.join(", "));
        }
        table
    }
}

/// The names and addresses that sources have already.
#[derive(Debug, Default)]
pub struct Taken {
    /// And the number the next one of that name gets.
    names: HashMap<String, u32>,
    /// Addresses, as [`same`] compares them, and the source's name.
    urls: HashMap<String, String>,
}

impl Taken {
    pub fn of(sources: &[Source]) -> Taken {
        let mut taken = Taken::default();
        for source in sources {
            taken.names.insert(source.name.clone(), 2);
            for url in source.mirrors.iter().chain([&source.url]) {
                taken.urls.insert(same(url), source.name.clone());
            }
        }
        taken
    }

    /// Name of the source that has this address, with or without TLS.
    pub fn by(&self, url: &str) -> Option<&str> {
        self.urls.get(&same(url)).map(String::as_str)
    }

    /// Takes a name like `wanted` for the source at `url`; its host where nothing is wanted.
    pub fn name(&mut self, wanted: &str, url: &str) -> String {
        let mut name: String = one_line(wanted).chars().take(NAME_CHARS_MAX).collect();
        name = name.trim().to_owned();
        if name.is_empty() {
            let host = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
            name = host.unwrap_or_else(|| "feed".into());
        }
        let mut free = name.clone();
        while self.names.contains_key(&free) {
            let number = self.names.entry(name.clone()).or_insert(2);
            free = format!("{name} ({number})");
            *number += 1;
        }
        self.names.insert(free.clone(), 2);
        self.urls.insert(same(url), free.clone());
        free
    }
}

/// An address as two spellings of one source share it: scheme and fragment left out.
fn same(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return url.to_owned() };
    url.set_fragment(None);
    let text = url.to_string();
    text.split_once("://").map_or(text.clone(), |(_, rest)| rest.to_owned())
}

/// Without control characters, the ones that turn text round included.
fn one_line(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let plain = text.split(|c: char| c.is_whitespace() || c.is_control() || turns(c));
    plain.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn string(text: &str) -> String {
    Value::from(text).to_string()
}
