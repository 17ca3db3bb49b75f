//! The log: reading it, repairing it, going on with it.

use std::fs;
use std::path::Path;

use tachograph::{
    LogError, LogFile, LogOptions, MetricsCollector, MetricsSnapshot, Recovery, VirtualTime,
    read_lines,
};

use super::{NoProbe, assert_one_line};

/// What parts the log, what is torn off behind our back, and the rotated log.
const SEPARATOR: &[u8] = b"\xff\xff";
/// How every line of ours begins.
const LINE_START: &[u8] = b"{\"timestamp\":";
/// Lines that are appended.
const APPENDED: u32 = 3;

/// Whatever a log holds: reading gives every snapshot in it and counts the rest; opening it refuses what is none and leaves it as it is,
/// or changes nothing before the last newline; and everything readable before stays readable, with the lines that are appended behind it.
///
/// # Panics
/// It is not so.
pub fn log(bytes: &[u8]) {
    let (sizes, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let mut parts = split(bytes);
    let (content, torn, rotated) = (parts.next(), parts.next(), parts.next());
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let mut options = LogOptions::new(folder.path().join("metrics.json"));
    options.rotate_bytes = [0, 20, 100, 64 << 20][usize::from(sizes % 4)];
    options.rotate_files = 100;
    let case = Case {
        options,
        content: content.unwrap_or_default(),
        torn: torn.unwrap_or_default(),
        rotated: rotated.unwrap_or_default(),
    };
    case.check();
}

fn split(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let mut places = bytes.windows(SEPARATOR.len());
        let end = places.position(|window| window == SEPARATOR);
        let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        bytes = rest.get(SEPARATOR.len()..).unwrap_or_default();
        Some(part)
    })
}

struct Case<'a> {
    options: LogOptions,
    content: &'a [u8],
    /// What somebody else appends between two of our lines.
    torn: &'a [u8],
    rotated: &'a [u8],
}

