//! Rows to stdout: a table for people, the same data in six forms for programs.
//!
//! Invariant: foreign text never reaches a terminal with its control characters, a
//! spreadsheet as a formula, or a Markdown page as markup; JSON carries it unchanged.

pub use crate::cli::screen::printable;

use crate::cli::screen;
use crate::digest;
use crate::watch::score::{rounded, shown};
use chrono::{DateTime, Local, SecondsFormat, Utc};
use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Map, Value};
use std::io::{self, IsTerminal, Write};

/// `-o`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns
    Table,
    /// Tab-separated, no heading
    Tsv,
    Json,
    /// One JSON object a line
    Ndjson,
    Csv,
    /// Markdown table
    Md,
}

/// The option every listing command has.
#[derive(Debug, clap::Args)]
pub struct Output {
    /// Form of the output [default: table on a terminal, tsv in a pipe]
    #[arg(short = 'o', long = "output", value_name = "FORM", value_enum)]
    format: Option<Format>,
}

/// One field of a row.
#[derive(Debug, Clone)]
pub enum Cell {
    Text(String),
    /// An address.
    Link(Option<String>),
    Number(f64),
    Count(i64),
    Time(Option<DateTime<Utc>>),
    Words(Vec<String>),
    Empty,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.into())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::Text(text)
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Cell {
        Cell::Text(text.unwrap_or_default())
    }
}

impl Output {
    /// The form asked for, else what fits where stdout goes.
    pub fn format(&self) -> Format {
        let fitting = if io::stdout().is_terminal() { Format::Table } else { Format::Tsv };
        self.format.unwrap_or(fitting)
    }

    /// [`print`](Output::print), where a table has only the columns that are `kept`.
    ///
    /// # Errors
    /// As `print`.
    pub fn print_some(
        &self,
        columns: &[&str],
        rows: &[Vec<Cell>],
        kept: impl Fn(&str) -> bool,
    ) -> io::Result<()> {
        if self.format() != Format::Table {
            return self.print(columns, rows);
        }
        let places: Vec<usize> = (0..columns.len()).filter(|place| kept(columns[*place])).collect();
        let columns: Vec<&str> = places.iter().map(|place| columns[*place]).collect();
        let narrow = |row: &Vec<Cell>| places.iter().map(|place| row[*place].clone()).collect();
        self.print(&columns, &rows.iter().map(narrow).collect::<Vec<_>>())
    }

    /// Prints `rows` under `columns`.
    ///
    /// # Errors
    /// Stdout cannot be written.
    pub fn print(&self, columns: &[&str], rows: &[Vec<Cell>]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match self.format() {
            Format::Table => table(&mut out, columns, rows),
            Format::Tsv => rows
                .iter()
                .try_for_each(|row| writeln!(out, "{}", joined(row, "\t", |cell| flat(&cell.data())))),
            Format::Csv => csv(&mut out, columns, rows),
            Format::Md => markdown(&mut out, columns, rows),
            Format::Ndjson => rows.iter().try_for_each(|row| {
                writeln!(out, "{}", screen::json_text(&object(columns, row).to_string()))
            }),
            Format::Json => {
                let all: Vec<_> = rows.iter().map(|row| object(columns, row)).collect();
                let text = serde_json::to_string_pretty(&all).map_err(io::Error::from)?;
                writeln!(out, "{}", screen::json_text(&text))
            }
        }
    }
}

fn table(out: &mut impl Write, columns: &[&str], rows: &[Vec<Cell>]) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns.iter().map(|name| name.replace('_', " ").to_uppercase()));
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(&cell.shown())));
    }
    writeln!(out, "{table}")
}

/// Lines broken for the terminal they go to; a pipe gets them whole.
pub fn fitted(text: &str) -> String {
    match Table::new().width().filter(|_| io::stdout().is_terminal()) {
        Some(columns) => digest::wrap(text, usize::from(columns)),
        None => text.into(),
    }
}

