//! Why the gate could not look.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why the gate could not look; not a verdict.
#[derive(Debug, Error)]
pub enum GateError {
    /// A tool that the gate drives is not installed.
    #[error("{0} is not installed")]
    ToolMissing(&'static str),
    /// A program could not be started.
    #[error("{program}: {source}")]
    Start {
        /// What was to be started.
        program: String,
        /// Why it was not.
        source: io::Error,
    },
    /// A program ended with an error.
    #[error("{program} failed ({status}):\n{output}")]
    Failed {
        /// What was run.
        program: String,
        /// How it ended.
        status: String,
        /// The end of what it printed.
        output: String,
    },
    /// A program printed something else than what was expected of it.
    #[error("{program} printed no {expected}")]
    Output {
        /// What was run.
        program: String,
        /// What was looked for.
        expected: &'static str,
    },
    /// The baseline could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// The baseline is not what `renew` writes.
    #[error("{} is not a baseline: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where it went wrong.
        source: serde_json::Error,
    },
    /// The command of a program to gate has no place for the number of repetitions.
    #[error("no argument holds {{n}}, the place of the number of repetitions")]
    NoRepetitions,
    /// More repetitions did not cost more instructions: the program does not do what it was asked to.
    #[error("{program}: {more} repetitions cost no more instructions than {less}")]
    NotLinear {
        /// What was run.
        program: String,
        /// The smaller number of repetitions.
        less: u64,
        /// The larger one.
        more: u64,
    },
}
