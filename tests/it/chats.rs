//! Chats that are told: from the same outbox, tried until it is taken, by an address
//! that stands in the list alone.

use crate::inside::{Inside, time};
use crate::posts::Program;
use crate::relay::Relay;
use crate::support;
use chrono::TimeDelta;
use newswatch::chat::{self, Address, Request};
use newswatch::digest::{Note, NoteStory};
use newswatch::fetch::{self, Fetcher};
use newswatch::mail::Limits;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Stands in every address, and nowhere else.
const SECRET: &str = "hunter22-AbC";

struct Chats {
    inside: Inside,
    /// The list of chats.
    list: tempfile::TempPath,
}

impl std::ops::Deref for Chats {
    type Target = Inside;

    fn deref(&self) -> &Inside {
        &self.inside
    }
}

impl Chats {
    /// A desk that knows the chats of `list`, with `[mail]` keys and plans.
    fn open(list: &str, mail: &str, plans: &str) -> Chats {
        let path = tempfile::NamedTempFile::new().expect("a temporary file").into_temp_path();
        std::fs::write(&path, list).expect("writable");
        let named: &Path = path.as_ref();
        let inside = Inside::open(
            &format!(
                "[daemon]\nprivate_hosts = [\"127.0.0.1\"]\n[chat]\nurls_file = {named:?}\n\
                 [mail]\nfrom = \"newswatch@example.org\"\n{mail}\
                 [[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n{plans}"
            ),
            Limits::default(),
        );
        Chats { inside, list: path }
    }

    fn rewrite(&self, list: &str) {
        std::fs::write(&self.list, list).expect("writable");
    }

    /// No column of any table, and no file beside it, holds the secret.
    fn check_secret(&self) {
        for entry in std::fs::read_dir(self.directory.path()).expect("readable") {
            let path: PathBuf = entry.expect("readable").path();
            let bytes = if path.is_file() { std::fs::read(&path).expect("readable") } else { Vec::new() };
            let holds = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
            assert!(!holds, "{} holds the secret", path.display());
        }
    }
}

fn plan(to: &str, more: &str) -> String {
    format!("[[plan]]\nname = \"desk\"\nto = [{to}]\n{more}")
}

fn slack(port: u16) -> String {
    format!("newsroom slack+http://127.0.0.1:{port}/services/T0/B0/{SECRET}\n")
}

/// Everything that any of the dialects would take for more than text.
const HOSTILE: &str =
    "<!here> @everyone @channel *Temirov* _x_ ~y~ `z` [a](https://evil.example) & \"q\" <@U1> #tag";

fn story(title: &str) -> NoteStory {
    NoteStory {
        title: title.into(),
        link: Some("https://echo.example/@desk/1?a=1&b=2".into()),
        detail: "Osh Echo · Temirov, score 3.1: stem темиров + ым (ru, masculine instrumental)".into(),
        command: None,
    }
}

/// How many of what a service counts stand in a text.
type Units = fn(&str) -> usize;

/// An address of each service, its limit with how it counts, and where the text stands.
const SERVICES: [(&str, usize, Units, &str); 6] = [
    ("slack://T1234567/B1234567/abcdefgh", 4_000, utf16, "text"),
    ("discord://1234567/abcdefgh", 2_000, utf16, "content"),
    ("mattermost://chat.example.org/abcdefgh", 16_383, utf16, "text"),
    ("telegram://123456:abcdefgh/-100123", 4_096, utf16, "text"),
    ("ntfy://newsroom", 4_096, str::len, "message"),
    ("matrix://syt_abc@matrix.example.org/!room:example.org", 60_000, str::len, "body"),
];

fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

/// What the service of `url` shows of a note.
fn text(url: &str, field: &str, note: &Note) -> String {
    let address = Address::parse(url).expect("an address");
    let body: Value =
        serde_json::from_slice(&chat::request(&address, note, "1@example.org").body).expect("JSON");
    body[field].as_str().expect("a text").to_owned()
}

