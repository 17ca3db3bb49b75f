//! The log: JSON Lines, one snapshot a line, one `write` a line.
//!
//! What it promises, whatever happens to the process, the disk or the folder:
//! - a complete line stays readable; a line torn by a crash is cut off at the next start, and the start says so;
//! - a line that cannot be written waits in memory, up to 1440 of them, and is written in order when it can be;
//! - the file is opened anew for every line, so a deleted folder or a rename by `logrotate` heals by itself;
//! - one writer at a time: a second one is refused instead of mixing its lines in.
//!
//! Lines are handed to the system, not forced to the disk: they outlive the process, not always a power cut.

mod backwards;
mod error;
#[cfg(test)]
mod fault_tests;
mod follow;
#[cfg(test)]
mod follow_tests;
mod latest;
mod lines;
mod lock;
mod reader;
mod rotate;
mod source;
mod tail;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tachograph_reducer::MetricsSnapshot;

pub use error::LogError;
pub use follow::LogFollower;
pub use latest::LatestFile;
use latest::{Requests, latest_path};
use lock::Lock;
pub use reader::{LineError, LogReader, RawLine, RawLines, raw_lines, read_lines, tail_lines};
use rotate::{folder_of, resolve, rotate, rotated_files, with_suffix};
use tail::{Tail, Torn, cut, inspect, is_torn, read_range};

/// Lines that wait in memory at most: a day of them at one a minute. After that the oldest is dropped and counted.
pub(crate) const MAX_HELD: usize = 1440;
/// Size at which a log is rotated unless configured otherwise: 64 MiB.
pub(crate) const DEFAULT_ROTATE_BYTES: u64 = 64 << 20;
/// Rotated files that are kept unless configured otherwise.
pub(crate) const DEFAULT_ROTATE_FILES: usize = 10;

/// Where the log is and how much of it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// The log. Beside it stand `<path>.1` (newest) and so on, `<path>.lock` and the newest snapshot alone. Of a symbolic
    /// link, all but the last stand beside what it points to.
    pub path: PathBuf,
    /// The log is rotated before a line that would make it longer than this, in bytes; 0 = never.
    pub rotate_bytes: u64,
    /// Rotated files that are kept; 0 = the full log is deleted.
    pub rotate_files: usize,
}

impl LogOptions {
    /// The log at `path`, with the default rotation.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            rotate_bytes: DEFAULT_ROTATE_BYTES,
            rotate_files: DEFAULT_ROTATE_FILES,
        }
    }
}

/// What [`LogFile::open`] found.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// The newest line of the log, or of the newest rotated file if the log itself is missing or empty.
    pub last: Option<Box<MetricsSnapshot>>,
    /// Bytes after the last newline that were cut off (the start of one of our lines) or closed with a newline (anything
    /// else); `None` if the log ended as it should.
    pub repaired: Option<u64>,
}

/// The log, open for one writer.
///
/// Calls cost a few system calls and block for as long as the disk does; they belong into the background thread.
#[derive(Debug)]
pub struct LogFile {
    options: LogOptions,
    latest: PathBuf,
    /// What becomes `latest`. Named after the whole log, because `a.json` and `a.log` share `a.latest.json`, not their lock.
    temporary: PathBuf,
    held: VecDeque<String>,
    errors: u64,
    lock: Lock,
    requests: Requests,
}

impl LogFile {
    /// Opens the log, creating it and its folder, locks it against other writers and repairs its end.
    ///
    /// # Errors
    /// The folder or file cannot be created, read or written; another writer has it; it is something else than a log.
    pub fn open(mut options: LogOptions) -> Result<(Self, Recovery), LogError> {
        if options.path.file_name().is_none() {
            return Err(LogError::NoFileName { path: options.path });
        }
        let name = absolute(&options.path)?;
        options.path = resolve(&name);
        let path = &options.path;
        create_folder(path)?;
        check_regular(path)?;
        let lock = Lock::take(path)?;
        let mut log = Self {
            options,
            latest: latest_path(&name),
            requests: Requests::of(&name),
            temporary: with_suffix(&name, ".latest.tmp"),
            held: VecDeque::new(),
            errors: 0,
            lock,
        };
        let recovery = log.recover()?;
        Ok((log, recovery))
    }

