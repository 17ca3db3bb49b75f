//! Everything that the gate of this project looks at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::baseline::{Baseline, BaselineFile};
use super::callgrind::{instructions_per_call, run, valgrind_version};
use super::error::GateError;
use super::machine_code::{CodeFindings, MachineCode};
use super::operation::Operation;
use super::ratio::{Attempt, Ratio, decide};
use super::report::Report;
use super::toolchain::Toolchain;
use super::verdict::{Check, Row, TOLERANCE_PERCENT, Verdict, at_most, grown};

/// The gate over one build of the program `ops`.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The program that performs the operations.
    pub ops: PathBuf,
    /// The file of the baseline.
    pub baseline: PathBuf,
    /// Whether times are measured too: the only part that a busy machine disturbs.
    pub time: bool,
}

type Findings = Vec<(Operation, CodeFindings)>;

impl Gate {
    /// Looks at everything and compares it with the baseline. A tool that is missing is reported in the table.
    ///
    /// # Errors
    /// Something could not be run or read.
    pub fn check(&self) -> Result<Report, GateError> {
        let toolchain = Toolchain::current()?;
        let file = BaselineFile::read(&self.baseline)?;
        let baseline = file.get(&toolchain.target).cloned().unwrap_or_default();
        let mut report = Report::default();
        warn_of_differences(&mut report, &file, &toolchain);
        self.check_instructions(&mut report, &baseline)?;
        self.check_allocations(&mut report)?;
        self.check_code(&mut report, &baseline)?;
        if self.time {
            self.check_times(&mut report)?;
        } else {
            report.warn("times were not measured, as asked for");
        }
        Ok(report)
    }

    /// Makes what is now the baseline of this target. Allocations and times have fixed limits, which cannot be renewed.
    ///
    /// # Errors
    /// Something could not be run or written; nothing is written then.
    pub fn renew(&self) -> Result<(), GateError> {
        let toolchain = Toolchain::current()?;
        let findings = self.findings()?;
        let some = |count: &dyn Fn(&CodeFindings) -> u64| {
            let counts = findings.iter().map(|(it, found)| (it, count(found)));
            let found = counts.filter(|(_, count)| *count > 0);
            found.map(|(it, n)| (it.name().to_owned(), n)).collect()
        };
        let renewed = Baseline {
            rustc: toolchain.rustc,
            valgrind: valgrind_version()?,
            instructions: self.instructions()?,
            locked: some(&|found| found.locked),
            calls: some(&|found| found.forbidden_calls.len() as u64),
        };
        let mut file = BaselineFile::read(&self.baseline)?;
        *file.entry(&toolchain.target) = renewed;
        file.write()
    }

    fn check_instructions(
        &self,
        report: &mut Report,
        baseline: &Baseline,
    ) -> Result<(), GateError> {
        let counts = match self.instructions() {
            Err(GateError::ToolMissing(tool)) => {
                skip(report, Check::Instructions, tool);
                return Ok(());
            }
            counts => counts?,
        };
        let gone = baseline
            .instructions
            .keys()
            .filter(|name| !counts.contains_key(*name));
        let names = Operation::ALL.map(Operation::name);
        for name in names.into_iter().chain(gone.map(String::as_str)) {
            let of = |counts: &BTreeMap<String, f64>| counts.get(name).copied();
            let row = grown(
                name,
                of(&baseline.instructions),
                of(&counts),
                TOLERANCE_PERCENT,
            );
            report.push(row);
        }
        Ok(())
    }

    /// Instructions per operation, to a hundredth.
    fn instructions(&self) -> Result<BTreeMap<String, f64>, GateError> {
        let mut counts = BTreeMap::new();
        for operation in Operation::ALL {
            let args = |n: u64| vec![operation.name().to_owned(), n.to_string()];
            let whole = instructions_per_call(self.ops.as_os_str(), args, operation.repetitions())?;
            let besides = operation
                .subtract()
                .and_then(|it| counts.get(it.name()).copied());
            let own = whole - besides.unwrap_or(0.0);
            counts.insert(operation.name().to_owned(), (own * 100.0).round() / 100.0);
        }
        Ok(counts)
    }

    fn check_allocations(&self, report: &mut Report) -> Result<(), GateError> {
        let counts: BTreeMap<String, u64> = self.ask(&["allocations"])?;
        for operation in Operation::ALL {
            match counts.get(operation.name()) {
                Some(&now) => report.push(at_most(Check::Allocations, operation.name(), 0, now)),
                None => return Err(self.silent("count of allocations")),
            }
        }
        Ok(())
    }

