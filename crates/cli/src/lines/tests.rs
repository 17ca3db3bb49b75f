use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer, V2Serializer};
use tachograph::MetricsSnapshot;
use tempfile::TempDir;

use super::histogram::empty;
use super::*;

fn snapshot(minute: u32) -> MetricsSnapshot {
    MetricsSnapshot {
        timestamp: 1e9 + f64::from(minute) * 60.0,
        sequence: u64::from(minute) * 600,
        uptime_seconds: f64::from(minute) * 60.0,
        observed_seconds: f64::from(minute) * 60.0,
        frames_processed: u64::from(minute) * 100,
        ..MetricsSnapshot::default()
    }
}

fn encoded(millis: impl IntoIterator<Item = u64>) -> String {
    let mut histogram = empty();
    for millis in millis {
        histogram.record(millis * 1_000_000).expect("in range");
    }
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(&histogram, &mut bytes)
        .expect("memory");
    STANDARD.encode(bytes)
}

fn log_of(texts: &[String]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("metrics.json");
    fs::write(&path, texts.concat()).expect("written");
    (folder, path)
}

fn text(snapshot: &MetricsSnapshot) -> String {
    format!("{}\n", serde_json::to_string(snapshot).expect("plain"))
}

fn all(path: &Path, last: Option<Duration>) -> (Vec<Line>, Span) {
    let mut lines = Vec::new();
    let span = read(Reading { path, last }, |chunk| {
        lines.extend_from_slice(chunk);
    });
    (lines, span.expect("a log"))
}

#[test]
fn runs_and_what_lines_cover() {
    let mut second_run = snapshot(1);
    second_run.timestamp = 1e9 + 500.0;
    second_run.observed_seconds = 500.0;
    // A run of which the sequence alone does not tell: it came to more than the one before.
    let mut third_run = snapshot(2);
    third_run.timestamp = 1e9 + 1000.0;
    third_run.observed_seconds = 1000.0;
    let lines = [snapshot(1), snapshot(2), second_run, third_run];
    let (_folder, path) = log_of(&lines.map(|line| text(&line)));
    let (lines, span) = all(&path, None);
    let runs: Vec<_> = lines
        .iter()
        .map(|line| (line.run, line.starts_run))
        .collect();
    assert_eq!(runs, [(0, true), (0, false), (1, true), (2, true)]);
    let seconds: Vec<_> = lines.iter().map(|line| line.interval_s).collect();
    assert_eq!(seconds, [60.0, 60.0, 60.0, 120.0].map(Some));
    let frames = |line: &Line| line.increase(|snapshot| Some(snapshot.frames_processed));
    let frames: Vec<_> = lines.iter().map(frames).collect();
    assert_eq!(frames, [100, 100, 100, 200].map(Some));
    assert_eq!((span.lines, span.runs, span.skipped), (4, 3, 0));
    assert_eq!(
        (span.covered_s, span.begins, span.ends),
        (300.0, 1e9, 1e9 + 1000.0)
    );
}

#[test]
fn a_first_line_whose_predecessors_are_gone_claims_nothing() {
    let mut first = snapshot(900);
    let stats = tachograph::LifetimeStats {
        counted: 3,
        ..Default::default()
    };
    first.lifetime.insert("decode".into(), stats);
    first.histograms.insert("decode".into(), encoded([1, 2]));
    let (_folder, path) = log_of(&[text(&first), text(&snapshot(901))]);
    let (lines, span) = all(&path, None);
    assert_eq!(lines[0].interval_s, None);
    assert_eq!(lines[0].increase(|it| Some(it.frames_processed)), None);
    assert_eq!(lines[1].increase(|it| Some(it.frames_processed)), Some(100));
    assert_eq!(span.covered_s.to_string(), "60");

    // Nothing is missing from it, so it is its run's first.
    first.histograms.insert("decode".into(), encoded([1, 2, 3]));
    let (_folder, path) = log_of(&[text(&first)]);
    let (lines, _) = all(&path, None);
    assert_eq!(lines[0].interval_s, Some(54_000.0));
}

#[test]
fn the_last_part_is_counted_from_the_newest_line() {
    let mut texts: Vec<_> = (1..=90).map(|minute| text(&snapshot(minute))).collect();
    // Written while the clock was a year ahead.
    let mut ahead = snapshot(85);
    ahead.timestamp += 3e7;
    texts[84] = text(&ahead);
    // Before the span nobody is told of, within it everybody.
    texts.insert(3, "garbage\n".to_owned());
    texts.insert(80, "{\"torn\n".to_owned());
    let (_folder, path) = log_of(&texts);
    let (lines, span) = all(&path, Some(Duration::from_hours(1)));
    assert_eq!((lines.len(), span.skipped), (59, 1));
    assert_eq!(lines[0].snapshot.sequence, 31 * 600);
    let increases = lines
        .iter()
        .map(|line| line.increase(|it| Some(it.frames_processed)));
    assert_eq!(increases.map(|it| it.expect("known")).sum::<u64>(), 6000);
    assert_eq!((span.covered_s, span.runs), (3600.0, 1));
    // More than there is.
    let (lines, _) = all(&path, Some(Duration::from_hours(1000)));
    assert_eq!(lines.len(), 89);
}

