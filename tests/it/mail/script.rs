//! A mail server that plays a script, and what becomes of a mail there.

use super::{composed, envelope, named};
use newswatch::config::{self, Mail, Secret, Tls, Transport};
use newswatch::mail::{Delivery, Limits, Mailer, wire};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the server does at one step instead of what it usually does.
#[derive(Debug, Clone, Copy)]
enum Act {
    Say(&'static str),
    /// Keeps the connection and says nothing.
    Silence,
    Close,
    /// Says this much of an answer, then closes.
    Break(&'static str),
}
use Act::{Break, Close, Say, Silence};

/// What the server saw.
#[derive(Debug, Default)]
struct Seen {
    commands: Vec<String>,
    /// Mails it answered for, or would have.
    mails: Vec<Vec<u8>>,
}

struct Server {
    port: u16,
    seen: Arc<Mutex<Seen>>,
}

/// Starts a server for `script`: (step, act), steps being `greeting`, a command's verb, `body` or `dot`.
async fn server(script: &'static [(&'static str, Act)]) -> Server {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a loopback port");
    let port = listener.local_addr().expect("a bound port").port();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let told = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = play(script, stream, &told).await;
        }
    });
    Server { port, seen }
}

/// One connection; an error is the script's end.
async fn play(script: &[(&str, Act)], stream: TcpStream, seen: &Mutex<Seen>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let act = |step: &str| script.iter().find(|(at, _)| *at == step).map(|(_, act)| *act);
    perform(&mut stream, act("greeting").unwrap_or(Say("220 relay.example ready"))).await?;
    let mut line = String::new();
    while read_line(&mut stream, &mut line).await? {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        seen.lock().expect("no panic under the lock").commands.push(line.clone());
        let usual = match verb.as_str() {
            "EHLO" => Say("250-relay.example\r\n250-8BITMIME\r\n250 SIZE 100000000"),
            "DATA" => Say("354 go on"),
            "QUIT" => Say("221 bye"),
            _ => Say("250 fine"),
        };
        perform(&mut stream, act(&verb).unwrap_or(usual)).await?;
        if verb == "DATA" && act("DATA").is_none() {
            if let Some(act) = act("body") {
                perform(&mut stream, act).await?;
            }
            let mail = read_mail(&mut stream).await?;
            seen.lock().expect("no panic under the lock").mails.push(mail);
            perform(&mut stream, act("dot").unwrap_or(Say("250 queued"))).await?;
        }
    }
    Ok(())
}

async fn perform(stream: &mut BufReader<TcpStream>, act: Act) -> std::io::Result<()> {
    match act {
        Say(answer) => stream.write_all(format!("{answer}\r\n").as_bytes()).await,
        Break(part) => {
            stream.write_all(part.as_bytes()).await?;
            Err(std::io::ErrorKind::ConnectionAborted.into())
        }
        Close => Err(std::io::ErrorKind::ConnectionAborted.into()),
        // Until the other side gives up: it closes, or the test ends.
        Silence => std::future::pending().await,
    }
}

async fn read_line(stream: &mut BufReader<TcpStream>, line: &mut String) -> std::io::Result<bool> {
    line.clear();
    let read = stream.read_line(line).await?;
    line.truncate(line.trim_end().len());
    Ok(read > 0)
}

