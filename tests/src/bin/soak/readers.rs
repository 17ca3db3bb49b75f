//! Readers in tight loops, which check every snapshot they see.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use tachograph::{MetricsSnapshot, SnapshotReader};
use tachograph_tests::{check_order, check_snapshot};

/// Reads between two moments at which a reader lets others have its core.
const BURST: u64 = 10_000;

/// What a reader saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) reads: u64,
    pub(crate) snapshots: u64,
    pub(crate) fault: Option<String>,
}

/// Readers that may spin: one core is left to the rest.
pub(crate) fn spinning() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get) - 1
}

/// Reads until `running` is false or a fault is seen. The even ones load, the odd ones go through a cached pointer.
pub(crate) fn read(
    number: usize,
    reader: &SnapshotReader,
    window: u64,
    running: &AtomicBool,
) -> Seen {
    let mut seen = Seen::default();
    let mut last = MetricsSnapshot::default();
    let mut cached = reader.cached();
    while running.load(Relaxed) && seen.fault.is_none() {
        for _ in 0..BURST {
            if number.is_multiple_of(2) {
                look(&reader.load(), &mut last, &mut seen, window);
            } else {
                look(cached.load(), &mut last, &mut seen, window);
            }
        }
        if number < spinning() {
            thread::yield_now();
        } else {
            thread::sleep(Duration::from_millis(5));
        }
    }
    seen
}

/// A snapshot that was seen before is compared by its number and totals alone.
fn look(snapshot: &MetricsSnapshot, last: &mut MetricsSnapshot, seen: &mut Seen, window: u64) {
    seen.reads += 1;
    let known = snapshot.sequence == last.sequence;
    let same = snapshot.frames_processed == last.frames_processed
        && snapshot.samples_recorded == last.samples_recorded;
    if known && same {
        return;
    }
    let checked = check_snapshot(snapshot, window).and_then(|()| check_order(last, snapshot));
    seen.fault = checked.err().map(|fault| format!("{fault}: {snapshot:?}"));
    if known {
        seen.fault = Some(format!("a published snapshot changed: {snapshot:?}"));
    }
    seen.snapshots += 1;
    last.clone_from(snapshot);
}