#[test]
fn histograms_of_rotated_files_add_up_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("metrics.json");
    for (name, minutes) in [("metrics.json.1", 1..=600), ("metrics.json", 601..=1300)] {
        let mut lines = String::new();
        for minute in minutes {
            let mut snapshot = snapshot(minute);
            let held = encoded([u64::from(minute)]);
            snapshot.histograms.insert("decode".into(), held);
            write!(lines, "{}", text(&snapshot)).expect("memory");
        }
        fs::write(folder.path().join(name), lines).expect("written");
    }
    let (mut merged, mut numbers) = (Merged::new(), Vec::new());
    let reading = Reading {
        path: &path,
        last: None,
    };
    let span = read(reading, |lines| {
        merged.add(lines);
        numbers.extend(lines.iter().map(|line| line.snapshot.sequence));
    });
    assert_eq!(span.expect("a log").lines, 1300);
    assert!(numbers.is_sorted());
    let decode = merged.get("decode").expect("there");
    assert_eq!(decode.count(), 1300);
    let histogram = decode.histogram().expect("samples");
    let (median, longest) = (
        millis(histogram.value_at_quantile(0.5)),
        millis(histogram.max()),
    );
    assert!((median - 650.0).abs() < 1.0, "{median}");
    assert!((longest - 1300.0).abs() < 2.0, "{longest}");
    assert_eq!(merged.bad.count(), 0);
}

#[test]
fn what_is_no_histogram_is_skipped_and_named() {
    let mut line = snapshot(1);
    line.histograms.insert("good".into(), encoded([5]));
    line.histograms.insert("bad".into(), "AAAA".to_owned());
    let (_folder, path) = log_of(&[text(&line), text(&line)]);
    let mut merged = Merged::new();
    read(
        Reading {
            path: &path,
            last: None,
        },
        |lines| merged.add(lines),
    )
    .expect("a log");
    let names: Vec<_> = merged
        .timers()
        .map(|(name, it)| (name, it.count()))
        .collect();
    assert_eq!(names, [("bad", 0), ("good", 2)]);
    let first = merged.bad.first().expect("one");
    assert!(
        first.contains("metrics.json line 1: the histogram of bad"),
        "{first}"
    );
    assert_eq!(merged.bad.count(), 2);
}

#[test]
fn no_text_makes_the_decoder_panic_or_take_much_memory() {
    let pack = |plain: &[u8]| {
        let mut bytes = [0x1c84_9314_u32.to_be_bytes(), [0; 4]].concat();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut zlib, plain).expect("memory");
        let stream = zlib.finish().expect("memory");
        bytes[4..].copy_from_slice(&u32::try_from(stream.len()).expect("small").to_be_bytes());
        bytes.extend(stream);
        STANDARD.encode(bytes)
    };
    let mut sound = Vec::new();
    let mut histogram = empty();
    histogram.record(5_000_000).expect("in range");
    V2Serializer::new()
        .serialize(&histogram, &mut sound)
        .expect("memory");
    let mut decoder = Decoder::new();
    assert_eq!(decoder.decode(&pack(&sound)).map(|it| it.len()), Ok(1));
    // Counts of 2^63, which have no negative.
    let mut huge = sound.clone();
    huge.truncate(40);
    huge.extend([0xff; 30]);
    huge[4..8].copy_from_slice(&30_u32.to_be_bytes());
    // A length of 4 GiB, five digits, and zeros without end.
    let mut long = sound.clone();
    long[4..8].fill(0xff);
    let mut fine = sound.clone();
    fine[15] = 5;
    for bad in [
        &huge,
        &long,
        &fine,
        &vec![0; 50 << 20],
        &sound[..20].to_vec(),
    ] {
        assert!(decoder.decode(&pack(bad)).is_err());
    }
    // Every byte of a sound one, changed.
    for (at, value) in (0..sound.len()).flat_map(|at| [0, 1, 0x7f, 0x80, 0xff].map(|it| (at, it))) {
        let mut changed = sound.clone();
        changed[at] = value;
        let mut sum = empty();
        let _ = decoder.add_to(&mut sum, &pack(&changed));
        let _ = (
            sum.mean(),
            sum.stdev(),
            sum.value_at_quantile(0.95),
            sum.max(),
        );
    }
    for bad in ["", "x", "====", "AAAAAAAAAAAAAAAA"] {
        assert!(decoder.decode(bad).is_err());
    }
}

#[test]
fn what_is_no_log_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("metrics.json");
    let refused = |path: &Path| {
        let result = read(Reading { path, last: None }, |_| {});
        result.expect_err("no log").to_string()
    };
    assert!(
        refused(&path).starts_with("no log at "),
        "{}",
        refused(&path)
    );
    let directory = refused(folder.path());
    assert!(directory.contains(" cannot be read: "), "{directory}");
    fs::write(&path, "hello\nworld\n").expect("written");
    assert!(
        refused(&path).contains("is not a metrics log: "),
        "{}",
        refused(&path)
    );
    assert!(refused(&path).contains("line 1"), "{}", refused(&path));
    fs::write(&path, "").expect("written");
    assert_eq!(all(&path, None).1.lines, 0);
    assert_eq!(all(&path, Some(Duration::from_secs(1))).1.lines, 0);
}
