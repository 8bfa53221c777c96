//! Finding sources, trying them, and lists of them in and out, as a user does it.

use crate::support::{Desk, Ran, newsroom};
use newswatch::newsroom::Newsroom;
use serde_json::Value;
use std::io::Write;

const FEED: &str = "application/rss+xml";
const PAGE: &str = "text/html; charset=utf-8";

/// An RSS feed of three dated stories in `section`.
fn feed(title: &str, section: &str) -> String {
    let item = |number: u32| {
        format!(
            "<item><title>Snow on the pass, part {number}</title><link>/{section}/{number}</link>\
             <guid isPermaLink='false'>{section}-{number}</guid>\
             <pubDate>Mon, 0{number} Nov 2026 07:00:00 GMT</pubDate><description>No bus today.</description></item>"
        )
    };
    let items: String = (1..=3).map(item).collect();
    format!(
        "<rss version='2.0'><channel><title>{title}</title><language>en</language>{items}</channel></rss>"
    )
}

fn news_sitemap(section: &str) -> String {
    format!(
        "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9' \
         xmlns:news='http://www.google.com/schemas/sitemap-news/0.9'><url><loc>http://127.0.0.1/{section}/9</loc>\
         <news:news><news:publication><news:name>Osh Echo</news:name><news:language>en</news:language></news:publication>\
         <news:publication_date>2026-11-04T07:00:00Z</news:publication_date>\
         <news:title>Temirov speaks in Osh</news:title></news:news></url></urlset>"
    )
}

fn plain_sitemap(path: &str) -> String {
    format!("<urlset><url><loc>http://127.0.0.1{path}</loc><lastmod>2026-11-05</lastmod></url></urlset>")
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory is writable");
    encoder.finish().expect("memory is writable")
}

/// A site with nothing on it but what is named: path, type, body.
fn site(shelves: &[(&str, &str, &str)]) -> (tokio::runtime::Runtime, Newsroom) {
    let (runtime, site) = newsroom();
    for path in ["/", "/robots.txt"] {
        site.answer(path, 404, &[], "");
    }
    for (path, kind, body) in shelves {
        site.serve(path, kind, body.replace("SITE", &site.url("")));
    }
    (runtime, site)
}

/// `found kind path`, one line an offer.
fn offers(ran: &Ran, site: &Newsroom) -> Vec<String> {
    let rows = ran.out.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    rows.map(|row| format!("{} {} {}", row[6], row[1], row[8].trim_start_matches(&site.url("")))).collect()
}

/// What `sources discover` offers of the page `start` on a site of these shelves.
fn check_discovery(
    start: &str,
    shelves: &[(&str, &str, &str)],
    expected: &[&str],
    says: &[&str],
) -> Vec<String> {
    let (_runtime, site) = site(shelves);
    let ran = Desk::new("").run(&["sources", "discover", &site.url(start)]);
    assert_eq!(offers(&ran, &site), expected, "{ran:?}");
    assert_eq!(ran.code, Some(if expected.is_empty() { 3 } else { 0 }), "{ran:?}");
    for words in says {
        assert!(ran.err.contains(words), "`{words}` is not said: {}", ran.err);
    }
    site.requests().into_iter().map(|request| request.path).collect()
}

#[test]
fn feeds_are_found_wherever_a_site_keeps_them() {
    let (main, asia) = (feed("Osh Echo", "all"), feed("Osh Echo: Asia", "asia"));
    let announcing = "<html><head><link rel=alternate type=application/rss+xml href=/export/1></head></html>";
    // The address is a feed itself; nothing else is asked for.
    let asked = check_discovery("/x", &[("/x", FEED, &main)], &["given RSS /x"], &[]);
    assert_eq!(asked, ["/robots.txt", "/x"]);
    // Announced; the usual places are then left alone.
    let shelves = [("/", PAGE, announcing), ("/export/1", FEED, &main), ("/feed", FEED, &asia)];
    check_discovery("/", &shelves, &["announced RSS /export/1"], &[]);
    // A page that lists feeds by number only.
    let list = "<h1>RSS</h1><a href=/api/zq1>All</a> <a href=/api/zq2>Asia</a> <a href=/api/zq3>Gone</a>";
    let shelves = [("/rssfeeds", PAGE, list), ("/api/zq1", FEED, &main), ("/api/zq2", FEED, &asia)];
    let listed = ["linked RSS /api/zq1", "linked RSS /api/zq2"];
    check_discovery("/rssfeeds", &shelves, &listed, &["/api/zq3` (linked): failed to "]);
    // The same page, found from the front page.
    let front = ("/", PAGE, "<p>News</p><footer><a href=/rssfeeds>RSS</a></footer>");
    check_discovery("/", &[&shelves[..], &[front]].concat(), &listed, &[]);
    // Nothing on the page: the usual places, those of the section first.
    let shelves = [("/kg/", PAGE, "<p>News</p>"), ("/kg/rss", FEED, &asia[..]), ("/feed.xml", FEED, &main)];
    check_discovery("/kg/", &shelves, &["usual place RSS /kg/rss", "usual place RSS /feed.xml"], &[]);
    // The page itself cannot be read, and is said.
    let ran = check_discovery("/none", &shelves[2..], &["usual place RSS /feed.xml"], &["failed to "]);
    assert!(ran.contains(&"/none".to_owned()));
}

