//! What runs: the poll loop, the tell loop, the page, the hubs; shutdown, readiness,
//! watchdog, reload.
//!
//! Invariant: loops talk through rows in the database, so what one of them has
//! committed survives the death of all. Every task spawned here is joined here.

mod chat;
mod deliver;
mod hints;
mod operator;
mod pages;
mod poll;
mod post;
mod rescore;
mod sift;
mod source;
mod split;
mod tell;
mod trial;
mod verdict;
mod web;
mod websub;

pub use chat::{check as check_chats, list as chats, tell as tell_chat};
pub use deliver::{Told, deliver_due};
pub use poll::poll_once;
pub use rescore::{Rescored, rescore, tell_history};
pub use source::{Chain, Polled, follow_sitemaps};
pub use tell::{TellError, start_plans, tell_due, tell_now};
pub use trial::{Trial, try_sources};

use crate::config::{Config, ConfigError};
use crate::fetch::{FetchError, Fetcher, Limits};
use crate::mail::{self, MailError, Mailer};
use crate::store::{Store, StoreError};
use chrono::Utc;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Longest sleep of a loop, so that clock steps and edits of the database are noticed.
const NAP: Duration = Duration::from_secs(5);

/// Longest time a loop may take for one step: a relay may take ten minutes to
/// answer the final dot of one mail (RFC 5321, 4.5.3.2.6).
const SILENCE_MOST: Duration = Duration::from_secs(15 * 60);

/// What polls under way may take to end once we are asked to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(8);

/// Everything the loops work with; replaced as a whole on reload.
#[derive(Debug)]
pub struct Desk {
    pub config: Config,
    pub store: Store,
    pub fetcher: Fetcher,
    pub mailer: Mailer,
    /// What posts are signed with.
    pub post_key: Option<post::Key>,
    /// The data directory.
    pub data: PathBuf,
}

