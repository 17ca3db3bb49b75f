//! `tacho tail`: the newest lines of a log, and those that follow.

mod fields;
mod show;

use std::fmt;
use std::io::{self, BufWriter, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use crossbeam::channel::RecvTimeoutError;
use tachograph::{LineError, LogReader, MetricsSnapshot, raw_lines, read_lines, tail_lines};

use crate::error::Error;
use crate::lines::{DEFAULT_LOG, ReadError, Tally, warn};
use crate::stop::Stop;
pub(crate) use fields::FieldError;
use fields::Selection;
use show::{Blocks, Columns, Csv, Json, Sentences, Show};

/// How often a log that is followed is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A line just at the beginning of a span tells of the time before; clocks differ by fractions.
const SLACK_S: f64 = 0.1;
const SLACK_SHARE: f64 = 0.01;

const AFTER_HELP: &str = "\
Fields have the names that they have in the log; of a timer, `coreml_inference.p95` is the same as `coreml_inference_p95`.
Those of your own: `decode.p95`, `rtsp_reconnects`; of nested ones: `lifetime.coreml_inference.p99`, `in_flight`.

  tacho tail -f
  tacho tail --last 1h --fields time,frames_processed,coreml_inference.p95
  tacho tail --all --fields all --csv > metrics.csv

Exit codes: 0 when everything was shown, or a signal ended --follow; 2 for wrong usage, or a log that cannot be read.";

/// Show the newest lines of a log
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct TailArgs {
    /// The log; its rotated files are read where they are needed
    #[arg(default_value = DEFAULT_LOG)]
    log: PathBuf,

    /// How many lines
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10, conflicts_with_all = ["all", "last"])]
    lines: usize,

    /// All lines, also those of rotated files
    #[arg(long, conflicts_with = "last")]
    all: bool,

    /// The lines of this time up to the newest one, such as 1h
    #[arg(long, value_name = "TIME", value_parser = crate::lines::parse_last)]
    last: Option<Duration>,

    /// Go on with the lines that are written, until a signal comes
    #[arg(short, long)]
    follow: bool,

    /// What to show of each line: names with commas between them, or `all`
    #[arg(long, value_name = "NAMES")]
    fields: Option<Selection>,

    /// The fields as comma-separated values, with a header; what is not known is left empty
    #[arg(long, requires = "fields")]
    csv: bool,

    /// The fields as JSON, one object a line
    #[arg(long, requires = "fields", conflicts_with = "csv")]
    json: bool,
}

/// Shows what was asked for.
pub(crate) fn run(args: &TailArgs) -> Result<ExitCode, Error> {
    match show(args) {
        // Nobody reads on: `| head`.
        Err(Error::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        result => result.map(|()| ExitCode::SUCCESS),
    }
}

fn show(args: &TailArgs) -> Result<(), Error> {
    let stop = if args.follow {
        Some(Stop::on_signal()?)
    } else {
        None
    };
    let is_missing = raw_lines(&args.log).is_missing();
    if is_missing && !args.follow {
        let path = args.log.clone();
        return Err(Error::Lines(ReadError::Missing { path }));
    }
    if let Some(selection) = &args.fields {
        check_fields(selection, args)?;
    }
    let (reader, before) = reader(args);
    let mut tail = Tail {
        output: output(args),
        before,
        seen: 0,
        skipped: Tally::default(),
        unreadable: None,
    };
    let Some(stop) = stop else {
        for line in reader {
            tail.take(line)?;
        }
        return tail.finish(&args.log);
    };
    let mut follower = reader.follow();
    let mut is_first = true;
    loop {
        while let Some(line) = follower.poll() {
            tail.take(line)?;
        }
        tail.pause()?;
        tail.warn();
        if is_first && tail.seen == 0 {
            warn(&NoLines(&args.log));
        }
        is_first = false;
        match stop.wake().recv_timeout(LOOK_EVERY) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => return Ok(()),
        }
    }
}

