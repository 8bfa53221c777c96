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
#[derive(Clone, Copy)]
struct Scan<'a>(&'a str);

impl<'a> Scan<'a> {
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

    /// A word, which may be the name of a zone (`Europe/Moscow`).
    fn word(&mut self) -> &'a str {
        let end =
            self.0.find(|c: char| !(c.is_alphabetic() || matches!(c, '_' | '/'))).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        word
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
    let mut scan = Scan(text.trim().trim_matches(['(', ')', '[', ']', '.', ',']).trim());
    if scan.0.is_empty() {
        return Some(utc());
    }
    offset(&mut Scan(scan.0)).or_else(|| named_zone(scan.word(), &mut scan))
}

/// A zone by its name, which has just been read; `GMT+6` and `UTC +06:00` are
/// decided by what follows the name.
fn named_zone(name: &str, scan: &mut Scan<'_>) -> Option<Zone> {
    let lower = name.to_lowercase();
    let Some((_, east)) = ZONES.iter().find(|(known, _)| *known == lower) else { return place(name) };
    let mut after = Scan(scan.0.trim_start());
    match offset(&mut after) {
        Some(zone) => {
            *scan = after;
            Some(zone)
        }
        None => minutes(*east),
    }
}

/// `Europe/Moscow`, also written `Europe_Moscow`.
fn place(name: &str) -> Option<Zone> {
    let name = name.trim_end_matches(['/', '_']);
    let name = if name.contains('/') { name.to_owned() } else { name.replacen('_', "/", 1) };
    name.contains('/').then(|| name.parse().ok().map(Zone::Place)).flatten()
}

