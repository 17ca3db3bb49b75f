//! The terminal: taken, and given back as it was, whatever happens.

use std::cell::Cell;
use std::io::{self, Stdout, stdout};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossterm::cursor::Show;
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};

/// Whether this process has the terminal. There is one of it, and a panic or a second signal must find it from anywhere.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether something is being written to it.
static DRAWING: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

thread_local! {
    /// Whether it is this thread that draws.
    static DRAWS: Cell<bool> = const { Cell::new(false) };
}

/// How long giving the terminal back waits for a picture that is being drawn.
const PATIENCE: Duration = Duration::from_millis(200);

/// The terminal, taken: the alternate screen, without echo and without a cursor.
pub(crate) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes it.
    pub(crate) fn take() -> io::Result<Self> {
        HOOK.call_once(restore_on_panic);
        DRAWS.set(true);
        let terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        let mut screen = Self { terminal };
        screen.enter()?;
        Ok(screen)
    }

    fn enter(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        // From here on there is something to give back.
        TAKEN.store(true, Ordering::SeqCst);
        execute!(stdout(), EnterAlternateScreen)?;
        self.terminal.hide_cursor()?;
        self.forget()
    }

    /// Whether it is still there to be drawn on: a panic in another thread gives it back.
    pub(crate) fn is_taken() -> bool {
        TAKEN.load(Ordering::SeqCst)
    }

    /// Draws what has changed.
    pub(crate) fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        DRAWING.store(true, Ordering::SeqCst);
        let drawn = if Self::is_taken() {
            self.terminal.draw(picture).map(|_| ())
        } else {
            Ok(())
        };
        DRAWING.store(false, Ordering::SeqCst);
        drawn
    }

    /// Forgets what was drawn, so that the next picture is drawn as a whole.
    pub(crate) fn forget(&mut self) -> io::Result<()> {
        // `clear` would ask the terminal where its cursor is, and not every one answers.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Gives the terminal back, does something else, and takes it again.
    pub(crate) fn aside(&mut self, other: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        restore();
        let done = other();
        self.enter()?;
        done
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back as it was, once; does nothing if it is not taken. From any thread.
pub(crate) fn restore() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    if !DRAWS.get() {
        wait_for_picture();
    }
    // Best effort: if the terminal is gone, there is nothing to restore and nobody to tell.
    let _ = disable_raw_mode();
    let _ = execute!(stdout(), LeaveAlternateScreen, Show);
}

/// The thread that draws looks at `TAKEN` before each picture, so at most one is still on its way.
fn wait_for_picture() {
    let step = Duration::from_millis(1);
    let mut waited = Duration::ZERO;
    while DRAWING.load(Ordering::SeqCst) && waited < PATIENCE {
        thread::sleep(step);
        waited += step;
    }
}

/// The message of a panic belongs on the terminal as it was.
fn restore_on_panic() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        restore();
        print(panic);
    }));
}

#[cfg(all(test, unix))]
#[path = "../../tests/support/pty.rs"]
#[expect(dead_code, reason = "what other tests need")]
mod pty;

/// Panics, in this very program started again in a terminal.
#[cfg(all(test, unix))]
mod tests {
    use std::sync::mpsc;

    use ratatui::widgets::Paragraph;

    use super::pty::Terminal as Pty;
    use super::*;

    fn in_terminal(child: &str) -> Pty {
        let program = std::env::current_exe().expect("a program");
        let name = format!("watch::terminal::tests::{child}");
        let arguments = ["--exact", &name, "--ignored", "--nocapture"];
        let program = program.to_str().expect("text");
        let folder = std::env::temp_dir();
        let mut pty = Pty::start(
            program,
            &arguments,
            &folder,
            (80, 24),
            &[("RUST_BACKTRACE", "0")],
        );
        pty.wait();
        pty
    }

    #[test]
    fn a_panic_gives_the_terminal_back_before_it_is_told() {
        for child in ["panics_while_it_draws", "panics_beside_a_thread_that_draws"] {
            let pty = in_terminal(child);
            let text = pty.text();
            assert!(pty.is_as_before(), "{child}: {text}");
            assert!(text.contains("planted"), "{child}: {text}");
            let is_drawn_on = text.contains("pictures") || text.contains("drawn_on");
            assert!(!is_drawn_on, "{child}: {text}");
        }
    }

    #[test]
    #[ignore = "run by the test above"]
    fn panics_while_it_draws() {
        let mut screen = Screen::take().expect("a terminal");
        let drawn =
            screen.draw(|frame| frame.render_widget(Paragraph::new("picture"), frame.area()));
        drawn.expect("drawn");
        let _ = screen.draw(|_| panic!("planted"));
    }

    #[test]
    #[ignore = "run by the test above"]
    fn panics_beside_a_thread_that_draws() {
        let (begun, begins) = mpsc::channel();
        let drawer = thread::spawn(move || {
            let mut screen = Screen::take().expect("a terminal");
            let mut further = 0;
            for word in ["pictures", "drawn_on"].into_iter().cycle() {
                let text = Paragraph::new(word.repeat(10));
                screen
                    .draw(|frame| frame.render_widget(text, frame.area()))
                    .expect("drawn");
                let _ = begun.send(());
                further += u32::from(!Screen::is_taken());
                // None of these must be seen.
                if further == 20 {
                    return;
                }
            }
        });
        begins.recv().expect("it draws");
        let panicked = panic::catch_unwind(|| panic!("planted"));
        assert!(panicked.is_err());
        // Whatever it still draws would be seen.
        drawer.join().expect("no panic");
    }
}