    /// Adds a line (without its newline) and writes all that wait, in order.
    ///
    /// # Errors
    /// The last problem; look at [`held`](Self::held) for what waits. When rotation alone fails the line is written all
    /// the same.
    pub fn append(&mut self, mut line: String) -> Result<(), LogError> {
        if line.contains('\n') {
            // Between JSON tokens a space means the same.
            line = line.replace('\n', " ");
        }
        if self.held.len() >= MAX_HELD {
            self.held.pop_front();
            self.errors += 1;
        }
        self.held.push_back(line);
        self.flush()
    }

    /// Writes all lines that wait, in order, up to the first that cannot be written.
    ///
    /// # Errors
    /// The last problem.
    pub fn flush(&mut self) -> Result<(), LogError> {
        let mut outcome = Ok(());
        while let Some(line) = self.held.pop_front() {
            match self.write_line(&line) {
                Ok(rotated) => outcome = rotated.and(outcome),
                Err(error) => {
                    self.held.push_front(line);
                    self.errors += 1;
                    return Err(error);
                }
            }
        }
        outcome
    }

    /// Replaces the file of the newest snapshot, `metrics.latest.json` beside `metrics.json`, in one step: a reader sees
    /// the old one or the new one.
    ///
    /// # Errors
    /// It could not be written; the old one is still there.
    pub fn write_latest(&mut self, json: &str) -> Result<(), LogError> {
        let written = self.keep_place().and_then(|()| {
            self.replace_latest(json).map_err(|source| LogError::Write {
                path: self.latest.clone(),
                source,
            })
        });
        self.errors += u64::from(written.is_err());
        written
    }

    fn replace_latest(&self, json: &str) -> io::Result<()> {
        create_folder_of(&self.latest)?;
        // A link that somebody put there would be written through, a pipe would block for ever.
        let _ = fs::remove_file(&self.temporary);
        let mut options = File::options();
        let options = options.write(true).create_new(true);
        let written = options
            .open(&self.temporary)
            .and_then(|mut file| file.write_all(format!("{json}\n").as_bytes()))
            .and_then(|()| fs::rename(&self.temporary, &self.latest));
        if written.is_err() {
            // It may not exist, and a full disk is glad of the room.
            let _ = fs::remove_file(&self.temporary);
        }
        written
    }

    /// Whether a reader has asked within the last five seconds that the file of the newest snapshot be renewed each second, see
    /// [`LatestFile::request`]. `now` is of a monotonic clock. Costs one system call.
    pub fn is_watched(&mut self, now: Duration) -> bool {
        self.requests.are_pending(now)
    }

    /// Where the newest snapshot alone stands.
    pub fn latest_path(&self) -> &Path {
        &self.latest
    }

    /// The log.
    pub fn path(&self) -> &Path {
        &self.options.path
    }

    /// Attempts that failed (a line, a rotation, the newest snapshot), and lines that were dropped, since it was opened.
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// Lines that wait to be written, at most 1440.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Repairs the end of the log and finds its newest line.
    fn recover(&mut self) -> Result<Recovery, LogError> {
        let path = self.options.path.clone();
        let failed = |source| LogError::Open {
            path: path.clone(),
            source,
        };
        let mut file = self.open_append()?;
        let len = file.metadata().map_err(failed)?.len();
        let found = inspect(&mut file, len).map_err(failed)?;
        if found.foreign {
            return Err(LogError::NotALog { path });
        }
        let torn = len - found.torn_from;
        match mend(&mut file, &path, &found) {
            // Every line tries it again, and waits until it works.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded
                ) => {}
            mended => mended.map_err(failed)?,
        }
        Ok(Recovery {
            last: found.last.or_else(|| self.last_rotated()),
            repaired: (found.torn != Torn::Nothing).then_some(torn),
        })
    }

    /// The newest line of the newest rotated file that has one. That it cannot be read is no reason not to start.
    fn last_rotated(&self) -> Option<Box<MetricsSnapshot>> {
        let newest_line = |path: &Path| {
            let mut file = File::open(path).ok()?;
            let len = file.metadata().ok()?.len();
            inspect(&mut file, len).ok()?.last
        };
        let rotated = rotated_files(&self.options.path).ok()?;
        let newest_first = rotated.iter().rev();
        newest_first.take(3).find_map(|(_, file)| newest_line(file))
    }

    /// Writes one line; the inner result is that of a rotation on the way.
    fn write_line(&mut self, line: &str) -> Result<Result<(), LogError>, LogError> {
        let path = self.options.path.clone();
        let failed = |source| LogError::Write {
            path: path.clone(),
            source,
        };
        let mut file = self.open_append()?;
        // Before the file is rotated: nobody repairs it afterwards.
        if close_torn(&mut file, &path, line).map_err(failed)? {
            return Ok(Ok(()));
        }
        let mut rotated = Ok(());
        if self.is_full(&file, line).map_err(failed)? {
            drop(file); // Windows does not rename an open file.
            rotated = rotate(&path, self.options.rotate_files);
            self.errors += u64::from(rotated.is_err());
            file = self.open_append()?;
        }
        write_whole(&mut file, &path, line).map_err(failed)?;
        Ok(rotated)
    }

    fn is_full(&self, file: &File, line: &str) -> io::Result<bool> {
        let len = file.metadata()?.len();
        let after = len.saturating_add(line.len() as u64 + 1);
        Ok(self.options.rotate_bytes > 0 && len > 0 && after > self.options.rotate_bytes)
    }

    /// The log, open for appending.
    fn open_append(&mut self) -> Result<File, LogError> {
        self.keep_place()?;
        let path = &self.options.path;
        check_regular(path)?;
        let mut options = File::options();
        let options = options.read(true).append(true).create(true);
        options.open(path).map_err(|source| LogError::Open {
            path: path.clone(),
            source,
        })
    }

    /// Makes folder and lock anew if somebody removed them.
    fn keep_place(&mut self) -> Result<(), LogError> {
        create_folder(&self.options.path)?;
        self.lock.keep()
    }
}

