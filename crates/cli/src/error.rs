//! Why `tacho` ends with another exit code than 0.

use std::path::PathBuf;
use std::process::ExitCode;

use tachograph::{BuildError, ConfigError, LogError, SchemaError};

use crate::describe::UrlError;
use crate::events::EventsError;
use crate::lines::ReadError;
use crate::source::SourceError;
use crate::tail::FieldError;

/// A failure. Each prints as one sentence that names what and where.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// The server for descriptions cannot be used.
    #[error("invalid value for --llm-url: {0}")]
    Url(#[from] UrlError),
    /// The configuration is wrong: its file, the environment or the options over it.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The collector could not start.
    #[error(transparent)]
    Collector(#[from] BuildError),
    /// The loop's own metrics are not accepted.
    #[error(transparent)]
    Metrics(#[from] SchemaError),
    /// The last line of the metrics log could not be written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// There is no log to read.
    #[error(transparent)]
    Lines(#[from] ReadError),
    /// Standard output cannot be written.
    #[error("cannot write to standard output: {0}")]
    Output(std::io::Error),
    /// The event log cannot be used.
    #[error(transparent)]
    Events(#[from] EventsError),
    /// Some events are not in the event log.
    #[error("{count} events were not logged: {first}")]
    EventsLost {
        /// How many.
        count: u64,
        /// What went wrong the first time.
        first: EventsError,
    },
    /// There are no frames, or they ended in the middle.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Signals cannot be received.
    #[error("cannot wait for signals: {0}")]
    Signal(#[from] ctrlc::Error),
    /// There is no thread for descriptions.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// There is nothing in the log to report on.
    #[error("nothing is logged in {} yet", log.display())]
    NothingLogged {
        /// The log.
        log: PathBuf,
    },
    /// The terminal cannot be used any more.
    #[error("cannot use the terminal: {0}")]
    Terminal(std::io::Error),
    /// A field that no line has.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A file that was asked for cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// 2 for usage and configuration, 1 for the run.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_)
            | Self::Url(_)
            | Self::Config(_)
            | Self::Lines(_)
            | Self::Field(_)
            | Self::Output(_)
            | Self::NothingLogged { .. } => 2,
            Self::Collector(error) if error.is_configuration() => 2,
            _ => 1,
        })
    }
}
