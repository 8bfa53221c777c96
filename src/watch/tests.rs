//! Tables in `tests/data/query/stories`: an article, then queries and what a
//! user is told of each.

use super::evaluate::HITS_MAX;
use super::{Finding, Match, Watch, WatchList};
use crate::extract::Article;
use proptest::prelude::*;

fn watch(name: &str, query: &str) -> Watch {
    Watch { name: name.into(), query: query.into(), weight: 1.0, aliases: true, derived: false }
}

fn list(query: &str) -> WatchList {
    let compiled = WatchList::compile(&[watch("it", query)]);
    compiled.unwrap_or_else(|errors| panic!("{query}: {errors:?}")).0
}

fn article(lines: &str) -> Article {
    let mut article = Article::default();
    for (key, value) in lines.lines().filter_map(|line| line.split_once(": ")) {
        match key {
            "title" => article.title = value.into(),
            "text" if article.text.is_empty() => article.text = value.into(),
            "text" => article.text = format!("{}\n{value}", article.text),
            "author" => article.authors.push(value.into()),
            "source" => article.source = value.into(),
            "link" => article.link = Some(value.into()),
            "language" => article.language = Some(value.into()),
            _ => panic!("no article has a `{key}`"),
        }
    }
    article
}

/// What the user is told of a query, without the rules of the scan; and that
/// explain and scan agree.
fn told(query: &str, article: &Article) -> String {
    let list = list(query);
    let mut lines = list.explain("it", article);
    let matches = list.scan(std::slice::from_ref(article)).concat();
    assert_eq!(lines[0].contains("did not fire"), matches.is_empty(), "{query}");
    for Match { hits, score, .. } in &matches {
        assert!(!hits.is_empty() && score.total() > 0.0, "{query}");
        for hit in hits {
            assert_eq!(hit.field.of(article).get(hit.span.clone()), Some(hit.text.as_str()), "{query}");
            let rule = format!("{}: {}", hit.text, hit.rule);
            lines.retain(|line| *line != rule);
        }
    }
    lines.join("\n")
}

#[test]
fn stories_are_found_and_explained() {
    let mut cases = 0;
    for entry in std::fs::read_dir("tests/data/query/stories").expect("the tables are in the repository") {
        let path = entry.expect("the directory can be read").path();
        let text = std::fs::read_to_string(&path).expect("a table is text");
        let (head, blocks) = text.split_once("\n\n").expect("an article, then queries");
        let article = article(head);
        for block in blocks.split("\n\n") {
            let (query, expected) = block.split_once('\n').unwrap_or((block, ""));
            let query = query.strip_prefix("? ").expect("a block begins with its query");
            assert_eq!(told(query, &article), expected.trim_end(), "{query}, in {}", path.display());
            cases += 1;
        }
    }
    assert!(cases > 40, "only {cases} cases were found");
}

fn messages(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| format!("{}: {}", finding.watch, finding.message)).collect()
}

