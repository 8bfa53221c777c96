//! What a feed costs: microseconds to read one of 30 items, by dialect and charset.
//!
//! Run with `cargo bench --bench feeds`. The floor beside it is what checking
//! and copying the same bytes costs, so that the ratio means the same on any machine.

use std::hint::black_box;
use std::time::Instant;

/// Items of one feed: what the usual source shows.
const ITEMS: usize = 30;
/// Times each feed is read in one round.
const READS: usize = 200;
/// Rounds; the median counts.
const ROUNDS: usize = 7;

fn main() {
    println!("{:<22} {:>8} {:>10} {:>10} {:>8}", "feed", "bytes", "us/feed", "us/item", "x floor");
    for (name, body) in feeds() {
        let entries = newswatch::feed::parse(&body, None, None).map_or(0, |feed| feed.entries.len());
        assert_eq!(entries, ITEMS, "{name} is read whole");
        let floor = median_us(|| drop(black_box(String::from_utf8_lossy(black_box(&body)).into_owned())));
        let parse = median_us(|| drop(black_box(newswatch::feed::parse(black_box(&body), None, None))));
        let item = parse / ITEMS as f64;
        println!("{name:<22} {:>8} {parse:>10.1} {item:>10.2} {:>8.1}", body.len(), parse / floor);
    }
}

fn median_us(work: impl Fn()) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            (0..READS).for_each(|_| work());
            started.elapsed().as_secs_f64() * 1e6 / READS as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

fn feeds() -> Vec<(&'static str, Vec<u8>)> {
    let text = "Темиров зажёг огонь маяка в Хороге, и саммит на плоту пришлось отложить. ".repeat(12);
    let items = |item: &dyn Fn(usize) -> String| (0..ITEMS).map(item).collect::<String>();
    let rss = items(&|n| {
        format!(
            "<item><title>Маяк Горного Бадахшана {n}</title><link>https://lighthouse.example/{n}</link>\
             <guid isPermaLink=\"false\">lh-{n}</guid><pubDate>Tue, 03 Nov 2026 14:05:07 +0500</pubDate>\
             <category>маяки</category><description><![CDATA[<p>{text}</p>]]></description></item>"
        )
    });
    let atom = items(&|n| {
        format!(
            "<entry><title>Маяк {n}</title><id>urn:lh:{n}</id><link href=\"/{n}\"/><updated>2026-11-03T09:05:07Z</updated>\
             <content type=\"xhtml\"><div xmlns=\"http://www.w3.org/1999/xhtml\"><p>{text}</p><p>&amp; <b>ещё</b></p></div></content></entry>"
        )
    });
    let json: Vec<_> = (0..ITEMS)
        .map(|n| format!("{{\"id\":\"{n}\",\"url\":\"https://lighthouse.example/{n}\",\"title\":\"Маяк\",\"content_html\":\"<p>{text}</p>\"}}"))
        .collect();
    let rss = format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Вестник маяка</title>{rss}</channel></rss>"
    );
    let cyrillic = rss.replace("\"1.0\"?", "\"1.0\" encoding=\"windows-1251\"?");
    vec![
        ("RSS, UTF-8", rss.into_bytes()),
        ("RSS, windows-1251", encoding_rs::WINDOWS_1251.encode(&cyrillic).0.into_owned()),
        (
            "Atom, XHTML",
            format!("<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>Маяк</title>{atom}</feed>")
                .into_bytes(),
        ),
        (
            "JSON Feed",
            format!("{{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[{}]}}", json.join(","))
                .into_bytes(),
        ),
    ]
}
