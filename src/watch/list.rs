//! All watches as one matcher.
//!
//! Invariant: the cost of a scan follows what is found in the article, not the
//! number of watches: only those with a term found there are evaluated.

use super::evaluate::{HITS_MAX, Piece, Probe, Sight, View};
use super::query::{self, Kind, Node, Scope, Term};
use super::scan::{Found, Pattern, Patterns};
use super::score::{self, Evidence, Share};
use super::{Field, Finding, Hit, Match, Score, Watch, explain};
use crate::extract::Article;
use regex::{Regex, RegexBuilder};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

/// Compiled size of one `/pattern/` over a field, in bytes.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// All watches compiled into one matcher.
#[derive(Debug, Clone, Default)]
pub struct WatchList {
    watches: Vec<Compiled>,
    patterns: Patterns,
    /// For each pattern, the watches that ask for it.
    by_pattern: Vec<Vec<usize>>,
    /// Watches that can fire without a pattern found.
    always: Vec<usize>,
    /// Whether any watch asks who wrote a story.
    asks_authors: bool,
}

/// What one article has for the watches.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Look<'a> {
    /// Best score first.
    pub matches: Vec<Match>,
    /// Watches that did not fire though some of their terms are there.
    pub missed: Vec<Missed<'a>>,
}

/// A watch that did not fire; [`WatchList::explain`] says what was missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Missed<'a> {
    pub watch: &'a str,
    /// Which of its terms are there: equal for articles that have the same ones.
    pub part: Vec<usize>,
}

/// One watch with its tree.
#[derive(Debug, Clone)]
struct Compiled {
    watch: Watch,
    tree: Node,
    /// By term id.
    probes: Vec<Probe>,
    /// By term id.
    shares: Vec<Share>,
}

