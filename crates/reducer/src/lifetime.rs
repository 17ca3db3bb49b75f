//! What one timer did since the start: exact count and sum, and a histogram.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};

use crate::snapshot::LifetimeStats;

/// The shortest duration that the histograms tell apart, nanoseconds: 1 us.
pub const LOWEST_NANOS: u64 = 1_000;
/// The longest duration that the histograms hold, nanoseconds: 1 h.
pub const HIGHEST_NANOS: u64 = 3_600_000_000_000;
/// Significant decimal digits that the histograms keep.
pub const SIGNIFICANT_DIGITS: u8 = 3;

/// Statistics of one timer since the start, and the histogram of the current log interval.
#[derive(Debug)]
pub(crate) struct Lifetime {
    /// Samples recorded, read or not.
    count: u64,
    /// Sum of their durations in clock ticks.
    ticks: u128,
    out_of_range: u64,
    /// Nanoseconds. Holds every sample that was read.
    histogram: Histogram<u64>,
    /// What `histogram` was at the last log line; the interval is the difference, so that a sample is
    /// recorded once.
    taken: Histogram<u64>,
    /// The percentiles as last computed.
    stats: LifetimeStats,
}

impl Lifetime {
    pub(crate) fn new() -> Self {
        Self {
            count: 0,
            ticks: 0,
            out_of_range: 0,
            histogram: histogram(),
            taken: histogram(),
            stats: LifetimeStats::default(),
        }
    }

    /// Takes in what one ring gained: how many samples, and the sum of their ticks.
    pub(crate) fn add(&mut self, count: u64, ticks: u128) {
        self.count += count;
        self.ticks += ticks;
    }

    /// Takes in a sample that was read, in nanoseconds.
    pub(crate) fn record(&mut self, nanos: u64) {
        let held = nanos.clamp(LOWEST_NANOS, HIGHEST_NANOS);
        self.out_of_range += u64::from(held != nanos);
        self.histogram.saturating_record(held);
    }

    /// Computes the percentiles anew, if anything was recorded since.
    pub(crate) fn refresh(&mut self) {
        let counted = self.histogram.len();
        if counted == self.stats.counted {
            return;
        }
        let millis = |quantile| Some(self.histogram.value_at_quantile(quantile) as f64 / 1e6);
        self.stats.counted = counted;
        self.stats.p50 = millis(0.5);
        self.stats.p95 = millis(0.95);
        self.stats.p99 = millis(0.99);
        self.stats.p999 = millis(0.999);
    }

    pub(crate) fn stats(&self, nanos_per_tick: f64) -> LifetimeStats {
        LifetimeStats {
            count: self.count,
            sum_ms: self.ticks as f64 * nanos_per_tick / 1e6,
            out_of_range: self.out_of_range,
            ..self.stats
        }
    }

    /// What was recorded since the last line as HdrHistogram V2 (compressed, base64); for a line, it counts as taken from now on.
    /// `None` without samples.
    ///
    /// `scratch` is any histogram made by [`histogram`]; making one for each call would cost more than all the rest.
    pub(crate) fn interval(
        &mut self,
        scratch: &mut Histogram<u64>,
        for_a_line: bool,
    ) -> Option<String> {
        if self.histogram.len() == self.taken.len() {
            return None;
        }
        // None of these can fail: the bounds are the same and fit the format, and counts only grow from call to call.
        scratch.set_to(&self.histogram).ok()?;
        scratch.subtract(&self.taken).ok()?;
        if for_a_line {
            self.taken.add(&*scratch).ok()?;
        }
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(scratch, &mut bytes)
            .ok()?;
        Some(STANDARD.encode(bytes))
    }

    pub(crate) fn clear(&mut self) {
        self.count = 0;
        self.ticks = 0;
        self.out_of_range = 0;
        self.histogram.reset();
        self.taken.reset();
        self.stats = LifetimeStats::default();
    }
}

/// An empty histogram of nanoseconds.
#[expect(clippy::expect_used)]
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(LOWEST_NANOS, HIGHEST_NANOS, SIGNIFICANT_DIGITS)
        .expect("constant bounds are valid")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::serialization::Deserializer;

    #[test]
    fn out_of_range_values_are_clamped_and_counted() {
        let mut lifetime = Lifetime::new();
        for nanos in [
            0,
            999,
            1_000,
            5_000_000,
            HIGHEST_NANOS,
            HIGHEST_NANOS + 1,
            u64::MAX,
        ] {
            lifetime.record(nanos);
        }
        lifetime.refresh();
        let stats = lifetime.stats(1.0);
        assert_eq!((stats.counted, stats.out_of_range), (7, 4));
        assert!((stats.p50.expect("there are samples") - 3_600_000.0).abs() > 1.0);
        assert!((stats.p999.expect("there are samples") - 3_600_000.0).abs() < 3_600.0);
    }

    #[test]
    fn percentiles_keep_three_digits() {
        let mut lifetime = Lifetime::new();
        (1..=10_000).for_each(|micros| lifetime.record(micros * 1_000));
        lifetime.refresh();
        let stats = lifetime.stats(1.0);
        for (found, expected) in [
            (stats.p50, 5.0),
            (stats.p95, 9.5),
            (stats.p99, 9.9),
            (stats.p999, 9.99),
        ] {
            let found = found.expect("there are samples");
            assert!(
                (found - expected).abs() <= expected * 1e-3,
                "{found} is not {expected}"
            );
        }
    }

    #[test]
    fn intervals_merge_to_the_lifetime() {
        let mut lifetime = Lifetime::new();
        let (mut scratch, mut merged) = (histogram(), histogram());
        assert_eq!(lifetime.interval(&mut scratch, true), None);
        for interval in 1..=3 {
            (1..=100).for_each(|n| lifetime.record(n * interval * 10_000));
            // Looking at what the interval holds so far takes nothing.
            let so_far = lifetime.interval(&mut scratch, false);
            let line = lifetime.interval(&mut scratch, true);
            assert_eq!(line, so_far);
            let line = line.expect("there are samples");
            let bytes = STANDARD.decode(line).expect("it is base64");
            let decoded: Histogram<u64> = Deserializer::new()
                .deserialize(&mut bytes.as_slice())
                .expect("it is V2");
            merged.add(decoded).expect("the bounds are equal");
        }
        assert_eq!(merged, lifetime.histogram);
    }

    #[test]
    fn no_samples_are_no_percentiles() {
        let mut lifetime = Lifetime::new();
        lifetime.record(5);
        lifetime.clear();
        lifetime.refresh();
        assert_eq!(lifetime.stats(1.0), LifetimeStats::default());
    }
}
