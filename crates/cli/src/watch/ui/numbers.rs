//! Targets, counters, and statistics since the start: what has no place in the overview.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Cell, Row, Table, Widget};
use tachograph::{LifetimeStats, format};

use super::super::text::{clean, fit};
use super::{Shown, pane};

/// Rows of a table at most.
const MAX_ROWS: usize = 1000;
/// Columns of the counters.
const COUNTERS: u16 = 26;

/// Draws targets and counters in the upper half, the lifetime statistics below.
pub(super) fn view(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let targets = targets(
        shown,
        area.width.saturating_sub(COUNTERS + 1 + 8 + 9 + 2 + 3),
    );
    let counters = counters(shown);
    let rows = u16::try_from(targets.len().max(counters.len())).unwrap_or(u16::MAX);
    let most = area.height / 2;
    let halves = Layout::vertical([
        Constraint::Length(rows.saturating_add(1).min(most)),
        Constraint::Fill(1),
    ]);
    let [upper, lower] = halves.areas(area);
    let parts = Layout::horizontal([Constraint::Fill(1), Constraint::Length(COUNTERS)]);
    let [left, right] = parts.spacing(1).areas(upper);
    let scroll = shown.state.scroll;
    let widths = [
        Constraint::Fill(1),
        Constraint::Length(8),
        Constraint::Length(9),
        Constraint::Length(2),
    ];
    table(shown, "targets", (targets, &widths), (scroll, left), buffer);
    let widths = [Constraint::Fill(1), Constraint::Length(9)];
    table(
        shown,
        "counters",
        (counters, &widths),
        (scroll, right),
        buffer,
    );
    lifetime(shown, scroll, lower, buffer);
}

fn targets(shown: &Shown<'_>, columns: u16) -> Vec<Row<'static>> {
    let theme = shown.theme;
    let row = |it: &tachograph::Evaluation<'_>| {
        let unit = it.target.unit();
        let value = it.value.map_or_else(
            || format::NO_DATA.to_owned(),
            |value| match it.target.metric.as_str() {
                "system_availability" => format::availability(value),
                _ => format::value(value, unit),
            },
        );
        let style = theme.verdict(it.verdict);
        Row::new([
            Cell::from(fit(&format!(" {}", clean(&it.target.name())), columns)),
            right(format::limit(it.target.limit, unit)),
            right(value).style(style),
            Cell::from(Span::styled(it.verdict.to_string(), style)),
        ])
    };
    shown.evaluations.iter().take(MAX_ROWS).map(row).collect()
}

fn counters(shown: &Shown<'_>) -> Vec<Row<'static>> {
    let snapshot = shown.snapshot;
    let own = snapshot.custom.counters.iter();
    let own = own.map(|(name, count)| (clean(name), *count));
    let losses = [
        ("log errors", snapshot.log_errors),
        ("samples", snapshot.samples_recorded),
        ("overwritten", snapshot.samples_overwritten),
        ("rejected", snapshot.samples_rejected),
        ("untraced", snapshot.frames_untraced),
    ];
    let losses = losses.map(|(name, count)| (name.to_owned(), count));
    own.take(MAX_ROWS)
        .chain(losses)
        .map(|(name, count)| {
            Row::new([
                Cell::from(format!(" {}", fit(&name, 16))),
                right(format::short_count(count)),
            ])
        })
        .collect()
}

fn lifetime(shown: &Shown<'_>, scroll: usize, area: Rect, buffer: &mut Buffer) {
    let theme = shown.theme;
    // In the order of the stages, and what is no stage any more after them.
    let snapshot = shown.snapshot;
    let known = snapshot.timers().map(|(name, _)| name);
    let others = snapshot.lifetime.keys().map(AsRef::as_ref);
    let others = others.filter(|name| snapshot.timer(name).is_none());
    let all = known.chain(others).filter_map(|name| {
        let stats = snapshot.lifetime.get(name)?;
        (stats.count > 0).then_some((name, stats))
    });
    let rows: Vec<_> = all
        .take(MAX_ROWS)
        .map(|(name, stats)| since_start(name, stats))
        .collect();
    let titles = ["", "n", "avg", "p50", "p95", "p99", "p99.9"].map(right);
    let header = Row::new(titles).style(theme.dim());
    let widths = [26, 6, 7, 7, 7, 7, 7].map(Constraint::Length);
    let inner = pane(theme, "since the start", "", area, buffer);
    let rows = scrolled(rows, scroll, inner.height.saturating_sub(1));
    let narrow = if area.width < 80 { 5 } else { widths.len() };
    let table = Table::new(rows, widths.into_iter().take(narrow)).header(header);
    Widget::render(table, inner, buffer);
}

fn since_start(name: &str, stats: &LifetimeStats) -> Row<'static> {
    let average = stats.sum_ms / stats.count as f64;
    let quantile = |value: Option<f64>| right(value.map(format::millis).unwrap_or_default());
    Row::new([
        Cell::from(format!(" {}", fit(&clean(name), 25))),
        right(format::short_count(stats.count)),
        right(format::millis(average)),
        quantile(stats.p50),
        quantile(stats.p95),
        quantile(stats.p99),
        quantile(stats.p999),
    ])
}

fn table(
    shown: &Shown<'_>,
    name: &str,
    (rows, widths): (Vec<Row<'static>>, &[Constraint]),
    (scroll, area): (usize, Rect),
    buffer: &mut Buffer,
) {
    let inner = pane(shown.theme, name, "", area, buffer);
    let rows = scrolled(rows, scroll, inner.height);
    Widget::render(Table::new(rows, widths.to_vec()), inner, buffer);
}

/// The rows from `scroll` on, but never fewer than fit.
fn scrolled(rows: Vec<Row<'static>>, scroll: usize, height: u16) -> Vec<Row<'static>> {
    let first = scroll.min(rows.len().saturating_sub(usize::from(height)));
    rows.into_iter().skip(first).collect()
}

fn right(text: impl Into<String>) -> Cell<'static> {
    Cell::from(Text::from(Line::from(text.into()).right_aligned()))
}
