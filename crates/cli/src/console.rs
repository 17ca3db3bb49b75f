//! What the user sees: status on standard output, progress and warnings on standard error.
//!
//! All of it is printed by one thread of its own. A terminal that was halted or a pager that does not read on then stops that
//! thread alone, and neither the frame loop nor the log nor the reaction to a signal.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crossbeam::channel::{self, Receiver, Sender};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// How often the progress line is drawn.
const TICK: Duration = Duration::from_millis(200);
/// Texts that wait to be printed. When there are more nobody is reading, and further ones are dropped.
const WAITING: usize = 64;
/// Messages that are kept while something else has the terminal. When there are more, the oldest go.
const KEPT: usize = 256;

enum Message {
    /// Something for standard output.
    Text(Vec<u8>),
    /// A sentence for standard error.
    Warning(String),
    /// Begin to show progress, towards that many frames where it is known.
    Show(Option<u64>),
    /// Take the progress line away.
    Hide,
    /// Keep what comes, because something else has the terminal.
    Hold,
    /// Print what was kept and what comes.
    Release,
    /// Say when everything before this is printed.
    Flush(Sender<()>),
}

/// The way to the terminal. Clones share it.
#[derive(Clone)]
pub(crate) struct Console {
    messages: Sender<Message>,
    bar: ProgressBar,
    quiet: bool,
    newest_warning: Arc<Mutex<Option<(u64, String)>>>,
}

impl Console {
    /// Starts to print; a quiet console prints warnings only.
    pub(crate) fn start(quiet: bool) -> io::Result<Self> {
        let (messages, received) = channel::bounded(WAITING);
        let bar = ProgressBar::hidden();
        let newest_warning = Arc::new(Mutex::new(None));
        let printer = Printer {
            bar: bar.clone(),
            shown: false,
            kept: None,
            dropped: 0,
            newest_warning: Arc::clone(&newest_warning),
        };
        thread::Builder::new()
            .name("tacho-console".to_owned())
            .spawn(move || printer.run(&received))?;
        Ok(Self {
            messages,
            bar,
            quiet,
            newest_warning,
        })
    }

    /// Whether nothing but warnings is wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Begins to show progress, towards `frames` where their number is known; only where a person may be looking.
    /// Returns whether it does.
    pub(crate) fn show_progress(&self, frames: Option<u64>) -> bool {
        let shown = !self.quiet && io::stderr().is_terminal();
        if shown {
            self.send(Message::Show(frames));
        }
        shown
    }

    /// Tells how many frames are done: one store, unless the line is due to be drawn.
    pub(crate) fn progress(&self, frames: u64) {
        self.bar.set_position(frames);
    }

    /// Takes the progress line away for good.
    pub(crate) fn end_progress(&self) {
        self.send(Message::Hide);
    }

    /// Prints a line on standard output.
    pub(crate) fn print(&self, line: &str) {
        if !self.quiet {
            self.send(Message::Text(format!("{line}\n").into_bytes()));
        }
    }

    /// Prints a warning on standard error, in one line.
    pub(crate) fn warn(&self, sentence: &dyn fmt::Display) {
        self.send(Message::Warning(sentence.to_string()));
    }

    /// Keeps what there is to print until [`release`](Self::release), because something else has the terminal.
    pub(crate) fn hold(&self) {
        self.send(Message::Hold);
    }

    /// Prints what was kept, and prints what comes.
    pub(crate) fn release(&self) {
        self.send(Message::Release);
    }

