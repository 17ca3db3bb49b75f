//! A real loop over pixels, with and without instrumentation: what the loop feels.

use std::io;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use tachograph::{BuildError, MetricsCollector, Outcome, Recorder, Timer, metrics};

use crate::pixels::Camera;

/// Frames per second of the paced loop.
pub const RATE: f64 = 30.0;
/// A line of log this often: twelve times as often as by default, so that short runs have some.
const LOG_INTERVAL: Duration = Duration::from_secs(5);
/// How often a collector reduces by default.
const REDUCE_INTERVAL: Duration = Duration::from_millis(100);

/// How long to run.
#[derive(Clone, Copy, Debug)]
pub struct LoopPlan {
    /// Blocks of each kind; blocks with and without instrumentation take turns.
    pub blocks: usize,
    /// Length of a block.
    pub block: Duration,
}

/// What a loop without or with instrumentation was like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Side {
    /// Frames over all blocks.
    pub frames: usize,
    /// Median frame time in microseconds, without the waiting.
    pub median_us: f64,
    /// The frame time that one in a thousand exceeds, in microseconds.
    pub p999_us: f64,
    /// CPU time of the process in percent of wall time.
    pub cpu_percent: f64,
    /// CPU time of the process per frame, in microseconds.
    pub cpu_us: f64,
}

/// A loop measured both ways.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pair {
    /// Without a collector in the process.
    pub plain: Side,
    /// Instrumented, with the collector's thread reducing, probing and logging to a file.
    pub measured: Side,
    /// CPU time of the collector's thread in percent of wall time, where the system tells (Linux).
    pub thread_percent: Option<f64>,
    /// The overhead in percent of wall time that the collector itself reports.
    pub reported_percent: Option<f64>,
    /// CPU time, in percent of wall time, of a thread beside the paced loop that wakes as often as the collector's reduces
    /// and does nothing: what the operating system takes for that alone.
    pub waking_percent: Option<f64>,
    /// The same as `thread_percent` of a collector that reduces once a second, beside the paced loop.
    pub slow_thread_percent: Option<f64>,
}

/// Runs the loop in alternating blocks, at [`RATE`] if `paced`, or as fast as it can.
///
/// # Errors
/// The collector could not start.
///
/// # Panics
/// The collector lost a frame.
pub fn run(plan: LoopPlan, paced: bool) -> Result<Pair, LoopError> {
    let mut camera = Camera::new();
    let pace = paced.then(|| Duration::from_secs_f64(1.0 / RATE));
    let (mut bare, mut measured) = (Block::default(), Block::default());
    let mut pair = Pair::default();
    for _ in 0..plan.blocks {
        bare.record(plan.block, pace, |number| _ = camera.frame(number));
        let folder = tempfile::tempdir()?;
        let (collector, stages) = start(folder.path(), REDUCE_INTERVAL)?;
        let recorder = collector.recorder();
        let frames = measured.times.len();
        measured.record(plan.block, pace, |number| {
            stages.frame(&mut camera, number, &recorder);
        });
        let thread = thread_cpu("tachograph").map(|cpu| percent(cpu, measured.last_wall));
        let snapshot = collector.collect();
        let frames = (measured.times.len() - frames) as u64;
        assert_eq!(snapshot.frames_processed, frames, "every frame counts");
        let share = 1.0 / plan.blocks as f64;
        add_share(&mut pair.thread_percent, thread, share);
        let reported = snapshot.metrics_collection_overhead_percent;
        add_share(&mut pair.reported_percent, reported, share);
    }
    if paced {
        pair.waking_percent = waking(plan.block, pace, &mut camera)?;
        pair.slow_thread_percent = once_a_second(plan.block, pace, &mut camera)?;
    }
    (pair.plain, pair.measured) = (bare.side(), measured.side());
    Ok(pair)
}

fn start(folder: &Path, reduce: Duration) -> Result<(MetricsCollector, Stages), LoopError> {
    let mut builder = MetricsCollector::builder()
        .log_path(folder.join("metrics.json"))
        .metrics_interval(LOG_INTERVAL)
        .reduce_interval(reduce)
        .quiet();
    let stages = Stages::new(&mut builder)?;
    Ok((builder.start()?, stages))
}

/// Runs the instrumented loop beside a collector that reduces once a second; the share of a CPU that its thread takes.
fn once_a_second(
    length: Duration,
    pace: Option<Duration>,
    camera: &mut Camera,
) -> Result<Option<f64>, LoopError> {
    let folder = tempfile::tempdir()?;
    let (collector, stages) = start(folder.path(), Duration::from_secs(1))?;
    let recorder = collector.recorder();
    let mut block = Block::default();
    block.record(length, pace, |number| {
        stages.frame(camera, number, &recorder);
    });
    Ok(thread_cpu("tachograph").map(|cpu| percent(cpu, block.wall)))
}

