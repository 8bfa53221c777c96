//! Polls that are owed to hints of hubs.
//!
//! Invariant: a hint is looked into once by a poll that began after it, and once more a
//! little later where that found nothing: a hub is often quicker than the caches of the
//! site it speaks for. A hint is a row until it is taken, which makes its source due, and
//! that is a row too; what a restart forgets is to look again after a poll that ended:
//! one that found nothing, or that was under way when the hint was taken.

use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;

/// From a poll that found nothing to the second look.
const LOOK_AGAIN: TimeDelta = TimeDelta::minutes(2);

/// What a source's next poll to end is to a hint.
#[derive(Debug, Clone, Copy)]
enum Look {
    /// It began before the hint came.
    TooSoon,
    First,
    Second,
}

/// By source.
#[derive(Debug, Default)]
pub(super) struct Hints(HashMap<String, Look>);

impl Hints {
    /// A hub says that `source` has news.
    pub fn take(&mut self, source: &str, is_under_way: bool) {
        let look = if is_under_way { Look::TooSoon } else { Look::First };
        self.0.insert(source.to_owned(), look);
    }

    /// A poll of `source` ended at `now`: when to look again for its hint, if at all.
    pub fn ended(&mut self, source: &str, found_news: bool, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (next, at) = match self.0.remove(source)? {
            Look::TooSoon => (Look::First, now),
            Look::First if !found_news => (Look::Second, now + LOOK_AGAIN),
            Look::First | Look::Second => return None,
        };
        self.0.insert(source.to_owned(), next);
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_looked_into_until_there_is_news_or_twice() {
        // Whether a poll was under way, what the polls found, minutes to the next look after each.
        let check = |is_under_way: bool, found: &[bool], expected: &[Option<i64>]| {
            let now = DateTime::UNIX_EPOCH;
            let mut hints = Hints::default();
            hints.take("Osh Echo", is_under_way);
            let looks = found.iter().map(|found| hints.ended("Osh Echo", *found, now));
            let looks: Vec<_> = looks.map(|at| at.map(|at| (at - now).num_minutes())).collect();
            assert_eq!(looks, expected, "{is_under_way} {found:?}");
            assert_eq!(hints.ended("Naryn Courier", false, now), None, "nobody hinted at it");
        };
        check(false, &[true, false], &[None, None]);
        check(false, &[false, false, false], &[Some(2), None, None]);
        check(false, &[false, true, false], &[Some(2), None, None]);
        check(true, &[true, true, false], &[Some(0), None, None]);
        check(true, &[false, false, false, false], &[Some(0), Some(2), None, None]);
    }
}
