//! The time axis: lines into buckets, and what each bucket says besides durations.

use tachograph::MetricsSnapshot;

use super::data::{Charts, Figures, OUTCOMES};
use super::interruptions::{Interruptions, outage};
use crate::lines::Line;

/// Buckets that a chart has at most, gaps apart.
const MOST: f64 = 600.0;

/// Widths that people find natural, in seconds. Above the last, whole days.
const WIDTHS: [f64; 19] = [
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0,
    7200.0, 10_800.0, 21_600.0, 43_200.0,
];
const DAY: f64 = 86_400.0;

/// Timestamps after the year 9999 are none.
const LATEST: f64 = 253_402_300_799.0;

/// No line covers three years.
const MOST_COVERED: f64 = 1e8;

/// Whether a line says when it was written.
pub(super) fn has_time(snapshot: &MetricsSnapshot) -> bool {
    is_time(snapshot.timestamp)
}

/// Whether this is a time after 1970, Unix seconds.
pub(super) fn is_time(seconds: f64) -> bool {
    seconds > 0.0 && seconds <= LATEST
}

/// Seconds that a line covers. One that claims decades is not ours, and must not stretch the axis.
pub(super) fn covered(line: &Line) -> f64 {
    line.interval_s
        .filter(|seconds| *seconds < MOST_COVERED)
        .unwrap_or(0.0)
}

/// When what a line covers began, Unix seconds.
pub(super) fn begins(line: &Line) -> f64 {
    line.snapshot.timestamp - covered(line)
}

/// The width of a bucket for this many seconds, of which a line covers `interval`: one narrower than a line would be empty.
pub(super) fn width(seconds: f64, interval: f64) -> f64 {
    let least = (seconds / MOST).max(interval * 0.99);
    let natural = WIDTHS.into_iter().find(|width| *width >= least);
    natural.unwrap_or_else(|| (least / DAY).ceil() * DAY)
}

/// A mean of what is known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mean {
    sum: f64,
    count: u32,
}

impl Mean {
    pub(super) fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.count += 1;
        }
    }

    pub(super) fn get(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }
}

/// What the lines of a bucket say together.
#[derive(Debug, Default)]
struct Bucket {
    /// Which it is, counted in widths since 1970.
    index: f64,
    outcomes: [u64; OUTCOMES.len()],
    covered_s: f64,
    machine: [Mean; 4],
    observed_s: f64,
    down_s: f64,
}

/// A bucket's place in time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slot {
    /// Counted in widths since 1970.
    pub(super) index: f64,
    /// Gaps before it.
    pub(super) stretch: usize,
}

impl Slot {
    /// The bucket that is this many times as wide.
    pub(super) fn wider(self, times: f64) -> Self {
        Self {
            index: (self.index / times).floor(),
            ..self
        }
    }
}

/// The lines so far.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    width: f64,
    current: Option<Bucket>,
    stretch: usize,
    /// The lists by time; those of the timers are added by who has them.
    charts: Charts,
    figures: Figures,
    interruptions: Interruptions,
    process_cpu: Mean,
    cpu: Mean,
    overhead: Mean,
}

impl Timeline {
    pub(super) fn new(width: f64) -> Self {
        Self {
            width,
            ..Self::default()
        }
    }

    /// Adds a line and returns the bucket where it belongs; `None` for a line without a time.
    pub(super) fn add(&mut self, line: &Line) -> Option<Slot> {
        if !has_time(&line.snapshot) {
            self.figures.losses.lines_without_time += 1;
            return None;
        }
        let interval = covered(line);
        let middle = line.snapshot.timestamp - interval / 2.0;
        let is_first = self.figures.lines == 0;
        if is_first {
            self.charts.start = begins(line);
            self.charts.end = line.snapshot.timestamp;
        }
        self.charts.start = self.charts.start.min(begins(line));
        self.charts.end = self.charts.end.max(line.snapshot.timestamp);
        self.enter((middle / self.width).floor(), line, is_first);
        self.figures(line, is_first);
        self.observe(line, is_first);
        let index = self.current.as_ref()?.index;
        Some(Slot {
            index,
            stretch: self.stretch,
        })
    }

    /// Makes the bucket of this index the current one.
    fn enter(&mut self, index: f64, line: &Line, is_first: bool) {
        let Some(current) = &mut self.current else {
            self.current = Some(Bucket::at(index));
            return;
        };
        #[expect(clippy::float_cmp)] // Both are whole.
        if current.index == index {
            return;
        }
        if let Some((from, to)) = outage(line) {
            // As far as it lies in the bucket that ends.
            let end = (current.index + 1.0) * self.width;
            let here = (to.min(end) - from).max(0.0);
            current.observed_s += here;
            current.down_s += here;
        }
        let went_back = index < current.index;
        let between = (current.index + index + 1.0) / 2.0 * self.width;
        let gap = line.previous.as_ref().is_some_and(|previous| {
            !is_first && begins(line) - previous.timestamp > self.width / 2.0
        });
        self.close();
        if gap || went_back {
            self.charts.push_gap(between);
            self.stretch += 1;
        }
        self.current = Some(Bucket::at(index));
    }

