//! What a page says about its article: JSON-LD, meta tags, and the markup
//! itself, in this order of trust.
//!
//! Invariant: stated, never guessed. A date that is not there stays away.

use super::text::{line_of, text_of};
use crate::feed::dates::parse_date;
use crate::page::tokens::attribute;
use crate::page::tree::{NodeId, Tree};
use chrono::{DateTime, Utc};
use serde_json::Value;
use url::Url;

/// A page's own words about its article.
#[derive(Debug, Clone, Default)]
pub struct Meta {
    pub title: Option<String>,
    pub published: Option<DateTime<Utc>>,
    pub authors: Vec<String>,
    pub canonical: Option<String>,
    pub site: Option<String>,
    /// As declared: `ru-RU`.
    pub language: Option<String>,
    /// JSON-LD `articleBody`, as text.
    pub body: Option<String>,
}

/// Reads what the page says about its article.
pub fn meta(tree: &Tree, url: Option<&str>) -> Meta {
    let tags = Tags::of(tree);
    let graph: Vec<Value> = tree.json_ld.iter().filter_map(|raw| json(raw)).collect();
    let mut objects = Vec::new();
    graph.iter().for_each(|value| collect(value, &mut objects));
    let story = story(&objects, &tags);
    let site = tags
        .first(&["og:site_name", "application-name"])
        .or_else(|| story.and_then(|story| text_at(story, &["publisher", "name"])));
    let root = url.and_then(host).and_then(|host| host.rsplit('.').nth(1).map(str::to_owned));
    let publisher = story.and_then(|story| text_at(story, &["publisher", "name"]));
    let names: Vec<String> = site.iter().cloned().chain(root).chain(publisher).collect();
    Meta {
        title: title(&tags, story, site.as_deref()),
        published: published(tree, &tags, story),
        authors: authors(tree, &tags, story, &objects, &names),
        canonical: canonical(&tags, url),
        site: site.or_else(|| url.and_then(host)),
        language: tags
            .language
            .clone()
            .or_else(|| tags.first(&["content-language", "og:locale", "dc.language"])),
        body: story.and_then(|story| text_at(story, &["articleBody"])).map(|body| text_of(&body)),
    }
}

/// The tags of the page that speak about it.
#[derive(Debug, Default)]
struct Tags {
    /// Names in lower case, values decoded.
    meta: Vec<(String, String)>,
    /// Texts of `h1`, in order.
    headlines: Vec<String>,
    title: Option<String>,
    canonical: Option<String>,
    base: Option<String>,
    language: Option<String>,
}

/// Headlines of one page that are looked at.
const HEADLINES_MAX: usize = 10;

impl Tags {
    fn of(tree: &Tree) -> Tags {
        let mut tags = Tags::default();
        for (id, node) in tree.nodes.iter().enumerate().skip(1) {
            match node.name.as_ref() {
                "meta" => tags.meta(node.raw),
                "h1" if tags.headlines.len() < HEADLINES_MAX => {
                    tags.headlines.extend(Some(inner_text(tree, id)).filter(|text| !text.is_empty()))
                }
                "title" if tags.title.is_none() => tags.title = Some(inner_text(tree, id)),
                "base" if tags.base.is_none() => tags.base = attribute(node.raw, "href"),
                "html" => {
                    tags.language = attribute(node.raw, "lang").or_else(|| attribute(node.raw, "xml:lang"))
                }
                "link" if tags.canonical.is_none() => {
                    let rel = attribute(node.raw, "rel").unwrap_or_default();
                    if rel.eq_ignore_ascii_case("canonical") {
                        tags.canonical = attribute(node.raw, "href");
                    }
                }
                _ => {}
            }
        }
        tags
    }

    fn meta(&mut self, raw: &str) {
        let Some(content) = attribute(raw, "content").filter(|content| !content.trim().is_empty()) else {
            return;
        };
        for key in ["property", "name", "itemprop", "http-equiv"] {
            if let Some(name) = attribute(raw, key) {
                self.meta.push((name.trim().to_ascii_lowercase(), content.trim().to_owned()));
            }
        }
    }

