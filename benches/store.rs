//! What the store costs: a poll with news, a poll without, and a search.
//!
//! `cargo bench --bench store [-- ARTICLES]`; prints one line a figure.

use chrono::{DateTime, TimeDelta};
use newswatch::extract::Article;
use newswatch::store::{NewArticle, Recording, Search, SourceState, Store};
use std::time::Instant;

const ARTICLES: usize = 20_000;
const ITEMS_A_POLL: usize = 30;
const WORDS_A_TEXT: usize = 250;
/// Words of one telling; frequent ones first.
const WORDS: &str = "the of in and a to в и на по санкции sanctions Kyrgyzstan president Бишкек court суд \
                     journalist журналист summit саммит region область government правительство Tajikistan \
                     Gorno-Badakhshan Горно-Бадахшан Temirov Темиров";

fn main() {
    let articles = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(ARTICLES);
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let store = Store::open(&directory.path().join("newswatch.db")).expect("a new database opens");
    let mut dice = Dice(7);
    let now = DateTime::from_timestamp(1_795_000_000, 0).expect("an instant");
    let polls: Vec<Recording> = (0..articles / ITEMS_A_POLL).map(|poll| fresh(poll, &mut dice)).collect();

    let begun = Clock::now();
    for (number, poll) in (0..).zip(&polls) {
        store.record(poll, now + TimeDelta::seconds(number * 60)).expect("a poll is recorded");
    }
    say("article stored and indexed", begun, polls.len() * ITEMS_A_POLL);

    let begun = Clock::now();
    for poll in polls.iter().take(300) {
        store.record(poll, now).expect("a poll is recorded");
    }
    say("article seen before", begun, 300.min(polls.len()) * ITEMS_A_POLL);

    let empty = Recording { articles: Vec::new(), ..polls[0].clone() };
    let begun = Clock::now();
    (0..300).for_each(|_| drop(store.record(&empty, now).expect("a poll is recorded")));
    say("unchanged poll, one at a time", begun, 300);
    let begun = Clock::now();
    std::thread::scope(|scope| {
        for _ in 0..30 {
            scope.spawn(|| (0..100).for_each(|_| drop(store.record(&empty, now).expect("recorded"))));
        }
    });
    say("unchanged poll, thirty at a time", begun, 3_000);

    for query in ["санкции", "Temirov", "\"Gorno-Badakhshan\" -summit", "=the", "the", "Temirov summit court"]
    {
        for limit in [1, 50] {
            let search = Search { query: query.into(), limit, ..Search::default() };
            let begun = Clock::now();
            let found = (0..20).map(|_| store.search(&search).expect("search").len()).max().unwrap_or(0);
            say(&format!("search `{query}`, {found} shown"), begun, 20);
        }
    }
    let bytes = std::fs::metadata(directory.path().join("newswatch.db")).map_or(0, |file| file.len());
    println!("{:>12} bytes an article", bytes / articles as u64);
}

fn say(what: &str, begun: Clock, times: usize) {
    let now = Clock::now();
    let each = |micros: u128| micros / times.max(1) as u128;
    let wall = each((now.wall - begun.wall).as_micros());
    println!("{wall:>9} µs wall {:>9} µs CPU  {what}", each(now.cpu.saturating_sub(begun.cpu)));
}

/// Time on the wall, and that of all threads on a processor, which a busy
/// machine does not stretch.
#[derive(Clone, Copy)]
struct Clock {
    wall: Instant,
    cpu: u128,
}

impl Clock {
    /// CPU time in clock ticks of 10 ms (proc(5), fields 14 and 15); 0 where there is no /proc.
    fn now() -> Clock {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
        let ticks: u128 = fields.filter_map(|field| field.parse::<u128>().ok()).sum();
        Clock { wall: Instant::now(), cpu: ticks * 10_000 }
    }
}

fn fresh(poll: usize, dice: &mut Dice) -> Recording {
    let article = |item: usize, dice: &mut Dice| {
        let article = Article {
            identity: format!("{poll}/{item}"),
            link: Some(format!("https://example.org/{poll}/{item}")),
            title: dice.words(8),
            text: dice.words(WORDS_A_TEXT),
            language: Some("ru".into()),
            ..Article::default()
        };
        let (fingerprint, entry_hash) = (dice.next(), dice.next());
        NewArticle { article, fingerprint, entry_hash, matches: Vec::new(), owed: Vec::new(), page: None }
    };
    let name = format!("source {}", poll % 500);
    Recording {
        state: SourceState { url: format!("https://example.org/{name}"), name, ..SourceState::default() },
        outcome: "fresh".into(),
        entries: ITEMS_A_POLL,
        bytes: 46_000,
        millis: 200,
        faults: Vec::new(),
        listed: Vec::new(),
        articles: (0..ITEMS_A_POLL).map(|item| article(item, dice)).collect(),
        revisions: Vec::new(),
        touched: Vec::new(),
    }
}

/// A generator whose throws are the same on every run (xorshift; Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Two words in three from the list, frequent ones more often; others are rare.
    fn words(&mut self, count: usize) -> String {
        let known: Vec<&str> = WORDS.split_whitespace().collect();
        let word = |dice: &mut Dice| {
            let (a, b) = (dice.next() as usize % known.len(), dice.next() as usize % known.len());
            if dice.next().is_multiple_of(3) {
                format!("слово{:x}", dice.next() % 200_000)
            } else {
                known[a * b / known.len()].to_string()
            }
        };
        (0..count).map(|_| word(self)).collect::<Vec<_>>().join(" ")
    }
}
