//! Who may read what the daemon writes, and where a secret may stand: nowhere.

use super::{Manager, World, must, slow};
use crate::support::{Desk, Running, files, wait_for};
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

const PLAN: &str = "[[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
                    [[plan]]\nname = \"desk\"\nto = [\"ada@example.org\"]\n";

/// As a careless shell has it.
const UMASK: [&str; 4] = ["sh", "-c", "umask 022; exec \"$@\"", "sh"];

/// The mode and the group of every file below a directory.
fn modes(directory: &Path) -> BTreeMap<String, (u32, u32)> {
    let mut found = BTreeMap::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in std::fs::read_dir(next).expect("readable") {
            let path = entry.expect("readable").path();
            // Files of a log come and go.
            let Ok(file) = path.symlink_metadata() else { continue };
            if file.is_dir() {
                directories.push(path);
            } else if file.is_file() {
                let name = path.strip_prefix(directory).expect("below it").display().to_string();
                found.insert(name, (file.permissions().mode() & 0o7777, file.gid()));
            }
        }
    }
    found
}

/// Polls, notifies, copies; a daemon holds everything open. Returns what it left.
fn at_work(world: &World) -> BTreeMap<String, (u32, u32)> {
    world.publish(1..=3);
    let mut daemon = Running::start_by(&world.desk, &UMASK, &[]);
    wait_for("the mails", || files(&world.desk.data().join("mail"), "eml").len() == 3);
    let copy = world.desk.data().join("copy.db").display().to_string();
    let backup = world.desk.command_by(&UMASK, &["backup", &copy]).output().expect("it runs");
    assert!(backup.status.success(), "{backup:?}");
    let found = modes(&world.desk.data());
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let name = format!("newswatch.db{suffix}");
        assert!(found.contains_key(&name), "no {name} in {found:?}");
    }
    daemon.ends_well_on("TERM");
    found
}

#[test]
fn what_it_writes_only_its_user_may_read() {
    let world = World::new();
    world.desk.configure(&(PLAN.to_owned() + &world.feed("/feed")));
    let found = at_work(&world);
    let open: Vec<_> = found.iter().filter(|(_, (mode, _))| *mode != 0o600).collect();
    assert!(open.is_empty(), "not 0600: {}", octal(&open));
}

/// `[daemon] group` lets that group read.
#[test]
fn a_group_may_read_where_the_configuration_says_so() {
    if !slow(&["root"]) {
        return;
    }
    let world = World::new();
    let config = std::fs::read_to_string(world.desk.path("config.toml")).expect("readable");
    let head = config.split("\n\n").next().expect("the `[daemon]` table");
    let config = format!("{head}\ngroup = \"daemon\"\n\n{PLAN}{}", world.feed("/feed"));
    std::fs::write(world.desk.path("config.toml"), config).expect("writable");
    let groups = std::fs::read_to_string("/etc/group").expect("readable");
    let line = groups.lines().find(|line| line.starts_with("daemon:")).expect("Debian has this group");
    let group: u32 = line.split(':').nth(2).and_then(|id| id.parse().ok()).expect("a number");
    let found = at_work(&world);
    let other: Vec<_> = found.iter().filter(|(_, found)| **found != (0o640, group)).collect();
    assert!(other.is_empty(), "not 0640 with group {group}: {}", octal(&other));
}

fn octal(files: &[(&String, &(u32, u32))]) -> String {
    let lines = files.iter().map(|(name, (mode, group))| format!("{name} {mode:o} {group}"));
    lines.collect::<Vec<_>>().join(", ")
}

