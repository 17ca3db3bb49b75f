//! One writer at a time: an advisory lock on a file beside the log.
//!
//! The log itself cannot be locked: rotation renames it, and Windows refuses to rename or read a locked file.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::check_regular;
use super::error::LogError;
use super::rotate::{identity, with_suffix};

/// The lock of a log. It goes with its process, however that ends.
#[derive(Debug)]
pub(super) struct Lock {
    log: PathBuf,
    path: PathBuf,
    /// `None` where the file system cannot lock.
    held: Option<File>,
}

impl Lock {
    /// Locks `<log>.lock`. The file stays when the lock goes: to delete it would let two others each lock a different one.
    pub(super) fn take(log: &Path) -> Result<Self, LogError> {
        let path = with_suffix(log, ".lock");
        check_regular(&path)?;
        let mut options = File::options();
        let options = options.write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(|source| LogError::Open {
            path: path.clone(),
            source,
        })?;
        let held = match file.try_lock() {
            Ok(()) => Some(file),
            Err(TryLockError::WouldBlock) => {
                return Err(LogError::InUse {
                    path: log.to_owned(),
                    lock: path,
                });
            }
            Err(TryLockError::Error(error)) => {
                log::warn!(
                    "cannot lock {}, so nothing keeps a second collector out of the log: {error}",
                    path.display()
                );
                None
            }
        };
        Ok(Self {
            log: log.to_owned(),
            path,
            held,
        })
    }

    /// Takes the lock again if somebody removed its file, or put another in its place. A second writer would lock that one,
    /// and neither would know of the other.
    pub(super) fn keep(&mut self) -> Result<(), LogError> {
        if let Some(held) = &self.held
            && !is_at(held, &self.path)
        {
            *self = Self::take(&self.log)?;
        }
        Ok(())
    }
}

/// Whether `path` still leads to `file`: no other has its identity while it is open. Windows, where files have none, keeps
/// an open one from being replaced.
fn is_at(file: &File, path: &Path) -> bool {
    let there = fs::metadata(path);
    there.is_ok() && identity(there) == identity(file.metadata())
}
