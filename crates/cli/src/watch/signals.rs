//! Signals that concern the terminal rather than the end of the program.

#[cfg(not(unix))]
use std::io;

/// What has happened to the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(unix), expect(dead_code, reason = "elsewhere there are none"))]
pub(crate) enum Signalled {
    /// It was stopped and goes on, and the shell has had the terminal meanwhile.
    Continued,
    /// It shall end with a core dump.
    Quit,
}

#[cfg(unix)]
pub(crate) use unix::Signals;

#[cfg(unix)]
mod unix {
    use std::io;
    use std::thread;
    use std::time::Duration;

    use rustix::process::{Signal, kill_current_process_group};
    use signal_hook::consts::{SIGCONT, SIGQUIT};
    use signal_hook::low_level::emulate_default_handler;

    use super::Signalled;

    /// Longer than a signal to this process takes to arrive.
    const ARRIVAL: Duration = Duration::from_millis(50);

    /// The signals that have come.
    pub(crate) struct Signals(signal_hook::iterator::Signals);

    impl Signals {
        pub(crate) fn register() -> io::Result<Self> {
            signal_hook::iterator::Signals::new([SIGCONT, SIGQUIT]).map(Self)
        }

        /// The one that asks for most of those that have come.
        pub(crate) fn pending(&mut self) -> Option<Signalled> {
            let mut found = None;
            for signal in self.0.pending() {
                match signal {
                    SIGQUIT => return Some(Signalled::Quit),
                    _ => found = Some(Signalled::Continued),
                }
            }
            found
        }

        /// Does what Ctrl-Z does outside of a dashboard: stops the whole job until the shell continues it. Returns then, or at once
        /// if there is no shell that could.
        pub(crate) fn suspend(&mut self) -> io::Result<()> {
            kill_current_process_group(Signal::TSTP)?;
            thread::sleep(ARRIVAL);
            // The caller takes the terminal again anyway.
            self.0.pending().for_each(drop);
            Ok(())
        }

        /// Ends the process as the signal would have.
        pub(crate) fn quit() -> io::Result<()> {
            emulate_default_handler(SIGQUIT)
        }
    }
}

/// There are none of these.
#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn register() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn pending(&mut self) -> Option<Signalled> {
        None
    }

    pub(crate) fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn quit() -> io::Result<()> {
        Ok(())
    }
}
