//! The seed article, for measuring only: every watch of the shipped configuration
//! has to find it, and to say where.

use crate::support::{Desk, Ran, shared};
use serde_json::{Value, json};

const WATCHES: [&str; 4] = ["Temirov", "Gorno-Badakhshan", "sanctions", "Central Asia summit"];
const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config.toml");

#[test]
fn all_four_watches_find_the_seed_and_point_at_the_words() {
    let Some(path) = shared("seed/article.txt") else { return };
    let article = std::fs::read_to_string(path).expect("UTF-8");
    let (title, text) = article.split_once('\n').expect("a title and a text");
    let matches = matched(title, text);
    for watch in WATCHES {
        let found = matches.iter().find(|found| found["watch"] == watch);
        let found = found.unwrap_or_else(|| panic!("{watch} is missed: {matches:?}"));
        assert!(found["score"].as_f64().is_some_and(|score| score > 0.0), "{found}");
        let hits = found["hits"].as_array().expect("hits");
        assert!(!hits.is_empty(), "{watch} without evidence");
        for hit in hits {
            let field = if hit["field"] == "title" { title } else { text };
            let at = |key: &str| hit[key].as_u64().and_then(|at| usize::try_from(at).ok()).expect("a place");
            let words: String = field.chars().take(at("end")).skip(at("start")).collect();
            assert_eq!(hit["text"], words, "{watch}: {hit}");
            assert!(hit["rule"].as_str().is_some_and(|rule| !rule.is_empty()), "{hit}");
        }
    }
    assert_eq!(matches.len(), WATCHES.len(), "{matches:?}");
}

#[test]
fn explain_names_each_watch_with_a_score() {
    let Some(path) = shared("seed/article.txt") else { return };
    let article = std::fs::read_to_string(path).expect("UTF-8");
    let ran = Desk::bare().run_with(&["--config", SHIPPED, "explain", "-"], &article);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // A watch stands alone on its line, its reasons indented below.
    for watch in WATCHES {
        let below = ran.out.lines().skip_while(|line| *line != watch).skip(1);
        let reasons: Vec<_> = below.take_while(|line| line.starts_with("  ")).collect();
        let fired = format!("  `{watch}` fired: ");
        let score = reasons.iter().find_map(|line| line.strip_prefix(&fired)?.strip_suffix(" points"));
        let points: Option<f64> = score.and_then(|points| points.parse().ok());
        assert!(points.is_some_and(|points| points > 0.0) && reasons.len() >= 3, "{watch}: {}", ran.out);
    }
}

/// Made-up stories that come near `Central Asia summit` and are none.
#[test]
fn a_country_alone_is_no_summit() {
    for (title, text) in [
        (
            "Kyrgyzstan raises its grain quota",
            "The ministry in Bishkek said that Kyrgyzstan has enough wheat.",
        ),
        ("Кыргызстан увеличил квоты", "Министр Кыргызстана назвал урожай хорошим."),
        ("Leaders of two villages in Kyrgyzstan talk", "The meeting near Osh was about a road."),
    ] {
        let matches = matched(title, text);
        assert!(matches.iter().all(|found| found["watch"] != "Central Asia summit"), "{title}: {matches:?}");
    }
}

/// What `match` with the shipped configuration says of one article.
fn matched(title: &str, text: &str) -> Vec<Value> {
    let line = json!({"id": "seed", "title": title, "text": text}).to_string() + "\n";
    let ran = Desk::bare().run_with(&["match", "--config", SHIPPED], &line);
    let Ran { code: Some(0), out, .. } = &ran else { panic!("{ran:?}") };
    let answer: Value = serde_json::from_str(out).expect("one JSON line");
    assert_eq!(answer["id"], "seed");
    answer["matches"].as_array().expect("matches").clone()
}
