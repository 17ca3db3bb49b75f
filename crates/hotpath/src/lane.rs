//! One writer's storage. Exactly one thread writes a lane at a time; anybody may read it.

use crossbeam::queue::ArrayQueue;
use crossbeam::utils::CachePadded;

use crate::cells::Cells;
use crate::frame::{FrameTrace, Outcome};
use crate::in_flight::{self, InFlight};
use crate::ring::{SampleRing, SampleWriter};
use crate::schema::{Counter, Schema, Timer};
use crate::sync::{Arc, OwnedWord};

/// One writer's storage: counter cells, a sample ring per timer, a ring of frame traces and the in-flight word.
///
/// Read it through its methods; write it through a [`crate::Recorder`]. A lane outlives its recorders: the next owner goes on
/// from where the last one stopped, so nothing is lost in the handover.
#[derive(Debug)]
pub struct Lane {
    cells: Cells,
    rings: Box<[Arc<SampleRing>]>,
    /// The newest whole frames. The only part that reader and writer both change.
    frames: ArrayQueue<FrameTrace>,
    /// See [`crate::in_flight`]; stored by the owner alone.
    in_flight: CachePadded<OwnedWord>,
}

/// What a lane's owner holds of it besides the lane: handed over whole from one recorder to the next.
#[derive(Debug, Default)]
pub(crate) struct LaneWriters {
    /// One per timer, padded so that two threads' positions never share a cache line.
    pub(crate) timers: Box<[CachePadded<SampleWriter>]>,
    /// Frames started on this lane so far.
    pub(crate) frames: u64,
}

impl Lane {
    pub(crate) fn new(schema: &Schema, samples: usize, frames: usize) -> (Self, LaneWriters) {
        let (rings, timers): (Vec<_>, Vec<_>) = schema
            .timers()
            .iter()
            .map(|_| SampleRing::new(samples))
            .map(|(ring, writer)| (ring, CachePadded::new(writer)))
            .unzip();
        let lane = Self {
            cells: Cells::new(schema),
            rings: rings.into(),
            frames: ArrayQueue::new(frames.max(1)),
            in_flight: CachePadded::new(OwnedWord::new(in_flight::NOTHING)),
        };
        (
            lane,
            LaneWriters {
                timers: timers.into(),
                frames: 0,
            },
        )
    }

    /// The value of a counter; 0 for a counter of another, larger schema.
    ///
    /// Of two counters that the owner raises one after the other, read the second first: then it is never ahead (C1).
    #[inline]
    pub fn counter(&self, counter: Counter) -> u64 {
        self.cells.counter(counter)
    }

    /// How many frames ended this way; `after_motion` tells failed frames that had seen motion from those that had not,
    /// and is ignored for the others.
    pub fn outcomes(&self, outcome: Outcome, after_motion: bool) -> u64 {
        self.cells.outcomes(outcome, after_motion)
    }

    /// Records that named a timer which this lane's schema does not have, and what was added to counters that it does not have.
    pub fn rejected(&self) -> u64 {
        self.cells.rejected()
    }

    /// The samples of a timer; `None` for a timer of another, larger schema.
    #[inline]
    pub fn ring(&self, timer: Timer) -> Option<&SampleRing> {
        self.rings.get(timer.index()).map(|ring| &**ring)
    }

    /// All sample rings, in schema order.
    pub fn rings(&self) -> impl Iterator<Item = &SampleRing> {
        self.rings.iter().map(|ring| &**ring)
    }

    /// Takes the oldest frame trace that is still held. One reader at a time gets each.
    pub fn pop_frame(&self) -> Option<FrameTrace> {
        self.frames.pop()
    }

    /// Frame traces that it keeps.
    pub fn frame_capacity(&self) -> usize {
        self.frames.capacity()
    }

    /// What the owner is doing right now. A single word, so it is never half old and half new (F1).
    pub fn in_flight(&self) -> Option<InFlight> {
        in_flight::decode(self.in_flight.load()) // F1
    }

    // What follows is for the owner of the lane alone.

    pub(crate) fn cells(&self) -> &Cells {
        &self.cells
    }

    #[inline]
    pub(crate) fn own_in_flight(&self) -> u64 {
        self.in_flight.own()
    }

    #[inline]
    pub(crate) fn set_in_flight(&self, word: u64) {
        self.in_flight.set(word); // F1
    }

    #[inline]
    pub(crate) fn push_frame(&self, trace: FrameTrace) {
        // What falls out is the oldest trace; its durations are in the timers.
        let _oldest = self.frames.force_push(trace);
    }
}
