//! What recording and reducing should do, written down naively: every sample is kept, every total is a plain sum.

use std::collections::{BTreeSet, VecDeque};

use tachograph_hotpath::{MAX_SAMPLE_TICKS, MAX_TRACED_STAGES, Outcome};

/// Frame traces that a lane keeps.
pub(super) const TRACES: usize = 16;
/// Slowest frames that are kept.
const SLOWEST: usize = 8;
/// The running stage or scope is told to so many ticks.
const IN_FLIGHT_TICKS: u64 = 1024;

/// What runs on a lane and since when; no timer: a frame between its stages.
type Running = (Option<usize>, u64);

#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) running: Option<Running>,
    /// Scopes and frames that were started by this owner and have not ended; forgotten ones never do.
    open: usize,
    frames: u64,
    traces: VecDeque<Trace>,
    /// Numbers of the frames whose traces a reduction has seen.
    traced: BTreeSet<u64>,
    /// By timer: end and length of what no reduction has seen.
    pending: Vec<Vec<(u64, u64)>>,
    /// By timer: samples ever recorded.
    recorded: Vec<u64>,
}

/// A whole frame as it should be traced.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trace {
    pub(super) lane: usize,
    pub(super) number: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) outcome: Outcome,
    pub(super) motion: Option<u64>,
    pub(super) event_id: Option<u64>,
    /// Timer and start.
    pub(super) stages: Vec<(usize, u64)>,
    /// Whether there were more stages.
    pub(super) is_truncated: bool,
}

#[derive(Debug)]
pub(super) struct Scope {
    timer: usize,
    start: u64,
    outer: Option<Running>,
}

#[derive(Debug)]
pub(super) struct Frame {
    pub(super) trace: Trace,
    stage: Option<(usize, u64)>,
    outer: Option<Running>,
}

/// A sample in the order of the window: end, lane, place in the lane, length.
type Sample = (u64, usize, u64, u64);

#[derive(Clone, Debug, Default)]
pub(super) struct Timer {
    /// The newest of all.
    pub(super) window: Vec<Sample>,
    /// Lengths of the samples that a reduction has seen.
    pub(super) seen: Vec<u64>,
    pub(super) count: u64,
    pub(super) sum: u128,
    /// How many of `seen` the last interval histograms covered.
    pub(super) taken: usize,
}

/// All that is shown, since the last reset.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    pub(super) counters: Vec<u64>,
    pub(super) outcomes: [u64; 5],
    pub(super) failed_after_motion: u64,
    pub(super) rejected: u64,
    pub(super) timers: Vec<Timer>,
    pub(super) counted: u64,
    pub(super) overwritten: u64,
    /// The newest frames that were traced, in the order of the window: by end, lane and number.
    pub(super) frames: Vec<Trace>,
    /// [`Model::untraced`] at the last reset.
    untraced: u64,
}

#[derive(Debug)]
pub(super) struct Model {
    /// The clock, nanoseconds.
    pub(super) now: u64,
    window: usize,
    counters: usize,
    timers: usize,
    pub(super) lanes: Vec<Lane>,
    /// Lanes without an owner; the one that came back last is taken first.
    free: Vec<usize>,
    pub(super) totals: Totals,
}

impl Model {
    pub(super) fn new(window: usize, counters: usize, timers: usize) -> Self {
        let mut this = Self {
            now: 0,
            window,
            counters,
            timers,
            lanes: Vec::new(),
            free: Vec::new(),
            totals: Totals::default(),
        };
        this.reset();
        this
    }

