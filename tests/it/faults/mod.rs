//! What surrounds the daemon goes wrong: other programs, the disk, the clock, the
//! power, the name server. Nothing is lost, nothing is sent twice, the operator is
//! notified. The slow suites run only where `NEWSWATCH_FAULTS` is set.

mod damage;
mod outsider;

use crate::relay::{Got, Relay};
use crate::support::{Desk, Running, needs, newsroom, query, wait_for};
use newswatch::newsroom::Newsroom;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::runtime::Runtime;

pub const READER: &str = "ada@example.org";
pub const OPERATOR: &str = "ops@example.org";

/// Whether a slow suite runs that needs these programs (or `root`).
fn slow(wanted: &[&str]) -> bool {
    if std::env::var_os("NEWSWATCH_FAULTS").is_none() {
        eprintln!("skipped: slow; set NEWSWATCH_FAULTS=1");
        return false;
    }
    needs(wanted)
}

/// How many rounds `variable` asks for.
fn rounds(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|count| count.parse().ok()).unwrap_or(usual)
}

/// A source, a mail server, and a desk that reports to a reader by mail what it finds.
struct World {
    _runtime: Runtime,
    site: Newsroom,
    relay: Relay,
    desk: Desk,
}

impl World {
    /// With nothing published; the source is polled every minute, or when made due.
    fn new() -> World {
        let (runtime, site) = newsroom();
        let world = World { _runtime: runtime, site, relay: Relay::open(""), desk: Desk::bare() };
        world.publish(std::iter::empty());
        let config = world.config();
        world.desk.configure(&config);
        world
    }

    /// The configuration behind the `[daemon]` table.
    fn config(&self) -> String {
        let (port, feed) = (self.relay.port, self.feed("/feed"));
        format!(
            "[mail]\ntransport = \"smtp\"\nhost = \"127.0.0.1\"\ntls = \"none\"\nport = {port}\n\
             from = \"newswatch@example.org\"\nops_to = [{OPERATOR:?}]\n\
             [[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
             [[plan]]\nname = \"desk\"\nto = [{READER:?}]\n{feed}"
        )
    }

    /// The table of the source under this path, polled every minute.
    fn feed(&self, path: &str) -> String {
        let url = self.site.url(path);
        format!(
            "[[feed]]\nname = \"Osh Echo {path}\"\nurl = \"{url}\"\nfull_text = \"never\"\nevery = \"1m\"\n"
        )
    }

    /// Puts the stories with these numbers into the feed, and no others.
    fn publish(&self, stories: impl DoubleEndedIterator<Item = u64>) {
        self.publish_at("/feed", stories);
    }

    fn publish_at(&self, path: &str, stories: impl DoubleEndedIterator<Item = u64>) {
        let mut items = String::new();
        for story in stories.rev() {
            let text = prose(story);
            let _ = write!(
                items,
                "<item><guid>{story}</guid><title>Темиров {story}</title><description>{text}</description></item>"
            );
        }
        let feed = format!("<rss version='2.0'><channel><title>Osh Echo</title>{items}</channel></rss>");
        self.site.serve(path, "application/rss+xml", feed);
    }

    fn database(&self) -> PathBuf {
        self.desk.data().join("newswatch.db")
    }

    /// Makes the source due now: a daemon reads its timetable again on SIGHUP.
    fn make_due(&self, daemon: &Running) {
        let database = rusqlite::Connection::open(self.database()).expect("a database");
        database.busy_timeout(Duration::from_secs(10)).expect("a timeout");
        database.execute("UPDATE source SET next_poll_at = '1970-01-01T00:00:00Z'", []).expect("writable");
        daemon.signal("HUP");
    }

    /// Makes the source due until `done`: a poll under way keeps the timetable it will
    /// bring, so it is asked for again after a while.
    fn poll_until(&self, daemon: &Running, what: &str, mut done: impl FnMut() -> bool) {
        let mut looks = 0;
        wait_for(what, || {
            if looks % 40 == 0 {
                self.make_due(daemon);
            }
            looks += 1;
            done()
        });
    }

    /// The stories that the reader was sent.
    fn reported(&self) -> BTreeSet<u64> {
        self.mails_of_stories().into_keys().collect()
    }

