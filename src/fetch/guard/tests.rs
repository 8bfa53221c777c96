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

#[test]
fn private_ipv4_in_every_spelling() {
    let guard = Guard::default();
    let table: &[(&str, &[&str])] = &[
        (
            "loopback",
            &[
                "http://127.0.0.1/",
                "https://127.0.0.1/",
                "http://127.0.0.1:80/",
                "http://127.0.0.1:8080/rss",
                "http://127.0.0.1./",
                "http://127.1/",
                "http://127.0.1/",
                "http://127.000.000.001/",
                "http://127.255.255.255/",
                "http://127.0.0.2/",
                "http://2130706433/",
                "http://2130706433./",
                "http://017700000001/",
                "http://0x7f000001/",
                "http://0X7F000001/",
                "http://0x7f.0.0.1/",
                "http://0x7f.1/",
                "http://0177.0.0.1/",
                "http://0177.0.0.01/",
                "http://0x7f.0x0.0x0.0x1/",
                "http://127.0x1/",
                "http://00000177.0.0.1/",
                "http://%31%32%37.0.0.1/",
                "http://127%2E0%2E0%2E1/",
                "http://１２７.０.０.１/",
                "http://127。0。0。1/",
                "http://127．0．0．1/",
                "http://①②⑦.0.0.1/",
                "http://127.0.0.1?/",
                "http://127.0.0.1#@issyk-gazette.example/",
                "http://127.0.0.1:65535/",
            ],
        ),
        (
            "this host",
            &["http://0/", "http://0.0.0.0/", "http://0.0/", "http://00/", "http://0x0/", "http://0.1.2.3/"],
        ),
        (
            "private",
            &[
                "http://10.0.0.0/",
                "http://10.0.0.1/",
                "http://10.1/",
                "http://10.255.255.255/",
                "http://167772161/",
                "http://0xa000001/",
                "http://012.0.0.1/",
                "http://172.16.0.0/",
                "http://172.16.0.1/",
                "http://172.31.255.255/",
                "http://0xac.0x10.0x0.0x1/",
                "http://2886729729/",
                "http://192.168.0.0/",
                "http://192.168.0.1/",
                "http://192.168.1/",
                "http://192.168.255.255/",
                "http://3232235521/",
                "http://0xc0a80001/",
                "http://0300.0250.0.1/",
            ],
        ),
        (
            "provider's inner",
            &[
                "http://100.64.0.0/",
                "http://100.64.0.1/",
                "http://100.127.255.255/",
                "http://100.100.100.200/",
                "http://1681915905/",
            ],
        ),
        (
            "metadata",
            &[
                "http://169.254.169.254/",
                "http://169.254.169.254/latest/meta-data/",
                "http://169.254.43518/",
                "http://2852039166/",
                "http://0xa9fea9fe/",
                "http://0xa9.0xfe.0xa9.0xfe/",
                "http://0251.0376.0251.0376/",
                "http://168.63.129.16/",
            ],
        ),
        ("link-local", &["http://169.254.0.0/", "http://169.254.1.1/", "http://169.254.255.255/"]),
        (
            "reserved",
            &[
                "http://192.0.0.0/",
                "http://192.0.0.192/",
                "http://240.0.0.1/",
                "http://255.255.255.255/",
                "http://4294967295/",
                "http://0xffffffff/",
                "http://037777777777/",
            ],
        ),
        ("documentation", &["http://192.0.2.1/", "http://198.51.100.7/", "http://203.0.113.255/"]),
        ("6to4 relay", &["http://192.88.99.1/"]),
        ("benchmarks", &["http://198.18.0.1/", "http://198.19.255.255/"]),
        ("multicast", &["http://224.0.0.1/", "http://239.255.255.250:1900/"]),
    ];
    for (expected, urls) in table {
        check(&guard, expected, urls);
    }
}

