//! The log's disk is full, read-only, away or hanging, while a frame loop records: the loop never notices, the faults are
//! counted, and what was held back is written in order when it can be.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use tachograph::{MetricsSnapshot, read_lines};
use tachograph_tests::disks::{Frozen, Mount, fill, open_folder, skipped};
use tachograph_tests::service::{Ended, Service, Status, check_all_lines};

/// Failed attempts that are waited for: at least two intervals of the log.
const ATTEMPTS: u64 = 5;
/// A frame that takes longer than this to record, of a hundred the median, was held up. In fact it takes two microseconds.
const MEDIAN_LIMIT: u64 = 1_000_000;

fn command(path: &Path) -> Command {
    rotating_command(path, 0)
}

fn rotating_command(path: &Path, rotate_bytes: u64) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_frame_service"));
    command
        .arg(path)
        .arg(rotate_bytes.to_string())
        .args(["3", "0"]);
    command
}

/// A service on a log, past its first lines.
fn started(command: &mut Command, path: &Path) -> Service {
    let mut service = Service::start(command).unwrap();
    service.wait_for("second line", |_| lines(path).len() >= 2);
    service
}

/// All lines of the log, each of which must be whole; of one that is being written there may be half for an instant.
fn lines(path: &Path) -> Vec<MetricsSnapshot> {
    if !path.exists() {
        return Vec::new();
    }
    let read = || read_lines(path).collect::<Result<_, _>>();
    let again = |_| {
        thread::sleep(Duration::from_millis(20));
        read()
    };
    read()
        .or_else(again)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Waits until so many attempts to write have failed, and checks that the loop went on meanwhile.
fn endure(service: &mut Service, attempts: u64) -> Status {
    let before = service.status();
    let after = service.wait_for("failed attempts", |now| {
        now.log_errors >= before.log_errors + attempts
    });
    assert_keeps_up(service, &before);
    after
}

/// Whether all frames that are due are recorded, exactly, and as fast as ever.
fn assert_keeps_up(service: &mut Service, before: &Status) {
    // The loop sleeps for a millisecond between frames, and for longer on a busy machine, but it is not held up.
    let now = service.wait_for("frame", |now| {
        now.recorded + 20 >= now.due && now.recorded > before.recorded
    });
    assert!(now.processed >= now.recorded, "{now:?}");
    assert!(now.median_nanos < MEDIAN_LIMIT, "{now:?}");
}

/// Ends a service whose log works again, and checks that every line it ever made is there.
fn end_whole(service: Service, path: &Path) -> Ended {
    let ended = service.end();
    assert_eq!(ended.shutdown, "ok");
    check_all_lines(&lines(path), &ended.status).unwrap();
    assert!(!ended.reports.contains("lost"), "{}", ended.reports);
    ended
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs").join("metrics.json");
    fs::create_dir(folder.path().join("logs")).unwrap();
    (folder, path)
}

/// A disk of a mebibyte, where one can be mounted.
fn small_disk(logs: &Path) -> Option<Mount> {
    Mount::tmpfs(logs, 1024)
        .map_err(|error| skipped("a full disk", &error.to_string()))
        .ok()
}

#[test]
fn a_full_disk() {
    let (_folder, path) = place();
    let logs = path.parent().unwrap();
    let Some(_disk) = small_disk(logs) else {
        return;
    };
    let mut service = started(&mut command(&path), &path);
    let ballast = fill(logs);
    endure(&mut service, 2 * ATTEMPTS);
    assert!(
        fs::read(&path).unwrap().ends_with(b"}\n"),
        "half a line stayed"
    );
    fs::remove_file(ballast).unwrap();
    let ended = end_whole(service, &path);
    let warnings: Vec<_> = ended
        .reports
        .lines()
        .filter(|it| it.contains("the log"))
        .collect();
    assert_eq!(
        warnings.len(),
        2,
        "one when it began, one when it was over: {warnings:?}"
    );
}

#[test]
fn a_disk_that_stays_full_to_the_end() {
    let (_folder, path) = place();
    let logs = path.parent().unwrap();
    let Some(_disk) = small_disk(logs) else {
        return;
    };
    let mut service = started(&mut command(&path), &path);
    let _ballast = fill(logs);
    endure(&mut service, ATTEMPTS);
    let ended = service.end();
    assert!(
        ended.shutdown.starts_with("cannot write to the log "),
        "{}",
        ended.shutdown
    );
    assert!(
        ended
            .reports
            .contains("lines are lost, because they could not be written"),
        "{}",
        ended.reports
    );
    assert_eq!(ended.status.processed, ended.status.recorded);
    let kept = lines(&path);
    assert!(
        kept.windows(2)
            .all(|pair| pair[0].sequence < pair[1].sequence)
    );
    assert!(
        check_all_lines(&kept, &ended.status).is_err(),
        "the check sees what is missing"
    );
}

#[test]
fn a_read_only_file_system() {
    let (_folder, path) = place();
    let logs = path.parent().unwrap();
    let mut service = started(&mut command(&path), &path);
    let mount = match Mount::read_only(logs) {
        Ok(mount) => mount,
        Err(error) => return skipped("a read-only file system", &error.to_string()),
    };
    endure(&mut service, ATTEMPTS);
    let refusal = Service::start(&mut command(&logs.join("other.json"))).unwrap_err();
    let expected = format!(
        "cannot open the log {}/other.json.lock: Read-only file system (os error 30)",
        logs.display()
    );
    assert_eq!(refusal, expected);
    drop(mount);
    end_whole(service, &path);
}

#[test]
fn a_disk_that_hangs() {
    let (folder, path) = place();
    let logs = path.parent().unwrap();
    let _disk = match Mount::ext4(logs, &folder.path().join("image")) {
        Ok(disk) => disk,
        Err(error) => return skipped("a disk that hangs", &error.to_string()),
    };
    let mut service = started(&mut command(&path), &path);
    let frozen = match Frozen::new(logs) {
        Ok(frozen) => frozen,
        Err(error) => return skipped("a disk that hangs", &error.to_string()),
    };
    let (before, written) = (service.status(), lines(&path).len());
    thread::sleep(Duration::from_millis(600));
    assert_keeps_up(&mut service, &before);
    assert!(lines(&path).len() <= written + 1, "the disk did not hang");
    drop(frozen);
    service.wait_for("new line", |_| lines(&path).len() > written + 1);
    assert_eq!(end_whole(service, &path).status.log_errors, 0);
}

#[test]
fn a_folder_that_is_removed() {
    let (folder, path) = place();
    let (logs, aside) = (path.parent().unwrap(), folder.path().join("aside"));
    let mut service = started(&mut command(&path), &path);
    let before = service.status();
    fs::rename(logs, &aside).unwrap();
    service.wait_for("new line", |_| !lines(&path).is_empty());
    let refusal = Service::start(&mut command(&path)).unwrap_err();
    assert!(refusal.contains("in use by another collector"), "{refusal}");
    assert_keeps_up(&mut service, &before);
    let ended = service.end();
    let mut all = lines(&aside.join("metrics.json"));
    all.extend(lines(&path));
    check_all_lines(&all, &ended.status).unwrap();
    assert_eq!((ended.status.log_errors, &ended.shutdown[..]), (0, "ok"));
}

#[test]
fn a_folder_that_cannot_be_made_anew() {
    for _ in 0..20 {
        let (folder, path) = place();
        let (logs, aside) = (path.parent().unwrap(), folder.path().join("aside"));
        let mut service = started(&mut command(&path), &path);
        fs::rename(logs, &aside).unwrap();
        if fs::write(logs, "in the way").is_err() {
            // The service was faster and made it anew.
            continue;
        }
        endure(&mut service, 2 * ATTEMPTS);
        fs::remove_file(logs).unwrap();
        fs::rename(&aside, logs).unwrap();
        end_whole(service, &path);
        return;
    }
    panic!("the service made its folder anew each time");
}

/// Whether mode bits keep this process out: they do not keep root out.
fn modes_count(folder: &Path) -> bool {
    let file = folder.join("read-only");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o444)).unwrap();
    let opened = fs::File::options().append(true).open(&file);
    fs::remove_file(&file).unwrap();
    opened.is_err()
}

