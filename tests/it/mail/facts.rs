//! Facts of a digest, from a file.

use chrono::{DateTime, Utc};
use newswatch::digest::{Copy, Earlier, Footer, Item, ItemMatch, Plan, Rate, Removed, Urgency, Window};
use newswatch::schedule::Cron;
use newswatch::watch::{Field, Hit};
use std::path::Path;
use toml::{Table, Value};

#[derive(Debug, Clone)]
pub struct Facts {
    pub plan: Plan,
    pub window: Window,
    pub items: Vec<Item>,
    /// Told before, changed since.
    pub corrected: Vec<Item>,
    pub footer: Footer,
}

impl Facts {
    /// The same stories again and again, numbered.
    pub fn repeat(&mut self, copies: usize) {
        let once = self.items.clone();
        self.items = (0..copies)
            .flat_map(|copy| once.iter().map(move |item| (copy, item)))
            .map(|(copy, item)| {
                let title =
                    if copy == 0 { item.title.clone() } else { format!("{} ({})", item.title, copy + 1) };
                let article_id = item.article_id + i64::try_from(copy * once.len()).unwrap_or(i64::MAX);
                Item { title, article_id, ..item.clone() }
            })
            .collect();
    }
}

pub fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time in RFC 3339")
}

pub fn read(path: &Path) -> Facts {
    let text = std::fs::read_to_string(path).expect("a readable fixture");
    let facts: Table = text.parse().expect("a fixture in TOML");
    let cron_zone = string(&facts, "zone").parse().expect("a zone");
    let urgency = match string(&facts, "urgency").as_str() {
        "at once" => Urgency::AtOnce,
        "history" => Urgency::History,
        _ => Urgency::Digest,
    };
    let plan = Plan {
        name: string(&facts, "plan"),
        to: vec!["desk@example.org".into()],
        post_to: Vec::new(),
        chat_to: Vec::new(),
        watches: vec!["*".into()],
        at_least: 0.0,
        cron: Some(Cron::parse("0 7 * * *", cron_zone).expect("a cron line")),
        at_once_from: None,
        quiet: None,
        zone: cron_zone,
        burst_max: 5,
        spike_from: None,
        all_is_well: true,
    };
    let window = Window { from: time(&string(&facts, "from")), to: time(&string(&facts, "to")), urgency };
    let items = |key, first| {
        tables(&facts, key).into_iter().zip(first..).map(|(table, at)| item(at, table)).collect::<Vec<_>>()
    };
    let (items, corrected) = (items("item", 4_711), items("corrected", 1_234));
    let mut facts_read = Facts { plan, window, items, corrected, footer: footer(&facts["footer"]) };
    if let Some(copies) = facts.get("repeat").and_then(Value::as_integer) {
        facts_read.repeat(usize::try_from(copies).expect("a count"));
    }
    facts_read
}

fn string(table: &Table, key: &str) -> String {
    table.get(key).and_then(Value::as_str).unwrap_or_default().into()
}

fn tables<'a>(table: &'a Table, key: &str) -> Vec<&'a Table> {
    let list = table.get(key).and_then(Value::as_array);
    list.map(|list| list.iter().filter_map(Value::as_table).collect()).unwrap_or_default()
}

/// Rows of strings.
fn rows(table: &Table, key: &str) -> Vec<Vec<String>> {
    let row = |row: &Value| -> Vec<String> {
        let cells = row.as_array().expect("a row");
        cells.iter().map(|cell| cell.as_str().unwrap_or_default().into()).collect()
    };
    table.get(key).and_then(Value::as_array).map(|list| list.iter().map(row).collect()).unwrap_or_default()
}

fn footer(value: &Value) -> Footer {
    let table = value.as_table().expect("a footer");
    let number = |key: &str| table.get(key).and_then(Value::as_integer).and_then(|n| u64::try_from(n).ok());
    let sick = |row: Vec<String>| (row[0].clone(), row[1].clone(), time(&row[2]), row[3].clone());
    Footer {
        articles_read: number("articles_read").unwrap_or(0),
        sources_polled: number("sources_polled").unwrap_or(0),
        sick: rows(table, "sick").into_iter().map(sick).collect(),
        next_digest_at: table.get("next_digest_at").and_then(Value::as_str).map(time),
        spikes: tables(table, "spike").into_iter().map(rate).collect(),
        removed: tables(table, "removed").into_iter().map(removed).collect(),
    }
}

fn removed(table: &Table) -> Removed {
    Removed {
        id: 1,
        article_id: 7,
        title: string(table, "title"),
        link: Some(string(table, "link")).filter(|link| !link.is_empty()),
        source: string(table, "source"),
        told_at: time(&string(table, "told_at")),
        missing_at: time(&string(table, "missing_at")),
    }
}

fn rate(table: &Table) -> Rate {
    Rate {
        watch: string(table, "watch"),
        today: table["today"].as_integer().and_then(|n| u64::try_from(n).ok()).expect("a count"),
        usual: table["usual"].as_float().expect("a rate"),
    }
}

fn item(article_id: i64, table: &Table) -> Item {
    let optional = |key: &str| Some(string(table, key)).filter(|text| !text.is_empty());
    let (title, text) = (string(table, "title"), string(table, "text"));
    Item {
        article_id,
        link: optional("link"),
        source: string(table, "source"),
        language: optional("language"),
        published_at: optional("published_at").map(|at| time(&at)),
        first_seen_at: time("2026-11-22T14:30:00Z"),
        watches: tables(table, "watch").into_iter().map(|found| item_match(found, &title, &text)).collect(),
        also_in: rows(table, "also_in").iter().map(|row| copy(row)).collect(),
        earlier: table.contains_key("told_at").then(|| Earlier {
            told_at: time(&string(table, "told_at")),
            changed_at: time(&string(table, "changed_at")),
            title: string(table, "was_title"),
            text: string(table, "was_text"),
        }),
        corrections: Vec::new(),
        title,
        text,
    }
}

/// Source, link, and the headline where it is another.
fn copy(row: &[String]) -> Copy {
    Copy { source: row[0].clone(), link: row.get(1).cloned(), headline: row.get(2).cloned() }
}

fn item_match(table: &Table, title: &str, text: &str) -> ItemMatch {
    let hit = |row: Vec<String>| {
        let (field, whole) = if row[0] == "title" { (Field::Title, title) } else { (Field::Text, text) };
        let start = whole.find(&row[1]).unwrap_or(usize::MAX - 100);
        Hit {
            field,
            span: start..start + row[1].len(),
            text: row[1].clone(),
            rule: row[2].clone(),
            certainty: 1.0,
        }
    };
    ItemMatch {
        watch: string(table, "name"),
        score: table.get("score").and_then(Value::as_float).unwrap_or(0.0),
        hits: rows(table, "hits").into_iter().map(hit).collect(),
        is_lost: table.get("lost").and_then(Value::as_bool).unwrap_or(false),
    }
}
