//! A hub of our own tells the real daemon of news.

use super::{Answer, PLAN, ask, daemon};
use crate::support::{Desk, Running, newsroom, wait_for};
use newswatch::fetch::{Fetcher, Limits, NamedBy};
use newswatch::newsroom::Newsroom;
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use tokio::runtime::Runtime;

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
        wait_for("the offer of a hub", || desk.query("SELECT count(*) FROM subscription") == ["1"]);
        // A daemon that reads its configuration anew looks at its hubs at once.
        daemon.signal("HUP");
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
    asked.daemon.signal("HUP");
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
    wait_for("the offer of a hub", || desk.query("SELECT count(*) FROM subscription") == ["1"]);
    daemon.signal("HUP");
    wait_for("a word of the hub", || daemon.said("the hub could not be asked; polling goes on"));
    let error = desk.query("SELECT last_error FROM subscription").remove(0);
    assert!(error.contains("127.0.0.1"), "{error}");
    daemon.ends_well_on("TERM");
    assert!(hub.forms.lock().expect("no holder panics").is_empty());
}

/// `private_hosts` says whom the operator trusts, not whom they may send us to.
#[test]
fn only_a_source_in_our_own_network_names_a_hub_there() {
    let hub = Hub::open();
    let hosts = ["127.0.0.1".to_owned()];
    let fetcher = Fetcher::new(None, &hosts, Limits::default()).expect("a fetcher");
    let runtime = Runtime::new().expect("a runtime");
    for (source, is_called) in [
        ("http://127.0.0.1:9/feed", true),
        ("https://issyk-gazette.example/feed", false),
        ("https://127.0.0.1.example/feed", false),
    ] {
        let address = format!("http://{}/", hub.address);
        let called =
            runtime.block_on(fetcher.submit(&address, NamedBy::Document(source), "hub.mode=subscribe"));
        assert_eq!(called.is_ok(), is_called, "{source}: {called:?}");
        let taken = std::mem::take(&mut *hub.forms.lock().expect("no holder panics"));
        assert_eq!(!taken.is_empty(), is_called, "{source}");
    }
}
