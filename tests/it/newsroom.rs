//! The made-up press read as the daemon reads it, held against a list of what
//! each of its stories is about: nothing missed, nothing found that is not there.

use newswatch::extract::{self, Article};
use newswatch::feed::Feed;
use newswatch::fetch::{Fetcher, Limits, NamedBy, Poll, Validators};
use newswatch::newsroom::{Newsroom, Outlet};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// `outlet/story: watch, watch`; what is not listed must match nothing. A line
/// behind `? ` is known to be missed still, and only said.
const MATCHES: &str = include_str!("../data/newsroom/matches.txt");

#[tokio::test]
async fn the_shipped_watches_find_in_the_press_what_is_there() {
    let newsroom = Newsroom::open().await.expect("a port on loopback");
    newsroom.delay("/slow-caravan/feed.xml", Duration::ZERO);
    let allowed = [newsroom.address().to_string()];
    let fetcher = Fetcher::new(None, &allowed, Limits::default()).expect("HTTP can be set up");
    let mut articles = Vec::new();
    for outlet in newsroom.outlets().iter().filter(|outlet| outlet.slug != "closed-courier") {
        for entry in read(&fetcher, outlet).await.entries {
            let mut article = extract::article(&outlet.name, &entry, Some(&outlet.language));
            if extract::teaser_only(&entry) {
                article = with_page(&fetcher, article).await;
            }
            articles.push(article);
        }
    }
    assert!(articles.len() >= 99, "{} articles", articles.len());

    let config = newswatch::config::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config.toml")));
    let watch_list = config.expect("the shipped configuration").watch_list;
    let found: BTreeMap<String, Vec<String>> = articles
        .iter()
        .zip(watch_list.scan(&articles))
        .filter(|(_, matches)| !matches.is_empty())
        .map(|(article, matches)| (story(article), sorted(matches.into_iter().map(|one| one.watch))))
        .collect();
    let missed = MATCHES.lines().filter_map(|line| line.strip_prefix("? ")?.split_once(": "));
    for (story, watches) in missed.filter(|(story, _)| !found.contains_key(*story)) {
        eprintln!("still missed: {story}: {watches}");
    }
    let known = |story: &str| MATCHES.contains(&format!("? {story}:"));
    let expected: BTreeMap<String, Vec<String>> = MATCHES
        .lines()
        .filter(|line| !line.starts_with("? "))
        .filter_map(|line| line.split_once(": "))
        .map(|(story, watches)| (story.to_string(), sorted(watches.split(", ").map(String::from))))
        .collect();
    let wrong = expected
        .keys()
        .chain(found.keys())
        .filter(|story| found.get(*story) != expected.get(*story) && !known(story.as_str()));
    let wrong: Vec<String> = wrong
        .map(|story| format!("{story}: {:?}, expected {:?}", found.get(story), expected.get(story)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    newsroom.close().await;
}

async fn read(fetcher: &Fetcher, outlet: &Outlet) -> Feed {
    let Poll::Fresh(body) = fetcher.poll(&outlet.url, NamedBy::Config, &Validators::default()).await else {
        panic!("{}: not fresh", outlet.name);
    };
    let content_type = body.content_type.as_deref();
    match &outlet.selectors {
        Some(selectors) => newswatch::page::read(&body.bytes, content_type, &body.url, selectors),
        None => newswatch::feed::parse(&body.bytes, content_type, Some(&body.url)).expect("a feed"),
    }
}

async fn with_page(fetcher: &Fetcher, article: Article) -> Article {
    let link = article.link.clone().expect("every story has a page");
    let Poll::Fresh(body) = fetcher.page(&link, NamedBy::Config, &Validators::default()).await else {
        panic!("{link}: not fresh");
    };
    extract::with_page(article, extract::page(&body.bytes, body.content_type.as_deref(), Some(&body.url)))
}

/// `outlet/slug` of its page's address.
fn story(article: &Article) -> String {
    let link = article.link.as_deref().unwrap_or_default().trim_end_matches(".html");
    link.splitn(4, '/').nth(3).unwrap_or_default().to_string()
}

fn sorted(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut words: Vec<String> = words.collect();
    words.sort();
    words
}
