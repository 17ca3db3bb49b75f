//! The rows that every view has: header, notices, what is in flight, keys.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use tachograph::format;

use super::super::picture::Pace;
use super::super::state::{State, View};
use super::super::text::{clean, fit, fit_end, utc, width};
use super::super::theme::Theme;
use super::{Shown, styled, two_ends};

/// Notices at most, so that the rest is seen as well.
const MAX_NOTICES: usize = 2;
/// What is in flight for less than this, in milliseconds, is the ordinary course of things, and most likely over by now.
const LONG_MS: f64 = 1000.0;

/// Columns from which on all views are named.
const WITH_NAMES: u16 = 90;

/// What is watched, and how fresh it is.
pub(super) fn header(state: &State, now: f64, area: Rect, buffer: &mut Buffer) {
    let theme = state.theme;
    let right = freshness(state, now);
    let name = styled(" tacho watch ", theme.selected());
    let used = name.width() + right.width() + 2;
    let left = area
        .width
        .saturating_sub(u16::try_from(used).unwrap_or(u16::MAX));
    let log = format!(" {}", fit_end(&state.log, left));
    two_ends(Line::from(vec![name, Span::raw(log)]), right, area, buffer);
}

fn freshness(state: &State, now: f64) -> Line<'static> {
    let theme = state.theme;
    let picture = state.picture();
    let Some(snapshot) = &picture.current else {
        return Line::from(styled("○ waiting ", theme.dim()));
    };
    let time = utc(snapshot.timestamp);
    if state.is_frozen() {
        return Line::from(styled(format!("= frozen at {time} "), theme.warning()));
    }
    let age = format::span(picture.age(now));
    match picture.pace(now) {
        Pace::Live => Line::from(vec![
            styled("● ", theme.good()),
            Span::raw(format!("live  {time} ")),
        ]),
        Pace::Lines(seconds) => {
            let each = format::span(seconds);
            Line::from(format!("○ each {each}  {time}, {age} ago "))
        }
        Pace::Stale { .. } => Line::from(vec![
            styled("× stale  ", theme.bad()),
            Span::raw(format!("{time}, {age} ago ")),
        ]),
    }
}

/// What somebody should know, the most important first.
pub(super) fn notices(state: &State, now: f64, columns: u16) -> Vec<Line<'static>> {
    let theme = state.theme;
    let newest = state.newest();
    let mut notices = Vec::new();
    if state.ending {
        notices.push((
            theme.warning(),
            "stopping; once more ends it at once".to_owned(),
        ));
    }
    if newest.current.is_some()
        && let Pace::Stale { was_live } = newest.pace(now)
    {
        let what = if was_live { "update" } else { "new line" };
        let age = format::span(newest.age(now));
        let text = format!("no {what} for {age} — is the loop still running?");
        notices.push((theme.bad(), text));
    }
    if let Some((count, warning)) = &state.warning {
        let text = match count {
            1 => format!("warning: {}", clean(warning)),
            count => format!("warning {count}: {}", clean(warning)),
        };
        notices.push((theme.warning(), text));
    }
    if let Some(reason) = &newest.cannot_ask {
        let text = format!("cannot ask for more than the log's pace: {}", clean(reason));
        notices.push((theme.warning(), text));
    }
    if let Some(first) = newest.problems.first() {
        let text = match newest.problem_count {
            1 => clean(first),
            count => format!("{count} problems, first: {}", clean(first)),
        };
        notices.push((theme.warning(), text));
    }
    notices.truncate(MAX_NOTICES);
    let line = |(style, text): (Style, String)| {
        let text = fit(&format!(" {text}"), columns);
        Line::from(styled(text, style))
    };
    notices.into_iter().map(line).collect()
}

/// What runs right now and since when, the longest first.
pub(super) fn in_flight(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let theme = shown.theme;
    let mut stages: Vec<_> = shown.snapshot.in_flight.iter().collect();
    stages.sort_by(|a, b| b.for_ms.total_cmp(&a.for_ms));
    let mut spans = vec![styled(" in flight ", theme.title())];
    if stages.is_empty() {
        spans.push(styled("nothing", theme.dim()));
    }
    let mut left = area.width.saturating_sub(12 + 10);
    let mut told = 0;
    let picture = shown.state.picture();
    let waited = match picture.pace(shown.now) {
        // Perhaps nothing runs any more.
        Pace::Stale { .. } => 0.0,
        _ => picture.age(shown.now) * 1e3,
    };
    for stage in &stages {
        // What takes long is most likely still at it. Of the rest only the snapshot knows.
        let is_long = stage.for_ms >= LONG_MS;
        let for_ms = stage.for_ms + if is_long { waited } else { 0.0 };
        let age = if is_long {
            format::span(for_ms / 1e3)
        } else {
            format::millis(for_ms)
        };
        let separator = if told == 0 { "" } else { " · " };
        let text = format!("{separator}{} for {age}", fit(&clean(&stage.stage), 32));
        let Some(rest) = left.checked_sub(width(&text)) else {
            break;
        };
        left = rest;
        told += 1;
        let style = if is_long {
            theme.warning()
        } else {
            Style::new()
        };
        spans.push(styled(text, style));
    }
    let more = stages.len() - told;
    if more > 0 {
        spans.push(styled(format!(" and {more} more"), theme.dim()));
    }
    Line::from(spans).render(area, buffer);
}

/// The keys, and which view is on.
pub(super) fn keys(state: &State, area: Rect, buffer: &mut Buffer) {
    let theme = state.theme;
    let mut left = vec![Span::raw(" ")];
    for (number, view) in (1..).zip(View::ALL) {
        let style = if view == state.view && !state.help {
            theme.selected()
        } else {
            Style::new()
        };
        let text = if area.width >= WITH_NAMES || view == state.view {
            format!(" {number} {} ", view.name())
        } else {
            format!(" {number} ")
        };
        left.push(styled(text, style));
    }
    let space = if state.is_frozen() { "go on" } else { "freeze" };
    let all = [
        ("↑↓", "select"),
        ("space", space),
        ("?", "help"),
        ("q", "quit"),
    ];
    // The arrows are what people try anyway.
    let keys = if area.width < 80 { &all[1..] } else { &all[..] };
    two_ends(Line::from(left), key_list(keys, theme), area, buffer);
}

fn key_list(keys: &[(&'static str, &'static str)], theme: Theme) -> Line<'static> {
    let spans = keys.iter().flat_map(|(key, what)| {
        [
            styled(*key, theme.strong()),
            styled(format!(" {what}  "), theme.dim()),
        ]
    });
    Line::from(spans.collect::<Vec<_>>())
}
