//! The full table: the stages with their statistics, then everything else line by line.

use comfy_table::{Cell, CellAlignment, LineStyle, Row, Table, TableStyle};
use tachograph_reducer::{MetricsSnapshot, TimerStats};

use crate::format::{
    NO_DATA, availability, clean, limit, mebibytes, millis, percent, short_count, span, value,
};
use crate::targets::number::timer;
use crate::targets::{Evaluation, Statistic, Targets};

use super::OUTCOMES;

/// Columns of a line at most.
const COLUMNS: usize = 80;
/// Columns that a name may take; a longer one goes on in the next line.
const NAME_COLUMNS: usize = 24;
/// Stages in flight that are listed, one a line.
const MAX_IN_FLIGHT: usize = 8;

pub(super) fn render(targets: &Targets, snapshot: &MetricsSnapshot) -> String {
    let evaluations = targets.evaluate(snapshot);
    let title = format!(
        "tachograph {}  {}",
        clean(&snapshot.version),
        clean(&snapshot.time)
    );
    let title: String = title.trim_end().chars().take(COLUMNS).collect();
    let mut values = Values {
        table: plain_table(5),
        evaluations: &evaluations,
        section: "",
        shown: Vec::new(),
    };
    values.frames(snapshot);
    values.machine(snapshot);
    values.service(snapshot);
    values.in_flight(snapshot);
    values.losses(snapshot);
    values.custom(snapshot);
    values.other_targets();
    let stages = stages(snapshot, &evaluations);
    let parts = [title, stages.trim_fmt(), values.table.trim_fmt()];
    // The columns of the second table have no header, which would be a blank line.
    parts
        .map(|part| part.trim_matches('\n').to_owned())
        .join("\n\n")
}

/// A table without borders, one column of space between its columns.
fn plain_table(columns: usize) -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new());
    // A row makes the columns exist; their padding is set before any content is laid out.
    table.set_header(Row::from(vec![""; columns]));
    for (index, column) in (1..).zip(table.column_iter_mut()) {
        column.set_padding((0, u16::from(index < columns)));
    }
    table
}

fn stages(snapshot: &MetricsSnapshot, evaluations: &[Evaluation<'_>]) -> Table {
    let mut table = plain_table(Statistic::ALL.len() + 3);
    table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─')));
    let mut header = vec![Cell::new("stage"), right("count")];
    header.extend(Statistic::ALL.map(|statistic| right(statistic.name())));
    header.push(Cell::new(""));
    table.set_header(header);
    for (name, _) in snapshot.timers() {
        let judged: Vec<_> = evaluations
            .iter()
            .filter(|it| it.target.metric == name && it.target.statistic.is_some())
            .collect();
        let stats = timer(snapshot, name);
        // Of the outcomes only those that there were: the counts below tell of the others.
        if stats.is_some() || !judged.is_empty() || !OUTCOMES.contains(&name) {
            table.add_row(stage(name, stats, &judged));
        }
    }
    table
}

/// A stage: its values, below them its limits, below its name what the window covers; at the end its worst mark.
fn stage(name: &str, stats: Option<&TimerStats>, judged: &[&Evaluation<'_>]) -> Row {
    let mut label = wrap(&clean(name));
    if let Some(stats) = stats {
        let covers = format!("\n  {}, {} ago", span(stats.span_s), span(stats.age_s));
        label += &covers;
    }
    let count = stats.map_or(0, |stats| stats.count);
    let mut row = vec![Cell::new(label), right(short_count(count))];
    for statistic in Statistic::ALL {
        let shown = match stats {
            Some(stats) => millis(statistic.of(stats)),
            None if statistic == Statistic::Avg => NO_DATA.to_owned(),
            None => String::new(),
        };
        let target = judged
            .iter()
            .map(|it| it.target)
            .find(|target| target.statistic == Some(statistic));
        let below = target.map_or(String::new(), |target| {
            format!("\n{}", limit(target.limit, target.unit()))
        });
        row.push(right(shown + &below));
    }
    let worst = judged.iter().map(|it| it.verdict).max();
    row.push(Cell::new(
        worst.map_or(String::new(), |verdict| verdict.to_string()),
    ));
    Row::from(row)
}

/// The lines: section, name, value, limit, mark.
struct Values<'a> {
    table: Table,
    evaluations: &'a [Evaluation<'a>],
    section: &'static str,
    /// Metrics that have a line.
    shown: Vec<&'static str>,
}

