//! Sets an operation up: whatever it needs and what is not counted.

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tachograph::{MetricsCollector, Probe, SystemSample, VirtualTime};
use tachograph_benches::gate::Operation;
use tachograph_hotpath::{
    Clock, Counter, Lane, Outcome, Recorder, Registry, RegistryOptions, SampleRing, SchemaBuilder,
    Stamp, Timer, metrics,
};
use tachograph_reducer::{Reducer, SnapshotReader};

use crate::hot;

const COUNTER: Counter = metrics::FRAMES_PROCESSED;
const TIMER: Timer = metrics::COREML_INFERENCE;
/// Lanes that the reducing operations reduce.
const LANES: usize = 4;
/// New samples of each lane in `record_1000` and `reduce_1000`.
const SAMPLES_PER_LANE: u64 = 250;
/// The time between two samples, in ticks of the manual clock: nanoseconds.
const PERIOD: u64 = 1_000_000;

/// An operation that is ready to be repeated.
pub(crate) struct Prepared {
    /// Performs it so many times.
    pub(crate) run: Box<dyn FnMut(u64)>,
    /// How much was recorded so far, and how much one repetition should have recorded.
    recorded: Box<dyn Fn() -> u64>,
    per_call: u64,
}

impl Prepared {
    /// Whether `n` repetitions did what they should have: an operation that does nothing would pass any gate.
    pub(crate) fn verify(&self, n: u64) -> Result<(), String> {
        let (expected, recorded) = (n * self.per_call, (self.recorded)());
        if recorded == expected {
            return Ok(());
        }
        Err(format!("{recorded} recorded, not {expected}"))
    }
}

pub(crate) fn prepare(operation: Operation) -> Prepared {
    match operation {
        Operation::ByName => by_name(),
        Operation::Load | Operation::CachedLoad => read(operation),
        Operation::ReduceIdle | Operation::Record1000 | Operation::Reduce1000 => reduce(operation),
        _ => write(operation),
    }
}

/// A registry on a clock that stands still: under valgrind the real one would be a system call. An extra read of it still
/// costs instructions.
fn registry() -> Registry {
    let options = RegistryOptions {
        window: 1000,
        frames: 256,
        clock: Clock::manual().0,
    };
    Registry::new(SchemaBuilder::new().build(), options)
}

fn lanes(registry: &Registry) -> Vec<Arc<Lane>> {
    let mut lanes = Vec::new();
    registry.lanes(&mut lanes);
    lanes
}

/// Samples on all lanes.
fn samples(registry: &Registry) -> u64 {
    let lanes = lanes(registry);
    lanes
        .iter()
        .flat_map(|lane| lane.rings())
        .map(SampleRing::count)
        .sum()
}

fn samples_of(registry: &Registry, timer: Timer) -> u64 {
    let lanes = lanes(registry);
    let rings = lanes.iter().filter_map(|lane| lane.ring(timer));
    rings.map(SampleRing::count).sum()
}

/// Everything that all lanes hold: counts, samples and frames.
fn recorded(registry: &Registry) -> u64 {
    let counts = |lane: &Arc<Lane>| -> u64 {
        let counters = registry.schema().counter_handles();
        let frames = Outcome::ALL.map(|it| lane.outcomes(it, false));
        counters.map(|it| lane.counter(it)).chain(frames).sum()
    };
    samples(registry) + lanes(registry).iter().map(counts).sum::<u64>()
}

/// What a thread does in its loop.
fn write(operation: Operation) -> Prepared {
    let registry = registry();
    let recorder = registry.recorder();
    let per_call = match operation {
        // The stages, the frame as a whole, and its count.
        Operation::Frame1 => 3,
        Operation::Frame4 => 6,
        Operation::Frame8 => 10,
        _ => 1,
    };
    let run = move |n| match operation {
        Operation::Count => repeat(n, || hot::count(&recorder, black_box(COUNTER))),
        Operation::Record => {
            let duration = Duration::from_micros(85_300);
            repeat(n, || {
                hot::record(&recorder, black_box(TIMER), black_box(duration));
            });
        }
        Operation::RecordBetween => repeat(n, || {
            let (start, end) = (Stamp::from_ticks(1), Stamp::from_ticks(PERIOD));
            hot::record_between(&recorder, black_box(TIMER), start, black_box(end));
        }),
        Operation::Scope => repeat(n, || hot::scope(&recorder, black_box(TIMER))),
        Operation::Stage => stages(&recorder, n),
        Operation::Frame1 => repeat(n, || hot::frame_1(&recorder, black_box(TIMER))),
        Operation::Frame4 => repeat(n, || hot::frame_4(&recorder, black_box(TIMER))),
        _ => repeat(n, || hot::frame_8(&recorder, black_box(TIMER))),
    };
    Prepared {
        run: Box::new(run),
        // The frame around the stages is no stage.
        recorded: match operation {
            Operation::Stage => Box::new(move || samples_of(&registry, TIMER)),
            _ => Box::new(move || recorded(&registry)),
        },
        per_call,
    }
}

