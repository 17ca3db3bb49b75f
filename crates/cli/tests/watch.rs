//! `tacho watch` and `tacho run --watch` in a real terminal, beside a real loop.

#![cfg(unix)]

#[path = "support/pty.rs"]
mod pty;
mod support;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use pty::Terminal;
use support::{Running, exists, folder, folder_with, last_line, start, start_with, story, until};
use tempfile::TempDir;

const TACHO: &str = env!("CARGO_BIN_EXE_tacho");

fn watch(folder: &TempDir, size: (u16, u16)) -> Terminal {
    Terminal::start(TACHO, &["watch"], folder.path(), size, &[])
}

/// A loop whose log has a line at its start and then none for a minute: only what is asked for can move.
fn running(folder: &TempDir) -> Running {
    let tacho = start(folder, &["run", "--quiet"]);
    until("a log", || exists(folder, "logs/metrics.json"));
    tacho
}

/// The frames that the screen counts.
fn frames(screen: &str) -> Option<u64> {
    let row = screen
        .lines()
        .find(|line| line.trim_start().starts_with("frames  "))?;
    row.split_whitespace().nth(1)?.parse().ok()
}

/// The screen once it counts more frames than `before`.
fn more_frames(terminal: &Terminal, before: u64, patience: Duration) -> u64 {
    let screen = terminal.within(patience, "more frames", |screen| {
        frames(screen).is_some_and(|frames| frames > before)
    });
    frames(&screen).expect("seen")
}

#[test]
fn numbers_move_within_three_seconds_and_the_size_may_change() {
    let folder = folder();
    let _loop = running(&folder);
    let begun = Instant::now();
    let mut terminal = watch(&folder, (80, 24));
    let three = Duration::from_secs(3);
    let first = more_frames(&terminal, 0, three);
    more_frames(&terminal, first, three.saturating_sub(begun.elapsed()));
    let screen = terminal.until("live", |screen| screen.contains("● live"));
    for expected in [
        "availability",
        "coreml_inference",
        "in flight",
        "q quit",
        "losses",
        "overhead",
    ] {
        assert!(screen.contains(expected), "no {expected}:\n{screen}");
    }
    assert!(terminal.is_taken());
    // Longer than one wish holds.
    thread::sleep(Duration::from_secs(6));
    let now = frames(&terminal.text()).expect("still seen");
    more_frames(&terminal, now, three);
    for (columns, rows) in [(100, 30), (60, 16), (50, 10), (120, 40), (80, 24)] {
        terminal.resize(columns, rows);
        let within = Duration::from_secs(1);
        if columns < 60 {
            terminal.within(within, "a polite refusal", |screen| {
                screen.contains("60x16")
            });
            continue;
        }
        terminal.within(within, "the keys in the last row", |screen| {
            let last = screen.lines().nth(usize::from(rows) - 1);
            last.is_some_and(|keys| keys.contains("quit"))
        });
    }
    terminal.press("q");
    assert!(terminal.wait().success());
    assert!(terminal.is_as_before(), "{}", terminal.text());
    assert!(
        !exists(&folder, "logs/metrics.json.watch"),
        "nobody asks any more"
    );
}

#[test]
fn keys_turn_to_other_views_and_freeze_the_picture() {
    let folder = folder();
    let _loop = running(&folder);
    let mut terminal = watch(&folder, (80, 24));
    more_frames(&terminal, 0, Duration::from_secs(5));
    for (key, expected) in [
        ("2", "2 histogram"),
        ("3", "of the window, slowest first"),
        ("\t", "since the start"),
        ("?", "any key closes it"),
        ("x1", "1 overview"),
        ("jjj\r", "frame_idle ─"),
        ("\x1b[A\r", "frame_processing_latency ─"),
    ] {
        terminal.press(key);
        terminal.until(expected, |screen| screen.contains(expected));
    }
    terminal.press(" ");
    let frozen = terminal.until("a frozen picture", |screen| screen.contains("= frozen at"));
    thread::sleep(Duration::from_secs(2));
    assert_eq!(frames(&terminal.text()), frames(&frozen));
    terminal.press(" ");
    more_frames(
        &terminal,
        frames(&frozen).expect("seen"),
        Duration::from_secs(3),
    );
    terminal.press("\x1b");
    assert!(terminal.wait().success());
}

