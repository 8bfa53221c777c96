use super::*;

/// How the guard takes each of `urls`: `ok`, or a word of the refusal.
fn check(guard: &Guard, expected: &str, urls: &[&str]) {
    for url in urls {
        let verdict = match guard.read(url, NamedBy::Config) {
            Ok(_) => "ok".to_string(),
            Err(refusal) => refusal.to_string(),
        };
        assert!(verdict.contains(expected), "{url:?}: {verdict}; expected: {expected}");
    }
}

#[test]
fn public_addresses_pass() {
    let urls = [
        "https://issyk-gazette.example/rss",
        "HTTP://ISSYK-GAZETTE.EXAMPLE/RSS",
        " https://issyk-gazette.example/rss ",
        "https://issyk-gazette.example:8443/rss?tag=temirov#top",
        "https://issyk-gazette.example/a@b",
        "https://issyk-gazette.example/?mail=a@b",
        "https://новости.example/лента",
        "https://xn--b1agh1afp.example/",
        "https://under_score.example/",
        "http://8.8.8.8/",
        "http://1.1.1.1:8080/",
        "http://9.255.255.255/",
        "http://11.0.0.0/",
        "http://100.63.255.255/",
        "http://100.128.0.0/",
        "http://126.255.255.255/",
        "http://128.0.0.0/",
        "http://169.253.255.255/",
        "http://169.255.0.0/",
        "http://172.15.255.255/",
        "http://172.32.0.0/",
        "http://192.0.1.0/",
        "http://192.167.255.255/",
        "http://192.169.0.0/",
        "http://198.17.255.255/",
        "http://198.20.0.0/",
        "http://223.255.255.255/",
        "http://168.63.129.15/",
        "http://[2606:4700::1111]/",
        "http://[2a00:1450:4001::1]:8080/",
        "http://[2001:200::1]/",
        "http://[2003::1]/",
        "http://[3ffe::1]/",
    ];
    check(&Guard::default(), "ok", &urls);
}

/// Addresses by what the refusal says of them: `# words`, then one a line.
const REFUSED: &str = include_str!("../../../tests/data/guard/refused.txt");

#[test]
fn every_other_form_is_refused() {
    let mut forms = 0;
    for section in REFUSED.split("# ").skip(1) {
        let (expected, urls) = section.split_once('\n').expect("addresses below their head");
        let urls: Vec<&str> = urls.lines().filter(|line| !line.is_empty()).collect();
        check(&Guard::default(), expected, &urls);
        forms += urls.len();
    }
    assert!(forms >= 200, "{forms} forms");
}

#[test]
fn what_no_line_of_a_file_can_hold() {
    let guard = Guard::default();
    let controls = [
        "http://issyk-gazette.example/\r\nHost: inner",
        "ht\ntp://127.0.0.1/",
        "http://127.0.\t0.1/",
        "http://issyk-gazette.example/\0",
        "\u{1}http://issyk-gazette.example/",
        "http://issyk-gazette.example/\u{7f}",
        "http://issyk-gazette.example/\u{85}",
        "http://issyk-gazette.example/rss\n",
    ];
    check(&guard, "control character", &controls);
    check(&guard, "not an address", &["", " "]);
    check(&guard, "longer than", &[&format!("https://issyk-gazette.example/{}", "a".repeat(URL_BYTES_MAX))]);
}

#[test]
fn the_allow_list_is_the_only_way_in() {
    let names = [
        "127.0.0.1:8080",
        "Intranet",
        "wiki.desk.example:8443",
        "::1",
        "[fd00::7]:81",
        "0x0a.0.0.9",
        "10.0.0.5.",
    ];
    let guard = Guard::new(&names.map(String::from));
    check(
        &guard,
        "ok",
        &[
            "http://127.0.0.1:8080/",
            "http://127.1:8080/rss",
            "http://[::1]:9/",
            "http://[fd00::7]:81/",
            "https://10.0.0.9/",
        ],
    );
    check(
        &guard,
        "private_hosts",
        &[
            "http://127.0.0.1/",
            "http://127.0.0.1:8081/",
            "http://[fd00::7]/",
            "http://[fd00::8]:81/",
            "http://10.0.0.8/",
        ],
    );
    let allowed = [
        ("http://intranet/", true),
        ("http://intranet.:99/", true),
        ("http://intranet.example/", false),
        ("https://wiki.desk.example:8443/", true),
        ("https://wiki.desk.example/", false),
    ];
    for (url, expected) in allowed {
        assert_eq!(guard.lists(url), expected, "{url}");
    }
}

#[test]
fn the_allow_list_holds_for_what_the_configuration_or_its_own_hosts_name() {
    let guard = Guard::new(&["10.0.0.5:8080".to_string(), "wiki.desk.example".to_string()]);
    let table = [
        (NamedBy::Config, "ok"),
        (NamedBy::Document("http://10.0.0.5:8080/feed"), "ok"),
        (NamedBy::Document("https://wiki.desk.example/"), "ok"),
        (NamedBy::Document("http://10.0.0.5/feed"), "configure it as a source of its own"),
        (NamedBy::Document("https://wiki.desk.example.org/"), "configure it as a source of its own"),
        (NamedBy::Document("https://issyk-gazette.example/rss"), "configure it as a source of its own"),
        (
            NamedBy::Document("http://10.0.0.5:8080@issyk-gazette.example/"),
            "configure it as a source of its own",
        ),
        (NamedBy::Document("10.0.0.5:8080"), "configure it as a source of its own"),
        (NamedBy::Document(""), "configure it as a source of its own"),
    ];
    for (named_by, expected) in table {
        let verdict = match guard.read("http://10.0.0.5:8080/admin", named_by) {
            Ok(target) => format!("ok, private: {}", guard.may_be_private(&target)),
            Err(refusal) => refusal.to_string(),
        };
        assert!(verdict.contains(expected) && !verdict.contains("false"), "{named_by:?}: {verdict}");
    }
    // A name passes here, and is then dialled at public addresses only.
    let public = NamedBy::Document("https://issyk-gazette.example/rss");
    let target = guard.read("https://wiki.desk.example/", public).expect("a name passes");
    assert!(!guard.may_be_private(&target));
    assert!(guard.private(&target, "a private address").to_string().contains("the link comes from a host"));
}

