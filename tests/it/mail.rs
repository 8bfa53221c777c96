//! Digests and their way out: what the reader sees, what the server gets.
//!
//! `tests/data/digest/NAME.toml` holds facts; `NAME.txt` (subject and text) and
//! `NAME.html`, where present, the mail they must give, `NAME.chat` the message to a
//! chat on Telegram. `NEWSWATCH_BLESS=1` rewrites them; `NEWSWATCH_PICTURES=DIR` writes every HTML part for
//! `tests/pictures.sh`.

mod facts;
mod hostile;
mod local;
pub mod mutants;
mod outcomes;
mod parts;
mod postfix;
mod readers;
mod real;
mod script;

use facts::Facts;
use newswatch::chat::Address;
use newswatch::config::{Holder, Secret};
use newswatch::digest::{Digest, HTML_BYTES_MAX, Note, compose, encoded_len};
use newswatch::mail::{Envelope, wire};
use std::path::{Path, PathBuf};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digest")
}

fn all_facts() -> Vec<(PathBuf, Facts)> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(data())
        .expect("the fixtures are part of the repository")
        .map(|entry| entry.expect("a readable directory").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), facts::read(&path))).collect()
}

fn named(name: &str) -> Facts {
    facts::read(&data().join(name).with_extension("toml"))
}

fn composed(facts: &Facts) -> Digest {
    compose(&facts.plan, &facts.window, &facts.items, &facts.corrected, &facts.footer)
        .expect("these facts are told")
}

fn secret(holder: Holder) -> Secret {
    Secret { holder, line: 0, column: 0 }
}

fn envelope() -> Envelope {
    Envelope {
        from: "newswatch <newswatch@example.org>".into(),
        to: "desk@example.org".into(),
        message_id: "rights-desk.20261122.7f3a@newswatch.example.org".into(),
        date: facts::time("2026-11-22T16:00:03Z"),
        list: "rights desk".into(),
        in_reply_to: None,
        unsubscribe_url: None,
    }
}

#[test]
fn the_same_facts_give_the_mail_on_file() {
    let mut compared = 0;
    for (path, facts) in all_facts() {
        let digest = composed(&facts);
        assert_eq!(digest, composed(&facts), "{}", path.display());
        let text = format!("Subject: {}\n\n{}", digest.subject, digest.text);
        let told = chat(&facts, &digest);
        for (extension, got) in [("txt", &text), ("html", &digest.html), ("chat", &told)] {
            let expected = path.with_extension(extension);
            if std::env::var_os("NEWSWATCH_BLESS").is_some() && expected.exists() {
                std::fs::write(&expected, got).expect("the fixtures can be written");
            }
            if let Ok(expected) = std::fs::read_to_string(&expected) {
                assert_eq!(*got, expected, "{} {extension}", path.display());
                compared += 1;
            }
        }
    }
    assert!(compared >= 16, "only {compared} mails on file");
}

/// What a chat shows of it.
fn chat(facts: &Facts, digest: &Digest) -> String {
    let Facts { plan, window, items, corrected, footer } = facts;
    let note = newswatch::digest::note(plan, window, items, corrected, footer, &digest.subject);
    assert_eq!(Note::of_json(note.json().as_bytes()).as_ref(), Some(&note), "what is stored is read again");
    let address = Address::parse("telegram://123456:token/-100").expect("an address");
    let body = newswatch::chat::request(&address, &note, "7f3a@example.org").body;
    let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    format!("{}\n", body["text"].as_str().expect("a text").replace('\u{200b}', "\\u200b"))
}

#[test]
fn pictures() {
    let Some(directory) = std::env::var_os("NEWSWATCH_PICTURES") else {
        eprintln!("skipped: NEWSWATCH_PICTURES is not set; run tests/pictures.sh");
        return;
    };
    for (path, facts) in all_facts() {
        let name = path.with_extension("html");
        let name = name.file_name().expect("a file has a name");
        std::fs::write(Path::new(&directory).join(name), composed(&facts).html)
            .expect("a writable directory");
    }
}

#[test]
fn nothing_to_tell_is_no_mail_unless_the_plan_asks() {
    let mut facts = named("well");
    assert_eq!(composed(&facts).subject, "All is well: no news, 1208 articles read from 14 sources");
    facts.plan.all_is_well = false;
    assert_eq!(compose(&facts.plan, &facts.window, &facts.items, &[], &facts.footer), None);
}

