//! The snapshot as JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tachograph::{
    Custom, FrameRecord, FrameStage, InFlightStage, LifetimeStats, MetricsSnapshot, Status,
    StatusStyle, Targets, TimerStats,
};

use super::assert_one_line;
use super::bytes::Bytes;

/// Columns that the status table may have.
const COLUMNS: usize = 80;

/// JSON is a snapshot or an error of one line. A snapshot, whether it was read or made of the bytes, is one line that reads back as the
/// same, also with fields that nobody knows, and it can be shown.
///
/// # Panics
/// It is not so.
pub fn snapshot(bytes: &[u8]) {
    match serde_json::from_slice::<MetricsSnapshot>(bytes) {
        Ok(read) => comes_back(&read),
        Err(error) => assert_one_line(&error.to_string()),
    }
    comes_back(&made_of(&mut Bytes::new(bytes)));
}

fn comes_back(snapshot: &MetricsSnapshot) {
    let line = serde_json::to_string(snapshot).expect("plain data");
    assert!(!line.contains('\n'));
    let back: MetricsSnapshot = serde_json::from_str(&line).expect("it was just written");
    assert_eq!(back, *snapshot);

    let mut newer: Value = serde_json::from_str(&line).expect("it is JSON");
    add_unknown(&mut newer, 0);
    let back: MetricsSnapshot = serde_json::from_value(newer).expect("unknown fields are ignored");
    assert_eq!(back, *snapshot);
    shows(snapshot);
}

/// Adds fields to every object but those whose fields are names.
fn add_unknown(value: &mut Value, depth: usize) {
    let Value::Object(fields) = value else {
        return;
    };
    for (name, field) in fields.iter_mut() {
        match (name.as_str(), field) {
            ("in_flight" | "slowest_frames" | "newest_frames" | "stages", Value::Array(stages)) => {
                stages
                    .iter_mut()
                    .for_each(|stage| add_unknown(stage, depth + 1));
            }
            ("lifetime" | "timers", Value::Object(by_name)) => {
                by_name
                    .values_mut()
                    .for_each(|stats| add_unknown(stats, depth + 1));
            }
            ("custom", custom) => add_unknown(custom, depth + 1),
            _ => {}
        }
    }
    fields.insert(
        "coreml_inference_unheard_of".to_owned(),
        json!([1, {"a": null}]),
    );
    fields.insert("unheard_of".to_owned(), json!({"b": [2.5, "c", depth]}));
}

