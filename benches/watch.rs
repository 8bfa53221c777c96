//! Matching speed: our scan, folding included, beside `to_lowercase` and
//! aho-corasick over the same texts and terms, in turns, one thread.
//!
//!     cargo bench --bench watch
//!
//! Prints for each number of terms the median time of both and their ratio,
//! then time and memory to build 100,000 terms.

use aho_corasick::AhoCorasick;
use newswatch::extract::Article;
use newswatch::watch::query::Kind;
use newswatch::watch::scan::{Pattern, Patterns};
use std::time::Instant;

/// Bytes of one article, and how many of them.
const ARTICLE_BYTES: usize = 2_000;
const ARTICLES: usize = 500;
/// Turns of each side; the median counts.
const TURNS: usize = 51;

fn main() {
    build();
    let articles = articles();
    let bytes: usize = articles.iter().map(|article| article.text.len()).sum();
    println!("{} articles, {:.1} MB, {TURNS} turns", articles.len(), bytes as f64 / 1e6);
    for count in [10, 1_000, 100_000] {
        let names = names(count);
        let patterns = patterns(&names);
        let compiled = Patterns::compile(&patterns).expect("names compile");
        let lower: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        let automaton = AhoCorasick::new(&lower).expect("names compile");
        let mut ours = Vec::new();
        let mut theirs = Vec::new();
        let mut found = (0, 0);
        for _ in 0..TURNS {
            ours.push(timed(|| found.0 = articles.iter().map(|article| compiled.scan(article).len()).sum()));
            theirs.push(timed(|| found.1 = articles.iter().map(|article| plain(&automaton, article)).sum()));
        }
        let (ours, theirs) = (median(ours), median(theirs));
        let rate = |seconds: f64| bytes as f64 / 1e6 / seconds;
        println!(
            "{count:>7} terms: newswatch {:7.1} MB/s ({} hits), lower case + aho-corasick {:7.1} MB/s ({} hits), ratio {:.1}",
            rate(ours),
            found.0,
            rate(theirs),
            found.1,
            theirs / ours
        );
    }
}

fn build() {
    let patterns = patterns(&names(100_000));
    let before = resident_bytes();
    let start = Instant::now();
    let compiled = Patterns::compile(&patterns).expect("names compile");
    let seconds = start.elapsed().as_secs_f64();
    let after = resident_bytes();
    let grown = after.saturating_sub(before) as f64 / 1e6;
    println!("100,000 terms: built in {seconds:.2} s, {grown:.1} MB more resident memory");
    drop(compiled);
}

fn patterns(names: &[String]) -> Vec<Pattern> {
    let pattern =
        |name: &String| Pattern { text: name.clone(), kind: Kind::Inflected, aliases: true, derived: false };
    names.iter().map(pattern).collect()
}

fn plain(automaton: &AhoCorasick, article: &Article) -> usize {
    automaton.find_iter(&article.title.to_lowercase()).count()
        + automaton.find_iter(&article.text.to_lowercase()).count()
}

fn timed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Resident memory of this process, 0 where the system does not tell.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0)
        * 1024
}

/// A generator of our own, so that every run is the same (xorshift64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

const SENTENCES: &[&str] = &[
    "Министерство не ответило на вопросы о том, почему дорога к перевалу закрыта с начала недели. ",
    "Правозащитники требуют объяснить, на каком основании задержаны участники мирного собрания. ",
    "Комитет опубликовал отчёт о положении средств массовой информации в странах Центральной Азии. ",
    "Суд у Києві розглядав скаргу журналістів, які писали про Центральну Азію. ",
    "Речниця міністерства повідомила, що переговори тривають і рішення ще немає. ",
    "Қазақстан үкіметі жаңа заң жобасын талқылап жатыр, деп хабарлады баспасөз қызметі. ",
    "Алматыдағы жиында журналистер сөз бостандығы туралы айтты, бірақ шенеуніктер келмеді. ",
    "Кыргызстандын айрым аймактарында жолдор кар көчкүдөн улам жабылды. ",
    "Oʻzbekiston hukumati yangi qonun loyihasini muhokama qilmoqda, deb xabar berdi matbuot xizmati. ",
    "Toshkentda jurnalistlar soʻz erkinligi haqida gapirdi, ammo rasmiylar kelmadi. ",
    "Ҳукумати Тоҷикистон дар бораи вазъи Бадахшон изҳорот надод. ",
    "Рӯзноманигорон аз боздошти ҳамкорони худ изҳори нигаронӣ карданд. ",
    "The court in Bishkek postponed the hearing until Monday, the reporter’s lawyer said. ",
    "Rights groups called on the government to explain why the protesters had been detained. ",
    "A new round of sanctions may follow next month, two people with knowledge of the talks said. ",
];

