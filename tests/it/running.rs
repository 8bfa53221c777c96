//! `newswatch run` as systemd and its operator see it.

use crate::support::{Desk, Running, newsroom, wait_for};
use newswatch::newsroom::Newsroom;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

const WATCH: &str = r#"
[[watch]]
name = "Temirov"
query = "Temirov"

[[plan]]
name = "desk"
to = ["desk@example.org"]
"#;

const OLD: &str =
    "<item><guid>1</guid><title>Дороги в Оше</title><description>Ремонт весной.</description></item>";
const NEW: &str = "<item><guid>2</guid><title>Суд над Темировым</title><description>Журналиста Темирова ждут.</description></item>";

fn serve(site: &Newsroom, path: &str, items: &str) {
    let feed = format!("<rss version='2.0'><channel><title>Osh Echo</title>{items}</channel></rss>");
    site.serve(path, "application/rss+xml", feed);
}

fn source(site: &Newsroom, path: &str) -> String {
    format!("\n[[feed]]\nname = \"Echo {path}\"\nurl = \"{}\"\nfull_text = \"never\"\n", site.url(path))
}

fn asked(site: &Newsroom, path: &str) -> usize {
    site.requests().iter().filter(|request| request.path == path).count()
}

/// Makes every source due now: a daemon reads its timetable anew on SIGHUP.
fn make_due(desk: &Desk, daemon: &Running) {
    let database = rusqlite::Connection::open(desk.data().join("newswatch.db")).expect("a database");
    database.execute("UPDATE source SET next_poll_at = '2026-01-01T00:00:00Z'", []).expect("writable");
    daemon.signal("HUP");
}

#[test]
fn a_story_published_while_it_runs_is_one_mail() {
    let (_runtime, site) = newsroom();
    serve(&site, "/feed", OLD);
    let desk = Desk::new(&(WATCH.to_owned() + &source(&site, "/feed")));
    let mut daemon = Running::start(&desk, &[]);
    wait_for("the first poll", || daemon.said("starts") && asked(&site, "/feed") == 1);
    wait_for("its record", || desk.query("SELECT count(*) FROM poll") == ["1"]);
    assert_eq!(desk.mails().len(), 0, "nothing matched yet");
    serve(&site, "/feed", &format!("{NEW}{OLD}"));
    let mut rounds = 0;
    wait_for("the alert", || {
        // A poll under way keeps the timetable it will bring: ask again after a while.
        if rounds % 40 == 0 && asked(&site, "/feed") == 1 {
            make_due(&desk, &daemon);
        }
        rounds += 1;
        !desk.mails().is_empty()
    });
    wait_for("its mark", || desk.query("SELECT state FROM outbox") == ["sent"]);
    daemon.ends_well_on("TERM");
    let mails = desk.mails();
    assert_eq!(mails.len(), 1);
    let mail = mail_parser::MessageParser::default().parse(mails[0].as_bytes()).expect("a mail");
    assert!(mail.body_text(0).is_some_and(|text| text.contains("Суд над Темировым")), "{mails:?}");
}

#[test]
fn a_hangup_takes_a_good_configuration_and_no_other() {
    let (_runtime, site) = newsroom();
    serve(&site, "/old", OLD);
    serve(&site, "/new", NEW);
    let desk = Desk::new(&(WATCH.to_owned() + &source(&site, "/old")));
    let mut daemon = Running::start(&desk, &[]);
    wait_for("the first poll", || asked(&site, "/old") == 1);

    desk.configure("[[watch]]\nname = \"Temirov\"\nqery = \"Temirov\"\n");
    daemon.signal("HUP");
    wait_for("why not", || daemon.said("configuration not reloaded, the old one stays"));
    // The head that every desk's configuration has is four lines.
    assert!(daemon.said("config.toml:7:1: unknown key `qery`"), "{}", daemon.log());
    assert_eq!(asked(&site, "/new"), 0);

    desk.configure(&(WATCH.to_owned() + &source(&site, "/old") + &source(&site, "/new")));
    daemon.signal("HUP");
    wait_for("the new source", || asked(&site, "/new") == 1);
    wait_for("its word", || daemon.said("configuration reloaded"));
    wait_for("its story", || desk.query("SELECT watch FROM match") == ["Temirov"]);
    daemon.ends_well_on("INT");
}

