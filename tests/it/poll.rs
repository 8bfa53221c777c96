//! Polling as a user sees it: everything once, then only what is new.

use crate::support::{Desk, newsroom, shared};
use newswatch::newsroom::Newsroom;
use std::collections::BTreeSet;

const WATCH: &str = r#"
[mail]
from = "newswatch@example.org"

[[watch]]
name = "Temirov"
query = "Temirov"

[[plan]]
name = "rights desk"
to = ["desk@example.org"]
watches = ["*"]
cron = "0 7 * * *"
at_once_from = 0.5
"#;

fn feed_with(items: &str) -> String {
    format!("<rss version='2.0'><channel><title>Osh Echo</title>{items}</channel></rss>")
}

const ITEM: &str = "<item><guid>1</guid><title>Дороги в Оше</title><description>Ремонт начнётся весной.</description></item>";
const NEWS: &str = "<item><guid>2</guid><title>Суд над Темировым отложен</title><description>Журналиста Темирова ждут в пятницу.</description></item>";

#[test]
fn an_entry_added_is_one_article_one_match_one_mail() {
    let (_runtime, site) = newsroom();
    site.serve("/feed", "application/rss+xml", feed_with(ITEM));
    let desk = Desk::new(&format!(
        "{WATCH}\n[[feed]]\nname = \"Osh Echo\"\nurl = \"{}\"\nfull_text = \"never\"\n",
        site.url("/feed")
    ));
    assert_eq!(desk.run(&["poll"]).code, Some(0));
    assert_eq!(desk.mails().len(), 0, "nothing matched yet");
    site.serve("/feed", "application/rss+xml", feed_with(&format!("{NEWS}{ITEM}")));
    for _ in 0..2 {
        assert_eq!(desk.run(&["poll"]).code, Some(0));
        assert_eq!(
            desk.query("SELECT title FROM article ORDER BY id"),
            ["Дороги в Оше", "Суд над Темировым отложен"]
        );
        assert_eq!(desk.query("SELECT watch FROM match"), ["Temirov"]);
        assert_eq!(desk.mails().len(), 1);
    }
    let found = desk.run(&["search", "Temirov"]);
    assert_eq!((found.code, found.out.lines().count()), (Some(0), 1), "{found:?}");
}

#[test]
fn validators_come_back_byte_for_byte_and_unchanged_feeds_store_nothing() {
    let (_runtime, site) = newsroom();
    site.serve("/feed", "application/rss+xml", feed_with(ITEM));
    let desk = Desk::new(&format!("[[feed]]\nname = \"Osh Echo\"\nurl = \"{}\"\n", site.url("/feed")));
    desk.run(&["poll"]);
    desk.run(&["poll"]);
    let asked: Vec<_> = site.requests().into_iter().filter(|request| request.path == "/feed").collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_eq!((asked[0].status, asked[0].if_none_match.as_deref()), (200, None));
    assert_eq!(asked[1].status, 304, "the validators given were echoed: {asked:?}");
    assert!(asked[1].if_modified_since.is_some());
    assert_eq!(desk.query("SELECT count(*) FROM article"), ["1"]);
}

#[test]
fn a_body_that_cannot_be_read_advances_no_validator() {
    let (_runtime, site) = newsroom();
    site.serve("/feed", "application/rss+xml", "<html><body>log in, please</body></html>");
    let desk = Desk::new(&format!("[[feed]]\nname = \"Osh Echo\"\nurl = \"{}\"\n", site.url("/feed")));
    let wrong = desk.run(&["poll"]);
    assert_eq!(wrong.code, Some(69));
    assert!(wrong.err.contains("Osh Echo"), "{}", wrong.err);
    desk.run(&["poll"]);
    assert!(site.requests().iter().all(|request| request.if_none_match.is_none()), "{:?}", site.requests());
    assert_eq!(desk.query("SELECT health FROM source"), ["wrong thing"]);
}

