//! A told story whose page is gone: said once, in the next digest, and only where it
//! is the page that is gone and not the site.

use crate::support::{Desk, newsroom};
use newswatch::newsroom::Newsroom;

const CONFIG: &str = "[mail]\nfrom = \"newswatch@example.org\"\n[[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
    [[plan]]\nname = \"desk\"\nto = [\"desk@example.org\"]\nwatches = [\"*\"]\n";
const LONG_AGO: &str = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-2 days')";
/// Articles that there are when the story is told.
const TOLD: usize = 3;
const LONGER_AGO: &str = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-3 days')";

fn page(text: &str) -> String {
    let more = "The road below the pass was closed for the rest of the day, the district said. ".repeat(8);
    format!("<html><body><article><h1>Osh</h1><p>{text}</p><p>{more}</p></article></body></html>")
}

fn item(title: &str, link: &str) -> String {
    format!("<item><title>{title}</title><description>It began…</description><link>{link}</link></item>")
}

fn serve(site: &Newsroom, paths: &[&str]) {
    let items: String = paths.iter().map(|path| item(&format!("Story {path}"), &site.url(path))).collect();
    site.serve("/feed", "text/xml", format!("<rss><channel>{items}</channel></rss>"));
}

fn change(desk: &Desk, sql: &str) {
    let connection = rusqlite::Connection::open(desk.data().join("newswatch.db")).expect("a database");
    connection.execute_batch(sql).expect("good SQL");
}

/// A desk that was told of the story at `/told`, beside others that nobody watches.
fn told(site: &Newsroom, cron: &str) -> Desk {
    let feed = format!("[[feed]]\nname = \"Osh Echo\"\nurl = \"{}\"\n", site.url("/feed"));
    let desk = Desk::new(&format!("{CONFIG}{cron}\n{feed}"));
    for path in ["/first", "/other"] {
        site.serve(path, "text/html", page(&format!("Snow on the pass above village {path}.")));
    }
    site.serve("/told", "text/html", page("The journalist Temirov was released at noon."));
    serve(site, &["/first"]);
    desk.run(&["poll"]);
    serve(site, &["/told", "/other", "/first"]);
    desk.run(&["poll"]);
    if !cron.is_empty() {
        desk.run(&["digest", "desk", "--send"]);
    }
    assert_eq!(desk.mails().len(), 1, "the story is told");
    desk
}

/// A poll two days later, at which pages are looked at again.
fn look(desk: &Desk) {
    change(
        desk,
        &format!(
            "UPDATE page_seen SET next_look_at = iif(next_look_at IS NULL, NULL, {LONG_AGO}),
                                  missing_at = iif(missing_at IS NULL, NULL, {LONG_AGO}),
                                  read_at = {LONGER_AGO}, found_at = {LONGER_AGO}
             WHERE article_id <= {TOLD}"
        ),
    );
    assert_eq!(desk.run(&["poll"]).code, Some(0));
}

/// The mails beyond the one that told the story.
fn said(desk: &Desk, cron: &str) -> Vec<String> {
    if !cron.is_empty() {
        desk.run(&["digest", "desk", "--send"]);
    }
    let first = |mail: &String| mail.contains("Temirov was released") || mail.contains("released at noon");
    let text = |mail: &String| {
        let parsed = mail_parser::MessageParser::default().parse(mail.as_bytes()).expect("a mail");
        let text = parsed.body_text(0).expect("a text part").into_owned();
        format!("{}\n{text}", parsed.subject().unwrap_or_default())
    };
    desk.mails().iter().map(text).filter(|mail| !first(mail)).collect()
}

#[test]
fn a_story_whose_page_is_gone_is_said_once_as_removed() {
    for cron in ["cron = \"0 7 * * *\"", ""] {
        let (_runtime, site) = newsroom();
        let desk = told(&site, cron);
        site.answer("/told", 404, &[], "");
        look(&desk);
        assert_eq!(said(&desk, cron), Vec::<String>::new(), "it may be back tomorrow");
        for _ in 0..2 {
            look(&desk);
            let mails = said(&desk, cron);
            assert_eq!(mails.len(), 1, "{cron}: {mails:?}");
            for line in [
                "Removed: Story /told",
                "== Removed since you were told (1) ==",
                "* Story /told",
                "its page has been gone since",
            ] {
                assert!(mails[0].contains(line), "no `{line}` in {}", mails[0]);
            }
        }
        let asked = site.requests().iter().filter(|request| request.path == "/told").count();
        assert_eq!(asked, 3, "read once, looked at twice, and then left alone");
    }
}

