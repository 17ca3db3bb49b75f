//! `tacho trace`, end to end.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use serde_json::Value;
use support::camera::Camera;
use support::trace::{Slice, Trace};
use support::{events, exists, folder, folder_with, run, start, story, until};
use tachograph::{Outcome, VirtualTime, metrics};
use tempfile::TempDir;

/// Runs `tacho trace`, which has nothing to complain about, and checks what it wrote.
fn trace(folder: &TempDir, more: &[&str]) -> Trace {
    let done = run(folder, &[&["trace"], more].concat());
    assert_eq!((done.code(), done.stderr.as_str()), (Some(0), ""));
    let text = fs::read_to_string(folder.path().join("trace.json"));
    Trace::check(&text.expect("a trace"))
}

fn numbers(frames: &[&Slice]) -> Vec<u64> {
    let number = |frame: &&Slice| frame.args()["frame"].as_u64().expect("a number");
    frames.iter().map(number).collect()
}

#[test]
fn every_frame_of_a_short_run_is_there_once_with_its_stages() {
    let folder = folder_with(&story());
    assert_eq!(
        run(&folder, &["run", "--input", "input.y4m"]).code(),
        Some(0)
    );
    let trace = trace(&folder, &[]);
    let frames = trace.frames();
    assert_eq!(numbers(&frames), (0..40).collect::<Vec<_>>());
    assert_eq!(trace.threads.len(), 1);
    let outcomes = |outcome: &str| {
        let named = |frame: &&&Slice| frame.args()["outcome"] == outcome;
        frames.iter().filter(named).count()
    };
    let counts = ["idle", "event", "suppressed"].map(outcomes);
    assert_eq!(counts, [25, 2, 13]);

    let ids: Vec<Value> = events(&folder).iter().map(|it| it["id"].clone()).collect();
    let event = |frame: &&&Slice| frame.name() == "frame: event";
    let found: Vec<Value> = frames
        .iter()
        .filter(event)
        .map(|frame| frame.args()["event_id"].clone())
        .collect();
    assert_eq!(found, ids);
    let stages: Vec<&str> = frames[15].within.iter().map(Slice::name).collect();
    let expected = [
        "motion_detection",
        "coreml_inference",
        "duplicate_check",
        "event_logging",
    ];
    assert_eq!(stages, expected);
    assert_eq!(trace.of("i").count(), 15, "where motion was seen");
    let total: f64 = frames[15].within.iter().map(Slice::dur).sum();
    assert!(total <= frames[15].dur());
    // To the eighth of a microsecond.
    let ms = frames[15].args()["ms"].as_f64().expect("a length");
    assert!((frames[15].dur() - ms * 1e3).abs() < 0.2);
}

#[test]
fn runs_are_processes_and_lanes_are_threads() {
    let (folder, time) = (folder(), VirtualTime::new());
    let mut camera = Camera::start(&folder, &time);
    camera.minutes(2);
    camera.end();
    time.advance(Duration::from_mins(10));
    let mut camera = Camera::start(&folder, &time);
    let other = camera.recorder();
    camera.second();
    let mut outer = other.frame();
    outer.stage(metrics::LLM_INFERENCE);
    time.advance(Duration::from_millis(40));
    // One that is measured within another one.
    let inner = other.frame();
    time.advance(Duration::from_millis(20));
    inner.finish(Outcome::Idle);
    time.advance(Duration::from_millis(40));
    outer.finish(Outcome::Failed);
    camera.minutes(1);
    camera.end();

    let trace = trace(&folder, &[]);
    let processes = trace.names("process_name");
    assert_eq!(processes.len(), 2);
    assert!(
        processes[0].starts_with("run 1, since 2026-01-01T00:00:0"),
        "{processes:?}"
    );
    assert!(
        processes[1].starts_with("run 2, since 2026-01-01T00:12:0"),
        "{processes:?}"
    );
    let threads = trace.names("thread_name");
    assert_eq!(
        threads,
        ["lane 1", "lane 1", "lane 2", "lane 2, within (1)"]
    );
    let [first, second, outer, inner] =
        [(1, 1), (2, 2), (2, 3), (2, 4)].map(|it| &trace.threads[&it]);
    // Of the first run, the eight slowest of each line: those with an event, then the oldest.
    let expected = [0, 1, 2, 3, 4, 5, 20, 40, 60, 80, 100];
    assert_eq!(numbers(&first.iter().collect::<Vec<_>>()), expected);
    // Of the second one, also the newest.
    assert_eq!(second.len(), 61);
    assert_eq!((outer.len(), inner.len()), (1, 1));
    assert_eq!((outer[0].dur(), inner[0].dur()), (100_000.0, 20_000.0));
    assert_eq!(outer[0].within[0].name(), "llm_inference");
    assert_eq!(outer[0].event["cname"], "terrible");
    let rates = trace.of("C").filter(|it| it["name"] == "frames per second");
    let rates: Vec<_> = rates.map(|it| it["args"]["frames"].as_f64()).collect();
    assert_eq!(rates[..2], [Some(1.0), Some(1.0)]);

    let epoch = trace.other_data["epoch_unix_seconds"]
        .as_f64()
        .expect("a time");
    let began = epoch + first[0].event["ts"].as_f64().expect("checked") / 1e6;
    assert!((began - 1_767_225_600.0).abs() < 1e-6, "{began}");
}