    /// The newest warning that was kept, and how many there were.
    pub(crate) fn newest_warning(&self) -> Option<(u64, String)> {
        let newest = self.newest_warning.lock();
        newest.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until everything is printed, but not for ever.
    pub(crate) fn flush_within(&self, patience: Duration) {
        let (done, wait) = channel::bounded(1);
        if self
            .messages
            .send_timeout(Message::Flush(done), patience)
            .is_ok()
        {
            let _ = wait.recv_timeout(patience);
        }
    }

    fn send(&self, message: Message) {
        let _ = self.messages.try_send(message);
    }
}

/// Each write is one text for standard output.
impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.quiet {
            self.send(Message::Text(bytes.to_vec()));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The thread that prints.
struct Printer {
    bar: ProgressBar,
    shown: bool,
    /// What is kept while something else has the terminal, oldest first.
    kept: Option<VecDeque<Message>>,
    /// Of that, what had to go.
    dropped: u64,
    newest_warning: Arc<Mutex<Option<(u64, String)>>>,
}

impl Printer {
    fn run(mut self, messages: &Receiver<Message>) {
        for message in messages {
            match message {
                Message::Hold => {
                    self.kept.get_or_insert_default();
                }
                Message::Release => self.print_kept(),
                Message::Text(_) | Message::Warning(_) if self.kept.is_some() => self.keep(message),
                message => self.print(message),
            }
        }
    }

    fn keep(&mut self, message: Message) {
        if let Message::Warning(sentence) = &message {
            let newest = self.newest_warning.lock();
            let mut newest = newest.unwrap_or_else(PoisonError::into_inner);
            let count = newest.as_ref().map_or(0, |(count, _)| *count);
            *newest = Some((count + 1, sentence.clone()));
        }
        let Some(kept) = &mut self.kept else {
            return;
        };
        if kept.len() == KEPT {
            kept.pop_front();
            self.dropped += 1;
        }
        kept.push_back(message);
    }

    fn print_kept(&mut self) {
        let dropped = mem::take(&mut self.dropped);
        if dropped > 0 {
            let what = format!("{dropped} earlier messages are left out");
            self.print(Message::Warning(what));
        }
        for message in self.kept.take().into_iter().flatten() {
            self.print(message);
        }
    }

    fn print(&mut self, message: Message) {
        match message {
            // Standard output may be closed (`| head -1`) or full; that must not end the run.
            Message::Text(text) => self.aside(|| {
                let mut stdout = io::stdout().lock();
                let _ = stdout.write_all(&text).and_then(|()| stdout.flush());
            }),
            Message::Warning(sentence) => self.aside(|| {
                let _ = writeln!(io::stderr(), "tacho: warning: {sentence}");
            }),
            Message::Show(frames) => self.show(frames),
            Message::Hide => {
                self.bar.finish_and_clear();
                self.shown = false;
            }
            Message::Flush(done) => {
                let _ = done.send(());
            }
            // Not to be printed.
            Message::Hold | Message::Release => {}
        }
    }

    /// Prints with the progress line out of the way.
    fn aside(&self, print: impl FnOnce()) {
        if self.shown {
            self.bar.suspend(print);
        } else {
            print();
        }
    }

    fn show(&mut self, frames: Option<u64>) {
        let template = if let Some(frames) = frames {
            self.bar.set_length(frames);
            "{percent:>3} % [{bar:24}] {pos}/{len} frames, {fps}, {eta} left"
        } else {
            "{spinner} {pos} frames, {fps}, {elapsed}"
        };
        // A template that does not parse would be a mistake in the lines above; the default style shows the same numbers.
        if let Ok(style) = ProgressStyle::with_template(template) {
            let style = style.with_key("fps", |state: &ProgressState, out: &mut dyn fmt::Write| {
                let _ = write!(out, "{:.1} fps", state.per_sec());
            });
            self.bar.set_style(style);
        }
        self.bar.reset_elapsed();
        self.bar.reset_eta();
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
        // Drawn by a thread of its own: the frame loop only stores a number.
        self.bar.enable_steady_tick(TICK);
        self.shown = true;
    }
}

/// Prints the library's warnings.
pub(crate) struct Warnings(pub(crate) Console);

impl Warnings {
    /// Makes this the process's logger; a second one is not installed.
    pub(crate) fn install(self) {
        if log::set_boxed_logger(Box::new(self)).is_ok() {
            log::set_max_level(log::LevelFilter::Warn);
        }
    }
}

impl log::Log for Warnings {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        // The HTTP client logs through the same facade; its troubles are reported with the events they concern.
        metadata.level() <= log::Level::Warn && metadata.target().starts_with("tachograph")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.warn(record.args());
        }
    }

    fn flush(&self) {}
}
