//! The page as its readers, and those who try it, see it.

use crate::inside::{Inside, time};
use crate::mail::mutants::{BREAKOUTS, VECTORS};
use crate::support::{Desk, Running, newsroom, wait_for};
use chrono::{DateTime, TimeDelta, Utc};
use newswatch::feed;
use newswatch::mail::Limits;
use newswatch::newsroom::Newsroom;
use newswatch::web::{self, Door, Key, ROUTES, Site};
use regex::Regex;
use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{oneshot, watch};

/// Planted: it may be seen nowhere but where it was written.
const TOKEN: &str = "kq7-planted-token-93f1";

const PLAN: &str = "[mail]\nfrom = \"newswatch@example.org\"\n\
    [[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
    [[plan]]\nname = \"rights desk\"\nto = [\"ada@example.org\", \"bek@example.org\"]\n";

/// An answer as it came.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn read(mut stream: impl std::io::Read) -> Answer {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("an answer");
        let text = String::from_utf8(bytes).expect("UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Sends a request word for word, and reads until the other end closes.
fn say(address: &str, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(Duration::from_secs(25))).expect("a timeout");
    stream.write_all(request).expect("the request is taken");
    Answer::read(stream)
}

fn ask(address: &str, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let host = if headers.starts_with("host:") { "" } else { "host: localhost\r\n" };
    let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    say(address, format!("{method} {path} HTTP/1.1\r\n{host}{headers}{length}\r\n{body}").as_bytes())
}

fn get(address: &str, path: &str) -> Answer {
    ask(address, "GET", path, "", "")
}

/// The page over a desk whose clock the test holds.
struct Shown {
    inside: Inside,
    address: String,
    runtime: Runtime,
    _stop: oneshot::Sender<()>,
    _sites: watch::Sender<Arc<Site>>,
}

impl Shown {
    fn open(web: &str, plan: &str, token: Option<&str>) -> Shown {
        let runtime = Runtime::new().expect("a runtime can be made");
        let inside = {
            let _within = runtime.enter();
            Inside::open(&format!("[web]\nlisten = \"127.0.0.1:0\"\n{web}{plan}"), Limits::default())
        };
        let config = &inside.desk.config;
        let web = config.web.clone().expect("a page");
        let site = Site::new(&web, config, inside.desk.store.clone(), token).expect("a page");
        let (sites, shown) = watch::channel(Arc::new(site));
        let (stop, stopped) = oneshot::channel::<()>();
        let door = runtime.block_on(Door::open(&web.listen)).expect("a free port");
        let address = door.place().trim_start_matches("http://").trim_end_matches('/').to_owned();
        runtime.spawn(web::serve(door, shown, async { drop(stopped.await) }));
        Shown { inside, address, runtime, _stop: stop, _sites: sites }
    }

    fn round(&self, now: DateTime<Utc>) {
        self.runtime.block_on(self.inside.round(now));
    }

    fn feed(&self) -> feed::Feed {
        let answer = get(&self.address, "/plans/rights%20desk.atom");
        assert_eq!(answer.status, 200, "{answer:?}");
        let read = feed::parse(answer.body.as_bytes(), answer.header("content-type"), None).expect("a feed");
        assert_eq!(read.faults, [], "{}", answer.body);
        assert_eq!(read.dialect, feed::Dialect::Atom);
        read
    }
}

/// The daemon with a page; its address once it is open.
fn daemon(desk: &Desk) -> (Running, String) {
    let daemon = Running::start(desk, &[("WEB_TOKEN", TOKEN)]);
    let address = opened(&daemon, 1);
    (daemon, address)
}

/// Where the page was opened, the `time`-th time.
fn opened(daemon: &Running, time: usize) -> String {
    let place = Regex::new("page opened.*address=\"?http://([0-9.:]+)/").expect("valid");
    let mut found = None;
    wait_for("the page", || {
        found = place.captures_iter(&daemon.log()).nth(time - 1).map(|place| place[1].to_owned());
        found.is_some()
    });
    found.expect("just found")
}

