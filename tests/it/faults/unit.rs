//! The unit as it is shipped: how exposed it is, and under a real systemd in a
//! container.

use super::{World, must, slow};
use crate::support::{needs, wait_for, wait_within};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const UNIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/newswatch.service");

/// On the scale of `systemd-analyze security`, 0 to 10.
const EXPOSURE_MAX: f64 = 1.0;

/// A start after a death: what the unit waits, and a loaded machine.
const RESTARTED_WITHIN: Duration = Duration::from_secs(60);

const PASSWORD: &str = "kq7-planted-password-51ac";

#[test]
fn the_unit_is_hardly_exposed() {
    if !slow(&["systemd-analyze"]) {
        return;
    }
    let report = must("systemd-analyze", &["security", "--offline=true", "--no-pager", UNIT]);
    let line = report.lines().find(|line| line.contains("Overall exposure level")).expect("a verdict");
    let words = line.rsplit_once(": ").expect("a figure").1;
    let exposure: f64 = words.split(' ').next().and_then(|word| word.parse().ok()).expect("a number");
    println!("exposure {exposure}");
    assert!(exposure <= EXPOSURE_MAX, "{line}");
}

/// A minimal Debian that systemd boots, kept for the next time.
fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian");
    if !root.exists() {
        let partial = root.with_extension("partial");
        let _ = std::fs::remove_dir_all(&partial);
        let place = partial.display().to_string();
        must(
            "mmdebstrap",
            &["--quiet", "--variant=minbase", "--include=systemd,systemd-sysv", "bookworm", &place],
        );
        std::fs::rename(&partial, &root).expect("one file system");
    }
    root
}

/// The booted container; it ends with the test, and nothing in it is kept.
struct Container {
    nspawn: Child,
    leader: String,
}

impl Container {
    fn boot(binds: &[(&Path, &str)]) -> Container {
        let mut command = Command::new("systemd-nspawn");
        command.args(["--quiet", "--register=no", "--keep-unit", "--volatile=overlay", "--boot", "-D"]);
        command.arg(root());
        for (here, inside) in binds {
            command.arg(format!("--bind-ro={}:{inside}", here.display()));
        }
        // The network is ours too: site and mail server are on its loopback.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let nspawn = command.spawn().expect("systemd-nspawn starts");
        let mut container = Container { nspawn, leader: String::new() };
        let children = format!("/proc/{0}/task/{0}/children", container.nspawn.id());
        wait_for("systemd", || {
            // Its first child makes the container, another one is the leader in it.
            let children = std::fs::read_to_string(&children).expect("it runs");
            container.leader = children.split_whitespace().next().unwrap_or_default().to_owned();
            ["running", "degraded"].contains(&container.run(&["systemctl", "is-system-running"]).1.trim())
        });
        container
    }

    /// Whether a command inside succeeded, and what it printed.
    fn run(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.leader, "-m", "-u", "-i", "-p", "-C", "-r", "-w"]).args(arguments);
        let output = command.output().expect("nsenter runs");
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text.into_owned())
    }

    fn must(&self, arguments: &[&str]) -> String {
        let (is_good, text) = self.run(arguments);
        assert!(is_good, "{arguments:?}: {text}\n{}", self.journal());
        text
    }

    fn property(&self, name: &str) -> String {
        self.must(&["systemctl", "show", "-P", name, "newswatch"]).trim().to_owned()
    }

    fn journal(&self) -> String {
        self.run(&["journalctl", "--no-pager", "-u", "newswatch"]).1
    }

    /// Waits for a main process that is not `before`, and ready.
    fn is_back(&self, before: &str, why: &str) {
        wait_within(RESTARTED_WITHIN, why, || {
            self.property("ActiveState") == "active" && !["0", before].contains(&&*self.property("MainPID"))
        });
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if !self.leader.is_empty() {
            let _ = Command::new("kill").args(["-s", "KILL", &self.leader]).status();
        }
        let _ = self.nspawn.kill();
        let _ = self.nspawn.wait();
    }
}

