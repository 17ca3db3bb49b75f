//! What everything looked like at one moment: immutable, plain data.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::with_prefix;
use tachograph_hotpath::metrics;

/// Version of the names and units in [`MetricsSnapshot`]; raised when one changes its meaning.
pub const SCHEMA_VERSION: u32 = 1;

with_prefix!(coreml_inference "coreml_inference_");
with_prefix!(llm_inference "llm_inference_");
with_prefix!(frame_processing_latency "frame_processing_latency_");
with_prefix!(frame_idle "frame_idle_");
with_prefix!(frame_motion "frame_motion_");
with_prefix!(frame_suppressed "frame_suppressed_");
with_prefix!(frame_event "frame_event_");
with_prefix!(frame_failed "frame_failed_");

/// All metrics at one moment.
///
/// In JSON it is one flat object: `coreml_inference.p95` is the field `coreml_inference_p95`. Unknown fields are ignored and
/// missing ones defaulted, so a newer log can be read by an older reader and the other way round. Times are milliseconds
/// unless the name says otherwise. What could not be measured is `None`, in JSON `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MetricsSnapshot {
    /// When it was taken, Unix seconds.
    pub timestamp: f64,
    /// The same as RFC 3339, UTC, to the millisecond.
    pub time: String,
    /// Version of tachograph that took it.
    pub version: Cow<'static, str>,
    /// Version of the names and units, see [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Snapshots published before it by the same collector.
    pub sequence: u64,

    /// Frames that went through the loop: the sum of the five outcomes, and what was counted by hand.
    pub frames_processed: u64,
    /// Frames with motion, whatever came of them.
    pub motion_detected: u64,
    /// `motion_detected` in percent of `frames_processed`, 0 to 100; `None` without frames.
    pub motion_hit_rate: Option<f64>,
    /// Events that were logged.
    pub events_created: u64,
    /// Events that were dropped as duplicates.
    pub events_suppressed: u64,
    /// Frames without motion.
    pub frames_idle: u64,
    /// Frames with motion of which no event came.
    pub frames_motion: u64,
    /// Frames in which a stage failed.
    pub frames_failed: u64,

    /// Object detection.
    #[serde(flatten, with = "coreml_inference")]
    pub coreml_inference: TimerStats,
    /// Description by a language model.
    #[serde(flatten, with = "llm_inference")]
    pub llm_inference: TimerStats,
    /// From the motion mark of a frame to its logged event.
    #[serde(flatten, with = "frame_processing_latency")]
    pub frame_processing_latency: TimerStats,
    /// Whole frames without motion, from start to end. A frame's total time is kept by its outcome, because a percentile over a
    /// mix of quick idle frames and slow events tells of neither.
    #[serde(flatten, with = "frame_idle")]
    pub frame_idle: TimerStats,
    /// Whole frames with motion of which no event came.
    #[serde(flatten, with = "frame_motion")]
    pub frame_motion: TimerStats,
    /// Whole frames whose event was dropped as a duplicate.
    #[serde(flatten, with = "frame_suppressed")]
    pub frame_suppressed: TimerStats,
    /// Whole frames whose event was logged.
    #[serde(flatten, with = "frame_event")]
    pub frame_event: TimerStats,
    /// Whole frames in which a stage failed.
    #[serde(flatten, with = "frame_failed")]
    pub frame_failed: TimerStats,

    /// CPU of the whole machine since the last probe, percent of all its cores. `None` until there are two probes.
    pub cpu_usage_current: Option<f64>,
    /// Average of `cpu_usage_current` over the last minute.
    pub cpu_usage_avg: Option<f64>,
    /// CPU of this process since the last probe, percent of all the cores it may use. `None` until there are two probes.
    pub process_cpu_usage: Option<f64>,
    /// The same in percent of one core, so it may exceed 100.
    pub process_cpu_cores_percent: Option<f64>,
    /// Memory in use on the machine (in a container: in its cgroup), MiB.
    pub memory_usage_mb: Option<f64>,
    /// The same in GiB.
    pub memory_usage_gb: Option<f64>,
    /// The same in percent of the machine's memory or the cgroup's limit.
    pub memory_usage_percent: Option<f64>,
    /// Resident memory of this process, MiB.
    pub process_memory_mb: Option<f64>,

    /// Share of wall time since `system_start_time` in which the pipeline was up, percent. `None` in the first instant.
    pub system_availability: Option<f64>,
    /// The same number under its other name.
    pub system_uptime_percent: Option<f64>,
    /// The service's first start, Unix seconds; carried over restarts by the log.
    pub system_start_time: f64,
    /// Since this start, seconds, without time in which the machine was suspended.
    pub uptime_seconds: f64,
    /// Up or down since the first start, seconds: what the availability is a share of.
    pub observed_seconds: f64,
    /// Down since the first start, seconds: not running, or no frame finished for longer than the stall limit.
    pub downtime_seconds: f64,
    /// Suspended since the first start, seconds; counts neither as up nor as down.
    pub suspended_seconds: f64,

    /// What measuring costs, percent of one core over the last minute: the background thread's CPU time and the recorded
    /// operations at their calibrated cost. `None` until there are two probes.
    pub metrics_collection_overhead_percent: Option<f64>,

    /// What every lane is doing right now.
    pub in_flight: Vec<InFlightStage>,
    /// The slowest of the newest 1000 frames (or whatever the window is), slowest first; at most eight.
    pub slowest_frames: Vec<FrameRecord>,
    /// In the file of the newest snapshot alone: the newest frames, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub newest_frames: Vec<FrameRecord>,
    /// Frames whose trace was overwritten before it was read: they are in all counts and statistics, but not in the two lists.
    pub frames_untraced: u64,

    /// Samples ever recorded: the sum of the next three.
    pub samples_recorded: u64,
    /// Samples that went into the lifetime histograms.
    pub samples_counted: u64,
    /// Samples that were overwritten before they were read; the windows and the lifetime sums are exact all the same.
    pub samples_overwritten: u64,
    /// Samples that were recorded while this snapshot was made; the next one has them.
    pub samples_pending: u64,
    /// Values that were refused: not a number, infinite, negative, or of an unknown metric.
    pub samples_rejected: u64,
    /// Log lines or files that could not be written, counted once per attempt.
    pub log_errors: u64,

    /// Metrics that are not built in.
    pub custom: Custom,
    /// Statistics since the start, by timer.
    pub lifetime: BTreeMap<Arc<str>, LifetimeStats>,
    /// In log lines: what each timer recorded since the line before, as HdrHistogram V2 (compressed, base64; nanoseconds).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub histograms: BTreeMap<Arc<str>, String>,
}

