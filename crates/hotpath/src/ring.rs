//! One timer's samples in one lane: a ring with a single writer and any number of readers, which overwrites its oldest.
//!
//! A slot is two words: when the sample ended, and the *running sum* of all durations up to and including it. A sample's
//! duration is the difference to its predecessor's sum. So the exact sum that belongs to any count of samples can be read
//! even when most of them were overwritten unseen, and writer and reader never disagree about which samples a sum covers.
//!
//! # Protocol
//!
//! The writer, which keeps its running sum in a plain cell and reads back nothing but its own `tail`:
//! 1. store both words of slot `position % capacity` (`Release`, edge R2);
//! 2. store `tail = position + 1` (`Release`, edge R1).
//!
//! A reader that has seen everything before index `next`:
//! 1. `tail` (`Acquire`, R1): slots `max(next, tail + 1 - capacity) .. tail` are to be copied;
//! 2. copy a stride of them, each word `Acquire` (R2);
//! 3. `tail` again: an index `<= tail - capacity` may have been overwritten while it was copied. So if the stride has one, drop
//!    that index and everything before it; then the next stride;
//! 4. should too few of the newest be left, begin anew and copy no more than these.
//!
//! Why that is enough: if a copied word of slot `k` belongs to a newer sample `k + capacity` or later, then that word's
//! `Release` store came after the store `tail = k + capacity`, and the `Acquire` load of the word makes the next load of
//! `tail` see at least that. So `k` is dropped. One sample at most is being written, so `capacity - 1` are always whole;
//! after a gap one of these only serves as the predecessor of the next, which leaves `capacity - 2` durations.
//!
//! Why in strides: what was whole at the end of its stride is kept, whatever the writer does to it afterwards. So a copy fails
//! only when the writer gains the free part of the ring on the reader, not when it gets that far at all: it must write about
//! twice as fast as it is read, or the reader must have been preempted, and then it is not when it tries again. A writer that does
//! nothing but write cost 31 attempts on average and up to 600 (5 ms) without the strides, and costs 1.7 and up to some ten (0.05 ms)
//! with them.
//!
//! `docs/orderings.md` has one row per edge.

use std::fmt;
use std::ops::Range;

use crossbeam::utils::CachePadded;

use crate::sync::{Acquire, Arc, AtomicU64, Cell, OwnedWord, Release};

/// Durations are clamped to this many ticks: 12 years at 3 GHz. The running sum wraps at 2^64; readers take differences,
/// which stay exact as long as fewer than 16 samples of this length lie between two reads.
pub const MAX_SAMPLE_TICKS: u64 = 1 << 60;

/// Slots that are copied between two looks at the writer's position: few, so that hardly any is lost to a writer that is
/// close behind, and enough to make the looks cheap.
const STRIDE: u64 = 64;

/// Unused slots before and behind the others, 128 bytes each, so that a ring shares no cache line with anything else.
const MARGIN: usize = 8;

struct Slot {
    /// Clock ticks at the end of the sample.
    end: AtomicU64,
    /// Sum of all durations up to and including this sample, in ticks, wrapping.
    sum: AtomicU64,
}

/// One measured duration, as a reader gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Clock ticks when it ended.
    pub end: u64,
    /// Its length in ticks.
    pub ticks: u64,
    /// How many samples its ring had before it.
    pub index: u64,
}

/// A reader's place in one ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Index of the first sample not seen yet.
    next: u64,
    /// The running sum before that sample; wraps.
    sum: u64,
}

impl Cursor {
    /// How many samples lie behind it, seen or overwritten.
    pub fn count(&self) -> u64 {
        self.next
    }

    /// Sum in ticks of the durations of all those samples, modulo 2^64: only differences mean something.
    pub fn sum(&self) -> u64 {
        self.sum
    }
}

