//! Nights in which clocks change: every digest is made once, whatever the local
//! time does meanwhile.

use crate::inside::{Inside, time};
use chrono::{TimeDelta, Timelike as _};
use newswatch::mail::Limits;

/// A plan's zone and cron line, the first and last instant looked at, and when its
/// digests are due: the instants in UTC.
type Night = (&'static str, &'static str, [&'static str; 2], &'static [&'static str]);

const NIGHTS: &[Night] = &[
    // Brussels: 02:00 becomes 03:00 on 28 March 2027.
    (
        "Europe/Brussels",
        "30 2 * * *",
        ["2027-03-26T12:00:00Z", "2027-03-29T12:00:00Z"],
        &["2027-03-27T01:30:00Z", "2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"],
    ),
    // 03:00 becomes 02:00 on 25 October 2026.
    (
        "Europe/Brussels",
        "30 2 * * *",
        ["2026-10-23T12:00:00Z", "2026-10-26T12:00:00Z"],
        &["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
    ),
    (
        "Europe/Brussels",
        "0 7 * * *",
        ["2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"],
        &["2026-10-25T06:00:00Z", "2026-10-26T06:00:00Z"],
    ),
    // Santiago: midnight becomes 01:00 on 6 September 2026, so that day has none.
    (
        "America/Santiago",
        "0 0 * * *",
        ["2026-09-04T12:00:00Z", "2026-09-07T12:00:00Z"],
        &["2026-09-05T04:00:00Z", "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"],
    ),
    // Midnight becomes 23:00 on 3 April 2027: that hour comes twice.
    (
        "America/Santiago",
        "30 23 * * *",
        ["2027-04-02T12:00:00Z", "2027-04-05T12:00:00Z"],
        &["2027-04-03T02:30:00Z", "2027-04-04T02:30:00Z", "2027-04-05T03:30:00Z"],
    ),
    // Lord Howe: half an hour, at 02:00 on 4 October 2026 and back on 4 April 2027.
    (
        "Australia/Lord_Howe",
        "15 2 * * *",
        ["2026-10-02T12:00:00Z", "2026-10-05T12:00:00Z"],
        &["2026-10-02T15:45:00Z", "2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
    ),
    (
        "Australia/Lord_Howe",
        "45 1 * * *",
        ["2027-04-02T12:00:00Z", "2027-04-05T12:00:00Z"],
        &["2027-04-02T14:45:00Z", "2027-04-03T14:45:00Z", "2027-04-04T15:15:00Z"],
    ),
];

/// Between two looks of the loop.
const STEP: TimeDelta = TimeDelta::minutes(15);

#[tokio::test]
async fn each_digest_is_made_once_in_a_night_in_which_clocks_change() {
    for (zone, cron, [from, to], due) in NIGHTS {
        let desk = Inside::open(
            &format!(
                "[mail]\nfrom = \"newswatch@example.org\"\n\
                 [[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
                 [[plan]]\nname = \"desk\"\nto = [\"ada@example.org\"]\n\
                 cron = {cron:?}\ntimezone = {zone:?}\nall_is_well = true\n"
            ),
            Limits::default(),
        );
        let (mut now, to) = (time(from), time(to));
        let mut made = Vec::new();
        while now <= to {
            if now.minute() == 0 && now.hour().is_multiple_of(3) {
                desk.publish(&now.to_rfc3339(), "Temirov", &format!("Temirov was seen at {now}."), now);
            }
            for told in desk.round(now).await {
                assert_eq!(told.recipient, "ada@example.org");
                made.push(now);
            }
            now += STEP;
        }
        let due: Vec<_> = due.iter().map(|at| time(at)).collect();
        assert_eq!(made, due, "{cron} in {zone}");
        let told_twice = "SELECT count(*) - count(DISTINCT match_id) FROM owed WHERE digest_id IS NOT NULL";
        assert_eq!(desk.query(told_twice), ["0"]);
        let left = "SELECT count(*) FROM not_yet_told WHERE owed_at < (SELECT max(until_at) FROM digest)";
        assert_eq!(desk.query(left), ["0"], "{cron} in {zone}: everything before a digest is in one");
    }
}
