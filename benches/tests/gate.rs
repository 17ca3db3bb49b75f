//! The gate is seen to fail: each regression that is planted on purpose is refused and named, the sound build is not.
//!
//! Builds the operations four times and needs valgrind and objdump, so it runs when asked to:
//!
//! ```sh
//! cargo test --release -p tachograph-benches --test gate -- --ignored --nocapture
//! ```

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tachograph_benches::gate::build_ops;

/// What the gate's program printed, and whether it accepted.
struct Answer {
    accepted: bool,
    printed: String,
}

impl Answer {
    /// What the last line names as refused: "instructions of scope" and the like.
    fn refused(&self) -> Vec<&str> {
        let last = self.printed.lines().next_back().unwrap_or("");
        let named = last.strip_prefix("gate: REFUSED: ");
        named.map_or_else(Vec::new, |named| named.split("; ").collect())
    }

    fn refuses(&self, what: &str) -> bool {
        !self.accepted && self.refused().contains(&what)
    }
}

fn gate(args: &[&str]) -> Answer {
    let output = Command::new(env!("CARGO_BIN_EXE_gate"))
        .args(args)
        // What is missing must fail here rather than be skipped.
        .env("CI", "true")
        .output()
        .expect("the gate starts");
    let printed = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    println!("gate {}\n{printed}\n", args.join(" "));
    let code = output.status.code();
    assert!(
        matches!(code, Some(0 | 1)),
        "the gate could not look: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Answer {
        accepted: code == Some(0),
        printed,
    }
}

fn scratch() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("gate")
}

/// The operations with a regression in them; `plant` is a value of the cfg `tachograph_plant`.
fn planted(plant: &str) -> String {
    // A flag for all crates would build all dependencies anew; a wrapper is asked about the workspace's own alone.
    let wrapper = scratch().join(format!("rustc-{plant}"));
    let script = format!("#!/bin/sh\nexec \"$@\" --cfg 'tachograph_plant=\"{plant}\"'\n");
    fs::write(&wrapper, script).expect("the target folder can be written");
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).expect("it is ours");
    keep(
        &build_ops(Some(&wrapper)).expect("a planted regression compiles"),
        plant,
    )
}

/// Copies a program out of the way of the next build.
fn keep(ops: &Path, name: &str) -> String {
    let kept = scratch().join(name);
    fs::copy(ops, &kept).expect("the target folder can be written");
    text(&kept)
}

fn text(path: &Path) -> String {
    path.to_str().expect("cargo's paths are UTF-8").to_owned()
}

#[test]
#[ignore = "builds the operations four times; needs valgrind and objdump"]
fn each_planted_regression_is_refused_by_name() {
    fs::create_dir_all(scratch()).expect("the target folder can be written");
    let sound = keep(&build_ops(None).expect("the operations compile"), "sound");
    let baseline = text(&scratch().join("baseline.json"));
    // Not the committed one: this is about the gate, whatever the compiler.
    let renewed = gate(&["renew", "--ops", &sound, "--baseline", &baseline]);
    assert!(renewed.accepted);
    let check = |ops: &str, time: &[&str]| {
        let args = ["check", "--ops", ops, "--baseline", &baseline];
        gate(&[&args, time].concat())
    };
    let deterministic: &[&str] = &["--no-time"];

    let answer = check(&sound, deterministic);
    assert!(answer.accepted, "the sound build is refused");

    let locked = planted("fetch_add");
    let answer = check(&locked, deterministic);
    assert!(answer.refuses("locked instructions of count"));
    assert!(answer.refuses("locked instructions of frame_1"));
    // Times show it too, unless the machine is too noisy for times.
    let answer = check(&locked, &[]);
    let undecided = answer
        .printed
        .lines()
        .any(|line| line.contains("count / load + store") && line.contains("UNDECIDED"));
    assert!(answer.refuses("time of count / load + store") || undecided);

    let two_reads = planted("clock_read");
    let answer = check(&two_reads, deterministic);
    assert_eq!(answer.refused(), ["instructions of scope"]);

    let answer = check(&planted("allocation"), deterministic);
    for operation in ["record", "record_between", "scope", "stage", "frame_4"] {
        for what in ["allocations", "panics, allocator calls"] {
            assert!(
                answer.refuses(&format!("{what} of {operation}")),
                "{what} of {operation}"
            );
        }
    }
    assert!(!answer.refuses("allocations of count"));

    a_users_program_is_gated_too(&sound, &two_reads);
}

/// The operations stand for a user's loop.
fn a_users_program_is_gated_too(before: &str, after: &str) {
    let baseline = text(&scratch().join("program.json"));
    let run = |options: &[&str], program: &str| {
        let named = ["program", "--baseline", &baseline, "--name", "my-loop"];
        gate(&[&named, options, &["--", program, "scope", "{n}"]].concat())
    };
    assert!(run(&["--renew"], before).accepted);
    assert!(run(&[], before).accepted);
    assert_eq!(run(&[], after).refused(), ["instructions of my-loop"]);
    // A tolerance is a tolerance.
    assert!(run(&["--tolerance", "50"], after).accepted);
    // A program that does not repeat anything is an error, not a success.
    let fixed = ["program", "--baseline", &baseline, "--", before, "scope"];
    let output = Command::new(env!("CARGO_BIN_EXE_gate"))
        .args(fixed)
        .output()
        .expect("the gate starts");
    assert_eq!(output.status.code(), Some(2));
}
