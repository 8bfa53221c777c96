//! Each state of health: a newsroom that brings it about, `status` and the digest's
//! footer that say it, and how it heals.

use crate::support::{Desk, newsroom};
use newswatch::newsroom::Newsroom;

const PLAN: &str = r#"
[mail]
from = "newswatch@example.org"

[[watch]]
name = "Temirov"
query = "Temirov"

[[plan]]
name = "desk"
to = ["desk@example.org"]
watches = ["*"]
cron = "0 7 * * *"
all_is_well = true
"#;

const RSS: &str = "application/rss+xml";

/// Entries with these numbers, one a day of a month that is over.
fn feed(numbers: std::ops::Range<u32>) -> String {
    let item = |number: u32| {
        let day = number % 28 + 1;
        format!(
            "<item><guid>{number}</guid><title>Notice {number}</title><link>https://news.example/{number}</link>\
             <pubDate>{day:02} Nov 2099 10:00:00 GMT</pubDate></item>"
        )
    };
    let items: String = numbers.map(item).collect();
    format!("<rss version='2.0'><channel><title>Osh Echo</title>{items}</channel></rss>")
}

fn well(site: &Newsroom, numbers: std::ops::Range<u32>) {
    site.serve("/feed", RSS, feed(numbers));
}

fn change(desk: &Desk, sql: &str) {
    let connection = rusqlite::Connection::open(desk.data().join("newswatch.db")).expect("a database");
    connection.execute_batch(sql).expect("good SQL");
}

/// What makes the source sick, and what must have passed since it began.
struct Sickness {
    state: &'static str,
    begins: fn(&Newsroom),
    meanwhile: &'static str,
    /// Polls until it is believed.
    polls: usize,
    /// What status and digest say of it.
    why: &'static str,
    /// Whether something is missed, which a digest must say.
    in_digest: bool,
}

const SICKNESSES: &[Sickness] = &[
    Sickness {
        state: "blocked",
        begins: |site| site.answer("/feed", 403, &[], ""),
        meanwhile: "",
        polls: 1,
        why: "403",
        in_digest: true,
    },
    Sickness {
        state: "broken",
        begins: |site| site.answer("/feed", 500, &[], ""),
        meanwhile: "",
        polls: 4,
        why: "500",
        in_digest: true,
    },
    Sickness {
        state: "gone",
        begins: |site| site.answer("/feed", 410, &[], ""),
        meanwhile: "",
        polls: 1,
        why: "410",
        in_digest: true,
    },
    Sickness {
        state: "zombie",
        begins: |site| site.serve("/feed", RSS, "<rss version='2.0'><channel></channel></rss>"),
        meanwhile: "",
        polls: 1,
        why: "nothing in it",
        in_digest: true,
    },
    Sickness {
        state: "wrong thing",
        begins: |site| site.serve("/feed", "text/html", "<html><form><input type=password></form></html>"),
        meanwhile: "",
        polls: 1,
        why: "not a feed",
        in_digest: true,
    },
    Sickness {
        state: "stale",
        begins: |_| {},
        meanwhile: "UPDATE article SET published_at = '2024-11-03T0' || (id % 9) || ':00:00Z'",
        polls: 2,
        why: "nothing new since",
        in_digest: true,
    },
    Sickness {
        state: "rolled over",
        begins: |site| well(site, 50..60),
        meanwhile: "",
        polls: 1,
        why: "every entry was new",
        in_digest: true,
    },
    Sickness {
        state: "moved",
        begins: |site| {
            let there = site.url("/there");
            site.serve("/there", RSS, feed(2..11));
            site.answer("/feed", 301, &[("location", &there)], "");
        },
        meanwhile: "UPDATE source SET moved_since_at = '2026-01-01T00:00:00Z'",
        polls: 2,
        why: "/there",
        in_digest: false,
    },
];

#[test]
fn each_state_is_said_in_status_and_digest_and_heals() {
    for Sickness { state, begins, meanwhile, polls, why, in_digest } in SICKNESSES {
        let (_runtime, site) = newsroom();
        well(&site, 1..10);
        let feed = format!(
            "[[feed]]\nname = \"Osh Echo\"\nurl = \"{}\"\nfull_text = \"never\"\n",
            site.url("/feed")
        );
        let desk = Desk::new(&format!("{PLAN}\n{feed}"));
        let health = || desk.query("SELECT health FROM source").remove(0);
        desk.run(&["poll"]);
        assert_eq!(health(), "healthy", "{state}");

        begins(&site);
        for _ in 0..*polls {
            desk.run(&["poll"]);
            change(&desk, meanwhile);
        }
        assert_eq!(health(), *state);
        let status = desk.run(&["status"]).out + &desk.run(&["sources", "list"]).out;
        assert!(status.contains(state) && status.contains(why), "{state}: {status}");
        // A digest tells of the time before it.
        change(&desk, "UPDATE poll SET polled_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-1 hour')");
        let digest = desk.run(&["digest", "desk", "--since", "1d", "--dry-run"]).out;
        let said = digest.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(said.contains(&format!("Osh Echo: {state} since")), *in_digest, "{state}: {said}");
        assert!(!in_digest || said.contains(why), "{state}: {said}");

        well(&site, 8..20);
        desk.run(&["poll"]);
        desk.run(&["poll"]);
        assert_eq!(health(), "healthy", "{state} heals");
        let status = desk.run(&["status"]).out;
        assert!(!status.contains(state), "{state}: {status}");
    }
}
