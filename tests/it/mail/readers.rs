//! Two readers of mail that know nothing of each other: mail-parser and Python's
//! `email`.

use mail_parser::{MessageParser, MimeHeaders as _};
use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Stdio};

const READ: &str = r#"
import email, email.policy, json, sys
unfold = lambda value: " ".join(str(value).split())
def read(raw):
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    plain = email.message_from_bytes(raw, policy=email.policy.compat32)
    parts = [[p.get_content_type(), p.get_content_charset(), p.get_content()] for p in mail.iter_parts()]
    defects = [str(d) for p in mail.walk() for d in p.defects] + [str(d) for h in mail.values() for d in h.defects]
    headers = [[[k, unfold(v)] for k, v in p.items()] for p in plain.walk()]
    return {"headers": headers, "subject": str(mail["Subject"]), "date": mail["Date"].datetime.timestamp(),
            "to": [a.addr_spec for a in mail["To"].addresses], "type": mail.get_content_type(),
            "parts": parts, "defects": defects}
print(json.dumps([read(raw) for raw in sys.stdin.buffer.read().split(b"\0")]))
"#;

/// A mail that both read alike.
pub struct Agreed {
    /// Of the mail and of each part, as they stand there, unfolded.
    pub headers: Vec<Vec<(String, String)>>,
    pub subject: String,
    /// Type and text of each part.
    pub parts: Vec<(String, String)>,
}

impl Agreed {
    /// The one header of that name.
    pub fn header(&self, name: &str) -> &str {
        let mut values = self.headers[0].iter().filter(|(header, _)| header == name);
        let (Some((_, value)), None) = (values.next(), values.next()) else { panic!("not one {name}") };
        value
    }
}

/// The interpreter that may have aiosmtpd.
pub fn python() -> String {
    std::env::var("NEWSWATCH_AIOSMTPD_PYTHON").unwrap_or_else(|_| "python3".into())
}

/// What both readers say of each mail; they must agree on every header and part, and
/// find nothing wrong. `None` where there is no Python.
pub fn agree(mails: &[Vec<u8>]) -> Option<Vec<Agreed>> {
    let python = read_by_python(&mails.join(&0))?;
    assert_eq!(python.len(), mails.len());
    Some(mails.iter().zip(&python).map(|(mail, python)| agreed(mail, python)).collect())
}

fn agreed(mail: &[u8], python: &Value) -> Agreed {
    let ours = MessageParser::default().parse(mail).expect("a mail");
    assert_eq!(python["defects"], Value::Array(Vec::new()));
    assert_eq!(python["type"], "multipart/alternative");
    let headers: Vec<Vec<(String, String)>> = ours.parts.iter().map(|part| raw_headers(mail, part)).collect();
    assert_eq!(serde_json::to_value(&headers).expect("strings"), python["headers"]);
    assert_eq!(Some(python["subject"].as_str().expect("a subject")), ours.subject());
    assert_eq!(python["date"].as_f64(), ours.date().map(|date| date.to_timestamp() as f64));
    assert_eq!(python["to"][0].as_str(), ours.to().and_then(|to| to.first()?.address()));
    let parts = python["parts"].as_array().expect("parts");
    assert_eq!(parts.len() + 1, ours.parts.len());
    let text = |text: &str| text.replace("\r\n", "\n").trim_end().to_owned();
    let mut read = Vec::new();
    for (theirs, part) in parts.iter().zip(&ours.parts[1..]) {
        let kind = part.content_type().expect("a type");
        let name = format!("{}/{}", kind.c_type, kind.subtype().unwrap_or_default());
        assert_eq!(theirs[0], name);
        assert_eq!(theirs[1].as_str(), kind.attribute("charset"));
        let ours = text(part.text_contents().expect("text"));
        assert_eq!(theirs[2].as_str().map(text), Some(ours.clone()), "{name}");
        read.push((name, ours));
    }
    Agreed { headers, subject: ours.subject().unwrap_or_default().into(), parts: read }
}

/// Each header as it stands in the bytes, unfolded.
fn raw_headers(mail: &[u8], part: &mail_parser::MessagePart<'_>) -> Vec<(String, String)> {
    let between =
        |start: u32, end: u32| String::from_utf8_lossy(&mail[start as usize..end as usize]).into_owned();
    let header = |header: &mail_parser::Header<'_>| {
        let name = between(header.offset_field, header.offset_start);
        let value = between(header.offset_start, header.offset_end);
        let words = value.split_whitespace().collect::<Vec<_>>().join(" ");
        (name.trim_end_matches(':').to_owned(), words)
    };
    part.headers.iter().map(header).collect()
}

/// A mail holds no NUL, which stands between two.
fn read_by_python(mails: &[u8]) -> Option<Vec<Value>> {
    let mut child = Command::new(python())
        .args(["-c", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(mails).ok()?;
    let output = child.wait_with_output().ok()?;
    assert!(output.status.success(), "Python cannot read the mails");
    serde_json::from_slice(&output.stdout).ok()
}