#[test]
fn what_has_no_room_is_counted_and_the_limit_holds() {
    let note = |stories: usize, spikes: usize, sick: usize| Note {
        subject: format!("{stories} stories: Temirov"),
        is_urgent: true,
        head: (0..spikes).map(|n| format!("^ Temirov {n}: 40 stories in a day, usually 3")).collect(),
        stories: (0..stories).map(|_| story(&HOSTILE.repeat(2))).collect(),
        more: 900,
        command: Some("newswatch digest 'rights desk' --since 2026-11-22T06:00:00Z --dry-run".into()),
        foot: (0..sick)
            .map(|_| "In trouble: Naryn Courier, blocked since Sun 22 Nov, 09:00 UTC".into())
            .chain(["Read 4,711 articles of 60 sources · next digest: Mon 07:00".into()])
            .collect(),
        foot_more: 40,
    };
    let commands = |text: &str| text.replace(['`', '\\', '\u{200b}'], "");
    for (url, limit, units, field) in SERVICES {
        let mut last = 0;
        for (stories, spikes, sick) in
            [(1, 0, 6), (8, 1, 0), (60, 1, 6), (100, 1, 6), (100, 30, 6), (3, 200, 6)]
        {
            let text = text(url, field, &note(stories, spikes, sick));
            assert!(units(&text) <= limit, "{url}: {} of {limit}", units(&text));
            let text = commands(&text);
            let told = text.matches('•').count();
            assert!(told >= 1, "{url}: {told} of {stories}");
            if spikes <= 1 && sick > 0 {
                assert!(told >= last, "{url}: {told} of {stories}, and {last} of fewer");
                last = told;
            }
            let more = |of: usize, marked: &str| of - text.matches(marked).count();
            let left_out = stories - told + 900;
            let mut says = vec![
                format!("and {left_out} more: newswatch digest 'rights desk'"),
                format!("and {} more: newswatch status", more(sick, "Naryn Courier") + 40),
                "next digest: Mon 07:00".to_owned(),
            ];
            match more(spikes, "usually 3") {
                0 => {}
                more => says.push(format!("and {more} more: newswatch digest 'rights desk'")),
            }
            for words in says {
                assert!(text.contains(&words), "{url} lacks `{words}`: {text}");
            }
        }
    }
}

#[test]
fn a_command_can_be_pasted_as_it_stands() {
    let check = |command: &str, marked: &str| {
        let note = Note {
            subject: "Left the plan desk".into(),
            stories: vec![NoteStory {
                title: "ada@example.org left the plan desk".into(),
                command: Some(command.into()),
                ..NoteStory::default()
            }],
            ..Note::default()
        };
        for (url, .., field) in SERVICES {
            let expected = match field {
                "content" => marked,
                _ if url.starts_with("mattermost") => marked,
                _ => command,
            };
            let text = text(url, field, &note);
            assert_eq!(text.lines().last(), Some(expected), "{url}");
        }
    };
    let command = "newswatch plans resubscribe desk ada@example.org";
    check(command, &format!("`{command}`"));
    let command = "newswatch plans resubscribe 'a `desk` !' ada_b@example.org";
    check(command, &format!("`` {command} ``"));
}

/// Each `tests/data/chat/NAME.urls` holds spellings of one address; `NAME.txt` is the
/// one request that all of them make. `NEWSWATCH_BLESS=1` rewrites it.
#[test]
fn each_service_is_asked_as_it_documents() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/chat");
    let files = std::fs::read_dir(folder).expect("the cases").map(|file| file.expect("a case").path());
    let note = Note {
        subject: "2 stories: Temirov".into(),
        is_urgent: true,
        head: vec!["More than 10 alerts came at once, so they are told in one mail.".into()],
        stories: vec![story(HOSTILE), story("Суд над Темировым отложен")],
        foot: vec!["In trouble: Naryn Courier, blocked since Sun 22 Nov, 09:00 UTC".into()],
        ..Note::default()
    };
    let mut count = 0;
    for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "urls")) {
        let answer = file.with_extension("txt");
        for url in std::fs::read_to_string(&file).expect("UTF-8").lines() {
            let address = Address::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            let said = shown(&chat::request(&address, &note, "7f3a@example.org"));
            if std::env::var_os("NEWSWATCH_BLESS").is_some() {
                std::fs::write(&answer, &said).expect("written");
            }
            assert_eq!(said, std::fs::read_to_string(&answer).unwrap_or_default(), "{url}");
            count += 1;
        }
    }
    assert!(count >= 12, "{count} spellings");
}

