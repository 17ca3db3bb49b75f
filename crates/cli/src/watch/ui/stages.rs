//! Each stage in a row: its statistics, how its target stands, its p95 over time.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Cell, Row, Sparkline, Table, Widget};
use tachograph::{Evaluation, Statistic, TimerStats, format};

use super::super::history::columns;
use super::super::state::State;
use super::super::text::{clean, fit, width};
use super::{Shown, pane};

/// Columns that a name may take, and a sparkline should have.
const NAME: std::ops::RangeInclusive<u16> = 12..=28;
const SPARK: u16 = 12;

/// A column of the table, apart from name, mark and sparkline, which are always there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Count,
    Value(Statistic),
    Limit,
    Age,
}

impl Column {
    /// In the order of the table.
    const ALL: [Self; 8] = [
        Self::Count,
        Self::Value(Statistic::Avg),
        Self::Value(Statistic::P50),
        Self::Value(Statistic::P95),
        Self::Value(Statistic::P99),
        Self::Value(Statistic::Max),
        Self::Limit,
        Self::Age,
    ];
    /// What always has room, and then what gets it first.
    const BY_WORTH: [Self; 8] = [
        Self::Value(Statistic::P95),
        Self::Value(Statistic::Max),
        Self::Value(Statistic::Avg),
        Self::Count,
        Self::Value(Statistic::P99),
        Self::Value(Statistic::P50),
        Self::Limit,
        Self::Age,
    ];
    const ALWAYS: usize = 3;

    fn title(self) -> &'static str {
        match self {
            Self::Count => "n",
            Self::Value(statistic) => statistic.name(),
            Self::Limit => "target",
            Self::Age => "newest",
        }
    }

    /// With the space before it.
    fn width(self) -> u16 {
        match self {
            Self::Count => 6,
            Self::Limit => 10,
            Self::Value(_) | Self::Age => 8,
        }
    }

    /// What it says of a stage that has samples.
    fn text(self, stats: &TimerStats, judged: &[&Evaluation<'_>]) -> String {
        match self {
            Self::Count => format::short_count(stats.count),
            Self::Value(statistic) => format::millis(statistic.of(stats)),
            Self::Age => format::span(stats.age_s),
            Self::Limit => judged.first().map_or_else(String::new, |worst| {
                let statistic = worst.target.statistic.map_or("", Statistic::name);
                let limit = format::limit(worst.target.limit, worst.target.unit());
                format!("{statistic}{limit}")
            }),
        }
    }
}

/// The columns for which there is room beside a name of `name` columns, and what is left for the sparkline.
fn choose(width: u16, name: u16) -> (Vec<Column>, u16) {
    let mut left = width.saturating_sub(name + 1 + 2 + 1);
    let mut chosen = Vec::new();
    for (rank, column) in Column::BY_WORTH.into_iter().enumerate() {
        let after = left.saturating_sub(column.width());
        if rank >= Column::ALWAYS && after < SPARK {
            break;
        }
        left = after;
        chosen.push(column);
    }
    let in_order = Column::ALL.into_iter();
    let in_order = in_order.filter(|column| chosen.contains(column));
    (in_order.collect(), left)
}

/// Draws the table, scrolled so that the selected stage is in sight.
pub(super) fn draw(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    if area.height < 2 {
        return;
    }
    let timers = shown.state.timers(shown.snapshot);
    let selected = shown.state.selected(&timers);
    let rows = usize::from(area.height - 1);
    let first = first_in_sight(selected, rows, timers.len());
    let names: Vec<String> = timers.iter().map(|(name, _)| clean(name)).collect();
    let longest = names.iter().map(|name| width(name)).max().unwrap_or(0);
    let name_width = longest.clamp(*NAME.start(), *NAME.end());
    let name_width = name_width.min(area.width.saturating_sub(24 + 2 + 9 + 1));
    let (columns, spark) = choose(area.width, name_width);

    let out_of_sight = (first, timers.len().saturating_sub(first + rows));
    heading(
        shown,
        (name_width, &columns, spark),
        out_of_sight,
        area,
        buffer,
    );
    let body = Rect {
        y: area.y + 1,
        height: area.height - 1,
        ..area
    };
    let [table, sparks] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(spark)])
        .spacing(1)
        .areas(body);
    let in_sight = timers.iter().zip(&names).skip(first).take(rows);
    let stages = in_sight.clone().map(|(&(name, stats), shown_name)| {
        let judged = State::judged(shown.evaluations, name);
        let name = format!(" {}", fit(shown_name, name_width));
        stage(shown, name, stats, &judged, &columns)
    });
    let widths = widths(name_width, &columns);
    Widget::render(Table::new(stages, widths).column_spacing(0), table, buffer);
    let (_, history) = shown.state.history(shown.now);
    for ((timer, _), row) in in_sight.zip(sparks.rows()) {
        sparkline(&history.p95(timer.0), row, shown.theme.chart(), buffer);
    }
    if let Some(row) = table.rows().nth(selected - first) {
        buffer.set_style(row, shown.theme.selected());
    }
}

