//! The process, the machine, the service, and what was lost.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Cell, Row, Table, Widget};
use tachograph::{MetricsSnapshot, format};

use super::super::state::State;
use super::super::text::fit;
use super::{Shown, WIDE, pane};

/// Columns from which on limits are shown.
const WITH_LIMITS: u16 = 34;

/// Columns of a name.
const NAME: u16 = 14;

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
    let is_wide = inner.width >= WIDE / 2;
    let first = essential(shown, !is_wide && inner.width >= WITH_LIMITS);
    if !is_wide {
        return table(shown, first, inner, buffer);
    }
    let halves = Layout::horizontal([Constraint::Length(WITH_LIMITS), Constraint::Fill(1)]);
    let [left, right] = halves.spacing(2).areas(inner);
    table(shown, first, left, buffer);
    table(shown, further(shown.snapshot), right, buffer);
}

/// What must always be seen; the machine's memory beside its CPU if there is room.
fn essential(shown: &Shown<'_>, has_memory: bool) -> Vec<Item> {
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
        machine(snapshot, has_memory),
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

fn machine(snapshot: &MetricsSnapshot, has_memory: bool) -> Item {
    let cpu = finite(snapshot.cpu_usage_current).map(format::percent);
    let memory = finite(snapshot.memory_usage_percent).filter(|_| has_memory);
    let Some(memory) = memory.map(format::percent) else {
        return Item::new("machine cpu", "cpu_usage_current", cpu);
    };
    let cpu = cpu.unwrap_or_else(|| format::NO_DATA.to_owned());
    Item::new("machine cpu", "", Some(format!("{cpu}  mem {memory}")))
}

fn table(shown: &Shown<'_>, items: Vec<Item>, area: Rect, buffer: &mut Buffer) {
    let theme = shown.theme;
    let has_limits = area.width >= WITH_LIMITS;
    for (item, row) in items.into_iter().zip(area.rows()) {
        let judged = State::judged(shown.evaluations, item.metric);
        let worst = judged.first().filter(|_| !item.metric.is_empty());
        let style = worst.map_or(item.style, |it| theme.verdict(it.verdict));
        let (value, style) = match item.value {
            Some(value) => (value, style),
            None => (format::NO_DATA.to_owned(), theme.dim()),
        };
        let value = fit(&value, area.width.saturating_sub(NAME));
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
        let name_width = Constraint::Length(NAME);
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
                Constraint::Length(10),
                limit_width,
                Constraint::Length(2),
            ];
            Table::new([Row::new(cells)], widths)
        };
        Widget::render(table.column_spacing(0), row, buffer);
    }
}

fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}
