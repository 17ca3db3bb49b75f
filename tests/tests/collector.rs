//! The collector in virtual time: schedule, log, availability and the by-name calls against a known truth.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tachograph::{
    MetricsCollector, MetricsCollectorBuilder, MetricsSnapshot, Outcome, Probe, Recorder,
    SystemSample, TimeSource as _, VirtualTime, metrics,
};
use tachograph_tests::{Random, assert_same_statistics, oracle};
use tempfile::TempDir;

const FPS: u64 = 30;
const MINUTE: Duration = Duration::from_mins(1);

/// A machine that uses half of one core and a gibibyte more each second.
#[derive(Debug, Default)]
struct FakeProbe {
    samples: u32,
}

impl Probe for FakeProbe {
    fn sample(&mut self) -> SystemSample {
        let second = self.samples;
        self.samples += 1;
        SystemSample {
            cpu_percent: (second > 0).then_some(f64::from(second % 2) * 100.0),
            memory_used: Some(2 << 30),
            memory_total: Some(8 << 30),
            process_memory: Some(64 << 20),
            process_cpu: Some(second * Duration::from_millis(500)),
        }
    }
}

struct Bench {
    folder: TempDir,
    time: VirtualTime,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            time: VirtualTime::new(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("logs").join("metrics.json")
    }

    fn builder(&self) -> MetricsCollectorBuilder {
        MetricsCollector::builder()
            .log_path(self.path())
            .quiet()
            .time_source(self.time.clone())
            .probe(FakeProbe::default())
    }

    fn lines(&self) -> Vec<MetricsSnapshot> {
        lines(&self.path())
    }
}

fn lines(path: &Path) -> Vec<MetricsSnapshot> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What was recorded so far.
#[derive(Default)]
struct Truth {
    outcomes: [u64; 5],
    coreml: Vec<u64>,
    latency: Vec<u64>,
}

impl Truth {
    /// Runs one frame whose outcome and duration vary, and notes what it did.
    fn frame(&mut self, recorder: &Recorder, time: &VirtualTime, random: &mut Random) {
        let pick = usize::try_from(random.below(5)).unwrap();
        let inference = Duration::from_nanos(random.below(20_000_000));
        let mut frame = recorder.frame();
        if pick > 0 {
            frame.motion();
            frame.stage(metrics::COREML_INFERENCE);
            time.advance(inference);
            self.coreml
                .push(u64::try_from(inference.as_nanos()).unwrap());
        }
        let outcome = Outcome::ALL[pick];
        if outcome == Outcome::Event {
            self.latency.push(*self.coreml.last().unwrap());
        }
        frame.finish(outcome);
        self.outcomes[pick] += 1;
    }

    fn assert_told_by(&self, line: &MetricsSnapshot, context: &str) {
        let [idle, motion, suppressed, event, failed] = self.outcomes;
        assert_eq!(
            line.frames_processed,
            self.outcomes.iter().sum::<u64>(),
            "{context}"
        );
        assert_eq!(
            line.motion_detected,
            motion + suppressed + event + failed,
            "{context}"
        );
        assert_eq!(
            (line.events_created, line.events_suppressed),
            (event, suppressed),
            "{context}"
        );
        assert_eq!(
            (line.frames_idle, line.frames_motion, line.frames_failed),
            (idle, motion, failed),
            "{context}"
        );
        let newest = |all: &[u64]| oracle(&all[all.len().saturating_sub(1000)..]);
        assert_same_statistics(&line.coreml_inference, &newest(&self.coreml), context);
        assert_same_statistics(
            &line.frame_processing_latency,
            &newest(&self.latency),
            context,
        );
        assert_eq!(line.llm_inference.count, 0, "{context}");
    }
}

