//! The address guard against canaries: in a network namespace where *every*
//! address leads to a listener of ours, none but the public site is reached.

use crate::fetch::{alone, check, limits, said};
use crate::support::Desk;
use newswatch::fetch::{Fetcher, NamedBy, Validators};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

const REFUSED: &str = include_str!("../../data/guard/refused.txt");
const PUBLIC: Ipv4Addr = Ipv4Addr::new(8, 8, 8, 8);
const PRIVATE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// Every destination that was reached and is not the public site.
type Canaries = Arc<Mutex<Vec<IpAddr>>>;

#[tokio::test]
async fn nothing_private_is_reached() {
    let directory = tempfile::tempdir().expect("a directory");
    let resolver = directory.path().join("resolv.conf");
    std::fs::write(&resolver, "nameserver 127.0.0.1\n").expect("a file of ours");
    let enter = "unshare --map-root-user --net --mount";
    let lead =
        "ip link set lo up && ip route add local default dev lo && ip -6 route add local default dev lo";
    let ready = std::process::Command::new("sh").args(["-c", &format!("{enter} sh -c '{lead}'")]).output();
    if !ready.is_ok_and(|ready| ready.status.success()) {
        eprintln!("skipped: no network namespace can be made here (unshare, ip, IPv6)");
        return;
    }
    let setup = format!(
        "[ \"$IN\" ] || IN=1 exec {enter} sh -c '{lead} && mount --bind {} /etc/resolv.conf && \
         exec \"$0\" --exact fetch::canary::among_canaries --nocapture' \"$0\"",
        resolver.display()
    );
    let said = alone("canary::among_canaries", &setup, "").await;
    assert!(said.contains("no canary was reached"), "{said}");
    println!("{}", said.lines().find(|line| line.contains("no canary")).unwrap_or_default());
}

/// Child of the test above; alone it has nothing to do.
#[tokio::test]
async fn among_canaries() {
    if std::env::var_os("IN").is_none() {
        return;
    }
    let (forms, canaries) = (forms(), Canaries::default());
    for port in [80, 443, 8080] {
        let listener =
            TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await.expect("a namespace of our own");
        tokio::spawn(everywhere(listener, canaries.clone()));
    }
    let names = UdpSocket::bind("127.0.0.1:53").await.expect("a namespace of our own");
    tokio::spawn(name_server(names));
    let fetcher = Fetcher::new(None, &[], limits()).expect("HTTP can be set up");

    // The cage is closed: what is dialled is seen, and the public site answers.
    let dialled = dial(&forms).await;
    let none = Validators::default();
    check("public", &fetcher.poll("http://public.example/", NamedBy::Config, &none).await, "fresh");
    while canaries.lock().expect("no panic").len() < dialled {
        tokio::task::yield_now().await;
    }
    canaries.lock().expect("no panic").clear();

    for (at, form) in forms.iter().enumerate() {
        let direct = [
            fetcher.poll(form, NamedBy::Config, &none).await,
            fetcher.page(form, NamedBy::Config, &none).await,
        ];
        for poll in &direct {
            check(form, poll, "failed to ask for this address");
        }
        let led = fetcher.poll(&format!("http://{PUBLIC}/{at}"), NamedBy::Config, &none).await;
        assert!(
            !form.contains(':') || said(&led).contains("failed to follow its redirect"),
            "{form}: {}",
            said(&led)
        );
    }
    for name in ["private", "mixed", "mixed6", "mapped", "loopback6", "metadata"] {
        let poll = fetcher.poll(&format!("http://{name}.example/"), NamedBy::Config, &none).await;
        check(name, &poll, "not on the public internet");
    }
    let mut rebound = Vec::new();
    for _ in 0..10 {
        rebound.push(said(&fetcher.poll("http://rebinding.example/", NamedBy::Config, &none).await));
    }
    assert!(rebound.iter().any(|said| said.contains("fresh")), "{rebound:?}");
    assert!(rebound.iter().any(|said| said.contains("not on the public internet")), "{rebound:?}");
    tokio::task::spawn_blocking(follow_links).await.expect("no panic");
    assert_eq!(*canaries.lock().expect("no panic"), Vec::<IpAddr>::new());
    println!("no canary was reached, of {dialled} that a plain connection reaches");
}

/// The addresses of the table.
fn forms() -> Vec<&'static str> {
    REFUSED.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")).collect()
}

/// Connects to every address that a form spells, as a program without a guard would;
/// returns how many took the connection.
async fn dial(forms: &[&str]) -> usize {
    let mut dialled = 0;
    for url in forms.iter().filter_map(|form| url::Url::parse(form).ok()) {
        let address = match url.host() {
            Some(url::Host::Ipv4(ip)) => IpAddr::V4(ip),
            Some(url::Host::Ipv6(ip)) => IpAddr::V6(ip),
            _ => continue,
        };
        if address.to_canonical() == IpAddr::V4(PUBLIC) {
            continue;
        }
        match TcpStream::connect((address, 80)).await {
            Ok(_) => dialled += 1,
            // No TCP reaches these, whoever dials.
            Err(error) => println!("cannot be dialled at all: {address}: {error}"),
        }
    }
    assert!(dialled >= 100, "only {dialled} canaries can be reached");
    dialled
}

