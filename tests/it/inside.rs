//! A desk from within, with the clock in the test's hand: the daemon's own tell
//! and deliver over a real database, no binary between.

use crate::support::scratch;
use chrono::{DateTime, Utc};
use newswatch::config;
use newswatch::daemon::{self, DaemonError, Desk, Told};
use newswatch::extract::Article;
use newswatch::mail::Limits;
use newswatch::store::{NewArticle, Recording, SourceState, Store};
use newswatch::{fetch, story};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

pub struct Inside {
    pub directory: TempDir,
    pub desk: Arc<Desk>,
}

/// The source that stories are published in; nobody polls it.
pub const ECHO: &str = "Osh Echo";
const ECHO_URL: &str = "http://127.0.0.1:9/feed";

pub fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time in RFC 3339")
}

fn work_at(store: Store, directory: &TempDir, config: &str) -> Result<Desk, DaemonError> {
    let text = format!("{config}\n[[feed]]\nname = {ECHO:?}\nurl = {ECHO_URL:?}\n");
    let config =
        config::parse(&text, &directory.path().join("config.toml")).unwrap_or_else(|error| panic!("{error}"));
    Desk::new(config, store, directory.path().into())
}

impl Inside {
    /// `config` without `[daemon]` and sources.
    pub fn open(config: &str, limits: Limits) -> Inside {
        let directory = scratch();
        let store = Store::open(&directory.path().join("newswatch.db")).expect("a new database opens");
        let desk = work_at(store, &directory, config).expect("a desk");
        let desk = Desk { mailer: desk.mailer.with_limits(limits), ..desk };
        Inside { directory, desk: Arc::new(desk) }
    }

    /// The same desk after another configuration was read.
    pub fn reload(self, config: &str) -> Inside {
        let desk = self.read(config).expect("a desk");
        Inside { desk: Arc::new(desk), ..self }
    }

    /// What the daemon makes of another configuration while this desk still works.
    pub fn read(&self, config: &str) -> Result<Desk, DaemonError> {
        work_at(self.desk.store.clone(), &self.directory, config)
    }

    /// An article as the poll loop would record it, matches and debts with it.
    pub fn article(&self, id: &str, title: &str, text: &str) -> NewArticle {
        let article = Article {
            identity: id.into(),
            source: ECHO.into(),
            link: Some(format!("https://echo.example/{id}")),
            title: title.into(),
            text: text.into(),
            language: Some("en".into()),
            ..Article::default()
        };
        let matches = self.desk.config.watch_list.scan(std::slice::from_ref(&article)).remove(0);
        let mut owed = Vec::new();
        for (index, found) in matches.iter().enumerate() {
            for plan in &self.desk.config.plans {
                owed.extend(plan.wants(found).map(|urgency| (plan.name.clone(), index, urgency)));
            }
        }
        let fingerprint = story::fingerprint(title, text).0;
        NewArticle { article, fingerprint, entry_hash: fingerprint, matches, owed, page: None }
    }

    /// Records new articles, and revisions of stored ones by row, at `now`.
    pub fn record(&self, articles: Vec<NewArticle>, revisions: Vec<(i64, NewArticle)>, now: DateTime<Utc>) {
        let state = SourceState {
            name: ECHO.into(),
            url: ECHO_URL.into(),
            validators: fetch::Validators::default(),
            polled_at: Some(now),
            health: "healthy".into(),
            ..SourceState::default()
        };
        let recording = Recording {
            state,
            outcome: "fresh".into(),
            entries: articles.len(),
            bytes: 1,
            millis: 1,
            faults: Vec::new(),
            listed: Vec::new(),
            articles,
            revisions,
            touched: Vec::new(),
        };
        self.desk.store.record(&recording, now).expect("a poll is recorded");
    }

    /// One new article at `now`.
    pub fn publish(&self, id: &str, title: &str, text: &str, now: DateTime<Utc>) {
        self.record(vec![self.article(id, title, text)], Vec::new(), now);
    }

    /// What the tell loop does in one round at `now`; the tries it made.
    pub async fn round(&self, now: DateTime<Utc>) -> Vec<Told> {
        daemon::tell_due(&self.desk, now).await.expect("what is owed is told");
        self.deliver(now).await
    }

    pub async fn deliver(&self, now: DateTime<Utc>) -> Vec<Told> {
        let mut tries = Vec::new();
        let tell = |told: &Told| tries.push(told.clone());
        daemon::deliver_due(&self.desk, || now, || true, tell).await.expect("the outbox is read");
        tries
    }

    pub fn database(&self) -> PathBuf {
        self.directory.path().join("newswatch.db")
    }

    /// What `sqlite3` would show: each row, its columns joined by ` | `.
    pub fn query(&self, sql: &str) -> Vec<String> {
        crate::support::query(&self.database(), sql)
    }
}
