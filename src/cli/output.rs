//! Rows to stdout: a table for people, the same data in six forms for programs.
//!
//! Invariant: foreign text never reaches a terminal with its control
//! characters; data forms carry it unchanged.

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
            Format::Tsv => rows.iter().try_for_each(|row| writeln!(out, "{}", joined(row, "\t", flat))),
            Format::Csv => csv(&mut out, columns, rows),
            Format::Md => markdown(&mut out, columns, rows),
            Format::Ndjson => rows.iter().try_for_each(|row| writeln!(out, "{}", object(columns, row))),
            Format::Json => {
                let all: Vec<_> = rows.iter().map(|row| object(columns, row)).collect();
                writeln!(out, "{}", serde_json::to_string_pretty(&all).map_err(io::Error::from)?)
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
    write!(out, "{}\r\n", columns.join(","))?;
    rows.iter().try_for_each(|row| write!(out, "{}\r\n", joined(row, ",", quoted)))
}

fn markdown(out: &mut impl Write, columns: &[&str], rows: &[Vec<Cell>]) -> io::Result<()> {
    writeln!(out, "| {} |", columns.join(" | "))?;
    writeln!(out, "|{}", " --- |".repeat(columns.len()))?;
    rows.iter().try_for_each(|row| writeln!(out, "| {} |", joined(row, " | ", escaped)))
}

fn joined(row: &[Cell], between: &str, form: impl Fn(&str) -> String) -> String {
    row.iter().map(|cell| form(&cell.data())).collect::<Vec<_>>().join(between)
}

/// RFC 4180, section 2.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
    }
}

fn flat(text: &str) -> String {
    printable(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    flat(text).replace('\\', "\\\\").replace('|', "\\|")
}

/// Without control characters, the ones that turn text round included.
pub fn printable(text: &str) -> String {
    let hidden = |c: &char| !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(hidden).collect()
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
