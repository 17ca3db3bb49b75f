//! The interval of a change, from the intervals of what changed.
//!
//! By MOVER, the method of variance estimates recovery (Zou and Donner 2008, Statistics in Medicine 27, 1693): each bound of the
//! difference recovers the variance of both numbers from that bound of theirs which is on its side. It keeps their asymmetry,
//! which a percentile's interval has.

use super::Estimate;

/// By how much `b` is more than `a`.
pub(crate) fn difference(a: Estimate, b: Estimate) -> Estimate {
    let value = b.value - a.value;
    Estimate {
        value,
        low: value - (b.value - b.low).hypot(a.high - a.value),
        high: value + (b.high - b.value).hypot(a.value - a.low),
    }
}

/// By how much `b` is more than `a`, in percent of `a`: the difference of their logarithms. From nothing to something it is
/// infinite. `None` where an uncertain number is 0.
pub(crate) fn relative(a: Estimate, b: Estimate) -> Option<Estimate> {
    if a.value <= 0.0 || b.value <= 0.0 {
        // 0 has no logarithm.
        return match (a.is_exact() && b.is_exact(), a.value, b.value) {
            (true, 0.0, 0.0) => Some(Estimate::exact(0.0)),
            (true, from, 0.0) if from > 0.0 => Some(Estimate::exact(-100.0)),
            (true, 0.0, to) if to > 0.0 => Some(Estimate::exact(f64::INFINITY)),
            _ => None,
        };
    }
    let change = difference(a.ln(), b.ln());
    let percent = |log: f64| log.exp_m1() * 100.0;
    Some(Estimate {
        value: percent(change.value),
        low: percent(change.low),
        high: percent(change.high),
    })
}

impl Estimate {
    fn ln(self) -> Self {
        Self {
            value: self.value.ln(),
            low: self.low.ln(),
            high: self.high.ln(),
        }
    }

    /// Whether 0 is outside of its interval.
    pub(crate) fn excludes_zero(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(low: f64, value: f64, high: f64) -> Estimate {
        Estimate { value, low, high }
    }

    #[test]
    fn each_bound_takes_the_sides_that_it_is_made_of() {
        // 3-4-5 and 5-12-13.
        let found = difference(estimate(88.0, 100.0, 104.0), estimate(147.0, 150.0, 155.0));
        assert_eq!(found, estimate(45.0, 50.0, 63.0));
        assert!(found.excludes_zero());
    }

    #[test]
    fn a_side_without_bound_leaves_the_change_without_one() {
        let open = estimate(90.0, 100.0, f64::INFINITY);
        let found = difference(open, estimate(99.0, 100.0, 101.0));
        assert!(found.low.is_infinite() && found.high.is_finite());
        assert!(!found.excludes_zero());
        let found = relative(estimate(0.0, 5.0, 6.0), estimate(5.0, 5.0, 5.0)).expect("above 0");
        assert!(found.high.is_infinite() && found.low > -20.0, "{found:?}");
    }

    #[test]
    fn percents_are_of_the_first() {
        let found = relative(Estimate::exact(80.0), Estimate::exact(100.0)).expect("above 0");
        assert!((found.value - 25.0).abs() < 1e-9);
        let none = Estimate::exact(0.0);
        assert_eq!(relative(none, none), Some(none));
        let endless = Some(Estimate::exact(f64::INFINITY));
        assert_eq!(relative(none, Estimate::exact(1.0)), endless);
        assert_eq!(relative(none, estimate(0.0, 1.0, 2.0)), None);
        assert_eq!(
            relative(Estimate::exact(1.0), none),
            Some(Estimate::exact(-100.0))
        );
    }
}
