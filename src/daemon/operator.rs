//! What the operator is told: sources that broke or healed, mail that was refused,
//! readers who left, and recipients who hear nothing.
//!
//! Invariant: each is told once by each of the operator's ways, marked in the commit
//! that puts it into the outbox.

use super::Desk;
use super::tell::{TellError, as_is, mails, readers};
use crate::digest::trouble::{self, Change, Leaving};
use crate::digest::{Digest, Note, Plan};
use crate::health::Health;
use crate::store::{Departure, OPERATOR, OperatorWay, SourceState, StoreError, Troubles};
use chrono::{DateTime, TimeDelta, Utc};

/// How long a source is in another state before the operator is told: what passes
/// by itself is no news.
const TROUBLE_PATIENCE: TimeDelta = TimeDelta::minutes(15);

/// One of the operator's ways and whom it tells.
struct Ear<'a> {
    way: OperatorWay,
    to: &'a [String],
    /// Bits of the ways that know of it then: this one, and any that tells nobody and
    /// so has nothing to catch up with.
    marks: u8,
}

/// Tells the operator: by mail while it gets out, in chats whatever the relay does.
pub(super) fn tell_operator(
    desk: &Desk,
    relay_is_open: bool,
    now: DateTime<Utc>,
) -> Result<usize, TellError> {
    let to = |way| match way {
        OperatorWay::Mail => &desk.config.mail.ops_to[..],
        OperatorWay::Chats => &desk.config.mail.ops_chat_to[..],
    };
    let absent = OperatorWay::ALL.into_iter().filter(|way| to(*way).is_empty());
    let absent = absent.fold(0, |bits, way| bits | way.bit());
    let mut mails = 0;
    for way in OperatorWay::ALL {
        let ear = Ear { way, to: to(way), marks: absent | way.bit() };
        if !ear.to.is_empty() && (relay_is_open || way == OperatorWay::Chats) {
            mails += tell_trouble(desk, &ear, now)?;
            mails += tell_unheard(desk, &ear, now)?;
        }
    }
    Ok(mails)
}

/// Tells the operator, in one mail, of every source that broke or healed, of mail
/// that was refused, and of readers who left.
fn tell_trouble(desk: &Desk, ear: &Ear<'_>, now: DateTime<Utc>) -> Result<usize, TellError> {
    let zone = desk.config.daemon.zone;
    let changed = desk.store.health_changes(ear.way, now - TROUBLE_PATIENCE)?;
    let changes: Vec<_> = changed.iter().map(change).collect();
    let (refused, refusals): (Vec<_>, Vec<_>) = desk.store.refused_untold(ear.way)?.into_iter().unzip();
    let left = desk.store.departures()?.into_iter();
    let left: Vec<_> = left.filter(|left| left.told & ear.way.bit() == 0).collect();
    let leavings = left.iter().map(|left| leaving(desk, left)).collect::<Result<Vec<_>, _>>()?;
    let digest = trouble::trouble(&changes, &refusals, &leavings, zone);
    let note = trouble::note(&changes, &refusals, &leavings, zone);
    let (Some(digest), Some(note)) = (digest, note) else { return Ok(0) };
    let troubles = Troubles {
        healths: changed.into_iter().map(|state| (state.name, state.health)).collect(),
        refused,
        departures: left.iter().map(|left| left.id).collect(),
        ways: ear.marks,
    };
    tell_ear(desk, ear, "trouble", (&digest, &note), &troubles, now)
}

/// Tells of recipients who hear nothing before somebody mends what is written of them,
/// whoever of the operator's is not one of these.
fn tell_unheard(desk: &Desk, ear: &Ear<'_>, now: DateTime<Utc>) -> Result<usize, TellError> {
    let unheard = desk.store.unheard(now)?;
    let hears = |to: &&String| unheard.iter().all(|one| one.silence.recipient != **to);
    let to: Vec<String> = ear.to.iter().filter(hears).cloned().collect();
    let news: Vec<_> = unheard.iter().filter(|one| one.told & ear.way.bit() == 0).collect();
    if to.is_empty() || news.is_empty() {
        return Ok(0);
    }
    let silences: Vec<_> = news.iter().map(|one| one.silence.clone()).collect();
    let zone = desk.config.daemon.zone;
    let said = (&trouble::silence(&silences, zone), &trouble::silence_note(&silences, zone));
    let refused = news.iter().flat_map(|one| &one.rows).copied().collect();
    let troubles = Troubles { refused, ways: ear.marks, ..Troubles::default() };
    tell_ear(desk, &Ear { to: &to, ..*ear }, "silence", said, &troubles, now)
}

/// Commits what the operator is told, with the marks that it is.
fn tell_ear(
    desk: &Desk,
    ear: &Ear<'_>,
    what: &str,
    (digest, note): (&Digest, &Note),
    troubles: &Troubles,
    now: DateTime<Utc>,
) -> Result<usize, TellError> {
    let slot = format!("{what} {} {}", ear.way.bit(), now.timestamp_millis());
    let at_hand = (&desk.config, &desk.store);
    let mails = match ear.way {
        OperatorWay::Mail => mails(at_hand, OPERATOR, ear.to, &slot, digest, None, now)?,
        OperatorWay::Chats => as_is(at_hand, (OPERATOR, ear.to), &slot, &note.subject, &note.json())?,
    };
    let written = desk.store.enqueue_trouble(troubles, &slot, &mails, now)?;
    Ok(if written { mails.len() } else { 0 })
}

fn leaving(desk: &Desk, left: &Departure) -> Result<Leaving, StoreError> {
    let plan = desk.config.plans.iter().find(|plan| plan.name == left.plan);
    let is_empty =
        |plan: &Plan| Ok(plan.beside_mail().next().is_none() && readers(&desk.store, plan)?.is_empty());
    Ok(Leaving {
        plan: left.plan.clone(),
        recipient: left.recipient.clone(),
        left_at: left.left_at,
        leaves_nobody: plan.map(is_empty).transpose()?.unwrap_or(false),
    })
}

fn change(state: &SourceState) -> Change {
    Change {
        source: state.name.clone(),
        url: state.url.clone(),
        health: state.health.clone(),
        is_sick: Health::of_word(&state.health).is_sick(),
        since_at: state.health_since_at.unwrap_or_default(),
        reason: state.last_error.clone().or(state.health_reason.clone()),
    }
}
