//! A snapshot for people: a full table, or one compact line.
//!
//! Pure text, no console: who shows it decides where. `no data` stands wherever nothing was measured, never a green 0.0.

mod line;
mod table;
#[cfg(test)]
mod tests;

use std::env;
use std::ffi::OsStr;
use std::io::{self, IsTerminal};

use tachograph_reducer::{BUILT_IN_TIMERS, MetricsSnapshot};

use crate::targets::{Targets, Verdict};

/// The stages that every snapshot has, and its frames by outcome.
const STAGES: &[&str] = BUILT_IN_TIMERS.split_at(3).0;
const OUTCOMES: &[&str] = BUILT_IN_TIMERS.split_at(3).1;
/// Statistics whose newest sample is older than this many seconds show its age.
const STALE_AFTER_S: f64 = 10.0;

/// How the status looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusStyle {
    /// Whether people look at it as it appears: then the full table is shown at the start.
    pub terminal: bool,
    /// Whether marks are coloured, by ANSI escapes. The marks themselves are there in any case.
    pub color: bool,
}

impl StatusStyle {
    /// Colour on a terminal, unless `NO_COLOR` is set to something; see <https://no-color.org>.
    pub fn detect(is_terminal: bool, no_color: Option<&OsStr>) -> Self {
        Self {
            terminal: is_terminal,
            color: is_terminal && no_color.is_none_or(OsStr::is_empty),
        }
    }

    /// What suits standard output right now.
    pub fn of_stdout() -> Self {
        Self::detect(
            io::stdout().is_terminal(),
            env::var_os("NO_COLOR").as_deref(),
        )
    }
}

/// Turns snapshots into text, with the marks of the targets.
#[derive(Clone, Debug)]
pub struct Status {
    targets: Targets,
    style: StatusStyle,
}

impl Status {
    /// Shows how a snapshot stands against `targets`.
    pub fn new(targets: Targets, style: StatusStyle) -> Self {
        Self { targets, style }
    }

    /// Everything, in lines of at most 80 columns; no newline at the end.
    pub fn table(&self, snapshot: &MetricsSnapshot) -> String {
        self.paint(table::render(&self.targets, snapshot))
    }

    /// The most important on one line, with the frames per second since `previous` if there is one; no newline at the end.
    pub fn line(&self, snapshot: &MetricsSnapshot, previous: Option<&MetricsSnapshot>) -> String {
        self.paint(line::render(&self.targets, snapshot, previous))
    }

    /// Colours the marks. Done last, because escapes would count as columns.
    fn paint(&self, text: String) -> String {
        if !self.style.color {
            return text;
        }
        [
            (Verdict::Met, "32"),
            (Verdict::Near, "33"),
            (Verdict::Missed, "31"),
        ]
        .into_iter()
        .fold(text, |text, (verdict, color)| {
            let mark = verdict.mark();
            text.replace(mark, &format!("\x1b[{color}m{mark}\x1b[0m"))
        })
    }
}
