//! loom models of the sample ring and the counters: every interleaving of a writer and a reader.
//!
//! loom remembers one last access per atomic, so a writer that reads back its own atomic hides interleavings; every model
//! therefore asserts a floor on how many it explored. Run with `ci/loom.sh`.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::sync::Arc;
use crate::{Cursor, Registry, RegistryOptions, SampleRing, SchemaBuilder, metrics};

/// Runs the model and asserts that at least `floor` interleavings were explored.
fn explore(floor: usize, model: impl Fn() + Send + Sync + 'static) {
    let explored = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&explored);
    loom::model(move || {
        count.fetch_add(1, Relaxed);
        model();
    });
    let explored = explored.load(Relaxed);
    println!("{explored} interleavings");
    assert!(
        explored >= floor,
        "only {explored} of at least {floor} interleavings were explored"
    );
}

#[test]
fn a_reader_never_sees_a_torn_sample() {
    explore(400, || {
        let (ring, writer) = SampleRing::new(2);
        let thread = loom::thread::spawn(move || (1..=3).for_each(|n| writer.push(n, n)));
        let mut cursor = Cursor::default();
        let mut seen = Vec::new();
        let mut overwritten = ring.read(&mut cursor, 0, &mut seen);
        thread.join().unwrap();
        overwritten += ring.read(&mut cursor, 0, &mut seen);
        for sample in &seen {
            assert_eq!(
                (sample.end, sample.ticks),
                (sample.index + 1, sample.index + 1)
            );
        }
        assert_eq!(seen.len() as u64 + overwritten, 3);
        assert_eq!((cursor.count(), cursor.sum()), (3, 6));
    });
}

#[test]
fn of_two_counters_raised_in_order_the_second_is_never_ahead() {
    explore(15, || {
        let options = RegistryOptions {
            window: 1,
            frames: 1,
            clock: crate::Clock::manual().0,
        };
        let registry = Registry::new(SchemaBuilder::new().build(), options);
        let recorder = registry.recorder();
        let mut lanes = Vec::new();
        registry.lanes(&mut lanes);
        let thread = loom::thread::spawn(move || {
            recorder.increment(metrics::FRAMES_PROCESSED);
            recorder.increment(metrics::MOTION_DETECTED);
            recorder
        });
        let motion = lanes[0].counter(metrics::MOTION_DETECTED);
        let frames = lanes[0].counter(metrics::FRAMES_PROCESSED);
        assert!(motion <= frames, "motion {motion}, frames {frames}");
        thread.join().unwrap();
    });
}
