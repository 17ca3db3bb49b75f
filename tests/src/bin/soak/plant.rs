//! What goes wrong on purpose.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use tachograph::{MetricsCollector, Outcome};

use crate::args::Plant;

/// Does nothing unless something is planted.
#[derive(Debug, Default)]
pub(crate) struct Sabotage {
    plant: Option<Plant>,
    seconds: AtomicU64,
    kept: Mutex<Vec<Vec<u8>>>,
    open: Mutex<Vec<File>>,
}

impl Sabotage {
    pub(crate) fn new(plant: Option<Plant>) -> Self {
        Self {
            plant,
            ..Self::default()
        }
    }

    /// Once a second.
    pub(crate) fn each_second(&self, collector: &MetricsCollector, log: &Path) {
        let second = self.seconds.fetch_add(1, Relaxed);
        match self.plant {
            Some(Plant::Leak) => {
                if let Ok(mut kept) = self.kept.lock() {
                    kept.push(vec![1; 1 << 20]);
                }
            }
            Some(Plant::Handle) => {
                if let (Ok(mut open), Ok(file)) = (self.open.lock(), File::open(log)) {
                    open.push(file);
                }
            }
            Some(Plant::Thread) => {
                thread::spawn(|| thread::sleep(Duration::from_hours(1)));
            }
            Some(Plant::Frame) if second == 1 => {
                collector.recorder().frame().finish(Outcome::Idle);
            }
            Some(Plant::Line) if second == 3 => change_last_line(log, 0),
            Some(Plant::Twice) if second == 3 => change_last_line(log, 2),
            _ => {}
        }
    }

    /// In each frame: up to two microseconds more for every second that went by.
    pub(crate) fn slow_down(&self) {
        if self.plant == Some(Plant::Slow) {
            let until = Instant::now() + Duration::from_micros(2 * self.seconds.load(Relaxed));
            while Instant::now() < until {}
        }
    }
}

/// Leaves out the last line of the log, or has it there twice.
fn change_last_line(log: &Path, times: usize) {
    let Ok(text) = std::fs::read_to_string(log) else {
        return;
    };
    let text = text.trim_end();
    let last = text.rfind('\n').map_or(0, |newline| newline + 1);
    let (before, line) = text.split_at(last);
    let lines = format!("{line}\n").repeat(times);
    _ = std::fs::write(log, format!("{before}{lines}"));
}
