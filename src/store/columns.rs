//! Instants and counts as the file has them: RFC 3339 in UTC, whole seconds;
//! SQLite's integers have a sign.
//!
//! Invariant: instants sort as text, so years keep to four digits.

use chrono::{DateTime, Datelike, Utc};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Row, RowIndex};

/// An instant on its way in or out of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub DateTime<Utc>);

impl Time {
    pub fn text(self) -> String {
        match self.0.year() {
            ..0 => "0000-01-01T00:00:00Z".into(),
            10_000.. => "9999-12-31T23:59:59Z".into(),
            _ => self.0.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }
}

impl ToSql for Time {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.text().into())
    }
}

impl FromSql for Time {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Time> {
        let read = DateTime::parse_from_rfc3339(value.as_str()?);
        read.map(|at| Time(at.to_utc())).map_err(FromSqlError::other)
    }
}

/// Reads a column that may be null.
pub fn at(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<Option<DateTime<Utc>>> {
    Ok(row.get::<_, Option<Time>>(column)?.map(|time| time.0))
}

/// Reads a column that is never null.
pub fn surely(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<DateTime<Utc>> {
    Ok(row.get::<_, Time>(column)?.0)
}

/// A count or an offset, which no column has room to overflow.
pub fn number(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// Reads a count; one that was tampered with to be negative is none.
pub fn count(row: &rusqlite::Row<'_>, column: impl RowIndex) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

/// A JSON array of rows.
pub fn numbers(row: &Row<'_>, column: &str) -> rusqlite::Result<Vec<i64>> {
    Ok(serde_json::from_str(&row.get::<_, String>(column)?).unwrap_or_default())
}
