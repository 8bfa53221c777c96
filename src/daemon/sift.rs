//! The entries of one poll told apart: new, changed, known; matched, and what each
//! plan owes for them.
//!
//! Invariant: of each identity one entry is taken; a known entry that says nothing new
//! is written nowhere.

use super::source::{ENTRIES_A_POLL_MAX, Kind, Reading};
use super::{Desk, off_thread};
use crate::config::{FullText, Source};
use crate::digest::Urgency;
use crate::extract::{self, Article};
use crate::feed::{self, Entry};
use crate::fetch::Fetcher;
use crate::store::{Known, NewArticle, PageWanted, StoreError, Touched};
use crate::story::{self, Telling};
use crate::watch::Match;
use std::collections::HashMap;
use std::sync::Arc;

/// Entries of a document that say something when all of them are new.
const WINDOW_ENTRIES_MIN: usize = 5;

/// An entry on its way to become a stored article.
pub struct Draft {
    pub entry: Entry,
    pub article: Article,
    /// The stored article it is a new version of.
    pub known: Option<Known>,
    /// Where its page is to be read for the whole text.
    pub page: Option<PageWanted>,
}

/// The entries of a document, told apart.
#[derive(Default)]
pub struct Sifted {
    /// Never seen before.
    pub fresh: Vec<Draft>,
    /// Known, and published with other words.
    pub changed: Vec<Draft>,
    /// Identities of all.
    pub listed: Vec<String>,
    /// How many of them were seen before.
    known: usize,
    /// Nothing was ever read of this source.
    pub is_first: bool,
    /// None of the entries was there at the poll before.
    pub rolled_over: bool,
}

/// Reads the entries, and asks the store which it knows.
///
/// # Errors
/// The database.
pub async fn sift(
    desk: &Arc<Desk>,
    source: &Source,
    mut reading: Reading,
    is_first: bool,
) -> Result<(Reading, Sifted), StoreError> {
    let (store, fetcher, source) = (desk.store.clone(), desk.fetcher.clone(), source.clone());
    off_thread(move || {
        let drafts = drafts(&fetcher, &source, &mut reading, is_first);
        let mut sifted = Sifted { is_first, ..Sifted::default() };
        sifted.listed.extend(drafts.iter().map(|draft| draft.article.identity.clone()));
        let again = sifted.take(drafts, &store.known(&source.name, &sifted.listed.clone())?);
        // A guid that was used before for another story: these go by what they say.
        let identities: Vec<_> = again.iter().map(|draft| draft.article.identity.clone()).collect();
        sifted.take(again, &store.known(&source.name, &identities)?);
        sifted.listed.extend(identities);
        let all_new = sifted.fresh.len() >= WINDOW_ENTRIES_MIN && sifted.known == 0;
        sifted.rolled_over = all_new && !is_first;
        Ok((reading, sifted))
    })
    .await
}

impl Sifted {
    /// Sorts drafts by what is known of their identities. Returns those whose identity
    /// is another story's, with one of their own.
    fn take(&mut self, drafts: Vec<Draft>, known: &[Option<Known>]) -> Vec<Draft> {
        let mut others = Vec::new();
        for (mut draft, known) in drafts.into_iter().zip(known) {
            let Some(known) = known else {
                self.fresh.push(draft);
                continue;
            };
            self.known += 1;
            if known.article_id == 0 || known.entry_hash == story::entry_hash(&draft.entry) {
                continue;
            }
            match feed::identity::fingerprint(&draft.entry) {
                Some(own) if own != draft.article.identity && is_another_story(known, &draft.article) => {
                    self.known -= 1;
                    draft.article.identity = own;
                    others.push(draft);
                }
                _ => self.changed.push(Draft { known: Some(known.clone()), ..draft }),
            }
        }
        others
    }
}

/// Whether an article under a known guid is no version of the one it named: its link
/// is another, and neither title nor text is alike.
fn is_another_story(known: &Known, article: &Article) -> bool {
    let old = Telling { title: &known.title, text: &known.text, published_at: known.published_at };
    let new = Telling { title: &article.title, text: &article.text, published_at: article.published_at };
    known.link != article.link && known.link.is_some() && !story::same_article(&old, &new)
}

