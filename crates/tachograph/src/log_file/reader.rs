//! Reading a log back, line by line.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tachograph_reducer::MetricsSnapshot;
use thiserror::Error;

use super::backwards::newest;
use super::follow::LogFollower;
use super::lines::{AtEnd, Lines};
use super::rotate::resolve;
use super::source::{Source, sources};
use super::tail::parse_line;

/// A line that is not a snapshot, or a file that cannot be read (`line_number` 0).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}{}: {reason}", path.display(), self.trouble())]
pub struct LineError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1; 0 if the file itself could not be read, or not to its end.
    pub line_number: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl LineError {
    fn trouble(&self) -> String {
        match self.line_number {
            0 => " cannot be read".to_owned(),
            number => format!(" line {number} is skipped"),
        }
    }
}

/// All snapshots of a log, oldest first: `metrics.json.2`, `metrics.json.1`, `metrics.json`.
///
/// A line that is not a snapshot yields an error and reading goes on after it; the last line of a log that is being written may
/// be half there. Lines of older and newer versions are read: unknown fields are ignored, missing ones defaulted. Rotation
/// while it is read changes nothing: the files of this moment are read. (Of more than 64 some may be missed, and on Windows one
/// may be read twice.)
///
/// Cost: one line in memory at a time, and up to 65 open files.
pub fn read_lines(path: impl AsRef<Path>) -> LogReader {
    let path = resolve(path.as_ref());
    let files = sources(&path);
    LogReader::new(path, files)
}

/// The lines of a log as they stand there, in the order of [`read_lines`]: for who wants to know where each stands, or to parse
/// several at once. Blank lines are passed over.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let log = folder.path().join("metrics.json");
/// std::fs::write(&log, "{\"timestamp\": 1.5}\n\n{\"time\n")?;
/// let lines = tachograph::raw_lines(&log);
/// assert_eq!(lines.total_bytes(), 27);
/// let read: Vec<_> = lines.map(|line| line.and_then(|line| line.parse())).collect();
/// assert!(read[0].as_ref().is_ok_and(|snapshot| snapshot.timestamp == 1.5));
/// assert!(read[1].as_ref().is_err_and(|error| error.line_number == 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn raw_lines(path: impl AsRef<Path>) -> RawLines {
    let files = sources(&resolve(path.as_ref()));
    RawLines {
        is_missing: files.iter().all(|it| it.is_missing),
        total_bytes: files.iter().map(Source::bytes).sum(),
        files: Files::new(files),
    }
}

/// The newest `count` snapshots of a log, oldest first; fewer if there are fewer. Otherwise as [`read_lines`].
///
/// Looks from the end backwards, so that the last lines of a long log come at once. Rotated files are looked into when the
/// current one has too few. Lines that are no snapshots do not count, but yield their errors where they stand among the others.
///
/// ```
/// use tachograph::{MetricsSnapshot, tail_lines};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("metrics.json");
/// # std::fs::write(&path, "{\"timestamp\":1}\n{\"timestamp\":2}\n{\"timestamp\":3}\n")?;
/// let newest: Vec<MetricsSnapshot> = tail_lines(&path, 2).collect::<Result<_, _>>()?;
/// assert_eq!((newest[0].timestamp, newest[1].timestamp), (2.0, 3.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Cost: the lines that are returned are read twice; one of them is in memory at a time.
pub fn tail_lines(path: impl AsRef<Path>, count: usize) -> LogReader {
    let path = resolve(path.as_ref());
    let mut missing = count;
    let mut files = Vec::new();
    for mut source in sources(&path).into_iter().rev() {
        // One that cannot be read says so when its turn comes.
        let found = source.open().and_then(|file| newest(file, missing));
        if let Ok((start, found)) = found {
            source.start = start;
            missing -= found.min(missing);
        }
        files.push(source);
        if missing == 0 {
            break;
        }
    }
    files.reverse();
    LogReader::new(path, files)
}

/// Files that are read one after the other.
#[derive(Debug)]
struct Files {
    ahead: std::vec::IntoIter<Source>,
    current: Option<Lines>,
}

impl Files {
    fn new(files: Vec<Source>) -> Self {
        Self {
            ahead: files.into_iter(),
            current: None,
        }
    }

    /// The next line of any of them, as `read` finds it in one.
    fn next<T>(
        &mut self,
        read: impl Fn(&mut Lines) -> Option<Result<T, LineError>>,
    ) -> Option<Result<T, LineError>> {
        loop {
            let Some(lines) = &mut self.current else {
                match Lines::open(self.ahead.next()?) {
                    Ok(lines) => self.current = Some(lines),
                    Err(error) => return Some(Err(error)),
                }
                continue;
            };
            let line = read(lines);
            if line.is_none() || lines.is_broken {
                self.current = None;
            }
            if line.is_some() {
                return line;
            }
        }
    }
}

/// The iterator that [`read_lines`] and [`tail_lines`] return.
#[derive(Debug)]
pub struct LogReader {
    path: PathBuf,
    files: Files,
}

impl LogReader {
    fn new(path: PathBuf, files: Vec<Source>) -> Self {
        Self {
            path,
            files: Files::new(files),
        }
    }

    /// Goes on with the lines that will be written, instead of ending; to be called before the first one is read.
    pub fn follow(self) -> LogFollower {
        LogFollower::new(self.path, self.files.ahead)
    }
}

impl Iterator for LogReader {
    type Item = Result<MetricsSnapshot, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.files.next(|lines| lines.snapshot(AtEnd::Take))
    }
}

/// A line of a log, not yet parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawLine {
    /// The file that it stands in.
    pub path: Arc<Path>,
    /// The line, from 1.
    pub line_number: u64,
    /// The line itself, as a rule with its newline; at most 16 MiB.
    pub bytes: Vec<u8>,
}

impl RawLine {
    /// The snapshot.
    ///
    /// # Errors
    /// It is none, as the last line of a log that is being written may be, or a foreign one.
    pub fn parse(&self) -> Result<MetricsSnapshot, LineError> {
        parse_line(&self.bytes).map_err(|reason| LineError {
            path: self.path.to_path_buf(),
            line_number: self.line_number,
            reason,
        })
    }
}

/// The iterator that [`raw_lines`] returns. An error is a line that is too long, or a file that cannot be read.
#[derive(Debug)]
pub struct RawLines {
    files: Files,
    total_bytes: u64,
    is_missing: bool,
}

impl RawLines {
    /// Size of all files together when they were opened, as far as it is known: what progress can be measured by.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Whether there was neither a log nor a rotated file.
    pub fn is_missing(&self) -> bool {
        self.is_missing
    }
}

impl Iterator for RawLines {
    type Item = Result<RawLine, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.files.next(Lines::raw)
    }
}
