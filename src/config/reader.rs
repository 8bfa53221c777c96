//! TOML tables read key by key, remembering where each stood.
//!
//! Invariant: reading never stops at a problem; a key nobody asked for is one.

use super::{Problem, syntax, values};
use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The text under reading and what was found wrong with it.
pub struct Report<'t> {
    text: &'t str,
    /// What could not be read, see [`syntax::Mended`].
    damaged: Vec<Range<usize>>,
    problems: RefCell<Vec<(usize, String)>>,
    warnings: RefCell<Vec<(usize, String)>>,
}

/// One table, and which of its keys the program knows.
pub struct Keys<'r, 't> {
    pub report: &'r Report<'t>,
    /// As the user writes it: `[[feed]]`.
    title: &'static str,
    /// Where its header stands.
    pub at: usize,
    table: &'r DeTable<'t>,
    known: RefCell<Vec<&'static str>>,
    /// Where keys stand that were refused by name.
    refused: RefCell<Vec<usize>>,
}

/// A string of the file and the bytes it stands at, quotes included.
#[derive(Debug, Clone)]
pub struct Text {
    pub value: String,
    pub span: Range<usize>,
}

/// Reads `text`, giving the top table to `read`; then its problems and warnings.
pub fn read<T>(
    text: &str,
    read: impl for<'r, 't> FnOnce(&Keys<'r, 't>) -> T,
) -> (T, Vec<Problem>, Vec<Problem>) {
    let mended = syntax::mend(text);
    let (table, _) = DeTable::parse_recoverable(&mended.text);
    let report = Report {
        text: &mended.text,
        damaged: mended.damaged,
        problems: RefCell::new(mended.errors),
        warnings: RefCell::default(),
    };
    let done = report.table("the file", 0, table.get_ref(), read);
    let (problems, warnings) = (report.problems.take(), report.warnings.take());
    (done, place(text, problems), place(text, warnings))
}

/// In the file's order; of several syntax errors on a line the first, the rest follow from it.
fn place(text: &str, mut found: Vec<(usize, String)>) -> Vec<Problem> {
    found.sort_by_key(|(at, _)| *at);
    let mut placed: Vec<Problem> =
        found.into_iter().map(|(at, message)| problem_at(text, at, message)).collect();
    let is_syntax = |problem: &Problem| problem.message.starts_with("not TOML");
    placed.dedup_by(|next, first| *next == *first || (next.line == first.line && is_syntax(next)));
    placed
}

fn problem_at(text: &str, at: usize, message: String) -> Problem {
    if at == usize::MAX {
        return Problem { line: 0, column: 0, message };
    }
    let before = text.get(syntax::line_start(text, at)..at.min(text.len())).unwrap_or_default();
    Problem { line: line(text, at), column: before.chars().count() + 1, message }
}

fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

impl<'t> Report<'t> {
    /// `at` is a byte of the text; `usize::MAX` means the file as a whole.
    pub fn problem(&self, at: usize, message: impl Into<String>) {
        self.problems.borrow_mut().push((at, message.into()));
    }

    /// Whether all of the file was read: then what is not there is missing.
    pub fn is_whole(&self) -> bool {
        self.damaged.is_empty()
    }

    pub fn warning(&self, at: usize, message: impl Into<String>) {
        self.warnings.borrow_mut().push((at, message.into()));
    }

    /// The line `at` stands on, from 1.
    pub fn line(&self, at: usize) -> usize {
        line(self.text, at)
    }

    /// Line and column of `at`, as in [`Problem`].
    pub fn place(&self, at: usize) -> (usize, usize) {
        let Problem { line, column, .. } = problem_at(self.text, at, String::new());
        (line, column)
    }

    /// The byte of the file where byte `offset` of `text` stands.
    pub fn inside(&self, text: &Text, offset: usize) -> usize {
        let written = self.text.get(text.span.clone()).unwrap_or_default();
        let start = match written.find(&text.value) {
            _ if text.value.is_empty() => 0,
            Some(start) => start + offset.min(text.value.len()),
            None => behind_escapes(written, &text.value, offset).unwrap_or(0),
        };
        text.span.start + start
    }

    fn table<'r, T>(
        &'r self,
        title: &'static str,
        at: usize,
        table: &'r DeTable<'t>,
        read: impl FnOnce(&Keys<'r, 't>) -> T,
    ) -> T {
        let keys =
            Keys { report: self, title, at, table, known: RefCell::default(), refused: RefCell::default() };
        let done = read(&keys);
        keys.refuse_unknown();
        done
    }
}

