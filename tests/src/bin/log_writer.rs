//! Writes a log as fast as it can, for `tests/log_survival.rs` to kill.
//!
//! `log_writer FIRST PATH ROTATE_BYTES ROTATE_FILES [PLANT]` opens the log, says `open LAST REPAIRED` (line and bytes, `-` for
//! none) on standard output, and then appends line by line from FIRST on and says the number of each. Before every fourth line it
//! replaces the newest snapshot. It ends when nobody listens any more. PLANT is a fault that the tests must find:
//!
//! - `unrepaired`: the log is opened as any file is, so that a line is added to what a crash left
//! - `early`: a line is acknowledged before it is written
//! - `in-place`: the newest snapshot is overwritten, not replaced

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use tachograph::{LogFile, LogOptions, Recovery};
use tachograph_tests::survival::{NEWEST_EVERY, numbered_line};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [first, path, rotate_bytes, rotate_files, plant @ ..] = &args[..] else {
        return Err("usage: log_writer FIRST PATH ROTATE_BYTES ROTATE_FILES [PLANT]".into());
    };
    let first = first.parse()?;
    let options = LogOptions {
        path: path.into(),
        rotate_bytes: rotate_bytes.parse()?,
        rotate_files: rotate_files.parse()?,
    };
    let plant = plant.first().map(String::as_str);
    if plant == Some("unrepaired") {
        return write_unrepaired(first, &options.path);
    }
    let (mut log, recovery) = LogFile::open(options)?;
    say(&opened(&recovery))?;
    for number in first.. {
        let line = numbered_line(number);
        match plant {
            _ if number % NEWEST_EVERY > 0 => {}
            Some("in-place") => fs::write(log.latest_path(), format!("{line}\n"))?,
            _ => log.write_latest(&line)?,
        }
        if plant == Some("early") {
            say(&number.to_string())?;
            log.append(line)?;
        } else {
            log.append(line)?;
            say(&number.to_string())?;
        }
    }
    Ok(())
}

fn opened(recovery: &Recovery) -> String {
    let text = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let last = recovery.last.as_ref().map(|last| last.sequence);
    format!("open {} {}", text(last), text(recovery.repaired))
}

/// Says something in one write, so that a kill leaves all of it or nothing.
fn say(what: &str) -> io::Result<()> {
    io::stdout()
        .lock()
        .write_all(format!("{what}\n").as_bytes())
}

fn write_unrepaired(first: u64, path: &Path) -> Result<(), Box<dyn Error>> {
    let mut file = File::options().append(true).create(true).open(path)?;
    let torn = fs::read(path)?
        .rsplit(|byte| *byte == b'\n')
        .next()
        .map_or(0, <[u8]>::len);
    let repaired = (torn > 0).then(|| torn.to_string());
    say(&format!("open - {}", repaired.as_deref().unwrap_or("-")))?;
    for number in first.. {
        file.write_all(format!("{}\n", numbered_line(number)).as_bytes())?;
        say(&number.to_string())?;
    }
    Ok(())
}
