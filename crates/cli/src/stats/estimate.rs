//! A statistic of a timer with the interval that its true value lies in.

use hdrhistogram::Histogram;
use tachograph::Statistic;

use super::Z;
use super::ranks::ranks;
use crate::lines::{Distribution, millis};

/// Samples from which on the mean is taken to be normal.
const ENOUGH_FOR_A_MEAN: u64 = 30;

/// A number and its 95 % interval, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    /// The number itself.
    pub(crate) value: f64,
    /// Where the interval begins; 0 where nothing bounds it.
    pub(crate) low: f64,
    /// Where it ends; infinite where nothing bounds it.
    pub(crate) high: f64,
}

impl Estimate {
    /// A number that is known.
    pub(crate) const fn exact(value: f64) -> Self {
        Self {
            value,
            low: value,
            high: value,
        }
    }

    /// A statistic of what a timer recorded; `None` without samples. The shortest and the longest are what they are.
    pub(crate) fn of(distribution: &Distribution, statistic: Statistic) -> Option<Self> {
        let histogram = distribution.histogram()?;
        Some(match statistic {
            Statistic::Avg => mean(histogram),
            Statistic::Min => Self::exact(millis(histogram.min())),
            Statistic::Max => Self::exact(millis(histogram.max())),
            Statistic::P50 => quantile(histogram, 0.5),
            Statistic::P95 => quantile(histogram, 0.95),
            Statistic::P99 => quantile(histogram, 0.99),
        })
    }

    /// Whether there is any uncertainty in it.
    pub(crate) fn is_exact(&self) -> bool {
        self.low >= self.high
    }
}

/// The central limit theorem's interval: the mean, and 1.96 standard errors to either side.
fn mean(histogram: &Histogram<u64>) -> Estimate {
    let n = histogram.len();
    let value = histogram.mean() / 1e6;
    if n < ENOUGH_FOR_A_MEAN {
        return Estimate {
            value,
            low: 0.0,
            high: f64::INFINITY,
        };
    }
    let error = histogram.stdev() / 1e6 / ((n - 1) as f64).sqrt();
    Estimate {
        value,
        low: (value - Z * error).max(0.0),
        high: value + Z * error,
    }
}

/// By order statistics; each bound is taken from the outer end of its cell, so that the histogram's digits are in the interval.
fn quantile(histogram: &Histogram<u64>, p: f64) -> Estimate {
    let (low, high) = ranks(histogram.len(), p);
    let mut estimate = Estimate {
        value: millis(histogram.value_at_quantile(p)),
        low: 0.0,
        high: f64::INFINITY,
    };
    let (mut seen, mut low) = (0_u64, low);
    for cell in histogram.iter_recorded() {
        seen = seen.saturating_add(cell.count_at_value());
        let value = cell.value_iterated_to();
        if low.is_some_and(|low| seen >= low) {
            estimate.low = millis(histogram.lowest_equivalent(value));
            low = None;
        }
        if high.is_some_and(|high| seen >= high) {
            estimate.high = millis(histogram.highest_equivalent(value));
            break;
        }
    }
    estimate
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(millis: impl IntoIterator<Item = u64>, statistic: Statistic) -> Option<Estimate> {
        let mut distribution = Distribution::new();
        for millis in millis {
            let histogram = distribution.histogram_mut();
            histogram.record(millis * 1_000_000).expect("in range");
        }
        Estimate::of(&distribution, statistic)
    }

    #[test]
    fn a_percentile_lies_between_two_samples() {
        let found = of(1..=100, Statistic::P50).expect("samples");
        for (found, expected) in [(found.value, 50.0), (found.low, 40.0), (found.high, 61.0)] {
            assert!(
                (found - expected).abs() <= expected * 1e-3,
                "{found}, {expected}"
            );
        }
        assert!(found.low <= 40.0 && found.high >= 61.0);
    }

    #[test]
    fn too_few_samples_bound_nothing() {
        let p95 = of(1..=71, Statistic::P95).expect("samples");
        assert!(p95.high.is_infinite() && p95.low > 60.0, "{p95:?}");
        let avg = of(1..=29, Statistic::Avg).expect("samples");
        assert!(avg.high.is_infinite(), "{avg:?}");
        assert_eq!(of([], Statistic::P95), None);
        assert!(of([7], Statistic::Max).is_some_and(|it| it.is_exact()));
    }

    #[test]
    fn a_mean_has_its_standard_error() {
        let found = of((1..=100).map(|n| n * 10), Statistic::Avg).expect("samples");
        // numpy: mean 505, std(ddof=1) 290.1149, so 1.96 standard errors are 56.86.
        assert!((found.value - 505.0).abs() < 0.5, "{found:?}");
        assert!((found.high - found.value - 56.86).abs() < 0.1, "{found:?}");
    }
}
