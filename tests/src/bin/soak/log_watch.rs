//! Follows the log while it is written and rotated: no line is missing, none is there twice.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use tachograph::{MetricsSnapshot, read_lines};

/// Tries to read a log that is rotated at the same moment.
const TRIES: u32 = 5;

/// How far the log was followed.
#[derive(Debug)]
pub(crate) struct LogWatch {
    path: PathBuf,
    /// Lines seen.
    pub(crate) lines: u64,
    /// [`MetricsSnapshot::sequence`] of the newest line.
    sequence: Option<u64>,
    /// [`MetricsSnapshot::samples_counted`] of the newest line.
    counted: u64,
    pub(crate) fault: Option<String>,
}

impl LogWatch {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            lines: 0,
            sequence: None,
            counted: 0,
            fault: None,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes in the lines that came since the last call; the first fault stays.
    pub(crate) fn follow(&mut self) {
        if self.fault.is_none() {
            self.fault = self.take_in().err();
        }
    }

    fn take_in(&mut self) -> Result<(), String> {
        for line in self.lines_in_order()? {
            if self.sequence.is_some_and(|last| line.sequence <= last) {
                continue;
            }
            // Every sample that went into the histograms is in the interval of exactly one line.
            let in_line = samples_in(&line)?;
            let gained = line.samples_counted - self.counted;
            if in_line != gained {
                return Err(format!(
                    "log line {} has {in_line} samples and not {gained}: a line before it is missing, or samples are there twice",
                    line.sequence
                ));
            }
            self.sequence = Some(line.sequence);
            self.counted = line.samples_counted;
            self.lines += 1;
        }
        Ok(())
    }

    /// All lines that are kept, each newer than the one before. A rotation in the middle of reading is no fault.
    fn lines_in_order(&self) -> Result<Vec<MetricsSnapshot>, String> {
        let mut fault = String::new();
        for _ in 0..TRIES {
            match read_lines(&self.path).collect::<Result<Vec<_>, _>>() {
                Ok(lines) if lines.is_sorted_by(|a, b| a.sequence < b.sequence) => {
                    return Ok(lines);
                }
                Ok(_) => "log lines are out of order or there twice".clone_into(&mut fault),
                Err(error) => fault = error.reason,
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(fault)
    }
}

/// Samples in a line's interval histograms.
fn samples_in(line: &MetricsSnapshot) -> Result<u64, String> {
    let mut samples = 0;
    for (name, text) in &line.histograms {
        let bytes = STANDARD
            .decode(text)
            .map_err(|error| format!("{name}: {error}"))?;
        let histogram: Histogram<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| format!("{name}: {error}"))?;
        samples += histogram.len();
    }
    Ok(samples)
}
