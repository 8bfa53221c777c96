//! Pages as files in `tests/data/discover`, and hostile ones made here.

#![allow(clippy::disallowed_methods)]

use super::*;
use proptest::prelude::*;
use std::path::Path;
use std::time::Instant;

/// `name.html` beside `name.txt`: the page's address on the first line, its
/// content type behind it where it came with one; then what it leads to.
#[test]
fn pages_lead_where_their_files_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/discover");
    let files = std::fs::read_dir(folder).expect("the pages").map(|file| file.expect("readable").path());
    let (mut wrong, mut count) = (String::new(), 0);
    for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "html")) {
        let html = std::fs::read(&file).expect("readable");
        let said = std::fs::read_to_string(file.with_extension("txt")).expect("each page has its .txt");
        let (head, expected) = said.split_once('\n').unwrap_or((&said, ""));
        let (url, content_type) = head.split_once(' ').map_or((head, None), |(url, kind)| (url, Some(kind)));
        let found: String = leads(&html, content_type, url)
            .iter()
            .map(|lead| format!("{} {} {}", lead.how, lead.url, lead.title).trim_end().to_owned() + "\n")
            .collect();
        if found != expected {
            wrong += &format!("{}:\n{found}expected\n{expected}\n", file.display());
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= 5, "{count} pages");
}

#[test]
fn the_usual_places_are_those_of_the_section_and_of_the_site() {
    let urls = |leads: Vec<Lead>| leads.into_iter().map(|lead| lead.url).collect::<Vec<_>>();
    let found = urls(guesses("https://echo.example/kg/news?page=2#top"));
    assert_eq!((found[0].as_str(), found.len()), ("https://echo.example/kg/feed", 16));
    assert!(found.contains(&"https://echo.example/rss.xml".to_owned()), "{found:?}");
    for root in ["https://echo.example", "https://echo.example/index.html"] {
        assert_eq!(guesses(root).len(), 8, "{root}");
    }
    let named = ["https://a.example/pages.xml", "https://a.example/news.xml", "https://news.example/all.xml"];
    let sorted = urls(sitemaps(named.map(String::from).into_iter()));
    assert_eq!(
        sorted,
        ["https://a.example/news.xml", "https://a.example/pages.xml", "https://news.example/all.xml"]
    );
    assert!(guesses("no address").is_empty() && sitemap_guesses("").is_empty());
}

#[test]
fn a_hostile_page_costs_little_and_gives_a_bounded_number() {
    const BYTES: usize = 256 * 1024;
    for piece in [
        "<a href=/rss>",
        "<a href=/feed",
        "<a href='/feed",
        "<link rel=alternate type=application/rss+xml href=\"/",
        "<script>",
        "<script><a href=/rss></",
        "<style",
        "<title>rss",
        "<base href=/a/>",
        "<a",
        "<",
        "<!--",
        "&amp",
    ] {
        let html = piece.repeat(BYTES / piece.len());
        let began = Instant::now();
        let found = leads(html.as_bytes(), None, "https://echo.example/");
        assert!(found.len() <= 2, "{piece}: {}", found.len());
        // Far over what it takes: the machine may be busy with something else.
        assert!(began.elapsed().as_secs() < 5, "{piece}: {:?}", began.elapsed());
    }
    let many: String = (0..100_000).map(|n| format!("<a href=/rss/{n}>")).collect();
    assert_eq!(leads(many.as_bytes(), None, "https://echo.example/").len(), LEADS_MAX);
}

proptest! {
    #[test]
    fn only_addresses_of_the_web_leave(
        pieces in prop::collection::vec(prop_oneof![
            prop::sample::select(vec![
                "<a href=", "<link rel=alternate type=text/xml href=", "<base href=", ">", "\"", "'", "/rss", "feed:",
                "javascript:", "//", "http://", "file:///", "data:", "\\", "@", "RSS", "</a>", "<script>", "</script>",
                "&#x2f;", "&amp;", "\u{e9}", "[::1]", "%", "#",
            ]).prop_map(str::to_owned),
            any::<String>(),
        ], 0..40)
    ) {
        for lead in leads(pieces.concat().as_bytes(), None, "https://echo.example/news/") {
            prop_assert!(lead.url.starts_with("http://") || lead.url.starts_with("https://"), "{lead:?}");
            prop_assert!(!lead.url.contains('#') && !lead.title.contains('\n'), "{lead:?}");
        }
    }
}
