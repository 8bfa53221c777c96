//! A mail that its server found too large, composed again in parts.
//!
//! Invariant: what may have left is never composed anew. A part has its own stable
//! Message-ID, and each story of the mail stands in exactly one part.

use super::tell::{TellError, footer, message_id};
use super::{Desk, tell};
use crate::digest::{self, Item, Plan, Urgency, Window};
use crate::mail::{self, Envelope};
use crate::store::{NewMail, OutboxRow, Part, Whole};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// What takes the place of a mail.
pub(super) struct Split {
    /// Parts beside it that nobody has tried to send, and that go with it.
    pub replaced: Vec<i64>,
    pub parts: Vec<(NewMail, Part)>,
}

/// One story of a digest: new to its readers, or changed since they were told.
struct Piece {
    item: Item,
    owed: Vec<i64>,
    is_edit: bool,
}

/// The parts in which a mail is tried next; `None` where it cannot be made smaller.
///
/// # Errors
/// The database, or an address that cannot be mailed to.
pub(super) fn split(desk: &Desk, row: &OutboxRow, now: DateTime<Utc>) -> Result<Option<Split>, TellError> {
    let (Some(whole), Some(plan)) = (desk.store.whole(row.id)?, plan_of(desk, &row.plan)) else {
        return Ok(None);
    };
    let own = pieces(&whole, whole.part.iter());
    let is_headline = whole.part.as_ref().is_some_and(|part| part.is_headline);
    match own.len() {
        0 => Ok(None),
        1 if is_headline => Ok(None),
        1 => {
            let mut part = whole.part.clone().unwrap_or(Part { number: 1, parts: 1, ..Part::default() });
            part.is_headline = true;
            let parts = vec![compose(desk, row, (&plan, &whole), (part, &own), now)?];
            Ok(Some(Split { replaced: Vec::new(), parts }))
        }
        _ => in_parts(desk, row, (&plan, &whole), now).map(Some),
    }
}

/// Twice as many parts as there are that nobody has tried to send, this one among them.
fn in_parts(
    desk: &Desk,
    row: &OutboxRow,
    (plan, whole): (&Plan, &Whole),
    now: DateTime<Utc>,
) -> Result<Split, TellError> {
    let beside = whole.untried.iter().map(|(_, part)| part);
    let pieces = pieces(whole, whole.part.iter().chain(beside));
    let wanted = 2 * (1 + whole.untried.len());
    let chunks: Vec<&[Piece]> = pieces.chunks(pieces.len().div_ceil(wanted)).collect();
    let all = u32::try_from(chunks.len() + whole.taken.len()).unwrap_or(u32::MAX);
    let numbers = (1..).filter(|number| !whole.taken.contains(number));
    let mut parts = Vec::new();
    for (number, chunk) in numbers.zip(chunks) {
        let part = Part { number, parts: all, ..Part::default() };
        parts.push(compose(desk, row, (plan, whole), (part, chunk), now)?);
    }
    Ok(Split { replaced: whole.untried.iter().map(|(id, _)| *id).collect(), parts })
}

/// The stories of these parts, or of the whole digest where there are none yet, in
/// the order in which they are told.
fn pieces<'a>(whole: &Whole, parts: impl Iterator<Item = &'a Part>) -> Vec<Piece> {
    let parts: Vec<&Part> = parts.collect();
    let told = |rows: &[i64], of: fn(&Part) -> &[i64]| {
        parts.is_empty() || parts.iter().any(|part| rows.iter().any(|row| of(part).contains(row)))
    };
    let news = whole.owed.iter().filter(|(_, owed)| told(owed, |part| &part.owed));
    let news = news.map(|(item, owed)| Piece { item: item.clone(), owed: owed.clone(), is_edit: false });
    let edits = whole
        .edited
        .iter()
        .filter(|item| item.is_news() && told(&item.corrections, |part| &part.corrections));
    let edits = edits.map(|item| Piece { item: item.clone(), owed: Vec::new(), is_edit: true });
    news.chain(edits).collect()
}

/// The plan the mail was written for; what is owed under one that is no longer
/// configured was told as the first plan tells.
fn plan_of(desk: &Desk, name: &str) -> Option<Plan> {
    let plans = &desk.config.plans;
    let plan = plans.iter().find(|plan| plan.name == name).or(plans.first())?;
    Some(Plan { name: name.to_owned(), ..plan.clone() })
}

fn compose(
    desk: &Desk,
    row: &OutboxRow,
    (plan, whole): (&Plan, &Whole),
    (mut part, pieces): (Part, &[Piece]),
    now: DateTime<Utc>,
) -> Result<(NewMail, Part), TellError> {
    let of =
        |is_edit| pieces.iter().filter(move |piece| piece.is_edit == is_edit).map(|piece| piece.item.clone());
    let (items, edited): (Vec<Item>, Vec<Item>) = (of(false).collect(), of(true).collect());
    part.owed = pieces.iter().flat_map(|piece| &piece.owed).copied().collect();
    part.corrections = pieces.iter().flat_map(|piece| &piece.item.corrections).copied().collect();
    let window = window(whole);
    let mut footer = footer(&desk.store, plan, &window, now)?;
    footer.spikes = whole.spikes.clone();
    if part.number == 1 {
        footer.removed = whole.removed.clone();
    }
    let digest = digest::compose(plan, &window, &items, &edited, &footer);
    let mut digest = digest.expect("a part has a story to tell");
    if part.parts > 1 {
        digest.subject += &format!(" (part {} of {})", part.number, part.parts);
    }
    if let (true, [piece]) = (part.is_headline, pieces) {
        digest = digest::headline(digest.subject, &piece.item, &footer.removed);
    }
    let kind = if part.is_headline { "headline" } else { "part" };
    let slot = format!("{} {kind} {} of {}", whole.slot, part.number, part.parts);
    let instance = desk.store.instance()?;
    let answers = match tell::only(&items, &edited) {
        Some(article_id) => desk.store.first_told(&plan.name, &row.recipient, article_id)?,
        None => None,
    };
    let envelope = Envelope {
        from: row.sender.clone(),
        to: row.recipient.clone(),
        message_id: message_id(&instance, &plan.name, &slot, &row.recipient, &row.sender),
        date: now.trunc_subsecs(0),
        list: plan.name.clone(),
        // It answers what was told before, not what it takes the place of.
        in_reply_to: answers.filter(|answered| *answered != row.message_id),
        unsubscribe_url: tell::unsubscribe_url(
            &desk.config,
            &desk.store.unsubscribe_key()?,
            &plan.name,
            &row.recipient,
        ),
    };
    let wire = mail::wire(&envelope, &digest)?.into_bytes();
    let mail = NewMail {
        message_id: envelope.message_id,
        sender: envelope.from,
        recipient: envelope.to,
        subject: digest.subject,
        wire,
    };
    Ok((mail, part))
}

/// The window of time that the digest told of.
fn window(whole: &Whole) -> Window {
    let to = whole.until.unwrap_or(whole.told_at);
    let urgency = match whole.until {
        Some(_) => Urgency::Digest,
        None if whole.slot.starts_with("history ") => Urgency::History,
        None => Urgency::AtOnce,
    };
    // A spike is one of the last day, whatever was told in it.
    let is_spike = urgency == Urgency::AtOnce && !whole.spikes.is_empty();
    let from = whole.from.filter(|_| !is_spike).unwrap_or(to - TimeDelta::days(1));
    Window { from, to, urgency }
}
