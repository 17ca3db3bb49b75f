//! What is known of the loop: the newest snapshot, how fresh it is, and what came before it.

use std::sync::Arc;

use tachograph::MetricsSnapshot;

use super::follow::Look;
use super::history::History;
use super::intervals::Intervals;

/// Snapshots that come no further apart than this, in seconds, are live.
const LIVE_GAP_S: f64 = 3.0;
/// A live loop that has been silent for so long, in seconds, may be gone.
const LIVE_PATIENCE_S: f64 = 5.0;
/// Seconds between lines, unless the log says otherwise.
const USUAL_INTERVAL_S: f64 = 60.0;
/// Problems that are kept, of each kind.
const MAX_PROBLEMS: usize = 100;

/// How often there is news.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// Each second.
    Live,
    /// With each line of the log, so many seconds apart.
    Lines(f64),
    /// No more.
    Stale {
        /// Whether it was live.
        was_live: bool,
    },
}

/// Everything that the files have told so far. A clone is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    /// The newest snapshot, whichever file it came from.
    pub(crate) current: Option<Arc<MetricsSnapshot>>,
    /// When it was taken, by the dashboard's own clock, in seconds.
    pub(crate) taken_at: f64,
    /// Seconds from the arrival of the one before it to its own.
    gap: Option<f64>,
    last_line: Option<Arc<MetricsSnapshot>>,
    /// Sequence and time of the newest snapshot alone when it was last read.
    last_latest: Option<(u64, f64)>,
    line_interval: Option<f64>,
    /// A point a second.
    pub(crate) seconds: History,
    /// A point a line.
    pub(crate) lines: History,
    pub(crate) intervals: Intervals,
    /// Whether there is a log or a newest snapshot at all.
    pub(crate) exists: bool,
    /// Why the loop cannot be asked to renew its snapshot each second.
    pub(crate) cannot_ask: Option<String>,
    /// Lines that were skipped and files that could not be read: the first of them, and how many.
    pub(crate) problems: Vec<String>,
    pub(crate) problem_count: u64,
}

impl Picture {
    pub(crate) fn new() -> Self {
        Self {
            current: None,
            taken_at: 0.0,
            gap: None,
            last_line: None,
            last_latest: None,
            line_interval: None,
            seconds: History::new(Some(1.0)),
            lines: History::new(None),
            intervals: Intervals::default(),
            exists: false,
            cannot_ask: None,
            problems: Vec::new(),
            problem_count: 0,
        }
    }

    /// Takes in what a look has found, at `now` by the dashboard's clock and at `wall` by the wall clock, in seconds; whether there is
    /// anything new.
    pub(crate) fn update(&mut self, look: Look, now: f64, wall: f64) -> bool {
        let mut changed = self.exists != look.exists || self.cannot_ask != look.cannot_ask;
        self.exists = look.exists;
        self.cannot_ask = look.cannot_ask;
        for problem in look.problems {
            self.problem_count += 1;
            if self.problems.len() < MAX_PROBLEMS {
                self.problems.push(problem);
            }
            changed = true;
        }
        let mut newest = None;
        for line in look.lines {
            newest = Some(self.add_line(line));
            changed = true;
        }
        // One that was seen before is no news, though it may be that of an earlier run, whose place in time is harder to tell.
        let seen = self.last_latest;
        let latest = look.latest.map(Arc::new);
        let latest = latest.filter(|it| seen != Some((it.sequence, it.timestamp)));
        if let Some(latest) = &latest {
            self.last_latest = Some((latest.sequence, latest.timestamp));
        }
        let is_newer = |latest: &Arc<MetricsSnapshot>| match &newest {
            Some(line) => is_after(latest, line),
            None => true,
        };
        if let Some(latest) = latest.filter(is_newer) {
            newest = Some(latest);
        }
        let is_news = |snapshot: &Arc<MetricsSnapshot>| match &self.current {
            Some(current) => is_after(snapshot, current),
            None => true,
        };
        if let Some(newest) = newest.filter(is_news) {
            self.arrive(newest, now, wall);
            changed = true;
        }
        changed
    }

    fn add_line(&mut self, mut line: MetricsSnapshot) -> Arc<MetricsSnapshot> {
        self.intervals.push(&mut line);
        self.lines.push(&line);
        let before = self.last_line.take();
        let seconds = before.map(|before| line.uptime_seconds - before.uptime_seconds);
        if let Some(seconds) = seconds.filter(|seconds| *seconds > 0.0) {
            self.line_interval = Some(seconds);
        }
        let line = Arc::new(line);
        self.last_line = Some(Arc::clone(&line));
        line
    }

    fn arrive(&mut self, snapshot: Arc<MetricsSnapshot>, now: f64, wall: f64) {
        if self.current.is_some() {
            self.gap = Some(now - self.taken_at);
            self.taken_at = now;
        } else {
            // What was there before it was looked for may be old. Clocks of other machines may go ahead.
            let age = (wall - snapshot.timestamp).max(0.0);
            self.taken_at = now - age;
        }
        self.seconds.push(&snapshot);
        self.current = Some(snapshot);
    }

    /// What has been recorded since the newest line, if that is known.
    pub(crate) fn running(&self) -> Option<&Arc<MetricsSnapshot>> {
        let current = self.current.as_ref()?;
        let is_since = |line: &Arc<MetricsSnapshot>| is_after(current, line);
        self.last_line
            .as_ref()
            .is_none_or(is_since)
            .then_some(current)
    }

