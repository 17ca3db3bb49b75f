//! Reading from the end, and reading on.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use super::rotate::rotated_path;
use super::tests::{line, open, place, sequences, write};
use super::*;

fn newest(path: &Path, count: usize) -> Vec<u64> {
    tail_lines(path, count)
        .filter_map(Result::ok)
        .map(|snapshot| snapshot.sequence)
        .collect()
}

/// All that can be polled: sequence numbers, or lines that are none.
fn poll(follower: &mut LogFollower) -> Vec<Result<u64, u64>> {
    std::iter::from_fn(|| follower.poll())
        .map(|line| line.map(|it| it.sequence).map_err(|it| it.line_number))
        .collect()
}

fn append(path: &Path, text: &str) {
    let file = File::options().append(true).create(true).open(path);
    file.unwrap().write_all(text.as_bytes()).unwrap();
}

/// Lines 1 to `count`, three to a file.
fn rotated(path: &Path, count: u64) -> LogFile {
    let options = LogOptions {
        path: path.to_owned(),
        rotate_bytes: 3 * (line(1).len() as u64 + 1) + 100,
        rotate_files: 10,
    };
    let (mut log, _) = LogFile::open(options).unwrap();
    for number in 1..=count {
        log.append(line(number)).unwrap();
    }
    log
}

#[test]
fn the_newest_lines_come_from_as_many_files_as_it_takes() {
    let (_folder, path) = place();
    let _log = rotated(&path, 11);
    let all: Vec<u64> = (1..=11).collect();
    assert_eq!(sequences(&path), all);
    for count in 0..=12 {
        let expected = &all[all.len().saturating_sub(count)..];
        assert_eq!(newest(&path, count), expected, "{count}");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(newest(&path, 4), [6, 7, 8, 9]);
}

#[test]
fn lines_of_any_length_are_found_from_behind() {
    let (_folder, path) = place();
    let long = |number: u64, length: usize| {
        let mut snapshot: MetricsSnapshot = serde_json::from_str(&line(number)).unwrap();
        snapshot.histograms.insert("t".into(), "x".repeat(length));
        serde_json::to_string(&snapshot).unwrap() + "\n"
    };
    // Around the steps in which it is read.
    for length in [65_000, 65_536 - 3000, 131_072, 1_000_000] {
        write(
            &path,
            &(long(1, length) + &long(2, 10) + &long(3, length) + &long(4, length + 1)),
        );
        for count in 1..=4 {
            let expected = &[1, 2, 3, 4][4 - count..];
            assert_eq!(newest(&path, count), expected, "{count} of {length}");
        }
    }
}

#[test]
fn what_is_no_snapshot_does_not_count() {
    let (_folder, path) = place();
    let noise = "noise\n".repeat(40_000);
    let torn = &line(9)[..50];
    write(
        &path,
        &format!("{}\n{noise}{}\n\n  \n{torn}", line(1), line(2)),
    );
    assert_eq!(newest(&path, 1), [2]);
    assert_eq!(newest(&path, 2), [1, 2]);
    let errors: Vec<_> = tail_lines(&path, 1).filter_map(Result::err).collect();
    let numbers: Vec<_> = errors.iter().map(|error| error.line_number).collect();
    assert_eq!(numbers, [40_005], "as an editor counts them");
    assert_eq!(tail_lines(&path, 2).filter(Result::is_err).count(), 40_001);
}

#[test]
fn a_line_that_never_ends_is_passed_over_from_behind() {
    let (_folder, path) = place();
    let endless = "x".repeat(40 << 20);
    write(
        &path,
        &format!("{}\n{}\n{endless}\n{}\n", line(1), line(2), line(3)),
    );
    assert_eq!(newest(&path, 1), [3]);
    assert_eq!(newest(&path, 2), [2, 3]);
    assert_eq!(newest(&path, 3), [1, 2, 3]);
}

#[test]
fn the_last_line_counts_also_without_its_newline() {
    let (_folder, path) = place();
    write(&path, &format!("{}\n{}", line(1), line(2)));
    assert_eq!(newest(&path, 1), [2]);
    assert_eq!(newest(&path, 2), [1, 2]);
}

#[test]
fn a_log_that_is_missing_or_no_file_is_reported_once() {
    let (folder, path) = place();
    let missing: Vec<_> = tail_lines(&path, 3).collect();
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].as_ref().unwrap_err().line_number, 0);

    assert_eq!(tail_lines(folder.path(), 3).count(), 1);
    let mut follower = tail_lines(folder.path(), 3).follow();
    assert_eq!(poll(&mut follower), [Err(0)]);
    assert_eq!(poll(&mut follower), []);
}

#[test]
fn a_long_log_is_not_read_to_show_its_end() {
    let (_folder, path) = place();
    write(&path, "");
    // A gigabyte that takes no room.
    let file = File::options().write(true).open(&path).unwrap();
    file.set_len(1 << 30).unwrap();
    append(&path, &format!("\n{}\n{}\n", line(1), line(2)));
    let begun = std::time::Instant::now();
    assert_eq!(newest(&path, 2), [1, 2]);
    assert!(begun.elapsed().as_millis() < 200, "{:?}", begun.elapsed());
}

