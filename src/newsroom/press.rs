//! The made-up press: outlets and their stories, read from `stories/`.
//!
//! One file an outlet. Its head is `key: value` lines; then each story is
//! `# slug`, the title, `by Author` where it has one, an empty line, and
//! paragraphs with empty lines between them. The newest story stands first.

use crate::page::Selectors;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use std::time::Duration;

/// All outlets, in the order they are shown.
const FILES: &[(&str, &str)] = &[
    ("issyk-gazette", include_str!("stories/issyk-gazette.txt")),
    ("pamir-observer", include_str!("stories/pamir-observer.txt")),
    ("steppe-wire", include_str!("stories/steppe-wire.txt")),
    ("alatoo-review", include_str!("stories/alatoo-review.txt")),
    ("vestnik-issyka", include_str!("stories/vestnik-issyka.txt")),
    ("chuy-tany", include_str!("stories/chuy-tany.txt")),
    ("bomi-jahon", include_str!("stories/bomi-jahon.txt")),
    ("dala-habary", include_str!("stories/dala-habary.txt")),
    ("chorsu-xabar", include_str!("stories/chorsu-xabar.txt")),
    ("slow-caravan", include_str!("stories/slow-caravan.txt")),
    ("closed-courier", include_str!("stories/closed-courier.txt")),
    ("register-of-notices", include_str!("stories/register-of-notices.txt")),
];

/// The outlet that prints the late story.
const LATE_OUTLET: &str = "issyk-gazette";

/// An outlet as a reader would configure it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlet {
    /// Its directory, and the name that [`Newsroom::publish`] takes.
    ///
    /// [`Newsroom::publish`]: crate::newsroom::Newsroom::publish
    pub slug: String,
    pub name: String,
    /// Of the feed, or of the page where `selectors` say how to read it.
    pub url: String,
    /// BCP 47.
    pub language: String,
    pub selectors: Option<Selectors>,
}

/// A story as it is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// Last part of its page's address; the same for ever.
    pub slug: String,
    pub title: String,
    pub author: Option<String>,
    /// Paragraphs with empty lines between them.
    pub text: String,
    /// Whole seconds.
    pub published_at: DateTime<Utc>,
}

/// An outlet from within.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    pub slug: String,
    pub name: String,
    pub language: String,
    pub format: Format,
    /// False: the feed holds the first sentence only, the page the rest.
    pub is_full: bool,
    /// Label of the charset of feed and pages.
    pub charset: String,
    /// Markup as careless as it is met in the wild.
    pub is_broken: bool,
    pub status: u16,
    pub delay: Option<Duration>,
    /// `http://address`, without a slash at its end.
    pub site: String,
    pub stories: Vec<Story>,
}

/// What a desk publishes its list of stories as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Rss,
    Atom,
    /// RSS 1.0.
    Rdf,
    JsonFeed,
    /// An HTML list without a feed.
    Page,
}

impl Story {
    /// A story published now.
    pub fn new(slug: &str, title: &str, text: &str) -> Story {
        let published_at = Utc::now().trunc_subsecs(0);
        Story { slug: slug.into(), title: title.into(), author: None, text: text.into(), published_at }
    }
}

impl Desk {
    pub fn outlet(&self) -> Outlet {
        Outlet {
            slug: self.slug.clone(),
            name: self.name.clone(),
            url: format!("{}{}", self.site, self.list_path()),
            language: self.language.clone(),
            selectors: (self.format == Format::Page).then(|| Selectors {
                item: "li.notice".into(),
                title: Some("h2".into()),
                link: Some("h2 a".into()),
                date: Some("time".into()),
                summary: Some("p".into()),
            }),
        }
    }

    /// Where the list of its stories stands.
    pub fn list_path(&self) -> String {
        let file = match self.format {
            Format::JsonFeed => "feed.json",
            Format::Page => "",
            Format::Rss | Format::Atom | Format::Rdf => "feed.xml",
        };
        format!("/{}/{file}", self.slug)
    }

    pub fn page_path(&self, story: &str) -> String {
        format!("/{}/{story}.html", self.slug)
    }

    pub fn page_url(&self, story: &str) -> String {
        format!("{}{}", self.site, self.page_path(story))
    }
}

/// The whole press at a site, its news spread over the hours before `now`.
pub(super) fn open(site: &str, now: DateTime<Utc>) -> Vec<Desk> {
    FILES.iter().map(|(slug, text)| desk(slug, text, site, now)).collect()
}

/// The story that breaks while the demo runs, and the outlet that prints it.
pub fn late_story() -> (&'static str, Story) {
    let now = Utc::now().trunc_subsecs(0);
    let story = story(include_str!("stories/late-story.txt").trim_start_matches("# "), now);
    (LATE_OUTLET, story)
}

fn desk(slug: &str, text: &str, site: &str, now: DateTime<Utc>) -> Desk {
    let (head, stories) = text.split_once("\n# ").unwrap_or((text, ""));
    let value = |key: &str| {
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    };
    let stories =
        stories.split("\n# ").enumerate().map(|(at, text)| story(text, now - age(slug, at))).collect();
    Desk {
        slug: slug.into(),
        name: value("name").unwrap_or(slug).into(),
        language: value("language").unwrap_or("en").into(),
        format: match value("format") {
            Some("atom") => Format::Atom,
            Some("rdf") => Format::Rdf,
            Some("json") => Format::JsonFeed,
            Some("page") => Format::Page,
            _ => Format::Rss,
        },
        is_full: value("text") != Some("teaser"),
        charset: value("charset").unwrap_or("utf-8").into(),
        is_broken: value("markup") == Some("broken"),
        status: value("status").and_then(|status| status.parse().ok()).unwrap_or(200),
        delay: value("delay_ms").and_then(|ms| ms.parse().ok()).map(Duration::from_millis),
        site: site.into(),
        stories,
    }
}

/// Some two hours between an outlet's stories, and no two outlets in step.
fn age(slug: &str, at: usize) -> TimeDelta {
    let offset: u32 = slug.bytes().map(u32::from).sum::<u32>() % 90;
    TimeDelta::minutes(i64::from(offset) + 10)
        + TimeDelta::minutes(113) * i32::try_from(at).unwrap_or(i32::MAX)
}

/// One story of a file, from behind its `# `.
fn story(text: &str, published_at: DateTime<Utc>) -> Story {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut head = head.lines().map(str::trim);
    Story {
        slug: head.next().unwrap_or_default().into(),
        title: head.next().unwrap_or_default().into(),
        author: head.next().and_then(|line| line.strip_prefix("by ")).map(String::from),
        text: body.trim().into(),
        published_at,
    }
}
