use super::*;
use chrono::Timelike;
use chrono_tz::Tz;
use proptest::prelude::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn cron(line: &str, zone: &str) -> Cron {
    Cron::parse(line, zone.parse().expect("a zone")).expect("a cron line")
}

/// The instants after `after`, in UTC; also that looking back from each finds it again.
fn check_cron(zone: &str, line: &str, after: &str, expected: &[&str]) {
    let cron = cron(line, zone);
    let mut now = at(after);
    for expected in expected {
        let next = cron.next_after(now).expect("an instant");
        assert_eq!(next, at(expected), "`{line}` in {zone} after {now}");
        assert_eq!(cron.last_at_or_before(next), Some(next), "`{line}` in {zone} looking back from {next}");
        assert_eq!(
            cron.last_at_or_before(next - TimeDelta::seconds(1)).filter(|last| *last > now),
            None,
            "`{line}` in {zone} has nothing between {now} and {next}"
        );
        now = next;
    }
}

#[test]
fn daylight_saving_takes_no_digest_and_doubles_none() {
    // Brussels skips 02:00-03:00 on 29 March 2026 and doubles it on 25 October, both at 01:00 UTC.
    let brussels = "Europe/Brussels";
    let spring = "2026-03-28T12:00:00Z";
    let autumn = "2026-10-24T12:00:00Z";
    check_cron(brussels, "30 2 * * *", spring, &["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    check_cron(brussels, "30 2 * * *", autumn, &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    check_cron(brussels, "0 2,3 * * *", spring, &["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]);
    check_cron(brussels, "@daily", spring, &["2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"]);
    // A rhythm goes on through both passes of the doubled hour.
    check_cron(
        brussels,
        "*/30 * * * *",
        "2026-10-25T00:15:00Z",
        &["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"],
    );
    check_cron(
        brussels,
        "*/30 * * * *",
        "2026-03-29T00:15:00Z",
        &["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"],
    );
    check_cron(
        brussels,
        "@hourly",
        "2026-10-25T00:00:00Z",
        &["2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"],
    );
    let new_york = "America/New_York";
    check_cron(
        new_york,
        "30 2 * * *",
        "2026-03-07T12:00:00Z",
        &["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"],
    );
    check_cron(
        new_york,
        "30 1 * * *",
        "2026-10-31T12:00:00Z",
        &["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"],
    );
    // Tehran moved at midnight: 22 March 2022 began at 01:00, 21 September had 23:00 twice.
    let tehran = "Asia/Tehran";
    check_cron(
        tehran,
        "0 0 * * *",
        "2022-03-21T12:00:00Z",
        &["2022-03-21T20:30:00Z", "2022-03-22T19:30:00Z"],
    );
    check_cron(
        tehran,
        "30 23 * * *",
        "2022-09-21T12:00:00Z",
        &["2022-09-21T19:00:00Z", "2022-09-22T20:00:00Z"],
    );
    // Lord Howe moves by half an hour.
    let lord_howe = "Australia/Lord_Howe";
    check_cron(
        lord_howe,
        "15 2 * * *",
        "2026-10-03T12:00:00Z",
        &["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
    );
    check_cron(
        lord_howe,
        "45 1 * * *",
        "2026-04-04T12:00:00Z",
        &["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"],
    );
    // Samoa had no 30 December 2011 at all.
    check_cron("Pacific/Apia", "0 7 30 12 *", "2011-12-29T00:00:00Z", &["2011-12-30T10:00:00Z"]);
    // Bishkek has no daylight saving.
    check_cron("Asia/Bishkek", "30 2 * * *", spring, &["2026-03-28T20:30:00Z", "2026-03-29T20:30:00Z"]);
}

#[test]
fn fields_mean_what_crontab_says() {
    // 23 November 2026 is a Monday.
    let monday = "2026-11-23T00:00:00Z";
    for (line, expected) in [
        ("0 7 * * 0", "2026-11-29T07:00:00Z"),
        ("0 7 * * 7", "2026-11-29T07:00:00Z"),
        ("0 7 * * 1", "2026-11-23T07:00:00Z"),
        ("0 7 * * sat-sun", "2026-11-28T07:00:00Z"),
        ("0 7 * * Wednesday", "2026-11-25T07:00:00Z"),
        ("0 7 * * 5-7", "2026-11-27T07:00:00Z"),
        ("0 7 1 * Fri", "2026-11-27T07:00:00Z"),
        ("0 7 24 * Fri", "2026-11-24T07:00:00Z"),
        ("0 7 */2 * Tue", "2026-12-01T07:00:00Z"),
        ("0 0 29 2 *", "2028-02-29T00:00:00Z"),
        ("0 7 ? Dec ?", "2026-12-01T07:00:00Z"),
        ("30 15 8/4 * * *", "2026-11-23T08:15:30Z"),
        ("@weekly", "2026-11-29T00:00:00Z"),
        ("@Monthly", "2026-12-01T00:00:00Z"),
        ("@yearly", "2027-01-01T00:00:00Z"),
        ("  5\t4  * * *  ", "2026-11-23T04:05:00Z"),
    ] {
        check_cron("UTC", line, monday, &[expected]);
    }
}

#[test]
fn bad_lines_name_the_field_and_what_it_holds() {
    for (line, expected) in [
        ("0 25 * * *", "`25` is no hour: the hour field holds 0 to 23"),
        ("60 * * * *", "`60` is no minute: the minute field holds 0 to 59"),
        ("0 7 * * Mo", "`Mo` is no weekday: the weekday field holds 0 to 7 or sun-sat"),
        ("0 7 0 * *", "`0` is no day: the day field holds 1 to 31"),
        ("0 7 * Foo *", "`Foo` is no month: the month field holds 1 to 12 or jan-dec"),
        ("0 7- * * *", "`7-` is no hour: the hour field holds 0 to 23"),
        ("0 22-6 * * *", "`22-6` in the hour field runs backwards; write two ranges"),
        ("*/0 * * * *", "the step of `*/0` is no number above 0"),
        ("0 -7 * * *", "`-7` is no hour: the hour field holds 0 to 23"),
        ("0 99999999999 * * *", "`99999999999` is no hour: the hour field holds 0 to 23"),
        (
            "0 7",
            "`0 7` is no cron line: it has 5 fields (minute hour day month weekday), or 6 with seconds first, \
             such as `0 7 * * Mon-Fri`",
        ),
        ("@reboot", "`@reboot` is none of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually"),
        ("0 7 30 2 *", "`0 7 30 2 *` never comes: no month it names has that day"),
    ] {
        let error = Cron::parse(line, Tz::UTC).expect_err(line);
        assert_eq!(error.to_string(), expected);
    }
}

/// A field of numbers, ranges and steps that crontab and croner read alike.
fn field(least: u32, most: u32) -> impl Strategy<Value = String> {
    let number = least..=most;
    let range = (number.clone(), number.clone()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b)));
    let stepped = (number.clone(), number.clone(), 1..9_u32)
        .prop_map(|(a, b, n)| format!("{}-{}/{n}", a.min(b), a.max(b)));
    let part = prop_oneof![3 => number.prop_map(|n| n.to_string()), 1 => range, 1 => stepped];
    prop_oneof![
        3 => Just("*".to_owned()),
        4 => prop::collection::vec(part, 1..4).prop_map(|parts| parts.join(",")),
    ]
}

