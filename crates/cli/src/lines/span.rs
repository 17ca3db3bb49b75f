//! What was read: how much, and of which time.

use std::sync::Arc;

use jiff::Timestamp;
use tachograph::MetricsSnapshot;
use tachograph::format::span;

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
    /// In words: `43200 lines of 2 runs, 2026-01-01 08:00:00 to 2026-01-31 08:00:00 UTC (30d 00h)`.
    pub(crate) fn words(&self) -> String {
        if self.lines == 0 {
            return "no lines".to_owned();
        }
        let plural = |count: u64, name: &str| match count {
            1 => format!("1 {name}"),
            _ => format!("{count} {name}s"),
        };
        format!(
            "{} of {}, {} to {} UTC ({})",
            plural(self.lines, "line"),
            plural(self.runs, "run"),
            time(self.begins, "%F %T").unwrap_or_else(|| "an unknown time".to_owned()),
            time(self.ends, "%F %T").unwrap_or_else(|| "an unknown time".to_owned()),
            span(self.ends - self.begins),
        )
    }

    /// For machines.
    pub(crate) fn json(&self) -> serde_json::Value {
        const RFC_3339: &str = "%FT%T%.3fZ";
        serde_json::json!({
            "lines": self.lines,
            "runs": self.runs,
            "skipped_lines": self.skipped,
            "begins": time(self.begins, RFC_3339).filter(|_| self.lines > 0),
            "ends": time(self.ends, RFC_3339).filter(|_| self.lines > 0),
            "covered_seconds": self.covered_s,
        })
    }

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

/// Unix seconds in UTC; `None` beyond the years that a calendar has.
fn time(unix: f64, format: &str) -> Option<String> {
    let duration = jiff::SignedDuration::try_from_secs_f64(unix).ok()?;
    let time = Timestamp::from_duration(duration).ok()?;
    Some(time.strftime(format).to_string())
}
