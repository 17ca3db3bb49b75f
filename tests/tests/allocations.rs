//! The hot path does not touch the allocator once a lane exists, nor do reducing, publishing and reading in a steady state.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use allocation_counter::AllocationInfo;
use tachograph::{MetricsCollector, MetricsSnapshot};
use tachograph_hotpath::{
    Clock, Counter, Outcome, Recorder, Registry, RegistryOptions, SchemaBuilder, Timer, metrics,
};
use tachograph_reducer::Reducer;

/// Enough calls to go around a lane's rings of samples and frames.
const CALLS: u64 = 5_000;
const TIMER: Timer = metrics::COREML_INFERENCE;

type NamedCall<'r> = (&'static str, Box<dyn FnMut() + 'r>);

/// Allocations and deallocations of this thread; those of other tests do not count.
fn allocator_calls(calls: impl FnOnce()) -> u64 {
    let AllocationInfo {
        count_total,
        count_current,
        ..
    } = allocation_counter::measure(calls);
    let freed = i128::from(count_total) - i128::from(count_current);
    count_total + u64::try_from(freed).expect("what was freed is not negative")
}

fn registry() -> Registry {
    Registry::new(SchemaBuilder::new().build(), RegistryOptions::default())
}

/// A counter and a timer of another, larger schema: recording them is rejected.
fn foreign() -> (Counter, Timer) {
    let mut schema = SchemaBuilder::new();
    let counter = schema.counter("foreign_count").expect("the name is good");
    let timer = schema.timer("foreign_time").expect("the name is good");
    (counter, timer)
}

fn frame(recorder: &Recorder, stages: usize, outcome: Outcome) {
    let mut frame = recorder.frame();
    frame.motion();
    // More than a trace holds.
    (0..stages).for_each(|_| frame.stage(TIMER));
    frame.finish(outcome);
}

/// Every public call of the hot path.
fn every_call(recorder: &Recorder) -> Vec<NamedCall<'_>> {
    let (counter, timer) = foreign();
    let mut calls: Vec<NamedCall<'_>> = vec![
        (
            "increment",
            Box::new(|| recorder.increment(metrics::FRAMES_PROCESSED)),
        ),
        (
            "add",
            Box::new(|| recorder.add(metrics::MOTION_DETECTED, 7)),
        ),
        ("time", Box::new(|| recorder.time(TIMER, || black_box(())))),
        ("start, drop", Box::new(|| drop(recorder.start(TIMER)))),
        (
            "start, stop",
            Box::new(|| _ = black_box(recorder.start(TIMER).stop())),
        ),
        ("start, cancel", Box::new(|| recorder.start(TIMER).cancel())),
        (
            "record",
            Box::new(|| recorder.record(TIMER, Duration::from_micros(85_300))),
        ),
        (
            "record too much",
            Box::new(|| recorder.record(TIMER, Duration::MAX)),
        ),
        (
            "now, record_between",
            Box::new(|| recorder.record_between(TIMER, recorder.now(), recorder.now())),
        ),
        (
            "frame, drop",
            Box::new(|| {
                let mut frame = recorder.frame();
                frame.stage(TIMER);
                black_box(frame.number());
            }),
        ),
        (
            "rejected count",
            Box::new(move || recorder.increment(counter)),
        ),
        (
            "rejected time",
            Box::new(move || drop(recorder.start(timer))),
        ),
    ];
    for outcome in Outcome::ALL {
        calls.push((
            outcome.name(),
            Box::new(move || frame(recorder, 10, outcome)),
        ));
    }
    calls
}

fn assert_no_allocator_call(recorder: &Recorder) {
    for (name, mut call) in every_call(recorder) {
        let found = allocator_calls(|| (0..CALLS).for_each(|_| call()));
        assert_eq!(found, 0, "{name}: {found} in {CALLS} calls");
    }
}

#[test]
fn recording_does_not_allocate() {
    let registry = registry();
    assert_no_allocator_call(&registry.recorder());
    let (clock, _time) = Clock::manual();
    let options = RegistryOptions {
        clock,
        ..RegistryOptions::default()
    };
    let registry = Registry::new(SchemaBuilder::new().build(), options);
    assert_no_allocator_call(&registry.recorder());
}