/// Fails if no line that could be shown has one of the fields. The newest one has them all as a rule.
fn check_fields(selection: &Selection, args: &TailArgs) -> Result<(), Error> {
    let newest = tail_lines(&args.log, 1).filter_map(Result::ok);
    if selection.check(newest).is_ok() {
        return Ok(());
    }
    let all = reader(args).0.filter_map(Result::ok);
    Ok(selection.check(all)?)
}

/// The lines to show, and how many of them stand there only for what the next one is compared with.
fn reader(args: &TailArgs) -> (LogReader, usize) {
    let log = &args.log;
    if args.all {
        return (read_lines(log), 0);
    }
    let count = match args.last {
        Some(last) => lines_within(log, last),
        None => args.lines,
    };
    let one_more = count.saturating_add(1);
    let has_more = args.fields.is_none() && {
        let snapshots = tail_lines(log, one_more).flatten();
        snapshots.count() == one_more
    };
    if has_more {
        (tail_lines(log, one_more), 1)
    } else {
        (tail_lines(log, count), 0)
    }
}

/// How many of the newest lines are at most so much older than the newest one.
fn lines_within(log: &Path, last: Duration) -> usize {
    let mut count = 64;
    loop {
        let snapshots = tail_lines(log, count).filter_map(Result::ok);
        let times: Vec<f64> = snapshots.map(|line| line.timestamp).collect();
        let Some(newest) = times.last() else {
            return 0;
        };
        let oldest = newest - last.as_secs_f64() + SLACK_S.min(last.as_secs_f64() * SLACK_SHARE);
        if let Some(too_old) = times.iter().rposition(|time| *time <= oldest) {
            return times.len() - 1 - too_old;
        }
        if times.len() < count {
            return times.len();
        }
        count = count.saturating_mul(2);
    }
}

fn output(args: &TailArgs) -> Box<dyn Show> {
    let output = BufWriter::new(io::stdout());
    let Some(selection) = args.fields.clone() else {
        return Box::new(Sentences::new(output));
    };
    match selection {
        selection if args.csv => Box::new(Csv::new(output, selection)),
        selection if args.json => Box::new(Json::new(output, selection)),
        Selection::Named(fields) => Box::new(Columns::new(output, fields)),
        Selection::All => Box::new(Blocks::new(output, selection)),
    }
}

/// Lines on their way to where they are shown.
struct Tail {
    output: Box<dyn Show>,
    /// Lines that are not shown themselves.
    before: usize,
    /// Snapshots so far.
    seen: u64,
    /// Lines that are none, since the last warning.
    skipped: Tally,
    /// The last one, if it is a file as a whole.
    unreadable: Option<LineError>,
}

impl Tail {
    fn take(&mut self, line: Result<MetricsSnapshot, LineError>) -> Result<(), Error> {
        match line {
            Err(error) => {
                self.skipped.add(|| error.to_string());
                self.unreadable = Some(error).filter(|error| error.line_number == 0);
            }
            Ok(line) => {
                self.seen += 1;
                if self.before > 0 {
                    self.before -= 1;
                    self.output.before(line);
                } else {
                    self.output.line(line).map_err(Error::Output)?;
                }
            }
        }
        Ok(())
    }

    fn pause(&mut self) -> Result<(), Error> {
        self.output.pause().map_err(Error::Output)
    }

    fn warn(&mut self) {
        std::mem::take(&mut self.skipped).warn("more lines are skipped");
    }

    /// At the end: a log that has nothing but foreign lines is none.
    fn finish(mut self, log: &Path) -> Result<(), Error> {
        self.pause()?;
        if let Some(error) = self.unreadable.take_if(|_| self.seen == 0) {
            return Err(Error::Lines(ReadError::Unreadable(error)));
        }
        if let Some(first) = self.skipped.first().filter(|_| self.seen == 0) {
            return Err(Error::Lines(ReadError::NotALog {
                path: log.to_owned(),
                first: first.to_owned(),
            }));
        }
        self.warn();
        if self.seen == 0 {
            warn(&NoLines(log));
        }
        Ok(())
    }
}

/// Says that there is nothing to show.
struct NoLines<'a>(&'a Path);

impl fmt::Display for NoLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has no lines yet", self.0.display())
    }
}
