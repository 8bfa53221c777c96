//! Sources over their lives: pages that fail, addresses that move, windows that
//! roll over, silence; as a user sees it poll by poll.

use crate::support::{Desk, Running, newsroom, wait_for};
use newswatch::newsroom::Newsroom;

const PLAN: &str = r#"
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
all_is_well = true
"#;

fn item(number: u32, title: &str, text: &str, link: &str) -> String {
    format!(
        "<item><guid isPermaLink='false'>{number}</guid><title>{title}</title><description>{text}</description>\
         <link>{link}</link></item>"
    )
}

fn serve(site: &Newsroom, items: &str) {
    let feed = format!("<rss version='2.0'><channel><title>Osh Echo</title>{items}</channel></rss>");
    site.serve("/feed", "application/rss+xml", feed);
}

fn desk(site: &Newsroom, full_text: &str) -> Desk {
    let url = site.url("/feed");
    let feed = format!("[[feed]]\nname = \"Osh Echo\"\nurl = \"{url}\"\nfull_text = \"{full_text}\"\n");
    Desk::new(&format!("{PLAN}\n{feed}"))
}

/// A story's page; long enough to be taken for one.
fn page(text: &str) -> String {
    let more = "The road below the pass was closed for the rest of the day, the district said in a notice. ";
    format!("<html><body><article><h1>Osh</h1><p>{text}</p><p>{}</p></article></body></html>", more.repeat(6))
}

fn change(desk: &Desk, sql: &str) {
    let connection = rusqlite::Connection::open(desk.data().join("newswatch.db")).expect("a database");
    connection.execute_batch(sql).expect("good SQL");
}

/// The health that the store has, and the words `status` gives for it.
fn health(desk: &Desk) -> (String, String) {
    (desk.query("SELECT health FROM source").remove(0), desk.run(&["status"]).out)
}

#[test]
fn a_page_that_fails_is_read_later_and_what_stands_only_there_is_told() {
    let (_runtime, site) = newsroom();
    let link = site.url("/story");
    let desk = desk(&site, "auto");
    let roads = item(9, "Roads", &"Snow on the pass, and no bus. ".repeat(40), &site.url("/roads"));
    serve(&site, &roads);
    desk.run(&["poll"]);
    serve(&site, &(item(1, "A day in court", "The hearing began at nine…", &link) + &roads));
    site.answer("/story", 500, &[], "");
    assert_eq!(desk.run(&["poll"]).code, Some(0), "the source itself is well");
    assert_eq!(desk.query("SELECT text FROM article WHERE id = 2"), ["The hearing began at nine…"]);
    assert_eq!(desk.query("SELECT title || tries FROM pages_not_read"), ["A day in court1"]);
    let shown = desk.run(&["show", "2"]).out;
    assert!(shown.contains("its page is not read: failed to read `127.0.0.1:"), "{shown}");
    assert_eq!(desk.mails().len(), 0);

    site.serve("/story", "text/html", page("The journalist Temirov was released at noon."));
    desk.run(&["poll"]);
    assert_eq!(desk.mails().len(), 0, "not before its time");
    change(&desk, "UPDATE page_owed SET next_try_at = '2026-01-01T00:00:00Z'");
    for _ in 0..2 {
        desk.run(&["poll"]);
        assert_eq!(desk.query("SELECT count(*) FROM pages_not_read"), ["0"]);
        assert_eq!(desk.query("SELECT watch FROM match"), ["Temirov"]);
        assert_eq!(desk.query("SELECT count(*) FROM revision"), ["0"], "a text completed is no text changed");
        assert_eq!(desk.mails().len(), 1);
    }
    assert_eq!(desk.run(&["search", "released"]).out.lines().count(), 1);
}

#[test]
fn a_changed_entry_whose_page_fails_loses_no_text() {
    let (_runtime, site) = newsroom();
    let link = site.url("/story");
    serve(&site, &item(1, "A day in court", "The hearing began…", &link));
    site.serve("/story", "text/html", page("The bench heard nine witnesses."));
    let desk = desk(&site, "auto");
    desk.run(&["poll"]);
    site.answer("/story", 503, &[], "");
    serve(&site, &item(1, "Temirov is free", "The hearing ended…", &link));
    desk.run(&["poll"]);
    let text = desk.query("SELECT text FROM article").remove(0);
    assert!(text.contains("nine witnesses") && text.contains("The hearing ended"), "{text}");
    assert_eq!(desk.query("SELECT title FROM article"), ["Temirov is free"]);
    assert_eq!((desk.query("SELECT watch FROM match").len(), desk.mails().len()), (1, 1));
    site.serve("/story", "text/html", page("The bench heard ten witnesses."));
    change(&desk, "UPDATE page_owed SET next_try_at = '2026-01-01T00:00:00Z'");
    desk.run(&["poll"]);
    let text = desk.query("SELECT text FROM article").remove(0);
    assert!(text.contains("ten witnesses") && !text.contains("nine witnesses"), "{text}");
    assert_eq!((desk.query("SELECT watch FROM match").len(), desk.mails().len()), (1, 1));
}