#[test]
fn no_route_is_open_to_a_stranger() {
    let desk = Desk::new(&format!("[web]\nlisten = \"127.0.0.1:0\"\ntoken_env = \"WEB_TOKEN\"\n{PLAN}"));
    let (mut daemon, address) = daemon(&desk);
    assert!(ROUTES.len() >= 2);
    let bearer = format!("authorization: Bearer {TOKEN}\r\n");
    for route in ROUTES {
        let path = route.path.replace('*', "rights%20desk");
        let check = |headers: &str, query: &str, expected: &dyn Fn(u16) -> bool| {
            let answer = ask(&address, route.method, &format!("{path}{query}"), headers, "");
            assert!(expected(answer.status), "{} {path}{query} with {headers:?}: {answer:?}", route.method);
            assert!(answer.status < 500, "{answer:?}");
            let policy = answer.header("content-security-policy").expect("a policy");
            assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        };
        let is_let_in = |status: u16| ![401, 421].contains(&status);
        // A name that leads here by somebody else's DNS, with and without the token.
        for host in ["evil.example", "localhost.evil.example", "127.0.0.2", ""] {
            check(&format!("host: {host}\r\n"), "", &|status| status == 421);
            check(&format!("host: {host}\r\n{bearer}"), "", &|status| status == 421);
        }
        check(&format!("host: localhost\r\nhost: evil.example\r\n{bearer}"), "", &|status| {
            [400, 421].contains(&status)
        });
        for host in ["localhost", "LOCALHOST:9", &address] {
            check(&format!("host: {host}\r\n{bearer}"), "", &is_let_in);
        }
        check("", &format!("?token={TOKEN}"), &is_let_in);
        if route.key == Key::Address {
            check("", "", &is_let_in);
            continue;
        }
        let cut = &TOKEN[1..];
        for (headers, query) in [
            ("", String::new()),
            ("", "?token=".to_owned()),
            ("", format!("?token={cut}")),
            ("", format!("?token={TOKEN}x")),
            ("", format!("?TOKEN={TOKEN}")),
            ("authorization: Bearer \r\n", String::new()),
            ("authorization: Basic a3E3\r\n", String::new()),
            ("x-forwarded-for: 127.0.0.1\r\nx-forwarded-host: localhost\r\n", String::new()),
        ] {
            check(headers, &query, &|status| status == 401);
        }
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "FOO"] {
        assert_eq!(ask(&address, method, "/", &bearer, "").status, 405, "{method}");
    }
    assert_eq!(ask(&address, "HEAD", "/", &bearer, "").body, "");
    assert!(ask(&address, "GET", "/", &bearer, "").body.contains("plans/rights%20desk.atom"));
    daemon.ends_well_on("TERM");
    assert!(!daemon.log().contains(TOKEN), "{}", daemon.log());
    for entry in std::fs::read_dir(desk.data()).expect("a directory") {
        let bytes = std::fs::read(entry.expect("readable").path()).unwrap_or_default();
        assert!(!bytes.windows(TOKEN.len()).any(|bytes| bytes == TOKEN.as_bytes()));
    }
}

#[test]
fn no_input_is_a_fault_of_ours() {
    let shown = Shown::open("", PLAN, None);
    let long = "a".repeat(60_000);
    let mut paths: Vec<String> = [
        "//",
        "/%",
        "/%00",
        "/plans/",
        "/plans/.atom",
        "/plans/%ff.atom",
        "/plans/x.atom?token=%ff",
        "/plans/a%2Fb.atom",
        "/plans/../../etc/passwd",
        "/?%%%=&&",
        "/plans/'%20OR%201=1--.atom",
        "*",
        "http://localhost/",
        "http://evil.example/",
    ]
    .map(String::from)
    .into();
    paths.push(format!("/plans/{long}.atom"));
    paths.push(format!("/?{long}"));
    for (vector, route) in VECTORS.iter().flat_map(|vector| ROUTES.iter().map(move |route| (vector, route))) {
        let encoded: String = url::form_urlencoded::byte_serialize(vector.as_bytes()).collect();
        paths.push(format!(
            "{}?hub.mode={encoded}&hub.topic={encoded}&{encoded}",
            route.path.replace('*', &encoded)
        ));
        paths.push(format!("{}?hub.mode=subscribe&hub.topic=x&hub.challenge={encoded}&hub.lease_seconds=99999999999999999999", route.path.replace('*', &encoded)));
    }
    for path in &paths {
        for method in ["GET", "POST"] {
            let answer = ask(&shown.address, method, path, "", "x=%ff&y");
            assert!(answer.status < 500, "{method} {path}: {answer:?}");
            assert!(!answer.body.contains("<script"), "{method} {path}: {answer:?}");
        }
    }
    for request in
        ["GET / HTTP/1.1\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n"]
    {
        let answer = say(&shown.address, request.as_bytes());
        assert!((400..500).contains(&answer.status), "{request:?}: {answer:?}");
    }
    let huge = format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "y".repeat(600_000));
    let mut stream = TcpStream::connect(&shown.address).expect("somebody listens");
    let _ = stream.write_all(huge.as_bytes());
    // It may be closed while it is still written to; what counts is that the next is served.
    let _ = stream.read(&mut [0; 64]);
    assert_eq!(get(&shown.address, "/").status, 200);
}

