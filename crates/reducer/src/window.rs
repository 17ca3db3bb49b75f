//! The newest samples of one timer over all lanes.

use std::collections::VecDeque;

use tachograph_hotpath::Sample;

use crate::percentile::{percentiles, percentiles_of_sorted};
use crate::snapshot::TimerStats;

/// A sample of one lane on its way into the window. The order of the fields is the order of the window: by end, then by lane,
/// then as recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// Clock ticks when it ended.
    end: u64,
    /// Its lane (16 bits) and its place in there (48 bits, one sample a microsecond for nine years): what decides between
    /// equal ends. One word, because a smaller entry is merged faster.
    place: u64,
    /// Its length in clock ticks.
    ticks: u64,
}

impl Entry {
    const INDEX_BITS: u32 = 48;

    /// Of lanes beyond the 65 536th only the order among equal ends is another.
    #[inline]
    pub(crate) fn new(lane: u64, sample: Sample) -> Self {
        let index = sample.index & ((1 << Self::INDEX_BITS) - 1);
        Self {
            end: sample.end,
            place: (lane << Self::INDEX_BITS) | index,
            ticks: sample.ticks,
        }
    }

    #[inline]
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    #[inline]
    pub(crate) fn ticks(&self) -> u64 {
        self.ticks
    }
}

/// Arrivals up to which the sorted durations are updated one by one (two shifts of a few KiB each) rather than selected anew.
const FEW: usize = 32;
const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

/// The newest `size` samples, and their statistics.
///
/// Exact: the newest samples of old and new ones together are among the newest of the old and the newest of the new, so keeping
/// `size` of them between two merges loses nothing, also when some arrive late.
#[derive(Debug)]
pub(crate) struct Window {
    size: usize,
    /// In order, at most `size` between two calls.
    entries: VecDeque<Entry>,
    /// The lengths of the entries in clock ticks; in ascending order if `is_sorted`.
    ticks: Vec<u64>,
    is_sorted: bool,
    /// Sum of all lengths.
    sum: u128,
    /// Of the entries as they are; the age is filled in when it is asked for.
    stats: TimerStats,
}

