//! Death at every named point between a feed and a delivery: after a restart
//! nothing is lost and nothing is told twice.

use crate::relay::Relay;
use crate::support::{Desk, files, finish, newsroom, wait_for};
use newswatch::crash::Point;
use newswatch::newsroom::Newsroom;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::Mutex;

/// One point in so many kills in an everyday run. `NEWSWATCH_CRASHES` asks for all of
/// them, says how often each is passed at most before it kills, and from 2 on asks for
/// the other transport as well.
const EVERYDAY: usize = 6;
/// Desks that die at the same time.
const AT_ONCE: usize = 4;

const SOURCES: usize = 3;
const STORIES: usize = 4;
const READERS: [&str; 2] = ["ada@example.org", "bek@example.org"];
const OPERATOR: &str = "ops@example.org";

const SIGABRT: i32 = 6;

/// Points that only one transport passes: `.eml` files, a `sendmail`, SMTP.
const OF_COMMANDS: [Point; 2] = [Point::CommandStarted, Point::CommandEnded];
const OF_FILES: [Point; 2] = [Point::FileWritten, Point::FileRenamed];
const OF_SMTP: [Point; 8] = [
    Point::Connecting,
    Point::Greeted,
    Point::SenderSaid,
    Point::RecipientSaid,
    Point::DataSaid,
    Point::MessageTaken,
    Point::FarewellSaid,
    // Somebody has to be refused for trouble to be told.
    Point::TroubleUncommitted,
];

/// Points that are passed where a server finds a mail too large.
const OF_SPLITS: [Point; 2] = [Point::PartPosted, Point::SplitUncommitted];

/// Whether a mail may be with the server, and its outcome not in the database.
fn is_ambiguous(point: Point) -> bool {
    use Point::{Answered, CommitBegins, FarewellSaid, MessageTaken, SettleUncommitted};
    matches!(point, MessageTaken | FarewellSaid | Answered | SettleUncommitted | CommitBegins)
        || OF_COMMANDS.contains(&point)
}

#[test]
fn death_at_any_named_point_loses_nothing_and_tells_nothing_twice() {
    let asked: Option<u32> = std::env::var("NEWSWATCH_CRASHES").ok().and_then(|count| count.parse().ok());
    let (passes, step) = asked.map_or((1, EVERYDAY), |passes| (passes, 1));
    assert!(Point::ALL.len() >= 25);
    let points = Point::ALL.iter().filter(|point| !OF_SPLITS.contains(point)).step_by(step);
    let deaths = points.flat_map(|point| (1..=passes).map(|pass| (*point, pass)));
    let left = Mutex::new(deaths.collect::<Vec<_>>());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some((point, pass)) = left.lock().expect("no holder panics").pop() else { return };
                    let of_any = ![&OF_COMMANDS[..], &OF_FILES, &OF_SMTP].concat().contains(&point);
                    if OF_COMMANDS.contains(&point) {
                        by_command(point, pass);
                    }
                    if OF_FILES.contains(&point) || of_any && passes > 1 {
                        with_files(point, pass);
                    }
                    if OF_SMTP.contains(&point) || of_any {
                        over_smtp(point, pass);
                    }
                }
            });
        }
    });
}

fn with_files(point: Point, pass: u32) {
    let (_runtime, site) = newsroom();
    let desk = desk(&site, "transport = \"file\"\n", &READERS);
    assert!(dies(&desk, point, pass) || pass > 1, "{point:?} was never passed");
    recovers(&desk);
    let mails = files(&desk.data().join("mail"), "eml").into_iter().map(String::into_bytes);
    everything_is_told_once(&desk, mails.collect(), &format!("{point:?}:{pass} with files"), 1);
}

