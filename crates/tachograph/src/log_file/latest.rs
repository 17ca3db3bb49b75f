//! The newest snapshot alone, for whoever looks on: found by readers, renewed each second while one of them asks for it.
//!
//! Asking means writing a file beside the log. The writer looks at that file once a second, so it costs nothing while nobody
//! asks, and it minds only whether the file was written anew, never by whose clock.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use tachograph_reducer::MetricsSnapshot;

use super::reader::LineError;
use super::rotate::with_suffix;
use super::tail::parse_line;

/// How long one request holds.
const HOLDS: Duration = Duration::from_secs(5);

/// Where the newest snapshot of a log stands.
pub(super) fn latest_path(log: &Path) -> PathBuf {
    log.with_extension("latest.json")
}

/// Where a reader asks for it.
pub(super) fn request_path(log: &Path) -> PathBuf {
    with_suffix(log, ".watch")
}

/// The newest snapshot of a log that somebody writes, this process or another one.
///
/// ```
/// use std::time::Duration;
/// use tachograph::{LatestFile, MetricsCollector};
///
/// # let folder = tempfile::tempdir()?;
/// # let log = folder.path().join("metrics.json");
/// let latest = LatestFile::of(&log);
/// assert_eq!(latest.read()?, None); // nobody has written it yet
/// let collector = MetricsCollector::builder().log_path(&log).quiet().start()?;
/// collector.log_metrics()?; // with every line; and each second while somebody asks
/// latest.request()?;
/// assert_eq!(latest.read()?.map(|snapshot| snapshot.frames_processed), Some(0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LatestFile {
    latest: PathBuf,
    request: PathBuf,
    /// Whether this reader ever asked.
    asked: AtomicBool,
}

impl LatestFile {
    /// That of the log at `path`, which need not exist.
    pub fn of(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        Self {
            latest: latest_path(path),
            request: request_path(path),
            asked: AtomicBool::new(false),
        }
    }

    /// Asks the process that writes the log to renew the file each second from now on, for five seconds. Ask again each second;
    /// several readers may. Costs a small write.
    ///
    /// # Errors
    /// The folder cannot be written, or does not exist. Without requests the file is renewed with each line of the log.
    pub fn request(&self) -> io::Result<()> {
        // Opening a pipe that somebody put there would block.
        if fs::metadata(&self.request).is_ok_and(|found| !found.is_file()) {
            return Err(io::Error::other("it is not a regular file"));
        }
        self.asked.store(true, Relaxed);
        fs::write(&self.request, "renew the newest snapshot each second\n")
    }

    /// The newest snapshot, with [`newest_frames`](MetricsSnapshot::newest_frames) and with the histograms of what was recorded
    /// since the log's last line; if it was written together with that line (`sequence` is the same), of the line. `None` if there
    /// is no such file.
    ///
    /// # Errors
    /// The file cannot be read or is not a snapshot.
    pub fn read(&self) -> Result<Option<MetricsSnapshot>, LineError> {
        let error = |line_number, reason| LineError {
            path: self.latest.clone(),
            line_number,
            reason,
        };
        match fs::read(&self.latest) {
            Ok(bytes) => parse_line(&bytes).map(Some).map_err(|it| error(1, it)),
            Err(problem) if problem.kind() == ErrorKind::NotFound => Ok(None),
            Err(problem) => Err(error(0, problem.to_string())),
        }
    }

    /// Where the newest snapshot stands.
    pub fn path(&self) -> &Path {
        &self.latest
    }
}

impl Drop for LatestFile {
    /// Takes its request back. Other readers renew theirs within a second.
    fn drop(&mut self) {
        if *self.asked.get_mut() && fs::metadata(&self.request).is_ok_and(|found| found.is_file()) {
            let _ = fs::remove_file(&self.request);
        }
    }
}

/// The writer's view of the requests.
#[derive(Debug)]
pub(super) struct Requests {
    path: PathBuf,
    written: Option<SystemTime>,
    /// When the file was last found written anew, by the writer's monotonic clock.
    asked: Option<Duration>,
}

impl Requests {
    pub(super) fn of(log: &Path) -> Self {
        let path = request_path(log);
        Self {
            // What an earlier reader left behind is no request.
            written: modified(&path),
            path,
            asked: None,
        }
    }

    /// Whether somebody asked within the last five seconds. One system call.
    pub(super) fn are_pending(&mut self, now: Duration) -> bool {
        let written = modified(&self.path);
        if written.is_some() && written != self.written {
            self.asked = Some(now);
        }
        self.written = written;
        self.asked
            .is_some_and(|asked| now.saturating_sub(asked) < HOLDS)
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|found| found.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_request_holds_for_five_seconds() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("metrics.json");
        let latest = LatestFile::of(&log);
        latest.request().expect("the folder can be written");
        let mut requests = Requests::of(&log);
        assert!(!requests.are_pending(SECOND), "it was there before");
        let renew = || {
            let before = modified(&request_path(&log));
            while modified(&request_path(&log)) == before {
                latest.request().expect("the folder can be written");
            }
        };
        renew();
        assert!(requests.are_pending(10 * SECOND));
        assert!(requests.are_pending(14 * SECOND));
        assert!(!requests.are_pending(15 * SECOND));
        renew();
        drop(LatestFile::of(&log));
        assert!(
            requests.are_pending(20 * SECOND),
            "who did not ask takes nothing back"
        );
        drop(latest);
        assert!(!request_path(&log).exists(), "it is taken back");
        assert!(!requests.are_pending(26 * SECOND));
    }

    #[test]
    fn what_is_no_snapshot_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let latest = LatestFile::of(folder.path().join("metrics.json"));
        assert!(matches!(latest.read(), Ok(None)));
        fs::write(latest.path(), "{\"timestamp\": 1").expect("the folder can be written");
        let error = latest.read().expect_err("it is torn").to_string();
        assert!(
            error.contains("metrics.latest.json line 1 is skipped"),
            "{error}"
        );
        fs::create_dir(request_path(&folder.path().join("metrics.json"))).expect("a folder");
        assert!(latest.request().is_err());
    }
}
