//! What the machine and this process use.

use std::fmt;
use std::time::Duration;

use cpu_time::ProcessTime;
use memory_stats::memory_stats;
use sysinfo::{
    CpuRefreshKind, MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, RefreshKind,
    System,
};

use crate::rolling::Rolling;

const MIB: f64 = 1024.0 * 1024.0;

/// Where the figures about machine and process come from.
pub trait Probe: fmt::Debug + Send {
    /// Takes a sample. Must not sleep. Called about once a second.
    fn sample(&mut self) -> SystemSample;
}

/// What a [`Probe`] saw. `None` is "cannot be known (yet)".
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SystemSample {
    /// CPU of the whole machine since the sample before, percent of all cores.
    pub cpu_percent: Option<f64>,
    /// Memory in use, bytes; in a limited cgroup what the cgroup uses.
    pub memory_used: Option<u64>,
    /// Memory of the machine or the cgroup's limit, bytes.
    pub memory_total: Option<u64>,
    /// Resident memory of this process, bytes.
    pub process_memory: Option<u64>,
    /// CPU time of this process since its start.
    pub process_cpu: Option<Duration>,
}

/// Samples between two looks for a memory limit: cgroups are configured before a process starts, as a rule, and asking costs
/// more than all the rest.
const LIMIT_EVERY: u32 = 60;

/// Asks the operating system: about the machine through `sysinfo`, about this process through its own clock and counters. No
/// other process is looked at. About 0.1 ms a sample on Linux.
pub struct SystemProbe {
    system: System,
    pid: Option<Pid>,
    /// The first reading of the machine's CPU is the average since boot.
    primed: bool,
    /// Whether this process's cgroup has less memory than the machine.
    limited: bool,
    /// Samples until that is looked up again.
    until_limit: u32,
}

impl SystemProbe {
    /// Takes the reading that later ones are compared with. `None` where `sysinfo` does not work.
    pub fn new() -> Option<Self> {
        let cpu = CpuRefreshKind::nothing().with_usage();
        let mut system = System::new_with_specifics(RefreshKind::nothing().with_cpu(cpu)).ok()?;
        let pid = sysinfo::get_current_pid().ok();
        if let Some(pid) = pid {
            // Just so that it is listed and can be asked for its cgroup.
            let kind = ProcessRefreshKind::nothing().without_tasks();
            system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, kind);
        }
        Some(Self {
            system,
            pid,
            primed: false,
            limited: false,
            until_limit: 0,
        })
    }

    /// Memory in use and in all, in bytes: of the cgroup where it is limited, else of the machine.
    fn memory(&mut self) -> (u64, u64) {
        let machine = (self.system.used_memory(), self.system.total_memory());
        let look = self.limited || self.until_limit == 0;
        self.until_limit = self.until_limit.checked_sub(1).unwrap_or(LIMIT_EVERY);
        let process = self
            .pid
            .filter(|_| look)
            .and_then(|pid| self.system.process(pid));
        let limits = process.and_then(sysinfo::Process::cgroup_limits);
        let limit = limits.filter(|limits| (1..machine.1).contains(&limits.total_memory));
        if look {
            self.limited = limit.is_some();
        }
        limit.map_or(machine, |limits| {
            (
                limits.total_memory.saturating_sub(limits.free_memory),
                limits.total_memory,
            )
        })
    }
}

impl Probe for SystemProbe {
    fn sample(&mut self) -> SystemSample {
        self.system.refresh_cpu_usage();
        self.system
            .refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let (used, total) = self.memory();
        let primed = std::mem::replace(&mut self.primed, true);
        SystemSample {
            cpu_percent: primed.then(|| f64::from(self.system.global_cpu_usage())),
            memory_used: (total > 0).then_some(used),
            memory_total: (total > 0).then_some(total),
            process_memory: memory_stats().map(|stats| stats.physical_mem as u64),
            process_cpu: ProcessTime::try_now().ok().map(|time| time.as_duration()),
        }
    }
}

impl fmt::Debug for SystemProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemProbe")
            .field("pid", &self.pid)
            .finish_non_exhaustive()
    }
}

/// The figures of the snapshot, from one sample to the next.
#[derive(Clone, Debug)]
pub(crate) struct SystemUsage {
    /// Cores this process may use: affinity and a cgroup's quota count.
    cores: f64,
    cpu: Rolling<f64>,
    /// When the process's CPU time was seen last, and what it was.
    process_cpu: Option<(Duration, Duration)>,
    pub(crate) figures: SystemFigures,
}

