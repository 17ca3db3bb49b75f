//! What the calls inside the frame loop cost, beside the clock read that most of them consist of.
#![allow(
    missing_docs,
    reason = "criterion's macros make undocumented functions"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use tachograph::{Outcome, metrics};
use tachograph_benches::fixture::{quiet_collector, samples_of};

/// Calls of each body whose result is looked at before it is timed.
const CHECKED: u64 = 100;

/// Makes sure that `body` records what it should, then has it timed.
fn counted(
    c: &mut Criterion,
    name: &str,
    per_call: u64,
    mut body: impl FnMut(),
    mut count: impl FnMut() -> u64,
) {
    let before = count();
    (0..CHECKED).for_each(|_| body());
    assert_eq!(count() - before, CHECKED * per_call, "{name}");
    c.benchmark_group("record")
        .bench_function(name, |b| b.iter(&mut body));
}

fn counters(c: &mut Criterion) {
    let collector = quiet_collector();
    let recorder = collector.recorder();
    let frames = || collector.collect().frames_processed;
    let count = || recorder.increment(metrics::FRAMES_PROCESSED);
    counted(c, "count", 1, count, frames);
    let add = || recorder.add(metrics::FRAMES_PROCESSED, black_box(3));
    counted(c, "add", 3, add, frames);
}

fn samples(c: &mut Criterion) {
    let collector = quiet_collector();
    let recorder = collector.recorder();
    let timer = metrics::COREML_INFERENCE;
    let samples = || samples_of(&collector, "coreml_inference");
    assert!(recorder.now() <= recorder.now());
    c.benchmark_group("record")
        .bench_function("clock_read", |b| b.iter(|| recorder.now()));
    let duration = Duration::from_millis(85);
    let record = || recorder.record(timer, black_box(duration));
    counted(c, "record", 1, record, samples);
    let (start, end) = (recorder.now(), recorder.now());
    let between = || recorder.record_between(timer, black_box(start), black_box(end));
    counted(c, "record_between", 1, between, samples);
    let scope = || drop(black_box(recorder.start(timer)));
    counted(c, "scope", 1, scope, samples);
    let stopped = || _ = black_box(recorder.start(timer).stop());
    counted(c, "scope_stop", 1, stopped, samples);
    let closure = || recorder.time(timer, || black_box(()));
    counted(c, "time", 1, closure, samples);
}

fn frames(c: &mut Criterion) {
    let collector = quiet_collector();
    let recorder = collector.recorder();
    let timer = metrics::COREML_INFERENCE;
    let before = samples_of(&collector, "coreml_inference");
    let mut changes = 0;
    c.benchmark_group("record").bench_function("stage", |b| {
        b.iter_custom(|n| {
            changes += n;
            let mut frame = recorder.frame();
            let start = Instant::now();
            (0..n).for_each(|_| frame.stage(timer));
            let took = start.elapsed();
            frame.finish(Outcome::Idle);
            took
        });
    });
    assert_eq!(
        samples_of(&collector, "coreml_inference") - before,
        changes,
        "stage"
    );
    for stages in [1, 4, 8] {
        let frame = || {
            let mut frame = recorder.frame();
            (0..stages).for_each(|_| frame.stage(timer));
            frame.finish(Outcome::Motion);
        };
        let name = format!("frame_of_{stages}_stages");
        let frames = || collector.collect().frames_motion;
        counted(c, &name, 1, frame, frames);
    }
}

fn by_name(c: &mut Criterion) {
    let collector = quiet_collector();
    let count = || {
        let known = collector.increment_counter(black_box("frames_processed"));
        known.expect("a known name");
    };
    let frames = || collector.collect().frames_processed;
    counted(c, "increment_counter_by_name", 1, count, frames);
    let record = || {
        let known = collector.record_inference_time(black_box("coreml_inference"), black_box(85.3));
        known.expect("a known name");
    };
    let samples = || samples_of(&collector, "coreml_inference");
    counted(c, "record_inference_time_by_name", 1, record, samples);
    let latency = || {
        let valid = collector.record_frame_latency(black_box(2000.0));
        valid.expect("a duration");
    };
    let latencies = || samples_of(&collector, "frame_processing_latency");
    counted(c, "record_frame_latency", 1, latency, latencies);
}

criterion_group!(benches, counters, samples, frames, by_name);
criterion_main!(benches);
