//! Conservation under stress: recorders come and go by the thousands, some by a panic, while the reducer is fast, slow, away for seconds
//! or not there at all. And a hundred million samples that nobody reads.
//!
//! In full in release, a tenth of it in debug; `TACHOGRAPH_STRESS_SCALE=0.01` makes it smaller still, as sanitizers want it.
//! `ci/stress.sh` runs it on all cores and on a single one.

mod books;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use allocation_counter::AllocationInfo;
use tachograph_hotpath::metrics::{self, COREML_INFERENCE};
use tachograph_hotpath::{
    Clock, Counter, Outcome, Registry, RegistryOptions, SchemaBuilder, Stamp,
};
use tachograph_reducer::{MetricsSnapshot, Reducer, SnapshotReader};
use tachograph_tests::{assert_same_statistics, check_order, check_snapshot, oracle};

use books::{BASE, Books, length};

const WINDOW: usize = 1000;
const WORKERS: u64 = 8;
/// Slots of a ring for that window, less the one in the writer's hands and the predecessor of the next.
const READABLE: u64 = 2046;

/// The share of the full size that is run.
fn scaled(full: u64) -> u64 {
    let scale = std::env::var("TACHOGRAPH_STRESS_SCALE").ok();
    let scale = scale.map_or(if cfg!(debug_assertions) { 0.1 } else { 1.0 }, |text| {
        text.parse().expect("TACHOGRAPH_STRESS_SCALE is a number")
    });
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let share = (full as f64 * scale) as u64;
    share.max(1)
}

/// One test at a time: they look at the memory of the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn resident_mib() -> f64 {
    let stats = memory_stats::memory_stats().expect("this system tells a process's memory");
    stats.physical_mem as f64 / f64::from(1 << 20)
}

/// Allows for what a sanitizer keeps of every address that is touched: `TACHOGRAPH_STRESS_MEMORY=10` for ten times the memory.
fn assert_flat(grown: f64, limit: f64) {
    let factor = std::env::var("TACHOGRAPH_STRESS_MEMORY").map_or(1.0, |text| {
        text.parse().expect("TACHOGRAPH_STRESS_MEMORY is a number")
    });
    assert!(grown < limit * factor, "memory grew by {grown} MiB");
}

/// A registry with the usual window and a counter of its own.
fn registry() -> (Registry, Counter) {
    let mut schema = SchemaBuilder::new();
    let beats = schema.counter("beats").expect("the name is good");
    let options = RegistryOptions {
        window: WINDOW,
        frames: 256,
        clock: Clock::new(),
    };
    (Registry::new(schema.build(), options), beats)
}

/// How the reducer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    Tight,
    Slow,
    Stalled,
    Absent,
}

fn assert_whole(snapshot: &MetricsSnapshot) {
    check_snapshot(snapshot, WINDOW as u64).unwrap_or_else(|fault| panic!("{fault}: {snapshot:?}"));
}

fn assert_later(before: &MetricsSnapshot, after: &MetricsSnapshot) {
    check_order(before, after)
        .unwrap_or_else(|fault| panic!("{fault}: {before:?}, then {after:?}"));
}

/// Lets the crowd go also when the reducer finds a fault: else the test would hang instead of saying so.
struct MayEnd<'b>(&'b Books);

impl Drop for MayEnd<'_> {
    fn drop(&mut self) {
        self.0.may_end.store(true, SeqCst);
    }
}

/// Reduces until the crowd has gone; returns how often.
fn reduce_along(reducer: &mut Reducer, registry: &Registry, books: &Books, pace: Pace) -> u64 {
    let _ending = MayEnd(books);
    let mut last = MetricsSnapshot::default();
    let mut reductions = 0;
    while books.running.load(SeqCst) && pace != Pace::Absent {
        let finished = books.finished.load(SeqCst);
        let snapshot = reducer.reduce(registry.clock().now());
        let begun = books.ends.load(SeqCst);
        assert_whole(&snapshot);
        assert_later(&last, &snapshot);
        let read = snapshot.lifetime["coreml_inference"].count;
        assert!(
            (finished..=begun).contains(&read),
            "{read} of {finished} to {begun}"
        );
        last = MetricsSnapshot::clone(&snapshot);
        reductions += 1;
        match pace {
            Pace::Slow => thread::sleep(Duration::from_millis(20)),
            // In the middle of the run, and once.
            Pace::Stalled if reductions == 100 => {
                thread::sleep(Duration::from_millis(scaled(2_000).max(200)));
                books.may_end.store(true, SeqCst);
            }
            _ => {}
        }
    }
    reductions
}

/// Reads what is published, as fast as it can.
fn watch(reader: &SnapshotReader, books: &Books) -> u64 {
    let (mut reads, mut last) = (0, reader.load_full());
    while books.running.load(SeqCst) {
        let snapshot = reader.load_full();
        if snapshot.sequence != last.sequence {
            assert_whole(&snapshot);
        }
        assert_later(&last, &snapshot);
        last = snapshot;
        reads += 1;
        thread::yield_now();
    }
    reads
}

