//! What goes wrong says so: one clear message, the next step, the exit code that
//! scripts go by.

use crate::support::{Desk, Ran, finish, newsroom};
use std::path::Path;
use std::time::{Duration, Instant};

const WATCH: &str = "[[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n";
const PLAN: &str = "[[plan]]\nname = \"desk\"\nto = [\"desk@example.org\"]\ncron = \"0 7 * * *\"\n";

/// Runs `command`, which must end with `code` and say every one of `says` on stderr.
fn check(desk: &Desk, command: &[&str], code: i32, says: &[&str]) -> Ran {
    let ran = desk.run(command);
    assert_eq!(ran.code, Some(code), "{command:?}: {ran:?}");
    for words in says {
        assert!(ran.err.contains(words), "{command:?} does not say `{words}`: {}", ran.err);
    }
    assert!(!ran.err.contains("panicked") && !ran.out.contains("panicked"), "{command:?}: {ran:?}");
    ran
}

fn feed(name: &str, url: &str) -> String {
    format!("[[feed]]\nname = \"{name}\"\nurl = \"{url}\"\nfull_text = \"never\"\n")
}

/// A desk whose one source was polled: one article, which the watch finds.
fn polled() -> Desk {
    let (_runtime, site) = newsroom();
    site.serve(
        "/feed",
        "application/rss+xml",
        "<rss version='2.0'><channel><title>Osh Echo</title><item><guid>1</guid>\
         <title>Суд над Темировым</title><description>Его ждут.</description></item></channel></rss>",
    );
    let desk = Desk::new(&(WATCH.to_owned() + PLAN + &feed("Osh Echo", &site.url("/feed"))));
    check(&desk, &["poll"], 0, &[]);
    desk
}

#[test]
fn a_wrong_configuration_is_told_with_its_place() {
    // What is written, and what is said of it.
    for (written, says) in [
        ("[mail]\nfrm = \"a@example.org\"\n", "config.toml:2:1: unknown key `frm`; did you mean `from`?"),
        ("[[watch]]\nname = \"Temirov\"\nquery = 'Temirov OR ('\n", "config.toml:3:"),
        ("[[plan]]\nname = \"desk\"\nto = [\"a@example.org\"]\ncron = \"0 25 * * *\"\n", "config.toml:4:8: "),
        ("[[feed]]\nname = \"Osh Echo\"\nurl = \"ftp://echo.example\"\n", "config.toml:3:7: "),
        ("[[feed\n", "config.toml:1:"),
    ] {
        let desk = Desk::bare();
        std::fs::write(desk.path("config.toml"), written).expect("writable");
        for command in [&["run"][..], &["poll"], &["check-config"], &["search", "Temirov"]] {
            let ran = check(&desk, command, 78, &[says]);
            assert_eq!(ran.out, "", "{command:?}: nothing on stdout");
        }
        assert!(!desk.path(".local").exists(), "nothing is made for a wrong configuration");
    }
}

#[test]
fn every_mistake_is_told_at_once() {
    let desk = Desk::bare();
    std::fs::write(desk.path("config.toml"), "[mail]\nfrm = 1\n[daemon]\ntimezone = \"Bishkek\"\n")
        .expect("writable");
    check(
        &desk,
        &["check-config"],
        78,
        &["config.toml:2:1: ", "config.toml:4:12: ", "`Asia/Bishkek`", "2 problems"],
    );
}

#[test]
fn a_missing_configuration_names_the_places_and_how_to_get_one() {
    let desk = Desk::bare();
    let says = [
        "config.toml, ",
        ".config/newswatch/config.toml, ",
        "/etc/newswatch/config.toml",
        "`newswatch init`",
    ];
    for command in [&["run"][..], &["poll"], &["check-config"], &["status"], &["sources", "list"]] {
        check(&desk, command, 78, &says);
    }
    check(
        &desk,
        &["--config", "desk.toml", "poll"],
        78,
        &["desk.toml: there is no such file; `newswatch init`"],
    );
}

