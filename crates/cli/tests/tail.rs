//! `tacho tail`, end to end.

#![cfg_attr(
    not(unix),
    allow(
        dead_code,
        unused_imports,
        reason = "what follows a log is ended by a signal"
    )
)]

mod support;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use support::camera::Camera;
use support::{Finished, folder, run, until};
use tachograph::VirtualTime;
use tempfile::TempDir;

/// A log of `minutes` lines, and the time at its end.
fn log_of(minutes: u64) -> (TempDir, VirtualTime) {
    let (folder, time) = (folder(), VirtualTime::new());
    Camera::start(&folder, &time).minutes(minutes);
    (folder, time)
}

fn good(done: &Finished) -> Vec<&str> {
    assert_eq!((done.code(), done.stderr.as_str()), (Some(0), ""));
    done.stdout.lines().collect()
}

fn bad(done: &Finished) -> &str {
    assert_eq!((done.code(), done.stdout.as_str()), (Some(2), ""));
    done.sentence()
}

/// Appends to the log, as no service of ours would.
fn scribble(folder: &TempDir, text: &str) {
    let log = folder.path().join("logs/metrics.json");
    let file = File::options().append(true).open(log);
    file.expect("a log")
        .write_all(text.as_bytes())
        .expect("room");
}

#[test]
fn the_newest_lines_are_sentences_with_their_rate() {
    let (folder, _) = log_of(30);
    let done = run(&folder, &["tail"]);
    let lines = good(&done);
    assert_eq!(lines.len(), 11, "a date and ten lines: {lines:?}");
    assert!(lines[0].ends_with(" UTC"), "{}", lines[0]);
    for line in &lines[1..] {
        assert!(line.contains(" (1.0/s) "), "{line}");
        assert!(line.contains("Z frames "), "{line}");
    }
    assert!(lines[10].contains("frames 1800 "), "{}", lines[10]);
    let done = run(&folder, &["tail", "logs/metrics.json", "-n", "1"]);
    assert_eq!(good(&done)[1], lines[10]);
    assert_eq!(good(&run(&folder, &["tail", "-n", "0"])), [""; 0]);
    assert_eq!(good(&run(&folder, &["tail", "--all"])).len(), 31);
    assert_eq!(good(&run(&folder, &["tail", "--last", "5m"])).len(), 6);
    assert_eq!(good(&run(&folder, &["tail", "--last", "10h"])).len(), 31);
}

#[test]
fn a_new_day_is_dated_and_a_restart_has_no_rate() {
    let (folder, time) = (folder(), VirtualTime::new());
    let mut camera = Camera::start(&folder, &time);
    (0..30).for_each(|_| camera.second());
    camera.end();
    time.advance(std::time::Duration::from_hours(24));
    Camera::start(&folder, &time).minutes(3);
    let done = run(&folder, &["tail", "--all"]);
    let lines = good(&done);
    let dates = lines.iter().filter(|line| line.ends_with(" UTC")).count();
    assert_eq!(dates, 2, "{lines:?}");
    // By its uptime it could be the same run, one minute on.
    assert!(lines[3].contains("frames 60 motion"), "{}", lines[3]);
    assert!(lines[4].contains("frames 120 (1.0/s)"), "{}", lines[4]);
}

#[test]
fn rotated_files_are_read_where_the_log_is_too_short() {
    let (folder, time) = (folder(), VirtualTime::new());
    Camera::start_with(&folder, &time, 20_000).minutes(40);
    assert!(folder.path().join("logs/metrics.json.3").exists());
    let done = run(
        &folder,
        &["tail", "-n", "25", "--fields", "frames_processed", "--csv"],
    );
    let expected: Vec<String> = (16..=40).map(|minute| (minute * 60).to_string()).collect();
    assert_eq!(good(&done)[1..], expected);
}

#[test]
fn fields_stand_in_columns() {
    let (folder, _) = log_of(3);
    let fields =
        "time,frames_processed,coreml_inference.p95,llm_inference_p95,decode.count,reconnects";
    let done = run(&folder, &["tail", "--fields", fields]);
    let lines = good(&done);
    assert_eq!(lines.len(), 4, "{lines:?}");
    let last: Vec<_> = lines[3].split_whitespace().collect();
    assert_eq!(last[1..], ["180", "60.000", "-", "180", "0"]);
    let ends = lines.iter().map(|line| line.trim_end().chars().count());
    let ends: Vec<_> = ends.collect();
    assert!(ends.windows(2).all(|pair| pair[0] == pair[1]), "{lines:?}");
}