#[test]
fn one_sick_source_stops_no_other() {
    let (_runtime, site) = newsroom();
    site.serve("/well", "application/rss+xml", feed_with(ITEM));
    site.answer("/shut", 403, &[], "");
    let feed = |name: &str, url: String| format!("[[feed]]\nname = \"{name}\"\nurl = \"{url}\"\n");
    let desk = Desk::new(
        &(feed("Osh Echo", site.url("/well"))
            + &feed("Naryn Courier", site.url("/shut"))
            + &feed("Talas Times", "http://127.0.0.1:9/".into())),
    );
    let ran = desk.run(&["poll"]);
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert_eq!(desk.query("SELECT count(*) FROM article"), ["1"]);
    for sick in ["Naryn Courier", "Talas Times"] {
        assert!(ran.err.contains(sick), "{}", ran.err);
    }
    let status = desk.run(&["status"]);
    assert_eq!(status.code, Some(1), "{status:?}");
    assert!(status.out.contains("Naryn Courier") && status.out.contains("blocked"), "{}", status.out);
}

/// Sixty feeds of the wild, served with validators.
#[test]
fn sixty_real_feeds_are_stored_once_and_then_only_asked_whether_they_changed() {
    let Some(folder) = shared("eval/feeds") else { return };
    let (_runtime, site) = newsroom();
    let paths = serve_real_feeds(&site, &folder, 60);
    let tables: String = paths
        .iter()
        .enumerate()
        .map(|(n, path)| {
            format!("[[feed]]\nname = \"feed {n}\"\nurl = \"{}\"\nfull_text = \"never\"\n", site.url(path))
        })
        .collect();
    let desk = Desk::new(&format!("{WATCH}\n{tables}"));
    let first = desk.run(&["poll"]);
    assert_eq!(first.code, Some(0), "{}", first.err);
    let stored = desk.query("SELECT count(*) FROM article");
    let entries: usize = sum_of_column(&first.out, 2);
    assert_eq!(stored, [sum_of_column(&first.out, 3).to_string()]);
    assert!(entries >= 200, "{entries} entries are too few to mean anything");
    assert_eq!(
        desk.query("SELECT count(*) FROM (SELECT DISTINCT source_id, identity FROM seen)"),
        desk.query("SELECT count(*) FROM seen")
    );
    site.forget_requests();
    let second = desk.run(&["poll"]);
    assert_eq!(second.code, Some(0), "{}", second.err);
    let asked: Vec<_> = site.requests();
    assert_eq!(asked.len(), paths.len());
    assert!(asked.iter().all(|request| request.status == 304), "every request was conditional");
    assert_eq!(desk.query("SELECT count(*) FROM article"), stored);
}

/// Column `n` of tab-separated rows, added up.
fn sum_of_column(rows: &str, n: usize) -> usize {
    rows.lines()
        .map(|row| row.split('\t').nth(n).and_then(|cell| cell.parse::<usize>().ok()).unwrap_or(0))
        .sum()
}

fn serve_real_feeds(site: &Newsroom, folder: &std::path::Path, count: usize) -> Vec<String> {
    let cases = std::fs::read_to_string(folder.join("cases-derived.jsonl")).expect("readable");
    let mut served = BTreeSet::new();
    for line in cases.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let is_real = case["group"].as_str().is_some_and(|group| group.contains("/real/"));
        let Some(file) = case["file"].as_str().filter(|_| is_real) else { continue };
        let kind = case["content_type"].as_str().unwrap_or("application/xml");
        let path = format!("/{file}");
        if served.len() < count && !served.contains(&path) {
            let body = std::fs::read(folder.join(file)).expect("readable");
            if newswatch::feed::parse(&body, Some(kind), None).is_ok_and(|feed| !feed.entries.is_empty()) {
                site.serve(&path, kind, body);
                served.insert(path);
            }
        }
    }
    served.into_iter().collect()
}
