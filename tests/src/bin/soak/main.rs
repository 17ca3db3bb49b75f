//! The soak test: a whole collector under a steady load, with log, rotation and readers, watched for anything that grows.
//!
//! ```sh
//! cargo run --release -p tachograph-tests --bin soak -- --duration 1h --fps 1000 --threads 8 --readers 2 --report docs/soak.md
//! ```
//!
//! Exits with 1 and says so in a sentence each if memory, open files, threads or the cost of a frame grew, if a frame, a sample or a log
//! line is missing or doubled, or if a reader saw a snapshot that cannot be. `--plant` makes one of them happen. `ci/soak.sh` runs all.

mod args;
mod gauge;
mod load;
mod log_watch;
mod plant;
mod readers;
mod report;
mod run;
mod verdict;

use std::error::Error;
use std::fs;
use std::process::ExitCode;

use clap::Parser as _;

use args::Args;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = Args::parse();
    let soaked = run::run(&args)?;
    let faults = verdict::faults(&soaked);
    let report = report::markdown(&args, &soaked, &faults);
    print!("{report}");
    if let Some(path) = &args.report {
        fs::write(path, &report)?;
    }
    faults.iter().for_each(|fault| eprintln!("soak: {fault}"));
    Ok(ExitCode::from(u8::from(!faults.is_empty())))
}