impl Case<'_> {
    fn check(&self) {
        self.write("", self.content);
        if !self.rotated.is_empty() {
            self.write(".1", self.rotated);
        }
        let before = self.readable();
        self.assert_reads(&before);
        match LogFile::open(self.options.clone()) {
            Err(error) => self.refused(&error),
            Ok((log, recovery)) => {
                self.recovered(&recovery);
                self.goes_on(log, before);
                self.starts_a_collector();
            }
        }
    }

    fn path(&self) -> &Path {
        &self.options.path
    }

    fn write(&self, suffix: &str, bytes: &[u8]) {
        let name = format!("{}{suffix}", self.path().display());
        fs::write(name, bytes).expect("a file in a fresh folder");
    }

    fn on_disk(&self) -> Vec<u8> {
        fs::read(self.path()).expect("the log is there")
    }

    /// Everything behind the last newline, and everything before.
    fn tail(&self) -> (&[u8], &[u8]) {
        let end = self.content.iter().rposition(|&byte| byte == b'\n');
        self.content.split_at(end.map_or(0, |end| end + 1))
    }

    /// All that can be read, oldest first.
    fn readable(&self) -> Vec<MetricsSnapshot> {
        [self.rotated, self.content]
            .into_iter()
            .flat_map(lines)
            .flatten()
            .collect()
    }

    /// Reading gives exactly these, and one error for each other line.
    fn assert_reads(&self, expected: &[MetricsSnapshot]) {
        let (mut read, mut errors) = (Vec::new(), 0);
        for line in read_lines(self.path()) {
            match line {
                Ok(snapshot) => read.push(snapshot),
                Err(error) => {
                    assert_one_line(&error.reason);
                    errors += 1;
                }
            }
        }
        assert!(
            read == expected,
            "{} lines, not {}",
            read.len(),
            expected.len()
        );
        let all = [self.rotated, self.content].into_iter().flat_map(lines);
        assert_eq!(errors, all.filter(Option::is_none).count());
    }

    fn refused(&self, error: &LogError) {
        assert!(matches!(error, LogError::NotALog { .. }), "{error}");
        assert_one_line(&error.to_string());
        assert!(self.on_disk() == self.content, "a refused file was changed");
        assert_eq!(
            lines(self.content).flatten().count(),
            0,
            "it has a readable line"
        );
        assert!(
            lines(self.content).count() > 0,
            "nothing in there is foreign"
        );
    }

    fn recovered(&self, recovery: &Recovery) {
        let (complete, tail) = self.tail();
        let now = self.on_disk();
        let kept = now
            .strip_prefix(complete)
            .expect("complete lines are left as they are");
        let ours = tail.starts_with(LINE_START) || LINE_START.starts_with(tail);
        if kept.is_empty() {
            let zeros = tail.iter().all(|&byte| byte == 0);
            assert!(ours || zeros, "cut off: {tail:?}");
            assert_eq!(lines(tail).flatten().count(), 0, "a whole line was cut off");
        } else {
            assert_eq!(kept, [tail, b"\n"].concat(), "closed with a newline");
        }
        let torn = (!tail.is_empty()).then_some(tail.len() as u64);
        assert_eq!(recovery.repaired, torn);
        let foreign = lines(complete).count() > 0 && lines(self.content).flatten().count() == 0;
        assert!(!foreign, "something foreign was taken for a log");
        let newest = lines(self.content).flatten().last();
        let newest = newest.or_else(|| lines(self.rotated).flatten().last());
        assert_eq!(recovery.last.as_deref(), newest.as_ref());
    }

    /// Lines that are appended come behind what was there, also if somebody tears the file in between.
    fn goes_on(&self, mut log: LogFile, mut expected: Vec<MetricsSnapshot>) {
        for number in 1..=APPENDED {
            if number == 2 {
                self.tear();
                expected.extend(lines(self.torn).flatten());
            }
            let snapshot = MetricsSnapshot {
                timestamp: number.into(),
                ..MetricsSnapshot::default()
            };
            log.append(serde_json::to_string(&snapshot).expect("plain data"))
                .expect("the disk works");
            expected.push(snapshot);
        }
        assert_eq!((log.errors(), log.held()), (0, 0));
        let read: Vec<_> = read_lines(self.path()).filter_map(Result::ok).collect();
        assert!(
            read == expected,
            "{} lines, not {}",
            read.len(),
            expected.len()
        );
        drop(log);
        let whole = self.on_disk();
        let (_log, again) = LogFile::open(self.options.clone()).expect("it was one before");
        assert_eq!(again.repaired, None, "a repaired log needs no repair");
        assert!(
            self.on_disk() == whole,
            "opening a whole log changes nothing"
        );
    }

    fn tear(&self) {
        let mut whole = self.on_disk();
        whole.extend_from_slice(self.torn);
        self.write("", &whole);
    }

    /// What the newest line says is carried over, whatever it says.
    fn starts_a_collector(&self) {
        let time = VirtualTime::new();
        let builder = MetricsCollector::builder().window(4).log_path(self.path());
        let collector = builder
            .quiet()
            .time_source(time.clone())
            .probe(NoProbe)
            .build();
        let collector = collector.expect("it was a log before");
        time.advance(std::time::Duration::from_secs(5));
        collector.log_metrics().expect("the disk works");
        let last = read_lines(self.path()).last().expect("a line was written");
        let last = last.expect("the line of a collector can be read");
        assert!(
            last.system_availability
                .is_some_and(|percent| (0.0..=100.0).contains(&percent))
        );
        collector.status_table();
    }
}

/// The lines of a file that are not blank; `None` for one that is not a snapshot.
fn lines(bytes: &[u8]) -> impl Iterator<Item = Option<MetricsSnapshot>> {
    let all = bytes.split(|&byte| byte == b'\n');
    all.filter(|line| !line.trim_ascii().is_empty())
        .map(|line| {
            let snapshot: MetricsSnapshot = serde_json::from_slice(line.trim_ascii()).ok()?;
            // Before 1970 the clock was wrong, but it is a line.
            (snapshot.timestamp != 0.0).then_some(snapshot)
        })
}
