//! The log of a camera with a stall and an outage, and the reports that are made of it.
#![allow(dead_code, unreachable_pub)] // Each test binary uses its part of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tachograph::{MetricsCollector, Outcome, Timer, VirtualTime, metrics};
use tempfile::TempDir;

use crate::machine::Machine;
use crate::support::{folder, run};

pub const LOG: &str = "logs/metrics.json";

/// A collector on a log, with a timer of its own.
fn started(log: &Path, time: &VirtualTime) -> (MetricsCollector, Timer) {
    // A process that another test starts meanwhile has the last collector's lock until it is itself.
    for _ in 0..100 {
        let mut builder = MetricsCollector::builder()
            .log_path(log)
            .quiet()
            .time_source(time.clone())
            .probe(Machine::default());
        let decode = builder.timer("decode").expect("a name");
        if let Ok(collector) = builder.build() {
            return (collector, decode);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("no collector on {}", log.display());
}

/// Lets a camera run for so many minutes of virtual time: a frame a second, every tenth with motion, every thirtieth an event. After
/// half of the time a description hangs for 40 s; after three quarters the service dies and is away for 5 minutes.
fn camera(log: &Path, minutes: u64) {
    let time = VirtualTime::new();
    time.advance(Duration::from_hours(500_000));
    let (first, second) = (minutes * 3 / 4, minutes - minutes * 3 / 4);
    for (number, minutes) in [first, second].into_iter().enumerate() {
        let (collector, decode) = started(log, &time);
        let recorder = collector.recorder();
        for second in 0..minutes * 60 {
            let hangs = number == 0 && second == minutes * 40;
            let mut frame = recorder.frame();
            frame.stage(decode);
            time.advance(Duration::from_micros(2000 + second % 7 * 100));
            let mut left = Duration::from_millis(997);
            let outcome = match second % 30 {
                _ if hangs => {
                    frame.motion();
                    frame.stage(metrics::LLM_INFERENCE);
                    for _ in 0..40 {
                        time.advance(Duration::from_secs(1));
                        collector.poll();
                    }
                    Outcome::Failed
                }
                10 => {
                    frame.motion();
                    frame.stage(metrics::COREML_INFERENCE);
                    time.advance(Duration::from_millis(40));
                    Outcome::Motion
                }
                20 => {
                    frame.motion();
                    frame.stage(metrics::COREML_INFERENCE);
                    time.advance(Duration::from_millis(45));
                    frame.stage(metrics::LLM_INFERENCE);
                    time.advance(Duration::from_millis(800 + second % 11 * 10));
                    left = Duration::from_millis(50);
                    Outcome::Event
                }
                _ => Outcome::Idle,
            };
            frame.finish(outcome);
            time.advance(left);
            collector.poll();
        }
        if number == 1 {
            collector.shutdown().expect("the log is written");
        }
        drop(recorder);
        time.advance(Duration::from_mins(5));
    }
}

pub fn folder_with_log(minutes: u64) -> TempDir {
    let folder = folder();
    fs::create_dir(folder.path().join("logs")).expect("made");
    camera(&folder.path().join(LOG), minutes);
    folder
}

/// Makes the report of a folder's log, and returns where it is.
pub fn report(folder: &TempDir, arguments: &[&str]) -> PathBuf {
    let all: Vec<&str> = ["report"]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    let finished = run(folder, &all);
    assert_eq!(finished.code(), Some(0), "{}", finished.stderr);
    assert_eq!(finished.stdout, "");
    folder.path().join("report.html")
}

pub fn page(folder: &TempDir, arguments: &[&str]) -> String {
    fs::read_to_string(report(folder, arguments)).expect("a page")
}

/// What the page's charts are drawn from.
pub fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("type=\"application/json\">").expect("data");
    let (json, _) = rest.split_once("</script>").expect("an end");
    serde_json::from_str(json).expect("JSON")
}