/// The daemon's own ways to a link: entries' pages, sitemaps of an index, lists, and
/// the search for feeds.
fn follow_links() {
    let desk = Desk::bare();
    let mut config = format!("[daemon]\ndata = {:?}\n", desk.data());
    let sources = forms().len().div_ceil(LINKS);
    for number in 0..sources {
        config += &format!(
            "[[feed]]\nname = \"feed {number}\"\nurl = \"http://public.example/feed/{number}\"\nfull_text = \"always\"\n\
             [[feed]]\nname = \"index {number}\"\nurl = \"http://public.example/index/{number}\"\n\
             [[page]]\nname = \"list {number}\"\nurl = \"http://public.example/list/{number}\"\nitem = \"li\"\n"
        );
    }
    std::fs::write(desk.path("config.toml"), config).expect("writable");
    let ran = desk.run(&["poll"]);
    let count = |sql: &str| desk.query(sql).remove(0).parse::<usize>().expect("a number");
    let refused = count(
        "SELECT count(*) FROM poll, json_each(faults) WHERE value GLOB '*failed to ask for this address*'",
    );
    assert!(refused >= 2 * forms().len(), "{refused} links were refused: {ran:?}");
    let found = desk.run(&["sources", "discover", "http://public.example/list/all"]);
    assert!(found.err.contains("failed to ask for this address") || found.code == Some(3), "{found:?}");
}

/// Links of one document: a source that misses so many pages in a row is left alone,
/// and so many sitemaps of an index are read.
const LINKS: usize = 3;

/// A document of the public site that leads to some of the forms, or to all.
fn document(path: &str) -> Option<String> {
    let (kind, number) = path.trim_start_matches('/').split_once('/')?;
    let forms = forms();
    let chosen = match number {
        "all" => &forms[..],
        number => forms.chunks(LINKS).nth(number.parse().ok()?)?,
    };
    let escaped = |form: &&str| form.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let links = chosen.iter().map(escaped).enumerate();
    Some(match kind {
        "feed" => {
            let item = |(at, link)| {
                format!(
                    "<item><title>Story {number} {at}</title><description>It began…</description><link>{link}</link></item>"
                )
            };
            format!("<rss><channel>{}</channel></rss>", links.map(item).collect::<String>())
        }
        "index" => {
            let sitemap = |(_, link)| format!("<sitemap><loc>{link}</loc></sitemap>");
            format!("<sitemapindex>{}</sitemapindex>", links.map(sitemap).collect::<String>())
        }
        _ => {
            let item = |(at, link)| {
                format!(
                    "<li><a href=\"{link}\">Notice {number} {at}</a><link rel=alternate type=application/rss+xml href=\"{link}\"></li>"
                )
            };
            format!("<html><body>{}</body></html>", links.map(item).collect::<String>())
        }
    })
}

/// Answers on every address: as a site that redirects to the form of that
/// number where it is the public one, and as a canary elsewhere.
async fn everywhere(listener: TcpListener, canaries: Canaries) {
    let forms = forms();
    while let Ok((mut stream, _)) = listener.accept().await {
        let reached = stream.local_addr().expect("it is connected").ip().to_canonical();
        if reached != IpAddr::V4(PUBLIC) {
            canaries.lock().expect("no panic").push(reached);
            continue;
        }
        let mut request = [0; 4096];
        let length = stream.read(&mut request).await.unwrap_or(0);
        let line = String::from_utf8_lossy(&request[..length]).into_owned();
        let path = line.strip_prefix("GET ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        let form = path.trim_start_matches('/').parse::<usize>().ok().and_then(|number| forms.get(number));
        let answer = match (form, document(path)) {
            (Some(form), _) => format!("HTTP/1.1 302 Found\r\nlocation: {form}\r\ncontent-length: 0\r\n\r\n"),
            (None, Some(body)) => format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()),
            (None, None) => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_string(),
        };
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

/// Answers A and AAAA questions (RFC 1035) with what an attacker would.
async fn name_server(socket: UdpSocket) {
    let mut question = [0; 512];
    while let Ok((length, asker)) = socket.recv_from(&mut question).await {
        if let Some(answer) = answer(&question[..length]) {
            let _ = socket.send_to(&answer, asker).await;
        }
    }
}

fn answer(question: &[u8]) -> Option<Vec<u8>> {
    static REBOUND: AtomicBool = AtomicBool::new(false);
    let body = question.get(12..)?;
    let name_end = body.iter().position(|byte| *byte == 0)?;
    let label = body.get(1..1 + usize::from(*body.first()?))?;
    let (asked, kind) = (body.get(..name_end + 5)?, *body.get(name_end + 2)?);
    let v4: &[Ipv4Addr] = match label {
        b"public" | b"mixed6" => &[PUBLIC],
        b"private" => &[PRIVATE],
        b"mixed" => &[PUBLIC, PRIVATE],
        b"metadata" => &[Ipv4Addr::new(169, 254, 169, 254)],
        b"rebinding" if kind == 1 => match REBOUND.fetch_xor(true, Ordering::SeqCst) {
            false => &[PUBLIC],
            true => &[PRIVATE],
        },
        _ => &[],
    };
    let v6: &[Ipv6Addr] = match label {
        b"mixed6" | b"loopback6" => &[Ipv6Addr::LOCALHOST],
        b"mapped" => &[PRIVATE.to_ipv6_mapped()],
        _ => &[],
    };
    let data: Vec<Vec<u8>> = match kind {
        1 => v4.iter().map(|ip| ip.octets().to_vec()).collect(),
        28 => v6.iter().map(|ip| ip.octets().to_vec()).collect(),
        _ => Vec::new(),
    };
    let mut answer = question.get(..2)?.to_vec();
    answer.extend([0x81, 0x80, 0, 1, 0, u8::try_from(data.len()).ok()?, 0, 0, 0, 0]);
    answer.extend(asked);
    for data in data {
        answer.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 0, 0, u8::try_from(data.len()).ok()?]);
        answer.extend(data);
    }
    Some(answer)
}
