//! Publication: one writer swaps a pointer, readers follow it.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache, Guard};

use crate::snapshot::MetricsSnapshot;

/// Free snapshots kept for reuse; more come up only while readers hold on to many.
const SPARE: usize = 3;

/// The writing end. Replaced snapshots come back here and are written again once no reader holds them: so a reader never
/// frees memory, and a steady state allocates nothing.
#[derive(Debug)]
pub(crate) struct Publisher {
    current: Arc<ArcSwap<MetricsSnapshot>>,
    retired: Vec<Arc<MetricsSnapshot>>,
}

impl Publisher {
    pub(crate) fn new() -> Self {
        Self {
            current: Arc::new(ArcSwap::from_pointee(MetricsSnapshot::default())),
            retired: Vec::new(),
        }
    }

    pub(crate) fn reader(&self) -> SnapshotReader {
        SnapshotReader {
            current: Arc::clone(&self.current),
        }
    }

    /// Has `write` fill in a snapshot that nobody else can see, which may hold the values of an earlier one; publishes it.
    pub(crate) fn publish(
        &mut self,
        write: impl FnOnce(&mut MetricsSnapshot),
    ) -> Arc<MetricsSnapshot> {
        let mut snapshot = self.take_free().unwrap_or_default();
        write(Arc::make_mut(&mut snapshot));
        let replaced = self.current.swap(Arc::clone(&snapshot));
        self.retired.push(replaced);
        if self.retired.len() > SPARE {
            drop(self.take_free());
        }
        snapshot
    }

    fn take_free(&mut self) -> Option<Arc<MetricsSnapshot>> {
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
    /// The newest snapshot, for looking at now. Lock-free; does not touch its reference count in the usual case. Drop the guard
    /// soon: it keeps its snapshot from being reused.
    #[inline]
    pub fn load(&self) -> SnapshotGuard {
        SnapshotGuard(self.current.load())
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

    fn publish(publisher: &mut Publisher, sequence: u64) -> *const MetricsSnapshot {
        Arc::as_ptr(&publisher.publish(|snapshot| snapshot.sequence = sequence))
    }

    #[test]
    fn snapshots_are_reused_when_nobody_holds_them() {
        let mut publisher = Publisher::new();
        let first = publish(&mut publisher, 1);
        publish(&mut publisher, 2);
        let places: Vec<_> = (3..20).map(|n| publish(&mut publisher, n)).collect();
        assert!(places.contains(&first));
        assert!(publisher.retired.len() <= SPARE);
    }

    #[test]
    fn a_snapshot_that_is_held_never_changes() {
        let mut publisher = Publisher::new();
        let reader = publisher.reader();
        let mut cached = reader.cached();
        let mut held = Vec::new();
        let mut guards = Vec::new();
        for sequence in 1..100 {
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
        (100..300).for_each(|n| _ = publish(&mut publisher, n));
        assert!(
            publisher.retired.len() <= SPARE,
            "{} retired snapshots are kept",
            publisher.retired.len()
        );
    }

    #[test]
    fn a_reader_in_a_tight_loop_sees_whole_snapshots_in_order() {
        let rounds = if cfg!(miri) { 50 } else { 20_000 };
        let mut publisher = Publisher::new();
        let reader = publisher.reader();
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