/// The shared half of a sample ring: written through its one [`SampleWriter`], read by anybody.
pub struct SampleRing {
    /// How many samples were ever written. Stored by the writer alone.
    tail: CachePadded<OwnedWord>,
    /// A margin, the slots, a margin.
    slots: Box<[Slot]>,
    /// Capacity - 1; the capacity is a power of two.
    mask: u64,
}

impl SampleRing {
    /// A ring of the next power of two of at least `capacity` slots, and its only writer.
    pub fn new(capacity: usize) -> (Arc<Self>, SampleWriter) {
        let capacity = capacity.max(2).next_power_of_two();
        let slot = || Slot {
            end: AtomicU64::new(0),
            sum: AtomicU64::new(0),
        };
        let ring = Arc::new(Self {
            tail: CachePadded::new(OwnedWord::new(0)),
            slots: (0..capacity + 2 * MARGIN).map(|_| slot()).collect(),
            mask: capacity as u64 - 1,
        });
        let writer = SampleWriter {
            ring: Arc::clone(&ring),
            sum: Cell::new(0),
        };
        (ring, writer)
    }

    /// Slots, a power of two.
    pub fn capacity(&self) -> u64 {
        self.mask + 1
    }

    /// How many samples were ever written.
    #[inline]
    pub fn count(&self) -> u64 {
        self.tail.load()
    }

    /// Appends every sample that `cursor` has not seen and that is still there to `out`, oldest first, and moves the cursor
    /// behind them. Returns how many were overwritten unseen.
    ///
    /// At least the newest `newest` samples (at most `capacity - 2`) are delivered, however late the call comes. Cost: two
    /// loads and a subtraction per sample; never waits for the writer, but begins anew when the writer gained
    /// `capacity - newest` samples on it in the middle of the copy.
    pub fn read(&self, cursor: &mut Cursor, newest: usize, out: &mut Vec<Sample>) -> u64 {
        self.read_interrupted(cursor, newest, out, STRIDE, &mut || {})
    }

    /// [`SampleRing::read`]; `pause` is called wherever it matters that the writer goes on: before each word that is copied and
    /// before each further look at `tail`.
    #[inline]
    pub(crate) fn read_interrupted(
        &self,
        cursor: &mut Cursor,
        newest: usize,
        out: &mut Vec<Sample>,
        stride: u64,
        pause: &mut impl FnMut(),
    ) -> u64 {
        let kept = out.len();
        let newest = (newest as u64).min(self.capacity() - 2);
        let mut tail = self.tail.load(); // R1
        let mut from = self.oldest_whole(tail);
        while tail != cursor.next {
            let range = cursor.next.max(from)..tail;
            let wanted = newest.min(tail - cursor.next);
            if let Some((first, sum)) = self.keep_ahead(range, wanted, *cursor, out, stride, pause)
            {
                let overwritten = first - cursor.next;
                *cursor = Cursor { next: tail, sum };
                if overwritten > 0 {
                    drop_before(first, kept, out);
                }
                return overwritten;
            }
            out.truncate(kept);
            pause();
            tail = self.tail.load(); // R1
            from = tail.saturating_sub(newest + 1);
        }
        0
    }

    /// Copies the samples of `range` in strides. Returns the first index from which on all are exact, and the last sum; `None`
    /// when the writer came so near that fewer than `wanted` are left, or that the last sum is lost.
    #[inline]
    fn keep_ahead(
        &self,
        range: Range<u64>,
        wanted: u64,
        cursor: Cursor,
        out: &mut Vec<Sample>,
        stride: u64,
        pause: &mut impl FnMut(),
    ) -> Option<(u64, u64)> {
        let mut first = first_exact(range.start, cursor);
        let (mut next, mut sum) = (range.start, cursor.sum);
        while next < range.end {
            let end = range.end.min(next + stride);
            sum = self.copy(next..end, sum, out, pause);
            pause();
            // R2: the words copied above are Acquire loads, so this load cannot be older than what they saw.
            let whole = self.oldest_whole(self.tail.load()); // R1
            if whole > next {
                first = first_exact(whole, cursor);
                if first + wanted > range.end {
                    return None;
                }
            }
            next = end;
        }
        Some((first, sum))
    }