/// Where each hop of a chain leads, and whether the last may have a private address.
#[test]
fn trust_ends_with_the_first_hop_that_is_not_on_the_list() {
    let guard = Guard::new(&["a.desk.example".to_string(), "b.desk.example".to_string()]);
    let table: &[(&[&str], bool)] = &[
        (&["http://a.desk.example/"], true),
        (&["http://a.desk.example/", "http://b.desk.example/"], true),
        (&["http://a.desk.example/", "http://issyk-gazette.example/"], false),
        (&["http://issyk-gazette.example/", "http://a.desk.example/"], false),
        (&["http://issyk-gazette.example/", "http://a.desk.example/", "http://b.desk.example/"], false),
        (&["http://a.desk.example/", "http://issyk-gazette.example/", "http://b.desk.example/"], false),
    ];
    for (hops, expected) in table {
        let mut target = guard.read(hops[0], NamedBy::Config).expect("a URL of ours");
        for hop in &hops[1..] {
            target = guard.redirect(&target, hop).expect("names pass");
        }
        assert_eq!(guard.may_be_private(&target), *expected, "{hops:?}");
    }
}

#[test]
fn redirects() {
    let guard = Guard::new(&["10.0.0.5".to_string()]);
    let table = [
        ("http://a.example/x/y", "../z?q=1", "http://a.example/z?q=1"),
        ("http://a.example/x", "//b.example/", "http://b.example/"),
        ("http://a.example/x", "https://a.example/x", "https://a.example/x"),
        ("https://a.example/x", "HTTPS://b.example", "https://b.example/"),
        ("https://a.example/x", "?page=2", "https://a.example/x?page=2"),
        ("https://a.example/x", "", "https://a.example/x"),
        ("http://10.0.0.5/x", "http://10.0.0.5/y", "http://10.0.0.5/y"),
        ("http://10.0.0.5/x", "http://b.example/y", "http://b.example/y"),
        (
            "http://a.example/x",
            "http://10.0.0.5/y",
            "`10.0.0.5` is on `private_hosts`, but the link comes from",
        ),
        ("https://a.example/x", "http://a.example/x", "https to http"),
        ("https://a.example/x", "http://10.0.0.5/x", "https to http"),
        ("http://a.example/x", "http://127.0.0.1/", "loopback"),
        ("http://a.example/x", "//127.0.0.1/", "loopback"),
        ("http://a.example/x", "//0x7f.1:80/", "loopback"),
        ("http://a.example/x", "http://[::ffff:169.254.169.254]/", "IPv4 address in IPv6"),
        ("http://a.example/x", "file:///etc/passwd", "only `http://`"),
        ("http://a.example/x", "http:127.0.0.1", "names no host"),
        ("http://a.example/x", "///127.0.0.1/", "names no host"),
        ("http://a.example/x", "http:///127.0.0.1/", "names no host"),
        ("http://a.example/x", "/\\127.0.0.1/", "backslash"),
        ("http://a.example/x", "//u@127.0.0.1/", "user name"),
        ("http://a.example/x", "http://b.example:0/", "port 0"),
        ("http://a.example/x", "http://b.example/\r\nX: y", "control"),
    ];
    for (from, location, expected) in table {
        let from = guard.read(from, NamedBy::Config).expect("a URL of ours");
        let verdict = guard.redirect(&from, location);
        let verdict = verdict.map_or_else(|refusal| refusal.to_string(), |to| to.url.into());
        let from = from.url;
        assert!(verdict.contains(expected), "{from} to {location:?}: {verdict}; expected: {expected}");
    }
}

#[test]
fn answers_of_the_name_server() {
    let table: &[(&[&str], &str)] = &[
        (&["8.8.8.8"], "ok"),
        (&["8.8.8.8", "2606:4700::1111"], "ok"),
        (&[], "ok"),
        (&["64:ff9b::8.8.8.8"], "ok"),
        (&["127.0.0.1"], "loopback"),
        (&["8.8.8.8", "10.0.0.1"], "private"),
        (&["10.0.0.1", "8.8.8.8"], "private"),
        (&["2606:4700::1111", "::1"], "loopback"),
        (&["8.8.8.8", "::ffff:8.8.8.8"], "IPv4 address in IPv6"),
        (&["64:ff9b::10.0.0.1"], "private"),
        (&["64:ff9b:1::10.0.0.1"], "NAT64"),
        (&["8.8.8.8", "fe80::1"], "link-local"),
        (&["100.64.0.9"], "provider's inner"),
        (&["169.254.169.254"], "metadata"),
        (&["0.0.0.0"], "this host"),
    ];
    for (answers, expected) in table {
        let addresses =
            answers.iter().map(|ip| SocketAddr::new(ip.parse().expect("an address"), 0)).collect();
        let verdict = public_only("rebinding.example", addresses);
        let verdict = verdict.map_or_else(|refusal| refusal.to_string(), |_| "ok".to_string());
        assert!(verdict.contains(expected), "{answers:?}: {verdict}; expected: {expected}");
    }
}
