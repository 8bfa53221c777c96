use super::*;

#[test]
fn only_what_is_one_address_is_one() {
    let check = |text: &str, expected: Option<(&str, Option<&str>)>| {
        let read = mailbox(text).ok();
        let read = read.as_ref().map(|read| (read.email.as_ref(), read.name.as_deref()));
        assert_eq!(read, expected, "{text:?}");
    };
    check("desk@example.org", Some(("desk@example.org", None)));
    check(" Rights desk <desk@example.org>", Some(("desk@example.org", Some("Rights desk"))));
    check("\"Desk, rights\" <desk@example.org>", Some(("desk@example.org", Some("Desk, rights"))));
    check("Отдел прав <desk@example.org>", Some(("desk@example.org", Some("Отдел прав"))));
    check("desk@example.org, other@example.org", None);
    check("desk@example.org\r\nBcc: other@example.org", None);
    check("De\r\nBcc: x@example.org <desk@example.org>", None);
    check("desk", None);
    check("desk@", None);
    check("\"a b\"@example.org", None);
    check("", None);
}

#[test]
fn wire_bytes_hold_nothing_a_server_could_read_as_another_mail() {
    let check = |bytes: &[u8], expected: &str| {
        let told = match Wire::new(bytes.to_vec()) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
        assert!(told.contains(expected) && told.is_empty() == expected.is_empty(), "{bytes:?}: {told}");
    };
    check(b"Subject: x\r\n\r\nbody\r\n", "");
    check(b"body\r\n.\r\nMAIL FROM:<x@example.org>\r\n", "");
    check(b"body\n.\nMAIL\r\n", "bare CR or LF");
    check(b"body\r.\r\n", "bare CR");
    check(b"body\r\r\n", "bare CR");
    check(b"\n\r\n", "bare CR or LF");
    check(b"body", "no end");
    check(b"body\n", "no end");
    check(b"bo\0dy\r\n", "NUL");
    check("тело\r\n".as_bytes(), "over 127");
    check(format!("{}\r\n", "x".repeat(998)).as_bytes(), "");
    check(format!("a\r\n{}\r\n", "x".repeat(999)).as_bytes(), "998");
}

#[test]
fn what_others_say_is_told_in_one_bounded_line() {
    assert_eq!(one_line("no\r\nsuch\u{1b}[31m user"), "no such [31m user");
    assert_eq!(one_line(&"Темиров".repeat(200)).chars().count(), 301);
}
