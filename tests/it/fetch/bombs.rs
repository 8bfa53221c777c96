//! Documents made to take a reader's memory or time: each is refused at its limit
//! within a second, and what is resident rises by little. Every one is polled as the
//! daemon polls it, fetched, parsed and stored, in a process of its own.

use crate::fetch::alone;
use newswatch::config;
use newswatch::daemon::{self, Desk};
use newswatch::newsroom::Newsroom;
use newswatch::store::Store;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// In a build without optimisation the same takes several times as long.
const MILLIS_MAX: u64 = if cfg!(debug_assertions) { 30_000 } else { 1_000 };

const MIB_MAX: u64 = 32;
/// A zstd or brotli window holds once more what was unpacked so far.
const WINDOW_MIB_MAX: u64 = 36;

/// Of a page that is read to its end.
const PAGE_MIB_MAX: u64 = 200;

/// A document that is written piece by piece and never held as a whole.
#[derive(Clone)]
struct Bomb {
    /// Of the answer, beyond its status.
    headers: &'static str,
    first: Vec<u8>,
    /// Comes `times` times.
    then: Vec<u8>,
    times: usize,
}

impl Bomb {
    fn plain(first: &str, then: &str, times: usize) -> Bomb {
        Bomb { headers: "", first: first.into(), then: then.repeat(times / 1000).into(), times: 1000 }
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut request = [0; 4096];
        let length = stream.read(&mut request).await.unwrap_or(0);
        if request[..length].starts_with(b"GET /robots.txt ") {
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
            return;
        }
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{}\r\n", self.headers);
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(&self.first).await;
        for _ in 0..self.times {
            if stream.write_all(&self.then).await.is_err() {
                return;
            }
        }
        let _ = stream.shutdown().await;
    }
}

/// 10 GiB of `<`: deflate blocks of 16 MiB that know nothing of what stands before
/// them, over and over.
fn gzip(headers: &'static str) -> Bomb {
    let mut blocks = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    blocks.write_all(&[b'<'; 16 << 10].repeat(1 << 10)).and_then(|()| blocks.flush()).expect("memory");
    let then = blocks.get_ref().clone();
    Bomb { headers, first: b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec(), then, times: 640 }
}

/// 10 GiB of `<`: blocks that repeat one byte 128 Ki times, in a window of 128 MiB.
fn zstd() -> Bomb {
    let first = b"\x28\xb5\x2f\xfd\x00\x88".to_vec();
    Bomb { headers: "content-encoding: zstd\r\n", first, then: b"\x02\x00\x10<".repeat(1_024), times: 80 }
}

/// What is served; as what it is read, and what is said of it; MiB.
type Row = (&'static str, Bomb, &'static [(&'static str, &'static str)], u64);

const TOO_LARGE: &str = "more than 16777216 bytes once unpacked";

/// `depth` of nested elements.
fn table(depth: usize) -> Vec<Row> {
    let item =
        format!("<item><title>Roads</title><description>{}</description></item>", "Snow. ".repeat(160));
    let deep = |first, then| Bomb::plain(first, then, depth);
    let page = &[
        ("feed", "an HTML page, not a feed"),
        ("page", "nothing on the page matches `li`"),
        ("story", "far less text than is known of the story"),
    ];
    vec![
        ("100 MB feed", Bomb::plain("<rss><channel>", &item, 100_000), &[("feed", TOO_LARGE)], MIB_MAX),
        (
            "10 GB gzip",
            gzip("content-encoding: gzip\r\n"),
            &[("feed", TOO_LARGE), ("page", TOO_LARGE), ("story", TOO_LARGE)],
            MIB_MAX,
        ),
        ("10 GB gzip file", gzip(""), &[("feed", TOO_LARGE), ("story", TOO_LARGE)], MIB_MAX),
        ("10 GB zstd", zstd(), &[("feed", TOO_LARGE)], WINDOW_MIB_MAX),
        ("deep XML", deep("<rss><channel><item>", "<a>"), &[("feed", "nested too deeply")], MIB_MAX),
        (
            "deep items",
            deep("<rss><channel>", "<item>"),
            &[("feed", "only the first 2000 were read")],
            MIB_MAX,
        ),
        ("deep JSON lists", deep("{\"items\":", "["), &[("feed", "the JSON is broken or cut off")], MIB_MAX),
        ("deep JSON objects", deep("", "{\"a\":"), &[("feed", "JSON, but not a JSON Feed")], MIB_MAX),
        ("deep HTML", deep("<html><body>", "<div>"), page, MIB_MAX),
        (
            "16 MB of ampersands",
            Bomb::plain("<html><body><p>", "&", 16 * depth),
            &[("page", "nothing on the page matches `li`"), ("story", "fresh")],
            PAGE_MIB_MAX,
        ),
        ("deep tables", deep("<html><body>", "<table><tr><td>"), page, MIB_MAX),
    ]
}

