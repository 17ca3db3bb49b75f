//! What measuring costs.

use std::hint::black_box;
use std::time::{Duration, Instant};

use tachograph_hotpath::{
    Clock, Outcome, Recorder, Registry, RegistryOptions, SchemaBuilder, metrics,
};

use crate::rolling::Rolling;

/// Repetitions of one round of calibration; the fastest of [`ROUNDS`] counts, since everything that disturbs makes it slower.
const REPETITIONS: u32 = 200;
const ROUNDS: u32 = 9;

/// What the recording calls cost on this machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Costs {
    /// A scope: start, stop and record.
    pub(crate) scope: Duration,
    /// A frame without stages; its stages are counted as scopes.
    pub(crate) frame: Duration,
}

impl Costs {
    /// Measures them; takes less than a millisecond.
    pub(crate) fn calibrate(clock: &Clock) -> Self {
        let options = RegistryOptions {
            window: 64,
            frames: 64,
            clock: clock.clone(),
        };
        let recorder = Registry::new(SchemaBuilder::new().build(), options).recorder();
        let scope =
            |recorder: &Recorder| drop(black_box(recorder.start(metrics::COREML_INFERENCE)));
        Self {
            scope: fastest(|| scope(&recorder)),
            frame: fastest(|| recorder.frame().finish(Outcome::Idle)),
        }
    }
}

fn fastest(mut call: impl FnMut()) -> Duration {
    let round = |call: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..REPETITIONS).for_each(|_| call());
        start.elapsed() / REPETITIONS
    };
    (0..ROUNDS)
        .map(|_| round(&mut call))
        .min()
        .unwrap_or_default()
}

/// Totals since the start, from which the cost of the last minute is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Work {
    /// Monotonic time.
    pub(crate) now: Duration,
    /// CPU time that reducing, probing, logging and showing took.
    pub(crate) cpu: Duration,
    /// Samples recorded.
    pub(crate) samples: u64,
    /// Frames recorded.
    pub(crate) frames: u64,
}

/// Adds up what measuring costs.
#[derive(Debug)]
pub(crate) struct Overhead {
    costs: Costs,
    history: Rolling<Work>,
}

impl Overhead {
    pub(crate) fn new(costs: Costs) -> Self {
        Self {
            costs,
            history: Rolling::new(),
        }
    }

    pub(crate) fn observe(&mut self, work: Work) {
        self.history.push(work);
    }

    /// Percent of one core over the last minute; `None` until there are two observations.
    pub(crate) fn percent(&self) -> Option<f64> {
        let (first, last) = (self.history.iter().next()?, self.history.last()?);
        let elapsed = last.now.saturating_sub(first.now).as_secs_f64();
        let times = |cost: Duration, from: u64, to: u64| {
            cost.as_secs_f64() * to.saturating_sub(from) as f64
        };
        let spent = last.cpu.saturating_sub(first.cpu).as_secs_f64()
            + times(self.costs.scope, first.samples, last.samples)
            + times(self.costs.frame, first.frames, last.frames);
        (elapsed > 0.0).then(|| spent / elapsed * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSTS: Costs = Costs {
        scope: Duration::from_nanos(20),
        frame: Duration::from_nanos(100),
    };

    fn at(second: u64, cpu: Duration, samples: u64, frames: u64) -> Work {
        Work {
            now: Duration::from_secs(second),
            cpu,
            samples,
            frames,
        }
    }

    #[test]
    fn it_is_the_thread_and_the_operations_over_wall_time() {
        let mut overhead = Overhead::new(COSTS);
        overhead.observe(at(10, Duration::from_millis(1), 0, 0));
        assert_eq!(overhead.percent(), None);
        // 5 ms of thread, a million scopes, 100 000 frames: 5 + 20 + 10 ms in 10 s.
        overhead.observe(at(20, Duration::from_millis(6), 1_000_000, 100_000));
        let percent = overhead.percent().expect("there are two observations");
        assert!((percent - 0.35).abs() < 1e-9, "{percent}");
    }

    #[test]
    fn an_old_burst_is_forgotten() {
        let mut overhead = Overhead::new(COSTS);
        overhead.observe(at(0, Duration::ZERO, 0, 0));
        for second in 1..100 {
            overhead.observe(at(second, Duration::from_secs(1), 0, 0));
        }
        assert_eq!(overhead.percent(), Some(0.0));
    }

    #[test]
    fn calibration_finds_plausible_costs() {
        let costs = Costs::calibrate(&Clock::new());
        for cost in [costs.scope, costs.frame] {
            assert!(
                cost > Duration::ZERO && cost < Duration::from_micros(50),
                "{costs:?}"
            );
        }
    }
}