    /// The first value of the first of `names` that has one, on one line.
    fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.all(name).next()).map(line_of).filter(|text| !text.is_empty())
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.meta.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Text within an element, on one line; of a long one its beginning.
fn inner_text(tree: &Tree, id: NodeId) -> String {
    const NODES_MAX: usize = 200;
    let mut html = String::new();
    for node in tree.nodes[id + 1..tree.nodes[id].end].iter().take(NODES_MAX) {
        if node.name.is_empty() {
            html.push_str(node.raw);
        } else if crate::page::tree::is_block(&node.name) || node.name == "br" {
            html.push(' ');
        }
    }
    line_of(&html)
}

/// One JSON-LD script; pages break strings over lines, which JSON forbids.
fn json(raw: &str) -> Option<Value> {
    let speaks = ["headline", "datePublished", "author", "articleBody"].iter().any(|key| raw.contains(key));
    if !speaks {
        return None;
    }
    let raw = raw
        .trim()
        .trim_start_matches("<!--")
        .trim_start_matches("//<![CDATA[")
        .trim_start_matches("<![CDATA[");
    let raw = raw
        .trim_end_matches("-->")
        .trim_end_matches("//]]>")
        .trim_end_matches("]]>")
        .trim()
        .trim_end_matches(';');
    let clean: String = raw.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    serde_json::from_str(&clean).ok()
}

/// Every object in a JSON-LD value; serde_json limits its depth.
fn collect<'a>(value: &'a Value, objects: &mut Vec<&'a Value>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, objects)),
        Value::Object(map) => {
            objects.push(value);
            map.values().for_each(|value| collect(value, objects));
        }
        _ => {}
    }
}

/// The object that describes this page's article, not one that it links to.
fn story<'a>(objects: &[&'a Value], tags: &Tags) -> Option<&'a Value> {
    let is_story = |object: &&&Value| {
        let kind = object.get("@type").map(Value::to_string).unwrap_or_default();
        let described = object.get("headline").is_some() || object.get("datePublished").is_some();
        described
            && ["Article", "Posting", "Report", "Review", "WebPage"].iter().any(|name| kind.contains(name))
    };
    let known: Vec<&str> = tags.headlines.iter().map(String::as_str).chain(tags.title.as_deref()).collect();
    let fits = |object: &&&Value| {
        let headline = text_at(object, &["headline"]).unwrap_or_default();
        known.iter().any(|title| likeness(&headline, title) >= 0.5)
    };
    let page = |object: &&&Value| object.get("@type").is_some_and(|kind| kind == "WebPage");
    let candidates = || objects.iter().filter(is_story);
    let found = candidates().filter(|object| !page(object)).find(fits);
    let found = found.or_else(|| candidates().find(|object| !page(object)));
    found.or_else(|| candidates().next()).copied()
}

