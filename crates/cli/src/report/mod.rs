//! `tacho report`: a log as one page.
//!
//! ```text
//! lines ─▶ timeline (buckets, counts, machine, availability) ─┐
//!       ─▶ timers (histograms by bucket and over all)         ├▶ Report ─▶ page ─▶ file
//!       ─▶ slowest frames                                     ┘
//! ```

mod data;
mod distribution;
mod extent;
mod gather;
mod interruptions;
mod page;
mod slowest;
mod timeline;
mod timers;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use data::{Charts, Figures};
use tachograph::format::clean;

use crate::check::Judgement;
use crate::destination::Destination;
use crate::error::Error;
use crate::lines::{DEFAULT_LOG, parse_last};

const AFTER_HELP: &str = "\
Examples:
  tacho report                                     logs/metrics.json into report.html
  tacho report camera.json --last 7d -o week.html
  tacho report --targets tachograph.toml -o - | ssh host 'cat > report.html'

The page is one file that loads nothing: it can be mailed, archived and printed.
Exit codes: 0 when the page was written, whatever it says; 2 when the log cannot be read;
1 when the page cannot be written.";

/// Write a log as one self-contained page with charts
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ReportArgs {
    /// The log; its rotated files are read, too
    #[arg(value_name = "LOG", default_value = DEFAULT_LOG)]
    log: PathBuf,

    /// Where the page goes, or - for standard output
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    output: Destination,

    /// Configuration file (TOML) whose [targets] are judged [default: the built-in targets]
    #[arg(long, value_name = "FILE")]
    targets: Option<PathBuf>,

    /// Only so much time before the log's newest line, such as 7d or "12h 30m"
    #[arg(long, value_name = "TIME", value_parser = parse_last)]
    last: Option<Duration>,
}

/// Everything that the page says.
#[derive(Debug)]
struct Report {
    /// The log's path as it was given.
    log: String,
    /// When the page was made, Unix seconds.
    made: f64,
    charts: Charts,
    figures: Figures,
    targets: Vec<Judgement>,
}

impl Report {
    fn title(&self) -> String {
        format!("{}: report", self.log)
    }
}

/// Reads the log and writes the page.
pub(crate) fn report(args: &ReportArgs) -> Result<ExitCode, Error> {
    let report = gather::gather(args)?;
    args.output.write(|output| {
        let page = page::page(&report).map_err(io::Error::from)?;
        output.write_all(page.as_bytes())
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A name from the log: without control characters, and not longer than anybody reads.
fn shown(name: &str) -> String {
    const LONGEST: usize = 80;
    let cleaned = clean(name);
    match cleaned.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", cleaned.get(..end).unwrap_or_default()),
        None => cleaned,
    }
}