#[test]
fn a_plans_feed_holds_what_it_told_and_has_yet_to_tell() {
    let plan = format!("{PLAN}cron = \"0 7 * * *\"\nat_once_from = 1.6\n");
    let shown = Shown::open("", &plan, None);
    assert_eq!(shown.feed().entries, [], "nothing was found yet");
    let now = time("2026-11-23T08:00:00Z");
    shown.round(now);
    shown.inside.publish(
        "1",
        "Суд над Темировым отложен",
        "Журналиста Темирова ждут в пятницу. В Оше дождь.",
        now,
    );
    shown.inside.publish(
        "2",
        "A verdict in Osh",
        "Nobody spoke. Then Bolot Temirov rose. He sat down.",
        now + TimeDelta::minutes(1),
    );
    shown.inside.publish("3", "Roads closed", "Snow in Naryn.", now + TimeDelta::minutes(2));
    shown.round(now + TimeDelta::minutes(3));
    let read = shown.feed();
    assert_eq!(read.title.as_deref(), Some("rights desk"));
    let titles: Vec<_> = read.entries.iter().filter_map(|entry| entry.title.as_deref()).collect();
    assert_eq!(titles, ["A verdict in Osh", "Суд над Темировым отложен"], "the newest first");
    let said = |at: usize| read.entries[at].content.clone().unwrap_or_default();
    for (at, words) in [
        (0, "Then Bolot *Temirov* rose."),
        (0, "Why: Temirov, score"),
        (0, "Not told yet."),
        (1, "Журналиста *Темирова* ждут в пятницу."),
        (1, "Told Mon 23 Nov, 08:03 UTC."),
    ] {
        assert!(said(at).contains(words), "no `{words}` in {}", said(at));
    }
    assert_eq!(read.entries[1].link.as_deref(), Some("https://echo.example/1"));
    assert_eq!(read.entries[1].updated, Some(now));
    let id = read.entries[0].id.clone().expect("an id");
    assert!(id.starts_with("tag:localhost,2026:newswatch/"), "{id}");
    shown.round(time("2026-11-24T07:00:00Z"));
    let later = shown.feed();
    assert_eq!(later.entries[0].id.as_ref(), Some(&id), "an entry keeps its id");
    assert!(
        later.entries[0].content.as_ref().is_some_and(|told| told.contains("Told Tue 24 Nov, 07:00 UTC."))
    );
}

#[test]
fn a_feed_that_has_not_changed_is_not_sent_again() {
    let shown = Shown::open("", PLAN, None);
    let now = time("2026-11-23T08:00:00Z");
    shown.inside.publish("1", "Temirov", "Temirov stands trial.", now);
    let path = "/plans/rights%20desk.atom";
    let first = get(&shown.address, path);
    let etag = first.header("etag").expect("an ETag").to_owned();
    for (known, expected) in [
        (etag.clone(), 304),
        (format!("W/{etag}"), 304),
        (format!("\"other\", {etag}"), 304),
        ("*".into(), 304),
        ("\"other\"".into(), 200),
    ] {
        let answer = ask(&shown.address, "GET", path, &format!("if-none-match: {known}\r\n"), "");
        assert_eq!(answer.status, expected, "{known}");
        assert_eq!(answer.header("etag"), Some(etag.as_str()));
        assert_eq!(answer.body.is_empty(), expected == 304);
    }
    shown.inside.publish("2", "Temirov again", "Temirov was freed.", now);
    assert_eq!(ask(&shown.address, "GET", path, &format!("if-none-match: {etag}\r\n"), "").status, 200);
    assert_eq!(get(&shown.address, "/plans/other.atom").status, 404);
}

#[test]
fn hostile_text_is_text_in_the_feed() {
    let shown = Shown::open("", PLAN, None);
    let now = time("2026-11-23T08:00:00Z");
    let elements = Regex::new("<(/?)([^\\s>/]*)").expect("valid");
    let links = Regex::new("href=\"([^\"]*)\"").expect("valid");
    let ours: BTreeSet<&str> =
        "?xml feed id title updated author name generator link entry published category content"
            .split(' ')
            .collect();
    let mut count = 0;
    for (round, breakout) in BREAKOUTS.iter().enumerate() {
        let articles = VECTORS.iter().enumerate().map(|(number, vector)| {
            let id = format!("{round}-{number}{breakout}{vector}");
            let title = format!("Temirov {breakout}{vector}{number} {round}\u{1}\u{b}\u{fffe}");
            let mut article = shown.inside.article(
                &id,
                &title,
                &format!("Temirov {breakout}{vector}\u{0}\u{1b}[2J {round} {number}."),
            );
            article.article.language = Some(format!("en\" {vector}"));
            article
        });
        shown.inside.record(
            articles.collect(),
            Vec::new(),
            now + TimeDelta::minutes(i64::try_from(round).unwrap_or(0)),
        );
        let answer = get(&shown.address, "/plans/rights%20desk.atom");
        let found: BTreeSet<&str> = elements
            .captures_iter(&answer.body)
            .map(|found| found.get(2).expect("a name").as_str())
            .collect();
        assert!(found.is_subset(&ours), "{:?}", found.difference(&ours));
        let forbidden = |c: &char| (c.is_control() && *c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}');
        assert_eq!(answer.body.chars().find(forbidden), None);
        assert!(links.captures_iter(&answer.body).all(|link| link[1].starts_with("https://echo.example/")));
        count += shown.feed().entries.len();
    }
    assert!(count >= 100, "{count} payloads were shown");
}

