//! Articles mutated by an enemy, a digest of twenty at a time, all the way to a
//! server that takes a bare LF for a line end: each is one mail, only our headers,
//! only our markup.
//!
//! What is mutated how follows from the number of the mail, so that a mail that
//! fails can be made again.

use super::{composed, envelope, hostile, named};
use crate::relay::Relay;
use newswatch::config::{Mail, Tls, Transport};
use newswatch::digest::{Earlier, Item};
use newswatch::mail::{Delivery, Mailer, wire};
use std::path::Path;

/// Articles of the everyday run; `NEWSWATCH_MUTANTS` asks for more.
const MUTANTS: usize = 500;
const ITEMS_A_MAIL: usize = 20;
/// Mails that one server takes.
const MAILS_A_SERVER: usize = 25;

/// What closes the place a text stands in.
pub const BREAKOUTS: [&str; 12] = [
    "",
    "\">",
    "'>",
    "</title>",
    "</style>",
    "</p></div></td></tr></table>",
    "-->",
    "]]>",
    "</mark></a>",
    "&quot;&gt;",
    "\u{202E}",
    "\0",
];

/// What runs, loads or leads somewhere once it has got out.
pub const VECTORS: [&str; 26] = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<b>x</b>'></iframe>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<body onload=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<math><mi xlink:href=\"data:text/html,x\">",
    "<object data=\"data:text/html,x\"></object>",
    "<embed src=//evil.example/x>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css'</style>",
    "<meta http-equiv=refresh content=\"0;url=//evil.example\">",
    "<base href=//evil.example/>",
    "<form action=//evil.example><button>x</button></form>",
    "<td background=//evil.example/x.png>",
    "<p style=\"background:url(//evil.example/x)\">",
    "\" onmouseover=\"alert(1)",
    "' style='background:url(//evil.example/x)",
    "javascript:alert(1)//https://",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "{{ 7 * 7 }}{% raw %}${7*7}<%= 7 * 7 %>",
    "<scr\0ipt>alert(1)</scr\u{200B}ipt>",
];

/// What ends a line, a header, a mail, or turns text round.
const TRICKS: [&str; 22] = [
    "\r\nBcc: all@example.org",
    "\nBcc: all@example.org",
    "\rBcc: all@example.org",
    "\u{2028}Bcc: all@example.org",
    "\u{85}X-Spam: no",
    "\u{B}\u{C}\u{1C}\u{1E}",
    "\r\n\r\n<html>",
    "\r\n.\r\nMAIL FROM:<x@example.org>\r\nRCPT TO:<y@example.org>\r\nDATA\r\n",
    "\n.\nQUIT\n",
    "\r.\r",
    ".",
    "\n..\n",
    "=?utf-8?B?PHNjcmlwdD4=?=",
    "=?utf-8?Q?=0D=0ABcc:_x?=",
    "--newswatch-",
    "Content-Type: text/html",
    "\u{202E}gnorw\u{202C}",
    "\u{2066}\u{2067}\u{2069}",
    "\u{200B}\u{FEFF}\u{AD}",
    "\u{E0041}\u{FFFE}\u{FFFF}",
    "=\r\n=3D=\n",
    "\u{1b}[2J\u{9b}31m",
];

/// A row of numbers that follows from where it began (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).expect("it is below a usize")
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// Something an enemy would put in.
    fn poison(&mut self) -> String {
        match self.below(8) {
            0..3 => format!("{}{}", self.pick(&BREAKOUTS), self.pick(&VECTORS)),
            3..6 => self.pick(&TRICKS).into(),
            6 => {
                char::from_u32(u32::try_from(self.below(0x11_0000)).expect("it fits")).unwrap_or('\0').into()
            }
            _ => self.pick(&["Темиров", "ң", "👁\u{200D}🗨", "w", " "]).repeat(1 + self.below(2_500)),
        }
    }

    /// `text` with poison put in, or in place of a stretch of it.
    fn mutate(&mut self, text: &str) -> String {
        let mut letters: Vec<char> = text.chars().collect();
        for _ in 0..self.below(4) {
            let at = self.below(letters.len() + 1);
            let end = (at + self.below(2) * self.below(12)).min(letters.len());
            letters.splice(at..end, self.poison().chars());
        }
        letters.into_iter().collect()
    }
}

