//! A clock that jumps, made continuous again.
//!
//! The hot path's counter is read raw. It may count on while the machine is suspended, start from zero when it wakes up, or jump
//! when a virtual machine moves. Whoever reduces can tell, by comparing it with the operating system's monotonic clock; no frame
//! loop could afford to. Then the window must not be ordered by the raw readings: after a jump back everything new would be
//! older than all it holds, and the window would stand still, for as long as the counter takes to catch up.
//!
//! Nothing is recorded during a jump, so the readings on both sides can be told apart: of the ticks between the two reductions
//! only [`ClockJump::elapsed`] were real, and all others are the jump.

use std::collections::VecDeque;

use tachograph_hotpath::{Sample, Stamp};

/// Jumps ahead that are remembered: what is running may last through several.
const REMEMBERED: usize = 16;

/// The clock of the hot path jumped between two reductions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockJump {
    /// The clock at the last reduction before the jump.
    pub before: Stamp,
    /// The clock at the reduction that comes now.
    pub after: Stamp,
    /// Ticks that really passed between the two.
    pub elapsed: u64,
}

/// Which way, and what tells the readings of both sides apart.
#[derive(Clone, Copy, Debug)]
enum Latest {
    /// Later readings are after it.
    Ahead { until: u64 },
    /// Later readings are before it: only as long as the clock has not counted up to there again.
    Back { from: u64 },
}

/// A jump ahead; anything that began by `start` and ended from `end` on spans it.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    start: u64,
    end: u64,
    ticks: u64,
}

/// Maps readings of the hot path's clock to one that does not jump. Until the first jump both are the same.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    /// Added to a reading since the latest jump, in ticks.
    offset: i64,
    /// Added to one from before it.
    offset_before: i64,
    latest: Option<Latest>,
    /// Oldest first.
    ahead: VecDeque<Ahead>,
}

impl Timeline {
    /// Takes note of a jump. The next reduction is to be at `jump.after`.
    pub(crate) fn jump(&mut self, jump: ClockJump) {
        let (before, after) = (jump.before.ticks(), jump.after.ticks());
        let expected = before.saturating_add(jump.elapsed);
        let moved = i128::from(expected) - i128::from(after) + i128::from(self.offset);
        self.offset_before = self.offset;
        self.offset = i64::try_from(moved).unwrap_or(self.offset);
        if after < expected {
            // Halfway, since the loop goes on while it is being read.
            let from = after.saturating_add((expected - after) / 2);
            self.latest = Some(Latest::Back { from });
            return;
        }
        let ticks = after - expected;
        let until = before.saturating_add(ticks);
        self.latest = Some(Latest::Ahead { until });
        if ticks > jump.elapsed {
            // Else what began or ended between the reductions could be on either side.
            if self.ahead.len() == REMEMBERED {
                self.ahead.pop_front();
            }
            self.ahead.push_back(Ahead {
                start: expected,
                end: until,
                ticks,
            });
        }
    }

    /// The reduction after a jump is done: what is read from now on was recorded after it.
    pub(crate) fn settle(&mut self) {
        if let Some(Latest::Back { .. }) = self.latest {
            self.latest = None;
        }
    }

    /// Puts samples where they lie, without the jumps that they span.
    pub(crate) fn straighten(&self, samples: &mut [Sample]) {
        if self.latest.is_none() && self.offset == 0 && self.ahead.is_empty() {
            return;
        }
        for sample in samples {
            sample.ticks = self.length(sample.end, sample.ticks);
            sample.end = self.place(sample.end);
        }
    }

    /// Where a reading lies.
    pub(crate) fn place(&self, reading: u64) -> u64 {
        let is_before = match self.latest {
            None => false,
            Some(Latest::Ahead { until }) => reading < until,
            Some(Latest::Back { from }) => reading > from,
        };
        reading.saturating_add_signed(if is_before {
            self.offset_before
        } else {
            self.offset
        })
    }

    /// Where the reading that the clock shows now lies.
    pub(crate) fn now(&self, reading: u64) -> u64 {
        reading.saturating_add_signed(self.offset)
    }

