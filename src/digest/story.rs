//! One story of a digest, ready to print: title, sentence, reasons, copies, and what
//! was corrected since it was told.
//!
//! Invariant: every string here has been through `prose`, every link is http or https.

use super::changes::{self, Change};
use super::prose::{self, Piece};
use super::sheet::count;
use super::{Copy, Earlier, Item, ItemMatch, Plan, Window};
use crate::watch::{Field, Hit, score};
use chrono::{DateTime, Datelike, Utc};
use chrono_tz::Tz;
use std::ops::Range;
use url::Url;

/// Characters of a headline.
pub const HEADLINE_CHARS_MAX: usize = 240;
/// Characters of a name (source, watch, state).
const NAME_CHARS_MAX: usize = 80;
/// Octets of a link; what is longer is not made one.
const LINK_BYTES_MAX: usize = 1_000;
/// Copies named under "also in".
const COPIES_MAX: usize = 6;
/// Other watches named in the reasons.
const WATCHES_MAX: usize = 5;
/// Rules told for one watch.
const RULES_MAX: usize = 3;

/// One story, ready to print.
#[derive(Debug)]
pub struct Story {
    pub id: i64,
    /// Its best watch: the group it stands in.
    pub watch: String,
    pub title: Vec<Piece>,
    pub link: Option<String>,
    pub source: String,
    pub time: String,
    pub language: Option<String>,
    /// For the `lang` attribute.
    pub language_code: Option<String>,
    pub quote: Vec<Piece>,
    pub also_in: Vec<Copy>,
    pub also_more: usize,
    pub why: Vec<String>,
    /// Where it was told before and has changed since.
    pub edit: Option<Edit>,
}

/// What became of a story that was told.
#[derive(Debug)]
pub struct Edit {
    pub told: String,
    pub changed: String,
    /// The title it had, where it has another.
    pub title: Option<String>,
    pub changes: Vec<Change>,
    pub more: Option<String>,
    /// Watches it no longer names.
    pub gone: Option<String>,
}

impl Story {
    pub fn headline(&self) -> String {
        self.title.iter().map(|piece| piece.text.as_str()).collect()
    }

    /// The sentence around the hit as plain text.
    pub fn starred(&self) -> String {
        starred(&self.quote)
    }
}

/// Plain text with what is marked between asterisks.
pub fn starred(pieces: &[Piece]) -> String {
    let star = |piece: &Piece| if piece.marked { format!("*{}*", piece.text) } else { piece.text.clone() };
    pieces.iter().map(star).collect()
}

/// The stories of `items`, best first: score, then time, newest first.
pub fn stories(plan: &Plan, window: &Window, items: &[Item]) -> Vec<Story> {
    let mut ranked: Vec<(&Item, f64)> = items.iter().map(|item| (item, best_score(item))).collect();
    ranked.sort_by(|(a, a_score), (b, b_score)| {
        let by_time = || told_at(b).cmp(&told_at(a)).then(a.article_id.cmp(&b.article_id));
        b_score.total_cmp(a_score).then_with(by_time)
    });
    ranked.into_iter().map(|(item, _)| story(plan, window, item)).collect()
}

fn best_score(item: &Item) -> f64 {
    item.watches.iter().map(|found| found.score).fold(f64::NEG_INFINITY, f64::max)
}

fn told_at(item: &Item) -> DateTime<Utc> {
    item.published_at.unwrap_or(item.first_seen_at)
}

/// One story, its times as on the day the window closes.
pub fn story(plan: &Plan, window: &Window, item: &Item) -> Story {
    let mut watches: Vec<&ItemMatch> = item.watches.iter().collect();
    // Stable, so that of two equal scores the one given first stays first.
    watches.sort_by(|a, b| b.score.total_cmp(&a.score));
    let hits: Vec<&Hit> = watches.iter().flat_map(|found| &found.hits).collect();
    let title = marked_title(item, &hits);
    let copies = item.also_in.iter().take(COPIES_MAX);
    let language_code = item.language.clone().filter(|code| is_language_code(code));
    Story {
        id: item.article_id,
        watch: watches.first().map_or_else(|| "other".into(), |found| name(&found.watch)),
        title,
        link: item.link.as_deref().and_then(web_link),
        source: name(&item.source),
        time: story_time(item, plan.zone, window.to),
        language: language_code.as_deref().map(language_name),
        language_code,
        quote: prose::quote(&item.text, &marks(&item.text, Field::Text, &hits)),
        also_in: copies.map(copy).collect(),
        also_more: item.also_in.len().saturating_sub(COPIES_MAX),
        why: why(&watches),
        edit: item.earlier.as_ref().and_then(|earlier| edit(item, earlier, plan.zone, window.to)),
    }
}

fn copy(copy: &Copy) -> Copy {
    Copy {
        source: name(&copy.source),
        link: copy.link.as_deref().and_then(web_link),
        headline: copy.headline.as_deref().map(|headline| prose::line(headline, HEADLINE_CHARS_MAX)),
    }
}

