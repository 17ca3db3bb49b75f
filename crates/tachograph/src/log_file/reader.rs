//! Reading a log back, line by line.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use tachograph_reducer::MetricsSnapshot;
use thiserror::Error;

use super::rotate::{identity, resolve, rotated_files, rotated_path};
use super::tail::parse_line;

/// The longest line, in bytes; a longer one is none of ours and is skipped without being held in memory.
const MAX_LINE: u64 = 16 << 20;

/// A line that is not a snapshot, or a file that cannot be read (`line_number` 0).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{} line {line_number} is skipped: {reason}", path.display())]
pub struct LineError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1; 0 if the file itself could not be opened.
    pub line_number: u64,
    /// What is wrong with it.
    pub reason: String,
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
    LogReader {
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
}

/// The iterator that [`read_lines`] returns.
#[derive(Debug)]
pub struct LogReader {
    files: std::vec::IntoIter<Source>,
    current: Option<Lines>,
}

impl Iterator for LogReader {
    type Item = Result<MetricsSnapshot, LineError>;

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
                Ok(Some(snapshot)) => return Some(Ok(snapshot)),
                Err(Problem::Line(reason)) => return Some(Err(lines.error(reason))),
                Err(Problem::File(error)) => {
                    // The next read would most likely fail in the same way, for ever.
                    let error = lines.error(error.to_string());
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
    path: PathBuf,
    input: BufReader<File>,
    line_number: u64,
    line: Vec<u8>,
}

impl Lines {
    fn open(source: Source) -> Result<Self, LineError> {
        let Source { path, file, .. } = source;
        match file.map_or_else(|| File::open(&path), Ok) {
            Ok(file) => Ok(Self {
                path,
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

    /// The next snapshot; `None` at the end. Blank lines are passed over.
    fn read(&mut self) -> Result<Option<MetricsSnapshot>, Problem> {
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
            let line = self.line.trim_ascii();
            if !line.is_empty() {
                return parse_line(line).map(Some).map_err(Problem::Line);
            }
        }
    }

    fn error(&self, reason: String) -> LineError {
        LineError {
            path: self.path.clone(),
            line_number: self.line_number,
            reason,
        }
    }
}