/// Why the daemon cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error("failed to use the database")]
    Store(#[from] StoreError),
    #[error("failed to set up mail")]
    Mail(#[from] MailError),
    #[error("failed to use the list of chats")]
    Chats(#[from] ConfigError),
    #[error("failed to read the list of chats")]
    ChatsUnread(#[source] MailError),
    #[error("failed to set up HTTP")]
    Fetch(#[from] FetchError),
    #[error("failed to listen for signals")]
    Signal(#[source] std::io::Error),
    #[error("failed to go on: a part of newswatch died; please report it")]
    LoopDied(#[source] Option<tokio::task::JoinError>),
}

impl Desk {
    /// Puts the parts together and registers the configured sources and plans.
    ///
    /// # Errors
    /// A part that cannot be set up; nothing is registered then.
    pub fn new(config: Config, store: Store, data: PathBuf) -> Result<Desk, DaemonError> {
        let fetcher =
            Fetcher::new(config.daemon.contact.as_deref(), &config.daemon.private_hosts, Limits::default())?;
        let mailer = Mailer::open(&config.mail, &data)?;
        let post_key = config.post_key.as_ref().map(mail::reveal).transpose()?;
        let post_key = post_key.map(|key| post::Key::of(&key));
        if let Some(list) = chat::list(&config).map_err(DaemonError::ChatsUnread)? {
            chat::check(&list, &config)?;
        }
        let named: Vec<_> =
            config.sources.iter().map(|source| (source.name.clone(), source.url.clone())).collect();
        store.resume(Utc::now())?;
        // The last that can fail: where it does, the desk that is there works on with
        // the names it knows.
        for (old, new) in store.register(&named, &config.plans, Utc::now())? {
            tracing::info!(
                plan = new,
                formerly = old,
                "plan renamed; what waits and what was told is its own"
            );
        }
        Ok(Desk { config, store, fetcher, mailer, post_key, data })
    }
}

/// Runs until asked to stop (SIGTERM, SIGINT). `reload` reads the configuration
/// anew on SIGHUP; where it fails the old one stays and the reason is logged.
///
/// # Errors
/// A database or signal handler that fails; a sick source or relay never ends it.
pub async fn run(desk: Desk, reload: impl Fn() -> anyhow::Result<Config>) -> Result<(), DaemonError> {
    let (stop, stopping) = watch::channel(false);
    let pulse = Arc::new(Pulse::default());
    // The loops have a period to come round for the first time.
    Pulse::beat(&pulse.polled);
    Pulse::beat(&pulse.told);
    let (desks, desk) = watch::channel(Arc::new(desk));
    let mut loops = JoinSet::new();
    loops.spawn(poll::run(desk.clone(), stopping.clone(), pulse.clone()));
    loops.spawn(tell::run(desk.clone(), stopping.clone(), pulse.clone()));
    loops.spawn(web::run(desk.clone(), stopping.clone()));
    loops.spawn(websub::run(desk.clone(), stopping.clone()));
    loops.spawn(watchdog_loop(desk, stopping, pulse));
    notify(&[sd_notify::NotifyState::Ready]);
    // A loop that ends before it is asked to has died, and a daemon that polls
    // without telling, or tells without polling, is worse than none.
    let ended = tokio::select! {
        ended = signals(&desks, reload) => ended,
        Some(ended) = loops.join_next() => Err(DaemonError::LoopDied(ended.err())),
    };
    notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("stopping");
    let _ = stop.send(true);
    let rest = async { while loops.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_PATIENCE + NAP / 10, rest).await.is_err() {
        tracing::warn!("what was under way was cut off; it will be done again");
    }
    ended
}

/// When each loop last went round; the watchdog is fed only while all do.
#[derive(Debug, Default)]
struct Pulse {
    polled: Mutex<Option<Instant>>,
    told: Mutex<Option<Instant>>,
}

impl Pulse {
    fn beat(slot: &Mutex<Option<Instant>>) {
        *slot.lock().expect("no holder panics") = Some(Instant::now());
    }

    fn alive(&self, within: Duration) -> bool {
        [&self.polled, &self.told]
            .iter()
            .all(|slot| slot.lock().expect("no holder panics").is_some_and(|at| at.elapsed() < within))
    }
}

/// Waits for the signal to stop, reloading on the way.
async fn signals(
    desks: &watch::Sender<Arc<Desk>>,
    reload: impl Fn() -> anyhow::Result<Config>,
) -> Result<(), DaemonError> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(DaemonError::Signal);
    let mut term = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut hangup = listen(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = term.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hangup.recv() => replace(desks, &reload),
        }
    }
}

/// Takes a new configuration into use, or keeps the old one and says why.
fn replace(desks: &watch::Sender<Arc<Desk>>, reload: &impl Fn() -> anyhow::Result<Config>) {
    let old = desks.borrow().clone();
    let made = reload().and_then(|config| {
        Desk::new(config, old.store.clone(), old.data.clone()).map_err(anyhow::Error::from)
    });
    match made {
        Ok(desk) => {
            tracing::info!(sources = desk.config.sources.len(), "configuration reloaded");
            let _ = desks.send(Arc::new(desk));
        }
        Err(error) => tracing::error!("configuration not reloaded, the old one stays: {error:#}"),
    }
}

/// Feeds the watchdog while both loops go round and the database takes a write.
async fn watchdog_loop(
    desks: watch::Receiver<Arc<Desk>>,
    mut stopping: watch::Receiver<bool>,
    pulse: Arc<Pulse>,
) {
    let Some(period) = sd_notify::watchdog_enabled() else {
        // The sender outlives the loops, so this waits for the end and no error.
        let _ = stopping.changed().await;
        return;
    };
    while !*stopping.borrow() {
        let store = desks.borrow().store.clone();
        let wrote = off_thread(move || store.probe(Utc::now())).await;
        match wrote {
            Ok(()) if pulse.alive(SILENCE_MOST) => notify(&[sd_notify::NotifyState::Watchdog]),
            Ok(()) => tracing::error!("a loop stands still; the watchdog is not fed"),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the database takes no write")
            }
        }
        tokio::select! {
            () = tokio::time::sleep(period / 3) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// Runs blocking work on a thread of its own kind.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("the work neither panics nor is cancelled")
}

/// Tells systemd; where there is none this does nothing.
fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd was not told");
    }
}