#[test]
fn watches_that_collide_are_named() {
    let check = |watches: &[(&str, &str)], expected: &[&str]| {
        let watches: Vec<Watch> = watches.iter().map(|(name, query)| watch(name, query)).collect();
        let found = match WatchList::compile(&watches) {
            Ok((_, warnings)) => messages(&warnings),
            Err(errors) => messages(&errors),
        };
        assert_eq!(found, expected);
    };
    check(&[("man", "Bolot Temirov"), ("place", "Gorno-Badakhshan")], &[]);
    check(
        &[("man", "\"Bolot Temirov\" OR Temirov"), ("blogger", "Temirov OR «Bolot Temirov»")],
        &["blogger: asks for the same as the watch `man`; each story will be told for both: leave one out"],
    );
    check(
        &[("man", "Temirov"), ("all", "Tokayev OR (Temirov OR Japarov)")],
        &["man: whatever this finds, the watch `all` finds as well; leave it out there, or here"],
    );
    check(&[("man", "Temirov AND court"), ("all", "Temirov OR Japarov")], &[]);
    let same = "asks for the same as the watch `one`; each story will be told for both: leave one out";
    let same = format!("other: {same}");
    for (one, other) in [
        ("Kyrgyzstan", "Киргизия"),
        ("ГБАО", "Gorno-Badakhshan"),
        ("Alexander Asanov", "Асанов Александр"),
        ("Zhaparov", "Жапаров"),
        ("title:Zhaparov", "title:Japarov"),
        ("Temirov NEAR/5 Osh", "Ош NEAR/5 Темиров"),
    ] {
        check(&[("one", one), ("other", other)], &[&same]);
    }
    for (one, other) in [
        ("Temirov", "temirov"),
        ("Temirov", "=Temirov"),
        ("Temirov", "title:Temirov"),
        ("court trial", "trial court"),
        ("Temirov ONEAR/5 Osh", "Osh ONEAR/5 Temirov"),
        ("Temirov", "Temirova"),
    ] {
        check(&[("one", one), ("other", other)], &[]);
    }
    check(&[("men", "Temirov OR Tokayev"), ("others", "Temirov OR Japarov OR Osh")], &[]);
    check(
        &[("man", "Temirov"), ("man", "Tokayev")],
        &["man: two watches are called `man`; give one another name"],
    );
    check(
        &[("man", "Temirov AND ("), ("place", "NOT Osh"), ("town", "Osh")],
        &[
            "man: `(` is not closed; write `)` after the group",
            "place: `NOT Osh` alone fits almost every article; write first what must be there, as in `a AND NOT Osh`",
        ],
    );
    check(
        &[("man", "url:/(/")],
        &[
            "man: `url:/(/` is not a pattern that can be used: unclosed group; see https://docs.rs/regex#syntax",
        ],
    );
}

#[test]
fn a_pattern_that_cannot_be_used_is_told_to_every_watch_that_has_it() {
    let errors = WatchList::compile(&[watch("one", "Temirov OR /(/"), watch("two", "/(/")])
        .expect_err("`(` is no pattern");
    let told: Vec<(&str, std::ops::Range<usize>)> =
        errors.iter().map(|error| (error.watch.as_str(), error.span.clone())).collect();
    assert_eq!(told, [("one", 11..14), ("two", 0..3)]);
}

#[test]
fn a_weight_must_give_points() {
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let errors =
            WatchList::compile(&[Watch { weight, ..watch("man", "Temirov") }]).expect_err("no points");
        assert!(errors[0].message.contains("write a number above 0"), "{weight}");
    }
}

#[test]
fn matches_come_best_first_and_articles_in_order() {
    let watches = [watch("text", "court"), watch("title", "Temirov"), watch("nothing", "Tokayev")];
    let (list, _) = WatchList::compile(&watches).expect("they parse");
    let story = article("language: en\ntitle: Temirov freed\ntext: A court in Bishkek freed him.");
    let found = list.scan(&[Article::default(), story.clone(), story]);
    let names: Vec<Vec<&str>> =
        found.iter().map(|matches| matches.iter().map(|found| found.watch.as_str()).collect()).collect();
    assert_eq!(names, [vec![], vec!["title", "text"], vec!["title", "text"]]);
}

#[test]
fn a_watch_that_is_not_there_is_said_to_be_so() {
    let list = list("Temirov");
    assert_eq!(list.explain("its", &Article::default()), ["no watch is called `its`; did you mean `it`?"]);
    assert!(list.explain("Tokayev", &Article::default())[0].contains("`newswatch watches list`"));
    assert!(list.expand("Tokayev").is_empty());
}

