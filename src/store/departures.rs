//! Who has left which plan.
//!
//! Invariant: who left stays in the file, also once they are back.

use super::columns::{Time, count, surely};
use super::plans;
use super::{Store, StoreError};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, Result, params};

/// A recipient who gets no mail of a plan by their own wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    pub id: i64,
    pub plan: String,
    pub recipient: String,
    pub left_at: DateTime<Utc>,
    /// By which ways the operator knows, as bits of [`OperatorWay`](super::OperatorWay).
    pub told: u8,
}

impl Store {
    /// Readers who left a plan and are not back, in the order they left.
    pub fn departures(&self) -> Result<Vec<Departure>, StoreError> {
        self.read(lasting)
    }

    /// Notes that a reader leaves a plan; `false` where they had already.
    pub fn leave(&self, plan: &str, recipient: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let (plan, recipient) = (plan.to_owned(), recipient.to_owned());
        self.write(move |connection| leave(connection, &plan, &recipient, now))
    }

    /// Notes that a reader is back; `false` where they had not left.
    pub fn take_back(&self, plan: &str, recipient: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let (plan, recipient) = (plan.to_owned(), recipient.to_owned());
        self.write(move |connection| take_back(connection, &plan, &recipient, now))
    }

    /// What makes the addresses to leave a plan at unguessable.
    pub fn unsubscribe_key(&self) -> Result<String, StoreError> {
        self.read(|connection| {
            let sql = "SELECT value FROM meta WHERE name = 'unsubscribe_key'";
            connection.query_row(sql, [], |row| row.get(0))
        })
    }

    /// Matches that `plan` owes and no digest has taken.
    pub fn waiting(&self, plan: &str) -> Result<u64, StoreError> {
        self.read(|connection| {
            let sql = "SELECT count(*) FROM owed WHERE plan = ?1 AND digest_id IS NULL";
            connection.prepare_cached(sql)?.query_row([plan], |row| count(row, 0))
        })
    }
}

/// Those that last, in the order they were made.
fn lasting(connection: &Connection) -> Result<Vec<Departure>> {
    let sql = "SELECT * FROM departure WHERE returned_at IS NULL ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let departures = statement.query_map([], |row| {
        Ok(Departure {
            id: row.get("id")?,
            plan: row.get("plan")?,
            recipient: row.get("recipient")?,
            left_at: surely(row, "left_at")?,
            told: row.get("told")?,
        })
    })?;
    departures.collect()
}

fn leave(connection: &Connection, plan: &str, recipient: &str, now: DateTime<Utc>) -> Result<bool> {
    let plan = plans::present(connection, plan)?;
    let sql = "INSERT INTO departure (plan, recipient, left_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    Ok(connection.prepare_cached(sql)?.execute(params![plan, recipient, Time(now)])? > 0)
}

fn take_back(connection: &Connection, plan: &str, recipient: &str, now: DateTime<Utc>) -> Result<bool> {
    let sql = "UPDATE departure SET returned_at = ?3
               WHERE plan = ?1 AND recipient = ?2 AND returned_at IS NULL";
    Ok(connection.prepare_cached(sql)?.execute(params![plan, recipient, Time(now)])? > 0)
}

pub fn note_told(connection: &Connection, ids: &[i64], ways: u8) -> Result<()> {
    let mut statement = connection.prepare_cached("UPDATE departure SET told = told | ?2 WHERE id = ?1")?;
    ids.iter().try_for_each(|id| statement.execute(params![id, ways]).map(drop))
}
