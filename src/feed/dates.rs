//! Dates as feeds and pages write them, in any of our languages.
//!
//! Hand-written scanners: no tables are compiled at start-up. A date without a
//! zone is UTC. What cannot be read is `None`, never a guess: a wrong date
//! hides a story, a missing one does not.

use chrono::{DateTime, Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone, Utc};

/// Longest text looked at, in bytes.
const DATE_BYTES_MAX: usize = 200;
/// Words that mean nothing to us and are passed over ("published", "at").
const UNKNOWN_WORDS_MAX: usize = 4;
/// Years outside are typing errors or attacks.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2200;

/// Reads a date in any known form.
///
/// ```
/// use newswatch::feed::dates::parse_date;
/// let expected = parse_date("2023-09-15T04:00:00Z");
/// assert!(expected.is_some());
/// assert_eq!(parse_date("15 сентября 2023 г., 10:00 GMT+6"), expected);
/// assert_eq!(parse_date("31 Febtember"), None);
/// ```
pub fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if text.is_empty() || text.len() > DATE_BYTES_MAX {
        return None;
    }
    compact(text).or_else(|| iso(text)).or_else(|| written(text))
}

/// All digits: a Unix time, or a date without separators.
fn compact(text: &str) -> Option<DateTime<Utc>> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = text.parse().ok()?;
    match text.len() {
        10 => DateTime::from_timestamp(number, 0),
        13 => DateTime::from_timestamp_millis(number),
        4 | 6 | 8 | 12 | 14 => iso(text),
        _ => None,
    }
    .filter(|date| YEARS.contains(&chrono::Datelike::year(date)))
}

/// ISO 8601 and its relatives: the year comes first, in digits.
fn iso(text: &str) -> Option<DateTime<Utc>> {
    let mut scan = Scan(text);
    let year = i32::try_from(scan.digits(4, 4)?).ok()?;
    let separator = scan.any(&['-', '/', '.', '_', ':']);
    let date = match scan.run() {
        3 => NaiveDate::from_yo_opt(year, scan.digits(3, 3)?)?,
        _ => {
            let month = scan.digits(1, 2).unwrap_or(1);
            let day = match separator {
                Some(c) => scan.any(&[c, '-']).and_then(|_| scan.digits(1, 2)),
                None => scan.digits(2, 2),
            };
            NaiveDate::from_ymd_opt(year, month, day.unwrap_or(1))?
        }
    };
    let glued = separator.is_none();
    scan.any(&['T', 't', ',', '_']);
    scan.blanks();
    let (time, extra_day) = if scan.run() > 0 { scan.time(glued)? } else { (NaiveTime::MIN, false) };
    let zone = zone(scan.0.trim())?;
    instant(date, time, extra_day, &zone)
}

/// A cursor over what is left of the text.
struct Scan<'a>(&'a str);

impl Scan<'_> {
    /// Number of ASCII digits ahead.
    fn run(&self) -> usize {
        self.0.bytes().take_while(u8::is_ascii_digit).count()
    }

    /// A number of `least` to `most` digits.
    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let length = self.run().min(most);
        let (number, rest) = self.0.split_at(length);
        if length < least {
            return None;
        }
        self.0 = rest;
        number.parse().ok()
    }

    fn any(&mut self, wanted: &[char]) -> Option<char> {
        let first = self.0.chars().next().filter(|c| wanted.contains(c))?;
        self.0 = &self.0[first.len_utf8()..];
        Some(first)
    }

    fn blanks(&mut self) {
        self.0 = self.0.trim_start();
    }

    /// `hh[:mm[:ss[.fraction]]]`, or `hhmmss` where `glued`; 24:00 is the next day's start.
    fn time(&mut self, glued: bool) -> Option<(NaiveTime, bool)> {
        let hour = self.digits(1, 2)?;
        let part = |scan: &mut Self| match scan.any(&[':', '.', '-']) {
            Some(_) => scan.digits(1, 2),
            None if glued => scan.digits(2, 2),
            None => None,
        };
        let minute = part(self).unwrap_or(0);
        let second = part(self).unwrap_or(0);
        if self.0.starts_with(['.', ',']) && self.0[1..].starts_with(|c: char| c.is_ascii_digit()) {
            self.0 = self.0[1..].trim_start_matches(|c: char| c.is_ascii_digit());
        }
        clock(hour, minute, second)
    }
}

