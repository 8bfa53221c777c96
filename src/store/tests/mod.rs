//! The store as its callers see it: real files in directories of their own.
#![allow(clippy::disallowed_methods)]

use super::*;
use crate::extract::Article;
use crate::feed::Entry;
use crate::fetch::Validators;
use crate::watch::{Field, Hit, Match, Score};
use chrono::{TimeDelta, TimeZone};
use tempfile::TempDir;

mod hubs;
mod opening;
mod recording;
mod rescoring;
mod searching;
mod telling;

/// A store of its own, with two sources registered.
struct Desk {
    directory: TempDir,
    store: Store,
}

const NOTHING: [i64; 0] = [];
const RADIO: &str = "Radio Pamir";
const PAPER: &str = "The Ala-Too Paper";

fn desk() -> Desk {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let store = Store::open(&directory.path().join("newswatch.db")).expect("a new database opens");
    let sources = [RADIO, PAPER].map(|name| (name.to_string(), format!("https://example.org/{name}")));
    store.register(&sources, &[], minute(0)).expect("sources register");
    Desk { directory, store }
}

impl Desk {
    fn path(&self) -> PathBuf {
        self.directory.path().join("newswatch.db")
    }

    /// Another program's look at the file.
    fn sql<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        let connection = Connection::open(self.path()).expect("the file opens");
        connection.query_row(sql, [], |row| row.get(0)).expect("the statement runs")
    }

    fn change(&self, sql: &str) {
        let connection = Connection::open(self.path()).expect("the file opens");
        connection.execute_batch(sql).expect("the statement runs");
    }

    fn record(&self, source: &str, articles: &[NewArticle], minutes: i64) -> Vec<i64> {
        self.store.record(&poll(source, articles), minute(minutes)).expect("a poll is recorded")
    }

    fn owed(&self, urgency: Option<Urgency>) -> Vec<(Item, Vec<i64>)> {
        self.store.owed("rights desk", urgency, None).expect("what is owed is read")
    }

    fn titles(&self, query: &str) -> Vec<String> {
        let search = Search { query: query.into(), ..Search::default() };
        let found = self.store.search(&search).unwrap_or_else(|error| panic!("`{query}`: {error}"));
        found.into_iter().map(|found| found.title).collect()
    }

    fn tell(&self, slot: &str, owed: &[i64]) -> bool {
        let mail = NewMail {
            message_id: format!("{slot}@newswatch"),
            sender: "newswatch@example.org".into(),
            recipient: "desk@example.org".into(),
            subject: "Temirov".into(),
            wire: b"Subject: Temirov\r\n\r\n".to_vec(),
        };
        let debts = Debts { owed: owed.to_vec(), ..Debts::default() };
        let enqueued = self.store.enqueue("rights desk", slot, Some(minute(60)), &debts, &[mail], minute(60));
        enqueued.expect("a digest is enqueued")
    }
}

/// Minutes after 22:00 on 23 November 2026.
fn minute(minutes: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 23, 22, 0, 0).single().expect("one instant") + TimeDelta::minutes(minutes)
}

fn story(identity: &str, title: &str, text: &str) -> NewArticle {
    let article = Article {
        identity: identity.into(),
        link: Some(format!("https://example.org/{identity}")),
        title: title.into(),
        text: text.into(),
        ..Article::default()
    };
    let entry = Entry { title: Some(title.into()), content: Some(text.into()), ..Entry::default() };
    let entry_hash = crate::story::entry_hash(&entry);
    NewArticle { article, fingerprint: 0, entry_hash, matches: Vec::new(), owed: Vec::new(), page: None }
}

impl NewArticle {
    fn near(self, fingerprint: u64) -> NewArticle {
        NewArticle { fingerprint, ..self }
    }

    /// Matched by `watch` on its first word, and owed to the rights desk.
    fn owed(mut self, watch: &str, urgency: Urgency) -> NewArticle {
        let end = self.article.text.find(' ').unwrap_or(self.article.text.len());
        let text = self.article.text[..end].to_string();
        let rule = "stem temirov".into();
        let hit = Hit { field: Field::Text, span: 0..end, text, rule, certainty: 1.0 };
        self.owed.push(("rights desk".into(), self.matches.len(), urgency));
        self.matches.push(Match { watch: watch.into(), score: Score::default(), hits: vec![hit] });
        self
    }
}

fn poll(source: &str, articles: &[NewArticle]) -> Recording {
    let validators = Validators { etag: Some("W/\"7\"".into()), last_modified: None };
    let url = format!("https://example.org/{source}");
    Recording {
        state: SourceState { name: source.into(), url, validators, ..SourceState::default() },
        outcome: "fresh".into(),
        entries: articles.len(),
        bytes: 900,
        millis: 12,
        faults: Vec::new(),
        listed: articles.iter().map(|new| new.article.identity.clone()).collect(),
        articles: articles.to_vec(),
        revisions: Vec::new(),
        touched: Vec::new(),
    }
}

fn temirov() -> NewArticle {
    story("t1", "Temirov before the court", "Temirov stands trial in Bishkek.")
        .owed("Temirov", Urgency::Digest)
}
