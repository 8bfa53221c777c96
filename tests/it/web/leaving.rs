//! One click in a mail, and what everybody is told of it.

use super::{PLAN, Shown, TOKEN, ask, daemon};
use crate::inside::time;
use crate::support::{Desk, wait_for};
use chrono::TimeDelta;
use newswatch::web;
use regex::Regex;

/// A page with a public address, over a plan that tells at once.
fn public() -> Shown {
    let plan = PLAN.replacen("[mail]\n", "[mail]\nops_to = [\"admin@example.org\"]\n", 1);
    let web = "token_env = \"WEB_TOKEN\"\npublic_url = \"https://news.example.org/watch/\"\n";
    Shown::open(web, &plan, Some(TOKEN))
}

/// Recipients and what they are told, in order.
fn told(shown: &Shown) -> Vec<String> {
    shown.inside.query("SELECT recipient || ': ' || subject FROM outbox ORDER BY id")
}

/// The path at which a recipient leaves, as the header of their latest mail has it.
fn way_out(shown: &Shown, recipient: &str) -> String {
    let wire = format!(
        "SELECT CAST(wire AS TEXT) FROM outbox WHERE recipient = '{recipient}' ORDER BY id DESC LIMIT 1"
    );
    let mail = shown.inside.query(&wire).remove(0);
    let mail =
        mail_parser::MessageParser::default().parse(mail.as_bytes()).expect("a mail").clone().into_owned();
    let header =
        |name: &str| mail.header_raw(name).map(|raw| raw.split_whitespace().collect::<Vec<_>>().join(" "));
    assert_eq!(header("List-Unsubscribe-Post").as_deref(), Some("List-Unsubscribe=One-Click"));
    let list = header("List-Unsubscribe").expect("a way out");
    let way = Regex::new("^<https://news.example.org/watch(/unsubscribe/[A-Za-z0-9_-]{43})>, <mailto:newswatch@example.org[^>]*>$").expect("valid");
    way.captures(&list).unwrap_or_else(|| panic!("{list}"))[1].to_owned()
}

const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

#[test]
fn one_click_leaves_a_plan_and_looking_does_not() {
    let shown = public();
    let now = time("2026-11-23T08:00:00Z");
    shown.inside.publish("1", "Temirov", "Temirov stands trial.", now);
    shown.round(now);
    let (ada, bek) = (way_out(&shown, "ada@example.org"), way_out(&shown, "bek@example.org"));
    assert_ne!(ada, bek, "each has an address of their own");
    let form = "host: news.example.org\r\ncontent-type: application/x-www-form-urlencoded\r\n";
    let front = ask(&shown.address, "GET", &format!("/?token={TOKEN}"), "", "").body;
    let feed = format!("href=\"https://news.example.org/watch/plans/rights%20desk.atom?token={TOKEN}\"");
    assert_eq!(front.matches(&feed).count(), 2, "below the path of the public address: {front}");
    let left = || shown.inside.query("SELECT recipient FROM departure WHERE returned_at IS NULL");
    for (method, path, headers, body, expected, says) in [
        ("GET", bek.clone(), "host: news.example.org\r\n", "", 200, "Leave the plan"),
        ("HEAD", bek.clone(), "", "", 200, ""),
        ("POST", bek.clone(), form, "", 400, "One-Click"),
        ("POST", bek.clone(), form, "a=b", 400, "One-Click"),
        ("POST", bek[..bek.len() - 1].to_owned(), form, ONE_CLICK, 404, "no such page"),
        (
            "POST",
            bek.to_uppercase().replace("/UNSUBSCRIBE/", "/unsubscribe/"),
            form,
            ONE_CLICK,
            404,
            "no such page",
        ),
        ("GET", "/unsubscribe/x".to_owned(), "", "", 404, "no such page"),
        ("PUT", bek.clone(), form, ONE_CLICK, 405, "not for that"),
    ] {
        let answer = ask(&shown.address, method, &path, headers, body);
        assert_eq!(answer.status, expected, "{method} {path} {body}: {answer:?}");
        assert!(answer.body.contains(says), "{answer:?}");
    }
    assert_eq!(left(), Vec::<String>::new(), "nobody has left yet");
    let big = format!("{ONE_CLICK}&x={}", "y".repeat(100_000));
    assert_eq!(ask(&shown.address, "POST", &bek, form, &big).status, 413);
    // As a mail program may send it, and once more.
    let multipart =
        "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
    for body in [multipart, ONE_CLICK] {
        let answer = ask(&shown.address, "POST", &bek, form, body);
        assert!(answer.status == 200 && answer.body.contains("gets no more mail"), "{answer:?}");
        assert_eq!(left(), ["bek@example.org"]);
    }
    assert!(ask(&shown.address, "GET", &bek, "", "").body.contains("No more mail of"));
    shown.inside.publish(
        "2",
        "Temirov again",
        "Temirov was freed by the court.",
        now + TimeDelta::minutes(1),
    );
    shown.round(now + TimeDelta::minutes(2));
    shown.round(now + TimeDelta::minutes(3));
    assert_eq!(
        told(&shown),
        [
            "ada@example.org: Alert: Temirov — Temirov",
            "bek@example.org: Alert: Temirov — Temirov",
            "ada@example.org: Alert: Temirov again — Temirov",
            "admin@example.org: Left the plan rights desk: bek@example.org",
        ],
        "one is told no more, and the operator once"
    );
    assert_eq!(shown.inside.query("SELECT count(*) FROM outbox WHERE recipient GLOB 'admin*' AND CAST(wire AS TEXT) LIKE '%List-Unsubscribe-Post%'"), ["0"]);
}

