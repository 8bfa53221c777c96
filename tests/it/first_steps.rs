//! What a new user meets: each step says what it did, and what it did not.

use crate::support::{Desk, Ran, Running, newsroom, wait_for};
use serde_json::{Value, json};

const WATCH: &str = "[[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n";
const PLAN: &str = "[[plan]]\nname = \"desk\"\nto = [\"desk@example.org\"]\ncron = \"0 7 * * *\"\n";
const FEED: &str = "<rss version='2.0'><channel><title>Osh Echo</title><language>en</language>\
     <item><guid>1</guid><title>Hearing put off</title><link>https://echo.example/1</link>\
     <description>&lt;p&gt;Temirov is awaited on Friday.&lt;/p&gt;</description></item>\
     <item><guid>2</guid><title>Weather</title><description>Rain in Osh.</description></item></channel></rss>";

/// One source that the test's own site serves.
fn source(url: &str) -> String {
    format!("[[feed]]\nname = \"Osh Echo\"\nurl = \"{url}\"\nfull_text = \"never\"\n")
}

/// A desk whose `command` must end with `code`.
fn ran(desk: &Desk, command: &[&str], code: i32) -> Ran {
    let ran = desk.run(command);
    assert_eq!(ran.code, Some(code), "{command:?}: {ran:?}");
    ran
}

#[test]
fn mail_that_only_goes_to_files_is_said_once_and_no_error() {
    let (_runtime, site) = newsroom();
    site.serve("/feed", "application/rss+xml", FEED);
    let desk = Desk::new(&(WATCH.to_owned() + PLAN + &source(&site.url("/feed"))));
    let files = desk.data().join("mail");
    let says = format!("mail goes to `.eml` files in `{}` and nobody receives it", files.display());
    let once = |said: &str| assert_eq!(said.matches(&says).count(), 1, "{said}");
    once(&ran(&desk, &["check-config"], 0).err);
    once(&ran(&desk, &["poll"], 0).err);
    ran(&desk, &["digest", "desk", "--send"], 0);
    once(&ran(&desk, &["status"], 0).out);
    let status: Value = serde_json::from_str(&ran(&desk, &["status", "-o", "json"], 0).out).expect("JSON");
    assert_eq!(status["mail"]["only_files_in"], json!(files), "{status}");
    let running = Running::start(&desk, &[]);
    wait_for("the warning", || running.said(&says));
    drop(running);
    // Where somebody is reached, or nobody would be mailed, there is nothing to say.
    for (mail, plan) in [
        ("transport = \"sendmail\"\nfrom = \"newswatch@example.org\"\n", PLAN),
        ("", "[[plan]]\nname = \"desk\"\npost_to = [\"https://hooks.example.org/\"]\n"),
    ] {
        desk.configure(&format!("[mail]\n{mail}[post]\nkey_env = \"HOME\"\n{WATCH}{plan}"));
        let checked = ran(&desk, &["check-config"], 0);
        assert!(!checked.err.contains(".eml"), "{checked:?}");
    }
}

