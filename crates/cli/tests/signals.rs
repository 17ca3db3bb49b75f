//! Signals, end to end: whatever the run is waiting for, it ends in order and soon.

#![cfg(unix)]

mod support;

use std::fs;
use std::time::{Duration, Instant};

use support::{
    balanced, events, exists, folder, folder_with, last_line, model, start, story, until,
};

#[test]
fn a_signal_ends_a_run_whose_input_is_silent() {
    for arguments in [
        &["run", "--input", "-"][..],
        &["run"],
        &["run", "--input", "-", "--quiet"],
    ] {
        let folder = folder();
        let mut tacho = start(&folder, arguments);
        if arguments.len() == 4 {
            // Silent in the middle of a frame instead of before the header.
            let bytes = story();
            tacho.feed(&bytes[..bytes.len() / 2]);
        }
        until("a log", || exists(&folder, "logs/metrics.json"));
        std::thread::sleep(Duration::from_millis(300));
        tacho.signal("TERM");
        let sent = Instant::now();
        let done = tacho.wait();
        assert_eq!(done.code(), Some(0), "{arguments:?}: {}", done.stderr);
        assert!(sent.elapsed() < Duration::from_secs(5));
        balanced(&last_line(&folder));
    }
}

#[test]
fn a_signal_ends_a_run_whose_model_hangs() {
    let folder = folder_with(&story());
    let url = model(None);
    let arguments = ["run", "--input", "input.y4m", "--llm-url", &url];
    let tacho = start(&folder, &[&arguments[..], &["--llm-model", "m"]].concat());
    until("a log", || exists(&folder, "logs/metrics.json"));
    std::thread::sleep(Duration::from_millis(500));
    tacho.signal("INT");
    let sent = Instant::now();
    let done = tacho.wait();
    assert_eq!(done.code(), Some(0), "{}", done.stderr);
    assert!(sent.elapsed() < Duration::from_secs(5));
    let line = last_line(&folder);
    assert_eq!(
        balanced(&line),
        16,
        "the frame that was underway is the last"
    );
    let events = events(&folder);
    assert_eq!(events.len(), 1);
    assert_eq!(
        events[0]["description_error"],
        "the run ended before the answer came"
    );
}

#[test]
fn while_the_model_hangs_the_log_says_so_and_availability_falls() {
    let folder = folder_with(&story());
    let config = "metrics_interval = \"100ms\"\nstall_after = \"300ms\"\n";
    fs::write(folder.path().join("tacho.toml"), config).expect("written");
    let url = model(None);
    let input = ["run", "--input", "input.y4m", "--config", "tacho.toml"];
    let model = ["--llm-model", "m", "--llm-url", &url];
    let tacho = start(&folder, &[&input[..], &model].concat());
    let path = folder.path().join("logs/metrics.json");
    let mut last = serde_json::Value::Null;
    until("a line about the model", || {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        last = whole
            .lines()
            .last()
            .and_then(|line| serde_json::from_str(line).ok())
            .unwrap_or_default();
        let stage = &last["in_flight"][0];
        stage["stage"] == "llm_inference" && stage["for_ms"].as_f64() > Some(1000.0)
    });
    assert!(last["system_availability"].as_f64() < Some(100.0), "{last}");
    assert!(last["system_availability"].as_f64() > Some(0.0), "{last}");
    tacho.signal("TERM");
    assert_eq!(tacho.wait().code(), Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_standard_output_that_nobody_reads_stops_nothing() {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let folder = folder();
    let (_unread, mut pipe) = std::io::pipe().expect("a pipe");
    // As much as a pipe holds: the first byte of status already blocks.
    pipe.write_all(&vec![0; 64 * 1024]).expect("room");
    let mut child = Command::new(env!("CARGO_BIN_EXE_tacho"))
        .args(["run", "--metrics-interval", "100ms"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(pipe)
        .stderr(Stdio::piped())
        .spawn()
        .expect("tacho starts");
    let lines = || {
        let log = fs::read_to_string(folder.path().join("logs/metrics.json"));
        log.map_or(0, |text| text.lines().count())
    };
    until("ten lines", || lines() > 10);
    let sent = Instant::now();
    let id = child.id().to_string();
    let killed = Command::new("kill").args(["-TERM", &id]).status();
    assert!(killed.expect("kill runs").success());
    until("an end", || child.try_wait().expect("a child").is_some());
    assert!(sent.elapsed() < Duration::from_secs(5));
    let done = child.wait_with_output().expect("ended");
    assert_eq!(done.status.code(), Some(0));
    assert!(balanced(&last_line(&folder)) > 10);
}
