//! One line of a log, and how it relates to the line before.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use tachograph::MetricsSnapshot;

/// How far, in seconds, two clocks of one process may run apart between two of its lines.
const SLACK_S: f64 = 0.5;

/// A file and a line in it; shown as `logs/metrics.json line 7`.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The file.
    pub(crate) path: Arc<Path>,
    /// The line, from 1.
    pub(crate) number: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {}", self.path.display(), self.number)
    }
}

/// A line of a log.
///
/// It tells of the time since the line before: its histograms hold what was recorded in it, and counters are compared with
/// those of the line before by [`Line::increase`].
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// What it says.
    pub(crate) snapshot: Arc<MetricsSnapshot>,
    /// The line before it in the log, of the same run or an earlier one; `None` in the first line.
    pub(crate) previous: Option<Arc<MetricsSnapshot>>,
    /// Where it stands.
    pub(crate) place: Place,
    /// Which run of the process wrote it; the log's first is 0.
    pub(crate) run: u64,
    /// Whether it is the first that its run wrote, so that it tells of all the time since that run's start.
    pub(crate) starts_run: bool,
    /// Seconds that it covers; `None` in a first line that others preceded, which are gone.
    pub(crate) interval_s: Option<f64>,
}

impl Line {
    /// Links a snapshot to the one before.
    pub(crate) fn link(snapshot: MetricsSnapshot, before: Option<&Self>, place: Place) -> Self {
        let starts_run = match before {
            None => holds_everything(&snapshot),
            Some(before) => is_another_run(&before.snapshot, &snapshot),
        };
        let run = before.map_or(0, |before| before.run + u64::from(starts_run));
        let interval_s = match before {
            _ if starts_run => Some(snapshot.uptime_seconds),
            None => None,
            Some(before) => Some(snapshot.uptime_seconds - before.snapshot.uptime_seconds),
        };
        Self {
            snapshot: Arc::new(snapshot),
            previous: before.map(|before| Arc::clone(&before.snapshot)),
            place,
            run,
            starts_run,
            interval_s: interval_s.map(|seconds| seconds.max(0.0)),
        }
    }

    /// What a counter gained since the line before, or since its run's start. `None` in a first line that others preceded,
    /// which are gone, or where `read` finds nothing.
    ///
    /// One that fell was reset and began at 0.
    pub(crate) fn increase(&self, read: impl Fn(&MetricsSnapshot) -> Option<u64>) -> Option<u64> {
        let now = read(&self.snapshot)?;
        if self.starts_run {
            return Some(now);
        }
        let then = read(self.previous.as_ref()?).unwrap_or(0);
        Some(now.checked_sub(then).unwrap_or(now))
    }

    /// The same for numbers with a fraction.
    pub(crate) fn gain(&self, read: impl Fn(&MetricsSnapshot) -> Option<f64>) -> Option<f64> {
        let now = read(&self.snapshot)?;
        if self.starts_run {
            return Some(now);
        }
        let then = read(self.previous.as_ref()?).unwrap_or(0.0);
        Some(if now >= then { now - then } else { now })
    }

    /// What a number gained since the line before that the log carries over restarts, such as `downtime_seconds`. The time
    /// between two runs is in it. `None` in a first line, unless the service's first start is in what it covers.
    pub(crate) fn carried(&self, read: impl Fn(&MetricsSnapshot) -> f64) -> Option<f64> {
        let now = read(&self.snapshot);
        let Some(previous) = &self.previous else {
            let covers_all = self
                .interval_s
                .is_some_and(|covered| self.snapshot.observed_seconds <= covered + SLACK_S);
            return covers_all.then_some(now);
        };
        let then = read(previous);
        // A log that was moved away begins anew.
        Some(if now >= then { now - then } else { now })
    }

    /// When what it covers began, Unix seconds.
    pub(crate) fn begins(&self) -> f64 {
        self.snapshot.timestamp - self.interval_s.unwrap_or(0.0)
    }
}

/// Whether a line was written by another run than the line before.
fn is_another_run(before: &MetricsSnapshot, now: &MetricsSnapshot) -> bool {
    let uptime = now.uptime_seconds - before.uptime_seconds;
    // The time between two runs is observed, as downtime, but in neither's uptime. Older versions did not say.
    let observed = now.observed_seconds - before.observed_seconds;
    let says = before.observed_seconds > 0.0 && now.observed_seconds > 0.0;
    now.sequence <= before.sequence || uptime < 0.0 || (says && observed > uptime + SLACK_S)
}

/// Whether the histograms of a line hold all samples that its run has recorded, so that no line of that run came before it.
fn holds_everything(snapshot: &MetricsSnapshot) -> bool {
    snapshot
        .lifetime
        .iter()
        .filter(|(_, stats)| stats.counted > 0)
        .all(|(name, stats)| {
            let held = snapshot.histograms.get(name);
            let held = held.and_then(|text| super::Decoder::new().decode(text).ok());
            held.is_some_and(|histogram| histogram.len() == stats.counted)
        })
}