/// The byte of a string as written where byte `offset` of its value stands.
fn behind_escapes(written: &str, value: &str, offset: usize) -> Option<usize> {
    let quotes = if written.starts_with("\"\"\"") { 3 } else { 1 };
    // The first line end of a multi-line string is no part of its value.
    let body = written.get(quotes..)?;
    let mut at =
        quotes + if quotes == 3 { body.len() - body.trim_start_matches(['\r', '\n']).len() } else { 0 };
    for _ in value.get(..offset)?.chars() {
        at += escape_len(written.get(at..)?)?;
    }
    // What a backslash at a line's end swallows stands before the character.
    Some(at + swallowed(written.get(at..)?))
}

/// Bytes of the first character as written, its escape included.
fn escape_len(written: &str) -> Option<usize> {
    let skipped = swallowed(written);
    let rest = written.get(skipped..)?;
    let mut chars = rest.chars();
    let first = chars.next()?;
    let own = match (first, chars.next()) {
        ('\\', Some('u')) => 6,
        ('\\', Some('U')) => 10,
        ('\\', Some('x')) => 4,
        ('\\', Some(escaped)) => 1 + escaped.len_utf8(),
        _ => first.len_utf8(),
    };
    Some(skipped + own)
}

/// Bytes of a backslash at the end of a line and the blanks up to what follows it.
fn swallowed(written: &str) -> usize {
    let Some(rest) = written.strip_prefix('\\') else { return 0 };
    let next = rest.trim_start();
    if next.len() < rest.len() { written.len() - next.len() } else { 0 }
}

impl<'r, 't> Keys<'r, 't> {
    pub fn problem(&self, at: usize, message: impl Into<String>) {
        self.report.problem(at, message);
    }