#[test]
fn news_sitemaps_stand_above_others_and_below_feeds() {
    let (news, plain, main) = (news_sitemap("news"), plain_sitemap("/page"), feed("Osh Echo", "all"));
    let robots = "Sitemap: SITE/pages.xml\nSitemap: SITE/news.xml\nUser-agent: *\nDisallow: /private/\n";
    let shelves = [
        ("/", PAGE, "<a href=/rss>RSS</a>"),
        ("/robots.txt", "text/plain", robots),
        ("/pages.xml", "application/xml", &plain),
        ("/news.xml", "application/xml", &news),
        ("/rss", FEED, &main),
    ];
    check_discovery("/", &shelves, &["linked RSS /rss", "robots.txt news sitemap /news.xml"], &[]);
    check_discovery("/", &shelves[1..4], &["robots.txt news sitemap /news.xml"], &["failed to "]);
    // Without better, what lists addresses alone.
    check_discovery("/", &shelves[..3], &["robots.txt sitemap /pages.xml"], &["/rss` (linked): failed to "]);
    // An index counts for the news sitemap in it, else for what its newest sitemaps hold.
    let index = "<sitemapindex><sitemap><loc>SITE/pages.xml</loc><lastmod>2026-11-05</lastmod></sitemap>\
                 <sitemap><loc>SITE/news.xml</loc></sitemap></sitemapindex>";
    let indexed =
        [("/", PAGE, "<p>News</p>"), ("/sitemap.xml", "application/xml", index), shelves[2], shelves[3]];
    check_discovery("/", &indexed, &["robots.txt news sitemap /news.xml"], &[]);
    let plain_index = index.replace("news.xml", "more.xml");
    let indexed = [indexed[0], ("/sitemap.xml", "application/xml", &plain_index[..]), shelves[2]];
    check_discovery("/", &indexed, &["usual place sitemap index /sitemap.xml"], &[]);
}

#[test]
fn what_looks_like_a_feed_and_is_none_is_not_offered() {
    let front = "<link rel=alternate type=application/rss+xml href=/empty>\
                 <link rel=alternate type=application/rss+xml href=/eleven>\
                 <link rel=alternate type=application/rss+xml href=/login>\
                 <link rel=alternate type=application/rss+xml href=/old>\
                 <link rel=alternate type=application/rss+xml href=http://10.0.0.1/rss>\
                 <link rel=alternate type=application/rss+xml href=/rss>\
                 <link rel=alternate type=application/rss+xml href=/rss?v=2>";
    let (main, empty) = (feed("Osh Echo", "all"), "<rss><channel><title>Empty</title></channel></rss>");
    let shelves = [
        ("/", PAGE, front),
        ("/empty", FEED, empty),
        ("/eleven", FEED, "eleven byte"),
        ("/login", PAGE, "<html><body>Log in</body></html>"),
        ("/rss", FEED, &main),
        ("/rss?v=2", FEED, &main),
    ];
    let says = [
        "/empty` (announced): a feed (RSS) with nothing in it",
        "/eleven` (announced): neither RSS, Atom",
        "/login` (announced): an HTML page, not a feed",
        "/old` (announced): failed to ",
        "10.0.0.1/rss` (announced): failed to ask for this address: `10.0.0.1` is a private address",
        "/rss?v=2` has the entries of",
    ];
    check_discovery("/", &shelves, &["announced RSS /rss"], &says);
    check_discovery("/", &[("/", PAGE, "<p>Nothing</p>")], &[], &["no feed found at", "`[[page]]`"]);
}