    /// The length of what ended at a reading, without the jumps ahead that it spans.
    pub(crate) fn length(&self, end: u64, ticks: u64) -> u64 {
        let start = end.saturating_sub(ticks);
        self.ahead
            .iter()
            .filter(|jump| start <= jump.start && jump.end <= end)
            .fold(ticks, |left, jump| left.saturating_sub(jump.ticks))
    }

    /// Ticks since a reading. One that lies ahead is from before a jump back.
    pub(crate) fn since(&self, reading: u64, now: u64) -> u64 {
        if reading <= now {
            return self.length(now, now - reading);
        }
        let begun = reading.saturating_add_signed(self.offset_before);
        self.now(now).saturating_sub(begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(jumps: &[(u64, u64, u64)]) -> Timeline {
        let mut timeline = Timeline::default();
        for &(before, after, elapsed) in jumps {
            timeline.settle();
            timeline.jump(ClockJump {
                before: Stamp::from_ticks(before),
                after: Stamp::from_ticks(after),
                elapsed,
            });
        }
        timeline
    }

    #[test]
    fn without_a_jump_nothing_changes() {
        let timeline = Timeline::default();
        assert_eq!((timeline.place(7), timeline.now(7)), (7, 7));
        assert_eq!(
            (timeline.length(1_000, 900), timeline.since(3, 10)),
            (900, 7)
        );
        assert_eq!(timeline.since(10, 3), 0);
    }

    #[test]
    fn a_jump_ahead_is_taken_out_of_what_spans_it() {
        // 10 ticks passed, 1000 were jumped over.
        let timeline = after(&[(500, 1_510, 10)]);
        assert_eq!(timeline.now(1_510), 510);
        // Just before, and just after it.
        assert_eq!((timeline.place(505), timeline.place(1_505)), (505, 505));
        for (end, ticks, length) in [
            (1_505, 1_100, 100),
            (1_505, 1_000, 0),
            (1_505, 3, 3),
            (505, 400, 400),
            (1_900, 300, 300),
            (1_900, 1_500, 500),
        ] {
            assert_eq!(timeline.length(end, ticks), length, "{ticks} until {end}");
        }
        assert_eq!(
            (timeline.since(480, 1_520), timeline.since(1_502, 1_520)),
            (40, 18)
        );
    }

    #[test]
    fn a_jump_back_leaves_no_gap_and_no_overlap() {
        // 10 ticks passed, then the counter began anew.
        let mut timeline = after(&[(5_000, 4, 10)]);
        assert_eq!(timeline.now(4), 5_010);
        assert_eq!((timeline.place(5_003), timeline.place(2)), (5_003, 5_008));
        assert_eq!(timeline.place(9), 5_015, "recorded during the reduction");
        assert_eq!(timeline.since(4_900, 4), 110, "running since before it");
        timeline.settle();
        assert_eq!(timeline.place(5_003), 10_009, "long after it");
    }

    #[test]
    fn many_jumps_add_up() {
        let timeline = after(&[
            (100, 1_100, 0),
            (1_200, 2_200, 0),
            (2_300, 50, 0),
            (60, 5_060, 0),
        ]);
        assert_eq!(timeline.now(5_060), 310);
        let mut timeline = Timeline::default();
        for n in 0..100 {
            let before = n * 1_000;
            timeline.jump(ClockJump {
                before: Stamp::from_ticks(before),
                after: Stamp::from_ticks(before + 1_000),
                elapsed: 1,
            });
        }
        assert_eq!(
            (timeline.now(100_000), timeline.ahead.len()),
            (1_099 - 999, REMEMBERED)
        );
        assert_eq!(timeline.length(100_000, 2_000), 2);
    }

    #[test]
    fn extreme_readings_do_not_overflow() {
        for ends in [(0, u64::MAX), (u64::MAX, 0), (u64::MAX, u64::MAX), (0, 0)] {
            for elapsed in [0, 1, u64::MAX] {
                let timeline = after(&[(ends.0, ends.1, elapsed)]);
                for reading in [0, 1, u64::MAX] {
                    _ = timeline.place(reading);
                    _ = timeline.length(reading, u64::MAX);
                    _ = timeline.since(reading, ends.1);
                }
            }
        }
    }
}
