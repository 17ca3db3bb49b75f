//! Time as the hot path sees it: raw ticks of the fastest clock that can be trusted.

use std::fmt;
use std::time::Duration;

use crate::manual::ManualTime;
use crate::ring::MAX_SAMPLE_TICKS;

/// Binary digits behind the point of `Clock::nanos_per_tick`. Leaves room for ticks of up to 16 us.
const TICK_SHIFT: u32 = 50;
/// Binary digits behind the point of `Clock::ticks_per_nano`.
const RATIO_SHIFT: u32 = 60;
/// Longest duration that is converted, in nanoseconds: 36 years. Its product with any ratio fits in 128 bits.
const MAX_NANOS: u128 = 1 << 60;

/// A reading of a [`Clock`]: raw ticks since an arbitrary origin. Compare only readings of the same clock.
///
/// Ticks are whatever the hardware counts (`TSC` on x86, `CNTVCT` on ARM); [`Clock::between`] turns two of them into time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(pub(crate) u64);

impl Stamp {
    /// The raw tick count.
    #[inline]
    pub const fn ticks(self) -> u64 {
        self.0
    }

    /// A stamp from a raw tick count of the same clock.
    #[inline]
    pub const fn from_ticks(ticks: u64) -> Self {
        Self(ticks)
    }
}

/// The clock of all lanes of one registry: `quanta`, which reads the CPU's time-stamp counter where it is invariant and
/// the operating system's monotonic clock where it is not.
///
/// Creating the first one of a process calibrates the counter, which takes up to 200 ms; clones are cheap.
#[derive(Clone)]
pub struct Clock {
    source: quanta::Clock,
    /// Nanoseconds per tick, fixed point with [`TICK_SHIFT`] binary digits.
    nanos_per_tick: u64,
    /// Ticks per nanosecond, fixed point with [`RATIO_SHIFT`] binary digits.
    ticks_per_nano: u64,
}

impl Clock {
    /// The calibrated clock of this machine.
    pub fn new() -> Self {
        let source = quanta::Clock::new();
        // Its ratio is a fraction with fewer binary digits than this, so nothing is lost.
        let nanos_per_tick = source.delta_as_nanos(0, 1 << TICK_SHIFT);
        Self::over(source, nanos_per_tick)
    }

    /// A clock that stands still until it is moved by hand; one tick is one nanosecond. For tests and simulations.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tachograph_hotpath::Clock;
    ///
    /// let (clock, time) = Clock::manual();
    /// let start = clock.now();
    /// time.advance(Duration::from_millis(40));
    /// assert_eq!(clock.between(start, clock.now()), Duration::from_millis(40));
    /// ```
    pub fn manual() -> (Self, ManualTime) {
        Self::manual_with_tick(1, 1)
    }

    /// Like [`Clock::manual`], with a resolution of its own: `ticks` ticks are `nanos` nanoseconds. Apple Silicon counts 3 ticks
    /// in 125 ns.
    ///
    /// Conversions are exact to the nanosecond up to 2^50 ticks (a year and a half at 42 ns), and to 1e-15 beyond.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tachograph_hotpath::Clock;
    ///
    /// let (clock, time) = Clock::manual_with_tick(125, 3);
    /// time.advance(Duration::from_nanos(83));
    /// assert_eq!(clock.now().ticks(), 1);
    /// time.advance(Duration::from_nanos(1));
    /// assert_eq!(clock.now().ticks(), 2);
    /// assert_eq!((clock.nanos(2), clock.nanos(3)), (83, 125)); // rounded down
    /// assert_eq!(clock.ticks(Duration::from_nanos(84)), 3); // rounded up
    /// ```
    ///
    /// # Panics
    /// A tick is shorter than 1/15 ns or longer than 16 us, or one of the two numbers is 0.
    pub fn manual_with_tick(nanos: u32, ticks: u32) -> (Self, ManualTime) {
        let (ns, per) = (u64::from(nanos), u64::from(ticks));
        assert!(
            per > 0 && per <= ns * 15 && ns <= per * 16_000,
            "a tick of {nanos}/{ticks} ns is out of range"
        );
        let (source, mock) = quanta::Clock::mock();
        // Rounded up, so that whole nanoseconds are not missed by a hair when they are rounded down.
        let nanos_per_tick = (u128::from(ns) << TICK_SHIFT).div_ceil(u128::from(per));
        let nanos_per_tick = u64::try_from(nanos_per_tick).unwrap_or(u64::MAX);
        (
            Self::over(source, nanos_per_tick),
            ManualTime::new(mock, ns, per),
        )
    }

    fn over(source: quanta::Clock, nanos_per_tick: u64) -> Self {
        let nanos_per_tick = nanos_per_tick.max(1);
        let one = 1_u128 << (TICK_SHIFT + RATIO_SHIFT);
        // So that [`Clock::ticks`] neither misses a nanosecond of a fine clock nor adds a tick to whole ticks of a coarse one.
        let ratio = if nanos_per_tick < 1 << TICK_SHIFT {
            one.div_ceil(u128::from(nanos_per_tick))
        } else {
            one / u128::from(nanos_per_tick)
        };
        Self {
            source,
            nanos_per_tick,
            ticks_per_nano: u64::try_from(ratio).unwrap_or(u64::MAX),
        }
    }

