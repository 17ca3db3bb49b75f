//! The fixed list of what one collector counts and times.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 64;
/// The most counters, and the most timers, that one schema holds; the in-flight word has ten bits for a timer.
pub const MAX_METRICS: usize = 1000;

/// A counter of a [`Schema`]: a small index, copied freely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter(pub(crate) u16);

/// A timer of a [`Schema`]: a small index, copied freely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer(pub(crate) u16);

impl Counter {
    /// Its place in the schema, from 0.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl Timer {
    /// Its place in the schema, from 0.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What every frame loop counts and times: the first entries of every [`Schema`].
pub mod metrics {
    use super::{Counter, Timer};

    /// Frames that went through the loop, whatever came of them.
    pub const FRAMES_PROCESSED: Counter = Counter(0);
    /// Frames in which motion was seen.
    pub const MOTION_DETECTED: Counter = Counter(1);
    /// Events that were logged.
    pub const EVENTS_CREATED: Counter = Counter(2);
    /// Events that were dropped as duplicates.
    pub const EVENTS_SUPPRESSED: Counter = Counter(3);

    /// Object detection on one frame.
    pub const COREML_INFERENCE: Timer = Timer(0);
    /// Description of one event by a language model.
    pub const LLM_INFERENCE: Timer = Timer(1);
    /// From the motion mark of a frame to its logged event.
    pub const FRAME_LATENCY: Timer = Timer(2);
    /// A whole frame without motion, from start to end; every [`Frame`](crate::Frame) records the timer of its
    /// [`Outcome`](crate::Outcome).
    pub const FRAME_IDLE: Timer = Timer(3);
    /// A whole frame with motion of which no event came.
    pub const FRAME_MOTION: Timer = Timer(4);
    /// A whole frame whose event was dropped as a duplicate.
    pub const FRAME_SUPPRESSED: Timer = Timer(5);
    /// A whole frame whose event was logged.
    pub const FRAME_EVENT: Timer = Timer(6);
    /// A whole frame in which a stage failed.
    pub const FRAME_FAILED: Timer = Timer(7);

    /// The counters' names, in schema order. The loop raises them in this order, so no snapshot shows a later one ahead.
    pub(super) const COUNTERS: [&str; 4] = [
        "frames_processed",
        "motion_detected",
        "events_created",
        "events_suppressed",
    ];
    /// The timers' names, in schema order.
    pub const TIMERS: [&str; 8] = [
        "coreml_inference",
        "llm_inference",
        "frame_processing_latency",
        "frame_idle",
        "frame_motion",
        "frame_suppressed",
        "frame_event",
        "frame_failed",
    ];
}

/// Which of the two kinds a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Counts things.
    Counter,
    /// Times things.
    Timer,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Timer => "timer",
        })
    }
}

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaError {
    /// The name is not `[a-z][a-z0-9_]*` of at most [`MAX_NAME_BYTES`] bytes.
    BadName(String),
    /// The name is taken, by a counter or by a timer.
    Duplicate(String),
    /// The schema already holds [`MAX_METRICS`] of this kind.
    Full(Kind),
    /// No metric of this kind has this name.
    Unknown {
        /// The kind that was asked for.
        kind: Kind,
        /// The name that was asked for.
        name: String,
        /// All names of that kind.
        known: Vec<Arc<str>>,
    },
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName(name) => write!(
                f,
                "metric name {name:?} is not a lower-case letter followed by lower-case letters, digits and '_' \
                 (at most {MAX_NAME_BYTES} bytes)"
            ),
            Self::Duplicate(name) => write!(f, "metric name {name:?} is already in use"),
            Self::Full(kind) => write!(f, "a schema holds at most {MAX_METRICS} {kind}s"),
            Self::Unknown { kind, name, known } => {
                write!(f, "unknown {kind} {name:?}; known are {}", known.join(", "))
            }
        }
    }
}

impl Error for SchemaError {}

/// Collects names until the schema is frozen.
#[derive(Clone, Debug)]
pub struct SchemaBuilder {
    counters: Vec<Arc<str>>,
    timers: Vec<Arc<str>>,
}

impl SchemaBuilder {
    /// A schema with the [`metrics`] of every frame loop.
    pub fn new() -> Self {
        Self {
            counters: metrics::COUNTERS.map(Arc::from).to_vec(),
            timers: metrics::TIMERS.map(Arc::from).to_vec(),
        }
    }

