//! What the hot path promises, as ratios and differences within one run, and whether it was kept.

use crate::compare::clock;
use crate::compare::count;
use crate::compare::frame;
use crate::compare::growth::Growth;
use crate::compare::measure::Results;
use crate::compare::read;
use crate::frame_loop::{Pair, RATE};

/// The built-in name of ours in most operations.
const OURS: &str = "tachograph";

/// One target and what was measured of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// What is promised.
    pub target: String,
    /// The most (or least) it may be.
    pub limit: String,
    /// What it is.
    pub measured: String,
    /// Whether the limit is kept.
    pub met: bool,
}

/// Which side of the limit is good.
#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
    Below(f64),
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
            Self::Below(limit) => value < limit,
        }
    }

    fn judge(self, target: impl Into<String>, value: f64, unit: Unit) -> Judged {
        let (sign, limit) = match self {
            Self::AtMost(limit) => ("≤", limit),
            Self::AtLeast(limit) => ("≥", limit),
            Self::Below(limit) => ("<", limit),
        };
        Judged {
            target: target.into(),
            limit: format!("{sign} {}", unit.show(limit)),
            measured: unit.show(value),
            met: self.holds(value),
        }
    }
}

#[derive(Clone, Copy)]
enum Unit {
    Ratio,
    Nanos,
    Micros,
    Percent,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Ratio if value >= 100.0 => format!("{value:.0} x"),
            Self::Ratio => format!("{value:.2} x"),
            Self::Nanos => format!("{value:.1} ns"),
            Self::Micros => format!("{value:.2} us"),
            Self::Percent => format!("{value:.4} %"),
        }
    }
}

/// Judges what was measured; what was not measured is left out.
pub fn judge(results: &[Results], growth: Option<&Growth>, paced: Option<&Pair>) -> Vec<Judged> {
    let run = Run { results };
    let mut judged = Vec::new();
    judged.extend(run.scope());
    judged.extend(run.count());
    judged.extend(run.histogram());
    judged.extend(run.read());
    judged.extend(run.frame());
    judged.extend(growth.map(reduce).unwrap_or_default());
    judged.extend(paced.and_then(|pair| run.at_30_fps(pair)));
    judged
}

struct Run<'a> {
    results: &'a [Results],
}

impl<'a> Run<'a> {
    fn operation(&self, id: &str) -> Option<&'a Results> {
        self.results.iter().find(|results| results.id == id)
    }

    /// How many times as long `name` takes as `other`, of the same operation.
    fn ratio(&self, id: &str, name: &str, other: &str) -> Option<f64> {
        let operation = self.operation(id)?;
        Some(operation.median(name)? / operation.median(other)?)
    }

    /// How many times as long the fastest rival takes, and who it is.
    fn lead(&self, id: &str) -> Option<(f64, &'static str)> {
        let operation = self.operation(id)?;
        let rival = operation.fastest_rival()?;
        let ours = operation.ours()?.nanos.median;
        Some((rival.nanos.median / ours, rival.name))
    }

    fn scope(&self) -> Vec<Judged> {
        let floor = self.ratio("scope", OURS, "two clock reads").map(|ratio| {
            Bound::AtMost(1.10).judge("scope, to two clock reads", ratio, Unit::Ratio)
        });
        let lead = self.lead("scope").map(|(lead, rival)| {
            let target = format!("scope, how much faster than the fastest rival ({rival})");
            Bound::AtLeast(2.5).judge(target, lead, Unit::Ratio)
        });
        let stage = self.ratio("stage", OURS, frame::STAGE_FLOOR).map(|ratio| {
            Bound::AtMost(1.25).judge("stage change, to one clock read", ratio, Unit::Ratio)
        });
        [floor, lead, stage].into_iter().flatten().collect()
    }

    fn count(&self) -> Vec<Judged> {
        let floor = self.ratio("count", OURS, count::LOAD_STORE).map(|ratio| {
            let target = "count, to a plain relaxed load and store";
            Bound::AtMost(1.2).judge(target, ratio, Unit::Ratio)
        });
        let lead = self.lead("count").map(|(lead, rival)| {
            let target = format!("count, to the fastest rival ({rival})");
            Bound::Below(1.0).judge(target, 1.0 / lead, Unit::Ratio)
        });
        let two = self.ratio("count_2", OURS, count::ALONE).map(|ratio| {
            let target = "count while a second thread counts, to count alone";
            Bound::AtMost(1.10).judge(target, ratio, Unit::Ratio)
        });
        [floor, lead, two].into_iter().flatten().collect()
    }

    fn histogram(&self) -> Option<Judged> {
        let (lead, rival) = self.lead("histogram")?;
        let target = format!("record_between, to the fastest rival's histogram ({rival})");
        Some(Bound::Below(1.0).judge(target, 1.0 / lead, Unit::Ratio))
    }

    /// "Not slower" allows for five percent of noise.
    fn read(&self) -> Vec<Judged> {
        let faster = self
            .ratio("read", read::RW_LOCK, read::CACHED)
            .map(|faster| {
                let target = "cached read, how much faster than RwLock<Arc> read and clone";
                Bound::AtLeast(5.0).judge(target, faster, Unit::Ratio)
            });
        let busy = |target: &str, busy, quiet| {
            let ratio = self.ratio("read_busy", busy, quiet)?;
            Some(Bound::AtMost(1.05).judge(target, ratio, Unit::Ratio))
        };
        let load = busy(
            "load while publishing, to load while not",
            read::LOAD_BUSY,
            read::LOAD_QUIET,
        );
        let cached = busy(
            "cached read while publishing, to one while not",
            read::CACHED_BUSY,
            read::CACHED_QUIET,
        );
        [faster, load, cached].into_iter().flatten().collect()
    }

    fn frame(&self) -> Option<Judged> {
        let operation = self.operation("frame")?;
        let more = operation.median(OURS)? - operation.median(frame::FRAME_FLOOR)?;
        let target = "frame of 4 stages, more than six clock reads";
        Some(Bound::AtMost(20.0).judge(target, more, Unit::Nanos))
    }

    /// The collector's thread, plus the frames at what one costs.
    fn at_30_fps(&self, paced: &Pair) -> Option<Judged> {
        let frame = self.operation("frame")?.median(OURS)?;
        let loops = frame * RATE / 1e9 * 100.0;
        let target =
            "everything at 30 fps, share of one CPU: the collector's thread and the frames";
        let value = paced.thread_percent? + loops;
        Some(Bound::AtMost(0.02).judge(target, value, Unit::Percent))
    }
}