/// `+03`, `+0300`, `+03:00`, `-5`. What follows is left: in words, it is a comment.
fn offset(scan: &mut Scan<'_>) -> Option<Zone> {
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

/// Month names by how they begin; of up to three letters they are whole words.
/// English, French, German, Spanish, Italian and Turkish; Uzbek (Latin);
/// Russian, Tajik, Uzbek and Kyrgyz; Ukrainian; Kazakh; old Kyrgyz; Greek;
/// Hungarian.
const MONTHS: [&[&str]; 12] = [
    &[
        "jan", "janu", "janv", "jän", "jänn", "ene", "ener", "genn", "ocak", "yanv", "янв", "янва", "січ",
        "січн", "қаң", "қаңт", "үчтү", "ιαν", "ιανο",
    ],
    &[
        "feb", "febr", "fev", "fevr", "fév", "févr", "şubat", "фев", "февр", "лют", "люто", "ақп", "ақпа",
        "бирд", "φεβ", "φεβρ",
    ],
    &[
        "mar", "marc", "mars", "marz", "mart", "mär", "märz", "mrz", "már", "márc", "мар", "март", "бер",
        "бере", "нау", "наур", "жалг", "μάρ", "μαρ", "μαρτ",
    ],
    &[
        "apr", "apri", "avr", "avri", "abr", "abri", "ápr", "ápri", "nisa", "апр", "апре", "кві", "квіт",
        "сәу", "сәуі", "чын", "απρ", "απρι",
    ],
    &[
        "may", "mayo", "mayı", "mayd", "mai", "magg", "máj", "máju", "май", "мая", "майд", "тра", "трав",
        "мам", "мамы", "бугу", "μάι", "μαΐ", "μαϊ", "μαΐο",
    ],
    &[
        "jun", "june", "juni", "juin", "jún", "júni", "giug", "hazi", "iyun", "июн", "июнь", "июня", "июни",
        "июнд", "чер", "черв", "мау", "маус", "кулж", "ιούν", "ιουν",
    ],
    &[
        "jul", "july", "juli", "juil", "júl", "júli", "lugl", "temm", "iyul", "июл", "июль", "июля", "июли",
        "июлд", "лип", "липн", "шіл", "шілд", "теке", "ιούλ", "ιουλ",
    ],
    &[
        "aug", "augu", "aou", "aout", "août", "aoû", "ago", "agos", "ağus", "avg", "avgu", "авг", "авгу",
        "сер", "серп", "там", "тамы", "баш", "αύγ", "αυγ", "αυγο",
    ],
    &[
        "sep", "sept", "sett", "szep", "eylü", "sen", "sent", "сен", "сент", "вер", "вере", "қыр", "қырк",
        "аяк", "σεπ", "σεπτ",
    ],
    &[
        "oct", "octo", "okt", "okto", "okta", "okty", "otto", "ekim", "окт", "октя", "жов", "жовт", "қаз",
        "қаза", "тогу", "οκτ", "οκτω",
    ],
    &[
        "nov", "nove", "novi", "kası", "noy", "noya", "ноя", "нояб", "лис", "лист", "қар", "қара", "жети",
        "νοέ", "νοε", "νοεμ",
    ],
    &[
        "dec", "dece", "déc", "déce", "dez", "deze", "dic", "dici", "dek", "deka", "aral", "дек", "дека",
        "гру", "груд", "жел", "желт", "бешт", "δεκ", "δεκε",
    ],
];

/// Days of the week that begin like a month.
const NOT_MONTHS: &[&str] = &["marte", "mardi", "серед"];

fn month(word: &str) -> Option<u32> {
    let is = |name: &&str| if name.chars().count() < 4 { word == *name } else { word.starts_with(name) };
    if NOT_MONTHS.iter().any(|day| word.starts_with(day)) {
        return None;
    }
    let month = MONTHS.iter().position(|names| names.iter().any(is))?;
    u32::try_from(month + 1).ok()
}

/// What a free-form date has said so far.
#[derive(Default)]
struct Said {
    /// Numbers of the date and how many digits each has.
    numbers: Vec<(u32, usize)>,
    month: Option<u32>,
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
    let mut scan = Scan(text);
    while let Some(first) = scan.0.chars().next() {
        // Before the date is whole, a `-` stands between its parts.
        let awaits_zone =
            said.time.is_some() && said.zone.is_none() && (first == '+' || said.calendar().is_some());
        if first.is_ascii_digit() {
            said.number(&mut scan)?;
        } else if first.is_alphabetic() {
            said.word(&mut scan)?;
        } else if awaits_zone && let Some(zone) = offset(&mut scan) {
            said.zone = Some(zone);
        } else {
            scan.0 = &scan.0[scan.0.chars().next().map_or(0, char::len_utf8)..];
        }
    }
    said.finish()
}

impl Said {
    /// A number: a time where a colon follows, else part of the date.
    fn number(&mut self, scan: &mut Scan<'_>) -> Option<()> {
        let run = scan.run();
        let is_dotted = self.calendar().is_some() && scan.0[run..].starts_with('.');
        if run <= 2 && self.time.is_none() && (scan.0[run..].starts_with(':') || is_dotted) {
            self.time = Some(scan.time(false)?);
        } else if run <= 4 && self.numbers.len() < 3 {
            self.numbers.push((scan.digits(1, 4)?, run));
        } else {
            return None;
        }
        Some(())
    }

    fn word(&mut self, scan: &mut Scan<'_>) -> Option<()> {
        let name = scan.word();
        let word = name.to_lowercase();
        match word.as_str() {
            "am" => self.is_pm = self.is_pm.or(Some(false)),
            "pm" => self.is_pm = self.is_pm.or(Some(true)),
            "a" | "p" if scan.0.trim_start_matches(['.', ' ']).starts_with(['m', 'M']) => {
                self.is_pm = self.is_pm.or(Some(word == "p"));
            }
            "г" | "ж" | "год" | "года" | "в" | "m" | "at" | "de" | "of" | "st" | "nd" | "rd" | "th" | "t" =>
                {}
            _ if let Some(month) = month(&word) => self.month = Some(month),
            _ if self.zone.is_none()
                && self.time.is_some()
                && let Some(zone) = named_zone(name, scan) =>
            {
                self.zone = Some(zone);
            }
            _ => self.unknown_words += 1,
        }
        (self.unknown_words <= UNKNOWN_WORDS_MAX).then_some(())
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
