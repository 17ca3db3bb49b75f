//! What the properties and the fuzzers found, each as a test of its own. See `docs/fuzzing.md`.

use std::ffi::OsString;
use std::fs;
use std::time::Duration;

use serde_json::json;
use tachograph::{
    Config, LogFile, LogOptions, MetricsCollector, MetricsSnapshot, Status, StatusStyle, Target,
    Targets, TimerStats, metrics,
};
use tachograph_cli::Y4m;
use tachograph_hotpath::{Outcome, SchemaBuilder};
use tachograph_reducer::Reducer;
use tachograph_tests::manual_registry;

fn assert_one_line(message: &str) {
    assert!(!message.chars().any(char::is_control), "{message:?}");
}

fn y4m_refusal(bytes: &'static [u8]) -> String {
    let opened = Y4m::from_reader(bytes, "x.y4m", None, 30.0);
    opened.err().expect("refused").to_string()
}

fn refusal(toml: &str) -> String {
    let error = Config::from_toml(toml, "x.toml").unwrap_err().to_string();
    assert_one_line(&error);
    error
}

/// The sum of frames overflowed: a panic in the background thread of a debug build.
#[test]
fn frames_counted_by_hand_wrap_instead_of_overflowing() {
    let builder = MetricsCollector::builder().without_log().quiet();
    let collector = builder.build().unwrap();
    collector.recorder().frame().finish(Outcome::Event);
    for name in ["frames_processed", "motion_detected", "events_created"] {
        collector.add_to_counter(name, u64::MAX).unwrap();
    }
    let snapshot = collector.collect();
    assert_eq!(
        (snapshot.frames_processed, snapshot.motion_detected),
        (0, 0)
    );
    assert_eq!(
        (snapshot.events_created, snapshot.motion_hit_rate),
        (0, None)
    );
}

/// The nearest of them counted what was added, those further away counted one.
#[test]
fn what_is_added_to_any_counter_of_another_schema_is_rejected_whole() {
    let mut larger = SchemaBuilder::new();
    let strangers: Vec<_> = (0..40)
        .map(|number| larger.counter(&format!("c{number}")).unwrap())
        .collect();
    let (registry, _time) = manual_registry(10);
    let recorder = registry.recorder();
    for counter in [strangers[0], strangers[39]] {
        recorder.add(counter, 7);
    }
    let snapshot = Reducer::new(registry.clone()).reduce(recorder.now());
    assert_eq!(snapshot.samples_rejected, 14);
}

/// It was shown as `frame`.
#[test]
fn a_scope_of_another_schemas_timer_is_not_in_flight_as_a_frame() {
    let mut larger = SchemaBuilder::new();
    let stranger = larger.timer("stranger").unwrap();
    let (registry, _time) = manual_registry(10);
    let recorder = registry.recorder();
    let scope = recorder.start(stranger);
    let mut reducer = Reducer::new(registry.clone());
    assert_eq!(reducer.reduce(recorder.now()).in_flight, []);
    scope.stop();
    assert_eq!(reducer.reduce(recorder.now()).samples_rejected, 1);
}

/// The last digit was lost.
#[test]
fn every_float_comes_back_from_json() {
    for timestamp in [
        1.504_882_126_593_585_9e161,
        0.1 + 0.2,
        1_764_016_115.123_456_7,
    ] {
        let snapshot = MetricsSnapshot {
            timestamp,
            ..MetricsSnapshot::default()
        };
        let line = serde_json::to_string(&snapshot).unwrap();
        let back: MetricsSnapshot = serde_json::from_str(&line).unwrap();
        assert_eq!(back, snapshot);
    }
}

/// `count` is 0 and all else 0.0, says the documentation.
#[test]
fn statistics_of_no_samples_are_none_whatever_a_line_claims() {
    let line = json!({ "timestamp": 1, "llm_inference_avg": 5.0, "llm_inference_age_s": 1.0 });
    let snapshot: MetricsSnapshot = serde_json::from_value(line).unwrap();
    assert_eq!(snapshot.llm_inference, TimerStats::default());
}

/// A text that looked like a setting was taken for it, and a quoted key was not recognised.
#[test]
fn a_value_out_of_range_is_named_with_its_own_line() {
    let text = "window = 0\nlog_path = \"\"\"\nwindow = 5\n\"\"\"\n";
    assert!(refusal(text).contains("window = 0 (x.toml:1)"));
    let escaped = "\n\"wind\\u006fw\" = 0\n";
    assert!(refusal(escaped).contains("window = 0 (x.toml:2)"));
    let commented = "# [targets]\nrotate_files = 1\n[targets]\n[other]\n";
    assert!(refusal(commented).starts_with("x.toml:4"));
}

