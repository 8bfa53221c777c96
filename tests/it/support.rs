//! A user's desk: a directory, a configuration, and the real binary.

use newswatch::newsroom::Newsroom;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub struct Desk {
    pub directory: TempDir,
}

/// What a command left: its exit code and what it printed.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Desk {
    /// A desk without a configuration.
    pub fn bare() -> Desk {
        Desk { directory: scratch() }
    }

    /// A desk whose configuration is `text` behind a `[daemon]` table that keeps
    /// everything in its directory and may reach loopback.
    pub fn new(text: &str) -> Desk {
        let desk = Desk::bare();
        desk.configure(text);
        desk
    }

    pub fn configure(&self, text: &str) {
        let data = self.data();
        let head = format!("[daemon]\ndata = {data:?}\nprivate_hosts = [\"127.0.0.1\"]\n\n");
        std::fs::write(self.path("config.toml"), head + text).expect("writable");
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_by(&[], arguments)
    }

    /// The command as an argument of `starter`, a program that runs it.
    pub fn command_by(&self, starter: &[&str], arguments: &[&str]) -> Command {
        let words = [starter, &[env!("CARGO_BIN_EXE_newswatch")], arguments].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(self.directory.path()).env_clear();
        command.env("HOME", self.directory.path()).stdin(Stdio::null());
        // The system's roots take longer to read than most commands to run.
        command.env("SSL_CERT_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/root.pem"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "")
    }

    /// Runs a command with `input` on its stdin.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("piped");
        let input = input.to_owned();
        // A command that reads no stdin may end before it is written: that is fine.
        let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        let ran = finish(child);
        writer.join().expect("the writer does not panic");
        ran
    }

    pub fn mails(&self) -> Vec<String> {
        files(&self.data().join("mail"), "eml")
    }

    /// What `sqlite3` would show: each row, its columns joined by ` | `.
    pub fn query(&self, sql: &str) -> Vec<String> {
        query(&self.data().join("newswatch.db"), sql)
    }
}

/// Bytes that a place in memory must have free.
const ROOM: u64 = 1 << 30;

/// A directory of its own, in memory where there is room: a test commits hundreds of
/// times, and the disk would make it wait each time.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let free = rustix::fs::statvfs(memory).map_or(0, |place| place.f_bavail * place.f_frsize);
    let made = if free > ROOM { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a temporary directory can be made")
}

/// What `sqlite3` would show of a database: each row, its columns joined by ` | `.
pub fn query(database: &Path, sql: &str) -> Vec<String> {
    let connection = rusqlite::Connection::open(database).expect("a database");
    let mut statement = connection.prepare(sql).expect("good SQL");
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        (0..columns).map(|column| row.get(column).map(|value| shown(&value))).collect::<Result<Vec<_>, _>>()
    };
    let rows = statement.query_map([], row).expect("rows");
    rows.map(|row| row.expect("readable").join(" | ")).collect()
}

fn shown(value: &rusqlite::types::Value) -> String {
    use rusqlite::types::Value;
    match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

pub fn finish(child: Child) -> Ran {
    let output = child.wait_with_output().expect("the child can be waited for");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Contents of the files with an extension, by name.
pub fn files(directory: &Path, extension: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).expect("readable")).collect()
}

/// `newswatch run` as a child, and what it logs; ended with the test.
pub struct Running {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Running {
    pub fn start(desk: &Desk, variables: &[(&str, &str)]) -> Running {
        Running::start_by(desk, &[], variables)
    }

    /// Started by another program, such as `prlimit --fsize=1000`, which becomes it.
    pub fn start_by(desk: &Desk, starter: &[&str], variables: &[(&str, &str)]) -> Running {
        let mut command = desk.command_by(starter, &["run"]);
        command.envs(variables.iter().copied()).stdout(Stdio::null());
        let mut child = command.spawn().expect("the binary starts");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let log = Arc::new(Mutex::new(String::new()));
        let kept = log.clone();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                *kept.lock().expect("no holder panics") += &(line + "\n");
            }
        });
        Running { child, log }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        self.log.lock().expect("no holder panics").clone()
    }

    pub fn said(&self, words: &str) -> bool {
        self.log().contains(words)
    }

    /// Sends SIG`name`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "`kill` sends SIG{name}");
    }

    /// How it ended; nothing while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child can be asked")
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed, or has ended");
        self.child.wait().expect("the child can be waited for");
    }

    /// Ends with exit 0 within ten seconds of the signal.
    pub fn ends_well_on(&mut self, signal: &str) {
        let asked = Instant::now();
        self.signal(signal);
        let mut ended = None;
        wait_for("the end", || {
            ended = self.ended();
            ended.is_some()
        });
        assert!(asked.elapsed() < Duration::from_secs(10), "it took {:?}", asked.elapsed());
        assert_eq!(ended.and_then(|status| status.code()), Some(0), "{ended:?}: {}", self.log());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks every few milliseconds until `done`, half a minute at most.
pub fn wait_for(what: &str, done: impl FnMut() -> bool) {
    wait_within(Duration::from_secs(30), what, done);
}

/// The same with a patience of its own.
pub fn wait_within(patience: Duration, what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(25));
    }
}

/// A newsroom that serves while the test's own thread runs the binary.
pub fn newsroom() -> (Runtime, Newsroom) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let newsroom = runtime.block_on(Newsroom::open()).expect("loopback has a free port");
    (runtime, newsroom)
}

/// Whether the machine has each of `root` and programs; where one lacks, a slow suite
/// fails and names it, unless `NEWSWATCH_ALLOW_SKIPS=1` lets it be skipped.
pub fn needs(wanted: &[&str]) -> bool {
    let lacking: Vec<_> = wanted.iter().filter(|what| !is_there(what)).copied().collect();
    if lacking.is_empty() {
        return true;
    }
    let lacking = lacking.join(", ");
    let allowed = std::env::var("NEWSWATCH_ALLOW_SKIPS").is_ok_and(|set| set == "1");
    assert!(allowed, "this suite needs {lacking}; set NEWSWATCH_ALLOW_SKIPS=1 to skip it");
    eprintln!("skipped: no {lacking}");
    false
}

fn is_there(what: &str) -> bool {
    if what == "root" {
        return rustix::process::geteuid().is_root();
    }
    let places = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    places.split(':').any(|place| Path::new(place).join(what).is_file())
}

/// A file or folder of the evaluation data beside the project; says so where it is missing.
pub fn shared(path: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if !found.exists() {
        eprintln!("skipped: no ../shared/{path} beside this clone");
        return None;
    }
    Some(found)
}
