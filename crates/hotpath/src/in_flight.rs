//! The word that says what a lane's owner is doing right now.
//!
//! One word holds both halves, so a reader can never combine the timer of one stage with the start of another: the upper
//! 54 bits are the start in ticks (its lowest ten bits are dropped: 0.3 us at 3 GHz), the lower ten say what runs.

use crate::clock::Stamp;
use crate::schema::Timer;

const KIND_BITS: u64 = 10;
const KIND_MASK: u64 = (1 << KIND_BITS) - 1;
/// A frame between its stages. Timers are 1 to [`crate::MAX_METRICS`], nothing is 0.
const FRAME: u64 = KIND_MASK;

/// What is running on a lane, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// The timer of the running scope or stage; `None` in a frame that has not started a stage.
    pub timer: Option<Timer>,
    /// When it started, rounded down to 1024 ticks.
    pub since: Stamp,
}

/// Nothing is running.
pub(crate) const NOTHING: u64 = 0;

#[inline]
pub(crate) fn of_timer(timer: Timer, since: u64) -> u64 {
    (since & !KIND_MASK) | (u64::from(timer.0) + 1)
}

#[inline]
pub(crate) fn of_frame(since: u64) -> u64 {
    (since & !KIND_MASK) | FRAME
}

pub(crate) fn decode(word: u64) -> Option<InFlight> {
    let since = Stamp(word & !KIND_MASK);
    match word & KIND_MASK {
        0 => None,
        FRAME => Some(InFlight { timer: None, since }),
        kind => u16::try_from(kind - 1).ok().map(|index| InFlight {
            timer: Some(Timer(index)),
            since,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::MAX_METRICS;

    #[test]
    fn both_halves_survive() {
        let since = 0x1234_5678_9abc_def0;
        let rounded = Stamp(0x1234_5678_9abc_dc00);
        let last = Timer(u16::try_from(MAX_METRICS - 1).expect("a thousand fits"));
        for timer in [Timer(0), last] {
            let expected = InFlight {
                timer: Some(timer),
                since: rounded,
            };
            assert_eq!(decode(of_timer(timer, since)), Some(expected));
        }
        assert_eq!(
            decode(of_frame(since)),
            Some(InFlight {
                timer: None,
                since: rounded
            })
        );
        assert_eq!(decode(NOTHING), None);
    }
}
