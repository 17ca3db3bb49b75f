//! Reading the latest snapshot, quietly and while it is replaced ten times a second.

use std::cell::Cell;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::{ArcSwap, Cache};
use tachograph::{MetricsSnapshot, SnapshotReader};

use crate::compare::candidate::{Candidate, Kind, Operation};
use crate::fixture::Lanes;

/// Time between two publications.
const INTERVAL: Duration = Duration::from_millis(100);

/// Names that the targets look for.
pub(crate) const CACHED: &str = "tachograph cached";
pub(crate) const RW_LOCK: &str = "RwLock<Arc>, read and clone";
pub(crate) const LOAD_QUIET: &str = "tachograph load, nothing published";
pub(crate) const LOAD_BUSY: &str = "tachograph load, publishing";
pub(crate) const CACHED_QUIET: &str = "tachograph cached, nothing published";
pub(crate) const CACHED_BUSY: &str = "tachograph cached, publishing";

/// What a mutex can hand out by copy: the thirty figures of a snapshot and its number.
#[derive(Clone, Copy)]
struct Figures {
    sequence: u64,
    _values: [f64; 30],
}

pub(crate) fn operation() -> Operation {
    let reader = published().0;
    let snapshot = reader.load_full();
    let mutex = Arc::new(Mutex::new(Figures {
        sequence: snapshot.sequence,
        _values: [1.0; 30],
    }));
    let locked = Arc::new(RwLock::new(Arc::clone(&snapshot)));
    let swap = Arc::new(ArcSwap::new(snapshot));
    let mut cache = Cache::new(Arc::clone(&swap));
    let candidates = vec![
        load("tachograph load", reader.clone()),
        cached(CACHED, &reader),
        rival("arc-swap load", move || swap.load().sequence).of("arc-swap"),
        rival("arc-swap Cache", move || cache.load().sequence).of("arc-swap"),
        rival(RW_LOCK, move || read_locked(&locked)),
        rival("Mutex, copy of 248 bytes", move || {
            let figures = *mutex.lock().expect("nobody panics");
            std::hint::black_box(&figures).sequence
        }),
    ];
    Operation::new("read", "read the latest snapshot", candidates)
}

pub(crate) fn while_publishing() -> Operation {
    let (quiet, _) = published();
    let (busy, mut lanes) = published();
    let publishing = Publishing::start(move || _ = lanes.reduce());
    let candidates = vec![
        load(LOAD_QUIET, quiet.clone()),
        busy_load(busy.clone(), Arc::clone(&publishing)),
        cached(CACHED_QUIET, &quiet),
        busy_cached(&busy, publishing),
        busy_rw_lock(quiet.load_full()),
    ];
    Operation {
        // Long enough that every batch sees a publication.
        round: INTERVAL + INTERVAL / 10,
        ..Operation::new(
            "read_busy",
            "read while a snapshot is published 10 times a second",
            candidates,
        )
    }
}

fn busy_load(reader: SnapshotReader, publishing: Arc<Publishing>) -> Candidate {
    let read = move || {
        let _alive = &publishing;
        reader.load().sequence
    };
    Candidate::reading(LOAD_BUSY, Kind::Ours, read, advancing())
}

fn busy_cached(reader: &SnapshotReader, publishing: Arc<Publishing>) -> Candidate {
    let mut reader = reader.cached();
    let read = move || {
        let _alive = &publishing;
        reader.load().sequence
    };
    Candidate::reading(CACHED_BUSY, Kind::Ours, read, advancing())
}

fn busy_rw_lock(first: Arc<MetricsSnapshot>) -> Candidate {
    let locked = Arc::new(RwLock::new(first));
    let written = Arc::clone(&locked);
    let publishing = Publishing::start(move || {
        let mut next = MetricsSnapshot::clone(&read_arc(&written));
        next.sequence += 1;
        *written.write().expect("nobody panics") = Arc::new(next);
    });
    let read = move || {
        let _alive = &publishing;
        read_locked(&locked)
    };
    Candidate::reading("RwLock<Arc>, publishing", Kind::Rival, read, advancing())
}

/// A reader of the first snapshot of four lanes, and the lanes.
fn published() -> (SnapshotReader, Lanes) {
    let lanes = Lanes::new(4, 3);
    (lanes.reducer.reader(), lanes)
}

fn load(name: &'static str, reader: SnapshotReader) -> Candidate {
    let read = move || reader.load().sequence;
    Candidate::reading(name, Kind::Ours, read, |sequence| sequence == 1)
}

fn cached(name: &'static str, reader: &SnapshotReader) -> Candidate {
    let mut reader = reader.cached();
    let read = move || reader.load().sequence;
    Candidate::reading(name, Kind::Ours, read, |sequence| sequence == 1)
}

fn rival(name: &'static str, read: impl FnMut() -> u64 + Clone + 'static) -> Candidate {
    Candidate::reading(name, Kind::Rival, read, |sequence| sequence == 1)
}

fn read_arc(locked: &RwLock<Arc<MetricsSnapshot>>) -> Arc<MetricsSnapshot> {
    Arc::clone(&locked.read().expect("nobody panics"))
}

fn read_locked(locked: &RwLock<Arc<MetricsSnapshot>>) -> u64 {
    read_arc(locked).sequence
}

/// Whether the sequence went up since the last look.
fn advancing() -> impl Fn(u64) -> bool {
    let seen = Cell::new(0);
    move |sequence| seen.replace(sequence) < sequence
}

/// A thread that publishes at the pace of a collector until nobody needs it.
struct Publishing {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Publishing {
    fn start(mut publish: impl FnMut() + Send + 'static) -> Arc<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Relaxed) {
                publish();
                thread::sleep(INTERVAL);
            }
        });
        Arc::new(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}
