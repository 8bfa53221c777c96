use super::*;
use crate::extract::Article;

const SHIPPED: &str = include_str!("../../config.toml");

/// Everything but where it came from.
fn meaning(text: &str) -> String {
    let config = parse(text, Path::new("config.toml")).unwrap_or_else(|error| panic!("{error}"));
    let Config { daemon, mail, sources, watches, plans, .. } = config;
    format!("{daemon:#?}\n{mail:#?}\n{sources:#?}\n{watches:#?}\n{plans:#?}")
}

/// `#key = value` becomes `key = value`, `#[table]` a table.
fn uncommented(line: &str) -> Option<&str> {
    let bare = line.strip_prefix('#')?;
    bare.starts_with(|first: char| first.is_ascii_lowercase() || first == '[').then_some(bare)
}

#[test]
fn the_shipped_file_works_and_has_no_problem() {
    let config = parse(SHIPPED, Path::new("config.toml")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((config.sources.len(), config.watches.len(), config.plans.len()), (19, 4, 1));
    assert!(matches!(config.mail.transport, Transport::File { directory: None }));
    let warnings: Vec<String> = config.warnings.iter().map(|warning| warning.at(&config.path)).collect();
    let unset = "config.toml: `ops_to` in `[mail]` is not set: trouble is told in `newswatch status` only";
    assert_eq!(warnings, [unset]);
}

#[test]
fn every_commented_default_is_the_default() {
    let plain: Vec<&str> = SHIPPED.lines().collect();
    let defaults = plain.iter().filter(|line| uncommented(line).is_some()).count();
    assert!(defaults >= 20, "{defaults} commented defaults");
    for transport in ["transport = \"file\"", SENDMAIL, SMTP] {
        let with = |uncomment: bool| {
            let lines = plain.iter().map(|line| match uncommented(line) {
                Some(_) if line.starts_with("#transport") => transport,
                Some(_) if line.starts_with("#from") && transport != "transport = \"file\"" => "",
                Some(bare) if uncomment => bare,
                _ => line,
            });
            lines.collect::<Vec<_>>().join("\n")
        };
        assert_eq!(meaning(&with(true)), meaning(&with(false)), "{transport}");
    }
}

const SENDMAIL: &str = "transport = \"sendmail\"\nfrom = \"newswatch@example.org\"";
const SMTP: &str = "transport = \"smtp\"\nhost = \"smtp.example.org\"\nfrom = \"newswatch@example.org\"";

#[test]
fn a_table_for_the_page_alone_is_the_page_as_documented() {
    let documented = SHIPPED.replacen("#[web]", "[web]", 1).replacen("#listen", "listen", 1);
    for text in ["[web]", &documented] {
        let config = parse(text, Path::new("config.toml")).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(format!("{:?}", config.web), format!("{:?}", Some(Web::default())));
    }
    let shipped = parse(SHIPPED, Path::new("config.toml")).unwrap_or_else(|error| panic!("{error}"));
    assert!(shipped.web.is_none(), "nothing listens unasked");
}

#[test]
fn every_example_may_be_uncommented() {
    let examples: Vec<&str> = SHIPPED.lines().filter(|line| line.starts_with("# e.g. ")).collect();
    assert!(examples.len() >= 15, "{examples:?}");
    for example in examples {
        let mut changed = SHIPPED.replacen(example, example.trim_start_matches("# e.g. "), 1);
        if ["token_", "public_url"].iter().any(|key| example.contains(key)) {
            changed = changed.replacen("#[web]", "[web]", 1);
        }
        if example.contains("public_url") {
            changed = changed.replacen("# e.g. token_file", "token_file", 1);
        }
        assert_ne!(meaning(&changed).len(), 0, "{example}");
    }
}

/// What `check-config` says of the file: its problems, else its warnings.
fn said(text: &str) -> String {
    let path = Path::new("config.toml");
    match parse(text, path) {
        Err(error) => error.to_string(),
        Ok(config) => {
            let warnings: Vec<String> = config.warnings.iter().map(|warning| warning.at(path)).collect();
            format!("ok\n{}", warnings.join("\n"))
        }
    }
}

/// Each `tests/data/config/NAME.toml` is answered with `NAME.txt`.
#[test]
fn every_wrong_file_is_told_all_at_once() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/config");
    let files = std::fs::read_dir(folder).expect("the cases").map(|file| file.expect("a case").path());
    let mut count = 0;
    for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "toml")) {
        let said = said(&std::fs::read_to_string(&file).expect("UTF-8"));
        let answer = file.with_extension("txt");
        if std::env::var_os("WRITE_ANSWERS").is_some() {
            std::fs::write(&answer, format!("{said}\n")).expect("written");
        }
        let expected = std::fs::read_to_string(&answer).unwrap_or_default();
        assert_eq!(said.trim_end(), expected.trim_end(), "{}", file.display());
        count += 1;
    }
    assert!(count >= 10, "{count} cases");
}

