//! One of the two logs.

use std::path::Path;

use tachograph::Target;

use super::CompareArgs;
use crate::error::Error;
use crate::lines::{Line, Merged, Reading, Series, Span, Tally, read};
use crate::stats::Estimate;

/// The numbers that are shown side by side, before the log's own counters.
const NUMBERS: [&str; 12] = [
    "frames_processed",
    "frames_idle",
    "frames_motion",
    "events_suppressed",
    "events_created",
    "frames_failed",
    "motion_hit_rate",
    "process_cpu_usage",
    "cpu_usage_current",
    "process_memory_mb",
    "system_availability",
    "metrics_collection_overhead_percent",
];
/// Numbers that are followed at most, so that a log that is not ours cannot fill the memory.
const MAX_NUMBERS: usize = 512;

/// A log, read.
pub(super) struct Side {
    pub(super) span: Span,
    pub(super) merged: Merged,
    numbers: Vec<(String, Series)>,
    left_out: Tally,
}

impl Side {
    pub(super) fn read(path: &Path, args: &CompareArgs) -> Result<Self, Error> {
        let mut side = Self {
            span: Span::default(),
            merged: Merged::new(),
            numbers: Vec::new(),
            left_out: Tally::default(),
        };
        let asked = args.fail_if.iter().map(|it| &it.target);
        let asked = asked
            .filter(|it| it.statistic.is_none())
            .map(|it| it.metric.as_str());
        for name in NUMBERS.into_iter().chain(asked) {
            side.follow(name);
        }
        let last = args.last;
        side.span = read(Reading { path, last }, |lines| {
            side.merged.add(lines);
            lines.iter().for_each(|line| side.add(line));
        })?;
        side.merged.warn();
        side.left_out.warn("more counters are left out");
        Ok(side)
    }

    fn follow(&mut self, name: &str) {
        if self.number(name).is_none()
            && let Some(series) = Series::named(name)
        {
            self.numbers.push((name.to_owned(), series));
        }
    }

    fn add(&mut self, line: &Line) {
        for name in line.snapshot.custom.counters.keys() {
            if self.number(name).is_some() {
                continue;
            }
            if self.numbers.len() < MAX_NUMBERS {
                self.follow(name);
            } else {
                self.left_out.add(|| {
                    format!(
                        "{}: counter {name} is left out, there are {MAX_NUMBERS} already",
                        line.place
                    )
                });
            }
        }
        for (_, series) in &mut self.numbers {
            series.add(line);
        }
    }

    /// Whether there is anything in it.
    pub(super) fn has_lines(&self) -> bool {
        self.span.lines > 0
    }

    /// A number by its name.
    pub(super) fn number(&self, name: &str) -> Option<&Series> {
        let mut numbers = self.numbers.iter();
        numbers
            .find(|(known, _)| known == name)
            .map(|(_, series)| series)
    }

    /// All numbers, in the order in which they are shown.
    pub(super) fn number_names(&self) -> impl Iterator<Item = &str> {
        self.numbers.iter().map(|(name, _)| name.as_str())
    }

    /// What a target is about; `None` without data. Counters per hour.
    pub(super) fn estimate(&self, target: &Target) -> Option<Estimate> {
        match target.statistic {
            Some(statistic) => Estimate::of(self.merged.get(&target.metric)?, statistic),
            None => self.number(&target.metric)?.per_hour().map(Estimate::exact),
        }
    }
}