/// Sentences with a watched name in them.
const NEWS: &[&str] = &[
    "Журналист Болот Темиров рассказал, что суд отложил заседание до понедельника. ",
    "В Горно-Бадахшанской автономной области второй день нет связи, сообщили жители Хорога. ",
    "По данным источника, новые санкции могут быть введены уже в следующем месяце. ",
    "Бишкектеги сот Темировдун ишин кайра караган жок, деп билдирди анын жактоочусу. ",
    "Residents of Gorno-Badakhshan said that the internet had been cut off for a second day. ",
];
/// One sentence in so many is news: one article in five or so.
const NEWS_EVERY: usize = 50;

fn articles() -> Vec<Article> {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let article = |_| {
        let mut text = String::new();
        while text.len() < ARTICLE_BYTES {
            let sentences = if dice.roll(NEWS_EVERY) == 0 { NEWS } else { SENTENCES };
            text.push_str(sentences[dice.roll(sentences.len())]);
        }
        Article { text, ..Article::default() }
    };
    (0..ARTICLES).map(article).collect()
}

const CYRILLIC: [&[&str]; 3] = [
    &[
        "Аб", "Ба", "Ва", "Гу", "Да", "Жа", "За", "Ис", "Ка", "Ма", "Ну", "Ра", "Са", "Та", "Ус", "Ша", "Эр",
        "Юс", "Ко", "Бе",
    ],
    &[
        "ды", "ри", "ма", "ли", "бе", "ту", "ка", "ри", "си", "йр", "нд", "лт", "ши", "мб", "зар", "лам",
        "кул", "дин", "рам", "ган",
    ],
    &["ов", "ев", "бек", "улы", "ский", "енко", "зода", "баев", "жанов", "кулов"],
];
const LATIN: [&[&str]; 3] = [
    &[
        "Ab", "Ba", "Va", "Gu", "Da", "Zha", "Za", "Is", "Ka", "Ma", "Nu", "Ra", "Sa", "Ta", "Us", "Sha",
        "Er", "Yus", "Ko", "Be",
    ],
    &[
        "dy", "ri", "ma", "li", "be", "tu", "ka", "ro", "si", "yr", "nd", "lt", "shi", "mb", "zar", "lam",
        "kul", "din", "ram", "gan",
    ],
    &["ov", "ev", "bek", "uly", "skiy", "enko", "zoda", "baev", "janov", "kulov"],
];

/// Made-up names, half of them in each script, a third with a given name.
fn names(count: usize) -> Vec<String> {
    let mut dice = Dice(0x0123_4567_89AB_CDEF);
    let mut names = vec!["Темиров".to_owned(), "Gorno-Badakhshan".to_owned(), "санкции".to_owned()];
    while names.len() < count {
        let parts = if names.len() % 2 == 0 { CYRILLIC } else { LATIN };
        let mut surname = parts[0][dice.roll(parts[0].len())].to_owned();
        for _ in 0..1 + dice.roll(3) {
            surname.push_str(parts[1][dice.roll(parts[1].len())]);
        }
        surname.push_str(parts[2][dice.roll(parts[2].len())]);
        if names.len() % 3 == 0 {
            let given = format!("{}{}", parts[0][dice.roll(20)], parts[1][dice.roll(20)]);
            surname = format!("{given} {surname}");
        }
        names.push(surname);
    }
    names
}
