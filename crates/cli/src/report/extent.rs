//! How long a log is in time, from its ends: known before it is read, so that its buckets can be.

use serde::Deserialize;
use tachograph::{RawLine, raw_lines};

use super::timeline::{is_time, width};
use crate::lines::Reading;

/// As much of a line as is needed.
#[derive(Deserialize)]
struct Stamp {
    timestamp: f64,
}

/// The width of the buckets for what is to be read, in seconds.
pub(super) fn bucket_width(reading: Reading<'_>) -> f64 {
    let mut first: Vec<RawLine> = Vec::new();
    let mut last: [Option<RawLine>; 3] = [None, None, None];
    for line in raw_lines(reading.path).filter_map(Result::ok) {
        if first.len() < 2 {
            first.push(line.clone());
        }
        last.rotate_left(1);
        if let Some(newest) = last.last_mut() {
            *newest = Some(line);
        }
    }
    let first: Vec<f64> = first.iter().filter_map(timestamp).collect();
    let last: Vec<f64> = last.iter().flatten().filter_map(timestamp).collect();
    let (Some(begin), Some(end)) = (first.first(), last.last()) else {
        return width(0.0, 0.0);
    };
    let asked = reading
        .last
        .map_or(f64::INFINITY, |last| last.as_secs_f64());
    // A run's last line may come soon after the one before, so the longest of some is typical.
    let intervals = first.windows(2).chain(last.windows(2));
    let intervals = intervals.filter_map(|pair| match pair {
        [before, after] => Some(after - before),
        _ => None,
    });
    let interval = intervals.fold(0.0, f64::max).min(3600.0);
    width((end - begin).clamp(0.0, asked), interval)
}

fn timestamp(line: &RawLine) -> Option<f64> {
    let stamp: Stamp = serde_json::from_slice(&line.bytes).ok()?;
    Some(stamp.timestamp).filter(|seconds| is_time(*seconds))
}
