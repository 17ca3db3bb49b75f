//! The recording calls, as a user sees them.
#![cfg(not(tachograph_loom))]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tachograph_hotpath::{
    Clock, Counter, Cursor, FrameTrace, InFlight, Lane, MAX_TRACED_STAGES, ManualTime, Outcome,
    Recorder, Registry, RegistryOptions, Sample, Schema, SchemaBuilder, Stamp, Timer, metrics,
};

const MS: Duration = Duration::from_millis(1);

struct Bench {
    registry: Registry,
    time: ManualTime,
}

impl Bench {
    fn new() -> Self {
        Self::with(SchemaBuilder::new().build())
    }

    fn with(schema: Schema) -> Self {
        let (clock, time) = Clock::manual();
        let options = RegistryOptions {
            window: if cfg!(miri) { 8 } else { 100 },
            frames: 4,
            clock,
        };
        Self {
            registry: Registry::new(schema, options),
            time,
        }
    }

    fn lanes(&self) -> Vec<Arc<Lane>> {
        let mut lanes = Vec::new();
        self.registry.lanes(&mut lanes);
        lanes
    }

    fn lane(&self) -> Arc<Lane> {
        Arc::clone(&self.lanes()[0])
    }

    /// Everything that the first lane recorded of a timer, in milliseconds.
    fn recorded(&self, timer: Timer) -> Vec<u64> {
        let mut samples = Vec::new();
        let lane = self.lane();
        lane.ring(timer)
            .unwrap()
            .read(&mut Cursor::default(), 0, &mut samples);
        samples
            .iter()
            .map(|sample| sample.ticks / 1_000_000)
            .collect()
    }

    fn frames(&self) -> Vec<FrameTrace> {
        let lane = self.lane();
        std::iter::from_fn(|| lane.pop_frame()).collect()
    }

    fn running(&self) -> &'static str {
        match self.lane().in_flight() {
            None => "nothing",
            Some(InFlight { timer: None, .. }) => "a frame",
            Some(InFlight {
                timer: Some(metrics::COREML_INFERENCE),
                ..
            }) => "coreml",
            Some(InFlight {
                timer: Some(metrics::LLM_INFERENCE),
                ..
            }) => "llm",
            Some(_) => "something else",
        }
    }
}

#[test]
fn counters_count() {
    let bench = Bench::new();
    let recorder = bench.registry.recorder();
    recorder.increment(metrics::FRAMES_PROCESSED);
    recorder.add(metrics::FRAMES_PROCESSED, 41);
    recorder.add(metrics::EVENTS_CREATED, 0);
    let lane = bench.lane();
    assert_eq!(lane.counter(metrics::FRAMES_PROCESSED), 42);
    assert_eq!(lane.counter(metrics::EVENTS_CREATED), 0);
}

#[test]
fn a_scope_records_when_dropped_stopped_or_unwound_but_not_when_cancelled() {
    let bench = Bench::new();
    let recorder = bench.registry.recorder();
    {
        let _scope = recorder.start(metrics::LLM_INFERENCE);
        bench.time.advance(3 * MS);
    }
    let scope = recorder.start(metrics::LLM_INFERENCE);
    bench.time.advance(5 * MS);
    assert_eq!(scope.stop(), 5 * MS);
    let scope = recorder.start(metrics::LLM_INFERENCE);
    bench.time.advance(7 * MS);
    scope.cancel();
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        recorder.time(metrics::LLM_INFERENCE, || {
            bench.time.advance(11 * MS);
            panic!("the model failed");
        })
    }));
    assert!(unwound.is_err());
    assert_eq!(recorder.time(metrics::LLM_INFERENCE, || 7), 7);
    assert_eq!(bench.recorded(metrics::LLM_INFERENCE), [3, 5, 11, 0]);
    assert_eq!(bench.running(), "nothing");
}

#[test]
fn durations_and_stamps_can_be_handed_in() {
    let bench = Bench::new();
    let recorder = bench.registry.recorder();
    let start = recorder.now();
    bench.time.advance(2 * MS);
    let end = recorder.now();
    recorder.record_between(metrics::COREML_INFERENCE, start, end);
    recorder.record_between(metrics::COREML_INFERENCE, end, start);
    recorder.record(metrics::COREML_INFERENCE, 85 * MS);
    recorder.record(metrics::COREML_INFERENCE, Duration::MAX);
    assert_eq!(
        bench.recorded(metrics::COREML_INFERENCE),
        [2, 0, 85, (1 << 60) / 1_000_000]
    );
    assert_eq!(Stamp::from_ticks(end.ticks()), end);
}

