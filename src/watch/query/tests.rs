//! Tables in `tests/data/query/parse`: a query, then the tree it becomes after
//! `=`, its warnings under `~`, or its error under `^`.

use super::{Node, TERMS_MAX, parse, warnings};
use proptest::prelude::*;
use std::ops::Range;

/// What a user sees of a query: the tree and the warnings, or the error.
fn shown(query: &str) -> String {
    let tree = match parse(query) {
        Ok(tree) => tree,
        Err(error) => return format!("  {query}\n{}", marked(query, &error.span, '^', &error.message)),
    };
    let mut text = format!("  {query}\n");
    for (span, message) in warnings(&tree, query) {
        text += &marked(query, &span, '~', &message);
    }
    text + &format!("= {tree}\n")
}

fn marked(query: &str, span: &Range<usize>, mark: char, message: &str) -> String {
    let columns = |text: &str| text.chars().count();
    let before = columns(query.get(..span.start).expect("a span begins on a character"));
    let within = columns(query.get(span.clone()).expect("a span ends on a character")).max(1);
    format!("{}{} {message}\n", " ".repeat(before + 2), mark.to_string().repeat(within))
}

#[test]
fn queries_become_trees_or_errors() {
    let mut cases = 0;
    for entry in std::fs::read_dir("tests/data/query/parse").expect("the tables are in the repository") {
        let path = entry.expect("the directory can be read").path();
        let text = std::fs::read_to_string(&path).expect("a table is text");
        for block in text.split("\n\n").filter(|block| block.starts_with("  ")) {
            let query = block.lines().next().unwrap_or_default().get(2..).unwrap_or_default();
            assert_eq!(shown(query).trim_end(), block.trim_end(), "in {}", path.display());
            cases += 1;
        }
    }
    assert!(cases > 100, "only {cases} cases were found");
}
#[test]
fn bless() {
    for name in ["trees", "errors", "warnings"] {
        let path = format!("tests/data/query/parse/{name}.txt");
        let text = std::fs::read_to_string(&path).unwrap();
        let out: Vec<String> = text.split("\n\n").map(|b| if b.starts_with("  ") { shown(b.trim_end_matches('\n').lines().next().unwrap().get(2..).unwrap()) } else { b.to_string() }).collect();
        std::fs::write(&path, out.join("\n")).unwrap();
    }
}
