//! Whether a watch is found far more often than usual.

use super::prose;
use serde::{Deserialize, Serialize};

/// How often a watch was found of late, and how often it usually is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    pub watch: String,
    /// Stories of the last 24 hours.
    pub today: u64,
    /// Stories a day before that.
    pub usual: f64,
}

/// Below this many stories a day all rates are alike: from none to three is no spike.
const USUAL_LEAST: f64 = 1.0;

impl Rate {
    /// Whether today has at least so many times the usual.
    ///
    /// ```
    /// # use newswatch::digest::Rate;
    /// let rate = |today, usual| Rate { watch: "Temirov".into(), today, usual };
    /// assert!(rate(10, 2.0).is_spike(5.0) && !rate(9, 2.0).is_spike(5.0));
    /// assert!(rate(5, 0.0).is_spike(5.0) && !rate(4, 0.0).is_spike(5.0));
    /// ```
    pub fn is_spike(&self, times: f64) -> bool {
        self.today as f64 >= times * self.usual.max(USUAL_LEAST)
    }

    /// `23 stories in 24 hours, usually 2 a day`.
    pub(super) fn words(&self) -> String {
        let usual = match self.usual {
            ..0.05 => "usually none".into(),
            ..9.5 => format!("usually {} a day", format!("{:.1}", self.usual).trim_end_matches(".0")),
            _ => format!("usually {:.0} a day", self.usual),
        };
        format!("{} stories in 24 hours, {usual}", self.today)
    }

    /// The same with the watch before it.
    pub(super) fn line(&self) -> String {
        format!("{}: {}", prose::line(&self.watch, 50), self.words())
    }
}