#[test]
fn sources_that_cannot_be_reached_are_named() {
    let desk = Desk::new(
        &(feed("Osh Echo", "http://127.0.0.1:9/") + &feed("Naryn Courier", "http://127.0.0.1:9/naryn")),
    );
    let demo = "none of the sources can be reached; `newswatch demo` needs no network";
    check(&desk, &["poll"], 69, &["newswatch: Osh Echo: ", "newswatch: Naryn Courier: ", demo]);
    let one = check(&desk, &["poll", "Osh Echo"], 69, &["newswatch: Osh Echo: "]);
    assert!(!one.err.contains("Naryn"), "{}", one.err);
    let (_runtime, site) = newsroom();
    site.serve("/page", "text/html", "<!DOCTYPE html><html><body><h1>Welcome to Osh</h1></body></html>");
    desk.configure(&(feed("Osh Echo", "http://127.0.0.1:9/") + &feed("Osh Page", &site.url("/page"))));
    let some = check(&desk, &["poll"], 69, &["newswatch: Osh Echo: ", "newswatch: Osh Page: ", "HTML"]);
    assert!(!some.err.contains("demo"), "one did answer: {}", some.err);
}

#[test]
fn a_directory_that_takes_no_files_is_told() {
    let desk = Desk::new(&(WATCH.to_owned() + PLAN));
    // Below a file nothing can be made, not even by root.
    std::fs::write(desk.data(), "a file").expect("writable");
    for command in [&["run"][..], &["poll"], &["digest", "desk", "--send"]] {
        check(&desk, command, 1, &["cannot write `", "or name another `data` directory"]);
    }
    std::fs::remove_file(desk.data()).expect("removable");
    std::fs::create_dir(desk.data()).expect("writable");
    std::fs::write(desk.data().join("mail"), "a file").expect("writable");
    for command in [&["run"][..], &["poll"]] {
        check(&desk, command, 1, &["write mail into `", "check that the directory exists and is writable"]);
    }
}

#[test]
fn a_database_that_is_not_ours_to_write_is_left_alone() {
    let file = |desk: &Desk| desk.data().join("newswatch.db");
    // Another program writes in it.
    let desk = polled();
    let other = rusqlite::Connection::open(file(&desk)).expect("a database");
    other.execute_batch("BEGIN EXCLUSIVE").expect("a lock");
    let began = Instant::now();
    check(&desk, &["poll"], 75, &["is locked by another program", "try again"]);
    assert!(began.elapsed() < Duration::from_secs(9), "five seconds are waited once: {:?}", began.elapsed());
    other.execute_batch("COMMIT").expect("the lock ends");
    check(&desk, &["status"], 0, &[]);
    // A newer newswatch made it.
    other.execute_batch("PRAGMA user_version = 999").expect("writable");
    drop(other);
    let before = contents(&desk.data());
    let newer = ["has schema 999, this newswatch knows ", "install the newer newswatch"];
    for command in [&["run"][..], &["poll"], &["search", "Temirov"], &["status"]] {
        check(&desk, command, 1, &newer);
    }
    assert_eq!(contents(&desk.data()).get("newswatch.db"), before.get("newswatch.db"), "untouched");
    // It is none.
    for garbage in ["not a database, by no means at all\n".repeat(300), "x".into()] {
        std::fs::write(file(&desk), &garbage).expect("writable");
        for log in ["newswatch.db-wal", "newswatch.db-shm"] {
            let _ = std::fs::remove_file(desk.data().join(log));
        }
        for command in [&["run"][..], &["poll"], &["search", "Temirov"]] {
            check(&desk, command, 1, &["is not an SQLite database", "never overwritten"]);
        }
        assert_eq!(std::fs::read_to_string(file(&desk)).expect("readable"), garbage);
    }
}

fn contents(directory: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(directory).expect("readable").map(|file| file.expect("readable").path());
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, std::fs::read(&path).expect("readable"))
    };
    files.filter(|path| path.is_file()).map(read).collect()
}

#[test]
fn names_that_do_not_exist_are_told_with_what_does() {
    let desk = polled();
    for (command, code, says) in [
        (
            &["poll", "Osh Ecko"][..],
            1,
            "no source is called `Osh Ecko`; `newswatch sources list` shows their names",
        ),
        (&["digest", "night desk"], 1, "no plan is called `night desk`; there are `desk`"),
        (
            &["explain", "1", "--watch", "Temirow"],
            1,
            "no watch is called `Temirow`; `newswatch watches list`",
        ),
        (&["show", "4711"], 3, "no article `4711`; `newswatch search` finds their numbers"),
        (&["explain", "4711"], 3, "no article `4711`; `newswatch search` finds their numbers"),
        (&["show", "https://echo.example/none"], 3, "no article `https://echo.example/none`"),
        (&["show", "Temirov"], 1, "`Temirov` is neither the number of an article nor its address"),
        (&["search", "Temirov", "--since", "yesterday"], 1, "`yesterday` is no time; write `30d`"),
        (&["search", "Gorno-Badakhshan"], 3, "nothing found; `search` knows words"),
        (
            &["search", "Temirov", "--source", "Osh Ecko"],
            3,
            "no source is called `Osh Ecko`; `newswatch sources",
        ),
        (&["search", "Temirov", "--watch", "Temirow"], 3, "no watch is called `Temirow`; `newswatch watches"),
    ] {
        let ran = check(&desk, command, code, &[says]);
        assert_eq!(ran.out, "", "{command:?}");
    }
}

