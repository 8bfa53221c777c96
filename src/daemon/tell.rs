//! The tell loop: what is owed to mail, and then to deliveries.
//!
//! Invariant: a mail is in the outbox in the same commit that marks its matches
//! as told. A slot is told once. Who left a plan is told no more of it; what it finds
//! while nobody is left stays owed.
//! While the way out is shut only digests are written, one a slot: everything else
//! stays owed, and is one mail when mail gets out again, not thousands.

use super::deliver::{deliver_due, log_delivery};
use super::operator::tell_operator;
use super::repeats::Repeats;
use super::watchdog::Pulse;
use super::{Desk, NAP, off_thread};
use crate::config::Config;
use crate::crash::{self, Point};
use crate::digest::{self, Digest, Earlier, Footer, Item, Plan, Rate, Removed, Urgency, Window};
use crate::mail::{self, Envelope};
use crate::store::{Debts, NewMail, Store, StoreError};
use crate::web::unsubscribe;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use tokio::sync::watch;

/// How long an alert waits for the whole text of its article.
const PAGE_PATIENCE: TimeDelta = TimeDelta::minutes(10);

/// A window that closes so far ahead was closed by a clock that has been set back.
const CLOCK_SLACK: TimeDelta = TimeDelta::minutes(5);

/// How long an edited text must rest before a plan without digests is told of the
/// edit: a running report is edited every few minutes.
const EDIT_PATIENCE: TimeDelta = TimeDelta::minutes(30);

/// An item and the rows that say it is owed.
pub(super) type Owed = (Item, Vec<i64>);

