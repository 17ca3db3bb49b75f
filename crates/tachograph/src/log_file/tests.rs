use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::rotate::rotated_path;
use super::*;

/// A folder, and a log path in it that does not exist yet.
pub(super) fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("logs").join("metrics.json");
    (folder, path)
}

pub(super) fn line(number: u64) -> String {
    let snapshot = MetricsSnapshot {
        timestamp: 1_700_000_000.5,
        sequence: number,
        ..MetricsSnapshot::default()
    };
    serde_json::to_string(&snapshot).unwrap()
}

pub(super) fn open(path: &Path) -> (LogFile, Recovery) {
    LogFile::open(LogOptions::new(path)).unwrap()
}

pub(super) fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// The sequence numbers of all readable lines.
pub(super) fn sequences(path: &Path) -> Vec<u64> {
    read_lines(path)
        .filter_map(Result::ok)
        .map(|snapshot| snapshot.sequence)
        .collect()
}

pub(super) fn last(recovery: &Recovery) -> Option<u64> {
    recovery.last.as_ref().map(|snapshot| snapshot.sequence)
}

#[test]
fn lines_are_appended_and_a_restart_goes_on() {
    let (_folder, path) = place();
    let (mut log, recovery) = open(&path);
    assert!(recovery.last.is_none() && recovery.repaired.is_none());
    log.append(line(1)).unwrap();
    log.append(line(2)).unwrap();
    drop(log);

    let (mut log, recovery) = open(&path);
    assert_eq!((last(&recovery), recovery.repaired), (Some(2), None));
    log.append(line(3)).unwrap();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        format!("{}\n{}\n{}\n", line(1), line(2), line(3))
    );
    assert_eq!(sequences(&path), [1, 2, 3]);
    assert_eq!((log.errors(), log.held()), (0, 0));
}

#[test]
fn every_cut_of_a_line_is_repaired() {
    let (_folder, path) = place();
    let whole = line(2);
    for cut in 1..=whole.len() {
        write(&path, &format!("{}\n{}", line(1), &whole[..cut]));
        let (mut log, recovery) = open(&path);
        let survives = cut == whole.len();
        assert_eq!(last(&recovery), Some(if survives { 2 } else { 1 }));
        assert_eq!(recovery.repaired, Some(cut as u64));
        log.append(line(3)).unwrap();
        assert!(read_lines(&path).all(|line| line.is_ok()), "cut at {cut}");
        let expected: &[u64] = if survives { &[1, 2, 3] } else { &[1, 3] };
        assert_eq!(sequences(&path), expected);
    }
}

#[test]
fn a_torn_first_line_leaves_an_empty_log() {
    let (_folder, path) = place();
    write(&path, &line(1)[..40]);
    let (log, recovery) = open(&path);
    assert_eq!((last(&recovery), recovery.repaired), (None, Some(40)));
    assert_eq!(fs::metadata(log.path()).unwrap().len(), 0);
}

#[test]
fn zeros_after_a_power_cut_are_cut_off() {
    let (_folder, path) = place();
    write(&path, &format!("{}\n\0\0\0\0", line(1)));
    let (_log, recovery) = open(&path);
    assert_eq!((last(&recovery), recovery.repaired), (Some(1), Some(4)));
    assert_eq!(fs::read_to_string(&path).unwrap(), line(1) + "\n");
}

#[test]
fn a_foreign_tail_is_kept_and_closed() {
    let (_folder, path) = place();
    write(&path, &format!("{}\n# by hand", line(1)));
    let (mut log, recovery) = open(&path);
    assert_eq!((last(&recovery), recovery.repaired), (Some(1), Some(9)));
    // And one that appears while the log is open.
    let mut other = File::options().append(true).open(&path).unwrap();
    other.write_all(b"# again").unwrap();
    log.append(line(2)).unwrap();
    drop(log);
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        format!("{}\n# by hand\n# again\n{}\n", line(1), line(2))
    );
    assert_eq!(last(&open(&path).1), Some(2));

    let errors: Vec<_> = read_lines(&path).filter_map(Result::err).collect();
    let numbers: Vec<_> = errors.iter().map(|error| error.line_number).collect();
    assert_eq!(numbers, [2, 3]);
    assert_eq!(
        errors[0].to_string(),
        format!(
            "{} line 2 is skipped: expected value at byte 1",
            path.display()
        )
    );
}

