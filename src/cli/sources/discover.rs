//! `newswatch sources discover`: the feeds and news sitemaps of a site.
//!
//! Invariant: nothing is offered that was not fetched and read. Requests go out
//! one after the other, their number and the time they may take are bounded, and
//! a host that asks for patience is left alone.

use super::{fetcher, language, load_if_any, newest_at, texts};
use crate::cli::output::{Cell, Output, count, data_time, local_time, printable};
use crate::cli::screen::screen;
use crate::cli::{Exit, runtime};
use crate::config::{NewFeed, Taken};
use crate::daemon;
use crate::feed::discover::{self, How, Lead};
use crate::feed::link::canonical;
use crate::feed::{self, Dialect, Feed};
use crate::fetch::{Body, FetchError, Fetcher, NamedBy, Poll, Validators};
use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};
use url::Url;

/// Time after which no further address is tried.
const PATIENCE: Duration = Duration::from_secs(180);

/// Pages that list feeds, found on the page given and read as well.
const LIST_PAGES_MAX: usize = 3;

/// Sitemaps tried of robots.txt, and of an index.
const SITEMAPS_MAX: usize = 4;

/// Characters shown of a title.
const TITLE_CHARS_MAX: usize = 120;

/// The most that `--at-most` takes.
const AT_MOST_MOST: u16 = 500;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Address of a site, of a page that lists feeds, or of a feed
    url: String,
    /// Addresses tried at most
    #[arg(long, value_name = "COUNT", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=i64::from(AT_MOST_MOST)))]
    at_most: u16,
    /// `[[feed]]` tables to paste into config.toml, of what is not in it yet
    #[arg(long, conflicts_with = "format")]
    toml: bool,
    #[command(flatten)]
    output: Output,
}

const COLUMNS: [&str; 9] =
    ["title", "kind", "entries", "newest_at", "language", "texts", "found", "configured", "url"];

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let config = load_if_any(config)?;
    let runtime = runtime()?;
    let _inside = runtime.enter();
    let fetcher = fetcher(config.as_ref())?;
    let mut search = Search::new(&fetcher, usize::from(given.at_most));
    let failure = runtime.block_on(search.run(&with_scheme(&given.url)))?;
    let offers = search.offers();
    search.say_what_was_not_offered(given.at_most);
    if let Some(failure) = &failure {
        eprintln!("newswatch: {}", printable(failure));
    }
    if offers.is_empty() {
        return Ok(nothing(&given.url, search.asked, failure.is_some()));
    }
    let taken = config.map(|config| Taken::of(&config.sources)).unwrap_or_default();
    match given.toml {
        true => tables(&offers, taken)?,
        false => {
            let rows: Vec<_> = offers.iter().map(|offer| offer.row(taken.by(&offer.url))).collect();
            given.output.print(&COLUMNS, &rows)?;
        }
    }
    Ok(Exit::Ok)
}

/// `eurasianet.org` is an address too.
fn with_scheme(url: &str) -> String {
    match url.contains("://") || url.contains(':') && !url.contains('.') {
        true => url.to_owned(),
        false => format!("https://{url}"),
    }
}

/// There are no feeds; where the address itself failed that has been said.
fn nothing(url: &str, asked: usize, has_failed: bool) -> Exit {
    if has_failed {
        return Exit::Unavailable;
    }
    let asked = count(asked, "address", "addresses");
    eprintln!(
        "newswatch: no feed found at `{}` ({asked} tried); a page without one can be read as a `[[page]]`",
        printable(url)
    );
    Exit::NothingFound
}

fn tables(offers: &[Offer], mut taken: Taken) -> anyhow::Result<()> {
    let mut out = screen();
    let mut first = true;
    for offer in offers {
        if let Some(name) = taken.by(&offer.url) {
            eprintln!(
                "newswatch: `{}` is configured already as `{}`",
                printable(&offer.url),
                printable(name)
            );
            continue;
        }
        let gap = if std::mem::take(&mut first) { "" } else { "\n" };
        write!(out, "{gap}{}", offer.table(offers, &mut taken)).context("failed to write the tables")?;
    }
    Ok(())
}