/// Why something owed was not put into the outbox.
#[derive(Debug, thiserror::Error)]
pub enum TellError {
    #[error("failed to use the database")]
    Store(#[from] StoreError),
    #[error("failed to render the mail")]
    Mail(#[from] mail::MailError),
}

/// Runs until `stopping`.
pub(super) async fn run(
    desks: watch::Receiver<Arc<Desk>>,
    mut stopping: watch::Receiver<bool>,
    pulse: Arc<Pulse>,
) {
    let (mut rounds, mut untold, mut unread) = (0, Repeats::default(), Repeats::default());
    while !*stopping.borrow() {
        pulse.notifies();
        rounds += 1;
        crash::stall("notify", rounds);
        let desk = desks.borrow().clone();
        // What cannot be marked as sent is not sent.
        if desk.store.trouble().is_none() {
            let beat = pulse.clone();
            match tell_plans(&desk, Utc::now(), move || beat.notifies()).await {
                Ok(_) => untold.end(),
                Err(error) if untold.is_new(&error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "pending notifications were not queued; will retry"
                ),
                Err(_) => {}
            }
            let goes_on = || {
                pulse.notifies();
                !*stopping.borrow()
            };
            match deliver_due(&desk, Utc::now, goes_on, log_delivery).await {
                Ok(_) => unread.end(),
                Err(error) if unread.is_new(&error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "the outbox was not read or written; will retry");
                }
                Err(_) => {}
            }
        }
        tokio::select! {
            () = tokio::time::sleep(NAP) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// Writes to the outbox what every plan owes at `now`. Returns how many mails.
///
/// # Errors
/// The database, or an address that cannot be mailed to.
pub async fn tell_due(desk: &Arc<Desk>, now: DateTime<Utc>) -> Result<usize, TellError> {
    tell_plans(desk, now, || {}).await
}

/// [`tell_due`], calling `progress` at each plan.
async fn tell_plans(
    desk: &Arc<Desk>,
    now: DateTime<Utc>,
    progress: impl Fn() + Send + 'static,
) -> Result<usize, TellError> {
    let desk = desk.clone();
    off_thread(move || {
        let is_open = !desk.store.is_shut()?;
        let mut done = Vec::new();
        for plan in &desk.config.plans {
            progress();
            let readers = match readers(&desk.store, plan) {
                Ok(readers) if readers.is_empty() && plan.beside_mail().next().is_none() => continue,
                Ok(readers) => readers,
                Err(error) => {
                    done.push(Err(error.into()));
                    continue;
                }
            };
            // What only programs and chats are told does not wait for the relay.
            if (is_open || readers.is_empty()) && !plan.is_quiet(now) {
                done.push(tell_spikes(&desk, plan, now));
                done.push(tell_alerts(&desk, plan, now));
                done.push(tell_edits(&desk, plan, now));
            }
            done.push(tell_slot(&desk, plan, now));
        }
        if is_open {
            done.push(tell_orphans(&desk, now));
        }
        done.push(tell_operator(&desk, is_open, now));
        // One plan that cannot be told must not silence the others.
        done.into_iter().try_fold(0, |mails, more| Ok(mails + more?))
    })
    .await
}

/// Writes what `plan` owes to the outbox now, without waiting for its slot.
///
/// # Errors
/// As [`tell_due`].
pub async fn tell_now(desk: &Arc<Desk>, plan: &Plan, now: DateTime<Utc>) -> Result<usize, TellError> {
    let (desk, plan) = (desk.clone(), plan.clone());
    off_thread(move || tell_digest(&desk, &plan, &format!("asked {}", now.timestamp_millis()), now, now))
        .await
}

/// Alerts at once: a mail each, or one for all of them when there are many.
fn tell_alerts(desk: &Desk, plan: &Plan, now: DateTime<Utc>) -> Result<usize, TellError> {
    // Without a digest to wait for, everything is told at once, also what was once
    // meant for one.
    let urgency = plan.cron.is_some().then_some(Urgency::AtOnce);
    let owed = desk.store.owed(&plan.name, urgency, Some(now - PAGE_PATIENCE..now))?;
    if owed.len() > plan.burst_max {
        return tell_alert(desk, plan, &owed, now);
    }
    owed.iter().map(|one| tell_alert(desk, plan, std::slice::from_ref(one), now)).sum()
}

fn tell_alert(desk: &Desk, plan: &Plan, owed: &[Owed], now: DateTime<Utc>) -> Result<usize, TellError> {
    match alert(desk, plan, owed, now)? {
        Some(news) => tell((&desk.config, &desk.store), plan, news, now),
        None => Ok(0),
    }
}

fn alert<'a>(
    desk: &Desk,
    plan: &Plan,
    owed: &'a [Owed],
    now: DateTime<Utc>,
) -> Result<Option<News<'a>>, StoreError> {
    let Some(first) = owed.iter().flat_map(|(_, rows)| rows).min() else { return Ok(None) };
    // What was read since the plan's last digest stands behind the alert, and be it
    // only in this second.
    let from = desk.store.told_until(&plan.name)?.unwrap_or(now - TimeDelta::days(1));
    let from = from.min(now - TimeDelta::seconds(1));
    let window = Window { from, to: now, urgency: Urgency::AtOnce };
    // The slot of an alert is its first owed row: written twice, it is the same alert.
    let slot = format!("alert {first}");
    Ok(Some(News { slot, window, owed, edited: &[], removed: Vec::new(), spikes: Vec::new() }))
}

/// Watches that are found far more often than usual, once a day: what is owed of
/// them does not wait for the digest.
fn tell_spikes(desk: &Desk, plan: &Plan, now: DateTime<Utc>) -> Result<usize, TellError> {
    let mut mails = 0;
    for spike in spikes(desk, plan, now)? {
        let slot = format!("spike of {} ", spike.watch);
        if desk.store.told_since(&plan.name, &slot, now - TimeDelta::days(1))? {
            continue;
        }
        let mut owed = desk.store.owed(&plan.name, None, None)?;
        owed.retain(|(item, _)| item.watches.iter().any(|found| found.watch == spike.watch));
        let window = Window { from: now - TimeDelta::days(1), to: now, urgency: Urgency::AtOnce };
        let slot = slot + &now.to_rfc3339();
        mails += tell(
            (&desk.config, &desk.store),
            plan,
            News { slot, window, owed: &owed, edited: &[], removed: Vec::new(), spikes: vec![spike] },
            now,
        )?;
    }
    Ok(mails)
}

fn spikes(desk: &Desk, plan: &Plan, now: DateTime<Utc>) -> Result<Vec<Rate>, StoreError> {
    let Some(times) = plan.spike_from else { return Ok(Vec::new()) };
    let mut rates = desk.store.rates(plan.at_least, times, now)?;
    rates.retain(|rate| plan.names(&rate.watch) && rate.is_spike(times));
    Ok(rates)
}

/// What was told at once and has changed or gone since, where no digest will tell it:
/// a mail for each edit, or one for all of them when there are many.
fn tell_edits(desk: &Desk, plan: &Plan, now: DateTime<Utc>) -> Result<usize, TellError> {
    if plan.cron.is_some() {
        return Ok(0);
    }
    let mut edited = desk.store.corrections(&plan.name)?;
    let rests = |earlier: &Earlier| earlier.changed_at <= now - EDIT_PATIENCE;
    edited.retain(|item| item.earlier.as_ref().is_none_or(rests));
    let each = if edited.len() > plan.burst_max { edited.len() } else { 1 };
    let removed = tell_removed(desk, plan, now)?;
    edited
        .chunks(each)
        .map(|edited| tell_edit(desk, plan, edited, now))
        .sum::<Result<usize, _>>()
        .map(|mails| mails + removed)
}

/// What was told and is gone since, in one mail.
fn tell_removed(desk: &Desk, plan: &Plan, now: DateTime<Utc>) -> Result<usize, TellError> {
    let removed = desk.store.removed(&plan.name)?;
    let Some(first) = removed.first().map(|removed| removed.id) else { return Ok(0) };
    let from = removed.iter().map(|removed| removed.told_at).min().unwrap_or(now);
    let window = Window { from, to: now, urgency: Urgency::AtOnce };
    let slot = format!("removed {first}");
    let news = News { slot, window, owed: &[], edited: &[], removed, spikes: Vec::new() };
    tell((&desk.config, &desk.store), plan, news, now)
}

fn tell_edit(desk: &Desk, plan: &Plan, edited: &[Item], now: DateTime<Utc>) -> Result<usize, TellError> {
    let Some(first) = edited.iter().flat_map(|item| &item.corrections).min() else { return Ok(0) };
    let from = edited.iter().filter_map(|item| Some(item.earlier.as_ref()?.told_at)).min().unwrap_or(now);
    let window = Window { from, to: now, urgency: Urgency::AtOnce };
    let slot = format!("edit {first}");
    tell(
        (&desk.config, &desk.store),
        plan,
        News { slot, window, owed: &[], edited, removed: Vec::new(), spikes: Vec::new() },
        now,
    )
}

/// The digest of the plan's latest slot, if it has not been made.
fn tell_slot(desk: &Desk, plan: &Plan, now: DateTime<Utc>) -> Result<usize, TellError> {
    let Some(cron) = &plan.cron else { return Ok(0) };
    let Some(slot) = cron.last_at_or_before(now) else { return Ok(0) };
    if desk.store.told_until(&plan.name)?.is_some_and(|until| until > now + CLOCK_SLACK) {
        desk.store.void_ahead(&plan.name, now)?;
    }
    match desk.store.told_until(&plan.name)? {
        Some(until) if until >= slot => Ok(0),
        Some(_) => tell_digest(desk, plan, &format!("digest {}", slot.to_rfc3339()), slot, now),
        None => start(desk, plan, now).map(|()| 0),
    }
}

/// Starts the plans with digests that are seen for the first time, so that what is read
/// after it is theirs.
///
/// # Errors
/// The database.
pub async fn start_plans(desk: &Arc<Desk>, now: DateTime<Utc>) -> Result<(), TellError> {
    let desk = desk.clone();
    off_thread(move || {
        for plan in desk.config.plans.iter().filter(|plan| plan.cron.is_some()) {
            if desk.store.told_until(&plan.name)?.is_none() {
                start(&desk, plan, now)?;
            }
        }
        Ok(())
    })
    .await
}

/// A plan starts when it is first seen: the slot before that was nobody's, and what is
/// read in this second is the first it hears of.
fn start(desk: &Desk, plan: &Plan, now: DateTime<Utc>) -> Result<(), TellError> {
    let before = now - TimeDelta::seconds(1);
    desk.store.enqueue(&plan.name, "start", Some(before), &Debts::default(), &[], now)?;
    Ok(())
}

fn tell_digest(
    desk: &Desk,
    plan: &Plan,
    slot: &str,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<usize, TellError> {
    let from = desk.store.told_until(&plan.name)?.unwrap_or(until);
    let window = Window { from, to: until, urgency: Urgency::Digest };
    let owed = desk.store.owed(&plan.name, None, None)?;
    let edited = desk.store.corrections(&plan.name)?;
    let removed = desk.store.removed(&plan.name)?;
    let slot = slot.to_owned();
    let spikes = spikes(desk, plan, now)?;
    tell(
        (&desk.config, &desk.store),
        plan,
        News { slot, window, owed: &owed, edited: &edited, removed, spikes },
        now,
    )
}

/// What is about to be told.
pub(super) struct News<'a> {
    /// Told twice, it is told once.
    pub slot: String,
    pub window: Window,
    pub owed: &'a [Owed],
    pub edited: &'a [Item],
    pub removed: Vec<Removed>,
    pub spikes: Vec<Rate>,
}

/// Tells those of `plan` who have not left it.
pub(super) fn tell(
    (config, store): (&Config, &Store),
    plan: &Plan,
    news: News<'_>,
    now: DateTime<Utc>,
) -> Result<usize, TellError> {
    let readers = readers(store, plan)?;
    tell_readers((config, store), plan, &readers, news, now)
}

/// Composes, renders for each of `readers`, and commits with the mark "told".
fn tell_readers(
    (config, store): (&Config, &Store),
    plan: &Plan,
    readers: &[String],
    news: News<'_>,
    now: DateTime<Utc>,
) -> Result<usize, TellError> {
    crash::point(Point::OwedRead);
    if readers.is_empty() && plan.beside_mail().next().is_none() {
        return Ok(0);
    }
    let News { slot, window, owed, edited, mut removed, spikes } = news;
    removed.truncate(digest::REMOVED_MAX);
    let items: Vec<Item> = owed.iter().map(|(item, _)| item.clone()).collect();
    let debts = Debts {
        owed: owed.iter().flat_map(|(_, rows)| rows).copied().collect(),
        corrections: items.iter().chain(edited).flat_map(|item| &item.corrections).copied().collect(),
        removals: removed.iter().map(|removed| removed.id).collect(),
        spikes: spikes.clone(),
    };
    // An edit that was taken back is settled without a word.
    let edited: Vec<Item> = edited.iter().filter(|item| item.is_news()).cloned().collect();
    let footer = Footer { spikes, removed, ..footer(store, plan, &window, now)? };
    let digest = digest::compose(plan, &window, &items, &edited, &footer);
    crash::point(Point::Composed);
    let mails = match digest {
        Some(digest) => {
            let mails =
                mails((config, store), &plan.name, readers, &slot, &digest, only(&items, &edited), now)?;
            let body = digest::payload(plan, &window, &items, &edited, &footer, &digest.subject);
            let note = digest::note(plan, &window, &items, &edited, &footer, &digest.subject).json();
            let as_is = |to, body| as_is((config, store), (&plan.name, to), &slot, &digest.subject, body);
            [mails, as_is(&plan.post_to, &body)?, as_is(&plan.chat_to, &note)?].concat()
        }
        None => Vec::new(),
    };
    crash::point(Point::Rendered);
    let closes = (window.urgency == Urgency::Digest).then_some(window.to);
    let written = store.enqueue(&plan.name, &slot, closes, &debts, &mails, now)?;
    crash::point(Point::Enqueued);
    Ok(if written { mails.len() } else { 0 })
}

/// The recipients of `plan` who have not left it.
pub(super) fn readers(store: &Store, plan: &Plan) -> Result<Vec<String>, StoreError> {
    let left = store.departures()?;
    let has_left = |to: &String| left.iter().any(|left| left.plan == plan.name && left.recipient == *to);
    Ok(plan.to.iter().filter(|to| !has_left(to)).cloned().collect())
}

/// The article of a mail that tells of one story only: such a mail answers the one
/// that first told it. A digest of several answers none, or all would be one thread.
pub(super) fn only(items: &[Item], edited: &[Item]) -> Option<i64> {
    match (items, edited) {
        ([one], []) | ([], [one]) => Some(one.article_id),
        _ => None,
    }
}

/// What is owed under a plan that is no longer configured goes to the operator, else
/// to the first plan's recipients: somebody has to read it. Edits of what such a plan
/// told go to nobody: who was told is not served any more, and others do not know the
/// story. A plan that was only renamed is none of these, nor one that has come into
/// the configuration since `desk` read it.
fn tell_orphans(desk: &Desk, now: DateTime<Utc>) -> Result<usize, TellError> {
    let Some(heir) = desk.config.plans.first() else { return Ok(0) };
    let ops = &desk.config.mail;
    let reader = match desk.config.has_operator() {
        true => Plan {
            to: ops.ops_to.clone(),
            chat_to: ops.ops_chat_to.clone(),
            post_to: Vec::new(),
            ..heir.clone()
        },
        false => Plan { to: readers(&desk.store, heir)?, ..heir.clone() },
    };
    let everybody: Vec<&str> = reader.to.iter().chain(reader.beside_mail()).map(String::as_str).collect();
    if everybody.is_empty() {
        return Ok(0);
    }
    let mut mails = 0;
    for (name, owed) in desk.store.orphans()? {
        // Taken out while this round was under way: the next one sees to it.
        if desk.config.plans.iter().any(|plan| plan.name == name) {
            continue;
        }
        tracing::warn!(
            plan = name,
            "no such plan is configured any more; what it owes goes to {}",
            everybody.join(", ")
        );
        let orphan = Plan { name, cron: None, quiet: None, ..reader.clone() };
        if let Some(news) = alert(desk, &orphan, &owed, now)? {
            // Whoever left under the old name may still be the one who has to read it.
            mails += tell_readers((&desk.config, &desk.store), &orphan, &orphan.to, news, now)?;
        }
    }
    Ok(mails)
}

/// What the footer says of the window: read, sick, next.
pub(super) fn footer(
    store: &Store,
    plan: &Plan,
    window: &Window,
    now: DateTime<Utc>,
) -> Result<Footer, StoreError> {
    let mut footer = store.footer(window.from, window.to)?;
    footer.next_digest_at = plan.cron.as_ref().and_then(|cron| cron.next_after(now));
    Ok(footer)
}

pub(super) fn mails(
    (config, store): (&Config, &Store),
    plan: &str,
    to: &[String],
    slot: &str,
    digest: &Digest,
    article_id: Option<i64>,
    now: DateTime<Utc>,
) -> Result<Vec<NewMail>, TellError> {
    let instance = store.instance()?;
    let key = store.unsubscribe_key()?;
    let mail = |recipient: &String| {
        let answers = |article_id| store.first_told(plan, recipient, article_id);
        let envelope = Envelope {
            from: config.mail.from.clone(),
            to: recipient.clone(),
            message_id: message_id(&instance, plan, slot, recipient, &config.mail.from),
            date: now.trunc_subsecs(0),
            list: plan.to_owned(),
            in_reply_to: article_id.map(answers).transpose()?.flatten(),
            unsubscribe_url: unsubscribe_url(config, &key, plan, recipient),
        };
        let wire = mail::wire(&envelope, digest)?;
        Ok(NewMail {
            message_id: envelope.message_id,
            sender: envelope.from,
            recipient: envelope.to,
            subject: digest.subject.clone(),
            wire: wire.bytes().to_vec(),
        })
    };
    to.iter().map(mail).collect()
}

/// Where `recipient` leaves `plan` by one click, where there is such a place and both
/// are configured: the operator's mail is nobody's to leave.
pub(super) fn unsubscribe_url(config: &Config, key: &str, plan: &str, recipient: &str) -> Option<String> {
    let public_url = config.web.as_ref()?.public_url.as_ref()?;
    let is_one = |one: &Plan| one.name == plan && one.to.iter().any(|to| to == recipient);
    config.plans.iter().any(is_one).then(|| unsubscribe::address(public_url, key, plan, recipient))
}

/// The same for the programs or the chats that a plan tells.
pub(super) fn as_is(
    (config, store): (&Config, &Store),
    (plan, to): (&str, &[String]),
    slot: &str,
    subject: &str,
    body: &str,
) -> Result<Vec<NewMail>, StoreError> {
    let instance = store.instance()?;
    let from = &config.mail.from;
    let post = |recipient: &String| NewMail {
        message_id: message_id(&instance, plan, slot, recipient, from),
        sender: from.clone(),
        recipient: recipient.clone(),
        subject: subject.to_owned(),
        wire: body.as_bytes().to_vec(),
    };
    Ok(to.iter().map(post).collect())
}

/// A function of instance, plan, slot and recipient, so that the same fact has the
/// same Message-ID however often it is told (RFC 5322, 3.6.4).
pub(super) fn message_id(instance: &str, plan: &str, slot: &str, recipient: &str, from: &str) -> String {
    let mut hash = Sha256::new();
    for part in [instance, plan, slot, recipient] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let id: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let domain = from.rsplit_once('@').map_or("localhost", |(_, domain)| domain.trim_end_matches('>'));
    format!("{id}@{domain}")
}
