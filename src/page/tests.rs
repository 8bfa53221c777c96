use super::*;
use proptest::prelude::*;

const LIST: &str = r#"<!doctype html><html lang="ru"><head><title>Лента &mdash; Пример</title></head><body>
<nav><a href="/">Home</a></nav>
<ul class=news>
 <li><a href="/2026/temirov?id=1"><img src=x></a><h3><a href="/2026/temirov?id=1">Temirov <b>released</b></a></h3>
   <time datetime="2026-11-23T10:00:00+06:00">сегодня</time><p class=lead>A court in Bishkek.
 <li><h3><a href="https://other.example/khorog">Khorog &amp; the road</a></h3><time>23.11.2026</time>
 <li><h3>No link here</h3><time>soon</time>
 <li><span>nothing</span>
 <li><h3><a href="javascript:void(0)">Script</a></h3>
</ul></body></html>"#;

fn selectors() -> Selectors {
    Selectors {
        item: "ul.news > li".into(),
        title: Some("h3".into()),
        link: Some("h3 a".into()),
        date: Some("time".into()),
        summary: Some(".lead".into()),
    }
}

fn shown(feed: &Feed) -> Vec<String> {
    let entry = |entry: &Entry| {
        let date = entry.published.map(|at| at.to_rfc3339()).unwrap_or_default();
        let field = |text: &Option<String>| text.clone().unwrap_or_default();
        format!("{} | {} | {date} | {}", field(&entry.title), field(&entry.link), field(&entry.summary))
    };
    feed.entries.iter().map(entry).collect()
}

#[test]
fn each_selector_says_what_it_finds() {
    let shown = |selectors: &Selectors| {
        let found = found(LIST.as_bytes(), None, selectors);
        let line = |found: &Found| {
            format!("{} {} {}", found.key, found.count, found.first.as_deref().unwrap_or("nothing"))
        };
        found.iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        shown(&selectors()),
        [
            "item 5 Temirov released сегодняA court in Bishkek.",
            "title 4 Temirov released",
            "link 3 /2026/temirov?id=1",
            "date 3 2026-11-23T10:00:00+06:00",
            "summary 1 A court in Bishkek.",
        ]
    );
    // The usual where nothing is set: the first link and its text, which is a picture's here.
    let item_only = Selectors { item: "ul.news > li".into(), ..Selectors::default() };
    assert_eq!(shown(&item_only)[1..], ["title 2 Khorog & the road", "link 3 /2026/temirov?id=1"]);
    let changed = Selectors { item: "ul.gone > li".into(), ..selectors() };
    assert_eq!(shown(&changed)[..2], ["item 0 nothing", "title 0 nothing"]);
}

#[test]
fn a_list_is_read_as_entries() {
    let feed = read(LIST.as_bytes(), None, "https://news.example/list/", &selectors());
    assert_eq!(feed.title.as_deref(), Some("Лента — Пример"));
    assert_eq!(feed.language.as_deref(), Some("ru"));
    assert_eq!(
        shown(&feed),
        [
            "Temirov released | https://news.example/2026/temirov?id=1 | 2026-11-23T04:00:00+00:00 | A court in Bishkek.",
            "Khorog & the road | https://other.example/khorog | 2026-11-23T00:00:00+00:00 | ",
            "No link here |  |  | ",
            "Script |  |  | ",
        ]
    );
    let faults: Vec<String> =
        feed.faults.iter().map(|fault| format!("{}: {}", fault.place, fault.what)).collect();
    assert_eq!(
        faults,
        [
            "item 3 link: it has no link",
            "item 3 date: unreadable date `soon`",
            "item 4: it has neither title nor link",
            "item 5 link: `javascript:void(0)` leads nowhere",
        ]
    );
}

#[test]
fn title_and_link_are_found_without_selectors() {
    let page = "<base href='https://other.example/a/'><p><a href='b?x=1&amp;y=2'> Gorno-Badakhshan\n summit </a> more";
    let given = Selectors { item: "p".into(), ..Selectors::default() };
    let feed = read(page.as_bytes(), None, "https://news.example/", &given);
    assert_eq!(shown(&feed), ["Gorno-Badakhshan summit | https://other.example/a/b?x=1&y=2 |  | "]);
    let given = Selectors { item: "a".into(), ..Selectors::default() };
    assert_eq!(read(page.as_bytes(), None, "https://news.example/", &given).entries.len(), 1);
}

#[test]
fn a_page_without_items_says_so() {
    let feed = read(b"<p>We moved", None, "https://news.example/", &selectors());
    assert_eq!(feed.faults[0].what, "nothing on the page matches `ul.news > li`; has its layout changed?");
}