#[test]
fn what_is_found_while_nobody_is_left_waits_for_somebody() {
    let shown = public();
    let now = time("2026-11-23T08:00:00Z");
    shown.inside.publish("1", "Temirov", "Temirov stands trial.", now);
    shown.round(now);
    for reader in ["ada@example.org", "bek@example.org"] {
        assert_eq!(ask(&shown.address, "POST", &way_out(&shown, reader), "", ONE_CLICK).status, 200);
    }
    shown.inside.publish("2", "Temirov again", "Temirov was freed by the court.", now);
    for minutes in 1..4 {
        shown.round(now + TimeDelta::minutes(minutes));
    }
    assert_eq!(told(&shown)[2..], ["admin@example.org: Nobody is left on the plan rights desk"]);
    assert_eq!(
        shown.inside.query("SELECT count(*) FROM owed WHERE digest_id IS NULL"),
        ["1"],
        "it stays owed"
    );
    let store = &shown.inside.desk.store;
    assert!(store.take_back("rights desk", "bek@example.org", now).expect("written"));
    shown.round(now + TimeDelta::minutes(5));
    assert_eq!(told(&shown)[3..], ["bek@example.org: Alert: Temirov again — Temirov"]);
    // Whoever leaves again is told of again.
    assert_eq!(ask(&shown.address, "POST", &way_out(&shown, "bek@example.org"), "", ONE_CLICK).status, 200);
    shown.round(now + TimeDelta::minutes(6));
    assert_eq!(told(&shown)[4..], ["admin@example.org: Nobody is left on the plan rights desk"]);
}

#[test]
fn who_left_is_shown_by_every_command_and_taken_back_by_one() {
    let config = format!(
        "[web]\nlisten = \"127.0.0.1:0\"\ntoken_env = \"WEB_TOKEN\"\npublic_url = \"https://news.example.org\"\n{PLAN}"
    );
    let desk = Desk::new(&config);
    let (mut daemon, address) = daemon(&desk);
    let key = desk.query("SELECT value FROM meta WHERE name = 'unsubscribe_key'").remove(0);
    let leave = |reader: &str| {
        let path = web::unsubscribe::address("", &key, "rights desk", reader);
        assert_eq!(ask(&address, "POST", &path, "", ONE_CLICK).status, 200, "{reader}");
    };
    let check = |command: &[&str], code: i32, says: &[&str]| {
        let ran = desk.run(command);
        assert_eq!(ran.code, Some(code), "{command:?}: {ran:?}");
        let said = format!("{}{}", ran.out, ran.err);
        for words in says {
            assert!(said.contains(words), "{command:?} does not say `{words}`: {said}");
        }
    };
    let back = ["plans", "resubscribe", "rights desk", "bek@example.org"];
    check(
        &["plans", "list"],
        0,
        &["rights desk\tada@example.org\tmail\t", "rights desk\tbek@example.org\tmail\t"],
    );
    check(&back, 3, &["has not left"]);
    leave("bek@example.org");
    let left = "bek@example.org left the plan `rights desk` on ";
    check(&["status"], 0, &[left, "`newswatch plans resubscribe`"]);
    check(&["check-config"], 0, &[left]);
    check(
        &["plans", "list"],
        0,
        &["rights desk\tada@example.org\tmail\t", "rights desk\tbek@example.org\tleft\t"],
    );
    leave("ada@example.org");
    check(&["status"], 1, &[left, "Nobody is left on the plan `rights desk`"]);
    check(&["status", "-o", "json"], 1, &["\"plans_without_readers\": [\n    \"rights desk\"\n  ]"]);
    check(&["plans", "resubscribe", "other", "bek@example.org"], 1, &["no plan is called `other`"]);
    check(&back, 0, &["gets mail of `rights desk` again"]);
    check(&["status"], 0, &["ada@example.org left the plan"]);
    // Under another name the plan is the same: who left has left, and the way out that
    // stands in a mail of last week still leads there.
    desk.configure(&config.replace("rights desk", "night desk"));
    daemon.signal("HUP");
    let feed = |name: &str| ask(&address, "GET", &format!("/plans/{name}%20desk.atom?token={TOKEN}"), "", "");
    wait_for("the new name", || feed("night").status == 200);
    let path = web::unsubscribe::address("", &key, "rights desk", "bek@example.org");
    assert_eq!(ask(&address, "POST", &path, "", ONE_CLICK).status, 200);
    assert_eq!([feed("rights").status, feed("day").status], [200, 404]);
    check(
        &["plans", "list"],
        0,
        &["night desk\tada@example.org\tleft\t", "night desk\tbek@example.org\tleft\t"],
    );
    daemon.ends_well_on("TERM");
    assert!(daemon.said("a reader left the plan"), "{}", daemon.log());
}