/// A request as it would be typed.
fn shown(request: &Request) -> String {
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    let headers: String = request.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let body = serde_json::to_string_pretty(&body).expect("JSON").replace('\u{200b}', "\\u200b");
    format!("{:?} {}\n{headers}\n{body}\n", request.method, request.url)
}

const TITLE: &str = "Суд над Темировым <!here> @channel";
const TEXT: &str = "Журналиста Темирова ждут в пятницу. В Оше дождь.";

#[tokio::test]
async fn every_service_hears_what_the_mail_says_and_once() {
    let program = Program::open("200|ok");
    let base = format!("http://127.0.0.1:{}", program.port);
    let list = format!(
        "# what the services show\nslack slack+{base}/services/T0/B0/{SECRET}\n\
         discord discord+{base}/api/webhooks/1/{SECRET}\nmattermost mattermost+{base}/hooks/{SECRET}\n\
         telegram telegram+{base}/bot12345:{SECRET}/-100\nntfy ntfy+http://{SECRET}@127.0.0.1:{}/Topic\n\
         matrix matrix+http://{SECRET}@127.0.0.1:{0}/!room:example.org\n",
        program.port
    );
    let names = ["slack", "discord", "mattermost", "telegram", "ntfy", "matrix"];
    let to: Vec<String> = names.iter().map(|name| format!("\"chat:{name}\"")).collect();
    let desk = Chats::open(&list, "", &plan(&format!("\"ada@example.org\", {}", to.join(", ")), ""));
    let now = time("2026-11-23T07:00:00Z");
    desk.publish("1", TITLE, TEXT, now);
    desk.round(now).await;
    desk.round(now + TimeDelta::minutes(5)).await;
    let ids = desk.query("SELECT message_id FROM outbox WHERE recipient = 'chat:matrix'");
    let matrix =
        format!("PUT /_matrix/client/v3/rooms/!room:example.org/send/m.room.message/{} HTTP/1.1", ids[0]);
    let lines: Vec<String> = program.posts().iter().map(|post| post.line.clone()).collect();
    let expected = [
        format!("POST /services/T0/B0/{SECRET} HTTP/1.1"),
        format!("POST /api/webhooks/1/{SECRET} HTTP/1.1"),
        format!("POST /hooks/{SECRET} HTTP/1.1"),
        format!("POST /bot12345:{SECRET}/sendMessage HTTP/1.1"),
        "POST / HTTP/1.1".to_owned(),
        matrix,
    ];
    assert_eq!(lines, expected);
    for (post, field) in program.posts().iter().zip(["text", "content", "text", "text", "message", "body"]) {
        let said: Value = serde_json::from_slice(&post.body).expect("JSON");
        let text = said[field].as_str().unwrap_or_else(|| panic!("no {field}: {said}"));
        let text = format!("{}\n{text}", said["title"].as_str().unwrap_or_default());
        for words in ["Суд над Темировым", "https://echo.example/1", "Osh Echo · Temirov, score "]
        {
            assert!(text.contains(words), "{field} lacks `{words}`: {text}");
        }
    }
    let told = desk.query("SELECT recipient, state, tries FROM outbox ORDER BY id");
    let expected: Vec<String> = std::iter::once("ada@example.org | sent | 1".to_owned())
        .chain(names.iter().map(|name| format!("chat:{name} | sent | 1")))
        .collect();
    assert_eq!(told, expected);
    desk.check_secret();
}

