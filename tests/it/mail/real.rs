//! A real server (aiosmtpd) takes the mail; two readers that know nothing of
//! each other (mail-parser, Python's `email`) agree on what it says.

use super::{all_facts, composed, envelope};
use mail_parser::{MessageParser, MimeHeaders as _};
use newswatch::config::{Mail, Tls, Transport};
use newswatch::mail::{Delivery, Mailer, wire};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const SERVE: &str = r#"
import asyncio, sys
from aiosmtpd.smtp import SMTP

class Keep:
    async def handle_DATA(self, server, session, envelope):
        open(sys.argv[1], "wb").write(envelope.original_content)
        return "250 kept"

async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Keep()), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)

asyncio.run(main())
"#;

const READ: &str = r#"
import email, email.policy, json, sys
mail = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
parts = [[p.get_content_type(), p.get_content_charset(), p.get_content()] for p in mail.iter_parts()]
defects = [str(d) for p in mail.walk() for d in p.defects] + [str(d) for h in mail.values() for d in h.defects]
print(json.dumps({"headers": [[k, str(v)] for k, v in mail.items()], "type": mail.get_content_type(),
                  "parts": parts, "defects": defects}))
"#;

fn python() -> String {
    std::env::var("NEWSWATCH_AIOSMTPD_PYTHON").unwrap_or_else(|_| "python3".into())
}

/// The server and its port, gone with the test.
struct Server(Child, u16);

impl Server {
    fn start(kept: &Path) -> Option<Server> {
        let mut child = Command::new(python())
            .args(["-c", SERVE])
            .arg(kept)
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
    let Some(server) = Server::start(&kept) else {
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
    let mail = Mail { transport, from: envelope().from, ops_to: Vec::new() };
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

#[test]
fn two_readers_agree_on_every_header_and_part() {
    for (path, facts) in all_facts() {
        let digest = composed(&facts);
        let wire = wire(&envelope(), &digest).expect("a mail");
        let Some(python) = read_by_python(wire.bytes()) else {
            eprintln!("skipped: no python3 to read the mail a second time");
            return;
        };
        let name = path.display();
        let ours = MessageParser::default().parse(wire.bytes()).expect("a mail");
        assert_eq!(python["defects"], Value::Array(Vec::new()), "{name}");
        assert_eq!(python["type"], "multipart/alternative");
        let header = |wanted: &str| {
            let headers = python["headers"].as_array().expect("headers");
            let mut values = headers.iter().filter(|header| header[0] == wanted).map(|header| &header[1]);
            let value = values.next().and_then(Value::as_str).expect("the header");
            assert_eq!(values.next(), None, "{name}: two of {wanted}");
            value.to_string()
        };
        assert_eq!(Some(header("Subject").as_str()), ours.subject(), "{name}");
        assert_eq!(ours.subject(), Some(digest.subject.as_str()), "{name}");
        assert_eq!(header("Message-ID"), format!("<{}>", ours.message_id().expect("an id")));
        assert_eq!(header("From"), "newswatch <newswatch@example.org>");
        assert_eq!(header("Date"), "Sun, 22 Nov 2026 16:00:03 +0000");
        assert_eq!(ours.date().expect("a date").to_timestamp(), envelope().date.timestamp());
        assert_eq!(python["headers"].as_array().map(Vec::len), Some(ours.headers().len()), "{name}");
        let parts = python["parts"].as_array().expect("parts");
        assert_eq!(parts.len(), 2);
        for (at, (subtype, expected)) in
            [("plain", &digest.text), ("html", &digest.html)].into_iter().enumerate()
        {
            let part = &ours.parts[at + 1];
            assert_eq!(parts[at][0], format!("text/{subtype}"));
            assert_eq!(parts[at][1], "utf-8", "{name}");
            assert_eq!(part.content_type().and_then(|kind| kind.attribute("charset")), Some("utf-8"));
            let text = part.text_contents().expect("text").replace("\r\n", "\n");
            assert_eq!(text.trim_end(), expected.trim_end(), "{name}");
            assert_eq!(
                parts[at][2].as_str().map(|text| text.replace("\r\n", "\n").trim_end().to_string()),
                Some(text.trim_end().into()),
                "{name}"
            );
        }
    }
}

fn read_by_python(mail: &[u8]) -> Option<Value> {
    let mut child = Command::new(python())
        .args(["-c", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(mail).ok()?;
    let output = child.wait_with_output().ok()?;
    assert!(output.status.success(), "Python cannot read the mail");
    serde_json::from_slice(&output.stdout).ok()
}