    /// Adds a counter.
    ///
    /// # Errors
    /// A bad name, a name in use, or a full schema.
    pub fn counter(&mut self, name: &str) -> Result<Counter, SchemaError> {
        self.check(name)?;
        add(&mut self.counters, name, Kind::Counter).map(Counter)
    }

    /// Adds a timer.
    ///
    /// # Errors
    /// A bad name, a name in use, or a full schema.
    pub fn timer(&mut self, name: &str) -> Result<Timer, SchemaError> {
        self.check(name)?;
        add(&mut self.timers, name, Kind::Timer).map(Timer)
    }

    /// Freezes the list.
    pub fn build(self) -> Schema {
        let index = |names: &[Arc<str>]| {
            (0_u16..)
                .zip(names)
                .map(|(i, name)| (Arc::clone(name), i))
                .collect()
        };
        Schema {
            counter_index: index(&self.counters),
            timer_index: index(&self.timers),
            counters: self.counters,
            timers: self.timers,
        }
    }

    fn check(&self, name: &str) -> Result<(), SchemaError> {
        let mut bytes = name.bytes();
        let good = name.len() <= MAX_NAME_BYTES
            && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
            && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !good {
            return Err(SchemaError::BadName(name.to_owned()));
        }
        if self
            .counters
            .iter()
            .chain(&self.timers)
            .any(|taken| **taken == *name)
        {
            return Err(SchemaError::Duplicate(name.to_owned()));
        }
        Ok(())
    }
}

impl Default for SchemaBuilder {
    fn default() -> Self {
        Self::new()
    }
}

fn add(names: &mut Vec<Arc<str>>, name: &str, kind: Kind) -> Result<u16, SchemaError> {
    if names.len() >= MAX_METRICS {
        return Err(SchemaError::Full(kind));
    }
    names.push(Arc::from(name));
    u16::try_from(names.len() - 1).map_err(|_| SchemaError::Full(kind))
}

/// The counters and timers of one collector, frozen.
///
/// ```
/// use tachograph_hotpath::{SchemaBuilder, metrics};
///
/// let mut builder = SchemaBuilder::new();
/// let reconnects = builder.counter("rtsp_reconnects")?;
/// let schema = builder.build();
/// assert_eq!(schema.find_counter("rtsp_reconnects")?, reconnects);
/// assert_eq!(schema.find_timer("coreml_inference")?, metrics::COREML_INFERENCE);
/// # Ok::<(), tachograph_hotpath::SchemaError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Schema {
    counters: Vec<Arc<str>>,
    timers: Vec<Arc<str>>,
    // Sorted, not hashed: a seed that differs from run to run made the cost of a look-up differ, too.
    counter_index: BTreeMap<Arc<str>, u16>,
    timer_index: BTreeMap<Arc<str>, u16>,
}

impl Schema {
    /// Names of all counters, in schema order; the built-in ones come first.
    pub fn counters(&self) -> &[Arc<str>] {
        &self.counters
    }

    /// Names of all timers, in schema order; the built-in ones come first.
    pub fn timers(&self) -> &[Arc<str>] {
        &self.timers
    }

    /// Handles of all counters, in schema order.
    pub fn counter_handles(
        &self,
    ) -> impl DoubleEndedIterator<Item = Counter> + ExactSizeIterator + use<> {
        handles(&self.counters).map(Counter)
    }

    /// Handles of all timers, in schema order.
    pub fn timer_handles(
        &self,
    ) -> impl DoubleEndedIterator<Item = Timer> + ExactSizeIterator + use<> {
        handles(&self.timers).map(Timer)
    }

    /// Handle and name of each counter that is not built in.
    pub fn custom_counters(&self) -> impl Iterator<Item = (Counter, &Arc<str>)> {
        self.counter_handles()
            .zip(&self.counters)
            .skip(metrics::COUNTERS.len())
    }

    /// Handle and name of each timer that is not built in.
    pub fn custom_timers(&self) -> impl Iterator<Item = (Timer, &Arc<str>)> {
        self.timer_handles()
            .zip(&self.timers)
            .skip(metrics::TIMERS.len())
    }

