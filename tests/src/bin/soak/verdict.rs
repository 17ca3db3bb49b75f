//! What must not have grown, and what must add up.

use std::ops::Range;

use crate::gauge::Slice;
use crate::run::{LOG_INTERVAL, Soaked};

/// Growth of resident memory from the first third to the last, MiB, above which it is a leak: the allocator's own drift stays under
/// half of it, and over an hour it is less than a byte in a million samples.
const MEMORY_MIB: f64 = 2.0;
/// Growth of the median cost of a frame from the first third to the last. A neighbour on the same machine changes it by some tenths.
const P50_RATIO: f64 = 1.5;
/// The same of the 99.9th percentile, of which each second has only its slowest eight frames or so: interrupts and preemption decide
/// about it, and with them the machine's other load.
const P999_RATIO: f64 = 2.0;
/// A difference below is the clock and the cache, nanoseconds.
const NOISE: f64 = 300.0;

/// Start, middle and end of a run, without the warm-up: the first tenth, three seconds at least and a minute at most.
pub(crate) fn thirds(slices: &[Slice]) -> [&[Slice]; 3] {
    let warm_up = (slices.len() / 10).clamp(3, 60).min(slices.len());
    let rest = &slices[warm_up..];
    let at = |third: usize| rest.len() * third / 3;
    let part = |range: Range<usize>| &rest[range];
    [part(0..at(1)), part(at(1)..at(2)), part(at(2)..rest.len())]
}

/// The middle of some values; 0 of none.
pub(crate) fn median(slices: &[Slice], of: impl Fn(&Slice) -> f64) -> f64 {
    let mut values: Vec<f64> = slices.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The least of some values: files that are open for a moment are not in it, files that stay open are.
pub(crate) fn least(slices: &[Slice], of: impl Fn(&Slice) -> Option<usize>) -> Option<usize> {
    slices.iter().filter_map(of).min()
}

/// All that is wrong, a sentence each; empty if nothing is.
pub(crate) fn faults(soaked: &Soaked) -> Vec<String> {
    let mut faults = Vec::new();
    if soaked.slices.len() < 9 {
        faults.push("The run was too short to compare its start and its end.".to_owned());
    }
    growth(&soaked.slices, &mut faults);
    cost(&soaked.slices, &mut faults);
    totals(soaked, &mut faults);
    log(soaked, &mut faults);
    let seen = soaked.readers.iter().filter_map(|seen| seen.fault.as_ref());
    faults.extend(seen.map(|fault| format!("A reader saw what cannot be: {fault}.")));
    faults
}

fn growth(slices: &[Slice], faults: &mut Vec<String>) {
    let [start, _, end] = thirds(slices);
    let [before, after] = [start, end].map(|third| median(third, |slice| slice.resident_mib));
    if after - before > MEMORY_MIB {
        faults.push(format!(
            "Resident memory grew from {before:.2} to {after:.2} MiB."
        ));
    }
    let mut compare = |what: &str, of: fn(&Slice) -> Option<usize>| {
        if let (Some(before), Some(after)) = (least(start, of), least(end, of))
            && after > before
        {
            faults.push(format!("{what} grew from {before} to {after}."));
        }
    };
    compare("Open files", |slice| slice.handles);
    compare("Threads", |slice| slice.threads);
}

fn cost(slices: &[Slice], faults: &mut Vec<String>) {
    let [start, _, end] = thirds(slices);
    let mut compare = |what: &str, ratio: f64, of: fn(&Slice) -> u64| {
        let [before, after] = [start, end].map(|third| median(third, |slice| of(slice) as f64));
        if after > before * ratio + NOISE {
            faults.push(format!(
                "The {what} of a frame's recording grew from {before:.0} to {after:.0} ns."
            ));
        }
    };
    compare("median", P50_RATIO, |slice| slice.p50);
    compare("99.9th percentile", P999_RATIO, |slice| slice.p999);
}

fn totals(soaked: &Soaked, faults: &mut Vec<String>) {
    let (last, truth) = (&soaked.last, &soaked.truth);
    let [idle, motion, suppressed, event, failed] = truth.outcomes;
    let counted = [
        ("frames", last.frames_processed, truth.frames()),
        ("idle frames", last.frames_idle, idle),
        ("frames with motion alone", last.frames_motion, motion),
        ("suppressed events", last.events_suppressed, suppressed),
        ("events", last.events_created, event),
        ("failed frames", last.frames_failed, failed),
        (
            "frames with motion",
            last.motion_detected,
            truth.frames() - idle,
        ),
        (
            "packets",
            last.custom.counters.get("packets").copied().unwrap_or(0),
            truth.packets,
        ),
        ("samples", last.samples_recorded, 4 * truth.frames() + event),
        ("samples not yet read", last.samples_pending, 0),
        ("rejected samples", last.samples_rejected, 0),
        ("log errors", last.log_errors, 0),
    ];
    for (what, found, expected) in counted {
        if found != expected {
            faults.push(format!("There are {found} {what}, and not {expected}."));
        }
    }
    if let Err(fault) = tachograph_tests::check_snapshot(last, 1000) {
        faults.push(format!("In the last snapshot {fault}."));
    }
}

fn log(soaked: &Soaked, faults: &mut Vec<String>) {
    if let Some(fault) = &soaked.log.fault {
        faults.push(format!("The log: {fault}."));
    }
    let (lines, due) = (soaked.log.lines as f64, lines_due(soaked));
    // The grid may be missed once, and a line comes with the end.
    if lines + 1.0 + due / 100.0 < due || lines > due + 2.0 {
        faults.push(format!("The log has {lines} lines, and {due:.0} are due."));
    }
}

pub(crate) fn lines_due(soaked: &Soaked) -> f64 {
    soaked.length.as_secs_f64() / LOG_INTERVAL.as_secs_f64()
}
