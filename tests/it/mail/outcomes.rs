//! The table of outcomes: every answer at every step of SMTP, what the outbox
//! then says, and how many mails a relay can have kept once it is well again.
//!
//! A whole desk against a scripted server, the clock in hand: the second try is
//! made a minute later, by that clock.

use crate::inside::{Inside, time};
use crate::relay::{self, Relay, Way};
use chrono::TimeDelta;
use newswatch::mail::Limits;
use std::path::Path;
use std::process::Command;

const TABLE: &str = include_str!("../../data/smtp/outcomes.txt");
const READERS: [&str; 3] = ["ada@example.org", "bek@example.org", "desk@example.org"];
const PASSWORD: &str = "correct horse";
/// Scripts played at a time.
const AT_ONCE: usize = 12;
/// How long a silence is borne; the other steps of its script must take less.
const SILENCE_MS: u64 = 800;

#[derive(Debug, Clone)]
struct Row {
    /// `clear`, or how TLS begins and which certificate is shown.
    way: String,
    script: String,
    /// By recipient.
    outcomes: Vec<String>,
    kept: Vec<usize>,
    reason: String,
}

impl Row {
    /// Whether it waits for an answer that does not come.
    fn is_silent(&self) -> bool {
        [": silence", ": late "].iter().any(|act| self.script.contains(act))
    }
}

fn table() -> Vec<Row> {
    let mut way = String::new();
    let mut rows = Vec::new();
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(heading) = line.strip_prefix("== ") {
            way = heading.trim_end_matches(" ==").into();
            continue;
        }
        let cells: Vec<&str> = line.splitn(4, '|').map(str::trim).collect();
        let [script, outcomes, kept, reason] = cells[..] else { panic!("not four cells: {line}") };
        for (script, reason) in each(script, reason) {
            let outcomes = outcomes.split(' ').filter(|word| !word.is_empty()).map(String::from).collect();
            let kept = kept.split(' ').filter(|word| !word.is_empty());
            let kept = kept.map(|count| count.parse().expect("a count")).collect();
            rows.push(Row { way: way.clone(), script, outcomes, kept, reason });
        }
    }
    rows
}

/// A script of each choice in braces, with the reason it must give.
fn each(script: &str, reason: &str) -> Vec<(String, String)> {
    match script.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
        None => vec![(script.into(), reason.into())],
        Some((before, (choices, after))) => choices
            .split(',')
            .map(|choice| (format!("{before}{choice}{after}"), reason.replace('$', choice)))
            .collect(),
    }
}

#[test]
fn every_answer_at_every_step_has_its_outcome() {
    let rows: Vec<Row> = table().into_iter().filter(|row| row.way == "clear").collect();
    assert!(rows.len() >= 100, "{} scripts are fewer than there were", rows.len());
    play(rows, None);
}

