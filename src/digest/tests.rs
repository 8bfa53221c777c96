use super::*;
use chrono::TimeZone;

fn plan(watches: &[&str], at_least: f64, at_once_from: Option<f64>) -> Plan {
    Plan {
        name: "rights desk".into(),
        to: vec!["desk@example.org".into()],
        post_to: Vec::new(),
        chat_to: Vec::new(),
        watches: watches.iter().map(|name| (*name).into()).collect(),
        at_least,
        cron: Some(Cron::parse("0 7 * * *", chrono_tz::Europe::Brussels).expect("a cron line")),
        at_once_from,
        quiet: None,
        zone: chrono_tz::Europe::Brussels,
        burst_max: 5,
        spike_from: None,
        all_is_well: false,
    }
}

#[test]
fn a_plan_wants_its_watches_from_its_score_on() {
    use Urgency::{AtOnce, Digest};
    let check = |watches: &[&str], score: f64, expected: Option<Urgency>| {
        let plan = plan(watches, 3.0, Some(8.0));
        assert_eq!(plan.urgency("Bolot Temirov", score), expected, "{watches:?} {score}");
    };
    check(&["*"], 3.0, Some(Digest));
    check(&["*"], 2.9, None);
    check(&["*"], 7.9, Some(Digest));
    check(&["*"], 8.0, Some(AtOnce));
    check(&["sanctions", "Bolot Temirov"], 4.0, Some(Digest));
    check(&["sanctions"], 9.0, None);
    check(&[], 9.0, None);
    let alerts_only = Plan { cron: None, ..plan(&["*"], 3.0, None) };
    assert_eq!(alerts_only.urgency("sanctions", 3.0), Some(AtOnce));
}

#[test]
fn quiet_hours_are_local_and_may_span_midnight() {
    let check = |quiet: (u32, u32), month: u32, utc_hour: u32, expected: bool| {
        let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).expect("an hour of the day");
        let plan = Plan { quiet: Some((hour(quiet.0), hour(quiet.1))), ..plan(&["*"], 0.0, None) };
        let now = Utc.with_ymd_and_hms(2026, month, 10, utc_hour, 0, 0).single().expect("a date");
        assert_eq!(plan.is_quiet(now), expected, "{quiet:?} month {month} {utc_hour}:00 UTC");
    };
    // Brussels is an hour ahead of UTC in January, two in July.
    check((22, 6), 1, 20, false);
    check((22, 6), 1, 21, true);
    check((22, 6), 7, 20, true);
    check((22, 6), 1, 4, true);
    check((22, 6), 1, 5, false);
    check((22, 6), 7, 4, false);
    check((9, 17), 1, 8, true);
    check((9, 17), 1, 16, false);
    check((9, 9), 1, 8, false);
}
