//! The snapshot as JSON: its names are fixed, and older and newer readers get along.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tachograph_hotpath::{Outcome, metrics};
use tachograph_reducer::{BUILT_IN_TIMERS, MetricsSnapshot, Reducer, TimerStats};
use tachograph_tests::manual_registry;

/// The names that must not drift, as the design lists them.
fn designed_names() -> BTreeSet<String> {
    let plain = "timestamp time version schema_version sequence frames_processed motion_detected motion_hit_rate \
        events_created events_suppressed cpu_usage_current cpu_usage_avg process_cpu_usage memory_usage_mb \
        memory_usage_gb memory_usage_percent process_memory_mb system_availability system_uptime_percent \
        system_start_time uptime_seconds metrics_collection_overhead_percent frames_idle frames_failed in_flight \
        slowest_frames frames_untraced samples_overwritten samples_rejected log_errors custom";
    let mut names: BTreeSet<String> = plain.split_whitespace().map(str::to_owned).collect();
    for timer in BUILT_IN_TIMERS {
        for statistic in [
            "avg", "min", "max", "p50", "p95", "p99", "count", "span_s", "age_s",
        ] {
            names.insert(format!("{timer}_{statistic}"));
        }
    }
    names
}

fn filled() -> MetricsSnapshot {
    let (registry, time) = manual_registry(1000);
    let recorder = registry.recorder();
    for millis in [80, 90] {
        let mut frame = recorder.frame();
        frame.motion();
        frame.stage(metrics::COREML_INFERENCE);
        time.advance(Duration::from_millis(millis));
        frame.event_id(7);
        frame.finish(Outcome::Event);
    }
    let _running = recorder.start(metrics::LLM_INFERENCE);
    time.advance(Duration::from_secs(42));
    let mut reducer = Reducer::new(registry.clone());
    let mut snapshot = MetricsSnapshot::clone(&reducer.reduce(registry.clock().now()));
    snapshot.histograms = reducer.take_interval_histograms();
    snapshot
}

#[test]
fn every_designed_name_is_there_and_flat() {
    for snapshot in [MetricsSnapshot::default(), filled()] {
        let json = serde_json::to_value(snapshot).unwrap();
        let names: BTreeSet<String> = json.as_object().unwrap().keys().cloned().collect();
        let missing: Vec<_> = designed_names().difference(&names).cloned().collect();
        assert!(missing.is_empty(), "missing: {missing:?}");
    }
}

#[test]
fn values_are_where_their_names_say() {
    let json = serde_json::to_value(filled()).unwrap();
    assert_eq!(json["frames_processed"], 2);
    assert_eq!(json["motion_hit_rate"], 100.0);
    assert_eq!(json["coreml_inference_avg"], 85.0);
    assert_eq!(json["coreml_inference_p95"], 89.5);
    assert_eq!(json["coreml_inference_count"], 2);
    assert_eq!(json["coreml_inference_span_s"], 0.09);
    assert_eq!(json["coreml_inference_age_s"], 42.0);
    assert_eq!(json["in_flight"][0]["stage"], "llm_inference");
    assert!((json["in_flight"][0]["for_ms"].as_f64().unwrap() - 42_000.0).abs() < 0.01);
    assert!(json["histograms"]["coreml_inference"].is_string());
    assert_eq!(json["frame_event_p95"], 89.5);
    let slowest = &json["slowest_frames"][0];
    assert_eq!(
        (&slowest["ms"], &slowest["number"]),
        (&json!(90.0), &json!(1))
    );
    assert_eq!(
        (&slowest["outcome"], &slowest["event_id"]),
        (&json!("event"), &json!(7))
    );
    let stage = json!({ "stage": "coreml_inference", "start_ms": 0.0, "ms": 90.0 });
    assert_eq!(slowest["stages"], json!([stage]));
}

#[test]
fn no_data_is_null_and_not_a_green_zero() {
    let json = serde_json::to_value(MetricsSnapshot::default()).unwrap();
    for name in [
        "coreml_inference_avg",
        "llm_inference_p95",
        "motion_hit_rate",
        "cpu_usage_current",
        "system_availability",
    ] {
        assert_eq!(json[name], Value::Null, "{name}");
    }
    assert_eq!(json["coreml_inference_count"], 0);
    assert_eq!(json.get("histograms"), None);
}

#[test]
fn it_comes_back_as_it_went() {
    for snapshot in [MetricsSnapshot::default(), filled()] {
        let line = serde_json::to_string(&snapshot).unwrap();
        assert!(!line.contains('\n'));
        let back: MetricsSnapshot = serde_json::from_str(&line).unwrap();
        assert_eq!(back, snapshot);
    }
}

#[test]
fn an_older_line_is_filled_up_and_a_newer_one_is_understood() {
    let old = json!({ "timestamp": 1.5, "frames_processed": 7, "coreml_inference_avg": 85.3, "coreml_inference_count": 3 });
    let snapshot: MetricsSnapshot = serde_json::from_value(old).unwrap();
    assert_eq!((snapshot.frames_processed, snapshot.events_created), (7, 0));
    let expected = TimerStats {
        count: 3,
        avg: 85.3,
        ..TimerStats::default()
    };
    assert_eq!(snapshot.coreml_inference, expected);

    let mut newer = serde_json::to_value(filled()).unwrap();
    newer["coreml_inference_p9999"] = json!(1.0);
    newer["gpu"] = json!({ "usage": [1, 2, 3] });
    newer["in_flight"][0]["lane"] = json!(4);
    newer["slowest_frames"][0]["stages"][0]["gpu_ms"] = json!(4);
    newer["schema_version"] = json!(99);
    let snapshot: MetricsSnapshot = serde_json::from_value(newer).unwrap();
    assert_eq!(
        MetricsSnapshot {
            schema_version: 1,
            ..snapshot
        },
        filled()
    );
}

#[test]
fn what_is_not_a_snapshot_is_an_error() {
    for line in [
        "",
        "{",
        "[]",
        "7",
        "{\"frames_processed\": -1}",
        "{\"frames_processed\": \"many\"}",
    ] {
        assert!(
            serde_json::from_str::<MetricsSnapshot>(line).is_err(),
            "{line}"
        );
    }
}