#[test]
fn a_frame_times_its_stages_and_keeps_a_trace() {
    let bench = Bench::new();
    let recorder = bench.registry.recorder();
    let mut frame = recorder.frame();
    assert_eq!(bench.running(), "a frame");
    bench.time.advance(MS);
    frame.motion();
    frame.stage(metrics::COREML_INFERENCE);
    assert_eq!(bench.running(), "coreml");
    bench.time.advance(80 * MS);
    frame.motion(); // only the first mark counts
    frame.stage(metrics::LLM_INFERENCE);
    bench.time.advance(1_900 * MS);
    frame.finish(Outcome::Event);

    assert_eq!(bench.recorded(metrics::COREML_INFERENCE), [80]);
    assert_eq!(bench.recorded(metrics::LLM_INFERENCE), [1_900]);
    assert_eq!(bench.recorded(metrics::FRAME_LATENCY), [1_980]);
    assert_eq!(bench.running(), "nothing");
    let [trace] = bench.frames()[..] else {
        panic!("one frame was recorded")
    };
    assert_eq!(
        (trace.number, trace.outcome, trace.is_truncated()),
        (0, Outcome::Event, false)
    );
    assert_eq!(trace.end.ticks() - trace.start.ticks(), 1_981_000_000);
    let stages: Vec<_> = trace
        .stages()
        .map(|span| (span.timer, span.ticks / 1_000_000))
        .collect();
    assert_eq!(
        stages,
        [
            (metrics::COREML_INFERENCE, 80),
            (metrics::LLM_INFERENCE, 1_900)
        ]
    );
}

#[test]
fn every_frame_has_exactly_one_outcome() {
    let bench = Bench::new();
    let recorder = bench.registry.recorder();
    for outcome in Outcome::ALL {
        recorder.frame().finish(outcome);
    }
    let mut marked = recorder.frame();
    marked.motion();
    drop(marked);
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let mut frame = recorder.frame();
        frame.stage(metrics::COREML_INFERENCE);
        bench.time.advance(9 * MS);
        panic!("the loop failed");
    }));
    assert!(unwound.is_err());

    let lane = bench.lane();
    let counted = Outcome::ALL.map(|outcome| lane.outcomes(outcome, false));
    assert_eq!(counted, [1, 1, 1, 1, 2]);
    assert_eq!(lane.outcomes(Outcome::Failed, true), 1);
    assert_eq!(bench.recorded(metrics::COREML_INFERENCE), [9]);
    // The ring of traces holds the newest four of seven.
    assert_eq!(
        bench
            .frames()
            .iter()
            .map(|trace| trace.number)
            .collect::<Vec<_>>(),
        [3, 4, 5, 6]
    );
}

#[test]
fn more_stages_than_a_trace_holds_are_measured_all_the_same() {
    let bench = Bench::new();
    let recorder = bench.registry.recorder();
    let mut frame = recorder.frame();
    for _ in 0..MAX_TRACED_STAGES + 3 {
        frame.stage(metrics::COREML_INFERENCE);
        bench.time.advance(MS);
    }
    frame.finish(Outcome::Motion);
    assert_eq!(
        bench.recorded(metrics::COREML_INFERENCE).len(),
        MAX_TRACED_STAGES + 3
    );
    let [trace] = bench.frames()[..] else {
        panic!("one frame was recorded")
    };
    assert!(trace.is_truncated());
    assert_eq!(trace.stages().count(), MAX_TRACED_STAGES);
    assert_eq!(trace.stages().last().unwrap().ticks, 4_000_000);
}

#[test]
fn in_flight_follows_nesting_and_ends_with_the_recorder() {
    let bench = Bench::new();
    let recorder = bench.registry.recorder();
    assert_eq!(bench.running(), "nothing");
    let mut frame = recorder.frame();
    frame.stage(metrics::COREML_INFERENCE);
    recorder.time(metrics::LLM_INFERENCE, || {
        assert_eq!(bench.running(), "llm");
    });
    assert_eq!(bench.running(), "coreml");
    frame.finish(Outcome::Idle);
    std::mem::forget(recorder.start(metrics::LLM_INFERENCE));
    assert_eq!(bench.running(), "llm");
    drop(recorder);
    assert_eq!(bench.running(), "nothing");
}