#[test]
fn signals_and_ctrl_c_give_the_terminal_back() {
    let folder = folder();
    for signal in ["TERM", "INT", "HUP", "ctrl-c", "QUIT"] {
        let mut terminal = watch(&folder, (80, 24));
        terminal.until("the dashboard", |screen| screen.contains("waiting"));
        assert!(terminal.is_taken());
        if signal == "ctrl-c" {
            terminal.press("\x03");
        } else {
            terminal.signal(signal);
        }
        let status = terminal.wait();
        assert_eq!(status.success(), signal != "QUIT", "{signal}: {status:?}");
        assert!(
            terminal.is_as_before(),
            "after {signal}: {}",
            terminal.text()
        );
    }
}

#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_again() {
    let folder = folder();
    let _loop = running(&folder);
    let env = [("PS1", "prompt> "), ("HISTFILE", "")];
    let arguments = ["--norc", "--noprofile", "--noediting", "-i"];
    let mut terminal = Terminal::start("bash", &arguments, folder.path(), (80, 24), &env);
    terminal.until("a prompt", |screen| screen.contains("prompt>"));
    terminal.press(&format!("{TACHO} watch\n"));
    let before = more_frames(&terminal, 0, Duration::from_secs(10));
    terminal.press("\x1a");
    terminal.until("the shell", |screen| screen.contains("Stopped"));
    terminal.press("echo still $((40 + 2))\n");
    terminal.until("what the shell says", |screen| screen.contains("still 42"));
    assert!(terminal.is_as_before());
    terminal.press("fg\n");
    more_frames(&terminal, before, Duration::from_secs(5));
    assert!(terminal.is_taken());
    terminal.press("q");
    terminal.until("the shell again", |screen| screen.contains("still 42"));
    terminal.press("exit\n");
    terminal.wait();
    assert!(terminal.is_as_before());
}

#[test]
fn a_stopped_dashboard_that_is_continued_draws_all_of_it_anew() {
    let folder = folder();
    let mut terminal = watch(&folder, (80, 24));
    terminal.until("the dashboard", |screen| screen.contains("waiting"));
    terminal.signal("STOP");
    thread::sleep(Duration::from_millis(200));
    terminal.forget();
    terminal.signal("CONT");
    terminal.until("the dashboard", |screen| screen.contains("waiting"));
    assert!(terminal.is_taken());
    terminal.press("q");
    assert!(terminal.wait().success());
    assert!(terminal.is_as_before());
}

