use super::*;

/// How the guard takes each of `urls`: `ok`, or a word of the refusal.
fn check(guard: &Guard, expected: &str, urls: &[&str]) {
    for url in urls {
        let verdict = match guard.read(url) {
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
        assert_eq!(guard.is_allowed(&Url::parse(url).expect("a URL of ours")), expected, "{url}");
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
        ("http://a.example/x", "http://10.0.0.5/y", "http://10.0.0.5/y"),
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
        let from = Url::parse(from).expect("a URL of ours");
        let verdict =
            guard.redirect(&from, location).map_or_else(|refusal| refusal.to_string(), String::from);
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
