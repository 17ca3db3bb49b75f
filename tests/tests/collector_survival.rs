//! `kill -9` at random instants of a whole collector: a frame loop, the background thread's lines and those asked for.
//!
//! Dozens of kills run with the other tests. Hundreds, with their figures:
//!
//! ```sh
//! TACHOGRAPH_COLLECTOR_KILLS=1000 cargo test -p tachograph-tests --test collector_survival -- --nocapture
//! ```
#![cfg(unix)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{env, thread};

use tachograph::{MetricsSnapshot, read_lines};
use tachograph_tests::Random;
use tachograph_tests::service::Service;

/// Kills of one log before a new one is begun.
const KILLS_PER_LOG: u64 = 8;
/// About four lines.
const ROTATE_BYTES: &str = "300000";

#[derive(Debug, Default)]
struct Tally {
    kills: u64,
    acknowledged: u64,
    lines: u64,
    torn: u64,
    rotated_files: u64,
}

fn start(path: &Path, run: u64) -> Service {
    let mut command = Command::new(env!("CARGO_BIN_EXE_frame_service"));
    let run = run.to_string();
    command.arg(path).args([ROTATE_BYTES, "1000", &run]);
    Service::start(&mut command).unwrap()
}

/// Runs a service, kills it in the middle of its lines and returns the number of the last that it said to have written.
fn kill(path: &Path, run: u64, random: &mut Random) -> u64 {
    let mut service = start(path, run);
    let mut pause = random.below(150_000);
    if run.is_multiple_of(4) {
        // Only the background thread's lines, which come every 100 ms and find it hard to get in between.
        pause += 200_000;
    } else {
        service.flood();
    }
    thread::sleep(Duration::from_micros(pause));
    let said = service.kill();
    for (expected, said) in (1_u64..).zip(&said) {
        assert_eq!(*said, expected.to_string());
    }
    said.len() as u64
}

/// Checks the lines of the run that was killed last; older ones were checked when they were the last.
fn check_run(lines: &[MetricsSnapshot], acknowledged: u64) {
    for pair in lines.windows(2) {
        assert!(
            pair[0].sequence < pair[1].sequence,
            "doubled or out of order"
        );
        assert!(pair[0].frames_processed <= pair[1].frames_processed);
        assert!(pair[0].timestamp <= pair[1].timestamp);
    }
    let numbers: BTreeSet<u64> = lines
        .iter()
        .map(|line| line.custom.counters["line"])
        .collect();
    let newest = numbers.last().copied().unwrap_or(0);
    assert!(
        (acknowledged..=acknowledged + 1).contains(&newest),
        "{acknowledged} lines were acknowledged, the newest is {newest}"
    );
    for number in 1..=acknowledged {
        assert!(
            numbers.contains(&number),
            "line {number} of {acknowledged} is missing"
        );
    }
}

/// The lines of a run, and how many of the log are no lines.
fn lines_of(path: &Path, run: u64) -> (Vec<MetricsSnapshot>, u64) {
    let (good, bad): (Vec<_>, Vec<_>) = read_lines(path).partition(Result::is_ok);
    let good = good.into_iter().flatten();
    let of_run = good.filter(|line| line.custom.counters["run"] == run);
    (of_run.collect(), bad.len() as u64)
}

/// Rotated files of a log.
fn rotated_files(path: &Path) -> u64 {
    let number = |number: &u64| path.with_extension(format!("json.{number}"));
    (1..1000).take_while(|it| number(it).exists()).count() as u64
}

fn kill_many(kills: u64) -> Tally {
    let mut random = Random::new(4);
    let mut tally = Tally::default();
    while tally.kills < kills {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.json");
        for run in 1..=KILLS_PER_LOG {
            let acknowledged = kill(&path, run, &mut random);
            let (lines, torn) = lines_of(&path, run);
            assert!(torn <= 1, "{torn} lines are torn");
            check_run(&lines, acknowledged);
            tally.kills += 1;
            tally.acknowledged += acknowledged;
            tally.lines += lines.len() as u64;
            tally.torn += torn;
        }
        tally.rotated_files += rotated_files(&path);
        let ended = start(&path, KILLS_PER_LOG + 1).end();
        assert_eq!((ended.status.log_errors, &ended.shutdown[..]), (0, "ok"));
        assert_eq!(
            lines_of(&path, KILLS_PER_LOG + 1).1,
            0,
            "nothing stays torn"
        );
    }
    tally
}

#[test]
fn a_killed_collector_leaves_every_line() {
    let asked = env::var("TACHOGRAPH_COLLECTOR_KILLS").ok();
    let kills = asked.map_or(24, |text| text.parse().expect("it is a number"));
    let tally = kill_many(kills);
    println!("{tally:?}");
    assert!(
        tally.acknowledged > tally.kills,
        "hardly a line was written: {tally:?}"
    );
    assert!(
        tally.lines > tally.acknowledged,
        "the background thread logged nothing: {tally:?}"
    );
    assert!(
        tally.rotated_files > tally.kills / 4,
        "hardly a rotation: {tally:?}"
    );
}
