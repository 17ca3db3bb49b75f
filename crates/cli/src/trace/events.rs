//! The trace as Chrome's Trace Event Format has it, in its JSON Object Format.
//!
//! Times are microseconds since a second that `otherData` names, so that they keep their fractions: eighths.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tachograph::FrameRecord;
use tachograph::format::clean;

use super::frames::{Frames, GRID, Placed, Readings, Run, nanos};
use super::tracks::{Track, arrange};

const NANOS: i64 = 1_000_000_000;

/// The whole file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trace {
    display_time_unit: &'static str,
    other_data: Map<String, Value>,
    #[serde(rename = "traceEvents")]
    events: Vec<Event>,
}

/// One event; which members it has depends on its phase `ph`.
#[derive(Debug, Serialize)]
struct Event {
    ph: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cat: Option<&'static str>,
    pid: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tid: Option<u64>,
    /// Microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<f64>,
    /// Microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<f64>,
    /// What an instant event belongs to: `t`, its thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    /// One of the colours that the viewer reserves.
    #[serde(skip_serializing_if = "Option::is_none")]
    cname: Option<&'static str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    args: Map<String, Value>,
}

impl Event {
    fn new(ph: &'static str, name: impl Into<String>, pid: u64) -> Self {
        Self {
            ph,
            name: name.into(),
            cat: None,
            pid,
            tid: None,
            ts: None,
            dur: None,
            s: None,
            cname: None,
            args: Map::new(),
        }
    }
}

impl Trace {
    /// Everything that was found in a log.
    pub(super) fn of(mut frames: Frames, log: &Path) -> Self {
        frames.prune();
        let all = frames.slowest.into_iter().chain(frames.newest);
        let rows = arrange(all);
        let starts = rows.values().flatten().map(|it| it.start);
        let readings = frames.readings.iter();
        let readings_at = readings.map(|it| it.rate.map_or(it.at, |(since, _)| since.min(it.at)));
        let epoch = starts.chain(readings_at).min().unwrap_or(0) / NANOS * NANOS;
        let mut writer = Writer {
            // Before 1970 the quotient is rounded up.
            epoch: if epoch < 0 { epoch - NANOS } else { epoch },
            events: Vec::new(),
        };
        writer.names(&frames.runs, &rows);
        for readings in &frames.readings {
            writer.readings(readings);
        }
        for (tid, (track, row)) in (1..).zip(&rows) {
            for placed in row {
                writer.frame(placed, pid(track.run), tid);
            }
        }
        // Stable, so that what begins together stays in its order: a frame before its stages. Names have no time and come first.
        writer
            .events
            .sort_by(|a, b| a.ts.unwrap_or(-1.0).total_cmp(&b.ts.unwrap_or(-1.0)));
        Self {
            display_time_unit: "ms",
            other_data: other_data(writer.epoch, log),
            events: writer.events,
        }
    }
}

fn other_data(epoch: i64, log: &Path) -> Map<String, Value> {
    let time = Timestamp::from_second(epoch / NANOS).map(|time| time.to_string());
    members([
        (
            "writer",
            json!(concat!("tacho ", env!("CARGO_PKG_VERSION"))),
        ),
        ("log", json!(clean(&log.display().to_string()))),
        ("epoch", json!(time.unwrap_or_default())),
        ("epoch_unix_seconds", json!(epoch / NANOS)),
    ])
}

fn members<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    let members = members.into_iter().filter(|(_, value)| !value.is_null());
    members
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// A run's number as a process: 0 means something else to some viewers.
fn pid(run: u64) -> u64 {
    run + 1
}

struct Writer {
    /// Nanoseconds since 1970 at which the trace's time is 0.
    epoch: i64,
    events: Vec<Event>,
}

impl Writer {
    /// What runs and lanes are called, and in which order they stand.
    fn names(&mut self, runs: &BTreeMap<u64, Run>, rows: &BTreeMap<Track, Vec<Placed>>) {
        for (&run, times) in runs {
            #[expect(clippy::cast_possible_truncation)]
            let second = Timestamp::from_second(times.begins as i64);
            let since = second.map_or_else(|_| String::new(), |time| format!(", since {time}"));
            let name = format!("run {}{since}", run + 1);
            for (what, args) in [
                ("process_name", ("name", json!(name))),
                ("process_sort_index", ("sort_index", json!(run))),
            ] {
                self.events.push(Event {
                    args: members([args]),
                    ..Event::new("M", what, pid(run))
                });
            }
        }
        for (tid, track) in (1_u64..).zip(rows.keys()) {
            let name = match track.depth {
                0 => format!("lane {}", track.lane),
                depth => format!("lane {}, within ({depth})", track.lane),
            };
            for (what, args) in [
                ("thread_name", ("name", json!(name))),
                ("thread_sort_index", ("sort_index", json!(tid))),
            ] {
                self.events.push(Event {
                    tid: Some(tid),
                    args: members([args]),
                    ..Event::new("M", what, pid(track.run))
                });
            }
        }
    }

