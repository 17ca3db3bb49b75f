//! The event log: one JSON line per event.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::detect::Region;

/// Bytes at the end of a log in which its last event is looked for.
const TAIL: u64 = 64 << 10;

/// What one line says.
#[derive(Debug, Serialize)]
pub(crate) struct Event<'a> {
    /// Tells it from all others of this log, and is the `event_id` of its frame in the metrics log: the milliseconds since 1970
    /// when it was logged, or one more than the event before has.
    pub(crate) id: u64,
    /// When the event was logged, RFC 3339, UTC.
    pub(crate) time: Timestamp,
    /// The same in Unix seconds.
    pub(crate) timestamp: f64,
    /// The number of its frame in the input, from 0.
    pub(crate) frame: u64,
    /// The frame's place in the video, in seconds.
    pub(crate) video_time_s: f64,
    /// What was seen where, in pixels, the largest first.
    pub(crate) regions: &'a [Region],
    /// What the language model said; `null` without one, or when it failed.
    pub(crate) description: Option<&'a str>,
    /// Why there is no description although there should be one; left out when there is none to explain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description_error: Option<&'a str>,
}

/// Why the event log cannot be used, with the path and the reason.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EventsError {
    /// The folder of the log cannot be made.
    #[error("cannot create the folder of the event log {path}: {error}")]
    Folder {
        /// The log's path.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The log cannot be opened for appending.
    #[error("cannot open the event log {path}: {error}")]
    Open {
        /// The log's path.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A line could not be written.
    #[error("cannot write to the event log {path}: {error}")]
    Write {
        /// The log's path.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// An open event log. Lines are appended; what earlier runs wrote stays.
pub(crate) struct EventLog {
    path: PathBuf,
    file: File,
    line: Vec<u8>,
    /// Whether the file ends in the middle of a line, so that the next one must not be glued to it.
    torn: bool,
    /// The id of the last event.
    last_id: u64,
}

impl EventLog {
    /// Opens the log, and makes its folder if need be.
    pub(crate) fn open(path: &Path) -> Result<Self, EventsError> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            fs::create_dir_all(folder).map_err(|error| EventsError::Folder {
                path: path.to_owned(),
                error,
            })?;
        }
        let open = OpenOptions::new().append(true).create(true).open(path);
        let file = open.map_err(|error| EventsError::Open {
            path: path.to_owned(),
            error,
        })?;
        Ok(Self {
            path: path.to_owned(),
            // A run that was killed in the middle of a write leaves half a line behind.
            torn: ends_torn(path).unwrap_or(false),
            last_id: last_id(path).ok().flatten().unwrap_or(0),
            file,
            line: Vec::with_capacity(1024),
        })
    }

    /// The id of an event that is logged now: larger than all before, also where the clock was set back.
    pub(crate) fn next_id(&mut self, now: Timestamp) -> u64 {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        self.last_id = millis.max(self.last_id.saturating_add(1));
        self.last_id
    }

    /// Appends one line, by one system call.
    pub(crate) fn append(&mut self, event: &Event<'_>) -> Result<(), EventsError> {
        self.line.clear();
        if self.torn {
            self.line.push(b'\n');
        }
        let result = serde_json::to_writer(&mut self.line, event).map_err(io::Error::from);
        self.line.push(b'\n');
        result
            .and_then(|()| self.write())
            .map_err(|error| EventsError::Write {
                path: self.path.clone(),
                error,
            })
    }

    fn write(&mut self) -> io::Result<()> {
        let before = self.file.metadata().map_or(0, |metadata| metadata.len());
        loop {
            match self.file.write(&self.line) {
                Ok(written) if written == self.line.len() => {
                    self.torn = false;
                    return Ok(());
                }
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    // If half a line cannot be taken back, the next one begins on a line of its own.
                    self.torn |= !self.take_back(before, written);
                    return Err(io::Error::other("only a part of the line was written"));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl EventLog {
    /// Takes the beginning of a line back, as when the disk is full; whether that was possible. What somebody else wrote
    /// meanwhile stays.
    fn take_back(&self, before: u64, written: usize) -> bool {
        let metadata = self.file.metadata();
        let ours = before + written as u64;
        metadata.is_ok_and(|it| it.is_file() && it.len() == ours)
            && self.file.set_len(before).is_ok()
    }
}

/// Whether the last byte is something else than a line feed. Devices and pipes have no last byte.
fn ends_torn(path: &Path) -> io::Result<bool> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(false);
    }
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// The id of the last event in a log; `None` if there is none, or it was logged before events had one.
fn last_id(path: &Path) -> io::Result<Option<u64>> {
    #[derive(Deserialize)]
    struct Id {
        id: u64,
    }

    if !fs::metadata(path)?.is_file() {
        return Ok(None);
    }
    let mut file = File::open(path)?;
    let len = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(len.saturating_sub(TAIL)))?;
    let mut end = Vec::new();
    file.take(TAIL).read_to_end(&mut end)?;
    let mut lines = end.rsplit(|byte| *byte == b'\n');
    Ok(lines.find_map(|line| {
        serde_json::from_slice::<Id>(line)
            .ok()
            .map(|event| event.id)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(frame: u64) -> Event<'static> {
        Event {
            id: frame + 1000,
            time: Timestamp::UNIX_EPOCH,
            timestamp: 0.0,
            frame,
            video_time_s: 0.5,
            regions: &[],
            description: None,
            description_error: None,
        }
    }

    #[test]
    fn lines_are_appended_and_a_torn_one_stays_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b/events.jsonl");
        let mut log = EventLog::open(&path).expect("opens");
        log.append(&event(1)).expect("writes");
        log.append(&event(2)).expect("writes");
        drop(log);
        let mut file = OpenOptions::new().append(true).open(&path).expect("opens");
        file.write_all(b"{\"time\":\"19").expect("writes");
        let mut log = EventLog::open(&path).expect("opens");
        log.append(&event(3)).expect("writes");
        log.append(&event(4)).expect("writes");
        let text = fs::read_to_string(&path).expect("reads");
        let frames: Vec<_> = text
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .map(|line| line["frame"].as_u64())
            .collect();
        assert_eq!(frames, [Some(1), Some(2), Some(3), Some(4)]);
        assert_eq!(text.lines().count(), 5);
    }

    #[test]
    fn ids_grow_whatever_the_clock_does_and_over_restarts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("events.jsonl");
        let at = |millis| Timestamp::from_millisecond(millis).expect("a time");
        let mut log = EventLog::open(&path).expect("opens");
        let ids = [5, 5, 3, -7, 9].map(|millis| log.next_id(at(millis)));
        assert_eq!(ids, [5, 6, 7, 8, 9]);
        log.append(&event(50)).expect("writes");
        drop(log);
        let mut file = OpenOptions::new().append(true).open(&path).expect("opens");
        file.write_all(b"no event\n{\"id\":99").expect("writes");
        let mut log = EventLog::open(&path).expect("opens");
        assert_eq!(log.next_id(at(9)), 1051);
    }

    /// Fills a file system of 64 KiB but for some bytes, logs until it is full, and goes on when there is room again.
    #[test]
    fn a_full_disk_leaves_no_half_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = folder.path().to_str().expect("a plain path");
        let run = |args: &[&str]| {
            let output = std::process::Command::new(args[0])
                .args(&args[1..])
                .output();
            output.is_ok_and(|output| output.status.success())
        };
        if !run(&["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]) {
            eprintln!("!!! SKIPPED: a full disk, because mounting a tmpfs needs Linux and root");
            let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(
                !in_ci || !cfg!(target_os = "linux"),
                "nothing can be mounted"
            );
            return;
        }
        let path = folder.path().join("events.jsonl");
        let ballast = folder.path().join("ballast");
        let mut log = EventLog::open(&path).expect("opens");
        log.append(&event(0)).expect("writes");
        fs::write(&ballast, vec![b'x'; 60 << 10]).expect("fits");
        let written = (1..1000).take_while(|frame| log.append(&event(*frame)).is_ok());
        let written = written.count() as u64;
        let full = fs::read_to_string(&path).expect("reads");
        fs::remove_file(&ballast).expect("is there");
        log.append(&event(written + 1)).expect("writes");
        let text = fs::read_to_string(&path).expect("reads");
        drop(log);
        assert!(run(&["umount", disk]));
        assert!(
            written > 10 && full.len() < 4096 && full.ends_with("}\n"),
            "{full}"
        );
        let frames = text.lines().map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).expect("a whole line");
            line["frame"].as_u64().expect("a number")
        });
        assert!(frames.eq(0..=written + 1));
    }

    #[test]
    fn a_line_has_all_its_fields() {
        let json = serde_json::to_value(event(7)).expect("serialises");
        assert_eq!(json["time"], "1970-01-01T00:00:00Z");
        assert_eq!(json["description"], serde_json::Value::Null);
        assert_eq!(json.get("description_error"), None);
        assert_eq!(json["video_time_s"], 0.5);
    }

    #[test]
    fn what_cannot_be_opened_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "").expect("writes");
        let error = EventLog::open(&file.join("events.jsonl"))
            .err()
            .expect("refused");
        assert!(error.to_string().contains("cannot create the folder"));
        let error = EventLog::open(folder.path()).err().expect("refused");
        assert!(error.to_string().contains("cannot open the event log"));
    }
}