fn csv(out: &mut impl Write, columns: &[&str], rows: &[Vec<Cell>]) -> io::Result<()> {
    // Without it Excel takes the bytes for the system's old charset; a terminal needs none.
    let mark = if io::stdout().is_terminal() { "" } else { "\u{feff}" };
    write!(out, "{mark}{}\r\n", columns.join(","))?;
    rows.iter().try_for_each(|row| write!(out, "{}\r\n", joined(row, ",", quoted)))
}

fn markdown(out: &mut impl Write, columns: &[&str], rows: &[Vec<Cell>]) -> io::Result<()> {
    writeln!(out, "| {} |", columns.join(" | "))?;
    writeln!(out, "|{}", " --- |".repeat(columns.len()))?;
    rows.iter().try_for_each(|row| writeln!(out, "| {} |", joined(row, " | ", escaped)))
}

fn joined(row: &[Cell], between: &str, form: impl Fn(&Cell) -> String) -> String {
    row.iter().map(form).collect::<Vec<_>>().join(between)
}

/// RFC 4180, section 2, on one line: CSV is the form that people open in a spreadsheet.
fn quoted(cell: &Cell) -> String {
    let text = flat(&cell.data());
    let is_foreign = matches!(cell, Cell::Text(_) | Cell::Link(_) | Cell::Words(_));
    let text = if is_foreign && is_formula(&text) { format!("'{text}") } else { text };
    match text.contains([',', '"', ';']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// Whether a spreadsheet may run the text (OWASP, CSV injection); spaces and quotes
/// before it are read over, and wide forms of the signs are taken for them.
fn is_formula(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`'));
    text.starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
}

fn flat(text: &str) -> String {
    printable(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text that reads in Markdown as it was written; an address of the web is a link.
fn escaped(cell: &Cell) -> String {
    let text = flat(&cell.data());
    match cell {
        Cell::Link(_) if is_plain_address(&text) => format!("<{text}>"),
        _ => without_markup(&text),
    }
}

/// Whether nothing in `text` ends an autolink or a cell (CommonMark, 6.5).
fn is_plain_address(text: &str) -> bool {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    is_web && !text.contains([' ', '<', '>', '|', '\\', '`'])
}

/// CommonMark reads `\` and a sign as the sign. GitHub makes links also of a bare `://`,
/// `www.` and `@`.
fn without_markup(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let is_markup = match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$' | '@' => true,
            ':' => text[at..].starts_with("://"),
            '.' => at
                .checked_sub(3)
                .and_then(|www| text.get(www..at))
                .is_some_and(|www| www.eq_ignore_ascii_case("www")),
            _ => false,
        };
        if is_markup {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn object(columns: &[&str], row: &[Cell]) -> Value {
    let fields = columns.iter().zip(row).map(|(name, cell)| ((*name).to_owned(), cell.value()));
    Value::Object(fields.collect::<Map<_, _>>())
}

/// `2026-11-23T22:20:00Z`
pub fn data_time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// `2026-11-23 23:20`, in the zone of whoever reads.
pub fn local_time(at: DateTime<Utc>) -> String {
    at.with_timezone(&Local).format("%Y-%m-%d %H:%M").to_string()
}

impl Cell {
    fn shown(&self) -> String {
        match self {
            Cell::Time(at) => at.map(local_time).unwrap_or_default(),
            Cell::Number(number) => shown(*number),
            other => other.data(),
        }
    }

    fn data(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Link(link) => link.clone().unwrap_or_default(),
            Cell::Number(number) => rounded(*number).to_string(),
            Cell::Count(count) => count.to_string(),
            Cell::Time(at) => at.map(data_time).unwrap_or_default(),
            Cell::Words(words) => words.join(", "),
            Cell::Empty => String::new(),
        }
    }

    fn value(&self) -> Value {
        match self {
            Cell::Text(text) => Value::from(text.as_str()),
            Cell::Link(link) => Value::from(link.as_deref().unwrap_or_default()),
            Cell::Number(number) => Value::from(rounded(*number)),
            Cell::Count(count) => Value::from(*count),
            Cell::Time(at) => at.map(data_time).map_or(Value::Null, Value::from),
            Cell::Words(words) => Value::from(words.as_slice()),
            Cell::Empty => Value::Null,
        }
    }
}

/// `1 watch`, `4 watches`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
