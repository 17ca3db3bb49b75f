//! The instrumentation makes no system call in the loop's thread: seen from outside, by `strace`.
//!
//! Where strace is missing or may not trace this says so and checks nothing; with `CI=true` that is a failure.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::Command;

/// The loop thread's system calls between its two marks, and how many the other threads made in all.
struct Trace {
    in_the_loop: Vec<String>,
    elsewhere: usize,
}

/// Traces the loop; `None` where that is not possible.
fn trace(args: &[&str]) -> Option<Trace> {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let path = folder.path().join("trace");
    let output = Command::new("strace")
        .arg("-f")
        .arg("-o")
        .arg(&path)
        .arg(env!("CARGO_BIN_EXE_traced_loop"))
        .args(args)
        .output();
    let why = match &output {
        Err(error) => error.to_string(),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    };
    let lines = fs::read_to_string(&path).unwrap_or_default();
    if lines.is_empty() {
        println!("!!! SKIPPED: system calls of the loop, because strace does not work: {why}");
        let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!in_ci, "strace does not work: {why}");
        return None;
    }
    assert!(output.is_ok_and(|output| output.status.success()), "{why}");
    Some(parse(&lines))
}

/// Reads `strace -f`: a thread's id, then the call.
fn parse(lines: &str) -> Trace {
    let calls: Vec<(&str, &str)> = lines
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(thread, call)| (thread, call.trim_start()))
        .collect();
    let place = |mark: &str| {
        let found = calls
            .iter()
            .position(|(_, call)| call.starts_with("write(2,") && call.contains(mark));
        found.unwrap_or_else(|| panic!("the trace has no mark {mark:?}"))
    };
    let (begin, end) = (place("the loop begins"), place("the loop ends"));
    let thread = calls[begin].0;
    let of_loop = |(other, _): &&(&str, &str)| *other == thread;
    let between = calls[begin + 1..end].iter().filter(of_loop);
    Trace {
        in_the_loop: between
            .map(|(_, call)| (*call).to_owned())
            // The second half of a call that another thread's call was printed into; the first half counts.
            .filter(|call| !call.starts_with("<... "))
            .collect(),
        elsewhere: calls.iter().filter(|it| !of_loop(it)).count(),
    }
}

#[test]
fn the_loop_makes_no_system_call() {
    let Some(trace) = trace(&[]) else { return };
    assert!(
        trace.in_the_loop.is_empty(),
        "a loop of 10 000 frames made {} system calls (all `clock_gettime`: this machine has no clock without): {:#?}",
        trace.in_the_loop.len(),
        &trace.in_the_loop[..trace.in_the_loop.len().min(20)]
    );
    assert!(trace.elsewhere > 0, "the collector's thread was not traced");
}

/// The twin: a call in the loop is seen.
#[test]
fn a_system_call_on_purpose_is_seen() {
    let Some(trace) = trace(&["call"]) else {
        return;
    };
    assert_eq!(trace.in_the_loop.len(), 1, "{:#?}", trace.in_the_loop);
    assert!(trace.in_the_loop[0].contains("\"/\""));
}