/// A `sendmail` that takes its time, so that it outlives us.
fn by_command(point: Point, pass: u32) {
    let (_runtime, site) = newsroom();
    let spool = tempfile::tempdir().expect("a temporary directory can be made");
    let command = spool.path().join("sendmail");
    let script = "#!/bin/sh\nsleep 0.2\ncat > \"$(mktemp \"$(dirname \"$0\")/XXXXXXXX.part\")\"\n";
    std::fs::write(&command, script).expect("a script");
    std::fs::set_permissions(&command, std::fs::Permissions::from_mode(0o755)).expect("an executable");
    let desk = desk(&site, &format!("transport = \"sendmail\"\ncommand = {command:?}\n"), &READERS);
    assert!(dies(&desk, point, pass) || pass > 1, "{point:?} was never passed");
    recovers(&desk);
    let mails = || files(spool.path(), "part").into_iter().map(String::into_bytes).collect::<Vec<_>>();
    // The command that outlived us ends when it ends.
    let tries = desk.query("SELECT sum(tries) FROM outbox").remove(0).parse().expect("a count");
    wait_for("the commands", || mails().iter().filter(|mail| !mail.is_empty()).count() >= tries);
    everything_is_told_once(&desk, mails(), &format!("{point:?}:{pass} by command"), 2);
}

fn over_smtp(point: Point, pass: u32) {
    let (_runtime, site) = newsroom();
    let relay = Relay::open("RCPT TO:<gone: 550 no such user");
    let smtp = format!("transport = \"smtp\"\nhost = \"127.0.0.1\"\ntls = \"none\"\nport = {}\n", relay.port);
    let desk = desk(&site, &smtp, &[READERS[0], "gone@example.org", READERS[1]]);
    assert!(dies(&desk, point, pass) || pass > 1, "{point:?} was never passed");
    recovers(&desk);
    let mails = relay.got().into_iter().map(|got| got.bytes).collect();
    let copies_most = if is_ambiguous(point) { 2 } else { 1 };
    everything_is_told_once(&desk, mails, &format!("{point:?}:{pass} over SMTP"), copies_most);
}

/// A server that takes no digest as it is: the parts take its place together, or not yet.
#[test]
fn death_in_the_middle_of_a_split_loses_no_part_and_tells_none_twice() {
    for (point, pass) in OF_SPLITS.into_iter().flat_map(|point| [(point, 1), (point, 2)]) {
        let (_runtime, site) = newsroom();
        let relay = Relay::open("dot: over 12000 552 5.3.4 message too big");
        let smtp =
            format!("transport = \"smtp\"\nhost = \"127.0.0.1\"\ntls = \"none\"\nport = {}\n", relay.port);
        let desk = desk(&site, &smtp, &READERS);
        assert!(dies(&desk, point, pass), "{point:?} was never passed");
        recovers(&desk);
        let mails: Vec<_> = relay.got().into_iter().filter(|got| got.kept).map(|got| got.bytes).collect();
        assert!(mails.len() > READERS.len(), "{point:?}: nothing was split");
        everything_is_told_once(&desk, mails, &format!("{point:?}:{pass} in a split"), 1);
    }
}

/// A reading of a file in which the plan has another name.
#[test]
fn death_while_a_plan_is_renamed_loses_nothing_and_tells_nothing_twice() {
    for (point, pass) in [(Point::RegisterUncommitted, 1), (Point::CommitBegins, 2), (Point::CommitEnds, 2)] {
        let (_runtime, site) = newsroom();
        let desk = desk(&site, "transport = \"file\"\n", &READERS);
        assert_eq!(desk.run(&["poll"]).code, Some(0));
        let config = std::fs::read_to_string(desk.path("config.toml")).expect("readable");
        std::fs::write(desk.path("config.toml"), config.replace("\"desk\"", "\"night\"")).expect("writable");
        let mut command = desk.command(&["poll"]);
        command.env("NEWSWATCH_CRASH_AT", format!("{}:{pass}", point.name()));
        let output = command.output().expect("the binary runs");
        assert_eq!(output.status.signal(), Some(SIGABRT), "{point:?} was never passed");
        for command in [&["poll"][..], &["digest", "night", "--send"], &["poll"]] {
            assert_eq!(desk.run(command).code, Some(0), "{point:?}: {command:?}");
        }
        let mails = files(&desk.data().join("mail"), "eml").into_iter().map(String::into_bytes);
        everything_is_told_once(&desk, mails.collect(), &format!("{point:?}:{pass} in a rename"), 1);
    }
}

