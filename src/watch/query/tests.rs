//! Tables in `tests/data/query/parse`: a query, then the tree it becomes after
//! `=`, its warnings under `~`, or its error under `^`. `NEWSWATCH_BLESS=1` rewrites
//! what follows each query.

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
    for (span, message) in warnings(&tree) {
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
        if std::env::var_os("NEWSWATCH_BLESS").is_some() {
            let blocks = text.split("\n\n").filter_map(|block| block.lines().next()?.strip_prefix("  "));
            let blocks: Vec<String> = blocks.map(shown).collect();
            std::fs::write(&path, blocks.join("\n")).expect("a table can be written");
            cases += blocks.len();
            continue;
        }
        for block in text.split("\n\n").filter(|block| block.starts_with("  ")) {
            let query = block.lines().next().unwrap_or_default().get(2..).unwrap_or_default();
            assert_eq!(shown(query).trim_end(), block.trim_end(), "in {}", path.display());
            cases += 1;
        }
    }
    assert!(cases > 100, "only {cases} cases were found");
}

fn error(query: &str) -> String {
    parse(query).expect_err(query).message
}

#[test]
fn bare_words_on_two_lines_are_two_names() {
    assert_eq!(
        error("Bolot Temirov\nGorno-Badakhshan"),
        "`Bolot Temirov` and `Gorno-Badakhshan` stand side by side; write `AND`, `OR` or `NEAR/5` between them"
    );
    assert!(parse("Bolot Temirov\n  OR Gorno-Badakhshan\n").is_ok());
    assert!(error(" \n").starts_with("the query is empty"));
}

#[test]
fn what_can_grow_has_a_limit() {
    let many = |part: &str, count: usize| vec![part; count].join(" ");
    assert!(parse(&format!("Temirov {}", many("OR Temirov", TERMS_MAX - 1))).is_ok());
    assert!(error(&format!("Temirov {}", many("OR Temirov", TERMS_MAX))).contains("more than 2000 terms"));
    assert!(error(&format!("{}Temirov{}", "(".repeat(60), ")".repeat(60))).contains("more than 50 groups"));
    assert!(error(&"title:".repeat(60)).contains("more than 50 groups"));
    assert!(error(&format!("Temirov {}", many("NEAR/2 court", 16))).contains("more than 16 operands"));
    assert!(error(&format!("\"{} Kyrgyz*\"", many("court", 16))).contains("more than 16 words"));
    assert!(error(&"Temirov ".repeat(10_000)).contains("more than 65536"));
}

/// Texts made of the pieces of queries, so that most of the parser is reached.
fn query_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ a-zA-ZА-я]{1,6}",
        Just("(".to_string()),
        Just(")".into()),
        Just("\"".into()),
        Just("«".into()),
        Just("»".into()),
        Just(" AND ".into()),
        Just(" OR ".into()),
        Just(" NOT ".into()),
        Just(" NEAR/5 ".into()),
        Just(" ONEAR/2 ".into()),
        Just("ATLEAST/2(".into()),
        Just("COUNT/3(".into()),
        Just(", ".into()),
        Just("title:".into()),
        Just("lang:ky".into()),
        Just("url:".into()),
        Just("=".into()),
        Just("^2".into()),
        Just("*".into()),
        Just("?".into()),
        Just("/".into()),
        Just("\\".into()),
        Just("Temirov".into()),
        Just("\n".into()),
        Just("\u{200b}".into()),
        ".{0,3}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn spans_are_sound(query: &str) {
    match parse(query) {
        Ok(tree) => {
            for (span, _) in warnings(&tree) {
                assert!(query.get(span).is_some());
            }
            for term in tree.terms() {
                assert!(query.get(term.span.clone()).is_some_and(|written| !written.is_empty()));
            }
        }
        Err(error) => assert!(query.get(error.span).is_some(), "{}", error.message),
    }
}

/// The tree without the places of its terms.
fn bare(mut tree: Node) -> Node {
    fn forget(node: &mut Node) {
        match node {
            Node::Term(term) => term.span = 0..0,
            Node::Not(node) | Node::Count { node, .. } => forget(node),
            Node::And(nodes) | Node::Or(nodes) | Node::Near { nodes, .. } | Node::AtLeast { nodes, .. } => {
                nodes.iter_mut().for_each(forget);
            }
        }
    }
    forget(&mut tree);
    tree
}

proptest! {
    #[test]
    fn any_text_is_a_tree_or_an_error(query in "\\PC{0,200}") {
        spans_are_sound(&query);
    }

    #[test]
    fn any_pieces_are_a_tree_or_an_error(query in query_like()) {
        spans_are_sound(&query);
    }

    #[test]
    fn a_tree_written_out_reads_the_same(query in query_like()) {
        if let Ok(tree) = parse(&query) {
            let written = tree.to_string();
            prop_assert_eq!(parse(&written).map(bare), Ok(bare(tree)), "{}", written);
        }
    }
}
