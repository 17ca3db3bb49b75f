//! What the sparklines and the rates are made of: the newest points, one a second or one a line.

use std::collections::VecDeque;
use std::sync::Arc;

use tachograph::MetricsSnapshot;

/// Points that are kept.
pub(crate) const KEPT: usize = 60;
/// Timers of a point that are kept; a log that has more is none that people read.
const MAX_TIMERS: usize = 256;
/// The highest bar of a sparkline, in eighths of a row: rows below each other stay apart.
pub(crate) const HIGHEST: u64 = 7;
/// Counts that a point has: all frames, then the five outcomes.
pub(crate) const COUNTS: usize = 6;

/// One moment.
#[derive(Debug)]
pub(crate) struct Point {
    /// Seconds since the loop's start.
    uptime: f64,
    counts: [u64; COUNTS],
    /// 95th percentiles, by timer; only of those that have samples.
    p95: Vec<(Arc<str>, f64)>,
}

impl Point {
    fn of(snapshot: &MetricsSnapshot) -> Self {
        let timers = snapshot.timers().filter(|(_, stats)| stats.count > 0);
        Self {
            uptime: snapshot.uptime_seconds,
            counts: counts(snapshot),
            p95: timers
                .take(MAX_TIMERS)
                .map(|(name, stats)| (Arc::from(name), stats.p95))
                .collect(),
        }
    }

    fn p95(&self, timer: &str) -> Option<f64> {
        let found = self.p95.iter().find(|(name, _)| name.as_ref() == timer);
        found.map(|(_, value)| *value)
    }
}

/// All frames, then idle, motion, suppressed, event, failed.
pub(crate) fn counts(snapshot: &MetricsSnapshot) -> [u64; COUNTS] {
    [
        snapshot.frames_processed,
        snapshot.frames_idle,
        snapshot.frames_motion,
        snapshot.events_suppressed,
        snapshot.events_created,
        snapshot.frames_failed,
    ]
}

/// The newest points, oldest first; `None` where there should have been one.
#[derive(Clone, Debug)]
pub(crate) struct History {
    points: VecDeque<Option<Arc<Point>>>,
    /// Seconds between two points, where that is known: then what is missing leaves a gap.
    step: Option<f64>,
}

impl History {
    /// An empty one, of points that come each `step` seconds, or whenever they come.
    pub(crate) fn new(step: Option<f64>) -> Self {
        Self {
            points: VecDeque::with_capacity(KEPT),
            step,
        }
    }

    /// Adds the newest point.
    pub(crate) fn push(&mut self, snapshot: &MetricsSnapshot) {
        let point = Point::of(snapshot);
        let newest = self.points.iter().flatten().next_back();
        let seconds = newest.map(|newest| point.uptime - newest.uptime);
        let missing = match (self.step, seconds) {
            // Another start of the loop.
            (_, Some(seconds)) if seconds < 0.0 => 1,
            (Some(step), Some(seconds)) => whole(seconds / step - 1.0),
            _ => 0,
        };
        for _ in 0..missing.min(KEPT) {
            self.add(None);
        }
        self.add(Some(Arc::new(point)));
    }

    fn add(&mut self, point: Option<Arc<Point>>) {
        if self.points.len() == KEPT {
            self.points.pop_front();
        }
        self.points.push_back(point);
    }

    /// How many moments it spans, gaps included.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.points.len()
    }

    /// The 95th percentiles of a timer.
    pub(crate) fn p95(&self, timer: &str) -> Vec<Option<f64>> {
        let value = |point: &Option<Arc<Point>>| point.as_ref()?.p95(timer);
        self.points.iter().map(value).collect()
    }

    /// Frames per second between each point and the one before it; `index` says which of the counts.
    pub(crate) fn rates(&self, index: usize) -> Vec<Option<f64>> {
        let mut before: Option<&Point> = None;
        let mut rates = Vec::with_capacity(self.points.len());
        for point in self.points.iter().map(Option::as_deref) {
            rates.push(between(before, point, index));
            before = point.or(before);
        }
        rates
    }

    /// Frames per second from the oldest point of the last `seconds` to the newest one.
    pub(crate) fn rate(&self, index: usize, seconds: f64) -> Option<f64> {
        let newest = self.points.back()?.as_deref()?;
        // Half a step more, because points do not come on the dot.
        let is_near = |point: &&Point| {
            let age = newest.uptime - point.uptime;
            age > 0.0 && age < seconds + self.step.unwrap_or_default() / 2.0
        };
        let same_run = self.points.iter().rev().filter_map(Option::as_deref);
        let mut last = newest.uptime;
        let oldest = same_run
            .take_while(|point| {
                let is_earlier = point.uptime <= last;
                last = point.uptime;
                is_earlier
            })
            .filter(is_near)
            .last();
        let before = oldest.or_else(|| self.points.iter().rev().flatten().nth(1).map(|it| &**it));
        between(before, Some(newest), index)
    }
}

