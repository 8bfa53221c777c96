//! Mail that a server found too large, told again in parts.
//!
//! Invariant: the parts take the mail's place in one transaction, and together they
//! tell what it told: every row of what was owed stands in exactly one of them.

use super::columns::{at, numbers, surely};
use super::outbox;
use super::{NewMail, edits, owed, removals};
use crate::crash::{self, Point};
use crate::digest::{Item, Rate, Removed};
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
    /// Watches that it said are found far more often than usual.
    pub spikes: Vec<Rate>,
    /// What the mail itself is, where it is a part already.
    pub part: Option<Part>,
    /// Parts beside it that nobody has tried to send.
    pub untried: Vec<(i64, Part)>,
    /// Numbers of the parts that may have been sent, are refused, or were given up.
    pub taken: Vec<u32>,
}

pub fn whole(connection: &Connection, outbox_id: i64) -> Result<Option<Whole>> {
    let sql = "SELECT d.id, d.plan, d.slot, d.until_at, d.created_at, d.spikes, o.recipient,
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
            spikes: serde_json::from_str(&row.get::<_, String>("spikes")?).unwrap_or_default(),
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
    for (id, is_untried, part) in beside(connection, digest_id, &recipient)? {
        match is_untried {
            _ if id == outbox_id => whole.part = Some(part),
            true => whole.untried.push((id, part)),
            false => whole.taken.push(part.number),
        }
    }
    Ok(Some(whole))
}

/// A mail nobody has tried to send. One that is tried again by hand counts its tries
/// anew, but what was noted of them stays.
const UNTRIED: &str = "o.state = 'owed' AND o.tries = 0
                       AND NOT EXISTS (SELECT 1 FROM delivery v WHERE v.outbox_id = o.id)";

/// The parts of a digest for one recipient that no other parts have replaced: row,
/// whether it is untried.
fn beside(connection: &Connection, digest_id: i64, recipient: &str) -> Result<Vec<(i64, bool, Part)>> {
    let sql = format!(
        "SELECT o.id, {UNTRIED} AS untried, p.* FROM outbox o JOIN part p ON p.outbox_id = o.id
         WHERE o.digest_id = ?1 AND o.recipient = ?2 AND o.id NOT IN (SELECT outbox_id FROM replaced)
         ORDER BY o.id"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![digest_id, recipient], |row| {
        let part = Part {
            number: row.get("number")?,
            parts: row.get("parts")?,
            owed: numbers(row, "owed")?,
            corrections: numbers(row, "corrections")?,
            is_headline: row.get("is_headline")?,
        };
        Ok((row.get("id")?, row.get("untried")?, part))
    })?;
    rows.collect()
}

/// Settles the mail as too large, and puts `parts` into the place of it and of
/// `replaced`. False where one of them was settled since it was read, or where a part
/// could not be told from a mail there is: then nothing is changed.
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
    if !all_untried(connection, replaced)? || !all_new(connection, parts)? {
        return Ok(false);
    }
    outbox::note(connection, outbox_id, delivery, failed_at, now)?;
    for id in replaced.iter().chain([&outbox_id]) {
        outbox::give_up(connection, *id, now)?;
    }
    for (mail, part) in parts {
        let posted = outbox::post(connection, digest_id, mail, now)?;
        // An error takes the whole split back; a part left out would be lost.
        let id = posted.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let sql = "INSERT INTO part (outbox_id, number, parts, owed, corrections, is_headline)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let [owed, corrections] =
            [&part.owed, &part.corrections].map(|rows| Value::from(rows.as_slice()).to_string());
        let values = params![id, part.number, part.parts, owed, corrections, part.is_headline];
        connection.prepare_cached(sql)?.execute(values)?;
        crash::point(Point::PartPosted);
    }
    crash::point(Point::SplitUncommitted);
    Ok(true)
}

fn all_untried(connection: &Connection, outbox_ids: &[i64]) -> Result<bool> {
    let mut untried =
        connection.prepare_cached(&format!("SELECT 1 FROM outbox o WHERE o.id = ?1 AND {UNTRIED}"))?;
    outbox_ids.iter().try_fold(true, |all, id| Ok(all && untried.exists([id])?))
}

/// Whether each part would be a mail of its own, and not one that is there already.
fn all_new(connection: &Connection, parts: &[(NewMail, Part)]) -> Result<bool> {
    let sql = "SELECT 1 FROM outbox WHERE message_id = ?1 AND recipient = ?2";
    let mut known = connection.prepare_cached(sql)?;
    parts
        .iter()
        .try_fold(true, |all, (mail, _)| Ok(all && !known.exists([&mail.message_id, &mail.recipient])?))
}