impl Default for MetricsSnapshot {
    /// A snapshot of nothing.
    fn default() -> Self {
        Self {
            timestamp: 0.0,
            time: String::new(),
            version: Cow::Borrowed(""),
            schema_version: SCHEMA_VERSION,
            sequence: 0,
            frames_processed: 0,
            motion_detected: 0,
            motion_hit_rate: None,
            events_created: 0,
            events_suppressed: 0,
            frames_idle: 0,
            frames_motion: 0,
            frames_failed: 0,
            coreml_inference: TimerStats::default(),
            llm_inference: TimerStats::default(),
            frame_processing_latency: TimerStats::default(),
            frame_idle: TimerStats::default(),
            frame_motion: TimerStats::default(),
            frame_suppressed: TimerStats::default(),
            frame_event: TimerStats::default(),
            frame_failed: TimerStats::default(),
            cpu_usage_current: None,
            cpu_usage_avg: None,
            process_cpu_usage: None,
            process_cpu_cores_percent: None,
            memory_usage_mb: None,
            memory_usage_gb: None,
            memory_usage_percent: None,
            process_memory_mb: None,
            system_availability: None,
            system_uptime_percent: None,
            system_start_time: 0.0,
            uptime_seconds: 0.0,
            observed_seconds: 0.0,
            downtime_seconds: 0.0,
            suspended_seconds: 0.0,
            metrics_collection_overhead_percent: None,
            in_flight: Vec::new(),
            slowest_frames: Vec::new(),
            newest_frames: Vec::new(),
            frames_untraced: 0,
            samples_recorded: 0,
            samples_counted: 0,
            samples_overwritten: 0,
            samples_pending: 0,
            samples_rejected: 0,
            log_errors: 0,
            custom: Custom::default(),
            lifetime: BTreeMap::new(),
            histograms: BTreeMap::new(),
        }
    }
}

/// The timers that every snapshot has, in schema order: the stages, then whole frames by outcome.
pub const BUILT_IN_TIMERS: [&str; 8] = metrics::TIMERS;

impl MetricsSnapshot {
    /// The statistics of a timer by its name; `None` if there is none of this name. One without samples has `count` 0.
    pub fn timer(&self, name: &str) -> Option<&TimerStats> {
        let built_in = BUILT_IN_TIMERS.iter().position(|&known| known == name);
        built_in.map_or_else(
            || self.custom.timers.get(name),
            |place| self.built_in_timers().get(place).copied(),
        )
    }

    /// All timers with their names: the built-in ones in schema order, then the others by name.
    ///
    /// ```
    /// let snapshot = tachograph_reducer::MetricsSnapshot::default();
    /// assert_eq!(snapshot.timers().next().map(|(name, stats)| (name, stats.count)), Some(("coreml_inference", 0)));
    /// ```
    pub fn timers(&self) -> impl Iterator<Item = (&str, &TimerStats)> {
        let custom = self.custom.timers.iter();
        BUILT_IN_TIMERS
            .into_iter()
            .zip(self.built_in_timers())
            .chain(custom.map(|(name, stats)| (name.as_ref(), stats)))
    }

    /// In the order of [`BUILT_IN_TIMERS`].
    fn built_in_timers(&self) -> [&TimerStats; BUILT_IN_TIMERS.len()] {
        [
            &self.coreml_inference,
            &self.llm_inference,
            &self.frame_processing_latency,
            &self.frame_idle,
            &self.frame_motion,
            &self.frame_suppressed,
            &self.frame_event,
            &self.frame_failed,
        ]
    }
}

