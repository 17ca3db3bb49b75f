//! What is due when. The next deadline is the last one plus the interval, so nothing drifts.

use std::time::Duration;

/// Something that is done again and again.
#[derive(Clone, Copy, Debug)]
struct Task {
    interval: Duration,
    next: Duration,
}

impl Task {
    /// Whether it is due; if so, sets the next deadline. Deadlines that were missed altogether are left out: a machine that
    /// was away for an hour does not log sixty lines at once.
    fn take_due(&mut self, now: Duration) -> bool {
        if now < self.next {
            return false;
        }
        let interval = self.interval.as_nanos().max(1);
        let into = now.saturating_sub(self.next).as_nanos() % interval;
        // Intervals are a day at most; one that did not fit would be 584 years away.
        let left = u64::try_from(interval - into).unwrap_or(u64::MAX);
        self.next = now.saturating_add(Duration::from_nanos(left));
        true
    }
}

/// What is due now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) reduce: bool,
    pub(crate) probe: bool,
    pub(crate) log: bool,
}

/// The collector's three tasks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    reduce: Task,
    probe: Task,
    log: Task,
}

impl Schedule {
    /// Every task is due for the first time one interval after `start`.
    pub(crate) fn new(start: Duration, reduce: Duration, probe: Duration, log: Duration) -> Self {
        let task = |interval| Task {
            interval,
            next: start.saturating_add(interval),
        };
        Self {
            reduce: task(reduce),
            probe: task(probe),
            log: task(log),
        }
    }

    /// What is due at `now`, counting it as done.
    pub(crate) fn take_due(&mut self, now: Duration) -> Due {
        Due {
            reduce: self.reduce.take_due(now),
            probe: self.probe.take_due(now),
            log: self.log.take_due(now),
        }
    }

    /// When something is due next.
    pub(crate) fn next_deadline(&self) -> Duration {
        self.reduce.next.min(self.probe.next).min(self.log.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn deadlines_do_not_drift_when_every_call_is_late() {
        let mut schedule = Schedule::new(ms(5), ms(100), ms(1_000), ms(2_000));
        let mut done = [0; 3];
        for _ in 0..200 {
            let late = schedule.next_deadline() + ms(7);
            let due = schedule.take_due(late);
            for (count, due) in done.iter_mut().zip([due.reduce, due.probe, due.log]) {
                *count += u32::from(due);
            }
        }
        assert_eq!(done, [200, 20, 10]);
        assert_eq!(schedule.next_deadline(), ms(5 + 201 * 100));
    }

    #[test]
    fn missed_deadlines_are_left_out_and_the_grid_is_kept() {
        let mut schedule = Schedule::new(ms(0), ms(100), ms(1_000), ms(60_000));
        let due = schedule.take_due(ms(3_600_050));
        assert_eq!(
            due,
            Due {
                reduce: true,
                probe: true,
                log: true
            }
        );
        assert_eq!(schedule.next_deadline(), ms(3_600_100));
        assert_eq!(schedule.take_due(ms(3_600_099)), Due::default());
    }

    #[test]
    fn however_late_it_is_once_and_then_on_the_grid() {
        for late in [
            ms(1),
            ms(1 << 32),
            ms(1 << 40),
            Duration::from_hours(1 << 30),
        ] {
            let mut schedule = Schedule::new(ms(0), ms(1), ms(1_000), ms(60_000));
            let now = late + Duration::from_micros(400);
            assert!(schedule.take_due(now).reduce);
            assert_eq!(schedule.take_due(now), Due::default(), "{late:?}");
            assert_eq!(schedule.next_deadline(), late + ms(1));
        }
        let mut schedule = Schedule::new(Duration::MAX, ms(1), ms(1), ms(1));
        assert!(schedule.take_due(Duration::MAX).log, "no overflow");
    }
}
