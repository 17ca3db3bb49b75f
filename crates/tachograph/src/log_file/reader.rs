//! Reading a log back, line by line.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read as _, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use tachograph_reducer::MetricsSnapshot;
use thiserror::Error;

use super::backwards::newest;
use super::follow::LogFollower;
use super::rotate::{identity, resolve, rotated_files, rotated_path};
use super::tail::parse_line;

/// The longest line, in bytes; a longer one is none of ours and is skipped without being held in memory.
pub(super) const MAX_LINE: u64 = 16 << 20;

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
    let files = sources(&path);
    LogReader::new(path, files)
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

/// The files of a log, oldest first, those with the newest lines opened.
fn sources(path: &Path) -> Vec<Source> {
    let mut files = vec![Source::now(path.to_owned())];
    // Newest first: a rotation meanwhile moves files to higher numbers, so one may be met again, but none is passed over.
    let mut tried = 0;
    loop {
        let numbers = numbers_above(tried, path);
        let Some(highest) = numbers.last() else {
            break;
        };
        tried = *highest;
        for number in numbers {
            let path = rotated_path(path, number);
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
    files
}

/// Numbers that rotated files above `tried` may have; none if there is no such file.
pub(super) fn numbers_above(tried: usize, path: &Path) -> BTreeSet<usize> {
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
pub(super) struct Source {
    path: PathBuf,
    /// `None` if it is to be opened later, or could not be opened yet.
    file: Option<File>,
    /// Whether there was no such file when it was to be opened.
    pub(super) is_missing: bool,
    /// Tells it from all others, if that is known.
    pub(super) id: Option<(u64, u64)>,
    /// Where to begin, in bytes: the start of a line.
    start: u64,
}

impl Source {
    pub(super) fn now(path: PathBuf) -> Self {
        let opened = File::open(&path);
        let is_missing = matches!(&opened, Err(error) if error.kind() == ErrorKind::NotFound);
        let file = opened.ok();
        Self {
            id: file.as_ref().and_then(|file| identity(file.metadata())),
            is_missing,
            file,
            path,
            start: 0,
        }
    }

    fn later(path: PathBuf) -> Self {
        Self {
            is_missing: !path.exists(),
            file: None,
            id: None,
            path,
            start: 0,
        }
    }

    fn open(&mut self) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => File::open(&self.path)?,
        };
        Ok(self.file.insert(file))
    }
}

/// The iterator that [`read_lines`] and [`tail_lines`] return.
#[derive(Debug)]
pub struct LogReader {
    path: PathBuf,
    files: std::vec::IntoIter<Source>,
    current: Option<Lines>,
}

impl LogReader {
    fn new(path: PathBuf, files: Vec<Source>) -> Self {
        Self {
            path,
            files: files.into_iter(),
            current: None,
        }
    }

    /// Goes on with the lines that will be written, instead of ending; to be called before the first one is read.
    pub fn follow(self) -> LogFollower {
        LogFollower::new(self.path, self.files)
    }
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
            let line = lines.next(AtEnd::Take);
            if line.is_none() || lines.is_broken {
                self.current = None;
            }
            if line.is_some() {
                return line;
            }
        }
    }
}

/// What to make of a last line that has no newline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtEnd {
    /// It is what it is: a snapshot, or torn.
    Take,
    /// It may be half written: unless it is a snapshot, leave it for the next time.
    Wait,
}

/// What ends a line, or the reading of a file.
enum Problem {
    Line(String),
    File(io::Error),
}

/// One file.
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    input: BufReader<File>,
    pub(super) id: Option<(u64, u64)>,
    /// Where the first line began, in bytes, while the lines before it have not been counted.
    uncounted: u64,
    /// Lines that were read here.
    line_number: u64,
    /// Where the next line begins, in bytes.
    pub(super) position: u64,
    /// Whether it could not be read the last time; trying again would most likely fail in the same way, for ever.
    pub(super) is_broken: bool,
    line: Vec<u8>,
}