#[test]
fn a_secret_that_cannot_be_read_is_told_at_its_place() {
    let desk = Desk::bare();
    // What is written, how `check-config` ends, and what it says.
    let check = |written: &str, variables: &[(&str, &str)], code: i32, says: &[&str]| {
        std::fs::write(desk.path("config.toml"), written).expect("writable");
        let mut command = desk.command(&["check-config"]);
        let child = command.envs(variables.iter().copied()).spawn().expect("the binary starts");
        let ran = crate::support::finish(child);
        assert_eq!(ran.code, Some(code), "{written}: {ran:?}");
        for words in says {
            assert!(ran.err.contains(words), "{written} does not say `{words}`: {}", ran.err);
        }
        assert!(!says.is_empty() || !ran.err.contains("secret"), "{ran:?}");
    };
    let smtp = |key: &str| {
        format!(
            "[mail]\ntransport = \"smtp\"\nhost = \"smtp.example.org\"\nfrom = \"n@example.org\"\nuser = \"n\"\n{key}\n"
        )
    };
    let gone = "config.toml:6:17: the secret cannot be read from `/nonexistent/password`: there is no such file; \
                write it, or name another file";
    check(&smtp("password_file = \"/nonexistent/password\""), &[], 78, &[gone]);
    let unset = "config.toml:6:16: the secret cannot be read from the variable `SMTP_PASSWORD`: \
                 it is not set here; set it, unless it is set for the daemon alone";
    check(&smtp("password_env = \"SMTP_PASSWORD\""), &[], 0, &[unset]);
    check(&smtp("password_env = \"SMTP_PASSWORD\""), &[("SMTP_PASSWORD", "hush")], 0, &[]);
    std::fs::write(desk.path("empty"), "\n").expect("writable");
    let two = "[post]\nkey_file = \"/nonexistent/key\"\n[web]\ntoken_file = \"empty\"\n";
    let both = [
        "config.toml:2:12: the secret cannot be read from `/nonexistent/key`",
        "config.toml:4:14: the secret cannot be read from `empty`: it is empty",
        "2 problems",
    ];
    check(two, &[], 78, &both);
    let folder = format!("config.toml:2:12: the secret cannot be read from `{}`", desk.path("").display());
    check(&format!("[post]\nkey_file = {:?}\n", desk.path("")), &[], 78, &[folder.as_str()]);
    // What systemd hands over is not there for whoever checks.
    let credential = "config.toml:2:14: the secret cannot be read from `web-token`: there is no such file; \
                      write it, unless systemd hands it over as the credential `web-token`";
    check("[web]\ntoken_file = \"web-token\"\n", &[], 0, &[credential]);
    let handed = desk.path("credentials");
    std::fs::create_dir(&handed).expect("writable");
    let handed = handed.display().to_string();
    let inside = [("CREDENTIALS_DIRECTORY", handed.as_str())];
    check(
        "[web]\ntoken_file = \"web-token\"\n",
        &inside,
        78,
        &["config.toml:2:14: the secret cannot be read"],
    );
    std::fs::write(desk.path("credentials/web-token"), "0123456789abcdef").expect("writable");
    check("[web]\ntoken_file = \"web-token\"\n", &inside, 0, &[]);
    // What no part reads need not be there.
    check("[mail]\npassword_file = \"/nonexistent/password\"\n", &[], 0, &["has no effect"]);
}

#[test]
fn a_relative_secret_file_lies_beside_the_configuration() {
    let desk = Desk::bare();
    let etc = desk.path("etc");
    std::fs::create_dir(&etc).expect("writable");
    let (token, key, chats) = ("0123456789abcdef", "a key", "room slack://T0/B0/hunter22\n");
    for (name, text) in [("token", token), ("key", key), ("chats", chats)] {
        std::fs::write(etc.join(name), text).expect("writable");
    }
    let text = format!(
        "[daemon]\ndata = {:?}\n[post]\nkey_file = \"key\"\n[chat]\nurls_file = \"chats\"\n[web]\ntoken_file = \"token\"\n\
         listen = \"127.0.0.1:0\"\n[[plan]]\nname = \"desk\"\nto = [\"chat:room\"]\n",
        desk.data()
    );
    std::fs::write(etc.join("config.toml"), text).expect("writable");
    let checked = ran(&desk, &["--config", "etc/config.toml", "check-config"], 0);
    assert!(!checked.err.contains("secret") && !checked.err.contains("not checked"), "{checked:?}");
    let polled = ran(&desk, &["--config", "etc/config.toml", "poll"], 0);
    assert!(!polled.err.contains("secret"), "{polled:?}");
    let daemon = Running::start(&desk, &[("NEWSWATCH_CONFIG", "etc/config.toml")]);
    wait_for("the page", || daemon.said("page opened") || daemon.said("not shown"));
    assert!(daemon.said("page opened"), "{}", daemon.log());
}

