//! What the operator is notified of outside the outbox: trouble that keeps the outbox
//! itself from working, or everything from being read.
//!
//! Invariant: nothing here needs the database. A trouble is reported once a day while
//! it lasts and once when it has passed, in each of the operator's ways. That is kept
//! in memory alone: after a restart the day's Message-ID makes a repeat harmless.

use super::{chat, tell};
use crate::chat as services;
use crate::config::Config;
use crate::digest::trouble::{self, Outage};
use crate::digest::{Digest, Note};
use crate::fetch::Fetcher;
use crate::mail::{self, Delivery, Envelope, Mailer};
use crate::store::OPERATOR;
use chrono::{DateTime, NaiveDate, SubsecRound, TimeDelta, Utc};
use std::collections::BTreeMap;

/// How long a trouble lasts before it is reported: what passes by itself is no news.
const PATIENCE: TimeDelta = TimeDelta::seconds(10);

/// Between two tries to send.
const TRY_AGAIN: TimeDelta = TimeDelta::minutes(1);

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
    in_short: String,
    reason: String,
    /// The last day it was reported on.
    reported_on: Option<NaiveDate>,
}

/// All that is wrong, and the messages about it that were not sent yet.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    raised: BTreeMap<Cause, Raised>,
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
            in_short: String::new(),
            reason: String::new(),
            reported_on: None,
        });
        raised.in_short = in_short.to_owned();
        raised.reason = reason.to_owned();
    }

    /// Notes that it has passed. Its end is reported where its beginning was, or
    /// should have been.
    pub(super) fn clear(&mut self, cause: Cause, config: &Config, instance: &str, now: DateTime<Utc>) {
        let Some(raised) = self.raised.remove(&cause) else { return };
        if raised.reported_on.is_none() {
            return;
        }
        // What was not sent of the beginning is part of what the end says.
        self.waiting.retain(|parcel| parcel.cause != cause || parcel.is_end);
        self.report(cause, &raised, Some(now), (config, instance), now);
    }

    /// Writes the day's messages, and returns those whose time has come.
    pub(super) fn due(&mut self, config: &Config, instance: &str, now: DateTime<Utc>) -> Vec<Parcel> {
        let today = now.date_naive();
        let fresh = |raised: &Raised| raised.reported_on != Some(today) && now - raised.since_at >= PATIENCE;
        let unreported: Vec<(Cause, Raised)> = (self.raised.iter())
            .filter(|(_, raised)| fresh(raised))
            .map(|(cause, raised)| (*cause, raised.clone()))
            .collect();
        for (cause, raised) in unreported {
            self.report(cause, &raised, None, (config, instance), now);
            if let Some(raised) = self.raised.get_mut(&cause) {
                raised.reported_on = Some(today);
            }
        }
        self.waiting.iter().filter(|parcel| parcel.next_try_at <= now).cloned().collect()
    }

    /// Settles a try; without `delivery` none was made.
    pub(super) fn settle(&mut self, message_id: &str, delivery: &Delivery, now: DateTime<Utc>) {
        let is_over = matches!(delivery, Delivery::Sent | Delivery::Refused(_) | Delivery::TooLarge(_));
        self.waiting.retain(|parcel| !(is_over && parcel.message_id == message_id));
        for parcel in self.waiting.iter_mut().filter(|parcel| parcel.message_id == message_id) {
            parcel.next_try_at = now + TRY_AGAIN;
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
        let slot = match until_at {
            None => format!("{} {}", cause.name(), now.date_naive()),
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