    /// Where `key`'s value stands, if it is there.
    pub fn place(&self, key: &str) -> Option<usize> {
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value.span().start)
    }

    /// Says so where `key` is missing; `example` shows what belongs there. In a
    /// section with a syntax error it may only seem to be missing.
    pub fn need(&self, key: &str, example: &str) {
        if self.place(key).is_none() && !self.report.damaged.iter().any(|section| section.contains(&self.at))
        {
            self.problem(self.at, format!("{} needs `{key}`, such as `{key} = {example}`", self.title));
        }
    }

    /// A key that people write and that may not be there.
    pub fn refuse(&self, refused: &str, why: &str) {
        for key in self.table.keys().filter(|key| key.get_ref() == refused) {
            self.problem(key.span().start, why);
            self.refused.borrow_mut().push(key.span().start);
        }
    }

    /// A list that is written and has nothing in it.
    pub fn refuse_empty(&self, key: &'static str, why: &str) {
        if let Some(value) = self.find(key)
            && value.get_ref().as_array().is_some_and(|array| array.is_empty())
        {
            self.problem(value.span().start, why);
        }
    }

    pub fn text(&self, key: &'static str) -> Option<Text> {
        self.find(key).and_then(|value| self.as_text(key, value))
    }

    /// A string, checked; what `check` says is wrong is a problem at the value.
    pub fn checked<T>(&self, key: &'static str, check: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        self.text(key).and_then(|text| self.check(&text, check))
    }

    /// A list of strings, each checked; a lone string is a list of one.
    pub fn list<T>(
        &self,
        key: &'static str,
        check: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<(Text, T)>> {
        let value = self.find(key)?;
        let items = value.get_ref().as_array().map_or_else(|| vec![value], |array| array.iter().collect());
        let texts = items.into_iter().filter_map(|item| self.as_text(key, item));
        Some(texts.filter_map(|text| Some((text.clone(), self.check(&text, &check)?))).collect())
    }

    pub fn boolean(&self, key: &'static str) -> Option<bool> {
        let value = self.find(key)?;
        let boolean = value.get_ref().as_bool();
        boolean.or_else(|| self.wrong_type(key, value, "`true` or `false`"))
    }

    /// A number within `range`, whole or not.
    pub fn number(&self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let value = self.find(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(whole) => whole.as_str().parse().ok().filter(|_| whole.radix() == 10),
            DeValue::Float(float) => float.as_str().parse().ok(),
            _ => return self.wrong_type(key, value, "a number"),
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = (range.start(), range.end());
            self.problem(value.span().start, format!("`{key}` is a number from {least} to {most}"));
        }
        number
    }

    pub fn whole(&self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let number = self.number(key, f64::from(*range.start())..=f64::from(*range.end()))?;
        if number.fract() != 0.0 {
            self.problem(self.place(key).unwrap_or(self.at), format!("`{key}` is a whole number"));
            return None;
        }
        Some(number as u32)
    }

    /// One of the words a key may hold.
    pub fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        self.checked(key, |word| {
            let chosen = choices.iter().find(|(name, _)| *name == word).map(|(_, chosen)| *chosen);
            chosen.ok_or_else(|| {
                let names = choices.iter().map(|(name, _)| *name);
                format!("`{key}` cannot be `{word}`{}", values::hint(word, names))
            })
        })
    }

    /// The table under `key`, written `[key]`.
    pub fn section<T>(
        &self,
        key: &'static str,
        title: &'static str,
        read: impl FnOnce(&Keys<'r, 't>) -> T,
    ) -> Option<T> {
        let value = self.find(key)?;
        match value.get_ref().as_table() {
            Some(table) => Some(self.report.table(title, value.span().start, table, read)),
            None => self.wrong_type(key, value, &format!("a table, written once as `{title}`")),
        }
    }

    /// Every table under `key`, written `[[key]]`.
    pub fn sections<T>(
        &self,
        key: &'static str,
        title: &'static str,
        read: impl Fn(&Keys<'r, 't>) -> Option<T>,
    ) -> Vec<T> {
        let Some(value) = self.find(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_type::<()>(
                key,
                value,
                &format!("written `{title}`, with two brackets, once for each"),
            );
            return Vec::new();
        };
        let tables = items.iter().filter_map(|item| Some((item.span().start, item.get_ref().as_table()?)));
        tables.filter_map(|(at, table)| self.report.table(title, at, table, &read)).collect()
    }

    fn find(&self, key: &'static str) -> Option<&'r Spanned<DeValue<'t>>> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        drop(known);
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    fn as_text(&self, key: &str, value: &Spanned<DeValue<'t>>) -> Option<Text> {
        match value.get_ref().as_str() {
            Some(text) => Some(Text { value: text.into(), span: value.span() }),
            None => self.wrong_type(key, value, "a string in quotes"),
        }
    }

    fn check<T>(&self, text: &Text, check: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        check(&text.value).map_err(|message| self.problem(text.span.start, message)).ok()
    }

    fn wrong_type<T>(&self, key: &str, value: &Spanned<DeValue<'t>>, wanted: &str) -> Option<T> {
        let is = match value.get_ref() {
            DeValue::Integer(_) | DeValue::Array(_) => format!("an {}", value.get_ref().type_str()),
            other => format!("a {}", other.type_str()),
        };
        self.problem(value.span().start, format!("`{key}` is {wanted}, not {is}"));
        None
    }

    fn refuse_unknown(&self) {
        let (known, refused) = (self.known.borrow(), self.refused.borrow());
        let is_known = |name: &str| known.contains(&name);
        for key in self.table.keys().filter(|key| !refused.contains(&key.span().start)) {
            let name: &str = key.get_ref();
            if is_known(name) {
                continue;
            }
            let meant = SYNONYMS.iter().find(|(other, key)| is_known(key) && values::is_near(name, other));
            let hint = match meant {
                Some((_, key)) => format!("; did you mean `{key}`?"),
                None => values::hint(name, known.iter().copied()),
            };
            self.problem(key.span().start, format!("unknown key `{name}`{hint}"));
        }
    }
}

/// What people call keys in other programs.
const SYNONYMS: &[(&str, &str)] = &[
    ("recipients", "to"),
    ("email", "to"),
    ("interval", "every"),
    ("refresh", "every"),
    ("schedule", "cron"),
    ("address", "url"),
    ("link", "url"),
    ("terms", "query"),
    ("keywords", "query"),
    ("priority", "weight"),
    ("threshold", "at_least"),
    ("min_score", "at_least"),
    ("server", "host"),
    ("username", "user"),
    ("sender", "from"),
    ("admins", "ops_to"),
    ("zone", "timezone"),
    ("bind", "listen"),
    ("port", "listen"),
    ("base_url", "public_url"),
];