/// The widths of name, columns and mark.
fn widths(name: u16, columns: &[Column]) -> impl Iterator<Item = Constraint> {
    let columns = columns.iter().map(|column| column.width());
    let all = std::iter::once(name + 1).chain(columns).chain([2]);
    all.map(Constraint::Length)
}

/// The first row of a list that is scrolled no further than `selected` needs.
pub(super) fn first_in_sight(selected: usize, rows: usize, count: usize) -> usize {
    let last = count.saturating_sub(rows);
    (selected + 1).saturating_sub(rows).min(last)
}

/// The names of the columns in the line over them, what the sparklines span, and how many rows are out of sight above and below.
fn heading(
    shown: &Shown<'_>,
    (name_width, columns, spark): (u16, &[Column], u16),
    (above, below): (usize, usize),
    area: Rect,
    buffer: &mut Buffer,
) {
    let theme = shown.theme;
    let name = match (above, below) {
        (0, 0) => "stages".to_owned(),
        (0, below) => format!("stages ↓{below}"),
        (above, 0) => format!("stages ↑{above}"),
        (above, below) => format!("stages ↑{above} ↓{below}"),
    };
    let span = shown.state.cadence_name(shown.now);
    let remarks = [format!("p95, {span}"), span, String::new()];
    // Over mark and sparkline, with a space at each end.
    let fits = |remark: &String| width(remark) < spark + 2;
    let remark = remarks.into_iter().find(fits).unwrap_or_default();
    pane(theme, &name, &remark, area, buffer);
    let mut end = area.x + name_width + 1;
    for column in columns {
        end += column.width();
        let text = format!(" {}", column.title());
        let start = end.saturating_sub(width(&text));
        buffer.set_span(start, area.y, &Span::styled(text, theme.dim()), area.width);
    }
}

fn stage(
    shown: &Shown<'_>,
    name: String,
    stats: &TimerStats,
    judged: &[&Evaluation<'_>],
    columns: &[Column],
) -> Row<'static> {
    let theme = shown.theme;
    let mut cells = vec![Cell::from(name)];
    for &column in columns {
        let is_first = column == Column::Value(Statistic::Avg);
        let (text, style) = if stats.count > 0 || column == Column::Limit {
            (
                column.text(stats, judged),
                column_style(shown, column, judged),
            )
        } else if column == Column::Count {
            ("0".to_owned(), theme.dim())
        } else if is_first {
            (format::NO_DATA.to_owned(), theme.dim())
        } else {
            (String::new(), Style::new())
        };
        cells.push(Cell::from(Text::from(Line::from(text).right_aligned())).style(style));
    }
    let mark = judged.first().map_or_else(Text::default, |worst| {
        let mark = format!(" {}", worst.verdict);
        Text::from(Span::styled(mark, theme.verdict(worst.verdict)))
    });
    cells.push(Cell::from(mark));
    Row::new(cells)
}

/// The statistic that has a target looks as the target stands.
fn column_style(shown: &Shown<'_>, column: Column, judged: &[&Evaluation<'_>]) -> Style {
    let theme = shown.theme;
    match column {
        Column::Value(statistic) => judged
            .iter()
            .find(|it| it.target.statistic == Some(statistic))
            .map_or_else(Style::new, |it| theme.verdict(it.verdict)),
        Column::Count | Column::Limit | Column::Age => theme.dim(),
    }
}

/// Draws values as a row of bars, the newest at the right.
pub(super) fn sparkline(values: &[Option<f64>], area: Rect, style: Style, buffer: &mut Buffer) {
    Sparkline::default()
        .data(columns(values, usize::from(area.width)))
        .max(8)
        .style(style)
        .render(area, buffer);
}
