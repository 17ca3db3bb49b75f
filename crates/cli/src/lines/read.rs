//! Reading a log in chunks: parsed on all processors, handed over in order.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rayon::prelude::*;
use tachograph::{LineError, MetricsSnapshot, RawLine, SCHEMA_VERSION, raw_lines};

use super::progress::Progress;
use super::{Line, Place, Span, Tally, warn};

/// Lines that are parsed at once, and their bytes: enough to keep some processors busy, little enough to hold in memory.
const CHUNK_LINES: usize = 512;
const CHUNK_BYTES: usize = 8 << 20;
/// How far into a span a line must have been written to belong to it, as a share of the span and in seconds: clocks differ by
/// fractions, and a line just at its beginning tells of the time before.
const INTO_SHARE: f64 = 0.01;
const INTO_S: f64 = 0.1;

/// What to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    /// The log; its rotated files stand beside it.
    pub(crate) path: &'a Path,
    /// Only so much before its newest line.
    pub(crate) last: Option<Duration>,
}

/// Why there is nothing to read. Each prints as one sentence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// There is no log.
    #[error("no log at {}", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// None of its files can be read.
    #[error("{0}")]
    Unreadable(LineError),
    /// It can be read and is something else.
    #[error("{} is not a metrics log: {first}", path.display())]
    NotALog {
        /// The file.
        path: PathBuf,
        /// What is wrong with its first line.
        first: String,
    },
}

/// Reads a log, oldest line first, and gives its lines to `each` in chunks. Warnings go to standard error. A log in which nothing
/// has been logged yet is no error, but a span of 0 lines.
///
/// # Errors
/// There is no log, it cannot be read, or it is something else.
pub(crate) fn read(reading: Reading<'_>, mut each: impl FnMut(&[Line])) -> Result<Span, ReadError> {
    let path = reading.path;
    let mut lines = raw_lines(path);
    if lines.is_missing() {
        let path = path.to_path_buf();
        return Err(ReadError::Missing { path });
    }
    let mut reader = Reader::new(reading);
    let progress = Progress::towards(lines.total_bytes());
    let mut chunk = Vec::new();
    while reader.fill(&mut chunk, &mut lines, &progress) {
        let parsed = reader.parse(&mut chunk);
        if !parsed.is_empty() {
            each(&parsed);
        }
    }
    drop(progress);
    reader.finish()
}

/// What is known while a log is being read.
struct Reader<'a> {
    path: &'a Path,
    /// Unix seconds that a line must be written after, and the newest line's.
    cut: Option<(f64, f64)>,
    /// Whether the last line that was looked at is within the cut.
    in_span: bool,
    /// The newest line before the cut.
    before: Option<RawLine>,
    last: Option<Line>,
    span: Span,
    bad_lines: Tally,
    bad_files: Vec<LineError>,
    newer: Tally,
}

impl<'a> Reader<'a> {
    fn new(reading: Reading<'a>) -> Self {
        let cut = reading.last.and_then(|last| {
            let newest = newest(reading.path)?;
            let seconds = last.as_secs_f64();
            let into = INTO_S.min(seconds * INTO_SHARE);
            Some((newest - seconds + into, newest))
        });
        Self {
            path: reading.path,
            cut,
            in_span: false,
            before: None,
            last: None,
            span: Span::default(),
            bad_lines: Tally::default(),
            bad_files: Vec::new(),
            newer: Tally::default(),
        }
    }

    /// Collects the next lines; returns whether there are any.
    fn fill(
        &mut self,
        chunk: &mut Vec<RawLine>,
        lines: &mut impl Iterator<Item = Result<RawLine, LineError>>,
        progress: &Progress,
    ) -> bool {
        chunk.clear();
        let mut bytes = 0;
        while chunk.len() < CHUNK_LINES && bytes < CHUNK_BYTES {
            match lines.next() {
                None => break,
                Some(Err(error)) => self.note(error),
                Some(Ok(line)) => {
                    progress.add(line.bytes.len());
                    if self.is_in_span(&line) {
                        bytes += line.bytes.len();
                        chunk.push(line);
                    } else if self.span.lines == 0 && chunk.is_empty() {
                        self.before = Some(line);
                    }
                }
            }
        }
        !chunk.is_empty()
    }

