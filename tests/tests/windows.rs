//! The rolling window is exactly the newest samples, whatever the load, the threads and the reducer's pace.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tachograph_hotpath::{Recorder, Stamp, metrics::COREML_INFERENCE};
use tachograph_reducer::{MetricsSnapshot, Reducer, TimerStats};
use tachograph_tests::{Random, assert_same_statistics, manual_registry, oracle};

const WINDOW: usize = 1000;

/// A sample with a known end and length, in nanoseconds.
type Known = (u64, u64);

fn random_samples(count: u64, random: &mut Random) -> Vec<Known> {
    let mut end = 1_000_000_000_000;
    (0..count)
        .map(|_| {
            end += 1 + random.below(1_000_000);
            let magnitude = 1 + random.below(36);
            (end, random.below(1 << magnitude))
        })
        .collect()
}

fn expected(samples: &[Known]) -> TimerStats {
    let newest = &samples[samples.len().saturating_sub(WINDOW)..];
    oracle(&newest.iter().map(|&(_, nanos)| nanos).collect::<Vec<_>>())
}

fn record(recorder: &Recorder, samples: impl IntoIterator<Item = Known>) {
    for (end, nanos) in samples {
        recorder.record_between(
            COREML_INFERENCE,
            Stamp::from_ticks(end - nanos),
            Stamp::from_ticks(end),
        );
    }
}

fn assert_conserved(snapshot: &MetricsSnapshot, recorded: u64) {
    assert_eq!(snapshot.samples_recorded, recorded);
    let accounted =
        snapshot.samples_counted + snapshot.samples_overwritten + snapshot.samples_pending;
    assert_eq!(accounted, recorded, "{snapshot:?}");
}

#[test]
fn every_size_from_none_to_five_thousand() {
    for count in [0, 1, 2, 3, 999, 1000, 1001, 2047, 2048, 2049, 5000] {
        let (registry, _time) = manual_registry(WINDOW);
        let mut reducer = Reducer::new(registry.clone());
        let samples = random_samples(count, &mut Random::new(count + 1));
        record(&registry.recorder(), samples.clone());
        let snapshot = reducer.reduce(registry.clock().now());
        assert_same_statistics(
            &snapshot.coreml_inference,
            &expected(&samples),
            &format!("{count} samples"),
        );
        assert_conserved(&snapshot, count);
        let lifetime = snapshot.lifetime["coreml_inference"];
        let sum: u64 = samples.iter().map(|(_, nanos)| nanos).sum();
        assert_eq!(lifetime.count, count);
        assert!(
            (lifetime.sum_ms - sum as f64 / 1e6).abs() <= sum as f64 * 1e-15,
            "the sum is exact"
        );
    }
}

#[test]
fn it_agrees_with_numpy() {
    let text = include_str!("../data/numpy_percentiles.json");
    let fixture: Value = serde_json::from_str(text).unwrap();
    let cases = fixture["cases"].as_array().unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let (registry, time) = manual_registry(WINDOW);
        let recorder = registry.recorder();
        for nanos in case["nanos"].as_array().unwrap() {
            time.advance(Duration::from_micros(1));
            recorder.record(
                COREML_INFERENCE,
                Duration::from_nanos(nanos.as_u64().unwrap()),
            );
        }
        let numpy: TimerStats = serde_json::from_value(case["expected"].clone()).unwrap();
        let snapshot = Reducer::new(registry.clone()).reduce(registry.clock().now());
        assert_same_statistics(&snapshot.coreml_inference, &numpy, name);
    }
}

#[test]
fn it_does_not_depend_on_when_the_reducer_runs_or_how_lanes_are_used() {
    for seed in 1..=40 {
        let mut random = Random::new(seed);
        let (registry, _time) = manual_registry(WINDOW);
        let mut reducer = Reducer::new(registry.clone());
        let count = random.below(12_000);
        let samples = random_samples(count, &mut random);
        let lanes = 1 + random.below(5);
        let recorders: Vec<_> = (0..lanes).map(|_| registry.recorder()).collect();
        for (recorded, &(end, nanos)) in (1_u64..).zip(&samples) {
            let recorder = &recorders[usize::try_from(random.below(lanes)).unwrap()];
            let (start, end) = (Stamp::from_ticks(end - nanos), Stamp::from_ticks(end));
            recorder.record_between(COREML_INFERENCE, start, end);
            if random.below(1 + seed * 50) == 0 {
                let snapshot = reducer.reduce(registry.clock().now());
                assert_conserved(&snapshot, recorded);
            }
        }
        let snapshot = reducer.reduce(registry.clock().now());
        assert_same_statistics(
            &snapshot.coreml_inference,
            &expected(&samples),
            &format!("seed {seed}"),
        );
        assert_conserved(&snapshot, count);
    }
}