/// A time of day; a leap second counts as the second before it.
fn clock(hour: u32, minute: u32, second: u32) -> Option<(NaiveTime, bool)> {
    let next_day = hour == 24 && minute == 0 && second == 0;
    let hour = if next_day { 0 } else { hour };
    NaiveTime::from_hms_opt(hour, minute, if second == 60 { 59 } else { second }).map(|time| (time, next_day))
}

/// A zone: an offset or a place with its own clock changes.
enum Zone {
    Fixed(FixedOffset),
    Place(chrono_tz::Tz),
}

fn instant(date: NaiveDate, time: NaiveTime, next_day: bool, zone: &Zone) -> Option<DateTime<Utc>> {
    let date = date.checked_add_days(Days::new(u64::from(next_day)))?;
    if !YEARS.contains(&chrono::Datelike::year(&date)) {
        return None;
    }
    let local = NaiveDateTime::new(date, time);
    match zone {
        Zone::Fixed(offset) => offset.from_local_datetime(&local).earliest().map(|date| date.to_utc()),
        Zone::Place(place) => place.from_local_datetime(&local).earliest().map(|date| date.to_utc()),
    }
}

fn utc() -> Zone {
    Zone::Fixed(Utc.fix())
}

fn minutes(east: i32) -> Option<Zone> {
    (east.abs() <= 15 * 60).then(|| FixedOffset::east_opt(east * 60).map(Zone::Fixed)).flatten()
}

/// Zone names feeds use, in minutes east of Greenwich.
const ZONES: &[(&str, i32)] = &[
    ("z", 0),
    ("ut", 0),
    ("utc", 0),
    ("gmt", 0),
    ("wet", 0),
    ("west", 60),
    ("bst", 60),
    ("ist", 330),
    ("cet", 60),
    ("met", 60),
    ("mez", 60),
    ("cest", 120),
    ("mest", 120),
    ("mesz", 120),
    ("eet", 120),
    ("eest", 180),
    ("msk", 180),
    ("msd", 240),
    ("мск", 180),
    ("trt", 180),
    ("ast", -240),
    ("adt", -180),
    ("samt", 240),
    ("gst", 240),
    ("azt", 240),
    ("get", 240),
    ("amt", 240),
    ("irst", 210),
    ("aft", 270),
    ("yekt", 300),
    ("pkt", 300),
    ("tjt", 300),
    ("tmt", 300),
    ("uzt", 300),
    ("mvt", 300),
    ("orat", 300),
    ("aqtt", 300),
    ("almt", 300),
    ("kgt", 360),
    ("omst", 360),
    ("npt", 345),
    ("krat", 420),
    ("novt", 420),
    ("ict", 420),
    ("wib", 420),
    ("hkt", 480),
    ("sgt", 480),
    ("irkt", 480),
    ("awst", 480),
    ("ulat", 480),
    ("kst", 540),
    ("jst", 540),
    ("yakt", 540),
    ("aest", 600),
    ("aedt", 660),
    ("vlat", 600),
    ("nzst", 720),
    ("nzdt", 780),
    ("est", -300),
    ("edt", -240),
    ("et", -300),
    ("cst", -360),
    ("cdt", -300),
    ("ct", -360),
    ("mst", -420),
    ("mdt", -360),
    ("mt", -420),
    ("pst", -480),
    ("pdt", -420),
    ("pt", -480),
    ("akst", -540),
    ("akdt", -480),
    ("hst", -600),
    ("art", -180),
    ("brt", -180),
    ("clt", -240),
];

