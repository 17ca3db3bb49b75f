//! `tacho compare`, end to end, on logs of the real collector.

#[path = "support/log.rs"]
mod log;
#[path = "support/machine.rs"]
mod machine;
mod support;

use std::fs;

use serde_json::Value;
use support::Finished;
use tempfile::TempDir;

/// Two logs in one folder: `a.json` of the first times, `b.json` of the second.
fn logs(before: impl FnMut(u64) -> u64, after: impl FnMut(u64) -> u64, minutes: u64) -> TempDir {
    let (folder, path) = log::log(minutes, before);
    fs::rename(path, folder.path().join("a.json")).expect("renamed");
    let (_other, path) = log::log(minutes, after);
    fs::copy(path, folder.path().join("b.json")).expect("copied");
    folder
}

fn compare(folder: &TempDir, more: &[&str]) -> Finished {
    support::run(folder, &[&["compare", "a.json", "b.json"], more].concat())
}

fn json(folder: &TempDir, more: &[&str]) -> (Option<i32>, Value) {
    let done = compare(folder, &[&["--json"], more].concat());
    let object = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{}", done.stderr));
    (done.code(), object)
}

/// Scattered from 20 to 59 ms, without the order of time.
fn scattered(second: u64) -> u64 {
    20 + second * 7919 % 40
}

#[test]
fn what_got_slower_is_more_than_chance_and_fails() {
    let folder = logs(scattered, |second| scattered(second) * 3 / 2, 20);
    let expressions = [
        "--fail-if",
        "coreml_inference.p95 > +10%",
        "--fail-if",
        "frames_processed < -5%",
    ];
    let (code, object) = json(&folder, &expressions);
    assert_eq!(code, Some(1));
    let p95 = &object["timers"]["coreml_inference"]["p95"];
    assert_eq!(p95["more_than_chance"], true);
    let change = p95["change_percent"].as_f64().expect("a number");
    assert!((change - 50.0).abs() < 3.0, "{change}");
    assert!(p95["low"].as_f64() < Some(change) && p95["high"].as_f64() > Some(change));
    assert_eq!(object["timers"]["coreml_inference"]["n"]["a"], 1200);
    let verdicts = object["fail_if"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| &it["verdict"]);
    assert_eq!(verdicts.collect::<Vec<_>>(), ["fail", "pass"]);
    let rate = object["numbers"]["frames_processed"]["a"]
        .as_f64()
        .expect("a number");
    assert!((rate - 3600.0).abs() < 1.0, "{rate} an hour");
    // The other way round it got faster, and that was not forbidden.
    let swapped = [
        "compare",
        "b.json",
        "a.json",
        "--fail-if",
        "coreml_inference.p95 > +10%",
    ];
    let swapped = support::run(&folder, &swapped);
    assert_eq!(swapped.code(), Some(0), "{}", swapped.stdout);
    assert!(swapped.stdout.contains("▼ shorter"), "{}", swapped.stdout);
}

#[test]
fn the_same_is_within_chance_and_holds() {
    let folder = logs(scattered, |second| scattered(second + 17), 20);
    let done = compare(
        &folder,
        &[
            "--fail-if",
            "coreml_inference.p95 > +10%",
            "--fail-if",
            "coreml_inference.avg > +5ms",
        ],
    );
    assert_eq!(done.code(), Some(0), "{}", done.stdout);
    assert!(done.stdout.contains("within chance"), "{}", done.stdout);
    assert!(
        done.stdout.contains("2 of 2 expressions hold."),
        "{}",
        done.stdout
    );
    assert!(!done.stdout.contains('▲'), "{}", done.stdout);
    let without = compare(&folder, &[]);
    assert_eq!(without.code(), Some(0));
}

#[test]
fn a_change_around_the_bound_is_not_decided() {
    let folder = logs(scattered, |second| scattered(second) * 11 / 10, 20);
    let (code, object) = json(&folder, &["--fail-if", "coreml_inference.p50 > +10%"]);
    assert_eq!(code, Some(3), "{object:#}");
    let (code, _) = json(&folder, &["--fail-if", "llm_inference.p95 > +10%"]);
    assert_eq!(code, Some(3), "no samples at all");
    // One that fails is worse than one that is not decided.
    let both = [
        "--fail-if",
        "llm_inference.p95 > +10%",
        "--fail-if",
        "coreml_inference.p50 > -50%",
    ];
    assert_eq!(json(&folder, &both).0, Some(1));
}

