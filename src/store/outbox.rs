//! Digests, the mail they owe, and what became of each try.
//!
//! Invariant: a digest's row, its mails and the marks on what it tells commit
//! together; a slot is told once. A mail's bytes never change. Nothing is
//! marked sent but by a delivery that says so.

use super::columns::{Time, at, numbers, surely};
use super::edits;
use super::plans;
use super::removals;
use super::{Debts, Letter, LetterState, NewMail, OPERATOR, OperatorWay, OutboxRow, Unheard};
use crate::crash::{self, Point};
use crate::digest::trouble::{Refusal, Silence};
use crate::mail::{Delivery, STEP_OF_OURS, STEP_OF_WAITING, STEPS_OF_THE_WAY};
use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Result, params};

const RETRY_SECONDS_LEAST: i64 = 60;
const RETRY_SECONDS_MOST: i64 = 3_600;
/// While the way out is shut, one mail tries it, so it may do so more often.
const PROBE_SECONDS_MOST: i64 = 600;
/// A mail older than this that was tried often is refused for good.
const KEEP_TRYING_DAYS: i64 = 5;
/// Tries below which age alone refuses nothing: the clock may have jumped, or
/// the machine slept.
const TRIES_LEAST: u32 = 24;
/// Mails handed out at a time.
const DUE_MAX: u32 = 500;

pub struct NewDigest {
    pub plan: String,
    pub slot: String,
    /// End of the window it closes; `None` for an alert.
    pub until: Option<DateTime<Utc>>,
}

pub fn told_until(connection: &Connection, plan: &str) -> Result<Option<DateTime<Utc>>> {
    let sql = "SELECT until_at FROM digest WHERE plan = ?1 AND until_at IS NOT NULL ORDER BY id DESC LIMIT 1";
    connection.prepare_cached(sql)?.query_row([plan], |row| surely(row, "until_at")).optional()
}

pub fn told_since(connection: &Connection, plan: &str, slot: &str, since: DateTime<Utc>) -> Result<bool> {
    let sql = "SELECT 1 FROM digest
               WHERE plan = ?1 AND substr(slot, 1, length(?2)) = ?2 AND created_at > ?3";
    connection.prepare_cached(sql)?.exists(params![plan, slot, Time(since)])
}

pub fn enqueue(
    connection: &Connection,
    digest: &NewDigest,
    debts: &Debts,
    mails: &[NewMail],
    now: DateTime<Utc>,
) -> Result<bool> {
    // A round that began before the plan was renamed may have read the one half before
    // and the other after: it is void, and the next one reads anew.
    if plans::is_former(connection, &digest.plan)? || !all_untold(connection, &debts.owed)? {
        return Ok(false);
    }
    let sql = "INSERT INTO digest (plan, slot, until_at, created_at, spikes) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (plan, slot) DO NOTHING RETURNING id";
    let spikes = serde_json::to_string(&debts.spikes).expect("names and numbers are JSON");
    let values = params![digest.plan, digest.slot, digest.until.map(Time), Time(now), spikes];
    let written = connection.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?;
    let Some(digest_id) = written else { return Ok(false) };
    crash::point(Point::DigestWritten);
    settle_owed(connection, digest_id, &debts.owed)?;
    edits::settle(connection, digest_id, &debts.corrections)?;
    removals::settle(connection, digest_id, &debts.removals)?;
    crash::point(Point::DebtsSettled);
    for mail in mails {
        let _ = post(connection, digest_id, mail, now)?;
        crash::point(Point::MailPosted);
    }
    Ok(true)
}

/// Whether the debts are as they were read: a rescore beside us tells and withdraws
/// too, and an article may turn out to be another.
fn all_untold(connection: &Connection, owed: &[i64]) -> Result<bool> {
    let mut untold = connection.prepare_cached("SELECT 1 FROM owed WHERE id = ?1 AND digest_id IS NULL")?;
    owed.iter().try_fold(true, |all, id| Ok(all && untold.exists([id])?))
}

