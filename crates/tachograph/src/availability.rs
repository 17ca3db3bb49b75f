//! Was the pipeline up? Measured, over restarts, stalls and a suspended machine.

use std::time::{Duration, SystemTime};

use tachograph_reducer::MetricsSnapshot;

use crate::time::Moment;

/// A clock must run ahead of the monotonic one by more than this between two observations to count as a suspended machine;
/// less is a clock being disciplined.
const SUSPEND_THRESHOLD: Duration = Duration::from_secs(2);

/// Counts up, down and suspended time since the service's first start.
///
/// The pipeline is down when it does not run (the gap between the log's last line and this start) and when no frame has
/// finished for longer than `stall_after`. Suspended time is neither up nor down.
#[derive(Clone, Debug)]
pub(crate) struct Availability {
    stall_after: Duration,
    /// The service's first start, Unix seconds.
    first_start: f64,
    /// Up or down before this start.
    before: Duration,
    start: Duration,
    down: Duration,
    suspended: Duration,
    frames: u64,
    last_frame: Duration,
    observed: Moment,
}

/// What an [`Availability`] found so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AvailabilityReport {
    /// Percent; `None` while no time has passed.
    pub(crate) percent: Option<f64>,
    /// Unix seconds.
    pub(crate) first_start: f64,
    pub(crate) uptime: Duration,
    /// Up or down since the first start.
    pub(crate) observed: Duration,
    pub(crate) down: Duration,
    pub(crate) suspended: Duration,
}

impl Availability {
    /// Starts at `now`; `last` is the last line that an earlier run logged.
    pub(crate) fn start(
        now: Moment,
        stall_after: Duration,
        last: Option<&MetricsSnapshot>,
    ) -> Self {
        let unix = unix_seconds(now.wall);
        let mut this = Self {
            stall_after,
            first_start: unix,
            before: Duration::ZERO,
            start: now.monotonic,
            down: Duration::ZERO,
            suspended: Duration::ZERO,
            frames: 0,
            last_frame: now.monotonic,
            observed: now,
        };
        if let Some(last) =
            last.filter(|last| last.system_start_time > 0.0 && last.timestamp != 0.0)
        {
            let watched = if last.observed_seconds > 0.0 {
                last.observed_seconds
            } else {
                // A line of a version that did not tell.
                last.timestamp - last.system_start_time - last.suspended_seconds
            };
            let down_then = seconds(last.downtime_seconds);
            let watched = seconds(watched).max(down_then);
            let gap = gap(unix, watched, last);
            this.first_start = last.system_start_time;
            this.suspended = seconds(last.suspended_seconds);
            this.down = down_then.saturating_add(gap);
            this.before = watched.saturating_add(gap);
        }
        this
    }

    /// Takes note of the time and of how many frames have finished by now.
    pub(crate) fn observe(&mut self, now: Moment, frames: u64) {
        let suspended = now.suspended_since(&self.observed);
        if suspended > SUSPEND_THRESHOLD {
            self.suspended = self.suspended.saturating_add(suspended);
        }
        let stalled_from = self
            .last_frame
            .saturating_add(self.stall_after)
            .max(self.observed.monotonic);
        let stalled = now.monotonic.saturating_sub(stalled_from);
        self.down = self.down.saturating_add(stalled);
        if frames != self.frames {
            (self.frames, self.last_frame) = (frames, now.monotonic);
        }
        self.observed = now;
    }

    pub(crate) fn report(&self) -> AvailabilityReport {
        let uptime = self.observed.monotonic.saturating_sub(self.start);
        let observed = self.before.saturating_add(uptime);
        let total = observed.as_secs_f64();
        let up = (total - self.down.as_secs_f64()).max(0.0);
        AvailabilityReport {
            percent: (total > 0.0).then(|| up / total * 100.0),
            first_start: self.first_start,
            uptime,
            observed,
            down: self.down,
            suspended: self.suspended,
        }
    }
}

/// How long the service did not run between the last line and a start at `unix`.
fn gap(unix: f64, watched: Duration, last: &MetricsSnapshot) -> Duration {
    let since_first_start = unix - last.system_start_time;
    let gap = if last.timestamp < last.system_start_time {
        // That run had a clock that nobody had set, as a board without a battery has at first: its line does not say when it
        // ended. What is left of the time since the first start is what nobody watched.
        since_first_start - watched.as_secs_f64() - last.suspended_seconds
    } else {
        unix - last.timestamp
    };
    // A clock that was set back makes the gap zero, not negative.
    seconds(gap)
}

/// Unix time with a fraction; negative before 1970.
pub(crate) fn unix_seconds(wall: SystemTime) -> f64 {
    match wall.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => after.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}

