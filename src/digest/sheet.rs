//! The digest's page: stories grouped by watch, as many of them in full as fit,
//! what was corrected since it was told, and the footer; handed to the templates as ready-made lines.
//!
//! Invariant: every string here has been through `prose`, every link is http or
//! https; the templates escape and decide nothing.

use super::changes::{self, Change};
use super::prose::{self, Piece};
use super::{Copy, Earlier, Footer, HTML_BYTES_MAX, Item, ItemMatch, Plan, Rate, Removed, Urgency, Window};
use crate::watch::{Field, Hit, score};
use askama::Template;
use chrono::{DateTime, Datelike, Utc};
use chrono_tz::Tz;
use std::collections::{HashMap, HashSet};
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
/// Sick sources named in the footer.
const SICK_MAX: usize = 12;
/// Corrections told with what changed; of as many again the headline is told.
const CORRECTIONS_MAX: usize = 12;
/// Stories that one mail says are removed; more wait for the next.
pub const REMOVED_MAX: usize = 12;
/// Stories told in full even where not all have room for a line.
const FULL_MIN: usize = 12;
/// Stories that could have room for a line at best: none takes fewer than 100 octets.
const LINES_MAX: usize = HTML_BYTES_MAX / 100;
/// Columns of the text part.
const COLUMNS: usize = 76;

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
fn starred(pieces: &[Piece]) -> String {
    let star = |piece: &Piece| if piece.marked { format!("*{}*", piece.text) } else { piece.text.clone() };
    pieces.iter().map(star).collect()
}

/// A watch and its stories.
#[derive(Default)]
pub struct Group<'a> {
    pub watch: &'a str,
    pub count: usize,
    /// How often it was found, where that is far more often than usual.
    pub spike: Option<String>,
    pub full: Vec<&'a Story>,
    /// Stories that have room for one line only.
    pub brief: Vec<&'a Story>,
    /// Stories that have none.
    pub left_out: usize,
}

/// Stories that were told and have changed since.
#[derive(Default)]
pub struct Corrected<'a> {
    pub count: usize,
    pub full: &'a [Story],
    /// With their headline only.
    pub brief: &'a [Story],
    pub left_out: usize,
}

/// A story that was told and whose page is gone since.
pub struct Gone {
    pub id: i64,
    pub title: String,
    pub link: Option<String>,
    pub source: String,
    pub told: String,
    pub since: String,
}

pub struct Sick {
    pub source: String,
    pub state: String,
    pub since: String,
    pub reason: String,
}

/// Everything the two templates print.
pub struct Sheet<'a> {
    pub subject: &'a str,
    pub kind: &'static str,
    pub heading: String,
    pub plan: String,
    pub window: String,
    /// What a mail program shows beside the subject.
    pub preview: String,
    pub note: Option<String>,
    pub groups: Vec<Group<'a>>,
    pub left_out: usize,
    pub corrected: Corrected<'a>,
    pub removed: Vec<Gone>,
    pub read: Option<String>,
    pub sick: Vec<Sick>,
    pub sick_more: usize,
    pub next: Option<String>,
    /// A mail sent at once about one story; the command is that story's.
    pub is_alone: bool,
    pub command: String,
}

impl Sheet<'_> {
    /// Whether plain text has anything to say below the stories.
    fn has_foot(&self) -> bool {
        self.read.is_some() || !self.sick.is_empty() || self.next.is_some() || !self.is_alone
    }
}

#[derive(Template)]
#[template(path = "digest.html")]
struct Html<'a> {
    sheet: &'a Sheet<'a>,
}

#[derive(Template)]
#[template(path = "digest.txt", escape = "none")]
struct Text<'a> {
    sheet: &'a Sheet<'a>,
}

impl Sheet<'_> {
    pub fn html(&self) -> String {
        // One line end, no indentation: the size counts.
        let html = Html { sheet: self }.render().expect("a template over strings cannot fail");
        html.lines().map(str::trim).filter(|line| !line.is_empty()).flat_map(|line| [line, "\n"]).collect()
    }

    pub fn text(&self) -> String {
        let text = Text { sheet: self }.render().expect("a template over strings cannot fail");
        prose::wrap(text.trim(), COLUMNS)
    }
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

/// `1 story`, `3 stories`.
pub fn count(number: usize, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {noun}s"),
    }
}

/// `3 stories`, `3 stories, 1 correction`.
pub fn told(stories: usize, corrections: usize, noun: &str) -> String {
    match (stories, corrections) {
        (_, 0) => count(stories, noun),
        (0, _) => count(corrections, "correction"),
        _ => format!("{}, {}", count(stories, noun), count(corrections, "correction")),
    }
}

/// `412 articles read from 14 sources`.
pub fn read(footer: &Footer) -> String {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    format!(
        "{} read from {}",
        count(number(footer.articles_read), "article"),
        count(number(footer.sources_polled), "source")
    )
}