#[test]
fn a_wrong_selector_is_named_by_its_key() {
    assert_eq!(check(&selectors()), Ok(()));
    let cases = [
        ("item", Selectors { item: "li..news".into(), ..selectors() }),
        ("item", Selectors { item: " ".into(), ..selectors() }),
        ("title", Selectors { title: Some("h3[".into()), ..selectors() }),
        ("link", Selectors { link: Some(">".into()), ..selectors() }),
        ("date", Selectors { date: Some("time:nonsense(".into()), ..selectors() }),
        ("summary", Selectors { summary: Some("@p".into()), ..selectors() }),
    ];
    for (key, given) in cases {
        let (found, what) = check(&given).expect_err(key);
        assert_eq!(found, key, "{what}");
    }
}

#[test]
fn the_charset_is_what_the_bytes_bear_out() {
    let (russian, _, _) = encoding_rs::WINDOWS_1251.encode("<p>Темиров на свободе</p>");
    let meta =
        |charset: &str, bytes: &[u8]| [format!("<meta charset=\"{charset}\">").as_bytes(), bytes].concat();
    let utf_8 = "<p>Темиров на свободе</p>".as_bytes();
    let mut cut = utf_8.repeat(20);
    cut.truncate(cut.len() - 6);
    let utf_16: Vec<u8> = "<!doctype html><html lang=ru><head><p>Темиров на свободе</p>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let cases: [(&str, Vec<u8>, Option<&str>); 9] = [
        ("header", russian.to_vec(), Some("text/html; charset=windows-1251")),
        ("quoted header", russian.to_vec(), Some("text/html; Charset=\"cp1251\"")),
        ("meta", meta("windows-1251", &russian), None),
        ("nothing said", russian.repeat(4), None),
        ("UTF-8 under a wrong header", utf_8.to_vec(), Some("text/html; charset=windows-1251")),
        ("UTF-8 under a wrong meta", meta("windows-1251", utf_8), None),
        ("UTF-8 header over windows-1251", russian.repeat(4), Some("text/html; charset=utf-8")),
        ("UTF-8 cut in a letter", cut, Some("text/html; charset=utf-8")),
        ("UTF-16 without a mark", utf_16, None),
    ];
    for (name, bytes, header) in cases {
        assert!(charset::decode(&bytes, header, Kind::Html).text.contains("Темиров на свободе"), "{name}");
    }
}

#[test]
fn hostile_pages_are_read_in_time() {
    let cases = [
        "<div>",
        "<table><tr><td>",
        "<b><div></b>",
        "<div><font a=1></div>",
        "<span><div></span>",
        "<p><b>",
        "<a><li>",
        "<svg><style><div>",
        "<i a='</i>'>",
        "<ul><li>",
        "</div>",
        "<select><option>",
        "<nobr>",
        "<table><div>",
        "<",
    ];
    for unit in cases {
        let page = unit.repeat(200_000 / unit.len());
        let given = Selectors { item: "p".into(), ..Selectors::default() };
        read(page.as_bytes(), None, "https://news.example/", &given);
    }
    let attributes =
        format!("<p {}><a href=/x>text</a>", (0..40_000).map(|i| format!("a{i}=1 ")).collect::<String>());
    let given = Selectors { item: "p".into(), ..Selectors::default() };
    assert_eq!(read(attributes.as_bytes(), None, "https://news.example/", &given).entries.len(), 1);
}

#[test]
fn text_below_the_depth_limit_is_kept() {
    let page = format!("{}<p><a href=/x>Temirov</a></p>{}", "<div>".repeat(5_000), "</div>".repeat(5_000));
    let given = Selectors { item: "body".into(), title: Some("body".into()), ..Selectors::default() };
    assert_eq!(
        read(page.as_bytes(), None, "https://news.example/", &given).entries[0].title.as_deref(),
        Some("Temirov")
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read(body in prop::collection::vec(any::<u8>(), 0..400)) {
        read(&body, None, "https://news.example/", &selectors());
    }

    #[test]
    fn any_markup_is_read_as_a_tree(pieces in prop::collection::vec(
        prop::sample::select(vec!["<p>", "</p>", "<div ", "class=a>", "</div>", "<table>", "<td>", "</table>", "<b>", "</b>", "<li>", "<a href='x'", ">", "\"", "text", "<script>", "</script>", "<!--", "-->"]),
        0..80,
    )) {
        let html = pieces.concat();
        let tree = Tree::of(&html);
        for (id, node) in tree.nodes.iter().enumerate() {
            prop_assert!(node.end > id && node.end <= tree.nodes.len() && node.parent <= id);
        }
        Html::parse_document(&tree.to_html());
    }
}
