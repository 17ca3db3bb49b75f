//! Logs written by the real collector in virtual time.
#![allow(dead_code, unreachable_pub)] // Each test binary uses its part of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tachograph::{MetricsCollector, Outcome, Recorder, Timer, VirtualTime, metrics};
use tempfile::TempDir;

use crate::machine::Machine;

/// A run of a collector that logs a line a minute.
pub struct Run {
    time: VirtualTime,
    collector: MetricsCollector,
    pub recorder: Recorder,
    pub decode: Timer,
}

/// Starts a run that continues the log at `path`, if it is there.
pub fn run(path: &Path, time: &VirtualTime) -> Run {
    let mut builder = MetricsCollector::builder()
        .log_path(path)
        .quiet()
        .time_source(time.clone())
        .probe(Machine::default());
    let decode = builder.timer("decode").expect("a name");
    builder.counter("reconnects").expect("a name");
    let collector = builder.build().expect("sound");
    Run {
        time: time.clone(),
        recorder: collector.recorder(),
        collector,
        decode,
    }
}

impl Run {
    /// Lets minutes pass, with a frame a second: each an event whose inference takes as long as `millis` says of its number.
    pub fn minutes(&self, count: u64, mut millis: impl FnMut(u64) -> u64) {
        for second in 0..count * 60 {
            let took = Duration::from_millis(millis(second));
            let mut frame = self.recorder.frame();
            frame.motion();
            frame.stage(metrics::COREML_INFERENCE);
            self.time.advance(took);
            frame.finish(Outcome::Event);
            self.time
                .advance(Duration::from_secs(1).saturating_sub(took));
            self.collector.poll();
        }
    }
}

/// A folder with the log of one run in `metrics.json`.
pub fn log(minutes: u64, millis: impl FnMut(u64) -> u64) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("metrics.json");
    run(&path, &VirtualTime::new()).minutes(minutes, millis);
    (folder, path)
}
