//! A whole collector and a frame loop in a process of their own, for tests that break its log or kill it.
//!
//! `frame_service PATH ROTATE_BYTES ROTATE_FILES RUN` waits for a line on standard input, starts the collector, says `ready` and
//! records a thousand frames a second. Then it does what it is told, line by line:
//!
//! - `status`: says frames due, frames recorded, frames in a snapshot, `log_errors`, and the median cost of a frame in ns
//! - `flood`: logs as fast as it can and says the number of each line that was written, for ever; the counters `run` and `line`
//!   tell the lines apart, and 900 more make them long
//! - `end` (or no more input): stops the loop, shuts down, says `status` once more and how the shutdown ended
//!
//! What the collector reports goes to standard error.

use std::error::Error;
use std::io::{self, BufRead as _, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use tachograph::{Config, Counter, MetricsCollector, Outcome, Recorder, metrics};

/// The shortest there is.
const LOG_INTERVAL: Duration = Duration::from_millis(100);
const FRAME_INTERVAL: Duration = Duration::from_millis(1);
/// Counters with long names, so that a line of a flood is some twenty pages long.
const LENGTHENING: usize = 900;

fn main() {
    if let Err(error) = serve() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn serve() -> Result<(), Box<dyn Error>> {
    log::set_logger(&StandardError)?;
    log::set_max_level(log::LevelFilter::Warn);
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, rotate_bytes, rotate_files, run] = &args[..] else {
        return Err("usage: frame_service PATH ROTATE_BYTES ROTATE_FILES RUN".into());
    };
    let config = Config {
        log_path: PathBuf::from(path),
        rotate_bytes: rotate_bytes.parse()?,
        rotate_files: rotate_files.parse()?,
        metrics_interval: LOG_INTERVAL,
        ..Config::default()
    };
    let run: u64 = run.parse()?;
    io::stdin().lock().read_line(&mut String::new())?;
    let mut builder = MetricsCollector::builder().config(config).quiet();
    let run_counter = builder.counter("run")?;
    let line_counter = builder.counter("line")?;
    for number in (0..LENGTHENING).filter(|_| run > 0) {
        builder.counter(&format!("a_counter_with_a_long_name_{number:0>37}"))?;
    }
    let collector = builder.start()?;
    collector.recorder().add(run_counter, run);
    let frames = Frames::default();
    thread::scope(|scope| {
        let recorder = collector.recorder();
        let looping = scope.spawn({
            let frames = &frames;
            move || frames.run(&recorder)
        });
        let obeyed = say("ready").and_then(|()| obey(&collector, &frames, line_counter));
        frames.stop.store(true, Relaxed);
        _ = looping.join();
        obeyed
    })?;
    let ended = collector
        .shutdown()
        .map_or_else(|error| error.to_string(), |()| "ok".to_owned());
    say(&frames.status(&collector))?;
    say(&ended)?;
    Ok(())
}

fn obey(collector: &MetricsCollector, frames: &Frames, line: Counter) -> io::Result<()> {
    for order in io::stdin().lock().lines() {
        match order?.as_str() {
            "status" => say(&frames.status(collector))?,
            "flood" => flood(collector, line)?,
            _ => break,
        }
    }
    Ok(())
}

fn flood(collector: &MetricsCollector, line: Counter) -> io::Result<()> {
    let recorder = collector.recorder();
    for number in 1_u64.. {
        recorder.increment(line);
        collector.log_metrics().map_err(io::Error::other)?;
        say(&number.to_string())?;
    }
    Ok(())
}

/// The loop, and what is known about it from outside.
struct Frames {
    start: Instant,
    stop: AtomicBool,
    recorded: AtomicU64,
    median_nanos: AtomicU64,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            stop: AtomicBool::new(false),
            recorded: AtomicU64::new(0),
            median_nanos: AtomicU64::new(0),
        }
    }
}

impl Frames {
    fn due(&self) -> u64 {
        let elapsed = self.start.elapsed().as_nanos() / FRAME_INTERVAL.as_nanos();
        u64::try_from(elapsed).unwrap_or(u64::MAX)
    }

    /// Records each frame that is due; one that comes late is made up for.
    fn run(&self, recorder: &Recorder) {
        let mut number = 0;
        let mut costs = Vec::new();
        while !self.stop.load(Relaxed) {
            while number < self.due() {
                let begun = Instant::now();
                let mut frame = recorder.frame();
                frame.motion();
                frame.stage(metrics::COREML_INFERENCE);
                frame.finish(Outcome::Event);
                costs.push(begun.elapsed());
                number += 1;
                self.recorded.store(number, Relaxed);
            }
            if costs.len() >= 100 {
                costs.sort_unstable();
                let median = u64::try_from(costs[costs.len() / 2].as_nanos()).unwrap_or(u64::MAX);
                self.median_nanos.fetch_max(median, Relaxed);
                costs.clear();
            }
            thread::sleep(FRAME_INTERVAL);
        }
    }

    /// The median is the worst of those of a hundred frames each.
    fn status(&self, collector: &MetricsCollector) -> String {
        // In this order: what is recorded meanwhile may only be missing on the left.
        let (due, recorded) = (self.due(), self.recorded.load(Relaxed));
        let snapshot = collector.collect();
        format!(
            "{due} {recorded} {} {} {}",
            snapshot.frames_processed,
            snapshot.log_errors,
            self.median_nanos.load(Relaxed)
        )
    }
}

/// Says something in one write, so that a kill leaves all of it or nothing.
fn say(what: &str) -> io::Result<()> {
    io::stdout()
        .lock()
        .write_all(format!("{what}\n").as_bytes())
}

struct StandardError;

impl log::Log for StandardError {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        eprintln!("{}: {}", record.level(), record.args());
    }

    fn flush(&self) {}
}