/// Up to the final dot, as a server would that takes a bare LF for a line end
/// (CVE-2023-51764), dots taken off again.
async fn read_mail(stream: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut mail = Vec::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if matches!(line.as_slice(), b".\r\n" | b".\n") {
            return Ok(mail);
        }
        mail.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

fn relay(port: u16, tls: Tls) -> Mail {
    let transport = Transport::Smtp { host: "127.0.0.1".into(), port, tls, user: None, password: None };
    Mail { transport, from: "newswatch@example.org".into(), ops_to: Vec::new() }
}

/// Patient, unless the script has a silence to wait out.
fn open(mail: &Mail, script: &[(&str, Act)]) -> Mailer {
    let silent = script.iter().any(|(_, act)| matches!(act, Silence));
    let reply_ms_max = if silent { 600 } else { 20_000 };
    let limits = Limits { connect_ms_max: 20_000, reply_ms_max, final_reply_ms_max: reply_ms_max };
    Mailer::open(mail, Path::new("/nonexistent")).expect("a mailer").with_limits(limits)
}

fn kind(delivery: &Delivery) -> (&'static str, &str) {
    match delivery {
        Delivery::Sent => ("sent", ""),
        Delivery::Deferred(reason) => ("deferred", reason),
        Delivery::Refused(reason) => ("refused", reason),
        Delivery::Unknown(reason) => ("unknown", reason),
    }
}

async fn check(script: &'static [(&'static str, Act)], outcome: &str, reason: &str) {
    let server = server(script).await;
    let mail = wire(&envelope(), &composed(&named("three"))).expect("a mail");
    let mailer = open(&relay(server.port, Tls::None), script);
    let from = "newswatch@example.org";
    let delivery = mailer.send(from, "desk@example.org", "id@example.org", mail.bytes()).await;
    let (got, why) = kind(&delivery);
    assert_eq!(got, outcome, "{script:?}: {why}");
    assert!(why.contains(reason), "{script:?}: {why}");
    let seen = server.seen.lock().expect("no panic under the lock");
    assert!(seen.mails.len() <= 1, "{script:?}");
    if matches!(outcome, "sent" | "unknown") && !script.iter().any(|(step, _)| *step == "body") {
        assert_eq!(seen.mails, [mail.bytes()], "{script:?}");
    }
}

#[tokio::test]
async fn every_answer_at_every_step_has_its_outcome() {
    check(&[], "sent", "").await;
    // Trouble with our session: it passes, the mail waits.
    check(&[("greeting", Say("421 too busy"))], "deferred", "greeting: 421 too busy").await;
    check(&[("greeting", Say("554 no service here"))], "deferred", "greeting: 554").await;
    check(&[("greeting", Silence)], "deferred", "greeting: no answer within 0.6 s").await;
    check(&[("greeting", Close)], "deferred", "greeting").await;
    check(&[("greeting", Break("22"))], "deferred", "greeting").await;
    check(&[("greeting", Say("hello"))], "deferred", "greeting").await;
    check(&[("EHLO", Say("450 later"))], "deferred", "greeting: 450").await;
    check(&[("EHLO", Say("550 not you"))], "deferred", "greeting: 550").await;
    check(&[("EHLO", Silence)], "deferred", "no answer").await;
    check(&[("EHLO", Close)], "deferred", "greeting").await;
    check(&[("MAIL", Say("451 later"))], "deferred", "sender: 451").await;
    check(&[("MAIL", Say("421 shutting down"))], "deferred", "sender: 421").await;
    check(&[("MAIL", Say("530 log in first"))], "deferred", "sender: 530").await;
    check(&[("MAIL", Say("535 log in first"))], "deferred", "sender: 535").await;
    check(&[("MAIL", Say("550 not from there"))], "refused", "sender: 550").await;
    check(&[("MAIL", Say("552 too large"))], "refused", "sender: 552").await;
    check(&[("MAIL", Silence)], "deferred", "sender: no answer").await;
    check(&[("MAIL", Close)], "deferred", "sender").await;
    check(&[("RCPT", Say("450 greylisted"))], "deferred", "recipient: 450").await;
    check(&[("RCPT", Say("421 shutting down"))], "deferred", "recipient: 421").await;
    check(&[("RCPT", Say("452 mailbox full"))], "deferred", "recipient: 452").await;
    check(
        &[("RCPT", Say("550-5.1.1 no such\r\n550 5.1.1 user"))],
        "refused",
        "recipient: 550 5.1.1 no such user",
    )
    .await;
    check(&[("RCPT", Say("551 moved"))], "refused", "recipient: 551").await;
    check(&[("RCPT", Silence)], "deferred", "recipient: no answer").await;
    check(&[("RCPT", Close)], "deferred", "recipient").await;
    check(&[("RCPT", Break("250-half"))], "deferred", "recipient").await;
    check(&[("DATA", Say("451 later"))], "deferred", "data: 451").await;
    check(&[("DATA", Say("554 no"))], "refused", "data: 554").await;
    check(&[("DATA", Say("250 what?"))], "deferred", "data: 250 instead of 354").await;
    check(&[("DATA", Silence)], "deferred", "data: no answer").await;
    check(&[("DATA", Close)], "deferred", "data").await;
    check(&[("dot", Say("451 later"))], "deferred", "message: 451").await;
    check(&[("dot", Say("421 shutting down"))], "deferred", "message: 421").await;
    check(&[("dot", Say("452 disk full"))], "deferred", "message: 452").await;
    check(&[("dot", Say("552 too large"))], "refused", "message: 552").await;
    check(&[("dot", Say("554 spam"))], "refused", "message: 554").await;
    // Nobody can know: the same bytes will go again.
    check(&[("dot", Silence)], "unknown", "message: no answer within 0.6 s").await;
    check(&[("dot", Close)], "unknown", "message").await;
    check(&[("dot", Break("25"))], "unknown", "message").await;
    check(&[("dot", Say("nonsense"))], "unknown", "message").await;
    check(&[("dot", Say("354 more?"))], "unknown", "354 after the final dot").await;
    // A 250 is a 250, whatever the farewell.
    check(&[("QUIT", Say("421 bye"))], "sent", "").await;
    check(&[("QUIT", Close)], "sent", "").await;
    check(&[("QUIT", Silence)], "sent", "").await;
    check(&[("dot", Say("250-queued\r\n250 as 17"))], "sent", "").await;
}

