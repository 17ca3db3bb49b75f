//! The wish to stop: from a signal to everybody who waits for something.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam::channel::{self, Receiver, Sender};

/// The exit code of a run that a second signal cut short: 128 + SIGINT, as shells have it.
pub(crate) const KILLED: i32 = 130;

/// Tells that the run should end. Cheap to clone; once set it stays.
#[derive(Clone)]
pub(crate) struct Stop {
    requested: Arc<AtomicBool>,
    /// Nothing is ever sent: it disconnects, which every `select!` wakes up from, however many wait.
    wake: Receiver<()>,
    alive: Arc<Mutex<Option<Sender<()>>>>,
}

impl Stop {
    /// A stop and the function that requests it.
    pub(crate) fn new() -> (Self, impl Fn() + Send + 'static) {
        let (sender, wake) = channel::bounded::<()>(0);
        let stop = Self {
            requested: Arc::new(AtomicBool::new(false)),
            wake,
            alive: Arc::new(Mutex::new(Some(sender))),
        };
        let requested = stop.clone();
        (stop, move || requested.request())
    }

    /// Requests it.
    pub(crate) fn request(&self) {
        // A flag and nothing else: nobody reads other memory because of it.
        self.requested.store(true, Ordering::Relaxed);
        let mut alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        alive.take();
    }

    /// The same, requested by SIGINT, SIGTERM or SIGHUP; the second signal ends the process at once.
    pub(crate) fn on_signal() -> Result<Self, ctrlc::Error> {
        let (stop, request) = Self::new();
        let requested = Arc::clone(&stop.requested);
        ctrlc::set_handler(move || {
            if requested.load(Ordering::Relaxed) {
                crate::watch::restore();
                std::process::exit(KILLED);
            }
            request();
        })?;
        Ok(stop)
    }

    /// Whether the run should end.
    pub(crate) fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Relaxed)
    }

    /// A channel that disconnects when the run should end.
    pub(crate) fn wake(&self) -> &Receiver<()> {
        &self.wake
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_request_wakes_every_waiter_and_stays() {
        let (stop, request) = Stop::new();
        assert!(!stop.is_requested());
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let stop = stop.clone();
                std::thread::spawn(move || stop.wake().recv_timeout(Duration::from_secs(10)))
            })
            .collect();
        request();
        request();
        for waiter in waiting {
            let woken = waiter.join().expect("no panic");
            assert_eq!(woken, Err(channel::RecvTimeoutError::Disconnected));
        }
        assert!(stop.is_requested());
    }
}
