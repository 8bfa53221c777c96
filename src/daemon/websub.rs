//! The hub loop: what sources offer by WebSub is subscribed to, renewed and ended.
//!
//! Invariant: polling goes on as if there were no hub, whose word only brings a poll
//! forward. A hub is called like any other address of a stranger: through the guard of
//! `fetch`, and ever more rarely while it fails.

use super::repeats::Repeats;
use super::source::Chain;
use super::{Desk, NAP, off_thread};
use crate::config::Config;
use crate::feed::Feed;
use crate::fetch::NamedBy;
use crate::fetch::guard::URL_BYTES_MAX;
use crate::store::{HubWork, LEASE_SECONDS_ASKED, Offer, StoreError};
use chrono::Utc;
use std::sync::Arc;
use tokio::sync::watch;
use url::{Url, form_urlencoded};

/// Hubs asked in one round.
const ASKED_A_ROUND_MAX: u32 = 20;

/// The hub and the topic that a feed offers (WebSub, 4); what is longer than any
/// address we ask for is none.
pub(super) fn offer(feed: &Feed) -> Option<Offer> {
    let is_web = |text: &&String| {
        text.len() <= URL_BYTES_MAX
            && Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
    };
    let hub = feed.hubs.iter().find(is_web)?;
    let topic = feed.own.as_ref().filter(is_web)?;
    Some(Offer { hub: hub.clone(), topic: topic.clone() })
}

/// Keeps what a source offers now, where hubs can reach us.
pub(super) async fn note(desk: &Desk, source: &str, offer: Option<Offer>) {
    if callbacks(&desk.config).is_none() {
        return;
    }
    let (store, name) = (desk.store.clone(), source.to_owned());
    let noted = off_thread(move || store.note_hub(&name, offer.as_ref(), Utc::now())).await;
    if let Err(error) = noted {
        let error = &error as &dyn std::error::Error;
        tracing::error!(source, error, "the source's hub was not noted");
    }
}

/// Where hubs call us, but for the last part of the path.
pub(super) fn callbacks(config: &Config) -> Option<String> {
    Some(format!("{}/websub/", config.web.as_ref()?.public_url.as_ref()?))
}

/// Runs until `stopping`.
pub(super) async fn run(mut desks: watch::Receiver<Arc<Desk>>, mut stopping: watch::Receiver<bool>) {
    desks.mark_changed();
    let mut repeats = Repeats::default();
    while !*stopping.borrow() {
        let is_new = desks.has_changed().unwrap_or(false);
        let desk = desks.borrow_and_update().clone();
        // What is cut off was noted before, and is asked again.
        let done = tokio::select! {
            done = round(&desk, is_new) => done,
            _ = stopping.changed() => return,
        };
        match done {
            Ok(()) => repeats.end(),
            Err(error) if repeats.is_new(&error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "hubs were not asked; will retry");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(NAP) => {}
            _ = desks.changed() => desks.mark_changed(),
            _ = stopping.changed() => {}
        }
    }
}

async fn round(desk: &Arc<Desk>, is_new: bool) -> Result<(), StoreError> {
    if desk.store.trouble().is_some() {
        return Ok(());
    }
    let (store, callbacks) = (desk.store.clone(), callbacks(&desk.config));
    // Without a way to reach us no subscription is of use.
    let read = desk.config.sources.iter().filter(|source| source.enabled && callbacks.is_some());
    let names: Vec<String> = read.map(|source| source.name.clone()).collect();
    let due = off_thread(move || {
        let now = Utc::now();
        if is_new {
            store.keep_hubs_of(&names, now)?;
        }
        store.hubs_due(callbacks.as_deref(), now, ASKED_A_ROUND_MAX)
    });
    for work in due.await? {
        ask(desk, work).await?;
    }
    Ok(())
}

/// Asks one hub, noted before and after.
async fn ask(desk: &Arc<Desk>, work: HubWork) -> Result<(), StoreError> {
    let (store, noted) = (desk.store.clone(), work.clone());
    off_thread(move || store.hub_is_asked(&noted, Utc::now())).await?;
    let named_by = NamedBy::Document(&work.source_url);
    let error = match desk.fetcher.submit(&work.hub, named_by, &form(&work)).await {
        Ok(200..=299) => None,
        Ok(status) => Some(format!("the hub answered {status}")),
        Err(error) => Some(format!("failed to {}", Chain(&error))),
    };
    let HubWork { source, hub, is_wanted, .. } = &work;
    match &error {
        None => tracing::info!(source, hub, subscribe = is_wanted, "hub asked"),
        Some(error) => tracing::warn!(source, hub, error, "the hub could not be asked; polling goes on"),
    }
    let store = desk.store.clone();
    off_thread(move || store.hub_was_asked(work.id, error.as_deref())).await
}

/// What is asked (WebSub, 5.1).
fn form(work: &HubWork) -> String {
    let mode = if work.is_wanted { "subscribe" } else { "unsubscribe" };
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("hub.mode", mode)
        .append_pair("hub.topic", &work.topic)
        .append_pair("hub.callback", &work.callback);
    if work.is_wanted {
        form.append_pair("hub.lease_seconds", &LEASE_SECONDS_ASKED.to_string())
            .append_pair("hub.secret", &work.secret);
    }
    form.finish()
}
