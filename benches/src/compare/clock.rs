//! One raw reading of the clock: what nearly every measurement is made of.

use std::time::Instant;

use crate::compare::candidate::{Candidate, Kind, Operation};
use crate::fixture;

pub(crate) fn operation() -> Operation {
    let raw = quanta::Clock::new();
    let own = fixture::quiet_collector().recorder().clock().clone();
    let quanta_now = raw.clone();
    let candidates = vec![
        Candidate::reading(RAW, Kind::Floor, move || raw.raw(), |ticks| ticks > 0).of("quanta"),
        Candidate::reading(
            "tachograph now",
            Kind::Ours,
            move || own.now(),
            |stamp| stamp.ticks() > 0,
        ),
        Candidate::reading(
            "quanta now (nanoseconds)",
            Kind::Rival,
            move || quanta_now.now(),
            |now| now.elapsed().as_secs() < 1,
        )
        .of("quanta"),
        Candidate::reading("std Instant", Kind::Rival, Instant::now, |now| {
            now.elapsed().as_secs() < 1
        }),
    ];
    Operation::new("clock", "one clock read", candidates)
}

/// The name of the floor, which the report divides by.
pub(crate) const RAW: &str = "quanta raw";

/// The floor of what reads the clock `reads` times.
pub(crate) fn floor(name: &'static str, reads: usize) -> Candidate {
    let clock = quanta::Clock::new();
    let read = move || {
        let mut last = 0;
        for _ in 0..reads {
            last = std::hint::black_box(clock.raw());
        }
        last
    };
    Candidate::reading(name, Kind::Floor, read, |ticks| ticks > 0).of("quanta")
}