/// Per second; none over a restart or a reset.
fn between(before: Option<&Point>, after: Option<&Point>, index: usize) -> Option<f64> {
    let (before, after) = (before?, after?);
    let seconds = after.uptime - before.uptime;
    let frames = after
        .counts
        .get(index)?
        .checked_sub(*before.counts.get(index)?)?;
    (seconds > 0.0).then(|| frames as f64 / seconds)
}

/// Rounded, and 0 for what is less.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn whole(value: f64) -> usize {
    value.round() as usize // Saturates, also below 0 and for NaN.
}

/// Puts values into `columns` columns, the newest at the right, each column the highest of its values; as eighths of a row.
///
/// What is more than nothing is seen as more than nothing.
pub(crate) fn columns(values: &[Option<f64>], columns: usize) -> Vec<Option<u64>> {
    let per_column = KEPT.div_ceil(columns.max(1));
    let highest = values.iter().flatten().copied().fold(0.0, f64::max);
    let mut heights: Vec<Option<u64>> = values
        .rchunks(per_column)
        .take(columns)
        .map(|values| {
            let value = values.iter().flatten().copied().reduce(f64::max)?;
            Some(scaled(value, highest, HIGHEST))
        })
        .collect();
    heights.resize(columns, None);
    heights.reverse();
    heights
}

/// `value` in steps of which `highest` has `steps`.
pub(crate) fn scaled(value: f64, highest: f64, steps: u64) -> u64 {
    let steps = steps as f64;
    if value > 0.0 && highest > 0.0 {
        whole((value / highest * steps).clamp(1.0, steps)) as u64
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(uptime: f64, frames: u64, p95: f64) -> MetricsSnapshot {
        let mut snapshot = MetricsSnapshot {
            uptime_seconds: uptime,
            frames_processed: frames,
            ..MetricsSnapshot::default()
        };
        snapshot.coreml_inference.count = 1;
        snapshot.coreml_inference.p95 = p95;
        snapshot
    }

    #[test]
    fn a_rate_is_taken_over_the_seconds_that_were_asked_for() {
        let mut history = History::new(Some(1.0));
        for (uptime, frames) in [(10.0, 0), (11.0, 100), (12.0, 130), (13.0, 160)] {
            history.push(&at(uptime, frames, 1.0));
        }
        assert_eq!(history.rate(0, 2.0), Some(30.0));
        assert_eq!(history.rate(0, 60.0), Some(160.0 / 3.0));
        let rates = [None, Some(100.0), Some(30.0), Some(30.0)];
        assert_eq!(history.rates(0), rates);
    }

    #[test]
    fn a_restart_and_a_missing_second_are_gaps_and_no_rate_goes_over_a_restart() {
        let mut history = History::new(Some(1.0));
        for (uptime, frames) in [(100.0, 3000), (103.0, 3090), (0.5, 15), (1.5, 45)] {
            history.push(&at(uptime, frames, 2.0));
        }
        let p95 = history.p95("coreml_inference");
        let two = Some(2.0);
        assert_eq!(p95, [two, None, None, two, None, two, two]);
        assert_eq!(history.rate(0, 60.0), Some(30.0));
        let rates = history.rates(0);
        assert_eq!(
            rates,
            [None, None, None, Some(30.0), None, None, Some(30.0)]
        );
    }

    #[test]
    fn lines_that_come_slowly_still_have_a_rate() {
        let mut history = History::new(None);
        history.push(&at(60.0, 0, 1.0));
        history.push(&at(120.0, 1800, 1.0));
        assert_eq!(history.rate(0, 5.0), Some(30.0));
        assert_eq!(history.len(), 2);
    }

    #[test]
    fn it_never_grows_over_its_size() {
        let mut history = History::new(Some(1.0));
        for second in 0..1000_u32 {
            history.push(&at(f64::from(second) * 7.0, 0, 1.0));
        }
        history.push(&at(1e300, 0, 1.0));
        assert_eq!(history.len(), KEPT);
        assert_eq!(history.rate(0, 60.0), None);
    }

    #[test]
    fn columns_show_the_highest_and_the_newest_at_the_right() {
        let values: Vec<_> = (0..60).map(|n| Some(f64::from(n) / 59.0)).collect();
        assert_eq!(columns(&values, 60).last(), Some(&Some(7)));
        assert_eq!(columns(&values, 60).first(), Some(&Some(0)));
        assert_eq!(columns(&values, 3), [Some(2), Some(5), Some(7)]);
        assert_eq!(columns(&values[..30], 4), [None, None, Some(3), Some(7)]);
        assert_eq!(columns(&[Some(1e-9), Some(1.0)], 60)[58], Some(1));
        assert!(columns(&[], 0).is_empty());
    }
}