#[test]
fn a_story_that_comes_again_under_another_guid_and_link_is_not_told_again() {
    let (_runtime, site) = newsroom();
    let text = page("The journalist Temirov was released at noon.");
    for path in ["/old", "/new"] {
        site.serve(path, "text/html", text.clone());
    }
    let desk = desk(&site, "auto");
    for (number, path) in [(1, "/old"), (2, "/new")] {
        serve(&site, &item(number, "A day in court", "The hearing began…", &site.url(path)));
        desk.run(&["poll"]);
    }
    assert_eq!(desk.query("SELECT count(*) FROM article"), ["1"]);
    assert_eq!(desk.query("SELECT count(*) FROM seen"), ["2"]);
    assert_eq!(desk.run(&["search", "released"]).out.lines().count(), 1);
}

/// A paywall that says the same for every story, and a teaser with the name.
#[test]
fn a_teaser_that_says_more_than_its_page_is_kept_and_told() {
    let (_runtime, site) = newsroom();
    let wall = page("Subscribers read the whole of this bulletin, as every day.");
    let desk = desk(&site, "auto");
    let teasers = ["Snow on the pass…", "Temirov was arrested in Osh, his lawyer…"];
    for (number, teaser) in (1..).zip(teasers) {
        let path = format!("/{number}");
        site.serve(&path, "text/html", wall.clone());
        serve(&site, &item(number, "Daily bulletin", teaser, &site.url(&path)));
        desk.run(&["poll"]);
    }
    assert_eq!(desk.query("SELECT count(*) FROM article"), ["2"]);
    assert_eq!(desk.mails().len(), 1);
    assert!(desk.mails()[0].contains("arrested"), "the sentence that was found is in the mail");
}

#[test]
fn a_sick_site_gives_no_page_up_and_pages_that_stay_away_are_said() {
    let (_runtime, site) = newsroom();
    let desk = desk(&site, "auto");
    let items = |from: u32, to: u32| -> String {
        let each = |n: u32| item(n, &format!("Notice {n}"), "Snow…", &site.url(&format!("/{n}")));
        (from..to).map(each).collect()
    };
    let empty = "<html><body><script>start()</script></body></html>";
    site.answer("/robots.txt", 502, &[], "");
    serve(&site, &items(1, 4));
    desk.run(&["poll"]);
    assert_eq!(desk.query("SELECT count(next_try_at) FROM page_owed"), ["3"], "robots.txt is down, not shut");
    site.serve("/robots.txt", "text/plain", "");
    for n in 1..4 {
        site.serve(&format!("/{n}"), "text/html", empty);
    }
    for _ in 1..9 {
        change(
            &desk,
            "UPDATE page_owed SET next_try_at = '2026-01-01T00:00:00Z' WHERE next_try_at IS NOT NULL",
        );
        desk.run(&["poll"]);
    }
    assert_eq!(
        desk.query("SELECT count(*) - count(next_try_at) FROM page_owed"),
        ["3"],
        "given up in the end"
    );
    let status = desk.run(&["status"]);
    assert_eq!(status.code, Some(1));
    assert!(status.out.contains("Osh Echo: pages of 3 articles were not read"), "{}", status.out);
    let faults = desk.query("SELECT group_concat(faults) FROM poll").remove(0);
    assert!(faults.contains("it holds far less text than is known of the story"), "{faults}");
}

#[test]
fn a_site_that_asks_for_patience_is_not_asked_for_its_other_pages() {
    let (_runtime, site) = newsroom();
    let desk = desk(&site, "auto");
    let each = |n: u32| {
        site.answer(&format!("/{n}"), 429, &[("retry-after", "7200")], "");
        item(n, &format!("Notice {n}"), "Snow…", &site.url(&format!("/{n}")))
    };
    serve(&site, &(1..6).map(each).collect::<String>());
    for _ in 0..3 {
        desk.run(&["poll"]);
    }
    let pages = site.requests().iter().filter(|request| request.status == 429).count();
    assert_eq!(pages, 1);
    assert_eq!(desk.query("SELECT count(next_try_at) FROM page_owed"), ["5"], "none is given up");
}

