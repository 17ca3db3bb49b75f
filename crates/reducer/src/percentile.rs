//! Exact percentiles, of values in any order or in ascending order.

/// The quantiles (each 0 to 1, in ascending order) of `values`, interpolated linearly between order statistics; `None` without
/// values. Reorders `values`.
///
/// The method is number 7 of Hyndman and Fan (1996), numpy's default: the quantile `q` of `n` values lies at the virtual index
/// `q * (n - 1)` of the sorted values. Selection instead of sorting: expected time linear in `n`. No allocation.
///
/// ```
/// use tachograph_reducer::percentiles;
///
/// assert_eq!(percentiles(&mut [40, 10, 30, 20], [0.0, 0.5, 0.95]), Some([10.0, 25.0, 38.5]));
/// assert_eq!(percentiles(&mut [], [0.5]), None);
/// ```
pub fn percentiles<const N: usize>(values: &mut [u64], quantiles: [f64; N]) -> Option<[f64; N]> {
    let last = values.len().checked_sub(1)?;
    // Everything before `done` is in front of every later order statistic, so each selection works on what is left.
    let mut done = 0;
    Some(quantiles.map(|quantile| {
        let (index, fraction) = position(quantile, last);
        let index = index.max(done);
        let (_, &mut low, above) = values[done..].select_nth_unstable(index - done);
        done = index;
        let next = || above.iter().min().copied();
        interpolate(low, if fraction > 0.0 { next() } else { None }, fraction)
    }))
}

/// The same of values in ascending order. Cost: a few loads per quantile.
pub(crate) fn percentiles_of_sorted<const N: usize>(
    values: &[u64],
    quantiles: [f64; N],
) -> Option<[f64; N]> {
    let last = values.len().checked_sub(1)?;
    Some(quantiles.map(|quantile| {
        let (index, fraction) = position(quantile, last);
        interpolate(values[index], values.get(index + 1).copied(), fraction)
    }))
}

/// Where a quantile lies: the order statistic below it, 0 to `last`, and how far it is to the next one, 0 to 1.
fn position(quantile: f64, last: usize) -> (usize, f64) {
    let virtual_index = quantile.clamp(0.0, 1.0) * last as f64;
    // Between 0 and `last`, so neither sign nor digits are lost.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let index = (virtual_index as usize).min(last);
    (index, virtual_index.fract())
}

fn interpolate(low: u64, high: Option<u64>, fraction: f64) -> f64 {
    let step = high.unwrap_or(low) - low;
    step as f64 * fraction + low as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, word for word: sort, then interpolate.
    fn by_definition(values: &[u64], quantile: f64) -> f64 {
        let mut sorted: Vec<f64> = values.iter().map(|&v| v as f64).collect();
        sorted.sort_by(f64::total_cmp);
        let at = quantile * (sorted.len() - 1) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let [below, above] = [at.floor(), at.ceil()].map(|index| sorted[index as usize]);
        below + (above - below) * at.fract()
    }

    #[test]
    fn both_ways_agree_with_the_definition() {
        let quantiles = [0.0, 0.01, 0.5, 0.5, 0.95, 0.99, 1.0];
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = |modulus: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % modulus
        };
        for n in [1, 2, 3, 4, 19, 20, 21, 100, 999, 1000, 1001, 5000] {
            for modulus in [1, 3, 1000, u64::MAX >> 12] {
                let values: Vec<u64> = (0..n).map(|_| random(modulus)).collect();
                let mut sorted = values.clone();
                sorted.sort_unstable();
                let selected = percentiles(&mut values.clone(), quantiles).unwrap();
                assert_eq!(percentiles_of_sorted(&sorted, quantiles), Some(selected));
                for (quantile, found) in quantiles.into_iter().zip(selected) {
                    let expected = by_definition(&values, quantile);
                    let tolerance = expected.abs() * 1e-12;
                    assert!(
                        (found - expected).abs() <= tolerance,
                        "n {n}, q {quantile}: {found} is not {expected}"
                    );
                }
            }
        }
    }
}