/// Control characters in names and values broke the line, and could steer the terminal.
#[test]
fn an_error_is_one_line_whatever_it_quotes() {
    for toml in [
        "\"a\\nb\" = 1",
        "log_path = \"a\\n\\u001b[31m/..\"",
        "[targets]\n\"a\\rb.p95\" = \"< 1s\"\n\"a\\rb.c\" = \"< 1s\"",
        "[targets]\n\"a\\rb\" = \"7\"",
    ] {
        refusal(toml);
    }
    for name in ["a\rb", "a\rb.p95", "a.\rb"] {
        assert_one_line(&Target::parse(name, "7").unwrap_err().to_string());
    }
    let variable = (OsString::from("TACHOGRAPH_\n\u{1b}"), OsString::from("7"));
    let error = Config::load(None, [variable]).unwrap_err();
    assert_one_line(&error.to_string());
    for header in [
        &b"YUV4MPEG2 W2\r H2\n"[..],
        b"YUV4MPEG2 W2 H2 C\x1b[31m\n",
        b"YUV4MPEG2 W2 H2 F\x07\n",
    ] {
        assert_one_line(&y4m_refusal(header));
    }
}

/// 16384 x 16384 with full chroma was accepted: 768 MiB for a header of forty bytes.
#[test]
fn a_header_that_asks_for_a_giant_picture_is_refused_without_the_memory() {
    for header in [
        &b"YUV4MPEG2 W16384 H16384 F30:1 C444\n"[..],
        b"YUV4MPEG2 W16384 H4097 F30:1\n",
    ] {
        let used = allocation_counter::measure(|| {
            let error = y4m_refusal(header);
            assert!(
                error.contains("16384 x") && error.contains("67108864"),
                "{error}"
            );
        });
        assert!(used.bytes_max < 1 << 20, "{} bytes", used.bytes_max);
    }
    let largest = b"YUV4MPEG2 W16384 H4096 F30:1\n".as_slice();
    assert!(Y4m::from_reader(largest, "x.y4m", None, 30.0).is_ok());
}

/// It was taken for something foreign, though a file of blank lines was not.
#[test]
fn a_log_of_blanks_without_a_newline_can_be_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.json");
    fs::write(&path, " \t").unwrap();
    let (mut log, recovery) = LogFile::open(LogOptions::new(&path)).unwrap();
    assert_eq!(recovery.repaired, Some(2));
    log.append("{\"timestamp\":1}".to_owned()).unwrap();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        " \t\n{\"timestamp\":1}\n"
    );
}

/// Reading took it for a line, the repair did not: it was cut off, or the log refused.
#[test]
fn a_last_line_among_blanks_that_json_does_not_know_is_kept() {
    for content in [
        "{\"timestamp\":1}\x0c",
        "rubbish\n\x0c{\"timestamp\":1}\x0c",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.json");
        fs::write(&path, content).unwrap();
        let (_log, recovery) = LogFile::open(LogOptions::new(&path)).unwrap();
        assert_eq!(recovery.last.map(|last| last.timestamp), Some(1.0));
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{content}\n"));
    }
}

/// Hundreds of digits of an availability, a minus sign too many, a count of eleven digits, a long time.
#[test]
fn the_status_keeps_to_its_columns_whatever_a_line_claims() {
    let absurd = TimerStats {
        count: 99_999_000_000,
        avg: -1e300,
        min: -0.0,
        max: -5e-9,
        p50: 1e300,
        p95: -123.0,
        p99: -99_999.0,
        span_s: 1e300,
        age_s: -1.0,
    };
    let snapshot = MetricsSnapshot {
        time: "9".repeat(500),
        coreml_inference: absurd,
        llm_inference: absurd,
        system_availability: Some(-1e238),
        metrics_collection_overhead_percent: Some(1e300),
        ..MetricsSnapshot::default()
    };
    let mut targets = Targets::default();
    targets.set(Target::parse("system_availability", &format!("> 1{}%", "0".repeat(300))).unwrap());
    let table = Status::new(targets, StatusStyle::default()).table(&snapshot);
    for line in table.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

/// Never broken, but what the fuzzers were asked to watch: a panic in the middle of a frame with a forgotten scope.
#[test]
fn a_panic_in_a_frame_with_a_forgotten_scope_leaves_the_ledger_whole() {
    let (registry, time) = manual_registry(10);
    let recorder = registry.recorder();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut frame = recorder.frame();
        frame.motion();
        frame.stage(metrics::COREML_INFERENCE);
        std::mem::forget(recorder.start(metrics::LLM_INFERENCE));
        time.advance(Duration::from_millis(3));
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(panicked.is_err());
    let snapshot = Reducer::new(registry.clone()).reduce(recorder.now());
    assert_eq!((snapshot.frames_processed, snapshot.frames_failed), (1, 1));
    assert_eq!(
        (snapshot.motion_detected, snapshot.samples_recorded),
        (1, 2)
    );
    assert_eq!(
        (
            snapshot.coreml_inference.avg,
            snapshot.frame_failed.avg,
            snapshot.in_flight.len()
        ),
        (3.0, 3.0, 0)
    );
}
