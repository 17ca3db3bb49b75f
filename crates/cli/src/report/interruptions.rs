//! When the pipeline was not up, or began anew.

use super::data::{Interruption, Kind};
use super::shown;
use super::timeline::{begins, covered, has_time};
use crate::lines::Line;

/// Seconds below which a restart is just that, and lost time is the inaccuracy of clocks.
const LEAST_S: f64 = 1.0;

/// From when until when the service did not run before this line; `None` where its run goes on or nothing came before.
pub(super) fn outage(line: &Line) -> Option<(f64, f64)> {
    let previous = line.previous.as_ref().filter(|_| line.starts_run)?;
    let (from, to) = (previous.timestamp, begins(line));
    (has_time(previous) && to > from).then_some((from, to))
}

/// The stage in which a frame hung for at least so many seconds of what the line covers, if the line has it: it still runs, or its
/// frame is among the slowest.
fn hung(line: &Line, seconds: f64) -> Option<String> {
    let snapshot = &line.snapshot;
    let long = |ms: f64| ms >= seconds * 1e3;
    let running = snapshot.in_flight.iter().filter(|it| long(it.for_ms));
    let running = running.max_by(|a, b| a.for_ms.total_cmp(&b.for_ms));
    let ended = snapshot.slowest_frames.iter();
    let ended = ended.filter(|frame| frame.age_s <= covered(line));
    let ended = ended
        .flat_map(|frame| &frame.stages)
        .filter(|stage| long(stage.ms));
    let ended = ended.max_by(|a, b| a.ms.total_cmp(&b.ms));
    running
        .map(|it| shown(&it.stage))
        .or_else(|| ended.map(|it| shown(&it.stage)))
}

/// The interruptions so far.
#[derive(Debug, Default)]
pub(super) struct Interruptions {
    all: Vec<Interruption>,
    /// Whether the newest one is a stall that reaches to the newest line.
    is_stalled: bool,
}

impl Interruptions {
    /// Adds what a line tells: the time `lost` before its run, and the seconds `stalled` in its interval.
    pub(super) fn add(
        &mut self,
        line: &Line,
        lost: Option<(f64, f64)>,
        stalled: f64,
        is_first: bool,
    ) {
        let end = line.snapshot.timestamp;
        if line.starts_run && !is_first {
            self.restart(line, lost);
        }
        let suspended = line.previous.as_ref().map_or(0.0, |previous| {
            line.snapshot.suspended_seconds - previous.suspended_seconds
        });
        if suspended >= LEAST_S && !is_first {
            // The interval is without it, so it reaches back before that. The log does not say when it was.
            let (to, before) = (begins(line), line.previous.as_ref());
            let from = before.map_or(to, |before| before.timestamp).min(to);
            self.push(Kind::Suspended, from, to, suspended, None);
        }
        if stalled < LEAST_S {
            self.is_stalled = false;
            return;
        }
        let stage = hung(line, stalled);
        match self.all.last_mut().filter(|_| self.is_stalled) {
            Some(stall) => {
                stall.to = end;
                stall.seconds += stalled;
                stall.stage = stage.or(stall.stage.take());
            }
            None => self.push(Kind::Stall, begins(line), end, stalled, stage),
        }
        self.is_stalled = true;
    }

    fn restart(&mut self, line: &Line, lost: Option<(f64, f64)>) {
        self.is_stalled = false;
        match lost {
            Some((from, to)) if to - from >= LEAST_S => {
                self.push(Kind::Outage, from, to, to - from, None);
            }
            _ => self.push(Kind::Restart, begins(line), begins(line), 0.0, None),
        }
    }

    fn push(&mut self, kind: Kind, from: f64, to: f64, seconds: f64, stage: Option<String>) {
        self.all.push(Interruption {
            kind,
            from,
            to,
            seconds,
            stage,
        });
    }

    pub(super) fn finish(self) -> Vec<Interruption> {
        self.all
    }
}
