//! Fetching from a site that is well, sick or hostile: a real one, on loopback.

mod bombs;
mod canary;
mod strangers;

use newswatch::fetch::{Fetcher, Limits, NamedBy, Poll, Validators};
use newswatch::newsroom::{Newsroom, late_story};
use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const TEMIROV: &[u8] = b"<rss>Temirov</rss>";

/// Short enough for a test, long enough for a loaded machine.
fn limits() -> Limits {
    Limits {
        connect: Duration::from_secs(5),
        first_byte: Duration::from_secs(5),
        total: Duration::from_secs(10),
        ..Limits::default()
    }
}

fn fetcher(limits: Limits) -> Fetcher {
    let allowed = ["127.0.0.1".to_string()];
    Fetcher::new(Some("desk@example.org"), &allowed, limits).expect("HTTP can be set up")
}

async fn newsroom() -> Newsroom {
    Newsroom::open().await.expect("a port on loopback")
}

/// The outcome as an operator would read it.
fn said(poll: &Poll) -> String {
    match poll {
        Poll::Fresh(body) => format!("fresh, {} bytes", body.bytes.len()),
        Poll::Unchanged => "unchanged".into(),
        Poll::Gone => "gone".into(),
        Poll::Deferred(_) => "deferred".into(),
        Poll::Failed(error) => {
            let causes = std::iter::successors(error.source(), |cause| <dyn Error>::source(*cause));
            causes.fold(format!("failed to {error}"), |said, cause| format!("{said}: {cause}"))
        }
    }
}

fn check(what: &str, poll: &Poll, expected: &str) {
    let said = said(poll);
    assert!(said.contains(expected), "{what}: {said}; expected: {expected}");
}

/// A server that does as `behave` says with every connection, and counts them.
async fn hostile<F, Done>(behave: F) -> (String, Arc<AtomicUsize>)
where
    F: Fn(tokio::net::TcpStream) -> Done + Send + 'static,
    Done: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback");
    let address = listener.local_addr().expect("it is bound");
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(behave(stream));
        }
    });
    (format!("http://{address}/"), asked)
}

/// Reads the request, writes `answer`, and ends the connection.
async fn answering(mut stream: tokio::net::TcpStream, answer: Vec<u8>) {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).await;
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
}

#[tokio::test]
async fn every_status_has_its_outcome() {
    let newsroom = newsroom().await;
    let known = Validators { etag: Some("\"1\"".into()), last_modified: None };
    let none = Validators::default();
    let table = [
        (200, &none, "fresh, 18 bytes"),
        (203, &none, "fresh, 18 bytes"),
        (204, &none, "fresh, 0 bytes"),
        (304, &known, "unchanged"),
        (304, &none, "answered 304; see in a browser"),
        (410, &known, "gone"),
        (429, &none, "poll less often"),
        (503, &none, "trouble on its side, it answered 503"),
        (500, &none, "trouble on its side"),
        (401, &none, "blocked, it answered 401"),
        (403, &none, "blocked, it answered 403; ask the publisher"),
        (451, &none, "blocked"),
        (404, &none, "the new address"),
        (202, &none, "answered 202"),
        (206, &none, "answered 206"),
        (300, &none, "answered 300"),
        (302, &none, "without saying where to"),
        (418, &none, "answered 418"),
    ];
    let fetcher = fetcher(limits());
    for (status, validators, expected) in table {
        newsroom.answer("/feed", status, &[], TEMIROV);
        check(
            &status.to_string(),
            &fetcher.poll(&newsroom.url("/feed"), NamedBy::Config, validators).await,
            expected,
        );
    }
    newsroom.close().await;
}

#[tokio::test]
async fn retry_after_defers() {
    let newsroom = newsroom().await;
    let fetcher = fetcher(limits());
    for (status, asked) in
        [(429, "120"), (503, "3600"), (503, "Fri, 31 Dec 2049 23:59:59 GMT"), (429, "-1"), (429, "soon")]
    {
        newsroom.answer("/feed", status, &[("retry-after", asked)], "");
        let now = chrono::Utc::now();
        let expected = newswatch::schedule::retry_after(asked, now);
        match (fetcher.poll(&newsroom.url("/feed"), NamedBy::Config, &Validators::default()).await, expected)
        {
            (Poll::Deferred(until), Some(expected)) => {
                assert!((until - expected).num_seconds().abs() < 30, "{asked}: {until} is not {expected}");
            }
            (Poll::Failed(_), None) => {}
            (other, _) => panic!("{asked}: {}; expected: {expected:?}", said(&other)),
        }
    }
    newsroom.close().await;
}

