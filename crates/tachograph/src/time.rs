//! Where a collector takes its time from: the machine, or a test.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tachograph_hotpath::{Clock, ManualTime};

/// The three clocks that a collector needs.
pub trait TimeSource: fmt::Debug + Send + Sync + 'static {
    /// The clock of the hot path: durations are taken from it.
    fn clock(&self) -> &Clock;

    /// Time since an arbitrary origin that never runs backwards and stands still while the machine is suspended: schedules and
    /// uptime are taken from it.
    fn monotonic(&self) -> Duration;

    /// The time of day: only for time stamps and for telling a suspended machine from a busy one.
    fn wall(&self) -> SystemTime;
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
    wall: SystemTime,
}

impl VirtualTime {
    /// Starts on 2026-01-01 at midnight, UTC.
    pub fn new() -> Self {
        let (clock, ticks) = Clock::manual();
        let wall = SystemTime::UNIX_EPOCH + Duration::from_hours(490_896);
        let now = VirtualNow {
            monotonic: Duration::from_secs(1),
            wall,
        };
        // A clock whose readings are 0 would hide a mix-up of "never" and "at the origin".
        ticks.advance(now.monotonic);
        Self {
            clock,
            ticks,
            now: Arc::new(Mutex::new(now)),
        }
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.ticks.advance(by);
        self.change(|now| {
            now.monotonic += by;
            now.wall += by;
        });
    }

    /// Suspends the machine: only the wall clock goes on.
    pub fn suspend(&self, for_: Duration) {
        self.change(|now| now.wall += for_);
    }

    /// Sets the wall clock back.
    pub fn step_back(&self, by: Duration) {
        self.change(|now| now.wall -= by);
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
}