    fn close(&mut self) {
        let Some(bucket) = self.current.take() else {
            return;
        };
        let charts = &mut self.charts;
        charts.time.push((bucket.index + 0.5) * self.width);
        let minutes = bucket.covered_s / 60.0;
        for (list, frames) in charts.outcomes.lists().into_iter().zip(bucket.outcomes) {
            list.push((minutes > 0.0).then(|| digits(frames as f64 / minutes)));
        }
        for (list, mean) in charts.machine.lists().into_iter().zip(bucket.machine) {
            list.push(mean.get().map(digits));
        }
        let up = 1.0 - bucket.down_s / bucket.observed_s;
        charts
            .availability
            .push((bucket.observed_s > 0.0).then(|| digits(100.0 * up.clamp(0.0, 1.0))));
    }

    /// Adds to the figures of all lines, and to the current bucket.
    fn figures(&mut self, line: &Line, is_first: bool) {
        let (snapshot, figures) = (&line.snapshot, &mut self.figures);
        let interval = covered(line);
        figures.lines += 1;
        figures.runs += u64::from(is_first || line.starts_run);
        figures.covered_s += interval;
        let back = |previous: &std::sync::Arc<MetricsSnapshot>| {
            has_time(previous) && snapshot.timestamp < previous.timestamp
        };
        figures.losses.clock_set_back +=
            u64::from(!is_first && line.previous.as_ref().is_some_and(back));
        let gained = |read: fn(&MetricsSnapshot) -> u64| {
            line.increase(|snapshot| Some(read(snapshot))).unwrap_or(0)
        };
        add(&mut figures.frames, gained(|it| it.frames_processed));
        add(&mut figures.motion, gained(|it| it.motion_detected));
        add(
            &mut figures.losses.overwritten,
            gained(|it| it.samples_overwritten),
        );
        add(
            &mut figures.losses.rejected,
            gained(|it| it.samples_rejected),
        );
        add(&mut figures.losses.log_errors, gained(|it| it.log_errors));
        add(
            &mut figures.losses.untraced,
            gained(|it| it.frames_untraced),
        );
        let outcomes = [
            gained(|it| it.frames_idle),
            gained(|it| it.frames_motion),
            gained(|it| it.events_suppressed),
            gained(|it| it.events_created),
            gained(|it| it.frames_failed),
        ];
        self.cpu.add(snapshot.cpu_usage_current);
        self.process_cpu.add(snapshot.process_cpu_usage);
        self.overhead
            .add(snapshot.metrics_collection_overhead_percent);
        figures.process_memory_peak = figures
            .process_memory_peak
            .into_iter()
            .chain(snapshot.process_memory_mb)
            .reduce(f64::max);
        let Some(bucket) = &mut self.current else {
            return;
        };
        bucket.covered_s += interval;
        for ((all, here), gained) in figures
            .outcomes
            .iter_mut()
            .zip(&mut bucket.outcomes)
            .zip(outcomes)
        {
            add(all, gained);
            add(here, gained);
        }
        let machine = [
            snapshot.cpu_usage_current,
            snapshot.process_cpu_usage,
            snapshot.memory_usage_mb,
            snapshot.process_memory_mb,
        ];
        for (mean, value) in bucket.machine.iter_mut().zip(machine) {
            mean.add(value);
        }
    }

    /// Adds what the line says of being up and down. An outage lies before the line, so also in the bucket before.
    fn observe(&mut self, line: &Line, is_first: bool) {
        let observed = line.carried(|it| it.observed_seconds).unwrap_or(0.0);
        let down = line.carried(|it| it.downtime_seconds).unwrap_or(0.0);
        self.figures.observed_s += observed;
        self.figures.down_s += down;
        let lost = outage(line);
        let outage_s = lost.map_or(0.0, |(from, to)| to - from);
        let stalled = (down - outage_s).max(0.0);
        // Before the first line lies what has no place in the charts.
        let lost = lost.filter(|_| !is_first);
        if let Some(bucket) = &mut self.current {
            let start = bucket.index * self.width;
            let here = lost.map_or(0.0, |(from, to)| (to - from.max(start)).max(0.0));
            bucket.observed_s += (observed - outage_s).max(0.0) + here;
            bucket.down_s += stalled + here;
        }
        self.interruptions.add(line, lost, stalled, is_first);
    }