    /// Waits until the reader was sent all stories up to this one.
    fn wait_for_reports(&self, last: u64) {
        wait_for(&format!("{last} stories in mails"), || self.reported().len() as u64 >= last);
    }

    /// The Message-IDs of the mails that each story was sent in.
    fn mails_of_stories(&self) -> BTreeMap<u64, BTreeSet<String>> {
        let mut mails: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
        for got in self.kept_for(READER) {
            for story in stories(&text(&got)) {
                mails.entry(story).or_default().insert(message_id(&got));
            }
        }
        mails
    }

    /// The mails for a recipient that the server took.
    fn kept_for(&self, recipient: &str) -> Vec<Got> {
        self.relay.got().into_iter().filter(|got| got.kept && got.recipient == recipient).collect()
    }

    /// Every story up to `last` was sent in one mail; what was sent again was the same
    /// mail, byte for byte.
    fn each_is_reported_once(&self, last: u64) {
        let mails = self.mails_of_stories();
        let missed: Vec<_> = (1..=last).filter(|story| !mails.contains_key(story)).collect();
        assert!(missed.is_empty(), "never sent: {missed:?}");
        let twice: Vec<_> = mails.iter().filter(|(_, ids)| ids.len() > 1).collect();
        assert!(twice.is_empty(), "sent in two mails: {twice:?}");
        let mut copies: BTreeMap<String, Got> = BTreeMap::new();
        for got in self.kept_for(READER) {
            let first = copies.entry(message_id(&got)).or_insert_with(|| got.clone());
            assert_eq!(*first, got, "two mails with one Message-ID");
        }
    }

    /// Every mail that is marked as sent was taken by the server.
    fn nothing_is_marked_that_was_not_taken(&self) {
        let taken: BTreeSet<_> = self.relay.got().iter().filter(|got| got.kept).map(message_id).collect();
        for id in query(&self.database(), "SELECT message_id FROM outbox WHERE state = 'sent'") {
            assert!(taken.contains(id.trim_matches(['<', '>'])), "{id} is marked as sent, and was not taken");
        }
    }

    /// The file is whole.
    fn is_whole(&self, when: &str) {
        let found = query(&self.database(), "PRAGMA integrity_check");
        assert_eq!(found, ["ok"], "integrity {when}");
    }

    fn articles(&self) -> u64 {
        self.desk.query("SELECT count(*) FROM article")[0].parse().expect("a number")
    }
}

/// Text that no two stories share, so that none passes for a copy of another.
fn prose(story: u64) -> String {
    const WORDS: [&str; 16] = [
        "суд",
        "мост",
        "река",
        "горы",
        "рынок",
        "школа",
        "закон",
        "дорога",
        "письмо",
        "встреча",
        "вода",
        "граница",
        "выборы",
        "поезд",
        "музей",
        "врач",
    ];
    let mut seed = story.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut words = Vec::new();
    for _ in 0..24 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        words.push(WORDS[(seed >> 60) as usize]);
    }
    format!("Журналист Темиров, дело {story}: {}.", words.join(" "))
}

/// The numbers of the stories that a mail lists.
fn stories(text: &str) -> Vec<u64> {
    let number = |line: &str| {
        line.strip_prefix("* Темиров ")?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    text.lines().filter_map(number).collect()
}

/// A mail's subject and text.
fn text(got: &Got) -> String {
    let mail = mail_parser::MessageParser::default().parse(&got.bytes).expect("a mail");
    format!("{}\n{}", mail.subject().unwrap_or_default(), mail.body_text(0).unwrap_or_default())
}

fn message_id(got: &Got) -> String {
    let mail = mail_parser::MessageParser::default().parse(&got.bytes).expect("a mail");
    mail.message_id().expect("an id").to_owned()
}

/// The process's locks on the file, as the kernel lists them.
fn locks(process: u32, file: &Path) -> Vec<String> {
    let inode = std::fs::metadata(file).expect("it is there").ino();
    let table = std::fs::read_to_string("/proc/locks").expect("the kernel lists its locks");
    let held = |line: &&str| {
        let words: Vec<_> = line.split_whitespace().collect();
        words.contains(&&*process.to_string())
            && words.iter().any(|word| word.ends_with(&format!(":{inode}")))
    };
    table.lines().filter(held).map(str::to_owned).collect()
}

/// Runs a program that must succeed; returns what it printed.
fn must(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}
