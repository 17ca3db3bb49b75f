//! Reading a log back, line by line.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tachograph_reducer::MetricsSnapshot;
use thiserror::Error;

use super::rotate::{identity, resolve, rotated_files, rotated_path};
use super::tail::parse_line;

/// The longest line, in bytes; a longer one is none of ours and is skipped without being held in memory.
const MAX_LINE: u64 = 16 << 20;

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

/// As many rotated files as can be configured.
const MAX_ROTATED: usize = 1000;
/// Newest files that a reader opens at once. Older ones it opens when it gets there, so that a thousand need no thousand handles.
const OPENED_AT_ONCE: usize = 64;

/// All snapshots of a log, oldest first: `metrics.json.2`, `metrics.json.1`, `metrics.json`.
///
/// A line that is not a snapshot yields an error and reading goes on after it; the last line of a log that is being written may
/// be half there. Lines of older and newer versions are read: unknown fields are ignored, missing ones defaulted. Rotation
/// while it is read changes nothing: the files of this moment are read. (Of more than 64 some may be missed, and on Windows one
/// may be read twice.)
///
/// Cost: one line in memory at a time, and up to 65 open files.
pub fn read_lines(path: impl AsRef<Path>) -> LogReader {
    LogReader {
        lines: raw_lines(path),
    }
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
    let path = resolve(path.as_ref());
    let mut files = vec![Source::now(path.clone())];
    // Newest first: a rotation meanwhile moves files to higher numbers, so one may be met again, but none is passed over.
    let mut tried = 0;
    loop {
        let numbers = numbers_above(tried, &path);
        let Some(highest) = numbers.last() else {
            break;
        };
        tried = *highest;
        for number in numbers {
            let path = rotated_path(&path, number);
            let source = match files.len() {
                ..=OPENED_AT_ONCE => Source::now(path),
                _ => Source::later(path),
            };
            // Met again, it has become older than those that were opened in between.
            files.retain(|other| source.id.is_none() || source.id != other.id);
            files.push(source);
        }
    }
    // Between a rotation and the next line there is no current file, and what else is missing has been met under its new name.
    if files.iter().any(|it| !it.is_missing) {
        files.retain(|it| !it.is_missing);
    }
    files.reverse();
    RawLines {
        is_missing: files.iter().all(|it| it.is_missing),
        total_bytes: files.iter().map(Source::bytes).sum(),
        files: files.into_iter(),
        current: None,
    }
}

/// Numbers that rotated files above `tried` may have; none if there is no such file.
fn numbers_above(tried: usize, path: &Path) -> BTreeSet<usize> {
    let listed = rotated_files(path).unwrap_or_default();
    let listed = listed.into_iter().map(|(number, _)| number);
    let mut numbers: BTreeSet<_> = listed.filter(|number| *number > tried).collect();
    if let Some(highest) = numbers.last() {
        // A file that is renamed while its folder is listed may be left out, so those in between are tried as well.
        numbers.extend(tried + 1..*highest.min(&MAX_ROTATED));
    }
    numbers
}

/// A file to be read.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    /// `None` if it is to be opened later, or could not be opened yet.
    file: Option<File>,
    /// Whether there was no such file when it was to be opened.
    is_missing: bool,
    /// Tells it from all others, if that is known.
    id: Option<(u64, u64)>,
}

impl Source {
    fn now(path: PathBuf) -> Self {
        let opened = File::open(&path);
        let is_missing = matches!(&opened, Err(error) if error.kind() == ErrorKind::NotFound);
        let file = opened.ok();
        Self {
            id: file.as_ref().and_then(|file| identity(file.metadata())),
            is_missing,
            file,
            path,
        }
    }

    fn later(path: PathBuf) -> Self {
        Self {
            is_missing: !path.exists(),
            file: None,
            id: None,
            path,
        }
    }

    fn bytes(&self) -> u64 {
        let metadata = match &self.file {
            Some(file) => file.metadata(),
            None => std::fs::metadata(&self.path),
        };
        metadata.map_or(0, |metadata| metadata.len())
    }
}

/// The iterator that [`read_lines`] returns.
#[derive(Debug)]
pub struct LogReader {
    lines: RawLines,
}

impl Iterator for LogReader {
    type Item = Result<MetricsSnapshot, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.lines.next()?;
        Some(line.and_then(|line| {
            let parsed = line.parse();
            self.lines.give_back(line);
            parsed
        }))
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
    files: std::vec::IntoIter<Source>,
    current: Option<Lines>,
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

    /// Takes a line's buffer for the next one.
    fn give_back(&mut self, line: RawLine) {
        if let Some(lines) = &mut self.current {
            lines.line = line.bytes;
        }
    }
}

impl Iterator for RawLines {
    type Item = Result<RawLine, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(lines) = &mut self.current else {
                match Lines::open(self.files.next()?) {
                    Ok(lines) => self.current = Some(lines),
                    Err(error) => return Some(Err(error)),
                }
                continue;
            };
            match lines.read() {
                Ok(None) => self.current = None,
                Ok(Some(line)) => return Some(Ok(line)),
                Err(Problem::Line(reason)) => return Some(Err(lines.error(reason))),
                Err(Problem::File(error)) => {
                    // The next read would most likely fail in the same way, for ever.
                    let error = LineError {
                        line_number: 0,
                        ..lines.error(error.to_string())
                    };
                    self.current = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// What ends a line, or the reading of a file.
enum Problem {
    Line(String),
    File(io::Error),
}

/// One file.
#[derive(Debug)]
struct Lines {
    path: Arc<Path>,
    input: BufReader<File>,
    line_number: u64,
    line: Vec<u8>,
}

impl Lines {
    fn open(source: Source) -> Result<Self, LineError> {
        let Source { path, file, .. } = source;
        match file.map_or_else(|| File::open(&path), Ok) {
            Ok(file) => Ok(Self {
                path: path.into(),
                input: BufReader::new(file),
                line_number: 0,
                line: Vec::new(),
            }),
            Err(error) => Err(LineError {
                path,
                line_number: 0,
                reason: error.to_string(),
            }),
        }
    }

    /// The next line; `None` at the end. Blank ones are passed over.
    fn read(&mut self) -> Result<Option<RawLine>, Problem> {
        loop {
            self.line.clear();
            let mut limited = self.input.by_ref().take(MAX_LINE);
            let read = limited
                .read_until(b'\n', &mut self.line)
                .map_err(Problem::File)?;
            if read == 0 {
                return Ok(None);
            }
            self.line_number += 1;
            if self.line.last() != Some(&b'\n') && self.line.len() as u64 == MAX_LINE {
                self.input.skip_until(b'\n').map_err(Problem::File)?;
                return Err(Problem::Line("it is longer than 16 MiB".to_owned()));
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some(RawLine {
                    path: Arc::clone(&self.path),
                    line_number: self.line_number,
                    bytes: std::mem::take(&mut self.line),
                }));
            }
        }
    }

    fn error(&self, reason: String) -> LineError {
        LineError {
            path: self.path.to_path_buf(),
            line_number: self.line_number,
            reason,
        }
    }
}
