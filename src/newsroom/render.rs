//! Stories to bytes: feeds of every dialect, article pages, the HTML list.

use crate::newsroom::press::{Desk, Format, Story};
use serde_json::json;
use std::fmt::Write;
use std::time::Duration;

/// Headlines of other stories beside an article, as every real page has them.
const BESIDE_MAX: usize = 3;

/// One document and how it is answered.
pub(super) struct Print {
    pub path: String,
    pub content_type: String,
    pub bytes: Vec<u8>,
    pub status: u16,
    pub delay: Option<Duration>,
}

/// All documents of an outlet: its list, and a page for each story.
pub(super) fn outlet(desk: &Desk) -> Vec<Print> {
    let (kind, list) = match desk.format {
        Format::Rss => ("application/rss+xml", rss(desk)),
        Format::Atom => ("application/atom+xml", atom(desk)),
        Format::Rdf => ("application/rdf+xml", rdf(desk)),
        Format::JsonFeed => ("application/feed+json", json_feed(desk)),
        Format::Page => ("text/html", html_list(desk)),
    };
    let mut prints = vec![print(desk, desk.list_path(), kind, &list, desk.delay)];
    for (at, story) in desk.stories.iter().enumerate() {
        prints.push(print(desk, desk.page_path(&story.slug), "text/html", &article(desk, at, story), None));
    }
    prints
}

/// The newsroom's front page, from which every feed can be discovered.
pub(super) fn front(desks: &[Desk]) -> String {
    let mut html = String::from("<!doctype html>\n<html lang=\"en\"><head><title>The newsroom</title>\n");
    for desk in desks.iter().filter(|desk| desk.format != Format::Page) {
        let kind =
            if desk.format == Format::JsonFeed { "application/feed+json" } else { "application/rss+xml" };
        let _ = writeln!(
            html,
            "<link rel=\"alternate\" type=\"{kind}\" title=\"{}\" href=\"{}\">",
            escape(&desk.name),
            desk.list_path()
        );
    }
    html.push_str("</head><body><h1>The newsroom</h1><ul>\n");
    for desk in desks {
        let _ = writeln!(html, "<li><a href=\"{}\">{}</a></li>", desk.list_path(), escape(&desk.name));
    }
    html + "</ul></body></html>\n"
}

fn print(desk: &Desk, path: String, kind: &str, text: &str, delay: Option<Duration>) -> Print {
    let encoding = encoding_rs::Encoding::for_label(desk.charset.as_bytes()).unwrap_or(encoding_rs::UTF_8);
    let (bytes, _, _) = encoding.encode(text);
    // JSON Feed is UTF-8 by definition and has no charset to say.
    let content_type = match desk.format {
        Format::JsonFeed if kind != "text/html" => kind.to_string(),
        _ => format!("{kind}; charset={}", desk.charset),
    };
    Print { path, content_type, bytes: bytes.into_owned(), status: desk.status, delay }
}

fn rss(desk: &Desk) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"{}\"?>\n\
         <rss version=\"2.0\" xmlns:content=\"http://purl.org/rss/1.0/modules/content/\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n<channel>\n<title>{}</title>\n<link>{}/</link>\n\
         <description>{}</description>\n<language>{}</language>\n",
        desk.charset,
        careless(desk, &desk.name),
        desk.site,
        if desk.is_broken { "News & more&nbsp;<br>every day" } else { "News of a press that is made up" },
        desk.language,
    );
    for story in &desk.stories {
        let _ = write!(
            xml,
            "<item>\n<title>{}</title>\n<link>{}</link>\n<guid isPermaLink=\"false\">{}</guid>\n\
             <pubDate>{}</pubDate>\n<description>{}</description>\n",
            careless(desk, &story.title),
            desk.page_url(&story.slug),
            guid(desk, story),
            story.published_at.to_rfc2822(),
            careless(desk, first_sentence(&story.text)),
        );
        if let Some(author) = &story.author {
            let _ = writeln!(xml, "<dc:creator>{}</dc:creator>", escape(author));
        }
        if desk.is_full {
            let _ =
                writeln!(xml, "<content:encoded><![CDATA[{}]]></content:encoded>", paragraphs(&story.text));
        }
        xml.push_str("</item>\n");
    }
    match desk.is_broken {
        true => xml + "</channel>\n",
        false => xml + "</channel>\n</rss>\n",
    }
}

fn atom(desk: &Desk) -> String {
    let updated_at = desk.stories.iter().map(|story| story.published_at).max().unwrap_or_default();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"{}\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"{}\">\n\
         <title>{}</title>\n<link rel=\"alternate\" href=\"{}/\"/>\n<id>tag:{}</id>\n<updated>{}</updated>\n",
        desk.charset,
        desk.language,
        escape(&desk.name),
        desk.site,
        desk.slug,
        updated_at.to_rfc3339(),
    );
    for story in &desk.stories {
        let _ = write!(
            xml,
            "<entry>\n<title>{}</title>\n<link href=\"{}\"/>\n<id>{}</id>\n<updated>{time}</updated>\n\
             <published>{time}</published>\n<author><name>{}</name></author>\n<summary>{}</summary>\n",
            escape(&story.title),
            desk.page_url(&story.slug),
            guid(desk, story),
            escape(story.author.as_deref().unwrap_or(&desk.name)),
            escape(first_sentence(&story.text)),
            time = story.published_at.to_rfc3339(),
        );
        if desk.is_full {
            let _ = writeln!(xml, "<content type=\"html\">{}</content>", escape(&paragraphs(&story.text)));
        }
        xml.push_str("</entry>\n");
    }
    xml + "</feed>\n"
}

