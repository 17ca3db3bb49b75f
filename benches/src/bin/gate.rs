//! The overhead gate's command line; `docs/overhead-gate.md` tells how to use it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tachograph_benches::gate::{
    Gate, GateError, ProgramGate, Repetitions, Report, TOLERANCE_PERCENT, build_ops,
};

/// Refuses a change that makes the hot path slower: instructions, allocations, machine code, times as ratios.
#[derive(Debug, Parser)]
#[command(name = "gate")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compares with the baseline. Ends with 1 when something became more expensive.
    Check {
        #[command(flatten)]
        what: What,
        /// Measures no times: all that is left is the same on every run.
        #[arg(long)]
        no_time: bool,
    },
    /// Makes what is now the baseline, on purpose.
    Renew {
        #[command(flatten)]
        what: What,
    },
    /// Gates any program: instructions per repetition against its own baseline.
    Program(Looping),
}

#[derive(Debug, Args)]
struct What {
    /// The file of the baseline.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/baseline.json"), hide_default_value = true)]
    baseline: PathBuf,
    /// A build of the program `ops`; without it, it is built now.
    #[arg(long)]
    ops: Option<PathBuf>,
}

impl What {
    fn gate(self, time: bool) -> Result<Gate, GateError> {
        Ok(Gate {
            ops: self.ops.map_or_else(|| build_ops(None), Ok)?,
            baseline: self.baseline,
            time,
        })
    }
}

#[derive(Debug, Args)]
struct Looping {
    /// The file of the baseline.
    #[arg(long)]
    baseline: PathBuf,
    /// Makes the count the baseline instead of comparing.
    #[arg(long)]
    renew: bool,
    /// Its name in the baseline; the program's file name if not given.
    #[arg(long)]
    name: Option<String>,
    /// The smaller number of repetitions.
    #[arg(long, default_value_t = 1_000)]
    less: u64,
    /// The larger number of repetitions.
    #[arg(long, default_value_t = 11_000)]
    more: u64,
    /// Accepted growth in percent.
    #[arg(long, default_value_t = TOLERANCE_PERCENT)]
    tolerance: f64,
    /// The program.
    program: PathBuf,
    /// Its arguments; `{n}` in them becomes the number of repetitions.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

impl Looping {
    fn gate(self) -> ProgramGate {
        let file_name = |path: &Path| {
            path.file_stem()
                .unwrap_or(path.as_os_str())
                .to_string_lossy()
                .into_owned()
        };
        ProgramGate {
            name: self.name.unwrap_or_else(|| file_name(&self.program)),
            baseline: self.baseline,
            program: self.program.into(),
            args: self.args,
            repetitions: Repetitions {
                less: self.less,
                more: self.more,
            },
            tolerance: self.tolerance,
        }
    }
}

fn main() -> ExitCode {
    match perform(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("gate: {error}");
            ExitCode::from(2)
        }
    }
}

fn perform(command: Command) -> Result<ExitCode, GateError> {
    match command {
        Command::Check { what, no_time } => Ok(show(&what.gate(!no_time)?.check()?)),
        Command::Renew { what } => {
            let gate = what.gate(false)?;
            gate.renew()?;
            println!("gate: renewed {}", gate.baseline.display());
            Ok(ExitCode::SUCCESS)
        }
        Command::Program(program) => {
            let renew = program.renew;
            let gate = program.gate();
            if !renew {
                return Ok(show(&gate.check()?));
            }
            let count = gate.renew()?;
            println!(
                "gate: {} takes {count:.1} instructions; renewed {}",
                gate.name,
                gate.baseline.display()
            );
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Prints the table. Where nobody is there to read it, in CI, a tool that is missing is an error.
fn show(report: &Report) -> ExitCode {
    println!("{report}");
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    if report.is_refused() || (in_ci && report.is_skipped()) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
