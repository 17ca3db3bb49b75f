//! The metrics collector: configured, started, and brought to its end.

use std::sync::Arc;

use tachograph::{
    Config, LogError, MetricsCollector, MetricsCollectorBuilder, MetricsSnapshot, SchemaError,
    StatusStyle,
};

use crate::args::RunArgs;
use crate::console::Console;
use crate::error::Error;
use crate::pipeline::Metrics;

/// A running collector and the metrics that the loop adds to the built-in ones.
pub(crate) struct Collector {
    pub(crate) inner: MetricsCollector,
    pub(crate) metrics: Metrics,
}

/// The configuration: the file, over it the environment, over it the options.
pub(crate) fn config(args: &RunArgs) -> Result<Config, Error> {
    let mut config = Config::load(args.config.as_deref(), std::env::vars_os())?;
    if let Some(interval) = args.metrics_interval {
        config.metrics_interval = interval;
        // Somebody who wants lines more often than snapshots are made wants more snapshots.
        config.reduce_interval = config.reduce_interval.min(interval);
    }
    if let Some(log) = &args.log {
        config.log_path.clone_from(log);
    }
    config.validate()?;
    Ok(config)
}

/// Starts the collector: its log is open and its thread runs. Its status goes to the console if it is to be shown.
pub(crate) fn start(
    config: &Config,
    console: &Console,
    is_shown: bool,
) -> Result<Collector, Error> {
    let mut builder = MetricsCollector::builder();
    let metrics = add_metrics(&mut builder)?;
    let builder = builder.config(config.clone());
    let builder = if console.is_quiet() || !is_shown {
        builder.quiet()
    } else {
        builder.status_output(console.clone(), StatusStyle::of_stdout())
    };
    let inner = builder.start()?;
    Ok(Collector { inner, metrics })
}

fn add_metrics(builder: &mut MetricsCollectorBuilder) -> Result<Metrics, SchemaError> {
    Ok(Metrics {
        motion_detection: builder.timer("motion_detection")?,
        duplicate_check: builder.timer("duplicate_check")?,
        event_logging: builder.timer("event_logging")?,
        frames_dropped: builder.counter("frames_dropped")?,
        llm_errors: builder.counter("llm_errors")?,
    })
}

impl Collector {
    /// Logs the last line and shows the status once more. The snapshot is that of the end in any case.
    pub(crate) fn end(self) -> (Arc<MetricsSnapshot>, Result<(), LogError>) {
        let last_line = self.inner.shutdown();
        self.inner.status_display();
        (self.inner.collect(), last_line)
    }
}