#[tokio::test]
async fn every_answer_has_its_outcome_and_every_try_the_same_message() {
    let check = async |answers: &'static str, outcome: &str, state: &str, posts: usize, reason: &str| {
        let program = Program::open(answers);
        let desk = Chats::open(&slack(program.port), "", &plan("\"chat:newsroom\"", ""));
        let limits = fetch::Limits { first_byte: Duration::from_millis(300), ..fetch::Limits::default() };
        let fetcher = Fetcher::new(None, &["127.0.0.1".into()], limits).expect("a fetcher");
        let Chats { inside: Inside { directory, desk }, list } = desk;
        let desk = Arc::try_unwrap(desk).expect("nobody else has it");
        let inside = Inside { directory, desk: Arc::new(newswatch::daemon::Desk { fetcher, ..desk }) };
        let desk = Chats { inside, list };
        let now = time("2026-11-23T07:00:00Z");
        desk.publish("1", TITLE, TEXT, now);
        desk.round(now).await;
        let tried = desk.query("SELECT outcome, coalesce(reason, '') FROM delivery");
        assert!(tried[0].starts_with(outcome) && tried[0].ends_with(reason), "{answers}: {tried:?}");
        desk.round(now + TimeDelta::seconds(59)).await;
        assert_eq!(program.posts().len(), 1, "{answers}: too early");
        let asks_twenty_minutes = answers.contains("1200");
        for minutes in [1, 4, 19, 30, 90] {
            desk.round(now + TimeDelta::minutes(minutes)).await;
            let tried = if asks_twenty_minutes && minutes < 20 { 1 } else { posts };
            assert_eq!(program.posts().len(), tried, "{answers} after {minutes} minutes");
        }
        assert_eq!(desk.query("SELECT state FROM outbox"), [state], "{answers}");
        let got = program.posts();
        assert_eq!(got.len(), posts, "{answers}");
        assert!(got.iter().all(|post| post.body == got[0].body && post.line == got[0].line), "{answers}");
        desk.check_secret();
    };
    check("200|ok", "sent", "sent", 1, "").await;
    check("500 200", "deferred", "sent", 2, "post: it answered 500").await;
    check("429/1200 200", "deferred", "sent", 2, "post: it answered 429").await;
    check("429|{\"retry_after\":0.5} 200", "deferred", "sent", 2, "post: it answered 429").await;
    check("429|{\"retry_after\":1200} 200", "deferred", "sent", 2, "post: it answered 429").await;
    check("302 200", "deferred", "sent", 2, "post: it answered 302").await;
    check("404|no_service", "refused", "refused", 1, "post: it answered 404: no_service").await;
    check("400|no-hook-hunter22-AbC", "refused", "refused", 1, "post: it answered 400: no-hook-…").await;
    check("close 200", "unknown", "sent", 2, "it is tried again later").await;
    check("silence 200", "unknown", "sent", 2, "it is tried again later").await;
}

#[tokio::test]
async fn a_chat_that_asks_us_to_wait_is_left_alone_with_everything() {
    let program = Program::open("429/600 200");
    let relay = Relay::open("");
    let mail = format!("transport = \"smtp\"\nhost = \"127.0.0.1\"\ntls = \"none\"\nport = {}\n", relay.port);
    let desk = Chats::open(&slack(program.port), &mail, &plan("\"ada@example.org\", \"chat:newsroom\"", ""));
    let now = time("2026-11-23T07:00:00Z");
    desk.publish("1", TITLE, TEXT, now);
    desk.round(now).await;
    desk.publish("2", "Темиров вышел из суда", "Журналист Темиров вышел из здания суда в полдень.", now);
    for seconds in [5, 60, 300, 599] {
        desk.round(now + TimeDelta::seconds(seconds)).await;
    }
    assert_eq!(program.posts().len(), 1, "it asked for ten minutes");
    assert_eq!(relay.got().len(), 2, "mail does not wait for a chat");
    desk.round(now + TimeDelta::seconds(600)).await;
    desk.round(now + TimeDelta::seconds(605)).await;
    assert_eq!(program.posts().len(), 3);
    assert_eq!(desk.query("SELECT DISTINCT state FROM outbox"), ["sent"]);
}

#[tokio::test]
async fn a_changed_token_counts_at_once_and_what_was_refused_can_be_tried_again() {
    let program = Program::open("403|invalid_token 200");
    let desk = Chats::open(&slack(program.port), "", &plan("\"chat:newsroom\"", ""));
    let now = time("2026-11-23T07:00:00Z");
    desk.publish("1", TITLE, TEXT, now);
    desk.round(now).await;
    assert_eq!(desk.query("SELECT state FROM outbox"), ["refused"]);
    desk.rewrite("# nobody\n");
    desk.desk.store.retry(&[1], now).expect("tried again");
    desk.round(now + TimeDelta::minutes(1)).await;
    let reason = desk.query("SELECT reason FROM delivery ORDER BY id DESC LIMIT 1");
    assert_eq!(reason, ["list: the list of `[chat]` has no good line for `newsroom` any more"]);
    desk.rewrite(&slack(program.port).replace("T0", "T1"));
    desk.round(now + TimeDelta::minutes(3)).await;
    assert_eq!(desk.query("SELECT state FROM outbox"), ["sent"]);
    assert_eq!(program.posts()[1].line, format!("POST /services/T1/B0/{SECRET} HTTP/1.1"));
    assert_eq!(program.posts()[0].body, program.posts()[1].body);
}