fn edit(item: &Item, earlier: &Earlier, zone: Tz, now: DateTime<Utc>) -> Option<Edit> {
    let title = (!changes::same_words(&earlier.title, &item.title))
        .then(|| prose::line(&earlier.title, HEADLINE_CHARS_MAX));
    let (changes, more) = changes::changes(&earlier.text, &item.text);
    let gone = item.watches.iter().filter(|found| found.is_lost);
    let gone: Vec<String> = gone.take(WATCHES_MAX).map(|found| name(&found.watch)).collect();
    if title.is_none() && changes.is_empty() && gone.is_empty() {
        return None;
    }
    Some(Edit {
        told: local(earlier.told_at, zone, now).unwrap_or_else(|| "earlier".into()),
        changed: local(earlier.changed_at, zone, now).unwrap_or_else(|| "since".into()),
        title: title.filter(|title| !title.is_empty()),
        changes,
        more: (more > 0).then(|| count(more, "more change")),
        gone: (!gone.is_empty()).then(|| gone.join(", ")),
    })
}

pub fn name(text: &str) -> String {
    prose::line(text, NAME_CHARS_MAX)
}

fn marked_title(item: &Item, hits: &[&Hit]) -> Vec<Piece> {
    let title = prose::marked_line(&item.title, &marks(&item.title, Field::Title, hits), HEADLINE_CHARS_MAX);
    if title.is_empty() { vec![Piece { text: "(no title)".into(), marked: false }] } else { title }
}

/// Where the hits of one field stand in `text`. A span that does not hold the
/// words it claims (the text was cut or cleaned since) is looked for anew.
fn marks(text: &str, field: Field, hits: &[&Hit]) -> Vec<Range<usize>> {
    let place = |hit: &&Hit| {
        if text.get(hit.span.clone()) == Some(hit.text.as_str()) {
            return Some(hit.span.clone());
        }
        let at = if hit.text.is_empty() { None } else { text.find(&hit.text) };
        at.map(|at| at..at + hit.text.len())
    };
    hits.iter().filter(|hit| hit.field == field).filter_map(place).collect()
}

/// An address a reader may be sent to, or nothing.
pub fn web_link(link: &str) -> Option<String> {
    let url = Url::parse(link.trim()).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    let is_plain = url.username().is_empty() && url.password().is_none();
    (is_web && is_plain && url.as_str().len() <= LINK_BYTES_MAX).then(|| url.into())
}

/// One line a watch: `Bolot Temirov, 6.5 points: stem temirov + ым (…)`.
fn why(watches: &[&ItemMatch]) -> Vec<String> {
    let mut lines: Vec<String> = watches.iter().take(WATCHES_MAX).map(|found| why_line(found)).collect();
    if watches.len() > WATCHES_MAX {
        lines.push(format!("and {} more watches", watches.len() - WATCHES_MAX));
    }
    lines
}

fn why_line(found: &ItemMatch) -> String {
    let mut rules: Vec<String> = Vec::new();
    for hit in &found.hits {
        let rule = prose::line(&hit.rule, 120);
        if !rule.is_empty() && !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    let more = rules.len().saturating_sub(RULES_MAX);
    rules.truncate(RULES_MAX);
    if more > 0 {
        rules.push(format!("and {more} more"));
    }
    let told = if rules.is_empty() { String::new() } else { format!(": {}", rules.join("; ")) };
    format!("{}, score {}{told}", name(&found.watch), score::shown(found.score))
}

fn story_time(item: &Item, zone: Tz, now: DateTime<Utc>) -> String {
    match item.published_at.and_then(|at| local(at, zone, now)) {
        Some(time) => time,
        None => {
            local(item.first_seen_at, zone, now).map_or_else(String::new, |time| format!("first seen {time}"))
        }
    }
}

/// `Sun 22 Nov, 14:05 CET`, with the year where it is another than that of
/// `now`; nothing for a date outside the calendar.
pub fn local(at: DateTime<Utc>, zone: Tz, now: DateTime<Utc>) -> Option<String> {
    // Zones cannot shift instants at the ends of what chrono can hold.
    if ![at, now].iter().all(|at| (1..=9998).contains(&at.year())) {
        return None;
    }
    let (at, now) = (at.with_timezone(&zone), now.with_timezone(&zone));
    let pattern = if at.year() == now.year() { "%a %-d %b, %H:%M %Z" } else { "%a %-d %b %Y, %H:%M %Z" };
    Some(at.format(pattern).to_string())
}

fn is_language_code(code: &str) -> bool {
    (2..=11).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn language_name(code: &str) -> String {
    let primary = code.split(['-', '_']).next().unwrap_or(code);
    let known = match primary {
        "ar" => "Arabic",
        "az" => "Azerbaijani",
        "de" => "German",
        "en" => "English",
        "es" => "Spanish",
        "fa" => "Persian",
        "fr" => "French",
        "kk" => "Kazakh",
        "ky" => "Kyrgyz",
        "ps" => "Pashto",
        "ru" => "Russian",
        "tg" => "Tajik",
        "tk" => "Turkmen",
        "tr" => "Turkish",
        "uk" => "Ukrainian",
        "uz" => "Uzbek",
        "zh" => "Chinese",
        _ => code,
    };
    known.into()
}
