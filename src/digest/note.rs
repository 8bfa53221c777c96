//! A digest for a chat: the same facts as the mail, a few lines a story, without
//! the dialect of any service.
//!
//! Invariant: text is plain, clean and bounded; how much of it has room, and how it
//! is escaped, is the service's matter. What is stored is read again: fields are
//! added, never changed.

use super::sheet;
use super::story::{self, Edit, Story};
use super::{Footer, Item, Plan, Rate, Removed, Urgency, Window, changes, prose};
use serde::{Deserialize, Serialize};

/// What marks a recipient that is a chat; no mail address has a colon.
pub const CHAT: &str = "chat:";

/// Stories kept for a chat; no service has room for more.
const STORIES_MAX: usize = 100;
/// Sick sources named.
const SICK_MAX: usize = 6;
/// Characters of a reason, and of what an edit changed.
const DETAIL_CHARS_MAX: usize = 240;

/// What a chat is told, in the order of its lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub subject: String,
    /// It does not wait for a digest.
    pub is_urgent: bool,
    /// Lines before the stories.
    pub head: Vec<String>,
    pub stories: Vec<NoteStory>,
    /// Stories beside these.
    pub more: usize,
    /// The command that shows all of it.
    pub command: Option<String>,
    /// Lines after the stories; the last is said however little room there is.
    pub foot: Vec<String>,
    /// What the foot might have named beside its lines.
    #[serde(default)]
    pub foot_more: usize,
}

/// One story of a note.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteStory {
    pub title: String,
    pub link: Option<String>,
    /// Source, watch and reason; or what became of it.
    pub detail: String,
    /// What to type, to the letter.
    pub command: Option<String>,
}

impl Note {
    /// As it is stored.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers are JSON")
    }

    /// Back from what was stored.
    pub fn of_json(bytes: &[u8]) -> Option<Note> {
        serde_json::from_slice(bytes).ok()
    }
}

/// What [`super::compose`] makes a mail of, as a note.
pub fn note(
    plan: &Plan,
    window: &Window,
    items: &[Item],
    corrected: &[Item],
    footer: &Footer,
    subject: &str,
) -> Note {
    let stories = story::stories(plan, window, items);
    let edits = story::stories(plan, window, corrected);
    let spikes = footer.spikes.iter().filter(|_| window.urgency != Urgency::AtOnce);
    let said = sheet::note(plan, stories.len(), edits.len(), window.urgency, footer);
    // The best of every watch first, so that none is silent where there is little room.
    let mut ranked: Vec<(&Story, usize)> = stories.iter().zip(sheet::precedence(&stories)).collect();
    ranked.sort_by_key(|(_, precedence)| *precedence);
    let all = ranked.into_iter().map(|(story, _)| told(story)).chain(edits.iter().map(edited));
    let has_foot = window.urgency != Urgency::AtOnce;
    let all = all.chain(footer.removed.iter().map(|one| removed(plan, window, one)));
    Note {
        subject: subject.to_owned(),
        is_urgent: window.urgency == Urgency::AtOnce && !stories.is_empty(),
        head: said.into_iter().chain(spikes.map(Rate::line)).collect(),
        stories: all.take(STORIES_MAX).collect(),
        more: (stories.len() + edits.len() + footer.removed.len()).saturating_sub(STORIES_MAX),
        command: Some(sheet::command(plan, window)),
        foot: if has_foot { foot(plan, window, footer) } else { Vec::new() },
        foot_more: if has_foot { footer.sick.len().saturating_sub(SICK_MAX) } else { 0 },
    }
}

/// `Osh Echo · Temirov, score 3.1: stem temirov + ым (…), and 2 more watches`.
fn told(story: &Story) -> NoteStory {
    let (first, rest) = story.why.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let more = if rest.is_empty() { String::new() } else { format!(" (and {} more)", rest.len()) };
    let why = prose::line(first, DETAIL_CHARS_MAX);
    NoteStory {
        title: story.headline(),
        link: story.link.clone(),
        detail: format!("{} · {why}{more}", story.source),
        command: None,
    }
}

/// `Corrected: …`, with the first thing that changed.
fn edited(story: &Story) -> NoteStory {
    let change = story.edit.as_ref().and_then(change).unwrap_or_default();
    NoteStory {
        title: format!("Corrected: {}", story.headline()),
        link: story.link.clone(),
        detail: format!("{} · {}{change}", story.source, story.watch),
        command: None,
    }
}

fn change(edit: &Edit) -> Option<String> {
    let plain = |pieces: &[prose::Piece]| pieces.iter().map(|piece| piece.text.as_str()).collect::<String>();
    let said = match (&edit.gone, &edit.title, edit.changes.first()) {
        (Some(gone), ..) => format!("it no longer names {gone}"),
        (_, Some(title), _) => format!("the title was: {title}"),
        (.., Some(changes::Change::Reworded { was, now })) => {
            format!("was: {} now: {}", plain(was), plain(now))
        }
        (.., Some(changes::Change::Removed(was))) => format!("taken out: {}", plain(was)),
        (.., Some(changes::Change::Added(now))) => format!("added: {}", plain(now)),
        _ => return None,
    };
    Some(format!("; {}", prose::line(&said, DETAIL_CHARS_MAX)))
}

fn removed(plan: &Plan, window: &Window, story: &Removed) -> NoteStory {
    let gone = sheet::gone(story, plan.zone, window.to);
    NoteStory {
        title: format!("Removed: {}", gone.title),
        link: gone.link,
        detail: format!("{} · its page has been gone since {}", gone.source, gone.since),
        command: None,
    }
}

fn foot(plan: &Plan, window: &Window, footer: &Footer) -> Vec<String> {
    let sick = footer.sick.iter().take(SICK_MAX).map(|one| sheet::sick(one, plan.zone, window.to));
    let mut lines: Vec<String> = sick
        .map(|sick| format!("In trouble: {}, {} since {}", sick.source, sick.state, sick.since))
        .collect();
    let next = footer.next_digest_at.and_then(|at| story::local(at, plan.zone, window.to));
    let next = next.map_or_else(String::new, |next| format!(" · next digest: {next}"));
    lines.push(format!("{}{next}", sheet::read(footer)));
    lines
}
