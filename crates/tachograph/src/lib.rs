//! A lock-free instrumentation core for latency-critical frame loops.
//!
//! A [`MetricsCollector`] counts and times what a loop does, keeps exact statistics over the last 1000 samples of each timer,
//! samples CPU and memory, tells how available the pipeline was and what the measuring itself costs. It publishes an immutable
//! [`MetricsSnapshot`] ten times a second, writes one as a JSON line each minute and shows a status on the console. Recording is
//! wait-free: plain loads and stores into memory that no other thread writes.
//!
//! ```
//! use tachograph::{MetricsCollector, Outcome, metrics};
//!
//! # let folder = tempfile::tempdir()?;
//! # let log = folder.path().join("metrics.json");
//! let collector = MetricsCollector::builder().log_path(log).quiet().start()?;
//! let recorder = collector.recorder(); // one per thread
//! for _ in 0..3 {
//!     let mut frame = recorder.frame();
//!     frame.motion();
//!     frame.stage(metrics::COREML_INFERENCE);
//!     // … detect objects …
//!     frame.finish(Outcome::Event);
//! }
//! let snapshot = collector.collect();
//! assert_eq!((snapshot.frames_processed, snapshot.events_created), (3, 3));
//! assert!(snapshot.coreml_inference.p95 >= snapshot.coreml_inference.min);
//! collector.shutdown()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | crate | holds |
//! |---|---|
//! | [`tachograph_hotpath`] | what runs inside the frame loop |
//! | [`tachograph_reducer`] | windows, statistics, snapshot, publication |
//! | this one | the collector: schedule, system probe, availability, overhead, log, status, configuration |

mod availability;
mod builder;
mod collector;
mod config;
mod driver;
mod engine;
pub mod format;
mod jumps;
mod log_file;
mod overhead;
mod probe;
mod rolling;
mod schedule;
mod shown;
mod status;
mod targets;
mod time;

/// The README's examples, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

pub use builder::{BuildError, MetricsCollectorBuilder};
pub use collector::{MetricsCollector, RecordError};
pub use config::{Config, ConfigError, Origin, parse_duration};
pub use log_file::{
    LatestFile, LineError, LogError, LogFile, LogFollower, LogOptions, LogReader, RawLine,
    RawLines, Recovery, raw_lines, read_lines, tail_lines,
};
pub use probe::{Probe, SystemProbe, SystemSample};
pub use status::{Status, StatusStyle};
pub use targets::{Evaluation, Limit, Statistic, Target, TargetError, Targets, Unit, Verdict};
pub use time::{MachineTime, TimeSource, VirtualTime};

pub use tachograph_hotpath::{
    Clock, Counter, Frame, ManualTime, Outcome, Recorder, Schema, SchemaError, Scope, Stamp, Timer,
    metrics,
};
pub use tachograph_reducer::{
    BUILT_IN_TIMERS, CachedReader, Custom, FrameRecord, FrameStage, InFlightStage, LifetimeStats,
    MetricsSnapshot, SCHEMA_VERSION, SnapshotGuard, SnapshotReader, TimerStats,
};