const COMMANDS: [&[&str]; 3] = [&["poll"], &["digest", "desk", "--send"], &["poll"]];

/// Runs the day's commands until one dies at the point.
fn dies(desk: &Desk, point: Point, pass: u32) -> bool {
    COMMANDS.iter().any(|command| {
        let mut command = desk.command(command);
        command.env("NEWSWATCH_CRASH_AT", format!("{}:{pass}", point.name()));
        let output = command.output().expect("the binary runs");
        assert!(output.status.code() != Some(101), "{point:?}: it panicked");
        output.status.signal() == Some(SIGABRT)
    })
}

fn recovers(desk: &Desk) {
    for command in COMMANDS {
        desk.run(command);
    }
    let last = finish(desk.command(&["poll"]).spawn().expect("the binary starts"));
    assert_eq!(last.code, Some(0), "{last:?}");
}

/// Three sources, and stories for a digest at any minute of this year.
fn desk(site: &Newsroom, mail: &str, readers: &[&str]) -> Desk {
    let mut config = format!(
        "[mail]\nfrom = \"newswatch@example.org\"\nops_to = [{OPERATOR:?}]\n{mail}\
         [[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
         [[plan]]\nname = \"desk\"\nto = {readers:?}\ncron = \"0 7 1 1 *\"\n"
    );
    for source in 0..SOURCES {
        let path = format!("/feed/{source}");
        let item = |story: usize| {
            format!(
                "<item><guid>{story}</guid><title>Темиров {source} {story}</title>\
                 <description>Дело номер {source}{story}{story}.</description></item>"
            )
        };
        let items: String = (0..STORIES).map(item).collect();
        let feed = format!("<rss version='2.0'><channel><title>{source}</title>{items}</channel></rss>");
        site.serve(&path, "application/rss+xml", feed);
        let url = site.url(&path);
        config += &format!("[[feed]]\nname = \"source {source}\"\nurl = \"{url}\"\nfull_text = \"never\"\n");
    }
    Desk::new(&config)
}

/// Every reader has every story in one mail, the operator one mail of the refusal;
/// a mail is there in `copies_most` copies at most, all the same.
fn everything_is_told_once(desk: &Desk, mails: Vec<Vec<u8>>, death: &str, copies_most: usize) {
    let mut told: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut copies: BTreeMap<String, Vec<&Vec<u8>>> = BTreeMap::new();
    for bytes in &mails {
        let mail = mail_parser::MessageParser::default().parse(bytes).expect("a mail");
        let id = mail.message_id().expect("an id").to_owned();
        copies.entry(id.clone()).or_default().push(bytes);
        if copies[&id].len() > 1 {
            continue;
        }
        let reader = mail.to().and_then(|to| to.first()?.address()).expect("a reader").to_owned();
        let text = mail.body_text(0).expect("a text part").into_owned();
        let lines =
            text.lines().filter(|line| line.starts_with("* Темиров ") || line.starts_with("* to gone"));
        for line in lines {
            *told.entry((reader.clone(), line.split(',').next().unwrap_or(line).to_owned())).or_default() +=
                1;
        }
    }
    for (id, copies) in copies {
        assert!(copies.len() <= copies_most, "{death}: {} copies of {id}", copies.len());
        assert!(copies.iter().all(|copy| *copy == copies[0]), "{death}: copies of {id} differ");
    }
    let twice: Vec<_> = told.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{death}: told twice: {twice:?}");
    let refused = desk.query("SELECT count(*) FROM outbox WHERE state = 'refused'");
    let operator = told.keys().filter(|(reader, _)| reader == OPERATOR).count().to_string();
    assert_eq!([operator], *refused, "{death}: the operator is told of what was refused");
    for reader in READERS {
        let stories = told.keys().filter(|(to, _)| to == reader).count();
        assert_eq!(stories, SOURCES * STORIES, "{death}: {reader} lost some");
    }
}
