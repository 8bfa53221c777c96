//! A long watch-list: two thousand names in both scripts, and what is said of them.

use crate::support::Desk;
use newswatch::watch::fold::fold;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fmt::Write;

const NAMES: usize = 2_000;

/// Made-up names that mean the same as another one of the list, or are part of it.
const COLLIDING: [(&str, &str); 6] = [
    ("Бекзат Жанатбаев", "Bekzat Zhanatbayev"),
    ("Алексей Дурманцев", "Durmantsev Alexey"),
    ("Gulnora Sharofzoda", "Гулнора Шарофзода"),
    ("Киргизия", "Kyrgyzstan"),
    ("\"Фонд Ак-Жол\"", "«Фонд Ак-Жол»"),
    ("Тоҷинисо Пирова", "Тоҷинисо Пирова OR Нозанин Пирова"),
];

/// A generator of our own, so that every run is the same (xorshift64).
struct Dice(u64);

impl Dice {
    fn roll<'a>(&mut self, sides: &[&'a str]) -> &'a str {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        sides[(self.0 % sides.len() as u64) as usize]
    }
}

/// Given names, beginnings, middles and ends of surnames: Russian, Kyrgyz and
/// Kazakh, Tajik, Uzbek in Latin, English.
const PARTS: [[&[&str]; 4]; 5] = [
    [
        &["Валерий", "Кирилл", "Зинаида", "Прохор", "Таисия"],
        &["Бар", "Вол", "Дур", "Кор", "Мел", "Пест", "Руб", "Сат", "Трош", "Чер"],
        &["ма", "ни", "ке", "ло", "сту", "ди", "ря", "ви"],
        &["ков", "шин", "цев", "нов", "ский", "енко", "чук"],
    ],
    [
        &["Айбек", "Жаркын", "Нурлан", "Мээрим", "Ерлан"],
        &["Аба", "Бай", "Жума", "Кожо", "Мам", "Ныша", "Сады", "Тойчу", "Эсен", "Өмүр"],
        &["бе", "ка", "лы", "на", "рзы", "ту", "дыл", "гул"],
        &["ков", "ев", "лиев", "беков", "баев", "кулов", "уулу"],
    ],
    [
        &["Фирдавс", "Парвиз", "Мунира", "Ҷамолиддин", "Дилафрӯз"],
        &["Абду", "Бобо", "Давлат", "Назар", "Раҳим", "Сафар", "Холиқ", "Шариф", "Ҷӯра", "Қурбон"],
        &["ма", "до", "ри", "ло", "ҳа", "ни", "со", "ша"],
        &["зода", "ов", "иён", "пур", "шоев", "бекова", "далиев"],
    ],
    [
        &["Jahongir", "Sardor", "Feruza", "Bobur", "Zilola"],
        &["Abdu", "Boy", "Ergash", "Hamid", "Islom", "Karim", "Nor", "Oʻrin", "Qodir", "Toʻra"],
        &["ma", "li", "bo", "qu", "jo", "shi", "ra", "do"],
        &["yev", "ov", "xonov", "boyev", "qulov", "zoda", "jonova"],
    ],
    [
        &["Harriet", "Desmond", "Philippa", "Barnaby", "Winifred"],
        &["Ash", "Black", "Cat", "Dun", "Farn", "Hol", "Kirk", "Long", "Pem", "Wether"],
        &["er", "ing", "le", "mo", "ten", "by", "wi", "ha"],
        &["ford", "wick", "ley", "stone", "combe", "thorpe", "ham"],
    ],
];

/// Names of which no two are the same in any script.
fn names() -> Vec<String> {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut known: HashSet<String> = COLLIDING.iter().map(|(name, _)| fold(name).text).collect();
    let mut names = Vec::new();
    while names.len() < NAMES {
        let [given, begins, middles, ends] = PARTS[names.len() % PARTS.len()];
        let surname = format!("{}{}{}", dice.roll(begins), dice.roll(middles), dice.roll(ends));
        let name = format!("{} {surname}", dice.roll(given));
        if known.insert(fold(&name).text) {
            names.push(name);
        }
    }
    names
}

/// Watches in order, and the line of the file on which each one's query stands.
fn config(queries: &[String]) -> (String, Vec<usize>) {
    let mut text = String::from(
        "[mail]\nops_to = [\"admin@example.org\"]\n[[feed]]\nname = \"Kloop\"\nurl = \"https://kloop.kg/feed/\"\n[[plan]]\nname = \"desk\"\nto = \"desk@example.org\"\n",
    );
    let before = text.lines().count();
    for (number, query) in queries.iter().enumerate() {
        writeln!(text, "[[watch]]\nname = \"{number}\"\nquery = '{query}'").expect("strings take everything");
    }
    (text, (1..=queries.len()).map(|count| before + 3 * count).collect())
}

#[test]
fn two_thousand_names_are_checked_and_found() {
    let names = names();
    let mut queries = names.clone();
    // One half of each pair among the first, the other among the last.
    queries.splice(100..100, COLLIDING.iter().map(|(name, _)| (*name).to_string()));
    let second = queries.len();
    queries.extend(COLLIDING.iter().map(|(_, name)| (*name).to_string()));
    let desk = Desk::bare();
    let (text, lines) = config(&queries);
    std::fs::write(desk.path("config.toml"), text).expect("writable");
    let checked = desk.run(&["check-config"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let expected: Vec<String> = (0..COLLIDING.len())
        .map(|pair| match pair {
            // The narrower one is told, and where the wider one stands.
            5 => (100 + pair, second + pair, "whatever this finds, the watch"),
            _ => (second + pair, 100 + pair, "asks for the same as the watch"),
        })
        .map(|(told, other, said)| format!("config.toml:{}:10: {said} `{other}`", lines[told]))
        .collect();
    let said: Vec<&str> = checked.err.lines().filter(|line| !line.contains(".eml")).collect();
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for expected in expected {
        assert!(said.iter().any(|line| line.starts_with(&expected)), "no `{expected}` in {said:#?}");
    }

    // Every tenth name in a sentence of its own; no other watch than its own fires.
    let asked: Vec<usize> = (0..queries.len())
        .filter(|number| number % 10 == 3 && !(100..106).contains(number) && *number < second)
        .collect();
    let input: String = asked
        .iter()
        .map(|number| json!({"id": number, "text": format!("— {} —", queries[*number])}).to_string() + "\n")
        .collect();
    let ran = desk.run_with(&["match"], &input);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for (number, line) in asked.iter().zip(ran.out.lines()) {
        let answer: Value = serde_json::from_str(line).expect("a JSON line");
        let watches: Vec<&str> = answer["matches"]
            .as_array()
            .expect("matches")
            .iter()
            .filter_map(|found| found["watch"].as_str())
            .collect();
        assert_eq!(watches, [number.to_string()], "{}: {line}", queries[*number]);
    }
}
