//! Reads the lanes: counts, windows, lifetimes, whole frames.

use std::sync::Arc;

use tachograph_hotpath::{Counter, Cursor, Lane, Outcome, Registry, Sample, Timer};

use crate::frames::Frames;
use crate::lifetime::Lifetime;
use crate::timeline::Timeline;
use crate::window::{Entry, Window};

/// Everything that was read from the lanes of one registry.
#[derive(Debug)]
pub(crate) struct Merge {
    pub(crate) registry: Registry,
    pub(crate) lanes: Vec<Arc<Lane>>,
    /// One per lane and timer, lane by lane.
    cursors: Vec<Cursor>,
    /// By timer.
    pub(crate) timers: Vec<TimerState>,
    counts: Counts,
    /// What `counts` was at the last reset.
    baseline: Counts,
    /// Samples that went into the histograms since the last reset.
    pub(crate) counted: u64,
    /// Samples that were overwritten unseen since the last reset.
    pub(crate) overwritten: u64,
    pub(crate) frames: Frames,
    pub(crate) timeline: Timeline,
    samples: Vec<Sample>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
pub(crate) struct TimerState {
    pub(crate) window: Window,
    pub(crate) lifetime: Lifetime,
}

/// Sums over all lanes; they wrap, and only differences to a baseline are shown.
#[derive(Clone, Debug)]
struct Counts {
    /// By counter.
    counters: Vec<u64>,
    /// By [`Outcome::ALL`].
    outcomes: [u64; 5],
    /// Failed frames that had seen motion.
    failed_after_motion: u64,
    rejected: u64,
}

impl Merge {
    pub(crate) fn new(registry: Registry) -> Self {
        let schema = registry.schema();
        let timer = |_| TimerState {
            window: Window::new(registry.window()),
            lifetime: Lifetime::new(),
        };
        let counts = Counts::new(schema.counters().len());
        Self {
            lanes: Vec::new(),
            cursors: Vec::new(),
            timers: schema.timer_handles().map(timer).collect(),
            baseline: counts.clone(),
            counts,
            counted: 0,
            overwritten: 0,
            frames: Frames::new(registry.window()),
            timeline: Timeline::default(),
            samples: Vec::new(),
            entries: Vec::new(),
            registry,
        }
    }

    /// Reads every lane.
    pub(crate) fn take_in(&mut self) {
        self.registry.lanes(&mut self.lanes);
        self.cursors
            .resize(self.lanes.len() * self.timers.len(), Cursor::default());
        self.counts.read(&self.registry, &self.lanes);
        for timer in self.registry.schema().timer_handles() {
            self.take_in_timer(timer);
        }
        self.take_in_frames();
        self.timeline.settle();
    }

    /// The value of a counter since the last reset; 0 for one of another, larger schema.
    pub(crate) fn count(&self, counter: Counter) -> u64 {
        let of = |counts: &Counts| counts.counters.get(counter.index()).copied().unwrap_or(0);
        of(&self.counts).wrapping_sub(of(&self.baseline))
    }

    /// Frames since the last reset, by [`Outcome::ALL`].
    pub(crate) fn outcomes(&self) -> [u64; 5] {
        std::array::from_fn(|i| self.counts.outcomes[i].wrapping_sub(self.baseline.outcomes[i]))
    }

    /// Failed frames since the last reset that had seen motion.
    pub(crate) fn failed_after_motion(&self) -> u64 {
        self.counts
            .failed_after_motion
            .wrapping_sub(self.baseline.failed_after_motion)
    }

    /// Records since the last reset that named a metric of another schema.
    pub(crate) fn rejected(&self) -> u64 {
        self.counts.rejected.wrapping_sub(self.baseline.rejected)
    }

