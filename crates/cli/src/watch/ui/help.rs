//! What the keys and marks stand for.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::Text;
use ratatui::widgets::{Row, Table, Widget};

use super::super::theme::Theme;
use super::{pane, styled};

const LINES: [(&str, &str); 13] = [
    ("q Esc Ctrl-C", "quit"),
    (
        "1 2 3 4 Tab",
        "overview, histogram, slowest frames, all numbers",
    ),
    (
        "↑ ↓ j k",
        "select a stage or a frame; PgUp PgDn Home End too",
    ),
    ("Enter", "the histogram of the selected stage, and back"),
    ("space", "freeze the picture, or let it go on"),
    ("t", "sparklines over seconds or over lines of the log"),
    ("Ctrl-L Ctrl-Z", "draw anew; back to the shell until fg"),
    ("✓ ⚠ ✗ —", "target met, near its limit, missed, no data"),
    (
        "n avg p50 … max",
        "of the window, the newest 1000 samples of a stage",
    ),
    ("sparkline", "its p95, the newest at the right, from zero"),
    ("histogram", "all samples of the lines of the last hour"),
    ("rates", "frames over 5 s, outcomes over 60 s"),
    ("times of day", "UTC"),
];

/// Draws it in place of a view.
pub(super) fn draw(theme: Theme, area: Rect, buffer: &mut Buffer) {
    let inner = pane(theme, "help", "any key closes it", area, buffer);
    let rows = LINES.map(|(key, what)| {
        Row::new([
            Text::from(styled(format!(" {key}"), theme.strong())),
            Text::from(what),
        ])
    });
    let widths = [Constraint::Length(17), Constraint::Fill(1)];
    Widget::render(Table::new(rows, widths), inner, buffer);
}
