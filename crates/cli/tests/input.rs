//! Real and broken input, end to end.

mod support;

use std::fs;

use support::{
    balanced, custom, events, exists, folder, folder_with, last_line, number, run, start, story,
    video,
};

#[test]
fn every_frame_of_a_file_is_counted_and_has_its_outcome() {
    let folder = folder_with(&story());
    let done = run(&folder, &["run", "--input", "input.y4m"]);
    assert_eq!(done.code(), Some(0), "{}", done.stderr);
    assert_eq!(done.stderr, "");
    let line = last_line(&folder);
    assert_eq!(balanced(&line), 40);
    assert_eq!(number(&line, "frames_idle"), 25);
    assert_eq!(number(&line, "events_created"), 2);
    assert_eq!(number(&line, "events_suppressed"), 13);
    assert_eq!(custom(&line, "frames_dropped"), 0);
    assert!(done.stdout.contains("40 frames in "), "{}", done.stdout);
    assert!(done.stdout.contains("events 2,"), "{}", done.stdout);
}

#[test]
fn the_event_log_says_what_was_seen_when_and_where() {
    let folder = folder_with(&story());
    run(&folder, &["run", "--input", "input.y4m"]);
    let events = events(&folder);
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["frame"], 15);
    assert_eq!(events[0]["video_time_s"], 0.5);
    let region = &events[0]["regions"][0];
    assert_eq!((&region["x"], &region["y"]), (&20.into(), &40.into()));
    assert_eq!(
        (&region["width"], &region["height"]),
        (&30.into(), &30.into())
    );
    assert!(events[0]["description"].is_null());
    assert_eq!(events[1]["frame"], 30);
    assert!(events[1]["time"].as_str().expect("text").ends_with('Z'));
}

#[test]
fn a_pipe_is_read_to_its_end() {
    let folder = folder();
    let mut tacho = start(&folder, &["run", "--input", "-"]);
    tacho.feed(&story());
    let done = tacho.finish();
    assert_eq!(done.code(), Some(0), "{}", done.stderr);
    assert_eq!(balanced(&last_line(&folder)), 40);
}

#[test]
fn what_came_before_a_tear_is_kept() {
    let mut bytes = story();
    bytes.truncate(bytes.len() - 5);
    let folder = folder_with(&bytes);
    let done = run(&folder, &["run", "--input", "input.y4m"]);
    assert_eq!(done.code(), Some(1));
    assert_eq!(
        done.sentence(),
        format!(
            "input.y4m is truncated: it ends inside frame 39, at byte {}",
            bytes.len()
        )
    );
    assert_eq!(balanced(&last_line(&folder)), 39);
    assert_eq!(events(&folder).len(), 2);
    assert!(done.stdout.contains("39 frames in "), "{}", done.stdout);
}

#[test]
fn a_torn_pipe_is_kept_too() {
    let folder = folder();
    let mut tacho = start(&folder, &["run", "--input", "-"]);
    let bytes = story();
    tacho.feed(&bytes[..bytes.len() / 2]);
    let done = tacho.finish();
    assert_eq!(done.code(), Some(1));
    assert!(done.sentence().contains("standard input is truncated"));
    assert_eq!(balanced(&last_line(&folder)), 19);
}

#[test]
fn bad_files_are_refused_in_one_sentence_before_a_log_is_made() {
    let cases: [(&[u8], &str); 9] = [
        (b"", "is empty"),
        (b"\x00\x00\x00\x20ftypisom....", "an MP4 or QuickTime file"),
        (b"plain text\n", "ffmpeg -i input.y4m -f yuv4mpegpipe"),
        (b"YUV4MPEG2 W0 H10 F30:1\n", "width is 0"),
        (
            b"YUV4MPEG2 W4294967295 H4294967295 F30:1\n",
            "16384 is the limit",
        ),
        (
            b"YUV4MPEG2 W18446744073709551615 H2 F30:1\n",
            "16384 is the limit",
        ),
        (
            b"YUV4MPEG2 W16 H16 F30:1 C420p10\n",
            "colour space 420p10, which is not supported",
        ),
        (b"YUV4MPEG2 W16 H16 F30:1 C9000\n", "-pix_fmt yuv420p"),
        (b"YUV4MPEG2 W16 H16", "ends at byte 17"),
    ];
    for (bytes, expected) in cases {
        let folder = folder_with(bytes);
        let done = run(&folder, &["run", "--input", "input.y4m"]);
        assert_eq!(done.code(), Some(1), "{expected}");
        let sentence = done.sentence();
        assert!(sentence.contains("input.y4m"), "{sentence}");
        assert!(sentence.contains(expected), "{sentence}");
        assert!(!exists(&folder, "logs"), "{expected}");
    }
}

#[test]
fn a_file_that_is_not_there_or_a_folder_is_named() {
    let folder = folder();
    let done = run(&folder, &["run", "--input", "nowhere.y4m"]);
    assert_eq!(done.code(), Some(1));
    assert!(
        done.sentence()
            .contains("cannot open the input nowhere.y4m")
    );
    fs::create_dir(folder.path().join("dir")).expect("made");
    let done = run(&folder, &["run", "--input", "dir"]);
    assert_eq!(done.code(), Some(1));
    assert!(done.sentence().contains("dir is a folder"));
}

#[test]
fn a_pace_takes_its_time() {
    let folder = folder_with(&video(30, &[]));
    let done = run(&folder, &["run", "--input", "input.y4m", "--realtime"]);
    assert_eq!(done.code(), Some(0), "{}", done.stderr);
    let fps: f64 = done
        .stdout
        .lines()
        .last()
        .and_then(|line| line.split_once('(')?.1.split_once(" fps")?.0.parse().ok())
        .expect("a rate");
    assert!((20.0..=32.0).contains(&fps), "{fps}");
}

#[test]
fn the_camera_delivers_its_frames_and_everything_happens() {
    let folder = folder();
    let done = run(
        &folder,
        &["run", "--duration", "5s", "--fps", "50", "--seed", "3"],
    );
    assert_eq!(done.code(), Some(0), "{}", done.stderr);
    let line = last_line(&folder);
    // A debug build on a busy machine may be late, and then the camera drops frames; but it counts them.
    let frames = balanced(&line) + custom(&line, "frames_dropped");
    assert!((150..=250).contains(&frames), "{line}");
    for outcome in ["frames_idle", "frames_motion", "events_suppressed"] {
        assert!(number(&line, outcome) > 0, "{outcome} in {line}");
    }
    let logged = events(&folder).len() as u64;
    assert!(logged >= 1, "{line}");
    assert_eq!(logged, number(&line, "events_created"));
}
