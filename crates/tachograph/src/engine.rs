//! Reducing, probing, logging and showing: what the background thread does, on any thread.
//!
//! Two locks, always taken in this order: `output` (files and console, may be slow), then `core` (memory only). So a full disk
//! or a blocked console never keeps anybody from a snapshot.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cpu_time::ThreadTime;
use jiff::Timestamp;
use tachograph_reducer::{MetricsSnapshot, Reducer};

use crate::availability::{Availability, unix_seconds};
use crate::jumps::Jumps;
use crate::log_file::{LogError, LogFile};
use crate::overhead::{Overhead, Work};
use crate::probe::{Probe, SystemUsage};
use crate::schedule::Schedule;
use crate::status::Status;
use crate::time::TimeSource;

/// Overhead above which a warning is given, percent of one core.
const OVERHEAD_LIMIT: f64 = 1.0;

#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) time: Arc<dyn TimeSource>,
    /// Values that the by-name calls refused.
    pub(crate) rejected: AtomicU64,
    /// [`LogFile::errors`] as of the last write.
    log_errors: AtomicU64,
    output: Mutex<Output>,
    core: Mutex<Core>,
}

/// Everything that lives in memory alone.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) reducer: Reducer,
    pub(crate) jumps: Jumps,
    pub(crate) schedule: Schedule,
    pub(crate) availability: Availability,
    pub(crate) probe: Option<Box<dyn Probe>>,
    pub(crate) usage: SystemUsage,
    pub(crate) overhead: Overhead,
    /// CPU time spent on all this so far.
    pub(crate) cpu: Duration,
    pub(crate) warned_of_overhead: bool,
}

/// Everything that leaves the process.
pub(crate) struct Output {
    pub(crate) log: Option<LogFile>,
    pub(crate) status: Status,
    pub(crate) console: Option<Box<dyn Write + Send>>,
    /// Whether the last attempt to write the log failed: one warning per run of failures.
    pub(crate) log_is_failing: bool,
    /// What the last status line was made of.
    pub(crate) shown: Option<MetricsSnapshot>,
}

impl Engine {
    pub(crate) fn new(time: Arc<dyn TimeSource>, core: Core, output: Output) -> Self {
        let errors = output.log.as_ref().map_or(0, LogFile::errors);
        Self {
            time,
            rejected: AtomicU64::new(0),
            log_errors: AtomicU64::new(errors),
            output: Mutex::new(output),
            core: Mutex::new(core),
        }
    }

    /// Takes the readings that later ones are compared with, and publishes a first snapshot.
    pub(crate) fn prime(&self) {
        let mut core = self.core();
        core.probe(self);
        core.reduce(self);
    }

    /// Does what is due; returns how long nothing will be. `spent` is CPU time that went into measuring since the last call.
    pub(crate) fn poll(&self, spent: Duration) -> Duration {
        let mut core = self.core();
        core.cpu += spent;
        let due = core.schedule.take_due(self.time.monotonic());
        if due.probe {
            core.probe(self);
        }
        if due.log {
            drop(core);
            // A failed write is counted, reported once and tried again with the next line.
            _ = self.log(true);
            core = self.core();
        } else if due.reduce || due.probe {
            core.reduce(self);
        }
        if due.probe && !due.log {
            drop(core);
            self.renew_latest();
            core = self.core();
        }
        core.schedule
            .next_deadline()
            .saturating_sub(self.time.monotonic())
    }

    /// A snapshot of everything that was recorded before the call.
    pub(crate) fn collect(&self) -> Arc<MetricsSnapshot> {
        self.core().collect(self)
    }

    /// Writes a line to the log, if there is one, and to the console, if `show`.
    pub(crate) fn log(&self, show: bool) -> Result<(), LogError> {
        let mut output = self.output();
        let mut line = self.core().log_line(self);
        let written = output.write(&mut line);
        if let Some(log) = &output.log {
            self.log_errors.store(log.errors(), Relaxed);
        }
        if show {
            output.show_line(line);
        }
        written
    }

    /// Writes the file of the newest snapshot if somebody asks for it. A failure is counted; the log tells of its reason with the
    /// next line.
    fn renew_latest(&self) {
        let mut output = self.output();
        let Some(log) = &mut output.log else {
            return;
        };
        if log.is_watched(self.time.monotonic()) {
            let latest = self.core().latest(self);
            if let Ok(json) = serde_json::to_string(&latest) {
                _ = log.write_latest(&json);
            }
            self.log_errors.store(log.errors(), Relaxed);
        }
    }

    /// The full table of this moment.
    pub(crate) fn table(&self) -> String {
        let output = self.output();
        output.status.table(&self.collect())
    }

    /// Prints the full table to the console.
    pub(crate) fn show_table(&self) {
        let text = self.table();
        self.output().print(&text);
    }

    pub(crate) fn reset(&self) {
        self.core().reducer.reset();
        self.rejected.store(0, Relaxed);
    }

    /// Does something on a thread that is not the collector's own and counts its CPU time as spent on measuring.
    pub(crate) fn charged<T>(&self, work: impl FnOnce() -> T) -> T {
        let start = ThreadTime::try_now();
        let result = work();
        if let Ok(Ok(spent)) = start.map(|start| start.try_elapsed()) {
            self.core().cpu += spent;
        }
        result
    }

    // Neither lock guards anything that a panic could leave half changed: the reducer's state is whole between two samples.

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    /// Reduces, with lifetime percentiles of this moment.
    fn collect(&mut self, engine: &Engine) -> Arc<MetricsSnapshot> {
        self.reduce(engine);
        self.reducer.refresh_lifetime();
        self.reduce(engine)
    }