#[test]
fn csv_is_what_a_csv_reader_reads() {
    let (folder, _) = log_of(5);
    let fields = "frames_processed,llm_inference.p95,slowest_frames,lifetime.decode.count,version";
    let done = run(&folder, &["tail", "--all", "--csv", "--fields", fields]);
    assert_eq!((done.code(), done.stderr.as_str()), (Some(0), ""));
    assert!(done.stdout.ends_with("\r\n"), "as RFC 4180 has it");
    let mut reader = csv::Reader::from_reader(done.stdout.as_bytes());
    let header = reader.headers().expect("a header").clone();
    assert_eq!(header.iter().collect::<Vec<_>>().join(","), fields);
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 5);
    assert_eq!((&rows[4][0], &rows[4][1], &rows[4][3]), ("300", "", "300"));
    let frames: serde_json::Value = serde_json::from_str(&rows[4][2]).expect("JSON in a cell");
    assert_eq!(frames[0]["outcome"], "event");

    let done = run(&folder, &["tail", "--fields", "all", "--csv", "-n", "1"]);
    let mut reader = csv::Reader::from_reader(done.stdout.as_bytes());
    let header = reader.headers().expect("a header").clone();
    assert_eq!((&header[0], &header[1]), ("timestamp", "time"));
    for name in [
        "frame_event_p95",
        "custom.timers.decode.p95",
        "lifetime.decode.sum_ms",
    ] {
        assert!(header.iter().any(|it| it == name), "{name}: {header:?}");
    }
    assert_eq!(reader.records().count(), 1);
}

#[test]
fn json_has_just_the_fields() {
    let (folder, _) = log_of(2);
    let arguments = [
        "tail",
        "--json",
        "--fields",
        "frames_processed,coreml_inference.p95",
    ];
    let done = run(&folder, &arguments);
    let expected = [
        r#"{"frames_processed":60,"coreml_inference.p95":58.0}"#,
        r#"{"frames_processed":120,"coreml_inference.p95":57.5}"#,
    ];
    assert_eq!(good(&done), expected);
}

#[test]
fn a_wrong_field_or_log_is_one_sentence() {
    let (folder, _) = log_of(1);
    let done = run(&folder, &["tail", "--fields", "time,frame_procesed"]);
    let sentence = bad(&done);
    assert!(sentence.contains("\"frame_procesed\""), "{sentence}");
    assert!(sentence.contains("frames_processed"), "{sentence}");
    let done = run(&folder, &["tail", "nothing.json"]);
    assert_eq!(bad(&done), "no log at nothing.json");
    let done = run(&folder, &["tail", "logs"]);
    assert!(bad(&done).starts_with("logs cannot be read: "));
    fs::write(folder.path().join("diary"), "dear diary\nwhat a day\n").expect("room");
    let done = run(&folder, &["tail", "diary"]);
    assert!(bad(&done).starts_with("diary is not a metrics log: diary line 1 "));
    for arguments in [
        &["tail", "--csv"][..],
        &["tail", "-n", "3", "--all"],
        &["tail", "-n", "x"],
    ] {
        bad(&run(&folder, arguments));
    }
    fs::write(folder.path().join("empty"), "").expect("room");
    let done = run(&folder, &["tail", "empty"]);
    assert_eq!(done.code(), Some(0));
    assert_eq!(done.stderr, "tacho: warning: empty has no lines yet\n");
}

#[test]
fn foreign_and_torn_lines_are_told_once() {
    let (folder, time) = log_of(2);
    scribble(
        &folder,
        "# one\n\u{1b}[2J\n\n{\"timestamp\":1,\"from_the_future\":[]}\n",
    );
    Camera::start(&folder, &time).minutes(1);
    scribble(&folder, "{\"timestamp\":17");
    let done = run(&folder, &["tail"]);
    assert_eq!(done.code(), Some(0));
    let expected = "tacho: warning: logs/metrics.json line 3 is skipped: expected value at byte 1; \
                    2 more lines are skipped\n";
    assert_eq!(done.stderr, expected);
    let lines = done.stdout.lines().filter(|line| line.contains("frames "));
    assert_eq!(lines.count(), 4);
}