    /// The counter of a name. Cost: some comparisons of names; keep the handle where it matters.
    ///
    /// # Errors
    /// [`SchemaError::Unknown`], with the names that exist.
    pub fn find_counter(&self, name: &str) -> Result<Counter, SchemaError> {
        let found = self.counter_index.get(name).copied().map(Counter);
        found.ok_or_else(|| unknown(Kind::Counter, name, &self.counters))
    }

    /// The timer of a name. Cost: some comparisons of names; keep the handle where it matters.
    ///
    /// # Errors
    /// [`SchemaError::Unknown`], with the names that exist.
    pub fn find_timer(&self, name: &str) -> Result<Timer, SchemaError> {
        let found = self.timer_index.get(name).copied().map(Timer);
        found.ok_or_else(|| unknown(Kind::Timer, name, &self.timers))
    }
}

/// `add` keeps the lists short enough for this to be lossless.
fn handles(names: &[Arc<str>]) -> std::ops::Range<u16> {
    0..u16::try_from(names.len()).unwrap_or(u16::MAX)
}

#[cold]
fn unknown(kind: Kind, name: &str, known: &[Arc<str>]) -> SchemaError {
    SchemaError::Unknown {
        kind,
        name: name.to_owned(),
        known: known.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Outcome;

    #[test]
    fn names_are_checked() {
        let mut builder = SchemaBuilder::new();
        let long = "a".repeat(MAX_NAME_BYTES);
        assert!(builder.counter(&long).is_ok());
        for bad in [
            "",
            "Upper",
            "1st",
            "_x",
            "a-b",
            "a b",
            "ä",
            &"a".repeat(MAX_NAME_BYTES + 1),
        ] {
            assert_eq!(
                builder.timer(bad),
                Err(SchemaError::BadName(bad.to_owned()))
            );
        }
        for taken in ["frames_processed", "llm_inference", &long] {
            assert_eq!(
                builder.counter(taken),
                Err(SchemaError::Duplicate(taken.to_owned()))
            );
            assert_eq!(
                builder.timer(taken),
                Err(SchemaError::Duplicate(taken.to_owned()))
            );
        }
    }

    #[test]
    fn a_full_schema_says_so() {
        let mut builder = SchemaBuilder::new();
        for i in metrics::TIMERS.len()..MAX_METRICS {
            builder
                .timer(&["t", &i.to_string()].concat())
                .expect("room for a thousand");
        }
        assert_eq!(
            builder.timer("one_more"),
            Err(SchemaError::Full(Kind::Timer))
        );
        assert!(builder.counter("but_counters_have_room").is_ok());
    }

    #[test]
    fn built_in_handles_carry_their_names() {
        let schema = SchemaBuilder::new().build();
        for (counter, name) in [
            (metrics::FRAMES_PROCESSED, "frames_processed"),
            (metrics::MOTION_DETECTED, "motion_detected"),
            (metrics::EVENTS_CREATED, "events_created"),
            (metrics::EVENTS_SUPPRESSED, "events_suppressed"),
        ] {
            assert_eq!(schema.find_counter(name), Ok(counter));
        }
        for (timer, name) in [
            (metrics::COREML_INFERENCE, "coreml_inference"),
            (metrics::LLM_INFERENCE, "llm_inference"),
            (metrics::FRAME_LATENCY, "frame_processing_latency"),
            (metrics::FRAME_IDLE, "frame_idle"),
            (metrics::FRAME_MOTION, "frame_motion"),
            (metrics::FRAME_SUPPRESSED, "frame_suppressed"),
            (metrics::FRAME_EVENT, "frame_event"),
            (metrics::FRAME_FAILED, "frame_failed"),
        ] {
            assert_eq!(schema.find_timer(name), Ok(timer));
        }
        for outcome in Outcome::ALL {
            let name = ["frame_", outcome.name()].concat();
            assert_eq!(schema.find_timer(&name), Ok(outcome.timer()));
        }
        assert_eq!(
            (
                schema.custom_counters().count(),
                schema.custom_timers().count()
            ),
            (0, 0)
        );
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = SchemaBuilder::new()
            .build()
            .find_timer("corml")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "unknown timer \"corml\"; known are coreml_inference, llm_inference, frame_processing_latency, \
             frame_idle, frame_motion, frame_suppressed, frame_event, frame_failed"
        );
    }
}