/// The kernel gives the files in /proc of a process that may not be dumped to root.
#[test]
fn it_leaves_no_core() {
    if !slow(&["root", "setpriv"]) {
        return;
    }
    let world = World::new();
    world.publish(1..=3);
    // Another user may not reach where the program was built.
    let program = world.desk.path("newswatch");
    std::fs::copy(env!("CARGO_BIN_EXE_newswatch"), &program).expect("a copy");
    must("chown", &["-R", "65534:65534", &world.desk.directory.path().display().to_string()]);
    let program = program.display().to_string();
    let become_nobody = "exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$0\" \"$2\"";
    let mut daemon = Running::start_by(&world.desk, &["sh", "-c", become_nobody, &program], &[]);
    world.wait_for_reports(3);
    let process = format!("/proc/{}", daemon.id());
    let status = std::fs::read_to_string(format!("{process}/status")).expect("it runs");
    assert!(status.contains("Uid:\t65534"), "{status}");
    let owner = std::fs::metadata(format!("{process}/environ")).expect("it runs").uid();
    assert_eq!(owner, 0, "it may be dumped");
    daemon.ends_well_on("TERM");
}

/// Planted, one each.
const PASSWORD: &str = "kq7-planted-password-51ac";
const TOKEN: &str = "kq7-planted-web-token-93f1";
const CHAT: &str = "kq7-planted-chat-address-0b2e";

#[test]
fn secrets_stand_nowhere_but_in_their_files() {
    let world = World::new();
    let write = |name: &str, text: &str| std::fs::write(world.desk.path(name), text).expect("writable");
    write("smtp-password", PASSWORD);
    write("web-token", TOKEN);
    // Nobody listens there: errors are what names an address.
    write("chat-urls", &format!("newsroom slack+http://127.0.0.1:9/services/T0/B0/{CHAT}\n"));
    let socket = world.desk.path("web.sock").display().to_string();
    let secretive = format!(
        "[mail]\ntransport = \"smtp\"\nhost = \"127.0.0.1\"\ntls = \"implicit\"\nport = 9\nuser = \"ada\"\n\
         password_file = \"smtp-password\"\nfrom = \"newswatch@example.org\"\n\
         [chat]\nurls_file = \"chat-urls\"\n[web]\nlisten = {socket:?}\ntoken_file = \"web-token\"\n\
         [[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
         [[plan]]\nname = \"desk\"\nto = [\"ada@example.org\", \"chat:newsroom\"]\n{}",
        world.feed("/feed")
    );
    world.desk.configure(&secretive);
    world.publish(1..=3);
    let manager = Manager::of(&world.desk);
    let mut daemon = manager.start(&world.desk, &[], 30, &[("NEWSWATCH_LOG", "trace")]);
    let tries = "SELECT count(DISTINCT recipient) FROM outbox WHERE tries > 0";
    wait_for("tries by mail and chat", || manager.heard("READY=1") && world.desk.query(tries) == ["2"]);
    let process = format!("/proc/{}", daemon.id());
    let read = |name: &str| std::fs::read(format!("{process}/{name}")).expect("it runs");
    let mut places: Vec<(String, Vec<u8>)> =
        ["cmdline", "environ"].map(|name| (name.to_owned(), read(name))).into();
    daemon.ends_well_on("TERM");
    places.push(("the log".to_owned(), daemon.log().into_bytes()));
    for command in [&["status"][..], &["outbox", "list"], &["sources", "list"], &["test-email"]] {
        let ran = world.desk.run(command);
        places.push((command.join(" "), (ran.out + &ran.err).into_bytes()));
    }
    for name in modes(&world.desk.data()).into_keys() {
        places.push((name.clone(), std::fs::read(world.desk.data().join(name)).expect("readable")));
    }
    for secret in [PASSWORD, TOKEN, CHAT] {
        for (place, bytes) in &places {
            assert!(!contains(bytes, secret), "`{secret}` stands in {place}");
        }
        assert!(known(&world.desk, secret), "`{secret}` was never planted");
    }
}

fn contains(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

fn known(desk: &Desk, secret: &str) -> bool {
    ["smtp-password", "web-token", "chat-urls"]
        .iter()
        .any(|name| std::fs::read_to_string(desk.path(name)).is_ok_and(|text| text.contains(secret)))
}
