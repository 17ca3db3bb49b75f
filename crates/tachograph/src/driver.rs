//! The background thread.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cpu_time::ThreadTime;
use crossbeam::sync::{Parker, Unparker};

use crate::engine::Engine;

/// The thread that keeps a collector's schedule until it is stopped.
#[derive(Debug)]
pub(crate) struct Driver {
    stopped: Arc<AtomicBool>,
    unparker: Unparker,
    thread: JoinHandle<()>,
}

impl Driver {
    pub(crate) fn start(engine: Arc<Engine>) -> io::Result<Self> {
        // A channel would do as well, but spins for some ten microseconds before it sleeps, each time.
        let parker = Parker::new();
        let unparker = parker.unparker().clone();
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        let thread = thread::Builder::new()
            .name("tachograph".to_owned())
            .spawn(move || {
                let mut meter = Meter::start();
                while !stop.load(Ordering::Relaxed) {
                    let pause = engine.poll(meter.lap());
                    // Not a deadline: that overflows where somebody's time source leaps.
                    parker.park_timeout(pause);
                }
            })?;
        Ok(Self {
            stopped,
            unparker,
            thread,
        })
    }

    /// Waits for the thread to end.
    pub(crate) fn stop(self) {
        // A flag and nothing else: joining the thread is what orders all that it did.
        self.stopped.store(true, Ordering::Relaxed);
        self.unparker.unpark();
        if self.thread.join().is_err() {
            log::error!("the metrics thread had panicked; snapshots and log stopped then");
        }
    }
}

/// CPU time of the calling thread, also that of going to sleep and waking up.
struct Meter(Option<ThreadTime>);

impl Meter {
    fn start() -> Self {
        Self(ThreadTime::try_now().ok())
    }

    /// Time since the last call; zero where the platform cannot tell.
    fn lap(&mut self) -> Duration {
        let now = ThreadTime::try_now().ok();
        let then = std::mem::replace(&mut self.0, now);
        now.zip(then)
            .map(|(now, then)| now.duration_since(then))
            .unwrap_or_default()
    }
}