impl Drop for LogFile {
    /// What still waits is lost now; that is said.
    fn drop(&mut self) {
        if !self.held.is_empty() {
            let path = self.options.path.display();
            let count = self.held.len();
            log::error!("{path}: {count} lines are lost, because they could not be written");
        }
    }
}

/// Cuts or closes what stands after the last newline.
fn mend(file: &mut File, path: &Path, found: &Tail) -> io::Result<()> {
    match found.torn {
        Torn::Nothing => Ok(()),
        Torn::Ours => cut(file, path, found.torn_from),
        Torn::Whole | Torn::Foreign => file.write_all(b"\n"),
    }
}

/// Mends the end of the log if it is torn, because an earlier cut failed or somebody else wrote here; whether `line` is thereby
/// written, as all of it but its newline had been.
fn close_torn(file: &mut File, path: &Path, line: &str) -> io::Result<bool> {
    let len = file.metadata()?.len();
    if !is_torn(file, len)? {
        return Ok(false);
    }
    let found = inspect(file, len)?;
    let is_line = found.torn == Torn::Whole
        && read_range(file, found.torn_from, len - found.torn_from)? == line.as_bytes();
    mend(file, path, &found)?;
    Ok(is_line)
}

/// Writes a line and its newline in one call, or nothing at all.
fn write_whole(file: &mut File, path: &Path, line: &str) -> io::Result<()> {
    let before = file.metadata()?.len();
    let bytes = format!("{line}\n").into_bytes();
    let written = loop {
        match file.write(&bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => break other,
        }
    };
    match written {
        Ok(count) if count == bytes.len() => Ok(()),
        Ok(count) => {
            cut(file, path, before)?;
            let what = format!("only {count} of {} bytes fit", bytes.len());
            Err(io::Error::new(ErrorKind::StorageFull, what))
        }
        Err(error) => {
            cut(file, path, before)?;
            Err(error)
        }
    }
}

/// The path from the root, so that a process that changes its folder does not take its log along.
fn absolute(path: &Path) -> Result<PathBuf, LogError> {
    std::path::absolute(path).map_err(|source| LogError::Open {
        path: path.to_owned(),
        source,
    })
}

fn create_folder(path: &Path) -> Result<(), LogError> {
    create_folder_of(path).map_err(|source| LogError::Folder {
        folder: folder_of(path).to_owned(),
        source,
    })
}

fn create_folder_of(path: &Path) -> io::Result<()> {
    let folder = folder_of(path);
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)
}

/// Opening a pipe would block, and rotation would move a device away.
fn check_regular(path: &Path) -> Result<(), LogError> {
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => Err(LogError::NotAFile {
            path: path.to_owned(),
        }),
        _ => Ok(()),
    }
}