    fn check_code(&self, report: &mut Report, baseline: &Baseline) -> Result<(), GateError> {
        let findings = match self.findings() {
            Err(GateError::ToolMissing(tool)) => {
                skip(report, Check::Locked, tool);
                return Ok(());
            }
            findings => findings?,
        };
        for (operation, found) in findings {
            // Only a frame may hold any, for its queue: a renewed baseline cannot allow more than that.
            let allowed = |counts: &BTreeMap<String, u64>| {
                let held = counts.get(operation.name()).copied();
                held.filter(|_| operation.pushes_a_frame()).unwrap_or(0)
            };
            let of = |check, counts, now| at_most(check, operation.name(), allowed(counts), now);
            report.push(of(Check::Locked, &baseline.locked, found.locked));
            let calls = found.forbidden_calls.len() as u64;
            let row = of(Check::Calls, &baseline.calls, calls);
            if row.verdict == Verdict::Fail {
                let names: Vec<_> = found.forbidden_calls.iter().map(String::as_str).collect();
                report.warn(format!("{operation} calls {}", names.join(", ")));
            }
            report.push(row);
        }
        Ok(())
    }

    fn findings(&self) -> Result<Findings, GateError> {
        let code = MachineCode::of(&self.ops)?;
        let operations = Operation::ALL.into_iter().filter(|it| it.is_in_the_loop());
        let found = |operation: Operation| {
            let function = format!("ops::hot::{operation}");
            let findings = code.findings(&function);
            // Renamed or inlined away: then there is nothing to look at, which must not pass for clean.
            Ok((
                operation,
                findings.ok_or_else(|| self.silent("function of each operation"))?,
            ))
        };
        operations.map(found).collect()
    }

    fn check_times(&self, report: &mut Report) -> Result<(), GateError> {
        for ratio in Ratio::ALL {
            let decision = decide(ratio, || self.ask::<Attempt>(&["ratio", ratio.name()]))?;
            report.push(decision.row(ratio));
        }
        Ok(())
    }

    /// Runs `ops`, which answers in JSON.
    fn ask<T: serde::de::DeserializeOwned>(&self, args: &[&str]) -> Result<T, GateError> {
        let output = run("ops", Command::new(&self.ops).args(args))?;
        serde_json::from_slice(&output.stdout).map_err(|_| self.silent("answer in JSON"))
    }

    fn silent(&self, expected: &'static str) -> GateError {
        GateError::Output {
            program: self.ops.display().to_string(),
            expected,
        }
    }
}

fn warn_of_differences(report: &mut Report, file: &BaselineFile, toolchain: &Toolchain) {
    let Some(baseline) = file.get(&toolchain.target) else {
        report.warn(format!(
            "{} holds nothing for {}: renew it there",
            file.path().display(),
            toolchain.target
        ));
        return;
    };
    if baseline.rustc != toolchain.rustc {
        report.warn(format!(
            "the baseline was made by {}, this is {}: instructions may differ for that alone",
            baseline.rustc, toolchain.rustc
        ));
    }
    if let Ok(valgrind) = valgrind_version()
        && baseline.valgrind != valgrind
    {
        report.warn(format!(
            "the baseline was made with {}, this is {valgrind}",
            baseline.valgrind
        ));
    }
}

fn skip(report: &mut Report, check: Check, tool: &str) {
    report.warn(format!("SKIPPED: {check}, because {tool} is not installed"));
    report.push(Row {
        check,
        operation: "all".to_owned(),
        baseline: String::new(),
        now: String::new(),
        change: String::new(),
        verdict: Verdict::Skipped,
    });
}

/// Builds `ops` as it is released and says where it is. With a `wrapper`, the crates of the workspace alone are compiled by that
/// program, which gets the compiler and its arguments; the next build replaces what it made.
///
/// # Errors
/// It does not compile.
pub fn build_ops(wrapper: Option<&Path>) -> Result<PathBuf, GateError> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--release", "--package", "tachograph-benches"])
        .args(["--bin", "ops", "--message-format=json-render-diagnostics"]);
    if let Some(wrapper) = wrapper {
        command.env("RUSTC_WORKSPACE_WRAPPER", wrapper);
    }
    let output = run("cargo", &mut command)?;
    executable(&String::from_utf8_lossy(&output.stdout)).ok_or(GateError::Output {
        program: "cargo build".to_owned(),
        expected: "executable",
    })
}

/// The executable that cargo's messages name, one JSON object a line.
fn executable(messages: &str) -> Option<PathBuf> {
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut named = messages.filter_map(|message| {
        let path = message.get("executable")?.as_str()?;
        Some(PathBuf::from(path))
    });
    named.next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_found_among_the_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
            {\"reason\":\"compiler-artifact\",\"executable\":\"/t/ops\"}\n{\"reason\":\"build-finished\"}";
        assert_eq!(executable(messages), Some(PathBuf::from("/t/ops")));
        assert_eq!(executable("{\"executable\":null}"), None);
    }
}
