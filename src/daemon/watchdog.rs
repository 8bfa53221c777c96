//! The watchdog's loop: proof that the database takes writes and that the other loops
//! go round; what systemd and the operator are notified of where that is not so.
//!
//! Invariant: the watchdog is fed while the probe *returns* and the loops come round. A
//! probe that returns an error is a trouble from outside, which a restart would not end;
//! one that does not return, a writer that has ended or a loop that stands still is a
//! fault of ours, which it may.

use super::alarm::{Alarms, Cause};
use super::{Desk, NAP, off_thread};
use crate::mail::Delivery;
use crate::store::StoreError;
use chrono::{DateTime, TimeDelta, Utc};
use sd_notify::NotifyState;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Between two probes of a database that takes writes.
const PROBE_EVERY: Duration = Duration::from_secs(30);

/// Without systemd's watchdog a loop that stands still for so long is reported.
const SILENCE_MOST: Duration = Duration::from_secs(60);

/// A failed write is seen for so long, which is longer than between two probes: small
/// ones may succeed where larger ones do not.
const WELL_FROM: Duration = Duration::from_secs(40);

/// How long no name server answers before the operator is notified.
const NAMES_PATIENCE: TimeDelta = TimeDelta::seconds(30);

/// When each loop last came round.
#[derive(Debug)]
pub(super) struct Pulse {
    polled: Mutex<Instant>,
    notified: Mutex<Instant>,
}

impl Default for Pulse {
    fn default() -> Pulse {
        Pulse { polled: Mutex::new(Instant::now()), notified: Mutex::new(Instant::now()) }
    }
}

impl Pulse {
    /// The poll loop has come round.
    pub(super) fn polls(&self) {
        Pulse::beat(&self.polled);
    }

    /// The loop that notifies readers has come round, or makes progress.
    pub(super) fn notifies(&self) {
        Pulse::beat(&self.notified);
    }

    fn beat(slot: &Mutex<Instant>) {
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// The loops that have not come round within this time.
    fn silent(&self, within: Duration) -> Vec<&'static str> {
        let loops = [("poll", &self.polled), ("notify", &self.notified)];
        let is_silent =
            |slot: &Mutex<Instant>| slot.lock().unwrap_or_else(PoisonError::into_inner).elapsed() > within;
        loops.into_iter().filter(|(_, slot)| is_silent(slot)).map(|(name, _)| name).collect()
    }
}

/// Runs until `stopping`.
pub(super) async fn run(
    desks: watch::Receiver<Arc<Desk>>,
    mut stopping: watch::Receiver<bool>,
    pulse: Arc<Pulse>,
    mut alarms: Alarms,
) {
    let period = sd_notify::watchdog_enabled();
    let silence_most = period.map_or(SILENCE_MOST, |period| period / 2);
    let every = period.map_or(PROBE_EVERY, |period| (period / 4).min(PROBE_EVERY));
    let mut seen = Seen::default();
    let mut sending: JoinSet<Vec<(String, Delivery)>> = JoinSet::new();
    while !*stopping.borrow() {
        let desk = desks.borrow().clone();
        let store = desk.store.clone();
        let probed = off_thread(move || store.probe(Utc::now())).await;
        let trouble = probed.err().or_else(|| desk.store.trouble_within(WELL_FROM));
        let silent = pulse.silent(silence_most);
        if silent.is_empty() && !matches!(trouble, Some(StoreError::WriterEnded { .. })) {
            notify(&[NotifyState::Watchdog]);
        }
        let is_well = trouble.is_none();
        seen.note(&desk, trouble, &silent).await;
        seen.raise(&desk, &mut alarms, Utc::now());
        while let Some(Ok(done)) = sending.try_join_next() {
            done.iter().for_each(|(id, delivery)| alarms.settle(id, delivery, Utc::now()));
        }
        let due = alarms.due(&desk.config, &seen.instance, Utc::now());
        if sending.is_empty() && !due.is_empty() {
            // A server may take its time to answer, and the watchdog does not wait for it.
            sending.spawn(async move {
                let mut done = Vec::new();
                for parcel in due {
                    let delivery = parcel.send((&desk.config, &desk.mailer, &desk.fetcher)).await;
                    done.push((parcel.message_id().to_owned(), delivery));
                }
                done
            });
        }
        let nap = if is_well && sending.is_empty() { every } else { NAP.min(every) };
        tokio::select! {
            () = tokio::time::sleep(nap) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// What the last probe found, for saying only what has changed.
#[derive(Debug, Default)]
struct Seen {
    trouble: Option<StoreError>,
    silent: Vec<&'static str>,
    /// The database knows of `trouble`, or that there is none.
    is_noted: bool,
    /// Part of every Message-ID; read while the database could be.
    instance: String,
}

impl Seen {
    async fn note(&mut self, desk: &Desk, trouble: Option<StoreError>, silent: &[&'static str]) {
        let worded = |trouble: &Option<StoreError>| trouble.as_ref().map(ToString::to_string);
        if worded(&trouble) != worded(&self.trouble) {
            match &trouble {
                Some(error) => {
                    tracing::error!(
                        error = error as &dyn std::error::Error,
                        "the database cannot be written; will retry"
                    );
                    notify(&[NotifyState::Status(&error.to_string())]);
                }
                None => {
                    tracing::info!("the database can be written again");
                    notify(&[NotifyState::Status("")]);
                }
            }
            self.trouble = trouble;
            self.is_noted = false;
        }
        if !self.is_noted {
            let (store, why) = (desk.store.clone(), worded(&self.trouble));
            // For `newswatch status`, as far as this can be written.
            self.is_noted = off_thread(move || store.note_trouble(why.as_deref())).await.is_ok();
        }
        if self.silent != silent {
            for name in silent {
                tracing::error!(
                    r#loop = name,
                    "a loop makes no progress; systemd's watchdog restarts newswatch, or restart it by hand"
                );
            }
            self.silent = silent.to_vec();
        }
    }

    fn raise(&mut self, desk: &Desk, alarms: &mut Alarms, now: DateTime<Utc>) {
        if self.instance.is_empty()
            && let Ok(instance) = desk.store.instance()
        {
            self.instance = instance;
        }
        match &self.trouble {
            Some(error) => alarms.raise_database(error, now),
            None => alarms.clear(Cause::Database, &desk.config, &self.instance, now),
        }
        match desk.fetcher.resolver().silent_since().filter(|since| now - *since >= NAMES_PATIENCE) {
            Some(_) => alarms.raise(Cause::Names, "names do not resolve", NAMES_CURE, now),
            None => alarms.clear(Cause::Names, &desk.config, &self.instance, now),
        }
    }
}

/// What to do where names do not resolve.
const NAMES_CURE: &str = "no name server answers; check this machine's network and `/etc/resolv.conf`";

/// Notifies systemd; where there is none this does nothing.
pub(super) fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd was not notified");
    }
}
