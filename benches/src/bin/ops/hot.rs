//! The operations that run inside the frame loop, each in a function of its own, so that its machine code can be looked at.
//! The functions are named as [`tachograph_benches::gate::Operation::name`].

use std::time::Duration;

use tachograph_hotpath::{Counter, Frame, Outcome, Recorder, Stamp, Timer};

#[inline(never)]
pub(crate) fn count(recorder: &Recorder, counter: Counter) {
    recorder.increment(counter);
}

#[inline(never)]
pub(crate) fn record(recorder: &Recorder, timer: Timer, duration: Duration) {
    recorder.record(timer, duration);
}

#[inline(never)]
pub(crate) fn record_between(recorder: &Recorder, timer: Timer, start: Stamp, end: Stamp) {
    recorder.record_between(timer, start, end);
}

#[inline(never)]
pub(crate) fn scope(recorder: &Recorder, timer: Timer) {
    drop(recorder.start(timer));
}

#[inline(never)]
pub(crate) fn stage(frame: &mut Frame<'_>, timer: Timer) {
    frame.stage(timer);
}

#[inline(never)]
pub(crate) fn frame_1(recorder: &Recorder, timer: Timer) {
    frame::<1>(recorder, timer);
}

#[inline(never)]
pub(crate) fn frame_4(recorder: &Recorder, timer: Timer) {
    frame::<4>(recorder, timer);
}

#[inline(never)]
pub(crate) fn frame_8(recorder: &Recorder, timer: Timer) {
    frame::<8>(recorder, timer);
}

#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the function that is looked at is the one around it"
)]
fn frame<const STAGES: usize>(recorder: &Recorder, timer: Timer) {
    let mut frame = recorder.frame();
    for _ in 0..STAGES {
        frame.stage(timer);
    }
    frame.finish(Outcome::Idle);
}