#[test]
fn systemd_hears_of_start_life_and_end() {
    let desk = Desk::new(WATCH);
    let path = desk.path("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
    let notify = path.display().to_string();
    let mut daemon = Running::start(&desk, &[("NOTIFY_SOCKET", &notify), ("WATCHDOG_USEC", "9000000")]);
    let mut told = String::new();
    let mut hear = |word: &str| {
        wait_for(word, || {
            let mut message = [0; 1024];
            if let Ok(length) = socket.recv(&mut message) {
                told += &String::from_utf8_lossy(&message[..length]);
                told.push('\n');
            }
            told.lines().any(|line| line == word)
        });
    };
    hear("READY=1");
    hear("WATCHDOG=1");
    daemon.signal("TERM");
    hear("STOPPING=1");
    daemon.ends_well_on("TERM");
    assert!(!daemon.said("stands still"), "{}", daemon.log());
}

#[test]
fn a_second_daemon_is_refused_at_once_and_told_of_the_first() {
    let desk = Desk::new(WATCH);
    let mut daemon = Running::start(&desk, &[]);
    wait_for("the claim", || {
        !std::fs::read_to_string(desk.data().join("newswatch.db.lock")).unwrap_or_default().is_empty()
    });
    for command in [&["run"][..], &["poll"], &["digest", "desk", "--send"]] {
        let began = Instant::now();
        let ran = desk.run(command);
        assert!(began.elapsed() < Duration::from_secs(1), "{command:?} took {:?}", began.elapsed());
        let first = format!("process {} already watches", daemon.id());
        assert_eq!(ran.code, Some(75), "{command:?}: {ran:?}");
        assert!(ran.err.contains(&first), "{command:?}: {}", ran.err);
    }
    let beside = desk.run(&["sources", "list"]);
    assert_ne!(beside.code, Some(75), "reading goes on beside it: {beside:?}");
    daemon.ends_well_on("TERM");
    assert_eq!(desk.run(&["poll"]).code, Some(0), "its end frees the place");
}

#[test]
fn without_a_network_it_says_so_and_goes_on() {
    let (_runtime, site) = newsroom();
    let sources = "[[feed]]\nname = \"Osh Echo\"\nurl = \"http://127.0.0.1:9/\"\n\
                   [[feed]]\nname = \"Naryn Courier\"\nurl = \"http://127.0.0.1:9/naryn\"\n";
    let desk = Desk::new(&(WATCH.to_owned() + sources));
    let mut daemon = Running::start(&desk, &[]);
    wait_for("the word", || daemon.said("none of the 2 sources can be reached"));
    for words in ["Osh Echo", "Naryn Courier", "polling goes on", "`newswatch demo`"] {
        assert!(daemon.said(words), "no `{words}` in {}", daemon.log());
    }
    assert!(!daemon.said(":0:0"), "a warning of the file as a whole has no place: {}", daemon.log());
    serve(&site, "/feed", NEW);
    desk.configure(&(WATCH.to_owned() + &source(&site, "/feed")));
    daemon.signal("HUP");
    wait_for("its story", || desk.query("SELECT watch FROM match") == ["Temirov"]);
    daemon.ends_well_on("TERM");
}

#[test]
fn a_source_that_hangs_does_not_keep_it_from_ending() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
    listener.set_nonblocking(true).expect("a socket that can be asked");
    let port = listener.local_addr().expect("a bound port").port();
    let source = format!("[[feed]]\nname = \"Osh Echo\"\nurl = \"http://127.0.0.1:{port}/\"\n");
    let desk = Desk::new(&(WATCH.to_owned() + &source));
    let mut daemon = Running::start(&desk, &[]);
    // Taken, and never answered.
    let mut connection = None;
    wait_for("the request", || {
        connection = listener.accept().ok();
        connection.is_some()
    });
    daemon.ends_well_on("TERM");
    let status = desk.run(&["status"]);
    assert_eq!(status.code, Some(0), "the history is whole: {status:?}");
}