/// TLS trusts what the system trusts, read once from the environment: the
/// scripts under TLS are played in a process that trusts the test's own root.
#[test]
fn every_answer_under_tls_has_its_outcome() {
    const ROOT: &str = "SSL_CERT_FILE";
    const HERE: &str = "NEWSWATCH_TEST_CERTIFICATES";
    if let Some(directory) = std::env::var_os(HERE) {
        let rows: Vec<Row> = table().into_iter().filter(|row| row.way != "clear").collect();
        assert!(rows.len() >= 30, "{} scripts are fewer than there were", rows.len());
        return play(rows, Some(Path::new(&directory)));
    }
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    if !relay::certificates(directory.path()) {
        eprintln!("skipped: no openssl to make certificates with");
        return;
    }
    std::fs::write(directory.path().join("password"), PASSWORD).expect("writable");
    let name = "mail::outcomes::every_answer_under_tls_has_its_outcome";
    let mut child = Command::new(std::env::current_exe().expect("this test"));
    child.args([name, "--exact", "--nocapture"]);
    child.env(HERE, directory.path()).env(ROOT, directory.path().join("root.pem"));
    let output = child.output().expect("this test runs");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// One script in so many is played in an everyday run; `NEWSWATCH_OUTCOMES` plays all.
const EVERYDAY: usize = 3;

fn play(rows: Vec<Row>, certificates: Option<&Path>) {
    let step = if std::env::var_os("NEWSWATCH_OUTCOMES").is_some() { 1 } else { EVERYDAY };
    let mut rows: Vec<Row> = rows.into_iter().step_by(step).collect();
    // Those that wait do so together.
    rows.sort_by_key(Row::is_silent);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    for rows in rows.chunks(AT_ONCE) {
        let tasks: Vec<_> = rows
            .iter()
            .map(|row| {
                let certificates = certificates.map(Path::to_path_buf);
                (row.clone(), runtime.spawn(check(row.clone(), certificates)))
            })
            .collect();
        for (row, task) in tasks {
            assert!(runtime.block_on(task).is_ok(), "{row:?}");
        }
    }
}

async fn check(row: Row, certificates: Option<std::path::PathBuf>) {
    let relay = open(&row, certificates.as_deref());
    let desk = desk(&row, &relay, certificates.as_deref());
    let first = time("2026-11-23T07:00:00Z");
    desk.publish("1", "Temirov before the court", "Temirov stands trial in Bishkek.", first);
    desk.round(first).await;

    let readers: Vec<&str> = READERS[..row.outcomes.len()].to_vec();
    let by_reader = |sql: &str| desk.query(&format!("{sql} ORDER BY o.recipient"));
    let states = by_reader("SELECT o.recipient, o.state, o.tries FROM outbox o");
    let expected: Vec<String> = readers
        .iter()
        .zip(&row.outcomes)
        .map(|(reader, outcome)| match outcome.as_str() {
            settled @ ("sent" | "refused") => format!("{reader} | {settled} | 1"),
            _ => format!("{reader} | owed | 1"),
        })
        .collect();
    assert_eq!(states, expected, "{row:?}");
    let tried = "SELECT v.outcome FROM delivery v JOIN outbox o ON o.id = v.outbox_id";
    assert_eq!(by_reader(tried), row.outcomes, "{row:?}");
    let reasons = by_reader("SELECT v.reason FROM delivery v JOIN outbox o ON o.id = v.outbox_id");
    for (reason, outcome) in reasons.iter().zip(&row.outcomes) {
        let is_said = if outcome == "sent" { reason.is_empty() } else { reason.contains(&row.reason) };
        assert!(is_said, "{row:?}: {reason}");
        assert!(!reason.contains(PASSWORD), "{row:?}: {reason}");
    }
    assert!(has_said_nothing_in_clear(&row, &relay), "{row:?}: {:?}", relay.commands());

    relay.play("");
    let asked = relay.commands().len();
    desk.round(first + TimeDelta::seconds(59)).await;
    assert_eq!(relay.commands().len(), asked, "{row:?}: tried again too early");
    desk.round(first + TimeDelta::seconds(60)).await;
    desk.round(first + TimeDelta::hours(2)).await;
    let wires = by_reader("SELECT hex(o.wire) FROM outbox o");
    for ((reader, kept), wire) in readers.iter().zip(&row.kept).zip(wires) {
        let got: Vec<_> = relay.got().into_iter().filter(|got| got.recipient == *reader).collect();
        assert_eq!(got.iter().filter(|got| got.kept).count(), *kept, "{row:?}: {reader}");
        let same = |got: &relay::Got| got.bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        assert!(got.iter().all(|got| same(got) == wire), "{row:?}: {reader} got other bytes");
    }
}

fn open(row: &Row, certificates: Option<&Path>) -> Relay {
    let mut words = row.way.split(' ');
    let way = match words.next() {
        Some("starttls") => Way::StartTls,
        Some("implicit") => Way::Implicit,
        _ => Way::Clear,
    };
    let certificate = certificates.map(|directory| directory.join(words.next().unwrap_or("good")));
    Relay::open_with(way, certificate.as_deref(), &row.script)
}

fn desk(row: &Row, relay: &Relay, certificates: Option<&Path>) -> Inside {
    let mut mail = format!("transport = \"smtp\"\nport = {}\nfrom = \"newswatch@example.org\"\n", relay.port);
    let tls = row.way.split(' ').next().unwrap_or_default();
    match certificates {
        None => mail += "host = \"127.0.0.1\"\ntls = \"none\"\n",
        Some(directory) => {
            let file = directory.join("password");
            mail += &format!(
                "host = \"localhost\"\ntls = {tls:?}\nuser = \"newswatch\"\npassword_file = {file:?}\n"
            );
        }
    }
    let config = format!(
        "[mail]\n{mail}[[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n[[plan]]\nname = \"desk\"\nto = {:?}\n",
        &READERS[..row.outcomes.len()]
    );
    // Patient, unless the script has a silence to wait out.
    let ms = if row.is_silent() { SILENCE_MS } else { 20_000 };
    Inside::open(&config, Limits { connect_ms_max: 20_000, reply_ms_max: ms, final_reply_ms_max: ms })
}

/// Where TLS is asked for, mail and password are said under TLS or not at all.
fn has_said_nothing_in_clear(row: &Row, relay: &Relay) -> bool {
    if row.way == "clear" || !row.reason.starts_with("tls: ") {
        return true;
    }
    relay
        .commands()
        .iter()
        .all(|command| !["MAIL", "AUTH", "RCPT", "DATA"].iter().any(|c| command.starts_with(c)))
}