/// Two sources, one story: what a copy adds on its page is told, what it repeats is not.
#[test]
fn whether_a_copy_was_told_is_asked_of_its_whole_text() {
    let check = |second: &str, mails: usize| {
        let (_runtime, site) = newsroom();
        let text = |end: &str| page(&format!("The hearing of the journalist Temirov began at nine. {end}"));
        site.serve("/a", "text/html", text("It was put off."));
        site.serve("/b", "text/html", text(second));
        let feed = |name: &str| {
            format!("[[feed]]\nname = \"{name}\"\nurl = \"{}\"\n", site.url(&format!("/feed-{name}")))
        };
        let desk = Desk::new(&format!("{PLAN}\n{}{}", feed("a"), feed("b")));
        let publish = |name: &str, items: &str| {
            let feed = format!("<rss version='2.0'><channel>{items}</channel></rss>");
            site.serve(&format!("/feed-{name}"), "application/rss+xml", feed);
        };
        let teaser =
            |name: &str| item(1, "A day in court", "The hearing began…", &site.url(&format!("/{name}")));
        let roads = item(9, "Roads", &"Snow on the pass, and no bus. ".repeat(40), &site.url("/roads"));
        publish("a", &roads);
        publish("b", &roads);
        desk.run(&["poll"]);
        for name in ["a", "b"] {
            publish(name, &(teaser(name) + &roads));
            desk.run(&["poll"]);
        }
        assert_eq!(desk.mails().len(), mails, "{second}");
    };
    check("It was put off.", 1);
    check("He was sentenced to nine years.", 2);
}

#[test]
fn a_guid_used_again_for_another_story_hides_nothing() {
    let (_runtime, site) = newsroom();
    let desk = desk(&site, "never");
    serve(&site, &item(1, "Temirov speaks in Osh", "The journalist spoke of roads.", &site.url("/1")));
    desk.run(&["poll"]);
    for _ in 0..2 {
        serve(&site, &item(1, "Temirov dies in custody", "A lawyer said so at noon.", &site.url("/2")));
        desk.run(&["poll"]);
        assert_eq!(desk.query("SELECT count(*) FROM article"), ["2"]);
        assert_eq!(desk.mails().len(), 1);
    }
    serve(
        &site,
        &item(1, "Temirov dies in custody, lawyer says", "A lawyer said so at noon.", &site.url("/1")),
    );
    desk.run(&["poll"]);
    assert_eq!(desk.query("SELECT count(*) FROM article"), ["2"], "under its own link it is the same story");
}

#[test]
fn counters_in_a_teaser_pile_nothing_up() {
    let (_runtime, site) = newsroom();
    let desk = desk(&site, "auto");
    site.serve("/story", "text/html", page("The bench heard nine witnesses."));
    for points in 1..8 {
        serve(&site, &item(1, "A day in court", &format!("Points: {points}"), &site.url("/story")));
        desk.run(&["poll"]);
        site.answer("/story", 503, &[], "");
    }
    let text = desk.query("SELECT text FROM article").remove(0);
    assert!(text.contains("nine witnesses") && text.matches("Points:").count() <= 2, "{text}");
}

#[test]
fn a_clock_that_was_ahead_holds_nothing_back() {
    let (_runtime, site) = newsroom();
    let desk = desk(&site, "auto");
    serve(&site, &item(1, "A day in court", "The hearing began…", &site.url("/story")));
    site.answer("/story", 503, &[], "");
    desk.run(&["poll"]);
    change(
        &desk,
        "UPDATE page_owed SET owed_at = '2036-01-01T00:00:00Z', next_try_at = '2036-01-01T00:00:00Z'",
    );
    change(
        &desk,
        "UPDATE source SET polled_at = '2036-01-01T00:00:00Z', not_before_at = '2036-01-02T00:00:00Z'",
    );
    site.serve("/story", "text/html", page("The journalist Temirov was released."));
    desk.run(&["poll"]);
    assert_eq!(desk.query("SELECT count(*) FROM page_owed"), ["0"]);
    assert_eq!(desk.query("SELECT watch FROM match"), ["Temirov"]);
}