/// What a sheet is made of.
pub struct Matter<'a> {
    pub plan: &'a Plan,
    pub window: &'a Window,
    pub footer: &'a Footer,
    pub stories: &'a [Story],
    pub corrected: &'a [Story],
    pub subject: &'a str,
}

/// How many stories and corrections are told in full, and how many stories in a line.
#[derive(Clone, Copy)]
struct Room {
    full: usize,
    brief: usize,
    corrections: usize,
}

impl<'a> Matter<'a> {
    /// The sheet with as many stories in full as keep the HTML within its limit,
    /// the rest a line each, and what has no room for a line counted.
    pub fn fit(&self) -> Sheet<'a> {
        let total = self.stories.len();
        let least = FULL_MIN.min(total);
        let beside = |corrections| Room { full: least, brief: 0, corrections };
        let wanted = [CORRECTIONS_MAX, CORRECTIONS_MAX / 3];
        let corrections = wanted.into_iter().find(|count| self.fits(beside(*count))).unwrap_or(0);
        let fits = |full, brief| self.fits(Room { full, brief, corrections });
        let mut full = if total <= LINES_MAX { greatest(total, |full| fits(full, total - full)) } else { 0 };
        let mut brief = total - full;
        if full < least && !(full > 0 && fits(full, brief)) {
            full = greatest(least, |full| fits(full, 0));
            brief = greatest((total - full).min(LINES_MAX), |brief| fits(full, brief));
        }
        self.sheet(Room { full, brief, corrections })
    }

    fn fits(&self, room: Room) -> bool {
        prose::encoded_len(&self.sheet(room).html()) <= HTML_BYTES_MAX
    }

    fn sheet(&self, room: Room) -> Sheet<'a> {
        let Matter { plan, window, footer, stories, corrected, subject } = *self;
        let (alert, told) = (window.urgency == Urgency::AtOnce, room.full + room.brief);
        let has_one = match (stories.len(), corrected.len()) {
            (1, 0) => told >= 1,
            (0, 1) => room.corrections >= 1,
            _ => false,
        };
        let is_alone = alert && has_one && footer.spikes.is_empty() && footer.removed.is_empty();
        let first = stories.first().or(corrected.first());
        let sick = footer.sick.iter().take(SICK_MAX);
        Sheet {
            subject,
            kind: kind(
                window.urgency,
                stories.is_empty() && !(corrected.is_empty() && footer.removed.is_empty()),
                !footer.spikes.is_empty(),
            ),
            heading: heading(window, stories.len(), corrected.len(), footer),
            plan: name(&plan.name),
            window: window_words(window, plan.zone),
            preview: first.map_or_else(|| read(footer), |story| prose::line(&story.starred(), 160)),
            note: note(plan, stories.len(), corrected.len(), window.urgency, footer),
            groups: groups(stories, room.full, told, if alert { &[] } else { &footer.spikes }),
            left_out: stories.len().saturating_sub(told),
            corrected: Corrected::of(corrected, room.corrections),
            removed: footer.removed.iter().map(|one| gone(one, plan.zone, window.to)).collect(),
            // Of an alert it would count the minute in which it was found.
            read: (!alert).then(|| read(footer)),
            sick: sick.map(|sick| self::sick(sick, plan.zone, window.to)).collect(),
            sick_more: footer.sick.len().saturating_sub(SICK_MAX),
            next: footer.next_digest_at.and_then(|at| local(at, plan.zone, window.to)),
            is_alone,
            command: match first {
                Some(story) if is_alone => format!("newswatch show {}", story.id),
                _ => command(plan, window),
            },
        }
    }
}

impl<'a> Corrected<'a> {
    fn of(stories: &'a [Story], full: usize) -> Corrected<'a> {
        let (full, rest) = stories.split_at(full.min(stories.len()));
        let (brief, rest) = rest.split_at(CORRECTIONS_MAX.min(rest.len()));
        Corrected { count: stories.len(), full, brief, left_out: rest.len() }
    }
}

/// The greatest number up to `most` for which `holds`, which holds up to some
/// number and not past it; 0 where it never does.
fn greatest(most: usize, holds: impl Fn(usize) -> bool) -> usize {
    if holds(most) {
        return most;
    }
    let (mut low, mut high) = (0, most);
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { low = middle } else { high = middle }
    }
    low
}

fn kind(urgency: Urgency, corrects: bool, spikes: bool) -> &'static str {
    match urgency {
        Urgency::AtOnce if spikes => "Spike",
        Urgency::AtOnce if corrects => "Correction",
        Urgency::AtOnce => "Alert",
        Urgency::Digest => "Digest",
        Urgency::History => "History",
    }
}

