//! The signals that systemd and operators send: stop, and read the configuration again.
//!
//! Invariant: the configuration is read off this loop, so that a file which cannot be
//! read at once (a hung network file system) never keeps the process from stopping.

use super::{DaemonError, Desk};
use crate::config::Config;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Reading the configuration that takes longer is reported.
const RELOAD_PATIENCE: Duration = Duration::from_secs(10);

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    Stop,
    Reload,
}

/// Handlers for the signals; from here on none ends the process by itself.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// # Errors
    /// The system refuses a handler.
    pub(super) fn listen() -> Result<Signals, DaemonError> {
        let listen = |kind| signal(kind).map_err(DaemonError::Signal);
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for a signal.
    pub(super) async fn next(&mut self) -> Heard {
        tokio::select! {
            _ = self.terminate.recv() => Heard::Stop,
            _ = self.interrupt.recv() => Heard::Stop,
            _ = self.hangup.recv() => Heard::Reload,
        }
    }

    /// Waits for the signal to stop, reloading on the way.
    pub(super) async fn serve<F>(mut self, desks: &watch::Sender<Arc<Desk>>, reload: F)
    where
        F: Fn() -> anyhow::Result<Config> + Clone + Send + 'static,
    {
        let (mut reading, mut is_wanted, mut is_late) = (JoinSet::new(), false, false);
        loop {
            if is_wanted && reading.is_empty() {
                (is_wanted, is_late) = (false, false);
                let (old, reload) = (desks.borrow().clone(), reload.clone());
                reading.spawn_blocking(move || {
                    reload().and_then(|config| old.renewed(config).map_err(anyhow::Error::from))
                });
            }
            tokio::select! {
                heard = self.next() => match heard {
                    Heard::Stop => return,
                    Heard::Reload => is_wanted = true,
                },
                Some(made) = reading.join_next() => match made {
                    Ok(made) => replace(desks, made),
                    Err(error) => tracing::error!(%error, "configuration not reloaded; please report it"),
                },
                () = tokio::time::sleep(RELOAD_PATIENCE), if !reading.is_empty() && !is_late => {
                    is_late = true;
                    let seconds = RELOAD_PATIENCE.as_secs();
                    tracing::warn!(
                        "reading the configuration takes longer than {seconds} s; the old one stays in use until it is read"
                    );
                }
            }
        }
    }
}

/// Takes a new configuration into use, or keeps the old one and logs why.
fn replace(desks: &watch::Sender<Arc<Desk>>, made: anyhow::Result<Desk>) {
    match made {
        Ok(desk) => {
            tracing::info!(sources = desk.config.sources.len(), "configuration reloaded");
            let _ = desks.send(Arc::new(desk));
        }
        Err(error) => tracing::error!("configuration not reloaded, the old one stays: {error:#}"),
    }
}