#[test]
fn threads_race_and_the_window_is_still_exact() {
    for (threads, pause) in [
        (2, Duration::ZERO),
        (4, Duration::from_millis(1)),
        (8, Duration::from_millis(40)),
    ] {
        let (registry, _time) = manual_registry(WINDOW);
        let mut reducer = Reducer::new(registry.clone());
        let samples = random_samples(60_000, &mut Random::new(threads as u64));
        let running = AtomicBool::new(true);
        // On a slow machine the writers would be done before the reducer begins.
        let begin = Barrier::new(threads + 1);
        let reductions = thread::scope(|scope| {
            let reductions = scope.spawn(|| {
                let mut reductions = 0;
                begin.wait();
                loop {
                    let stats = reducer.reduce(registry.clock().now()).coreml_inference;
                    assert!(stats.count <= WINDOW as u64);
                    reductions += 1;
                    if !running.load(Relaxed) {
                        return reductions;
                    }
                    thread::sleep(pause);
                }
            });
            // All lanes are taken before anybody records: these ends are made up, so a lane that went from a finished thread to
            // a late one would see time run backwards.
            let recorders: Vec<_> = (0..threads).map(|_| registry.recorder()).collect();
            let writers: Vec<_> = (0..)
                .zip(recorders)
                .map(|(n, recorder)| {
                    let mine = samples.iter().copied().skip(n).step_by(threads);
                    let begin = &begin;
                    scope.spawn(move || {
                        begin.wait();
                        record(&recorder, mine);
                    })
                })
                .collect();
            writers
                .into_iter()
                .for_each(|writer| writer.join().unwrap());
            running.store(false, Relaxed);
            reductions.join().unwrap()
        });
        assert!(reductions > 0);
        let snapshot = reducer.reduce(registry.clock().now());
        assert_same_statistics(
            &snapshot.coreml_inference,
            &expected(&samples),
            &format!("{threads} threads"),
        );
        assert_conserved(&snapshot, 60_000);
    }
}

#[test]
fn a_reader_in_a_tight_loop_changes_nothing_that_is_recorded() {
    let (registry, _time) = manual_registry(WINDOW);
    let mut reducer = Reducer::new(registry.clone());
    let reader = reducer.reader();
    let samples = random_samples(50_000, &mut Random::new(7));
    let running = AtomicBool::new(true);
    let reads = thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let (mut reads, mut last) = (0_u64, 0);
            loop {
                let snapshot = reader.load();
                let stats = snapshot.coreml_inference;
                assert!(stats.min <= stats.p50 && stats.p50 <= stats.p95 && stats.p95 <= stats.max);
                assert!(snapshot.samples_recorded >= last, "snapshots come in order");
                last = snapshot.samples_recorded;
                reads += 1;
                if !running.load(Relaxed) {
                    return reads;
                }
            }
        });
        let writer = scope.spawn(|| record(&registry.recorder(), samples.iter().copied()));
        while !writer.is_finished() {
            reducer.reduce(registry.clock().now());
        }
        running.store(false, Relaxed);
        watcher.join().unwrap()
    });
    assert!(reads > 0);
    let snapshot = reducer.reduce(registry.clock().now());
    assert_same_statistics(&snapshot.coreml_inference, &expected(&samples), "watched");
    assert_conserved(&snapshot, 50_000);
}

#[test]
fn a_reset_is_a_baseline_and_takes_nothing_away_from_later_samples() {
    let (registry, _time) = manual_registry(WINDOW);
    let mut reducer = Reducer::new(registry.clone());
    let samples = random_samples(5_000, &mut Random::new(3));
    let (before, after) = samples.split_at(3_000);
    record(&registry.recorder(), before.iter().copied());
    reducer.reset();
    let empty = reducer.reduce(registry.clock().now());
    assert_eq!(empty.coreml_inference, TimerStats::default());
    assert_eq!(
        (
            empty.samples_recorded,
            empty.lifetime["coreml_inference"].count
        ),
        (0, 0)
    );
    record(&registry.recorder(), after.iter().copied());
    let snapshot = reducer.reduce(registry.clock().now());
    assert_same_statistics(
        &snapshot.coreml_inference,
        &expected(after),
        "after the reset",
    );
    assert_conserved(&snapshot, 2_000);
}
