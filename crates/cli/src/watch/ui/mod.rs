//! From what is known to what is seen: a pure function.

mod ascii;
mod frames;
mod health;
mod help;
mod histogram;
mod numbers;
mod outcomes;
mod rows;
mod stages;
#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph, Widget, Wrap};
use tachograph::{Evaluation, MetricsSnapshot};

use super::state::{State, View};
use super::theme::Theme;

/// What is needed to show anything that is of use.
const MIN_WIDTH: u16 = 60;
const MIN_HEIGHT: u16 = 16;
/// From this width on there is room for what is merely good to know.
const WIDE: u16 = 100;

/// What a part of the screen is drawn from.
struct Shown<'a> {
    state: &'a State,
    snapshot: &'a MetricsSnapshot,
    evaluations: &'a [Evaluation<'a>],
    /// The moment that is shown, by the dashboard's clock, in seconds.
    now: f64,
    theme: Theme,
}

/// Draws all of it as it is at `now`, by the dashboard's clock, in seconds.
pub(crate) fn draw(state: &State, now: f64, frame: &mut Frame<'_>) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    if area.width < MIN_WIDTH || area.height < MIN_HEIGHT {
        too_small(area, buffer);
    } else {
        draw_on(state, now, area, buffer);
    }
    if state.theme.ascii {
        ascii::fall_back(buffer);
    }
}

fn draw_on(state: &State, now: f64, area: Rect, buffer: &mut Buffer) {
    let notices = rows::notices(state, now, area.width);
    let notice_rows = u16::try_from(notices.len()).unwrap_or(0);
    let parts = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(notice_rows),
        Constraint::Fill(1),
        Constraint::Length(1),
    ]);
    let [header, notice, body, keys] = parts.areas(area);
    rows::header(state, now, header, buffer);
    Paragraph::new(notices).render(notice, buffer);
    rows::keys(state, keys, buffer);
    if state.help {
        return help::draw(state.theme, body, buffer);
    }
    let Some(snapshot) = &state.picture().current else {
        return waiting(state, body, buffer);
    };
    let evaluations = state.targets.evaluate(snapshot);
    let shown = Shown {
        state,
        snapshot,
        evaluations: &evaluations,
        now: state.moment(now),
        theme: state.theme,
    };
    match state.view {
        View::Overview => overview(&shown, body, buffer),
        View::Histogram => histogram_view(&shown, body, buffer),
        View::Frames => frames::view(&shown, body, buffer),
        View::Numbers => numbers::view(&shown, body, buffer),
    }
}

/// The view with a bit of everything.
fn overview(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let stages = shown.state.timers(shown.snapshot).len();
    let stages = u16::try_from(stages).unwrap_or(u16::MAX).saturating_add(1);
    let top = 7;
    // The stages have what they need, but leave room for their histogram where there is enough for both.
    let below = area.height.saturating_sub(top + 1);
    let histogram = match below {
        0..13 => 0,
        13..20 => 6,
        _ => below.saturating_sub(stages).max(8),
    };
    let parts = Layout::vertical([
        Constraint::Length(top),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(histogram),
    ]);
    let [top, in_flight, stages, bottom] = parts.areas(area);
    summary(shown, top, buffer);
    rows::in_flight(shown, in_flight, buffer);
    stages::draw(shown, stages, buffer);
    below_stages(shown, bottom, buffer);
}

/// Counts at the left, machine and service at the right.
fn summary(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let left = if area.width >= WIDE {
        area.width * 2 / 5
    } else {
        area.width / 2
    };
    let left = Constraint::Length(left.max(outcomes::WIDTH));
    let parts = Layout::horizontal([left, Constraint::Fill(1)]);
    let [left, right] = parts.spacing(1).areas(area);
    outcomes::draw(shown, left, buffer);
    health::draw(shown, right, buffer);
}

/// The histogram of the selected stage, and beside it, or below, the slowest frames where there is room.
fn below_stages(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    if area.height < 5 {
        return;
    }
    if area.width >= WIDE && area.height >= 7 {
        let halves = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]);
        let [left, right] = halves.spacing(1).areas(area);
        histogram::draw(shown, left, buffer);
        frames::pane(shown, right, buffer);
    } else if area.height >= 17 {
        let halves = Layout::vertical([Constraint::Fill(1), Constraint::Length(9)]);
        let [upper, lower] = halves.areas(area);
        histogram::draw(shown, upper, buffer);
        frames::pane(shown, lower, buffer);
    } else {
        histogram::draw(shown, area, buffer);
    }
}

/// The stages, and a large histogram of the selected one.
fn histogram_view(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let stages = shown.state.timers(shown.snapshot).len();
    let stages = u16::try_from(stages).unwrap_or(u16::MAX).saturating_add(1);
    let most = area.height / 2;
    let halves = Layout::vertical([Constraint::Length(stages.min(most)), Constraint::Fill(1)]);
    let [upper, lower] = halves.areas(area);
    stages::draw(shown, upper, buffer);
    histogram::draw(shown, lower, buffer);
}

fn waiting(state: &State, area: Rect, buffer: &mut Buffer) {
    let text = if state.picture().exists {
        format!("{} has no line yet; waiting", state.log)
    } else {
        format!("no log at {} yet; waiting", state.log)
    };
    centered(&text, area, buffer);
}

fn too_small(area: Rect, buffer: &mut Buffer) {
    let text = format!(
        "This needs {MIN_WIDTH}x{MIN_HEIGHT}; the terminal has {}x{}.",
        area.width, area.height
    );
    centered(&text, area, buffer);
}

fn centered(text: &str, area: Rect, buffer: &mut Buffer) {
    let [_, middle, _] = Layout::vertical([
        Constraint::Fill(1),
        Constraint::Length(3),
        Constraint::Fill(1),
    ])
    .areas(area);
    Paragraph::new(text)
        .alignment(Alignment::Center)
        .wrap(Wrap { trim: true })
        .render(middle, buffer);
}

/// Draws the line over a pane, with its name and a remark at its right end; returns what is left for the pane.
fn pane(theme: Theme, name: &str, remark: &str, area: Rect, buffer: &mut Buffer) -> Rect {
    let name = Line::from(Span::styled(format!(" {name} "), theme.title()));
    let mut block = Block::new()
        .borders(Borders::TOP)
        .border_style(theme.dim())
        .title(name);
    if !remark.is_empty() {
        let remark = Span::styled(format!(" {remark} "), theme.dim());
        block = block.title(Line::from(remark).right_aligned());
    }
    let inner = block.inner(area);
    block.render(area, buffer);
    inner
}

/// A text at the left and one at the right of a row.
fn two_ends(left: Line<'_>, right: Line<'_>, area: Rect, buffer: &mut Buffer) {
    let right_width = u16::try_from(right.width()).unwrap_or(u16::MAX);
    let parts = [Constraint::Fill(1), Constraint::Length(right_width)];
    let [left_area, right_area] = Layout::horizontal(parts).areas(area);
    left.render(left_area, buffer);
    right.render(right_area, buffer);
}

fn styled(text: impl Into<String>, style: Style) -> Span<'static> {
    Span::styled(text.into(), style)
}
