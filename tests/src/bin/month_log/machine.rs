//! The machine that the camera's loop runs on: chance, and what a probe sees.

use std::f64::consts::TAU;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tachograph::{Probe, SystemSample};
use tachograph_tests::Random;

const MIB: u64 = 1 << 20;

/// Chance, repeatable.
pub(crate) struct Chance(Random);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    /// From 0 to just below 1.
    pub(crate) fn share(&mut self) -> f64 {
        self.0.below(1 << 52) as f64 / (1_u64 << 52) as f64
    }

    /// Whether something of this probability happens.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// A time as stages take it: half of them are shorter than `median_ms`, and some much longer.
    pub(crate) fn time(&mut self, median_ms: f64, spread: f64) -> Duration {
        let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        let normal = radius * (TAU * self.share()).cos();
        Duration::from_secs_f64(median_ms / 1e3 * (spread * normal).exp())
    }
}

/// What the loop has used so far; shared with its probe.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage(Arc<AtomicU64>);

impl Usage {
    /// The loop has computed for so long.
    pub(crate) fn add(&self, cpu: Duration) {
        let nanos = u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Relaxed);
    }

    fn cpu(&self) -> Duration {
        Duration::from_nanos(self.0.load(Relaxed))
    }
}

/// Sees a machine with 16 GiB, on which the loop's memory grows a little for as long as it runs.
pub(crate) struct Machine {
    chance: Chance,
    usage: Usage,
    /// Other work, percent of the machine.
    others: f64,
    samples: u64,
}

impl Machine {
    pub(crate) fn new(seed: u64, usage: Usage) -> Self {
        Self {
            chance: Chance::new(seed),
            usage,
            others: 10.0,
            samples: 0,
        }
    }
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine").finish_non_exhaustive()
    }
}

impl Probe for Machine {
    fn sample(&mut self) -> SystemSample {
        self.samples += 1;
        self.others += (self.chance.share() - 0.5) * 4.0 + (10.0 - self.others) * 0.05;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let noise = (self.chance.share() * 24.0) as u64;
        let process = 180 + noise + self.samples / 20_000;
        SystemSample {
            cpu_percent: Some(self.others.clamp(0.5, 90.0)),
            memory_used: Some((5200 + process) * MIB),
            memory_total: Some(16 * 1024 * MIB),
            process_memory: Some(process * MIB),
            process_cpu: Some(self.usage.cpu()),
        }
    }
}
