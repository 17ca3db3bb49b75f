//! The histograms of all timers, merged bucket by bucket and over all.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use tachograph::BUILT_IN_TIMERS;

use super::data::{TimerCharts, TimerSummary};
use super::distribution::{distribution, max_ms, quantile_ms, summary};
use super::shown;
use super::timeline::{Slot, digits};
use crate::lines::{Decoder, Distribution, Line, Tally};

/// Timers that are kept at most, so that a log that is not ours cannot fill the memory.
const MOST: usize = 256;
/// Timers that have charts.
const MOST_CHARTS: usize = 48;

/// How much longer than the timeline's a timer's buckets can be.
const LEVELS: [f64; 3] = [1.0, 3.0, 12.0];
/// Samples that a bucket should have, on average: from 59 on, its longest is above the true 95th percentile with 95 % certainty.
const ENOUGH: f64 = 60.0;

/// Buckets that are enough to see a course in.
const FEW: usize = 12;

/// All timers so far.
#[derive(Default)]
pub(super) struct Timers {
    all: BTreeMap<Arc<str>, Track>,
    bad: Tally,
    left_out: Tally,
}

/// One timer.
#[derive(Default)]
struct Track {
    decoder: Option<Decoder>,
    /// In buckets of each of [`LEVELS`].
    levels: [Level; LEVELS.len()],
    all: Distribution,
}

/// Buckets of one length. The histogram of one that is over is added to the next longer ones.
#[derive(Default)]
struct Level {
    slot: Option<Slot>,
    bucket: Distribution,
    over: Vec<Point>,
}

/// A bucket's percentiles.
struct Point {
    slot: Slot,
    samples: u64,
    p50: f64,
    p95: f64,
    max: f64,
}

impl Timers {
    /// Adds lines, each with its bucket: several timers at once, each in the lines' order.
    pub(super) fn add(&mut self, lines: &[(Slot, &Line)]) {
        for (_, line) in lines {
            let snapshot = &line.snapshot;
            let named = snapshot.histograms.keys();
            let named = named.chain(snapshot.custom.timers.keys());
            for name in named.chain(snapshot.lifetime.keys()) {
                self.find(name, line);
            }
        }
        let bad: Vec<Tally> = self
            .all
            .par_iter_mut()
            .map(|(name, track)| track.add(name, lines))
            .collect();
        for tally in bad {
            self.bad.append(tally);
        }
    }

    fn find(&mut self, name: &Arc<str>, line: &Line) {
        if self.all.contains_key(name) {
            return;
        }
        if self.all.len() < MOST {
            self.all.insert(Arc::clone(name), Track::default());
            return;
        }
        self.left_out.add(|| {
            format!(
                "{}: timer {} is left out, there are {MOST} already",
                line.place,
                shown(name)
            )
        });
    }

    /// Ends what is still open.
    pub(super) fn close(&mut self) {
        self.all.values_mut().for_each(Track::close);
    }

    /// All that a timer recorded, when it has been closed; `None` if no line has a timer of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Distribution> {
        self.all.get(name).map(|track| &track.all)
    }

    /// Charts with times from `origin` on, in buckets of `width` seconds or longer, and summaries: the built-in timers in their
    /// order, then the others by name. Says on standard error what could not be used, and returns how many histograms that were.
    pub(super) fn finish(
        mut self,
        width: f64,
        origin: f64,
    ) -> (Vec<TimerCharts>, Vec<TimerSummary>, u64) {
        self.close();
        self.bad.warn("more histograms are skipped");
        self.left_out.warn("more timers are left out");
        let built_in = BUILT_IN_TIMERS
            .iter()
            .filter_map(|name| self.all.remove_entry(*name));
        let mut ordered: Vec<_> = built_in.collect();
        ordered.extend(self.all);
        let (mut charts, mut summaries) = (Vec::new(), Vec::new());
        for (name, track) in ordered {
            let Some(all) = track.all.histogram() else {
                continue;
            };
            let Some(summary) = summary(&shown(&name), all) else {
                continue;
            };
            if charts.len() < MOST_CHARTS {
                let (level, times) = track.best_level();
                let mut chart = over_time(level, times, origin / width);
                chart.bucket_s = width * times;
                chart.distribution = distribution(all);
                charts.push(chart);
            }
            summaries.push(summary);
        }
        (charts, summaries, self.bad.count())
    }
}