#[test]
fn discovery_is_polite_and_bounded() {
    let links: String = (0..90).map(|n| format!("<a href=/rss/{n}>RSS</a>")).collect();
    let main = feed("Osh Echo", "all");
    let asked = check_discovery(
        "/",
        &[("/", PAGE, &links), ("/rss/3", FEED, &main)],
        &["linked RSS /rss/3"],
        &["30 addresses were not tried; `--at-most 90` tries more of them"],
    );
    assert_eq!(asked.iter().filter(|path| path.starts_with("/rss/")).count(), 60);
    let mut once = asked.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), asked.len(), "nothing is asked for twice: {asked:?}");
    // robots.txt keeps the links of a page from being read, not a feed.
    let closed = ("/robots.txt", "text/plain", "User-agent: *\nDisallow: /");
    let shelves = [("/", PAGE, "<a href=/rss/3>RSS</a>"), closed, ("/rss/3", FEED, &main)];
    let asked = check_discovery("/", &shelves, &[], &["its links are not read"]);
    assert!(!asked.contains(&"/rss/3".to_owned()), "{asked:?}");
    check_discovery("/rss/3", &shelves, &["given RSS /rss/3"], &[]);
    // A host that asks for patience is not asked again.
    let (_runtime, site) = site(&[("/", PAGE, &links)]);
    site.answer("/rss/0", 429, &[("retry-after", "60")], "");
    let ran = Desk::new("").run(&["sources", "discover", &site.url("/")]);
    assert_eq!((ran.code, site.requests().len()), (Some(3), 3), "{ran:?}");
    assert!(ran.err.contains("asks not to be asked before"), "{}", ran.err);
}

#[test]
fn discovery_that_cannot_be_made_says_why() {
    let desk = Desk::new("");
    for (url, code, says) in [
        ("http://127.0.0.1:9/", 69, "failed to connect to `127.0.0.1:9`"),
        ("http://10.0.0.1/", 1, "`http://10.0.0.1/` is not asked for: `10.0.0.1` is a private address"),
        ("http://[::ffff:7f00:1]/", 1, "add it to `private_hosts`"),
        ("file:///etc/passwd", 1, "only `http://` and `https://` are fetched"),
        ("", 1, "is not asked for"),
    ] {
        let ran = desk.run(&["sources", "discover", url]);
        assert_eq!(ran.code, Some(code), "{url}: {ran:?}");
        assert!(ran.err.contains(says) && ran.out.is_empty(), "{url}: {ran:?}");
        assert_eq!(ran.err.lines().count(), 1, "{url}: {}", ran.err);
    }
    let (_runtime, site) = site(&[]);
    site.answer("/", 503, &[("retry-after", "60")], "");
    let ran = desk.run(&["sources", "discover", &site.url("/")]);
    assert!(ran.code == Some(69) && ran.err.contains("the site asks not to be asked before"), "{ran:?}");
    assert_eq!(site.requests().len(), 2, "robots.txt and the page: {:?}", site.requests());
    for arguments in
        [&["sources", "discover"][..], &["sources", "discover", "x.example", "--toml", "-o", "json"]]
    {
        assert_eq!(desk.run(arguments).code, Some(2), "{arguments:?}");
    }
}

#[test]
fn what_a_site_calls_its_feeds_never_steers_a_terminal() {
    let hostile = "Osh\u{1b}[2J \u{7}Echo\u{202e}\u{9b}31m&#27;&#x202e;";
    let front = format!("<a href=/rss>RSS {hostile}</a>");
    let (_runtime, site) = site(&[("/rss", FEED, &feed(hostile, "all")), ("/", PAGE, &front)]);
    let list = format!(
        "<opml><outline text='{hostile}' xmlUrl='file:///{hostile}'/><outline text='{hostile}' xmlUrl='{}'/></opml>",
        site.url("/x")
    );
    let desk = Desk::new("");
    std::fs::write(desk.path("list.opml"), list).expect("writable");
    let (front, rss) = (site.url("/"), site.url("/rss"));
    for arguments in [
        &["discover", &front[..]][..],
        &["discover", &front, "-o", "table"],
        &["discover", &front, "--toml"],
        &["test", &rss],
        &["import", "list.opml"],
    ] {
        let ran = desk.run(&[&["sources"], arguments].concat());
        let steers =
            |c: &char| (c.is_control() && !matches!(c, '\n' | '\t')) || ('\u{202a}'..='\u{202e}').contains(c);
        let found: Vec<char> = ran.out.chars().chain(ran.err.chars()).filter(steers).collect();
        assert!(ran.out.contains("Echo") && found.is_empty(), "{arguments:?}: {found:?} in {ran:?}");
    }
}