    pub(super) fn take_lane(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.lanes.push(Lane {
                pending: vec![Vec::new(); self.timers],
                recorded: vec![0; self.timers],
                ..Lane::default()
            });
            self.lanes.len() - 1
        })
    }

    pub(super) fn give_back(&mut self, lane: usize) {
        self.lanes[lane].running = None;
        self.lanes[lane].open = 0;
        self.free.push(lane);
    }

    pub(super) fn add(&mut self, counter: usize, n: u64) {
        let unknown = &mut self.totals.rejected;
        let total = self.totals.counters.get_mut(counter).unwrap_or(unknown);
        *total = total.wrapping_add(n);
    }

    pub(super) fn record(&mut self, lane: usize, timer: usize, ticks: u64) {
        let sample = (self.now, ticks.min(MAX_SAMPLE_TICKS));
        match self.lanes[lane].pending.get_mut(timer) {
            Some(pending) => pending.push(sample),
            None => self.totals.rejected = self.totals.rejected.wrapping_add(1),
        }
    }

    pub(super) fn start_scope(&mut self, lane: usize, timer: usize) -> Scope {
        let outer = self.start(lane, Some(timer));
        Scope {
            timer,
            start: self.now,
            outer,
        }
    }

    /// Returns how long it took.
    pub(super) fn end_scope(&mut self, lane: usize, scope: &Scope, record: bool) -> u64 {
        let ticks = self.now - scope.start;
        if record {
            self.record(lane, scope.timer, ticks);
        }
        self.end(lane, scope.outer);
        ticks
    }

    pub(super) fn start_frame(&mut self, lane: usize) -> Frame {
        let outer = self.start(lane, None);
        let number = self.lanes[lane].frames;
        self.lanes[lane].frames += 1;
        let trace = Trace {
            lane,
            number,
            start: self.now,
            end: self.now,
            outcome: Outcome::Failed,
            motion: None,
            event_id: None,
            stages: Vec::new(),
            is_truncated: false,
        };
        Frame {
            trace,
            stage: None,
            outer,
        }
    }

    pub(super) fn stage(&mut self, frame: &mut Frame, timer: usize) {
        let lane = frame.trace.lane;
        self.end_stage(frame);
        frame.stage = Some((timer, self.now));
        frame.trace.stages.push((timer, self.now));
        self.lanes[lane].running = Some(self.running(Some(timer)));
    }

    pub(super) fn end_frame(&mut self, mut frame: Frame, outcome: Outcome) {
        let lane = frame.trace.lane;
        self.end_stage(&mut frame);
        let totals = &mut self.totals;
        totals.outcomes[outcome as usize] += 1;
        totals.failed_after_motion +=
            u64::from(outcome == Outcome::Failed && frame.trace.motion.is_some());
        if outcome == Outcome::Event {
            let from = frame.trace.motion.unwrap_or(frame.trace.start);
            self.record(lane, 2, self.now - from);
        }
        self.record(lane, 3 + outcome as usize, self.now - frame.trace.start);
        frame.trace.is_truncated = frame.trace.stages.len() > MAX_TRACED_STAGES;
        frame.trace.stages.truncate(MAX_TRACED_STAGES);
        (frame.trace.end, frame.trace.outcome) = (self.now, outcome);
        self.end(lane, frame.outer);
        let traces = &mut self.lanes[lane].traces;
        traces.push_back(frame.trace);
        if traces.len() > TRACES {
            traces.pop_front();
        }
    }

    fn end_stage(&mut self, frame: &mut Frame) {
        if let Some((timer, start)) = frame.stage.take() {
            self.record(frame.trace.lane, timer, self.now - start);
        }
    }

    fn running(&self, timer: Option<usize>) -> Running {
        (timer, self.now / IN_FLIGHT_TICKS * IN_FLIGHT_TICKS)
    }

    fn start(&mut self, lane: usize, timer: Option<usize>) -> Option<Running> {
        let running = self.running(timer);
        self.lanes[lane].open += 1;
        self.lanes[lane].running.replace(running)
    }

    fn end(&mut self, lane: usize, outer: Option<Running>) {
        let lane = &mut self.lanes[lane];
        lane.open -= 1;
        lane.running = outer;
    }

    /// Slots of a ring: a power of two that holds at least two windows.
    fn capacity(&self) -> usize {
        (self.window * 2).max(4).next_power_of_two()
    }

    /// A reduction: everything that is pending goes into the totals.
    pub(super) fn take_in(&mut self) {
        // One slot may be in the writer's hands; after a gap the oldest of the others just tells where the next one begins.
        let whole = self.capacity() - 1;
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            let timers = self.totals.timers.iter_mut().zip(&mut lane.recorded);
            for ((timer, recorded), pending) in timers.zip(&mut lane.pending) {
                let gone = match pending.len() {
                    count if count > whole => count - (whole - 1),
                    _ => 0,
                };
                self.totals.overwritten += gone as u64;
                self.totals.counted += (pending.len() - gone) as u64;
                timer
                    .seen
                    .extend(pending[gone..].iter().map(|&(_, ticks)| ticks));
                for (end, ticks) in pending.drain(..) {
                    timer.window.push((end, number, *recorded, ticks));
                    *recorded += 1;
                    timer.count += 1;
                    timer.sum += u128::from(ticks);
                }
            }
            lane.traced
                .extend(lane.traces.iter().map(|trace| trace.number));
            self.totals.frames.extend(lane.traces.drain(..));
        }
        for timer in &mut self.totals.timers {
            timer.window.sort_unstable();
            let surplus = timer.window.len().saturating_sub(self.window);
            timer.window.drain(..surplus);
        }
        let frames = &mut self.totals.frames;
        frames.sort_by_key(|trace| (trace.end, trace.lane, trace.number));
        let surplus = frames.len().saturating_sub(self.window);
        frames.drain(..surplus);
    }

    /// The slowest frames of the window, slowest first; of equally slow ones the older first.
    pub(super) fn slowest(&self) -> Vec<&Trace> {
        let mut slowest: Vec<_> = self.totals.frames.iter().collect();
        slowest.sort_by_key(|trace| std::cmp::Reverse(trace.end - trace.start));
        slowest.truncate(SLOWEST);
        slowest
    }

    /// Frames since the last reset that were started before a traced one and have no trace.
    pub(super) fn untraced(&self) -> u64 {
        self.all_untraced().saturating_sub(self.totals.untraced)
    }

    fn all_untraced(&self) -> u64 {
        let missing = |lane: &Lane| {
            let last = lane.traced.last().copied().unwrap_or_default();
            (0..last).filter(|n| !lane.traced.contains(n)).count() as u64
        };
        self.lanes.iter().map(missing).sum()
    }

    pub(super) fn reset(&mut self) {
        self.take_in();
        self.totals = Totals {
            counters: vec![0; self.counters],
            timers: vec![Timer::default(); self.timers],
            untraced: self.all_untraced(),
            ..Totals::default()
        };
    }
}
