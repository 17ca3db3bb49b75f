//! Writes the log of a camera that has run for a long time: what reports, checks and comparisons are tried on.
//!
//! ```sh
//! cargo run --release -p tachograph-tests --bin month_log -- --minutes 43200 --out /tmp/month/metrics.json
//! ```
//!
//! The collector is the real one; time is virtual, and so is what the stages do. The camera sees little at night and much by day.
//! One frame a second by default, so that a month is written within minutes; a real camera has thirty times as many. A third of
//! the way in, the language model hangs for a while; two thirds in, the service dies and is down. The same seed writes the same
//! log, but for what measuring costs, which is measured.

mod camera;
mod machine;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;

/// Writes the log of a camera that has run for a long time
#[derive(Clone, Debug, Parser)]
struct Args {
    /// How long it ran, in minutes: a line each
    #[arg(long, default_value_t = 1440, value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
    /// The log to write; what is there already is continued
    #[arg(long)]
    out: PathBuf,
    /// What happens when
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many times as long inference and descriptions take
    #[arg(long, default_value_t = 1.0)]
    slower: f64,
    /// Frames a second
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=60))]
    fps: u64,
    /// Size at which the log is rotated, in bytes
    #[arg(long, default_value_t = 64 << 20)]
    rotate_bytes: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    camera::run(&args)
}
