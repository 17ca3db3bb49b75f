//! What one timer recorded in the last hour: its histograms from the log's lines, merged.
//!
//! Lines keep their histograms as text, a few kilobytes each; only those of the timer that is looked at are ever decoded.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use hdrhistogram::Histogram;
use tachograph::MetricsSnapshot;

use crate::lines::{Decoder, empty};

/// Lines older than this, in seconds, are let go.
const SPAN_S: f64 = 3600.0;
/// Lines that are kept at most.
const MAX_LINES: usize = 3600;
/// Bytes of text that are kept at most.
const MAX_BYTES: usize = 32 << 20;

/// The histograms of one line.
#[derive(Debug)]
pub(crate) struct Interval {
    /// Unix seconds, of its end.
    timestamp: f64,
    histograms: BTreeMap<Arc<str>, String>,
    bytes: usize,
}

/// Those of the last hour, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Intervals {
    lines: VecDeque<Arc<Interval>>,
    bytes: usize,
}

impl Intervals {
    /// Takes the histograms of a new line.
    pub(crate) fn push(&mut self, line: &mut MetricsSnapshot) {
        let histograms = std::mem::take(&mut line.histograms);
        let bytes = histograms
            .iter()
            .map(|(name, text)| name.len() + text.len());
        let interval = Interval {
            timestamp: line.timestamp,
            bytes: bytes.sum(),
            histograms,
        };
        self.bytes += interval.bytes;
        self.lines.push_back(Arc::new(interval));
        while let Some(oldest) = self.lines.front() {
            let is_old = line.timestamp - oldest.timestamp >= SPAN_S;
            if !is_old && self.lines.len() <= MAX_LINES && self.bytes <= MAX_BYTES {
                break;
            }
            self.bytes -= oldest.bytes;
            self.lines.pop_front();
        }
    }

    /// How many lines there are, and when the oldest of them was written, in Unix seconds.
    pub(crate) fn extent(&self) -> (usize, Option<f64>) {
        let oldest = self.lines.front().map(|line| line.timestamp);
        (self.lines.len(), oldest)
    }
}

/// All that one timer recorded in them.
pub(crate) struct Merged {
    timer: String,
    decoder: Decoder,
    /// The lines that are in `sum`, oldest first.
    included: VecDeque<Arc<Interval>>,
    sum: Histogram<u64>,
    /// With what was recorded since the newest line.
    total: Histogram<u64>,
    running: Option<Arc<MetricsSnapshot>>,
}

impl Merged {
    pub(crate) fn new() -> Self {
        Self {
            timer: String::new(),
            decoder: Decoder::new(),
            included: VecDeque::new(),
            sum: empty(),
            total: empty(),
            running: None,
        }
    }

    /// All samples, in nanoseconds.
    pub(crate) fn histogram(&self) -> &Histogram<u64> {
        &self.total
    }

    /// Makes it that of `timer` in `intervals` and in what is `running` since. Decodes what is new alone, unless the timer is another.
    pub(crate) fn refresh(
        &mut self,
        timer: &str,
        intervals: &Intervals,
        running: Option<&Arc<MetricsSnapshot>>,
    ) {
        let mut changed = false;
        if self.timer != timer {
            timer.clone_into(&mut self.timer);
            self.included.clear();
            self.sum.reset();
            changed = true;
        }
        changed |= self.leave_out(intervals);
        changed |= self.take_in(intervals);
        let is_same = match (&self.running, running) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (None, None) => true,
            _ => false,
        };
        if changed || !is_same {
            self.running = running.cloned();
            self.total.clone_from(&self.sum);
            let text = running.and_then(|running| running.histograms.get(timer));
            if let Some(text) = text {
                // One that cannot be read is left out: the next second brings another.
                let _ = self.decoder.add_to(&mut self.total, text);
            }
        }
    }

    /// Takes away what is too old by now, or of another log.
    fn leave_out(&mut self, intervals: &Intervals) -> bool {
        let Some(oldest) = intervals.lines.front() else {
            let had_some = !self.included.is_empty();
            self.included.clear();
            self.sum.reset();
            return had_some;
        };
        let mut changed = false;
        while let Some(line) = self.included.front()
            && !Arc::ptr_eq(line, oldest)
        {
            let text = line.histograms.get(self.timer.as_str());
            if let Some(decoded) = text.and_then(|text| self.decoder.decode(text).ok()) {
                // What was added can be taken away again.
                let _ = self.sum.subtract(decoded);
            }
            self.included.pop_front();
            changed = true;
        }
        changed
    }

    /// Adds the lines that have come since.
    fn take_in(&mut self, intervals: &Intervals) -> bool {
        let newest = self.included.back();
        let is_new = |line: &&Arc<Interval>| newest.is_none_or(|newest| !Arc::ptr_eq(newest, line));
        let new = intervals.lines.iter().rev().take_while(is_new);
        let new: Vec<_> = new.cloned().collect();
        let changed = !new.is_empty();
        for line in new.into_iter().rev() {
            if let Some(text) = line.histograms.get(self.timer.as_str()) {
                // A damaged one is left out.
                let _ = self.decoder.add_to(&mut self.sum, text);
            }
            self.included.push_back(line);
        }
        changed
    }
}
