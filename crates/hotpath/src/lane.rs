//! One writer's storage. Exactly one thread writes a lane at a time; anybody may read it.

use crossbeam::queue::ArrayQueue;
use crossbeam::utils::CachePadded;

use crate::frame::{FrameTrace, OUTCOME_CELLS, Outcome};
use crate::in_flight::{self, InFlight};
use crate::ring::{SampleRing, SampleWriter};
use crate::schema::{Counter, Schema, Timer};
use crate::sync::{Arc, AtomicU64, OwnedCounter, Relaxed};

/// Cells side by side in one padded block of 128 bytes, so that lanes never share a cache line.
const CELLS_PER_BLOCK: usize = 16;
/// The cell of records that named something this lane does not have.
const REJECTED: usize = OUTCOME_CELLS;
/// The cell of the first counter.
const COUNTERS: usize = REJECTED + 1;

type Block = CachePadded<[OwnedCounter; CELLS_PER_BLOCK]>;

/// One writer's storage: counter cells, a sample ring per timer, a ring of frame traces and the in-flight word.
///
/// Read it through its methods; write it through a [`crate::Recorder`]. A lane outlives its recorders: the next owner goes on
/// from where the last one stopped, so nothing is lost in the handover.
#[derive(Debug)]
pub struct Lane {
    /// The cells of [`OUTCOME_CELLS`], then [`REJECTED`], then the schema's counters, then what is left of the last block. A
    /// counter of another schema that lands there is counted as rejected when it is read, so writing needs a single check.
    cells: Box<[Block]>,
    /// How many counters the schema has.
    counters: usize,
    rings: Box<[Arc<SampleRing>]>,
    /// The newest whole frames. The only part that reader and writer both change.
    frames: ArrayQueue<FrameTrace>,
    /// See [`crate::in_flight`]; stored by the owner alone.
    in_flight: CachePadded<AtomicU64>,
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
        let counters = schema.counters().len();
        let cells = COUNTERS + counters;
        let block = || CachePadded::new(std::array::from_fn(|_| OwnedCounter::new()));
        let (rings, timers): (Vec<_>, Vec<_>) = schema
            .timers()
            .iter()
            .map(|_| SampleRing::new(samples))
            .map(|(ring, writer)| (ring, CachePadded::new(writer)))
            .unzip();
        let lane = Self {
            cells: (0..cells.div_ceil(CELLS_PER_BLOCK))
                .map(|_| block())
                .collect(),
            counters,
            rings: rings.into(),
            frames: ArrayQueue::new(frames.max(1)),
            in_flight: CachePadded::new(AtomicU64::new(in_flight::NOTHING)),
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
        if counter.index() < self.counters {
            self.load(COUNTERS + counter.index())
        } else {
            0
        }
    }

    /// How many frames ended this way; `after_motion` tells failed frames that had seen motion from those that had not,
    /// and is ignored for the others.
    pub fn outcomes(&self, outcome: Outcome, after_motion: bool) -> u64 {
        self.load(outcome.cell(after_motion))
    }

    /// Records that named a timer which this lane's schema does not have, and what was added to counters that it does not have.
    pub fn rejected(&self) -> u64 {
        let cells = self.cells.len() * CELLS_PER_BLOCK;
        let strangers = (COUNTERS + self.counters..cells).map(|cell| self.load(cell));
        strangers.fold(self.load(REJECTED), u64::wrapping_add)
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
        in_flight::decode(self.in_flight.load(Relaxed))
    }

    fn load(&self, cell: usize) -> u64 {
        self.cell(cell).map_or(0, OwnedCounter::load)
    }

    #[inline]
    fn cell(&self, index: usize) -> Option<&OwnedCounter> {
        let block = self.cells.get(index / CELLS_PER_BLOCK)?;
        Some(&block[index % CELLS_PER_BLOCK])
    }

    // What follows is called by the owner of the lane alone; that is what makes `store(load + n)` exact.

    #[inline]
    pub(crate) fn add(&self, counter: Counter, n: u64) {
        match self.cell(COUNTERS + counter.index()) {
            Some(cell) => cell.raise(n),
            None => self.reject(),
        }
    }

    #[inline]
    pub(crate) fn add_outcome(&self, outcome: Outcome, after_motion: bool) {
        self.raise(outcome.cell(after_motion), 1);
    }

    #[cold]
    pub(crate) fn reject(&self) {
        self.raise(REJECTED, 1);
    }

    #[inline]
    fn raise(&self, cell: usize, n: u64) {
        if let Some(cell) = self.cell(cell) {
            cell.raise(n);
        }
    }

    #[inline]
    pub(crate) fn set_in_flight(&self, word: u64) {
        self.in_flight.store(word, Relaxed); // F1
    }

    #[inline]
    pub(crate) fn push_frame(&self, trace: FrameTrace) {
        // What falls out is the oldest trace; its durations are in the timers.
        let _oldest = self.frames.force_push(trace);
    }
}