impl WatchList {
    /// Compiles `watches`; the findings are warnings (too broad, can hardly fire, collides).
    ///
    /// # Errors
    /// Every query that does not parse or can never fire, with its place.
    ///
    /// ```
    /// use newswatch::watch::{Watch, WatchList};
    /// let watch = |query: &str| Watch {
    ///     name: "Temirov".into(), query: query.into(), weight: 1.0, aliases: true, derived: false,
    /// };
    /// assert!(WatchList::compile(&[watch("Bolot Temirov")]).is_ok());
    /// let errors = WatchList::compile(&[watch("Temirov AND (journalist")]).unwrap_err();
    /// assert_eq!(errors[0].message, "`(` is not closed; write `)` after the group");
    /// assert_eq!(errors[0].span, 12..13);
    /// ```
    pub fn compile(watches: &[Watch]) -> Result<(WatchList, Vec<Finding>), Vec<Finding>> {
        let mut gathered = Gathered::default();
        let mut list = WatchList::default();
        let mut errors = names_twice(watches);
        for watch in watches {
            match gathered.watch(watch) {
                Ok(compiled) => list.watches.push(compiled),
                Err(error) => errors.push(error),
            }
        }
        match Patterns::compile(&gathered.patterns) {
            Ok(patterns) => list.patterns = patterns,
            Err(bad) => errors.extend(bad.into_iter().flat_map(|(index, why)| gathered.blame(index, why))),
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        list.index(gathered.patterns.len());
        let findings = list.findings();
        Ok((list, findings))
    }

    fn index(&mut self, patterns: usize) {
        self.by_pattern = vec![Vec::new(); patterns];
        for (index, compiled) in self.watches.iter().enumerate() {
            self.asks_authors |= compiled.tree.terms().iter().any(|term| term.scope == Some(Scope::Author));
            for probe in &compiled.probes {
                match probe {
                    Probe::Words(pattern) => {
                        if let Some(users) = self.by_pattern.get_mut(*pattern)
                            && users.last() != Some(&index)
                        {
                            users.push(index);
                        }
                    }
                    _ if self.always.last() == Some(&index) => {}
                    _ => self.always.push(index),
                }
            }
        }
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for Compiled { watch, tree, .. } in &self.watches {
            let warnings = query::warnings(tree);
            findings.extend(warnings.into_iter().map(|(span, message)| finding(watch, span, message)));
        }
        findings.extend(collisions(&self.watches));
        findings
    }

    /// `source:` terms that no source's name fits: what they stand for never comes.
    pub fn unheard_of(&self, sources: &[&str]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for Compiled { watch, tree, probes, .. } in &self.watches {
            for term in tree.terms() {
                let Some(Probe::Said(regex)) =
                    probes.get(term.id).filter(|_| term.scope == Some(Scope::Source))
                else {
                    continue;
                };
                if !sources.iter().any(|source| regex.is_match(source)) {
                    let message =
                        format!("no source has `{}` in its name{}", term.text, meant(&term.text, sources));
                    findings.push(finding(watch, term.span.clone(), message));
                }
            }
        }
        findings
    }

    /// Each watch with the most points that a story can have for it, in the order given.
    pub fn points_max(&self) -> impl Iterator<Item = (&str, f64)> {
        let most = |compiled: &Compiled| compiled.watch.weight * score::most(&compiled.shares);
        self.watches.iter().map(move |compiled| (compiled.watch.name.as_str(), most(compiled)))
    }

    /// The watches, in the order given.
    pub fn watches(&self) -> impl Iterator<Item = &Watch> {
        self.watches.iter().map(|compiled| &compiled.watch)
    }

    /// The matches of each article, in order, best score first.
    pub fn scan(&self, articles: &[Article]) -> Vec<Vec<Match>> {
        articles.iter().map(|article| self.matches(article)).collect()
    }

    fn sight<'a>(&self, article: &'a Article) -> Sight<'a> {
        let mut found = self.patterns.scan(article);
        found.retain(|found| matches!(found.field, Field::Title | Field::Text));
        if self.asks_authors && !article.authors.is_empty() {
            // Names of authors are read as a title is: any form, any script.
            let title = Field::Author.of(article).into_owned();
            let names = Article { title, language: article.language.clone(), ..Article::default() };
            let in_names = self.patterns.scan(&names).into_iter().filter(|found| found.field == Field::Title);
            found.extend(in_names.map(|found| Found { field: Field::Author, ..found }));
        }
        Sight::new(article, found)
    }

    fn matches(&self, article: &Article) -> Vec<Match> {
        self.look(article).matches
    }

    /// The matches of one article, and the watches of which only a part is there.
    pub fn look(&self, article: &Article) -> Look<'_> {
        let sight = self.sight(article);
        let mut asked: BTreeMap<usize, Vec<usize>> =
            self.always.iter().map(|index| (*index, Vec::new())).collect();
        for pattern in sight.patterns() {
            for index in self.by_pattern.get(pattern).into_iter().flatten() {
                asked.entry(*index).or_default().push(pattern);
            }
        }
        let mut look = Look::default();
        for (index, part) in asked {
            let Some(compiled) = self.watches.get(index) else { continue };
            match compiled.matched(&sight) {
                Some(matched) => look.matches.push(matched),
                None if part.is_empty() => {}
                None => look.missed.push(Missed { watch: &compiled.watch.name, part }),
            }
        }
        // Equal scores stay in the order of the watches.
        look.matches.sort_by(|a, b| b.score.total().total_cmp(&a.score.total()));
        look
    }

    /// Why `watch` did or did not fire on `article`: addends and near misses,
    /// one sentence a line.
    pub fn explain(&self, watch: &str, article: &Article) -> Vec<String> {
        let Some(compiled) = self.named(watch) else { return vec![self.unknown(watch)] };
        let sight = self.sight(article);
        let view = compiled.view(&sight);
        match view.holds(&compiled.tree, true) {
            Some(pieces) => {
                let evidence = view.evidence(pieces, &compiled.shares);
                let score = Score::of(compiled.watch.weight, &evidence);
                explain::fired(watch, &score, &evidence)
            }
            None => explain::missed(watch, &compiled.tree, view, &self.patterns),
        }
    }

    /// Every form of each of the watch's terms that will be accepted, by
    /// language; empty where no watch is called so.
    pub fn expand(&self, watch: &str) -> Vec<(String, Vec<String>)> {
        let mut expanded: Vec<(String, Vec<String>)> = Vec::new();
        let mut seen: HashSet<(String, String)> = HashSet::new();
        let probes = self.named(watch).map(|compiled| compiled.probes.as_slice()).unwrap_or_default();
        let patterns: BTreeSet<usize> = probes.iter().filter_map(Probe::pattern).collect();
        for (language, forms) in patterns.into_iter().flat_map(|pattern| self.patterns.expand(pattern)) {
            let new = forms.into_iter().filter(|form| seen.insert((language.clone(), form.clone())));
            match expanded.iter_mut().find(|(known, _)| *known == language) {
                Some((_, known)) => known.extend(new),
                None => {
                    let new = new.collect();
                    expanded.push((language, new));
                }
            }
        }
        expanded
    }

    fn named(&self, watch: &str) -> Option<&Compiled> {
        self.watches.iter().find(|compiled| compiled.watch.name == watch)
    }

    fn unknown(&self, watch: &str) -> String {
        let names: Vec<&str> = self.watches().map(|watch| watch.name.as_str()).collect();
        match meant(watch, &names).as_str() {
            "" => format!("no watch is called `{watch}`; `newswatch watches list` shows them"),
            meant => format!("no watch is called `{watch}`{meant}"),
        }
    }
}

