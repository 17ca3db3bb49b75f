//! `tacho run`: everything wired up, from the options to the summary.

use std::time::{Duration, Instant};

use tachograph::{Config, MetricsSnapshot};

use crate::args::RunArgs;
use crate::collector::{self, Collector};
use crate::console::{Console, Warnings};
use crate::describe::{self, Describer, Llm};
use crate::detect::ConnectedComponents;
use crate::error::Error;
use crate::events::EventLog;
use crate::feed::{Feed, Pace};
use crate::motion::Motion;
use crate::pipeline::{Pipeline, Problems};
use crate::source::{Format, Input};
use crate::stop::Stop;
use crate::suppress::Suppressor;
use crate::watch::{self, Beside};

/// The synthetic camera's rate unless `--fps` gives another, in frames per second.
const CAMERA_FPS: f64 = 30.0;
/// The rate of files that do not say theirs, in frames per second.
const FILE_FPS: f64 = 25.0;

/// How long the end waits for a console that does not take what there is to print.
const CONSOLE_PATIENCE: Duration = Duration::from_secs(1);

/// Runs the loop until its input ends, its time is over or a signal comes.
pub(crate) fn run(args: &RunArgs) -> Result<(), Error> {
    if args.watch {
        watch::check_terminal("tacho run --watch")?;
    }
    let llm = llm(args)?;
    let config = collector::config(args)?;
    let console = Console::start(args.quiet).map_err(Error::Thread)?;
    Warnings(console.clone()).install();
    let result = run_on(&console, args, llm, &config);
    console.flush_within(CONSOLE_PATIENCE);
    result
}

fn run_on(
    console: &Console,
    args: &RunArgs,
    llm: Option<Llm>,
    config: &Config,
) -> Result<(), Error> {
    let stop = Stop::on_signal()?;
    let feed = Feed::start(input(args), pace(args), args.duration)?;
    // A file that cannot be read is found out before any log is touched. A pipe may stay silent for ever, and then
    // there must be a log that says so.
    let known = if input(args).may_block() {
        None
    } else {
        feed.format(&stop, None)?
    };
    let events = EventLog::open(&args.events)?;
    let describer = llm
        .map(Describer::start)
        .transpose()
        .map_err(Error::Thread)?;
    let collector = collector::start(config, console, !args.watch)?;
    let dashboard = args.watch.then(|| Beside::start(config, console, &stop));
    let dashboard = dashboard.transpose()?;

    let begun = Instant::now();
    let mut pipeline = Pipeline {
        metrics: collector.metrics,
        motion: Motion::new(args.motion_threshold),
        detector: Box::new(ConnectedComponents::default()),
        suppressor: Suppressor::default(),
        describer,
        events,
        console: console.clone(),
        stop: stop.clone(),
        shows_progress: false,
        fps: FILE_FPS,
        regions: Vec::new(),
        problems: Problems::default(),
    };
    let ended = drive(&mut pipeline, &collector, &feed, known, begun, args);
    let took = begun.elapsed();
    drop(dashboard);
    console.end_progress();
    finish(collector, console, took)?;
    ended?;
    report_losses(pipeline.problems)
}

/// Waits for the input to open, if it has not yet, and runs the loop on it.
fn drive(
    pipeline: &mut Pipeline,
    collector: &Collector,
    feed: &Feed,
    known: Option<Format>,
    begun: Instant,
    args: &RunArgs,
) -> Result<(), Error> {
    let deadline = args.duration.and_then(|limit| begun.checked_add(limit));
    feed.begin();
    let format = match known {
        Some(format) => Some(format),
        None => feed.format(&pipeline.stop, deadline)?,
    };
    let Some(format) = format else {
        return Ok(());
    };
    pipeline.fps = format.fps;
    let expected = expected_frames(&format, args);
    pipeline.shows_progress = !args.watch && pipeline.console.show_progress(expected);
    let recorder = collector.inner.recorder();
    Ok(pipeline.run(&recorder, feed, deadline)?)
}

/// How many frames there will be, where that is known.
fn expected_frames(format: &Format, args: &RunArgs) -> Option<u64> {
    let Some(limit) = args.duration.filter(|_| format.live) else {
        return format.frames;
    };
    // Saturates where it does not fit; it is for the progress line.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let frames = (limit.as_secs_f64() * format.fps).ceil() as u64;
    Some(frames)
}

fn input(args: &RunArgs) -> Input {
    let fallback_fps = args.fps.unwrap_or(FILE_FPS);
    match &args.input {
        None => Input::Synthetic {
            seed: args.seed,
            fps: args.fps.unwrap_or(CAMERA_FPS),
        },
        Some(path) if path.as_os_str() == "-" => Input::Stdin { fallback_fps },
        Some(path) => Input::File {
            path: path.clone(),
            fallback_fps,
        },
    }
}

fn pace(args: &RunArgs) -> Pace {
    match args.fps {
        Some(fps) => Pace::Fps(fps),
        None if args.realtime => Pace::Realtime,
        None => Pace::Free,
    }
}

/// The model to ask; `None` without one.
fn llm(args: &RunArgs) -> Result<Option<Llm>, Error> {
    let (Some(url), Some(model)) = (&args.llm_url, &args.llm_model) else {
        return Ok(None);
    };
    Ok(Some(Llm {
        url: describe::check_url(url)?,
        model: model.clone(),
        timeout: args.llm_timeout,
    }))
}

/// Logs the last line, shows the status once more and sums up.
fn finish(collector: Collector, console: &Console, took: Duration) -> Result<(), Error> {
    let (snapshot, last_line) = collector.end();
    console.print(&summary(&snapshot, took));
    Ok(last_line?)
}

fn summary(snapshot: &MetricsSnapshot, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    format!(
        "{} frames in {seconds:.1} s ({:.1} fps): idle {}, motion {}, suppressed {}, events {}, failed {}",
        snapshot.frames_processed,
        snapshot.frames_processed as f64 / seconds.max(1e-9),
        snapshot.frames_idle,
        snapshot.frames_motion,
        snapshot.events_suppressed,
        snapshot.events_created,
        snapshot.frames_failed,
    )
}

fn report_losses(problems: Problems) -> Result<(), Error> {
    match problems.first_loss {
        Some(first) => Err(Error::EventsLost {
            count: problems.events_lost,
            first,
        }),
        None => Ok(()),
    }
}