#[test]
fn a_log_of_ours_that_ends_in_foreign_lines_still_opens() {
    let (_folder, path) = place();
    let noise = "noise\n".repeat(40_000);
    write(&path, &format!("{}\n{noise}", line(1)));
    assert_eq!(last(&open(&path).1), Some(1));
}

#[test]
fn a_long_line_is_found_from_behind() {
    let (_folder, path) = place();
    let mut snapshot = MetricsSnapshot {
        timestamp: 1.0,
        sequence: 7,
        ..MetricsSnapshot::default()
    };
    snapshot.histograms.insert("t".into(), "x".repeat(300_000));
    let long = serde_json::to_string(&snapshot).unwrap();
    write(&path, &format!("{}\n{long}\n{}", line(1), &long[..250_000]));
    let (_log, recovery) = open(&path);
    assert_eq!(
        (last(&recovery), recovery.repaired),
        (Some(7), Some(250_000))
    );
    assert_eq!(sequences(&path), [1, 7]);
}

#[test]
fn a_file_that_is_no_log_is_refused_and_left_alone() {
    let (_folder, path) = place();
    for content in [
        "dear diary",
        "dear diary\n",
        "[]\n",
        "12",
        "{\n  \"timestamp\": 1\n}\n",
        "{\"name\": \"x\"}\n",
        "# a\n{\"time",
    ] {
        write(&path, content);
        let error = LogFile::open(LogOptions::new(&path)).unwrap_err();
        assert!(
            matches!(error, LogError::NotALog { .. }),
            "{content:?}: {error}"
        );
        assert!(error.to_string().contains("is not a metrics log"));
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    for harmless in ["", "\n", " \n\n"] {
        write(&path, harmless);
        assert!(open(&path).1.last.is_none());
    }
}

#[test]
fn a_path_that_cannot_be_a_log_is_refused() {
    let folder = TempDir::new().unwrap();
    let refused = |path: &Path| LogFile::open(LogOptions::new(path)).unwrap_err();
    assert!(matches!(
        refused(Path::new("..")),
        LogError::NoFileName { .. }
    ));
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    assert!(matches!(refused(&inner), LogError::NotAFile { .. }));
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = refused(&file.join("metrics.json"));
    assert!(
        error
            .to_string()
            .starts_with("cannot create the log folder ")
    );
}

#[test]
fn a_second_writer_is_refused_until_the_first_is_gone() {
    let (_folder, path) = place();
    let (first, _) = open(&path);
    let error = LogFile::open(LogOptions::new(&path)).unwrap_err();
    assert!(error.to_string().contains("in use by another collector"));
    drop(first);
    open(&path);
    assert!(with_suffix(&path, ".lock").exists());
}

#[test]
fn rotation_keeps_the_newest_files_in_order() {
    let (_folder, path) = place();
    let options = LogOptions {
        path: path.clone(),
        rotate_bytes: 2 * (line(1).len() as u64 + 1),
        rotate_files: 3,
    };
    let (mut log, _) = LogFile::open(options).unwrap();
    for number in 1..=9 {
        log.append(line(number)).unwrap();
    }
    assert_eq!(sequences(&path), [3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(
        fs::read_to_string(rotated_path(&path, 3)).unwrap(),
        format!("{}\n{}\n", line(3), line(4))
    );
    assert!(!rotated_path(&path, 4).exists());

    // A gap is filled, and what lies beyond the limit is cleared away.
    fs::remove_file(rotated_path(&path, 2)).unwrap();
    fs::write(rotated_path(&path, 12), line(0) + "\n").unwrap();
    log.append(line(1)).unwrap();
    log.append(line(2)).unwrap();
    assert_eq!(sequences(&path), [3, 4, 7, 8, 9, 1, 2]);
    assert_eq!(log.errors(), 0);
}

#[test]
fn without_rotated_files_the_full_log_is_deleted() {
    let (_folder, path) = place();
    let options = LogOptions {
        path: path.clone(),
        rotate_bytes: 1,
        rotate_files: 0,
    };
    let (mut log, _) = LogFile::open(options).unwrap();
    for number in 1..=3 {
        log.append(line(number)).unwrap();
    }
    assert_eq!(sequences(&path), [3]);
}

#[test]
fn a_rotation_that_fails_costs_no_line() {
    let (_folder, path) = place();
    // A folder that is not empty cannot be replaced by a file.
    write(&rotated_path(&path, 1).join("inside"), "");
    let options = LogOptions {
        path: path.clone(),
        rotate_bytes: 1,
        rotate_files: 1,
    };
    let (mut log, _) = LogFile::open(options).unwrap();
    log.append(line(1)).unwrap();
    let error = log.append(line(2)).unwrap_err();
    assert!(matches!(error, LogError::Rotate { .. }), "{error}");
    assert_eq!((log.held(), log.errors()), (0, 1));
    fs::remove_dir_all(rotated_path(&path, 1)).unwrap();
    assert_eq!(sequences(&path), [1, 2]);
}

#[test]
fn the_last_line_is_found_in_the_rotated_file() {
    let (_folder, path) = place();
    write(
        &rotated_path(&path, 1),
        &format!("{}\n{}\n", line(1), line(2)),
    );
    assert_eq!(last(&open(&path).1), Some(2));
    assert_eq!(
        last(&open(&path).1),
        Some(2),
        "also with an empty current file"
    );
    fs::remove_file(&path).unwrap();
    assert_eq!(sequences(&path), [1, 2], "nor does the reader miss it");
}

#[test]
fn a_removed_folder_heals_and_is_locked_again() {
    let (_folder, path) = place();
    let (mut log, _) = open(&path);
    log.append(line(1)).unwrap();
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    log.append(line(2)).unwrap();
    assert_eq!(sequences(&path), [2]);
    assert!(LogFile::open(LogOptions::new(&path)).is_err());
    assert_eq!(log.errors(), 0);
}

#[test]
fn who_took_the_log_over_while_its_folder_was_gone_keeps_it() {
    let (_folder, path) = place();
    let logs = path.parent().unwrap();
    let (mut log, _) = open(&path);
    fs::remove_dir_all(logs).unwrap();
    fs::write(logs, "in the way").unwrap();
    assert!(log.append(line(1)).is_err());
    fs::remove_file(logs).unwrap();

    let (mut other, _) = open(&path);
    other.append(line(10)).unwrap();
    let error = log.append(line(2)).unwrap_err();
    assert!(matches!(error, LogError::InUse { .. }), "{error}");
    drop(other);
    log.append(line(3)).unwrap();
    assert_eq!(sequences(&path), [10, 1, 2, 3]);
}

#[test]
fn an_external_rename_heals() {
    let (_folder, path) = place();
    let (mut log, _) = open(&path);
    log.append(line(1)).unwrap();
    fs::rename(&path, path.with_extension("old")).unwrap();
    log.append(line(2)).unwrap();
    assert_eq!(sequences(&path), [2]);
}

#[test]
fn lines_wait_in_order_while_the_folder_is_a_file() {
    let (_folder, path) = place();
    let logs = path.parent().unwrap().to_owned();
    let aside = logs.with_extension("aside");
    let (mut log, _) = open(&path);
    log.append(line(1)).unwrap();
    fs::rename(&logs, &aside).unwrap();
    fs::write(&logs, "in the way").unwrap();
    for number in 2..=4 {
        let error = log.append(line(number)).unwrap_err().to_string();
        assert!(
            error.contains(&path.display().to_string())
                || error.contains(&logs.display().to_string())
        );
    }
    assert!(log.write_latest("{}").is_err());
    assert_eq!((log.held(), log.errors()), (3, 4));
    fs::remove_file(&logs).unwrap();
    fs::rename(&aside, &logs).unwrap();
    log.append(line(5)).unwrap();
    assert_eq!(sequences(&path), [1, 2, 3, 4, 5]);
    assert_eq!((log.held(), log.errors()), (0, 4));
}

#[test]
fn a_day_of_lines_waits_and_then_the_oldest_goes() {
    let (_folder, path) = place();
    let logs = path.parent().unwrap().to_owned();
    let (mut log, _) = open(&path);
    fs::remove_dir_all(&logs).unwrap();
    fs::write(&logs, "in the way").unwrap();
    let extra = 3;
    let all = MAX_HELD as u64 + extra;
    for number in 1..=all {
        assert!(log.append(line(number)).is_err());
    }
    assert_eq!((log.held(), log.errors()), (MAX_HELD, all + extra));
    fs::remove_file(&logs).unwrap();
    log.flush().unwrap();
    let expected: Vec<_> = (extra + 1..=all).collect();
    assert_eq!(sequences(&path), expected);
}

#[test]
fn a_newline_inside_a_line_does_not_break_it() {
    let (_folder, path) = place();
    let (mut log, _) = open(&path);
    log.append(line(1).replace(',', ",\n")).unwrap();
    assert_eq!(sequences(&path), [1]);
}

#[test]
fn the_newest_snapshot_stands_alone() {
    let (_folder, path) = place();
    let (mut log, _) = open(&path);
    log.write_latest("{\"a\":1}").unwrap();
    log.write_latest("{\"a\":2}").unwrap();
    let latest = path.with_file_name("metrics.latest.json");
    assert_eq!(log.latest_path(), latest);
    assert_eq!(fs::read_to_string(&latest).unwrap(), "{\"a\":2}\n");
    let names = fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(names, 3, "the log, its lock and the newest snapshot");

    let bare = LogFile::open(LogOptions::new(path.with_file_name("other"))).unwrap();
    assert!(bare.0.latest_path().ends_with("logs/other.latest.json"));
}

#[test]
fn the_reader_takes_older_and_newer_lines() {
    let (_folder, path) = place();
    let newer = line(3).replacen('{', "{\"from_the_future\":[1],", 1);
    write(
        &path,
        &format!("{{\"timestamp\":5}}\n\n[]\n{newer}\n{{\"time"),
    );
    let read: Vec<_> = read_lines(&path).collect();
    let shape: Vec<_> = read
        .iter()
        .map(|line| line.as_ref().map(|s| s.sequence).map_err(|e| e.line_number))
        .collect();
    assert_eq!(shape, [Ok(0), Err(3), Ok(3), Err(5)]);

    let missing: Vec<_> = read_lines(path.with_file_name("none")).collect();
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].as_ref().unwrap_err().line_number, 0);
}

#[test]
fn lines_from_before_1970_are_lines() {
    let (_folder, path) = place();
    let (mut log, _) = open(&path);
    let early = line(1).replacen("1700000000.5", "-40.25", 1);
    assert_ne!(early, line(1));
    log.append(early).unwrap();
    drop(log);
    let (_log, recovery) = open(&path);
    assert_eq!(last(&recovery), Some(1));
    assert_eq!(sequences(&path), [1]);
}

#[test]
fn the_reader_skips_a_line_that_never_ends() {
    let (_folder, path) = place();
    write(
        &path,
        &format!("{}\n{}\n{}\n", line(1), "x".repeat(17 << 20), line(2)),
    );
    let read: Vec<_> = read_lines(&path).map(|line| line.is_ok()).collect();
    assert_eq!(read, [true, false, true]);
}

/// Says loudly what could not be tried, which CI does not let pass.
pub(super) fn skipped(what: &str) {
    eprintln!("!!! SKIPPED: {what}");
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!in_ci || !cfg!(target_os = "linux"), "skipped: {what}");
}