/// A page with a public address, over a plan that tells at once.
fn public() -> Shown {
    let plan = PLAN.replacen("[mail]\n", "[mail]\nops_to = [\"admin@example.org\"]\n", 1);
    let web = "token_env = \"WEB_TOKEN\"\npublic_url = \"https://news.example.org/watch/\"\n";
    Shown::open(web, &plan, Some(TOKEN))
}

/// Recipients and what they are told, in order.
fn told(shown: &Shown) -> Vec<String> {
    shown.inside.query("SELECT recipient || ': ' || subject FROM outbox ORDER BY id")
}

/// The path at which a recipient leaves, as the header of their latest mail has it.
fn way_out(shown: &Shown, recipient: &str) -> String {
    let wire = format!(
        "SELECT CAST(wire AS TEXT) FROM outbox WHERE recipient = '{recipient}' ORDER BY id DESC LIMIT 1"
    );
    let mail = shown.inside.query(&wire).remove(0);
    let mail =
        mail_parser::MessageParser::default().parse(mail.as_bytes()).expect("a mail").clone().into_owned();
    let header =
        |name: &str| mail.header_raw(name).map(|raw| raw.split_whitespace().collect::<Vec<_>>().join(" "));
    assert_eq!(header("List-Unsubscribe-Post").as_deref(), Some("List-Unsubscribe=One-Click"));
    let list = header("List-Unsubscribe").expect("a way out");
    let way = Regex::new("^<https://news.example.org/watch(/unsubscribe/[A-Za-z0-9_-]{43})>, <mailto:newswatch@example.org[^>]*>$").expect("valid");
    way.captures(&list).unwrap_or_else(|| panic!("{list}"))[1].to_owned()
}

const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

#[test]
fn one_click_leaves_a_plan_and_looking_does_not() {
    let shown = public();
    let now = time("2026-11-23T08:00:00Z");
    shown.inside.publish("1", "Temirov", "Temirov stands trial.", now);
    shown.round(now);
    let (ada, bek) = (way_out(&shown, "ada@example.org"), way_out(&shown, "bek@example.org"));
    assert_ne!(ada, bek, "each has an address of their own");
    let form = "host: news.example.org\r\ncontent-type: application/x-www-form-urlencoded\r\n";
    let left = || shown.inside.query("SELECT recipient FROM departure WHERE returned_at IS NULL");
    for (method, path, headers, body, expected, says) in [
        ("GET", bek.clone(), "host: news.example.org\r\n", "", 200, "Leave the plan"),
        ("HEAD", bek.clone(), "", "", 200, ""),
        ("POST", bek.clone(), form, "", 400, "One-Click"),
        ("POST", bek.clone(), form, "a=b", 400, "One-Click"),
        ("POST", bek[..bek.len() - 1].to_owned(), form, ONE_CLICK, 404, "no such page"),
        (
            "POST",
            bek.to_uppercase().replace("/UNSUBSCRIBE/", "/unsubscribe/"),
            form,
            ONE_CLICK,
            404,
            "no such page",
        ),
        ("GET", "/unsubscribe/x".to_owned(), "", "", 404, "no such page"),
        ("PUT", bek.clone(), form, ONE_CLICK, 405, "not for that"),
    ] {
        let answer = ask(&shown.address, method, &path, headers, body);
        assert_eq!(answer.status, expected, "{method} {path} {body}: {answer:?}");
        assert!(answer.body.contains(says), "{answer:?}");
    }
    assert_eq!(left(), Vec::<String>::new(), "nobody has left yet");
    let big = format!("{ONE_CLICK}&x={}", "y".repeat(100_000));
    assert_eq!(ask(&shown.address, "POST", &bek, form, &big).status, 413);
    // As a mail program may send it, and once more.
    let multipart =
        "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
    for body in [multipart, ONE_CLICK] {
        let answer = ask(&shown.address, "POST", &bek, form, body);
        assert!(answer.status == 200 && answer.body.contains("gets no more mail"), "{answer:?}");
        assert_eq!(left(), ["bek@example.org"]);
    }
    assert!(ask(&shown.address, "GET", &bek, "", "").body.contains("No more mail of"));
    shown.inside.publish(
        "2",
        "Temirov again",
        "Temirov was freed by the court.",
        now + TimeDelta::minutes(1),
    );
    shown.round(now + TimeDelta::minutes(2));
    shown.round(now + TimeDelta::minutes(3));
    assert_eq!(
        told(&shown),
        [
            "ada@example.org: Alert: Temirov — Temirov",
            "bek@example.org: Alert: Temirov — Temirov",
            "ada@example.org: Alert: Temirov again — Temirov",
            "admin@example.org: Left the plan rights desk: bek@example.org",
        ],
        "one is told no more, and the operator once"
    );
    assert_eq!(shown.inside.query("SELECT count(*) FROM outbox WHERE recipient GLOB 'admin*' AND CAST(wire AS TEXT) LIKE '%List-Unsubscribe-Post%'"), ["0"]);
}

