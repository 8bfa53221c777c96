//! Mail that stays on this machine: `.eml` files and a `sendmail` command.

use super::{composed, envelope, named};
use newswatch::config::{Mail, Transport};
use newswatch::mail::{Delivery, Mailer, wire};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const FROM: &str = "newswatch@example.org";
const TO: &str = "desk@example.org";

fn open(transport: Transport, data: &Path) -> Mailer {
    let mail = Mail { transport, from: FROM.into(), ..newswatch::config::Mail::default() };
    Mailer::open(&mail, data).expect("a mailer")
}

fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_file_is_named_by_its_message_id_so_a_retry_replaces_it() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let mailer = open(Transport::File { directory: None }, data.path());
    let mail = wire(&envelope(), &composed(&named("cyrillic"))).expect("a mail");
    for _ in 0..3 {
        assert_eq!(mailer.send(FROM, TO, "desk.7f3a@example.org", mail.bytes()).await, Delivery::Sent);
    }
    let directory = data.path().join("mail");
    assert_eq!(files(&directory), ["desk.7f3a@example.org.eml"]);
    assert_eq!(std::fs::read(directory.join("desk.7f3a@example.org.eml")).expect("a file"), mail.bytes());
    for hostile in ["../../etc/passwd", ".hidden", "a/b@example.org", "a_b@example.org", ""] {
        assert_eq!(mailer.send(FROM, TO, hostile, mail.bytes()).await, Delivery::Sent);
    }
    assert_eq!(files(&directory).len(), 6);
    assert_eq!(files(data.path()), ["mail"]);
}

#[tokio::test]
async fn a_directory_that_is_gone_defers() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let mailer = open(Transport::File { directory: Some(data.path().join("out")) }, data.path());
    std::fs::remove_dir(data.path().join("out")).expect("an empty directory");
    let mail = wire(&envelope(), &composed(&named("three"))).expect("a mail");
    let delivery = mailer.send(FROM, TO, "id@example.org", mail.bytes()).await;
    assert!(
        matches!(&delivery, Delivery::Deferred(reason) if reason.contains("out/id@example.org.eml")),
        "{delivery:?}"
    );
}

#[test]
fn a_directory_that_cannot_be_made_is_said_at_once() {
    let data = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(data.path().join("mail"), "a file").expect("a file");
    let mail = Mail {
        transport: Transport::File { directory: None },
        from: FROM.into(),
        ..newswatch::config::Mail::default()
    };
    let error = Mailer::open(&mail, data.path()).expect_err("no directory").to_string();
    assert!(error.starts_with("write mail into `") && error.contains("is writable"), "{error}");
}

/// A `sendmail` that keeps what it gets and ends as it is told.
fn command(directory: &Path, ending: &str) -> std::path::PathBuf {
    let path = directory.join("sendmail");
    let read = if ending.contains("hasty") { "head -c 100 | cat" } else { "cat" };
    let script =
        format!("#!/bin/sh\ncd {}\necho \"$@\" > arguments\n{read} > mail\n{ending}\n", directory.display());
    std::fs::write(&path, script).expect("a script");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("an executable");
    path
}

#[tokio::test]
async fn the_exit_code_of_sendmail_decides() {
    let mail = wire(&envelope(), &composed(&named("three"))).expect("a mail");
    for (ending, expected) in [
        ("exit 0", "Sent"),
        ("echo 'try later' >&2; exit 75", "Deferred(\"`"),
        ("exit 71", "Deferred"),
        ("exit 74", "Deferred"),
        ("exit 78", "Deferred"),
        ("echo 'no such user' >&2; exit 67", "Refused"),
        ("exit 65", "Refused"),
        ("exit 1", "Refused"),
        ("kill -9 $$", "Unknown"),
        ("exit 0 # hasty", "Unknown(\"`"),
    ] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mailer =
            open(Transport::Sendmail { command: command(directory.path(), ending) }, directory.path());
        let delivery = format!("{:?}", mailer.send(FROM, TO, "id@example.org", mail.bytes()).await);
        assert!(delivery.starts_with(expected), "{ending}: {delivery}");
        let said = ending.split('\'').nth(1).unwrap_or_default();
        assert!(delivery.contains(said), "{ending}: {delivery}");
        let got = |name: &str| std::fs::read(directory.path().join(name)).expect("the command ran");
        assert_eq!(got("arguments"), format!("-i -f {FROM} -- {TO}\n").as_bytes());
        assert_eq!(got("mail"), if ending.contains("hasty") { &mail.bytes()[..100] } else { mail.bytes() });
    }
}

#[tokio::test]
async fn a_sendmail_that_is_not_there_defers() {
    let mailer =
        open(Transport::Sendmail { command: "/nonexistent/sendmail".into() }, Path::new("/nonexistent"));
    let mail = wire(&envelope(), &composed(&named("three"))).expect("a mail");
    let delivery = mailer.send(FROM, TO, "id@example.org", mail.bytes()).await;
    assert!(
        matches!(&delivery, Delivery::Deferred(reason) if reason.contains("`/nonexistent/sendmail`")),
        "{delivery:?}"
    );
}
