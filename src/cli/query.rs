//! A query given on the command line instead of in the configuration.

use crate::watch::{Watch, WatchList};
use anyhow::bail;
use std::ops::Range;

/// A list of this watch alone; what smells of it is told on stderr.
///
/// # Errors
/// Everything wrong with the query, with a mark below its place.
pub fn compile(watch: &Watch) -> anyhow::Result<WatchList> {
    match WatchList::compile(std::slice::from_ref(watch)) {
        Ok((list, findings)) => {
            for finding in &findings {
                let shown = marked(&watch.query, &finding.span, &finding.message);
                eprintln!("newswatch: the query is worth a look\n{shown}");
            }
            Ok(list)
        }
        Err(findings) => {
            let shown: Vec<String> = findings
                .iter()
                .map(|finding| marked(&watch.query, &finding.span, &finding.message))
                .collect();
            bail!("the query cannot be used\n{}", shown.join("\n"))
        }
    }
}

/// `query` as a watch under its own text as name.
pub fn watch(query: &str) -> Watch {
    Watch { name: query.into(), query: query.into(), weight: 1.0, aliases: true, derived: false }
}

/// The line of the query that the message is about, its place marked below:
///
/// ```text
///   Temirov AND (journalist
///               ^ `(` is not closed; write `)` after the group
/// ```
pub fn marked(query: &str, &Range { start, end }: &Range<usize>, message: &str) -> String {
    let before = query.get(..start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = query.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let line_end = line_start + line.len();
    let columns = |range: Range<usize>| query.get(range).map_or(0, |text| text.chars().count());
    let (indent, width) = (columns(line_start..start), columns(start..end.clamp(start, line_end.max(start))));
    // A tab would put the mark elsewhere than its place.
    let line = line.replace('\t', " ");
    format!("  {line}\n  {}{} {}", " ".repeat(indent), "^".repeat(width.max(1)), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stands_below_its_place() {
        let said = |query: &str| match compile(&watch(query)) {
            Ok(_) => panic!("{query}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(
            said("Темиров AND (journalist"),
            "the query cannot be used\n  Темиров AND (journalist\n              ^ `(` is not closed; write `)` after the group"
        );
        assert_eq!(
            said("Temirov\n  OR\tOR court\n"),
            "the query cannot be used\n    OR OR court\n       ^^ `OR` has nothing before it; write a term there, or `\"OR\"` if it is a word to look for"
        );
    }
}
