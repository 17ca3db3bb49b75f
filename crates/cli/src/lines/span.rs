//! What was read: how much, and of which time.

use std::sync::Arc;

use tachograph::MetricsSnapshot;

use super::Line;

/// A stretch of a log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Span {
    /// Lines.
    pub(crate) lines: u64,
    /// Runs of the process that wrote them.
    pub(crate) runs: u64,
    /// Lines that were skipped because they are no snapshots.
    pub(crate) skipped: u64,
    /// Where what the first line covers begins, Unix seconds.
    pub(crate) begins: f64,
    /// Where the last line ends, Unix seconds.
    pub(crate) ends: f64,
    /// Seconds that the lines cover, without the gaps between runs.
    pub(crate) covered_s: f64,
    /// The line before the first, if it is there: what its counters are compared with.
    pub(crate) before: Option<Arc<MetricsSnapshot>>,
    /// The first line.
    pub(crate) first: Option<Line>,
    /// The newest line.
    pub(crate) last: Option<Line>,
}

impl Span {
    pub(super) fn add(&mut self, line: &Line) {
        if self.first.is_none() {
            self.before.clone_from(&line.previous);
            self.begins = line.begins();
            self.first = Some(line.clone());
            self.runs = 1;
        } else if line.starts_run {
            self.runs += 1;
        }
        self.lines += 1;
        self.ends = line.snapshot.timestamp;
        self.covered_s += line.interval_s.unwrap_or(0.0);
    }
}
