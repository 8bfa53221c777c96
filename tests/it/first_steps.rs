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