#[test]
fn ten_minutes_at_thirty_frames_a_second() {
    let bench = Bench::new();
    let collector = bench.builder().build().unwrap();
    let recorder = collector.recorder();
    let (start, wall) = (bench.time.monotonic(), collector.collect().timestamp);
    let mut random = Random::new(30);
    let mut truth = Truth::default();
    let mut logged = 0;
    for number in 0..=10 * 60 * FPS {
        let at = start + Duration::from_nanos(number * 1_000_000_000 / FPS);
        bench
            .time
            .advance(at.saturating_sub(bench.time.monotonic()));
        collector.poll();
        if number % (60 * FPS) == 0 && number > 0 {
            logged += 1;
            let lines = bench.lines();
            assert_eq!(lines.len(), logged, "a line each minute");
            let line = &lines[logged - 1];
            let due = wall + 60.0 * logged as f64;
            assert!(
                (line.timestamp - due).abs() < 1e-3,
                "line {logged} at {} instead of {due}",
                line.timestamp
            );
            assert!((line.uptime_seconds - 60.0 * logged as f64).abs() < 1e-6);
            assert_eq!(line.frames_processed, 1_800 * logged as u64);
            truth.assert_told_by(line, &format!("minute {logged}"));
        }
        truth.frame(&recorder, &bench.time, &mut random);
    }
    assert_eq!(logged, 10);
    let line = &bench.lines()[9];
    assert_eq!(line.time, "2026-01-01T00:10:00.000Z");
    assert_eq!(line.system_availability, Some(100.0));
    assert_eq!(line.system_uptime_percent, line.system_availability);
    assert_eq!(
        (line.cpu_usage_avg, line.process_cpu_cores_percent),
        (Some(50.0), Some(50.0))
    );
    assert_eq!(
        (line.memory_usage_gb, line.memory_usage_percent),
        (Some(2.0), Some(25.0))
    );
    assert_eq!(line.process_memory_mb, Some(64.0));
    assert!(line.metrics_collection_overhead_percent.is_some());
    assert_eq!(
        (
            line.samples_overwritten,
            line.samples_rejected,
            line.log_errors
        ),
        (0, 0, 0)
    );
    assert_eq!(line.samples_recorded, line.samples_counted);
    let latest = fs::read_to_string(bench.path().with_file_name("metrics.latest.json")).unwrap();
    let mut latest: MetricsSnapshot = serde_json::from_str(&latest).unwrap();
    assert_eq!(latest.newest_frames.len(), 256);
    latest.newest_frames.clear();
    assert_eq!(latest, *line, "only the newest frames are its own");
}

#[test]
fn the_lines_histograms_add_up_to_what_was_recorded() {
    let bench = Bench::new();
    let collector = bench.builder().build().unwrap();
    let recorder = collector.recorder();
    for minute in 1..=3 {
        for _ in 0..minute * 10 {
            recorder.record(metrics::COREML_INFERENCE, Duration::from_millis(minute));
        }
        bench.time.advance(MINUTE);
        collector.poll();
    }
    let lines = bench.lines();
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line.histograms.len() == 1));
    let lifetime = lines[2].lifetime["coreml_inference"];
    assert_eq!((lifetime.count, lifetime.counted), (60, 60));
    assert!((lifetime.sum_ms - 140.0).abs() < 1e-9);
    // A minute without samples has no histogram.
    bench.time.advance(MINUTE);
    collector.poll();
    assert!(bench.lines()[3].histograms.is_empty());
}

