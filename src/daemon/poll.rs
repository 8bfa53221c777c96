//! The poll loop: every source when its time has come.
//!
//! Invariant: no source is polled twice at a time, and none waits for another but
//! for a place among `polls_at_once_max`, which slow servers do not hold for long.

use super::hints::Hints;
use super::source::{self, Polled, is_to_come, poll_source};
use super::{Desk, NAP, Pulse, STOP_PATIENCE, off_thread, websub};
use crate::config::Source;
use crate::crash::{self, Point};
use crate::store::{SourceState, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};

/// A poll under way for longer is slow.
const SLOW_FROM: Duration = Duration::from_secs(2);

/// Slow polls there may be, for each place among `polls_at_once_max`.
const SLOW_SHARE: usize = 16;

/// Between looks for hints of hubs.
const HINT_LOOK: Duration = Duration::from_secs(1);

/// The sources to poll, with what is known of each.
struct Timetable {
    rows: Vec<Row>,
    hints: Hints,
}

struct Row {
    source: Source,
    state: SourceState,
    under_way: bool,
    /// What the log last said is wrong with it.
    logged: Option<String>,
}

/// Runs until `stopping`; polls under way then get a few seconds to end.
pub(super) async fn run(
    mut desks: watch::Receiver<Arc<Desk>>,
    mut stopping: watch::Receiver<bool>,
    pulse: Arc<Pulse>,
) {
    let mut polls = Polls::default();
    let mut reach = Reach::default();
    let desk = desks.borrow_and_update().clone();
    let mut timetable = Timetable::load(&desk).await;
    drop(desk);
    let mut looked_at = Instant::now();
    while !*stopping.borrow() {
        Pulse::beat(&pulse.polled);
        let desk = desks.borrow().clone();
        let has_hubs = websub::callbacks(&desk.config).is_some();
        if has_hubs && looked_at.elapsed() >= HINT_LOOK {
            timetable.take_hints(&desk).await;
            looked_at = Instant::now();
        }
        let room = polls.room(desk.config.daemon.polls_at_once_max);
        let due = timetable.due(Utc::now());
        let patience = if due.len() > room { SLOW_FROM / 4 } else { NAP };
        for row in due.into_iter().take(room) {
            polls.start(&desk, row);
        }
        let nap = timetable.nap(Utc::now()).min(if has_hubs { patience.min(HINT_LOOK) } else { patience });
        tokio::select! {
            Some(done) = polls.tasks.join_next_with_id() => {
                let done = polls.end(done);
                timetable.log(&done);
                reach.note(done.1.as_ref(), timetable.rows.len());
                timetable.note(done);
            }
            () = tokio::time::sleep(nap) => {}
            Ok(()) = desks.changed() => {
                let desk = desks.borrow_and_update().clone();
                timetable = timetable.renewed(&desk).await;
            }
            _ = stopping.changed() => {}
        }
    }
    polls.rest().await;
}

/// Polls each of `sources` once, whether due or not. Outcomes come in the order they end.
///
/// # Errors
/// The database cannot be read; a sick source is an outcome, not an error.
pub async fn poll_once(
    desk: &Arc<Desk>,
    sources: Vec<Source>,
    mut tell: impl FnMut(&str, &Result<Polled, StoreError>),
) -> Result<(), StoreError> {
    let store = desk.store.clone();
    let mut states = by_name(off_thread(move || store.states()).await?);
    let mut waiting: VecDeque<_> = sources.into();
    let mut polls = Polls::default();
    loop {
        for _ in 0..polls.room(desk.config.daemon.polls_at_once_max) {
            let Some(source) = waiting.pop_front() else { break };
            let state = states.remove(&source.name).unwrap_or_else(|| fresh_state(&source));
            polls.start(desk, &mut Row { source, state, under_way: false, logged: None });
        }
        let next = tokio::time::timeout(SLOW_FROM / 4, polls.tasks.join_next_with_id()).await;
        let done = match next {
            Ok(Some(done)) => done,
            Ok(None) => return Ok(()),
            // One under way may have become slow, and makes room.
            Err(_) => continue,
        };
        let (name, polled) = polls.end(done);
        if let Some(polled) = polled {
            tell(&name, &polled);
        }
    }
}

