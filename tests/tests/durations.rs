//! Durations from nothing to for ever, on clocks from a third of a nanosecond to 16 us a tick, through the whole stack.

use std::time::Duration;

use tachograph::{
    MetricsCollector, MetricsSnapshot, Outcome, Recorder, TimeSource as _, VirtualTime, metrics,
};
use tachograph_tests::{VirtualLoop, assert_plausible};

const YEAR: Duration = Duration::from_hours(8_766);

/// Nanoseconds and the ticks in them: a nanosecond, Apple Silicon, a usual ARM board, 19.2 MHz, 3 GHz, 1 MHz.
const CLOCKS: [(u32, u32); 6] = [(1, 1), (125, 3), (16, 1), (625, 12), (1, 3), (1_000, 1)];

const fn ns(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

/// From nothing to twelve years.
fn durations() -> [Duration; 16] {
    let hour = Duration::from_hours(1);
    [
        Duration::ZERO,
        ns(1),
        ns(41),
        ns(42),
        ns(83),
        ns(125),
        ns(999),
        ns(1_000),
        ns(1_001),
        Duration::from_millis(85),
        Duration::from_secs(10),
        hour,
        hour + ns(1),
        Duration::from_hours(24),
        YEAR,
        12 * YEAR,
    ]
}

/// How a duration gets into a timer.
type Way = fn(&VirtualLoop, &MetricsCollector, &Recorder, Duration);

const WAYS: [(&str, Way); 6] = [
    ("record", |_, _, recorder, duration| {
        recorder.record(metrics::COREML_INFERENCE, duration);
    }),
    ("record_between", |bench, _, recorder, duration| {
        let start = recorder.now();
        bench.time.advance(duration);
        recorder.record_between(metrics::COREML_INFERENCE, start, recorder.now());
    }),
    ("scope", |bench, _, recorder, duration| {
        recorder.time(metrics::COREML_INFERENCE, || bench.time.advance(duration));
    }),
    ("stop", |bench, _, recorder, duration| {
        let start = recorder.now();
        let scope = recorder.start(metrics::COREML_INFERENCE);
        bench.time.advance(duration);
        let told = scope.stop();
        assert_eq!(told, recorder.clock().between(start, recorder.now()));
    }),
    ("frame", |bench, _, recorder, duration| {
        let mut frame = recorder.frame();
        frame.motion();
        frame.stage(metrics::COREML_INFERENCE);
        bench.time.advance(duration);
        frame.finish(Outcome::Event);
    }),
    ("by name", |_, collector, _, duration| {
        let millis = duration.as_nanos() as f64 / 1e6;
        collector.record_inference_time("coreml", millis).unwrap();
    }),
];

/// What a clock of this tick makes of a duration: the nearest below or above, in milliseconds.
fn ticks_of(duration: Duration, (nanos, ticks): (u32, u32)) -> [f64; 2] {
    let (nanos, ticks) = (u128::from(nanos), u128::from(ticks));
    let product = duration.as_nanos() * ticks;
    [product / nanos, product.div_ceil(nanos)]
        .map(|count| (count * nanos) as f64 / ticks as f64 / 1e6)
}

fn is_one_of(found: f64, either: [f64; 2]) -> bool {
    let tolerance = found.abs() * 4e-15;
    (either[0] - tolerance..=either[1] + tolerance).contains(&found)
}

#[test]
fn every_duration_by_every_way_is_exact_to_the_clocks_tick() {
    for tick in CLOCKS {
        for (way, record) in WAYS {
            let bench = VirtualLoop::new(VirtualTime::with_tick(tick.0, tick.1));
            for duration in durations() {
                let collector = bench.builder().without_log().window(4).build().unwrap();
                let recorder = collector.recorder();
                let before = bench.time.clock().now();
                record(&bench, &collector, &recorder, duration);
                let context = format!("{duration:?} by {way} in ticks of {tick:?}");
                assert!(bench.time.clock().now() >= before, "{context}");
                let snapshot = collector.collect();
                assert_plausible(&snapshot);
                assert_exact(&snapshot, ticks_of(duration, tick), &context);
            }
        }
    }
}

fn assert_exact(snapshot: &MetricsSnapshot, either: [f64; 2], context: &str) {
    let timer = snapshot.coreml_inference;
    assert_eq!(timer.count, 1, "{context}");
    for value in [
        timer.avg, timer.min, timer.max, timer.p50, timer.p95, timer.p99,
    ] {
        assert!(
            is_one_of(value, either),
            "{context}: {value}, not {either:?}"
        );
    }
    let lifetime = snapshot.lifetime["coreml_inference"];
    assert_eq!((lifetime.count, lifetime.counted), (1, 1), "{context}");
    assert!(
        is_one_of(lifetime.sum_ms, either),
        "{context}: {lifetime:?}"
    );
    // As told to the nanosecond, below.
    let nanos = timer.max * 1e6;
    let is_out = nanos + 1e-3 < 1_000.0 || nanos > 3.6e12 + 0.5;
    assert_eq!(
        lifetime.out_of_range,
        u64::from(is_out),
        "{context}: {nanos}"
    );
    let held = lifetime.p50.unwrap();
    let clamped = (nanos / 1e6).clamp(1e-3, 3.6e6);
    // Three digits, and no finer than 512 ns.
    let tolerance = (clamped * 1e-3).max(512e-6);
    assert!(
        (held - clamped).abs() <= tolerance,
        "{context}: {held}, not {clamped}"
    );
}

#[test]
fn whole_ticks_are_not_rounded() {
    for (nanos, ticks) in CLOCKS {
        let bench = VirtualLoop::new(VirtualTime::with_tick(nanos, ticks));
        let clock = bench.time.clock();
        // A year of ticks, in odd steps. What cannot be said in nanoseconds is left out.
        for count in (0..1 << 49).step_by((1 << 42) + 12_345).chain(0..100) {
            if count * u64::from(nanos) % u64::from(ticks) == 0 {
                let duration = ns(clock.nanos(count));
                let back = clock.ticks(duration);
                let slack = u64::from(duration > YEAR);
                assert!(
                    back.abs_diff(count) <= slack,
                    "{count} became {back} at {nanos}/{ticks}"
                );
            }
        }
    }
}

#[test]
fn a_clock_coarser_than_the_work_says_zero_and_not_nonsense() {
    let bench = VirtualLoop::new(VirtualTime::with_tick(125, 3));
    let collector = bench.collector();
    let recorder = collector.recorder();
    // 20 ns of work under a tick of 41.67 ns: half of them are zero, and the average is right.
    for _ in 0..1_000 {
        let scope = recorder.start(metrics::COREML_INFERENCE);
        bench.time.advance(ns(20));
        drop(scope);
    }
    let snapshot = collector.collect();
    let timer = snapshot.coreml_inference;
    assert_eq!((timer.count, timer.min), (1_000, 0.0));
    assert!((timer.max * 1e6 - 125.0 / 3.0).abs() < 1e-9, "{timer:?}");
    assert!((timer.avg * 1e6 - 20.0).abs() < 0.1, "{timer:?}");
    assert_eq!(snapshot.lifetime["coreml_inference"].out_of_range, 1_000);
    assert_plausible(&snapshot);
}

#[test]
fn percentiles_span_age_and_overhead_of_a_coarse_clock() {
    let bench = VirtualLoop::new(VirtualTime::with_tick(125, 3));
    let collector = bench.collector();
    let recorder = collector.recorder();
    bench.seconds(&collector, 101, |second| {
        recorder.record(
            metrics::COREML_INFERENCE,
            Duration::from_micros(second * 125),
        );
    });
    bench.time.advance(Duration::from_millis(2_500));
    let snapshot = collector.collect();
    let timer = snapshot.coreml_inference;
    for (found, millis) in [
        (timer.p50, 6.25),
        (timer.p95, 11.875),
        (timer.p99, 12.375),
        (timer.max, 12.5),
        (timer.avg, 6.25),
    ] {
        assert!((found - millis).abs() < 1e-9, "{timer:?}");
    }
    assert!(
        (timer.span_s - 100.0).abs() < 1e-6 && (timer.age_s - 2.5).abs() < 1e-6,
        "{timer:?}"
    );
    // The cost of an operation is far below a tick; it is measured over many.
    let overhead = snapshot.metrics_collection_overhead_percent.unwrap();
    assert!(overhead > 0.0 && overhead < 100.0, "{overhead}");
}

#[test]
fn what_is_in_flight_is_told_to_1024_ticks_and_is_never_negative() {
    for (nanos, ticks) in CLOCKS {
        let bench = VirtualLoop::new(VirtualTime::with_tick(nanos, ticks));
        let collector = bench.collector();
        let recorder = collector.recorder();
        let resolution = 1024.0 * f64::from(nanos) / f64::from(ticks) / 1e6;
        for nanos in [0, 1, 5_000, 50_000, 42_000_000_000] {
            let scope = recorder.start(metrics::LLM_INFERENCE);
            bench.time.advance(ns(nanos));
            let running = collector.collect().in_flight[0].for_ms;
            let late = running - nanos as f64 / 1e6;
            let tick = resolution / 1024.0;
            assert!(
                (-tick..=resolution + tick).contains(&late),
                "{running} after {nanos} ns"
            );
            scope.cancel();
        }
    }
}

#[test]
fn durations_that_no_clock_can_hold_are_clamped_and_counted() {
    for tick in CLOCKS {
        let bench = VirtualLoop::new(VirtualTime::with_tick(tick.0, tick.1));
        let collector = bench.collector();
        let recorder = collector.recorder();
        for _ in 0..100 {
            recorder.record(metrics::COREML_INFERENCE, Duration::MAX);
            collector.record_time("llm_inference", 1e300).unwrap();
            collector.record_time("llm_inference", f64::MAX).unwrap();
        }
        let snapshot = collector.collect();
        assert_plausible(&snapshot);
        for (timer, name, count) in [
            (snapshot.coreml_inference, "coreml_inference", 100),
            (snapshot.llm_inference, "llm_inference", 200),
        ] {
            // At least twelve years.
            assert!(timer.min > 12.0 * 3.15e10, "{tick:?}: {timer:?}");
            let lifetime = snapshot.lifetime[name];
            assert_eq!((lifetime.count, lifetime.out_of_range), (count, count));
            let sum = timer.max * count as f64;
            assert!(
                (lifetime.sum_ms / sum - 1.0).abs() < 1e-9,
                "{tick:?}: {lifetime:?}, not {sum}"
            );
        }
        collector.log_metrics().unwrap();
        assert_eq!(bench.lines()[0].coreml_inference.count, 100);
    }
}

#[test]
fn milliseconds_by_name_at_the_edges_of_a_float() {
    let bench = VirtualLoop::new(VirtualTime::new());
    let collector = bench.collector();
    let edges = [0.0, -0.0, f64::MIN_POSITIVE, 5e-324, 1e-6, 4.9e-7, 3.6e6];
    for millis in edges {
        collector.record_frame_latency(millis).unwrap();
    }
    for refused in [f64::NAN, f64::INFINITY, -1e-300, -5e-324] {
        assert!(collector.record_frame_latency(refused).is_err());
    }
    let snapshot = collector.collect();
    let timer = snapshot.frame_processing_latency;
    assert_eq!((timer.count, timer.min, timer.max), (7, 0.0, 3.6e6));
    assert!(timer.min.is_sign_positive());
    assert_eq!(snapshot.samples_rejected, 4);
    assert!(
        (snapshot.lifetime["frame_processing_latency"].sum_ms - 3_600_000.000_001).abs() < 1e-9
    );
    assert_plausible(&snapshot);
}

#[test]
fn a_frame_of_a_year_is_told_as_one() {
    for tick in CLOCKS {
        let bench = VirtualLoop::new(VirtualTime::with_tick(tick.0, tick.1));
        let collector = bench.collector();
        let recorder = collector.recorder();
        let mut frame = recorder.frame();
        frame.motion();
        frame.stage(metrics::LLM_INFERENCE);
        bench.time.advance(YEAR);
        let hanging = collector.collect();
        assert!(
            (hanging.in_flight[0].for_ms / 3.155_76e10 - 1.0).abs() < 1e-9,
            "{tick:?}"
        );
        frame.finish(Outcome::Event);
        collector.poll();
        let line = &bench.lines()[0];
        assert!(
            is_one_of(line.llm_inference.max, ticks_of(YEAR, tick)),
            "{tick:?}"
        );
        assert!(is_one_of(
            line.frame_processing_latency.max,
            ticks_of(YEAR, tick)
        ));
        // All of it down but the first ten seconds.
        assert!((line.downtime_seconds - (YEAR.as_secs_f64() - 10.0)).abs() < 1e-3);
        assert!(line.system_availability.unwrap() < 1e-3);
        assert_plausible(&hanging);
    }
}
