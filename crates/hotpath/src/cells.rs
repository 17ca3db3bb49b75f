//! The counters of one lane: cells that one thread raises and any thread reads.

use crossbeam::utils::CachePadded;

use crate::frame::{OUTCOME_CELLS, Outcome};
use crate::schema::{Counter, Schema};
use crate::sync::{Arc, OwnedWord};

/// Cells side by side in one padded block of 128 bytes, so that lanes never share a cache line.
const CELLS_PER_BLOCK: usize = 16;
/// The cell of records that named something the lane does not have; the outcomes stand before it.
const REJECTED: usize = OUTCOME_CELLS;
/// The cell of the first counter.
const COUNTERS: usize = REJECTED + 1;

/// A handle on the cells of one lane. Its owner raises them by a load and a store, which is exact because nobody else stores.
///
/// In this order: one cell per outcome, what was rejected, the schema's counters, and what is left of the last block. A counter of
/// another schema that lands there counts as rejected when it is read, so writing needs a single check.
#[derive(Clone, Debug)]
pub(crate) struct Cells {
    blocks: Arc<[CachePadded<[OwnedWord; CELLS_PER_BLOCK]>]>,
    /// How many counters the schema has.
    counters: usize,
}

impl Cells {
    pub(crate) fn new(schema: &Schema) -> Self {
        let counters = schema.counters().len();
        let block = || CachePadded::new(std::array::from_fn(|_| OwnedWord::new(0)));
        let blocks = (COUNTERS + counters).div_ceil(CELLS_PER_BLOCK);
        Self {
            blocks: (0..blocks).map(|_| block()).collect(),
            counters,
        }
    }

    /// The value of a counter; 0 for one of another, larger schema.
    #[inline]
    pub(crate) fn counter(&self, counter: Counter) -> u64 {
        if counter.index() < self.counters {
            self.load(COUNTERS + counter.index())
        } else {
            0
        }
    }

    /// Frames that ended this way.
    pub(crate) fn outcomes(&self, outcome: Outcome, after_motion: bool) -> u64 {
        self.load(outcome.cell(after_motion))
    }

    /// What was rejected, and what was added to counters that the schema does not have.
    pub(crate) fn rejected(&self) -> u64 {
        let strangers = COUNTERS + self.counters..self.blocks.len() * CELLS_PER_BLOCK;
        strangers
            .map(|cell| self.load(cell))
            .fold(self.load(REJECTED), u64::wrapping_add)
    }

    // What follows is called by the owner of the lane alone.

    #[inline]
    pub(crate) fn add(&self, counter: Counter, n: u64) {
        match self.cell(COUNTERS + counter.index()) {
            Some(cell) => cell.raise(n),
            None => self.reject(n),
        }
    }

    #[inline]
    pub(crate) fn add_outcome(&self, outcome: Outcome, after_motion: bool) {
        if let Some(cell) = self.cell(outcome.cell(after_motion)) {
            cell.raise(1);
        }
    }

    #[cold]
    pub(crate) fn reject(&self, n: u64) {
        if let Some(cell) = self.cell(REJECTED) {
            cell.raise(n);
        }
    }

    fn load(&self, cell: usize) -> u64 {
        self.cell(cell).map_or(0, OwnedWord::load)
    }

    #[inline]
    fn cell(&self, index: usize) -> Option<&OwnedWord> {
        let block = self.blocks.get(index / CELLS_PER_BLOCK)?;
        Some(&block[index % CELLS_PER_BLOCK])
    }
}
