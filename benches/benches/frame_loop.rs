//! What a loop over pixels feels of being instrumented: frame time and CPU with and without, at 30 frames per second and
//! unpaced, the collector's thread, its probe and its log included.
//!
//! Not criterion's kind of figure (a percentile of a thousand frames, the CPU time of a process), so it has a main of its own.
//! `--test` runs each loop for a moment; `--seconds N` sets the length of each of the two loops.

use std::time::Duration;

use tachograph_benches::frame_loop::{LoopError, LoopPlan, Pair, Side, run};

fn main() -> Result<(), LoopError> {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo bench` says `--bench`; `cargo test` does not and wants a trial run, as `--test` does.
    let said = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let quick = said("--test") || !said("--bench");
    let after = arguments
        .iter()
        .skip_while(|argument| *argument != "--seconds");
    let seconds = after.skip(1).find_map(|number| number.parse().ok());
    let seconds = seconds.unwrap_or(if quick { 0.4 } else { 60.0 });
    let plan = |blocks: u32| LoopPlan {
        blocks: blocks as usize,
        block: Duration::from_secs_f64(seconds) / (2 * blocks),
    };
    print("30 frames per second", &run(plan(3), true)?);
    print("unpaced", &run(plan(6), false)?);
    Ok(())
}

fn print(title: &str, pair: &Pair) {
    println!("{title}");
    let row = |name: &str, side: &Side| {
        println!(
            "  {name:<14} {:>8} frames   median {:>8.2} us   p99.9 {:>8.2} us   process CPU {:>7.3} %, {:>7.2} us per frame",
            side.frames, side.median_us, side.p999_us, side.cpu_percent, side.cpu_us
        );
    };
    row("plain", &pair.plain);
    row("instrumented", &pair.measured);
    let (plain, measured) = (pair.plain, pair.measured);
    println!(
        "  {:<14} {:>15}   median {:>+8.2} us   p99.9 {:>+8.2} us   process CPU {:>+7.3} %, {:>+7.2} us per frame",
        "difference",
        "",
        measured.median_us - plain.median_us,
        measured.p999_us - plain.p999_us,
        measured.cpu_percent - plain.cpu_percent,
        measured.cpu_us - plain.cpu_us
    );
    if let Some(percent) = pair.thread_percent {
        println!("  the collector's thread: {percent:.4} % of one CPU");
    }
    if let Some(percent) = pair.reported_percent {
        println!("  overhead that the collector itself reports: {percent:.4} %");
    }
    if let Some(percent) = pair.waking_percent {
        println!("  a thread that wakes 10 times a second and does nothing: {percent:.4} %");
    }
    if let Some(percent) = pair.slow_thread_percent {
        println!("  the collector's thread, reducing once a second: {percent:.4} %");
    }
}