#[tokio::test]
async fn validators_are_echoed_byte_for_byte() {
    let newsroom = newsroom().await;
    let fetcher = fetcher(limits());
    let table = [
        (Some("\"33a64df5\""), Some("Tue, 24 Nov 2026 07:00:00 GMT")),
        (Some("W/\"weak, with a comma\""), None),
        (Some("unquoted"), Some("Thu, 01 Jan 1970 00:00:00 GMT")),
        (Some("\"a\\b\"c\""), Some("yesterday, more or less")),
        (Some("\"Темиров\""), Some("24.11.2026")),
        (None, Some("Tuesday, 24-Nov-26 07:00:00 GMT")),
        (None, None),
    ];
    for (etag, last_modified) in table {
        let headers: Vec<_> = [("etag", etag), ("last-modified", last_modified)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        newsroom.answer("/feed", 200, &headers, TEMIROV);
        newsroom.forget_requests();
        let Poll::Fresh(body) =
            fetcher.poll(&newsroom.url("/feed"), NamedBy::Config, &Validators::default()).await
        else {
            panic!("{etag:?}: not fresh");
        };
        let _ = fetcher.poll(&newsroom.url("/feed"), NamedBy::Config, &body.validators).await;
        let requests = newsroom.requests();
        assert_eq!((&requests[0].if_none_match, &requests[0].if_modified_since), (&None, &None), "{etag:?}");
        assert_eq!(requests[1].if_none_match.as_deref(), etag);
        assert_eq!(requests[1].if_modified_since.as_deref(), last_modified);
        assert_eq!(requests[1].user_agent.as_deref(), Some("newswatch/0.1 (+desk@example.org)"));
    }
    newsroom.close().await;
}

#[tokio::test]
async fn a_second_poll_of_the_press_is_conditional_and_finds_one_story() {
    let newsroom = newsroom().await;
    newsroom.delay("/slow-caravan/feed.xml", Duration::ZERO);
    let fetcher = fetcher(limits());
    let mut known = Vec::new();
    for outlet in newsroom.outlets() {
        match fetcher.poll(&outlet.url, NamedBy::Config, &Validators::default()).await {
            Poll::Fresh(body) => known.push((outlet, body.validators)),
            shut => check(&outlet.name, &shut, "blocked, it answered 403"),
        }
    }
    assert_eq!(known.len(), newsroom.outlets().len() - 1);
    newsroom.forget_requests();
    for (outlet, validators) in &known {
        check(&outlet.name, &fetcher.poll(&outlet.url, NamedBy::Config, validators).await, "unchanged");
    }
    let requests = newsroom.requests();
    assert!(requests.iter().all(|one| one.status == 304 && one.if_none_match.is_some()), "{requests:#?}");

    let (printed_by, story) = late_story();
    newsroom.publish(printed_by, story.clone());
    for (outlet, validators) in &known {
        match fetcher.poll(&outlet.url, NamedBy::Config, validators).await {
            Poll::Fresh(body) => {
                assert_eq!(outlet.slug, printed_by);
                assert!(String::from_utf8_lossy(&body.bytes).contains(&story.title));
            }
            other => check(&outlet.name, &other, "unchanged"),
        }
    }
    newsroom.close().await;
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[tokio::test]
async fn bodies_are_unpacked_and_bounded() {
    let newsroom = newsroom().await;
    let fetcher = fetcher(Limits { body_bytes_max: 1 << 20, ..limits() });
    let zeros = vec![0; 50 << 20];
    let half_gzip = gzip(TEMIROV)[..20].to_vec();
    // Written by hand: one raw block each.
    let brotli = [b"\x0b\x02\x80".as_slice(), b"<rss>", b"\x03"].concat();
    let zstd = [b"\x28\xb5\x2f\xfd\x20\x05\x29\x00\x00".as_slice(), b"<rss>"].concat();
    let table = [
        ("identity", TEMIROV.to_vec(), "fresh, 18 bytes"),
        ("gzip", gzip(TEMIROV), "fresh, 18 bytes"),
        ("x-gzip", gzip(TEMIROV), "fresh, 18 bytes"),
        ("deflate", deflate(TEMIROV), "fresh, 18 bytes"),
        ("br", brotli, "fresh, 5 bytes"),
        ("zstd", zstd, "fresh, 5 bytes"),
        ("utf-8", TEMIROV.to_vec(), "fresh, 18 bytes"),
        ("identity", gzip(TEMIROV), "fresh, 18 bytes"),
        ("gzip", gzip(&gzip(TEMIROV)), "fresh, 18 bytes"),
        ("GZIP", gzip(&zeros), "more than 1048576 bytes once unpacked"),
        ("gzip", half_gzip.clone(), "broke off or is garbled"),
        ("identity", half_gzip, "broke off or is garbled"),
        ("none", b"\x1f\x8b".to_vec(), "broke off or is garbled"),
        ("gzip", TEMIROV.to_vec(), "broke off or is garbled"),
        ("identity", vec![b' '; 1 << 20], "fresh, 1048576 bytes"),
        ("identity", vec![b' '; (1 << 20) + 1], "more than 1048576 bytes once unpacked"),
        ("gzip", gzip(&zeros), "more than 1048576 bytes once unpacked"),
        ("deflate", deflate(&zeros), "more than 1048576 bytes once unpacked"),
    ];
    for (encoding, body, expected) in table {
        newsroom.answer("/feed", 200, &[("content-encoding", encoding)], body);
        check(
            encoding,
            &fetcher.poll(&newsroom.url("/feed"), NamedBy::Config, &Validators::default()).await,
            expected,
        );
    }
    newsroom.close().await;
}

#[tokio::test]
async fn a_hostile_server_ends_within_the_limits() {
    let quick = Limits {
        first_byte: Duration::from_millis(300),
        total: Duration::from_millis(900),
        body_bytes_max: 1 << 20,
        header_bytes_max: 4096,
        ..limits()
    };
    let fetcher = fetcher(quick);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\n";
    let table: Vec<(&str, Vec<u8>, &str)> = vec![
        ("hangs up", vec![], "broke off or is garbled"),
        ("is no HTTP", b"220 mail.example ESMTP\r\n".to_vec(), "broke off or is garbled"),
        ("breaks off", format!("{head}content-length: 100\r\n\r\n<rss>").into(), "broke off"),
        (
            "breaks off in a chunk",
            format!("{head}transfer-encoding: chunked\r\n\r\nff\r\n<rss>").into(),
            "broke off",
        ),
        ("many headers", format!("{head}{}\r\n", "a: b\r\n".repeat(500)).into(), "broke off or is garbled"),
        (
            "long headers",
            format!("{head}a: {}\r\n\r\n", "b".repeat(5000)).into(),
            "more than 4096 bytes of headers",
        ),
        ("endless headers", format!("{head}a: {}", "b".repeat(1 << 20)).into(), "broke off or is garbled"),
        ("says no length", format!("{head}\r\n<rss>").into(), "fresh, 5 bytes"),
        (
            "lies about its length",
            format!("{head}content-length: 99999999999\r\n\r\n<rss>").into(),
            "broke off",
        ),
    ];
    for (what, answer, expected) in table {
        let (url, _) = hostile(move |stream| answering(stream, answer.clone())).await;
        check(what, &fetcher.poll(&url, NamedBy::Config, &Validators::default()).await, expected);
    }

    let started = Instant::now();
    let (silent, _) = hostile(|stream| async move {
        tokio::time::sleep(Duration::from_secs(30)).await;
        drop(stream);
    })
    .await;
    check(
        "silent",
        &fetcher.poll(&silent, NamedBy::Config, &Validators::default()).await,
        "no answer within",
    );
    let (dripping, _) = hostile(|mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await;
        while stream.write_all(b"<").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    check("dripping", &fetcher.poll(&dripping, NamedBy::Config, &Validators::default()).await, "read all of");
    let (endless, _) = hostile(|mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'<'; 65536]).await.is_ok() {}
    })
    .await;
    check("endless", &fetcher.poll(&endless, NamedBy::Config, &Validators::default()).await, "once unpacked");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn redirects_are_followed_within_reason() {
    let newsroom = newsroom().await;
    newsroom.serve("/feed", "text/xml", TEMIROV);
    let leads = |from: &str, status: u16, to: &str| newsroom.answer(from, status, &[("location", to)], "");
    leads("/once", 301, "/feed");
    leads("/permanent", 308, &newsroom.url("/once"));
    leads("/found", 302, "feed");
    leads("/mixed", 301, "/found");
    leads("/mixed-end", 307, "/once");
    leads("/see", 303, "?other");
    newsroom.answer("/see?other", 302, &[("location", "./feed#top")], "");
    leads("/bytes", 302, "/новости?q=Темиров");
    newsroom.serve(
        "/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8?q=%D0%A2%D0%B5%D0%BC%D0%B8%D1%80%D0%BE%D0%B2",
        "text/xml",
        "<rss>",
    );
    leads("/loop", 302, "/loop");
    for hop in 1..=6 {
        leads(
            &format!("/hop{hop}"),
            302,
            &if hop == 6 { "/feed".into() } else { format!("/hop{}", hop + 1) },
        );
    }
    leads("/to-private", 302, "http://127.0.0.2:1/");
    leads("/to-metadata", 302, "http://169.254.169.254/latest/meta-data/");
    leads("/to-v6", 302, "//[::ffff:7f00:1]/");
    leads("/to-localhost", 302, "http://localhost:1/");
    leads("/to-file", 302, "file:///etc/passwd");
    leads("/to-user", 302, "http://a@127.0.0.1/");
    leads("/to-backslash", 302, "/\\127.0.0.2/");
    leads("/to-zero", 302, "http://127.0.0.1:0/");
    let table = [
        ("/feed", "fresh, 18 bytes", None),
        ("/once", "fresh, 18 bytes", Some("/feed")),
        ("/permanent", "fresh, 18 bytes", Some("/feed")),
        ("/found", "fresh, 18 bytes", None),
        ("/mixed", "fresh, 18 bytes", None),
        ("/mixed-end", "fresh, 18 bytes", None),
        ("/see", "fresh, 18 bytes", None),
        ("/bytes", "fresh, 5 bytes", None),
        ("/hop2", "fresh, 18 bytes", None),
        ("/hop1", "more than 5", None),
        ("/loop", "more than 5", None),
        ("/to-private", "follow its redirect: `127.0.0.2` is a loopback address", None),
        ("/to-metadata", "a cloud's metadata address", None),
        ("/to-v6", "an IPv4 address in IPv6 form", None),
        ("/to-localhost", "`localhost` is a loopback address", None),
        ("/to-file", "only `http://` and `https://` are fetched", None),
        ("/to-user", "user name or password", None),
        ("/to-backslash", "backslash", None),
        ("/to-zero", "port 0", None),
    ];
    let fetcher = fetcher(limits());
    for (from, expected, moved_to) in table {
        let poll = fetcher.poll(&newsroom.url(from), NamedBy::Config, &Validators::default()).await;
        check(from, &poll, expected);
        if let Poll::Fresh(body) = poll {
            assert_eq!(body.moved_to, moved_to.map(|path| newsroom.url(path)), "{from}");
        }
    }
    newsroom.close().await;
}

#[tokio::test]
async fn what_the_guard_refuses_is_never_asked() {
    let (url, asked) = hostile(|stream| answering(stream, b"HTTP/1.1 200 OK\r\n\r\n".to_vec())).await;
    let port = url.trim_end_matches('/').rsplit_once(':').expect("a port").1.to_string();
    let fetcher = Fetcher::new(None, &["127.0.0.1:1".to_string()], limits()).expect("HTTP can be set up");
    let hosts = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "017700000001",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "0",
        "localhost",
    ];
    for host in hosts {
        let url = format!("http://{host}:{port}/");
        check(host, &fetcher.poll(&url, NamedBy::Config, &Validators::default()).await, "private_hosts");
        check(host, &fetcher.page(&url, NamedBy::Config, &Validators::default()).await, "private_hosts");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    // The same host is asked once it is allowed, by name too.
    let allowed = [format!("127.0.0.1:{port}"), "localhost".to_string()];
    let fetcher = Fetcher::new(None, &allowed, limits()).expect("HTTP can be set up");
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("http://{host}:{port}/");
        check(host, &fetcher.poll(&url, NamedBy::Config, &Validators::default()).await, "fresh, 0 bytes");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_host_is_asked_one_thing_at_a_time() {
    let (under_way, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, peak) = (under_way.clone(), most.clone());
    let (url, asked) = hostile(move |stream| {
        let (now, peak) = (now.clone(), peak.clone());
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(30)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            answering(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
        }
    })
    .await;
    let patient = fetcher(limits());
    let polls: Vec<_> = (0..8)
        .map(|_| {
            let (fetcher, url) = (patient.clone(), url.clone());
            tokio::spawn(async move { fetcher.poll(&url, NamedBy::Config, &Validators::default()).await })
        })
        .collect();
    for poll in polls {
        check("in line", &poll.await.expect("no panic"), "fresh");
    }
    assert_eq!((asked.load(Ordering::SeqCst), most.load(Ordering::SeqCst)), (8, 1));

    // Behind a host that does not answer, the next one is deferred, not failed.
    let (stuck, _) = hostile(|stream| async move {
        tokio::time::sleep(Duration::from_secs(30)).await;
        drop(stream);
    })
    .await;
    let hasty =
        fetcher(Limits { turn: Duration::from_millis(100), first_byte: Duration::from_secs(1), ..limits() });
    let first = tokio::spawn({
        let (fetcher, url) = (hasty.clone(), stuck.clone());
        async move { fetcher.poll(&url, NamedBy::Config, &Validators::default()).await }
    });
    tokio::task::yield_now().await;
    let none = Validators::default();
    let (second, elsewhere) =
        tokio::join!(hasty.poll(&stuck, NamedBy::Config, &none), hasty.poll(&url, NamedBy::Config, &none));
    check("another host", &elsewhere, "fresh");
    let both = [said(&first.await.expect("no panic")), said(&second)];
    assert!(
        both.iter().any(|said| said == "deferred") && both.iter().any(|said| said.contains("no answer")),
        "{both:?}"
    );
}

#[tokio::test]
async fn pages_obey_robots_txt_and_feeds_need_not() {
    let shut = "User-agent: *\nDisallow: /private";
    let table: &[(u16, &str, &str, &str)] = &[
        (200, shut, "/story", "fresh"),
        (200, shut, "/private/story", "asks robots to leave it alone"),
        (200, shut, "/moved", "asks robots to leave it alone"),
        (200, "User-agent: newswatch\nDisallow: /story", "/story", "asks robots"),
        (200, "<html>", "/private/story", "fresh"),
        (404, "", "/private/story", "fresh"),
        (403, "", "/private/story", "fresh"),
        (410, "", "/private/story", "fresh"),
        (500, "", "/story", "asks robots"),
        (503, "", "/story", "asks robots"),
    ];
    for (status, robots, path, expected) in table {
        let newsroom = newsroom().await;
        newsroom.answer("/robots.txt", *status, &[], *robots);
        newsroom.serve("/story", "text/html", TEMIROV);
        newsroom.serve("/private/story", "text/html", TEMIROV);
        newsroom.answer("/moved", 302, &[("location", "/private/story")], "");
        let fetcher = fetcher(limits());
        let url = newsroom.url(path);
        check(path, &fetcher.page(&url, NamedBy::Config, &Validators::default()).await, expected);
        check(path, &fetcher.page(&url, NamedBy::Config, &Validators::default()).await, expected);
        check(path, &fetcher.poll(&url, NamedBy::Config, &Validators::default()).await, "fresh");
        let asked = newsroom.requests().iter().filter(|one| one.path == "/robots.txt").count();
        assert_eq!(asked, 1, "{status} {path}: rules are kept");
        newsroom.close().await;
    }
}

#[tokio::test]
async fn what_was_not_reached_is_told_apart_from_what_is_sick() {
    let newsroom = newsroom().await;
    newsroom.answer("/sick", 500, &[], "");
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("it is bound");
    let secure = newsroom.url("/feed?key=Bishkek").replace("http://", "https://");
    let table = [
        (format!("http://{closed}/feed?key=Bishkek"), "failed to connect to `127.0.0.1:", true),
        ("http://no-such-host.invalid/?key=Bishkek".to_string(), "no name server knows it", true),
        (newsroom.url("/sick?key=Bishkek"), "the new address", false),
        (newsroom.url("/sick"), "trouble on its side", false),
        (secure, "speak TLS", false),
    ];
    let fetcher = fetcher(limits());
    for (url, expected, unreachable) in table {
        let poll = fetcher.poll(&url, NamedBy::Config, &Validators::default()).await;
        check(&url, &poll, expected);
        let Poll::Failed(error) = &poll else { panic!("{url}: not failed") };
        assert_eq!(error.is_unreachable(), unreachable, "{url}");
        assert!(!format!("{}{error:?}", said(&poll)).contains("Bishkek"), "a key in {error:?}");
    }
    newsroom.close().await;
}

/// Runs one test of this binary by itself, in a shell that `line` prepares, and
/// returns what it printed.
async fn alone(test: &str, line: &str, feed: &str) -> String {
    let binary = std::env::current_exe().expect("this binary");
    let line = format!("{line}; exec \"$0\" --exact fetch::{test} --nocapture");
    let mut child = tokio::process::Command::new("sh");
    child.arg("-c").arg(line).arg(binary).env("NEWSWATCH_TEST_FEED", feed);
    let output = child.output().await.expect("sh");
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

/// Without a free descriptor a poll waits, and is deferred in the end; the
/// source did nothing wrong.
#[tokio::test]
async fn without_descriptors_a_poll_waits() {
    let newsroom = newsroom().await;
    newsroom.serve("/feed", "text/xml", TEMIROV);
    let said = alone("with_few_descriptors", "ulimit -n 64", &newsroom.url("/feed")).await;
    assert!(said.contains("waited, then fresh; never, then deferred"), "{said}");
    newsroom.close().await;
}

/// A system without root certificates reads what is not https, and says what is missing.
#[tokio::test]
async fn without_root_certificates_https_says_what_to_install() {
    let newsroom = newsroom().await;
    newsroom.serve("/feed", "text/xml", TEMIROV);
    let line = "export SSL_CERT_FILE=/nowhere SSL_CERT_DIR=/nowhere";
    let said = alone("with_no_roots", line, &newsroom.url("/feed")).await;
    assert!(said.contains("http was fresh, https wants ca-certificates"), "{said}");
    newsroom.close().await;
}

/// Child of the test above; alone it has nothing to do.
#[tokio::test]
async fn with_no_roots() {
    let Ok(url) = std::env::var("NEWSWATCH_TEST_FEED") else { return };
    let (fetcher, none) = (fetcher(limits()), Validators::default());
    check("http", &fetcher.poll(&url, NamedBy::Config, &none).await, "fresh, 18 bytes");
    let secure = url.replace("http:", "https:");
    check(
        "https",
        &fetcher.poll(&secure, NamedBy::Config, &none).await,
        "no root certificates; install `ca-certificates`",
    );
    println!("http was fresh, https wants ca-certificates");
}

/// Child of the test of descriptors; alone it has nothing to do.
#[tokio::test]
async fn with_few_descriptors() {
    let Ok(url) = std::env::var("NEWSWATCH_TEST_FEED") else { return };
    let fetcher = fetcher(Limits { first_byte: Duration::from_millis(1500), ..limits() });
    let take_all = || std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect::<Vec<_>>();
    let taken = take_all();
    let freed = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(taken);
    });
    check("waited", &fetcher.poll(&url, NamedBy::Config, &Validators::default()).await, "fresh, 18 bytes");
    freed.await.expect("no panic");
    // The last connection gives its descriptor back a moment after its answer.
    let mut taken = Vec::new();
    for _ in 0..20 {
        taken.extend(take_all());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    check("never", &fetcher.poll(&url, NamedBy::Config, &Validators::default()).await, "deferred");
    check(
        "name",
        &fetcher.poll("http://no-such-host.example/", NamedBy::Config, &Validators::default()).await,
        "deferred",
    );
    drop(taken);
    println!("waited, then fresh; never, then deferred");
}