/// Text at a path; the first of a list.
fn text_at(value: &Value, path: &[&str]) -> Option<String> {
    let mut at = value;
    for key in path {
        at = at.get(key)?;
        if let Value::Array(values) = at {
            at = values.first()?;
        }
    }
    at.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The headline that the reader sees, if a second source bears it out and
/// JSON-LD states no other; else what JSON-LD, the social tags, the first
/// headline or the window's title say.
fn title(tags: &Tags, story: Option<&Value>, site: Option<&str>) -> Option<String> {
    let ld = story.and_then(|story| text_at(story, &["headline"])).map(|title| line_of(&title));
    let social: Vec<String> =
        ["og:title", "twitter:title", "title"].iter().filter_map(|name| tags.first(&[name])).collect();
    let window = tags.title.clone();
    let others: Vec<&String> = ld.iter().chain(&social).chain(&window).collect();
    let borne_out = tags.headlines.iter().find(|headline| {
        let own = plain(headline);
        own.contains(' ') && others.iter().any(|other| plain(other).contains(&own))
    });
    let states_another = |ld: &&String| {
        let whole = plain(ld).split(' ').count() >= 4 && !ld.ends_with('…') && !ld.ends_with("...");
        whole && borne_out.is_none_or(|headline| !plain(ld).contains(&plain(headline)))
    };
    let without_site = |title: &String| without_site(title, site);
    ld.as_ref()
        .filter(states_another)
        .or(borne_out)
        .or(ld.as_ref())
        .cloned()
        .or_else(|| social.first().map(without_site))
        .or_else(|| tags.headlines.first().cloned())
        .or_else(|| window.as_ref().map(without_site))
        .filter(|title| !title.is_empty())
}

/// `Headline | Example News` to `Headline`, where the end is the site's name.
fn without_site(title: &str, site: Option<&str>) -> String {
    for separator in [" | ", " - ", " – ", " — ", " · ", " :: ", " » "] {
        if let Some((head, tail)) = title.rsplit_once(separator)
            && site.is_some_and(|site| likeness(tail, site) > 0.5 || plain(site).contains(&plain(tail)))
        {
            return head.trim().to_owned();
        }
    }
    title.to_owned()
}

/// Words in lower case with single spaces between.
fn plain(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// Share of the shorter text's words that the other has, 0 to 1.
fn likeness(a: &str, b: &str) -> f64 {
    let (a, b) = (plain(a), plain(b));
    let (a, b): (Vec<&str>, Vec<&str>) = (a.split(' ').collect(), b.split(' ').collect());
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    short.iter().filter(|word| !word.is_empty() && long.contains(word)).count() as f64 / short.len() as f64
}

fn published(tree: &Tree, tags: &Tags, story: Option<&Value>) -> Option<DateTime<Utc>> {
    const NAMES: &str = "article:published_time article:published:time og:article:published_time og:published_time \
        datepublished article.published published_time publish-date publishdate pubdate \
        publication_date parsely-pub-date sailthru.date dc.date.issued dcterms.created dc.date \
        dcterms.date dc.date.created article_date_original cxenseparse:recs:publishtime \
        last-publish-date date";
    let stated = story.and_then(|story| text_at(story, &["datePublished"])).and_then(|text| date(&text));
    let tagged = || NAMES.split(' ').find_map(|name| tags.all(name).find_map(date));
    stated.or_else(tagged).or_else(|| marked_date(tree))
}

/// A date in the markup that says it is the publication: `itemprop`, `pubdate`,
/// a class; or the only one on the page.
fn marked_date(tree: &Tree) -> Option<DateTime<Utc>> {
    let stamp = |id: NodeId| {
        let raw = tree.nodes[id].raw;
        ["datetime", "content"].iter().find_map(|name| attribute(raw, name)).and_then(|text| date(&text))
    };
    let ids = || {
        (1..tree.nodes.len()).filter(|&id| !tree.nodes[id].name.is_empty() && !tree.nodes[id].raw.is_empty())
    };
    let itemprop = ids().find_map(|id| {
        let is_date = tree.raw_attribute(id, "itemprop").is_some_and(|prop| prop.contains("datePublished"));
        is_date.then(|| stamp(id).or_else(|| date(&inner_text(tree, id)))).flatten()
    });
    let times = || ids().filter(|&id| tree.nodes[id].name == "time");
    let says_so = |id: &NodeId| {
        let class = tree.raw_attribute(*id, "class").unwrap_or_default().to_ascii_lowercase();
        class.contains("publish") || tree.raw_attribute(*id, "pubdate").is_some()
    };
    let only = || {
        let mut all = times().filter_map(stamp);
        let first = all.next()?;
        all.all(|other| other == first).then_some(first)
    };
    itemprop.or_else(|| times().filter(says_so).find_map(stamp)).or_else(only)
}

/// People before the publication itself, which many pages name as author.
fn authors(
    tree: &Tree,
    tags: &Tags,
    story: Option<&Value>,
    objects: &[&Value],
    names: &[String],
) -> Vec<String> {
    const NAMES: [&str; 7] = [
        "author",
        "article:author",
        "dc.creator",
        "parsely-author",
        "byl",
        "sailthru.author",
        "cxenseparse:author",
    ];
    let stated = story.and_then(|story| story.get("author")).map(|author| ld_names(author, objects, 0));
    let stated = people(stated.unwrap_or_default().iter());
    let are_people =
        |found: &Vec<String>| !found.is_empty() && !found.iter().any(|name| is_publication(name, names));
    if are_people(&stated) {
        return stated;
    }
    let tagged = NAMES.iter().map(|name| people(tags.all(name).map(line_of).collect::<Vec<_>>().iter()));
    let tagged: Vec<Vec<String>> = tagged.chain([people(written_by(tags).iter())]).collect();
    if let Some(people) = tagged.iter().find(|found| are_people(found)) {
        return people.clone();
    }
    let marked = people(bylines(tree).iter());
    if are_people(&marked) {
        return marked;
    }
    [stated].into_iter().chain(tagged).chain([marked]).find(|found| !found.is_empty()).unwrap_or_default()
}

/// Whether a name is the publication's: its site's, or what its host begins with.
fn is_publication(name: &str, names: &[String]) -> bool {
    let joined = |text: &str| {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>()
    };
    let own = joined(name);
    names.iter().map(|name| joined(name)).any(|known| known.chars().count() >= 2 && own.starts_with(&known))
}

/// The social tags' pair of label and value: `Written by`, `Anna Test`.
fn written_by(tags: &Tags) -> Vec<String> {
    const LABELS: [&str; 8] = [
        "written by",
        "verfasst von",
        "geschrieben von",
        "écrit par",
        "escrito por",
        "scritto da",
        "автор",
        "napisane przez",
    ];
    let pairs = [("twitter:label1", "twitter:data1"), ("twitter:label2", "twitter:data2")];
    let written = pairs.iter().filter(|(label, _)| {
        tags.first(&[label]).is_some_and(|label| LABELS.contains(&label.to_lowercase().as_str()))
    });
    written.filter_map(|(_, value)| tags.first(&[value])).collect()
}

/// Names in a JSON-LD `author`: a text, an object, a reference, or a list of them.
fn ld_names(author: &Value, objects: &[&Value], depth: usize) -> Vec<String> {
    const DEPTH_MAX: usize = 4;
    if depth > DEPTH_MAX {
        return Vec::new();
    }
    match author {
        Value::String(name) => vec![line_of(name)],
        Value::Array(authors) => {
            authors.iter().flat_map(|author| ld_names(author, objects, depth + 1)).collect()
        }
        Value::Object(map) => match map.get("name") {
            Some(name) => ld_names(name, objects, depth + 1),
            None => {
                let id = map.get("@id");
                let is_meant = |object: &&&Value| {
                    id.is_some() && object.get("@id") == id && object.get("name").is_some()
                };
                let meant = objects.iter().find(is_meant);
                meant
                    .and_then(|object| object.get("name"))
                    .map(|name| ld_names(name, objects, depth + 1))
                    .unwrap_or_default()
            }
        },
        _ => Vec::new(),
    }
}

/// Single names: lists cut, `By` and titles of links gone, addresses left out.
fn people<'a>(raw: impl Iterator<Item = &'a String>) -> Vec<String> {
    const NAME_CHARS_MAX: usize = 60;
    let mut names: Vec<String> = Vec::new();
    for part in raw.flat_map(|raw| parts(raw)) {
        let name = without_by(part.trim().trim_matches([',', ';', '|', '•', '·', '/', ' ']));
        let is_name = name.chars().any(char::is_alphabetic)
            && name.chars().count() <= NAME_CHARS_MAX
            && !name.contains("://")
            && !name.contains('@')
            && !name.contains("www.");
        if is_name && !names.iter().any(|known| plain(known) == plain(name)) {
            names.push(name.to_owned());
        }
    }
    names
}

/// `A, B and C` to its names; `and` in the languages we read. A name has at
/// least two words on each side of it.
fn parts(list: &str) -> Vec<&str> {
    const ANDS: [&str; 14] = [
        " and ",
        " und ",
        " et ",
        " og ",
        " och ",
        " & ",
        " и ",
        " та ",
        " жана ",
        " және ",
        " va ",
        " ва ",
        " y ",
        " e ",
    ];
    let mut parts: Vec<&str> = list.split([',', ';', '\n']).collect();
    for and in ANDS {
        let cut = |part: &&'_ str| part.split(and).all(|name| name.split_whitespace().count() >= 2);
        parts = parts
            .into_iter()
            .flat_map(|part| if cut(&part) { part.split(and).collect() } else { vec![part] })
            .collect();
    }
    parts
}

fn without_by(name: &str) -> &str {
    const BYS: [&str; 14] = [
        "by ",
        "von ",
        "par ",
        "por ",
        "di ",
        "door ",
        "av ",
        "af ",
        "автор: ",
        "автор ",
        "text: ",
        "autor: ",
        "author: ",
        "muallif: ",
    ];
    let lower = name.to_lowercase();
    let by = BYS.iter().find(|by| lower.starts_with(**by) && lower.len() == name.len());
    by.and_then(|by| name.get(by.len()..)).unwrap_or(name).trim()
}

/// Short texts that the markup calls the author.
fn bylines(tree: &Tree) -> Vec<String> {
    let ids = || {
        (1..tree.nodes.len()).filter(|&id| !tree.nodes[id].name.is_empty() && !tree.nodes[id].raw.is_empty())
    };
    let has = |id: NodeId, name: &str, value: &str| {
        let found = tree.raw_attribute(id, name);
        found.is_some_and(|found| found.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case(value)))
    };
    let linked: Vec<String> =
        ids().filter(|&id| has(id, "rel", "author")).filter_map(|id| short_text(tree, id)).collect();
    if !linked.is_empty() {
        return linked;
    }
    let marked = ids().find(|&id| has(id, "itemprop", "author")).and_then(|id| {
        let name = (id..tree.nodes[id].end).find(|&inner| has(inner, "itemprop", "name")).unwrap_or(id);
        tree.raw_attribute(name, "content").map(line_of).or_else(|| short_text(tree, name))
    });
    let named =
        marked.or_else(|| ids().filter(|&id| is_named_author(tree, id)).find_map(|id| short_text(tree, id)));
    named
        .or_else(|| ids().filter(|&id| leads_to_author(tree, id)).find_map(|id| short_text(tree, id)))
        .into_iter()
        .collect()
}

