//! A counter that is not invariant: it starts anew, jumps by hours, differs between cores.

use std::time::Duration;

use tachograph::{Outcome, Stamp, TimeSource as _, VirtualTime, metrics};
use tachograph_reducer::{ClockJump, Reducer};
use tachograph_tests::{Random, VirtualLoop, assert_near, assert_plausible, manual_registry};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

#[test]
fn a_counter_that_starts_anew_does_not_freeze_the_window() {
    let bench = VirtualLoop::new(VirtualTime::new());
    let collector = bench.builder().window(10).build().unwrap();
    let recorder = collector.recorder();
    bench.time.advance(30 * DAY);
    let record = |millis| {
        bench.seconds(&collector, 20, |_| {
            recorder.record(metrics::COREML_INFERENCE, Duration::from_millis(millis));
        });
        collector.collect().coreml_inference
    };
    record(40);
    for round in 1..=5 {
        bench.time.hot_clock().jump_to(Stamp::from_ticks(round));
        let window = record(40 + round);
        assert_near(window.min, 40.0 + round as f64, "only what came after");
        assert_near(window.span_s, 9.0, "span");
        assert_near(window.age_s, 0.0, "age");
        // Stale is visible as stale.
        bench.seconds(&collector, 30, |_| {});
        assert_near(collector.collect().coreml_inference.age_s, 30.0, "age");
    }
}

#[test]
fn a_frame_that_was_slept_through_is_not_among_the_slowest() {
    let (registry, time) = manual_registry(10);
    let (recorder, mut reducer) = (registry.recorder(), Reducer::new(registry.clone()));
    let before = registry.clock().now();
    reducer.reduce(before);
    for (awake, asleep) in [(5, 0), (7, 3_600_000), (6, 0)] {
        let frame = recorder.frame();
        time.advance(Duration::from_millis(awake + asleep));
        frame.finish(Outcome::Idle);
    }
    let after = registry.clock().now();
    let elapsed = 18_000_000;
    reducer.clock_jumped(ClockJump {
        before,
        after,
        elapsed,
    });
    let snapshot = reducer.reduce(after);
    let numbers = snapshot.slowest_frames.iter().map(|frame| frame.number);
    assert!(numbers.eq([2, 0]));
    assert_eq!(snapshot.frames_untraced, 0, "it was left out, not lost");
}

#[test]
fn counters_of_two_cores_that_differ_are_no_jump() {
    let bench = VirtualLoop::new(VirtualTime::new());
    let collector = bench.collector();
    let (one, other) = (collector.recorder(), collector.recorder());
    let behind = Duration::from_millis(900);
    bench.time.advance(SECOND);
    bench.seconds(&collector, 60, |_| {
        let here = one.now();
        one.record(metrics::COREML_INFERENCE, SECOND);
        let there = Stamp::from_ticks(here.ticks() - 900_000_000);
        bench.time.hot_clock().jump_to(there);
        other.record(metrics::COREML_INFERENCE, SECOND);
        // A scope whose thread moved to the core that is behind.
        other.record_between(metrics::LLM_INFERENCE, here, there);
        bench.time.hot_clock().advance(behind);
    });
    let snapshot = collector.collect();
    assert_plausible(&snapshot);
    assert_eq!(snapshot.coreml_inference.count, 120);
    assert_near(snapshot.coreml_inference.avg, 1_000.0, "average");
    assert_near(snapshot.coreml_inference.span_s, 59.9, "span");
    assert_eq!(
        (snapshot.llm_inference.count, snapshot.llm_inference.max),
        (60, 0.0)
    );
}

/// Lets the counter jump at random while two recorders work; whatever comes of it, nothing panics, runs backwards or is lost.
#[test]
fn a_counter_that_jumps_at_random_loses_nothing() {
    for seed in 0..20 {
        let random = &mut Random::new(seed);
        let bench = VirtualLoop::new(VirtualTime::with_tick(125, 3));
        let collector = bench.builder().window(50).build().unwrap();
        let recorders = [collector.recorder(), collector.recorder()];
        let (mut samples, mut frames) = (0, 0);
        for _ in 0..400 {
            let recorder = &recorders[usize::try_from(random.below(2)).unwrap()];
            let scope = recorder.start(metrics::COREML_INFERENCE);
            jump(&bench.time, random);
            let mut frame = recorder.frame();
            frame.stage(metrics::LLM_INFERENCE);
            jump(&bench.time, random);
            collector.poll();
            frame.finish(Outcome::Event);
            drop(scope);
            (samples, frames) = (samples + 4, frames + 1); // the frame itself, too
            if random.below(8) == 0 {
                assert_plausible(&collector.collect());
            }
        }
        let snapshot = collector.collect();
        assert_plausible(&snapshot);
        assert_eq!(
            (snapshot.samples_recorded, snapshot.frames_processed),
            (samples, frames)
        );
        assert_eq!(
            (snapshot.coreml_inference.count, snapshot.samples_pending),
            (50, 0)
        );
        collector.log_metrics().unwrap();
        assert!(!bench.lines().is_empty());
    }
}

fn jump(time: &VirtualTime, random: &mut Random) {
    let size = 1 << random.below(48);
    let by = random.below(size);
    match random.below(8) {
        0 => time.hot_clock().advance(Duration::from_nanos(by)),
        1 => {
            let back = time.clock().now().ticks().saturating_sub(by);
            time.hot_clock().jump_to(Stamp::from_ticks(back));
        }
        2 => time.suspend(Duration::from_nanos(by)),
        _ => time.advance(Duration::from_nanos(by % 1_000_000_000)),
    }
}