/// Polls under way, by task: the source, and since when.
#[derive(Default)]
struct Polls {
    tasks: JoinSet<Result<Polled, StoreError>>,
    under_way: HashMap<Id, (String, Instant)>,
}

impl Polls {
    /// How many may start. What is slow waits for its server, costs next to nothing,
    /// and is counted apart.
    fn room(&self, at_once_max: usize) -> usize {
        let slow = self.under_way.values().filter(|(_, began)| began.elapsed() > SLOW_FROM).count();
        let quick = self.under_way.len() - slow;
        at_once_max.saturating_sub(quick).min((at_once_max * SLOW_SHARE).saturating_sub(slow))
    }

    fn start(&mut self, desk: &Arc<Desk>, row: &mut Row) {
        row.under_way = true;
        let (desk, source, state) = (desk.clone(), row.source.clone(), row.state.clone());
        let name = source.name.clone();
        let id = self.tasks.spawn(survived(desk, source, state)).id();
        self.under_way.insert(id, (name, Instant::now()));
    }

    /// The source's name and what its poll brought; `None` where it was cut off.
    fn end(
        &mut self,
        done: Result<(Id, Result<Polled, StoreError>), JoinError>,
    ) -> (String, Option<Result<Polled, StoreError>>) {
        let (id, polled) = match done {
            Ok((id, polled)) => (id, Some(polled)),
            Err(error) => (error.id(), None),
        };
        (self.under_way.remove(&id).map(|(name, _)| name).unwrap_or_default(), polled)
    }

    async fn rest(mut self) {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_PATIENCE, all).await.is_err() {
            tracing::warn!("polls under way were cut off; they will be made again");
        }
    }
}

/// Polls a source; one that we ourselves die of counts as failed, so that somebody
/// is told of it.
async fn survived(desk: Arc<Desk>, source: Source, state: SourceState) -> Result<Polled, StoreError> {
    let mut poll = JoinSet::new();
    {
        let (desk, source, state) = (desk.clone(), source.clone(), state.clone());
        poll.spawn(async move {
            crash::point(Point::PollBegins);
            let polled = poll_source(&desk, &source, state).await;
            crash::point(Point::PollEnds);
            polled
        });
    }
    match poll.join_next().await {
        Some(Ok(polled)) => polled,
        Some(Err(death)) => {
            tracing::error!(source = source.name, error = %death, "a poll died; please report it");
            source::died(&desk, &source, state).await
        }
        None => unreachable!("one task was spawned"),
    }
}

impl Timetable {
    async fn load(desk: &Desk) -> Timetable {
        Timetable { rows: Vec::new(), hints: Hints::default() }.renewed(desk).await
    }