#[test]
fn private_ipv6_in_every_spelling() {
    let guard = Guard::default();
    let table: &[(&str, &[&str])] = &[
        (
            "loopback",
            &[
                "http://[::1]/",
                "http://[::1]:8080/",
                "http://[0:0:0:0:0:0:0:1]/",
                "http://[0000:0000:0000:0000:0000:0000:0000:0001]/",
                "http://[::0001]/",
                "http://[::0.0.0.1]/",
            ],
        ),
        (
            "this host",
            &["http://[::]/", "http://[0:0:0:0:0:0:0:0]/", "http://[::0]:80/", "http://[::0.0.0.0]/"],
        ),
        (
            "IPv4 address in IPv6",
            &[
                "http://[::ffff:127.0.0.1]/",
                "http://[::ffff:7f00:1]/",
                "http://[::FFFF:7F00:0001]/",
                "http://[0:0:0:0:0:ffff:127.0.0.1]/",
                "http://[::ffff:10.0.0.1]/",
                "http://[::ffff:a9fe:a9fe]/",
                "http://[::ffff:169.254.169.254]/",
                "http://[::ffff:8.8.8.8]/",
                "http://[::ffff:0.0.0.0]/",
                "http://[::127.0.0.1]/",
                "http://[::7f00:1]/",
                "http://[::10.0.0.1]/",
                "http://[::ffff:0:127.0.0.1]/",
                "http://[::ffff:0:7f00:1]/",
            ],
        ),
        (
            "NAT64",
            &[
                "http://[64:ff9b::127.0.0.1]/",
                "http://[64:ff9b::7f00:1]/",
                "http://[64:ff9b::a9fe:a9fe]/",
                "http://[64:ff9b::8.8.8.8]/",
                "http://[64:ff9b:1::1]/",
                "http://[64:ff9b:1:ffff::10.0.0.1]/",
            ],
        ),
        (
            "6to4",
            &[
                "http://[2002:7f00:1::]/",
                "http://[2002:7f00:0001::1]/",
                "http://[2002:a00:1::]/",
                "http://[2002:a9fe:a9fe::]/",
                "http://[2002:c0a8:101::1]/",
                "http://[2002:808:808::]/",
            ],
        ),
        (
            "tunnel or protocol",
            &[
                "http://[2001::1]/",
                "http://[2001:0:7f00:1::]/",
                "http://[2001:10::1]/",
                "http://[2001:1ff::1]/",
            ],
        ),
        ("documentation", &["http://[2001:db8::1]/", "http://[2001:DB8:1:2::3]/", "http://[3fff::1]/"]),
        (
            "private",
            &[
                "http://[fc00::1]/",
                "http://[fd00::1]/",
                "http://[fd00:ec2::254]/",
                "http://[fdff:ffff::1]/",
                "http://[fec0::1]/",
                "http://[feff::1]/",
            ],
        ),
        (
            "link-local",
            &[
                "http://[fe80::1]/",
                "http://[fe80::a9fe:a9fe]/",
                "http://[febf::1]/",
                "http://[FE80::1]:8080/",
            ],
        ),
        ("discard", &["http://[100::1]/"]),
        ("multicast", &["http://[ff02::1]/", "http://[ff0e::1]/"]),
        (
            "reserved",
            &[
                "http://[4000::1]/",
                "http://[1::1]/",
                "http://[200::1]/",
                "http://[5f00::1]/",
                "http://[e000::1]/",
            ],
        ),
        (
            "not an address",
            &[
                "http://[fe80::1%25eth0]/",
                "http://[fe80::1%eth0]/",
                "http://[::1%251]/",
                "http://[::1%lo]/",
                "http://[::1/",
                "http://[::1]x/",
                "http://[127.0.0.1]/",
                "http://[v1.fe80::a]/",
                "http://[]/",
            ],
        ),
    ];
    for (expected, urls) in table {
        check(&guard, expected, urls);
    }
}

#[test]
fn what_is_not_a_plain_http_address() {
    let guard = Guard::default();
    let table: &[(&str, &[&str])] = &[
        (
            "only `http://` and `https://`",
            &[
                "file:///etc/passwd",
                "FILE:///etc/passwd",
                "file://localhost/etc/passwd",
                "ftp://issyk-gazette.example/rss",
                "gopher://127.0.0.1:25/_HELO",
                "dict://127.0.0.1:11211/",
                "ldap://127.0.0.1/",
                "data:text/xml,<rss/>",
                "javascript:alert(1)",
                "ws://issyk-gazette.example/",
                "jar:http://127.0.0.1!/",
                "feed:https://issyk-gazette.example/rss",
                "view-source:https://issyk-gazette.example/",
                "unix:/var/run/docker.sock",
                "httpx://issyk-gazette.example/",
                "mailto:desk@example.org",
                "localhost:8080/rss",
            ],
        ),
        (
            "user name",
            &[
                "http://user@issyk-gazette.example/",
                "http://user:secret@issyk-gazette.example/",
                "http://:secret@issyk-gazette.example/",
                "http://@issyk-gazette.example/",
                "http://issyk-gazette.example@127.0.0.1/",
                "http://issyk-gazette.example:80@127.0.0.1/",
                "http://issyk-gazette.example%20@127.0.0.1/",
                "http://a@b@127.0.0.1/",
                "http://127.0.0.1:80@issyk-gazette.example/",
            ],
        ),
        (
            "backslash",
            &[
                "http://inner:80\\@outer.example/",
                "http:\\\\127.0.0.1\\",
                "http://issyk-gazette.example\\@127.0.0.1/",
                "http://issyk-gazette.example\\.127.0.0.1/",
                "\\\\127.0.0.1\\share",
                "http:/\\127.0.0.1/",
            ],
        ),
        (
            "control character",
            &[
                "http://issyk-gazette.example/\r\nHost: inner",
                "ht\ntp://127.0.0.1/",
                "http://127.0.\t0.1/",
                "http://issyk-gazette.example/\0",
                "\u{1}http://issyk-gazette.example/",
                "http://issyk-gazette.example/\u{7f}",
                "http://issyk-gazette.example/\u{85}",
                "http://issyk-gazette.example/rss\n",
            ],
        ),
        (
            "names no host",
            &[
                "http://",
                "http:///",
                "http:///127.0.0.1/",
                "http:////127.0.0.1/",
                "http:/127.0.0.1/",
                "http:127.0.0.1/",
                "http:",
                "https:issyk-gazette.example",
                "http://:80/",
                "http://::1/",
                "http://?q",
                "http://#x",
            ],
        ),
        (
            "port 0",
            &["http://issyk-gazette.example:0/", "http://issyk-gazette.example:00/", "https://8.8.8.8:0/"],
        ),
        (
            "not an address",
            &[
                "",
                " ",
                "issyk-gazette.example/rss",
                "//issyk-gazette.example/rss",
                "/rss",
                "http://issyk gazette.example/",
                "http://issyk-gazette.example:99999/",
                "http://issyk-gazette.example:80a/",
                "http://issyk-gazette.example:-1/",
                "http://999.1.1.1/",
                "http://1.2.3.4.5/",
                "http://0x7f.0.0.0x1ff/",
                "http://4294967296/",
                "http://a%00b.example/",
                "http://a%2fb.example/",
                "http://<script>/",
                "http://a|b.example/",
            ],
        ),
    ];
    for (expected, urls) in table {
        check(&guard, expected, urls);
    }
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
