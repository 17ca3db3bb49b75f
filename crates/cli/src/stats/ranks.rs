//! Between which order statistics a percentile lies.
//!
//! Of n independent samples, the number that do not exceed the true p-quantile is binomial (n, p). So the quantile lies between
//! the samples of ranks l and u with the probability that this number is at least l and below u, whatever the distribution is
//! (David and Nagaraja, *Order Statistics*, 3rd ed., section 7.1; Hahn and Meeker, *Statistical Intervals*, section 5.2).

use statrs::distribution::{Binomial, DiscreteCDF};

use super::{CONFIDENCE, Z};

/// Samples up to which the binomial distribution itself is asked. The crate's sum does not converge for millions; from here on
/// the approximation is at most one rank off (see the tests), and ranks lie close together.
const EXACT_UP_TO: u64 = 2000;

/// The ranks, from 1, between which the quantile `p` of `n` samples lies with at least 95 %: with at most 2.5 % each, it is below
/// the lower or above the upper one. `None` where there are too few samples for a bound on that side.
pub(super) fn ranks(n: u64, p: f64) -> (Option<u64>, Option<u64>) {
    if n == 0 {
        return (None, None);
    }
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let exact = Binomial::new(p, n).ok().filter(|_| n <= EXACT_UP_TO);
    let (low, high) = match exact {
        Some(binomial) => (binomial.inverse_cdf(tail), binomial.inverse_cdf(1.0 - tail)),
        None => (cornish_fisher(n, p, -Z), cornish_fisher(n, p, Z)),
    };
    let high = high.saturating_add(1);
    ((low >= 1).then_some(low), (high <= n).then_some(high))
}

/// The smallest number whose cumulated binomial probability is that of the normal quantile `z`: the normal approximation with
/// its first term for skewness (Cornish and Fisher 1938), and half a step because the numbers are whole.
fn cornish_fisher(n: u64, p: f64, z: f64) -> u64 {
    let mean = n as f64 * p;
    let deviation = (mean * (1.0 - p)).sqrt();
    let skewness = (z * z - 1.0) * (1.0 - 2.0 * p) / 6.0;
    let number = (mean + z * deviation + skewness - 0.5).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let number = number.max(0.0) as u64; // Saturates.
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    /// n, p, and both ranks (0: none) by scipy 1.17.1: `binom.ppf(0.025, n, p)` and `binom.ppf(0.975, n, p) + 1`.
    const BY_SCIPY: &[(u64, f64, u64, u64)] = &[
        (1, 0.5, 0, 0),
        (1, 0.95, 0, 0),
        (1, 0.99, 1, 0),
        (2, 0.5, 0, 0),
        (2, 0.95, 1, 0),
        (2, 0.99, 2, 0),
        (5, 0.5, 0, 0),
        (5, 0.95, 4, 0),
        (5, 0.99, 4, 0),
        (10, 0.5, 2, 9),
        (10, 0.95, 8, 0),
        (10, 0.99, 9, 0),
        (50, 0.5, 18, 33),
        (50, 0.95, 44, 0),
        (50, 0.99, 48, 0),
        (72, 0.5, 28, 45),
        (72, 0.95, 64, 72),
        (72, 0.99, 69, 0),
        (73, 0.5, 28, 46),
        (73, 0.95, 65, 73),
        (73, 0.99, 70, 0),
        (100, 0.5, 40, 61),
        (100, 0.95, 90, 100),
        (100, 0.99, 97, 0),
        (250, 0.5, 110, 141),
        (250, 0.95, 230, 245),
        (250, 0.99, 244, 0),
        (500, 0.5, 228, 273),
        (500, 0.95, 465, 485),
        (500, 0.99, 490, 500),
        (1_000, 0.5, 469, 532),
        (1_000, 0.95, 936, 964),
        (1_000, 0.99, 983, 997),
        (2_000, 0.5, 956, 1_045),
        (2_000, 0.95, 1_880, 1_920),
        (2_000, 0.99, 1_971, 1_989),
        (3_650, 0.5, 1_766, 1_885),
        (3_650, 0.95, 3_441, 3_494),
        (3_650, 0.99, 3_601, 3_626),
        (5_000, 0.5, 2_431, 2_570),
        (5_000, 0.95, 4_719, 4_781),
        (5_000, 0.99, 4_936, 4_964),
        (10_000, 0.5, 4_902, 5_099),
        (10_000, 0.95, 9_457, 9_543),
        (10_000, 0.99, 9_880, 9_920),
        (100_000, 0.5, 49_690, 50_311),
        (100_000, 0.95, 94_864, 95_136),
        (100_000, 0.99, 98_938, 99_062),
        (1_000_000, 0.5, 499_020, 500_981),
        (1_000_000, 0.95, 949_572, 950_428),
        (1_000_000, 0.99, 989_805, 990_196),
        (10_000_000, 0.5, 4_996_901, 5_003_100),
        (10_000_000, 0.95, 9_498_649, 9_501_351),
        (10_000_000, 0.99, 9_899_383, 9_900_617),
        (100_000_000, 0.5, 49_990_200, 50_009_801),
        (100_000_000, 0.95, 94_995_728, 95_004_272),
        (100_000_000, 0.99, 98_998_049, 99_001_951),
    ];

    fn rank(rank: Option<u64>) -> u64 {
        rank.unwrap_or(0)
    }

    #[test]
    fn ranks_are_those_of_scipy() {
        for &(n, p, low, high) in BY_SCIPY {
            let (found_low, found_high) = ranks(n, p);
            // Where it is approximated it may be one off; the table has no such case.
            assert_eq!(
                (rank(found_low), rank(found_high)),
                (low, high),
                "n {n}, p {p}"
            );
        }
    }

    #[test]
    fn ranks_are_those_of_the_books() {
        // Hahn and Meeker, table of 95 % intervals for the median: 100 samples have the 40th to the 61st.
        assert_eq!(ranks(100, 0.5), (Some(40), Some(61)));
        // The median of six lies between the smallest and the largest with 1 - 2 / 2^6 = 96.9 %, that of five does not.
        assert_eq!(ranks(6, 0.5), (Some(1), Some(6)));
        assert_eq!(ranks(5, 0.5), (None, None));
        // 0.95^72 is the first power below 2.5 %: fewer samples cannot bound the 95th percentile from above.
        assert_eq!(ranks(71, 0.95).1, None);
        assert_eq!(ranks(72, 0.95).1, Some(72));
        assert_eq!(ranks(0, 0.95), (None, None));
    }

    #[test]
    fn the_approximation_meets_the_distribution_within_a_rank() {
        for n in (1000..=EXACT_UP_TO).step_by(7) {
            for p in [0.5, 0.95, 0.99] {
                let (low, high) = ranks(n, p);
                let found = [cornish_fisher(n, p, -Z), cornish_fisher(n, p, Z) + 1];
                for (found, exact) in found.into_iter().zip([rank(low), rank(high)]) {
                    assert!(found.abs_diff(exact) <= 1, "n {n}, p {p}: {found}, {exact}");
                }
            }
        }
    }
}
