use super::*;
use crate::feed::Entry;
use proptest::prelude::*;

fn entry(title: &str, link: &str, id: &str, summary: &str, content: &str) -> Entry {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Entry {
        id: some(id),
        title: some(title),
        link: some(link),
        summary: some(summary),
        content: some(content),
        ..Entry::default()
    }
}

#[test]
fn html_becomes_the_text_a_reader_sees() {
    let cases = [
        ("plain", "Temirov was released", "Temirov was released"),
        ("plain lines are lines", "One.\n\nTwo  spaced.\n", "One.\nTwo spaced."),
        ("paragraphs", "<p>One.</p><p>Two.</p>", "One.\nTwo."),
        ("unclosed paragraphs", "<p>One.<p>Two.", "One.\nTwo."),
        ("line breaks", "One.<br/>Two.<BR>Three.", "One.\nTwo.\nThree."),
        ("inline stays in the word", "Temi<b>rov</b>a", "Temirova"),
        ("cells", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("script", "a<script>if (a<b) {}</script>b", "a\nb"),
        ("style and case", "a<STYLE>p{}</Style >b", "a\nb"),
        ("comment", "a<!-- <p>no --> b", "a b"),
        ("open comment", "a <!-- b", "a b"),
        ("cdata", "<![CDATA[Khorog]]> news", "Khorog news"),
        ("named", "Gorno&ndash;Badakhshan &amp; more&nbsp;news &copy", "Gorno–Badakhshan & more news ©"),
        ("numbers", "&#1041;&#x43E;лот &#146;s&#0;", "Болот ’s\u{fffd}"),
        ("no reference", "AT&T & R&D &unknown; &#; &#x;", "AT&T & R&D &unknown; &#; &#x;"),
        ("a number too large", "&#99999999999999;", "\u{fffd}"),
        ("less than", "<p>3 < 4 and a<3</p>", "3 < 4 and a<3"),
        ("quoted >", r#"<a title="a > b" href='x'>link</a> text"#, "link text"),
        ("an open quote", r#"<a title="x>link</a> text"#, "link text"),
        ("an open tag", "text <b", "text <b"),
        ("escaped once too often", "&lt;p&gt;Temirov&lt;/p&gt;&lt;p&gt;Khorog&lt;/p&gt;", "Temirov\nKhorog"),
        ("control characters", "a\u{0}b\u{7}c", "a b c"),
        ("list", "<ul><li>one</li><li>two</li></ul>", "one\ntwo"),
    ];
    for (name, html, wanted) in cases {
        assert_eq!(text_of(html), wanted, "{name}");
    }
}

#[test]
fn hostile_text_costs_no_more_than_its_length() {
    for unit in
        ["<", "<!--", "<a \"", "<a '>", "&", "&#", "<script>", "<![CDATA[", "<!", "</", "<p ", "&lt;p&gt;"]
    {
        let html = unit.repeat(400_000 / unit.len());
        let text = text_of(&html);
        assert!(text.len() <= html.len(), "{unit}");
    }
}

#[test]
fn language_is_told_by_letters_then_words() {
    let cases = [
        ("Журналист Болот Темиров был задержан в Бишкеке, и его адвокат сообщил об этом.", Some("ru")),
        ("Журналист Болот Темиров Бишкекте кармалды, бул тууралуу анын адвокаты билдирди.", Some("ky")),
        ("Өлкөдө жаңы мыйзам күчүнө кирди.", Some("ky")),
        ("Журналист ұсталды, бұл туралы оның адвокаты хабарлады.", Some("kk")),
        ("Журналист қўлга олинди, бу ҳақда унинг адвокати маълум қилди.", Some("uz")),
        ("Jurnalist qoʻlga olindi, bu haqda uning advokati maʼlum qildi va boshqalar.", Some("uz")),
        ("Jurnalist qo'lga olindi, bu haqda uning advokati ma'lum qildi va o'z so'zini aytdi.", Some("uz")),
        ("Рӯзноманигор дар Хоруғ боздошт шуд, гуфт адвокати ӯ.", Some("tg")),
        ("Журналіста затримали в Києві, повідомив його адвокат.", Some("uk")),
        ("Journalist Bolot Temirov was detained in Bishkek, his lawyer said on Monday.", Some("en")),
        ("O'Brien's o'clock: the lawyer of the journalist said that o'Neill was in Khorog.", Some("en")),
        (
            "Der Journalist wurde in der Hauptstadt festgenommen und die Anwältin ist nicht bei ihm.",
            Some("de"),
        ),
        ("Le journaliste a été arrêté dans la capitale et il est en prison pour la nuit.", Some("fr")),
        (
            "В Ош приехал Өмүрбек, и он сказал, что в городе после дождя было много воды и что на рынке были люди, но из-за погоды торговля шла плохо, как это было и в прошлом году на этой неделе, когда дождь шёл три дня.",
            Some("ru"),
        ),
        ("Темиров", None),
        ("", None),
        ("12345 !!!", None),
    ];
    for (text, wanted) in cases {
        assert_eq!(language(text), wanted, "{text}");
    }
}

#[test]
fn the_sources_word_for_its_language_is_checked_against_letters() {
    let russian = "Журналист Болот Темиров был задержан в Бишкеке, и его адвокат сообщил об этом.";
    let kyrgyz = "Өлкөдө жаңы мыйзам күчүнө кирди.";
    let cases = [
        (Some("ru-RU"), russian, Some("ru")),
        (Some("en-US"), russian, Some("ru")),
        (Some("ru"), kyrgyz, Some("ky")),
        (Some("ky"), "Темиров", Some("ky")),
        (Some("en"), "Темиров", None),
        (Some("nonsense"), kyrgyz, Some("ky")),
        (None, "Темиров", None),
    ];
    for (declared, text, wanted) in cases {
        let made = article("Kloop", &entry("", "", "", text, ""), declared);
        assert_eq!(made.language.as_deref(), wanted, "{declared:?} {text}");
    }
}

#[test]
fn links_lose_what_only_counts_clicks() {
    let cases = [
        ("https://example.org/a?utm_source=rss&id=7&fbclid=x", "https://example.org/a?id=7"),
        ("https://example.org/a?utm_source=rss", "https://example.org/a"),
        ("https://example.org/a#xtor=RSS-3", "https://example.org/a"),
        ("https://Example.org/a?b=&c", "https://Example.org/a?b=&c"),
        ("https://example.org/#!/news/5", "https://example.org/#!/news/5"),
        ("tag:example.org,2026:5", "tag:example.org,2026:5"),
        ("not a link?utm_source=x", "not a link?utm_source=x"),
    ];
    for (link, wanted) in cases {
        assert_eq!(canonical(link), wanted);
    }
}

#[test]
fn an_article_keeps_its_identity() {
    let identity = |id, link, title| article("Kloop", &entry(title, link, id, "", ""), None).identity;
    assert_eq!(identity("7", "https://example.org/7", "Temirov"), "7");
    assert_eq!(identity("", "https://example.org/7?utm_medium=rss", "Temirov"), "https://example.org/7");
    // The feed's reading puts the link where a guid is missing.
    let link = "https://example.org/7?utm_medium=rss&utm_term=1";
    assert_eq!(identity(link, link, "Temirov"), "https://example.org/7");
    let hashed = identity("", "", "Temirov");
    assert!(hashed.starts_with("sha256:") && hashed == identity("", "", "Temirov"));
    assert_ne!(hashed, identity("", "", "Khorog"));
}

#[test]
fn an_entry_becomes_plain_text() {
    let made = article(
        "Kloop",
        &entry(
            "Temirov &amp; <b>others</b>",
            "https://example.org/7",
            "",
            "<p>Lead with Khorog.</p>",
            "<p>Body.</p>",
        ),
        Some("en"),
    );
    assert_eq!(made.title, "Temirov & others");
    assert_eq!(made.text, "Lead with Khorog.\nBody.");
    assert_eq!(made.link.as_deref(), Some("https://example.org/7"));

    let cut =
        article("Kloop", &entry("T", "", "", "The body of the […]", "<p>The body of the story.</p>"), None);
    assert_eq!(cut.text, "The body of the story.");
    let same = article("Kloop", &entry("T", "", "", "The body.", "<p>The body. And more.</p>"), None);
    assert_eq!(same.text, "The body. And more.");
    let tail = entry("T", "", "", "", "<p>Body.</p><p>The post T appeared first on Kloop.</p>");
    assert_eq!(article("Kloop", &tail, None).text, "Body.");
    let untitled = article("Kloop", &entry("", "", "", "Temirov was released in Bishkek.", ""), None);
    assert_eq!(untitled.title, "Temirov was released in Bishkek.");
}

#[test]
fn teasers_are_told_from_whole_texts() {
    let long = "Temirov was released in Bishkek on Monday. ".repeat(60);
    let cases = [
        ("a summary alone", "Temirov was released.", "", true),
        ("a long summary", long.as_str(), "", false),
        ("a whole text", "", long.as_str(), false),
        ("a long text that is cut", "", &format!("{long} and then…"), true),
        ("an invitation", "", &format!("<p>{long}</p><p><a href='x'>Read more</a></p>"), true),
        ("an invitation in Russian", &format!("{long} Читать далее"), "", true),
        ("nothing", "", "", true),
    ];
    for (name, summary, content, wanted) in cases {
        assert_eq!(teaser_only(&entry("T", "https://example.org", "", summary, content)), wanted, "{name}");
        assert!(!teaser_only(&entry("T", "", "", summary, content)), "{name}, without a link");
    }
}

#[test]
fn a_page_adds_to_the_article_and_takes_nothing() {
    let from_feed = article("Kloop", &entry("T", "https://example.org/7", "7", "Khorog lead.", ""), None);
    let page = Page {
        title: Some("Other".into()),
        text: "The whole story of the release.\nIn two paragraphs.".into(),
        authors: vec!["Aigul Test".into()],
        canonical: Some("https://example.org/other".into()),
        ..Page::default()
    };
    let whole = with_page(from_feed.clone(), page);
    assert_eq!(whole.text, "Khorog lead.\nThe whole story of the release.\nIn two paragraphs.");
    assert_eq!((whole.title.as_str(), whole.identity.as_str()), ("T", "7"));
    assert_eq!(whole.link.as_deref(), Some("https://example.org/7"));
    assert_eq!(whole.authors, ["Aigul Test"]);

    let wall = Page { text: "Accept.".into(), ..Page::default() };
    assert_eq!(with_page(from_feed.clone(), wall).text, from_feed.text);
}

proptest! {
    #[test]
    fn any_text_is_read(html in "\\PC*") {
        let text = text_of(&html);
        language(&text);
        canonical(&html);
    }

    #[test]
    fn any_markup_is_read(pieces in prop::collection::vec(
        prop::sample::select(vec!["<", ">", "p", "/", "!--", "-->", "\"", "'", "&", "#", ";", "amp", "ө", "script", " ", "=", "![CDATA["]),
        0..60,
    )) {
        text_of(&pieces.concat());
    }
}

/// What `NAME.json` beside a fixture says: what the page came with, and what
/// is to be read from it. The text is in `NAME.txt`.
#[derive(serde::Deserialize)]
struct Wanted {
    url: String,
    content_type: Option<String>,
    title: Option<String>,
    published: Option<DateTime<Utc>>,
    authors: Vec<String>,
    canonical: Option<String>,
    site: Option<String>,
    language: Option<String>,
}

#[test]
#[allow(clippy::disallowed_methods)]
fn pages_are_read_as_a_reader_sees_them() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/extract");
    let mut seen = 0;
    for file in std::fs::read_dir(directory).expect("the fixtures are in the repository") {
        let path = file.expect("the fixtures are in the repository").path();
        if path.extension().is_none_or(|extension| extension != "html") {
            continue;
        }
        let read =
            |extension| std::fs::read(path.with_extension(extension)).expect("a fixture has three files");
        let wanted: Wanted = serde_json::from_slice(&read("json")).expect("fixtures are valid JSON");
        let text = String::from_utf8(read("txt")).expect("expected texts are UTF-8");
        let found = page(&read("html"), wanted.content_type.as_deref(), Some(&wanted.url));
        let name = path.display();
        assert_eq!(found.text.trim(), text.trim(), "{name}");
        assert_eq!(found.title, wanted.title, "{name}");
        assert_eq!(found.published, wanted.published, "{name}");
        assert_eq!(found.authors, wanted.authors, "{name}");
        assert_eq!(found.canonical, wanted.canonical, "{name}");
        assert_eq!(found.site, wanted.site, "{name}");
        assert_eq!(found.language, wanted.language, "{name}");
        seen += 1;
    }
    assert!(seen >= 7, "only {seen} fixtures in {directory}");
}