impl Window {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            size,
            entries: VecDeque::with_capacity(size.saturating_mul(2)),
            ticks: Vec::with_capacity(size.saturating_add(FEW)),
            is_sorted: true,
            sum: 0,
            stats: TimerStats::default(),
        }
    }

    /// Takes in new samples, in any order; leaves `new` empty.
    pub(crate) fn merge(&mut self, new: &mut Vec<Entry>, nanos_per_tick: f64) {
        if new.is_empty() {
            return;
        }
        let superfluous = new.len().saturating_sub(self.size);
        if !new.is_sorted() {
            if superfluous > 0 {
                // Of several lanes at once: set the newest apart before putting them in order.
                new.select_nth_unstable(superfluous);
            }
            new[superfluous..].sort_unstable();
        }
        let arriving = &new[superfluous..];
        let few = arriving.len() <= FEW;
        if few {
            self.insert_sorted(arriving);
        }
        self.sum += arriving
            .iter()
            .map(|entry| u128::from(entry.ticks))
            .sum::<u128>();
        let late = self
            .entries
            .back()
            .zip(arriving.first())
            .is_some_and(|(newest, first)| first < newest);
        self.entries.extend(arriving);
        new.clear();
        if late {
            self.entries.make_contiguous().sort_unstable();
        }
        self.drop_oldest(few);
        self.stats = self.summarize(nanos_per_tick);
    }

    pub(crate) fn clear(&mut self) {
        *self = Self {
            entries: std::mem::take(&mut self.entries),
            ticks: std::mem::take(&mut self.ticks),
            ..Self::new(self.size)
        };
        self.entries.clear();
        self.ticks.clear();
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

    fn insert_sorted(&mut self, arriving: &[Entry]) {
        if !self.is_sorted {
            self.ticks.clear();
            self.ticks
                .extend(self.entries.iter().map(|entry| entry.ticks));
            self.ticks.sort_unstable();
            self.is_sorted = true;
        }
        for entry in arriving {
            let place = self.ticks.partition_point(|&ticks| ticks < entry.ticks);
            self.ticks.insert(place, entry.ticks);
        }
    }

    /// Brings the window back to its size; what goes may have come just now.
    fn drop_oldest(&mut self, keep_sorted: bool) {
        let surplus = self.entries.len().saturating_sub(self.size);
        for entry in self.entries.drain(..surplus) {
            self.sum -= u128::from(entry.ticks);
            if keep_sorted && let Ok(place) = self.ticks.binary_search(&entry.ticks) {
                self.ticks.remove(place);
            }
        }
        if !keep_sorted {
            self.is_sorted = false;
            self.ticks.clear();
            self.ticks
                .extend(self.entries.iter().map(|entry| entry.ticks));
        }
    }

    fn summarize(&mut self, nanos_per_tick: f64) -> TimerStats {
        let (percentiles, min, max) = if self.is_sorted {
            let ends = (self.ticks.first().copied(), self.ticks.last().copied());
            (
                percentiles_of_sorted(&self.ticks, QUANTILES),
                ends.0,
                ends.1,
            )
        } else {
            let ends = (
                self.ticks.iter().min().copied(),
                self.ticks.iter().max().copied(),
            );
            (percentiles(&mut self.ticks, QUANTILES), ends.0, ends.1)
        };
        let (Some([p50, p95, p99]), Some(min), Some(max)) = (percentiles, min, max) else {
            return TimerStats::default();
        };
        let millis = nanos_per_tick / 1e6;
        let span = self
            .entries
            .back()
            .zip(self.entries.front())
            .map_or(0, |(newest, oldest)| newest.end - oldest.end);
        TimerStats {
            count: self.entries.len() as u64,
            avg: self.sum as f64 / self.entries.len() as f64 * millis,
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

    fn entry(end: u64, lane: u64, ticks: u64) -> Entry {
        let index = 0;
        Entry::new(lane, Sample { end, ticks, index })
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
    fn few_or_many_at_a_time_make_no_difference() {
        let mut seed = 1_u64;
        for size in [1, 2, 50, 1000] {
            let mut window = Window::new(size);
            let mut all = Vec::new();
            for round in 0..200 {
                let burst = if round % 7 == 0 {
                    FEW as u64 + 3
                } else {
                    round % 5
                };
                let mut new: Vec<Entry> = (0..burst)
                    .map(|_| {
                        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        // Some arrive late, and many are equal.
                        entry(
                            round * 10 + (seed >> 60),
                            (seed >> 40) % 3,
                            (seed >> 33) % 90,
                        )
                    })
                    .zip(all.len() as u64..)
                    .map(|(entry, index)| Entry {
                        place: entry.place | index,
                        ..entry
                    })
                    .collect();
                all.extend_from_slice(&new);
                window.merge(&mut new, 1e6);
                all.sort_unstable();
                let newest = &all[all.len().saturating_sub(size)..];
                assert!(
                    window.entries.iter().eq(newest),
                    "size {size}, round {round}"
                );
                let mut lengths: Vec<u64> = newest.iter().map(|entry| entry.ticks).collect();
                let stats = window.stats(0, 1e6);
                assert_eq!(stats.count, lengths.len() as u64);
                if let Some([p50, p95, p99]) = percentiles(&mut lengths, QUANTILES) {
                    assert_eq!((stats.p50, stats.p95, stats.p99), (p50, p95, p99));
                    let ends = (lengths.iter().min(), lengths.iter().max());
                    assert_eq!(
                        ends.0
                            .zip(ends.1)
                            .map(|(&min, &max)| (min as f64, max as f64)),
                        Some((stats.min, stats.max))
                    );
                    let mean = lengths.iter().sum::<u64>() as f64 / lengths.len() as f64;
                    assert!((stats.avg - mean).abs() < 1e-9);
                }
            }
        }
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
