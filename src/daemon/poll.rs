//! The poll loop: every source when its time has come.
//!
//! Invariant: no source is polled twice at a time, and none waits for another but
//! for a place among `polls_at_once_max`. A slow server holds its place hardly longer
//! than a quick one does, and none at all once it is known to be slow.

use super::hints::Hints;
use super::repeats::Repeats;
use super::source::{self, Polled, is_to_come, poll_source};
use super::watchdog::Pulse;
use super::{Desk, NAP, STOP_PATIENCE, off_thread, websub};
use crate::config::Source;
use crate::crash::{self, Point};
use crate::fetch::Resolver;
use crate::store::{SourceState, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use url::Url;

/// A poll that took longer makes its source one that is known to be slow.
const SLOW_FROM: Duration = Duration::from_secs(2);

/// A poll that waits for its server for so many times as long as polls usually take
/// gives up its place. With half of the sources mute and unknown, the others then wait
/// at most (1 + 1.5) / 2 times as long as they would if all answered.
const PATIENCE: f64 = 1.5;

/// What it has at least: a loaded machine is late now and then.
const PATIENCE_LEAST: Duration = Duration::from_millis(20);

/// What polls usually take, until some have ended.
const USUAL_AT_FIRST: Duration = Duration::from_millis(250);

/// Polls by which the usual is judged.
const USUAL_POLLS: usize = 31;

/// Polls there may be that hold no place, for each place among `polls_at_once_max`:
/// what is slow waits for its server and costs next to nothing. Of sources known to
/// be slow there may be less, so that others find room to turn out slow.
const SLOW_SHARE: usize = 16;
const KNOWN_SLOW_SHARE: usize = 12;

/// Between looks for hints of hubs.
const HINT_LOOK: Duration = Duration::from_secs(1);

/// The sources to poll, with what is known of each.
struct Timetable {
    rows: Vec<Row>,
    hints: Hints,
    /// Of polls that the database did not take.
    repeats: Repeats,
}

struct Row {
    source: Source,
    state: SourceState,
    under_way: bool,
    /// Its last poll was slow: it waits for its server without a place.
    is_slow: bool,
    /// Decides between sources that are due since the same time, so that those of one
    /// site, which wait for one another, do not take all places at once.
    turn: u64,
    /// The host's name, where it is not an address.
    host: Option<String>,
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
    let mut rounds = 0;
    while !*stopping.borrow() {
        pulse.polls();
        rounds += 1;
        crash::stall("poll", rounds);
        let desk = desks.borrow().clone();
        // What cannot be stored is not asked for.
        let is_paused = desk.store.trouble().is_some();
        let has_hubs = websub::callbacks(&desk.config).is_some() && !is_paused;
        if has_hubs && looked_at.elapsed() >= HINT_LOOK {
            timetable.take_hints(&desk).await;
            looked_at = Instant::now();
        }
        let mut room = polls.room(desk.config.daemon.polls_at_once_max);
        let mut patience = NAP;
        let due = if is_paused { Vec::new() } else { timetable.due(Utc::now(), desk.fetcher.resolver()) };
        for row in due {
            match room.takes(row.is_slow) {
                true => polls.start(&desk, row),
                // One under way may turn out slow, and give up its place.
                false => patience = polls.patience(),
            }
        }
        let nap = if is_paused { NAP } else { timetable.nap(Utc::now()) }.min(if has_hubs {
            patience.min(HINT_LOOK)
        } else {
            patience
        });
        tokio::select! {
            Some(done) = polls.tasks.join_next_with_id() => {
                let done = polls.end(done);
                timetable.log(&done);
                reach.note(done.polled.as_ref(), timetable.rows.len());
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
        let mut room = polls.room(desk.config.daemon.polls_at_once_max);
        while room.takes(false) {
            let Some(source) = waiting.pop_front() else { break };
            let state = states.remove(&source.name).unwrap_or_else(|| fresh_state(&source));
            polls.start(desk, &mut Row::new(source, state));
        }
        let next = tokio::time::timeout(polls.patience(), polls.tasks.join_next_with_id()).await;
        let done = match next {
            Ok(Some(done)) => polls.end(done),
            Ok(None) => return Ok(()),
            // One under way may have turned out slow, and makes room.
            Err(_) => continue,
        };
        if let Some(polled) = done.polled {
            tell(&done.name, &polled);
        }
    }
}

/// Polls under way.
#[derive(Default)]
struct Polls {
    tasks: JoinSet<Result<Polled, StoreError>>,
    under_way: HashMap<Id, UnderWay>,
    /// How long the last quick ones took.
    took: VecDeque<Duration>,
}

struct UnderWay {
    name: String,
    began: Instant,
    /// Its source is known to be slow.
    is_slow: bool,
    waits: Arc<Waits>,
}

/// Since when a poll has been waiting for its server; nothing while it works.
#[derive(Debug, Default)]
pub(super) struct Waits(Mutex<Option<Instant>>);

impl Waits {
    pub(super) async fn on<T>(&self, answer: impl Future<Output = T>) -> T {
        self.set(Some(Instant::now()));
        let answer = answer.await;
        self.set(None);
        answer
    }

    fn set(&self, since: Option<Instant>) {
        *self.0.lock().expect("no holder panics") = since;
    }

    fn since(&self) -> Option<Instant> {
        *self.0.lock().expect("no holder panics")
    }
}

/// A poll that has ended.
struct Done {
    name: String,
    /// `None` where it was cut off.
    polled: Option<Result<Polled, StoreError>>,
    took: Duration,
}

/// How many polls may start.
struct Room {
    any: usize,
    slow: usize,
}

impl Room {
    /// Whether there is room for one more; takes it.
    fn takes(&mut self, is_slow: bool) -> bool {
        let left = if is_slow { &mut self.slow } else { &mut self.any };
        let is_left = *left > 0;
        *left = left.saturating_sub(1);
        is_left
    }
}

impl Polls {
    fn room(&self, at_once_max: usize) -> Room {
        let patience = self.patience();
        let has_place = |one: &&UnderWay| match one.waits.since() {
            Some(since) => !one.is_slow && since.elapsed() < patience,
            None => true,
        };
        let placed = self.under_way.values().filter(has_place).count();
        let without = self.under_way.len() - placed;
        let known = self.under_way.values().filter(|one| one.is_slow).count();
        Room {
            any: at_once_max.saturating_sub(placed).min((at_once_max * SLOW_SHARE).saturating_sub(without)),
            slow: (at_once_max * KNOWN_SLOW_SHARE).saturating_sub(known),
        }
    }

    /// How long a poll keeps its place.
    fn patience(&self) -> Duration {
        let mut took: Vec<_> = self.took.iter().collect();
        let (_, usual, _) = match took.len() {
            0 => return USUAL_AT_FIRST.mul_f64(PATIENCE),
            polls => took.select_nth_unstable(polls / 2),
        };
        usual.mul_f64(PATIENCE).clamp(PATIENCE_LEAST, SLOW_FROM)
    }

    fn start(&mut self, desk: &Arc<Desk>, row: &mut Row) {
        row.under_way = true;
        let (desk, source, state) = (desk.clone(), row.source.clone(), row.state.clone());
        let (name, waits) = (source.name.clone(), Arc::<Waits>::default());
        let id = self.tasks.spawn(survived(desk, source, state, waits.clone())).id();
        let under_way = UnderWay { name, began: Instant::now(), is_slow: row.is_slow, waits };
        self.under_way.insert(id, under_way);
    }

    fn end(&mut self, done: Result<(Id, Result<Polled, StoreError>), JoinError>) -> Done {
        let (id, polled) = match done {
            Ok((id, polled)) => (id, Some(polled)),
            Err(error) => (error.id(), None),
        };
        let ended = self.under_way.remove(&id);
        let took = ended.as_ref().map(|ended| ended.began.elapsed()).unwrap_or_default();
        if took < SLOW_FROM {
            self.took.truncate(USUAL_POLLS - 1);
            self.took.push_front(took);
        }
        Done { name: ended.map(|ended| ended.name).unwrap_or_default(), polled, took }
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
async fn survived(
    desk: Arc<Desk>,
    source: Source,
    state: SourceState,
    waits: Arc<Waits>,
) -> Result<Polled, StoreError> {
    let mut poll = JoinSet::new();
    {
        let (desk, source, state) = (desk.clone(), source.clone(), state.clone());
        poll.spawn(async move {
            crash::point(Point::PollBegins);
            let polled = poll_source(&desk, &source, state, &waits).await;
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

impl Row {
    fn new(source: Source, state: SourceState) -> Row {
        let mut turn = DefaultHasher::new();
        source.name.hash(&mut turn);
        let host = Url::parse(&source.url).ok().and_then(|url| Some(url.domain()?.to_owned()));
        let turn = turn.finish();
        Row { source, state, under_way: false, is_slow: false, turn, host, logged: None }
    }
}

impl Timetable {
    async fn load(desk: &Desk) -> Timetable {
        Timetable { rows: Vec::new(), hints: Hints::default(), repeats: Repeats::default() }
            .renewed(desk)
            .await
    }

    /// The timetable for a desk with other sources; polls under way stay so.
    async fn renewed(self, desk: &Desk) -> Timetable {
        let store = desk.store.clone();
        let states = off_thread(move || store.states()).await.unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "source states were not read");
            Vec::new()
        });
        let mut states = by_name(states);
        let mut known: HashMap<_, _> = self
            .rows
            .into_iter()
            .map(|row| (row.source.name.clone(), (row.under_way, row.is_slow)))
            .collect();
        let enabled = desk.config.sources.iter().filter(|source| source.enabled);
        let rows = enabled.map(|source| {
            let state = states.remove(&source.name).unwrap_or_else(|| fresh_state(source));
            let (under_way, is_slow) = known.remove(&source.name).unwrap_or_default();
            Row { under_way, is_slow, ..Row::new(source.clone(), state) }
        });
        Timetable { rows: rows.collect(), hints: self.hints, repeats: self.repeats }
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

    /// Sources whose time has come, the longest overdue first. While names do not resolve
    /// those that need no name server come before the others.
    fn due(&mut self, now: DateTime<Utc>, resolver: &Resolver) -> Vec<&mut Row> {
        let hosts = self.rows.iter().filter_map(|row| row.host.as_deref());
        let hopeless: HashSet<String> = resolver.hopeless(hosts).into_iter().map(str::to_owned).collect();
        let is_due = |row: &&mut Row| {
            !row.under_way && row.state.next_poll_at.is_none_or(|at| !is_to_come(&row.state, at, now))
        };
        let mut due: Vec<_> = self.rows.iter_mut().filter(is_due).collect();
        due.sort_by_cached_key(|row| {
            let is_hopeless = row.host.as_ref().is_some_and(|host| hopeless.contains(host));
            (is_hopeless, row.state.next_poll_at, row.turn)
        });
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
    fn log(&mut self, Done { name, polled, .. }: &Done) {
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

    fn note(&mut self, Done { name, polled, took }: Done) {
        let Some(row) = self.rows.iter_mut().find(|row| row.source.name == name) else { return };
        row.under_way = false;
        let found_news = matches!(&polled, Some(Ok(polled)) if polled.new + polled.revised > 0);
        row.is_slow = took >= SLOW_FROM;
        match polled {
            Some(Ok(polled)) => {
                row.state = polled.state;
                self.repeats.end();
            }
            Some(Err(error)) => {
                if self.repeats.is_new(&error) {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(source = name, error, "a poll was not recorded; will retry");
                }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A poll under way that has waited so long for its server, or works.
    fn under_way(polls: &mut Polls, waits_ms: Option<u64>, is_slow: bool) {
        let id = polls.tasks.spawn(std::future::pending()).id();
        let since = waits_ms.and_then(|ms| Instant::now().checked_sub(Duration::from_millis(ms)));
        let waits = Arc::new(Waits(Mutex::new(since)));
        polls.under_way.insert(id, UnderWay { name: String::new(), began: Instant::now(), is_slow, waits });
    }

    #[tokio::test]
    async fn a_poll_keeps_its_place_while_it_works_and_not_while_it_waits_long() {
        let check = |usual_ms: &[u64], waits_ms, is_slow, left: (usize, usize)| {
            let took = usual_ms.iter().map(|ms| Duration::from_millis(*ms)).collect();
            let mut polls = Polls { took, ..Polls::default() };
            under_way(&mut polls, waits_ms, is_slow);
            let Room { any, slow } = polls.room(4);
            assert_eq!((any, slow), left, "{usual_ms:?} {waits_ms:?} {is_slow}");
        };
        let most = 4 * KNOWN_SLOW_SHARE;
        check(&[], Some(1), false, (3, most));
        check(&[], Some(1_000), false, (4, most));
        check(&[400, 400, 9], Some(500), false, (3, most));
        check(&[400, 400, 9], Some(900), false, (4, most));
        check(&[1, 1, 1_900], Some(500), false, (4, most));
        check(&[400], None, false, (3, most));
        check(&[400], Some(1), true, (4, most - 1));
        check(&[400], None, true, (3, most - 1));
    }

    #[tokio::test]
    async fn what_is_known_to_be_slow_leaves_room_for_what_turns_out_so() {
        let mut polls = Polls::default();
        for _ in 0..4 * KNOWN_SLOW_SHARE {
            under_way(&mut polls, Some(10_000), true);
        }
        let mut room = polls.room(4);
        assert!(!room.takes(true) && room.takes(false));
        for _ in 0..4 * (SLOW_SHARE - KNOWN_SLOW_SHARE) {
            under_way(&mut polls, Some(10_000), false);
        }
        assert!(!polls.room(4).takes(false), "there is an end to it");
    }
}