/// Reads what follows the time: nothing, an offset, a name, or both.
fn zone(text: &str) -> Option<Zone> {
    let text = text.trim().trim_matches(['(', ')', '[', ']', '.', ',']).trim();
    if text.is_empty() {
        return Some(utc());
    }
    if let Some(zone) = offset(text) {
        return Some(zone);
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '/'))).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let lower = name.to_lowercase();
    if let Some((_, east)) = ZONES.iter().find(|(known, _)| *known == lower) {
        // `GMT+6` and `UTC +06:00`: the offset says it, the name does not.
        return offset(rest.trim_start()).or_else(|| minutes(*east));
    }
    place(text.split_whitespace().next()?)
}

/// `Europe/Moscow`, also written `Europe_Moscow`.
fn place(name: &str) -> Option<Zone> {
    let name = if name.contains('/') { name.to_owned() } else { name.replacen('_', "/", 1) };
    name.contains('/').then(|| name.parse().ok().map(Zone::Place)).flatten()
}

/// `+03`, `+0300`, `+03:00`, `-5`; what follows in words is a comment.
fn offset(text: &str) -> Option<Zone> {
    let mut scan = Scan(text);
    let sign = match scan.any(&['+', '-', '−', '–'])? {
        '+' => 1,
        _ => -1,
    };
    scan.blanks();
    let (hours, rest) = match scan.run() {
        1 | 2 => (scan.digits(1, 2)?, scan.any(&[':', '.']).and_then(|_| scan.digits(2, 2)).unwrap_or(0)),
        3 => (scan.digits(1, 1)?, scan.digits(2, 2)?),
        4 => (scan.digits(2, 2)?, scan.digits(2, 2)?),
        _ => return None,
    };
    if rest > 59 {
        return None;
    }
    minutes(sign * i32::try_from(hours * 60 + rest).ok()?)
}

/// Month names by how they begin, the longer beginnings first: English, Russian,
/// Ukrainian, Kazakh, Kyrgyz, Uzbek and Tajik, French, German, Spanish,
/// Portuguese, Italian, Turkish, Greek, Hungarian.
const MONTHS: &[(&str, u32)] = &[
    ("january", 1),
    ("янв", 1),
    ("січ", 1),
    ("қаңтар", 1),
    ("қаң", 1),
    ("үчтүн", 1),
    ("yanv", 1),
    ("jän", 1),
    ("jan", 1),
    ("ene", 1),
    ("gen", 1),
    ("ocak", 1),
    ("ιαν", 1),
    ("qańtar", 1),
    ("stycz", 1),
    ("фев", 2),
    ("лют", 2),
    ("ақп", 2),
    ("бирдин", 2),
    ("feb", 2),
    ("fev", 2),
    ("fév", 2),
    ("şub", 2),
    ("φεβ", 2),
    ("марта", 3),
    ("март", 3),
    ("мар", 3),
    ("берез", 3),
    ("бер", 3),
    ("наур", 3),
    ("жалган", 3),
    ("mar", 3),
    ("mär", 3),
    ("mrz", 3),
    ("már", 3),
    ("μάρ", 3),
    ("μαρ", 3),
    ("апр", 4),
    ("квіт", 4),
    ("кві", 4),
    ("сәу", 4),
    ("чын", 4),
    ("apr", 4),
    ("avr", 4),
    ("abr", 4),
    ("ápr", 4),
    ("nis", 4),
    ("απρ", 4),
    ("мамыр", 5),
    ("мам", 5),
    ("мая", 5),
    ("май", 5),
    ("трав", 5),
    ("бугу", 5),
    ("may", 5),
    ("mai", 5),
    ("mag", 5),
    ("máj", 5),
    ("μάι", 5),
    ("μαϊ", 5),
    ("маус", 6),
    ("июн", 6),
    ("черв", 6),
    ("кулжа", 6),
    ("iyun", 6),
    ("jun", 6),
    ("juin", 6),
    ("jún", 6),
    ("giu", 6),
    ("haz", 6),
    ("ιούν", 6),
    ("ιουν", 6),
    ("июл", 7),
    ("лип", 7),
    ("шіл", 7),
    ("теке", 7),
    ("iyul", 7),
    ("jul", 7),
    ("juil", 7),
    ("júl", 7),
    ("lug", 7),
    ("tem", 7),
    ("ιούλ", 7),
    ("ιουλ", 7),
    ("авг", 8),
    ("серп", 8),
    ("сер", 8),
    ("там", 8),
    ("баш", 8),
    ("avg", 8),
    ("aug", 8),
    ("aoû", 8),
    ("aou", 8),
    ("ago", 8),
    ("ağu", 8),
    ("αύγ", 8),
    ("αυγ", 8),
    ("сен", 9),
    ("верес", 9),
    ("вер", 9),
    ("қыр", 9),
    ("аяк", 9),
    ("sen", 9),
    ("sep", 9),
    ("sept", 9),
    ("set", 9),
    ("szept", 9),
    ("eyl", 9),
    ("σεπ", 9),
    ("окт", 10),
    ("жовт", 10),
    ("жов", 10),
    ("қаз", 10),
    ("тогуз", 10),
    ("okt", 10),
    ("oct", 10),
    ("out", 10),
    ("ott", 10),
    ("eki", 10),
    ("οκτ", 10),
    ("ноя", 11),
    ("лист", 11),
    ("лис", 11),
    ("қар", 11),
    ("жетин", 11),
    ("noy", 11),
    ("nov", 11),
    ("kas", 11),
    ("νοέ", 11),
    ("νοε", 11),
    ("дек", 12),
    ("груд", 12),
    ("гру", 12),
    ("желт", 12),
    ("жел", 12),
    ("бешт", 12),
    ("dek", 12),
    ("dec", 12),
    ("déc", 12),
    ("dez", 12),
    ("dic", 12),
    ("ara", 12),
    ("δεκ", 12),
];

