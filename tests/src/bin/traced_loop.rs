//! A frame loop for `tests/system_calls.rs` to trace: 10 000 frames between two writes to standard error, while a collector runs.
//!
//! With the argument `call` one frame makes a system call on purpose.

use std::error::Error;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::time::Duration;

use tachograph::{MetricsCollector, Outcome, Recorder, metrics};

const FRAMES: u64 = 10_000;
/// Work per stage, so that the loop runs for some tenths of a second and the collector reduces meanwhile.
const WORK: u64 = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let calls = std::env::args().nth(1).is_some_and(|arg| arg == "call");
    let builder = MetricsCollector::builder().without_log().quiet();
    let collector = builder.reduce_interval(Duration::from_millis(5)).start()?;
    let recorder = collector.recorder();
    let before = collector.collect().sequence;

    io::stderr().write_all(b"the loop begins\n")?;
    for number in 0..FRAMES {
        frame(&recorder, number);
        if calls && number == FRAMES / 2 {
            black_box(std::fs::metadata("/")?);
        }
    }
    io::stderr().write_all(b"the loop ends\n")?;

    let snapshot = collector.collect();
    if snapshot.frames_processed != FRAMES || snapshot.sequence < before + 3 {
        return Err("the frames were not recorded, or nothing was reduced meanwhile".into());
    }
    Ok(())
}

/// Every kind of call that a frame loop makes.
fn frame(recorder: &Recorder, number: u64) {
    let mut frame = recorder.frame();
    frame.motion();
    frame.stage(metrics::COREML_INFERENCE);
    work();
    frame.stage(metrics::LLM_INFERENCE);
    recorder.time(metrics::COREML_INFERENCE, work);
    recorder.record(metrics::LLM_INFERENCE, Duration::from_micros(number));
    recorder.add(metrics::MOTION_DETECTED, 0);
    frame.finish(Outcome::Event);
}

fn work() {
    black_box((0..WORK).fold(0_u64, |sum, n| black_box(sum ^ n)));
}
