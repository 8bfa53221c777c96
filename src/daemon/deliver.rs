//! The outbox handed over: mail to the relay, posts to their programs, notes to chats.
//!
//! Invariant: a try is counted before it is made and settled after; what is on its
//! way is never cut off, for that would send it twice.

use super::split::{Split, split};
use super::{Desk, chat, off_thread, post};
use crate::chat as services;
use crate::crash::{self, Point};
use crate::mail::{Delivery, STEP_OF_WAITING};
use crate::store::{OutboxRow, StoreError};
use chrono::{DateTime, Utc};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// A relay that defers this many in a row is down: the rest waits for the next round.
const DEFERRED_IN_A_ROW_MAX: usize = 3;

/// One try of one mail, for whoever watches.
#[derive(Debug, Clone)]
pub struct Told {
    pub recipient: String,
    pub subject: String,
    pub delivery: Delivery,
}

/// Between two calls of `go_on` while a server is waited for.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Hands over every mail whose time has come by `clock`, and settles each, while
/// `go_on`, which is also called now and then while a server is waited for: each wait
/// has a limit of its own, so it is progress.
///
/// # Errors
/// The database; what a server says is a [`Told`].
pub async fn deliver_due(
    desk: &Arc<Desk>,
    clock: impl Fn() -> DateTime<Utc>,
    go_on: impl Fn() -> bool,
    mut tell: impl FnMut(&Told),
) -> Result<usize, StoreError> {
    let (mut sent, mut ways) = (0, Ways::default());
    // What is split goes on at once; its parts get smaller, so this ends.
    while deliver_round(desk, &clock, &go_on, &mut tell, (&mut sent, &mut ways)).await? > 0 {}
    Ok(sent)
}

/// Tries each mail that is due once; how many of them go on in parts.
async fn deliver_round(
    desk: &Arc<Desk>,
    clock: &impl Fn() -> DateTime<Utc>,
    go_on: &impl Fn() -> bool,
    tell: &mut impl FnMut(&Told),
    (sent, ways): (&mut usize, &mut Ways),
) -> Result<usize, StoreError> {
    let (store, now) = (desk.store.clone(), clock());
    let due = off_thread(move || store.outbox_due(now)).await?;
    crash::point(Point::OutboxRead);
    let mut split = 0;
    for row in due.into_iter().take_while(|_| go_on()) {
        if !ways.is_open(&row.recipient) {
            continue;
        }
        let Some(delivery) = try_once(desk, &row, clock, go_on).await? else { continue };
        *sent += usize::from(delivery == Delivery::Sent);
        split += usize::from(matches!(delivery, Delivery::TooLarge(_)));
        let store = desk.store.clone();
        let is_shut = off_thread(move || store.is_shut()).await?;
        ways.note(&row.recipient, &delivery, is_shut);
        tell(&Told { recipient: row.recipient, subject: row.subject, delivery });
    }
    Ok(split)
}

/// Says in the log what became of a try.
pub(super) fn log_delivery(told: &Told) {
    let (recipient, subject) = (&told.recipient, &told.subject);
    match &told.delivery {
        Delivery::Sent => tracing::info!(recipient, subject, "mail sent"),
        Delivery::Deferred(reason) | Delivery::Later(_, reason) => {
            tracing::warn!(recipient, subject, reason, "mail deferred")
        }
        Delivery::Unknown(reason) => tracing::warn!(recipient, subject, reason, "mail perhaps sent"),
        Delivery::Refused(reason) => tracing::error!(recipient, subject, reason, "mail refused"),
        Delivery::TooLarge(reason) => {
            tracing::warn!(recipient, subject, reason, "mail too large; it goes on in parts")
        }
    }
}

/// How a recipient is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Mail,
    Post,
    Chat,
}

impl Way {
    fn to(recipient: &str) -> Way {
        match services::name(recipient) {
            Some(_) => Way::Chat,
            None if post::is_address(recipient) => Way::Post,
            None => Way::Mail,
        }
    }
}

/// What one round has learned of the relay, and of each program and chat: where
/// one does not get through, the rest waits for the next round.
#[derive(Default)]
struct Ways {
    deferred_in_a_row: usize,
    relay_is_shut: bool,
    addresses_shut: HashSet<String>,
}

