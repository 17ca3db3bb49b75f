//! `kill -9` at random instants, while lines are written, files rotated and the newest snapshot is replaced.
//!
//! A few hundred kills run with the other tests. Thousands, with their figures:
//!
//! ```sh
//! TACHOGRAPH_KILLS=10000 cargo test -p tachograph-tests --test log_survival -- --nocapture
//! ```
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;
use std::{env, fs};

use tachograph::{LogFile, LogOptions, read_lines};
use tachograph_tests::Random;
use tachograph_tests::survival::{NEWEST_EVERY, number_of, numbered_line, scan};
use tempfile::TempDir;

/// Kills of one log before a new one is begun, so that reading all of it again and again stays cheap.
const KILLS_PER_LOG: u64 = 12;
/// Five lines or so, so that a good part of the time goes into rotating.
const ROTATE_BYTES: u64 = 512 << 10;

/// Kills asked for by the environment, or else so many.
fn kills(default: u64) -> u64 {
    let asked = env::var("TACHOGRAPH_KILLS").ok();
    asked.map_or(default, |text| {
        text.parse().expect("TACHOGRAPH_KILLS is a number")
    })
}

/// Where the kills struck: a test that never tore a line proves nothing about torn lines.
#[derive(Debug, Default)]
struct Tally {
    kills: u64,
    lines: u64,
    while_opening: u64,
    /// Between a write and the word of it.
    unacknowledged: u64,
    torn: u64,
    lacking_newline: u64,
    rotating: u64,
    files_deleted: u64,
}

/// A log whose writer is killed again and again.
struct Victim {
    folder: TempDir,
    rotate_files: usize,
    plant: Option<&'static str>,
    /// The newest line that is there for certain.
    newest: u64,
    /// What the next start must report, if it is known.
    torn: Option<u64>,
}

