//! A start on a disk that takes no write: it waits, and says so.
//!
//! Invariant: nothing is open yet that a signal could damage, so a stop meanwhile is
//! the system's own.

use super::alarm::{Alarms, Cause};
use super::watchdog::notify;
use super::{DaemonError, NAP};
use crate::config::Config;
use crate::fetch::{Fetcher, Limits};
use crate::mail::Mailer;
use crate::store::StoreError;
use chrono::Utc;
use sd_notify::NotifyState;
use std::path::Path;

/// More than one wait and one try to start.
const EXTENSION_US: u32 = 60_000_000;

/// Waits for the disk between two tries to start.
#[derive(Debug, Default)]
pub struct Waiting {
    alarms: Alarms,
    logged: Option<String>,
}

impl Waiting {
    /// Waits a moment after a start that failed with `error`, and reports it to systemd
    /// and to the operator.
    ///
    /// # Errors
    /// HTTP cannot be set up.
    pub async fn after(
        &mut self,
        error: &StoreError,
        config: &Config,
        data: &Path,
    ) -> Result<(), DaemonError> {
        let said = error.to_string();
        if self.logged.as_ref() != Some(&said) {
            tracing::error!(error = error as &dyn std::error::Error, "waiting to start; will retry");
            self.logged = Some(said.clone());
        }
        let status = format!("waiting to start: {said}");
        notify(&[NotifyState::Status(&status), NotifyState::ExtendTimeoutUsec(EXTENSION_US)]);
        self.alarms.raise(Cause::Database, error.in_short(), &said, Utc::now());
        let due = self.alarms.due(config, &data.display().to_string(), Utc::now());
        // Mail that goes to files on the same disk has nowhere to go either.
        if let Ok(mailer) = Mailer::open(&config.mail, data)
            && !due.is_empty()
        {
            let daemon = &config.daemon;
            let fetcher = Fetcher::new(daemon.contact.as_deref(), &daemon.private_hosts, Limits::default())?;
            for parcel in due {
                let sent = parcel.send((config, &mailer, &fetcher));
                // A server that is slow to answer must not keep us from starting.
                if let Ok(delivery) = tokio::time::timeout(NAP * 4, sent).await {
                    self.alarms.settle(parcel.message_id(), &delivery, Utc::now());
                }
            }
        }
        tokio::time::sleep(NAP).await;
        Ok(())
    }
}
