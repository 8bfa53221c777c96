//! Dead letters: seen, tried again, let go.

use crate::relay::Relay;
use crate::support::{Desk, Ran, Running, newsroom, wait_for};

const READERS: [&str; 3] = ["ada@example.org", "bek@example.org", "desk@example.org"];

/// A desk whose one digest met a relay that plays `script`.
fn told(script: &str) -> (Relay, Desk) {
    let (_runtime, site) = newsroom();
    let feed = "<rss version='2.0'><channel><title>Osh Echo</title><item><guid>1</guid>\
                <title>Суд над Темировым</title><description>Журналиста Темирова ждут.</description>\
                </item></channel></rss>";
    site.serve("/feed", "application/rss+xml", feed);
    let relay = Relay::open(script);
    let desk = Desk::new(&format!(
        "[mail]\ntransport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
         from = \"newswatch@example.org\"\n\
         [[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
         [[plan]]\nname = \"desk\"\nto = {READERS:?}\ncron = \"0 7 1 1 *\"\n\
         [[feed]]\nname = \"Osh Echo\"\nurl = \"{}\"\nfull_text = \"never\"\n",
        relay.port,
        site.url("/feed")
    ));
    assert_eq!(desk.run(&["poll"]).code, Some(0));
    desk.run(&["digest", "desk", "--send"]);
    (relay, desk)
}

fn check(desk: &Desk, command: &[&str], input: &str, code: i32, says: &[&str]) -> Ran {
    let ran = desk.run_with(command, input);
    assert_eq!(ran.code, Some(code), "{command:?}: {ran:?}");
    let said = format!("{}{}", ran.out, ran.err);
    for words in says {
        assert!(said.contains(words), "{command:?} does not say `{words}`: {said}");
    }
    ran
}

/// Who the relay kept a mail for, in order.
fn kept(relay: &Relay) -> Vec<String> {
    relay.got().into_iter().filter(|got| got.kept).map(|got| got.recipient).collect()
}

#[test]
fn refused_mail_is_seen_and_goes_out_once_the_cause_is_mended() {
    let (relay, desk) = told("RCPT TO:<bek: 550 no such user ; RCPT TO:<desk: 451 later");
    check(&desk, &["status"], "", 1, &["1 sent, 1 owed", "1 refused", "`newswatch outbox list`"]);
    let list = check(
        &desk,
        &["outbox", "list"],
        "",
        0,
        &[
            "2\trefused\t",
            "bek@example.org",
            "recipient: 550 no such user",
            "3\towed\t",
            "recipient: 451 later",
        ],
    );
    assert_eq!(list.out.lines().count(), 2, "what was sent needs no attention: {}", list.out);
    assert_eq!(check(&desk, &["outbox", "list", "--all"], "", 0, &["1\tsent\t"]).out.lines().count(), 3);
    assert_eq!(kept(&relay), ["ada@example.org"]);

    check(&desk, &["outbox", "retry", "2"], "", 1, &["bek@example.org is not sent: recipient: 550"]);
    relay.play("RCPT TO:<desk: 451 later");
    check(&desk, &["outbox", "retry", "2"], "", 0, &[]);
    assert_eq!(kept(&relay), ["ada@example.org", "bek@example.org"]);
    check(&desk, &["status"], "", 0, &["2 sent, 1 owed", "0 refused"]);
    relay.play("");
    // Its next try is a minute away.
    check(&desk, &["poll"], "", 69, &[]);
    assert_eq!(kept(&relay).len(), 2);
    check(&desk, &["outbox", "retry", "--all"], "", 0, &[]);
    assert_eq!(kept(&relay), READERS);
    check(&desk, &["outbox", "list"], "", 3, &[]);
    check(&desk, &["outbox", "retry", "--all"], "", 3, &["no mail is owed or refused"]);
    assert_eq!(kept(&relay), READERS, "and never again");
}