#[test]
fn a_terminal_that_vanishes_ends_it() {
    let folder = folder();
    let terminal = watch(&folder, (80, 24));
    terminal.until("the dashboard", |screen| screen.contains("waiting"));
    let mut child = terminal.vanish();
    let begun = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        assert!(begun.elapsed() < Duration::from_secs(5), "it goes on");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_killed_loop_is_stale_and_a_new_one_goes_on() {
    let folder = folder();
    let tacho = running(&folder);
    let mut terminal = watch(&folder, (80, 24));
    terminal.until("live", |screen| screen.contains("● live"));
    tacho.signal("KILL");
    drop(tacho);
    let screen = terminal.within(Duration::from_secs(10), "staleness", |screen| {
        screen.contains("is the loop still running?")
    });
    assert!(screen.contains("× stale"), "{screen}");
    let _loop = start(&folder, &["run", "--quiet"]);
    let screen = terminal.within(Duration::from_secs(10), "life", |screen| {
        screen.contains("● live") && !screen.contains("is the loop still running?")
    });
    assert!(frames(&screen).is_some(), "{screen}");
    terminal.press("q");
    assert!(terminal.wait().success());
}

#[test]
fn it_waits_for_a_log_and_follows_it_through_rotations() {
    let folder = folder();
    let mut terminal = watch(&folder, (80, 24));
    terminal.until("that there is none", |screen| {
        screen.contains("no log at logs/metrics.json yet; waiting")
    });
    let env = [
        ("TACHOGRAPH_ROTATE_BYTES", "40000"),
        ("TACHOGRAPH_ROTATE_FILES", "3"),
    ];
    let _loop = start_with(
        &folder,
        &["run", "--quiet", "--metrics-interval", "100ms"],
        &env,
    );
    let mut before = more_frames(&terminal, 0, Duration::from_secs(10));
    until("several rotations", || {
        exists(&folder, "logs/metrics.json.3")
    });
    for _ in 0..3 {
        before = more_frames(&terminal, before, Duration::from_secs(3));
    }
    let screen = terminal.text();
    assert!(screen.contains("● live"), "{screen}");
    assert!(
        !screen.contains("skipped") && !screen.contains("problem"),
        "{screen}"
    );
    terminal.press("q");
    assert!(terminal.wait().success());
}

#[test]
fn a_folder_that_cannot_be_written_is_followed_at_the_pace_of_the_log() {
    let folder = folder();
    // Also root cannot write a file where there is a folder.
    fs::create_dir_all(folder.path().join("logs/metrics.json.watch")).expect("made");
    let _loop = start(&folder, &["run", "--quiet", "--metrics-interval", "4s"]);
    until("a log", || exists(&folder, "logs/metrics.json"));
    let mut terminal = watch(&folder, (100, 30));
    terminal.until("why", |screen| {
        screen.contains("cannot ask for more than the log's pace")
    });
    let first = more_frames(&terminal, 0, Duration::from_secs(10));
    more_frames(&terminal, first, Duration::from_secs(10));
    let screen = terminal.until("the pace", |screen| screen.contains("○ each 4.0 s"));
    assert!(screen.contains("last 60 lines"), "{screen}");
    terminal.press("q");
    assert!(terminal.wait().success());
}

#[test]
fn lines_that_are_none_are_told_of_also_afterwards() {
    let folder = folder();
    let path = folder.path().join("logs/metrics.json");
    fs::create_dir_all(path.parent().expect("one")).expect("made");
    fs::write(
        &path,
        "no JSON\u{1b}[2J\n{\"timestamp\":1,\"schema_version\":9,\"new\":{}}\n",
    )
    .expect("written");
    let mut terminal = watch(&folder, (80, 24));
    terminal.until("staleness", |screen| screen.contains("× stale"));
    terminal.press("q");
    assert!(terminal.wait().success());
    assert!(terminal.is_as_before());
    fs::write(&path, "{\"timestamp\":1}\n").expect("written");
    let mut terminal = watch(&folder, (80, 24));
    terminal.until("staleness", |screen| screen.contains("× stale"));
    append(&path, "no JSON\u{1b}[2J\n");
    terminal.until("the problem", |screen| {
        screen.contains("metrics.json line 2")
    });
    terminal.press("q");
    assert!(terminal.wait().success());
    let after = terminal.text();
    assert!(
        after.contains("tacho: warning: logs/metrics.json line 2"),
        "{after}"
    );
}

fn append(path: &Path, text: &str) {
    use std::io::Write;
    let mut file = fs::File::options().append(true).open(path).expect("opened");
    file.write_all(text.as_bytes()).expect("written");
}

#[test]
fn without_colour_there_is_none() {
    let folder = folder();
    let _loop = running(&folder);
    let no_color = ["watch", "--no-color"];
    let with = Terminal::start(TACHO, &["watch"], folder.path(), (80, 24), &[]);
    let flag = Terminal::start(TACHO, &no_color, folder.path(), (80, 24), &[]);
    let variable = Terminal::start(
        TACHO,
        &["watch"],
        folder.path(),
        (80, 24),
        &[("NO_COLOR", "1")],
    );
    for (terminal, is_colored) in [(&with, true), (&flag, false), (&variable, false)] {
        more_frames(terminal, 0, Duration::from_secs(10));
        let colored = terminal.look(|parser| {
            let cells = (0..24).flat_map(|row| (0..80).map(move |column| (row, column)));
            let mut cells = cells.filter_map(|(row, column)| parser.screen().cell(row, column));
            cells.any(|cell| {
                cell.fgcolor() != vt100::Color::Default || cell.bgcolor() != vt100::Color::Default
            })
        });
        assert_eq!(colored, is_colored);
    }
    for mut terminal in [with, flag, variable] {
        terminal.press("q");
        assert!(terminal.wait().success());
    }
}

#[test]
fn without_a_terminal_it_is_one_sentence() {
    let folder = folder();
    for arguments in [&["watch"][..], &["run", "--watch"]] {
        let done = support::run(&folder, arguments);
        assert_eq!(done.code(), Some(2));
        assert!(
            done.sentence().contains("needs a terminal"),
            "{}",
            done.stderr
        );
        assert_eq!(done.stdout, "");
    }
    assert!(!exists(&folder, "logs"));
    let done = support::run(&folder, &["watch", "--config", "missing.toml"]);
    assert_eq!(done.code(), Some(2));
}

#[test]
fn run_with_watch_shows_its_own_loop_until_somebody_quits() {
    let folder = folder();
    let arguments = ["run", "--watch", "--metrics-interval", "1s"];
    let mut terminal = Terminal::start(TACHO, &arguments, folder.path(), (80, 24), &[]);
    let first = more_frames(&terminal, 0, Duration::from_secs(5));
    more_frames(&terminal, first, Duration::from_secs(3));
    assert!(terminal.is_taken());
    terminal.press("q");
    assert!(terminal.wait().success());
    assert!(terminal.is_as_before());
    let after = terminal.text();
    assert!(after.contains(" fps): idle "), "no summary:\n{after}");
    let frames = last_line(&folder)["frames_processed"].as_u64();
    assert!(frames > Some(first), "the last line is logged");
    assert!(
        after.contains(&format!("{} frames in", frames.expect("a number"))),
        "{after}"
    );
}

#[test]
fn run_with_watch_ends_with_its_input_and_keeps_its_exit_code() {
    let whole = story();
    for (input, code) in [(&whole[..], 0), (&whole[..whole.len() - 10], 1)] {
        let folder = folder_with(input);
        let arguments = ["run", "--watch", "--input", "input.y4m", "--fps", "20"];
        let mut terminal = Terminal::start(TACHO, &arguments, folder.path(), (80, 24), &[]);
        terminal.until("the dashboard", |screen| screen.contains("1 overview"));
        let status = terminal.wait();
        assert_eq!(status.exit_code(), code, "{}", terminal.text());
        assert!(terminal.is_as_before());
        let after = terminal.text();
        let what = if code == 0 { "40 frames in" } else { "tacho: " };
        assert!(after.contains(what), "{after}");
    }
}

#[test]
fn run_with_watch_keeps_its_warnings_for_afterwards() {
    let folder = folder_with(&story());
    // A model that is not there: each event warns.
    let input = ["run", "--watch", "--input", "input.y4m", "--fps", "20"];
    let model = ["--llm-url", "http://127.0.0.1:9", "--llm-model", "m"];
    let arguments = [&input[..], &model].concat();
    let mut terminal = Terminal::start(TACHO, &arguments, folder.path(), (100, 30), &[]);
    terminal.until("the warning", |screen| screen.contains(" warning: frame "));
    assert!(terminal.is_taken());
    assert!(terminal.wait().success());
    assert!(terminal.is_as_before());
    let after = terminal.text();
    assert!(after.contains("tacho: warning: frame 15"), "{after}");
}

#[test]
fn keys_come_from_the_terminal_where_the_video_comes_from_a_pipe() {
    let folder = folder_with(&story());
    // What is typed before the video has ended is for the dashboard.
    let script = format!("cat input.y4m | {TACHO} run --watch --input - --fps 10");
    let mut terminal = Terminal::start("sh", &["-c", &script], folder.path(), (80, 24), &[]);
    more_frames(&terminal, 0, Duration::from_secs(10));
    terminal.press("3");
    terminal.until("the slowest frames", |screen| {
        screen.contains("slowest first")
    });
    terminal.press("q");
    assert!(terminal.wait().success());
    assert!(terminal.is_as_before());
    let frames = last_line(&folder)["frames_processed"].as_u64();
    assert!(frames < Some(40), "it ended before its input: {frames:?}");
}

#[test]
fn a_loop_that_hangs_is_live_and_says_where() {
    let folder = folder_with(&story());
    let url = support::model(None);
    let input = ["run", "--quiet", "--input", "input.y4m"];
    let _loop = start(
        &folder,
        &[&input[..], &["--llm-url", &url, "--llm-model", "m"]].concat(),
    );
    until("a log", || exists(&folder, "logs/metrics.json"));
    let mut terminal = watch(&folder, (80, 24));
    let seconds = |screen: &str| -> Option<f64> {
        let (_, after) = screen.split_once("llm_inference for ")?;
        after.split_once(" s")?.0.parse().ok()
    };
    let screen = terminal.until("where", |screen| {
        seconds(screen).is_some_and(|it| it >= 1.0)
    });
    let first = seconds(&screen).expect("seen");
    let screen = terminal.until("more seconds", |screen| {
        seconds(screen).is_some_and(|it| it > first + 1.5) && screen.contains("● live")
    });
    assert!(!screen.contains("still running?"), "{screen}");
    terminal.press("q");
    assert!(terminal.wait().success());
}
