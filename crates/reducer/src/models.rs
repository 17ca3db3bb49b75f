//! loom models of what the reducer does while the loop goes on and readers look: publication, and the ledger of a snapshot.
//!
//! Run them with `ci/loom.sh`; `ci/mutants.py` weakens what they prove and requires them to fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use loom::sync::atomic::{
    AtomicU64, AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed},
};
use loom::thread;
use tachograph_hotpath::exploration::explore;
use tachograph_hotpath::{Clock, Outcome, Registry, RegistryOptions, SchemaBuilder, metrics};

use crate::Reducer;
use crate::publish::{Current, Publisher};

/// Stands in for arc-swap: the same promise by a single atomic number, which is all of it that loom sees.
///
/// What the number stands for is kept under a lock that loom does not know of and that is never held while threads switch,
/// so that nothing but the number orders what a reader sees.
struct StandIn<T> {
    newest: AtomicUsize,
    values: Mutex<BTreeMap<usize, Arc<T>>>,
}

impl<T> StandIn<T> {
    fn new(first: T) -> Self {
        Self {
            newest: AtomicUsize::new(0),
            values: Mutex::new(BTreeMap::from([(0, Arc::new(first))])),
        }
    }

    fn values<R>(&self, with: impl FnOnce(&mut BTreeMap<usize, Arc<T>>) -> R) -> R {
        with(&mut self.values.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> Current<T> for StandIn<T> {
    type Guard = Box<Arc<T>>;

    fn load(&self) -> Self::Guard {
        loop {
            let newest = self.newest.load(Acquire); // P1
            if let Some(value) = self.values(|values| values.get(&newest).cloned()) {
                return Box::new(value);
            }
            thread::yield_now(); // It was replaced since.
        }
    }

    fn swap(&self, new: Arc<T>) -> Arc<T> {
        let next = self.values(|values| {
            let next = values.keys().max().map_or(0, |newest| newest + 1);
            values.insert(next, new);
            next
        });
        let replaced = self.newest.swap(next, AcqRel); // P1
        self.values(|values| values.remove(&replaced))
            .expect("one publisher, so it is there")
    }
}

/// A snapshot of two words that belong together. Relaxed, so that publication alone makes them seen.
#[derive(Debug, Default)]
struct Pair(AtomicU64, AtomicU64);

impl Pair {
    fn write(&self, n: u64) {
        self.0.store(n, Relaxed);
        self.1.store(3 * n, Relaxed);
    }

    /// The number; fails if half of it is of another write.
    fn read(&self) -> u64 {
        let (number, triple) = (self.0.load(Relaxed), self.1.load(Relaxed));
        assert_eq!(triple, 3 * number, "torn");
        number
    }
}

impl Clone for Pair {
    fn clone(&self) -> Self {
        unreachable!("only a value that somebody holds would be cloned, and those are not reused")
    }
}

#[test]
fn a_reader_sees_whole_snapshots_in_order() {
    explore(400, || {
        let mut publisher = Publisher::new(StandIn::new(Pair::default()));
        let current = Arc::clone(publisher.current());
        let reader = thread::spawn(move || {
            let first = current.load().read();
            let held = current.load();
            let second = held.read();
            let third = current.load().read();
            assert!(
                first <= second && second <= third,
                "{first}, {second}, {third}"
            );
            assert_eq!(held.read(), second, "a snapshot that is held never changes");
        });
        for n in 1..=3 {
            publisher.publish(|pair| pair.write(n));
        }
        reader.join().unwrap();
        assert_eq!(publisher.current().load().read(), 3);
    });
}

/// Of two counters that a loop raises in schema order no snapshot shows the second ahead, and no frame without its outcome.
#[test]
fn the_ledger_of_a_snapshot_balances() {
    explore(15_000, || {
        let options = RegistryOptions {
            window: 1,
            frames: 1,
            clock: Clock::manual().0,
        };
        let registry = Registry::new(SchemaBuilder::new().build(), options);
        let recorder = registry.recorder();
        let mut reducer = Reducer::new(registry.clone());
        let thread = thread::spawn(move || {
            recorder.increment(metrics::FRAMES_PROCESSED);
            recorder.increment(metrics::MOTION_DETECTED);
            let mut frame = recorder.frame();
            frame.motion();
            // Not an event, which records two samples: seven times as many interleavings, and none of another kind.
            frame.finish(Outcome::Motion);
        });
        let now = registry.clock().now();
        let during = reducer.reduce(now);
        assert!(
            during.motion_detected <= during.frames_processed,
            "{during:?}"
        );
        assert_eq!(
            during.samples_recorded,
            during.samples_counted + during.samples_overwritten + during.samples_pending
        );
        assert_eq!(during.frame_motion.count, during.samples_counted);
        thread.join().unwrap();
        let after = reducer.reduce(now);
        assert_eq!(
            (
                after.frames_processed,
                after.motion_detected,
                after.frames_motion
            ),
            (2, 2, 1)
        );
        assert_eq!(after.frame_motion.count, 1);
    });
}