#[test]
fn what_is_discovered_can_be_pasted_and_polled() {
    let (_runtime, site) = newsroom();
    let known = site.url("/pamir-observer/feed.xml");
    let desk = Desk::new(&format!("[[feed]]\nname = \"Observer\"\nurl = \"{known}\"\n"));
    let listed = desk.run(&["sources", "discover", &site.url("/"), "-o", "json"]);
    let listed: Value = serde_json::from_str(&listed.out).expect("JSON");
    let row = |url: &str| {
        let rows = listed.as_array().expect("rows");
        rows.iter().find(|row| row["url"] == site.url(url)).unwrap_or_else(|| panic!("{url} in {listed:#}"))
    };
    assert_eq!(row("/pamir-observer/feed.xml")["configured"], "Observer");
    let russian = row("/vestnik-issyka/feed.xml");
    assert_eq!((&russian["language"], &russian["kind"]), (&"ru".into(), &"RSS".into()));
    assert!(russian["newest_at"].as_str().is_some_and(|at| at.ends_with('Z')) && russian["entries"] != 0);
    assert_eq!(row("/steppe-wire/feed.xml")["texts"], "teasers");
    let pasted = desk.run(&["sources", "discover", &site.url("/"), "--toml"]);
    assert!(pasted.err.contains("is configured already as `Observer`"), "{}", pasted.err);
    desk.configure(&format!("{}\n[[feed]]\nname = \"Observer\"\nurl = \"{known}\"\n", pasted.out));
    assert_eq!(desk.run(&["check-config"]).code, Some(0), "{}", pasted.out);
    let polled = desk.run(&["poll"]);
    assert_eq!(
        (polled.code, polled.out.lines().count()),
        (Some(0), pasted.out.matches("[[feed]]").count() + 1)
    );
}

/// What `sources test` says of a source, and its exit code.
fn check_test(site: &Newsroom, source: &str, code: i32, says: &[&str]) -> Ran {
    let desk = Desk::new(&source.replace("SITE", &site.url("")));
    let ran = desk.run(&["sources", "test"]);
    assert_eq!(ran.code, Some(code), "{ran:?}");
    for words in says {
        assert!(ran.out.contains(words), "`{words}` is not said:\n{}{}", ran.out, ran.err);
    }
    assert!(!desk.data().exists(), "nothing is stored");
    ran
}

const ECHO: &str = "[[feed]]\nname = \"Osh Echo\"\nurl = \"SITE/rss\"\n";

#[test]
fn a_source_on_trial_says_all_there_is_to_say() {
    let (_runtime, site) = site(&[("/here", FEED, &feed("Osh Echo", "all"))]);
    let long =
        "<p>The road below the pass was closed for the rest of the day, the district said.</p>".repeat(9);
    site.serve("/all/1", PAGE, format!("<html><body><article><h1>Snow</h1>{long}</article></body></html>"));
    site.answer("/rss", 302, &[("location", "/here")], "");
    let ran = check_test(
        &site,
        ECHO,
        0,
        &[
            "Osh Echo: well\n",
            ", after 302 to http://127.0.0.1:",
            "application/rss+xml, read as UTF-8",
            "ETag, Last-Modified; asked again with them: not modified (304)",
            "RSS “Osh Echo”, language en",
            "3: 3 dated, newest 2026-11-0",
            "0 with whole text, 3 with a teaser",
            "Snow on the pass, part 1  [all-1; teaser, 13]",
            "/all/1\n",
            "characters of text\n",
        ],
    );
    assert!(!ran.out.contains("remark") && !ran.out.contains("fault"), "{}", ran.out);
    let broken =
        feed("Osh Echo", "all").replace("02 Nov 2026", "31 Febtember").replace("</channel></rss>", "");
    site.answer("/here", 200, &[("content-type", "text/xml")], broken);
    site.answer("/all/1", 404, &[], "");
    site.answer("/rss", 301, &[("location", "/here")], "");
    let says = [
        "Osh Echo: well\n",
        "fault       document: cut off before its end",
        "fault       entry 2 pubDate: unreadable date",
        "it has moved for good: put `http://127.0.0.1:",
        "it offers no validators",
        "not read: failed to ",
        "its pages cannot be read: names are looked for in the feed's teasers only",
    ];
    check_test(&site, ECHO, 0, &says);
}

