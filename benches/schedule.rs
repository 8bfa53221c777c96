//! How soon a story is found: adaptive polling beside one fixed interval, the same
//! number of requests, over a simulated week.
//!
//!     cargo bench --bench schedule
//!
//! Sources publish by day and night, working day and week-end, alone and in bursts
//! (a Poisson process by hour whose events excite others for some minutes); four
//! weeks are learned, the fifth counts. Two comparisons: one interval for all
//! sources together, and one for each source alone.

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use newswatch::schedule::{Cadence, Habit, Rhythm, jitter, next_poll};

const WEEKS: i64 = 5;
const SEEDS: u64 = 8;

/// Stories a working day, the hours they come at (UTC), a week-end day's share,
/// stories that one draws after it.
type Kind = (&'static str, f64, fn(u32) -> f64, f64, f64);

const KINDS: &[Kind] = &[
    ("news agency", 120.0, |hour| if (1..17).contains(&hour) { 1.0 } else { 0.15 }, 0.4, 0.6),
    ("newspaper", 25.0, |hour| if (2..14).contains(&hour) { 1.0 } else { 0.05 }, 0.25, 0.5),
    ("regional site", 8.0, |hour| if (3..13).contains(&hour) { 1.0 } else { 0.03 }, 0.2, 0.5),
    ("rights group", 3.0, |hour| if (8..17).contains(&hour) { 1.0 } else { 0.02 }, 0.03, 0.5),
    ("ministry", 6.0, |hour| if (9..12).contains(&hour) { 1.0 } else { 0.02 }, 0.0, 1.0),
    ("blog", 0.7, |hour| if (8..22).contains(&hour) { 1.0 } else { 0.1 }, 0.8, 0.2),
];

/// What one week of polling came to: requests, and minutes from publication to discovery.
#[derive(Default)]
struct Week {
    polls: usize,
    delays: Vec<f64>,
}

fn main() {
    let published: Vec<Vec<Vec<DateTime<Utc>>>> =
        KINDS.iter().map(|kind| (1..=SEEDS).map(|seed| stories(kind, seed)).collect()).collect();
    let adaptive: Vec<Week> = KINDS
        .iter()
        .zip(&published)
        .map(|(kind, seeds)| all(seeds, |stories| polled(kind.0, stories)))
        .collect();
    let polls: usize = adaptive.iter().map(|week| week.polls).sum();
    let shared = TimeDelta::days(7) * (KINDS.len() as i32 * SEEDS as i32) / polls as i32;
    println!("minutes from publication to discovery, median and mean");
    println!("{:<15}{:>12}{:>16}{:>22}{:>8}", "", "requests", "adaptive", "own fixed interval", "ratio");
    let mut fixed_alone = Week::default();
    for ((kind, week), seeds) in KINDS.iter().zip(&adaptive).zip(&published) {
        let interval = TimeDelta::days(7) * SEEDS as i32 / week.polls as i32;
        let fixed = all(seeds, |stories| polled_every(interval, stories));
        println!("{:<15}{}", kind.0, row(week, &fixed));
        fixed_alone.polls += fixed.polls;
        fixed_alone.delays.extend(fixed.delays);
    }
    let mut together = Week::default();
    let mut one_interval = Week::default();
    for (week, seeds) in adaptive.into_iter().zip(&published) {
        together.polls += week.polls;
        together.delays.extend(week.delays);
        one_interval.delays.extend(all(seeds, |stories| polled_every(shared, stories)).delays);
    }
    println!("{:<15}{}", "all together", row(&together, &fixed_alone));
    println!(
        "{:<15}{}  (every source each {} min)",
        "one interval",
        row(&together, &one_interval),
        shared.num_minutes()
    );
}

fn row(adaptive: &Week, fixed: &Week) -> String {
    let (ours, theirs) = (median(&adaptive.delays), median(&fixed.delays));
    format!(
        "{:>12}{:>9.1}{:>7.1}{:>15.1}{:>7.1}{:>8.2}",
        adaptive.polls,
        ours,
        mean(&adaptive.delays),
        theirs,
        mean(&fixed.delays),
        ours / theirs
    )
}

fn all(seeds: &[Vec<DateTime<Utc>>], week: impl Fn(&[DateTime<Utc>]) -> Week) -> Week {
    seeds.iter().map(|stories| week(stories)).fold(Week::default(), |mut sum, week| {
        sum.polls += week.polls;
        sum.delays.extend(week.delays);
        sum
    })
}

/// The product's own scheduling, poll by poll; what is published is learned when found.
fn polled(name: &str, stories: &[DateTime<Utc>]) -> Week {
    let (mut now, mut found, mut habit, mut week) = (begin(), 0, Habit::default(), Week::default());
    while now < end() {
        let upto = stories.partition_point(|at| *at <= now);
        let new = &stories[found..upto];
        habit.learn(new.iter().copied(), now);
        note(&mut week, now, new);
        found = upto;
        let rhythm = Rhythm { habit: habit.clone(), ..Rhythm::default() };
        now = next_poll(&Cadence::ADAPTIVE, &rhythm, now, jitter(name));
    }
    week
}

fn polled_every(interval: TimeDelta, stories: &[DateTime<Utc>]) -> Week {
    let (mut now, mut found, mut week) = (begin(), 0, Week::default());
    while now < end() {
        let upto = stories.partition_point(|at| *at <= now);
        note(&mut week, now, &stories[found..upto]);
        found = upto;
        now += interval;
    }
    week
}

fn note(week: &mut Week, now: DateTime<Utc>, new: &[DateTime<Utc>]) {
    let counts_from = end() - TimeDelta::days(7);
    if now >= counts_from {
        week.polls += 1;
        let counted = new.iter().filter(|at| **at >= counts_from);
        week.delays.extend(counted.map(|at| (now - *at).num_seconds() as f64 / 60.0));
    }
}

/// A Monday.
fn begin() -> DateTime<Utc> {
    DateTime::from_timestamp(1_793_577_600, 0).expect("an instant")
}

fn end() -> DateTime<Utc> {
    begin() + TimeDelta::weeks(WEEKS)
}

fn stories(&(_, a_day, at_hour, week_end, draws): &Kind, seed: u64) -> Vec<DateTime<Utc>> {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let total: f64 = (0..24).map(at_hour).sum();
    let mut stories = Vec::new();
    for hour in 0..WEEKS * 168 {
        let from = begin() + TimeDelta::hours(hour);
        let share = if hour / 24 % 7 >= 5 { week_end } else { 1.0 };
        let first = dice.poisson(a_day * share * at_hour(from.hour()) / total / (1.0 + draws));
        let mut drawing: Vec<_> = (0..first).map(|_| from + seconds(dice.roll() * 3600.0)).collect();
        while let Some(at) = drawing.pop() {
            stories.push(at);
            let drawn = dice.poisson(draws / (1.0 + draws));
            drawing.extend((0..drawn).map(|_| at + seconds(-dice.roll().ln() * 540.0)));
        }
    }
    stories.sort();
    stories
}

fn seconds(count: f64) -> TimeDelta {
    TimeDelta::seconds(count as i64)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// A generator of our own, so that every run is the same (xorshift64).
struct Dice(u64);

impl Dice {
    /// Between 0 and 1, never 0.
    fn roll(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn poisson(&mut self, mean: f64) -> usize {
        let (least, mut product, mut count) = ((-mean).exp(), self.roll(), 0);
        while product > least {
            product *= self.roll();
            count += 1;
        }
        count
    }
}
