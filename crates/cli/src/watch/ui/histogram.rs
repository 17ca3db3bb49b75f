//! How long the selected stage took, how often: bars over a logarithmic axis.

use hdrhistogram::Histogram;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Span;
use ratatui::widgets::{Sparkline, SparklineBar, Widget};
use tachograph::{Limit, Unit, format};

use super::super::history::{scaled, whole};
use super::super::text::{clean, fit, width};
use super::{Shown, pane, styled};
use crate::lines::millis;

/// The axis spans at least this much, as a ratio.
const MIN_RATIO: f64 = 2.0;
const QUANTILES: [(&str, f64); 3] = [("p50", 0.50), ("p95", 0.95), ("p99", 0.99)];
/// Columns between two labels of the axis at least.
const LABEL_GAP: u16 = 2;

/// Durations in milliseconds, laid out over columns.
struct Axis {
    low: f64,
    high: f64,
    columns: u16,
}

impl Axis {
    /// From the shortest to the longest that was recorded.
    fn of(histogram: &Histogram<u64>, columns: u16) -> Self {
        let low = millis(histogram.min()).max(1e-6);
        let high = millis(histogram.max()).max(low);
        let missing = (MIN_RATIO / (high / low)).max(1.0).sqrt();
        Self {
            low: low / missing,
            high: high * missing,
            columns,
        }
    }

    /// Where a duration lies: 0 at the left edge, the number of columns at the right one.
    fn position(&self, ms: f64) -> f64 {
        let share = (ms / self.low).ln() / (self.high / self.low).ln();
        share.clamp(0.0, 1.0) * f64::from(self.columns)
    }

