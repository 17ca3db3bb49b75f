//! Reading a log on while it is being written.

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::vec;

use tachograph_reducer::MetricsSnapshot;

use super::lines::{AtEnd, Lines};
use super::reader::LineError;
use super::rotate::{identity, rotated_path};
use super::source::{Source, numbers_above, sources};

/// Reads a log and goes on with what is written to it: [`LogReader::follow`](super::LogReader::follow).
///
/// Rotation, also several times between two calls, loses no line and repeats none. A log that is removed and made anew, or cut,
/// is read from its beginning; one that does not exist yet is waited for. A line that is half written is waited for, too. It
/// never blocks; call [`poll`](Self::poll) several times a second.
///
/// ```
/// use tachograph::tail_lines;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("metrics.json");
/// let mut lines = tail_lines(&path, 10).follow(); // there is no such file yet
/// assert!(lines.poll().is_none());
/// std::fs::write(&path, "{\"timestamp\":1}\n")?;
/// assert_eq!(lines.poll().transpose()?.map(|snapshot| snapshot.timestamp), Some(1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LogFollower {
    path: PathBuf,
    /// Files to be read before it is a matter of waiting, oldest first.
    ahead: VecDeque<Source>,
    /// The file that is being read; the one that is being written once nothing is ahead.
    current: Option<Lines>,
    /// Whether there has been no file yet.
    is_waiting: bool,
    /// The last problem with the file itself, which is reported once and not at every call.
    trouble: Option<LineError>,
}

/// What became of the file that is being read.
enum Fate {
    /// It is the log, and there is no more of it yet; or there is none.
    Same,
    /// It has been cut.
    Cut,
    /// These have taken its place.
    Replaced(VecDeque<Source>),
}

impl LogFollower {
    pub(super) fn new(path: PathBuf, files: vec::IntoIter<Source>) -> Self {
        let ahead: VecDeque<_> = files.filter(|it| !it.is_missing).collect();
        Self {
            path,
            is_waiting: ahead.is_empty(),
            ahead,
            current: None,
            trouble: None,
        }
    }

    /// The next line that is there already; `None` if nothing new has been written. An error is a line that is no snapshot, or a
    /// file that cannot be read; what comes after it is read all the same.
    pub fn poll(&mut self) -> Option<Result<MetricsSnapshot, LineError>> {
        loop {
            let Some(lines) = &mut self.current else {
                match self.open_next()? {
                    Ok(lines) => self.current = Some(lines),
                    Err(error) => return Some(Err(error)),
                }
                continue;
            };
            if !self.ahead.is_empty() {
                let line = lines.snapshot(AtEnd::Take);
                if line.is_none() || lines.is_broken {
                    self.current = None;
                }
                if line.is_some() {
                    return line;
                }
                continue;
            }
            match lines.snapshot(AtEnd::Wait) {
                Some(Err(error)) if lines.is_broken => {
                    if let Some(error) = self.report_once(error) {
                        return Some(Err(error));
                    }
                }
                None => {}
                line => return line,
            }
            match self.fate() {
                Fate::Same => return None,
                Fate::Cut => {}
                // What is left of the one that was read so far comes first: it may have got a line meanwhile.
                Fate::Replaced(files) => self.ahead = files,
            }
        }
    }

    /// Opens the next file; `None` if there is none yet.
    fn open_next(&mut self) -> Option<Result<Lines, LineError>> {
        if self.is_waiting {
            // Whatever there is has come since, also if it was rotated at once.
            let files = sources(&self.path).into_iter();
            self.ahead = files.filter(|it| !it.is_missing).collect();
            self.is_waiting = self.ahead.is_empty();
        }
        let source = match self.ahead.pop_front() {
            Some(source) => source,
            None => Some(Source::now(self.path.clone())).filter(|it| !it.is_missing)?,
        };
        match Lines::open(source) {
            Ok(lines) => Some(Ok(lines)),
            Err(error) => self.report_once(error).map(Err),
        }
    }

    fn report_once(&mut self, error: LineError) -> Option<LineError> {
        if self.trouble.as_ref() == Some(&error) {
            return None;
        }
        self.trouble = Some(error.clone());
        Some(error)
    }

    fn fate(&mut self) -> Fate {
        let Some(lines) = &mut self.current else {
            return Fate::Same;
        };
        let Ok(metadata) = fs::metadata(&self.path) else {
            // Between a rotation and the next line there is no file.
            return Fate::Same;
        };
        let len = metadata.len();
        let id = identity(Ok(metadata));
        let is_other = match id {
            Some(_) => id != lines.id,
            // Where files have no identity, one that is shorter than what was read is another one.
            None => len < lines.position,
        };
        if is_other {
            let id = lines.id;
            let files = self.newer_than(id);
            return if files.is_empty() {
                Fate::Same
            } else {
                Fate::Replaced(files)
            };
        }
        if lines.restart_if_cut() {
            Fate::Cut
        } else {
            Fate::Same
        }
    }

    /// The files that have come after the one with this identity, oldest first; the current one alone if that is gone.
    fn newer_than(&self, id: Option<(u64, u64)>) -> VecDeque<Source> {
        let mut files = VecDeque::from([Source::now(self.path.clone())]);
        let mut is_found = false;
        for number in numbers_above(0, &self.path) {
            let source = Source::now(rotated_path(&self.path, number));
            is_found = source.id == id;
            if is_found {
                break;
            }
            // Rotated once more since it was opened under its last name.
            files.retain(|other| source.id.is_none() || other.id != source.id);
            files.push_front(source);
        }
        if !is_found {
            files.drain(..files.len().saturating_sub(1));
        }
        files.retain(|it| !it.is_missing);
        files
    }
}

#[cfg(test)]
mod identities {
    use super::*;

    #[test]
    fn a_file_that_is_held_open_keeps_its_identity_to_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "a").unwrap();
        let held = fs::File::open(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "b").unwrap();
        assert_ne!(identity(held.metadata()), identity(fs::metadata(&path)));
    }
}