fn settle_owed(connection: &Connection, digest_id: i64, owed: &[i64]) -> Result<()> {
    let sql = "UPDATE owed SET digest_id = ?1 WHERE id = ?2 AND digest_id IS NULL";
    let mut statement = connection.prepare_cached(sql)?;
    owed.iter().try_for_each(|id| statement.execute([digest_id, *id]).map(drop))
}

/// Takes back windows that close after `now`: a clock that was ahead made them, and
/// their slots are still to come.
pub fn void_ahead(connection: &Connection, plan: &str, now: DateTime<Utc>) -> Result<()> {
    let sql = "UPDATE digest SET slot = 'void ' || id || ': ' || slot, until_at = NULL
               WHERE plan = ?1 AND until_at > ?2";
    connection.prepare_cached(sql)?.execute(params![plan, Time(now)]).map(drop)
}

/// The same Message-ID to the same recipient is the same mail: there is no second row.
pub fn post(
    connection: &Connection,
    digest_id: i64,
    mail: &NewMail,
    now: DateTime<Utc>,
) -> Result<Option<i64>> {
    let sql = "INSERT INTO outbox (digest_id, message_id, sender, recipient, subject, wire, next_try_at,
                                   created_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
               ON CONFLICT (message_id, recipient) DO NOTHING RETURNING id";
    let NewMail { message_id, sender, recipient, subject, wire } = mail;
    let values = params![digest_id, message_id, sender, recipient, subject, wire, Time(now)];
    connection.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()
}

/// A next try further away than any back-off comes from a clock that has been
/// set back since: such a mail is due. While the way out is shut, of all mail
/// only the one that found it so is tried. Where a program or a chat has asked us to
/// wait, the rest for it waits too.
pub fn due(connection: &Connection, now: DateTime<Utc>) -> Result<Vec<OutboxRow>> {
    let sql = "SELECT o.*, d.plan FROM outbox o JOIN digest d ON d.id = o.digest_id
               WHERE o.state = 'owed' AND (o.next_try_at <= ?1 OR o.next_try_at > ?2)
                     AND (?3 IS NULL OR o.id = ?3 OR o.recipient GLOB '*:*')
                     AND (o.recipient NOT GLOB '*:*' OR o.recipient NOT IN (
                         SELECT w.recipient FROM outbox w
                         WHERE w.state = 'owed' AND w.next_try_at > ?1 AND w.next_try_at <= ?2
                               AND w.recipient GLOB '*:*' AND ?5 = (
                                   SELECT step FROM delivery v WHERE v.outbox_id = w.id
                                   ORDER BY v.id DESC LIMIT 1)))
               ORDER BY o.id LIMIT ?4";
    let furthest = now + TimeDelta::seconds(RETRY_SECONDS_MOST);
    let mut statement = connection.prepare_cached(sql)?;
    let values = params![Time(now), Time(furthest), probe(connection)?, DUE_MAX, STEP_OF_WAITING];
    statement.query_map(values, outbox_row)?.collect()
}

/// The mail whose last try was the last of all and found the way out shut; none
/// while mail gets out, or once that mail is settled. Posts and chats go another way, and
/// have a colon where an address of mail has none.
pub fn probe(connection: &Connection) -> Result<Option<i64>> {
    let sql = "SELECT id FROM (
                   SELECT o.id, o.state, v.step FROM delivery v JOIN outbox o ON o.id = v.outbox_id
                   WHERE o.recipient NOT GLOB '*:*' ORDER BY v.id DESC LIMIT 1)
               WHERE state = 'owed' AND step IN (SELECT value FROM json_each(?1))";
    let steps = serde_json::Value::from(STEPS_OF_THE_WAY.as_slice()).to_string();
    connection.prepare_cached(sql)?.query_row([steps], |row| row.get(0)).optional()
}

fn outbox_row(row: &rusqlite::Row<'_>) -> Result<OutboxRow> {
    Ok(OutboxRow {
        id: row.get("id")?,
        message_id: row.get("message_id")?,
        plan: row.get("plan")?,
        sender: row.get("sender")?,
        recipient: row.get("recipient")?,
        subject: row.get("subject")?,
        wire: row.get("wire")?,
        tries: row.get("tries")?,
        created_at: surely(row, "created_at")?,
    })
}

