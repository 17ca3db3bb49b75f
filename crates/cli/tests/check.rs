//! `tacho check`, end to end, on logs of the real collector.

#[path = "support/log.rs"]
mod log;
#[path = "support/machine.rs"]
mod machine;
mod support;

use std::fs;
use std::time::Duration;

use serde_json::Value;
use support::{Finished, folder};
use tachograph::VirtualTime;
use tempfile::TempDir;

fn check(folder: &TempDir, more: &[&str]) -> Finished {
    support::run(folder, &[&["check", "metrics.json"], more].concat())
}

fn check_with(folder: &TempDir, targets: &str, more: &[&str]) -> (Finished, Value) {
    fs::write(
        folder.path().join("t.toml"),
        format!("[targets]\n{targets}"),
    )
    .expect("written");
    let done = check(folder, &[&["--json", "--targets", "t.toml"], more].concat());
    let object = serde_json::from_str(&done.stdout).unwrap_or(Value::Null);
    (done, object)
}

fn target<'a>(object: &'a Value, name: &str) -> &'a Value {
    let targets = object["targets"].as_array().expect("a list");
    targets
        .iter()
        .find(|it| it["target"] == name)
        .unwrap_or_else(|| panic!("no {name}"))
}

/// Without what these logs have no samples of.
const QUIET: &str = "llm_inference.p95 = \"off\"\n";

#[test]
fn what_is_met_passes_with_its_evidence() {
    // 1 to 100 ms, again and again: the 95th percentile is 95 ms.
    let (folder, _) = log::log(60, |second| second % 100 + 1);
    let (done, object) = check_with(&folder, QUIET, &[]);
    assert_eq!(
        (done.code(), done.stderr.as_str()),
        (Some(0), ""),
        "{}",
        done.stdout
    );
    assert_eq!(object["verdict"], "pass");
    let p95 = target(&object, "coreml_inference.p95");
    assert_eq!(p95["n"], 3600);
    // scipy: ranks 3394 and 3446 of 3600, that is the 95th and 96th of a hundred.
    for (name, expected) in [("value", 95.0), ("low", 95.0), ("high", 96.0)] {
        let found = p95[name].as_f64().expect("a number");
        assert!((found - expected).abs() < 0.1, "{name}: {found}");
    }
    assert_eq!(
        target(&object, "process_memory_mb")["value"],
        300.0,
        "the peak"
    );
    assert_eq!(target(&object, "system_availability")["value"], 100.0);
    assert_eq!(object["span"]["lines"], 60);
    assert_eq!(object["span"]["covered_seconds"], 3600.0);

    let text = check(&folder, &[]);
    assert_eq!(text.code(), Some(3), "no llm_inference: {}", text.stdout);
    assert!(
        text.stdout.contains("? not enough evidence"),
        "{}",
        text.stdout
    );
    assert!(
        text.stdout.contains("for 1 there is not enough evidence"),
        "{}",
        text.stdout
    );
}

#[test]
fn the_percentile_is_of_all_samples_and_not_of_the_lines() {
    // A minute in ten is slow: the mean of the lines' p95 is 13 ms, and the p95 of the samples 40 ms.
    let (folder, _) = log::log(30, |second| if second / 60 % 10 == 0 { 40 } else { 10 });
    let (done, object) = check_with(
        &folder,
        &format!("{QUIET}coreml_inference.p95 = \"< 20ms\""),
        &[],
    );
    assert_eq!(done.code(), Some(1));
    let p95 = target(&object, "coreml_inference.p95");
    assert!((p95["value"].as_f64().expect("a number") - 40.0).abs() < 0.1);
    assert_eq!(p95["verdict"], "fail");
}

#[test]
fn a_limit_within_the_interval_is_not_decided() {
    let (folder, _) = log::log(3, |second| second % 100 + 1);
    for (limit, code, verdict) in [
        ("< 90ms", 3, "not_enough_evidence"),
        ("< 96ms", 3, "not_enough_evidence"),
        ("< 101ms", 0, "pass"),
        ("< 50ms", 1, "fail"),
        ("> 50ms", 0, "pass"),
        ("> 90ms", 3, "not_enough_evidence"),
        ("> 101ms", 1, "fail"),
    ] {
        let targets = format!("{QUIET}coreml_inference.p95 = \"{limit}\"");
        let (done, object) = check_with(&folder, &targets, &[]);
        assert_eq!(
            target(&object, "coreml_inference.p95")["verdict"],
            verdict,
            "{limit}: {object:#}"
        );
        assert_eq!(done.code(), Some(code), "{limit}");
    }
}

#[test]
fn the_last_part_alone() {
    let folder = folder();
    let time = VirtualTime::new();
    let run = log::run(&folder.path().join("metrics.json"), &time);
    run.minutes(30, |_| 200);
    run.minutes(10, |_| 20);
    assert_eq!(check(&folder, &[]).code(), Some(1));
    let (done, object) = check_with(&folder, QUIET, &["--last", "10m"]);
    assert_eq!(done.code(), Some(0), "{}", done.stdout);
    assert_eq!(target(&object, "coreml_inference.p95")["n"], 600);
    assert_eq!(object["span"]["lines"], 10);
}

