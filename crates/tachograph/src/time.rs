//! Where a collector takes its time from: the machine, or a test.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tachograph_hotpath::{Clock, ManualTime};

/// The clocks that a collector needs.
pub trait TimeSource: fmt::Debug + Send + Sync + 'static {
    /// The clock of the hot path: durations are taken from it.
    fn clock(&self) -> &Clock;

    /// Time since an arbitrary origin that never runs backwards and stands still while the machine is suspended: schedules and
    /// uptime are taken from it.
    fn monotonic(&self) -> Duration;

    /// The time of day: only for time stamps and for the gap between two runs. It may be wrong, and step back and forth.
    fn wall(&self) -> SystemTime;

    /// Like [`TimeSource::monotonic`], of any origin, but goes on while the machine is suspended: the difference is the time it
    /// was suspended. `None` where the platform cannot tell; then a wall clock that runs ahead is taken for a suspension.
    fn continuous(&self) -> Option<Duration> {
        None
    }
}

/// All of a source's clocks but the hot path's, read at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) monotonic: Duration,
    pub(crate) continuous: Option<Duration>,
    pub(crate) wall: SystemTime,
}

impl Moment {
    pub(crate) fn of(time: &dyn TimeSource) -> Self {
        Self {
            monotonic: time.monotonic(),
            continuous: time.continuous(),
            wall: time.wall(),
        }
    }

    /// How long the machine was suspended between `earlier` and this. Where the platform cannot tell, how far the wall clock ran
    /// ahead.
    pub(crate) fn suspended_since(&self, earlier: &Self) -> Duration {
        let whole = match self.continuous.zip(earlier.continuous) {
            Some((now, then)) => now.saturating_sub(then),
            None => self.wall.duration_since(earlier.wall).unwrap_or_default(),
        };
        whole.saturating_sub(self.monotonic.saturating_sub(earlier.monotonic))
    }
}

/// The machine's clocks.
#[derive(Debug)]
pub struct MachineTime {
    clock: Clock,
    origin: Instant,
}

impl MachineTime {
    /// Calibrates the hot path's clock: up to 200 ms for the first one of a process.
    pub fn new() -> Self {
        Self {
            clock: Clock::new(),
            origin: Instant::now(),
        }
    }
}

impl Default for MachineTime {
    fn default() -> Self {
        Self::new()
    }
}

impl TimeSource for MachineTime {
    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn continuous(&self) -> Option<Duration> {
        continuous()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn continuous() -> Option<Duration> {
    use rustix::time::{DynamicClockId, clock_gettime_dynamic};
    Duration::try_from(clock_gettime_dynamic(DynamicClockId::Boottime).ok()?).ok()
}

/// On Apple's systems it is the monotonic clock that goes on in sleep; `Instant` reads another one there.
#[cfg(target_vendor = "apple")]
fn continuous() -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};
    Duration::try_from(clock_gettime(ClockId::Monotonic)).ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn continuous() -> Option<Duration> {
    None
}

/// Time that is moved by hand: minutes of schedule run in milliseconds. Clones share the same time.
///
/// ```
/// use std::time::Duration;
/// use tachograph::{TimeSource as _, VirtualTime};
///
/// let time = VirtualTime::new();
/// let (start, wall) = (time.monotonic(), time.wall());
/// time.advance(Duration::from_secs(60));
/// time.suspend(Duration::from_secs(3600));
/// assert_eq!(time.monotonic() - start, Duration::from_secs(60));
/// assert_eq!(time.wall().duration_since(wall)?, Duration::from_secs(3660));
/// # Ok::<(), std::time::SystemTimeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct VirtualTime {
    clock: Clock,
    ticks: ManualTime,
    now: Arc<Mutex<VirtualNow>>,
}

#[derive(Clone, Copy, Debug)]
struct VirtualNow {
    monotonic: Duration,
    continuous: Duration,
    wall: SystemTime,
}

impl VirtualTime {
    /// Starts on 2026-01-01 at midnight, UTC; the hot path's clock ticks in nanoseconds.
    pub fn new() -> Self {
        Self::with_tick(1, 1)
    }