#[test]
fn a_hanging_stage_is_told_while_it_hangs_and_availability_falls() {
    let bench = Bench::new();
    let collector = bench.builder().build().unwrap();
    let recorder = collector.recorder();
    let mut frame = recorder.frame();
    frame.motion();
    frame.stage(metrics::LLM_INFERENCE);
    for _ in 0..120 {
        bench.time.advance(Duration::from_secs(1));
        collector.poll();
    }
    let lines = bench.lines();
    assert_eq!(lines.len(), 2);
    let in_flight = &lines[1].in_flight;
    assert_eq!(
        (in_flight.len(), &*in_flight[0].stage),
        (1, "llm_inference")
    );
    assert!((in_flight[0].for_ms - 120_000.0).abs() < 1.0);
    assert!((lines[0].system_availability.unwrap() - 100.0 * 10.0 / 60.0).abs() < 1e-6);
    assert!((lines[1].system_availability.unwrap() - 100.0 * 10.0 / 120.0).abs() < 1e-6);
    frame.finish(Outcome::Event);
    let after = collector.collect();
    assert_eq!((after.events_created, after.in_flight.len()), (1, 0));
    assert!((after.frame_processing_latency.max - 120_000.0).abs() < 1e-6);
}

#[test]
fn a_restart_counts_the_gap_and_keeps_the_first_start() {
    let bench = Bench::new();
    let run = |frames: u64| {
        let collector = bench.builder().build().unwrap();
        let recorder = collector.recorder();
        for _ in 0..frames {
            bench.time.advance(Duration::from_secs(1));
            recorder.frame().finish(Outcome::Idle);
            collector.poll();
        }
        collector.shutdown().unwrap();
    };
    run(60);
    bench.time.advance(Duration::from_secs(30));
    run(30);
    let lines = bench.lines();
    let last = lines.last().unwrap();
    assert!((last.system_start_time - lines[0].system_start_time).abs() < 1e-6);
    assert!(
        (last.downtime_seconds - 30.0).abs() < 1e-6,
        "{}",
        last.downtime_seconds
    );
    assert!((last.system_availability.unwrap() - 75.0).abs() < 1e-6);
    assert_eq!(last.frames_processed, 30);
}

#[test]
fn a_suspended_machine_and_a_clock_that_steps_back_are_not_downtime() {
    let bench = Bench::new();
    let collector = bench.builder().build().unwrap();
    let recorder = collector.recorder();
    for second in 0..180 {
        match second {
            50 => bench.time.suspend(Duration::from_hours(3)),
            100 => bench.time.step_back(Duration::from_hours(24)),
            _ => {}
        }
        bench.time.advance(Duration::from_secs(1));
        recorder.frame().finish(Outcome::Idle);
        collector.poll();
    }
    let lines = bench.lines();
    assert_eq!(lines.len(), 3, "the schedule keeps to monotonic time");
    assert_eq!(lines[2].system_availability, Some(100.0));
    assert!((lines[2].suspended_seconds - 3.0 * 3600.0).abs() < 1e-6);
    assert!(lines[2].timestamp < lines[0].timestamp);
}

#[test]
fn by_name_calls_work_from_any_thread() {
    let bench = Bench::new();
    let mut builder = bench.builder();
    builder.counter("rtsp_reconnects").unwrap();
    builder.timer("ocr_inference").unwrap();
    let collector = builder.build().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..250 {
                    collector.increment_counter("frames_processed").unwrap();
                    collector.add_to_counter("rtsp_reconnects", 2).unwrap();
                    collector.record_inference_time("coreml", 85.3).unwrap();
                    collector.record_inference_time("ocr", 5.0).unwrap();
                    collector.record_frame_latency(2000.0).unwrap();
                }
            });
        }
    });
    let snapshot = collector.collect();
    assert_eq!(snapshot.frames_processed, 1_000);
    assert_eq!(snapshot.custom.counters["rtsp_reconnects"], 2_000);
    assert_eq!(snapshot.custom.timers["ocr_inference"].count, 1_000);
    assert!((snapshot.coreml_inference.p95 - 85.3).abs() < 1e-9);
    assert!((snapshot.frame_processing_latency.avg - 2000.0).abs() < 1e-6);
}

