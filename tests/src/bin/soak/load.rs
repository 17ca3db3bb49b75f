//! The recording threads.

use std::hint::black_box;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tachograph::{Counter, Outcome, Recorder, Timer, metrics};

use crate::plant::Sabotage;

/// Work between two frames, so that caches are not kept warm for the recording calls.
const PIXELS: usize = 2_000;

/// The loop's own metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own {
    pub(crate) decode: Timer,
    pub(crate) packets: Counter,
}

/// What a thread knows it recorded.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Truth {
    pub(crate) outcomes: [u64; 5],
    pub(crate) packets: u64,
}

impl Truth {
    pub(crate) fn frames(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    pub(crate) fn plus(self, other: &Self) -> Self {
        Self {
            outcomes: std::array::from_fn(|n| self.outcomes[n] + other.outcomes[n]),
            packets: self.packets + other.packets,
        }
    }
}

/// Where a thread puts the cost of its frames and the sampler takes it from; never locked while a frame is timed.
#[derive(Debug)]
pub(crate) struct Costs(Mutex<Histogram<u64>>);

impl Costs {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(histogram()))
    }

    /// Moves what has come together to `into`.
    pub(crate) fn take(&self, into: &mut Histogram<u64>) {
        let mut costs = self.lock();
        // The bounds are equal, so this cannot fail.
        _ = into.add(&*costs);
        costs.reset();
    }

    fn lock(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An empty histogram of nanoseconds, 10 ns to 10 s.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(10, 10_000_000_000, 3).expect("constant bounds are valid")
}

/// Runs `frames` frames at `fps`. A frame that is late is made up for, so that the number is exact.
pub(crate) fn frame_loop(
    recorder: &Recorder,
    own: Own,
    frames: u64,
    fps: u32,
    costs: &Costs,
    sabotage: &Sabotage,
) -> Truth {
    let mut truth = Truth::default();
    let mut pixels = vec![0_u64; PIXELS];
    let start = Instant::now();
    let period = Duration::from_secs(1) / fps;
    for number in 0..frames {
        let due = start + period.mul_f64(number as f64);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        for pixel in &mut pixels {
            *pixel = black_box(*pixel).wrapping_mul(31).wrapping_add(number);
        }
        let outcome = Outcome::ALL[usize::try_from(number % 5).unwrap_or(0)];
        let before = recorder.now();
        record(recorder, own, outcome);
        sabotage.slow_down();
        let spent = recorder.clock().between(before, recorder.now());
        truth.outcomes[outcome as usize] += 1;
        truth.packets += 3;
        let nanos = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        costs.lock().saturating_record(nanos.max(10));
    }
    truth
}

/// All recording calls of one frame, with nothing between them.
fn record(recorder: &Recorder, own: Own, outcome: Outcome) {
    let mut frame = recorder.frame();
    recorder.time(own.decode, || ());
    recorder.add(own.packets, 3);
    if outcome != Outcome::Idle {
        frame.motion();
    }
    frame.stage(metrics::COREML_INFERENCE);
    frame.stage(metrics::LLM_INFERENCE);
    frame.finish(outcome);
}
