//! `kill -9` at random instants: nothing lost, nothing twice.

use crate::support::{Desk, files, finish, newsroom};
use newswatch::newsroom::Newsroom;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Rounds of the everyday run; `NEWSWATCH_KILLS` asks for more.
const KILLS: u64 = 2;

/// Sources of the newsroom under fire, and stories that each tells.
const SOURCES: usize = 8;
const STORIES: usize = 12;

#[test]
fn killed_at_any_instant_it_loses_nothing_and_tells_nothing_twice() {
    let kills = std::env::var("NEWSWATCH_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(KILLS);
    for round in 0..kills {
        let (runtime, site) = newsroom();
        let desk = desk_with_sources(&site);
        // Instants spread over the length of a poll with its mails, by a fixed
        // recipe, so that a round that fails can be run again.
        for shot in 0..3 {
            let after = Duration::from_millis((round * 37 + shot * 61) % 400);
            shoot(&runtime, &desk, &["poll"], after);
            shoot(&runtime, &desk, &["digest", "desk", "--send"], after);
        }
        assert_eq!(desk.run(&["poll"]).code, Some(0));
        assert_eq!(desk.run(&["digest", "desk", "--send"]).code, Some(0));
        everything_is_told_once(&desk, round);
    }
}

fn desk_with_sources(site: &Newsroom) -> Desk {
    let mut config = String::from(
        "[mail]\nfrom = \"newswatch@example.org\"\n[[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
         [[plan]]\nname = \"desk\"\nto = [\"desk@example.org\"]\nwatches = [\"*\"]\ncron = \"0 7 * * *\"\n",
    );
    for source in 0..SOURCES {
        let path = format!("/feed/{source}");
        site.serve(&path, "application/rss+xml", feed(source));
        site.delay(&path, Duration::from_millis(15 * source as u64));
        config += &format!(
            "[[feed]]\nname = \"source {source}\"\nurl = \"{}\"\nfull_text = \"never\"\n",
            site.url(&path)
        );
    }
    Desk::new(&config)
}

fn feed(source: usize) -> String {
    let item = |story: usize| {
        format!(
            "<item><guid>{story}</guid><title>Темиров {source} {story}</title>\
             <description>Дело номер {source}{story}{story}.</description></item>"
        )
    };
    format!(
        "<rss><channel><title>{source}</title>{}</channel></rss>",
        (0..STORIES).map(item).collect::<String>()
    )
}

fn shoot(runtime: &tokio::runtime::Runtime, desk: &Desk, arguments: &[&str], after: Duration) {
    let mut child = desk.command(arguments).spawn().expect("the binary starts");
    runtime.block_on(async { tokio::time::sleep(after).await });
    child.kill().expect("it can be killed, or has ended");
    finish(child);
}

/// Every story is in exactly one mail, and every mail in the outbox is one file.
fn everything_is_told_once(desk: &Desk, round: u64) {
    let mails = files(&desk.data().join("mail"), "eml");
    let ids: BTreeSet<_> = mails.iter().filter_map(|mail| header(mail, "Message-ID")).collect();
    assert_eq!(ids.len(), mails.len(), "round {round}: two files with one Message-ID");
    assert_eq!(desk.query("SELECT DISTINCT state FROM outbox"), ["sent"], "round {round}");
    assert_eq!(desk.query("SELECT count(*) FROM outbox"), [mails.len().to_string()], "round {round}");
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for mail in &mails {
        let parsed = mail_parser::MessageParser::default().parse(mail.as_bytes()).expect("a mail");
        let text = parsed.body_text(0).expect("a text part").into_owned();
        for line in text.lines().filter(|line| line.starts_with("* Темиров ")) {
            *told.entry(line.to_owned()).or_default() += 1;
        }
    }
    let twice: Vec<_> = told.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "round {round}: told twice: {twice:?}");
    assert_eq!(told.len(), SOURCES * STORIES, "round {round}: lost some of {told:?}");
}

fn header<'a>(mail: &'a str, name: &str) -> Option<&'a str> {
    mail.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}