#[test]
fn a_sick_source_on_trial_is_told_from_a_healthy_one() {
    let old = feed("Osh Echo", "all").replace("2026", "2009");
    // Nine batches, an hour and more apart: a habit.
    let batch =
        |n: usize| old.replace("all-", &format!("all-{n}-")).replace("07:00", &format!("{:02}:30", n + 7));
    let many: String = (1..=9).map(batch).collect();
    for (status, kind, body, code, says) in [
        (
            200,
            PAGE,
            "<html><body>Log in</body></html>",
            69,
            "Osh Echo: wrong thing: an HTML page, not a feed",
        ),
        (
            200,
            FEED,
            "<rss><channel/></rss>",
            69,
            "Osh Echo: zombie: it answers with a feed that has nothing in it",
        ),
        (200, FEED, &many, 69, "Osh Echo: stale: nothing new since 3 Nov 2009"),
        (403, FEED, "", 69, "Osh Echo: blocked: failed to "),
        (404, FEED, "", 69, "Osh Echo: broken: failed to "),
        (410, FEED, "", 69, "Osh Echo: gone: the server says it is gone for good"),
        (500, FEED, "", 69, "Osh Echo: broken: failed to "),
    ] {
        let (_runtime, site) = site(&[]);
        site.answer("/rss", status, &[("content-type", kind)], body);
        check_test(&site, ECHO, code, &[says]);
    }
    let (_runtime, site) = site(&[]);
    site.answer("/rss", 503, &[("retry-after", "3600")], "");
    check_test(&site, ECHO, 75, &["Osh Echo: no verdict: it asks not to be asked before"]);
    check_test(&site, &ECHO.replace("SITE/rss", "http://127.0.0.1:9/"), 69, &["broken: failed to connect"]);
}

#[test]
fn a_page_on_trial_shows_what_each_selector_found() {
    let (_runtime, site) = newsroom();
    let page = "[[page]]\nname = \"Notices\"\nurl = \"SITE/register-of-notices/\"\nitem = \"li.notice\"\n\
                title = \"h2\"\ndate = \"time.when\"\n";
    let says = [
        "Notices: well",
        "item        `li.notice`: ",
        "title       `h2`: ",
        "link        not set: ",
        "date        `time.when`: 0 of ",
    ];
    check_test(&site, page, 0, &says);
    let changed = page.replace("li.notice", "li.gone");
    let says = [
        "Notices: zombie: nothing on the page matches `li.gone`; has its layout changed?",
        "`li.gone`: 0 found",
    ];
    check_test(&site, &changed, 69, &says);
}

#[test]
fn sources_on_trial_are_chosen_by_name_or_address() {
    let (_runtime, site) =
        site(&[("/rss", FEED, &feed("Osh Echo", "all")), ("/x", FEED, &feed("Other", "x"))]);
    let off = "[[feed]]\nname = \"Off\"\nurl = \"http://127.0.0.1:9/\"\nenabled = false\n";
    let desk = Desk::new(&(ECHO.replace("SITE", &site.url("")) + off));
    let tested = |asked: &[&str]| {
        let ran = desk.run(&[&["sources", "test", "-o", "json"], asked].concat());
        let objects: Value = serde_json::from_str(&ran.out).unwrap_or_default();
        let names = objects.as_array().map(|all| all.iter().map(|one| one["source"].to_string()).collect());
        let names: Vec<String> = names.unwrap_or_default();
        (ran.code, names.join(" ").replace(&site.url(""), "SITE").replace('"', ""), ran.err)
    };
    assert_eq!(tested(&[]), (Some(0), "Osh Echo".into(), String::new()));
    assert_eq!(tested(&["Off"]).0, Some(69));
    assert_eq!(tested(&[&site.url("/rss")]).1, "Osh Echo", "a known address is that source");
    assert_eq!(tested(&[&site.url("/x")]), (Some(0), "SITE/x".into(), String::new()));
    let (code, _, err) = tested(&["Osh Ecko"]);
    assert!(code == Some(1) && err.contains("no source is called `Osh Ecko`"), "{err}");
    let bare = Desk::bare().run(&["sources", "test"]);
    assert!(bare.code == Some(1) && bare.err.contains("name an address"), "{bare:?}");
}