/// Counts a try before it is made: should its outcome not be written, the same
/// bytes go again after the pause of a deferred mail, and not at once.
pub fn try_now(connection: &Connection, id: i64, now: DateTime<Utc>) -> Result<bool> {
    let sql = "SELECT tries FROM outbox WHERE id = ?1 AND state = 'owed'";
    let tries = connection.prepare_cached(sql)?.query_row([id], |row| row.get::<_, u32>(0)).optional()?;
    let Some(tries) = tries.map(|tries| tries.saturating_add(1)) else { return Ok(false) };
    let sql = "UPDATE outbox SET tries = ?2, next_try_at = ?3 WHERE id = ?1";
    let next_try_at = now + pause(tries, RETRY_SECONDS_MOST);
    connection.prepare_cached(sql)?.execute(params![id, tries, Time(next_try_at)])?;
    Ok(true)
}

pub fn letters(connection: &Connection, states: &[LetterState]) -> Result<Vec<Letter>> {
    let words: Vec<_> = states.iter().map(|state| state.word()).collect();
    let sql = "SELECT o.id, o.state, d.plan, o.recipient, o.subject, o.created_at, o.tries, o.next_try_at,
                      (SELECT reason FROM delivery WHERE outbox_id = o.id ORDER BY id DESC LIMIT 1) AS reason,
                      (SELECT json_group_array(part_id) FROM replaced r
                       WHERE r.outbox_id = o.id AND part_id NOT IN (SELECT outbox_id FROM replaced)) AS parts
               FROM outbox o JOIN digest d ON d.id = o.digest_id
               WHERE o.state IN (SELECT value FROM json_each(?1)) ORDER BY o.id";
    let mut statement = connection.prepare_cached(sql)?;
    let letters = statement.query_map([serde_json::Value::from(words).to_string()], |row| {
        let state = state(&row.get::<_, String>("state")?);
        Ok(Letter {
            id: row.get("id")?,
            state,
            plan: row.get("plan")?,
            recipient: row.get("recipient")?,
            subject: row.get("subject")?,
            created_at: surely(row, "created_at")?,
            tries: row.get("tries")?,
            next_try_at: at(row, "next_try_at")?.filter(|_| state == LetterState::Owed),
            reason: row.get("reason")?,
            parts: numbers(row, "parts")?,
        })
    })?;
    letters.collect()
}

fn state(word: &str) -> LetterState {
    LetterState::ALL.into_iter().find(|state| state.word() == word).unwrap_or(LetterState::Owed)
}

/// A try asked for by hand is a new beginning: five days of tries lie ahead, and a
/// second refusal is told again. Where the way out was shut it is tried as well.
/// What goes on in parts is theirs to tell.
pub fn retry(connection: &Connection, ids: &[i64], now: DateTime<Utc>) -> Result<()> {
    let ids = ids.iter().copied().chain(probe(connection)?);
    let sql =
        "UPDATE outbox SET state = 'owed', tries = 0, next_try_at = ?2, settled_at = NULL, refusal_told = 0
               WHERE id = ?1 AND state <> 'sent' AND id NOT IN (SELECT outbox_id FROM replaced)";
    let mut statement = connection.prepare_cached(sql)?;
    ids.into_iter().try_for_each(|id| statement.execute(params![id, Time(now)]).map(drop))
}

pub fn give_up(connection: &Connection, id: i64, now: DateTime<Utc>) -> Result<bool> {
    let sql = "UPDATE outbox SET state = 'dropped', settled_at = ?2
               WHERE id = ?1 AND state IN ('owed', 'refused')";
    Ok(connection.prepare_cached(sql)?.execute(params![id, Time(now)])? > 0)
}

/// Makes mails due whose last try has no outcome: its process died.
pub fn resume(connection: &Connection, now: DateTime<Utc>) -> Result<()> {
    let sql = "UPDATE outbox SET next_try_at = ?1 WHERE state = 'owed'
               AND tries > (SELECT count(*) FROM delivery WHERE outbox_id = outbox.id)";
    connection.execute(sql, [Time(now)]).map(drop)
}

