//! Moves a clock by hand. For tests and simulations: nothing here runs inside a loop.

#![expect(
    clippy::disallowed_types,
    reason = "taken when a test moves its clock, never by reading it"
)]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Stamp;

/// Moves a clock made by [`crate::Clock::manual`]. Clones move the same clock.
#[derive(Clone, Debug)]
pub struct ManualTime(Arc<Hand>);

#[derive(Debug)]
struct Hand {
    counter: Arc<quanta::Mock>,
    /// `ticks` ticks are `nanos` nanoseconds.
    nanos: u64,
    ticks: u64,
    place: Mutex<Place>,
}

/// Where the counter is: so long after a reading. Nanoseconds, so that no fraction of a tick is lost on the way.
#[derive(Clone, Copy, Debug)]
struct Place {
    since: u64,
    nanos: u64,
}

impl ManualTime {
    pub(crate) fn new(counter: Arc<quanta::Mock>, nanos: u64, ticks: u64) -> Self {
        let place = Mutex::new(Place { since: 0, nanos: 0 });
        Self(Arc::new(Hand {
            counter,
            nanos,
            ticks,
            place,
        }))
    }

    /// Moves the clock forward. What is less than a tick is not lost but seen with the next tick. Saturates after 584 years
    /// in all, and where the counter ends.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.change(|place| place.nanos = place.nanos.saturating_add(by));
    }

    /// Sets the counter to any reading, ahead or back: a time-stamp counter that is not invariant, or another core's.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tachograph_hotpath::{Clock, Stamp};
    ///
    /// let (clock, time) = Clock::manual();
    /// time.advance(Duration::from_secs(1));
    /// let start = clock.now();
    /// time.jump_to(Stamp::from_ticks(7));
    /// assert_eq!(clock.now().ticks(), 7);
    /// assert_eq!(clock.between(start, clock.now()), Duration::ZERO);
    /// ```
    pub fn jump_to(&self, reading: Stamp) {
        self.change(|place| {
            *place = Place {
                since: reading.0,
                nanos: 0,
            };
        });
    }

    fn change(&self, change: impl FnOnce(&mut Place)) {
        let hand = &*self.0;
        let mut place = hand.place.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut place);
        let elapsed = u128::from(place.nanos) * u128::from(hand.ticks) / u128::from(hand.nanos);
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
        let (now, next) = (hand.counter.value(), place.since.saturating_add(elapsed));
        // The mock can only be moved; nobody else moves it while the lock is held.
        if next >= now {
            hand.counter.increment(next - now);
        } else {
            hand.counter.decrement(now - next);
        }
    }
}

#[cfg(all(test, not(tachograph_loom)))]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn fractions_of_a_tick_add_up() {
        let (clock, time) = Clock::manual_with_tick(125, 3);
        (0..125).for_each(|_| time.advance(Duration::from_nanos(1)));
        assert_eq!(clock.now().ticks(), 3);
        (0..1_000).for_each(|_| time.advance(Duration::from_nanos(125)));
        assert_eq!(clock.now().ticks(), 3_003);
    }

    #[test]
    fn it_saturates_instead_of_overflowing() {
        for (nanos, ticks) in [(1, 1), (1, 15), (16_000, 1)] {
            let (clock, time) = Clock::manual_with_tick(nanos, ticks);
            (0..3).for_each(|_| time.advance(Duration::MAX));
            assert!(clock.now().ticks() > 1 << 50);
            time.jump_to(Stamp::from_ticks(u64::MAX));
            time.advance(Duration::from_secs(1));
            assert_eq!(clock.now().ticks(), u64::MAX);
            time.jump_to(Stamp::from_ticks(0));
            assert_eq!(clock.now().ticks(), 0);
        }
    }

    #[test]
    #[should_panic(expected = "out of range")]
    fn a_tick_of_nothing_is_refused() {
        drop(Clock::manual_with_tick(0, 1));
    }
}