#[test]
fn a_list_of_subscriptions_goes_in_and_out() {
    let list = r#"<opml version="2.0"><body><outline text="Rights"><outline text="Asia">
        <outline text="Osh Echo" xmlUrl="https://echo.example/rss" language="ru"/>
        <outline text="Known" xmlUrl="http://known.example/feed#top"/></outline>
        <outline text="Osh Echo" xmlUrl="https://echo.example/rss?page=&quot;2&quot;"/>
        <outline text="Osh Echo" xmlUrl="https://echo.example/rss"/>
        <outline text="Router" xmlUrl="http://192.168.1.1/"/><outline text="Meta" xmlUrl="http://169.254.169.254/latest/"/>
        <outline text="Decimal" xmlUrl="http://167772161/"/><outline text="Mapped" xmlUrl="http://[::ffff:10.0.0.1]/"/>
        <outline text="File" xmlUrl="file:///etc/passwd"/><outline text="Gopher" xmlUrl="gopher://echo.example/"/>
        <outline text="Secret" xmlUrl="https://desk:hunter2@echo.example/rss"/><outline text="Port" xmlUrl="https://echo.example:0/"/>
        <outline text="Slash" xmlUrl="http://echo.example\@10.0.0.1/"/><outline text="Bare" xmlUrl="echo.example/rss"/>
        </outline></body></opml>"#;
    let desk =
        Desk::new("[[feed]]\nname = \"Known\"\nurl = \"https://known.example/feed\"\ntags = [\"desk\"]\n");
    std::fs::write(desk.path("list.opml"), list).expect("writable");
    let before = std::fs::read_to_string(desk.path("config.toml")).expect("readable");
    let shown = desk.run(&["sources", "import", "list.opml"]);
    assert_eq!(std::fs::read_to_string(desk.path("config.toml")).expect("readable"), before, "only shown");
    let tables = "[[feed]]\nname = \"Osh Echo\"\nurl = \"https://echo.example/rss\"\nlanguage = \"ru\"\n\
                  tags = [\"Rights\", \"Asia\"]\n\n[[feed]]\nname = \"Osh Echo (2)\"\n\
                  url = \"https://echo.example/rss?page=%222%22\"\ntags = [\"Rights\"]\n";
    assert_eq!((shown.code, shown.out.as_str()), (Some(0), tables), "{}", shown.err);
    assert!(shown.err.contains("2 feeds added, 2 configured already, 10 refused"), "{}", shown.err);
    for refused in
        ["Router", "Meta", "Decimal", "Mapped", "File", "Gopher", "Secret", "Port", "Slash", "Bare"]
    {
        assert!(shown.err.contains(&format!("refused {refused} (")), "{refused}: {}", shown.err);
    }
    assert!(!shown.err.contains("hunter2"), "{}", shown.err);

    let written = desk.run(&["sources", "import", "list.opml", "--write"]);
    assert_eq!((written.code, written.out.as_str()), (Some(0), ""), "{}", written.err);
    assert_eq!(desk.run(&["sources", "list"]).out.lines().count(), 3);
    let again = desk.run(&["sources", "import", "list.opml", "--write"]);
    assert!(again.code == Some(0) && again.err.contains("0 feeds added"), "{again:?}");

    let exported = desk.run(&["sources", "export"]);
    let other = Desk::new("");
    let back = other.run_with(&["sources", "import", "-", "--write"], &exported.out);
    assert_eq!(back.code, Some(0), "{back:?}");
    let rows = |desk: &Desk| {
        let rows: Value =
            serde_json::from_str(&desk.run(&["sources", "list", "-o", "json"]).out).expect("JSON");
        let row = |row: &Value| format!("{} {} {}", row["source"], row["tags"], row["url"]);
        let mut rows: Vec<_> = rows.as_array().expect("rows").iter().map(row).collect();
        rows.sort();
        rows
    };
    assert_eq!(rows(&desk), rows(&other));
}

