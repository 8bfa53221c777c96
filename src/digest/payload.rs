//! A digest as JSON, for programs: the same facts as the mail, in the envelope of
//! Standard Webhooks (`type`, `timestamp`, `data`).
//!
//! Invariant: the shape is a contract; fields are added, never changed. Text is
//! plain, bounded and without controls, as in the mail.

use super::changes::{self, Change};
use super::prose::{self, Piece};
use super::{Footer, Item, ItemMatch, Plan, Removed, Urgency, Window};
use crate::watch::{Field, score};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

/// Stories of one post; what has no room is counted.
const STORIES_MAX: usize = 1_000;
/// Characters of a line.
const LINE_CHARS_MAX: usize = 500;

/// What [`super::compose`] makes a mail of, as one JSON object.
pub fn payload(
    plan: &Plan,
    window: &Window,
    items: &[Item],
    corrected: &[Item],
    footer: &Footer,
    subject: &str,
) -> String {
    let kind = match window.urgency {
        Urgency::AtOnce => "newswatch.alert",
        Urgency::Digest => "newswatch.digest",
        Urgency::History => "newswatch.history",
    };
    let spikes = footer
        .spikes
        .iter()
        .map(|rate| json!({"watch": rate.watch, "stories_today": rate.today, "usual_a_day": rate.usual}));
    let sick = footer.sick.iter().map(
        |(source, state, since, reason)| json!({"source": source, "health": state, "since_at": time(*since), "error": reason}),
    );
    let data = json!({
        "plan": plan.name,
        "subject": subject,
        "from_at": time(window.from),
        "until_at": time(window.to),
        "stories": items.iter().take(STORIES_MAX).map(story).collect::<Vec<_>>(),
        "corrections": corrected.iter().take(STORIES_MAX).map(story).collect::<Vec<_>>(),
        "left_out": items.len().saturating_sub(STORIES_MAX) + corrected.len().saturating_sub(STORIES_MAX),
        "spikes": spikes.collect::<Vec<_>>(),
        "articles_read": footer.articles_read,
        "sources_polled": footer.sources_polled,
        "sick": sick.collect::<Vec<_>>(),
        "removed": footer.removed.iter().take(STORIES_MAX).map(removed).collect::<Vec<_>>(),
        "next_digest_at": footer.next_digest_at.map(time),
    });
    json!({"type": kind, "timestamp": time(window.to), "data": data}).to_string()
}

fn story(item: &Item) -> Value {
    let also_in = item.also_in.iter().map(|copy| {
        json!({"source": line(&copy.source), "link": copy.link, "headline": copy.headline.as_deref().map(line)})
    });
    json!({
        "id": item.article_id,
        "title": line(&item.title),
        "link": item.link,
        "source": line(&item.source),
        "language": item.language,
        "published_at": item.published_at.map(time),
        "first_seen_at": time(item.first_seen_at),
        "sentence": sentence(item),
        "watches": item.watches.iter().map(watch).collect::<Vec<_>>(),
        "also_in": also_in.collect::<Vec<_>>(),
        "edit": edit(item),
    })
}

fn removed(story: &Removed) -> Value {
    json!({
        "id": story.article_id,
        "title": line(&story.title),
        "link": story.link,
        "source": line(&story.source),
        "told_at": time(story.told_at),
        "missing_at": time(story.missing_at),
    })
}

fn watch(found: &ItemMatch) -> Value {
    let hits = found.hits.iter().map(|hit| json!({"text": line(&hit.text), "rule": line(&hit.rule)}));
    json!({
        "watch": found.watch,
        "score": score::rounded(found.score),
        "hits": hits.collect::<Vec<_>>(),
        "is_lost": found.is_lost,
    })
}

/// The sentence round the first hit in the text.
fn sentence(item: &Item) -> String {
    let hits = item.watches.iter().flat_map(|found| &found.hits);
    let marks: Vec<_> = hits.filter(|hit| hit.field == Field::Text).map(|hit| hit.span.clone()).collect();
    plain(&prose::quote(&item.text, &marks))
}

fn edit(item: &Item) -> Option<Value> {
    let earlier = item.earlier.as_ref()?;
    let (changes, more) = changes::changes(&earlier.text, &item.text);
    let change = |change: &Change| match change {
        Change::Reworded { was, now } => json!({"was": plain(was), "now": plain(now)}),
        Change::Removed(was) => json!({"was": plain(was), "now": null}),
        Change::Added(now) => json!({"was": null, "now": plain(now)}),
    };
    Some(json!({
        "told_at": time(earlier.told_at),
        "changed_at": time(earlier.changed_at),
        "title_was": line(&earlier.title),
        "changes": changes.iter().map(change).collect::<Vec<_>>(),
        "more": more,
    }))
}

fn line(text: &str) -> String {
    prose::line(text, LINE_CHARS_MAX)
}

fn plain(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| piece.text.as_str()).collect()
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