#[test]
fn new_lines_are_followed_from_the_newest_on() {
    let (_folder, path) = place();
    let mut waiting = tail_lines(&path, 10).follow();
    assert_eq!(poll(&mut waiting), [], "there is no log yet");
    let (mut log, _) = open(&path);
    assert_eq!(poll(&mut waiting), []);
    log.append(line(1)).unwrap();
    log.append(line(2)).unwrap();
    assert_eq!(poll(&mut waiting), [Ok(1), Ok(2)]);

    let (_other, elsewhere) = place();
    let mut late = tail_lines(&elsewhere, 10).follow();
    let _log = rotated(&elsewhere, 8);
    let all: Vec<_> = (1..=8).map(Ok).collect();
    assert_eq!(poll(&mut late), all, "also what is rotated by now");

    let mut one = tail_lines(&path, 1).follow();
    let mut none = tail_lines(&path, 0).follow();
    let mut all = read_lines(&path).follow();
    log.append(line(3)).unwrap();
    assert_eq!(poll(&mut waiting), [Ok(3)]);
    assert_eq!(poll(&mut one), [Ok(2), Ok(3)]);
    assert_eq!(poll(&mut none), [Ok(3)]);
    assert_eq!(poll(&mut all), [Ok(1), Ok(2), Ok(3)]);
    assert_eq!(poll(&mut all), []);
}

#[test]
fn rotation_loses_and_repeats_nothing_however_often_it_is_polled() {
    for every in 1..=13 {
        let (_folder, path) = place();
        let mut log = rotated(&path, 4);
        let mut follower = read_lines(&path).follow();
        let mut seen = Vec::new();
        for number in 5..=60 {
            log.append(line(number)).unwrap();
            if number % every == 0 {
                seen.extend(poll(&mut follower));
            }
        }
        seen.extend(poll(&mut follower));
        let expected: Vec<_> = (1..=60).map(Ok).collect();
        assert_eq!(seen, expected, "polled every {every} lines");
    }
}

#[test]
fn a_log_that_is_made_anew_is_read_from_its_beginning() {
    let (_folder, path) = place();
    let mut log = rotated(&path, 5);
    let mut follower = tail_lines(&path, 1).follow();
    assert_eq!(poll(&mut follower), [Ok(5)]);
    log.append(line(6)).unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(poll(&mut follower), [Ok(6)], "it is held open");
    log.append(line(7)).unwrap();
    assert_eq!(poll(&mut follower), [Ok(7)], "and not the rotated ones");

    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    assert_eq!(poll(&mut follower), []);
    log.append(line(8)).unwrap();
    assert_eq!(poll(&mut follower), [Ok(8)]);

    fs::rename(&path, path.with_extension("old")).unwrap();
    log.append(line(9)).unwrap();
    assert_eq!(poll(&mut follower), [Ok(9)], "renamed by somebody else");
}

#[test]
fn a_log_that_is_cut_is_read_from_its_beginning() {
    let (_folder, path) = place();
    write(&path, &format!("{}\n{}\n", line(1), line(2)));
    let mut follower = read_lines(&path).follow();
    assert_eq!(poll(&mut follower), [Ok(1), Ok(2)]);
    write(&path, &format!("{}\n", line(3)));
    assert_eq!(poll(&mut follower), [Ok(3)]);
    write(&path, "");
    assert_eq!(poll(&mut follower), []);
    append(&path, "noise\n");
    assert_eq!(poll(&mut follower), [Err(1)]);
}

#[test]
fn half_a_line_is_waited_for_and_a_repaired_one_forgotten() {
    let (_folder, path) = place();
    let whole = line(2) + "\n";
    write(&path, &format!("{}\n", line(1)));
    let mut follower = tail_lines(&path, 1).follow();
    assert_eq!(poll(&mut follower), [Ok(1)]);
    for cut in 1..whole.len() - 1 {
        append(&path, &whole[cut - 1..cut]);
        assert_eq!(poll(&mut follower), [], "{cut} bytes");
    }
    append(&path, &whole[whole.len() - 2..whole.len() - 1]);
    assert_eq!(poll(&mut follower), [Ok(2)], "all but its newline");
    append(&path, "\n");
    assert_eq!(poll(&mut follower), []);

    append(&path, &whole[..60]);
    assert_eq!(poll(&mut follower), []);
    let (mut log, recovery) = open(&path);
    assert_eq!(recovery.repaired, Some(60));
    log.append(line(4)).unwrap();
    assert_eq!(poll(&mut follower), [Ok(4)]);

    append(&path, &whole[..60]);
    let mut none = tail_lines(&path, 0).follow();
    append(&path, &whole[60..]);
    assert_eq!(poll(&mut none), [Ok(2)], "it was half there");
    assert_eq!(poll(&mut follower), [Ok(2)]);

    append(&path, "# by hand");
    assert_eq!(poll(&mut follower), []);
    log.append(line(5)).unwrap();
    assert_eq!(poll(&mut follower), [Err(5), Ok(5)]);
}

#[test]
fn a_torn_line_in_a_file_that_was_rotated_is_reported() {
    let (_folder, path) = place();
    write(&path, &format!("{}\n{}", line(1), &line(2)[..40]));
    let mut follower = tail_lines(&path, 1).follow();
    assert_eq!(poll(&mut follower), [Ok(1)]);
    fs::rename(&path, rotated_path(&path, 1)).unwrap();
    write(&path, &format!("{}\n", line(3)));
    assert_eq!(poll(&mut follower), [Err(2), Ok(3)]);
}

#[test]
fn a_writer_that_rotates_meanwhile_is_followed_without_loss() {
    let (_folder, path) = place();
    let count = 600;
    let options = LogOptions {
        path: path.clone(),
        rotate_bytes: 2 * (line(1).len() as u64 + 1) + 100,
        rotate_files: 1000,
    };
    let (mut log, _) = LogFile::open(options).unwrap();
    let mut follower = read_lines(&path).follow();
    let writer = std::thread::spawn(move || {
        for number in 1..=count {
            log.append(line(number)).unwrap();
        }
    });
    let mut seen = Vec::new();
    while !writer.is_finished() {
        seen.extend(poll(&mut follower));
    }
    writer.join().unwrap();
    seen.extend(poll(&mut follower));
    assert!(seen.into_iter().eq((1..=count).map(Ok)));
}