/// A service for which mode bits count, on a log in a folder that it may write; `None` where that cannot be had.
fn unprivileged() -> Option<(tempfile::TempDir, PathBuf, Command)> {
    let folder = open_folder();
    let path = folder.path().join("metrics.json");
    // Where the tests were built others may have no access.
    let program = folder.path().join("frame_service");
    fs::copy(env!("CARGO_BIN_EXE_frame_service"), &program).unwrap();
    let mut command = Command::new(program);
    command.arg(&path).args(["0", "3", "0"]);
    if !modes_count(folder.path()) {
        command.uid(65534);
        // Where coverage is measured: what it cannot write it would complain about.
        command.env("LLVM_PROFILE_FILE", "/dev/null");
    }
    match Service::prepare(&mut command) {
        Ok(_) => Some((folder, path, command)),
        Err(error) => {
            skipped("a service without privileges", &error.to_string());
            None
        }
    }
}

#[test]
fn a_file_that_is_turned_read_only() {
    let Some((_folder, path, mut command)) = unprivileged() else {
        return;
    };
    let mut service = started(&mut command, &path);
    fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
    endure(&mut service, ATTEMPTS);
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    end_whole(service, &path);
}

#[test]
fn a_folder_that_is_turned_read_only() {
    let Some((folder, path, mut command)) = unprivileged() else {
        return;
    };
    let mut service = started(&mut command, &path);
    fs::set_permissions(folder.path(), Permissions::from_mode(0o555)).unwrap();
    // Lines go on, the newest snapshot cannot be replaced.
    let written = lines(&path).len();
    endure(&mut service, ATTEMPTS);
    assert!(lines(&path).len() > written);
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    end_whole(service, &path);
}

