//! Debian's Postfix takes a digest and an alert from the real binary, over
//! STARTTLS, and delivers them to local mailboxes; both readers agree on each.
//!
//! Needs root and the `postfix` package; says so where either is missing, and
//! fails instead where `NEWSWATCH_POSTFIX=required`.

use super::readers::{self, Agreed};
use crate::relay::certificates;
use crate::support::{Desk, finish, newsroom, wait_for};
use newswatch::newsroom::Newsroom;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// User and group that mailboxes belong to: nobody.
const NOBODY: u32 = 65_534;
const READERS: [&str; 2] = ["ada@example.org", "bek@example.org"];

/// A Postfix of its own, stopped with the test.
struct Postfix {
    directory: TempDir,
    port: u16,
}

impl Postfix {
    /// Why there is none, where there is none.
    fn start() -> Result<Postfix, String> {
        let postfix = Path::new("/usr/sbin/postfix");
        if !postfix.exists() {
            return Err("no Postfix; `apt-get install postfix`".into());
        }
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let path = directory.path();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("ours");
        for name in ["queue", "data", "boxes"] {
            std::fs::create_dir(path.join(name)).expect("writable");
        }
        chown(path.join("boxes"), Some(NOBODY), Some(NOBODY)).map_err(|_| "not root")?;
        let given = Command::new("chown").arg("postfix").arg(path.join("data")).status();
        if !given.is_ok_and(|status| status.success()) || !certificates(path) {
            return Err("no user `postfix`, or no openssl".into());
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
        let port = listener.local_addr().expect("a bound port").port();
        drop(listener);
        std::fs::write(path.join("main.cf"), main(path)).expect("writable");
        std::fs::write(path.join("master.cf"), master(port)).expect("writable");
        let server = Postfix { directory, port };
        let started = server.command("start").output().expect("postfix runs");
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        Ok(server)
    }

    fn command(&self, word: &str) -> Command {
        let mut command = Command::new("/usr/sbin/postfix");
        command.arg("-c").arg(self.directory.path()).arg(word);
        command
    }

    /// The mails in a mailbox, oldest first.
    fn mailbox(&self, reader: &str) -> Vec<Vec<u8>> {
        let new = self.directory.path().join("boxes").join(reader).join("new");
        let Ok(files) = std::fs::read_dir(new) else { return Vec::new() };
        let mut paths: Vec<_> = files.map(|file| file.expect("readable").path()).collect();
        paths.sort_by_key(|path| std::fs::metadata(path).and_then(|file| file.modified()).expect("a time"));
        paths.iter().map(|path| std::fs::read(path).expect("readable")).collect()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = self.command("stop").output();
    }
}

fn main(path: &Path) -> String {
    let path = path.display();
    let boxes: String = READERS.iter().map(|reader| format!(" {{ {reader} = {reader}/ }}")).collect();
    format!(
        "compatibility_level = 3.6\nqueue_directory = {path}/queue\ndata_directory = {path}/data\n\
         maillog_file = {path}/log\nmaillog_file_prefixes = {path}\n\
         inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmyhostname = relay.example.org\nmydestination =\n\
         mynetworks =\nsmtpd_relay_restrictions = reject_unauth_destination\n\
         smtpd_tls_security_level = encrypt\nsmtpd_tls_cert_file = {path}/good.pem\n\
         smtpd_tls_key_file = {path}/good.key\n\
         virtual_mailbox_domains = example.org\nvirtual_mailbox_base = {path}/boxes\n\
         virtual_mailbox_maps = inline:{{{boxes} }}\nvirtual_alias_maps =\n\
         virtual_uid_maps = static:{NOBODY}\nvirtual_gid_maps = static:{NOBODY}\n"
    )
}

fn master(port: u16) -> String {
    format!(
        "127.0.0.1:{port} inet n - n - - smtpd\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\n\
         tlsmgr unix - - n 1000? 1 tlsmgr\nrewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\n\
         defer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\nproxymap unix - - n - - proxymap\n\
         error unix - - n - - error\nretry unix - - n - - error\nvirtual unix - n n - - virtual\n\
         anvil unix - - n - 1 anvil\npostlog unix-dgram n - n - 1 postlogd\n"
    )
}

#[test]
fn postfix_delivers_an_alert_and_a_digest_that_two_readers_read_alike() {
    let postfix = match Postfix::start() {
        Ok(postfix) => postfix,
        Err(why) => {
            assert!(std::env::var_os("NEWSWATCH_POSTFIX").is_none(), "Postfix is required: {why}");
            eprintln!("skipped: {why}");
            return;
        }
    };
    let (_runtime, site) = newsroom();
    let desk = desk(&site, &postfix);
    serve(&site, &[]);
    run(&desk, &postfix, &["poll"], 0);
    // The first poll wakes nobody; the second brings an alert and a story for the digest.
    serve(&site, &["Суд над Темировым отложен", "Notes from the provinces"]);
    run(&desk, &postfix, &["poll"], 0);
    run(&desk, &postfix, &["digest", "desk", "--send"], 0);
    assert_eq!(desk.query("SELECT state, count(*) FROM outbox GROUP BY state"), ["sent | 4"]);
    for reader in READERS {
        wait_for("the mailbox", || postfix.mailbox(reader).len() == 2);
        let wires = format!("SELECT hex(wire) FROM outbox WHERE recipient = '{reader}' ORDER BY id");
        let mails = postfix.mailbox(reader);
        mails.iter().zip(desk.query(&wires)).for_each(|(mail, wire)| is_what_left(mail, &wire));
        let Some(all) = readers::agree(&mails) else {
            eprintln!("skipped: no python3 to read the mails a second time");
            return;
        };
        let subjects = ["Alert: Суд над Темировым отложен — Temirov", "Notes from the provinces — Temirov"];
        all.iter().zip(subjects).for_each(|(read, subject)| reads_as_written(read, reader, subject));
    }
}

/// A server puts headers before a mail and changes nothing in it; mailboxes have LF.
fn is_what_left(mail: &[u8], wire: &str) {
    let left: Vec<u8> = (0..wire.len() / 2)
        .map(|at| u8::from_str_radix(&wire[at * 2..at * 2 + 2], 16).expect("hex"))
        .filter(|byte| *byte != b'\r')
        .collect();
    assert!(mail.ends_with(&left), "{}", String::from_utf8_lossy(mail));
}

fn reads_as_written(read: &Agreed, reader: &str, subject: &str) {
    assert_eq!(read.subject, subject);
    for (name, value) in [
        ("To", reader),
        ("Delivered-To", reader),
        ("From", "newswatch@example.org"),
        ("Return-Path", "<newswatch@example.org>"),
        ("List-Id", "<desk.newswatch.example.org>"),
        ("List-Unsubscribe", "<mailto:newswatch@example.org?subject=unsubscribe%20desk>"),
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
    ] {
        assert_eq!(read.header(name), value);
    }
    assert!(read.header("Received").contains(" with ESMTPS "), "under TLS: {}", read.header("Received"));
    let kinds: Vec<&str> = read.parts.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["text/plain", "text/html"]);
    let headline = subject.trim_start_matches("Alert: ").split(" — ").next().expect("a headline");
    // The term is marked in HTML.
    let plain = |html: &str| html.replace("<mark>", "").replace("</mark>", "");
    assert!(read.parts.iter().all(|(_, text)| plain(text).contains(headline)), "{:?}", read.parts);
}

