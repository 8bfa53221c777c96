//! A start on a disk that cannot be written: it waits, and reports that.
//!
//! Invariant: nothing is open yet that a signal could damage; signals are heard all the
//! same, for the configuration may be what has to change.

use super::alarm::Alarms;
use super::signals::{Heard, Signals};
use super::watchdog::notify;
use super::{DaemonError, NAP};
use crate::config::Config;
use crate::fetch::{Fetcher, Limits};
use crate::mail::{Delivery, Mailer};
use crate::store::{Store, StoreError};
use chrono::Utc;
use sd_notify::NotifyState;
use std::path::Path;
use std::time::Duration;

/// More than one wait and one message.
const EXTENSION_US: u32 = 60_000_000;

/// A server that is slow to answer must not keep us from starting.
const SEND_MOST: Duration = Duration::from_secs(20);

/// What a daemon needs from the moment its process begins: it hears signals, and keeps
/// what the operator was notified of while it waited.
pub struct Start {
    pub(super) signals: Signals,
    pub(super) alarms: Alarms,
    logged: Option<String>,
}

impl Start {
    /// Hears signals from here on.
    ///
    /// # Errors
    /// The system refuses a handler.
    pub fn new() -> Result<Start, DaemonError> {
        Ok(Start { signals: Signals::listen()?, alarms: Alarms::default(), logged: None })
    }

    /// Waits a moment, or for a signal, after a start that failed with `error`; reports
    /// it to systemd and to the operator.
    ///
    /// # Errors
    /// HTTP cannot be set up.
    pub async fn wait_after(
        &mut self,
        error: &StoreError,
        config: &Config,
        (data, database): (&Path, &Path),
    ) -> Result<Option<Heard>, DaemonError> {
        let said = error.to_string();
        if self.logged.as_ref() != Some(&said) {
            tracing::error!(error = error as &dyn std::error::Error, "waiting to start; will retry");
            self.logged = Some(said.clone());
        }
        let status = format!("waiting to start: {said}");
        notify(&[NotifyState::Status(&status), NotifyState::ExtendTimeoutUsec(EXTENSION_US)]);
        self.alarms.raise_database(error, Utc::now());
        // A history that cannot be written can often be read.
        let instance = Store::open_to_read(database).and_then(|store| store.instance());
        self.send(config, data, &instance.unwrap_or_default()).await?;
        Ok(tokio::time::timeout(NAP, self.signals.next()).await.ok())
    }

    async fn send(&mut self, config: &Config, data: &Path, instance: &str) -> Result<(), DaemonError> {
        let due = self.alarms.due(config, instance, Utc::now());
        if due.is_empty() {
            return Ok(());
        }
        let mailer = match Mailer::open(&config.mail, data) {
            // Nobody reads files beside a database that cannot be made.
            Ok(Mailer::File(_)) | Err(_) => return Ok(()),
            Ok(mailer) => mailer,
        };
        let daemon = &config.daemon;
        let fetcher = Fetcher::new(daemon.contact.as_deref(), &daemon.private_hosts, Limits::default())?;
        for parcel in due {
            notify(&[NotifyState::ExtendTimeoutUsec(EXTENSION_US)]);
            let sent = tokio::time::timeout(SEND_MOST, parcel.send((config, &mailer, &fetcher))).await;
            let delivery = sent.unwrap_or_else(|_| Delivery::Unknown("no answer in time".into()));
            self.alarms.settle(parcel.message_id(), &delivery, Utc::now());
        }
        Ok(())
    }
}