fn shows(snapshot: &MetricsSnapshot) {
    let status = Status::new(Targets::default(), StatusStyle::default());
    let table = status.table(snapshot);
    for line in table.lines() {
        assert!(line.chars().count() <= COLUMNS, "too wide:\n{table}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    assert_one_line(&status.line(snapshot, None));
    assert_one_line(&status.line(snapshot, Some(&MetricsSnapshot::default())));
}

/// Any bits but those that are not finite, which JSON does not have.
fn float(bytes: &mut Bytes<'_>) -> f64 {
    let value = f64::from_bits(bytes.word());
    if value.is_finite() { value } else { 0.1 }
}

fn maybe(bytes: &mut Bytes<'_>) -> Option<f64> {
    (bytes.below(4) > 0).then(|| float(bytes))
}

fn name(bytes: &mut Bytes<'_>) -> Arc<str> {
    bytes.text(12).into()
}

fn timer(bytes: &mut Bytes<'_>) -> TimerStats {
    let count = bytes.number();
    if count == 0 {
        return TimerStats::default();
    }
    TimerStats {
        count,
        avg: float(bytes),
        min: float(bytes),
        max: float(bytes),
        p50: float(bytes),
        p95: float(bytes),
        p99: float(bytes),
        span_s: float(bytes),
        age_s: float(bytes),
    }
}

fn lifetime(bytes: &mut Bytes<'_>) -> LifetimeStats {
    LifetimeStats {
        count: bytes.number(),
        sum_ms: float(bytes),
        counted: bytes.number(),
        out_of_range: bytes.number(),
        p50: maybe(bytes),
        p95: maybe(bytes),
        p99: maybe(bytes),
        p999: maybe(bytes),
    }
}

/// A few entries under arbitrary names.
fn by_name<'b, T>(bytes: &mut Bytes<'b>, value: fn(&mut Bytes<'b>) -> T) -> BTreeMap<Arc<str>, T> {
    let entries = bytes.below(3);
    (0..entries).map(|_| (name(bytes), value(bytes))).collect()
}

fn made_of(bytes: &mut Bytes<'_>) -> MetricsSnapshot {
    let mut snapshot = with_machine(bytes);
    for place in [
        &mut snapshot.coreml_inference,
        &mut snapshot.llm_inference,
        &mut snapshot.frame_processing_latency,
        &mut snapshot.frame_idle,
        &mut snapshot.frame_motion,
        &mut snapshot.frame_suppressed,
        &mut snapshot.frame_event,
        &mut snapshot.frame_failed,
    ] {
        *place = timer(bytes);
    }
    snapshot.custom = Custom {
        counters: by_name(bytes, Bytes::number),
        timers: by_name(bytes, timer),
    };
    snapshot.lifetime = by_name(bytes, lifetime);
    snapshot.histograms = by_name(bytes, |bytes| bytes.text(12));
    let stage = |bytes: &mut Bytes<'_>| InFlightStage {
        stage: name(bytes),
        for_ms: float(bytes),
    };
    snapshot.in_flight = (0..bytes.below(3)).map(|_| stage(bytes)).collect();
    snapshot.slowest_frames = frames(bytes);
    snapshot.newest_frames = frames(bytes);
    snapshot
}

fn frames(bytes: &mut Bytes<'_>) -> Vec<FrameRecord> {
    let stage = |bytes: &mut Bytes<'_>| FrameStage {
        stage: name(bytes),
        start_ms: float(bytes),
        ms: float(bytes),
    };
    let frame = |bytes: &mut Bytes<'_>| FrameRecord {
        lane: bytes.number(),
        number: bytes.number(),
        outcome: bytes.text(12).into(),
        event_id: (bytes.below(2) > 0).then(|| bytes.number()),
        ms: float(bytes),
        age_s: float(bytes),
        motion_ms: maybe(bytes),
        stages: (0..bytes.below(3)).map(|_| stage(bytes)).collect(),
        is_truncated: bytes.below(2) > 0,
    };
    (0..bytes.below(3)).map(|_| frame(bytes)).collect()
}

/// Everything that is a plain number or text.
fn with_machine(bytes: &mut Bytes<'_>) -> MetricsSnapshot {
    MetricsSnapshot {
        timestamp: float(bytes),
        time: bytes.text(30),
        version: bytes.text(10).into(),
        schema_version: bytes.byte().into(),
        sequence: bytes.number(),
        frames_processed: bytes.number(),
        motion_detected: bytes.number(),
        motion_hit_rate: maybe(bytes),
        events_created: bytes.number(),
        events_suppressed: bytes.number(),
        frames_idle: bytes.number(),
        frames_motion: bytes.number(),
        frames_failed: bytes.number(),
        cpu_usage_current: maybe(bytes),
        cpu_usage_avg: maybe(bytes),
        process_cpu_usage: maybe(bytes),
        process_cpu_cores_percent: maybe(bytes),
        memory_usage_mb: maybe(bytes),
        memory_usage_gb: maybe(bytes),
        memory_usage_percent: maybe(bytes),
        process_memory_mb: maybe(bytes),
        system_availability: maybe(bytes),
        system_uptime_percent: maybe(bytes),
        system_start_time: float(bytes),
        uptime_seconds: float(bytes),
        downtime_seconds: float(bytes),
        suspended_seconds: float(bytes),
        metrics_collection_overhead_percent: maybe(bytes),
        samples_recorded: bytes.number(),
        samples_counted: bytes.number(),
        samples_overwritten: bytes.number(),
        samples_pending: bytes.number(),
        samples_rejected: bytes.number(),
        log_errors: bytes.number(),
        frames_untraced: bytes.number(),
        ..MetricsSnapshot::default()
    }
}