    /// Seconds since the newest snapshot was taken.
    pub(crate) fn age(&self, now: f64) -> f64 {
        (now - self.taken_at).max(0.0)
    }

    /// How often there is news.
    pub(crate) fn pace(&self, now: f64) -> Pace {
        let is_live = self.gap.is_some_and(|gap| gap <= LIVE_GAP_S);
        let interval = self.line_interval.unwrap_or(USUAL_INTERVAL_S);
        let patience = if is_live {
            LIVE_PATIENCE_S
        } else {
            interval * 1.5 + LIVE_PATIENCE_S
        };
        if self.age(now) > patience {
            Pace::Stale { was_live: is_live }
        } else if is_live {
            Pace::Live
        } else {
            Pace::Lines(interval)
        }
    }
}

/// Whether `a` was taken after `b`: later in the same run of the loop, or in a later run.
fn is_after(a: &MetricsSnapshot, b: &MetricsSnapshot) -> bool {
    if a.uptime_seconds >= b.uptime_seconds {
        return a.sequence > b.sequence || a.timestamp - a.uptime_seconds > start_of(b) + RUN_S;
    }
    // The clock goes on from one run to the next, so it is either a later run or what is left of an earlier moment.
    a.timestamp > b.timestamp && a.timestamp - a.uptime_seconds > start_of(b)
}

/// Starts that are no further apart than this, in seconds, are the same one by a clock that has been corrected.
const RUN_S: f64 = 2.0;

fn start_of(snapshot: &MetricsSnapshot) -> f64 {
    snapshot.timestamp - snapshot.uptime_seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(timestamp: f64, uptime: f64, sequence: u64) -> MetricsSnapshot {
        MetricsSnapshot {
            timestamp,
            uptime_seconds: uptime,
            sequence,
            ..MetricsSnapshot::default()
        }
    }

    fn latest(snapshot: MetricsSnapshot) -> Look {
        Look {
            latest: Some(snapshot),
            exists: true,
            ..Look::default()
        }
    }

    fn line(snapshot: MetricsSnapshot) -> Look {
        Look {
            lines: vec![snapshot],
            exists: true,
            ..Look::default()
        }
    }

    #[test]
    fn later_is_later_in_the_same_run_or_in_a_later_one() {
        let old = at(1000.0, 100.0, 1000);
        assert!(is_after(&at(1001.0, 101.0, 1010), &old));
        assert!(!is_after(&at(1000.0, 100.0, 1000), &old));
        assert!(!is_after(&at(999.0, 99.0, 990), &old));
        // Restarted: the sequence begins anew, and the run may soon be older than the last one ever was.
        assert!(is_after(&at(1005.0, 1.0, 3), &old));
        assert!(is_after(&at(2000.0, 500.0, 400), &old));
    }

    #[test]
    fn it_is_live_while_news_come_each_second_and_stale_soon_after() {
        let mut picture = Picture::new();
        assert!(picture.update(line(at(1000.0, 60.0, 600)), 0.0, 1010.0));
        assert_eq!(picture.pace(0.0), Pace::Lines(60.0));
        assert!((picture.age(0.0) - 10.0).abs() < 1e-9);
        picture.update(latest(at(1011.0, 71.0, 710)), 1.0, 1011.0);
        assert!(!picture.update(latest(at(1011.0, 71.0, 710)), 1.5, 1011.5));
        picture.update(latest(at(1012.0, 72.0, 720)), 2.0, 1012.0);
        assert_eq!(picture.pace(2.5), Pace::Live);
        assert_eq!(picture.pace(7.5), Pace::Stale { was_live: true });
        assert_eq!(picture.seconds.len(), 13, "with a gap of ten");
    }

    #[test]
    fn lines_alone_are_stale_when_the_next_one_is_overdue() {
        let mut picture = Picture::new();
        for (n, now) in [(1, 0.0), (2, 10.0)] {
            let uptime = f64::from(n) * 10.0;
            picture.update(line(at(1000.0 + uptime, uptime, 100)), now, 1000.0 + uptime);
        }
        // The sequence stood still, so the second one is no news: but its interval is known.
        assert_eq!(picture.pace(12.0), Pace::Lines(10.0));
        assert_eq!(picture.pace(21.0), Pace::Stale { was_live: false });
    }

    #[test]
    fn a_log_that_ended_yesterday_is_stale_at_once() {
        let mut picture = Picture::new();
        picture.update(line(at(1000.0, 60.0, 600)), 5.0, 87_400.0);
        assert_eq!(picture.pace(5.0), Pace::Stale { was_live: false });
        assert!((picture.age(5.0) - 86_400.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_running_is_not_counted_twice() {
        let mut picture = Picture::new();
        picture.update(latest(at(1000.0, 60.0, 600)), 0.0, 1000.0);
        assert!(picture.running().is_some());
        // The line of that very snapshot.
        picture.update(line(at(1000.0, 60.0, 600)), 0.5, 1000.5);
        assert!(picture.running().is_none());
        picture.update(latest(at(1001.0, 61.0, 610)), 1.0, 1001.0);
        assert_eq!(picture.running().map(|it| it.sequence), Some(610));
    }
}
