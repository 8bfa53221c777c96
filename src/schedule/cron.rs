//! Cron lines: wall-clock times first, then what they are in the zone.
//!
//! Invariant: a line that parses comes due some day, and every wall-clock time
//! it names becomes one instant: daylight saving takes none away.

use chrono::{DateTime, Datelike, LocalResult, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// Days looked ahead: 29 February on one of some weekdays, past a century that
/// is no leap year, can be 40 years away.
const DAYS_AHEAD_MAX: usize = 366 * 41;
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
    /// Seconds, minutes, hours, days, months, weekdays.
    fields: [Field; 6],
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
        let cron = Cron { line: line.into(), zone, fields: fields(line)? };
        let start = NaiveDate::from_ymd_opt(2000, 1, 1).ok_or_else(|| CronError(String::new()))?;
        if !start.iter_days().take(DAYS_AHEAD_MAX).any(|day| cron.falls_on(day)) {
            return Err(CronError(format!("`{line}` never comes: no month it names has that day")));
        }
        Ok(cron)
    }

    /// The first instant after `after`, `None` if there is none in sight.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // A clock set back across midnight reaches into the day before; one day of the
        // neighbour on either side covers it.
        let first = self.local_day(after)?.pred_opt()?;
        let mut days = first.iter_days().take(DAYS_AHEAD_MAX);
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

    fn falls_on(&self, day: NaiveDate) -> bool {
        let [_, _, _, days, months, weekdays] = &self.fields;
        let by_date = days.has(day.day());
        let by_weekday = weekdays.has(day.weekday().num_days_from_sunday());
        let by_either =
            if days.star || weekdays.star { by_date && by_weekday } else { by_date || by_weekday };
        months.has(day.month()) && by_either
    }

    /// What the line's wall-clock times of `day` are in the zone.
    fn instants(&self, day: NaiveDate) -> Vec<DateTime<Utc>> {
        let mut instants = Vec::new();
        if !self.falls_on(day) {
            return instants;
        }
        let [seconds, minutes, hours, ..] = &self.fields;
        for hour in hours.numbers() {
            for minute in minutes.numbers() {
                let times = seconds.numbers().filter_map(|second| day.and_hms_opt(hour, minute, second));
                times.for_each(|local| self.map(local, &mut instants));
            }
        }
        instants
    }

    fn map(&self, local: NaiveDateTime, instants: &mut Vec<DateTime<Utc>>) {
        match self.zone.from_local_datetime(&local) {
            LocalResult::Single(at) => instants.push(at.to_utc()),
            LocalResult::Ambiguous(first, second) => {
                instants.push(first.to_utc().min(second.to_utc()));
                if self.fields[..3].iter().any(|field| field.star) {
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

impl Field {
    fn has(&self, number: u32) -> bool {
        self.bits >> number & 1 == 1
    }

    fn numbers(&self) -> impl Iterator<Item = u32> + use<> {
        let bits = self.bits;
        (0..60).filter(move |number| bits >> number & 1 == 1)
    }
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
