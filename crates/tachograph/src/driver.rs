//! The background thread.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use cpu_time::ThreadTime;
use crossbeam::channel::{RecvTimeoutError, Sender, bounded};

use crate::engine::Engine;

/// The thread that keeps a collector's schedule until this is stopped or dropped.
#[derive(Debug)]
pub(crate) struct Driver {
    /// Nothing is ever sent; its end is the signal.
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Driver {
    pub(crate) fn start(engine: Arc<Engine>) -> io::Result<Self> {
        let (stop, stopped) = bounded::<()>(0);
        let thread = thread::Builder::new()
            .name("tachograph".to_owned())
            .spawn(move || {
                let mut meter = Meter::start();
                loop {
                    let pause = engine.poll();
                    engine.charge(meter.lap());
                    match stopped.recv_deadline(Instant::now() + pause) {
                        Err(RecvTimeoutError::Timeout) => {}
                        Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
            })?;
        Ok(Self { stop, thread })
    }

    /// Waits for the thread to end.
    pub(crate) fn stop(self) {
        drop(self.stop);
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
    fn lap(&mut self) -> std::time::Duration {
        let now = ThreadTime::try_now().ok();
        let then = std::mem::replace(&mut self.0, now);
        now.zip(then)
            .map(|(now, then)| now.duration_since(then))
            .unwrap_or_default()
    }
}