/// What a log line says may be anything; what is not a duration counts as none.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn wall(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + s(1_000_000 + seconds)
    }

    /// On a platform that cannot tell a suspended machine from a wall clock that was set.
    fn at(monotonic: u64, wall_seconds: u64) -> Moment {
        Moment {
            monotonic: s(monotonic),
            continuous: None,
            wall: wall(wall_seconds),
        }
    }

    fn fresh() -> Availability {
        Availability::start(at(0, 0), s(10), None)
    }

    /// Observes once a second from `from` to `to`, with a frame each time if `alive`.
    fn watch(availability: &mut Availability, from: u64, to: u64, alive: bool) {
        for second in from + 1..=to {
            let frames = availability.frames + u64::from(alive);
            availability.observe(at(second, second), frames);
        }
    }

    fn percent(availability: &Availability) -> f64 {
        availability.report().percent.expect("time has passed")
    }

    #[test]
    fn nothing_is_claimed_before_time_has_passed() {
        assert_eq!(fresh().report().percent, None);
    }

    #[test]
    fn a_stall_counts_from_when_it_exceeds_the_limit() {
        let mut availability = fresh();
        watch(&mut availability, 0, 60, true);
        assert!((percent(&availability) - 100.0).abs() < 1e-9);
        watch(&mut availability, 60, 100, false);
        assert_eq!(availability.report().down, s(30));
        watch(&mut availability, 100, 120, true);
        // The second in which the first frame came back still counts as down.
        assert_eq!(availability.report().down, s(31));
        assert!((percent(&availability) - 89.0 / 1.2).abs() < 1e-9);
    }

    #[test]
    fn a_restart_counts_the_gap_as_down_and_keeps_the_first_start() {
        let last = MetricsSnapshot {
            timestamp: 1_000_100.0,
            system_start_time: 1_000_000.0,
            downtime_seconds: 5.0,
            suspended_seconds: 20.0,
            ..MetricsSnapshot::default()
        };
        let mut availability = Availability::start(at(7, 120), s(10), Some(&last));
        // 80 s were watched, 5 of them down; then 20 s of gap.
        assert!((percent(&availability) - 75.0).abs() < 1e-9);
        availability.observe(at(8, 121), 1);
        let report = availability.report();
        assert_eq!(
            (report.down, report.suspended, report.uptime),
            (s(25), s(20), s(1))
        );
        assert!((report.first_start - 1_000_000.0).abs() < 1e-9);
        assert!((percent(&availability) - 76.0 / 1.01).abs() < 1e-9);
    }

    #[test]
    fn suspended_time_is_neither_up_nor_down() {
        let mut availability = fresh();
        watch(&mut availability, 0, 10, true);
        availability.observe(at(11, 3_611), 12);
        let report = availability.report();
        assert_eq!(
            (report.suspended, report.down, report.uptime),
            (s(3_600), s(0), s(11))
        );
        assert_eq!(report.percent, Some(100.0));
    }

    #[test]
    fn a_clock_that_steps_back_breaks_nothing() {
        let mut availability = fresh();
        watch(&mut availability, 1_000, 1_010, true);
        let before = availability.report();
        availability.observe(at(1_011, 11), 99);
        let after = availability.report();
        assert_eq!(
            (after.down, after.suspended),
            (before.down, before.suspended)
        );
        let last = MetricsSnapshot {
            timestamp: 2_000_000.0,
            system_start_time: 1_500_000.0,
            ..MetricsSnapshot::default()
        };
        let restarted = Availability::start(at(0, 0), s(10), Some(&last));
        assert_eq!(restarted.report().percent, Some(100.0));
    }

    #[test]
    fn where_the_platform_can_tell_a_clock_that_was_set_is_no_suspension() {
        let seconds = |n| Some(s(n));
        for (continuous, suspended) in [(11, 0), (13, 0), (3_611, 3_600)] {
            let mut availability = Availability::start(
                Moment {
                    continuous: seconds(0),
                    ..at(0, 0)
                },
                s(10),
                None,
            );
            for (monotonic, continuous, wall) in [(10, 10, 10), (11, continuous, 99_999)] {
                let now = Moment {
                    continuous: seconds(continuous),
                    ..at(monotonic, wall)
                };
                availability.observe(now, monotonic);
            }
            assert_eq!(availability.report().suspended, s(suspended));
        }
    }

    #[test]
    fn what_was_watched_outlives_a_clock_that_stepped_back_and_forth() {
        let mut availability = fresh();
        watch(&mut availability, 0, 10, true);
        // Back by a day, and forward again, which looks like a suspended machine here.
        availability.observe(
            Moment {
                wall: wall(0) - s(86_400),
                ..at(11, 0)
            },
            11,
        );
        availability.observe(at(12, 12), 12);
        let first = availability.report();
        assert!(first.suspended > s(86_000));
        let last = MetricsSnapshot {
            timestamp: unix_seconds(wall(12)),
            system_start_time: first.first_start,
            observed_seconds: first.observed.as_secs_f64(),
            suspended_seconds: first.suspended.as_secs_f64(),
            ..MetricsSnapshot::default()
        };
        let restarted = Availability::start(at(0, 16), s(10), Some(&last));
        assert!((percent(&restarted) - 75.0).abs() < 1e-9);
    }

    #[test]
    fn a_run_with_a_clock_that_nobody_set_does_not_count_the_years_since_1970() {
        let last = |timestamp| MetricsSnapshot {
            timestamp,
            system_start_time: 1_000_000.0,
            observed_seconds: 90.0,
            suspended_seconds: 5.0,
            ..MetricsSnapshot::default()
        };
        for unset in [-40.0, 40.0] {
            let restarted = Availability::start(at(0, 105), s(10), Some(&last(unset)));
            assert_eq!(restarted.report().down, s(10), "{unset}");
            let still_unset = Moment {
                wall: SystemTime::UNIX_EPOCH + s(50),
                ..at(0, 0)
            };
            let restarted = Availability::start(still_unset, s(10), Some(&last(unset)));
            assert_eq!(restarted.report().down, s(0), "{unset}");
        }
    }

    #[test]
    fn nonsense_in_the_last_line_is_not_believed() {
        for bad in [f64::NAN, f64::INFINITY, -1e300, 1e300] {
            let last = MetricsSnapshot {
                timestamp: bad,
                system_start_time: 5.0,
                downtime_seconds: bad,
                suspended_seconds: bad,
                observed_seconds: bad,
                ..MetricsSnapshot::default()
            };
            let mut availability = Availability::start(at(0, 0), s(10), Some(&last));
            watch(&mut availability, 0, 5, true);
            let percent = percent(&availability);
            assert!((0.0..=100.0).contains(&percent), "{percent} after {bad}");
        }
    }
}
