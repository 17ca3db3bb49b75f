//! The end of a log: its last line, and whether a crash tore it.
//!
//! Read backwards in growing steps, so that opening a log of 64 MiB costs one read of 64 KiB as a rule.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde::de::IgnoredAny;
use tachograph_reducer::MetricsSnapshot;

/// How far back to look, in bytes, one step after the other. Nothing older than the last is ever read.
const STEPS: [u64; 3] = [64 << 10, 1 << 20, 16 << 20];
/// How every line begins, because `timestamp` is the first field.
const LINE_START: &[u8] = b"{\"timestamp\":";

/// What stands after the last newline of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Torn {
    /// Nothing: the file ends with a newline, or is empty.
    Nothing,
    /// A whole line that lacks just its newline.
    Whole,
    /// The beginning of one of our lines, or the zeros that some file systems leave after a power cut.
    Ours,
    /// Something else, which is not ours to delete.
    Foreign,
}

/// The end of a log.
#[derive(Debug)]
pub(super) struct Tail {
    /// What stands after the last newline.
    pub(super) torn: Torn,
    /// Where it begins: bytes from the start of the file.
    pub(super) torn_from: u64,
    /// The newest line that could be read; the torn one if it is [`Torn::Whole`].
    pub(super) last: Option<Box<MetricsSnapshot>>,
    /// Whether there is anything that is not ours, and nothing that is.
    pub(super) foreign: bool,
}

impl Tail {
    const EMPTY: Self = Self {
        torn: Torn::Nothing,
        torn_from: 0,
        last: None,
        foreign: false,
    };
}

/// A log line, whatever blanks surround it.
///
/// # Errors
/// Why it is none: not JSON, not an object, or without a timestamp, which every version has written.
pub(super) fn parse_line(line: &[u8]) -> Result<MetricsSnapshot, String> {
    let snapshot: MetricsSnapshot = serde_json::from_slice(line.trim_ascii())
        .map_err(|error| error.to_string().replace(" at line 1 column ", " at byte "))?;
    // Below 0 is before 1970: a wrong clock, but a line.
    if snapshot.timestamp == 0.0 {
        Err("it has no timestamp".to_owned())
    } else {
        Ok(snapshot)
    }
}

/// Looks at the end of a file of `len` bytes.
pub(super) fn inspect(file: &mut File, len: u64) -> io::Result<Tail> {
    let mut tail = Tail::EMPTY;
    for step in STEPS {
        let start = len.saturating_sub(step);
        let bytes = read_range(file, start, len - start)?;
        tail = look(&bytes, start);
        if start == 0 || tail.last.is_some() {
            break;
        }
    }
    Ok(tail)
}

/// Up to `len` bytes from `start` on.
pub(super) fn read_range(file: &mut File, start: u64, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.by_ref().take(len).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Looks at the last bytes of a file, which begin at `start`.
fn look(bytes: &[u8], start: u64) -> Tail {
    // A line whose beginning is out of sight tells nothing.
    let newline = |byte: &u8| *byte == b'\n';
    let hidden = match bytes.iter().position(newline) {
        Some(first) if start > 0 => first + 1,
        _ => 0,
    };
    let split = bytes.iter().rposition(newline).map_or(0, |last| last + 1);
    let fragment = &bytes[split..];
    let whole_in_sight = start == 0 || split > 0;
    let torn = classify(fragment, whole_in_sight);

    let complete = bytes.get(hidden..split).unwrap_or_default();
    let tail_line = (torn == Torn::Whole).then_some(fragment);
    let mut lines = tail_line
        .into_iter()
        .chain(complete.rsplit(newline))
        .filter(|line| !line.trim_ascii().is_empty())
        .peekable();
    let blank = fragment.trim_ascii().is_empty();
    let something = lines.peek().is_some() || (torn == Torn::Foreign && !blank);
    let last = lines.find_map(|line| parse_line(line).ok()).map(Box::new);
    Tail {
        torn,
        torn_from: start + split as u64,
        foreign: something && last.is_none(),
        last,
    }
}

fn classify(fragment: &[u8], whole_in_sight: bool) -> Torn {
    let begins_as_ours =
        fragment.starts_with(LINE_START) || (LINE_START.starts_with(fragment) && whole_in_sight);
    if fragment.is_empty() {
        Torn::Nothing
    } else if !whole_in_sight {
        Torn::Foreign
    } else if serde_json::from_slice::<IgnoredAny>(fragment.trim_ascii()).is_ok() {
        Torn::Whole
    } else if begins_as_ours || fragment.iter().all(|byte| *byte == 0) {
        Torn::Ours
    } else {
        Torn::Foreign
    }
}

/// Whether a file of `len` bytes ends in the middle of a line.
pub(super) fn is_torn(file: &mut File, len: u64) -> io::Result<bool> {
    if len == 0 {
        return Ok(false);
    }
    let last = read_range(file, len - 1, 1)?;
    Ok(last != b"\n")
}

/// Cuts a file back to `len` bytes. Does nothing if it is not longer than that.
///
/// On Windows a file opened for appending cannot be cut, so it is opened a second time.
pub(super) fn cut(file: &File, path: &Path, len: u64) -> io::Result<()> {
    if file.set_len(len).is_ok() {
        return Ok(());
    }
    let again = File::options().write(true).open(path)?;
    // Somebody may have put a shorter file in its place: never make one longer.
    if again.metadata()?.len() > len {
        again.set_len(len)?;
    }
    Ok(())
}
