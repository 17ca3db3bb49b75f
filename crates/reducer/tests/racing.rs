//! Recorders that come and go, a reducer and readers, all at once: small enough for Miri, which runs it with many seeds.
#![cfg(not(tachograph_loom))]

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use tachograph_hotpath::{
    Clock, Outcome, Recorder, Registry, RegistryOptions, SchemaBuilder, Stamp, metrics,
};
use tachograph_reducer::{MetricsSnapshot, Reducer, SnapshotReader};

const THREADS: usize = 2;
/// Recorders that each thread takes one after the other.
const OWNERS: u64 = if cfg!(miri) { 2 } else { 300 };
/// Frames that each of them records.
const FRAMES: u64 = if cfg!(miri) { 3 } else { 100 };
const WINDOW: usize = 4;

/// One frame with everything that can be recorded; its inference lasts `ticks`.
fn frame(recorder: &Recorder, ticks: u64) {
    let mut frame = recorder.frame();
    frame.stage(metrics::LLM_INFERENCE);
    frame.motion();
    let end = Stamp::from_ticks(ticks);
    recorder.record_between(metrics::COREML_INFERENCE, Stamp::from_ticks(0), end);
    frame.finish(Outcome::Event);
    recorder.increment(metrics::FRAMES_PROCESSED);
    recorder.increment(metrics::MOTION_DETECTED);
}

fn assert_sound(snapshot: &MetricsSnapshot) {
    assert!(
        snapshot.motion_detected <= snapshot.frames_processed,
        "{snapshot:?}"
    );
    let accounted =
        snapshot.samples_counted + snapshot.samples_overwritten + snapshot.samples_pending;
    assert_eq!(snapshot.samples_recorded, accounted);
    let stats = snapshot.coreml_inference;
    assert!(stats.min <= stats.p50 && stats.p50 <= stats.p95 && stats.p95 <= stats.max);
}

/// Looks at snapshots in both ways until `running` ends; how many different ones it saw.
fn watch(reader: &SnapshotReader, running: &AtomicBool) -> u64 {
    let mut cached = reader.cached();
    let (mut newest, mut seen) = (0, 0);
    while running.load(Relaxed) {
        for sequence in [
            {
                let snapshot = reader.load();
                assert_sound(&snapshot);
                snapshot.sequence
            },
            cached.load().sequence,
        ] {
            assert!(sequence >= newest, "{sequence} after {newest}");
            seen += u64::from(sequence > newest);
            newest = sequence;
        }
        thread::yield_now();
    }
    seen
}

#[test]
fn recorders_come_and_go_while_it_is_reduced_and_read() {
    let (clock, time) = Clock::manual();
    let options = RegistryOptions {
        window: WINDOW,
        frames: 2,
        clock,
    };
    let registry = Registry::new(SchemaBuilder::new().build(), options);
    let mut reducer = Reducer::new(registry.clone());
    let reader = reducer.reader();
    let running = AtomicBool::new(true);
    let work = || {
        for _ in 0..OWNERS {
            let recorder = registry.recorder();
            (1..=FRAMES).for_each(|n| frame(&recorder, n));
        }
    };
    let seen = thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&reader, &running));
        let writers = [(); THREADS].map(|()| scope.spawn(work));
        while !writers.iter().all(thread::ScopedJoinHandle::is_finished) {
            time.advance(Duration::from_nanos(1));
            assert_sound(&reducer.reduce(registry.clock().now()));
            thread::yield_now();
        }
        for writer in writers {
            writer.join().unwrap();
        }
        while reader.load().sequence == 0 {
            reducer.reduce(registry.clock().now());
        }
        running.store(false, Relaxed);
        watcher.join().unwrap()
    });
    let snapshot = reducer.reduce(registry.clock().now());
    let frames = THREADS as u64 * OWNERS * FRAMES;
    assert_sound(&snapshot);
    assert_eq!(
        (snapshot.frames_processed, snapshot.motion_detected),
        (2 * frames, 2 * frames)
    );
    assert_eq!(snapshot.events_created, frames);
    assert_eq!(snapshot.samples_pending, 0);
    assert_eq!(
        snapshot.samples_recorded,
        4 * frames,
        "three timers each, and the frame"
    );
    let lifetime = snapshot.lifetime["coreml_inference"];
    let nanos = THREADS as u64 * OWNERS * (1..=FRAMES).sum::<u64>();
    assert_eq!(lifetime.count, frames);
    assert!((lifetime.sum_ms * 1e6 - nanos as f64).abs() < 1e-3);
    assert_eq!(snapshot.coreml_inference.count, WINDOW as u64);
    assert!(snapshot.in_flight.is_empty());
    if !cfg!(miri) {
        assert!(seen > 0, "the reader saw nothing new");
    }
}
