//! The relay is down for three days, by the simulated clock: what is written
//! meanwhile, what goes out once it is back, and how the file grows.

use crate::inside::{Inside, time};
use crate::relay::{Got, Relay};
use chrono::TimeDelta;
use mail_parser::MessageParser;
use newswatch::mail::Limits;

/// Matches of the everyday run; `NEWSWATCH_HELD` asks for more.
const MATCHES: usize = 300;
const STEP: TimeDelta = TimeDelta::minutes(10);
const STEPS_A_DAY: usize = 144;
const DAYS: usize = 3;

const DOWN: &str = "greeting: 421 down for repairs";

/// What the file holds: mails, tries, octets.
#[derive(Debug, Clone, Copy)]
struct Size {
    mails: i64,
    tries: i64,
    octets: i64,
}

#[tokio::test]
async fn three_days_without_a_relay_flood_nobody() {
    let matches =
        std::env::var("NEWSWATCH_HELD").ok().and_then(|count| count.parse().ok()).unwrap_or(MATCHES);
    let relay = Relay::open("");
    let desk = desk(&relay);
    let mut now = time("2026-11-01T23:50:00Z");
    desk.round(now).await;
    relay.play(DOWN);
    let mut sizes = vec![size(&desk)];
    let mut published = 0;
    for step in 0..DAYS * STEPS_A_DAY {
        now += STEP;
        let until = matches * (step + 1) / (DAYS * STEPS_A_DAY);
        let articles = (published..until).map(|number| article(&desk, number)).collect();
        published = until;
        desk.record(articles, Vec::new(), now);
        desk.round(now).await;
        if (step + 1) % STEPS_A_DAY == 0 {
            sizes.push(size(&desk));
        }
    }
    assert!(relay.got().is_empty());
    grows_evenly(&sizes);

    relay.play("");
    // Until past the slot that tells the last night's.
    while now < time("2026-11-05T07:10:00Z") {
        now += STEP;
        desk.round(now).await;
    }
    assert_eq!(desk.query("SELECT count(*) FROM outbox WHERE state <> 'sent'"), ["0"]);
    assert_eq!(desk.query("SELECT count(*) FROM not_yet_told"), ["0"]);
    let got = relay.got();
    // A digest a slot; what was written at once before the relay was known to be down;
    // and what was held, which is one mail where it is more than ten.
    for (reader, mails_most) in [("ada@example.org", 18), ("bek@example.org", 18), ("cho@example.org", 11)] {
        let mails: Vec<&Got> = got.iter().filter(|got| got.recipient == reader).collect();
        assert!(mails.len() <= mails_most, "{reader} got {} mails", mails.len());
        assert_eq!(mails.iter().map(|mail| told(mail)).sum::<usize>(), matches, "{reader} was told");
    }
    let slots = "SELECT slot FROM digest WHERE plan = 'desk' AND slot LIKE 'digest %'";
    assert_eq!(desk.query(slots).len(), 2 * DAYS + 1, "one digest a slot");
}

/// Two readers of a digest twice a day, and one who is told at once.
fn desk(relay: &Relay) -> Inside {
    let config = format!(
        "[mail]\ntransport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
         from = \"newswatch@example.org\"\n\
         [[watch]]\nname = \"Temirov\"\nquery = \"Temirov\"\n\
         [[plan]]\nname = \"desk\"\nto = [\"ada@example.org\", \"bek@example.org\"]\n\
         cron = \"0 7,17 * * *\"\nat_once_from = 2\n\
         [[plan]]\nname = \"alerts\"\nto = [\"cho@example.org\"]\n",
        relay.port
    );
    Inside::open(&config, Limits::default())
}

/// One in ten is worth an alert.
fn article(desk: &Inside, number: usize) -> newswatch::store::NewArticle {
    let title =
        if number.is_multiple_of(10) { format!("Temirov {number}") } else { format!("Item {number}") };
    desk.article(&number.to_string(), &title, &format!("Temirov was named in report number {number}."))
}

fn size(desk: &Inside) -> Size {
    let number = |sql: &str| desk.query(sql)[0].parse().expect("a count");
    Size {
        mails: number("SELECT count(*) FROM outbox"),
        tries: number("SELECT count(*) FROM delivery"),
        octets: number("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"),
    }
}

/// The second and the third day each add what the day before did, give or take.
fn grows_evenly(sizes: &[Size]) {
    let added: Vec<Size> = sizes
        .windows(2)
        .map(|days| Size {
            mails: days[1].mails - days[0].mails,
            tries: days[1].tries - days[0].tries,
            octets: days[1].octets - days[0].octets,
        })
        .collect();
    for day in &added[1..] {
        assert_eq!(day.mails, 4, "two slots for two readers, no alert: {added:?}");
        assert!(day.tries <= 6 * 24, "one mail tries every ten minutes: {added:?}");
        assert!(day.octets <= added[0].octets * 13 / 10, "{added:?}");
    }
}

/// Stories that a mail lists or counts.
fn told(mail: &Got) -> usize {
    let mail = MessageParser::default().parse(&mail.bytes).expect("a mail");
    let text = mail.body_text(0).expect("a text part").into_owned();
    let listed = text.lines().filter(|line| line.starts_with("* Temirov ") || line.starts_with("* Item "));
    let left_out = text.lines().find_map(|line| line.strip_prefix("And ")?.split(' ').next()?.parse().ok());
    listed.count() + left_out.unwrap_or(0)
}
