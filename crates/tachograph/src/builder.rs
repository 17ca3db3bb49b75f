//! Describing a collector before it exists.

use std::io::{self, IsTerminal as _, Write};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tachograph_hotpath::{Counter, Registry, RegistryOptions, SchemaBuilder, SchemaError, Timer};
use tachograph_reducer::Reducer;
use thiserror::Error;

use crate::availability::Availability;
use crate::collector::MetricsCollector;
use crate::config::{Config, ConfigError};
use crate::driver::Driver;
use crate::engine::{Core, Engine, Output};
use crate::jumps::Jumps;
use crate::log_file::{LogError, LogFile, Recovery};
use crate::overhead::{Costs, Overhead};
use crate::probe::{Probe, SystemProbe, SystemUsage};
use crate::schedule::Schedule;
use crate::status::{Status, StatusStyle};
use crate::targets::TargetError;
use crate::time::{MachineTime, Moment, TimeSource};

/// How often the machine is probed.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// Frame traces that each lane keeps between two reductions.
const FRAMES_PER_LANE: usize = 256;

/// Why a collector could not be made.
#[derive(Debug, Error)]
pub enum BuildError {
    /// A setting is out of range.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A target names something that is not measured.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The log cannot be written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The operating system refused a thread.
    #[error("the metrics thread could not be started: {0}")]
    Thread(#[source] io::Error),
}

impl BuildError {
    /// Whether what was asked for is wrong, rather than the world it was asked in.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Config(_) | Self::Target(_))
    }
}

/// Describes a [`MetricsCollector`]: what it measures beyond the built-in metrics, and where the results go.
#[derive(Debug)]
pub struct MetricsCollectorBuilder {
    schema: SchemaBuilder,
    config: Config,
    log: bool,
    console: Console,
    time: Option<Arc<dyn TimeSource>>,
    probe: Option<Box<dyn Probe>>,
}

/// Where the status goes.
enum Console {
    Stdout,
    Other(Box<dyn Write + Send>, StatusStyle),
    Nowhere,
}

impl MetricsCollectorBuilder {
    pub(crate) fn new() -> Self {
        Self {
            schema: SchemaBuilder::new(),
            config: Config::default(),
            log: true,
            console: Console::Stdout,
            time: None,
            probe: None,
        }
    }

    /// Adds a counter. The name is `[a-z][a-z0-9_]*`, at most 64 bytes.
    ///
    /// # Errors
    /// A bad name or one in use.
    pub fn counter(&mut self, name: &str) -> Result<Counter, SchemaError> {
        self.schema.counter(name)
    }

    /// Adds a timer. The name is `[a-z][a-z0-9_]*`, at most 64 bytes.
    ///
    /// # Errors
    /// A bad name or one in use.
    pub fn timer(&mut self, name: &str) -> Result<Timer, SchemaError> {
        self.schema.timer(name)
    }

    /// Takes all settings from `config`, for example one that was read from a file.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// How often a line is logged and the status shown. Default: 60 s.
    #[must_use]
    pub fn metrics_interval(mut self, interval: Duration) -> Self {
        self.config.metrics_interval = interval;
        self
    }

    /// How often a snapshot is published. Default: 100 ms.
    #[must_use]
    pub fn reduce_interval(mut self, interval: Duration) -> Self {
        self.config.reduce_interval = interval;
        self
    }

    /// Samples over which avg, min, max and percentiles are taken. Default: 1000.
    #[must_use]
    pub fn window(mut self, samples: usize) -> Self {
        self.config.window = samples;
        self
    }

    /// Time without a finished frame after which the pipeline counts as down. Default: 10 s; `Duration::MAX`: never.
    #[must_use]
    pub fn stall_after(mut self, limit: Duration) -> Self {
        self.config.stall_after = limit;
        self
    }