#[test]
fn the_unit_under_a_real_systemd() {
    if !slow(&["root", "systemd-nspawn", "mmdebstrap", "nsenter"]) || !needs(&["mount"]) {
        return;
    }
    let world = World::new();
    let etc = world.desk.path("etc");
    let credentials = world.desk.path("credstore");
    for directory in [&etc, &credentials] {
        std::fs::create_dir(directory).expect("a directory");
    }
    std::fs::write(credentials.join("newswatch.smtp-password"), PASSWORD).expect("writable");
    let config = "[daemon]\nprivate_hosts = [\"127.0.0.1\"]\n".to_owned() + &world.config();
    std::fs::write(etc.join("config.toml"), &config).expect("writable");
    world.publish(1..=3);
    let program = Path::new(env!("CARGO_BIN_EXE_newswatch"));
    let container = Container::boot(&[
        (program, "/usr/bin/newswatch"),
        (Path::new(UNIT), "/etc/systemd/system/newswatch.service"),
        (&etc, "/etc/newswatch"),
        (&credentials, "/etc/credstore"),
    ]);
    container.must(&["systemctl", "start", "newswatch"]);
    world.wait_for_reports(3);
    is_confined(&container);
    comes_back(&container);

    std::fs::write(etc.join("config.toml"), "[[watch]]\nqery = \"Temirov\"\n").expect("writable");
    let (is_good, _) = container.run(&["systemctl", "restart", "newswatch"]);
    assert!(!is_good, "a wrong configuration starts nothing");
    wait_for("the failure", || container.property("ActiveState") == "failed");
    assert_eq!(container.property("ExecMainStatus"), "78");
    assert_eq!(container.property("NRestarts"), "0", "a wrong configuration does not fix itself");

    std::fs::write(etc.join("config.toml"), &config).expect("writable");
    container.must(&["systemctl", "start", "newswatch"]);
    container.must(&["systemctl", "stop", "newswatch"]);
    assert_eq!(container.property("Result"), "success", "{}", container.journal());
    let journal = container.journal();
    assert!(!journal.contains(PASSWORD), "the password stands in the journal");
    world.each_is_reported_once(3);
}

/// A user of its own, no capabilities, a filter of system calls, files for it alone.
fn is_confined(container: &Container) {
    let main = container.property("MainPID");
    let status = container.must(&["cat", &format!("/proc/{main}/status")]);
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
        line.split_whitespace().next().expect("a value").to_owned()
    };
    assert_ne!(field("Uid:"), "0");
    assert_eq!(field("CapEff:").trim_start_matches('0'), "");
    assert_eq!([field("Seccomp:"), field("NoNewPrivs:")], ["2", "1"]);
    assert_eq!(container.property("LimitCORE"), "0", "it may leave a core");
    let places = ["/var/lib/private/newswatch", "-type", "f", "!", "-perm", "0600"];
    let open = container.must(&[&["find"][..], &places].concat());
    assert_eq!(open, "", "files that others may read");
    let password = container.must(&["cat", "/run/credentials/newswatch.service/smtp-password"]);
    assert_eq!(password, PASSWORD);
    let environment = container.must(&["cat", &format!("/proc/{main}/environ")]);
    assert!(!environment.contains(PASSWORD), "the password stands in the environment");
}

/// After a death, and after a standstill that only the watchdog sees.
fn comes_back(container: &Container) {
    let hasty = "mkdir -p /run/systemd/system/newswatch.service.d && printf '[Service]\\nWatchdogSec=6\\nRestartSec=1\\n' \
                 > /run/systemd/system/newswatch.service.d/hasty.conf && systemctl daemon-reload && systemctl restart newswatch";
    container.must(&["sh", "-c", hasty]);
    for (signal, why) in [("KILL", "a start after a death"), ("STOP", "a start after a standstill")] {
        let main = container.property("MainPID");
        container.must(&["systemctl", "kill", "--kill-who=main", "-s", signal, "newswatch"]);
        container.is_back(&main, why);
    }
}
