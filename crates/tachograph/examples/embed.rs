//! The smallest whole program: a loop that is measured, a log and a status.
//!
//! ```sh
//! cargo run --release -p tachograph --example embed
//! ```

use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use tachograph::{MetricsCollector, Outcome, metrics};

fn main() -> Result<(), Box<dyn Error>> {
    let mut builder = MetricsCollector::builder()
        .metrics_interval(Duration::from_secs(1))
        .log_path(
            std::env::temp_dir()
                .join("tachograph-embed")
                .join("metrics.json"),
        );
    let reconnects = builder.counter("rtsp_reconnects")?;
    let decode = builder.timer("decode")?;
    let collector = builder.start()?;

    let recorder = collector.recorder();
    recorder.increment(reconnects);
    for number in 0..300_u64 {
        let mut frame = recorder.frame();
        frame.stage(decode);
        let pixels: Vec<u64> = (0..20_000).map(|i| i * number % 251).collect();
        frame.stage(metrics::COREML_INFERENCE);
        let bright = black_box(pixels.iter().filter(|&&pixel| pixel > 200).count());
        if bright > 4_000 {
            frame.motion();
        }
        frame.finish(if bright > 4_000 {
            Outcome::Event
        } else {
            Outcome::Idle
        });
    }

    let snapshot = collector.collect();
    assert_eq!(snapshot.frames_processed, 300);
    assert_eq!(snapshot.custom.counters["rtsp_reconnects"], 1);
    println!(
        "inference: p95 {:.3} ms over {} samples",
        snapshot.coreml_inference.p95, snapshot.coreml_inference.count
    );
    collector.status_display();
    collector.shutdown()?;
    Ok(())
}