/// However many stories and of whatever script, the encoded HTML stays below
/// what mail programs clip, and every story is told, listed or counted.
#[test]
fn a_digest_of_any_size_fits() {
    let check = |name: &str, copies: usize, text: &str| {
        let mut facts = named(name);
        facts.repeat(copies);
        for item in &mut facts.items {
            item.text.push_str(text);
        }
        let total = facts.items.len();
        let digest = composed(&facts);
        assert!(encoded_len(&digest.html) <= HTML_BYTES_MAX, "{name} x {copies}");
        let mail = wire(&envelope(), &digest).expect("a mail");
        let html = part_len(mail.bytes(), "text/html");
        assert!(html <= HTML_BYTES_MAX, "{name} x {copies}: {html} octets on the wire");
        let told =
            digest.text.lines().filter(|line| line.starts_with("* ")).count() - facts.footer.sick.len();
        let left_out =
            digest.text.lines().find_map(|line| line.strip_prefix("And ")?.split(' ').next()?.parse().ok());
        assert_eq!(told + left_out.unwrap_or(0), total, "{name} x {copies}");
        assert!(told >= total.min(100), "{name} x {copies}: only {told} told");
        for item in &facts.items {
            let watch = &item.watches[0].watch;
            assert!(digest.text.contains(&format!("== {watch} (")), "{name} x {copies}: nothing of {watch}");
        }
    };
    check("three", 1, "");
    check("three", 20, "");
    check("cyrillic", 15, "");
    check("cyrillic", 100, "");
    check("three", 2_000, "");
    check("cyrillic", 5, &" Темиров говорил долго и без остановки".repeat(500));
}

/// Octets of the encoded part, from its headers to the next boundary.
fn part_len(mail: &[u8], content_type: &str) -> usize {
    let mail = String::from_utf8_lossy(mail);
    let part = mail.split("\r\n--newswatch-").find(|part| part.contains(content_type)).expect("the part");
    part.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len())
}

#[test]
fn the_same_envelope_gives_the_same_bytes() {
    let digest = composed(&named("cyrillic"));
    let first = wire(&envelope(), &digest).expect("a mail");
    for _ in 0..10 {
        assert_eq!(wire(&envelope(), &digest).expect("a mail"), first);
    }
    let other = Envelope { message_id: "other@newswatch.example.org".into(), ..envelope() };
    assert_ne!(wire(&other, &digest).expect("a mail"), first);
}

#[test]
fn the_headers_say_what_kind_of_mail_this_is() {
    let answer = Envelope {
        in_reply_to: Some("first@newswatch.example.org".into()),
        unsubscribe_url: None,
        date: facts::time("1969-01-01T00:00:00Z"),
        list: "Отдел прав".into(),
        ..envelope()
    };
    let digest = composed(&named("three"));
    let check = |envelope: &Envelope, expected: &[&str]| {
        let mail = wire(envelope, &digest).expect("a mail");
        let mail = String::from_utf8_lossy(mail.bytes()).replace("\r\n ", " ");
        let (headers, _) = mail.split_once("\r\n\r\n").expect("headers and a body");
        for line in expected {
            assert!(headers.lines().any(|header| header == *line), "no `{line}` in\n{headers}");
        }
    };
    check(
        &envelope(),
        &[
            "From: newswatch <newswatch@example.org>",
            "To: desk@example.org",
            "Date: Sun, 22 Nov 2026 16:00:03 +0000",
            "Message-ID: <rights-desk.20261122.7f3a@newswatch.example.org>",
            "List-Id: <rights-desk.newswatch.example.org>",
            "List-Unsubscribe: <mailto:newswatch@example.org?subject=unsubscribe%20rights-desk>",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
        ],
    );
    check(
        &answer,
        &[
            "In-Reply-To: <first@newswatch.example.org>",
            "References: <first@newswatch.example.org>",
            "Date: Thu, 01 Jan 1970 00:00:00 +0000",
        ],
    );
}

#[test]
fn no_mail_is_made_for_what_is_no_address() {
    let digest = composed(&named("three"));
    let check = |change: &dyn Fn(&mut Envelope), expected: &str| {
        let mut envelope = envelope();
        change(&mut envelope);
        let error = wire(&envelope, &digest).expect_err("not a mail").to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(&|e| e.to = "desk@example.org\r\nBcc: all@example.org".into(), "is not a mail address");
    check(&|e| e.from = "news\r\nX: y <newswatch@example.org>".into(), "is not a mail address");
    check(&|e| e.message_id = "a b@example.org".into(), "cannot be a Message-ID");
    check(&|e| e.message_id = "a@example.org>\r\nX: y".into(), "cannot be a Message-ID");
    check(&|e| e.in_reply_to = Some("no-domain".into()), "cannot be a Message-ID");
}