    /// Reads the clock. Cost: one counter read (about 10 ns on a virtual x86 machine).
    #[inline]
    pub fn now(&self) -> Stamp {
        Stamp(self.source.raw())
    }

    /// Nanoseconds in a number of ticks, rounded down. Saturates after 584 years.
    #[inline]
    pub fn nanos(&self, ticks: u64) -> u64 {
        let product = u128::from(ticks) * u128::from(self.nanos_per_tick);
        u64::try_from(product >> TICK_SHIFT).unwrap_or(u64::MAX)
    }

    /// The time from `start` to `end`; zero where `end` is earlier.
    #[inline]
    pub fn between(&self, start: Stamp, end: Stamp) -> Duration {
        Duration::from_nanos(self.nanos(end.0.saturating_sub(start.0)))
    }

    /// Nanoseconds per tick, for statistics over ticks.
    pub fn nanos_per_tick(&self) -> f64 {
        self.nanos_per_tick as f64 / (1_u64 << TICK_SHIFT) as f64
    }

    /// Ticks in a duration, rounded up so that [`Clock::nanos`] gives the same nanoseconds back wherever a tick is no
    /// longer than a nanosecond, and a whole number of ticks stays what it is. Saturates at 36 years and at
    /// [`MAX_SAMPLE_TICKS`].
    #[inline]
    pub fn ticks(&self, duration: Duration) -> u64 {
        let product = duration.as_nanos().min(MAX_NANOS) * u128::from(self.ticks_per_nano);
        let ticks = product.div_ceil(1 << RATIO_SHIFT);
        u64::try_from(ticks).map_or(MAX_SAMPLE_TICKS, |ticks| ticks.min(MAX_SAMPLE_TICKS))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock")
            .field("nanos_per_tick", &self.nanos_per_tick())
            .finish()
    }
}

#[cfg(all(test, not(tachograph_loom)))]
mod tests {
    use super::*;

    const APPLE: (u32, u32) = (125, 3);
    const YEAR: u64 = 31_557_600_000_000_000;

    #[test]
    fn a_duration_survives_the_way_to_ticks_and_back() {
        let exact = [
            Clock::manual().0,
            Clock::manual_with_tick(1, 3).0,
            Clock::manual_with_tick(10, 27).0,
        ];
        // The finer the fractions, the easier one is lost to rounding.
        let fine = Clock::manual_with_tick(1_000, 2_594).0;
        for nanos in YEAR..YEAR + 1_000 {
            assert_eq!(fine.nanos(fine.ticks(Duration::from_nanos(nanos))), nanos);
        }
        let real = Clock::new();
        for nanos in [0, 1, 2, 999, 85_300_000, 3_600_000_000_000, YEAR] {
            let duration = Duration::from_nanos(nanos);
            for clock in &exact {
                assert_eq!(clock.nanos(clock.ticks(duration)), nanos, "{clock:?}");
            }
            let back = real.nanos(real.ticks(duration));
            let tolerance = (real.nanos_per_tick() - 1.0).max(0.0).ceil() + nanos as f64 * 1e-15;
            assert!(
                (back as f64 - nanos as f64).abs() <= tolerance,
                "{nanos} ns came back as {back} ns from {real:?}"
            );
        }
    }

    #[test]
    fn a_coarse_clock_is_exact_to_its_tick() {
        for (nanos, per) in [APPLE, (16, 1), (625, 12), (1_000, 1), (16_000, 1)] {
            let clock = Clock::manual_with_tick(nanos, per).0;
            let tick = f64::from(nanos) / f64::from(per);
            assert!((clock.nanos_per_tick() / tick - 1.0).abs() < 1e-15);
            for ticks in [0, 1, 2, 3, 1024, 999_999_999, 1 << 40, (1 << 50) - 1] {
                let exact = u128::from(ticks) * u128::from(nanos) / u128::from(per);
                assert_eq!(
                    u128::from(clock.nanos(ticks)),
                    exact,
                    "{ticks} of {tick} ns"
                );
            }
            for duration in [0, 1, 41, 42, 84, 125, 1_000, 3_600_000_000_001, 1 << 52] {
                let exact = (u128::from(duration) * u128::from(per)).div_ceil(u128::from(nanos));
                let ticks = clock.ticks(Duration::from_nanos(duration));
                assert_eq!(
                    u128::from(ticks),
                    exact,
                    "{duration} ns in ticks of {tick} ns"
                );
            }
        }
    }

    #[test]
    fn a_duration_too_long_for_the_clock_saturates() {
        let coarse = Clock::manual_with_tick(APPLE.0, APPLE.1).0;
        assert_eq!(coarse.nanos(u64::MAX), u64::MAX, "no wrap");
        for clock in [Clock::manual().0, coarse, Clock::new()] {
            assert!(clock.ticks(Duration::MAX) <= MAX_SAMPLE_TICKS);
            assert!(clock.ticks(Duration::MAX) >= clock.ticks(Duration::from_hours(80_000)));
        }
    }

    #[test]
    fn time_running_backwards_is_zero() {
        let (clock, time) = Clock::manual();
        let start = clock.now();
        time.advance(Duration::from_secs(1));
        assert_eq!(clock.between(clock.now(), start), Duration::ZERO);
    }
}