#[test]
fn words_that_nearly_are_a_name_are_told() {
    let story = article(
        "language: en\ntitle: Roads\ntext: The temirov mine. Bolot Temirbekov, and Temirbekov. Asanov left. \
         The gorno-badakhshan road, any of it, and anna. Union of European towns. А киргизия молчит.",
    );
    let table: [(&str, &[&str]); 12] = [
        ("Temirov", &["near `Temirov`: `temirov` would fit, but has no capital, as names have in this text"]),
        (
            "Temir NOT Asanova",
            &[
                "near `Temir`: `temirov` begins like it, but is not among its forms",
                "near `Temir`: `Temirbekov` begins like it, but is not among its forms",
            ],
        ),
        ("Ulan Asanov", &["near `Ulan Asanov`: `Asanov` is there without `Ulan`"]),
        ("\"Ulan Bek Asanov\"", &["near `Ulan Bek Asanov`: `Asanov` is there without `Ulan` and `Bek`"]),
        (
            "Gorno-Badakhshan",
            &[
                "near `Gorno-Badakhshan`: `gorno-badakhshan` would fit, but has no capital, as names have in this text",
            ],
        ),
        (
            "\"European Union\"",
            &[
                "near `European Union`: `Union` is there and the other words near it, but not as the phrase has them",
            ],
        ),
        (
            "Kyrgyzstan",
            &["near `Киргизия`: `киргизия` would fit, but has no capital, as names have in this text"],
        ),
        (
            "Anna",
            &[
                "near `Anna`: `anna` would fit, but has no capital, as names have in this text",
                "near `Anna`: `any` would fit, but has no capital, as names have in this text",
            ],
        ),
        (
            "Temirov AND (Temirov OR court)",
            &["near `Temirov`: `temirov` would fit, but has no capital, as names have in this text"],
        ),
        ("court", &[]),
        ("=Temir", &[]),
        ("title:Temirov", &[]),
    ];
    for (query, near) in table {
        let lines = list(query).explain("it", &story);
        let told: Vec<&String> = lines.iter().filter(|line| line.starts_with("near ")).collect();
        assert_eq!(told, near, "{query}: {lines:?}");
    }
}

#[test]
fn near_misses_are_few_and_short() {
    let text = format!(
        "language: en\ntitle: Roads\ntext: Temir{} and {}",
        "a".repeat(9_000),
        "temirov asanov bekov ".repeat(90)
    );
    let names = (0..90)
        .map(|at| format!("Temirov{at} OR Temirov OR Asanov OR Bekov"))
        .collect::<Vec<_>>()
        .join(" OR ");
    let lines = list(&names).explain("it", &article(&text));
    let near: Vec<&String> = lines.iter().filter(|line| line.starts_with("near ")).collect();
    assert!((1..=6).contains(&near.len()) && near.iter().all(|line| line.len() < 200), "{near:?}");
}

#[test]
fn each_form_is_explained_by_its_rule() {
    let story = article("language: en\ntitle: Temirov freed\ntext: Temirov spoke. Temirov left.");
    let (list, lines) = (list("Temirov"), list("Temirov").explain("it", &story));
    let hits = &list.scan(&[story])[0][0].hits;
    assert_eq!(hits.len(), 3);
    let rule = format!("{}: {}", hits[0].text, hits[0].rule);
    assert_eq!(lines.iter().filter(|line| **line == rule).count(), 1, "{lines:?}");
}

#[test]
fn a_watch_expands_to_the_forms_of_all_its_terms() {
    let expanded = list("Temirov OR title:Tokayev^2 OR Temirov AND court").expand("it");
    let mut languages: Vec<&str> = expanded.iter().map(|(language, _)| language.as_str()).collect();
    languages.sort_unstable();
    languages.dedup();
    assert_eq!(languages.len(), expanded.len(), "each language once");
    for name in ["temirov", "tokayev", "court"] {
        let has = |forms: &[String]| forms.iter().any(|form| form.to_lowercase() == name);
        assert!(expanded.iter().any(|(_, forms)| has(forms)), "{name}");
    }
}