    /// Samples that were recorded after they were last read.
    pub(crate) fn pending(&self) -> u64 {
        let cursors = self.cursors.chunks(self.timers.len());
        let rings = self
            .lanes
            .iter()
            .zip(cursors)
            .flat_map(|(lane, cursors)| lane.rings().zip(cursors));
        rings
            .map(|(ring, cursor)| ring.count() - cursor.count())
            .sum()
    }

    /// Starts all statistics anew: what was recorded so far becomes the baseline. Nothing is written to a lane.
    pub(crate) fn reset(&mut self) {
        self.take_in();
        self.baseline = self.counts.clone();
        (self.counted, self.overwritten) = (0, 0);
        self.frames.clear();
        for timer in &mut self.timers {
            timer.window.clear();
            timer.lifetime.clear();
        }
    }

    fn take_in_timer(&mut self, timer: Timer) {
        let clock = self.registry.clock();
        let stride = self.timers.len();
        let Some(state) = self.timers.get_mut(timer.index()) else {
            return;
        };
        let cursors = self.cursors.iter_mut().skip(timer.index()).step_by(stride);
        for ((number, lane), cursor) in (0..).zip(&self.lanes).zip(cursors) {
            let Some(ring) = lane.ring(timer) else {
                continue;
            };
            let before = *cursor;
            self.samples.clear();
            let overwritten = ring.read(cursor, self.registry.window(), &mut self.samples);
            let count = cursor.count() - before.count();
            if count == 0 {
                continue;
            }
            self.counted += self.samples.len() as u64;
            let mut unread = 0;
            if overwritten > 0 {
                self.overwritten += overwritten;
                // What all are more than those that were read. Only this part of the sum could wrap.
                let all = cursor.sum().wrapping_sub(before.sum());
                let raw = |left: u64, sample: &Sample| left.wrapping_sub(sample.ticks);
                unread = self.samples.iter().fold(all, raw);
            }
            self.timeline.straighten(&mut self.samples);
            let mut ticks = u128::from(unread);
            for &sample in &self.samples {
                ticks += u128::from(sample.ticks);
                state.lifetime.record(clock.nanos(sample.ticks));
                self.entries.push(Entry::new(number, sample));
            }
            state.lifetime.add(count, ticks);
        }
        state
            .window
            .merge(&mut self.entries, clock.nanos_per_tick());
    }

    fn take_in_frames(&mut self) {
        for (number, lane) in self.lanes.iter().enumerate() {
            // Bounded, so that a loop that is faster than this one cannot hold it up.
            for trace in std::iter::from_fn(|| lane.pop_frame()).take(lane.frame_capacity()) {
                self.frames.take(number, trace, &self.timeline);
            }
        }
        self.frames.settle();
    }
}

impl Counts {
    fn new(counters: usize) -> Self {
        Self {
            counters: vec![0; counters],
            outcomes: [0; 5],
            failed_after_motion: 0,
            rejected: 0,
        }
    }

    /// Reads all lanes, the counters in the reverse of schema order: of two that a loop raises in schema order, the second
    /// is then never ahead (C1).
    fn read(&mut self, registry: &Registry, lanes: &[Arc<Lane>]) {
        self.rejected = sum(lanes, Lane::rejected);
        self.failed_after_motion = sum(lanes, |lane| lane.outcomes(Outcome::Failed, true));
        for (total, outcome) in self.outcomes.iter_mut().zip(Outcome::ALL) {
            *total = sum(lanes, |lane| lane.outcomes(outcome, false));
        }
        let [.., failed] = &mut self.outcomes;
        *failed = failed.wrapping_add(self.failed_after_motion);
        for (total, counter) in self
            .counters
            .iter_mut()
            .zip(registry.schema().counter_handles())
            .rev()
        {
            *total = sum(lanes, |lane| lane.counter(counter));
        }
    }
}

fn sum(lanes: &[Arc<Lane>], of: impl Fn(&Lane) -> u64) -> u64 {
    lanes.iter().fold(0, |sum, lane| sum.wrapping_add(of(lane)))
}
