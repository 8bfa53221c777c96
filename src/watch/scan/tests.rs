//! Tables of term, sentence and what is found there (`tests/data/watch`), and
//! what must hold for any text.
#![allow(clippy::disallowed_methods, reason = "tests read their tables")]

use super::*;
use proptest::prelude::*;
use std::path::Path;

/// What the user would write: `=exact`, `wild*`, `/expression/`, else a name.
fn pattern(term: &str, derived: bool) -> Pattern {
    let kind = match term {
        _ if term.starts_with('=') => Kind::Exact,
        _ if term.len() > 1 && term.starts_with('/') && term.ends_with('/') => Kind::Regex,
        _ if term.contains(['*', '?']) => Kind::Wildcard,
        _ => Kind::Inflected,
    };
    let text = term.trim_start_matches('=').trim_matches(|char| char == '"' || char == '/');
    Pattern { text: text.into(), kind, aliases: true, derived }
}

fn found_in(pattern: Pattern, sentence: &str) -> Vec<Found> {
    let patterns = Patterns::compile(&[pattern]).expect("the tables hold good terms");
    patterns.scan(&Article { text: sentence.into(), ..Article::default() })
}

/// One table; tells every line that fails, not only the first.
fn check(name: &str, table: &str) -> Vec<String> {
    let derived = table.starts_with("# options: derived");
    let mut failures = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let [term, sentence, expected] = line.split(" | ").collect::<Vec<_>>()[..] else {
            failures.push(format!("{name}: not `term | sentence | found`: {line}"));
            continue;
        };
        let found = found_in(pattern(term, derived), sentence);
        let text = found.first().map_or("-", |found| &sentence[found.span.clone()]);
        if text != expected {
            let rule = found.first().map_or("", |found| found.rule.as_str());
            failures.push(format!("{name}: {line}: found {text} ({rule})"));
        }
    }
    failures
}

#[test]
fn every_table_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/watch");
    let mut failures = Vec::new();
    let mut tables = 0;
    for entry in std::fs::read_dir(&folder).expect("the tables are there").flatten() {
        let table = std::fs::read_to_string(entry.path()).expect("a table is text");
        failures.extend(check(&entry.file_name().to_string_lossy(), &table));
        tables += 1;
    }
    assert!(tables > 10, "only {tables} tables in {folder:?}");
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn rules_say_why() {
    let table = [
        ("temirov", "Темировым", "stem темиров + ым (ru"),
        ("Темиров", "Темирова", "can also be read as a woman's nominative"),
        ("Kyrgyzstan", "Киргизии", "alias Киргизия: stem киргизи + и (ru"),
        ("Temirov", "темиров", "no capitals in the source"),
        ("Japarov", "Жапаровго", "Cyrillic for Latin"),
        ("Temirov", "Temyrov", "temirov (spelled temyrov)"),
        ("Temirov", "TEMIROV", "temirov (as written)"),
    ];
    for (term, text, rule) in table {
        let found = found_in(pattern(term, false), text);
        let said = found.first().map_or("", |found| found.rule.as_str());
        assert!(said.contains(rule), "{term} in {text}: {said}");
    }
}

#[test]
fn what_cannot_be_used_is_told() {
    let table =
        [("---", "`---` has no letter or digit to look for"), ("/(/", "`/(/` is not a regular expression")];
    for (term, message) in table {
        let errors = Patterns::compile(&[pattern(term, false)]).err().unwrap_or_default();
        assert!(
            errors.iter().any(|(index, error)| *index == 0 && error.starts_with(message)),
            "{term}: {errors:?}"
        );
    }
}

/// Texts of the letters that make trouble, and of anything.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[Тт]емир[ова́ıİ\u{AD}'’ʻ\u{200B} \\-.a-zǅßйё]{0,20}", "\\PC{0,40}", "(?s).{0,40}"]
}

/// Prose of names we know, in their forms, and of letters, marks and digits of
/// every kind between and inside them.
pub fn any_prose() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => any_term(),
        3 => "[ ,.-]{1,2}",
        2 => "[а-яёіїєґқғңөүұһәӣўҳҷ]{1,4}",
        2 => "[a-zçşžéý]{1,4}",
        1 => "[’'ʻ`\u{AD}\u{200B}\u{301}\u{308}]|[0-9]{1,3}|[«»—“”…]|\\PC",
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

const TERMS: &[&str] = &[
    "Темиров",
    "Темирова",
    "Болот Темиров",
    "Bolot Temirov",
    "Temirov",
    "Gorno-Badakhshan",
    "Горно-Бадахшан",
    "санкции",
    "sanctions",
    "Казанец",
    "Київ",
    "Литва",
    "Бишкек",
    "Қазақстан",
    "Oʻzbekiston",
    "Тоҷикистон",
    "Central Asia",
    "ГБАО",
];

/// Names, and words that look like some.
pub fn any_term() -> impl Strategy<Value = String> {
    let names =
        [TERMS, &["Ли Сян", "Жапаров", "Dzhaparov", "Shchukin", "Хорог", "Ош", "Ким Чен Ын", "Zhumagulov"]];
    prop_oneof![
        4 => proptest::sample::select(names.concat()).prop_map(str::to_owned),
        1 => proptest::sample::select(names.concat()).prop_map(str::to_lowercase),
        1 => proptest::sample::select(names.concat()).prop_map(str::to_uppercase),
        1 => "[А-ЯҚӨҲ][а-яёіқ]{1,6}( [А-Я][а-я]{1,5})?",
        1 => "[A-ZŞ][a-zçı']{1,6}(-[A-Z][a-z]{1,5})?",
        1 => "[cskzgyheiшщчкзи]{1,4}",
    ]
}

proptest! {
    #[test]
    fn the_filter_hides_nothing(terms in proptest::collection::vec(any_term(), 1..8), text in any_prose()) {
        let patterns: Vec<Pattern> = terms.iter().map(|term| pattern(term, false)).collect();
        let Ok(patterns) = Patterns::compile(&patterns) else { return Ok(()) };
        let article = Article { title: text.to_lowercase(), text, ..Article::default() };
        let mut thorough = patterns.clone();
        thorough.index.filter = filter::Filter::open();
        prop_assert_eq!(patterns.scan(&article), thorough.scan(&article));
    }

    #[test]
    fn spans_fall_on_boundaries(term in any_text(), text in any_text()) {
        for kind in [Kind::Inflected, Kind::Exact, Kind::Wildcard, Kind::Regex] {
            let pattern = Pattern { text: term.clone(), kind, aliases: true, derived: true };
            let Ok(patterns) = Patterns::compile(&[pattern]) else { continue };
            for found in patterns.scan(&Article { text: text.clone(), title: term.clone(), ..Article::default() }) {
                let field = if found.field == Field::Title { &term } else { &text };
                prop_assert!(field.get(found.span.clone()).is_some_and(|text| !text.is_empty()), "{found:?}");
            }
        }
    }

    #[test]
    fn folding_keeps_words_and_spans_together(text in any_text()) {
        let folded = fold::fold(&text);
        let words = folded.text.split(' ').filter(|word| !word.is_empty()).count();
        prop_assert_eq!(words, folded.words.len());
        prop_assert!(folded.words.iter().all(|span| text.get(span.clone()).is_some()));
        prop_assert!(folded.text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b' '));
    }
}
