//! A stage change within a frame, and whole frames of four stages.

use std::hint::black_box;
use std::sync::Arc;

use fastrace::local::LocalSpan;
use fastrace::{Span, collector::SpanContext};
use tachograph::{MetricsCollector, Outcome, Timer, metrics as names};

use crate::compare::candidate::{Candidate, Kind, Operation, timed};
use crate::compare::{clock, rivals};
use crate::fixture;

/// Frames between two flushes of fastrace.
const FRAMES: u64 = 1_000;

/// Names that the targets look for.
pub(crate) const STAGE_FLOOR: &str = "one clock read";
pub(crate) const FRAME_FLOOR: &str = "six clock reads";

pub(crate) fn stage_change() -> Operation {
    let collector = fixture::quiet_collector();
    let recorder = collector.recorder();
    let ours = Candidate::batches(
        "tachograph",
        Kind::Ours,
        move |n| {
            let mut frame = recorder.frame();
            let took = timed(n, || frame.stage(names::COREML_INFERENCE));
            frame.finish(Outcome::Idle);
            took
        },
        move || fixture::samples_of(&collector, "coreml_inference"),
    );
    let candidates = vec![ours, clock::floor(STAGE_FLOOR, 1)];
    Operation::new("stage", "change the stage of a frame", candidates)
}

pub(crate) fn four_stages() -> Operation {
    let candidates = vec![
        ours(),
        clock::floor(FRAME_FLOOR, 6),
        prometheus(),
        metrics_lib(),
        fastrace(),
    ];
    Operation::new("frame", "a frame of four stages", candidates)
}

fn ours() -> Candidate {
    let mut builder = MetricsCollector::builder().without_log().quiet();
    let capture = builder.timer("capture").expect("a good name");
    let motion = builder.timer("motion").expect("a good name");
    let collector = builder.build().expect("the defaults are valid");
    let recorder = collector.recorder();
    let stages: [Timer; 4] = [
        capture,
        motion,
        names::COREML_INFERENCE,
        names::LLM_INFERENCE,
    ];
    Candidate::counting(
        "tachograph",
        Kind::Ours,
        move || {
            let mut frame = recorder.frame();
            for stage in stages {
                frame.stage(stage);
                black_box(());
            }
            frame.finish(Outcome::Motion);
        },
        move || collector.collect().frames_processed,
    )
}

/// A histogram timer for the frame and for each of its stages, and a count.
fn prometheus() -> Candidate {
    let histogram = |n: usize| {
        let options = prometheus::HistogramOpts::new(format!("frame_{n}"), "A metric");
        prometheus::Histogram::with_opts(options).expect("a good name")
    };
    let whole = histogram(4);
    let stages: [_; 4] = std::array::from_fn(histogram);
    let frames = prometheus::IntCounter::new("frames", "A metric").expect("a good name");
    let counted = frames.clone();
    Candidate::counting(
        "prometheus, 5 timers and a counter",
        Kind::Rival,
        move || {
            let frame = whole.start_timer();
            for stage in &stages {
                let timer = stage.start_timer();
                black_box(());
                drop(timer);
            }
            drop(frame);
            frames.inc();
        },
        move || counted.get(),
    )
    .of("prometheus")
}

fn metrics_lib() -> Candidate {
    let stages: [metrics_lib::Timer; 4] = std::array::from_fn(|_| metrics_lib::Timer::new());
    let whole = metrics_lib::Timer::new();
    let frames = Arc::new(metrics_lib::Counter::new());
    let counted = Arc::clone(&frames);
    Candidate::counting(
        "metrics-lib, 5 timers and a counter",
        Kind::Rival,
        move || {
            let frame = whole.start();
            for stage in &stages {
                let timer = stage.start();
                black_box(());
                drop(timer);
            }
            drop(frame);
            frames.inc();
        },
        move || counted.get(),
    )
    .of("metrics-lib")
}

/// A root span and four local ones. It sends every frame to its reporter, as ours puts every frame into a queue.
fn fastrace() -> Candidate {
    rivals::install_fastrace();
    let frame = || {
        let root = Span::root(rivals::ROOT, SpanContext::random());
        let _guard = root.set_local_parent();
        for _ in 0..4 {
            let span = LocalSpan::enter_with_local_parent("stage");
            black_box(());
            drop(span);
        }
    };
    let run = move |n: u64| {
        let parts = (0..n.div_ceil(FRAMES)).map(|part| FRAMES.min(n - part * FRAMES));
        parts
            .map(|part| {
                // Frames that find the way to the reporter full are dropped, which is faster than what is compared here.
                fastrace::flush();
                timed(part, frame)
            })
            .sum()
    };
    Candidate::batches("fastrace, a root and 4 spans", Kind::Rival, run, || {
        rivals::fastrace_spans() / 4
    })
    .of("fastrace")
}
