//! The digest's page: stories grouped by watch, as many of them in full as fit,
//! corrections and the footer; handed to the templates as ready-made lines.
//!
//! Invariant: every string here has been through `prose`, every link is http or
//! https; the templates escape and decide nothing.

use super::changes::Change;
use super::prose;
use super::story::{HEADLINE_CHARS_MAX, Story, local, name, starred, web_link};
use super::{Footer, HTML_BYTES_MAX, Plan, Rate, Removed, Urgency, Window};
use askama::Template;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::collections::{HashMap, HashSet};

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
