//! What the operator is notified of outside the outbox: trouble that keeps the outbox
//! itself from working, or everything from being read.
//!
//! Invariant: nothing here needs the database. A trouble is reported once a day while
//! it lasts and once when it has passed, in each of the operator's ways. That is kept
//! in memory alone: after a restart the day's Message-ID makes a repeat harmless. One
//! that comes and goes has passed only after longer and longer times without it.

use super::{chat, tell};
use crate::chat as services;
use crate::config::Config;
use crate::digest::trouble::{self, Outage};
use crate::digest::{Digest, Note};
use crate::fetch::Fetcher;
use crate::mail::{self, Delivery, Envelope, Mailer};
use crate::store::{OPERATOR, StoreError};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use std::collections::BTreeMap;

/// How long a trouble lasts before it is reported: what passes by itself is no news.
const PATIENCE: TimeDelta = TimeDelta::seconds(10);

/// The same for what another program may end at any moment, a lock say.
const LONG_PATIENCE: TimeDelta = TimeDelta::minutes(1);

/// Between two reports of the same trouble.
const REPORT_EVERY: TimeDelta = TimeDelta::days(1);

/// Without a trouble for so long it has passed, for a poll that was not stored is made
/// again after a minute; twice as long for each time it has
/// passed within a day, as often as [`DOUBLINGS_MAX`].
const PASSED_FROM: TimeDelta = TimeDelta::minutes(2);
const DOUBLINGS_MAX: usize = 7;

/// Between two tries to send, and after one that was perhaps successful.
const TRY_AGAIN: TimeDelta = TimeDelta::minutes(1);
const TRY_AGAIN_UNKNOWN: TimeDelta = TimeDelta::hours(1);

/// Messages waiting to be sent, the oldest of which is dropped for one more.
const WAITING_MAX: usize = 100;

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// The database takes no write.
    Database,
    /// No name server answers.
    Names,
}

impl Cause {
    fn name(self) -> &'static str {
        match self {
            Cause::Database => "database",
            Cause::Names => "names",
        }
    }
}

/// A trouble that lasts.
#[derive(Debug, Clone)]
struct Raised {
    since_at: DateTime<Utc>,
    /// When it was last seen.
    last_at: DateTime<Utc>,
    in_short: String,
    reason: String,
    patience: TimeDelta,
    reported_at: Option<DateTime<Utc>>,
}

/// All that is wrong, and the messages about it that were not sent yet.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    raised: BTreeMap<Cause, Raised>,
    /// When each trouble passed in the last day.
    passed: Vec<(Cause, DateTime<Utc>)>,
    waiting: Vec<Parcel>,
}

/// A message for one recipient; every try hands over the same bytes.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    cause: Cause,
    is_end: bool,
    recipient: String,
    message_id: String,
    sender: String,
    bytes: Vec<u8>,
    next_try_at: DateTime<Utc>,
}

impl Alarms {
    /// Notes that something is wrong, or still is.
    pub(super) fn raise(&mut self, cause: Cause, in_short: &str, reason: &str, now: DateTime<Utc>) {
        let raised = self.raised.entry(cause).or_insert_with(|| Raised {
            since_at: now,
            last_at: now,
            in_short: String::new(),
            reason: String::new(),
            patience: PATIENCE,
            reported_at: None,
        });
        raised.last_at = now;
        raised.in_short = in_short.to_owned();
        raised.reason = reason.to_owned();
    }

    /// [`Alarms::raise`] for a failure of the database: of its disk, or another one.
    pub(super) fn raise_database(&mut self, error: &StoreError, now: DateTime<Utc>) {
        self.raise(Cause::Database, error.in_short(), &error.to_string(), now);
        if let Some(raised) = self.raised.get_mut(&Cause::Database) {
            raised.patience = if error.is_of_disk() { PATIENCE } else { LONG_PATIENCE };
        }
    }

    /// Notes that it is not wrong at present. Once that has been so for a while it has
    /// passed, which is reported where its beginning was, or should have been.
    pub(super) fn clear(&mut self, cause: Cause, config: &Config, instance: &str, now: DateTime<Utc>) {
        let Some(raised) = self.raised.get(&cause).cloned() else { return };
        self.passed.retain(|(_, at)| now - *at < REPORT_EVERY);
        let times = self.passed.iter().filter(|(passed, _)| *passed == cause).count();
        let is_reported = raised.reported_at.is_some();
        let quiet = PASSED_FROM * (1 << times.min(DOUBLINGS_MAX));
        if is_reported && now - raised.last_at < quiet {
            return;
        }
        self.raised.remove(&cause);
        if !is_reported {
            return;
        }
        self.passed.push((cause, now));
        // What was not sent of the beginning is part of what the end says.
        self.waiting.retain(|parcel| parcel.cause != cause || parcel.is_end);
        self.report(cause, &raised, Some(raised.last_at), (config, instance), now);
    }