#[test]
fn what_parse_prints_is_what_match_reads() {
    let desk = Desk::new(WATCH);
    let parsed = desk.run_with(&["parse"], FEED);
    let matched = |input: &str| {
        let ran = desk.run_with(&["match"], input);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let lines: Vec<Value> =
            ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        (lines, ran.err)
    };
    let (whole, err) = matched(&parsed.out);
    assert_eq!(err, "");
    let object: Value = serde_json::from_str(&parsed.out).expect("JSON");
    let each: Vec<String> =
        object["entries"].as_array().expect("entries").iter().map(Value::to_string).collect();
    let (entries, err) = matched(&each.join("\n"));
    assert_eq!((entries, err.as_str()), (whole.clone(), ""), "an entry a line is read as well");
    let ids: Vec<&Value> = whole.iter().map(|line| &line["id"]).collect();
    assert_eq!(ids, ["1", "2"]);
    let hits = &whole[0]["matches"][0]["hits"];
    // Markup is none of the text that spans count in.
    assert_eq!(
        (&hits[0]["field"], &hits[0]["text"], &hits[0]["start"]),
        (&json!("text"), &json!("Temirov"), &json!(0))
    );
    assert_eq!(whole[1]["matches"], json!([]));
    // What is not read is named, once.
    let line = |id: u8| json!({"id": id, "title": "Temirov", "body": "Temirov"}).to_string();
    let (lines, err) = matched(&format!("{}\n{}\n", line(1), line(2)));
    assert_eq!(lines.len(), 2);
    assert_eq!(
        err,
        "newswatch: line 1: the key `body` is not read; an article has `id`, `title`, `text`, `lang` and `query`\n"
    );
}

#[test]
fn a_mistyped_watch_is_asked_about_and_still_a_query() {
    let desk = Desk::new("[[watch]]\nname = \"Bolot Temirov\"\nquery = \"Temirov\"\n");
    let says = "no watch is called `Bolot Temirof`; did you mean `Bolot Temirov`?";
    let slip = ran(&desk, &["watches", "expand", "Bolot Temirof"], 0);
    assert!(slip.err.contains(says) && slip.out.contains("Temirof"), "{slip:?}");
    for name in ["Bolot Temirov", "Gorno-Badakhshan"] {
        let fine = ran(&desk, &["watches", "expand", name], 0);
        assert!(!fine.err.contains("did you mean") && !fine.out.is_empty(), "{fine:?}");
    }
}

#[test]
fn search_says_what_it_takes_for_plain_words() {
    let (_runtime, site) = newsroom();
    site.serve("/feed", "application/rss+xml", FEED);
    let desk = Desk::new(&(WATCH.to_owned() + &source(&site.url("/feed"))));
    ran(&desk, &["poll"], 0);
    let check = |query: &str, says: &[&str]| {
        let said = desk.run(&["search", "--", query]).err;
        for words in says {
            assert!(said.contains(words), "`{query}` does not say `{words}`: {said}");
        }
        assert_eq!(said.contains("plain words"), says.len() > 1, "`{query}`: {said}");
    };
    let knows = "`search` knows words, \"phrases\", OR, -without, begin* and =exactly";
    check("Temirov", &[]);
    check("\"Темирова ждут\" -Ош", &[]);
    check("Суд \"Темирова ждут", &["  Суд \"Темирова ждут\n      ^ the quote is not closed", knows]);
    check("суд NEAR/3 Темиров", &["      ^^^^^^ `NEAR/3` belongs to watches", knows, "watches test --query"]);
    check("title:Темиров", &["  ^^^^^^ `title:` belongs to watches", knows]);
    check("source:Echo", &["  ^^^^^^^ `source:` belongs to watches; write `--source Echo`", knows]);
    check("COUNT/3(Темиров)", &["  ^^^^^^^ `COUNT/3` belongs to watches", knows]);
    check("https://echo.example/1 и/или", &[]);
}

#[test]
fn a_footer_counts_what_was_read_in_this_very_second() {
    let (_runtime, site) = newsroom();
    site.serve("/feed", "application/rss+xml", FEED);
    let alarm = "at_once_from = 1.0\n";
    let desk = Desk::new(&(WATCH.to_owned() + PLAN + alarm + &source(&site.url("/feed"))));
    ran(&desk, &["poll"], 0);
    ran(&desk, &["digest", "desk", "--send"], 0);
    let digest = desk.mails();
    assert!(digest[0].contains("\n2 articles read from 1 source"), "{digest:?}");
    let item = "<item><guid>3</guid><title>Temirov appeals</title></item></channel>";
    site.serve("/feed", "application/rss+xml", FEED.replace("</channel>", item));
    ran(&desk, &["poll"], 0);
    let mails = desk.mails();
    let alert = mails.iter().find(|mail| !digest.contains(mail)).expect("an alert");
    assert!(!alert.contains(" read from "), "an alert is of one minute: {alert}");
}

