//! The page's loop: served where `[web]` says, while it says so.
//!
//! Invariant: nothing here stops the watching. What keeps the page from being shown
//! is said once in the log, and in the database for `newswatch status`; it is tried again.

use super::source::Chain;
use super::{Desk, off_thread};
use crate::config::Web;
use crate::mail::{self, MailError};
use crate::web::{self, Door, Limits, Site, TokenTooShort};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

/// Between two tries to listen.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// What requests under way may take to end once the page is closed.
const CLOSE_PATIENCE: Duration = Duration::from_secs(3);

/// Why the page cannot be shown.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("another program listens at `{0}`; end it, or name another place as `listen` in `[web]`")]
    Taken(String),
    #[error("failed to listen at `{place}`")]
    Listen {
        place: String,
        #[source]
        source: std::io::Error,
    },
    #[error("failed to {0}")]
    Secret(MailError),
    #[error(transparent)]
    Token(#[from] TokenTooShort),
}

/// Runs until `stopping`.
pub(super) async fn run(mut desks: watch::Receiver<Arc<Desk>>, mut stopping: watch::Receiver<bool>) {
    let mut said = None;
    while !*stopping.borrow() {
        let desk = desks.borrow_and_update().clone();
        let opened = match &desk.config.web {
            Some(web) => Some(open(&desk, web).await),
            None => None,
        };
        let trouble =
            opened.as_ref().and_then(|opened| opened.as_ref().err()).map(|why| Chain(why).to_string());
        say(&desk, trouble, &mut said).await;
        match opened {
            Some(Ok((door, site))) => show(door, site, &desk, &mut desks, &mut stopping).await,
            _ => tokio::select! {
                () = tokio::time::sleep(TRY_AGAIN) => {}
                _ = desks.changed() => {}
                _ = stopping.changed() => {}
            },
        }
    }
}

async fn open(desk: &Desk, web: &Web) -> Result<(Door, Site), Trouble> {
    let site = site(desk, web)?;
    let place = web.listen.to_string();
    let door = Door::open(&web.listen).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => Trouble::Taken(place),
        _ => Trouble::Listen { place, source },
    })?;
    Ok((door, site))
}

fn site(desk: &Desk, web: &Web) -> Result<Site, Trouble> {
    let token = web.token.as_ref().map(mail::reveal).transpose().map_err(Trouble::Secret)?;
    Ok(Site::new(web, &desk.config, desk.store.apart(), token.as_deref())?)
}

/// Serves until the page is to be elsewhere, or nowhere; a reload that leaves it
/// where it is changes what it shows.
async fn show(
    door: Door,
    site: Site,
    desk: &Desk,
    desks: &mut watch::Receiver<Arc<Desk>>,
    stopping: &mut watch::Receiver<bool>,
) {
    tracing::info!(address = door.place(), "page opened");
    let listen = desk.config.web.as_ref().map(|web| web.listen.clone());
    let (sites, shown) = watch::channel(Arc::new(site));
    let (stop, stopped) = oneshot::channel::<()>();
    let mut server = JoinSet::new();
    server.spawn(web::serve(door, Limits::default(), shown, async { drop(stopped.await) }));
    loop {
        tokio::select! {
            Ok(()) = desks.changed() => {}
            _ = stopping.changed() => break,
            Some(_) = server.join_next() => return,
        }
        let desk = desks.borrow().clone();
        let web = desk.config.web.as_ref().filter(|web| Some(&web.listen) == listen.as_ref());
        let Some(Ok(site)) = web.map(|web| self::site(&desk, web)) else {
            // What has to change is seen again by the loop.
            desks.mark_changed();
            break;
        };
        let _ = sites.send(Arc::new(site));
    }
    let _ = stop.send(());
    if tokio::time::timeout(CLOSE_PATIENCE, server.join_next()).await.is_err() {
        tracing::warn!("requests under way were cut off");
        // A socket's file goes before another one can take its place.
        server.shutdown().await;
    }
}

/// Says what is new of the trouble, and keeps it for `newswatch status`.
async fn say(desk: &Desk, trouble: Option<String>, said: &mut Option<Option<String>>) {
    if said.as_ref() == Some(&trouble) {
        return;
    }
    if let Some(why) = &trouble {
        tracing::error!("the page is not shown, everything else goes on: {why}");
    }
    let (store, noted) = (desk.store.clone(), trouble.clone());
    match off_thread(move || store.note_web(noted.as_deref())).await {
        Ok(()) => *said = Some(trouble),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the page's state was not noted");
        }
    }
}
