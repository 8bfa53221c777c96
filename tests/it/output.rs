//! Rows in every form: the same data for people and for programs.

use crate::support::{Desk, Running, newsroom, wait_for};
use newswatch::newsroom::Newsroom;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

const CONFIG: &str = r#"
[[watch]]
name = "Temirov"
query = "Temirov"

[[watch]]
name = "commas, and \"quotes\""
query = "Temirov"

[[plan]]
name = "desk"
to = ["ada@example.org"]
cron = "0 7 * * *"
"#;

/// Takes the screen, rings, breaks the line, ends the column and turns the text round.
const HOSTILE: &str =
    "Temirov\u{1b}[2J \u{7}rings,\r\n\tand | \"says\" \\ \u{202e}so\u{9b}31m\u{200b}\u{e0041}";

const COLUMNS: [&str; 9] =
    ["id", "first_seen_at", "published_at", "source", "language", "title", "snippet", "watches", "link"];

/// A desk that has polled one source of three stories.
fn polled() -> (Runtime, Newsroom, Desk) {
    let (runtime, site) = newsroom();
    let item = |id: u32, title: &str, text: &str| {
        json!({"id": id.to_string(), "url": format!("https://echo.example/{id}"), "title": title,
               "content_text": text, "date_published": format!("2026-11-0{id}T07:00:00Z")})
    };
    let feed = json!({"version": "https://jsonfeed.org/version/1.1", "title": "Osh Echo", "items": [
        item(1, "Суд над Темировым отложен", "Журналиста Болота Темирова ждут в пятницу."),
        item(2, "Temirov wins an appeal", "The court in Bishkek freed Bolot Temirov."),
        item(3, HOSTILE, "A title | from nowhere,\nand \"Temirov\"."),
    ]});
    site.serve("/feed", "application/feed+json", feed.to_string());
    let desk = Desk::new(&format!(
        "{CONFIG}\n[[feed]]\nname = \"Osh Echo\"\nurl = \"{}\"\nfull_text = \"never\"\n",
        site.url("/feed")
    ));
    let ran = desk.run(&["poll"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    (runtime, site, desk)
}

#[test]
fn every_form_holds_the_same_rows() {
    let (_runtime, _site, desk) = polled();
    let rows = |form: &str, read: fn(&str) -> Vec<Vec<String>>| {
        let ran = desk.run(&["search", "Temirov", "-o", form]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{form}");
        read(&ran.out)
    };
    let exact = rows("json", |out| objects(&serde_json::from_str(out).expect("JSON")));
    assert_eq!(exact.len(), 3, "{exact:?}");
    // JSON carries foreign text as it came, one-line forms carry what can be read of it.
    assert_eq!(rows("ndjson", ndjson), exact);
    let plain: Vec<Vec<String>> =
        exact.iter().map(|row| row.iter().map(|cell| plain(cell)).collect()).collect();
    assert_eq!(rows("tsv", tsv), plain);
    assert_eq!(rows("csv", csv), plain);
    assert_eq!(rows("md", markdown), plain);
    assert_eq!(tsv(&desk.run(&["search", "Temirov"]).out), plain, "a pipe gets tsv");
    let table = desk.run(&["search", "Temirov", "-o", "table"]).out;
    for word in ["TITLE", "FIRST SEEN AT", "Темировым", "appeal", "Osh Echo", "Temirov"] {
        assert!(table.contains(word), "no `{word}` in {table}");
    }
}

#[test]
fn what_a_stranger_wrote_never_steers_a_terminal() {
    let (_runtime, site, desk) = polled();
    site.serve(
        "/list",
        "text/html",
        format!("<link rel=alternate type=application/rss+xml href=\"/a{HOSTILE}\">"),
    );
    let id = desk.query("SELECT id FROM article WHERE title LIKE '%rings%'").remove(0);
    assert_ne!(
        desk.query("SELECT title FROM article WHERE title LIKE '%\u{202e}%'").len(),
        0,
        "the title is hostile"
    );
    for arguments in [
        &["search", "Temirov", "-o", "table"][..],
        &["search", "Temirov", "-o", "tsv"],
        &["search", "Temirov", "-o", "md"],
        &["search", "Temirov", "-o", "json"],
        &["show", &id],
        &["show", &id, "-o", "json"],
        &["explain", &id],
        &["digest", "desk", "--since", "10d"],
        &["watches", "test", "Temirov"],
        &["watches", "test", "Temirov", "-o", "table"],
        &["sources", "test"],
        &["sources", "test", "-o", "json"],
        &["sources", "list"],
        &["sources", "discover", &site.url("/feed")],
        &["sources", "discover", &site.url("/feed"), "--toml"],
        &["sources", "discover", &site.url("/list")],
        &["poll"],
        &["digest", "--help"],
        &["status"],
    ] {
        let ran = desk.run(arguments);
        let steers = |c: char| (c.is_control() && !matches!(c, '\n' | '\t' | '\r')) || is_hidden(c);
        // In JSON the text is whole, as escapes where it could do harm.
        let is_json = arguments.contains(&"json");
        let steers = |c: char| steers(c) && !(is_json && is_unseen(c));
        let found: Vec<char> = ran.out.chars().chain(ran.err.chars()).filter(|c| steers(*c)).collect();
        assert!(found.is_empty(), "{arguments:?}: {found:?} in {}", ran.out);
    }
}

/// A title per line as it is written, and as it stands in CSV and in Markdown.
#[test]
fn what_a_stranger_wrote_is_neither_formula_nor_markup() {
    let table = [
        ("=HYPERLINK(A1)", "'=HYPERLINK(A1)", "=HYPERLINK(A1)"),
        ("+1 Temirov", "'+1 Temirov", "+1 Temirov"),
        ("-2", "'-2", "-2"),
        ("@SUM(A1)", "'@SUM(A1)", "\\@SUM(A1)"),
        ("\"=1+1\"", "\"'\"\"=1+1\"\"\"", "\"=1+1\""),
        ("\u{200b}=1+1", "'=1+1", "=1+1"),
        ("\u{ff1d}1+1", "'\u{ff1d}1+1", "\u{ff1d}1+1"),
        ("a=b; c", "\"a=b; c\"", "a=b; c"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))", "\\[x\\](javascript:alert(1))"),
        ("![x](http://track.example/)", "![x](http://track.example/)", "!\\[x\\](http\\://track.example/)"),
        ("x <1> R&D", "x <1> R&D", "x \\<1\\> R\\&D"),
        ("www.evil.example a@b.example", "www.evil.example a@b.example", "www\\.evil.example a\\@b.example"),
        (
            "`code` *a* _b_ ~c~ a|b \\",
            "`code` *a* _b_ ~c~ a|b \\",
            "\\`code\\` \\*a\\* \\_b\\_ \\~c\\~ a\\|b \\\\",
        ),
        ("http://evil.example/", "http://evil.example/", "http\\://evil.example/"),
    ];
    let (_runtime, site) = newsroom();
    let items = table.iter().enumerate().map(|(at, (title, ..))| {
        json!({"id": at.to_string(), "url": "https://echo.example/a?b|c", "title": title, "content_text": format!("Temirov {at}")})
    });
    let feed = json!({"version": "https://jsonfeed.org/version/1.1", "items": items.collect::<Vec<_>>()});
    site.serve("/feed", "application/feed+json", feed.to_string());
    let source =
        format!("[[feed]]\nname = \"Echo\"\nurl = \"{}\"\nfull_text = \"never\"\n", site.url("/feed"));
    let desk = Desk::new(&source);
    desk.run(&["poll"]);
    for (at, (title, in_csv, in_markdown)) in table.iter().enumerate() {
        let shown = |form: &str| desk.run(&["search", &format!("Temirov {at}"), "-o", form]).out;
        assert!(shown("csv").contains(&format!(",{in_csv},")), "{title}: {in_csv} in {}", shown("csv"));
        assert!(shown("md").contains(&format!("| {in_markdown} |")), "{title}: {}", shown("md"));
        let exact: Value = serde_json::from_str(&shown("json")).expect("JSON");
        assert!(
            exact.as_array().is_some_and(|rows| rows.iter().any(|row| row["title"] == *title)),
            "{exact}"
        );
    }
    let addresses = desk.run(&["sources", "list", "-o", "md"]).out;
    assert!(addresses.contains(&format!("| <{}> |", site.url("/feed"))), "{addresses}");
}

#[test]
fn an_event_of_many_lines_is_one_line_of_the_log() {
    let (_runtime, site) = newsroom();
    let desk = Desk::new(&format!("[[feed]]\nname = \"Echo\"\nurl = \"{}\"\n", site.url("/feed")));
    let mut daemon = Running::start(&desk, &[]);
    wait_for("the first poll", || !site.requests().is_empty());
    desk.configure("colour = 1\n[mail]\nfrm = 1\n");
    daemon.signal("HUP");
    wait_for("a word of the reload", || daemon.said("configuration not reloaded"));
    daemon.ends_well_on("TERM");
    let log = daemon.log();
    let said: Vec<_> = log.lines().filter(|line| line.contains("unknown key")).collect();
    assert_eq!(said.len(), 1, "{log}");
    assert!(
        said[0].contains("unknown key `colour`") && said[0].contains("; ") && said[0].contains("`frm`"),
        "{log}"
    );
}

#[test]
fn every_json_can_be_read() {
    let (_runtime, _site, desk) = polled();
    // Arguments, and where something must stand in the answer.
    for (arguments, pointer, expected) in [
        (&["show", "1", "-o", "json"][..], "/id", json!(1)),
        (&["show", "1", "-o", "json"], "/matches/0/watch", json!("Temirov")),
        (&["status", "-o", "json"], "/articles", json!(3)),
        (&["status", "-o", "json"], "/sources/healthy", json!(1)),
        (&["sources", "list", "-o", "json"], "/0/source", json!("Osh Echo")),
        (&["sources", "list", "-o", "json"], "/0/articles", json!(3)),
        (&["watches", "list", "-o", "json"], "/1/watch", json!("commas, and \"quotes\"")),
        (&["watches", "list", "-o", "json"], "/0/matches", json!(3)),
        (&["poll", "-o", "json"], "/0/outcome", json!("unchanged")),
    ] {
        let ran = desk.run(arguments);
        let answer: Value =
            serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {ran:?}"));
        assert_eq!(answer.pointer(pointer), Some(&expected), "{arguments:?} at {pointer}: {answer}");
    }
}

#[test]
fn one_script_finds_the_other() {
    let (_runtime, _site, desk) = polled();
    for (query, expected) in [
        ("Temirov", 3),
        ("Темиров", 3),
        ("Bishkek", 1),
        ("Бишкек", 1),
        ("zhurnalista", 1),
        ("журналиста", 1),
        ("\"Болот Темиров\"", 2),
    ] {
        let ran = desk.run(&["search", query]);
        assert_eq!(tsv(&ran.out).len(), expected, "{query}: {ran:?}");
    }
}

fn tsv(out: &str) -> Vec<Vec<String>> {
    out.lines().map(|line| line.split('\t').map(String::from).collect()).collect()
}

fn ndjson(out: &str) -> Vec<Vec<String>> {
    objects(&out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")).collect())
}

/// The cells of each object, in the order of the columns.
fn objects(rows: &Value) -> Vec<Vec<String>> {
    let cell = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(words) => {
            words.iter().map(|word| word.as_str().expect("a word")).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    let row = |row: &Value| COLUMNS.iter().map(|name| cell(&row[name])).collect();
    rows.as_array().expect("rows").iter().map(row).collect()
}

/// RFC 4180, read to the letter: lines end with CRLF, quotes double inside quotes.
fn csv(out: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut rest = out.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quoted && rest.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {
                assert_eq!(rest.next(), Some('\n'), "a line end");
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            _ => {
                assert!(quoted || c != '\n', "a bare line end in {out:?}");
                cell.push(c);
            }
        }
    }
    assert!(row.is_empty() && cell.is_empty() && !quoted, "cut off");
    assert_eq!(rows.remove(0).join(","), format!("\u{feff}{}", COLUMNS.join(",")), "a byte order mark leads");
    rows
}

fn markdown(out: &str) -> Vec<Vec<String>> {
    let mut lines = out.lines();
    assert_eq!(lines.next().map(|head| head.matches(" | ").count()), Some(COLUMNS.len() - 1));
    assert_eq!(lines.next().map(|rule| rule.matches(" --- |").count()), Some(COLUMNS.len()));
    let cells = |line: &str| {
        let inside = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")).expect("a row");
        inside.split(" | ").map(rendered).collect()
    };
    lines.map(cells).collect()
}

/// Nobody sees them, and some turn text round.
fn is_hidden(c: char) -> bool {
    is_unseen(c) || ('\u{202a}'..='\u{202e}').contains(&c)
}

fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{e0000}'..='\u{e007f}')
}

/// As CommonMark renders a cell in which nothing but an address is markup.
fn rendered(cell: &str) -> String {
    if let Some(link) = cell.strip_prefix('<').and_then(|cell| cell.strip_suffix('>')) {
        return link.to_owned();
    }
    let (mut text, mut rest) = (String::new(), cell.chars().peekable());
    while let Some(c) = rest.next() {
        let sign = (c == '\\').then(|| rest.next_if(char::is_ascii_punctuation)).flatten();
        assert!(sign.is_some() || !"`*_[]<>|~&$@".contains(c), "`{c}` is markup in {cell}");
        text.push(sign.unwrap_or(c));
    }
    text
}

/// On one line, without what steers a terminal.
fn plain(text: &str) -> String {
    let kept: String =
        text.chars().filter(|c| !is_hidden(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}