/// See the fields of the same names in [`tachograph_reducer::MetricsSnapshot`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct SystemFigures {
    pub(crate) cpu_usage_current: Option<f64>,
    pub(crate) cpu_usage_avg: Option<f64>,
    pub(crate) process_cpu_usage: Option<f64>,
    pub(crate) process_cpu_cores_percent: Option<f64>,
    pub(crate) memory_usage_mb: Option<f64>,
    pub(crate) memory_usage_percent: Option<f64>,
    pub(crate) process_memory_mb: Option<f64>,
}

impl SystemUsage {
    /// On `cores` cores.
    pub(crate) fn new(cores: usize) -> Self {
        Self {
            cores: cores.max(1) as f64,
            cpu: Rolling::new(),
            process_cpu: None,
            figures: SystemFigures::default(),
        }
    }

    /// Takes in a sample that was taken at `now`.
    pub(crate) fn observe(&mut self, now: Duration, sample: SystemSample) {
        if let Some(cpu) = sample.cpu_percent {
            self.cpu.push(cpu);
        }
        let of_one_core = sample.process_cpu.and_then(|used| {
            let (then, used_then) = self.process_cpu.replace((now, used))?;
            let elapsed = now.saturating_sub(then).as_secs_f64();
            (elapsed > 0.0).then(|| used.saturating_sub(used_then).as_secs_f64() / elapsed * 100.0)
        });
        let used = sample.memory_used.map(|bytes| bytes as f64);
        let total = sample.memory_total.map(|bytes| bytes as f64);
        self.figures = SystemFigures {
            cpu_usage_current: sample.cpu_percent,
            cpu_usage_avg: self.cpu.mean(),
            process_cpu_usage: of_one_core.map(|percent| percent / self.cores),
            process_cpu_cores_percent: of_one_core,
            memory_usage_mb: used.map(|bytes| bytes / MIB),
            memory_usage_percent: used.zip(total).map(|(used, total)| used / total * 100.0),
            process_memory_mb: sample.process_memory.map(|bytes| bytes as f64 / MIB),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn differences_need_two_samples() {
        let mut usage = SystemUsage::new(4);
        let sample = SystemSample {
            process_cpu: Some(s(10)),
            ..SystemSample::default()
        };
        usage.observe(s(1), sample);
        assert_eq!(usage.figures, SystemFigures::default());
        usage.observe(
            s(3),
            SystemSample {
                process_cpu: Some(s(12)),
                cpu_percent: Some(50.0),
                ..sample
            },
        );
        assert_eq!(usage.figures.process_cpu_cores_percent, Some(100.0));
        assert_eq!(usage.figures.process_cpu_usage, Some(25.0));
        assert_eq!(
            (usage.figures.cpu_usage_current, usage.figures.cpu_usage_avg),
            (Some(50.0), Some(50.0))
        );
    }

    #[test]
    fn two_samples_at_the_same_moment_are_no_difference() {
        let mut usage = SystemUsage::new(1);
        for cpu in [1, 2] {
            usage.observe(
                s(1),
                SystemSample {
                    process_cpu: Some(s(cpu)),
                    ..SystemSample::default()
                },
            );
        }
        assert_eq!(usage.figures.process_cpu_usage, None);
    }

    #[test]
    fn memory_is_in_mebibytes_and_percent() {
        let mut usage = SystemUsage::new(1);
        usage.observe(
            s(1),
            SystemSample {
                memory_used: Some(3 << 30),
                memory_total: Some(4 << 30),
                process_memory: Some(5 << 20),
                ..SystemSample::default()
            },
        );
        let figures = usage.figures;
        assert_eq!(
            (figures.memory_usage_mb, figures.memory_usage_percent),
            (Some(3072.0), Some(75.0))
        );
        assert_eq!(figures.process_memory_mb, Some(5.0));
    }

    #[test]
    fn the_real_probe_sees_this_process() {
        let mut probe = SystemProbe::new().expect("sysinfo supports the platforms we test on");
        let first = probe.sample();
        assert_eq!(first.cpu_percent, None);
        let second = probe.sample();
        assert!(
            second.process_memory.is_some_and(|bytes| bytes > 1 << 20),
            "{second:?}"
        );
        assert!(second.process_cpu >= first.process_cpu && second.process_cpu.is_some());
        let (used, total) = (second.memory_used.unwrap(), second.memory_total.unwrap());
        assert!(0 < used && used < total, "{second:?}");
        assert!(
            second
                .cpu_percent
                .is_some_and(|cpu| (0.0..=100.0).contains(&cpu)),
            "{second:?}"
        );
    }
}
