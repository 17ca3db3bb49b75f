//! The process, the machine, the service, and what was lost.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Cell, Row, Table, Widget};
use tachograph::{MetricsSnapshot, format};

use super::super::state::State;
use super::{Shown, WIDE, pane};

/// A number with a name.
struct Item {
    name: &'static str,
    /// Its JSON name, if a target may stand for it.
    metric: &'static str,
    value: Option<String>,
    style: Style,
}

impl Item {
    fn new(name: &'static str, metric: &'static str, value: Option<String>) -> Self {
        Self {
            name,
            metric,
            value,
            style: Style::new(),
        }
    }
}

/// Draws six rows, and six more beside them where there is room.
pub(super) fn draw(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let inner = pane(shown.theme, "health", "", area, buffer);
    let first = essential(shown);
    if inner.width < WIDE / 2 {
        return table(shown, first, inner, buffer);
    }
    let halves = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]);
    let [left, right] = halves.spacing(2).areas(inner);
    table(shown, first, left, buffer);
    table(shown, further(shown.snapshot), right, buffer);
}

fn essential(shown: &Shown<'_>) -> Vec<Item> {
    let snapshot = shown.snapshot;
    let percent = |value: Option<f64>| finite(value).map(format::percent);
    let memory = |value: Option<f64>| finite(value).map(format::mebibytes);
    let up = finite(snapshot.system_availability).map(format::availability);
    let overhead = percent(snapshot.metrics_collection_overhead_percent);
    let mut lost = Item::new("losses", "", Some(losses(snapshot)));
    if lost.value.as_deref() != Some(NO_LOSSES) {
        lost.style = shown.theme.bad();
    }
    vec![
        Item::new(
            "process cpu",
            "process_cpu_usage",
            percent(snapshot.process_cpu_usage),
        ),
        Item::new(
            "process mem",
            "process_memory_mb",
            memory(snapshot.process_memory_mb),
        ),
        Item::new("machine", "", machine(snapshot)),
        Item::new("availability", "system_availability", up),
        Item::new("overhead", "metrics_collection_overhead_percent", overhead),
        lost,
    ]
}

fn further(snapshot: &MetricsSnapshot) -> Vec<Item> {
    let percent = |value: Option<f64>| finite(value).map(format::percent);
    let memory = finite(snapshot.memory_usage_mb).map(format::mebibytes);
    let cores = percent(snapshot.process_cpu_cores_percent);
    let count = |count: u64| Some(format::short_count(count));
    let span = |seconds: f64| Some(format::span(seconds));
    vec![
        Item::new("of one core", "process_cpu_cores_percent", cores),
        Item::new("machine mem", "memory_usage_mb", memory),
        Item::new(
            "cpu, 1 min",
            "cpu_usage_avg",
            percent(snapshot.cpu_usage_avg),
        ),
        Item::new(
            "running for",
            "uptime_seconds",
            span(snapshot.uptime_seconds),
        ),
        Item::new(
            "down for",
            "downtime_seconds",
            span(snapshot.downtime_seconds),
        ),
        Item::new(
            "samples",
            "samples_recorded",
            count(snapshot.samples_recorded),
        ),
    ]
}

const NO_LOSSES: &str = "none";

/// What was lost or went wrong, in one text.
pub(super) fn losses(snapshot: &MetricsSnapshot) -> String {
    let lost: Vec<_> = [
        ("overwritten", snapshot.samples_overwritten),
        ("rejected", snapshot.samples_rejected),
        ("untraced", snapshot.frames_untraced),
        ("log errors", snapshot.log_errors),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(what, count)| format!("{} {what}", format::short_count(count)))
    .collect();
    if lost.is_empty() {
        NO_LOSSES.to_owned()
    } else {
        lost.join(", ")
    }
}

fn machine(snapshot: &MetricsSnapshot) -> Option<String> {
    let cpu = finite(snapshot.cpu_usage_current).map(|cpu| format!("cpu {}", format::percent(cpu)));
    let memory = finite(snapshot.memory_usage_percent);
    let memory = memory.map(|share| format!("mem {}", format::percent(share)));
    let parts: Vec<_> = [cpu, memory].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("  "))
}

fn table(shown: &Shown<'_>, items: Vec<Item>, area: Rect, buffer: &mut Buffer) {
    let theme = shown.theme;
    let has_limits = area.width >= 34;
    for (item, row) in items.into_iter().zip(area.rows()) {
        let judged = State::judged(shown.evaluations, item.metric);
        let worst = judged.first().filter(|_| !item.metric.is_empty());
        let style = worst.map_or(item.style, |it| theme.verdict(it.verdict));
        let (value, style) = match item.value {
            Some(value) => (value, style),
            None => (format::NO_DATA.to_owned(), theme.dim()),
        };
        let name = Cell::from(format!(" {}", item.name));
        let value = Cell::from(Span::styled(value, style));
        let mark = worst.map_or_else(Text::default, |it| {
            Text::from(Span::styled(
                it.verdict.to_string(),
                theme.verdict(it.verdict),
            ))
        });
        let limit = worst.filter(|_| has_limits).map(|it| {
            let limit = format::limit(it.target.limit, it.target.unit());
            Line::from(Span::styled(limit, theme.dim()))
        });
        let name_width = Constraint::Length(13);
        // A text without a target may take the columns of limit and mark.
        let table = if worst.is_none() {
            Table::new([Row::new([name, value])], [name_width, Constraint::Fill(1)])
        } else {
            let cells = [
                name,
                value,
                Cell::from(limit.unwrap_or_default()),
                Cell::from(mark),
            ];
            let limit_width = Constraint::Length(if has_limits { 8 } else { 0 });
            let widths = [
                name_width,
                Constraint::Length(9),
                limit_width,
                Constraint::Length(2),
            ];
            Table::new([Row::new(cells)], widths)
        };
        Widget::render(table, row, buffer);
    }
}

fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}
