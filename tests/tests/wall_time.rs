//! The collector in real time under simulated load, against a known truth.
//!
//! Ten seconds of it run with the other tests. Ten minutes:
//!
//! ```sh
//! cargo test --release -p tachograph-tests --test wall_time -- --ignored --nocapture
//! ```

use std::fs;
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use tachograph::{MetricsCollector, MetricsSnapshot, Outcome, Recorder, metrics};
use tachograph_tests::{Random, assert_same_statistics, oracle};

const FPS: u32 = 30;

/// What the frame loop did.
#[derive(Default)]
struct Truth {
    outcomes: [u64; 5],
    inferences: Vec<u64>,
}

/// Runs at 30 frames a second for `length`: real work on each frame, inference times that are known to the nanosecond.
fn frame_loop(recorder: &Recorder, length: Duration) -> Truth {
    let mut truth = Truth::default();
    let mut random = Random::new(11);
    let start = Instant::now();
    let mut pixels = vec![0_u64; 50_000];
    for number in 0_u32.. {
        let due = start + Duration::from_secs(1) * number / FPS;
        if due >= start + length {
            return truth;
        }
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let mut frame = recorder.frame();
        for pixel in &mut pixels {
            *pixel = black_box(*pixel).wrapping_mul(31) + u64::from(number);
        }
        let pick = usize::try_from(random.below(5)).unwrap();
        if pick > 0 {
            frame.motion();
            let nanos = random.below(120_000_000);
            recorder.record(metrics::COREML_INFERENCE, Duration::from_nanos(nanos));
            truth.inferences.push(nanos);
        }
        frame.finish(Outcome::ALL[pick]);
        truth.outcomes[pick] += 1;
    }
    truth
}

fn run(length: Duration, interval: Duration) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.json");
    let collector = MetricsCollector::builder()
        .log_path(&path)
        .metrics_interval(interval)
        .quiet()
        .start()
        .unwrap();
    let reader = collector.reader();
    let recorder = collector.recorder();
    let started = Instant::now();
    let truth = thread::scope(|scope| {
        let frames = scope.spawn(move || frame_loop(&recorder, length));
        scope.spawn(|| {
            let mut last = 0;
            while started.elapsed() < length {
                let snapshot = reader.load();
                assert!(
                    snapshot.sequence >= last
                        && snapshot.motion_detected <= snapshot.frames_processed
                );
                last = snapshot.sequence;
                thread::sleep(Duration::from_millis(1));
            }
        });
        frames.join().unwrap()
    });
    collector.shutdown().unwrap();

    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<MetricsSnapshot> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let due = length.as_secs_f64() / interval.as_secs_f64();
    assert!(
        (due - 1.0..=due + 1.0).contains(&(lines.len() as f64)),
        "{} lines, {due} are due",
        lines.len()
    );
    // The last line is written by the shutdown, out of the grid.
    for (number, line) in (1_u32..).zip(&lines[..lines.len() - 1]) {
        let late = line.uptime_seconds - (interval * number).as_secs_f64();
        assert!(
            (-0.001..0.25).contains(&late),
            "line {number} is {late} s late"
        );
    }

    let last = lines.last().unwrap();
    let [idle, motion, suppressed, event, failed] = truth.outcomes;
    assert_eq!(last.frames_processed, truth.outcomes.iter().sum::<u64>());
    assert_eq!(
        (last.frames_idle, last.frames_motion, last.frames_failed),
        (idle, motion, failed)
    );
    assert_eq!(
        (last.events_created, last.events_suppressed),
        (event, suppressed)
    );
    let newest = &truth.inferences[truth.inferences.len().saturating_sub(1000)..];
    // The clock's ticks round each duration by a nanosecond at most.
    let known = oracle(newest);
    assert!((last.coreml_inference.avg - known.avg).abs() < 2e-6);
    let rounded = |stats: tachograph::TimerStats| tachograph::TimerStats {
        avg: 0.0,
        min: stats.min.round(),
        max: stats.max.round(),
        p50: stats.p50.round(),
        p95: stats.p95.round(),
        p99: stats.p99.round(),
        ..stats
    };
    assert_same_statistics(
        &rounded(last.coreml_inference),
        &rounded(known),
        "inference, to the millisecond",
    );
    assert_eq!(
        (
            last.samples_overwritten,
            last.samples_rejected,
            last.log_errors
        ),
        (0, 0, 0)
    );
    assert_eq!(last.system_availability, Some(100.0));
    let overhead = last.metrics_collection_overhead_percent.unwrap();
    assert!(overhead < 1.0, "measuring cost {overhead} %");
    let grown = last.process_memory_mb.unwrap() - lines[lines.len() / 2].process_memory_mb.unwrap();
    assert!(grown < 1.0, "memory grew by {grown} MiB in the second half");
    println!(
        "{} frames, {} lines, overhead {overhead:.4} %, memory grew by {grown:.2} MiB in the second half",
        last.frames_processed,
        lines.len()
    );
}

#[test]
fn ten_seconds() {
    // A line costs a millisecond, without optimisation several.
    run(Duration::from_secs(10), Duration::from_secs(2));
}

#[test]
#[ignore = "takes ten minutes of wall time"]
fn ten_minutes() {
    run(Duration::from_mins(10), Duration::from_mins(1));
}
