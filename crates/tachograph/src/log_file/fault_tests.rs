//! One test per fault that was found by attacking the log.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use tempfile::TempDir;

use super::rotate::rotated_path;
use super::tests::{TinyDisk, last, line, open, place, sequences, skipped, write};
use super::*;

fn refused(path: &Path) -> String {
    LogFile::open(LogOptions::new(path))
        .unwrap_err()
        .to_string()
}

fn rotating(path: &Path, rotate_files: usize) -> LogFile {
    let options = LogOptions {
        path: path.to_owned(),
        rotate_bytes: 1,
        rotate_files,
    };
    LogFile::open(options).unwrap().0
}

#[cfg(unix)]
#[test]
fn who_locked_the_log_after_its_lock_was_deleted_keeps_it() {
    let (_folder, path) = place();
    let (mut log, _) = open(&path);
    log.append(line(1)).unwrap();
    log.write_latest("1").unwrap();
    fs::remove_file(with_suffix(&path, ".lock")).unwrap();

    let (mut other, _) = open(&path);
    other.append(line(10)).unwrap();
    for problem in [log.append(line(2)), log.write_latest("2")] {
        let problem = problem.unwrap_err();
        assert!(matches!(problem, LogError::InUse { .. }), "{problem}");
    }
    assert_eq!(fs::read_to_string(log.latest_path()).unwrap(), "1\n");
    drop(other);
    log.append(line(3)).unwrap();
    assert_eq!(sequences(&path), [1, 10, 2, 3]);
}

#[test]
fn a_deleted_lock_is_taken_again_with_the_next_line() {
    let (_folder, path) = place();
    let (mut log, _) = open(&path);
    fs::remove_file(with_suffix(&path, ".lock")).unwrap();
    log.append(line(1)).unwrap();
    assert!(refused(&path).contains("in use by another collector"));
}

/// The collector replaces the newest snapshot first, and that makes the folder anew.
#[test]
fn the_newest_snapshot_takes_the_lock_of_a_removed_folder_again() {
    let (_folder, path) = place();
    let (mut log, _) = open(&path);
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    log.write_latest("1").unwrap();
    log.append(line(1)).unwrap();
    assert!(refused(&path).contains("in use by another collector"));
}

#[cfg(unix)]
#[test]
fn two_names_of_one_log_have_one_lock() {
    let (folder, path) = place();
    let link = folder.path().join("link.json");
    // Relative, and to a file that does not exist yet.
    std::os::unix::fs::symlink("logs/metrics.json", &link).unwrap();
    let mut log = rotating(&link, 2);
    assert!(refused(&path).contains("in use by another collector"));
    assert!(refused(&link).contains("in use by another collector"));
    for number in 1..=3 {
        log.append(line(number)).unwrap();
    }
    log.write_latest("1").unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(rotated_path(&path, 2).exists());
    assert_eq!(log.latest_path(), folder.path().join("link.latest.json"));
    assert_eq!(
        (sequences(&path), sequences(&link)),
        (vec![1, 2, 3], vec![1, 2, 3])
    );
}

#[test]
fn a_relative_path_stays_where_it_was_when_the_process_moves() {
    let folder = TempDir::new_in(env::current_dir().unwrap()).unwrap();
    let name = Path::new(folder.path().file_name().unwrap()).join("metrics.json");
    let (log, _) = open(&name);
    assert_eq!(log.path(), folder.path().join("metrics.json"));
    assert!(log.latest_path().is_absolute());
}

#[test]
fn logs_that_share_the_newest_snapshots_name_do_not_mix_it_up() {
    let (_folder, path) = place();
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    thread::scope(|scope| {
        let writers = [("json", "a"), ("log", "b")].map(|(extension, letter)| {
            let (mut log, _) = open(&path.with_extension(extension));
            scope.spawn(move || {
                for _ in 0..60 {
                    log.write_latest(&letter.repeat(100_000)).unwrap();
                }
            })
        });
        while !writers.iter().all(thread::ScopedJoinHandle::is_finished) {
            let newest = read(&path.with_extension("latest.json"));
            let whole = newest.is_empty() || newest.len() == 100_001;
            let mixed = newest.contains('a') && newest.contains('b');
            assert!(whole && !mixed, "{} bytes", newest.len());
        }
    });
}