/// As a user's own cron runs it, at the very slot of the digest.
#[test]
fn a_poll_at_the_slot_tells_what_it_reads_in_that_slots_digest() {
    let (_runtime, site) = newsroom();
    site.serve("/feed", "application/rss+xml", "<rss><channel></channel></rss>");
    let desk = Desk::new(&(WATCH.to_owned() + PLAN + &source(&site.url("/feed"))));
    ran(&desk, &["poll"], 0);
    let connection = rusqlite::Connection::open(desk.data().join("newswatch.db")).expect("a database");
    connection.execute_batch("UPDATE digest SET until_at = '2026-01-01T00:00:00Z'").expect("good SQL");
    site.serve("/feed", "application/rss+xml", FEED);
    ran(&desk, &["poll"], 0);
    let mails = desk.mails();
    assert!(mails.len() == 1 && mails[0].contains("Temirov"), "{mails:?}");
}

#[test]
fn a_score_reads_the_same_wherever_it_is_shown() {
    let (_runtime, site) = newsroom();
    site.serve("/feed", "application/rss+xml", FEED);
    // In the lead it is worth 1.5 times as much, 1.545: a number that `%.2f` cuts to 1.54.
    let weight = "weight = 1.03\n";
    let desk = Desk::new(&(WATCH.to_owned() + weight + PLAN + &source(&site.url("/feed"))));
    ran(&desk, &["poll"], 0);
    ran(&desk, &["digest", "desk", "--send"], 0);
    let explained = ran(&desk, &["explain", "1"], 0).out;
    let (_, score) = explained.split_once("fired: ").expect("a match");
    let score = score.split(' ').next().expect("a number");
    assert_eq!(score, "1.55");
    let show = ran(&desk, &["show", "1"], 0).out;
    assert!(show.contains(&format!("Temirov scores {score}, found")), "{score}: {show}");
    assert!(desk.mails()[0].contains(&format!("score {score}")), "{score}: {:?}", desk.mails());
    let number: f64 = score.parse().expect("a number");
    let shown: Value = serde_json::from_str(&ran(&desk, &["show", "1", "-o", "json"], 0).out).expect("JSON");
    assert_eq!(shown["matches"][0]["score"], json!(number));
    let line =
        json!({"id": 1, "title": "Hearing put off", "text": "Temirov is awaited on Friday.", "lang": "en"});
    let matched: Value =
        serde_json::from_str(&desk.run_with(&["match"], &line.to_string()).out).expect("JSON");
    assert_eq!(matched["matches"][0]["score"], json!(number));
    let listed = ran(&desk, &["watches", "list", "-o", "table"], 0).out;
    assert!(listed.contains(score), "{score}: {listed}");
}

#[test]
fn a_list_for_people_leaves_to_programs_what_no_terminal_holds() {
    let desk = Desk::new(&(WATCH.to_owned() + &source("https://echo.example/feed")));
    for (list, kept, left) in [
        ("sources", &["SOURCE", "HEALTH", "POLLED AT", "ARTICLES"][..], "hub_until_at"),
        ("watches", &["WATCH", "MATCHES", "BEST SCORE"], "query"),
    ] {
        let table = ran(&desk, &[list, "list", "-o", "table"], 0).out;
        let heading = table.lines().next().expect("a heading");
        assert!(kept.iter().all(|column| heading.contains(column)), "{heading}");
        assert!(!table.to_lowercase().contains(&left.replace('_', " ")), "{table}");
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
        assert!(ran(&desk, &[list, "list", "-o", "csv"], 0).out.contains(left));
    }
}

#[test]
fn data_that_may_not_be_seen_is_not_taken_for_none() {
    let desk = Desk::bare();
    std::fs::write(desk.path("file"), "no directory").expect("writable");
    let config = format!("[daemon]\ndata = \"file/data\"\n{WATCH}{}", source("https://echo.example/feed"));
    std::fs::write(desk.path("config.toml"), config).expect("writable");
    for command in [&["status"][..], &["search", "Osh"], &["sources", "list"], &["watches", "list"]] {
        let said = ran(&desk, command, 1).err;
        assert!(said.contains("this user cannot access `file/data/newswatch.db`"), "{said}");
    }
}