#[test]
fn counters_count_over_restarts_and_the_gap_is_downtime() {
    let folder = folder();
    let path = folder.path().join("metrics.json");
    let time = VirtualTime::new();
    log::run(&path, &time).minutes(10, |_| 20);
    time.advance(Duration::from_mins(10));
    log::run(&path, &time).minutes(20, |_| 20);
    let targets = "events_created = \"> 1799\"\nframes_failed = \"< 0\"\nreconnects = \"< 0\"\n\
                   downtime_seconds = \"< 600\"\nsystem_availability = \"> 80%\"\nprocess_cpu_usage = \"< 100%\"";
    let (_, object) = check_with(&folder, targets, &[]);
    let value = |name| target(&object, name)["value"].as_f64().expect("a number");
    assert_eq!(object["span"]["runs"], 2);
    assert!(
        (value("events_created") - 1800.0).abs() < 1e-9,
        "{object:#}"
    );
    assert!((value("frames_failed") - 0.0).abs() < 1e-9);
    assert!((value("reconnects") - 0.0).abs() < 1e-9);
    assert!(
        (value("downtime_seconds") - 600.0).abs() < 1.0,
        "{object:#}"
    );
    assert!(
        (value("system_availability") - 75.0).abs() < 0.1,
        "{object:#}"
    );
    assert_eq!(target(&object, "system_availability")["verdict"], "fail");
    // Of the second run alone: the gap is in its first line, and cut off with it.
    let (_, object) = check_with(&folder, targets, &["--last", "15m"]);
    let value = |name| target(&object, name)["value"].as_f64().expect("a number");
    assert!(
        (value("system_availability") - 100.0).abs() < 1e-9,
        "{object:#}"
    );
    assert!((value("events_created") - 900.0).abs() < 1e-9, "{object:#}");
}

#[test]
fn what_cannot_be_read_is_told_in_a_sentence() {
    let folder = folder();
    let missing = check(&folder, &[]);
    assert_eq!(
        (missing.code(), missing.sentence()),
        (Some(2), "no log at metrics.json")
    );
    fs::write(folder.path().join("metrics.json"), "x\n\u{1b}[31m\n").expect("written");
    let foreign = check(&folder, &[]);
    assert_eq!(foreign.code(), Some(2));
    assert!(
        foreign
            .sentence()
            .contains("metrics.json is not a metrics log: "),
        "{}",
        foreign.stderr
    );
    fs::write(folder.path().join("metrics.json"), "").expect("written");
    let empty = check(&folder, &[]);
    assert_eq!(empty.code(), Some(3), "{}", empty.stderr);
    assert!(empty.stdout.contains("no lines"), "{}", empty.stdout);
    fs::write(
        folder.path().join("t.toml"),
        "[targets]\ncoreml_inference.p42 = \"< 1ms\"\n",
    )
    .expect("written");
    let wrong = check(&folder, &["--targets", "t.toml"]);
    assert_eq!(wrong.code(), Some(2));
    assert!(wrong.sentence().contains("t.toml:2"), "{}", wrong.stderr);
    let missing = check(&folder, &["--targets", "nowhere.toml"]);
    assert_eq!(missing.code(), Some(2));
    assert!(
        missing.sentence().contains("nowhere.toml"),
        "{}",
        missing.stderr
    );
}

#[test]
fn torn_older_and_newer_lines_are_no_obstacle() {
    let (folder, path) = log::log(3, |_| 20);
    let sound = fs::read_to_string(&path).expect("a log");
    let newer = sound
        .lines()
        .last()
        .expect("a line")
        .replace("\"schema_version\":1", "\"schema_version\":2,\"more\":[1]");
    let older = "{\"timestamp\":1767225000.0,\"frames_processed\":5}";
    let torn = "{\"timestamp\":17672";
    fs::write(&path, format!("{older}\nnoise\n{sound}{newer}\n{torn}")).expect("written");
    let done = check(&folder, &[]);
    assert_eq!(done.code(), Some(3), "{}", done.stderr);
    let warnings: Vec<_> = done.stderr.lines().collect();
    assert_eq!(warnings.len(), 2, "{}", done.stderr);
    assert!(
        warnings[0].contains("metrics.json line 2 is skipped"),
        "{}",
        done.stderr
    );
    assert!(warnings[0].contains("1 more"), "{}", done.stderr);
    assert!(
        warnings[1].contains("line 6 was written by a newer version"),
        "{}",
        done.stderr
    );
    assert!(done.stdout.contains("5 lines"), "{}", done.stdout);
}

#[test]
fn help_has_an_example() {
    let help = support::run(&folder(), &["check", "--help"]);
    assert_eq!(help.code(), Some(0));
    assert!(
        help.stdout.contains("tacho check --last 1h"),
        "{}",
        help.stdout
    );
}
