//! The mail server goes away while a digest is due, and comes back: every mail
//! once, none lost, under the Message-ID it was written with.

use crate::support::{Desk, Ran, newsroom};
use newswatch::newsroom::Newsroom;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Keeps each mail as `RECIPIENT.N.eml`; with a number, dies at that mail,
/// unanswered and unkept.
const SERVE: &str = r#"
import asyncio, os, sys
from aiosmtpd.smtp import SMTP

directory, port, dies_at = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
kept = 0

class Keep:
    async def handle_DATA(self, server, session, envelope):
        global kept
        kept += 1
        if kept == dies_at:
            os._exit(1)
        name = envelope.rcpt_tos[0] + "." + str(len(os.listdir(directory))) + ".eml"
        open(os.path.join(directory, name), "wb").write(envelope.original_content)
        return "250 kept"

async def main():
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: SMTP(Keep()), "127.0.0.1", port)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)

asyncio.run(main())
"#;

const READERS: [&str; 3] = ["ada@example.org", "bek@example.org", "desk@example.org"];

/// The server, gone with the test.
struct Server(Child);

impl Server {
    /// `dies_at`: the mail at which it dies; 0 for never.
    fn start(kept: &Path, port: u16, dies_at: u32) -> Option<Server> {
        let python = std::env::var("NEWSWATCH_AIOSMTPD_PYTHON").unwrap_or_else(|_| "python3".into());
        let mut command = Command::new(python);
        command.args(["-c", SERVE]).arg(kept).args([port.to_string(), dies_at.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = Server(command.spawn().ok()?);
        let mut line = String::new();
        BufReader::new(server.0.stdout.take()?).read_line(&mut line).ok()?;
        (line.trim() == "ready").then_some(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_that_is_away_gets_every_mail_once_when_it_is_back() {
    check(&["digest", "desk", "--send"], None);
    check(&["poll"], None);
}

#[test]
fn a_server_that_dies_amid_a_digest_gets_the_rest_once_when_it_is_back() {
    check(&["digest", "desk", "--send"], Some(1));
    check(&["poll"], Some(2));
}

/// `command` meets a server that is away, or that dies at a mail.
fn check(command: &[&str], dies_at: Option<u32>) {
    let (_runtime, site) = newsroom();
    let port = free_port();
    let desk = desk(&site, port);
    let kept = desk.path("kept");
    std::fs::create_dir(&kept).expect("writable");
    if Server::start(&kept, port, 0).is_none() {
        eprintln!("skipped: no aiosmtpd; `pip install aiosmtpd` and set NEWSWATCH_AIOSMTPD_PYTHON");
        return;
    }
    ends(&desk.run(&["poll"]), 0, "the first poll tells nothing: no slot has passed");
    change(&desk, "UPDATE digest SET until_at = '2026-01-01T00:00:00Z' WHERE slot = 'start'");
    let first = dies_at.map(|mail| Server::start(&kept, port, mail).expect("the server starts again"));
    let away = desk.run(command);
    drop(first);
    ends(&away, 75, "some mail could not be handed over");
    let arrived = by_reader(&kept);
    assert_eq!(arrived.len(), dies_at.map_or(0, |mail| mail as usize - 1), "{arrived:?}");
    // The first shows that nothing gets out; a server that dies at a mail is found dead by the next.
    assert!(away.err.contains("it stays in the outbox and goes out later"), "{}", away.err);
    let waits = away.err.lines().find(|line| line.contains("more wait for the same reason"));
    assert_eq!(waits.is_some(), dies_at != Some(2), "{}", away.err);
    let written = desk.query("SELECT recipient || ' <' || message_id || '>' FROM outbox ORDER BY recipient");

    let _second = Server::start(&kept, port, 0).expect("the server starts again");
    ends(&desk.run(&["poll"]), 0, "too early for a second try");
    assert_eq!(by_reader(&kept), arrived, "the back-off holds");
    // The first retry is due a minute later: that minute has passed.
    change(&desk, "UPDATE outbox SET next_try_at = '2026-01-01T00:00:00Z' WHERE state = 'owed'");
    for _ in 0..2 {
        ends(&desk.run(&["poll"]), 0, "all mail is handed over");
        let arrived = by_reader(&kept);
        let found: Vec<String> = arrived
            .iter()
            .flat_map(|(reader, ids)| ids.iter().map(move |id| format!("{reader} {id}")))
            .collect();
        assert_eq!(found, written, "each reader once, with the Message-ID of the outbox");
        assert_eq!(desk.query("SELECT DISTINCT state FROM outbox"), ["sent"]);
        assert_eq!(desk.query("SELECT count(*) FROM not_yet_told"), ["0"]);
    }
}

fn ends(ran: &Ran, code: i32, why: &str) {
    assert_eq!(ran.code, Some(code), "{why}: {ran:?}");
}

/// Its digest was due at any minute of this year.
fn desk(site: &Newsroom, port: u16) -> Desk {
    let feed = "<rss version='2.0'><channel><title>Osh Echo</title><item><guid>1</guid>\
                <title>Суд над Темировым</title><description>Журналиста Темирова ждут.</description>\
                </item></channel></rss>";
    site.serve("/feed", "application/rss+xml", feed);
    Desk::new(&format!(
        "[mail]\ntransport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n\
         from = \"newswatch@example.org\"\n\
         [[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
         [[plan]]\nname = \"desk\"\nto = {READERS:?}\ncron = \"0 7 1 1 *\"\n\
         [[feed]]\nname = \"Osh Echo\"\nurl = \"{}\"\nfull_text = \"never\"\n",
        site.url("/feed")
    ))
}

fn change(desk: &Desk, sql: &str) {
    let database = rusqlite::Connection::open(desk.data().join("newswatch.db")).expect("a database");
    assert_ne!(database.execute(sql, []).expect("good SQL"), 0, "{sql}");
}

/// The Message-IDs that the server kept for each reader.
fn by_reader(kept: &Path) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in std::fs::read_dir(kept).expect("readable") {
        let path = file.expect("readable").path();
        let bytes = std::fs::read(&path).expect("readable");
        let mail = mail_parser::MessageParser::default().parse(&bytes).expect("a mail");
        let reader = mail.to().and_then(|to| to.first()?.address()).expect("a reader").to_owned();
        let id = format!("<{}>", mail.message_id().expect("an id"));
        assert!(path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&reader)), "{path:?}");
        assert!(mail.body_text(0).is_some_and(|text| text.contains("Суд над Темировым")), "{path:?}");
        found.entry(reader).or_default().push(id);
    }
    found
}

/// A port nobody listens on, for a server that comes, goes and comes again.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
    listener.local_addr().expect("a bound port").port()
}
