//! Clocks that misbehave, through the whole stack: a wall clock that is set, a machine that sleeps, a counter that jumps.

use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, SystemTime};

use tachograph::{
    Clock, MetricsCollector, MetricsSnapshot, Outcome, Recorder, Stamp, TimeSource, VirtualTime,
    metrics,
};
use tachograph_tests::{VirtualLoop, assert_near, assert_plausible};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const YEAR: Duration = Duration::from_hours(8_766);

fn frame(recorder: &Recorder) {
    recorder.frame().finish(Outcome::Idle);
}

fn unix(wall: SystemTime) -> f64 {
    wall.duration_since(SystemTime::UNIX_EPOCH).map_or_else(
        |before| -before.duration().as_secs_f64(),
        |it| it.as_secs_f64(),
    )
}

/// Sets the wall clock in some second of a run.
type Steps = &'static [(u64, fn(&VirtualTime))];

const STEPS: &[(&str, Steps)] = &[
    ("no step", &[]),
    ("a second ahead", &[(50, |time| time.step_forward(SECOND))]),
    ("a second back", &[(50, |time| time.step_back(SECOND))]),
    ("a day ahead", &[(50, |time| time.step_forward(DAY))]),
    ("a day back", &[(50, |time| time.step_back(DAY))]),
    (
        "a day back and ahead",
        &[
            (50, |time| time.step_back(DAY)),
            (100, |time| time.step_forward(DAY)),
        ],
    ),
    (
        "a day ahead and back",
        &[
            (50, |time| time.step_forward(DAY)),
            (100, |time| time.step_back(DAY)),
        ],
    ),
    ("before 1970", &[(50, |time| time.step_back(60 * YEAR))]),
    (
        "as if nobody had set it",
        &[(50, |time| time.set_wall(SystemTime::UNIX_EPOCH))],
    ),
    (
        "the year 9999",
        &[(50, |time| time.step_forward(7_973 * YEAR))],
    ),
    (
        "the year 12 000",
        &[(50, |time| time.step_forward(9_974 * YEAR))],
    ),
    (
        "10 000 before Christ",
        &[(50, |time| time.step_back(12_026 * YEAR))],
    ),
];

/// Runs three minutes at a frame a second; a slew of 500 ppm comes with every second.
fn three_minutes(bench: &VirtualLoop, collector: &MetricsCollector, steps: Steps) -> Vec<f64> {
    let recorder = collector.recorder();
    let mut walls = Vec::new();
    bench.seconds(collector, 180, |second| {
        for (_, step) in steps.iter().filter(|(when, _)| *when == second) {
            step(&bench.time);
        }
        bench.time.step_back(Duration::from_micros(500));
        frame(&recorder);
        if second % 60 == 59 {
            walls.push(unix(bench.time.wall()));
        }
    });
    walls
}

#[test]
fn a_wall_clock_that_is_set_changes_nothing_but_time_stamps() {
    for (name, steps) in STEPS {
        let bench = VirtualLoop::new(VirtualTime::new());
        let start = unix(bench.time.wall());
        let walls = three_minutes(&bench, &bench.collector(), steps);
        let lines = bench.lines();
        assert_eq!(
            lines.len(),
            3,
            "{name}: the schedule is kept by another clock"
        );
        for (number, (line, wall)) in (1_u32..).zip(lines.iter().zip(walls)) {
            let passed = f64::from(number) * 60.0;
            assert_near(line.timestamp, wall, name);
            assert_near(line.system_start_time, start, name);
            assert_near(line.uptime_seconds, passed, name);
            assert_near(line.observed_seconds, passed, name);
            assert_eq!(
                (line.downtime_seconds, line.suspended_seconds),
                (0.0, 0.0),
                "{name}"
            );
            assert_eq!(line.system_availability, Some(100.0), "{name}");
            assert_eq!(line.frames_processed, u64::from(number) * 60, "{name}");
            // What RFC 3339 has no year for is left out.
            let writable = (-3.777e11..2.534e11).contains(&wall);
            assert_eq!(line.time.is_empty(), !writable, "{name}: {}", line.time);
        }
        assert!(lines.is_sorted_by_key(|line| line.sequence), "{name}");
    }
}

