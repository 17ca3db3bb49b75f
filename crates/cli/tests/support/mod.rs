//! What the end-to-end tests share: videos made on the spot, and `tacho` run in a folder of its own.
#![allow(dead_code, unreachable_pub)] // Each test binary uses its part of it.

pub mod camera;
pub mod trace;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Nothing here takes longer; what does hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a finished `tacho` has left behind.
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The one line on standard error, after `tacho: `.
    pub fn sentence(&self) -> &str {
        let mut lines = self.stderr.lines();
        let line = lines.next().unwrap_or_default();
        assert_eq!(lines.next(), None, "more than a sentence: {}", self.stderr);
        line.strip_prefix("tacho: ").expect("begins with its name")
    }
}

/// A `tacho` that runs.
pub struct Running {
    child: Child,
    output: Option<[thread::JoinHandle<String>; 2]>,
}

/// Starts `tacho` in `folder`, with its standard input open and silent.
pub fn start(folder: &TempDir, arguments: &[&str]) -> Running {
    start_with(folder, arguments, &[])
}

/// The same with environment variables.
pub fn start_with(folder: &TempDir, arguments: &[&str], env: &[(&str, &str)]) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tacho"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TACHOGRAPH_") {
            command.env_remove(name);
        }
    }
    let mut child = command
        .args(arguments)
        .envs(env.iter().copied())
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tacho starts");
    let stdout = child.stdout.take().map(read_all).expect("piped");
    let stderr = child.stderr.take().map(read_all).expect("piped");
    Running {
        child,
        output: Some([stdout, stderr]),
    }
}

/// Runs `tacho` with an empty standard input to its end.
pub fn run(folder: &TempDir, arguments: &[&str]) -> Finished {
    start(folder, arguments).finish()
}

/// Takes away the one warning that a debug build on a busy machine may well deserve.
pub fn without_overhead(stderr: &str) -> String {
    let expected = |line: &&str| line.starts_with("tacho: warning: measuring costs");
    let mut others: Vec<&str> = stderr.lines().filter(|line| !expected(line)).collect();
    // So that the last line ends as it did.
    others.push("");
    others.join("\n")
}

fn read_all(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).expect("readable");
        String::from_utf8(bytes).expect("text")
    })
}

impl Running {
    /// Writes to its standard input, which stays open.
    pub fn feed(&mut self, bytes: &[u8]) {
        let stdin = self.child.stdin.as_mut().expect("open");
        stdin.write_all(bytes).expect("it reads");
    }

    /// Sends it a signal.
    #[cfg(unix)]
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([format!("-{signal}"), self.child.id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
    }

    /// Closes its standard input and waits for its end.
    pub fn finish(mut self) -> Finished {
        drop(self.child.stdin.take());
        self.wait()
    }

    /// Waits for its end; its standard input stays open.
    pub fn wait(mut self) -> Finished {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(begun.elapsed() < PATIENCE, "tacho hangs");
            thread::sleep(Duration::from_millis(10));
        };
        let [stdout, stderr] = self.output.take().expect("once");
        Finished {
            status,
            stdout: stdout.join().expect("read"),
            stderr: without_overhead(&stderr.join().expect("read")),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Width and height of the test videos.
pub const SIZE: (usize, usize) = (160, 120);

/// A video of `frames` frames at 30 fps: still, but for a square of 30x30 that stands at `x` in the frames of each
/// `(x, first..end)`.
pub fn video(frames: usize, squares: &[(usize, std::ops::Range<usize>)]) -> Vec<u8> {
    let (width, height) = SIZE;
    let mut bytes = format!("YUV4MPEG2 W{width} H{height} F30:1 Ip C420jpeg\n").into_bytes();
    for number in 0..frames {
        let mut luma = vec![100_u8; width * height];
        for (x, _) in squares.iter().filter(|(_, when)| when.contains(&number)) {
            for row in luma.chunks_exact_mut(width).skip(40).take(30) {
                row[*x..*x + 30].fill(200);
            }
        }
        bytes.extend_from_slice(b"FRAME\n");
        bytes.extend_from_slice(&luma);
        bytes.resize(bytes.len() + width * height / 2, 128);
    }
    bytes
}

/// A video with a known story: 40 frames, of which 15 idle, 1 event, 9 suppressed, 5 idle, 1 event, 4 suppressed, 5 idle.
pub fn story() -> Vec<u8> {
    video(40, &[(20, 15..25), (110, 30..35)])
}

/// The last line of the metrics log.
pub fn last_line(folder: &TempDir) -> Value {
    let text = fs::read_to_string(folder.path().join("logs/metrics.json")).expect("a log");
    let line = text.lines().last().expect("a line");
    serde_json::from_str(line).expect("JSON")
}

/// All events.
pub fn events(folder: &TempDir) -> Vec<Value> {
    let text = fs::read_to_string(folder.path().join("logs/events.jsonl")).expect("a log");
    let parse = |line| serde_json::from_str(line).expect("JSON");
    text.lines().map(parse).collect()
}

/// A number of the log line, which must be there.
pub fn number(line: &Value, name: &str) -> u64 {
    line[name]
        .as_u64()
        .unwrap_or_else(|| panic!("no {name} in {line}"))
}

/// A custom counter of the log line.
pub fn custom(line: &Value, name: &str) -> u64 {
    number(&line["custom"]["counters"], name)
}

/// Asserts that the five outcomes add up, and returns the frames.
pub fn balanced(line: &Value) -> u64 {
    let outcomes = [
        "frames_idle",
        "frames_motion",
        "events_suppressed",
        "events_created",
        "frames_failed",
    ];
    let sum: u64 = outcomes.iter().map(|name| number(line, name)).sum();
    let frames = number(line, "frames_processed");
    assert_eq!(sum, frames, "{line}");
    frames
}

/// A folder with `input.y4m` in it.
pub fn folder_with(input: &[u8]) -> TempDir {
    let folder = folder();
    fs::write(folder.path().join("input.y4m"), input).expect("written");
    folder
}

pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

pub fn exists(folder: &TempDir, path: &str) -> bool {
    Path::new(folder.path()).join(path).exists()
}

/// Says loudly what could not be tried, which CI does not let pass.
pub fn skipped(what: &str) {
    eprintln!("!!! SKIPPED: {what}");
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!in_ci || !cfg!(target_os = "linux"), "skipped: {what}");
}

/// Whether a program can be started. If not, says that `what` is skipped.
pub fn has(program: &str, what: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .is_ok();
    if !found {
        skipped(&format!("{what}, because there is no {program}"));
    }
    found
}

/// Waits until `condition` holds.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not happen");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A language model that answers every request with `reply`, or never; returns its URL.
pub fn model(reply: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a client");
            let mut request = Vec::new();
            let mut chunk = [0; 4096];
            while !request.ends_with(b"}") {
                let read = stream.read(&mut chunk).unwrap_or(0);
                if read == 0 {
                    break;
                }
                request.extend_from_slice(&chunk[..read]);
            }
            match reply {
                Some(reply) => stream.write_all(reply.as_bytes()).expect("sent"),
                // Silent, with the connection open, as long as the test runs.
                None => thread::sleep(PATIENCE),
            }
        }
    });
    url
}
