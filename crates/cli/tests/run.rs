//! Models, logs and options, end to end.

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use support::{
    balanced, custom, events, exists, folder, folder_with, last_line, model, number, run,
    start_with, story, without_overhead,
};

fn with_model(
    url: &str,
    more: &[&str],
) -> (support::Finished, serde_json::Value, Vec<serde_json::Value>) {
    let folder = folder_with(&story());
    let arguments = [
        &[
            "run",
            "--input",
            "input.y4m",
            "--llm-model",
            "m",
            "--llm-url",
            url,
        ],
        more,
    ];
    let done = run(&folder, &arguments.concat());
    (done, last_line(&folder), events(&folder))
}

#[test]
fn a_model_describes_events() {
    let reply = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"response\": \"A square.\"}";
    let (done, line, events) = with_model(&model(Some(reply)), &[]);
    assert_eq!(done.code(), Some(0), "{}", done.stderr);
    assert_eq!(done.stderr, "");
    assert_eq!(number(&line, "llm_inference_count"), 2);
    assert_eq!(custom(&line, "llm_errors"), 0);
    assert_eq!(events.len(), 2);
    assert_eq!(events[1]["description"], "A square.");
}

#[test]
fn a_model_that_fails_loses_no_event() {
    let closed = "http://127.0.0.1:1";
    let error = "HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n{\"error\":\"out of memory\"}";
    let garbage = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html>";
    for (url, more, expected) in [
        (
            model(Some(error)),
            &[][..],
            "HTTP status 500: out of memory",
        ),
        (
            model(Some(garbage)),
            &[],
            "did not answer with a JSON object",
        ),
        (closed.to_owned(), &[], "could not be asked"),
        (model(None), &["--llm-timeout", "200ms"], "within 0.2 s"),
    ] {
        let (done, line, events) = with_model(&url, more);
        assert_eq!(done.code(), Some(0), "{}", done.stderr);
        assert_eq!(number(&line, "events_created"), 2);
        assert_eq!(custom(&line, "llm_errors"), 2);
        assert_eq!(balanced(&line), 40);
        assert_eq!(events.len(), 2);
        assert!(events[0]["description"].is_null());
        let said = events[0]["description_error"].as_str().expect("a reason");
        assert!(said.contains(expected), "{said}");
        assert_eq!(done.stderr.lines().count(), 1, "said once: {}", done.stderr);
        assert!(
            done.stderr.starts_with("tacho: warning: frame 15: "),
            "{}",
            done.stderr
        );
    }
}

#[test]
fn a_model_that_cannot_be_asked_is_refused_at_the_start() {
    let folder = folder();
    for (url, expected) in [
        ("https://example.org", "http:// only"),
        ("nowhere", "is not a URL"),
    ] {
        let done = run(&folder, &["run", "--llm-model", "m", "--llm-url", url]);
        assert_eq!(done.code(), Some(2));
        assert!(done.sentence().contains(expected), "{}", done.stderr);
    }
    assert!(!exists(&folder, "logs"));
}

#[test]
fn wrong_usage_is_one_sentence_and_exit_code_2() {
    let folder = folder();
    for (arguments, expected) in [
        (&["run", "--fps", "none"][..], "--fps"),
        (&["run", "--duration", "soon"], "soon"),
        (&["run", "--frames", "7"], "--frames"),
        (&["walk"], "walk"),
        (&[], "tacho run --help"),
    ] {
        let done = run(&folder, arguments);
        assert_eq!(done.code(), Some(2), "{arguments:?}");
        assert!(done.sentence().contains(expected), "{}", done.stderr);
    }
    let help = run(&folder, &["run", "--help"]);
    assert_eq!((help.code(), help.stderr.as_str()), (Some(0), ""));
    assert!(help.stdout.contains("--llm-timeout"));
}

#[test]
fn wrong_configuration_names_the_key_and_exits_with_2() {
    let folder = folder();
    let path = folder.path().join("tacho.toml");
    for (text, expected) in [
        ("windoww = 5\n", "windoww"),
        ("window = \"many\"\n", "window"),
    ] {
        fs::write(&path, text).expect("written");
        let done = run(&folder, &["run", "--config", "tacho.toml"]);
        assert_eq!(done.code(), Some(2), "{}", done.stderr);
        assert!(done.sentence().contains(expected), "{}", done.stderr);
    }
    let done = run(&folder, &["run", "--config", "missing.toml"]);
    assert_eq!(done.code(), Some(2));
    assert!(done.sentence().contains("missing.toml"), "{}", done.stderr);
    assert!(!exists(&folder, "logs"));
}

#[test]
fn the_environment_goes_over_the_file_and_options_over_both() {
    let folder = folder_with(&story());
    let config = "log_path = \"from_file.json\"\n";
    fs::write(folder.path().join("tacho.toml"), config).expect("written");
    let arguments = ["run", "--input", "input.y4m", "--config", "tacho.toml"];
    let env = [("TACHOGRAPH_LOG_PATH", "from_env.json")];
    run(&folder, &arguments);
    assert!(exists(&folder, "from_file.json"));
    start_with(&folder, &arguments, &env).finish();
    assert!(exists(&folder, "from_env.json"));
    let arguments = [&arguments[..], &["--log", "from_option.json"]].concat();
    start_with(&folder, &arguments, &env).finish();
    assert!(exists(&folder, "from_option.json"));
    let done = start_with(&folder, &["run"], &[("TACHOGRAPH_WINDOW", "many")]).finish();
    assert_eq!(done.code(), Some(2));
    assert!(
        done.sentence().contains("TACHOGRAPH_WINDOW"),
        "{}",
        done.stderr
    );
}

#[test]
fn logs_that_cannot_be_written_are_named() {
    let folder = folder_with(&story());
    fs::write(folder.path().join("file"), "").expect("written");
    let input = ["run", "--input", "input.y4m"];
    for option in ["--log", "--events"] {
        let done = run(&folder, &[&input[..], &[option, "file/x.json"]].concat());
        assert_eq!(done.code(), Some(1), "{}", done.stderr);
        assert!(done.sentence().contains("file"), "{}", done.stderr);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn events_that_cannot_be_logged_are_failures_and_not_forgotten() {
    let folder = folder_with(&story());
    let arguments = ["run", "--input", "input.y4m", "--events", "/dev/full"];
    let done = run(&folder, &arguments);
    assert_eq!(done.code(), Some(1));
    let error = done.stderr.lines().last().expect("an error");
    assert!(
        error.starts_with("tacho: 15 events were not logged: cannot write to the event log"),
        "{error}"
    );
    let line = last_line(&folder);
    assert_eq!(balanced(&line), 40);
    assert_eq!(number(&line, "frames_failed"), 15);
    assert_eq!(number(&line, "events_created"), 0);
}

#[test]
fn a_closed_standard_output_changes_nothing() {
    let folder = folder();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tacho"))
        .args(["run", "--duration", "2s", "--metrics-interval", "100ms"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tacho starts");
    let mut first = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    stdout.read_line(&mut first).expect("a line");
    drop(stdout);
    let done = child.wait_with_output().expect("ends");
    assert_eq!(done.status.code(), Some(0));
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert_eq!(without_overhead(&stderr), "");
    assert_eq!(balanced(&last_line(&folder)), 60);
}

#[test]
fn quiet_prints_nothing() {
    let folder = folder_with(&story());
    let done = run(&folder, &["run", "--input", "input.y4m", "--quiet"]);
    assert_eq!(done.code(), Some(0));
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("", ""));
    assert_eq!(balanced(&last_line(&folder)), 40);
}