/// Statistics of one timer over its window: the newest 1000 samples unless configured otherwise. Milliseconds.
///
/// Without samples `count` is 0 and the rest 0.0 here and `null` in JSON: look at `count` first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(into = "TimerStatsJson", from = "TimerStatsJson")]
pub struct TimerStats {
    /// Samples in the window.
    pub count: u64,
    /// Arithmetic mean.
    pub avg: f64,
    /// Shortest.
    pub min: f64,
    /// Longest.
    pub max: f64,
    /// Median; all percentiles interpolate linearly between order statistics, as numpy does by default.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Seconds from the end of the oldest to the end of the newest sample in the window.
    pub span_s: f64,
    /// Seconds since the newest sample ended.
    pub age_s: f64,
}

/// [`TimerStats`] as JSON has it: `null` where there is no data.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct TimerStatsJson {
    avg: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    p50: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
    count: u64,
    span_s: Option<f64>,
    age_s: Option<f64>,
}

impl From<TimerStats> for TimerStatsJson {
    fn from(stats: TimerStats) -> Self {
        let known = |value| (stats.count > 0).then_some(value);
        Self {
            avg: known(stats.avg),
            min: known(stats.min),
            max: known(stats.max),
            p50: known(stats.p50),
            p95: known(stats.p95),
            p99: known(stats.p99),
            count: stats.count,
            span_s: known(stats.span_s),
            age_s: known(stats.age_s),
        }
    }
}

impl From<TimerStatsJson> for TimerStats {
    fn from(json: TimerStatsJson) -> Self {
        if json.count == 0 {
            // Whatever else a foreign line claims.
            return Self::default();
        }
        Self {
            count: json.count,
            avg: json.avg.unwrap_or_default(),
            min: json.min.unwrap_or_default(),
            max: json.max.unwrap_or_default(),
            p50: json.p50.unwrap_or_default(),
            p95: json.p95.unwrap_or_default(),
            p99: json.p99.unwrap_or_default(),
            span_s: json.span_s.unwrap_or_default(),
            age_s: json.age_s.unwrap_or_default(),
        }
    }
}

/// Statistics of one timer since the start (or the last reset).
///
/// `count` and `sum_ms` are exact. The percentiles come from a histogram with three significant digits, but no finer than
/// 0.512 us, over `counted` samples; they are renewed for each log line and each `collect()`, not in between. `None` without samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LifetimeStats {
    /// Samples recorded, also those that were overwritten unseen.
    pub count: u64,
    /// Sum of their durations, milliseconds.
    pub sum_ms: f64,
    /// Samples that the percentiles cover.
    pub counted: u64,
    /// Samples below 1 us or above 1 h, which the histogram holds as 1 us or 1 h.
    pub out_of_range: u64,
    /// Median, milliseconds.
    pub p50: Option<f64>,
    /// 95th percentile, milliseconds.
    pub p95: Option<f64>,
    /// 99th percentile, milliseconds.
    pub p99: Option<f64>,
    /// 99.9th percentile, milliseconds.
    pub p999: Option<f64>,
}

/// A stage that is running.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InFlightStage {
    /// The timer's name, or `frame` in a frame between its stages.
    pub stage: Arc<str>,
    /// For how long, milliseconds.
    pub for_ms: f64,
}

/// One frame with its stages: an entry of the flight recorder.
///
/// `lane` and `number` tell it from all other frames of the same process. It began at `timestamp - age_s - ms / 1000` of the
/// snapshot that it stands in, in Unix seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FrameRecord {
    /// The lane that recorded it, from 0, in the order of their creation.
    pub lane: u64,
    /// Frames that were started on this lane before it.
    pub number: u64,
    /// What came of it: `idle`, `motion`, `suppressed`, `event` or `failed`.
    pub outcome: Cow<'static, str>,
    /// The event that was logged for it, if the loop said which.
    pub event_id: Option<u64>,
    /// How long it took, milliseconds.
    pub ms: f64,
    /// Seconds since it ended.
    pub age_s: f64,
    /// When motion was seen in it, milliseconds from its start.
    pub motion_ms: Option<f64>,
    /// Its stages in their order; time between them belongs to none.
    pub stages: Vec<FrameStage>,
    /// Whether it had more stages than are kept; the last one then lasts to the frame's end.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_truncated: bool,
}

/// One stage of a [`FrameRecord`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FrameStage {
    /// The timer's name.
    pub stage: Arc<str>,
    /// When it began, milliseconds from the frame's start.
    pub start_ms: f64,
    /// How long it took, milliseconds.
    pub ms: f64,
}

/// The metrics that are not built in, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Custom {
    /// Counters.
    pub counters: BTreeMap<Arc<str>, u64>,
    /// Timers.
    pub timers: BTreeMap<Arc<str>, TimerStats>,
}
