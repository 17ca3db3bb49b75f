//! Whole frames: the slowest of the newest, and the newest.

use std::collections::VecDeque;

use tachograph_hotpath::{FrameTrace, Sample};

use crate::timeline::Timeline;
use crate::window::Entry;

/// Slowest frames that are kept.
const SLOWEST: usize = 8;
/// Newest frames that are kept.
const NEWEST: usize = 256;
/// Candidates that there is room for from the start; there are some fifty as a rule.
const CANDIDATES: usize = 256;

/// A frame and the lane that recorded it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TracedFrame {
    /// Its place in the order of all frames, and its length.
    pub(crate) entry: Entry,
    /// In the order of the lanes' creation.
    pub(crate) lane: usize,
    pub(crate) trace: FrameTrace,
}

/// The slowest of the newest `window` frames that were traced, and the newest ones.
///
/// Exact, without keeping a window of traces: a frame that eight newer ones exceed will never again be among the eight slowest, so
/// it goes at once. What is left of `n` frames in random order is some `8 (1 + ln(n / 8))`.
#[derive(Debug)]
pub(crate) struct Frames {
    window: usize,
    /// In order; those of the last reduction that were read since [`Frames::settle`] come last, unordered.
    candidates: Vec<TracedFrame>,
    /// Where the unordered ones begin.
    settled: usize,
    /// In order, at most `window` between two calls: the oldest says what is still in it.
    window_entries: VecDeque<Entry>,
    /// Slowest first; of equally slow ones the older first.
    slowest: Vec<TracedFrame>,
    /// In order.
    newest: VecDeque<TracedFrame>,
    numbers: Vec<Numbers>,
    /// [`Frames::untraced`] is counted from here.
    baseline: u64,
    scratch: Vec<TracedFrame>,
}

/// What is known of the frames of one lane.
#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    /// Frames that were started, as far as traces tell.
    started: u64,
    /// Traces that were read.
    traced: u64,
}

impl Frames {
    pub(crate) fn new(window: usize) -> Self {
        Self {
            window,
            candidates: Vec::with_capacity(CANDIDATES),
            settled: 0,
            window_entries: VecDeque::with_capacity(window.saturating_add(NEWEST)),
            slowest: Vec::with_capacity(SLOWEST + 1),
            newest: VecDeque::with_capacity(2 * NEWEST),
            numbers: Vec::new(),
            baseline: 0,
            scratch: Vec::with_capacity(CANDIDATES),
        }
    }

    /// Slowest first; at most eight.
    pub(crate) fn slowest(&self) -> &[TracedFrame] {
        &self.slowest
    }

    /// Oldest first; at most 256.
    pub(crate) fn newest(&self) -> impl ExactSizeIterator<Item = &TracedFrame> {
        self.newest.iter()
    }

    /// Frames since the last reset whose trace was overwritten before it was read.
    pub(crate) fn untraced(&self) -> u64 {
        // A frame that is still open while one within it has ended counts until it ends, too.
        self.all_untraced().saturating_sub(self.baseline)
    }

    fn all_untraced(&self) -> u64 {
        self.numbers
            .iter()
            .map(|lane| lane.started.saturating_sub(lane.traced))
            .sum()
    }

    /// Takes in a trace. One that spans a jump of the clock is left out: its stages would tell of the jump.
    pub(crate) fn take(&mut self, lane: usize, trace: FrameTrace, timeline: &Timeline) {
        if self.numbers.len() <= lane {
            self.numbers.resize(lane + 1, Numbers::default());
        }
        if let Some(numbers) = self.numbers.get_mut(lane) {
            numbers.started = numbers.started.max(trace.number.saturating_add(1));
            numbers.traced += 1;
        }
        let end = trace.end.ticks();
        let ticks = end.saturating_sub(trace.start.ticks());
        if timeline.length(end, ticks) != ticks {
            return;
        }
        let sample = Sample {
            end: timeline.place(end),
            ticks,
            index: trace.number,
        };
        self.candidates.push(TracedFrame {
            entry: Entry::new(lane as u64, sample),
            lane,
            trace,
        });
    }

    /// Brings everything into order once all lanes were read.
    pub(crate) fn settle(&mut self) {
        let arrived = self.candidates.get_mut(self.settled..).unwrap_or_default();
        if arrived.is_empty() {
            return;
        }
        arrived.sort_unstable_by_key(|frame| frame.entry);
        let first = arrived.first().map(|frame| frame.entry);
        let late = self.window_entries.back().copied() > first;
        self.newest.extend(arrived.iter());
        self.window_entries
            .extend(arrived.iter().map(|frame| frame.entry));
        if late {
            self.newest
                .make_contiguous()
                .sort_unstable_by_key(|frame| frame.entry);
            self.window_entries.make_contiguous().sort_unstable();
            self.candidates.sort_unstable_by_key(|frame| frame.entry);
        }
        drop_oldest(&mut self.newest, NEWEST);
        drop_oldest(&mut self.window_entries, self.window);
        self.find_slowest();
    }

    /// From the newest to the oldest: whatever eight newer ones exceed is no candidate any more.
    fn find_slowest(&mut self) {
        let oldest = self.window_entries.front().copied();
        self.slowest.clear();
        self.scratch.clear();
        for frame in self.candidates.drain(..).rev() {
            let slower = |other: &TracedFrame| other.entry.ticks() > frame.entry.ticks();
            let place = self.slowest.partition_point(slower);
            if place < SLOWEST && Some(frame.entry) >= oldest {
                self.slowest.insert(place, frame);
                self.slowest.truncate(SLOWEST);
                self.scratch.push(frame);
            }
        }
        self.candidates.extend(self.scratch.drain(..).rev());
        self.settled = self.candidates.len();
    }

    pub(crate) fn clear(&mut self) {
        self.candidates.clear();
        self.settled = 0;
        self.window_entries.clear();
        self.slowest.clear();
        self.newest.clear();
        self.baseline = self.all_untraced();
    }
}

fn drop_oldest<T>(frames: &mut VecDeque<T>, keep: usize) {
    let surplus = frames.len().saturating_sub(keep);
    frames.drain(..surplus);
}
