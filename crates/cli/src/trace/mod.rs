//! `tacho trace`: frames with their stages, for a viewer of traces.

mod events;
mod frames;
mod tracks;

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use tachograph::{LatestFile, LineError, MetricsSnapshot};

use crate::destination::Destination;
use crate::error::Error;
use crate::lines::{DEFAULT_LOG, Line, Place, Reading, Span, read, warn};
use events::Trace;
use frames::Frames;

const AFTER_HELP: &str = "\
Open the file in https://ui.perfetto.dev or chrome://tracing: each run is a process, each lane a thread, each frame a slice with
its stages within. It holds the slowest frames that the log's lines name, and the newest ones, which a running loop is asked for.

  tacho trace -o trace.json
  tacho trace /var/log/camera/metrics.json --last 1h --slowest 100 -o hour.json

Exit codes: 0 when it is written; 1 when it cannot be; 2 for wrong usage, or a log that cannot be read.";

/// A newest snapshot younger than this, or than two lines, is most likely of a loop that runs; seconds.
const LIVE_S: f64 = 120.0;
/// A loop that runs renews its newest snapshot within a second.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Write the slowest and the newest frames as a trace for Perfetto
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct TraceArgs {
    /// The log; rotated files are read, too
    #[arg(default_value = DEFAULT_LOG)]
    log: PathBuf,

    /// Where to write it; - for standard output
    #[arg(short, long, value_name = "FILE", default_value = "trace.json", value_parser = output)]
    output: Destination,

    /// Only what lines of this time up to the newest one tell, such as 1h
    #[arg(long, value_name = "TIME", value_parser = crate::lines::parse_last)]
    last: Option<Duration>,

    /// How many of the slowest frames
    #[arg(long, value_name = "N", default_value_t = 1000)]
    slowest: usize,
}

#[expect(clippy::unnecessary_wraps, reason = "clap takes results")]
fn output(path: &str) -> Result<Destination, std::convert::Infallible> {
    Ok(path.into())
}

/// Reads the log and writes the trace.
pub(crate) fn run(args: &TraceArgs) -> Result<ExitCode, Error> {
    let mut frames = Frames::new(args.slowest);
    let reading = Reading {
        path: &args.log,
        last: args.last,
    };
    let span = read(reading, |lines| {
        for line in lines {
            frames.add(line);
        }
    })?;
    if let Some(newest) = newest(&args.log, &span) {
        frames.add_newest(&newest);
    }
    let summary = Summary {
        frames: frames.count(),
        runs: span.runs,
        damaged: frames.damaged(),
    };
    if summary.damaged > 0 {
        warn(&format_args!(
            "{} frames are left out: their times cannot be",
            summary.damaged
        ));
    }
    if summary.frames == 0 {
        warn(&format_args!(
            "no line of {} names a frame",
            args.log.display()
        ));
    }
    let trace = Trace::of(frames, &args.log);
    args.output.write(|output| {
        serde_json::to_writer(&mut *output, &trace)?;
        writeln!(output)
    })?;
    if let Destination::File(path) = &args.output {
        let _ = writeln!(std::io::stdout(), "{}: {summary}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// The newest snapshot as a line after the last one; `None` if there is none, or it is older.
fn newest(log: &Path, span: &Span) -> Option<Line> {
    let latest = LatestFile::of(log);
    let last = span.last.as_ref();
    let interval = last.and_then(|last| last.interval_s).unwrap_or_default();
    let snapshot = match renewed(&latest, log, interval) {
        Ok(snapshot) => snapshot?,
        Err(error) => {
            warn(&error);
            return None;
        }
    };
    let is_last_line = |last: &Line| {
        let last = &last.snapshot;
        last.sequence == snapshot.sequence && last.time == snapshot.time
    };
    let place = Place {
        path: Arc::from(latest.path()),
        number: 1,
    };
    if let Some(last) = last.filter(|last| is_last_line(last)) {
        // The very line, with the newest frames besides.
        let mut line = last.clone();
        line.snapshot = Arc::new(snapshot);
        return Some(line);
    }
    let is_older = last.is_some_and(|last| snapshot.timestamp < last.snapshot.timestamp);
    (!is_older).then(|| Line::link(snapshot, last, place))
}

/// The newest snapshot; of a loop that seems to run, one of this second.
fn renewed(
    latest: &LatestFile,
    log: &Path,
    interval: f64,
) -> Result<Option<MetricsSnapshot>, LineError> {
    let found = latest.read()?;
    let written = match &found {
        Some(found) => Some(found.timestamp),
        // There is none before the first line.
        None => modified(log),
    };
    let now = Timestamp::now().as_duration().as_secs_f64();
    let may_run =
        written.is_some_and(|written| (0.0..LIVE_S.max(2.0 * interval)).contains(&(now - written)));
    if !may_run || latest.request().is_err() {
        return Ok(found);
    }
    let asked = Instant::now();
    while asked.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(50));
        if let Some(newer) = latest.read()?
            && found.as_ref().map(|it| it.sequence) != Some(newer.sequence)
        {
            return Ok(Some(newer));
        }
    }
    Ok(found)
}

/// When the file was last written, Unix seconds.
fn modified(path: &Path) -> Option<f64> {
    let modified = path.metadata().and_then(|found| found.modified()).ok()?;
    Some(
        Timestamp::try_from(modified)
            .ok()?
            .as_duration()
            .as_secs_f64(),
    )
}

/// What was written.
struct Summary {
    frames: usize,
    runs: u64,
    damaged: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { frames, runs, .. } = self;
        let runs = match runs {
            1 => "1 run".to_owned(),
            runs => format!("{runs} runs"),
        };
        write!(
            f,
            "{frames} frames of {runs}; open it in https://ui.perfetto.dev"
        )
    }
}
