//! The stored history under watches that are new or changed.

use crate::support::{Desk, Running, finish, newsroom, wait_for};
use newswatch::newsroom::Newsroom;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// Stories of a made-up outlet: number, language, title, text.
const STORIES: [(u32, &str, &str, &str); 6] = [
    (1, "ru", "Суд над Темировым отложен", "Журналиста Болота Темирова ждут в пятницу."),
    (2, "en", "Temirov wins an appeal", "The court in Bishkek freed Bolot Temirov."),
    (3, "en", "A bridge is opened", "Engineers spoke of Temirov, who filmed the old one."),
    (4, "ky", "Темировдун тасмасы", "Темировдун көпүрөлөр жөнүндөгү тасмасы көрсөтүлдү."),
    (5, "en", "The court is repaired", "The roof of the court leaks."),
    (6, "en", "Apples are late", "A cold spring."),
];

const PLANS: &str = r#"
[[watch]]
name = "Temirov"
query = "Temirov"
weight = 2

[[plan]]
name = "desk"
to = ["desk@example.org"]
watches = ["*"]
at_least = 4
cron = "0 7 * * *"
at_once_from = 5

[[plan]]
name = "night"
to = ["night@example.org"]
watches = ["Temirov"]
"#;

/// A desk that has polled the stories under `config`.
fn polled(config: &str) -> (Runtime, Newsroom, Desk) {
    let (runtime, site) = newsroom();
    let item = |(id, language, title, text): (u32, &str, &str, &str)| {
        json!({"id": id.to_string(), "url": format!("https://echo.example/{id}"), "title": title,
               "language": language, "content_text": text})
    };
    let items: Vec<Value> = STORIES.into_iter().map(item).collect();
    let feed = json!({"version": "https://jsonfeed.org/version/1.1", "title": "Osh Echo", "items": items});
    site.serve("/feed", "application/feed+json", feed.to_string());
    let source =
        format!("[[feed]]\nname = \"Osh Echo\"\nurl = \"{}\"\nfull_text = \"never\"\n", site.url("/feed"));
    let desk = Desk::new(&format!("{source}{config}"));
    let ran = desk.run(&["poll"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    (runtime, site, desk)
}

/// `part name count` of the counts, `part title` of the samples.
fn rows(out: &str) -> Vec<String> {
    let rows: Vec<Value> = serde_json::from_str(out).unwrap_or_else(|error| panic!("{error}: {out}"));
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let shown = |row: &Value| match row["count"].as_u64() {
        Some(count) => format!("{} {} {count}", text(row, "part"), text(row, "name")),
        None => format!("{}: {}", text(row, "part"), text(row, "title")),
    };
    rows.iter().map(shown).collect()
}

#[test]
fn a_watch_is_tried_over_the_history() {
    let (_runtime, _site, desk) = polled(PLANS);
    let check = |arguments: &[&str], code: i32, expected: &[&str]| {
        let ran = desk.run(&[&["watches", "test"], arguments, &["-o", "json"]].concat());
        assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:?}");
        let rows = rows(&ran.out);
        // Weeks depend on the day the test runs.
        let (weeks, rows): (Vec<String>, Vec<String>) =
            rows.into_iter().partition(|row| row.starts_with("week "));
        assert_eq!(rows, expected, "{arguments:?}");
        assert_eq!(weeks.len(), usize::from(code == 0), "{arguments:?}: {weeks:?}");
    };
    check(
        &["Temirov", "-n", "2"],
        0,
        &[
            "articles Temirov 6",
            "matches Temirov 4",
            "source Osh Echo 4",
            "language en 2",
            "language ky 1",
            "language ru 1",
            "plan desk 3",
            "plan at once desk 1",
            "plan night 4",
            "plan at once night 4",
            "newest: Темировдун тасмасы",
            "newest: A bridge is opened",
            "best: Temirov wins an appeal",
            "best: Темировдун тасмасы",
        ],
    );
    check(
        &["--query", "Temirov AND court", "--weight", "3", "-n", "3"],
        0,
        &[
            "articles Temirov AND court 6",
            "matches Temirov AND court 1",
            "source Osh Echo 1",
            "language en 1",
            "plan desk 1",
            "plan at once desk 1",
            "plan night 1",
            "plan at once night 1",
            "newest: Temirov wins an appeal",
            "best: Temirov wins an appeal",
            "near miss: The court is repaired",
            "near miss: Темировдун тасмасы",
            "near miss: A bridge is opened",
        ],
    );
    check(
        &["--query", "Tokayev"],
        3,
        &[
            "articles Tokayev 6",
            "matches Tokayev 0",
            "plan desk 0",
            "plan at once desk 0",
            "plan night 0",
            "plan at once night 0",
        ],
    );
}

#[test]
fn people_see_the_sentence_and_the_reason() {
    let (_runtime, _site, desk) = polled(PLANS);
    let ran = desk.run(&["watches", "test", "--query", "Bolot Temirov", "-o", "table"]);
    for said in [
        "Bolot Temirov: found in 2 of 6 articles",
        "    Журналиста [Болота Темирова] ждут в пятницу.",
        "stem темиров + а (ru, surname of a man, genitive",
        "The court in Bishkek freed [Bolot Temirov].",
    ] {
        assert!(ran.out.contains(said), "no `{said}` in {}", ran.out);
    }
}

#[test]
fn a_trial_that_cannot_be_made_says_why() {
    let (_runtime, _site, desk) = polled(PLANS);
    for (arguments, code, said) in [
        (&["Temirow"][..], 1, "no watch is called `Temirow`"),
        (&["--query", "Temirov AND (court"], 1, "              ^ `(` is not closed"),
        (&["--query", "NOT court"], 1, "alone fits almost every article"),
        (&["Temirov", "--query", "Temirov"], 2, "cannot be used with"),
        (&["Temirov", "--weight", "3"], 2, "cannot be used with"),
        (&[], 2, "required"),
    ] {
        let ran = desk.run(&[&["watches", "test"], arguments].concat());
        assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(said), "{arguments:?}: {}", ran.err);
    }
}

