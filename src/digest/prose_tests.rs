use super::*;

fn shown(pieces: &[Piece]) -> String {
    pieces.iter().map(|p| if p.marked { format!("[{}]", p.text) } else { p.text.clone() }).collect()
}

#[test]
fn a_line_is_one_line_and_hides_nothing() {
    let check = |given: &str, expected: &str| assert_eq!(line(given, 20), expected, "{given:?}");
    check("Temirov", "Temirov");
    check(" two\r\nlines\u{2028}and\u{0}more ", "two lines and more");
    check("mirror \u{202E}vorimeT\u{202C}", "mirror vorimeT");
    check("Te\u{200B}mi\u{AD}rov", "Temirov");
    check("Горно-Бадахшанская автономная область", "Горно-Бадахшанская а…");
    check("exactly twenty chars", "exactly twenty chars");
    check("\u{7f}\u{85}\n", "");
}

#[test]
fn the_sentence_round_a_hit_is_quoted_with_its_marks() {
    let check = |text: &str, terms: &[&str], expected: &str| {
        let marks: Vec<_> = terms
            .iter()
            .flat_map(|term| text.match_indices(term).map(|(at, found)| at..at + found.len()))
            .collect();
        assert_eq!(shown(&quote(text, &marks)), expected, "{text:?}");
    };
    check("First one. Then Temirov spoke. Last one.", &["Temirov"], "Then [Temirov] spoke.");
    check("Суд отложен. Дело Б. Темирова ждёт. Конец.", &["Темирова"], "Дело Б. [Темирова] ждёт.");
    check("The U.S. sanctions list grew. So it did.", &["sanctions"], "The U.S. [sanctions] list grew.");
    check("A heading\nTemirov and Temirov again", &["Temirov"], "[Temirov] and [Temirov] again");
    check("No term at all. Second.", &[], "No term at all.");
    check("", &[], "");
    let long = format!("{}Temirov{}", "word ".repeat(100), " tail".repeat(100));
    let at = long.find("Temirov").map(|at| at..at + 7).unwrap_or_default();
    let quoted = shown(&quote(&long, &[at]));
    assert!(quoted.starts_with("… word ") && quoted.ends_with("tail …") && quoted.contains(" [Temirov] "));
    assert!(quoted.chars().count() < 450, "{quoted}");
}

#[test]
fn a_mark_that_does_not_fit_is_no_mark() {
    let marks = [3..5, 900..910, 1..1, Range { start: 4, end: 2 }];
    assert_eq!(shown(&quote("Ош: Темиров.", &[marks[1].clone(), 1..2])), "Ош: Темиров.");
    for mark in marks {
        let _ = quote("Ош", std::slice::from_ref(&mark));
        let _ = marked_line("Ош", &[mark], 80);
    }
}

#[test]
fn lines_wrap_at_spaces_counted_in_characters() {
    let check = |given: &str, expected: &str| assert_eq!(wrap(given, 20), expected, "{given:?}");
    check("short", "short\n");
    check("Горно-Бадахшан Горно-Бадахшан", "Горно-Бадахшан\nГорно-Бадахшан\n");
    check("  an indented line that is long", "  an indented line\n  that is long\n");
    check("* a point that needs two lines", "* a point that needs\n  two lines\n");
    check("https://example.org/a/very/long/link", "https://example.org/a/very/long/link\n");
    check("*marked* words stay at the margin", "*marked* words stay\nat the margin\n");
    check("one\n\n\n\ntwo", "one\n\ntwo\n");
    check("  newswatch digest desk --dry-run", "  newswatch digest desk --dry-run\n");
}
