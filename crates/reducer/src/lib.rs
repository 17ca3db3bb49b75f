//! Merges the lanes of a [`tachograph_hotpath::Registry`] into exact rolling windows and publishes immutable snapshots.
//!
//! ```text
//! lanes ─▶ Reducer: merge by timestamp ─▶ Window, lifetime histogram ─▶ MetricsSnapshot ─▶ SnapshotReader (lock-free)
//! ```
//!
//! The [`Reducer`] is deterministic: it has no clock, thread or file of its own, it is told what time it is. So every
//! statistic can be tested without sleeping.
//!
//! ```
//! use std::time::Duration;
//! use tachograph_hotpath::{Clock, Registry, RegistryOptions, SchemaBuilder, metrics};
//! use tachograph_reducer::Reducer;
//!
//! let (clock, time) = Clock::manual();
//! let options = RegistryOptions { clock, ..RegistryOptions::default() };
//! let registry = Registry::new(SchemaBuilder::new().build(), options);
//! let mut reducer = Reducer::new(registry.clone());
//! let reader = reducer.reader();
//!
//! let recorder = registry.recorder();
//! for millis in [80, 90] {
//!     time.advance(Duration::from_millis(100));
//!     recorder.record(metrics::COREML_INFERENCE, Duration::from_millis(millis));
//! }
//! reducer.reduce(registry.clock().now());
//!
//! let inference = reader.load().coreml_inference;
//! assert_eq!((inference.count, inference.avg, inference.p95), (2, 85.0, 89.5));
//! ```

mod frames;
mod lifetime;
mod merge;
mod percentile;
mod publish;
mod reducer;
mod snapshot;
mod timeline;
mod window;

pub use lifetime::{HIGHEST_NANOS, LOWEST_NANOS, SIGNIFICANT_DIGITS};
pub use percentile::percentiles;
pub use publish::{CachedReader, SnapshotGuard, SnapshotReader};
pub use reducer::Reducer;
pub use snapshot::{
    BUILT_IN_TIMERS, Custom, FrameRecord, FrameStage, InFlightStage, LifetimeStats,
    MetricsSnapshot, SCHEMA_VERSION, TimerStats,
};
pub use timeline::ClockJump;

#[cfg(all(test, tachograph_loom))]
mod models;