fn reduce(growth: &Growth) -> Vec<Judged> {
    let (Some(small), Some(large)) = (growth.at(4, 3), growth.points.last()) else {
        return Vec::new();
    };
    let cells = |lanes: usize, timers: usize| (lanes * timers) as f64;
    let grown = cells(large.lanes, large.timers) / cells(small.lanes, small.timers);
    let by_cost = |a: &&_, b: &&_| sample_cost(a).total_cmp(&sample_cost(b));
    let worst = growth.points.iter().max_by(by_cost).unwrap_or(small);
    let idle = small.idle.median / 1e3;
    vec![
        Bound::AtMost(2.0).judge("reduce, idle, 4 lanes x 3 timers", idle, Unit::Micros),
        Bound::AtMost(15.0).judge(
            "reduce, per new sample, 4 lanes x 3 timers",
            sample_cost(small),
            Unit::Nanos,
        ),
        Bound::AtMost(15.0).judge(
            format!(
                "reduce, per new sample, at worst ({} lanes x {} timers)",
                worst.lanes, worst.timers
            ),
            sample_cost(worst),
            Unit::Nanos,
        ),
        Bound::AtMost(grown).judge(
            format!(
                "reduce, idle, {} lanes x {} timers, to 4 x 3 (no worse than linear)",
                large.lanes, large.timers
            ),
            large.idle.median / small.idle.median,
            Unit::Ratio,
        ),
    ]
}

fn sample_cost(point: &crate::compare::GrowthPoint) -> f64 {
    point.per_sample.median
}

/// The floor by which every figure of the report is divided as well.
pub(crate) fn clock_read(results: &[Results]) -> Option<f64> {
    let run = Run { results };
    run.operation("clock")?.median(clock::RAW)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::candidate::Kind;
    use crate::compare::measure::{Row, Spread};

    fn row(name: &'static str, kind: Kind, median: f64) -> Row {
        let nanos = Spread {
            p10: median,
            median,
            p90: median,
        };
        Row {
            name,
            kind,
            package: None,
            nanos,
        }
    }

    #[test]
    fn a_target_that_is_missed_is_shown_as_missed() {
        let scope = |ours| Results {
            id: "scope",
            title: "time a scope",
            rows: vec![
                row(OURS, Kind::Ours, ours),
                row("two clock reads", Kind::Floor, 20.0),
                row("rival", Kind::Rival, 60.0),
            ],
        };
        let met = |ours| -> Vec<bool> {
            let judged = judge(&[scope(ours)], None, None);
            judged.iter().map(|judged| judged.met).collect()
        };
        assert_eq!(met(21.0), [true, true]);
        assert_eq!(met(23.0), [false, true]);
        assert_eq!(met(25.0), [false, false]);
    }
}
