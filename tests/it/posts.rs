//! Programs that are told: a signed post from the same outbox, tried until it is
//! taken, the same body each time.

use crate::inside::{Inside, time};
use crate::relay::Relay;
use chrono::TimeDelta;
use newswatch::mail::Limits;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A program that answers each post with the next of its lines: a status, with what
/// `Retry-After` says behind `/` and a text behind `|`; `close` without a word, or
/// `silence`; the last line for ever.
pub struct Program {
    pub port: u16,
    posts: Arc<Mutex<Vec<Post>>>,
}

#[derive(Debug, Clone)]
pub struct Post {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Post {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map_or_else(|| panic!("no {name}"), |(_, value)| value)
    }
}

impl Program {
    pub fn open(answers: &'static str) -> Program {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
        let port = listener.local_addr().expect("a bound port").port();
        let posts = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&posts);
        std::thread::spawn(move || {
            let mut answers = answers.split(' ').peekable();
            let mut silent = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                let answer =
                    if answers.clone().count() > 1 { answers.next() } else { answers.peek().copied() };
                silent.extend(take(stream, answer.unwrap_or("200"), &seen).ok().flatten());
            }
        });
        Program { port, posts }
    }

    pub fn posts(&self) -> Vec<Post> {
        self.posts.lock().expect("no holder panics").clone()
    }
}

/// Reads one post and answers it; the connection back where nothing is ever said.
fn take(stream: TcpStream, answer: &str, seen: &Mutex<Vec<Post>>) -> std::io::Result<Option<TcpStream>> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let header = |line: &String| {
        line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap_or_default()
    };
    let mut post =
        Post { line: lines.remove(0), headers: lines.iter().map(header).collect(), body: Vec::new() };
    let length: usize = post.header("content-length").parse().expect("a length");
    post.body.resize(length, 0);
    reader.read_exact(&mut post.body)?;
    seen.lock().expect("no holder panics").push(post);
    if answer == "silence" {
        return Ok(Some(reader.into_inner()));
    }
    if answer != "close" {
        let (answer, text) = answer.split_once('|').unwrap_or((answer, ""));
        let (status, wait) = answer.split_once('/').unwrap_or((answer, ""));
        let moved = if status.starts_with('3') { "location: /elsewhere\r\n" } else { "" };
        let wait = if wait.is_empty() { String::new() } else { format!("retry-after: {wait}\r\n") };
        let length = text.len();
        let head = format!(
            "HTTP/1.1 {status} so\r\n{moved}{wait}content-length: {length}\r\nconnection: close\r\n\r\n"
        );
        reader.get_mut().write_all((head + text).as_bytes())?;
    }
    Ok(None)
}