fn mutate(item: &Item, dice: &mut Dice) -> Item {
    let mut item = item.clone();
    item.title = dice.mutate(&item.title);
    item.text = dice.mutate(&item.text);
    item.source = dice.mutate(&item.source);
    item.link = item.link.map(|link| dice.mutate(&link));
    item.language = item.language.map(|code| if dice.below(3) == 0 { dice.mutate(&code) } else { code });
    for copy in &mut item.also_in {
        copy.source = dice.mutate(&copy.source);
        copy.link = copy.link.as_ref().map(|link| dice.mutate(link));
        copy.headline = Some(dice.mutate(&item.title));
    }
    for found in &mut item.watches {
        for hit in &mut found.hits {
            hit.rule = dice.mutate(&hit.rule);
            let start = dice.below(item.text.len() + 2);
            if dice.below(2) == 0 {
                hit.span = start..start + dice.below(40);
            }
        }
    }
    item
}

/// Twenty mutants, four of them told before and changed since.
fn digest(number: usize) -> newswatch::digest::Digest {
    let mut dice = Dice(number as u64);
    let mut facts = named(dice.pick(&["three", "cyrillic"]));
    let once = facts.items.clone();
    let mut items: Vec<Item> =
        (0..ITEMS_A_MAIL).map(|_| mutate(&once[dice.below(once.len())], &mut dice)).collect();
    for item in items.iter_mut().take(4) {
        let at = facts.window.from;
        let (title, text) = (dice.mutate(&item.title), dice.mutate(&item.text));
        item.earlier = Some(Earlier { told_at: at, changed_at: at, title, text });
    }
    facts.corrected = items.drain(..2).collect();
    facts.items = items;
    for (source, _, _, reason) in &mut facts.footer.sick {
        (*source, *reason) = (dice.mutate(source), dice.mutate(reason));
    }
    composed(&facts)
}

#[test]
fn three_hundred_payloads_are_three_hundred() {
    let all = BREAKOUTS.iter().flat_map(|out| VECTORS.iter().map(move |vector| format!("{out}{vector}")));
    assert!(all.collect::<std::collections::HashSet<_>>().len() >= 300);
}

#[test]
fn mutated_articles_are_only_ever_our_mail() {
    let wanted = std::env::var("NEWSWATCH_MUTANTS").ok().and_then(|count| count.parse().ok());
    let mails = wanted.unwrap_or(MUTANTS).div_ceil(ITEMS_A_MAIL);
    let half = mails.div_ceil(2);
    std::thread::scope(|scope| {
        for range in [0..half, half..mails] {
            scope.spawn(move || {
                for servers_first in range.clone().step_by(MAILS_A_SERVER) {
                    check(servers_first..(servers_first + MAILS_A_SERVER).min(range.end));
                }
            });
        }
    });
}

fn check(numbers: std::ops::Range<usize>) {
    let relay = Relay::open("");
    let transport = Transport::Smtp {
        host: "127.0.0.1".into(),
        port: relay.port,
        tls: Tls::None,
        user: None,
        password: None,
    };
    let mail = Mail { transport, from: "newswatch@example.org".into(), ..newswatch::config::Mail::default() };
    let mailer = Mailer::open(&mail, Path::new("/nonexistent")).expect("a mailer");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut sent = Vec::new();
    for number in numbers.clone() {
        let digest = digest(number);
        let checked = std::panic::catch_unwind(|| hostile::check(&digest));
        assert!(checked.is_ok(), "mail {number} is not only ours");
        let wire = wire(&envelope(), &digest).expect("a mail");
        let sending =
            mailer.send("newswatch@example.org", "desk@example.org", "id@example.org", wire.bytes());
        assert_eq!(runtime.block_on(sending), Delivery::Sent, "mail {number}");
        sent.push(wire.into_bytes());
    }
    let got: Vec<_> = relay.got().into_iter().map(|got| got.bytes).collect();
    assert!(got == sent, "mails {numbers:?}: the server did not get what was sent");
    assert_eq!(relay.commands().len(), 5 * sent.len(), "mails {numbers:?}: one transaction a mail");
}