#[test]
fn a_history_that_is_not_there_yet_says_how_it_comes() {
    let desk = Desk::new(&(WATCH.to_owned() + PLAN));
    for command in [&["search", "Temirov"][..], &["show", "1"], &["status"], &["digest", "desk"]] {
        check(&desk, command, 1, &["does not exist yet", "`newswatch poll` makes it"]);
    }
}

#[test]
fn a_slip_on_the_command_line_shows_the_usage() {
    let desk = polled();
    for command in [
        &["serach", "Temirov"][..],
        &["search"],
        &["search", "Temirov", "-o", "xml"],
        &["search", "Temirov", "--limit", "many"],
        &["digest"],
        &["digest", "desk", "--send", "--dry-run"],
        &["sources"],
        &[],
    ] {
        let ran = check(&desk, command, 2, &["--help"]);
        assert_eq!(ran.out, "", "{command:?}");
    }
}

#[test]
fn a_closed_pipe_is_a_quiet_end() {
    let desk = polled();
    for command in [
        &["search", "Temirov"][..],
        &["search", "Temirov", "-o", "json"],
        &["search", "Temirov", "-o", "table"],
        &["show", "1"],
        &["show", "1", "-o", "json"],
        &["explain", "1"],
        &["status"],
        &["status", "-o", "json"],
        &["sources", "list"],
        &["sources", "export"],
        &["watches", "list"],
        &["watches", "expand", "Temirov"],
        &["digest", "desk"],
        &["check-config"],
        &["completions", "bash"],
        &["man"],
    ] {
        let mut child = desk.command(command).spawn().expect("the binary starts");
        drop(child.stdout.take());
        let ran = finish(child);
        assert!(!ran.err.contains("panicked") && !ran.err.contains("pipe"), "{command:?}: {ran:?}");
        assert_eq!(ran.code, Some(0), "{command:?}: {ran:?}");
    }
}

#[test]
fn a_password_is_told_to_nobody() {
    const PASSWORD: &str = "correct-horse-battery";
    let (_runtime, site) = newsroom();
    site.serve(
        "/feed",
        "application/rss+xml",
        "<rss version='2.0'><channel><title>Osh Echo</title><item><guid>1</guid>\
         <title>Суд над Темировым</title></item></channel></rss>",
    );
    let desk = Desk::bare();
    let file = desk.path("smtp-password");
    std::fs::write(&file, format!("{PASSWORD}\n")).expect("writable");
    // The newsroom answers there, but speaks no TLS: the mail stays owed.
    let port = site.address().port();
    desk.configure(&format!(
        "[mail]\ntransport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\nuser = \"newswatch\"\n\
         from = \"newswatch@example.org\"\npassword_file = {file:?}\n{WATCH}{PLAN}{}",
        feed("Osh Echo", &site.url("/feed"))
    ));
    for (command, code) in [
        (&["check-config"][..], 0),
        (&["poll"], 0),
        (&["digest", "desk", "--send"], 75),
        (&["test-email"], 69),
        (&["status"], 0),
    ] {
        let mut loud = desk.command(command);
        loud.env("NEWSWATCH_LOG", "trace");
        let ran = finish(loud.spawn().expect("the binary starts"));
        assert_eq!(ran.code, Some(code), "{command:?}: {ran:?}");
        assert!(!ran.out.contains(PASSWORD) && !ran.err.contains(PASSWORD), "{command:?}: {ran:?}");
    }
    assert_eq!(desk.query("SELECT state FROM outbox"), ["owed"]);
    let kept = contents(&desk.data());
    assert!(kept.contains_key("newswatch.db"), "{:?}", kept.keys());
    for (name, bytes) in kept {
        let found = bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes());
        assert!(!found, "the password stands in {name}");
    }
    // Written where it does not belong, it is not repeated either.
    for mail in [format!("password = {PASSWORD:?}"), format!("secret = \"{PASSWORD}\"\nfrm = 1")] {
        std::fs::write(desk.path("config.toml"), format!("[mail]\n{mail}\n")).expect("writable");
        let ran = check(&desk, &["check-config"], 78, &["a secret may not stand in this file"]);
        assert!(!ran.err.contains(PASSWORD), "{ran:?}");
    }
}