/// Many lives at the reducer's pace, and the reckoning.
fn stress(pace: Pace, lives: u64) {
    let started = Instant::now();
    let (registry, beats) = registry();
    let mut reducer = Reducer::new(registry.clone());
    let reader = reducer.reader();
    let books = Books::new(beats, pace != Pace::Stalled);
    let each = lives.div_ceil(WORKERS);
    let (reductions, reads, grown) = thread::scope(|scope| {
        let reducing = scope.spawn(|| reduce_along(&mut reducer, &registry, &books, pace));
        let watching = scope.spawn(|| watch(&reader, &books));
        let (registry, books) = (&registry, &books);
        let workers: Vec<_> = (0..WORKERS)
            .map(|seed| scope.spawn(move || books::work(registry, books, each, seed)))
            .collect();
        while books.lives.load(SeqCst) < lives / 4 {
            thread::sleep(Duration::from_micros(200));
        }
        let warm = resident_mib();
        let worked: Vec<_> = workers.into_iter().map(ScopedJoinHandle::join).collect();
        let grown = resident_mib() - warm;
        books.running.store(false, SeqCst);
        assert!(worked.iter().all(Result::is_ok), "a worker failed");
        let reductions = reducing.join().expect("the reducer found no fault");
        (
            reductions,
            watching.join().expect("nor did the reader"),
            grown,
        )
    });
    let lanes = reckon(&mut reducer, &registry, &books, pace);
    println!(
        "{pace:?}: {} recorders, {} panics, {} samples on {lanes} lanes, {reductions} reductions, {reads} reads, \
         {} samples overwritten, memory grew by {grown:.2} MiB, {:.1?}",
        books.lives.load(SeqCst),
        books.panics.load(SeqCst),
        books.ends.load(SeqCst),
        reader.load().samples_overwritten,
        started.elapsed()
    );
    assert_flat(grown, 8.0);
}

/// Compares the last snapshot with what was really recorded; returns the number of lanes.
fn reckon(reducer: &mut Reducer, registry: &Registry, books: &Books, pace: Pace) -> usize {
    reducer.reduce(registry.clock().now());
    reducer.refresh_lifetime();
    let snapshot = reducer.reduce(registry.clock().now());
    assert_whole(&snapshot);
    books.assert_agree(&snapshot);
    let samples = books.ends.load(SeqCst);
    assert_newest(registry, &snapshot, samples);
    let in_histograms: u64 = snapshot.lifetime.values().map(|timer| timer.counted).sum();
    assert_eq!(in_histograms, snapshot.samples_counted);
    assert!(snapshot.in_flight.is_empty(), "{:?}", snapshot.in_flight);

    let mut lanes = Vec::new();
    registry.lanes(&mut lanes);
    let most = books.most_at_once.load(SeqCst);
    assert!(
        (1..=most).contains(&(lanes.len() as u64)),
        "{}",
        lanes.len()
    );
    let rings = lanes.iter().flat_map(|lane| lane.rings());
    assert!(rings.into_iter().all(|ring| ring.capacity() == 2048));
    if pace == Pace::Absent && samples > most * 3 * READABLE {
        let least = samples - lanes.len() as u64 * READABLE;
        assert!(snapshot.samples_overwritten >= least);
    }
    lanes.len()
}

/// The window has exactly the newest of `samples` with ends one after the other, and the lifetime all of them.
fn assert_newest(registry: &Registry, snapshot: &MetricsSnapshot, samples: u64) {
    let per_tick = registry.clock().nanos_per_tick();
    let ends = BASE..BASE + samples;
    let newest = ends
        .clone()
        .skip(usize::try_from(samples).unwrap().saturating_sub(WINDOW));
    let ticks: Vec<u64> = newest.map(length).collect();
    let mut expected = oracle(&ticks);
    for value in [
        &mut expected.avg,
        &mut expected.min,
        &mut expected.max,
        &mut expected.p50,
        &mut expected.p95,
        &mut expected.p99,
    ] {
        *value *= per_tick;
    }
    assert_same_statistics(&snapshot.coreml_inference, &expected, "the newest 1000");
    let span = (ticks.len() - 1) as f64 * per_tick / 1e9;
    assert!((snapshot.coreml_inference.span_s - span).abs() <= span * 1e-9);
    let lifetime = snapshot.lifetime["coreml_inference"];
    let sum: u128 = ends.map(|end| u128::from(length(end))).sum();
    assert_eq!(lifetime.count, samples);
    let sum_ms = sum as f64 * per_tick / 1e6;
    assert!(
        (lifetime.sum_ms - sum_ms).abs() <= sum_ms * 1e-15,
        "the sum is exact"
    );
}

#[test]
fn a_crowd_with_a_reducer_in_a_tight_loop() {
    let _alone = alone();
    stress(Pace::Tight, scaled(100_000));
}