fn month(word: &str) -> Option<u32> {
    MONTHS.iter().find(|(start, _)| word.starts_with(start)).map(|(_, month)| *month)
}

/// What a free-form date has said so far.
#[derive(Default)]
struct Said {
    numbers: Vec<(u32, usize)>,
    month: Option<u32>,
    /// Where among the numbers the month's name stood.
    month_at: usize,
    time: Option<(NaiveTime, bool)>,
    zone: Option<Zone>,
    is_pm: Option<bool>,
    unknown_words: usize,
}

/// Dates in words: RFC 822, asctime, and what people write.
fn written(text: &str) -> Option<DateTime<Utc>> {
    if let Some(date) = east_asian(text) {
        return Some(date);
    }
    let mut said = Said::default();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_ascii_digit() {
            said.number(rest)?
        } else if first.is_alphabetic() {
            said.word(rest)?
        } else if matches!(first, '+' | '-' | '−') && said.time.is_some() && said.zone.is_none() {
            said.zone = offset(rest);
            rest.len()
                - rest[first.len_utf8()..]
                    .trim_start_matches([' ', ':'])
                    .trim_start_matches(|c: char| c.is_ascii_digit() || c == ':')
                    .len()
        } else {
            first.len_utf8()
        };
        rest = &rest[length.max(first.len_utf8()).min(rest.len())..];
    }
    said.finish()
}

impl Said {
    /// A number: a time where a colon follows, else part of the date.
    fn number(&mut self, rest: &str) -> Option<usize> {
        let mut scan = Scan(rest);
        let run = scan.run();
        if run <= 2 && rest[run..].starts_with(':') && self.time.is_none() {
            self.time = Some(scan.time(false)?);
        } else if run <= 4
            && !rest[run..].starts_with(|c: char| c.is_alphabetic() && !"гжтшйыstndrh".contains(c))
        {
            self.numbers.push((scan.digits(1, 4)?, run));
        } else {
            return (run <= 4).then_some(run);
        }
        (self.numbers.len() <= 3).then_some(rest.len() - scan.0.len())
    }