/// The entries as articles, each identity once.
fn drafts(fetcher: &Fetcher, source: &Source, reading: &mut Reading, is_first: bool) -> Vec<Draft> {
    let language = source.language.as_deref().or(reading.language());
    let mut met: HashMap<String, u64> = HashMap::new();
    let (mut lost, mut foreign) = (0, 0);
    let mut drafts = Vec::new();
    for entry in reading.entries() {
        let article = extract::article(&source.name, entry, language);
        let hash = story::entry_hash(entry);
        if let Some(first) = met.insert(article.identity.clone(), hash) {
            lost += usize::from(first != hash);
            continue;
        }
        let wanted = wants_page(source, entry, &article);
        let is_foreign = article.link.as_ref().is_some_and(|link| reading.is_foreign(fetcher, source, link));
        foreign += usize::from(wanted && is_foreign);
        let teaser = article.text.clone();
        let page =
            (wanted && !is_foreign).then_some(PageWanted { teaser, whole: None, is_backlog: is_first });
        drafts.push(Draft { entry: entry.clone(), article, known: None, page });
    }
    if lost > 0 {
        reading
            .notes
            .push(format!("entry id: {lost} entries were taken for older versions of others of the same id"));
    }
    if foreign > 0 {
        let place = reading.links_named_by(fetcher, source);
        let note = format!(
            "entry link: {foreign} to hosts on `private_hosts` not followed: they come from `{place}`, which is not on it"
        );
        reading.notes.push(note);
    }
    if let Kind::Fresh { feed, .. } = &reading.kind
        && feed.entries.len() > ENTRIES_A_POLL_MAX
    {
        let (all, most) = (feed.entries.len(), ENTRIES_A_POLL_MAX);
        reading.notes.push(format!("document: {all} entries; only the first {most} were read"));
    }
    drafts
}

fn wants_page(source: &Source, entry: &Entry, article: &Article) -> bool {
    match source.full_text {
        FullText::Never => false,
        FullText::Always => article.link.is_some(),
        FullText::Auto => extract::teaser_only(entry),
    }
}

/// Matches the drafts and says who is owed what.
pub fn judge(desk: &Desk, drafts: Vec<Draft>, is_backlog: bool) -> Vec<NewArticle> {
    let judged = drafts.into_iter().map(|draft| {
        let entry_hash = story::entry_hash(&draft.entry);
        NewArticle { page: draft.page, ..judge_one(desk, draft.article, entry_hash, is_backlog) }
    });
    judged.collect()
}

/// Matches an article and says who is owed what.
pub fn judge_one(desk: &Desk, article: Article, entry_hash: u64, is_backlog: bool) -> NewArticle {
    let articles = [article];
    let matches = desk.config.watch_list.scan(&articles).pop().unwrap_or_default();
    let [article] = articles;
    NewArticle {
        fingerprint: story::fingerprint(&article.title, &article.text).0,
        entry_hash,
        owed: owed(desk, &matches, is_backlog),
        article,
        matches,
        page: None,
    }
}

/// Known articles whose entry has changed, by row.
pub struct Changed {
    pub revised: Vec<(i64, NewArticle)>,
    /// Another teaser over the same text: noted, so that it is not looked at
    /// again, but no revision.
    pub touched: Vec<Touched>,
}

/// The same of drafts that are known.
pub fn judge_changed(desk: &Desk, drafts: Vec<Draft>) -> Changed {
    let mut changed = Changed { revised: Vec::new(), touched: Vec::new() };
    for mut draft in drafts {
        let Some(known) = draft.known.take() else { continue };
        if let (Some(page), Some(whole)) = (&mut draft.page, known.whole) {
            // Until the page is read again: what the feed says now, and the text as it was.
            draft.article.text = extract::joined(&draft.article.text, &whole);
            page.whole = Some(whole);
        }
        let (article_id, article) = (known.article_id, &draft.article);
        if story::revised(&known.title, &known.text, &article.title, &article.text) {
            changed.revised.extend(judge(desk, vec![draft], false).into_iter().map(|new| (article_id, new)));
        } else {
            let entry_hash = story::entry_hash(&draft.entry);
            let identity = draft.article.identity;
            changed.touched.push(Touched { article_id, identity, entry_hash, page: draft.page });
        }
    }
    changed
}

/// What each plan owes its recipients. A backlog goes into the digest, where there
/// is one, and wakes nobody.
fn owed(desk: &Desk, matches: &[Match], is_backlog: bool) -> Vec<(String, usize, Urgency)> {
    let mut owed = Vec::new();
    for (index, found) in matches.iter().enumerate() {
        for plan in &desk.config.plans {
            let Some(urgency) = plan.wants(found) else { continue };
            let urgency = if is_backlog && plan.cron.is_some() { Urgency::Digest } else { urgency };
            owed.push((plan.name.clone(), index, urgency));
        }
    }
    owed
}
