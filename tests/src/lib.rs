//! What the integration tests share: the oracle for windows, and small ways of setting things up.

pub mod disks;
mod invariants;
pub mod properties;
pub mod service;
pub mod survival;
mod virtual_loop;

pub use invariants::{check_order, check_snapshot};
pub use virtual_loop::{VirtualLoop, assert_near, assert_plausible};

use tachograph_hotpath::{Clock, ManualTime, Registry, RegistryOptions, SchemaBuilder};
use tachograph_reducer::TimerStats;

/// An xorshift generator: repeatable, and good enough to vary a test.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`, which is at least 1.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A registry whose clock is moved by hand, one tick to the nanosecond.
pub fn manual_registry(window: usize) -> (Registry, ManualTime) {
    let (clock, time) = Clock::manual();
    let options = RegistryOptions {
        window,
        frames: 16,
        clock,
    };
    (Registry::new(SchemaBuilder::new().build(), options), time)
}

/// The statistics of durations in nanoseconds by their definitions: sort, then interpolate as numpy does.
pub fn oracle(nanos: &[u64]) -> TimerStats {
    let mut sorted: Vec<f64> = nanos.iter().map(|&nanos| nanos as f64 / 1e6).collect();
    sorted.sort_by(f64::total_cmp);
    let (Some(&min), Some(&max)) = (sorted.first(), sorted.last()) else {
        return TimerStats::default();
    };
    let percentile = |q: f64| {
        let at = q * (sorted.len() - 1) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let [below, above] = [at.floor(), at.ceil()].map(|index| sorted[index as usize]);
        below + (above - below) * at.fract()
    };
    TimerStats {
        count: nanos.len() as u64,
        avg: nanos.iter().map(|&nanos| u128::from(nanos)).sum::<u128>() as f64
            / nanos.len() as f64
            / 1e6,
        min,
        max,
        p50: percentile(0.5),
        p95: percentile(0.95),
        p99: percentile(0.99),
        span_s: 0.0,
        age_s: 0.0,
    }
}

/// Asserts that counts are equal and every value agrees to 1e-9 relative; spans and ages are not compared.
///
/// # Panics
/// They do not.
pub fn assert_same_statistics(found: &TimerStats, expected: &TimerStats, context: &str) {
    assert_eq!(found.count, expected.count, "{context}: count");
    let pairs = [
        ("avg", found.avg, expected.avg),
        ("min", found.min, expected.min),
        ("max", found.max, expected.max),
        ("p50", found.p50, expected.p50),
        ("p95", found.p95, expected.p95),
        ("p99", found.p99, expected.p99),
    ];
    for (name, found, expected) in pairs {
        let tolerance = expected.abs() * 1e-9;
        assert!(
            (found - expected).abs() <= tolerance,
            "{context}: {name} is {found}, not {expected}"
        );
    }
}
