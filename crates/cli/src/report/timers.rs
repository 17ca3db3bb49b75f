//! The histograms of all timers, merged bucket by bucket and over all.

use std::collections::BTreeMap;
use std::sync::Arc;

use hdrhistogram::Histogram;
use rayon::prelude::*;
use tachograph::BUILT_IN_TIMERS;

use super::data::{TimerCharts, TimerSummary};
use super::distribution::{distribution, max_ms, quantile_ms, summary};
use super::shown;
use super::timeline::digits;
use crate::lines::{Decoder, Line, Tally};

/// Timers that are kept at most, so that a log that is not ours cannot fill the memory.
const MOST: usize = 256;
/// Timers that have charts.
const MOST_CHARTS: usize = 48;

/// All timers so far.
#[derive(Default)]
pub(super) struct Timers {
    all: BTreeMap<Arc<str>, Track>,
    bad: Tally,
    left_out: Tally,
}

/// One timer. The histogram of a bucket is added to that of all when the bucket is over.
#[derive(Default)]
struct Track {
    all: Sum,
    bucket: Sum,
    place: usize,
    decoder: Option<Decoder>,
    over_time: Vec<Point>,
}

/// A histogram, once there is something to hold.
#[derive(Default)]
struct Sum(Option<Box<Histogram<u64>>>);

/// A bucket's percentiles.
struct Point {
    place: usize,
    samples: u64,
    p50: f64,
    p95: f64,
    max: f64,
}

impl Timers {
    /// Adds lines, each with the place of its bucket in the lists by time: several timers at once, each in the lines' order.
    pub(super) fn add(&mut self, lines: &[(usize, &Line)]) {
        for (_, line) in lines {
            for name in line.snapshot.histograms.keys() {
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

    /// Charts by time with `places` entries, and summaries: the built-in timers in their order, then the others by name. Says on
    /// standard error what could not be used, and returns how many histograms that were.
    pub(super) fn finish(mut self, places: usize) -> (Vec<TimerCharts>, Vec<TimerSummary>, u64) {
        self.bad.warn("more histograms are skipped");
        self.left_out.warn("more timers are left out");
        let built_in = BUILT_IN_TIMERS
            .iter()
            .filter_map(|name| self.all.remove_entry(*name));
        let mut ordered: Vec<_> = built_in.collect();
        ordered.extend(self.all);
        let (mut charts, mut summaries) = (Vec::new(), Vec::new());
        for (name, mut track) in ordered {
            track.close();
            let Some(all) = track.all.0 else { continue };
            let Some(summary) = summary(&shown(&name), &all) else {
                continue;
            };
            if charts.len() < MOST_CHARTS {
                charts.push(charted(&track.over_time, places, &all));
            }
            summaries.push(summary);
        }
        (charts, summaries, self.bad.count())
    }
}

fn charted(points: &[Point], places: usize, all: &Histogram<u64>) -> TimerCharts {
    let mut charts = TimerCharts {
        samples: vec![0; places],
        p50: vec![None; places],
        p95: vec![None; places],
        max: vec![None; places],
        distribution: distribution(all),
        limits: Vec::new(),
    };
    for point in points {
        let values = [
            (&mut charts.p50, point.p50),
            (&mut charts.p95, point.p95),
            (&mut charts.max, point.max),
        ];
        for (list, value) in values {
            if let Some(entry) = list.get_mut(point.place) {
                *entry = Some(digits(value));
            }
        }
        if let Some(samples) = charts.samples.get_mut(point.place) {
            *samples = point.samples;
        }
    }
    charts
}

impl Track {
    fn add(&mut self, name: &str, lines: &[(usize, &Line)]) -> Tally {
        let mut bad = Tally::default();
        for (place, line) in lines {
            let Some(text) = line.snapshot.histograms.get(name) else {
                continue;
            };
            if *place != self.place {
                self.close();
                self.place = *place;
            }
            let decoder = self.decoder.get_or_insert_with(Decoder::new);
            if let Err(error) = decoder.add_to(self.bucket.get(), text) {
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

    /// Ends the bucket.
    fn close(&mut self) {
        let Some(bucket) = self.bucket.0.as_mut().filter(|bucket| !bucket.is_empty()) else {
            return;
        };
        let at = |quantile| quantile_ms(bucket, quantile);
        if let (Some(p50), Some(p95), Some(max)) = (at(0.5), at(0.95), max_ms(bucket)) {
            self.over_time.push(Point {
                place: self.place,
                samples: bucket.len(),
                p50,
                p95,
                max,
            });
        }
        // Both have the same bounds, so that they always fit.
        let _ = self.all.get().add(bucket.as_ref());
        bucket.reset();
    }
}

impl Sum {
    fn get(&mut self) -> &mut Histogram<u64> {
        self.0
            .get_or_insert_with(|| Box::new(crate::lines::empty()))
    }
}