#[cfg(unix)]
#[test]
fn a_link_in_place_of_the_temporary_file_is_not_followed() {
    let (folder, path) = place();
    let precious = folder.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    let (mut log, _) = open(&path);
    std::os::unix::fs::symlink(&precious, with_suffix(&path, ".latest.tmp")).unwrap();
    log.write_latest("1").unwrap();
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    assert_eq!(fs::read_to_string(log.latest_path()).unwrap(), "1\n");
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_the_lock_is_refused() {
    let (_folder, path) = place();
    write(&path, "");
    let lock = with_suffix(&path, ".lock");
    let made = Command::new("mkfifo").arg(&lock).status().unwrap();
    assert!(made.success());
    assert_eq!(
        refused(&path),
        format!("the log {} is not a regular file", lock.display())
    );
}

#[test]
fn a_torn_end_is_closed_before_the_file_is_rotated() {
    let (_folder, path) = place();
    let mut log = rotating(&path, 1);
    for torn in ["# by hand", &line(2)[..50]] {
        let mut other = File::options()
            .append(true)
            .create(true)
            .open(&path)
            .unwrap();
        other
            .write_all(format!("{}\n{torn}", line(1)).as_bytes())
            .unwrap();
        log.append(line(3)).unwrap();
        let rotated = fs::read_to_string(rotated_path(&path, 1)).unwrap();
        assert!(
            rotated.ends_with("}\n") || rotated.ends_with("# by hand\n"),
            "{rotated}"
        );
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn the_last_line_is_found_behind_a_gap_and_a_folder() {
    let (_folder, path) = place();
    write(&rotated_path(&path, 2).join("inside"), "");
    write(&rotated_path(&path, 3), &(line(7) + "\n"));
    assert_eq!(last(&open(&path).1), Some(7));
}

#[test]
fn a_foreign_end_on_a_full_disk_is_no_reason_not_to_start() {
    let Some(disk) = TinyDisk::mount() else {
        return;
    };
    let path = disk.path().join("metrics.json");
    // To the end of its page, so that not even a newline fits.
    let noise = "#".repeat(4096 - line(1).len() - 1);
    write(&path, &format!("{}\n{noise}", line(1)));
    let ballast = disk.fill(4096);
    let (mut log, recovery) = open(&path);
    assert_eq!(
        (last(&recovery), recovery.repaired),
        (Some(1), Some(noise.len() as u64))
    );
    assert!(log.append(line(2)).is_err() && log.append(line(3)).is_err());
    fs::remove_file(ballast).unwrap();
    log.append(line(4)).unwrap();
    let expected = format!(
        "{}\n{noise}\n{}\n{}\n{}\n",
        line(1),
        line(2),
        line(3),
        line(4)
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}

/// Sets or clears the attribute that allows nothing but appending: the only way to have a cut fail.
fn append_only(path: &Path, on: bool) -> bool {
    let sign = if on { "+a" } else { "-a" };
    let done = Command::new("chattr").arg(sign).arg(path).output();
    done.is_ok_and(|it| it.status.success())
}

#[test]
fn a_line_of_which_only_the_newline_did_not_fit_is_not_doubled() {
    let Some(disk) = TinyDisk::mount() else {
        return;
    };
    let path = disk.path().join("metrics.json");
    let (mut log, _) = open(&path);
    // Line 1 and line 2 fill two pages but for the newline.
    let room = 8192 - line(2).len();
    let text = format!(":\"{}\"", "x".repeat(room - line(1).len() - 1));
    let first = line(1).replacen(":\"\"", &text, 1);
    log.append(first.clone()).unwrap();
    let ballast = disk.fill(8192);
    assert_eq!(fs::metadata(&path).unwrap().len(), room as u64);
    if !append_only(&path, true) {
        return skipped("a cut that fails, because chattr does not work on a tmpfs here");
    }
    assert!(log.append(line(2)).is_err());
    assert_eq!(fs::metadata(&path).unwrap().len(), 8192, "it was not cut");
    assert!(log.append(line(3)).is_err());
    fs::remove_file(ballast).unwrap();
    log.append(line(4)).unwrap();
    let expected = format!("{first}\n{}\n{}\n{}\n", line(2), line(3), line(4));
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}

#[test]
fn a_rotation_between_two_files_hides_none_from_a_reader() {
    let (_folder, path) = place();
    let mut log = rotating(&path, 100);
    let mut number = 0;
    while number < 5 {
        number += 1;
        log.append(line(number)).unwrap();
    }
    let mut seen = Vec::new();
    for read in read_lines(&path) {
        seen.push(read.unwrap().sequence);
        number += 1;
        log.append(line(number)).unwrap();
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
}

#[test]
fn more_files_than_are_opened_at_once_are_read() {
    let (_folder, path) = place();
    let mut log = rotating(&path, 1000);
    (1..=100).for_each(|number| log.append(line(number)).unwrap());
    fs::remove_file(rotated_path(&path, 80)).unwrap();
    let read: Vec<_> = read_lines(&path).map(|it| it.unwrap().sequence).collect();
    let expected: Vec<_> = (1..=100).filter(|number| *number != 20).collect();
    assert_eq!(read, expected);
}

#[test]
fn rotation_in_any_instant_hides_no_line_from_a_reader() {
    let (_folder, path) = place();
    let mut log = rotating(&path, 1000);
    log.append(line(1)).unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| (2..60).for_each(|number| log.append(line(number)).unwrap()));
        while !writer.is_finished() {
            let seen = sequences(&path);
            let expected: Vec<_> = (1..=seen.len() as u64).collect();
            assert_eq!(seen, expected);
        }
    });
}

/// What was reported through the `log` crate by all tests of this program.
struct Reports(Mutex<Vec<String>>);

static REPORTS: Reports = Reports(Mutex::new(Vec::new()));

impl log::Log for Reports {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

#[test]
fn lines_that_are_lost_in_the_end_are_reported() {
    log::set_logger(&REPORTS).unwrap();
    log::set_max_level(log::LevelFilter::Warn);
    let (_folder, path) = place();
    let logs: PathBuf = path.parent().unwrap().into();
    let (mut log, _) = open(&path);
    fs::remove_dir_all(&logs).unwrap();
    fs::write(&logs, "in the way").unwrap();
    assert!(log.append(line(1)).is_err() && log.append(line(2)).is_err());
    drop(log);
    let expected = format!(
        "{}: 2 lines are lost, because they could not be written",
        path.display()
    );
    assert!(REPORTS.0.lock().unwrap().contains(&expected));
}