/// Runs the plain loop beside a thread that only wakes up; the share of a CPU that this thread takes.
fn waking(
    length: Duration,
    pace: Option<Duration>,
    camera: &mut Camera,
) -> io::Result<Option<f64>> {
    let (stop, stopped) = mpsc::channel::<()>();
    let waking = thread::Builder::new().name("waking".to_owned());
    let thread = waking.spawn(move || {
        while stopped.recv_timeout(REDUCE_INTERVAL) == Err(RecvTimeoutError::Timeout) {}
    })?;
    let mut block = Block::default();
    block.record(length, pace, |number| _ = camera.frame(number));
    let cpu = thread_cpu("waking");
    drop(stop);
    // It cannot panic.
    _ = thread.join();
    Ok(cpu.map(|cpu| percent(cpu, block.wall)))
}

fn add_share(sum: &mut Option<f64>, value: Option<f64>, share: f64) {
    if let Some(value) = value {
        *sum = Some(sum.unwrap_or_default() + value * share);
    }
}

/// Why a loop could not run.
#[derive(Debug)]
pub enum LoopError {
    /// The collector refused to start.
    Collector(BuildError),
    /// There is no folder for the log.
    Folder(io::Error),
    /// A stage's name is bad.
    Name(tachograph::SchemaError),
}

impl std::fmt::Display for LoopError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Collector(error) => error.fmt(f),
            Self::Folder(error) => error.fmt(f),
            Self::Name(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LoopError {}

impl From<BuildError> for LoopError {
    fn from(error: BuildError) -> Self {
        Self::Collector(error)
    }
}

impl From<io::Error> for LoopError {
    fn from(error: io::Error) -> Self {
        Self::Folder(error)
    }
}

impl From<tachograph::SchemaError> for LoopError {
    fn from(error: tachograph::SchemaError) -> Self {
        Self::Name(error)
    }
}

/// The stages of the loop.
struct Stages {
    capture: Timer,
    motion: Timer,
}

impl Stages {
    fn new(builder: &mut tachograph::MetricsCollectorBuilder) -> Result<Self, LoopError> {
        Ok(Self {
            capture: builder.timer("capture")?,
            motion: builder.timer("motion")?,
        })
    }

    /// The same work as [`Camera::frame`], instrumented as the documentation says.
    fn frame(&self, camera: &mut Camera, number: usize, recorder: &Recorder) {
        let mut frame = recorder.frame();
        frame.stage(self.capture);
        camera.capture(number);
        frame.stage(self.motion);
        let moved = camera.motion();
        if moved == 0 {
            return frame.finish(Outcome::Idle);
        }
        frame.motion();
        frame.stage(metrics::COREML_INFERENCE);
        let object = camera.detect();
        if object.is_none() {
            return frame.finish(Outcome::Motion);
        }
        frame.stage(metrics::LLM_INFERENCE);
        camera.describe();
        frame.finish(Outcome::Event);
    }
}

/// What was seen of one kind of blocks.
#[derive(Default)]
struct Block {
    /// Frame times in microseconds.
    times: Vec<f64>,
    cpu: Duration,
    wall: Duration,
    last_wall: Duration,
}

impl Block {
    fn record(&mut self, length: Duration, pace: Option<Duration>, mut frame: impl FnMut(usize)) {
        let (cpu, start) = (ProcessTime::now(), Instant::now());
        let mut number = 0_u32;
        while start.elapsed() < length {
            let begun = Instant::now();
            frame(number as usize);
            self.times.push(begun.elapsed().as_secs_f64() * 1e6);
            number += 1;
            if let Some(pace) = pace {
                thread::sleep((pace * number).saturating_sub(start.elapsed()));
            }
        }
        self.last_wall = start.elapsed();
        self.wall += self.last_wall;
        self.cpu += cpu.elapsed();
    }

    fn side(mut self) -> Side {
        self.times.sort_by(f64::total_cmp);
        let at = |per_mille: usize| {
            let index = (self.times.len().saturating_sub(1) * per_mille).div_ceil(1000);
            self.times.get(index).copied().unwrap_or_default()
        };
        Side {
            frames: self.times.len(),
            median_us: at(500),
            p999_us: at(999),
            cpu_percent: percent(self.cpu, self.wall),
            cpu_us: self.cpu.as_secs_f64() * 1e6 / self.times.len().max(1) as f64,
        }
    }
}

fn percent(part: Duration, whole: Duration) -> f64 {
    part.as_secs_f64() / whole.as_secs_f64() * 100.0
}

/// CPU time of this process' thread of that name so far; `None` where the system has no `/proc`.
fn thread_cpu(name: &str) -> Option<Duration> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let mut tasks = tasks.filter_map(|task| Some(task.ok()?.path()));
    let task = tasks.find(|task| {
        let comm = std::fs::read_to_string(task.join("comm"));
        comm.is_ok_and(|comm| comm.trim() == name)
    })?;
    let text = std::fs::read_to_string(task.join("schedstat")).ok()?;
    let nanos = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}