#[test]
fn what_is_found_while_nobody_is_left_waits_for_somebody() {
    let shown = public();
    let now = time("2026-11-23T08:00:00Z");
    shown.inside.publish("1", "Temirov", "Temirov stands trial.", now);
    shown.round(now);
    for reader in ["ada@example.org", "bek@example.org"] {
        assert_eq!(ask(&shown.address, "POST", &way_out(&shown, reader), "", ONE_CLICK).status, 200);
    }
    shown.inside.publish("2", "Temirov again", "Temirov was freed by the court.", now);
    for minutes in 1..4 {
        shown.round(now + TimeDelta::minutes(minutes));
    }
    assert_eq!(told(&shown)[2..], ["admin@example.org: Nobody is left on the plan rights desk"]);
    assert_eq!(
        shown.inside.query("SELECT count(*) FROM owed WHERE digest_id IS NULL"),
        ["1"],
        "it stays owed"
    );
    let store = &shown.inside.desk.store;
    assert!(store.take_back("rights desk", "bek@example.org", now).expect("written"));
    shown.round(now + TimeDelta::minutes(5));
    assert_eq!(told(&shown)[3..], ["bek@example.org: Alert: Temirov again — Temirov"]);
    // Whoever leaves again is told of again.
    assert_eq!(ask(&shown.address, "POST", &way_out(&shown, "bek@example.org"), "", ONE_CLICK).status, 200);
    shown.round(now + TimeDelta::minutes(6));
    assert_eq!(told(&shown)[4..], ["admin@example.org: Nobody is left on the plan rights desk"]);
}

#[test]
fn who_left_is_shown_by_every_command_and_taken_back_by_one() {
    let desk = Desk::new(&format!(
        "[web]\nlisten = \"127.0.0.1:0\"\ntoken_env = \"WEB_TOKEN\"\npublic_url = \"https://news.example.org\"\n{PLAN}"
    ));
    let (mut daemon, address) = daemon(&desk);
    let key = desk.query("SELECT value FROM meta WHERE name = 'unsubscribe_key'").remove(0);
    let leave = |reader: &str| {
        let path = web::unsubscribe::address("", &key, "rights desk", reader);
        assert_eq!(ask(&address, "POST", &path, "", ONE_CLICK).status, 200, "{reader}");
    };
    let check = |command: &[&str], code: i32, says: &[&str]| {
        let ran = desk.run(command);
        assert_eq!(ran.code, Some(code), "{command:?}: {ran:?}");
        let said = format!("{}{}", ran.out, ran.err);
        for words in says {
            assert!(said.contains(words), "{command:?} does not say `{words}`: {said}");
        }
    };
    let back = ["plans", "resubscribe", "rights desk", "bek@example.org"];
    check(
        &["plans", "list"],
        0,
        &["rights desk\tada@example.org\tmail\t", "rights desk\tbek@example.org\tmail\t"],
    );
    check(&back, 3, &["has not left"]);
    leave("bek@example.org");
    let left = "bek@example.org left the plan `rights desk` on ";
    check(&["status"], 0, &[left, "`newswatch plans resubscribe`"]);
    check(&["check-config"], 0, &[left]);
    check(
        &["plans", "list"],
        0,
        &["rights desk\tada@example.org\tmail\t", "rights desk\tbek@example.org\tleft\t"],
    );
    leave("ada@example.org");
    check(&["status"], 1, &[left, "Nobody is left on the plan `rights desk`"]);
    check(&["status", "-o", "json"], 1, &["\"plans_without_readers\": [\n    \"rights desk\"\n  ]"]);
    check(&["plans", "resubscribe", "other", "bek@example.org"], 1, &["no plan is called `other`"]);
    check(&back, 0, &["gets mail of `rights desk` again"]);
    check(&["status"], 0, &["ada@example.org left the plan"]);
    daemon.ends_well_on("TERM");
    assert!(daemon.said("a reader left the plan"), "{}", daemon.log());
}