impl Compiled {
    fn view<'a>(&'a self, sight: &'a Sight<'a>) -> View<'a> {
        View { sight, probes: &self.probes }
    }

    fn matched(&self, sight: &Sight<'_>) -> Option<Match> {
        let view = self.view(sight);
        let pieces: Vec<Piece<'_>> = view.holds(&self.tree, true)?;
        let evidence = view.evidence(pieces, &self.shares);
        let score = Score::of(self.watch.weight, &evidence);
        Some(Match { watch: self.watch.name.clone(), score, hits: strongest(evidence) })
    }
}

/// `; did you mean …?` where one of the names is near to what was written.
fn meant(written: &str, names: &[&str]) -> String {
    let near = |name: &str| strsim::jaro_winkler(name, written);
    let close = names.iter().max_by(|a, b| near(a).total_cmp(&near(b))).filter(|name| near(name) > 0.8);
    close.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// The hits, by field and position; the strongest where there are too many.
fn strongest(mut evidence: Vec<Evidence>) -> Vec<Hit> {
    if evidence.len() > HITS_MAX {
        evidence.sort_by(|a, b| b.strength().total_cmp(&a.strength()));
        evidence.truncate(HITS_MAX);
        evidence.sort_by_key(|one| (one.hit.field, one.hit.span.start));
    }
    evidence.into_iter().map(|one| one.hit).collect()
}

impl Probe {
    fn pattern(&self) -> Option<usize> {
        match self {
            Probe::Words(pattern) => Some(*pattern),
            Probe::Said(_) | Probe::Language(_) => None,
        }
    }
}

/// The patterns of all watches, each once, and who asks for them.
#[derive(Default)]
struct Gathered {
    patterns: Vec<Pattern>,
    known: HashMap<(String, Kind, bool, bool), usize>,
    /// For each pattern, the watch and the place in its query.
    users: Vec<Vec<(String, Range<usize>)>>,
}

impl Gathered {
    fn watch(&mut self, watch: &Watch) -> Result<Compiled, Finding> {
        let tree = query::parse(&watch.query).map_err(|error| finding(watch, error.span, error.message))?;
        if !(watch.weight > 0.0 && watch.weight.is_finite()) {
            return Err(finding(
                watch,
                0..0,
                format!("weight `{}` gives no points; write a number above 0", watch.weight),
            ));
        }
        let mut probes = Vec::new();
        for term in tree.terms() {
            probes.push(self.probe(term, watch).map_err(|why| finding(watch, term.span.clone(), why))?);
        }
        let shares = score::shares(&tree);
        Ok(Compiled { watch: watch.clone(), tree, probes, shares })
    }

    fn probe(&mut self, term: &Term, watch: &Watch) -> Result<Probe, String> {
        Ok(match term.scope {
            Some(Scope::Lang) => Probe::Language(term.text.to_lowercase()),
            Some(Scope::Url | Scope::Source) => Probe::Said(said(term)?),
            _ if term.kind == Kind::Regex => {
                usable(&term.text, term)?;
                Probe::Words(self.pattern(term, watch))
            }
            _ => Probe::Words(self.pattern(term, watch)),
        })
    }

    fn pattern(&mut self, term: &Term, watch: &Watch) -> usize {
        let key = (term.text.clone(), term.kind, watch.aliases, watch.derived);
        let index = *self.known.entry(key).or_insert_with(|| {
            let Watch { aliases, derived, .. } = *watch;
            self.patterns.push(Pattern { text: term.text.clone(), kind: term.kind, aliases, derived });
            self.users.push(Vec::new());
            self.patterns.len() - 1
        });
        if let Some(users) = self.users.get_mut(index) {
            users.push((watch.name.clone(), term.span.clone()));
        }
        index
    }

    /// A pattern that cannot be used, told to every watch that asks for it.
    fn blame(&self, index: usize, message: String) -> impl Iterator<Item = Finding> {
        let users = self.users.get(index).into_iter().flatten();
        users.map(move |(watch, span)| Finding {
            watch: watch.clone(),
            span: span.clone(),
            message: message.clone(),
        })
    }
}

fn finding(watch: &Watch, span: Range<usize>, message: String) -> Finding {
    Finding { watch: watch.name.clone(), span, message }
}

/// A term over a field that is no story: any case; whole words but in an address.
fn said(term: &Term) -> Result<Regex, String> {
    let url = term.scope == Some(Scope::Url);
    let pattern = match term.kind {
        Kind::Regex => term.text.clone(),
        kind => {
            let wild = kind == Kind::Wildcard;
            let body: String = term
                .text
                .chars()
                .map(|c| match c {
                    '*' if wild => {
                        if url {
                            ".*".into()
                        } else {
                            r"\w*".into()
                        }
                    }
                    '?' if wild && !url => r"\w".into(),
                    c if c.is_whitespace() => r"\s+".into(),
                    c => regex::escape(c.encode_utf8(&mut [0; 4])),
                })
                .collect();
            match (url, kind) {
                (true, _) => format!("(?i){body}"),
                (false, Kind::Exact) => format!(r"(?:^|\b){body}(?:\b|$)"),
                (false, _) => format!(r"(?i)(?:^|\b){body}(?:\b|$)"),
            }
        }
    };
    usable(&pattern, term)
}

/// The pattern that a term becomes, or why it cannot be used, in one line.
fn usable(pattern: &str, term: &Term) -> Result<Regex, String> {
    RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).build().map_err(|error| {
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_string();
        format!("`{term}` is not a pattern that can be used: {why}; see https://docs.rs/regex#syntax")
    })
}

