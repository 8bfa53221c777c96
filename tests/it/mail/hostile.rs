//! Mail made of an enemy's text is still only our mail.

use super::{composed, envelope, named};
use mail_parser::MessageParser;
use newswatch::digest::{Copy, Digest};
use newswatch::mail::wire;
use proptest::prelude::*;
use scraper::{Html, Selector};

const ELEMENTS: &[&str] = &[
    "html", "head", "meta", "title", "style", "body", "div", "table", "tbody", "tr", "td", "p", "h1", "h2",
    "a", "b", "bdi", "br", "code", "mark", "span", "del", "ins",
];
const ATTRIBUTES: &[&str] = &[
    "lang",
    "charset",
    "name",
    "content",
    "class",
    "style",
    "role",
    "width",
    "cellpadding",
    "cellspacing",
    "border",
    "align",
    "dir",
    "href",
];
const HEADERS: &[&str] = &[
    "From",
    "To",
    "Subject",
    "Date",
    "List-Id",
    "List-Unsubscribe",
    "Auto-Submitted",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// What an enemy would put in, between ordinary words.
fn foreign() -> impl Strategy<Value = String> {
    let trick = prop::sample::select(vec![
        "\r\nBcc: all@example.org",
        "\n.\n",
        "\r.\r",
        "\r\n.\r\nMAIL FROM:<x@example.org>\r\n",
        "\0",
        "\u{2028}",
        "\u{85}",
        "\u{202E}",
        "\u{2066}",
        "\u{200B}",
        "\u{FEFF}",
        "<script>alert(1)</script>",
        "</title><img src=x>",
        "\" onmouseover=\"alert(1)",
        "' style='x",
        "javascript:alert(1)",
        "https://a.example/\"><b>",
        "{{ x }}",
        "=?utf-8?Q?=0D=0ABcc:?=",
        "<!--",
        "]]>",
        "&lt;script&gt;",
        "&#60;script>",
        "Темиров",
        "Temirov ",
        "ө",
        " ",
        "--newswatch-",
        "https://",
    ]);
    let word = prop_oneof![trick.prop_map(String::from), any::<String>(), "[a-z]{1,1200}"];
    prop::collection::vec(word, 0..6).prop_map(|words| words.concat())
}

fn scheme() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "https://a.example/",
        "http://",
        "javascript:",
        "data:text/html,",
        "file:///",
    ])
}

pub fn check(digest: &Digest) {
    assert_no_foreign_markup(&digest.html);
    let hidden = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}'
                | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
    };
    assert!(!digest.text.contains(hidden) && !digest.html.contains(hidden));
    assert!(!digest.subject.contains(|c| hidden(c) || c == '\n'));
    let mail = wire(&envelope(), digest).expect("a mail");
    for line in mail.bytes().split(|byte| *byte == b'\n') {
        assert!(line.is_empty() || line.ends_with(b"\r"), "bare LF");
        assert!(
            line.len() <= 999 && line.iter().filter(|byte| **byte == b'\r').count() <= 1,
            "bare CR or long"
        );
    }
    let parsed = MessageParser::default().parse(mail.bytes()).expect("a mail");
    for part in &parsed.parts {
        for header in part.headers() {
            let known = HEADERS.iter().any(|known| known.eq_ignore_ascii_case(header.name()));
            assert!(known, "header {}", header.name());
        }
    }
    assert_eq!(parsed.parts.len(), 3);
    let read = |part: Option<std::borrow::Cow<str>>| {
        part.map(|text| text.replace("\r\n", "\n").trim_end().to_string())
    };
    assert_eq!(read(parsed.body_text(0)).as_deref(), Some(digest.text.trim_end()));
    assert_eq!(read(parsed.body_html(0)).as_deref(), Some(digest.html.trim_end()));
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(parsed.subject().map(words), Some(words(&digest.subject.replace("=?", "= ?"))));
}

fn assert_no_foreign_markup(html: &str) {
    let page = Html::parse_document(html);
    for element in page.select(&Selector::parse("*").expect("a selector")) {
        let name = element.value().name();
        assert!(ELEMENTS.contains(&name), "element <{name}>");
        for (attribute, value) in element.value().attrs() {
            assert!(ATTRIBUTES.contains(&attribute), "attribute {attribute} on <{name}>");
            let is_web = value.starts_with("https://") || value.starts_with("http://");
            assert!(attribute != "href" || is_web, "link to {value}");
        }
    }
    assert_eq!(page.select(&Selector::parse("[src],link,img,script").expect("a selector")).count(), 0);
}

#[test]
fn the_enemy_on_file_gets_nothing_in() {
    check(&composed(&named("hostile")));
}

proptest! {
    #[test]
    fn foreign_text_stays_text(texts in prop::collection::vec(foreign(), 9), schemes in (scheme(), scheme()), span in any::<(usize, usize)>()) {
        let mut facts = named("hostile");
        let item = &mut facts.items[0];
        item.title = texts[0].clone();
        item.text = texts[1].clone();
        item.link = Some(format!("{}{}", schemes.0, texts[2]));
        item.source = texts[3].clone();
        item.language = Some(texts[4].clone());
        item.also_in = vec![Copy { source: texts[5].clone(), link: Some(format!("{}{}", schemes.1, texts[5])), headline: Some(texts[0].clone()) }];
        item.watches[0].hits[0].rule = texts[6].clone();
        item.watches[0].hits[0].span = span.0..span.1;
        item.watches[0].hits[0].text = texts[1].chars().skip(3).take(5).collect();
        item.watches[0].watch = texts[7].clone();
        let corrected = &mut facts.corrected[0];
        corrected.title = texts[1].clone();
        corrected.text = format!("Temirov was freed. {}", texts[2]);
        corrected.watches[0].watch = texts[3].clone();
        let earlier = corrected.earlier.as_mut().expect("it was told before");
        earlier.title = texts[4].clone();
        earlier.text = format!("Temirov was held. {}", texts[5]);
        facts.items[0].earlier = Some(earlier.clone());
        facts.footer.sick[0].3 = texts[8].clone();
        facts.plan.name = texts[7].clone();
        check(&composed(&facts));
        facts.items.truncate(1);
        check(&composed(&facts));
    }
}