    /// Copies the samples of `range`, each with the difference to the sum before it, which is `sum` for the first; returns
    /// the last sum.
    #[inline]
    fn copy(
        &self,
        range: Range<u64>,
        mut sum: u64,
        out: &mut Vec<Sample>,
        pause: &mut impl FnMut(),
    ) -> u64 {
        out.reserve(usize::try_from(range.end - range.start).unwrap_or(0));
        for index in range {
            if let Some(slot) = self.slot(index) {
                pause();
                let end = slot.end.load(Acquire); // R2
                pause();
                let next_sum = slot.sum.load(Acquire); // R2
                out.push(Sample {
                    end,
                    ticks: next_sum.wrapping_sub(sum),
                    index,
                });
                sum = next_sum;
            }
        }
        sum
    }

    /// The first index whose slot the writer cannot be overwriting when `tail` samples are complete.
    fn oldest_whole(&self, tail: u64) -> u64 {
        tail.saturating_sub(self.mask)
    }

    #[inline]
    fn slot(&self, index: u64) -> Option<&Slot> {
        // The mask keeps it below the capacity, which fits in memory.
        #[expect(clippy::cast_possible_truncation)]
        let index = (index & self.mask) as usize;
        self.slots.get(MARGIN + index)
    }
}

impl fmt::Debug for SampleRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SampleRing")
            .field("count", &self.count())
            .field("capacity", &self.capacity())
            .finish()
    }
}

/// The first index whose duration is exact when slots are whole from `whole` on: its predecessor's sum must be known too.
fn first_exact(whole: u64, cursor: Cursor) -> u64 {
    if whole == cursor.next {
        whole
    } else {
        whole + 1
    }
}

#[cold]
fn drop_before(first: u64, kept: usize, out: &mut Vec<Sample>) {
    let stale = out
        .iter()
        .skip(kept)
        .take_while(|sample| sample.index < first)
        .count();
    out.drain(kept..kept + stale);
}

/// The writing half of a [`SampleRing`]: one exists per ring. `Send`, not `Sync`, not `Clone`.
#[derive(Debug)]
pub struct SampleWriter {
    ring: Arc<SampleRing>,
    /// Running sum of all durations, in ticks; wraps.
    sum: Cell<u64>,
}

impl SampleWriter {
    /// Writes a sample, over the oldest if the ring is full. Wait-free: two loads and four stores.
    #[inline]
    pub fn push(&self, end: u64, ticks: u64) {
        let position = self.ring.tail.own();
        let sum = self.sum.get().wrapping_add(ticks.min(MAX_SAMPLE_TICKS));
        if let Some(slot) = self.ring.slot(position) {
            slot.end.store(end, Release); // R2
            slot.sum.store(sum, Release); // R2
        }
        self.sum.set(sum);
        self.ring.tail.set(position + 1); // R1
    }

    /// How many samples were written.
    #[inline]
    pub fn count(&self) -> u64 {
        self.ring.tail.own()
    }
}

#[cfg(all(test, not(tachograph_loom)))]
mod interrupted;

