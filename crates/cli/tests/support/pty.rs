//! A pseudo-terminal with a program in it, and what its screen shows.
#![allow(unreachable_pub)] // As in the rest of what the tests share.

use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, PtyPair, PtySize, native_pty_system};
use vt100::Parser;

/// Nothing here takes longer; what does hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program that runs in a terminal of its own.
pub struct Terminal {
    pair: PtyPair,
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    screen: Arc<Mutex<Parser>>,
    settings: String,
    is_gone: Arc<AtomicBool>,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

fn some(cells: u16) -> NonZero<u16> {
    NonZero::new(cells).expect("above 0")
}

impl Terminal {
    /// Starts `program` in `folder` in a terminal of so many columns and rows.
    pub fn start(
        program: &str,
        arguments: &[&str],
        folder: &std::path::Path,
        (columns, rows): (u16, u16),
        env: &[(&str, &str)],
    ) -> Self {
        let system = native_pty_system();
        let pair = system.openpty(size(columns, rows)).expect("a terminal");
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.cwd(folder);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("TACHOGRAPH_") || text.starts_with("LC_") || text == "NO_COLOR" {
                command.env_remove(name);
            }
        }
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        for (name, value) in env {
            command.env(name, value);
        }
        let keyboard = pair.master.take_writer().expect("once");
        let mut output = pair.master.try_clone_reader().expect("readable");
        let screen = Arc::new(Mutex::new(Parser::new(some(rows), some(columns), 1000)));
        let shown = Arc::clone(&screen);
        let settings = settings(&pair);
        let is_gone = Arc::new(AtomicBool::new(false));
        let gone = Arc::clone(&is_gone);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                if gone.load(Ordering::Relaxed) {
                    break;
                }
                shown.lock().expect("no panic").process(&bytes[..read]);
            }
        });
        let child = pair.slave.spawn_command(command).expect("it starts");
        Self {
            pair,
            child,
            keyboard,
            screen,
            settings,
            is_gone,
        }
    }

    /// What is seen.
    pub fn text(&self) -> String {
        self.look(|parser| parser.screen().contents())
    }

    /// Looks at the screen.
    pub fn look<T>(&self, look: impl FnOnce(&Parser) -> T) -> T {
        look(&self.screen.lock().expect("no panic"))
    }

    /// Types.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("it reads");
        self.keyboard.flush().expect("it reads");
    }

    /// Forgets what is seen, as if something else had written all over it.
    pub fn forget(&self) {
        let mut screen = self.screen.lock().expect("no panic");
        let (rows, columns) = screen.screen().size();
        *screen = Parser::new(rows, columns, 1000);
    }

    /// Makes the terminal larger or smaller.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        let mut screen = self.screen.lock().expect("no panic");
        screen.screen_mut().set_size(some(rows), some(columns));
        self.pair
            .master
            .resize(size(columns, rows))
            .expect("resized");
    }

    /// Waits until the screen shows what is asked for, and returns it.
    pub fn until(&self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        self.within(PATIENCE, what, condition)
    }

    /// The same, but not for long.
    pub fn within(
        &self,
        patience: Duration,
        what: &str,
        condition: impl Fn(&str) -> bool,
    ) -> String {
        let begun = Instant::now();
        loop {
            let text = self.text();
            if condition(&text) {
                return text;
            }
            assert!(begun.elapsed() < patience, "{what} is not seen:\n{text}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: &str) {
        let id = self.child.process_id().expect("it runs").to_string();
        let sent = std::process::Command::new("kill")
            .args([format!("-{signal}"), id])
            .status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits for the program's end.
    pub fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                // What it wrote last is still on its way.
                thread::sleep(Duration::from_millis(100));
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it hangs:\n{}", self.text());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether the terminal is as it was before the program started, but for what is written on it.
    pub fn is_as_before(&self) -> bool {
        let (alternate, hidden) = self.look(|parser| {
            let screen = parser.screen();
            (screen.alternate_screen(), screen.hide_cursor())
        });
        !alternate && !hidden && settings(&self.pair) == self.settings
    }

    /// Whether a program has it for itself: the alternate screen, raw.
    pub fn is_taken(&self) -> bool {
        self.look(|parser| parser.screen().alternate_screen())
            && settings(&self.pair) != self.settings
    }

    /// Takes the terminal away, as a closed window does; returns the program.
    pub fn vanish(mut self) -> Box<dyn Child + Send + Sync> {
        self.is_gone.store(true, Ordering::Relaxed);
        // The thread that reads has it open as well, until there is something to read.
        self.press("?");
        self.child
    }
}

/// How the terminal treats what is typed and written.
fn settings(pair: &PtyPair) -> String {
    let now = pair.master.get_termios().expect("a terminal");
    // The speed of input may be given as such or as "the same as that of output".
    let speed_of_input = 0xf_0000;
    let (input, output, local) = (now.input_flags, now.output_flags, now.local_flags);
    let control = now.control_flags.bits() & !speed_of_input;
    format!(
        "{input:?} {output:?} {local:?} {control:x} {:?}",
        now.control_chars
    )
}
