//! What must hold of any bytes whatever: no panic, no stall, and what is said of a
//! text lies within it. Read by the fuzzer, and by `tests/it/mutated.rs`.

use newswatch::extract::{self, Article};
use newswatch::feed::{self, discover, opml};
use newswatch::page::{self, Selectors};
use newswatch::watch::{Field, Match, Watch, WatchList, query};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Longest time for one document of ordinary size; without optimisation everything
/// takes many times as long.
const MILLIS_MAX: u64 = if cfg!(debug_assertions) { 2_000 } else { 50 };

/// Bytes of a document of ordinary size; a larger one may take longer in proportion.
const BYTES_USUAL: usize = 64 * 1024;

const FEED_URL: &str = "https://issyk-gazette.example/rss/feed.xml";
const PAGE_URL: &str = "https://issyk-gazette.example/2026/court?id=7";

/// A bit of everything the language has.
const QUERIES: [&str; 8] = [
    "Bolot Temirov",
    "Темиров OR Gorno-Badakhshan",
    "Central Asia summit",
    "=GBAO OR sanction* OR w?rd",
    "/Te[mn]ir\\w+/i OR title:суд",
    "Temirov NEAR/30 (journalist OR Kyrgyz*)",
    "court ONEAR/5 Bishkek NOT football",
    "ATLEAST/2(Osh, Batken, Темир) OR COUNT/3(кыргыз)",
];

static WATCHES: LazyLock<WatchList> = LazyLock::new(|| list(&QUERIES).expect("queries of ours"));

static STORY: LazyLock<Article> = LazyLock::new(|| Article {
    title: "Суд в Бишкеке: Temirov is free".into(),
    text: "The journalist Bolot Temirov left the court in Bishkek on Monday.\nТемировым, Темирова, \
           Тоолуу Бадахшан, Gorno-Badakhshan, GBAO; санкции, sanctions."
        .into(),
    authors: vec!["Aida Example".into()],
    source: "Issyk Gazette".into(),
    link: Some(PAGE_URL.into()),
    ..Article::default()
});

/// Bytes as a query: a tree or an error with its place, a list that scans, and forms.
pub fn query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    in_time("query", bytes, || {
        match query::parse(&text) {
            Ok(tree) => {
                for (span, _) in query::warnings(&tree) {
                    assert!(text.get(span.clone()).is_some(), "a warning at {span:?} of {text:?}");
                }
                let again = query::canonical(&tree, true);
                assert!(!again.is_empty(), "{text:?} is nothing");
            }
            Err(error) => assert!(text.get(error.span.clone()).is_some(), "{error:?} in {text:?}"),
        }
        if let Some(watches) = list(&[&text]) {
            check(&watches.scan(std::slice::from_ref(&STORY)).remove(0), &STORY);
            assert!(!watches.explain("0", &STORY).iter().any(String::is_empty), "{text:?}");
        }
    });
}

/// Bytes as a story: its title is the first line.
pub fn text(bytes: &[u8]) {
    let whole = String::from_utf8_lossy(bytes);
    let (title, text) = whole.split_once('\n').unwrap_or((&whole, ""));
    let story = Article { title: title.into(), text: text.into(), ..Article::default() };
    in_time("text", bytes, || {
        let matches = WATCHES.scan(std::slice::from_ref(&story)).remove(0);
        check(&matches, &story);
        for found in &matches {
            WATCHES.explain(&found.watch, &story);
        }
        extract::language(&whole);
    });
}

/// Bytes as a feed, its entries as articles; as an OPML file too.
pub fn feed(bytes: &[u8]) {
    for content_type in [None, Some("text/xml; charset=windows-1251"), Some("application/feed+json")] {
        let parsed = in_time("feed", bytes, || feed::parse(bytes, content_type, Some(FEED_URL)));
        let Ok(parsed) = parsed else { continue };
        in_time("entries", bytes, || {
            for entry in &parsed.entries {
                let article = extract::article("Issyk Gazette", entry, parsed.language.as_deref());
                assert!(!article.identity.is_empty(), "{entry:?} has no identity");
                extract::teaser_only(entry);
            }
        });
    }
    in_time("opml", bytes, || drop(opml::read(bytes)));
}

/// Bytes as a page: an article, a list read by selectors, and one searched for feeds.
pub fn extract(bytes: &[u8]) {
    let selectors = Selectors { item: "li, article, tr, div > a".into(), ..Selectors::default() };
    in_time("page", bytes, || drop(extract::page(bytes, None, Some(PAGE_URL))));
    in_time("list", bytes, || drop(page::read(bytes, Some("text/html"), PAGE_URL, &selectors)));
    in_time("leads", bytes, || drop(discover::leads(bytes, None, PAGE_URL)));
}

/// `None` where a query does not parse or can never fire.
fn list(queries: &[&str]) -> Option<WatchList> {
    let watch = |(at, query): (usize, &&str)| Watch {
        name: at.to_string(),
        query: (*query).to_owned(),
        weight: 1.0,
        aliases: true,
        derived: at.is_multiple_of(2),
    };
    let watches: Vec<Watch> = queries.iter().enumerate().map(watch).collect();
    WatchList::compile(&watches).ok().map(|(list, _)| list)
}

/// Hits lie on characters of what they were found in.
fn check(matches: &[Match], story: &Article) {
    for hit in matches.iter().flat_map(|found| &found.hits) {
        let field = hit.field.of(story);
        let is_ours = matches!(hit.field, Field::Title | Field::Text);
        assert!(!is_ours || field.get(hit.span.clone()) == Some(hit.text.as_str()), "{hit:?} in {field:?}");
    }
}

/// Does it, and counts the time this thread was given for it.
fn in_time<T>(what: &str, bytes: &[u8], done: impl FnOnce() -> T) -> T {
    let (began, at) = (Instant::now(), given());
    let result = done();
    let most = Duration::from_millis(MILLIS_MAX) * u32::try_from(bytes.len() / BYTES_USUAL + 1).unwrap_or(1);
    if began.elapsed() > most {
        let took = at.zip(given()).map_or(began.elapsed(), |(before, after)| after.saturating_sub(before));
        assert!(
            took <= most,
            "{what} of {} bytes took {took:?}: {:?}",
            bytes.len(),
            String::from_utf8_lossy(bytes)
        );
    }
    result
}

/// What a thread has had of the processors so far, where the system says.
fn given() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    stat.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
