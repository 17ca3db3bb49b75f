//! The process `frame_service` from outside, and what must be found in its log.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use tachograph::MetricsSnapshot;

/// After so long a wait a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running `frame_service`; killed when dropped.
#[derive(Debug)]
pub struct Service {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// What a service says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Frames that should have been recorded by now.
    pub due: u64,
    /// Frames that were.
    pub recorded: u64,
    /// Frames in a snapshot that was made thereafter.
    pub processed: u64,
    /// `log_errors` of that snapshot.
    pub log_errors: u64,
    /// Of every hundred frames the median of what recording one took, and of those the worst: nanoseconds.
    pub median_nanos: u64,
}

/// How a service ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// After the loop had stopped.
    pub status: Status,
    /// `ok`, or why the shutdown failed.
    pub shutdown: String,
    /// What it reported.
    pub reports: String,
}

impl Service {
    /// Starts the process, which waits for [`Service::go`].
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn prepare(command: &mut Command) -> std::io::Result<Self> {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.stderr(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::Error::other("there are no pipes"));
        };
        Ok(Self {
            child,
            input,
            output: BufReader::new(output),
        })
    }

    /// Has it start its collector, without waiting for that.
    pub fn go(&mut self) {
        // One that has already ended says why when it is asked.
        _ = self.input.write_all(b"go\n");
    }

    /// Waits until its collector runs.
    ///
    /// # Errors
    /// What it said when it was refused.
    pub fn ready(mut self) -> Result<Self, String> {
        if self.hear() == "ready" {
            Ok(self)
        } else {
            Err(self.reports())
        }
    }

    /// Starts the process and its collector.
    ///
    /// # Errors
    /// As [`Service::ready`].
    ///
    /// # Panics
    /// The process cannot be started.
    pub fn start(command: &mut Command) -> Result<Self, String> {
        let mut service = Self::prepare(command).expect("the service starts");
        service.go();
        service.ready()
    }

    /// How it is doing.
    pub fn status(&mut self) -> Status {
        self.order("status");
        parse(&self.hear())
    }

    /// Waits until its status is as wanted.
    ///
    /// # Panics
    /// That takes longer than half a minute.
    pub fn wait_for(&mut self, what: &str, wanted: impl Fn(&Status) -> bool) -> Status {
        let begun = Instant::now();
        loop {
            let status = self.status();
            if wanted(&status) {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "no {what}: {status:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Has it write lines as fast as it can.
    pub fn flood(&mut self) {
        self.order("flood");
    }

    /// Kills it with a signal that cannot be caught; returns the lines that it said since it was last heard.
    ///
    /// # Panics
    /// It had ended by itself.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("it is there");
        let said = self.output.by_ref().lines().map_while(Result::ok).collect();
        let status = self.child.wait().expect("it is there");
        assert!(
            status.code().is_none(),
            "it had ended by itself: {}",
            self.reports()
        );
        said
    }

    /// Stops the loop and shuts the collector down.
    ///
    /// # Panics
    /// The process failed.
    pub fn end(mut self) -> Ended {
        self.order("end");
        let (status, shutdown) = (self.hear(), self.hear());
        let reports = self.reports();
        let ended = self.child.wait().expect("it is there");
        assert!(ended.success(), "{ended}: {reports}");
        Ended {
            status: parse(&status),
            shutdown,
            reports,
        }
    }

    fn order(&mut self, what: &str) {
        writeln!(self.input, "{what}").expect("it listens");
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it speaks");
        line.trim_end().to_owned()
    }

    /// Everything that it said on standard error, when it has ended.
    fn reports(&mut self) -> String {
        let mut text = String::new();
        if let Some(mut errors) = self.child.stderr.take() {
            errors.read_to_string(&mut text).expect("it is text");
        }
        text.trim_end().to_owned()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn parse(status: &str) -> Status {
    let numbers: Vec<u64> = status
        .split(' ')
        .map_while(|number| number.parse().ok())
        .collect();
    let [due, recorded, processed, log_errors, median_nanos] = numbers[..] else {
        panic!("{status:?} is no status");
    };
    Status {
        due,
        recorded,
        processed,
        log_errors,
        median_nanos,
    }
}

/// Checks that these are all lines of one run: in order, none twice, and none missing, for each line carries the histogram of
/// what was recorded since the one before.
///
/// # Errors
/// What is wrong, in a sentence.
pub fn check_all_lines(lines: &[MetricsSnapshot], ended: &Status) -> Result<(), String> {
    for pair in lines.windows(2) {
        let (before, after) = (pair[0].sequence, pair[1].sequence);
        if before >= after {
            return Err(format!("line {after} follows line {before}"));
        }
    }
    let last = lines.last().ok_or("there is no line")?;
    let lifetime = last.lifetime["coreml_inference"];
    if [last.frames_processed, lifetime.count, ended.recorded] != [ended.processed; 3] {
        let logged = last.frames_processed;
        return Err(format!("the last line has {logged} frames: {ended:?}"));
    }
    let in_lines: u64 = lines.iter().map(inferences).sum();
    if in_lines != lifetime.counted {
        let counted = lifetime.counted;
        return Err(format!("the lines have {in_lines} samples, not {counted}"));
    }
    Ok(())
}

/// Samples of the interval's histogram.
fn inferences(line: &MetricsSnapshot) -> u64 {
    let Some(text) = line.histograms.get("coreml_inference") else {
        return 0;
    };
    let bytes = STANDARD.decode(text).expect("it is base64");
    let decoded: Histogram<u64> = Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .expect("it is V2");
    decoded.len()
}
