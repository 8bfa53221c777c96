//! `private_hosts` and strangers: in a network namespace a public site leads to a host of
//! the allow list in every way there is, and none of them is gone.

use crate::fetch::alone;
use crate::support::Desk;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ENTER: &str = "unshare --map-root-user --net";
const LEAD: &str =
    "ip link set lo up && ip route add local default dev lo && ip -6 route add local default dev lo";

/// The sources, with the paths at which the stranger and the inner site answer. What lies
/// below `/hit/` no source of the configuration names, nor a page of the inner site.
const SOURCES: &str = r#"
[[feed]]
name = "redirect"
url = "http://8.8.8.8/to/hit/redirect"
[[feed]]
name = "permanent redirect"
url = "http://8.8.8.8/to/hit/permanent"
[[feed]]
name = "redirect by way of another stranger"
url = "http://8.8.8.8/by/9.9.9.9/to/hit/second-hop"
[[feed]]
name = "link"
url = "http://8.8.8.8/feed/10.0.0.5/hit/link"
full_text = "always"
[[feed]]
name = "link that redirects"
url = "http://8.8.8.8/feed/8.8.8.8/to/hit/link-that-redirects"
full_text = "always"
[[feed]]
name = "index"
url = "http://8.8.8.8/index/10.0.0.5/hit/sitemap"
[[page]]
name = "list"
url = "http://8.8.8.8/list/10.0.0.5/hit/list"
item = "li"
[[feed]]
name = "away"
url = "http://10.0.0.5/by/8.8.8.8/feed/10.0.0.5/hit/away"
full_text = "always"
[[feed]]
name = "away and back"
url = "http://10.0.0.5/by/8.8.8.8/to/hit/away-and-back"
[[feed]]
name = "mirror"
url = "http://10.0.0.5/missing"
mirrors = ["http://8.8.8.8/feed/10.0.0.5/hit/mirror"]
full_text = "always"
[[feed]]
name = "learned"
url = "http://8.8.8.8/missing"
[[feed]]
name = "looked at again"
url = "http://8.8.8.8/feed/8.8.8.8/story"
full_text = "always"

[[feed]]
name = "own link"
url = "http://10.0.0.5/feed/10.0.0.5/own/link"
full_text = "always"
[[feed]]
name = "own redirect"
url = "http://10.0.0.5/by/10.0.0.5/feed/10.0.0.5/own/redirect"
full_text = "always"
[[feed]]
name = "own index"
url = "http://10.0.0.5/index/10.0.0.5/own/sitemap"
[[feed]]
name = "own mirror"
url = "http://8.8.8.8/missing/too"
mirrors = ["http://10.0.0.5/own/mirror"]
"#;

const SAID: &[&str] = &[
    "page of `http://10.0.0.5/hit/link` not read, matched on the feed's text: failed to ask for this address: \
     `10.0.0.5` is on `private_hosts`",
    "sitemap `http://10.0.0.5/hit/sitemap`: failed to ask for this address: `10.0.0.5` is on `private_hosts`",
    "entry link: 1 to hosts on `private_hosts` not followed: they come from `http://8.8.8.8/feed/10.0.0.5/hit/away`",
    "`http://10.0.0.5/hit/discovered` (announced): failed to ask for this address: `10.0.0.5` is on \
     `private_hosts`, but the link comes from a host that is not",
    "`http://10.0.0.5/hit/robots-sitemap` (robots.txt): failed to ask for this address: `10.0.0.5` is on",
    "failed to follow its redirect: `10.0.0.5` is on `private_hosts`",
];

#[tokio::test]
async fn a_stranger_leads_to_no_private_host() {
    let ready = std::process::Command::new("sh").args(["-c", &format!("{ENTER} sh -c '{LEAD}'")]).output();
    if !ready.is_ok_and(|ready| ready.status.success()) {
        eprintln!("skipped: no network namespace can be made here (unshare, ip, IPv6)");
        return;
    }
    let test = "strangers::among_strangers";
    let setup = format!(
        "[ \"$IN\" ] || IN=1 exec {ENTER} sh -c '{LEAD} && exec \"$0\" --exact fetch::{test} --nocapture' \"$0\""
    );
    let said = alone(test, &setup, "").await;
    assert!(said.contains("no stranger led to a private host"), "{said}");
}

