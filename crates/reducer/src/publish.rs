//! Publication: one writer swaps a pointer, readers follow it.
//!
//! All that is asked of the pointer is [`Current`], so that the models can put one in its place whose orderings loom sees.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache, Guard};

use crate::snapshot::MetricsSnapshot;

/// Free snapshots kept for reuse; more come up only while readers hold on to many.
const SPARE: usize = 3;

/// Where the newest value stands: what the publisher and its readers need of an [`ArcSwap`].
pub(crate) trait Current<T> {
    /// Keeps a value from being written again.
    type Guard: Deref<Target = Arc<T>>;

    /// The newest value, and with it everything that was done before it was put there (edge P1).
    fn load(&self) -> Self::Guard;

    /// Puts a value there and returns the one that it replaces (edge P1).
    fn swap(&self, new: Arc<T>) -> Arc<T>;
}

impl<T> Current<T> for ArcSwap<T> {
    type Guard = Guard<Arc<T>>;

    #[inline]
    fn load(&self) -> Self::Guard {
        self.load()
    }

    fn swap(&self, new: Arc<T>) -> Arc<T> {
        self.swap(new)
    }
}

/// The writing end. Replaced values come back here and are written again once no reader holds them: so a reader never
/// frees memory, and a steady state allocates nothing.
#[derive(Debug)]
pub(crate) struct Publisher<T, C> {
    current: Arc<C>,
    retired: Vec<Arc<T>>,
}

impl<T: Clone + Default, C: Current<T>> Publisher<T, C> {
    pub(crate) fn new(current: C) -> Self {
        Self {
            current: Arc::new(current),
            retired: Vec::new(),
        }
    }

    /// Where readers find what is published.
    pub(crate) fn current(&self) -> &Arc<C> {
        &self.current
    }

    /// Has `write` fill in a value that nobody else can see, which may be an earlier one; publishes it.
    pub(crate) fn publish(&mut self, write: impl FnOnce(&mut T)) -> Arc<T> {
        let mut value = self.take_free().unwrap_or_default();
        write(Arc::make_mut(&mut value));
        let replaced = self.current.swap(Arc::clone(&value)); // P1
        self.retired.push(replaced);
        if self.retired.len() > SPARE {
            drop(self.take_free());
        }
        value
    }

    /// A value that no reader holds; looking at its reference count is what orders their last look before the next write.
    fn take_free(&mut self) -> Option<Arc<T>> {
        let free = self
            .retired
            .iter_mut()
            .position(|retired| Arc::get_mut(retired).is_some())?;
        Some(self.retired.swap_remove(free))
    }
}

/// Reads the newest snapshot from any thread, lock-free.
#[derive(Clone)]
pub struct SnapshotReader {
    current: Arc<ArcSwap<MetricsSnapshot>>,
}

impl SnapshotReader {
    pub(crate) fn new(current: &Arc<ArcSwap<MetricsSnapshot>>) -> Self {
        Self {
            current: Arc::clone(current),
        }
    }

    /// The newest snapshot, for looking at now. Lock-free; does not touch its reference count in the usual case. Drop the guard
    /// soon: it keeps its snapshot from being reused.
    #[inline]
    pub fn load(&self) -> SnapshotGuard {
        SnapshotGuard(Current::load(&*self.current))
    }

    /// The newest snapshot, for keeping.
    pub fn load_full(&self) -> Arc<MetricsSnapshot> {
        self.current.load_full()
    }

    /// A reader with a local copy of the pointer, for a thread that reads much more often than snapshots are published.
    pub fn cached(&self) -> CachedReader {
        CachedReader {
            cache: Cache::new(Arc::clone(&self.current)),
        }
    }
}

impl fmt::Debug for SnapshotReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotReader")
            .field("sequence", &self.load().sequence)
            .finish()
    }
}

/// A snapshot on loan from a [`SnapshotReader`].
pub struct SnapshotGuard(Guard<Arc<MetricsSnapshot>>);

impl Deref for SnapshotGuard {
    type Target = MetricsSnapshot;

    #[inline]
    fn deref(&self) -> &MetricsSnapshot {
        &self.0
    }
}

impl fmt::Debug for SnapshotGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Reads the newest snapshot through a local copy of the pointer: one load and a comparison while nothing new is published.
///
/// Holds on to the snapshot it returned last until the next call.
#[derive(Clone)]
pub struct CachedReader {
    cache: Cache<Arc<ArcSwap<MetricsSnapshot>>, Arc<MetricsSnapshot>>,
}

impl CachedReader {
    /// The newest snapshot.
    #[inline]
    pub fn load(&mut self) -> &MetricsSnapshot {
        self.cache.load()
    }
}

impl fmt::Debug for CachedReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedReader").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type SnapshotPublisher = Publisher<MetricsSnapshot, ArcSwap<MetricsSnapshot>>;

    fn publisher() -> (SnapshotPublisher, SnapshotReader) {
        let publisher = Publisher::new(ArcSwap::default());
        let reader = SnapshotReader::new(publisher.current());
        (publisher, reader)
    }

    fn publish(publisher: &mut SnapshotPublisher, sequence: u64) -> *const MetricsSnapshot {
        Arc::as_ptr(&publisher.publish(|snapshot| snapshot.sequence = sequence))
    }

    #[test]
    fn snapshots_are_reused_when_nobody_holds_them() {
        let (mut publisher, _reader) = publisher();
        let first = publish(&mut publisher, 1);
        publish(&mut publisher, 2);
        let places: Vec<_> = (3..20).map(|n| publish(&mut publisher, n)).collect();
        assert!(places.contains(&first));
        assert!(publisher.retired.len() <= SPARE);
    }

    #[test]
    fn a_snapshot_that_is_held_never_changes() {
        let (mut publisher, reader) = publisher();
        let mut cached = reader.cached();
        let mut held = Vec::new();
        let mut guards = Vec::new();
        let rounds = if cfg!(miri) { 6 } else { 100 };
        for sequence in 1..rounds {
            publish(&mut publisher, sequence);
            held.push((sequence, reader.load_full()));
            guards.push((sequence, reader.load()));
            assert_eq!(cached.load().sequence, sequence);
        }
        assert!(
            held.iter()
                .all(|(sequence, snapshot)| snapshot.sequence == *sequence)
        );
        assert!(
            guards
                .iter()
                .all(|(sequence, snapshot)| snapshot.sequence == *sequence)
        );
        drop((held, guards));
        (rounds..3 * rounds).for_each(|n| _ = publish(&mut publisher, n));
        assert!(
            publisher.retired.len() <= SPARE,
            "{} retired snapshots are kept",
            publisher.retired.len()
        );
    }

    #[test]
    fn a_reader_in_a_tight_loop_sees_whole_snapshots_in_order() {
        let rounds = if cfg!(miri) { 12 } else { 20_000 };
        let (mut publisher, reader) = publisher();
        let watcher = std::thread::spawn(move || {
            let (mut last, mut reads) = (0, 0_u64);
            while last < rounds {
                let snapshot = reader.load();
                assert_eq!(snapshot.frames_processed, snapshot.sequence * 3);
                assert!(snapshot.sequence >= last);
                last = snapshot.sequence;
                reads += 1;
            }
            reads
        });
        for sequence in 1..=rounds {
            publisher.publish(|snapshot| {
                snapshot.sequence = sequence;
                snapshot.frames_processed = sequence * 3;
            });
        }
        assert!(watcher.join().expect("the reader saw no torn snapshot") > 0);
    }
}
