//! The run itself.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use tachograph::{MetricsCollector, MetricsSnapshot};

use crate::args::Args;
use crate::gauge::{self, Slice};
use crate::load::{self, Costs, Own, Truth};
use crate::log_watch::LogWatch;
use crate::plant::Sabotage;
use crate::readers::{self, Seen};

pub(crate) const LOG_INTERVAL: Duration = Duration::from_millis(500);
pub(crate) const ROTATE_BYTES: u64 = 64 << 10;
pub(crate) const ROTATE_FILES: usize = 8;
const WINDOW: u64 = 1000;

/// What came of it.
#[derive(Debug)]
pub(crate) struct Soaked {
    pub(crate) slices: Vec<Slice>,
    /// Summed over all threads.
    pub(crate) truth: Truth,
    pub(crate) last: Arc<MetricsSnapshot>,
    pub(crate) readers: Vec<Seen>,
    pub(crate) log: LogWatch,
    pub(crate) length: Duration,
}

struct Load {
    collector: MetricsCollector,
    own: Own,
    costs: Vec<Costs>,
    sabotage: Sabotage,
    reading: AtomicBool,
}

pub(crate) fn run(args: &Args) -> Result<Soaked, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("metrics.json");
    let (collector, own) = collector(&path)?;
    let load = Load {
        collector,
        own,
        costs: (0..args.threads).map(|_| Costs::new()).collect(),
        sabotage: Sabotage::new(args.plant),
        reading: AtomicBool::new(true),
    };
    let mut log = LogWatch::new(&path);
    let started = Instant::now();
    let (slices, truth, readers) = under_load(args, &load, &mut log);
    let length = started.elapsed();
    let last = load.collector.collect();
    load.collector.shutdown()?;
    log.follow();
    Ok(Soaked {
        slices,
        truth,
        last,
        readers,
        log,
        length,
    })
}

fn collector(path: &Path) -> Result<(MetricsCollector, Own), Box<dyn Error>> {
    let mut config = tachograph::Config {
        metrics_interval: LOG_INTERVAL,
        rotate_bytes: ROTATE_BYTES,
        rotate_files: ROTATE_FILES,
        ..tachograph::Config::default()
    };
    path.clone_into(&mut config.log_path);
    let mut builder = MetricsCollector::builder().config(config).quiet();
    let own = Own {
        decode: builder.timer("decode")?,
        packets: builder.counter("packets")?,
    };
    Ok((builder.start()?, own))
}

/// Starts all threads, looks on once a second until the frames are done, and waits for all threads.
fn under_load(args: &Args, load: &Load, log: &mut LogWatch) -> (Vec<Slice>, Truth, Vec<Seen>) {
    let frames = args.duration.as_millis() * u128::from(args.fps) / 1000;
    let frames = u64::try_from(frames).unwrap_or(u64::MAX);
    let reader = load.collector.reader();
    thread::scope(|scope| {
        let reading: Vec<_> = (0..args.readers)
            .map(|number| {
                let reader = reader.clone();
                scope.spawn(move || readers::read(number, &reader, WINDOW, &load.reading))
            })
            .collect();
        let recording: Vec<_> = load
            .costs
            .iter()
            .map(|costs| {
                let recorder = load.collector.recorder();
                let (own, sabotage) = (load.own, &load.sabotage);
                scope.spawn(move || {
                    load::frame_loop(&recorder, own, frames, args.fps, costs, sabotage)
                })
            })
            .collect();
        let done = || recording.iter().all(ScopedJoinHandle::is_finished);
        let slices = look_on(args.duration, load, log, done);
        let truths = recording.into_iter().map(ScopedJoinHandle::join);
        // A thread that failed leaves its frames uncounted, and the reckoning says so.
        let truth = truths
            .flatten()
            .fold(Truth::default(), |sum, one| sum.plus(&one));
        load.reading.store(false, Relaxed);
        let seen = reading.into_iter().filter_map(|thread| thread.join().ok());
        (slices, truth, seen.collect())
    })
}

/// A slice a second until `done`. Room for all of them is made and touched before, so that keeping them is no growth.
fn look_on(
    duration: Duration,
    load: &Load,
    log: &mut LogWatch,
    done: impl Fn() -> bool,
) -> Vec<Slice> {
    let expected = usize::try_from(duration.as_secs()).unwrap_or(0);
    let mut slices = vec![Slice::default(); 2 * expected + 60];
    let mut costs = load::histogram();
    let mut count = 0;
    let mut next = Instant::now() + Duration::from_secs(1);
    while !done() {
        thread::sleep(next.saturating_duration_since(Instant::now()));
        next += Duration::from_secs(1);
        // Before the log is read: a line that is lost on purpose must not have been seen.
        load.sabotage.each_second(&load.collector, log.path());
        log.follow();
        costs.reset();
        load.costs.iter().for_each(|thread| thread.take(&mut costs));
        let latest = load.collector.reader().load_full();
        let slice = Slice {
            resident_mib: gauge::resident_mib(),
            handles: gauge::handles(),
            threads: gauge::threads(),
            p50: costs.value_at_quantile(0.5),
            p99: costs.value_at_quantile(0.99),
            p999: costs.value_at_quantile(0.999),
            frames: costs.len(),
            overhead: latest.metrics_collection_overhead_percent,
            machine_cpu: latest.cpu_usage_current,
            own_cpu: latest.process_cpu_usage,
        };
        if let Some(place) = slices.get_mut(count) {
            *place = slice;
            count += 1;
        }
    }
    slices.truncate(count);
    // The last second is not a whole one, and threads end in it.
    slices.pop();
    slices
}
