//! Stored articles shown as samples: the sentence round what was found, and why.
//!
//! Invariant: rows and people's view are made of the same samples.

use super::output::{Cell, local_time, printable};
use crate::digest::{Piece, marked_line, quote};
use crate::extract::Article;
use crate::store::Past;
use crate::watch::{Field, Hit, WatchList, score};
use chrono::{DateTime, Utc};
use std::io::{self, Write};
use std::ops::Range;

/// Characters of a headline.
const TITLE_CHARS_MAX: usize = 240;
/// Rules told of one sample.
const RULES_MAX: usize = 3;

/// Columns of counts and samples, one form for both so that each can be picked
/// by its `part`.
pub const COLUMNS: [&str; 12] = [
    "part",
    "name",
    "count",
    "article_id",
    "first_seen_at",
    "source",
    "language",
    "score",
    "title",
    "sentence",
    "reason",
    "link",
];

/// One article, ready to show.
#[derive(Debug, Clone)]
pub struct Sample {
    pub article_id: i64,
    pub first_seen_at: DateTime<Utc>,
    source: String,
    language: Option<String>,
    link: Option<String>,
    pub score: Option<f64>,
    title: Vec<Piece>,
    sentence: Vec<Piece>,
    reason: String,
}

impl Sample {
    /// An article in which `hits` were found.
    pub fn found(past: &Past, score: f64, hits: &[Hit]) -> Sample {
        let mut rules: Vec<&str> = hits.iter().map(|hit| hit.rule.as_str()).collect();
        let mut seen = std::collections::HashSet::new();
        rules.retain(|rule| seen.insert(*rule));
        rules.truncate(RULES_MAX);
        let sentence = match marks(Field::Text, hits).as_slice() {
            [] => Vec::new(),
            marks => quote(&past.article.text, marks),
        };
        Sample {
            score: Some(score),
            sentence,
            ..Sample::plain(past, marks(Field::Title, hits), rules.join("; "))
        }
    }

    /// An article in which `watch` finds nothing, and why that is.
    pub fn missed(past: &Past, watch: &str, list: &WatchList) -> Sample {
        // The first line only says that it did not fire.
        let lines = list.explain(watch, &past.article);
        Sample::plain(past, Vec::new(), lines.get(1..).unwrap_or_default().join("; "))
    }

    /// The same, with the score that was stored before.
    pub fn since(self, before: f64) -> Sample {
        Sample { reason: format!("score {} before; {}", score::shown(before), self.reason), ..self }
    }

    fn plain(past: &Past, title_marks: Vec<Range<usize>>, reason: String) -> Sample {
        let Article { source, language, link, title, .. } = &past.article;
        Sample {
            article_id: past.article_id,
            first_seen_at: past.first_seen_at,
            source: source.clone(),
            language: language.clone(),
            link: link.clone(),
            score: None,
            title: marked_line(title, &title_marks, TITLE_CHARS_MAX),
            sentence: Vec::new(),
            reason,
        }
    }

    /// A row of [`COLUMNS`].
    pub fn row(&self, part: &str, name: &str) -> Vec<Cell> {
        vec![
            part.into(),
            name.into(),
            Cell::Empty,
            Cell::Count(self.article_id),
            Cell::Time(Some(self.first_seen_at)),
            self.source.clone().into(),
            self.language.clone().into(),
            self.score.map_or(Cell::Empty, Cell::Number),
            plain(&self.title).into(),
            plain(&self.sentence).into(),
            self.reason.clone().into(),
            Cell::Link(self.link.clone()),
        ]
    }

    /// Four lines at most, for people.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let language = self.language.as_deref().unwrap_or("language unknown");
        let source = printable(&self.source);
        write!(out, "  {} · {} · {source} · {language}", self.article_id, local_time(self.first_seen_at))?;
        match self.score {
            Some(points) => writeln!(out, " · score {}", score::shown(points))?,
            None => writeln!(out)?,
        }
        writeln!(out, "    {}", bracketed(&self.title))?;
        if !self.sentence.is_empty() {
            writeln!(out, "    {}", bracketed(&self.sentence))?;
        }
        writeln!(out, "    {}", printable(&self.reason))
    }
}

/// A row of [`COLUMNS`] that counts.
pub fn count_row(part: &str, name: &str, count: u64) -> Vec<Cell> {
    let mut row = vec![Cell::Empty; COLUMNS.len()];
    row.splice(..3, [part.into(), name.into(), Cell::Count(i64::try_from(count).unwrap_or(i64::MAX))]);
    row
}

/// Samples under a title, where there are any.
pub fn write_samples<'s>(
    out: &mut impl Write,
    title: &str,
    mut samples: impl Iterator<Item = &'s Sample>,
) -> io::Result<()> {
    let Some(first) = samples.next() else { return Ok(()) };
    writeln!(out, "\n{title}")?;
    first.write(out)?;
    samples.try_for_each(|sample| sample.write(out))
}

/// Names of one length, and what is said of each, where there are any.
pub fn write_table<'n>(
    out: &mut impl Write,
    title: &str,
    rows: impl Iterator<Item = (&'n str, String)>,
) -> io::Result<()> {
    let rows: Vec<(String, String)> = rows.map(|(name, said)| (printable(name), said)).collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    if !rows.is_empty() {
        writeln!(out, "\n{title}")?;
    }
    rows.iter().try_for_each(|(name, said)| writeln!(out, "  {name:<width$}  {said}"))
}

fn marks(field: Field, hits: &[Hit]) -> Vec<Range<usize>> {
    hits.iter().filter(|hit| hit.field == field).map(|hit| hit.span.clone()).collect()
}

fn plain(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| piece.text.as_str()).collect()
}

/// What was found between brackets, as it is read aloud and copied.
fn bracketed(pieces: &[Piece]) -> String {
    let shown = |piece: &Piece| if piece.marked { format!("[{}]", piece.text) } else { piece.text.clone() };
    printable(&pieces.iter().map(shown).collect::<String>())
}