fn names_twice(watches: &[Watch]) -> Vec<Finding> {
    let mut seen = HashSet::new();
    let twice = watches.iter().filter(|watch| !seen.insert(watch.name.as_str()));
    twice
        .map(|watch| {
            finding(watch, 0..0, format!("two watches are called `{}`; give one another name", watch.name))
        })
        .collect()
}

/// Watches that ask for the same, or of which one asks for all another does.
fn collisions(watches: &[Compiled]) -> Vec<Finding> {
    let alternatives: Vec<BTreeSet<String>> =
        watches.iter().map(|compiled| alternatives(&compiled.tree, compiled.watch.aliases)).collect();
    let mut by_part: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, parts) in alternatives.iter().enumerate() {
        for part in parts {
            by_part.entry(part).or_default().push(index);
        }
    }
    let mut findings = Vec::new();
    for (index, parts) in alternatives.iter().enumerate() {
        // Whoever holds all parts holds the rarest of them.
        let holders =
            parts.iter().filter_map(|part| by_part.get(part.as_str())).min_by_key(|users| users.len());
        let holder = holders.into_iter().flatten().find(|other| {
            let others = &alternatives[**other];
            **other != index && parts.is_subset(others) && (parts.len() < others.len() || **other < index)
        });
        if let Some(other) = holder {
            let (watch, other_name) = (&watches[index].watch, &watches[*other].watch.name);
            let message = match parts.len() == alternatives[*other].len() {
                true => format!(
                    "asks for the same as the watch `{other_name}`; each story will be told for both: leave one out"
                ),
                false => format!(
                    "whatever this finds, the watch `{other_name}` finds as well; leave it out there, or here"
                ),
            };
            findings.push(finding(watch, 0..watch.query.len(), message));
        }
    }
    findings
}

fn alternatives(tree: &Node, aliases: bool) -> BTreeSet<String> {
    match tree {
        Node::Or(nodes) => nodes.iter().flat_map(|node| alternatives(node, aliases)).collect(),
        node => BTreeSet::from([query::canonical(node, aliases)]),
    }
}