/// The same sources with another watch, written over the configuration.
fn rewatch(desk: &Desk, site: &Newsroom, query: &str) {
    let source =
        format!("[[feed]]\nname = \"Osh Echo\"\nurl = \"{}\"\nfull_text = \"never\"\n", site.url("/feed"));
    desk.configure(&format!(
        "{source}{}",
        PLANS.replace("query = \"Temirov\"", &format!("query = '{query}'"))
    ));
}

/// Subjects of the mails, sorted.
fn subjects(desk: &Desk) -> Vec<String> {
    let mails = desk.mails();
    let parse = |mail: &String| {
        let parsed = mail_parser::MessageParser::default().parse(mail.as_bytes()).expect("a mail");
        parsed.subject().unwrap_or_default().to_owned()
    };
    let mut subjects: Vec<String> = mails.iter().map(parse).collect();
    subjects.sort();
    subjects
}

#[test]
fn rescore_says_first_what_would_change() {
    let (_runtime, site, desk) = polled(&PLANS.replace("query = \"Temirov\"", "query = \"court\""));
    rewatch(&desk, &site, "Temirov OR roof");
    let before = desk.query("SELECT watch || article_id || ' ' || score FROM match");
    let ran = desk.run(&["rescore", "--dry-run", "-o", "json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        rows(&ran.out),
        [
            "articles  6",
            "new Temirov 3",
            "gone Temirov 0",
            "changed Temirov 2",
            "same Temirov 0",
            "changed sample: The court is repaired",
            "new sample: Темировдун тасмасы",
            "new sample: A bridge is opened",
            "changed sample: Temirov wins an appeal",
            "new sample: Суд над Темировым отложен",
            "plan desk 3",
            "plan night 3",
        ]
    );
    assert_eq!(desk.query("SELECT watch || article_id || ' ' || score FROM match"), before);
    let table = desk.run(&["rescore", "--dry-run", "-o", "table"]).out;
    for said in [
        "3 new, 0 gone, 2 changed in 6 articles",
        "  Temirov  3 new, 0 gone, 2 changed, 0 as before",
        "Temirov, new\n",
        "    score 5.5 before; roof (as written)",
    ] {
        assert!(table.contains(said), "no `{said}` in {table}");
    }
    rewatch(&desk, &site, "Tokayev");
    let ran = desk.run(&["rescore", "--dry-run", "-o", "tsv"]);
    assert!(ran.out.contains("gone\tTemirov\t2"), "{}", ran.out);
    assert!(ran.out.contains("score 3.0 before; `Tokayev` is not there"), "{}", ran.out);
}

#[test]
fn rescore_tells_each_plan_once_and_never_again() {
    let (_runtime, site, desk) = polled(&PLANS.replace("query = \"Temirov\"", "query = \"Tokayev\""));
    assert_eq!(desk.mails().len(), 0);
    rewatch(&desk, &site, "Temirov");
    let told = [
        "3 stories from the history: Temirov (3) — Temirov wins an appeal",
        "4 stories from the history: Temirov (4) — Temirov wins an appeal",
    ];
    // One of the four matches is below the first plan's score.
    for _ in 0..2 {
        let ran = desk.run(&["rescore"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(subjects(&desk), told);
    }
    assert_eq!(desk.query("SELECT count(*) FROM recent_matches"), ["4"]);
    assert_eq!(desk.query("SELECT count(*) FROM not_yet_told"), ["0"]);
    let ran = desk.run(&["rescore", "--watch", "Nobody"]);
    assert_eq!((ran.code, ran.err.contains("no watch is called `Nobody`")), (Some(1), true), "{ran:?}");

    rewatch(&desk, &site, "Temirov AND court");
    assert_eq!(desk.run(&["rescore", "--yes"]).code, Some(0));
    assert_eq!(desk.query("SELECT title FROM recent_matches"), ["Temirov wins an appeal"]);
    let shown = desk.run(&["show", "1"]).out;
    assert!(shown.contains("no longer found since"), "{shown}");
    assert!(shown.contains("night: sent of Temirov, night@example.org"), "{shown}");
    rewatch(&desk, &site, "Temirov");
    assert_eq!(desk.run(&["rescore", "--since", "1d"]).code, Some(0));
    assert_eq!(desk.query("SELECT count(*) FROM recent_matches"), ["4"]);
    assert_eq!(subjects(&desk), told, "it holds again, and was told");
}

#[test]
fn rescore_leaves_its_mail_to_a_daemon_that_runs() {
    let (_runtime, site, desk) = polled(&PLANS.replace("query = \"Temirov\"", "query = \"Tokayev\""));
    let mut daemon = Running::start(&desk, &[]);
    wait_for("the daemon", || daemon.said("starts") && desk.data().join("newswatch.db.lock").exists());
    wait_for("its claim", || desk.run(&["digest", "desk", "--send"]).code == Some(75));
    rewatch(&desk, &site, "Temirov");
    let ran = desk.run(&["rescore"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("the running daemon mails what was found"), "{ran:?}");
    wait_for("both mails", || desk.mails().len() == 2);
    assert!(subjects(&desk).iter().all(|subject| subject.contains("stories from the history")));
    daemon.ends_well_on("TERM");
    assert_eq!(desk.mails().len(), 2, "{}", daemon.log());
}

/// Rounds of the everyday run; `NEWSWATCH_KILLS` asks for more.
const KILLS: u64 = 2;
/// Stories of a history that takes several pages.
const MANY: usize = 300;

#[test]
fn a_rescore_killed_at_any_instant_loses_nothing_and_tells_nothing_twice() {
    let kills = std::env::var("NEWSWATCH_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(KILLS);
    let (runtime, site) = newsroom();
    let item = |number: usize| {
        let title = format!("Темиров {number}");
        json!({"id": number.to_string(), "title": title, "content_text": format!("Дело {number}{number}.")})
    };
    let items: Vec<Value> = (0..MANY).map(item).collect();
    let feed = json!({"version": "https://jsonfeed.org/version/1.1", "title": "Osh Echo", "items": items});
    site.serve("/feed", "application/feed+json", feed.to_string());
    for round in 0..kills {
        let desk = Desk::bare();
        rewatch(&desk, &site, "Tokayev");
        assert_eq!(desk.run(&["poll"]).code, Some(0));
        // Every other round the mail goes out by a daemon beside.
        let daemon = (round % 2 == 1).then(|| Running::start(&desk, &[]));
        rewatch(&desk, &site, "Темиров");
        for shot in 0..4 {
            let mut child = desk.command(&["rescore"]).spawn().expect("the binary starts");
            let after = std::time::Duration::from_millis((round * 73 + shot * 131) % 700);
            runtime.block_on(async { tokio::time::sleep(after).await });
            child.kill().expect("it can be killed, or has ended");
            finish(child);
        }
        drop(daemon);
        let ran = desk.run(&["rescore"]);
        assert_eq!(ran.code, Some(0), "round {round}: {ran:?}");
        assert_eq!(desk.query("SELECT count(*) FROM match"), [MANY.to_string()], "round {round}");
        assert_eq!(desk.query("SELECT count(*) FROM not_yet_told"), ["0"], "round {round}");
        assert_eq!(desk.query("SELECT DISTINCT state FROM outbox"), ["sent"], "round {round}");
        // What the plan with no threshold was told, in however many digests.
        let told = subjects(&desk)
            .into_iter()
            .filter_map(|subject| subject.split(' ').next()?.parse::<usize>().ok());
        assert_eq!(told.sum::<usize>(), 2 * MANY, "round {round}: {:?}", subjects(&desk));
    }
}