#[test]
fn a_wall_clock_that_was_set_does_not_spoil_the_next_run() {
    for (name, steps) in STEPS {
        let bench = VirtualLoop::new(VirtualTime::new());
        let start = unix(bench.time.wall());
        let collector = bench.collector();
        three_minutes(&bench, &collector, steps);
        collector.shutdown().unwrap();
        drop(collector);
        bench.time.advance(20 * SECOND);
        let collector = bench.collector();
        three_minutes(&bench, &collector, &[]);
        let line = collector.collect();
        assert_near(line.system_start_time, start, name);
        assert_near(line.suspended_seconds, 0.0, name);
        // One that ends before the first start tells nothing about the gap. With no slew it would be 20 s sharp.
        let known = bench.lines()[3].timestamp > start;
        let gap = if known { 20.0 } else { 0.0 };
        assert_near(line.downtime_seconds, gap, name);
        assert_near(line.observed_seconds, 360.0 + gap, name);
    }
}

#[test]
fn a_wall_clock_that_is_set_between_two_runs() {
    for (name, set, gap) in [
        (
            "back",
            (|time| time.step_back(DAY)) as fn(&VirtualTime),
            0.0,
        ),
        ("before 1970", |time| time.step_back(60 * YEAR), 0.0),
        // Cannot be told from a service that was off for a day.
        ("ahead", |time| time.step_forward(DAY), 86_400.0),
    ] {
        let bench = VirtualLoop::new(VirtualTime::new());
        let run = |seconds| {
            let collector = bench.collector();
            let recorder = collector.recorder();
            bench.seconds(&collector, seconds, |_| frame(&recorder));
            collector.shutdown().unwrap();
            MetricsSnapshot::clone(&collector.collect())
        };
        let first = run(60);
        set(&bench.time);
        let second = run(60);
        assert_near(second.system_start_time, first.system_start_time, name);
        assert_near(second.downtime_seconds, gap, name);
        assert_near(second.observed_seconds, 120.0 + gap, name);
    }
}

#[test]
fn runs_before_the_clock_is_set_do_not_count_decades_as_downtime() {
    let bench = VirtualLoop::new(VirtualTime::new());
    let run = || {
        let collector = bench.collector();
        let recorder = collector.recorder();
        bench.seconds(&collector, 60, |_| frame(&recorder));
        collector.shutdown().unwrap();
        MetricsSnapshot::clone(&collector.collect())
    };
    run();
    let right = bench.time.wall();
    // A board without a battery: each boot begins in 1970.
    for _ in 0..3 {
        bench.time.set_wall(SystemTime::UNIX_EPOCH + 5 * SECOND);
        let unset = run();
        assert_eq!(unset.system_availability, Some(100.0));
    }
    bench.time.set_wall(right + 190 * SECOND);
    let last = run();
    // Four runs of a minute; ten of the 190 seconds after the first nobody watched.
    assert_near(last.downtime_seconds, 10.0, "downtime");
    assert_near(last.observed_seconds, 310.0, "observed");
}

/// A platform that cannot tell a suspended machine from a clock that was set.
#[derive(Debug)]
struct WithoutContinuous(VirtualTime);