#[test]
fn handles_of_another_schema_are_refused_and_counted() {
    let mut larger = SchemaBuilder::new();
    let counter = larger.counter("more").unwrap();
    let timer = larger.timer("slower").unwrap();
    let bench = Bench::new();
    let recorder = bench.registry.recorder();
    recorder.increment(counter);
    recorder.record(timer, MS);
    recorder.time(timer, || ());
    let mut frame = recorder.frame();
    frame.stage(timer);
    frame.finish(Outcome::Idle);
    let lane = bench.lane();
    assert_eq!(lane.rejected(), 4);
    assert_eq!(lane.counter(counter), 0);
    assert!(lane.ring(timer).is_none());
}

#[test]
fn a_lane_goes_on_with_its_next_owner() {
    let bench = Bench::new();
    let threads = if cfg!(miri) { 3 } else { 50 };
    for n in 0..threads {
        let recorder = bench.registry.recorder();
        let panicking = n % 3 == 0;
        let result = thread::spawn(move || {
            recorder.increment(metrics::FRAMES_PROCESSED);
            recorder.record(metrics::COREML_INFERENCE, Duration::from_millis(n));
            recorder.frame().finish(Outcome::Idle);
            assert!(!panicking, "an owner that panics gives its lane back too");
        })
        .join();
        assert_eq!(result.is_err(), panicking);
    }
    assert_eq!(bench.lanes().len(), 1);
    let lane = bench.lane();
    assert_eq!(lane.counter(metrics::FRAMES_PROCESSED), threads);
    assert_eq!(lane.outcomes(Outcome::Idle, false), threads);
    assert_eq!(
        bench.recorded(metrics::COREML_INFERENCE),
        (0..threads).collect::<Vec<_>>()
    );
    assert_eq!(bench.frames().last().unwrap().number, threads - 1);
}

#[test]
fn recorders_at_the_same_time_have_lanes_of_their_own() {
    let bench = Bench::new();
    let each = if cfg!(miri) { 10 } else { 100 };
    let recorders: Vec<Recorder> = (0..5).map(|_| bench.registry.recorder()).collect();
    thread::scope(|scope| {
        for (n, recorder) in (1..).zip(recorders) {
            scope.spawn(move || {
                (0..n * each).for_each(|_| recorder.increment(metrics::MOTION_DETECTED));
            });
        }
    });
    let mut counts: Vec<_> = bench
        .lanes()
        .iter()
        .map(|lane| lane.counter(metrics::MOTION_DETECTED))
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2, 3, 4, 5].map(|n| n * each));
}

#[test]
fn of_two_counters_raised_in_order_the_second_is_never_seen_ahead() {
    let rounds = if cfg!(miri) { 25 } else { 200_000 };
    let mut builder = SchemaBuilder::new();
    let pairs: Vec<(Counter, Counter)> = ["a", "b", "c"]
        .map(|name| {
            (
                builder.counter(name).unwrap(),
                builder.counter(&[name, "2"].concat()).unwrap(),
            )
        })
        .to_vec();
    let bench = Bench::with(builder.build());
    let recorder = bench.registry.recorder();
    let lane = bench.lane();
    let raised = pairs.clone();
    let writer = thread::spawn(move || {
        for _ in 0..rounds {
            for &(first, second) in &raised {
                recorder.increment(first);
                recorder.increment(second);
            }
        }
    });
    let mut looks = 0_u64;
    while lane.counter(pairs[2].1) < rounds {
        for &(first, second) in pairs.iter().rev() {
            let behind = lane.counter(second);
            let ahead = lane.counter(first);
            assert!(behind <= ahead, "{behind} > {ahead}");
        }
        looks += 1;
    }
    writer.join().unwrap();
    assert!(looks > 0);
}

#[test]
fn a_sample_says_when_it_ended() {
    let bench = Bench::new();
    let recorder = bench.registry.recorder();
    bench.time.advance(10 * MS);
    recorder.record(metrics::COREML_INFERENCE, 4 * MS);
    let mut samples = Vec::new();
    let lane = bench.lane();
    let ring = lane.ring(metrics::COREML_INFERENCE).unwrap();
    assert_eq!(ring.read(&mut Cursor::default(), 1, &mut samples), 0);
    assert_eq!(
        samples,
        [Sample {
            end: 10_000_000,
            ticks: 4_000_000,
            index: 0
        }]
    );
    assert_eq!((ring.capacity(), ring.count()), (256, 1));
}