fn short_text(tree: &Tree, id: NodeId) -> Option<String> {
    const BYLINE_CHARS_MAX: usize = 90;
    let text = inner_text(tree, id);
    let is_name = text.chars().any(char::is_alphabetic) && !text.chars().any(|c| c.is_ascii_digit());
    (is_name && text.chars().count() <= BYLINE_CHARS_MAX).then_some(text)
}

fn is_named_author(tree: &Tree, id: NodeId) -> bool {
    let says_so = |word: &str| {
        matches!(word, "byline" | "byline__name" | "byline-name")
            || [
                "author",
                "authors",
                "authorname",
                "author-name",
                "author__name",
                "author_name",
                "authors__list-item",
            ]
            .iter()
            .any(|end| word.ends_with(end))
    };
    ["class", "id"]
        .iter()
        .filter_map(|name| tree.raw_attribute(id, name))
        .any(|names| names.to_ascii_lowercase().split_ascii_whitespace().any(says_so))
}

/// A link to the page of an author, such as `/authors/aigul-test`.
fn leads_to_author(tree: &Tree, id: NodeId) -> bool {
    const SEGMENTS: &str = "/author/ /authors/ /autor/ /autoren/ /autores/ /auteur/ /avtor/ /avtory/";
    let href = tree.raw_attribute(id, "href").unwrap_or_default();
    tree.nodes[id].name == "a" && SEGMENTS.split(' ').any(|segment| href.contains(segment))
}

/// The page's own address: absolute, and of a page, not of the whole site.
fn canonical(tags: &Tags, url: Option<&str>) -> Option<String> {
    let own = url.and_then(|url| Url::parse(url).ok());
    let base = match (&tags.base, &own) {
        (Some(base), Some(own)) => own.join(base).ok(),
        (Some(base), None) => Url::parse(base).ok(),
        (None, own) => own.clone(),
    };
    let stated = tags.canonical.clone().or_else(|| tags.first(&["og:url"]))?;
    let stated = match base {
        Some(base) => base.join(stated.trim()).ok()?,
        None => Url::parse(stated.trim()).ok()?,
    };
    let names_the_site = stated.path() == "/" && own.is_some_and(|own| own.path() != "/");
    let is_web = matches!(stated.scheme(), "http" | "https");
    (is_web && !names_the_site).then(|| stated.to_string())
}

/// A date with its day; a year alone dates nothing.
fn date(text: &str) -> Option<DateTime<Utc>> {
    const DAY_BYTES_MIN: usize = 8;
    if text.trim().len() < DAY_BYTES_MIN { None } else { parse_date(text) }
}

fn host(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    url.host_str().map(|host| host.trim_start_matches("www.").to_owned())
}
