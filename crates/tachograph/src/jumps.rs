//! Watches the hot path's clock for jumps.

use std::time::Duration;

use tachograph_hotpath::{Clock, Stamp};
use tachograph_reducer::ClockJump;

use crate::time::{Moment, TimeSource};

/// What the hot path's clock must differ from the monotonic one by to have jumped: less is a processor core whose counter is a
/// little off, or a thread that was interrupted between two readings.
const JUMP_THRESHOLD: Duration = Duration::from_secs(2);
/// Of the time between two readings, so much may be the calibration's error: one in a thousand.
const DRIFT: u128 = 1_000;
/// Readings that are further apart than this were interrupted.
const TOGETHER: Duration = Duration::from_millis(100);
const ATTEMPTS: usize = 3;

/// The clocks at the last look.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Jumps {
    last: Option<(Stamp, Duration)>,
}

impl Jumps {
    /// Reads all clocks; says if the hot path's has jumped since the last time.
    pub(crate) fn look(&mut self, time: &dyn TimeSource) -> (Stamp, Moment, Option<ClockJump>) {
        let clock = time.clock();
        let (now, moment) = read_together(time);
        let last = self.last.replace((now, moment.monotonic));
        let jump = last.and_then(|(before, then)| {
            jump(clock, before, now, moment.monotonic.saturating_sub(then))
        });
        (now, moment, jump)
    }
}

/// Reads again if something came in between: the clocks must be of the same moment to be compared.
fn read_together(time: &dyn TimeSource) -> (Stamp, Moment) {
    let clock = time.clock();
    let mut before = clock.now();
    for _ in 1..ATTEMPTS {
        let moment = Moment::of(time);
        let now = clock.now();
        if clock.between(before, now) < TOGETHER {
            return (now, moment);
        }
        before = now;
    }
    let moment = Moment::of(time);
    (clock.now(), moment)
}

fn jump(clock: &Clock, before: Stamp, after: Stamp, passed: Duration) -> Option<ClockJump> {
    let elapsed = clock.ticks(passed);
    let counted = i128::from(after.ticks()) - i128::from(before.ticks());
    let off = (counted - i128::from(elapsed)).unsigned_abs();
    let limit = u128::from(clock.ticks(JUMP_THRESHOLD)) + u128::from(elapsed) / DRIFT;
    (off > limit).then_some(ClockJump {
        before,
        after,
        elapsed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::VirtualTime;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn drift_is_no_jump_and_two_seconds_are() {
        for (hot_ahead, jumped) in [
            (Duration::ZERO, false),
            (SECOND, false),
            (2 * SECOND, false),
            (3 * SECOND, true),
        ] {
            let time = VirtualTime::with_tick(125, 3);
            let mut jumps = Jumps::default();
            assert_eq!(jumps.look(&time).2, None);
            time.advance(SECOND);
            time.hot_clock().advance(hot_ahead);
            let found = jumps.look(&time).2;
            assert_eq!(found.is_some(), jumped, "{hot_ahead:?}");
            if let Some(jump) = found {
                assert_eq!(jump.elapsed, 24_000_000);
            }
            assert_eq!(jumps.look(&time).2, None, "told once");
        }
    }

    #[test]
    fn a_day_between_two_looks_allows_for_the_calibration() {
        let time = VirtualTime::new();
        let mut jumps = Jumps::default();
        jumps.look(&time);
        time.advance(86_400 * SECOND);
        time.hot_clock().advance(80 * SECOND);
        assert_eq!(jumps.look(&time).2, None);
        time.hot_clock().jump_to(Stamp::from_ticks(0));
        assert!(jumps.look(&time).2.is_some());
    }
}