    fn reduce(&mut self, engine: &Engine) -> Arc<MetricsSnapshot> {
        let Self {
            reducer,
            jumps,
            availability,
            usage,
            overhead,
            ..
        } = self;
        let (stamp, now, jump) = jumps.look(&*engine.time);
        if let Some(jump) = jump {
            reducer.clock_jumped(jump);
        }
        reducer.reduce_with(stamp, |snapshot| {
            availability.observe(now, snapshot.frames_processed);
            snapshot.timestamp = unix_seconds(now.wall);
            write_time(&mut snapshot.time, now.wall);
            write_usage(snapshot, usage);
            write_availability(snapshot, availability);
            snapshot.metrics_collection_overhead_percent = overhead.percent();
            // What was added to counters of another schema may be anything.
            snapshot.samples_rejected =
                (snapshot.samples_rejected).wrapping_add(engine.rejected.load(Relaxed));
            snapshot.log_errors = engine.log_errors.load(Relaxed);
        })
    }

    /// Samples the machine and adds up the overhead.
    pub(crate) fn probe(&mut self, engine: &Engine) {
        let now = engine.time.monotonic();
        if let Some(probe) = &mut self.probe {
            self.usage.observe(now, probe.sample());
        }
        let latest = self.reducer.reader().load_full();
        let work = Work {
            now,
            cpu: self.cpu,
            samples: latest.samples_recorded,
            frames: latest.frames_processed,
        };
        self.overhead.observe(work);
        let percent = self.overhead.percent().unwrap_or_default();
        if percent > OVERHEAD_LIMIT && !self.warned_of_overhead {
            self.warned_of_overhead = true;
            log::warn!("measuring costs {percent:.2} % of a core, more than {OVERHEAD_LIMIT} %");
        }
    }

    /// A snapshot with the histograms since the line before, and with the newest frames.
    fn log_line(&mut self, engine: &Engine) -> MetricsSnapshot {
        let mut line = self.latest_frames(engine);
        line.histograms = self.reducer.take_interval_histograms();
        line
    }

    /// The same between two lines; the next one has the histograms again.
    fn latest(&mut self, engine: &Engine) -> MetricsSnapshot {
        let mut latest = self.latest_frames(engine);
        latest.histograms = self.reducer.interval_histograms();
        latest
    }

    fn latest_frames(&mut self, engine: &Engine) -> MetricsSnapshot {
        let mut latest = MetricsSnapshot::clone(&self.collect(engine));
        latest.newest_frames = self.reducer.newest_frames();
        latest
    }
}

impl Output {
    /// Writes the file of the newest snapshot, takes the newest frames, which belong there alone, out of the line, and writes that.
    fn write(&mut self, line: &mut MetricsSnapshot) -> Result<(), LogError> {
        let Some(log) = &mut self.log else {
            return Ok(());
        };
        // Serialising plain data to memory cannot fail; if it ever did, the line would be missing and the next one come.
        let Ok(json) = serde_json::to_string(line) else {
            return Ok(());
        };
        let latest = log.write_latest(&json);
        line.newest_frames.clear();
        let Ok(json) = serde_json::to_string(line) else {
            return Ok(());
        };
        let written = log.append(json).and(latest);
        match &written {
            Err(error) if !self.log_is_failing => {
                log::warn!("{error}; trying again with every line");
            }
            Ok(()) if self.log_is_failing => {
                log::warn!("the log can be written again, nothing is held back");
            }
            _ => {}
        }
        self.log_is_failing = written.is_err();
        written
    }

    /// Prints one compact line, with the rate since the one before.
    fn show_line(&mut self, line: MetricsSnapshot) {
        let text = self.status.line(&line, self.shown.as_ref());
        self.print(&text);
        self.shown = Some(line);
    }

    /// Prints to the console, in one write so that nothing comes in between; one that is gone is no reason to stop.
    fn print(&mut self, text: &str) {
        if let Some(console) = &mut self.console {
            let text = format!("{}\n", text.trim_end());
            _ = console
                .write_all(text.as_bytes())
                .and_then(|()| console.flush());
        }
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output")
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
}

fn write_time(text: &mut String, wall: std::time::SystemTime) {
    use std::fmt::Write as _;
    text.clear();
    if let Ok(time) = Timestamp::try_from(wall) {
        // Writing to a string cannot fail.
        _ = write!(text, "{time:.3}");
    }
}

fn write_usage(snapshot: &mut MetricsSnapshot, usage: &SystemUsage) {
    let figures = usage.figures;
    snapshot.cpu_usage_current = figures.cpu_usage_current;
    snapshot.cpu_usage_avg = figures.cpu_usage_avg;
    snapshot.process_cpu_usage = figures.process_cpu_usage;
    snapshot.process_cpu_cores_percent = figures.process_cpu_cores_percent;
    snapshot.memory_usage_mb = figures.memory_usage_mb;
    snapshot.memory_usage_gb = figures.memory_usage_mb.map(|mib| mib / 1024.0);
    snapshot.memory_usage_percent = figures.memory_usage_percent;
    snapshot.process_memory_mb = figures.process_memory_mb;
}

fn write_availability(snapshot: &mut MetricsSnapshot, availability: &Availability) {
    let report = availability.report();
    snapshot.system_availability = report.percent;
    snapshot.system_uptime_percent = report.percent;
    snapshot.system_start_time = report.first_start;
    snapshot.uptime_seconds = report.uptime.as_secs_f64();
    snapshot.observed_seconds = report.observed.as_secs_f64();
    snapshot.downtime_seconds = report.down.as_secs_f64();
    snapshot.suspended_seconds = report.suspended.as_secs_f64();
}
