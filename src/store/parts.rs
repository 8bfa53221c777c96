//! Mail that a server found too large, told again in parts.
//!
//! Invariant: the parts take the mail's place in one transaction, and together they
//! tell what it told: every row of what was owed stands in exactly one of them.

use super::columns::{at, surely};
use super::outbox;
use super::{NewMail, edits, owed, removals};
use crate::digest::{Item, Removed};
use crate::mail::Delivery;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use serde_json::Value;

/// Which part of its digest a mail is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    pub number: u32,
    pub parts: u32,
    /// Rows of what was owed that it tells.
    pub owed: Vec<i64>,
    /// Rows of the edits that it tells.
    pub corrections: Vec<i64>,
    /// It holds no more than the headline and the link of one story.
    pub is_headline: bool,
}

/// What the digest of a mail told, and how far its parts have come.
#[derive(Debug, Clone)]
pub struct Whole {
    pub plan: String,
    pub slot: String,
    /// End of the digest before it.
    pub from: Option<DateTime<Utc>>,
    /// End of the window it closes; `None` for an alert.
    pub until: Option<DateTime<Utc>>,
    pub told_at: DateTime<Utc>,
    pub owed: Vec<(Item, Vec<i64>)>,
    pub edited: Vec<Item>,
    pub removed: Vec<Removed>,
    /// What the mail itself is, where it is a part already.
    pub part: Option<Part>,
    /// Parts beside it that nobody has tried to send.
    pub untried: Vec<(i64, Part)>,
    /// Numbers of the parts that may have been sent, or are refused.
    pub taken: Vec<u32>,
}

pub fn whole(connection: &Connection, outbox_id: i64) -> Result<Option<Whole>> {
    let sql = "SELECT d.id, d.plan, d.slot, d.until_at, d.created_at, o.recipient,
                      (SELECT max(e.until_at) FROM digest e
                       WHERE e.plan = d.plan AND e.until_at IS NOT NULL AND e.id < d.id) AS from_at
               FROM outbox o JOIN digest d ON d.id = o.digest_id WHERE o.id = ?1";
    let read = |row: &Row<'_>| {
        let whole = Whole {
            plan: row.get("plan")?,
            slot: row.get("slot")?,
            from: at(row, "from_at")?,
            until: at(row, "until_at")?,
            told_at: surely(row, "created_at")?,
            owed: Vec::new(),
            edited: Vec::new(),
            removed: Vec::new(),
            part: None,
            untried: Vec::new(),
            taken: Vec::new(),
        };
        Ok((row.get("id")?, row.get::<_, String>("recipient")?, whole))
    };
    let found = connection.prepare_cached(sql)?.query_row([outbox_id], read).optional()?;
    let Some((digest_id, recipient, mut whole)) = found else { return Ok(None) };
    whole.owed = owed::told_by(connection, &whole.plan, digest_id)?;
    whole.edited = edits::told_by(connection, &whole.plan, digest_id)?;
    whole.removed = removals::removed(connection, &whole.plan, Some(digest_id))?;
    for (id, state, tries, part) in beside(connection, digest_id, &recipient)? {
        match (id == outbox_id, state.as_str(), tries) {
            (true, ..) => whole.part = Some(part),
            (false, "dropped", _) => {}
            (false, "owed", 0) => whole.untried.push((id, part)),
            _ => whole.taken.push(part.number),
        }
    }
    Ok(Some(whole))
}

/// The parts of a digest for one recipient: row, state, tries.
fn beside(connection: &Connection, digest_id: i64, recipient: &str) -> Result<Vec<(i64, String, u32, Part)>> {
    let sql = "SELECT o.id, o.state, o.tries, p.* FROM outbox o JOIN part p ON p.outbox_id = o.id
               WHERE o.digest_id = ?1 AND o.recipient = ?2 ORDER BY o.id";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![digest_id, recipient], |row| {
        let part = Part {
            number: row.get("number")?,
            parts: row.get("parts")?,
            owed: numbers(row, "owed")?,
            corrections: numbers(row, "corrections")?,
            is_headline: row.get("is_headline")?,
        };
        Ok((row.get("id")?, row.get("state")?, row.get("tries")?, part))
    })?;
    rows.collect()
}

fn numbers(row: &Row<'_>, column: &str) -> Result<Vec<i64>> {
    Ok(serde_json::from_str(&row.get::<_, String>(column)?).unwrap_or_default())
}

/// Settles the mail as too large, and puts `parts` into the place of it and of
/// `replaced`. False where it was settled since it was read.
pub fn split(
    connection: &Connection,
    outbox_id: i64,
    (delivery, failed_at): (&Delivery, Option<&str>),
    replaced: &[i64],
    parts: &[(NewMail, Part)],
    now: DateTime<Utc>,
) -> Result<bool> {
    let sql = "SELECT digest_id FROM outbox WHERE id = ?1 AND state = 'owed'";
    let digest_id = connection.prepare_cached(sql)?.query_row([outbox_id], |row| row.get(0)).optional()?;
    let Some(digest_id) = digest_id else { return Ok(false) };
    if !all_untried(connection, replaced)? {
        return Ok(false);
    }
    outbox::note(connection, outbox_id, delivery, failed_at, now)?;
    for id in replaced.iter().chain([&outbox_id]) {
        outbox::give_up(connection, *id, now)?;
    }
    for (mail, part) in parts {
        let Some(id) = outbox::post(connection, digest_id, mail, now)? else { continue };
        let sql = "INSERT INTO part (outbox_id, number, parts, owed, corrections, is_headline)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let [owed, corrections] =
            [&part.owed, &part.corrections].map(|rows| Value::from(rows.as_slice()).to_string());
        let values = params![id, part.number, part.parts, owed, corrections, part.is_headline];
        connection.prepare_cached(sql)?.execute(values)?;
    }
    Ok(true)
}

fn all_untried(connection: &Connection, outbox_ids: &[i64]) -> Result<bool> {
    let sql = "SELECT 1 FROM outbox WHERE id = ?1 AND state = 'owed' AND tries = 0";
    let mut untried = connection.prepare_cached(sql)?;
    outbox_ids.iter().try_fold(true, |all, id| Ok(all && untried.exists([id])?))
}