    fn column(&self, ms: f64) -> u16 {
        let last = self.columns.saturating_sub(1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let column = self.position(ms) as u16; // From 0 to the number of columns.
        column.min(last)
    }

    /// How many samples fall into each column. Those of a step of the histogram that spans several columns are shared out.
    fn counts(&self, histogram: &Histogram<u64>) -> Vec<f64> {
        let mut counts = vec![0.0; usize::from(self.columns)];
        for step in histogram.iter_recorded() {
            let value = step.value_iterated_to();
            let from = self.position(millis(histogram.lowest_equivalent(value)));
            let to = self.position(millis(histogram.next_non_equivalent(value)));
            let count = step.count_at_value() as f64;
            share_out(&mut counts, from, to, count);
        }
        counts
    }

    /// Labels that do not touch, with their columns: 1, 2 and 5 of each power of ten, or finer ones if those are too few.
    fn labels(&self) -> Vec<(u16, String)> {
        const COARSE: &[f64] = &[1.0, 2.0, 5.0];
        const FINE: &[f64] = &[1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        let labels = self.labels_at(COARSE);
        if labels.len() < 3 {
            self.labels_at(FINE)
        } else {
            labels
        }
    }

    fn labels_at(&self, digits: &[f64]) -> Vec<(u16, String)> {
        let mut labels: Vec<(u16, String)> = Vec::new();
        let mut free = 0;
        let powers = (-6..=12).map(|power| 10_f64.powi(power));
        for ms in powers.flat_map(|power| digits.iter().map(move |digit| digit * power)) {
            if ms < self.low || ms > self.high {
                continue;
            }
            let column = self.column(ms);
            let text = short(ms);
            let end = column.saturating_add(width(&text));
            if column >= free && end <= self.columns {
                labels.push((column, text));
                free = end + LABEL_GAP;
            }
        }
        labels
    }
}

/// A duration without idle zeros: `5ms`.
fn short(ms: f64) -> String {
    let limit = format::limit(Limit::Below(ms), Unit::Millis);
    limit.trim_start_matches('<').to_owned()
}

/// Spreads `count` evenly from `from` to `to`, in columns.
fn share_out(counts: &mut [f64], from: f64, to: f64, count: f64) {
    let span = to - from;
    let first = whole(from.floor());
    for (column, sum) in counts.iter_mut().enumerate().skip(first) {
        let left = column as f64;
        if left > to {
            break;
        }
        if span <= f64::EPSILON {
            *sum += count;
            return;
        }
        let overlap = to.min(left + 1.0) - from.max(left);
        *sum += count * (overlap / span).max(0.0);
    }
    // What lies on the right edge.
    if span <= f64::EPSILON
        && let Some(last) = counts.last_mut()
    {
        *last += count;
    }
}

/// Draws the histogram of the selected stage.
pub(super) fn draw(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    if area.height < 4 {
        return;
    }
    let theme = shown.theme;
    let histogram = shown.state.histogram();
    let timers = shown.state.timers(shown.snapshot);
    let selected = timers.get(shown.state.selected(&timers));
    let name = selected.map(|(name, _)| fit(&clean(name), 28));
    let name = name.unwrap_or_default();
    let room = area.width.saturating_sub(width(&name) + 6);
    let inner = pane(theme, &name, &figures(shown, room), area, buffer);
    let inner = Rect {
        x: inner.x + 1,
        width: inner.width.saturating_sub(2),
        ..inner
    };
    if histogram.is_empty() {
        let text = styled("no samples in the lines of the last hour", theme.dim());
        buffer.set_span(inner.x, inner.y, &text, inner.width);
        return;
    }
    let parts = [
        Constraint::Fill(1),
        Constraint::Length(1),
        Constraint::Length(1),
    ];
    let [bars_area, marks_row, labels_row] = Layout::vertical(parts).areas(inner);
    let axis = Axis::of(histogram, inner.width);
    bars(shown, &axis, bars_area, buffer);
    marks(shown, &axis, marks_row, buffer);
    for (column, label) in axis.labels() {
        let label = Span::styled(label, theme.dim());
        let room = labels_row.width.saturating_sub(column);
        buffer.set_span(labels_row.x + column, labels_row.y, &label, room);
    }
}

/// What the samples are and their percentiles, as much as there is room for; the least important goes first.
fn figures(shown: &Shown<'_>, room: u16) -> String {
    let histogram = shown.state.histogram();
    if histogram.is_empty() {
        return String::new();
    }
    let (lines, oldest) = shown.state.picture().intervals.extent();
    let span = oldest.map_or(0.0, |oldest| shown.snapshot.timestamp - oldest);
    let at = |quantile| format::millis(millis(histogram.value_at_quantile(quantile)));
    let mut parts = vec![
        (5, format!("n {}", format::short_count(histogram.len()))),
        (6, format!("of {lines} lines, {}", format::span(span))),
    ];
    // The higher the number, the sooner it goes.
    for ((name, quantile), rank) in QUANTILES.into_iter().zip([3, 1, 2]) {
        parts.push((rank, format!("{name} {}", at(quantile))));
    }
    parts.push((
        4,
        format!("max {}", format::millis(millis(histogram.max()))),
    ));
    loop {
        let texts: Vec<_> = parts.iter().map(|(_, text)| text.as_str()).collect();
        let text = texts.join("  ");
        if width(&text) <= room || parts.is_empty() {
            return text;
        }
        let least = parts.iter().map(|(rank, _)| *rank).max();
        parts.retain(|(rank, _)| Some(*rank) != least);
    }
}

/// The bars; beyond p95 and p99 they look as near and missed targets do.
fn bars(shown: &Shown<'_>, axis: &Axis, area: Rect, buffer: &mut Buffer) {
    let theme = shown.theme;
    let histogram = shown.state.histogram();
    let counts = axis.counts(histogram);
    let highest = counts.iter().copied().fold(0.0, f64::max);
    let column = |quantile| usize::from(axis.column(millis(histogram.value_at_quantile(quantile))));
    let [p95, p99] = [0.95, 0.99].map(column);
    let eighths = u64::from(area.height) * 8;
    let bars = counts.into_iter().enumerate().map(|(at, count)| {
        let style = match at {
            at if at > p99 => theme.bad(),
            at if at > p95 => theme.warning(),
            _ => theme.chart(),
        };
        // Less than a sample is what a neighbour's share has left.
        let height = if count < 0.5 {
            0
        } else {
            scaled(count, highest, eighths)
        };
        SparklineBar::from(height).style(Some(style))
    });
    Sparkline::default()
        .data(bars)
        .max(eighths)
        .render(area, buffer);
}

/// Where p50, p95 and p99 lie.
fn marks(shown: &Shown<'_>, axis: &Axis, row: Rect, buffer: &mut Buffer) {
    let histogram = shown.state.histogram();
    let column = |quantile| axis.column(millis(histogram.value_at_quantile(quantile)));
    let columns = QUANTILES.map(|(_, quantile)| column(quantile));
    let style = shown.theme.strong();
    let mut free = 0;
    for (place, ((name, _), column)) in QUANTILES.into_iter().zip(columns).enumerate() {
        // The name stands right of the mark, or left of it where the next one is in its way.
        let next = columns.get(place + 1).copied().unwrap_or(row.width);
        let wide = width(name) + 1;
        let (start, text) = if column + wide <= next {
            (column, format!("▴{name}"))
        } else if column >= free + wide - 1 {
            (column + 1 - wide, format!("{name}▴"))
        } else {
            (column, "▴".to_owned())
        };
        buffer.set_span(row.x + start, row.y, &Span::styled(text, style), row.width);
        free = column + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::empty;

    fn of(nanos: impl IntoIterator<Item = u64>) -> Histogram<u64> {
        let mut histogram = empty();
        for value in nanos {
            histogram.record(value).expect("in range");
        }
        histogram
    }

    #[test]
    fn no_sample_is_lost_on_the_way_into_the_columns() {
        for histogram in [
            of([5_000_000]),
            of((1..1000).map(|n| n * 1_000_000)),
            of([1_000, 3_600_000_000_000]),
            of((0..50).map(|n| 6_000 + n * 7)),
        ] {
            let counts = Axis::of(&histogram, 60).counts(&histogram);
            let sum: f64 = counts.iter().sum();
            assert!(
                (sum - histogram.len() as f64).abs() < 1e-3,
                "{sum}, not {}",
                histogram.len()
            );
        }
    }

    #[test]
    fn the_axis_has_labels_at_round_durations() {
        let axis = Axis::of(&of([1_500_000, 12_000_000]), 40);
        let labels = axis.labels();
        let texts: Vec<_> = labels.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["2ms", "5ms", "10ms"]);
        assert_eq!(labels[0].0, axis.column(2.0));
        assert_eq!(short(0.5), "500µs");
        assert_eq!(short(2000.0), "2s");
    }
}
