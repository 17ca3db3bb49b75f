//! The numbers of a snapshot by their JSON names, with their units.

use tachograph_reducer::{MetricsSnapshot, TimerStats};

/// What a number is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Millis,
    /// Seconds.
    Seconds,
    /// Percent.
    Percent,
    /// Mebibytes.
    Mebibytes,
    /// Gibibytes.
    Gibibytes,
    /// A plain number.
    Count,
}

impl Unit {
    /// The units in which a limit may be written, and what each is worth in this one; the first is the one it is shown in.
    pub(crate) fn spellings(self) -> &'static [(&'static str, f64)] {
        match self {
            Self::Millis => &[
                ("ms", 1.0),
                ("s", 1000.0),
                ("us", 1e-3),
                ("µs", 1e-3),
                ("ns", 1e-6),
                ("m", 60_000.0),
                ("min", 60_000.0),
                ("h", 3_600_000.0),
            ],
            Self::Seconds => &[
                ("s", 1.0),
                ("", 1.0),
                ("ms", 1e-3),
                ("m", 60.0),
                ("min", 60.0),
                ("h", 3600.0),
                ("d", 86_400.0),
            ],
            Self::Percent => &[("%", 1.0), ("", 1.0)],
            Self::Mebibytes => &[
                ("MB", 1.0),
                ("MiB", 1.0),
                ("", 1.0),
                ("GB", 1024.0),
                ("GiB", 1024.0),
            ],
            Self::Gibibytes => &[
                ("GB", 1.0),
                ("GiB", 1.0),
                ("", 1.0),
                ("MB", 1.0 / 1024.0),
                ("MiB", 1.0 / 1024.0),
            ],
            Self::Count => &[("", 1.0)],
        }
    }
}

/// A number that every snapshot has.
pub(crate) struct Number {
    /// Its name in JSON.
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    /// `None`: no data.
    pub(crate) read: fn(&MetricsSnapshot) -> Option<f64>,
}

/// `always` there, `maybe` there, or the evidence `of` a timer, there once it has samples.
macro_rules! numbers {
    ($($kind:ident $unit:ident $name:ident;)*) => {
        &[$(Number {
            name: stringify!($name),
            unit: Unit::$unit,
            read: |snapshot| numbers!(@$kind snapshot $name),
        }),*]
    };
    (@count $snapshot:ident $name:ident) => { Some($snapshot.$name as f64) };
    (@always $snapshot:ident $name:ident) => { Some($snapshot.$name) };
    (@maybe $snapshot:ident $name:ident) => { $snapshot.$name };
}

static NUMBERS: &[Number] = numbers! {
    count Count frames_processed;
    count Count motion_detected;
    maybe Percent motion_hit_rate;
    count Count events_created;
    count Count events_suppressed;
    count Count frames_idle;
    count Count frames_motion;
    count Count frames_failed;
    maybe Percent cpu_usage_current;
    maybe Percent cpu_usage_avg;
    maybe Percent process_cpu_usage;
    maybe Percent process_cpu_cores_percent;
    maybe Mebibytes memory_usage_mb;
    maybe Gibibytes memory_usage_gb;
    maybe Percent memory_usage_percent;
    maybe Mebibytes process_memory_mb;
    maybe Percent system_availability;
    maybe Percent system_uptime_percent;
    always Seconds uptime_seconds;
    always Seconds observed_seconds;
    always Seconds downtime_seconds;
    always Seconds suspended_seconds;
    maybe Percent metrics_collection_overhead_percent;
    count Count frames_untraced;
    count Count samples_recorded;
    count Count samples_counted;
    count Count samples_overwritten;
    count Count samples_pending;
    count Count samples_rejected;
    count Count log_errors;
};

/// What tells how good a built-in timer's statistics are: numbers too, such as `llm_inference_age_s`.
macro_rules! evidence {
    ($($timer:ident)*) => { &[$(
        Number {
            name: concat!(stringify!($timer), "_count"),
            unit: Unit::Count,
            read: |snapshot| Some(snapshot.$timer.count as f64),
        },
        Number {
            name: concat!(stringify!($timer), "_span_s"),
            unit: Unit::Seconds,
            read: |snapshot| sampled(&snapshot.$timer).map(|stats| stats.span_s),
        },
        Number {
            name: concat!(stringify!($timer), "_age_s"),
            unit: Unit::Seconds,
            read: |snapshot| sampled(&snapshot.$timer).map(|stats| stats.age_s),
        },
    )*] };
}

static EVIDENCE: &[Number] = evidence!(
    coreml_inference llm_inference frame_processing_latency
    frame_idle frame_motion frame_suppressed frame_event frame_failed
);

/// All numbers of a snapshot that a target can be set for.
pub(crate) fn numbers() -> impl Iterator<Item = &'static Number> {
    NUMBERS.iter().chain(EVIDENCE)
}

/// A number of the snapshot by its JSON name.
pub(crate) fn number(name: &str) -> Option<&'static Number> {
    numbers().find(|number| number.name == name)
}

/// A timer's statistics; `None` if there is no such timer or it has no samples.
pub(crate) fn timer<'a>(snapshot: &'a MetricsSnapshot, name: &str) -> Option<&'a TimerStats> {
    snapshot.timer(name).and_then(sampled)
}

fn sampled(stats: &TimerStats) -> Option<&TimerStats> {
    (stats.count > 0).then_some(stats)
}