#[test]
fn what_comes_with_the_first_poll_that_succeeds_wakes_nobody() {
    let (_runtime, site) = newsroom();
    let desk = desk(&site, "never");
    site.answer("/feed", 500, &[], "");
    assert_eq!(desk.run(&["poll"]).code, Some(69));
    serve(&site, &item(1, "Temirov", "The journalist spoke.", &site.url("/1")));
    desk.run(&["poll"]);
    assert_eq!((desk.query("SELECT urgency FROM owed"), desk.mails().len()), (vec!["digest".to_owned()], 0));
}

#[test]
fn a_move_is_believed_after_a_day_and_forgotten_when_it_ends() {
    let (_runtime, site) = newsroom();
    let desk = desk(&site, "never");
    let news = |path: &str, number: u32| {
        let items = item(number, "Roads", "Snow on the pass.", &site.url("/1"));
        let feed = format!("<rss version='2.0'><channel>{items}</channel></rss>");
        site.serve(path, "application/rss+xml", feed);
    };
    news("/there", 1);
    let moved = site.url("/there");
    let leads_there = || site.answer("/feed", 301, &[("location", &moved)], "");
    leads_there();
    desk.run(&["poll"]);
    assert_eq!(health(&desk).0, "healthy", "an hour's redirect is no move");
    change(&desk, "UPDATE source SET moved_since_at = '2026-01-01T00:00:00Z'");
    desk.run(&["poll"]);
    assert_eq!(health(&desk).0, "moved");
    assert_eq!(desk.query("SELECT count(*) FROM sick_sources"), ["0"], "it is read, so nothing is missed");
    let listed = desk.run(&["sources", "list"]).out;
    assert!(listed.contains(&format!("it is at `{moved}` now")), "{listed}");

    site.answer("/feed", 404, &[], "");
    news("/there", 2);
    assert_eq!(desk.run(&["poll"]).code, Some(0), "the old address is dead, the new one is known");
    assert_eq!(desk.query("SELECT count(*) FROM article"), ["1"], "a new guid for the same words");

    news("/feed", 3);
    desk.run(&["poll"]);
    assert_eq!(health(&desk).0, "healthy");
    assert_eq!(desk.query("SELECT moved_to FROM source"), [""], "the configured address answers for itself");
}

#[test]
fn an_empty_or_broken_off_document_is_asked_for_whole_again() {
    let whole = "<rss><channel><item><guid>1</guid><title>Roads</title></item></channel></rss>";
    let check = |body: &str, conditional: bool| {
        let (_runtime, site) = newsroom();
        site.serve("/feed", "application/rss+xml", body);
        let desk = desk(&site, "never");
        desk.run(&["poll"]);
        desk.run(&["poll"]);
        let asked = site.requests();
        assert_eq!(
            asked.last().is_some_and(|request| request.if_none_match.is_some()),
            conditional,
            "{body}"
        );
    };
    check(whole, true);
    check(&whole[..whole.len() - 25], false);
    check(&whole[..whole.len() - 16], false);
    check("<rss><channel></channel></rss>", false);
}

#[test]
fn a_server_that_asks_for_patience_is_not_asked_before() {
    let (_runtime, site) = newsroom();
    let desk = desk(&site, "never");
    site.answer("/feed", 429, &[("retry-after", "3600")], "");
    for _ in 0..2 {
        let ran = desk.run(&["poll"]);
        assert_eq!(ran.code, Some(75), "{ran:?}");
        assert!(ran.err.contains("Osh Echo: it asks not to be asked before"), "{}", ran.err);
    }
    assert_eq!(site.requests().len(), 1);
    change(&desk, "UPDATE source SET not_before_at = NULL, healthy_at = '2026-01-01T00:00:00Z'");
    desk.run(&["poll"]);
    let (health, status) = health(&desk);
    assert_eq!(health, "blocked", "put off for ever is shut out");
    assert!(status.contains("it has asked us to come back later ever since 1 Jan 2026"), "{status}");
}