/// The lists by time of buckets that are `times` as long as the shortest, of which `origin` lie before the first.
fn over_time(points: &[Point], times: f64, origin: f64) -> TimerCharts {
    let mut charts = TimerCharts::default();
    let mut before: Option<Slot> = None;
    for point in points {
        let at = |index: f64| ((index + 0.5) - origin / times) * 1e4;
        let missing = before.filter(|before| {
            before.stretch != point.slot.stretch || before.index + 1.5 < point.slot.index
        });
        if let Some(before) = missing {
            let between = f64::midpoint(before.index, point.slot.index);
            charts.push(at(between).round() / 1e4, 0, [None; 3]);
        }
        let values = [point.p50, point.p95, point.max].map(|ms| Some(digits(ms)));
        charts.push(at(point.slot.index).round() / 1e4, point.samples, values);
        before = Some(point.slot);
    }
    charts
}

impl TimerCharts {
    fn push(&mut self, at: f64, samples: u64, [p50, p95, max]: [Option<f64>; 3]) {
        self.at.push(at);
        self.samples.push(samples);
        self.p50.push(p50);
        self.p95.push(p95);
        self.max.push(max);
    }
}

impl Track {
    fn add(&mut self, name: &str, lines: &[(Slot, &Line)]) -> Tally {
        let mut bad = Tally::default();
        for (slot, line) in lines {
            let Some(text) = line.snapshot.histograms.get(name) else {
                continue;
            };
            self.enter(*slot);
            let decoder = self.decoder.get_or_insert_with(Decoder::new);
            if let Err(error) = decoder.add_to(self.levels[0].bucket.histogram_mut(), text) {
                bad.add(|| {
                    format!(
                        "{}: the histogram of {} is skipped: {error}",
                        line.place,
                        shown(name)
                    )
                });
            }
        }
        bad
    }

    /// Makes the buckets current in which this slot lies.
    fn enter(&mut self, slot: Slot) {
        for (place, times) in LEVELS.into_iter().enumerate() {
            let slot = slot.wider(times);
            // Within a longer bucket that goes on, the shorter one may be over, not the other way round.
            if self.levels[place]
                .slot
                .is_some_and(|current| current != slot)
            {
                self.end(place);
            }
            self.levels[place].slot = Some(slot);
        }
    }

    /// Ends a bucket, and hands what it holds to the longer one that it lies in.
    fn end(&mut self, place: usize) {
        let (these, longer) = self.levels.split_at_mut(place + 1);
        let longer = longer.first_mut().map(|level| &mut level.bucket);
        if let Some(level) = these.last_mut() {
            level.end(longer.unwrap_or(&mut self.all));
        }
    }

    /// Ends what is still open.
    fn close(&mut self) {
        (0..LEVELS.len()).for_each(|place| self.end(place));
    }

    /// The shortest buckets that have enough samples, or still enough of them, and how much longer than the shortest they are.
    fn best_level(&self) -> (&[Point], f64) {
        let all = || self.levels.iter().zip(LEVELS);
        let has_enough = |(level, _): &(&Level, f64)| {
            let samples: f64 = level.over.iter().map(|it| it.samples as f64).sum();
            samples >= ENOUGH * level.over.len() as f64
        };
        let is_visible = |(level, times): &(&Level, f64)| *times <= 1.0 || level.over.len() >= FEW;
        let last = all().rfind(is_visible);
        let best = all().filter(is_visible).find(has_enough).or(last);
        best.map_or((&[], 1.0), |(level, times)| (&level.over, times))
    }
}

impl Level {
    fn end(&mut self, longer: &mut Distribution) {
        let Some(slot) = self.slot.take() else { return };
        let Some(bucket) = self.bucket.histogram() else {
            return;
        };
        let at = |quantile| quantile_ms(bucket, quantile);
        if let (Some(p50), Some(p95), Some(max)) = (at(0.5), at(0.95), max_ms(bucket)) {
            self.over.push(Point {
                slot,
                samples: bucket.len(),
                p50,
                p95,
                max,
            });
        }
        // Both have the same bounds, so that they always fit.
        let _ = longer.histogram_mut().add(bucket);
        self.bucket.histogram_mut().reset();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use base64::Engine as _;
    use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};
    use tachograph::MetricsSnapshot;

