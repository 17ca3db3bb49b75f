//! All lanes of one collector: hands one out, takes it back when its recorder is dropped.

#![expect(
    clippy::disallowed_types,
    reason = "taken when a recorder is made or dropped, never by recording"
)]

use std::fmt;

use crate::clock::Clock;
use crate::lane::{Lane, LaneWriters};
use crate::recorder::Recorder;
use crate::schema::Schema;
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How large the lanes of a registry are, and which clock they use.
#[derive(Clone, Debug)]
pub struct RegistryOptions {
    /// Samples that a window holds. Each ring has the next power of two of at least twice that many slots.
    pub window: usize,
    /// Frame traces that each lane keeps.
    pub frames: usize,
    /// The clock; calibrated at creation.
    pub clock: Clock,
}

impl Default for RegistryOptions {
    /// A window of 1000 samples, 256 frames, the machine's clock.
    fn default() -> Self {
        Self {
            window: 1000,
            frames: 256,
            clock: Clock::new(),
        }
    }
}

/// Smallest ring that leaves room for the slot in the writer's hands and the predecessor after a gap.
const MIN_RING: usize = 4;

/// All lanes of one collector. Clones are handles on the same registry.
///
/// Taking a recorder and dropping it lock a mutex for a moment; recording does not.
#[derive(Clone, Debug)]
pub struct Registry {
    home: Home,
    options: RegistryOptions,
}

impl Registry {
    /// An empty registry.
    pub fn new(schema: Schema, options: RegistryOptions) -> Self {
        let lanes = Mutex::new(Lanes {
            all: Vec::new(),
            free: Vec::new(),
        });
        Self {
            home: Home(Arc::new(Shared { schema, lanes })),
            options,
        }
    }

    /// What is counted and timed.
    pub fn schema(&self) -> &Schema {
        &self.home.0.schema
    }

    /// The clock of all lanes.
    pub fn clock(&self) -> &Clock {
        &self.options.clock
    }

    /// Samples that a window holds.
    pub fn window(&self) -> usize {
        self.options.window
    }

    /// A recorder for the calling thread: on a lane that was given back, or else on a new one, which allocates about 32 KiB
    /// per timer with the default window.
    pub fn recorder(&self) -> Recorder {
        let free = self.home.lock().free.pop();
        let (lane, writers) = free.unwrap_or_else(|| self.new_lane());
        Recorder::new(lane, writers, self.options.clock.clone(), self.home.clone())
    }

    /// Appends to `seen` the lanes that were made since; `seen` must hold what earlier calls put there.
    ///
    /// Lanes are only ever added: there are as many as there were recorders at once at the busiest moment.
    pub fn lanes(&self, seen: &mut Vec<Arc<Lane>>) {
        let lanes = self.home.lock();
        seen.extend(lanes.all.iter().skip(seen.len()).cloned());
    }

    fn new_lane(&self) -> (Arc<Lane>, LaneWriters) {
        let samples = self.options.window.saturating_mul(2).max(MIN_RING);
        let (lane, writers) = Lane::new(self.schema(), samples, self.options.frames);
        let lane = Arc::new(lane);
        self.home.lock().all.push(Arc::clone(&lane));
        (lane, writers)
    }
}

struct Shared {
    schema: Schema,
    lanes: Mutex<Lanes>,
}

struct Lanes {
    all: Vec<Arc<Lane>>,
    /// Lanes without an owner. The mutex orders the last write of one owner before the first of the next (edge L1).
    free: Vec<(Arc<Lane>, LaneWriters)>,
}

/// Where a recorder's lane goes back to.
#[derive(Clone)]
pub(crate) struct Home(Arc<Shared>);

impl Home {
    pub(crate) fn take_back(&self, lane: Arc<Lane>, writers: LaneWriters) {
        self.lock().free.push((lane, writers));
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        // No code that can panic runs under the lock, and its lists are whole between any two statements.
        self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes")
            .field("all", &self.lock().all.len())
            .field("free", &self.lock().free.len())
            .finish()
    }
}
