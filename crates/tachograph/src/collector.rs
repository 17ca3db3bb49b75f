//! All of it wired up.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tachograph_hotpath::{Recorder, Registry, Schema, SchemaError, Timer, metrics};
use tachograph_reducer::{MetricsSnapshot, SnapshotReader};
use thiserror::Error;

use crate::builder::MetricsCollectorBuilder;
use crate::driver::Driver;
use crate::engine::Engine;
use crate::log_file::LogError;

/// Counts, times, summarises, logs and shows what a frame loop does. See the crate's documentation for an example.
///
/// Recording goes through [`Recorder`]s, one per thread. Everything here may be called from any thread and must not be called
/// from inside the loop: it locks.
#[derive(Debug)]
pub struct MetricsCollector {
    registry: Registry,
    engine: Arc<Engine>,
    reader: SnapshotReader,
    /// Lane of the by-name calls, shared by all threads.
    by_name: Mutex<Recorder>,
    driver: Mutex<Option<Driver>>,
}

/// Why a by-name call refused to record.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum RecordError {
    /// There is no such counter or timer; the message lists those there are.
    #[error(transparent)]
    UnknownName(#[from] SchemaError),
    /// The time is not a number, infinite or negative.
    #[error("{name}: {millis} ms is not a duration")]
    BadTime {
        /// The timer that was to be recorded.
        name: String,
        /// The value that was refused.
        millis: f64,
    },
}

impl MetricsCollector {
    /// Starts to describe a collector.
    pub fn builder() -> MetricsCollectorBuilder {
        MetricsCollectorBuilder::new()
    }

    pub(crate) fn new(
        registry: Registry,
        engine: Arc<Engine>,
        reader: SnapshotReader,
        driver: Option<Driver>,
    ) -> Self {
        let by_name = Mutex::new(registry.recorder());
        Self {
            registry,
            engine,
            reader,
            by_name,
            driver: Mutex::new(driver),
        }
    }

    /// A recorder for the calling thread, or for the thread that it is sent to. The hot path.
    pub fn recorder(&self) -> Recorder {
        self.registry.recorder()
    }

    /// A lock-free reader of the newest published snapshot, at most `reduce_interval` old.
    pub fn reader(&self) -> SnapshotReader {
        self.reader.clone()
    }

    /// What is counted and timed.
    pub fn schema(&self) -> &Schema {
        self.registry.schema()
    }

    /// A snapshot that contains everything recorded before the call. Cost: some ten microseconds.
    pub fn collect(&self) -> Arc<MetricsSnapshot> {
        self.engine.charged(|| self.engine.collect())
    }

    /// Does what is due: reduce, probe, log and show. Returns how long nothing else is due.
    ///
    /// For a collector that was made by [`MetricsCollectorBuilder::build`] and has no thread of its own.
    pub fn poll(&self) -> Duration {
        self.engine.charged(|| self.engine.poll(Duration::ZERO))
    }

    /// Writes a line to the log now.
    ///
    /// # Errors
    /// The line could not be written; it is kept and written with the next one. A collector without a log does nothing.
    pub fn log_metrics(&self) -> Result<(), LogError> {
        self.engine.charged(|| self.engine.log(false))
    }

    /// Prints the full status table to the console (standard output unless the builder was told otherwise).
    pub fn status_display(&self) {
        self.engine.charged(|| self.engine.show_table());
    }

    /// The full status table as text.
    pub fn status_table(&self) -> String {
        self.engine.charged(|| self.engine.table())
    }

    /// Raises a counter by one, by its name. Cost: a search for the name and a lock, so not for the loop.
    ///
    /// # Errors
    /// An unknown name; counted in `samples_rejected`.
    pub fn increment_counter(&self, name: &str) -> Result<(), RecordError> {
        self.add_to_counter(name, 1)
    }

    /// Raises a counter by `n`, by its name.
    ///
    /// # Errors
    /// An unknown name; counted in `samples_rejected`.
    pub fn add_to_counter(&self, name: &str, n: u64) -> Result<(), RecordError> {
        let counter = self.counted(self.schema().find_counter(name))?;
        self.by_name().add(counter, n);
        Ok(())
    }

    /// Records a time in milliseconds under the name of a timer, as ending now.
    ///
    /// # Errors
    /// An unknown name, or a time that is not a number, infinite or negative; counted in `samples_rejected`.
    pub fn record_time(&self, name: &str, millis: f64) -> Result<(), RecordError> {
        let timer = self.counted(self.schema().find_timer(name))?;
        self.record_millis(timer, name, millis)
    }

    /// Records an inference time in milliseconds. The model is `coreml`, `llm` or the name of any timer; `_inference` may be
    /// left out.
    ///
    /// # Errors
    /// As [`MetricsCollector::record_time`].
    pub fn record_inference_time(&self, model: &str, millis: f64) -> Result<(), RecordError> {
        let schema = self.schema();
        let long = || schema.find_timer(&format!("{model}_inference")).ok();
        let timer = schema
            .find_timer(model)
            .or_else(|unknown| long().ok_or(unknown));
        self.record_millis(self.counted(timer)?, model, millis)
    }

    /// Records the time from motion to logged event, in milliseconds.
    ///
    /// # Errors
    /// A time that is not a number, infinite or negative; counted in `samples_rejected`.
    pub fn record_frame_latency(&self, millis: f64) -> Result<(), RecordError> {
        self.record_millis(metrics::FRAME_LATENCY, "frame_processing_latency", millis)
    }

    /// Starts counts, windows and lifetime statistics anew. Availability goes on; nothing is taken from the log.
    pub fn reset(&self) {
        self.engine.reset();
    }

    /// Stops the background thread and writes a last line. Recording goes on to be possible; a second call just logs.
    ///
    /// # Errors
    /// The last line could not be written.
    pub fn shutdown(&self) -> Result<(), LogError> {
        self.stop();
        self.log_metrics()
    }

    /// Stops the background thread; whether there was one.
    fn stop(&self) -> bool {
        let driver = self
            .driver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        driver.map(Driver::stop).is_some()
    }

    fn record_millis(&self, timer: Timer, name: &str, millis: f64) -> Result<(), RecordError> {
        // Also refuses what is not a number.
        if !(0.0..f64::INFINITY).contains(&millis) {
            return self.counted(Err(RecordError::BadTime {
                name: name.to_owned(),
                millis,
            }));
        }
        // What a `Duration` cannot hold saturates, as the recorder does with what its clock cannot.
        let duration = Duration::try_from_secs_f64(millis / 1e3).unwrap_or(Duration::MAX);
        self.by_name().record(timer, duration);
        Ok(())
    }

    /// Counts an error as a rejected sample.
    fn counted<T, E>(&self, result: Result<T, E>) -> Result<T, RecordError>
    where
        RecordError: From<E>,
    {
        result.map_err(|error| {
            self.engine.rejected.fetch_add(1, Relaxed);
            error.into()
        })
    }

    fn by_name(&self) -> MutexGuard<'_, Recorder> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for MetricsCollector {
    /// Shuts a running collector down; a last line that cannot be written is reported as a warning.
    fn drop(&mut self) {
        if self.stop() {
            _ = self.log_metrics();
        }
    }
}
