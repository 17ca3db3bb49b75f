//! `tacho run --watch`: the dashboard beside the loop that it shows.
//!
//! It follows the files of the loop's own log as any other process would, in threads of its own, so the loop cannot tell.

use std::thread;
use std::time::Duration;

use crossbeam::channel::{self, Receiver};
use tachograph::Config;

use super::dashboard::{Dashboard, Ended, Quit};
use super::terminal::restore;
use super::text::clean;
use super::theme::Theme;
use crate::console::Console;
use crate::error::Error;
use crate::stop::{KILLED, Stop};

/// How long the end of the run waits for a terminal that does not take what is drawn.
const PATIENCE: Duration = Duration::from_secs(1);

/// A dashboard that is shown until this is dropped.
pub(crate) struct Beside {
    end: Stop,
    done: Receiver<()>,
    console: Console,
}

impl Beside {
    /// Shows the loop that is configured so; quitting requests `stop`, quitting twice ends the process at once. Until it has ended,
    /// `console` keeps what there is to print.
    pub(crate) fn start(config: &Config, console: &Console, stop: &Stop) -> Result<Self, Error> {
        let (end, _) = Stop::new();
        let (is_done, done) = channel::bounded::<()>(0);
        let dashboard = Dashboard::new(&config.log_path, config.targets.clone(), Theme::detect());
        let dashboard = dashboard.with_warnings(console.clone());
        console.hold();
        let (stop, until) = (stop.clone(), end.clone());
        let held = console.clone();
        let spawned = thread::Builder::new()
            .name("tacho-watch".to_owned())
            .spawn(move || {
                let ended = dashboard.run(&until, || ask_to_stop(&stop));
                tell(&ended, &held);
                drop(is_done);
            });
        if let Err(error) = spawned {
            console.release();
            return Err(Error::Thread(error));
        }
        let console = console.clone();
        Ok(Self { end, done, console })
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.end.request();
        let _ = self.done.recv_timeout(PATIENCE);
        restore();
        self.console.release();
    }
}

fn ask_to_stop(stop: &Stop) -> Quit {
    if stop.is_requested() {
        restore();
        std::process::exit(KILLED);
    }
    stop.request();
    Quit::Soon
}

/// The run goes on without a dashboard, so what is to be printed is printed from now on.
fn tell(ended: &Result<Ended, Error>, console: &Console) {
    match ended {
        Ok(ended) => {
            for problem in &ended.problems {
                console.warn(&clean(problem));
            }
            if let Err(error) = &ended.result {
                console.warn(&format_args!("the dashboard has ended: {error}"));
            }
        }
        Err(error) => console.warn(&format_args!("there is no dashboard: {error}")),
    }
    console.release();
}
