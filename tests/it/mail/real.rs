//! A real server (aiosmtpd) takes the mail; two readers that know nothing of
//! each other (mail-parser, Python's `email`) agree on what it says.

use super::readers::{self, python};
use super::{all_facts, composed, envelope, secret};
use newswatch::config::{Holder, Mail, Tls, Transport};
use newswatch::mail::{Delivery, Limits, Mailer, wire};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const SERVE: &str = r#"
import asyncio, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult

class Keep:
    async def handle_DATA(self, server, session, envelope):
        open(sys.argv[1], "wb").write(envelope.original_content)
        return "250 kept"

def login(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"newswatch", b"correct horse"), handled=False)

async def main():
    mode, options, implicit = sys.argv[2], {}, None
    if mode != "clear":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[3] + "/cert.pem", sys.argv[3] + "/key.pem")
        options = dict(auth_required=True, authenticator=login, auth_require_tls=mode == "starttls")
        if mode == "starttls":
            options.update(tls_context=context, require_starttls=True)
        else:
            implicit = context
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Keep(), **options), "127.0.0.1", 0, ssl=implicit)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)

asyncio.run(main())
"#;

/// The server and its port, gone with the test.
struct Server(Child, u16);

impl Server {
    /// `mode` is `clear`, `starttls` or `implicit`; certificate and key lie beside `kept`.
    fn start(kept: &Path, mode: &str) -> Option<Server> {
        let mut child = Command::new(python())
            .args(["-c", SERVE])
            .args([kept, Path::new(mode), kept.parent()?])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take()?).read_line(&mut line).ok()?;
        match line.trim().parse() {
            Ok(port) => Some(Server(child, port)),
            Err(_) => {
                let _ = child.wait();
                None
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_real_server_keeps_the_mail_as_it_left() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let kept = directory.path().join("kept.eml");
    let Some(server) = Server::start(&kept, "clear") else {
        eprintln!("skipped: no aiosmtpd; `pip install aiosmtpd` and set NEWSWATCH_AIOSMTPD_PYTHON");
        return;
    };
    let transport = Transport::Smtp {
        host: "127.0.0.1".into(),
        port: server.1,
        tls: Tls::None,
        user: None,
        password: None,
    };
    let mail = Mail { transport, from: envelope().from, ..newswatch::config::Mail::default() };
    let mailer = Mailer::open(&mail, directory.path()).expect("a mailer");
    for (path, facts) in all_facts() {
        let wire = wire(&envelope(), &composed(&facts)).expect("a mail");
        let delivery =
            mailer.send(&envelope().from, "desk@example.org", "id@example.org", wire.bytes()).await;
        assert_eq!(delivery, Delivery::Sent, "{}", path.display());
        let received = std::fs::read(&kept).expect("the mail was kept");
        assert!(received == wire.bytes(), "{}: not the bytes that left", path.display());
    }
}

/// A root, and a certificate for `localhost` signed by it.
fn certificate(directory: &Path) -> bool {
    const MAKE: &str = r#"
set -e
key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $key -keyout root.key -out root.pem -subj "/CN=newswatch test" -days 2
openssl req $key -keyout key.pem -out request.pem -subj /CN=localhost
echo subjectAltName=DNS:localhost > names
openssl x509 -req -in request.pem -CA root.pem -CAkey root.key -CAcreateserial -out cert.pem -days 2 -extfile names
"#;
    let made = Command::new("sh").args(["-c", MAKE]).current_dir(directory).stderr(Stdio::null()).status();
    made.is_ok_and(|status| status.success())
}

/// TLS trusts what the system trusts, read once from the environment: the
/// cases that trust the test's root run in a process of their own.
#[test]
fn a_relay_under_tls_gets_mail_only_with_the_right_certificate_and_password() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let kept = directory.path().join("kept.eml");
    let Some(_) = Server::start(&kept, "clear").filter(|_| certificate(directory.path())) else {
        eprintln!("skipped: no aiosmtpd or no openssl");
        return;
    };
    let check = |mode: &str, host: &str, password: &str, trusted: bool, expected: &str| {
        let server =
            Server::start(&kept, mode.trim_end_matches(" slipped")).expect("the server starts again");
        let port = if mode.ends_with(" slipped") { slipping_proxy(server.1) } else { server.1 };
        let mode = mode.trim_end_matches(" slipped");
        std::fs::write(directory.path().join("password"), format!("{password}\n")).expect("a writable file");
        let mut child = Command::new(std::env::current_exe().expect("this test"));
        child.args(["mail::real::one_delivery_under_tls", "--exact", "--nocapture"]);
        child.env("NEWSWATCH_TEST_RELAY", format!("{mode} {host} {port} {}", directory.path().display()));
        if trusted {
            child.env("SSL_CERT_FILE", directory.path().join("root.pem"));
        }
        let output = child.output().expect("this test runs");
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(told.contains(expected), "{mode} {host} {password} {trusted}: {told}");
        assert!(!told.contains(password), "the password is told: {told}");
        assert_eq!(std::fs::remove_file(&kept).is_ok(), expected.starts_with("Sent"), "{mode} {host}");
    };
    for mode in ["starttls", "implicit"] {
        check(mode, "localhost", "correct horse", true, "Sent [resolve connect");
        check(
            mode,
            "localhost",
            "battery staple",
            true,
            "Deferred(\"login: the server refused the login (535)\")",
        );
        check(mode, "localhost", "correct horse", false, "Deferred(\"tls: ");
        check(mode, "127.0.0.1", "correct horse", true, "Deferred(\"tls: ");
    }
    check("starttls slipped", "localhost", "correct horse", true, "Deferred(\"tls: ");
}

/// Stands between: slips answers in behind the one to STARTTLS, to be taken for
/// answers under TLS. Everything else passes unchanged.
fn slipping_proxy(relay: u16) -> u16 {
    const SLIPPED: &[u8] =
        b"250-relay.example\r\n250 AUTH PLAIN\r\n235 in\r\n250 a\r\n250 b\r\n354 c\r\n250 d\r\n";
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
    let port = listener.local_addr().expect("a bound port").port();
    std::thread::spawn(move || -> std::io::Result<()> {
        let (mut client, _) = listener.accept()?;
        let mut server = TcpStream::connect(("127.0.0.1", relay))?;
        let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
        let asked = Arc::new(AtomicBool::new(false));
        let asking = Arc::clone(&asked);
        std::thread::spawn(move || {
            pump(&mut from_client, &mut to_server, |said| {
                asking.fetch_or(said.starts_with(b"STARTTLS"), Ordering::SeqCst);
            })
        });
        pump(&mut server, &mut client, |said| {
            if asked.swap(false, Ordering::SeqCst) {
                said.extend_from_slice(SLIPPED);
            }
        })
    });
    port
}

fn pump(from: &mut TcpStream, to: &mut TcpStream, see: impl Fn(&mut Vec<u8>)) -> std::io::Result<()> {
    let mut buffer = [0; 65_536];
    loop {
        let count = from.read(&mut buffer)?;
        let mut said = buffer[..count].to_vec();
        if count == 0 {
            return to.shutdown(std::net::Shutdown::Write);
        }
        see(&mut said);
        to.write_all(&said)?;
    }
}

/// The other process: one delivery, its outcome and steps on stdout.
#[tokio::test]
async fn one_delivery_under_tls() {
    let Ok(relay) = std::env::var("NEWSWATCH_TEST_RELAY") else { return };
    let words: Vec<&str> = relay.splitn(4, ' ').collect();
    let tls = if words[0] == "starttls" { Tls::StartTls } else { Tls::Implicit };
    let transport = Transport::Smtp {
        host: words[1].into(),
        port: words[2].parse().expect("a port"),
        tls,
        user: Some("newswatch".into()),
        password: Some(secret(Holder::file("password", Path::new(words[3])))),
    };
    let mail = Mail { transport, from: envelope().from, ..newswatch::config::Mail::default() };
    let limits = Limits { connect_ms_max: 20_000, reply_ms_max: 20_000, final_reply_ms_max: 20_000 };
    let mailer = Mailer::open(&mail, Path::new(words[3])).expect("a mailer").with_limits(limits);
    let wire = wire(&envelope(), &composed(&all_facts()[0].1)).expect("a mail");
    let (delivery, steps) =
        mailer.dialogue(&envelope().from, "desk@example.org", "id@example.org", wire.bytes()).await;
    let steps: Vec<&str> = steps.iter().map(|step| step.step).collect();
    println!("{delivery:?} [{}] {mailer:?}", steps.join(" "));
}

#[test]
fn two_readers_agree_on_every_header_and_part() {
    let digests: Vec<_> = all_facts().into_iter().map(|(path, facts)| (path, composed(&facts))).collect();
    let wires = digests.iter().map(|(_, digest)| wire(&envelope(), digest).expect("a mail").bytes().to_vec());
    let Some(all) = readers::agree(&wires.collect::<Vec<_>>()) else {
        eprintln!("skipped: no python3 to read the mails a second time");
        return;
    };
    for ((path, digest), read) in digests.iter().zip(all) {
        let name = path.display();
        assert_eq!(read.subject, digest.subject, "{name}");
        assert_eq!(read.header("Message-ID"), format!("<{}>", envelope().message_id));
        assert_eq!(read.header("From"), "newswatch <newswatch@example.org>");
        assert_eq!(read.header("Date"), "Sun, 22 Nov 2026 16:00:03 +0000");
        let expected = [("text/plain", &digest.text), ("text/html", &digest.html)];
        let expected = expected.map(|(kind, text)| (kind.to_owned(), text.trim_end().to_owned()));
        assert_eq!(read.parts, expected, "{name}");
    }
}