#[test]
fn silence_and_a_window_that_rolled_over_are_said_and_heal() {
    let (_runtime, site) = newsroom();
    let desk = desk(&site, "never");
    let dated = |from: u32, day: u32| -> String {
        let items = (from..from + 9).map(|number| {
            let title = format!("Notice {number}");
            let date = format!("<pubDate>{day} Nov 2024 {:02}:00:00 GMT</pubDate>", number % 9);
            item(number, &title, "Snow on the pass.", &site.url(&format!("/{number}"))) + &date
        });
        let items: String = items.collect();
        items.replace("</item><pubDate>", "<pubDate>").replace("</pubDate>", "</pubDate></item>")
    };
    serve(&site, &dated(1, 3));
    desk.run(&["poll"]);
    let (word, status) = health(&desk);
    assert_eq!(word, "stale");
    assert!(
        status.contains("nothing new since 3 Nov 2024; usually something comes within an hour"),
        "{status}"
    );

    serve(&site, &dated(100, 4).replace("2024", "2099"));
    desk.run(&["poll"]);
    let (word, status) = health(&desk);
    assert_eq!(word, "rolled over");
    assert!(status.contains("every entry was new since"), "{status}");
    desk.run(&["poll"]);
    assert_eq!(health(&desk).0, "healthy");
    change(&desk, "UPDATE poll SET polled_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-1 hour')");
    let digest = desk.run(&["digest", "rights desk", "--since", "1d"]).out;
    assert!(digest.contains("Osh Echo: rolled over since"), "the digest of the time says so: {digest}");
}

/// Servers that take their time hold nobody else up.
#[test]
fn slow_sources_delay_no_quick_one() {
    // A site is asked one thing at a time, so there are two.
    let (_runtime, slow) = newsroom();
    let (_other, quick) = newsroom();
    let feed = "<rss><channel><item><title>Roads</title></item></channel></rss>";
    let mut feeds = String::new();
    for n in 0..16 {
        let (kind, site) = if n < 8 { ("slow", &slow) } else { ("quick", &quick) };
        let path = format!("/{n}");
        site.serve(&path, "application/rss+xml", feed);
        slow.delay(&path, std::time::Duration::from_secs(60));
        feeds += &format!("[[feed]]\nname = \"{kind} {n}\"\nurl = \"{}\"\n", site.url(&path));
    }
    let desk = Desk::bare();
    let data = desk.data();
    let head = format!("[daemon]\ndata = {data:?}\nprivate_hosts = [\"127.0.0.1\"]\npolls_at_once_max = 2\n");
    std::fs::write(desk.path("config.toml"), head + &feeds).expect("writable");
    let daemon = Running::start(&desk, &[]);
    let read = |kind: &str| {
        let sql = "SELECT count(*) FROM article a JOIN source s ON s.id = a.source_id WHERE s.name GLOB";
        desk.query(&format!("{sql} '{kind} *'")).remove(0)
    };
    wait_for("the quick sources", || daemon.said("articles stored") && read("quick") == "8");
    assert_eq!(read("slow"), "0", "none of them has answered yet: {}", daemon.log());
}

/// A list of notices as the site lays it out: what an item and its link are.
fn notices(item: &str, link: &str) -> String {
    let notice =
        |n: u32| format!("<li class='{item}'><{link} href='/notice/{n}'>Notice {n} of Osh</{link}></li>");
    format!("<html><body><ul>{}</ul></body></html>", (1..=3).map(notice).collect::<String>())
}

#[test]
fn a_page_that_yields_nothing_any_more_is_an_alarm_and_heals() {
    for (changed, reason) in [
        (notices("story", "a"), "nothing on the page matches `li.news`; has its layout changed?"),
        (
            notices("news", "span"),
            "nothing could be read of its items: item 1: it has neither title nor link",
        ),
    ] {
        let (_runtime, site) = newsroom();
        let page = format!(
            "[[page]]\nname = \"Notices\"\nurl = \"{}\"\nitem = \"li.news\"\nfull_text = \"never\"\n",
            site.url("/notices")
        );
        let plan = PLAN.replace("[mail]\n", "[mail]\nops_to = [\"admin@example.org\"]\n");
        let desk = Desk::new(&(plan + &page));
        let serve = |list: &str| site.serve("/notices", "text/html", list);
        let told = || desk.mails().into_iter().filter(|mail| mail.contains("To: admin@")).collect::<Vec<_>>();
        let later = || change(&desk, "UPDATE source SET health_since_at = '2026-01-01T00:00:00Z'");
        serve(&notices("news", "a"));
        desk.run(&["poll"]);
        assert_eq!(
            (health(&desk).0.as_str(), desk.query("SELECT count(*) FROM article")),
            ("healthy", vec!["3".into()])
        );

        serve(&changed);
        for _ in 0..3 {
            desk.run(&["poll"]);
            let (word, status) = health(&desk);
            assert!(word == "zombie" && status.contains(reason), "{status}");
            later();
        }
        assert_eq!(desk.run(&["status"]).code, Some(1));
        let digest = desk.run(&["digest", "rights desk", "--since", "1d"]).out;
        assert!(digest.contains("Notices: zombie since"), "{digest}");
        let mails = told();
        assert!(mails.len() == 1 && mails[0].contains("zombie"), "the operator is told once: {mails:?}");
        assert!(mails[0].contains(reason.split(';').next().expect("words")), "and why: {}", mails[0]);

        serve(&notices("news", "a"));
        for _ in 0..3 {
            desk.run(&["poll"]);
            later();
        }
        assert_eq!((health(&desk).0.as_str(), desk.run(&["status"]).code), ("healthy", Some(0)));
        assert_eq!(told().len(), 2, "and once when it is well again");
    }
}