#[tokio::test]
async fn the_operator_hears_in_a_chat_what_was_refused() {
    let program = Program::open("404 200");
    let other = Program::open("200");
    let list =
        format!("{}ops mattermost+http://127.0.0.1:{}/hooks/{SECRET}\n", slack(program.port), other.port);
    let desk = Chats::open(&list, "ops_to = [\"chat:ops\"]\n", &plan("\"chat:newsroom\"", ""));
    let now = time("2026-11-23T07:00:00Z");
    desk.publish("1", TITLE, TEXT, now);
    desk.round(now).await;
    desk.round(now + TimeDelta::minutes(1)).await;
    let said = String::from_utf8(other.posts()[0].body.clone()).expect("UTF-8");
    for words in
        ["Mail refused: somebody was not told", "chat:newsroom: post: it answered 404", "outbox retry 1"]
    {
        assert!(said.contains(words), "no `{words}`: {said}");
    }
    assert!(!said.contains(SECRET));
}

/// What operators were told, once each: by whom it should be read, and its subject.
fn told_to_the_operator(desk: &Chats) -> Vec<String> {
    desk.query(
        "SELECT o.recipient, o.subject FROM outbox o JOIN digest d ON d.id = o.digest_id
         WHERE d.plan = '(operator)' ORDER BY o.id",
    )
}

#[tokio::test]
async fn the_operator_hears_at_once_of_what_only_they_can_mend() {
    let check = async |answers: &'static str, mended: bool, list: Option<&str>, says: &str| {
        let program = Program::open(answers);
        let good = slack(program.port);
        let desk = Chats::open(&good, "ops_to = [\"admin@example.org\"]\n", &plan("\"chat:newsroom\"", ""));
        let now = time("2026-11-23T07:00:00Z");
        match list {
            Some(list) => desk.rewrite(&list.replace("GOOD", &good)),
            None => std::fs::remove_file(&desk.list).expect("it was there"),
        }
        desk.publish("1", TITLE, TEXT, now);
        desk.round(now).await;
        desk.publish("2", "Темиров вышел из суда", "Журналист Темиров вышел из здания суда в полдень.", now);
        for minutes in [1, 60, 24 * 60, 4 * 24 * 60] {
            desk.round(now + TimeDelta::minutes(minutes)).await;
        }
        let told = told_to_the_operator(&desk);
        assert_eq!(told, ["admin@example.org | Not told until this is mended: chat:newsroom"], "{says}");
        let wire = desk.query("SELECT CAST(wire AS TEXT) FROM outbox WHERE recipient = 'admin@example.org'");
        for words in [says, "since 23 Nov 2026", "newswatch test-chat newsroom"] {
            assert!(wire[0].contains(words), "no `{words}`: {}", wire[0]);
        }
        let states = desk.query("SELECT DISTINCT state FROM outbox WHERE recipient = 'chat:newsroom'");
        assert_eq!(states, ["owed"], "{says}: it is still tried");
        desk.rewrite(&good);
        desk.round(now + TimeDelta::days(4) + TimeDelta::hours(1)).await;
        desk.round(now + TimeDelta::days(4) + TimeDelta::hours(1)).await;
        let states = desk.query("SELECT DISTINCT state FROM outbox WHERE recipient = 'chat:newsroom'");
        assert_eq!(states == ["sent"], mended, "{says}: {states:?}");
        desk.check_secret();
    };
    check("200", true, Some("# nobody\n"), "no good line for `newsroom` any more").await;
    check("200", true, None, "list: read a secret from").await;
    let private = "newsroom mattermost://10.1.2.3/hunter22-AbC\n";
    check("200", true, Some(private), "`10.1.2.3` is a private address").await;
    check("302", false, Some("GOOD"), "post: it answered 302").await;
}

