//! Hubs: when they are asked, what they may confirm, and what their hints bring.

use super::*;

const CALLBACKS: &str = "https://news.example.org/websub/";

fn offer(hub: &str) -> Offer {
    Offer { hub: format!("https://{hub}.example/"), topic: "https://example.org/feed".into() }
}

impl Desk {
    fn offers(&self, hub: Option<&str>, minutes: i64) {
        let offer = hub.map(offer);
        self.store.note_hub(RADIO, offer.as_ref(), minute(minutes)).expect("an offer is noted");
    }

    fn due(&self, minutes: i64) -> Vec<HubWork> {
        self.store.hubs_due(Some(CALLBACKS), minute(minutes), 9).expect("the due are read")
    }

    fn asks(&self, minutes: i64) -> HubWork {
        let work = self.due(minutes).pop().unwrap_or_else(|| panic!("nothing is due at minute {minutes}"));
        self.store.hub_is_asked(&work, minute(minutes)).expect("a try is noted");
        self.store.hub_was_asked(work.id, None).expect("its answer is noted");
        work
    }

    fn confirms(&self, work: &HubWork, lease_seconds: i64, minutes: i64) -> bool {
        let path = work.callback.trim_start_matches(CALLBACKS);
        let lease = Some(lease_seconds);
        let confirmed = self.store.hub_confirms(path, &work.topic, lease, work.is_wanted, minute(minutes));
        confirmed.expect("a question is answered")
    }

    /// The first minute of `minutes` at which a hub is to be asked.
    fn next_due(&self, minutes: std::ops::Range<i64>) -> Option<i64> {
        minutes.into_iter().find(|at| !self.due(*at).is_empty())
    }
}

#[test]
fn a_hub_is_asked_ever_more_rarely_until_it_answers_and_again_before_the_lease_ends() {
    let desk = desk();
    desk.offers(Some("hub"), 0);
    let first = desk.asks(0);
    assert_eq!(first.hub, "https://hub.example/");
    let mut now = 0;
    for pause in [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440] {
        assert_eq!(desk.next_due(now..now + pause + 1), Some(now + pause), "after a pause of {pause}");
        now += pause;
        assert_eq!(desk.asks(now).callback, first.callback, "the address stays");
    }
    for (lease_seconds, renewed_after) in [(36_000, 480), (1, 4), (i64::MAX, 34_560), (-5, 4)] {
        assert!(desk.confirms(&first, lease_seconds, now));
        assert_eq!(
            desk.next_due(now + renewed_after - 1..now + renewed_after + 1),
            Some(now + renewed_after),
            "{lease_seconds}"
        );
        assert!(desk.due(now + renewed_after - 1).is_empty(), "{lease_seconds}");
        now += renewed_after;
        desk.asks(now);
    }
    let path = first.callback.rsplit('/').next().expect("a path");
    assert!(desk.store.hub_confirms(path, &first.topic, None, true, minute(now)).expect("answered"));
    let asked_for = 10 * 24 * 60 / 5 * 4;
    assert_eq!(
        desk.next_due(now + asked_for - 1..now + asked_for + 1),
        Some(now + asked_for),
        "no lease named"
    );
    now += asked_for;
    desk.asks(now);
    assert!(
        !desk.confirms(&first, 36_000, now + 24 * 60 + 1),
        "a day after it was asked nothing is confirmed"
    );
    assert_eq!(desk.due(-10 * 365 * 24 * 60).len(), 1, "a clock that was ahead stops nothing");
    let elsewhere =
        desk.store.hubs_due(Some("https://other.example.org/websub/"), minute(now), 9).expect("read");
    assert_eq!(elsewhere.len(), 1, "a hub is told at once where we are now");
    let nowhere = desk.store.hubs_due(None, minute(now + 9_999), 9).expect("read");
    assert_eq!(nowhere, [], "or not at all");
}

#[test]
fn what_a_source_offers_no_more_is_ended() {
    let desk = desk();
    desk.offers(Some("first"), 0);
    desk.offers(Some("second"), 1);
    assert_eq!(
        desk.asks(2).hub,
        "https://first.example/",
        "a feed that changes its mind at once is not followed"
    );
    desk.offers(Some("second"), 60);
    let work: Vec<_> = desk.due(60).into_iter().map(|work| (work.hub, work.is_wanted)).collect();
    assert_eq!(
        work,
        [("https://first.example/".to_owned(), false), ("https://second.example/".to_owned(), true)]
    );
    for minutes in [60, 70, 80, 90] {
        for work in desk.due(minutes) {
            desk.store.hub_is_asked(&work, minute(minutes)).expect("a try is noted");
            desk.store.hub_was_asked(work.id, Some("it answered 500")).expect("its answer is noted");
        }
    }
    assert_eq!(
        desk.sql::<String>("SELECT group_concat(hub) FROM subscription"),
        "https://second.example/",
        "ends are not asked for without end"
    );
    desk.offers(None, 200);
    assert!(!desk.due(200)[0].is_wanted);
    assert!(desk.confirms(&desk.asks(200), 0, 200));
    assert_eq!(desk.sql::<i64>("SELECT count(*) FROM subscription"), 0);
    desk.offers(Some("third"), 300);
    desk.store.keep_hubs_of(&[PAPER.into()], minute(300)).expect("kept");
    assert_eq!(
        desk.sql::<i64>("SELECT count(*) FROM subscription"),
        0,
        "nobody was asked, so nothing is to be ended"
    );
}

#[test]
fn hints_bring_one_poll_a_minute() {
    let desk = desk();
    desk.offers(Some("hub"), 0);
    let work = desk.asks(0);
    let path = work.callback.trim_start_matches(CALLBACKS);
    let polled = |minutes: i64| {
        let mut poll = poll(RADIO, &[]);
        poll.state.polled_at = Some(minute(minutes));
        desk.store.record(&poll, minute(minutes)).expect("a poll is recorded");
    };
    let hint = || desk.store.hint(path, minute(10)).expect("a hint is kept");
    let taken = |minutes: i64| desk.store.take_hints(minute(minutes)).expect("hints are read");
    polled(10);
    assert_eq!(taken(11), Vec::<String>::new(), "nobody hinted");
    hint();
    hint();
    assert_eq!(taken(10), Vec::<String>::new(), "it was polled just now");
    assert_eq!(taken(11), [RADIO]);
    assert_eq!(
        desk.sql::<String>("SELECT next_poll_at FROM source WHERE name = 'Radio Pamir'"),
        "2026-11-23T22:11:00Z"
    );
    assert_eq!(taken(12), Vec::<String>::new(), "once");
    hint();
    assert_eq!(taken(-60), [RADIO], "a clock that was set back holds nothing");
    desk.store.register(&[], &[], minute(20)).expect("registered");
    hint();
    assert_eq!(taken(30), Vec::<String>::new(), "nobody reads it any more");
}
