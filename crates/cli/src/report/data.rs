//! What a report says: found in the log, shown by the page, and its charts' part handed to the page's script as JSON.

use serde::Serialize;

/// The five outcomes in the order in which they are stacked, with the timer of their whole frames.
pub(super) const OUTCOMES: [(&str, &str); 5] = [
    ("idle", "frame_idle"),
    ("motion", "frame_motion"),
    ("suppressed", "frame_suppressed"),
    ("event", "frame_event"),
    ("failed", "frame_failed"),
];

/// Everything that the charts are drawn from. Times are Unix seconds, durations milliseconds.
///
/// All lists by time have one entry per bucket; those of the timers have buckets of their own. A gap between two buckets is a bucket of its own in which nothing is known.
#[derive(Debug, Default, Serialize)]
pub(super) struct Charts {
    /// Where the time axis begins.
    pub(super) start: f64,
    /// Where it ends.
    pub(super) end: f64,
    /// How long a bucket is.
    pub(super) bucket_s: f64,
    /// What the timers' times are counted from.
    pub(super) origin: f64,
    /// The middle of each bucket.
    pub(super) time: Vec<f64>,
    /// Frames per minute, by outcome.
    pub(super) outcomes: OutcomeRates,
    /// CPU and memory.
    pub(super) machine: Machine,
    /// Percent of the bucket's time in which the pipeline was up.
    pub(super) availability: Vec<Option<f64>>,
    /// When it was not, or began anew.
    pub(super) interruptions: Vec<Interruption>,
    /// Stages and whole frames.
    pub(super) timers: Vec<TimerCharts>,
    /// The slowest frames.
    pub(super) slowest: Vec<SlowFrame>,
    /// What the durations in [`SlowFrame::stages`] are of.
    pub(super) slowest_stages: Vec<StageName>,
}

/// Frames per minute by bucket. The fields are in the order of [`OUTCOMES`].
#[derive(Debug, Default, Serialize)]
pub(super) struct OutcomeRates {
    pub(super) idle: Vec<Option<f64>>,
    pub(super) motion: Vec<Option<f64>>,
    pub(super) suppressed: Vec<Option<f64>>,
    pub(super) event: Vec<Option<f64>>,
    pub(super) failed: Vec<Option<f64>>,
}

impl OutcomeRates {
    /// In the order of [`OUTCOMES`].
    pub(super) fn lists(&mut self) -> [&mut Vec<Option<f64>>; OUTCOMES.len()] {
        [
            &mut self.idle,
            &mut self.motion,
            &mut self.suppressed,
            &mut self.event,
            &mut self.failed,
        ]
    }
}

/// Means over the lines of each bucket.
#[derive(Debug, Default, Serialize)]
pub(super) struct Machine {
    /// Percent of all cores.
    pub(super) cpu: Vec<Option<f64>>,
    /// Percent of the cores that the process may use.
    pub(super) process_cpu: Vec<Option<f64>>,
    /// MiB.
    pub(super) memory: Vec<Option<f64>>,
    /// MiB.
    pub(super) process_memory: Vec<Option<f64>>,
}

impl Machine {
    /// All four, in the order of their fields.
    pub(super) fn lists(&mut self) -> [&mut Vec<Option<f64>>; 4] {
        [
            &mut self.cpu,
            &mut self.process_cpu,
            &mut self.memory,
            &mut self.process_memory,
        ]
    }
}

/// Why the pipeline was not up, or not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// The service did not run.
    Outage,
    /// It ran, but no frame finished for longer than the stall limit.
    Stall,
    /// The machine was suspended, which counts neither way.
    Suspended,
    /// It began anew, with no time lost that shows in the log.
    Restart,
}

impl Kind {
    /// As the page names it.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::Stall => "stall",
            Self::Suspended => "suspended",
            Self::Restart => "restart",
        }
    }
}

/// A time in which the pipeline was not up, or not counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Interruption {
    pub(super) kind: Kind,
    /// When it began; of a stall, when the line's interval began in which it was.
    pub(super) from: f64,
    pub(super) to: f64,
    /// How long it was, seconds; a stall is shorter than the interval in which it was.
    #[serde(skip)]
    pub(super) seconds: f64,
    /// The stage that hung when the line was written, if one did.
    #[serde(skip)]
    pub(super) stage: Option<String>,
}