#[test]
fn a_lock_that_cannot_be_read() {
    let Some((folder, path, mut command)) = unprivileged() else {
        return;
    };
    let lock = folder.path().join("metrics.json.lock");
    let mut service = started(&mut command, &path);
    let before = service.status();
    fs::set_permissions(&lock, Permissions::from_mode(0o000)).unwrap();
    let written = lines(&path).len();
    service.wait_for("new line", |_| lines(&path).len() > written + 2);
    assert_keeps_up(&mut service, &before);
    assert_eq!(end_whole(service, &path).status.log_errors, 0);

    let refusal = Service::start(&mut command).unwrap_err();
    let expected = format!(
        "cannot open the log {}: Permission denied (os error 13)",
        lock.display()
    );
    assert_eq!(refusal, expected);
}

#[test]
fn a_rotation_target_that_is_a_folder() {
    let (_folder, path) = place();
    let rotated: Vec<_> = (1..=3)
        .map(|number| path.with_extension(format!("json.{number}")))
        .collect();
    for folder in &rotated {
        fs::create_dir_all(folder.join("inside")).unwrap();
    }
    let current = || {
        let text = fs::read_to_string(&path).unwrap_or_default();
        text.lines().count()
    };
    let mut service = Service::start(&mut rotating_command(&path, 10_000)).unwrap();
    service.wait_for("second line", |_| current() >= 2);
    let written = current();
    endure(&mut service, ATTEMPTS);
    assert!(current() > written, "lines go on without a rotation");
    for folder in &rotated {
        fs::remove_dir_all(folder).unwrap();
    }
    service.wait_for("rotation", |_| rotated[0].is_file());
    end_whole(service, &path);
}

#[test]
fn a_folder_in_place_of_the_newest_snapshot() {
    let (_folder, path) = place();
    let latest = path.with_extension("latest.json");
    let mut service = started(&mut command(&path), &path);
    fs::remove_file(&latest).unwrap();
    // It may be replaced in between.
    while fs::create_dir(&latest).is_err() {
        _ = fs::remove_file(&latest);
    }
    let written = lines(&path).len();
    endure(&mut service, ATTEMPTS);
    assert!(lines(&path).len() > written, "lines go on");
    fs::remove_dir(&latest).unwrap();
    service.wait_for("newest snapshot", |_| latest.is_file());
    end_whole(service, &path);
}

#[test]
fn a_device_is_refused() {
    let (_folder, path) = place();
    let full = Path::new("/dev/full");
    let device = if full.exists() {
        full
    } else {
        Path::new("/dev/null")
    };
    let expected = format!("the log {} is not a regular file", device.display());
    assert_eq!(Service::start(&mut command(device)).unwrap_err(), expected);
    std::os::unix::fs::symlink(device, &path).unwrap();
    assert_eq!(Service::start(&mut command(&path)).unwrap_err(), expected);
    assert!(!device.with_extension("lock").exists() && !path.with_extension("json.lock").exists());
}
