//! The loop that waits for keys and news and draws. All input and output of the dashboard is here and in what it calls.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crossbeam::channel::{self, Receiver, RecvTimeoutError, Sender};
use crossterm::event::{self, Event};
use tachograph::Targets;

use super::follow::{Follower, LOOK_EVERY, Look};
use super::signals::{Signalled, Signals};
use super::state::{State, Wish};
use super::terminal::Screen;
use super::theme::Theme;
use super::ui;
use crate::console::Console;
use crate::error::Error;
use crate::stop::Stop;

/// How long a wait for keys and news may keep warnings and signals waiting.
const WAIT: Duration = Duration::from_millis(200);
/// The picture is drawn anew so often even if there is no news, because ages go on.
const DRAW_EVERY: Duration = Duration::from_secs(1);
/// Looks that wait to be taken in. When there are more, the follower waits.
const LOOKS: usize = 4;
/// How long the end waits for a follower that a disk keeps waiting.
const PATIENCE: Duration = Duration::from_millis(500);

/// What follows from the wish to quit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quit {
    /// The end.
    Now,
    /// The loop has been asked to stop, and the end comes with its own.
    Soon,
}

/// How it ended.
pub(crate) struct Ended {
    /// Whether the terminal could be used to the end.
    pub(crate) result: io::Result<()>,
    /// What could not be read.
    pub(crate) problems: Vec<String>,
}

/// A dashboard that can be shown.
pub(crate) struct Dashboard {
    log: PathBuf,
    state: State,
    begun: Instant,
    /// Where the warnings of the loop in this process are kept.
    console: Option<Console>,
}

impl Dashboard {
    /// One of the log at `log`.
    pub(crate) fn new(log: &Path, targets: Targets, theme: Theme) -> Self {
        Self {
            log: log.to_owned(),
            state: State::new(&log.display().to_string(), targets, theme),
            begun: Instant::now(),
            console: None,
        }
    }

    /// Shows the newest of the warnings that this console keeps.
    pub(crate) fn with_warnings(mut self, console: Console) -> Self {
        self.console = Some(console);
        self
    }

    /// Shows it until `stop` is requested or `quit`, which is called when somebody wants to, says so.
    ///
    /// # Errors
    /// There is no thread for the follower.
    pub(crate) fn run(mut self, stop: &Stop, quit: impl FnMut() -> Quit) -> Result<Ended, Error> {
        let follower = Following::start(&self.log)?;
        let result = Screen::take().and_then(|screen| self.show(screen, &follower, stop, quit));
        follower.end();
        let picture = self.state.newest();
        let mut problems = picture.problems.clone();
        let more = picture.problem_count.saturating_sub(problems.len() as u64);
        if more > 0 {
            problems.push(format!("and {more} more"));
        }
        Ok(Ended { result, problems })
    }

    fn show(
        &mut self,
        mut screen: Screen,
        follower: &Following,
        stop: &Stop,
        mut quit: impl FnMut() -> Quit,
    ) -> io::Result<()> {
        let mut signals = Signals::register()?;
        let keys = keys()?;
        let mut drawn: Option<Instant> = None;
        while !stop.is_requested() && Screen::is_taken() {
            if drawn.is_none_or(|drawn| drawn.elapsed() >= DRAW_EVERY) {
                let now = self.now();
                screen.draw(|frame| ui::draw(&self.state, now, frame))?;
                drawn = Some(Instant::now());
            }
            let mut wish = Wish::None;
            channel::select! {
                recv(keys) -> event => wish = self.handle(&event.map_err(io::Error::other)??),
                recv(follower.looks) -> look => if let Ok(look) = look && self.take_in(look) {
                    wish = Wish::Draw;
                },
                recv(stop.wake()) -> _ => return Ok(()),
                default(WAIT) => {}
            }
            if self.take_in_warnings() && wish == Wish::None {
                wish = Wish::Draw;
            }
            match wish {
                Wish::None | Wish::Draw => {}
                Wish::Redraw => screen.forget()?,
                Wish::Suspend => screen.aside(|| signals.suspend())?,
                Wish::Quit if quit() == Quit::Now => return Ok(()),
                Wish::Quit => self.state.ending = true,
            }
            match signals.pending() {
                Some(Signalled::Continued) => screen.aside(|| Ok(()))?,
                Some(Signalled::Quit) => screen.aside(Signals::quit)?,
                None if wish == Wish::None => continue,
                None => {}
            }
            drawn = None;
        }
        Ok(())
    }

    fn handle(&mut self, event: &Event) -> Wish {
        match event {
            Event::Key(key) => self.state.key(*key, self.now()),
            Event::Resize(..) => Wish::Draw,
            _ => Wish::None,
        }
    }

    /// Takes in what the follower has found; whether that changes the picture.
    fn take_in(&mut self, look: Look) -> bool {
        let now = self.now();
        self.state.update(look, now, wall_clock())
    }

    /// Takes in what the loop in this process warns of.
    fn take_in_warnings(&mut self) -> bool {
        let warning = self.console.as_ref().and_then(Console::newest_warning);
        let is_new = warning != self.state.warning;
        self.state.warning = warning;
        is_new
    }

    fn now(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }
}

/// Unix seconds.
fn wall_clock() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// What is typed, and changes of the terminal's size.
///
/// The thread waits without a time limit, because crossterm spins through the last millisecond of one. Nothing can wake it but a
/// key, so it stays until the process ends, which is soon after.
fn keys() -> io::Result<Receiver<io::Result<Event>>> {
    let (sender, keys) = channel::bounded(0);
    thread::Builder::new()
        .name("tacho-keys".to_owned())
        .spawn(move || {
            loop {
                let event = event::read();
                let is_over = event.is_err();
                if sender.send(event).is_err() || is_over {
                    return;
                }
            }
        })?;
    Ok(keys)
}

/// The thread that reads files, which may take its time.
struct Following {
    looks: Receiver<Look>,
    /// Nothing is ever sent: it disconnects when the thread shall end.
    alive: Sender<()>,
    done: Receiver<()>,
}

impl Following {
    fn start(log: &Path) -> Result<Self, Error> {
        let (sender, looks) = channel::bounded(LOOKS);
        let (alive, end) = channel::bounded::<()>(0);
        let (is_done, done) = channel::bounded::<()>(0);
        let log = log.to_owned();
        thread::Builder::new()
            .name("tacho-follow".to_owned())
            .spawn(move || {
                follow(&log, &sender, &end);
                drop(is_done);
            })
            .map_err(Error::Thread)?;
        Ok(Self { looks, alive, done })
    }

    /// Ends the thread, which takes back its wish for fresh snapshots.
    fn end(self) {
        let Self { looks, alive, done } = self;
        drop((looks, alive));
        let _ = done.recv_timeout(PATIENCE);
    }
}

fn follow(log: &Path, looks: &Sender<Look>, end: &Receiver<()>) {
    let mut follower = Follower::new(log);
    while looks.send(follower.look()).is_ok() {
        match end.recv_timeout(LOOK_EVERY) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => return,
        }
    }
}
