//! Lines with numbers, and what must be found of them in a log whose writer was killed.
//!
//! A line is known to the byte by its number, so that a missing, doubled, torn, glued or mixed-up one cannot pass for another.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Random;

/// The newest snapshot is replaced before each line whose number this divides, as it costs a write to the disk.
pub const NEWEST_EVERY: u64 = 4;

/// Line `number` of a test's log: a snapshot of 60 bytes to 256 KiB, without its newline.
///
/// Most are many pages long: the kernel looks for a fatal signal between two pages, and only there can `kill -9` tear a write.
pub fn numbered_line(number: u64) -> String {
    let mut random = Random::new(number);
    let length = match random.below(4) {
        0 => 1 + random.below(2000),
        _ => random.below(256 << 10),
    };
    let letter = ["a", "b", "c", "d", "e", "f", "g"][usize::try_from(number % 7).unwrap_or(0)];
    let text = letter.repeat(usize::try_from(length).unwrap_or(0));
    format!("{{\"timestamp\":1.5,\"sequence\":{number},\"time\":\"{text}\"}}")
}

/// The number of a line, if it is one of [`numbered_line`]'s to the last byte.
pub fn number_of(line: &[u8]) -> Option<u64> {
    let digits = line.strip_prefix(b"{\"timestamp\":1.5,\"sequence\":")?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    let number = std::str::from_utf8(&digits[..end]).ok()?.parse().ok()?;
    (numbered_line(number).as_bytes() == line).then_some(number)
}

/// A log as its files are, before anybody repairs them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// The oldest line that is there, and the newest; `None` without lines. All between them are there once, in order.
    pub lines: Option<(u64, u64)>,
    /// Bytes of the beginning of the next line at the end, if it was torn.
    pub torn: Option<u64>,
    /// Whether only the newline of the newest line is missing; it then counts in `lines`, and `torn` has its length.
    pub lacks_newline: bool,
    /// Rotated files.
    pub rotated: usize,
    /// Whether a rotation was under way: a gap in the numbers of the files, or no current file, or an empty one.
    pub rotating: bool,
}

impl Scan {
    /// The newest line, 0 without one.
    pub fn newest(&self) -> u64 {
        self.lines.map_or(0, |(_, newest)| newest)
    }
}

/// Reads all files of the log at `path`, rotated ones first.
///
/// # Errors
/// In one sentence, the first line that is not what must stand there.
pub fn scan(path: &Path) -> Result<Scan, String> {
    let rotated = rotated_files(path).map_err(|error| error.to_string())?;
    let mut found = Scan {
        rotated: rotated.len(),
        ..Scan::default()
    };
    let highest = rotated.first().map_or(0, |(number, _)| *number);
    for (_, file) in &rotated {
        let rest = found.add_file(file)?;
        if !rest.is_empty() {
            return Err(format!("{} ends in a torn line", file.display()));
        }
    }
    found.rotating = highest != rotated.len();
    if !path.exists() {
        found.rotating |= highest > 0;
        return Ok(found);
    }
    let rest = found.add_file(path)?;
    found.rotating |= highest > 0 && fs::metadata(path).is_ok_and(|it| it.len() == 0);
    found.add_torn(&rest)?;
    Ok(found)
}

impl Scan {
    /// Adds the complete lines of a file; returns what stands after the last newline.
    fn add_file(&mut self, file: &Path) -> Result<Vec<u8>, String> {
        let bytes = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let mut rest = &bytes[..];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            self.add_line(line)
                .map_err(|problem| format!("{}: {problem}", file.display()))?;
            rest = &after[1..];
        }
        Ok(rest.to_vec())
    }

    fn add_line(&mut self, line: &[u8]) -> Result<(), String> {
        let newest = self.newest();
        let Some(number) = number_of(line) else {
            let begin = String::from_utf8_lossy(&line[..line.len().min(60)]).into_owned();
            let length = line.len();
            return Err(format!(
                "after line {newest} come {length} bytes that are no line: {begin}"
            ));
        };
        match &mut self.lines {
            None => self.lines = Some((number, number)),
            Some((_, newest)) if number == *newest + 1 => *newest = number,
            Some(_) => return Err(format!("line {number} follows line {newest}")),
        }
        Ok(())
    }

    fn add_torn(&mut self, rest: &[u8]) -> Result<(), String> {
        if rest.is_empty() {
            return Ok(());
        }
        self.torn = Some(rest.len() as u64);
        if number_of(rest).is_some() {
            self.lacks_newline = true;
            return self.add_line(rest);
        }
        let next = self.newest() + 1;
        if self.lines.is_some() && !numbered_line(next).as_bytes().starts_with(rest) {
            return Err(format!("the torn end is not the beginning of line {next}"));
        }
        Ok(())
    }
}

/// The rotated files of a log with their numbers, oldest first.
fn rotated_files(path: &Path) -> io::Result<Vec<(usize, PathBuf)>> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(Vec::new());
    };
    let prefix = format!("{}.", name.to_string_lossy());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(number) = name.strip_prefix(&prefix).and_then(|it| it.parse().ok()) {
            found.push((number, entry.path()));
        }
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in files with these contents, the current one last.
    fn scan_files(files: &[String]) -> Result<Scan, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.json");
        let (current, rotated) = files.split_last().unwrap();
        for (age, content) in rotated.iter().rev().enumerate() {
            let file = folder.path().join(format!("metrics.json.{}", age + 1));
            fs::write(file, content).unwrap();
        }
        fs::write(&path, current).unwrap();
        scan(&path)
    }

    fn lines(numbers: &[u64]) -> String {
        let line = |number: &u64| numbered_line(*number) + "\n";
        numbers.iter().map(line).collect()
    }

    #[test]
    fn what_is_right_passes() {
        let torn = &numbered_line(6)[..30];
        let found = scan_files(&[lines(&[2, 3]), lines(&[4]), lines(&[5]) + torn]).unwrap();
        assert_eq!((found.lines, found.torn), (Some((2, 5)), Some(30)));
        assert_eq!((found.rotated, found.rotating), (2, false));
        let found = scan_files(&[lines(&[1]) + numbered_line(2).as_str()]).unwrap();
        assert_eq!((found.newest(), found.lacks_newline), (2, true));
        assert!(scan_files(&[lines(&[1]), String::new()]).unwrap().rotating);
    }

    #[test]
    fn every_kind_of_damage_is_found() {
        let glued = format!("{}{}", &numbered_line(2)[..50], lines(&[3]));
        let damaged = [
            (vec![lines(&[1, 2, 4])], "line 4 follows line 2"),
            (vec![lines(&[1, 2, 2])], "line 2 follows line 2"),
            (vec![lines(&[3]), lines(&[1, 2])], "line 1 follows line 3"),
            (vec![lines(&[1]) + &glued], "bytes that are no line"),
            (vec![lines(&[1]) + "\n"], "0 bytes that are no line"),
            (vec![lines(&[1]) + "{\"x"], "not the beginning of line 2"),
            (vec![lines(&[1]) + "{", lines(&[2])], "ends in a torn line"),
            (
                vec![lines(&[1]).replace("time", "tine")],
                "bytes that are no line",
            ),
        ];
        for (files, expected) in damaged {
            let problem = scan_files(&files).unwrap_err();
            assert!(problem.contains(expected), "{problem}, not {expected}");
        }
    }
}
