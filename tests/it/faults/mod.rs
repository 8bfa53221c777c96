//! What surrounds the daemon goes wrong: other programs, the disk, the clock, the
//! power, the name server. Nothing is lost, nothing is sent twice, the operator is
//! notified. The slow suites run only where `NEWSWATCH_FAULTS` is set.

mod clock;
mod damage;
mod disk;
mod files;
mod frozen;
mod io_errors;
mod names;
mod outsider;
mod power;
mod unit;

use crate::relay::{Got, Relay};
use crate::support::{Desk, Running, needs, newsroom, query, wait_for};
use newswatch::newsroom::Newsroom;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
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
            items += &format!(
                "<item><guid>{story}</guid><title>Темиров {story}</title><description>{text}</description></item>"
            );
        }
        let feed = format!("<rss version='2.0'><channel><title>Osh Echo</title>{items}</channel></rss>");
        self.site.serve(path, "application/rss+xml", feed);
    }

    /// How often the site was asked for this path.
    fn asked(&self, path: &str) -> usize {
        self.site.requests().iter().filter(|request| request.path == path).count()
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
        self.mails_of_stories(READER).into_keys().collect()
    }

    /// Waits until the reader was sent all stories up to this one.
    fn wait_for_reports(&self, last: u64) {
        wait_for(&format!("{last} stories in mails"), || self.reported().len() as u64 >= last);
    }

    /// The Message-IDs of the mails that each story was sent in.
    fn mails_of_stories(&self, recipient: &str) -> BTreeMap<u64, BTreeSet<String>> {
        let mut mails: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
        for got in self.kept_for(recipient) {
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

    /// The operator's mails in which these words stand, in capitals or not.
    fn operator_mails(&self, words: &str) -> usize {
        self.kept_for(OPERATOR).iter().filter(|got| text(got).to_lowercase().contains(words)).count()
    }

    /// Every story up to `last` was sent in one mail; what was sent again was the same
    /// mail, byte for byte.
    fn each_is_reported_once(&self, last: u64) {
        self.each_is_reported_once_to(READER, last);
    }

    fn each_is_reported_once_to(&self, recipient: &str, last: u64) {
        let mails = self.mails_of_stories(recipient);
        let missed: Vec<_> = (1..=last).filter(|story| !mails.contains_key(story)).collect();
        assert!(missed.is_empty(), "never sent: {missed:?}");
        let twice: Vec<_> = mails.iter().filter(|(_, ids)| ids.len() > 1).collect();
        assert!(twice.is_empty(), "sent in two mails: {twice:?}");
        let mut copies: BTreeMap<String, Got> = BTreeMap::new();
        for got in self.kept_for(recipient) {
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

/// What systemd is to the daemon: it hears of start, life and end.
struct Manager {
    path: PathBuf,
    heard: Arc<Mutex<Vec<(Instant, String)>>>,
}

impl Manager {
    /// Listens beside the desk.
    fn of(desk: &Desk) -> Manager {
        let path = desk.path("notify");
        let _ = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).expect("a socket");
        let heard = Arc::<Mutex<Vec<_>>>::default();
        let kept = heard.clone();
        // Ends with the test's process: nobody else holds the socket.
        std::thread::spawn(move || {
            let mut message = [0; 4096];
            while let Ok(length) = socket.recv(&mut message) {
                let text = String::from_utf8_lossy(&message[..length]).into_owned();
                kept.lock().expect("no holder panics").push((Instant::now(), text));
            }
        });
        Manager { path, heard }
    }

    /// The variables that name it to the daemon, with a watchdog of so many seconds.
    fn variables(&self, watchdog_seconds: u64) -> [(&'static str, String); 2] {
        let usec = (watchdog_seconds * 1_000_000).to_string();
        [("NOTIFY_SOCKET", self.path.display().to_string()), ("WATCHDOG_USEC", usec)]
    }

    /// Starts the daemon under its eyes.
    fn start(&self, desk: &Desk, starter: &[&str], watchdog_seconds: u64, more: &[(&str, &str)]) -> Running {
        let own = self.variables(watchdog_seconds);
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        Running::start_by(desk, starter, &own.chain(more.iter().copied()).collect::<Vec<_>>())
    }

    /// When it was sent a line that begins with `word`.
    fn times(&self, word: &str) -> Vec<Instant> {
        let heard = self.heard.lock().expect("no holder panics");
        let begins = |text: &str| text.lines().any(|line| line.starts_with(word));
        heard.iter().filter(|(_, text)| begins(text)).map(|(at, _)| *at).collect()
    }

    fn heard(&self, word: &str) -> bool {
        !self.times(word).is_empty()
    }

    /// The longest time without a ping since the daemon was ready, this moment included.
    fn longest_silence(&self) -> Duration {
        let mut times = self.times("READY=1");
        times.extend(self.times("WATCHDOG=1"));
        times.push(Instant::now());
        times.windows(2).map(|two| two[1].saturating_duration_since(two[0])).max().unwrap_or_default()
    }

    /// The time without a ping until this moment.
    fn silence(&self) -> Duration {
        self.times("WATCHDOG=1").last().map_or(Duration::ZERO, Instant::elapsed)
    }
}

/// A file system of its own under a directory; gone with the test.
struct Volume {
    at: PathBuf,
    options: String,
    device: String,
}

impl Volume {
    /// In memory.
    fn memory(at: &Path, bytes: u64) -> Volume {
        Volume::mounted(at, "none", format!("-t tmpfs -o size={bytes}"))
    }

    /// An ext4 in the file `image`.
    fn ext4(at: &Path, image: &Path, bytes: u64) -> Volume {
        let file = std::fs::File::create(image).expect("a file");
        file.set_len(bytes).expect("a file of this length");
        let image = image.display().to_string();
        // No blocks kept for root, who runs the test.
        must("mkfs.ext4", &["-q", "-m", "0", &image]);
        Volume::mounted(at, &image, "-t ext4 -o loop,errors=remount-ro".to_owned())
    }

    fn mounted(at: &Path, device: &str, options: String) -> Volume {
        std::fs::create_dir_all(at).expect("a directory");
        let volume = Volume { at: at.to_owned(), options, device: device.to_owned() };
        volume.mount();
        volume
    }

    fn mount(&self) {
        let mut words: Vec<_> = self.options.split(' ').collect();
        let at = self.at.display().to_string();
        words.extend([&*self.device, &at]);
        must("mount", &words);
    }

    /// Until the kernel has let go of it: another mount namespace, of a container that
    /// was made meanwhile, holds it for a moment longer.
    fn unmount(&self) {
        must("umount", &[&self.at.display().to_string()]);
        wait_for("the end of the file system", || must("losetup", &["-j", &self.device]).is_empty());
    }

    /// Takes all room, to the last byte.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.at.join("fill")).expect("a file");
        for chunk in [1 << 16, 1 << 12, 1 << 9, 1] {
            while file.write_all(&vec![b'x'; chunk]).is_ok() {}
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.at.join("fill")).expect("it can be removed");
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).output();
    }
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
