//! The writer's handle on a lane, and the scopes it times.

use std::fmt;
use std::time::Duration;

use crate::cells::Cells;
use crate::clock::{Clock, Stamp};
use crate::frame::{Frame, FrameTrace};
use crate::in_flight;
use crate::lane::{Lane, LaneWriters};
use crate::registry::Home;
use crate::schema::{Counter, Timer};
use crate::sync::{Arc, Cell};

/// Records counts, durations and frames from one thread. `Send`, not `Sync`, not `Clone`: every thread takes its own.
///
/// Every call is wait-free and touches only this thread's cache lines. When a recorder is dropped its lane goes back to the
/// registry with everything in it.
///
/// ```
/// use tachograph_hotpath::{Registry, RegistryOptions, SchemaBuilder, metrics};
///
/// let registry = Registry::new(SchemaBuilder::new().build(), RegistryOptions::default());
/// let recorder = registry.recorder();
/// recorder.increment(metrics::FRAMES_PROCESSED);
/// let answer = recorder.time(metrics::COREML_INFERENCE, || 6 * 7);
/// assert_eq!(answer, 42);
/// ```
///
/// It may move to another thread, but two threads cannot share it:
///
/// ```
/// fn sendable<T: Send>() {}
/// sendable::<tachograph_hotpath::Recorder>();
/// ```
/// ```compile_fail
/// fn shareable<T: Sync>() {}
/// shareable::<tachograph_hotpath::Recorder>();
/// ```
pub struct Recorder {
    lane: Arc<Lane>,
    /// The lane's counters, one step nearer.
    cells: Cells,
    writers: LaneWriters,
    clock: Clock,
    /// Frames started on this lane so far, by all its owners.
    frames: Cell<u64>,
    home: Home,
}

impl Recorder {
    pub(crate) fn new(lane: Arc<Lane>, writers: LaneWriters, clock: Clock, home: Home) -> Self {
        let frames = Cell::new(writers.frames);
        Self {
            cells: lane.cells().clone(),
            lane,
            writers,
            clock,
            frames,
            home,
        }
    }

    /// Raises a counter by one. Cost: one load, one store.
    #[inline]
    pub fn increment(&self, counter: Counter) {
        self.cells.add(counter, 1);
    }

    /// Raises a counter by `n`; it wraps at 2^64.
    #[inline]
    pub fn add(&self, counter: Counter, n: u64) {
        self.cells.add(counter, n);
    }

    /// Times a call, also one that panics or returns an error. Cost: two clock reads and six stores.
    #[inline]
    pub fn time<T>(&self, timer: Timer, call: impl FnOnce() -> T) -> T {
        let _scope = self.start(timer);
        call()
    }

    /// Starts timing; the returned scope records when it is dropped.
    #[inline]
    pub fn start(&self, timer: Timer) -> Scope<'_> {
        if cfg!(tachograph_plant = "clock_read") {
            std::hint::black_box(self.clock.now());
        }
        let start = self.clock.now();
        let outer = self.replace_in_flight(in_flight::of_timer(timer, start.0));
        Scope {
            recorder: self,
            timer,
            start,
            outer,
        }
    }

    /// Starts a frame: the unit of the loop.
    #[inline]
    pub fn frame(&self) -> Frame<'_> {
        Frame::start(self)
    }

    /// Records a duration that was measured elsewhere, as ending now. Too long a duration saturates at 2^60 ticks (12 years
    /// at 3 GHz) or at 36 years. It is rounded up to whole ticks.
    #[inline]
    pub fn record(&self, timer: Timer, duration: Duration) {
        self.push(timer, self.clock.now(), self.clock.ticks(duration));
    }

    /// Records the time between two readings of [`Recorder::now`]; reads no clock. A start after the end counts as zero.
    ///
    /// The window is ordered by end: hand in ends that do not run backwards, or a late one may miss a full window.
    #[inline]
    pub fn record_between(&self, timer: Timer, start: Stamp, end: Stamp) {
        self.push(timer, end, end.0.saturating_sub(start.0));
    }

    /// Reads the clock that all durations are taken from.
    #[inline]
    pub fn now(&self) -> Stamp {
        self.clock.now()
    }

    /// The clock that all durations are taken from.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    #[inline]
    pub(crate) fn push(&self, timer: Timer, end: Stamp, ticks: u64) {
        if cfg!(tachograph_plant = "allocation") {
            drop(std::hint::black_box(Box::new(ticks)));
        }
        match self.writers.timers.get(timer.index()) {
            Some(writer) => writer.push(end.0, ticks),
            None => self.cells.reject(1),
        }
    }

    /// Says what runs from now on; returns the word that stood there.
    #[inline]
    pub(crate) fn replace_in_flight(&self, word: u64) -> u64 {
        let before = self.lane.own_in_flight();
        self.set_in_flight(word);
        before
    }

    #[inline]
    pub(crate) fn set_in_flight(&self, word: u64) {
        self.lane.set_in_flight(word);
    }

    /// Keeps the trace of a frame that ended, and counts it.
    #[inline]
    pub(crate) fn end_frame(&self, trace: &FrameTrace) {
        self.cells
            .add_outcome(trace.outcome, trace.motion().is_some());
        self.lane.push_frame(*trace);
    }

    /// The number of the next frame on this lane, from 0.
    #[inline]
    pub(crate) fn next_frame(&self) -> u64 {
        let number = self.frames.get();
        self.frames.set(number + 1);
        number
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // A scope that was forgotten must not be in flight for ever.
        self.lane.set_in_flight(in_flight::NOTHING);
        let mut writers = std::mem::take(&mut self.writers);
        writers.frames = self.frames.get();
        self.home.take_back(Arc::clone(&self.lane), writers);
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("lane", &self.lane)
            .finish_non_exhaustive()
    }
}

/// A running measurement; records when dropped, also while a panic unwinds. Stays on its thread.
///
/// Forgetting it (`mem::forget`) records nothing and leaves it in flight until the recorder is dropped or an enclosing
/// scope ends.
#[must_use = "a scope measures until it is dropped"]
#[derive(Debug)]
pub struct Scope<'r> {
    recorder: &'r Recorder,
    timer: Timer,
    start: Stamp,
    /// The in-flight word of whatever encloses this scope.
    outer: u64,
}

impl Scope<'_> {
    /// Ends the measurement now and says how long it took.
    #[inline]
    pub fn stop(self) -> Duration {
        let end = self.finish();
        let duration = self.recorder.clock.between(self.start, end);
        std::mem::forget(self);
        duration
    }

    /// Ends it without recording anything.
    #[inline]
    pub fn cancel(self) {
        self.recorder.set_in_flight(self.outer);
        std::mem::forget(self);
    }

    #[inline]
    fn finish(&self) -> Stamp {
        let end = self.recorder.now();
        self.recorder.record_between(self.timer, self.start, end);
        self.recorder.set_in_flight(self.outer);
        end
    }
}

impl Drop for Scope<'_> {
    #[inline]
    fn drop(&mut self) {
        self.finish();
    }
}