/// What a score may rise to: the scale users set `at_least` by.
#[test]
fn the_scale_holds() {
    let total = |query: &str, head: &str| {
        list(query).scan(&[article(&format!("language: en\n{head}"))])[0]
            .first()
            .map(|found| found.score.total())
    };
    let far = format!(
        "text: {}\ntext: Temirov and the journalist in court",
        "Nothing is said of him in the first lines. ".repeat(3)
    );
    assert_eq!(total("Temirov", &far), Some(1.0));
    assert_eq!(total("Temirov AND journalist AND court", &far), Some(1.0));
    assert_eq!(total("Temirov NEAR/5 journalist", &far), Some(1.0));
    assert_eq!(total("ATLEAST/2(Temirov, court)", &far), Some(1.0));
    assert_eq!(total("Temirov OR Temir* OR /Temirov/", &far), Some(1.0));
    assert_eq!(total("Temirov OR journalist", &far), Some(1.5));
    assert_eq!(total("Temirov^3", &far), Some(3.0));
    assert_eq!(total("Temirov", "title: Temirov freed"), Some(2.0));
    assert_eq!(total("Temirov", "text: Temirov freed"), Some(1.5));
    let often = total("Temirov", &format!("title: {0}\ntext: {0}", "Temirov ".repeat(500)));
    assert!(often.is_some_and(|points| points > 3.9 && points < 4.0), "{often:?}");
}

proptest! {
    #[test]
    fn hits_lie_on_characters_and_scores_are_sound(
        words in prop::collection::vec(prop_oneof!["Temirov", "court", "Болот", "ok", "—", "\\PC{0,4}"], 0..60),
        query in prop_oneof![
            Just("Temirov NEAR/3 court"), Just("court ONEAR/2 (Temirov ONEAR/9 ok)"), Just("COUNT/2(Temirov OR Болот)"),
            Just("ATLEAST/2(Temirov, court, ok) AND NOT Болот"), Just("/o./ NEAR/4 court NEAR/4 Temirov"), Just("lead:Temir* OR author:ok"),
        ],
    ) {
        let text = words.join(" ");
        let article = Article { title: text.chars().rev().collect(), authors: vec![text.clone()], text, ..Article::default() };
        told(query, &article);
    }
}

/// Dense finds and greedy queries: this test hangs where one of them stalls.
#[test]
fn no_query_stalls_on_any_text() {
    let words = |word: &str, count: usize| vec![word; count].join(" ");
    let story = Article {
        language: Some("en".into()),
        title: words("court", 300),
        text: format!("{} {}", words("Temirov court", 500), words("Temirov", 500)),
        ..Article::default()
    };
    let chain = |operator: &str, operand: &str, count: usize| vec![operand; count].join(operator);
    let queries = [
        chain(" NEAR/1000 ", "Temirov", 16),
        chain(" NEAR/1 ", "court", 16),
        chain(" ONEAR/1000 ", "Temirov", 16),
        format!("{} NEAR/3 nobody", chain(" NEAR/3 ", "(Temirov OR court OR Temir*)", 10)),
        format!("COUNT/1000({})", chain(" NEAR/9 ", "Temirov", 9)),
        chain(" OR ", "Temirov", 2_000),
        format!("{}Temirov{}", "(court OR ".repeat(49), ")".repeat(49)),
        format!("{}Temirov{}", "(".repeat(40), " NEAR/2 court)".repeat(40)),
        format!("{}court AND nobody{}", "court AND (nobody OR ".repeat(40), ")".repeat(40)),
    ];
    for query in &queries {
        let Ok((list, _)) = WatchList::compile(&[watch("it", query)]) else { panic!("{query}") };
        let hits =
            list.scan(std::slice::from_ref(&story))[0].iter().map(|found| found.hits.len()).sum::<usize>();
        assert!(hits <= HITS_MAX, "{query}");
        assert!(!list.explain("it", &story).is_empty());
    }
}