impl Values<'_> {
    fn line(&mut self, section: &'static str, name: &str, value: String, metric: &str) {
        let judged = self
            .evaluations
            .iter()
            .find(|it| it.target.metric == metric && it.target.statistic.is_none());
        let (limit, mark) = judged.map_or_else(Default::default, |it| {
            let limit = limit(it.target.limit, it.target.unit());
            (limit, it.verdict.to_string())
        });
        let heading = if section == self.section { "" } else { section };
        self.section = section;
        let cells = [
            Cell::new(heading),
            Cell::new(wrap(name)),
            Cell::new(value),
            Cell::new(limit),
            Cell::new(mark),
        ];
        self.table.add_row(cells);
    }

    /// A number of the snapshot under its own JSON name.
    fn number(
        &mut self,
        section: &'static str,
        name: &str,
        metric: &'static str,
        value: Option<String>,
    ) {
        self.shown.push(metric);
        let value = value.unwrap_or_else(|| NO_DATA.to_owned());
        self.line(section, name, value, metric);
    }

    fn frames(&mut self, snapshot: &MetricsSnapshot) {
        for (name, metric, count) in [
            ("processed", "frames_processed", snapshot.frames_processed),
            ("with motion", "motion_detected", snapshot.motion_detected),
        ] {
            self.number("frames", name, metric, Some(count.to_string()));
        }
        let rate = finite(snapshot.motion_hit_rate).map(percent);
        self.number("frames", "hit rate", "motion_hit_rate", rate);
        for (name, metric, count) in [
            ("idle", "frames_idle", snapshot.frames_idle),
            ("motion, no event", "frames_motion", snapshot.frames_motion),
            ("failed", "frames_failed", snapshot.frames_failed),
        ] {
            self.number("frames", name, metric, Some(count.to_string()));
        }
        for (name, metric, count) in [
            ("created", "events_created", snapshot.events_created),
            (
                "suppressed",
                "events_suppressed",
                snapshot.events_suppressed,
            ),
        ] {
            self.number("events", name, metric, Some(count.to_string()));
        }
    }

    fn machine(&mut self, snapshot: &MetricsSnapshot) {
        let cpu = finite(snapshot.cpu_usage_current).map(percent);
        self.number("machine", "cpu", "cpu_usage_current", cpu);
        let average = finite(snapshot.cpu_usage_avg).map(percent);
        self.number("machine", "cpu, average", "cpu_usage_avg", average);
        let memory = finite(snapshot.memory_usage_mb).map(mebibytes);
        self.number("machine", "memory", "memory_usage_mb", memory);
        let share = finite(snapshot.memory_usage_percent).map(percent);
        self.number("machine", "memory, share", "memory_usage_percent", share);
        let cpu = finite(snapshot.process_cpu_usage).map(percent);
        self.number("process", "cpu", "process_cpu_usage", cpu);
        let memory = finite(snapshot.process_memory_mb).map(mebibytes);
        self.number("process", "memory", "process_memory_mb", memory);
    }

    fn service(&mut self, snapshot: &MetricsSnapshot) {
        let up = finite(snapshot.system_availability).map(availability);
        self.number("service", "availability", "system_availability", up);
        for (name, metric, seconds, always) in [
            (
                "running for",
                "uptime_seconds",
                snapshot.uptime_seconds,
                true,
            ),
            (
                "down for",
                "downtime_seconds",
                snapshot.downtime_seconds,
                false,
            ),
            (
                "suspended for",
                "suspended_seconds",
                snapshot.suspended_seconds,
                false,
            ),
        ] {
            if always || seconds > 0.0 {
                self.number("service", name, metric, Some(span(seconds)));
            }
        }
        let metric = "metrics_collection_overhead_percent";
        let overhead = finite(snapshot.metrics_collection_overhead_percent).map(percent);
        self.number("service", "measuring overhead", metric, overhead);
    }

    fn in_flight(&mut self, snapshot: &MetricsSnapshot) {
        let section = "in flight";
        for stage in snapshot.in_flight.iter().take(MAX_IN_FLIGHT) {
            let age = format!("for {}", span(stage.for_ms / 1e3));
            self.line(section, &clean(&stage.stage), age, "");
        }
        let more = snapshot.in_flight.len().saturating_sub(MAX_IN_FLIGHT);
        if more > 0 {
            self.line(section, &format!("and {more} more"), String::new(), "");
        }
    }

    fn losses(&mut self, snapshot: &MetricsSnapshot) {
        for (name, metric, count) in [
            (
                "samples overwritten",
                "samples_overwritten",
                snapshot.samples_overwritten,
            ),
            (
                "samples rejected",
                "samples_rejected",
                snapshot.samples_rejected,
            ),
            ("log errors", "log_errors", snapshot.log_errors),
        ] {
            if count > 0 {
                self.number("losses", name, metric, Some(count.to_string()));
            }
        }
    }

    fn custom(&mut self, snapshot: &MetricsSnapshot) {
        for (name, count) in &snapshot.custom.counters {
            self.line("custom", &clean(name), count.to_string(), name);
        }
    }

    /// Targets for what has no line yet.
    fn other_targets(&mut self) {
        let evaluations = self.evaluations;
        for it in evaluations {
            let metric = it.target.metric.as_str();
            let custom = crate::targets::number::number(metric).is_none();
            let has_line = self.shown.contains(&metric) || (custom && it.value.is_some());
            if it.target.statistic.is_none() && !has_line {
                let shown = it.value.map(|number| value(number, it.target.unit()));
                let shown = shown.unwrap_or_else(|| NO_DATA.to_owned());
                self.line("targets", metric, shown, metric);
            }
        }
    }
}

fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

fn right(content: impl ToString) -> Cell {
    Cell::new(content).set_alignment(CellAlignment::Right)
}

/// Breaks a name into lines of [`NAME_COLUMNS`].
fn wrap(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let lines: Vec<String> = chars.chunks(NAME_COLUMNS).map(String::from_iter).collect();
    lines.join("\n")
}