    /// The timetable for a desk with other sources; polls under way stay so.
    async fn renewed(self, desk: &Desk) -> Timetable {
        let store = desk.store.clone();
        let states = off_thread(move || store.states()).await.unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "source states were not read");
            Vec::new()
        });
        let mut states = by_name(states);
        let busy: Vec<_> =
            self.rows.into_iter().filter(|row| row.under_way).map(|row| row.source.name).collect();
        let enabled = desk.config.sources.iter().filter(|source| source.enabled);
        let rows = enabled.map(|source| Row {
            state: states.remove(&source.name).unwrap_or_else(|| fresh_state(source)),
            under_way: busy.contains(&source.name),
            source: source.clone(),
            logged: None,
        });
        Timetable { rows: rows.collect(), hints: self.hints }
    }

    /// Makes due what hubs say has news.
    async fn take_hints(&mut self, desk: &Desk) {
        let store = desk.store.clone();
        let hinted = off_thread(move || store.take_hints(Utc::now())).await.unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "hints of hubs were not read");
            Vec::new()
        });
        for row in self.rows.iter_mut().filter(|row| hinted.contains(&row.source.name)) {
            self.hints.take(&row.source.name, row.under_way);
            if !row.under_way {
                row.state.next_poll_at = Some(Utc::now());
            }
        }
    }

    /// Sources whose time has come, the longest overdue first.
    fn due(&mut self, now: DateTime<Utc>) -> Vec<&mut Row> {
        let is_due = |row: &&mut Row| {
            !row.under_way && row.state.next_poll_at.is_none_or(|at| !is_to_come(&row.state, at, now))
        };
        let mut due: Vec<_> = self.rows.iter_mut().filter(is_due).collect();
        due.sort_by_key(|row| row.state.next_poll_at);
        due
    }

    /// How long until the next source is due, at most [`NAP`].
    fn nap(&self, now: DateTime<Utc>) -> Duration {
        let waiting = self.rows.iter().filter(|row| !row.under_way);
        let next = waiting.filter_map(|row| row.state.next_poll_at).filter(|at| *at > now).min();
        let wait = next.map_or(NAP, |at| (at - now).to_std().unwrap_or(NAP));
        wait.clamp(Duration::from_millis(10), NAP)
    }

    /// Logs what changed with the source: a trouble once, however long it lasts.
    fn log(&mut self, (name, polled): &(String, Option<Result<Polled, StoreError>>)) {
        let Some(row) = self.rows.iter_mut().find(|row| row.source.name == *name) else { return };
        let Some(Ok(polled)) = polled else { return };
        let trouble = polled.error.clone().or_else(|| polled.read_elsewhere());
        match &trouble {
            Some(error) if row.logged.as_ref() != Some(error) && polled.error.is_some() => {
                tracing::warn!(source = name, error, "source not read; trying again");
            }
            None if polled.outcome == "deferred" => return,
            Some(reason) if row.logged.as_ref() != Some(reason) => {
                tracing::warn!(source = name, reason, "source read at another address");
            }
            None if row.logged.is_some() => tracing::info!(source = name, "source read again"),
            _ => {}
        }
        row.logged = trouble;
        if polled.new + polled.revised > 0 {
            let Polled { new, revised, matches, .. } = polled;
            tracing::info!(source = name, new, revised, matches, "articles stored");
        }
    }

    fn note(&mut self, (name, polled): (String, Option<Result<Polled, StoreError>>)) {
        let Some(row) = self.rows.iter_mut().find(|row| row.source.name == name) else { return };
        row.under_way = false;
        let found_news = matches!(&polled, Some(Ok(polled)) if polled.new + polled.revised > 0);
        match polled {
            Some(Ok(polled)) => row.state = polled.state,
            Some(Err(error)) => {
                tracing::error!(
                    source = name,
                    error = &error as &dyn std::error::Error,
                    "a poll was not recorded"
                );
                row.state.polled_at = Some(Utc::now());
                row.state.next_poll_at = Some(Utc::now() + TimeDelta::minutes(1));
            }
            None => row.state.next_poll_at = Some(Utc::now() + TimeDelta::minutes(10)),
        }
        if let Some(at) = self.hints.ended(&name, found_news, Utc::now()) {
            row.state.next_poll_at = Some(row.state.next_poll_at.map_or(at, |planned| planned.min(at)));
        }
    }
}

/// Tells the operator once when nothing at all can be reached, and once when it can again.
#[derive(Default)]
struct Reach {
    unreachable: usize,
    told: bool,
}

impl Reach {
    fn note(&mut self, polled: Option<&Result<Polled, StoreError>>, sources: usize) {
        let Some(Ok(polled)) = polled else { return };
        self.unreachable = if polled.unreachable { self.unreachable + 1 } else { 0 };
        let cut_off = sources > 0 && self.unreachable >= sources;
        if cut_off && !self.told {
            tracing::warn!(
                "none of the {sources} sources can be reached; is there a network? \
                 polling goes on; `newswatch demo` shows the whole job without one"
            );
        }
        if self.told && !polled.unreachable {
            tracing::info!("sources can be reached again");
        }
        self.told = cut_off || (self.told && polled.unreachable);
    }
}

fn by_name(states: Vec<SourceState>) -> HashMap<String, SourceState> {
    states.into_iter().map(|state| (state.name.clone(), state)).collect()
}

fn fresh_state(source: &Source) -> SourceState {
    SourceState { name: source.name.clone(), url: source.url.clone(), ..SourceState::default() }
}
