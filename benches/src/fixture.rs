//! What the benches set up alike.

use std::time::Duration;

use tachograph::{MetricsCollector, Stamp, metrics};
use tachograph_hotpath::{Recorder, Registry, RegistryOptions, SchemaBuilder, Timer};
use tachograph_reducer::Reducer;

/// A collector without log, console and thread of its own.
///
/// # Panics
/// Never: the defaults are valid.
pub fn quiet_collector() -> MetricsCollector {
    MetricsCollector::builder()
        .without_log()
        .quiet()
        .build()
        .expect("the defaults are valid")
}

/// Samples that the named timer ever recorded.
pub fn samples_of(collector: &MetricsCollector, timer: &str) -> u64 {
    let snapshot = collector.collect();
    snapshot.lifetime.get(timer).map_or(0, |stats| stats.count)
}

/// Durations as an inference has them: 1 ms to 1 s, evenly on a logarithmic scale, always the same ones.
pub fn durations() -> Vec<Duration> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let uniform = std::iter::repeat_with(move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    });
    uniform
        .take(1024)
        .map(|share| Duration::from_secs_f64(10_f64.powf(-3.0 + 3.0 * share)))
        .collect()
}

/// Lanes with recorders, and a reducer of them.
#[derive(Debug)]
pub struct Lanes {
    /// Reduces them all.
    pub reducer: Reducer,
    recorders: Vec<Recorder>,
    timers: Vec<Timer>,
    registry: Registry,
}

impl Lanes {
    /// So many lanes with so many timers each (three at least, the built-in ones), whose windows are full.
    ///
    /// # Panics
    /// Never: the names are valid.
    pub fn new(lanes: usize, timers: usize) -> Self {
        let mut schema = SchemaBuilder::new();
        let mut handles = vec![
            metrics::COREML_INFERENCE,
            metrics::LLM_INFERENCE,
            metrics::FRAME_LATENCY,
        ];
        for n in handles.len()..timers {
            handles.push(schema.timer(&format!("stage_{n}")).expect("a good name"));
        }
        let registry = Registry::new(schema.build(), RegistryOptions::default());
        let recorders = (0..lanes).map(|_| registry.recorder()).collect();
        let mut this = Self {
            reducer: Reducer::new(registry.clone()),
            recorders,
            timers: handles,
            registry,
        };
        this.fill(1000);
        this.reduce();
        this
    }

    /// Records so many samples into every timer of every lane, with stamps that ascend over all of them; the lanes take
    /// turns, as threads of one loop do.
    pub fn fill(&self, samples: usize) {
        let base = self.registry.clock().now().ticks();
        let durations = [85_000_u64, 91_000, 78_000, 120_000, 83_000, 99_000, 87_000];
        for (n, ticks) in (0..samples).zip(durations.iter().cycle()) {
            for (lane, recorder) in self.recorders.iter().enumerate() {
                let end = base + (n * self.recorders.len() + lane) as u64;
                let (start, end) = (Stamp::from_ticks(end - ticks), Stamp::from_ticks(end));
                for &timer in &self.timers {
                    recorder.record_between(timer, start, end);
                }
            }
        }
    }

    /// Reduces once; says how many samples are in the statistics, counted or known to be overwritten.
    pub fn reduce(&mut self) -> u64 {
        let snapshot = self.reducer.reduce(self.registry.clock().now());
        snapshot.samples_counted + snapshot.samples_overwritten
    }
}
