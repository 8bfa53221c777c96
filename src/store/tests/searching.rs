//! The history, searched.

use super::*;

fn library() -> Desk {
    let desk = desk();
    let stories = [
        story("1", "Суд над журналистом", "Болоту Темирову предъявили обвинение в Бишкеке."),
        story("2", "Temirov appeals", "The journalist Bolot Temirov appeals against his expulsion."),
        story("3", "Iron prices", "Prices of temir rose in Gorno-Badakhshan."),
        story("4", "Выборы", "Выборы прошли спокойно."),
        story("5", "Санкции", "Новые санкции против банков в 2026 году."),
    ];
    for (place, article) in (1..).zip(stories) {
        let source = if place % 2 == 0 { PAPER } else { RADIO };
        desk.record(source, &[article], place * 10);
    }
    desk
}

#[test]
fn search_finds_every_script_and_form() {
    let desk = library();
    let table: &[(&str, &[i64])] = &[
        ("", &[5, 4, 3, 2, 1]),
        ("Temirov", &[2, 1]),
        ("Темиров", &[2, 1]),
        ("Темировым", &[2, 1]),
        ("\"Bolot Temirov\"", &[2, 1]),
        ("«Темиров Болот»", &[2, 1]),
        ("=\"bolot temirov\"", &[2]),
        ("=temir", &[3]),
        ("temir*", &[3, 2, 1]),
        ("горно-бадахшан", &[3]),
        ("Temirov -expulsion", &[1]),
        ("Temirov NOT expulsion", &[1]),
        ("temir -(Bolot OR journalist)", &[3]),
        ("iron OR выборы", &[4, 3]),
        ("(iron OR выборы) spokoino", &[4]),
        ("sanktsii 2026", &[5]),
        ("2025", &[]),
        ("Temirov prices", &[]),
        (")Temirov(", &[2, 1]),
        ("\"unclosed Temirov", &[]),
        ("AND Temirov OR", &[2, 1]),
    ];
    for (query, expected) in table {
        let search = Search { query: (*query).into(), ..Search::default() };
        let found = desk.store.search(&search).unwrap_or_else(|error| panic!("`{query}`: {error}"));
        let rows: Vec<i64> = found.iter().map(|found| found.article_id).collect();
        assert_eq!(rows, *expected, "`{query}`");
    }
}

#[test]
fn search_narrows_and_pages() {
    let desk = library();
    desk.record(RADIO, &[temirov()], 100);
    let rows = |search: Search| -> Vec<i64> {
        desk.store.search(&search).expect("search").iter().map(|found| found.article_id).collect()
    };
    let all =
        || Search { query: "Temirov OR Выборы OR iron OR санкции".into(), ..Search::default() };
    assert_eq!(rows(Search { since: Some(minute(30)), ..all() }), [6, 5, 4, 3]);
    assert_eq!(rows(Search { until: Some(minute(30)), ..all() }), [2, 1]);
    assert_eq!(rows(Search { since: Some(minute(900)), ..all() }), NOTHING);
    assert_eq!(rows(Search { until: Some(minute(0)), ..all() }), NOTHING);
    assert_eq!(rows(Search { source: Some(PAPER.into()), ..all() }), [4, 2]);
    assert_eq!(rows(Search { source: Some("nobody".into()), ..all() }), NOTHING);
    assert_eq!(rows(Search { watch: Some("Temirov".into()), ..all() }), [6]);
    assert_eq!(rows(Search { watch: Some("Temirov".into()), ..Search::default() }), [6]);
    assert_eq!(rows(Search { language: Some("ky".into()), ..all() }), NOTHING);
    assert_eq!(rows(Search { limit: 2, ..all() }), [6, 5]);
    assert_eq!(rows(Search { limit: 2, before: Some(5), ..all() }), [4, 3]);
    assert_eq!(rows(Search { limit: usize::MAX, ..all() }).len(), 6);
    let found = desk.store.search(&Search { watch: Some("Temirov".into()), ..all() }).expect("search");
    assert_eq!(found[0].watches, ["Temirov"]);
}

/// Text, query, snippet with the hits in brackets.
const SNIPPETS: &[(&str, &str, &str)] = &[
    ("Болоту Темирову предъявили\nобвинение.", "Bolot Temirov", "[Болоту] [Темирову] предъявили обвинение."),
    ("Nothing of note.", "Temirov", "Nothing of note."),
    ("", "Temirov", ""),
    (
        "one two three four five six seven eight nine ten Temirov a b c d e f g h i j k l m n o p q r s t u v w x y z",
        "temirov",
        "…three four five six seven eight nine ten [Temirov] a b c d e f g h i j k l m n o p q r s t u v w…",
    ),
    (
        "Court. Court. Then long after that the Supreme Court freed Temirov.",
        "court temirov",
        "[Court]. [Court]. Then long after that the Supreme [Court] freed [Temirov].",
    ),
];

#[test]
fn snippets_show_the_original_words() {
    for (text, query, expected) in SNIPPETS {
        let desk = desk();
        desk.record(RADIO, &[story("1", "Temirov", text)], 1);
        let found =
            desk.store.search(&Search { query: (*query).into(), ..Search::default() }).expect("search");
        let Some(found) = found.first() else {
            assert!(!query.contains("emirov"), "`{query}` is not found");
            continue;
        };
        let mut marked = found.snippet.clone();
        for hit in found.hits.iter().rev() {
            marked.insert(hit.end, ']');
            marked.insert(hit.start, '[');
        }
        assert_eq!(marked, *expected, "`{query}`");
        if query.contains("emirov") {
            assert_eq!(found.title_hits.first(), Some(&(0..7)));
        }
    }
}

#[test]
fn a_query_that_finds_nothing_by_nature_is_explained() {
    let desk = library();
    let deep = "(".repeat(100) + "Temirov";
    let long = "Temirov ".repeat(100);
    let huge = "a".repeat(5_000);
    let table = [
        ("-Temirov", "only what must be absent is given"),
        ("Temirov OR -summit", "only what must be absent is given"),
        ("!!! ***", "nothing in `!!! ***` can be searched for"),
        (&deep, "brackets stand more than 16 deep"),
        (&long, "more than 64 words"),
        (&huge, "longer than 4096 bytes"),
    ];
    for (query, said) in table {
        let error = desk.store.search(&Search { query: query.into(), ..Search::default() }).expect_err(query);
        assert!(error.to_string().contains(said), "`{query}`: {error}");
    }
}

proptest::proptest! {
    #[test]
    fn no_query_is_an_error_of_sqlite(query in r#"([-=()"*^:+{}'«» ]|OR|AND|NOT|NEAR/3|Temirov|[а-яё]{1,3}|\PC){0,12}"#) {
        static DESK: std::sync::LazyLock<Desk> = std::sync::LazyLock::new(library);
        let found = DESK.store.search(&Search { query: query.clone(), ..Search::default() });
        if let Err(error) = found {
            assert!(matches!(error, StoreError::Query(_)), "`{query}`: {error:?}");
        }
    }
}

#[test]
fn another_spelling_rule_makes_the_index_anew() {
    let desk = library();
    desk.change("UPDATE meta SET value = '0' WHERE name = 'fold_version'");
    desk.change("INSERT INTO article_search (article_search) VALUES ('delete-all')");
    assert_eq!(desk.titles("Temirov").len(), 0);
    let path = desk.path();
    drop(desk.store);
    let store = Store::open(&path).expect("the database opens");
    let found = store.search(&Search { query: "Temirov".into(), ..Search::default() }).expect("search");
    assert_eq!(found.len(), 2);
}
