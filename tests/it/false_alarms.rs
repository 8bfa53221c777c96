//! False alarms on natural text: names that do not occur are not found.

use crate::support::shared;
use newswatch::extract::Article;
use newswatch::watch::fold::fold;
use newswatch::watch::{Watch, WatchList};
use serde_json::Value;
use std::collections::HashSet;

const NAMES: usize = 50;

/// Syllables of names and places in both scripts: what they make is short and
/// sounds like any other word.
const BEGINS: [&str; 24] = [
    "Ба", "Во", "Да", "Жу", "Ка", "Ма", "На", "По", "Ра", "Са", "Та", "Эр", "Ала", "Оро", "Tar", "Mor",
    "Kal", "San", "Bel", "Dor", "Qo", "Shi", "Ҷа", "Өм",
];
const MIDDLES: [&str; 12] = ["ри", "ла", "мо", "ну", "де", "ta", "li", "ro", "ка", "зи", "ne", "ба"];
const ENDS: [&str; 16] =
    ["", "ов", "ова", "ин", "ский", "енко", "ко", "на", "ия", "бек", "ov", "ia", "son", "ton", "yev", "зода"];

/// Every way to put three syllables together in one script, in a mixed order.
fn candidates() -> impl Iterator<Item = String> {
    let all = BEGINS.len() * MIDDLES.len() * ENDS.len();
    // A step that shares no factor with the number of names goes through them all.
    (0..all).map(move |number| number * 1_009 % all).filter_map(|number| {
        let end = ENDS[number % ENDS.len()];
        let middle = MIDDLES[number / ENDS.len() % MIDDLES.len()];
        let begin = BEGINS[number / ENDS.len() / MIDDLES.len()];
        let name = format!("{begin}{middle}{end}");
        let latin = name.chars().filter(char::is_ascii).count();
        (latin == 0 || latin == name.chars().count()).then_some(name)
    })
}

#[test]
fn names_that_do_not_occur_are_not_found_in_thousands_of_sentences() {
    let Some(path) = shared("eval/match/dev.jsonl") else { return };
    let lines = std::fs::read_to_string(path).expect("UTF-8");
    let questions = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("a question"));
    let easy = questions.filter(|question| question["track"] == "easy");
    let texts: Vec<String> =
        easy.filter_map(|question| Some(question["text"].as_str()?.to_owned())).collect();
    assert!(texts.len() > 2_000, "only {} sentences", texts.len());
    let words: HashSet<String> = texts
        .iter()
        .flat_map(|text| fold(text).text.split(' ').map(String::from).collect::<Vec<_>>())
        .collect();
    // A name occurs where a word begins with it: that may be a form of it.
    let occurs = |name: &str| {
        let skeleton = fold(name).text;
        words.iter().any(|word| word.starts_with(&skeleton))
    };
    let names: Vec<String> = candidates().filter(|name| !occurs(name)).take(NAMES).collect();
    assert_eq!(names.len(), NAMES);
    let watch = |name: &String| Watch {
        name: name.clone(),
        query: name.clone(),
        weight: 1.0,
        aliases: true,
        derived: false,
    };
    let watches: Vec<Watch> = names.iter().map(watch).collect();
    let (list, _) = WatchList::compile(&watches).expect("names are good watches");
    let articles: Vec<Article> =
        texts.into_iter().map(|text| Article { text, ..Article::default() }).collect();
    let matches = list.scan(&articles);
    let alarms: Vec<String> = matches
        .iter()
        .zip(&articles)
        .filter_map(|(found, article)| {
            let found = found.first()?;
            Some(format!(
                "{} by `{}` ({}) in: {}",
                found.watch, found.hits[0].text, found.hits[0].rule, article.text
            ))
        })
        .collect();
    assert!(alarms.is_empty(), "{} false alarms with {names:?}:\n{}", alarms.len(), alarms.join("\n"));
}