fn line() -> impl Strategy<Value = String> {
    (field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6))
        .prop_map(|(minute, hour, day, month, weekday)| format!("{minute} {hour} {day} {month} {weekday}"))
}

fn zone() -> impl Strategy<Value = Tz> {
    prop::sample::select(vec![
        chrono_tz::Europe::Brussels,
        chrono_tz::America::New_York,
        chrono_tz::Australia::Lord_Howe,
        chrono_tz::Asia::Tehran,
        chrono_tz::Asia::Bishkek,
        chrono_tz::Asia::Kathmandu,
    ])
}

/// Whether the zone's offset changes within two days of either instant, or differs between them.
fn near_transition(zone: Tz, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
    use chrono::{Offset, TimeZone};
    let offset = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    let day = TimeDelta::days(2);
    [from - day, from + day, to - day, to + day].iter().any(|at| offset(*at) != offset(from))
}

proptest! {
    #[test]
    fn agrees_with_croner_away_from_daylight_saving(
        line in line(), zone in zone(), seconds in 1_600_000_000_i64..1_900_000_000,
    ) {
        let now = DateTime::from_timestamp(seconds, 0).expect("in range");
        let ours = Cron::parse(&line, zone).expect("a cron line").next_after(now).expect("comes");
        prop_assume!(!near_transition(zone, now, ours));
        let theirs: croner::Cron = line.parse().expect("croner reads it");
        let theirs = theirs.find_next_occurrence(&now.with_timezone(&zone), false).expect("comes");
        prop_assert_eq!(ours, theirs.to_utc(), "`{}` in {} after {}", line, zone, now);
    }

    #[test]
    fn looking_back_mirrors_looking_ahead(
        line in line(), zone in zone(), seconds in 1_600_000_000_i64..1_900_000_000,
    ) {
        let now = DateTime::from_timestamp(seconds, 0).expect("in range");
        let cron = Cron::parse(&line, zone).expect("a cron line");
        let next = cron.next_after(now).expect("comes");
        prop_assert!(next > now);
        if next - now < TimeDelta::days(399) {
            prop_assert_eq!(cron.last_at_or_before(next), Some(next));
            if let Some(last) = cron.last_at_or_before(now) {
                prop_assert_eq!(cron.next_after(last), Some(next));
            }
        }
    }

    #[test]
    fn no_line_and_no_header_panics(text in "[@*/,0-9a-zA-Z ?#-]{0,40}", any in ".{0,40}") {
        for line in [&text, &any] {
            if let Ok(cron) = Cron::parse(line, chrono_tz::Asia::Tehran) {
                cron.next_after(at("2026-11-23T00:00:00Z"));
            }
            retry_after(line, at("2026-11-23T00:00:00Z"));
        }
    }
}

