//! What can go wrong with the log, in one sentence each.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why the log could not be opened or written.
///
/// Whatever it is, nothing that was already in the log is lost, and lines that could not be written are kept.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LogError {
    /// The path names no file, as `..` or `/` do.
    #[error("log path {} names no file", path.display())]
    NoFileName {
        /// The path that was refused.
        path: PathBuf,
    },
    /// The folder could not be created.
    #[error("cannot create the log folder {}: {source}", folder.display())]
    Folder {
        /// The folder that holds the log.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process, or another collector in this one, writes this log.
    #[error("the log {} is in use by another collector, which holds {}", path.display(), lock.display())]
    InUse {
        /// The log.
        path: PathBuf,
        /// The file that the other one has locked.
        lock: PathBuf,
    },
    /// The path is a folder, a device or a pipe.
    #[error("the log {} is not a regular file", path.display())]
    NotAFile {
        /// The path that was refused.
        path: PathBuf,
    },
    /// The file holds something, but no line of it is a log line.
    #[error("{} is not a metrics log (no line of it is a snapshot), so nothing is appended to it", path.display())]
    NotALog {
        /// The file, left as it was.
        path: PathBuf,
    },
    /// The log could not be opened or read.
    #[error("cannot open the log {}: {source}", path.display())]
    Open {
        /// The log, or its lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line could not be written; it is kept and tried again.
    #[error("cannot write to the log {}: {source}", path.display())]
    Write {
        /// The log, or the file of the newest snapshot.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The full log could not be moved out of the way; lines still go into it.
    #[error("cannot rotate the log {}: {source}", path.display())]
    Rotate {
        /// The file that could not be moved or deleted.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