    /// Where the log is written. Default: `logs/metrics.json`.
    #[must_use]
    pub fn log_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.log_path = path.into();
        self
    }

    /// Writes no log.
    #[must_use]
    pub fn without_log(mut self) -> Self {
        self.log = false;
        self
    }

    /// Sends the status to `console` instead of standard output.
    #[must_use]
    pub fn status_output(
        mut self,
        console: impl Write + Send + 'static,
        style: StatusStyle,
    ) -> Self {
        self.console = Console::Other(Box::new(console), style);
        self
    }

    /// Shows no status.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.console = Console::Nowhere;
        self
    }

    /// Takes the time from `time` instead of the machine's clocks.
    #[must_use]
    pub fn time_source(mut self, time: impl TimeSource) -> Self {
        self.time = Some(Arc::new(time));
        self
    }

    /// Takes the machine's figures from `probe` instead of the operating system.
    #[must_use]
    pub fn probe(mut self, probe: impl Probe + 'static) -> Self {
        self.probe = Some(Box::new(probe));
        self
    }

    /// Makes a collector without a thread of its own: call [`MetricsCollector::poll`] regularly, or
    /// [`MetricsCollector::collect`] when a snapshot is wanted.
    ///
    /// # Errors
    /// A setting that is out of range, a target for something that is not measured, a log that cannot be written.
    pub fn build(self) -> Result<MetricsCollector, BuildError> {
        let (registry, engine, reader) = self.assemble()?;
        Ok(MetricsCollector::new(registry, engine, reader, None))
    }

    /// Makes a collector and starts its background thread; shows the full status first if the console is a terminal.
    ///
    /// # Errors
    /// As [`MetricsCollectorBuilder::build`], or the operating system refused a thread.
    pub fn start(self) -> Result<MetricsCollector, BuildError> {
        let greet = self.console.is_terminal();
        let (registry, engine, reader) = self.assemble()?;
        if greet {
            engine.show_table();
        }
        let driver = Driver::start(Arc::clone(&engine)).map_err(BuildError::Thread)?;
        Ok(MetricsCollector::new(
            registry,
            engine,
            reader,
            Some(driver),
        ))
    }

    fn assemble(
        self,
    ) -> Result<(Registry, Arc<Engine>, tachograph_reducer::SnapshotReader), BuildError> {
        let config = self.config;
        config.validate()?;
        let schema = self.schema.build();
        config.targets.check_names(&schema)?;
        let time = self.time.unwrap_or_else(|| Arc::new(MachineTime::new()));
        let (log, recovery) = if self.log {
            open_log(&config)?
        } else {
            (None, Recovery::default())
        };

        let clock = time.clock().clone();
        let options = RegistryOptions {
            window: config.window,
            frames: FRAMES_PER_LANE,
            clock,
        };
        let registry = Registry::new(schema, options);
        let reducer = Reducer::new(registry.clone());
        let reader = reducer.reader();
        let now = time.monotonic();
        let core = Core {
            reducer,
            jumps: Jumps::default(),
            schedule: Schedule::new(
                now,
                config.reduce_interval,
                PROBE_INTERVAL,
                config.metrics_interval,
            ),
            availability: Availability::start(
                Moment::of(&*time),
                config.stall_after,
                recovery.last.as_deref(),
            ),
            probe: self.probe.or_else(|| Some(Box::new(SystemProbe::new()?))),
            usage: SystemUsage::new(thread::available_parallelism().map_or(1, NonZero::get)),
            overhead: Overhead::new(Costs::calibrate(time.clock())),
            cpu: Duration::ZERO,
            warned_of_overhead: false,
        };
        let (console, style) = self.console.open();
        let output = Output {
            log,
            status: Status::new(config.targets, style),
            console,
            log_is_failing: false,
            shown: None,
        };
        let engine = Arc::new(Engine::new(time, core, output));
        engine.prime();
        Ok((registry, engine, reader))
    }
}

fn open_log(config: &Config) -> Result<(Option<LogFile>, Recovery), BuildError> {
    let (log, recovery) = LogFile::open(config.log_options())?;
    if let Some(bytes) = recovery.repaired {
        let path = config.log_path.display();
        log::warn!("{path}: the last line was torn ({bytes} bytes), as after a crash; repaired");
    }
    Ok((Some(log), recovery))
}

impl Console {
    fn is_terminal(&self) -> bool {
        match self {
            Self::Stdout => io::stdout().is_terminal(),
            Self::Other(_, style) => style.terminal,
            Self::Nowhere => false,
        }
    }

    fn open(self) -> (Option<Box<dyn Write + Send>>, StatusStyle) {
        match self {
            Self::Stdout => (Some(Box::new(io::stdout())), StatusStyle::of_stdout()),
            Self::Other(console, style) => (Some(console), style),
            Self::Nowhere => (None, StatusStyle::default()),
        }
    }
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stdout => "Stdout",
            Self::Other(..) => "Other",
            Self::Nowhere => "Nowhere",
        })
    }
}