#[test]
fn what_a_log_holds_cannot_steer_the_terminal() {
    let (folder, _) = log_of(1);
    let evil = "{\"timestamp\":1e9,\"sequence\":3,\"time\":\"\\u001b[2J\\u0007\",\
                \"in_flight\":[{\"stage\":\"\\u001b]0;x\\u0007\",\"for_ms\":1e7}]}\n";
    scribble(&folder, evil);
    for arguments in [
        &["tail"][..],
        &["tail", "--fields", "time,in_flight,frames_processed"],
        &["tail", "--fields", "time,in_flight", "--csv"],
        &["tail", "--fields", "time,in_flight", "--json"],
        &["tail", "--fields", "all"],
    ] {
        let done = run(&folder, arguments);
        assert_eq!(done.code(), Some(0), "{}", done.stderr);
        let steering = |c: char| c.is_control() && !matches!(c, '\n' | '\r');
        assert!(
            !done.stdout.contains(steering),
            "{arguments:?}: {:?}",
            done.stdout
        );
    }
}

/// A `tacho tail -f` with its output in a file.
struct Following {
    child: Child,
    folder: TempDir,
}

impl Following {
    fn start(folder: TempDir, more: &[&str]) -> Self {
        let file = |name| File::create(folder.path().join(name)).expect("room");
        let child = Command::new(env!("CARGO_BIN_EXE_tacho"))
            .args(["tail", "-f"])
            .args(more)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(file("out"))
            .stderr(file("err"))
            .spawn()
            .expect("tacho starts");
        Self { child, folder }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).expect("text")
    }

    /// Waits until its output is this.
    fn until_it_shows(&self, expected: &[u64]) {
        let lines = || {
            let text = self.read("out");
            let numbers = text.lines().filter_map(|line| line.trim().parse().ok());
            numbers.collect::<Vec<u64>>()
        };
        let shown = || lines().len() >= expected.len();
        until(&format!("{expected:?}: {:?}", self.read("out")), shown);
        assert_eq!(lines(), expected);
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(unix)]
#[test]
fn a_log_is_followed_whatever_becomes_of_it() {
    let (folder, time) = (folder(), VirtualTime::new());
    let log = folder.path().join("logs/metrics.json");
    let arguments = ["--fields", "frames_processed", "-n", "1"];
    let mut following = Following::start(folder, &arguments);
    until("a warning", || {
        following.read("err").contains("has no lines yet")
    });

    let mut camera = Camera::start_with(&following.folder, &time, 12_000);
    camera.minutes(9);
    let mut expected: Vec<u64> = (1..=9).map(|minute| 60 * minute).collect();
    following.until_it_shows(&expected);
    assert!(log.with_extension("json.1").exists(), "it was rotated");

    // A restart after a crash in the middle of a line.
    drop(camera);
    scribble(
        &following.folder,
        "{\"timestamp\":1700000000.5,\"time\":\"2023-",
    );
    let mut camera = Camera::start(&following.folder, &time);
    camera.minutes(2);
    expected.extend([60, 120]);
    following.until_it_shows(&expected);

    // Removed, and made anew.
    fs::remove_file(&log).expect("there");
    camera.minutes(1);
    expected.push(180);
    following.until_it_shows(&expected);
    fs::remove_dir_all(log.parent().expect("a folder")).expect("there");
    camera.minutes(1);
    expected.push(240);
    following.until_it_shows(&expected);

    scribble(&following.folder, "not ours\n");
    until("a warning", || {
        following.read("err").contains("line 2 is skipped")
    });
    let sent = Command::new("kill")
        .args(["-TERM", &following.child.id().to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
    assert_eq!(following.child.wait().expect("ends").code(), Some(0));
    following.until_it_shows(&expected);
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_enough_is_no_error() {
    let (folder, _) = log_of(60);
    for more in [
        "",
        "--fields all --csv",
        "--fields all --json",
        "--fields time",
    ] {
        let tacho = Path::new(env!("CARGO_BIN_EXE_tacho"));
        // Small pipes fill quickly; the status is that of tacho.
        let script = format!(
            "{{ {} tail --all {more}; echo $? > code; }} | head -1",
            tacho.display()
        );
        let output = Command::new("sh")
            .args(["-c", &script])
            .current_dir(folder.path())
            .output()
            .expect("a shell");
        assert_eq!(output.stderr, b"", "{more}");
        let code = || fs::read_to_string(folder.path().join("code")).unwrap_or_default();
        until("its end", || code() == "0\n");
        fs::remove_file(folder.path().join("code")).expect("there");
    }
}
