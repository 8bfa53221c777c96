//! A newsroom of which half says one byte a second: the others are read hardly later
//! than when all answer. Slow: `NEWSWATCH_SOURCES` says of how many sources.

use crate::support::{Desk, Running, wait_within};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How much later the others may be read when half of the newsroom is mute.
const RATIO_MAX: f64 = 1.5;

/// Rounds of each kind, in turn; the best of each counts, for the machine is not ours alone.
const ROUNDS: usize = 2;

/// Longest time for one round.
const PATIENCE: Duration = Duration::from_secs(180);

const PLAN: &str = "[mail]\nfrom = \"newswatch@example.org\"\n[[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
    [[plan]]\nname = \"desk\"\nto = [\"desk@example.org\"]\nwatches = [\"*\"]\ncron = \"0 7 * * *\"\n";

/// When each source was first asked.
type Asked = Arc<Mutex<HashMap<usize, Instant>>>;

#[test]
fn a_newsroom_half_mute_delays_nobody_by_half() {
    let Some(sources) = std::env::var("NEWSWATCH_SOURCES").ok().and_then(|count| count.parse().ok()) else {
        eprintln!("skipped: slow; set NEWSWATCH_SOURCES=1000");
        return;
    };
    let (mut usual, mut beside_mutes) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        usual.push(round(sources, false));
        beside_mutes.push(round(sources, true));
    }
    for (what, lag) in [("mean", 0), ("last", 1)] {
        let least = |rounds: &[[f64; 2]]| rounds.iter().map(|round| round[lag]).fold(f64::MAX, f64::min);
        let (usual, beside_mutes) = (least(&usual), least(&beside_mutes));
        let ratio = beside_mutes / usual;
        println!("{sources} sources, {what} lag: {usual:.2} s; {beside_mutes:.2} s beside mutes: {ratio:.2}");
        assert!(ratio < RATIO_MAX, "{what} lag grows {ratio:.2} times beside mutes");
    }
}

/// The mean and the last lag, in seconds, of the sources that always answer, in a
/// daemon for which all are due when it starts.
fn round(sources: usize, is_half_mute: bool) -> [f64; 2] {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let asked = Asked::default();
    let listener = runtime.block_on(TcpListener::bind("0.0.0.0:0")).expect("a port");
    let port = listener.local_addr().expect("it is bound").port();
    runtime.spawn(site(listener, is_half_mute, asked.clone()));
    let desk = desk(sources, port);
    let daemon = Running::start(&desk, &[]);
    let others = sources / 2;
    let read = || {
        desk.query("SELECT count(*) FROM source WHERE healthy_at IS NOT NULL AND name GLOB 'other *'")
            .remove(0)
    };
    wait_within(PATIENCE, "the others", || daemon.said("articles stored") && read() == others.to_string());
    let asked = asked.lock().expect("no holder panics");
    let first = asked.values().min().copied().expect("all were asked");
    let lags: Vec<f64> = asked
        .iter()
        .filter(|(number, _)| !is_mute(**number))
        .map(|(_, at)| (*at - first).as_secs_f64())
        .collect();
    assert_eq!(lags.len(), others);
    [lags.iter().sum::<f64>() / others as f64, lags.iter().copied().fold(0.0, f64::max)]
}

fn is_mute(number: usize) -> bool {
    number.is_multiple_of(2)
}

/// A host a source: one host is asked one thing at a time.
fn host(number: usize) -> String {
    format!("127.1.{}.{}", number / 250, number % 250 + 1)
}

fn desk(sources: usize, port: u16) -> Desk {
    let desk = Desk::bare();
    let hosts: Vec<String> = (0..sources).map(host).collect();
    let mut config = format!("[daemon]\ndata = {:?}\nprivate_hosts = {hosts:?}\n{PLAN}", desk.data());
    for (number, host) in hosts.iter().enumerate() {
        let kind = if is_mute(number) { "mute" } else { "other" };
        config += &format!("[[feed]]\nname = \"{kind} {number}\"\nurl = \"http://{host}:{port}/{number}\"\n");
    }
    std::fs::write(desk.path("config.toml"), config).expect("writable");
    desk
}

async fn site(listener: TcpListener, is_half_mute: bool, asked: Asked) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream, is_half_mute, asked.clone()));
    }
}

async fn answer(mut stream: TcpStream, is_half_mute: bool, asked: Asked) {
    let mut request = [0; 4096];
    let length = stream.read(&mut request).await.unwrap_or(0);
    let request = String::from_utf8_lossy(&request[..length]).into_owned();
    let number = request.strip_prefix("GET /").and_then(|rest| rest.split(' ').next()?.parse().ok());
    let Some(number) = number else { return };
    asked.lock().expect("no holder panics").entry(number).or_insert_with(Instant::now);
    let feed = feed(number);
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/rss+xml\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        feed.len()
    );
    let _ = stream.write_all(head.as_bytes()).await;
    if !(is_half_mute && is_mute(number)) {
        let _ = stream.write_all(feed.as_bytes()).await;
        return;
    }
    for byte in feed.bytes() {
        if stream.write_all(&[byte]).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn feed(number: usize) -> String {
    let text = format!("The pass above village {number} is closed after a night of snow. ").repeat(20);
    let item = |story: usize| {
        format!(
            "<item><guid>{story}</guid><title>Road {number} {story}</title><description>{text}</description></item>"
        )
    };
    format!("<rss><channel><title>{number}</title>{}</channel></rss>", (0..5).map(item).collect::<String>())
}
