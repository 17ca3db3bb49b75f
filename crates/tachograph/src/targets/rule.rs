//! Limits, statistics and verdicts.

use std::fmt;

use tachograph_reducer::TimerStats;

use super::NEAR;

/// A statistic of a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Statistic {
    /// Arithmetic mean.
    Avg,
    /// Shortest.
    Min,
    /// Longest.
    Max,
    /// Median.
    P50,
    /// 95th percentile.
    P95,
    /// 99th percentile.
    P99,
}

impl Statistic {
    /// All of them, as a snapshot lists them.
    pub const ALL: [Self; 6] = [
        Self::Avg,
        Self::Min,
        Self::Max,
        Self::P50,
        Self::P95,
        Self::P99,
    ];

    /// Its name: `avg`, `min`, `max`, `p50`, `p95` or `p99`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
        }
    }

    /// The statistic of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|statistic| statistic.name() == name)
    }

    /// Its value in milliseconds; look at `count` first.
    pub fn of(self, stats: &TimerStats) -> f64 {
        match self {
            Self::Avg => stats.avg,
            Self::Min => stats.min,
            Self::Max => stats.max,
            Self::P50 => stats.p50,
            Self::P95 => stats.p95,
            Self::P99 => stats.p99,
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// On which side of which value a metric should stay, in the metric's own unit. The value itself is still allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// At most this.
    Below(f64),
    /// At least this.
    Above(f64),
}

impl Limit {
    /// The value, without the side.
    pub const fn value(self) -> f64 {
        match self {
            Self::Below(limit) | Self::Above(limit) => limit,
        }
    }

    /// Judges a value. What counts as near:
    /// - below a limit: from 80 % of it on;
    /// - above a `percent` limit, such as an availability over 99 %: the budget is the 1 % that may be missing, and near is
    ///   when 80 % of it is used up, here from 99.2 % down;
    /// - above any other limit: down from the value of which the limit is 80 %.
    ///
    /// A limit that leaves no room (below 0, above 100 %) is met or missed, never near.
    pub(crate) fn judge(self, value: f64, percent: bool) -> Verdict {
        let (missed, near) = match self {
            Self::Below(limit) => (value > limit, limit > 0.0 && value >= NEAR * limit),
            Self::Above(limit) if percent => {
                let budget = 100.0 - limit;
                (
                    value < limit,
                    budget > 0.0 && value <= 100.0 - NEAR * budget,
                )
            }
            Self::Above(limit) => (value < limit, limit > 0.0 && value <= limit / NEAR),
        };
        match (missed, near) {
            (true, _) => Verdict::Missed,
            (false, true) => Verdict::Near,
            (false, false) => Verdict::Met,
        }
    }
}

/// How a target stands; the better, the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// ✓ within the target.
    Met,
    /// — there is nothing to judge: no samples yet, or not measurable on this machine.
    NoData,
    /// ⚠ within the target, but at 80 % of it or more.
    Near,
    /// ✗ past the limit.
    Missed,
}

impl Verdict {
    /// The character that stands for it: ✓ ⚠ ✗ —, each one column wide.
    pub const fn mark(self) -> char {
        match self {
            Self::Met => '✓',
            Self::NoData => '—',
            Self::Near => '⚠',
            Self::Missed => '✗',
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.mark())
    }
}