#[test]
fn the_ends_of_the_calendar_are_no_trap() {
    let daily = cron("@daily", "Asia/Tehran");
    for end in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        daily.next_after(end);
        daily.last_at_or_before(end);
        next_poll(&Cadence::Every(Duration::MAX), &Rhythm::default(), end, f64::NAN);
        retry_after("60", end);
    }
}

const NOW: &str = "2026-11-23T12:00:00Z";

/// Minutes until the next poll, rounded.
fn check_poll(cadence: &Cadence, failures: u32, habit: &Habit, asked: Option<u64>, expected: i64) {
    let rhythm = Rhythm { failures, habit: habit.clone(), asked: asked.map(minutes), not_before: None };
    let now = at(NOW);
    let wait = next_poll(cadence, &rhythm, now, 0.0) - now;
    assert_eq!(wait.num_minutes(), expected, "{cadence:?} {rhythm:?}");
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// Three weeks of articles, one every so many minutes of those hours that `publishes`.
fn habit(every: i64, publishes: impl Fn(DateTime<Utc>) -> bool) -> Habit {
    let mut habit = Habit::default();
    let count = 21 * 24 * 60 / every;
    let times = (0..count).map(|n| at(NOW) - TimeDelta::minutes(n * every));
    habit.learn(times.filter(|at| publishes(*at)), at(NOW));
    habit
}

#[test]
fn intervals_follow_the_source() {
    let every = |count| Cadence::Every(minutes(count));
    let none = Habit::default();
    check_poll(&every(10), 0, &none, None, 10);
    check_poll(&every(10), 0, &none, Some(60), 10);
    // Failures: doubling, never given up, a rare source sooner than its turn.
    check_poll(&every(10), 1, &none, None, 10);
    check_poll(&every(10), 3, &none, None, 40);
    check_poll(&every(10), 500, &none, None, 120);
    check_poll(&every(2 * 24 * 60), 1, &none, None, 10);
    check_poll(&Cadence::Cron(cron("0 7 * * *", "UTC")), 0, &none, None, 19 * 60);
    check_poll(&Cadence::Cron(cron("0 7 * * *", "UTC")), 2, &none, None, 20);
    check_poll(&Cadence::Cron(cron("5 12 * * *", "UTC")), 1, &none, None, 5);
}

/// It is noon of a Monday.
#[test]
fn an_adaptive_source_is_polled_when_it_publishes() {
    let check = |habit: &Habit, asked, expected| check_poll(&Cadence::ADAPTIVE, 0, habit, asked, expected);
    let always = |_: DateTime<Utc>| true;
    check(&Habit::default(), None, 15);
    check(&habit(1, always), None, 5);
    check(&habit(40, always), None, 18);
    check(&habit(3 * 24 * 60, always), None, 60);
    check(&habit(40, always), Some(30), 30);
    check(&habit(40, always), Some(10_000), 60);
    let at_hours = |from: u32, to: u32| move |at: DateTime<Utc>| (from..to).contains(&at.hour());
    check(&habit(40, at_hours(9, 15)), None, 14);
    check(&habit(40, at_hours(0, 6)), None, 60);
    check(&habit(40, |at| at.weekday().num_days_from_monday() >= 5), None, 60);
}

#[test]
fn a_habit_is_read_back_and_survives_any_clock() {
    let learned = habit(40, |_| true);
    let text = learned.to_text();
    assert_eq!(Habit::of_text(&text).to_text(), text);
    assert_ne!(Habit::of_text(&text), Habit::default());
    for text in ["", "{}", "[1]", r#"{"counts":[1],"faded_to":0,"since":0}"#] {
        assert_eq!(Habit::of_text(text), Habit::default(), "{text}");
    }
    let (least, most) = (minutes(5), minutes(60));
    for days in [-4000, -1, 0, 1, 30, 4000, 90_000] {
        let now = at(NOW) + TimeDelta::days(days);
        let mut habit = learned.clone();
        habit.learn([now, now - TimeDelta::days(90), now + TimeDelta::days(90)], now);
        let wait = habit.wait(now, least, most).expect("something is known");
        assert!((least..=most).contains(&wait), "{days} days on: {wait:?}");
    }
}

#[test]
fn not_before_holds_and_jitter_belongs_to_the_name() {
    let now = at(NOW);
    let not_before = Some(now + TimeDelta::hours(3));
    let rhythm = Rhythm { not_before, ..Default::default() };
    assert_eq!(Some(next_poll(&Cadence::ADAPTIVE, &rhythm, now, 0.5)), not_before);
    let names = ["Kloop", "24.kg", "Kaktus", "Eurasianet", "The Diplomat", "CPJ", "HRW", "OFAC"];
    let mut jitters = names.map(jitter);
    assert_eq!(jitters, names.map(jitter));
    assert!(jitters.iter().all(|jitter| (0.0..=1.0).contains(jitter)));
    jitters.sort_by(f64::total_cmp);
    assert!(jitters[7] - jitters[0] > 0.5, "{jitters:?}");
    let wait = next_poll(&Cadence::Every(minutes(100)), &Rhythm::default(), now, 1.0) - now;
    assert_eq!(wait.num_minutes(), 110);
}

#[test]
fn retry_after_reads_every_form() {
    for (header, expected) in [
        ("120", Some("2026-11-23T12:02:00Z")),
        (" 0 ", Some(NOW)),
        ("999999", Some("2026-11-24T12:00:00Z")),
        ("99999999999999999999999", Some("2026-11-24T12:00:00Z")),
        ("Mon, 23 Nov 2026 13:00:00 GMT", Some("2026-11-23T13:00:00Z")),
        ("Fri, 23 Nov 2026 13:00:00 GMT", Some("2026-11-23T13:00:00Z")),
        ("Monday, 23-Nov-26 13:00:00 GMT", Some("2026-11-23T13:00:00Z")),
        ("Mon Nov 23 13:00:00 2026", Some("2026-11-23T13:00:00Z")),
        ("Sun Nov  6 08:49:37 1994", Some(NOW)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", Some(NOW)),
        ("Sun, 06 Nov 2050 08:49:37 GMT", Some("2026-11-24T12:00:00Z")),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("in a while", None),
        ("", None),
    ] {
        assert_eq!(retry_after(header, at(NOW)), expected.map(at), "`{header}`");
    }
}
