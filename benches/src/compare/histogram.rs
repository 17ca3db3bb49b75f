//! Recording a value that the caller has: a duration of 1 ms to 1 s, in the unit that the histogram wants.

use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use measured::metric::histogram::Thresholds;
use prometheus_client::metrics::histogram::Histogram as ClientHistogram;
use tachograph::{Stamp, metrics as names};

use crate::compare::candidate::{Candidate, Kind, Operation, timed};
use crate::compare::rivals::{self, BUCKETS, shared};
use crate::fixture;

pub(crate) fn operation() -> Operation {
    let candidates = vec![
        ours_between(),
        ours_with_a_clock_read(),
        metriken(),
        metriken_sharded(),
        metrics_lib(),
        hdrhistogram(),
        prometheus(),
        prometheus_client(),
        measured(),
        open_telemetry(),
        metrics_rs(),
    ];
    Operation::new("histogram", "record a value in a histogram", candidates)
}

/// The durations in turn, for ever, converted beforehand.
fn values<T: Copy>(convert: impl Fn(Duration) -> T) -> impl FnMut() -> T {
    let values: [T; 1024] = std::array::from_fn({
        let durations = fixture::durations();
        move |n| convert(durations[n])
    });
    let mut n = 0_usize;
    move || {
        n = (n + 1) % values.len();
        black_box(values[n])
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Into the ring, from which windows and histograms are made elsewhere.
fn ours_between() -> Candidate {
    let collector = fixture::quiet_collector();
    let recorder = collector.recorder();
    let end = recorder.now();
    let clock = recorder.clock().clone();
    let mut start = values(move |duration| Stamp::from_ticks(end.ticks() - clock.ticks(duration)));
    Candidate::counting(
        "tachograph record_between",
        Kind::Ours,
        move || recorder.record_between(names::COREML_INFERENCE, start(), end),
        move || fixture::samples_of(&collector, "coreml_inference"),
    )
}

fn ours_with_a_clock_read() -> Candidate {
    let collector = fixture::quiet_collector();
    let recorder = collector.recorder();
    let mut duration = values(|duration| duration);
    Candidate::counting(
        "tachograph record (reads the clock)",
        Kind::Ours,
        move || recorder.record(names::COREML_INFERENCE, duration()),
        move || fixture::samples_of(&collector, "coreml_inference"),
    )
}

fn metriken() -> Candidate {
    let histogram = Rc::new(metriken::AtomicCounterHistogram::new(7, 64));
    let counted = Rc::clone(&histogram);
    let mut value = values(nanos);
    Candidate::counting(
        "metriken",
        Kind::Rival,
        move || histogram.increment(value()).expect("a bucket for all"),
        move || {
            let loaded = counted.load();
            loaded.map_or(0, |loaded| loaded.as_slice().iter().sum())
        },
    )
    .of("metriken")
}

fn metriken_sharded() -> Candidate {
    let histogram = Rc::new(metriken::ShardedCounterHistogram::new(7, 64));
    let counted = Rc::clone(&histogram);
    let mut value = values(nanos);
    Candidate::counting(
        "metriken, sharded",
        Kind::Rival,
        move || histogram.increment(value()).expect("a bucket for all"),
        move || {
            let loaded = counted.load();
            loaded.map_or(0, |loaded| loaded.as_slice().iter().sum())
        },
    )
    .of("metriken")
}

fn metrics_lib() -> Candidate {
    let histogram = Arc::new(metrics_lib::Histogram::default_seconds());
    let counted = Arc::clone(&histogram);
    let mut value = values(|duration| duration.as_secs_f64());
    Candidate::counting(
        "metrics-lib",
        Kind::Rival,
        move || histogram.observe(value()),
        move || counted.count(),
    )
    .of("metrics-lib")
}

/// The recorder of a `SyncHistogram`: 1 us to 1 h, 3 digits, as ours.
fn hdrhistogram() -> Candidate {
    let histogram = hdrhistogram::Histogram::<u64>::new_with_bounds(1_000, 3_600_000_000_000, 3);
    let mut histogram = histogram.expect("good bounds").into_sync();
    let recorder = shared(histogram.recorder());
    let idle = Rc::clone(&recorder);
    let mut value = values(nanos);
    Candidate::batches(
        "hdrhistogram, sync",
        Kind::Rival,
        move |n| {
            let mut recorder = recorder.borrow_mut();
            timed(n, || recorder.record(value()).expect("within the bounds"))
        },
        move || {
            // A recorder hands over what it holds when it is dropped; its successor is not waited for while it is idle.
            let mut recorder = idle.borrow_mut();
            *recorder = histogram.recorder();
            let idle = recorder.idle();
            histogram.refresh();
            drop(idle);
            histogram.len()
        },
    )
    .of("hdrhistogram")
}

fn prometheus() -> Candidate {
    let options = prometheus::HistogramOpts::new("h", "A metric");
    let histogram = prometheus::Histogram::with_opts(options).expect("a good name");
    let counted = histogram.clone();
    let mut value = values(|duration| duration.as_secs_f64());
    Candidate::counting(
        "prometheus",
        Kind::Rival,
        move || histogram.observe(value()),
        move || counted.get_sample_count(),
    )
    .of("prometheus")
}

fn prometheus_client() -> Candidate {
    let histogram = ClientHistogram::new(BUCKETS);
    let count = rivals::registered_client(histogram.clone(), "m_count");
    let mut value = values(|duration| duration.as_secs_f64());
    Candidate::counting(
        "prometheus-client",
        Kind::Rival,
        move || histogram.observe(value()),
        count,
    )
    .of("prometheus-client")
}

fn measured() -> Candidate {
    let histogram = measured::Histogram::with_metadata(Thresholds::with_buckets(BUCKETS));
    let histogram = Rc::new(histogram);
    let counted = Rc::clone(&histogram);
    let mut value = values(|duration| duration.as_secs_f64());
    Candidate::counting(
        "measured",
        Kind::Rival,
        move || histogram.observe(value()),
        move || rivals::measured_value(&*counted, "m_count"),
    )
    .of("measured")
}

fn open_telemetry() -> Candidate {
    let (meter, count) = rivals::open_telemetry();
    let histogram = meter.f64_histogram("m").build().bind(&[]);
    let mut value = values(|duration| duration.as_secs_f64());
    Candidate::counting(
        "opentelemetry",
        Kind::Rival,
        move || histogram.record(value()),
        count,
    )
    .of("opentelemetry_sdk")
}

fn metrics_rs() -> Candidate {
    let handle = rivals::metrics_recorder();
    let histogram = metrics::histogram!("histogram");
    let mut value = values(|duration| duration.as_secs_f64());
    Candidate::batches(
        "metrics",
        Kind::Rival,
        move |n| {
            handle.run_upkeep();
            timed(n, || histogram.record(value()))
        },
        || rivals::value_in(&handle.render(), "histogram_count"),
    )
    .of("metrics")
}