#[test]
fn mail_is_given_up_only_when_its_number_is_typed_again() {
    let (relay, desk) = told("RCPT TO:<bek: 550 no such user ; RCPT TO:<desk: 451 later");
    for wrong in ["", "\n", "y\n", "3\n"] {
        let shows = ["to bek@example.org", "Суд над Темировым", "Type 2 to drop it", "mail 2 stays"];
        check(&desk, &["outbox", "drop", "2"], wrong, 1, &shows);
    }
    check(&desk, &["outbox", "drop", "2", "3"], "2\nno\n", 1, &["mail 2 is dropped", "mail 3 stays"]);
    assert_eq!(desk.query("SELECT state FROM outbox ORDER BY id"), ["sent", "dropped", "owed"]);
    check(&desk, &["outbox", "drop", "3"], "3\n", 0, &["Type 3 to drop it", "mail 3 is dropped"]);
    check(&desk, &["status"], "", 0, &["1 sent, 0 owed, 0 refused"]);
    relay.play("");
    check(&desk, &["outbox", "list"], "", 3, &[]);
    check(&desk, &["outbox", "drop", "2"], "2\n", 1, &["mail 2 is dropped: there is nothing to drop"]);
    check(&desk, &["outbox", "retry", "2"], "", 0, &[]);
    assert_eq!(kept(&relay), ["ada@example.org", "bek@example.org"], "a dropped mail can be had back");
}

#[test]
fn a_number_that_is_no_such_mail_changes_nothing() {
    let (relay, desk) = told("RCPT TO:<bek: 550 no such user");
    relay.play("");
    for command in [&["outbox", "retry", "2", "4711"][..], &["outbox", "drop", "2", "4711"]] {
        check(
            &desk,
            command,
            "2\n4711\n",
            1,
            &["no mail has the number 4711; `newswatch outbox list --all`"],
        );
    }
    check(&desk, &["outbox", "retry", "1"], "", 1, &["mail 1 was sent already, so it is not sent again"]);
    check(&desk, &["outbox", "drop", "1"], "1\n", 1, &["mail 1 is sent: there is nothing to drop"]);
    check(&desk, &["outbox", "retry"], "", 2, &["--help"]);
    check(&desk, &["outbox", "retry", "--all", "2"], "", 2, &["--help"]);
    assert_eq!(desk.query("SELECT state FROM outbox ORDER BY id"), ["sent", "refused", "sent"]);
    assert_eq!(kept(&relay).len(), 2);
}

#[test]
fn beside_a_running_daemon_the_daemon_sends() {
    let (relay, desk) = told("RCPT TO:<bek: 550 no such user ; RCPT TO:<desk: 550 no such user");
    let mut daemon = Running::start(&desk, &[]);
    wait_for("the daemon", || daemon.said("starts"));
    relay.play("");
    check(&desk, &["outbox", "drop", "3"], "3\n", 0, &["mail 3 is dropped"]);
    let says = format!("process {} tries one mail within seconds", daemon.id());
    check(&desk, &["outbox", "retry", "2"], "", 0, &[&says]);
    wait_for("the mail", || desk.query("SELECT state FROM outbox WHERE id = 2") == ["sent"]);
    daemon.ends_well_on("TERM");
    assert_eq!(kept(&relay), ["ada@example.org", "bek@example.org"]);
    assert_eq!(desk.query("SELECT state FROM outbox WHERE id = 3"), ["dropped"]);
}

#[test]
fn a_mail_that_went_on_as_another_is_not_sent_beside_it() {
    let (relay, desk) = told("dot: over 10 552 5.3.4 message too big");
    assert_eq!(desk.query("SELECT state FROM outbox WHERE id IN (1, 4)"), ["dropped", "refused"]);
    relay.play("");
    check(&desk, &["outbox", "list", "--all"], "", 0, &["message too big; it went on as mail 4"]);
    let says = "mail 1 was too large, so it is not sent again: it went on as mail 4";
    check(&desk, &["outbox", "retry", "4", "1"], "", 1, &[says]);
    assert_eq!(kept(&relay), [""; 0]);
    check(&desk, &["outbox", "retry", "4"], "", 0, &[]);
    assert_eq!(kept(&relay), ["ada@example.org"]);
    check(&desk, &["outbox", "retry", "1"], "", 1, &[says]);
    let shown = check(&desk, &["show", "1"], "", 0, &["ada@example.org"]).out;
    assert_eq!(shown.matches("ada@example.org").count(), 1, "{shown}");
}