#[cfg(all(test, not(tachograph_loom)))]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    use super::*;

    fn read(ring: &SampleRing, cursor: &mut Cursor, newest: usize) -> (Vec<Sample>, u64) {
        let mut out = Vec::new();
        let overwritten = ring.read(cursor, newest, &mut out);
        (out, overwritten)
    }

    #[test]
    fn every_sample_comes_out_once_in_order() {
        let (ring, writer) = SampleRing::new(8);
        let mut cursor = Cursor::default();
        let mut next = 0;
        for burst in [0, 1, 3, 7, 0, 5] {
            for _ in 0..burst {
                let n = writer.count();
                writer.push(100 + n, 10 * n);
            }
            let (samples, overwritten) = read(&ring, &mut cursor, 1);
            assert_eq!((samples.len(), overwritten), (burst, 0));
            for sample in samples {
                assert_eq!(
                    sample,
                    Sample {
                        end: 100 + next,
                        ticks: 10 * next,
                        index: next
                    }
                );
                next += 1;
            }
        }
        assert_eq!(cursor.sum(), (0..16).map(|n| 10 * n).sum::<u64>());
    }

    #[test]
    fn what_is_overwritten_is_counted_and_its_sum_is_kept() {
        let (ring, writer) = SampleRing::new(8);
        let mut cursor = Cursor::default();
        for n in 0..100 {
            writer.push(n, n);
        }
        let (samples, overwritten) = read(&ring, &mut cursor, 6);
        // 8 slots: one may be in the writer's hands, one serves as predecessor.
        assert_eq!(
            samples.iter().map(|s| s.ticks).collect::<Vec<_>>(),
            (94..100).collect::<Vec<_>>()
        );
        assert_eq!(overwritten, 94);
        assert_eq!((cursor.count(), cursor.sum()), (100, (0..100).sum()));
    }

    #[test]
    fn a_full_lap_without_loss_is_read_whole() {
        let (ring, writer) = SampleRing::new(4);
        let mut cursor = Cursor::default();
        for lap in 0..5 {
            for n in 0..3 {
                writer.push(n, lap);
            }
            let (samples, overwritten) = read(&ring, &mut cursor, 2);
            assert_eq!((samples.len(), overwritten), (3, 0));
            assert!(samples.iter().all(|s| s.ticks == lap));
        }
    }

    #[test]
    fn what_the_caller_had_stays() {
        let (ring, writer) = SampleRing::new(4);
        let mut out = vec![Sample {
            end: 1,
            ticks: 1,
            index: 7,
        }];
        for n in 0..9 {
            writer.push(n, 1);
        }
        ring.read(&mut Cursor::default(), 2, &mut out);
        assert_eq!(out.len(), 3);
        assert_eq!(out[0].index, 7);
    }

    #[test]
    fn absurd_durations_are_clamped_and_the_sum_wraps_harmlessly() {
        let (ring, writer) = SampleRing::new(4);
        let mut cursor = Cursor::default();
        for _ in 0..40 {
            writer.push(0, u64::MAX);
            let (samples, _) = read(&ring, &mut cursor, 1);
            assert_eq!(samples[0].ticks, MAX_SAMPLE_TICKS);
        }
    }

    #[test]
    fn the_newest_are_always_there_under_a_racing_writer() {
        let (samples, reads) = if cfg!(miri) { (200, 5) } else { (300_000, 500) };
        let (ring, writer) = SampleRing::new(64);
        let running = Arc::new(AtomicBool::new(true));
        let still = Arc::clone(&running);
        let writing = std::thread::spawn(move || {
            while still.load(Relaxed) {
                let n = writer.count() + 1;
                writer.push(n, n);
            }
        });
        let (mut cursor, mut seen, mut lost) = (Cursor::default(), 0, 0);
        let mut check = |cursor: &mut Cursor| {
            let before = cursor.count();
            let (samples, overwritten) = read(&ring, cursor, 32);
            for (index, sample) in (before + overwritten..).zip(&samples) {
                let (end, ticks) = (index + 1, index + 1);
                assert_eq!(*sample, Sample { end, ticks, index });
            }
            assert!(samples.len() as u64 >= (cursor.count() - before).min(32));
            seen += samples.len() as u64;
            lost += overwritten;
        };
        for done in 0.. {
            check(&mut cursor);
            if done >= reads && cursor.count() >= samples {
                break;
            }
        }
        running.store(false, Relaxed);
        writing.join().expect("the writer cannot panic");
        check(&mut cursor);
        let count = ring.count();
        assert_eq!(
            (seen + lost, cursor.sum()),
            (count, count * (count + 1) / 2)
        );
    }
}
