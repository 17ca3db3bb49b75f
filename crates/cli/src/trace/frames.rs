//! The frames that a log tells of, each once, and when they were.

use std::collections::BTreeMap;

use tachograph::{FrameRecord, MetricsSnapshot};

use crate::lines::Line;

/// Nobody's frame takes longer, milliseconds; such a number is damage.
const LONGEST_MS: f64 = 1e10;
/// No time is farther from 1970, seconds.
const FARTHEST_S: f64 = 8e9;

/// The same for what is added up of them, nanoseconds.
const FARTHEST: u64 = 9_000_000_000_000_000_000;

/// All times are multiples of this, nanoseconds. In microseconds they are then binary fractions, so that a reader that adds a
/// duration to a start gets the very end of the frame, and not one that sticks out by a rounding.
pub(super) const GRID: i64 = 125;

/// Tells a frame from all others of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) run: u64,
    pub(super) lane: u64,
    pub(super) number: u64,
}

/// A frame in its place. Times are nanoseconds since 1970, and for its length.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) start: i64,
    pub(super) length: i64,
    /// The snapshot that told of it, by its number among those that were read: those of one snapshot stand exactly in their places to
    /// each other.
    pub(super) source: u64,
    pub(super) record: FrameRecord,
}

/// Numbers of a line that make a curve.
#[derive(Clone, Debug)]
pub(super) struct Readings {
    pub(super) run: u64,
    /// When they were taken, nanoseconds since 1970.
    pub(super) at: i64,
    /// Frames per second, and since when.
    pub(super) rate: Option<(i64, f64)>,
    pub(super) machine_cpu: Option<f64>,
    pub(super) process_cpu: Option<f64>,
    pub(super) machine_memory: Option<f64>,
    pub(super) process_memory: Option<f64>,
}

/// A run of the process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// When it began, Unix seconds by its first line that was read. All its times are counted from here, so that a clock that is set
    /// moves nothing.
    pub(super) begins: f64,
}

/// Everything that goes into the trace.
pub(super) struct Frames {
    pub(super) runs: BTreeMap<u64, Run>,
    pub(super) slowest: BTreeMap<Key, Placed>,
    pub(super) newest: BTreeMap<Key, Placed>,
    pub(super) readings: Vec<Readings>,
    /// How many of the slowest are kept.
    wanted: usize,
    /// Frames that were dropped took at most so long.
    dropped_up_to: i64,
    sources: u64,
    damaged: u64,
}

impl Frames {
    /// Keeps the `wanted` slowest.
    pub(super) fn new(wanted: usize) -> Self {
        Self {
            runs: BTreeMap::new(),
            slowest: BTreeMap::new(),
            newest: BTreeMap::new(),
            readings: Vec::new(),
            wanted,
            dropped_up_to: i64::MIN,
            sources: 0,
            damaged: 0,
        }
    }

    /// Takes what a line tells.
    pub(super) fn add(&mut self, line: &Line) {
        let Some(run) = self.begin(line) else {
            self.damaged += line.snapshot.slowest_frames.len() as u64;
            return;
        };
        self.readings.extend(readings(line, run));
        for record in &line.snapshot.slowest_frames {
            self.add_slow(line, run, record);
        }
        if self.slowest.len() > 2 * self.wanted {
            self.prune();
        }
    }

    /// Takes what the newest snapshot tells, which a line may have told already.
    pub(super) fn add_newest(&mut self, line: &Line) {
        let Some(run) = self.begin(line) else {
            return;
        };
        for record in &line.snapshot.slowest_frames {
            self.add_slow(line, run, record);
        }
        self.prune();
        for record in &line.snapshot.newest_frames {
            let key = key(line, record);
            if self.slowest.contains_key(&key) {
                continue;
            }
            match self.place(&line.snapshot, run, record) {
                Some(placed) => {
                    self.newest.entry(key).or_insert(placed);
                }
                None => self.damaged += 1,
            }
        }
    }

    /// How many frames there are.
    pub(super) fn count(&self) -> usize {
        self.slowest.len().min(self.wanted) + self.newest.len()
    }

