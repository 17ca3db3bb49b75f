//! The slowest frames of the window, each with its stages as one bar.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Cell, Row, Table, Widget};
use tachograph::{FrameRecord, format};

use super::super::history::whole;
use super::super::text::{clean, fit, utc, width};
use super::super::theme::Theme;
use super::stages::first_in_sight;
use super::{Shown, styled};

/// Frames that a list has at most; a snapshot has eight.
const MAX_FRAMES: usize = 64;
/// Stages of a frame that are listed.
const MAX_STAGES: usize = 256;
/// Stages that have a letter.
const MAX_LETTERS: usize = 26;

/// The letters of the stages, those that take most of the time first.
struct Letters(Vec<Arc<str>>);

impl Letters {
    fn of(frames: &[FrameRecord]) -> Self {
        let mut totals: BTreeMap<&Arc<str>, f64> = BTreeMap::new();
        for frame in frames {
            for stage in frame.stages.iter().take(MAX_STAGES) {
                *totals.entry(&stage.stage).or_default() += stage.ms;
            }
        }
        let mut names: Vec<_> = totals.into_iter().collect();
        names.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let names = names.into_iter().map(|(name, _)| Arc::clone(name));
        Self(names.take(MAX_LETTERS).collect())
    }

    fn place(&self, stage: &str) -> Option<usize> {
        self.0.iter().position(|name| name.as_ref() == stage)
    }

    fn letter(place: usize) -> char {
        ('a'..='z').nth(place).unwrap_or('?')
    }

    /// Which letter stands for which stage, as far as there is room.
    fn legend(&self, theme: Theme, columns: u16) -> Line<'static> {
        let mut left = columns;
        let mut spans = vec![Span::raw(" ")];
        for (place, name) in self.0.iter().enumerate() {
            let name = format!(" {}  ", fit(&clean(name), 28));
            let Some(rest) = left.checked_sub(width(&name) + 1) else {
                break;
            };
            left = rest;
            spans.push(styled(Self::letter(place), theme.segment(place)));
            spans.push(styled(name, theme.dim()));
        }
        Line::from(spans)
    }

    /// A frame's stages, over `columns` columns of which the slowest frame fills all. What is no stage is `·`.
    fn bar(&self, frame: &FrameRecord, slowest: f64, columns: u16, theme: Theme) -> Line<'static> {
        let column = |ms: f64| whole(ms / slowest * f64::from(columns)).min(usize::from(columns));
        let length = column(frame.ms).max(1);
        let mut spans = Vec::new();
        let mut at = 0;
        for stage in frame.stages.iter().take(MAX_STAGES) {
            let start = column(stage.start_ms).clamp(at, length);
            let end = column(stage.start_ms + stage.ms).clamp(start, length);
            spans.push(styled("·".repeat(start - at), theme.dim()));
            let place = self.place(&stage.stage);
            let letter = place.map_or('?', Self::letter);
            let style = place.map_or_else(Style::new, |place| theme.segment(place));
            // Where there is colour once is enough.
            let rest = if theme.color { ' ' } else { letter };
            let segment = (start..end).map(|at| if at == start { letter } else { rest });
            spans.push(styled(segment.collect::<String>(), style));
            at = end;
        }
        spans.push(styled("·".repeat(length - at), theme.dim()));
        Line::from(spans)
    }
}

/// Draws as many as fit, below or beside something else.
pub(super) fn pane(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let inner = super::pane(shown.theme, "slowest frames", "of the window", area, buffer);
    list(shown, None, inner, buffer);
}

/// The view: the list, and the stages of the selected frame in numbers.
pub(super) fn view(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let count = shown.snapshot.slowest_frames.len().min(MAX_FRAMES);
    let selected = shown.state.frame.min(count.saturating_sub(1));
    let rows = u16::try_from(count).unwrap_or(u16::MAX).saturating_add(2);
    let list_rows = rows.clamp(4, (area.height * 2 / 3).max(4));
    let parts = Layout::vertical([Constraint::Length(list_rows), Constraint::Fill(1)]);
    let [upper, lower] = parts.areas(area);
    let inner = super::pane(
        shown.theme,
        "slowest frames",
        "of the window, slowest first",
        upper,
        buffer,
    );
    list(shown, Some(selected), inner, buffer);
    if let Some(frame) = shown.snapshot.slowest_frames.get(selected) {
        details(shown, frame, lower, buffer);
    }
}