/// A body that fits no socket buffer: the server stops reading in its midst, so
/// the final dot was never sent and the mail is certainly not theirs.
#[tokio::test]
async fn a_break_before_the_final_dot_is_no_ambiguity() {
    let huge = "0123456789 ".repeat(6).into_bytes();
    let huge: Vec<u8> = std::iter::repeat_n([huge.as_slice(), b"\r\n"].concat(), 400_000).flatten().collect();
    for (script, reason) in [
        (&[("body", Silence)] as &'static [_], "message: no answer"),
        (&[("body", Close)], "message"),
        (&[("body", Break("421 "))], "message"),
    ] {
        let server = server(script).await;
        let mailer = open(&relay(server.port, Tls::None), script);
        let delivery =
            mailer.send("newswatch@example.org", "desk@example.org", "id@example.org", &huge).await;
        let (got, why) = kind(&delivery);
        assert!(got == "deferred" && why.contains(reason), "{script:?}: {got} {why}");
    }
}

#[tokio::test]
async fn a_port_nobody_listens_on_defers_and_names_the_step() {
    let free = TcpListener::bind(("127.0.0.1", 0)).await.expect("a loopback port");
    let port = free.local_addr().expect("a bound port").port();
    drop(free);
    let mail = wire(&envelope(), &composed(&named("three"))).expect("a mail");
    for tls in [Tls::None, Tls::StartTls, Tls::Implicit] {
        let (delivery, steps) = open(&relay(port, tls), &[])
            .dialogue("newswatch@example.org", "desk@example.org", "id@example.org", mail.bytes())
            .await;
        assert_eq!(kind(&delivery).0, "deferred");
        let last = steps.last().expect("a step was tried");
        assert_eq!((last.step, last.passed), ("connect", false), "{tls:?} {steps:?}");
        assert!(last.cure.is_some_and(|cure| cure.contains("port")));
    }
}

/// What the server offers instead of TLS never gets a mail or a password.
#[tokio::test]
async fn nothing_is_said_in_clear_where_tls_is_asked_for() {
    const OFFER: (&str, Act) = ("EHLO", Say("250-relay.example\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS"));
    let password = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(password.path(), "correct horse\n").expect("a writable file");
    for script in [
        &[] as &'static [(&str, Act)],
        &[("EHLO", Say("250-relay.example\r\n250 AUTH PLAIN LOGIN"))],
        &[OFFER, ("STARTTLS", Say("454 not now"))],
        &[OFFER, ("STARTTLS", Say("502 never heard of it"))],
        &[OFFER, ("STARTTLS", Say("220 go"))],
        &[OFFER, ("STARTTLS", Close)],
        &[OFFER, ("STARTTLS", Silence)],
    ] {
        let server = server(script).await;
        let mut mail = relay(server.port, Tls::StartTls);
        if let Transport::Smtp { user, password: secret, .. } = &mut mail.transport {
            *user = Some("newswatch".into());
            *secret = Some(Secret::File(password.path().into()));
        }
        let bytes = wire(&envelope(), &composed(&named("three"))).expect("a mail");
        let (delivery, steps) = open(&mail, script)
            .dialogue("newswatch@example.org", "desk@example.org", "id@example.org", bytes.bytes())
            .await;
        assert_eq!(kind(&delivery).0, "deferred", "{script:?} {delivery:?}");
        assert_eq!(
            steps.last().map(|step| (step.step, step.passed)),
            Some(("tls", false)),
            "{script:?} {steps:?}"
        );
        let seen = server.seen.lock().expect("no panic under the lock");
        let verbs: Vec<&str> = seen.commands.iter().filter_map(|line| line.split(' ').next()).collect();
        assert!(
            verbs.iter().all(|verb| !["MAIL", "AUTH", "RCPT", "DATA"].contains(verb)),
            "{script:?} {verbs:?}"
        );
        assert!(!format!("{delivery:?}{steps:?}").contains("correct horse"));
    }
}

#[test]
fn a_setting_that_would_expose_mail_or_password_is_refused() {
    let check = |host: &str, tls: Tls, secret: Option<Secret>, expected: &str| {
        let user = secret.as_ref().map(|_| "newswatch".into());
        let transport = Transport::Smtp { host: host.into(), port: 25, tls, user, password: secret };
        let mail = config::Mail { transport, from: "newswatch@example.org".into(), ops_to: Vec::new() };
        let told =
            Mailer::open(&mail, Path::new("/nonexistent")).map(|_| ()).map_err(|error| error.to_string());
        assert!(told.as_ref().err().is_some_and(|told| told.contains(expected)), "{host} {tls:?}: {told:?}");
    };
    check("relay.example.org", Tls::None, None, "`relay.example.org` is not this machine; set `tls =");
    check("127.0.0.1.example.org", Tls::None, None, "is not this machine");
    check("10.0.0.1", Tls::None, None, "is not this machine");
    check("localhost", Tls::None, Some(Secret::Environment("PATH".into())), "never sent without TLS");
    check(
        "relay.example.org",
        Tls::Implicit,
        Some(Secret::Environment("NEWSWATCH_NOT_SET".into())),
        "`NEWSWATCH_NOT_SET` is not set",
    );
    check(
        "relay.example.org",
        Tls::Implicit,
        Some(Secret::File(PathBuf::from("/nonexistent/p"))),
        "`/nonexistent/p`",
    );
}

/// Bytes that hold two mails for a careless server never leave.
#[tokio::test]
async fn smuggled_bytes_are_refused_before_they_leave() {
    let server = server(&[]).await;
    let mailer = open(&relay(server.port, Tls::None), &[]);
    for bytes in [
        b"Subject: a\r\n\r\na\n.\nMAIL FROM:<x@example.org>\r\n".as_slice(),
        b"Subject: a\r\n\r\na\r.\rMAIL FROM:<x@example.org>\r\n",
        b"Subject: a\r\n\r\na\n.\r\nMAIL FROM:<x@example.org>\r\n",
        b"Subject: a\r\n\r\na\0\r\n",
        b"Subject: a",
    ] {
        let delivery =
            mailer.send("newswatch@example.org", "desk@example.org", "id@example.org", bytes).await;
        assert_eq!(kind(&delivery).0, "refused", "{bytes:?}");
    }
    let dotted = b"Subject: a\r\n\r\n.\r\n..\r\n.a\r\nb\r\n";
    let delivery = mailer.send("newswatch@example.org", "desk@example.org", "id@example.org", dotted).await;
    assert_eq!(delivery, Delivery::Sent);
    assert_eq!(server.seen.lock().expect("no panic under the lock").mails, [dotted]);
}

#[tokio::test]
async fn the_dialogue_is_told_step_by_step() {
    let server = server(&[("RCPT", Say("550 no such user"))]).await;
    let mail = wire(&envelope(), &composed(&named("three"))).expect("a mail");
    let (_, steps) = open(&relay(server.port, Tls::None), &[])
        .dialogue("newswatch@example.org", "desk@example.org", "id@example.org", mail.bytes())
        .await;
    let told: Vec<(&str, bool)> = steps.iter().map(|step| (step.step, step.passed)).collect();
    let expected =
        [("resolve", true), ("connect", true), ("greeting", true), ("sender", true), ("recipient", false)];
    assert_eq!(told, expected);
    assert_eq!(steps[4].detail, "550 no such user");
}