    /// How many were left out because their times cannot be.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Keeps no more of the slowest than are wanted.
    pub(super) fn prune(&mut self) {
        if self.slowest.len() <= self.wanted {
            return;
        }
        let mut lengths: Vec<i64> = self.slowest.values().map(|it| it.length).collect();
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        let too_short = lengths.get(self.wanted).copied().unwrap_or(i64::MIN);
        let mut surplus = lengths.iter().skip(self.wanted).count();
        // Of those that took equally long, the newer go.
        let mut shortest: Vec<(i64, Key)> = self
            .slowest
            .iter()
            .filter(|(_, placed)| placed.length <= too_short)
            .map(|(key, placed)| (placed.length, *key))
            .collect();
        shortest.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        for (_, key) in shortest {
            if surplus == 0 {
                break;
            }
            self.slowest.remove(&key);
            surplus -= 1;
        }
        self.dropped_up_to = self.dropped_up_to.max(too_short);
    }

    fn add_slow(&mut self, line: &Line, run: Run, record: &FrameRecord) {
        let key = key(line, record);
        // The first to tell of it is the nearest in time, so the most exact.
        if self.slowest.contains_key(&key) {
            return;
        }
        match self.place(&line.snapshot, run, record) {
            None => self.damaged += 1,
            Some(placed) if placed.length <= self.dropped_up_to => {}
            Some(placed) => {
                self.slowest.insert(key, placed);
            }
        }
    }

    /// The run of a line; `None` if its clock is damaged.
    fn begin(&mut self, line: &Line) -> Option<Run> {
        self.sources += 1;
        let snapshot = &line.snapshot;
        let begins = snapshot.timestamp - snapshot.uptime_seconds;
        nanos(begins)?;
        Some(*self.runs.entry(line.run).or_insert(Run { begins }))
    }

    fn place(&self, snapshot: &MetricsSnapshot, run: Run, record: &FrameRecord) -> Option<Placed> {
        if !(0.0..LONGEST_MS).contains(&record.ms) {
            return None;
        }
        let since_begin = snapshot.uptime_seconds - record.age_s - record.ms / 1e3;
        Some(Placed {
            start: unix_nanos(run, since_begin)?,
            length: nanos(record.ms / 1e3)?,
            source: self.sources,
            record: record.clone(),
        })
    }
}

fn key(line: &Line, record: &FrameRecord) -> Key {
    Key {
        run: line.run,
        lane: record.lane,
        number: record.number,
    }
}

fn readings(line: &Line, run: Run) -> Option<Readings> {
    let snapshot = &line.snapshot;
    let at = unix_nanos(run, snapshot.uptime_seconds)?;
    let frames = line.increase(|it| Some(it.frames_processed));
    let rate = line.interval_s.filter(|seconds| *seconds > 0.0);
    let rate = rate.zip(frames).and_then(|(seconds, frames)| {
        let since = unix_nanos(run, snapshot.uptime_seconds - seconds)?;
        Some((since, frames as f64 / seconds))
    });
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    Some(Readings {
        run: line.run,
        at,
        rate,
        machine_cpu: finite(snapshot.cpu_usage_current),
        process_cpu: finite(snapshot.process_cpu_usage),
        machine_memory: finite(snapshot.memory_usage_mb),
        process_memory: finite(snapshot.process_memory_mb),
    })
}

/// Seconds since a run's beginning as nanoseconds since 1970.
fn unix_nanos(run: Run, seconds: f64) -> Option<i64> {
    let nanos = nanos(run.begins)?.checked_add(nanos(seconds)?)?;
    (nanos.unsigned_abs() < FARTHEST).then_some(nanos)
}

/// Seconds as nanoseconds, to the nearest 125; `None` if that is no time.
pub(super) fn nanos(seconds: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation)] // Saturates.
    let steps = (seconds * 1e9 / GRID as f64).round() as i64;
    (seconds.abs() < FARTHEST_S).then_some(steps.saturating_mul(GRID))
}