#[test]
fn a_reload_moves_and_changes_the_page_and_trouble_stops_nothing() {
    let web = |listen: &str, more: &str| format!("[web]\nlisten = \"{listen}\"\n{more}{PLAN}");
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
    let place = taken.local_addr().expect("a bound port").to_string();
    let desk = Desk::new(&web("127.0.0.1:0", ""));
    let (mut daemon, first) = daemon(&desk);
    assert_eq!(get(&first, "/").status, 200);

    desk.configure(&web("127.0.0.1:0", "token_env = \"WEB_TOKEN\"\n"));
    daemon.signal("HUP");
    wait_for("the token to be asked for", || get(&first, "/").status == 401);

    desk.configure(&web(&place, ""));
    daemon.signal("HUP");
    wait_for("a word of the port", || daemon.said(&format!("another program listens at `{place}`")));
    assert!(daemon.said("everything else goes on"));
    assert!(TcpStream::connect(&first).is_err(), "the old page is closed");
    wait_for("the status", || desk.run(&["status"]).out.contains("The page is not shown: another program"));
    assert_eq!(desk.run(&["status"]).code, Some(1));

    let socket = desk.path("web.sock");
    desk.configure(&web(&socket.display().to_string(), ""));
    daemon.signal("HUP");
    wait_for("the socket", || socket.exists() && UnixStream::connect(&socket).is_ok());
    let mut stream = UnixStream::connect(&socket).expect("somebody listens");
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("taken");
    assert_eq!(Answer::read(stream).status, 200);
    wait_for("its end in the status", || !desk.run(&["status"]).out.contains("not shown"));

    desk.configure(&web("127.0.0.1:0", "token_file = \"missing\"\n"));
    daemon.signal("HUP");
    wait_for("a word of the token", || daemon.said("read a secret from `missing`"));
    assert!(!socket.exists(), "the socket goes with the page");

    desk.configure(PLAN);
    daemon.signal("HUP");
    wait_for("nothing to say", || desk.run(&["status"]).code == Some(0));
    daemon.ends_well_on("TERM");
}

#[test]
fn slow_and_many_visitors_hold_neither_the_page_nor_the_end() {
    let desk = Desk::new(&format!("[web]\nlisten = \"127.0.0.1:0\"\n{PLAN}"));
    let (mut daemon, address) = daemon(&desk);
    let mut held: Vec<TcpStream> = (0..60).map(|_| TcpStream::connect(&address).expect("taken")).collect();
    for stream in &mut held {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: loc").expect("taken");
    }
    assert_eq!(get(&address, "/").status, 200, "there is room beside them");
    daemon.ends_well_on("TERM");
}

/// A hub that takes every request for a subscription; it moves house first.
struct Hub {
    address: String,
    forms: Arc<Mutex<Vec<HashMap<String, String>>>>,
}

impl Hub {
    fn open() -> Hub {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
        let address = listener.local_addr().expect("a bound port").to_string();
        let forms = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&forms);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let _ = Hub::take(stream, &taken);
            }
        });
        Hub { address, forms }
    }

    fn take(stream: TcpStream, forms: &Mutex<Vec<HashMap<String, String>>>) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let (mut first, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if first.is_empty() {
                first.clone_from(&line);
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line.trim_end().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let answer = if first.starts_with("POST /moved ") {
            forms
                .lock()
                .expect("no holder panics")
                .push(url::form_urlencoded::parse(&body).into_owned().collect());
            "202 Accepted\r\n"
        } else {
            "308 Permanent Redirect\r\nlocation: /moved\r\n"
        };
        write!(reader.get_mut(), "HTTP/1.1 {answer}content-length: 0\r\nconnection: close\r\n\r\n")
    }

    /// The latest request for this, once there are so many of them.
    fn asked(&self, mode: &str, times: usize) -> HashMap<String, String> {
        let mut found = None;
        wait_for("a request at the hub", || {
            let forms = self.forms.lock().expect("no holder panics");
            let mut asked = forms.iter().filter(|form| form["hub.mode"] == mode);
            found = asked.nth(times - 1).cloned();
            found.is_some()
        });
        found.expect("just found")
    }
}

/// The question whether we asked, as the hub puts it.
fn question(form: &HashMap<String, String>, changes: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let asked = [
        ("hub.mode", form["hub.mode"].as_str()),
        ("hub.topic", form["hub.topic"].as_str()),
        ("hub.challenge", "a1&b=<2>"),
        ("hub.lease_seconds", "1000"),
    ];
    for (name, value) in asked {
        let changed = changes.iter().find(|(changed, _)| *changed == name);
        query.append_pair(name, changed.map_or(value, |(_, value)| value));
    }
    query.finish()
}