    /// Writes the day's messages, and returns those whose time has come.
    pub(super) fn due(&mut self, config: &Config, instance: &str, now: DateTime<Utc>) -> Vec<Parcel> {
        let fresh = |raised: &Raised| match raised.reported_at {
            None => now - raised.since_at >= raised.patience,
            Some(at) => now - at >= REPORT_EVERY,
        };
        let unreported: Vec<(Cause, Raised)> = (self.raised.iter())
            .filter(|(_, raised)| fresh(raised))
            .map(|(cause, raised)| (*cause, raised.clone()))
            .collect();
        for (cause, raised) in unreported {
            self.report(cause, &raised, None, (config, instance), now);
            if let Some(raised) = self.raised.get_mut(&cause) {
                raised.reported_at = Some(now);
            }
        }
        self.waiting.iter().filter(|parcel| parcel.next_try_at <= now).cloned().collect()
    }

    /// Settles a try.
    pub(super) fn settle(&mut self, message_id: &str, delivery: &Delivery, now: DateTime<Utc>) {
        let is_over = matches!(delivery, Delivery::Sent | Delivery::Refused(_) | Delivery::TooLarge(_));
        self.waiting.retain(|parcel| !(is_over && parcel.message_id == message_id));
        let next_try_at = match delivery {
            Delivery::Later(at, _) => *at,
            Delivery::Unknown(_) => now + TRY_AGAIN_UNKNOWN,
            _ => now + TRY_AGAIN,
        };
        for parcel in self.waiting.iter_mut().filter(|parcel| parcel.message_id == message_id) {
            parcel.next_try_at = next_try_at;
        }
    }

    fn report(
        &mut self,
        cause: Cause,
        raised: &Raised,
        until_at: Option<DateTime<Utc>>,
        (config, instance): (&Config, &str),
        now: DateTime<Utc>,
    ) {
        let outage = Outage {
            is_of_names: cause == Cause::Names,
            in_short: raised.in_short.clone(),
            reason: raised.reason.clone(),
            since_at: raised.since_at,
            until_at,
        };
        let (digest, note) = trouble::outage(&outage, config.daemon.zone);
        let times = self.passed.iter().filter(|(passed, _)| *passed == cause).count();
        let slot = match until_at {
            // A later trouble of the same day is another one.
            None => format!("{} {} {times}", cause.name(), now.date_naive()),
            Some(_) => format!("{} ended {}", cause.name(), raised.since_at.timestamp()),
        };
        for recipient in config.mail.ops_to.iter().chain(&config.mail.ops_chat_to) {
            let message_id = tell::message_id(instance, OPERATOR, &slot, recipient, &config.mail.from);
            match bytes(config, recipient, &message_id, (&digest, &note), now) {
                Ok(bytes) => self.waiting.push(Parcel {
                    cause,
                    is_end: until_at.is_some(),
                    recipient: recipient.clone(),
                    message_id,
                    sender: config.mail.from.clone(),
                    bytes,
                    next_try_at: now,
                }),
                Err(error) => tracing::error!(recipient, %error, "the operator's mail was not built"),
            }
        }
        let surplus = self.waiting.len().saturating_sub(WAITING_MAX);
        self.waiting.drain(..surplus);
    }
}

fn bytes(
    config: &Config,
    recipient: &str,
    message_id: &str,
    (digest, note): (&Digest, &Note),
    now: DateTime<Utc>,
) -> Result<Vec<u8>, mail::MailError> {
    if services::name(recipient).is_some() {
        return Ok(note.json().into_bytes());
    }
    let envelope = Envelope {
        from: config.mail.from.clone(),
        to: recipient.to_owned(),
        message_id: message_id.to_owned(),
        date: now.trunc_subsecs(0),
        list: OPERATOR.to_owned(),
        in_reply_to: None,
        unsubscribe_url: None,
    };
    Ok(mail::wire(&envelope, digest)?.bytes().to_vec())
}

impl Parcel {
    pub(super) fn message_id(&self) -> &str {
        &self.message_id
    }

    /// Hands it over once, and logs what came of it.
    pub(super) async fn send(&self, (config, mailer, fetcher): (&Config, &Mailer, &Fetcher)) -> Delivery {
        let Parcel { recipient, message_id, sender, bytes, .. } = self;
        let delivery = match services::name(recipient) {
            None => mailer.send(sender, recipient, message_id, bytes).await,
            Some(name) => match chat::list(config) {
                Ok(list) => {
                    let list = list.map(|(list, _)| list).unwrap_or_default();
                    match (list.find(name), Note::of_json(bytes)) {
                        (Some(address), Some(note)) => {
                            chat::tell(fetcher, address, &note, message_id, Utc::now()).await.delivery
                        }
                        _ => Delivery::Deferred(format!("the list of `[chat]` has no line for `{name}`")),
                    }
                }
                Err(error) => Delivery::Deferred(error.to_string()),
            },
        };
        match &delivery {
            Delivery::Sent => tracing::info!(recipient, "operator notified outside the outbox"),
            Delivery::Deferred(reason) | Delivery::Later(_, reason) | Delivery::Unknown(reason) => {
                tracing::warn!(recipient, reason, "operator not notified yet; will retry");
            }
            Delivery::Refused(reason) | Delivery::TooLarge(reason) => {
                tracing::error!(recipient, reason, "operator not notified");
            }
        }
        delivery
    }
}