impl TimeSource for WithoutContinuous {
    fn clock(&self) -> &Clock {
        self.0.clock()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    fn wall(&self) -> SystemTime {
        self.0.wall()
    }
}

#[test]
fn where_the_two_cannot_be_told_apart_availability_is_right_all_the_same() {
    for (name, steps) in STEPS {
        let bench = VirtualLoop::new(VirtualTime::new());
        let build = || {
            let source = WithoutContinuous(bench.time.clone());
            bench.builder().time_source(source).build().unwrap()
        };
        let collector = build();
        three_minutes(&bench, &collector, steps);
        collector.shutdown().unwrap();
        drop(collector);
        let suspended = bench.lines()[3].suspended_seconds;
        let ahead = name.contains("ahead") && !name.contains("second");
        assert_eq!(
            suspended > 86_000.0,
            ahead || name.contains("year"),
            "{name}"
        );
        let collector = build();
        three_minutes(&bench, &collector, &[]);
        let line = collector.collect();
        assert_near(line.downtime_seconds, 0.0, name);
        assert_near(line.observed_seconds, 360.0, name);
        assert_eq!(line.system_availability, Some(100.0), "{name}");
    }
}

/// What the hot path's counter does while the machine sleeps.
type Counter = fn(&VirtualTime);

const COUNTERS: [(&str, Counter); 3] = [
    ("stands still", |_| {}),
    ("counts on", |time| time.hot_clock().advance(3 * HOUR)),
    ("starts anew", |time| {
        time.hot_clock().jump_to(Stamp::from_ticks(1_000));
    }),
];

/// Half a minute of frames, a sleep in the middle of something that takes 4 s awake, and half a minute of frames.
fn sleep_within(bench: &VirtualLoop, collector: &MetricsCollector, counter: Counter, within: &str) {
    let recorder = collector.recorder();
    bench.seconds(collector, 30, |_| {
        let stage = recorder.start(metrics::COREML_INFERENCE);
        bench.time.advance(Duration::from_millis(40));
        drop(stage);
        frame(&recorder);
    });
    let mut running = (within != "idle").then(|| recorder.frame());
    if let Some(frame) = running.as_mut().filter(|_| within != "frame") {
        frame.motion();
        frame.stage(metrics::LLM_INFERENCE);
    }
    if within == "stall" {
        bench.seconds(collector, 20, |_| {});
    }
    bench.seconds(collector, 2, |_| {});
    bench.time.advance(Duration::from_millis(30));
    bench.time.suspend(3 * HOUR);
    counter(&bench.time);
    bench.time.advance(Duration::from_millis(20));
    collector.poll();
    bench.seconds(collector, 2, |_| {});
    if let Some(frame) = running {
        assert_asleep_is_not_in_flight(collector, within);
        frame.finish(Outcome::Event);
    }
    bench.seconds(collector, 30, |_| frame(&recorder));
}

fn assert_asleep_is_not_in_flight(collector: &MetricsCollector, within: &str) {
    let snapshot = collector.collect();
    let awake = if within == "stall" { 24_050.0 } else { 4_050.0 };
    let running = &snapshot.in_flight[0];
    assert!(
        (running.for_ms - awake).abs() < 0.01,
        "{running:?} instead of {awake} ms"
    );
}

#[test]
fn a_machine_that_sleeps_is_neither_up_nor_down_and_nothing_lasts_three_hours() {
    for (does, counter) in COUNTERS {
        for within in ["idle", "frame", "stage", "stall"] {
            let name = format!("{within}, the counter {does}");
            let bench = VirtualLoop::new(VirtualTime::new());
            let collector = bench.collector();
            sleep_within(&bench, &collector, counter, within);
            let snapshot = collector.collect();
            assert_plausible(&snapshot);
            assert_near(snapshot.suspended_seconds, 3.0 * 3_600.0, &name);
            // 30 times 1.04 s, 4.05 s around the sleep, 30 s.
            let stalled = if within == "stall" { 20.0 } else { 0.0 };
            let awake = 65.25 + stalled;
            assert_near(snapshot.uptime_seconds, awake, &name);
            // Of a stall that lasts 24 s awake, all after the first ten. It is over when it is seen to be.
            let down = if within == "stall" { 15.05 } else { 0.0 };
            assert_near(snapshot.downtime_seconds, down, &name);
            assert!(snapshot.coreml_inference.max < 41.0, "{name}");
            if within == "stage" || within == "stall" {
                let llm = snapshot.llm_inference.max;
                let awake = if within == "stall" { 24_050.0 } else { 4_050.0 };
                // A counter that starts anew tells only what came after.
                let seen = if does == "starts anew" { 0.0 } else { awake };
                assert_near(llm, seen, &name);
                assert_near(snapshot.lifetime["llm_inference"].sum_ms, seen, &name);
                assert_near(snapshot.frame_processing_latency.max, seen, &name);
            }
            assert!(
                bench.lines().len() == 1,
                "{name}: hours that were slept through are not logged"
            );
        }
    }
}

/// A source whose first reading is far in the future: the next deadline is further away than any `Instant`.
#[derive(Debug)]
struct Leaping {
    time: VirtualTime,
    readings: AtomicUsize,
}

impl TimeSource for Leaping {
    fn clock(&self) -> &Clock {
        self.time.clock()
    }

    fn monotonic(&self) -> Duration {
        match self.readings.fetch_add(1, Relaxed) {
            0 => Duration::MAX,
            _ => Duration::ZERO,
        }
    }

    fn wall(&self) -> SystemTime {
        self.time.wall()
    }
}

#[test]
fn a_deadline_beyond_all_clocks_does_not_end_the_thread() {
    let panics = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&panics);
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if thread::current().name() == Some("tachograph") {
            counted.fetch_add(1, Relaxed);
        }
        hook(info);
    }));
    let bench = VirtualLoop::new(VirtualTime::new());
    let readings = AtomicUsize::new(0);
    let source = Leaping {
        time: bench.time.clone(),
        readings,
    };
    let collector = bench.builder().time_source(source).start().unwrap();
    thread::sleep(Duration::from_millis(50));
    collector.shutdown().unwrap();
    assert_eq!(panics.load(Relaxed), 0);
    assert_eq!(bench.lines().len(), 1);
}