/// The header a hub signs with.
fn sign(method: &str, secret: &str, body: &str) -> String {
    let algorithm = match method {
        "sha1" => ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => ring::hmac::HMAC_SHA256,
        "sha384" => ring::hmac::HMAC_SHA384,
        _ => ring::hmac::HMAC_SHA512,
    };
    let tag = ring::hmac::sign(&ring::hmac::Key::new(algorithm, secret.as_bytes()), body.as_bytes());
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("x-hub-signature: {method}={digits}\r\n")
}

fn source_with_hub(site: &Newsroom, hub: &Hub, items: &str) {
    let feed = format!(
        "<rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom'><channel><title>Osh Echo</title>\
         <atom:link rel='hub' href='http://{}/'/><atom:link rel='self' href='{}'/>{items}</channel></rss>",
        hub.address,
        site.url("/feed")
    );
    site.serve("/feed", "application/rss+xml", feed);
}

/// A daemon that has asked a hub for the news of its one source.
struct Asked {
    _runtime: Runtime,
    site: Newsroom,
    hub: Hub,
    desk: Desk,
    daemon: Running,
    address: String,
    form: HashMap<String, String>,
    /// Where the hub reaches us.
    path: String,
}

const HUB_PAGE: &str = "[web]\nlisten = \"127.0.0.1:0\"\ntoken_env = \"WEB_TOKEN\"\npublic_url = \"https://news.example.org/w\"\n";

impl Asked {
    fn open() -> Asked {
        let (runtime, site) = newsroom();
        let hub = Hub::open();
        source_with_hub(&site, &hub, "<item><guid>1</guid><title>Roads closed</title></item>");
        let source = format!(
            "[[feed]]\nname = \"Osh Echo\"\nurl = \"{}\"\nfull_text = \"never\"\n",
            site.url("/feed")
        );
        let desk = Desk::new(&format!("{HUB_PAGE}{PLAN}{source}"));
        let (daemon, address) = daemon(&desk);
        let form = hub.asked("subscribe", 1);
        assert_eq!(form["hub.topic"], site.url("/feed"));
        let path =
            form["hub.callback"].strip_prefix("https://news.example.org/w").expect("our address").to_owned();
        assert!(path.starts_with("/websub/") && path.len() >= 40, "{path}");
        Asked { _runtime: runtime, site, hub, desk, daemon, address, form, path }
    }

    fn hub_says(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        ask(&self.address, method, path, &format!("host: news.example.org\r\n{headers}"), body)
    }

    /// The hub makes sure, and is told that we asked.
    fn confirm(&self, form: &HashMap<String, String>) {
        let answer = self.hub_says("GET", &format!("{}?{}", self.path, question(form, &[])), "", "");
        assert_eq!((answer.status, answer.body.as_str()), (200, "a1&b=<2>"));
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    }

    fn change(&self, sql: &str) {
        let database = rusqlite::Connection::open(self.desk.data().join("newswatch.db")).expect("a database");
        database.execute(sql, []).expect("writable");
    }
}

#[test]
fn a_hub_is_answered_for_what_it_was_asked_and_nothing_else() {
    let mut asked = Asked::open();
    let path = asked.path.clone();
    for (path, changes) in [
        (path.as_str(), &[("hub.topic", "https://other.example/feed")][..]),
        (&path, &[("hub.mode", "unsubscribe")]),
        (&path, &[("hub.mode", "other")]),
        (&path, &[("hub.challenge", "")]),
        ("/websub/0000000000000000000000000000000000000000", &[]),
    ] {
        let answer = asked.hub_says("GET", &format!("{path}?{}", question(&asked.form, changes)), "", "");
        assert_eq!((answer.status, answer.body.contains("a1&b")), (404, false), "{changes:?}: {answer:?}");
    }
    assert_eq!(asked.hub_says("GET", &path, "", "").status, 404);
    let status = || asked.desk.run(&["status"]).out;
    assert!(status().contains("hubs      1 asked"));
    asked.confirm(&asked.form);
    assert!(status().contains("hubs      1 subscribed"));
    let listed = asked.desk.run(&["sources", "list", "-o", "json"]).out;
    assert!(listed.contains("\"hub_state\": \"subscribed\""), "{listed}");

    // Before its end the lease is renewed; a hub may say no.
    asked.change("UPDATE subscription SET next_try_at = '2026-01-01T00:00:00Z'");
    assert_eq!(asked.hub.asked("subscribe", 2)["hub.callback"], asked.form["hub.callback"]);
    let denial = format!("{path}?hub.mode=denied&hub.topic={}&hub.reason=closed%0a", asked.site.url("/feed"));
    assert_eq!(asked.hub_says("GET", &denial, "", "").status, 200);
    assert!(asked.desk.run(&["sources", "list"]).out.contains("denied: closed\t"));
    assert!(status().contains("hubs      1 failing"));

    // A source that is gone from the file is gone from the hub.
    asked.desk.configure(&format!("{HUB_PAGE}{PLAN}"));
    asked.daemon.signal("HUP");
    let form = asked.hub.asked("unsubscribe", 1);
    assert_eq!(asked.hub_says("POST", &path, "", "news").status, 410);
    asked.confirm(&form);
    assert_eq!(asked.desk.query("SELECT count(*) FROM subscription"), ["0"]);
    assert_eq!(asked.hub_says("POST", &path, "", "news").status, 404);
    asked.daemon.ends_well_on("TERM");
    assert!(!asked.daemon.log().contains(&asked.form["hub.secret"]), "{}", asked.daemon.log());
}

