//! Performs one gated operation as often as it is told: what the overhead gate counts.
//!
//! ```text
//! ops NAME N         performs an operation N times, on a clock that stands still
//! ops allocations    allocations in many calls of each operation, as JSON
//! ops ratio NAME     one attempt at a ratio of times, as JSON
//! ```

mod hot;
mod prepare;
mod ratio;

use std::collections::BTreeMap;
use std::process::ExitCode;

use tachograph_benches::gate::{Operation, Ratio};

use prepare::prepare;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let done = match args[..] {
        ["allocations"] => allocations(),
        ["ratio", name] => attempt(name),
        [name, n] => repeat(name, n),
        _ => Err("usage: ops NAME N | ops allocations | ops ratio NAME".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ops: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Performs an operation `n` times and makes sure that it did what it is counted for.
fn repeat(name: &str, n: &str) -> Result<(), String> {
    let operation: Operation = name.parse()?;
    let n: u64 = n.parse().map_err(|error| format!("{n}: {error}"))?;
    let mut prepared = prepare(operation);
    (prepared.run)(n);
    prepared.verify(n)
}

/// Counts allocations and deallocations of each operation once it is warm.
fn allocations() -> Result<(), String> {
    let mut counts = BTreeMap::new();
    for operation in Operation::ALL {
        let repetitions = operation.repetitions();
        let mut prepared = prepare(operation);
        (prepared.run)(repetitions.less);
        let found = allocation_counter::measure(|| (prepared.run)(repetitions.less));
        prepared.verify(2 * repetitions.less)?;
        // What was freed without having been allocated was allocated before: just as bad.
        let freed = found.count_current.min(0).unsigned_abs();
        counts.insert(operation.name(), found.count_total + freed);
    }
    print(&counts)
}

fn attempt(name: &str) -> Result<(), String> {
    let ratio: Ratio = name.parse()?;
    print(&ratio::attempt(ratio)?)
}

fn print(answer: &impl serde::Serialize) -> Result<(), String> {
    let text = serde_json::to_string(answer).map_err(|error| error.to_string())?;
    println!("{text}");
    Ok(())
}
