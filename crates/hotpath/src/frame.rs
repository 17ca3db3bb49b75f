//! Whole frames: the unit of the loop, and so the unit of the API.

use std::fmt;

use crate::clock::Stamp;
use crate::in_flight;
use crate::recorder::Recorder;
use crate::schema::{Timer, metrics};

/// What came of a frame. Every frame has exactly one outcome, so the five add up to the frames processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// No motion.
    Idle,
    /// Motion, but no event came of it.
    Motion,
    /// An event, dropped as a duplicate.
    Suppressed,
    /// An event that was logged; records [`metrics::FRAME_LATENCY`] from the motion mark (from the start without one).
    Event,
    /// A stage failed. Also what a frame becomes that is dropped without [`Frame::finish`].
    Failed,
}

/// Cells that a lane keeps for outcomes: the five, and failed frames that had seen motion.
pub(crate) const OUTCOME_CELLS: usize = 6;

impl Outcome {
    /// All of them, in the order of the table above.
    pub const ALL: [Self; 5] = [
        Self::Idle,
        Self::Motion,
        Self::Suppressed,
        Self::Event,
        Self::Failed,
    ];

    /// The outcome's name in logs and displays.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Motion => "motion",
            Self::Suppressed => "suppressed",
            Self::Event => "event",
            Self::Failed => "failed",
        }
    }

    /// The timer of whole frames that end this way: a frame's total time is kept by its outcome.
    #[inline]
    pub const fn timer(self) -> Timer {
        match self {
            Self::Idle => metrics::FRAME_IDLE,
            Self::Motion => metrics::FRAME_MOTION,
            Self::Suppressed => metrics::FRAME_SUPPRESSED,
            Self::Event => metrics::FRAME_EVENT,
            Self::Failed => metrics::FRAME_FAILED,
        }
    }

    #[inline]
    pub(crate) const fn cell(self, after_motion: bool) -> usize {
        match (self, after_motion) {
            (Self::Failed, true) => Self::ALL.len(),
            _ => self as usize,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The most stages that a [`FrameTrace`] holds; further ones are measured all the same and left out of the trace.
pub const MAX_TRACED_STAGES: usize = 8;

/// One frame as its lane's flight recorder keeps it. Times are clock ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameTrace {
    /// Frames that were started on this lane before it.
    pub number: u64,
    /// When it started.
    pub start: Stamp,
    /// When it ended.
    pub end: Stamp,
    /// What came of it.
    pub outcome: Outcome,
    /// Where motion was seen, and which event was logged, where the flags below say so. Two options in their place would make the
    /// trace longer than the 128 bytes that are copied without a call: some 45 instructions more for each frame.
    motion: Stamp,
    event_id: u64,
    has_motion: bool,
    has_event_id: bool,
    stages: [Timer; MAX_TRACED_STAGES],
    starts: [Stamp; MAX_TRACED_STAGES],
    /// Stages that were started; more than fit are counted here too.
    stage_count: u16,
}

/// One stage of a [`FrameTrace`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageSpan {
    /// The stage.
    pub timer: Timer,
    /// When it started; it ended where the next one starts.
    pub start: Stamp,
    /// How long it took, in ticks. The last stage of a trace that is [`FrameTrace::is_truncated`] holds the rest too.
    pub ticks: u64,
}

impl FrameTrace {
    /// The stages in their order, at most [`MAX_TRACED_STAGES`].
    pub fn stages(&self) -> impl Iterator<Item = StageSpan> + '_ {
        let held = usize::from(self.stage_count).min(MAX_TRACED_STAGES);
        let starts = self.starts.iter().take(held);
        let ends = starts.clone().skip(1).chain(std::iter::once(&self.end));
        self.stages
            .iter()
            .zip(starts.zip(ends))
            .map(|(&timer, (&start, end))| StageSpan {
                timer,
                start,
                ticks: end.0.saturating_sub(start.0),
            })
    }

    /// Where motion was seen, if it was.
    pub fn motion(&self) -> Option<Stamp> {
        self.has_motion.then_some(self.motion)
    }

    /// The event that was logged for it, if the loop said which, see [`Frame::event_id`].
    pub fn event_id(&self) -> Option<u64> {
        self.has_event_id.then_some(self.event_id)
    }

    /// Whether there were more stages than a trace holds.
    pub fn is_truncated(&self) -> bool {
        usize::from(self.stage_count) > MAX_TRACED_STAGES
    }
}