    fn readings(&mut self, readings: &Readings) {
        let pid = pid(readings.run);
        if let Some((since, rate)) = readings.rate {
            self.counter(
                "frames per second",
                pid,
                since,
                members([("frames", json!(rate))]),
            );
        }
        let cpu = [
            ("machine", json!(readings.machine_cpu)),
            ("process", json!(readings.process_cpu)),
        ];
        self.counter("CPU, percent of all cores", pid, readings.at, members(cpu));
        let memory = [
            ("machine", json!(readings.machine_memory)),
            ("process", json!(readings.process_memory)),
        ];
        self.counter("memory, MiB", pid, readings.at, members(memory));
    }

    fn counter(&mut self, name: &str, pid: u64, at: i64, values: Map<String, Value>) {
        if values.is_empty() {
            return;
        }
        self.events.push(Event {
            ts: Some(self.micros(at)),
            args: values,
            ..Event::new("C", name, pid)
        });
    }

    fn frame(&mut self, placed: &Placed, pid: u64, tid: u64) {
        let record = &placed.record;
        let at = |offset: i64| placed.start.saturating_add(offset);
        let thread = (pid, tid);
        self.slice(thread, at(0), at(placed.length), |slice| Event {
            cat: Some("frame"),
            cname: color(&record.outcome),
            args: frame_args(record),
            name: format!("frame: {}", clean(&record.outcome)),
            ..slice
        });
        // Each within the frame, and none before the last one ended: rounding must not make them stick out.
        let mut last = 0;
        for stage in &record.stages {
            let bounds = [stage.start_ms, stage.start_ms + stage.ms];
            let [Some(start), Some(end)] = bounds.map(|ms| offset(ms, placed.length)) else {
                continue;
            };
            // One that is too short to be seen is there all the same, if there is room.
            let start = start.min(placed.length - GRID).max(last);
            let end = end.max(start + GRID);
            if end > placed.length {
                continue;
            }
            last = end;
            self.slice(thread, at(start), at(end), |slice| Event {
                cat: Some("stage"),
                name: clean(&stage.stage),
                ..slice
            });
        }
        if let Some(motion) = record.motion_ms.and_then(|ms| offset(ms, placed.length)) {
            self.events.push(Event {
                cat: Some("mark"),
                tid: Some(tid),
                ts: Some(self.micros(at(motion))),
                s: Some("t"),
                ..Event::new("i", "motion", pid)
            });
        }
    }

    /// A complete event.
    fn slice(
        &mut self,
        (pid, tid): (u64, u64),
        start: i64,
        end: i64,
        describe: impl FnOnce(Event) -> Event,
    ) {
        self.events.push(describe(Event {
            tid: Some(tid),
            ts: Some(self.micros(start)),
            dur: Some(end.saturating_sub(start) as f64 / 1e3),
            ..Event::new("X", "", pid)
        }));
    }

    fn micros(&self, nanos: i64) -> f64 {
        nanos.saturating_sub(self.epoch) as f64 / 1e3
    }
}

fn frame_args(record: &FrameRecord) -> Map<String, Value> {
    members([
        ("frame", json!(record.number)),
        ("lane", json!(record.lane)),
        ("outcome", json!(clean(&record.outcome))),
        ("ms", json!(record.ms)),
        ("event_id", json!(record.event_id)),
        ("truncated", json!(record.is_truncated.then_some(true))),
    ])
}

/// Milliseconds from a frame's start as nanoseconds, within the frame.
fn offset(ms: f64, length: i64) -> Option<i64> {
    Some(nanos(ms / 1e3)?.clamp(0, length))
}

/// A colour that the viewer reserves for what this is like. Perfetto chooses its own.
fn color(outcome: &str) -> Option<&'static str> {
    match outcome {
        "idle" => Some("grey"),
        "motion" => Some("generic_work"),
        "suppressed" => Some("yellow"),
        "event" => Some("good"),
        "failed" => Some("terrible"),
        _ => None,
    }
}