#[test]
fn a_problem_inside_a_string_has_its_own_column() {
    // What is written, the byte of the value, line and column of that byte.
    for (written, offset, expected) in [
        ("query = 'Bolot Temirov'", 6, (2, 16)),
        ("query = \"Болот Темиров\"", 11, (2, 16)),
        ("query = '''\nTemirov\n  OR ((\n'''", 13, (4, 6)),
        ("query = \"\"\"Temirov OR (\"\"\"", 11, (2, 23)),
        (r#"query = "\"Bolot Temirov\" OR (""#, 19, (2, 31)),
        (r#"query = "\u0422емиров OR (""#, 18, (2, 26)),
        ("query = \"\"\"\nTemirov \\\n    OR \\\"Osh\\\" OR (\"\"\"", 20, (4, 19)),
        ("query = ''", 0, (2, 9)),
    ] {
        let text = format!("# Темиров\n{written}\n");
        let ((), problems, _) = reader::read(&text, |keys| {
            let query = keys.text("query").expect("a query");
            keys.problem(keys.report.inside(&query, offset), "here");
        });
        let places: Vec<_> = problems.iter().map(|problem| (problem.line, problem.column)).collect();
        assert_eq!(places, [expected], "{written}");
    }
}

#[test]
fn intervals_and_secrets() {
    for (text, seconds) in [("10m", 600), ("1h30m", 5400), ("2d", 172_800), ("90s", 90)] {
        assert_eq!(values::interval(text).map(|interval| interval.as_secs()), Ok(seconds));
    }
    for text in
        ["", "10", "m", "10 m", "-5m", "1.5h", "99999999999999999999d", "9999999999999999d", "31d", "59s"]
    {
        assert!(values::interval(text).is_err(), "{text}");
    }
    let smtp = SMTP.to_owned() + "\nuser = \"desk\"\npassword_file = \"smtp-password\"";
    let config = parse(&format!("[mail]\n{smtp}"), Path::new("/etc/newswatch/config.toml"));
    let Ok(Config { mail: Mail { transport: Transport::Smtp { password, .. }, .. }, .. }) = config else {
        panic!("{config:?}");
    };
    // Beside the configuration, and by its name among the credentials.
    let holder = Holder::File {
        path: "/etc/newswatch/smtp-password".into(),
        credential: Some("smtp-password".into()),
    };
    assert_eq!(password.as_ref().map(|secret| &secret.holder), Some(&holder));
    for name in ["/run/secrets/smtp", "secrets/smtp"] {
        let path = Path::new("/etc/newswatch").join(name);
        assert_eq!(Holder::file(name, Path::new("/etc/newswatch")), Holder::File { path, credential: None });
    }
    assert!(!format!("{password:?}").contains("smtp-password"));
}

proptest::proptest! {
    /// A file with a piece cut out or put in is answered, never with a panic, and every
    /// problem lies in the file.
    #[test]
    fn no_file_panics(at in 0..SHIPPED.len(), cut in 0..200_usize, put in "[\\[\\]{}'\"=#\\\\,.a-zА-я0-9\n -]{0,12}") {
        let cut_to = (at + cut).min(SHIPPED.len());
        let (Some(head), Some(tail)) = (SHIPPED.get(..at), SHIPPED.get(cut_to..)) else { return Ok(()) };
        let text = format!("{head}{put}{tail}");
        if let Err(error) = parse(&text, Path::new("config.toml")) {
            proptest::prop_assert!(!error.problems.is_empty());
            let lines = text.lines().count() + 1;
            proptest::prop_assert!(error.problems.iter().all(|problem| problem.line <= lines));
        }
    }
}

#[test]
fn names_for_new_feeds_are_free_and_addresses_known_in_any_spelling() {
    let text = "[[feed]]\nname = \"Osh Echo\"\nurl = \"https://echo.example/rss\"\n";
    let config = parse(text, Path::new("config.toml")).unwrap_or_else(|error| panic!("{error}"));
    let mut taken = Taken::of(&config.sources);
    for known in ["https://echo.example/rss", "http://ECHO.example:80/rss#top"] {
        assert_eq!(taken.by(known), Some("Osh Echo"), "{known}");
    }
    assert_eq!(taken.by("https://echo.example/rss?page=2"), None);
    for (wanted, name) in [
        ("Osh  Echo\n", "Osh Echo (2)"),
        ("Osh Echo", "Osh Echo (3)"),
        ("Osh Echo (2)", "Osh Echo (2) (2)"),
        (" \u{7}", "naryn.example"),
        ("", "naryn.example (2)"),
    ] {
        assert_eq!(taken.name(wanted, "https://naryn.example/"), name, "{wanted:?}");
    }
}

proptest::proptest! {
    #[test]
    fn a_table_written_is_read_back(name in ".{0,90}", language in "[a-z]{0,4}", tags in proptest::collection::vec(".{0,9}", 0..4), note in ".{0,20}") {
        let url = "https://echo.example/rss?a=\"1\"&b='2'".to_owned();
        let name = Taken::default().name(&name, "https://echo.example/");
        let feed = NewFeed { name, url, language: Some(language), tags, note };
        let config = parse(&feed.table(), Path::new("config.toml")).unwrap_or_else(|error| panic!("{error}"));
        let source = &config.sources[0];
        proptest::prop_assert_eq!((&source.name, &source.url), (&feed.name, &feed.url));
        proptest::prop_assert!(source.language.is_none() || source.language == feed.language);
        let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !('\u{2028}'..='\u{2069}').contains(&c);
        let plain = |tag: &String| tag.chars().all(is_plain) && !tag.is_empty();
        for tag in feed.tags.iter().filter(|tag| plain(tag)) {
            proptest::prop_assert!(source.tags.contains(tag), "{tag:?} is not among {:?}", source.tags);
        }
    }
}

/// Which of the shipped watches fire, by the first letter of their names.
fn check_watches(title: &str, text: &str, expected: &str) {
    let config = parse(SHIPPED, Path::new("config.toml")).unwrap_or_else(|error| panic!("{error}"));
    let article = Article { title: title.into(), text: text.into(), ..Article::default() };
    let found = config.watch_list.scan(std::slice::from_ref(&article));
    let mut letters: Vec<char> =
        found.iter().flatten().filter_map(|found| found.watch.chars().next()).collect();
    letters.sort_unstable();
    assert_eq!(letters.into_iter().collect::<String>(), expected, "{title}");
}

/// Stories made up for this test. C: Central Asia summit, G: Gorno-Badakhshan, T: Temirov, s: sanctions.
#[test]
fn the_shipped_watches_find_what_they_are_for() {
    // The words "Central Asia summit" stand nowhere in it.
    check_watches(
        "President to meet five counterparts in New York",
        "The U.S. president will hold talks with the leaders of all five Central Asian states on Tuesday.",
        "C",
    );
    check_watches("C5+1 ministers gather in Ashgabat", "Trade is on the table.", "C");
    check_watches("Саммит в Астане", "Президенты стран Центральной Азии обсудили воду.", "C");
    check_watches("Мулоқот дар Душанбе", "Сарони давлатҳои Осиёи Марказӣ ҷамъ омаданд.", "C");
    check_watches("Markaziy Osiyo davlatlari rahbarlari uchrashuvi", "Toshkentda boʻlib oʻtdi.", "C");
    // A country, or the region without a meeting, is not a summit.
    check_watches("Kazakhstan raises its grain quota", "The ministry held talks with Uzbek traders.", "");
    check_watches("Heat wave in Central Asia", "Wells ran dry from Osh to Khorog.", "");
    check_watches("Президент Казахстана провел переговоры", "Речь шла о зерне.", "");
    check_watches(
        "A journalist is expelled",
        "Bolot Temirov was put on a plane; T. sanctioned nothing.",
        "Ts",
    );
    check_watches("Суд отказал Болоту Темирову", "Новые санкции против банка.", "Ts");
    check_watches("Банкка санкциялар салынды", "Темировдун иши каралат.", "Ts");
    check_watches("Roads closed", "Snow cut off the Gorno-Badakhshan region and GBAO's only airport.", "G");
    check_watches("Дороги закрыты", "Жители Горно-Бадахшанской автономной области остались без света.", "G");
    check_watches("Роҳҳо бастаанд", "Вилояти Мухтори Кӯҳистони Бадахшон бе барқ монд.", "G");
    check_watches("Темир жол оңдолду", "Кен байлыктары көп.", "");
}
