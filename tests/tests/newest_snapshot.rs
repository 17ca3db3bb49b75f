//! The file of the newest snapshot: renewed each second while somebody asks, and what it has beyond a line.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use tachograph::{LatestFile, MetricsSnapshot, Outcome, Recorder, VirtualTime, metrics};
use tachograph_tests::VirtualLoop;

const SECOND: Duration = Duration::from_secs(1);
const FPS: u32 = 25;

fn a_second_of_frames(recorder: &Recorder, time: &VirtualTime) {
    for _ in 0..FPS {
        let mut frame = recorder.frame();
        frame.stage(metrics::COREML_INFERENCE);
        time.advance(SECOND / FPS);
        frame.finish(Outcome::Motion);
    }
}

fn samples(snapshot: &MetricsSnapshot, timer: &str) -> u64 {
    let Some(text) = snapshot.histograms.get(timer) else {
        return 0;
    };
    let bytes = STANDARD.decode(text).unwrap();
    let histogram: Histogram<u64> = Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .unwrap();
    histogram.len()
}

/// Asks in such a way that a file system with a coarse clock can tell.
fn ask(latest: &LatestFile) {
    std::thread::sleep(Duration::from_millis(20));
    latest.request().unwrap();
}

#[test]
fn it_moves_each_second_while_somebody_asks_and_rests_when_nobody_does() {
    let bench = VirtualLoop::new(VirtualTime::new());
    let collector = bench.collector();
    let recorder = collector.recorder();
    let latest = LatestFile::of(bench.path());
    let frames = || latest.read().unwrap().map(|it| it.frames_processed);

    for _ in 0..10 {
        a_second_of_frames(&recorder, &bench.time);
        collector.poll();
    }
    assert_eq!(frames(), None, "nobody asked, and no line is due");

    for second in 11..=59 {
        ask(&latest);
        a_second_of_frames(&recorder, &bench.time);
        collector.poll();
        let snapshot = latest.read().unwrap().expect("somebody asks");
        let all = second * u64::from(FPS);
        assert_eq!(snapshot.frames_processed, all);
        // What the next line will have: everything so far, since there is no line yet.
        assert_eq!(samples(&snapshot, "coreml_inference"), all);
        assert_eq!(samples(&snapshot, "frame_motion"), all);
        assert!(bench.lines().is_empty());
    }
    a_second_of_frames(&recorder, &bench.time);
    collector.poll();
    let [line] = &bench.lines()[..] else {
        panic!("a line is due once a minute");
    };
    assert_eq!(
        samples(line, "coreml_inference"),
        60 * u64::from(FPS),
        "looking took nothing"
    );
    assert_eq!(latest.read().unwrap().unwrap().sequence, line.sequence);

    for _ in 0..10 {
        a_second_of_frames(&recorder, &bench.time);
        collector.poll();
    }
    let after = frames().unwrap();
    assert!((60 * 25..65 * 25).contains(&after), "{after}: it rests");
}

#[test]
fn it_has_the_newest_frames_and_every_line_the_slowest() {
    let bench = VirtualLoop::new(VirtualTime::new());
    let collector = bench.collector();
    let recorder = collector.recorder();
    for number in 0..2_000_u64 {
        let mut frame = recorder.frame();
        frame.motion();
        frame.stage(metrics::COREML_INFERENCE);
        bench.time.advance(Duration::from_millis(1));
        frame.stage(metrics::LLM_INFERENCE);
        // The slowest of all come first and are not among the newest 1000.
        let millis = match number {
            100..110 => 900,
            1_500..1_505 => number - 1_000,
            _ => number % 7,
        };
        bench.time.advance(Duration::from_millis(millis));
        frame.event_id(number + 7_000_000);
        frame.finish(Outcome::Event);
        collector.poll();
    }
    collector.log_metrics().unwrap();
    let line = bench.lines().pop().expect("it was just written");
    assert!(line.newest_frames.is_empty(), "a line is kept small");
    let found: Vec<_> = line
        .slowest_frames
        .iter()
        .map(|frame| (frame.number, frame.ms))
        .collect();
    let mut expected: Vec<_> = (1_500..1_505_u32)
        .rev()
        .map(|n| (u64::from(n), f64::from(n - 999)))
        .collect();
    // Then those of 6 + 1 ms; of equally slow ones the older first.
    expected.extend(
        (1_000..2_000)
            .filter(|n| n % 7 == 6)
            .take(3)
            .map(|n| (n, 7.0)),
    );
    assert_eq!(found, expected);
    let slowest = &line.slowest_frames[0];
    assert_eq!(slowest.event_id, Some(7_001_504));
    assert_eq!((&*slowest.outcome, slowest.motion_ms), ("event", Some(0.0)));
    let stages: Vec<_> = slowest
        .stages
        .iter()
        .map(|it| (&*it.stage, it.start_ms, it.ms))
        .collect();
    assert_eq!(
        stages,
        [
            ("coreml_inference", 0.0, 1.0),
            ("llm_inference", 1.0, 504.0)
        ]
    );

    let newest = LatestFile::of(bench.path())
        .read()
        .unwrap()
        .unwrap()
        .newest_frames;
    assert!(
        newest
            .iter()
            .map(|frame| frame.number)
            .eq(2_000 - 256..2_000)
    );
    assert!(newest.is_sorted_by(|one, next| one.age_s >= next.age_s));
    let lanes: BTreeSet<_> = newest.iter().map(|frame| frame.lane).collect();
    assert_eq!(lanes.len(), 1);
    assert_eq!(line.frames_untraced, 0);
}

#[test]
fn frames_whose_trace_was_overwritten_are_counted() {
    let bench = VirtualLoop::new(VirtualTime::new());
    let collector = bench.collector();
    let recorder = collector.recorder();
    let frames = |count: u64| (0..count).for_each(|_| recorder.frame().finish(Outcome::Idle));
    frames(1_000);
    let snapshot = collector.collect();
    assert_eq!(
        (snapshot.frames_processed, snapshot.frames_untraced),
        (1_000, 744)
    );
    assert_eq!(
        snapshot.frame_idle.count, 1_000,
        "they are timed all the same"
    );
    collector.reset();
    frames(10);
    let snapshot = collector.collect();
    assert_eq!(
        (snapshot.frames_processed, snapshot.frames_untraced),
        (10, 0)
    );
}
