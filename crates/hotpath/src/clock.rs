//! Time as the hot path sees it: raw ticks of the fastest clock that can be trusted.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::ring::MAX_SAMPLE_TICKS;

/// Ticks measured at calibration; a power of two, about four days at 3 GHz.
const CALIBRATION_SHIFT: u32 = 50;
/// Binary digits behind the point of [`Clock::ticks_per_nano`].
const RATIO_SHIFT: u32 = 60;
/// Longest duration that is converted exactly, in nanoseconds: 36 years. Its product with any ratio fits in 128 bits.
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
    /// Ticks per nanosecond, fixed point with [`RATIO_SHIFT`] binary digits.
    ticks_per_nano: u64,
}

impl Clock {
    /// The calibrated clock of this machine.
    pub fn new() -> Self {
        Self::over(quanta::Clock::new())
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
        let (source, mock) = quanta::Clock::mock();
        (Self::over(source), ManualTime(mock))
    }

    fn over(source: quanta::Clock) -> Self {
        let nanos = u128::from(source.delta_as_nanos(0, 1 << CALIBRATION_SHIFT)).max(1);
        let ratio = (1_u128 << (CALIBRATION_SHIFT + RATIO_SHIFT)) / nanos;
        Self {
            source,
            ticks_per_nano: u64::try_from(ratio).unwrap_or(u64::MAX),
        }
    }

    /// Reads the clock. Cost: one counter read (about 10 ns on a virtual x86 machine).
    #[inline]
    pub fn now(&self) -> Stamp {
        Stamp(self.source.raw())
    }

    /// Nanoseconds in a number of ticks, rounded down.
    #[inline]
    pub fn nanos(&self, ticks: u64) -> u64 {
        self.source.delta_as_nanos(0, ticks)
    }

    /// The time from `start` to `end`; zero where `end` is earlier.
    #[inline]
    pub fn between(&self, start: Stamp, end: Stamp) -> Duration {
        Duration::from_nanos(self.nanos(end.0.saturating_sub(start.0)))
    }

    /// Nanoseconds per tick, for statistics over ticks.
    pub fn nanos_per_tick(&self) -> f64 {
        (1_u64 << RATIO_SHIFT) as f64 / self.ticks_per_nano as f64
    }

    /// Ticks in a duration, rounded up so that [`Clock::nanos`] gives the same nanoseconds back wherever a tick is no
    /// longer than a nanosecond. Saturates at [`MAX_SAMPLE_TICKS`].
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

/// Moves a clock made by [`Clock::manual`].
#[derive(Clone, Debug)]
pub struct ManualTime(Arc<quanta::Mock>);

impl ManualTime {
    /// Moves the clock forward. Durations over 584 years saturate.
    pub fn advance(&self, by: Duration) {
        self.0
            .increment(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX));
    }
}

#[cfg(all(test, not(tachograph_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_duration_survives_the_way_to_ticks_and_back() {
        let (manual, _time) = Clock::manual();
        let real = Clock::new();
        for nanos in [
            0,
            1,
            2,
            999,
            85_300_000,
            3_600_000_000_000,
            31_557_600_000_000_000,
        ] {
            let duration = Duration::from_nanos(nanos);
            assert_eq!(manual.nanos(manual.ticks(duration)), nanos);
            let back = real.nanos(real.ticks(duration));
            let tolerance = real.nanos_per_tick().ceil() + nanos as f64 * 1e-12;
            assert!(
                (back as f64 - nanos as f64).abs() <= tolerance,
                "{nanos} ns came back as {back} ns"
            );
        }
    }

    #[test]
    fn a_duration_too_long_for_the_clock_saturates() {
        for clock in [Clock::manual().0, Clock::new()] {
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
