//! The one place that chooses between the standard library and loom, under `--cfg tachograph_loom`.
//!
//! `Arc` stays the standard one: the crate hands out no memory through it that loom would have to see.

#[cfg(tachograph_loom)]
pub(crate) use loom::{
    cell::Cell,
    sync::{Mutex, MutexGuard, atomic::AtomicU64},
};
#[cfg(not(tachograph_loom))]
pub(crate) use std::cell::Cell;
#[cfg(not(tachograph_loom))]
#[expect(clippy::disallowed_types, reason = "for the registry alone")]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic::AtomicU64};

pub(crate) use std::sync::Arc;
pub(crate) use std::sync::PoisonError;
pub(crate) use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// A word that one thread writes and any thread reads.
///
/// The owner reads back what it stored, which is exact because nobody else stores. loom remembers a single last access per
/// atomic, so that load would hide the store before it from the exploration; under loom the owner reads a mirror that loom
/// does not see.
#[derive(Debug)]
pub(crate) struct OwnedWord {
    value: AtomicU64,
    #[cfg(tachograph_loom)]
    mirror: std::sync::atomic::AtomicU64,
}

impl OwnedWord {
    pub(crate) fn new(value: u64) -> Self {
        Self {
            value: AtomicU64::new(value),
            #[cfg(tachograph_loom)]
            mirror: std::sync::atomic::AtomicU64::new(value),
        }
    }

    /// Adds `n`, wrapping. Only the owner calls this.
    #[inline]
    pub(crate) fn raise(&self, n: u64) {
        if cfg!(tachograph_plant = "fetch_add") {
            self.value.fetch_add(n, Release);
            return;
        }
        self.set(self.own().wrapping_add(n));
    }

    /// Sets the value and publishes everything that the owner did before. Only the owner calls this.
    #[inline]
    pub(crate) fn set(&self, value: u64) {
        #[cfg(tachograph_loom)]
        self.mirror.store(value, Relaxed);
        self.value.store(value, Release); // R1, C1, F1
    }

    /// The value, and with it everything that the owner did before it set that.
    #[inline]
    pub(crate) fn load(&self) -> u64 {
        self.value.load(Acquire) // R1, C1, F1
    }

    /// The value as its owner last set it. Only the owner calls this.
    #[cfg(not(tachograph_loom))]
    #[inline]
    pub(crate) fn own(&self) -> u64 {
        self.value.load(Relaxed)
    }

    #[cfg(tachograph_loom)]
    pub(crate) fn own(&self) -> u64 {
        self.mirror.load(Relaxed)
    }
}