fn repeat(n: u64, mut call: impl FnMut()) {
    (0..n).for_each(|_| call());
}

fn stages(recorder: &Recorder, n: u64) {
    let mut frame = recorder.frame();
    repeat(n, || hot::stage(&mut frame, black_box(TIMER)));
    frame.finish(Outcome::Idle);
}

/// A call by name goes through a collector, on virtual time and without a look at the machine.
fn by_name() -> Prepared {
    #[derive(Debug)]
    struct NoProbe;
    impl Probe for NoProbe {
        fn sample(&mut self) -> SystemSample {
            SystemSample::default()
        }
    }
    let builder = MetricsCollector::builder().without_log().quiet();
    let builder = builder.time_source(VirtualTime::new()).probe(NoProbe);
    let collector = Arc::new(builder.build().expect("the defaults are valid"));
    let counting = Arc::clone(&collector);
    let run = move |n| {
        repeat(n, || {
            let done = counting.increment_counter(black_box("frames_processed"));
            assert!(done.is_ok());
        });
    };
    Prepared {
        run: Box::new(run),
        recorded: Box::new(move || collector.collect().frames_processed),
        per_call: 1,
    }
}

/// What a thread does that looks at the newest snapshot.
fn read(operation: Operation) -> Prepared {
    let registry = registry();
    let mut reducer = Reducer::new(registry.clone());
    reducer.reduce(registry.clock().now());
    let reader: SnapshotReader = reducer.reader();
    let mut cached = reader.cached();
    let seen = Rc::new(Cell::new(0));
    let sum = Rc::clone(&seen);
    // The sequence number is 1: what was read adds up to how often it was read.
    let run = move |n| match operation {
        Operation::Load => repeat(n, || sum.set(sum.get() + reader.load().sequence)),
        _ => repeat(n, || sum.set(sum.get() + cached.load().sequence)),
    };
    Prepared {
        run: Box::new(run),
        recorded: Box::new(move || seen.get()),
        per_call: 1,
    }
}

/// What the background thread does. Where samples are recorded they are counted, else the reductions.
fn reduce(operation: Operation) -> Prepared {
    let registry = registry();
    let recorders: Vec<_> = (0..LANES).map(|_| registry.recorder()).collect();
    let mut reducer = Reducer::new(registry.clone());
    let reader = reducer.reader();
    let mut load = Load::new();
    let now = registry.clock().now();
    let run = move |n| {
        repeat(n, || {
            if operation != Operation::ReduceIdle {
                load.record(&recorders);
            }
            if operation != Operation::Record1000 {
                reducer.reduce(now);
            }
        });
    };
    let idle = operation == Operation::ReduceIdle;
    Prepared {
        run: Box::new(run),
        recorded: match operation {
            Operation::ReduceIdle => Box::new(move || reader.load().sequence),
            Operation::Record1000 => Box::new(move || samples(&registry)),
            _ => Box::new(move || reader.load().samples_counted),
        },
        per_call: if idle {
            1
        } else {
            SAMPLES_PER_LANE * LANES as u64
        },
    }
}

/// Samples of one timer on several lanes in turn, of 1 to 100 ms, the same in every run.
struct Load {
    state: u64,
    end: u64,
}

impl Load {
    fn new() -> Self {
        Self {
            state: 0x9e37_79b9_7f4a_7c15,
            end: 200 * PERIOD,
        }
    }

    /// Not inlined, so that it costs the same in all operations that it is part of.
    #[inline(never)]
    fn record(&mut self, recorders: &[Recorder]) {
        for _ in 0..SAMPLES_PER_LANE {
            for recorder in recorders {
                // xorshift64: any durations will do, as long as they are not all the same.
                self.state ^= self.state << 13;
                self.state ^= self.state >> 7;
                self.state ^= self.state << 17;
                self.end += PERIOD;
                let duration = PERIOD + self.state % (99 * PERIOD);
                let start = Stamp::from_ticks(self.end - duration);
                recorder.record_between(TIMER, start, Stamp::from_ticks(self.end));
            }
        }
    }
}