fn rdf(desk: &Desk) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"{}\"?>\n\
         <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns=\"http://purl.org/rss/1.0/\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n<channel rdf:about=\"{site}/\">\n<title>{}</title>\n\
         <link>{site}/</link>\n<description>News of a press that is made up</description>\n\
         <dc:language>{}</dc:language>\n<items><rdf:Seq>\n",
        desk.charset,
        escape(&desk.name),
        desk.language,
        site = desk.site,
    );
    for story in &desk.stories {
        let _ = writeln!(xml, "<rdf:li rdf:resource=\"{}\"/>", desk.page_url(&story.slug));
    }
    xml.push_str("</rdf:Seq></items>\n</channel>\n");
    for story in &desk.stories {
        let text = if desk.is_full { &story.text } else { first_sentence(&story.text) };
        let _ = writeln!(
            xml,
            "<item rdf:about=\"{url}\">\n<title>{}</title>\n<link>{url}</link>\n<dc:date>{}</dc:date>\n\
             <description>{}</description>\n</item>",
            escape(&story.title),
            story.published_at.to_rfc3339(),
            escape(text),
            url = desk.page_url(&story.slug),
        );
    }
    xml + "</rdf:RDF>\n"
}

fn json_feed(desk: &Desk) -> String {
    let item = |story: &Story| {
        json!({
            "id": guid(desk, story),
            "url": desk.page_url(&story.slug),
            "title": story.title,
            "content_text": if desk.is_full { &story.text } else { first_sentence(&story.text) },
            "date_published": story.published_at.to_rfc3339(),
            "authors": story.author.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
        })
    };
    let feed = json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": desk.name,
        "home_page_url": format!("{}/", desk.site),
        "language": desk.language,
        "items": desk.stories.iter().map(item).collect::<Vec<_>>(),
    });
    format!("{feed:#}\n")
}

fn html_list(desk: &Desk) -> String {
    let mut html = page_head(desk, &desk.name);
    let _ = writeln!(html, "<h1>{}</h1>\n<ul>", escape(&desk.name));
    for story in &desk.stories {
        let _ = writeln!(
            html,
            "<li class=\"notice\"><h2><a href=\"{}\">{}</a></h2>\n<time datetime=\"{}\">{}</time>\n<p>{}</p></li>",
            desk.page_path(&story.slug),
            escape(&story.title),
            story.published_at.to_rfc3339(),
            story.published_at.format("%d.%m.%Y"),
            escape(first_sentence(&story.text)),
        );
    }
    html + "</ul>\n</body></html>\n"
}

fn article(desk: &Desk, at: usize, story: &Story) -> String {
    let mut html = page_head(desk, &story.title);
    let _ = write!(
        html,
        "<nav><a href=\"/\">{}</a> <a href=\"#\">World</a> <a href=\"#\">Sport</a></nav>\n\
         <main><article>\n<h1>{}</h1>\n",
        escape(&desk.name),
        escape(&story.title),
    );
    if let Some(author) = &story.author {
        let _ = writeln!(html, "<p class=\"byline\"><span class=\"author\">{}</span></p>", escape(author));
    }
    let time = story.published_at.to_rfc3339();
    let _ = write!(
        html,
        "<time datetime=\"{time}\">{time}</time>\n{}</article></main>\n<aside><ul>\n",
        paragraphs(&story.text)
    );
    let others =
        desk.stories.iter().cycle().skip(at + 1).take(BESIDE_MAX.min(desk.stories.len().saturating_sub(1)));
    for other in others {
        let _ = writeln!(
            html,
            "<li><a href=\"{}\">{}</a></li>",
            desk.page_path(&other.slug),
            escape(&other.title)
        );
    }
    let _ = writeln!(
        html,
        "</ul></aside>\n<footer>{}. All of it made up.</footer>\n</body></html>",
        escape(&desk.name)
    );
    html
}

fn page_head(desk: &Desk, title: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head><meta charset=\"{}\"><title>{}</title></head>\n<body>\n",
        desk.language,
        desk.charset,
        escape(title),
    )
}

/// The same wherever the newsroom listens.
fn guid(desk: &Desk, story: &Story) -> String {
    format!("tag:{}:{}", desk.slug, story.slug)
}

fn paragraphs(text: &str) -> String {
    text.split("\n\n").map(|paragraph| format!("<p>{}</p>\n", escape(paragraph.trim()))).collect()
}

/// The teaser: up to the first full stop that a blank follows.
fn first_sentence(text: &str) -> &str {
    let text = text.split("\n\n").next().unwrap_or_default();
    let end = text.match_indices(". ").map(|(at, _)| at + 1).find(|at| *at > 40).unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Escaped, or forgotten to be, as the outlet does.
fn careless(desk: &Desk, text: &str) -> String {
    if desk.is_broken { text.to_string() } else { escape(text) }
}