#[test]
fn a_removal_is_told_by_a_plan_that_was_renamed_since() {
    let cron = "cron = \"0 7 * * *\"";
    let (_runtime, site) = newsroom();
    let desk = told(&site, cron);
    site.answer("/told", 404, &[], "");
    look(&desk);
    let config = std::fs::read_to_string(desk.path("config.toml")).expect("readable");
    std::fs::write(desk.path("config.toml"), config.replace("\"desk\"", "\"night desk\"")).expect("writable");
    look(&desk);
    desk.run(&["digest", "night desk", "--send"]);
    let mails = said(&desk, "");
    assert_eq!(mails.len(), 1, "{mails:?}");
    let begins =
        mails[0].replace('\r', "").starts_with("Removed: Story /told\n1 removed story · night desk\n");
    assert!(begins, "{}", mails[0]);
}

#[test]
fn only_a_page_that_is_gone_for_good_is_removed() {
    let cron = "cron = \"0 7 * * *\"";
    for (answers, is_said) in
        [([410, 410], true), ([404, 200], false), ([404, 401], false), ([403, 403], false)]
    {
        let (_runtime, site) = newsroom();
        let desk = told(&site, cron);
        for status in answers {
            site.answer("/told", status, &[], "");
            look(&desk);
        }
        assert_eq!(!said(&desk, cron).is_empty(), is_said, "{answers:?}");
    }
}

/// What the site answers for its other pages, while the told one is gone for days.
#[test]
fn a_site_that_is_gone_shut_or_moved_as_a_whole_removes_nothing() {
    let cron = "cron = \"0 7 * * *\"";
    for status in [404, 403, 401, 429, 500] {
        let (_runtime, site) = newsroom();
        let desk = told(&site, cron);
        site.answer("/told", 404, &[], "");
        for path in ["/first", "/other"] {
            site.answer(path, status, &[], "");
        }
        look(&desk);
        // What is published meanwhile is read well at its new address.
        site.serve("/new/later", "text/html", page("Snow on the pass above village later."));
        serve(&site, &["/new/later", "/told", "/other", "/first"]);
        for _ in 0..2 {
            look(&desk);
        }
        assert_eq!(said(&desk, cron), Vec::<String>::new(), "{status}");
    }
}

#[test]
fn a_page_that_is_back_before_it_was_told_is_not_told() {
    let cron = "cron = \"0 7 * * *\"";
    let (_runtime, site) = newsroom();
    let desk = told(&site, cron);
    site.answer("/told", 404, &[], "");
    look(&desk);
    look(&desk);
    assert_eq!(desk.query("SELECT count(*) FROM removal"), ["1"]);
    site.serve("/told", "text/html", page("The journalist Temirov was released at noon."));
    look(&desk);
    assert_eq!(said(&desk, cron), Vec::<String>::new());
}

#[test]
fn looks_are_few_and_conditional() {
    let (_runtime, site) = newsroom();
    let desk = told(&site, "cron = \"0 7 * * *\"");
    desk.run(&["poll"]);
    for _ in 0..2 {
        look(&desk);
    }
    let asked = |path: &str| {
        let all = site.requests().into_iter().filter(|request| request.path == path);
        all.map(|request| request.status).collect::<Vec<_>>()
    };
    assert_eq!(asked("/told"), [200, 200, 304]);
    assert_eq!(asked("/other"), [200], "nobody was told of it");
    let old = format!("UPDATE page_seen SET read_at = '2026-01-01T00:00:00Z', next_look_at = {LONG_AGO}");
    change(&desk, &old);
    desk.run(&["poll"]);
    assert_eq!(desk.query("SELECT count(next_look_at) FROM page_seen WHERE article_id = 2"), ["0"]);
}
