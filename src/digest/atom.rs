//! What a plan told, and has yet to tell, as an Atom document (RFC 4287).
//!
//! Invariant: the same facts give the same bytes, so that readers may ask whether
//! anything changed; an article keeps its id for ever. Text is plain and clean, as
//! in the mail, so that no character of it is forbidden in XML.

use super::story::{self, Story};
use super::{Item, Plan, Urgency, Window};
use askama::Template;
use chrono::{DateTime, SecondsFormat, Utc};

/// A story of a plan, told or not.
#[derive(Debug, Clone)]
pub struct PlanStory {
    pub item: Item,
    /// When it was first told; not yet where there is nothing.
    pub told_at: Option<DateTime<Utc>>,
    /// When it was found, or its text last changed.
    pub updated_at: DateTime<Utc>,
}

#[derive(Template)]
#[template(path = "plan.xml")]
struct Document<'a> {
    id: String,
    plan: String,
    own: Option<&'a str>,
    updated: String,
    entries: Vec<Entry>,
}

struct Entry {
    id: String,
    story: Story,
    title: String,
    published: Option<String>,
    updated: String,
    sentence: String,
    told: String,
}

/// The feed of `plan`. `instance` is the database's own name, part of every id; `own`
/// is where the feed stands, if that is known.
pub fn atom(plan: &Plan, stories: &[PlanStory], instance: &str, own: Option<&str>) -> String {
    // RFC 4151; nobody else gives names under localhost.
    let id = |what: &str| format!("tag:localhost,2026:newswatch/{instance}/{what}");
    let plan_id: String = url::form_urlencoded::byte_serialize(plan.name.as_bytes()).collect();
    let updated = stories.iter().map(|told| told.updated_at).max().unwrap_or_default();
    let entry = |told: &PlanStory| entry(plan, told, id(&format!("article/{}", told.item.article_id)));
    let document = Document {
        id: id(&format!("plan/{plan_id}")),
        plan: story::name(&plan.name),
        own,
        updated: time(updated),
        entries: stories.iter().map(entry).collect(),
    };
    document.render().expect("a template over strings cannot fail")
}

fn entry(plan: &Plan, told: &PlanStory, id: String) -> Entry {
    // The years of its times are said as on the day of its last change.
    let window = Window { from: told.updated_at, to: told.updated_at, urgency: Urgency::Digest };
    let story = story::story(plan, &window, &told.item);
    let told_at = told.told_at.and_then(|at| story::local(at, plan.zone, told.updated_at));
    Entry {
        id,
        title: story.headline(),
        published: told.item.published_at.map(time),
        updated: time(told.updated_at),
        sentence: story.starred(),
        told: told_at.map_or_else(|| "Not told yet.".into(), |at| format!("Told {at}.")),
        story,
    }
}

/// RFC 3339, which has years of four digits.
fn time(at: DateTime<Utc>) -> String {
    let text = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    if text.len() == 20 { text } else { "1970-01-01T00:00:00Z".into() }
}
