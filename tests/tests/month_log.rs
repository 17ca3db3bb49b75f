//! The log that reports, checks and comparisons are tried on: it has what a real one has, and the same seed writes the same.

use std::process::Command;

use tachograph::{MetricsSnapshot, read_lines};
use tachograph_tests::assert_plausible;

fn write(minutes: u32, more: &[&str]) -> Vec<MetricsSnapshot> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("metrics.json");
    let done = Command::new(env!("CARGO_BIN_EXE_month_log"))
        .args(["--minutes", &minutes.to_string(), "--out"])
        .arg(&path)
        .args(more)
        .status();
    assert!(done.expect("it starts").success());
    let lines = read_lines(&path);
    lines.map(|line| line.expect("sound")).collect()
}

#[test]
fn it_has_all_outcomes_a_stall_and_a_death() {
    let lines = write(40, &["--seed", "3", "--rotate-bytes", "100000"]);
    lines.iter().for_each(assert_plausible);
    assert!((36..=40).contains(&lines.len()), "{} lines", lines.len());
    let deaths = lines
        .windows(2)
        .filter(|pair| pair[1].sequence < pair[0].sequence);
    assert_eq!(deaths.count(), 1);
    assert!(lines.iter().any(|line| {
        line.in_flight
            .iter()
            .any(|it| &*it.stage == "llm_inference")
    }));
    let last = lines.last().expect("a line");
    // 45 s of stall, of which ten are allowed, and 90 s dead.
    assert!(
        (120.0..190.0).contains(&last.downtime_seconds),
        "{}",
        last.downtime_seconds
    );
    let before_death = lines.iter().map(|line| line.frames_failed).max();
    assert!(before_death > Some(0), "the stall is a failure");
    assert!(last.frames_idle > 0 && last.frames_motion > 0 && last.events_suppressed > 0);
}

#[test]
fn the_same_seed_sees_the_same_and_slower_is_slower() {
    let medians = |lines: &[MetricsSnapshot]| -> Vec<f64> {
        lines.iter().map(|line| line.coreml_inference.p50).collect()
    };
    let [first, again, slower] =
        [&[][..], &[], &["--slower", "1.5"]].map(|more| medians(&write(20, more)));
    assert_eq!(first, again);
    // Before the death there are the most samples.
    let [first, slower] = [first[12], slower[12]];
    assert!((1.4..1.6).contains(&(slower / first)), "{first}, {slower}");
}