    use super::*;
    use crate::lines::Place;

    /// A line of a minute in which the timer `x` took these times, in milliseconds.
    fn line(minute: u32, millis: impl IntoIterator<Item = u64>) -> Line {
        let mut histogram = crate::lines::empty();
        for ms in millis {
            histogram.record(ms * 1_000_000).expect("in range");
        }
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&histogram, &mut bytes)
            .expect("written");
        let text = base64::prelude::BASE64_STANDARD.encode(bytes);
        let snapshot = MetricsSnapshot {
            timestamp: f64::from(minute) * 60.0,
            uptime_seconds: f64::from(minute) * 60.0,
            sequence: u64::from(minute),
            histograms: BTreeMap::from([(Arc::from("x"), text)]),
            ..MetricsSnapshot::default()
        };
        let place = Place {
            path: Arc::from(Path::new("log")),
            number: u64::from(minute),
        };
        Line::link(snapshot, None, place)
    }

    fn slot(index: f64) -> Slot {
        Slot { index, stretch: 0 }
    }

    fn is_near(found: Option<f64>, expected: f64) -> bool {
        found.is_some_and(|found| (found - expected).abs() <= expected * 2e-3)
    }

    #[test]
    fn percentiles_are_of_all_samples_and_not_averaged() {
        // 990 quick samples in one line, 10 slow ones in another: the p95 of all is quick, the mean of both p95 is not.
        let lines = [
            line(1, (0..990).map(|_| 10)),
            line(2, (0..10).map(|_| 1000)),
        ];
        let mut timers = Timers::default();
        timers.add(&[(slot(0.0), &lines[0]), (slot(0.0), &lines[1])]);
        let (charts, summaries, skipped) = timers.finish(300.0, 0.0);
        assert_eq!(skipped, 0);
        let (chart, summary) = (&charts[0], &summaries[0]);
        assert_eq!(
            (chart.samples.as_slice(), summary.count),
            (&[1000][..], 1000)
        );
        for (found, expected) in [
            (chart.p50[0], 10.0),
            (chart.p95[0], 10.0),
            (chart.max[0], 1000.0),
            (Some(summary.p95), 10.0),
            (Some(summary.p99), 10.0),
            (Some(summary.p999), 1000.0),
            (Some(summary.avg), 19.9),
        ] {
            assert!(is_near(found, expected), "{found:?} is not {expected}");
        }
    }

    #[test]
    fn buckets_follow_one_another_and_gaps_are_kept() {
        let full = line(1, 1..=40);
        let mut timers = Timers::default();
        let together = [0.0, 1.0, 4.0].map(slot);
        let later = Slot {
            index: 5.0,
            stretch: 1,
        };
        let placed: Vec<_> = together
            .into_iter()
            .chain([later])
            .map(|slot| (slot, &full))
            .collect();
        timers.add(&placed);
        let (charts, summaries, _) = timers.finish(60.0, 60.0);
        // Nothing at 2 and 3; between 4 and 5 the service did not run.
        assert_eq!(charts[0].at, [-0.5, 0.5, 2.0, 3.5, 4.0, 4.5]);
        let known: Vec<bool> = charts[0].p50.iter().map(Option::is_some).collect();
        assert_eq!(known, [true, true, false, true, false, true]);
        assert_eq!(summaries[0].count, 160);
    }

    #[test]
    fn few_samples_have_longer_buckets_and_all_of_them() {
        let sparse = line(1, [5, 6]);
        let mut timers = Timers::default();
        let placed: Vec<_> = (0..480)
            .map(|index| (slot(f64::from(index)), &sparse))
            .collect();
        timers.add(&placed);
        let (charts, summaries, _) = timers.finish(60.0, 0.0);
        assert!(
            (charts[0].bucket_s - 720.0).abs() < 1e-9,
            "{}",
            charts[0].bucket_s
        );
        assert_eq!(charts[0].samples, [24; 40]);
        assert_eq!((summaries[0].count, charts[0].at[0]), (960, 0.5));
        // A short log rather keeps its points.
        let mut timers = Timers::default();
        timers.add(&placed[..20]);
        let (charts, _, _) = timers.finish(60.0, 0.0);
        assert_eq!(charts[0].samples.len(), 20);
    }
}