#[test]
fn recording_does_not_allocate_while_a_collector_runs() {
    let builder = MetricsCollector::builder().without_log().quiet();
    let collector = builder
        .reduce_interval(Duration::from_millis(1))
        .start()
        .expect("the settings are valid");
    let recorder = collector.recorder();
    assert_no_allocator_call(&recorder);
    let snapshot = collector.collect();
    // Two foreign metrics, rejected in each call.
    assert_eq!(snapshot.samples_rejected, 2 * CALLS);
    assert_eq!(snapshot.events_created, CALLS);
}

#[test]
fn calls_by_name_do_not_allocate() {
    let builder = MetricsCollector::builder().without_log().quiet();
    let collector = builder.build().expect("the settings are valid");
    let found = allocator_calls(|| {
        for _ in 0..CALLS {
            let counted = collector.increment_counter("frames_processed");
            let timed = collector.record_time("coreml_inference", 85.3);
            let latency = collector.record_frame_latency(2000.0);
            assert!(counted.is_ok() && timed.is_ok() && latency.is_ok());
        }
    });
    assert_eq!(found, 0);
    assert_eq!(collector.collect().frames_processed, CALLS);
}

/// A registry with metrics of its own, recorders on four lanes, and a reducer.
fn reducing() -> (Registry, Vec<Recorder>, Reducer) {
    let mut schema = SchemaBuilder::new();
    schema.counter("reconnects").expect("the name is good");
    schema.timer("decode").expect("the name is good");
    let registry = Registry::new(schema.build(), RegistryOptions::default());
    let recorders = (0..4).map(|_| registry.recorder()).collect();
    let reducer = Reducer::new(registry.clone());
    (registry, recorders, reducer)
}

#[test]
fn reducing_publishing_and_reading_do_not_allocate_in_a_steady_state() {
    let (registry, recorders, mut reducer) = reducing();
    let reader = reducer.reader();
    let mut cached = reader.cached();
    let timers: Vec<Timer> = registry.schema().timer_handles().collect();
    let mut round = |samples: u32, reads: u32| {
        for recorder in &recorders {
            // Something is in flight while it is reduced.
            let _scope = recorder.start(metrics::LLM_INFERENCE);
            for n in 0..samples {
                let timer = timers[n as usize % timers.len()];
                recorder.record(timer, Duration::from_micros(100 + u64::from(n)));
                frame(recorder, 2, Outcome::Event);
            }
            reducer.reduce(registry.clock().now());
        }
        let mut seen = 0;
        for _ in 0..reads {
            seen += reader.load().sequence + cached.load().sequence;
            seen += reader.load_full().sequence;
        }
        black_box(seen);
    };
    // Also a burst larger than the rings, which makes every buffer as large as it gets.
    [100, 5_000, 100].into_iter().for_each(|n| round(n, 3));
    let found = allocator_calls(|| {
        [0, 1, 100, 5_000, 0, 37]
            .into_iter()
            .for_each(|n| round(n, 3));
    });
    assert_eq!(found, 0);
    let snapshot: Arc<MetricsSnapshot> = reader.load_full();
    assert_eq!(snapshot.sequence, 9 * 4);
    assert!(snapshot.samples_overwritten > 0 && snapshot.custom.timers["decode"].count > 0);
}

/// The twin of all above: the counter does see what allocates, and what frees.
#[test]
fn what_allocates_is_seen() {
    let registry = registry();
    let mut recorders = Vec::with_capacity(2);
    let made = allocator_calls(|| recorders.push(registry.recorder()));
    assert!(made > 3, "a lane took {made} allocations");
    let reduced = allocator_calls(|| {
        Reducer::new(registry.clone()).reduce(registry.clock().now());
    });
    assert!(
        reduced > 3,
        "the first reduction took {reduced} allocations"
    );
    let mut boxed = Some(Box::new(1));
    let freed = allocator_calls(|| drop(black_box(boxed.take())));
    let both = allocator_calls(|| drop(black_box(Box::new(1))));
    assert_eq!((freed, both), (1, 2));
}
