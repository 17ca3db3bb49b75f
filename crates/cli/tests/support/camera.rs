//! A camera service of a virtual afternoon: its real log, in an instant.

use std::time::{Duration, Instant};

use tachograph::{
    MetricsCollector, Outcome, Probe, Recorder, SystemSample, Timer, VirtualTime, metrics,
};
use tempfile::TempDir;

/// A machine of which nothing is known.
#[derive(Debug)]
struct Unknown;

impl Probe for Unknown {
    fn sample(&mut self) -> SystemSample {
        SystemSample::default()
    }
}

/// The service: one frame a second. Every 10th has motion, every 20th makes an event.
pub struct Camera {
    pub time: VirtualTime,
    collector: MetricsCollector,
    recorder: Recorder,
    decode: Timer,
    frames: u64,
}

impl Camera {
    /// Starts it on `logs/metrics.json` in `folder`, with a line each minute.
    pub fn start(folder: &TempDir, time: &VirtualTime) -> Self {
        Self::start_with(folder, time, 64 << 20)
    }

    /// The same, with a log that is rotated at that size.
    pub fn start_with(folder: &TempDir, time: &VirtualTime, rotate_bytes: u64) -> Self {
        let log = folder.path().join("logs/metrics.json");
        let config = tachograph::Config {
            rotate_bytes,
            ..tachograph::Config::default()
        };
        let describe = || {
            let mut builder = MetricsCollector::builder()
                .config(config.clone())
                .log_path(&log)
                .quiet()
                .time_source(time.clone())
                .probe(Unknown);
            let decode = builder.timer("decode").expect("a good name");
            builder.counter("reconnects").expect("a good name");
            (builder, decode)
        };
        // A child of another test that has not yet become `tacho` still holds the lock of an earlier collector.
        let deadline = Instant::now() + Duration::from_secs(5);
        let (collector, decode) = loop {
            let (builder, decode) = describe();
            match builder.build() {
                Ok(collector) => break (collector, decode),
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
        };
        let recorder = collector.recorder();
        Self {
            time: time.clone(),
            collector,
            recorder,
            decode,
            frames: 0,
        }
    }

    /// Lets it run for so many minutes.
    pub fn minutes(&mut self, count: u64) {
        for _ in 0..60 * count {
            self.second();
        }
    }

    /// One second, with one frame.
    pub fn second(&mut self) {
        let pause = |millis| self.time.advance(Duration::from_millis(millis));
        let mut left = 1000;
        let mut spend = |millis| {
            left -= millis;
            pause(millis);
        };
        let mut frame = self.recorder.frame();
        frame.stage(self.decode);
        spend(4);
        let outcome = match self.frames % 20 {
            0 => {
                frame.motion();
                frame.stage(metrics::COREML_INFERENCE);
                spend(20 + self.frames % 50);
                frame.event_id(self.frames + 1_000_000);
                Outcome::Event
            }
            10 => Outcome::Motion,
            _ => Outcome::Idle,
        };
        frame.finish(outcome);
        self.frames += 1;
        pause(left);
        self.collector.poll();
    }

    /// Ends it in order.
    pub fn end(self) {
        self.collector.shutdown().expect("a last line");
    }

    /// Another lane.
    pub fn recorder(&self) -> Recorder {
        self.collector.recorder()
    }
}