impl Victim {
    fn new(rotate_files: usize) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            rotate_files,
            plant: None,
            newest: 0,
            torn: None,
        }
    }

    fn planted(plant: &'static str) -> Self {
        Self {
            plant: Some(plant),
            ..Self::new(1000)
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("metrics.json")
    }

    fn spawn(&self) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_log_writer"));
        command.arg((self.newest + 1).to_string()).arg(self.path());
        command.args([ROTATE_BYTES.to_string(), self.rotate_files.to_string()]);
        command.args(self.plant);
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        piped.spawn().unwrap()
    }

    /// Starts the writer, kills it at some instant and looks at what it left.
    fn kill(&mut self, random: &mut Random, tally: &mut Tally) -> Result<(), String> {
        let mut child = self.spawn();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        // One in eight is killed while it starts and repairs.
        let mut instant = random.below(4000);
        if random.below(8) > 0 {
            output.read_line(&mut said).unwrap();
            instant *= 2;
        }
        thread::sleep(Duration::from_micros(instant));
        child.kill().unwrap();
        output.read_to_string(&mut said).unwrap();
        let mut problem = String::new();
        let mut errors = child.stderr.take().unwrap();
        errors.read_to_string(&mut problem).unwrap();
        let status = child.wait().unwrap();
        if status.code().is_some() {
            return Err(format!(
                "the writer ended by itself, {status}: {}",
                problem.trim()
            ));
        }
        tally.kills += 1;
        let acknowledged = self.check_words(&said, tally)?;
        self.check_log(acknowledged, tally)?;
        self.check_newest(acknowledged)
    }

    /// Checks what the writer said; returns the last line that it said to have written.
    fn check_words(&self, said: &str, tally: &mut Tally) -> Result<u64, String> {
        let mut words = said.lines();
        let Some(opened) = words.next() else {
            tally.while_opening += 1;
            return Ok(self.newest);
        };
        let known = |number: u64| match number {
            0 => "-".to_owned(),
            number => number.to_string(),
        };
        let expected = format!(
            "open {} {}",
            known(self.newest),
            known(self.torn.unwrap_or(0))
        );
        if opened != expected && self.plant.is_none() {
            return Err(format!("the start said {opened:?}, not {expected:?}"));
        }
        let mut newest = self.newest;
        for word in words {
            newest += 1;
            if word != newest.to_string() {
                return Err(format!("the writer said {word:?}, not {newest}"));
            }
        }
        tally.lines += newest - self.newest;
        Ok(newest)
    }

    fn check_log(&mut self, acknowledged: u64, tally: &mut Tally) -> Result<(), String> {
        let found = scan(&self.path())?;
        let newest = found.newest();
        if newest != acknowledged && newest != acknowledged + 1 {
            return Err(format!(
                "line {acknowledged} was acknowledged, the newest is line {newest}"
            ));
        }
        let oldest = found.lines.map_or(1, |(oldest, _)| oldest);
        // While a rotation is under way there is one file less.
        let too_few = found.rotated + 1 < self.rotate_files;
        if found.rotated > self.rotate_files || (oldest > 1 && too_few) {
            return Err(format!(
                "{} rotated files are kept, and line {oldest} is the oldest",
                found.rotated
            ));
        }
        self.torn = found.torn;
        self.newest = newest;
        tally.unacknowledged += newest - acknowledged;
        tally.torn += u64::from(found.torn.is_some() && !found.lacks_newline);
        tally.lacking_newline += u64::from(found.lacks_newline);
        tally.rotating += u64::from(found.rotating);
        tally.files_deleted += u64::from(oldest > 1);
        Ok(())
    }

    /// The newest snapshot is replaced before its line is written.
    fn check_newest(&self, acknowledged: u64) -> Result<(), String> {
        if self.plant == Some("unrepaired") {
            return Ok(());
        }
        match newest_snapshot(&self.path())? {
            None if acknowledged < NEWEST_EVERY => Ok(()),
            Some(number)
                if (acknowledged..=acknowledged + 1)
                    .any(|line| number == line - line % NEWEST_EVERY) =>
            {
                Ok(())
            }
            other => Err(format!(
                "line {acknowledged} was acknowledged, the newest snapshot is {other:?}"
            )),
        }
    }

    /// The library's own reader sees the same lines.
    fn check_reader(&self) -> Result<(), String> {
        let mut expected = scan(&self.path())?.lines.map_or(1, |(oldest, _)| oldest);
        for line in read_lines(self.path()) {
            match line {
                Ok(line) if line.sequence == expected => expected += 1,
                Ok(line) => return Err(format!("read {}, not {expected}", line.sequence)),
                // What was torn, and is repaired with the next start.
                Err(_) if self.torn.is_some() && expected > self.newest => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        if expected == self.newest + 1 {
            Ok(())
        } else {
            Err(format!("line {expected} was not read"))
        }
    }
}

/// The number of the newest snapshot's file; `None` if there is none yet.
fn newest_snapshot(path: &Path) -> Result<Option<u64>, String> {
    let Ok(bytes) = fs::read(path.with_extension("latest.json")) else {
        return Ok(None);
    };
    let number = bytes.strip_suffix(b"\n").and_then(number_of);
    number.map_or_else(
        || Err(format!("{} bytes are no snapshot", bytes.len())),
        |number| Ok(Some(number)),
    )
}

impl Tally {
    /// Whether kills struck where it matters, and how often at least.
    fn struck(&self) -> bool {
        let floor = self.kills.min(1000) / 100;
        let rare = self.unacknowledged.min(self.while_opening) > 0;
        // Elsewhere a write may be finished before a signal is looked at.
        let torn = self.torn > floor || !cfg!(target_os = "linux");
        rare && torn && self.rotating > floor && self.lines > self.kills
    }
}

/// Kills writers of logs that keep `rotate_files`, so often, and more often if the kills did not yet strike everywhere.
fn kill_many(kills: u64, rotate_files: usize, seed: u64) -> Tally {
    let mut random = Random::new(seed);
    let mut tally = Tally::default();
    while tally.kills < kills || (!tally.struck() && tally.kills < 10 * kills) {
        let mut victim = Victim::new(rotate_files);
        for _ in 0..KILLS_PER_LOG {
            let killed = victim.kill(&mut random, &mut tally);
            killed.unwrap_or_else(|problem| panic!("kill {}: {problem}", tally.kills));
        }
        victim.check_reader().unwrap();
    }
    println!("{rotate_files} rotated files kept: {tally:?}");
    assert!(tally.struck(), "too few kills where it matters: {tally:?}");
    tally
}

#[test]
fn no_kill_costs_or_doubles_a_line() {
    let tally = kill_many(kills(200), 1000, 1);
    assert_eq!(tally.files_deleted, 0);
}

#[test]
fn the_newest_lines_survive_where_old_files_are_deleted() {
    let tally = kill_many(kills(200) / 4, 3, 2);
    assert!(tally.files_deleted > tally.kills / 5, "{tally:?}");
}

/// Reads the newest snapshot in a tight loop; returns how often, and how many different ones it saw.
fn watch_newest(path: &Path, stop: &AtomicBool) -> Result<(u64, u64), String> {
    let (mut reads, mut seen, mut last) = (0, 0, None);
    while !stop.load(Relaxed) {
        let number = newest_snapshot(path)?;
        if number < last {
            return Err(format!("snapshot {number:?} after {last:?}"));
        }
        reads += u64::from(number.is_some());
        seen += u64::from(number != last);
        last = number;
    }
    Ok((reads, seen))
}

/// Kills a writer while another thread reads the newest snapshot.
fn kill_while_watched(
    victim: &mut Victim,
    kills: u64,
    tally: &mut Tally,
) -> Result<(u64, u64), String> {
    let mut random = Random::new(3);
    let stop = AtomicBool::new(false);
    let path = victim.path();
    thread::scope(|scope| {
        let watcher = scope.spawn(|| watch_newest(&path, &stop));
        let killed = (0..kills).try_for_each(|_| victim.kill(&mut random, tally));
        stop.store(true, Relaxed);
        let seen = watcher.join().unwrap();
        killed.and(seen)
    })
}

#[test]
fn the_newest_snapshot_is_whole_at_every_instant() {
    let mut tally = Tally::default();
    let (mut reads, mut seen) = (0, 0);
    while tally.kills < kills(200) / 4 {
        let mut victim = Victim::new(1000);
        let watched = kill_while_watched(&mut victim, KILLS_PER_LOG, &mut tally).unwrap();
        reads += watched.0;
        seen += watched.1;
    }
    println!(
        "{reads} reads saw {seen} of {} newest snapshots: {tally:?}",
        tally.lines
    );
    assert!(
        seen > tally.kills / 4 && reads > 10 * seen,
        "{reads} reads, {seen} seen"
    );
}

#[test]
fn the_newest_snapshot_is_replaced_thousands_of_times() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.json");
    let (mut log, _) = LogFile::open(LogOptions::new(&path)).unwrap();
    let stop = AtomicBool::new(false);
    let (reads, seen) = thread::scope(|scope| {
        let watcher = scope.spawn(|| watch_newest(&path, &stop));
        for number in 1..=2000 {
            log.write_latest(&numbered_line(number)).unwrap();
        }
        stop.store(true, Relaxed);
        watcher.join().unwrap().unwrap()
    });
    println!("{reads} reads saw {seen} of 2000 newest snapshots");
    assert!(seen > 100, "{reads} reads saw only {seen}");
}

/// The twins: each fault is found, so what passed above was looked at.
#[test]
fn planted_faults_are_found() {
    let expected = [
        ("unrepaired", "that are no line"),
        ("early", "was acknowledged, the newest is"),
        ("in-place", "bytes are no snapshot"),
    ];
    for (plant, problem) in expected {
        let mut victim = Victim::planted(plant);
        let found = kill_while_watched(&mut victim, 200, &mut Tally::default()).unwrap_err();
        assert!(found.contains(problem), "{plant}: {found}");
    }
}