#[test]
fn bad_values_and_names_are_refused_and_counted() {
    let bench = Bench::new();
    let collector = bench.builder().build().unwrap();
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.001] {
        let error = collector
            .record_inference_time("llm", bad)
            .unwrap_err()
            .to_string();
        assert_eq!(error, format!("llm: {bad} ms is not a duration"));
        assert!(collector.record_frame_latency(bad).is_err());
    }
    let error = collector
        .increment_counter("frames")
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "unknown counter \"frames\"; known are frames_processed, motion_detected, events_created, events_suppressed"
    );
    assert!(collector.record_time("nothing", 1.0).is_err());
    for tiny_or_huge in [0.0, 1e-9, 1e300] {
        collector
            .record_time("llm_inference", tiny_or_huge)
            .unwrap();
    }
    let snapshot = collector.collect();
    assert_eq!(
        (snapshot.samples_rejected, snapshot.llm_inference.count),
        (10, 3)
    );
    assert!(snapshot.llm_inference.max > 3.6e6 && snapshot.llm_inference.max.is_finite());
}

#[test]
fn a_reset_starts_anew_but_keeps_availability() {
    let bench = Bench::new();
    let collector = bench.builder().build().unwrap();
    let recorder = collector.recorder();
    recorder.frame().finish(Outcome::Event);
    _ = collector.increment_counter("nobody");
    bench.time.advance(MINUTE);
    let before = collector.collect();
    collector.reset();
    let after = collector.collect();
    assert_eq!((before.events_created, before.samples_rejected), (1, 1));
    assert_eq!(
        (
            after.events_created,
            after.samples_rejected,
            after.samples_recorded
        ),
        (0, 0, 0)
    );
    assert_eq!(after.frame_processing_latency.count, 0);
    assert_eq!(after.system_availability, before.system_availability);
}

#[test]
fn bad_settings_are_refused_with_a_sentence() {
    let refused = |builder: MetricsCollectorBuilder| {
        let error = builder.build().unwrap_err();
        assert!(error.is_configuration(), "{error}");
        error.to_string()
    };
    let bench = Bench::new();
    for sentence in [
        refused(bench.builder().metrics_interval(Duration::ZERO)),
        refused(bench.builder().reduce_interval(Duration::from_hours(1))),
        refused(bench.builder().window(0)),
        refused(bench.builder().stall_after(Duration::ZERO)),
    ] {
        assert!(!sentence.contains('\n') && !sentence.is_empty());
    }
    assert!(
        !bench.path().exists(),
        "nothing is created for a collector that is refused"
    );
    let mut builder = bench.builder();
    assert!(builder.counter("Bad Name").is_err());
    assert!(builder.timer("frames_processed").is_err());
}

#[test]
fn a_log_that_cannot_be_written_at_all_is_refused() {
    let bench = Bench::new();
    fs::write(
        bench.folder.path().join("logs"),
        "a file where the folder should be",
    )
    .unwrap();
    let error = bench.builder().build().unwrap_err();
    assert!(!error.is_configuration());
    assert!(error.to_string().contains("logs"), "{error}");
}

#[test]
fn the_background_thread_publishes_and_logs_in_real_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.json");
    let collector = MetricsCollector::builder()
        .log_path(&path)
        .metrics_interval(Duration::from_millis(200))
        .reduce_interval(Duration::from_millis(10))
        .quiet()
        .start()
        .unwrap();
    let reader = collector.reader();
    let recorder = collector.recorder();
    recorder.frame().finish(Outcome::Motion);
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while reader.load().frames_processed == 0 || lines(&path).len() < 3 {
        assert!(
            std::time::Instant::now() < deadline,
            "the background thread does not work"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    collector.shutdown().unwrap();
    let logged = lines(&path);
    assert!(
        logged
            .windows(2)
            .all(|pair| pair[0].sequence < pair[1].sequence)
    );
    assert_eq!(logged.last().unwrap().motion_detected, 1);
    drop(collector);
    assert_eq!(
        lines(&path).len(),
        logged.len(),
        "a collector that was shut down writes no further line"
    );
}
