//! Where the newest lines of a file begin, looked for from its end.

use std::fs::File;
use std::io::{self, ErrorKind};

use super::lines::MAX_LINE;
use super::tail::{parse_line, read_range};

/// Bytes that are read at first, and in each further step unless a line is longer.
const STEP: u64 = 64 << 10;

/// Where the newest `count` snapshots of a file begin, in bytes, and how many there are: fewer if the file has fewer.
///
/// Of none, it is the end of the file's last whole line.
pub(super) fn newest(file: &mut File, count: usize) -> io::Result<(u64, usize)> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        // A pipe or a folder has no end to look at.
        return Err(ErrorKind::InvalidInput.into());
    }
    let mut search = Search {
        wanted: count,
        found: 0,
        at: metadata.len(),
        is_last: true,
    };
    let mut end = metadata.len();
    let mut step = STEP;
    // The end of a line whose beginning is not in sight.
    let mut rest = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(step);
        let mut bytes = read_range(file, start, end - start)?;
        bytes.append(&mut rest);
        end = start;
        let first_whole = match bytes.iter().position(|byte| *byte == b'\n') {
            _ if start == 0 => 0,
            Some(newline) => newline + 1,
            None => bytes.len(),
        };
        if search.is_over(bytes.get(first_whole..).unwrap_or_default()) {
            break;
        }
        step = if first_whole == bytes.len() {
            2 * step
        } else {
            STEP
        };
        bytes.truncate(first_whole);
        rest = bytes;
        if rest.len() as u64 > MAX_LINE {
            // Too long to be one of ours. Its end alone is no snapshot either, so that is all that has to be kept.
            let middle = rest.len() - 1;
            search.at -= middle as u64;
            rest.drain(..middle);
            step = STEP;
        }
    }
    Ok((search.at, search.found))
}

struct Search {
    wanted: usize,
    found: usize,
    /// Everything from here on has been looked at.
    at: u64,
    /// Whether nothing has been looked at yet.
    is_last: bool,
}

impl Search {
    /// Goes through whole lines that end where the last ones began, the last one first; whether there is no need for more.
    fn is_over(&mut self, lines: &[u8]) -> bool {
        for line in lines.split_inclusive(|byte| *byte == b'\n').rev() {
            let is_torn = self.is_last && line.last() != Some(&b'\n');
            if self.found == self.wanted && !is_torn {
                return true;
            }
            self.is_last = false;
            self.at -= line.len() as u64;
            if self.found < self.wanted && parse_line(line).is_ok() {
                self.found += 1;
            }
        }
        self.found == self.wanted && !self.is_last
    }
}