impl Lines {
    pub(super) fn open(mut source: Source) -> Result<Self, LineError> {
        let start = source.start;
        let opened = source.open().and_then(|file| {
            let place = file.seek(SeekFrom::Start(start));
            // In a pipe there is no going to and fro, but it can be read from its beginning.
            if start == 0 { Ok(0) } else { place }
        });
        match (opened, source.file) {
            (Ok(_), Some(file)) => Ok(Self {
                path: source.path,
                id: identity(file.metadata()),
                input: BufReader::new(file),
                uncounted: start,
                line_number: 0,
                position: start,
                is_broken: false,
                line: Vec::new(),
            }),
            (opened, _) => Err(LineError {
                path: source.path,
                line_number: 0,
                reason: opened.err().map_or_else(String::new, |it| it.to_string()),
            }),
        }
    }

    /// The next line that is not blank, or why it is none; `None` at the end.
    pub(super) fn next(&mut self, at_end: AtEnd) -> Option<Result<MetricsSnapshot, LineError>> {
        self.is_broken = false;
        match self.read(at_end) {
            Ok(snapshot) => snapshot.map(Ok),
            Err(Problem::Line(reason)) => Some(Err(self.error(reason))),
            Err(Problem::File(error)) => {
                self.is_broken = true;
                // Whoever tries again does so from the last whole line on.
                let _ = self.go_to(self.position);
                Some(Err(self.error(error.to_string())))
            }
        }
    }

    fn read(&mut self, at_end: AtEnd) -> Result<Option<MetricsSnapshot>, Problem> {
        loop {
            self.line.clear();
            let mut limited = self.input.by_ref().take(MAX_LINE);
            let read = limited
                .read_until(b'\n', &mut self.line)
                .map_err(Problem::File)? as u64;
            if read == 0 {
                return Ok(None);
            }
            let is_whole = self.line.last() == Some(&b'\n');
            let line = self.line.trim_ascii();
            if at_end == AtEnd::Wait && !is_whole && read < MAX_LINE {
                return match parse_line(line) {
                    Ok(snapshot) => {
                        // Counted with its newline.
                        self.position += read;
                        Ok(Some(snapshot))
                    }
                    // Its rest comes later, or a start that repairs the log takes it away.
                    Err(_) => self.go_to(self.position).map(|()| None),
                };
            }
            self.line_number += 1;
            self.position += read;
            if !is_whole && read == MAX_LINE {
                let skipped = self.input.skip_until(b'\n').map_err(Problem::File)?;
                self.position += skipped as u64;
                return Err(Problem::Line("it is longer than 16 MiB".to_owned()));
            }
            if !line.is_empty() {
                return parse_line(line).map(Some).map_err(Problem::Line);
            }
        }
    }

    fn go_to(&mut self, position: u64) -> Result<(), Problem> {
        let place = self.input.seek(SeekFrom::Start(position));
        place.map(|_| ()).map_err(Problem::File)
    }

    /// Begins anew if the file has become shorter than what was read of it. Returns whether it has.
    pub(super) fn restart_if_cut(&mut self) -> bool {
        let metadata = self.input.get_ref().metadata();
        let is_cut = metadata.is_ok_and(|it| it.len() < self.position) && self.go_to(0).is_ok();
        if is_cut {
            (self.position, self.line_number, self.uncounted) = (0, 0, 0);
        }
        is_cut
    }

    /// Counts the lines that were passed over, which nobody needs to know unless there is something wrong with one.
    fn error(&mut self, reason: String) -> LineError {
        if self.uncounted > 0 {
            self.line_number += self.count_passed_over().unwrap_or_default();
            self.uncounted = 0;
        }
        LineError {
            path: self.path.clone(),
            line_number: self.line_number,
            reason,
        }
    }

    fn count_passed_over(&mut self) -> io::Result<u64> {
        let place = self.input.stream_position()?;
        self.input.rewind()?;
        let mut count = 0;
        let mut passed_over = self.input.by_ref().take(self.uncounted);
        while passed_over.skip_until(b'\n')? > 0 {
            count += 1;
        }
        self.input.seek(SeekFrom::Start(place))?;
        Ok(count)
    }
}