/// The mail, or the part of one, that first told `recipient` of the story of an
/// article, under `plan`.
pub fn first_told(
    connection: &Connection,
    plan: &str,
    recipient: &str,
    article_id: i64,
) -> Result<Option<String>> {
    let sql = "SELECT o.message_id
               FROM article a
               JOIN article c ON c.story_id = a.story_id
               JOIN match m ON m.article_id = c.id
               JOIN owed w ON w.match_id = m.id AND w.plan = ?1
               JOIN outbox o ON o.digest_id = w.digest_id AND o.recipient = ?2 AND o.state <> 'dropped'
               LEFT JOIN part p ON p.outbox_id = o.id
               WHERE a.id = ?3
                     AND (p.outbox_id IS NULL OR w.id IN (SELECT value FROM json_each(p.owed)))
               ORDER BY o.id LIMIT 1";
    let values = params![plan, recipient, article_id];
    connection.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()
}

/// Mails refused for good that the operator was not told of by `way`, but the
/// operator's own, which [`unheard`] has.
pub fn refused_untold(connection: &Connection, way: OperatorWay) -> Result<Vec<(i64, Refusal)>> {
    let sql = "SELECT o.id, o.recipient, o.subject, o.settled_at,
                      (SELECT reason FROM delivery WHERE outbox_id = o.id ORDER BY id DESC LIMIT 1) AS reason
               FROM outbox o JOIN digest d ON d.id = o.digest_id
               WHERE o.state = 'refused' AND o.refusal_told & ?2 = 0 AND d.plan <> ?1 ORDER BY o.id";
    let mut statement = connection.prepare_cached(sql)?;
    let refusals = statement.query_map(params![OPERATOR, way.bit()], |row| {
        let refusal = Refusal {
            id: row.get("id")?,
            recipient: row.get("recipient")?,
            subject: row.get("subject")?,
            refused_at: at(row, "settled_at")?.unwrap_or_default(),
            reason: row.get::<_, Option<String>>("reason")?.unwrap_or_default(),
        };
        Ok((row.get("id")?, refusal))
    })?;
    refusals.collect()
}

/// Chats and programs away for so long are told to the operator. Of the relay nothing
/// can be: what is told goes by it.
const AWAY_PATIENCE: TimeDelta = TimeDelta::hours(1);

/// Recipients who hear nothing before somebody mends what is written of them: what is
/// owed to them fails here, or has failed for an hour, or the operator's own was
/// refused and nothing was sent to them since. With all that waits for them, so that
/// this is told once.
pub fn unheard(connection: &Connection, now: DateTime<Utc>) -> Result<Vec<Unheard>> {
    let sql =
        "SELECT o.id, o.recipient, o.created_at, o.refusal_told, v.reason, o.state = 'refused' AS refused,
                      o.state = 'refused' OR v.step IS ?2 OR (v.id IS NOT NULL AND o.created_at <= ?3) AS is_cause
               FROM outbox o JOIN digest d ON d.id = o.digest_id
               LEFT JOIN delivery v ON v.id = (SELECT max(id) FROM delivery WHERE outbox_id = o.id)
               WHERE (o.state = 'owed' AND o.recipient GLOB '*:*')
                     OR (o.state = 'refused' AND d.plan = ?1 AND NOT EXISTS (
                         SELECT 1 FROM outbox s WHERE s.state = 'sent' AND s.recipient = o.recipient
                                AND s.settled_at > o.settled_at))
               ORDER BY o.recipient, is_cause DESC, o.id";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![OPERATOR, STEP_OF_OURS, Time(now - AWAY_PATIENCE)])?;
    let mut unheard: Vec<(bool, Unheard)> = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, recipient, told) =
            (row.get("id")?, row.get::<_, String>("recipient")?, row.get("refusal_told")?);
        let since_at = surely(row, "created_at")?;
        match unheard.last_mut() {
            Some((_, one)) if one.silence.recipient == recipient => one.add(id, since_at, told),
            _ => {
                let reason = row.get::<_, Option<String>>("reason")?.unwrap_or_default();
                let is_refused = row.get("refused")?;
                let silence = Silence { recipient, messages: 1, since_at, is_refused, reason };
                unheard.push((row.get("is_cause")?, Unheard { rows: vec![id], told, silence }));
            }
        }
    }
    Ok(unheard.into_iter().filter(|(is_cause, _)| *is_cause).map(|(_, one)| one).collect())
}

