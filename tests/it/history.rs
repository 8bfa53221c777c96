//! The stored history under watches that are new or changed.

use crate::support::{Desk, newsroom};
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
