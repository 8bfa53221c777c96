//! A name server that never answers delays nothing but the names it is asked for. In a
//! network of its own, where the test is the name server.

use super::{Manager, World, slow};
use crate::support::{wait_for, wait_within};
use std::collections::HashSet;
use std::net::UdpSocket;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Sources whose address has a name, beside two whose address is a number.
const NAMED: usize = 2500;

const WATCHDOG_SECONDS: u64 = 10;

/// An interval of a source, and what a loaded machine adds.
const INTERVAL: Duration = Duration::from_secs(60 + 20);

/// Set in the process that runs in the network of its own.
const INSIDE: &str = "NEWSWATCH_INSIDE";

/// A copy of what other tests have mounted would keep it from being mounted again.
const ENTER: &str = "set -e
ip link set lo up
awk '$2 ~ /\\/data$/ { print $2 }' /proc/mounts | while read -r at; do umount -l \"$at\"; done
mount --bind \"$RESOLV_CONF\" /etc/resolv.conf
exec \"$@\"";

/// Whether this process is in a network of its own; one that is not runs the test again
/// in one.
fn is_inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let resolv_conf = directory.path().join("resolv.conf");
    std::fs::write(&resolv_conf, "nameserver 127.0.0.53\n").expect("writable");
    let own = std::env::current_exe().expect("the test has a path");
    let mut command = Command::new("unshare");
    command.args(["-n", "-m", "sh", "-c", ENTER, "sh"]).arg(own).args([test, "--exact", "--nocapture"]);
    let output = command.env(INSIDE, "1").env("RESOLV_CONF", &resolv_conf).output().expect("unshare runs");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "in a network of its own:\n{text}");
    assert!(text.contains("1 passed"), "no test ran:\n{text}");
    false
}

/// The name server: mute until it is told to answer, then every name is this machine.
struct NameServer(Arc<AtomicBool>);

impl NameServer {
    fn open() -> NameServer {
        let socket = UdpSocket::bind("127.0.0.53:53").expect("the network is our own");
        let answers = Arc::new(AtomicBool::new(false));
        let told = answers.clone();
        // Ends with the test's process.
        std::thread::spawn(move || {
            let mut question = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut question) {
                if told.load(Ordering::SeqCst) {
                    let _ = socket.send_to(&answer(&question[..length]), from);
                }
            }
        });
        NameServer(answers)
    }

    fn begin_to_answer(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// 127.0.0.1 for an A question, nothing for others (RFC 1035, 4.1).
fn answer(question: &[u8]) -> Vec<u8> {
    const HEADER: usize = 12;
    let name = question[HEADER..].iter().position(|byte| *byte == 0).expect("a name ends");
    let end = HEADER + name + 5;
    let is_a = question[end - 4..end - 2] == [0, 1];
    let mut reply = question[..2].to_vec();
    reply.extend([0x81, 0x80, 0, 1, 0, u8::from(is_a), 0, 0, 0, 0]);
    reply.extend(&question[HEADER..end]);
    if is_a {
        reply.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    reply
}

fn configure(world: &World) {
    let hosts: Vec<String> =
        (0..NAMED).map(|number| format!("s{number}.example")).chain(["127.0.0.1".to_owned()]).collect();
    let mut config = format!("[daemon]\ndata = {:?}\nprivate_hosts = {hosts:?}\n", world.desk.data());
    config += &world.config();
    config += &world.feed("/more");
    for number in 0..NAMED {
        let path = format!("/s/{number}");
        let port = world.site.address().port();
        let feed = format!(
            "<rss version='2.0'><channel><title>{number}</title><item><guid>{number}</guid>\
             <title>Мост {number}</title></item></channel></rss>"
        );
        world.site.serve(&path, "application/rss+xml", feed);
        config += &format!(
            "[[feed]]\nname = \"named {number}\"\nurl = \"http://s{number}.example:{port}{path}\"\n\
             full_text = \"never\"\nevery = \"10m\"\n"
        );
    }
    std::fs::write(world.desk.path("config.toml"), config).expect("writable");
}

#[test]
fn a_mute_name_server_delays_nothing_but_the_names() {
    if !slow(&["root", "unshare", "ip", "mount"])
        || !is_inside("faults::names::a_mute_name_server_delays_nothing_but_the_names")
    {
        return;
    }
    let names = NameServer::open();
    let world = World::new();
    configure(&world);
    world.publish(1..=3);
    world.publish_at("/more", 4..=6);
    let manager = Manager::of(&world.desk);
    let mut daemon = manager.start(&world.desk, &[], WATCHDOG_SECONDS, &[]);
    wait_for("readiness", || manager.heard("READY=1"));
    wait_within(Duration::from_secs(15), "the sources with numbers", || {
        world.asked("/feed") > 0 && world.asked("/more") > 0
    });
    world.wait_for_reports(6);
    wait_within(INTERVAL, "their second poll", || world.asked("/feed") > 1 && world.asked("/more") > 1);
    let trouble = "names do not resolve";
    wait_for("the log", || daemon.log().to_lowercase().contains(trouble));
    wait_for("the operator's mail", || world.operator_mails(trouble) > 0);
    let status = world.desk.run(&["status"]);
    assert!((status.out.clone() + &status.err).to_lowercase().contains(trouble), "{status:?}");
    assert_eq!(status.code, Some(1), "{status:?}");
    let silence = manager.longest_silence();
    assert!(silence < Duration::from_secs(WATCHDOG_SECONDS), "no ping for {silence:?}");
    assert_eq!(world.operator_mails(trouble), 1, "one mail, not one a source");
    daemon.ends_well_on("TERM");

    let manager = Manager::of(&world.desk);
    let mut daemon = manager.start(&world.desk, &[], WATCHDOG_SECONDS, &[]);
    let before = world.asked("/feed");
    wait_for("readiness", || manager.heard("READY=1"));
    wait_within(INTERVAL, "a poll after the restart", || world.asked("/feed") > before);
    names.begin_to_answer();
    wait_within(Duration::from_secs(60), "the sources with names", || {
        let paths: HashSet<_> = world.site.requests().into_iter().map(|request| request.path).collect();
        paths.iter().filter(|path| path.starts_with("/s/")).count() == NAMED
    });
    let silence = manager.longest_silence();
    assert!(silence < Duration::from_secs(WATCHDOG_SECONDS), "no ping for {silence:?}");
    daemon.ends_well_on("TERM");
    world.each_is_reported_once(6);
}
