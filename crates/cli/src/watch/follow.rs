//! What the files tell: the newest snapshot while the loop renews it, and each line that is written.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tachograph::{LatestFile, LogFollower, MetricsSnapshot, tail_lines};

/// Lines that are read at the start: an hour of them at one each five seconds.
const SEED_LINES: usize = 720;
/// Lines that one look takes in at most; the next one goes on.
const MAX_LINES: usize = SEED_LINES;
/// How often there is a look.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Looks from one wish for a fresh snapshot to the next.
const LOOKS_PER_WISH: u32 = 2;

/// What one look has found.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// Lines that are new, oldest first.
    pub(crate) lines: Vec<MetricsSnapshot>,
    /// The newest snapshot, if it was written since the last look; it may be one of those lines or older.
    pub(crate) latest: Option<MetricsSnapshot>,
    /// Whether there is a log or a newest snapshot at all.
    pub(crate) exists: bool,
    /// Lines that are no snapshots, or a file that cannot be read, a sentence each.
    pub(crate) problems: Vec<String>,
    /// Why the loop cannot be asked to renew its snapshot each second.
    pub(crate) cannot_ask: Option<String>,
}

/// Reads the files of a log again and again.
#[derive(Debug)]
pub(crate) struct Follower {
    log: PathBuf,
    lines: LogFollower,
    latest: LatestFile,
    looks: u32,
    cannot_ask: Option<String>,
    /// The newest snapshot alone, when it was last written.
    written: Option<(SystemTime, u64)>,
}

impl Follower {
    /// Follows the log at `log`, which need not exist yet.
    pub(crate) fn new(log: &Path) -> Self {
        Self {
            log: log.to_owned(),
            lines: tail_lines(log, SEED_LINES).follow(),
            latest: LatestFile::of(log),
            looks: 0,
            cannot_ask: None,
            written: None,
        }
    }

    /// Looks once. Blocks for as long as the disk does.
    pub(crate) fn look(&mut self) -> Look {
        if self.looks.is_multiple_of(LOOKS_PER_WISH) {
            self.ask();
        }
        self.looks = self.looks.wrapping_add(1);
        let mut look = Look::default();
        // Before the lines: a line that is written in between then has all of it, and nothing is counted twice.
        if self.is_renewed() {
            match self.latest.read() {
                Ok(latest) => look.latest = latest,
                Err(error) => look.problems.push(error.to_string()),
            }
        }
        for _ in 0..MAX_LINES {
            match self.lines.poll() {
                None => break,
                Some(Ok(line)) => look.lines.push(line),
                Some(Err(error)) => look.problems.push(error.to_string()),
            }
        }
        look.exists = self.written.is_some() || !look.lines.is_empty() || self.log.exists();
        look.cannot_ask.clone_from(&self.cannot_ask);
        look
    }

    /// Whether the newest snapshot was written since the last look. It takes long to read in comparison.
    fn is_renewed(&mut self) -> bool {
        let found = fs::metadata(self.latest.path()).ok();
        let written = found.and_then(|found| Some((found.modified().ok()?, found.len())));
        let is_renewed = written.is_some() && written != self.written;
        self.written = written;
        is_renewed
    }

    fn ask(&mut self) {
        self.cannot_ask = match self.latest.request() {
            Ok(()) => None,
            // There is no loop yet that could be asked.
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => Some(error.to_string()),
        };
    }
}