/// A frame on its way through the loop; stays on its thread.
///
/// `n` stages cost `n + 2` clock reads, one more if motion is marked: a stage ends where the next one starts. The whole frame is
/// timed under its outcome ([`Outcome::timer`]). Dropping a frame without [`Frame::finish`] (an early return, a panic) ends its
/// stage and counts it as [`Outcome::Failed`].
///
/// ```
/// use tachograph_hotpath::{Outcome, Registry, RegistryOptions, SchemaBuilder, metrics};
///
/// let registry = Registry::new(SchemaBuilder::new().build(), RegistryOptions::default());
/// let recorder = registry.recorder();
/// let mut frame = recorder.frame();
/// frame.motion();
/// frame.stage(metrics::COREML_INFERENCE);
/// // … detect …
/// frame.stage(metrics::LLM_INFERENCE);
/// // … describe …
/// frame.finish(Outcome::Event);
/// ```
#[must_use = "a frame that is dropped counts as failed"]
#[derive(Debug)]
pub struct Frame<'r> {
    recorder: &'r Recorder,
    trace: FrameTrace,
    stage: Option<(Timer, Stamp)>,
    /// The in-flight word of whatever encloses this frame.
    outer: u64,
}

impl<'r> Frame<'r> {
    #[inline]
    pub(crate) fn start(recorder: &'r Recorder) -> Self {
        let start = recorder.now();
        let outer = recorder.replace_in_flight(in_flight::of_frame(start.0));
        let trace = FrameTrace {
            number: recorder.next_frame(),
            start,
            end: start,
            outcome: Outcome::Failed,
            motion: Stamp(0),
            event_id: 0,
            has_motion: false,
            has_event_id: false,
            stages: [metrics::FRAME_LATENCY; MAX_TRACED_STAGES],
            // Not `start`: a vector of zeros is one constant, eight copies of a fresh reading cost 15 ns.
            starts: [Stamp(0); MAX_TRACED_STAGES],
            stage_count: 0,
        };
        Self {
            recorder,
            trace,
            stage: None,
            outer,
        }
    }

    /// Ends the running stage and starts this one, with a single clock read.
    #[inline]
    pub fn stage(&mut self, timer: Timer) {
        let now = self.recorder.now();
        self.end_stage(now);
        self.stage = Some((timer, now));
        self.recorder
            .set_in_flight(in_flight::of_timer(timer, now.0));
        let place = usize::from(self.trace.stage_count);
        if let (Some(stage), Some(start)) = (
            self.trace.stages.get_mut(place),
            self.trace.starts.get_mut(place),
        ) {
            (*stage, *start) = (timer, now);
        }
        self.trace.stage_count = self.trace.stage_count.saturating_add(1);
    }

    /// Marks where motion was seen: an event's latency counts from the first mark. Costs one clock read.
    #[inline]
    pub fn motion(&mut self) {
        if !self.trace.has_motion {
            self.trace.has_motion = true;
            self.trace.motion = self.recorder.now();
        }
    }

    /// Says which event is logged for this frame, by whatever number the event log knows it: so the slowest frames can be looked up
    /// there. The last call counts. Costs two stores.
    #[inline]
    pub fn event_id(&mut self, id: u64) {
        self.trace.has_event_id = true;
        self.trace.event_id = id;
    }

    /// The frame's number on its lane, from 0.
    pub fn number(&self) -> u64 {
        self.trace.number
    }

    /// Ends the frame.
    #[inline]
    pub fn finish(mut self, outcome: Outcome) {
        self.trace.outcome = outcome;
    }

    #[inline]
    fn end_stage(&mut self, now: Stamp) {
        if let Some((timer, start)) = self.stage.take() {
            self.recorder.record_between(timer, start, now);
        }
    }
}

impl Drop for Frame<'_> {
    #[inline]
    fn drop(&mut self) {
        let end = self.recorder.now();
        self.end_stage(end);
        let outcome = self.trace.outcome;
        if outcome == Outcome::Event {
            let from = self.trace.motion().unwrap_or(self.trace.start);
            self.recorder
                .record_between(metrics::FRAME_LATENCY, from, end);
        }
        self.recorder
            .record_between(outcome.timer(), self.trace.start, end);
        self.trace.end = end;
        self.recorder.end_frame(&self.trace);
        self.recorder.set_in_flight(self.outer);
    }
}