/// A file system of a few pages, unmounted when dropped.
pub(super) struct TinyDisk(TempDir);

impl TinyDisk {
    /// `None` where nothing can be mounted.
    pub(super) fn mount() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
            .arg(folder.path())
            .output();
        if mounted.is_ok_and(|it| it.status.success()) {
            return Some(Self(folder));
        }
        skipped("a full disk, because mounting a tmpfs needs Linux and root");
        None
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Leaves `room` bytes, in whole pages; the file is to be removed again.
    pub(super) fn fill(&self, room: usize) -> PathBuf {
        let ballast = self.path().join("ballast");
        fs::write(&ballast, vec![b'x'; (64 << 10) - room]).unwrap();
        ballast
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn a_full_disk_tears_no_line_and_loses_none() {
    let Some(disk) = TinyDisk::mount() else {
        return;
    };
    let path = disk.path().join("metrics.json");
    let (mut log, _) = open(&path);
    let ballast = disk.fill(24 << 10);

    let mut number = 0;
    while log.held() < 5 {
        number += 1;
        let _ = log.append(line(number));
        assert!(number < 1000, "64 KiB never fill up");
    }
    assert!(log.write_latest(&"x".repeat(4096)).is_err());
    assert_eq!(log.errors(), 6);
    assert!(read_lines(&path).all(|line| line.is_ok()), "no torn line");
    assert!(fs::read(&path).unwrap().ends_with(b"\n"));

    fs::remove_file(&ballast).unwrap();
    log.flush().unwrap();
    assert_eq!(sequences(&path), (1..=number).collect::<Vec<_>>());
}