fn desk(site: &Newsroom, postfix: &Postfix) -> Desk {
    Desk::new(&format!(
        "[mail]\ntransport = \"smtp\"\nhost = \"localhost\"\nport = {}\ntls = \"starttls\"\n\
         from = \"newswatch@example.org\"\n\
         [[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
         [[plan]]\nname = \"desk\"\nto = {READERS:?}\ncron = \"0 7 1 1 *\"\nat_once_from = 2\n\
         [[feed]]\nname = \"Osh Echo\"\nurl = \"{}\"\nfull_text = \"never\"\n",
        postfix.port,
        site.url("/feed")
    ))
}

fn serve(site: &Newsroom, titles: &[&str]) {
    let item = |title: &&str| {
        format!(
            "<item><guid>{title}</guid><title>{title}</title><description>Темирова ждут.</description></item>"
        )
    };
    let items: String = titles.iter().map(item).collect();
    let feed = format!(
        "<rss version='2.0'><channel><title>Osh Echo</title>{items}<item><guid>0</guid>\
         <title>Дороги в Оше</title><description>Ремонт весной.</description></item></channel></rss>"
    );
    site.serve("/feed", "application/rss+xml", feed);
}

/// Runs a command that trusts the test's root.
fn run(desk: &Desk, postfix: &Postfix, command: &[&str], code: i32) {
    let mut command = desk.command(command);
    command.env("SSL_CERT_FILE", postfix.directory.path().join("root.pem"));
    let ran = finish(command.spawn().expect("the binary starts"));
    assert_eq!(ran.code, Some(code), "{ran:?}\n{}", postfix.log());
}