/// Child of the test above; alone it has nothing to do.
#[tokio::test]
async fn among_strangers() {
    if std::env::var_os("IN").is_none() {
        return;
    }
    let (listener, reached) = (TcpListener::bind("[::]:80").await, Arc::default());
    tokio::spawn(sites(listener.expect("a namespace of our own"), Arc::clone(&reached)));
    let said = tokio::task::spawn_blocking(poll_all).await.expect("no panic");
    let reached: Vec<String> = reached.lock().expect("no panic").clone();
    let hits: Vec<_> = reached.iter().filter(|path| path.starts_with("/hit")).collect();
    assert_eq!(hits, Vec::<&String>::new(), "{said}");
    for own in ["/own/link", "/own/redirect", "/own/sitemap", "/own/mirror"] {
        assert!(reached.iter().any(|path| path == own), "{own} was not reached: {said}");
    }
    for expected in SAID {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    println!("no stranger led to a private host");
}

/// Runs every command that fetches; returns what they said.
fn poll_all() -> String {
    let desk = Desk::bare();
    let data = desk.data();
    let head = format!(
        "[daemon]\ndata = {data:?}\nprivate_hosts = [\"10.0.0.5\"]\n[[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
         [[plan]]\nname = \"Desk\"\nto = [\"anna@example.org\"]\nat_once_from = 0.5\n"
    );
    std::fs::write(desk.path("config.toml"), head + SOURCES).expect("writable");
    let first = desk.run(&["poll"]);
    assert!(data.exists(), "{first:?}");
    let told = desk.query("SELECT count(*) FROM owed WHERE digest_id IS NOT NULL");
    assert_ne!(told, ["0"], "a told story is looked at again: {first:?}");
    // What only days bring about: an address that was learned, and second looks.
    let database = rusqlite::Connection::open(data.join("newswatch.db")).expect("a database");
    let later = "UPDATE source SET next_poll_at = '2026-01-01T00:00:00Z';
        UPDATE source SET moved_to = 'http://10.0.0.5/hit/learned', moved_since_at = '2026-01-01T00:00:00Z'
            WHERE name = 'learned';
        UPDATE page_seen SET next_look_at = '2026-01-01T00:00:00Z';
        UPDATE article SET link = 'http://10.0.0.5/hit/look'
            WHERE source_id = (SELECT id FROM source WHERE name = 'looked at again');";
    database.execute_batch(later).expect("writable");
    drop(database);
    desk.run(&["poll"]);
    let found = desk.run(&["sources", "discover", "http://9.9.9.9/list/10.0.0.5/hit/discovered"]);
    let by_robots = desk.run(&["sources", "discover", "http://9.9.9.9/missing"]);
    let tested = desk.run(&["sources", "test"]);
    let faults = desk.query("SELECT DISTINCT value FROM poll, json_each(faults) ORDER BY value").join("\n");
    format!("{faults}\n{}{}{}", found.err, by_robots.err, tested.out)
}

/// Answers on every address, and notes what the inner site was asked for.
async fn sites(listener: TcpListener, reached: Arc<Mutex<Vec<String>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let reached = reached.clone();
        tokio::spawn(async move { answer(stream, &reached).await });
    }
}

async fn answer(mut stream: TcpStream, reached: &Mutex<Vec<String>>) -> Option<()> {
    let host = stream.local_addr().ok()?.ip().to_canonical().to_string();
    let mut request = [0; 4096];
    let length = stream.read(&mut request).await.ok()?;
    let line = String::from_utf8_lossy(&request[..length]).into_owned();
    let path = line.strip_prefix("GET ")?.split(' ').next()?;
    if host == "10.0.0.5" {
        reached.lock().ok()?.push(path.to_owned());
    }
    let found = |to: &str| format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
    let text = match path.trim_start_matches('/').split_once('/') {
        // The robots.txt of one stranger redirects, that of another names a sitemap.
        _ if path == "/robots.txt" && host == "8.8.8.8" => found("http://10.0.0.5/hit/robots"),
        _ if path == "/robots.txt" && host == "9.9.9.9" => ok("Sitemap: http://10.0.0.5/hit/robots-sitemap"),
        Some(("to", "hit/permanent")) => found("http://10.0.0.5/hit/permanent").replace("302", "301"),
        Some(("to", at)) => found(&format!("http://10.0.0.5/{at}")),
        Some(("by", at)) => found(&format!("http://{at}")),
        Some((kind @ ("feed" | "index" | "list"), to)) => ok(&document(kind, to)),
        _ if path == "/story" => ok(&format!(
            "<html><body><article><p>{}</p></article></body></html>",
            "Temirov was heard. ".repeat(40)
        )),
        _ if path.starts_with("/own") || path.starts_with("/hit") => ok(&document("feed", "8.8.8.8/story")),
        _ => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".into(),
    };
    stream.write_all(text.as_bytes()).await.ok()
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A document that leads to `http://TO`.
fn document(kind: &str, to: &str) -> String {
    match kind {
        "index" => format!("<sitemapindex><sitemap><loc>http://{to}</loc></sitemap></sitemapindex>"),
        "list" => format!(
            "<html><link rel=alternate type=application/rss+xml href=\"http://{to}\"><li><a href=\"http://{to}\">Notice</a></li>"
        ),
        _ => format!(
            "<rss><channel><item><title>Temirov {to}</title><description>It began at {to}…</description>\
             <link>http://{to}</link></item></channel></rss>"
        ),
    }
}