#[test]
fn a_hub_that_can_sign_brings_a_poll_and_nothing_else() {
    let mut asked = Asked::open();
    asked.confirm(&asked.form);
    let polls = || asked.site.requests().iter().filter(|request| request.path == "/feed").count();
    wait_for("the first poll", || asked.desk.query("SELECT count(*) FROM poll") == ["1"]);
    let body = "<rss>it says what it likes: Temirov</rss>";
    let secret = asked.form["hub.secret"].as_str();
    let hinted = || asked.desk.query("SELECT count(*) FROM subscription WHERE hinted_at IS NOT NULL");
    for signature in [
        String::new(),
        "x-hub-signature: sha256=\r\n".into(),
        "x-hub-signature: md5=00\r\n".into(),
        sign("sha256", "another secret", body),
        sign("sha256", secret, "another body"),
        sign("sha1", secret, body).replace("sha1", "sha256"),
    ] {
        assert_eq!(asked.hub_says("POST", &asked.path, &signature, body).status, 202, "{signature}");
        assert_eq!(hinted(), ["0"], "{signature}");
    }
    source_with_hub(&asked.site, &asked.hub, "<item><guid>2</guid><title>Суд над Темировым</title></item>");
    for method in ["sha1", "sha256", "sha384", "sha512"] {
        assert_eq!(asked.hub_says("POST", &asked.path, &sign(method, secret, body), body).status, 202);
        assert_eq!(hinted(), ["1"], "{method}");
    }
    assert_eq!(polls(), 1, "it was polled less than a minute ago");
    asked.change("UPDATE source SET polled_at = '2026-01-01T00:00:00Z'");
    wait_for("the news", || asked.desk.query("SELECT watch FROM match") == ["Temirov"]);
    assert_eq!(polls(), 2, "four hints are one poll");
    assert_eq!(hinted(), ["0"]);
    let titles = asked.desk.query("SELECT title FROM article ORDER BY id");
    assert_eq!(titles, ["Roads closed", "Суд над Темировым"], "what the hub sent is not read");
    asked.daemon.ends_well_on("TERM");
}

#[test]
fn a_hub_in_our_own_network_is_not_called_and_without_a_public_address_none_is() {
    let (_runtime, site) = newsroom();
    let hub = Hub::open();
    source_with_hub(&site, &hub, "<item><guid>1</guid><title>Roads closed</title></item>");
    let desk = Desk::new("");
    let configure = |public_url: &str| {
        let data = desk.data();
        let text = format!(
            "[daemon]\ndata = {data:?}\nprivate_hosts = [\"{}\"]\n[web]\nlisten = \"127.0.0.1:0\"\ntoken_env = \"WEB_TOKEN\"\n\
             {public_url}{PLAN}[[feed]]\nname = \"Osh Echo\"\nurl = \"{}\"\nfull_text = \"never\"\n",
            site.address(),
            site.url("/feed")
        );
        std::fs::write(desk.path("config.toml"), text).expect("writable");
    };
    configure("");
    let (mut without, _) = daemon(&desk);
    wait_for("the first poll", || desk.query("SELECT count(*) FROM poll") == ["1"]);
    without.ends_well_on("TERM");
    assert_eq!(desk.query("SELECT count(*) FROM subscription"), ["0"]);
    configure("public_url = \"https://news.example.org\"\n");
    source_with_hub(&site, &hub, "<item><guid>2</guid><title>Roads open</title></item>");
    let database = rusqlite::Connection::open(desk.data().join("newswatch.db")).expect("a database");
    database.execute("UPDATE source SET next_poll_at = '2026-01-01T00:00:00Z'", []).expect("writable");
    let (mut daemon, _) = daemon(&desk);
    wait_for("a word of the hub", || daemon.said("the hub could not be asked; polling goes on"));
    let error = desk.query("SELECT last_error FROM subscription").remove(0);
    assert!(error.contains("127.0.0.1"), "{error}");
    daemon.ends_well_on("TERM");
    assert!(hub.forms.lock().expect("no holder panics").is_empty());
}