impl Ways {
    fn is_open(&self, recipient: &str) -> bool {
        let relay_is_open = !self.relay_is_shut && self.deferred_in_a_row < DEFERRED_IN_A_ROW_MAX;
        if Way::to(recipient) == Way::Mail { relay_is_open } else { !self.addresses_shut.contains(recipient) }
    }

    fn note(&mut self, recipient: &str, delivery: &Delivery, relay_is_shut: bool) {
        let is_deferred = matches!(delivery, Delivery::Deferred(_));
        if Way::to(recipient) == Way::Mail {
            self.deferred_in_a_row = if is_deferred { self.deferred_in_a_row + 1 } else { 0 };
            self.relay_is_shut = relay_is_shut;
        } else if *delivery != Delivery::Sent {
            self.addresses_shut.insert(recipient.to_owned());
        }
    }
}

/// One try of one mail, counted before and settled after; none where it was dropped
/// since the outbox was read. `TooLarge` says that parts have taken its place.
async fn try_once(
    desk: &Arc<Desk>,
    row: &OutboxRow,
    clock: impl Fn() -> DateTime<Utc>,
    go_on: &impl Fn() -> bool,
) -> Result<Option<Delivery>, StoreError> {
    let (store, id, now) = (desk.store.clone(), row.id, clock());
    if !off_thread(move || store.try_now(id, now)).await? {
        return Ok(None);
    }
    crash::point(Point::TryCounted);
    let (delivery, failed_at) = watched(hand_over(desk, row, clock()), go_on).await;
    crash::point(Point::Answered);
    let failed_at = match delivery {
        Delivery::Sent => None,
        Delivery::Later(..) => Some(STEP_OF_WAITING),
        _ => failed_at,
    };
    let delivery = settle(desk, row, delivery, failed_at, clock()).await?;
    crash::point(Point::Settled);
    Ok(Some(delivery))
}

/// Hands one row over; with the step at which it fails.
async fn hand_over(
    desk: &Arc<Desk>,
    row: &OutboxRow,
    now: DateTime<Utc>,
) -> (Delivery, Option<&'static str>) {
    let (delivery, step) = match Way::to(&row.recipient) {
        Way::Post => post::send(desk, row, now).await,
        Way::Chat => chat::send(desk, row, now).await,
        Way::Mail => {
            let dialogue = desk.mailer.dialogue(&row.sender, &row.recipient, &row.message_id, &row.wire);
            let (delivery, steps) = dialogue.await;
            return (delivery, steps.iter().find(|step| !step.passed).map(|step| step.step));
        }
    };
    (delivery, Some(step))
}

/// Waits for `work`, calling `progress` meanwhile.
async fn watched<T>(work: impl Future<Output = T>, progress: impl Fn() -> bool) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            // Asked to stop or not: what is on its way is never cut off here.
            () = tokio::time::sleep(PROGRESS_EVERY) => drop(progress()),
        }
    }
}

/// Settles a try. A mail that is too large goes on in parts, or is refused where it
/// cannot be made smaller.
async fn settle(
    desk: &Arc<Desk>,
    row: &OutboxRow,
    delivery: Delivery,
    failed_at: Option<&'static str>,
    now: DateTime<Utc>,
) -> Result<Delivery, StoreError> {
    let (desk, row) = (desk.clone(), row.clone());
    off_thread(move || {
        let delivery = match delivery {
            Delivery::TooLarge(reason) => match parts(&desk, &row, now) {
                Some(Split { replaced, parts }) => {
                    let told = (Delivery::TooLarge(reason.clone()), failed_at);
                    if desk.store.split(row.id, told, replaced, parts, now)? {
                        return Ok(Delivery::TooLarge(reason));
                    }
                    Delivery::Deferred(reason)
                }
                None => Delivery::Refused(reason),
            },
            other => other,
        };
        desk.store.settle(row.id, &delivery, failed_at, now)?;
        Ok(delivery)
    })
    .await
}

/// The parts of a mail; a mail that cannot be composed anew is refused as it is.
fn parts(desk: &Desk, row: &OutboxRow, now: DateTime<Utc>) -> Option<Split> {
    split(desk, row, now).unwrap_or_else(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, recipient = row.recipient, "a mail was not split");
        None
    })
}
