//! Anybody's program against its own baseline: the same instruction count, for a loop that uses these crates or any other.

use std::ffi::OsString;
use std::path::PathBuf;

use super::baseline::BaselineFile;
use super::callgrind::{instructions_per_call, valgrind_version};
use super::error::GateError;
use super::operation::Repetitions;
use super::report::Report;
use super::toolchain::Toolchain;
use super::verdict::grown;

/// Where the number of repetitions goes in a program's arguments.
const PLACE: &str = "{n}";

/// A program that repeats something as often as one of its arguments says.
#[derive(Clone, Debug)]
pub struct ProgramGate {
    /// Its name in the baseline and the table.
    pub name: String,
    /// The file of the baseline.
    pub baseline: PathBuf,
    /// What to run.
    pub program: OsString,
    /// Its arguments; `{n}` in them becomes the number of repetitions.
    pub args: Vec<String>,
    /// How often it repeats.
    pub repetitions: Repetitions,
    /// Accepted growth in percent.
    pub tolerance: f64,
}

impl ProgramGate {
    /// Instructions of one repetition, in all threads of the program.
    ///
    /// # Errors
    /// valgrind is missing, the program failed, no argument holds `{n}`, or more repetitions cost no more.
    pub fn count(&self) -> Result<f64, GateError> {
        if !self.args.iter().any(|arg| arg.contains(PLACE)) {
            return Err(GateError::NoRepetitions);
        }
        let args = |n: u64| {
            let arg = |arg: &String| arg.replace(PLACE, &n.to_string());
            self.args.iter().map(arg).collect()
        };
        instructions_per_call(&self.program, args, self.repetitions)
    }

    /// Counts and compares with the baseline.
    ///
    /// # Errors
    /// As [`ProgramGate::count`]; or the baseline cannot be read.
    pub fn check(&self) -> Result<Report, GateError> {
        let toolchain = Toolchain::current()?;
        let file = BaselineFile::read(&self.baseline)?;
        let baseline = file.get(&toolchain.target);
        let mut report = Report::default();
        if let Some(then) = baseline.filter(|it| it.rustc != toolchain.rustc) {
            report.warn(format!(
                "the baseline was made by {}, this is {}",
                then.rustc, toolchain.rustc
            ));
        }
        let then = baseline.and_then(|it| it.instructions.get(&self.name).copied());
        report.push(grown(&self.name, then, Some(self.count()?), self.tolerance));
        Ok(report)
    }

    /// Counts and makes the count the baseline; returns it.
    ///
    /// # Errors
    /// As [`ProgramGate::count`]; or the baseline cannot be read or written.
    pub fn renew(&self) -> Result<f64, GateError> {
        let toolchain = Toolchain::current()?;
        let count = self.count()?;
        let mut file = BaselineFile::read(&self.baseline)?;
        let entry = file.entry(&toolchain.target);
        entry.rustc = toolchain.rustc;
        entry.valgrind = valgrind_version()?;
        entry.instructions.insert(self.name.clone(), count);
        file.write()?;
        Ok(count)
    }
}
