//! Clocks that jump under a running daemon, by libfaketime.

use super::{Manager, World, slow, stories, text};
use crate::support::{Running, needs, wait_within};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Has a digest every minute, where the reader has every story at once.
const NIGHT: &str = "bek@example.org";

/// An interval of the source, a slot of the digest, and what a loaded machine adds.
const PATIENCE: Duration = Duration::from_secs(60 + 60 + 20);

/// Ticks of processor time a second, of a hundred, that no loop needs that sleeps.
const TICKS_PER_SECOND_MAX: f64 = 50.0;

const DAY: i64 = 24 * 60 * 60;

/// A daemon whose clock the test sets, in seconds from the true time.
struct Clock {
    file: PathBuf,
    daemon: Running,
    world: World,
}

impl Clock {
    fn start(offset: i64) -> Clock {
        let world = World::new();
        let night = format!("[[plan]]\nname = \"night\"\nto = [{NIGHT:?}]\ncron = \"* * * * *\"\n");
        world.desk.configure(&(world.config() + &night));
        world.publish(1..=3);
        let file = world.desk.path("clock");
        let library = library().expect("libfaketime is installed").display().to_string();
        std::fs::write(&file, format!("{offset:+}")).expect("writable");
        let variables = [
            ("LD_PRELOAD", &*library),
            ("FAKETIME_TIMESTAMP_FILE", &*file.display().to_string()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("FAKETIME_NO_CACHE", "1"),
            ("NO_FAKE_STAT", "1"),
        ];
        let manager = Manager::of(&world.desk);
        let daemon = manager.start(&world.desk, &[], 30, &variables);
        Clock { file, daemon, world }
    }

    /// Jumps; stories up to `last` are then reported without anybody's help.
    fn jump(&mut self, offset: i64, last: u64) {
        // In one step: a file half written is another time.
        let beside = self.file.with_extension("new");
        std::fs::write(&beside, format!("{offset:+}")).expect("writable");
        std::fs::rename(&beside, &self.file).expect("writable");
        self.world.publish(1..=last);
        self.reports(last, offset);
    }

    fn reports(&mut self, last: u64, offset: i64) {
        let (began, ticks) = (Instant::now(), self.ticks());
        wait_within(PATIENCE, &format!("{last} stories with the clock {offset} s off"), || {
            assert_eq!(self.daemon.ended(), None, "it ended: {}", self.daemon.log());
            self.world.reported().len() as u64 == last
                && self.world.mails_of_stories(NIGHT).len() as u64 == last
        });
        let its_time = now() + offset;
        let sql =
            format!("SELECT count(*) > 0 FROM poll WHERE abs(strftime('%s', polled_at) - {its_time}) < 300");
        assert_eq!(self.world.desk.query(&sql), ["1"], "its clock is not {offset} s off");
        let seconds = began.elapsed().as_secs_f64().max(1.0);
        let rate = (self.ticks() - ticks) as f64 / seconds;
        assert!(rate < TICKS_PER_SECOND_MAX, "{rate:.0} ticks a second with the clock {offset} s off");
    }

    /// Processor time so far, in hundredths of a second (proc(5): utime, stime).
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.daemon.id())).expect("it runs");
        let (_, words) = stat.rsplit_once(')').expect("the name is in brackets");
        words.split_whitespace().skip(11).take(2).map(|word| word.parse::<u64>().expect("a number")).sum()
    }

    fn ends_well(mut self, last: u64) {
        self.daemon.ends_well_on("TERM");
        assert!(!self.daemon.said("panicked"), "{}", self.daemon.log());
        self.world.is_whole("after the jumps");
        self.world.each_is_reported_once(last);
        self.world.each_is_reported_once_to(NIGHT, last);
        for recipient in [super::READER, NIGHT] {
            let mails = self.world.kept_for(recipient);
            let extra = mails.iter().filter(|got| stories(&text(got)).is_empty()).count();
            assert!(extra <= 1, "{extra} mails for {recipient} without a story");
        }
    }
}

/// Seconds since 1970, truly.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs().cast_signed()
}

/// Debian has a directory for each architecture.
fn library() -> Option<PathBuf> {
    let places = std::fs::read_dir("/usr/lib").ok()?;
    let places = places.filter_map(|place| Some(place.ok()?.path().join("faketime/libfaketimeMT.so.1")));
    places.into_iter().find(|place| place.exists())
}

fn runs() -> bool {
    slow(&["faketime"]) && (library().is_some() || needs(&["libfaketimeMT.so.1"]))
}

#[test]
fn a_clock_two_days_back_and_home_loses_and_repeats_nothing() {
    if runs() {
        let mut clock = Clock::start(0);
        clock.reports(3, 0);
        clock.jump(-2 * DAY, 6);
        clock.jump(0, 9);
        clock.ends_well(9);
    }
}

#[test]
fn a_clock_ten_years_ahead_and_home_loses_and_repeats_nothing() {
    if runs() {
        let mut clock = Clock::start(0);
        clock.reports(3, 0);
        clock.jump(3653 * DAY, 6);
        clock.jump(0, 9);
        clock.ends_well(9);
    }
}

#[test]
fn a_boot_in_1970_loses_and_repeats_nothing() {
    if runs() {
        let offset = 300 - now();
        let mut clock = Clock::start(offset);
        clock.reports(3, offset);
        clock.jump(0, 6);
        clock.ends_well(6);
    }
}