    /// Whether a line belongs to what is wanted. One that is no snapshot stands with those before it.
    fn is_in_span(&mut self, line: &RawLine) -> bool {
        let Some((after, newest)) = self.cut else {
            return true;
        };
        if let Some(timestamp) = timestamp(line) {
            self.in_span = timestamp > after && timestamp <= newest;
        }
        self.in_span
    }

    fn note(&mut self, error: LineError) {
        if error.line_number == 0 {
            self.bad_files.push(error);
        } else {
            self.bad_lines.add(|| error.to_string());
        }
    }

    fn parse(&mut self, chunk: &mut Vec<RawLine>) -> Vec<Line> {
        if let Some(raw) = self.before.take()
            && let Ok(snapshot) = raw.parse()
        {
            let place = place(&raw);
            self.last = Some(Line::link(snapshot, self.last.as_ref(), place));
        }
        let parsed: Vec<_> = chunk
            .par_drain(..)
            .map(|raw| raw.parse().map(|snapshot| (snapshot, place(&raw))))
            .collect();
        let mut lines = Vec::with_capacity(parsed.len());
        for result in parsed {
            match result {
                Err(error) => self.note(error),
                Ok((snapshot, place)) => {
                    self.note_version(&snapshot, &place);
                    let line = Line::link(snapshot, self.last.as_ref(), place);
                    self.span.add(&line);
                    self.last = Some(line.clone());
                    lines.push(line);
                }
            }
        }
        lines
    }

    fn note_version(&mut self, snapshot: &MetricsSnapshot, place: &Place) {
        let schema = snapshot.schema_version;
        if schema > SCHEMA_VERSION {
            self.newer.add(|| {
                format!(
                    "{place} was written by a newer version, {} (schema_version {schema}, known is \
                     {SCHEMA_VERSION}); names whose meaning has changed are read in their old one",
                    snapshot.version,
                )
            });
        }
    }

    fn finish(mut self) -> Result<Span, ReadError> {
        let path = self.path.to_path_buf();
        if self.span.lines == 0 {
            if let Some(error) = self.bad_files.first() {
                return Err(ReadError::Unreadable(error.clone()));
            }
            if let Some(first) = self.bad_lines.first() {
                let first = first.to_owned();
                return Err(ReadError::NotALog { path, first });
            }
        }
        for error in &self.bad_files {
            warn(&format_args!("{error}; its lines are missing"));
        }
        self.bad_lines.warn("more lines are skipped");
        if let Some(newer) = self.newer.first() {
            warn(&newer);
        }
        self.span.skipped = self.bad_lines.count();
        self.span.last = self.last.take().filter(|_| self.span.lines > 0);
        Ok(self.span)
    }
}

fn place(raw: &RawLine) -> Place {
    Place {
        path: Arc::clone(&raw.path),
        number: raw.line_number,
    }
}

/// When the newest line was written, Unix seconds.
fn newest(path: &Path) -> Option<f64> {
    raw_lines(path)
        .filter_map(Result::ok)
        .filter_map(|line| timestamp(&line))
        .last()
}

/// When a line was written, if it is one, without reading all of it where it begins as ours do.
fn timestamp(line: &RawLine) -> Option<f64> {
    const START: &[u8] = b"{\"timestamp\":";
    let quick = || {
        let rest = line.bytes.strip_prefix(START)?;
        let number = rest.split(|byte| *byte == b',').next()?;
        // A torn line is none.
        line.bytes
            .trim_ascii_end()
            .last()
            .filter(|byte| **byte == b'}')?;
        std::str::from_utf8(number).ok()?.parse().ok()
    };
    quick().or_else(|| line.parse().ok().map(|snapshot| snapshot.timestamp))
}
