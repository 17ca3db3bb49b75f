//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// A steady load on a whole collector, watched for anything that grows.
#[derive(Clone, Debug, Parser)]
pub(crate) struct Args {
    /// How long frames are recorded
    #[arg(long, default_value = "60s", value_parser = tachograph::parse_duration)]
    pub(crate) duration: Duration,
    /// Frames a second on each recording thread
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) fps: u32,
    /// Recording threads
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) threads: u32,
    /// Readers of the newest snapshot in tight loops. All but one core for each spin; further ones rest between bursts
    #[arg(long, default_value_t = 2)]
    pub(crate) readers: usize,
    /// Writes the report there too
    #[arg(long)]
    pub(crate) report: Option<PathBuf>,
    /// Goes wrong on purpose, to show that it is noticed
    #[arg(long)]
    pub(crate) plant: Option<Plant>,
}

/// What goes wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Plant {
    /// Memory is kept
    Leak,
    /// Files stay open
    Handle,
    /// Threads stay
    Thread,
    /// Recording gets slower and slower
    Slow,
    /// A frame is recorded that nobody counts
    Frame,
    /// A log line is lost
    Line,
    /// A log line is there twice
    Twice,
}