#[test]
fn frames_stay_in_their_order_when_the_clock_is_set_back() {
    let (folder, time) = (folder(), VirtualTime::new());
    let mut camera = Camera::start(&folder, &time);
    camera.minutes(1);
    time.step_back(Duration::from_mins(30));
    camera.minutes(1);
    time.step_forward(Duration::from_hours(5));
    camera.minutes(1);
    camera.end();
    let trace = trace(&folder, &[]);
    let numbers = numbers(&trace.frames());
    assert!(numbers.is_sorted(), "{numbers:?}");
    let frames = trace.frames();
    let (first, last) = (
        &frames[0].event["ts"],
        &frames[frames.len() - 1].event["ts"],
    );
    let seconds = (last.as_f64().expect("checked") - first.as_f64().expect("checked")) / 1e6;
    assert!((170.0..180.0).contains(&seconds), "{seconds}");
}

#[test]
fn what_is_wanted_can_be_narrowed() {
    let (folder, time) = (folder(), VirtualTime::new());
    let mut camera = Camera::start(&folder, &time);
    camera.minutes(30);
    camera.end();
    fs::remove_file(folder.path().join("logs/metrics.latest.json")).expect("there");
    let all = numbers(&trace(&folder, &[]).frames());
    let distinct: BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len(), "each once");
    let three = trace(&folder, &["--slowest", "3"]);
    // 60, 60 and 60 ms in the stage; of equally slow ones the older.
    assert_eq!(numbers(&three.frames()), [40, 140, 240]);
    let last = trace(&folder, &["--last", "5m"]);
    assert_eq!(
        last.of("C")
            .filter(|it| it["name"] == "frames per second")
            .count(),
        5
    );
    assert!(last.frames().len() < all.len());

    let file = fs::read_to_string(folder.path().join("trace.json")).expect("a trace");
    let done = run(&folder, &["trace", "--last", "5m", "-o", "-"]);
    assert_eq!((done.code(), done.stdout), (Some(0), file));
    let done = run(&folder, &["trace", "-o", "none/trace.json"]);
    assert_eq!(done.code(), Some(1));
    assert!(
        done.sentence()
            .starts_with("cannot write none/trace.json: ")
    );
}

#[test]
fn damage_is_left_out_and_said() {
    let folder = folder();
    fs::create_dir(folder.path().join("logs")).expect("room");
    let line = |frames: &str, time: &str| {
        format!(
            "{{\"timestamp\":{time},\"uptime_seconds\":60,\"sequence\":1,\"slowest_frames\":[{frames}]}}\n"
        )
    };
    let frames = [
        r#"{"lane":18446744073709551615,"number":0,"ms":1e308,"age_s":1}"#,
        r#"{"lane":1,"number":1,"ms":-5,"age_s":1}"#,
        r#"{"lane":1,"number":2,"ms":5,"age_s":-1e300}"#,
        r#"{"lane":1,"number":3,"ms":50,"age_s":1,"outcome":"\u001b[2J","motion_ms":1e300,
            "stages":[{"stage":"\u0007a","start_ms":-3,"ms":1e9},{"stage":"b","start_ms":1,"ms":4},
            {"stage":"c","start_ms":1e300,"ms":1e300},{"stage":"","start_ms":60,"ms":0}]}"#,
        r#"{"lane":1,"number":4,"ms":50,"age_s":1.02}"#,
        r#"{"lane":1,"number":5,"ms":0,"age_s":0.9}"#,
    ];
    let frames = frames.join(",").replace('\n', "");
    let log = line(&frames, "1e9") + &line(&frames, "1e200") + &line(&frames, "-4e9") + "torn";
    fs::write(folder.path().join("logs/metrics.json"), log).expect("room");
    let done = run(&folder, &["trace"]);
    assert_eq!(done.code(), Some(0), "{}", done.stderr);
    assert!(
        done.stderr.contains("frames are left out"),
        "{}",
        done.stderr
    );
    assert!(done.stderr.contains("line 4 is skipped"), "{}", done.stderr);
    let text = fs::read_to_string(folder.path().join("trace.json")).expect("a trace");
    assert!(!text.trim_end().contains(char::is_control));
    let trace = Trace::check(&text);
    assert_eq!(trace.frames().len(), 6);
    let first = trace.frames()[0];
    assert_eq!(first.name(), "frame: ?[2J");
    assert_eq!(
        first.within.iter().map(Slice::name).collect::<Vec<_>>(),
        ["?a"]
    );
    assert_eq!(
        first.within[0].event["dur"], first.event["dur"],
        "it is cut to its frame"
    );
}

#[test]
fn a_running_loop_is_asked_for_its_newest_frames() {
    let folder = folder();
    let arguments = ["run", "--fps", "50", "--quiet", "--duration", "6s"];
    let running = start(&folder, &arguments);
    until("a log", || exists(&folder, "logs/metrics.json"));
    // Before the first line, which comes after a minute, there is no other source.
    let newest = || {
        let frames = trace(&folder, &[]);
        numbers(&frames.frames()).into_iter().max()
    };
    let first = newest();
    std::thread::sleep(Duration::from_secs(1));
    let second = newest();
    assert!(first.is_some() && second > first, "{first:?}, {second:?}");
    assert_eq!(running.finish().code(), Some(0));
}

#[test]
fn logs_without_frames_are_no_mystery() {
    let folder = folder();
    let done = run(&folder, &["trace"]);
    assert_eq!(done.code(), Some(2));
    assert_eq!(done.sentence(), "no log at logs/metrics.json");
    fs::write(
        folder.path().join("old.json"),
        "{\"timestamp\":1700000000}\n",
    )
    .expect("room");
    let done = run(&folder, &["trace", "old.json"]);
    assert_eq!(done.code(), Some(0));
    assert_eq!(
        done.stderr,
        "tacho: warning: no line of old.json names a frame\n"
    );
    let text = fs::read_to_string(folder.path().join("trace.json")).expect("a trace");
    assert_eq!(Trace::check(&text).frames().len(), 0);
}
