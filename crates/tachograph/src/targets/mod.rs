//! Targets: what a metric should be, and whether it is.
//!
//! A target is a general rule: a metric, for timers a statistic, and a limit. In TOML:
//! ```toml
//! [targets]
//! coreml_inference.p95 = "< 100ms"   # a timer and one of its statistics
//! process_memory_mb = "< 2GB"        # a number of the snapshot by its JSON name; sizes are binary
//! rtsp_reconnects = "< 10"           # a custom counter
//! llm_inference.p95 = "off"          # takes a default away
//! ```

pub(crate) mod number;
mod rule;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;

use tachograph_hotpath::Schema;
use tachograph_reducer::{BUILT_IN_TIMERS, MetricsSnapshot};
use thiserror::Error;

use crate::shown::shown;
pub use number::Unit;
pub use rule::{Limit, Statistic, Verdict};

/// The share of a limit, or of the budget that it leaves, from which on a metric is [`Verdict::Near`].
pub(crate) const NEAR: f64 = 0.8;

/// Why a target was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The limit cannot be read.
    #[error(
        "target {} = {limit:?} is not a limit such as \"< {example}\" or \"off\"",
        shown(target)
    )]
    BadLimit {
        /// The metric, with its statistic.
        target: String,
        /// The text that was refused.
        limit: String,
        /// A limit in a unit of this metric.
        example: &'static str,
    },
    /// The metric has no such statistic.
    #[error(
        "target {}.{}: unknown statistic {statistic:?}; known are {}",
        shown(metric),
        shown(statistic),
        known_statistics()
    )]
    UnknownStatistic {
        /// The metric.
        metric: String,
        /// The statistic that was refused.
        statistic: String,
    },
    /// The metric is a timer, so the target must say which of its statistics is meant.
    #[error(
        "target {metric} needs a statistic, as in {metric}.p95; known are {}",
        known_statistics()
    )]
    StatisticMissing {
        /// The timer.
        metric: String,
    },
    /// The metric is a plain number and has no statistics.
    #[error(
        "target {metric}.{statistic}: {metric} is a number, not a timer, so it has no {statistic}"
    )]
    NotATimer {
        /// The metric.
        metric: String,
        /// The statistic that was asked for.
        statistic: Statistic,
    },
    /// Nothing of this name is measured.
    #[error("target {}: unknown metric {metric:?}; known are {}", shown(metric), known.join(", "))]
    UnknownMetric {
        /// The name that was refused.
        metric: String,
        /// All names: timers, counters and numbers of the snapshot.
        known: Vec<String>,
    },
}

fn known_statistics() -> String {
    Statistic::ALL.map(Statistic::name).join(", ")
}

/// A rule: this metric should stay below, or above, this limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// A timer, a number of the snapshot by its JSON name, or a custom counter.
    pub metric: String,
    /// Which statistic of the timer; `None` for everything that is not one.
    pub statistic: Option<Statistic>,
    /// The limit, in the metric's own unit: milliseconds for timers.
    pub limit: Limit,
}

impl Target {
    /// A target from text: `coreml_inference.p95` and `< 100ms`.
    ///
    /// # Errors
    /// An unknown statistic, a timer without one, a limit that cannot be read or has a unit that is not the metric's.
    pub fn parse(metric: &str, limit: &str) -> Result<Self, TargetError> {
        let (metric, statistic) = text::parse_name(metric)?;
        text::parse_target(metric, statistic, limit)
    }

    /// The name as in a configuration: `coreml_inference.p95` or `process_memory_mb`.
    pub fn name(&self) -> String {
        text::join_name(&self.metric, self.statistic)
    }

    /// The current value in the metric's own unit; `None` where there is no data, as for a timer without samples.
    pub fn value(&self, snapshot: &MetricsSnapshot) -> Option<f64> {
        let value = match self.statistic {
            Some(statistic) => statistic.of(number::timer(snapshot, &self.metric)?),
            None => match number::number(&self.metric) {
                Some(number) => (number.read)(snapshot)?,
                None => *snapshot.custom.counters.get(self.metric.as_str())? as f64,
            },
        };
        value.is_finite().then_some(value)
    }

    /// Judges a value in the metric's own unit.
    pub fn verdict(&self, value: Option<f64>) -> Verdict {
        let percent = self.unit() == Unit::Percent;
        value.map_or(Verdict::NoData, |value| self.limit.judge(value, percent))
    }

    /// What the value and the limit are measured in.
    pub fn unit(&self) -> Unit {
        text::unit_of(&self.metric, self.statistic)
    }
}

/// As in a configuration: `coreml_inference.p95 < 100ms`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}",
            self.name(),
            text::format_limit(self.limit, self.unit())
        )
    }
}

/// A target and how it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation<'a> {
    /// The rule.
    pub target: &'a Target,
    /// The metric's value in its own unit; `None`: no data.
    pub value: Option<f64>,
    /// What follows.
    pub verdict: Verdict,
}