    fn word(&mut self, rest: &str) -> Option<usize> {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '/'))).unwrap_or(rest.len());
        let word = rest[..end].to_lowercase();
        let dated = self.time.is_some();
        match word.as_str() {
            "am" | "a" => self.is_pm = self.is_pm.or(Some(false)),
            "pm" | "p" => self.is_pm = self.is_pm.or(Some(true)),
            _ if dated && self.zone.is_none() && ZONES.iter().any(|(name, _)| *name == word) => {
                self.zone = zone(rest);
                let after = rest[end..].trim_start();
                if after.starts_with(['+', '-']) && offset(after).is_some() {
                    let digits = after[1..].trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
                    return Some(rest.len() - digits.len());
                }
            }
            _ => self.name(&word, &rest[..end]),
        }
        (self.unknown_words <= UNKNOWN_WORDS_MAX).then_some(end)
    }

    fn name(&mut self, word: &str, original: &str) {
        if let Some(month) = month(word) {
            self.month = Some(month);
            self.month_at = self.numbers.len();
        } else if let Some(place) = place(original) {
            self.zone = Some(place);
        } else if !matches!(
            word,
            "г" | "ж" | "год" | "года" | "в" | "at" | "de" | "of" | "st" | "nd" | "rd" | "th" | "t"
        ) {
            self.unknown_words += 1;
        }
    }

    fn finish(self) -> Option<DateTime<Utc>> {
        let (year, month, day) = self.calendar()?;
        let (mut time, next_day) = self.time.unwrap_or((NaiveTime::MIN, false));
        let hour = chrono::Timelike::hour(&time);
        match self.is_pm {
            Some(true) if hour < 12 => time = chrono::Timelike::with_hour(&time, hour + 12)?,
            Some(false) if hour == 12 => time = chrono::Timelike::with_hour(&time, 0)?,
            _ => {}
        }
        instant(NaiveDate::from_ymd_opt(year, month, day)?, time, next_day, &self.zone.unwrap_or_else(utc))
    }

    /// Year, month and day from the numbers and the month's name.
    fn calendar(&self) -> Option<(i32, u32, u32)> {
        match (self.month, self.numbers.as_slice()) {
            (Some(month), [(year, 4), (day, 1 | 2)] | [(day, 1 | 2), (year, 4)]) => {
                Some((i32::try_from(*year).ok()?, month, *day))
            }
            (Some(month), [(day, 1 | 2), (year, 2)]) => Some((century(*year)?, month, *day)),
            (None, [(year, 4), (month, _), (day, _)]) => Some((i32::try_from(*year).ok()?, *month, *day)),
            (None, [(first, 1 | 2), (second, 1 | 2), (year, length @ (2 | 4))]) => {
                let year = if *length == 2 { century(*year)? } else { i32::try_from(*year).ok()? };
                // Day first, as most of the world writes; month first only where it must be.
                if *second > 12 { Some((year, *first, *second)) } else { Some((year, *second, *first)) }
            }
            _ => None,
        }
    }
}

/// RFC 2822, 4.3: two digits below 50 are this century.
fn century(year: u32) -> Option<i32> {
    i32::try_from(if year < 50 { year + 2000 } else { year + 1900 }).ok()
}

/// `2023년 09월 15일 (금) 오전 10:00:00` and `2023年9月15日 10:00`: the local clock is meant.
fn east_asian(text: &str) -> Option<DateTime<Utc>> {
    let marks = if text.contains('년') { ['년', '월', '일'] } else { ['年', '月', '日'] };
    let mut rest = text;
    let mut parts = [0_u32; 3];
    for (part, mark) in parts.iter_mut().zip(marks) {
        let (number, after) = rest.split_once(mark)?;
        *part = number.trim().parse().ok()?;
        rest = after;
    }
    let is_pm = rest.contains("오후") || rest.contains("下午");
    let start = rest.find(|c: char| c.is_ascii_digit());
    let (time, next_day) = match start {
        Some(start) => Scan(&rest[start..]).time(false)?,
        None => (NaiveTime::MIN, false),
    };
    let hour = chrono::Timelike::hour(&time);
    let time = if is_pm && hour < 12 { chrono::Timelike::with_hour(&time, hour + 12)? } else { time };
    let hours_east = if marks[0] == '년' { 9 } else { 8 };
    let date = NaiveDate::from_ymd_opt(i32::try_from(parts[0]).ok()?, parts[1], parts[2])?;
    instant(date, time, next_day, &minutes(hours_east * 60)?)
}
