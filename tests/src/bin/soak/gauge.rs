//! What this process uses, once a second.

use std::fs;

use memory_stats::memory_stats;

/// What one second of the run looked like.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slice {
    pub(crate) resident_mib: f64,
    /// Open files; `None` where the system does not tell.
    pub(crate) handles: Option<usize>,
    pub(crate) threads: Option<usize>,
    /// Nanoseconds that all recording calls of a frame took together.
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    /// Frames in this second, over all threads.
    pub(crate) frames: u64,
    /// Percent of a core, as the collector reports it.
    pub(crate) overhead: Option<f64>,
    /// Percent of all cores: the machine, and this process alone.
    pub(crate) machine_cpu: Option<f64>,
    pub(crate) own_cpu: Option<f64>,
}

pub(crate) fn resident_mib() -> f64 {
    let bytes = memory_stats().map_or(0, |stats| stats.physical_mem);
    bytes as f64 / f64::from(1 << 20)
}

/// Open files, without the one that is opened to look.
pub(crate) fn handles() -> Option<usize> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count() - 1)
}

pub(crate) fn threads() -> Option<usize> {
    Some(fs::read_dir("/proc/self/task").ok()?.count())
}