#[test]
fn of_several_addresses_the_first_that_is_well_is_read_and_said() {
    let (_runtime, site) = newsroom();
    let [first, second] = ["/first", "/second"].map(|path| site.url(path));
    let desk = desk(&site, "never");
    let own = std::fs::read_to_string(desk.path("config.toml")).expect("readable");
    std::fs::write(desk.path("config.toml"), format!("{own}mirrors = [\"{first}\", \"{second}\"]\n"))
        .expect("writable");
    let news = |path: &str, from: u32| {
        let items: String = (from..from + 6)
            .map(|n| item(n, &format!("Notice {n}"), "Snow on the pass.", &site.url(&format!("/{n}"))))
            .collect();
        let feed = format!("<rss version='2.0'><channel><title>{path}</title>{items}</channel></rss>");
        site.serve(path, "application/rss+xml", feed);
    };
    let asked = |path: &str| {
        let all = site.requests().into_iter().filter(|request| request.path == path);
        all.map(|request| (request.status, request.if_none_match.is_some())).collect::<Vec<_>>()
    };
    let poll = || {
        site.forget_requests();
        let ran = desk.run(&["poll"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran
    };
    let listed = || desk.run(&["sources", "list"]).out + &desk.run(&["status"]).out;
    let said = |url: &str| format!("it is read at its mirror `{url}`; its own address fails: ");

    news("/feed", 1);
    news("/second", 100);
    poll();
    assert_eq!((asked("/first").len(), asked("/second").len()), (0, 0), "its own address is well");

    // Its own address is dead, and so is the first mirror.
    site.answer("/feed", 404, &[], "");
    site.answer("/first", 200, &[("content-type", "text/html")], "<html><body>Log in</body></html>");
    let ran = poll();
    assert!(ran.err.contains(&said(&second)), "{}", ran.err);
    assert_eq!(asked("/second"), [(200, false)], "validators of one address are not shown to another");
    assert_eq!(desk.query("SELECT count(*) FROM article"), ["12"]);
    assert_eq!(health(&desk).0, "healthy", "other numbers at another address are no gap");
    assert!(listed().contains(&said(&second)), "{}", listed());
    assert_eq!(desk.run(&["status"]).code, Some(0), "nothing is missed");
    poll();
    assert_eq!((asked("/feed"), asked("/second")), (vec![(404, false)], vec![(304, true)]));

    // The first healthy one wins.
    news("/first", 100);
    poll();
    assert_eq!((asked("/first"), asked("/second")), (vec![(200, false)], vec![]));
    assert!(listed().contains(&said(&first)), "{}", listed());

    change(&desk, "UPDATE source SET next_poll_at = NULL");
    let running = Running::start(&desk, &[]);
    wait_for("the log", || running.said("source read at another address") && running.said(&said(&first)));
    drop(running);

    // An empty feed at its own address is no better than none.
    site.serve("/feed", "application/rss+xml", "<rss><channel><title>Empty</title></channel></rss>");
    let ran = poll();
    assert!(
        ran.err.contains("its own address fails: it answers with a feed that has nothing in it"),
        "{}",
        ran.err
    );

    news("/feed", 1);
    poll();
    assert_eq!((asked("/feed"), asked("/first")), (vec![(200, false)], vec![]));
    assert!(!listed().contains("mirror"), "{}", listed());
    assert_eq!(desk.query("SELECT health || coalesce(health_reason, '') FROM source"), ["healthy"]);

    // When all fail it is the trouble of its own address that is told.
    for path in ["/feed", "/first", "/second"] {
        site.answer(path, 500, &[], "");
    }
    let ran = desk.run(&["poll"]);
    assert!(ran.code == Some(69) && ran.err.contains("Osh Echo: failed to "), "{ran:?}");
    let tested = desk.run(&["sources", "test", "Osh Echo"]);
    assert_eq!(
        (tested.code, tested.out.matches("Osh Echo, mirror: broken").count()),
        (Some(69), 2),
        "{tested:?}"
    );
}
