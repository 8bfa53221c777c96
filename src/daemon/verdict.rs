//! What a poll says of its source: health with its reason, where it has moved,
//! and when it is polled next.
//!
//! Invariant: validators advance only with entries that were read whole.

use super::source::{Elsewhere, Kind, Reading};
use crate::config::Source;
use crate::feed::Dialect;
use crate::health::{self, Health, Record, Seen};
use crate::schedule::{self, Rhythm};
use crate::store::SourceState;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// Between looks at a source that says it is gone.
const GONE_REST: TimeDelta = TimeDelta::days(7);

/// Between looks at a source while names do not resolve.
const UNRESOLVED_REST: TimeDelta = TimeDelta::seconds(30);

/// How often that is done for a name that alone does not resolve.
const UNRESOLVED_TRIES: u32 = 20;

/// How long permanent redirects lead to one address before it is believed: a
/// misconfigured hour at the publisher's is no move.
const MOVED_FROM: TimeDelta = TimeDelta::days(1);

/// The address a source has moved to, once that has been so for a day.
pub(super) fn learned_address(state: &SourceState, now: DateTime<Utc>) -> Option<&str> {
    let is_stable = state.moved_since_at.is_some_and(|since| now - since >= MOVED_FROM);
    state.moved_to.as_deref().filter(|_| is_stable)
}

/// When the articles of a source were published, or first seen.
pub(super) struct Times {
    /// Of its newest articles, newest first.
    pub recent: Vec<DateTime<Utc>>,
    /// Of those that this poll brought.
    pub new: Vec<DateTime<Utc>>,
}

/// What is known of the source after this poll.
pub(super) fn next_state(
    source: &Source,
    before: SourceState,
    reading: &Reading,
    seen: Seen,
    times: Times,
    now: DateTime<Utc>,
) -> SourceState {
    let Times { recent, new } = times;
    let failed =
        matches!(seen, Seen::Failed | Seen::Refused | Seen::Unresolved | Seen::NotAFeed | Seen::Gone);
    let mut state = before.clone();
    state.failures = match seen {
        Seen::Deferred => before.failures,
        _ if failed => before.failures.saturating_add(1),
        _ => 0,
    };
    state.polled_at = Some(now);
    state.not_before = None;
    state.last_error = reading.error();
    follow_redirects(&mut state, reading, now);
    let mut rhythm = Rhythm { failures: state.failures, ..Rhythm::default() };
    match &reading.kind {
        Kind::Fresh { feed, validators, max_age, .. } => {
            // An empty or broken-off document is asked for whole again, and so is an index,
            // which stays the same while what it lists changes.
            let is_index = feed.dialect == Dialect::SitemapIndex;
            let is_whole = !feed.entries.is_empty() && !feed.cut_short && !is_index;
            state.validators = if is_whole { validators.clone() } else { Default::default() };
            let ttl = feed.ttl_minutes.map(|minutes| Duration::from_secs(u64::from(minutes) * 60));
            rhythm.asked = ttl.max(*max_age);
        }
        Kind::Deferred(until) => state.not_before = Some(*until),
        _ => {}
    }
    if matches!(reading.kind, Kind::Fresh { .. } | Kind::Unchanged) {
        state.read_from = reading.read_from().map(str::to_owned);
    }
    rhythm.not_before = state.not_before;
    judge(&mut state, &before, reading, seen, &recent, now);
    if !failed && seen != Seen::Deferred && seen != Seen::Entries(0) {
        state.healthy_at = Some(now);
    }
    state.habit.learn(new, now);
    rhythm.habit = state.habit.clone();
    let next = schedule::next_poll(&source.cadence, &rhythm, now, schedule::jitter(&source.name));
    state.next_poll_at = Some(match seen {
        Seen::Gone => now + GONE_REST,
        // No source is spared by waiting: as soon as names resolve all are polled.
        Seen::Unresolved => next.min(now + UNRESOLVED_REST),
        _ if reading.is_of_names() && state.failures <= UNRESOLVED_TRIES => next.min(now + UNRESOLVED_REST),
        _ => next,
    });
    state
}

/// Where a permanent redirect leads is noted with its first day; an answer without
/// one ends the move.
fn follow_redirects(state: &mut SourceState, reading: &Reading, now: DateTime<Utc>) {
    let Kind::Fresh { moved_to, .. } = &reading.kind else { return };
    if reading.elsewhere.is_some() || (state.moved_to == *moved_to && state.moved_since_at.is_some()) {
        return;
    }
    state.moved_since_at = moved_to.as_ref().map(|_| now);
    state.moved_to.clone_from(moved_to);
}

fn judge(
    state: &mut SourceState,
    before: &SourceState,
    reading: &Reading,
    seen: Seen,
    recent: &[DateTime<Utc>],
    now: DateTime<Utc>,
) {
    let health = Health::of_word(&before.health);
    let read_at = before.healthy_at.or(before.health_since_at).unwrap_or(now);
    let verdict = health::judge(
        seen,
        &Record {
            before: health,
            failures: state.failures,
            moved: learned_address(state, now).is_some(),
            silent: health::silent_too_long(recent, now),
            unread: now - read_at,
        },
    );
    if verdict != health || before.health_since_at.is_none() {
        state.health_since_at = Some(now);
    }
    state.health_reason = state.last_error.clone().or_else(|| match verdict {
        Health::Zombie => reading.emptiness().or_else(|| before.health_reason.clone()),
        Health::Stale => recent.first().zip(health::usual_gap(recent)).map(|(newest, gap)| {
            format!("nothing new since {}; usually something comes within {}", day(*newest), span(gap))
        }),
        Health::RolledOver => before.polled_at.map(|polled_at| {
            let at = polled_at.format("%Y-%m-%d %H:%M UTC");
            format!("every entry was new since {at}: others may have come and gone; poll it more often")
        }),
        Health::Blocked if seen == Seen::Deferred => {
            Some(format!("it has asked us to come back later ever since {}", day(read_at)))
        }
        Health::Moved => {
            state.moved_to.as_ref().map(|to| format!("it is at `{to}` now; put that into the configuration"))
        }
        verdict if verdict == health && verdict.is_sick() => before.health_reason.clone(),
        _ => None,
    });
    if let Some(Elsewhere { url, why, .. }) = reading.elsewhere.as_ref().filter(|found| found.is_mirror) {
        let mirror = format!("it is read at its mirror `{url}`; its own address fails: {why}");
        let reason = state.health_reason.take().filter(|_| verdict.is_sick());
        state.health_reason = Some(reason.map_or(mirror.clone(), |reason| format!("{reason}; {mirror}")));
    }
    state.health = verdict.to_string();
}

fn day(at: DateTime<Utc>) -> String {
    at.format("%-d %b %Y").to_string()
}

fn span(gap: TimeDelta) -> String {
    match (gap.num_days(), gap.num_hours()) {
        (0, 0 | 1) => "an hour".into(),
        (0 | 1, hours) => format!("{hours} hours"),
        (days, _) => format!("{days} days"),
    }
}