#[test]
fn a_wrong_expression_is_one_sentence() {
    let folder = logs(scattered, scattered, 2);
    for (expression, expected) in [
        ("coreml_inference.p95 > 10%", "needs its sign"),
        ("coreml_inference > +10%", "needs a statistic"),
        (
            "nonsense.p95 > +10%",
            "neither log has a timer \"nonsense\"; they have coreml_inference",
        ),
        (
            "nonsense > +10%",
            "neither log has a number \"nonsense\"; they have ",
        ),
    ] {
        let done = compare(&folder, &["--fail-if", expression]);
        assert_eq!(done.code(), Some(2), "{expression}: {}", done.stdout);
        assert!(
            done.sentence().contains(expected),
            "{expression}: {}",
            done.stderr
        );
    }
    let missing = support::run(&folder, &["compare", "a.json", "c.json"]);
    assert_eq!(
        (missing.code(), missing.sentence()),
        (Some(2), "no log at c.json")
    );
}

#[test]
fn an_empty_log_is_not_evidence() {
    let folder = logs(scattered, scattered, 2);
    fs::write(folder.path().join("b.json"), "").expect("written");
    let done = compare(&folder, &["--fail-if", "decode.p95 > +10%"]);
    assert_eq!(done.code(), Some(3), "{}", done.stderr);
    assert!(done.stdout.contains("no data"), "{}", done.stdout);
}

/// A line for each field of a sound one, with something odd in it, and for the fields within `custom` and `histograms`.
fn odd_lines(sound: &Value, odd: &Value) -> String {
    let mut lines = Vec::new();
    for key in sound.as_object().expect("an object").keys() {
        let mut line = sound.clone();
        line[key] = odd.clone();
        lines.push(line);
    }
    for pointer in [
        "/custom/counters/reconnects",
        "/histograms/coreml_inference",
        "/lifetime/decode",
    ] {
        let mut line = sound.clone();
        if let Some(field) = line.pointer_mut(pointer) {
            *field = odd.clone();
            lines.push(line);
        }
    }
    lines
        .iter()
        .map(Value::to_string)
        .collect::<Vec<_>>()
        .join("\n")
        + "\n"
}

/// A histogram of 2^54 samples; a thousand and some of them are more than can be counted.
const ENDLESS: &str =
    "HISTFAAAADF4nJNpmSzMwMB+gwECmKHUCyB2M9ixgMH+A8MoGAWjYBSMglEwCoYJaIAABwA7/AnU";

#[test]
fn whatever_a_log_claims_nothing_panics() {
    let folder = logs(scattered, scattered, 2);
    let text = fs::read_to_string(folder.path().join("a.json")).expect("a log");
    let sound: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    let odd = [
        serde_json::json!(1e308),
        serde_json::json!(-1e308),
        serde_json::json!(u64::MAX),
        serde_json::json!(0),
        serde_json::json!("\u{1b}[31m"),
        serde_json::json!(ENDLESS),
        serde_json::json!([1, {}]),
        Value::Null,
    ];
    for odd in odd {
        let lines = odd_lines(&sound, &odd);
        // Between sound ones, so that there is something to read in any case.
        fs::write(folder.path().join("b.json"), format!("{text}{lines}{text}")).expect("written");
        assert_nothing_panics(&folder, &odd);
    }
    // More samples than can be counted.
    let line =
        format!("{{\"timestamp\":1.5,\"histograms\":{{\"coreml_inference\":\"{ENDLESS}\"}}}}\n");
    fs::write(folder.path().join("b.json"), line.repeat(1100)).expect("written");
    assert_nothing_panics(&folder, &ENDLESS.into());
}

fn assert_nothing_panics(folder: &TempDir, odd: &Value) {
    for arguments in [
        &[
            "compare",
            "a.json",
            "b.json",
            "--fail-if",
            "coreml_inference.p95 > +1%",
        ][..],
        &[
            "compare",
            "b.json",
            "a.json",
            "--fail-if",
            "process_memory_mb > +1%",
        ],
        &["check", "b.json"],
        &["check", "b.json", "--last", "1m", "--json"],
    ] {
        let done = support::run(folder, arguments);
        assert!(
            matches!(done.code(), Some(0 | 1 | 3)),
            "{odd}: {arguments:?}: {}",
            done.stderr
        );
        assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
        for text in [&done.stdout, &done.stderr] {
            assert!(!text.contains('\u{1b}'), "{text:?}");
        }
    }
}

#[test]
fn help_has_an_example() {
    let help = support::run(&support::folder(), &["compare", "--help"]);
    assert_eq!(help.code(), Some(0));
    assert!(
        help.stdout.contains("tacho compare before.json after.json"),
        "{}",
        help.stdout
    );
}
