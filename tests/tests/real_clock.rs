//! The machine's own clock, whichever it is. `ci/clocks.sh` runs this where it is another than here, and says which it must be.

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use tachograph::{Clock, MetricsCollector, Outcome, metrics};
use tachograph_tests::assert_plausible;

/// `os` (the operating system's clock, in nanoseconds), `counter` (finer or coarser than a nanosecond), `coarse` (a counter
/// whose tick is longer than 5 ns). Not set: any.
const EXPECTED: &str = "TACHOGRAPH_EXPECT_CLOCK";

#[test]
fn it_is_the_clock_that_is_expected() {
    let tick = Clock::new().nanos_per_tick();
    println!("a tick is {tick} ns");
    assert!(tick > 0.05 && tick < 16_000.0, "{tick}");
    let is_os = (tick - 1.0).abs() < f64::EPSILON;
    match env::var(EXPECTED).as_deref() {
        Ok("os") => assert!(is_os, "{tick} ns"),
        Ok("counter") => assert!(!is_os, "{tick} ns"),
        Ok("coarse") => assert!(tick > 5.0, "{tick} ns"),
        Ok(other) => panic!("{EXPECTED}={other}"),
        Err(_) => {}
    }
}

#[test]
fn it_runs_as_fast_as_the_standard_librarys() {
    let clock = Clock::new();
    for millis in [0, 1, 200] {
        let (outer, start) = (Instant::now(), clock.now());
        let inner = Instant::now();
        thread::sleep(Duration::from_millis(millis));
        let inner = inner.elapsed();
        let between = clock.between(start, clock.now());
        let outer = outer.elapsed();
        // What lies between the two pairs of readings is measured, not guessed: the machine may be busy.
        let slack = Duration::from_micros(20) + outer / 1_000;
        assert!(
            inner <= between + slack && between <= outer + slack,
            "{between:?} is not from {inner:?} to {outer:?}"
        );
    }
}

#[test]
fn it_does_not_run_backwards_on_one_thread() {
    let clock = Clock::new();
    let mut last = clock.now();
    for _ in 0..100_000 {
        let now = clock.now();
        assert!(now >= last, "{now:?} after {last:?}");
        last = now;
    }
}

#[test]
fn a_running_collector_measures_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let collector = MetricsCollector::builder()
        .log_path(folder.path().join("metrics.json"))
        .reduce_interval(Duration::from_millis(10))
        .quiet()
        .start()
        .unwrap();
    let recorder = collector.recorder();
    let mut longest = 0.0_f64;
    for _ in 0..5 {
        let begun = Instant::now();
        let mut frame = recorder.frame();
        frame.motion();
        frame.stage(metrics::COREML_INFERENCE);
        thread::sleep(Duration::from_millis(20));
        frame.finish(Outcome::Event);
        longest = longest.max(begun.elapsed().as_secs_f64() * 1e3);
    }
    let stopped = recorder.start(metrics::LLM_INFERENCE).stop();
    let snapshot = collector.collect();
    assert_plausible(&snapshot);
    assert_eq!(snapshot.frames_processed, 5);
    let inference = snapshot.coreml_inference;
    assert!(
        inference.min > 19.9 && inference.max <= longest * 1.001 + 0.02,
        "{inference:?}, {longest} ms"
    );
    let told = Duration::from_secs_f64(snapshot.llm_inference.max / 1e3);
    assert!(told.abs_diff(stopped) <= Duration::from_nanos(1));
    assert_eq!(
        (snapshot.suspended_seconds, snapshot.downtime_seconds),
        (0.0, 0.0)
    );
    collector.shutdown().unwrap();
}
