//! Timing a scope: start, stop, record.

use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrace::local::LocalSpan;
use fastrace::{Span, collector::SpanContext};
use measured::metric::histogram::Thresholds;
use prometheus_client::metrics::histogram::Histogram as ClientHistogram;
use tachograph::metrics as names;

use crate::compare::candidate::{Candidate, Kind, Operation, timed};
use crate::compare::clock;
use crate::compare::rivals::{self, BUCKETS};
use crate::fixture;

/// Spans below one root: well below what fastrace holds for one (10240).
const SPANS: u64 = 1_000;

pub(crate) fn operation() -> Operation {
    let candidates = vec![
        ours(),
        clock::floor("two clock reads", 2),
        prometheus(),
        prometheus_client(),
        metrics_lib(),
        metrics_rs(),
        measured(),
        metriken(),
        open_telemetry(),
        fastrace(),
    ];
    Operation::new("scope", "time a scope: start, stop, record", candidates)
}

fn ours() -> Candidate {
    let collector = fixture::quiet_collector();
    let recorder = collector.recorder();
    Candidate::counting(
        "tachograph",
        Kind::Ours,
        move || {
            let scope = recorder.start(names::COREML_INFERENCE);
            black_box(());
            drop(scope);
        },
        move || fixture::samples_of(&collector, "coreml_inference"),
    )
}

fn prometheus() -> Candidate {
    let options = prometheus::HistogramOpts::new("m", "A metric");
    let histogram = prometheus::Histogram::with_opts(options).expect("a good name");
    let counted = histogram.clone();
    Candidate::counting(
        "prometheus",
        Kind::Rival,
        move || {
            let timer = histogram.start_timer();
            black_box(());
            drop(timer);
        },
        move || counted.get_sample_count(),
    )
    .of("prometheus")
}

fn prometheus_client() -> Candidate {
    let histogram = ClientHistogram::new(BUCKETS);
    let count = rivals::registered_client(histogram.clone(), "m_count");
    Candidate::counting(
        "prometheus-client",
        Kind::Rival,
        move || {
            let start = Instant::now();
            black_box(());
            histogram.observe(start.elapsed().as_secs_f64());
        },
        count,
    )
    .of("prometheus-client")
}

fn metrics_lib() -> Candidate {
    let timer = Arc::new(metrics_lib::Timer::new());
    let counted = Arc::clone(&timer);
    Candidate::counting(
        "metrics-lib",
        Kind::Rival,
        move || {
            let running = timer.start();
            black_box(());
            drop(running);
        },
        move || counted.count(),
    )
    .of("metrics-lib")
}

fn metrics_rs() -> Candidate {
    let handle = rivals::metrics_recorder();
    let histogram = metrics::histogram!("scope");
    Candidate::batches(
        "metrics",
        Kind::Rival,
        move |n| {
            handle.run_upkeep();
            timed(n, || {
                let start = Instant::now();
                black_box(());
                histogram.record(start.elapsed());
            })
        },
        || rivals::value_in(&handle.render(), "scope_count"),
    )
    .of("metrics")
}

fn measured() -> Candidate {
    let histogram = measured::Histogram::with_metadata(Thresholds::with_buckets(BUCKETS));
    let histogram = Rc::new(histogram);
    let counted = Rc::clone(&histogram);
    Candidate::counting(
        "measured",
        Kind::Rival,
        move || {
            let timer = histogram.start_timer();
            black_box(());
            drop(timer);
        },
        move || rivals::measured_value(&*counted, "m_count"),
    )
    .of("measured")
}

fn metriken() -> Candidate {
    let histogram = Rc::new(metriken::AtomicCounterHistogram::new(7, 64));
    let counted = Rc::clone(&histogram);
    Candidate::counting(
        "metriken",
        Kind::Rival,
        move || {
            let start = Instant::now();
            black_box(());
            let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
            histogram.increment(nanos).expect("every u64 has a bucket");
        },
        move || {
            let loaded = counted.load();
            loaded.map_or(0, |loaded| loaded.as_slice().iter().sum())
        },
    )
    .of("metriken")
}

fn open_telemetry() -> Candidate {
    let (meter, count) = rivals::open_telemetry();
    let histogram = meter.f64_histogram("m").build().bind(&[]);
    Candidate::counting(
        "opentelemetry",
        Kind::Rival,
        move || {
            let start = Instant::now();
            black_box(());
            histogram.record(start.elapsed().as_secs_f64());
        },
        count,
    )
    .of("opentelemetry_sdk")
}

/// Local spans, the fastest it has, with a root as rarely as it allows.
fn fastrace() -> Candidate {
    rivals::install_fastrace();
    let run = |n: u64| {
        let mut took = Duration::ZERO;
        let mut left = n;
        while left > 0 {
            let batch = left.min(SPANS);
            // Spans that find the way to the reporter full are dropped, which is faster than what is compared here.
            fastrace::flush();
            let start = Instant::now();
            let root = Span::root(rivals::ROOT, SpanContext::random());
            let guard = root.set_local_parent();
            for _ in 0..batch {
                let span = LocalSpan::enter_with_local_parent("stage");
                black_box(());
                drop(span);
            }
            // This hands them over to the reporter.
            drop((guard, root));
            took += start.elapsed();
            left -= batch;
        }
        took
    };
    Candidate::batches("fastrace", Kind::Rival, run, rivals::fastrace_spans).of("fastrace")
}
