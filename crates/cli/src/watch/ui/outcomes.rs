//! How many frames, and what came of them.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Row, Table, Widget};
use tachograph::format;

use super::super::history::{KEPT, counts};
use super::stages::sparkline;
use super::{Shown, pane};

const NAMES: [&str; 6] = ["frames", "idle", "motion", "suppressed", "event", "failed"];
/// Seconds over which the rate of all frames is taken, and that of one outcome, which comes less often.
const FRAMES_OVER_S: f64 = 5.0;
const OUTCOMES_OVER_S: f64 = KEPT as f64;
/// Columns of the table.
const WIDTHS: [u16; 4] = [11, 6, 7, 9];
pub(super) const WIDTH: u16 = 11 + 6 + 7 + 9;

/// Draws a row for all frames and one for each outcome: count, share, rate, and the rate as a sparkline where there is room.
pub(super) fn draw(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let theme = shown.theme;
    let (_, history) = shown.state.history(shown.now);
    let inner = pane(theme, "frames", "", area, buffer);
    let counts = counts(shown.snapshot);
    let all = counts.first().copied().unwrap_or(0);
    let rows = NAMES.into_iter().zip(counts).enumerate();
    let rows = rows.map(|(index, (name, count))| {
        let over = if index == 0 {
            FRAMES_OVER_S
        } else {
            OUTCOMES_OVER_S
        };
        let rate = history.rate(index, over).map(rate).unwrap_or_default();
        let share = count as f64 / all as f64 * 100.0;
        let share = (index > 0 && count > 0).then(|| format::percent(share));
        let style = match name {
            "frames" => theme.strong(),
            "failed" if count > 0 => theme.bad(),
            _ => ratatui::style::Style::new(),
        };
        Row::new([
            Text::from(format!(" {name}")),
            right(format::short_count(count)),
            right(share.unwrap_or_default()),
            right(rate),
        ])
        .style(style)
    });
    let spark = inner.width.saturating_sub(WIDTH + 1);
    let parts = Layout::horizontal([Constraint::Length(WIDTH), Constraint::Length(spark)]);
    let [table, sparks] = parts.spacing(u16::from(spark > 0)).areas(inner);
    let widths = WIDTHS.map(Constraint::Length);
    Widget::render(Table::new(rows, widths).column_spacing(0), table, buffer);
    if spark < 6 {
        return;
    }
    for (index, row) in (0..NAMES.len()).zip(sparks.rows()) {
        sparkline(&history.rates(index), row, theme.chart(), buffer);
    }
}

fn right(text: String) -> Text<'static> {
    Text::from(Line::from(text).right_aligned())
}

/// Per second, or per minute where that says more.
fn rate(per_second: f64) -> String {
    let number = |value: f64| {
        let text = format::percent(value);
        text.trim_end_matches(" %").to_owned()
    };
    match per_second {
        0.0 => String::new(),
        rare if rare < 1.0 => format!("{}/min", number(rare * 60.0)),
        rate => format!("{}/s", number(rate)),
    }
}
