//! Cron lines: wall-clock times first, then what they are in the zone.
//!
//! The `cron` crate counts the wall-clock times; crontab's fields, the choice of
//! day or weekday, and the zone are read here.
//!
//! Invariant: a line that parses comes due some day, and every wall-clock time
//! it names becomes one instant: daylight saving takes none away.

use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use cron::Schedule;

/// Days looked back for the slot that is due.
const DAYS_BACK_MAX: usize = 400;

/// A cron line read in a time zone, as crontab(5) has it: minute, hour, day of
/// month, month, weekday (0 and 7 are Sunday), or six fields with seconds
/// first, or `@daily` and its kin. Where neither day field starts with `*`, a
/// day that fits either is meant.
///
/// Daylight saving: a local time that is skipped runs at the first valid
/// instant after it, merged with a slot that lies there. A local time that is
/// doubled runs once, the first time; but where seconds, minute or hour start
/// with `*`, a rhythm is meant rather than a time of day and both passes run,
/// as Vixie cron has it.
///
/// ```
/// use newswatch::schedule::Cron;
/// let cron = Cron::parse("30 7 * * Mon-Fri", chrono_tz::Asia::Bishkek).unwrap();
/// let friday_night = "2026-11-20T20:00:00Z".parse().unwrap();
/// assert_eq!(cron.next_after(friday_night).unwrap().to_rfc3339(), "2026-11-23T01:30:00+00:00");
/// ```
#[derive(Debug, Clone)]
pub struct Cron {
    /// As the user wrote it.
    pub line: String,
    pub zone: Tz,
    /// Wall-clock times, as if in UTC; two where a day that fits either is meant.
    schedules: Vec<Schedule>,
    /// A rhythm rather than a time of day: both passes of a doubled hour count.
    is_rhythm: bool,
}

/// Why a cron line cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CronError(pub String);

/// The numbers a field names, as bits.
#[derive(Debug, Clone, Copy)]
struct Field {
    bits: u64,
    /// Starts with `*`: stands for "any", also with a step.
    star: bool,
}

/// What a field may hold.
struct Shape {
    name: &'static str,
    least: u32,
    most: u32,
    /// Names of the numbers from `least` on.
    names: &'static [&'static str],
}

