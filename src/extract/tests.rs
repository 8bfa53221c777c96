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

#[test]
fn an_address_is_a_title_until_the_page_has_a_better_one() {
    // As a sitemap lists it: the characters of an address are no references.
    let link = "https://example.org/7?a=1&copy=2&utm_source=map";
    let listed = article("Kloop", &entry(link, link, "7", "", ""), None);
    assert_eq!(listed.title, link);
    let page = |title: &str| Page { title: Some(title.into()), text: "It snowed.".into(), ..Page::default() };
    assert_eq!(with_page(listed.clone(), page("Snow in Khorog")).title, "Snow in Khorog");
    for nothing in [page(""), Page { title: None, ..page("") }] {
        assert_eq!(with_page(listed.clone(), nothing).title, link);
    }
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

fn read(html: &str) -> Page {
    page(html.as_bytes(), None, Some("https://news.example/2026/story?utm_source=rss"))
}

const STORY: &str = "<p>A court in Bishkek released the journalist Bolot Temirov on Monday after a hearing of two hours.</p>\
    <p>His lawyer said that the prosecutor had asked for five more days, and that he would appeal.</p>";

#[test]
fn a_title_is_what_two_sources_say() {
    let ld = |headline: &str| {
        format!(
            r#"<script type="application/ld+json">{{"@type":"NewsArticle","headline":"{headline}"}}</script>"#
        )
    };
    let cases = [
        ("a headline borne out", "<title>Temirov is free | Example</title><h1>Temirov is free</h1>".to_owned(), "Temirov is free"),
        ("the site's name in h1", "<title>Temirov is free</title><h1>Example News</h1><h1>Temirov is free</h1>".to_owned(), "Temirov is free"),
        ("JSON-LD says more", format!("<title>x</title><h1>Temirov free</h1>{}", ld("Bolot Temirov is free again")), "Bolot Temirov is free again"),
        ("JSON-LD cut short", format!("<title>Temirov is free again today</title><h1>Temirov is free again today</h1>{}", ld("Temirov is free again…")), "Temirov is free again today"),
        ("entities, escaped twice", "<meta property='og:title' content='Temirov &amp;amp; others'>".to_owned(), "Temirov & others"),
        ("the site's name cut off", "<meta property=og:site_name content='Example News'><title>Temirov is free - Example News</title>".to_owned(), "Temirov is free"),
        ("a dash that is part of it", "<meta property=og:site_name content='Example News'><title>Khorog - Osh</title>".to_owned(), "Khorog - Osh"),
        ("only a headline", "<h1>Temirov <i>is</i><br>free</h1>".to_owned(), "Temirov is free"),
    ];
    for (name, head, wanted) in cases {
        assert_eq!(read(&format!("{head}{STORY}")).title.as_deref(), Some(wanted), "{name}");
    }
    assert_eq!(read(STORY).title, None);
}

#[test]
fn a_date_is_stated_or_not_there() {
    let cases = [
        (
            r#"<script type="application/ld+json">{"@type":"Article","datePublished":"2026-11-23T10:00:00+06:00"}</script>"#,
            Some("2026-11-23T04:00:00Z"),
        ),
        (
            "<script type='application/ld+json'>[{\"@type\":\"NewsArticle\",\n\"headline\":\"broken\nover lines\",\"datePublished\":\"2026-11-23\"}];</script>",
            Some("2026-11-23T00:00:00Z"),
        ),
        ("<meta property=article:published_time content=2026-11-23T10:00:00Z>", Some("2026-11-23T10:00:00Z")),
        ("<span itemprop=datePublished content='2026-11-23 10:00'>", Some("2026-11-23T10:00:00Z")),
        ("<time class='entry-date published' datetime=2026-11-23>", Some("2026-11-23T00:00:00Z")),
        ("<time datetime=2026-11-23>", Some("2026-11-23T00:00:00Z")),
        ("<time datetime=2026-11-23></time><time datetime=2026-11-20></time>", None),
        ("<meta property=article:modified_time content=2026-11-23T10:00:00Z>", None),
        ("<p>23.11.2026</p>", None),
    ];
    for (head, wanted) in cases {
        let found =
            read(&format!("{head}{STORY}")).published.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        assert_eq!(found.as_deref(), wanted, "{head}");
    }
}

#[test]
fn authors_are_people_before_the_publication() {
    let ld = |author: &str| {
        format!(
            r#"<script type="application/ld+json">{{"@type":"NewsArticle","headline":"x","author":{author}}}</script>"#
        )
    };
    let site = "<meta property=og:site_name content='Example News'>";
    let cases = [
        ("one", ld(r#"{"name":"Aigul Test"}"#), vec!["Aigul Test"]),
        ("a text", ld(r#""By Aigul Test""#), vec!["Aigul Test"]),
        ("a list", ld(r#"[{"name":"Aigul Test"},"Bek Sample"]"#), vec!["Aigul Test", "Bek Sample"]),
        (
            "a list in one name",
            ld(r#""Aigul Test and Bek Sample, Osh""#),
            vec!["Aigul Test", "Bek Sample", "Osh"],
        ),
        (
            "the publication, then a byline",
            format!("{site}{}<a class=author>Aigul Test</a>", ld(r#"{"name":"Example News"}"#)),
            vec!["Aigul Test"],
        ),
        ("only the publication", format!("{site}{}", ld(r#"{"name":"Example News"}"#)), vec!["Example News"]),
        ("meta", "<meta name=author content='Aigul Test'>".to_owned(), vec!["Aigul Test"]),
        (
            "an address is no name",
            "<meta name=author content='a.test@news.example'><a rel=author>Aigul Test</a>".to_owned(),
            vec!["Aigul Test"],
        ),
        (
            "written by",
            "<meta name=twitter:label1 content='Written by'><meta name=twitter:data1 content='Aigul Test'>"
                .to_owned(),
            vec!["Aigul Test"],
        ),
        (
            "itemprop",
            "<div itemprop=author><span itemprop=name>Aigul Test</span> 5 min</div>".to_owned(),
            vec!["Aigul Test"],
        ),
        ("a link", "<a href=/authors/aigul>Aigul Test</a>".to_owned(), vec!["Aigul Test"]),
        ("none", String::new(), vec![]),
    ];
    for (name, head, wanted) in cases {
        assert_eq!(read(&format!("{head}{STORY}")).authors, wanted, "{name}");
    }
}

#[test]
fn the_canonical_link_is_the_pages_own() {
    let cases = [
        ("<link rel=canonical href=/2026/story>", Some("https://news.example/2026/story")),
        (
            "<base href=https://other.example/a/><link rel=canonical href=b>",
            Some("https://other.example/a/b"),
        ),
        (
            "<meta property=og:url content=https://news.example/2026/story>",
            Some("https://news.example/2026/story"),
        ),
        ("<link rel=canonical href=/>", None),
        ("<link rel=canonical href=javascript:x>", None),
        ("", None),
    ];
    for (head, wanted) in cases {
        assert_eq!(read(&format!("{head}{STORY}")).canonical.as_deref(), wanted, "{head}");
    }
}

#[test]
fn a_page_with_little_on_it_is_read_all_the_same() {
    let body = r#"<script type="application/ld+json">{"@type":"NewsArticle","headline":"x","articleBody":"Temirov was released in Bishkek. His lawyer said so on Monday."}</script><div id=app></div>"#;
    let cases = [
        ("<h1>Khorog</h1><p>Snow.", "Snow."),
        ("just text", "just text"),
        (body, "Temirov was released in Bishkek. His lawyer said so on Monday."),
        ("", ""),
        ("<nav><a href=/>Home</a></nav>", ""),
    ];
    for (html, wanted) in cases {
        assert_eq!(read(html).text, wanted, "{html}");
    }
}

#[test]
fn hostile_pages_end() {
    for unit in [
        "<div>",
        "<b>x",
        "<table><tr><td>x",
        "<span>a",
        "&",
        "<h1>x",
        "<article><p>A sentence, as it seems.",
        "\0",
        "<a rel=author>A B</a>",
    ] {
        let page = read(&unit.repeat(100_000 / unit.len()));
        assert!(page.text.len() <= 200_000, "{unit}");
    }
    let deep =
        format!(r#"<script type="application/ld+json">{{"author":{}</script>{STORY}"#, "[".repeat(100_000));
    assert!(read(&deep).text.contains("Temirov"));
}

proptest! {
    #[test]
    fn any_bytes_are_a_page(html in prop::collection::vec(any::<u8>(), 0..300)) {
        page(&html, None, None);
    }

    #[test]
    fn any_markup_is_a_page(pieces in prop::collection::vec(
        prop::sample::select(vec!["<p>", "</p>", "<article>", "<h1>", "</h1>", "<table><tr><td>", "</table>", "<a href=x>", "</a>", "<div class=related>", "</div>", "A sentence, long enough to be read as one, about Khorog.", " ", "<br>", "<time datetime=", "2026-11-23>", "<meta name=author content=", "'A B'>"]),
        0..60,
    )) {
        read(&pieces.concat());
    }
}

#[test]
fn the_users_rules_for_a_site_overrule_our_reading() {
    let html = format!(
        "<h1>Menu</h1><div class=x><h3>Temirov is free</h3><i class=d>23 November 2026</i><b class=w>A. Test</b>\
        <div class=t>{STORY}<p class=ad>Buy a lorry for Khorog, it is said to be the best one ever made.</p></div></div>"
    );
    let some = |css: &str| Some(css.to_owned());
    let rules = Rules {
        body: some(".t"),
        remove: some(".ad"),
        title: some("h3"),
        author: some(".w"),
        date: some(".d"),
    };
    assert_eq!(check_rules(&rules), Ok(()));
    let found = page_by(html.as_bytes(), None, None, &rules);
    assert_eq!(found.title.as_deref(), Some("Temirov is free"));
    assert_eq!(found.authors, ["A. Test"]);
    assert_eq!(found.published.map(|at| at.date_naive().to_string()).as_deref(), Some("2026-11-23"));
    assert!(
        found.text.contains("released the journalist") && !found.text.contains("lorry"),
        "{}",
        found.text
    );

    let nothing = Rules { body: some(".none"), title: some(".none"), ..Rules::default() };
    assert_eq!(page_by(STORY.as_bytes(), None, None, &nothing), page(STORY.as_bytes(), None, None));
    let wrong = Rules { remove: some("p["), ..Rules::default() };
    assert_eq!(check_rules(&wrong).expect_err("`p[` is no selector").0, "page_remove");
}