/// Everyday fewer of them and less deep; `NEWSWATCH_BOMBS` asks for all, a million deep.
#[tokio::test]
async fn bombs_cost_little() {
    let all = std::env::var_os("NEWSWATCH_BOMBS").is_some();
    let mut children = Vec::new();
    for (name, bomb, kinds, mib_max) in table(if all { 1_000_000 } else { 50_000 }) {
        let (url, _) = super::hostile(move |stream| bomb.clone().serve(stream)).await;
        for (kind, expected) in &kinds[..if all { kinds.len() } else { 1 }] {
            let child = tokio::spawn(explode(format!("{kind} {url}")));
            if all {
                check(&format!("{name} as {kind}"), &child.await.expect("no panic"), expected, mib_max);
            } else {
                children.push((format!("{name} as {kind}"), child, expected, mib_max));
            }
        }
    }
    for (name, child, expected, mib_max) in children {
        check(&name, &child.await.expect("no panic"), expected, mib_max);
    }
}

async fn explode(told: String) -> String {
    alone("bombs::within_little_memory", "true", &told).await
}

fn check(name: &str, said: &str, expected: &str, mib_max: u64) {
    let number = |unit: &str| said.split(unit).next()?.rsplit(' ').next()?.parse::<u64>().ok();
    let (Some(kib), Some(millis)) = (number(" KiB more"), number(" ms, ")) else { panic!("{name}: {said}") };
    println!("{name}: {:.1} MiB, {millis} ms", kib as f64 / 1024.0);
    assert!(said.contains(expected), "{name}: {said}; expected: {expected}");
    assert!(kib <= mib_max * 1024, "{name}: {said}");
    assert!(millis <= MILLIS_MAX, "{name}: {said}");
}

/// Child of the test above; alone it has nothing to do.
#[tokio::test]
async fn within_little_memory() {
    let Ok(told) = std::env::var("NEWSWATCH_TEST_FEED") else { return };
    let (kind, bomb) = told.split_once(' ').expect("a kind and an address");
    let site = Newsroom::open().await.expect("a port on loopback");
    let feed = |path: &str, link: &str| {
        let item = format!(
            "<item><title>{path}</title><description>It began…</description><link>{link}</link></item>"
        );
        site.serve(path, "text/xml", format!("<rss><channel>{item}</channel></rss>"));
        site.url(path)
    };
    let page =
        format!("<html><body><article><p>{}</p></article></body></html>", "It began at nine. ".repeat(40));
    site.serve("/page", "text/html", page);
    let (calm, story) = (feed("/calm", &site.url("/page")), feed("/story", bomb));
    let source = match kind {
        "feed" => format!("[[feed]]\nname = \"bomb\"\nurl = {bomb:?}\n"),
        "page" => format!("[[page]]\nname = \"bomb\"\nurl = {bomb:?}\nitem = \"li\"\n"),
        _ => format!("[[feed]]\nname = \"bomb\"\nurl = {story:?}\nfull_text = \"always\"\n"),
    };
    let directory = tempfile::tempdir().expect("a directory");
    let text = format!(
        "[daemon]\nprivate_hosts = [\"127.0.0.1\"]\n[[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
         [[feed]]\nname = \"calm\"\nurl = {calm:?}\nfull_text = \"always\"\n{source}"
    );
    let config =
        config::parse(&text, &directory.path().join("config.toml")).unwrap_or_else(|e| panic!("{e}"));
    let database = directory.path().join("newswatch.db");
    let store = Store::open(&database).expect("a new database opens");
    let desk = Arc::new(Desk::new(config, store, directory.path().into()).expect("a desk"));
    // What a daemon has in memory after its first polls is no rise.
    poll(&desk, "calm").await;
    let before = settled_kib();
    let (started, given) = (Instant::now(), given());
    poll(&desk, "bomb").await;
    // On a loaded machine the clock says little, and what others wait for is no work of ours.
    let took = started.elapsed().min(self::given().saturating_sub(given));
    let more = status_kib("VmHWM:").saturating_sub(before);
    println!("refused after {} ms, with {more} KiB more: {}", took.as_millis(), said_of(&database));
}

async fn poll(desk: &Arc<Desk>, name: &str) {
    let sources = desk.config.sources.iter().filter(|source| source.name == name).cloned().collect();
    daemon::poll_once(desk, sources, |_, polled| assert!(polled.is_ok(), "{polled:?}"))
        .await
        .expect("a poll");
}

/// What the last poll left to read.
fn said_of(database: &Path) -> String {
    let sql = "SELECT outcome, coalesce(error, ''), faults FROM poll ORDER BY id DESC LIMIT 1";
    crate::support::query(database, sql).remove(0)
}

/// What this process has had of the processors so far; much where the system does not say.
fn given() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(") ").map(|(_, fields)| fields.split(' ').skip(11).take(2));
    let ticks: Option<u64> =
        after_name.map(|fields| fields.filter_map(|field| field.parse::<u64>().ok()).sum());
    ticks.map_or(Duration::MAX, |ticks| Duration::from_millis(ticks * 10))
}

/// What is resident now, from where the peak is counted anew.
fn settled_kib() -> u64 {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    status_kib("VmRSS:")
}

/// 0 where the system does not say.
fn status_kib(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