/// Notes by which `ways`, bits of [`OperatorWay`], the operator was told.
pub fn note_refusals_told(connection: &Connection, ids: &[i64], ways: u8) -> Result<()> {
    let sql = "UPDATE outbox SET refusal_told = refusal_told | ?2 WHERE id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    ids.iter().try_for_each(|id| statement.execute(params![id, ways]).map(drop))
}

/// Notes what became of a try.
pub fn note(
    connection: &Connection,
    id: i64,
    delivery: &Delivery,
    failed_at: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    let (outcome, reason) = match delivery {
        Delivery::Sent => ("sent", None),
        Delivery::Deferred(reason) | Delivery::Later(_, reason) => ("deferred", Some(reason)),
        Delivery::Refused(reason) | Delivery::TooLarge(reason) => ("refused", Some(reason)),
        Delivery::Unknown(reason) => ("unknown", Some(reason)),
    };
    let sql = "INSERT INTO delivery (outbox_id, tried_at, outcome, reason, step) VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = params![id, Time(now), outcome, reason, failed_at];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

pub fn settle(
    connection: &Connection,
    id: i64,
    delivery: &Delivery,
    failed_at: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    note(connection, id, delivery, failed_at, now)?;
    let sql = "SELECT tries, created_at FROM outbox WHERE id = ?1 AND state = 'owed'";
    let owed = connection
        .prepare_cached(sql)?
        .query_row([id], |row| Ok((row.get::<_, u32>("tries")?, at(row, "created_at")?)))
        .optional()?;
    let Some((tries, created_at)) = owed else { return Ok(()) };
    let age = now - created_at.unwrap_or(now);
    let worn_out = age >= TimeDelta::days(KEEP_TRYING_DAYS) && tries >= TRIES_LEAST;
    let state = match delivery {
        Delivery::Sent => "sent",
        Delivery::Refused(_) | Delivery::TooLarge(_) => "refused",
        Delivery::Deferred(_) | Delivery::Later(..) | Delivery::Unknown(_) if worn_out => "refused",
        Delivery::Deferred(_) | Delivery::Later(..) | Delivery::Unknown(_) => "owed",
    };
    let settled_at = (state != "owed").then_some(Time(now));
    let is_probe = failed_at.is_some_and(|step| STEPS_OF_THE_WAY.contains(&step));
    let most = if is_probe { PROBE_SECONDS_MOST } else { RETRY_SECONDS_MOST };
    let next_try_at = now + pause(tries, most);
    let next_try_at = match delivery {
        // Not past what `due` takes for the mark of a clock that was ahead.
        Delivery::Later(at, _) => next_try_at.max(*at).min(now + TimeDelta::seconds(RETRY_SECONDS_MOST)),
        _ => next_try_at,
    };
    // That it waits was perhaps told; that it will never arrive is news.
    let sql = "UPDATE outbox SET state = ?2, next_try_at = ?3, settled_at = ?4,
                                 refusal_told = iif(?2 = 'refused', 0, refusal_told) WHERE id = ?1";
    let values = params![id, state, Time(next_try_at), settled_at];
    connection.prepare_cached(sql)?.execute(values)?;
    crash::point(Point::SettleUncommitted);
    Ok(())
}

/// One minute after the first try, then doubling to `seconds_most`.
fn pause(tries: u32, seconds_most: i64) -> TimeDelta {
    let doubled = RETRY_SECONDS_LEAST.saturating_mul(1 << tries.saturating_sub(1).min(20));
    TimeDelta::seconds(doubled.min(seconds_most))
}