fn desk(mail: &str, plan: &str, port: u16) -> Inside {
    let key =
        tempfile::NamedTempFile::new().expect("a temporary file").into_temp_path().keep().expect("kept");
    std::fs::write(&key, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").expect("writable");
    Inside::open(
        &format!(
            "[daemon]\nprivate_hosts = [\"127.0.0.1\"]\n[post]\nkey_file = {key:?}\n\
             [mail]\nfrom = \"newswatch@example.org\"\n{mail}\
             [[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
             [[plan]]\nname = \"desk\"\npost_to = [\"http://127.0.0.1:{port}/news\"]\n{plan}"
        ),
        Limits::default(),
    )
}

const TITLE: &str = "Суд над Темировым отложен";
const TEXT: &str = "Журналиста Темирова ждут в пятницу. В Оше дождь.";

#[tokio::test]
async fn a_post_says_what_the_mail_says_and_is_signed() {
    let program = Program::open("200");
    let desk = desk("", "to = [\"ada@example.org\"]\n", program.port);
    let now = time("2026-11-23T07:00:00Z");
    desk.publish("1", TITLE, TEXT, now);
    desk.round(now).await;
    desk.round(now + TimeDelta::minutes(5)).await;
    let posts = program.posts();
    assert_eq!(posts.len(), 1);
    let post = &posts[0];
    assert_eq!(post.line, "POST /news HTTP/1.1");
    assert_eq!(post.header("content-type"), "application/json");
    assert_eq!(post.header("webhook-timestamp"), now.timestamp().to_string());
    assert!(post.header("webhook-signature").starts_with("v1,"), "{post:?}");
    let ids = desk.query("SELECT message_id FROM outbox WHERE recipient GLOB 'http*'");
    assert_eq!(post.header("webhook-id"), ids[0]);
    let said: Value = serde_json::from_slice(&post.body).expect("JSON");
    for (place, expected) in [
        ("/type", "newswatch.alert"),
        ("/data/plan", "desk"),
        ("/data/subject", "Alert: Суд над Темировым отложен — Temirov"),
        ("/data/stories/0/title", TITLE),
        ("/data/stories/0/link", "https://echo.example/1"),
        ("/data/stories/0/sentence", "Журналиста Темирова ждут в пятницу."),
        ("/data/stories/0/watches/0/watch", "Temirov"),
        ("/data/stories/0/watches/0/hits/0/text", "Темировым"),
    ] {
        assert_eq!(said.pointer(place).and_then(Value::as_str), Some(expected), "{place} in {said:#}");
    }
    assert_eq!(
        desk.query("SELECT recipient, state FROM outbox ORDER BY id"),
        ["ada@example.org | sent".to_owned(), format!("http://127.0.0.1:{}/news | sent", program.port),]
    );
}

#[tokio::test]
async fn every_answer_has_its_outcome_and_every_try_the_same_body() {
    let check = async |answers: &'static str, outcome: &str, state: &str, posts: usize, reason: &str| {
        let program = Program::open(answers);
        let desk = desk("", "", program.port);
        let now = time("2026-11-23T07:00:00Z");
        desk.publish("1", TITLE, TEXT, now);
        desk.round(now).await;
        let tried = desk.query("SELECT outcome, coalesce(reason, '') FROM delivery");
        assert!(tried[0].starts_with(outcome) && tried[0].contains(reason), "{answers}: {tried:?}");
        desk.round(now + TimeDelta::seconds(59)).await;
        assert_eq!(program.posts().len(), 1, "{answers}: too early");
        for minutes in [1, 4, 60] {
            desk.round(now + TimeDelta::minutes(minutes)).await;
        }
        assert_eq!(desk.query("SELECT state FROM outbox"), [state], "{answers}");
        let got = program.posts();
        assert_eq!(got.len(), posts, "{answers}");
        for post in &got {
            assert_eq!(post.body, got[0].body, "{answers}");
            assert_eq!(post.header("webhook-id"), got[0].header("webhook-id"), "{answers}");
        }
    };
    check("200", "sent", "sent", 1, "").await;
    check("204", "sent", "sent", 1, "").await;
    check("500 200", "deferred", "sent", 2, "post: it answered 500").await;
    check("503 503 200", "deferred", "sent", 3, "post: it answered 503").await;
    check("429 200", "deferred", "sent", 2, "post: it answered 429").await;
    check("429/1800 200", "deferred", "sent", 2, "post: it answered 429").await;
    check("302 200", "deferred", "sent", 2, "post: it answered 302").await;
    check("404", "refused", "refused", 1, "post: it answered 404").await;
    check("410", "refused", "refused", 1, "post: it answered 410").await;
    check("close 200", "unknown", "sent", 2, "'s answer, which broke off").await;
}

#[tokio::test]
async fn a_program_that_is_away_and_a_relay_that_is_down_do_not_hold_each_other_up() {
    let program = Program::open("500 200");
    let relay = Relay::open("greeting: 421 down");
    let mail = format!("transport = \"smtp\"\nhost = \"127.0.0.1\"\ntls = \"none\"\nport = {}\n", relay.port);
    let desk = desk(&mail, "to = [\"ada@example.org\", \"bek@example.org\"]\n", program.port);
    let now = time("2026-11-23T07:00:00Z");
    desk.publish("1", TITLE, TEXT, now);
    for seconds in [0, 60, 61] {
        desk.round(now + TimeDelta::seconds(seconds)).await;
    }
    assert_eq!(program.posts().len(), 2, "the relay is down, the program hears");
    assert_eq!(desk.query("SELECT state FROM outbox ORDER BY id"), ["owed", "owed", "sent"]);
    relay.play("");
    desk.round(now + TimeDelta::minutes(15)).await;
    desk.round(now + TimeDelta::minutes(16)).await;
    assert_eq!(relay.got().len(), 2);
    assert_eq!(program.posts().len(), 2);
}
