//! Times of an operation and of what it is held against, in turn.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tachograph_benches::gate::{Attempt, ROUNDS, Ratio};
use tachograph_hotpath::{
    Counter, Outcome, Recorder, Registry, RegistryOptions, SchemaBuilder, Timer, metrics,
};
use tachograph_reducer::{MetricsSnapshot, Reducer};

/// Rounds before those that count.
const WARM_UP: usize = 5;
/// Calls in one measurement: some ten microseconds, short enough that most rounds are not interrupted.
const CALLS: u32 = 2_000;
const COUNTER: Counter = metrics::FRAMES_PROCESSED;
const TIMER: Timer = metrics::COREML_INFERENCE;

/// Makes one attempt.
pub(crate) fn attempt(ratio: Ratio) -> Result<Attempt, String> {
    let registry = Registry::new(SchemaBuilder::new().build(), RegistryOptions::default());
    let recorder = registry.recorder();
    let read = |times: u32| per_call(|| (0..times).for_each(|_| _ = black_box(recorder.now())));
    let count = || per_call(|| black_box(&recorder).increment(COUNTER));
    Ok(match ratio {
        Ratio::Scope => in_turn(
            || per_call(|| drop(recorder.start(black_box(TIMER)))),
            || read(2),
        ),
        Ratio::Stage => in_turn(|| stages(&recorder), || read(1)),
        Ratio::Count => in_turn(count, load_and_store),
        Ratio::CountBeside => Beside::new(&registry)?.attempt(count),
        Ratio::Frame4 => in_turn(|| frames(&recorder), || read(6) + 20.0),
        Ratio::CachedLoad => reads(&registry),
    })
}

/// One round after the other: operation, reference, operation again. Both give nanoseconds per call.
fn in_turn(mut operation: impl FnMut() -> f64, mut reference: impl FnMut() -> f64) -> Attempt {
    let mut rounds = Vec::with_capacity(WARM_UP + ROUNDS);
    for _ in 0..WARM_UP + ROUNDS {
        rounds.push((operation(), reference(), operation()));
    }
    let median_of = |value: fn(&(f64, f64, f64)) -> f64| {
        let mut values: Vec<f64> = rounds.iter().skip(WARM_UP).map(value).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Attempt {
        // The mean of before and after: what drifts evenly cancels.
        ratio: median_of(|(before, reference, after)| f64::midpoint(*before, *after) / reference),
        control: median_of(|(before, _, after)| after / before),
        nanos: median_of(|(before, _, after)| f64::midpoint(*before, *after)),
    }
}

/// Nanoseconds of one call.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "a call around what takes half a nanosecond is most of it"
)]
fn per_call(mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..CALLS {
        call();
    }
    nanos(start.elapsed()) / f64::from(CALLS)
}

fn nanos(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

fn stages(recorder: &Recorder) -> f64 {
    let mut frame = recorder.frame();
    let time = per_call(|| frame.stage(black_box(TIMER)));
    frame.finish(Outcome::Idle);
    time
}

fn frames(recorder: &Recorder) -> f64 {
    per_call(|| {
        let mut frame = recorder.frame();
        for _ in 0..4 {
            frame.stage(black_box(TIMER));
        }
        frame.finish(Outcome::Idle);
    })
}

/// The least that counting can be: what no other thread writes needs no more than this.
fn load_and_store() -> f64 {
    let cell = AtomicU64::new(0);
    per_call(|| {
        let cell = black_box(&cell);
        let next = cell.load(Ordering::Relaxed).wrapping_add(1);
        cell.store(next, Ordering::Relaxed);
    })
}

fn reads(registry: &Registry) -> Attempt {
    let mut reducer = Reducer::new(registry.clone());
    reducer.reduce(registry.clock().now());
    let mut cached = reducer.reader().cached();
    let locked: RwLock<Arc<MetricsSnapshot>> = RwLock::new(reducer.reader().load_full());
    in_turn(
        || per_call(|| _ = black_box(cached.load().sequence)),
        || {
            per_call(|| {
                let snapshot = locked
                    .read()
                    .map(|held| Arc::clone(&held))
                    .expect("nobody panics under this lock");
                black_box(snapshot.sequence);
            })
        },
    )
}

/// A second thread that counts on a lane of its own while it is told to.
struct Beside {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    wanted: AtomicBool,
    counting: AtomicBool,
    ended: AtomicBool,
}

impl Beside {
    fn new(registry: &Registry) -> Result<Self, String> {
        let shared = Arc::new(Shared::default());
        let recorder = registry.recorder();
        let seen = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .spawn(move || count_while_wanted(&recorder, &seen))
            .map_err(|error| error.to_string())?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    fn attempt(&self, count: impl Fn() -> f64) -> Attempt {
        let beside = || {
            self.switch(true);
            let time = count();
            self.switch(false);
            time
        };
        in_turn(beside, &count)
    }

    /// Tells the other thread to count or to stop, and waits until it does.
    fn switch(&self, on: bool) {
        self.shared.wanted.store(on, Ordering::Release);
        while self.shared.counting.load(Ordering::Acquire) != on {
            thread::yield_now();
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // It has nothing to say; a panic in it was printed.
            _ = thread.join();
        }
    }
}

fn count_while_wanted(recorder: &Recorder, shared: &Shared) {
    while !shared.ended.load(Ordering::Acquire) {
        let wanted = shared.wanted.load(Ordering::Acquire);
        shared.counting.store(wanted, Ordering::Release);
        if wanted {
            (0..100).for_each(|_| recorder.increment(black_box(COUNTER)));
        } else {
            thread::yield_now();
        }
    }
}