#[test]
fn a_crowd_with_a_reducer_every_twenty_milliseconds() {
    let _alone = alone();
    stress(Pace::Slow, scaled(100_000));
}

#[test]
fn a_crowd_with_a_reducer_that_stalls_for_seconds() {
    let _alone = alone();
    stress(Pace::Stalled, scaled(100_000));
}

#[test]
fn a_crowd_that_is_only_read_at_the_end() {
    let _alone = alone();
    stress(Pace::Absent, scaled(100_000));
}

/// Many equal ends, also where the window begins: the order is by end, then lane, then as recorded.
#[test]
fn equal_ends_are_in_the_order_of_their_lanes() {
    let _alone = alone();
    let ((registry, _), each) = (registry(), scaled(50_000).max(1_000));
    let mut reducer = Reducer::new(registry.clone());
    let running = AtomicBool::new(true);
    // Made one after the other: so the lanes are in this order.
    let recorders: Vec<_> = (0..4_u64).map(|lane| (lane, registry.recorder())).collect();
    let mut all: Vec<[u64; 4]> = thread::scope(|scope| {
        scope.spawn(|| {
            while running.load(SeqCst) {
                assert_whole(&reducer.reduce(registry.clock().now()));
            }
        });
        let work = recorders.into_iter().map(|(lane, recorder)| {
            scope.spawn(move || {
                let sample = |index| {
                    // 64 on each of the four lanes have the same end.
                    let (end, ticks) = (BASE + index / 64, length(4 * index + lane));
                    let stamps = [end - ticks, end].map(Stamp::from_ticks);
                    recorder.record_between(COREML_INFERENCE, stamps[0], stamps[1]);
                    [end, lane, index, ticks]
                };
                (0..each).map(sample).collect::<Vec<_>>()
            })
        });
        let work: Vec<_> = work.collect();
        let all = work.into_iter().flat_map(|lane| lane.join().unwrap());
        let all = all.collect();
        running.store(false, SeqCst);
        all
    });
    all.sort_unstable();
    let first = all.len() - WINDOW;
    assert_eq!(
        all[first][0],
        all[first - 1][0],
        "the window begins among equals"
    );
    let newest: Vec<u64> = all[first..].iter().map(|sample| sample[3]).collect();
    let found = reducer.reduce(registry.clock().now()).coreml_inference;
    let sum: u128 = newest.iter().map(|&ticks| u128::from(ticks)).sum();
    let avg = sum as f64 / 1e9 * registry.clock().nanos_per_tick();
    assert!(
        (found.avg - avg).abs() <= avg * 1e-12,
        "{} is not {avg}",
        found.avg
    );
}

#[test]
fn a_hundred_million_samples_that_nobody_reads() {
    let _alone = alone();
    let (registry, beats) = registry();
    let samples = scaled(100_000_000);
    let recorder = registry.recorder();
    let mut reducer = Reducer::new(registry.clone());
    let record = |end: u64| {
        let stamps = [end - length(end), end].map(Stamp::from_ticks);
        recorder.record_between(COREML_INFERENCE, stamps[0], stamps[1]);
        recorder.increment(beats);
        if end.is_multiple_of(100) {
            let mut frame = recorder.frame();
            frame.motion();
            frame.stage(metrics::LLM_INFERENCE);
            frame.finish(Outcome::Event);
        }
    };
    let before = resident_mib();
    let AllocationInfo { count_total, .. } =
        allocation_counter::measure(|| (BASE..BASE + samples).for_each(record));
    let grown = resident_mib() - before;
    assert_eq!(count_total, 0, "allocations");
    assert_flat(grown, 1.0);

    let frames = (BASE..BASE + samples)
        .filter(|end| end.is_multiple_of(100))
        .count() as u64;
    let snapshot = reducer.reduce(registry.clock().now());
    assert_whole(&snapshot);
    assert_newest(&registry, &snapshot, samples);
    assert_eq!(
        (snapshot.frames_processed, snapshot.events_created),
        (frames, frames)
    );
    assert_eq!(snapshot.custom.counters["beats"], samples);
    let unread = |count: u64| {
        if count > READABLE + 1 {
            count - READABLE
        } else {
            0
        }
    };
    assert_eq!(
        snapshot.samples_overwritten,
        unread(samples) + 3 * unread(frames)
    );
    println!("{samples} samples, {frames} frames: no allocation, memory grew by {grown:.2} MiB");
}

/// The twin of the memory checks: what stays is seen.
#[test]
fn memory_that_is_kept_is_seen() {
    let _alone = alone();
    let before = resident_mib();
    // Each larger than anything that was freed before and could be used again.
    let kept: Vec<Arc<[u64]>> = (0..64).map(|n| vec![n; 128 << 10].into()).collect();
    let grown = resident_mib() - before;
    assert!(grown > 32.0 && kept.len() == 64, "{grown} MiB of 64");
}
