//! The dialogue with a relay beside the table of outcomes: what never leaves, and
//! what is said of each step.

use super::{composed, envelope, named, secret};
use crate::relay::Relay;
use newswatch::config::{self, Holder, Mail, Secret, Tls, Transport};
use newswatch::mail::{Delivery, Limits, Mailer, wire};
use std::path::Path;
use tokio::net::TcpListener;

const FROM: &str = "newswatch@example.org";
const TO: &str = "desk@example.org";

fn relay(port: u16, tls: Tls) -> Mail {
    let transport = Transport::Smtp { host: "127.0.0.1".into(), port, tls, user: None, password: None };
    Mail { transport, from: FROM.into(), ..newswatch::config::Mail::default() }
}

/// Patient, unless the script has a silence to wait out.
fn open(mail: &Mail, script: &str) -> Mailer {
    let ms = if script.contains("silence") { 600 } else { 20_000 };
    let limits = Limits { connect_ms_max: 20_000, reply_ms_max: ms, final_reply_ms_max: ms };
    Mailer::open(mail, Path::new("/nonexistent")).expect("a mailer").with_limits(limits)
}

fn kind(delivery: &Delivery) -> (&'static str, &str) {
    match delivery {
        Delivery::Sent => ("sent", ""),
        Delivery::Deferred(reason) | Delivery::Later(_, reason) => ("deferred", reason),
        Delivery::Refused(reason) | Delivery::TooLarge(reason) => ("refused", reason),
        Delivery::Unknown(reason) => ("unknown", reason),
    }
}

/// A body that fits no socket buffer: the server stops reading in its midst, so
/// the final dot was never sent and the mail is certainly not theirs.
#[tokio::test]
async fn a_break_before_the_final_dot_is_no_ambiguity() {
    let huge = "0123456789 ".repeat(6).into_bytes();
    let huge: Vec<u8> = std::iter::repeat_n([huge.as_slice(), b"\r\n"].concat(), 120_000).flatten().collect();
    for (script, reason) in
        [("body: silence", "message: no answer"), ("body: close", "message"), ("body: break 421 ", "message")]
    {
        let server = Relay::open(script);
        let mailer = open(&relay(server.port, Tls::None), script);
        let delivery = mailer.send(FROM, TO, "id@example.org", &huge).await;
        let (got, why) = kind(&delivery);
        assert!(got == "deferred" && why.contains(reason), "{script}: {got} {why}");
    }
}

#[tokio::test]
async fn a_port_nobody_listens_on_defers_and_names_the_step() {
    let free = TcpListener::bind(("127.0.0.1", 0)).await.expect("a loopback port");
    let port = free.local_addr().expect("a bound port").port();
    drop(free);
    let mail = wire(&envelope(), &composed(&named("three"))).expect("a mail");
    for tls in [Tls::None, Tls::StartTls, Tls::Implicit] {
        let (delivery, steps) =
            open(&relay(port, tls), "").dialogue(FROM, TO, "id@example.org", mail.bytes()).await;
        assert_eq!(kind(&delivery).0, "deferred");
        let last = steps.last().expect("a step was tried");
        assert_eq!((last.step, last.passed), ("connect", false), "{tls:?} {steps:?}");
        assert!(last.cure.is_some_and(|cure| cure.contains("port")));
    }
}

#[test]
fn a_setting_that_would_expose_mail_or_password_is_refused() {
    let check = |host: &str, tls: Tls, secret: Option<Secret>, expected: &str| {
        let user = secret.as_ref().map(|_| "newswatch".into());
        let transport = Transport::Smtp { host: host.into(), port: 25, tls, user, password: secret };
        let mail = config::Mail {
            transport,
            from: "newswatch@example.org".into(),
            ..newswatch::config::Mail::default()
        };
        let told =
            Mailer::open(&mail, Path::new("/nonexistent")).map(|_| ()).map_err(|error| error.to_string());
        assert!(told.as_ref().err().is_some_and(|told| told.contains(expected)), "{host} {tls:?}: {told:?}");
    };
    check("relay.example.org", Tls::None, None, "`relay.example.org` is not this machine; set `tls =");
    check("127.0.0.1.example.org", Tls::None, None, "is not this machine");
    check("10.0.0.1", Tls::None, None, "is not this machine");
    check("localhost", Tls::None, Some(secret(Holder::Variable("PATH".into()))), "never sent without TLS");
    check(
        "relay.example.org",
        Tls::Implicit,
        Some(secret(Holder::Variable("NEWSWATCH_NOT_SET".into()))),
        "`NEWSWATCH_NOT_SET` is not set",
    );
    check(
        "relay.example.org",
        Tls::Implicit,
        Some(secret(Holder::file("/nonexistent/p", Path::new("")))),
        "`/nonexistent/p`",
    );
}

/// Bytes that hold two mails for a careless server never leave.
#[tokio::test]
async fn smuggled_bytes_are_refused_before_they_leave() {
    let server = Relay::open("");
    let mailer = open(&relay(server.port, Tls::None), "");
    for bytes in [
        b"Subject: a\r\n\r\na\n.\nMAIL FROM:<x@example.org>\r\n".as_slice(),
        b"Subject: a\r\n\r\na\r.\rMAIL FROM:<x@example.org>\r\n",
        b"Subject: a\r\n\r\na\n.\r\nMAIL FROM:<x@example.org>\r\n",
        b"Subject: a\r\n\r\na\0\r\n",
        b"Subject: a",
    ] {
        let delivery = mailer.send(FROM, TO, "id@example.org", bytes).await;
        assert_eq!(kind(&delivery).0, "refused", "{bytes:?}");
    }
    let dotted = b"Subject: a\r\n\r\n.\r\n..\r\n.a\r\nb\r\n";
    let delivery = mailer.send(FROM, TO, "id@example.org", dotted).await;
    assert_eq!(delivery, Delivery::Sent);
    let got: Vec<_> = server.got().into_iter().map(|got| got.bytes).collect();
    assert_eq!(got, [dotted]);
}

#[tokio::test]
async fn the_dialogue_is_told_step_by_step() {
    let server = Relay::open("RCPT: 550 no such user");
    let mail = wire(&envelope(), &composed(&named("three"))).expect("a mail");
    let (_, steps) =
        open(&relay(server.port, Tls::None), "").dialogue(FROM, TO, "id@example.org", mail.bytes()).await;
    let told: Vec<(&str, bool)> = steps.iter().map(|step| (step.step, step.passed)).collect();
    let expected =
        [("resolve", true), ("connect", true), ("greeting", true), ("sender", true), ("recipient", false)];
    assert_eq!(told, expected);
    assert_eq!(steps[4].detail, "550 no such user");
}