#[tokio::test]
async fn the_operator_hears_of_a_chat_that_stays_away_for_an_hour() {
    let program = Program::open("503");
    let desk = Chats::open(
        &slack(program.port),
        "ops_to = [\"admin@example.org\"]\n",
        &plan("\"chat:newsroom\"", ""),
    );
    let now = time("2026-11-23T07:00:00Z");
    desk.publish("1", TITLE, TEXT, now);
    let after = async |minutes: i64| desk.round(now + TimeDelta::minutes(minutes)).await;
    for minutes in [0, 1, 20, 55] {
        after(minutes).await;
    }
    assert!(told_to_the_operator(&desk).is_empty(), "what passes by itself is no news");
    for minutes in [61, 62, 180] {
        after(minutes).await;
    }
    let told = ["admin@example.org | Not told until this is mended: chat:newsroom"];
    assert_eq!(told_to_the_operator(&desk), told, "once");
    let states = desk.query("SELECT DISTINCT state FROM outbox WHERE recipient = 'chat:newsroom'");
    assert_eq!(states, ["owed"], "it is still tried");
}

#[tokio::test]
async fn a_relay_that_is_down_does_not_silence_the_operators_chat() {
    let (program, other) = (Program::open("404"), Program::open("200"));
    let relay = Relay::open("greeting: 421 down");
    let list =
        format!("{}ops mattermost+http://127.0.0.1:{}/hooks/{SECRET}\n", slack(program.port), other.port);
    let mail = format!(
        "transport = \"smtp\"\nhost = \"127.0.0.1\"\ntls = \"none\"\nport = {}\n\
         ops_to = [\"admin@example.org\", \"chat:ops\"]\n",
        relay.port
    );
    let desk = Chats::open(&list, &mail, &plan("\"ada@example.org\", \"chat:newsroom\"", ""));
    let now = time("2026-11-23T07:00:00Z");
    desk.publish("1", TITLE, TEXT, now);
    desk.round(now).await;
    for minutes in [1, 60, 24 * 60] {
        desk.round(now + TimeDelta::minutes(minutes)).await;
    }
    assert_eq!(told_to_the_operator(&desk), ["chat:ops | Mail refused: somebody was not told"]);
    assert_eq!(other.posts().len(), 1);
    relay.play("");
    for minutes in [0, 1, 60] {
        desk.round(now + TimeDelta::days(2) + TimeDelta::minutes(minutes)).await;
    }
    let said = "Mail refused: somebody was not told";
    let expected = [format!("chat:ops | {said}"), format!("admin@example.org | {said}")];
    assert_eq!(told_to_the_operator(&desk), expected, "each way once");
    assert_eq!(other.posts().len(), 1);
}

#[tokio::test]
async fn an_operator_who_is_not_reached_is_told_of_to_the_others() {
    let check = async |ops_to: &str, script: &str, answers: &'static str, expected: &[&str]| {
        let (program, other) = (Program::open("404"), Program::open(answers));
        let relay = Relay::open(script);
        let list =
            format!("{}ops mattermost+http://127.0.0.1:{}/hooks/{SECRET}\n", slack(program.port), other.port);
        let mail = format!(
            "transport = \"smtp\"\nhost = \"127.0.0.1\"\ntls = \"none\"\nport = {}\nops_to = [{ops_to}]\n",
            relay.port
        );
        let desk = Chats::open(&list, &mail, &plan("\"chat:newsroom\"", ""));
        let now = time("2026-11-23T07:00:00Z");
        desk.publish("1", TITLE, TEXT, now);
        for minutes in [0, 1, 2, 3, 60, 24 * 60] {
            desk.round(now + TimeDelta::minutes(minutes)).await;
        }
        let told = told_to_the_operator(&desk);
        let refused = "Mail refused: somebody was not told";
        let expected: Vec<String> = expected.iter().map(|line| line.replace("REFUSED", refused)).collect();
        assert_eq!(told, expected, "{ops_to}, {script}, {answers}");
    };
    let both = "\"admin@example.org\", \"chat:ops\"";
    let (by_mail, by_chat) = ("admin@example.org | REFUSED", "chat:ops | REFUSED");
    let silent = |to: &str, who: &str| format!("{to} | Not told until this is mended: {who}");
    check(both, "", "200", &[by_mail, by_chat]).await;
    check(both, "", "404", &[by_mail, by_chat, &silent("admin@example.org", "chat:ops")]).await;
    let no_such = "RCPT: 550 5.1.1 no such user";
    check(both, no_such, "200", &[by_mail, by_chat, &silent("chat:ops", "admin@example.org")]).await;
    check(both, no_such, "404", &[by_mail, by_chat]).await;
    check("\"chat:ops\"", "", "404", &[by_chat]).await;
}