/// A search under way.
struct Search<'f> {
    fetcher: &'f Fetcher,
    /// Addresses that may still be tried.
    left: usize,
    until: Instant,
    asked: usize,
    tried: HashSet<String>,
    untried: usize,
    /// Hosts that are not asked any more: they want patience, or cannot be reached.
    resting: HashSet<String>,
    offers: Vec<Offer>,
    /// News sitemaps, and the URL of the index that lists them.
    indexed: Vec<(Lead, String)>,
    /// Linked pages that are no feeds, but may list some.
    lists: Vec<Body>,
    /// Told on stderr: what looked like a feed and is none.
    misses: Vec<String>,
}

/// A feed that was read.
struct Offer {
    url: String,
    lead: Lead,
    title: String,
    dialect: Dialect,
    entries: usize,
    newest_at: Option<DateTime<Utc>>,
    language: Option<String>,
    texts: &'static str,
    /// Hash of where its entries lead, whatever their order; none where they have no links.
    links: Option<u64>,
    /// Where it ended after redirects.
    landed: String,
}

impl<'f> Search<'f> {
    fn new(fetcher: &'f Fetcher, at_most: usize) -> Search<'f> {
        Search {
            fetcher,
            left: at_most,
            until: Instant::now() + PATIENCE,
            asked: 0,
            tried: HashSet::new(),
            untried: 0,
            resting: HashSet::new(),
            offers: Vec::new(),
            indexed: Vec::new(),
            lists: Vec::new(),
            misses: Vec::new(),
        }
    }

    /// Looks everywhere, the likeliest places first. Returns why the address given
    /// could not be read, where that was so.
    async fn run(&mut self, url: &str) -> anyhow::Result<Option<String>> {
        let failure = self.start(url).await?;
        if !self.offers.is_empty() || self.resting.contains(&host_of(url)) {
            return Ok(failure);
        }
        let start = self.lists.pop();
        let url = start.as_ref().map_or(url.to_owned(), |body| body.url.clone());
        if let Some(page) = start {
            self.try_leads(leads_of(&page), &page.url, LIST_PAGES_MAX).await;
        }
        for page in std::mem::take(&mut self.lists) {
            let leads = leads_of(&page);
            match leads.is_empty() {
                true => self.misses.push(format!("`{}` (linked): it is no feed, and names none", page.url)),
                false if self.fetcher.allows(&page.url, NamedBy::Document(&page.url)).await => {
                    self.try_leads(leads, &page.url, 0).await;
                }
                false => {}
            }
        }
        // The site itself names what is guessed of it.
        let (named, robots) = self.fetcher.sitemaps(&url, NamedBy::Document(&url)).await;
        let sitemaps = discover::sitemaps(named.into_iter());
        let (news, plain): (Vec<_>, Vec<_>) =
            sitemaps.into_iter().partition(|lead| discover::is_news_sitemap(&lead.url));
        self.try_sitemaps(news, &robots).await;
        if !self.has_feed() {
            self.try_leads(discover::guesses(&url), &url, 0).await;
        }
        if self.offers.is_empty() {
            match plain.is_empty() {
                true => self.try_sitemaps(discover::sitemap_guesses(&url), &url).await,
                false => self.try_sitemaps(plain, &robots).await,
            }
        }
        Ok(failure)
    }

    /// Reads the address given: an offer when it is a feed, a list when it is a page.
    async fn start(&mut self, url: &str) -> anyhow::Result<Option<String>> {
        let lead = Lead { url: url.to_owned(), title: String::new(), how: How::Given };
        self.note_tried(url);
        let mut poll = self.fetcher.page(url, NamedBy::Config, &Validators::default()).await;
        let is_forbidden = matches!(poll, Poll::Failed(FetchError::Robots { .. }));
        if is_forbidden {
            // A feed may be read all the same; the links of a page may not.
            poll = self.fetcher.poll(url, NamedBy::Config, &Validators::default()).await;
        }
        match poll {
            Poll::Fresh(body) => {
                self.consider(lead, body, 1).await;
                if is_forbidden && self.lists.pop().is_some() {
                    self.misses
                        .push("robots.txt keeps programs from this page: its links are not read".into());
                }
                Ok(None)
            }
            Poll::Failed(FetchError::Refused(refusal)) => bail!("`{url}` is not asked for: {refusal}"),
            // The site answers, so its usual places are worth a look.
            Poll::Failed(error) if error.status().is_some() => Ok(Some(said(&error))),
            Poll::Failed(error) => {
                self.resting.insert(host_of(url));
                Ok(Some(said(&error)))
            }
            Poll::Deferred(until) => {
                self.resting.insert(host_of(url));
                Ok(Some(format!("the site asks not to be asked before {}", local_time(until))))
            }
            Poll::Gone => Ok(Some("the server says the page is gone for good (410)".into())),
            Poll::Unchanged => Ok(Some("the server said `304` to an unconditional request".into())),
        }
    }

    /// Tries what the document at `named_at` names.
    async fn try_leads(&mut self, leads: Vec<Lead>, named_at: &str, lists_max: usize) {
        for lead in leads {
            self.try_one(lead, named_at, lists_max).await;
        }
    }

    /// Sitemaps, and the news sitemaps that an index among them lists.
    async fn try_sitemaps(&mut self, leads: Vec<Lead>, named_at: &str) {
        self.try_leads(leads.into_iter().take(SITEMAPS_MAX).collect(), named_at, 0).await;
        let indexed = std::mem::take(&mut self.indexed);
        for (lead, index) in indexed.into_iter().take(SITEMAPS_MAX) {
            self.try_one(lead, &index, 0).await;
        }
    }

    async fn try_one(&mut self, lead: Lead, named_at: &str, lists_max: usize) {
        let host = host_of(&lead.url);
        if self.tried.contains(&lead.url) || self.resting.contains(&host) {
            return;
        }
        if self.left == 0 || Instant::now() > self.until {
            self.untried += 1;
            return;
        }
        self.note_tried(&lead.url);
        self.left -= 1;
        match self.fetcher.poll(&lead.url, NamedBy::Document(named_at), &Validators::default()).await {
            Poll::Fresh(body) => self.consider(lead, body, lists_max).await,
            Poll::Deferred(until) => {
                self.misses.push(format!("`{host}` asks not to be asked before {}", data_time(until)));
                self.resting.insert(host);
            }
            Poll::Failed(error) => self.miss(&lead, &said(&error)),
            Poll::Gone => self.miss(&lead, "it is gone (410)"),
            Poll::Unchanged => self.miss(&lead, "the server said `304` to an unconditional request"),
        }
    }

    fn note_tried(&mut self, url: &str) {
        self.asked += 1;
        self.tried.insert(url.to_owned());
    }

    async fn consider(&mut self, lead: Lead, body: Body, lists_max: usize) {
        self.tried.insert(body.url.clone());
        match feed::parse(&body.bytes, body.content_type.as_deref(), Some(&body.url)) {
            Ok(mut feed) => {
                // An index alone holds no entries, and is worth less than what it lists for news.
                let listed = feed.sitemaps.iter().map(|sitemap| sitemap.link.clone());
                let news: Vec<_> = listed.filter(|url| discover::is_news_sitemap(url)).collect();
                if !news.is_empty() {
                    let news = discover::sitemaps(news.into_iter());
                    self.indexed.extend(news.into_iter().map(|lead| (lead, body.url.clone())));
                    return;
                }
                daemon::follow_sitemaps(self.fetcher, &mut feed, &body.url).await;
                match feed.entries.is_empty() {
                    true => self.miss(&lead, &format!("a feed ({}) with nothing in it", feed.dialect)),
                    false => self.offer(lead, &body, &feed),
                }
            }
            Err(_) if matches!(lead.how, How::Given | How::Linked) && self.lists.len() < lists_max => {
                self.lists.push(body);
            }
            Err(error) => self.miss(&lead, &error.to_string()),
        }
    }

    /// A guess that fails is no news; what the site itself named is.
    fn miss(&mut self, lead: &Lead, what: &str) {
        if lead.how != How::Guessed {
            self.misses.push(format!("`{}` ({}): {what}", lead.url, lead.how));
        }
    }

    fn offer(&mut self, lead: Lead, body: &Body, feed: &Feed) {
        let title = feed.title.as_deref().filter(|title| !title.is_empty()).unwrap_or(&lead.title);
        self.offers.push(Offer {
            url: body.moved_to.clone().unwrap_or_else(|| lead.url.clone()),
            title: title.chars().take(TITLE_CHARS_MAX).collect(),
            dialect: feed.dialect,
            entries: feed.entries.len(),
            newest_at: newest_at(&feed.entries),
            language: language(feed),
            texts: texts(&feed.entries),
            links: links(feed),
            landed: body.url.clone(),
            lead,
        });
    }

    fn has_feed(&self) -> bool {
        self.offers.iter().any(|offer| offer.rank() == 0)
    }

    /// The best of what was found, each feed once: of several with the same
    /// entries the one that says the most of them.
    fn offers(&mut self) -> Vec<Offer> {
        let mut offers = std::mem::take(&mut self.offers);
        let mut kept: Vec<Offer> = Vec::new();
        offers.sort_by_key(|offer| (offer.texts != "whole", offer.rank(), offer.lead.how));
        for offer in offers {
            let same = kept.iter().find(|other| other.is_same(&offer));
            match same {
                Some(other) => {
                    self.misses.push(format!("`{}` has the entries of `{}`", offer.url, other.url))
                }
                None => kept.push(offer),
            }
        }
        kept.sort_by_key(|offer| (offer.rank(), offer.lead.how));
        kept
    }

    fn say_what_was_not_offered(&self, at_most: u16) {
        for miss in &self.misses {
            eprintln!("newswatch: {}", printable(miss));
        }
        if self.untried > 0 {
            let untried = count(self.untried, "address was", "addresses were");
            let more = (usize::from(at_most) + self.untried).min(usize::from(AT_MOST_MOST));
            match self.left {
                0 => eprintln!("newswatch: {untried} not tried; `--at-most {more}` tries more of them"),
                _ => eprintln!("newswatch: {untried} not tried: the site is too slow for that many"),
            }
        }
    }
}

fn links(feed: &Feed) -> Option<u64> {
    let links = feed.entries.iter().filter_map(|entry| entry.link.as_deref().map(canonical));
    let links: BTreeSet<String> = links.collect();
    let mut hasher = DefaultHasher::new();
    links.hash(&mut hasher);
    (!links.is_empty()).then(|| hasher.finish())
}

fn host_of(url: &str) -> String {
    Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

fn leads_of(page: &Body) -> Vec<Lead> {
    discover::leads(&page.bytes, page.content_type.as_deref(), &page.url)
}

/// An error with its first cause.
fn said(error: &FetchError) -> String {
    format!("failed to {}", daemon::Chain(error))
}

impl Offer {
    /// Feeds, then feeds of comments, then news sitemaps, then what lists addresses only.
    fn rank(&self) -> u8 {
        match self.dialect {
            Dialect::NewsSitemap => 2,
            Dialect::SitemapIndex => 3,
            Dialect::Sitemap => 4,
            _ if self.url.to_ascii_lowercase().contains("comments") => 1,
            _ => 0,
        }
    }

    fn is_same(&self, other: &Offer) -> bool {
        self.landed == other.landed || (self.links.is_some() && self.links == other.links)
    }

    fn row(&self, configured: Option<&str>) -> Vec<Cell> {
        vec![
            self.title.clone().into(),
            self.dialect.to_string().into(),
            Cell::Count(i64::try_from(self.entries).unwrap_or(i64::MAX)),
            Cell::Time(self.newest_at),
            self.language.clone().into(),
            self.texts.into(),
            self.lead.how.to_string().into(),
            configured.unwrap_or_default().into(),
            Cell::Link(Some(self.url.clone())),
        ]
    }

    fn table(&self, all: &[Offer], taken: &mut Taken) -> String {
        let entries = count(self.entries, "entry", "entries");
        let newest = self.newest_at.map_or("undated".into(), |at| at.format("newest %Y-%m-%d").to_string());
        let texts = if self.texts == "whole" { "whole texts" } else { self.texts };
        let note = format!("{}, {}: {entries}, {newest}, {texts}", self.lead.how, self.dialect);
        let name = taken.name(self.name(all), &self.url);
        NewFeed { name, url: self.url.clone(), note, ..NewFeed::default() }.table()
    }

    /// Its title; where others have the same one, what the page calls it.
    fn name(&self, all: &[Offer]) -> &str {
        let is_shared = all.iter().filter(|offer| offer.title == self.title).count() > 1;
        if is_shared && !self.lead.title.is_empty() { &self.lead.title } else { &self.title }
    }
}
