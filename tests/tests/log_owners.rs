//! Several processes on one log: one writes, the others are refused in a sentence.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::Command;

use tachograph::{MetricsSnapshot, read_lines};
use tachograph_tests::service::{Service, check_all_lines};
use tempfile::TempDir;

/// Processes that start at once.
const RIVALS: usize = 6;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.json");
    (folder, path)
}

fn command(path: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_frame_service"));
    command.arg(path).args(["0", "0", "0"]);
    command
}

fn lines(path: &Path) -> Vec<MetricsSnapshot> {
    read_lines(path).collect::<Result<_, _>>().unwrap()
}

/// What the loser says.
fn refusal(path: &Path) -> String {
    let path = path.display();
    format!("the log {path} is in use by another collector, which holds {path}.lock")
}

#[test]
fn the_second_is_refused_and_the_first_goes_on() {
    let (_folder, path) = place();
    let mut first = Service::start(&mut command(&path)).unwrap();
    first.wait_for("line", |_| path.metadata().is_ok_and(|it| it.len() > 0));
    for _ in 0..5 {
        let refused = Service::start(&mut command(&path)).unwrap_err();
        assert_eq!(refused, refusal(&path));
    }
    let ended = first.end();
    assert_eq!((ended.status.log_errors, &ended.shutdown[..]), (0, "ok"));
    assert_eq!(ended.reports, "");
    check_all_lines(&lines(&path), &ended.status).unwrap();
}

#[test]
fn the_lock_goes_with_its_process() {
    let (_folder, path) = place();
    let mut before = 0;
    for _ in 0..5 {
        let mut service = Service::start(&mut command(&path)).unwrap();
        service.wait_for("line", |_| read_lines(&path).flatten().count() > before);
        service.kill();
        before = read_lines(&path).flatten().count();
    }
    assert!(Service::start(&mut command(&path)).unwrap().end().shutdown == "ok");
}

/// Starts several at once; the one that won, if it was one alone.
fn race(path: &Path) -> Service {
    let mut rivals: Vec<_> = (0..RIVALS)
        .map(|_| Service::prepare(&mut command(path)).unwrap())
        .collect();
    rivals.iter_mut().for_each(Service::go);
    let (winners, losers): (Vec<_>, Vec<_>) = rivals
        .into_iter()
        .map(Service::ready)
        .partition(Result::is_ok);
    for loser in losers {
        assert_eq!(loser.unwrap_err(), refusal(path));
    }
    let [winner] = <[_; 1]>::try_from(winners).unwrap_or_else(|all| panic!("{} won", all.len()));
    winner.unwrap()
}

#[test]
fn of_several_that_start_at_once_one_wins() {
    for _ in 0..8 {
        let (_folder, path) = place();
        let ended = race(&path).end();
        check_all_lines(&lines(&path), &ended.status).unwrap();
        // And once more on a log whose writer was killed.
        race(&path).kill();
        let last = race(&path).end().status;
        assert_eq!(
            lines(&path).last().unwrap().frames_processed,
            last.processed
        );
    }
}