const MONTHS: &[&str] = &[
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: &[&str] = &["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const SHAPES: [Shape; 6] = [
    Shape { name: "second", least: 0, most: 59, names: &[] },
    Shape { name: "minute", least: 0, most: 59, names: &[] },
    Shape { name: "hour", least: 0, most: 23, names: &[] },
    Shape { name: "day", least: 1, most: 31, names: &[] },
    Shape { name: "month", least: 1, most: 12, names: MONTHS },
    Shape { name: "weekday", least: 0, most: 7, names: WEEKDAYS },
];
const WEEKDAY: usize = 5;
const NICKNAMES: &[(&str, &str)] = &[
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

impl Cron {
    /// # Errors
    /// Names the field that is wrong and what it may hold.
    pub fn parse(line: &str, zone: Tz) -> Result<Cron, CronError> {
        let fields = fields(line)?;
        let is_rhythm = fields[..3].iter().any(|field| field.star);
        let cron = Cron { line: line.into(), zone, schedules: schedules(line, fields)?, is_rhythm };
        if cron.next_day(NaiveDate::default()).is_none() {
            return Err(CronError(format!("`{line}` never comes: no month it names has that day")));
        }
        Ok(cron)
    }

    /// The first instant after `after`, `None` if there is none in sight.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // A clock set back across midnight reaches into the day before; one day of the
        // neighbour on either side covers it.
        let first = self.next_day(self.local_day(after)?.pred_opt()?);
        let mut days = std::iter::successors(first, |day| self.next_day(day.succ_opt()?));
        let upcoming = |day| self.instants(day).into_iter().filter(|at| *at > after).min();
        let found = days.find_map(upcoming)?;
        Some(days.next().and_then(upcoming).map_or(found, |neighbour| neighbour.min(found)))
    }

    /// The last instant at or before `at`, looking back at most 400 days: the slot that is due.
    pub fn last_at_or_before(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let last = self.local_day(at)?.succ_opt()?;
        let mut days = std::iter::successors(Some(last), NaiveDate::pred_opt).take(DAYS_BACK_MAX + 2);
        let past = |day| self.instants(day).into_iter().filter(|instant| *instant <= at).max();
        let found = days.find_map(past)?;
        Some(days.next().and_then(past).map_or(found, |neighbour| neighbour.max(found)))
    }

    fn local_day(&self, at: DateTime<Utc>) -> Option<NaiveDate> {
        // Within a day of the calendar's end local time could overflow.
        at.date_naive().checked_sub_days(chrono::Days::new(1))?;
        at.date_naive().checked_add_days(chrono::Days::new(1))?;
        Some(at.with_timezone(&self.zone).date_naive())
    }

    /// The first day from `day` on that has a time of the line.
    fn next_day(&self, day: NaiveDate) -> Option<NaiveDate> {
        let eve = eve(day)?;
        self.schedules
            .iter()
            .filter_map(|schedule| schedule.after(&eve).next())
            .min()
            .map(|at| at.date_naive())
    }

    /// What the line's wall-clock times of `day` are in the zone.
    fn instants(&self, day: NaiveDate) -> Vec<DateTime<Utc>> {
        let mut instants = Vec::new();
        let Some(eve) = eve(day) else { return instants };
        for schedule in &self.schedules {
            let times = schedule.after(&eve).take_while(|at| at.date_naive() == day);
            times.for_each(|at| self.map(at.naive_utc(), &mut instants));
        }
        instants
    }

    fn map(&self, local: NaiveDateTime, instants: &mut Vec<DateTime<Utc>>) {
        match self.zone.from_local_datetime(&local) {
            LocalResult::Single(at) => instants.push(at.to_utc()),
            LocalResult::Ambiguous(first, second) => {
                instants.push(first.to_utc().min(second.to_utc()));
                if self.is_rhythm {
                    instants.push(first.to_utc().max(second.to_utc()));
                }
            }
            LocalResult::None => instants.extend(self.after_gap(local)),
        }
    }

    /// The first instant whose local time is `local` or later.
    fn after_gap(&self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        // Offsets lie between -12 and +14 hours, so the instant lies in between.
        let mut before = local.checked_sub_signed(TimeDelta::hours(15))?;
        let mut from = local.checked_add_signed(TimeDelta::hours(13))?;
        while from - before > TimeDelta::seconds(1) {
            let middle = before + (from - before) / 2;
            let middle = middle - TimeDelta::nanoseconds(middle.and_utc().timestamp_subsec_nanos().into());
            if self.zone.from_utc_datetime(&middle).naive_local() >= local {
                from = middle;
            } else {
                before = middle;
            }
        }
        Some(from.and_utc())
    }
}

/// The last second before `day`, read as UTC.
fn eve(day: NaiveDate) -> Option<DateTime<Utc>> {
    Some(day.and_time(NaiveTime::MIN).and_utc() - TimeDelta::seconds(1))
}

impl Field {
    /// As the `cron` crate has it: a list of numbers, each moved by `shift`.
    fn list(&self, shift: u32) -> String {
        let bits = self.bits;
        let numbers = (0..60).filter(move |number| bits >> number & 1 == 1);
        numbers.map(|number| (number + shift).to_string()).collect::<Vec<_>>().join(",")
    }
}

/// One schedule, or one by day and one by weekday where either is meant.
fn schedules(line: &str, fields: [Field; 6]) -> Result<Vec<Schedule>, CronError> {
    let [seconds, minutes, hours, days, months, mut weekdays] = fields;
    // Sunday stands at 0 and at 7 here, and at 1 there.
    weekdays.bits &= 0b111_1111;
    let (by_day, by_weekday) = (days.list(0), weekdays.list(1));
    let pairs = if days.star || weekdays.star {
        vec![(by_day.as_str(), by_weekday.as_str())]
    } else {
        vec![(by_day.as_str(), "*"), ("*", by_weekday.as_str())]
    };
    let schedule = |(day, weekday): (&str, &str)| {
        let (seconds, minutes, hours) = (seconds.list(0), minutes.list(0), hours.list(0));
        let normal = format!("{seconds} {minutes} {hours} {day} {} {weekday}", months.list(0));
        normal.parse().map_err(|error| CronError(format!("`{line}` cannot be used: {error}")))
    };
    pairs.into_iter().map(schedule).collect()
}

fn fields(line: &str) -> Result<[Field; 6], CronError> {
    let written = line.trim();
    let expanded = NICKNAMES.iter().find(|(nickname, _)| nickname.eq_ignore_ascii_case(written));
    if written.starts_with('@') && expanded.is_none() {
        let known: Vec<&str> = NICKNAMES.iter().map(|(nickname, _)| *nickname).collect();
        return Err(CronError(format!("`{written}` is none of {}", known.join(", "))));
    }
    let mut texts: Vec<&str> = expanded.map_or(written, |(_, line)| *line).split_whitespace().collect();
    if texts.len() == 5 {
        texts.insert(0, "0");
    }
    let Ok(texts) = <[&str; 6]>::try_from(texts) else {
        return Err(CronError(format!(
            "`{line}` is no cron line: it has 5 fields (minute hour day month weekday), \
             or 6 with seconds first, such as `0 7 * * Mon-Fri`"
        )));
    };
    let mut fields = [Field { bits: 0, star: false }; 6];
    for (index, (field, text)) in fields.iter_mut().zip(texts).enumerate() {
        *field = parse_field(text, &SHAPES[index])?;
    }
    // Sunday is both 0 and 7.
    fields[WEEKDAY].bits |= fields[WEEKDAY].bits >> 7 & 1;
    Ok(fields)
}

fn parse_field(text: &str, shape: &Shape) -> Result<Field, CronError> {
    let mut bits = 0;
    for part in text.split(',') {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let every = match step.map(str::parse) {
            None => 1,
            Some(Ok(step @ 1..)) => step,
            Some(_) => return Err(CronError(format!("the step of `{part}` is no number above 0"))),
        };
        let (from, to) = parse_range(range, step.is_some(), part, shape)?;
        bits |= (from..=to).step_by(every).fold(0, |bits, number| bits | 1_u64 << number);
    }
    Ok(Field { bits, star: text.starts_with(['*', '?']) })
}

/// First and last number of `range`; a lone number with a step runs to the field's end.
fn parse_range(range: &str, stepped: bool, part: &str, shape: &Shape) -> Result<(u32, u32), CronError> {
    let end = if shape.names == WEEKDAYS { 6 } else { shape.most };
    let is_day = shape.name == "day" || shape.name == "weekday";
    if range == "*" || (range == "?" && is_day) {
        return Ok((shape.least, end));
    }
    let Some((from, to)) = range.split_once('-') else {
        let from = number(range, part, shape)?;
        return Ok((from, if stepped { end.max(from) } else { from }));
    };
    let (from, to) = (number(from, part, shape)?, number(to, part, shape)?);
    // `Fri-Sun` ends on the Sunday after, not the one before.
    let to = if shape.names == WEEKDAYS && to == 0 && from > 0 { 7 } else { to };
    if from > to {
        return Err(CronError(format!(
            "`{part}` in the {} field runs backwards; write two ranges",
            shape.name
        )));
    }
    Ok((from, to))
}

fn number(text: &str, part: &str, shape: &Shape) -> Result<u32, CronError> {
    let lower = text.to_ascii_lowercase();
    let named = shape.names.iter().position(|name| lower.len() >= 3 && name.starts_with(&lower));
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let number =
        named.and_then(|index| u32::try_from(index).ok()).map(|index| index + shape.least).or(digits);
    number.filter(|number| (shape.least..=shape.most).contains(number)).ok_or_else(|| {
        let names = match shape.names {
            [first, .., last] => format!(" or {}-{}", &first[..3], &last[..3]),
            _ => String::new(),
        };
        let Shape { name, least, most, .. } = shape;
        CronError(format!("`{part}` is no {name}: the {name} field holds {least} to {most}{names}"))
    })
}
