//! A collector in virtual time, with its log.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tachograph::{
    MetricsCollector, MetricsCollectorBuilder, MetricsSnapshot, Probe, SystemSample, VirtualTime,
};
use tempfile::TempDir;

/// A folder for the log, and the time that a collector on it lives in.
#[derive(Debug)]
pub struct VirtualLoop {
    folder: TempDir,
    /// All its clocks.
    pub time: VirtualTime,
}

/// A machine that tells nothing.
#[derive(Debug)]
struct NoProbe;

impl Probe for NoProbe {
    fn sample(&mut self) -> SystemSample {
        SystemSample::default()
    }
}

impl VirtualLoop {
    /// In an empty folder.
    ///
    /// # Panics
    /// There is no room for it.
    pub fn new(time: VirtualTime) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        Self { folder, time }
    }

    /// A quiet collector that logs every minute.
    pub fn builder(&self) -> MetricsCollectorBuilder {
        MetricsCollector::builder()
            .log_path(self.path())
            .quiet()
            .time_source(self.time.clone())
            .probe(NoProbe)
    }

    /// Such a collector, without a thread.
    ///
    /// # Panics
    /// It is refused.
    pub fn collector(&self) -> MetricsCollector {
        self.builder().build().expect("the defaults are allowed")
    }

    /// The log.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("metrics.json")
    }

    /// Everything that was logged, after a check of each line's form.
    ///
    /// # Panics
    /// The log is not JSON Lines, or a line claims what cannot be.
    pub fn lines(&self) -> Vec<MetricsSnapshot> {
        let text = fs::read_to_string(self.path()).expect("there is a log");
        text.lines().map(checked).collect()
    }

    /// Lets so many seconds pass, and calls `each` and polls in every one of them.
    pub fn seconds(&self, collector: &MetricsCollector, count: u64, mut each: impl FnMut(u64)) {
        for second in 0..count {
            self.time.advance(Duration::from_secs(1));
            each(second);
            collector.poll();
        }
    }
}

fn checked(line: &str) -> MetricsSnapshot {
    let json: Value = serde_json::from_str(line).expect("a line is JSON");
    // JSON has no infinity and no NaN: `serde_json` writes them as null.
    for name in [
        "timestamp",
        "system_start_time",
        "uptime_seconds",
        "observed_seconds",
        "downtime_seconds",
        "suspended_seconds",
    ] {
        assert!(json[name].is_f64(), "{name}: {}", json[name]);
    }
    let snapshot: MetricsSnapshot = serde_json::from_str(line).expect("a line is a snapshot");
    assert_plausible(&snapshot);
    snapshot
}

/// Asserts what holds of every snapshot, whatever the clocks did.
///
/// # Panics
/// It does not hold.
pub fn assert_plausible(snapshot: &MetricsSnapshot) {
    for (_, timer) in snapshot.timers() {
        let ordered = [0.0, timer.min, timer.p50, timer.p95, timer.p99, timer.max];
        assert!(
            ordered.is_sorted() && timer.max.is_finite(),
            "{timer:?} is not in order"
        );
        let slack = timer.max * 1e-12;
        assert!(
            (timer.min - slack..=timer.max + slack).contains(&timer.avg),
            "{timer:?}"
        );
        for seconds in [timer.span_s, timer.age_s] {
            assert!((0.0..2e9).contains(&seconds), "{timer:?}");
        }
    }
    for frame in snapshot
        .slowest_frames
        .iter()
        .chain(&snapshot.newest_frames)
    {
        let stages = frame.stages.iter().flat_map(|it| [it.start_ms, it.ms]);
        for number in stages.chain([frame.ms, frame.age_s]) {
            assert!((0.0..2e12).contains(&number), "{frame:?}");
        }
    }
    for running in &snapshot.in_flight {
        assert!(
            running.for_ms >= 0.0 && running.for_ms.is_finite(),
            "{running:?}"
        );
    }
    for (name, timer) in &snapshot.lifetime {
        let sum = timer.sum_ms;
        assert!(sum >= 0.0 && sum.is_finite(), "{name}: {timer:?}");
        let percentiles = [timer.p50, timer.p95, timer.p99, timer.p999];
        assert!(percentiles.is_sorted(), "{name}: {timer:?}");
    }
    let accounted =
        snapshot.samples_counted + snapshot.samples_overwritten + snapshot.samples_pending;
    assert_eq!(
        snapshot.samples_recorded, accounted,
        "samples are conserved"
    );
    let availability = snapshot.system_availability.unwrap_or(0.0);
    assert!((0.0..=100.0).contains(&availability), "{availability} %");
    assert!(snapshot.downtime_seconds <= snapshot.observed_seconds + 1e-6);
    assert!(snapshot.suspended_seconds >= 0.0 && snapshot.uptime_seconds >= 0.0);
}

/// Asserts that two numbers are equal to a millionth, or to the digits that a `f64` of this size has.
///
/// # Panics
/// They are not.
pub fn assert_near(found: f64, expected: f64, what: &str) {
    let tolerance = 1e-6 + expected.abs() * 1e-15;
    assert!(
        (found - expected).abs() <= tolerance,
        "{what}: {found}, not {expected}"
    );
}