fn heading(window: &Window, stories: usize, corrections: usize, footer: &Footer) -> String {
    let sick = footer.sick.len();
    match (stories, corrections, sick) {
        _ if window.urgency == Urgency::History => format!("{} from the history", count(stories, "story")),
        (0, 0, _) if !footer.removed.is_empty() => count(footer.removed.len(), "removed story"),
        (0, 0, _) if window.urgency == Urgency::AtOnce => "No story that you were not told".into(),
        (0, 0, 0) => "All is well".into(),
        (0, 0, _) => format!("No news, {}", count(sick, "sick source")),
        _ => told(stories, corrections, "story"),
    }
}

/// What is said before the stories.
pub fn note(
    plan: &Plan,
    stories: usize,
    corrections: usize,
    urgency: Urgency,
    footer: &Footer,
) -> Option<String> {
    if urgency == Urgency::AtOnce && !footer.spikes.is_empty() {
        let lines: Vec<String> = footer.spikes.iter().map(|rate| rate.line() + ".").collect();
        let follow = if stories > 0 { " What you were not told yet follows." } else { "" };
        return Some(lines.join(" ") + follow);
    }
    match stories {
        0 if corrections > 0 || !footer.removed.is_empty() => None,
        0 => Some("Nothing in this window matched your watches.".into()),
        _ if urgency == Urgency::History => Some(
            "These are not new: they were found in the stored articles, matched anew with the watches as \
             they are now. What was told before is not told again."
                .into(),
        ),
        _ if urgency == Urgency::AtOnce && stories > plan.burst_max => {
            Some(format!("More than {} alerts came at once, so they are told in one mail.", plan.burst_max))
        }
        _ => None,
    }
}

/// Stories up to `full` in order of precedence whole, then up to `told` as a
/// line; groups by best score.
fn groups<'a>(stories: &'a [Story], full: usize, told: usize, spikes: &[Rate]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut place: HashMap<&str, usize> = HashMap::new();
    for (story, precedence) in stories.iter().zip(precedence(stories)) {
        let at = *place.entry(&story.watch).or_insert(groups.len());
        if at == groups.len() {
            let spike = spikes.iter().find(|rate| name(&rate.watch) == story.watch).map(Rate::words);
            groups.push(Group { watch: &story.watch, spike, ..Group::default() });
        }
        let group = &mut groups[at];
        group.count += 1;
        if precedence < full {
            group.full.push(story);
        } else if precedence < told {
            group.brief.push(story);
        } else {
            group.left_out += 1;
        }
    }
    groups.retain(|group| group.count > group.left_out);
    groups
}

/// Each story's place in the queue for room: the best of every watch first, so
/// that no watch is silent because another one is loud, then the rest by rank.
pub fn precedence(stories: &[Story]) -> Vec<usize> {
    let mut seen = HashSet::new();
    let leads: Vec<bool> = stories.iter().map(|story| seen.insert(story.watch.as_str())).collect();
    let (mut lead, mut other) = (0, seen.len());
    let next = |is_lead: &bool| {
        let counter = if *is_lead { &mut lead } else { &mut other };
        *counter += 1;
        *counter - 1
    };
    leads.iter().map(next).collect()
}

pub fn sick(
    (source, state, since, reason): &(String, String, DateTime<Utc>, String),
    zone: Tz,
    now: DateTime<Utc>,
) -> Sick {
    Sick {
        source: name(source),
        state: name(state),
        since: local(*since, zone, now).unwrap_or_else(|| "an unknown time".into()),
        reason: prose::line(reason, 160),
    }
}

pub fn gone(removed: &Removed, zone: Tz, now: DateTime<Utc>) -> Gone {
    Gone {
        id: removed.article_id,
        title: prose::line(&removed.title, HEADLINE_CHARS_MAX),
        link: removed.link.as_deref().and_then(web_link),
        source: name(&removed.source),
        told: local(removed.told_at, zone, now).unwrap_or_else(|| "earlier".into()),
        since: local(removed.missing_at, zone, now).unwrap_or_else(|| "an unknown time".into()),
    }
}

/// `Sun 22 Nov, 07:00 – 17:00 CET (Europe/Brussels)`.
fn window_words(window: &Window, zone: Tz) -> String {
    let (Some(from), Some(to)) = (local(window.from, zone, window.to), local(window.to, zone, window.to))
    else {
        return zone.name().into();
    };
    let (from_at, to_at) = (window.from.with_timezone(&zone), window.to.with_timezone(&zone));
    if from_at.format("%F %Z").to_string() == to_at.format("%F %Z").to_string() {
        let times = format!("{} – {}", from_at.format("%a %-d %b, %H:%M"), to_at.format("%H:%M %Z"));
        return format!("{times} ({})", zone.name());
    }
    format!("{from} – {to} ({})", zone.name())
}

/// The command that shows this digest again.
pub fn command(plan: &Plan, window: &Window) -> String {
    let since = window.from.format("%Y-%m-%dT%H:%M:%SZ");
    format!("newswatch digest {} --since {since} --dry-run", shell_word(&name(&plan.name)))
}

pub fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
