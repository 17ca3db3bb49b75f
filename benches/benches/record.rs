//! What the calls inside the frame loop cost, beside the clock read that most of them consist of.
#![allow(
    missing_docs,
    reason = "criterion's macros make undocumented functions"
)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use tachograph::{MetricsCollector, Outcome, metrics};

fn record(c: &mut Criterion) {
    let collector = MetricsCollector::builder()
        .without_log()
        .quiet()
        .build()
        .expect("the defaults are valid");
    let recorder = collector.recorder();
    let mut group = c.benchmark_group("record");
    group.bench_function("clock_read", |b| b.iter(|| recorder.now()));
    group.bench_function("count", |b| {
        b.iter(|| recorder.increment(black_box(metrics::FRAMES_PROCESSED)));
    });
    group.bench_function("scope", |b| {
        b.iter(|| drop(recorder.start(black_box(metrics::COREML_INFERENCE))));
    });
    group.bench_function("record", |b| {
        b.iter(|| {
            recorder.record(
                metrics::COREML_INFERENCE,
                black_box(Duration::from_millis(85)),
            );
        });
    });
    let (start, end) = (recorder.now(), recorder.now());
    group.bench_function("record_between", |b| {
        b.iter(|| {
            recorder.record_between(metrics::COREML_INFERENCE, black_box(start), black_box(end));
        });
    });
    group.bench_function("stage", |b| {
        let mut frame = recorder.frame();
        b.iter(|| frame.stage(black_box(metrics::COREML_INFERENCE)));
        frame.finish(Outcome::Idle);
    });
    group.bench_function("frame_of_4_stages", |b| {
        b.iter(|| {
            let mut frame = recorder.frame();
            (0..4).for_each(|_| frame.stage(black_box(metrics::COREML_INFERENCE)));
            frame.finish(Outcome::Motion);
        });
    });
    group.finish();

    // Everything above was really recorded.
    let snapshot = collector.collect();
    assert!(snapshot.frames_motion > 0 && snapshot.coreml_inference.count > 0);
    assert_eq!(snapshot.samples_rejected, 0);
}

criterion_group!(benches, record);
criterion_main!(benches);