#[test]
fn lists_that_are_none_and_sources_that_are_no_feeds_are_said() {
    let desk = Desk::new("[[page]]\nname = \"Notices\"\nurl = \"https://echo.example/\"\nitem = \"li\"\n");
    let exported = desk.run(&["sources", "export"]);
    assert!(exported.code == Some(3) && exported.err.contains("1 `[[page]]` is left out"), "{exported:?}");
    for (name, text, code, says) in [
        ("none.opml", None, 1, "failed to read `none.opml`"),
        ("page.opml", Some("<html><body>Log in</body></html>"), 1, "there is no `<outline>` in it"),
        ("empty.opml", Some("<opml><body><outline text='a'/></body></opml>"), 3, "0 feeds added"),
        ("bad.opml", Some("<opml><outline xmlUrl='file:///x'/></opml>"), 1, "1 refused"),
    ] {
        if let Some(text) = text {
            std::fs::write(desk.path(name), text).expect("writable");
        }
        let ran = desk.run(&["sources", "import", name]);
        assert!(ran.code == Some(code) && ran.err.contains(says) && ran.out.is_empty(), "{name}: {ran:?}");
    }
}

#[test]
fn each_way_to_sources_stands_in_the_manual() {
    let manual = Desk::bare().run(&["man"]).out;
    for command in ["LIST", "TEST", "DISCOVER", "IMPORT", "EXPORT"] {
        assert!(manual.contains(&format!("NEWSWATCH SOURCES {command}")), "nothing of `{command}`");
    }
}

#[test]
fn sitemaps_are_polled_as_they_are_configured() {
    let site_of = |index: &str| {
        let (runtime, site) = site(&[("/index.xml", "application/xml", index)]);
        site.serve("/news.xml.gz", "application/gzip", gzipped(&news_sitemap("news")));
        site.serve(
            "/pages.xml",
            "application/xml",
            plain_sitemap("/page").replace("127.0.0.1", &site.address().to_string()),
        );
        let long =
            "<p>The hall was full, and Temirov spoke until the lights went out in the street.</p>".repeat(9);
        site.serve("/page", PAGE, format!("<html><head><title>A full hall</title></head><body><article><h1>A full hall</h1>{long}</article></body></html>"));
        (runtime, site)
    };
    let index = "<sitemapindex><sitemap><loc>SITE/news.xml.gz</loc></sitemap>\
                 <sitemap><loc>SITE/pages.xml</loc><lastmod>2026-11-05</lastmod></sitemap></sitemapindex>";
    // More are listed than are read in one poll, and all but the news are dated.
    let dated =
        |n: u32| format!("<sitemap><loc>SITE/pages.xml?{n}</loc><lastmod>2026-11-0{n}</lastmod></sitemap>");
    let long: String = (1..=6).map(dated).collect();
    let index = &index.replace("</sitemapindex>", &(long + "</sitemapindex>"));
    for (path, expected) in [
        ("/news.xml.gz", &["Temirov speaks in Osh"][..]),
        ("/pages.xml", &["A full hall"]),
        ("/index.xml", &["A full hall", "Temirov speaks in Osh"]),
    ] {
        let (_runtime, site) = site_of(index);
        let desk = Desk::new(&format!("[[feed]]\nname = \"Osh Echo\"\nurl = \"{}\"\n", site.url(path)));
        let ran = desk.run(&["poll"]);
        assert_eq!(ran.code, Some(0), "{path}: {ran:?}");
        assert_eq!(desk.query("SELECT title FROM article ORDER BY title"), expected, "{path}");
        // An index that stays as it is says nothing of the sitemaps it lists.
        site.serve(
            "/news.xml.gz",
            "application/gzip",
            gzipped(&news_sitemap("late").replace("speaks", "rests")),
        );
        desk.run(&["poll"]);
        let late = desk.query("SELECT count(*) FROM article WHERE title LIKE '%rests%'");
        assert_eq!(late, [if path == "/pages.xml" { "0" } else { "1" }], "{path}");
    }
}