    /// Everything, but for the timers.
    pub(super) fn finish(mut self) -> (Charts, Figures) {
        self.close();
        self.charts.bucket_s = self.width;
        self.charts.interruptions = self.interruptions.finish();
        self.figures.cpu_mean = self.cpu.get();
        self.figures.process_cpu_mean = self.process_cpu.get();
        self.figures.overhead_mean = self.overhead.get();
        (self.charts, self.figures)
    }
}

impl Bucket {
    fn at(index: f64) -> Self {
        Self {
            index,
            ..Self::default()
        }
    }
}

impl Charts {
    /// A bucket in which nothing is known.
    fn push_gap(&mut self, time: f64) {
        self.time.push(time);
        for list in self.outcomes.lists() {
            list.push(None);
        }
        for list in self.machine.lists() {
            list.push(None);
        }
        self.availability.push(None);
    }
}

/// Adds to a count; a log may claim more than can be counted.
fn add(count: &mut u64, more: u64) {
    *count = count.saturating_add(more);
}

/// Four digits are more than a chart shows, and keep the page small.
pub(super) fn digits(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    #[expect(clippy::cast_possible_truncation)]
    let scale = 10_f64.powi(3 - value.abs().log10().floor() as i32);
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() { rounded } else { value }
}

#[cfg(test)]
mod tests {
    use super::super::data::Kind;
    use super::*;

    #[test]
    fn a_month_of_minutes_has_natural_buckets() {
        for (seconds, interval, expected) in [
            (3600.0, 60.0, 60.0),
            (DAY, 60.0, 300.0),
            (30.0 * DAY, 60.0, 7200.0),
            (20.0, 0.5, 0.5),
            (2.0, 0.1, 0.1),
            (10.0 * 365.0 * DAY, 60.0, 7.0 * DAY),
        ] {
            let found = width(seconds, interval);
            assert!((found - expected).abs() < 1e-9, "{seconds} s: {found}");
        }
    }

    #[test]
    fn four_digits_are_kept() {
        for (value, expected) in [
            (0.0, 0.0),
            (123_456.0, 123_500.0),
            (0.001_234_56, 0.001_235),
            (99.999, 100.0),
        ] {
            assert!(
                (digits(value) - expected).abs() <= expected * 1e-12,
                "{value}"
            );
        }
        assert!(digits(f64::MIN_POSITIVE).is_finite());
    }

    fn line(timestamp: f64, uptime: f64, down: f64, before: Option<&Line>) -> Line {
        let snapshot = MetricsSnapshot {
            timestamp,
            uptime_seconds: uptime,
            observed_seconds: timestamp,
            downtime_seconds: down,
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            sequence: uptime as u64,
            ..MetricsSnapshot::default()
        };
        let place = crate::lines::Place {
            path: std::sync::Arc::from(std::path::Path::new("log")),
            number: 1,
        };
        Line::link(snapshot, before, place)
    }

    #[test]
    fn an_outage_counts_in_every_bucket_that_it_reaches_into() {
        let mut timeline = Timeline::new(600.0);
        let mut last: Option<Line> = None;
        let mut add = |timestamp: f64, uptime: f64, down: f64| {
            let line = line(timestamp, uptime, down, last.as_ref());
            let slot = timeline.add(&line).expect("a time");
            last = Some(line);
            slot
        };
        for minute in 1..10 {
            add(f64::from(minute) * 60.0, f64::from(minute) * 60.0, 0.0);
        }
        // Away from 540 to 1500, and stalled for 20 s of the minute after.
        let after = add(1560.0, 60.0, 980.0);
        assert_eq!((after.index, after.stretch), (2.0, 1));
        let (charts, figures) = timeline.finish();
        assert_eq!(charts.time, [300.0, 900.0, 1500.0]);
        let expected = [Some(90.0), None, Some(100.0 * 40.0 / 360.0)];
        for (found, expected) in charts.availability.iter().zip(expected) {
            match (found, expected) {
                (Some(found), Some(expected)) => assert!((found - expected).abs() < 0.01),
                (found, expected) => assert_eq!(*found, expected),
            }
        }
        let kinds: Vec<_> = charts
            .interruptions
            .iter()
            .map(|it| (it.kind, it.seconds))
            .collect();
        assert_eq!(kinds, [(Kind::Outage, 960.0), (Kind::Stall, 20.0)]);
        let availability = figures.availability().expect("known");
        assert!((availability - 100.0 * 580.0 / 1560.0).abs() < 1e-9);
        assert_eq!((figures.lines, figures.runs), (10, 2));
    }
}