/// The targets of a collector, in order, at most one per metric and statistic.
///
/// In a configuration the given ones go over the defaults, one by one; `"off"` takes one away.
#[derive(Clone, Debug, PartialEq)]
pub struct Targets {
    list: Vec<Target>,
    /// What was switched off, all missing defaults among it: so a misspelled name is found, and a configuration that is
    /// written reads back the same. Never the same metric and statistic as in `list`.
    off: Vec<(String, Option<Statistic>)>,
}

impl Default for Targets {
    /// The seven that suit a camera pipeline: `coreml_inference` p95 < 100 ms, `llm_inference` p95 < 3 s,
    /// `frame_processing_latency` avg < 5 s, process CPU < 50 % of the machine, process memory < 2 GiB, availability > 99 %,
    /// overhead < 1 %.
    fn default() -> Self {
        let timer = |metric: &str, statistic, limit| Target {
            metric: metric.to_owned(),
            statistic: Some(statistic),
            limit: Limit::Below(limit),
        };
        let number = |metric: &str, limit| Target {
            metric: metric.to_owned(),
            statistic: None,
            limit,
        };
        Self {
            list: vec![
                timer("coreml_inference", Statistic::P95, 100.0),
                timer("llm_inference", Statistic::P95, 3000.0),
                timer("frame_processing_latency", Statistic::Avg, 5000.0),
                number("process_cpu_usage", Limit::Below(50.0)),
                number("process_memory_mb", Limit::Below(2048.0)),
                number("system_availability", Limit::Above(99.0)),
                number("metrics_collection_overhead_percent", Limit::Below(1.0)),
            ],
            off: Vec::new(),
        }
    }
}

impl Targets {
    /// No targets at all.
    pub fn none() -> Self {
        let mut targets = Self::default();
        for target in std::mem::take(&mut targets.list) {
            targets.off.push((target.metric, target.statistic));
        }
        targets
    }

    /// The targets, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Target> {
        self.list.iter()
    }

    /// Adds a target, or replaces the one for the same metric and statistic.
    pub fn set(&mut self, target: Target) {
        let same = |it: &Target| it.metric == target.metric && it.statistic == target.statistic;
        self.off.retain(|(metric, statistic)| {
            *metric != target.metric || (statistic.is_some() && *statistic != target.statistic)
        });
        match self.list.iter_mut().find(|it| same(it)) {
            Some(old) => *old = target,
            None => self.list.push(target),
        }
    }

    /// Takes a target away; without a statistic, all those of the metric. That there is none is no error.
    pub fn remove(&mut self, metric: &str, statistic: Option<Statistic>) {
        let named = |it: &mut Target| {
            it.metric == metric && (statistic.is_none() || it.statistic == statistic)
        };
        let mut gone: Vec<_> = self
            .list
            .extract_if(.., named)
            .map(|target| (target.metric, target.statistic))
            .collect();
        if gone.is_empty() {
            gone.push((metric.to_owned(), statistic));
        }
        for key in gone {
            if !self.off.contains(&key) {
                self.off.push(key);
            }
        }
    }

    /// Checks that everything a target names is measured: in `schema` or as a number of the snapshot.
    ///
    /// # Errors
    /// The first that is not, with all names that are; a timer without a statistic, or the other way round.
    pub fn check_names(&self, schema: &Schema) -> Result<(), TargetError> {
        for target in &self.list {
            check_name(schema, &target.metric, target.statistic, false)?;
        }
        for (metric, statistic) in &self.off {
            check_name(schema, metric, *statistic, true)?;
        }
        Ok(())
    }

    /// How all targets stand, in order.
    pub fn evaluate(&self, snapshot: &MetricsSnapshot) -> Vec<Evaluation<'_>> {
        let evaluate = |target| {
            let value = Target::value(target, snapshot);
            let verdict = target.verdict(value);
            Evaluation {
                target,
                value,
                verdict,
            }
        };
        self.list.iter().map(evaluate).collect()
    }
}

impl<'a> IntoIterator for &'a Targets {
    type Item = &'a Target;
    type IntoIter = std::slice::Iter<'a, Target>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn check_name(
    schema: &Schema,
    metric: &str,
    statistic: Option<Statistic>,
    off: bool,
) -> Result<(), TargetError> {
    let is_timer = schema.find_timer(metric).is_ok();
    let is_number = schema.find_counter(metric).is_ok() || number::number(metric).is_some();
    let metric = metric.to_owned();
    match statistic {
        None if is_number || (is_timer && off) => Ok(()),
        Some(_) if is_timer => Ok(()),
        None if is_timer => Err(TargetError::StatisticMissing { metric }),
        Some(statistic) if is_number => Err(TargetError::NotATimer { metric, statistic }),
        _ => {
            let timers = schema.timers().iter().map(ToString::to_string);
            let counters = schema.custom_counters().map(|(_, name)| name.to_string());
            let numbers = number::numbers().map(|number| number.name.to_owned());
            let known = timers.chain(counters).chain(numbers).collect();
            Err(TargetError::UnknownMetric { metric, known })
        }
    }
}

/// Whether every snapshot has a timer of this name.
fn is_built_in_timer(name: &str) -> bool {
    BUILT_IN_TIMERS.contains(&name)
}
