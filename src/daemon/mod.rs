//! What runs: the poll loop, the tell loop, the page, the hubs, the watchdog; start,
//! readiness, reload, shutdown.
//!
//! Invariant: loops talk through rows in the database, so what one of them has
//! committed survives the death of all. Every task spawned here is joined here.

mod alarm;
mod chat;
mod deliver;
mod hints;
mod operator;
mod pages;
mod poll;
mod post;
mod repeats;
mod rescore;
mod sift;
mod signals;
mod source;
mod split;
mod start;
mod tell;
mod trial;
mod verdict;
mod watchdog;
mod web;
mod websub;

pub use chat::{check as check_chats, list as chats, tell as tell_chat};
pub use deliver::{Told, deliver_due};
pub use poll::poll_once;
pub use rescore::{Rescored, rescore, tell_history};
pub use signals::Heard;
pub use source::{Chain, Polled, follow_sitemaps};
pub use start::Start;
pub use tell::{TellError, start_plans, tell_due, tell_now};
pub use trial::{Trial, try_sources};

use crate::config::{Config, ConfigError};
use crate::fetch::{FetchError, Fetcher, Limits, Resolver};
use crate::mail::{self, MailError, Mailer};
use crate::store::{Store, StoreError};
use chrono::Utc;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use watchdog::{Pulse, notify};

/// Longest sleep of a loop, so that clock steps and edits of the database are noticed.
const NAP: Duration = Duration::from_secs(5);

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
        Desk::over(Resolver::default(), config, store, data)
    }

    /// The same desk under another configuration. What is known of names stays.
    fn renewed(&self, config: Config) -> Result<Desk, DaemonError> {
        let (old, new) = (&self.config.daemon, &config.daemon);
        for (key, is_changed) in [("data", old.data != new.data), ("group", old.group != new.group)] {
            if is_changed {
                tracing::warn!("a new `{key}` in `[daemon]` takes effect after a restart");
            }
        }
        Desk::over(self.fetcher.resolver().clone(), config, self.store.clone(), self.data.clone())
    }

    fn over(resolver: Resolver, config: Config, store: Store, data: PathBuf) -> Result<Desk, DaemonError> {
        let daemon = &config.daemon;
        let contact = daemon.contact.as_deref();
        let fetcher = Fetcher::over(resolver, contact, &daemon.private_hosts, Limits::default())?;
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
/// again on SIGHUP; where it fails the old one stays and the reason is logged.
///
/// # Errors
/// A signal handler or a loop that fails; a sick source, relay or disk never ends it.
pub async fn run<F>(desk: Desk, start: Start, reload: F) -> Result<(), DaemonError>
where
    F: Fn() -> anyhow::Result<Config> + Clone + Send + 'static,
{
    let Start { signals, alarms, .. } = start;
    let (stop, stopping) = watch::channel(false);
    let pulse = Arc::new(Pulse::default());
    let (desks, desk) = watch::channel(Arc::new(desk));
    let mut loops = JoinSet::new();
    loops.spawn(poll::run(desk.clone(), stopping.clone(), pulse.clone()));
    loops.spawn(tell::run(desk.clone(), stopping.clone(), pulse.clone()));
    loops.spawn(web::run(desk.clone(), stopping.clone()));
    loops.spawn(websub::run(desk.clone(), stopping.clone()));
    loops.spawn(watchdog::run(desk, stopping, pulse, alarms));
    notify(&[sd_notify::NotifyState::Ready, sd_notify::NotifyState::Status("")]);
    // A loop that ends before it is asked to has died, and a daemon that polls
    // without telling, or tells without polling, is worse than none.
    let ended = tokio::select! {
        () = signals.serve(&desks, reload) => Ok(()),
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

/// Runs blocking work on a thread of its own kind.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("the work neither panics nor is cancelled")
}