/// The real binary at its most talkative: the secret is in none of its words.
#[test]
fn no_command_prints_an_address() {
    let program = Program::open("200|ok 404|hunter22-AbC-is-gone");
    let desk = support::Desk::new(&format!(
        "[chat]\nurls_file = {:?}\n[[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
         [[feed]]\nname = \"Osh Echo\"\nurl = \"http://127.0.0.1:9/feed\"\nenabled = false\n{}",
        "chats",
        plan("\"chat:newsroom\"", "cron = \"0 7 * * *\"\nall_is_well = true\n")
    ));
    std::fs::write(desk.path("chats"), slack(program.port)).expect("writable");
    let check = |command: &[&str], code: i32, says: &[&str]| {
        let child = desk.command(command).env("NEWSWATCH_LOG", "trace").spawn().expect("the binary starts");
        let ran = support::finish(child);
        assert_eq!(ran.code, Some(code), "{command:?}: {ran:?}");
        for words in says {
            assert!(ran.out.contains(words), "{command:?} does not say `{words}`: {}", ran.out);
        }
        assert!(!ran.out.contains(SECRET) && !ran.err.contains(SECRET), "{command:?}: {ran:?}");
    };
    check(&["check-config"], 0, &["1 plan"]);
    check(&["test-chat"], 0, &["newsroom: Slack at 127.0.0.1", "sent to chat:newsroom"]);
    check(
        &["test-chat", "newsroom"],
        1,
        &["it answered 404: …-is-gone", "make a new one", "refused: post: it answered 404"],
    );
    check(&["digest", "desk", "--send"], 1, &[]);
    check(&["outbox", "list"], 0, &["chat:newsroom", "it answered 404"]);
    check(&["plans", "list"], 0, &["chat:newsroom", "chat"]);
    desk.query("UPDATE outbox SET state = 'owed', created_at = '2026-01-01T00:00:00Z' RETURNING id");
    check(&["status"], 1, &["`newswatch test-chat newsroom` what stands in its way"]);
    let database = std::fs::read(desk.data().join("newswatch.db")).expect("readable");
    assert!(!database.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
}

#[test]
fn a_wrong_list_stops_the_start_and_says_where() {
    let desk = support::Desk::new(&format!(
        "[chat]\nurls_file = {:?}\n{}",
        "chats",
        plan("\"desk@example.org\", \"chat:newsrom\"", "")
    ));
    let check = |list: Option<&str>, command: &[&str], code: i32, says: &str| {
        match list {
            Some(list) => std::fs::write(desk.path("chats"), list).expect("writable"),
            None => drop(std::fs::remove_file(desk.path("chats"))),
        }
        let ran = desk.run(command);
        assert_eq!(ran.code, Some(code), "{command:?}: {ran:?}");
        assert!(ran.err.contains(says), "{command:?} does not say `{says}`: {}", ran.err);
    };
    let unknown = "config.toml:9:27: the list of `[chat]` has no `newsrom`; did you mean `newsroom`?";
    let wrong = "chats:2:6: no service is written so; did you mean `slack://`?";
    let private = "config.toml:9:27: `newsrom` cannot be told: `10.1.2.3` is a private address, \
                   not on the public internet; if it is meant, add it to `private_hosts`";
    for command in [&["check-config"][..], &["poll"], &["run"]] {
        check(Some(&slack(9)), command, 78, unknown);
        check(Some("newsrom mattermost://10.1.2.3/hunter22\n"), command, 78, private);
        check(Some("\nroom slak://T0/B0/hunter22\n"), command, 78, wrong);
    }
    check(None, &["check-config"], 0, "the secret cannot be read from `chats`: there is no such file");
    check(None, &["poll"], 1, "failed to read the list of chats: read a secret from `chats`");
    check(None, &["search", "Temirov"], 3, "nothing found");
}