/// The rows, and in the last one which letter is which stage.
fn list(shown: &Shown<'_>, selected: Option<usize>, area: Rect, buffer: &mut Buffer) {
    let theme = shown.theme;
    let all = &shown.snapshot.slowest_frames;
    let frames = all.get(..all.len().min(MAX_FRAMES)).unwrap_or_default();
    let Some(slowest) = frames.iter().map(|frame| frame.ms).reduce(f64::max) else {
        let none = styled(" none yet", theme.dim());
        buffer.set_span(area.x, area.y, &none, area.width);
        return;
    };
    let letters = Letters::of(frames);
    let [body, legend] = Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(area);
    letters
        .legend(theme, legend.width.saturating_sub(1))
        .render(legend, buffer);
    let rows = usize::from(body.height);
    let first = first_in_sight(selected.unwrap_or(0), rows, frames.len());
    let ids = if body.width >= 80 { 16 } else { 0 };
    let widths = [10, 10, 11, 8, ids].map(Constraint::Length);
    let taken = 10 + 10 + 11 + 8 + ids + 2;
    let columns = body.width.saturating_sub(taken);
    // Of one thread only, its number says nothing.
    let has_lanes = frames
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a.lane != b.lane));
    let in_sight = frames.iter().skip(first).take(rows);
    let table_rows = in_sight.map(|frame| {
        let bar = letters.bar(frame, slowest, columns, theme);
        row(shown, frame, has_lanes, bar)
    });
    let bar = [Constraint::Length(1), Constraint::Fill(1)];
    let table = Table::new(table_rows, widths.into_iter().chain(bar)).column_spacing(0);
    Widget::render(table, body, buffer);
    if let Some(row) = selected.and_then(|selected| body.rows().nth(selected - first)) {
        // The bar keeps its colours.
        let named = Rect {
            width: row.width.min(taken - 1),
            ..row
        };
        buffer.set_style(named, theme.selected());
    }
}

fn row(
    shown: &Shown<'_>,
    frame: &FrameRecord,
    has_lanes: bool,
    bar: Line<'static>,
) -> Row<'static> {
    let ended = utc(shown.snapshot.timestamp - frame.age_s);
    let outcome = format!(" {}", fit(&clean(&frame.outcome), 10));
    let style = outcome_style(shown.theme, &frame.outcome);
    let event = frame.event_id.map(|id| id.to_string());
    Row::new([
        Cell::from(format!(" {ended}")),
        right(frame_number(frame, has_lanes)),
        Cell::from(Span::styled(outcome, style)),
        right(format::millis(frame.ms)),
        right(event.unwrap_or_default()),
        Cell::from(" "),
        Cell::from(bar),
    ])
}

fn right(text: impl Into<Cow<'static, str>>) -> Cell<'static> {
    Cell::from(Text::from(Line::from(text.into()).right_aligned()))
}

fn frame_number(frame: &FrameRecord, has_lanes: bool) -> String {
    let number = format!("#{}", format::short_count(frame.number));
    if has_lanes {
        format!("{}{number}", format::short_count(frame.lane))
    } else {
        number
    }
}

fn outcome_style(theme: Theme, outcome: &str) -> Style {
    match outcome {
        "failed" => theme.bad(),
        "event" => theme.strong(),
        _ => Style::new(),
    }
}

/// One frame in numbers.
fn details(shown: &Shown<'_>, frame: &FrameRecord, area: Rect, buffer: &mut Buffer) {
    if area.height < 2 {
        return;
    }
    let theme = shown.theme;
    let name = format!("frame {} of lane {}", frame.number, frame.lane);
    let mut remark = format!(
        "{}, {} ago",
        clean(&frame.outcome),
        format::span(frame.age_s)
    );
    if let Some(id) = frame.event_id {
        remark = format!("event {id}, {remark}");
    }
    let room = area.width.saturating_sub(width(&name) + 6);
    let inner = super::pane(theme, &name, &fit(&remark, room), area, buffer);
    let mut rows = Vec::new();
    if let Some(motion) = frame.motion_ms {
        rows.push(detail("motion seen", motion, None, frame.ms));
    }
    let stages = frame.stages.iter().take(MAX_STAGES);
    rows.extend(stages.map(|it| detail(&clean(&it.stage), it.start_ms, Some(it.ms), frame.ms)));
    let header = ["", "starts at", "takes", "of it"].map(right);
    let widths = [30, 10, 9, 8].map(Constraint::Length);
    let table = Table::new(rows, widths).header(Row::new(header).style(theme.dim()));
    Widget::render(table, inner, buffer);
}

fn detail(name: &str, start_ms: f64, ms: Option<f64>, total: f64) -> Row<'static> {
    let share = ms
        .filter(|_| total > 0.0)
        .map(|ms| format::percent(ms / total * 100.0));
    Row::new([
        Cell::from(format!(" {}", fit(name, 28))),
        right(format::millis(start_ms)),
        right(ms.map(format::millis).unwrap_or_default()),
        right(share.unwrap_or_default()),
    ])
}
