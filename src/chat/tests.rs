use super::*;

#[test]
fn a_wrong_line_is_told_with_its_place_and_without_its_secret() {
    // What stands in the list, each line with another fault.
    let text = "\u{feff}# chats\n\nnewsroom telegram://123456:hunter22/-100\nnewsroom ntfy://other\n\
                slak slak://T000/B000/hunter22\n  nightly   tgram://hunter22\nhttps://hooks.slack.com/services/hunter22\n\
                a/b ntfy://topic\nalone\nlan mattermost+http://chat.example.org/hooks/hunter22\n\
                any https://example.org/hunter22\nroom matrix://hunter22@matrix.example.org/#room:example.org\n\
                bot slack://hunter22@T/B/X\nword hunter22\n\
                half https://hooks.slack.com/services/T/hunter22\nhook https://discord.com/channels/1/hunter22\n\
                lone ntfy://hunter22@ntfy.example.org\nuser ntfys://ada:hunter22@ntfy.example.org/\n\
                host ntfy://ntfy.hunter22.org\nown slack://chat.example.org/hooks/hunter22\n\
                mine discord://chat.example.org/hunter22\nhunter22\n";
    let (list, wrong) = List::parse(text);
    assert_eq!(list.names().collect::<Vec<_>>(), ["newsroom"]);
    let said: Vec<String> =
        wrong.iter().map(|wrong| format!("{}:{}: {}", wrong.line, wrong.column, wrong.message)).collect();
    let expected = [
        "4:1: the name `newsroom` is taken on line 3",
        "5:6: no service is written so; did you mean `slack://`?",
        "6:13: write an address of Telegram like `telegram://TOKEN/CHAT`",
        "7:1: a line is a name, a space and an address; the name is missing",
        "8:1: a name has letters, digits, `-`, `_` and `.`, at most 60 of them",
        "9:1: a line is a name, a space and an address; one of them is missing",
        "10:5: it would be told in clear: only this machine is, others with `+https://`",
        "11:5: the address does not say which service it is of: write it before, as in `mattermost+https://`",
        "12:6: write an address of Matrix like `matrix://TOKEN@matrix.example.org/!ROOM:example.org`",
        "13:5: write an address of Slack like `https://hooks.slack.com/services/T…/B…/…` or `slack://T…/B…/…`",
        "14:6: this is no address; write it like `telegram://TOKEN/CHAT`",
        "15:6: write an address of Slack like `https://hooks.slack.com/services/T…/B…/…` or `slack://T…/B…/…`",
        "16:6: write an address of Discord like `https://discord.com/api/webhooks/ID/TOKEN` or `discord://ID/TOKEN`",
        "17:6: write an address of ntfy like `ntfy://TOPIC` or `ntfy://ntfy.example.org/TOPIC`",
        "18:6: write an address of ntfy like `ntfy://TOPIC` or `ntfy://ntfy.example.org/TOPIC`",
        "19:6: write an address of ntfy like `ntfy://TOPIC` or `ntfy://ntfy.example.org/TOPIC`",
        "20:5: write an address of Slack like `https://hooks.slack.com/services/T…/B…/…` or `slack://T…/B…/…`",
        "21:6: write an address of Discord like `https://discord.com/api/webhooks/ID/TOKEN` or `discord://ID/TOKEN`",
        "22:1: a line is a name, a space and an address; one of them is missing",
    ];
    assert_eq!(said, expected);
    assert!(!said.concat().contains("hunter22") && !format!("{list:?}").contains("hunter22"));
}

#[test]
fn an_answer_is_repeated_without_the_address() {
    let at_end = format!(r#"{{"error":"{}hunter22"}}"#, "no ".repeat(52));
    let address = Address::parse("telegram://123456:hunter22/-100123").expect("an address");
    for (body, expected) in [
        (r#"{"error":"hun\u200bter22 is no token"}"#, Some("… is no token")),
        (r#"{"error":"\u202ehunter22\u0000"}"#, Some("…")),
        (&at_end, Some(&*("no ".repeat(52) + "…"))),
        (r#"{"ok":false,"description":"Bad Request: chat not found"}"#, Some("Bad Request: chat not found")),
        (r#"{"errcode":"M_FORBIDDEN","error":"not\n in room"}"#, Some("not in room")),
        (r#"{"message":"no bot123456:hunter22 here, nor hunter22"}"#, Some("no … here, nor …")),
        ("no_service", Some("no_service")),
        ("<html>Bad gateway</html>", None),
        (r#"{"code":50027}"#, None),
        ("", None),
    ] {
        assert_eq!(said(&address, body).as_deref(), expected, "{body}");
    }
    let address = Address::parse("ntfy://ada:hunter22@ntfy.example.org/topic").expect("an address");
    let answer = r#"{"error":"no user for Basic YWRhOmh1bnRlcjIy"}"#;
    assert_eq!(said(&address, answer).as_deref(), Some("no user for Basic …"));
    for (body, millis) in [
        (r#"{"ok":false,"parameters":{"retry_after":35}}"#, Some(35_000)),
        (r#"{"message":"slow down","retry_after":0.65}"#, Some(650)),
        (r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2000}"#, Some(2_000)),
        (r#"{"retry_after":1e300}"#, Some(86_400_000)),
        (r#"{"retry_after":-5}"#, Some(0)),
        ("ratelimited", None),
    ] {
        assert_eq!(wait(body).map(|wait| wait.num_milliseconds()), millis, "{body}");
    }
}

proptest::proptest! {
    /// No address panics, and no error repeats one.
    #[test]
    fn no_line_panics(name in "([a-z]{1,3} )?", address in "((slack|tgram|ntfy|matrix|https|x)?(\\+http)?:?/{0,2}[ -~А-я@:/!#%]{0,40})?") {
        let line = format!("{name}{address}secret42");
        let (_, wrong) = List::parse(&line);
        proptest::prop_assert!(wrong.iter().all(|wrong| !wrong.message.contains("secret42")));
    }
}