/// One timer over time, and all of it.
#[derive(Debug, Default, Serialize)]
pub(super) struct TimerCharts {
    /// How long its buckets are: longer ones where there are few samples.
    pub(super) bucket_s: f64,
    /// The middle of each, counted in their length from [`Charts::origin`]. Where something is missing between two, there is one in
    /// which nothing is known.
    pub(super) at: Vec<f64>,
    /// Samples by bucket.
    pub(super) samples: Vec<u64>,
    pub(super) p50: Vec<Option<f64>>,
    pub(super) p95: Vec<Option<f64>>,
    pub(super) max: Vec<Option<f64>>,
    pub(super) distribution: Distribution,
    /// The targets for this timer that a chart can show.
    pub(super) limits: Vec<LimitLine>,
}

/// The durations at growing percentiles.
#[derive(Debug, Default, Serialize)]
pub(super) struct Distribution {
    /// The percentile as its number of nines: 0 is the 0th, 1 the 90th, 2 the 99th.
    pub(super) nines: Vec<f64>,
    /// The duration that this share of the samples does not exceed.
    pub(super) ms: Vec<f64>,
}

/// A target as a line in a chart.
#[derive(Debug, Serialize)]
pub(super) struct LimitLine {
    /// As in `p95 <100ms`.
    pub(super) text: String,
    pub(super) ms: f64,
}

/// A stage of the slowest frames.
#[derive(Debug, Serialize)]
pub(super) struct StageName {
    pub(super) text: String,
    /// Whether it is the time that belongs to no stage.
    pub(super) between: bool,
}

/// One of the slowest frames.
#[derive(Debug, Serialize)]
pub(super) struct SlowFrame {
    /// From 1.
    pub(super) rank: usize,
    /// When it began.
    pub(super) start: f64,
    pub(super) number: u64,
    pub(super) outcome: String,
    #[serde(skip)]
    pub(super) event_id: Option<u64>,
    pub(super) ms: f64,
    /// By stage, as in [`Charts::slowest_stages`].
    pub(super) stages: Vec<f64>,
}

/// What is said of a timer in words and tables.
#[derive(Debug)]
pub(super) struct TimerSummary {
    pub(super) name: String,
    pub(super) count: u64,
    /// Milliseconds: mean, then the 50th, 95th, 99th and 99.9th percentile, and the longest.
    pub(super) avg: f64,
    pub(super) p50: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
    pub(super) max: f64,
}

/// Everything that is said in figures and tables.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// Lines that were read.
    pub(super) lines: u64,
    /// Processes that wrote them.
    pub(super) runs: u64,
    /// Frames by outcome, in the order of [`OUTCOMES`].
    pub(super) outcomes: [u64; OUTCOMES.len()],
    /// All frames, also those counted by hand.
    pub(super) frames: u64,
    pub(super) motion: u64,
    /// Seconds that the lines cover.
    pub(super) covered_s: f64,
    /// Seconds in which the pipeline was up or down, and down.
    pub(super) observed_s: f64,
    pub(super) down_s: f64,
    /// Over the lines.
    pub(super) cpu_mean: Option<f64>,
    pub(super) process_cpu_mean: Option<f64>,
    pub(super) process_memory_peak: Option<f64>,
    pub(super) overhead_mean: Option<f64>,
    pub(super) losses: Losses,
    /// In the order of [`Charts::timers`].
    pub(super) timers: Vec<TimerSummary>,
    /// Timers that have no charts because there are too many.
    pub(super) timers_without_charts: usize,
}

/// What is not in the figures, each as a count.
#[derive(Debug, Default)]
pub(super) struct Losses {
    pub(super) skipped_lines: u64,
    pub(super) skipped_histograms: u64,
    pub(super) lines_without_time: u64,
    pub(super) overwritten: u64,
    pub(super) rejected: u64,
    pub(super) log_errors: u64,
    pub(super) untraced: u64,
    /// How often the wall clock was set back.
    pub(super) clock_set_back: u64,
}

impl Figures {
    /// Percent of the time in which the pipeline was up.
    pub(super) fn availability(&self) -> Option<f64> {
        (self.observed_s > 0.0)
            .then(|| (100.0 * (1.0 - self.down_s / self.observed_s)).clamp(0.0, 100.0))
    }
}
