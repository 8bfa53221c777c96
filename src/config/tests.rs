use super::*;

const SHIPPED: &str = include_str!("../../config.toml");

/// Everything but where it came from.
fn meaning(text: &str) -> String {
    let config = parse(text, Path::new("config.toml")).unwrap_or_else(|error| panic!("{error}"));
    let Config { daemon, mail, sources, watches, plans, .. } = config;
    format!("{daemon:#?}\n{mail:#?}\n{sources:#?}\n{watches:#?}\n{plans:#?}")
}

/// `#key = value` becomes `key = value`.
fn uncommented(line: &str) -> Option<&str> {
    let bare = line.strip_prefix('#')?;
    bare.starts_with(|first: char| first.is_ascii_lowercase()).then_some(bare)
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
fn every_example_may_be_uncommented() {
    let examples: Vec<&str> = SHIPPED.lines().filter(|line| line.starts_with("# e.g. ")).collect();
    assert!(examples.len() >= 15, "{examples:?}");
    for example in examples {
        let changed = SHIPPED.replacen(example, example.trim_start_matches("# e.g. "), 1);
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
