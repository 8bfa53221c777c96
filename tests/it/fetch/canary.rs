//! The address guard against canaries: in a network namespace where *every*
//! address leads to a listener of ours, none but the public site is reached.

use crate::fetch::{alone, check, limits, said};
use newswatch::fetch::{Fetcher, Validators};
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
}

/// Child of the test above; alone it has nothing to do.
#[tokio::test]
async fn among_canaries() {
    if std::env::var_os("IN").is_none() {
        return;
    }
    let forms: Vec<&str> =
        REFUSED.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")).collect();
    let canaries = Canaries::default();
    for port in [80, 443, 8080] {
        let listener =
            TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await.expect("a namespace of our own");
        tokio::spawn(everywhere(listener, canaries.clone()));
    }
    let names = UdpSocket::bind("127.0.0.1:53").await.expect("a namespace of our own");
    tokio::spawn(name_server(names));
    let fetcher = Fetcher::new(None, &[], limits()).expect("HTTP can be set up");

    // The cage is closed: what is dialled is seen, and the public site answers.
    for address in ["10.0.0.1:80", "[fd00::1]:80", "169.254.169.254:8080", "[64:ff9b::7f00:1]:443"] {
        drop(TcpStream::connect(address).await.expect("every address is local here"));
    }
    let none = Validators::default();
    check("public", &fetcher.poll("http://public.example/", &none).await, "fresh");
    while canaries.lock().expect("no panic").len() < 4 {
        tokio::task::yield_now().await;
    }
    canaries.lock().expect("no panic").clear();

    for (at, form) in forms.iter().enumerate() {
        let direct = [fetcher.poll(form, &none).await, fetcher.page(form, &none).await];
        for poll in &direct {
            check(form, poll, "failed to ask for this address");
        }
        let led = fetcher.poll(&format!("http://{PUBLIC}/{at}"), &none).await;
        assert!(
            !form.contains(':') || said(&led).contains("failed to follow its redirect"),
            "{form}: {}",
            said(&led)
        );
    }
    for name in ["private", "mixed", "mixed6", "mapped", "loopback6", "metadata"] {
        let poll = fetcher.poll(&format!("http://{name}.example/"), &none).await;
        check(name, &poll, "not on the public internet");
    }
    let mut rebound = Vec::new();
    for _ in 0..10 {
        rebound.push(said(&fetcher.poll("http://rebinding.example/", &none).await));
    }
    assert!(rebound.iter().any(|said| said.contains("fresh")), "{rebound:?}");
    assert!(rebound.iter().any(|said| said.contains("not on the public internet")), "{rebound:?}");
    assert_eq!(*canaries.lock().expect("no panic"), Vec::<IpAddr>::new());
    println!("no canary was reached");
}

/// Answers on every address: as a site that redirects to the form of that
/// number where it is the public one, and as a canary elsewhere.
async fn everywhere(listener: TcpListener, canaries: Canaries) {
    let forms: Vec<&str> =
        REFUSED.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")).collect();
    while let Ok((mut stream, _)) = listener.accept().await {
        let reached = stream.local_addr().expect("it is connected").ip().to_canonical();
        if reached != IpAddr::V4(PUBLIC) {
            canaries.lock().expect("no panic").push(reached);
            continue;
        }
        let mut request = [0; 4096];
        let length = stream.read(&mut request).await.unwrap_or(0);
        let line = String::from_utf8_lossy(&request[..length]).into_owned();
        let number =
            line.strip_prefix("GET /").and_then(|rest| rest.split(' ').next()?.parse::<usize>().ok());
        let answer = match number.and_then(|number| forms.get(number)) {
            Some(form) => format!("HTTP/1.1 302 Found\r\nlocation: {form}\r\ncontent-length: 0\r\n\r\n"),
            None => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_string(),
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