    /// Like [`VirtualTime::new`], with a hot path whose clock counts `ticks` in `nanos` nanoseconds, see
    /// [`Clock::manual_with_tick`].
    ///
    /// # Panics
    /// As [`Clock::manual_with_tick`].
    pub fn with_tick(nanos: u32, ticks: u32) -> Self {
        let (clock, ticks) = Clock::manual_with_tick(nanos, ticks);
        // A clock whose readings are 0 would hide a mix-up of "never" and "at the origin".
        let origin = Duration::from_secs(1);
        ticks.advance(origin);
        let now = VirtualNow {
            monotonic: origin,
            continuous: origin,
            wall: SystemTime::UNIX_EPOCH + Duration::from_hours(490_896),
        };
        Self {
            clock,
            ticks,
            now: Arc::new(Mutex::new(now)),
        }
    }

    /// Lets time pass. What a clock cannot hold saturates; a wall clock stands still at its end.
    pub fn advance(&self, by: Duration) {
        self.ticks.advance(by);
        self.change(|now| {
            now.monotonic = now.monotonic.saturating_add(by);
            now.continuous = now.continuous.saturating_add(by);
            now.wall = now.wall.checked_add(by).unwrap_or(now.wall);
        });
    }

    /// Suspends the machine: only the wall clock and the continuous one go on. The hot path's clock stands still too; one
    /// that counts on is moved by [`VirtualTime::hot_clock`].
    pub fn suspend(&self, for_: Duration) {
        self.change(|now| {
            now.continuous = now.continuous.saturating_add(for_);
            now.wall = now.wall.checked_add(for_).unwrap_or(now.wall);
        });
    }

    /// Sets the wall clock back.
    pub fn step_back(&self, by: Duration) {
        self.change(|now| now.wall = now.wall.checked_sub(by).unwrap_or(now.wall));
    }

    /// Sets the wall clock ahead.
    pub fn step_forward(&self, by: Duration) {
        self.change(|now| now.wall = now.wall.checked_add(by).unwrap_or(now.wall));
    }

    /// Sets the wall clock.
    pub fn set_wall(&self, wall: SystemTime) {
        self.change(|now| now.wall = wall);
    }

    /// Moves the hot path's clock alone, ahead or back: a counter that is not invariant.
    pub fn hot_clock(&self) -> &ManualTime {
        &self.ticks
    }

    fn change(&self, change: impl FnOnce(&mut VirtualNow)) {
        change(&mut self.now.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn now(&self) -> VirtualNow {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for VirtualTime {
    fn default() -> Self {
        Self::new()
    }
}

impl TimeSource for VirtualTime {
    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn monotonic(&self) -> Duration {
        self.now().monotonic
    }

    fn wall(&self) -> SystemTime {
        self.now().wall
    }

    fn continuous(&self) -> Option<Duration> {
        Some(self.now().continuous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_time_saturates_instead_of_overflowing() {
        let time = VirtualTime::new();
        for _ in 0..2 {
            time.advance(Duration::MAX);
            time.suspend(Duration::MAX);
            time.step_forward(Duration::MAX);
            time.step_back(Duration::MAX);
        }
        assert_eq!(time.monotonic(), Duration::MAX);
        assert!(time.wall() > SystemTime::UNIX_EPOCH);
    }

    /// What a suspension is told by runs no slower than what schedules are kept by, or every second would be one.
    #[test]
    fn the_machines_clocks_run_alike() {
        let time = MachineTime::new();
        let before = Moment::of(&time);
        std::thread::sleep(Duration::from_millis(50));
        let after = Moment::of(&time);
        let passed = |now: Duration, then| now.saturating_sub(then) >= Duration::from_millis(50);
        assert!(passed(after.monotonic, before.monotonic));
        assert!(after.suspended_since(&before) < Duration::from_secs(1));
        let both = after.continuous.zip(before.continuous);
        let is_known = cfg!(any(target_os = "linux", target_vendor = "apple"));
        assert_eq!(both.is_some(), is_known);
        assert!(both.is_none_or(|(now, then)| passed(now, then)));
    }
}
