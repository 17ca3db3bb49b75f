//! Reading one file of a log, line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use tachograph_reducer::MetricsSnapshot;

use super::reader::{LineError, RawLine};
use super::rotate::identity;
use super::source::Source;
use super::tail::parse_line;

/// The longest line, in bytes; a longer one is none of ours and is skipped without being held in memory.
pub(super) const MAX_LINE: u64 = 16 << 20;

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
    path: Arc<Path>,
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
                path: source.path.into(),
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

    /// The next snapshot, or why there is none in a line; `None` at the end.
    pub(super) fn snapshot(&mut self, at_end: AtEnd) -> Option<Result<MetricsSnapshot, LineError>> {
        let snapshot = self.next(at_end).and_then(|is_there| {
            let parsed = is_there.then(|| parse_line(&self.line).map_err(Problem::Line));
            parsed.transpose()
        });
        snapshot.map_err(|problem| self.error(problem)).transpose()
    }

    /// The next line that is not blank, as it is; `None` at the end.
    pub(super) fn raw(&mut self) -> Option<Result<RawLine, LineError>> {
        match self.next(AtEnd::Take) {
            Ok(false) => None,
            Ok(true) => Some(Ok(RawLine {
                path: Arc::clone(&self.path),
                line_number: self.line_number,
                bytes: std::mem::take(&mut self.line),
            })),
            Err(problem) => Some(Err(self.error(problem))),
        }
    }

    /// Reads the next line that is not blank; whether there is one.
    fn next(&mut self, at_end: AtEnd) -> Result<bool, Problem> {
        self.is_broken = false;
        loop {
            self.line.clear();
            let mut limited = self.input.by_ref().take(MAX_LINE);
            let read = limited
                .read_until(b'\n', &mut self.line)
                .map_err(Problem::File)? as u64;
            if read == 0 {
                return Ok(false);
            }
            let is_whole = self.line.last() == Some(&b'\n');
            if at_end == AtEnd::Wait && !is_whole && read < MAX_LINE {
                if parse_line(&self.line).is_ok() {
                    // Counted with its newline.
                    self.position += read;
                    return Ok(true);
                }
                // Its rest comes later, or a start that repairs the log takes it away.
                return self.go_to(self.position).map(|()| false);
            }
            self.line_number += 1;
            self.position += read;
            if !is_whole && read == MAX_LINE {
                let skipped = self.input.skip_until(b'\n').map_err(Problem::File)?;
                self.position += skipped as u64;
                return Err(Problem::Line("it is longer than 16 MiB".to_owned()));
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(true);
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

    fn error(&mut self, problem: Problem) -> LineError {
        let (line_number, reason) = match problem {
            Problem::Line(reason) => (self.count(), reason),
            Problem::File(error) => {
                self.is_broken = true;
                // Whoever tries again does so from the last whole line on.
                let _ = self.go_to(self.position);
                (0, error.to_string())
            }
        };
        LineError {
            path: self.path.to_path_buf(),
            line_number,
            reason,
        }
    }

    /// The number of the line that was read last. Counts those that were passed over, which nobody needs to know unless there is
    /// something wrong with one.
    fn count(&mut self) -> u64 {
        if self.uncounted > 0 {
            self.line_number += self.count_passed_over().unwrap_or_default();
            self.uncounted = 0;
        }
        self.line_number
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
