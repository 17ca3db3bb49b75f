//! Instructions per call, counted by `valgrind --tool=callgrind`: the same on every run and on a busy machine.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::process::{Command, Output};

use super::error::GateError;
use super::operation::Repetitions;

/// Lines of a failed program's output that are passed on.
const LINES_OF_OUTPUT: usize = 20;

/// The version of the installed valgrind, such as `valgrind-3.19.0`.
///
/// # Errors
/// It is not installed.
pub fn valgrind_version() -> Result<String, GateError> {
    let output = run("valgrind", Command::new("valgrind").arg("--version"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Instructions that `program` executes from its start to its end, in all its threads.
///
/// # Errors
/// valgrind is not installed, or the program failed.
pub fn instructions<S: AsRef<OsStr>>(program: &OsStr, args: &[S]) -> Result<u64, GateError> {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(args);
    let output = run("valgrind", &mut command)?;
    collected(&String::from_utf8_lossy(&output.stderr)).ok_or(GateError::Output {
        program: program.to_string_lossy().into_owned(),
        expected: "number of instructions",
    })
}

/// Instructions of one repetition of `program`: the difference of two runs, so that start and end cancel.
///
/// Each run is repeated and the smaller count taken: the standard hash tables are seeded at random, and a seed under which two
/// names collide costs a comparison more.
///
/// # Errors
/// As [`instructions`]; or the larger number of repetitions did not cost more.
pub fn instructions_per_call(
    program: &OsStr,
    args: impl Fn(u64) -> Vec<String>,
    repetitions: Repetitions,
) -> Result<f64, GateError> {
    let Repetitions { less, more } = repetitions;
    let smallest = |n: u64| {
        let runs = [
            instructions(program, &args(n))?,
            instructions(program, &args(n))?,
        ];
        Ok::<_, GateError>(runs[0].min(runs[1]))
    };
    let (few, many) = (smallest(less)?, smallest(more)?);
    if many <= few || more <= less {
        let program = program.to_string_lossy().into_owned();
        return Err(GateError::NotLinear {
            program,
            less,
            more,
        });
    }
    Ok((many - few) as f64 / (more - less) as f64)
}

/// Runs a tool to its end.
pub(super) fn run(tool: &'static str, command: &mut Command) -> Result<Output, GateError> {
    let output = command.output().map_err(|source| match source.kind() {
        ErrorKind::NotFound => GateError::ToolMissing(tool),
        _ => GateError::Start {
            program: tool.to_owned(),
            source,
        },
    })?;
    if output.status.success() {
        return Ok(output);
    }
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<_> = printed.lines().collect();
    let end = lines.len().saturating_sub(LINES_OF_OUTPUT);
    Err(GateError::Failed {
        program: tool.to_owned(),
        status: output.status.to_string(),
        output: lines[end..].join("\n"),
    })
}

/// The total of callgrind's summary: `==123== Collected : 456`.
fn collected(summary: &str) -> Option<u64> {
    let line = summary
        .lines()
        .rfind(|line| line.starts_with("==") && line.contains("Collected"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_read() {
        let summary = "Collected : 7\n==12== Events    : Ir\n==12== Collected : 122258\n==12== \n";
        assert_eq!(collected(summary), Some(122_258));
        assert_eq!(collected("valgrind: command not found"), None);
    }

    #[test]
    fn a_tool_that_is_missing_is_named() {
        let error = run("valgrind", &mut Command::new("no-such-tool-anywhere")).unwrap_err();
        assert!(matches!(error, GateError::ToolMissing("valgrind")));
    }
}
