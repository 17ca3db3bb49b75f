//! A histogram on the percentile axis.

use hdrhistogram::Histogram;

use super::data::{Distribution, TimerSummary};

/// Points per nine: enough for a smooth line.
const POINTS_PER_NINE: u32 = 16;

const NANOS_PER_MS: f64 = 1e6;

/// The duration that `quantile` of the samples do not exceed, milliseconds; `None` without samples.
pub(super) fn quantile_ms(histogram: &Histogram<u64>, quantile: f64) -> Option<f64> {
    (!histogram.is_empty()).then(|| histogram.value_at_quantile(quantile) as f64 / NANOS_PER_MS)
}

/// The longest, milliseconds; `None` without samples.
pub(super) fn max_ms(histogram: &Histogram<u64>) -> Option<f64> {
    (!histogram.is_empty()).then(|| histogram.max() as f64 / NANOS_PER_MS)
}

/// The whole histogram, up to the percentile that its last sample stands for: with 1000 samples the 99.9th.
pub(super) fn distribution(histogram: &Histogram<u64>) -> Distribution {
    let mut found = Distribution::default();
    if histogram.is_empty() {
        return found;
    }
    let last = (histogram.len() as f64).log10();
    let points = (0..).map(|point| f64::from(point) / f64::from(POINTS_PER_NINE));
    for nines in points.take_while(|nines| *nines < last).chain([last]) {
        // `1 - 10^-nines`, without losing the digits of a small rest.
        let quantile = -(-nines * std::f64::consts::LN_10).exp_m1();
        found.nines.push((nines * 1e4).round() / 1e4);
        found
            .ms
            .push(histogram.value_at_quantile(quantile) as f64 / NANOS_PER_MS);
    }
    if let (Some(longest), Some(max)) = (found.ms.last_mut(), max_ms(histogram)) {
        *longest = max;
    }
    found
}

/// What the tables say of a histogram; `None` without samples.
pub(super) fn summary(name: &str, histogram: &Histogram<u64>) -> Option<TimerSummary> {
    let at = |quantile| quantile_ms(histogram, quantile);
    Some(TimerSummary {
        name: name.to_owned(),
        count: histogram.len(),
        avg: histogram.mean() / NANOS_PER_MS,
        p50: at(0.5)?,
        p95: at(0.95)?,
        p99: at(0.99)?,
        p999: at(0.999)?,
        max: max_ms(histogram)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(millis: impl IntoIterator<Item = u64>) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_bounds(1000, 3_600_000_000_000, 3).expect("sound");
        for ms in millis {
            histogram.record(ms * 1_000_000).expect("in range");
        }
        histogram
    }

    #[test]
    fn the_axis_ends_where_the_samples_end() {
        let found = distribution(&histogram(1..=1000));
        assert_eq!(found.nines.first(), Some(&0.0));
        assert_eq!(found.nines.last(), Some(&3.0));
        assert!(found.nines.is_sorted() && found.ms.is_sorted());
        let at = |nines: f64| {
            let place = found.nines.iter().position(|it| *it >= nines);
            found.ms[place.expect("on the axis")]
        };
        for (nines, expected) in [(0.0, 1.0), (1.0, 900.0), (2.0, 990.0), (3.0, 1000.0)] {
            let error = (at(nines) - expected).abs() / expected;
            assert!(error < 2e-3, "{nines}: {} is not {expected}", at(nines));
        }
    }

    #[test]
    fn one_sample_is_all_there_is_to_say() {
        let found = distribution(&histogram([7]));
        assert_eq!(found.nines, [0.0]);
        assert!((found.ms[0] - 7.0).abs() < 0.01, "{found:?}");
        assert!(distribution(&histogram([])).ms.is_empty());
        assert!(summary("x", &histogram([])).is_none());
    }
}
