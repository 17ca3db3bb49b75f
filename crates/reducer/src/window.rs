//! The newest samples of one timer over all lanes.

use std::collections::VecDeque;

use crate::percentile::percentiles;
use crate::snapshot::TimerStats;

/// A sample of one lane on its way into the window. The order of the fields is the order of the window: by end, then by lane,
/// then as recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// Clock ticks when it ended.
    pub(crate) end: u64,
    pub(crate) lane: u32,
    /// Its place in its lane.
    pub(crate) index: u64,
    /// Its length in clock ticks.
    pub(crate) ticks: u64,
}

/// The newest `size` samples, and their statistics.
///
/// Exact: the newest samples of old and new ones together are among the newest of the old and the newest of the new, so keeping
/// `size` of them between two merges loses nothing, also when some arrive late.
#[derive(Debug)]
pub(crate) struct Window {
    size: usize,
    /// In order, at most `size` between two calls.
    entries: VecDeque<Entry>,
    /// Room for the selection of percentiles.
    scratch: Vec<u64>,
    /// Of the entries as they are; the age is filled in when it is asked for.
    stats: TimerStats,
}

impl Window {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            size,
            entries: VecDeque::with_capacity(size.saturating_mul(2)),
            scratch: Vec::with_capacity(size),
            stats: TimerStats::default(),
        }
    }

    /// Takes in new samples, in any order; leaves `new` empty.
    pub(crate) fn merge(&mut self, new: &mut Vec<Entry>, nanos_per_tick: f64) {
        if new.is_empty() {
            return;
        }
        if !new.is_sorted() {
            new.sort_unstable();
        }
        let superfluous = new.len().saturating_sub(self.size);
        let late = self
            .entries
            .back()
            .zip(new.get(superfluous))
            .is_some_and(|(newest, first)| first < newest);
        self.entries.extend(new.drain(..).skip(superfluous));
        if late {
            self.entries.make_contiguous().sort_unstable();
        }
        let surplus = self.entries.len().saturating_sub(self.size);
        self.entries.drain(..surplus);
        self.stats = self.summarize(nanos_per_tick);
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.stats = TimerStats::default();
    }

    /// The statistics, as of `now` in clock ticks.
    pub(crate) fn stats(&self, now: u64, nanos_per_tick: f64) -> TimerStats {
        let age = self
            .entries
            .back()
            .map_or(0, |newest| now.saturating_sub(newest.end));
        TimerStats {
            age_s: age as f64 * nanos_per_tick / 1e9,
            ..self.stats
        }
    }

    fn summarize(&mut self, nanos_per_tick: f64) -> TimerStats {
        let millis = nanos_per_tick / 1e6;
        self.scratch.clear();
        self.scratch
            .extend(self.entries.iter().map(|entry| entry.ticks));
        let (mut sum, mut min, mut max) = (0_u128, u64::MAX, 0);
        for &ticks in &self.scratch {
            sum += u128::from(ticks);
            min = min.min(ticks);
            max = max.max(ticks);
        }
        let Some([p50, p95, p99]) = percentiles(&mut self.scratch, [0.5, 0.95, 0.99]) else {
            return TimerStats::default();
        };
        let span = self
            .entries
            .back()
            .zip(self.entries.front())
            .map_or(0, |(newest, oldest)| newest.end - oldest.end);
        TimerStats {
            count: self.entries.len() as u64,
            avg: sum as f64 / self.entries.len() as f64 * millis,
            min: min as f64 * millis,
            max: max as f64 * millis,
            p50: p50 * millis,
            p95: p95 * millis,
            p99: p99 * millis,
            span_s: span as f64 * nanos_per_tick / 1e9,
            age_s: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(end: u64, lane: u32, ticks: u64) -> Entry {
        Entry {
            end,
            lane,
            index: 0,
            ticks,
        }
    }

    fn ticks(window: &Window) -> Vec<u64> {
        window.entries.iter().map(|entry| entry.ticks).collect()
    }

    #[test]
    fn keeps_the_newest_by_end_and_breaks_ties_by_lane() {
        let mut window = Window::new(3);
        window.merge(
            &mut vec![
                entry(10, 1, 1),
                entry(10, 0, 2),
                entry(9, 0, 3),
                entry(11, 0, 4),
            ],
            1.0,
        );
        assert_eq!(ticks(&window), [2, 1, 4]);
    }

    #[test]
    fn a_late_arrival_takes_its_place_or_none() {
        let mut window = Window::new(3);
        window.merge(
            &mut vec![entry(10, 0, 1), entry(20, 0, 2), entry(30, 0, 3)],
            1.0,
        );
        window.merge(&mut vec![entry(25, 1, 4)], 1.0);
        assert_eq!(ticks(&window), [2, 4, 3]);
        window.merge(&mut vec![entry(5, 1, 5)], 1.0);
        assert_eq!(ticks(&window), [2, 4, 3]);
    }

    #[test]
    fn age_and_span_are_the_evidence() {
        let mut window = Window::new(3);
        assert_eq!(window.stats(1_000, 1.0), TimerStats::default());
        window.merge(
            &mut vec![entry(1_000_000_000, 0, 7), entry(3_500_000_000, 0, 9)],
            1.0,
        );
        let stats = window.stats(5_000_000_000, 1.0);
        assert_eq!((stats.count, stats.span_s, stats.age_s), (2, 2.5, 1.5));
        window.clear();
        assert_eq!(window.stats(5_000_000_000, 1.0), TimerStats::default());
    }
}
