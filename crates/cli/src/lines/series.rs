//! One number of the snapshots over many lines: which number stands for all of them depends on what it counts.

use tachograph::{Limit, MetricsSnapshot, Target, Unit};

use super::Line;

/// What stands for a number over a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// The mean of the lines: CPU, overhead.
    Mean,
    /// The highest of the lines: memory.
    Peak,
    /// What a counter gained, over restarts.
    Increase,
    /// What a counter gained that the log carries over restarts.
    CarriedIncrease,
    /// The share of observed time in which the pipeline was up.
    Availability,
    /// Frames with motion of all frames.
    HitRate,
    /// The newest line's: what describes that line alone.
    Newest,
}

impl Rule {
    fn of(target: &Target) -> Self {
        match target.metric.as_str() {
            "system_availability" | "system_uptime_percent" => Self::Availability,
            "motion_hit_rate" => Self::HitRate,
            "uptime_seconds" => Self::Newest,
            "samples_pending" => Self::Peak,
            "observed_seconds" | "downtime_seconds" | "suspended_seconds" => Self::CarriedIncrease,
            name if name.starts_with("memory_") || name == "process_memory_mb" => Self::Peak,
            name if is_evidence(name) => Self::Newest,
            _ if target.unit() == Unit::Percent => Self::Mean,
            _ => Self::Increase,
        }
    }
}

/// Whether it tells how good a built-in timer's window is: `llm_inference_count`, `_span_s` or `_age_s`.
fn is_evidence(name: &str) -> bool {
    ["_count", "_span_s", "_age_s"]
        .iter()
        .filter_map(|end| name.strip_suffix(end))
        .any(|timer| tachograph::BUILT_IN_TIMERS.contains(&timer))
}

/// A number that is followed from line to line.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    target: Target,
    rule: Rule,
    /// Lines that had it.
    lines: u64,
    /// What is added up: values, gains, or the part of a share.
    sum: f64,
    /// The whole of a share.
    whole: f64,
    peak: f64,
    newest: f64,
    /// Seconds in which gains were gained.
    seconds: f64,
}

impl Series {
    /// The number of a target that is not a timer's.
    pub(crate) fn of(target: &Target) -> Self {
        Self {
            rule: Rule::of(target),
            target: target.clone(),
            lines: 0,
            sum: 0.0,
            whole: 0.0,
            peak: f64::NEG_INFINITY,
            newest: 0.0,
            seconds: 0.0,
        }
    }

    /// The number of this name, as the snapshot has it or a custom counter's; `None` if the name is a timer's.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let target = Target {
            metric: name.to_owned(),
            statistic: None,
            limit: Limit::Below(0.0),
        };
        let is_timer = tachograph::BUILT_IN_TIMERS.contains(&name);
        (!is_timer).then(|| Self::of(&target))
    }

    /// What it is measured in.
    pub(crate) fn unit(&self) -> Unit {
        self.target.unit()
    }

    /// Takes in the next line.
    pub(crate) fn add(&mut self, line: &Line) {
        let seconds = line.interval_s.unwrap_or(0.0);
        match self.rule {
            Rule::Availability => {
                let observed = line.carried(|it| it.observed_seconds);
                let down = line.carried(|it| it.downtime_seconds);
                if let (Some(observed), Some(down)) = (observed, down) {
                    self.take(observed - down, observed, seconds);
                }
            }
            Rule::HitRate => {
                let frames = line.increase(|it| Some(it.frames_processed));
                let motion = line.increase(|it| Some(it.motion_detected));
                if let (Some(frames), Some(motion)) = (frames, motion) {
                    self.take(motion as f64, frames as f64, seconds);
                }
            }
            Rule::CarriedIncrease => {
                let read = |it: &MetricsSnapshot| self.target.value(it).unwrap_or(0.0);
                if let Some(gain) = line.carried(read) {
                    self.take(gain, 0.0, seconds);
                }
            }
            Rule::Increase => {
                if let Some(gain) = line.gain(|it| self.target.value(it)) {
                    self.take(gain, 0.0, seconds);
                }
            }
            Rule::Mean | Rule::Peak | Rule::Newest => {
                if let Some(value) = self.target.value(&line.snapshot) {
                    self.take(value, 0.0, seconds);
                }
            }
        }
    }

    fn take(&mut self, value: f64, whole: f64, seconds: f64) {
        self.lines += 1;
        self.sum += value;
        self.whole += whole;
        self.peak = self.peak.max(value);
        self.newest = value;
        self.seconds += seconds;
    }

    /// What stands for all lines; `None` if none of them had it.
    pub(crate) fn value(&self) -> Option<f64> {
        let value = match self.rule {
            _ if self.lines == 0 => return None,
            Rule::Mean => self.sum / self.lines as f64,
            Rule::Peak => self.peak,
            Rule::Increase | Rule::CarriedIncrease => self.sum,
            Rule::Newest => self.newest,
            Rule::Availability | Rule::HitRate if self.whole <= 0.0 => return None,
            Rule::Availability | Rule::HitRate => (self.sum / self.whole * 100.0).max(0.0),
        };
        value.is_finite().then_some(value)
    }

    /// The same as a rate per hour, if it is a gain; `None` if no time has passed.
    pub(crate) fn per_hour(&self) -> Option<f64> {
        let gain = self.value()?;
        match self.rule {
            Rule::Increase | Rule::CarriedIncrease => {
                (self.seconds > 0.0).then(|| gain / self.seconds * 3600.0)
            }
            _ => Some(gain),
        }
    }

    /// Whether it is a gain, and so comparable as a rate only.
    pub(crate) fn is_gain(&self) -> bool {
        matches!(self.rule, Rule::Increase | Rule::CarriedIncrease)
    }

    /// Lines that had it.
    pub(crate) fn lines(&self) -> u64 {
        self.lines
    }

    /// What the value is, in words.
    pub(crate) fn judged(&self) -> String {
        let lines = match self.lines {
            0 => return "not in the log".to_owned(),
            1 => "1 line".to_owned(),
            lines => format!("{lines} lines"),
        };
        match self.rule {
            Rule::Mean => format!("mean of {lines}"),
            Rule::Peak => format!("peak of {lines}"),
            Rule::Increase | Rule::CarriedIncrease => format!("increase over {lines}"),
            Rule::Availability => {
                format!("share of {}", tachograph::format::span(self.whole))
            }
            Rule::HitRate => format!("share of {} frames", self.whole),
            Rule::Newest => "newest line".to_owned(),
        }
    }
}
